//! `dreamrun validate`: every problem in the project's files at once, offline.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::report::words::count;
use crate::spec::problem::{has_errors, sort};

use super::answer::Answer;
use super::exit::{CliError, ExitCode};
use super::fixtures::{self, fixture_files, pipelines_of, tested};
use super::github::JobReport;
use super::workspace::{
    Loaded, PROJECT_FILE, RuleFile, allowed, find_root, load, load_rules, named_file, pipeline_files,
};
use super::{Call, diagnostic, disk};

/// Options of `validate`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Pipelines, fixtures, forget lists and probe files; all of the project if none is given
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What to print
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Fail on warnings too
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Problems drawn on the files, on stderr
    Text,
    /// One JSON document on stdout, as with --json
    Json,
    /// SARIF 2.1.0 on stdout, for code scanning
    Sarif,
    /// Workflow commands on stdout, for GitHub annotations
    Github,
}

#[derive(Debug, Serialize)]
struct Validated {
    files: usize,
    pipelines: usize,
}

pub(super) fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let root = find_root(call)?;
    let all = pipeline_files(&root)?;
    let mut rules = Vec::new();
    let (files, tests) = if options.files.is_empty() {
        (all, fixture_files(&root)?)
    } else {
        let mut named: Vec<PathBuf> =
            options.files.iter().map(|file| named_file(call, &root, file)).collect::<Result<_, _>>()?;
        // The project file is read in any case.
        named.retain(|file| file != Path::new(PROJECT_FILE));
        named.retain(|file| {
            let kind = tested(file).is_none().then(|| RuleFile::of(&root.join(file))).flatten();
            rules.extend(kind.map(|kind| (file.clone(), kind)));
            kind.is_none()
        });
        let (tests, mut files): (Vec<_>, Vec<_>) = named.into_iter().partition(|file| tested(file).is_some());
        files.extend(pipelines_of(&root, &tests, &all));
        files.sort();
        files.dedup();
        (files, tests)
    };
    let mut loaded = load(call, &root, &files)?;
    if loaded.project.is_some() {
        fixtures::load(&root, &tests, &mut loaded)?;
    }
    load_rules(&root, &rules, &mut loaded)?;
    let missing = disk::missing(&root, &allowed(call), &loaded);
    loaded.problems.extend(missing);
    sort(&mut loaded.problems);
    let Loaded { pipelines, problems, files, sources, project } = loaded;
    let is_bad = project.is_none() || has_errors(&problems) || (options.strict && !problems.is_empty());
    match options.format {
        Format::Text => super::problems::show(call, &root, &problems, &sources),
        Format::Sarif => call.console.data(&super::answer::written(&diagnostic::sarif(&problems))),
        Format::Github => {
            call.console.data(&problems.iter().map(|p| diagnostic::github(p) + "\n").collect::<String>())
        }
        Format::Json => {}
    }
    if options.format == Format::Text {
        let summary = match diagnostic::count(&problems) {
            none if none.is_empty() => call.console.paint.good("no problems"),
            found => found,
        };
        call.console.say(&format!("{}: {summary}\n", count(files as u64, "file", "files")));
    }
    let data = Validated { files, pipelines: pipelines.len() };
    let mut answer = Answer::new(if is_bad { "invalid" } else { "valid" }, data);
    answer.job = JobReport::of_files(files, &problems);
    answer.problems = problems;
    if is_bad {
        answer.code = Some(ExitCode::InvalidFiles);
    }
    if options.format == Format::Json && !call.global.json {
        call.console.data(&super::answer::document("validate", &answer));
    }
    Ok(answer)
}
