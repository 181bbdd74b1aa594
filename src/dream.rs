//! Dreams: what is asked of a backend, and what it answers.
//!
//! Names and spellings are the API's (`canceled` has one `l`).

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{DreamId, MemoryStoreId, SessionId};
use crate::memory::{ContentHash, MemoryPath};

/// The most sessions one dream reads (Managed Agents API).
pub const SESSIONS_PER_DREAM: usize = 100;
/// The longest instructions, in characters (Managed Agents API).
pub const INSTRUCTIONS_LIMIT: usize = 4_096;

/// Where a dream is in its life. A final status never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DreamStatus {
    /// Accepted, not begun.
    Pending,
    /// At work; its output store may already be visible, but is not whole.
    Running,
    /// Done; the output store is whole.
    Completed,
    /// Ended by itself without a whole output.
    Failed,
    /// Ended by somebody; the output keeps whatever was written.
    Canceled,
}

impl DreamStatus {
    /// Says whether the status can never change again.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled)
    }

    /// Returns the API's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

impl fmt::Display for DreamStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Tokens a dream has used, in the API's four counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Uncached input tokens.
    pub input_tokens: u64,
    /// Output tokens.
    pub output_tokens: u64,
    /// Input tokens read from the cache.
    pub cache_read_input_tokens: u64,
    /// Input tokens written to the cache.
    pub cache_creation_input_tokens: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.cache_read_input_tokens += other.cache_read_input_tokens;
        self.cache_creation_input_tokens += other.cache_creation_input_tokens;
    }
}

/// Why a dream failed. The API's list is open, so other values are kept as they came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DreamError {
    /// `timeout`, `internal_error`, `memory_store_org_limit_exceeded`, `input_memory_store_too_large`,
    /// `input_memory_store_unavailable`, `input_session_unavailable`, or something newer.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, for people.
    pub message: String,
}

impl DreamError {
    /// Says whether asking again could end otherwise. An unknown kind is given the chance.
    pub fn may_pass(&self) -> bool {
        !matches!(
            self.kind.as_str(),
            "memory_store_org_limit_exceeded"
                | "input_memory_store_too_large"
                | "input_memory_store_unavailable"
                | "input_session_unavailable"
        )
    }
}

/// What one dream is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DreamRequest {
    /// The store to read.
    pub store: MemoryStoreId,
    /// The sessions to read: 1 to [`SESSIONS_PER_DREAM`], without repeats.
    pub sessions: Vec<SessionId>,
    /// The model or mind that does the work.
    pub model: String,
    /// Rendered instructions, at most [`INSTRUCTIONS_LIMIT`] characters.
    pub instructions: Option<String>,
}

impl DreamRequest {
    /// Returns a digest under which two requests are equal exactly when the backend could not tell
    /// them apart: the session set (in any order), store, model and instructions.
    pub fn digest(&self) -> ContentHash {
        request_digest(&self.store, &self.sessions, &self.model, self.instructions.as_deref())
    }
}

fn request_digest(
    store: &MemoryStoreId,
    sessions: &[SessionId],
    model: &str,
    instructions: Option<&str>,
) -> ContentHash {
    let mut ids: Vec<&str> = sessions.iter().map(SessionId::as_str).collect();
    ids.sort_unstable();
    let head = [store.as_str(), model, instructions.unwrap_or_default()];
    ContentHash::of_parts(head.into_iter().chain(ids).map(str::as_bytes))
}

/// One dream as its backend tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dream {
    /// Its id.
    pub id: DreamId,
    /// Where it is in its life.
    pub status: DreamStatus,
    /// The store it reads.
    pub store: MemoryStoreId,
    /// The sessions it reads.
    pub sessions: Vec<SessionId>,
    /// The model or mind.
    pub model: String,
    /// Its instructions.
    pub instructions: Option<String>,
    /// The store it writes, once there is one.
    pub output: Option<MemoryStoreId>,
    /// Tokens used so far.
    pub usage: Usage,
    /// Why it failed.
    pub error: Option<DreamError>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it reached a final status.
    pub ended_at: Option<Timestamp>,
    /// How far it is, where the backend says.
    pub progress: Option<DreamProgress>,
}

impl Dream {
    /// Returns the digest of the request this dream answers, comparable with [`DreamRequest::digest`].
    pub fn request_digest(&self) -> ContentHash {
        request_digest(&self.store, &self.sessions, &self.model, self.instructions.as_deref())
    }
}

/// How far a running dream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DreamProgress {
    /// Sessions read.
    pub sessions_read: u64,
    /// Sessions to read.
    pub sessions: u64,
    /// Changes written to the output store.
    pub changes_written: u64,
}

/// One thing a dream did to the store, and what it rests on. Told by backends that know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DreamChange {
    /// What was done.
    pub kind: ChangeKind,
    /// The memory it was done to, as named in the output store (or the input store, if it is gone).
    pub path: MemoryPath,
    /// The statement that came or stayed, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// The statements that gave way, with the memory each stood in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<Replaced>,
    /// The session events behind the change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<EventRef>,
    /// The rule that applied, in one clause.
    pub because: String,
}

/// What a dream can do to a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Duplicates became one.
    Merged,
    /// A newer value took the place of an older one.
    Superseded,
    /// A user's correction or preference became memory.
    Learned,
    /// A recovery seen in several sessions became a playbook.
    Playbook,
    /// A memory or statement was dropped, under an instruction or a rule.
    Dropped,
    /// A statement was moved or rewritten without loss.
    Rewritten,
}

/// A statement that gave way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replaced {
    /// The memory it stood in.
    pub path: MemoryPath,
    /// What it said.
    pub statement: String,
}

/// A place in a past session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct EventRef {
    /// The session.
    pub session: SessionId,
    /// The event: its line in the transcript, from 1.
    pub event: u64,
}
