//! JUnit XML: gates of a run, and cases of fixture files, as test results that CI systems show.
//!
//! A run is a suite, itself its first case and each of its gates another. The run is a failure where it is
//! blocked, failed or over budget, for whatever reason. Of gates `pass` and `unchanged` pass, `review` is skipped with
//! what a person should look at, `block` is a failure and `undecided` an error. A gate that an approval
//! overrode is skipped, since it no longer stands in the way. A fixture file is a suite and each of its
//! cases a case.
//!
//! No memory text of a store is written: verdicts hold none.

use std::fmt::Write as _;

use crate::fixture::CaseResult;
use crate::gate::verdict::{Finding, Outcome, Verdict};

use super::run_view::RunView;
use super::words::plain;

/// The results of one suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    /// What it is about: a run, a file.
    pub name: String,
    /// Its cases.
    pub cases: Vec<SuiteCase>,
}

/// One result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuiteCase {
    /// Its name.
    pub name: String,
    /// How it ended.
    pub end: End,
    /// What to show besides, in lines.
    pub output: Vec<String>,
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Well.
    Passed,
    /// Not in a way that fails a build: what to look at.
    Skipped(String),
    /// Badly: why.
    Failed(String),
    /// It could not be told: why.
    Errored(String),
}

impl Suite {
    /// Tells of a run and its gates.
    pub fn of_run(run: &RunView) -> Self {
        let gates = run.verdicts.iter().map(|verdict| gate(verdict, run));
        let cases = std::iter::once(whole(run)).chain(gates).collect();
        Self { name: run.run.to_string(), cases }
    }

    /// Tells of the cases of a fixture file.
    pub fn of_cases(file: &str, results: &[CaseResult]) -> Self {
        let case = |result: &CaseResult| {
            let missed: Vec<_> = result.checks.iter().filter(|check| !check.ok).collect();
            let end = match missed.first() {
                None => End::Passed,
                Some(first) => {
                    End::Failed(format!("{}: expected {}, found {}", first.what, first.expected, first.found))
                }
            };
            let mut output = Vec::new();
            for check in missed {
                output.push(format!("{}: expected {}, found {}", check.what, check.expected, check.found));
                output.extend(check.places.iter().map(|line| format!("  {line}")));
            }
            SuiteCase { name: result.name.clone(), end, output }
        };
        Self { name: file.to_owned(), cases: results.iter().map(case).collect() }
    }
}

/// Tells of the run itself: what stands in its way need not be a gate.
fn whole(run: &RunView) -> SuiteCase {
    let phase = run.phase.replace('_', " ");
    let told = if run.because.is_empty() { phase } else { format!("{phase}: {}", run.because) };
    let end = match run.phase {
        "blocked" | "failed" | "dream_failed" | "over_budget" => End::Failed(told.clone()),
        "awaiting_review" | "rejected" | "canceled" => End::Skipped(told.clone()),
        _ => End::Passed,
    };
    SuiteCase { name: "run".to_owned(), end, output: vec![told] }
}

fn gate(verdict: &Verdict, run: &RunView) -> SuiteCase {
    let limit = if verdict.limit.is_empty() { String::new() } else { format!(" ({})", verdict.limit) };
    let told = format!("{}{limit}", verdict.measured);
    let is_overridden = run.overrides.contains(&verdict.gate);
    let end = match verdict.outcome {
        Outcome::Pass | Outcome::Unchanged => End::Passed,
        Outcome::Review => End::Skipped(format!("asks for review: {told}")),
        _ if is_overridden => End::Skipped(format!("overridden: {told}")),
        Outcome::Block => End::Failed(told.clone()),
        Outcome::Undecided => End::Errored(told.clone()),
    };
    let mut output = vec![told];
    output.extend(verdict.findings.iter().map(finding));
    SuiteCase { name: verdict.gate.clone(), end, output }
}

fn finding(finding: &Finding) -> String {
    match (&finding.path, finding.line) {
        (Some(path), Some(line)) => format!("{path}:{line}: {}", finding.note),
        (Some(path), None) => format!("{path}: {}", finding.note),
        (None, _) => finding.note.to_string(),
    }
}

