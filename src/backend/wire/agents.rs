//! Agents, environments, deployments and models on the wire.
//!
//! What dreamrun has no use for (tools, servers, schedules) stays JSON.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Object;

/// The body of `POST /v1/agents`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateAgent {
    /// 1 to 256 characters.
    pub name: String,
    /// An id, or an object with one.
    pub model: Value,
    /// The system prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<Object>>,
    /// Its MCP servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcp_servers: Option<Vec<Object>>,
    /// Its skills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skills: Option<Vec<Object>>,
    /// How it works with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiagent: Option<Object>,
    /// As whom it acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_identity: Option<Object>,
    /// Up to 16 pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Object>,
}

/// The body of `POST /v1/environments`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateEnvironment {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where sessions run; in the cloud if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Object>,
    /// `organization` or `account`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Up to 16 pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Object>,
}

/// The body of `POST /v1/deployments`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateDeployment {
    /// Its name.
    pub name: String,
    /// An id, which pins the latest version, or an object of type `agent`.
    pub agent: Value,
    /// The environment.
    pub environment_id: String,
    /// 1 to 50 events that its sessions begin with.
    pub initial_events: Vec<Object>,
    /// What its sessions can use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<Object>>,
    /// When it runs by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Object>,
    /// Vaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vault_ids: Option<Vec<String>>,
    /// A limit on the cost of each session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Object>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Up to 16 pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Object>,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// `agent_…`.
    pub id: String,
    /// `agent`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Its name.
    pub name: String,
    /// An object with `id`, and perhaps `effort`, `speed` and `inference_geo`.
    pub model: Value,
    /// The system prompt.
    #[serde(default)]
    pub system: Option<String>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Its tools.
    #[serde(default, deserialize_with = "super::null_default")]
    pub tools: Vec<Object>,
    /// Its MCP servers.
    #[serde(default, deserialize_with = "super::null_default")]
    pub mcp_servers: Vec<Object>,
    /// Its skills.
    #[serde(default, deserialize_with = "super::null_default")]
    pub skills: Vec<Object>,
    /// How it works with others.
    #[serde(default)]
    pub multiagent: Option<Object>,
    /// As whom it acts.
    #[serde(default, deserialize_with = "super::null_default")]
    pub execution_identity: Object,
    /// Pairs of text.
    #[serde(default, deserialize_with = "super::null_default")]
    pub metadata: Object,
    /// From 1.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was archived.
    #[serde(default)]
    pub archived_at: Option<Timestamp>,
}

/// A version of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRef {
    /// `agent`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Which.
    pub id: String,
    /// Which version.
    #[serde(default)]
    pub version: Option<u64>,
}

/// An environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// `env_…`.
    pub id: String,
    /// `environment`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Where sessions run.
    pub config: Object,
    /// Pairs of text.
    #[serde(default, deserialize_with = "super::null_default")]
    pub metadata: Object,
    /// `organization` or `account`; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was archived.
    #[serde(default)]
    pub archived_at: Option<Timestamp>,
}

/// A deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// `depl_…`.
    pub id: String,
    /// `deployment`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The agent, at one version.
    pub agent: AgentRef,
    /// Its environment.
    #[serde(default)]
    pub environment_id: Option<String>,
    /// What its sessions begin with.
    #[serde(default, deserialize_with = "super::null_default")]
    pub initial_events: Vec<Object>,
    /// What its sessions can use.
    #[serde(default, deserialize_with = "super::null_default")]
    pub resources: Vec<Object>,
    /// When it runs by itself.
    #[serde(default)]
    pub schedule: Option<Object>,
    /// Vaults.
    #[serde(default, deserialize_with = "super::null_default")]
    pub vault_ids: Vec<String>,
    /// A limit on the cost of each session; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Object>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// Pairs of text.
    #[serde(default, deserialize_with = "super::null_default")]
    pub metadata: Object,
    /// `active` or `paused`.
    pub status: String,
    /// Why it is paused.
    #[serde(default)]
    pub paused_reason: Option<Object>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was archived.
    #[serde(default)]
    pub archived_at: Option<Timestamp>,
}

/// One run of a deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeploymentRun {
    /// `drun_…`.
    pub id: String,
    /// `deployment_run`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The deployment.
    pub deployment_id: String,
    /// The agent, at one version.
    pub agent: AgentRef,
    /// When it was made.
    pub created_at: Timestamp,
    /// What started it.
    pub trigger_context: Object,
    /// The session, if one was started.
    #[serde(default)]
    pub session_id: Option<String>,
    /// Why none was.
    #[serde(default)]
    pub error: Option<Object>,
}

/// A model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Its id.
    pub id: String,
    /// `model`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Its name.
    #[serde(default, deserialize_with = "super::null_default")]
    pub display_name: String,
    /// When it came out.
    pub created_at: Timestamp,
    /// `active`, `deprecated`, `retired`; older answers leave it out, newer SDKs demand it.
    #[serde(default = "active")]
    pub lifecycle: String,
    /// When it was deprecated.
    #[serde(default)]
    pub deprecated_at: Option<Timestamp>,
    /// When it stops, or stopped, being served.
    #[serde(default)]
    pub retires_at: Option<Timestamp>,
    /// `opus`, `sonnet` and the like.
    #[serde(default)]
    pub line: Option<String>,
    /// How much it reads at most.
    #[serde(default)]
    pub max_input_tokens: Option<u64>,
    /// How much it writes at most.
    #[serde(default)]
    pub max_tokens: Option<u64>,
    /// What it can do; none when that is not known.
    #[serde(default)]
    pub capabilities: Option<Object>,
    /// Models that a message may fall back to.
    #[serde(default)]
    pub allowed_fallback_models: Option<Vec<String>>,
}

fn active() -> String {
    "active".to_owned()
}

/// A page of models, the one list that is paged by ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Models {
    /// The models.
    pub data: Vec<Model>,
    /// Whether there are more after `last_id`.
    #[serde(default, deserialize_with = "super::null_default")]
    pub has_more: bool,
    /// The first of the page.
    #[serde(default)]
    pub first_id: Option<String>,
    /// The last of the page.
    #[serde(default)]
    pub last_id: Option<String>,
}
