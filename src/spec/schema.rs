//! JSON Schemas: made from the types, written to `schemas/` for editors, embedded here and compiled
//! once, and asked first about the shape of every file.
//!
//! The draft is 07, which is what editors read.

use std::sync::LazyLock;

use jsonschema::Validator;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

use super::authored::{
    AuthoredDecisions, AuthoredForgetFile, AuthoredPipeline, AuthoredProbeFile, AuthoredProject,
    AuthoredTests,
};

/// The schema of pipeline files, as published.
pub const PIPELINE_SCHEMA: &str = include_str!("../../schemas/pipeline.schema.json");
/// The schema of `dreamrun.yaml`, as published.
pub const PROJECT_SCHEMA: &str = include_str!("../../schemas/project.schema.json");
/// The schema of probe files, as published.
pub const PROBES_SCHEMA: &str = include_str!("../../schemas/probes.schema.json");
/// The schema of forget lists, as published.
pub const FORGET_SCHEMA: &str = include_str!("../../schemas/forget.schema.json");
/// The schema of fixture files, as published.
pub const TEST_SCHEMA: &str = include_str!("../../schemas/test.schema.json");

/// The schema of files of decisions, as published.
pub const DECISIONS_SCHEMA: &str = include_str!("../../schemas/decisions.schema.json");

/// Which file a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// `pipelines/*.yaml`.
    Pipeline,
    /// `dreamrun.yaml`.
    Project,
    /// What `gates.probes.file` names.
    Probes,
    /// What `stores.NAME.forget` names.
    Forget,
    /// `pipelines/*.test.yaml`.
    Test,
    /// What `diff --decisions` names.
    Decisions,
}

/// A published schema with its compiled form.
pub(super) struct Published {
    /// The schema, for looking up what a place allows.
    pub(super) schema: Value,
    /// Its compiled form.
    pub(super) validator: Validator,
}

impl Document {
    /// Returns the schema, compiled at first use.
    pub(super) fn published(self) -> &'static Published {
        static PIPELINE: LazyLock<Published> = LazyLock::new(|| compile(PIPELINE_SCHEMA));
        static PROJECT: LazyLock<Published> = LazyLock::new(|| compile(PROJECT_SCHEMA));
        static PROBES: LazyLock<Published> = LazyLock::new(|| compile(PROBES_SCHEMA));
        static FORGET: LazyLock<Published> = LazyLock::new(|| compile(FORGET_SCHEMA));
        static TEST: LazyLock<Published> = LazyLock::new(|| compile(TEST_SCHEMA));
        static DECISIONS: LazyLock<Published> = LazyLock::new(|| compile(DECISIONS_SCHEMA));
        match self {
            Self::Pipeline => &PIPELINE,
            Self::Project => &PROJECT,
            Self::Probes => &PROBES,
            Self::Forget => &FORGET,
            Self::Test => &TEST,
            Self::Decisions => &DECISIONS,
        }
    }

    /// Returns the text the published schema must have: what the types say today.
    pub fn generate(self) -> String {
        match self {
            Self::Pipeline => schema_of::<AuthoredPipeline>("dreamrun pipeline"),
            Self::Project => schema_of::<AuthoredProject>("dreamrun project"),
            Self::Probes => schema_of::<AuthoredProbeFile>("dreamrun probes"),
            Self::Forget => schema_of::<AuthoredForgetFile>("dreamrun forget list"),
            Self::Test => schema_of::<AuthoredTests>("dreamrun tests"),
            Self::Decisions => schema_of::<AuthoredDecisions>("dreamrun decisions"),
        }
    }
}

/// Compiles an embedded schema. One that does not compile allows nothing, and the tests say so.
fn compile(text: &str) -> Published {
    let schema: Value = serde_json::from_str(text).unwrap_or(Value::Bool(false));
    let build = |schema: &Value| jsonschema::draft7::options().build(schema);
    let validator = match build(&schema) {
        Ok(validator) => validator,
        Err(_) => unreachable!("the embedded schemas compile, as tests/schema.rs checks"),
    };
    Published { schema, validator }
}

/// Returns the draft-07 schema of a type, as the text of a file.
///
/// Optional fields lose the `null` that serde would accept, enums of words become a plain `enum`, and
/// doc comments become one-line descriptions.
pub fn schema_of<T: JsonSchema>(title: &str) -> String {
    schema_with::<T>(title, SchemaSettings::draft07())
}

/// Like [`schema_of`], for documents that dreamrun writes: optional fields that are always written
/// stay required, and `null` stays allowed.
pub fn schema_of_output<T: JsonSchema>(title: &str) -> String {
    let mut settings = SchemaSettings::draft07().for_serialize();
    settings.transforms.push(Box::new(RecursiveTransform(join_words as fn(&mut Schema))));
    settings.transforms.push(Box::new(RecursiveTransform(unwrap_lines as fn(&mut Schema))));
    write_schema(settings.into_generator().into_root_schema_for::<T>(), title)
}

