//! A backend that lets every call through a hook: the one place that names each method, so that a test
//! double is only what it does with a call.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dreamrun::backend::tags::{ListedStore, StoreTags};
use dreamrun::backend::{
    Activity, Backend, BackendError, MemoryStore, PastMemory, SessionListing, SessionQuery, SessionRequest,
    WhenLeft,
};
use dreamrun::dream::{Dream, DreamChange, DreamRequest};
use dreamrun::ids::{DeploymentId, DreamId, MemoryStoreId, SessionId};
use dreamrun::ledger::testimony::Testimony;
use dreamrun::memory::{Memory, MemoryWrite};
use dreamrun::snapshot::{Change, Snapshot, SnapshotIndex};
use jiff::Timestamp;

use super::outside::Outside;

/// One call to a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    /// The method.
    pub(crate) name: &'static str,
    /// What it does, as in its errors.
    pub(crate) action: &'static str,
}

impl Call {
    /// Says whether the call changes what outlives the process.
    pub(crate) fn is_lasting(self) -> bool {
        matches!(
            self.name,
            "write" | "tag" | "delete_store" | "create_dream" | "cancel_dream" | "repoint" | "create_session"
        )
    }
}

/// Carries a call out when it is awaited, and says whether it succeeded.
pub(crate) type Go<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// What is done with each call.
#[async_trait]
pub(crate) trait Hook: Send + Sync {
    /// Carries a call out with `go`, or does not. An error takes the place of its answer.
    async fn around(&self, call: Call, go: Go<'_>) -> Result<(), BackendError>;

    /// Answers for the deployments and sessions that the backend does not have.
    fn outside(&self) -> Option<&Outside> {
        None
    }

    /// Returns how long the backend takes to list what it accepted, instead of its own time.
    fn settling_time(&self) -> Option<Duration> {
        None
    }

    /// Returns how long a create may take to have its effect, instead of the backend's own time.
    fn create_time(&self) -> Option<Duration> {
        None
    }
}

/// A backend with a hook.
pub(crate) struct Hooked<H> {
    pub(crate) inner: Arc<dyn Backend>,
    pub(crate) hook: H,
}

impl<H: Hook> Hooked<H> {
    async fn pass<T: Send>(
        &self,
        name: &'static str,
        action: &'static str,
        call: impl Future<Output = Result<T, BackendError>> + Send,
    ) -> Result<T, BackendError> {
        let mut answer = None;
        let go = async {
            let answered = call.await;
            let is_ok = answered.is_ok();
            answer = Some(answered);
            is_ok
        };
        self.hook.around(Call { name, action }, Box::pin(go)).await?;
        answer.expect("a hook carries the call out or returns an error")
    }
}

#[async_trait]
impl<H: Hook> Backend for Hooked<H> {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    async fn store(&self, id: &MemoryStoreId) -> Result<MemoryStore, BackendError> {
        self.pass("store", "look up a memory store", self.inner.store(id)).await
    }

    async fn snapshot(&self, id: &MemoryStoreId) -> Result<Snapshot, BackendError> {
        self.pass("snapshot", "read a memory store", self.inner.snapshot(id)).await
    }

    async fn index(&self, id: &MemoryStoreId) -> Result<SnapshotIndex, BackendError> {
        self.pass("index", "read a memory store", self.inner.index(id)).await
    }

    async fn index_at(&self, id: &MemoryStoreId, at: Timestamp) -> Result<SnapshotIndex, BackendError> {
        self.pass("index_at", "read past memories", self.inner.index_at(id, at)).await
    }

    async fn versions(&self, id: &MemoryStoreId) -> Result<Vec<PastMemory>, BackendError> {
        self.pass("versions", "read past memories", self.inner.versions(id)).await
    }

    async fn changes(&self, id: &MemoryStoreId, since: &SnapshotIndex) -> Result<Vec<Change>, BackendError> {
        self.pass("changes", "read past memories", self.inner.changes(id, since)).await
    }

    async fn contents(
        &self,
        store: &MemoryStoreId,
        wanted: &[PastMemory],
    ) -> Result<Vec<Memory>, BackendError> {
        self.pass("contents", "read past memories", self.inner.contents(store, wanted)).await
    }

