//! Values that can be typed in two ways, each with its own reader and schema, because serde's
//! `untagged` would lose the error.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::{AuthoredBackend, AuthoredThresholds, BackendWord};

/// A share or a count, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthoredThreshold {
    /// Text, which must be a share such as `60%`.
    Text(String),
    /// A whole number.
    Count(u64),
}

impl<'de> Deserialize<'de> for AuthoredThreshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Threshold;
        impl Visitor<'_> for Threshold {
            type Value = AuthoredThreshold;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a share such as `60%` or a whole number")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<AuthoredThreshold, E> {
                Ok(AuthoredThreshold::Text(text.to_owned()))
            }
            fn visit_u64<E: de::Error>(self, count: u64) -> Result<AuthoredThreshold, E> {
                Ok(AuthoredThreshold::Count(count))
            }
            // Whatever else is a number is kept as text, so that its error can show it.
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<AuthoredThreshold, E> {
                Ok(AuthoredThreshold::Text(number.to_string()))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<AuthoredThreshold, E> {
                Ok(AuthoredThreshold::Text(number.to_string()))
            }
        }
        deserializer.deserialize_any(Threshold)
    }
}

impl JsonSchema for AuthoredThreshold {
    fn schema_name() -> Cow<'static, str> {
        "Threshold".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A share such as `60%` (trips above it) or a whole number (trips at it).",
            "type": ["string", "number"],
            "pattern": r"^[0-9]+(\.[0-9]+)?%$",
            "minimum": 0
        })
    }
}

/// A limit on what is lost over time: one threshold, which blocks, or both.
#[derive(Debug, Clone, PartialEq)]
pub enum AuthoredLossLimit {
    /// Only where to block.
    Block(AuthoredThreshold),
    /// Where to review, where to block.
    Both(AuthoredThresholds),
}

impl<'de> Deserialize<'de> for AuthoredLossLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Limit;
        impl<'de> Visitor<'de> for Limit {
            type Value = AuthoredLossLimit;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a share such as `3%`, a whole number, or a mapping with `review` and `block`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<AuthoredLossLimit, E> {
                Ok(AuthoredLossLimit::Block(AuthoredThreshold::Text(text.to_owned())))
            }
            fn visit_u64<E: de::Error>(self, count: u64) -> Result<AuthoredLossLimit, E> {
                Ok(AuthoredLossLimit::Block(AuthoredThreshold::Count(count)))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<AuthoredLossLimit, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<AuthoredLossLimit, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AuthoredLossLimit, A::Error> {
                AuthoredThresholds::deserialize(MapAccessDeserializer::new(map)).map(AuthoredLossLimit::Both)
            }
        }
        deserializer.deserialize_any(Limit)
    }
}

impl JsonSchema for AuthoredLossLimit {
    fn schema_name() -> Cow<'static, str> {
        "LossLimit".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let threshold = generator.subschema_for::<AuthoredThreshold>();
        json_schema!({
            "description": "A share such as `3%` or a whole number, from which on nothing is adopted; or a mapping with `review` and `block`.",
            "type": ["string", "number", "object"],
            "pattern": r"^[0-9]+(\.[0-9]+)?%$",
            "minimum": 0,
            "properties": { "review": threshold, "block": threshold },
            "additionalProperties": false
        })
    }
}

/// A statement that has to stay, as text or with its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthoredPin {
    /// The memory, if it is named.
    pub path: Option<String>,
    /// The statement.
    pub text: String,
}

impl<'de> Deserialize<'de> for AuthoredPin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Mapping {
            path: Option<String>,
            text: String,
        }
        struct Pin;
        impl<'de> Visitor<'de> for Pin {
            type Value = AuthoredPin;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a statement, or a mapping with `path` and `text`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<AuthoredPin, E> {
                Ok(AuthoredPin { path: None, text: text.to_owned() })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AuthoredPin, A::Error> {
                let Mapping { path, text } = Mapping::deserialize(MapAccessDeserializer::new(map))?;
                Ok(AuthoredPin { path, text })
            }
        }
        deserializer.deserialize_any(Pin)
    }
}

impl JsonSchema for AuthoredPin {
    fn schema_name() -> Cow<'static, str> {
        "Pin".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A statement that has to stay, in its own words; or a mapping with its memory.",
            "type": ["string", "object"],
            "minLength": 1,
            "properties": {
                "path": {
                    "description": "The memory it has to stay in, such as `/policy/deploys.md`.",
                    "type": "string",
                    "minLength": 1
                },
                "text": { "description": "The statement.", "type": "string", "minLength": 1 }
            },
            "required": ["text"],
            "additionalProperties": false
        })
    }
}

/// A backend, as one word or as a mapping.
#[derive(Debug, Clone, PartialEq)]
pub enum AuthoredBackendOrWord {
    /// Only its kind.
    Word(String),
    /// With settings.
    Mapping(AuthoredBackend),
}

impl<'de> Deserialize<'de> for AuthoredBackendOrWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Backend;
        impl<'de> Visitor<'de> for Backend {
            type Value = AuthoredBackendOrWord;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`local`, `managed_agents` or a mapping with `kind`")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<AuthoredBackendOrWord, E> {
                Ok(AuthoredBackendOrWord::Word(word.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AuthoredBackendOrWord, A::Error> {
                AuthoredBackend::deserialize(MapAccessDeserializer::new(map))
                    .map(AuthoredBackendOrWord::Mapping)
            }
        }
        deserializer.deserialize_any(Backend)
    }
}

impl JsonSchema for AuthoredBackendOrWord {
    fn schema_name() -> Cow<'static, str> {
        "Backend".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let kind = generator.subschema_for::<BackendWord>();
        json_schema!({
            "description": "Where dreams happen: `local`, `managed_agents`, or a mapping with `kind`.",
            "type": ["string", "object"],
            "if": { "type": "string" },
            "then": { "enum": ["local", "managed_agents"] },
            "properties": {
                "kind": kind,
                "database": {
                    "description": "For `local`: the backend's own database, `.dreamrun/local.db` by default.",
                    "type": "string",
                    "minLength": 1
                },
                "base_url": {
                    "description": "For `managed_agents`: the server, if not the public one.",
                    "type": "string",
                    "minLength": 1
                },
                "workspace": {
                    "description": "For `managed_agents`: the workspace, for keys that can act in several.",
                    "type": "string",
                    "minLength": 1
                },
                "key_header": {
                    "description": "For `managed_agents`: the header that carries the key, `bearer` by default; `x-api-key` for servers that know no other.",
                    "enum": ["bearer", "x-api-key"]
                }
            },
            "required": ["kind"],
            "additionalProperties": false
        })
    }
}
