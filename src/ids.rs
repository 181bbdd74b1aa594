//! Names and ids: one newtype each, so that a session is never passed for a store.
//!
//! Ids that a backend hands out ([`MemoryStoreId`], [`SessionId`], [`DreamId`], …) are opaque and
//! untrusted: any printable ASCII without spaces. Names that people choose ([`PipelineName`],
//! [`Alias`]) are stricter, because they become keys, file names and parts of a [`RunId`].

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Why a text is not an id or a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The text is empty.
    #[error("{kind} is empty")]
    Empty {
        /// What the text was meant to be.
        kind: &'static str,
    },
    /// The text is longer than its kind allows.
    #[error("{kind} is longer than {limit} characters")]
    TooLong {
        /// What the text was meant to be.
        kind: &'static str,
        /// The most characters allowed.
        limit: usize,
    },
    /// The text holds a character its kind does not allow.
    #[error("{kind} holds the character {character:?}, allowed are {allowed}")]
    Character {
        /// What the text was meant to be.
        kind: &'static str,
        /// The first offending character.
        character: char,
        /// The allowed characters, in words.
        allowed: &'static str,
    },
}

/// The longest id a backend may hand out.
const API_ID_LIMIT: usize = 256;
/// The longest name a person may choose.
const NAME_LIMIT: usize = 64;

fn check_api_id(kind: &'static str, text: &str) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty { kind });
    }
    if text.len() > API_ID_LIMIT {
        return Err(InvalidId::TooLong { kind, limit: API_ID_LIMIT });
    }
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        Some(character) => {
            Err(InvalidId::Character { kind, character, allowed: "printable ASCII without spaces" })
        }
        None => Ok(()),
    }
}

fn check_name(kind: &'static str, text: &str) -> Result<(), InvalidId> {
    if text.is_empty() {
        return Err(InvalidId::Empty { kind });
    }
    if text.len() > NAME_LIMIT {
        return Err(InvalidId::TooLong { kind, limit: NAME_LIMIT });
    }
    let bad = text
        .char_indices()
        .find(|&(i, c)| !(c.is_ascii_lowercase() || c.is_ascii_digit() || (c == '-' && i > 0)));
    match bad {
        Some((_, character)) => Err(InvalidId::Character {
            kind,
            character,
            allowed: "a-z, 0-9 and, after the first character, `-`",
        }),
        None => Ok(()),
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks a text and makes it an id.
            ///
            /// # Errors
            ///
            /// Says which rule of the module documentation the text breaks.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                $check($kind, &text)?;
                Ok(Self(text))
            }

            /// Returns the id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

id!(
    /// A memory store on a backend, `memstore_…`.
    MemoryStoreId, "a memory store id", check_api_id
);
id!(
    /// A version of one memory, `memver_…`.
    MemoryVersionId, "a memory version id", check_api_id
);
id!(
    /// A past session. `sesn_…` on the API; a transcript's own id on the local backend.
    SessionId, "a session id", check_api_id
);
id!(
    /// A dream on a backend, `drm_…`.
    DreamId, "a dream id", check_api_id
);
id!(
    /// An agent, `agent_…`.
    AgentId, "an agent id", check_api_id
);
id!(
    /// An environment that sessions run in, `env_…`.
    EnvironmentId, "an environment id", check_api_id
);
id!(
    /// A deployment, `depl_…`.
    DeploymentId, "a deployment id", check_api_id
);
id!(
    /// The name of a pipeline, unique within a project.
    PipelineName, "a pipeline name", check_name
);
id!(
    /// A saved plan, `plan-…`: two with the same content have the same id.
    PlanId, "a plan id", check_name
);
id!(
    /// The project's own name for a memory store; it follows adoption.
    Alias, "a store alias", check_name
);

impl PlanId {
    /// Names a saved plan after its content.
    pub fn of(content: &[u8]) -> Self {
        let digits: String =
            Sha256::digest(content).iter().take(10).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("plan-{digits}"))
    }
}

/// How every alias begins that stands for a raw store; no project may name a store so.
const RAW: &str = "raw-";
/// How many characters of a pipeline's name go into the alias of its raw store: the rest of the limit
/// holds [`RAW`], a dash and eight digits of a hash over the whole name.
const RAW_PIPELINE: usize = NAME_LIMIT - RAW.len() - 9;

