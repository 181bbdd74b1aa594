//! Copying into a store that agents write to: a candidate into the live store, or its past back into it.
//!
//! A store held *from* when the copy began and is to hold *to*. Whatever agents change meanwhile wins: such an
//! entry is left as it is and named. The same question is asked again after every interruption, of the store
//! as it is then, so that a copy is carried on from wherever it stopped and may be repeated.
//!
//! An entry that would be taken away may have its text in one that would be written. So as long as anything
//! that was to be written has to be left, nothing is taken away: too much stays rather than too little.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::memory::{ContentHash, MemoryPath, MemoryWrite};
use crate::snapshot::{Snapshot, SnapshotIndex};

use super::change_set::{Blocked, ChangeSet, take_blocked};
use super::rebase::Conflict;

/// What is left to do of a copy, and what became of the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyState {
    /// What is still to be written.
    pub writes: ChangeSet,
    /// What the store holds as it should, though it did not at the beginning; in order.
    pub written: Vec<MemoryPath>,
    /// What was changed by others meanwhile and holds their statements beside those it should hold; in order.
    pub merged: Vec<MemoryPath>,
    /// What was changed by others meanwhile, and stays as they left it; in order. `base` is what the store
    /// held at the beginning, `ours` what it holds now, `theirs` what it should hold.
    pub conflicts: Vec<Conflict>,
    /// What should be gone and stays, because something that may hold its text could not be written.
    pub kept: Vec<MemoryPath>,
    /// What cannot be written because nobody has its text any more.
    pub missing: Vec<MemoryPath>,
}

/// Works out what is left to do of a copy. `texts` holds what is to be written, as far as it can be had;
/// `now` is what the store holds.
pub fn copy(from: &SnapshotIndex, to: &SnapshotIndex, texts: &Snapshot, now: &SnapshotIndex) -> CopyState {
    copy_merging(from, to, texts, now, &BTreeMap::new())
}

/// As [`copy`], where what others changed is written as `merges` has it: for each path what the store holds now,
/// and what it is to hold with both.
pub fn copy_merging(
    from: &SnapshotIndex,
    to: &SnapshotIndex,
    texts: &Snapshot,
    now: &SnapshotIndex,
    merges: &BTreeMap<MemoryPath, (ContentHash, Arc<str>)>,
) -> CopyState {
    let mut copy = CopyState::default();
    let mut writes = Vec::new();
    let paths: BTreeSet<&MemoryPath> = from.entries.keys().chain(to.entries.keys()).collect();
    for path in paths {
        let [was, wanted, here] =
            [from, to, now].map(|index| index.entries.get(path).map(|entry| entry.hash));
        let text = texts.get(path).filter(|memory| Some(memory.hash) == wanted);
        let merge = merges.get(path).filter(|(seen, _)| here != was && Some(*seen) == here);
        match (was, wanted) {
            _ if was == wanted => {}
            _ if here == wanted => copy.written.push(path.clone()),
            _ if let Some((seen, content)) = merge => {
                copy.merged.push(path.clone());
                if ContentHash::of(content.as_bytes()) != *seen {
                    let (path, content, expected) = (path.clone(), Arc::clone(content), here);
                    writes.push(MemoryWrite::Put { path, content, expected });
                }
            }
            _ if here != was => copy.conflicts.push(Conflict {
                path: path.clone(),
                base: was,
                ours: here,
                theirs: wanted,
                collides_with: None,
            }),
            (Some(expected), None) => writes.push(MemoryWrite::Delete { path: path.clone(), expected }),
            _ => match text {
                None => copy.missing.push(path.clone()),
                Some(text) => writes.push(MemoryWrite::Put {
                    path: path.clone(),
                    content: text.content.clone(),
                    expected: was,
                }),
            },
        }
    }
    name_blocked(&mut copy, &mut writes, now);
    let is_short = !copy.missing.is_empty() || copy.conflicts.iter().any(|one| one.theirs.is_some());
    if is_short {
        let is_delete = |write: &mut MemoryWrite| matches!(write, MemoryWrite::Delete { .. });
        copy.kept.extend(writes.extract_if(.., is_delete).map(|write| write.path().clone()));
        // What stays may stand where something new would be.
        name_blocked(&mut copy, &mut writes, now);
    }
    copy.conflicts.sort_by(|a, b| a.path.cmp(&b.path));
    copy.writes = ChangeSet::ordered(writes);
    copy
}

