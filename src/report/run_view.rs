//! A run as programs read it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::adoption::{Conflict, Merged};
use crate::dream::{ChangeKind, DreamStatus, Usage};
use crate::gate::verdict::Verdict;
use crate::ids::{DeploymentId, DreamId, MemoryStoreId, PipelineName, PlanId, RunId, SessionId};
use crate::journal::run_state::{CopyRecord, EditRecord, Phase, RunState, Size};
use crate::memory::MemoryPath;
use crate::spec::pipeline::Target;

use super::plan_view::{RangeView, dollars, store_name};

/// Where a run stands, or how it ended. Made from its journal alone, and free of times, so that a
/// run which was killed and continued reports the same as one that was not.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RunView {
    /// The run.
    pub run: RunId,
    /// The pipeline.
    pub pipeline: PipelineName,
    /// The saved plan it was begun from, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanId>,
    /// Its phase: `adopted`, `awaiting_review`, `blocked`, …
    pub phase: &'static str,
    /// Whether the run is over.
    pub is_over: bool,
    /// Why it stands there, in a clause; empty where the phase says it all.
    pub because: String,
    /// The store, as the pipeline names it.
    pub store: String,
    /// The live store when the run began.
    pub live: Option<MemoryStoreId>,
    /// The candidate; live itself once adopted, unless it was copied into the live store.
    pub candidate: Option<MemoryStoreId>,
    /// The live store's size when the run began.
    pub before: Option<SizeView>,
    /// The candidate's size.
    pub after: Option<SizeView>,
    /// The model or mind that dreamt.
    pub model: String,
    /// How many dreams were planned.
    pub dreams_planned: usize,
    /// The dreams asked for.
    pub dreams: Vec<DreamRunView>,
    /// What they did, counted by kind.
    pub changes: BTreeMap<ChangeKind, u64>,
    /// What the gates said.
    pub verdicts: Vec<Verdict>,
    /// Who approved, if anybody had to.
    pub approved_by: Option<String>,
    /// Their reason.
    pub approval_reason: Option<String>,
    /// The gates they overrode.
    pub overrides: Vec<String>,
    /// Who rejected it.
    pub rejected_by: Option<String>,
    /// Live writes that were carried over into the candidate.
    pub carried: Vec<MemoryPath>,
    /// Those that the dream changed too, in other statements: both changes are in the candidate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<Merged>,
    /// Memories that both the live store and the dream changed; the candidate holds the live version.
    pub conflicts: Vec<Conflict>,
    /// Memories that were changed in the old store too late and in the new one already; the new store
    /// holds its own version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub late_conflicts: Vec<Conflict>,
    /// What people changed in the candidate, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<EditView>,
    /// Files of a directory target that were left as they are, because a person changed them.
    pub kept_files: Vec<String>,
    /// What the copy into the live store came to, for `target: copy_back`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopyView>,
    /// The deployments of `target: deployment`, once their alias has moved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deployments: Vec<DeploymentView>,
    /// The session that was created with the candidate attached, for `target: session`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Tokens used.
    pub usage: Usage,
    /// What was expected to be spent, in US dollars.
    pub estimate_usd: Option<RangeView>,
    /// What was spent at most, in US dollars.
    pub cost_usd: f64,
}

/// How much a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SizeView {
    /// Memories.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl From<Size> for SizeView {
    fn from(size: Size) -> Self {
        Self { entries: size.entries, bytes: size.bytes }
    }
}

/// What a person changed in the candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct EditView {
    /// Who.
    pub by: String,
    /// How many statements they took out.
    pub dropped: u64,
    /// How many they put back.
    pub restored: u64,
    /// The memories that changed by it.
    pub paths: Vec<MemoryPath>,
}

impl From<&EditRecord> for EditView {
    fn from(record: &EditRecord) -> Self {
        let EditRecord { by, dropped, restored, paths } = record.clone();
        Self { by, dropped, restored, paths }
    }
}

/// What a copy into the live store came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CopyView {
    /// Whether it has ended; nothing else is known before.
    pub is_done: bool,
    /// The memories that were written or taken away.
    pub written: Vec<MemoryPath>,
    /// The memories that agents changed meanwhile; the live store holds their version.
    pub conflicts: Vec<Conflict>,
    /// The memories that stay although the candidate lacks them, because one that may hold their text is in
    /// conflict or missing.
    pub kept: Vec<MemoryPath>,
    /// The memories of the candidate whose text was gone before it could be written.
    pub missing: Vec<MemoryPath>,
}

impl From<&CopyRecord> for CopyView {
    fn from(copy: &CopyRecord) -> Self {
        let end = copy.end.clone().unwrap_or_default();
        Self {
            is_done: copy.end.is_some(),
            written: end.written,
            conflicts: end.conflicts,
            kept: end.kept,
            missing: end.missing,
        }
    }
}

/// A deployment that adoption patches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DeploymentView {
    /// Its id.
    pub deployment: DeploymentId,
    /// Whether it names the new store.
    pub is_patched: bool,
}

