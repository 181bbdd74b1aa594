//! Late writes: what agents wrote to the old store between the last look at it and the move.
//!
//! After the move there is no review to send them to. What can be merged statement by statement is; elsewhere
//! the late write takes the dream's place, and gives way to what agents have written to the new store since.

use std::collections::{BTreeMap, BTreeSet};

use crate::adoption::rebase::{contested, rebase};
use crate::adoption::{ChangeSet, Conflict, Merged, Reading, Texts, Withdrawn, merge};
use crate::backend::{BackendError, PastMemory, Refusal};
use crate::ids::MemoryStoreId;
use crate::journal::run_state::Base;
use crate::memory::{ContentHash, MemoryPath, MemoryWrite};
use crate::snapshot::{Change, IndexEntry, Snapshot, SnapshotIndex};

use super::{RunError, Surroundings};

/// How often it is looked while agents keep writing.
const LOOKS: usize = 20;

/// What became of late writes.
#[derive(Debug)]
pub(super) struct Late {
    pub(super) carried: Vec<MemoryPath>,
    pub(super) merged: Vec<Merged>,
    pub(super) conflicts: Vec<Conflict>,
    /// What the new store holds with them.
    pub(super) hash: ContentHash,
}

impl Late {
    /// Tells that there is none.
    pub(super) fn none(hash: ContentHash) -> Self {
        Self { carried: Vec::new(), merged: Vec::new(), conflicts: Vec::new(), hash }
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
    let mut looks = 0;
    loop {
        // The last look finds again what came of those before it.
        let (late, writes) = look(around, base, judged, to).await?;
        looks += 1;
        if writes.is_empty() {
            return Ok(late);
        }
        match around.backend.write(to, writes.writes()).await {
            Ok(()) if looks < LOOKS => {}
            Ok(()) => return Ok(Late { hash: around.backend.index(to).await?.hash(), ..late }),
            // Somebody changed an entry since the look.
            Err(BackendError::Refused { kind: Refusal::Conflict, .. }) if looks < LOOKS => {}
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
    let late = match around.backend.snapshot(&base.store).await {
        // Nobody writes to a store that was deleted.
        Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => None,
        late => Some(late?),
    };
    let adopted = around.backend.snapshot(to).await?;
    let judged = judged.cloned().unwrap_or_else(|| adopted.index());
    let as_it_is = || (Late::none(adopted.hash()), ChangeSet::default());
    let Some(late) = late else { return Ok(as_it_is()) };
    if late.hash() == base.index.hash() && adopted.hash() == judged.hash() {
        return Ok(as_it_is());
    }
    let (late_index, adopted_index) = (late.index(), adopted.index());
    let mut newer: BTreeSet<&MemoryPath> = changed(&judged, &adopted_index).collect();
    let mut begun_with = base.index.clone();
    for (path, entry) in carried_before(around, base, (to, &judged), &late_index, &adopted_index).await? {
        newer.remove(&path);
        match entry {
            Some(entry) => begun_with.entries.insert(path, entry),
            None => begun_with.entries.remove(&path),
        };
    }
    let (known, met) = late_conflicts(&begun_with, &late_index, &newer, &adopted);
    let at = |index: &SnapshotIndex, path: &MemoryPath| Some(PastMemory::of(path, index.entries.get(path)?));
    let both: Vec<PastMemory> = contested(&begun_with, &late_index, &adopted_index)
        .filter_map(|path| at(&begun_with, path))
        .collect();
    let meeting = met.iter().filter_map(|conflict| at(&judged, &conflict.path));
    let gone: Vec<PastMemory> =
        changed(&base.index, &late_index).filter_map(|path| at(&base.index, path)).collect();
    let may_give_way = changed(&base.index, &late_index)
        .filter_map(|path| at(&judged, path))
        .filter(|past| hash(&late_index, &past.path) != Some(past.hash));
    let may_give_way: Vec<PastMemory> = may_give_way.collect();
    let wanted = both.iter().chain(&gone).chain(&may_give_way).cloned().chain(meeting).collect();
    let texts = around.past().texts(&[to.clone(), base.store.clone()], wanted).await?;
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
    if let Ok(after) = writes.apply(&adopted) {
        let gave_way = may_give_way.iter().filter(|past| {
            let held = |store: &Snapshot| store.get(&past.path).map(|memory| memory.hash);
            held(&after) == held(&late)
        });
        let gave_way =
            Withdrawn::of(gave_way.filter_map(|past| Some(texts.get(&past.hash)?.as_ref())), &after);
        conflicts.extend(displaced(&gave_way, &base.index, &late, &after, &conflicts));
        let withdrawn =
            Withdrawn::of(gone.iter().filter_map(|past| Some(texts.get(&past.hash)?.as_ref())), &late);
        conflicts.extend(withdrawn.brought_back(&base.index, &late, &after, &conflicts));
    }
    conflicts.sort_by(|a, b| a.path.cmp(&b.path));
    let replaced = found.conflicts.into_iter().map(|conflict| conflict.path);
    let carried = found.carried.into_iter().chain(replaced).collect::<BTreeSet<_>>().into_iter().collect();
    Ok((Late { carried, merged: found.merged, conflicts, hash: adopted.hash() }, writes))
}

/// Finds what an earlier look carried over and agents have changed since, in either store, and returns for each path
/// what both stores then held. The pasts of the stores tell: where the new one holds what the old one held once,
/// that is no write to the new one, and where it held once what the old one holds, the late write is there no more
/// because of a newer one.
async fn carried_before(
    around: &Surroundings<'_>,
    base: &Base,
    (to, judged): (&MemoryStoreId, &SnapshotIndex),
    late: &SnapshotIndex,
    adopted: &SnapshotIndex,
) -> Result<BTreeMap<MemoryPath, Option<IndexEntry>>, RunError> {
    let paths: BTreeSet<&MemoryPath> = changed(&base.index, late).chain(changed(judged, adopted)).collect();
    let apart: Vec<&MemoryPath> =
        paths.into_iter().filter(|path| hash(late, path) != hash(adopted, path)).collect();
    if apart.is_empty() {
        return Ok(BTreeMap::new());
    }
    let of_old = around.backend.changes(&base.store, &base.index).await?;
    let of_new = around.backend.changes(to, judged).await?;
    let held = |changes: &[Change], path: &MemoryPath, wanted: Option<ContentHash>| {
        let mut there = changes.iter().filter(|change| change.path.as_ref() == Some(path));
        there.any(|change| change.holds.as_ref().map(|entry| entry.hash) == wanted)
    };
    let carried = apart.into_iter().filter_map(|path| {
        let (ours, theirs) = (late.entries.get(path), adopted.entries.get(path));
        let was_overtaken = ours.is_some() && held(&of_new, path, hash(late, path));
        let was_carried = !was_overtaken && held(&of_old, path, hash(adopted, path));
        let both = if was_overtaken { Some(ours) } else { was_carried.then_some(theirs) };
        both.map(|entry| (path.clone(), entry.cloned()))
    });
    Ok(carried.collect())
}

fn hash(index: &SnapshotIndex, path: &MemoryPath) -> Option<ContentHash> {
    index.entries.get(path).map(|entry| entry.hash)
}

/// Names the memories of the old store that say what a late write takes out of the new one: the dream had let go of
/// them because what is replaced now said the same.
fn displaced(
    gave_way: &Withdrawn,
    base: &SnapshotIndex,
    late: &Snapshot,
    after: &Snapshot,
    named: &[Conflict],
) -> Vec<Conflict> {
    let is_named = |path: &MemoryPath| named.iter().any(|conflict| conflict.path == *path);
    late.iter()
        .filter(|memory| !is_named(&memory.path) && gave_way.is_in(&memory.content))
        .map(|memory| Conflict {
            path: memory.path.clone(),
            base: base.entries.get(&memory.path).map(|entry| entry.hash),
            ours: Some(memory.hash),
            theirs: after.get(&memory.path).map(|memory| memory.hash),
            collides_with: None,
        })
        .collect()
}

/// Returns the paths at which the second index holds something else than the first.
fn changed<'p>(was: &'p SnapshotIndex, is: &'p SnapshotIndex) -> impl Iterator<Item = &'p MemoryPath> {
    let paths: BTreeSet<&MemoryPath> = was.entries.keys().chain(is.entries.keys()).collect();
    paths.into_iter().filter(move |path| hash(was, path) != hash(is, path))
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
    late: &SnapshotIndex,
    newer: &BTreeSet<&MemoryPath>,
    adopted: &Snapshot,
) -> (SnapshotIndex, Vec<Conflict>) {
    let mut known = base.clone();
    let mut conflicts = Vec::new();
    for path in changed(base, late) {
        let was = hash(base, path);
        let ours = late.entries.get(path);
        let theirs = adopted.get(path).map(|memory| memory.hash);
        let now = ours.map(|entry| entry.hash);
        if now == theirs {
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
