//! State: which store is live, what was paid for, what waits, who writes.
//!
//! Everything rests on one small trait, [`StateStore`], so that every place state can live behaves
//! the same. Four kinds of key are used:
//!
//! ```text
//! aliases/<alias>       one object per store, replaced only from the version that was read
//! runs/<run>/<seq>      the journal: one immutable event per key, created only if absent
//! ledgers/<alias>/<run> what a run did to each statement, in hashes
//! deeds/<alias>/<seq>   what people did to an alias by hand; immutable like the journal
//! ```
//!
//! State holds ids, hashes, paths, counts and decisions. It never holds memory text, transcripts,
//! rendered instructions or credentials: none of the types written here has a field for them.

pub mod alias;
pub mod deeds;
pub mod driver;
pub mod ledger;
pub mod sqlite;

use std::fmt;

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
    /// The store cannot be reached, is read-only, is full. Nothing was written.
    #[error("could not {action} state in `{place}`: {reason}")]
    Unavailable {
        /// `read`, `write` or `open`.
        action: &'static str,
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
    },
}

/// Where state lives.
///
/// A `put` that returned is durable: it survives the process and the machine. A `put` that failed
/// with [`StateError::Conflict`] wrote nothing.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// Returns an object, or nothing if it was never written.
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StateError>;

    /// Writes an object if the condition holds at that moment, and returns its new version.
    async fn put(&self, key: &Key, bytes: &[u8], when: PutIf) -> Result<Version, StateError>;

    /// Returns the keys that start with a text, in order.
    async fn list(&self, prefix: &str) -> Result<Vec<Key>, StateError>;
}
