//! `dreamrun restore`: statements that an adopted run lost are written back into the live store.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;

use crate::backend::PastMemory;
use crate::ids::{Alias, RunId};
use crate::journal::run_state::Phase;
use crate::ledger::Fate;
use crate::ledger::forget::ForgetList;
use crate::ledger::record::{EntryVersion, StatementRecord};
use crate::memory::{ContentHash, MEMORY_BYTES_LIMIT, MemoryPath};
use crate::report::fates::statements_in;
use crate::report::life::Chapter;
use crate::report::words::{Paint, count, cut, grouped, line, plain};
use crate::run::past::Past;
use crate::run::restore::{Mended, Wanted, Written, mend, note, write_back};
use crate::snapshot::Snapshot;
use crate::state::deeds::{self, DEED_FORMAT, Deed, Done, RestoredStatement};
use crate::state::driver::Acquired;

use super::answer::Answer;
use super::desk::Desk;
use super::exit::{CliError, ExitCode};
use super::log::{History, with_slash};
use super::{Call, runs, turn};

/// The most characters of a statement that are shown.
const STATEMENT_WIDTH: usize = 84;
/// The fewest digits of a hash that name a statement.
const SHORTEST: usize = 6;

/// Options of `restore`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The run: its id, an unambiguous beginning of it, or `latest`
    #[arg(value_name = "RUN")]
    run: String,
    /// The statements, each as PATH:LINE or the beginning of its hash, as `diff --why` and `log` show them
    #[arg(value_name = "STATEMENT", required_unless_present = "all_lost", conflicts_with = "all_lost")]
    statements: Vec<String>,
    /// Every statement the run lost
    #[arg(long)]
    all_lost: bool,
    /// With --all-lost: only those of memories at or below this path
    #[arg(long, value_name = "PATH", requires = "all_lost")]
    path: Option<String>,
}

#[derive(Debug, Serialize)]
struct Answered {
    run: RunId,
    alias: Alias,
    /// They are in the live store, written now or found there.
    restored: Vec<RestoredStatement>,
    /// They were brought back before, and are still there.
    already: Vec<RestoredStatement>,
    /// A rule of the store's forget list forbids them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    forbidden: Vec<Forbidden>,
    /// Nobody keeps their text any more, or there is no place for them.
    missing: Vec<StatementRecord>,
    /// What the run lost and is not back.
    still_lost: u64,
}

