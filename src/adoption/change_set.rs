//! Change sets: the writes that turn one store into another.
//!
//! Every write names what it expects to find, so a store that has moved on refuses it. Puts come
//! before deletes, so that what moves is never missing in between and a broken connection leaves too
//! much rather than too little; only a delete that stands in a put's way (`/a` before `/a/b`) comes
//! first.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::memory::{ContentHash, Memory, MemoryPath, MemoryWrite};
use crate::snapshot::Snapshot;

/// The writes that turn one store into another, in the order to perform them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeSet {
    writes: Vec<MemoryWrite>,
}

/// A write that found something else than it expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` does not hold what the write expects")]
pub struct UnexpectedContent {
    /// Where.
    pub path: MemoryPath,
    /// What is there; `None` for nothing.
    pub found: Option<ContentHash>,
}

impl ChangeSet {
    /// Finds the writes that turn one snapshot into another.
    pub fn between(from: &Snapshot, to: &Snapshot) -> Self {
        let puts = to.iter().filter_map(|new| {
            let expected = from.get(&new.path).map(|old| old.hash);
            (expected != Some(new.hash)).then(|| MemoryWrite::Put {
                path: new.path.clone(),
                content: new.content.clone(),
                expected,
            })
        });
        let deletes = from
            .iter()
            .filter(|old| to.get(&old.path).is_none())
            .map(|old| MemoryWrite::Delete { path: old.path.clone(), expected: old.hash });
        Self::ordered(puts.chain(deletes))
    }

    /// Puts writes to different paths into the order of the module documentation.
    pub fn ordered(writes: impl IntoIterator<Item = MemoryWrite>) -> Self {
        let by_path: BTreeMap<MemoryPath, MemoryWrite> =
            writes.into_iter().map(|write| (write.path().clone(), write)).collect();
        let puts: BTreeSet<&str> = by_path
            .values()
            .filter(|write| matches!(write, MemoryWrite::Put { .. }))
            .map(|write| write.path().as_str())
            .collect();
        let rank = |write: &MemoryWrite| match write {
            MemoryWrite::Delete { path, .. } if has_relative(&puts, path.as_str()) => 0,
            MemoryWrite::Put { .. } => 1,
            MemoryWrite::Delete { .. } => 2,
        };
        let mut ranked: Vec<_> = by_path.values().map(|write| (rank(write), write.clone())).collect();
        ranked.sort_by_key(|&(rank, _)| rank);
        Self { writes: ranked.into_iter().map(|(_, write)| write).collect() }
    }

    /// Returns the writes in order.
    pub fn writes(&self) -> &[MemoryWrite] {
        &self.writes
    }

    /// Says whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Carries the writes out on a snapshot, as a backend would on a store.
    ///
    /// # Errors
    ///
    /// Stops at the first write whose expectation fails.
    pub fn apply(&self, store: &Snapshot) -> Result<Snapshot, UnexpectedContent> {
        let mut store = store.clone();
        for write in &self.writes {
            let found = store.get(write.path()).map(|memory| memory.hash);
            let expected = match write {
                MemoryWrite::Put { expected, .. } => *expected,
                MemoryWrite::Delete { expected, .. } => Some(*expected),
            };
            if found != expected {
                return Err(UnexpectedContent { path: write.path().clone(), found });
            }
            match write {
                MemoryWrite::Put { path, content, .. } => {
                    store.insert(Memory::new(path.clone(), content.clone()));
                }
                MemoryWrite::Delete { path, .. } => {
                    store.remove(path);
                }
            }
        }
        Ok(store)
    }
}

/// A new memory that cannot be written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Blocked {
    /// Where it was to be.
    pub(super) path: MemoryPath,
    /// What it was to hold.
    pub(super) hash: ContentHash,
    /// What stands where its folder, or something below it, would be.
    pub(super) by: MemoryPath,
}

/// Takes out the puts of new memories in whose way something of a store stands that no write takes away.
pub(super) fn take_blocked<'t>(
    writes: &mut Vec<MemoryWrite>,
    there: impl IntoIterator<Item = &'t MemoryPath>,
) -> Vec<Blocked> {
    let deletes = writes.iter().filter(|write| matches!(write, MemoryWrite::Delete { .. }));
    let leaving: BTreeSet<&MemoryPath> = deletes.map(MemoryWrite::path).collect();
    let staying: BTreeMap<&str, &MemoryPath> =
        there.into_iter().filter(|path| !leaving.contains(path)).map(|path| (path.as_str(), path)).collect();
    let names: BTreeSet<&str> = staying.keys().copied().collect();
    let mut blocked = Vec::new();
    writes.retain(|write| {
        let MemoryWrite::Put { path, content, expected: None } = write else { return true };
        let Some(by) = relative_in(&names, path.as_str()) else { return true };
        let (path, hash) = (path.clone(), ContentHash::of(content.as_bytes()));
        blocked.push(Blocked { path, hash, by: staying[by].clone() });
        false
    });
    blocked
}

