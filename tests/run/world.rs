//! A project to run in: a local backend, state, sessions and a pipeline, in a folder of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use dreamrun::backend::local::{LocalBackend, LocalOptions};
use dreamrun::backend::{Backend, SessionQuery};
use dreamrun::clock::Clock;
use dreamrun::dream::{Dream, DreamRequest};
use dreamrun::dreaming::transcript::Transcript;
use dreamrun::dreaming::{Consolidated, Mind, MindError, Reading};
use dreamrun::ids::{Alias, MemoryStoreId, PipelineName, RunId};
use dreamrun::journal::Journal;
use dreamrun::journal::event::JournalEvent;
use dreamrun::memory::{ContentHash, Memory, MemoryPath, MemoryWrite};
use dreamrun::plan::facts::{Facts, SourceFacts, StoreFacts, source_key};
use dreamrun::plan::{Plan, plan, rendered_again};
use dreamrun::price::PriceTable;
use dreamrun::report::run_view::RunView;
use dreamrun::run::observer::Unwatched;
use dreamrun::run::past::Past;
use dreamrun::run::rollback::{RolledBack, Undo, roll_back};
use dreamrun::run::{Ended, RunError, Surroundings, execute};
use dreamrun::snapshot::Snapshot;
use dreamrun::spec::pipeline::{
    Adopt, AdoptMode, Batching, Drift, GateSpec, Order, Pipeline, SessionInput, SessionSource, Since,
    StoreRef, Target, Template, Thresholds, default_gates,
};
use dreamrun::state::alias::{self, AliasRecord, Hold};
use dreamrun::state::keeper::{Keeper, Tenant};
use dreamrun::state::lease::{LEASE_TIME, Who};
use dreamrun::state::sqlite::SqliteState;
use dreamrun::state::{Key, PutIf, StateError, StateStore, Version, Versioned};
use tokio::sync::watch;

use crate::support::{
    CountingMind, FailingMind, GatedMind, ManualClock, NamedMinds, PanickingMind, WipingMind, write_session,
};

/// A project to run in. Dropped fields go in order: what has files open before the folder.
pub(crate) struct World {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) state: Arc<dyn StateStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) pipeline: Pipeline,
    pub(crate) alias: Alias,
    pub(crate) prices: PriceTable,
    pub(crate) mind: Arc<CountingMind>,
    pub(crate) gate: Arc<GatedMind>,
    folder: tempfile::TempDir,
}

pub(crate) fn path(text: &str) -> MemoryPath {
    MemoryPath::parse(text).unwrap()
}

/// Writes a memory where `expected` stands.
pub(crate) fn put(at: &str, content: &str, expected: Option<&str>) -> MemoryWrite {
    MemoryWrite::Put { path: path(at), content: content.into(), expected: expected.map(ContentHash::of) }
}

/// Returns the pipeline of every world: it learns what users said, two sessions a dream.
fn pipeline() -> Pipeline {
    Pipeline {
        file: "pipelines/nightly.yaml".into(),
        name: PipelineName::parse("nightly").unwrap(),
        description: String::new(),
        model: "counting".to_owned(),
        vars: Default::default(),
        store: StoreRef::Alias(Alias::parse("support").unwrap()),
        sessions: SessionInput {
            sources: vec![SessionSource::Files(vec!["transcripts/*.jsonl".to_owned()])],
            since: Since::LastAdopted,
            order: Order::Oldest,
            take: None,
            min: 1,
        },
        instructions: Some(Template::new("Dream {{ batch.index }} of {{ batch.count }}")),
        batch: Batching { size: 2, chain: true },
        budget: None,
        gates: gates(),
        min_interval: None,
        adopt: Adopt { mode: AdoptMode::Auto, target: Target::Pointer, drift: Drift::Rebase },
    }
}

