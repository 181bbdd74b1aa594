//! What a command leaves behind in a GitHub Actions job: a summary, annotations and outputs.
//!
//! Only where `GITHUB_ACTIONS` says so. The summary and the outputs go to the files the runner names,
//! appended as it asks; annotations are workflow commands on stderr, so that stdout stays data. A file
//! that cannot be written is a warning: it changes nothing about what the command did.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::gate::verdict::Outcome;
use crate::report::markdown::{escaped, plan_markdown, run_markdown};
use crate::report::plan_view::PlanView;
use crate::report::run_view::RunView;
use crate::report::test_text::{FileResults, results_markdown};
use crate::report::words::plain;
use crate::spec;
use crate::spec::problem::Problem;

use super::Call;
use super::apply::Applied;
use super::diagnostic;
use super::exit::{CliError, ExitCode};
use super::workspace::{Workspace, read_source};

/// The most places named in one annotation.
const FINDINGS_SHOWN: usize = 10;

/// What one command tells the job.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct JobReport {
    /// Markdown for the job's page.
    summary: String,
    /// Keys for later steps, in order.
    outputs: Vec<(&'static str, String)>,
    /// Workflow commands, one a line.
    annotations: Vec<String>,
}

/// Says whether the command runs in a job.
pub(super) fn is_job(call: &Call<'_>) -> bool {
    call.console.is_job
}

impl JobReport {
    /// Tells of checked files.
    pub(super) fn of_files(files: usize, problems: &[Problem]) -> Self {
        let found = match diagnostic::count(problems) {
            none if none.is_empty() => "no problems".to_owned(),
            found => found,
        };
        let mut summary = format!("### dreamrun validate\n\n{files} files: {found}.\n");
        if !problems.is_empty() {
            summary.push_str("\n| | Place | |\n|---|---|---|\n");
        }
        for problem in problems {
            let file = problem.file.display();
            let place = problem
                .place
                .as_ref()
                .map_or_else(|| file.to_string(), |place| format!("{file}:{}:{}", place.line, place.column));
            summary.push_str(&format!(
                "| {} | {} | {}: {} |\n",
                problem.code,
                escaped(&place),
                escaped(problem.title()),
                escaped(&problem.label)
            ));
        }
        Self { summary, outputs: vec![("problems", problems.len().to_string())], annotations: Vec::new() }
    }

    /// Tells of plans.
    pub(super) fn of_plans(plans: &[PlanView]) -> Self {
        let due: Vec<&PlanView> = plans.iter().filter(|plan| plan.is_due).collect();
        let dreams: usize = due.iter().map(|plan| plan.dreams.len()).sum();
        let high =
            due.iter().map(|plan| plan.estimate_usd.as_ref().map(|range| range.high)).sum::<Option<f64>>();
        let mut outputs = vec![
            ("due", (!due.is_empty()).to_string()),
            ("pipelines", names(due.iter().map(|plan| plan.pipeline.as_str()))),
            ("dreams", dreams.to_string()),
        ];
        if let Some(high) = high {
            outputs.push(("max_usd", format!("{high:.2}")));
        }
        let summary = plans.iter().map(plan_markdown).collect();
        Self { summary, outputs, annotations: Vec::new() }
    }

    /// Tells of runs that were started or continued.
    pub(super) fn of_runs(applied: &[Applied]) -> Self {
        let mut report = Self::default();
        let mut waiting = Vec::new();
        let mut adopted = Vec::new();
        for one in applied {
            if let Some(plan) = &one.plan {
                report.summary.push_str(&plan_markdown(plan));
            }
            let Some(run) = &one.run else { continue };
            report.summary.push_str(&run_markdown(run));
            let id = run.run.to_string();
            match run.phase {
                "adopted" => adopted.push(id),
                "awaiting_review" => {
                    report.annotations.push(annotation("warning", &id, &waits(run)));
                    waiting.push(id);
                }
                "blocked" => {
                    report.annotations.push(annotation("error", &id, &waits(run)));
                    waiting.push(id);
                }
                "failed" | "dream_failed" | "over_budget" => {
                    let phase = run.phase.replace('_', " ");
                    let text = format!("{id} {phase}: {}", run.because);
                    report.annotations.push(annotation("error", &id, &text));
                }
                _ => {}
            }
        }
        let runs = applied.iter().filter_map(|one| one.run.as_ref()).map(|run| run.run.to_string());
        report.outputs =
            vec![("runs", names(runs)), ("adopted", names(adopted)), ("waiting", names(waiting))];
        report
    }

