//! The shape of a file against its schema, with every error moved to the place a person must change.
//!
//! Whatever does not fit is taken out of the document afterwards, so that the checks behind this one
//! can still say what is wrong with the rest.

use std::borrow::Cow;

use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::checker::Checker;
use super::codes::Code;
use super::problem::{PROBLEMS_LIMIT, Problem};
use super::route::{ROOT, Route, Step, write_steps};
use super::schema::{Document, Shape};
use super::suggest::{nearest, one_of};
use super::yaml::{Content, Node};

/// How often decoding may stumble over a value that the schema let through, before it gives up.
const DECODE_ATTEMPTS: usize = 32;

/// Tells everything that does not fit the schema, and returns what does.
///
/// `None` means that nothing could be decoded; a problem says why.
pub fn decode<T: DeserializeOwned>(document: Document, tree: &Node, checker: &mut Checker<'_>) -> Option<T> {
    let mut json = tree.to_json();
    let validator = &document.published().validator;
    if !validator.is_valid(&json) {
        let misfits: Vec<Misfit> = validator
            .iter_errors(&json)
            .take(PROBLEMS_LIMIT + 1)
            .map(|error| Misfit {
                steps: steps_of(error.instance_path().as_str(), tree),
                kind: kind_of(error.kind()),
            })
            .collect();
        let unknown = misfits.iter().map(|misfit| misfit.kind.unknown()).max().unwrap_or(0);
        for misfit in &misfits {
            misfit.tell(document, checker, &mut json);
        }
        // A file this wrong is not worth a closer look.
        if misfits.len().max(unknown) > PROBLEMS_LIMIT {
            checker.tell(Problem::of_file(Code::MoreProblems, checker.file().path(), "and more like these"));
            return None;
        }
    }
    for _ in 0..DECODE_ATTEMPTS {
        let error = match serde_path_to_error::deserialize::<_, T>(&json) {
            Ok(authored) => return Some(authored),
            Err(error) => error,
        };
        let steps: Vec<OwnedStep> = error.path().iter().filter_map(OwnedStep::of_segment).collect();
        let problem = at(checker, Code::OutOfRange, &steps, true, "this value cannot be used here");
        checker.tell_unless_told(problem.note(error.inner().to_string()));
        if steps.is_empty() {
            return None;
        }
        prune(&mut json, &steps);
    }
    None
}

/// One step of a route that outlives the document.
#[derive(Debug, Clone, PartialEq, Eq)]
enum OwnedStep {
    Key(String),
    Index(usize),
}

impl OwnedStep {
    fn of_segment(segment: &serde_path_to_error::Segment) -> Option<Self> {
        match segment {
            serde_path_to_error::Segment::Seq { index } => Some(Self::Index(*index)),
            serde_path_to_error::Segment::Map { key } => Some(Self::Key(key.clone())),
            _ => None,
        }
    }

    fn borrow(&self) -> Step<'_> {
        match self {
            Self::Key(key) => Step::Key(key),
            Self::Index(index) => Step::Index(*index),
        }
    }
}

fn borrowed(steps: &[OwnedStep]) -> Vec<Step<'_>> {
    steps.iter().map(OwnedStep::borrow).collect()
}

/// Reads a JSON pointer, with the tree to tell keys from indices.
fn steps_of(pointer: &str, tree: &Node) -> Vec<OwnedStep> {
    let mut node = Some(tree);
    let mut steps = Vec::new();
    for part in pointer.split('/').skip(1) {
        let key = part.replace("~1", "/").replace("~0", "~");
        match (node.map(|node| &node.value), key.parse()) {
            (Some(Content::List(items)), Ok(index)) => {
                node = items.get(index);
                steps.push(OwnedStep::Index(index));
            }
            _ => {
                node = node.and_then(|node| node.entry(&key)).map(|entry| &entry.value);
                steps.push(OwnedStep::Key(key));
            }
        }
    }
    steps
}

/// Takes a value out of its mapping; a list with a bad item goes as a whole, so that indices hold.
fn prune(json: &mut Value, steps: &[OwnedStep]) {
    let Some(last_key) = steps.iter().rposition(|step| matches!(step, OwnedStep::Key(_))) else { return };
    let mut at = json;
    for step in &steps[..last_key] {
        let next = match step {
            OwnedStep::Key(key) => at.get_mut(key.as_str()),
            OwnedStep::Index(index) => at.get_mut(*index),
        };
        let Some(next) = next else { return };
        at = next;
    }
    if let (Value::Object(object), OwnedStep::Key(key)) = (at, &steps[last_key]) {
        // The order of what is left decides nothing from here on.
        object.swap_remove(key);
    }
}

fn at(
    checker: &Checker<'_>,
    code: Code,
    steps: &[OwnedStep],
    is_value: bool,
    label: impl Into<String>,
) -> Problem {
    let steps = borrowed(steps);
    let found = checker.find(&steps);
    let span = if is_value { found.value_span() } else { found.key_span() };
    Problem { route: write_steps(&steps), ..checker.at_span(code, span, label) }
}

