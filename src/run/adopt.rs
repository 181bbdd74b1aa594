//! From candidate to live store: looking at it, judging it, rebasing it, making it live.
//!
//! Once the alias names this run as the one that moved it, the adoption has happened, whatever the
//! journal says; what is left is to finish it. Until then the candidate may change, and is then recorded
//! and judged again, and the run may be canceled.

use std::io;
use std::sync::Arc;

use crate::adoption::decide::Situation;
use crate::adoption::{ChangeSet, Conflict, Decision, Merged, Reading, Rebase, approval, decide};
use crate::backend::folder::{self, FolderError};
use crate::backend::{BackendError, PastMemory, Refusal};
use crate::ids::{MemoryStoreId, RunId};
use crate::journal::Journal;
use crate::journal::event::{FailReason, JournalEvent};
use crate::journal::run_state::{Base, Phase, RunState};
use crate::ledger::window::RunLosses;
use crate::memory::{Memory, MemoryPath};
use crate::snapshot::{IndexEntry, Snapshot, SnapshotIndex};
use crate::spec::pipeline::{StoreRef, Target};
use crate::state::alias::{Adoption, AliasRecord};
use crate::state::ledger;

use super::blocking::blocking;
use super::evidence;
use super::late::{self, Late};
use super::next::{Next, next};
use super::perform::{alias_now, settle_sessions, update_alias};
use super::tag::tag_live;
use super::{RunError, Surroundings, base_snapshot, reading, record, targets};

/// How often in a row a candidate is rebased and judged again because agents wrote meanwhile. Then it is decided
/// upon, and perhaps adopted in place of the live store that it was judged against: what was written since is
/// treated as what is written while the alias moves, and wins, or is named.
const REBASES_LIMIT: u32 = 3;

/// Says whether agents write so often that a run is decided upon by the live store it was last judged against.
pub(super) fn is_busy(state: &RunState) -> bool {
    state.rebases >= REBASES_LIMIT
}

pub(super) async fn record_candidate(
    journal: &mut Journal,
    around: &Surroundings<'_>,
) -> Result<(), RunError> {
    let Phase::Dreamed { output } = &journal.state().phase else { return Ok(()) };
    let store = output.clone();
    let Some(base) = journal.state().base.clone() else { return Ok(()) };
    // Most of the candidate's text is the base's, which is read first.
    let before = Arc::new(base_snapshot(around.backend, &base).await?);
    let after = match around.backend.snapshot(&store).await {
        // A store that is gone does not come back: the run ends, so that another can begin.
        Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => {
            let batch = journal.state().dreams.last().map_or(1, |dream| dream.batch);
            let because = FailReason::NoOutput { batch };
            return record(journal, around, JournalEvent::Failed { because }).await;
        }
        after => Arc::new(after?),
    };
    record(journal, around, JournalEvent::of_candidate(store, &after.index())).await?;
    // What was read is judged and decided upon as it is: whether the candidate still is what was judged is
    // looked at before it is adopted.
    if next(&journal.state().plan, journal.state()) == Next::Judge {
        judge_these(journal, around, &base, &before, &after).await?;
    }
    if next(&journal.state().plan, journal.state()) == Next::Decide {
        decide_on(journal, around, Some(after)).await?;
    }
    Ok(())
}

pub(super) async fn judge(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    let Some((base, candidate)) = base_and_candidate(journal.state()) else { return Ok(()) };
    let (base, candidate) = (base.clone(), candidate.clone());
    let before = Arc::new(base_snapshot(around.backend, &base).await?);
    let after = Arc::new(around.backend.snapshot(&candidate).await?);
    judge_these(journal, around, &base, &before, &after).await
}

