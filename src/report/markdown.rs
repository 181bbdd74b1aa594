//! Plans and runs as Markdown, for job summaries and comments.
//!
//! Made for places that many people read: it names stores, sizes, gates and verdicts, and holds no
//! memory text, no transcript and no instructions. Everything from outside is escaped.

use std::fmt::Write as _;

use crate::gate::verdict::Outcome;
use crate::spec::pipeline::GateSpec;

use super::plan_text::gate;
use super::plan_view::{ChangedView, PipelineChanges, PlanView, RangeView, usd};
use super::run_view::RunView;
use super::words::{bytes, count, grouped, plain};

/// The most findings written for one gate.
const FINDINGS_SHOWN: usize = 5;

/// Makes text show as it is in a line or table cell of Markdown that may hold HTML.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' | '\t' => out.push(' '),
            // Forges look for mentions and references in what Markdown has become, so the sign alone is not
            // enough: a space without width keeps it from what follows.
            '@' | '#' => {
                let _ = write!(out, "&#{};&#8203;", c as u32);
            }
            '\\' | '`' | '*' | '[' | ']' | '|' | '~' => {
                let _ = write!(out, "&#{};", c as u32);
            }
            c => out.push(c),
        }
    }
    out.replace("://", ":&#8203;//").replace("www.", "www&#8203;.")
}

/// Writes what a pipeline would do.
pub fn plan_markdown(plan: &PlanView) -> String {
    let mut text = format!("### {}\n\n", escaped(plan.pipeline.as_str()));
    if let Some(not_due) = &plan.not_due {
        let _ = writeln!(text, "Nothing due: {}.\n", escaped(&not_due.message));
        return text;
    }
    let sessions: u64 = plan.dreams.iter().map(|dream| dream.sessions.len() as u64).sum();
    let _ = writeln!(
        text,
        "**{}** over {} as run {}.\n",
        count(plan.dreams.len() as u64, "dream", "chained dreams"),
        count(sessions, "session", "sessions"),
        escaped(&plan.run.to_string())
    );
    let mut rows = vec![
        (
            "store",
            format!(
                "{}, {} ({})",
                escaped(&plan.store.name),
                count(plan.store.entries, "memory", "memories"),
                bytes(plan.store.bytes)
            ),
        ),
        ("model", escaped(&plan.model)),
        ("may cost", cost(plan.estimate_usd.as_ref(), plan.budget_usd)),
        (
            "gates",
            plan.gates.iter().map(|spec: &GateSpec| escaped(&gate(spec))).collect::<Vec<_>>().join("<br>"),
        ),
        ("adopt", escaped(&super::plan_text::adopt(&plan.adopt))),
    ];
    for left_out in &plan.left_out {
        let n = count(left_out.sessions.len() as u64, "session", "sessions");
        rows.push(("left out", format!("{n}: {}", escaped(&left_out.message))));
    }
    for change in &plan.changed_since_last_run {
        rows.push(("changed", escaped(change)));
    }
    table(&mut text, &rows);
    text
}

/// Writes what changed since a revision.
pub fn changed_markdown(changed: &ChangedView) -> String {
    let since = escaped(&changed.since);
    if changed.is_empty() {
        return format!("Nothing changed since {since}.\n\n");
    }
    let mut text = format!("Changed since {since}:\n\n");
    for PipelineChanges { pipeline, is_new, changes } in &changed.pipelines {
        let note = if *is_new { " is new" } else { "" };
        let _ = writeln!(text, "- **{}**{note}", escaped(pipeline.as_str()));
        for change in changes {
            let _ = writeln!(text, "  - {}", escaped(change));
        }
    }
    for name in &changed.removed {
        let _ = writeln!(text, "- **{}** is gone", escaped(name.as_str()));
    }
    text.push('\n');
    text
}

