//! `adopt`: who decides, what adoption does, and what it needs for that.

use std::path::PathBuf;

use super::identifier;
use crate::ids::{AgentId, DeploymentId, EnvironmentId};
use crate::spec::authored::{AuthoredAdopt, TargetWord};
use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::path;
use crate::spec::pipeline::{Adopt, AdoptMode, AgentRef, Drift, Target};
use crate::spec::project::{BackendSpec, Project};
use crate::spec::quantity::Wrong;
use crate::spec::route::{ROOT, Route};

/// The folder of pipeline files. Names are compared without case, as some file systems do.
const PIPELINES: &str = "pipelines";

/// Checks `adopt`.
///
/// Without a mode a person decides: adopting by itself is what a pipeline must ask for.
pub(super) fn adopt(authored: AuthoredAdopt, project: &Project, checker: &mut Checker<'_>) -> Option<Adopt> {
    let route = ROOT.key("adopt");
    let word = authored.target.unwrap_or(TargetWord::Pointer);
    let settings = [
        ("directory", TargetWord::Directory),
        ("deployments", TargetWord::Deployment),
        ("agent", TargetWord::Session),
        ("environment", TargetWord::Session),
    ];
    for (key, of) in settings {
        match (checker.has(&route.key(key)), word == of) {
            (false, true) => {
                let label = format!("`target: {}` needs `{key}`", of.as_str());
                let problem = checker.at(Code::TargetSetting, &route.key("target"), label);
                checker.tell(problem.help(format!("add `{key}:` under `adopt`")));
            }
            (true, false) => {
                let label = format!("`{key}` does nothing for `target: {}`", word.as_str());
                let problem = checker.at_key(Code::UnusedSetting, &route.key(key), label);
                checker.tell(problem.help(format!("set `target: {}`, or remove `{key}`", of.as_str())));
            }
            _ => {}
        }
    }
    let is_local = matches!(project.backend, BackendSpec::Local { .. });
    if is_local && matches!(word, TargetWord::Deployment | TargetWord::Session) {
        let label = format!("the local backend has no target `{}`", word.as_str());
        let problem = checker.at(Code::NeedsManagedAgents, &route.key("target"), label);
        checker.tell(problem.help(
            "use `pointer`, `copy_back` or `directory`, or set `backend: managed_agents` in dreamrun.yaml",
        ));
    }
    let target = match word {
        TargetWord::Pointer => Target::Pointer,
        TargetWord::Directory => {
            Target::Directory(directory(&authored.directory?, &route.key("directory"), checker)?)
        }
        TargetWord::CopyBack => Target::CopyBack,
        TargetWord::Deployment => {
            Target::Deployment(deployments(authored.deployments?, &route.key("deployments"), checker)?)
        }
        TargetWord::Session => {
            let agent = agent(authored.agent?, &route.key("agent"), checker);
            let at = route.key("environment");
            let id = EnvironmentId::parse(authored.environment?);
            let environment = identifier(checker, Code::InvalidId, &at, id);
            Target::Session { agent: agent?, environment: environment? }
        }
    };
    Some(Adopt {
        mode: authored.mode.unwrap_or(AdoptMode::Review),
        target,
        drift: authored.drift.unwrap_or(Drift::Rebase),
    })
}

fn deployments(
    texts: Vec<String>,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Option<Vec<DeploymentId>> {
    let mut ids = Vec::new();
    let wanted = texts.len();
    for (place, text) in texts.into_iter().enumerate() {
        let at = route.index(place);
        let Some(id) = identifier(checker, Code::InvalidId, &at, DeploymentId::parse(text)) else { continue };
        if ids.contains(&id) {
            let problem = checker.at(Code::InvalidId, &at, "this deployment is listed before");
            checker.tell(problem.help("remove one of the two"));
        } else {
            ids.push(id);
        }
    }
    (ids.len() == wanted).then_some(ids)
}

/// Takes an id, or a file that `claude-lock.json` resolves: ids have neither slashes nor endings.
fn agent(text: String, route: &Route<'_>, checker: &mut Checker<'_>) -> Option<AgentRef> {
    if text.contains('/') || text.ends_with(".md") {
        let file = path::inside(&text).map(|_| AgentRef::File(text));
        return checker.take_refused(route, file);
    }
    identifier(checker, Code::InvalidId, route, AgentId::parse(text)).map(AgentRef::Id)
}

fn directory(text: &str, route: &Route<'_>, checker: &mut Checker<'_>) -> Option<PathBuf> {
    let folder = path::inside(text).map_err(|(code, wrong)| match code {
        Code::OutsideProject => {
            (code, wrong.help("name a folder of the project; nothing is written elsewhere"))
        }
        _ => (code, wrong),
    });
    let folder = folder.and_then(|folder| {
        let first = folder.components().next().map(|c| c.as_os_str().to_string_lossy().to_lowercase());
        match first.as_deref() {
            None => Err("the project's root cannot be replaced by a store"),
            Some(PIPELINES) => Err("a store may not write pipelines"),
            Some(name) if name.starts_with('.') => {
                Err("a store may not write into a hidden folder, where tools keep what they obey")
            }
            Some(_) => Ok(folder),
        }
        .map_err(|label| {
            (Code::InvalidPath, Wrong::new(label).help("name a folder of its own, such as `memory/support`"))
        })
    });
    checker.take_refused(route, folder)
}
