//! Parts that count the steps a command takes, and kill their own process at one of them.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use dreamrun::backend::{Backend, BackendError};
use dreamrun::cli::{Parts, Standard};
use dreamrun::dreaming::transcript::Transcript;
use dreamrun::dreaming::{Consolidated, Mind, MindError, Minds, Reading};
use dreamrun::ids::MemoryStoreId;
use dreamrun::memory::{MemoryPath, MemoryWrite};
use dreamrun::snapshot::Snapshot;
use dreamrun::state::{Key, PutIf, StateError, StateStore, Version, Versioned};
use serde::{Deserialize, Serialize};

use crate::support::{Call, Go, Hook, Hooked};

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
    live: Live,
    steps: Mutex<Vec<Step>>,
    lasting: AtomicUsize,
    backend: Mutex<Option<Arc<dyn Backend>>>,
}

impl Killer {
    /// Dies at a point, or nowhere.
    pub(crate) fn new(point: Option<Point>, live: Live) -> Self {
        let (steps, lasting, backend) = (Mutex::default(), AtomicUsize::default(), Mutex::default());
        Self(Arc::new(Inner { point, live, steps, lasting, backend }))
    }

    /// Returns the steps that were taken, in order.
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.0.steps.lock().unwrap().clone()
    }
}

impl Inner {
    fn begin(&self, name: &str) -> Step {
        let mut steps = self.steps.lock().unwrap();
        let nth = steps.iter().filter(|step| step.name == name).count() + 1;
        let step = Step { name: name.to_owned(), nth };
        steps.push(step.clone());
        drop(steps);
        self.die_at(&step, Side::Before);
        step
    }

    fn die_at(&self, step: &Step, side: Side) {
        match &self.point {
            Some(Point::At(at, of)) if at == step && *of == side => self.die(),
            _ => {}
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
        let step = self.begin(name);
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

impl Parts for Killer {
    fn minds(&self) -> Arc<dyn Minds> {
        Arc::new(MortalMinds(Arc::clone(&self.0)))
    }

    fn state(&self, place: &Path) -> Result<Arc<dyn StateStore>, StateError> {
        Ok(Arc::new(MortalState { inner: Standard.state(place)?, killer: Arc::clone(&self.0) }))
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
        let version = self.killer.step(&format!("put {key}"), self.inner.put(key, bytes, when)).await?;
        if key.as_str().starts_with("runs/") {
            self.killer.write_live(bytes).await;
        }
        Ok(version)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Key>, StateError> {
        self.inner.list(prefix).await
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
        let step = self.killer.begin("read");
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
        let step = self.killer.begin("consolidate");
        let made = self.inner.consolidate(input, readings, instructions);
        self.killer.die_at(&step, Side::After);
        made
    }
}