/// Returns the default gates, but lets a small store grow, for what dreams learn is large beside it, and
/// lets dreams forget, for that is what the minds of these tests do.
fn gates() -> Vec<GateSpec> {
    let mut gates = default_gates();
    gates.retain(|gate| !matches!(gate, GateSpec::Lost(_)));
    for gate in &mut gates {
        if let GateSpec::Bytes { grow, .. } = gate {
            *grow = Thresholds::default();
        }
    }
    gates
}

impl World {
    /// Makes a world whose live store holds some memories, with so many finished sessions.
    pub(crate) async fn new(memories: &[(&str, &str)], sessions: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at("2026-06-01T12:00:00Z"));
        let mind = Arc::new(CountingMind::default());
        let gate = Arc::new(GatedMind::default());
        let minds = NamedMinds::default()
            .with_shared("gated", Arc::clone(&gate) as _)
            .with_shared("counting", Arc::clone(&mind) as _)
            .with("failing", FailingMind)
            .with("panicking", PanickingMind::WhileConsolidating)
            .with("wiping", WipingMind)
            .with("keeping", KeepingMind)
            .with("counting-20260101", KeepingMind)
            .with("merging", MergingMind)
            .with("desk", DeskMind)
            .with("correcting", CorrectingMind)
            .with("spilling", SpillingMind);
        let backend = LocalBackend::open(LocalOptions {
            database: folder.path().join(".dreamrun/local.db"),
            root: folder.path().to_owned(),
            allow_read: Vec::new(),
            minds: Arc::new(minds),
            clock: Arc::clone(&clock) as _,
        })
        .unwrap();
        let store = backend.create_store("support").unwrap().id;
        let writes: Vec<MemoryWrite> = memories.iter().map(|(at, content)| put(at, content, None)).collect();
        backend.write(&store, &writes).await.unwrap();
        let state = SqliteState::open(&folder.path().join(".dreamrun/state.db")).unwrap();
        let alias = Alias::parse("support").unwrap();
        let record = AliasRecord::bootstrapped(store);
        alias::write(&state, &alias, &record, PutIf::Absent).await.unwrap();
        let world = Self {
            backend: Arc::new(backend),
            state: Arc::new(state),
            clock,
            pipeline: pipeline(),
            alias,
            prices: PriceTable::builtin(),
            mind,
            gate,
            folder,
        };
        world.add_sessions(0..sessions);
        world
    }

    /// Makes a world with three memories and three dreams' worth of sessions.
    pub(crate) async fn three_dreams() -> Self {
        Self::new(&[("/a", "one"), ("/b", "two"), ("/c", "three")], 6).await
    }

    /// Makes a world with three memories and one dream's worth of sessions.
    pub(crate) async fn one_dream() -> Self {
        Self::new(&[("/a", "one"), ("/b", "two"), ("/c", "three")], 2).await
    }

    pub(crate) fn add_sessions(&self, numbers: std::ops::Range<usize>) {
        for n in numbers {
            let began = format!("2026-05-01T{:02}:{:02}:00Z", n / 60, n % 60);
            write_session(&self.transcript(n), &format!("s-{n:03}"), &began, &[&format!("fact {n}")]);
        }
    }

    pub(crate) fn transcript(&self, n: usize) -> PathBuf {
        self.root().join(format!("transcripts/s-{n:03}.jsonl"))
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the alias as state has it.
    pub(crate) async fn record(&self) -> AliasRecord {
        alias::read(self.state.as_ref(), &self.alias).await.unwrap().unwrap().0
    }

    /// Returns the live store.
    pub(crate) async fn live(&self) -> MemoryStoreId {
        self.record().await.active
    }

    /// Returns a store as pairs of path and content.
    pub(crate) async fn held(&self, store: &MemoryStoreId) -> Vec<(String, String)> {
        let snapshot = self.backend.snapshot(store).await.unwrap();
        snapshot.iter().map(|memory| (memory.path.to_string(), memory.content.to_string())).collect()
    }

    /// Returns one memory of the live store.
    pub(crate) async fn live_memory(&self, at: &str) -> Option<String> {
        let snapshot = self.backend.snapshot(&self.live().await).await.unwrap();
        snapshot.get(&path(at)).map(|memory| memory.content.to_string())
    }

    /// Writes to a store as an agent would.
    pub(crate) async fn write(&self, store: &MemoryStoreId, writes: &[MemoryWrite]) {
        self.backend.write(store, writes).await.unwrap();
    }

    /// Returns every dream there ever was.
    pub(crate) async fn dreams(&self) -> Vec<Dream> {
        self.backend.dreams_since(jiff::Timestamp::UNIX_EPOCH).await.unwrap()
    }

    /// Plans the next run.
    pub(crate) async fn plan(&self) -> Plan {
        plan(&self.pipeline, &self.facts().await).unwrap()
    }

    pub(crate) async fn facts(&self) -> Facts {
        let record = self.record().await;
        let live = self.backend.snapshot(&record.active).await.unwrap();
        let mut sources = std::collections::BTreeMap::new();
        for source in &self.pipeline.sessions.sources {
            let query = SessionQuery { sources: vec![source.clone()], since: None };
            let sessions = self.backend.sessions(&query).await.unwrap().sessions;
            sources.insert(source_key(source), SourceFacts { sessions, ..SourceFacts::default() });
        }
        let runs = dreamrun::journal::runs(self.state.as_ref(), Some(&self.pipeline.name)).await.unwrap();
        Facts {
            now: self.clock.now(),
            run_number: runs.last().map_or(1, |run| run.number() + 1),
            store: StoreFacts {
                id: Some(record.active.clone()),
                entries: live.len() as u64,
                bytes: live.bytes(),
                hash: Some(live.hash()),
            },
            alias: Some(record),
            sources,
            prices: self.prices.clone(),
            models: None,
            last_run: None,
        }
    }

    /// Plans the next run and writes it down.
    pub(crate) async fn begin(&self) -> Journal {
        let plan = self.plan().await;
        assert_eq!(plan.not_due, None);
        Journal::begin(self.state.as_ref(), self.clock.now(), plan).await.unwrap().0
    }

    /// Reads a run's journal, as a new process would.
    pub(crate) async fn open(&self, run: &RunId) -> Journal {
        Journal::open(self.state.as_ref(), run).await.unwrap().unwrap()
    }

    /// Reads a run's events by name.
    pub(crate) async fn events(&self, run: &RunId) -> Vec<&'static str> {
        let events = dreamrun::journal::read(self.state.as_ref(), run).await.unwrap();
        events.iter().map(|recorded| recorded.event.name()).collect()
    }

    /// Carries a run on.
    pub(crate) async fn go(&self, journal: &mut Journal) -> Result<Ended, RunError> {
        self.go_with(journal, self.state.as_ref(), self.backend.as_ref()).await
    }

    /// Carries a run on over another state or backend than the world's own.
    pub(crate) async fn go_with(
        &self,
        journal: &mut Journal,
        state: &dyn StateStore,
        backend: &dyn Backend,
    ) -> Result<Ended, RunError> {
        let (_alive, interrupt) = watch::channel(false);
        self.go_until(journal, state, backend, interrupt).await
    }

    /// Carries a run on until it is interrupted.
    pub(crate) async fn go_until(
        &self,
        journal: &mut Journal,
        state: &dyn StateStore,
        backend: &dyn Backend,
        interrupt: watch::Receiver<bool>,
    ) -> Result<Ended, RunError> {
        let instructions = rendered_again(&self.pipeline, &journal.state().plan);
        let keeper = self.keeper("here");
        let around = Surroundings {
            state,
            backend,
            clock: self.clock.as_ref(),
            observer: &Unwatched,
            prices: &self.prices,
            root: self.root(),
            archive: None,
            keeper: &keeper,
            alias: &self.alias,
            instructions: &instructions,
            interrupt,
        };
        // Long enough for any machine; a run that hangs fails.
        let limit = std::time::Duration::from_secs(60);
        tokio::time::timeout(limit, execute(journal, &around)).await.expect("in time")
    }

    /// Makes the keeper of a process on a machine. One on the same machine takes over from any before it, as from
    /// the dead.
    pub(crate) fn keeper(&self, machine: &str) -> Keeper {
        let tenant = Tenant {
            who: Who { machine: machine.to_owned(), pid: 1, run_url: None },
            domain: Some(machine.to_owned()),
            time: LEASE_TIME,
            monotonic: Arc::clone(&self.clock) as _,
            clock: Arc::clone(&self.clock) as _,
        };
        Keeper::new(self.alias.clone(), tenant)
    }

    /// Rolls the alias back to the store it names first, or carries on with that.
    pub(crate) async fn back(
        &self,
        state: &dyn StateStore,
        backend: &dyn Backend,
    ) -> Result<RolledBack, RunError> {
        let keeper = self.keeper("here");
        keeper.take(self.state.as_ref(), "rolling back", |_| Ok::<_, StateError>(())).await.unwrap();
        let seen = self.record().await;
        let begun = seen.hold.clone().filter(|hold| hold.rolling_back_to.is_some());
        let now = self.clock.now();
        let reason = "worse".to_owned();
        let new = Hold::new(now, "ada", reason);
        let hold = begun.unwrap_or(new);
        let done = roll_back(undo(state, backend, &keeper), &seen, &seen.previous[0], hold, now).await;
        keeper.give_back(self.state.as_ref(), |_| Ok::<_, StateError>(false)).await.unwrap();
        done
    }

    /// Writes an event into a journal, as a command would.
    pub(crate) async fn record_event(&self, journal: &mut Journal, event: JournalEvent) {
        journal.append(self.state.as_ref(), self.clock.now(), event).await.unwrap();
    }

    /// Carries a run on to the point where an event of a kind is about to be written, and loses that
    /// process.
    pub(crate) async fn go_before(&self, journal: &mut Journal, kind: &'static str) {
        let state = Cut { inner: Arc::clone(&self.state), kind };
        let error = self.go_with(journal, &state, self.backend.as_ref()).await.unwrap_err();
        assert!(error.to_string().contains("cut off here"), "{error}");
        *journal = self.open(&journal.run().clone()).await;
    }

    /// Approves what a run has, as a person who looks at what the gates judged.
    pub(crate) async fn approve(&self, journal: &mut Journal, overrides: &[&str]) {
        let state = journal.state();
        let live = state.judgment.as_ref().unwrap().live;
        let candidate = state.candidate.as_ref().unwrap().store.clone();
        let event = JournalEvent::Approved {
            by: "ada".to_owned(),
            reason: Some("looked at it".to_owned()),
            overrides: overrides.iter().map(|&gate| gate.to_owned()).collect(),
            live,
            candidate: self.backend.snapshot(&candidate).await.unwrap().hash(),
        };
        self.record_event(journal, event).await;
    }

    /// Returns the request that a run has in the air.
    pub(crate) fn request(&self, journal: &Journal) -> DreamRequest {
        let state = journal.state();
        let request = state.dreams.last().unwrap();
        let place = request.batch as usize - 1;
        let instructions = rendered_again(&self.pipeline, &state.plan)[place].clone();
        DreamRequest {
            store: request.store.clone(),
            sessions: state.plan.batches[place].sessions.clone(),
            model: state.plan.model.clone(),
            instructions: instructions.and_then(|i| Some(i.text()?.to_owned())),
        }
    }
}

