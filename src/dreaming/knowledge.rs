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
}
