//! What a dream may write into its output store, after agents went on writing there. That is its input
//! store or one that began as a copy of it.
//!
//! Nothing an agent wrote since the input was fixed is overwritten, and nothing moves half: the memories
//! that one change draws from and writes to are brought up to date together or stay together.

use std::collections::{BTreeMap, BTreeSet};

use crate::dreaming::Consolidated;
use crate::memory::{ContentHash, MemoryPath};
use crate::snapshot::Snapshot;

/// A store after a dream has been let in.
#[derive(Debug, PartialEq)]
pub(super) struct Landed {
    /// All it holds.
    pub(super) store: Snapshot,
    /// What the dream would have changed and did not, because it or something it belongs with has changed
    /// since the dream read it.
    pub(super) kept: BTreeSet<MemoryPath>,
}

/// Lets a dream into a store: `base` is what it read, `live` what the store holds now.
pub(super) fn land(base: &Snapshot, made: &Consolidated, live: &Snapshot) -> Landed {
    let hash = |store: &Snapshot, path: &MemoryPath| -> Option<ContentHash> { Some(store.get(path)?.hash) };
    let paths = base.iter().chain(made.store.iter()).map(|memory| &memory.path);
    let changed: BTreeSet<&MemoryPath> =
        paths.filter(|path| hash(base, path) != hash(&made.store, path)).collect();
    let mut groups = Groups::of(&changed, made);
    for path in &changed {
        let now = hash(live, path);
        if now != hash(base, path) && now != hash(&made.store, path) {
            groups.keep(path);
        }
    }
    loop {
        let mut store = live.clone();
        let mut written = BTreeSet::new();
        for path in changed.iter().filter(|path| !groups.is_kept(path)) {
            match made.store.get(path) {
                Some(memory) if hash(live, path) != Some(memory.hash) => {
                    store.insert(memory.clone());
                    written.insert(*path);
                }
                Some(_) => {}
                None => {
                    store.remove(path);
                }
            }
        }
        let in_the_way = collisions(&store, &written, &made.store);
        if in_the_way.is_empty() {
            let kept = changed.into_iter().filter(|path| groups.is_kept(path)).cloned().collect();
            return Landed { store, kept };
        }
        for path in in_the_way {
            groups.keep(&path);
        }
    }
}

/// Returns the written paths that are a folder of, or lie below, a path that an agent put there.
fn collisions(store: &Snapshot, written: &BTreeSet<&MemoryPath>, made: &Snapshot) -> BTreeSet<MemoryPath> {
    let mut found = BTreeSet::new();
    for memory in store.iter() {
        let below = memory.path.as_str();
        for (end, _) in below.match_indices('/').skip(1) {
            let Ok(above) = MemoryPath::parse(&below[..end]) else { continue };
            if store.get(&above).is_none() {
                continue;
            }
            if made.get(&above).is_some() && made.get(&memory.path).is_some() {
                // The dream's own doing: the store will refuse it.
                continue;
            }
            match (written.contains(&above), written.contains(&memory.path)) {
                (true, false) => found.insert(above),
                (false, true) => found.insert(memory.path.clone()),
                _ => continue,
            };
        }
    }
    found
}

/// Which changed paths belong together. Those that no change accounts for belong to each other.
struct Groups<'a> {
    group: BTreeMap<&'a MemoryPath, usize>,
    kept: BTreeSet<usize>,
}

impl<'a> Groups<'a> {
    fn of(changed: &BTreeSet<&'a MemoryPath>, made: &Consolidated) -> Self {
        const UNACCOUNTED: usize = 0;
        let mut group: BTreeMap<&MemoryPath, usize> = BTreeMap::new();
        let mut members: BTreeMap<usize, Vec<&'a MemoryPath>> = BTreeMap::new();
        for (number, change) in made.changes.iter().enumerate() {
            let number = number + 1;
            let touched = std::iter::once(&change.path).chain(change.replaced.iter().map(|old| &old.path));
            let mut own: BTreeSet<&'a MemoryPath> =
                touched.filter_map(|path| changed.get(path).copied()).collect();
            let joined: BTreeSet<usize> = own.iter().filter_map(|path| group.get(path).copied()).collect();
            for other in joined {
                own.extend(members.remove(&other).unwrap_or_default());
            }
            for path in &own {
                group.insert(path, number);
            }
            members.insert(number, own.into_iter().collect());
        }
        for path in changed {
            group.entry(path).or_insert(UNACCOUNTED);
        }
        Self { group, kept: BTreeSet::new() }
    }

