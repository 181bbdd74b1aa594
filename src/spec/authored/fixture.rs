//! `pipelines/*.test.yaml` as typed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::session::SessionStatus;
use crate::spec::fixture::{DecisionWord, OutcomeWord};

/// Fixture tests of one pipeline: `pipelines/NAME.test.yaml` tests `pipelines/NAME.yaml`, offline.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Tests")]
pub struct AuthoredTests {
    /// The format of this file. Always 1.
    #[schemars(required, range(min = 1, max = 1))]
    pub dreamrun: Option<u64>,
    /// What the gates are to say of a store before a dream and after it.
    #[schemars(length(min = 1))]
    pub cases: Option<Vec<AuthoredCase>>,
    /// What is to be planned from the sessions that wait.
    #[schemars(length(min = 1))]
    pub plans: Option<Vec<AuthoredPlanCase>>,
}

/// A store before and after a dream, and what the gates are to say of it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Case")]
pub struct AuthoredCase {
    /// What the case shows, in a clause; no two of a file are the same.
    #[schemars(required, length(min = 1))]
    pub name: Option<String>,
    /// The live store.
    #[schemars(required)]
    pub before: Option<AuthoredStoreText>,
    /// The candidate. Without it, the live store with `write` and `remove` carried out.
    pub after: Option<AuthoredStoreText>,
    /// Memories that the candidate holds in place of, or besides, those of the live store.
    pub write: Option<BTreeMap<String, String>>,
    /// Memories of the live store that the candidate lacks: paths, or globs such as `/notes/**`.
    pub remove: Option<Vec<String>>,
    /// What the sessions said that the dream read.
    pub sayings: Option<Vec<AuthoredSaying>>,
    /// What earlier runs lost, oldest first.
    pub losses: Option<Vec<AuthoredLosses>>,
    /// What the run has cost, in US dollars.
    #[schemars(range(min = 0.0))]
    pub spent_usd: Option<f64>,
    /// The time of the judgment: a date, or a time with its zone. 2026-01-01 if left out.
    pub now: Option<String>,
    /// What is to come of it.
    #[schemars(required)]
    pub expect: Option<AuthoredExpect>,
}

/// One thing that was said in a session: exactly one of `user`, `agent` and `tool`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Saying")]
pub struct AuthoredSaying {
    /// What a person said.
    pub user: Option<String>,
    /// What the agent said.
    pub agent: Option<String>,
    /// What a tool put out.
    pub tool: Option<String>,
    /// When: a date, or a time with its zone.
    pub at: Option<String>,
}

/// What an earlier run lost.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Losses")]
pub struct AuthoredLosses {
    /// Statements that were lost.
    #[schemars(required)]
    pub lost: Option<u64>,
    /// Statements the store had before it.
    #[schemars(required, range(min = 1))]
    pub of: Option<u64>,
    /// How long before `now` it was adopted, such as `3d`.
    #[schemars(required)]
    pub ago: Option<String>,
}

/// What is to come of a candidate. What is not named is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Expect")]
pub struct AuthoredExpect {
    /// What becomes of the candidate, with the pipeline's own mode of adoption.
    pub decision: Option<DecisionWord>,
    /// What each gate answers, by name.
    pub gates: Option<BTreeMap<String, OutcomeWord>>,
    /// How many statements of the live store meet each fate.
    pub fates: Option<AuthoredFates>,
    /// Places that a gate's findings name, by gate: `/path` or `/path:line`.
    pub findings: Option<BTreeMap<String, Vec<String>>>,
}

/// How many statements meet each fate.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Fates")]
pub struct AuthoredFates {
    /// In the same words at the same path.
    pub kept: Option<u64>,
    /// In the same words at another path.
    pub moved: Option<u64>,
    /// In other words.
    pub reworded: Option<u64>,
    /// Carried on by several.
    pub merged: Option<u64>,
    /// Replaced by a newer value.
    pub superseded: Option<u64>,
    /// Dropped by a rule.
    pub dropped: Option<u64>,
    /// Lost.
    pub lost: Option<u64>,
    /// Statements of the candidate that carry on none of the live store's.
    pub new: Option<u64>,
}

/// Sessions that wait, and what is to be planned from them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PlanCase")]
pub struct AuthoredPlanCase {
    /// What the case shows, in a clause; no two of a file are the same.
    #[schemars(required, length(min = 1))]
    pub name: Option<String>,
    /// The sessions of the pipeline's first source: how many, a minute apart and the last an hour before
    /// `now`; or each by itself.
    #[schemars(required)]
    pub sessions: Option<AuthoredSessionList>,
    /// The time of the plan: a date, or a time with its zone. 2026-01-01 if left out.
    pub now: Option<String>,
    /// The live store.
    pub live: Option<AuthoredLive>,
    /// When the pipeline last brought a run to its end: a date, or a time with its zone.
    pub last_run: Option<String>,
    /// The number of the run; 1 if left out.
    #[schemars(range(min = 1))]
    pub run: Option<u32>,
    /// What is to be planned.
    #[schemars(required)]
    pub expect: Option<AuthoredPlanExpect>,
}

