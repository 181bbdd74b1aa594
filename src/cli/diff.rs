//! `dreamrun diff`: what a run changed and on what evidence, or how two stores or folders differ.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use crate::backend::folder::HIDDEN;
use crate::diff::{Change, DiffCounts, EntryDiff, StoreDiff, Totals};
use crate::dream::DreamChange;
use crate::gate::masked::MaskedMemory;
use crate::gate::secrets::redact;
use crate::ids::{Alias, MemoryStoreId, RunId};
use crate::journal::run_state::RunState;
use crate::ledger::forget::ForgetList;
use crate::ledger::record::RunLedger;
use crate::ledger::testimony::Testimony;
use crate::ledger::{Context, Fate, FateCounts, Ledger};
use crate::memory::MemoryPath;
use crate::report::diff_text::{Detail, Reasons, entry_text, head_text, masked_sides, standing};
use crate::report::fates::{FateRow, Fates, NewRow};
use crate::report::fates_text::{counts_text, lost_text, new_text, row_text};
use crate::report::kept;
use crate::report::three_way::{ThreeWay, has_three_ways, three_ways, three_ways_text};
use crate::report::words::{Paint, count, line};
use crate::run::past::Past;
use crate::snapshot::Snapshot;
use crate::spec;
use crate::state::alias::{self, AliasRecord};
use crate::state::{StateStore, ledger};
use crate::text::statement::Statement;

use super::answer::Answer;
use super::console::Volume;
use super::exit::{CliError, ExitCode};
use super::log::with_slash;
use super::opened::Opened;
use super::revise::{self, Review};
use super::workspace::Workspace;
use super::{Call, runs};

/// Options of `diff`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// A run; or two stores, each by alias, by id, or as a folder
    #[arg(value_name = "RUN | A B", num_args = 0..=2)]
    what: Vec<String>,
    /// Show whole lines as a unified diff
    #[arg(short = 'U', long)]
    unified: bool,
    /// Only entries at or below this path
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Say of each statement of this memory what became of it and why
    #[arg(long, value_name = "PATH", conflicts_with_all = ["unified", "path", "stat"])]
    why: Option<String>,
    /// Step through the statements of a run that waits: keep, drop or restore each
    #[arg(long, conflicts_with_all = ["unified", "path", "why", "stat"])]
    review: bool,
    /// Do to the statements of a run that waits what this file says
    #[arg(long, value_name = "FILE", conflicts_with_all = ["unified", "path", "why", "stat"])]
    decisions: Option<PathBuf>,
    /// Write all statements to decide on to this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["unified", "path", "why", "stat"])]
    decisions_out: Option<PathBuf>,
    /// Only counts
    #[arg(long, conflicts_with_all = ["unified", "path"])]
    stat: bool,
}

/// The `data` of a diff document. Memory text in it is redacted.
#[derive(Debug, Serialize)]
struct DiffView {
    before: String,
    after: String,
    counts: DiffCounts,
    entries: Vec<EntryView>,
    /// How many statements met which fate.
    fates: FateCounts,
    /// The statements that were lost; with `--why` every statement of the memory.
    statements: Vec<FateRow>,
    /// With `--why`: the new statements of the memory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    new: Vec<NewRow>,
    /// Memories of the first side whose text nobody keeps any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<MemoryPath>,
    /// What the dreams did and why, where the backend says.
    changes: Vec<DreamChange>,
    /// Of a run: the memories that both agents and the dream changed, three ways.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    three_way: Vec<ThreeWay>,
}

#[derive(Debug, Serialize)]
struct EntryView {
    path: MemoryPath,
    change: Change,
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_from: Option<MemoryPath>,
    removed: Vec<String>,
    added: Vec<String>,
}

