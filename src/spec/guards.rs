//! Settings of the gates that look at what a candidate says: injections, and probes.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pipeline::Level;

/// What each kind of injected text means; nothing for a kind that is not looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InjectionLevels {
    /// Text that speaks to a model as its master would.
    pub instructions: Option<Level>,
    /// Characters that people do not see and models read.
    pub hidden: Option<Level>,
    /// Statements that nobody but a tool is known to have said.
    pub untrusted: Option<Level>,
}

/// The levels where a pipeline says nothing. What is not trusted is looked for only when asked: it reads
/// the sessions.
pub const DEFAULT_INJECTION: InjectionLevels =
    InjectionLevels { instructions: Some(Level::Review), hidden: Some(Level::Review), untrusted: None };

/// A probe file and what its answers mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProbeLevels {
    /// The file, relative to the project. It is read when a candidate is judged.
    pub file: PathBuf,
    /// When a person must look.
    pub review: Option<ProbeRule>,
    /// When nothing is adopted.
    pub block: Option<ProbeRule>,
}

/// Which answers to probes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProbeRule {
    /// A probe that the live store passes and the result fails.
    AnyRegression,
    /// A probe that the result fails, whatever it was before.
    AnyFailure,
}
