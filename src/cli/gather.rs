//! Gathering facts for a plan. Reads only.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::{Mutex, OnceCell};

use crate::backend::{Backend, BackendError, Refusal, SessionListing, SessionQuery};
use crate::ids::{Alias, MemoryStoreId, PipelineName, RunId, SessionId};
use crate::journal::run_state::RunState;
use crate::journal::{self, Journal};
use crate::plan::facts::{Facts, LastRun, SourceFacts, StoreFacts, source_key};
use crate::plan::{Plan, plan};
use crate::spec::pipeline::{Pipeline, SessionSource, StoreRef};
use crate::spec::project::Bootstrap;
use crate::state::alias::{self, AliasRecord};
use crate::state::{StateError, StateStore};

use super::exit::{CliError, ExitCode};
use super::opened::Opened;
use super::workspace::{Workspace, alias_of};
use super::{Call, disk, lockfile};

/// What state has on one pipeline.
#[derive(Debug)]
pub(super) struct Past {
    /// The alias, if it was bootstrapped.
    pub(super) alias: Option<AliasRecord>,
    /// The pipeline's last run.
    pub(super) last: Option<(RunId, RunState)>,
}

impl Past {
    /// Returns the number that the next run of a pipeline gets: after every run that state names. An alias
    /// that was rebuilt names runs whose journals are lost.
    pub(super) fn next_number(&self, pipeline: &PipelineName) -> u32 {
        let named = self.alias.iter().flat_map(AliasRecord::runs).filter(|run| run.pipeline() == pipeline);
        let runs = self.last.iter().map(|(run, _)| run).chain(named);
        runs.map(RunId::number).max().map_or(1, |number| number + 1)
    }
}

/// Reads what state has on a pipeline.
pub(super) async fn past(
    state: Option<&dyn StateStore>,
    pipeline: &Pipeline,
    alias: &Alias,
) -> Result<Past, CliError> {
    let Some(state) = state else { return Ok(Past { alias: None, last: None }) };
    let open = async |run: RunId| {
        let journal = Journal::open(state, &run).await?;
        Ok::<_, CliError>(journal.map(|journal| (run, journal.state().clone())))
    };
    // Runs before the alias: what another machine does in between never leaves it a store that is not live any
    // more.
    let mut last = match crate::journal::last(state, &pipeline.name).await? {
        None => None,
        Some(run) => open(run).await?,
    };
    let record = alias::read(state, alias).await?.map(|(record, _)| record);
    // The run that has the store is the one to go on with, also where it began in between, or where another one was
    // planned that never got the store.
    let claim = record.as_ref().and_then(|record| record.claim.as_ref()).map(|claim| &claim.run);
    let is_other = |run: &&RunId| {
        run.pipeline() == &pipeline.name && last.as_ref().is_none_or(|(known, _)| known != *run)
    };
    if let Some(run) = claim.filter(is_other)
        && let Some((run, state)) = open(run.clone()).await?.filter(|(_, state)| !state.is_released)
    {
        last = Some((run, state));
    }
    Ok(Past { alias: record, last })
}

/// What was asked of a backend for one command, so that pipelines which need the same ask once.
#[derive(Default)]
pub(super) struct Asked {
    /// Sessions by source; kept only where all pipelines are looked at in one moment.
    listings: Option<Mutex<BTreeMap<SessionSource, SessionListing>>>,
    models: OnceCell<Option<Vec<String>>>,
    /// The sessions of each dream that no run in state knew of when they were first asked for.
    strangers: OnceCell<Vec<Vec<SessionId>>>,
}

impl Asked {
    /// Keeps the sessions too.
    pub(super) fn in_one_moment() -> Self {
        Self { listings: Some(Mutex::default()), ..Self::default() }
    }

    async fn sessions(
        &self,
        backend: &dyn Backend,
        source: &SessionSource,
    ) -> Result<SessionListing, BackendError> {
        let query = SessionQuery { sources: vec![source.clone()], since: None };
        let Some(listings) = &self.listings else { return backend.sessions(&query).await };
        let mut listings = listings.lock().await;
        if let Some(known) = listings.get(source) {
            return Ok(known.clone());
        }
        let listing = backend.sessions(&query).await?;
        listings.insert(source.clone(), listing.clone());
        Ok(listing)
    }
}

/// Up to how many pipelines that are applied together have their stores read with their text at once. The
/// texts of more would be held for as long as all of their dreams take.
const TEXTS_AT_ONCE: usize = 16;

/// What facts are gathered from.
pub(super) struct Sources<'a> {
    pub(super) call: &'a Call<'a>,
    pub(super) workspace: &'a Workspace,
    pub(super) opened: &'a Opened,
    pub(super) state: Option<&'a dyn StateStore>,
    pub(super) asked: &'a Asked,
}

