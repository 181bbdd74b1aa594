//! Names of files in pipelines, brought to ids by `claude-lock.json`.

use std::path::Path;

use crate::spec::codes::Code;
use crate::spec::lock::{LockError, LockFile, is_path};
use crate::spec::pipeline::{Pipeline, SessionSource, Target};
use crate::spec::problem::Problem;
use crate::spec::project::{BackendSpec, Project};
use crate::spec::source::FILE_BYTES_LIMIT;

use super::exit::{CliError, ExitCode};
use super::reach;

/// The lock file, beside the project file.
const LOCK: &str = "claude-lock.json";

/// Puts the id in the place of every file that a pipeline names, and says which have none.
///
/// What has none stays a file's name and is refused once it is needed ([`unresolved`]): a pull request may
/// well bring an agent that is created only when it is merged.
pub(super) fn resolve(root: &Path, project: &Project, pipelines: &mut [Pipeline]) -> Vec<Problem> {
    let BackendSpec::ManagedAgents(settings) = &project.backend else { return Vec::new() };
    let mut problems = Vec::new();
    let mut lock = None;
    for pipeline in pipelines {
        let file = pipeline.file.clone();
        for (kind, name) in names(pipeline) {
            if !is_path(name) {
                continue;
            }
            let lock = lock.get_or_insert_with(|| read(root));
            if let Ok(lock) = lock
                && let (Some(kept), Some(here)) = (&lock.origin.base_url, &settings.base_url)
                && kept.trim_end_matches('/') != here.trim_end_matches('/')
            {
                let label = format!("`{name}` is resolved through {LOCK}, which is about `{kept}`");
                let problem = Problem::of_file(Code::LockFile, file.clone(), label);
                problems.push(problem.help(format!("give the id it has at `{here}`")));
                continue;
            }
            match lock.as_ref().map_err(Clone::clone).and_then(|lock| lock.resolve(kind, name)) {
                Ok(id) => *name = id.to_owned(),
                Err(error) => problems.push(problem(&file, kind, name, &error)),
            }
        }
    }
    problems
}

/// Returns an error if a pipeline names a file that has no id.
pub(super) fn unresolved(pipeline: &Pipeline) -> Result<(), CliError> {
    let mut pipeline = pipeline.clone();
    let Some((kind, name)) = names(&mut pipeline).into_iter().find(|(_, name)| is_path(name)) else {
        return Ok(());
    };
    Err(CliError::new(ExitCode::InvalidFiles, format!("`{name}` is not in {LOCK}")).hint(format!(
        "Create it with `ant apply {name}` and commit {LOCK}, or give the {kind}'s id instead."
    )))
}

fn problem(file: &Path, kind: &str, name: &str, error: &LockError) -> Problem {
    let problem = Problem::of_file(Code::LockFile, file, format!("`{name}` has no id in {LOCK}: {error}"));
    problem.help(match error {
        LockError::Unknown { near: Some(near), .. } => format!("did you mean `{near}`?"),
        LockError::Unknown { near: None, .. } => {
            format!("create it with `ant apply {name}` and commit {LOCK}, or give the {kind}'s id")
        }
        _ => format!("mend {LOCK}, or give the {kind}'s id"),
    })
}

fn read(root: &Path) -> Result<LockFile, LockError> {
    let path = root.join(LOCK);
    let unreadable = |reason: &str| LockError::Malformed(reason.to_owned());
    let real = reach::inside(root, &path).map_err(|_| unreadable("there is no such file in the project"))?;
    let size = std::fs::metadata(&real).map_err(|error| unreadable(&error.to_string()))?.len();
    if size > FILE_BYTES_LIMIT as u64 {
        return Err(unreadable("it is too large"));
    }
    LockFile::parse(&std::fs::read_to_string(&real).map_err(|error| unreadable(&error.to_string()))?)
}

/// Returns what a pipeline names of the server's, with what it is meant to be.
fn names(pipeline: &mut Pipeline) -> Vec<(&'static str, &mut String)> {
    let mut names = Vec::new();
    for source in &mut pipeline.sessions.sources {
        match source {
            SessionSource::Agent(name) => names.push(("agent", name)),
            SessionSource::Deployment(name) => names.push(("deployment", name)),
            _ => {}
        }
    }
    match &mut pipeline.adopt.target {
        Target::Deployment(all) => names.extend(all.iter_mut().map(|name| ("deployment", name))),
        Target::Session { agent, environment } => {
            names.push(("agent", agent));
            names.push(("environment", environment));
        }
        _ => {}
    }
    names
}
