//! `dreamrun forget`: where text still stands that a store's forget list forbids, and what can be done about
//! each place; and the rule that names a statement without repeating it.
//!
//! Nothing is deleted, and none of the text is shown: places, lines and the names of rules are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::backend::{BackendError, PastMemory, Refusal};
use crate::ids::{Alias, MemoryStoreId, MemoryVersionId, SessionId};
use crate::journal::{self, Journal};
use crate::ledger::forget::{ForgetList, ForgetRule, Forgotten, hash_of_statement};
use crate::memory::{ContentHash, MemoryPath};
use crate::report::words::{Paint, count, line};
use crate::snapshot::Snapshot;
use crate::spec::pipeline::Target;
use crate::spec::project::Bootstrap;
use crate::state::alias::AliasRecord;
use crate::state::{StateStore, alias};
use crate::text::statement::statements;

use super::Call;
use super::answer::Answer;
use super::console::Volume;
use super::exit::CliError;
use super::log::find_alias;
use super::opened::Opened;
use super::workspace::Workspace;

/// The largest text that statements to forget are read from.
const TEXT_LIMIT: u64 = 1 << 20;
/// The most versions, or sessions, whose text is held at once.
const CHUNK: usize = 100;
/// The most findings of one place that are listed unless everything is asked for.
const SHOWN: usize = 20;

/// Options of `forget`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The store, by its alias
    #[arg(value_name = "ALIAS", required_unless_present = "text")]
    alias: Option<String>,
    /// Print the rule that forbids this statement, which is stored nowhere; `-` reads it from stdin. With
    /// ALIAS: look for it instead of what the forget list forbids
    #[arg(long = "hash", value_name = "TEXT", allow_hyphen_values = true)]
    text: Option<String>,
}

/// A place that holds forbidden text.
#[derive(Debug, Serialize)]
struct Place {
    /// `live`, `previous`, `run`, `version`, `archive`, `folder` or `session`.
    kind: &'static str,
    /// Its id, or its path from the project's folder.
    name: String,
    /// What it has to do with the store.
    what: String,
    /// What can be done about it.
    remedy: &'static str,
    found: Vec<Found>,
}

/// Forbidden text in a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Found {
    /// The memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<MemoryPath>,
    /// Its line, from 1; of a session the event. None if the name itself is forbidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    /// The version, of what a memory held once.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<MemoryVersionId>,
    /// The rule, by its name.
    rule: String,
}

#[derive(Debug, Serialize)]
struct Answered {
    #[serde(skip_serializing_if = "Option::is_none")]
    alias: Option<Alias>,
    /// The rules asked for, as a forget list holds them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<String>,
    places: Vec<Place>,
    /// Sessions that could not be read.
    unread: u64,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let hashes = match &options.text {
        Some(text) => hashes(text)?,
        None => BTreeSet::new(),
    };
    let rules: Vec<String> =
        hashes.iter().map(|hash| format!("- {{name: NAME, statement: \"sha256:{hash}\"}}")).collect();
    if !call.global.json {
        rules.iter().for_each(|rule| call.console.data(&format!("{rule}\n")));
    }
    let Some(name) = &options.alias else {
        return Ok(Answer::new("named", Answered { alias: None, rules, places: Vec::new(), unread: 0 }));
    };
    let workspace = Workspace::open_project(call)?;
    let state = workspace.state_read_only(call).await?;
    let state = state.as_deref();
    let alias = find_alias(&workspace, state, name).await?;
    let list = match options.text {
        Some(_) => {
            let rule =
                |&hash: &_| ForgetRule { name: "asked for".to_owned(), what: Forgotten::Statement(hash) };
            ForgetList { rules: hashes.iter().map(rule).collect() }
        }
        None => workspace.forget_list(&alias)?.ok_or_else(|| {
            CliError::usage(format!("`{alias}` has no forget list")).hint(format!(
                "Name one in dreamrun.yaml, as `stores.{alias}.forget: forget/{alias}.yaml`, or look for one \
                 statement with `--hash TEXT`."
            ))
        })?,
    };
    let opened = workspace.backend(call, false)?;
    let mut search = Search {
        call,
        workspace: &workspace,
        opened: &opened,
        list: &list,
        known: BTreeMap::new(),
        places: Vec::new(),
        unread: 0,
    };
    if list.forbids_any() {
        search.everywhere(&alias, state).await?;
    }
    let (places, unread) = (search.places, search.unread);
    let is_whole = call.console.volume == Volume::Verbose;
    call.console.say(&told(&alias, &list, &places, unread, is_whole, call.console.paint));
    let outcome = if places.is_empty() { "not_found" } else { "found" };
    Ok(Answer::new(outcome, Answered { alias: Some(alias), rules, places, unread }))
}

