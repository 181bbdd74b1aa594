//! Memory stores, memories and their versions on the wire.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Object;

/// The body of `POST /v1/memory_stores`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateStore {
    /// 1 to 255 characters.
    pub name: String,
    /// Up to 1,024 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Up to 16 pairs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Object>,
}

/// The body of `POST /v1/memory_stores/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateStore {
    /// A new name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A new description; empty to clear it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Pairs to set, or with `null` to take away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Object>,
}

/// A memory store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryStore {
    /// `memstore_…`.
    pub id: String,
    /// `memory_store`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Its name; not unique.
    pub name: String,
    /// Empty when there is none.
    #[serde(default, deserialize_with = "super::null_default")]
    pub description: String,
    /// Pairs of text.
    #[serde(default, deserialize_with = "super::null_default")]
    pub metadata: Object,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its name, description, metadata or archiving changed; not when its memories did.
    pub updated_at: Timestamp,
    /// When it was archived.
    #[serde(default)]
    pub archived_at: Option<Timestamp>,
}

/// The body of `POST …/memories`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateMemory {
    /// Where.
    pub path: String,
    /// What, up to 102,400 bytes. It cannot be left out; null, which the SDKs' types admit, is no text.
    #[serde(deserialize_with = "text_or_null")]
    pub content: String,
}

fn text_or_null<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(reader)?.unwrap_or_default())
}

/// The body of `POST …/memories/{id}`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateMemory {
    /// New content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// A new path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What must be there now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precondition: Option<Precondition>,
}

/// What must be there for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Precondition {
    /// Content with this hash.
    ContentSha256 {
        /// 64 hex digits.
        content_sha256: String,
    },
}

/// A memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// `mem_…`; stays when the memory is renamed.
    pub id: String,
    /// `memory`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Its store.
    pub memory_store_id: String,
    /// Where it sits.
    pub path: String,
    /// Its text; none in a basic view.
    #[serde(default)]
    pub content: Option<String>,
    /// The SHA-256 of its text.
    pub content_sha256: String,
    /// The size of its text.
    pub content_size_bytes: u64,
    /// Its newest version.
    pub memory_version_id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A folder in a listing of depth 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryPrefix {
    /// `memory_prefix`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// With a slash at its end.
    pub path: String,
}

/// One item of a listing of memories.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ListedMemory {
    /// A memory.
    Memory(Box<Memory>),
    /// A folder.
    Prefix(MemoryPrefix),
}

/// A version of a memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryVersion {
    /// `memver_…`.
    pub id: String,
    /// `memory_version`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The memory, which may be gone.
    pub memory_id: String,
    /// Its store.
    pub memory_store_id: String,
    /// `created`, `modified`, `deleted`.
    pub operation: String,
    /// None when redacted.
    #[serde(default)]
    pub path: Option<String>,
    /// None when deleted, redacted, or in a basic view.
    #[serde(default)]
    pub content: Option<String>,
    /// None when deleted or redacted.
    #[serde(default)]
    pub content_sha256: Option<String>,
    /// None when deleted or redacted.
    #[serde(default)]
    pub content_size_bytes: Option<u64>,
    /// When it was written.
    pub created_at: Timestamp,
    /// Who wrote it; absent, never `null`, when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<Actor>,
    /// When it was redacted.
    #[serde(default)]
    pub redacted_at: Option<Timestamp>,
    /// Who redacted it; absent, never `null`, when nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacted_by: Option<Actor>,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Actor {
    /// An agent, through its mount, or a dream.
    SessionActor {
        /// The session.
        session_id: String,
    },
    /// A caller of the API.
    ApiActor {
        /// The key's id, which is no secret.
        api_key_id: String,
    },
    /// A person.
    UserActor {
        /// Who.
        user_id: String,
    },
    /// A service account.
    ServiceAccountActor {
        /// Which.
        service_account_id: String,
    },
    /// Something this version does not know.
    #[serde(other)]
    Other,
}
