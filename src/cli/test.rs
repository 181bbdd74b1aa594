//! `dreamrun test`: the fixture tests of pipelines, offline.

use std::path::{Path, PathBuf};

use clap::Args;
use globset::GlobBuilder;
use rayon::prelude::*;
use serde::Serialize;

use crate::fixture::{self, CaseResult};
use crate::report::junit::{Suite, junit};
use crate::report::test_text::{FileResults, file_text, summary};
use crate::snapshot::Snapshot;
use crate::spec::fixture::{After, Case, StoreText};
use crate::spec::problem::has_errors;
use crate::spec::project::Project;
use crate::spec::suggest::nearest;

use super::Call;
use super::answer::Answer;
use super::exit::{CliError, ExitCode};
use super::fixtures::{self, Fixture, fixture_files, pipelines_of, tested};
use super::github::JobReport;
use super::workspace::{find_root, load, named_file, pipeline_files};

/// Options of `test`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Pipelines whose tests to run, by name, or fixture files; all if none is given
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Only cases whose name holds this text
    #[arg(long, value_name = "TEXT")]
    case: Option<String>,
    /// Write the results to a file as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// The `data` of a test document.
#[derive(Debug, Serialize)]
struct Tested {
    passed: usize,
    failed: usize,
    files: Vec<FileResults>,
}

pub(super) fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let root = find_root(call)?;
    let files = named(call, &root, &options.names)?;
    let pipelines = pipelines_of(&root, &files, &pipeline_files(&root)?);
    let mut loaded = load(call, &root, &pipelines)?;
    let fixtures = fixtures::load(&root, &files, &mut loaded)?;
    super::problems::show(call, &root, &loaded.problems, &loaded.sources);
    let Some(project) = loaded.project.as_ref().filter(|_| !has_errors(&loaded.problems)) else {
        return Err(CliError::invalid(loaded.problems));
    };
    let mut results: Vec<FileResults> =
        fixtures.iter().map(|fixture| carry_out(project, fixture, options.case.as_deref())).collect();
    results.retain(|file| !file.cases.is_empty());
    let cases = || results.iter().flat_map(|file| &file.cases);
    if let (0, Some(text)) = (cases().count(), &options.case) {
        return Err(CliError::usage(format!("no case has `{text}` in its name")));
    }
    let failed = cases().filter(|case| !case.ok).count();
    let passed = cases().count() - failed;
    let console = &call.console;
    for file in &results {
        console.say(&file_text(file, console.paint));
        console.say("\n");
    }
    let last = summary(passed, failed);
    console.say(&format!(
        "{}\n",
        if failed == 0 { console.paint.good(&last) } else { console.paint.bad(&last) }
    ));
    if let Some(path) = &options.junit {
        let suites: Vec<Suite> =
            results.iter().map(|file| Suite::of_cases(&file.file, &file.cases)).collect();
        super::files::write(call, path, &junit(&suites))?;
    }
    let job = JobReport::of_tests(&super::github::prefix(call, &root), &results);
    let outcome = if failed == 0 { "passed" } else { "failed" };
    let mut answer = Answer { job, ..Answer::new(outcome, Tested { passed, failed, files: results }) };
    answer.problems = loaded.problems;
    if failed > 0 {
        answer = answer.with_code(ExitCode::Unexpected);
    }
    Ok(answer)
}

/// Finds the fixture files that were named, or all of them.
fn named(call: &Call<'_>, root: &Path, names: &[String]) -> Result<Vec<PathBuf>, CliError> {
    let all = fixture_files(root)?;
    if names.is_empty() {
        return match all.is_empty() {
            true => Err(CliError::usage("the project has no tests")
                .hint("Write them in `pipelines/NAME.test.yaml`, beside the pipeline `NAME`.")),
            false => Ok(all),
        };
    }
    let mut files = Vec::new();
    for name in names {
        if tested(Path::new(name)).is_some() {
            files.push(named_file(call, root, Path::new(name))?);
            continue;
        }
        let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or(name);
        let Some(file) = all.iter().find(|file| tested(file) == Some(stem)) else {
            let known = all.iter().filter_map(|file| tested(file));
            let error = CliError::usage(format!("there are no tests of a pipeline `{name}`"));
            return Err(match nearest(stem, known) {
                Some(near) => error.hint(format!("Did you mean `{near}`?")),
                None => error.hint(format!("They would be in `pipelines/{stem}.test.yaml`.")),
            });
        };
        files.push(file.clone());
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn carry_out(project: &Project, fixture: &Fixture, only: Option<&str>) -> FileResults {
    let is_asked = |name: &str| only.is_none_or(|text| name.contains(text));
    let Fixture { tests, pipeline, .. } = fixture;
    let rules = crate::run::rules::read(&project.root, &pipeline.gates);
    let mut cases: Vec<CaseResult> = tests
        .cases
        .par_iter()
        .filter(|case| is_asked(&case.name))
        .map(|case| {
            let (before, after) = stores(fixture, case);
            fixture::judge(case, pipeline, &rules, &before, &after)
        })
        .collect();
    let plans = tests.plans.iter().filter(|case| is_asked(&case.name));
    cases.extend(plans.map(|case| fixture::plan_case(case, pipeline, &project.prices)));
    FileResults {
        file: tests.file.to_string_lossy().replace('\\', "/"),
        pipeline: pipeline.name.to_string(),
        cases,
    }
}

/// Returns the live store of a case and its candidate.
fn stores(fixture: &Fixture, case: &Case) -> (Snapshot, Snapshot) {
    let whole = |store: &StoreText| match store {
        StoreText::Memories(memories) => memories.clone(),
        StoreText::Folder { path, .. } => fixture.folders.get(path).cloned().unwrap_or_default(),
    };
    let before = whole(&case.before);
    let after = match &case.after {
        After::Whole(store) => whole(store),
        After::Edited { write, remove } => {
            let mut after = before.clone();
            let globs: Vec<_> = remove
                .iter()
                .filter_map(|glob| GlobBuilder::new(glob).literal_separator(true).build().ok())
                .map(|glob| glob.compile_matcher())
                .collect();
            for memory in
                before.iter().filter(|old| globs.iter().any(|glob| glob.is_match(old.path.as_str())))
            {
                after.remove(&memory.path);
            }
            for memory in write.iter() {
                after.insert(memory.clone());
            }
            after
        }
    };
    (before, after)
}
