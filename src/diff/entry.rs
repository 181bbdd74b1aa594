//! What became of one entry, down to its statements and lines.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use similar::TextDiff;

use crate::memory::{Memory, MemoryPath};
use crate::text::statement::{Statement, statements};

/// One entry that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryDiff {
    /// Only the second snapshot holds it.
    Added(Memory),
    /// Only the first snapshot holds it.
    Removed(Memory),
    /// It has other content.
    Edited {
        /// As it was.
        before: Memory,
        /// As it is.
        after: Memory,
    },
    /// It stands at another path; its content may differ too.
    Moved {
        /// As it was.
        before: Memory,
        /// As it is.
        after: Memory,
    },
}

/// How an entry changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It has other content.
    Edited,
    /// It stands at another path.
    Moved,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Edited => "edited",
            Self::Moved => "moved",
        })
    }
}

/// The statements that one entry lost and gained.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatementDiff<'a> {
    /// Those that are gone, in the order they stood in.
    pub removed: Vec<Statement<'a>>,
    /// Those that came, in the order they stand in.
    pub added: Vec<Statement<'a>>,
    /// Those with the same text under other headings or another list item: as it was, as it is.
    pub rehomed: Vec<(Statement<'a>, Statement<'a>)>,
}

impl EntryDiff {
    /// Returns how the entry changed.
    pub fn change(&self) -> Change {
        match self {
            Self::Added(_) => Change::Added,
            Self::Removed(_) => Change::Removed,
            Self::Edited { .. } => Change::Edited,
            Self::Moved { .. } => Change::Moved,
        }
    }

    /// Returns the entry as it was.
    pub fn before(&self) -> Option<&Memory> {
        match self {
            Self::Added(_) => None,
            Self::Removed(before) | Self::Edited { before, .. } | Self::Moved { before, .. } => Some(before),
        }
    }

    /// Returns the entry as it is.
    pub fn after(&self) -> Option<&Memory> {
        match self {
            Self::Removed(_) => None,
            Self::Added(after) | Self::Edited { after, .. } | Self::Moved { after, .. } => Some(after),
        }
    }

    /// Returns where the entry stands, or stood if it is gone.
    pub fn path(&self) -> &MemoryPath {
        match self {
            Self::Added(memory) | Self::Removed(memory) => &memory.path,
            Self::Edited { after, .. } | Self::Moved { after, .. } => &after.path,
        }
    }

    /// Returns where a moved entry stood.
    pub fn moved_from(&self) -> Option<&MemoryPath> {
        match self {
            Self::Moved { before, .. } => Some(&before.path),
            _ => None,
        }
    }

    /// Says whether the content is another: true for all but a plain move.
    pub fn has_other_content(&self) -> bool {
        self.before().map(|memory| memory.hash) != self.after().map(|memory| memory.hash)
    }

    /// Compares the statements on both sides, counting repeats.
    ///
    /// The text is the memory's own: redact it before it is shown.
    pub fn statements(&self) -> StatementDiff<'_> {
        if !self.has_other_content() {
            return StatementDiff::default();
        }
        let mut old: Vec<_> = self.before().map(read).unwrap_or_default();
        let mut new: Vec<_> = self.after().map(read).unwrap_or_default();
        take_pairs(&mut old, &mut new, |s| (s.text, s.headings.clone(), s.parents.clone()));
        let rehomed = take_pairs(&mut old, &mut new, |s| s.text);
        StatementDiff {
            removed: old.into_iter().flatten().collect(),
            added: new.into_iter().flatten().collect(),
            rehomed,
        }
    }

    /// Writes the change as a unified diff with `context` lines around each hunk; empty for a plain move.
    ///
    /// Both texts go through `show` as a whole before they are compared, which is the place to redact:
    /// a private key that spans lines could not be recognised in hunks.
    pub fn unified(&self, context: usize, show: impl Fn(&str) -> Cow<'_, str>) -> String {
        if !self.has_other_content() {
            return String::new();
        }
        let old = self.before().map(|memory| show(&memory.content)).unwrap_or_default();
        let new = self.after().map(|memory| show(&memory.content)).unwrap_or_default();
        let name =
            |memory: Option<&Memory>| memory.map_or("/dev/null", |memory| memory.path.as_str()).to_owned();
        let (from, to) = (name(self.before()), name(self.after()));
        if old == new {
            return format!("--- {from}\n+++ {to}\n\\ only text that is not shown differs\n");
        }
        TextDiff::from_lines(&*old, &*new)
            .unified_diff()
            .context_radius(context)
            .header(&from, &to)
            .to_string()
    }
}