async fn judge_these(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    base: &Base,
    before: &Arc<Snapshot>,
    after: &Arc<Snapshot>,
) -> Result<(), RunError> {
    let judged = evidence::judge(journal, around, base, before, after).await?;
    // The ledger of what is adopted has to be there once it is.
    ledger::write(around.state, around.alias, &judged.ledger).await?;
    let event = JournalEvent::Judged {
        live: judged.ledger.live,
        candidate: judged.ledger.candidate,
        verdicts: judged.verdicts,
        fates: Some(judged.ledger.counts),
    };
    record(journal, around, event).await
}

fn base_and_candidate(state: &RunState) -> Option<(&Base, &MemoryStoreId)> {
    Some((state.base.as_ref()?, &state.candidate.as_ref()?.store))
}

pub(super) async fn decide_adoption(
    journal: &mut Journal,
    around: &Surroundings<'_>,
) -> Result<(), RunError> {
    decide_on(journal, around, None).await
}

/// Decides upon a candidate that was just read, or reads it.
async fn decide_on(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    judged: Option<Arc<Snapshot>>,
) -> Result<(), RunError> {
    let state = journal.state();
    let (Some(base), Some(candidate), Some(judgment)) = (&state.base, &state.candidate, &state.judgment)
    else {
        return Ok(());
    };
    let has_moved = is_of(&alias_now(around).await?, journal.run());
    let live = around.backend.snapshot(&base.store).await?;
    let theirs = match judged {
        Some(judged) => judged,
        None => Arc::new(around.backend.snapshot(&candidate.store).await?),
    };
    if theirs.hash() != judgment.candidate && !has_moved {
        let event = JournalEvent::of_candidate(candidate.store.clone(), &theirs.index());
        return record(journal, around, event).await;
    }
    // Agents that never pause would have it judged for ever. What they write from here on comes late.
    let is_busy = is_busy(state);
    let live_hash = if is_busy { judgment.live } else { live.hash() };
    let read = match is_busy || has_moved {
        true => Reading::default(),
        false => reading::reading(around, state, base, &live, &theirs).await?,
    };
    let is_written = live_hash != judgment.live;
    let (found, is_unsure) = if is_written || !read.is_empty() {
        reading::rebased(around, base, &read, &candidate.store, &live, &theirs).await?
    } else {
        Default::default()
    };
    let situation = Situation {
        mode: state.plan.adopt.mode,
        drift: state.plan.adopt.drift,
        verdicts: &judgment.verdicts,
        base: judgment.live,
        live: live_hash,
        taken_back: if is_written { 0 } else { found.carried.len() + found.conflicts.len() },
        is_unsure: is_unsure || state.is_unsure,
        candidate: judgment.candidate,
        carried: state.carried.len(),
        conflicts: state.conflicts.len(),
        is_edited: !state.edits.is_empty(),
        approval: state.approval.as_ref().map(|approval| approval.approved()),
    };
    let decision = if has_moved { Decision::Adopt } else { decide(&situation) };
    if decision == Decision::Adopt
        && let Some(archive) = around.archive.filter(|_| !has_moved)
    {
        // What goes has to be kept before the first step that may take it.
        let goes = |memory: &&Memory| theirs.get(&memory.path).is_none_or(|new| new.hash != memory.hash);
        let going: Vec<Memory> = live.iter().filter(goes).cloned().collect();
        let archive = archive.clone();
        blocking(move || archive.keep(&going)).await?;
    }
    let event = match decision {
        Decision::Adopt => JournalEvent::AdoptionIntended {
            from: base.store.clone(),
            to: candidate.store.clone(),
            live: live_hash,
            candidate: theirs.index(),
        },
        Decision::Unchanged => JournalEvent::Unchanged,
        Decision::Rebase => {
            let rebased = found.writes_with_live_winning(&live, &theirs).apply(&theirs).ok();
            let keeps = rebased.filter(|rebased| {
                found.conflicts.is_empty() && approval::leaves_the_dream(&base.index, &live, &theirs, rebased)
            });
            let Rebase { carried, merged, conflicts, writes: _ } = found;
            let keeps = keeps.map(|rebased| rebased.hash());
            let live = live.index();
            JournalEvent::RebaseIntended { live, read, carried, merged, conflicts, keeps, is_unsure }
        }
        Decision::AwaitReview { why } => JournalEvent::ReviewAsked { because: why },
        Decision::Block { why } => JournalEvent::AdoptionBlocked { because: why },
    };
    record(journal, around, event).await
}

