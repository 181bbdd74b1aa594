//! Late writes: what agents wrote to the old store between the last look at it and the move.
//!
//! After the move there is no review to send them to. What can be merged statement by statement is; elsewhere
//! the late write takes the dream's place, and gives way to what agents have written to the new store since.

use std::collections::BTreeSet;

use crate::adoption::rebase::{contested, rebase};
use crate::adoption::{ChangeSet, Conflict, Merged, Reading, Texts, Withdrawn, merge};
use crate::backend::{BackendError, PastMemory, Refusal};
use crate::ids::MemoryStoreId;
use crate::journal::run_state::Base;
use crate::memory::{ContentHash, MemoryPath, MemoryWrite};
use crate::snapshot::{Snapshot, SnapshotIndex};

use super::reading::texts_of;
use super::{RunError, Surroundings};

/// How often it is tried while agents keep writing to the very entries.
const TRIES: usize = 20;

/// What became of late writes.
#[derive(Debug, Default)]
pub(super) struct Late {
    pub(super) carried: Vec<MemoryPath>,
    pub(super) merged: Vec<Merged>,
    pub(super) conflicts: Vec<Conflict>,
}

impl Late {
    /// Adds what a later look found: what is left to say of conflicts, and what else was carried over.
    fn and(self, later: Self) -> Self {
        let is_new = |one: &Merged| later.merged.iter().all(|other| other.path != one.path);
        let merged = self.merged.into_iter().filter(is_new).collect::<Vec<_>>();
        let carried: BTreeSet<MemoryPath> = self.carried.into_iter().chain(later.carried).collect();
        Self {
            carried: carried.into_iter().collect(),
            merged: merged.into_iter().chain(later.merged).collect(),
            conflicts: later.conflicts,
        }
    }
}

