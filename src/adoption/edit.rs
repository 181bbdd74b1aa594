//! Edits: what a person takes out of a candidate and puts back into it, statement by statement.
//!
//! [`Edits`] name statements by place and hash and hold no text, so that a journal can keep them; the text
//! comes from the two stores. Each memory that is edited is named with what it held and what it will hold:
//! an edit that was cut off in the middle is finished, and none is made twice.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ledger::Located;
use crate::memory::{ContentHash, Memory, MemoryPath};
use crate::snapshot::Snapshot;
use crate::text::edit::{Insertion, edited};
use crate::text::normal::normal;
use crate::text::statement::{Statement, bare_headings, statements};

/// What a person does to a candidate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Edits {
    /// Statements of the candidate that go, by place.
    pub dropped: BTreeSet<StatementRef>,
    /// Statements of the live store that come back, by place.
    pub restored: BTreeMap<StatementRef, Destination>,
}

/// A statement, by place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct StatementRef {
    /// Its memory.
    pub path: MemoryPath,
    /// Its place among the statements of the memory, from 0.
    pub nth: usize,
    /// The hash of its normal form.
    pub hash: ContentHash,
}

/// Where a statement comes back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Destination {
    /// The memory of the candidate.
    pub into: MemoryPath,
    /// The statement whose place it takes there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<StatementRef>,
}

/// One memory that edits change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntryEdit {
    /// Where.
    pub path: MemoryPath,
    /// What the candidate held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<ContentHash>,
    /// What it will hold; nothing where no statement is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<ContentHash>,
}

/// A statement that is to come back and whose words nobody has any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the text of a statement of `{path}` that is to be restored is gone")]
pub struct TextGone {
    /// Where it stood.
    pub path: MemoryPath,
}

impl StatementRef {
    /// Names the statement at a place of a ledger's list, which is in the order of paths and places.
    pub fn at(list: &[Located<'_>], place: usize) -> Option<Self> {
        let statement = list.get(place)?;
        let first = list.partition_point(|other| other.path < statement.path);
        Some(Self { path: statement.path.clone(), nth: place - first, hash: statement.hash })
    }

    /// Finds the statement in a text: where it was, or where it is now.
    fn find(&self, content: &str) -> Option<usize> {
        let all = statements(content);
        let is_it =
            |place: &usize| all.get(*place).is_some_and(|one| ContentHash::of(normal(one.text)) == self.hash);
        Some(self.nth).filter(is_it).or_else(|| (0..all.len()).find(is_it))
    }
}

impl StatementRef {
    /// Returns the line of the heading that this is, if it is one that stands over nothing.
    fn find_heading<'a>(&self, content: &'a str) -> Option<&'a str> {
        let is_it = |one: &Statement<'_>| ContentHash::of(normal(one.text)) == self.hash;
        let heading = bare_headings(content).into_iter().find(is_it)?;
        content.get(heading.span).map(str::trim_end)
    }
}

impl From<StatementRef> for String {
    fn from(statement: StatementRef) -> Self {
        format!("{}#{}@{}", statement.hash, statement.nth, statement.path)
    }
}

impl TryFrom<String> for StatementRef {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let bad = || format!("`{text}` names no statement");
        let (hash, rest) = text.split_once('#').ok_or_else(bad)?;
        let (nth, path) = rest.split_once('@').ok_or_else(bad)?;
        Ok(Self {
            path: MemoryPath::parse(path).map_err(|_| bad())?,
            nth: nth.parse().map_err(|_| bad())?,
            hash: ContentHash::try_from(hash.to_owned())?,
        })
    }
}

impl Edits {
    /// Says whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.dropped.is_empty() && self.restored.is_empty()
    }

    /// Returns the memories of the candidate that change.
    fn paths(&self) -> BTreeSet<&MemoryPath> {
        let into = self.restored.values().map(|destination| &destination.into);
        self.dropped.iter().map(|statement| &statement.path).chain(into).collect()
    }

    /// Works out what each memory becomes.
    ///
    /// # Errors
    ///
    /// Fails if the base holds a statement no longer that is to come back.
    pub fn entries(&self, base: &Snapshot, candidate: &Snapshot) -> Result<Vec<EntryEdit>, TextGone> {
        let mut entries = Vec::new();
        for path in self.paths() {
            let found = candidate.get(path);
            let text = self.at(path, base, found)?;
            let from = found.map(|memory| memory.hash);
            let to = text.map(ContentHash::of);
            if from != to {
                entries.push(EntryEdit { path: path.clone(), from, to });
            }
        }
        Ok(entries)
    }

    /// Makes the edits in a candidate, but for memories that were edited before. One that somebody else
    /// changed meanwhile is edited as it is now.
    ///
    /// # Errors
    ///
    /// As [`Edits::entries`].
    pub fn made_in(
        &self,
        entries: &[EntryEdit],
        base: &Snapshot,
        candidate: &Snapshot,
    ) -> Result<Snapshot, TextGone> {
        let mut edited = candidate.clone();
        for entry in entries {
            let found = candidate.get(&entry.path);
            if found.map(|memory| memory.hash) == entry.to {
                continue;
            }
            match self.at(&entry.path, base, found)? {
                Some(text) => edited.insert(Memory::new(entry.path.clone(), text)),
                None => edited.remove(&entry.path),
            };
        }
        Ok(edited)
    }

    /// Returns what one memory becomes.
    fn at(
        &self,
        path: &MemoryPath,
        base: &Snapshot,
        found: Option<&Memory>,
    ) -> Result<Option<String>, TextGone> {
        let content = found.map_or("", |memory| &*memory.content);
        let dropped = self.dropped.iter().filter(|statement| statement.path == *path);
        let drops: BTreeSet<usize> = dropped.filter_map(|statement| statement.find(content)).collect();
        let mut insertions = Vec::new();
        let mut headings = Vec::new();
        for (statement, destination) in self.restored.iter().filter(|(_, to)| to.into == *path) {
            let gone = || TextGone { path: statement.path.clone() };
            let source = &*base.get(&statement.path).ok_or_else(gone)?.content;
            let Some(nth) = statement.find(source) else {
                headings.push(statement.find_heading(source).ok_or_else(gone)?);
                continue;
            };
            let instead_of = destination.instead_of.as_ref().and_then(|new| new.find(content));
            insertions.push(Insertion { source, nth, instead_of });
        }
        let sole = insertions.first().map(|first| first.source);
        let is_whole = found.is_none()
            && sole.is_some_and(|source| {
                insertions.iter().all(|one| std::ptr::eq(one.source, source))
                    && insertions.len() == statements(source).len()
            });
        Ok(match sole.filter(|_| is_whole) {
            Some(source) => Some(source.to_owned()),
            None => with_headings(edited(content, &drops, &insertions), &headings),
        })
    }
}

/// Puts headings that stood over nothing at the end of a text, where nothing comes to stand below them.
fn with_headings(text: Option<String>, headings: &[&str]) -> Option<String> {
    headings.iter().fold(text, |text, heading| {
        let text = text.unwrap_or_default();
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let parted = if text.is_empty() { "" } else { newline };
        Some(format!("{}{parted}{parted}{heading}{newline}", text.trim_end()))
    })
}
