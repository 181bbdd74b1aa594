//! Showing the problems of files on the console.

use std::path::Path;

use crate::spec::problem::Problem;
use crate::spec::source::SourceFile;

use super::Call;
use super::diagnostic::{self, Look};
use super::github;

/// Draws problems on the files they are in, and annotates them in a CI job. `root` is the project's folder.
pub(super) fn show(call: &Call<'_>, root: &Path, problems: &[Problem], sources: &[SourceFile]) {
    let look = if call.console.paint.is_on { Look::Coloured } else { Look::Plain };
    for problem in problems {
        let source = sources.iter().find(|source| source.path() == problem.file);
        call.console.complain(&format!("{}\n\n", diagnostic::text(problem, source, look)));
    }
    github::annotate(call, root, problems);
}

/// Returns problems as the `diagnostics` of a JSON document.
pub(super) fn json(problems: &[Problem]) -> serde_json::Value {
    let list: Vec<_> = problems.iter().map(diagnostic::diagnostic).collect();
    serde_json::to_value(list).unwrap_or_default()
}
