//! `pipelines/*.yaml` as a whole: its name, model, store, variables, instructions and batches.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{adopt, gates, identifier, project, sessions};
use crate::dream::SESSIONS_PER_DREAM;
use crate::ids::{Alias, MemoryStoreId, PipelineName};
use crate::spec::LoadOptions;
use crate::spec::authored::{AuthoredBatch, AuthoredPipeline};
use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::pipeline::{AdoptMode, Batching, Pipeline, StoreRef, Template};
use crate::spec::problem::Problem;
use crate::spec::project::{BackendSpec, Project};
use crate::spec::quantity;
use crate::spec::route::{ROOT, Route};
use crate::spec::suggest::{nearest, one_of};
use crate::spec::template;

/// Checks a pipeline file against its project.
pub(in crate::spec) fn pipeline(
    authored: AuthoredPipeline,
    project: &Project,
    options: &LoadOptions,
    checker: &mut Checker<'_>,
) -> Option<Pipeline> {
    if checker.has(&ROOT.key("for_each")) {
        let problem = checker.at_key(
            Code::KeyNotAvailable,
            &ROOT.key("for_each"),
            "`for_each` is not available in this version",
        );
        checker.tell(problem.help("write one pipeline file for each target"));
    }
    let name = name(authored.name.as_deref(), checker);
    // A model that the profile sets was checked with the project file.
    let model = match (&project.model, authored.model) {
        (Some(profile), _) => Some(profile.clone()),
        (None, Some(own)) => {
            self::model(&own, &project.backend, options, &ROOT.key("model"), checker);
            Some(own)
        }
        (None, None) => None,
    };
    let vars = variables(authored.vars.unwrap_or_default(), checker);
    let input = ROOT.key("input");
    let authored_input = authored.input.unwrap_or_default();
    let store = authored_input.store.and_then(|text| store(&text, project, &input.key("store"), checker));
    let sessions = authored_input
        .sessions
        .and_then(|typed| sessions::sessions(typed, project, options, &input.key("sessions"), checker));
    let batch = batching(authored.batch.unwrap_or_default(), checker);
    let forget = match &store {
        Some(StoreRef::Alias(alias)) => project.stores.get(alias).and_then(|store| store.forget.as_deref()),
        _ => None,
    };
    let gates = gates::gates(authored.gates.unwrap_or_default(), forget, checker);
    let adopt = adopt::adopt(authored.adopt.unwrap_or_default(), project, checker);
    let own_budget = project::budget(authored.budget.as_ref(), &ROOT.key("budget"), checker);
    let budget = match (own_budget, project.budget) {
        (Some(own), Some(profile)) => Some(own.min(profile)),
        (own, profile) => own.or(profile),
    };
    let min_interval = authored.schedule.unwrap_or_default().min_interval.and_then(|text| {
        let schedule = ROOT.key("schedule");
        checker.take(Code::Duration, &schedule.key("min_interval"), quantity::duration(&text))
    });
    if let (Some(StoreRef::Raw(_)), Some(adopt)) = (&store, &adopt)
        && adopt.mode == AdoptMode::Auto
    {
        let problem = checker.at(Code::RawStoreAuto, &input.key("store"), "a raw id cannot follow adoption");
        checker.tell(
            problem
                .note("after the first adoption the next run would read the old store again")
                .help("name the store under `stores` in dreamrun.yaml and use the name here")
                .help("or set `adopt.mode: review`"),
        );
    }
    if let Some(sessions) = &sessions {
        let beyond = sessions.take.filter(|take| !batch.chain && *take > batch.size);
        if let Some(take) = beyond {
            let route = input.key("sessions");
            let label = format!("{take} sessions do not fit one dream of {}", batch.size);
            let problem = checker.at(Code::TakeBeyondBatch, &route.key("take"), label);
            checker.tell(problem.help("set `batch.chain: true` to dream in a chain, or lower `take`"));
        }
    }
    let description = authored.description.unwrap_or_default();
    let instructions = authored.instructions.map(|source| {
        let route = ROOT.key("instructions");
        let place = template::place_of(&checker.find(&route.steps()), &source, checker.file());
        Template { source, place: Some(place) }
    });
    if let (Some(template), Some(name), Some(model)) = (&instructions, &name, &model) {
        let take = sessions.as_ref().and_then(|sessions| sessions.take);
        let declared = template::Declared {
            vars: &vars,
            name: name.as_str(),
            description: &description,
            model,
            batch,
            take,
        };
        template::tell(template, &declared, checker);
    }
    Some(Pipeline {
        file: checker.file().path().to_owned(),
        name: name?,
        description,
        model: model?,
        vars,
        store: store?,
        sessions: sessions?,
        instructions,
        batch,
        budget,
        gates,
        min_interval,
        adopt: adopt?,
    })
}

