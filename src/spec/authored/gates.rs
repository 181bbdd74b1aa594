//! The `gates` of a pipeline as typed.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::AuthoredThreshold;
use crate::spec::pipeline::{Level, OnUnchanged};

/// The rules a result must pass before it is adopted.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Gates")]
pub struct AuthoredGates {
    /// Entries of the live store that the result lacks. Review above 60% and block above 80% unless
    /// set otherwise.
    pub entries_removed: Option<AuthoredThresholds>,
    /// Entries of the result that the live store lacks.
    pub entries_added: Option<AuthoredThresholds>,
    /// The size of the whole store in bytes, before against after.
    pub bytes: Option<AuthoredBytes>,
    /// What a result equal to the live store means: `skip` (the default), `review` or `pass`.
    pub unchanged: Option<OnUnchanged>,
    /// Paths that no dream may touch.
    pub protected: Option<AuthoredProtected>,
    /// The limits of the API on paths, sizes and counts.
    pub limits: Option<AuthoredLimits>,
    /// What credentials in the result mean; `block` by default.
    pub secrets: Option<Level>,
    /// Your own expressions over `diff`, each of which must be true.
    pub assert: Option<Vec<AuthoredAssertion>>,
    /// Statements that vanish without an heir. Not available in this version.
    #[schemars(extend("doNotSuggest" = true))]
    pub lost: Option<Value>,
    /// Live statements that contradict each other. Not available in this version.
    #[schemars(extend("doNotSuggest" = true))]
    pub contradictions: Option<Value>,
    /// Instruction-like text in the result. Not available in this version.
    #[schemars(extend("doNotSuggest" = true))]
    pub injection: Option<Value>,
    /// Questions the result must answer. Not available in this version.
    #[schemars(extend("doNotSuggest" = true))]
    pub probes: Option<Value>,
    /// How much smaller the result must be. Not available in this version.
    #[schemars(extend("doNotSuggest" = true))]
    pub size_reduction: Option<Value>,
    /// Whether a second pass changes nearly nothing. Not available in this version.
    #[schemars(extend("doNotSuggest" = true))]
    pub convergence: Option<Value>,
    /// What the run cost. Not available in this version.
    #[schemars(extend("doNotSuggest" = true))]
    pub cost: Option<Value>,
}

impl AuthoredGates {
    /// Returns the gates that are set and that this version cannot judge.
    pub fn unavailable(&self) -> impl Iterator<Item = &'static str> {
        [
            ("lost", &self.lost),
            ("contradictions", &self.contradictions),
            ("injection", &self.injection),
            ("probes", &self.probes),
            ("size_reduction", &self.size_reduction),
            ("convergence", &self.convergence),
            ("cost", &self.cost),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.is_some().then_some(name))
    }
}

/// Limits of one measure. A share such as `60%` trips above it, a whole number at it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Thresholds")]
pub struct AuthoredThresholds {
    /// From here on a person must look.
    pub review: Option<AuthoredThreshold>,
    /// From here on nothing is adopted without an override.
    pub block: Option<AuthoredThreshold>,
}

/// The size of the whole store in bytes.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Bytes")]
pub struct AuthoredBytes {
    /// Getting smaller. Review above 60% and block above 80% unless set otherwise.
    pub shrink: Option<AuthoredThresholds>,
    /// Getting larger. Review above 100% unless set otherwise.
    pub grow: Option<AuthoredThresholds>,
}

/// Paths that no dream may touch.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Protected")]
pub struct AuthoredProtected {
    /// Globs over memory paths, such as `/policy/**`.
    #[schemars(required, length(min = 1))]
    pub paths: Option<Vec<String>>,
    /// What a change means; `block` by default.
    pub on_change: Option<Level>,
}

/// The limits of the API on paths, sizes and counts.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Limits")]
pub struct AuthoredLimits {
    /// What a breach means; `block` by default.
    pub on_exceed: Option<Level>,
    /// The most entries of a store; 2,000 by default.
    #[schemars(range(min = 1))]
    pub entries: Option<u64>,
}

/// One expression that a result must satisfy.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Assertion")]
pub struct AuthoredAssertion {
    /// An expression over `diff.before.entries`, `diff.before.bytes`, `diff.after.entries`,
    /// `diff.after.bytes`, `diff.added`, `diff.removed`, `diff.edited`, `diff.moved` and
    /// `diff.unchanged`, such as `diff.after.bytes <= 2 * diff.before.bytes`.
    #[schemars(required, length(min = 1))]
    pub expr: Option<String>,
    /// What it means when the expression is not true; `block` by default.
    #[serde(rename = "else")]
    pub otherwise: Option<Level>,
    /// What to tell people then.
    pub message: Option<String>,
}