/// What [`World::go_before`] is told to stop before the first move of the alias.
pub(crate) const MOVE: &str = "the move";

/// What an adoption is undone with.
pub(crate) fn undo<'a>(state: &'a dyn StateStore, backend: &'a dyn Backend, keeper: &'a Keeper) -> Undo<'a> {
    Undo { state, past: Past { backend, archive: None }, keeper }
}

/// State that refuses one kind of event.
struct Cut {
    inner: Arc<dyn StateStore>,
    kind: &'static str,
}

#[async_trait]
impl StateStore for Cut {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StateError> {
        self.inner.get(key).await
    }

    async fn put(&self, key: &Key, bytes: &[u8], when: PutIf) -> Result<Version, StateError> {
        let value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        let is_move = self.kind == MOVE && !value["adoption"].is_null();
        if is_move || value["event"]["kind"] == self.kind {
            return Err(StateError::Unavailable {
                action: "write",
                place: "this test".to_owned(),
                reason: "cut off here".to_owned(),
            });
        }
        self.inner.put(key, bytes, when).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Key>, StateError> {
        self.inner.list(prefix).await
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<(), StateError> {
        self.inner.delete(key, version).await
    }
}

/// Leaves the store as it is.
struct KeepingMind;

impl Mind for KeepingMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        CountingMind::default().read(transcript)
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        _: &[Reading],
        _: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        Ok(Consolidated { store: input.clone(), changes: Vec::new() })
    }
}

