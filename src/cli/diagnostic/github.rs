//! Problems as workflow commands, which GitHub shows beside the changed lines.

use std::path::Path;

use super::show_path;
use crate::report::words::plain;
use crate::spec::problem::Problem;

/// Makes one `::error …::…` line, without a line end.
pub fn github(problem: &Problem) -> String {
    let mut command =
        format!("::{} file={}", problem.severity().as_str(), property(&show_path(&problem.file)));
    if let Some(place) = &problem.place {
        command.push_str(&format!(",line={},endLine={},col={}", place.line, place.end_line, place.column));
        // A column for the end is only understood on the same line.
        if place.line == place.end_line {
            command.push_str(&format!(",endColumn={}", place.end_column));
        }
    }
    let title = format!("{} {}", problem.code, problem.title());
    format!("{command},title={}::{}", property(&title), data(&sentence(problem)))
}

/// Makes a line about a line of a file that is no problem in it, without a line end.
pub fn github_at(level: &str, file: &Path, line: Option<usize>, title: &str, text: &str) -> String {
    let line = line.map_or_else(String::new, |line| format!(",line={line}"));
    format!("::{level} file={}{line},title={}::{}", property(&show_path(file)), property(title), data(text))
}

/// Says in one paragraph what is wrong, why, and what to do.
pub(super) fn sentence(problem: &Problem) -> String {
    let mut text = format!("{}: {}", problem.title(), problem.label);
    for note in &problem.notes {
        text.push_str(&format!("\nnote: {note}"));
    }
    for help in &problem.help {
        text.push_str(&format!("\nhelp: {help}"));
    }
    text
}

fn data(text: &str) -> String {
    plain(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
