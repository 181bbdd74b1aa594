//! What a plan was made from, and how two plans differ.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::memory::ContentHash;
use crate::spec::pipeline::{Pipeline, Since, StoreRef};

/// The definition behind a plan: each part by name, in words short enough to show.
///
/// One walk over the pipeline, [`Fingerprint::of`], serves both for comparing and for explaining, so
/// a part that counts is always a part that can be named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Fingerprint {
    parts: BTreeMap<String, String>,
}

impl Fingerprint {
    /// Takes the fingerprint of a pipeline.
    pub fn of(pipeline: &Pipeline) -> Self {
        let mut parts = BTreeMap::new();
        let mut part = |name: &str, value: String| parts.insert(name.to_owned(), value);
        part("model", pipeline.model.clone());
        part("vars", json(&pipeline.vars));
        part(
            "input.store",
            match &pipeline.store {
                StoreRef::Alias(alias) => alias.to_string(),
                StoreRef::Raw(id) => id.to_string(),
            },
        );
        let sessions = &pipeline.sessions;
        part("input.sessions.sources", json(&sessions.sources));
        part(
            "input.sessions.since",
            match &sessions.since {
                Since::Beginning => "beginning".to_owned(),
                Since::LastAdopted => "last_adopted".to_owned(),
                Since::Instant(instant) => format!("{instant:.0}"),
                Since::Within(span) => format!("{span:#}"),
            },
        );
        part("input.sessions.order", json(&sessions.order));
        part("input.sessions.take", json(&sessions.take));
        part("input.sessions.min", json(&sessions.min));
        part("instructions", pipeline.template_hash().map_or_else(|| "none".to_owned(), |hash| hash.short()));
        part("batch", json(&pipeline.batch));
        part("budget", pipeline.budget.map_or_else(|| "none".to_owned(), |usd| usd.to_string()));
        part("adopt", json(&pipeline.adopt));
        for gate in &pipeline.gates {
            part(&format!("gates.{}", gate.name()), json(gate));
        }
        Self { parts }
    }

    /// Returns one hash over all parts.
    pub fn digest(&self) -> ContentHash {
        ContentHash::of_parts(self.parts.iter().flat_map(|(k, v)| [k.as_bytes(), v.as_bytes()]))
    }

    /// Names every part in which `new` differs, as `model: offline → claude-sonnet-4-6`.
    pub fn explain(&self, new: &Self) -> Vec<String> {
        let names: std::collections::BTreeSet<&String> = self.parts.keys().chain(new.parts.keys()).collect();
        let show = |value: Option<&String>| value.map_or("not set", String::as_str).to_owned();
        names
            .into_iter()
            .map(|name| (name, self.parts.get(name), new.parts.get(name)))
            .filter(|(_, old, new)| old != new)
            .map(|(name, old, new)| format!("{name}: {} → {}", show(old), show(new)))
            .collect()
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| format!("unprintable: {error}"))
}