/// Carries over what agents wrote to the old store between the last look at it and the move. Where the
/// new store still holds what was `judged`, the late write takes its place or is merged with it. What agents
/// have written to the new store since is newer and stays, merged with the late write where that is sound.
pub(super) async fn carry_late_writes(
    around: &Surroundings<'_>,
    base: &Base,
    judged: Option<&SnapshotIndex>,
    to: &MemoryStoreId,
) -> Result<Late, RunError> {
    let mut late = Late::default();
    let mut tries = 0;
    loop {
        let (found, writes) = look(around, base, judged, to).await?;
        late = late.and(found);
        if writes.is_empty() {
            return Ok(late);
        }
        tries += 1;
        match around.backend.write(to, writes.writes()).await {
            Ok(()) => return Ok(late),
            // Somebody changed an entry since the look.
            Err(BackendError::Refused { kind: Refusal::Conflict, .. }) if tries < TRIES => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Works out what is left to carry over.
async fn look(
    around: &Surroundings<'_>,
    base: &Base,
    judged: Option<&SnapshotIndex>,
    to: &MemoryStoreId,
) -> Result<(Late, ChangeSet), RunError> {
    let late = around.backend.snapshot(&base.store).await?;
    if late.hash() == base.index.hash() {
        return Ok(Default::default());
    }
    let adopted = around.backend.snapshot(to).await?;
    let judged = judged.cloned().unwrap_or_else(|| adopted.index());
    let in_judged = |path: &MemoryPath| judged.entries.get(path).map(|entry| entry.hash);
    let newer: BTreeSet<&MemoryPath> = judged
        .entries
        .keys()
        .chain(adopted.iter().map(|memory| &memory.path))
        .filter(|path| in_judged(path) != adopted.get(path).map(|memory| memory.hash))
        .collect();
    let (known, met) = late_conflicts(&base.index, &late, &newer, &adopted);
    let (late_index, adopted_index) = (late.index(), adopted.index());
    let at = |index: &SnapshotIndex, path: &MemoryPath| Some(PastMemory::of(path, index.entries.get(path)?));
    let both: Vec<PastMemory> = contested(&base.index, &late_index, &adopted_index)
        .filter_map(|path| at(&base.index, path))
        .collect();
    let meeting = met.iter().filter_map(|conflict| at(&judged, &conflict.path));
    let wanted = both.iter().cloned().chain(meeting).collect();
    let texts = texts_of(around, wanted, [to, &base.store]).await?;
    let begun = both.into_iter().filter_map(|past| Some((past.path, vec![texts.get(&past.hash)?.clone()])));

    // The dream was over before the base was looked at last.
    let mut found = rebase(&known, &Reading::default(), &begun.collect(), &late, &adopted);
    let mut writes = found.writes_with_live_winning(&late, &adopted).writes().to_vec();
    let mut conflicts = Vec::new();
    for conflict in met {
        let Some((merged, text)) = merged_late(&conflict, &judged, &texts, &late, &adopted) else {
            conflicts.push(conflict);
            continue;
        };
        if merged.becomes != merged.theirs {
            let (path, expected) = (merged.path.clone(), Some(merged.theirs));
            writes.push(MemoryWrite::Put { path, content: text.into(), expected });
        }
        found.carried.push(merged.path.clone());
        found.merged.push(merged);
    }
    let writes = ChangeSet::ordered(writes);
    conflicts.extend(displaced(&base.index, &late, &adopted, &writes, &conflicts));
    let replaced = found.conflicts.into_iter().map(|conflict| conflict.path);
    let carried = found.carried.into_iter().chain(replaced).collect::<BTreeSet<_>>().into_iter().collect();
    Ok((Late { carried, merged: found.merged, conflicts }, writes))
}

/// Names the memories of the old store that say what a late write takes out of the new one: the dream had let go of
/// them because what is replaced now said the same.
fn displaced(
    base: &SnapshotIndex,
    late: &Snapshot,
    adopted: &Snapshot,
    writes: &ChangeSet,
    named: &[Conflict],
) -> Vec<Conflict> {
    let Ok(after) = writes.apply(adopted) else { return Vec::new() };
    let gone = Withdrawn::of(adopted.iter().map(|memory| memory.content.as_ref()), &after);
    let is_named = |path: &MemoryPath| named.iter().any(|conflict| conflict.path == *path);
    late.iter()
        .filter(|memory| !is_named(&memory.path) && gone.is_in(&memory.content))
        .map(|memory| Conflict {
            path: memory.path.clone(),
            base: base.entries.get(&memory.path).map(|entry| entry.hash),
            ours: Some(memory.hash),
            theirs: after.get(&memory.path).map(|memory| memory.hash),
            collides_with: None,
        })
        .collect()
}

/// Merges a late write with a newer one: both began with what was judged, once the late write is in that. What
/// an earlier process merged is found to be so.
fn merged_late(
    conflict: &Conflict,
    judged: &SnapshotIndex,
    texts: &Texts,
    late: &Snapshot,
    adopted: &Snapshot,
) -> Option<(Merged, String)> {
    let path = &conflict.path;
    let (base, late, adopted) = (conflict.base?, late.get(path)?, adopted.get(path)?);
    let judged = texts.get(&judged.entries.get(path)?.hash)?;
    let moved = merge(texts.get(&base)?, &late.content, judged)?;
    let text = merge(judged, &moved, &adopted.content)?;
    let becomes = ContentHash::of(text.as_bytes());
    let merged = Merged { path: path.clone(), base, ours: late.hash, theirs: adopted.hash, becomes };
    Some((merged, text))
}

/// Finds the late writes that meet a newer one in the new store, and returns the base in which they are
/// no writes any more.
fn late_conflicts(
    base: &SnapshotIndex,
    late: &Snapshot,
    newer: &BTreeSet<&MemoryPath>,
    adopted: &Snapshot,
) -> (SnapshotIndex, Vec<Conflict>) {
    let late_index = late.index();
    let mut known = base.clone();
    let mut conflicts = Vec::new();
    let paths: BTreeSet<&MemoryPath> = base.entries.keys().chain(late_index.entries.keys()).collect();
    for path in paths {
        let was = base.entries.get(path).map(|entry| entry.hash);
        let ours = late_index.entries.get(path);
        let theirs = adopted.get(path).map(|memory| memory.hash);
        let now = ours.map(|entry| entry.hash);
        if now == was || now == theirs {
            continue;
        }
        let in_the_way = newer
            .iter()
            .find(|other| **other != path && other.collides_with(path) && adopted.get(other).is_some());
        if !newer.contains(path) && (ours.is_none() || in_the_way.is_none()) {
            continue;
        }
        conflicts.push(Conflict {
            path: path.clone(),
            base: was,
            ours: now,
            theirs,
            collides_with: in_the_way.map(|other| (*other).clone()),
        });
        match ours {
            Some(entry) => known.entries.insert(path.clone(), entry.clone()),
            None => known.entries.remove(path),
        };
    }
    (known, conflicts)
}
