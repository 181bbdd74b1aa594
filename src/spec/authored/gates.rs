//! The `gates` of a pipeline as typed.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{AuthoredInjection, AuthoredLossLimit, AuthoredPin, AuthoredProbes, AuthoredThreshold};
use crate::spec::pipeline::{Level, OnUnchanged, Permission};

/// The rules a result must pass before it is adopted.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Gates")]
pub struct AuthoredGates {
    /// Statements of the live store that the result holds in no form. Review above 2% and block above
    /// 20% unless set otherwise.
    pub lost: Option<AuthoredLost>,
    /// Entries of the live store that the result lacks. Review above 60% and block above 80% unless
    /// set otherwise.
    pub entries_removed: Option<AuthoredThresholds>,
    /// Entries of the result that the live store lacks.
    pub entries_added: Option<AuthoredThresholds>,
    /// Statements of the result that contradict each other: one subject, two values.
    pub contradictions: Option<AuthoredThresholds>,
    /// The size of the whole store in bytes, before against after.
    pub bytes: Option<AuthoredBytes>,
    /// How much smaller the store has to get, and may.
    pub size_reduction: Option<AuthoredSizeReduction>,
    /// What a result equal to the live store means: `skip` (the default), `review` or `pass`.
    pub unchanged: Option<OnUnchanged>,
    /// Paths that no dream may touch, and statements that have to stay.
    pub protected: Option<AuthoredProtected>,
    /// What may happen to memories, by path. The first rule that covers a path and names the change
    /// decides; a change that no rule names is allowed.
    #[schemars(length(min = 1))]
    pub policy: Option<Vec<AuthoredPolicyRule>>,
    /// The limits of the API on paths, sizes and counts.
    pub limits: Option<AuthoredLimits>,
    /// What credentials in the result mean; `block` by default.
    pub secrets: Option<Level>,
    /// Statements of the result that a second dream, offline and without sessions, would still change.
    pub convergence: Option<AuthoredThresholds>,
    /// What the run cost, in US dollars.
    pub cost: Option<AuthoredCost>,
    /// What injected text in the result means: `review` (the default), `block` or `off`, or a mapping with
    /// a word for each kind.
    pub injection: Option<AuthoredInjection>,
    /// Questions that the result must answer, and those it must not.
    pub probes: Option<AuthoredProbes>,
    /// Your own expressions over `diff`, each of which must be true.
    pub assert: Option<Vec<AuthoredAssertion>>,
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

/// Statements of the live store that the result holds in no form: not in the same words, not in other
/// words, not merged, and not replaced by something newer that was said.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Lost")]
pub struct AuthoredLost {
    /// From here on a person must look: of the statements of the live store, by one run.
    pub review: Option<AuthoredThreshold>,
    /// From here on nothing is adopted without an override.
    pub block: Option<AuthoredThreshold>,
    /// By all runs of 7 days, this one included.
    pub over_7_days: Option<AuthoredLossLimit>,
    /// By all runs of 30 days, this one included. Review above 5% and block above 20% unless set
    /// otherwise.
    pub over_30_days: Option<AuthoredLossLimit>,
    /// By all runs of 90 days, this one included.
    pub over_90_days: Option<AuthoredLossLimit>,
    /// By all runs of 365 days, this one included.
    pub over_365_days: Option<AuthoredLossLimit>,
    /// By one run, of the memories under some paths; beside the limits on the whole store.
    #[schemars(length(min = 1))]
    pub paths: Option<Vec<AuthoredLostClass>>,
    /// Who judges. Not available in this version: rules do.
    #[schemars(extend("doNotSuggest" = true))]
    pub judge: Option<Value>,
}

/// A limit on what is lost of the memories under some paths.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LostClass")]
pub struct AuthoredLostClass {
    /// Globs over memory paths, such as `/people/**`.
    #[schemars(required, length(min = 1))]
    pub paths: Option<Vec<String>>,
    /// From here on a person must look.
    pub review: Option<AuthoredThreshold>,
    /// From here on nothing is adopted without an override.
    pub block: Option<AuthoredThreshold>,
}

/// How much smaller the store has to get, and may, in bytes.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SizeReduction")]
pub struct AuthoredSizeReduction {
    /// The least, such as `20%`.
    pub min: Option<AuthoredThreshold>,
    /// The most, such as `60%`.
    pub max: Option<AuthoredThreshold>,
    /// What it means to be outside; `review` by default.
    pub otherwise: Option<Level>,
}

/// What the run cost, in US dollars.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Cost")]
pub struct AuthoredCost {
    /// Above it a person must look.
    pub review_usd: Option<f64>,
    /// Above it nothing is adopted without an override.
    pub block_usd: Option<f64>,
}

/// What may happen to the memories under some paths.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PolicyRule")]
pub struct AuthoredPolicyRule {
    /// Globs over memory paths, such as `/people/**`.
    #[schemars(required, length(min = 1))]
    pub paths: Option<Vec<String>>,
    /// New memories.
    pub add: Option<Permission>,
    /// Memories with other content.
    pub edit: Option<Permission>,
    /// Memories that are gone.
    pub remove: Option<Permission>,
    /// Memories that come from another path or go there.
    #[serde(rename = "move")]
    pub moving: Option<Permission>,
    /// Statements that the result holds in no form.
    pub lose: Option<Permission>,
}

/// Paths that no dream may touch, and statements that have to stay.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Protected")]
pub struct AuthoredProtected {
    /// Globs over memory paths, such as `/policy/**`.
    #[schemars(length(min = 1))]
    pub paths: Option<Vec<String>>,
    /// Statements that have to stay in these words: as text, or as `{path, text}` for one that has to
    /// stay in its memory.
    #[schemars(length(min = 1))]
    pub statements: Option<Vec<AuthoredPin>>,
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
