//! Sessions and their events on the wire.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Object;

/// The body of `POST /v1/sessions`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    /// An id, or an object of type `agent` or `agent_with_overrides`.
    pub agent: Value,
    /// The environment.
    pub environment_id: String,
    /// A title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Up to 16 pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Object>,
    /// What it can use, up to 8 memory stores among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<Object>,
    /// Vaults.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vault_ids: Vec<String>,
    /// Up to 50 events that start it running.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub initial_events: Vec<Object>,
    /// A limit on cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Object>,
}

/// A memory store as a request attaches it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryResource {
    /// `memory_store`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Which.
    pub memory_store_id: String,
    /// `read_write` or `read_only`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<String>,
    /// What the agent is told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
}

impl MemoryResource {
    /// Attaches a store for reading and writing.
    pub fn of(store: impl Into<String>) -> Self {
        Self {
            kind: "memory_store".to_owned(),
            memory_store_id: store.into(),
            access: None,
            instructions: None,
        }
    }
}

/// A session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// `sesn_…`.
    pub id: String,
    /// `session`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// `rescheduling`, `running`, `idle`, `terminated`.
    pub status: String,
    /// The agent as it was when the session began, overrides included.
    pub agent: Value,
    /// Its environment.
    #[serde(default)]
    pub environment_id: Option<String>,
    /// The deployment that started it.
    #[serde(default)]
    pub deployment_id: Option<String>,
    /// Its title.
    #[serde(default)]
    pub title: Option<String>,
    /// Pairs of text.
    #[serde(default, deserialize_with = "super::null_default")]
    pub metadata: Object,
    /// What it can use.
    #[serde(default, deserialize_with = "super::null_default")]
    pub resources: Vec<Object>,
    /// Vaults.
    #[serde(default, deserialize_with = "super::null_default")]
    pub vault_ids: Vec<String>,
    /// One for each outcome that was defined.
    #[serde(default, deserialize_with = "super::null_default")]
    pub outcome_evaluations: Vec<Object>,
    /// How long it took.
    #[serde(default, deserialize_with = "super::null_default")]
    pub stats: SessionStats,
    /// Tokens so far.
    #[serde(default, deserialize_with = "super::null_default")]
    pub usage: SessionUsage,
    /// A limit on cost.
    #[serde(default)]
    pub budget: Option<Object>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was archived.
    #[serde(default)]
    pub archived_at: Option<Timestamp>,
}

/// How long a session took, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionStats {
    /// At work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_seconds: Option<f64>,
    /// From its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
}

/// Tokens of a session. Not the shape of a dream's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionUsage {
    /// Uncached input tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Output tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Input tokens read from the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read_input_tokens: Option<u64>,
    /// Input tokens written to the cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_creation: Option<CacheCreation>,
    /// Cost at list prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_cost: Option<ListCost>,
    /// Seconds at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_seconds: Option<f64>,
    /// Tools that the service itself ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_tool_use: Option<ServerToolUse>,
}

/// How often the service's own tools ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerToolUse {
    /// Searches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_search_requests: Option<u64>,
    /// Pages read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_fetch_requests: Option<u64>,
}

/// Input tokens written to the cache, by how long they stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CacheCreation {
    /// For five minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_5m_input_tokens: Option<u64>,
    /// For an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_1h_input_tokens: Option<u64>,
}

/// An amount of money, in whole cents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListCost {
    /// Whole cents, as text.
    pub amount: String,
    /// `USD`.
    pub currency: String,
}

/// The answer to `POST …/events`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// The events, with their ids.
    #[serde(default, deserialize_with = "super::null_default")]
    pub data: Vec<Object>,
}
