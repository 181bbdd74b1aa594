//! Rebase: carrying writes made to the live store during a dream over into its candidate.
//!
//! *Base* is the live store when the dream began, *ours* is the live store now, *theirs* is the
//! candidate. A live write is a path where ours differs from base. Where the dream left such a path
//! alone, or came to the same content, the live write is carried over; where it did something else
//! there, the two are merged statement by statement if that is sound ([`merge`](mod@super::merge)), and a
//! person decides if it is not. No live write is dropped without being named.
//!
//! What the dream read is not always the base ([`reading`](super::reading)): a live write is whatever the live
//! store holds now and the dream may not have read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::memory::{ContentHash, Memory, MemoryPath, MemoryWrite};
use crate::snapshot::{IndexEntry, Snapshot, SnapshotIndex};

use super::change_set::{Blocked, ChangeSet, take_blocked};
use super::merge::{lies_between, merge};
use super::reading::{Reading, Way};
use super::withdrawn::Withdrawn;

/// Texts by their hashes, as far as they can be had.
pub type Texts = BTreeMap<ContentHash, Arc<str>>;

/// For each path that may be merged, the texts that the dream may have begun with; a merge is made from the first.
pub type Begun = BTreeMap<MemoryPath, Vec<Arc<str>>>;

/// How live writes go into a candidate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebase {
    /// What to write to the candidate.
    pub writes: ChangeSet,
    /// The live writes that the candidate then holds, in order; some may have been there already, and some
    /// are merged.
    pub carried: Vec<MemoryPath>,
    /// Those that are merged with what the dream did, statement by statement, in order of path.
    pub merged: Vec<Merged>,
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

/// A path that both the live store and the dream changed, in different statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Merged {
    /// Where.
    pub path: MemoryPath,
    /// What the dream began with.
    pub base: ContentHash,
    /// What the live store holds now.
    pub ours: ContentHash,
    /// What the candidate held.
    pub theirs: ContentHash,
    /// What it holds with both.
    pub becomes: ContentHash,
}

impl From<Merged> for Conflict {
    fn from(merged: Merged) -> Self {
        let Merged { path, base, ours, theirs, becomes: _ } = merged;
        Self { path, base: Some(base), ours: Some(ours), theirs: Some(theirs), collides_with: None }
    }
}

impl Rebase {
    /// Takes out what is to be done at some paths: it was done already.
    pub fn leave_alone<'p>(&mut self, paths: impl Iterator<Item = &'p MemoryPath>) {
        let paths: BTreeSet<&MemoryPath> = paths.collect();
        self.merged.retain(|merged| !paths.contains(&merged.path));
        self.conflicts.retain(|conflict| !paths.contains(&conflict.path));
        let is_left = |write: &&MemoryWrite| !paths.contains(write.path());
        self.writes = ChangeSet::ordered(self.writes.writes().iter().filter(is_left).cloned());
    }

    /// Names the memories that would hold what agents withdrew: there the live version takes the place of the
    /// dream's, as in any other conflict.
    pub fn hold_back(
        &mut self,
        withdrawn: &Withdrawn,
        base: &SnapshotIndex,
        ours: &Snapshot,
        theirs: &Snapshot,
    ) {
        if withdrawn.is_empty() {
            return;
        }
        let after = self.writes.apply(theirs).unwrap_or_else(|_| theirs.clone());
        let mut new = withdrawn.brought_back(base, ours, &after, &self.conflicts);
        for conflict in &mut new {
            conflict.theirs = hash_of(theirs, &conflict.path);
        }
        self.leave_alone(new.iter().map(|conflict| &conflict.path));
        self.carried.retain(|path| new.iter().all(|conflict| conflict.path != *path));
        self.conflicts.extend(new);
        self.conflicts.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// Returns the writes after which the candidate holds every live write, those in conflict too:
    /// there the live version takes the place of the dream's. Nothing is lost by it unseen, since each
    /// conflict is named and a person reviews it.
    pub fn writes_with_live_winning(&self, ours: &Snapshot, theirs: &Snapshot) -> ChangeSet {
        let mut writes = self.writes.writes().to_vec();
        for conflict in &self.conflicts {
            let path = &conflict.path;
            let live = ours.get(path);
            if live.is_some() {
                // The live store holds none of it: it holds this path.
                let in_the_way =
                    theirs.iter().filter(|memory| memory.path != *path && memory.path.collides_with(path));
                writes.extend(
                    in_the_way.map(|memory| MemoryWrite::Delete {
                        path: memory.path.clone(),
                        expected: memory.hash,
                    }),
                );
            }
            writes.extend(write(path, live, hash_of(theirs, path)));
        }
        ChangeSet::ordered(writes)
    }
}