/// A statement that must not come back.
#[derive(Debug, Serialize)]
struct Forbidden {
    #[serde(flatten)]
    statement: StatementRecord,
    /// The rule, by its name.
    rule: String,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let desk = Desk::of_runs(call).await?;
    let state = desk.state.as_ref();
    let journal = runs::find(Some(state), &options.run).await?;
    let run = journal.run().clone();
    let alias = journal.state().plan.alias();
    if journal.state().phase != Phase::Adopted {
        let phase = journal.state().phase.name().replace('_', " ");
        let error = CliError::new(
            ExitCode::Stale,
            format!("run `{run}` is {phase}: it took nothing from the live store"),
        );
        return Err(error.hint(format!("See `dreamrun diff {run}`.")));
    }
    let Acquired::Yes(lock) = desk.lock(&alias).await? else {
        return Err(CliError::new(ExitCode::LockBusy, format!("`{alias}` is driven by another process")));
    };
    let keeper = desk.keeper(&alias, Some(&lock));
    super::rollback::note_unnoted(&desk, &keeper).await?;
    let history = History::read(state, &alias).await?;
    let chapter = history.chapters.iter().position(|chapter| chapter.ledger.run == run);
    let (Some(at), Some(record)) = (chapter, &history.record) else {
        return Err(CliError::usage(format!("run `{run}` left no ledger, so nothing says what it lost")));
    };
    let chapter = &history.chapters[at];
    if chapter.is_undone {
        return Err(CliError::new(ExitCode::Stale, format!("the adoption of `{run}` was taken back since"))
            .hint("What it lost is in the live store again."));
    }
    let picked = pick(chapter, options)?;
    let back: BTreeSet<_> = deeds::restored(&history.deeds, &run)
        .into_iter()
        .map(|one| (one.hash, &one.path, one.line))
        .collect();
    let past = desk.past();
    let live = desk.backend.snapshot(&record.active).await?;
    let (mut wanted, mut missing) = find(&history, at, &picked, past, &live).await?;
    let forget = desk.workspace.forget_list(&alias)?.unwrap_or_default();
    let forbidden = set_aside(&mut wanted, &picked, &forget);
    let planned = mend(&live, &wanted);
    let placed: BTreeSet<_> =
        planned.iter().flat_map(|one| &one.statements).map(|s| (s.hash, &s.path, s.line)).collect();
    let gone: BTreeSet<_> = missing.iter().map(|one| (one.hash, one.path.clone(), one.line)).collect();
    let lacks_place = |one: &&&StatementRecord| {
        !placed.contains(&(one.hash, &one.path, one.line))
            && !gone.contains(&(one.hash, one.path.clone(), one.line))
            && !forbidden.iter().any(|other| other.statement == ***one)
    };
    let unplaced: Vec<StatementRecord> =
        picked.iter().filter(lacks_place).map(|one| (*one).clone()).collect();
    missing.extend(unplaced);
    call.console.say(&told(&planned, &forbidden, &missing, call.console.paint));
    let to_write = planned.iter().flat_map(|one| &one.statements).filter(|one| !one.was_there).count();
    if to_write > 0 && !call.global.yes {
        let statements = count(to_write as u64, "statement", "statements");
        if !call.console.ask(&format!("Write {statements} back into {}?", record.active)) {
            let error = CliError::usage("nothing was written");
            return Err(match call.console.can_ask {
                true => error,
                false => error.hint("Nothing prompts without a terminal: add `--yes`."),
            });
        }
    }
    check_sizes(&planned)?;
    let writing = async {
        turn::check_live(state, &alias, &record.active).await?;
        let Written { done, failed } =
            write_back(desk.backend.as_ref(), &record.active, planned, &wanted).await;
        // What was noted before and is still there needs no second note.
        let is_noted =
            |one: &RestoredStatement| one.was_there && back.contains(&(one.hash, &one.path, one.line));
        let (already, restored): (Vec<RestoredStatement>, Vec<RestoredStatement>) =
            done.into_iter().flat_map(|one| one.statements).partition(is_noted);
        let (store, statements) = (record.active.clone(), restored.clone());
        let deed = (!restored.is_empty()).then(|| Deed {
            format: DEED_FORMAT,
            at: call.parts.clock().now(),
            by: call.person(),
            what: Done::Restored { run: run.clone(), store, statements },
        });
        note(state, &keeper, deed.as_ref()).await?;
        Ok((already, restored, failed))
    };
    let (already, restored, failed) = turn::holding(&desk, &keeper, "restoring statements", writing).await?;
    if let Some(error) = failed {
        let written = restored.iter().filter(|one| !one.was_there).count();
        let statements = count(written as u64, "statement", "statements");
        let hint = format!("{statements} were written and noted; the same command carries on.");
        return Err(CliError::from(error).hint(hint));
    }
    let still_lost = deeds::still_lost(&chapter.ledger, &deeds::read(state, &alias).await?);
    let outcome = match (restored.is_empty(), forbidden.is_empty(), missing.is_empty()) {
        (false, ..) => "restored",
        (true, false, _) => "forbidden",
        (true, true, true) => "already_there",
        (true, true, false) => "not_kept",
    };
    let written = restored.iter().filter(|one| !one.was_there).count();
    if written > 0 {
        let statements = count(written as u64, "statement", "statements");
        call.console.say(&format!("{} {statements}\n", call.console.paint.good("restored:")));
    }
    let left = count(still_lost, "statement", "statements");
    call.console.say(&format!("what {run} lost and is not back: {left}\n"));
    let answer =
        Answer::new(outcome, Answered { run, alias, restored, already, forbidden, missing, still_lost });
    Ok(match outcome {
        "forbidden" => answer.with_code(ExitCode::Blocked),
        "not_kept" => answer.with_code(ExitCode::RemoteFailed),
        _ => answer,
    })
}

