//! `claude-lock.json`: which file of the repository is which resource of the API.
//!
//! `ant apply` writes it beside the files it creates agents, environments and deployments from:
//!
//! ```json
//! {"version": 1,
//!  "origin": {"base_url": "https://api.anthropic.com", "organization_id": "…", "workspace_id": "wrkspc_…"},
//!  "resources": {"./agents/support.md": {"kind": "agent", "id": "agent_…", "version": "1"}}}
//! ```
//!
//! Only what is needed here is read, and whatever else it holds is left alone.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::suggest::nearest;

/// The newest format that is read.
const VERSION: u64 = 1;

/// Which file is which resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct LockFile {
    /// Its format.
    #[serde(default)]
    version: u64,
    /// Where the resources are.
    #[serde(default)]
    pub origin: LockOrigin,
    #[serde(default)]
    resources: BTreeMap<String, Locked>,
}

/// Where resources are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct LockOrigin {
    /// The server.
    pub base_url: Option<String>,
    /// The organisation.
    pub organization_id: Option<String>,
    /// The workspace.
    pub workspace_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Locked {
    kind: String,
    id: String,
}

/// Why a file has no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// The lock file is not what `ant apply` writes.
    #[error("it is not a lock file: {0}")]
    Malformed(String),
    /// A newer version wrote it.
    #[error("it has version {0}, this one reads {VERSION}")]
    TooNew(u64),
    /// It does not name the file.
    #[error("it does not name `{path}`")]
    Unknown {
        /// The file.
        path: String,
        /// One it does name, written nearly the same.
        near: Option<String>,
    },
    /// It names the file as something else.
    #[error("it names `{path}` as {found}, not as {wanted}")]
    OtherKind {
        /// The file.
        path: String,
        /// What was looked for.
        wanted: &'static str,
        /// What the file is.
        found: String,
    },
}

impl LockFile {
    /// Reads a lock file.
    ///
    /// # Errors
    ///
    /// Says why it cannot be used.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let lock: Self =
            serde_json::from_str(text).map_err(|error| LockError::Malformed(error.to_string()))?;
        match lock.version {
            VERSION => Ok(lock),
            0 => Err(LockError::Malformed("it has no version".to_owned())),
            newer => Err(LockError::TooNew(newer)),
        }
    }

    /// Returns the id of the resource of a kind (`agent`, `environment`, `deployment`) that a file stands for.
    ///
    /// # Errors
    ///
    /// Says why there is none.
    pub fn resolve(&self, kind: &'static str, path: &str) -> Result<&str, LockError> {
        let wanted = normal(path);
        let found = self.resources.iter().find(|(name, _)| normal(name) == wanted);
        match found {
            Some((_, locked)) if locked.kind == kind => Ok(&locked.id),
            Some((_, locked)) => {
                Err(LockError::OtherKind { path: path.to_owned(), wanted: kind, found: locked.kind.clone() })
            }
            None => {
                let known = self.resources.iter().filter(|(_, locked)| locked.kind == kind);
                let near = nearest(wanted, known.map(|(name, _)| normal(name)));
                Err(LockError::Unknown { path: path.to_owned(), near: near.map(str::to_owned) })
            }
        }
    }
}

/// Says whether a name is the path of a file rather than an id.
pub fn is_path(name: &str) -> bool {
    name.contains('/') || [".md", ".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending))
}

fn normal(path: &str) -> &str {
    path.trim_start_matches("./")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"{
      "version": 1,
      "origin": {"base_url": "https://api.anthropic.com", "organization_id": "o", "workspace_id": "wrkspc_1"},
      "resources": {
        "./agents/support.md": {"kind": "agent", "id": "agent_01", "version": "3", "hash": "x"},
        "./agents/env.yaml": {"kind": "environment", "id": "env_01", "remote_hash": "y"}
      },
      "added_later": true
    }"#;

    #[test]
    fn a_file_is_found_with_and_without_its_leading_dot() {
        let lock = LockFile::parse(LOCK).unwrap();
        assert_eq!(lock.resolve("agent", "agents/support.md"), Ok("agent_01"));
        assert_eq!(lock.resolve("agent", "./agents/support.md"), Ok("agent_01"));
        assert_eq!(lock.resolve("environment", "agents/env.yaml"), Ok("env_01"));
        assert_eq!(lock.origin.workspace_id.as_deref(), Some("wrkspc_1"));
    }

    #[test]
    fn what_cannot_be_resolved_says_why() {
        let lock = LockFile::parse(LOCK).unwrap();
        let near = lock.resolve("agent", "agents/suport.md").unwrap_err();
        let LockError::Unknown { near: Some(near), .. } = near else { panic!("{near}") };
        assert_eq!(near, "agents/support.md");
        let error = lock.resolve("agent", "agents/env.yaml").unwrap_err();
        assert_eq!(error.to_string(), "it names `agents/env.yaml` as environment, not as agent");
        for (text, error) in [
            ("{}", "it is not a lock file: it has no version"),
            (r#"{"version": 2}"#, "it has version 2, this one reads 1"),
        ] {
            assert_eq!(LockFile::parse(text).unwrap_err().to_string(), error);
        }
        assert!(LockFile::parse("[").is_err() && LockFile::parse(r#"{"version":1,"resources":[]}"#).is_err());
    }

    #[test]
    fn ids_are_not_taken_for_paths() {
        assert!(is_path("agents/support.md") && is_path("support.md"));
        assert!(!is_path("agent_01AbC") && !is_path("depl_01"));
    }
}
