//! `schema`: the published schemas, as data.

use std::path::Path;

use crate::support::Project;

#[test]
fn each_schema_is_the_one_in_the_repository() {
    for which in ["pipeline", "project", "test", "plan", "saved-plan"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/{which}.schema.json"));
        let output = Project::empty().run(&["schema", which]).ends_with(0);
        assert_eq!(output.stdout, std::fs::read_to_string(file).unwrap());
        assert_eq!(output.stderr, "");
    }
}

#[test]
fn with_json_it_is_inside_a_document() {
    let document = Project::empty().run(&["schema", "project", "--json"]).ends_with(0).json();
    assert_eq!(document["kind"], "schema");
    assert!(document["data"]["properties"]["stores"].is_object(), "{document:#}");
}

#[test]
fn an_unknown_schema_is_refused() {
    insta::assert_snapshot!(Project::empty().run(&["schema", "run"]), @r"
    -- stderr
    error: invalid value 'run' for '[WHICH]'
      [possible values: pipeline, project, probes, forget, test, decisions, plan, saved-plan]

    For more information, try '--help'.
    -- exit 2
    ");
}