/// Returns the hashes of the statements that a text, or stdin, consists of.
fn hashes(text: &str) -> Result<BTreeSet<ContentHash>, CliError> {
    let mut read = String::new();
    let text = if text == "-" {
        let failed = |error| CliError::io("read", Path::new("stdin"), &error);
        std::io::stdin().take(TEXT_LIMIT).read_to_string(&mut read).map_err(failed)?;
        &read
    } else {
        text
    };
    let hashes: BTreeSet<_> = statements(text).iter().map(|one| hash_of_statement(one.text)).collect();
    if hashes.is_empty() {
        return Err(CliError::usage("there is no statement in this text"));
    }
    Ok(hashes)
}

/// A store that had something to do with the alias.
struct Searched {
    kind: &'static str,
    what: String,
    remedy: Remedy,
}

/// What can be done about a place.
#[derive(Debug, Clone, Copy)]
enum Remedy {
    /// It is what agents mount.
    Live,
    /// It is kept for rollback.
    Kept,
    /// It was there before the first run.
    First,
    /// An ended run wrote it.
    Ended,
    /// A run wrote it that is not over.
    Open,
    /// It is a version of a memory.
    Version,
    /// It is a file that memories came from or went to.
    Folder,
    /// It is a file of the archive.
    Archived,
    /// It is a transcript.
    Session,
}

impl Remedy {
    /// Says it for a server, whose API takes things out, or for the embedded backend, which no API reaches.
    fn words(self, is_local: bool) -> &'static str {
        match (self, is_local) {
            (Self::Live, true) => {
                "drop it from a candidate that the gate `forget` blocks, with `dreamrun diff RUN --review`, and \
                 approve that"
            }
            (Self::Live, false) => {
                "edit or delete the memory (POST or DELETE /v1/memory_stores/STORE/memories/MEMORY); until then \
                 candidates that carry it on are blocked"
            }
            (Self::Kept, _) => "lower `keep_previous` in dreamrun.yaml, then `dreamrun gc`",
            (Self::First, true) => {
                "no command deletes it, and `gc` never does: it stays in the backend's database"
            }
            (Self::First, false) => {
                "edit or delete the memory, or delete the store (DELETE /v1/memory_stores/STORE): `gc` never does"
            }
            (Self::Ended, _) => "`dreamrun gc` deletes it, unless another run needs it",
            (Self::Open, _) => {
                "end the run with `dreamrun reject RUN` or `dreamrun cancel RUN`; then `dreamrun gc` deletes it"
            }
            (Self::Version, true) => {
                "no command redacts it: it goes with its store, as `dreamrun gc` deletes it"
            }
            (Self::Version, false) => {
                "redact it (POST /v1/memory_stores/STORE/memory_versions/VERSION/redact), or delete its store"
            }
            (Self::Folder, _) => {
                "take it out of the file, and out of the repository's past if it was committed"
            }
            (Self::Archived, _) => "delete the file: nothing else does",
            (Self::Session, _) => {
                "take it out of the transcript: a dream that reads it again can bring it back"
            }
        }
    }
}

struct Search<'a> {
    call: &'a Call<'a>,
    workspace: &'a Workspace,
    opened: &'a Opened,
    list: &'a ForgetList,
    /// The lines and rules of texts that were looked through, by hash.
    known: BTreeMap<ContentHash, Vec<(u64, String)>>,
    places: Vec<Place>,
    unread: u64,
}

