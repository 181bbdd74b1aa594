//! A run as one HTML file: for mail, for an artifact of a CI job, for printing.
//!
//! The file needs no network and no script, and its own policy forbids both. All memory text in it was
//! redacted when its rows were made, is escaped here, and shows its hidden characters. Its size is bounded:
//! what does not fit is counted, and the page says how to see it.

mod charts;
mod markup;
mod marks;
mod statements;
mod three_way;

use jiff::Timestamp;

use crate::gate::verdict::{Outcome, Verdict};
use crate::ledger::FateCounts;
use crate::ledger::window::RunLosses;
use crate::memory::MemoryPath;

use super::fates::{FateRow, NewRow};
use super::plan_view::usd;
use super::run_text::target_rows;
use super::run_view::RunView;
use super::three_way::ThreeWay;
use super::words::{bytes, count, grouped};

use markup::Markup;

const STYLE: &str = include_str!("style.css");

/// The most places shown for one gate.
const FINDINGS_SHOWN: usize = 100;

/// Everything a report is made of.
#[derive(Debug)]
pub struct Page<'a> {
    /// The run.
    pub run: &'a RunView,
    /// The most it may cost, in US dollars.
    pub budget_usd: Option<f64>,
    /// The likely next commands, each with what it is for.
    pub next: &'a [(String, String)],
    /// What became of the live store's statements; none before there is a candidate.
    pub statements: Option<&'a Statements>,
    /// The memories that both agents and the dream changed, three ways.
    pub three_way: &'a [ThreeWay],
    /// What the adopted runs of the alias lost, oldest first.
    pub losses: &'a [RunLosses],
    /// When the report was made.
    pub made_at: Timestamp,
}

/// What became of statements, redacted.
#[derive(Debug, Clone, Default)]
pub struct Statements {
    /// How many met which fate.
    pub counts: FateCounts,
    /// Every statement of the live store, worst first.
    pub rows: Vec<FateRow>,
    /// Statements of the candidate that carry on none of the live store's.
    pub new: Vec<NewRow>,
    /// Sessions that could not be read again.
    pub unread: u64,
    /// Memories whose text is kept nowhere any more.
    pub missing: Vec<MemoryPath>,
}

