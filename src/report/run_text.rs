//! A run as people read it.

use std::fmt::Write as _;

use crate::adoption::decide::{DRIFT, Reason};
use crate::dream::ChangeKind;
use crate::gate::verdict::{Outcome, Verdict};
use crate::journal::run_state::{Phase, RunState};
use crate::memory::MemoryPath;
use crate::spec::pipeline::StoreRef;

use super::plan_view::usd;
use super::run_view::{EditView, RunView};
use super::words::{Paint, bytes, count, grouped, line};

/// The most findings shown for one gate.
const FINDINGS_SHOWN: usize = 5;

/// Writes where a run stands or how it ended, with the likely next commands.
pub fn run_text(view: &RunView, state: &RunState, paint: Paint) -> String {
    let mut text = format!("{} {}\n", paint.bold(&view.run.to_string()), phase(view, paint));
    if !view.because.is_empty() {
        let _ = writeln!(text, "  {}", line(&view.because));
    }
    text.push('\n');
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "  {}{value}", paint.dim(&format!("{name:<10}")));
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
        row("gates", &gates(&view.verdicts, paint));
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
    findings(&mut text, &view.verdicts, paint);
    let next = next_commands(view, state);
    if !next.is_empty() {
        text.push('\n');
        for (command, what) in next {
            let _ = writeln!(text, "  {command:<44} {}", paint.dim(&what));
        }
    }
    text
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
    let done = view.dreams.iter().filter(|dream| dream.status.is_some()).count();
    let sessions: u64 = view.dreams.iter().map(|dream| dream.sessions).sum();
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

fn gates(verdicts: &[Verdict], paint: Paint) -> String {
    let passed = verdicts.iter().filter(|v| v.outcome <= Outcome::Unchanged).count();
    let mut parts = vec![format!("{passed} of {} passed", verdicts.len())];
    for verdict in verdicts.iter().filter(|v| v.outcome > Outcome::Unchanged) {
        parts.push(format!("{} {}", line(&verdict.gate), outcome(verdict.outcome, paint)));
    }
    parts.join(", ")
}

fn outcome(outcome: Outcome, paint: Paint) -> String {
    match outcome {
        Outcome::Pass => paint.good("passes"),
        Outcome::Unchanged => paint.dim("unchanged"),
        Outcome::Review => paint.warn("asks for review"),
        Outcome::Block => paint.bad("blocks"),
        Outcome::Undecided => paint.bad("could not decide"),
    }
}

/// Writes every gate's answer, with the places behind it.
pub fn verdicts_text(verdicts: &[Verdict], paint: Paint) -> String {
    let mut text = String::new();
    for verdict in verdicts {
        let limit =
            if verdict.limit.is_empty() { String::new() } else { format!(" ({})", line(&verdict.limit)) };
        let _ = writeln!(
            text,
            "  {:<16} {}: {}{}",
            line(&verdict.gate),
            outcome(verdict.outcome, paint),
            line(&verdict.measured),
            paint.dim(&limit)
        );
    }
    text
}

fn findings(text: &mut String, verdicts: &[Verdict], paint: Paint) {
    for verdict in verdicts.iter().filter(|v| v.outcome > Outcome::Unchanged) {
        let _ = writeln!(
            text,
            "\n  {} {}: {}",
            paint.bold(&line(&verdict.gate)),
            outcome(verdict.outcome, paint),
            line(&verdict.measured)
        );
        if !verdict.limit.is_empty() {
            let _ = writeln!(text, "    {}", paint.dim(&line(&verdict.limit)));
        }
        for finding in verdict.findings.iter().take(FINDINGS_SHOWN) {
            let place = match (&finding.path, finding.line) {
                (Some(path), Some(line)) => format!("{path}:{line}: "),
                (Some(path), None) => format!("{path}: "),
                _ => String::new(),
            };
            let _ = writeln!(text, "    {}{}", line(&place), line(&finding.note));
        }
        if verdict.findings.len() > FINDINGS_SHOWN {
            let _ = writeln!(
                text,
                "    {}",
                paint.dim(&format!("… {} more", verdict.findings.len() - FINDINGS_SHOWN))
            );
        }
    }
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
        Phase::AwaitingReview(_) => vec![
            to(format!("dreamrun diff {run}"), "look at it"),
            to(format!("dreamrun diff {run} --review"), &by_statement(state)),
            to(format!("dreamrun approve {run}"), "adopt it"),
            to(format!("dreamrun reject {run} --reason …"), "drop it"),
        ],
        Phase::Blocked(reasons) => {
            let blocking: String =
                needed_overrides(reasons).iter().map(|name| format!(" --override {name}")).collect();
            vec![
                to(format!("dreamrun diff {run}"), "look at it"),
                to(format!("dreamrun diff {run} --review"), &by_statement(state)),
                to(format!("dreamrun reject {run} --reason …"), "drop it"),
                to(format!("dreamrun approve {run}{blocking} --reason …"), "adopt it all the same"),
            ]
        }
        Phase::DreamFailed { .. } => vec![
            to(format!("dreamrun apply {pipeline}"), "try again, keeping finished dreams"),
            to(format!("dreamrun cancel {run}"), "give up"),
        ],
        Phase::OverBudget { .. } => vec![
            to(format!("dreamrun apply {pipeline}"), "go on, once `budget.max_usd` is raised"),
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
        _ => vec![
            to(format!("dreamrun apply {pipeline}"), "continue"),
            to(format!("dreamrun cancel {run}"), "give up"),
        ],
    }
}

/// Says what stepping through the statements of a run is good for.
fn by_statement(state: &RunState) -> String {
    let lost = state.judgment.as_ref().and_then(|judgment| judgment.fates).map_or(0, |fates| fates.lost);
    match lost {
        0 => "keep, drop or restore single statements".to_owned(),
        lost => format!("restore {}, or not", count(lost, "lost statement", "lost statements")),
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
