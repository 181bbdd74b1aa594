//! Performing one action: the only place where a run has effects.
//!
//! Every effect that cannot be undone for free has its intent in the journal first. Everything here
//! may be cut off after any line and started again from the journal.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::adoption::decide::Situation;
use crate::adoption::{Decision, decide, rebase};
use crate::backend::{BackendError, Refusal, folder};
use crate::diff::StoreDiff;
use crate::dream::{Dream, DreamRequest};
use crate::gate;
use crate::ids::{DreamId, MemoryStoreId};
use crate::journal::event::JournalEvent;
use crate::journal::run_state::{Base, Phase, RunState};
use crate::journal::{self, Journal, is_over};
use crate::memory::MemoryPath;
use crate::plan::Plan;
use crate::snapshot::Snapshot;
use crate::spec::pipeline::{StoreRef, Target};
use crate::state::alias::{self, Adoption, AliasRecord, Claim};

use super::next::Next;
use super::settle::{Settled, settle as look};
use super::{Ended, RunError, Surroundings, base_snapshot, record};

/// The longest message of a backend that is kept in a journal, in characters.
const MESSAGE_LIMIT: usize = 500;

/// Performs one action that needs no waiting.
pub(super) async fn perform(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    action: Next,
) -> Result<(), RunError> {
    match action {
        Next::Claim => claim(journal, around).await,
        Next::RecordBase => record_base(journal, around).await,
        Next::RequestDream { batch, attempt } => request_dream(journal, around, batch, attempt).await,
        Next::ReachBudget { batch, spent, next, budget } => {
            record(journal, around, JournalEvent::BudgetReached { batch, spent, next, budget }).await
        }
        Next::RecordCandidate => record_candidate(journal, around).await,
        Next::Judge => judge(journal, around).await,
        Next::Decide => decide_adoption(journal, around).await,
        Next::Rebase => perform_rebase(journal, around).await,
        Next::MoveAlias => move_alias(journal, around).await,
        Next::Cancel { dream } => cancel(journal, around, dream).await,
        Next::Release => release(journal, around).await,
        Next::Stop(_) | Next::Await { .. } | Next::Settle { .. } => Ok(()),
    }
}

/// Changes the alias by `change`, from whatever it is now, and returns what it became. `change` sees
/// the newest record each time and says whether anything is to be written.
async fn update_alias(
    around: &Surroundings<'_>,
    change: impl FnMut(&mut AliasRecord) -> Result<bool, RunError>,
) -> Result<AliasRecord, RunError> {
    let updated = alias::update(around.state, around.alias, change).await?;
    updated.ok_or_else(|| RunError::Stale { alias: around.alias.clone() })
}

async fn claim(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    let run = journal.run().clone();
    let generation = journal.state().plan.store.generation;
    let now = around.clock.now();
    let holder = update_alias(around, |_| Ok(false)).await?.claim.map(|claim| claim.run);
    let dead = match holder {
        Some(holder) if holder != run && is_over(around.state, &holder).await? => Some(holder),
        _ => None,
    };
    update_alias(around, |record| match &record.claim {
        Some(claim) if claim.run == run => Ok(false),
        Some(claim) if Some(&claim.run) != dead.as_ref() => {
            Err(RunError::Busy { alias: around.alias.clone(), run: claim.run.clone() })
        }
        _ if record.generation != generation => Err(RunError::Stale { alias: around.alias.clone() }),
        _ => {
            record.claim = Some(Claim { run: run.clone(), since: now });
            Ok(true)
        }
    })
    .await?;
    record(journal, around, JournalEvent::Claimed).await
}

