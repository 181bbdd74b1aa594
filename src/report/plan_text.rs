//! A plan as people read it: one screen.

use std::cmp::Reverse;
use std::fmt::Write as _;

use crate::ids::PipelineName;
use crate::plan::Plan;
use crate::plan::outline::Outline;
use crate::plan::report::{LeftOutReason, NotDue};
use crate::price::Usd;
use crate::spec::pipeline::{
    Adopt, AdoptMode, Drift, GateSpec, InjectionLevels, Level, LostLimits, OnUnchanged, Order, Permission,
    Pipeline, PolicyRule, ProbeLevels, ProbeRule, Since, Target, Threshold, Thresholds,
};

use super::plan_view::{ChangedView, PipelineChanges, store_name};
use super::words::{Paint, bytes, count, filled, grouped, line, plain};

/// The most lines of instructions that are shown unless everything is asked for.
const INSTRUCTION_LINES: usize = 12;
/// The widest line of gates, beside the twelve columns before it.
const GATES_WIDTH: usize = 88;
/// How many digits of a commit's name are shown.
const COMMIT_DIGITS: usize = 10;
/// The most session ids that are shown for one dream unless everything is asked for.
const SESSIONS_SHOWN: usize = 3;
/// The most reasons why sessions were left out, where nothing is due.
const REASONS_SHOWN: usize = 3;

/// Writes what changed since a revision.
pub fn changed_text(changed: &ChangedView, paint: Paint) -> String {
    let commit: String = changed.commit.chars().take(COMMIT_DIGITS).collect();
    let head = format!("since {} ({commit})", line(&changed.since));
    let n = changed.pipelines.len() as u64;
    let mut text = match n {
        0 => format!("no pipeline changed {head}\n"),
        _ => format!("{} changed {head}:\n", count(n, "pipeline", "pipelines")),
    };
    for PipelineChanges { pipeline, is_new, changes } in &changed.pipelines {
        let note = if *is_new { " is new" } else { "" };
        let _ = writeln!(text, "  {}{note}", paint.bold(pipeline.as_str()));
        for change in changes {
            let _ = writeln!(text, "    {}", line(change));
        }
    }
    for (what, names) in [("gone", &changed.removed), ("as they were", &changed.unchanged)] {
        if !names.is_empty() {
            let names: Vec<&str> = names.iter().map(PipelineName::as_str).collect();
            let _ = writeln!(text, "  {}", paint.dim(&format!("{what}: {}", names.join(", "))));
        }
    }
    text
}

/// Writes a plan. `is_verbose` shows every session and every line of instructions.
pub fn plan_text(plan: &Plan, pipeline: &Pipeline, paint: Paint, is_verbose: bool) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "  {}{value}", paint.dim(&format!("{name:<10}")));
    };
    let store = &plan.store;
    row(
        "store",
        &format!(
            "{}, {} ({}){}",
            store_name(&store.reference),
            count(store.entries, "memory", "memories"),
            bytes(store.bytes),
            if store.id.is_none() { ", to be imported" } else { "" }
        ),
    );
    row("sessions", &sessions(plan, pipeline));
    row("model", &format!("{}, {}", line(&plan.model), money(plan)));
    row("gates", &gates(&plan.gates));
    row("adopt", &line(&adopt(&plan.adopt)));
    if let Some(interval) = pipeline.min_interval {
        row("schedule", &format!("at least {interval:#} between runs"));
    }

    let mut head = format!(
        "{} {}",
        paint.bold(plan.pipeline.as_str()),
        paint.dim(&line(&pipeline.file.display().to_string()))
    );
    if !pipeline.description.is_empty() {
        let _ = write!(head, "\n  {}", line(pipeline.description.trim()));
    }
    let mut all = format!("{head}\n\n{text}\n");
    dreams(&mut all, plan, paint, is_verbose);
    notes(&mut all, plan, paint, is_verbose);
    let _ = writeln!(all, "{}", verdict(plan, paint));
    all
}