pub(super) async fn perform_rebase(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    let state = journal.state();
    let Phase::Rebasing { live: onto, read, merged } = &state.phase else { return Ok(()) };
    let Some((base, candidate)) = base_and_candidate(state) else { return Ok(()) };
    let candidate = candidate.clone();
    let live = Base { store: base.store.clone(), index: onto.clone() };
    let ours = base_snapshot(around.backend, &live).await?;
    let theirs = around.backend.snapshot(&candidate).await?;
    let is_there = |one: &Merged| theirs.get(&one.path).is_some_and(|memory| memory.hash == one.becomes);
    let (done, left): (Vec<Merged>, Vec<Merged>) = merged.iter().cloned().partition(is_there);
    let (mut found, is_unsure) = reading::rebased(around, base, read, &candidate, &ours, &theirs).await?;
    let (left, gone): (Vec<Merged>, Vec<Merged>) =
        left.into_iter().partition(|one| found.merged.iter().any(|now| now.becomes == one.becomes));
    // What an earlier process merged is no conflict with what it was merged from.
    found.leave_alone(done.iter().map(|one| &one.path));
    // Somebody wrote to the candidate, or what a merge began with is gone.
    let is_named = |path: &MemoryPath| state.conflicts.iter().any(|named| named.path == *path);
    let mut conflicts: Vec<Conflict> = gone.into_iter().map(Conflict::from).collect();
    let is_told = |path: &MemoryPath| is_named(path) || conflicts.iter().any(|named| named.path == *path);
    let unnamed: Vec<Conflict> =
        found.conflicts.iter().filter(|conflict| !is_told(&conflict.path)).cloned().collect();
    conflicts.extend(unnamed);
    if !conflicts.is_empty() {
        let merged = [done, left].concat();
        let (live, read) = (onto.clone(), read.clone());
        let intent = JournalEvent::RebaseIntended {
            live,
            read,
            carried: Vec::new(),
            merged,
            conflicts,
            keeps: None,
            is_unsure,
        };
        return record(journal, around, intent).await;
    }
    let writes = found.writes_with_live_winning(&ours, &theirs);
    around.backend.write(&candidate, writes.writes()).await?;
    let rebased = around.backend.index(&candidate).await?;
    record(journal, around, JournalEvent::of_candidate(candidate, &rebased)).await
}

/// Makes a person's edits in the candidate, or finishes making them.
pub(super) async fn perform_edit(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    let state = journal.state();
    let Phase::Editing { edits, entries } = &state.phase else { return Ok(()) };
    let Some((base, candidate)) = base_and_candidate(state) else { return Ok(()) };
    let candidate = candidate.clone();
    // What a person asked back may be kept by nobody but the archive or the candidate by now.
    let before = around.past().snapshot(base, std::slice::from_ref(&candidate)).await?.snapshot;
    let found = around.backend.snapshot(&candidate).await?;
    let edited = edits.made_in(entries, &before, &found)?;
    let writes = ChangeSet::between(&found, &edited);
    if !writes.is_empty() {
        around.backend.write(&candidate, writes.writes()).await?;
    }
    let written = around.backend.index(&candidate).await?;
    record(journal, around, JournalEvent::of_candidate(candidate, &written)).await
}

/// Says whether an alias was moved by a run.
fn is_of(record: &AliasRecord, run: &RunId) -> bool {
    record.adoption.as_ref().is_some_and(|adoption| adoption.run == *run)
}

