//! Memories that both agents and the dream changed: three columns, statement by statement.

use crate::report::run_view::RunView;
use crate::report::three_way::{StretchView, ThreeWay, Version, gone_words, standing};
use crate::report::words::{cut, grouped};

use super::markup::Markup;

/// The most memories that are written out.
const MEMORIES_LIMIT: usize = 100;
/// The most stretches of one memory.
const STRETCHES_LIMIT: usize = 50;
/// The most characters of one statement.
const TEXT_LIMIT: usize = 1_200;

/// Writes what each side made of the memories that both changed.
pub(super) fn section(html: &mut Markup, ways: &[ThreeWay], run: &RunView) {
    if ways.is_empty() {
        return;
    }
    html.raw("<section aria-labelledby=\"both\">\n<h2 id=\"both\">Changed on both sides</h2>\n");
    for one in ways.iter().take(MEMORIES_LIMIT) {
        html.raw("<h3>").element("code", one.path.as_str()).raw("</h3>\n<p>").text(&standing(one));
        html.raw(".</p>\n");
        if let Some(gone) = gone_words(one) {
            html.raw("<p class=\"warn\">").text(&gone).raw(".</p>\n");
        }
        if one.stretches.is_empty() {
            continue;
        }
        html.raw(
            "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\"><table><thead><tr>",
        );
        html.raw("<th scope=\"col\">What stood there</th><th scope=\"col\">What agents wrote</th>");
        html.raw("<th scope=\"col\">What the dream wanted</th></tr></thead><tbody>\n");
        for stretch in one.stretches.iter().take(STRETCHES_LIMIT) {
            row(html, stretch, &one.gone);
        }
        html.raw("</tbody></table></div>\n");
        left_out(html, one.stretches.len().saturating_sub(STRETCHES_LIMIT), run);
    }
    left_out(html, ways.len().saturating_sub(MEMORIES_LIMIT), run);
    html.raw("</section>\n");
}

fn row(html: &mut Markup, stretch: &StretchView, gone: &[Version]) {
    html.raw("<tr>");
    for (version, said) in
        [(Version::Base, &stretch.base), (Version::Live, &stretch.live), (Version::Dream, &stretch.dream)]
    {
        let is_changed = version != Version::Base && said != &stretch.base;
        html.raw(if is_changed { "<td class=\"warn\">" } else { "<td>" });
        if said.is_empty() {
            let words = if gone.contains(&version) { "not kept any more" } else { "nothing" };
            html.raw("<span class=\"soft\">").raw(words).raw("</span>");
        }
        for statement in said {
            html.raw("<p>").text(&cut(statement, TEXT_LIMIT)).raw("</p>");
        }
        html.raw("</td>");
    }
    html.raw("</tr>\n");
}

fn left_out(html: &mut Markup, n: usize, run: &RunView) {
    if n > 0 {
        html.raw("<p class=\"soft\">")
            .text(&grouped(n as u64))
            .raw(" more are not shown here. <code>dreamrun diff ");
        html.show(&run.run).raw(" -v</code> shows all.</p>\n");
    }
}
