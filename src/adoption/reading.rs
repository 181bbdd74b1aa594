//! Reading: what a dream may have read of a live store that agents wrote to meanwhile.
//!
//! A run records its base, then asks for its dream, which reads the live store at some moment until it ends. What
//! agents wrote between base and end, and took back since, shows neither in the base nor in the live store, and
//! may well be in the candidate. The store's changes tell what each path held in that time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::MemoryVersionId;
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
    /// The paths where that may have stood, as far as anything tells.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub redacted: BTreeSet<MemoryPath>,
}

/// Says whether the very version of a memory that was in the base is live.
fn stands_still(was: Option<&IndexEntry>, now: Option<&IndexEntry>) -> bool {
    was.zip(now).is_some_and(|(was, now)| was.version.is_some() && was.version == now.version)
}

/// The changes since a base, newest first, each with the time when another took its place.
struct Past<'c>(Vec<(&'c Change, Option<Timestamp>)>);

impl<'c> Past<'c> {
    /// Leaves out what came before the base: a list of changes may go further back, and does where a version of the
    /// base was redacted, which nothing but its id tells.
    fn of(base: &SnapshotIndex, changes: &'c [Change]) -> Self {
        let of_base: BTreeSet<&MemoryVersionId> =
            base.entries.values().filter_map(|entry| entry.version.as_ref()).collect();
        let mut newer: BTreeMap<&str, Timestamp> = BTreeMap::new();
        let mut before: BTreeSet<&str> = BTreeSet::new();
        let mut all = Vec::new();
        for change in changes {
            if before.contains(change.memory.as_str()) {
                continue;
            }
            all.push((change, newer.insert(&change.memory, change.at)));
            if change.version.as_ref().is_some_and(|version| of_base.contains(version)) {
                before.insert(&change.memory);
            }
        }
        Self(all)
    }
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
        let all_changes = changes;
        let changes = Past::of(base, changes);
        let mut places: BTreeMap<&str, BTreeSet<&MemoryPath>> = BTreeMap::new();
        let mut held: BTreeMap<&MemoryPath, Vec<Option<IndexEntry>>> = BTreeMap::new();
        let mut redacted: BTreeSet<&str> = BTreeSet::new();
        for &(change, gave_way) in changes.0.iter().rev().filter(|(change, _)| change.at <= until) {
            let Some(path) = &change.path else {
                // Written before the dream, it was there to be read as long as nothing had taken its place.
                if gave_way.is_none_or(|at| at >= from) {
                    redacted.insert(&change.memory);
                }
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
        if !changes.0.is_empty() {
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
        let of_redacted = |change: &&Change| redacted.contains(change.memory.as_str());
        let in_base = |version: &MemoryVersionId| {
            let mut entries = base.entries.iter();
            entries.find(|(_, entry)| entry.version.as_ref() == Some(version)).map(|(path, _)| path)
        };
        let path_of = |change: &Change| {
            change.path.clone().or_else(|| change.version.as_ref().and_then(in_base).cloned())
        };
        Self {
            paths: held.into_iter().map(|(path, all)| (path.clone(), all)).collect(),
            is_redacted: !redacted.is_empty(),
            redacted: all_changes.iter().filter(of_redacted).filter_map(path_of).collect(),
        }
    }

    /// Says whether the dream can have read nothing but the base.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.is_redacted
    }

    /// Returns whatever it may have read besides the base.
    pub fn entries(&self) -> impl Iterator<Item = (&MemoryPath, &IndexEntry)> {
        self.paths.iter().flat_map(|(path, all)| all.iter().flatten().map(move |entry| (path, entry)))
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
        was: Option<&IndexEntry>,
        now: Option<&IndexEntry>,
        here: Option<ContentHash>,
    ) -> Way {
        // Where one memory has stood since the base, untouched, nothing else can have stood.
        let stood_still = stands_still(was, now);
        let [was, now] = [was, now].map(|entry| entry.map(|entry| entry.hash));
        let seen = self.seen(path, was);
        let is_all_seen = seen == [now] && (stood_still || !self.redacted.contains(path));
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
        if self.redacted.contains(path) {
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
            version: None,
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
    }

    #[test]
    fn what_was_redacted_may_have_been_read_unless_something_took_its_place_before() {
        let is_redacted = |changes: Told<'_>| read(&[], changes, &[]).is_redacted;
        let a = Some("/a");
        assert!(is_redacted(&[(15, "m", None, None)]));
        assert!(!is_redacted(&[(25, "m", None, None)]));
        // Written before the dream, it was there when the dream began.
        assert!(is_redacted(&[(5, "m", None, None)]));
        assert!(is_redacted(&[(5, "m", None, None), (15, "m", a, Some("1"))]));
        assert!(is_redacted(&[(5, "m", None, None), (6, "n", a, Some("1"))]));
        assert!(!is_redacted(&[(5, "m", None, None), (6, "m", a, Some("1"))]));
        assert!(!is_redacted(&[(5, "m", None, None), (6, "m", a, None)]));
    }

    #[test]
    fn what_came_before_a_redacted_version_of_the_base_was_not_read() {
        let version = |id: &str| MemoryVersionId::parse(format!("memver_{id}")).ok();
        let entry = |text: &str, id: &str| IndexEntry {
            hash: ContentHash::of(text),
            bytes: text.len() as u64,
            version: version(id),
        };
        let path = MemoryPath::parse("/a").unwrap();
        let one = |entry: IndexEntry| SnapshotIndex { entries: [(path.clone(), entry)].into() };
        let change = |second: i64, id: &str, holds: Option<IndexEntry>| Change {
            memory: "m".to_owned(),
            version: version(id),
            path: holds.is_some().then(|| path.clone()),
            holds,
            at: Timestamp::from_second(second).unwrap(),
        };
        // The base held an address; an agent wrote what had stood before it, and redacted the address.
        let (base, live) = (one(entry("address", "2")), one(entry("plain", "3")));
        let changes = [
            change(15, "3", Some(entry("plain", "3"))),
            change(2, "2", None),
            change(1, "1", Some(entry("plain", "1"))),
        ];
        let during = (Timestamp::from_second(DURING.0).unwrap(), Timestamp::from_second(DURING.1).unwrap());
        let read = Reading::of(&base, &changes, &live, during);
        assert!(read.is_redacted && read.redacted.contains(&path));
        assert_eq!(told(&read, &["address", "plain"]), "address plain");
        let [was, now] = [&base, &live].map(|index| index.entries.get(&path));
        let here = |text: &str| Some(ContentHash::of(text));
        assert_eq!(read.way(&path, was, now, here("address, tidied")), Way::Met);
        assert_eq!(read.way(&path, was, now, here("address")), Way::Carried);
    }

    #[test]
    fn whatever_the_dream_read_the_live_store_wins_or_is_named() {
        let a = MemoryPath::parse("/a").unwrap();
        let hash = |text: &str| (text != "-").then(|| ContentHash::of(text));
        let entry = |text: &str| hash(text).map(|hash| IndexEntry { hash, bytes: 1, version: None });
        let reading = |seen: &str| {
            let paths = match seen {
                "" => BTreeMap::new(),
                seen => [(a.clone(), seen.split(' ').map(entry).collect())].into(),
            };
            Reading { paths, ..Reading::default() }
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
            let [was_there, is_there] = [was, now].map(entry);
            let way = reading(seen).way(&a, was_there.as_ref(), is_there.as_ref(), hash(here));
            assert_eq!(way, expected, "{seen:?} {was} {now} {here}");
        }
        let redacted = Reading { redacted: [a.clone()].into(), is_redacted: true, ..Reading::default() };
        assert_eq!(redacted.way(&a, None, None, hash("1")), Way::Met);
        let one = entry("1");
        assert_eq!(redacted.way(&a, one.as_ref(), one.as_ref(), hash("1")), Way::Unwritten);
        // Whatever was redacted, it was not this.
        let still = IndexEntry { version: MemoryVersionId::parse("memver_1").ok(), ..one.unwrap() };
        assert_eq!(redacted.way(&a, Some(&still), Some(&still), hash("2")), Way::Unwritten);
    }
}
