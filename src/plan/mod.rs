//! Decided: what a run will do, down to the last choice.
//!
//! [`plan`] is a pure function of a checked [`Pipeline`] and the [`Facts`] gathered for it: no clock,
//! no file, no network, and the same answer whatever order the facts came in. A [`Plan`] leaves the
//! run nothing to choose. What the planner noticed on the way is in its [`PlanReport`], which is for
//! people; no code acts on it.

pub mod existing;
pub mod facts;
pub mod fingerprint;
pub mod instructions;
pub mod outline;
pub mod report;
pub mod saved;
pub mod stale;
mod select;
#[cfg(test)]
mod laws;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Alias, MemoryStoreId, PipelineName, PlanId, RunId, SessionId};
use crate::price::{TextKind, Usd, UsdRange};
use crate::spec::pipeline::{Adopt, AgentRef, GateSpec, Pipeline, StoreRef, Target};
use crate::spec::suggest::nearest;
use crate::spec::template::{
    self, BatchContext, InputContext, PipelineContext, RunContext, TemplateContext, TemplateError,
};
use crate::state::alias::{AliasRecord, SourceKey, Watermark};

pub use existing::{ExistingDream, FromDreamError, from_dream, from_dreams};
use facts::Facts;
use fingerprint::Fingerprint;
use instructions::Instructions;
use report::{NotDue, PlanReport};
pub use select::settled;

/// An immutable account of everything a run will do.
///
/// It can be written into state: rendered instructions shrink to their hash on the way (see
/// [`Instructions`]), and the report stays behind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The run that would carry it out.
    pub run: RunId,
    /// The pipeline.
    pub pipeline: PipelineName,
    /// What the plan was made from.
    pub fingerprint: Fingerprint,
    /// The day it was made, in UTC, as instructions may mention it.
    pub date: String,
    /// The model or mind that dreams.
    pub model: String,
    /// The store to consolidate.
    pub store: PlannedStore,
    /// A dream made elsewhere, which stands for the only batch: nothing is asked for then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub existing: Option<ExistingDream>,
    /// Why nothing is to be done now; `batches` is empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_due: Option<NotDue>,
    /// The dreams, in order; each but the first reads the output of the one before.
    pub batches: Vec<PlannedBatch>,
    /// The most the run may cost.
    pub budget: Option<Usd>,
    /// What the run may cost, if the model's price is known.
    pub estimate: Option<UsdRange>,
    /// The gates in force, in the order they are judged.
    pub gates: Vec<GateSpec>,
    /// What happens to a good candidate.
    pub adopt: Adopt,
    /// Where each session source stands once the run is adopted.
    pub watermarks: BTreeMap<SourceKey, Watermark>,
    /// The saved plan that the run was begun from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved: Option<PlanId>,
    /// What the planner noticed.
    #[serde(skip)]
    pub report: PlanReport,
}

impl Plan {
    /// Returns the alias the run works on, whatever the pipeline file says by now.
    pub fn alias(&self) -> Alias {
        self.store.reference.alias(&self.pipeline)
    }
}

/// The store of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedStore {
    /// As the pipeline names it.
    pub reference: StoreRef,
    /// The live store; none while it is a folder that `apply` will import.
    pub id: Option<MemoryStoreId>,
    /// The alias's generation the plan was made at.
    pub generation: u64,
    /// How often runs had settled their sessions in the alias.
    #[serde(default)]
    pub revision: u64,
    /// Memories it holds.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl PlannedStore {
    /// Says whether nothing was adopted or read into an alias since the plan was made.
    pub fn is_current(&self, record: &AliasRecord) -> bool {
        (self.generation, self.revision) == (record.generation, record.revision)
    }
}

/// One dream of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedBatch {
    /// Its place in the chain, from 1.
    pub index: u32,
    /// The sessions it reads, in the order they began.
    pub sessions: Vec<SessionId>,
    /// Its instructions.
    pub instructions: Option<Instructions>,
    /// The tokens of its sessions and of the store, estimated.
    pub tokens: u64,
    /// What it may cost, if the model's price is known.
    pub estimate: Option<UsdRange>,
}

