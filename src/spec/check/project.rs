//! `dreamrun.yaml`: backend, state, stores, notifications and profiles.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::identifier;
use super::prices::prices;
use crate::ids::{Alias, MemoryStoreId};
use crate::price::Usd;
use crate::spec::LoadOptions;
use crate::spec::address::{self, Refused};
use crate::spec::authored::{
    AuthoredBackend, AuthoredBackendOrWord, AuthoredBudget, AuthoredNotification, AuthoredProject,
    AuthoredStore, BackendWord,
};
use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::path;
use crate::spec::problem::Problem;
use crate::spec::project::{BackendSpec, Bootstrap, Project, RemoteSpec, StateSpec, StoreSpec};
use crate::spec::quantity;
use crate::spec::route::{ROOT, Route};
use crate::spec::suggest::{nearest, one_of};

/// Where state lives unless the project says otherwise.
const DEFAULT_STATE: &str = ".dreamrun/state.db";
/// Where the local backend keeps its database unless the project says otherwise.
const DEFAULT_DATABASE: &str = ".dreamrun/local.db";
/// How many earlier stores are kept for rollback unless the project says otherwise.
const DEFAULT_KEEP_PREVIOUS: u32 = 3;

/// Checks a project file and applies one profile.
pub(in crate::spec) fn project(
    authored: AuthoredProject,
    profile: Option<&str>,
    options: &LoadOptions,
    checker: &mut Checker<'_>,
) -> Option<Project> {
    requirement(authored.requires.as_deref(), checker);
    let mut backend = backend(authored.backend.as_ref(), &ROOT.key("backend"), checker);
    let mut state_spec = state(authored.state.as_deref(), &ROOT.key("state"), checker);
    let mut chosen = (None, None);
    let names: Vec<&str> = authored.profiles.iter().flatten().map(|(name, _)| name.as_str()).collect();
    for (name, settings) in authored.profiles.iter().flatten() {
        let profiles = ROOT.key("profiles");
        let route = profiles.key(name);
        let profile_backend =
            settings.backend.as_ref().map(|b| self::backend(Some(b), &route.key("backend"), checker));
        let profile_state = settings.state.as_deref().map(|s| state(Some(s), &route.key("state"), checker));
        let budget = budget(settings.budget.as_ref(), &route.key("budget"), checker);
        if profile == Some(name) {
            backend = profile_backend.unwrap_or(backend);
            state_spec = profile_state.unwrap_or(state_spec);
            chosen = (budget, settings.model.clone());
            if let (Some(model), Some(backend)) = (&chosen.1, &backend) {
                super::pipeline::model(model, backend, options, &route.key("model"), checker);
            }
        }
    }
    if let Some(wanted) = profile.filter(|wanted| !names.contains(wanted)) {
        let label = format!("there is no profile `{wanted}`");
        let problem = if names.is_empty() {
            Problem::of_file(Code::UnknownProfile, checker.file().path(), label)
        } else {
            checker.at_key(Code::UnknownProfile, &ROOT.key("profiles"), label)
        };
        let problem = match nearest(wanted, names.iter().copied()) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None if names.is_empty() => problem.help("add it under `profiles`, or leave `--profile` out"),
            None => problem.help(format!("there are {}", one_of(names).replace(" or ", " and "))),
        };
        checker.tell(problem);
    }
    let stores = stores(authored.stores.unwrap_or_default(), backend.as_ref(), options, checker);
    let archive = authored.ledger.and_then(|ledger| ledger.archive);
    let archive = archive.and_then(|text| archive_folder(&text, &ROOT.key("ledger").key("archive"), checker));
    let prices = prices(authored.prices, checker);
    notifications(authored.notify.as_deref().unwrap_or_default(), checker);
    let (budget, model) = chosen;
    let root = options.root.clone();
    Some(Project { root, backend: backend?, state: state_spec?, archive, stores, prices, budget, model })
}

fn requirement(requires: Option<&str>, checker: &mut Checker<'_>) {
    let Some(requires) = requires else { return };
    let version = env!("CARGO_PKG_VERSION");
    let route = ROOT.key("requires");
    let meets = quantity::version_meets(requires, version);
    if checker.take(Code::Requires, &route, meets) == Some(false) {
        let problem = checker.at(Code::Requires, &route, format!("this is dreamrun {version}"));
        checker.tell(problem.help("use a version that meets the requirement"));
    }
}

