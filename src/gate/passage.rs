//! Passages: every piece of a store's text, statements and what stands beside them. Headings and table heads
//! state nothing by themselves, yet what must not be in a store must not be in them either.

use crate::ledger::Located;
use crate::memory::{ContentHash, Memory, MemoryPath};
use crate::snapshot::Snapshot;

/// A piece of text and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passage<'a> {
    /// Its memory.
    pub(super) path: &'a MemoryPath,
    /// Its line, from 1.
    pub(super) line: usize,
    /// The text.
    pub(super) text: &'a str,
    /// The statement it is, with its place in the ledger; none for a line beside them.
    pub(super) statement: Option<(usize, &'a Located<'a>)>,
}

impl Passage<'_> {
    /// Returns the hash of a statement.
    pub(super) fn hash(&self) -> Option<ContentHash> {
        self.statement.map(|(_, located)| located.hash)
    }
}

/// Returns every passage of a store, by path and line. `located` are its statements.
pub(super) fn passages<'a>(store: &'a Snapshot, located: &'a [Located<'a>]) -> Vec<Passage<'a>> {
    let mut out = Vec::with_capacity(located.len());
    let mut at = 0;
    for memory in store.iter() {
        let count = located[at..].iter().take_while(|statement| *statement.path == memory.path).count();
        let own = &located[at..at + count];
        let before = out.len();
        out.extend(own.iter().enumerate().map(|(i, statement)| Passage {
            path: statement.path,
            line: statement.statement.line,
            text: statement.statement.text,
            statement: Some((at + i, statement)),
        }));
        beside(memory, own, &mut out);
        out[before..].sort_by_key(|passage| passage.line);
        at += count;
    }
    out
}

/// Adds the lines of a memory that no statement covers.
fn beside<'a>(memory: &'a Memory, own: &[Located<'a>], out: &mut Vec<Passage<'a>>) {
    let mut spans = own.iter().map(|located| &located.statement.span).peekable();
    let mut start = 0;
    for (i, line) in memory.content.split_inclusive('\n').enumerate() {
        let end = start + line.len();
        while spans.peek().is_some_and(|span| span.end <= start) {
            spans.next();
        }
        let is_covered = spans.peek().is_some_and(|span| span.start < end);
        let text = line.trim();
        if !is_covered && text.contains(|c: char| !c.is_ascii_punctuation()) {
            out.push(Passage { path: &memory.path, line: i + 1, text, statement: None });
        }
        start = end;
    }
}
