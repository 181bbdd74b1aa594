//! Going back to what was live before: the alias, and what adoption did beside it.
//!
//! The intent is a hold that names where the rollback is on its way to. It keeps runs from starting, and the
//! next rollback carries on from it. Then what stands outside of state is taken back, and last the alias
//! moves. Each step may be repeated.
//!
//! A rollback that carries over what agents wrote since does so twice: before the alias moves, so that nothing
//! of it is missing in the store that becomes live, and after, for what was written in between. The hold
//! remembers it until the second time is done.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::adoption::CopyState;
use crate::adoption::carry::Carry;
use crate::backend::tags::{Role, StoreTags};
use crate::backend::{Backend, BackendError, PastMemory, Refusal};
use crate::ids::{DeploymentId, MemoryStoreId, RunId, SessionId};
use crate::journal::Journal;
use crate::journal::run_state::RunState;
use crate::memory::{Memory, MemoryWrite};
use crate::snapshot::{Snapshot, SnapshotIndex};
use crate::spec::pipeline::Target;
use crate::state::alias::{AliasRecord, Carrying, Hold, PreviousStore};
use crate::state::keeper::Keeper;
use crate::state::{Key, StateError, StateStore};

use super::RunError;
use super::carry::{carry_over, look};
use super::past::Past;
use super::targets::{repoint, write_copy};

/// What a rollback did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledBack {
    /// The alias as it is now.
    pub record: AliasRecord,
    /// What became of the entries of a copy that was taken back; none where none was.
    pub copy: Option<CopyState>,
    /// What agents had written to the store that gave way, and how it came along; none where that was not
    /// asked for, or nothing gave way.
    pub carry: Option<Carry>,
    /// The deployments that name the earlier store again.
    pub deployments: Vec<DeploymentId>,
    /// Deployments that are left as they are, and why: they are gone or archived, or somebody has given them
    /// another store since.
    pub passed_over: Vec<(DeploymentId, String)>,
    /// The session that the adoption had created. It keeps the store that gave way.
    pub session: Option<SessionId>,
}

/// What undoing an adoption needs from outside.
#[derive(Clone, Copy)]
pub struct Undo<'a> {
    /// Where state lives.
    pub state: &'a dyn StateStore,
    /// Where the stores are.
    pub past: Past<'a>,
    /// Keeps the lease of the alias for this process.
    pub keeper: &'a Keeper,
}

/// Makes `previous` live again, in an alias that is as `seen` and whose lease is kept, and holds it.
///
/// Entries that agents changed since a copy are left to them and named. If the hold says so, what agents wrote
/// since the adoption is carried over, and such entries are taken apart statement by statement.
///
/// # Errors
///
/// Leaves the hold on, with where it was going, once anything may have been changed: calling again, with the
/// alias as it is then, carries on.
pub async fn roll_back(
    undo: Undo<'_>,
    seen: &AliasRecord,
    previous: &PreviousStore,
    hold: Hold,
    now: Timestamp,
) -> Result<RolledBack, RunError> {
    let Undo { state, past, keeper } = undo;
    let backend = past.backend;
    let adopted_by = seen.adoption.as_ref().map(|adoption| adoption.run.clone());
    let adopted = open(state, adopted_by.as_ref()).await?;
    // Whoever goes forward again after a rollback goes to what another adoption had given them.
    let made_live_by = previous.adoption.as_ref().map(|adoption| &adoption.run);
    let going_to = open(state, made_live_by).await?;
    let mut deployments: Vec<DeploymentId> = Vec::new();
    for run in adopted.iter().chain(&going_to).filter(|_| previous.store != seen.active) {
        if let Target::Deployment(ids) = &run.plan.adopt.target {
            for id in ids {
                if !deployments.contains(id) {
                    deployments.push(id.clone());
                }
            }
        }
    }
    let copier = match &previous.copied_by {
        None => None,
        Some(run) => Some(copier(state, run).await?),
    };
    let carrying = match &hold.carrying {
        None => None,
        Some(carrying) => Some(adopter(state, &carrying.run).await?),
    };
    let mut held = seen.clone();
    let has_effects = previous.copied_by.is_some() || !deployments.is_empty() || carrying.is_some();
    let intent = Hold { rolling_back_to: Some(previous.store.clone()), ..hold.clone() };
    if has_effects && seen.hold.as_ref() != Some(&intent) {
        held = replace(state, keeper, seen, |record| record.hold = Some(intent.clone())).await?;
    }

    let copied = copier.as_ref().and_then(|run| Some(run.candidate.as_ref()?.store.clone()));
    let copy = match copier {
        Some(run) => Some(take_back(past, &previous.store, &run, carrying.is_some()).await?),
        None => None,
    };
    let carrying = carrying.filter(|_| copy.is_none());
    if let Some(run) = &carrying {
        carry_over(past, run, &seen.active, &previous.store).await?;
    }
    let mut passed_over = Vec::new();
    let mut patchable = Vec::new();
    for id in deployments {
        match passed(backend, &id, &seen.active, &previous.store).await? {
            Some(why) => passed_over.push((id, why)),
            None => patchable.push(id),
        }
    }
    repoint(backend, &patchable, &seen.active, &previous.store, async |_| Ok(())).await?;

    let over = Hold { rolling_back_to: None, carrying: None, ..hold.clone() };
    let go_back = |record: &mut AliasRecord| {
        if previous.copied_by.is_some() {
            record.take_back_copy(previous.clone());
        } else {
            record.bring_back(previous.clone(), now);
        }
        record.hold = Some(if carrying.is_some() { intent.clone() } else { over.clone() });
    };
    let alias = keeper.alias();
    let mut back = held.clone();
    go_back(&mut back);
    // Before the alias moves: an alias that is rebuilt must not bring the bad store back.
    tag(backend, &back.active, &StoreTags::of_live(alias, &back, now)).await?;
    if let Some(candidate) = copied {
        tag(backend, &candidate, &StoreTags::of_leftover(alias, &back, Role::Declined, now)).await?;
    }
    let record = replace(state, keeper, &held, go_back).await?;
    let session = adopted.and_then(|run| run.session).and_then(|asked| asked.session);
    let mut done = RolledBack { record, copy, carry: None, deployments: patchable, passed_over, session };
    if let Some(run) = &carrying {
        let carry = carry_over(past, run, &seen.active, &previous.store).await?;
        done.record = replace(state, keeper, &done.record, |record| record.hold = Some(over.clone())).await?;
        done.carry = Some(carry);
    }
    Ok(done)
}