/// Why no plan can be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The instructions do not render.
    #[error("the instructions of batch {batch} do not render")]
    Instructions {
        /// The batch, from 1.
        batch: u32,
        /// What is wrong with them.
        #[source]
        source: TemplateError,
    },
    /// A budget is set and nobody knows what the model costs.
    #[error("the price of `{model}` is not known, and `budget.max_usd` is set")]
    UnknownPrice {
        /// The model.
        model: String,
    },
    /// The agent of a target is named by a file that `claude-lock.json` does not know.
    #[error("nothing says which agent `{file}` is")]
    UnknownAgent {
        /// The file.
        file: String,
    },
}

/// Plans a run.
///
/// # Errors
///
/// Fails when instructions do not render with the real values, or when a budget is set for a model
/// of unknown price. Having nothing to do is not an error: see [`Plan::not_due`].
pub fn plan(pipeline: &Pipeline, facts: &Facts) -> Result<Plan, PlanError> {
    if let Target::Session { agent: AgentRef::File(file), .. } = &pipeline.adopt.target {
        return Err(PlanError::UnknownAgent { file: file.clone() });
    }
    let capacity = (!pipeline.batch.chain).then_some(pipeline.batch.size);
    let selection = select::select(pipeline, facts, capacity);
    let not_due = not_due(pipeline, facts, selection.waiting);
    let chosen = if not_due.is_none() { selection.chosen.as_slice() } else { &[] };

    let run = RunId::new(pipeline.name.clone(), facts.run_number);
    let chunks: Vec<_> = chosen.chunks(pipeline.batch.size.max(1) as usize).collect();
    let store_tokens = crate::price::estimate_tokens(facts.store.bytes, TextKind::Prose);
    let mut batches = Vec::with_capacity(chunks.len());
    let date = date_of(facts.now);
    for (index, chunk) in (1_u32..).zip(&chunks) {
        let sessions: Vec<SessionId> = chunk.iter().map(|session| session.id.clone()).collect();
        let tokens = store_tokens + chunk.iter().map(|session| session.size.tokens).sum::<u64>();
        let scene = Scene {
            run: &run,
            entries: facts.store.entries,
            bytes: facts.store.bytes,
            date: &date,
            index,
            count: count(chunks.len()),
        };
        let instructions = render(pipeline, &scene, &sessions)
            .map_err(|source| PlanError::Instructions { batch: index, source })?;
        let estimate = facts.prices.estimate_dream(&pipeline.model, tokens);
        batches.push(PlannedBatch { index, sessions, instructions, tokens, estimate });
    }
    let is_priced = facts.prices.price(&pipeline.model).is_some();
    if pipeline.budget.is_some() && !is_priced {
        return Err(PlanError::UnknownPrice { model: pipeline.model.clone() });
    }

    let fingerprint = Fingerprint::of(pipeline);
    let report = PlanReport {
        waiting: selection.waiting,
        went_on: selection.went_on,
        left_out: selection.left_out,
        unreadable: facts.sources.values().flat_map(|source| source.unreadable.clone()).collect(),
        unmatched: unmatched(facts),
        skipped_lines: chosen.iter().map(|session| session.size.skipped_lines).sum(),
        unlisted_model: unlisted(&pipeline.model, facts.models.as_deref()),
        basis: basis(is_priced, &batches),
        changed: facts
            .last_run
            .as_ref()
            .map(|last| last.fingerprint.explain(&fingerprint))
            .unwrap_or_default(),
        last_run: facts.last_run.as_ref().map(|last| last.run.clone()),
    };
    Ok(Plan {
        run,
        pipeline: pipeline.name.clone(),
        fingerprint,
        date,
        model: pipeline.model.clone(),
        store: PlannedStore {
            reference: pipeline.store.clone(),
            id: facts.store.id.clone(),
            generation: facts.alias.as_ref().map_or(0, |alias| alias.generation),
            revision: facts.alias.as_ref().map_or(0, |alias| alias.revision),
            entries: facts.store.entries,
            bytes: facts.store.bytes,
        },
        existing: None,
        not_due,
        estimate: batches.iter().map(|batch| batch.estimate).sum(),
        batches,
        budget: pipeline.budget,
        gates: pipeline.gates.clone(),
        adopt: pipeline.adopt.clone(),
        watermarks: selection.watermarks,
        saved: None,
        report,
    })
}

