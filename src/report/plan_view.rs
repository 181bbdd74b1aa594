//! A plan as programs read it; `schemas/plan.schema.json` is made from these types.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::ids::{MemoryStoreId, PipelineName, PlanId, RunId, SessionId};
use crate::plan::Plan;
use crate::plan::report::{LeftOutReason, NotDue};
use crate::price::{Usd, UsdRange};
use crate::spec::pipeline::{Adopt, GateSpec, Pipeline, StoreRef};

/// The document that `plan --json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "PlanDocument")]
pub struct PlanDocument {
    /// The format, `major.minor`; fields may be added under the same major number.
    pub format_version: String,
    /// Always `plan`.
    pub kind: String,
    /// Whether the command ended well.
    pub ok: bool,
    /// `due`, `nothing_due`, `nothing_changed` or `error`.
    pub outcome: String,
    /// The exit code.
    pub exit_code: u8,
    /// Problems in the project's files.
    pub diagnostics: Vec<serde_json::Value>,
    /// The plans; null after an error.
    pub data: Option<Plans>,
    /// What went wrong, if anything did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<serde_json::Value>,
}

/// The `data` of a plan document.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Plans {
    /// One plan per pipeline, ordered by name; with `--changed` those of pipelines that changed.
    pub plans: Vec<PlanView>,
    /// What changed since a revision, with `--changed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<ChangedView>,
    /// The saved plan that was written, with `--out`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<SavedView>,
}

/// What changed since a revision of the project's Git repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ChangedView {
    /// The revision, as it was named.
    pub since: String,
    /// The commit that was compared with: the last one that `HEAD` and the revision have in common.
    pub commit: String,
    /// The pipelines that mean something else, ordered by name.
    pub pipelines: Vec<PipelineChanges>,
    /// The pipelines that mean the same.
    pub unchanged: Vec<PipelineName>,
    /// The pipelines that are gone.
    pub removed: Vec<PipelineName>,
}

impl ChangedView {
    /// Says whether every pipeline means the same, and none is gone.
    pub fn is_empty(&self) -> bool {
        self.pipelines.is_empty() && self.removed.is_empty()
    }
}

/// In what one pipeline changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PipelineChanges {
    /// The pipeline.
    pub pipeline: PipelineName,
    /// Whether there was none of this name.
    pub is_new: bool,
    /// The parts that changed, as `model: offline → claude-sonnet-4-6`. Text is told by its hash.
    pub changes: Vec<String>,
}

/// A saved plan that was written.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SavedView {
    /// Its id.
    pub plan: PlanId,
    /// The file, as it was named.
    pub file: String,
}

/// What one pipeline would do now.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PlanView {
    /// The pipeline.
    pub pipeline: PipelineName,
    /// Its file, relative to the project.
    pub file: String,
    /// What it is for.
    pub description: String,
    /// The run that would carry the plan out.
    pub run: RunId,
    /// Whether anything would be done.
    pub is_due: bool,
    /// Why not.
    pub not_due: Option<NotDueView>,
    /// The store to consolidate.
    pub store: StoreView,
    /// The model or mind that dreams.
    pub model: String,
    /// Set if the backend lists models, and not this one: the names nearest to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_not_listed: Option<Vec<String>>,
    /// The dreams, in order.
    pub dreams: Vec<DreamView>,
    /// What they may cost together, in US dollars; null if the price is not known.
    pub estimate_usd: Option<RangeView>,
    /// How that was estimated.
    pub estimate_basis: String,
    /// The most the run may cost, in US dollars.
    pub budget_usd: Option<f64>,
    /// The gates in force.
    pub gates: Vec<GateSpec>,
    /// What happens to a good candidate.
    pub adopt: Adopt,
    /// Sessions that could be read now.
    pub sessions_waiting: u32,
    /// Sessions that stay out, by reason.
    pub left_out: Vec<LeftOutView>,
    /// Files that hold no session.
    pub unreadable: Vec<UnreadableView>,
    /// Globs over transcripts that no file matches.
    pub unmatched: Vec<String>,
    /// Lines of the chosen transcripts that could not be read.
    pub skipped_lines: u64,
    /// The run this plan is compared with.
    pub last_run: Option<RunId>,
    /// What changed in the definition since then.
    pub changed_since_last_run: Vec<String>,
}

/// Why nothing would be done.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct NotDueView {
    /// The reason.
    pub reason: NotDue,
    /// The same in words.
    pub message: String,
}