/// Merges `/b` into `/a`, and writes down how many sessions it read.
struct MergingMind;

impl Mind for MergingMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        CountingMind::default().read(transcript)
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        readings: &[Reading],
        _: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        let mut store = input.clone();
        if let (Some(one), Some(two)) = (input.get(&path("/a")), input.get(&path("/b"))) {
            store.insert(Memory::new(path("/a"), format!("{} and {}", one.content, two.content)));
            store.remove(&path("/b"));
        }
        let read = format!("{} sessions", readings.len());
        store.insert(Memory::new(path("/learned.md"), read));
        Ok(Consolidated { store, changes: Vec::new() })
    }
}

/// Says 20 minutes wherever 15 were said.
struct CorrectingMind;

impl Mind for CorrectingMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        CountingMind::default().read(transcript)
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        _: &[Reading],
        _: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        let corrected = |memory: &Memory| {
            Memory::new(memory.path.clone(), memory.content.replace("15 minutes", "20 minutes"))
        };
        Ok(Consolidated { store: input.iter().map(corrected).collect(), changes: Vec::new() })
    }
}

/// Writes down when the desk opens, and says it in other words the next time.
struct DeskMind;

impl Mind for DeskMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        CountingMind::default().read(transcript)
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        _: &[Reading],
        _: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        let mut store = input.clone();
        let text = match input.get(&path("/desk.md")) {
            None => "- The service desk opens at 07:15 at the north gate.\n",
            Some(_) => "- At the north gate the service desk opens at 07:15.\n",
        };
        store.insert(Memory::new(path("/desk.md"), text));
        Ok(Consolidated { store, changes: Vec::new() })
    }
}

/// Panics with memory text in its message, as slicing a string in the middle of a character does.
struct SpillingMind;

impl Mind for SpillingMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        CountingMind::default().read(transcript)
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        _: &[Reading],
        _: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        let text: String = input.iter().map(|memory| memory.content.as_ref()).collect();
        panic!("end byte index 3 is not a char boundary; it is inside {text:?}")
    }
}

/// Returns a run's view with ids that differ from world to world replaced by what they stand for.
pub(crate) fn told(journal: &Journal) -> String {
    let view = RunView::of(journal.run(), journal.state());
    let mut text = serde_json::to_string_pretty(&view).unwrap();
    let live = view.live.iter().map(|id| (id.to_string(), "LIVE".to_owned()));
    let dreams = view.dreams.iter().flat_map(|dream| {
        let (batch, attempt) = (dream.batch, dream.attempt);
        let id = dream.dream.iter().map(move |id| (id.to_string(), format!("DREAM-{batch}-{attempt}")));
        id.chain(dream.output.iter().map(move |id| (id.to_string(), format!("OUTPUT-{batch}-{attempt}"))))
    });
    for (id, name) in live.chain(dreams) {
        text = text.replace(&id, &name);
    }
    text
}
