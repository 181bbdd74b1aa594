//! The difference of two snapshots: entries, and the statements inside them.
//!
//! A path is an entry's identity: what stands at the same path before and after is the same entry,
//! edited or not. Only what is left over on both sides can have moved. A [`StoreDiff`] holds the
//! text of what changed and is therefore never stored; [`DiffCounts`] is the part that may be.

pub mod entry;
mod moves;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use entry::{Change, EntryDiff, StatementDiff};

use crate::snapshot::Snapshot;

/// What changed between two snapshots.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoreDiff {
    /// How much changed.
    pub counts: DiffCounts,
    /// The entries that changed, in the order of their paths.
    pub entries: Vec<EntryDiff>,
}

/// How much changed between two snapshots, without any text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiffCounts {
    /// The size of the first snapshot.
    pub before: Totals,
    /// The size of the second snapshot.
    pub after: Totals,
    /// Entries only the second holds.
    pub added: u64,
    /// Entries only the first holds.
    pub removed: u64,
    /// Entries with other content at the same path.
    pub edited: u64,
    /// Entries that stand at another path, with the same or nearly the same content.
    pub moved: u64,
    /// Entries that are the same in both.
    pub unchanged: u64,
}

/// The size of a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Its memories.
    pub entries: u64,
    /// The bytes of their contents.
    pub bytes: u64,
}

impl Totals {
    /// Measures a snapshot.
    pub fn of(snapshot: &Snapshot) -> Self {
        Self { entries: snapshot.len() as u64, bytes: snapshot.bytes() }
    }
}

impl StoreDiff {
    /// Compares two snapshots, in time linear in their text.
    pub fn between(before: &Snapshot, after: &Snapshot) -> Self {
        let mut counts =
            DiffCounts { before: Totals::of(before), after: Totals::of(after), ..DiffCounts::default() };
        let mut entries = Vec::new();
        let mut gone = Vec::new();
        for old in before.iter() {
            match after.get(&old.path) {
                None => gone.push(old),
                Some(new) if new.hash == old.hash => counts.unchanged += 1,
                Some(new) => entries.push(EntryDiff::Edited { before: old.clone(), after: new.clone() }),
            }
        }
        let come: Vec<_> = after.iter().filter(|new| before.get(&new.path).is_none()).collect();

        let moves = moves::pair(&gone, &come);
        for (&old, to) in gone.iter().zip(&moves.to) {
            entries.push(match to {
                Some(new) => EntryDiff::Moved { before: old.clone(), after: come[*new].clone() },
                None => EntryDiff::Removed(old.clone()),
            });
        }
        let arrived = come.iter().zip(&moves.is_taken).filter(|&(_, &taken)| !taken);
        entries.extend(arrived.map(|(&new, _)| EntryDiff::Added(new.clone())));
        entries.sort_by(|a, b| a.path().cmp(b.path()));

        for entry in &entries {
            match entry.change() {
                Change::Added => counts.added += 1,
                Change::Removed => counts.removed += 1,
                Change::Edited => counts.edited += 1,
                Change::Moved => counts.moved += 1,
            }
        }
        Self { counts, entries }
    }

    /// Says whether both snapshots hold the same.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the entries that changed in one way, in the order of their paths.
    pub fn with_change(&self, change: Change) -> impl Iterator<Item = &EntryDiff> {
        self.entries.iter().filter(move |entry| entry.change() == change)
    }

