//! `dreamrun rollback ALIAS --path P`: some memories are what they were before a run, in the live store.
//!
//! The alias stays where it is and no hold is set. What somebody changed since is theirs: it is named, and
//! overwritten only by a person's word.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use crate::adoption::{Conflict, copy, merge};
use crate::backend::PastMemory;
use crate::ids::{Alias, MemoryStoreId, RunId};
use crate::journal::Journal;
use crate::ledger::record::{EntryRecord, EntryVersion};
use crate::memory::{ContentHash, Memory, MemoryPath, MemoryWrite};
use crate::report::life_text::some_paths;
use crate::report::words::{Paint, count, line};
use crate::run::past::Past;
use crate::run::restore::{bring_back, note};
use crate::snapshot::{IndexEntry, Snapshot, SnapshotIndex};
use crate::state::deeds::{self, DEED_FORMAT, Deed, Done};
use crate::state::keeper::Keeper;
use crate::state::ledger;

use super::answer::Answer;
use super::desk::Desk;
use super::diff::is_at_or_below;
use super::exit::{CliError, ExitCode};
use super::forgotten::{ForbiddenMemory, forbidden};
use super::log::{History, with_slash};
use super::{runs, turn};

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
    /// They were changed since; what the run did there is undone, and what was written since stays.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    merged: Vec<MemoryPath>,
    /// Somebody changed them, meanwhile or since the run; their version stays.
    conflicts: Vec<Conflict>,
    /// They stay, because something that may hold their text could not be brought back.
    kept: Vec<MemoryPath>,
    /// Their text is not kept any more.
    missing: Vec<MemoryPath>,
    /// They stay as they are, since the store's forget list forbids what they were.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    forbidden: Vec<ForbiddenMemory>,
}

/// What is asked back.
#[derive(Debug)]
pub(super) struct Wanted<'o> {
    /// The memories at or below this path.
    pub(super) below: &'o str,
    /// As they were before this run: the last that was adopted, unless one is named.
    pub(super) run: Option<&'o str>,
    /// Whether what was written since stays in them.
    pub(super) carry: bool,
}

