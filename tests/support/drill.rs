//! A small project to run commands in, and to look at from outside afterwards.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use dreamrun::backend::Backend;
use dreamrun::backend::local::{LocalBackend, LocalOptions};
use dreamrun::cli::console::Console;
use dreamrun::cli::{Invocation, Parts, Standard};
use dreamrun::clock::SystemClock;
use dreamrun::ids::MemoryStoreId;
use dreamrun::memory::MemoryWrite;
use dreamrun::state::StateStore;
use dreamrun::state::folder::FolderState;
use dreamrun::state::git::{GitOptions, GitState};
use dreamrun::state::sqlite::SqliteState;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use tempfile::TempDir;

use super::write_session;

/// The pipeline of [`Drill::small`]: five sessions, two to a dream, so three dreams in a chain.
const SMALL: &str = "\
dreamrun: 1
name: small
model: offline
input:
  store: notes
  sessions: {files: [\"logs/*.jsonl\"], since: last_adopted}
instructions: Merge what repeats.
batch: {size: 2, chain: true}
gates:
  entries_added: {block: 400%}
adopt: {mode: auto, target: pointer}
";

const PROJECT: &str = "\
dreamrun: 1
backend: local
stores:
  notes: {bootstrap: \"dir:memory\"}
";

/// What the memory of [`Drill::small`] holds.
const MEMORIES: &[(&str, &str)] = &[
    (
        "deploy.md",
        "# Deploy\n\n- Deploys go out from the `main` branch on Tuesdays.\n- The canary takes 15 minutes.\n",
    ),
    ("deploy-2.md", "# Deploy\n\n- Deploys go out from the `main` branch on Tuesdays.\n"),
    (
        "database.md",
        "# Database\n\n- The primary is `db-1`, the replica is `db-2`.\n- Backups run at 03:00 UTC.\n",
    ),
    ("people/mira.md", "# Mira\n\n- Mira reviews every migration.\n"),
    ("style.md", "# Style\n\n- Commit messages are imperative.\n"),
];

/// What users say in its sessions, one session each.
const SAID: &[&str] = &[
    "From now on, use pnpm instead of npm in this repository.",
    "Remember that the staging database is called db-9.",
    "Always run the migration check before a deploy.",
    "Never push to main on a Friday.",
    "Please use British spelling in the docs from now on.",
];

/// Where a drill keeps its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the database of the project.
    Sqlite,
    /// In a folder, one file an object.
    Folder,
    /// In a branch of the project's repository and of its remote.
    Branch,
}

/// The folder of [`Place::Folder`].
const FOLDER: &str = "shared-state";
/// The branch of [`Place::Branch`].
const BRANCH: &str = "dreamrun-state";

/// A project in a folder of its own.
pub(crate) struct Drill {
    folder: TempDir,
    place: Place,
}

/// What a command did, all of it.
#[must_use]
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    /// The exit code; none for a process that a signal ended.
    pub(crate) code: Option<i32>,
    /// The data.
    pub(crate) stdout: String,
    /// The talk.
    pub(crate) stderr: String,
}

impl Ran {
    /// Returns the JSON document on stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self:#?}"))
    }

    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stderr: {}\nstdout: {}", self.stderr, self.stdout);
        self
    }

    /// Checks that people were told something.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "`{text}` is not in: {}", self.stderr);
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// What can be seen of a project's state and backend from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Traces {
    /// How often the live store was replaced.
    pub(crate) generation: u64,
    /// The run that holds the alias.
    pub(crate) claim: Option<String>,
    /// Dreams on the backend.
    pub(crate) dreams: usize,
    /// Stores on the backend.
    pub(crate) stores: usize,
}

impl Drill {
    /// Makes a project without memories, sessions or pipelines.
    pub(crate) fn bare() -> Self {
        Self::bare_in(Place::Sqlite)
    }

    fn bare_in(place: Place) -> Self {
        let drill = Self { folder: TempDir::new().unwrap(), place };
        let state = match place {
            Place::Sqlite => String::new(),
            Place::Folder => format!("state: \"file:{FOLDER}\"\n"),
            Place::Branch => {
                drill.git(&["init", "--quiet"]);
                drill.git(&["init", "--quiet", "--bare", "remote.git"]);
                drill.git(&["remote", "add", "origin", "remote.git"]);
                format!("state: \"git:{BRANCH}\"\n")
            }
        };
        drill.write("dreamrun.yaml", format!("{PROJECT}{state}"));
        std::fs::create_dir(drill.path("memory")).unwrap();
        drill
    }

    fn git(&self, arguments: &[&str]) {
        assert!(self.command("git").args(arguments).status().unwrap().success(), "{arguments:?}");
    }

