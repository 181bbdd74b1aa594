//! Saved plans that were used up: which run carries out, or carried out, each pipeline's part of one.
//!
//! The object is created only if absent, before the run begins, and never changed. Of two processes or
//! machines with the same plan file one creates it, and both then know the run; one that died before the run
//! began has left its name for the next. Upkeep may delete it with its run.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{PipelineName, PlanId, RunId};

use super::format::{self, Format};
use super::{Key, PutIf, StateError, StateStore};

/// The format of [`UsedPlan`]. 1: the first.
pub const USED_PLAN_FORMAT: u32 = 1;

/// One pipeline's part of a saved plan, used up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsedPlan {
    /// [`USED_PLAN_FORMAT`] when written.
    pub format: u32,
    /// The run that it is, or was to be, carried out by.
    pub run: RunId,
    /// Since when.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: String,
}

/// Reads what became of a pipeline's part of a saved plan; nothing if it was never used.
///
/// # Errors
///
/// Fails when state cannot be read, is damaged, or was written by a newer version.
pub async fn read(
    state: &dyn StateStore,
    plan: &PlanId,
    pipeline: &PipelineName,
) -> Result<Option<UsedPlan>, StateError> {
    let key = Key::plan(plan, pipeline);
    let Some(found) = state.get(&key).await? else { return Ok(None) };
    format::read(&key, &found.bytes, Format::major(USED_PLAN_FORMAT)).map(Some)
}

/// Uses a pipeline's part of a saved plan up.
///
/// # Errors
///
/// [`StateError::Conflict`] when it was used up before.
pub async fn use_up(
    state: &dyn StateStore,
    plan: &PlanId,
    pipeline: &PipelineName,
    used: &UsedPlan,
) -> Result<(), StateError> {
    let key = Key::plan(plan, pipeline);
    let bytes = format::bytes(&key, used)?;
    state.put(&key, &bytes, PutIf::Absent).await.map(|_| ())
}
