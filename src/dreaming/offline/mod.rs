//! The offline mind: deterministic, without a model, and for nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dream::{ChangeKind, DreamChange};
use crate::ids::SessionId;
use crate::memory::{MEMORY_BYTES_LIMIT, Memory};
use crate::price::{TextKind, estimate_tokens};
use crate::snapshot::Snapshot;

use super::consolidate::settle;
use super::knowledge::Knowledge;
use super::lessons::{Sayings, learn, may_be_secret};
use super::playbooks::{self, Episode};
use super::preferences::{self, Lesson};
use super::transcript::{EventKind, Transcript};
use super::{Consolidated, Mind, MindError, Minds, Reading};

/// The mind that works by rules alone.
///
/// It compares wording, not meaning: a paraphrase that shares few words is kept beside what it
/// repeats, and free-text instructions are not followed; they are for minds that call a model.
#[derive(Debug, Clone, Copy, Default)]
pub struct OfflineMind;

/// What the offline mind takes from one session.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Notes {
    lessons: Vec<Lesson>,
    episodes: Vec<Episode>,
}

/// Rounds after which a dream stops in any case; stores settle in two or three.
const ROUND_LIMIT: usize = 16;

impl Mind for OfflineMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        let mut episodes = playbooks::episodes(transcript);
        for episode in &mut episodes {
            episode.fix.take_if(|fix| may_be_secret(fix));
        }
        let notes = Notes { lessons: preferences::mine(transcript), episodes };
        Reading {
            session: transcript.session.clone(),
            created_at: transcript.created_at,
            tokens: tokens(transcript),
            notes: serde_json::to_value(&notes).unwrap_or_default(),
        }
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        readings: &[Reading],
        _instructions: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        let mut lessons = Vec::new();
        let mut episodes = Vec::new();
        for reading in readings {
            let notes = Notes::deserialize(&reading.notes).map_err(|error| MindError {
                kind: "internal_error",
                message: format!("the notes on session `{}` are not this mind's: {error}", reading.session),
            })?;
            lessons.extend(notes.lessons.into_iter().map(|lesson| (reading.created_at, lesson)));
            episodes.push((reading.session.clone(), notes.episodes));
        }
        let mut knowledge = Knowledge::default();
        let sayings = Sayings::new(lessons, &mut knowledge);
        let mut store = input.clone();
        let mut changes = Vec::new();
        // At rest: what users said teaches nothing new, and the store has nothing left to settle.
        for _ in 0..ROUND_LIMIT {
            let learned = learn(&mut store, &sayings, &mut changes, &mut knowledge);
            let mut rounds = 0;
            while rounds < ROUND_LIMIT && settle(&mut store, &mut changes, &mut knowledge) {
                rounds += 1;
            }
            if !learned && rounds == 0 {
                break;
            }
        }
        // Their clocks would make what was put there look older than it is.
        for path in &knowledge.renewed {
            if let Some(mut memory) = store.get(path).cloned() {
                memory.updated_at = None;
                store.insert(memory);
            }
        }
        write_playbooks(&mut store, &episodes, &mut changes);
        Ok(Consolidated { store, changes })
    }
}

/// Estimates the tokens of a transcript's text.
fn tokens(transcript: &Transcript) -> u64 {
    let (mut prose, mut structured) = (0, 0);
    for event in &transcript.events {
        match &event.kind {
            EventKind::User(text) | EventKind::Agent(text) => prose += text.len() as u64,
            EventKind::ToolUse { name, input, .. } => structured += (name.len() + input.len()) as u64,
            EventKind::ToolResult { text, .. } => structured += text.len() as u64,
        }
    }
    estimate_tokens(prose, TextKind::Prose) + estimate_tokens(structured, TextKind::Structured)
}

/// Writes a page for each error that several sessions got past, and brings the pages there are up to date.
fn write_playbooks(
    store: &mut Snapshot,
    episodes: &[(SessionId, Vec<Episode>)],
    changes: &mut Vec<DreamChange>,
) {
    for page in playbooks::pages(store, &playbooks::recurring(episodes)) {
        if page.content.len() > MEMORY_BYTES_LIMIT {
            continue;
        }
        changes.push(DreamChange {
            kind: ChangeKind::Playbook,
            path: page.path.clone(),
            statement: Some(page.title),
            replaced: Vec::new(),
            evidence: page.evidence,
            because: if page.is_new {
                "several sessions got past the same error"
            } else {
                "an error was seen again"
            }
            .to_owned(),
        });
        store.insert(Memory::new(page.path, page.content));
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

#[cfg(test)]
mod tests;