fn sessions(plan: &Plan, pipeline: &Pipeline) -> String {
    let chosen: u64 = plan.batches.iter().map(|batch| batch.sessions.len() as u64).sum();
    let since = match &pipeline.sessions.since {
        Since::Beginning => "since the beginning".to_owned(),
        Since::LastAdopted => "not read by an adopted run".to_owned(),
        Since::Instant(instant) => format!("since {instant:.0}"),
        Since::Within(span) => format!("of the last {span:#}"),
    };
    let order = match pipeline.sessions.order {
        Order::Oldest => "oldest first",
        Order::Newest => "newest first",
    };
    format!("{} of {} waiting, {since}, {order}", grouped(chosen), grouped(u64::from(plan.report.waiting)))
}

fn money(plan: &Plan) -> String {
    let estimate = plan.estimate.map_or_else(|| "price not known".to_owned(), |range| range.to_string());
    let budget = plan.budget.map_or_else(String::new, |budget| format!(" of a budget of {budget}"));
    let tokens: u64 = plan.batches.iter().map(|batch| batch.tokens).sum();
    let about = match tokens {
        0 => String::new(),
        tokens => format!("about {} tokens: ", grouped(tokens)),
    };
    format!("{estimate}{budget} ({about}{})", plan.report.basis)
}

/// Writes gates in lines of a readable width, each line but the first below the value column.
fn gates(specs: &[GateSpec]) -> String {
    let parts: Vec<String> = specs.iter().map(|spec| line(&gate(spec))).collect();
    filled(&parts, " · ", GATES_WIDTH).join(&format!("\n{:12}", ""))
}

/// Writes a gate with its settings, as `entries_removed review>60% block>80%`.
pub fn gate(spec: &GateSpec) -> String {
    let name = spec.name();
    let settings = match spec {
        GateSpec::Lost(limits) => lost(limits),
        GateSpec::EntriesRemoved(limits)
        | GateSpec::EntriesAdded(limits)
        | GateSpec::Convergence(limits)
        | GateSpec::Contradictions(limits) => thresholds(limits),
        GateSpec::SizeReduction { min, max, otherwise } => {
            let side = |name: &str, share: Option<f64>| share.map(|share| format!(" {name} {share}%"));
            let sides: String = [side("below", *min), side("above", *max)].into_iter().flatten().collect();
            format!("{}{sides}", level(*otherwise))
        }
        GateSpec::Policy(rules) => rules.iter().map(policy).collect::<Vec<_>>().join(", "),
        GateSpec::Cost { review, block } => {
            let side = |name: &str, amount: Option<Usd>| amount.map(|amount| format!("{name}>{amount}"));
            let sides: Vec<_> =
                [side("review", *review), side("block", *block)].into_iter().flatten().collect();
            sides.join(" ")
        }
        GateSpec::Bytes { shrink, grow } => {
            let side = |name: &str, limits: &Thresholds| match thresholds(limits) {
                text if text.is_empty() => String::new(),
                text => format!("{name} {text}"),
            };
            [side("shrink", shrink), side("grow", grow)]
                .into_iter()
                .filter(|text| !text.is_empty())
                .collect::<Vec<_>>()
                .join(", ")
        }
        GateSpec::Unchanged(OnUnchanged::Skip) => "skip".to_owned(),
        GateSpec::Unchanged(OnUnchanged::Review) => "review".to_owned(),
        GateSpec::Unchanged(OnUnchanged::Pass) => "pass".to_owned(),
        GateSpec::Protected { paths, statements, on_change } => {
            let pins = match statements.len() as u64 {
                0 => String::new(),
                pins => format!(" {}", count(pins, "statement", "statements")),
            };
            let paths: String = paths.iter().map(|path| format!(" {path}")).collect();
            format!("{}{paths}{pins}", level(*on_change))
        }
        GateSpec::Limits { on_exceed, entries } => {
            format!("{} over {}", level(*on_exceed), grouped(*entries))
        }
        GateSpec::Secrets(on_found) => level(*on_found).to_owned(),
        GateSpec::Injection(InjectionLevels { instructions, hidden, untrusted }) => {
            if instructions == hidden && untrusted.is_none() {
                return format!("{name} {}", hidden.map_or("off", level));
            }
            let kinds = [("instructions", instructions), ("hidden", hidden), ("untrusted", untrusted)];
            let kinds =
                kinds.into_iter().filter_map(|(kind, on)| on.map(|on| format!("{kind}>{}", level(on))));
            kinds.collect::<Vec<_>>().join(" ")
        }
        GateSpec::Forget(file) => file.display().to_string(),
        GateSpec::Probes(ProbeLevels { file, review, block }) => {
            let word = |rule: &ProbeRule| match rule {
                ProbeRule::AnyRegression => "any regression",
                ProbeRule::AnyFailure => "any failure",
            };
            let side =
                |name: &str, rule: &Option<ProbeRule>| rule.as_ref().map(|r| format!(" {name} {}", word(r)));
            let sides: String =
                [side("review", review), side("block", block)].into_iter().flatten().collect();
            format!("{}{sides}", file.display())
        }
        GateSpec::Assert(assertions) => count(assertions.len() as u64, "expression", "expressions"),
    };
    format!("{name} {settings}").trim_end().to_owned()
}

