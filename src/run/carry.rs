//! Carrying over what agents wrote since an adoption, when it is undone.
//!
//! Agents may write to either store meanwhile. Every write names what it expects to find; refused, both stores
//! are looked at again. The work may be cut off anywhere and repeated: what was carried over already is
//! recognised by what the store that gives way held once.

use std::collections::BTreeSet;

use crate::adoption::carry::{Carry, Sides, carry};
use crate::adoption::rebase::contested;
use crate::backend::{BackendError, PastMemory, Refusal};
use crate::ids::MemoryStoreId;
use crate::journal::run_state::RunState;
use crate::memory::{ContentHash, MemoryPath};

use super::RunError;
use super::past::Past;

/// How often it is tried while agents keep writing to the very entries.
const TRIES: usize = 20;

/// Writes what agents wrote to the store that a run had made live into the store that was live before. What they go
/// on writing meanwhile is looked at again, up to a limit: who calls once more after that store has given way finds
/// the rest.
pub(super) async fn carry_over(
    past: Past<'_>,
    run: &RunState,
    from: &MemoryStoreId,
    to: &MemoryStoreId,
) -> Result<Carry, RunError> {
    let mut tries = 0;
    loop {
        let found = look(past, run, from, to).await?;
        tries += 1;
        if found.writes.is_empty() {
            return Ok(found);
        }
        match past.backend.write(to, found.writes.writes()).await {
            Ok(()) if tries < TRIES => {}
            Ok(()) => return Ok(found),
            Err(BackendError::Refused { kind: Refusal::Conflict, .. }) if tries < TRIES => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Works out what is left to carry over.
pub(super) async fn look(
    past: Past<'_>,
    run: &RunState,
    from: &MemoryStoreId,
    to: &MemoryStoreId,
) -> Result<Carry, RunError> {
    let (Some(base), Some(adopted)) = (&run.base, &run.intended) else { return Ok(Carry::default()) };
    let (ours, theirs) = (past.backend.snapshot(from).await?, past.backend.snapshot(to).await?);
    let wanted: Vec<PastMemory> = contested(adopted, &ours.index(), &theirs.index())
        .filter_map(|path| Some(PastMemory::of(path, adopted.entries.get(path)?)))
        .collect();
    let texts = past.texts(&[from.clone(), to.clone()], wanted).await?;
    let before = &base.index;
    let once = BTreeSet::new();
    let sides = Sides { adopted, before, ours: &ours, theirs: &theirs, once: &once };
    let found = carry(&sides, &texts);
    if found.left.iter().all(|one| one.theirs.is_none()) {
        return Ok(found);
    }
    // It may have been carried over, and written to again since.
    let versions = past.backend.versions(from).await?;
    let once: BTreeSet<(MemoryPath, ContentHash)> =
        versions.into_iter().map(|past| (past.path, past.hash)).collect();
    Ok(carry(&Sides { once: &once, ..sides }, &texts))
}
