//! Gates: rules a candidate must pass.
//!
//! One gate per file. [`judge`] is the one place that knows them all.

pub mod verdict;

use crate::diff::StoreDiff;
use crate::snapshot::Snapshot;

/// What gates are shown.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The live store as it was when the run began, or as it is now after a rebase.
    pub before: &'a Snapshot,
    /// The candidate.
    pub after: &'a Snapshot,
    /// Their difference.
    pub diff: &'a StoreDiff,
}
