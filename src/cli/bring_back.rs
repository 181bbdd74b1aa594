//! `dreamrun rollback ALIAS --path P`: some memories are what they were before a run, in the live store.
//!
//! The alias stays where it is and no hold is set. What somebody changed since is theirs: it is named, and
//! overwritten only by a person's word.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use crate::adoption::{Conflict, copy};
use crate::backend::PastMemory;
use crate::ids::{Alias, RunId};
use crate::journal::Journal;
use crate::ledger::record::{EntryRecord, EntryVersion};
use crate::memory::{Memory, MemoryPath, MemoryWrite};
use crate::report::life_text::some_paths;
use crate::report::words::{Paint, count, line};
use crate::run::past::Past;
use crate::run::restore::{bring_back, note};
use crate::snapshot::{Snapshot, SnapshotIndex};
use crate::state::deeds::{self, DEED_FORMAT, Deed, Done};
use crate::state::ledger;

use super::answer::Answer;
use super::desk::Desk;
use super::diff::is_at_or_below;
use super::exit::{CliError, ExitCode};
use super::log::{History, with_slash};
use super::runs;

/// The most memories that are named in one line.
const NAMED: usize = 5;

#[derive(Debug, Serialize)]
struct Answered {
    alias: Alias,
    run: RunId,
    /// They are as they were before the run.
    brought_back: Vec<MemoryPath>,
    /// They were changed since, and overwritten all the same.
    overwritten: Vec<MemoryPath>,
    /// Somebody changed them meanwhile; their version stays.
    conflicts: Vec<Conflict>,
    /// They stay, because something that may hold their text could not be brought back.
    kept: Vec<MemoryPath>,
    /// Their text is not kept any more.
    missing: Vec<MemoryPath>,
}

/// Brings the memories at or below a path back to what they were before a run: the last that was adopted,
/// unless one is named. Under the alias's driver lock.
pub(super) async fn run(
    desk: &Desk<'_>,
    alias: &Alias,
    below: &str,
    run: Option<&str>,
) -> Result<Answer, CliError> {
    let state = desk.state.as_ref();
    let console = &desk.call.console;
    let history = History::read(state, alias).await?;
    let none = || CliError::usage(format!("`{alias}` has no adopted run to go back behind"));
    let record = history.record.as_ref().ok_or_else(none)?;
    desk.opened.ask_origin(alias, record).await?;
    let run = match run {
        Some(name) => runs::find(Some(state), name).await?.run().clone(),
        None => record.adoption.as_ref().ok_or_else(none)?.run.clone(),
    };
    let journal = Journal::open(state, &run).await?.ok_or_else(none)?;
    let (Some(base), Some(left)) = (&journal.state().base, &journal.state().intended) else {
        return Err(CliError::usage(format!("run `{run}` adopted nothing")));
    };
    let Some(kept) = ledger::read(state, alias, &run).await? else {
        return Err(CliError::usage(format!("run `{run}` is not one of `{alias}`, or left no ledger")));
    };
    let below = with_slash(below);
    let paths = about(&kept.entries, &below);
    if paths.is_empty() {
        return Err(CliError::usage(format!("run `{run}` changed nothing at `{below}`"))
            .hint(format!("`dreamrun log {alias} {below}` tells which runs did.")));
    }
    let only = |index: &SnapshotIndex| SnapshotIndex {
        entries: paths
            .iter()
            .filter_map(|path| index.entries.get_key_value(path))
            .map(|(p, e)| (p.clone(), e.clone()))
            .collect(),
    };
    let (from, to) = (only(left), only(&base.index));
    let now = desk.backend.index(&record.active).await?;
    let past = Past { backend: desk.backend.as_ref(), archive: desk.archive.as_ref() };
    let texts = texts(&history, past, &to).await?;
    let untouched = copy::copy(&from, &to, &texts, &now);
    let changed: Vec<MemoryPath> = untouched.conflicts.iter().map(|one| one.path.clone()).collect();
    // What is agreed to is what was seen, also where somebody changed it since the run.
    let seen = only(&now);
    let planned = copy::copy(&seen, &to, &texts, &now);
    console.say(&told(&planned, &changed, &run, console.paint));
    // What is as it was, though the run had changed it, was brought back by somebody: perhaps by this command,
    // cut off before it could say so.
    let noted = deeds::brought_back(&history.deeds, &run);
    let found = untouched.written.iter().filter(|path| !noted.contains(path));
    let mut entries: Vec<EntryRecord> =
        found.map(|path| EntryRecord { before: version(&from, path), after: version(&to, path) }).collect();
    let deed = |entries: Vec<EntryRecord>| {
        (!entries.is_empty()).then(|| Deed {
            format: DEED_FORMAT,
            at: desk.call.parts.clock().now(),
            by: desk.call.person(),
            what: Done::BroughtBack { run: run.clone(), store: record.active.clone(), entries },
        })
    };
    if planned.writes.is_empty() {
        note(state, alias, deed(entries).as_ref()).await?;
        let outcome = if planned.missing.is_empty() { "already_there" } else { "not_kept" };
        let answered = answered(alias, &run, planned, Vec::new());
        let answer = Answer::new(outcome, answered);
        return Ok(if outcome == "not_kept" { answer.with_code(ExitCode::RemoteFailed) } else { answer });
    }
    agree(desk, &planned, &changed)?;
    let done = bring_back(desk.backend.as_ref(), &record.active, &seen, &to, &texts).await?;
    let entry = |path: &MemoryPath| EntryRecord { before: version(&now, path), after: version(&to, path) };
    let written: BTreeSet<&MemoryPath> = planned.writes.writes().iter().map(MemoryWrite::path).collect();
    entries.extend(done.written.iter().filter(|path| written.contains(path)).map(entry));
    note(state, alias, deed(entries).as_ref()).await?;
    let memories = count(written.len() as u64, "memory is", "memories are");
    console.say(&format!(
        "{} {memories} as before {run}; {alias} stays {}\n",
        console.paint.good("brought back:"),
        record.active
    ));
    let is_short = !done.conflicts.is_empty();
    let answer = Answer::new("brought_back", answered(alias, &run, done, changed));
    Ok(if is_short { answer.with_code(ExitCode::Stale) } else { answer })
}