impl Search<'_> {
    async fn everywhere(&mut self, alias: &Alias, state: Option<&dyn StateStore>) -> Result<(), CliError> {
        let mut stores: Vec<(MemoryStoreId, Searched)> = Vec::new();
        let mut folders: BTreeMap<PathBuf, &'static str> = BTreeMap::new();
        let mut sessions: BTreeSet<SessionId> = BTreeSet::new();
        match self.workspace.project.stores.get(alias).map(|store| &store.bootstrap) {
            Some(Bootstrap::Directory(folder)) => drop(folders.insert(folder.clone(), "imported once")),
            Some(Bootstrap::Store(id)) => stores.push((id.clone(), first())),
            None => {}
        }
        if let Some(state) = state {
            if let Some((record, _)) = alias::read(state, alias).await? {
                self.opened.check_origin(alias, &record)?;
                stores.splice(0..0, of_record(&record));
            }
            for run in journal::runs(state, None).await? {
                let Some(journal) = Journal::open(state, &run).await? else { continue };
                let run_state = journal.state();
                if run_state.plan.alias() != *alias {
                    continue;
                }
                let remedy = if run_state.is_released { Remedy::Ended } else { Remedy::Open };
                let written = run_state.dreams.iter().filter_map(|dream| dream.output.as_ref());
                let candidate = run_state.candidate.iter().map(|candidate| &candidate.store);
                for store in candidate.chain(written) {
                    let what = format!("written by {run}");
                    stores.push((store.clone(), Searched { kind: "run", what, remedy }));
                }
                stores.extend(run_state.base.iter().map(|base| (base.store.clone(), first())));
                sessions
                    .extend(run_state.plan.batches.iter().flat_map(|batch| batch.sessions.iter().cloned()));
                if let Target::Directory(folder) = &run_state.plan.adopt.target {
                    folders.entry(folder.clone()).or_insert("written at adoption");
                }
            }
        }
        let mut seen = BTreeSet::new();
        stores.retain(|(store, _)| seen.insert(store.clone()));
        for (store, searched) in stores {
            self.store(&store, searched).await?;
        }
        for (folder, what) in folders {
            self.folder(&folder, what)?;
        }
        self.archive()?;
        self.sessions(&sessions.into_iter().collect::<Vec<_>>()).await
    }

    /// Looks through what a store holds, and through the versions of it that are still kept.
    async fn store(&mut self, store: &MemoryStoreId, searched: Searched) -> Result<(), CliError> {
        let snapshot = match self.opened.backend.snapshot(store).await {
            Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => return Ok(()),
            snapshot => snapshot?,
        };
        let Searched { kind, what, remedy } = searched;
        let found = self.snapshot(&snapshot);
        self.add(kind, store.to_string(), what.clone(), remedy, found);
        let held =
            |past: &PastMemory| snapshot.get(&past.path).is_some_and(|memory| memory.version == past.version);
        let mut versions = self.opened.backend.versions(store).await?;
        versions.retain(|past| !held(past));
        let mut found = Vec::new();
        for chunk in versions.chunks(CHUNK) {
            let mut asked = BTreeSet::new();
            let wanted: Vec<PastMemory> = (chunk.iter())
                .filter(|past| !self.known.contains_key(&past.hash) && asked.insert(past.hash))
                .cloned()
                .collect();
            for memory in self.opened.backend.contents(store, &wanted).await? {
                self.lines(memory.hash, &memory.content);
            }
            for past in chunk {
                let lines = self.known.get(&past.hash).cloned().unwrap_or_default();
                found.extend(self.found(&past.path, past.version.as_ref(), lines));
            }
        }
        let what = format!("earlier versions, {what}");
        self.add("version", store.to_string(), what, Remedy::Version, found);
        Ok(())
    }

    fn folder(&mut self, folder: &Path, what: &str) -> Result<(), CliError> {
        let place = self.workspace.root.join(folder);
        if !place.is_dir() {
            return Ok(());
        }
        let (snapshot, _) = self.opened.read_folder(self.call, &self.workspace.root, &place)?;
        let found = self.snapshot(&snapshot);
        self.add("folder", folder.display().to_string(), what.to_owned(), Remedy::Folder, found);
        Ok(())
    }

    fn archive(&mut self) -> Result<(), CliError> {
        let Some(archive) = self.workspace.archive() else { return Ok(()) };
        for hash in archive.hashes()? {
            let Some(text) = archive.get(&hash)? else { continue };
            let file = archive.path(&hash);
            let name = file.strip_prefix(&self.workspace.root).unwrap_or(&file).display().to_string();
            let lines = self.lines(hash, &text).into_iter();
            let found = lines
                .map(|(line, rule)| Found { path: None, line: Some(line), version: None, rule })
                .collect();
            self.add("archive", name, "replaced by an adoption".to_owned(), Remedy::Archived, found);
        }
        Ok(())
    }

    /// Looks through what the sessions said that runs read.
    async fn sessions(&mut self, sessions: &[SessionId]) -> Result<(), CliError> {
        let mut by_session: BTreeMap<SessionId, Vec<Found>> = BTreeMap::new();
        for chunk in sessions.chunks(CHUNK) {
            let testimony = self.opened.backend.testimony(chunk).await?;
            self.unread += testimony.unread;
            for saying in &testimony.sayings {
                let found = by_session.entry(saying.event.session.clone()).or_default();
                let broken = self.list.broken_in(&saying.text);
                found.extend(broken.into_iter().map(|broken| Found {
                    path: None,
                    line: Some(saying.event.event),
                    version: None,
                    rule: broken.rule.name.clone(),
                }));
            }
        }
        for (session, mut found) in by_session {
            found.sort();
            found.dedup();
            self.add("session", session.to_string(), "read by a run".to_owned(), Remedy::Session, found);
        }
        Ok(())
    }

    fn snapshot(&mut self, snapshot: &Snapshot) -> Vec<Found> {
        let mut found = Vec::new();
        for memory in snapshot.iter() {
            let lines = self.lines(memory.hash, &memory.content);
            found.extend(self.found(&memory.path, None, lines));
        }
        found
    }

    fn found(
        &self,
        path: &MemoryPath,
        version: Option<&MemoryVersionId>,
        lines: Vec<(u64, String)>,
    ) -> Vec<Found> {
        let by_name = self.list.forbids_text(path.as_str()).map(|rule| (None, rule.name.clone()));
        let lines = lines.into_iter().map(|(line, rule)| (Some(line), rule));
        let found = |(line, rule)| Found { path: Some(path.clone()), line, version: version.cloned(), rule };
        by_name.into_iter().chain(lines).map(found).collect()
    }

    /// Returns the lines of a text that are forbidden, with the rule.
    fn lines(&mut self, hash: ContentHash, content: &str) -> Vec<(u64, String)> {
        let list = self.list;
        let lines = self.known.entry(hash).or_insert_with(|| {
            let broken = list.broken_in(content).into_iter();
            broken.map(|one| (one.line as u64, one.rule.name.clone())).collect()
        });
        lines.clone()
    }

    fn add(&mut self, kind: &'static str, name: String, what: String, remedy: Remedy, found: Vec<Found>) {
        if !found.is_empty() {
            let remedy = remedy.words(self.opened.local.is_some());
            self.places.push(Place { kind, name, what, remedy, found });
        }
    }
}

