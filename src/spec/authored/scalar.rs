//! Values that can be typed in two ways, each with its own reader and schema, because serde's
//! `untagged` would lose the error.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::{AuthoredBackend, BackendWord};

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
