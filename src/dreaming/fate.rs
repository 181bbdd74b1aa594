//! Fates: what a round decides for a statement that gives way.

use crate::dream::ChangeKind;

/// What happens to one statement, which always has an heir.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fate {
    /// The statement that says it from now on.
    pub(super) heir: usize,
    /// What is done to it.
    pub(super) kind: ChangeKind,
    /// The rule that applies, in a clause.
    pub(super) because: &'static str,
}
