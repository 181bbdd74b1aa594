//! A checked `dreamrun.yaml`: the backend, where state lives, and the project's stores.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Alias, MemoryStoreId};
use crate::price::Usd;

/// The project file after checking, with one profile applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// The folder that holds `dreamrun.yaml`; every relative path starts here.
    pub root: PathBuf,
    /// Where dreams happen.
    pub backend: BackendSpec,
    /// Where state lives.
    pub state: StateSpec,
    /// The folder that keeps the text of what adoptions replace, relative to the project.
    pub archive: Option<PathBuf>,
    /// The project's names for memory stores.
    pub stores: BTreeMap<Alias, StoreSpec>,
    /// A budget that the profile puts on every pipeline.
    pub budget: Option<Usd>,
    /// A model that the profile puts in place of every pipeline's own.
    pub model: Option<String>,
}

/// Where dreams happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendSpec {
    /// The embedded backend; its database is this file.
    Local {
        /// Relative to the project, `.dreamrun/local.db` by default.
        database: PathBuf,
    },
    /// The Managed Agents API or a compatible server.
    ManagedAgents(RemoteSpec),
}

/// How the Managed Agents API or a compatible server is reached. The key comes from the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteSpec {
    /// The server, if not the public one.
    pub base_url: Option<String>,
    /// The workspace, for keys that can act in several.
    pub workspace: Option<String>,
    /// The header that carries the key.
    pub key_header: KeyHeader,
}

/// The header that carries a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "KeyHeader")]
pub enum KeyHeader {
    /// `Authorization: Bearer`, as current SDKs send it.
    #[default]
    Bearer,
    /// `x-api-key`, as older ones do.
    XApiKey,
}

impl BackendSpec {
    /// Returns the word a project file uses for it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Local { .. } => "local",
            Self::ManagedAgents(_) => "managed_agents",
        }
    }
}

/// Where state lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateSpec {
    /// A SQLite file, relative to the project.
    Sqlite(PathBuf),
}

/// One store of the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSpec {
    /// What the alias points at before anything was adopted.
    pub bootstrap: Bootstrap,
    /// How many earlier stores `gc` leaves for rollback.
    pub keep_previous: u32,
    /// The store's forget list, relative to the project.
    pub forget: Option<PathBuf>,
}

/// What an alias points at before anything was adopted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bootstrap {
    /// An existing store.
    Store(MemoryStoreId),
    /// A folder of Markdown, imported once by the local backend; relative to the project.
    Directory(PathBuf),
}