/// What of a schema error is looked at here.
enum Kind {
    Unknown(Vec<String>),
    Missing(String),
    Type(Vec<&'static str>),
    Word,
    Range(String),
}

impl Kind {
    /// Returns how many unknown keys this is about.
    fn unknown(&self) -> usize {
        match self {
            Self::Unknown(names) => names.len(),
            _ => 0,
        }
    }
}

fn kind_of(kind: &ValidationErrorKind) -> Kind {
    use ValidationErrorKind as Error;
    match kind {
        Error::AdditionalProperties { unexpected } => Kind::Unknown(unexpected.clone()),
        Error::Required { property } => Kind::Missing(property.as_str().unwrap_or_default().to_owned()),
        Error::Type { kind: TypeKind::Single(kind) } => Kind::Type(vec![word_of(kind.as_str())]),
        Error::Type { kind: TypeKind::Multiple(kinds) } => {
            Kind::Type(kinds.iter().map(|kind| word_of(kind.as_str())).collect())
        }
        Error::Enum { .. } | Error::Constant { .. } => Kind::Word,
        Error::Minimum { limit } | Error::ExclusiveMinimum { limit } => {
            Kind::Range(format!("this must be at least {limit}"))
        }
        Error::Maximum { limit } | Error::ExclusiveMaximum { limit } => {
            Kind::Range(format!("this must be at most {limit}"))
        }
        Error::MinLength { .. } => Kind::Range("this text is empty".to_owned()),
        Error::MinItems { .. } => Kind::Range("this list is empty".to_owned()),
        _ => Kind::Range("this value does not fit here".to_owned()),
    }
}

/// Names a JSON type as people who write YAML do.
fn word_of(kind: &str) -> &'static str {
    match kind {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "`true` or `false`",
        "array" => "a list",
        "object" => "a mapping",
        _ => "nothing",
    }
}

fn describe(node: &Node) -> &'static str {
    match &node.value {
        Content::Scalar(Value::Bool(_)) => "a boolean",
        Content::Scalar(_) => "a number",
        Content::Text(..) => "text",
        Content::List(_) => "a list",
        Content::Mapping(_) => "a mapping",
    }
}

/// A schema error with its route.
struct Misfit {
    steps: Vec<OwnedStep>,
    kind: Kind,
}

impl Misfit {
    fn tell(&self, document: Document, checker: &mut Checker<'_>, json: &mut Value) {
        match &self.kind {
            Kind::Unknown(names) => {
                for name in names.iter().take(PROBLEMS_LIMIT + 1) {
                    let mut steps = self.steps.clone();
                    steps.push(OwnedStep::Key(name.clone()));
                    let problem = self.unknown_key(document, checker, name, &steps);
                    checker.tell(problem);
                    prune(json, &steps);
                }
            }
            Kind::Missing(property) => {
                let problem = self.missing_key(checker, property);
                checker.tell(problem);
            }
            Kind::Type(expected) => {
                let problem = self.wrong_type(document, checker, expected);
                checker.tell(problem);
                prune(json, &self.steps);
            }
            Kind::Word => {
                if let Some(problem) = self.unknown_word(document, checker) {
                    checker.tell(problem);
                }
                prune(json, &self.steps);
            }
            Kind::Range(label) => {
                let problem = at(checker, Code::OutOfRange, &self.steps, true, label.as_str());
                checker.tell_unless_told(problem);
            }
        }
    }

