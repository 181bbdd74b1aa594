//! Gathering facts for a plan. Reads only.

use std::collections::{BTreeMap, BTreeSet};

use crate::backend::local::LocalBackend;
use crate::backend::{Backend, SessionQuery};
use crate::ids::{Alias, RunId, SessionId};
use crate::journal::run_state::RunState;
use crate::journal::{self, Journal};
use crate::plan::Plan;
use crate::plan::facts::{Facts, LastRun, SourceFacts, StoreFacts, source_key};
use crate::price::PriceTable;
use crate::spec::pipeline::{Pipeline, StoreRef};
use crate::spec::project::Bootstrap;
use crate::state::alias::{self, AliasRecord};
use crate::state::{StateError, StateStore};

use super::Call;
use super::exit::CliError;
use super::workspace::Workspace;

/// What state has on one pipeline.
#[derive(Debug)]
pub(super) struct Past {
    /// The alias, if it was bootstrapped.
    pub(super) alias: Option<AliasRecord>,
    /// The pipeline's last run.
    pub(super) last: Option<(RunId, RunState)>,
}

/// Reads what state has on a pipeline.
pub(super) async fn past(
    state: Option<&dyn StateStore>,
    pipeline: &Pipeline,
    alias: &Alias,
) -> Result<Past, CliError> {
    let Some(state) = state else { return Ok(Past { alias: None, last: None }) };
    let record = alias::read(state, alias).await?.map(|(record, _)| record);
    let last = match crate::journal::runs(state, Some(&pipeline.name)).await?.pop() {
        None => None,
        Some(run) => Journal::open(state, &run).await?.map(|journal| (run, journal.state().clone())),
    };
    Ok(Past { alias: record, last })
}

/// Gathers the facts for a plan.
pub(super) async fn facts(
    call: &Call<'_>,
    workspace: &Workspace,
    local: &LocalBackend,
    backend: &dyn Backend,
    pipeline: &Pipeline,
    past: &Past,
) -> Result<Facts, CliError> {
    let mut sources = BTreeMap::new();
    for source in &pipeline.sessions.sources {
        let query = SessionQuery { sources: vec![source.clone()], since: None };
        let listing = backend.sessions(&query).await?;
        // All lists of named sessions are one source.
        let facts: &mut SourceFacts = sources.entry(source_key(source)).or_default();
        facts.sessions.extend(listing.sessions);
        facts.unreadable.extend(listing.unreadable.into_iter().map(|u| (u.name, u.reason)));
    }
    Ok(Facts {
        now: call.parts.clock().now(),
        run_number: past.last.as_ref().map_or(1, |(run, _)| run.number() + 1),
        alias: past.alias.clone(),
        store: store(workspace, local, backend, pipeline, past).await?,
        sources,
        prices: PriceTable::builtin(),
        last_run: past
            .last
            .as_ref()
            .map(|(run, state)| LastRun { run: run.clone(), fingerprint: state.plan.fingerprint.clone() }),
    })
}

async fn store(
    workspace: &Workspace,
    local: &LocalBackend,
    backend: &dyn Backend,
    pipeline: &Pipeline,
    past: &Past,
) -> Result<StoreFacts, CliError> {
    let id = match (&past.alias, &pipeline.store) {
        (Some(record), _) => Some(record.active.clone()),
        (None, StoreRef::Raw(id)) => Some(id.clone()),
        (None, StoreRef::Alias(alias)) => match workspace.project.stores.get(alias).map(|s| &s.bootstrap) {
            Some(Bootstrap::Store(id)) => Some(id.clone()),
            Some(Bootstrap::Directory(folder)) => {
                let (snapshot, _) = local
                    .read_folder(&workspace.root.join(folder))
                    .map_err(|error| CliError::from(error.into_backend("read a folder")))?;
                return Ok(StoreFacts { id: None, entries: snapshot.len() as u64, bytes: snapshot.bytes() });
            }
            None => None,
        },
    };
    let Some(id) = id else {
        return Err(CliError::usage(format!(
            "pipeline `{}` names a store the project does not have",
            pipeline.name
        )));
    };
    let snapshot = backend.snapshot(&id).await?;
    Ok(StoreFacts { id: Some(id), entries: snapshot.len() as u64, bytes: snapshot.bytes() })
}

