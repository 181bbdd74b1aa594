//! Losses that add up: what the runs of an alias lost, one by one too little to notice.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::RunId;

/// What one adopted run lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunLosses {
    /// The run.
    pub run: RunId,
    /// When it was adopted.
    pub at: Timestamp,
    /// Statements lost, without those that were restored since.
    pub lost: u64,
    /// Statements the store had before it.
    pub of: u64,
    /// The run whose adoption was in force before it; none where it was the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onto: Option<RunId>,
    /// Whether the adoption was taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_undone: bool,
}

/// What the runs adopted within a time before `now` lost together, and what the store had before the first
/// of them.
pub fn within(losses: &[RunLosses], span: SignedDuration, now: Timestamp) -> (u64, u64) {
    let since = now.checked_sub(span).unwrap_or(Timestamp::MIN);
    let mut counted = losses.iter().filter(|run| run.at >= since && !run.is_undone).peekable();
    let of = counted.peek().map_or(0, |first| first.of);
    (counted.map(|run| run.lost).sum(), of)
}
