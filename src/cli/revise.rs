//! `dreamrun diff RUN --review`: a person's decisions on single statements, and the edits they come to.
//!
//! Nothing is written while somebody decides. Then the candidate must still be what they looked at; it is
//! edited, recorded and judged again, and waits for approval.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::adoption::edit::{Edits, EntryEdit};
use crate::adoption::queue::{Choice, edits, queue};
use crate::ids::RunId;
use crate::journal::Journal;
use crate::journal::event::JournalEvent;
use crate::ledger::forget::ForgetList;
use crate::ledger::{Context, Ledger};
use crate::memory::{ContentHash, MEMORY_BYTES_LIMIT};
use crate::report::fates::Fates;
use crate::report::review_text::{HELP, Step, decisions_text, keys_text, step_text, steps};
use crate::report::run_view::RunView;
use crate::report::three_way::{ThreeWay, three_ways_text};
use crate::report::words::{count, grouped};
use crate::run::past::{Grounds, Past};
use crate::state::{alias, ledger};

use super::answer::Answer;
use super::console::Volume;
use super::exit::{CliError, ExitCode};
use super::review::{ApproveOptions, approve, check_waits, with_run};
use super::stepper::{Stepper, Typed};
use super::workspace::Workspace;
use super::{Call, decisions, diff, files, runs};

/// What is asked of a review.
#[derive(Debug)]
pub(super) struct Review<'o> {
    pub(super) run: &'o str,
    /// Whether a person steps through it.
    pub(super) steps: bool,
    /// Decisions that were written down.
    pub(super) decisions: Option<&'o Path>,
    /// Where to write them down.
    pub(super) decisions_out: Option<&'o Path>,
}

/// The `data` of a review document. Memory text in it is redacted.
#[derive(Debug, Serialize)]
struct ReviewView {
    run: RunId,
    candidate: ContentHash,
    statements: Vec<StepView>,
    /// The memories that both agents and the dream changed, three ways.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    three_way: Vec<ThreeWay>,
    /// What was done to the candidate.
    edits: EditsView,
    /// Where the run stands after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<RunView>,
}

#[derive(Debug, Serialize)]
struct StepView {
    #[serde(flatten)]
    step: Step,
    #[serde(skip_serializing_if = "Option::is_none")]
    choice: Option<Choice>,
}

#[derive(Debug, Default, Serialize)]
struct EditsView {
    is_applied: bool,
    restored: usize,
    dropped: usize,
    entries: Vec<EntryEdit>,
}

/// What a person has before them.
struct Table {
    run: RunId,
    candidate: ContentHash,
    grounds: Grounds,
    three_way: Vec<ThreeWay>,
    steps: Vec<Step>,
    decided: BTreeMap<usize, Choice>,
    edits: Edits,
    entries: Vec<EntryEdit>,
    /// Whether what was decided so far is in a file, to go on later.
    is_written: bool,
}

