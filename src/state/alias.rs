//! The object of one alias: which store is live, who works on it, and what was read already.
//!
//! It is replaced as a whole, from the version that was read, or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::format::{self, Format};
use super::lease::{Lease, Who};
use super::{Key, PutIf, StateError, StateStore, Version};
use crate::ids::{Alias, MemoryStoreId, PipelineName, RunId, SessionId};
use crate::ledger::window::RunLosses;
use crate::memory::ContentHash;

/// The format of [`AliasRecord`]. 1: the first, which no release has written yet; it holds the losses of runs
/// too.
pub const ALIAS_FORMAT: u32 = 1;
/// What was added to that format. 0: nothing yet.
const ALIAS_MINOR: u32 = 0;
const KNOWN: Format = Format { major: ALIAS_FORMAT, minor: ALIAS_MINOR };

/// How many copies into a live store can be taken back, one after the other. Each is remembered with the
/// sessions that had been read by then, and a store that never changes its id would gather them for ever.
pub const COPIES_KEPT: usize = 10;

/// How many adopted runs are remembered with what they lost: a year of nights, and some.
pub const LOSSES_KEPT: usize = 400;

/// What the key of every alias begins with.
const ALIASES: &str = "aliases/";

/// What state knows of one alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AliasRecord {
    /// [`ALIAS_FORMAT`] when written.
    pub format: u32,
    /// What was added to that format when it was written.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub minor: u32,
    /// How often the live store was replaced, from 0.
    pub generation: u64,
    /// How often runs settled their sessions here, from 0. A plan made before one of them names sessions
    /// that were read since, even where the live store stayed.
    #[serde(default)]
    pub revision: u64,
    /// Where its stores are; none on the local backend of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The live store.
    pub active: MemoryStoreId,
    /// The adoption that made it live; none for a bootstrapped store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<Adoption>,
    /// The stores that were live before, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<PreviousStore>,
    /// Which sessions were read, by source.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub watermarks: BTreeMap<SourceKey, Watermark>,
    /// When each pipeline last brought a run to its end here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub last_finished: BTreeMap<PipelineName, Timestamp>,
    /// What the runs that were adopted lost, oldest first; the last [`LOSSES_KEPT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<RunLosses>,
    /// The run that works on the alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// Set by `rollback`: automation keeps its hands off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Which process acts on the alias now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Where the stores of an alias are. An id means something only there, and a run that looked for its
/// dream elsewhere would pay for it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The server, without a slash at its end.
    pub base_url: String,
    /// The organisation that the key belongs to, if the server said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The workspace that the key acts in, if the server said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
}

impl Origin {
    /// Says whether two accounts of a place can be of the same one: what both know agrees.
    pub fn fits(&self, other: &Self) -> bool {
        let fits = |one: &Option<String>, other: &Option<String>| match (one, other) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        self.base_url == other.base_url
            && fits(&self.organization, &other.organization)
            && fits(&self.workspace, &other.workspace)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base_url)?;
        if let Some(workspace) = &self.workspace {
            write!(f, ", workspace {workspace}")?;
        }
        if let Some(organization) = &self.organization {
            write!(f, ", organisation {organization}")?;
        }
        Ok(())
    }
}

/// How a store became live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Adoption {
    /// The run that adopted it.
    pub run: RunId,
    /// When.
    pub at: Timestamp,
    /// What it held then.
    pub hash: ContentHash,
}

/// A store that used to be live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreviousStore {
    /// The store.
    pub store: MemoryStoreId,
    /// The adoption that had made it live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adoption: Option<Adoption>,
    /// When it gave way.
    pub retired_at: Timestamp,
    /// The run that copied its candidate into this very store: the way back is to take the copy back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied_by: Option<RunId>,
    /// Which sessions had been read into it by then.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub watermarks: BTreeMap<SourceKey, Watermark>,
}

/// The run that works on an alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// The run.
    pub run: RunId,
    /// Since when.
    pub since: Timestamp,
    /// The process that last acted for it. It may be waiting, or gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Who>,
}

/// Why automation keeps its hands off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// Since when.
    pub since: Timestamp,
    /// Who put it on.
    pub by: String,
    /// Why.
    pub reason: String,
    /// The store that a rollback is on its way to: it was begun, and is to be finished by the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolling_back_to: Option<MemoryStoreId>,
    /// What that rollback carries over. It is not over before that is done, though the alias may have moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrying: Option<Carrying>,
    /// The gates that were overridden for that rollback: whoever finishes it need not say so again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overridden: Vec<String>,
}

impl Hold {
    /// Makes a hold that waits for nothing but to be taken off.
    pub fn new(since: Timestamp, by: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            since,
            by: by.into(),
            reason: reason.into(),
            rolling_back_to: None,
            carrying: None,
            overridden: Vec::new(),
        }
    }
}

