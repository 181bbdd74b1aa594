//! A run as people read it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::adoption::decide::{DRIFT, Reason};
use crate::dream::ChangeKind;
use crate::gate::verdict::Outcome;
use crate::journal::run_state::{Phase, RunState};
use crate::memory::MemoryPath;
use crate::price::Usd;
use crate::spec::pipeline::StoreRef;

use super::gates_text::{passed, standing_text};
use super::plan_view::usd;
use super::run_view::{EditView, RunView};
use super::words::{Paint, WIDTH, bytes, count, grouped, line, wrapped};

/// The lines of a screen.
const HEIGHT: usize = 25;
/// The columns before the value of a row.
const VALUE_AT: usize = 12;
/// The columns of a command before what it is for.
const COMMAND_WIDTH: usize = 44;
/// The most lines of one row, unless everything is asked for.
const ROW_LINES: usize = 2;

/// How a run is shown, and what the project says about it.
#[derive(Debug, Clone, Default)]
pub struct Screen {
    /// Colours, or none.
    pub paint: Paint,
    /// Whether everything is told, however long it gets; else it stays on one screen.
    pub is_whole: bool,
    /// Where the pipeline's file sets each gate and the budget, such as `pipelines/tidy.yaml:12`. What is
    /// missing is set by default; nothing is known if the file is not what the run was planned with.
    pub set_at: Option<BTreeMap<String, String>>,
}

/// Writes where a run stands or how it ended, why, and the likely next commands, cheapest first.
pub fn run_text(view: &RunView, state: &RunState, screen: &Screen) -> String {
    let paint = screen.paint;
    let rows_of = |text: &str, width: usize| {
        let most = if screen.is_whole { usize::MAX } else { ROW_LINES };
        wrapped(text, width, most)
    };
    let mut text = format!("{} {}\n", paint.bold(&view.run.to_string()), phase(view, paint));
    for part in rows_of(&line(&because(view, state, screen)), WIDTH - 2) {
        let _ = writeln!(text, "  {part}");
    }
    text.push('\n');
    let mut row = |name: &str, value: &str| {
        for (at, part) in rows_of(value, WIDTH - VALUE_AT).iter().enumerate() {
            let name = if at == 0 { name } else { "" };
            let _ = writeln!(text, "  {}{part}", paint.dim(&format!("{name:<10}")));
        }
    };
    row("store", &sizes(view));
    row("dreams", &dreams(view));
    for (kind, name, words) in [
        (ChangeKind::Merged, "merged", ("duplicate", "duplicates")),
        (ChangeKind::Superseded, "resolved", ("contradiction, newest kept", "contradictions, newest kept")),
        (ChangeKind::Learned, "learned", ("correction or preference", "corrections and preferences")),
        (
            ChangeKind::Playbook,
            "playbooks",
            ("recovery seen in three or more sessions", "recoveries seen in three or more sessions"),
        ),
        (ChangeKind::Rewritten, "rewritten", ("statement", "statements")),
        (ChangeKind::Dropped, "dropped", ("statement, under a rule", "statements, under a rule")),
    ] {
        if let Some(n) = view.changes.get(&kind) {
            row(name, &count(*n, words.0, words.1));
        }
    }
    if !view.carried.is_empty() {
        row(
            "carried",
            &format!("{} over from the live store", count(view.carried.len() as u64, "write", "writes")),
        );
    }
    if !view.merged.is_empty() {
        let paths: Vec<_> = view.merged.iter().map(|merged| merged.path.to_string()).collect();
        row(
            "merged",
            &format!("with what the dream did, statement by statement: {}", line(&paths.join(", "))),
        );
    }
    if !view.conflicts.is_empty() {
        row(
            "conflicts",
            &format!(
                "{} changed on both sides, the live version is kept",
                count(view.conflicts.len() as u64, "memory", "memories")
            ),
        );
    }
    for edit in &view.edits {
        row("edited", &edit_words(edit));
    }
    if !view.late_conflicts.is_empty() {
        let paths: Vec<_> = view.late_conflicts.iter().map(|conflict| conflict.path.to_string()).collect();
        row(
            "late",
            &format!("writes to the old store, not carried over a newer one: {}", line(&paths.join(", "))),
        );
    }
    if !view.kept_files.is_empty() {
        let files = count(view.kept_files.len() as u64, "file", "files");
        row(
            "kept",
            &format!("{files} changed by hand, left as they are: {}", line(&view.kept_files.join(", "))),
        );
    }
    for (name, value) in target_rows(view) {
        row(name, &value);
    }
    if !view.verdicts.is_empty() {
        row("gates", &passed(&view.verdicts));
    }
    if let Some(by) = &view.approved_by {
        let overrides = match view.overrides.as_slice() {
            [] => String::new(),
            names => format!(", overriding {}", line(&names.join(", "))),
        };
        let reason = view.approval_reason.as_ref().map_or_else(String::new, |r| format!(": {}", line(r)));
        row("approved", &format!("by {}{overrides}{reason}", line(by)));
    }
    if let Some((by, reason)) = &state.rejection {
        let reason = reason.as_ref().map_or_else(String::new, |r| format!(": {}", line(r)));
        row("rejected", &format!("by {}{reason}", line(by)));
    }
    let next: String =
        next_commands(view, state).iter().map(|(command, what)| next_line(command, what, paint)).collect();
    let tail = if next.is_empty() { 0 } else { next.lines().count() + 1 };
    let room = HEIGHT.saturating_sub(text.lines().count() + tail);
    text.push_str(&standing_text(&view.verdicts, &view.run, screen, room));
    if !next.is_empty() {
        text.push('\n');
        text.push_str(&next);
    }
    text
}