    /// Annotates the gates that stand in the way of a run, where the pipeline's file sets them. What they
    /// found is in a store and not in a file, so its places stand in the text.
    pub(super) fn point_at_gates(&mut self, call: &Call<'_>, workspace: &Workspace, applied: &[Applied]) {
        let prefix = prefix(call, &workspace.root);
        let runs = applied.iter().filter_map(|one| one.run.as_ref());
        for run in runs.filter(|run| matches!(run.phase, "awaiting_review" | "blocked")) {
            let Some(pipeline) = workspace.pipelines.get(&run.pipeline) else { continue };
            let source = read_source(&workspace.root, &pipeline.file, &[]).ok();
            for verdict in run.verdicts.iter().filter(|verdict| verdict.outcome > Outcome::Unchanged) {
                let line = source
                    .as_ref()
                    .and_then(|source| spec::line_of(source, &["gates", verdict.gate.as_str()]))
                    .unwrap_or(1);
                let level = if verdict.outcome == Outcome::Review { "warning" } else { "error" };
                let mut text = match verdict.limit.as_str() {
                    "" => verdict.measured.clone(),
                    limit => format!("{} ({limit})", verdict.measured),
                };
                for finding in verdict.findings.iter().take(FINDINGS_SHOWN) {
                    let place = match (&finding.path, finding.line) {
                        (Some(path), Some(line)) => format!("{path}:{line}: "),
                        (Some(path), None) => format!("{path}: "),
                        (None, _) => String::new(),
                    };
                    text.push_str(&format!("\n{place}{}", finding.note));
                }
                if verdict.findings.len() > FINDINGS_SHOWN {
                    text.push_str(&format!("\nand {} more", verdict.findings.len() - FINDINGS_SHOWN));
                }
                let title = format!("{} {}", run.run, verdict.gate);
                let file = prefix.join(&pipeline.file);
                self.annotations.push(diagnostic::github_at(level, &file, Some(line), &title, &text));
            }
        }
    }

    /// Tells of fixture tests. `prefix` leads from the root of the checkout to the project.
    pub(super) fn of_tests(prefix: &Path, files: &[FileResults]) -> Self {
        let mut annotations = Vec::new();
        for file in files {
            for case in file.cases.iter().filter(|case| !case.ok) {
                let told: Vec<String> = case
                    .checks
                    .iter()
                    .filter(|check| !check.ok)
                    .map(|check| {
                        let head =
                            format!("{}: expected {}, found {}", check.what, check.expected, check.found);
                        std::iter::once(head).chain(check.places.clone()).collect::<Vec<_>>().join("\n  ")
                    })
                    .collect();
                annotations.push(diagnostic::github_at(
                    "error",
                    &prefix.join(&file.file),
                    Some(case.line),
                    &case.name,
                    &told.join("\n"),
                ));
            }
        }
        let failed = annotations.len();
        let outputs = vec![("failed", failed.to_string())];
        Self { summary: results_markdown(files), outputs, annotations }
    }

    /// Tells of an error. Problems in files were annotated where they were shown.
    fn of_error(kind: &str, error: &CliError) -> Self {
        let mut summary = format!("### dreamrun {kind}\n\nFailed: {}.\n", escaped(&error.message));
        for hint in &error.hints {
            summary.push_str(&format!("\n{}\n", escaped(hint)));
        }
        let annotations = match error.problems.is_empty() {
            true => vec![annotation("error", &format!("dreamrun {kind}"), &error.message)],
            false => Vec::new(),
        };
        Self { summary, outputs: Vec::new(), annotations }
    }
}

fn waits(run: &RunView) -> String {
    let phase = run.phase.replace('_', " ");
    format!("{} {phase}: {}. Look at it with `dreamrun diff {}`.", run.run, run.because, run.run)
}

fn names(list: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    list.into_iter().map(|name| name.as_ref().to_owned()).collect::<Vec<_>>().join(" ")
}

fn annotation(level: &str, title: &str, text: &str) -> String {
    let data = |text: &str| plain(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let title = data(title).replace(':', "%3A").replace(',', "%2C");
    format!("::{level} title={title}::{}", data(text))
}

/// Annotates problems beside the lines they are in. `root` is the project's folder: annotations name
/// files from the root of the checkout.
pub(super) fn annotate(call: &Call<'_>, root: &Path, problems: &[Problem]) {
    if !is_job(call) {
        return;
    }
    let prefix = prefix(call, root);
    for problem in problems {
        let there = Problem { file: prefix.join(&problem.file), ..problem.clone() };
        call.console.command(&diagnostic::github(&there));
    }
}

/// Returns the way from the root of the checkout to the project.
pub(super) fn prefix(call: &Call<'_>, root: &Path) -> PathBuf {
    call.variable("GITHUB_WORKSPACE")
        .and_then(|checkout| root.strip_prefix(checkout).ok().map(Path::to_path_buf))
        .unwrap_or_default()
}

/// Leaves a command's report in the job it runs in.
pub(super) fn finish(
    call: &Call<'_>,
    kind: &str,
    ended: Result<(&'static str, &JobReport), &CliError>,
    code: ExitCode,
) {
    if !is_job(call) {
        return;
    }
    let failed;
    let (outcome, report) = match ended {
        Ok(ended) => ended,
        Err(error) => {
            failed = JobReport::of_error(kind, error);
            ("error", &failed)
        }
    };
    for line in &report.annotations {
        call.console.command(line);
    }
    let mut outputs = format!("outcome={outcome}\nexit_code={}\n", code.number());
    for (key, value) in &report.outputs {
        // A line break in a value would let it set other keys.
        outputs.push_str(&format!("{key}={}\n", value.replace(['\r', '\n'], " ")));
    }
    append(call, "GITHUB_OUTPUT", &outputs);
    if !report.summary.is_empty() {
        append(call, "GITHUB_STEP_SUMMARY", &format!("{}\n", report.summary));
    }
}

fn append(call: &Call<'_>, variable: &str, text: &str) {
    let Some(path) = call.variable(variable).map(PathBuf::from) else { return };
    let written = std::fs::File::options()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    if let Err(error) = written {
        let warning = format!("could not write `{}`: {error}", path.display());
        call.console.command(&annotation("warning", variable, &warning));
    }
}
