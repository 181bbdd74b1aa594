//! `input.sessions`: sources, how far back, and how many.

use std::collections::BTreeSet;

use super::{identifier, pipeline};
use crate::ids::SessionId;
use crate::spec::LoadOptions;
use crate::spec::authored::{AuthoredSessions, AuthoredSource};
use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::path;
use crate::spec::pipeline::{Order, SessionInput, SessionSource, Since};
use crate::spec::project::{BackendSpec, Project};
use crate::spec::quantity;
use crate::spec::route::Route;

/// The keys that name a source.
const SOURCE_KEYS: [&str; 5] = ["agent", "deployment", "store", "ids", "files"];

/// Checks `input.sessions`.
pub(super) fn sessions(
    authored: AuthoredSessions,
    project: &Project,
    options: &LoadOptions,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Option<SessionInput> {
    let AuthoredSessions { agent, deployment, store, ids, files, from, since, order, take, min } = authored;
    let single = AuthoredSource { agent, deployment, store, ids, files };
    let mut sources = Vec::new();
    let mut seen = Seen::default();
    let set = keys_set(route, checker, &["from"]);
    match (set.as_slice(), from) {
        (["from"], Some(list)) => {
            let parent = route.key("from");
            for (i, source) in list.into_iter().enumerate() {
                let item = parent.index(i);
                let set = keys_set(&item, checker, &[]);
                if set.len() == 1 {
                    sources.extend(one_source(source, project, options, &item, &mut seen, checker));
                } else {
                    not_one(&set, &item, checker);
                }
            }
        }
        ([_], _) => sources.extend(one_source(single, project, options, route, &mut seen, checker)),
        (set, _) => not_one(set, route, checker),
    }
    let since = match since {
        Some(text) => checker.take(Code::Since, &route.key("since"), quantity::since(&text)),
        None => Some(Since::LastAdopted),
    };
    if take == Some(0) {
        let problem = checker.at(Code::TakeZero, &route.key("take"), "no session would ever be read");
        checker.tell(problem.help("leave `take` out to read all that wait, or give 1 or more"));
    }
    let min = min.unwrap_or(1);
    if let Some(take) = take.filter(|take| *take > 0 && min > *take) {
        let label = format!("{min} sessions must wait, and only {take} may be read");
        let problem = checker.at(Code::MinAboveTake, &route.key("min"), label);
        checker.tell(problem.help(format!("set `min` to {take} or less")));
    }
    (!sources.is_empty()).then_some(())?;
    Some(SessionInput {
        sources,
        since: since?,
        order: order.unwrap_or(Order::Oldest),
        take,
        min: min.max(1),
    })
}

/// Returns the source keys that the file sets at a route, whether or not their values fit.
fn keys_set(route: &Route<'_>, checker: &Checker<'_>, more: &[&'static str]) -> Vec<&'static str> {
    let keys = SOURCE_KEYS.into_iter().chain(more.iter().copied());
    keys.filter(|key| checker.has(&route.key(key))).collect()
}

fn not_one(set: &[&str], route: &Route<'_>, checker: &mut Checker<'_>) {
    let known = "`agent`, `deployment`, `store`, `ids` and `files`";
    let problem = match set {
        [] => checker
            .at_key(Code::OneSource, route, "this names no session source")
            .help(format!("give exactly one of {known}")),
        [_, second, ..] => checker
            .at_key(Code::OneSource, &route.key(second), "this is a second session source")
            .help("list several sources under `from`, each with one key"),
        [_] => return,
    };
    checker.tell(problem);
}

/// What was listed before, to find what is listed twice.
#[derive(Default)]
struct Seen {
    sources: BTreeSet<SessionSource>,
    ids: BTreeSet<SessionId>,
    globs: BTreeSet<String>,
}

fn one_source(
    source: AuthoredSource,
    project: &Project,
    options: &LoadOptions,
    route: &Route<'_>,
    seen: &mut Seen,
    checker: &mut Checker<'_>,
) -> Option<SessionSource> {
    let is_local = matches!(project.backend, BackendSpec::Local { .. });
    let (key, source) = if let Some(agent) = source.agent {
        ("agent", SessionSource::Agent(text(agent, &route.key("agent"), checker)?))
    } else if let Some(deployment) = source.deployment {
        ("deployment", SessionSource::Deployment(text(deployment, &route.key("deployment"), checker)?))
    } else if let Some(store) = source.store {
        ("store", SessionSource::Store(pipeline::store(&store, project, &route.key("store"), checker)?))
    } else if let Some(ids) = source.ids {
        ("ids", SessionSource::Ids(session_ids(ids, &route.key("ids"), seen, checker)))
    } else {
        ("files", SessionSource::Files(globs(source.files?, options, &route.key("files"), seen, checker)))
    };
    let at = route.key(key);
    match key {
        "agent" | "deployment" | "store" if is_local => {
            let label = format!("the local backend has no sessions by {key}");
            let problem = checker.at_key(Code::NeedsManagedAgents, &at, label);
            checker.tell(problem.help(
                "use `files` with globs of transcripts, or set `backend: managed_agents` in dreamrun.yaml",
            ));
        }
        "files" if !is_local => {
            let problem =
                checker.at_key(Code::NeedsLocal, &at, "only the local backend reads transcript files");
            checker.tell(problem.help(
                "use `agent`, `deployment`, `store` or `ids`, or set `backend: local` in dreamrun.yaml",
            ));
        }
        _ => {}
    }
    if !seen.sources.insert(source.clone()) {
        let problem = checker.at(Code::RepeatedSource, &at, "this source is listed before");
        checker.tell(problem.help("remove one of the two"));
    }
    Some(source)
}

fn text(text: String, route: &Route<'_>, checker: &mut Checker<'_>) -> Option<String> {
    if text.is_empty() || text.len() > 1_024 || text.contains(|c: char| c.is_control()) {
        let problem = checker.at(Code::InvalidId, route, "this is not an id or the path of a file");
        checker.tell(problem);
        return None;
    }
    Some(text)
}

fn session_ids(
    texts: Vec<String>,
    route: &Route<'_>,
    seen: &mut Seen,
    checker: &mut Checker<'_>,
) -> Vec<SessionId> {
    let mut ids = Vec::new();
    for (i, text) in texts.into_iter().enumerate() {
        let at = route.index(i);
        let Some(id) = identifier(checker, Code::InvalidId, &at, SessionId::parse(text)) else { continue };
        if seen.ids.insert(id.clone()) {
            ids.push(id);
        } else {
            let problem = checker.at(Code::RepeatedSource, &at, "this session is listed before");
            checker.tell(problem.help("a dream reads a session once; remove one of the two"));
        }
    }
    ids
}

fn globs(
    texts: Vec<String>,
    options: &LoadOptions,
    route: &Route<'_>,
    seen: &mut Seen,
    checker: &mut Checker<'_>,
) -> Vec<String> {
    let mut globs = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        let at = route.index(i);
        let Some(glob) = checker.take_refused(&at, path::file_glob(text, &options.allow_read)) else {
            continue;
        };
        if seen.globs.insert(glob.clone()) {
            globs.push(glob);
        } else {
            let problem = checker.at(Code::RepeatedSource, &at, "this glob is listed before");
            checker.tell(problem.help("remove one of the two"));
        }
    }
    globs
}
