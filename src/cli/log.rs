//! `dreamrun log`: what happened to a store, or to one memory of it, across dreams and renames.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::backend::PastMemory;
use crate::gate::threshold::percent;
use crate::ids::{Alias, MemoryStoreId, RunId};
use crate::journal::event::JournalEvent;
use crate::journal::run_state::Phase;
use crate::journal::{self, Journal};
use crate::ledger::record::{EntryRecord, EntryVersion};
use crate::ledger::{FateCounts, window};
use crate::memory::{ContentHash, MemoryPath};
use crate::report::fates::statements_in;
use crate::report::fates_text::counts_text;
use crate::report::life::{Chapter, Life, Step, life, steps};
use crate::report::life_text::{Words, life_text, some_paths, steps_text, when};
use crate::report::words::{Paint, count, grouped, line};
use crate::run::past::Past;
use crate::spec::suggest;
use crate::state::alias::{self, AliasRecord};
use crate::state::deeds::{self, Deed, Done};
use crate::state::{StateStore, ledger};

use super::Call;
use super::answer::Answer;
use super::console::Volume;
use super::exit::CliError;
use super::workspace::Workspace;

/// How far back losses are added up.
const WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The most entries of a store's log that are shown unless everything is asked for.
const SHOWN: usize = 20;

/// Options of `log`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The store, by its alias
    #[arg(value_name = "ALIAS")]
    alias: String,
    /// A memory, under any name it ever had; all runs of the store if none is given
    #[arg(value_name = "PATH")]
    path: Option<String>,
    /// Follow one statement instead, by its hash or the beginning of it
    #[arg(long, value_name = "HASH", conflicts_with = "path")]
    statement: Option<String>,
}

/// One run of the alias.
#[derive(Debug, Serialize)]
struct RunLine {
    run: RunId,
    at: Timestamp,
    phase: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_by: Option<String>,
    /// How many statements met which fate, once it was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    fates: Option<FateCounts>,
    /// Statements lost that were brought back since.
    restored: u64,
    /// Whether its adoption was taken back.
    is_undone: bool,
}

/// What the runs of a time lost together.
#[derive(Debug, Serialize)]
struct Losses {
    days: i64,
    lost: u64,
    of: u64,
}

#[derive(Debug, Serialize)]
struct StoreLog<'a> {
    alias: &'a Alias,
    live: Option<&'a MemoryStoreId>,
    losses: Losses,
    /// Newest first.
    runs: &'a [RunLine],
    /// What people did by hand, newest first.
    deeds: &'a [Deed],
}

#[derive(Debug, Serialize)]
struct MemoryLog<'a> {
    alias: &'a Alias,
    life: &'a Life,
    /// The words of statements that can still be had, redacted, by hash.
    words: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct StatementLog<'a> {
    alias: &'a Alias,
    statement: ContentHash,
    steps: &'a [Step],
    words: BTreeMap<String, String>,
}

/// The past of an alias, as state keeps it.
pub(super) struct History {
    pub(super) alias: Alias,
    pub(super) record: Option<AliasRecord>,
    /// The adopted runs, oldest first.
    pub(super) chapters: Vec<Chapter>,
    pub(super) deeds: Vec<Deed>,
    /// Every store the alias had something to do with, the live one first.
    pub(super) stores: Vec<MemoryStoreId>,
    runs: Vec<RunLine>,
}

