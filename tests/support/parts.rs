//! What the program is made of in a test, as [`Parts`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dreamrun::cli::{Parts, Standard};
use dreamrun::dreaming::transcript::Transcript;
use dreamrun::dreaming::{Consolidated, Mind, MindError, Minds, Reading};
use dreamrun::snapshot::Snapshot;

use super::NamedMinds;

/// The standard parts with one other mind in the place of `offline`.
#[derive(Clone)]
pub(crate) struct WithMind(pub(crate) Arc<dyn Mind>);

impl Parts for WithMind {
    fn minds(&self) -> Arc<dyn Minds> {
        Arc::new(NamedMinds::default().with_shared("offline", Arc::clone(&self.0)))
    }
}

/// The standard mind, counting the sessions it is shown.
#[derive(Clone, Default)]
pub(crate) struct CountedParts(Arc<AtomicUsize>);

impl CountedParts {
    /// Returns how many sessions were read.
    pub(crate) fn reads(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Parts for CountedParts {
    fn minds(&self) -> Arc<dyn Minds> {
        Arc::new(self.clone())
    }
}

impl Minds for CountedParts {
    fn mind(&self, name: &str) -> Option<Arc<dyn Mind>> {
        Standard.minds().mind(name).map(|_| Arc::new(self.clone()) as Arc<dyn Mind>)
    }
}

impl Mind for CountedParts {
    fn read(&self, transcript: &Transcript) -> Reading {
        self.0.fetch_add(1, Ordering::SeqCst);
        Standard.minds().mind("offline").unwrap().read(transcript)
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        readings: &[Reading],
        instructions: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        Standard.minds().mind("offline").unwrap().consolidate(input, readings, instructions)
    }
}