fn lost(limits: &LostLimits) -> String {
    let mut parts = vec![thresholds(&limits.run)];
    parts.extend(limits.windows.iter().map(|w| format!("{} days {}", w.days, thresholds(&w.limits))));
    parts.extend(limits.paths.iter().map(|c| format!("{} {}", c.paths.join(" "), thresholds(&c.limits))));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn policy(rule: &PolicyRule) -> String {
    let PolicyRule { paths, add, edit, remove, moving, lose } = rule;
    let mut text = paths.join(" ");
    let changes = [("add", add), ("edit", edit), ("remove", remove), ("move", moving), ("lose", lose)];
    for (change, permission) in changes.into_iter().filter_map(|(change, p)| p.map(|p| (change, p))) {
        let word = match permission {
            Permission::Allow => "allow",
            Permission::Review => "review",
            Permission::Block => "block",
        };
        text.push_str(&format!(" {change}:{word}"));
    }
    text
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Review => "review",
        Level::Block => "block",
    }
}

fn thresholds(limits: &Thresholds) -> String {
    let one = |name: &str, limit: Option<Threshold>| {
        limit.map(|limit| match limit {
            Threshold::Percent(percent) => format!("{name}>{percent}%"),
            Threshold::Count(count) => format!("{name}≥{count}"),
        })
    };
    [one("review", limits.review), one("block", limits.block)]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Writes what happens to a good candidate.
pub fn adopt(adopt: &Adopt) -> String {
    let mode = match adopt.mode {
        AdoptMode::Auto => "automatic when every gate passes",
        AdoptMode::Review => "after a person approves",
    };
    let target = match &adopt.target {
        Target::Pointer => "the alias moves".to_owned(),
        Target::Directory(folder) => format!("the alias moves and `{}` is written", folder.display()),
        Target::CopyBack => "entries are copied back".to_owned(),
        Target::Deployment(ids) => {
            let are = if ids.len() == 1 { "is" } else { "are" };
            format!("{} {are} patched", count(ids.len() as u64, "deployment", "deployments"))
        }
        Target::Session { .. } => "a session is created".to_owned(),
    };
    let drift = match adopt.drift {
        Drift::Rebase => "live writes are carried over",
        Drift::Review => "live writes ask for review",
        Drift::Block => "live writes block",
    };
    format!("{mode}; {target}; {drift}")
}

fn dreams(text: &mut String, plan: &Plan, paint: Paint, is_verbose: bool) {
    for batch in &plan.batches {
        let input = if batch.index == 1 {
            "the live store".to_owned()
        } else {
            format!("the output of dream {}", batch.index - 1)
        };
        let estimate = batch.estimate.map_or_else(String::new, |range| format!(", {range}"));
        let _ = writeln!(
            text,
            "  {} reads {input} and {}{}",
            paint.bold(&format!("dream {} of {}", batch.index, plan.batches.len())),
            count(batch.sessions.len() as u64, "session", "sessions"),
            paint.dim(&format!(" (about {} tokens{estimate})", grouped(batch.tokens))),
        );
        let shown = if is_verbose { batch.sessions.len() } else { SESSIONS_SHOWN };
        let (first, rest) = batch.sessions.split_at(shown.min(batch.sessions.len()));
        let mut names = first.iter().map(|id| line(id.as_str())).collect::<Vec<_>>().join(", ");
        match rest {
            [] => {}
            [last] => {
                let _ = write!(names, ", {}", line(last.as_str()));
            }
            [.., last] => {
                let _ = write!(names, " … {}", line(last.as_str()));
            }
        }
        let _ = writeln!(text, "    {}", paint.dim(&names));
        instructions(text, plan, batch.index, paint, is_verbose);
    }
    if !plan.batches.is_empty() {
        text.push('\n');
    }
}

/// Writes a dream's instructions, unless they are the same as those of the dream before.
fn instructions(text: &mut String, plan: &Plan, index: u32, paint: Paint, is_verbose: bool) {
    let of = |index: u32| plan.batches.get((index as usize).checked_sub(1)?)?.instructions.as_ref();
    let Some(rendered) = of(index) else { return };
    if index > 1 && of(index - 1).is_some_and(|before| before.sha256 == rendered.sha256) {
        let _ = writeln!(text, "    {}", paint.dim("same instructions"));
        return;
    }
    let body = plain(rendered.text().unwrap_or_default().trim_end());
    let lines: Vec<&str> = body.lines().collect();
    let shown = if is_verbose { lines.len() } else { INSTRUCTION_LINES.min(lines.len()) };
    for shown in &lines[..shown] {
        let _ = writeln!(text, "    {} {shown}", paint.dim("│"));
    }
    if shown < lines.len() {
        let more = count((lines.len() - shown) as u64, "more line", "more lines");
        let _ = writeln!(text, "    {}", paint.dim(&format!("│ … {more} (-v shows all)")));
    }
}

fn notes(text: &mut String, plan: &Plan, paint: Paint, is_verbose: bool) {
    let report = &plan.report;
    let before = text.len();
    if !report.went_on.is_empty() {
        let sessions = count(report.went_on.len() as u64, "session", "sessions");
        let _ = writeln!(text, "  {sessions} went on since last read, read again");
    }
    for (reason, n) in report.left_out_by_reason() {
        let _ = writeln!(
            text,
            "  {} left out: {}",
            count(n as u64, "session", "sessions"),
            line(&reason.to_string())
        );
        let is_old = is_read(reason) || matches!(reason, LeftOutReason::PassedOver { .. });
        if is_verbose && !is_old {
            let of_reason = report.left_out.iter().filter(|left_out| left_out.reason == *reason);
            for left_out in of_reason {
                let _ = writeln!(text, "    {}", paint.dim(&line(left_out.session.as_str())));
            }
        }
    }
    if let Some(near) = &report.unlisted_model {
        let near: Vec<String> = near.iter().map(|name| line(name)).collect();
        let near = match near.is_empty() {
            true => String::new(),
            false => format!(" (near it: {})", near.join(", ")),
        };
        let _ = writeln!(
            text,
            "  {} the backend lists no model `{}`{near}; a dream of it may be refused",
            paint.warn("note:"),
            line(&plan.model)
        );
    }
    let is_reason = matches!(plan.not_due, Some(NotDue::NoFile { .. }));
    for glob in report.unmatched.iter().filter(|_| !is_reason) {
        let _ = writeln!(text, "  {} no file matches `{}`", paint.warn("note:"), line(glob));
    }
    for (file, reason) in report.unreadable.iter().filter(|(file, _)| !report.unmatched.contains(file)) {
        let _ = writeln!(text, "  {} {}: {}", paint.warn("not read:"), line(file), line(reason));
    }
    if report.skipped_lines > 0 {
        let lines = count(report.skipped_lines, "line", "lines");
        let _ = writeln!(text, "  {lines} of these transcripts cannot be read and will be skipped");
    }
    if let Some(last) = &report.last_run {
        for change in &report.changed {
            let _ = writeln!(text, "  {} since {last}: {}", paint.warn("changed"), line(change));
        }
    }
    if text.len() > before {
        text.push('\n');
    }
}

/// Says whether a session stays out because it was read.
fn is_read(reason: &LeftOutReason) -> bool {
    matches!(reason, LeftOutReason::AlreadyRead | LeftOutReason::ReadLast { .. })
}

/// Writes why nothing is due, when it will be, and what to do about it if that is up to a person.
pub fn not_due(reason: &NotDue, plan: &Plan, paint: Paint) -> String {
    let mut text = line(&reason.to_string());
    let mut tell = |words: &str| {
        let _ = write!(text, "\n  {}", paint.dim(words));
    };
    match reason {
        NotDue::TooFew { waiting, min } => {
            let sessions = count(u64::from(min.saturating_sub(*waiting)), "more session", "more sessions");
            tell(&format!("due with {sessions}"));
            // What earlier runs read is no surprise.
            let counts = plan.report.left_out_by_reason();
            let mut counts: Vec<_> = counts.into_iter().filter(|(reason, _)| !is_read(reason)).collect();
            counts.sort_by_key(|&(_, n)| Reverse(n));
            for &(reason, n) in counts.iter().take(REASONS_SHOWN) {
                tell(&format!("{} left out: {reason}", count(n as u64, "session", "sessions")));
            }
            if counts.len() > REASONS_SHOWN {
                let command = format!("dreamrun plan {}", plan.pipeline);
                tell(&format!("and others: {command}"));
            }
        }
        NotDue::NoFile { .. } => {
            let command = "dreamrun validate";
            let _ = write!(text, "\n  {command:<44} {}", paint.dim("shows where the pipeline says so"));
        }
        NotDue::TooSoon { .. } => {
            let sessions = count(u64::from(plan.report.waiting), "session waits", "sessions wait");
            tell(&format!("{sessions}; due after that"));
        }
        NotDue::OnHold(_) => {
            let command = format!("dreamrun rollback {} --release", store_name(&plan.store.reference));
            let _ = write!(text, "\n  {command:<44} {}", paint.dim("lets runs start again"));
        }
    }
    text
}

fn verdict(plan: &Plan, paint: Paint) -> String {
    match &plan.not_due {
        Some(reason) => {
            let because = not_due(reason, plan, paint);
            format!("{} {}: {because}", paint.good("Nothing due"), plan.pipeline)
        }
        None => {
            let sessions: u64 = plan.batches.iter().map(|batch| batch.sessions.len() as u64).sum();
            format!(
                "{} {} over {} as run {}",
                paint.bold("Plan:"),
                match plan.batches.len() as u64 {
                    1 => "1 dream".to_owned(),
                    n => format!("{n} chained dreams"),
                },
                count(sessions, "session", "sessions"),
                paint.bold(&plan.run.to_string()),
            )
        }
    }
}

/// Writes what a pipeline file says on its own.
pub fn outline_text(outline: &Outline, pipeline: &Pipeline, paint: Paint) -> String {
    let mut text = format!("{} {}\n", paint.bold(outline.pipeline.as_str()), paint.dim(&line(&outline.file)));
    if !pipeline.description.is_empty() {
        let _ = writeln!(text, "  {}", line(pipeline.description.trim()));
    }
    text.push('\n');
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "  {}{value}", paint.dim(&format!("{name:<10}")));
    };
    row("store", &store_name(&pipeline.store));
    row(
        "sessions",
        &match (outline.sessions_at_most, outline.dreams_at_most) {
            (Some(sessions), Some(1)) => {
                format!("up to {}, in one dream", count(u64::from(sessions), "session", "sessions"))
            }
            (Some(sessions), Some(dreams)) => format!(
                "up to {}, in up to {dreams} chained dreams",
                count(u64::from(sessions), "session", "sessions")
            ),
            _ => format!("all there are, {} for each dream", pipeline.batch.size),
        },
    );
    row("model", &line(&outline.model));
    row("gates", &gates(&outline.gates));
    row("adopt", &line(&adopt(&outline.adopt)));
    if let Some(template) = &outline.instructions {
        let _ = writeln!(text, "  {}", paint.dim("template"));
        for shown in plain(template.trim_end()).lines() {
            let _ = writeln!(text, "    {} {shown}", paint.dim("│"));
        }
    }
    text
}
