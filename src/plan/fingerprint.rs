//! What a plan was made from, and how two plans differ.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::memory::ContentHash;
use crate::spec::pipeline::{Pipeline, SessionInput, Since, StoreRef};

/// The definition behind a plan: each part by name, in words short enough to show.
///
/// It is kept in state, so free text, which may find its way into instructions, is in it by hash only.
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
        // Named one by one, so that a new field has to be decided upon.
        let Pipeline {
            file: _,
            name: _,
            description,
            model,
            vars,
            store,
            sessions,
            instructions: _,
            batch,
            budget,
            gates,
            min_interval,
            adopt,
        } = pipeline;
        let SessionInput { sources, since, order, take, min } = sessions;
        let mut parts = BTreeMap::new();
        let mut part = |name: &str, value: String| parts.insert(name.to_owned(), value);
        part("description", short_hash(description));
        part("model", model.clone());
        for (name, value) in vars {
            part(&format!("vars.{name}"), shown(value));
        }
        part(
            "input.store",
            match store {
                StoreRef::Alias(alias) => alias.to_string(),
                StoreRef::Raw(id) => format!("raw {id}"),
            },
        );
        part("input.sessions.sources", json(sources));
        part(
            "input.sessions.since",
            match since {
                Since::Beginning => "beginning".to_owned(),
                Since::LastAdopted => "last_adopted".to_owned(),
                Since::Instant(instant) => instant.to_string(),
                Since::Within(span) => format!("{span:#}"),
            },
        );
        part("input.sessions.order", json(order));
        part("input.sessions.take", json(take));
        part("input.sessions.min", json(min));
        part("instructions", pipeline.template_hash().map_or_else(none, |hash| hash.short()));
        part("batch", json(batch));
        part("budget", budget.map_or_else(none, |usd| usd.to_string()));
        part("schedule.min_interval", min_interval.map_or_else(none, |span| format!("{span:#}")));
        part("adopt", json(adopt));
        for gate in gates {
            part(&format!("gates.{}", gate.name()), json(&gate.without_places()));
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

fn none() -> String {
    "none".to_owned()
}

/// Shows a variable. Text may be part of the instructions, so only its hash is kept.
fn shown(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
            value.to_string()
        }
        text => short_hash(&text.to_string()),
    }
}

fn short_hash(text: &str) -> String {
    ContentHash::of(text).short()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| format!("unprintable: {error}"))
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use serde_json::json;

    use super::super::testing::{files, pipeline};
    use super::*;
    use crate::ids::{MemoryStoreId, PipelineName};
    use crate::price::Usd;
    use crate::spec::pipeline::{
        AdoptMode, Drift, GateSpec, Level, OnUnchanged, Order, Target, Template, Thresholds,
    };

    type Change = fn(&mut Pipeline);

    #[test]
    fn every_part_that_changes_is_named() {
        let table: [(&str, Change); 22] = [
            ("description", |p| p.description.push('!')),
            ("model", |p| p.model = "claude-sonnet-4-6".to_owned()),
            ("vars.keep_days", |p| _ = p.vars.insert("keep_days".to_owned(), json!(31))),
            ("vars.keep_days", |p| p.vars.clear()),
            ("vars.tone", |p| _ = p.vars.insert("tone".to_owned(), json!("dry"))),
            ("input.store", |p| p.store = StoreRef::Raw(MemoryStoreId::parse("support").unwrap())),
            ("input.sessions.sources", |p| p.sessions.sources.push(files("more/*"))),
            ("input.sessions.since", |p| p.sessions.since = Since::Beginning),
            ("input.sessions.since", |p| p.sessions.since = Since::Instant(Timestamp::UNIX_EPOCH)),
            ("input.sessions.since", |p| p.sessions.since = Since::Within(SignedDuration::from_hours(1))),
            ("input.sessions.order", |p| p.sessions.order = Order::Newest),
            ("input.sessions.take", |p| p.sessions.take = Some(1)),
            ("input.sessions.min", |p| p.sessions.min = 2),
            ("instructions", |p| p.instructions = Some(Template::new("Take care"))),
            ("instructions", |p| p.instructions = None),
            ("batch", |p| p.batch.size = 99),
            ("budget", |p| p.budget = Some(Usd::from_micros(1))),
            ("gates.protected", |p| {
                p.gates.push(GateSpec::Protected {
                    paths: Vec::new(),
                    statements: Vec::new(),
                    on_change: Level::Block,
                });
            }),
            ("gates.unchanged", |p| {
                p.gates.retain(|gate| gate.name() != "unchanged");
                p.gates.push(GateSpec::Unchanged(OnUnchanged::Review));
            }),
            ("schedule.min_interval", |p| p.min_interval = Some(SignedDuration::from_hours(1))),
            ("adopt", |p| p.adopt.drift = Drift::Block),
            ("adopt", |p| p.adopt.target = Target::Directory("memory".into())),
        ];
        let before = Fingerprint::of(&pipeline());
        for (part, change) in table {
            let mut changed = pipeline();
            change(&mut changed);
            let after = Fingerprint::of(&changed);
            let told = before.explain(&after);
            let names: Vec<_> = told.iter().map(|line| line.split(": ").next().unwrap()).collect();
            assert_eq!(names, [part], "{told:?}");
            assert_ne!(before.digest(), after.digest(), "{part}");
            assert_eq!(after.explain(&before).len(), 1, "{part}");
        }
    }

    #[test]
    fn what_changed_reads_as_old_and_new() {
        let mut changed = pipeline();
        changed.vars.insert("keep_days".to_owned(), json!(60));
        changed.adopt.mode = AdoptMode::Review;
        changed.gates.retain(|gate| gate.name() == "limits");
        changed.gates.push(GateSpec::EntriesAdded(Thresholds::default()));
        let told = Fingerprint::of(&pipeline()).explain(&Fingerprint::of(&changed));
        assert!(told.contains(&"vars.keep_days: 30 → 60".to_owned()), "{told:?}");
        assert!(told.iter().any(|line| line.starts_with("gates.secrets: ") && line.ends_with(" → not set")));
        assert!(told.iter().any(|line| line.starts_with("gates.entries_added: not set → ")));
    }

    #[test]
    fn a_pipeline_keeps_its_fingerprint_under_another_name_and_in_another_file() {
        let mut moved = pipeline();
        moved.name = PipelineName::parse("weekly").unwrap();
        moved.file = "pipelines/weekly.yaml".into();
        assert_eq!(Fingerprint::of(&pipeline()), Fingerprint::of(&moved));
    }

    #[test]
    fn free_text_is_kept_by_hash_only() {
        let mut pipeline = pipeline();
        pipeline.description = "zebra".to_owned();
        pipeline.instructions = Some(Template::new("zebra"));
        pipeline.vars.insert("text".to_owned(), json!("zebra"));
        pipeline.vars.insert("list".to_owned(), json!(["zebra"]));
        let written = serde_json::to_string(&Fingerprint::of(&pipeline)).unwrap();
        assert!(!written.contains("zebra"), "{written}");
    }
}
