//! State: which store is live, what was paid for, what waits, who writes.
//!
//! Everything rests on one small trait, [`StateStore`], so that every place state can live behaves
//! the same. These keys are used:
//!
//! ```text
//! aliases/<alias>       one object per store, replaced only from the version that was read
//! runs/<run>/<seq>      the journal: one immutable event per key, created only if absent
//! folded/<run>          the whole journal of a run that has long been over, instead of its events
//! shelves/<pipeline>/…  what of folded runs is asked for without opening them
//! ledgers/<alias>/<run> what a run did to each statement, in hashes
//! deeds/<alias>/<seq>   what people did to an alias by hand; immutable like the journal
//! plans/<plan>/<pipeline> which run a saved plan was used up by; immutable like the journal
//! ```
//!
//! State holds ids, hashes, paths, counts and decisions. It never holds memory text, transcripts,
//! rendered instructions or credentials: none of the types written here has a field for them.

pub mod alias;
pub mod deeds;
pub mod driver;
pub mod format;
pub mod keeper;
pub mod lease;
pub mod ledger;
pub mod plans;
pub mod sqlite;
mod names;
pub mod folder;
pub mod git;
pub mod object;
pub mod postgres;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use async_trait::async_trait;

/// The name of one object of state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// Names the object of an alias.
    pub fn alias(alias: &crate::ids::Alias) -> Self {
        Self(format!("aliases/{alias}"))
    }

    /// Names one event of a run's journal. Numbers are padded so that keys sort as events happened.
    pub fn event(run: &crate::ids::RunId, seq: u32) -> Self {
        Self(format!("runs/{run}/{seq:08}"))
    }

    /// Returns what the keys of a run's events begin with.
    pub fn events(run: &crate::ids::RunId) -> String {
        format!("runs/{run}/")
    }

    /// Names the ledger of a run.
    pub fn ledger(alias: &crate::ids::Alias, run: &crate::ids::RunId) -> Self {
        Self(format!("{}{run}", Self::ledgers(alias)))
    }

    /// Returns what the keys of an alias's ledgers begin with.
    pub fn ledgers(alias: &crate::ids::Alias) -> String {
        format!("ledgers/{alias}/")
    }

    /// Names one deed. Numbers are padded so that keys sort as deeds happened.
    pub fn deed(alias: &crate::ids::Alias, number: u64) -> Self {
        Self(format!("{}{number:08}", Self::deeds(alias)))
    }

    /// Returns what the keys of an alias's deeds begin with.
    pub fn deeds(alias: &crate::ids::Alias) -> String {
        format!("deeds/{alias}/")
    }

    /// Names what became of one pipeline's part of a saved plan.
    pub fn plan(plan: &crate::ids::PlanId, pipeline: &crate::ids::PipelineName) -> Self {
        Self(format!("{}{plan}/{pipeline}", Self::plans()))
    }

    /// Returns what the keys of all saved plans begin with.
    pub fn plans() -> &'static str {
        "plans/"
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes a key back from a store's listing.
    pub fn from_listing(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The version of an object as its store counts it; meaningful only to that store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub String);

/// An object and the version it was read at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned {
    /// The object.
    pub bytes: Vec<u8>,
    /// Its version.
    pub version: Version,
}

/// What must be true for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutIf {
    /// Nothing is there yet.
    Absent,
    /// What is there is still this version.
    Version(Version),
}

