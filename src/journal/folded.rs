//! Folded journals: a run that has long been over, in one object instead of one per event.
//!
//! ```text
//! folded/<run>                the events of a run, each as it was written
//! shelves/<pipeline>/<place>  what of a thousand folded runs is asked for without opening them
//! ```
//!
//! The folded object is written first, then its place on the shelf, then the events are deleted from the
//! first to the last. Whoever finds the first event missing looks for the folded object, so a run is whole at
//! every instant. Events that are found beside a folded object say nothing: they are left over, or written by
//! a process that stood still for days. Such a process is told so before it can have any effect
//! ([`JournalEvent::announces`]).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{Alias, DreamId, MemoryStoreId, PipelineName, RunId};
use crate::state::format::{self, Format};
use crate::state::{Key, PutIf, StateError, StateStore, Versioned};

use super::event::{JournalEvent, Recorded};
use super::run_state::{Phase, RunState};
use super::{Journal, JournalError, parse};

/// How long a run has been over when it is folded. Nothing but time hangs on it: people look at the runs of
/// the last days.
pub const FOLD_AFTER: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The format of [`Folded`] and [`Shelf`]. 1: the first.
const FORMAT: u32 = 1;
const KNOWN: Format = Format::major(FORMAT);

/// How many runs share a shelf.
const SHELF: u32 = 1_000;

/// What the keys of folded journals begin with.
const FOLDED: &str = "folded/";

/// What the keys of shelves begin with.
const SHELVES: &str = "shelves/";

/// A whole journal.
#[derive(Debug, Serialize, Deserialize)]
struct Folded {
    format: u32,
    run: RunId,
    /// As they were written, with what this version does not know.
    events: Vec<Value>,
}

/// The folded runs of a pipeline whose numbers share their thousands.
#[derive(Debug, Serialize, Deserialize)]
struct Shelf {
    format: u32,
    runs: BTreeMap<u32, Shelved>,
}

/// What is asked of a folded run without opening it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelved {
    /// The run.
    pub run: RunId,
    /// The alias it worked on.
    pub alias: Alias,
    /// When it gave the alias back.
    pub ended_at: Timestamp,
    /// The phase it ended in.
    pub phase: String,
    /// Its dreams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dreams: Vec<DreamId>,
    /// The stores they wrote.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<MemoryStoreId>,
    /// The candidate that was approved beside a raw store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stands: Option<MemoryStoreId>,
}

impl Shelved {
    fn of(journal: &Journal, ended_at: Timestamp) -> Self {
        let state = journal.state();
        Self {
            run: journal.run().clone(),
            alias: state.plan.alias(),
            ended_at,
            phase: state.phase.name().to_owned(),
            dreams: state.dreams.iter().filter_map(|dream| dream.dream.clone()).collect(),
            outputs: state.dreams.iter().filter_map(|dream| dream.output.clone()).collect(),
            stands: standing(state).cloned(),
        }
    }
}

/// Returns the candidate of a run that was approved and stands beside its raw store. A copy is in the raw
/// store itself.
pub fn standing(state: &RunState) -> Option<&MemoryStoreId> {
    let stands = state.phase == Phase::Adopted && state.copy.is_none() && state.plan.alias().is_raw();
    state.candidate.as_ref().filter(|_| stands).map(|candidate| &candidate.store)
}

fn key(run: &RunId) -> Key {
    Key::from_listing(format!("{FOLDED}{run}"))
}

fn shelf_key(run: &RunId) -> Key {
    Key::from_listing(format!("{SHELVES}{}/{:08}", run.pipeline(), run.number() / SHELF))
}

fn read_object<T: serde::de::DeserializeOwned>(key: &Key, found: &Versioned) -> Result<T, StateError> {
    format::read(key, &found.bytes, KNOWN)
}

/// Says whether a run was folded.
///
/// # Errors
///
/// Fails when state cannot be read.
pub(super) async fn is_folded(state: &dyn StateStore, run: &RunId) -> Result<bool, StateError> {
    Ok(state.get(&key(run)).await?.is_some())
}

/// Reads the events of a folded run; nothing if it was not folded.
///
/// # Errors
///
/// Fails when state cannot be read, or what it holds is damaged or too new.
pub(super) async fn read(state: &dyn StateStore, run: &RunId) -> Result<Option<Vec<Recorded>>, JournalError> {
    let key = key(run);
    let Some(found) = state.get(&key).await? else { return Ok(None) };
    let folded: Folded = read_object(&key, &found)?;
    let events = folded.events.into_iter().map(|event| parse(&key, event));
    events.collect::<Result<_, _>>().map(Some)
}

/// Lists the folded runs of one pipeline, or of all, in no order.
///
/// # Errors
///
/// Fails when state cannot be read.
pub(super) async fn runs(
    state: &dyn StateStore,
    pipeline: Option<&PipelineName>,
) -> Result<Vec<RunId>, StateError> {
    let prefix = pipeline.map_or_else(|| FOLDED.to_owned(), |name| format!("{FOLDED}{name}-"));
    let named = |key: &Key| RunId::parse(key.as_str().strip_prefix(FOLDED)?);
    Ok(state.list(&prefix).await?.iter().filter_map(named).collect())
}

