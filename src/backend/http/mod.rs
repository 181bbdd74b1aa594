//! The Managed Agents API as a backend: Anthropic's, or any server that speaks it.
//!
//! One file builds and sends requests (`request`), one decides about repeating them (`retry`), one holds the
//! rate budget (`rate`). The others are what is asked for: snapshots, writes, sessions, dreams.
//!
//! Nothing a server sends is trusted: ids, paths, hashes and sizes are checked, and its words are made
//! fit for one line. The key is in one header, which no redirect carries elsewhere and no trace shows.

mod activity;
mod check;
mod contents;
mod convert;
mod deployments;
mod dreams;
mod options;
mod outcome;
mod page;
mod rate;
mod request;
mod retry;
mod sessions;
mod snapshot;
mod stream;
mod tags;
mod watch;
mod write;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::Method;

use super::tags::{ListedStore, StoreTags};
use super::{
    Activity, Backend, BackendError, MemoryStore, PastMemory, SessionListing, SessionQuery, SessionRequest,
    WhenLeft, wire,
};
use crate::dream::{Dream, DreamChange, DreamRequest};
use crate::ids::{DeploymentId, DreamId, MemoryStoreId, SessionId};
use crate::ledger::testimony::Testimony;
use crate::memory::{Memory, MemoryWrite};
use crate::snapshot::{Change, Snapshot, SnapshotIndex};
use contents::Contents;
use outcome::Failed;
use request::{Api, Call, Family};
use snapshot::Listings;
use watch::Watches;

pub use check::Reach;
pub use options::{Credential, HttpError, HttpOptions, KeyHeader, Timeouts};
pub use rate::Limits;

/// A server that speaks the Managed Agents API, with one credential.
///
/// All runs of a process share one: it holds the rate budget, and what was read before.
pub struct HttpBackend {
    api: Api,
    contents: Contents,
    listings: Listings,
    watches: Watches,
    timeouts: Timeouts,
}

impl HttpBackend {
    /// Checks what was given. Asks nobody: whether the server is there and the key is good is seen with
    /// the first request, or by [`HttpBackend::check`].
    ///
    /// # Errors
    ///
    /// Fails when the address, the credential or the certificates cannot be used.
    pub fn new(options: HttpOptions) -> Result<Self, HttpError> {
        Ok(Self {
            api: Api::new(&options)?,
            contents: Contents::new(options.kept_bytes),
            listings: Listings::default(),
            watches: Watches::default(),
            timeouts: options.timeouts,
        })
    }

    /// Returns the server's address.
    pub fn base_url(&self) -> &str {
        self.api.base()
    }
}

impl std::fmt::Debug for HttpBackend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpBackend").field("base_url", &self.api.base()).finish_non_exhaustive()
    }
}

/// What a caller is told of a failed call.
fn told(action: &'static str) -> impl Fn(Failed) -> BackendError {
    move |failed| failed.into_backend(action)
}

