//! Carry: what agents wrote since an adoption, taken along when the adoption is undone.
//!
//! The store that gives way held *adopted* when it became live and holds *ours* now: what differs, agents
//! wrote. The store that comes back held *before* then and holds *theirs* now. Writes of agents are newer than
//! what the dream did and are kept; where an entry holds both, they are taken apart statement by statement if
//! that is sound. If it is not, the entry goes along as the agents left it, the dream's changes in it
//! included, and is named. What somebody wrote meanwhile to the store that comes back is never overwritten.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::memory::{ContentHash, MemoryPath, MemoryWrite};
use crate::snapshot::{Snapshot, SnapshotIndex};

use super::change_set::{Blocked, ChangeSet, take_blocked};
use super::merge::merge;
use super::rebase::{Conflict, Merged, Texts};

/// What agents wrote, and how it goes along.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carry {
    /// What to write to the store that comes back.
    pub writes: ChangeSet,
    /// The entries that it then holds as agents left them, or merged; in order.
    pub carried: Vec<MemoryPath>,
    /// Those whose statements were taken apart: the agents' stay, the dream's go.
    pub merged: Vec<Merged>,
    /// Those that could not be taken apart. `base` is what was adopted, `ours` what agents made of it,
    /// `theirs` what the store that comes back held there.
    pub conflicts: Vec<Conflict>,
    /// Those that are not carried, in order: somebody wrote there meanwhile, and that stays.
    pub left: Vec<Conflict>,
}

/// The contents of both stores, and what is known of their past.
#[derive(Debug, Clone, Copy)]
pub struct Sides<'a> {
    /// What was adopted.
    pub adopted: &'a SnapshotIndex,
    /// What the store that comes back held before that.
    pub before: &'a SnapshotIndex,
    /// What the store that gives way holds.
    pub ours: &'a Snapshot,
    /// What the store that comes back holds.
    pub theirs: &'a Snapshot,
    /// What the store that gives way held once: such an entry in the other store was carried over earlier.
    pub once: &'a BTreeSet<(MemoryPath, ContentHash)>,
}

impl Sides<'_> {
    fn hashes(&self, path: &MemoryPath) -> [Option<ContentHash>; 4] {
        let [adopted, before] =
            [self.adopted, self.before].map(|index| index.entries.get(path).map(|entry| entry.hash));
        let [ours, theirs] = [self.ours, self.theirs].map(|store| store.get(path).map(|memory| memory.hash));
        [adopted, before, ours, theirs]
    }

    /// Returns the entries that agents wrote since the adoption, in order.
    pub fn written(&self) -> Vec<MemoryPath> {
        let paths: BTreeSet<&MemoryPath> =
            self.adopted.entries.keys().chain(self.ours.iter().map(|memory| &memory.path)).collect();
        let is_written = |path: &&MemoryPath| {
            let [adopted, _, ours, _] = self.hashes(path);
            adopted != ours
        };
        paths.into_iter().filter(is_written).cloned().collect()
    }
}

/// Works out how what agents wrote goes along. `texts` holds what was adopted wherever agents changed it; where
/// it does not, nothing is taken apart.
pub fn carry(sides: &Sides<'_>, texts: &Texts) -> Carry {
    let mut carry = Carry::default();
    let mut writes: Vec<MemoryWrite> = Vec::new();
    for path in sides.written() {
        let [adopted, before, ours, theirs] = sides.hashes(&path);
        let conflict = Conflict { path: path.clone(), base: adopted, ours, theirs, collides_with: None };
        let put = |content: Arc<str>| MemoryWrite::Put { path: path.clone(), content, expected: theirs };
        let live = sides.ours.get(&path).map(|memory| Arc::clone(&memory.content));
        if ours == theirs && ours.is_some() && adopted != before && ours != before {
            // It went along whole, with what the dream did there: that is named however often it is asked.
            carry.conflicts.push(Conflict { theirs: before, ..conflict });
        } else if ours == theirs {
            carry.carried.push(path);
        } else if theirs == adopted {
            let delete = theirs.map(|expected| MemoryWrite::Delete { path: path.clone(), expected });
            writes.extend(live.map(put).or(delete));
            carry.carried.push(path);
        } else if let Some((merged, text)) = taken_apart(sides, &path, texts) {
            if merged.becomes != merged.theirs {
                writes.push(put(text));
            }
            carry.merged.push(merged);
            carry.carried.push(path);
        } else {
            let is_untouched =
                theirs == before || theirs.is_some_and(|hash| sides.once.contains(&(path.clone(), hash)));
            if !is_untouched {
                carry.left.push(conflict);
                continue;
            }
            // What agents took away comes back where it is not what the dream had made of it.
            writes.extend(live.map(put));
            carry.conflicts.push(conflict);
        }
    }
    let there = sides.theirs.iter().map(|memory| &memory.path);
    for Blocked { path, hash, by } in take_blocked(&mut writes, there) {
        carry.carried.retain(|carried| *carried != path);
        match carry.conflicts.iter_mut().find(|conflict| conflict.path == path) {
            Some(conflict) => conflict.collides_with = Some(by),
            None => {
                let base = sides.adopted.entries.get(&path).map(|entry| entry.hash);
                let (ours, collides_with) = (Some(hash), Some(by));
                carry.conflicts.push(Conflict { path, base, ours, theirs: None, collides_with });
            }
        }
    }
    carry.conflicts.sort_by(|a, b| a.path.cmp(&b.path));
    carry.writes = ChangeSet::ordered(writes);
    carry
}