/// Writes a command and what it is for, on lines that fit and can be copied.
fn next_line(command: &str, what: &str, paint: Paint) -> String {
    let (width, words) = (command.chars().count(), what.chars().count());
    let column = COMMAND_WIDTH.min((WIDTH - 3).saturating_sub(words));
    if width + words + 3 <= WIDTH {
        return format!("  {command:<column$} {}\n", paint.dim(what));
    }
    let (first, rest) = command.split_once(" --").unwrap_or((command, ""));
    let mut lines = vec![first.to_owned()];
    for option in rest.split(" --").filter(|option| !option.is_empty()) {
        let option = format!("--{option}");
        match lines.last_mut() {
            // Two columns go before the line, and two behind it where it goes on.
            Some(line) if line.chars().count() + option.chars().count() + 5 <= WIDTH => {
                *line = format!("{line} {option}");
            }
            _ => lines.push(format!("  {option}")),
        }
    }
    format!("  {}\n  {:<column$} {}\n", lines.join(" \\\n  "), "", paint.dim(what))
}

/// Says why a run stands where it stands.
fn because(view: &RunView, state: &RunState, screen: &Screen) -> String {
    match &state.phase {
        Phase::Unchanged => "the dream left nothing to adopt; its sessions count as read".to_owned(),
        Phase::OverBudget { .. } => {
            let budget = state.budget.map_or_else(String::new, |budget| format!("; the budget is {budget}"));
            let place = screen.set_at.as_ref().and_then(|places| places.get("budget"));
            let place = place.map_or_else(String::new, |place| format!(" ({place})"));
            format!("{}{budget}{place}", view.because)
        }
        _ => view.because.clone(),
    }
}

fn edit_words(edit: &EditView) -> String {
    let statements = |n| count(n, "statement", "statements");
    let what = match (edit.restored, edit.dropped) {
        (restored, 0) => format!("{} restored", statements(restored)),
        (0, dropped) => format!("{} dropped", statements(dropped)),
        (restored, dropped) => format!("{} restored, {} dropped", statements(restored), statements(dropped)),
    };
    format!("by {}: {what} in {}", line(&edit.by), count(edit.paths.len() as u64, "memory", "memories"))
}