/// Brings memories back to what they were before a run. Under the alias's driver lock.
pub(super) async fn run(desk: &Desk<'_>, keeper: &Keeper, wanted: &Wanted<'_>) -> Result<Answer, CliError> {
    const SECTION: &str = "bringing memories back";
    let alias = keeper.alias();
    let state = desk.state.as_ref();
    let console = &desk.call.console;
    let history = History::read(state, alias).await?;
    let none = || CliError::usage(format!("`{alias}` has no adopted run to go back behind"));
    let record = history.record.as_ref().ok_or_else(none)?;
    desk.opened.ask_origin(alias, record).await?;
    let run = match wanted.run {
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
    let below = with_slash(wanted.below);
    let mut paths = about(&kept.entries, &below);
    if paths.is_empty() {
        return Err(CliError::usage(format!("run `{run}` changed nothing at `{below}`"))
            .hint(format!("`dreamrun log {alias} {below}` tells which runs did.")));
    }
    let now = desk.backend.index(&record.active).await?;
    let past = desk.past();
    let texts = texts(&history, past, &only(&base.index, &paths)).await?;
    let list = desk.workspace.forget_list(alias)?.unwrap_or_default();
    let is_live = |memory: &&Memory| now.entries.get(&memory.path).is_some_and(|e| e.hash == memory.hash);
    let forbidden = forbidden(&list, texts.iter().filter(|memory| !is_live(memory)));
    for one in &forbidden {
        // Both sides of a move: nothing goes whose text does not come back.
        paths.retain(|path| !moved_with(&kept.entries, &one.path).contains(path));
        let words = one.words();
        console.say(&format!("  {} not brought back: {words} of the forget list\n", console.paint.warn("!")));
    }
    let (from, to) = (only(left, &paths), only(&base.index, &paths));
    let untouched = copy::copy(&from, &to, &texts, &now);
    let mut target = Target { seen: only(&now, &paths), to, texts, merged: Vec::new(), left: Vec::new() };
    let mut changed: Vec<MemoryPath> = untouched.conflicts.iter().map(|one| one.path.clone()).collect();
    if wanted.carry {
        target.around(&untouched.conflicts, past, &history, &from, &record.active).await?;
        changed.clear();
    }
    // What is agreed to is what was seen, also where somebody changed it since the run.
    let Target { seen, to, texts, merged, left } = target;
    let planned = copy::copy(&seen, &to, &texts, &now);
    let about_carry = Carried { merged: &merged, left: &left };
    if !paths.is_empty() {
        console.say(&told(&planned, &changed, &about_carry, &run, console.paint));
    }
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
        let deed = deed(entries);
        let noting = async { Ok(note(state, keeper, deed.as_ref()).await?) };
        turn::holding(desk, keeper, SECTION, noting).await?;
        let (outcome, code) = match (planned.missing.is_empty(), forbidden.is_empty()) {
            (false, _) => ("not_kept", ExitCode::RemoteFailed),
            (true, false) => ("forbidden", ExitCode::Blocked),
            (true, true) => ("already_there", ExitCode::Fine),
        };
        let overwritten = Vec::new();
        let answered = answered(alias, &run, planned, Aside { overwritten, merged, forbidden });
        return Ok(Answer::new(outcome, answered).with_code(code));
    }
    agree(desk, &planned, &changed)?;
    let entry = |path: &MemoryPath| EntryRecord { before: version(&now, path), after: version(&to, path) };
    let written: BTreeSet<&MemoryPath> = planned.writes.writes().iter().map(MemoryWrite::path).collect();
    let writing = async {
        turn::check_live(state, alias, &record.active).await?;
        let done = bring_back(desk.backend.as_ref(), &record.active, &seen, &to, &texts).await?;
        entries.extend(done.written.iter().filter(|path| written.contains(path)).map(entry));
        note(state, keeper, deed(entries).as_ref()).await?;
        Ok(done)
    };
    let done = turn::holding(desk, keeper, SECTION, writing).await?;
    let memories = count(written.len() as u64, "memory is", "memories are");
    console.say(&format!(
        "{} {memories} as before {run}; {alias} stays {}\n",
        console.paint.good("brought back:"),
        record.active
    ));
    // What is left to the agents was told before anything was written.
    let is_short = done.conflicts.iter().any(|conflict| !left.contains(&conflict.path));
    let aside = Aside { overwritten: changed, merged, forbidden };
    let answer = Answer::new("brought_back", answered(alias, &run, done, aside));
    Ok(if is_short { answer.with_code(ExitCode::Stale) } else { answer })
}

/// What an answer says beside what a copy came to.
struct Aside {
    overwritten: Vec<MemoryPath>,
    merged: Vec<MemoryPath>,
    forbidden: Vec<ForbiddenMemory>,
}

fn answered(alias: &Alias, run: &RunId, copy: copy::CopyState, aside: Aside) -> Answered {
    let copy::CopyState { writes: _, written, merged: _, conflicts, kept, missing } = copy;
    let Aside { overwritten, merged, forbidden } = aside;
    Answered {
        alias: alias.clone(),
        run: run.clone(),
        brought_back: written,
        overwritten,
        merged,
        conflicts,
        kept,
        missing,
        forbidden,
    }
}

/// What memories are brought back to.
struct Target {
    /// What they were seen to hold.
    seen: SnapshotIndex,
    /// What they are to hold.
    to: SnapshotIndex,
    texts: Snapshot,
    /// Those that keep what was written since.
    merged: Vec<MemoryPath>,
    /// Those that stay as they are, because that cannot be told apart from what the run did.
    left: Vec<MemoryPath>,
}