/// Says whether an alias has moved back, and what agents wrote is still to follow it.
pub fn is_carrying(record: &AliasRecord) -> bool {
    // A copy is taken back in the store that agents wrote to: there nothing is left to carry over.
    let is_left =
        |hold: &&Hold| hold.carrying.as_ref().is_some_and(|carrying| carrying.from != record.active);
    let hold = record.hold.as_ref().filter(is_left);
    hold.is_some_and(|hold| hold.rolling_back_to.as_ref() == Some(&record.active))
}

/// Carries over what agents wrote to a store that has given way already, to the live store of an alias that is
/// as `seen`, on hold and whose lease is kept: what a rollback left behind, or had no time for.
///
/// # Errors
///
/// As [`roll_back`].
pub async fn carry_after(undo: Undo<'_>, seen: &AliasRecord, hold: Hold) -> Result<RolledBack, RunError> {
    let Undo { state, past, keeper } = undo;
    let mut done = RolledBack {
        record: seen.clone(),
        copy: None,
        carry: None,
        deployments: Vec::new(),
        passed_over: Vec::new(),
        session: None,
    };
    let Some(carrying) = hold.carrying.clone() else { return Ok(done) };
    let run = adopter(state, &carrying.run).await?;
    let intent = Hold { rolling_back_to: Some(seen.active.clone()), ..hold.clone() };
    if seen.hold.as_ref() != Some(&intent) {
        done.record = replace(state, keeper, seen, |record| record.hold = Some(intent.clone())).await?;
    }
    done.carry = Some(carry_over(past, &run, &carrying.from, &seen.active).await?);
    let over = Hold { rolling_back_to: None, carrying: None, ..hold };
    done.record = replace(state, keeper, &done.record, |record| record.hold = Some(over.clone())).await?;
    done.session = run.session.and_then(|asked| asked.session);
    Ok(done)
}