/// Writes the report of a run.
pub fn html(page: &Page<'_>) -> String {
    let run = page.run;
    let mut html = Markup::default();
    html.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src ");
    html.raw("'unsafe-inline'; img-src data:\">\n<meta name=\"viewport\" content=\"width=device-width, ");
    html.raw("initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n");
    html.raw("<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
    html.show(&run.run).raw(": ").text(&phase(run)).raw(" · dreamrun</title>\n<style>\n");
    html.raw(STYLE).raw("</style>\n</head>\n<body>\n");
    html.raw("<a class=\"skip\" href=\"#content\">Skip to the content</a>\n");
    head(&mut html, page);
    html.raw("<main id=\"content\">\n");
    money(&mut html, page);
    gates(&mut html, run);
    three_way::section(&mut html, page.three_way, run);
    if let Some(statements) = page.statements {
        statements::section(&mut html, statements, run);
    }
    losses(&mut html, page.losses);
    html.raw("</main>\n<footer><p>Made by dreamrun ").raw(env!("CARGO_PKG_VERSION")).raw(" on ");
    html.show(format!("{:.0}", page.made_at)).raw(" from the run's journal and ledger. ");
    html.raw("Secrets in memory text are redacted; hidden characters are shown by their number.</p>");
    html.raw("</footer>\n</body>\n</html>\n");
    html.into_string()
}

fn phase(run: &RunView) -> String {
    run.phase.replace('_', " ")
}

/// What happened, why, and what to do next.
fn head(html: &mut Markup, page: &Page<'_>) {
    let run = page.run;
    html.raw("<header>\n<p class=\"eyebrow\">Run of the pipeline ").text(run.pipeline.as_str());
    html.raw("</p>\n<h1>").show(&run.run).raw(": <span class=\"state ").raw(match run.phase {
        "adopted" | "unchanged" => "good",
        "blocked" | "failed" | "dream_failed" | "canceled" | "rejected" => "bad",
        _ => "warn",
    });
    html.raw("\">").text(&phase(run)).raw("</span></h1>\n");
    if !run.because.is_empty() {
        html.raw("<p class=\"because\">").text(&run.because).raw("</p>\n");
    }
    html.raw("<dl class=\"facts\">");
    let mut fact = |name: &'static str, value: &str| {
        html.raw("<dt>").raw(name).raw("</dt><dd>").text(value).raw("</dd>");
    };
    fact("Store", &run.store);
    if let (Some(before), Some(after)) = (run.before, run.after) {
        fact("Memories", &format!("{} → {}", grouped(before.entries), grouped(after.entries)));
        fact("Size", &format!("{} → {}", bytes(before.bytes), bytes(after.bytes)));
    }
    let (done, sessions) = run.progress();
    fact(
        "Dreams",
        &format!(
            "{done} of {}, over {}, by {}",
            run.dreams_planned,
            count(sessions, "session", "sessions"),
            run.model
        ),
    );
    if !run.carried.is_empty() {
        fact("Carried over", &count(run.carried.len() as u64, "live write", "live writes"));
    }
    if !run.merged.is_empty() {
        let paths: Vec<_> = run.merged.iter().map(|merged| merged.path.to_string()).collect();
        fact("Merged", &format!("with what the dream did, statement by statement: {}", paths.join(", ")));
    }
    if !run.conflicts.is_empty() {
        let paths: Vec<_> = run.conflicts.iter().map(|conflict| conflict.path.to_string()).collect();
        fact("Conflicts", &format!("changed on both sides, the live version is kept: {}", paths.join(", ")));
    }
    for (name, value) in target_rows(run) {
        fact(name, &value);
    }
    if let Some(by) = &run.approved_by {
        let reason = run.approval_reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        let overridden = match run.overrides.as_slice() {
            [] => String::new(),
            names => format!(", overriding {}", names.join(", ")),
        };
        fact("Approved", &format!("by {by}{overridden}{reason}"));
    }
    if let Some(by) = &run.rejected_by {
        fact("Rejected", &format!("by {by}"));
    }
    html.raw("</dl>\n");
    if !page.next.is_empty() {
        html.raw("<h2 id=\"next\">What to do next</h2>\n<ul class=\"next\">\n");
        for (command, what) in page.next {
            html.raw("<li>").element("code", command).raw(" <span class=\"soft\">").text(what);
            html.raw("</span></li>\n");
        }
        html.raw("</ul>\n");
    }
    html.raw("<nav aria-label=\"Sections\"><ul><li><a href=\"#money\">Money</a></li>");
    if !run.verdicts.is_empty() {
        html.raw("<li><a href=\"#gates\">Gates</a></li>");
    }
    if !page.three_way.is_empty() {
        html.raw("<li><a href=\"#both\">Changed on both sides</a></li>");
    }
    if page.statements.is_some() {
        html.raw("<li><a href=\"#statements\">Statements</a></li>");
    }
    if !page.losses.is_empty() {
        html.raw("<li><a href=\"#losses\">Losses over time</a></li>");
    }
    html.raw("</ul></nav>\n</header>\n");
}

fn money(html: &mut Markup, page: &Page<'_>) {
    let run = page.run;
    html.raw("<section aria-labelledby=\"money\">\n<h2 id=\"money\">Money</h2>\n<dl class=\"facts\"><dt>Spent, at most</dt><dd>");
    html.show(usd(run.cost_usd)).raw("</dd>");
    if let Some(estimate) = run.estimate_usd {
        html.raw("<dt>Estimated</dt><dd>").show(estimate).raw("</dd>");
    }
    if let Some(budget) = page.budget_usd {
        html.raw("<dt>Budget</dt><dd>").show(usd(budget)).raw("</dd>");
    }
    html.raw("</dl>\n");
    if !run.dreams.is_empty() {
        html.raw(
            "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table><caption>Dreams</caption><thead><tr><th scope=\"col\">Dream</th>",
        );
        html.raw("<th scope=\"col\">Status</th><th scope=\"col\" class=\"n\">Sessions</th>");
        html.raw("<th scope=\"col\" class=\"n\">Tokens in</th><th scope=\"col\" class=\"n\">Tokens out</th>");
        html.raw("<th scope=\"col\" class=\"n\">Cost</th></tr></thead><tbody>\n");
        for dream in &run.dreams {
            html.raw("<tr><th scope=\"row\">").show(dream.batch);
            if dream.attempt > 1 {
                html.raw(", try ").show(dream.attempt);
            }
            html.raw("</th><td>").text(dream.status.map_or("not over", |status| status.as_str()));
            let usage = dream.usage;
            let read = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens;
            let cost = dream.cost_usd.map_or_else(|| "not known".to_owned(), |cost| usd(cost).to_string());
            for value in [grouped(dream.sessions), grouped(read), grouped(usage.output_tokens), cost] {
                html.raw("</td><td class=\"n\">").text(&value);
            }
            html.raw("</td></tr>\n");
        }
        html.raw("</tbody></table></div>\n");
    }
    html.raw("</section>\n");
}