/// Says what adoption did beside moving the alias.
pub(super) fn target_rows(view: &RunView) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(copy) = view.copy.as_ref().filter(|copy| copy.is_done) {
        let memories = |n: usize| count(n as u64, "memory", "memories");
        let named = |paths: Vec<&MemoryPath>| {
            line(&paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        };
        rows.push(("copied", format!("{} changed in the live store", memories(copy.written.len()))));
        let in_conflict: Vec<_> = copy.conflicts.iter().map(|conflict| &conflict.path).collect();
        for (paths, words) in [
            (in_conflict, "changed by agents meanwhile, left to them"),
            (copy.kept.iter().collect(), "kept, since one that may hold their text was left"),
            (copy.missing.iter().collect(), "not written, since the candidate holds their text no longer"),
        ] {
            if !paths.is_empty() {
                rows.push(("left", format!("{} {words}: {}", memories(paths.len()), named(paths))));
            }
        }
    }
    if !view.deployments.is_empty() {
        let patched = view.deployments.iter().filter(|one| one.is_patched).count();
        let left: Vec<String> = view
            .deployments
            .iter()
            .filter(|one| !one.is_patched)
            .map(|one| one.deployment.to_string())
            .collect();
        let all = count(view.deployments.len() as u64, "deployment", "deployments");
        let text = match left.as_slice() {
            [] => format!("{all} patched"),
            left => format!("{patched} of {all} patched, still on the old store: {}", line(&left.join(", "))),
        };
        rows.push(("patched", text));
    }
    if let Some(session) = &view.session {
        rows.push(("session", format!("{session} has the candidate attached")));
    }
    rows
}

fn phase(view: &RunView, paint: Paint) -> String {
    let words = view.phase.replace('_', " ");
    match view.phase {
        "adopted" | "unchanged" => paint.good(&words),
        "blocked" | "failed" | "dream_failed" | "canceled" | "rejected" => paint.bad(&words),
        "awaiting_review" | "over_budget" => paint.warn(&words),
        _ => words,
    }
}

fn sizes(view: &RunView) -> String {
    match (view.before, view.after) {
        (Some(before), Some(after)) => format!(
            "{}, {} → {} memories, {} → {}",
            view.store,
            grouped(before.entries),
            grouped(after.entries),
            bytes(before.bytes),
            bytes(after.bytes)
        ),
        (Some(before), None) => {
            format!(
                "{}, {} ({})",
                view.store,
                count(before.entries, "memory", "memories"),
                bytes(before.bytes)
            )
        }
        _ => view.store.clone(),
    }
}

fn dreams(view: &RunView) -> String {
    let (done, sessions) = view.progress();
    let progress = if done == view.dreams_planned {
        count(done as u64, "dream", "dreams")
    } else {
        format!("{done} of {}", count(view.dreams_planned as u64, "dream", "dreams"))
    };
    let estimate = view.estimate_usd.map_or_else(String::new, |range| {
        if range.high > 0.0 { format!(" (estimated {range})") } else { String::new() }
    });
    let cost = usd(view.cost_usd);
    format!(
        "{progress} over {}, {}, {cost}{estimate}",
        count(sessions, "session", "sessions"),
        line(&view.model)
    )
}