impl Alias {
    /// Names the record of a raw store that a pipeline reads, written `raw-nightly-1a2b3c4d`. Each
    /// pair of pipeline and store has its own.
    pub fn of_raw(pipeline: &PipelineName, store: &MemoryStoreId) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(pipeline.as_str());
        hasher.update(" ");
        hasher.update(store.as_str());
        let hash = hasher.finalize();
        let digits: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{RAW}{:.RAW_PIPELINE$}-{digits}", pipeline.as_str()))
    }

    /// Says whether this stands for a raw store.
    pub fn is_raw(&self) -> bool {
        self.0.starts_with(RAW)
    }
}

/// A run: the n-th carrying-out of a pipeline, written `nightly-12`.
///
/// The number counts the pipeline's runs in this state from 1, so the id is known before the run
/// exists, two processes that would start the same run ask for the same id, and the first of them
/// to write it wins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct RunId {
    pipeline: PipelineName,
    number: u32,
}

impl RunId {
    /// Names the `number`-th run of a pipeline.
    pub fn new(pipeline: PipelineName, number: u32) -> Self {
        Self { pipeline, number }
    }

    /// Reads `nightly-12`.
    pub fn parse(text: &str) -> Option<Self> {
        let (pipeline, number) = text.rsplit_once('-')?;
        if number.starts_with('0') || number.starts_with('+') {
            return None;
        }
        Some(Self { pipeline: PipelineName::parse(pipeline).ok()?, number: number.parse().ok()? })
    }

    /// Returns the pipeline that was run.
    pub fn pipeline(&self) -> &PipelineName {
        &self.pipeline
    }

    /// Returns which run of the pipeline this is, from 1.
    pub fn number(&self) -> u32 {
        self.number
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}", self.pipeline, self.number))
    }
}

impl TryFrom<String> for RunId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is not a run id such as `nightly-12`"))
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> String {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_id_reads_back_as_written() {
        let id = RunId::new(PipelineName::parse("fleet-chain-2").unwrap(), 10);
        assert_eq!(id.to_string(), "fleet-chain-2-10");
        assert_eq!(RunId::parse("fleet-chain-2-10"), Some(id));
        assert_eq!(RunId::parse("nightly-007"), None);
        assert_eq!(RunId::parse("nightly"), None);
    }

    #[test]
    fn a_raw_store_has_an_alias_of_its_own_for_each_pipeline() {
        let alias = |pipeline: &str, store: &str| {
            Alias::of_raw(&PipelineName::parse(pipeline).unwrap(), &MemoryStoreId::parse(store).unwrap())
        };
        let long = "a".repeat(NAME_LIMIT);
        let longer_by_its_end = format!("{}b", "a".repeat(NAME_LIMIT - 1));
        let all = [
            alias("nightly", "memstore_01"),
            alias("nightly", "memstore_02"),
            alias("weekly", "memstore_01"),
            alias(&long, "memstore_01"),
            alias(&longer_by_its_end, "memstore_01"),
        ];
        for alias in &all {
            assert!(alias.is_raw());
            assert_eq!(Alias::parse(alias.as_str()).as_ref(), Ok(alias));
        }
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
        assert!(all[0].as_str().starts_with("raw-nightly-"), "{}", all[0]);
        assert!(!Alias::parse("nightly").unwrap().is_raw());
    }

    #[test]
    fn a_plan_is_named_after_its_content_so_that_its_name_fits_a_key() {
        let id = PlanId::of(b"one");
        assert_eq!((PlanId::of(b"one"), PlanId::parse(id.as_str())), (id.clone(), Ok(id.clone())));
        assert_ne!(PlanId::of(b"two"), id);
    }

    #[test]
    fn names_and_ids_refuse_what_could_escape_a_key_or_a_terminal() {
        for bad in ["", "Nightly", "a/b", "../x", "-a", "a b", "é", "a\u{1b}[0m"] {
            assert!(PipelineName::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Alias::parse("a".repeat(65)).is_err());
        assert!(SessionId::parse("sesn_01 x").is_err());
        assert!(SessionId::parse("support/2026-03-01.jsonl#4").is_ok());
    }
}