    /// Makes a project whose pipeline `small` has three dreams to make of five sessions.
    pub(crate) fn small() -> Self {
        Self::small_in(Place::Sqlite)
    }

    /// Makes a project like [`Drill::small`], whose state is kept elsewhere.
    pub(crate) fn small_in(place: Place) -> Self {
        let drill = Self::bare_in(place);
        drill.write("pipelines/small.yaml", SMALL);
        for (name, text) in MEMORIES {
            drill.write(&format!("memory/{name}"), text);
        }
        drill.sessions(SAID);
        drill
    }

    /// Makes a project like [`Drill::small`], with as many sessions as asked for, all in one dream.
    pub(crate) fn with_sessions(count: usize) -> Self {
        let drill = Self::small();
        drill.pipeline(|text| text.replace("size: 2", "size: 100"));
        let said: Vec<&str> = SAID.iter().copied().chain(std::iter::repeat("Thanks!")).take(count).collect();
        drill.sessions(&said);
        drill
    }

    /// Changes the pipeline's text.
    pub(crate) fn pipeline(&self, change: impl FnOnce(String) -> String) {
        self.write("pipelines/small.yaml", change(SMALL.to_owned()));
    }

    /// Writes sessions, an hour apart, in which a user says a thing each.
    pub(crate) fn sessions(&self, said: &[&str]) {
        let mut began: Timestamp = "2026-03-01T09:00:00Z".parse().unwrap();
        for (n, text) in said.iter().enumerate() {
            let id = format!("session-{n:03}");
            write_session(&self.path(&format!("logs/{id}.jsonl")), &id, &began.to_string(), &[text]);
            began += SignedDuration::from_hours(1);
        }
    }

    /// Returns the project's folder.
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Returns a path in the project.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, dated so that no run sees another time.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = File::create(path).unwrap();
        file.write_all(text.as_ref()).unwrap();
        file.set_modified("2026-02-01T00:00:00Z".parse::<Timestamp>().unwrap().into()).unwrap();
    }

    /// Gives the store a forget list that forbids a pattern.
    pub(crate) fn forbid(&self, pattern: &str) {
        let project = std::fs::read_to_string(self.path("dreamrun.yaml")).unwrap();
        let named = project.replace("\"dir:memory\"}", "\"dir:memory\", forget: forget.yaml}");
        assert_ne!(named, project);
        self.write("dreamrun.yaml", named);
        self.write("forget.yaml", format!("dreamrun: 1\nforget: [{{name: erasure, pattern: {pattern}}}]\n"));
    }

    /// Returns a command that runs in the project, knows nothing of the environment, and is heard.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("USER", "drill");
        command.current_dir(self.root());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Returns the binary with arguments.
    pub(crate) fn dreamrun(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_dreamrun"));
        command.args(arguments);
        command
    }

    /// Runs the binary.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.dreamrun(arguments).output().unwrap().into()
    }

    /// Runs `apply small --yes --json`.
    pub(crate) fn apply(&self) -> Ran {
        self.run(&["apply", "small", "--yes", "--json"])
    }

    /// Runs a command in this process, with other parts.
    pub(crate) fn run_with(&self, parts: &dyn Parts, arguments: &[&str]) -> Ran {
        run_in(self.root(), parts, arguments, &Heard::default())
    }

    /// Returns the last run as a report that two projects can be compared by.
    #[track_caller]
    pub(crate) fn report(&self) -> Value {
        let mut shown = self.run(&["show", "latest", "--json"]).exits(0).json()["data"].take();
        shown.as_object_mut().unwrap().remove("events");
        comparable(&shown)
    }

    /// Returns the number a query of the backend's database gives.
    #[track_caller]
    pub(crate) fn count(&self, query: &str) -> usize {
        self.try_count(query).unwrap()
    }

    /// Returns the number a query of the backend's database gives, once there is something to ask.
    pub(crate) fn try_count(&self, query: &str) -> rusqlite::Result<usize> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let db = Connection::open_with_flags(self.path(".dreamrun/local.db"), flags)?;
        db.query_row(query, [], |row| row.get::<_, i64>(0)).map(|count| count.try_into().unwrap())
    }

    /// Returns what state holds of the alias; none if it holds nothing.
    #[track_caller]
    pub(crate) fn alias(&self) -> Option<Value> {
        let (_, bytes) = self.objects("aliases/notes").expect("state can be read").pop()?;
        Some(serde_json::from_slice(&bytes).unwrap())
    }

    /// Returns what state holds of the alias, while another process may just be making it.
    pub(crate) fn try_alias(&self) -> Option<Value> {
        let (_, bytes) = self.objects("aliases/notes")?.pop()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Returns the kinds of the events in state, by run.
    pub(crate) fn events(&self) -> BTreeMap<String, Vec<String>> {
        self.try_events().unwrap()
    }

    /// Returns the kinds of the events in state, by run, once state is there.
    pub(crate) fn try_events(&self) -> Option<BTreeMap<String, Vec<String>>> {
        let mut events: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, bytes) in self.objects("runs/")? {
            let run = key.split('/').nth(1).unwrap().to_owned();
            let event: Value = serde_json::from_slice(&bytes).unwrap();
            events.entry(run).or_default().push(event["event"]["kind"].as_str().unwrap().to_owned());
        }
        Some(events)
    }

    /// Returns the objects of state below a prefix in the order of their keys, once state is there.
    fn objects(&self, prefix: &str) -> Option<Vec<(String, Vec<u8>)>> {
        let read = async {
            let state: Arc<dyn StateStore> = match self.place {
                Place::Sqlite => {
                    Arc::new(SqliteState::open_read_only(&self.path(".dreamrun/state.db")).ok()??)
                }
                Place::Folder => Arc::new(FolderState::open_read_only(&self.path(FOLDER)).ok()??),
                Place::Branch => {
                    let options = GitOptions::new(self.root(), BRANCH, "origin");
                    Arc::new(GitState::open_read_only(options).await.ok()??)
                }
            };
            state.read(prefix).await.ok()
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let found = runtime.block_on(read)?;
        Some(found.into_iter().map(|(key, object)| (key.as_str().to_owned(), object.bytes)).collect())
    }

    /// Lets an agent write to a store.
    pub(crate) fn write_memories(&self, store: &str, writes: &[MemoryWrite]) {
        let backend = LocalBackend::open(LocalOptions {
            database: self.path(".dreamrun/local.db"),
            root: self.root().to_owned(),
            allow_read: Vec::new(),
            minds: Standard.minds(),
            clock: Arc::new(SystemClock),
        })
        .unwrap();
        let store = MemoryStoreId::parse(store).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(backend.write(&store, writes)).unwrap();
    }

    /// Returns what can be seen of state and backend.
    #[track_caller]
    pub(crate) fn traces(&self) -> Traces {
        let alias = self.alias().expect("the alias is in state");
        Traces {
            generation: alias["generation"].as_u64().unwrap(),
            claim: alias["claim"]["run"].as_str().map(str::to_owned),
            dreams: self.count("SELECT count(*) FROM dreams"),
            stores: self.count("SELECT count(*) FROM stores"),
        }
    }
}

