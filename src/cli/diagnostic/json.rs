//! Problems as JSON: one object each, part of the documents that `--json` writes.

use schemars::JsonSchema;
use serde::Serialize;

use super::show_path;
use crate::spec::codes::Severity;
use crate::spec::problem::Problem;

/// A problem as programs see it. Lines and columns count from 1, columns in characters; they are
/// `null` for a problem of the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Diagnostic {
    /// The stable code, such as `DR0107`.
    pub code: &'static str,
    /// `error` or `warning`.
    pub severity: &'static str,
    /// The file, relative to the project, with `/`.
    pub file: String,
    /// Where in the document, such as `gates.bytes.grow`; empty for the whole.
    pub route: String,
    /// The line it begins on.
    pub line: Option<usize>,
    /// The character it begins at.
    pub column: Option<usize>,
    /// The line it ends on.
    pub end_line: Option<usize>,
    /// The character after its last one.
    pub end_column: Option<usize>,
    /// What kind of problem, without any text of the file.
    pub title: &'static str,
    /// What is wrong, by name.
    pub message: String,
    /// Why, where that is not obvious.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Vec<String>,
}

/// Makes the JSON form of a problem.
pub fn diagnostic(problem: &Problem) -> Diagnostic {
    let place = problem.place.as_ref();
    Diagnostic {
        code: problem.code.as_str(),
        severity: match problem.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        file: show_path(&problem.file),
        route: problem.route.clone(),
        line: place.map(|place| place.line),
        column: place.map(|place| place.column),
        end_line: place.map(|place| place.end_line),
        end_column: place.map(|place| place.end_column),
        title: problem.title(),
        message: problem.label.clone(),
        notes: problem.notes.clone(),
        help: problem.help.clone(),
    }
}
