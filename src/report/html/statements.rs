//! The statements of a report: each as it was beside what carries it on, worst first.

use crate::ledger::Fate;
use crate::report::fates::{FateRow, Quoted, SaidRow};
use crate::report::run_view::RunView;
use crate::report::words::{count, cut, grouped};

use super::Statements;
use super::charts::{self, STYLES};
use super::marks::marked;
use super::markup::Markup;

/// The most characters of one statement.
const TEXT_LIMIT: usize = 1_200;
/// The most heirs of one statement that are written out.
const HEIRS_LIMIT: usize = 8;
/// The most bytes of the statements together: a page beyond it opens slowly everywhere.
const BYTES_LIMIT: usize = 4_000_000;
/// The most kept statements: they are there to be leafed through, not to be read.
const KEPT_LIMIT: usize = 400;

/// Writes what became of statements.
pub(super) fn section(html: &mut Markup, statements: &Statements, run: &RunView) {
    html.raw("<section aria-labelledby=\"statements\">\n<h2 id=\"statements\">Statements</h2>\n");
    if statements.unread > 0 {
        let sessions = count(statements.unread, "session", "sessions");
        html.raw("<p class=\"warn\">").text(&sessions);
        html.raw(" could not be read again: what was said there is not known.</p>\n");
    }
    if !statements.missing.is_empty() {
        let memories = count(statements.missing.len() as u64, "memory", "memories");
        html.raw("<p class=\"warn\">The text of ").text(&memories);
        html.raw(" is kept nowhere any more; what became of it is as it was judged then.</p>\n");
    }
    charts::fates(html, &statements.counts);
    let end = html.len() + BYTES_LIMIT;
    for style in &STYLES {
        let n = charts::of(&statements.counts, style.class);
        if n == 0 {
            continue;
        }
        let is_worth_reading = matches!(style.class, "lost" | "superseded" | "dropped");
        html.raw("<h3 id=\"").raw(style.class).raw("\">").raw(style.name).raw(" <span class=\"soft\">");
        html.text(&grouped(n)).raw("</span></h3>\n");
        html.raw(if is_worth_reading { "<details open><summary>" } else { "<details><summary>" });
        html.raw("Show: ").raw(style.meaning).raw("</summary>\n<ol class=\"rows\">\n");
        let shown = match style.class {
            "new" => news(html, statements, end),
            class => rows(html, statements, class, end),
        };
        html.raw("</ol>\n");
        if shown < n {
            html.raw("<p class=\"soft\">").text(&grouped(n - shown)).raw(" more are not shown here. ");
            html.raw("<code>dreamrun diff ")
                .show(&run.run)
                .raw(" --why PATH</code> shows those of one memory.");
            html.raw("</p>\n");
        }
        html.raw("</details>\n");
    }
    html.raw("</section>\n");
}

fn class(fate: Fate) -> &'static str {
    match fate {
        Fate::Kept => "kept",
        Fate::Moved => "moved",
        Fate::Reworded => "reworded",
        Fate::Merged => "merged",
        Fate::Superseded => "superseded",
        Fate::Dropped => "dropped",
        Fate::Lost => "lost",
    }
}

/// Writes the statements of one fate while there is room, and returns how many.
fn rows(html: &mut Markup, statements: &Statements, wanted: &'static str, end: usize) -> u64 {
    let limit = if wanted == "kept" { KEPT_LIMIT } else { usize::MAX };
    let mut shown = 0;
    for row in statements.rows.iter().filter(|row| class(row.fate) == wanted).take(limit) {
        if html.len() > end {
            break;
        }
        html.raw("<li class=\"").raw(wanted).raw("\">");
        self::row(html, row);
        html.raw("</li>\n");
        shown += 1;
    }
    shown
}

fn row(html: &mut Markup, row: &FateRow) {
    if row.fate == Fate::Kept {
        place(html, &row.statement, "");
        words(html, &row.statement.text);
        return;
    }
    let old = cut(&row.statement.text, TEXT_LIMIT);
    let mut marked_old = None;
    let mut after = Markup::default();
    for heir in row.heirs.iter().take(HEIRS_LIMIT) {
        let label = if row.fate == Fate::Lost { "Nearest" } else { "After" };
        place(&mut after, heir, label);
        let new = cut(&heir.text, TEXT_LIMIT);
        // Marks say which words differ; against one of several heirs nearly all of them would.
        let is_alone = row.heirs.len() == 1;
        match is_alone.then(|| marked(&old, &new)) {
            Some((left, right)) => {
                marked_old = Some(left);
                after.raw("<p class=\"words\" dir=\"auto\">").append(right).raw("</p>");
            }
            None => words(&mut after, &new),
        }
    }
    if row.heirs.len() > HEIRS_LIMIT {
        after.raw("<p class=\"soft\">and ").show(row.heirs.len() - HEIRS_LIMIT).raw(" more</p>");
    }
    if row.heirs.is_empty() {
        after.raw("<p class=\"place\">After</p><p class=\"soft\">nothing</p>");
    }
    html.raw("<div class=\"pair\"><div>");
    place(html, &row.statement, "Before");
    match marked_old {
        Some(marked) => html.raw("<p class=\"words\" dir=\"auto\">").append(marked).raw("</p>"),
        None if row.heirs.is_empty() => {
            html.raw("<p class=\"words\" dir=\"auto\"><del>").text(&old).raw("</del></p>")
        }
        None => html.raw("<p class=\"words\" dir=\"auto\">").text(&old).raw("</p>"),
    };
    html.raw("</div><div>").append(after).raw("</div></div><p class=\"why\">").text(&row.because).raw("</p>");
    if let Some(said) = &row.said {
        self::said(html, said);
    }
}

/// Writes the new statements while there is room, and returns how many.
fn news(html: &mut Markup, statements: &Statements, end: usize) -> u64 {
    let mut shown = 0;
    for row in &statements.new {
        if html.len() > end {
            break;
        }
        html.raw("<li class=\"new\">");
        place(html, &row.statement, "");
        words(html, &row.statement.text);
        if let Some(said) = &row.said {
            self::said(html, said);
        }
        html.raw("</li>\n");
        shown += 1;
    }
    shown
}

fn words(html: &mut Markup, text: &str) {
    html.raw("<p class=\"words\" dir=\"auto\">").text(&cut(text, TEXT_LIMIT)).raw("</p>");
}

fn place(html: &mut Markup, at: &Quoted, label: &'static str) {
    html.raw("<p class=\"place\">").raw(label);
    if !label.is_empty() {
        html.raw(" · ");
    }
    html.raw("<span class=\"path\">").text(at.path.as_str()).raw(":").show(at.line).raw("</span>");
    for heading in &at.headings {
        html.raw(" › <bdi>").text(&cut(heading, 80)).raw("</bdi>");
    }
    html.raw("</p>");
}

fn said(html: &mut Markup, said: &SaidRow) {
    html.raw("<p class=\"said\">")
        .text(said.speaker.unwrap_or("somebody"))
        .raw(" in session <span class=\"path\">");
    html.text(said.session.as_str()).raw("</span>, event ").show(said.event);
    if let Some(at) = said.at {
        html.raw(", ").show(format!("{at:.0}"));
    }
    match &said.words {
        Some(words) => html.raw(": <q><bdi>").text(&cut(words, TEXT_LIMIT)).raw("</bdi></q></p>"),
        None => html.raw("; its words could not be read again</p>"),
    };
}
