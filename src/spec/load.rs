//! Loading: a source file becomes a checked value, or every problem found in it.
//!
//! Nothing here touches a disk or shares anything mutable, so files can be loaded in parallel.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::authored::{
    AuthoredDecisions, AuthoredForgetFile, AuthoredPipeline, AuthoredProbeFile, AuthoredProject,
    AuthoredTests,
};
use super::check;
use super::checker::Checker;
use super::codes::Code;
use super::decisions::Decisions;
use super::fixture::Tests;
use super::pipeline::Pipeline;
use super::probes::ProbeList;
use super::problem::{Problem, has_errors, sort};
use super::project::Project;
use super::route::{ROOT, Step, write_steps};
use super::schema::Document;
use super::shape;
use super::source::SourceFile;
use super::yaml::{self, Content};
use crate::ids::PipelineName;
use crate::ledger::forget::ForgetList;

/// What loading must be told from outside the files.
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    /// The folder of `dreamrun.yaml`.
    pub root: PathBuf,
    /// The models of the local backend; empty to leave `model` unchecked.
    pub known_minds: Vec<String>,
    /// Folders outside the project that the command line allows to read, absolute.
    pub allow_read: Vec<PathBuf>,
}

/// A loaded value with its warnings, or every problem of its file.
pub type Loaded<T> = Result<(T, Vec<Problem>), Vec<Problem>>;

/// Loads `dreamrun.yaml` under one of its profiles.
///
/// # Errors
///
/// Returns all problems of the file, errors and warnings, by position.
pub fn load_project(file: &SourceFile, profile: Option<&str>, options: &LoadOptions) -> Loaded<Project> {
    let tree = yaml::read(file)?;
    let mut checker = Checker::new(file, &tree);
    let project =
        shape::decode::<AuthoredProject>(Document::Project, &tree, &mut checker).and_then(|authored| {
            shape::check_version(&mut checker, authored.dreamrun);
            check::project(authored, profile, options, &mut checker)
        });
    finish(project, checker)
}

/// Loads one pipeline file of a project. The project's profile is applied: its model takes the place
/// of the pipeline's, and the lower of the two budgets counts.
///
/// # Errors
///
/// Returns all problems of the file, errors and warnings, by position.
pub fn load_pipeline(file: &SourceFile, project: &Project, options: &LoadOptions) -> Loaded<Pipeline> {
    let tree = yaml::read(file)?;
    let mut checker = Checker::new(file, &tree);
    let pipeline =
        shape::decode::<AuthoredPipeline>(Document::Pipeline, &tree, &mut checker).and_then(|authored| {
            shape::check_version(&mut checker, authored.dreamrun);
            check::pipeline(authored, project, options, &mut checker)
        });
    finish(pipeline, checker)
}

/// Loads a probe file.
///
/// # Errors
///
/// Returns all problems of the file, errors and warnings, by position.
pub fn load_probes(file: &SourceFile) -> Loaded<ProbeList> {
    let tree = yaml::read(file)?;
    let mut checker = Checker::new(file, &tree);
    let probes =
        shape::decode::<AuthoredProbeFile>(Document::Probes, &tree, &mut checker).and_then(|authored| {
            shape::check_version(&mut checker, authored.dreamrun);
            check::probes(authored, &mut checker)
        });
    finish(probes, checker)
}

/// Loads a forget list.
///
/// # Errors
///
/// Returns all problems of the file, errors and warnings, by position.
pub fn load_forget(file: &SourceFile) -> Loaded<ForgetList> {
    let tree = yaml::read(file)?;
    let mut checker = Checker::new(file, &tree);
    let forget =
        shape::decode::<AuthoredForgetFile>(Document::Forget, &tree, &mut checker).and_then(|authored| {
            shape::check_version(&mut checker, authored.dreamrun);
            check::forget(authored, &mut checker)
        });
    finish(forget, checker)
}

/// The largest file of decisions. It quotes every statement that a dream changed, twice.
pub const DECISIONS_BYTES_LIMIT: usize = 64 << 20;

/// Loads a file of decisions: a list of them, alone or under `decisions`.
///
/// # Errors
///
/// Returns all problems of the file, errors and warnings, by position.
pub fn load_decisions(file: &SourceFile) -> Loaded<Decisions> {
    let tree = yaml::read_list_of("decisions", file, DECISIONS_BYTES_LIMIT)?;
    let mut checker = Checker::new(file, &tree);
    let decisions = shape::decode::<AuthoredDecisions>(Document::Decisions, &tree, &mut checker)
        .and_then(|authored| check::decisions(authored, &mut checker));
    finish(decisions, checker)
}

