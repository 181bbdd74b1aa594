//! The offline mind: deterministic, without a model, and for nothing.

use std::sync::Arc;

use crate::snapshot::Snapshot;

use super::consolidate::settle;
use super::transcript::Transcript;
use super::{Consolidated, Mind, MindError, Minds, Reading};

/// The mind that works by rules alone.
///
/// It compares wording, not meaning: a paraphrase that shares few words is kept beside what it
/// repeats, and free-text instructions are not followed; they are for minds that call a model.
#[derive(Debug, Clone, Copy, Default)]
pub struct OfflineMind;

impl Mind for OfflineMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        Reading {
            session: transcript.session.clone(),
            created_at: transcript.created_at,
            tokens: 0,
            notes: serde_json::Value::Null,
        }
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        _readings: &[Reading],
        _instructions: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        let mut store = input.clone();
        let mut changes = Vec::new();
        settle(&mut store, &mut changes);
        Ok(Consolidated { store, changes })
    }
}

/// The minds that come with the local backend.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalMinds;

impl Minds for LocalMinds {
    fn mind(&self, name: &str) -> Option<Arc<dyn Mind>> {
        (name == "offline").then(|| Arc::new(OfflineMind) as Arc<dyn Mind>)
    }
}