fn gates(html: &mut Markup, run: &RunView) {
    if run.verdicts.is_empty() {
        return;
    }
    html.raw("<section aria-labelledby=\"gates\">\n<h2 id=\"gates\">Gates</h2>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table>");
    html.raw("<caption>What each gate answered, the most severe first</caption><thead><tr>");
    html.raw("<th scope=\"col\">Gate</th><th scope=\"col\">Verdict</th><th scope=\"col\">Measured</th>");
    html.raw("<th scope=\"col\">Limit</th></tr></thead><tbody>\n");
    let mut verdicts: Vec<&Verdict> = run.verdicts.iter().collect();
    verdicts.sort_by_key(|verdict| std::cmp::Reverse(verdict.outcome));
    for verdict in &verdicts {
        let (class, words) = answer(verdict.outcome);
        html.raw("<tr><th scope=\"row\">").text(&verdict.gate).raw("</th><td class=\"").raw(class);
        html.raw("\">").raw(words);
        if run.overrides.contains(&verdict.gate) {
            html.raw(", overridden");
        }
        html.raw("</td><td>").text(&verdict.measured).raw("</td><td>").text(&verdict.limit);
        html.raw("</td></tr>\n");
    }
    html.raw("</tbody></table></div>\n");
    for verdict in verdicts.iter().filter(|verdict| !verdict.findings.is_empty()) {
        let is_open = verdict.outcome > Outcome::Unchanged;
        html.raw(if is_open { "<details open><summary>" } else { "<details><summary>" });
        let places = count(verdict.findings.len() as u64, "place", "places");
        html.text(&verdict.gate).raw(": ").text(&places).raw("</summary>\n<ul class=\"findings\">\n");
        for finding in verdict.findings.iter().take(FINDINGS_SHOWN) {
            html.raw("<li>");
            if let Some(path) = &finding.path {
                html.raw("<code>").text(path.as_str());
                if let Some(line) = finding.line {
                    html.raw(":").show(line);
                }
                html.raw("</code> ");
            }
            html.text(&finding.note).raw("</li>\n");
        }
        if verdict.findings.len() > FINDINGS_SHOWN {
            html.raw("<li>and ").show(verdict.findings.len() - FINDINGS_SHOWN).raw(" more</li>\n");
        }
        html.raw("</ul></details>\n");
    }
    html.raw("</section>\n");
}

fn answer(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Pass => ("good", "passes"),
        Outcome::Unchanged => ("soft", "unchanged"),
        Outcome::Review => ("warn", "asks for review"),
        Outcome::Block => ("bad", "blocks"),
        Outcome::Undecided => ("bad", "could not decide"),
    }
}

fn losses(html: &mut Markup, losses: &[RunLosses]) {
    if losses.is_empty() {
        return;
    }
    html.raw("<section aria-labelledby=\"losses\">\n<h2 id=\"losses\">Losses over time</h2>\n");
    html.raw("<p class=\"soft\">Statements that each adopted run lost, without those that were restored ");
    html.raw("since.</p>\n");
    charts::losses(html, losses);
    if losses.len() > charts::RUNS_SHOWN {
        html.raw("<p class=\"soft\">Earlier runs are not shown: ");
        html.show(losses.len() - charts::RUNS_SHOWN).raw(".</p>\n");
    }
    html.raw("</section>\n");
}

#[cfg(test)]
mod tests;
