//! A backend with the means to set it up, and what the laws share.

use async_trait::async_trait;
use dreamrun::backend::{Backend, BackendError, Refusal};
use dreamrun::dream::{Dream, DreamRequest};
use dreamrun::ids::{MemoryStoreId, SessionId};
use dreamrun::memory::MemoryPath;
use dreamrun::snapshot::Snapshot;

use crate::support::{ManualClock, NamedMinds};

/// A backend, and what its calls alone cannot bring about.
#[async_trait]
pub(crate) trait World: Sized + Send + Sync {
    /// Sets up an empty backend that knows some minds.
    fn open(minds: NamedMinds) -> Self;

    /// Lets the process that has the backend open go away, and another open it.
    fn restart(&mut self);

    /// Returns the backend.
    fn backend(&self) -> &dyn Backend;

    /// Returns the backend's clock.
    fn clock(&self) -> &ManualClock;

    /// Makes a store with some memories.
    async fn store(&self, memories: &[(&str, &str)]) -> MemoryStoreId;

    /// Makes finished sessions in which a user says a thing each, and lists them.
    async fn sessions(&self, said: &[&str]) -> Vec<SessionId>;

    /// Makes a session unreadable.
    async fn lose(&self, session: &SessionId);

    /// As [`World::sessions`], with everything that was said in the backend's own keeping.
    async fn told_sessions(&self, said: &[&str]) -> Vec<SessionId> {
        self.sessions(said).await
    }

    /// Deletes a session of [`World::told_sessions`].
    async fn delete(&self, session: &SessionId) {
        self.lose(session).await;
    }
}

pub(crate) fn path(text: &str) -> MemoryPath {
    MemoryPath::parse(text).unwrap()
}

/// Returns a store as pairs of path and content.
pub(crate) fn held(snapshot: &Snapshot) -> Vec<(String, String)> {
    snapshot.iter().map(|memory| (memory.path.to_string(), memory.content.to_string())).collect()
}

pub(crate) fn request(store: &MemoryStoreId, sessions: &[SessionId], model: &str) -> DreamRequest {
    DreamRequest {
        store: store.clone(),
        sessions: sessions.to_vec(),
        model: model.to_owned(),
        instructions: None,
    }
}

/// Waits for a dream until it is as wanted or has ended.
pub(crate) async fn wait_until(
    backend: &dyn Backend,
    dream: &Dream,
    wanted: impl Fn(&Dream) -> bool,
) -> Dream {
    let mut now = backend.dream(&dream.id).await.unwrap();
    while !now.status.is_final() && !wanted(&now) {
        now = backend.next_change(&now).await.unwrap();
    }
    now
}

/// Waits for a dream's end.
pub(crate) async fn finish(backend: &dyn Backend, dream: &Dream) -> Dream {
    wait_until(backend, dream, |_| false).await
}

/// Returns the kind of refusal a call ended with.
#[track_caller]
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, BackendError>) -> Refusal {
    match result {
        Err(BackendError::Refused { kind, .. }) => kind,
        other => panic!("expected a refusal, got {other:?}"),
    }
}
