//! State that fails one write, chosen beforehand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use dreamrun::state::{Key, PutIf, StateError, StateStore, Version, Versioned};

use super::faulty::When;

/// Counts writes down and fails one; everything else goes through.
pub(crate) struct FaultyState {
    inner: Arc<dyn StateStore>,
    to: &'static str,
    left: AtomicI64,
    when: When,
}

impl FaultyState {
    /// Fails the `nth` write, counted from 1.
    pub(crate) fn new(inner: Arc<dyn StateStore>, nth: u32, when: When) -> Self {
        Self::at(inner, "", nth, when)
    }

    /// Fails the `nth` write to a key with a beginning, counted from 1.
    pub(crate) fn at(inner: Arc<dyn StateStore>, to: &'static str, nth: u32, when: When) -> Self {
        Self { inner, to, left: AtomicI64::new(nth.into()), when }
    }

    /// Says whether the failing write has been reached.
    pub(crate) fn has_failed(&self) -> bool {
        self.left.load(Ordering::SeqCst) <= 0
    }
}

#[async_trait]
impl StateStore for FaultyState {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StateError> {
        self.inner.get(key).await
    }

    async fn put(&self, key: &Key, bytes: &[u8], when: PutIf) -> Result<Version, StateError> {
        if !key.as_str().starts_with(self.to) || self.left.fetch_sub(1, Ordering::SeqCst) != 1 {
            return self.inner.put(key, bytes, when).await;
        }
        if self.when == When::After {
            self.inner.put(key, bytes, when).await?;
        }
        let (place, reason) = ("a faulty disk".to_owned(), "a fault was injected".to_owned());
        Err(StateError::Unavailable { action: "write", place, reason })
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Key>, StateError> {
        self.inner.list(prefix).await
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<(), StateError> {
        self.inner.delete(key, version).await
    }
}