/// Makes sure that no memory grows beyond what a store takes, before any is written.
fn check_sizes(planned: &[Mended]) -> Result<(), CliError> {
    let is_full =
        |one: &&Mended| one.after.len() > MEMORY_BYTES_LIMIT && one.before.as_deref() != Some(&*one.after);
    let Some(full) = planned.iter().find(is_full) else { return Ok(()) };
    let path = line(full.path.as_str());
    let (bytes, limit) = (grouped(full.after.len() as u64), grouped(MEMORY_BYTES_LIMIT as u64));
    let words =
        format!("`{path}` would hold {bytes} bytes, and a memory may hold {limit}; nothing was written");
    Err(CliError::usage(words).hint("Name fewer statements, or make room in the memory first."))
}

/// Picks the lost statements that were asked for.
fn pick<'a>(chapter: &'a Chapter, options: &Options) -> Result<Vec<&'a StatementRecord>, CliError> {
    let ledger = &chapter.ledger;
    let run = &ledger.run;
    let lost: Vec<&StatementRecord> =
        ledger.statements.iter().filter(|record| record.fate == Fate::Lost).collect();
    if options.all_lost {
        let below = options.path.as_deref().map(with_slash);
        let is_below = |record: &&&StatementRecord| {
            below.as_ref().is_none_or(|below| super::diff::is_at_or_below(&record.path, below))
        };
        let picked: Vec<_> = lost.iter().filter(is_below).copied().collect();
        if picked.is_empty() {
            let place = below.map(|below| format!(" at `{below}`")).unwrap_or_default();
            return Err(CliError::usage(format!("run `{run}` lost nothing{place}")));
        }
        return Ok(picked);
    }
    let mut picked: Vec<&StatementRecord> = Vec::new();
    for wanted in &options.statements {
        let is_it = |record: &StatementRecord| match wanted.rsplit_once(':') {
            Some((path, number)) => {
                record.path.as_str() == with_slash(path) && number.parse() == Ok(record.line)
            }
            None => wanted.len() >= SHORTEST && record.hash.to_string().starts_with(&wanted.to_lowercase()),
        };
        let matching: Vec<_> = lost.iter().filter(|record| is_it(record)).collect();
        if let Some(first) = matching.first() {
            if matching.iter().any(|other| other.hash != first.hash) && !wanted.contains(':') {
                return Err(CliError::usage(format!(
                    "`{wanted}` could be any of {} statements",
                    matching.len()
                )));
            }
            picked.extend(matching.into_iter().copied());
            continue;
        }
        let error = match ledger.statements.iter().find(|record| is_it(record)) {
            Some(other) => {
                let heirs: Vec<String> =
                    other.heirs.iter().map(|heir| format!("{}:{}", heir.path, heir.line)).collect();
                let to = if heirs.is_empty() { String::new() } else { format!(", to {}", heirs.join(", ")) };
                CliError::usage(format!("`{wanted}` was not lost by `{run}`: it is {}{to}", other.fate))
            }
            None => CliError::usage(format!("run `{run}` lost no statement `{wanted}`")),
        };
        return Err(error.hint(format!("`dreamrun diff {run}` names what it lost, by place.")));
    }
    let mut seen = BTreeSet::new();
    picked.retain(|record| seen.insert((record.hash, &record.path, record.line)));
    Ok(picked)
}

/// Takes out what the store's forget list forbids: the statement, or the name of the memory it goes to.
fn set_aside(wanted: &mut Vec<Wanted>, picked: &[&StatementRecord], forget: &ForgetList) -> Vec<Forbidden> {
    let mut forbidden = Vec::new();
    wanted.retain(|one| {
        let broken = forget.broken_in(&one.source);
        let is_it = |line: usize| line as u64 == one.line;
        let rule = (forget.forbids_hash(one.hash))
            .or_else(|| broken.iter().find(|broken| is_it(broken.line)).map(|broken| broken.rule))
            .or_else(|| forget.forbids_text(one.to.as_str()));
        let Some(rule) = rule else { return true };
        let record = picked.iter().find(|r| (r.hash, &r.path, r.line) == (one.hash, &one.path, one.line));
        forbidden
            .extend(record.map(|record| Forbidden { statement: (*record).clone(), rule: rule.name.clone() }));
        false
    });
    forbidden
}