/// Returns the memories that all three have, each otherwise: those whose base a merge has to read.
pub fn contested<'b>(
    base: &'b SnapshotIndex,
    ours: &'b SnapshotIndex,
    theirs: &'b SnapshotIndex,
) -> impl Iterator<Item = &'b MemoryPath> {
    base.entries.iter().filter_map(|(path, was)| {
        let (ours, theirs) = (ours.entries.get(path)?, theirs.entries.get(path)?);
        (was.hash != ours.hash && was.hash != theirs.hash && ours.hash != theirs.hash).then_some(path)
    })
}

/// Returns what the dream may have begun with at each path where it and the live store met.
pub fn begun<'b>(
    base: &'b SnapshotIndex,
    read: &'b Reading,
    ours: &SnapshotIndex,
    theirs: &SnapshotIndex,
) -> BTreeMap<&'b MemoryPath, Vec<&'b IndexEntry>> {
    let hash = |index: &SnapshotIndex, path| index.entries.get(path).map(|entry| entry.hash);
    let both = base.entries.keys().chain(read.paths.keys());
    let met = both.filter(|path| {
        let [was, now] = [base, ours].map(|index| index.entries.get(*path));
        let here = hash(theirs, *path);
        now.is_some() && here.is_some() && read.way(path, was, now, here) == Way::Met
    });
    met.filter_map(|path| Some((path, read.begun(path, base)?))).collect()
}

/// Works out how the live writes go into the candidate. `begun` has the texts that [`begun`](begun()) names; where
/// it has none, nothing is merged.
pub fn rebase(
    base: &SnapshotIndex,
    read: &Reading,
    begun: &Begun,
    ours: &Snapshot,
    theirs: &Snapshot,
) -> Rebase {
    let mut carried = BTreeSet::new();
    let mut merged = Vec::new();
    let mut conflicts = BTreeMap::new();
    let mut writes = Vec::new();
    let mut paths: BTreeSet<&MemoryPath> = base.entries.keys().chain(ours.iter().map(|m| &m.path)).collect();
    if !read.is_empty() {
        paths.extend(theirs.iter().map(|memory| &memory.path));
    }
    let live_index = ours.index();
    for path in paths {
        let [was, now] = [base, &live_index].map(|index| index.entries.get(path));
        let live = ours.get(path);
        let here = hash_of(theirs, path);
        match read.way(path, was, now, here) {
            Way::Unwritten => {}
            Way::Alike => drop(carried.insert(path.clone())),
            Way::Carried => {
                carried.insert(path.clone());
                writes.extend(write(path, live, here));
            }
            Way::Met => {
                let Some((entry, text)) = merged_at(path, begun, live, theirs) else {
                    let base = read.first(path, was.map(|entry| entry.hash));
                    let now = now.map(|entry| entry.hash);
                    let conflict =
                        Conflict { path: path.clone(), base, ours: now, theirs: here, collides_with: None };
                    conflicts.insert(path.clone(), conflict);
                    continue;
                };
                carried.insert(path.clone());
                if entry.becomes != entry.theirs {
                    writes.push(MemoryWrite::Put { path: path.clone(), content: text, expected: here });
                }
                merged.push(entry);
            }
        }
    }

    // Whatever the candidate keeps may stand in the way of a memory that is new to it.
    for Blocked { path, hash, by } in take_blocked(&mut writes, theirs.iter().map(|memory| &memory.path)) {
        carried.remove(&path);
        let (ours, collides_with) = (Some(hash), Some(by));
        let conflict = Conflict { path: path.clone(), base: None, ours, theirs: None, collides_with };
        conflicts.insert(path, conflict);
    }
    Rebase {
        writes: ChangeSet::ordered(writes),
        carried: carried.into_iter().collect(),
        merged,
        conflicts: conflicts.into_values().collect(),
    }
}

