//! Fates: what a round decides for a statement that gives way.

use crate::dream::ChangeKind;

/// What happens to one statement, which always has an heir.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fate {
    /// The statement that says it from now on.
    pub(super) heir: usize,
    /// What is done to it.
    pub(super) kind: ChangeKind,
    /// The rule that applies, in words that go on with where the heir stands.
    pub(super) because: &'static str,
}

/// Quotes a statement in a clause, cut to what fits there.
pub(super) fn quoted(text: &str) -> String {
    const CHARS: usize = 100;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(CHARS) {
        Some((end, _)) => format!("“{}…”", line[..end].trim_end()),
        None => format!("“{line}”"),
    }
}
