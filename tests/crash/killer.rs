//! Parts that count the steps a command takes, and kill or stop their own process at one of them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dreamrun::backend::{Backend, BackendError};
use dreamrun::cli::{Parts, Standard};
use dreamrun::clock::Clock;
use dreamrun::dreaming::transcript::Transcript;
use dreamrun::dreaming::{Consolidated, Mind, MindError, Minds, Reading};
use dreamrun::ids::MemoryStoreId;
use dreamrun::memory::{MemoryPath, MemoryWrite};
use dreamrun::snapshot::Snapshot;
use dreamrun::state::{Key, PutIf, StateError, StateStore, Version, Versioned};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::support::{Call, Drill, Go, Hook, Hooked, signal, wait_for};

/// The variable that has every point of every matrix looked at.
const EVERY_POINT: &str = "DREAMRUN_TEST_EVERY_POINT";

/// Says whether every point is looked at, also where one in several tells enough.
pub(crate) fn every_point() -> bool {
    std::env::var_os(EVERY_POINT).is_some()
}

/// On which side of a step the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Side {
    /// Nothing of it has happened.
    Before,
    /// It is durable, and nobody has been told.
    After,
}

/// One thing a command does that outlives it, or that a mind does: its name, and how many of that name
/// there were with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// `put KEY`, `create_dream`, `read`, …
    pub(crate) name: String,
    /// From 1.
    pub(crate) nth: usize,
}

/// What happens to a process at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Blow {
    /// It dies as by `kill -9`.
    Kill,
    /// It is stopped, until somebody lets it go on.
    Stop,
    /// It is stopped where nothing is looked at any more before the step's effect.
    StopBeyondHelp,
}

/// A machine of its own, as far as state can tell: it has other locks, and a clock that jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) number: u8,
    /// How far its clock jumps, once it was asked a few times.
    pub(crate) jump_hours: i64,
    /// How long leases hold, in milliseconds. A killed process is waited for that long.
    pub(crate) lease_ms: u64,
}

/// The file in the project that lets a process go on which was stopped.
const GOES_ON: &str = "goes-on";

/// Lets a stopped process of a drill go on.
pub(crate) fn let_go(drill: &Drill, process: u32) {
    drill.write(GOES_ON, "");
    signal("CONT", process);
}

/// How often a clock is asked before it jumps.
const BEFORE_THE_JUMP: usize = 12;

/// A place to die.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Point {
    /// At a step.
    At(Step, Side),
    /// After so many steps that outlive the process.
    After(usize),
}

/// What happens to the live store while a dream is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Live {
    /// Nothing.
    Quiet,
    /// An agent writes a memory once the base is recorded.
    Written,
}

/// The memory that [`Live::Written`] writes.
pub(crate) const LIVE_WRITE: &str = "/written-meanwhile.md";

/// Counts steps and dies at one of them.
pub(crate) struct Killer(Arc<Inner>);

struct Inner {
    point: Option<Point>,
    blow: Blow,
    machine: Option<Machine>,
    asked: AtomicUsize,
    live: Live,
    steps: Mutex<Vec<Step>>,
    lasting: AtomicUsize,
    backend: Mutex<Option<Arc<dyn Backend>>>,
}

impl Killer {
    /// Dies at a point, or nowhere.
    pub(crate) fn new(point: Option<Point>, live: Live) -> Self {
        Self::on(None, point, Blow::Kill, live)
    }

    /// Has something happen at a point, on a machine of its own.
    pub(crate) fn on(machine: Option<Machine>, point: Option<Point>, blow: Blow, live: Live) -> Self {
        let (steps, lasting, asked) = (Mutex::default(), AtomicUsize::default(), AtomicUsize::default());
        let backend = Mutex::default();
        Self(Arc::new(Inner { point, blow, machine, asked, live, steps, lasting, backend }))
    }

    /// Returns the steps that were taken, in order.
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.0.steps.lock().unwrap().clone()
    }
}

impl Inner {
    /// Notes a step, and says whether the process was stopped at it.
    fn begin(&self, name: &str) -> (Step, bool) {
        let mut steps = self.steps.lock().unwrap();
        let nth = steps.iter().filter(|step| step.name == name).count() + 1;
        let step = Step { name: name.to_owned(), nth };
        steps.push(step.clone());
        drop(steps);
        let is_stopped = self.die_at(&step, Side::Before);
        (step, is_stopped)
    }

    /// Lets happen what is to happen at a step. Whoever survives learns whether they were stopped.
    fn die_at(&self, step: &Step, side: Side) -> bool {
        match &self.point {
            Some(Point::At(at, of)) if at == step && *of == side => match self.blow {
                Blow::Kill => self.die(),
                Blow::Stop | Blow::StopBeyondHelp => {
                    signal("STOP", std::process::id());
                    // A busy system takes its time to stop a process.
                    wait_for("being let go", || Path::new(GOES_ON).exists());
                    true
                }
            },
            _ => false,
        }
    }

    /// Ends this process as `kill -9` does. No other thread begins a step meanwhile.
    fn die(&self) -> ! {
        let _steps = self.steps.lock().unwrap();
        let kill = format!("kill -KILL {}", std::process::id());
        let _ = Command::new("sh").arg("-c").arg(kill).status();
        loop {
            std::thread::park();
        }
    }

