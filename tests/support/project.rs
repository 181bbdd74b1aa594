//! A project in a folder of its own, to run commands in as a user would.
//!
//! Commands run in this process, with a clock that moves only when told to and no environment but
//! the one given. Ids that a backend draws at random are shown by number, at their full width.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use dreamrun::backend::Backend;
use dreamrun::backend::local::{LocalBackend, LocalOptions};
use dreamrun::cli::console::Console;
use dreamrun::cli::exit::ExitCode;
use dreamrun::cli::{Invocation, Parts, Signals};
use dreamrun::clock::Clock;
use dreamrun::dream::{ChangeKind, DreamChange, EventRef, Replaced};
use dreamrun::dreaming::offline::LocalMinds;
use dreamrun::dreaming::transcript::Transcript;
use dreamrun::dreaming::{Consolidated, Mind, MindError, Minds, Reading};
use dreamrun::ids::MemoryStoreId;
use dreamrun::memory::{ContentHash, Memory, MemoryPath, MemoryWrite};
use dreamrun::snapshot::Snapshot;
use jiff::SignedDuration;
use regex::{Captures, Regex};
use serde_json::Value;
use tempfile::TempDir;

use super::{ManualClock, NamedMinds, write_session};

/// When every project begins.
const NOW: &str = "2026-11-20T09:00:00Z";

const PROJECT: &str = "\
dreamrun: 1
backend: local
stores:
  notes: {bootstrap: \"dir:memory\"}
profiles:
  remote: {backend: {kind: managed_agents, workspace: wrkspc_01}}
";

const PIPELINE: &str = "\
dreamrun: 1
name: tidy
description: Tidy the notes.
model: offline
input:
  store: notes
  sessions: {files: [\"logs/*.jsonl\"], since: last_adopted}
instructions: Keep every number.
adopt: {mode: auto, target: pointer}
";

/// A folder, a clock, minds and an environment.
pub(crate) struct Project {
    folder: TempDir,
    clock: Arc<ManualClock>,
    minds: Arc<dyn Minds>,
    variables: BTreeMap<String, String>,
    ids: Mutex<BTreeMap<String, usize>>,
}

/// Everything a command said, and how it ended.
#[must_use]
#[derive(Debug, Clone)]
pub(crate) struct Output {
    /// The exit code.
    pub(crate) code: u8,
    /// The data.
    pub(crate) stdout: String,
    /// The talk.
    pub(crate) stderr: String,
}

impl Output {
    /// Returns the one JSON document on stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {self}"))
    }

    /// Requires an exit code.
    #[track_caller]
    pub(crate) fn ends_with(self, code: u8) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                writeln!(f, "-- {name}\n{}", text.trim_end())?;
            }
        }
        write!(f, "-- exit {}", self.code)
    }
}