    fn keep(&mut self, path: &MemoryPath) {
        self.kept.extend(self.group.get(path));
    }

    fn is_kept(&self, path: &MemoryPath) -> bool {
        self.group.get(path).is_some_and(|group| self.kept.contains(group))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dream::{ChangeKind, DreamChange, Replaced};
    use crate::memory::Memory;

    fn path(text: &str) -> MemoryPath {
        MemoryPath::parse(text).unwrap()
    }

    fn store(entries: &[(&str, &str)]) -> Snapshot {
        entries.iter().map(|(at, text)| Memory::new(path(at), *text)).collect()
    }

    fn change(at: &str, from: &[&str]) -> DreamChange {
        DreamChange {
            kind: ChangeKind::Merged,
            path: path(at),
            statement: None,
            replaced: from
                .iter()
                .map(|from| Replaced { path: path(from), statement: String::new() })
                .collect(),
            evidence: Vec::new(),
            because: String::new(),
        }
    }

    fn kept(landed: &Landed) -> Vec<&str> {
        landed.kept.iter().map(MemoryPath::as_str).collect()
    }

    #[test]
    fn an_undisturbed_store_becomes_what_the_dream_made() {
        let base = store(&[("/a", "1"), ("/b", "2"), ("/c", "3")]);
        let made =
            Consolidated { store: store(&[("/a", "12"), ("/c", "3"), ("/d", "4")]), changes: Vec::new() };
        let landed = land(&base, &made, &base);
        assert_eq!((landed.store.hash(), kept(&landed)), (made.store.hash(), vec![]));
    }

    #[test]
    fn a_merge_into_a_memory_that_moved_on_takes_nothing_from_its_sources() {
        let base = store(&[("/a", "1"), ("/b", "2"), ("/c", "3"), ("/d", "x x")]);
        let made = Consolidated {
            store: store(&[("/a", "1 2"), ("/c", "3"), ("/d", "x")]),
            changes: vec![change("/a", &["/a", "/b"]), change("/d", &["/d"])],
        };
        let live =
            store(&[("/a", "1, says an agent"), ("/b", "2"), ("/c", "3"), ("/d", "x x"), ("/e", "new")]);
        let landed = land(&base, &made, &live);
        let expected =
            store(&[("/a", "1, says an agent"), ("/b", "2"), ("/c", "3"), ("/d", "x"), ("/e", "new")]);
        assert_eq!((landed.store.hash(), kept(&landed)), (expected.hash(), vec!["/a", "/b"]));
    }

    #[test]
    fn a_new_memory_gives_way_to_one_an_agent_put_where_its_folder_would_be() {
        let base = store(&[("/a", "1")]);
        let made =
            Consolidated { store: store(&[("/notes/b", "1")]), changes: vec![change("/notes/b", &["/a"])] };
        let landed = land(&base, &made, &store(&[("/a", "1"), ("/notes", "mine")]));
        assert_eq!(landed.store.hash(), store(&[("/a", "1"), ("/notes", "mine")]).hash());
        assert_eq!(kept(&landed), ["/a", "/notes/b"]);
    }

    fn stores() -> impl Strategy<Value = Snapshot> {
        let entry =
            (prop::sample::select(vec!["/a", "/b", "/c/d", "/e"]), prop::sample::select(vec!["1", "2", "3"]));
        prop::collection::vec(entry, 0..5).prop_map(|entries| store(&entries))
    }

    proptest! {
        #[test]
        fn what_an_agent_changed_stays_as_the_agent_left_it(
            base in stores(), made in stores(), live in stores(),
            links in prop::collection::vec((0_usize..4, 0_usize..4), 0..4),
        ) {
            let names = ["/a", "/b", "/c/d", "/e"];
            let changes = links.iter().map(|&(to, from)| change(names[to], &[names[from]])).collect();
            let made = Consolidated { store: made, changes };
            let landed = land(&base, &made, &live);
            for name in names.map(path) {
                let of = |store: &Snapshot| store.get(&name).map(|memory| memory.hash);
                let result = of(&landed.store);
                if of(&live) != of(&base) {
                    prop_assert_eq!(result, of(&live));
                } else if !landed.kept.contains(&name) {
                    prop_assert_eq!(result, of(&made.store));
                } else {
                    prop_assert_eq!(result, of(&live));
                }
            }
        }
    }
}