/// What a rollback carries over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Carrying {
    /// The store that agents wrote to.
    pub from: MemoryStoreId,
    /// The run whose adoption is undone: whatever differs from what it adopted, agents wrote.
    pub run: RunId,
}

/// Names a session source within an alias, such as `files:logs/*.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SourceKey(pub String);

/// Which sessions of one source were read by adopted runs.
///
/// Every session up to and including `through` is settled. Sessions that began later but were read
/// already (because an earlier one was still running, `order: newest` took them first, or an older one
/// may still turn up) are named in `beyond`, so that none is skipped and none is read twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Watermark {
    /// The last settled session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Mark>,
    /// Sessions after it that were read, with the time each began.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub beyond: BTreeMap<SessionId, Timestamp>,
    /// How far each of these was read, in events: one that holds more by now went on since.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub read_to: BTreeMap<SessionId, u64>,
}

/// A place in the order of sessions: by beginning, then by id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Mark {
    /// When the session began.
    pub created_at: Timestamp,
    /// The session.
    pub session: SessionId,
}

impl Watermark {
    /// Says whether the time alone settles a session: it was read or passed over long ago, and which of
    /// the two is not remembered.
    pub fn passes_over(&self, mark: &Mark) -> bool {
        self.through.as_ref().is_some_and(|through| mark <= through)
    }

    /// Says whether a session that holds so many events is remembered as read to its end.
    pub fn remembers(&self, session: &SessionId, events: u64) -> bool {
        self.beyond.contains_key(session) && !self.has_grown(session, events)
    }

    /// Says whether a session is remembered as read, and went on since.
    pub fn has_grown(&self, session: &SessionId, events: u64) -> bool {
        self.beyond.contains_key(session) && self.read_to.get(session).is_some_and(|read| *read < events)
    }
}

impl AliasRecord {
    /// Makes the record of an alias that was just bootstrapped.
    pub fn bootstrapped(active: MemoryStoreId) -> Self {
        Self {
            format: ALIAS_FORMAT,
            minor: ALIAS_MINOR,
            generation: 0,
            revision: 0,
            origin: None,
            active,
            adoption: None,
            previous: Vec::new(),
            watermarks: BTreeMap::new(),
            last_finished: BTreeMap::new(),
            losses: Vec::new(),
            claim: None,
            hold: None,
            lease: None,
        }
    }

    /// Returns the store that the alias began with, as far as that is remembered.
    pub fn root(&self) -> &MemoryStoreId {
        let began = self.previous.iter().rev().find(|previous| previous.adoption.is_none());
        let oldest = || self.previous.last().filter(|_| self.adoption.is_some());
        began.or_else(oldest).map_or(&self.active, |previous| &previous.store)
    }

    /// Returns the runs that the record names.
    pub fn runs(&self) -> impl Iterator<Item = &RunId> {
        let adoptions = self.previous.iter().map(|previous| &previous.adoption);
        let adopted = std::iter::once(&self.adoption).chain(adoptions).flatten();
        let copied = self.previous.iter().filter_map(|previous| previous.copied_by.as_ref());
        let lost = self.losses.iter().map(|losses| &losses.run);
        let claimed = self.claim.iter().map(|claim| &claim.run);
        adopted.map(|adoption| &adoption.run).chain(copied).chain(lost).chain(claimed)
    }

    /// Says whether two records tell the same of the alias, whoever acts on it.
    pub fn tells_same(&self, other: &Self) -> bool {
        let mut here = self.clone();
        here.lease.clone_from(&other.lease);
        here == *other
    }

    /// Makes a store live and remembers the one before, with the sessions that had been read into it.
    pub fn replace_active(&mut self, store: MemoryStoreId, adoption: Option<Adoption>, at: Timestamp) {
        let retired = std::mem::replace(&mut self.active, store);
        let before = std::mem::replace(&mut self.adoption, adoption);
        self.previous.retain(|p| p.store != retired && p.store != self.active);
        let watermarks = self.watermarks.clone();
        self.previous.insert(
            0,
            PreviousStore { store: retired, adoption: before, retired_at: at, copied_by: None, watermarks },
        );
        self.generation += 1;
    }

    /// Notes that a run copied its candidate into the live store. What the store was before can be gone back
    /// to like a store of its own, as long as it is among the last [`COPIES_KEPT`].
    pub fn copy_into_active(&mut self, adoption: Adoption, at: Timestamp) {
        let copied_by = Some(adoption.run.clone());
        let before = self.adoption.replace(adoption);
        let watermarks = self.watermarks.clone();
        let store = self.active.clone();
        let previous = PreviousStore { store, adoption: before, retired_at: at, copied_by, watermarks };
        self.previous.insert(0, previous);
        let mut copies = 0;
        self.previous.retain(|previous| {
            copies += usize::from(previous.copied_by.is_some());
            previous.copied_by.is_none() || copies <= COPIES_KEPT
        });
        self.generation += 1;
    }

