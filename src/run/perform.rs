//! Performing one action: here, in [`super::adopt`], [`super::targets`], [`super::late`] and [`super::tag`] are the
//! only places where a run has effects.
//!
//! Every effect that cannot be undone for free has its intent in the journal first. Everything here
//! may be cut off after any line and started again from the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::time::Duration;

use jiff::Timestamp;

use crate::backend::{BackendError, Refusal};
use crate::dream::{Dream, DreamRequest};
use crate::ids::{DreamId, RunId};
use crate::journal::event::JournalEvent;
use crate::journal::run_state::Phase;
use crate::journal::{self, CLOCK_SLACK, Journal, JournalError, is_over};
use crate::plan::{ExistingDream, Plan};
use crate::state::StateError;
use crate::state::alias::{self, AliasRecord, Claim};
use crate::state::keeper::Taken;

use super::next::Next;
use super::settle::{self, Settled};
use super::tag::tag_leftover;
use super::{Ended, RunError, Surroundings, adopt, record, section, targets};

/// The longest message of a backend that is kept in a journal, in characters.
const MESSAGE_LIMIT: usize = 500;

/// Performs one action that needs no waiting.
pub(super) async fn perform(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    action: Next,
) -> Result<(), RunError> {
    // Each in a box of its own: a loop that holds the largest of them on its stack takes a stack that large.
    let acting: Pin<Box<dyn Future<Output = Result<(), RunError>> + '_>> = match action {
        Next::Claim => Box::pin(async { claim(journal, around).await.map(drop) }),
        Next::RecordBase => Box::pin(record_base(journal, around)),
        Next::RequestDream { batch, attempt } => Box::pin(request_dream(journal, around, batch, attempt)),
        Next::TakeDream(existing) => Box::pin(take_dream(journal, around, existing)),
        Next::ReachBudget { batch, spent, next, budget } => {
            Box::pin(record(journal, around, JournalEvent::BudgetReached { batch, spent, next, budget }))
        }
        Next::RecordCandidate => Box::pin(adopt::record_candidate(journal, around)),
        Next::Judge => Box::pin(adopt::judge(journal, around)),
        Next::Decide => Box::pin(adopt::decide_adoption(journal, around)),
        Next::Rebase => Box::pin(adopt::perform_rebase(journal, around)),
        Next::Edit => Box::pin(adopt::perform_edit(journal, around)),
        Next::WriteFolder => Box::pin(adopt::write_folder(journal, around)),
        Next::CopyBack => Box::pin(targets::copy_back(journal, around)),
        Next::MoveAlias => Box::pin(adopt::move_alias(journal, around)),
        Next::PatchDeployments => Box::pin(targets::patch_deployments(journal, around)),
        Next::RequestSession => Box::pin(targets::request_session(journal, around)),
        Next::Finish => Box::pin(adopt::finish(journal, around)),
        Next::Cancel { dream } => Box::pin(cancel(journal, around, dream)),
        Next::Release => Box::pin(release(journal, around)),
        Next::Stop(_) | Next::Await { .. } | Next::Settle { .. } | Next::SettleSession => return Ok(()),
    };
    acting.await
}

/// Reads the alias as it is now.
pub(super) async fn alias_now(around: &Surroundings<'_>) -> Result<AliasRecord, RunError> {
    let read = alias::read(around.state, around.alias).await?;
    read.map(|(record, _)| record).ok_or_else(|| RunError::Stale { alias: around.alias.clone() })
}

/// Changes the alias by `change`, from whatever it is now, and returns what it became. `change` sees
/// the newest record each time and says whether anything is to be written, which the lease alone allows.
pub(super) async fn update_alias(
    around: &Surroundings<'_>,
    change: impl FnMut(&mut AliasRecord) -> Result<bool, RunError>,
) -> Result<AliasRecord, RunError> {
    let updated = around.keeper.update(around.state, change).await?;
    updated.ok_or_else(|| RunError::Stale { alias: around.alias.clone() })
}