/// Returns a path of the set that is a folder of `path` or stands under it.
pub(super) fn relative_in<'a>(paths: &BTreeSet<&'a str>, path: &str) -> Option<&'a str> {
    let above = path.match_indices('/').skip(1).find_map(|(end, _)| paths.get(&path[..end]).copied());
    let below = || {
        let folder = format!("{path}/");
        let mut from = paths.range::<str, _>((Bound::Included(folder.as_str()), Bound::Unbounded));
        from.next().copied().filter(|next| next.starts_with(&folder))
    };
    above.or_else(below)
}

fn has_relative(paths: &BTreeSet<&str>, path: &str) -> bool {
    relative_in(paths, path).is_some()
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn store(entries: &[(&str, &str)]) -> Snapshot {
        entries.iter().map(|&(path, text)| Memory::new(MemoryPath::parse(path).unwrap(), text)).collect()
    }

    /// Makes stores without collisions, of few paths and few contents, so that they often meet.
    pub(crate) fn any_store() -> impl Strategy<Value = Snapshot> {
        proptest::collection::btree_map("/[a-c](/[a-b])?", "[xyz]", 0..7).prop_map(|entries| {
            let mut paths = BTreeSet::new();
            let mut store = Snapshot::default();
            for (path, text) in &entries {
                if relative_in(&paths, path).is_none() {
                    paths.insert(path);
                    store.insert(Memory::new(MemoryPath::parse(path).unwrap(), text.as_str()));
                }
            }
            store
        })
    }

    fn told(set: &ChangeSet) -> Vec<String> {
        let tell = |write: &MemoryWrite| match write {
            MemoryWrite::Put { path, expected: None, .. } => format!("create {path}"),
            MemoryWrite::Put { path, .. } => format!("update {path}"),
            MemoryWrite::Delete { path, .. } => format!("delete {path}"),
        };
        set.writes().iter().map(tell).collect()
    }

    #[test]
    fn puts_come_first_except_where_a_delete_clears_the_way() {
        let from = store(&[("/a", "1"), ("/b/c", "2"), ("/d", "3"), ("/e", "4"), ("/f", "5")]);
        let to = store(&[("/a/x", "1"), ("/b", "2"), ("/e", "edited"), ("/f", "5"), ("/z", "3")]);
        assert_eq!(
            told(&ChangeSet::between(&from, &to)),
            ["delete /a", "delete /b/c", "create /a/x", "create /b", "update /e", "create /z", "delete /d"]
        );
        assert!(ChangeSet::between(&to, &to).is_empty());
    }

    #[test]
    fn a_store_that_moved_on_refuses_the_writes() {
        let from = store(&[("/a", "1")]);
        let set = ChangeSet::between(&from, &store(&[("/a", "2")]));
        let moved_on = store(&[("/a", "changed by an agent")]);
        assert_eq!(set.apply(&moved_on).map_err(|e| e.path.to_string()), Err("/a".to_owned()));
    }

    proptest! {
        #[test]
        fn writing_the_change_set_gives_the_second_store(a in any_store(), b in any_store()) {
            let written = ChangeSet::between(&a, &b).apply(&a).unwrap();
            prop_assert_eq!(written.hash(), b.hash());
        }

        #[test]
        fn no_put_ever_meets_a_memory_in_its_way(a in any_store(), b in any_store()) {
            let mut paths: BTreeSet<String> = a.iter().map(|m| m.path.to_string()).collect();
            for write in ChangeSet::between(&a, &b).writes() {
                let path = write.path().as_str();
                match write {
                    MemoryWrite::Put { .. } => {
                        let there = paths.iter().map(String::as_str).collect();
                        prop_assert_eq!(relative_in(&there, path), None);
                        paths.insert(path.to_owned());
                    }
                    MemoryWrite::Delete { .. } => { paths.remove(path); }
                }
            }
        }
    }
}