impl History {
    /// Reads it.
    pub(super) async fn read(state: &dyn StateStore, alias: &Alias) -> Result<Self, CliError> {
        let record = alias::read(state, alias).await?.map(|(record, _)| record);
        let deeds = deeds::read(state, alias).await?;
        let mut stores: Vec<MemoryStoreId> = Vec::new();
        if let Some(record) = &record {
            stores.push(record.active.clone());
            stores.extend(record.previous.iter().map(|previous| previous.store.clone()));
        }
        let undone: BTreeSet<&RunId> = (record.iter().flat_map(|record| &record.losses))
            .filter(|losses| losses.is_undone)
            .map(|losses| &losses.run)
            .collect();
        let (mut chapters, mut runs) = (Vec::new(), Vec::new());
        for run in journal::runs(state, None).await? {
            if journal::alias_of(state, &run).await?.as_ref() != Some(alias) {
                continue;
            }
            let events = journal::read(state, &run).await?;
            let Some(begun) = events.first().map(|event| event.at) else { continue };
            let adopted_at = (events.iter())
                .find(|event| matches!(event.event, JournalEvent::Adopted { .. }))
                .map(|event| event.at);
            let judged_at = (events.iter().rev())
                .find(|event| matches!(event.event, JournalEvent::Judged { .. }))
                .map(|event| event.at);
            let Some(journal) = Journal::replay(&run, events)? else { continue };
            let run_state = journal.state();
            stores.extend(run_state.base.iter().map(|base| base.store.clone()));
            stores.extend(run_state.candidate.iter().map(|candidate| candidate.store.clone()));
            let is_undone = undone.contains(&run);
            runs.push(RunLine {
                run: run.clone(),
                at: adopted_at.or(judged_at).unwrap_or(begun),
                phase: run_state.phase.name(),
                approved_by: run_state.approval.as_ref().map(|approval| approval.by.clone()),
                fates: run_state.judgment.as_ref().and_then(|judgment| judgment.fates),
                restored: deeds::restored(&deeds, &run).len() as u64,
                is_undone,
            });
            if let (Phase::Adopted, Some(at)) = (&run_state.phase, adopted_at)
                && let Some(ledger) = ledger::read(state, alias, &run).await?
            {
                let before = run_state.base.as_ref().map(|base| base.index.clone());
                chapters.push(Chapter { at, ledger, before, after: run_state.intended.clone(), is_undone });
            }
        }
        chapters.sort_by_key(|chapter| chapter.at);
        runs.sort_by_key(|run| std::cmp::Reverse(run.at));
        let mut seen = BTreeSet::new();
        stores.retain(|store| seen.insert(store.clone()));
        Ok(Self { alias: alias.clone(), record, chapters, deeds, stores, runs })
    }

    /// Looks up the words of statements, by the memories of the chapters they stood in.
    pub(super) async fn words(
        &self,
        past: Past<'_>,
        wanted: &BTreeSet<ContentHash>,
    ) -> Result<Words, CliError> {
        let mut bodies: BTreeMap<ContentHash, (PastMemory, BTreeSet<ContentHash>)> = BTreeMap::new();
        for chapter in &self.chapters {
            let records = &chapter.ledger.statements;
            let entries = &chapter.ledger.entries;
            let by_path = |version: fn(&EntryRecord) -> Option<&EntryVersion>| -> BTreeMap<_, _> {
                entries.iter().filter_map(version).map(|version| (&version.path, version)).collect()
            };
            let sides = [by_path(|entry| entry.after.as_ref()), by_path(|entry| entry.before.as_ref())];
            let old = records.iter().map(|record| (true, &record.path, record.hash));
            let heirs = records.iter().flat_map(|record| &record.heirs);
            let new = heirs.map(|heir| (false, &heir.path, heir.hash));
            for (is_before, path, hash) in old.chain(new).filter(|(_, _, hash)| wanted.contains(hash)) {
                let Some(version) = sides[usize::from(is_before)].get(path) else { continue };
                let memory =
                    PastMemory { path: path.clone(), hash: version.hash, version: version.version.clone() };
                bodies.entry(version.hash).or_insert_with(|| (memory, BTreeSet::new())).1.insert(hash);
            }
        }
        let asked = bodies.values().map(|(memory, _)| memory.clone()).collect();
        let texts = past.texts(&self.stores, asked).await?;
        let mut words = Words::new();
        for (body, (_, statements)) in &bodies {
            let Some(text) = texts.get(body) else { continue };
            words.extend(statements_in(text, statements));
        }
        Ok(words)
    }
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let workspace = Workspace::open_project(call)?;
    let state = workspace.state_read_only(call).await?;
    let alias = find_alias(&workspace, state.as_deref(), &options.alias).await?;
    let Some(state) = state else { return Err(no_runs(&alias)) };
    let history = History::read(state.as_ref(), &alias).await?;
    if history.runs.is_empty() {
        return Err(no_runs(&alias));
    }
    let opened = workspace.backend(call, false)?;
    let archive = workspace.archive();
    let past = Past { backend: opened.backend.as_ref(), archive: archive.as_ref() };
    let paint = call.console.paint;
    let is_whole = call.console.volume == Volume::Verbose;
    if let Some(prefix) = &options.statement {
        return of_statement(call, &history, past, prefix, paint).await;
    }
    let Some(path) = &options.path else { return Ok(of_store(call, &history, is_whole, paint)) };
    let path =
        MemoryPath::normalise(&with_slash(path)).map_err(|error| CliError::usage(error.to_string()))?;
    let Some(life) = life(&path, &history.chapters, &history.deeds) else {
        return Err(unknown_memory(&history, &path));
    };
    let wanted = (life.events.iter().flat_map(|event| &event.statements))
        .flat_map(|record| record.heirs.iter().map(|heir| heir.hash).chain([record.hash]))
        .collect();
    let words = history.words(past, &wanted).await?;
    call.console.say(&life_text(&life, &words, is_whole, paint));
    let words = words.into_iter().map(|(hash, words)| (hash.to_string(), words)).collect();
    Ok(Answer::new("told", MemoryLog { alias: &alias, life: &life, words }))
}

