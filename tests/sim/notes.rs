//! What simulated memories hold: a list with one item for each of a few subjects, which people can tell apart.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// The subjects that agents and dreams write about.
pub(crate) const SUBJECTS: [&str; 4] = ["build", "canary", "deploy", "oncall"];

/// The items of one memory, by their subjects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Notes(pub(crate) BTreeMap<String, String>);

impl Notes {
    /// Makes a memory of one item.
    pub(crate) fn one(subject: &str, says: impl Into<String>) -> Self {
        Self(BTreeMap::from([(subject.to_owned(), says.into())]))
    }

    /// Reads a memory. What is no item of a list is nobody's here.
    pub(crate) fn read(content: &str) -> Self {
        let item = |line: &str| {
            let (subject, says) = line.strip_prefix("- ")?.split_once(": ")?;
            Some((subject.to_owned(), says.to_owned()))
        };
        Self(content.lines().filter_map(item).collect())
    }

    /// Writes it.
    pub(crate) fn content(&self) -> Arc<str> {
        let mut content = String::new();
        for (subject, says) in &self.0 {
            let _ = writeln!(content, "- {subject}: {says}");
        }
        content.into()
    }

    /// Says whether an item says this, or what a dream made of it.
    pub(crate) fn tells(&self, says: &str) -> bool {
        self.0.values().any(|item| item.starts_with(says))
    }
}
