//! Plans that begin with a dream which somebody made elsewhere: with the API by hand, say.
//!
//! Nothing is asked for and nothing is paid. The dream is taken in as if the run had asked for it, and what
//! was written to the live store since the dream began is carried over as in any other run.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::dream::{Dream, DreamStatus};
use crate::ids::{DreamId, MemoryStoreId, RunId, SessionId};
use crate::memory::ContentHash;
use crate::price::{TextKind, UsdRange};
use crate::spec::pipeline::Pipeline;

use super::facts::Facts;
use super::fingerprint::Fingerprint;
use super::instructions::Instructions;
use super::report::{NotDue, PlanReport};
use super::{Plan, PlannedBatch, PlannedStore, date_of, select};

/// A dream that was there before the run that takes it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExistingDream {
    /// The dream.
    pub dream: DreamId,
    /// When it was accepted: what the live store held then is the base of every comparison.
    pub created_at: Timestamp,
    /// The request it answers.
    pub digest: ContentHash,
    /// The dream that read its output, for the next batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<Box<ExistingDream>>,
}

impl ExistingDream {
    /// Returns the dream of a batch, from 1.
    pub fn of_batch(&self, batch: u32) -> Option<&Self> {
        let mut found = Some(self);
        for _ in 1..batch {
            found = found?.then.as_deref();
        }
        found
    }

    fn chain(dreams: &[Dream]) -> Option<Self> {
        let (first, rest) = dreams.split_first()?;
        Some(Self {
            dream: first.id.clone(),
            created_at: first.created_at,
            digest: first.request_digest(),
            then: Self::chain(rest).map(Box::new),
        })
    }
}

/// Why a dream cannot be taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FromDreamError {
    /// It ended badly.
    #[error("dream `{dream}` is {status}")]
    Ended {
        /// The dream.
        dream: DreamId,
        /// Its status.
        status: DreamStatus,
    },
    /// It is done, and names no store that it wrote.
    #[error("dream `{dream}` wrote no store")]
    NoOutput {
        /// The dream.
        dream: DreamId,
    },
    /// It read another store than the one that would be replaced.
    #[error("dream `{dream}` read `{read}`, and the live store is {}", live_store(live.as_ref()))]
    OtherStore {
        /// The dream.
        dream: DreamId,
        /// What it read.
        read: MemoryStoreId,
        /// The live store; none where it is a folder that was not imported yet.
        live: Option<MemoryStoreId>,
    },
    /// It wrote into the very store it read, and there is nothing left to decide.
    #[error("dream `{dream}` wrote into `{store}` itself")]
    InPlace {
        /// The dream.
        dream: DreamId,
        /// The store.
        store: MemoryStoreId,
    },
    /// A run has it already.
    #[error("dream `{dream}` belongs to run `{run}`")]
    Known {
        /// The dream.
        dream: DreamId,
        /// The run.
        run: RunId,
    },
}

fn live_store(live: Option<&MemoryStoreId>) -> String {
    live.map_or_else(|| "a folder that was not imported yet".to_owned(), |id| format!("`{id}`"))
}

/// Plans a run that takes a dream in. `known_to` is the run that has it already
/// ([`crate::journal::run_of_dream`]).
///
/// Model, sessions and instructions are the dream's own; gates, adoption and everything else are the
/// pipeline's. Only a hold keeps such a run from being due: somebody asked for it by name. A dream that is
/// still at work is waited for.
///
/// # Errors
///
/// Says why the dream cannot be taken in.
pub fn from_dream(
    pipeline: &Pipeline,
    facts: &Facts,
    dream: &Dream,
    known_to: Option<&RunId>,
) -> Result<Plan, FromDreamError> {
    from_dreams(pipeline, facts, dream, &[], known_to)
}

/// Plans a run that takes a chain of dreams in, each of which but the first read the output of the one
/// before, as a run asks for them: what a run whose journal is lost has paid for. Otherwise as
/// [`from_dream`].
///
/// # Errors
///
/// Says why the first dream cannot be taken in.
pub fn from_dreams(
    pipeline: &Pipeline,
    facts: &Facts,
    dream: &Dream,
    followers: &[Dream],
    known_to: Option<&RunId>,
) -> Result<Plan, FromDreamError> {
    let id = || dream.id.clone();
    if let Some(run) = known_to {
        return Err(FromDreamError::Known { dream: id(), run: run.clone() });
    }
    if matches!(dream.status, DreamStatus::Failed | DreamStatus::Canceled) {
        return Err(FromDreamError::Ended { dream: id(), status: dream.status });
    }
    if facts.store.id.as_ref() != Some(&dream.store) {
        let live = facts.store.id.clone();
        return Err(FromDreamError::OtherStore { dream: id(), read: dream.store.clone(), live });
    }
    if dream.output.as_ref() == Some(&dream.store) {
        return Err(FromDreamError::InPlace { dream: id(), store: dream.store.clone() });
    }
    if dream.status == DreamStatus::Completed && dream.output.is_none() {
        return Err(FromDreamError::NoOutput { dream: id() });
    }

    let hold = facts.alias.as_ref().and_then(|alias| alias.hold.clone());
    let dreams: Vec<Dream> = std::iter::once(dream).chain(followers).cloned().collect();
    let sessions: Vec<SessionId> = dreams.iter().flat_map(|dream| &dream.sessions).cloned().collect();
    let read = select::read_by(pipeline, facts, &sessions);
    let batches: Vec<PlannedBatch> =
        (1..).zip(&dreams).map(|(index, dream)| batch(facts, &read, index, dream)).collect();
    let estimates = batches.iter().map(|batch| batch.estimate);
    let estimate = estimates.reduce(|a, b| Some(a? + b?)).flatten();
    let alias = facts.alias.as_ref();
    Ok(Plan {
        run: RunId::new(pipeline.name.clone(), facts.run_number),
        pipeline: pipeline.name.clone(),
        fingerprint: Fingerprint::of(pipeline),
        date: date_of(facts.now),
        model: dream.model.clone(),
        store: PlannedStore {
            reference: pipeline.store.clone(),
            id: facts.store.id.clone(),
            generation: alias.map_or(0, |alias| alias.generation),
            revision: alias.map_or(0, |alias| alias.revision),
            entries: facts.store.entries,
            bytes: facts.store.bytes,
        },
        existing: ExistingDream::chain(&dreams),
        batches: if hold.is_none() { batches } else { Vec::new() },
        not_due: hold.map(NotDue::OnHold),
        estimate,
        budget: pipeline.budget,
        gates: pipeline.gates.clone(),
        adopt: pipeline.adopt.clone(),
        watermarks: read.watermarks,
        saved: None,
        report: PlanReport {
            waiting: read.waiting,
            basis: if dream.status.is_final() {
                "what the dream used".to_owned()
            } else {
                "its sessions and the store, read once or more".to_owned()
            },
            last_run: facts.last_run.as_ref().map(|last| last.run.clone()),
            ..PlanReport::default()
        },
    })
}