    fn shape(&self, document: Document) -> Option<Shape<'static>> {
        self.steps.iter().try_fold(Shape::of(document), |shape, step| match step {
            OwnedStep::Key(key) => shape.key(key),
            OwnedStep::Index(_) => shape.items(),
        })
    }

    fn parent(&self) -> Cow<'static, str> {
        match self.steps.as_slice() {
            [] => "the top level".into(),
            steps => format!("`{}`", write_steps(&borrowed(steps))).into(),
        }
    }

    fn unknown_key(
        &self,
        document: Document,
        checker: &Checker<'_>,
        name: &str,
        steps: &[OwnedStep],
    ) -> Problem {
        let known: Vec<&str> = self.shape(document).map(|shape| shape.keys().collect()).unwrap_or_default();
        let is_gate = document == Document::Pipeline && self.steps == [OwnedStep::Key("gates".to_owned())];
        let (code, label) = if is_gate {
            (Code::UnknownGate, "no gate has this name".to_owned())
        } else {
            (Code::UnknownKey, format!("{} has no such key", self.parent()))
        };
        let problem = at(checker, code, steps, false, label);
        if let Some(near) = nearest(name, known.iter().copied()) {
            return problem.help(format!("did you mean `{near}`?"));
        }
        match elsewhere(document, name) {
            Some(route) => problem.help(format!("`{name}` belongs under `{route}`")),
            None => problem.help(format!("known here: {}", one_of(known).replace(" or ", ", "))),
        }
    }

    fn missing_key(&self, checker: &Checker<'_>, property: &str) -> Problem {
        let label = format!("{} needs the key `{property}`", self.parent());
        let found = checker.find(&borrowed(&self.steps));
        let span = match (&found.key_span, &found.node.value) {
            (Some(key), _) => key.clone(),
            (None, Content::Mapping(entries)) if !entries.is_empty() => entries[0].key_span.clone(),
            _ => found.node.span.clone(),
        };
        let problem = checker.at_span(Code::MissingKey, span, label);
        let help = match property {
            "dreamrun" => "begin the file with `dreamrun: 1`".to_owned(),
            _ => format!("add `{property}:`"),
        };
        Problem { route: write_steps(&borrowed(&self.steps)), ..problem.help(help) }
    }

    fn wrong_type(&self, document: Document, checker: &Checker<'_>, expected: &[&str]) -> Problem {
        let found = checker.find(&borrowed(&self.steps));
        let expected_words = expected.join(" or ");
        let raw = match &found.node.value {
            Content::Scalar(Value::Null) => {
                let problem =
                    at(checker, Code::EmptyValue, &self.steps, true, format!("expected {expected_words}"));
                return problem.help("give it a value, or remove the key");
            }
            Content::Text(text, _) => text.as_str(),
            _ => "",
        };
        if expected == ["`true` or `false`"]
            && let Some(word) = yaml_1_1_boolean(raw)
        {
            let label = "a plain word in YAML 1.2".to_owned();
            return at(checker, Code::Yaml11Boolean, &self.steps, true, label)
                .help(format!("write `{word}`"));
        }
        let label = format!("expected {expected_words}, found {}", describe(found.node));
        let problem = at(checker, Code::WrongType, &self.steps, true, label);
        let is_text_expected = expected == ["text"];
        let words = self.shape(document).map(Shape::words).unwrap_or_default();
        match &found.node.value {
            _ if !words.is_empty() => problem.help(format!("write {}", one_of(words))),
            Content::Scalar(_) if is_text_expected => {
                let written = checker.file().slice(&found.node.span);
                problem.help(format!("quote it: `\"{written}\"`"))
            }
            Content::Text(text, _)
                if expected.iter().any(|e| e.contains("number")) && text.parse::<f64>().is_ok() =>
            {
                problem.help(format!("remove the quotes: `{text}`"))
            }
            Content::Text(text, _) if expected == ["a list"] && text.len() < 60 => {
                problem.help(format!("write `[{text}]`"))
            }
            _ => problem,
        }
    }

    /// Returns nothing for a value that is no text at all; its type is told already.
    fn unknown_word(&self, document: Document, checker: &Checker<'_>) -> Option<Problem> {
        let words = self.shape(document).map(Shape::words).unwrap_or_default();
        let found = checker.find(&borrowed(&self.steps));
        let Content::Text(text, _) = &found.node.value else { return None };
        let label = format!("expected {}", one_of(words.iter().copied()));
        let problem = at(checker, Code::UnknownWord, &self.steps, true, label);
        Some(match nearest(text, words) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None if yaml_1_1_boolean(text).is_some() => problem.note(
                "`yes`, `no`, `on` and `off` are plain words in YAML 1.2, and none of those this key takes",
            ),
            None => problem,
        })
    }
}

/// Returns what YAML 1.1 would have read a word as.
fn yaml_1_1_boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "y" => Some(true),
        "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

/// Returns where a key would be at home, for keys that are often put in the wrong place.
fn elsewhere(document: Document, key: &str) -> Option<&'static str> {
    match document {
        Document::Pipeline => {}
        Document::Project => {
            return matches!(key, "bootstrap" | "keep_previous" | "forget").then_some("stores.NAME");
        }
        Document::Probes | Document::Forget | Document::Decisions => return None,
        Document::Test => {
            return matches!(key, "decision" | "gates" | "fates" | "findings").then_some("cases[…].expect");
        }
    }
    let home = match key {
        "store" | "sessions" => "input",
        "agent" | "deployment" | "ids" | "files" | "from" | "since" | "order" | "take" | "min" => {
            "input.sessions"
        }
        "size" | "chain" => "batch",
        "max_usd" => "budget",
        "min_interval" => "schedule",
        "mode" | "target" | "drift" | "directory" | "deployments" => "adopt",
        "lost" | "contradictions" | "entries_removed" | "entries_added" | "bytes" | "size_reduction"
        | "unchanged" | "protected" | "policy" | "limits" | "secrets" | "convergence" | "cost" | "assert" => {
            "gates"
        }
        _ => return None,
    };
    Some(home)
}

/// Says whether the file sets a key, for checks that must not mistake a misfit for an absence.
pub fn is_set(checker: &Checker<'_>, parent: &Route<'_>, key: &str) -> bool {
    checker.has(&parent.key(key))
}

/// Checks the format version, which the schema bounds and this names.
pub fn check_version(checker: &mut Checker<'_>, version: Option<u64>) {
    if let Some(version) = version.filter(|version| *version != 1) {
        let label = format!("this version of dreamrun reads format 1, not {version}");
        let problem = checker.at(Code::FormatVersion, &ROOT.key("dreamrun"), label);
        checker.tell(problem.help("write `dreamrun: 1`, or use a newer dreamrun"));
    }
}