/// The store of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StoreView {
    /// As the pipeline names it.
    pub name: String,
    /// The live store; null while it is a folder that `apply` will import.
    pub id: Option<MemoryStoreId>,
    /// Memories it holds.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How often the alias moved so far.
    pub generation: u64,
}

/// One dream of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DreamView {
    /// Its place in the chain, from 1.
    pub index: u32,
    /// What it reads: the live store, or the output of the dream before.
    pub input: DreamInput,
    /// The sessions it reads, oldest first.
    pub sessions: Vec<SessionId>,
    /// Its instructions, rendered.
    pub instructions: Option<String>,
    /// Tokens of its sessions and of the store, estimated.
    pub tokens: u64,
    /// What it may cost, in US dollars.
    pub estimate_usd: Option<RangeView>,
}

/// What a dream reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DreamInput {
    /// The live store.
    LiveStore,
    /// The output of the dream before.
    PreviousDream,
}

/// A range of dollars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct RangeView {
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
}

/// Sessions that stay out for one reason.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LeftOutView {
    /// The reason.
    pub reason: LeftOutReason,
    /// The same in words.
    pub message: String,
    /// The sessions.
    pub sessions: Vec<SessionId>,
}

/// A file that holds no session.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct UnreadableView {
    /// The file, relative to the project.
    pub file: String,
    /// Why.
    pub reason: String,
}

impl From<UsdRange> for RangeView {
    fn from(range: UsdRange) -> Self {
        Self { low: dollars(range.low), high: dollars(range.high) }
    }
}

impl fmt::Display for RangeView {
    /// Writes it as the plan does: `$0.0005–$0.0014`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&UsdRange::new(usd(self.low), usd(self.high)), f)
    }
}

/// Returns the amount that a number of dollars stands for.
pub fn usd(dollars: f64) -> Usd {
    Usd::from_micros((dollars * 1e6).round() as u64)
}

/// Returns an amount as a number of dollars, for JSON.
pub fn dollars(amount: Usd) -> f64 {
    amount.micros() as f64 / 1e6
}

/// Returns a store as its pipeline names it.
pub fn store_name(reference: &StoreRef) -> String {
    match reference {
        StoreRef::Alias(alias) => alias.to_string(),
        StoreRef::Raw(id) => id.to_string(),
    }
}

impl PlanView {
    /// Makes the view of a plan.
    pub fn of(plan: &Plan, pipeline: &Pipeline) -> Self {
        let report = &plan.report;
        let mut left_out: BTreeMap<&LeftOutReason, Vec<SessionId>> = BTreeMap::new();
        for entry in &report.left_out {
            left_out.entry(&entry.reason).or_default().push(entry.session.clone());
        }
        Self {
            pipeline: plan.pipeline.clone(),
            file: pipeline.file.display().to_string(),
            description: pipeline.description.clone(),
            run: plan.run.clone(),
            is_due: plan.not_due.is_none(),
            not_due: plan.not_due.clone().map(|reason| NotDueView { message: reason.to_string(), reason }),
            store: StoreView {
                name: store_name(&plan.store.reference),
                id: plan.store.id.clone(),
                entries: plan.store.entries,
                bytes: plan.store.bytes,
                generation: plan.store.generation,
            },
            model: plan.model.clone(),
            model_not_listed: report.unlisted_model.clone(),
            dreams: plan
                .batches
                .iter()
                .map(|batch| DreamView {
                    index: batch.index,
                    input: if batch.index == 1 { DreamInput::LiveStore } else { DreamInput::PreviousDream },
                    sessions: batch.sessions.clone(),
                    instructions: batch.instructions.as_ref().and_then(|i| i.text().map(str::to_owned)),
                    tokens: batch.tokens,
                    estimate_usd: batch.estimate.map(RangeView::from),
                })
                .collect(),
            estimate_usd: plan.estimate.map(RangeView::from),
            estimate_basis: report.basis.clone(),
            budget_usd: plan.budget.map(dollars),
            gates: plan.gates.clone(),
            adopt: plan.adopt.clone(),
            sessions_waiting: report.waiting,
            left_out: left_out
                .into_iter()
                .map(|(reason, sessions)| LeftOutView {
                    reason: reason.clone(),
                    message: reason.to_string(),
                    sessions,
                })
                .collect(),
            unreadable: report
                .unreadable
                .iter()
                .map(|(file, reason)| UnreadableView { file: file.clone(), reason: reason.clone() })
                .collect(),
            unmatched: report.unmatched.clone(),
            skipped_lines: report.skipped_lines,
            last_run: report.last_run.clone(),
            changed_since_last_run: report.changed.clone(),
        }
    }
}
