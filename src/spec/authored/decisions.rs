//! A file of decisions as typed.

use schemars::JsonSchema;
use serde::Deserialize;

/// Decisions of a review: what is to become of statements that a dream changed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Decisions")]
pub struct AuthoredDecisions {
    /// The run they are about. For another one they do not count.
    #[schemars(length(min = 1))]
    pub run: Option<String>,
    /// The hash of the candidate they are about. For another one they do not count.
    #[schemars(length(min = 1))]
    pub candidate: Option<String>,
    /// The decisions. A statement that is not among them is kept.
    #[schemars(required)]
    pub decisions: Option<Vec<AuthoredDecision>>,
}

/// What is to become of one statement.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Decision")]
pub struct AuthoredDecision {
    /// Which: `/path.md:LINE`, eight or more digits of its hash, or both as `/path.md:LINE#HASH`.
    #[schemars(required, length(min = 1))]
    pub statement: Option<String>,
    /// What to do.
    #[schemars(required)]
    pub r#do: Option<DecisionWord>,
    /// What became of it, for the reader; not looked at.
    pub fate: Option<String>,
    /// What it said, for the reader; not looked at.
    pub was: Option<String>,
    /// What says it now, for the reader; not looked at.
    pub is: Option<Vec<String>>,
}

/// What can be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "DecisionWord")]
pub enum DecisionWord {
    /// Leave it as the dream made it.
    Keep,
    /// Take what the dream made of it out of the candidate.
    Drop,
    /// Put the old statement back into the candidate.
    Restore,
}