/// Returns the candidate if it still holds what the gates judged. One that changed is recorded, to be
/// judged again.
async fn as_judged(journal: &mut Journal, around: &Surroundings<'_>) -> Result<Option<Snapshot>, RunError> {
    let state = journal.state();
    let (Some(judgment), Some(candidate)) = (&state.judgment, &state.candidate) else { return Ok(None) };
    let found = around.backend.snapshot(&candidate.store).await?;
    if found.hash() == judgment.candidate {
        return Ok(Some(found));
    }
    let event = JournalEvent::of_candidate(candidate.store.clone(), &found.index());
    record(journal, around, event).await?;
    Ok(None)
}

/// Returns the candidate if it still holds what the gates judged, and the live store what it was judged against,
/// as it has to between the decision and the first step that agents see: a run may have been stopped in between.
/// Otherwise the candidate is recorded, and decided upon again.
pub(super) async fn as_decided(
    journal: &mut Journal,
    around: &Surroundings<'_>,
) -> Result<Option<Snapshot>, RunError> {
    let Some(candidate) = as_judged(journal, around).await? else { return Ok(None) };
    let Phase::Adopting { from, to, live } = &journal.state().phase else { return Ok(None) };
    if is_busy(journal.state()) || around.backend.index(from).await?.hash() == *live {
        return Ok(Some(candidate));
    }
    let event = JournalEvent::of_candidate(to.clone(), &candidate.index());
    record(journal, around, event).await?;
    Ok(None)
}

/// Writes the candidate into the folder of a directory target, reads it back, and records which files
/// were left as they are because a person had changed them.
pub(super) async fn write_folder(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    let Target::Directory(target) = journal.state().plan.adopt.target.clone() else { return Ok(()) };
    let Some(candidate) = as_decided(journal, around).await? else { return Ok(()) };
    let Some((base, store)) = base_and_candidate(journal.state()) else { return Ok(()) };
    let (base, store) = (base.clone(), store.clone());
    let failed = |source| RunError::Folder { folder: target.display().to_string(), source };
    let place = folder::place_inside(around.root, &target).map_err(failed)?;
    let read = {
        let place = place.clone();
        move || {
            if place.is_dir() { folder::read(&place).map(|(held, _)| held) } else { Ok(Snapshot::default()) }
        }
    };
    let held = blocking(read).await.map_err(failed)?;
    let known = known_in(&held, &base, &store, around).await?;
    let write = {
        let place = place.clone();
        move || {
            let exported = folder::export(&candidate, &known, &place)?;
            Ok((exported, folder::export(&candidate, &known, &place)?))
        }
    };
    let (exported, again) = blocking(write).await.map_err(failed)?;
    if again.written + again.deleted > 0 {
        let source = io::Error::other("somebody else writes to it at the same time");
        return Err(failed(FolderError { path: place, action: "read back", source }));
    }
    let kept_files = exported.kept.into_iter().map(|file| file.name).collect();
    record(journal, around, JournalEvent::FolderWritten { kept_files }).await
}

/// Returns what of a folder's content did not come from a person: what the live store holds, what it held earlier,
/// and what the candidate held. The folder was last written when that store was adopted, and agents have changed
/// the store since; or by this very run, before agents wrote and the candidate had to be rebased.
async fn known_in(
    held: &Snapshot,
    base: &Base,
    candidate: &MemoryStoreId,
    around: &Surroundings<'_>,
) -> Result<SnapshotIndex, RunError> {
    let mut known = base.index.clone();
    let is_new = |path: &MemoryPath, hash| known.entries.get(path).is_none_or(|entry| entry.hash != hash);
    let unknown: Vec<PastMemory> = held
        .iter()
        .filter(|memory| is_new(&memory.path, memory.hash))
        .map(|memory| PastMemory { path: memory.path.clone(), hash: memory.hash, version: None })
        .collect();
    let texts = around.past().texts(&[base.store.clone(), candidate.clone()], unknown.clone()).await?;
    for PastMemory { path, hash, version } in unknown {
        if let Some(text) = texts.get(&hash) {
            known.entries.insert(path, IndexEntry { hash, bytes: text.len() as u64, version });
        }
    }
    Ok(known)
}