/// Takes out the puts in whose way something stands that stays, and names them.
fn name_blocked(copy: &mut CopyState, writes: &mut Vec<MemoryWrite>, now: &SnapshotIndex) {
    let blocked = take_blocked(writes, now.entries.keys());
    copy.conflicts.extend(blocked.into_iter().map(|Blocked { path, hash, by }| Conflict {
        path,
        base: None,
        ours: None,
        theirs: Some(hash),
        collides_with: Some(by),
    }));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::change_set::tests::{any_store, store};
    use super::*;

    /// Tells a copy in one line, `+` for a put and `-` for a delete.
    fn told(copy: &CopyState) -> String {
        let write = |write: &MemoryWrite| match write {
            MemoryWrite::Put { path, .. } => format!("+{path}"),
            MemoryWrite::Delete { path, .. } => format!("-{path}"),
        };
        let mut words: Vec<String> = copy.writes.writes().iter().map(write).collect();
        words.extend(copy.written.iter().map(|path| format!("written {path}")));
        words.extend(copy.conflicts.iter().map(|one| format!("conflict {}", one.path)));
        words.extend(copy.kept.iter().map(|path| format!("kept {path}")));
        words.extend(copy.missing.iter().map(|path| format!("missing {path}")));
        words.join(", ")
    }

    type Entries<'a> = &'a [(&'a str, &'a str)];

    #[test]
    fn each_entry_is_written_left_or_done() {
        let table: &[(Entries<'_>, Entries<'_>, Entries<'_>, &str)] = &[
            // From, to, now.
            (&[("/a", "1")], &[("/a", "2")], &[("/a", "1")], "+/a"),
            (&[("/a", "1")], &[("/a", "2")], &[("/a", "2")], "written /a"),
            (&[("/a", "1")], &[("/a", "2")], &[("/a", "agent")], "conflict /a"),
            (&[("/a", "1")], &[("/a", "2")], &[], "conflict /a"),
            (&[], &[("/a", "2")], &[], "+/a"),
            (&[], &[("/a", "2")], &[("/a", "agent")], "conflict /a"),
            (&[("/a", "1")], &[], &[("/a", "1")], "-/a"),
            (&[("/a", "1")], &[], &[], "written /a"),
            (&[("/a", "1")], &[], &[("/a", "agent")], "conflict /a"),
            (&[("/a", "1")], &[("/a", "1")], &[("/a", "agent")], ""),
            // What agents add elsewhere is none of our business.
            (&[("/a", "1")], &[("/a", "2")], &[("/a", "1"), ("/z", "agent")], "+/a"),
            // Something new stands in the way.
            (&[], &[("/a/b", "2")], &[("/a", "agent")], "conflict /a/b"),
            (&[("/a", "1")], &[("/a/b", "1")], &[("/a", "1")], "-/a, +/a/b"),
        ];
        for (from, to, now, expected) in table {
            let [from, to, now] = [from, to, now].map(|entries| store(entries));
            let found = copy(&from.index(), &to.index(), &to, &now.index());
            assert_eq!(told(&found), *expected, "{from:?} → {to:?} with {now:?}");
        }
    }

    #[test]
    fn nothing_is_taken_away_while_what_may_hold_its_text_has_to_be_left() {
        let from = store(&[("/a", "one"), ("/b", "two"), ("/c", "three")]);
        let to = store(&[("/a", "one and two"), ("/c/x", "three")]);
        let now = store(&[("/a", "agent"), ("/b", "two"), ("/c", "three")]);
        let found = copy(&from.index(), &to.index(), &to, &now.index());
        assert_eq!(told(&found), "conflict /a, conflict /c/x, kept /b, kept /c");
        // A delete that has to be left holds nothing back.
        let now = store(&[("/a", "one"), ("/b", "agent"), ("/c", "three")]);
        let found = copy(&from.index(), &to.index(), &to, &now.index());
        assert_eq!(told(&found), "-/c, +/a, +/c/x, conflict /b");
    }

    #[test]
    fn what_can_be_merged_is_written_and_holds_nothing_back() {
        let from = store(&[("/a", "one"), ("/b", "two")]);
        let to = store(&[("/a", "one and two")]);
        let now = store(&[("/a", "agent"), ("/b", "two")]);
        let path = MemoryPath::parse("/a").unwrap();
        let both = |seen: &str| -> BTreeMap<_, _> {
            [(path.clone(), (ContentHash::of(seen.as_bytes()), Arc::from("agent, one and two")))].into()
        };
        let found = copy_merging(&from.index(), &to.index(), &to, &now.index(), &both("agent"));
        assert_eq!(told(&found), "+/a, -/b");
        assert_eq!(found.merged, std::slice::from_ref(&path));
        let after = found.writes.apply(&now).unwrap();
        let again =
            copy_merging(&from.index(), &to.index(), &to, &after.index(), &both("agent, one and two"));
        assert_eq!((told(&again), again.merged), ("written /b".to_owned(), vec![path.clone()]));
        // Somebody wrote since it was merged.
        let found = copy_merging(&from.index(), &to.index(), &to, &now.index(), &both("another"));
        assert_eq!(told(&found), "conflict /a, kept /b");
    }

    #[test]
    fn what_has_no_text_any_more_is_named() {
        let (from, to) = (store(&[("/b", "two")]), store(&[("/a", "one")]));
        let found = copy(&from.index(), &to.index(), &Snapshot::default(), &from.index());
        assert_eq!(told(&found), "kept /b, missing /a");
    }

    proptest! {
        #[test]
        fn a_copy_into_a_store_that_stands_still_makes_it_what_it_should_be(a in any_store(), b in any_store()) {
            let first = copy(&a.index(), &b.index(), &b, &a.index());
            let after = first.writes.apply(&a).unwrap();
            prop_assert_eq!(after.hash(), b.hash());
            let again = copy(&a.index(), &b.index(), &b, &after.index());
            prop_assert!(again.writes.is_empty() && again.conflicts.is_empty());
        }

        #[test]
        fn what_agents_wrote_meanwhile_is_never_touched(
            a in any_store(), b in any_store(), now in any_store(),
        ) {
            let found = copy(&a.index(), &b.index(), &b, &now.index());
            let after = found.writes.apply(&now).unwrap();
            for memory in now.iter() {
                let was = a.get(&memory.path).map(|memory| memory.hash);
                if was != Some(memory.hash) {
                    prop_assert_eq!(after.get(&memory.path).map(|memory| memory.hash), Some(memory.hash));
                }
            }
        }

        #[test]
        fn a_copy_cut_off_after_any_write_is_carried_on_to_the_same_end(
            a in any_store(), b in any_store(), now in any_store(), cut in 0_usize..7,
        ) {
            let whole = copy(&a.index(), &b.index(), &b, &now.index());
            let end = whole.writes.apply(&now).unwrap();
            let begun = ChangeSet::ordered(whole.writes.writes().iter().take(cut).cloned());
            let mut store = begun.apply(&now).unwrap();
            for _ in 0..2 {
                let rest = copy(&a.index(), &b.index(), &b, &store.index());
                store = rest.writes.apply(&store).unwrap();
            }
            prop_assert_eq!(store.hash(), end.hash());
        }
    }
}
