//! Where memory stores, sessions and dreams live.
//!
//! [`Backend`] is everything a run needs from one, in the API's own terms. What each call promises
//! is stated here and checked for every implementation by `tests/contract`.

pub mod folder;
pub mod http;
pub mod local;
pub mod tags;
mod testimony;
pub mod wire;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::dream::{Dream, DreamChange, DreamRequest};
use crate::ids::{
    AgentId, DeploymentId, DreamId, EnvironmentId, MemoryStoreId, MemoryVersionId, RunId, SessionId,
};
use crate::ledger::testimony::Testimony;
use crate::memory::{ContentHash, Memory, MemoryPath, MemoryWrite};
use crate::session::Session;
use crate::snapshot::{Change, IndexEntry, Snapshot, SnapshotIndex};
use crate::spec::pipeline::SessionSource;

use tags::{ListedStore, StoreTags};

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
    /// The store has no room for what is new to it. What is in it can be changed and taken away.
    Full,
    /// A limit of the backend on requests or on spending is used up.
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
    /// Globs over transcript files that no file matches, in order.
    pub unmatched: Vec<String>,
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

/// A memory as it once was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastMemory {
    /// Where it sat.
    pub path: MemoryPath,
    /// What it held.
    pub hash: ContentHash,
    /// Which version that was, where it is known.
    pub version: Option<MemoryVersionId>,
}

impl PastMemory {
    /// Names what an index held at a path.
    pub fn of(path: &MemoryPath, entry: &IndexEntry) -> Self {
        Self { path: path.clone(), hash: entry.hash, version: entry.version.clone() }
    }
}

/// A session to be created with a store attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRequest {
    /// Its agent.
    pub agent: AgentId,
    /// Its environment.
    pub environment: EnvironmentId,
    /// The store it mounts.
    pub store: MemoryStoreId,
    /// The run that asks for it. It is put into the session's metadata, and found again by that.
    pub run: RunId,
}

/// Something that a dream did while it was at work, as its backend tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// When.
    pub at: Option<Timestamp>,
    /// What was done.
    pub kind: ActivityKind,
    /// To what: a path, the id of a session, or the words. Untrusted, and may have several lines.
    pub what: String,
}

/// What a dream can be seen doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivityKind {
    /// It read something.
    Read,
    /// It wrote, edited, moved or deleted something.
    Wrote,
    /// It said something.
    Said,
    /// Something went wrong, which it may get over.
    Failed,
}