/// Finds the texts of statements, and the memories they go to.
async fn find(
    history: &History,
    at: usize,
    todo: &[&StatementRecord],
    past: Past<'_>,
    live: &Snapshot,
) -> Result<(Vec<Wanted>, Vec<StatementRecord>), CliError> {
    let entries = &history.chapters[at].ledger.entries;
    let versions: BTreeMap<&MemoryPath, &EntryVersion> =
        entries.iter().filter_map(|entry| entry.before.as_ref()).map(|old| (&old.path, old)).collect();
    let mut names: BTreeMap<&MemoryPath, MemoryPath> = BTreeMap::new();
    let mut bodies: BTreeMap<&MemoryPath, PastMemory> = BTreeMap::new();
    for record in todo {
        if let Some(version) = versions.get(&record.path) {
            let (path, hash, version) = (record.path.clone(), version.hash, version.version.clone());
            bodies.insert(&record.path, PastMemory { path, hash, version });
        }
    }
    let texts = past.texts(&history.stores, bodies.values().cloned().collect()).await?;
    let (mut wanted, mut missing) = (Vec::new(), Vec::new());
    for record in todo {
        let body: Option<ContentHash> = bodies.get(&record.path).map(|body| body.hash);
        match body.and_then(|body| texts.get(&body)) {
            Some(source) => wanted.push(Wanted {
                hash: record.hash,
                path: record.path.clone(),
                line: record.line,
                source: source.clone(),
                to: (names.entry(&record.path))
                    .or_insert_with(|| name_now(&history.chapters[at..], &record.path, live))
                    .clone(),
            }),
            None => missing.push((*record).clone()),
        }
    }
    Ok((wanted, missing))
}

/// Returns what a memory is called now: its own name, unless only a later one is live.
fn name_now(chapters: &[Chapter], path: &MemoryPath, live: &Snapshot) -> MemoryPath {
    let mut name = path.clone();
    for chapter in chapters.iter().filter(|chapter| !chapter.is_undone) {
        if live.get(&name).is_some() {
            break;
        }
        let moved = chapter.ledger.entries.iter().find(|e| e.before.as_ref().is_some_and(|v| v.path == name));
        if let Some(after) = moved.and_then(|entry| entry.after.as_ref()) {
            name = after.path.clone();
        }
    }
    if live.get(&name).is_some() { name } else { path.clone() }
}

/// Shows what will be written where.
fn told(planned: &[Mended], forbidden: &[Forbidden], missing: &[StatementRecord], paint: Paint) -> String {
    let mut text = String::new();
    for memory in planned {
        let wanted = memory.statements.iter().map(|one| one.hash).collect();
        let held = statements_in(&memory.after, &wanted);
        for one in &memory.statements {
            let words = held.get(&one.hash).map(String::as_str).unwrap_or_default();
            let words = cut(&plain(words).replace('\n', "⏎"), STATEMENT_WIDTH).into_owned();
            let place = format!("{}:{}", line(one.to.path.as_str()), one.to.line);
            let _ = match (one.was_there, &memory.before) {
                (true, _) => writeln!(text, "  {} {place} says so already", paint.dim("=")),
                (false, Some(_)) => writeln!(text, "  {} {place} {words}", paint.good("+")),
                (false, None) => writeln!(text, "  {} {place} (a new memory) {words}", paint.good("+")),
            };
        }
    }
    for Forbidden { statement, rule } in forbidden {
        let place =
            format!("{}:{} {}", line(statement.path.as_str()), statement.line, statement.hash.short());
        let rule = line(rule);
        let _ =
            writeln!(text, "  {} {place} is not restored: rule `{rule}` of the forget list", paint.warn("!"));
    }
    for one in missing {
        let place = format!("{}:{} {}", line(one.path.as_str()), one.line, one.hash.short());
        let _ = writeln!(text, "  {} {place} is not restored: its text is no longer kept", paint.warn("!"));
    }
    text
}