pub(super) async fn run(call: &Call<'_>, review: &Review<'_>) -> Result<Answer, CliError> {
    let can_step = review.steps && call.console.can_ask;
    if review.steps && !can_step && review.decisions.is_none() && review.decisions_out.is_none() {
        return Err(CliError::usage("a review asks about each statement, and nobody can answer here").hint(
            "Without a terminal: `--decisions-out FILE` writes all statements down, `--decisions FILE` does \
             what the file says.",
        ));
    }
    let mut table = look(call, review, can_step).await?;
    let console = &call.console;
    if let Some(path) = review.decisions_out.filter(|_| !table.is_written) {
        write_down(call, path, &table)?;
    }
    let (restored, dropped) = (table.edits.restored.len(), table.edits.dropped.len());
    let edits = EditsView { is_applied: false, restored, dropped, entries: table.entries.clone() };
    let mut view = ReviewView {
        run: table.run.clone(),
        candidate: table.candidate,
        statements: std::mem::take(&mut table.steps)
            .into_iter()
            .enumerate()
            .map(|(place, step)| StepView { step, choice: table.decided.get(&place).copied() })
            .collect(),
        three_way: std::mem::take(&mut table.three_way),
        edits,
        after: None,
    };
    let may_edit = can_step || review.decisions.is_some();
    if table.entries.is_empty() || !may_edit {
        let words = match (view.statements.is_empty(), may_edit) {
            (true, _) => "every statement is as it was: there is nothing to decide\n",
            (_, true) => "the candidate stays as it is\n",
            (_, false) => "",
        };
        console.say(words);
        return Ok(Answer::new("reviewed", view));
    }
    let memories = count(table.entries.len() as u64, "memory", "memories");
    console.say(&format!("the edits change {memories} of the candidate; the gates judge it again\n"));
    let is_agreed = review.decisions.is_some() && !can_step || call.global.yes;
    if !is_agreed && !console.ask("Edit the candidate?") {
        console.say("the candidate stays as it is\n");
        return Ok(Answer::new("reviewed", view));
    }
    let name = table.run.to_string();
    let mut stands = None;
    let edited = with_run(call, &name, "editing the candidate", async |desk, mut journal, keeper| {
        check_waits(&journal)?;
        if journal.state().candidate.as_ref().is_none_or(|now| now.hash != table.candidate) {
            return Err(changed(&table.run));
        }
        let event = JournalEvent::EditIntended {
            by: call.person(),
            edits: table.edits.clone(),
            entries: table.entries.clone(),
        };
        desk.record(&mut journal, event).await?;
        let applied = desk.carry_out(journal, Vec::new(), true, keeper).await?;
        stands = applied.run.clone();
        Ok(applied)
    })
    .await?;
    view.edits.is_applied = true;
    let waits = stands.as_ref().is_some_and(|run| run.phase == "awaiting_review");
    if can_step && waits && console.ask("Adopt the edited candidate now?") {
        return approve(call, &ApproveOptions::of(name)).await;
    }
    view.after = stands;
    let mut answer = Answer::new(edited.outcome, view);
    answer.code = edited.code;
    answer.problems = edited.problems;
    Ok(answer)
}

/// Opens a run that waits, and lets a person decide.
async fn look(call: &Call<'_>, review: &Review<'_>, can_step: bool) -> Result<Table, CliError> {
    let workspace = Workspace::open_project(call)?;
    let opened = workspace.backend(call, false)?;
    let state = workspace.state_read_only(call).await?;
    let state = state.as_deref();
    let journal = runs::find(state, review.run).await?;
    check_waits(&journal)?;
    let run = journal.run().clone();
    let alias = journal.state().plan.alias();
    let mut judged_at = None;
    if let Some(state) = state {
        if let Some((record, _)) = alias::read(state, &alias).await? {
            opened.check_origin(&alias, &record)?;
        }
        judged_at = ledger::read(state, &alias, &run).await?.map(|ledger| ledger.at);
    }
    let archive = workspace.archive();
    let past = Past { backend: opened.backend.as_ref(), archive: archive.as_ref() };
    let grounds = past.grounds(journal.state()).await?.ok_or_else(|| changed(&run))?;
    let judgment = journal.state().judgment.as_ref().ok_or_else(|| changed(&run))?;
    if grounds.after.snapshot.hash() != judgment.candidate {
        return Err(changed(&run));
    }
    let mut table = Table {
        candidate: judgment.candidate,
        run,
        grounds,
        three_way: diff::three_way(past, journal.state()).await?,
        steps: Vec::new(),
        decided: BTreeMap::new(),
        edits: Edits::default(),
        entries: Vec::new(),
        is_written: false,
    };
    let forget = workspace.forget_list_of(call, &journal.state().plan);
    decide(call, review, &journal, (judged_at, &forget), can_step, &mut table)?;
    Ok(table)
}

