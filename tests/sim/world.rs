//! The one world that all simulated processes share: state, stores, dreams, agents and the hour.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use dreamrun::dream::{Dream, DreamError, DreamRequest, DreamStatus, Usage};
use dreamrun::ids::{Alias, DeploymentId, DreamId, MemoryStoreId, MemoryVersionId, SessionId};
use dreamrun::journal::run_state::Phase;
use dreamrun::memory::{Memory, MemoryPath};
use dreamrun::session::{Session, SessionSize, SessionStatus};
use dreamrun::snapshot::{Change, IndexEntry, Snapshot, SnapshotIndex};
use dreamrun::state::Key;
use dreamrun::state::alias::{ALIAS_FORMAT, AliasRecord};
use jiff::{SignedDuration, Timestamp};

use super::faults::{Broken, Fault, Weather};
use super::invariants::{Book, Law};
use super::notes::{Notes, SUBJECTS};
use super::process::Slot;
use super::rng::Rng;
use super::trace::{Tally, Trace};

/// How long a create may take to have its effect, in milliseconds.
pub(crate) const CREATE: u64 = 60_000;
/// How long what was created may take to be listed, in milliseconds.
pub(crate) const SETTLING: u64 = 30_000;
/// How much of the past a listing of state may lack, in milliseconds.
const STALE: u64 = 10_000;
/// How long a dream takes at most, in milliseconds.
const DREAM: u64 = 400_000;
/// When everything begins: noon of 1 June 2026.
const BEGUN: Timestamp = Timestamp::constant(1_780_315_200, 0);
/// How many machines there are, each with a wall clock of its own.
pub(crate) const MACHINES: u64 = 3;

/// One object of state.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) bytes: Vec<u8>,
    pub(crate) version: u64,
    pub(crate) written_at: u64,
}

/// One memory store.
#[derive(Debug, Clone, Default)]
pub(crate) struct Store {
    pub(crate) now: Snapshot,
    /// Everything it ever held, oldest first.
    pub(crate) past: Vec<Memory>,
    /// Everything that was done to it, oldest first.
    pub(crate) changes: Vec<Change>,
    /// How many changes a process has seen that looked at it.
    pub(crate) seen: usize,
    /// Which change of a memory was the last that an agent made, from 1.
    pub(crate) by_agents: BTreeMap<MemoryPath, usize>,
    /// Whether whatever makes it has finished.
    pub(crate) is_complete: bool,
}

impl Store {
    /// Says whether the last one to change a memory was an agent.
    pub(crate) fn is_agents(&self, path: &MemoryPath) -> bool {
        let last = self.changes.iter().rposition(|change| change.path.as_ref() == Some(path));
        last.is_some_and(|last| self.by_agents.get(path) == Some(&(last + 1)))
    }

    /// Puts a memory in, or takes it away.
    pub(crate) fn set(&mut self, path: &MemoryPath, content: Option<Arc<str>>, at: Timestamp) {
        let version = MemoryVersionId::parse(format!("memver_{}", self.changes.len())).ok();
        let memory = content.map(|content| {
            let version = version.clone();
            Memory { version, ..Memory::new(path.clone(), content) }
        });
        let holds = memory.as_ref().map(|memory| IndexEntry {
            hash: memory.hash,
            bytes: memory.content.len() as u64,
            version: memory.version.clone(),
        });
        let memory_id = path.to_string();
        self.changes.push(Change { memory: memory_id, version, path: Some(path.clone()), holds, at });
        match memory {
            None => drop(self.now.remove(path)),
            Some(memory) => {
                self.past.push(memory.clone());
                self.now.insert(memory);
            }
        }
    }
}

/// One dream, with what it will come to.
#[derive(Debug, Clone)]
pub(crate) struct Dreaming {
    pub(crate) dream: Dream,
    pub(crate) listed_at: u64,
    pub(crate) input: Snapshot,
    ends_at: u64,
    fails: Option<&'static str>,
}

/// A create that has not had its effect yet.
#[derive(Debug, Clone)]
pub(crate) struct InFlight {
    pub(crate) at: u64,
    pub(crate) request: DreamRequest,
}

