//! What a run tells whoever is watching.

use crate::backend::{Activity, BackendError};
use crate::dream::Dream;
use crate::ids::{MemoryStoreId, RunId};
use crate::journal::event::Recorded;

/// Watches a run. Calls come in order, one at a time, and must not block for long.
pub trait Observer: Send + Sync {
    /// An event became durable.
    fn recorded(&self, run: &RunId, recorded: &Recorded);
    /// A dream is further than it was.
    fn progressed(&self, run: &RunId, dream: &Dream);
    /// A dream at work was seen doing something, oldest first. Nothing is told twice within one wait; a run
    /// that another process continues is told from the beginning again.
    fn acted(&self, _run: &RunId, _dream: &Dream, _activities: &[Activity]) {}
    /// A dream was stopped that was made for a run which had gone on without it.
    fn disowned(&self, run: &RunId, dream: &Dream);
    /// A store could not be tagged: should state be lost, the store will not tell what it was.
    fn untagged(&self, _run: &RunId, _store: &MemoryStoreId, _why: &BackendError) {}
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Observer for Unwatched {
    fn recorded(&self, _: &RunId, _: &Recorded) {}
    fn progressed(&self, _: &RunId, _: &Dream) {}
    fn disowned(&self, _: &RunId, _: &Dream) {}
}
