//! The offline mind: deterministic, without a model, and for nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dream::{ChangeKind, DreamChange};
use crate::ids::SessionId;
use crate::ledger::forget::ForgetList;
use crate::ledger::testimony::Testimony;
use crate::ledger::{self, Because, Context, Ledger};
use crate::memory::{MEMORY_BYTES_LIMIT, Memory, MemoryPath};
use crate::price::{TextKind, estimate_tokens};
use crate::snapshot::Snapshot;

use super::consolidate::settle;
use super::knowledge::{Heirship, Knowledge};
use super::lessons::{Sayings, learn};
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
/// How often a dream begins again since it merged what says something of its own; once is nearly always enough.
const REVISION_LIMIT: usize = 3;

impl Mind for OfflineMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        let episodes = playbooks::episodes(transcript);
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
        let mut made = settled(input, &sayings, &mut knowledge);
        for _ in 0..REVISION_LIMIT {
            let missed = wrongly_settled(input, &made);
            if missed.is_empty() {
                break;
            }
            knowledge.refused.extend(missed);
            made = settled(input, &sayings, &mut knowledge);
        }
        // Their clocks would make what was put there look older than it is.
        for path in &knowledge.renewed {
            if let Some(mut memory) = made.store.get(path).cloned() {
                memory.updated_at = None;
                made.store.insert(memory);
            }
        }
        write_playbooks(&mut made.store, &episodes, &mut made.changes);
        Ok(made)
    }
}

/// Learns and settles until the store is at rest: what users said teaches nothing new, and there is nothing left
/// to settle.
fn settled(input: &Snapshot, sayings: &Sayings, knowledge: &mut Knowledge) -> Consolidated {
    let (mut store, mut changes) = (input.clone(), Vec::new());
    knowledge.renewed.clear();
    for _ in 0..ROUND_LIMIT {
        let learned = learn(&mut store, sayings, &mut changes, knowledge);
        let mut rounds = 0;
        while rounds < ROUND_LIMIT && settle(&mut store, &mut changes, knowledge) {
            rounds += 1;
        }
        if !learned && rounds == 0 {
            break;
        }
    }
    Consolidated { store, changes }
}

/// Returns what gave way to something of the same store and is missed by the loss ledger: what stands in for it
/// stands below other headings, say, and means something else there.
fn wrongly_settled(input: &Snapshot, made: &Consolidated) -> BTreeSet<Heirship> {
    let gave_way: BTreeMap<(&MemoryPath, &str), &DreamChange> = made
        .changes
        .iter()
        .filter(|change| stood_before(change, input))
        .flat_map(|change| change.replaced.iter().map(move |gone| (gone, change)))
        .map(|(gone, change)| ((&gone.path, gone.statement.as_str()), change))
        .collect();
    if gave_way.is_empty() {
        return BTreeSet::new();
    }
    let context = Context { testimony: &Testimony::default(), forget: &ForgetList::default(), now: None };
    let ledger = Ledger::of(input, &made.store, &context);
    let missed = ledger.with_fate(ledger::Fate::Lost).filter_map(|(located, judged)| {
        let change = gave_way.get(&(located.path, located.statement.text))?;
        let is_missed = match (change.kind, &judged.because) {
            (ChangeKind::Merged, _) | (_, Because::Misplaced { .. }) => true,
            // Which of two values is the newer one is for the dream to know; but here something was only added.
            (_, Because::Altered { was, .. }) => was.is_empty(),
            _ => false,
        };
        let (path, statement) = (located.path.clone(), located.statement.text.to_owned());
        is_missed.then(|| Heirship { path, statement, heir: change.path.clone() })
    });
    missed.collect()
}

/// Says whether what a change kept stood in the store before.
fn stood_before(change: &DreamChange, input: &Snapshot) -> bool {
    let says = |memory: &Memory| change.statement.as_ref().is_none_or(|text| memory.content.contains(text));
    change.evidence.is_empty() && input.get(&change.path).is_some_and(says)
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