    async fn step<T>(&self, name: &str, call: impl Future<Output = T>) -> T {
        let (step, was_stopped) = self.begin(name);
        if was_stopped && self.blow == Blow::Stop {
            // Whoever carries the step out is asked again before it has its effect.
            tokio::task::yield_now().await;
        }
        let result = call.await;
        self.die_at(&step, Side::After);
        if let Some(Point::After(limit)) = self.point
            && self.lasting.fetch_add(1, Ordering::SeqCst) + 1 == limit
        {
            self.die();
        }
        result
    }

    /// Writes to the live store as an agent would, once.
    async fn write_live(&self, event: &[u8]) {
        let event: serde_json::Value = serde_json::from_slice(event).unwrap();
        if self.live == Live::Quiet || event["event"]["kind"] != "base_recorded" {
            return;
        }
        let store = MemoryStoreId::parse(event["event"]["store"].as_str().unwrap()).unwrap();
        let backend = self.backend.lock().unwrap().clone().unwrap();
        let path = MemoryPath::parse(LIVE_WRITE).unwrap();
        let content = "Written while a dream was at work.\n".into();
        backend.write(&store, &[MemoryWrite::Put { path, content, expected: None }]).await.unwrap();
    }
}

/// A clock that jumps once.
struct Jumping(Arc<Inner>, Machine);

impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        let has_jumped = self.0.asked.fetch_add(1, Ordering::SeqCst) >= BEFORE_THE_JUMP;
        let jump = if has_jumped { self.1.jump_hours } else { 0 };
        Standard.clock().now() + SignedDuration::from_hours(jump)
    }
}

impl Parts for Killer {
    fn clock(&self) -> Arc<dyn Clock> {
        match self.0.machine {
            Some(machine) => Arc::new(Jumping(Arc::clone(&self.0), machine)),
            None => Standard.clock(),
        }
    }

    fn lease_time(&self) -> Duration {
        self.0.machine.map_or(Standard.lease_time(), |machine| Duration::from_millis(machine.lease_ms))
    }

    fn process(&self) -> (String, u32) {
        let (name, process) = Standard.process();
        (self.0.machine.map_or(name, |machine| format!("machine-{}", machine.number)), process)
    }

    fn lock_folder(&self, folder: PathBuf) -> PathBuf {
        match self.0.machine {
            Some(machine) => folder.with_extension(format!("machine-{}", machine.number)),
            None => folder,
        }
    }

    fn minds(&self) -> Arc<dyn Minds> {
        Arc::new(MortalMinds(Arc::clone(&self.0)))
    }

    fn state(&self, state: Arc<dyn StateStore>) -> Arc<dyn StateStore> {
        Arc::new(MortalState { inner: state, killer: Arc::clone(&self.0) })
    }

    fn backend(&self, backend: Arc<dyn Backend>) -> Arc<dyn Backend> {
        *self.0.backend.lock().unwrap() = Some(Arc::clone(&backend));
        Arc::new(Hooked { inner: backend, hook: Mortal(Arc::clone(&self.0)) })
    }
}

struct MortalState {
    inner: Arc<dyn StateStore>,
    killer: Arc<Inner>,
}

#[async_trait]
impl StateStore for MortalState {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StateError> {
        self.inner.get(key).await
    }

    async fn put(&self, key: &Key, bytes: &[u8], when: PutIf) -> Result<Version, StateError> {
        // The id of a saved plan differs from project to project.
        let name = match key.as_str().strip_prefix(Key::plans()) {
            Some(plan) => format!("put {}…/{}", Key::plans(), plan.split('/').next_back().unwrap()),
            None => format!("put {key}"),
        };
        let version = self.killer.step(&name, self.inner.put(key, bytes, when)).await?;
        if key.as_str().starts_with("runs/") {
            self.killer.write_live(bytes).await;
        }
        Ok(version)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Key>, StateError> {
        self.inner.list(prefix).await
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<(), StateError> {
        let step = format!("delete {key}");
        self.killer.step(&step, self.inner.delete(key, version)).await
    }
}

struct Mortal(Arc<Inner>);

#[async_trait]
impl Hook for Mortal {
    async fn around(&self, call: Call, go: Go<'_>) -> Result<(), BackendError> {
        if call.is_lasting() {
            self.0.step(call.name, go).await;
        } else {
            go.await;
        }
        Ok(())
    }
}

struct MortalMinds(Arc<Inner>);

impl Minds for MortalMinds {
    fn mind(&self, name: &str) -> Option<Arc<dyn Mind>> {
        let inner = Standard.minds().mind(name)?;
        Some(Arc::new(MortalMind { inner, killer: Arc::clone(&self.0) }))
    }
}

struct MortalMind {
    inner: Arc<dyn Mind>,
    killer: Arc<Inner>,
}

impl Mind for MortalMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        let (step, _) = self.killer.begin("read");
        let reading = self.inner.read(transcript);
        self.killer.die_at(&step, Side::After);
        reading
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        readings: &[Reading],
        instructions: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        let (step, _) = self.killer.begin("consolidate");
        let made = self.inner.consolidate(input, readings, instructions);
        self.killer.die_at(&step, Side::After);
        made
    }
}
