//! The Managed Agents API's JSON shapes, shared by the client and the server.
//!
//! State of the API: 22 November 2026 (SDK for Python 2.12.0, for TypeScript 1.12.0). Fields that the API
//! answers with `null` are written as `null`; what may be absent says so with `skip_serializing_if`. Words
//! of open lists (statuses, error types) are plain strings, and unknown fields are passed over, so a newer
//! server can be read. Server and client agreeing on these types proves nothing: fixtures of the public
//! reference and the official SDKs do.

mod agents;
mod dreams;
mod sessions;
mod stores;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

pub use agents::{
    Agent, AgentRef, CreateAgent, CreateDeployment, CreateEnvironment, Deployment, DeploymentRun,
    Environment, Model, Models,
};
pub use dreams::{
    CreateDream, Dream, DreamFault, DreamInput, DreamModel, DreamOutput, DreamUsage, ModelParam,
    OutputBehavior,
};
pub use sessions::{
    CacheCreation, CreateSession, ListCost, MemoryResource, Sent, ServerToolUse, Session, SessionStats,
    SessionUsage,
};
pub use stores::{
    Actor, CreateMemory, CreateStore, ListedMemory, Memory, MemoryPrefix, MemoryStore, MemoryVersion,
    Precondition, UpdateMemory, UpdateStore,
};

/// The public service.
pub const PUBLIC_BASE_URL: &str = "https://api.anthropic.com";
/// The API version that current SDKs send.
pub const API_VERSION: &str = "2026-10-21";

/// Names of headers.
pub mod header {
    /// The API version.
    pub const VERSION: &str = "anthropic-version";
    /// Betas a request opts into, comma separated.
    pub const BETA: &str = "anthropic-beta";
    /// The workspace a credential is to act in.
    pub const WORKSPACE: &str = "anthropic-workspace-id";
    /// The organisation a credential belongs to; on answers.
    pub const ORGANIZATION: &str = "anthropic-organization-id";
    /// The id of a request; on answers.
    pub const REQUEST_ID: &str = "request-id";
    /// The API key, as older SDKs send it.
    pub const API_KEY: &str = "x-api-key";
    /// Whether an SDK should send the request again; on answers.
    pub const SHOULD_RETRY: &str = "x-should-retry";
}

/// Betas, by family of endpoints.
pub mod beta {
    /// Opens `/v1/dreams`.
    pub const DREAMING: &str = "dreaming-2026-04-21";
    /// Opens `/v1/memory_stores`. Refused together with [`MANAGED_AGENTS`].
    pub const AGENT_MEMORY: &str = "agent-memory-2026-07-22";
    /// Opens sessions, agents, environments, deployments and vaults; alone, memory stores too.
    pub const MANAGED_AGENTS: &str = "managed-agents-2026-04-01";
}

/// An object whose content is somebody else's: metadata, an event, a tool.
pub type Object = Map<String, Value>;

/// One page of a list. The list goes on while `next_page` is a text, even when `data` is empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items.
    pub data: Vec<T>,
    /// What to send as `page` for the next one.
    #[serde(default)]
    pub next_page: Option<String>,
}

/// One page of `GET /v1/sessions`, the only list that also turns back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionPage {
    /// The sessions.
    pub data: Vec<Session>,
    /// What to send as `page` for the next one.
    #[serde(default)]
    pub next_page: Option<String>,
    /// What to send as `page` for the one before.
    #[serde(default)]
    pub prev_page: Option<String>,
}

/// The answer to a delete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// What was deleted.
    pub id: String,
    /// Its kind, as `memory_store_deleted`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// Always `error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What went wrong.
    pub error: ErrorDetail,
    /// The request's id, as in the header.
    #[serde(default)]
    pub request_id: Option<String>,
}

/// The `error_code` of a store that has no room for more.
pub const STORAGE_QUOTA_EXCEEDED: &str = "storage_quota_exceeded";

/// What went wrong.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// `invalid_request_error`, `not_found_error` and the like; an open list.
    #[serde(rename = "type")]
    pub kind: String,
    /// Text for people; missing on some conflicts.
    #[serde(default, deserialize_with = "null_default")]
    pub message: String,
    /// More, where there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Object>,
    /// Of a path conflict: the path that is in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflicting_path: Option<String>,
    /// Of a path conflict: the memory that is in the way; may be empty, meaning look again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflicting_memory_id: Option<String>,
}

/// Reads `null` as what is there when nothing is.
fn null_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Reads a value of a kind this version knows, and any other as what is there when nothing is.
fn known_or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).unwrap_or_default())
}

/// Reads those of a list whose kind this version knows.
fn known<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Vec<T>, D::Error> {
    let all: Vec<Value> = Option::deserialize(from)?.unwrap_or_default();
    Ok(all.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect())
}

#[cfg(test)]
mod tests;
