//! Late writes: what agents wrote to the old store between the last look at it and the move.
//!
//! After the move there is no review to send them to. What can be merged statement by statement is; elsewhere
//! the late write takes the dream's place, and gives way to what agents have written to the new store since.

use std::collections::BTreeSet;

use crate::adoption::rebase::{contested, rebase};
use crate::adoption::{ChangeSet, Conflict, Merged, Reading, Texts, merge};
use crate::backend::PastMemory;
use crate::ids::MemoryStoreId;
use crate::journal::run_state::Base;
use crate::memory::{ContentHash, MemoryPath, MemoryWrite};
use crate::snapshot::{Snapshot, SnapshotIndex};

use super::reading::texts_of;
use super::{RunError, Surroundings};

/// What became of late writes.
#[derive(Debug, Default)]
pub(super) struct Late {
    pub(super) carried: Vec<MemoryPath>,
    pub(super) merged: Vec<Merged>,
    pub(super) conflicts: Vec<Conflict>,
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
    let late = around.backend.snapshot(&base.store).await?;
    if late.hash() == base.index.hash() {
        return Ok(Late::default());
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
    around.backend.write(to, ChangeSet::ordered(writes).writes()).await?;
    let replaced = found.conflicts.into_iter().map(|conflict| conflict.path);
    let carried = found.carried.into_iter().chain(replaced).collect::<BTreeSet<_>>().into_iter().collect();
    Ok(Late { carried, merged: found.merged, conflicts })
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
