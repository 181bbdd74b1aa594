//! Rebase: carrying writes made to the live store during a dream over into its candidate.
//!
//! *Base* is the live store when the dream began, *ours* is the live store now, *theirs* is the
//! candidate. A live write is a path where ours differs from base. Where the dream left such a path
//! alone, or came to the same content, the live write is carried over; where it did something else
//! there, a person decides. No live write is dropped without being named.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::memory::{ContentHash, Memory, MemoryPath, MemoryWrite};
use crate::snapshot::{Snapshot, SnapshotIndex};

use super::change_set::{ChangeSet, UnexpectedContent, relative_in};

/// How live writes go into a candidate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebase {
    /// What to write to the candidate.
    pub writes: ChangeSet,
    /// The live writes that the candidate then holds, in order; some may have been there already.
    pub carried: Vec<MemoryPath>,
    /// The live writes that it does not hold, in order of path.
    pub conflicts: Vec<Conflict>,
}

/// A path that both the live store and the dream changed, each to something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conflict {
    /// Where.
    pub path: MemoryPath,
    /// What the dream began with; `None` for nothing.
    pub base: Option<ContentHash>,
    /// What the live store holds now.
    pub ours: Option<ContentHash>,
    /// What the candidate holds.
    pub theirs: Option<ContentHash>,
    /// The candidate's memory that stands where this one's folder or children would be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collides_with: Option<MemoryPath>,
}

impl Rebase {
    /// Says whether the live store has not been written to since the dream began.
    pub fn is_empty(&self) -> bool {
        self.carried.is_empty() && self.conflicts.is_empty()
    }

    /// Returns the candidate with the live writes in it.
    ///
    /// # Errors
    ///
    /// Fails if this is not the candidate that the rebase was made for.
    pub fn merged(&self, theirs: &Snapshot) -> Result<Snapshot, UnexpectedContent> {
        self.writes.apply(theirs)
    }
}

/// Works out how the live writes go into the candidate.
pub fn rebase(base: &SnapshotIndex, ours: &Snapshot, theirs: &Snapshot) -> Rebase {
    let mut carried = BTreeSet::new();
    let mut conflicts = BTreeMap::new();
    let mut writes = Vec::new();
    let paths: BTreeSet<&MemoryPath> = base.entries.keys().chain(ours.iter().map(|m| &m.path)).collect();
    for path in paths {
        let was = base.entries.get(path).map(|entry| entry.hash);
        let live = ours.get(path);
        let here = hash_of(theirs, path);
        let now = live.map(|memory| memory.hash);
        if now == was {
            continue;
        }
        if here == now {
            carried.insert(path.clone());
        } else if here == was {
            carried.insert(path.clone());
            writes.extend(write(path, live, here));
        } else {
            let conflict =
                Conflict { path: path.clone(), base: was, ours: now, theirs: here, collides_with: None };
            conflicts.insert(path.clone(), conflict);
        }
    }

    // Whatever the candidate keeps may stand in the way of a memory that is new to it.
    let leaving: BTreeSet<&str> = writes
        .iter()
        .filter(|write| matches!(write, MemoryWrite::Delete { .. }))
        .map(|write| write.path().as_str())
        .collect();
    let staying: BTreeSet<&str> =
        theirs.iter().map(|memory| memory.path.as_str()).filter(|path| !leaving.contains(path)).collect();
    writes.retain(|write| {
        let MemoryWrite::Put { path, expected: None, .. } = write else { return true };
        let Some(other) = relative_in(&staying, path.as_str()) else { return true };
        carried.remove(path);
        conflicts.insert(
            path.clone(),
            Conflict {
                path: path.clone(),
                base: None,
                ours: hash_of(ours, path),
                theirs: None,
                collides_with: MemoryPath::parse(other).ok(),
            },
        );
        false
    });

    Rebase {
        writes: ChangeSet::ordered(writes),
        carried: carried.into_iter().collect(),
        conflicts: conflicts.into_values().collect(),
    }
}

fn hash_of(store: &Snapshot, path: &MemoryPath) -> Option<ContentHash> {
    store.get(path).map(|memory| memory.hash)
}