    async fn write(&self, store: &MemoryStoreId, writes: &[MemoryWrite]) -> Result<(), BackendError> {
        self.pass("write", "write to a memory store", self.inner.write(store, writes)).await
    }

    async fn tag(&self, id: &MemoryStoreId, tags: &StoreTags) -> Result<(), BackendError> {
        self.pass("tag", "tag a memory store", self.inner.tag(id, tags)).await
    }

    async fn stores(&self) -> Result<Vec<ListedStore>, BackendError> {
        self.pass("stores", "list memory stores", self.inner.stores()).await
    }

    async fn delete_store(&self, id: &MemoryStoreId) -> Result<(), BackendError> {
        self.pass("delete_store", "delete a memory store", self.inner.delete_store(id)).await
    }

    async fn sessions(&self, query: &SessionQuery) -> Result<SessionListing, BackendError> {
        self.pass("sessions", "list sessions", self.inner.sessions(query)).await
    }

    async fn testimony(&self, sessions: &[SessionId]) -> Result<Testimony, BackendError> {
        self.pass("testimony", "read sessions", self.inner.testimony(sessions)).await
    }

    async fn create_dream(&self, request: &DreamRequest) -> Result<Dream, BackendError> {
        self.pass("create_dream", "create a dream", self.inner.create_dream(request)).await
    }

    async fn dream(&self, id: &DreamId) -> Result<Dream, BackendError> {
        self.pass("dream", "look up a dream", self.inner.dream(id)).await
    }

    async fn next_change(&self, seen: &Dream) -> Result<Dream, BackendError> {
        self.pass("next_change", "wait for a dream", self.inner.next_change(seen)).await
    }

    fn activity(&self, id: &DreamId, from: usize) -> Vec<Activity> {
        self.inner.activity(id, from)
    }

    async fn dreams_since(&self, since: Timestamp) -> Result<Vec<Dream>, BackendError> {
        self.pass("dreams_since", "list dreams", self.inner.dreams_since(since)).await
    }

    async fn cancel_dream(&self, id: &DreamId) -> Result<Dream, BackendError> {
        self.pass("cancel_dream", "cancel a dream", self.inner.cancel_dream(id)).await
    }

    async fn dream_changes(&self, id: &DreamId) -> Result<Vec<DreamChange>, BackendError> {
        self.pass("dream_changes", "list what a dream did", self.inner.dream_changes(id)).await
    }

    async fn repoint(
        &self,
        deployment: &DeploymentId,
        from: &MemoryStoreId,
        to: &MemoryStoreId,
    ) -> Result<(), BackendError> {
        let call = async {
            match self.hook.outside() {
                Some(outside) => outside.repoint(deployment, from, to),
                None => self.inner.repoint(deployment, from, to).await,
            }
        };
        self.pass("repoint", "patch a deployment", call).await
    }

    async fn create_session(&self, request: &SessionRequest) -> Result<SessionId, BackendError> {
        let call = async {
            match self.hook.outside() {
                Some(outside) => Ok(outside.create_session(request)),
                None => self.inner.create_session(request).await,
            }
        };
        self.pass("create_session", "create a session", call).await
    }

    async fn sessions_for(&self, request: &SessionRequest) -> Result<Vec<SessionId>, BackendError> {
        let call = async {
            match self.hook.outside() {
                Some(outside) => Ok(outside.sessions_for(request)),
                None => self.inner.sessions_for(request).await,
            }
        };
        self.pass("sessions_for", "list sessions created for a run", call).await
    }

    async fn models(&self) -> Result<Option<Vec<String>>, BackendError> {
        self.pass("models", "list models", self.inner.models()).await
    }

    fn settling_time(&self) -> Duration {
        self.hook.settling_time().unwrap_or_else(|| self.inner.settling_time())
    }

    fn create_time(&self) -> Duration {
        self.hook.create_time().unwrap_or_else(|| self.inner.create_time())
    }

    async fn leave(&self, id: &DreamId) -> Result<WhenLeft, BackendError> {
        self.pass("leave", "leave a dream", self.inner.leave(id)).await
    }
}
