//! Dreams on the wire.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The body of `POST /v1/dreams`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateDream {
    /// One of each kind, no more.
    pub inputs: Vec<DreamInput>,
    /// The model.
    pub model: ModelParam,
    /// 1 to 4,096 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// Where the result goes; a new store if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_behavior: Option<OutputBehavior>,
}

/// What a dream reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DreamInput {
    /// A memory store.
    MemoryStore {
        /// Which.
        memory_store_id: String,
    },
    /// Past sessions.
    Sessions {
        /// 1 to 100 ids without repeats; answered sorted.
        session_ids: Vec<String>,
    },
}

/// A model as a request names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ModelParam {
    /// Its id.
    Id(String),
    /// Its id, with how it runs.
    Config(DreamModel),
}

impl ModelParam {
    /// Returns the model's id.
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Config(config) => &config.id,
        }
    }
}

/// A model as an answer names it: always an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DreamModel {
    /// Its id.
    pub id: String,
    /// `standard`; answers may leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed: Option<String>,
}

/// Where a dream writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OutputBehavior {
    /// Into a new store that begins as a copy of the input.
    #[default]
    CreateNew,
    /// Into the input store itself.
    UpdateExisting {
        /// The input store.
        memory_store_id: String,
    },
}

/// A dream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dream {
    /// `drm_…`.
    pub id: String,
    /// `dream`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// `pending`, `running`, `completed`, `failed`, `canceled`.
    pub status: String,
    /// What it reads.
    #[serde(deserialize_with = "super::known")]
    pub inputs: Vec<DreamInput>,
    /// What it writes; empty until the store is there.
    #[serde(default, deserialize_with = "super::null_default")]
    pub outputs: Vec<DreamOutput>,
    /// The model.
    pub model: DreamModel,
    /// Its instructions.
    #[serde(default)]
    pub instructions: Option<String>,
    /// Where the result goes; older answers leave it out.
    #[serde(default, deserialize_with = "super::known_or_default")]
    pub output_behavior: OutputBehavior,
    /// The session that does the work, once it has started.
    #[serde(default)]
    pub session_id: Option<String>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it reached a final status.
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    /// When it was archived.
    #[serde(default)]
    pub archived_at: Option<Timestamp>,
    /// Tokens so far.
    #[serde(default, deserialize_with = "super::null_default")]
    pub usage: DreamUsage,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<DreamFault>,
}

/// What a dream writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DreamOutput {
    /// A memory store.
    MemoryStore {
        /// Which.
        memory_store_id: String,
    },
    /// Something this version does not know.
    #[serde(other)]
    Other,
}

/// Tokens of a dream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DreamUsage {
    /// Uncached input tokens.
    #[serde(deserialize_with = "super::null_default")]
    pub input_tokens: u64,
    /// Output tokens.
    #[serde(deserialize_with = "super::null_default")]
    pub output_tokens: u64,
    /// Input tokens read from the cache.
    #[serde(deserialize_with = "super::null_default")]
    pub cache_read_input_tokens: u64,
    /// Input tokens written to the cache, for five minutes and for an hour together.
    #[serde(deserialize_with = "super::null_default")]
    pub cache_creation_input_tokens: u64,
}

/// Why a dream failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DreamFault {
    /// `timeout`, `internal_error` and others; an open list.
    #[serde(rename = "type")]
    pub kind: String,
    /// Text for people.
    #[serde(default, deserialize_with = "super::null_default")]
    pub message: String,
}