#[async_trait]
impl Backend for HttpBackend {
    fn kind(&self) -> &'static str {
        "managed_agents"
    }

    async fn store(&self, id: &MemoryStoreId) -> Result<MemoryStore, BackendError> {
        let action = "look up a memory store";
        let call = Call::get(Family::Memories, &["memory_stores", id.as_str()]);
        let store: wire::MemoryStore = self.api.ask(&call).await.map_err(told(action))?;
        convert::store(store).map_err(told(action))
    }

    async fn snapshot(&self, id: &MemoryStoreId) -> Result<Snapshot, BackendError> {
        self.read_snapshot(id).await.map_err(told("read a memory store"))
    }

    async fn index(&self, id: &MemoryStoreId) -> Result<SnapshotIndex, BackendError> {
        self.read_index(id).await.map_err(told("read a memory store"))
    }

    async fn index_at(&self, id: &MemoryStoreId, at: Timestamp) -> Result<SnapshotIndex, BackendError> {
        self.read_index_at(id, at).await.map_err(told("read a store's past"))
    }

    async fn versions(&self, id: &MemoryStoreId) -> Result<Vec<PastMemory>, BackendError> {
        self.read_versions(id).await.map_err(told("read a store's past"))
    }

    async fn changes(&self, id: &MemoryStoreId, since: &SnapshotIndex) -> Result<Vec<Change>, BackendError> {
        self.read_changes(id, since).await.map_err(told("read a store's past"))
    }

    async fn contents(
        &self,
        store: &MemoryStoreId,
        wanted: &[PastMemory],
    ) -> Result<Vec<Memory>, BackendError> {
        self.read_contents(store, wanted).await.map_err(told("read past memories"))
    }

    fn recall(&self, index: &SnapshotIndex) -> Option<Snapshot> {
        self.contents.recall(index)
    }

    async fn write(&self, store: &MemoryStoreId, writes: &[MemoryWrite]) -> Result<(), BackendError> {
        self.write_all(store, writes).await.map_err(told("write to a memory store"))
    }

    async fn tag(&self, id: &MemoryStoreId, tags: &StoreTags) -> Result<(), BackendError> {
        self.write_tags(id, tags).await.map_err(told("tag a memory store"))
    }

    async fn stores(&self) -> Result<Vec<ListedStore>, BackendError> {
        self.list_stores().await.map_err(told("list memory stores"))
    }

    async fn delete_store(&self, id: &MemoryStoreId) -> Result<(), BackendError> {
        let call = Call::settle(Family::Memories, Method::DELETE, &["memory_stores", id.as_str()]);
        match self.api.ask::<serde_json::Value>(&call).await {
            Ok(_) => Ok(()),
            Err(failed) if failed.status() == Some(404) => Ok(()),
            Err(failed) => Err(failed.into_backend("delete a memory store")),
        }
    }

    async fn sessions(&self, query: &SessionQuery) -> Result<SessionListing, BackendError> {
        self.find_sessions(query).await.map_err(told("list sessions"))
    }

    async fn testimony(&self, sessions: &[SessionId]) -> Result<Testimony, BackendError> {
        self.read_testimony(sessions).await.map_err(told("read sessions"))
    }

    async fn create_dream(&self, request: &DreamRequest) -> Result<Dream, BackendError> {
        self.ask_to_dream(request).await.map_err(told("create a dream"))
    }

    async fn dream(&self, id: &DreamId) -> Result<Dream, BackendError> {
        self.look_up_dream(id).await.map_err(told("look up a dream"))
    }

    async fn next_change(&self, seen: &Dream) -> Result<Dream, BackendError> {
        self.wait_for_change(seen).await.map_err(told("wait for a dream"))
    }

    fn activity(&self, id: &DreamId, from: usize) -> Vec<Activity> {
        self.watches.activity(id, from)
    }

    async fn dreams_since(&self, since: Timestamp) -> Result<Vec<Dream>, BackendError> {
        self.list_dreams(since).await.map_err(told("list dreams"))
    }

    async fn cancel_dream(&self, id: &DreamId) -> Result<Dream, BackendError> {
        self.stop_dream(id).await.map_err(told("cancel a dream"))
    }

    async fn dream_changes(&self, _id: &DreamId) -> Result<Vec<DreamChange>, BackendError> {
        Ok(Vec::new())
    }

    async fn repoint(
        &self,
        deployment: &DeploymentId,
        from: &MemoryStoreId,
        to: &MemoryStoreId,
    ) -> Result<(), BackendError> {
        self.replace_store(deployment, from, to).await.map_err(told("patch a deployment"))
    }

    async fn create_session(&self, request: &SessionRequest) -> Result<SessionId, BackendError> {
        self.begin_session(request).await.map_err(told("create a session"))
    }

    async fn sessions_for(&self, request: &SessionRequest) -> Result<Vec<SessionId>, BackendError> {
        self.sessions_of_run(request).await.map_err(told("list sessions"))
    }

    async fn models(&self) -> Result<Option<Vec<String>>, BackendError> {
        self.list_models().await.map_err(told("list models"))
    }

    fn settling_time(&self) -> Duration {
        self.timeouts.settling
    }

    fn create_time(&self) -> Duration {
        self.timeouts.create
    }

    async fn leave(&self, id: &DreamId) -> Result<WhenLeft, BackendError> {
        self.watches.forget(id);
        Ok(WhenLeft::KeepsRunning)
    }
}