fn decide(
    call: &Call<'_>,
    review: &Review<'_>,
    journal: &Journal,
    (judged_at, forget): (Option<jiff::Timestamp>, &ForgetList),
    can_step: bool,
    table: &mut Table,
) -> Result<(), CliError> {
    let (before, after) = (&table.grounds.before.snapshot, &table.grounds.after.snapshot);
    let testimony = &table.grounds.testimony;
    let ledger = Ledger::of(before, after, &Context { testimony, forget, now: judged_at });
    let verdicts = journal.state().judgment.as_ref().map(|judgment| judgment.verdicts.as_slice());
    let queue = queue(&ledger, verdicts.unwrap_or_default());
    let fates = Fates::of(&ledger, before, after, testimony);
    table.steps = steps(&queue, &ledger, &fates);
    if let Some(path) = review.decisions {
        let written = decisions::load(call, path)?;
        table.decided = decisions::read(&written, &table.run, table.candidate, &table.steps)?;
    }
    if can_step {
        let console = &call.console;
        let is_whole = console.volume == Volume::Verbose;
        console.complain(&three_ways_text(&table.three_way, is_whole, console.paint));
    }
    if can_step && !table.steps.is_empty() {
        (table.decided, table.is_written) = step_through(call, table, review.decisions_out)?;
    }
    call.console.say(&format!("{}\n", decisions_text(table.steps.len(), &table.decided)));
    table.edits = edits(&queue, &ledger, after, &table.decided);
    table.entries = table
        .edits
        .entries(before, after)
        .map_err(|error| CliError::new(ExitCode::RemoteFailed, error.to_string()))?;
    let entries = table.entries.clone();
    let made = table
        .edits
        .made_in(&entries, before, after)
        .map_err(|error| CliError::new(ExitCode::RemoteFailed, error.to_string()))?;
    let large = entries
        .iter()
        .filter_map(|entry| made.get(&entry.path))
        .find(|memory| memory.content.len() > MEMORY_BYTES_LIMIT);
    match large {
        None => Ok(()),
        Some(memory) => Err(CliError::usage(format!(
            "`{}` would grow to {} bytes, allowed are {}",
            memory.path,
            grouped(memory.content.len() as u64),
            grouped(MEMORY_BYTES_LIMIT as u64)
        ))
        .hint("Restore less into it; nothing was changed.")),
    }
}

/// Decisions, and whether they were written to a file instead.
type Decided = (BTreeMap<usize, Choice>, bool);

/// Asks about each statement, worst first. `out` is where a person wants the decisions written.
fn step_through(call: &Call<'_>, table: &Table, out: Option<&Path>) -> Result<Decided, CliError> {
    let console = &call.console;
    let steps = &table.steps;
    let mut stepper = Stepper::new(table.decided.clone());
    while let Some(step) = steps.get(stepper.at) {
        let chosen = stepper.decisions.get(&stepper.at).copied();
        console
            .complain(&format!("\n{}", step_text(step, stepper.at + 1, steps.len(), chosen, console.paint)));
        let Some(typed) = console.answer(&keys_text(step)) else {
            console.complain("\n");
            return leave(call, table, stepper.decisions, out);
        };
        let done = match Typed::read(&typed) {
            Typed::Choose(choice) => stepper.choose(choice, steps),
            Typed::ChooseAll(choice) => stepper.choose_all(choice, steps),
            Typed::Skip => {
                stepper.skip();
                true
            }
            Typed::Back => stepper.back(),
            Typed::Undo => stepper.undo(),
            Typed::Help => {
                console.complain(HELP);
                true
            }
            Typed::Quit => return leave(call, table, stepper.decisions, out),
            Typed::Unknown => false,
        };
        if !done {
            console.complain("  that does nothing here; `?` explains the keys\n");
        }
    }
    console.complain("\n");
    Ok((stepper.decisions, false))
}

/// Asks what is to become of the decisions of a person who stops before the end.
fn leave(
    call: &Call<'_>,
    table: &Table,
    decided: BTreeMap<usize, Choice>,
    out: Option<&Path>,
) -> Result<Decided, CliError> {
    if decided.is_empty() {
        return Ok((decided, false));
    }
    let said = decisions_text(table.steps.len(), &decided);
    call.console.complain(&format!("{said}\n"));
    loop {
        match call
            .console
            .answer("a apply these · w write them to a file, to go on later · x discard > ")
            .as_deref()
        {
            Some("a") => return Ok((decided, false)),
            Some("w") | None => {
                let default = || PathBuf::from(format!("{}.decisions.yaml", table.run));
                let path = out.map_or_else(default, Path::to_path_buf);
                let text = decisions::write(&table.run, table.candidate, &table.steps, &decided);
                files::write(call, &path, &text)?;
                call.console.complain(&format!(
                    "go on with `dreamrun diff {} --review --decisions {}`\n",
                    table.run,
                    path.display()
                ));
                return Ok((BTreeMap::new(), true));
            }
            Some("x") => return Ok((BTreeMap::new(), false)),
            Some(_) => {}
        }
    }
}

fn write_down(call: &Call<'_>, path: &Path, table: &Table) -> Result<(), CliError> {
    let text = decisions::write(&table.run, table.candidate, &table.steps, &table.decided);
    files::write(call, path, &text)
}

fn changed(run: &RunId) -> CliError {
    CliError::new(ExitCode::Stale, "the candidate changed since it was judged")
        .hint(format!("Look again with `dreamrun diff {run}`."))
}