fn name(authored: Option<&str>, checker: &mut Checker<'_>) -> Option<PipelineName> {
    if let Some(name) = authored {
        return identifier(checker, Code::InvalidName, &ROOT.key("name"), PipelineName::parse(name));
    }
    if checker.has(&ROOT.key("name")) {
        return None;
    }
    let stem = checker.file().path().file_stem().map(|stem| stem.to_string_lossy().into_owned());
    match PipelineName::parse(stem.unwrap_or_default()) {
        Ok(name) => Some(name),
        Err(_) => {
            let label = "the file's name is not a pipeline name, and `name` is not set";
            let problem = Problem::of_file(Code::InvalidName, checker.file().path(), label);
            checker.tell(problem.help("add `name:` with 1 to 64 of a-z, 0-9 and `-`"));
            None
        }
    }
}

/// Checks a model against the minds of the local backend; only the server knows its own models.
pub(super) fn model(
    model: &str,
    backend: &BackendSpec,
    options: &LoadOptions,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) {
    let minds = &options.known_minds;
    let is_mind = minds.iter().any(|mind| mind == model);
    match backend {
        BackendSpec::Local { .. } if !is_mind && !minds.is_empty() => {
            let known = minds.iter().map(String::as_str);
            let problem = match nearest(model, known.clone()) {
                Some(near) => checker
                    .at(Code::UnknownMind, route, "the local backend has no such model")
                    .help(format!("did you mean `{near}`?")),
                None => {
                    checker.at(Code::NeedsManagedAgents, route, "the local backend has no such model").help(
                        format!("use {}, or set `backend: managed_agents` in dreamrun.yaml", one_of(known)),
                    )
                }
            };
            checker.tell(problem);
        }
        BackendSpec::ManagedAgents(_) if is_mind => {
            let problem = checker.at(Code::NeedsLocal, route, "this is a model of the local backend");
            checker.tell(
                problem.help("give a model id of the server, or set `backend: local` in dreamrun.yaml"),
            );
        }
        _ => {}
    }
}

/// Reads a store as a pipeline names it: an alias of the project's, or a raw id.
pub(super) fn store(
    text: &str,
    project: &Project,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Option<StoreRef> {
    if text.starts_with("memstore_") {
        return identifier(checker, Code::InvalidId, route, MemoryStoreId::parse(text)).map(StoreRef::Raw);
    }
    let alias = Alias::parse(text).ok().filter(|alias| project.stores.contains_key(alias));
    if alias.is_none() {
        let known: Vec<&str> = project.stores.keys().map(Alias::as_str).collect();
        let problem = checker.at(Code::UnknownStore, route, "dreamrun.yaml has no store of this name");
        let problem = match nearest(text, known.iter().copied()) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None if known.is_empty() => problem.help("add it under `stores` in dreamrun.yaml"),
            None => problem.help(format!("use {}, or add it under `stores` in dreamrun.yaml", one_of(known))),
        };
        checker.tell(problem);
    }
    alias.map(StoreRef::Alias)
}

fn variables(authored: BTreeMap<String, Value>, checker: &mut Checker<'_>) -> BTreeMap<String, Value> {
    let vars = ROOT.key("vars");
    for name in authored.keys() {
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_name {
            let problem =
                checker.at_key(Code::VariableName, &vars.key(name), "templates cannot reach this name");
            let better: String =
                name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(64).collect();
            let help = if better.starts_with(|c: char| c.is_ascii_digit()) {
                "begin with a letter; use letters, digits and `_`".to_owned()
            } else {
                format!("write `{better}`")
            };
            checker.tell(problem.help(help));
        }
    }
    authored
}

fn batching(authored: AuthoredBatch, checker: &mut Checker<'_>) -> Batching {
    let limit = SESSIONS_PER_DREAM as u32;
    let size = authored.size.unwrap_or(limit);
    if !(1..=limit).contains(&size) {
        let batch = ROOT.key("batch");
        let problem =
            checker.at(Code::BatchSize, &batch.key("size"), format!("one dream reads 1 to {limit} sessions"));
        checker.tell(if size > limit {
            problem.help("set `size: 100` and `chain: true`: more sessions then make further dreams")
        } else {
            problem
        });
    }
    Batching { size: size.clamp(1, limit), chain: authored.chain.unwrap_or(false) }
}