/// A session that was created for a run.
#[derive(Debug, Clone)]
pub(crate) struct Created {
    pub(crate) request: dreamrun::backend::SessionRequest,
    pub(crate) session: SessionId,
    pub(crate) listed_at: u64,
}

/// What is broken on purpose, and the law that has to notice. The others are not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) broken: Broken,
    pub(crate) law: Law,
}

/// Everything there is.
pub(crate) struct World {
    /// Milliseconds since the beginning.
    pub(crate) now: u64,
    pub(crate) rng: Rng,
    pub(crate) weather: Weather,
    /// Whether faults have stopped.
    pub(crate) is_calm: bool,
    pub(crate) flaw: Option<Flaw>,
    pub(crate) objects: BTreeMap<String, Object>,
    versions: u64,
    /// The process that writes to state now.
    pub(crate) writer: usize,
    pub(crate) stores: BTreeMap<MemoryStoreId, Store>,
    pub(crate) dreams: Vec<Dreaming>,
    pub(crate) in_flight: Vec<InFlight>,
    pub(crate) created: Vec<Created>,
    pub(crate) deployments: BTreeMap<DeploymentId, MemoryStoreId>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) slots: Vec<Slot>,
    /// How far the wall clock of each machine is off.
    pub(crate) clocks: Vec<SignedDuration>,
    pub(crate) alias: Alias,
    pub(crate) book: Book,
    pub(crate) tally: Tally,
    pub(crate) trace: Trace,
    texts: u64,
}

/// The world, as its processes share it.
pub(crate) type Shared = Arc<Mutex<World>>;

/// Enters the world. Whoever panicked in it before has broken a law already.
pub(crate) fn enter(shared: &Shared) -> MutexGuard<'_, World> {
    shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub(crate) fn path(text: &str) -> MemoryPath {
    MemoryPath::parse(text).unwrap()
}

impl World {
    /// Makes the world of a seed: a live store with a few memories, and a few sessions to read.
    pub(crate) fn new(seed: u64, flaw: Option<Flaw>, is_traced: bool) -> Self {
        let mut rng = Rng::new(seed);
        let weather = Weather::of(&mut rng);
        let alias = Alias::parse("support").unwrap();
        let live = MemoryStoreId::parse("memstore_live").unwrap();
        let mut store = Store { is_complete: true, ..Store::default() };
        for name in ["/a", "/b", "/c"].into_iter().take(rng.between(2, 3) as usize) {
            let subjects = SUBJECTS.iter().take(rng.between(1, 3) as usize);
            let item = |subject: &&str| ((*subject).to_owned(), format!("First of {name} on {subject}."));
            store.set(&path(name), Some(Notes(subjects.map(item).collect()).content()), BEGUN);
        }
        let deployment = DeploymentId::parse("depl_1").unwrap();
        let mut world = Self {
            now: 0,
            rng,
            weather,
            is_calm: false,
            flaw,
            objects: BTreeMap::new(),
            versions: 0,
            writer: 0,
            stores: BTreeMap::from([(live.clone(), store)]),
            dreams: Vec::new(),
            in_flight: Vec::new(),
            created: Vec::new(),
            deployments: BTreeMap::from([(deployment, live.clone())]),
            sessions: Vec::new(),
            slots: Vec::new(),
            clocks: vec![SignedDuration::ZERO; MACHINES as usize],
            alias,
            book: Book::new(live.clone()),
            tally: Tally { seeds: 1, ..Tally::default() },
            trace: Trace::new(is_traced),
            texts: 0,
        };
        let record = serde_json::to_vec(&AliasRecord::bootstrapped(live)).unwrap();
        world.keep(&Key::alias(&world.alias.clone()), record);
        (0..world.rng.between(1, 2)).for_each(|_| world.add_session());
        world
    }

    /// Returns the true time.
    pub(crate) fn time(&self) -> Timestamp {
        BEGUN + SignedDuration::from_millis(self.now as i64)
    }

