//! A forget list as typed.

use schemars::JsonSchema;
use serde::Deserialize;

/// A forget list: what must not come back into a store, and what may go from it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Forget")]
pub struct AuthoredForgetFile {
    /// The format of this file. Always 1.
    #[schemars(required, range(min = 1, max = 1))]
    pub dreamrun: Option<u64>,
    /// The rules. An empty list forgets nothing.
    #[schemars(required)]
    pub forget: Option<Vec<AuthoredForgetRule>>,
}

/// One rule. Give exactly one of `pattern`, `statement` and `keep`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ForgetRule")]
pub struct AuthoredForgetRule {
    /// What reports call it. It is shown and kept, so it must not repeat what is to be forgotten.
    #[schemars(required, length(min = 1))]
    pub name: Option<String>,
    /// A regular expression: no statement, heading or path that matches may be in a result. Case does not
    /// matter unless it says `(?-i)`.
    #[schemars(length(min = 1))]
    pub pattern: Option<String>,
    /// One statement by the hash of its normal form, `sha256:` and 64 hexadecimal digits, so that this
    /// file need not repeat it.
    #[schemars(regex(pattern = r"^sha256:[0-9a-f]{64}$"))]
    pub statement: Option<String>,
    /// How long memories under `paths` are kept, such as `90d`: what is older may go without being counted
    /// as lost.
    #[schemars(length(min = 1))]
    pub keep: Option<String>,
    /// With `keep`: globs over memory paths, such as `/journal/**`.
    #[schemars(length(min = 1))]
    pub paths: Option<Vec<String>>,
}
