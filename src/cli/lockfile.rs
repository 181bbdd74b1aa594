//! Names of files in pipelines, brought to ids by `claude-lock.json`.

use std::path::Path;

use crate::ids::{AgentId, DeploymentId, EnvironmentId};
use crate::spec::codes::Code;
use crate::spec::lock::{LockError, LockFile, is_path};
use crate::spec::pipeline::{AgentRef, Pipeline, SessionSource, Target};
use crate::spec::problem::Problem;
use crate::spec::project::{BackendSpec, Project};
use crate::spec::source::FILE_BYTES_LIMIT;

use super::exit::{CliError, ExitCode};
use super::reach;

/// The lock file, beside the project file.
pub(super) const LOCK: &str = "claude-lock.json";

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
        each_name(pipeline, &mut |kind, name| {
            if !is_path(name) {
                return None;
            }
            let lock = lock.get_or_insert_with(|| read(root));
            if let Ok(lock) = lock
                && let (Some(kept), Some(here)) = (&lock.origin.base_url, &settings.base_url)
                && kept.trim_end_matches('/') != here.trim_end_matches('/')
            {
                let label = format!("`{name}` is resolved through {LOCK}, which is about `{kept}`");
                let problem = Problem::of_file(Code::LockFile, file.clone(), label);
                problems.push(problem.help(format!("give the id it has at `{here}`")));
                return None;
            }
            match lock.as_ref().map_err(Clone::clone).and_then(|lock| lock.resolve(kind, name)) {
                Ok(id) => Some(id.to_owned()),
                Err(error) => {
                    problems.push(problem(&file, kind, name, &error));
                    None
                }
            }
        });
    }
    problems
}

/// Returns an error if a pipeline names a file that has no id.
pub(super) fn unresolved(pipeline: &Pipeline) -> Result<(), CliError> {
    let mut found = None;
    each_name(&mut pipeline.clone(), &mut |kind, name| {
        if is_path(name) && found.is_none() {
            found = Some((kind, name.to_owned()));
        }
        None
    });
    let Some((kind, name)) = found else { return Ok(()) };
    Err(CliError::new(ExitCode::InvalidFiles, format!("`{name}` has no id in {LOCK}")).hint(format!(
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

/// Shows every name of something of the server's, with what it is meant to be, and takes what is to stand in
/// its place.
fn each_name(pipeline: &mut Pipeline, replace: &mut dyn FnMut(&'static str, &str) -> Option<String>) {
    for source in &mut pipeline.sessions.sources {
        let (kind, name) = match source {
            SessionSource::Agent(name) => ("agent", name),
            SessionSource::Deployment(name) => ("deployment", name),
            _ => continue,
        };
        if let Some(id) = replace(kind, name) {
            *name = id;
        }
    }
    match &mut pipeline.adopt.target {
        Target::Deployment(all) => {
            for id in all {
                if let Some(real) = replace("deployment", id.as_str())
                    && let Ok(real) = DeploymentId::parse(real)
                {
                    *id = real;
                }
            }
        }
        Target::Session { agent, environment } => {
            if let AgentRef::File(file) = agent
                && let Some(real) = replace("agent", file)
                && let Ok(real) = AgentId::parse(real)
            {
                *agent = AgentRef::Id(real);
            }
            if let Some(real) = replace("environment", environment.as_str())
                && let Ok(real) = EnvironmentId::parse(real)
            {
                *environment = real;
            }
        }
        _ => {}
    }
}