impl Target {
    /// Leaves what was written since in each memory that was changed: merged with what it was before the run,
    /// or the memory is left alone.
    async fn around(
        &mut self,
        changed: &[Conflict],
        past: Past<'_>,
        history: &History,
        from: &SnapshotIndex,
        store: &MemoryStoreId,
    ) -> Result<(), CliError> {
        let of = |index: &SnapshotIndex| -> Vec<PastMemory> {
            let entry = |one: &Conflict| Some(PastMemory::of(&one.path, index.entries.get(&one.path)?));
            changed.iter().filter_map(entry).collect()
        };
        let mut wanted = of(from);
        wanted.extend(of(&self.seen));
        let stores: Vec<MemoryStoreId> = std::iter::once(store).chain(&history.stores).cloned().collect();
        let known = past.texts(&stores, wanted).await?;
        for conflict in changed {
            let path = &conflict.path;
            let text = |hash: Option<ContentHash>| known.get(&hash?);
            let before = self.texts.get(path).filter(|memory| Some(memory.hash) == conflict.theirs);
            let merged = text(conflict.base).zip(text(conflict.ours)).zip(before);
            match merged.and_then(|((base, ours), before)| merge(base, ours, &before.content)) {
                Some(text) => {
                    let memory = Memory::new(path.clone(), text);
                    let bytes = memory.content.len() as u64;
                    let entry = IndexEntry { hash: memory.hash, bytes, version: None };
                    self.to.entries.insert(path.clone(), entry);
                    self.texts.insert(memory);
                    self.merged.push(path.clone());
                }
                None => {
                    // Seen as the run had left it, it is a conflict, and holds back what it may be the heir of.
                    match from.entries.get(path) {
                        Some(entry) => self.seen.entries.insert(path.clone(), entry.clone()),
                        None => self.seen.entries.remove(path),
                    };
                    self.left.push(path.clone());
                }
            }
        }
        Ok(())
    }
}

/// What `--carry` comes to, for telling.
struct Carried<'a> {
    merged: &'a [MemoryPath],
    left: &'a [MemoryPath],
}

/// Returns the part of an index that is about some paths.
fn only(index: &SnapshotIndex, paths: &BTreeSet<MemoryPath>) -> SnapshotIndex {
    let held = paths.iter().filter_map(|path| index.entries.get_key_value(path));
    SnapshotIndex { entries: held.map(|(path, entry)| (path.clone(), entry.clone())).collect() }
}

/// Returns the paths of the entries that a run changed at a path, both of a moved one.
fn moved_with(entries: &[EntryRecord], path: &MemoryPath) -> BTreeSet<MemoryPath> {
    let sides =
        |entry: &EntryRecord| [&entry.before, &entry.after].map(|v| v.as_ref().map(|v| v.path.clone()));
    entries
        .iter()
        .map(sides)
        .filter(|sides| sides.iter().flatten().any(|p| p == path))
        .flatten()
        .flatten()
        .collect()
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
fn told(
    planned: &copy::CopyState,
    changed: &[MemoryPath],
    carried: &Carried<'_>,
    run: &RunId,
    paint: Paint,
) -> String {
    let mut text = String::new();
    for write in planned.writes.writes() {
        let (sign, what) = match write {
            write if carried.merged.contains(write.path()) => {
                (paint.warn("~"), "becomes what it was, around what was written since")
            }
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
    if !carried.left.is_empty() {
        let paths = some_paths(carried.left, NAMED);
        let words = "what was written since cannot be told apart, left as it is:";
        let _ = writeln!(text, "  {} {words} {paths}", paint.warn("note:"));
    }
    if planned.writes.is_empty() && planned.missing.is_empty() && carried.left.is_empty() {
        let _ = writeln!(text, "everything is as before {run} already");
    }
    if !planned.missing.is_empty() {
        let paths = some_paths(&planned.missing, NAMED);
        let _ = writeln!(text, "  {} text no longer kept: {paths}", paint.warn("note:"));
    }
    text
}

/// Asks for what is to be written, and names what somebody changed since.
fn agree(desk: &Desk<'_>, planned: &copy::CopyState, changed: &[MemoryPath]) -> Result<(), CliError> {
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
