//! Verdicts: what a gate answered, and why a person should believe it.
//!
//! Verdicts go into the journal, so they hold no memory text: findings name a rule of ours, a path
//! and a line, and a reader opens the store to see the rest.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::memory::MemoryPath;

/// What a gate can answer, from mild to severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing stands in the way.
    Pass,
    /// There is nothing to adopt: the candidate equals the live store.
    Unchanged,
    /// A person must look.
    Review,
    /// Nothing is adopted without an override.
    Block,
    /// The gate could not decide; that blocks too.
    Undecided,
}

/// One gate's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The gate, as named in a pipeline.
    pub gate: String,
    /// Its answer.
    pub outcome: Outcome,
    /// What was measured, such as `3 of 25 entries removed (12%)`.
    pub measured: String,
    /// The limit it was held against, such as `review above 60%, block above 80%`; empty if none.
    pub limit: String,
    /// The places behind it, in order of path and line; empty on a plain pass.
    pub findings: Vec<Finding>,
}

/// One place a gate objects to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Where, if it is about one memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<MemoryPath>,
    /// Its line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What is wrong there, in our words and never in the memory's.
    pub note: Cow<'static, str>,
}