/// Returns the write that brings one path of the candidate to its live state.
fn write(path: &MemoryPath, live: Option<&Memory>, here: Option<ContentHash>) -> Option<MemoryWrite> {
    match (live, here) {
        (Some(memory), expected) => {
            Some(MemoryWrite::Put { path: path.clone(), content: memory.content.clone(), expected })
        }
        (None, Some(expected)) => Some(MemoryWrite::Delete { path: path.clone(), expected }),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::change_set::tests::{any_store, store};
    use super::*;

    fn told(rebase: &Rebase) -> (Vec<String>, Vec<String>) {
        let carried = rebase.carried.iter().map(ToString::to_string).collect();
        let conflicts = rebase.conflicts.iter().map(|c| c.path.to_string()).collect();
        (carried, conflicts)
    }

    #[test]
    fn each_path_is_carried_or_in_conflict_by_what_both_sides_did() {
        // base, ours, theirs; then: carried, in conflict, what the candidate holds after.
        let table = [
            ("1", "1", "1", false, false, "1"),
            ("1", "1", "2", false, false, "2"),
            ("1", "1", "", false, false, ""),
            ("", "", "2", false, false, "2"),
            ("1", "2", "1", true, false, "2"),
            ("1", "", "1", true, false, ""),
            ("", "2", "", true, false, "2"),
            ("1", "2", "2", true, false, "2"),
            ("", "2", "2", true, false, "2"),
            ("1", "", "", true, false, ""),
            ("1", "2", "3", false, true, "3"),
            ("1", "2", "", false, true, ""),
            ("1", "", "3", false, true, "3"),
            ("", "2", "3", false, true, "3"),
        ];
        for (base, ours, theirs, is_carried, is_conflict, merged) in table {
            let side = |text: &str| if text.is_empty() { store(&[]) } else { store(&[("/a", text)]) };
            let rebase = rebase(&side(base).index(), &side(ours), &side(theirs));
            let case = format!("{base:?} {ours:?} {theirs:?}");
            assert_eq!(
                (rebase.carried.len() == 1, rebase.conflicts.len() == 1),
                (is_carried, is_conflict),
                "{case}"
            );
            assert_eq!(rebase.merged(&side(theirs)).unwrap().hash(), side(merged).hash(), "{case}");
        }
    }

    #[test]
    fn a_live_memory_that_would_stand_in_the_way_is_a_conflict() {
        let base = store(&[("/x", "1")]);
        let ours = store(&[("/x", "1"), ("/a", "live"), ("/b/c", "live")]);
        let theirs = store(&[("/x", "1"), ("/a/d", "dream"), ("/b", "dream")]);
        let rebase = rebase(&base.index(), &ours, &theirs);
        assert_eq!(told(&rebase), (vec![], vec!["/a".to_owned(), "/b/c".to_owned()]));
        let others: Vec<_> = rebase.conflicts.iter().filter_map(|c| c.collides_with.as_ref()).collect();
        assert_eq!(others.iter().map(|p| p.as_str()).collect::<Vec<_>>(), ["/a/d", "/b"]);
        assert!(rebase.writes.is_empty());
    }

    #[test]
    fn a_live_memory_takes_the_place_of_one_that_was_deleted_for_it() {
        let base = store(&[("/a", "1")]);
        let ours = store(&[("/a/b", "1")]);
        let rebase = rebase(&base.index(), &ours, &base);
        assert_eq!(told(&rebase), (vec!["/a".to_owned(), "/a/b".to_owned()], vec![]));
        assert_eq!(rebase.merged(&base).unwrap().hash(), ours.hash());
    }

    proptest! {
        #[test]
        fn no_live_write_is_dropped_in_silence(base in any_store(), ours in any_store(), theirs in any_store()) {
            let rebase = rebase(&base.index(), &ours, &theirs);
            let merged = rebase.merged(&theirs).unwrap();
            for path in base.iter().chain(ours.iter()).map(|m| &m.path) {
                if hash_of(&base, path) != hash_of(&ours, path) {
                    let is_named = rebase.conflicts.iter().any(|c| c.path == *path);
                    prop_assert!(is_named != (hash_of(&merged, path) == hash_of(&ours, path)), "{}", path);
                    prop_assert!(is_named != rebase.carried.contains(path), "{}", path);
                }
            }
        }

        #[test]
        fn what_no_live_write_touched_is_the_candidates(base in any_store(), ours in any_store(), theirs in any_store()) {
            let rebase = rebase(&base.index(), &ours, &theirs);
            let merged = rebase.merged(&theirs).unwrap();
            for path in theirs.iter().chain(merged.iter()).map(|m| &m.path) {
                if hash_of(&base, path) == hash_of(&ours, path) {
                    prop_assert_eq!(hash_of(&merged, path), hash_of(&theirs, path));
                }
            }
        }

        #[test]
        fn without_live_writes_the_candidate_stays(base in any_store(), theirs in any_store()) {
            let rebase = rebase(&base.index(), &base, &theirs);
            prop_assert!(rebase.is_empty());
            prop_assert!(rebase.writes.is_empty());
        }

        #[test]
        fn a_merged_store_could_exist(base in any_store(), ours in any_store(), theirs in any_store()) {
            let merged = rebase(&base.index(), &ours, &theirs).merged(&theirs).unwrap();
            let paths: BTreeSet<&str> = merged.iter().map(|m| m.path.as_str()).collect();
            prop_assert!(paths.iter().all(|path| relative_in(&paths, path).is_none()));
        }

        #[test]
        fn rebasing_again_onto_the_same_live_store_writes_nothing(
            base in any_store(), ours in any_store(), theirs in any_store()
        ) {
            let first = rebase(&base.index(), &ours, &theirs);
            let merged = first.merged(&theirs).unwrap();
            let again = rebase(&ours.index(), &ours, &merged);
            prop_assert!(again.is_empty());
        }
    }
}
