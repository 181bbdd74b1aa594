//! YAML read into a tree in which every key and value knows its bytes.
//!
//! Built over the pull parser's events with an explicit stack, because files come from pull requests:
//! nesting, aliases and size are bounded before anything is copied, and nothing here recurses deeper
//! than [`DEPTH_LIMIT`]. The dialect is YAML 1.2 with the parts left out that hide what a file says
//! (merge keys, foreign tags, duplicate keys, several documents).

mod reader;
mod scalar;

use std::ops::Range;

use serde_json::Value;

use super::route::Step;

pub use reader::{read, read_list_of};

/// The deepest nesting of lists and mappings.
pub const DEPTH_LIMIT: usize = 64;
/// The most values that anchors and aliases may copy, per file.
pub const ALIAS_NODES_LIMIT: usize = 10_000;
/// The most bytes of text that anchors and aliases may copy, per file.
pub const ALIAS_BYTES_LIMIT: usize = 1_000_000;

/// A value and the bytes it stands on.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub value: Content,
    /// Its bytes; for an alias, the bytes of the alias.
    pub span: Range<usize>,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Null, a boolean or a number.
    Scalar(Value),
    /// Text.
    Text(String, Style),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Mapping(Vec<Entry>),
}

/// How text was written, which decides whether its bytes can be found again in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As it is, perhaps over several lines.
    Plain,
    /// In quotes.
    Quoted,
    /// After `|`.
    Literal,
    /// After `>`.
    Folded,
    /// Copied from an anchor.
    Alias,
}

/// One key of a mapping with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its bytes.
    pub key_span: Range<usize>,
    /// The value.
    pub value: Node,
}

impl Node {
    /// Returns the same value as JSON.
    pub fn to_json(&self) -> Value {
        match &self.value {
            Content::Scalar(value) => value.clone(),
            Content::Text(text, _) => Value::String(text.clone()),
            Content::List(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Content::Mapping(entries) => Value::Object(
                entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect(),
            ),
        }
    }

    /// Returns the entry of a key, if this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Content::Mapping(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// Follows a route as far as it goes.
    pub fn find(&self, steps: &[Step<'_>]) -> Found<'_> {
        let mut found = Found { node: self, key_span: None, is_whole: true };
        for step in steps {
            let next = match (step, &found.node.value) {
                (Step::Key(key), _) => found.node.entry(key).map(|e| (&e.value, Some(e.key_span.clone()))),
                (Step::Index(index), Content::List(items)) => items.get(*index).map(|item| (item, None)),
                _ => None,
            };
            let Some((node, key_span)) = next else {
                found.is_whole = false;
                return found;
            };
            found = Found { node, key_span, is_whole: true };
        }
        found
    }
}

/// Where a route led.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    /// The node, or the last one on the way.
    pub node: &'a Node,
    /// The key it stands behind, if it stands behind one.
    pub key_span: Option<Range<usize>>,
    /// Whether the whole route could be followed.
    pub is_whole: bool,
}

impl Found<'_> {
    /// Returns the bytes to point at for the value: its own if it is a scalar on one line, else its key.
    pub fn value_span(&self) -> Range<usize> {
        let is_compact = match &self.node.value {
            Content::Scalar(_) => true,
            Content::Text(_, style) => !matches!(style, Style::Literal | Style::Folded),
            Content::List(_) | Content::Mapping(_) => false,
        };
        match &self.key_span {
            Some(key) if !is_compact || self.node.span.is_empty() => key.clone(),
            _ => self.node.span.clone(),
        }
    }

    /// Returns the bytes to point at for the key, or for the value where there is none.
    pub fn key_span(&self) -> Range<usize> {
        self.key_span.clone().unwrap_or_else(|| self.node.span.clone())
    }
}

#[cfg(test)]
mod tests;
