//! What of state is lost and can be rebuilt: aliases from what stores say of themselves, runs from dreams
//! that nobody adopted. Rebuilt is what is clear; nothing that is there is touched.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::backend::BackendError;
use crate::backend::tags::ListedStore;
use crate::dream::{Dream, DreamStatus};
use crate::ids::{Alias, DreamId, MemoryStoreId, PipelineName, RunId, SessionId};
use crate::journal::run_state::Phase;
use crate::journal::{self, Journal};
use crate::plan::{Plan, from_dreams, settled};
use crate::report::words::count;
use crate::run::lineage::{Lineage, Traces, trace};
use crate::spec::pipeline::Pipeline;
use crate::spec::project::Bootstrap;
use crate::state::alias::{self, AliasRecord, Claim, Hold, PreviousStore};
use crate::state::driver::Acquired;
use crate::state::{Key, PutIf, StateError, StateStore};

use super::Check;
use crate::cli::Call;
use crate::cli::desk::Desk;
use crate::cli::exit::{CliError, ExitCode};
use crate::cli::gather::{Asked, Past, Sources};
use crate::cli::opened::Opened;
use crate::cli::workspace::{Workspace, alias_of};

/// An alias that state has lost, and what it can be rebuilt as.
pub(super) struct Lost {
    alias: Alias,
    /// What state holds in its place: nothing, or something that cannot be read.
    when: PutIf,
    record: AliasRecord,
    /// The run that takes in what was dreamt and not adopted.
    run: Option<Box<Plan>>,
    sessions: usize,
    presumed: usize,
    notes: Vec<String>,
}

/// What was rebuilt, for programs.
#[derive(Debug, Serialize)]
pub(super) struct Rebuilt {
    alias: Alias,
    record: AliasRecord,
    /// The run that takes in what was dreamt and not adopted.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunId>,
    /// Sessions that count as read.
    sessions: usize,
}

/// What there is to rebuild, and what stands in the way of it.
#[derive(Default)]
pub(super) struct Found {
    pub(super) lost: Vec<Lost>,
    pub(super) unclear: Vec<Check>,
}