/// Loads the fixture tests of a pipeline.
///
/// # Errors
///
/// Returns all problems of the file, errors and warnings, by position.
pub fn load_tests(file: &SourceFile, pipeline: &Pipeline) -> Loaded<Tests> {
    let tree = yaml::read(file)?;
    let mut checker = Checker::new(file, &tree);
    let tests = shape::decode::<AuthoredTests>(Document::Test, &tree, &mut checker).map(|authored| {
        shape::check_version(&mut checker, authored.dreamrun);
        check::tests(authored, pipeline, &mut checker)
    });
    finish(tests, checker)
}

fn finish<T>(value: Option<T>, checker: Checker<'_>) -> Loaded<T> {
    let file = checker.file();
    let mut problems = checker.finish();
    match value {
        Some(value) if !has_errors(&problems) => Ok((value, problems)),
        None if !has_errors(&problems) => {
            // Every check that returns nothing tells why; should one forget, the file is still refused.
            problems.push(Problem::of_file(Code::WrongType, file.path(), "the file cannot be used as it is"));
            Err(problems)
        }
        _ => Err(problems),
    }
}

/// Returns the line, from 1, of a key that is reached through others; of the last one on the way that is
/// there, if it is not. Nothing if the file cannot be read.
pub fn line_of(file: &SourceFile, keys: &[&str]) -> Option<usize> {
    let tree = yaml::read(file).ok()?;
    let steps: Vec<Step<'_>> = keys.iter().map(|key| Step::Key(key)).collect();
    let found = (1..=steps.len()).rev().map(|n| tree.find(&steps[..n])).find(|found| found.is_whole)?;
    Some(file.place(found.key_span()).line)
}

/// Returns the line, from 1, of a key that is reached through others; nothing if it is not there.
pub fn exact_line_of(file: &SourceFile, keys: &[&str]) -> Option<usize> {
    let tree = yaml::read(file).ok()?;
    let steps: Vec<Step<'_>> = keys.iter().map(|key| Step::Key(key)).collect();
    let found = tree.find(&steps);
    found.is_whole.then(|| file.place(found.key_span()).line)
}

/// Makes a problem that points at a value of a file; at the last one on the way that is there, if it is not.
pub fn problem_at(code: Code, file: &SourceFile, steps: &[Step<'_>], label: impl Into<String>) -> Problem {
    let problem = match yaml::read(file) {
        Ok(tree) => Problem::new(code, file, tree.find(steps).value_span(), label),
        Err(_) => Problem::of_file(code, file.path(), label),
    };
    Problem { route: write_steps(steps), ..problem }
}

/// Returns the text at a route of a file, whatever else is wrong with the file.
pub fn text_at(file: &SourceFile, steps: &[Step<'_>]) -> Option<String> {
    let tree = yaml::read(file).ok()?;
    let found = tree.find(steps);
    match &found.node.value {
        Content::Text(text, _) if found.is_whole => Some(text.clone()),
        _ => None,
    }
}

/// Tells which files give a name that another file gives too.
pub fn check_names(names: &[(&SourceFile, &PipelineName)]) -> Vec<Problem> {
    let mut by_name: BTreeMap<&PipelineName, Vec<&SourceFile>> = BTreeMap::new();
    for (file, name) in names {
        by_name.entry(name).or_default().push(file);
    }
    let mut problems = Vec::new();
    for (name, mut files) in by_name {
        files.sort_by_key(|file| file.path());
        let Some((first, others)) = files.split_first() else { continue };
        for file in others {
            let label = format!("`{name}` is also the name of {}", first.path().display());
            // The file was loaded, so it can be read; without a `name` key its own name is the clash.
            let span = yaml::read(file).ok().and_then(|tree| {
                let found = tree.find(&[Step::Key("name")]);
                found.is_whole.then(|| found.value_span())
            });
            let problem = match span {
                Some(span) => Problem {
                    route: ROOT.key("name").to_string(),
                    ..Problem::new(Code::DuplicateName, file, span, label)
                },
                None => Problem::of_file(Code::DuplicateName, file.path(), label),
            };
            problems.push(problem.help("give one of them another name"));
        }
    }
    sort(&mut problems);
    problems
}

#[cfg(test)]
mod tests;