/// Moves the alias to the candidate, unless that has happened, and finishes the adoption unless more is to
/// follow. After a copy the alias keeps its store, which has become what the candidate is.
pub(super) async fn move_alias(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    let Phase::Adopting { from, to, .. } = journal.state().phase.clone() else { return Ok(()) };
    let run = journal.run().clone();
    // Once the alias has moved the candidate is live: what it holds then is for agents to change.
    if !is_of(&alias_now(around).await?, &run) {
        let target = journal.state().plan.adopt.target.clone();
        let hash = if target == Target::CopyBack {
            around.backend.index(&from).await?.hash()
        } else {
            let Some(candidate) = as_decided(journal, around).await? else { return Ok(()) };
            candidate.hash()
        };
        if let Target::Deployment(ids) = &target {
            targets::look_at_deployments(around, ids, &from).await?;
        }
        let plan = &journal.state().plan;
        let now = around.clock.now();
        let fates = journal.state().judgment.as_ref().and_then(|judgment| judgment.fates);
        update_alias(around, |record| {
            if is_of(record, &run) {
                return Ok(false);
            }
            // Without its claim the run was canceled, and nobody may move the alias in its name.
            let is_claimed = record.claim.as_ref().is_some_and(|claim| claim.run == run);
            if record.active != from || !is_claimed {
                return Err(RunError::Stale { alias: around.alias.clone() });
            }
            let adoption = Adoption { run: run.clone(), at: now, hash };
            let onto = record.adoption.as_ref().map(|before| before.run.clone());
            match plan.store.reference {
                _ if target == Target::CopyBack => record.copy_into_active(adoption, now),
                StoreRef::Alias(_) => record.replace_active(to.clone(), Some(adoption), now),
                // A raw store stays what it is; the approved candidate stands beside it.
                StoreRef::Raw(_) => record.adoption = Some(adoption),
            }
            if let Some(fates) = fates {
                let (lost, of) = (fates.lost, fates.before());
                let run = run.clone();
                record.count_losses(RunLosses { run, at: now, lost, of, onto, is_undone: false });
            }
            settle_sessions(record, plan, now);
            Ok(true)
        })
        .await?;
    }
    match journal.state().plan.adopt.target {
        Target::Deployment(_) | Target::Session { .. } => {
            let generation = alias_now(around).await?.generation;
            record(journal, around, JournalEvent::AliasMoved { generation }).await
        }
        _ => Box::pin(finish(journal, around)).await,
    }
}

/// Gives the claim of a run back that is to be canceled, after which nobody can move the alias in its
/// name. Says no, and changes nothing, if the alias has moved already.
pub(super) async fn give_up(journal: &Journal, around: &Surroundings<'_>) -> Result<bool, RunError> {
    let run = journal.run();
    let record = update_alias(around, |record| {
        let is_claimed = record.claim.as_ref().is_some_and(|claim| claim.run == *run);
        if is_of(record, run) || !is_claimed {
            return Ok(false);
        }
        record.claim = None;
        Ok(true)
    })
    .await?;
    Ok(!is_of(&record, run))
}

/// Finishes an adoption whose alias has moved.
pub(super) async fn finish(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    let state = journal.state();
    let Some((base, to)) = base_and_candidate(state) else { return Ok(()) };
    let to = to.clone();
    let alias = alias_now(around).await?;
    let generation = alias.generation;
    let late = if state.copy.is_some() {
        // What agents wrote into the live store meanwhile is there.
        Late::none(around.backend.index(&base.store).await?.hash())
    } else {
        Box::pin(late::carry_late_writes(around, base, state.intended.as_ref(), &to)).await?
    };
    tag_live(journal, around, &alias).await?;
    let Late { carried: late_writes, merged: late_merged, conflicts: late_conflicts, hash } = late;
    let event = JournalEvent::Adopted { generation, hash, late_writes, late_merged, late_conflicts };
    record(journal, around, event).await
}