/// Looks for aliases of the project that state does not know, and for what tells of them.
pub(super) async fn look(
    call: &Call<'_>,
    workspace: &Workspace,
    opened: &Opened,
    state: Option<&dyn StateStore>,
) -> Result<Found, CliError> {
    let mut missing = Vec::new();
    let mut found = Found::default();
    for name in workspace.project.stores.keys() {
        match unreadable(state, name).await? {
            Standing::Fine(record) if opened.is_of(&record) => {
                found.unclear.extend(gone(opened, name, &record).await?);
            }
            // That it is about another backend is said elsewhere.
            Standing::Fine(_) => {}
            Standing::Lost(when, damage) => missing.push((name, when, damage)),
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    let stores = opened.backend.stores().await?;
    let dreams = opened.backend.dreams_since(jiff::Timestamp::UNIX_EPOCH).await?;
    let known = match state {
        Some(state) => journal::known_dreams(state, jiff::Timestamp::MIN).await?,
        None => BTreeSet::new(),
    };
    let asked = Asked::in_one_moment();
    let sources = Sources { call, workspace, opened, state, asked: &asked };
    let rebuilder = Rebuilder { sources, stores: &stores, dreams: &dreams, known: &known };
    for (name, when, damage) in missing {
        match rebuilder.rebuild(name, when).await? {
            Outcome::Nothing => found.unclear.extend(damage.map(damaged)),
            Outcome::Lost(lost) => found.lost.push(*lost),
            Outcome::Unclear(check) => found.unclear.push(*check),
        }
    }
    Ok(found)
}

enum Standing {
    Fine(Box<AliasRecord>),
    /// Nothing that can be read is there, and this is how to put something in its place. What is there and
    /// cannot be read is said too.
    Lost(PutIf, Option<StateError>),
}

/// Says whether state knows an alias. One that it holds and that cannot be read is lost too.
async fn unreadable(state: Option<&dyn StateStore>, name: &Alias) -> Result<Standing, CliError> {
    let Some(state) = state else { return Ok(Standing::Lost(PutIf::Absent, None)) };
    Ok(match alias::read(state, name).await {
        Ok(Some((record, _))) => Standing::Fine(Box::new(record)),
        Ok(None) => Standing::Lost(PutIf::Absent, None),
        Err(error @ StateError::Damaged { .. }) => match state.get(&Key::alias(name)).await? {
            Some(damaged) => Standing::Lost(PutIf::Version(damaged.version), Some(error)),
            None => Standing::Lost(PutIf::Absent, None),
        },
        Err(error) => return Err(error.into()),
    })
}

/// Says that an alias cannot be read, and that nothing tells what it was.
fn damaged(error: StateError) -> Check {
    Check::of_error("aliases", error.into())
}

/// Says that the live store of an alias is not there, if it is not.
async fn gone(opened: &Opened, name: &Alias, record: &AliasRecord) -> Result<Option<Check>, CliError> {
    use crate::backend::Refusal::NotFound;
    match opened.backend.store(&record.active).await {
        Err(BackendError::Refused { kind: NotFound, .. }) => {
            let what = format!("`{name}` stands for `{}`, which the backend does not have", record.active);
            let check = Check::bad("aliases", ExitCode::RemoteFailed, what);
            Ok(Some(match record.previous.first() {
                Some(previous) => check.help(format!(
                    "`dreamrun rollback {name} --to {}` goes back to the store before.",
                    previous.store
                )),
                None => check.help("Restore the state file from a backup, or name the store that is live."),
            }))
        }
        Ok(_) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

enum Outcome {
    Nothing,
    Lost(Box<Lost>),
    Unclear(Box<Check>),
}

struct Rebuilder<'a> {
    sources: Sources<'a>,
    stores: &'a [ListedStore],
    dreams: &'a [Dream],
    known: &'a BTreeSet<DreamId>,
}

impl Rebuilder<'_> {
    async fn rebuild(&self, name: &Alias, when: PutIf) -> Result<Outcome, CliError> {
        let Some(root) = self.root(name) else { return Ok(Outcome::Nothing) };
        let (stores, dreams, known) = (self.stores, self.dreams, self.known);
        let lineage = match trace(&Traces { alias: name, root: &root, stores, dreams, known }) {
            Ok(Some(lineage)) => lineage,
            Ok(None) => return Ok(Outcome::Nothing),
            Err(unclear) => {
                let check = Check::bad("aliases", ExitCode::InDoubt, unclear.to_string());
                let check = check.help(format!(
                    "`{name}` is not in state and cannot be rebuilt so. Restore the state file from a backup, \
                     or delete the store that is not meant."
                ));
                return Ok(Outcome::Unclear(Box::new(check)));
            }
        };
        let pipelines: Vec<&Pipeline> = (self.sources.workspace.pipelines.values())
            .filter(|pipeline| alias_of(pipeline) == *name)
            .collect();
        let mut record = record_of(&lineage, self.sources.opened);
        let mut listed: BTreeMap<&PipelineName, BTreeSet<SessionId>> = BTreeMap::new();
        let mut watermarks = BTreeMap::new();
        let mut before: Vec<BTreeMap<_, _>> = vec![BTreeMap::new(); lineage.previous.len()];
        for pipeline in &pipelines {
            let facts = self.facts(pipeline, &record).await?;
            let sessions = facts.sources.values().flat_map(|source| &source.sessions);
            listed.insert(&pipeline.name, sessions.map(|session| session.id.clone()).collect());
            watermarks.extend(settled(pipeline, &facts, &lineage.read));
            for (earlier, before) in lineage.previous.iter().zip(&mut before) {
                before.extend(settled(pipeline, &facts, &earlier.read));
            }
        }
        record.watermarks = watermarks;
        for (previous, before) in record.previous.iter_mut().zip(before) {
            previous.watermarks = before;
        }
        let now = self.sources.call.parts.clock().now();
        match self.open_runs(name, &record).await?.as_slice() {
            [] => {}
            // Without its claim it could never move the alias, and what it paid for would be paid again.
            [run] => record.claim = Some(Claim { run: run.clone(), since: now, by: None }),
            several => {
                let names: Vec<String> = several.iter().map(|run| format!("`{run}`")).collect();
                let words = format!("several runs on `{name}` are not over: {}", names.join(", "));
                let check = Check::bad("aliases", ExitCode::InDoubt, words);
                let check = check.help("End all but one with `dreamrun cancel RUN`, then run this again.");
                return Ok(Outcome::Unclear(Box::new(check)));
            }
        }
        let mut lost = Lost {
            alias: name.clone(),
            when,
            record,
            run: None,
            sessions: lineage.read.len(),
            presumed: lineage.presumed,
            notes: Vec::new(),
        };
        match self.take_in(&lineage, &pipelines, &listed, &mut lost).await? {
            Some(check) => Ok(Outcome::Unclear(Box::new(check))),
            None => Ok(Outcome::Lost(Box::new(lost))),
        }
    }

    /// Returns the store that an alias began with.
    fn root(&self, name: &Alias) -> Option<MemoryStoreId> {
        let folder = match &self.sources.workspace.project.stores.get(name)?.bootstrap {
            Bootstrap::Store(id) => return Some(id.clone()),
            Bootstrap::Directory(folder) => self.sources.workspace.root.join(folder),
        };
        let local = self.sources.opened.local.as_ref()?;
        let imported = local.imported_as(name.as_str(), &folder).ok().flatten();
        // A folder that was moved since was imported under another name.
        let tagged = || {
            let tags = self.stores.iter().filter_map(|listed| listed.tags.as_ref());
            let roots: BTreeSet<_> = tags.filter(|tags| tags.alias == *name).map(|tags| &tags.root).collect();
            (roots.len() == 1).then(|| roots.into_iter().next().cloned()).flatten()
        };
        imported.or_else(tagged)
    }

    async fn facts(
        &self,
        pipeline: &Pipeline,
        record: &AliasRecord,
    ) -> Result<crate::plan::facts::Facts, CliError> {
        let last = match self.sources.state {
            Some(state) => journal::last(state, &pipeline.name).await?,
            None => None,
        };
        let last = match (self.sources.state, last) {
            (Some(state), Some(run)) => {
                Journal::open(state, &run).await?.map(|journal| (run, journal.state().clone()))
            }
            _ => None,
        };
        self.sources.facts(pipeline, &Past { alias: Some(record.clone()), last }).await
    }

    /// Plans the run that takes in what was dreamt over the live store and not adopted. Returns what stands
    /// in the way, if that is not clear.
    async fn take_in(
        &self,
        lineage: &Lineage,
        pipelines: &[&Pipeline],
        listed: &BTreeMap<&PipelineName, BTreeSet<SessionId>>,
        lost: &mut Lost,
    ) -> Result<Option<Check>, CliError> {
        // What no pipeline could have asked for was made by somebody else.
        let reads = |pipeline: &Pipeline, chain: &[Dream]| {
            let known = listed.get(&pipeline.name);
            let mut sessions = chain.iter().flat_map(|dream| &dream.sessions);
            sessions.all(|session| known.is_some_and(|known| known.contains(session)))
        };
        let chains: Vec<(&Vec<Dream>, Vec<&Pipeline>)> = (lineage.loose.iter())
            .map(|chain| (chain, pipelines.iter().copied().filter(|one| reads(one, chain)).collect()))
            .filter(|(_, by): &(_, Vec<_>)| !by.is_empty())
            .collect();
        let (chain, pipeline) = match chains.as_slice() {
            [] => return Ok(None),
            [(chain, by)] if by.len() == 1 => (*chain, by[0]),
            [(chain, by)] => {
                let names: Vec<String> = by.iter().map(|one| format!("`{}`", one.name)).collect();
                let what = format!(
                    "dream `{}` read sessions of {}, and nothing says which of them asked for it",
                    chain[0].id,
                    names.join(" and ")
                );
                return Ok(Some(Check::bad("aliases", ExitCode::InDoubt, what).help(undecided(&lost.alias))));
            }
            several => {
                let ids: Vec<String> =
                    several.iter().map(|(chain, _)| format!("`{}`", chain[0].id)).collect();
                let what = format!(
                    "{} read the live store of `{}`, and at most one of them can be adopted",
                    ids.join(", "),
                    lost.alias
                );
                return Ok(Some(Check::bad("aliases", ExitCode::InDoubt, what).help(undecided(&lost.alias))));
            }
        };
        let [head, followers @ ..] = chain.as_slice() else { return Ok(None) };
        let facts = self.facts(pipeline, &lost.record).await?;
        let is_open = facts.last_run.is_some() && self.has_open_run(pipeline).await?;
        match from_dreams(pipeline, &facts, head, followers, None) {
            Ok(plan) if plan.not_due.is_none() && !is_open => lost.run = Some(Box::new(plan)),
            Ok(_) => lost.notes.push(format!("dream {} is left as it is", head.id)),
            Err(error) => lost.notes.push(format!("not taken in: {error}")),
        }
        let at_work =
            chain.iter().filter(|dream| matches!(dream.status, DreamStatus::Pending | DreamStatus::Running));
        lost.notes.extend(at_work.map(|dream| format!("dream {} is still at work", dream.id)));
        Ok(None)
    }

    /// Lists the runs that had begun on what an alias is going to be, and are not over.
    async fn open_runs(&self, name: &Alias, record: &AliasRecord) -> Result<Vec<RunId>, CliError> {
        let Some(state) = self.sources.state else { return Ok(Vec::new()) };
        let mut open = Vec::new();
        for run in journal::recent(state, None).await? {
            let Some(journal) = Journal::open(state, &run).await? else { continue };
            let run_state = journal.state();
            let is_open = !run_state.is_released && run_state.phase != Phase::Planned;
            let is_here = run_state.base.as_ref().is_none_or(|base| base.store == record.active);
            if is_open && is_here && run_state.plan.alias() == *name {
                open.push(run);
            }
        }
        Ok(open)
    }

    async fn has_open_run(&self, pipeline: &Pipeline) -> Result<bool, CliError> {
        let Some(state) = self.sources.state else { return Ok(false) };
        let Some(run) = journal::last(state, &pipeline.name).await? else { return Ok(false) };
        Ok(!journal::is_over(state, &run).await?)
    }
}

fn undecided(alias: &Alias) -> String {
    format!(
        "`{alias}` is not in state and cannot be rebuilt so. Restore the state file from a backup, or cancel \
         the dreams that are not meant and delete the stores they wrote."
    )
}

/// Returns the record of an alias as its lineage tells it, but for the sessions of each source.
fn record_of(lineage: &Lineage, opened: &Opened) -> AliasRecord {
    let reason = "it had been rolled back when state was lost";
    let hold = lineage.brought_back_at.map(|since| Hold::new(since, "doctor", reason));
    let previous = lineage.previous.iter().map(|earlier| PreviousStore {
        store: earlier.store.clone(),
        adoption: earlier.adoption.clone(),
        retired_at: earlier.retired_at,
        copied_by: None,
        watermarks: BTreeMap::new(),
    });
    AliasRecord {
        origin: opened.origin(),
        generation: lineage.generation,
        revision: lineage.generation,
        adoption: lineage.adoption.clone(),
        previous: previous.collect(),
        last_finished: lineage.finished.clone(),
        hold,
        ..AliasRecord::bootstrapped(lineage.active.clone())
    }
}

impl Lost {
    /// Says what the alias would be.
    pub(super) fn check(&self) -> Check {
        let what =
            format!("`{}` is not in state, and its stores tell what it was: {}", self.alias, self.told());
        let check = Check::bad("aliases", ExitCode::InDoubt, what).help(format!(
            "`dreamrun doctor --fix` rebuilds it. Until then `dreamrun apply` begins `{}` anew, and pays again \
             for what was read.",
            self.alias
        ));
        self.noted(check)
    }

    fn rebuilt(&self) -> Check {
        self.noted(Check::good("aliases", format!("rebuilt `{}`: {}", self.alias, self.told())))
    }

    fn noted(&self, check: Check) -> Check {
        self.notes.iter().fold(check, |check, note| check.help(note.clone()))
    }

    fn told(&self) -> String {
        let record = &self.record;
        let mut told = match &record.adoption {
            Some(adoption) => format!("{}, adopted by {} at {:.0}", record.active, adoption.run, adoption.at),
            None => format!("{}, as it began", record.active),
        };
        if !record.previous.is_empty() {
            let before = count(record.previous.len() as u64, "store", "stores");
            told = format!("{told}; {before} before it");
        }
        if self.sessions > 0 {
            told = format!("{told}; {} read", count(self.sessions as u64, "session", "sessions"));
        }
        if self.presumed > 0 {
            told = format!("{told}, {} of them by dreams whose output is gone", self.presumed);
        }
        if record.hold.is_some() {
            told = format!("{told}; on hold, since it was rolled back");
        }
        if let Some(run) = &self.run {
            let dreams = count(run.batches.len() as u64, "dream", "dreams");
            told = format!("{told}; {dreams} not adopted, for run {} to take in", run.run);
        }
        told
    }
}

/// Writes what was agreed to: each run first, so that its dreams are known before anything may be due.
pub(super) async fn write(
    desk: &Desk<'_>,
    lost: Vec<Lost>,
    checks: &mut Vec<Check>,
) -> Result<Vec<Rebuilt>, CliError> {
    let mut rebuilt = Vec::new();
    let state = desk.state.as_ref();
    for one in lost {
        // The lock is asked for by its file alone: state has nothing on the alias that could be read.
        let Acquired::Yes(_lock) = desk.lock_file(&one.alias)? else {
            let what = format!("`{}` is driven by another process; nothing was rebuilt", one.alias);
            checks.push(Check::bad("aliases", ExitCode::LockBusy, what));
            continue;
        };
        if let Some(plan) = &one.run {
            Journal::begin(state, desk.call.parts.clock().now(), (**plan).clone()).await?;
        }
        alias::write(state, &one.alias, &one.record, one.when.clone()).await?;
        checks.push(one.rebuilt());
        let run = one.run.map(|plan| plan.run);
        rebuilt.push(Rebuilt { alias: one.alias, record: one.record, run, sessions: one.sessions });
    }
    Ok(rebuilt)
}