fn schema_with<T: JsonSchema>(title: &str, mut settings: SchemaSettings) -> String {
    for transform in [drop_null, drop_formats, join_words, unwrap_lines] {
        settings.transforms.push(Box::new(RecursiveTransform(transform as fn(&mut Schema))));
    }
    write_schema(settings.into_generator().into_root_schema_for::<T>(), title)
}

fn write_schema(mut schema: Schema, title: &str) -> String {
    schema.insert("title".to_owned(), Value::String(title.to_owned()));
    // What a reader wants to know first stands first.
    let mut ordered = Map::new();
    for key in ["$schema", "title", "description"] {
        ordered.extend(schema.remove(key).map(|value| (key.to_owned(), value)));
    }
    ordered.extend(schema.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
    let mut text = serde_json::to_string_pretty(&ordered).unwrap_or_default();
    text.push('\n');
    text
}

/// Takes `null` out: an empty key is a mistake and not a default.
fn drop_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|t| t != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
        branches.retain(|branch| branch.get("type").is_none_or(|t| t != "null"));
        if let [only] = branches.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            if object.is_empty() {
                *object = only.as_object().cloned().unwrap_or_default();
            } else {
                // Beside a `$ref`, draft-07 ignores everything else.
                object.insert("allOf".to_owned(), Value::Array(vec![only]));
            }
        }
    }
}

/// Takes out `format: uint32` and the like, which no editor knows.
fn drop_formats(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    let is_number = object
        .get("format")
        .and_then(Value::as_str)
        .is_some_and(|f| f.starts_with("uint") || f.starts_with("int") || matches!(f, "double" | "float"));
    if is_number {
        object.remove("format");
    }
}

/// Turns `oneOf` constants into one `enum`, with what each word means in the description.
fn join_words(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    let Some(Value::Array(branches)) = object.get("oneOf") else { return };
    let word = |branch: &Map<String, Value>| {
        let word = branch.get("const").or_else(|| match branch.get("enum")?.as_array()?.as_slice() {
            [only] => Some(only),
            _ => None,
        })?;
        let meaning = branch.get("description").and_then(Value::as_str).unwrap_or_default();
        Some((word.as_str()?.to_owned(), meaning.replace('\n', " ")))
    };
    let words: Option<Vec<(String, String)>> =
        branches.iter().map(|branch| branch.as_object().and_then(word)).collect();
    let Some(words) = words else { return };
    let mut description = object.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    for (word, meaning) in &words {
        description.push_str(&format!("\n- `{word}`: {meaning}"));
    }
    object.remove("oneOf");
    object.insert("type".to_owned(), "string".into());
    object.insert("description".to_owned(), description.trim_start().into());
    object.insert("enum".to_owned(), words.into_iter().map(|(word, _)| Value::String(word)).collect());
}

/// Joins the lines that a doc comment was wrapped into; list items keep theirs.
fn unwrap_lines(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::String(text)) = object.get_mut("description") {
        let joined = text.lines().fold(String::new(), |mut joined, line| {
            if !joined.is_empty() {
                let is_break = line.is_empty() || line.starts_with("- ") || joined.ends_with('\n');
                joined.push(if is_break { '\n' } else { ' ' });
            }
            joined + line
        });
        *text = joined;
    }
}

/// A schema node, for looking things up in a published schema.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    root: &'a Value,
    node: &'a Value,
}

impl<'a> Shape<'a> {
    /// Returns the shape of the whole document.
    pub(super) fn of(document: Document) -> Shape<'static> {
        let root = &document.published().schema;
        Shape { root, node: root }
    }

    /// Follows `$ref` and single-branch `allOf` to where the keywords are.
    fn resolve(self) -> Self {
        let mut node = self.node;
        loop {
            let target = match (node.get("$ref"), node.get("allOf").and_then(Value::as_array)) {
                (Some(Value::String(to)), _) => to.strip_prefix('#').and_then(|to| self.root.pointer(to)),
                (None, Some(branches)) => branches.first(),
                _ => None,
            };
            match target {
                Some(target) => node = target,
                None => return Self { root: self.root, node },
            }
        }
    }

    /// Returns the shape behind a key.
    pub(super) fn key(self, key: &str) -> Option<Self> {
        let node = self.resolve().node;
        let properties = node.get("properties").and_then(|p| p.get(key));
        let node = properties.or_else(|| node.get("additionalProperties").filter(|a| a.is_object()))?;
        Some(Self { root: self.root, node })
    }

    /// Returns the shape of a list's items.
    pub(super) fn items(self) -> Option<Self> {
        Some(Self { root: self.root, node: self.resolve().node.get("items")? })
    }

    /// Returns the keys a mapping knows, without those this version cannot carry out.
    pub(super) fn keys(self) -> impl Iterator<Item = &'a str> {
        let properties = self.resolve().node.get("properties").and_then(Value::as_object);
        properties
            .into_iter()
            .flatten()
            .filter(|(_, shape)| shape.get("doNotSuggest").is_none())
            .map(|(key, _)| key.as_str())
    }

    /// Returns the words of an `enum`.
    pub(super) fn words(self) -> Vec<&'a str> {
        let node = self.resolve().node;
        let list = node.get("enum").or_else(|| node.pointer("/then/enum")).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}