/// Merges what both sides made of one memory, if that is sound whatever the dream began with.
fn merged_at(
    path: &MemoryPath,
    begun: &Begun,
    live: Option<&Memory>,
    theirs: &Snapshot,
) -> Option<(Merged, Arc<str>)> {
    let (ours, theirs) = (live?, theirs.get(path)?);
    let (first, others) = begun.get(path)?.split_first()?;
    if !others.iter().all(|text| lies_between(text, first, &ours.content)) {
        return None;
    }
    let text: Arc<str> = merge(first, &ours.content, &theirs.content)?.into();
    let [base, becomes] = [first, &text].map(|text| ContentHash::of(text.as_bytes()));
    Some((Merged { path: path.clone(), base, ours: ours.hash, theirs: theirs.hash, becomes }, text))
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

    use super::super::change_set::relative_in;
    use super::super::change_set::tests::{any_store, store};
    use super::*;

    fn texts(store: &Snapshot) -> Begun {
        store.iter().map(|memory| (memory.path.clone(), vec![Arc::clone(&memory.content)])).collect()
    }

    /// Makes stores whose memories are lists, so that some can be merged and some cannot.
    fn lists() -> impl Strategy<Value = Snapshot> {
        let list = proptest::collection::vec("[xyz]", 4);
        proptest::collection::btree_map("/[ab]", list, 0..3).prop_map(|entries| {
            let text = |items: &[String]| {
                items.iter().enumerate().map(|(n, item)| format!("- key{n}: {item}\n")).collect::<String>()
            };
            let memory = |(path, items): (&String, &Vec<String>)| {
                Memory::new(MemoryPath::parse(path).unwrap(), text(items).as_str())
            };
            entries.iter().map(memory).collect()
        })
    }

    #[test]
    fn what_both_changed_in_different_statements_is_merged() {
        let base = store(&[("/a", "- one\n- two\n"), ("/b", "- one\n- two\n"), ("/c", "- one\n- two\n")]);
        let ours = store(&[("/a", "- eins\n- two\n"), ("/b", "- eins\n- two\n"), ("/c", "- eins\n- two\n")]);
        let theirs = store(&[("/a", "- one\n- zwei\n"), ("/b", "- un\n- two\n")]);
        let found = rebase(&base.index(), &Reading::default(), &texts(&base), &ours, &theirs);
        assert_eq!(told(&found), (vec!["/a".to_owned()], vec!["/b".to_owned(), "/c".to_owned()]));
        let merged = found.writes.apply(&theirs).unwrap();
        assert_eq!(merged, store(&[("/a", "- eins\n- zwei\n"), ("/b", "- un\n- two\n")]));
        let [entry] = found.merged.as_slice() else { panic!("{found:?}") };
        assert_eq!(Some(entry.becomes), hash_of(&merged, &entry.path));
        let contested: Vec<_> = contested(&base.index(), &ours.index(), &theirs.index()).cloned().collect();
        assert_eq!(contested, ["/a", "/b"].map(|path| MemoryPath::parse(path).unwrap()));
        // Without the text that both began with, a person decides.
        let found = rebase(&base.index(), &Reading::default(), &Begun::new(), &ours, &theirs);
        assert_eq!((found.merged.len(), found.conflicts.len()), (0, 3));
    }

    #[test]
    fn what_the_dream_may_have_read_and_an_agent_took_back_is_not_merged() {
        let base = store(&[("/a", "- one: 1\n- two: 2\n")]);
        let ours = store(&[("/a", "- one: eins\n- two: 2\n")]);
        let between = "- one: eins\n- two: 2\n- three: 3\n";
        let with = |also: &[&str]| {
            let mut begun = texts(&base);
            let texts = begun.get_mut(&MemoryPath::parse("/a").unwrap()).unwrap();
            texts.extend(also.iter().map(|&text| Arc::from(text)));
            begun
        };
        // The dream read `three`, which an agent has taken away since: it is not the dream's own.
        let theirs = store(&[("/a", "- one: 1\n- two: zwei\n- three: 3\n")]);
        let found = rebase(&base.index(), &Reading::default(), &with(&[between]), &ours, &theirs);
        assert_eq!((found.merged.len(), found.conflicts.len()), (0, 1));
        // Whichever it read, nothing of it was taken back.
        let ours = store(&[("/a", "- one: eins\n- two: 2\n- four: 4\n")]);
        let theirs = store(&[("/a", "- one: 1\n- two: zwei\n")]);
        let found =
            rebase(&base.index(), &Reading::default(), &with(&["- one: eins\n- two: 2\n"]), &ours, &theirs);
        assert_eq!((found.merged.len(), found.conflicts.len()), (1, 0));
    }

    proptest! {
        #[test]
        fn every_live_write_to_a_list_is_there_merged_or_named(base in lists(), ours in lists(), theirs in lists()) {
            let found = rebase(&base.index(), &Reading::default(), &texts(&base), &ours, &theirs);
            let after = found.writes.apply(&theirs).unwrap();
            for path in base.iter().chain(ours.iter()).map(|memory| &memory.path) {
                if hash_of(&ours, path) == hash_of(&base, path) {
                    continue;
                }
                let becomes = found.merged.iter().find(|one| one.path == *path).map(|one| one.becomes);
                let expected = becomes.or(hash_of(&ours, path));
                let is_named = found.conflicts.iter().any(|one| one.path == *path);
                prop_assert!(is_named != found.carried.contains(path), "{}", path);
                prop_assert!(is_named || hash_of(&after, path) == expected, "{}", path);
            }
        }
    }

    proptest! {
        #[test]
        fn with_live_winning_every_live_write_is_in_the_candidate(
            base in any_store(), ours in any_store(), theirs in any_store(),
        ) {
            let plan = rebase(&base.index(), &Reading::default(), &texts(&base), &ours, &theirs);
            let merged = plan.writes_with_live_winning(&ours, &theirs).apply(&theirs).unwrap();
            for path in base.iter().chain(ours.iter()).map(|memory| &memory.path) {
                if hash_of(&ours, path) != hash_of(&base, path) {
                    prop_assert_eq!(hash_of(&merged, path), hash_of(&ours, path), "{}", path);
                }
            }
        }
    }

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
            let rebase = rebase(
                &side(base).index(),
                &Reading::default(),
                &texts(&side(base)),
                &side(ours),
                &side(theirs),
            );
            let case = format!("{base:?} {ours:?} {theirs:?}");
            assert_eq!(
                (rebase.carried.len() == 1, rebase.conflicts.len() == 1),
                (is_carried, is_conflict),
                "{case}"
            );
            assert_eq!(rebase.writes.apply(&side(theirs)).unwrap().hash(), side(merged).hash(), "{case}");
        }
    }

    #[test]
    fn a_live_memory_that_would_stand_in_the_way_is_a_conflict() {
        let base = store(&[("/x", "1")]);
        let ours = store(&[("/x", "1"), ("/a", "live"), ("/b/c", "live")]);
        let theirs = store(&[("/x", "1"), ("/a/d", "dream"), ("/b", "dream")]);
        let rebase = rebase(&base.index(), &Reading::default(), &texts(&base), &ours, &theirs);
        assert_eq!(told(&rebase), (vec![], vec!["/a".to_owned(), "/b/c".to_owned()]));
        let others: Vec<_> = rebase.conflicts.iter().filter_map(|c| c.collides_with.as_ref()).collect();
        assert_eq!(others.iter().map(|p| p.as_str()).collect::<Vec<_>>(), ["/a/d", "/b"]);
        assert!(rebase.writes.is_empty());
    }

    #[test]
    fn a_live_memory_takes_the_place_of_one_that_was_deleted_for_it() {
        let base = store(&[("/a", "1")]);
        let ours = store(&[("/a/b", "1")]);
        let rebase = rebase(&base.index(), &Reading::default(), &texts(&base), &ours, &base);
        assert_eq!(told(&rebase), (vec!["/a".to_owned(), "/a/b".to_owned()], vec![]));
        assert_eq!(rebase.writes.apply(&base).unwrap().hash(), ours.hash());
    }

    proptest! {
        #[test]
        fn no_live_write_is_dropped_in_silence(base in any_store(), ours in any_store(), theirs in any_store()) {
            let rebase = rebase(&base.index(), &Reading::default(), &texts(&base), &ours, &theirs);
            let merged = rebase.writes.apply(&theirs).unwrap();
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
            let rebase = rebase(&base.index(), &Reading::default(), &texts(&base), &ours, &theirs);
            let merged = rebase.writes.apply(&theirs).unwrap();
            for path in theirs.iter().chain(merged.iter()).map(|m| &m.path) {
                if hash_of(&base, path) == hash_of(&ours, path) {
                    prop_assert_eq!(hash_of(&merged, path), hash_of(&theirs, path));
                }
            }
        }

        #[test]
        fn without_live_writes_the_candidate_stays(base in any_store(), theirs in any_store()) {
            let rebase = rebase(&base.index(), &Reading::default(), &texts(&base), &base, &theirs);
            prop_assert!(rebase.carried.is_empty() && rebase.conflicts.is_empty());
            prop_assert!(rebase.writes.is_empty());
        }

        #[test]
        fn a_merged_store_could_exist(base in any_store(), ours in any_store(), theirs in any_store()) {
            let merged = rebase(&base.index(), &Reading::default(), &texts(&base), &ours, &theirs).writes.apply(&theirs).unwrap();
            let paths: BTreeSet<&str> = merged.iter().map(|m| m.path.as_str()).collect();
            prop_assert!(paths.iter().all(|path| relative_in(&paths, path).is_none()));
        }

        #[test]
        fn rebasing_again_onto_the_same_live_store_writes_nothing(
            base in any_store(), ours in any_store(), theirs in any_store()
        ) {
            let first = rebase(&base.index(), &Reading::default(), &texts(&base), &ours, &theirs);
            let merged = first.writes.apply(&theirs).unwrap();
            let again = rebase(&ours.index(), &Reading::default(), &texts(&ours), &ours, &merged);
            prop_assert!(again.carried.is_empty() && again.conflicts.is_empty());
        }
    }
}