/// Runs a command in this process, with other parts and somebody who hears what it says meanwhile.
pub(crate) fn run_in(root: &Path, parts: &dyn Parts, arguments: &[&str], stderr: &Heard) -> Ran {
    let stdout = Heard::default();
    let stdin = std::io::Cursor::new(Vec::new());
    let invocation = Invocation {
        arguments: std::iter::once("dreamrun").chain(arguments.iter().copied()).map(Into::into).collect(),
        folder: root.to_owned(),
        console: Console::new(Box::new(stdout.clone()), Box::new(stderr.clone()), Box::new(stdin)),
        is_terminal: false,
        variable: Box::new(|name| (name == "USER").then(|| "drill".to_owned())),
    };
    let code = dreamrun::cli::run(invocation, parts);
    Ran { code: Some(code.into()), stdout: stdout.text(), stderr: stderr.text() }
}

/// Replaces ids that differ from project to project by the order of their first appearance.
pub(crate) fn comparable(value: &Value) -> Value {
    let text = value.to_string();
    let id = regex::Regex::new("(memstore|drm)_[0-9a-z]+|(plan)-[0-9a-f]{20}").unwrap();
    let mut seen: Vec<String> = Vec::new();
    let text = id.replace_all(&text, |found: &regex::Captures<'_>| {
        let place = seen.iter().position(|known| *known == found[0]).unwrap_or_else(|| {
            seen.push(found[0].to_owned());
            seen.len() - 1
        });
        let kind = found.get(1).or(found.get(2)).unwrap().as_str();
        format!("{kind}-{}", place + 1)
    });
    serde_json::from_str(&text).unwrap()
}

/// What is written to it, for anybody to read at any time.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    /// Returns what was written so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Waits for a fact that somebody else brings about.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "waited too long for {what}");
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
}

/// Sends a signal to a process by its id.
#[track_caller]
pub(crate) fn signal(name: &str, process: u32) {
    let status = Command::new("sh").arg("-c").arg(format!("kill -{name} {process}")).status().unwrap();
    assert!(status.success(), "could not send {name}");
}