/// Two sides of a comparison, and by what the fates of statements are judged.
#[derive(Default)]
struct Sides {
    names: (String, String),
    before: Snapshot,
    after: Snapshot,
    changes: Vec<DreamChange>,
    /// Of a run: what the sessions said that it read.
    testimony: Testimony,
    /// When a run was judged; for two stores, now.
    judged_at: Option<Timestamp>,
    /// What must be forgotten.
    forget: ForgetList,
    /// The run.
    run: Option<RunId>,
    missing: Vec<MemoryPath>,
    /// Of a run: what both agents and the dream changed.
    three_way: Vec<ThreeWay>,
    /// What was kept of a run whose candidate is deleted.
    kept: Option<RunLedger>,
    /// What that candidate held.
    kept_size: Totals,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    if options.review || options.decisions.is_some() || options.decisions_out.is_some() {
        let run = match options.what.as_slice() {
            [] => "latest",
            [run] => run,
            _ => return Err(CliError::usage("a review is of one run, not of two stores")),
        };
        let (decisions, decisions_out) = (options.decisions.as_deref(), options.decisions_out.as_deref());
        return revise::run(call, &Review { run, steps: options.review, decisions, decisions_out }).await;
    }
    let workspace = Workspace::open_project(call)?;
    let opened = workspace.backend(call, false)?;
    let state = workspace.state_read_only(call).await?;
    let state = state.as_deref();
    let sides = match options.what.as_slice() {
        [a, b] => {
            let before = one_side(&workspace, &opened, state, call, a).await?;
            let after = one_side(&workspace, &opened, state, call, b).await?;
            let forget = forget_list(&workspace, [a, b])?;
            let judged_at = Some(call.parts.clock().now());
            Sides { names: (a.clone(), b.clone()), before, after, forget, judged_at, ..Sides::default() }
        }
        [run] => of_run(&workspace, &opened, state, call, run).await?,
        _ => of_run(&workspace, &opened, state, call, "latest").await?,
    };
    let context = Context { testimony: &sides.testimony, forget: &sides.forget, now: sides.judged_at };
    let ledger = Ledger::of(&sides.before, &sides.after, &context);
    let fates = Fates::of(&ledger, &sides.before, &sides.after, &sides.testimony);
    let kept = sides.kept.as_ref();
    let rows_of = |is_wanted: &dyn Fn(&MemoryPath, Fate) -> bool| match kept {
        None => fates.rows(is_wanted),
        Some(kept) => {
            let mut rows = kept::rows(kept, fates.rows(|_, _| true), &sides.before, &sides.after);
            rows.retain(|row| is_wanted(&row.statement.path, row.fate));
            rows
        }
    };
    let mut diff = StoreDiff::between(&sides.before, &sides.after);
    let mut changes: Vec<DreamChange> = redacted(&sides);
    let below = options.path.as_deref().map(with_slash);
    let why = options.why.as_deref().map(with_slash);
    if let Some(kept) = kept {
        diff.entries.clear();
        diff.counts = entry_counts(kept, diff.counts.before, sides.kept_size);
    }
    if let Some(path) = below.as_ref().or(why.as_ref()) {
        let below = |candidate: &MemoryPath| is_at_or_below(candidate, path);
        diff.entries.retain(|entry| below(entry.path()) || entry.moved_from().is_some_and(below));
        changes.retain(|change| below(&change.path));
    }
    let paint = call.console.paint;
    let is_whole = call.console.volume == Volume::Verbose;
    let mut three_way = sides.three_way.clone();
    if let Some(path) = below.as_ref().or(why.as_ref()) {
        three_way.retain(|one| is_at_or_below(&one.path, path));
    }
    let mut text = head_text(&sides.names, &diff.counts, paint);
    let counts = kept.map_or(ledger.counts, |kept| kept.counts);
    let (statements, new) = match &why {
        Some(path) => {
            let below = |candidate: &MemoryPath| is_at_or_below(candidate, path);
            let (rows, new) = (rows_of(&|at, _| below(at)), fates.new_rows(below));
            if rows.is_empty() && new.is_empty() {
                return Err(CliError::usage(format!("neither side has statements at `{path}`"))
                    .hint("`dreamrun diff` names the memories that changed."));
            }
            let mut counts = fates.counts(below);
            if kept.is_some() {
                counts = FateCounts::default();
                rows.iter().for_each(|row| counts.add(row.fate));
            }
            text.push_str(&why_text(&rows, &new, &counts, &sides, is_whole, paint));
            (rows, new)
        }
        None => {
            let _ = writeln!(text, "statements: {}", counts_text(&counts));
            let lost = rows_of(&|at, fate| {
                fate == Fate::Lost && below.as_ref().is_none_or(|path| is_at_or_below(at, path))
            });
            if !options.stat {
                text.push_str(&entries_text(&diff, &changes, options, is_whole, paint));
                text.push_str(&losses_text(&lost, &sides, is_whole, paint));
                text.push_str(&three_ways_text(&three_way, is_whole, paint));
            }
            (lost, Vec::new())
        }
    };
    if !sides.missing.is_empty() {
        let memories = count(sides.missing.len() as u64, "memory", "memories");
        let _ = writeln!(
            text,
            "{} the text of {memories} is kept nowhere any more; {}",
            paint.warn("note:"),
            match kept {
                Some(_) => "what is told of their statements is as it was judged then",
                None => "they are compared as they are now",
            }
        );
    }
    call.console.say(&text);
    let view = DiffView {
        before: sides.names.0.clone(),
        after: sides.names.1.clone(),
        counts: diff.counts,
        entries: diff.entries.iter().map(EntryView::of).collect(),
        fates: counts,
        statements,
        new,
        missing: sides.missing.clone(),
        changes,
        three_way,
    };
    let is_same = kept.map_or(diff.is_empty(), |kept| kept.entries.is_empty());
    Ok(Answer::new(if is_same { "same" } else { "different" }, view))
}

