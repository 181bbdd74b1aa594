//! Fixture tests as people read them, and as a job's page shows them.

use std::fmt::Write as _;

use crate::fixture::CaseResult;

use super::markdown::escaped;
use super::words::{Paint, count, line};

/// The tests of one file.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct FileResults {
    /// The file, relative to the project.
    pub file: String,
    /// The pipeline it tests.
    pub pipeline: String,
    /// Its cases, in order.
    pub cases: Vec<CaseResult>,
}

/// Writes the cases of one file, each that failed with what was expected and found.
pub fn file_text(results: &FileResults, paint: Paint) -> String {
    let mut text = format!("{} {}\n", paint.bold(&line(&results.pipeline)), paint.dim(&line(&results.file)));
    for case in &results.cases {
        if case.ok {
            let _ = writeln!(text, "  {}      {}", paint.good("ok"), line(&case.name));
            continue;
        }
        let place = paint.dim(&format!("{}:{}", line(&results.file), case.line));
        let _ = writeln!(text, "  {}  {}  {place}", paint.bad("FAILED"), line(&case.name));
        for check in case.checks.iter().filter(|check| !check.ok) {
            let _ = writeln!(
                text,
                "          {}: expected {}, found {}",
                line(&check.what),
                line(&check.expected),
                line(&check.found)
            );
            for evidence in &check.evidence {
                let _ = writeln!(text, "            {}", paint.dim(&line(evidence)));
            }
        }
    }
    text
}

/// Counts cases for a last line: `12 cases: all passed`, or `12 cases: 2 failed`.
pub fn summary(passed: usize, failed: usize) -> String {
    let all = count((passed + failed) as u64, "case", "cases");
    match failed {
        0 if passed == 1 => format!("{all}: passed"),
        0 => format!("{all}: all passed"),
        failed => format!("{all}: {failed} failed"),
    }
}

/// Writes the results for a job's page.
pub fn results_markdown(files: &[FileResults]) -> String {
    let cases = || files.iter().flat_map(|file| &file.cases);
    let failed = cases().filter(|case| !case.ok).count();
    let mut text = format!("### dreamrun test\n\n{}.\n", summary(cases().count() - failed, failed));
    if failed > 0 {
        text.push_str("\n| Case | Expected | Found |\n|---|---|---|\n");
    }
    for file in files {
        for case in file.cases.iter().filter(|case| !case.ok) {
            for check in case.checks.iter().filter(|check| !check.ok) {
                let _ = writeln!(
                    text,
                    "| {}:{} {} | {}: {} | {} |",
                    escaped(&file.file),
                    case.line,
                    escaped(&case.name),
                    escaped(&check.what),
                    escaped(&check.expected),
                    escaped(&check.found)
                );
            }
        }
    }
    text
}
