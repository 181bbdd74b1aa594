//! The journal: what a run has done, and the only thing it trusts after a crash.
//!
//! One immutable object per event, `runs/<run>/<seq>`, created only if absent and durable before the
//! next effect starts. Two writers cannot both create event 17: the one that loses has learned that
//! another process drives the run, and looks again before it does anything.
//!
//! An event is one JSON object: `format` (`major.minor`), `seq` (from 1), `at` (RFC 3339) and `event`,
//! which holds its `kind` and the kind's own fields. History of the format:
//!
//! * 1.0: the first, which no release has written yet: what it holds is what this version writes, the fates of a
//!   judgment and the edits of a person among it. From the first release on, what is added has a number of its own.
//!
//! A run that has long been over is folded into one object ([`folded`]); reading it makes no difference.
//!
//! A newer minor format adds fields: it is read, and such a run is not written to. A newer major
//! format may add kinds of event: it is refused, naming the format.

pub mod event;
pub mod folded;
pub mod run_state;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::ids::{Alias, DreamId, PipelineName, RunId};
use crate::state::{Key, PutIf, StateError, StateStore, Version, Versioned, format};

use event::{JournalEvent, Recorded};
use run_state::{IllegalEvent, RunState};

/// The format this version writes.
pub const FORMAT: (u32, u32) = (1, 0);

/// How much earlier than its request a dream may seem to have been made. The two times are of two clocks,
/// and either may be wrong by a day: a dream that is overlooked is paid for twice. Dreams that a journal
/// already knows are never taken, so a wide window can only find more to be careful about.
pub const CLOCK_SLACK: SignedDuration = SignedDuration::from_hours(26);

/// Why a journal could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// State failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// An event is missing, or one stands where none can.
    #[error("the journal of `{run}` is damaged")]
    Illegal {
        /// The run.
        run: RunId,
        /// What is wrong.
        #[source]
        source: IllegalEvent,
    },
    /// An event between the first and the last is missing.
    #[error("the journal of `{run}` lacks event {seq}")]
    Gap {
        /// The run.
        run: RunId,
        /// The missing event.
        seq: u32,
    },
    /// The run was written by a newer version, which alone may continue it.
    #[error("the journal of `{run}` has format {found}, this version writes {}.{}", FORMAT.0, FORMAT.1)]
    NewerWriter {
        /// The run.
        run: RunId,
        /// Its format.
        found: String,
    },
}

/// A run's journal, open for appending.
#[derive(Debug, Clone)]
pub struct Journal {
    run: RunId,
    events: u32,
    state: RunState,
    is_newer: Option<String>,
}

impl Journal {
    /// Begins a run. Of two processes that begin the same run, one gets a conflict.
    ///
    /// # Errors
    ///
    /// [`StateError::Conflict`] when the run exists already; else what state says.
    pub async fn begin(
        state: &dyn StateStore,
        at: Timestamp,
        plan: crate::plan::Plan,
    ) -> Result<(Self, Recorded), JournalError> {
        let run = plan.run.clone();
        let event = JournalEvent::RunPlanned { plan: Box::new(plan) };
        let (recorded, version) = write(state, &run, 1, at, event.clone()).await?;
        check_fence(state, &run, 1, &version).await?;
        let begun =
            RunState::begin(1, event).map_err(|source| JournalError::Illegal { run: run.clone(), source })?;
        Ok((Self { run, events: 1, state: begun, is_newer: None }, recorded))
    }

    /// Reads a run's journal; nothing if there is no such run.
    ///
    /// # Errors
    ///
    /// Fails when state cannot be read, or when what it holds is no journal.
    pub async fn open(state: &dyn StateStore, run: &RunId) -> Result<Option<Self>, JournalError> {
        let events = read(state, run).await?;
        Self::replay(run, events)
    }

    /// Rebuilds a journal from its events.
    ///
    /// # Errors
    ///
    /// Fails when an event is missing or illegal where it stands.
    pub fn replay(run: &RunId, events: Vec<Recorded>) -> Result<Option<Self>, JournalError> {
        let mut journal: Option<Self> = None;
        for (expected, recorded) in (1..).zip(events) {
            if recorded.seq != expected {
                return Err(JournalError::Gap { run: run.clone(), seq: expected });
            }
            let illegal = |source| JournalError::Illegal { run: run.clone(), source };
            let is_newer = (parse_format(&recorded.format) > Some(FORMAT)).then_some(recorded.format);
            journal = Some(match journal {
                None => Self {
                    run: run.clone(),
                    events: 1,
                    state: RunState::begin(1, recorded.event).map_err(illegal)?,
                    is_newer,
                },
                Some(before) => Self {
                    events: expected,
                    state: before.state.apply(expected, recorded.at, recorded.event).map_err(illegal)?,
                    is_newer: before.is_newer.or(is_newer),
                    run: before.run,
                },
            });
        }
        Ok(journal)
    }