    /// Carries the difference out on the first snapshot, which gives the second.
    pub fn apply(&self, before: &Snapshot) -> Snapshot {
        let mut store = before.clone();
        for old in self.entries.iter().filter_map(EntryDiff::before) {
            store.remove(&old.path);
        }
        for new in self.entries.iter().filter_map(EntryDiff::after) {
            store.insert(new.clone());
        }
        store
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::memory::{Memory, MemoryPath};

    fn store(entries: &[(&str, &str)]) -> Snapshot {
        entries.iter().map(|&(path, text)| Memory::new(MemoryPath::parse(path).unwrap(), text)).collect()
    }

    fn told(diff: &StoreDiff) -> Vec<String> {
        let tell = |entry: &EntryDiff| match entry {
            EntryDiff::Moved { before, after } => format!("moved {} to {}", before.path, after.path),
            _ => format!("{} {}", entry.change(), entry.path()),
        };
        diff.entries.iter().map(tell).collect()
    }

    #[test]
    fn entries_are_added_removed_edited_and_moved() {
        let before = store(&[("/a", "one"), ("/b", "two"), ("/c", "three"), ("/d", "four")]);
        let after = store(&[("/a", "one"), ("/b", "2"), ("/e", "three"), ("/f", "five")]);
        let diff = StoreDiff::between(&before, &after);
        assert_eq!(told(&diff), ["edited /b", "removed /d", "moved /c to /e", "added /f"]);
        let counts = diff.counts;
        assert_eq!((counts.added, counts.removed, counts.edited, counts.moved), (1, 1, 1, 1));
        assert_eq!(counts.unchanged, 1);
        assert_eq!(counts.before, Totals { entries: 4, bytes: 15 });
        assert_eq!(counts.after, Totals { entries: 4, bytes: 13 });
    }

    #[test]
    fn of_equal_entries_the_one_that_kept_its_file_name_moved() {
        let before = store(&[("/a/x.md", "same"), ("/a/y.md", "same")]);
        let after = store(&[("/b/y.md", "same")]);
        let diff = StoreDiff::between(&before, &after);
        assert_eq!(told(&diff), ["removed /a/x.md", "moved /a/y.md to /b/y.md"]);
    }

    #[test]
    fn a_document_that_moved_and_kept_most_of_its_lines_is_not_lost() {
        let lines =
            ["# Deploys", "", "- port 8080", "- region eu-west-1", "- owner: platform", "- backup at 02:00"];
        let old = lines.join("\n");
        let new = old.replace("8080", "9090");
        let before = store(&[("/deploy.md", &old), ("/style.md", "- tabs\n- no semicolons")]);
        let after = store(&[("/ops/deploy.md", &new), ("/taste.md", "- spaces\n- semicolons")]);
        let diff = StoreDiff::between(&before, &after);
        assert_eq!(
            told(&diff),
            ["moved /deploy.md to /ops/deploy.md", "removed /style.md", "added /taste.md"]
        );
    }

    #[test]
    fn sharing_only_what_every_document_has_is_not_a_move() {
        let text = |body: &str| format!("---\ntype: note\nauthor: nobody\n---\n{body}");
        let before =
            store(&[("/a", &text("the first thing to know")), ("/b", &text("the second thing to know"))]);
        let after = store(&[("/c", &text("nothing of what was known before this"))]);
        assert_eq!(told(&StoreDiff::between(&before, &after)), ["removed /a", "removed /b", "added /c"]);
    }

    fn any_store() -> impl Strategy<Value = Snapshot> {
        let path = "/[a-c](/[a-c]\\.md)?";
        let text = prop_oneof!["[xy]{0,2}", "(line [1-6] of it\n){1,6}"];
        proptest::collection::btree_map(path, text, 0..8).prop_map(|entries| {
            entries
                .into_iter()
                .map(|(path, text)| Memory::new(MemoryPath::parse(&path).unwrap(), text))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn the_difference_of_a_store_to_itself_is_empty(a in any_store()) {
            let diff = StoreDiff::between(&a, &a);
            prop_assert!(diff.is_empty());
            prop_assert_eq!(diff.counts.unchanged, a.len() as u64);
        }

        #[test]
        fn applying_the_difference_gives_the_second_store(a in any_store(), b in any_store()) {
            prop_assert_eq!(StoreDiff::between(&a, &b).apply(&a).hash(), b.hash());
        }

        #[test]
        fn no_content_is_both_added_and_removed(a in any_store(), b in any_store()) {
            let diff = StoreDiff::between(&a, &b);
            let hashes = |change| -> BTreeSet<_> {
                diff.with_change(change).filter_map(|e| e.after().or(e.before())).map(|m| m.hash).collect()
            };
            prop_assert!(hashes(Change::Added).is_disjoint(&hashes(Change::Removed)));
        }

        #[test]
        fn every_entry_is_counted_once_on_each_side(a in any_store(), b in any_store()) {
            let c = StoreDiff::between(&a, &b).counts;
            prop_assert_eq!(c.removed + c.edited + c.moved + c.unchanged, a.len() as u64);
            prop_assert_eq!(c.added + c.edited + c.moved + c.unchanged, b.len() as u64);
        }
    }
}