/// Tags a store. Where tags are refused nothing is rebuilt from them either.
async fn tag(backend: &dyn Backend, store: &MemoryStoreId, tags: &StoreTags) -> Result<(), RunError> {
    match backend.tag(store, tags).await {
        Ok(()) | Err(BackendError::Refused { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Returns the memories that a rollback would bring back into sight: those of the earlier store that the live
/// one does not hold as they are, or those that were there before a copy.
///
/// # Errors
///
/// Fails when the backend or state cannot be read.
pub async fn coming_back(
    state: &dyn StateStore,
    past: Past<'_>,
    seen: &AliasRecord,
    previous: &PreviousStore,
) -> Result<Snapshot, RunError> {
    let live = past.backend.index(&seen.active).await?;
    let memories = match &previous.copied_by {
        None => past.backend.snapshot(&previous.store).await?,
        Some(run) => match taken_back(&copier(state, run).await?) {
            Some((from, to)) => past.written(std::slice::from_ref(&previous.store), &from, &to).await?,
            None => Snapshot::default(),
        },
    };
    let is_live = |memory: &Memory| live.entries.get(&memory.path).is_some_and(|e| e.hash == memory.hash);
    Ok(memories.iter().filter(|memory| !is_live(memory)).cloned().collect())
}

/// Returns the memories that carrying over would write to a store now.
///
/// # Errors
///
/// Fails when the backend or state cannot be read, or does not tell what was adopted.
pub async fn to_carry(
    state: &dyn StateStore,
    past: Past<'_>,
    carrying: &Carrying,
    to: &MemoryStoreId,
) -> Result<Vec<Memory>, RunError> {
    let run = adopter(state, &carrying.run).await?;
    let found = look(past, &run, &carrying.from, to).await?;
    let put = |write: &MemoryWrite| match write {
        MemoryWrite::Put { path, content, .. } => Some(Memory::new(path.clone(), Arc::clone(content))),
        MemoryWrite::Delete { .. } => None,
    };
    Ok(found.writes.writes().iter().filter_map(put).collect())
}

/// Says why a deployment is left as it is, if it is: what happened to it since wins.
async fn passed(
    backend: &dyn Backend,
    deployment: &DeploymentId,
    from: &MemoryStoreId,
    to: &MemoryStoreId,
) -> Result<Option<String>, RunError> {
    // A look at the store it should name changes nothing, and neither does one at the store it may name.
    let because = match backend.repoint(deployment, from, from).await {
        Ok(()) => return Ok(None),
        Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => {
            return Ok(Some("it is gone".to_owned()));
        }
        Err(BackendError::Refused { kind: Refusal::Conflict, message, .. }) => message,
        // Whatever else keeps it from being patched the patch tells.
        Err(BackendError::Refused { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match backend.repoint(deployment, to, to).await {
        Ok(()) => Ok(None),
        Err(BackendError::Refused { .. }) => Ok(Some(because)),
        Err(error) => Err(error.into()),
    }
}

/// Returns a run whose journal tells what it adopted.
async fn adopter(state: &dyn StateStore, run: &RunId) -> Result<RunState, RunError> {
    let found = open(state, Some(run)).await?.filter(|found| found.intended.is_some());
    found.ok_or_else(|| RunError::NoJournal { run: run.clone() })
}

/// Returns a run whose journal tells what it copied.
async fn copier(state: &dyn StateStore, run: &RunId) -> Result<RunState, RunError> {
    let found = adopter(state, run).await?;
    let has_copied = found.copy.as_ref().is_some_and(|copy| copy.end.is_some());
    if has_copied { Ok(found) } else { Err(RunError::NoJournal { run: run.clone() }) }
}

async fn open(state: &dyn StateStore, run: Option<&RunId>) -> Result<Option<RunState>, RunError> {
    let Some(run) = run else { return Ok(None) };
    Ok(Journal::open(state, run).await?.map(|journal| journal.state().clone()))
}

/// Changes an alias that is still what was read.
async fn replace(
    state: &dyn StateStore,
    keeper: &Keeper,
    seen: &AliasRecord,
    mut change: impl FnMut(&mut AliasRecord),
) -> Result<AliasRecord, RunError> {
    let alias = keeper.alias();
    let updated = keeper.update(state, |record| {
        if !record.tells_same(seen) {
            return Err(StateError::Conflict { key: Key::alias(alias) });
        }
        change(record);
        Ok(true)
    });
    updated.await?.ok_or_else(|| RunError::Stale { alias: alias.clone() })
}

/// Returns what a run wrote into a store, and what stood there before.
fn taken_back(run: &RunState) -> Option<(SnapshotIndex, SnapshotIndex)> {
    let copy = run.copy.as_ref()?;
    let (begun, end, candidate) = (&copy.live, copy.end.as_ref()?, run.intended.as_ref()?);
    let written = |index: &SnapshotIndex| SnapshotIndex {
        entries: end
            .written
            .iter()
            .filter_map(|path| Some((path.clone(), index.entries.get(path)?.clone())))
            .collect::<BTreeMap<_, _>>(),
    };
    Some((written(candidate), written(begun)))
}

/// Writes back what a store held before a run copied its candidate into it. Merging, what agents changed since
/// is taken apart from what the run had copied.
async fn take_back(
    past: Past<'_>,
    store: &MemoryStoreId,
    run: &RunState,
    is_merging: bool,
) -> Result<CopyState, RunError> {
    let Some((from, to)) = taken_back(run) else { return Ok(CopyState::default()) };
    let stores = std::slice::from_ref(store);
    let texts = past.written(stores, &from, &to).await?;
    let copied = if is_merging { Some(past.texts(stores, replaced(&from, &to)).await?) } else { None };
    Ok(write_copy(past.backend, store, &from, &to, &texts, copied.as_ref()).await?)
}

/// Names what a run copied into a store wherever there was something before.
fn replaced(from: &SnapshotIndex, to: &SnapshotIndex) -> Vec<PastMemory> {
    let both = from.entries.iter().filter(|(path, _)| to.entries.contains_key(path));
    // Versions of the candidate are not those of the store that it was copied into.
    both.map(|(path, entry)| PastMemory { path: path.clone(), hash: entry.hash, version: None }).collect()
}