    /// Writes the next event, then moves the run by it.
    ///
    /// When this returns, the event is durable. When it fails, the run stands where it stood; nothing was
    /// written, unless the error is [`StateError::InDoubt`], after which the journal has to be opened anew.
    ///
    /// # Errors
    ///
    /// [`StateError::Conflict`] when another process wrote this event first; an illegal event is
    /// refused before anything is written.
    pub async fn append(
        &mut self,
        state: &dyn StateStore,
        at: Timestamp,
        event: JournalEvent,
    ) -> Result<Recorded, JournalError> {
        if let Some(found) = &self.is_newer {
            return Err(JournalError::NewerWriter { run: self.run.clone(), found: found.clone() });
        }
        let seq = self.events + 1;
        let moved = self
            .state
            .clone()
            .apply(seq, at, event.clone())
            .map_err(|source| JournalError::Illegal { run: self.run.clone(), source })?;
        let announces = event.announces();
        let (recorded, version) = write(state, &self.run, seq, at, event).await?;
        if announces {
            check_fence(state, &self.run, seq, &version).await?;
        }
        self.state = moved;
        self.events = seq;
        Ok(recorded)
    }

    /// Returns the run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Returns where the run stands.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Returns how many events there are.
    pub fn events(&self) -> u32 {
        self.events
    }
}

async fn write(
    state: &dyn StateStore,
    run: &RunId,
    seq: u32,
    at: Timestamp,
    event: JournalEvent,
) -> Result<(Recorded, Version), JournalError> {
    let recorded = Recorded { format: format!("{}.{}", FORMAT.0, FORMAT.1), seq, at, event };
    let key = Key::event(run, seq);
    let version = state.put(&key, &format::bytes(&key, &recorded)?, PutIf::Absent).await?;
    Ok((recorded, version))
}

/// Makes sure that an event which was just created is not one of a run that was folded meanwhile: there its
/// place was free again. The folded object is written before the first event goes, so a look after the write
/// misses nothing, whatever the clocks say and however long the process stood still.
async fn check_fence(
    state: &dyn StateStore,
    run: &RunId,
    seq: u32,
    version: &Version,
) -> Result<(), StateError> {
    let key = Key::event(run, seq);
    let is_folded = match folded::is_folded(state, run).await {
        // The event is there, and whether it counts cannot be told.
        Err(StateError::Unavailable { place, reason, .. } | StateError::Unreachable { place, reason }) => {
            return Err(StateError::InDoubt { key, place, reason });
        }
        looked => looked?,
    };
    if !is_folded {
        return Ok(());
    }
    match state.delete(&key, version).await {
        Ok(()) | Err(StateError::Conflict { .. }) => Err(StateError::Conflict { key }),
        Err(error) => Err(error),
    }
}

