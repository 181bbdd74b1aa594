//! Reading: what a dream may have read of a live store that agents wrote to meanwhile.
//!
//! A run records its base, then asks for its dream, which reads the live store at some moment until it ends. What
//! agents wrote between base and end, and took back since, shows neither in the base nor in the live store, and
//! may well be in the candidate. The store's changes tell what each path held in that time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::memory::{ContentHash, MemoryPath};
use crate::snapshot::{Change, IndexEntry, SnapshotIndex};

/// What a dream may have read where that is not simply the base.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    /// What a path may have held when the dream read it, oldest first; null for nothing.
    pub paths: BTreeMap<MemoryPath, Vec<Option<IndexEntry>>>,
    /// Whether something was redacted that the dream may have read, at whatever path.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_redacted: bool,
}

/// Says whether it matters what the dream read: wherever the candidate differs from the live store, the same version
/// of a memory being in the base and live still leaves nothing to ask.
pub fn may_be_otherwise(base: &SnapshotIndex, ours: &SnapshotIndex, theirs: &SnapshotIndex) -> bool {
    let mut paths = base.entries.keys().chain(theirs.entries.keys());
    paths.any(|path| {
        let [was, now, here] = [base, ours, theirs].map(|index| index.entries.get(path));
        let is_the_same =
            was.zip(now).is_some_and(|(was, now)| was.version.is_some() && was.version == now.version);
        here.map(|entry| entry.hash) != now.map(|entry| entry.hash) && !is_the_same
    })
}

/// How a path of the candidate has to be brought to its live state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Nobody has written there since the dream read it.
    Unwritten,
    /// The candidate holds what the live store holds.
    Alike,
    /// The dream left it as it read it, and the live version takes its place.
    Carried,
    /// Both changed it.
    Met,
}

impl Reading {
    /// Works out what a dream may have read that was at work `from` one moment `until` another. `changes` are those
    /// of the live store since the base, newest first; `ours` is what it holds now.
    pub fn of(
        base: &SnapshotIndex,
        changes: &[Change],
        ours: &SnapshotIndex,
        (from, until): (Timestamp, Timestamp),
    ) -> Self {
        let mut places: BTreeMap<&str, BTreeSet<&MemoryPath>> = BTreeMap::new();
        let mut held: BTreeMap<&MemoryPath, Vec<Option<IndexEntry>>> = BTreeMap::new();
        let mut is_redacted = false;
        for change in changes.iter().rev().filter(|change| change.at <= until) {
            let Some(path) = &change.path else {
                is_redacted |= change.at >= from;
                continue;
            };
            let at_path = held.entry(path).or_insert_with(|| vec![base.entries.get(path).cloned()]);
            if change.at < from {
                at_path.clear();
            }
            at_path.push(change.holds.clone());
            places.entry(&change.memory).or_default().insert(path);
        }
        // Whoever moved a memory left its place empty, which no change of that place tells.
        for path in places.values().filter(|paths| paths.len() > 1).flatten() {
            held.entry(path).or_default().push(None);
        }
        if !changes.is_empty() {
            let moved = base.entries.iter().filter(|(path, _)| !ours.entries.contains_key(*path));
            for (path, was) in moved {
                held.entry(path).or_insert_with(|| vec![Some(was.clone()), None]);
            }
        }
        let hash = |entry: &Option<IndexEntry>| entry.as_ref().map(|entry| entry.hash);
        let is_base = |path: &MemoryPath, all: &[Option<IndexEntry>]| {
            all.iter().all(|one| hash(one) == base.entries.get(path).map(|entry| entry.hash))
        };
        held.retain(|path, all| {
            let mut seen = BTreeSet::new();
            all.retain(|one| seen.insert(hash(one)));
            !is_base(path, all)
        });
        Self { paths: held.into_iter().map(|(path, all)| (path.clone(), all)).collect(), is_redacted }
    }