impl Sources<'_> {
    /// Gathers the facts for a plan: no text of any memory is among them.
    pub(super) async fn facts(&self, pipeline: &Pipeline, past: &Past) -> Result<Facts, CliError> {
        let mut facts = self.facts_of_sources(pipeline, past).await?;
        facts.store = self.store(pipeline, past, false).await?;
        Ok(facts)
    }

    /// Gathers the facts for a plan that is carried out next, if it has anything to do. Then its run needs
    /// the text of every memory: a server that is asked for it now need not be asked for hashes before.
    pub(super) async fn facts_to_run(&self, pipeline: &Pipeline, past: &Past) -> Result<Facts, CliError> {
        let mut facts = self.facts_of_sources(pipeline, past).await?;
        let may_read = self.opened.remote.is_some() && self.workspace.pipelines.len() <= TEXTS_AT_ONCE;
        let is_due = may_read && plan(pipeline, &facts)?.not_due.is_none();
        facts.store = self.store(pipeline, past, is_due).await?;
        Ok(facts)
    }

    /// Gathers the facts but for the store's, which takes the most requests.
    async fn facts_of_sources(&self, pipeline: &Pipeline, past: &Past) -> Result<Facts, CliError> {
        lockfile::unresolved(pipeline)?;
        let backend = self.opened.backend.as_ref();
        let models = self.asked.models.get_or_try_init(|| backend.models()).await?.clone();
        let mut sources = BTreeMap::new();
        for source in &pipeline.sessions.sources {
            // All lists of named sessions are one source, and so are the stores of an alias.
            let facts: &mut SourceFacts = sources.entry(source_key(source)).or_default();
            for source in self.real(source, pipeline, past).await? {
                let listing = self.asked.sessions(backend, &source).await?;
                let known: BTreeSet<SessionId> = facts.sessions.iter().map(|s| s.id.clone()).collect();
                facts.sessions.extend(listing.sessions.into_iter().filter(|s| !known.contains(&s.id)));
                facts.unmatched.extend(listing.unmatched);
                facts.unreadable.extend(listing.unreadable.into_iter().map(|u| (u.name, u.reason)));
            }
        }
        Ok(Facts {
            now: self.call.parts.clock().now(),
            run_number: past.next_number(&pipeline.name),
            alias: past.alias.clone(),
            store: StoreFacts { id: None, entries: 0, bytes: 0, hash: None },
            sources,
            prices: self.workspace.project.prices.clone(),
            models,
            last_run: past.last.as_ref().map(|(run, state)| LastRun {
                run: run.clone(),
                fingerprint: state.plan.fingerprint.clone(),
                sessions: state.plan.batches.iter().flat_map(|batch| batch.sessions.clone()).collect(),
            }),
        })
    }

    /// Returns a source as the backend knows it. An alias is the store it stands for and those it stood for
    /// before, as long as they are kept: sessions that mounted one of them were about the same memory.
    async fn real(
        &self,
        source: &SessionSource,
        pipeline: &Pipeline,
        past: &Past,
    ) -> Result<Vec<SessionSource>, CliError> {
        let SessionSource::Store(StoreRef::Alias(alias)) = source else { return Ok(vec![source.clone()]) };
        let record = match self.state {
            _ if past.alias.is_some() && *alias == alias_of(pipeline) => past.alias.clone(),
            Some(state) => alias::read(state, alias).await?.map(|(record, _)| record),
            None => None,
        };
        let spec = self.workspace.project.stores.get(alias);
        let stores = match (record, spec.map(|spec| (&spec.bootstrap, spec.keep_previous))) {
            (Some(record), spec) => {
                self.opened.check_origin(alias, &record)?;
                let kept = spec.map_or(0, |(_, keep)| keep as usize);
                let before = record.previous.into_iter().take(kept).map(|previous| previous.store);
                std::iter::once(record.active).chain(before).collect()
            }
            (None, Some((Bootstrap::Store(id), _))) => vec![id.clone()],
            (None, _) => Vec::new(),
        };
        Ok(stores.into_iter().map(|id| SessionSource::Store(StoreRef::Raw(id))).collect())
    }

    async fn store(
        &self,
        pipeline: &Pipeline,
        past: &Past,
        with_texts: bool,
    ) -> Result<StoreFacts, CliError> {
        let id = match (&past.alias, &pipeline.store) {
            (Some(record), _) => record.active.clone(),
            (None, StoreRef::Raw(id)) => id.clone(),
            (None, StoreRef::Alias(alias)) => {
                match self.workspace.project.stores.get(alias).map(|store| &store.bootstrap) {
                    Some(Bootstrap::Store(id)) => id.clone(),
                    Some(Bootstrap::Directory(folder)) => {
                        disk::check_folder(&self.workspace.root, alias, folder)?;
                        let folder = self.workspace.root.join(folder);
                        let (snapshot, report) =
                            self.opened.read_folder(self.call, &self.workspace.root, &folder)?;
                        for refused in &report.refused {
                            self.call.console.say(&format!(
                                "  {} {}: {}\n",
                                self.call.console.paint.warn("not a memory:"),
                                crate::report::words::line(&refused.name),
                                crate::report::words::line(&refused.reason)
                            ));
                        }
                        let (entries, bytes) = (snapshot.len() as u64, snapshot.bytes());
                        let hash = Some(snapshot.hash());
                        return Ok(StoreFacts { id: None, entries, bytes, hash });
                    }
                    None => {
                        return Err(CliError::usage(format!(
                            "pipeline `{}` names a store the project does not have",
                            pipeline.name
                        )));
                    }
                }
            }
        };
        let backend = self.opened.backend.as_ref();
        let (entries, bytes, hash) = if with_texts {
            let snapshot = backend.snapshot(&id).await.map_err(|error| gone(error, &id))?;
            (snapshot.len(), snapshot.bytes(), snapshot.hash())
        } else {
            let index = backend.index(&id).await.map_err(|error| gone(error, &id))?;
            (index.entries.len(), index.bytes(), index.hash())
        };
        Ok(StoreFacts { entries: entries as u64, bytes, id: Some(id), hash: Some(hash) })
    }
}

