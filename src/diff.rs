//! The difference of two snapshots: entries, and the statements inside them.

/// What changed between two snapshots.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoreDiff {}