fn of_store(call: &Call<'_>, history: &History, is_whole: bool, paint: Paint) -> Answer {
    let now = call.parts.clock().now();
    let losses = history.record.as_ref().map(|record| record.losses.as_slice()).unwrap_or_default();
    let (lost, of) = window::within(losses, WINDOW, now);
    let mut lines: Vec<(Timestamp, String)> =
        history.runs.iter().map(|run| (run.at, run_line(run, paint))).collect();
    lines.extend(history.deeds.iter().map(|deed| (deed.at, deed_line(deed, paint))));
    lines.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let mut text = String::new();
    let live = history.record.as_ref().map(|record| &record.active);
    let runs = count(history.runs.len() as u64, "run", "runs");
    let alias = &history.alias;
    let _ = writeln!(text, "{}: {runs}", paint.bold(alias.as_str()));
    let shown = if is_whole { lines.len() } else { SHOWN.min(lines.len()) };
    for (at, line) in &lines[..shown] {
        let _ = writeln!(text, "  {} {line}", when(Some(*at)));
    }
    if shown < lines.len() {
        let _ = writeln!(text, "  and {} before that; `-v` shows all", lines.len() - shown);
    }
    let share = percent(lost, of).map_or_else(String::new, |share| format!(", {share}"));
    let sum = format!("lost within 30 days: {} of {} statements{share}", grouped(lost), grouped(of));
    let _ = writeln!(text, "{}", if lost > 0 { paint.warn(&sum) } else { sum });
    call.console.say(&text);
    let deeds: Vec<Deed> = history.deeds.iter().rev().cloned().collect();
    let losses = Losses { days: 30, lost, of };
    Answer::new("told", StoreLog { alias, live, losses, runs: &history.runs, deeds: &deeds })
}

fn run_line(run: &RunLine, paint: Paint) -> String {
    let phase = run.phase.replace('_', " ");
    let mut line = format!("{} {phase}", run.run);
    if let Some(by) = &run.approved_by {
        let _ = write!(line, ", approved by {}", crate::report::words::line(by));
    }
    if let Some(fates) = &run.fates {
        let _ = write!(line, ": {}", counts_text(fates));
    }
    if run.restored > 0 {
        let _ = write!(line, "; {} restored since", grouped(run.restored));
    }
    if run.is_undone {
        let _ = write!(line, " {}", paint.warn("(taken back since)"));
    }
    line
}

fn deed_line(deed: &Deed, paint: Paint) -> String {
    let by = line(&deed.by);
    match &deed.what {
        Done::RolledBack { to, .. } => format!("{} to {to}, by {by}", paint.warn("rolled back")),
        Done::Restored { run, statements, .. } => {
            let statements = count(statements.len() as u64, "statement", "statements");
            format!("{} {statements} lost in {run}, by {by}", paint.good("restored"))
        }
        Done::BroughtBack { run, entries, .. } => {
            let paths: Vec<MemoryPath> = (entries.iter())
                .filter_map(|entry| entry.after.as_ref().or(entry.before.as_ref()))
                .map(|version| version.path.clone())
                .collect();
            let paths = some_paths(&paths, 3);
            format!("{} {paths} to before {run}, by {by}", paint.good("brought back"))
        }
    }
}

