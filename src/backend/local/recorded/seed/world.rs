//! The file a world is read from: its resources with their places, so that whatever is wrong with one is
//! shown where it stands.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::backend::local::error::Failure;
use crate::backend::local::mint;
use crate::backend::wire::Object;
use crate::spec::codes::Code;
use crate::spec::problem::Problem;
use crate::spec::route::{Step, write_steps};
use crate::spec::source::SourceFile;
use crate::spec::suggest::{nearest, one_of};
use crate::spec::yaml::{self, Content, Found, Node};

/// The longest id.
const ID_LIMIT: usize = 64;

/// A world of resources for a server to begin with, read from YAML or JSON and not yet checked against the
/// rules of the API.
#[derive(Debug, Clone)]
pub struct World {
    file: SourceFile,
    tree: Node,
}

/// One step of a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum At {
    Key(String),
    Index(usize),
}

/// Where something stands in the file.
pub(super) type Place = Vec<At>;

/// Why a resource was not taken in.
pub(super) enum Trouble {
    /// The file is wrong.
    Problem(Box<Problem>),
    /// The database failed.
    Failed(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl World {
    /// The keys of its top level, one for each kind of resource.
    const KINDS: [&str; 5] = ["agents", "environments", "stores", "deployments", "sessions"];

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Returns what keeps it from being one mapping of lists of resources.
    pub fn read(file: SourceFile) -> Result<Self, Vec<Problem>> {
        let read = yaml::read(&file).map_err(|mut problems| {
            for problem in problems.iter_mut().filter(|problem| problem.code == Code::EmptyFile) {
                problem.help = vec![format!("name {}", one_of(Self::KINDS))];
            }
            problems
        });
        let world = Self { tree: read?, file };
        let Content::Mapping(entries) = &world.tree.value else { return Ok(world) };
        let mut problems = Vec::new();
        for entry in entries {
            let place = vec![At::Key(entry.key.clone())];
            match (entry.key.as_str(), &entry.value.value) {
                ("dreamrun", Content::Scalar(version)) if version.as_u64() == Some(1) => {}
                ("dreamrun", _) => {
                    let label = "this version of dreamrun reads format 1";
                    problems.push(*world.problem(Code::FormatVersion, &place, label));
                }
                (kind, Content::List(_) | Content::Scalar(Value::Null)) if Self::KINDS.contains(&kind) => {}
                (kind, _) if Self::KINDS.contains(&kind) => {
                    problems.push(*world.problem(Code::WrongType, &place, "expected a list"));
                }
                (name, _) => problems.push(*world.unknown_key(&place, name, &Self::KINDS)),
            }
        }
        if problems.is_empty() { Ok(world) } else { Err(problems) }
    }

    /// Returns the file.
    pub fn file(&self) -> &SourceFile {
        &self.file
    }

    /// Returns the resources of a kind, oldest first, with what all kinds have taken out.
    pub(super) fn items(&self, kind: &str, prefix: &str, now: Timestamp) -> Result<Vec<Item<'_>>, Trouble> {
        let Some(entry) = self.tree.entry(kind) else { return Ok(Vec::new()) };
        let Content::List(nodes) = &entry.value.value else { return Ok(Vec::new()) };
        let mut items = Vec::with_capacity(nodes.len());
        let mut alike: BTreeMap<String, u64> = BTreeMap::new();
        for (index, node) in nodes.iter().enumerate() {
            let at = vec![At::Key(kind.to_owned()), At::Index(index)];
            let mut parts = Parts::of(self, at, node.to_json())?;
            // Without an id of its own, a resource is known by what it says, so that it is made once only.
            let text = Value::Object(parts.fields.clone()).to_string();
            let number = alike.entry(text.clone()).or_default();
            *number += 1;
            let id = match parts.id(prefix)? {
                Some(id) => id,
                None => mint::derived(prefix, &format!("{kind} {number} {text}")),
            };
            let created_at = parts.time("created_at")?.unwrap_or(now);
            let updated_at = parts.time_from("updated_at", created_at)?;
            let archived_at = parts.time_from("archived_at", updated_at.unwrap_or(created_at))?;
            items.push(Item { parts, id, created_at, updated_at, archived_at });
        }
        items.sort_by_key(|item| item.created_at);
        Ok(items)
    }

    /// Makes a problem at a place, or as near to it as there is something.
    fn problem(&self, code: Code, place: &Place, label: impl Into<String>) -> Box<Problem> {
        self.problem_on(code, place, label, |found| match &found.node.value {
            Content::Mapping(entries) if found.key_span.is_none() && !entries.is_empty() => {
                entries[0].key_span.clone()
            }
            _ => found.value_span(),
        })
    }

    fn problem_on(
        &self,
        code: Code,
        place: &Place,
        label: impl Into<String>,
        span: impl Fn(&Found<'_>) -> std::ops::Range<usize>,
    ) -> Box<Problem> {
        let steps = steps_of(place);
        let problem = Problem::new(code, &self.file, span(&self.tree.find(&steps)), label);
        Box::new(Problem { route: write_steps(&steps), ..problem })
    }

    fn unknown_key(&self, place: &Place, name: &str, known: &[&str]) -> Box<Problem> {
        let problem =
            self.problem_on(Code::UnknownKey, place, "there is no such key here", |found| found.key_span());
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", one_of(known.iter().copied()).replace(" or ", ", ")),
        };
        Box::new(problem.help(help))
    }
}

fn steps_of(place: &Place) -> Vec<Step<'_>> {
    let steps = place.iter().map(|at| match at {
        At::Key(key) => Step::Key(key.as_str()),
        At::Index(index) => Step::Index(*index),
    });
    steps.collect()
}