    /// Notes what an adopted run lost.
    pub fn count_losses(&mut self, losses: RunLosses) {
        self.losses.retain(|other| other.run != losses.run);
        self.losses.push(losses);
        let surplus = self.losses.len().saturating_sub(LOSSES_KEPT);
        self.losses.drain(..surplus);
    }

    /// Notes how much of what a run lost is still lost. Says whether that is news.
    pub fn correct_losses(&mut self, run: &RunId, lost: u64) -> bool {
        match self.losses.iter_mut().find(|losses| losses.run == *run) {
            Some(losses) if losses.lost != lost => {
                losses.lost = lost;
                true
            }
            _ => false,
        }
    }

    /// Notes which adopted runs the live store does not come from, and which lost nothing after all: it was
    /// made by its own adoption, that one upon the one before, and so on.
    fn follow_losses(&mut self) {
        let onto: BTreeMap<RunId, Option<RunId>> =
            self.losses.iter().map(|losses| (losses.run.clone(), losses.onto.clone())).collect();
        let mut chain = BTreeSet::new();
        let mut next = self.adoption.as_ref().map(|adoption| adoption.run.clone());
        while let Some(run) = next {
            next = onto.get(&run).cloned().flatten();
            if !chain.insert(run) {
                break;
            }
        }
        for losses in &mut self.losses {
            losses.is_undone = !chain.contains(&losses.run);
        }
    }

    /// Notes that the last copy into the live store was taken back.
    pub fn take_back_copy(&mut self, previous: PreviousStore) {
        self.previous.retain(|other| *other != previous);
        self.adoption = previous.adoption;
        self.watermarks = previous.watermarks;
        self.generation += 1;
        self.follow_losses();
    }

    /// Makes a store live that was live before. Sessions that were read only into stores after it count
    /// as unread again, or what they taught would be lost with those stores.
    pub fn bring_back(&mut self, previous: PreviousStore, at: Timestamp) {
        self.replace_active(previous.store, previous.adoption, at);
        self.watermarks = previous.watermarks;
        self.follow_losses();
    }
}

/// Reads an alias, with the version to write it back from.
///
/// # Errors
///
/// Fails when state cannot be read, is damaged, or was written by a newer version.
pub async fn read(
    state: &dyn StateStore,
    alias: &Alias,
) -> Result<Option<(AliasRecord, Version)>, StateError> {
    let key = Key::alias(alias);
    let Some(found) = state.get(&key).await? else { return Ok(None) };
    let record = format::read(&key, &found.bytes, KNOWN)?;
    Ok(Some((record, found.version)))
}

/// Writes an alias back, if it is still what was read.
///
/// # Errors
///
/// [`StateError::Conflict`] when somebody else wrote first, [`StateError::NewerWriter`] when a newer version
/// has added to the record.
pub async fn write(
    state: &dyn StateStore,
    alias: &Alias,
    record: &AliasRecord,
    when: PutIf,
) -> Result<Version, StateError> {
    let key = Key::alias(alias);
    format::check_replaceable(&key, Format { major: record.format, minor: record.minor }, KNOWN)?;
    let record = AliasRecord { format: ALIAS_FORMAT, minor: ALIAS_MINOR, ..record.clone() };
    state.put(&key, &format::bytes(&key, &record)?, when).await
}