fn read(memory: &Memory) -> Vec<Option<Statement<'_>>> {
    statements(&memory.content).into_iter().map(Some).collect()
}

/// Takes statements with the same key out of both sides, in order, and returns them.
fn take_pairs<'a, K: Ord>(
    old: &mut [Option<Statement<'a>>],
    new: &mut [Option<Statement<'a>>],
    key: impl Fn(&Statement<'a>) -> K,
) -> Vec<(Statement<'a>, Statement<'a>)> {
    let mut waiting: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for (place, statement) in old.iter().enumerate().rev() {
        if let Some(statement) = statement {
            waiting.entry(key(statement)).or_default().push(place);
        }
    }
    let mut pairs = Vec::new();
    for slot in new {
        let Some(statement) = slot else { continue };
        let Some(place) = waiting.get_mut(&key(statement)).and_then(Vec::pop) else { continue };
        pairs.extend(old[place].take().zip(slot.take()));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(before: &str, after: &str) -> EntryDiff {
        let memory = |text: &str| Memory::new(MemoryPath::parse("/a.md").unwrap(), text);
        EntryDiff::Edited { before: memory(before), after: memory(after) }
    }

    fn texts<'a>(statements: &[Statement<'a>]) -> Vec<&'a str> {
        statements.iter().map(|s| s.text).collect()
    }

    #[test]
    fn statements_are_matched_wherever_they_stand_in_the_entry() {
        let diff = edited("- one\n- two\n- two\n- three\n", "- three\n- two\n- four\n");
        let statements = diff.statements();
        assert_eq!(texts(&statements.removed), ["one", "two"]);
        assert_eq!(texts(&statements.added), ["four"]);
        assert!(statements.rehomed.is_empty());
    }

    #[test]
    fn the_same_words_under_another_heading_are_told_apart() {
        let diff = edited("# Staging\n\n- port 8080\n", "# Production\n\n- port 8080\n");
        let statements = diff.statements();
        assert!(statements.removed.is_empty() && statements.added.is_empty());
        let homes: Vec<_> =
            statements.rehomed.iter().map(|(a, b)| (&a.headings[..], &b.headings[..])).collect();
        assert_eq!(homes, [(&["Staging"][..], &["Production"][..])]);
    }

    #[test]
    fn a_unified_diff_names_both_sides() {
        let diff = edited("- one\n- two\n", "- one\n- 2\n");
        insta::assert_snapshot!(diff.unified(1, |text| Cow::Borrowed(text)), @r"
        --- /a.md
        +++ /a.md
        @@ -1,2 +1,2 @@
         - one
        -- two
        +- 2
        ");
        let memory = Memory::new(MemoryPath::parse("/b.md").unwrap(), "new\n");
        insta::assert_snapshot!(EntryDiff::Added(memory).unified(3, |text| Cow::Borrowed(text)), @r"
        --- /dev/null
        +++ /b.md
        @@ -0,0 +1 @@
        +new
        ");
    }

    #[test]
    fn text_that_is_not_shown_never_reaches_the_diff() {
        let diff = edited("key: s3cret-1\n", "key: s3cret-2\n");
        let shown = diff.unified(3, |_| Cow::Borrowed("key: [redacted]\n"));
        assert!(shown.ends_with("only text that is not shown differs\n"), "{shown}");
    }
}