/// A resource of any kind.
pub(super) struct Item<'a> {
    pub(super) parts: Parts<'a>,
    pub(super) id: String,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Option<Timestamp>,
    pub(super) archived_at: Option<Timestamp>,
}

/// A mapping of the file whose keys are taken one by one.
pub(super) struct Parts<'a> {
    world: &'a World,
    pub(super) at: Place,
    fields: Object,
    /// The keys that were asked for so far.
    known: Vec<&'static str>,
}

impl<'a> Parts<'a> {
    pub(super) fn of(world: &'a World, at: Place, value: Value) -> Result<Self, Trouble> {
        match value {
            Value::Object(fields) => Ok(Self { world, at, fields, known: Vec::new() }),
            _ => Err(Trouble::Problem(world.problem(Code::WrongType, &at, "expected a mapping"))),
        }
    }

    /// Returns the place of a key.
    pub(super) fn place(&self, steps: impl IntoIterator<Item = At>) -> Place {
        self.at.iter().cloned().chain(steps).collect()
    }

    /// Takes a key out; one that is null counts as left out.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.fields.shift_remove(name).filter(|value| !value.is_null())
    }

    /// Takes a text out.
    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<String>, Trouble> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong_type(name, "expected text")),
        }
    }

    /// Takes a list out.
    pub(super) fn list(&mut self, name: &'static str) -> Result<Option<Vec<Value>>, Trouble> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(_) => Err(self.wrong_type(name, "expected a list")),
        }
    }

    /// Takes an id out, which begins as the API's ids of its kind do.
    pub(super) fn id(&mut self, prefix: &str) -> Result<Option<String>, Trouble> {
        let Some(id) = self.text("id")? else { return Ok(None) };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let rest = id.strip_prefix(prefix).unwrap_or_default();
        if rest.is_empty() || id.len() > ID_LIMIT || !rest.chars().all(is_plain) {
            let label = format!(
                "must be `{prefix}` and letters, digits, `_` or `-` after it, {ID_LIMIT} characters at most"
            );
            return Err(self.broken("id", label));
        }
        Ok(Some(id))
    }

    /// Takes a time out, as exact as times are kept.
    pub(super) fn time(&mut self, name: &'static str) -> Result<Option<Timestamp>, Trouble> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let time = text.parse::<Timestamp>().ok();
        let kept = time.and_then(|time| Timestamp::from_microsecond(time.as_microsecond()).ok());
        kept.map(Some).ok_or_else(|| self.broken(name, "must be an RFC 3339 time, as `2026-11-20T09:00:00Z`"))
    }

    fn time_from(&mut self, name: &'static str, least: Timestamp) -> Result<Option<Timestamp>, Trouble> {
        let time = self.time(name)?;
        match time.filter(|time| *time < least) {
            Some(_) => Err(self.broken(name, format!("must not be before {least}"))),
            None => Ok(time),
        }
    }

    /// Reads all that is left as strictly as the body of a request.
    pub(super) fn rest<T: DeserializeOwned>(&mut self) -> Result<T, Trouble> {
        let value = Value::Object(std::mem::take(&mut self.fields));
        serde_path_to_error::deserialize(value).map_err(|error| {
            let steps = error.path().iter().filter_map(|segment| match segment {
                serde_path_to_error::Segment::Seq { index } => Some(At::Index(*index)),
                serde_path_to_error::Segment::Map { key } => Some(At::Key(key.clone())),
                _ => None,
            });
            let mut place = self.place(steps);
            let message = error.inner().to_string();
            Trouble::Problem(match message.split('`').nth(1) {
                Some(name) if message.starts_with("unknown field ") => {
                    let key = At::Key(name.to_owned());
                    if place.last() != Some(&key) {
                        place.push(key);
                    }
                    // The keys that were taken out are known on the resource itself.
                    let own = if place.len() == self.at.len() + 1 { &self.known[..] } else { &[] };
                    let known: Vec<&str> =
                        own.iter().copied().chain(message.split('`').skip(3).step_by(2)).collect();
                    self.world.unknown_key(&place, name, &known)
                }
                Some(name) if message.starts_with("missing field ") => {
                    let label = format!("this needs the key `{name}`");
                    let problem = self.world.problem(Code::MissingKey, &place, label);
                    Box::new(problem.help(format!("add `{name}:`")))
                }
                _ => self.world.problem(Code::WrongType, &place, message),
            })
        })
    }

    /// Refuses keys that nobody has asked for.
    pub(super) fn nothing_left(&self) -> Result<(), Trouble> {
        match self.fields.keys().next() {
            Some(name) => {
                let place = self.place([At::Key(name.clone())]);
                Err(Trouble::Problem(self.world.unknown_key(&place, name, &self.known)))
            }
            None => Ok(()),
        }
    }

    fn wrong_type(&self, name: &str, label: &str) -> Trouble {
        let place = self.place([At::Key(name.to_owned())]);
        Trouble::Problem(self.world.problem(Code::WrongType, &place, label))
    }

    /// Says that the value of a key breaks a rule.
    pub(super) fn broken(&self, name: &str, label: impl Into<String>) -> Trouble {
        self.broken_at(&self.place([At::Key(name.to_owned())]), label)
    }

    /// Says that a value breaks a rule.
    pub(super) fn broken_at(&self, place: &Place, label: impl Into<String>) -> Trouble {
        Trouble::Problem(self.world.problem(Code::SeedRule, place, label))
    }

    /// Turns the API's refusal of the resource into a problem of the file: at the field it begins with, or
    /// else at the text it quotes.
    pub(super) fn refused(&self, failure: Failure) -> Trouble {
        let message = match failure {
            Failure::Refused { message, .. } => message,
            taken @ Failure::PathTaken { .. } => taken.to_string(),
            other => return Trouble::Failed(other),
        };
        if let Some((route, rule)) = message.split_once(": ") {
            let mut place = self.place(places_in(route));
            let length = place.len();
            while place.len() > self.at.len() {
                if self.world.tree.find(&steps_of(&place)).is_whole {
                    let is_there = place.len() == length;
                    return self.broken_at(&place, if is_there { rule } else { &message });
                }
                place.pop();
            }
        }
        let node = self.world.tree.find(&steps_of(&self.at)).node;
        let quoted = message.split('`').nth(1).and_then(|word| place_of(node, word));
        let place = self.place(quoted.unwrap_or_default());
        self.broken_at(&place, message)
    }
}

/// Reads a route as messages write it: `tools[0].name`.
fn places_in(route: &str) -> Place {
    let parts = route.split('.').flat_map(|part| part.split('[')).map(|part| part.trim_end_matches(']'));
    parts
        .map(|part| match part.parse() {
            Ok(index) => At::Index(index),
            Err(_) => At::Key(part.to_owned()),
        })
        .collect()
}

/// Returns where a text stands as a value, below a node.
fn place_of(node: &Node, text: &str) -> Option<Place> {
    let below = |step: At, node: &Node| {
        let mut place = vec![step];
        place.extend(place_of(node, text)?);
        Some(place)
    };
    match &node.value {
        Content::Text(value, _) if value == text => Some(Vec::new()),
        Content::Text(..) | Content::Scalar(_) => None,
        Content::List(items) => {
            items.iter().enumerate().find_map(|(index, item)| below(At::Index(index), item))
        }
        Content::Mapping(entries) => {
            entries.iter().find_map(|entry| below(At::Key(entry.key.clone()), &entry.value))
        }
    }
}
