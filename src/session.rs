//! Sessions: past transcripts, by reference. The text itself stays with the backend.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::SessionId;

/// Whether a session can still grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionStatus {
    /// Finished for now; the normal end of a session.
    Idle,
    /// Being written.
    Running,
    /// About to run again.
    Rescheduling,
    /// Over for good.
    Terminated,
}

impl SessionStatus {
    /// Says whether reading the session now could miss what is still being written.
    pub fn is_unfinished(self) -> bool {
        matches!(self, Self::Running | Self::Rescheduling)
    }
}

/// What the planner knows of one past session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id, unique on the backend.
    pub id: SessionId,
    /// When it began: the time of its first event.
    pub created_at: Timestamp,
    /// Whether it can still grow.
    pub status: SessionStatus,
    /// Whether it has been archived as something other than a dream's own work.
    pub is_archived: bool,
    /// Whether it is the worker session of a dream, which must not feed another dream.
    pub is_dream_worker: bool,
    /// How much there is to read.
    pub size: SessionSize,
}

/// How much a session holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionSize {
    /// Events that could be read. Where the backend does not count them, a figure that grows whenever the
    /// session does; 0 only for one that is known to hold nothing.
    pub events: u64,
    /// Bytes of the transcript as stored; 0 where the backend does not say.
    pub bytes: u64,
    /// Tokens, estimated from the text by [`crate::price::estimate_tokens`].
    pub tokens: u64,
    /// Lines that could not be read.
    pub skipped_lines: u64,
}