/// Returns the stores that state keeps for an alias.
fn of_record(record: &AliasRecord) -> Vec<(MemoryStoreId, Searched)> {
    let live = Searched { kind: "live", what: "what agents mount".to_owned(), remedy: Remedy::Live };
    let mut stores = vec![(record.active.clone(), live)];
    for previous in &record.previous {
        let searched = match previous.adoption {
            None => first(),
            Some(_) => {
                Searched { kind: "previous", what: "kept for rollback".to_owned(), remedy: Remedy::Kept }
            }
        };
        stores.push((previous.store.clone(), searched));
    }
    stores
}

/// Describes a store that no run wrote.
fn first() -> Searched {
    Searched { kind: "previous", what: "from before the first run".to_owned(), remedy: Remedy::First }
}

fn told(
    alias: &Alias,
    list: &ForgetList,
    places: &[Place],
    unread: u64,
    is_whole: bool,
    paint: Paint,
) -> String {
    let mut text = String::new();
    let forbidding = |rule: &&ForgetRule| !matches!(rule.what, Forgotten::Retention { .. });
    let rules = count(list.rules.iter().filter(forbidding).count() as u64, "rule", "rules");
    let found = match places.len() as u64 {
        0 => paint.good("nothing found"),
        places => paint.bad(&format!("found in {}", count(places, "place", "places"))),
    };
    let _ = writeln!(text, "{}: {rules}, {found}", paint.bold(alias.as_str()));
    for place in places {
        let _ = writeln!(
            text,
            "\n{} {} {}",
            paint.warn(place.kind),
            line(&place.name),
            paint.dim(&format!("({})", place.what))
        );
        let shown = if is_whole { place.found.len() } else { SHOWN.min(place.found.len()) };
        for one in &place.found[..shown] {
            let at = match (&one.path, one.line) {
                (Some(path), Some(at)) => format!("{}:{at}", line(path.as_str())),
                (Some(path), None) => format!("{} (its name)", line(path.as_str())),
                (None, at) if place.kind == "session" => format!("event {}", at.unwrap_or_default()),
                (None, at) => format!("line {}", at.unwrap_or_default()),
            };
            let version = one.version.as_ref().map(|version| format!(" in {version}")).unwrap_or_default();
            let _ = writeln!(text, "  {at}{version}, rule `{}`", line(&one.rule));
        }
        if shown < place.found.len() {
            let _ = writeln!(text, "  and {} more; `-v` shows all", place.found.len() - shown);
        }
        let _ = writeln!(text, "  → {}", place.remedy);
    }
    if unread > 0 {
        let sessions = count(unread, "session", "sessions");
        let _ = writeln!(
            text,
            "{} {sessions} could not be read: what they say is not known",
            paint.warn("note:")
        );
    }
    text
}