/// Writes where a run stands or how it ended.
pub fn run_markdown(run: &RunView) -> String {
    let phase = run.phase.replace('_', " ");
    let mut text = format!("### {}: {phase}\n\n", escaped(&run.run.to_string()));
    if !run.because.is_empty() {
        let _ = writeln!(text, "{}.\n", escaped(&run.because));
    }
    let mut rows = vec![("store", escaped(&run.store))];
    if let (Some(before), Some(after)) = (run.before, run.after) {
        rows.push(("memories", format!("{} → {}", grouped(before.entries), grouped(after.entries))));
        rows.push(("size", format!("{} → {}", bytes(before.bytes), bytes(after.bytes))));
    }
    let (done, sessions) = run.progress();
    rows.push((
        "dreams",
        format!(
            "{done} of {}, {}, {}",
            run.dreams_planned,
            count(sessions, "session", "sessions"),
            escaped(&run.model)
        ),
    ));
    rows.push(("spent", dollars(run.cost_usd)));
    for (kind, n) in &run.changes {
        rows.push((super::diff_text::verb(*kind), grouped(*n)));
    }
    if !run.carried.is_empty() {
        rows.push(("carried over", count(run.carried.len() as u64, "live write", "live writes")));
    }
    if !run.merged.is_empty() {
        let memories = count(run.merged.len() as u64, "memory", "memories");
        rows.push((
            "merged",
            format!("{memories} that agents and the dream changed, statement by statement"),
        ));
    }
    for (name, value) in super::run_text::target_rows(run) {
        rows.push((name, escaped(&value)));
    }
    if let Some(by) = &run.approved_by {
        rows.push(("approved by", escaped(by)));
    }
    table(&mut text, &rows);
    verdicts(&mut text, run);
    text
}

fn verdicts(text: &mut String, run: &RunView) {
    if run.verdicts.is_empty() {
        return;
    }
    text.push_str("| Gate | Verdict | Measured | Limit |\n|---|---|---|---|\n");
    for verdict in &run.verdicts {
        let outcome = match verdict.outcome {
            Outcome::Pass => "passes",
            Outcome::Unchanged => "unchanged",
            Outcome::Review => "**asks for review**",
            Outcome::Block => "**blocks**",
            Outcome::Undecided => "**could not decide**",
        };
        let _ = writeln!(
            text,
            "| {} | {outcome} | {} | {} |",
            escaped(&verdict.gate),
            escaped(&verdict.measured),
            escaped(&verdict.limit)
        );
    }
    text.push('\n');
    for verdict in run.verdicts.iter().filter(|verdict| verdict.outcome > Outcome::Unchanged) {
        for finding in verdict.findings.iter().take(FINDINGS_SHOWN) {
            let place = match (&finding.path, finding.line) {
                (Some(path), Some(line)) => format!("{path}:{line}: "),
                (Some(path), None) => format!("{path}: "),
                (None, _) => String::new(),
            };
            let gate = escaped(&verdict.gate);
            let _ = writeln!(text, "- {gate}: {}{}", escaped(&place), escaped(&finding.note));
        }
        if verdict.findings.len() > FINDINGS_SHOWN {
            let more = verdict.findings.len() - FINDINGS_SHOWN;
            let _ = writeln!(text, "- {}: {more} more", escaped(&verdict.gate));
        }
    }
}

fn table(text: &mut String, rows: &[(&str, String)]) {
    text.push_str("| | |\n|---|---|\n");
    for (name, value) in rows {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    text.push('\n');
}

fn dollars(amount: f64) -> String {
    usd(amount).to_string()
}

fn cost(estimate: Option<&RangeView>, budget: Option<f64>) -> String {
    let estimate = match estimate {
        None => "not known".to_owned(),
        Some(range) => range.to_string(),
    };
    match budget {
        Some(budget) => format!("{estimate} of a budget of {}", dollars(budget)),
        None => estimate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_become_markup() {
        let text = escaped("a|b <img src=x> [l](u) @team `c`\nd \u{202e}");
        assert!(!text.contains(['|', '<', '[', '@', '`', '\n', '\u{202e}']), "{text}");
        assert_eq!(escaped("plain 5%"), "plain 5%");
        assert_eq!(escaped("@team #12"), "&#64;&#8203;team &#35;&#8203;12", "no mention, no reference");
        assert_eq!(escaped("https://x www.y"), "https:&#8203;//x www&#8203;.y", "no link");
    }
}