fn backend(
    authored: Option<&AuthoredBackendOrWord>,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Option<BackendSpec> {
    let settings = match authored {
        None => AuthoredBackend { kind: Some(BackendWord::Local), ..AuthoredBackend::default() },
        Some(AuthoredBackendOrWord::Word(word)) => {
            let kind = if word == "managed_agents" { BackendWord::ManagedAgents } else { BackendWord::Local };
            AuthoredBackend { kind: Some(kind), ..AuthoredBackend::default() }
        }
        Some(AuthoredBackendOrWord::Mapping(settings)) => settings.clone(),
    };
    let foreign: &[(&str, bool)] = match settings.kind? {
        BackendWord::Local => &[
            ("base_url", settings.base_url.is_some()),
            ("workspace", settings.workspace.is_some()),
            ("key_header", settings.key_header.is_some()),
        ],
        BackendWord::ManagedAgents => &[("database", settings.database.is_some())],
    };
    for (key, _) in foreign.iter().filter(|(_, is_set)| *is_set) {
        let label = format!("`{key}` belongs to the other kind of backend");
        let problem = checker.at_key(Code::BackendSetting, &route.key(key), label);
        checker.tell(problem.help("remove it, or change `kind`"));
    }
    match settings.kind? {
        BackendWord::Local => {
            let text = settings.database.as_deref().unwrap_or(DEFAULT_DATABASE);
            let database = database_file(text, &route.key("database"), checker)?;
            Some(BackendSpec::Local { database })
        }
        BackendWord::ManagedAgents => {
            let base_url = settings.base_url;
            if let Some(url) = &base_url {
                checker.take(Code::BackendSetting, &route.key("base_url"), quantity::server_url(url))?;
            }
            let key_header = settings.key_header.unwrap_or_default();
            let workspace = settings.workspace;
            Some(BackendSpec::ManagedAgents(RemoteSpec { base_url, workspace, key_header }))
        }
    }
}

fn state(authored: Option<&str>, route: &Route<'_>, checker: &mut Checker<'_>) -> Option<StateSpec> {
    let text = authored.unwrap_or(DEFAULT_STATE);
    match address::state(text) {
        Some(Err(Refused::Secret(wrong))) => {
            // Drawn on the file, the secret would be shown.
            let mut problem = Problem::of_file(Code::StateAddress, checker.file().path(), wrong.label);
            problem.help.extend(wrong.help);
            checker.tell(problem);
            None
        }
        Some(Err(Refused::Wrong(code, wrong))) => checker.take(code, route, Err(wrong)),
        Some(Ok(spec)) => Some(spec),
        None => database_file(text, route, checker).map(StateSpec::Sqlite),
    }
}

/// Checks the folder of the archive: one of its own, where neither pipelines nor Git's own files are.
fn archive_folder(text: &str, route: &Route<'_>, checker: &mut Checker<'_>) -> Option<PathBuf> {
    if let Some((scheme, _)) = text.split_once("://") {
        let label = format!("an archive in `{scheme}` is not available in this version");
        let problem = checker.at(Code::ArchiveNotAvailable, route, label);
        checker.tell(problem.help("name a folder of the project, such as `.dreamrun/archive`"));
        return None;
    }
    let inside =
        path::inside(text).and_then(|path| match path.iter().next().and_then(|part| part.to_str()) {
            None | Some("pipelines" | ".git" | ".github") => {
                Err((Code::InvalidPath, quantity::Wrong::new("the archive needs a folder of its own")))
            }
            Some(_) => Ok(path),
        });
    checker.take_refused(route, inside)
}

fn database_file(text: &str, route: &Route<'_>, checker: &mut Checker<'_>) -> Option<PathBuf> {
    let inside = path::inside(text).and_then(|path| match path.file_name() {
        Some(_) if !text.ends_with('/') => Ok(path),
        _ => Err((Code::InvalidPath, quantity::Wrong::new("this names a folder; a file is needed"))),
    });
    checker.take_refused(route, inside)
}

fn stores(
    authored: BTreeMap<String, AuthoredStore>,
    backend: Option<&BackendSpec>,
    options: &LoadOptions,
    checker: &mut Checker<'_>,
) -> BTreeMap<Alias, StoreSpec> {
    let mut stores = BTreeMap::new();
    for (name, store) in authored {
        let parent = ROOT.key("stores");
        let route = parent.key(&name);
        let alias = match Alias::parse(name.as_str()) {
            Ok(alias) if alias.is_raw() => {
                let label = "names that begin with `raw-` stand for raw stores";
                let problem = checker.at_key(Code::InvalidName, &route, label);
                checker.tell(problem.help("choose another name"));
                None
            }
            Ok(alias) => Some(alias),
            Err(error) => {
                let problem = checker.at_key(Code::InvalidName, &route, error.to_string());
                checker.tell(problem);
                None
            }
        };
        let bootstrap = store
            .bootstrap
            .and_then(|text| bootstrap(&text, backend, options, &route.key("bootstrap"), checker));
        let forget =
            store.forget.and_then(|text| checker.take_refused(&route.key("forget"), path::inside(&text)));
        if let (Some(alias), Some(bootstrap)) = (alias, bootstrap) {
            let keep_previous = store.keep_previous.unwrap_or(DEFAULT_KEEP_PREVIOUS);
            stores.insert(alias, StoreSpec { bootstrap, keep_previous, forget });
        }
    }
    stores
}

fn bootstrap(
    text: &str,
    backend: Option<&BackendSpec>,
    options: &LoadOptions,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Option<Bootstrap> {
    if let Some(folder) = text.strip_prefix("dir:") {
        let folder = checker.take_refused(route, path::readable(folder, &options.allow_read))?;
        if let Some(BackendSpec::ManagedAgents(_)) = backend {
            let problem = checker.at(Code::NeedsLocal, route, "only the local backend imports folders");
            checker.tell(problem.help("create the store on the server and give its `memstore_` id"));
            return None;
        }
        return Some(Bootstrap::Directory(folder));
    }
    if text.starts_with("memstore_") {
        return identifier(checker, Code::InvalidId, route, MemoryStoreId::parse(text)).map(Bootstrap::Store);
    }
    let problem = checker.at(Code::Bootstrap, route, "this is neither `dir:FOLDER` nor a `memstore_` id");
    let looks_like_path = text.contains('/') && !text.contains(':');
    let help = if looks_like_path {
        format!("write `dir:{text}`")
    } else {
        "write `dir:` and a folder of Markdown files".to_owned()
    };
    checker.tell(problem.help(help));
    None
}

fn notifications(authored: &[AuthoredNotification], checker: &mut Checker<'_>) {
    let notify = ROOT.key("notify");
    for (i, notification) in authored.iter().enumerate() {
        let route = notify.index(i);
        let ways = ["slack", "webhook"].into_iter().filter(|way| checker.has(&route.key(way))).count();
        if ways != 1 {
            let problem =
                checker.at(Code::Notify, &route, format!("this has {ways} ways to send, it needs one"));
            checker.tell(problem.help("give exactly one of `slack` and `webhook`"));
        }
        let targets = [("slack", &notification.slack), ("webhook", &notification.webhook)];
        for (way, webhook) in targets {
            let Some(name) = webhook.as_ref().and_then(|webhook| webhook.url_env.as_deref()) else {
                continue;
            };
            let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !is_name {
                let parent = route.key(way);
                let problem = checker.at(
                    Code::Notify,
                    &parent.key("url_env"),
                    "this is not the name of an environment variable",
                );
                checker
                    .tell(problem.help("put the URL into a variable and give its name; the URL is a secret"));
            }
        }
    }
    if !authored.is_empty() {
        let problem = checker.at_key(Code::NotifyNotSent, &notify, "this version sends no notifications");
        checker.tell(problem.help("use the exit code or `--fail-on` in CI to tell people"));
    }
}

/// Checks an amount that a run may cost.
pub(super) fn budget(
    authored: Option<&AuthoredBudget>,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Option<Usd> {
    let amount = authored?.max_usd?;
    checker.take(Code::Amount, &route.key("max_usd"), quantity::dollars(amount))
}