/// Says which store a backend does not have.
fn gone(error: BackendError, id: &MemoryStoreId) -> CliError {
    match error {
        BackendError::Refused { kind: Refusal::NotFound, .. } => {
            CliError::from(error).hint(format!("The store is `{id}`; this key must be of its workspace."))
        }
        error => error.into(),
    }
}

/// Makes sure the pipeline's alias exists, importing its folder if it was never imported.
pub(super) async fn bootstrap(
    call: &Call<'_>,
    workspace: &Workspace,
    opened: &Opened,
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
            let Some(local) = &opened.local else {
                return Err(CliError::usage(format!(
                    "only the local backend imports folders, as for `{alias}`"
                )));
            };
            disk::check_folder(&workspace.root, alias, folder)?;
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
    if opened.remote.is_some() {
        let store = opened.backend.store(&active).await.map_err(|error| gone(error, &active))?;
        if store.archived_at.is_some() {
            return Err(CliError::new(
                ExitCode::RemoteFailed,
                format!("`{active}` is archived: no dream may read it"),
            )
            .hint(format!("Give another store for `{alias}`.")));
        }
    }
    let record = AliasRecord { origin: opened.origin(), ..AliasRecord::bootstrapped(active) };
    match alias::write(state, alias, &record, crate::state::PutIf::Absent).await {
        Ok(_) => Ok(record),
        // Another process bootstrapped it in the meantime, to the same store.
        Err(StateError::Conflict { .. }) => Ok(alias::read(state, alias).await?.map_or(record, |(r, _)| r)),
        Err(error) => Err(error.into()),
    }
}

/// Counts the dreams that read sessions of a pipeline's first plan and that no run in state knows of. There
/// are some when state was lost, and then they would be paid for again. Asks once in a command: no run that
/// it begins has a dream before.
pub(super) async fn forgotten(
    state: Option<&dyn StateStore>,
    backend: &dyn Backend,
    asked: &Asked,
    past: &Past,
    plan: &Plan,
) -> Result<u64, CliError> {
    if past.last.is_some() || plan.batches.is_empty() {
        return Ok(0);
    }
    let strangers = asked.strangers.get_or_try_init(|| strangers(state, backend)).await?;
    let planned: BTreeSet<&SessionId> = plan.batches.iter().flat_map(|batch| &batch.sessions).collect();
    let forgotten =
        strangers.iter().filter(|sessions| sessions.iter().any(|session| planned.contains(session)));
    Ok(forgotten.count() as u64)
}

/// Returns the sessions of each dream that no run in state knows of.
async fn strangers(
    state: Option<&dyn StateStore>,
    backend: &dyn Backend,
) -> Result<Vec<Vec<SessionId>>, CliError> {
    let dreams = backend.dreams_since(jiff::Timestamp::UNIX_EPOCH).await?;
    let known = match state {
        Some(state) if !dreams.is_empty() => journal::known_dreams(state, jiff::Timestamp::MIN).await?,
        _ => BTreeSet::new(),
    };
    let strangers = dreams.into_iter().filter(|dream| !known.contains(&dream.id));
    Ok(strangers.map(|dream| dream.sessions).collect())
}

/// Says that dreams were forgotten, if any were.
pub(super) fn warn_of_forgotten(call: &Call<'_>, workspace: &Workspace, forgotten: u64) {
    if forgotten == 0 {
        return;
    }
    call.console.say(&format!(
        "  {} {} on the backend read sessions of this plan, and state knows of no such run. If `{}` was \
         lost, restore it or rebuild it first (`dreamrun doctor --fix`), or they are paid for again\n",
        call.console.paint.warn("note:"),
        crate::report::words::count(forgotten, "dream", "dreams"),
        crate::report::words::line(&workspace.state_name()),
    ));
}