fn not_due(pipeline: &Pipeline, facts: &Facts, waiting: u32) -> Option<NotDue> {
    if let Some(hold) = facts.alias.as_ref().and_then(|alias| alias.hold.clone()) {
        return Some(NotDue::OnHold(hold));
    }
    if let (Some(interval), Some(last)) = (pipeline.min_interval, facts.last_finished(&pipeline.name)) {
        let next = last + interval;
        if facts.now < next {
            return Some(NotDue::TooSoon { next });
        }
    }
    let min = pipeline.sessions.min.max(1);
    let globs = unmatched(facts);
    if waiting == 0 && !globs.is_empty() {
        let sessions = facts.sources.values().map(|source| source.sessions.len()).sum();
        return Some(NotDue::NoFile { globs, sessions: count(sessions) });
    }
    (waiting < min).then_some(NotDue::TooFew { waiting, min })
}

/// Returns the globs over transcripts that no file matches.
fn unmatched(facts: &Facts) -> Vec<String> {
    facts.sources.values().flat_map(|source| source.unmatched.clone()).collect()
}

/// Renders the instructions of a run that was planned earlier, for [`crate::run`] to compare with what
/// was planned. A batch whose template no longer renders has none, which will not compare equal.
pub fn rendered_again(pipeline: &Pipeline, planned: &Plan) -> Vec<Option<Instructions>> {
    let count = count(planned.batches.len());
    let mut all = Vec::with_capacity(planned.batches.len());
    for batch in &planned.batches {
        let scene = Scene {
            run: &planned.run,
            entries: planned.store.entries,
            bytes: planned.store.bytes,
            date: &planned.date,
            index: batch.index,
            count,
        };
        all.push(render(pipeline, &scene, &batch.sessions).ok().flatten());
    }
    all
}

/// What instructions may mention, besides the pipeline and the sessions.
#[derive(Debug, Clone, Copy)]
struct Scene<'a> {
    run: &'a RunId,
    entries: u64,
    bytes: u64,
    date: &'a str,
    index: u32,
    count: u32,
}

fn render(
    pipeline: &Pipeline,
    scene: &Scene<'_>,
    sessions: &[SessionId],
) -> Result<Option<Instructions>, TemplateError> {
    let Some(template) = &pipeline.instructions else { return Ok(None) };
    let run = scene.run.to_string();
    let context = TemplateContext {
        vars: &pipeline.vars,
        pipeline: PipelineContext {
            name: pipeline.name.as_str(),
            description: &pipeline.description,
            model: &pipeline.model,
        },
        batch: BatchContext {
            index: u64::from(scene.index),
            count: u64::from(scene.count),
            first: scene.index == 1,
            last: scene.index == scene.count,
            sessions,
        },
        input: InputContext { entries: scene.entries, bytes: scene.bytes },
        run: RunContext { id: &run, date: scene.date },
    };
    template::render(template, &context).map(|text| Some(Instructions::new(text)))
}

fn basis(is_priced: bool, batches: &[PlannedBatch]) -> String {
    let tokens: u64 = batches.iter().map(|batch| batch.tokens).sum();
    match (is_priced, tokens) {
        (false, _) => "the model is not in the price table".to_owned(),
        (true, 0) => "nothing to read".to_owned(),
        (true, _) => "these sessions and the store, read once or more".to_owned(),
    }
}

/// The most names that stand in for one that a backend does not list.
const NEAR_MODELS: usize = 3;

/// Returns the names nearest to a model that a backend does not list; none if it lists it, or lists nothing.
pub fn unlisted(model: &str, listed: Option<&[String]>) -> Option<Vec<String>> {
    let listed = listed?;
    // A list may name only the dated form of a model that is asked for by its short name.
    let is_dated = |name: &str| {
        name.strip_prefix(model)
            .and_then(|rest| rest.strip_prefix('-'))
            .is_some_and(|rest| rest.len() == 8 && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if listed.iter().any(|name| name == model || is_dated(name)) {
        return None;
    }
    let mut rest: Vec<&str> = listed.iter().map(String::as_str).collect();
    let mut near = Vec::new();
    while near.len() < NEAR_MODELS
        && let Some(next) = nearest(model, rest.iter().copied())
    {
        near.push(next.to_owned());
        rest.retain(|name| *name != next);
    }
    Some(near)
}

fn date_of(now: jiff::Timestamp) -> String {
    now.strftime("%Y-%m-%d").to_string()
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