/// Takes the agents' statements and the dream's apart in one entry, if that is sound.
fn taken_apart(sides: &Sides<'_>, path: &MemoryPath, texts: &Texts) -> Option<(Merged, Arc<str>)> {
    let base = sides.adopted.entries.get(path)?.hash;
    let (ours, theirs) = (sides.ours.get(path)?, sides.theirs.get(path)?);
    let text: Arc<str> = merge(texts.get(&base)?, &ours.content, &theirs.content)?.into();
    let becomes = ContentHash::of(text.as_bytes());
    Some((Merged { path: path.clone(), base, ours: ours.hash, theirs: theirs.hash, becomes }, text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::change_set::tests::{any_store, store};
    use super::*;

    const ADOPTED: &str = "- Deploys go out on Tuesday.\n- The canary takes 15 minutes.\n- Be brief.\n";

    fn carried(
        adopted: &Snapshot,
        before: &Snapshot,
        ours: &Snapshot,
        theirs: &Snapshot,
        once: &[(&str, &str)],
    ) -> (Carry, Snapshot) {
        let once = once
            .iter()
            .map(|(path, text)| (MemoryPath::parse(path).unwrap(), ContentHash::of(text.as_bytes())))
            .collect();
        let texts = adopted.iter().map(|memory| (memory.hash, Arc::clone(&memory.content))).collect();
        let (adopted, before) = (adopted.index(), before.index());
        let sides = Sides { adopted: &adopted, before: &before, ours, theirs, once: &once };
        let found = carry(&sides, &texts);
        let after = found.writes.apply(theirs).unwrap();
        (found, after)
    }

    /// Tells what becomes of `/a`, by the text it then has and how it came to it.
    fn of_one(adopted: &str, before: &str, ours: &str, theirs: &str, once: &[(&str, &str)]) -> String {
        let side = |text: &str| if text.is_empty() { store(&[]) } else { store(&[("/a", text)]) };
        let (found, after) = carried(&side(adopted), &side(before), &side(ours), &side(theirs), once);
        let path = MemoryPath::parse("/a").unwrap();
        let text = after.get(&path).map_or("nothing", |memory| &*memory.content).to_owned();
        let named = [found.carried.len(), found.merged.len(), found.conflicts.len(), found.left.len()];
        let how = match named {
            [0, 0, 0, 0] => "not written",
            [1, 0, 0, 0] => "carried",
            [1, 1, 0, 0] => "merged",
            [0, 0, 1, 0] => "conflict",
            [0, 0, 0, 1] => "left",
            other => panic!("{other:?}"),
        };
        format!("{how}: {text}")
    }

    #[test]
    fn each_entry_goes_along_as_agents_left_it() {
        // Adopted, before, what agents made of it, what the other store holds; what becomes of that.
        let table = [
            ("2", "1", "2", "1", "not written: 1"),
            ("1", "1", "agent", "1", "carried: agent"),
            ("1", "1", "", "1", "carried: nothing"),
            ("", "", "agent", "", "carried: agent"),
            ("2", "", "", "", "carried: nothing"),
            // The dream changed it too.
            ("2", "1", "agent", "1", "conflict: agent"),
            ("2", "", "agent", "", "conflict: agent"),
            ("", "1", "agent", "1", "conflict: agent"),
            ("2", "1", "", "1", "conflict: 1"),
            // Somebody wrote to the other store meanwhile.
            ("2", "1", "agent", "another", "left: another"),
            ("1", "1", "agent", "another", "left: another"),
            ("1", "1", "agent", "", "left: nothing"),
            ("2", "1", "", "another", "left: another"),
            ("1", "1", "agent", "agent", "carried: agent"),
            // It was carried over before.
            ("2", "1", "agent", "agent", "conflict: agent"),
            ("2", "agent", "agent", "agent", "carried: agent"),
        ];
        for (adopted, before, ours, theirs, expected) in table {
            let found = of_one(adopted, before, ours, theirs, &[]);
            assert_eq!(found, expected, "{adopted:?} {before:?} {ours:?} {theirs:?}");
        }
        // What was carried over earlier is no newer write.
        assert_eq!(of_one("2", "1", "agent again", "agent", &[("/a", "agent")]), "conflict: agent again");
    }

    #[test]
    fn statements_of_agents_and_of_the_dream_are_taken_apart() {
        let before = ADOPTED.replace("15 minutes", "20 minutes");
        let ours = ADOPTED.replace("Tuesday", "Thursday") + "- Use pnpm.\n";
        let expected = before.replace("Tuesday", "Thursday") + "- Use pnpm.\n";
        assert_eq!(of_one(ADOPTED, &before, &ours, &before, &[]), format!("merged: {expected}"));
        // Again, and after agents wrote more.
        assert_eq!(of_one(ADOPTED, &before, &ours, &expected, &[]), format!("merged: {expected}"));
        let ours = ADOPTED.replace("15 minutes", "30 minutes");
        assert_eq!(of_one(ADOPTED, &before, &ours, &before, &[]), format!("conflict: {ours}"));
    }

    #[test]
    fn what_something_stands_in_the_way_of_is_named_and_not_written() {
        let (adopted, ours) = (store(&[]), store(&[("/a/b", "agent")]));
        let theirs = store(&[("/a", "before")]);
        let (found, after) = carried(&adopted, &theirs, &ours, &theirs, &[]);
        assert_eq!(after, theirs);
        assert_eq!((found.carried.len(), found.conflicts.len()), (0, 1));
        assert_eq!(found.conflicts[0].collides_with.as_ref().map(MemoryPath::as_str), Some("/a"));
    }

    proptest! {
        #[test]
        fn every_write_of_agents_is_there_or_named(
            adopted in any_store(), before in any_store(), ours in any_store(), theirs in any_store(),
        ) {
            let (found, after) = carried(&adopted, &before, &ours, &theirs, &[]);
            let hash = |store: &Snapshot, path: &MemoryPath| store.get(path).map(|memory| memory.hash);
            for path in adopted.iter().chain(ours.iter()).map(|memory| &memory.path) {
                if hash(&adopted, path) != hash(&ours, path) {
                    let is_named = found.conflicts.iter().chain(&found.left).any(|one| one.path == *path);
                    prop_assert!(is_named || hash(&after, path) == hash(&ours, path), "{}", path);
                }
            }
        }

        #[test]
        fn nothing_else_is_touched(
            adopted in any_store(), before in any_store(), ours in any_store(), theirs in any_store(),
        ) {
            let (_, after) = carried(&adopted, &before, &ours, &theirs, &[]);
            let hash = |store: &Snapshot, path: &MemoryPath| store.get(path).map(|memory| memory.hash);
            for path in theirs.iter().chain(after.iter()).map(|memory| &memory.path) {
                let is_newer = hash(&theirs, path) != hash(&before, path) && hash(&theirs, path) != hash(&adopted, path);
                if hash(&adopted, path) == hash(&ours, path) || is_newer && theirs.get(path).is_some() {
                    prop_assert_eq!(hash(&after, path), hash(&theirs, path), "{}", path);
                }
            }
        }

        #[test]
        fn carrying_again_writes_nothing(
            adopted in any_store(), before in any_store(), ours in any_store(),
        ) {
            let (_, after) = carried(&adopted, &before, &ours, &before, &[]);
            let (again, _) = carried(&adopted, &before, &ours, &after, &[]);
            prop_assert!(again.writes.is_empty(), "{:?}", again);
        }
    }
}
