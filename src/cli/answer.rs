//! How every command ends: one exit code, and one JSON document if it was asked for.

use serde::Serialize;
use serde_json::{Value, json};

use super::exit::{CliError, ExitCode};
use super::github::{self, JobReport};
use super::{Call, files, problems};
use crate::spec::problem::Problem;

/// The format of the JSON documents. 1.0: the first. Fields may be added under the same major number.
pub(super) const FORMAT: &str = "1.0";

/// What a command has to say at its end.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The exit code; [`ExitCode::Fine`] unless a state was made to fail.
    pub(super) code: Option<ExitCode>,
    /// How it ended, in a word: `adopted`, `nothing_due`, …
    pub(super) outcome: &'static str,
    /// The result, for programs.
    pub(super) data: Value,
    /// Warnings in files.
    pub(super) problems: Vec<Problem>,
    /// What a CI job shows of it.
    pub(super) job: JobReport,
}

impl Answer {
    /// Makes an answer.
    pub(super) fn new(outcome: &'static str, data: impl Serialize) -> Self {
        let data = serde_json::to_value(data).unwrap_or_default();
        Self { code: None, outcome, data, ..Self::default() }
    }

    /// Makes the command end with a code.
    pub(super) fn with_code(mut self, code: ExitCode) -> Self {
        self.code = Some(code);
        self
    }
}

/// Writes the JSON document of an answer.
pub(super) fn document(kind: &str, answer: &Answer) -> String {
    let code = answer.code.unwrap_or(ExitCode::Fine);
    let document = json!({
        "format_version": FORMAT,
        "kind": kind,
        "ok": code == ExitCode::Fine,
        "outcome": answer.outcome,
        "exit_code": code.number(),
        "diagnostics": problems::json(&answer.problems),
        "data": answer.data,
    });
    written(&document)
}

/// Writes a document. What the runner of a GitHub Actions job would take for a command, wherever it stands
/// in a line, is written in another way that means the same.
pub(super) fn written(document: &Value) -> String {
    format!("{document:#}\n").replace("##[", "#\\u0023[")
}

/// Writes the JSON document of an error.
pub(super) fn error_document(kind: &str, error: &CliError) -> String {
    let document = json!({
        "format_version": FORMAT,
        "kind": kind,
        "ok": false,
        "outcome": "error",
        "exit_code": error.code.number(),
        "diagnostics": problems::json(&error.problems),
        "error": { "message": error.message, "causes": error.causes, "hints": error.hints },
        "data": error.data,
    });
    written(&document)
}

/// Says how a command ended, in every form that was asked for, and returns its exit code.
pub(super) fn finish(call: &Call<'_>, kind: &str, result: Result<Answer, CliError>) -> ExitCode {
    let code = tell(call, kind, &result);
    match call.console.lost_data() {
        None => code,
        Some(error) => {
            let lost = CliError::io("write to", std::path::Path::new("stdout"), &error);
            complain(call, &lost.hint("The command itself did what it says; only its data is missing."));
            code.max(ExitCode::Unexpected)
        }
    }
}

fn tell(call: &Call<'_>, kind: &str, result: &Result<Answer, CliError>) -> ExitCode {
    let code = match result {
        Ok(answer) => answer.code.unwrap_or(ExitCode::Fine),
        Err(error) => {
            complain(call, error);
            error.code
        }
    };
    if matches!(kind, "validate" | "test" | "plan" | "apply") {
        let ended = result.as_ref().map(|answer| (answer.outcome, &answer.job));
        github::finish(call, kind, ended, code);
    }
    if !call.global.json && call.global.json_out.is_none() {
        return code;
    }
    let text = match result {
        Ok(answer) => document(kind, answer),
        Err(error) => error_document(kind, error),
    };
    if let Some(path) = &call.global.json_out {
        let path = call.folder.join(path);
        if let Err(error) = std::fs::write(&path, &text) {
            let lost = files::unusable("write", &path, &error);
            complain(call, &lost);
            return code.max(lost.code);
        }
    }
    if call.global.json {
        call.console.data(&text);
    }
    code
}

fn complain(call: &Call<'_>, error: &CliError) {
    let console = &call.console;
    let paint = console.paint;
    console.complain(&format!("{} {}\n", paint.bad("error:"), crate::report::words::line(&error.message)));
    for cause in &error.causes {
        console.complain(&format!("  because {}\n", crate::report::words::line(cause)));
    }
    for hint in &error.hints {
        console.complain(&format!("  {} {}\n", paint.bold("="), crate::report::words::line(hint)));
    }
}
