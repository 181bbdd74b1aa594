//! The gates `injection` and `probes` as typed.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::spec::gates::ProbeRule;

/// What a finding means, or that it is not looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "LevelOrOff")]
pub enum LevelOrOff {
    /// A person must look.
    Review,
    /// Nothing is adopted without an override.
    Block,
    /// It is not looked for.
    Off,
}

/// What injected text means: one word, or one for each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthoredInjection {
    /// For instructions and hidden characters alike.
    Word(LevelOrOff),
    /// For each kind.
    Kinds(AuthoredInjectionKinds),
}

/// What each kind of injected text means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthoredInjectionKinds {
    /// Text that speaks to a model as its master would.
    pub instructions: Option<LevelOrOff>,
    /// Characters that people do not see and models read.
    pub hidden: Option<LevelOrOff>,
    /// Statements that nobody but a tool is known to have said.
    pub untrusted: Option<LevelOrOff>,
}

impl<'de> Deserialize<'de> for AuthoredInjection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Injection;
        impl<'de> Visitor<'de> for Injection {
            type Value = AuthoredInjection;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`review`, `block`, `off`, or a mapping with a word for each kind")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<AuthoredInjection, E> {
                LevelOrOff::deserialize(StrDeserializer::new(word)).map(AuthoredInjection::Word)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AuthoredInjection, A::Error> {
                AuthoredInjectionKinds::deserialize(MapAccessDeserializer::new(map))
                    .map(AuthoredInjection::Kinds)
            }
        }
        deserializer.deserialize_any(Injection)
    }
}

impl JsonSchema for AuthoredInjection {
    fn schema_name() -> Cow<'static, str> {
        "Injection".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let level = generator.subschema_for::<LevelOrOff>();
        json_schema!({
            "description": "What injected text means: `review` (the default), `block` or `off`, for `instructions` and `hidden` alike; or a mapping with a word for each kind.",
            "type": ["string", "object"],
            "if": { "type": "string" },
            "then": { "enum": ["review", "block", "off"] },
            "properties": {
                "instructions": {
                    "description": "Text that speaks to a model as its master would: it takes back earlier instructions, plays a role of the chat, calls tools, sends data away. `review` by default.",
                    "allOf": [level.clone()]
                },
                "hidden": {
                    "description": "Characters that people do not see and models read: tags, overrides of direction, runs of zero-width characters, look-alike letters of other scripts. `review` by default.",
                    "allOf": [level.clone()]
                },
                "untrusted": {
                    "description": "Statements that nobody but a tool is known to have said, and what was made of them. Reads the sessions again; `off` by default.",
                    "allOf": [level]
                }
            },
            "additionalProperties": false
        })
    }
}

/// A probe file and what its answers mean.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ProbeGate")]
pub struct AuthoredProbes {
    /// The probe file, relative to the project, such as `probes/support.yaml`.
    #[schemars(required, length(min = 1))]
    pub file: Option<String>,
    /// When a person must look.
    pub review: Option<ProbeRule>,
    /// When nothing is adopted without an override; `any_regression` if neither this nor `review` is set.
    pub block: Option<ProbeRule>,
    /// Who answers: `retrieval` (the default) finds statements by their words, the same way each time.
    pub judge: Option<ProbeJudge>,
}

/// Who answers probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ProbeJudge")]
pub enum ProbeJudge {
    /// Statements are found by their words.
    Retrieval,
    /// A model reads the store. Not available in this version.
    Model,
}