fn answered(alias: &Alias, run: &RunId, copy: copy::Copy, overwritten: Vec<MemoryPath>) -> Answered {
    let copy::Copy { writes: _, written, conflicts, kept, missing } = copy;
    Answered {
        alias: alias.clone(),
        run: run.clone(),
        brought_back: written,
        overwritten,
        conflicts,
        kept,
        missing,
    }
}

/// Returns the paths of entries that a run changed, both of a moved one, if either lies at or below a path.
fn about(entries: &[EntryRecord], below: &str) -> BTreeSet<MemoryPath> {
    let sides = |entry: &EntryRecord| -> Vec<MemoryPath> {
        [&entry.before, &entry.after].into_iter().flatten().map(|version| version.path.clone()).collect()
    };
    entries
        .iter()
        .map(sides)
        .filter(|paths| paths.iter().any(|path| is_at_or_below(path, below)))
        .flatten()
        .collect()
}

async fn texts(history: &History, past: Past<'_>, to: &SnapshotIndex) -> Result<Snapshot, CliError> {
    let wanted: Vec<PastMemory> = (to.entries.iter())
        .map(|(path, entry)| PastMemory {
            path: path.clone(),
            hash: entry.hash,
            version: entry.version.clone(),
        })
        .collect();
    let texts = past.texts(&history.stores, wanted.clone()).await?;
    let memory = |one: PastMemory| texts.get(&one.hash).map(|text| Memory::new(one.path, text.clone()));
    Ok(wanted.into_iter().filter_map(memory).collect())
}

fn version(index: &SnapshotIndex, path: &MemoryPath) -> Option<EntryVersion> {
    let entry = index.entries.get(path)?;
    Some(EntryVersion { path: path.clone(), hash: entry.hash, version: entry.version.clone() })
}

/// Shows what will be written.
fn told(planned: &copy::Copy, changed: &[MemoryPath], run: &RunId, paint: Paint) -> String {
    let mut text = String::new();
    for write in planned.writes.writes() {
        let (sign, what) = match write {
            MemoryWrite::Put { expected: None, .. } => (paint.good("+"), "comes back"),
            MemoryWrite::Put { .. } => (paint.warn("~"), "becomes what it was"),
            MemoryWrite::Delete { .. } => (paint.bad("-"), "goes: it was not there"),
        };
        let since = if changed.contains(write.path()) {
            paint.warn(", changed since the run")
        } else {
            String::new()
        };
        let _ = writeln!(text, "  {sign} {} {}{since}", line(write.path().as_str()), paint.dim(what));
    }
    if planned.writes.is_empty() && planned.missing.is_empty() {
        let _ = writeln!(text, "everything is as before {run} already");
    }
    if !planned.missing.is_empty() {
        let paths = some_paths(&planned.missing, NAMED);
        let _ = writeln!(text, "  {} text no longer kept: {paths}", paint.warn("note:"));
    }
    text
}

/// Asks for what is to be written, and names what somebody changed since.
fn agree(desk: &Desk<'_>, planned: &copy::Copy, changed: &[MemoryPath]) -> Result<(), CliError> {
    if desk.call.global.yes {
        return Ok(());
    }
    let console = &desk.call.console;
    let memories = count(planned.writes.writes().len() as u64, "memory", "memories");
    let question = match changed {
        [] => format!("Write {memories}?"),
        changed => {
            format!("Write {memories}, over what was written since to {}?", some_paths(changed, NAMED))
        }
    };
    if console.ask(&question) {
        return Ok(());
    }
    if changed.is_empty() || console.can_ask {
        let error = CliError::usage("nothing was written");
        return Err(match console.can_ask {
            true => error,
            false => error.hint("Nothing prompts without a terminal: add `--yes`."),
        });
    }
    let words = format!("somebody wrote since to {}; nothing was written", some_paths(changed, NAMED));
    Err(CliError::new(ExitCode::Stale, words).hint("`--yes` writes over it all the same."))
}
