//! A backend that fails once, at a call chosen beforehand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dreamrun::backend::{
    Activity, Backend, BackendError, MemoryStore, PastMemory, SessionListing, SessionQuery, SessionRequest,
    WhenLeft,
};
use dreamrun::dream::{Dream, DreamChange, DreamRequest};
use dreamrun::ids::{DeploymentId, DreamId, MemoryStoreId, SessionId};
use dreamrun::memory::{Memory, MemoryWrite};
use dreamrun::snapshot::{Snapshot, SnapshotIndex};
use jiff::Timestamp;

/// On which side of its effect a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Nothing has happened: the caller learns [`BackendError::NotSent`].
    Before,
    /// It has happened and the answer is lost: the caller learns [`BackendError::Unanswered`].
    After,
}

/// Counts calls down and fails one; every other call goes through.
pub(crate) struct FaultyBackend {
    inner: Arc<dyn Backend>,
    action: Option<&'static str>,
    left: AtomicI64,
    when: When,
    settling: Option<Duration>,
}

impl FaultyBackend {
    /// Fails the `nth` call, counted from 1.
    pub(crate) fn new(inner: Arc<dyn Backend>, nth: u32, when: When) -> Self {
        Self { inner, action: None, left: AtomicI64::new(nth.into()), when, settling: None }
    }

    /// Fails the `nth` call that does one thing, named as in its error.
    pub(crate) fn at(inner: Arc<dyn Backend>, action: &'static str, nth: u32, when: When) -> Self {
        Self { action: Some(action), ..Self::new(inner, nth, when) }
    }

    /// Takes longer than the backend itself to be sure of what was sent.
    pub(crate) fn settling_in(self, settling: Duration) -> Self {
        Self { settling: Some(settling), ..self }
    }

    /// Says whether the failing call has been reached.
    pub(crate) fn has_failed(&self) -> bool {
        self.left.load(Ordering::SeqCst) <= 0
    }

    async fn pass<T>(
        &self,
        action: &'static str,
        call: impl Future<Output = Result<T, BackendError>>,
    ) -> Result<T, BackendError> {
        let counts = self.action.is_none_or(|counted| counted == action);
        let is_turn = counts && self.left.fetch_sub(1, Ordering::SeqCst) == 1;
        let reason = "a fault was injected".to_owned();
        match self.when {
            When::Before if is_turn => Err(BackendError::NotSent { action, reason }),
            When::After if is_turn => {
                call.await?;
                Err(BackendError::Unanswered { action, reason })
            }
            _ => call.await,
        }
    }
}

#[async_trait]
impl Backend for FaultyBackend {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    async fn store(&self, id: &MemoryStoreId) -> Result<MemoryStore, BackendError> {
        self.pass("look up a memory store", self.inner.store(id)).await
    }

    async fn snapshot(&self, id: &MemoryStoreId) -> Result<Snapshot, BackendError> {
        self.pass("read a memory store", self.inner.snapshot(id)).await
    }

    async fn index_at(&self, id: &MemoryStoreId, at: Timestamp) -> Result<SnapshotIndex, BackendError> {
        self.pass("read past memories", self.inner.index_at(id, at)).await
    }

    async fn index(&self, id: &MemoryStoreId) -> Result<SnapshotIndex, BackendError> {
        self.pass("read a memory store", self.inner.index(id)).await
    }

    async fn contents(
        &self,
        store: &MemoryStoreId,
        wanted: &[PastMemory],
    ) -> Result<Vec<Memory>, BackendError> {
        self.pass("read past memories", self.inner.contents(store, wanted)).await
    }

    async fn write(&self, store: &MemoryStoreId, writes: &[MemoryWrite]) -> Result<(), BackendError> {
        self.pass("write to a memory store", self.inner.write(store, writes)).await
    }

    async fn delete_store(&self, id: &MemoryStoreId) -> Result<(), BackendError> {
        self.pass("delete a memory store", self.inner.delete_store(id)).await
    }

    async fn sessions(&self, query: &SessionQuery) -> Result<SessionListing, BackendError> {
        self.pass("list sessions", self.inner.sessions(query)).await
    }

    async fn create_dream(&self, request: &DreamRequest) -> Result<Dream, BackendError> {
        self.pass("create a dream", self.inner.create_dream(request)).await
    }

    async fn dream(&self, id: &DreamId) -> Result<Dream, BackendError> {
        self.pass("look up a dream", self.inner.dream(id)).await
    }

    async fn next_change(&self, seen: &Dream) -> Result<Dream, BackendError> {
        self.pass("wait for a dream", self.inner.next_change(seen)).await
    }

    async fn dreams_since(&self, since: Timestamp) -> Result<Vec<Dream>, BackendError> {
        self.pass("list dreams", self.inner.dreams_since(since)).await
    }

    async fn cancel_dream(&self, id: &DreamId) -> Result<Dream, BackendError> {
        self.pass("cancel a dream", self.inner.cancel_dream(id)).await
    }

    async fn dream_changes(&self, id: &DreamId) -> Result<Vec<DreamChange>, BackendError> {
        self.pass("list what a dream did", self.inner.dream_changes(id)).await
    }

    fn activity(&self, id: &DreamId, from: usize) -> Vec<Activity> {
        self.inner.activity(id, from)
    }

    async fn repoint(
        &self,
        deployment: &DeploymentId,
        from: &MemoryStoreId,
        to: &MemoryStoreId,
    ) -> Result<(), BackendError> {
        self.pass("patch a deployment", self.inner.repoint(deployment, from, to)).await
    }

    async fn create_session(&self, request: &SessionRequest) -> Result<SessionId, BackendError> {
        self.pass("create a session", self.inner.create_session(request)).await
    }

    async fn sessions_for(&self, request: &SessionRequest) -> Result<Vec<SessionId>, BackendError> {
        self.pass("list sessions", self.inner.sessions_for(request)).await
    }

    async fn models(&self) -> Result<Option<Vec<String>>, BackendError> {
        self.pass("list models", self.inner.models()).await
    }

    fn settling_time(&self) -> Duration {
        self.settling.unwrap_or_else(|| self.inner.settling_time())
    }

    async fn leave(&self, id: &DreamId) -> Result<WhenLeft, BackendError> {
        self.pass("leave a dream", self.inner.leave(id)).await
    }
}