impl Project {
    /// Makes a project without any file.
    pub(crate) fn empty() -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            clock: Arc::new(ManualClock::at(NOW)),
            minds: Arc::new(LocalMinds),
            variables: BTreeMap::new(),
            ids: Mutex::default(),
        }
    }

    /// Makes a project with two memories, two sessions and the pipeline `tidy`, whose mind always
    /// does the same: it merges, replaces, learns and writes a playbook.
    pub(crate) fn small() -> Self {
        let mut project = Self::empty();
        project.minds = Arc::new(NamedMinds::default().with("offline", TidyMind));
        project.write("dreamrun.yaml", PROJECT);
        project.write("pipelines/tidy.yaml", PIPELINE);
        project.write(
            "memory/deploy.md",
            "# Deploy\n\n- Deploys go out on Tuesday.\n- The canary takes 15 minutes.\n",
        );
        project.write("memory/deploy-2.md", "# Deploy\n\n- Deploys go out on Tuesday.\n");
        project.write("memory/style.md", "# Style\n\n- Commit messages are imperative.\n");
        project.session("one", "2026-11-18T10:00:00Z", &["From now on, deploys go out on Thursday."]);
        project.session("two", "2026-11-19T10:00:00Z", &["Always use pnpm instead of npm."]);
        project
    }

    /// Makes a copy of this repository's own project.
    pub(crate) fn demo() -> Self {
        let project = Self::empty();
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        std::fs::copy(repository.join("dreamrun.yaml"), project.path("dreamrun.yaml")).unwrap();
        for entry in walkdir::WalkDir::new(repository.join("pipelines")) {
            let entry = entry.unwrap();
            let to = project.path("").join(entry.path().strip_prefix(repository).unwrap());
            if entry.file_type().is_dir() {
                std::fs::create_dir_all(to).unwrap();
            } else {
                std::fs::copy(entry.path(), to).unwrap();
            }
        }
        project
    }

    /// Lets another mind be the offline one.
    pub(crate) fn with_mind(mut self, mind: impl Mind + 'static) -> Self {
        self.minds = Arc::new(NamedMinds::default().with("offline", mind));
        self
    }

    /// Sets an environment variable.
    pub(crate) fn set(&mut self, name: &str, value: impl AsRef<Path>) {
        self.variables.insert(name.to_owned(), value.as_ref().to_str().unwrap().to_owned());
    }

    /// Returns where something in the project is.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes a file.
    pub(crate) fn write(&self, relative: &str, text: &str) {
        let path = self.path(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads a file.
    #[track_caller]
    pub(crate) fn read(&self, relative: &str) -> String {
        let read = std::fs::read_to_string(self.path(relative));
        read.unwrap_or_else(|error| panic!("cannot read {relative}: {error}"))
    }

    /// Replaces text that a file holds.
    #[track_caller]
    pub(crate) fn edit(&self, relative: &str, from: &str, to: &str) {
        let text = self.read(relative);
        assert!(text.contains(from), "{relative} does not hold {from:?}");
        self.write(relative, &text.replace(from, to));
    }

    /// Writes a session in which a user says some things.
    pub(crate) fn session(&self, id: &str, began: &str, said: &[&str]) {
        write_session(&self.path(&format!("logs/{id}.jsonl")), id, began, said);
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, by: SignedDuration) {
        self.clock.advance(by);
    }

    /// Runs a command without a terminal.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.invoke(arguments, "", None)
    }

    /// Runs a command in a folder of the project.
    pub(crate) fn run_in(&self, folder: &str, arguments: &[&str]) -> Output {
        self.invoke(arguments, folder, None)
    }

    /// Runs a command for a person at a terminal who types an answer.
    pub(crate) fn run_answering(&self, answer: &str, arguments: &[&str]) -> Output {
        self.invoke(arguments, "", Some(answer))
    }

    /// Applies the small project's pipeline, which must adopt.
    #[track_caller]
    pub(crate) fn adopt(&self) -> Value {
        let applied = self.run(&["apply", "tidy", "--yes", "--json"]).ends_with(0).json();
        assert_eq!(applied["outcome"], "adopted", "{applied:#}");
        applied
    }

    /// Runs a command that is asked to stop at once.
    pub(crate) fn run_interrupted(&self, by: ExitCode, arguments: &[&str]) -> Output {
        let parts = TestParts { signals: Some(by), ..self.parts() };
        self.invoke_with(&parts, arguments, "", None)
    }

    /// Opens the backend, as agents and other people do.
    pub(crate) fn backend(&self) -> LocalBackend {
        let options = LocalOptions {
            database: self.path(".dreamrun/local.db"),
            root: self.path(""),
            allow_read: Vec::new(),
            minds: self.minds.clone(),
            clock: self.clock.clone(),
        };
        LocalBackend::open(options).unwrap()
    }

    /// Lets an agent write a memory to a store, named as in the output of a command.
    pub(crate) fn agent_writes(&self, store: &str, path: &str, content: &str) {
        let store = MemoryStoreId::parse(self.real_id(store)).unwrap();
        let path = MemoryPath::parse(path).unwrap();
        let held = block_on(self.backend().index(&store)).unwrap();
        let expected = held.entries.get(&path).map(|entry| entry.hash);
        let write = MemoryWrite::Put { path, content: content.into(), expected };
        block_on(self.backend().write(&store, &[write])).unwrap();
    }

    /// Lets an agent write other words into a memory of a store.
    pub(crate) fn agent_rewrites(&self, store: &str, path: &str, from: &str, to: &str) {
        let store = MemoryStoreId::parse(self.real_id(store)).unwrap();
        let write = MemoryWrite::Put {
            path: MemoryPath::parse(path).unwrap(),
            content: to.into(),
            expected: Some(ContentHash::of(from)),
        };
        block_on(self.backend().write(&store, &[write])).unwrap();
    }

    /// Returns the text of a memory of a store, named as in the output of a command.
    pub(crate) fn memory(&self, store: &str, path: &str) -> Option<String> {
        let store = MemoryStoreId::parse(self.real_id(store)).unwrap();
        let held = block_on(self.backend().snapshot(&store)).unwrap();
        held.get(&MemoryPath::parse(path).unwrap()).map(|memory| memory.content.to_string())
    }

    /// Says whether the backend has a store, named as in the output of a command.
    pub(crate) fn has_store(&self, store: &str) -> bool {
        let store = MemoryStoreId::parse(self.real_id(store)).unwrap();
        block_on(self.backend().store(&store)).is_ok()
    }

    /// Deletes a store behind everybody's back.
    pub(crate) fn delete_store(&self, store: &str) {
        let store = MemoryStoreId::parse(self.real_id(store)).unwrap();
        block_on(self.backend().delete_store(&store)).unwrap();
    }

    /// Returns what state holds of a store, or null, as `status` tells it.
    #[track_caller]
    pub(crate) fn record(&self, alias: &str) -> Value {
        let mut status = self.run(&["status", "--json"]).ends_with(0).json();
        let stores = status["data"]["stores"].as_array_mut().unwrap();
        let found = stores.iter_mut().find(|store| store["alias"] == alias);
        found.map_or(Value::Null, |store| store["record"].take())
    }

    fn parts(&self) -> TestParts {
        TestParts { clock: self.clock.clone(), minds: self.minds.clone(), signals: None }
    }

    fn invoke(&self, arguments: &[&str], folder: &str, answer: Option<&str>) -> Output {
        self.invoke_with(&self.parts(), arguments, folder, answer)
    }

    fn invoke_with(
        &self,
        parts: &TestParts,
        arguments: &[&str],
        folder: &str,
        answer: Option<&str>,
    ) -> Output {
        let (out, err) = (Stream::default(), Stream::default());
        let input = Cursor::new(answer.unwrap_or_default().to_owned().into_bytes());
        let mut console = Console::new(Box::new(out.clone()), Box::new(err.clone()), Box::new(input));
        console.can_ask = answer.is_some();
        let variables = self.variables.clone();
        let invocation = Invocation {
            arguments: std::iter::once("dreamrun").chain(arguments.iter().copied()).map(Into::into).collect(),
            folder: self.path(folder),
            console,
            is_terminal: false,
            variable: Box::new(move |name| variables.get(name).cloned()),
        };
        let code = dreamrun::cli::run(invocation, parts);
        Output { code, stdout: self.told(&out), stderr: self.told(&err) }
    }

    /// Returns a stream's text, with this test's folder and random ids under names of their own.
    fn told(&self, stream: &Stream) -> String {
        let bytes = stream.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        let text = text.replace(self.folder.path().to_str().unwrap(), "[PROJECT]");
        let plan = Regex::new("plan-[0-9a-f]{20}").unwrap();
        let text = plan.replace_all(&text, "plan-xxxxxxxxxxxxxxxxxxxx");
        let minted = Regex::new("(memstore_|memver_|mem_|drm_)([0-9a-z]{25})").unwrap();
        let mut ids = self.ids.lock().unwrap();
        let numbered = minted.replace_all(&text, |found: &Captures<'_>| {
            let kind = found[1].to_owned();
            let next = ids.keys().filter(|id| id.starts_with(&kind)).count() + 1;
            let number = *ids.entry(found[0].to_owned()).or_insert(next);
            format!("{kind}{number:x<25}")
        });
        numbered.into_owned()
    }

    /// Returns an id as the program knows it, from the way it is shown in tests.
    #[track_caller]
    pub(crate) fn real_id(&self, shown: &str) -> String {
        let ids = self.ids.lock().unwrap();
        let (kind, number) = shown.split_once('_').unwrap();
        let number: usize = number.trim_end_matches('x').parse().unwrap();
        let found = ids.iter().find(|(id, n)| id.starts_with(&format!("{kind}_")) && **n == number);
        found.map(|(id, _)| id.clone()).unwrap()
    }
}