/// One session that waits.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WaitingSession")]
pub struct AuthoredWaiting {
    /// Its id; `session-001` and so on if left out.
    #[schemars(length(min = 1))]
    pub id: Option<String>,
    /// When it began: a date, or a time with its zone.
    #[schemars(required)]
    pub at: Option<String>,
    /// How much there is to read; 1,000 tokens if left out.
    pub tokens: Option<u64>,
    /// Whether it can still grow; `idle` if left out.
    pub status: Option<SessionStatus>,
    /// Whether it was archived.
    pub archived: Option<bool>,
}

/// How much the live store holds.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Live")]
pub struct AuthoredLive {
    /// Memories.
    pub entries: Option<u64>,
    /// Their bytes.
    pub bytes: Option<u64>,
}

/// What is to be planned. What is not named is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "PlanExpect")]
pub struct AuthoredPlanExpect {
    /// Whether there is anything to do.
    pub due: Option<bool>,
    /// Text that stands in the reason why nothing is to be done.
    #[schemars(length(min = 1))]
    pub not_due: Option<String>,
    /// How many sessions each dream reads, in order.
    pub batches: Option<Vec<u32>>,
    /// How many sessions stay out.
    pub left_out: Option<u64>,
    /// What stands in the instructions of a dream.
    pub instructions: Option<Vec<AuthoredRendered>>,
    /// The most the run may cost, in US dollars, by the estimate.
    #[schemars(range(min = 0.0))]
    pub at_most_usd: Option<f64>,
    /// Text that stands in the error when no plan can be made.
    #[schemars(length(min = 1))]
    pub refused: Option<String>,
}

/// What stands in the instructions of a dream.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Rendered")]
pub struct AuthoredRendered {
    /// Which dream, from 1; every one if left out.
    #[schemars(range(min = 1))]
    pub batch: Option<u32>,
    /// Texts that stand in them.
    pub contains: Option<Vec<String>>,
    /// Texts that do not.
    pub lacks: Option<Vec<String>>,
    /// The whole text, apart from space at its ends.
    pub text: Option<String>,
}

/// A store as typed: its memories, or a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthoredStoreText {
    /// A folder of the project.
    Folder(String),
    /// Memories by path.
    Memories(BTreeMap<String, String>),
}

impl<'de> Deserialize<'de> for AuthoredStoreText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Store;
        impl<'de> Visitor<'de> for Store {
            type Value = AuthoredStoreText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a folder, or a mapping of paths to texts")
            }
            fn visit_str<E: de::Error>(self, folder: &str) -> Result<AuthoredStoreText, E> {
                Ok(AuthoredStoreText::Folder(folder.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AuthoredStoreText, A::Error> {
                BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(AuthoredStoreText::Memories)
            }
        }
        deserializer.deserialize_any(Store)
    }
}

impl JsonSchema for AuthoredStoreText {
    fn schema_name() -> Cow<'static, str> {
        "StoreText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A folder of the project, or a mapping of memory paths to texts.",
            "type": ["string", "object"],
            "minLength": 1,
            "additionalProperties": { "type": "string" }
        })
    }
}

/// The sessions of a plan case as typed: how many, or each by itself.
#[derive(Debug, Clone, PartialEq)]
pub enum AuthoredSessionList {
    /// How many.
    Count(u64),
    /// Each by itself.
    Each(Vec<AuthoredWaiting>),
}

impl<'de> Deserialize<'de> for AuthoredSessionList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = AuthoredSessionList;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of sessions, or a list of them")
            }
            fn visit_u64<E: de::Error>(self, count: u64) -> Result<AuthoredSessionList, E> {
                Ok(AuthoredSessionList::Count(count))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<AuthoredSessionList, A::Error> {
                let mut each = Vec::new();
                while let Some(one) = list.next_element()? {
                    each.push(one);
                }
                Ok(AuthoredSessionList::Each(each))
            }
        }
        deserializer.deserialize_any(List)
    }
}

impl JsonSchema for AuthoredSessionList {
    fn schema_name() -> Cow<'static, str> {
        "WaitingSessions".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<AuthoredWaiting>();
        json_schema!({
            "description": "How many sessions wait, or a list of them.",
            "type": ["integer", "array"],
            "minimum": 0,
            "maximum": 100_000,
            "items": item
        })
    }
}