/// One dream of a run.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DreamRunView {
    /// The batch, from 1.
    pub batch: u32,
    /// Which try.
    pub attempt: u32,
    /// Its id; null while its request is in doubt.
    pub dream: Option<DreamId>,
    /// Its final status; null while it is at work.
    pub status: Option<DreamStatus>,
    /// The sessions it read.
    pub sessions: u64,
    /// The store it wrote.
    pub output: Option<MemoryStoreId>,
    /// Tokens it used.
    pub usage: Usage,
    /// What it cost at most, in US dollars; null if the price is not known.
    pub cost_usd: Option<f64>,
}

impl RunView {
    /// Returns how many of the planned dreams are over and how many sessions they read. Of a dream that was tried
    /// again the last try counts.
    pub fn progress(&self) -> (usize, u64) {
        let last: BTreeMap<u32, &DreamRunView> =
            self.dreams.iter().map(|dream| (dream.batch, dream)).collect();
        let done = last.values().filter(|dream| dream.status.is_some()).count();
        (done, last.values().map(|dream| dream.sessions).sum())
    }

    /// Makes the view of a run.
    pub fn of(run: &RunId, state: &RunState) -> Self {
        let plan = &state.plan;
        let (rejected_by, _) = state.rejection.clone().unzip();
        Self {
            run: run.clone(),
            pipeline: plan.pipeline.clone(),
            plan: plan.saved.clone(),
            phase: state.phase.name(),
            is_over: state.phase.is_final(),
            because: because(state),
            store: store_name(&plan.store.reference),
            live: state.base.as_ref().map(|base| base.store.clone()),
            candidate: state.candidate.as_ref().map(|candidate| candidate.store.clone()),
            before: state.before.map(SizeView::from),
            after: state.candidate.as_ref().map(|candidate| candidate.size.into()),
            model: plan.model.clone(),
            dreams_planned: plan.batches.len(),
            dreams: state
                .dreams
                .iter()
                .map(|record| DreamRunView {
                    batch: record.batch,
                    attempt: record.attempt,
                    dream: record.dream.clone(),
                    status: record.status,
                    sessions: plan
                        .batches
                        .get(record.batch as usize - 1)
                        .map_or(0, |batch| batch.sessions.len() as u64),
                    output: record.output.clone(),
                    usage: record.usage,
                    cost_usd: record.cost.map(dollars),
                })
                .collect(),
            changes: state.changes(),
            verdicts: state.judgment.as_ref().map(|j| j.verdicts.clone()).unwrap_or_default(),
            approved_by: state.approval.as_ref().map(|approval| approval.by.clone()),
            approval_reason: state.approval.as_ref().and_then(|approval| approval.reason.clone()),
            overrides: state
                .approval
                .as_ref()
                .map(|a| a.given.overrides.iter().cloned().collect())
                .unwrap_or_default(),
            rejected_by,
            carried: state.carried.clone(),
            merged: state.merged.clone(),
            conflicts: state.conflicts.clone(),
            late_conflicts: state.late_conflicts.clone(),
            edits: state.edits.iter().map(EditView::from).collect(),
            kept_files: state.kept_files.clone(),
            copy: state.copy.as_ref().map(CopyView::from),
            deployments: deployments(state),
            session: state.session.as_ref().and_then(|asked| asked.session.clone()),
            usage: state.usage(),
            estimate_usd: plan.estimate.map(RangeView::from),
            cost_usd: dollars(state.spent()),
        }
    }
}

fn deployments(state: &RunState) -> Vec<DeploymentView> {
    let Target::Deployment(ids) = &state.plan.adopt.target else { return Vec::new() };
    if !state.has_alias_moved {
        return Vec::new();
    }
    let view = |deployment: &DeploymentId| DeploymentView {
        deployment: deployment.clone(),
        is_patched: state.patched.contains(deployment),
    };
    ids.iter().map(view).collect()
}

fn because(state: &RunState) -> String {
    match &state.phase {
        Phase::AwaitingReview(reasons) | Phase::Blocked(reasons) => {
            reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        }
        Phase::Failed(reason) => reason.to_string(),
        Phase::Editing { .. } => "edits are being made in the candidate".to_owned(),
        Phase::DreamFailed { batch, attempt, error } => {
            format!("try {attempt} at dream {batch} failed: {} ({})", error.message, error.kind)
        }
        Phase::OverBudget { batch, spent, next } => {
            format!("{spent} spent, dream {batch} may cost {next} more")
        }
        Phase::Dreaming { batch, dream } => format!("dream {batch} is {dream}"),
        Phase::Requested { batch } => format!("dream {batch} was asked for and has not been confirmed"),
        Phase::Adopting { .. } if state.is_copying() => {
            "the candidate is being written into the live store".to_owned()
        }
        Phase::Adopting { .. } if state.is_session_in_doubt() => {
            "a session was asked for and has not been confirmed".to_owned()
        }
        Phase::Adopting { .. } if state.has_alias_moved => match &state.plan.adopt.target {
            Target::Deployment(ids) => {
                format!("{} of {} deployments patched", state.patched.len(), ids.len())
            }
            _ => "the alias has moved".to_owned(),
        },
        _ => String::new(),
    }
}