/// Plans the batch of a dream that is there.
fn batch(facts: &Facts, read: &select::Selection, index: u32, dream: &Dream) -> PlannedBatch {
    let sessions = read.chosen.iter().filter(|session| dream.sessions.contains(&session.id));
    let tokens = crate::price::estimate_tokens(facts.store.bytes, TextKind::Prose)
        + sessions.map(|session| session.size.tokens).sum::<u64>();
    PlannedBatch {
        index,
        sessions: dream.sessions.clone(),
        instructions: dream.instructions.clone().map(Instructions::new),
        tokens,
        estimate: estimate(facts, dream, tokens),
    }
}

/// Says what a dream costs: what it has used, once it is over.
fn estimate(facts: &Facts, dream: &Dream, tokens: u64) -> Option<UsdRange> {
    if dream.status.is_final() {
        facts.prices.cost(&dream.model, &dream.usage)
    } else {
        facts.prices.estimate_dream(&dream.model, tokens)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::super::testing::{noon, pipeline, sessions};
    use super::*;
    use crate::dream::Usage;

    fn facts(count: u32) -> Facts {
        super::super::testing::facts(sessions(count))
    }

    fn dream() -> Dream {
        Dream {
            id: DreamId::parse("drm_elsewhere").unwrap(),
            status: DreamStatus::Completed,
            store: facts(3).store.id.unwrap(),
            sessions: vec![SessionId::parse("by-hand").unwrap()],
            model: "claude-opus-4-8".to_owned(),
            instructions: Some("Keep names.".to_owned()),
            output: MemoryStoreId::parse("memstore_out").ok(),
            usage: Usage::default(),
            error: None,
            created_at: noon() - SignedDuration::from_hours(1),
            ended_at: Some(noon()),
            progress: None,
        }
    }

    #[test]
    fn a_dream_made_elsewhere_is_the_only_batch() {
        let plan = from_dream(&pipeline(), &facts(3), &dream(), None).unwrap();
        assert_eq!((plan.batches.len(), plan.not_due.clone()), (1, None));
        assert_eq!((plan.model.as_str(), &plan.batches[0].sessions), ("claude-opus-4-8", &dream().sessions));
        let hash = plan.batches[0].instructions.as_ref().unwrap().sha256;
        assert_eq!(hash, ContentHash::of("Keep names."));
        let existing = plan.existing.unwrap();
        assert_eq!((existing.dream, existing.digest), (dream().id, dream().request_digest()));
        assert_eq!(plan.adopt, pipeline().adopt);
    }

    #[test]
    fn one_still_at_work_is_planned_and_waited_for() {
        for status in [DreamStatus::Pending, DreamStatus::Running] {
            let at_work = Dream { status, output: None, ..dream() };
            assert!(from_dream(&pipeline(), &facts(3), &at_work, None).is_ok(), "{status}");
        }
    }

    #[test]
    fn what_cannot_be_taken_in_is_refused_with_the_reason() {
        let run = RunId::parse("nightly-7").unwrap();
        let live = facts(3).store.id;
        let other = MemoryStoreId::parse("memstore_other").unwrap();
        let table: [(Dream, Option<&RunId>, &str); 6] = [
            (Dream { status: DreamStatus::Failed, ..dream() }, None, "is failed"),
            (Dream { status: DreamStatus::Canceled, ..dream() }, None, "is canceled"),
            (Dream { output: None, ..dream() }, None, "wrote no store"),
            (Dream { output: live, ..dream() }, None, "itself"),
            (Dream { store: other, ..dream() }, None, "read `memstore_other`"),
            (dream(), Some(&run), "belongs to run `nightly-7`"),
        ];
        for (dream, known_to, expected) in table {
            let error = from_dream(&pipeline(), &facts(3), &dream, known_to).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    fn its_sessions_count_as_read_once_it_is_adopted() {
        let facts = facts(3);
        let listed: Vec<SessionId> =
            facts.sources.values().flat_map(|source| &source.sessions).map(|s| s.id.clone()).collect();
        let read = Dream { sessions: listed[..2].to_vec(), ..dream() };
        let plan = from_dream(&pipeline(), &facts, &read, None).unwrap();
        let after = plan.watermarks.values().next().unwrap();
        let counts = |id: &SessionId| after.beyond.contains_key(id);
        assert_eq!(listed.iter().map(counts).collect::<Vec<_>>(), [true, true, false]);
    }
}
