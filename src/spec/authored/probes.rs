//! A probe file as typed.

use schemars::JsonSchema;
use serde::Deserialize;

/// Probes: what a memory store must know, must not know, and must have no answer to.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Probes")]
pub struct AuthoredProbeFile {
    /// The format of this file. Always 1.
    #[schemars(required, range(min = 1, max = 1))]
    pub dreamrun: Option<u64>,
    /// The probes, asked of the store before and after a dream.
    #[schemars(required, length(min = 1))]
    pub probes: Option<Vec<AuthoredProbe>>,
}

/// One probe: a question and what must come of it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Probe")]
pub struct AuthoredProbe {
    /// What reports call it.
    #[schemars(length(min = 1))]
    pub name: Option<String>,
    /// A question in words, such as `When do we deploy?`. The ten statements that fit it best are looked
    /// at, with their headings.
    #[schemars(length(min = 1))]
    pub ask: Option<String>,
    /// A regular expression instead of a question: the statements that match are looked at.
    #[schemars(length(min = 1))]
    pub pattern: Option<String>,
    /// What those statements must say, each text in one of them: its words and specifics in any spelling
    /// (`30 s` is `30 seconds`), or a regular expression between slashes.
    #[schemars(length(min = 1))]
    pub must_know: Option<Vec<String>>,
    /// What no statement of the store may say, in the same forms.
    #[schemars(length(min = 1))]
    pub must_not_know: Option<Vec<String>>,
    /// Set to `true` for a question that no statement of the store may answer.
    pub must_abstain: Option<bool>,
    /// The memories it is about, as a glob such as `/team/**`; all if left out.
    #[schemars(length(min = 1))]
    pub path: Option<String>,
}