/// Counts the entries that a run changed, by what was kept of it.
fn entry_counts(kept: &RunLedger, before: Totals, after: Totals) -> DiffCounts {
    let mut counts = DiffCounts { before, after, ..DiffCounts::default() };
    for entry in &kept.entries {
        match (&entry.before, &entry.after) {
            (Some(old), Some(new)) if old.path == new.path => counts.edited += 1,
            (Some(_), Some(_)) => counts.moved += 1,
            (Some(_), None) => counts.removed += 1,
            (None, _) => counts.added += 1,
        }
    }
    let touched = kept.entries.iter().filter(|entry| entry.before.is_some()).count() as u64;
    counts.unchanged = before.entries.saturating_sub(touched);
    counts
}

/// The most lost statements that are listed unless everything is asked for.
const LOST_SHOWN: usize = 20;

fn entries_text(
    diff: &StoreDiff,
    changes: &[DreamChange],
    options: &Options,
    is_whole: bool,
    paint: Paint,
) -> String {
    let detail = Detail { is_unified: options.unified, is_whole };
    let reasons = Reasons::of(changes);
    let mut text = String::new();
    for entry in &diff.entries {
        text.push('\n');
        text.push_str(&entry_text(entry, &reasons, detail, paint));
    }
    text
}

/// Names what was lost, and how to see why.
fn losses_text(lost: &[FateRow], sides: &Sides, is_whole: bool, paint: Paint) -> String {
    let Some(first) = lost.first() else { return String::new() };
    let shown = if is_whole { lost.len() } else { LOST_SHOWN.min(lost.len()) };
    let mut text = format!("\n{}:\n", count(lost.len() as u64, "statement lost", "statements lost"));
    text.push_str(&lost_text(&lost[..shown], paint));
    if shown < lost.len() {
        let _ = writeln!(text, "  and {} more; `-v` shows all", lost.len() - shown);
    }
    let run = sides
        .run
        .as_ref()
        .map_or_else(|| format!("{} {}", sides.names.0, sides.names.1), ToString::to_string);
    let command = format!("dreamrun diff {run} --why {}", first.statement.path);
    let _ = writeln!(text, "  {command:<44} {}", paint.dim("says of each statement what became of it"));
    text
}

/// Says of each statement of a memory what became of it, worst first.
fn why_text(
    rows: &[FateRow],
    new: &[NewRow],
    counts: &FateCounts,
    sides: &Sides,
    is_whole: bool,
    paint: Paint,
) -> String {
    let mut text = format!("statements: {}\n\n", counts_text(counts));
    for row in rows {
        text.push_str(&row_text(row, is_whole, paint));
    }
    for row in new {
        text.push_str(&new_text(row, !sides.testimony.sayings.is_empty(), is_whole, paint));
    }
    if sides.testimony.unread > 0 {
        let sessions = count(sides.testimony.unread, "session", "sessions");
        let warning = paint.warn("note:");
        let _ = writeln!(text, "{warning} {sessions} could not be read again: what they said is not known");
    }
    text
}