async fn record_base(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    let store = update_alias(around, |_| Ok(false)).await?.active;
    let index = around.backend.snapshot(&store).await?.index();
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
        Ok(dream) => {
            let event = JournalEvent::DreamCreated { batch, dream: dream.id, is_settled: false };
            record(journal, around, event).await
        }
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
/// early to say.
pub(super) async fn settle(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    batch: u32,
) -> Result<Option<SignedDuration>, RunError> {
    let state = journal.state();
    let Some(request) = state.dreams.last() else { return Ok(None) };
    let known = journal::known_dreams(around.state).await?;
    match look(request, &known, around.backend, around.clock.now()).await? {
        Settled::Found(dream) => {
            let event = JournalEvent::DreamCreated { batch, dream, is_settled: true };
            record(journal, around, event).await?;
            Ok(None)
        }
        Settled::NotSent => {
            record(journal, around, JournalEvent::DreamNotSent { batch }).await?;
            Ok(None)
        }
        Settled::TooEarly(wait) => Ok(Some(wait)),
        Settled::Several(dreams) => Err(RunError::InDoubt { run: journal.run().clone(), batch, dreams }),
    }
}

/// Waits for a dream to end, and records how. Returns early only when interrupted.
pub(super) async fn wait(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    batch: u32,
    id: &DreamId,
) -> Result<Option<Ended>, RunError> {
    let mut interrupt = around.interrupt.clone();
    let mut dream = around.backend.dream(id).await?;
    while !dream.status.is_final() {
        around.observer.progressed(journal.run(), &dream);
        tokio::select! {
            changed = around.backend.next_change(&dream) => dream = changed?,
            _ = interrupt.wait_for(|&asked| asked) => {
                let when_left = around.backend.leave(id).await?;
                return Ok(Some(Ended::Left { dream: id.clone(), when_left }));
            }
        }
    }
    let event = ended(around, batch, dream).await?;
    record(journal, around, event).await?;
    Ok(None)
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

async fn record_candidate(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    let Phase::Dreamed { output } = &journal.state().phase else { return Ok(()) };
    let store = output.clone();
    let candidate = around.backend.snapshot(&store).await?;
    record(journal, around, candidate_event(store, &candidate)).await
}

fn candidate_event(store: MemoryStoreId, candidate: &Snapshot) -> JournalEvent {
    JournalEvent::CandidateRecorded {
        store,
        hash: candidate.hash(),
        entries: candidate.len() as u64,
        bytes: candidate.bytes(),
    }
}

async fn judge(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    let Some((base, candidate)) = base_and_candidate(journal.state()) else { return Ok(()) };
    let (base, candidate) = (base.clone(), candidate.clone());
    let before = base_snapshot(around.backend, &base).await?;
    let after = around.backend.snapshot(&candidate).await?;
    let diff = StoreDiff::between(&before, &after);
    let evidence = gate::Evidence { before: &before, after: &after, diff: &diff };
    let verdicts = gate::judge_all(&journal.state().plan.gates, &evidence);
    let event = JournalEvent::Judged { live: base.index.hash(), candidate: after.hash(), verdicts };
    record(journal, around, event).await
}

fn base_and_candidate(state: &RunState) -> Option<(&Base, &MemoryStoreId)> {
    Some((state.base.as_ref()?, &state.candidate.as_ref()?.store))
}

async fn decide_adoption(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    let state = journal.state();
    let (Some(base), Some(candidate), Some(judgment)) = (&state.base, &state.candidate, &state.judgment)
    else {
        return Ok(());
    };
    let live = around.backend.snapshot(&base.store).await?;
    let theirs = around.backend.snapshot(&candidate.store).await?;
    if theirs.hash() != judgment.candidate {
        return Err(RunError::NotVerified { run: journal.run().clone() });
    }
    let situation = Situation {
        mode: state.plan.adopt.mode,
        drift: state.plan.adopt.drift,
        verdicts: &judgment.verdicts,
        base: judgment.live,
        live: live.hash(),
        candidate: judgment.candidate,
        carried: state.carried.len(),
        conflicts: state.conflicts.len(),
        approval: state.approval.as_ref().map(|approval| &approval.given),
    };
    let event = match decide(&situation) {
        Decision::Adopt => JournalEvent::AdoptionIntended {
            from: base.store.clone(),
            to: candidate.store.clone(),
            live: live.hash(),
            candidate: judgment.candidate,
        },
        Decision::Unchanged => JournalEvent::Unchanged,
        Decision::Rebase => {
            let merge = rebase(&base.index, &live, &theirs);
            JournalEvent::RebaseIntended {
                live: live.index(),
                carried: merge.carried,
                conflicts: merge.conflicts,
            }
        }
        Decision::AwaitReview { why } => JournalEvent::ReviewAsked { because: why },
        Decision::Block { why } => JournalEvent::AdoptionBlocked { because: why },
    };
    record(journal, around, event).await
}

async fn perform_rebase(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    let state = journal.state();
    let Phase::Rebasing { live: onto } = &state.phase else { return Ok(()) };
    let Some((base, candidate)) = base_and_candidate(state) else { return Ok(()) };
    let candidate = candidate.clone();
    let onto = Base { store: base.store.clone(), index: onto.clone() };
    let ours = base_snapshot(around.backend, &onto).await?;
    let theirs = around.backend.snapshot(&candidate).await?;
    let merge = rebase(&base.index, &ours, &theirs);
    let writes = merge.writes_with_live_winning(&ours, &theirs);
    around.backend.write(&candidate, writes.writes()).await?;
    let rebased = around.backend.snapshot(&candidate).await?;
    record(journal, around, candidate_event(candidate, &rebased)).await
}

async fn move_alias(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    let state = journal.state();
    let Phase::Adopting { from, to, .. } = &state.phase else { return Ok(()) };
    let (Some(judgment), Some(base)) = (&state.judgment, &state.base) else { return Ok(()) };
    let run = journal.run().clone();
    let is_ours = |record: &AliasRecord| record.adoption.as_ref().is_some_and(|adoption| adoption.run == run);
    let mut moved = update_alias(around, |_| Ok(false)).await?;
    let mut kept_files = Vec::new();
    // Once the alias has moved the candidate is live: what it holds then is for agents to change.
    if !is_ours(&moved) {
        let candidate = around.backend.snapshot(to).await?;
        if candidate.hash() != judgment.candidate {
            return Err(RunError::NotVerified { run });
        }
        kept_files = write_folder(around, state, &candidate, base)?;
        let now = around.clock.now();
        moved = update_alias(around, |record| {
            if is_ours(record) {
                return Ok(false);
            }
            if record.active != *from {
                return Err(RunError::Stale { alias: around.alias.clone() });
            }
            let adoption = Some(Adoption { run: run.clone(), at: now, hash: judgment.candidate });
            match state.plan.store.reference {
                StoreRef::Alias(_) => record.replace_active(to.clone(), adoption, now),
                // A raw store stays what it is; the approved candidate stands beside it.
                StoreRef::Raw(_) => record.adoption = adoption,
            }
            settle_sessions(record, &state.plan, now);
            Ok(true)
        })
        .await?;
    }
    let late_writes = carry_late_writes(around, base, from, to).await?;
    let hash = around.backend.snapshot(to).await?.hash();
    let event = JournalEvent::Adopted { generation: moved.generation, hash, late_writes, kept_files };
    record(journal, around, event).await
}

/// Writes the candidate into the folder of a directory target and reads it back. Returns the files that
/// were left as they are because a person had changed them.
fn write_folder(
    around: &Surroundings<'_>,
    state: &RunState,
    candidate: &Snapshot,
    base: &Base,
) -> Result<Vec<String>, RunError> {
    let Target::Directory(target) = &state.plan.adopt.target else { return Ok(Vec::new()) };
    let failed = |source| RunError::Folder { folder: target.display().to_string(), source };
    let place = folder::place_inside(around.root, target).map_err(failed)?;
    let exported = folder::export(candidate, &base.index, &place).map_err(failed)?;
    let again = folder::export(candidate, &base.index, &place).map_err(failed)?;
    if again.written + again.deleted > 0 {
        return Err(RunError::NotVerified { run: state.plan.run.clone() });
    }
    Ok(exported.kept.into_iter().map(|file| file.name).collect())
}

fn settle_sessions(record: &mut AliasRecord, plan: &Plan, now: Timestamp) {
    record.watermarks.extend(plan.watermarks.clone());
    record.last_finished.insert(plan.pipeline.clone(), now);
}

/// Carries over what agents wrote to the old store between the last look at it and the move. After
/// the move there is no review to send a conflict to, so the live write wins.
async fn carry_late_writes(
    around: &Surroundings<'_>,
    base: &Base,
    from: &MemoryStoreId,
    to: &MemoryStoreId,
) -> Result<Vec<MemoryPath>, RunError> {
    let late = around.backend.snapshot(from).await?;
    if late.hash() == base.index.hash() {
        return Ok(Vec::new());
    }
    let adopted = around.backend.snapshot(to).await?;
    let merge = rebase(&base.index, &late, &adopted);
    around.backend.write(to, merge.writes_with_live_winning(&late, &adopted).writes()).await?;
    let conflicts = merge.conflicts.into_iter().map(|conflict| conflict.path);
    Ok(merge.carried.into_iter().chain(conflicts).collect::<BTreeSet<_>>().into_iter().collect())
}

async fn cancel(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    dream: Option<DreamId>,
) -> Result<(), RunError> {
    if let Some(dream) = dream {
        around.backend.cancel_dream(&dream).await?;
    }
    record(journal, around, JournalEvent::Canceled).await
}

async fn release(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    let run = journal.run().clone();
    let state = journal.state();
    let now = around.clock.now();
    update_alias(around, |record| {
        if record.claim.as_ref().is_none_or(|claim| claim.run != run) {
            return Ok(false);
        }
        if state.phase == Phase::Unchanged {
            settle_sessions(record, &state.plan, now);
        }
        record.claim = None;
        Ok(true)
    })
    .await?;
    record(journal, around, JournalEvent::Released).await
}