/// Claims the alias for a run and takes its lease, in one write. Says no, with nothing written, while another
/// process has the lease.
pub(super) async fn claim(journal: &mut Journal, around: &Surroundings<'_>) -> Result<bool, RunError> {
    let run = journal.run().clone();
    let planned = journal.state().plan.store.clone();
    let now = around.clock.now();
    let holder = alias_now(around).await?.claim.map(|claim| claim.run);
    let dead = match holder {
        Some(holder) if holder != run && is_over(around.state, &holder).await? => Some(holder),
        _ => None,
    };
    let stale = || RunError::Stale { alias: around.alias.clone() };
    let claimed = |record: &mut AliasRecord| {
        let since = match &record.claim {
            Some(claim) if claim.run == run => claim.since,
            Some(claim) if Some(&claim.run) != dead.as_ref() => {
                return Err(RunError::Busy { alias: around.alias.clone(), run: claim.run.clone() });
            }
            // A rollback is on its way, and will move the alias under whoever claims it now.
            _ if record.hold.as_ref().is_some_and(|hold| hold.rolling_back_to.is_some()) => {
                return Err(stale());
            }
            _ if !planned.is_current(record) => return Err(stale()),
            _ => now,
        };
        record.claim = Some(Claim { run: run.clone(), since, by: Some(around.keeper.who().clone()) });
        Ok(())
    };
    match around.keeper.take(around.state, &section::words(&Next::Claim), claimed).await? {
        Taken::Yes(_) => {
            let recorded = record(journal, around, JournalEvent::Claimed).await;
            if recorded.is_err() {
                unclaim(&run, around).await?;
            }
            recorded.map(|()| true)
        }
        Taken::HeldBy(_) => Ok(false),
        Taken::NoAlias => Err(stale()),
    }
}

/// Takes the claim of a run back that was over before this process could claim the alias for it.
async fn unclaim(run: &RunId, around: &Surroundings<'_>) -> Result<(), RunError> {
    let newest = Journal::open(around.state, run).await?;
    if newest.is_some_and(|newest| newest.state().is_released) {
        update_alias(around, |record| Ok(record.claim.take_if(|claim| claim.run == *run).is_some())).await?;
    }
    Ok(())
}

async fn record_base(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    let store = alias_now(around).await?.active;
    let index = match &journal.state().plan.existing {
        // What was written since that dream began is a live write, and is carried over as one.
        Some(existing) => around.backend.index_at(&store, existing.created_at).await?,
        None => around.backend.index(&store).await?,
    };
    record(journal, around, JournalEvent::BaseRecorded { store, index }).await
}

async fn request_dream(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    batch: u32,
    attempt: u32,
) -> Result<(), RunError> {
    let request = request(journal, around, batch)?;
    let intent = JournalEvent::DreamRequested {
        batch,
        attempt,
        store: request.store.clone(),
        digest: request.digest(),
    };
    record(journal, around, intent).await?;
    match around.backend.create_dream(&request).await {
        Ok(dream) => record_created(journal, around, batch, dream.id, false).await,
        // In doubt: the journal says so, and the next action is to settle.
        Err(BackendError::Unanswered { .. }) => Ok(()),
        Err(BackendError::Refused { kind: Refusal::Invalid | Refusal::NotFound, message, .. }) => {
            let message = message.chars().take(MESSAGE_LIMIT).collect();
            record(journal, around, JournalEvent::DreamRefused { batch, message }).await
        }
        // No dream exists, and asking again may help: the next apply does.
        Err(error @ (BackendError::NotSent { .. } | BackendError::Refused { .. })) => {
            record(journal, around, JournalEvent::DreamNotSent { batch }).await?;
            Err(error.into())
        }
    }
}