pub(super) fn is_at_or_below(candidate: &MemoryPath, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let rest = candidate.as_str().strip_prefix(path);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

async fn of_run(
    workspace: &Workspace,
    opened: &Opened,
    state: Option<&dyn StateStore>,
    call: &Call<'_>,
    name: &str,
) -> Result<Sides, CliError> {
    let backend = opened.backend.as_ref();
    let journal = runs::find(state, name).await?;
    let run = journal.run();
    let alias = journal.state().plan.alias();
    if let Some(record) = read_alias(state, &alias).await? {
        opened.check_origin(&alias, &record)?;
    }
    let archive = workspace.archive();
    let past = Past { backend, archive: archive.as_ref() };
    let none = || {
        CliError::usage(format!("run `{run}` has no candidate yet"))
            .hint(format!("See `dreamrun show {run}`."))
    };
    let (Some(base), Some(candidate)) = (&journal.state().base, &journal.state().candidate) else {
        return Err(none());
    };
    let grounds = past.grounds(journal.state()).await?.ok_or_else(none)?;
    let mut changes = Vec::new();
    for dream in journal.state().dreams.iter().filter_map(|record| record.dream.as_ref()) {
        changes.extend(backend.dream_changes(dream).await?);
    }
    let ledger = match state {
        Some(state) => ledger::read(state, &alias, run).await?,
        None => None,
    };
    let mut missing = [grounds.before.missing, grounds.after.missing].concat();
    let mut after = grounds.after.snapshot;
    if grounds.after.is_gone {
        let Some(kept) = &ledger else {
            let words = format!("the candidate of `{run}` was deleted, and no ledger is kept of it");
            return Err(CliError::new(ExitCode::RemoteFailed, words));
        };
        // What did not change is known; the rest is told from the ledger.
        let touched: BTreeSet<&MemoryPath> = (kept.entries.iter())
            .flat_map(|entry| [&entry.before, &entry.after])
            .flatten()
            .map(|version| &version.path)
            .collect();
        after = grounds.before.snapshot.iter().filter(|m| !touched.contains(&m.path)).cloned().collect();
        missing.extend(kept.changed().cloned());
    }
    if !grounds.after.is_gone {
        standing(&mut changes, &after);
    }
    let judged_at = ledger.as_ref().map(|ledger| ledger.at);
    Ok(Sides {
        names: (format!("{} before {run}", base.store), format!("{} of {run}", candidate.store)),
        before: grounds.before.snapshot,
        after,
        changes,
        testimony: grounds.testimony,
        judged_at,
        forget: workspace.forget_list_of(call, &journal.state().plan),
        run: Some(run.clone()),
        missing,
        three_way: three_way(past, journal.state()).await?,
        kept: ledger.filter(|_| grounds.after.is_gone),
        kept_size: Totals { entries: candidate.size.entries, bytes: candidate.size.bytes },
    })
}

/// Gathers what both agents and the dream of a run changed.
pub(super) async fn three_way(past: Past<'_>, state: &RunState) -> Result<Vec<ThreeWay>, CliError> {
    if !has_three_ways(state) {
        return Ok(Vec::new());
    }
    let (texts, after) = past.sides(state).await?;
    Ok(three_ways(state, &texts, &after))
}

/// Returns the forget list of the first of two sides that is a store of the project with one.
fn forget_list(workspace: &Workspace, names: [&String; 2]) -> Result<ForgetList, CliError> {
    for name in names {
        let alias = workspace.project.stores.keys().find(|alias| alias.as_str() == name);
        if let Some(alias) = alias
            && let Some(list) = workspace.forget_list(alias)?
        {
            return Ok(list);
        }
    }
    Ok(ForgetList::default())
}

/// Opens what one argument names: an alias, a store id, or a folder.
async fn one_side(
    workspace: &Workspace,
    opened: &Opened,
    state: Option<&dyn StateStore>,
    call: &Call<'_>,
    name: &str,
) -> Result<Snapshot, CliError> {
    let backend = opened.backend.as_ref();
    let folder = call.folder.join(name.strip_prefix("dir:").unwrap_or(name));
    if name.starts_with("dir:") || name.contains('/') || (folder.is_dir() && !is_alias(workspace, name)) {
        if !folder.is_dir() {
            return Err(CliError::usage(format!("there is no folder `{}`", line(name)))
                .hint("Folders are named from the current folder, also with -C."));
        }
        let (snapshot, report) = opened.read_folder(call, &workspace.root, &folder)?;
        let refused: Vec<_> = report.refused.iter().filter(|file| file.reason != HIDDEN).collect();
        return match refused.as_slice() {
            [] => Ok(snapshot),
            [first, others @ ..] => {
                let (at, reason) = (line(&first.name), line(&first.reason));
                let mut words = format!("`{}` in `{}` is no memory: {reason}", at, line(name));
                if !others.is_empty() {
                    let more = count(others.len() as u64, "other file is", "other files are");
                    let _ = write!(words, "; {more} none either");
                }
                Err(CliError::new(ExitCode::InvalidFiles, words)
                    .hint("What is compared must be whole: take it out of the folder, or make it a memory."))
            }
        };
    }
    if let Some(alias) = workspace.project.stores.keys().find(|alias| alias.as_str() == name) {
        let Some(record) = read_alias(state, alias).await? else {
            return Err(CliError::usage(format!("store `{name}` is not imported yet"))
                .hint("The first run imports it; until then compare its folder, as `dir:FOLDER`."));
        };
        opened.check_origin(alias, &record)?;
        return Ok(backend.snapshot(&record.active).await?);
    }
    match MemoryStoreId::parse(name) {
        Ok(id) if name.starts_with("memstore_") => Ok(backend.snapshot(&id).await?),
        _ => {
            let known: Vec<&str> = workspace.project.stores.keys().map(Alias::as_str).collect();
            let hint = match spec::suggest::nearest(name, known.iter().copied()) {
                Some(near) => format!("Did you mean `{near}`?"),
                None => format!("The project's stores: {}. A folder has a `/` in it.", known.join(", ")),
            };
            Err(CliError::usage(format!("`{name}` is no alias, store id or folder")).hint(hint))
        }
    }
}

async fn read_alias(state: Option<&dyn StateStore>, alias: &Alias) -> Result<Option<AliasRecord>, CliError> {
    let Some(state) = state else { return Ok(None) };
    Ok(alias::read(state, alias).await?.map(|(record, _)| record))
}

fn is_alias(workspace: &Workspace, name: &str) -> bool {
    workspace.project.stores.keys().any(|alias| alias.as_str() == name)
}

/// Returns what the dreams did, redacted as the statements of the two sides are.
fn redacted(sides: &Sides) -> Vec<DreamChange> {
    let paths: BTreeSet<&MemoryPath> = sides
        .changes
        .iter()
        .flat_map(|change| {
            std::iter::once(&change.path).chain(change.replaced.iter().map(|replaced| &replaced.path))
        })
        .collect();
    let memories = paths
        .iter()
        .flat_map(|path| [sides.before.get(path), sides.after.get(path)])
        .flatten()
        .map(|memory| MaskedMemory::of(&memory.content));
    let hidden: HashMap<&str, String> =
        memories.flat_map(|memory| memory.hidden().collect::<Vec<_>>()).collect();
    let clean = |text: &mut String| match hidden.get(text.as_str()) {
        Some(shown) => text.clone_from(shown),
        None => {
            if let Cow::Owned(redacted) = redact(text) {
                *text = redacted;
            }
        }
    };
    let mut changes = sides.changes.clone();
    for change in &mut changes {
        change.statement.iter_mut().for_each(clean);
        change.replaced.iter_mut().for_each(|replaced| clean(&mut replaced.statement));
    }
    changes
}

impl EntryView {
    fn of(entry: &EntryDiff) -> Self {
        let statements = entry.statements();
        let (before, after) = masked_sides(entry);
        let texts = |list: &[Statement<'_>], masked: &MaskedMemory<'_>| {
            list.iter().map(|statement| masked.text(statement).into_owned()).collect()
        };
        Self {
            path: entry.path().clone(),
            change: entry.change(),
            moved_from: entry.moved_from().cloned(),
            removed: texts(&statements.removed, &before),
            added: texts(&statements.added, &after),
        }
    }
}
