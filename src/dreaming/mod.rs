//! What a local dream does.
//!
//! A dream has two halves. [`Mind::read`] looks at one transcript at a time and says what it
//! teaches; each [`Reading`] is kept, so a dream that was stopped reads no session twice.
//! [`Mind::consolidate`] then sees the whole store and all readings and decides every change at once.
//! Both are pure: same input, same answer, so a stopped dream that goes on ends as it would have.

pub mod transcript;
pub mod preferences;
pub mod playbooks;
mod phrase;
mod corpus;
mod similar;
mod person;
mod duplicates;
mod contradictions;
mod knowledge;
mod fate;
mod editions;
mod rewrite;
mod consolidate;
mod additions;
mod lessons;
pub mod offline;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dream::DreamChange;
use crate::ids::SessionId;
use crate::snapshot::Snapshot;

use transcript::Transcript;

/// What one session teaches: the mind's own notes, opaque to everyone else, kept as a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The session.
    pub session: SessionId,
    /// When it began, which orders readings.
    pub created_at: Timestamp,
    /// Input tokens it took, estimated for minds that call no model.
    pub tokens: u64,
    /// The mind's notes.
    pub notes: serde_json::Value,
}

/// What a dream makes of a store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Consolidated {
    /// The whole output store.
    pub store: Snapshot,
    /// Every difference from the input store, with its evidence.
    pub changes: Vec<DreamChange>,
}

/// Why a mind gave up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MindError {
    /// One of the API's dream error types, such as `internal_error`.
    pub kind: &'static str,
    /// What happened.
    pub message: String,
}

/// What does the dreaming.
pub trait Mind: Send + Sync {
    /// Says what one session teaches.
    fn read(&self, transcript: &Transcript) -> Reading;

    /// Decides what becomes of the store. `readings` come in the order the sessions began.
    ///
    /// # Errors
    ///
    /// Gives a dream error; the output store is then left as the input was.
    fn consolidate(
        &self,
        input: &Snapshot,
        readings: &[Reading],
        instructions: Option<&str>,
    ) -> Result<Consolidated, MindError>;
}

/// The minds a local backend knows, by the name a pipeline's `model` gives.
pub trait Minds: Send + Sync {
    /// Returns the mind of that name.
    fn mind(&self, name: &str) -> Option<std::sync::Arc<dyn Mind>>;
}