/// Makes sure the pipeline's alias exists, importing its folder if it was never imported.
pub(super) async fn bootstrap(
    call: &Call<'_>,
    workspace: &Workspace,
    local: &LocalBackend,
    state: &dyn StateStore,
    pipeline: &Pipeline,
    alias: &Alias,
) -> Result<AliasRecord, CliError> {
    if let Some((record, _)) = alias::read(state, alias).await? {
        return Ok(record);
    }
    let spec = workspace.project.stores.get(alias).map(|store| &store.bootstrap);
    let active = match (&pipeline.store, spec) {
        (StoreRef::Raw(id), _) | (StoreRef::Alias(_), Some(Bootstrap::Store(id))) => id.clone(),
        (StoreRef::Alias(_), Some(Bootstrap::Directory(folder))) => {
            let imported = local
                .import_folder(alias.as_str(), &workspace.root.join(folder))
                .map_err(|error| CliError::from(error.into_backend("import a folder")))?;
            for refused in &imported.refused {
                call.console.say(&format!(
                    "  {} {}: {}\n",
                    call.console.paint.warn("not imported:"),
                    crate::report::words::line(&refused.name),
                    crate::report::words::line(&refused.reason)
                ));
            }
            for (name, path) in &imported.renamed {
                call.console.say(&format!(
                    "  {} {} as {path}\n",
                    call.console.paint.warn("imported"),
                    crate::report::words::line(name)
                ));
            }
            imported.store
        }
        (StoreRef::Alias(_), None) => {
            return Err(CliError::usage(format!("the project has no store `{alias}`")));
        }
    };
    let record = AliasRecord::bootstrapped(active);
    match alias::write(state, alias, &record, crate::state::PutIf::Absent).await {
        Ok(_) => Ok(record),
        // Another process bootstrapped it in the meantime, to the same store.
        Err(StateError::Conflict { .. }) => Ok(alias::read(state, alias).await?.map_or(record, |(r, _)| r)),
        Err(error) => Err(error.into()),
    }
}

/// Counts the dreams that read sessions of a pipeline's first plan and that no run in state knows of. There
/// are some when state was lost, and then they would be paid for again.
pub(super) async fn forgotten(
    state: Option<&dyn StateStore>,
    backend: &dyn Backend,
    past: &Past,
    plan: &Plan,
) -> Result<u64, CliError> {
    if past.last.is_some() || plan.batches.is_empty() {
        return Ok(0);
    }
    let known = match state {
        Some(state) => journal::known_dreams(state, jiff::Timestamp::MIN).await?,
        None => BTreeSet::new(),
    };
    let planned: BTreeSet<&SessionId> = plan.batches.iter().flat_map(|batch| &batch.sessions).collect();
    let dreams = backend.dreams_since(jiff::Timestamp::UNIX_EPOCH).await?;
    let forgotten = dreams.iter().filter(|dream| {
        !known.contains(&dream.id) && dream.sessions.iter().any(|session| planned.contains(session))
    });
    Ok(forgotten.count() as u64)
}

/// Says that dreams were forgotten, if any were.
pub(super) fn warn_of_forgotten(call: &Call<'_>, workspace: &Workspace, forgotten: u64) {
    if forgotten == 0 {
        return;
    }
    call.console.say(&format!(
        "  {} {} on the backend read sessions of this plan, and state knows of no such run. If `{}` was \
         lost, restore it first, or they are paid for again\n",
        call.console.paint.warn("note:"),
        crate::report::words::count(forgotten, "dream", "dreams"),
        crate::report::words::line(&workspace.state_path().display().to_string()),
    ));
}