/// Records the dream of a batch. If the run went on without it meanwhile, as when somebody canceled the
/// run before this dream could be seen, the dream is stopped: nobody would ever look at what it costs.
async fn record_created(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    batch: u32,
    dream: DreamId,
    is_settled: bool,
) -> Result<(), RunError> {
    let event = JournalEvent::DreamCreated { batch, dream: dream.clone(), is_settled };
    let recorded = record(journal, around, event).await;
    if let Err(RunError::Journal(JournalError::State(StateError::Conflict { .. }))) = &recorded {
        let newest = Journal::open(around.state, journal.run()).await?;
        let is_known = newest
            .is_some_and(|newest| newest.state().dreams.iter().any(|own| own.dream.as_ref() == Some(&dream)));
        if !is_known {
            let stopped = around.backend.cancel_dream(&dream).await?;
            around.observer.disowned(journal.run(), &stopped);
        }
    }
    recorded
}

/// Records a dream that was made elsewhere as asked for and found. Nothing is sent.
async fn take_dream(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    existing: ExistingDream,
) -> Result<(), RunError> {
    if let Phase::Ready { batch } = journal.state().phase {
        let dream = existing.dream.clone();
        if let Some(run) = journal::run_of_dream(around.state, &dream, existing.created_at).await? {
            return Err(RunError::TakenDream { dream, run });
        }
        let dream = around.backend.dream(&dream).await?;
        let intent =
            JournalEvent::DreamRequested { batch, attempt: 1, store: dream.store, digest: existing.digest };
        record(journal, around, intent).await?;
    }
    let Phase::Requested { batch } = journal.state().phase else { return Ok(()) };
    record(journal, around, JournalEvent::DreamCreated { batch, dream: existing.dream, is_settled: true })
        .await
}

/// Makes the request of a batch, with the very instructions it was planned with.
fn request(journal: &Journal, around: &Surroundings<'_>, batch: u32) -> Result<DreamRequest, RunError> {
    let changed = || RunError::ChangedInstructions { run: journal.run().clone(), batch };
    let state = journal.state();
    let place = batch as usize - 1;
    let planned = state.plan.batches.get(place).ok_or_else(changed)?;
    let instructions = match &planned.instructions {
        None => None,
        Some(planned) => {
            let rendered = around.instructions.get(place).and_then(Option::as_ref);
            let same = rendered.filter(|rendered| rendered.sha256 == planned.sha256);
            Some(same.and_then(|rendered| rendered.text()).ok_or_else(changed)?.to_owned())
        }
    };
    let store = state.chain_head().ok_or_else(changed)?.clone();
    Ok(DreamRequest {
        store,
        sessions: planned.sessions.clone(),
        model: state.plan.model.clone(),
        instructions,
    })
}

/// Settles a request without an answer. Returns how long to wait before looking again, if it is too
/// early to say. `looked_for` is how long ago this process first looked, with the lease.
pub(super) async fn settle(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    batch: u32,
    looked_for: Duration,
) -> Result<Option<Duration>, RunError> {
    let state = journal.state();
    let Some(request) = state.dreams.last() else { return Ok(None) };
    let planned = state.plan.batches.get((batch as usize).saturating_sub(1));
    let sessions = planned.map_or(&[][..], |planned| &planned.sessions);
    let candidates = settle::candidates(request, sessions, &state.plan.model, around.backend).await?;
    // Where nothing fits there is nothing to tell apart, and no need to read the other journals.
    let known = match candidates.fitting.first().or(candidates.near.first()) {
        None => BTreeSet::new(),
        Some(_) => {
            // Half of the slack is for the dream's time, half for that of the event which names it.
            let since = request.requested_at - CLOCK_SLACK * 2;
            journal::known_dreams(around.state, since).await?
        }
    };
    let age = around.clock.now().duration_since(request.requested_at);
    let left = settle::time_to_be_sure(age, around.backend).saturating_sub(looked_for);
    match settle::settle(candidates, &known, left) {
        Settled::Found(dream) => {
            record_created(journal, around, batch, dream, true).await?;
            Ok(None)
        }
        Settled::NotSent => {
            record(journal, around, JournalEvent::DreamNotSent { batch }).await?;
            Ok(None)
        }
        Settled::TooEarly(wait) => Ok(Some(wait)),
        Settled::Several(dreams) => Err(RunError::InDoubt { run: journal.run().clone(), batch, dreams }),
        Settled::Near(dreams) => Err(RunError::Near { run: journal.run().clone(), batch, dreams }),
    }
}

