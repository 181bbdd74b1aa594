//! Charts: small pictures in SVG, each beside a table that says the same.

use crate::ledger::FateCounts;
use crate::ledger::window::RunLosses;
use crate::report::words::{count, grouped};

use super::markup::Markup;

/// The most runs in the picture of losses; the table has the same ones.
pub(super) const RUNS_SHOWN: usize = 60;

/// One fate as charts and sections name it: its class, its heading, and what it means.
pub(super) struct FateStyle {
    pub(super) class: &'static str,
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
}

/// The fates from worst to harmless, with new statements before those that were kept.
pub(super) const STYLES: [FateStyle; 8] = [
    FateStyle { class: "lost", name: "Lost", meaning: "no statement carries it on" },
    FateStyle { class: "superseded", name: "Superseded", meaning: "newer evidence says otherwise" },
    FateStyle { class: "dropped", name: "Dropped by policy", meaning: "a rule says it has to go" },
    FateStyle { class: "merged", name: "Merged", meaning: "a few statements hold its specifics" },
    FateStyle { class: "reworded", name: "Reworded", meaning: "other words, every specific" },
    FateStyle { class: "moved", name: "Moved", meaning: "the same words at another path" },
    FateStyle { class: "new", name: "New", meaning: "carries on no earlier statement" },
    FateStyle { class: "kept", name: "Kept", meaning: "the same words at the same path" },
];

/// Returns how many statements there are of a style.
pub(super) fn of(counts: &FateCounts, class: &str) -> u64 {
    match class {
        "lost" => counts.lost,
        "superseded" => counts.superseded,
        "dropped" => counts.dropped,
        "merged" => counts.merged,
        "reworded" => counts.reworded,
        "moved" => counts.moved,
        "new" => counts.new,
        _ => counts.kept,
    }
}

/// Draws the fates of the live store's statements as one bar, above their table.
pub(super) fn fates(html: &mut Markup, counts: &FateCounts) {
    let total = counts.before();
    let styles = || STYLES.iter().filter(|style| style.class != "new");
    html.raw("<svg class=\"bar\" role=\"img\" viewBox=\"0 0 1000 28\" preserveAspectRatio=\"none\"");
    html.raw(" aria-labelledby=\"bar-title\"><title id=\"bar-title\">");
    let told: Vec<String> = styles()
        .filter(|style| of(counts, style.class) > 0)
        .map(|style| format!("{} {}", grouped(of(counts, style.class)), style.name.to_lowercase()))
        .collect();
    let all = count(total, "statement", "statements");
    html.text(&format!("{all} of the live store: {}", told.join(", "))).raw("</title>");
    let mut at = 0.0;
    for style in styles() {
        let n = of(counts, style.class);
        if n == 0 {
            continue;
        }
        // A single lost statement among thousands must still be seen.
        let width = (n as f64 * 1000.0 / total as f64).max(4.0);
        html.raw("<rect class=\"").raw(style.class).raw("\" y=\"0\" height=\"28\" x=\"");
        html.show(format!("{at:.1}")).raw("\" width=\"").show(format!("{width:.1}")).raw("\"/>");
        at += width;
    }
    html.raw("</svg>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table><caption>Statements by fate</caption>");
    html.raw("<thead><tr><th scope=\"col\">Fate</th><th scope=\"col\" class=\"n\">Statements</th>");
    html.raw("<th scope=\"col\" class=\"n\">Share</th><th scope=\"col\">Meaning</th></tr></thead><tbody>\n");
    for style in &STYLES {
        let n = of(counts, style.class);
        html.raw("<tr><th scope=\"row\"><span class=\"swatch ").raw(style.class).raw("\"></span>");
        html.text(style.name).raw("</th><td class=\"n\">").text(&grouped(n)).raw("</td><td class=\"n\">");
        if style.class != "new" && total > 0 {
            html.text(&share(n, total));
        }
        html.raw("</td><td>").text(style.meaning).raw("</td></tr>\n");
    }
    html.raw("</tbody></table></div>\n");
}

/// Writes a share in percent; one that is not zero does not read as zero.
pub(super) fn share(n: u64, of: u64) -> String {
    let percent = n as f64 * 100.0 / of.max(1) as f64;
    match percent {
        _ if n == 0 => "0%".to_owned(),
        percent if percent < 0.1 => "<0.1%".to_owned(),
        percent => format!("{percent:.1}%"),
    }
}

/// Draws what the runs of an alias lost, above their table.
pub(super) fn losses(html: &mut Markup, losses: &[RunLosses]) {
    let shown = &losses[losses.len().saturating_sub(RUNS_SHOWN)..];
    let most = shown.iter().map(|run| run.lost).max().unwrap_or(0).max(1);
    let lost: u64 = shown.iter().filter(|run| !run.is_undone).map(|run| run.lost).sum();
    html.raw("<svg class=\"bar\" role=\"img\" viewBox=\"0 0 600 60\" preserveAspectRatio=\"none\"");
    html.raw(" aria-labelledby=\"losses-title\"><title id=\"losses-title\">");
    html.text(&format!(
        "{} adopted, {} lost together, at most {} in one run",
        count(shown.len() as u64, "run", "runs"),
        count(lost, "statement", "statements"),
        grouped(shown.iter().map(|run| run.lost).max().unwrap_or(0))
    ));
    html.raw("</title><rect class=\"axis\" x=\"0\" y=\"59\" width=\"600\" height=\"1\"/>");
    let step = 600.0 / shown.len().max(1) as f64;
    for (place, run) in shown.iter().enumerate() {
        let height = if run.lost == 0 { 2.0 } else { (run.lost as f64 * 56.0 / most as f64).max(4.0) };
        let class = if run.lost == 0 || run.is_undone { "kept" } else { "lost" };
        html.raw("<rect class=\"")
            .raw(class)
            .raw("\" x=\"")
            .show(format!("{:.1}", place as f64 * step + 1.0));
        html.raw("\" y=\"").show(format!("{:.1}", 59.0 - height)).raw("\" width=\"");
        html.show(format!("{:.1}", (step - 2.0).clamp(1.0, 40.0))).raw("\" height=\"");
        html.show(format!("{height:.1}")).raw("\"/>");
    }
    html.raw("</svg>\n<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table><caption>Losses by adopted run, newest first</caption>");
    html.raw("<thead><tr><th scope=\"col\">Run</th><th scope=\"col\">Adopted</th>");
    html.raw("<th scope=\"col\" class=\"n\">Lost</th><th scope=\"col\" class=\"n\">Of</th>");
    html.raw("<th scope=\"col\">Note</th></tr></thead><tbody>\n");
    for run in shown.iter().rev() {
        html.raw("<tr><th scope=\"row\">").show(&run.run).raw("</th><td>").show(format!("{:.0}", run.at));
        html.raw("</td><td class=\"n\">").text(&grouped(run.lost)).raw("</td><td class=\"n\">");
        html.text(&grouped(run.of)).raw("</td><td>");
        if run.is_undone {
            html.raw("taken back");
        }
        html.raw("</td></tr>\n");
    }
    html.raw("</tbody></table></div>\n");
}
