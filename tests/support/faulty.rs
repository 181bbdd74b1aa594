//! A backend that fails once, at a call chosen beforehand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use dreamrun::backend::{Backend, BackendError};

use super::hooked::{Call, Go, Hook, Hooked};

/// On which side of its effect a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Nothing has happened: the caller learns [`BackendError::NotSent`].
    Before,
    /// It has happened and the answer is lost: the caller learns [`BackendError::Unanswered`].
    After,
}

/// Counts calls down and fails one; every other call goes through.
pub(crate) struct Fault {
    action: Option<&'static str>,
    left: AtomicI64,
    when: When,
    settling: Option<Duration>,
    create: Option<Duration>,
}

/// A backend with a fault.
pub(crate) type FaultyBackend = Hooked<Fault>;

impl Hooked<Fault> {
    /// Fails the `nth` call, counted from 1.
    pub(crate) fn new(inner: Arc<dyn Backend>, nth: u32, when: When) -> Self {
        let left = AtomicI64::new(nth.into());
        Self { inner, hook: Fault { action: None, left, when, settling: None, create: None } }
    }

    /// Fails the `nth` call that does one thing, named as in its error.
    pub(crate) fn at(inner: Arc<dyn Backend>, action: &'static str, nth: u32, when: When) -> Self {
        let mut faulty = Self::new(inner, nth, when);
        faulty.hook.action = Some(action);
        faulty
    }

    /// Takes longer than the backend itself to be sure of what was sent.
    pub(crate) fn settling_in(mut self, settling: Duration) -> Self {
        self.hook.settling = Some(settling);
        self
    }

    /// Takes longer than the backend itself until a create has its effect.
    pub(crate) fn creating_in(mut self, create: Duration) -> Self {
        self.hook.create = Some(create);
        self
    }

    /// Says whether the failing call has been reached.
    pub(crate) fn has_failed(&self) -> bool {
        self.hook.left.load(Ordering::SeqCst) <= 0
    }
}

#[async_trait]
impl Hook for Fault {
    async fn around(&self, call: Call, go: Go<'_>) -> Result<(), BackendError> {
        let counts = self.action.is_none_or(|counted| counted == call.action);
        let is_turn = counts && self.left.fetch_sub(1, Ordering::SeqCst) == 1;
        let (action, reason) = (call.action, "a fault was injected".to_owned());
        match self.when {
            When::Before if is_turn => Err(BackendError::NotSent { action, reason }),
            When::After if is_turn => {
                if go.await {
                    return Err(BackendError::Unanswered { action, reason });
                }
                Ok(())
            }
            _ => {
                go.await;
                Ok(())
            }
        }
    }

    fn settling_time(&self) -> Option<Duration> {
        self.settling
    }

    fn create_time(&self) -> Option<Duration> {
        self.create
    }
}
