//! Minds that do one thing, to see what a backend makes of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use dreamrun::dream::{ChangeKind, DreamChange, EventRef};
use dreamrun::dreaming::transcript::{EventKind, Transcript};
use dreamrun::dreaming::{Consolidated, Mind, MindError, Minds, Reading};
use dreamrun::memory::{Memory, MemoryPath};
use dreamrun::snapshot::Snapshot;

/// Minds by name.
#[derive(Default)]
pub(crate) struct NamedMinds(BTreeMap<String, Arc<dyn Mind>>);

impl NamedMinds {
    /// Adds a mind under a name.
    pub(crate) fn with(mut self, name: &str, mind: impl Mind + 'static) -> Self {
        self.0.insert(name.to_owned(), Arc::new(mind));
        self
    }

    /// Adds a mind that the test keeps hold of.
    pub(crate) fn with_shared(mut self, name: &str, mind: Arc<dyn Mind>) -> Self {
        self.0.insert(name.to_owned(), mind);
        self
    }

    /// Returns the names.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

impl Minds for NamedMinds {
    fn mind(&self, name: &str) -> Option<Arc<dyn Mind>> {
        self.0.get(name).cloned()
    }
}

/// Notes what users said, word for word.
fn notes(transcript: &Transcript) -> Reading {
    let said: Vec<&str> = transcript
        .events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::User(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    Reading {
        session: transcript.session.clone(),
        created_at: transcript.created_at,
        tokens: 10,
        notes: serde_json::json!(said),
    }
}

/// Keeps the store and adds `/learned.md` with what users said, in the order of sessions.
fn learn(input: &Snapshot, readings: &[Reading]) -> Consolidated {
    let lines: Vec<String> =
        readings.iter().map(|reading| format!("- {}: {}\n", reading.session, reading.notes)).collect();
    let path = MemoryPath::parse("/learned.md").unwrap();
    let mut store = input.clone();
    store.insert(Memory::new(path.clone(), lines.concat()));
    let changes = readings
        .iter()
        .map(|reading| DreamChange {
            kind: ChangeKind::Learned,
            path: path.clone(),
            statement: Some(reading.notes.to_string()),
            replaced: Vec::new(),
            evidence: vec![EventRef { session: reading.session.clone(), event: 1 }],
            because: "a user said it".to_owned(),
        })
        .collect();
    Consolidated { store, changes }
}

/// Learns what users said, and counts the sessions it was shown.
#[derive(Default)]
pub(crate) struct CountingMind {
    reads: AtomicUsize,
}

impl CountingMind {
    /// Returns how many sessions it has read.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

impl Mind for CountingMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        self.reads.fetch_add(1, Ordering::SeqCst);
        notes(transcript)
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        readings: &[Reading],
        _: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        Ok(learn(input, readings))
    }
}

/// Reads a session only when the test allows one more; learns what users said.
#[derive(Default)]
pub(crate) struct GatedMind {
    allowed: Mutex<usize>,
    changed: Condvar,
    reads: AtomicUsize,
}

impl GatedMind {
    /// Allows some more sessions to be read.
    pub(crate) fn allow(&self, sessions: usize) {
        let mut allowed = self.allowed.lock().unwrap();
        *allowed = allowed.saturating_add(sessions);
        self.changed.notify_all();
    }

    /// Returns how many sessions it has read.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

impl Mind for GatedMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        let mut allowed = self.allowed.lock().unwrap();
        while *allowed == 0 {
            allowed = self.changed.wait(allowed).unwrap();
        }
        *allowed -= 1;
        self.reads.fetch_add(1, Ordering::SeqCst);
        notes(transcript)
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        readings: &[Reading],
        _: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        Ok(learn(input, readings))
    }
}

/// Returns an empty store, whatever it is given.
pub(crate) struct WipingMind;

impl Mind for WipingMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        notes(transcript)
    }

    fn consolidate(&self, _: &Snapshot, _: &[Reading], _: Option<&str>) -> Result<Consolidated, MindError> {
        Ok(Consolidated::default())
    }
}

/// Gives up at the end.
pub(crate) struct FailingMind;

impl Mind for FailingMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        notes(transcript)
    }

    fn consolidate(&self, _: &Snapshot, _: &[Reading], _: Option<&str>) -> Result<Consolidated, MindError> {
        Err(MindError { kind: "timeout", message: "ran out of time".to_owned() })
    }
}

/// Has a bug, in either half.
pub(crate) enum PanickingMind {
    /// Panics on the first session.
    WhileReading,
    /// Panics at the end.
    WhileConsolidating,
}

impl Mind for PanickingMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        assert!(!matches!(self, Self::WhileReading), "a bug in reading");
        notes(transcript)
    }

    fn consolidate(&self, _: &Snapshot, _: &[Reading], _: Option<&str>) -> Result<Consolidated, MindError> {
        panic!("a bug in consolidating")
    }
}
