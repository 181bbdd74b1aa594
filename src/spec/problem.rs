//! Problems: what is wrong in a file, with everything needed to show it and nothing about how.

use std::ops::Range;
use std::path::PathBuf;

use serde::Serialize;

use super::codes::{Code, Severity};
use super::source::SourceFile;

/// The most problems told about one file; the rest are counted.
pub const PROBLEMS_LIMIT: usize = 100;

/// A piece of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The bytes of the text, without a byte order mark.
    pub span: Range<usize>,
    /// The line it begins on, from 1.
    pub line: usize,
    /// The character it begins at, from 1.
    pub column: usize,
    /// The line it ends on.
    pub end_line: usize,
    /// The character after its last one.
    pub end_column: usize,
}

/// A second place that explains a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub place: Place,
    /// What is there.
    pub label: String,
}

/// One thing that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which kind.
    pub code: Code,
    /// The file, for display.
    pub file: PathBuf,
    /// The place; `None` when it is about the file as a whole.
    pub place: Option<Place>,
    /// Where in the document, as `gates.bytes.grow`; empty for the whole.
    pub route: String,
    /// What is wrong, by name: a fragment that stands under the caret.
    pub label: String,
    /// A second place, such as the first of two equal keys.
    pub related: Option<Related>,
    /// Why, where that is not obvious: sentences or fragments.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Vec<String>,
}

impl Problem {
    /// Makes a problem at a place of a file.
    pub fn new(code: Code, file: &SourceFile, span: Range<usize>, label: impl Into<String>) -> Self {
        Self { place: Some(file.place(span)), ..Self::of_file(code, file.path(), label) }
    }

    /// Makes a problem about a file as a whole.
    pub fn of_file(code: Code, file: impl Into<PathBuf>, label: impl Into<String>) -> Self {
        Self {
            code,
            file: file.into(),
            place: None,
            route: String::new(),
            label: label.into(),
            related: None,
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Adds why.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Returns how much it matters.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// Returns the title, which holds no user text.
    pub fn title(&self) -> &'static str {
        self.code.title()
    }

    /// Returns what problems are sorted by: file, position, code.
    fn order(&self) -> (&PathBuf, usize, usize, Code) {
        let span = self.place.as_ref().map_or(0..0, |place| place.span.clone());
        (&self.file, span.start, span.end, self.code)
    }
}

/// Sorts problems by file and position and drops repeats.
pub fn sort(problems: &mut Vec<Problem>) {
    problems.sort_by(|a, b| a.order().cmp(&b.order()).then_with(|| a.label.cmp(&b.label)));
    problems.dedup();
}

/// Says whether any problem keeps its file from being used.
pub fn has_errors(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.severity() == Severity::Error)
}