/// Lists the aliases that state holds, in order.
///
/// # Errors
///
/// Fails when state cannot be read, or names something an alias cannot be called.
pub async fn list(state: &dyn StateStore) -> Result<Vec<Alias>, StateError> {
    let keys = state.list(ALIASES).await?;
    let named = |key: Key| {
        let name = key.as_str().trim_start_matches(ALIASES).to_owned();
        Alias::parse(name).map_err(|error| StateError::Damaged { key, reason: error.to_string() })
    };
    keys.into_iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(second: i64, id: &str) -> Mark {
        Mark { created_at: Timestamp::from_second(second).unwrap(), session: SessionId::parse(id).unwrap() }
    }

    #[test]
    fn a_watermark_passes_over_what_is_old_and_remembers_how_far_the_rest_was_read() {
        let id = |id| SessionId::parse(id).unwrap();
        let watermark = Watermark {
            through: Some(mark(10, "b")),
            beyond: [(id("y"), Timestamp::MAX), (id("z"), Timestamp::MAX)].into(),
            read_to: [(id("z"), 4)].into(),
        };
        assert!(watermark.passes_over(&mark(10, "a")));
        assert!(watermark.passes_over(&mark(10, "b")));
        assert!(!watermark.passes_over(&mark(10, "c")));
        assert!(!watermark.passes_over(&mark(99, "z")));
        assert!(!Watermark::default().passes_over(&mark(0, "a")));
        assert!(watermark.remembers(&id("z"), 4) && !watermark.has_grown(&id("z"), 4));
        assert!(!watermark.remembers(&id("z"), 5) && watermark.has_grown(&id("z"), 5));
        assert!(watermark.remembers(&id("y"), 5), "how far it was read is not known");
        assert!(!watermark.remembers(&id("x"), 5) && !watermark.has_grown(&id("x"), 5));
    }

    #[test]
    fn an_origin_fits_another_where_both_know() {
        let origin = |url: &str, organization: Option<&str>, workspace: Option<&str>| Origin {
            base_url: url.to_owned(),
            organization: organization.map(str::to_owned),
            workspace: workspace.map(str::to_owned),
        };
        let bare = origin("https://a", None, None);
        let full = origin("https://a", Some("o"), Some("w"));
        assert!(bare.fits(&full) && full.fits(&bare) && full.fits(&full));
        assert!(!full.fits(&origin("https://b", Some("o"), Some("w"))));
        assert!(!full.fits(&origin("https://a", Some("o"), Some("v"))));
        assert!(!full.fits(&origin("https://a", Some("p"), None)));
    }

    #[test]
    fn replacing_the_live_store_keeps_the_one_before_first() {
        let store = |id| MemoryStoreId::parse(id).unwrap();
        let at = Timestamp::from_second(1).unwrap();
        let mut record = AliasRecord::bootstrapped(store("a"));
        record.replace_active(store("b"), None, at);
        record.replace_active(store("a"), None, at);
        assert_eq!(record.generation, 2);
        assert_eq!(record.previous.iter().map(|p| p.store.as_str()).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn a_store_comes_back_with_the_sessions_that_were_read_into_it() {
        let store = |id| MemoryStoreId::parse(id).unwrap();
        let at = Timestamp::from_second(1).unwrap();
        let source = SourceKey("files:a".to_owned());
        let read = |id| Watermark { through: Some(mark(1, id)), ..Watermark::default() };
        let mut record = AliasRecord::bootstrapped(store("a"));
        for (next, session) in [("b", "first"), ("c", "second")] {
            record.replace_active(store(next), None, at);
            record.watermarks.insert(source.clone(), read(session));
        }
        for (back, watermark) in [("b", Some(read("first"))), ("a", None), ("c", Some(read("second")))] {
            let previous = record.previous.iter().find(|p| p.store.as_str() == back).unwrap().clone();
            record.bring_back(previous, at);
            assert_eq!(record.active.as_str(), back);
            assert_eq!(record.watermarks.get(&source), watermark.as_ref(), "{back}");
        }
    }

    #[test]
    fn losses_count_where_the_live_store_comes_from_their_run_also_after_going_back_and_forth() {
        let store = |id: &str| MemoryStoreId::parse(id).unwrap();
        let second = |second| Timestamp::from_second(second).unwrap();
        let run = |number| RunId::new(PipelineName::parse("nightly").unwrap(), number);
        let mut record = AliasRecord::bootstrapped(store("a"));
        let adopt = |record: &mut AliasRecord, id: &str, number: u32, at: i64| {
            let onto = record.adoption.as_ref().map(|adoption| adoption.run.clone());
            let adoption = Adoption { run: run(number), at: second(at), hash: ContentHash::of(id) };
            record.replace_active(store(id), Some(adoption), second(at));
            let at = second(at);
            record.count_losses(RunLosses { run: run(number), at, lost: 1, of: 9, onto, is_undone: false });
        };
        let back = |record: &mut AliasRecord, id: &str, at: i64| {
            let previous = record.previous.iter().find(|p| p.store.as_str() == id).unwrap().clone();
            record.bring_back(previous, second(at));
        };
        let undone = |record: &AliasRecord| record.losses.iter().map(|l| l.is_undone).collect::<Vec<_>>();
        adopt(&mut record, "b", 1, 1);
        adopt(&mut record, "c", 2, 2);
        back(&mut record, "a", 3);
        assert_eq!(undone(&record), [true, true]);
        back(&mut record, "c", 4);
        assert_eq!(undone(&record), [false, false], "forward again, it lost what it lost");
        back(&mut record, "b", 5);
        assert_eq!(undone(&record), [false, true]);
        adopt(&mut record, "d", 3, 6);
        assert_eq!(undone(&record), [false, true, false]);
        back(&mut record, "c", 7);
        assert_eq!(undone(&record), [false, false, true], "another branch is not where it comes from");
    }
}
