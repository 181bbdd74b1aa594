//! `dreamrun.yaml` as typed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AuthoredBackendOrWord, AuthoredBudget};
use crate::spec::project::KeyHeader;

/// A dreamrun project: the backend, where state lives, and the project's stores.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Project")]
pub struct AuthoredProject {
    /// The format of this file. Always 1.
    #[schemars(required, range(min = 1, max = 1))]
    pub dreamrun: Option<u64>,
    /// The versions of dreamrun that may run this project, such as `>=0.1, <2`.
    #[schemars(length(min = 1))]
    pub requires: Option<String>,
    /// Where dreams happen: `local` (the default), or a mapping with `kind`.
    pub backend: Option<AuthoredBackendOrWord>,
    /// Where state lives: the path of a SQLite file (`.dreamrun/state.db` by default), `git:BRANCH@REMOTE`,
    /// `s3://BUCKET/PREFIX`, `gs://…`, `az://…`, `file:FOLDER` or `postgres://HOST/DATABASE`. Credentials come
    /// from the environment.
    #[schemars(length(min = 1))]
    pub state: Option<String>,
    /// What is kept of past dreams, beside the hashes that state keeps.
    pub ledger: Option<AuthoredLedger>,
    /// The project's names for memory stores. A name follows adoption.
    pub stores: Option<BTreeMap<String, AuthoredStore>>,
    /// What models cost, by the name that pipelines give them, where the built-in table does not know them or a
    /// project pays something else.
    pub prices: Option<BTreeMap<String, AuthoredPrice>>,
    /// Whom to tell, and when.
    pub notify: Option<Vec<AuthoredNotification>>,
    /// Named sets of changes to this file, chosen with `--profile`.
    pub profiles: Option<BTreeMap<String, AuthoredProfile>>,
}

/// What is kept of past dreams.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Ledger")]
pub struct AuthoredLedger {
    /// A folder of the project that keeps the text of every memory an adoption changes or removes, so that
    /// it can be shown and brought back after the backend has dropped it. Nothing is kept by default.
    #[schemars(length(min = 1))]
    pub archive: Option<String>,
}

/// Where dreams happen.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthoredBackend {
    /// Which kind.
    pub kind: Option<BackendWord>,
    /// For `local`: the backend's own database.
    pub database: Option<String>,
    /// For `managed_agents`: the server, if not the public one.
    pub base_url: Option<String>,
    /// For `managed_agents`: the workspace.
    pub workspace: Option<String>,
    /// For `managed_agents`: the header that carries the key.
    pub key_header: Option<KeyHeader>,
}

/// The kinds of backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BackendWord {
    /// The embedded backend.
    Local,
    /// The Managed Agents API or a compatible server.
    ManagedAgents,
}

/// One store of the project.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Store")]
pub struct AuthoredStore {
    /// What the name stands for before anything was adopted: `dir:FOLDER` of Markdown files, imported
    /// once by the local backend, or the `memstore_` id of an existing store.
    #[schemars(required, length(min = 1))]
    pub bootstrap: Option<String>,
    /// How many earlier stores are kept for rollback; 3 by default.
    pub keep_previous: Option<u32>,
    /// A file of the project that says what must not come back into the store and what may go from it,
    /// such as `forget/support.yaml`. Every pipeline over the store is held to it.
    #[schemars(length(min = 1))]
    pub forget: Option<String>,
}

/// What a model costs, in US dollars per million tokens.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Price")]
pub struct AuthoredPrice {
    /// Uncached input.
    #[schemars(required, range(min = 0))]
    pub input: Option<f64>,
    /// Output.
    #[schemars(required, range(min = 0))]
    pub output: Option<f64>,
    /// Reading from the cache; as much as `input` by default.
    #[schemars(range(min = 0))]
    pub cache_read: Option<f64>,
    /// Writing to the cache; between `input` and twice as much by default.
    #[schemars(range(min = 0))]
    pub cache_write: Option<f64>,
    /// Writing to the cache for an hour, where that costs more than `cache_write`.
    #[schemars(range(min = 0))]
    pub cache_write_1h: Option<f64>,
    /// The day the price was last seen to hold, such as `2026-11-01`.
    #[schemars(required, length(min = 1))]
    pub as_of: Option<String>,
    /// Where, such as the name of a contract.
    #[schemars(length(min = 1))]
    pub source: Option<String>,
}

/// Whom to tell, and when. Give exactly one of `slack` and `webhook`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Notification")]
pub struct AuthoredNotification {
    /// The events to tell about.
    #[schemars(required, length(min = 1))]
    pub on: Option<Vec<NotifyWord>>,
    /// A Slack incoming webhook.
    pub slack: Option<AuthoredWebhook>,
    /// Any HTTPS endpoint.
    pub webhook: Option<AuthoredWebhook>,
}

/// Where a notification is sent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Webhook")]
pub struct AuthoredWebhook {
    /// The environment variable that holds the URL. The URL itself is a secret and stays out of files.
    #[schemars(required, regex(pattern = r"^[A-Za-z_][A-Za-z0-9_]*$"))]
    pub url_env: Option<String>,
}

/// An event that people can be told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "NotifyOn")]
pub enum NotifyWord {
    /// A result was adopted.
    Adopted,
    /// A person must look.
    Review,
    /// A gate blocked a result.
    Blocked,
    /// A run failed.
    Failed,
    /// A run stopped at its budget.
    OverBudget,
    /// A paid call is in doubt.
    InDoubt,
    /// A run is overdue.
    Overdue,
}

/// Changes to the project under one profile.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Profile")]
pub struct AuthoredProfile {
    /// The most any run may cost; a pipeline's own lower budget stays.
    pub budget: Option<AuthoredBudget>,
    /// The model for every pipeline, in place of its own.
    #[schemars(length(min = 1))]
    pub model: Option<String>,
    /// The backend.
    pub backend: Option<AuthoredBackendOrWord>,
    /// Where state lives.
    #[schemars(length(min = 1))]
    pub state: Option<String>,
}