/// Returns what is asked of folded runs without opening them.
///
/// # Errors
///
/// Fails when state cannot be read, or what it holds is damaged or too new.
pub async fn shelved(state: &dyn StateStore) -> Result<Vec<Shelved>, StateError> {
    let mut all = Vec::new();
    for (key, found) in state.read(SHELVES).await? {
        all.extend(read_object::<Shelf>(&key, &found)?.runs.into_values());
    }
    Ok(all)
}

/// Lists the runs that can be folded now: they are over for [`FOLD_AFTER`], and a later run of the same
/// pipeline is there. The last of each pipeline is what people and plans look at.
///
/// # Errors
///
/// Fails when state cannot be read.
pub async fn ripe(state: &dyn StateStore, now: Timestamp) -> Result<Vec<RunId>, StateError> {
    let mut last: BTreeMap<RunId, Key> = BTreeMap::new();
    for key in state.list("runs/").await? {
        if let Some(run) = super::run_of(&key) {
            last.insert(run, key);
        }
    }
    let mut ripe = Vec::new();
    let mut runs = last.iter().peekable();
    while let Some((run, key)) = runs.next() {
        let is_newest = runs.peek().is_none_or(|(next, _)| next.pipeline() != run.pipeline());
        if is_newest {
            continue;
        }
        let Some(found) = state.get(key).await? else { continue };
        // What cannot be read is left for people to see.
        let Ok(recorded) = serde_json::from_slice::<Recorded>(&found.bytes) else { continue };
        let is_old = recorded.at + FOLD_AFTER <= now;
        if is_old && (recorded.event == JournalEvent::Released || is_folded(state, run).await?) {
            ripe.push(run.clone());
        }
    }
    Ok(ripe)
}

/// Folds runs, or finishes folding them, and returns how many it were. One that is not over, or that a newer
/// version wrote, is left as it is.
///
/// # Errors
///
/// Fails when state cannot be read or written. Every run is whole then too.
pub async fn fold(state: &dyn StateStore, runs: &[RunId]) -> Result<u64, JournalError> {
    let mut by_shelf: BTreeMap<Key, Vec<&RunId>> = BTreeMap::new();
    for run in runs {
        by_shelf.entry(shelf_key(run)).or_default().push(run);
    }
    let mut done = 0;
    for (key, runs) in by_shelf {
        let mut shelved = Vec::new();
        for run in runs {
            shelved.extend(write(state, run).await?);
        }
        shelve(state, &key, &shelved).await?;
        let mut events = Vec::new();
        for one in &shelved {
            let read = state.read(&Key::events(&one.run)).await?;
            events.extend(read.into_iter().map(|(key, found)| (key, found.version)));
        }
        state.delete_all(&events).await?;
        done += shelved.len() as u64;
    }
    Ok(done)
}

/// Writes the folded object of a run, unless it is there, and returns what is put on its shelf. Nothing if the
/// run cannot be folded.
async fn write(state: &dyn StateStore, run: &RunId) -> Result<Option<Shelved>, JournalError> {
    if let Some(events) = read(state, run).await? {
        return shelved_of(run, events);
    }
    let mut values = Vec::new();
    let mut events = Vec::new();
    for (key, found) in state.read(&Key::events(run)).await? {
        let value = format::value(&key, &found.bytes)?;
        values.push(value.clone());
        events.push(parse(&key, value)?);
    }
    let Some(shelved) = shelved_of(run, events)? else { return Ok(None) };
    let folded = Folded { format: FORMAT, run: run.clone(), events: values };
    match state.put(&key(run), &format::bytes(&key(run), &folded)?, PutIf::Absent).await {
        // Another process folds the very same.
        Ok(_) | Err(StateError::Conflict { .. }) => Ok(Some(shelved)),
        Err(error) => Err(error.into()),
    }
}

/// Returns what is put on the shelf for a run that is over.
fn shelved_of(run: &RunId, events: Vec<Recorded>) -> Result<Option<Shelved>, JournalError> {
    let Some(ended_at) = events.last().map(|last| last.at) else { return Ok(None) };
    let journal = Journal::replay(run, events)?;
    let over = journal.filter(|journal| journal.state().is_released && journal.is_newer.is_none());
    Ok(over.map(|journal| Shelved::of(&journal, ended_at)))
}

/// Puts folded runs on their shelf, unless they are there.
async fn shelve(state: &dyn StateStore, key: &Key, folded: &[Shelved]) -> Result<(), JournalError> {
    loop {
        let (mut shelf, when) = match state.get(key).await? {
            None => (Shelf { format: FORMAT, runs: BTreeMap::new() }, PutIf::Absent),
            Some(found) => {
                format::check_replaceable_bytes(key, &found.bytes, KNOWN)?;
                (read_object::<Shelf>(key, &found)?, PutIf::Version(found.version))
            }
        };
        let mut is_news = false;
        for one in folded {
            is_news |= shelf.runs.insert(one.run.number(), one.clone()).as_ref() != Some(one);
        }
        if !is_news {
            return Ok(());
        }
        match state.put(key, &format::bytes(key, &shelf)?, when).await {
            Err(StateError::Conflict { .. }) => {}
            done => return Ok(done.map(drop)?),
        }
    }
}

#[cfg(test)]
mod tests;