fn parse_format(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Reads the events of a run, in order.
///
/// # Errors
///
/// Fails when state cannot be read, an event is damaged, or its major format is newer.
pub async fn read(state: &dyn StateStore, run: &RunId) -> Result<Vec<Recorded>, JournalError> {
    let found = state.read(&Key::events(run)).await?;
    let is_begun = found.first().is_some_and(|(key, _)| *key == Key::event(run, 1));
    if !is_begun && let Some(folded) = folded::read(state, run).await? {
        return Ok(folded);
    }
    let mut events = Vec::new();
    for (key, found) in found {
        events.push(parse(&key, format::value(&key, &found.bytes)?)?);
    }
    Ok(events)
}

/// Reads one event that was found in an object.
fn parse(key: &Key, value: serde_json::Value) -> Result<Recorded, JournalError> {
    let damaged = |reason: String| StateError::Damaged { key: key.clone(), reason };
    let found = value["format"].as_str().unwrap_or_default();
    match parse_format(found) {
        None => return Err(damaged("it has no format".to_owned()).into()),
        Some((major, _)) if major > FORMAT.0 => {
            let known = format!("{}.{}", FORMAT.0, FORMAT.1);
            return Err(format::too_new(key, found, known, &value).into());
        }
        Some(_) => {}
    }
    serde_json::from_value(value).map_err(|error| damaged(error.to_string()).into())
}

/// Says whether a run is over and has given its alias back, or is not there. A claim in its name is then
/// what a process left behind that lost the race for the run. A listing that lags behind hides no run.
///
/// # Errors
///
/// As [`Journal::open`].
pub async fn is_over(state: &dyn StateStore, run: &RunId) -> Result<bool, JournalError> {
    match Journal::open(state, run).await? {
        Some(journal) => Ok(journal.state().is_released),
        None => Ok(begun_at(state, run).await?.is_none()),
    }
}

/// Returns when a run began; nothing if there is no such run.
///
/// # Errors
///
/// Fails when state cannot be read or its first event is damaged.
pub async fn begun_at(state: &dyn StateStore, run: &RunId) -> Result<Option<Timestamp>, JournalError> {
    let key = Key::event(run, 1);
    match state.get(&key).await? {
        Some(found) => dated(&key, &found).map(Some),
        None => Ok(read(state, run).await?.first().map(|first| first.at)),
    }
}

/// Returns the alias that a run works on; nothing if there is no such run. Only its first event is read.
///
/// # Errors
///
/// Fails when state cannot be read or the first event is damaged.
pub async fn alias_of(state: &dyn StateStore, run: &RunId) -> Result<Option<Alias>, JournalError> {
    let key = Key::event(run, 1);
    let first: Recorded = match state.get(&key).await? {
        None => match read(state, run).await?.into_iter().next() {
            Some(first) => first,
            None => return Ok(None),
        },
        Some(found) => parse(&key, format::value(&key, &found.bytes)?)?,
    };
    Ok(match first.event {
        JournalEvent::RunPlanned { plan } => Some(plan.alias()),
        _ => None,
    })
}

/// Returns when an event was written.
fn dated(key: &Key, found: &Versioned) -> Result<Timestamp, JournalError> {
    #[derive(serde::Deserialize)]
    struct Dated {
        at: Timestamp,
    }
    let event: Dated = serde_json::from_slice(&found.bytes)
        .map_err(|error| StateError::Damaged { key: key.clone(), reason: error.to_string() })?;
    Ok(event.at)
}

/// Lists the runs of one pipeline, or of all, ordered by pipeline and number.
///
/// # Errors
///
/// Fails when state cannot be read.
pub async fn runs(state: &dyn StateStore, pipeline: Option<&PipelineName>) -> Result<Vec<RunId>, StateError> {
    let mut runs = recent(state, pipeline).await?;
    runs.extend(folded::runs(state, pipeline).await?);
    runs.sort();
    runs.dedup();
    Ok(runs)
}

/// Lists the runs that are not folded, as [`runs`] does: all that are not over, and the last of each pipeline.
/// No journal is read for it, and what is folded costs nothing.
///
/// # Errors
///
/// Fails when state cannot be read.
pub async fn recent(
    state: &dyn StateStore,
    pipeline: Option<&PipelineName>,
) -> Result<Vec<RunId>, StateError> {
    let prefix = pipeline.map_or_else(|| "runs/".to_owned(), |name| format!("runs/{name}-"));
    let names = state.names(&prefix).await?;
    let below = prefix.trim_start_matches("runs/");
    let mut runs: Vec<RunId> = names
        .iter()
        .filter_map(|name| RunId::parse(&format!("{below}{name}")))
        .filter(|run| pipeline.is_none_or(|name| run.pipeline() == name))
        .collect();
    runs.sort();
    Ok(runs)
}

/// Returns the last run of a pipeline.
///
/// # Errors
///
/// Fails when state cannot be read.
pub async fn last(state: &dyn StateStore, pipeline: &PipelineName) -> Result<Option<RunId>, StateError> {
    Ok(recent(state, Some(pipeline)).await?.pop())
}

fn run_of(key: &Key) -> Option<RunId> {
    RunId::parse(key.as_str().strip_prefix("runs/")?.split('/').next()?)
}

/// Lists the dreams that runs have recorded as their own, as far as they were made at or after an instant.
/// A run that wrote nothing since then knows of no such dream, and is not read.
///
/// # Errors
///
/// Fails when state cannot be read, or when what it holds is no journal.
pub async fn known_dreams(
    state: &dyn StateStore,
    since: Timestamp,
) -> Result<BTreeSet<DreamId>, JournalError> {
    let mut known = BTreeSet::new();
    for (_, journal) in written_since(state, since).await? {
        known.extend(journal.state.dreams.into_iter().filter_map(|record| record.dream));
    }
    let shelved = folded::shelved(state).await?;
    known.extend(shelved.into_iter().filter(|run| run.ended_at >= since).flat_map(|run| run.dreams));
    Ok(known)
}

/// Finds the run that has a dream, made at an instant, recorded as its own.
///
/// # Errors
///
/// As [`known_dreams`].
pub async fn run_of_dream(
    state: &dyn StateStore,
    dream: &DreamId,
    made_at: Timestamp,
) -> Result<Option<RunId>, JournalError> {
    let has = |journal: &Journal| journal.state.dreams.iter().any(|own| own.dream.as_ref() == Some(dream));
    let written = written_since(state, made_at - CLOCK_SLACK).await?;
    if let Some((run, _)) = written.into_iter().find(|(_, journal)| has(journal)) {
        return Ok(Some(run));
    }
    let shelved = folded::shelved(state).await?;
    Ok(shelved.into_iter().find(|run| run.dreams.contains(dream)).map(|run| run.run))
}

/// Opens the journals that were written to at or after an instant.
async fn written_since(
    state: &dyn StateStore,
    since: Timestamp,
) -> Result<Vec<(RunId, Journal)>, JournalError> {
    let last_events: BTreeMap<RunId, Key> =
        state.list("runs/").await?.into_iter().filter_map(|key| Some((run_of(&key)?, key))).collect();
    let keys: Vec<Key> = last_events.into_values().collect();
    let mut journals = Vec::new();
    for (key, found) in state.get_all(&keys).await? {
        if dated(&key, &found)? < since {
            continue;
        }
        if let Some(run) = run_of(&key)
            && let Some(journal) = Journal::open(state, &run).await?
        {
            journals.push((run, journal));
        }
    }
    Ok(journals)
}