    /// Says whether the dream can have read nothing but the base.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.is_redacted
    }

    /// Returns the hashes of what a path may have held; `was` is what it held in the base.
    fn seen(&self, path: &MemoryPath, was: Option<ContentHash>) -> Vec<Option<ContentHash>> {
        match self.paths.get(path) {
            Some(all) => all.iter().map(|one| one.as_ref().map(|entry| entry.hash)).collect(),
            None => vec![was],
        }
    }

    /// Returns the first that a path may have held when the dream read it; `was` is what it held in the base.
    pub fn first(&self, path: &MemoryPath, was: Option<ContentHash>) -> Option<ContentHash> {
        self.seen(path, was).first().copied().flatten()
    }

    /// Says how a path has to be brought to its live state: it `was` something in the base, is something else
    /// `now`, and something in the candidate, `here`.
    pub fn way(
        &self,
        path: &MemoryPath,
        was: Option<ContentHash>,
        now: Option<ContentHash>,
        here: Option<ContentHash>,
    ) -> Way {
        let seen = self.seen(path, was);
        let is_all_seen = seen == [now] && !self.is_redacted;
        match () {
            () if here == now && now == was => Way::Unwritten,
            () if here == now => Way::Alike,
            // What the candidate holds there the dream made of what is live.
            () if is_all_seen => Way::Unwritten,
            () if here == was || seen.contains(&here) => Way::Carried,
            () => Way::Met,
        }
    }

    /// Returns the texts that a dream may have begun with at a path that both changed, the one that the merge is
    /// made from first; nothing if there may have been none, or nobody knows.
    pub fn begun<'r>(&'r self, path: &MemoryPath, base: &'r SnapshotIndex) -> Option<Vec<&'r IndexEntry>> {
        if self.is_redacted {
            return None;
        }
        match self.paths.get(path) {
            Some(all) => all.iter().map(Option::as_ref).collect(),
            None => Some(vec![base.entries.get(path)?]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DURING: (i64, i64) = (10, 20);

    /// Paths, and what each holds.
    type Store<'a> = &'a [(&'a str, &'a str)];

    fn index(entries: Store<'_>) -> SnapshotIndex {
        let entry = |&(path, text): &(&str, &str)| {
            let entry = IndexEntry { hash: ContentHash::of(text), bytes: text.len() as u64, version: None };
            (MemoryPath::parse(path).unwrap(), entry)
        };
        SnapshotIndex { entries: entries.iter().map(entry).collect() }
    }

    /// Changes, oldest first: when, of which memory, where, and what it held then.
    type Told<'a> = &'a [(i64, &'a str, Option<&'a str>, Option<&'a str>)];

    fn read(base: Store<'_>, changes: Told<'_>, ours: Store<'_>) -> Reading {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let change = |&(second, memory, path, text): &(i64, &str, Option<&str>, Option<&str>)| Change {
            memory: memory.to_owned(),
            path: path.map(|path| MemoryPath::parse(path).unwrap()),
            holds: text.map(|text| IndexEntry {
                hash: ContentHash::of(text),
                bytes: text.len() as u64,
                version: None,
            }),
            at: at(second),
        };
        let changes: Vec<Change> = changes.iter().rev().map(change).collect();
        Reading::of(&index(base), &changes, &index(ours), (at(DURING.0), at(DURING.1)))
    }

    /// Tells what `/a` may have held, `-` for nothing.
    fn told(reading: &Reading, texts: &[&str]) -> String {
        let name = |entry: &Option<IndexEntry>| match entry {
            None => "-",
            Some(entry) => texts.iter().find(|text| ContentHash::of(text) == entry.hash).unwrap(),
        };
        let all = reading.paths.get(&MemoryPath::parse("/a").unwrap());
        all.map_or_else(|| "base".to_owned(), |all| all.iter().map(name).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_path_may_have_held_what_it_held_while_the_dream_was_at_work() {
        let a = Some("/a");
        let one: Store<'_> = &[("/a", "1")];
        let table: &[(Store<'_>, Told<'_>, Store<'_>, &str)] = &[
            (one, &[], one, "base"),
            // Before the base, before the dream, during it, after it.
            (&[], &[(5, "m", a, Some("1")), (6, "m", a, None)], &[], "base"),
            (one, &[(5, "m", a, Some("2"))], &[("/a", "2")], "2"),
            (one, &[(15, "m", a, Some("2"))], &[("/a", "2")], "1 2"),
            (one, &[(25, "m", a, Some("2"))], &[("/a", "2")], "base"),
            (one, &[(5, "m", a, Some("2")), (15, "m", a, Some("1"))], one, "2 1"),
            (one, &[(15, "m", a, Some("2")), (25, "m", a, Some("1"))], one, "1 2"),
            // It came and went, or went and came.
            (&[], &[(5, "m", a, Some("1")), (15, "m", a, None)], &[], "1 -"),
            (one, &[(15, "m", a, None), (16, "n", a, Some("1"))], one, "1 -"),
            // It was moved away, and back.
            (one, &[(15, "m", Some("/b"), Some("1"))], &[("/b", "1")], "1 -"),
            (one, &[(15, "m", Some("/b"), Some("1")), (16, "m", a, Some("1"))], one, "1 -"),
        ];
        for (base, changes, ours, expected) in table {
            assert_eq!(told(&read(base, changes, ours), &["1", "2"]), *expected, "{changes:?}");
        }
        let redacted = read(&[], &[(15, "m", None, None)], &[]);
        assert!(redacted.is_redacted && !redacted.is_empty());
        assert!(!read(&[], &[(5, "m", None, None)], &[]).is_redacted);
    }

    #[test]
    fn whatever_the_dream_read_the_live_store_wins_or_is_named() {
        let a = MemoryPath::parse("/a").unwrap();
        let hash = |text: &str| (text != "-").then(|| ContentHash::of(text));
        let reading = |seen: &str| {
            let entry = |text: &str| hash(text).map(|hash| IndexEntry { hash, bytes: 1, version: None });
            let paths = match seen {
                "" => BTreeMap::new(),
                seen => [(a.clone(), seen.split(' ').map(entry).collect())].into(),
            };
            Reading { paths, is_redacted: false }
        };
        let table = [
            // What it may have read, base, live, candidate.
            ("", "1", "1", "2", Way::Unwritten),
            ("", "1", "2", "1", Way::Carried),
            ("", "1", "2", "2", Way::Alike),
            ("", "1", "2", "3", Way::Met),
            ("1 -", "-", "-", "1", Way::Carried),
            ("1 -", "1", "1", "-", Way::Carried),
            ("2 1", "1", "1", "2", Way::Carried),
            ("2 1", "1", "1", "3", Way::Met),
            ("2", "1", "2", "3", Way::Unwritten),
            ("2", "1", "3", "2", Way::Carried),
            ("1 2", "1", "2", "3", Way::Met),
        ];
        for (seen, was, now, here, expected) in table {
            let way = reading(seen).way(&a, hash(was), hash(now), hash(here));
            assert_eq!(way, expected, "{seen:?} {was} {now} {here}");
        }
        let redacted = Reading { is_redacted: true, ..Reading::default() };
        assert_eq!(redacted.way(&a, None, None, hash("1")), Way::Met);
        assert_eq!(redacted.way(&a, hash("1"), hash("1"), hash("1")), Way::Unwritten);
    }
}