/// How waiting for a dream ended.
pub(super) enum Waited {
    /// It is over.
    Ended(Box<Dream>),
    /// The process was asked to stop.
    Left(Ended),
}

/// Waits for a dream to end. Writes nothing, and returns early only when interrupted.
pub(super) async fn wait(
    journal: &Journal,
    around: &Surroundings<'_>,
    id: &DreamId,
) -> Result<Waited, RunError> {
    let mut interrupt = around.interrupt.clone();
    let mut dream = around.backend.dream(id).await?;
    let mut told = 0;
    let mut tell = |dream: &Dream| {
        let activities = around.backend.activity(id, told);
        if !activities.is_empty() {
            told += activities.len();
            around.observer.acted(journal.run(), dream, &activities);
        }
    };
    while !dream.status.is_final() {
        tell(&dream);
        around.observer.progressed(journal.run(), &dream);
        tokio::select! {
            changed = around.backend.next_change(&dream) => dream = changed?,
            _ = interrupt.wait_for(|&asked| asked) => {
                let when_left = around.backend.leave(id).await?;
                return Ok(Waited::Left(Ended::Left { dream: id.clone(), when_left }));
            }
        }
    }
    tell(&dream);
    Ok(Waited::Ended(Box::new(dream)))
}

/// Records how a dream ended.
pub(super) async fn record_ended(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    batch: u32,
    dream: Dream,
) -> Result<(), RunError> {
    let event = ended(around, batch, dream).await?;
    record(journal, around, event).await
}

async fn ended(around: &Surroundings<'_>, batch: u32, dream: Dream) -> Result<JournalEvent, RunError> {
    let mut changes = BTreeMap::new();
    for change in around.backend.dream_changes(&dream.id).await? {
        *changes.entry(change.kind).or_default() += 1;
    }
    Ok(JournalEvent::DreamEnded {
        batch,
        cost: around.prices.cost(&dream.model, &dream.usage).map(|range| range.high),
        dream: dream.id,
        status: dream.status,
        output: dream.output,
        usage: dream.usage,
        changes,
        error: dream.error,
    })
}

async fn cancel(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    dream: Option<DreamId>,
) -> Result<(), RunError> {
    if let Some(dream) = dream {
        let stopped = around.backend.cancel_dream(&dream).await?;
        let batch = journal.state().dreams.last().map_or(1, |record| record.batch);
        // One that is still stopping is not waited for: whoever pulls the brake wants it pulled now.
        if stopped.status.is_final() {
            let event = ended(around, batch, stopped).await?;
            record(journal, around, event).await?;
        }
    }
    if !adopt::give_up(journal, around).await? {
        targets::follow_alias(journal, around).await?;
        return adopt::finish(journal, around).await;
    }
    record(journal, around, JournalEvent::Canceled).await
}

/// Counts the sessions of a plan as read.
pub(super) fn settle_sessions(record: &mut AliasRecord, plan: &Plan, now: Timestamp) {
    record.revision += 1;
    record.watermarks.extend(plan.watermarks.clone());
    record.last_finished.insert(plan.pipeline.clone(), now);
}

/// Gives claim and lease back in one write. Whoever finds the event missing adds it.
async fn release(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    tag_leftover(journal, around).await?;
    let run = journal.run().clone();
    let state = journal.state();
    let now = around.clock.now();
    let released = |record: &mut AliasRecord| {
        if record.claim.as_ref().is_none_or(|claim| claim.run != run) {
            return Ok(false);
        }
        if state.phase == Phase::Unchanged {
            settle_sessions(record, &state.plan, now);
        }
        record.claim = None;
        Ok::<_, RunError>(true)
    };
    around.keeper.give_back(around.state, released).await?;
    record(journal, around, JournalEvent::Released).await
}