/// Writes suites as one document.
pub fn junit(suites: &[Suite]) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let all = Counts::of(suites.iter().flat_map(|suite| &suite.cases));
    let _ = writeln!(
        text,
        "<testsuites name=\"dreamrun\" tests=\"{}\" failures=\"{}\" errors=\"{}\">",
        all.tests, all.failures, all.errors
    );
    for suite in suites {
        let counts = Counts::of(&suite.cases);
        let name = escaped(&suite.name);
        let _ = writeln!(
            text,
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">",
            counts.tests, counts.failures, counts.errors, counts.skipped
        );
        for case in &suite.cases {
            write_case(&mut text, &name, case);
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn write_case(text: &mut String, suite: &str, case: &SuiteCase) {
    let _ = write!(text, "    <testcase name=\"{}\" classname=\"{suite}\"", escaped(&case.name));
    let output = escaped(&case.output.join("\n"));
    let (element, kind, message) = match &case.end {
        End::Passed if output.is_empty() => {
            text.push_str("/>\n");
            return;
        }
        End::Passed => {
            let _ = writeln!(text, ">\n      <system-out>{output}</system-out>\n    </testcase>");
            return;
        }
        End::Skipped(why) => {
            let _ = writeln!(
                text,
                ">\n      <skipped message=\"{}\"/>\n      <system-out>{output}</system-out>\n    </testcase>",
                escaped(why)
            );
            return;
        }
        End::Failed(why) => ("failure", "failed", why),
        End::Errored(why) => ("error", "undecided", why),
    };
    let _ = writeln!(
        text,
        ">\n      <{element} type=\"{kind}\" message=\"{}\">{output}</{element}>\n    </testcase>",
        escaped(message)
    );
}

#[derive(Debug, Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn of<'a>(cases: impl IntoIterator<Item = &'a SuiteCase>) -> Self {
        cases.into_iter().fold(Self::default(), |mut counts, case| {
            counts.tests += 1;
            match case.end {
                End::Passed => {}
                End::Skipped(_) => counts.skipped += 1,
                End::Failed(_) => counts.failures += 1,
                End::Errored(_) => counts.errors += 1,
            }
            counts
        })
    }
}

/// Makes text fit to stand in an attribute or an element: hidden characters become visible, and what XML
/// cannot hold in any spelling becomes a replacement character.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str, end: End) -> SuiteCase {
        SuiteCase { name: name.to_owned(), end, output: vec!["3 of 9".to_owned()] }
    }

    #[test]
    fn each_end_has_its_element_and_the_counts_agree() {
        let cases = vec![
            case("bytes", End::Passed),
            case("protected", End::Skipped("asks for review".to_owned())),
            case("secrets", End::Failed("1 secret".to_owned())),
            case("assert", End::Errored("not an expression".to_owned())),
        ];
        insta::assert_snapshot!(junit(&[Suite { name: "nightly-1".to_owned(), cases }]), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="dreamrun" tests="4" failures="1" errors="1">
          <testsuite name="nightly-1" tests="4" failures="1" errors="1" skipped="1">
            <testcase name="bytes" classname="nightly-1">
              <system-out>3 of 9</system-out>
            </testcase>
            <testcase name="protected" classname="nightly-1">
              <skipped message="asks for review"/>
              <system-out>3 of 9</system-out>
            </testcase>
            <testcase name="secrets" classname="nightly-1">
              <failure type="failed" message="1 secret">3 of 9</failure>
            </testcase>
            <testcase name="assert" classname="nightly-1">
              <error type="undecided" message="not an expression">3 of 9</error>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn what_xml_cannot_hold_is_replaced_and_nothing_breaks_out() {
        let text = escaped("a\u{0}b\u{b}\u{ffff}\u{202e}\"'<&]]>\n");
        assert!(!text.contains(['\u{0}', '\u{b}', '\u{ffff}', '\u{202e}', '"', '<', '>', '\n']), "{text}");
        assert!(text.ends_with("'&lt;&amp;]]&gt;&#10;"), "{text}");
    }
}
