//! The published schemas and the types agree.

use std::path::Path;

use dreamrun::spec::schema::{Document, PIPELINE_SCHEMA, PROJECT_SCHEMA};

/// Compares a schema file with what the types say; `UPDATE_SCHEMAS=1` rewrites the file.
fn assert_is_current(file: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(file);
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, generated).unwrap();
        return;
    }
    let published = std::fs::read_to_string(&path).unwrap();
    assert!(published == generated, "schemas/{file} is not what the types say: run with UPDATE_SCHEMAS=1");
}

#[test]
fn the_pipeline_schema_is_what_the_types_say() {
    assert_is_current("pipeline.schema.json", &Document::Pipeline.generate());
}

#[test]
fn the_project_schema_is_what_the_types_say() {
    assert_is_current("project.schema.json", &Document::Project.generate());
}

#[test]
fn the_schemas_are_valid_draft_07_and_refuse_unknown_keys_everywhere() {
    for text in [PIPELINE_SCHEMA, PROJECT_SCHEMA] {
        let schema: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
        assert!(jsonschema::draft7::meta::is_valid(&schema));
        assert_closed(&schema, "#");
    }
}

fn assert_closed(schema: &serde_json::Value, at: &str) {
    let Some(object) = schema.as_object() else { return };
    if object.contains_key("properties") {
        assert_eq!(object.get("additionalProperties"), Some(&false.into()), "{at}");
    }
    for (key, below) in object {
        match below {
            serde_json::Value::Array(items) => items.iter().for_each(|item| assert_closed(item, at)),
            below => assert_closed(below, &format!("{at}/{key}")),
        }
    }
}

#[test]
fn the_plan_schema_is_what_the_types_say() {
    let generated = dreamrun::spec::schema::schema_of_output::<dreamrun::report::plan_view::PlanDocument>(
        "What `dreamrun plan --json` prints",
    );
    assert_is_current("plan.schema.json", &generated);
}
