//! Knowledge: what a dream has read and compared, kept from round to round.

use std::collections::BTreeSet;

use crate::memory::MemoryPath;

use super::contradictions::Likeness;
use super::duplicates::Fuller;
use super::phrase::{Memo, Vocabulary};

/// What needs no second look; empty at the start of each dream.
#[derive(Debug, Default)]
pub(super) struct Knowledge {
    pub(super) vocabulary: Vocabulary,
    /// Whether two wordings could be one subject with two values.
    pub(super) likeness: Memo<Likeness>,
    /// Whether two wordings say the same.
    pub(super) same: Memo<Option<Fuller>>,
    /// Memories in which something now stands that is newer than their clock says.
    pub(super) renewed: BTreeSet<MemoryPath>,
    /// What stands in for nothing, though it seemed to. It outlasts a dream that begins again.
    pub(super) refused: BTreeSet<Heirship>,
}

/// That a statement of a memory gave way to something in another, or in the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Heirship {
    pub(super) path: MemoryPath,
    pub(super) statement: String,
    pub(super) heir: MemoryPath,
}
