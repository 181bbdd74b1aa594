//! Where memory stores, sessions and dreams live.
//!
//! [`Backend`] is everything a run needs from one, in the API's own terms. What each call promises
//! is stated here and checked for every implementation by `tests/contract`.

pub mod folder;
pub mod local;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::dream::{Dream, DreamChange, DreamRequest};
use crate::ids::{DreamId, MemoryStoreId, SessionId};
use crate::memory::{ContentHash, Memory, MemoryPath, MemoryWrite};
use crate::session::Session;
use crate::snapshot::Snapshot;
use crate::spec::pipeline::SessionSource;

/// Why a backend did not do what it was asked, sorted by what the caller may do next.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// Nothing left this process: safe to repeat.
    #[error("could not reach the backend to {action}: {reason}")]
    NotSent {
        /// What was being done, as "create a dream".
        action: &'static str,
        /// What stood in the way.
        reason: String,
    },
    /// The backend answered no. Nothing changed.
    #[error("the backend refused to {action}: {message}")]
    Refused {
        /// What was being done.
        action: &'static str,
        /// The kind of refusal.
        kind: Refusal,
        /// The backend's words.
        message: String,
    },
    /// The request left and no answer came: it may have taken effect.
    #[error("the backend did not answer when asked to {action}: {reason}")]
    Unanswered {
        /// What was being done.
        action: &'static str,
        /// What happened instead of an answer.
        reason: String,
    },
}

/// Kinds of refusal that a caller treats differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The request breaks a rule.
    Invalid,
    /// The key may not do this.
    NotAuthorised,
    /// There is no such thing.
    NotFound,
    /// The thing has changed since it was looked at, or is in the wrong state.
    Conflict,
    /// A limit of the backend is used up.
    Limit,
    /// The backend itself failed, and said so.
    Internal,
}

/// A memory store as its backend tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryStore {
    /// Its id.
    pub id: MemoryStoreId,
    /// Its name; not unique.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
}

/// What sessions are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionQuery {
    /// Where from.
    pub sources: Vec<SessionSource>,
    /// Only those that began at or after this; the planner gives the reasons for what it leaves out,
    /// so it usually asks for all.
    pub since: Option<Timestamp>,
}

/// The sessions a backend found, and what it could not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionListing {
    /// In the order of their beginning, then of their ids.
    pub sessions: Vec<Session>,
    /// Files that hold no session, with the reason; each was left out whole.
    pub unreadable: Vec<Unreadable>,
}

/// Something that was meant to be read and could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Which file, relative to the project.
    pub name: String,
    /// Why, in a clause.
    pub reason: String,
}

/// What became of a folder that was imported as a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The new store.
    pub store: MemoryStoreId,
    /// Memories taken in.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Names that were brought to normal form C: as found, as stored.
    pub renamed: Vec<(String, MemoryPath)>,
    /// Files that were refused, with the reason.
    pub refused: Vec<Unreadable>,
}

/// What happens to a dream when the process that waits for it goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenLeft {
    /// It goes on elsewhere.
    KeepsRunning,
    /// It stands still, with its work so far kept, until a process opens the backend again.
    Checkpointed,
}

/// Where memory stores, sessions and dreams live.
///
/// Calls are safe to repeat except [`Backend::create_dream`], which must not be repeated while its
/// answer is unknown.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Returns `local` or `managed_agents`.
    fn kind(&self) -> &'static str;

    /// Returns a store.
    async fn store(&self, id: &MemoryStoreId) -> Result<MemoryStore, BackendError>;

    /// Returns everything a store holds, as of one moment.
    async fn snapshot(&self, id: &MemoryStoreId) -> Result<Snapshot, BackendError>;

    /// Returns the content of memories by hash, for those the backend still has. Used to show what a
    /// base held after the store moved on.
    async fn contents(
        &self,
        store: &MemoryStoreId,
        wanted: &[(MemoryPath, ContentHash)],
    ) -> Result<Vec<Memory>, BackendError>;

    /// Performs writes in order. Stops at the first whose expectation fails with
    /// [`Refusal::Conflict`]; earlier writes stay. A write whose outcome is already there succeeds.
    async fn write(&self, store: &MemoryStoreId, writes: &[MemoryWrite]) -> Result<(), BackendError>;

    /// Deletes a store and its versions. A store that does not exist counts as deleted.
    async fn delete_store(&self, id: &MemoryStoreId) -> Result<(), BackendError>;

    /// Lists sessions.
    async fn sessions(&self, query: &SessionQuery) -> Result<SessionListing, BackendError>;

    /// Starts a dream. Durable when it returns.
    async fn create_dream(&self, request: &DreamRequest) -> Result<Dream, BackendError>;

    /// Returns a dream as it is now.
    async fn dream(&self, id: &DreamId) -> Result<Dream, BackendError>;

    /// Waits until something about a dream differs from what was `seen`, or until it is worth
    /// telling the user that nothing has, and returns it. Returns at once for a final dream.
    async fn next_change(&self, seen: &Dream) -> Result<Dream, BackendError>;

    /// Lists dreams created at or after an instant, newest first.
    async fn dreams_since(&self, since: Timestamp) -> Result<Vec<Dream>, BackendError>;

    /// Stops a dream. A dream that has ended is returned as it is.
    async fn cancel_dream(&self, id: &DreamId) -> Result<Dream, BackendError>;

    /// Returns what a dream did and why, oldest first; empty where the backend does not say.
    async fn dream_changes(&self, id: &DreamId) -> Result<Vec<DreamChange>, BackendError>;

    /// Returns how long after a create its dream is sure to be listed, if it was accepted at all.
    fn settling_time(&self) -> std::time::Duration;

    /// Lets go of a dream that is still running, keeping its work, and says what becomes of it.
    async fn leave(&self, id: &DreamId) -> Result<WhenLeft, BackendError>;
}

/// Checks a session set against the API's rules: 1 to 100, no repeats.
///
/// # Errors
///
/// Returns the rule it breaks, in the API's terms.
pub fn check_session_set(sessions: &[SessionId]) -> Result<(), String> {
    let limit = crate::dream::SESSIONS_PER_DREAM;
    if sessions.is_empty() || sessions.len() > limit {
        return Err(format!("inputs.session_ids: {} ids, allowed are 1 to {limit}", sessions.len()));
    }
    let mut seen = std::collections::BTreeSet::new();
    match sessions.iter().find(|id| !seen.insert(*id)) {
        Some(twice) => Err(format!("inputs.session_ids: `{twice}` is listed twice")),
        None => Ok(()),
    }
}
