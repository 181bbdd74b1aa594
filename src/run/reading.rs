//! What a run's dream may have read of the live store, and what it may have begun with: asked of the backend.

use jiff::{SignedDuration, Timestamp};

use crate::adoption::{Begun, Reading, Rebase, Withdrawn, rebase};
use crate::backend::{BackendError, PastMemory, Refusal};
use crate::ids::MemoryStoreId;
use crate::journal::run_state::{Base, RunState};
use crate::snapshot::Snapshot;

use super::{RunError, Surroundings};

/// The grain of the hours that a backend tells: what was written in the very moment when a dream began may have come
/// before it or after it.
const TICK: SignedDuration = SignedDuration::from_millis(1);

/// Returns what the dream may have read of the live store where that is not simply the base.
pub(super) async fn reading(
    around: &Surroundings<'_>,
    state: &RunState,
    base: &Base,
    ours: &Snapshot,
    theirs: &Snapshot,
) -> Result<Reading, RunError> {
    if ours.hash() == theirs.hash() {
        return Ok(Reading::default());
    }
    // The first dream reads the live store, the others read what the one before them wrote.
    let first = state.dreams.iter().rev().find(|record| record.batch == 1);
    let Some(dream) = first.and_then(|record| record.dream.as_ref()).filter(|_| !state.is_rebased) else {
        return Ok(Reading::default());
    };
    let changes = around.backend.changes(&base.store, &base.index).await?;
    if changes.is_empty() {
        return Ok(Reading::default());
    }
    let at_work = match around.backend.dream(dream).await {
        Ok(dream) => (dream.created_at - TICK, dream.ended_at.unwrap_or(Timestamp::MAX)),
        Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => (Timestamp::MIN, Timestamp::MAX),
        Err(error) => return Err(error.into()),
    };
    Ok(Reading::of(&base.index, &changes, &ours.index(), at_work))
}

/// Works out how what agents did meanwhile goes into a candidate. Says besides whether the candidate may hold what
/// nobody can look at any more.
pub(super) async fn rebased(
    around: &Surroundings<'_>,
    base: &Base,
    read: &Reading,
    candidate: &MemoryStoreId,
    ours: &Snapshot,
    theirs: &Snapshot,
) -> Result<(Rebase, bool), RunError> {
    let begun = begun(around, base, read, candidate, ours, theirs).await?;
    let mut found = rebase(&base.index, read, &begun, ours, theirs);
    let seen = base.index.entries.iter().chain(read.entries());
    let is_live = |path, hash| ours.get(path).is_some_and(|memory| memory.hash == hash);
    let mut gone: Vec<PastMemory> = seen
        .filter(|(path, entry)| !is_live(path, entry.hash))
        .map(|(path, entry)| PastMemory::of(path, entry))
        .collect();
    gone.sort_by_key(|past| past.hash);
    gone.dedup_by_key(|past| past.hash);
    let texts = around.past().texts(&[base.store.clone(), candidate.clone()], gone.clone()).await?;
    let withdrawn = Withdrawn::of(texts.values().map(AsRef::as_ref), ours);
    found.hold_back(&withdrawn, &base.index, ours, theirs);
    Ok((found, read.is_redacted || texts.len() < gone.len()))
}

/// Returns what the dream may have begun with where it and the live store met, as far as that can still be had:
/// for all of a memory or not at all.
async fn begun(
    around: &Surroundings<'_>,
    base: &Base,
    read: &Reading,
    candidate: &MemoryStoreId,
    ours: &Snapshot,
    theirs: &Snapshot,
) -> Result<Begun, RunError> {
    let (ours, theirs) = (ours.index(), theirs.index());
    let wanted: Vec<Vec<PastMemory>> = rebase::begun(&base.index, read, &ours, &theirs)
        .into_iter()
        .map(|(path, all)| all.into_iter().map(|entry| PastMemory::of(path, entry)).collect())
        .collect();
    let texts = around.past().texts(&[base.store.clone(), candidate.clone()], wanted.concat()).await?;
    let begun = wanted.iter().filter_map(|all| {
        let texts: Option<Vec<_>> = all.iter().map(|past| texts.get(&past.hash).cloned()).collect();
        Some((all.first()?.path.clone(), texts?))
    });
    Ok(begun.collect())
}