#[derive(Debug, Clone, Default)]
struct Stream(Arc<Mutex<Vec<u8>>>);

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

struct TestParts {
    clock: Arc<ManualClock>,
    minds: Arc<dyn Minds>,
    signals: Option<ExitCode>,
}

impl Parts for TestParts {
    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    fn minds(&self) -> Arc<dyn Minds> {
        self.minds.clone()
    }

    fn process(&self) -> (String, u32) {
        ("desk".to_owned(), 4242)
    }

    fn signals(&self) -> Signals {
        self.signals.map_or_else(Signals::of_process, Signals::came)
    }
}

/// Does the same to [`Project::small`] every time, in the words of this file.
pub(crate) struct TidyMind;

impl Mind for TidyMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        Reading {
            session: transcript.session.clone(),
            created_at: transcript.created_at,
            tokens: 10,
            notes: Value::Null,
        }
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        readings: &[Reading],
        _: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        let path = |text: &str| MemoryPath::parse(text).unwrap();
        let sessions: Vec<EventRef> =
            readings.iter().map(|reading| EventRef { session: reading.session.clone(), event: 1 }).collect();
        let mut store = input.clone();
        store.remove(&path("/deploy-2.md"));
        let deploy = "# Deploy\n\n- Deploys go out on Thursday.\n- The canary takes 15 minutes.\n";
        store.insert(Memory::new(path("/deploy.md"), deploy));
        store.insert(Memory::new(path("/learned.md"), "- Always use pnpm instead of npm.\n"));
        store.insert(Memory::new(
            path("/playbooks/lock.md"),
            "# Locked database\n\n1. Wait.\n2. Try again.\n",
        ));
        let change = |kind, at, statement: &str, gone: Option<&str>, evidence: &[EventRef], because: &str| {
            let replaced =
                |at| Replaced { path: path(at), statement: "Deploys go out on Tuesday.".to_owned() };
            DreamChange {
                kind,
                path: path(at),
                statement: Some(statement.to_owned()),
                replaced: gone.map(replaced).into_iter().collect(),
                evidence: evidence.to_vec(),
                because: because.to_owned(),
            }
        };
        let thursday = "Deploys go out on Thursday.";
        let (first, last) = (&sessions[..1], &sessions[sessions.len() - 1..]);
        let changes = vec![
            change(
                ChangeKind::Superseded,
                "/deploy.md",
                thursday,
                Some("/deploy.md"),
                first,
                "a user said otherwise since",
            ),
            change(ChangeKind::Merged, "/deploy.md", thursday, Some("/deploy-2.md"), &[], "says the same"),
            change(
                ChangeKind::Learned,
                "/learned.md",
                "Always use pnpm instead of npm.",
                None,
                last,
                "a user said so",
            ),
            change(
                ChangeKind::Playbook,
                "/playbooks/lock.md",
                "lock",
                None,
                &sessions,
                "several sessions got past the same error",
            ),
        ];
        Ok(Consolidated { store, changes })
    }
}