/// Why state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Somebody else wrote first. Nothing was written.
    #[error("`{key}` was written by another process")]
    Conflict {
        /// The object.
        key: Key,
    },
    /// Another process took the lease of the alias, while this one stood still. Nothing was written.
    #[error("another process took `{alias}` over")]
    LeaseLost {
        /// The alias.
        alias: crate::ids::Alias,
    },
    /// This process stood still, or state did, for longer than its lease, and the lease could not be renewed since.
    /// What was under way was given up where it stood.
    #[error("the lease of `{alias}` could not be renewed in time")]
    LeaseStale {
        /// The alias.
        alias: crate::ids::Alias,
    },
    /// What keeps state on another machine gives no answer. Nothing was written.
    #[error("state in `{place}` cannot be reached: {reason}")]
    Unreachable {
        /// Where state lives.
        place: String,
        /// What stood in the way.
        reason: String,
    },
    /// What is to keep state is not there, and is not for this program to make. Nothing was written.
    #[error("cannot keep state in `{place}`: {reason}")]
    Missing {
        /// Where state is to live.
        place: String,
        /// What is missing.
        reason: String,
        /// What a person can do about it, as a sentence.
        remedy: &'static str,
    },
    /// The store is read-only, is full, refuses. Nothing was written.
    #[error("could not {action} state in `{place}`: {reason}")]
    Unavailable {
        /// `read`, `write` or `open`.
        action: &'static str,
        /// Where state lives.
        place: String,
        /// What stood in the way.
        reason: String,
    },
    /// The answer to a write was lost, and looking did not settle whether it took effect.
    #[error("nobody can say whether `{key}` was written to state in `{place}`: {reason}")]
    InDoubt {
        /// The object.
        key: Key,
        /// Where state lives.
        place: String,
        /// What stood in the way.
        reason: String,
    },
    /// An object is not what this program writes.
    #[error("`{key}` in state is damaged: {reason}")]
    Damaged {
        /// The object.
        key: Key,
        /// What is wrong with it.
        reason: String,
    },
    /// An object was written by a version this one cannot read.
    #[error("`{key}` in state has format {found}, this version reads up to {known}")]
    TooNew {
        /// The object.
        key: Key,
        /// Its format.
        found: String,
        /// The newest format this program reads.
        known: String,
        /// The oldest version that reads it, if it says so.
        reader: Option<String>,
    },
    /// An object holds what was added by a newer version, and replacing it would drop that. Nothing was
    /// written.
    #[error("`{key}` in state has format {found}, this version writes {known}")]
    NewerWriter {
        /// The object.
        key: Key,
        /// Its format.
        found: String,
        /// The format this program writes.
        known: String,
    },
}

/// Where state lives.
///
/// A `put` that returned is durable: it survives the process and the machine. A `put` whose answer was lost
/// is settled by looking; one that failed wrote nothing, unless it says [`StateError::InDoubt`].
#[async_trait]
pub trait StateStore: Send + Sync {
    /// Returns an object, or nothing if it was never written.
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StateError>;

    /// Writes an object if the condition holds at that moment, and returns its new version.
    async fn put(&self, key: &Key, bytes: &[u8], when: PutIf) -> Result<Version, StateError>;

    /// Returns the keys that start with a text, in order.
    async fn list(&self, prefix: &str) -> Result<Vec<Key>, StateError>;

    /// Returns the names right below a prefix, once each and in order: what follows it in keys, up to the next
    /// slash. A store that can skip what is below a name need not read every key for it.
    async fn names(&self, prefix: &str) -> Result<Vec<String>, StateError> {
        let keys = self.list(prefix).await?;
        let names = keys.iter().filter_map(|key| key.as_str().strip_prefix(prefix)?.split('/').next());
        Ok(names.map(str::to_owned).collect::<std::collections::BTreeSet<_>>().into_iter().collect())
    }

    /// Returns the objects whose keys start with a text, in order of key. An object that is written or
    /// deleted meanwhile may be among them or not.
    async fn read(&self, prefix: &str) -> Result<Vec<(Key, Versioned)>, StateError> {
        let mut found = Vec::new();
        for key in self.list(prefix).await? {
            if let Some(object) = self.get(&key).await? {
                found.push((key, object));
            }
        }
        Ok(found)
    }

    /// Returns those of several objects that are there, in the order asked for.
    async fn get_all(&self, keys: &[Key]) -> Result<Vec<(Key, Versioned)>, StateError> {
        let mut found = Vec::new();
        for key in keys {
            if let Some(object) = self.get(key).await? {
                found.push((key.clone(), object));
            }
        }
        Ok(found)
    }

    /// Deletes an object that is still this version. Only upkeep does, and only of what is never replaced:
    /// a version may come back with an object that is created anew.
    async fn delete(&self, key: &Key, version: &Version) -> Result<(), StateError>;

    /// Deletes several objects as [`StateStore::delete`] does one, and leaves those that are not that version any
    /// more. Cut off, it may have deleted any of them.
    async fn delete_all(&self, objects: &[(Key, Version)]) -> Result<(), StateError> {
        for (key, version) in objects {
            match self.delete(key, version).await {
                Ok(()) | Err(StateError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The first wait before something is tried again.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// How often the wait doubles.
const DOUBLINGS: u32 = 6;

/// Waits before something is tried again: longer each time, and no two who wait equally long.
async fn pause(round: u32) {
    let longest = FIRST_PAUSE * 2_u32.pow(round.min(DOUBLINGS));
    // A hasher of its own seed is all the chance this needs.
    let chance = RandomState::new().build_hasher().finish() % 1000;
    tokio::time::sleep(longest.mul_f64(0.25 + 0.75 * chance as f64 / 1000.0)).await;
}
