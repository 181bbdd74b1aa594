//! Problems for people and programs: drawn on the YAML, as JSON, as SARIF, as GitHub annotations.
//!
//! A problem carries places and not lines of text, so nothing is parsed again. What came from a file
//! is made harmless on the way out: no control or direction character reaches a terminal.

mod github;
mod json;
mod sarif;

use std::path::Path;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet, normalize_untrusted_str};

use crate::spec::codes::Severity;
use crate::spec::problem::Problem;
use crate::spec::source::SourceFile;

pub use github::{github, github_at};
pub use json::{Diagnostic, diagnostic};
pub use sarif::sarif;

/// How a drawing looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Plain text.
    Plain,
    /// With colour.
    Coloured,
}

/// Draws a problem on its file. Ends without a line end.
pub fn text(problem: &Problem, file: Option<&SourceFile>, look: Look) -> String {
    let level = match problem.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let path = show_path(&problem.file);
    let label = harmless(&problem.label);
    let title = level.primary_title(problem.title()).id(problem.code.as_str());
    let mut group = match (&problem.place, file) {
        (Some(place), Some(file)) => {
            let source = file.text();
            let clip = |span: &std::ops::Range<usize>| {
                let start = floor_char(source, span.start);
                start..floor_char(source, span.end).max(start)
            };
            let mut snippet = Snippet::source(source)
                .path(path)
                .annotation(AnnotationKind::Primary.span(clip(&place.span)).label(label));
            if let Some(related) = &problem.related {
                let label = harmless(&related.label);
                snippet =
                    snippet.annotation(AnnotationKind::Context.span(clip(&related.place.span)).label(label));
            }
            title.element(snippet)
        }
        (Some(place), None) => {
            let origin = Origin::path(path).line(place.line).char_column(place.column);
            title.element(origin).element(Level::NOTE.message(label))
        }
        (None, _) => title.element(Origin::path(path)).element(Level::NOTE.message(label)),
    };
    for note in &problem.notes {
        group = group.element(Level::NOTE.message(harmless(note)));
    }
    for help in &problem.help {
        group = group.element(Level::HELP.message(harmless(help)));
    }
    let renderer = match look {
        Look::Plain => Renderer::plain(),
        Look::Coloured => Renderer::styled(),
    };
    renderer.decor_style(DecorStyle::Ascii).render(&[group])
}

/// Counts problems for a last line, such as `2 errors and 1 warning`; empty when there are none.
pub fn count(problems: &[Problem]) -> String {
    let errors = problems.iter().filter(|problem| problem.severity() == Severity::Error).count();
    let say = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    match (errors, problems.len() - errors) {
        (0, 0) => String::new(),
        (0, warnings) => say(warnings, "warning"),
        (errors, 0) => say(errors, "error"),
        (errors, warnings) => format!("{} and {}", say(errors, "error"), say(warnings, "warning")),
    }
}

/// Makes text from a file safe for a terminal: control and direction characters become pictures.
fn harmless(text: &str) -> String {
    normalize_untrusted_str(&text.replace(['\n', '\r'], " "))
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// Writes a path with `/` on every system.
fn show_path(path: &Path) -> String {
    harmless(&path.to_string_lossy().replace('\\', "/"))
}

fn floor_char(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

#[cfg(test)]
mod gate_tests;
#[cfg(test)]
mod project_tests;
#[cfg(test)]
mod tests;