async fn of_statement(
    call: &Call<'_>,
    history: &History,
    past: Past<'_>,
    prefix: &str,
    paint: Paint,
) -> Result<Answer, CliError> {
    let wanted = prefix.to_lowercase();
    let records = history.chapters.iter().flat_map(|chapter| &chapter.ledger.statements);
    let known: BTreeSet<ContentHash> = records
        .flat_map(|record| record.heirs.iter().map(|heir| heir.hash).chain([record.hash]))
        .filter(|hash| hash.to_string().starts_with(&wanted))
        .collect();
    let hash = match (known.first(), known.len()) {
        (Some(hash), 1) => *hash,
        (None, _) => {
            return Err(CliError::usage(format!("no run did anything to a statement `{prefix}`")).hint(
                "`dreamrun log ALIAS PATH` shows the hashes; a statement that was always kept has none.",
            ));
        }
        (_, n) => return Err(CliError::usage(format!("`{prefix}` could be any of {n} statements"))),
    };
    let steps = steps(hash, &history.chapters, &history.deeds);
    let wanted = (steps.iter())
        .flat_map(|step| step.record.heirs.iter().map(|heir| heir.hash).chain([step.record.hash]))
        .collect();
    let words = history.words(past, &wanted).await?;
    call.console.say(&steps_text(&steps, &words, paint));
    let words = words.into_iter().map(|(hash, words)| (hash.to_string(), words)).collect();
    let log = StatementLog { alias: &history.alias, statement: hash, steps: &steps, words };
    Ok(Answer::new("told", log))
}

/// Finds an alias of the project, or one that state holds from elsewhere.
pub(super) async fn find_alias(
    workspace: &Workspace,
    state: Option<&dyn StateStore>,
    name: &str,
) -> Result<Alias, CliError> {
    let mut known: BTreeSet<Alias> = workspace.project.stores.keys().cloned().collect();
    if let Some(state) = state {
        known.extend(alias::list(state).await?);
    }
    if let Some(alias) = known.iter().find(|alias| alias.as_str() == name) {
        return Ok(alias.clone());
    }
    let names: Vec<&str> = known.iter().filter(|alias| !alias.is_raw()).map(Alias::as_str).collect();
    let error = CliError::usage(format!("the project has no store `{name}`"));
    Err(match suggest::nearest(name, names.iter().copied()) {
        Some(near) => error.hint(format!("Did you mean `{near}`?")),
        None => error.hint(format!("It has {}.", names.join(", "))),
    })
}

/// Returns a path as stores write it: with its leading slash, which people leave out, and its letters composed.
pub(super) fn with_slash(path: &str) -> String {
    let path = path.trim_end_matches('/');
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    MemoryPath::normalise(&path).map_or(path, |path| path.as_str().to_owned())
}

fn no_runs(alias: &Alias) -> CliError {
    CliError::usage(format!("`{alias}` has no run yet"))
        .hint("Start one with `dreamrun apply`; `dreamrun status` shows what is due.")
}

fn unknown_memory(history: &History, path: &MemoryPath) -> CliError {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for chapter in &history.chapters {
        let sides = chapter.ledger.entries.iter();
        known
            .extend(sides.flat_map(|entry| [&entry.before, &entry.after]).flatten().map(|v| v.path.as_str()));
        known.extend(chapter.before.iter().flat_map(|index| index.entries.keys()).map(MemoryPath::as_str));
    }
    let error = CliError::usage(format!("no adopted run of `{}` knows a memory `{path}`", history.alias));
    match suggest::nearest(path.as_str(), known.iter().copied()) {
        Some(near) => error.hint(format!("Did you mean `{near}`?")),
        None => error.hint(format!("`dreamrun log {}` shows its runs.", history.alias)),
    }
}
