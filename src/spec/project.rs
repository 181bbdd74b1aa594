//! A checked `dreamrun.yaml`: the backend, where state lives, and the project's stores.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Alias, MemoryStoreId};
use crate::price::{PriceTable, Usd};

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
    /// What models cost: the built-in table with the project's own prices in it.
    pub prices: PriceTable,
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

/// Where state lives. Holds no secret: credentials come from the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateSpec {
    /// A SQLite file, relative to the project.
    Sqlite(PathBuf),
    /// A folder of files: relative to the project, or absolute, as a volume that several machines share is.
    Folder(PathBuf),
    /// A branch of the project's Git repository, kept at one of its remotes.
    Git {
        /// The branch, without `refs/heads/`.
        branch: String,
        /// The name of the remote, never its address.
        remote: String,
    },
    /// Objects in a bucket.
    Bucket {
        /// Whose.
        service: BucketService,
        /// The bucket, or the container.
        bucket: String,
        /// What the names of all objects begin with; may be empty.
        prefix: String,
    },
    /// A table of a PostgreSQL database.
    Postgres(PostgresSpec),
}

/// A kind of object storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketService {
    /// Amazon S3, or a server that speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

impl BucketService {
    /// Returns the scheme of its addresses.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gcs => "gs",
            Self::Azure => "az",
        }
    }
}

/// A PostgreSQL database. Whatever is left out comes from the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresSpec {
    /// The user.
    pub user: Option<String>,
    /// The host.
    pub host: Option<String>,
    /// The port.
    pub port: Option<u16>,
    /// The database.
    pub database: Option<String>,
}

/// The address as a project file gives it.
impl fmt::Display for StateSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Folder(path) if path.is_absolute() => write!(f, "file://{}", path.display()),
            Self::Folder(path) => write!(f, "file:{}", path.display()),
            Self::Git { branch, remote } => write!(f, "git:{branch}@{remote}"),
            Self::Bucket { service, bucket, prefix } if prefix.is_empty() => {
                write!(f, "{}://{bucket}", service.scheme())
            }
            Self::Bucket { service, bucket, prefix } => write!(f, "{}://{bucket}/{prefix}", service.scheme()),
            Self::Postgres(PostgresSpec { user, host, port, database }) => {
                f.write_str("postgres://")?;
                if let Some(user) = user {
                    write!(f, "{user}@")?;
                }
                match host.as_deref() {
                    Some(v6) if v6.contains(':') => write!(f, "[{v6}]")?,
                    host => f.write_str(host.unwrap_or_default())?,
                }
                if let Some(port) = port {
                    write!(f, ":{port}")?;
                }
                write!(f, "/{}", database.as_deref().unwrap_or_default())
            }
        }
    }
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