/// Returns the likely next commands, each with what it is for.
pub fn next_commands(view: &RunView, state: &RunState) -> Vec<(String, String)> {
    let run = &view.run;
    let pipeline = &view.pipeline;
    let to = |command: String, what: &str| (command, what.to_owned());
    match &state.phase {
        Phase::Adopted => {
            let mut commands = vec![to(format!("dreamrun diff {run}"), "what changed, and on what evidence")];
            // A raw store was left as it is: there is nothing to undo.
            if let StoreRef::Alias(alias) = &state.plan.store.reference {
                commands.push(to(format!("dreamrun rollback {alias}"), "undo it"));
            }
            commands
        }
        Phase::AwaitingReview(_) => {
            let [first, second] = looks(view, state);
            vec![
                first,
                second,
                to(format!("dreamrun approve {run}"), "adopt it"),
                to(format!("dreamrun reject {run} --reason …"), "drop it"),
            ]
        }
        Phase::Blocked(reasons) => {
            let blocking: String =
                needed_overrides(reasons).iter().map(|name| format!(" --override {name}")).collect();
            let [first, second] = looks(view, state);
            vec![
                first,
                second,
                to(format!("dreamrun approve {run}{blocking} --reason …"), "adopt it all the same"),
                to(format!("dreamrun reject {run} --reason …"), "drop it"),
            ]
        }
        Phase::DreamFailed { .. } => vec![
            to(format!("dreamrun apply {pipeline}"), "try again, keeping finished dreams"),
            to(format!("dreamrun cancel {run}"), "give up"),
        ],
        Phase::OverBudget { spent, next, .. } => vec![
            (
                format!("dreamrun apply {pipeline}"),
                format!("go on, once `max_usd` is {}", whole_cents(*spent + *next)),
            ),
            to(format!("dreamrun cancel {run}"), "give up"),
        ],
        Phase::Failed(_) | Phase::Canceled | Phase::Rejected => {
            vec![to(format!("dreamrun apply {pipeline}"), "start a new run")]
        }
        Phase::Unchanged => Vec::new(),
        // What agents can see of it can only be finished.
        Phase::Adopting { .. } if state.copy.is_some() => {
            vec![to(format!("dreamrun apply {pipeline}"), "continue")]
        }
        Phase::Adopting { .. } if state.has_alias_moved => vec![
            to(format!("dreamrun apply {pipeline}"), "continue"),
            to(format!("dreamrun cancel {run}"), "leave it at what is adopted"),
        ],
        Phase::Requested { .. } => vec![
            to(format!("dreamrun apply {pipeline}"), "look for it, never ask twice"),
            to(format!("dreamrun cancel {run}"), "give up"),
        ],
        _ => vec![
            to(format!("dreamrun apply {pipeline}"), "continue"),
            to(format!("dreamrun cancel {run}"), "give up"),
        ],
    }
}

/// Rounds an amount up to a cent, so that a budget of it is enough.
fn whole_cents(amount: Usd) -> Usd {
    Usd::from_micros(amount.micros().div_ceil(10_000).saturating_mul(10_000))
}

/// Returns the two ways to look at a candidate, the one that helps more first.
fn looks(view: &RunView, state: &RunState) -> [(String, String); 2] {
    let run = &view.run;
    let review = (format!("dreamrun diff {run} --review"), by_statement(state));
    let diff = (format!("dreamrun diff {run}"), "look at it".to_owned());
    let standing = view.verdicts.iter().filter(|verdict| verdict.outcome > Outcome::Unchanged);
    // Where a statement stands in the way, putting it right costs less than another dream.
    if standing.flat_map(|verdict| &verdict.findings).any(|finding| finding.line.is_some()) {
        [review, diff]
    } else {
        [diff, review]
    }
}

/// Says what stepping through the statements of a run is good for.
fn by_statement(state: &RunState) -> String {
    let lost = state.judgment.as_ref().and_then(|judgment| judgment.fates).map_or(0, |fates| fates.lost);
    match lost {
        0 => "keep, drop or restore statements".to_owned(),
        lost => format!("restore {}", count(lost, "lost statement", "lost statements")),
    }
}

/// Returns what an approval has to override by name to get past these reasons.
pub fn needed_overrides(reasons: &[Reason]) -> Vec<String> {
    reasons
        .iter()
        .filter_map(|reason| match reason {
            Reason::Gate { gate, outcome } if *outcome >= Outcome::Block => Some(gate.clone()),
            Reason::Drift => Some(DRIFT.to_owned()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