    /// Says whether a fault happens now, and counts it.
    pub(crate) fn meets(&mut self, fault: Fault) -> bool {
        let happens = !self.is_calm && self.rng.chance(self.weather.rate(fault));
        if happens {
            self.count(fault);
        }
        happens
    }

    /// Says whether something is broken on purpose.
    pub(crate) fn is_broken(&self, what: Broken) -> bool {
        self.flaw.is_some_and(|flaw| flaw.broken == what)
    }

    pub(crate) fn count(&mut self, fault: Fault) {
        *self.tally.faults.entry(fault).or_default() += 1;
    }

    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        self.trace.line(self.now, line);
    }

    /// Ends one more session, for a run to read.
    pub(crate) fn add_session(&mut self) {
        let n = self.sessions.len();
        self.sessions.push(Session {
            id: SessionId::parse(format!("sesn_{n}")).unwrap(),
            created_at: self.time() - SignedDuration::from_hours(1),
            status: SessionStatus::Idle,
            is_archived: false,
            is_dream_worker: false,
            size: SessionSize { events: 3, bytes: 300, tokens: 100, skipped_lines: 0 },
        });
    }

    /// Writes an object of state, and looks at what it means.
    pub(crate) fn keep(&mut self, key: &Key, bytes: Vec<u8>) -> u64 {
        self.versions += 1;
        let object = Object { bytes, version: self.versions, written_at: self.now };
        let before = self.objects.insert(key.as_str().to_owned(), object);
        super::invariants::written(self, key, before.as_ref());
        self.versions
    }

    /// Returns the keys of a listing, which may lack the last few.
    pub(crate) fn listed(&mut self, prefix: &str) -> Vec<Key> {
        let until = match self.meets(Fault::ListStale) {
            true => self.now.saturating_sub(self.rng.below(STALE)),
            false => u64::MAX,
        };
        self.objects
            .range(prefix.to_owned()..)
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter(|(_, object)| object.written_at <= until)
            .map(|(key, _)| Key::from_listing(key.clone()))
            .collect()
    }

    /// Returns the alias as it is.
    pub(crate) fn record(&self) -> AliasRecord {
        let object = &self.objects[Key::alias(&self.alias).as_str()];
        let record: AliasRecord = serde_json::from_slice(&object.bytes).unwrap();
        assert_eq!(record.format, ALIAS_FORMAT);
        record
    }

    /// Starts a dream: the moment at which it is paid for.
    pub(crate) fn start_dream(&mut self, request: &DreamRequest) -> Dream {
        let n = self.dreams.len() + 1;
        let fails = self.meets(Fault::DreamFailed).then(|| {
            let kinds = ["timeout", "internal_error", "input_session_unavailable"];
            *self.rng.pick(&kinds)
        });
        let lag = if self.meets(Fault::ListLags) { self.rng.below(SETTLING) } else { 0 };
        let dream = Dream {
            id: DreamId::parse(format!("drm_{n}")).unwrap(),
            status: DreamStatus::Running,
            store: request.store.clone(),
            sessions: request.sessions.clone(),
            model: request.model.clone(),
            instructions: request.instructions.clone(),
            output: None,
            usage: Usage::default(),
            error: None,
            created_at: self.time(),
            ended_at: None,
            progress: None,
        };
        let input = self.stores.get(&request.store).map(|store| store.now.clone()).unwrap_or_default();
        let ends_at = self.now + self.rng.below(DREAM);
        self.dreams.push(Dreaming { dream: dream.clone(), listed_at: self.now + lag, input, ends_at, fails });
        self.tally.dreams += 1;
        self.tell(|| format!("backend: {} starts, over {}", dream.id, dream.store));
        super::invariants::paid(self, request);
        dream
    }

    /// Ends a dream before its time.
    pub(crate) fn stop_dream(&mut self, at: usize) {
        let time = self.time();
        let dream = &mut self.dreams[at].dream;
        if !dream.status.is_final() {
            dream.status = DreamStatus::Canceled;
            dream.ended_at = Some(time);
            let id = dream.id.clone();
            self.tell(|| format!("backend: {id} is canceled"));
        }
    }

    /// Returns the moments at which something will happen by itself.
    pub(crate) fn moments(&self) -> Vec<u64> {
        let ends = self.dreams.iter().filter(|one| !one.dream.status.is_final()).map(|one| one.ends_at);
        ends.chain(self.in_flight.iter().map(|sent| sent.at)).collect()
    }

    /// Lets everything happen whose time has come.
    pub(crate) fn catch_up(&mut self) {
        let now = self.now;
        let (due, rest) = std::mem::take(&mut self.in_flight).into_iter().partition(|sent| sent.at <= now);
        self.in_flight = rest;
        let due: Vec<InFlight> = due;
        for sent in due {
            self.start_dream(&sent.request);
        }
        let is_due = |dreaming: &Dreaming| !dreaming.dream.status.is_final() && dreaming.ends_at <= now;
        let due: Vec<usize> = (0..self.dreams.len()).filter(|&at| is_due(&self.dreams[at])).collect();
        due.into_iter().for_each(|at| self.end_dream(at));
    }

    fn end_dream(&mut self, at: usize) {
        let time = self.time();
        let Dreaming { input, fails, .. } = self.dreams[at].clone();
        let output = MemoryStoreId::parse(format!("memstore_{}", at + 1)).unwrap();
        if fails.is_none() {
            let made = self.dreamt(&input, at + 1);
            self.stores.insert(output.clone(), made);
        }
        let dream = &mut self.dreams[at].dream;
        dream.ended_at = Some(time);
        dream.status = if fails.is_some() { DreamStatus::Failed } else { DreamStatus::Completed };
        dream.error = fails.map(|kind| DreamError { kind: kind.to_owned(), message: "it broke".to_owned() });
        dream.output = fails.is_none().then_some(output);
        let (id, status) = (dream.id.clone(), dream.status);
        self.tell(|| format!("backend: {id} ends, {status}"));
    }

    /// Returns what a dream makes of a store: one memory reworded, perhaps one merged away, one learned.
    fn dreamt(&mut self, input: &Snapshot, n: usize) -> Store {
        let mut store = Store { is_complete: true, ..Store::default() };
        let at = self.time();
        input.iter().for_each(|memory| store.set(&memory.path, Some(Arc::clone(&memory.content)), at));
        if self.rng.chance(100) {
            return store;
        }
        let held: Vec<Memory> = input.iter().cloned().collect();
        if !held.is_empty() && self.rng.chance(800) {
            let memory = self.rng.pick(&held).clone();
            let mut notes = Notes::read(&memory.content);
            let subjects: Vec<String> = notes.0.keys().cloned().collect();
            for subject in subjects {
                if self.rng.chance(600) {
                    notes.0.entry(subject).and_modify(|says| says.push_str(&format!(" Dreamt {n}.")));
                }
            }
            store.set(&memory.path, Some(notes.content()), at);
        }
        if held.len() > 1 && self.rng.chance(400) {
            let gone = self.rng.pick(&held).path.clone();
            store.set(&gone, None, at);
        }
        let learned = Notes::one("learned", format!("Learned by dream {n}."));
        store.set(&path(&format!("/learned-{n}")), Some(learned.content()), at);
        store
    }

    /// Has an agent write to the live store, acknowledged at once.
    pub(crate) fn agent_writes(&mut self) {
        let live = self.record().active;
        let held: Vec<MemoryPath> = self.stores[&live].now.iter().map(|memory| memory.path.clone()).collect();
        self.agent_writes_to(&live, &held);
    }

    /// Returns the store that an adoption takes the place of or writes into, and what it is to hold.
    pub(crate) fn adopting(&self) -> Option<(MemoryStoreId, SnapshotIndex)> {
        self.book.states().find_map(|(_, state)| match (&state.phase, &state.intended) {
            (Phase::Adopting { from, .. }, Some(intended)) => Some((from.clone(), intended.clone())),
            _ => None,
        })
    }

    /// Has an agent write to where an adoption is about to write or to take things from.
    pub(crate) fn agent_meets(&mut self) {
        let Some((store, intended)) = self.adopting() else { return };
        let now = self.stores[&store].now.index();
        let is_met = |path: &&MemoryPath| {
            let [here, wanted] = [&now, &intended].map(|index| index.entries.get(*path).map(|one| one.hash));
            here != wanted
        };
        let met: BTreeSet<&MemoryPath> =
            now.entries.keys().chain(intended.entries.keys()).filter(is_met).collect();
        let met: Vec<MemoryPath> = met.into_iter().cloned().collect();
        self.agent_writes_to(&store, &met);
    }

    /// Has an agent write to a store, mostly to one of a few memories.
    fn agent_writes_to(&mut self, live: &MemoryStoreId, held: &[MemoryPath]) {
        self.texts += 1;
        let text = format!("Agent note {}.", self.texts);
        let subject = *self.rng.pick(&SUBJECTS);
        let (at, is_gone) = match self.rng.below(10) {
            0..6 if !held.is_empty() => (self.rng.pick(held).clone(), false),
            6..8 if held.len() > 1 => (self.rng.pick(held).clone(), true),
            _ => (path(&format!("/{}", self.rng.pick(&["a", "d", "e", "f"]))), false),
        };
        let before = self.stores[live].now.get(&at).map(|memory| Notes::read(&memory.content));
        let before = before.unwrap_or_default();
        let mut after = before.clone();
        let earlier: Vec<Memory> =
            self.stores[live].past.iter().filter(|memory| memory.path == at).cloned().collect();
        if is_gone {
            after.0.clear();
        } else if !earlier.is_empty() && self.rng.chance(150) {
            after = Notes::read(&self.rng.pick(&earlier).content);
        } else if after.0.len() > 1 && self.rng.chance(200) {
            let subjects: Vec<String> = after.0.keys().cloned().collect();
            after.0.remove(self.rng.pick(&subjects));
        } else {
            after.0.insert(subject.to_owned(), text);
        }
        let content = (!after.0.is_empty()).then(|| after.content());
        let time = self.time();
        let store = self.stores.entry(live.clone()).or_default();
        store.set(&at, content.clone(), time);
        let nth = store.changes.len();
        store.by_agents.insert(at.clone(), nth);
        self.tally.live_writes += 1;
        self.tell(|| format!("agent: {live}{at} = {content:?}"));
        self.book.live_write((live, nth), &at, &before, &after);
    }

    /// Has a person erase one version from the live store's past, as the law may ask of them, unless it is live.
    pub(crate) fn erase(&mut self) {
        let (id, now) = (self.record().active, self.now);
        let store = self.stores.entry(id.clone()).or_default();
        let is_live = |change: &Change| {
            let live = change.path.as_ref().and_then(|path| store.now.get(path));
            live.is_some_and(|live| live.version == change.version)
        };
        let is_kept = |change: &Change| change.holds.is_some() && !is_live(change);
        let kept: Vec<usize> = (0..store.changes.len()).filter(|&at| is_kept(&store.changes[at])).collect();
        if kept.is_empty() {
            return;
        }
        let change = &mut store.changes[*self.rng.pick(&kept)];
        let version = change.version.clone();
        let path = change.path.take();
        change.holds = None;
        let at = store.past.iter().position(|memory| memory.version == version);
        let erased = at.map(|at| Notes::read(&store.past.remove(at).content)).unwrap_or_default();
        let stands = |says: &str| {
            let mut live = store.now.iter();
            live.any(|memory| Notes::read(&memory.content).tells(says))
        };
        let gone: Vec<String> = erased.0.into_values().filter(|says| !stands(says)).collect();
        self.tell(|| format!("a person erases {version:?} of {path:?}: {gone:?}"));
        self.book.erased(now, gone);
    }

    /// Notes that a law was broken; the first counts.
    pub(crate) fn break_law(&mut self, law: Law, why: String) {
        if self.flaw.is_some_and(|flaw| flaw.law != law) {
            return;
        }
        self.tell(|| format!("VIOLATION {law:?}: {why}"));
        self.book.broken.get_or_insert((law, why));
    }
}