/// Where memory stores, sessions and dreams live.
///
/// Calls are safe to repeat except [`Backend::create_dream`] and [`Backend::create_session`], which must not be
/// repeated while their answer is unknown.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Returns `local` or `managed_agents`.
    fn kind(&self) -> &'static str;

    /// Returns a store.
    async fn store(&self, id: &MemoryStoreId) -> Result<MemoryStore, BackendError>;

    /// Returns everything a store holds, as of one moment.
    async fn snapshot(&self, id: &MemoryStoreId) -> Result<Snapshot, BackendError>;

    /// Returns what a store holds without the text, as of one moment.
    async fn index(&self, id: &MemoryStoreId) -> Result<SnapshotIndex, BackendError>;

    /// Returns what a store held at a moment of its past, without the text, as far back as versions are
    /// kept.
    async fn index_at(&self, id: &MemoryStoreId, at: Timestamp) -> Result<SnapshotIndex, BackendError>;

    /// Lists every version of a store's memories that holds text and is still kept, newest first.
    async fn versions(&self, id: &MemoryStoreId) -> Result<Vec<PastMemory>, BackendError>;

    /// Lists the changes of a store's memories that are still kept, newest first, as far as the first version that
    /// `since` names. Whatever changed after that index was taken is among them, and so may be what changed before.
    async fn changes(&self, id: &MemoryStoreId, since: &SnapshotIndex) -> Result<Vec<Change>, BackendError>;

    /// Returns the content of past memories, for those the backend still has. Used to show what a
    /// base held after the store moved on.
    async fn contents(
        &self,
        store: &MemoryStoreId,
        wanted: &[PastMemory],
    ) -> Result<Vec<Memory>, BackendError>;

    /// Returns what an index names with its text, if all of that was read before and is kept in the process.
    /// Asks nobody.
    fn recall(&self, _index: &SnapshotIndex) -> Option<Snapshot> {
        None
    }

    /// Performs writes in order. Stops at the first whose expectation fails with
    /// [`Refusal::Conflict`]; earlier writes stay. A write whose outcome is already there succeeds.
    async fn write(&self, store: &MemoryStoreId, writes: &[MemoryWrite]) -> Result<(), BackendError>;

    /// Writes tags into the metadata of a store, and leaves everything else there as it is. A repeat does no
    /// harm.
    async fn tag(&self, id: &MemoryStoreId, tags: &StoreTags) -> Result<(), BackendError>;

    /// Lists every store with its tags, archived ones too, newest first.
    async fn stores(&self) -> Result<Vec<ListedStore>, BackendError>;

    /// Deletes a store and its versions. A store that does not exist counts as deleted.
    async fn delete_store(&self, id: &MemoryStoreId) -> Result<(), BackendError>;

    /// Lists sessions.
    async fn sessions(&self, query: &SessionQuery) -> Result<SessionListing, BackendError>;

    /// Returns what sessions said, in the order given. What cannot be read is counted, not an error: the
    /// judge then knows less.
    async fn testimony(&self, sessions: &[SessionId]) -> Result<Testimony, BackendError>;

    /// Starts a dream. Durable when it returns.
    async fn create_dream(&self, request: &DreamRequest) -> Result<Dream, BackendError>;

    /// Returns a dream as it is now.
    async fn dream(&self, id: &DreamId) -> Result<Dream, BackendError>;

    /// Waits until something about a dream differs from what was `seen`, or until it is worth
    /// telling the user that nothing has, and returns it. Returns at once for a final dream.
    async fn next_change(&self, seen: &Dream) -> Result<Dream, BackendError>;

    /// Returns what a dream was seen doing so far, oldest first, but for the first `from`. Grows with
    /// [`Backend::next_change`], and asks nobody itself; empty where the backend does not say.
    fn activity(&self, id: &DreamId, from: usize) -> Vec<Activity>;

    /// Lists dreams created at or after an instant, newest first.
    async fn dreams_since(&self, since: Timestamp) -> Result<Vec<Dream>, BackendError>;

    /// Stops a dream. A dream that has ended is returned as it is.
    async fn cancel_dream(&self, id: &DreamId) -> Result<Dream, BackendError>;

    /// Returns what a dream did and why, oldest first; empty where the backend does not say.
    async fn dream_changes(&self, id: &DreamId) -> Result<Vec<DreamChange>, BackendError>;

    /// Puts one store in the place of another in the resources of a deployment, leaves everything else of
    /// it as it is, and reads it back. One that names the new store and not the old one is left alone, so a
    /// repeat does no harm. Refuses, changing nothing, if it names neither, or if something of it would be
    /// lost by the patch. With the same store twice it only looks whether the deployment could be patched.
    async fn repoint(
        &self,
        deployment: &DeploymentId,
        from: &MemoryStoreId,
        to: &MemoryStoreId,
    ) -> Result<(), BackendError>;

    /// Creates a session with a store attached. Durable when it returns.
    async fn create_session(&self, request: &SessionRequest) -> Result<SessionId, BackendError>;

    /// Lists the sessions that were created for a request, oldest first: those whose metadata names its run
    /// and that mount its store. An archived one counts only if there is no other: archiving the others
    /// is how a person says which of several is meant.
    async fn sessions_for(&self, request: &SessionRequest) -> Result<Vec<SessionId>, BackendError>;

    /// Lists the models that a dream may be asked of; nothing where the backend does not say.
    async fn models(&self) -> Result<Option<Vec<String>>, BackendError>;

    /// Returns how long after a create took effect its dream or session is sure to be listed, if it was accepted at all.
    fn settling_time(&self) -> std::time::Duration;

    /// Returns how long a create that was sent may take to have its effect, whether or not somebody still
    /// waits for its answer.
    fn create_time(&self) -> std::time::Duration;

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
