//! Why a candidate waits for a person, or is not adopted at all.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::memory::MemoryPath;

/// Why a person has to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewReason {
    /// The pipeline says `adopt.mode: review`, or it names a raw store.
    Policy,
    /// Gates asked for it.
    Gates(Vec<String>),
    /// The live store changed and `drift` is `review`.
    Drift {
        /// What changed there.
        changed: Vec<MemoryPath>,
    },
    /// Both sides changed the same memories. Approving keeps the live version of each.
    Conflicts {
        /// The memories.
        paths: Vec<MemoryPath>,
    },
}

/// Why nothing will be adopted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlockReason {
    /// Gates forbid it.
    Gates(Vec<String>),
    /// The live store changed and `drift` is `block`.
    Drift {
        /// What changed there.
        changed: Vec<MemoryPath>,
    },
}

impl fmt::Display for ReviewReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy => f.write_str("the pipeline asks for a person's approval"),
            Self::Gates(names) => write!(f, "asked for by {}", names.join(", ")),
            Self::Drift { changed } => {
                write!(f, "the live store changed during the dream: {}", list(changed))
            }
            Self::Conflicts { paths } => write!(
                f,
                "changed both live and by the dream: {}; approving keeps the live version",
                list(paths)
            ),
        }
    }
}

impl fmt::Display for BlockReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gates(names) => write!(f, "blocked by {}", names.join(", ")),
            Self::Drift { changed } => {
                write!(f, "the live store changed during the dream: {}", list(changed))
            }
        }
    }
}

/// The most paths named in a reason.
const PATHS_SHOWN: usize = 5;

fn list(paths: &[MemoryPath]) -> String {
    let mut text: Vec<String> = paths.iter().take(PATHS_SHOWN).map(ToString::to_string).collect();
    if paths.len() > PATHS_SHOWN {
        text.push(format!("{} more", paths.len() - PATHS_SHOWN));
    }
    text.join(", ")
}
