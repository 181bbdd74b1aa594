//! Carrying a plan out.
//!
//! [`execute`] asks [`next()`] what to do, does it, records it, and asks again, until nothing is left to
//! do or somebody interrupts. It holds nothing in its head: killed at any instant and started again
//! on the same journal, it ends where it would have ended.

mod adopt;
mod evidence;
pub mod next;
pub mod observer;
pub mod past;
mod perform;
pub mod restore;
pub mod rules;
pub mod rollback;
pub mod settle;
mod targets;

use std::path::Path;

use jiff::SignedDuration;
use tokio::sync::watch;

use crate::archive::{Archive, ArchiveError};
use crate::backend::{Backend, BackendError, PastMemory, WhenLeft};
use crate::clock::Clock;
use crate::ids::{Alias, DeploymentId, DreamId, RunId, SessionId};
use crate::journal::event::JournalEvent;
use crate::journal::run_state::{Base, Phase};
use crate::journal::{Journal, JournalError};
use crate::memory::Memory;
use crate::plan::instructions::Instructions;
use crate::price::PriceTable;
use crate::snapshot::Snapshot;
use crate::state::{StateError, StateStore};

use next::{Next, Stop, next};
use observer::Observer;

/// Everything a run needs from outside.
pub struct Surroundings<'a> {
    /// Where state lives.
    pub state: &'a dyn StateStore,
    /// Where dreams happen.
    pub backend: &'a dyn Backend,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Who watches.
    pub observer: &'a dyn Observer,
    /// What tokens cost.
    pub prices: &'a PriceTable,
    /// The project's folder, which a directory target is relative to.
    pub root: &'a Path,
    /// Where the text of what an adoption replaces is kept, if the project asks for it.
    pub archive: Option<&'a Archive>,
    /// The alias the run works on: [`crate::plan::Plan::alias`] of its plan.
    pub alias: &'a Alias,
    /// The rendered instructions of each batch, in order.
    pub instructions: &'a [Option<Instructions>],
    /// Turns true when the process was asked to stop.
    pub interrupt: watch::Receiver<bool>,
}

/// How [`execute`] ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Nothing is left to do, or somebody else has to act.
    Stopped(Stop),
    /// The process was asked to stop between two actions.
    Interrupted,
    /// The process was asked to stop while a dream was at work.
    Left {
        /// The dream.
        dream: DreamId,
        /// What becomes of it.
        when_left: WhenLeft,
    },
}

/// Why a run stopped short.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The journal failed; with a conflict, another process drives this run now.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// State failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// The backend failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The text of what an adoption replaces could not be kept, so nothing was adopted.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Another run works on the alias.
    #[error("`{alias}` is held by run `{run}`")]
    Busy {
        /// The alias.
        alias: Alias,
        /// The run that holds it.
        run: RunId,
    },
    /// Several dreams could be the answer to one request.
    #[error("run `{run}` asked for one dream in batch {batch} and {} could be it", dreams.len())]
    InDoubt {
        /// The run.
        run: RunId,
        /// The batch.
        batch: u32,
        /// The dreams.
        dreams: Vec<DreamId>,
    },
    /// No dream is the answer to a request, and some come close.
    #[error("run `{run}` asked for one dream in batch {batch}, and what is listed is not quite that")]
    Near {
        /// The run.
        run: RunId,
        /// The batch.
        batch: u32,
        /// The dreams.
        dreams: Vec<DreamId>,
    },
    /// Several sessions could be the answer to one request.
    #[error("run `{run}` asked for one session and {} could be it", sessions.len())]
    SessionInDoubt {
        /// The run.
        run: RunId,
        /// The sessions.
        sessions: Vec<SessionId>,
    },
    /// Deployments could not be given the new store.
    #[error("deployment `{refused}` could not be patched")]
    NotPatched {
        /// The first that could not.
        refused: DeploymentId,
        /// Those that name the new store.
        patched: Vec<DeploymentId>,
        /// Those that still name the old one.
        left: Vec<DeploymentId>,
        /// What stood in the way.
        #[source]
        source: BackendError,
    },
    /// What a run copied into a store cannot be taken back: nothing says any more what it was.
    #[error("run `{run}` copied into the store, and its journal does not say what any more")]
    NoJournal {
        /// The run.
        run: RunId,
    },
    /// The agent of a session target is not known by its id.
    #[error("nothing says which agent `{agent}` is")]
    UnknownAgent {
        /// As the pipeline names it.
        agent: String,
    },
    /// A dream made elsewhere was taken in by another run meanwhile.
    #[error("dream `{dream}` belongs to run `{run}`")]
    TakenDream {
        /// The dream.
        dream: DreamId,
        /// The run.
        run: RunId,
    },
    /// The alias moved, or its sessions were read, since the plan was made.
    #[error("`{alias}` moved to another store, or its sessions were read, since the plan was made")]
    Stale {
        /// The alias.
        alias: Alias,
    },
    /// The instructions the run was planned with cannot be had any more.
    #[error("the instructions of batch {batch} changed since run `{run}` began")]
    ChangedInstructions {
        /// The run.
        run: RunId,
        /// The batch.
        batch: u32,
    },
    /// What a person wants back is not there any more.
    #[error(transparent)]
    TextGone(#[from] crate::adoption::edit::TextGone),
    /// The folder of a directory target could not be written.
    #[error("could not write the candidate to `{folder}`")]
    Folder {
        /// The folder.
        folder: String,
        /// What stood in the way.
        #[source]
        source: crate::backend::folder::FolderError,
    },
}

/// Carries a run on until nothing is left to do.
///
/// Somebody may ask meanwhile for the run to be canceled. Then two processes have the same few steps
/// to take, and the one that loses an event to the other goes on after it.
///
/// # Errors
///
/// Leaves the run where its last durable event says it is; calling again continues there.
pub async fn execute(journal: &mut Journal, around: &Surroundings<'_>) -> Result<Ended, RunError> {
    loop {
        let lost = match advance(journal, around).await {
            Err(error) if may_be_canceled(&error) => error,
            other => return other,
        };
        let is_canceling = matches!(journal.state().phase, Phase::Canceling { .. });
        match Journal::open(around.state, journal.run()).await? {
            Some(newest)
                if newest.events() > journal.events()
                    && (is_canceling
                        || matches!(newest.state().phase, Phase::Canceling { .. } | Phase::Canceled)) =>
            {
                *journal = newest;
            }
            _ => return Err(lost),
        }
    }
}

/// Says whether an error may mean that another process cancels the run.
fn may_be_canceled(error: &RunError) -> bool {
    let conflict = matches!(error, RunError::Journal(JournalError::State(StateError::Conflict { .. })));
    conflict || matches!(error, RunError::Stale { .. })
}

async fn advance(journal: &mut Journal, around: &Surroundings<'_>) -> Result<Ended, RunError> {
    let mut first_look = None;
    loop {
        if *around.interrupt.borrow() {
            return Ok(Ended::Interrupted);
        }
        let state = journal.state();
        match next(&state.plan, state) {
            Next::Stop(stop) => return Ok(Ended::Stopped(stop)),
            Next::Await { batch, dream } => {
                if let Some(left) = perform::wait(journal, around, batch, &dream).await? {
                    return Ok(left);
                }
            }
            Next::Settle { batch } => {
                let since = *first_look.get_or_insert_with(|| around.clock.now());
                match perform::settle(journal, around, batch, since).await? {
                    Some(wait) => pause(around, wait).await,
                    None => first_look = None,
                }
            }
            Next::SettleSession => {
                let since = *first_look.get_or_insert_with(|| around.clock.now());
                match targets::settle_session(journal, around, since).await? {
                    Some(wait) => pause(around, wait).await,
                    None => first_look = None,
                }
            }
            action => perform::perform(journal, around, action).await?,
        }
    }
}

/// Settles a request in doubt, waiting for as long as that takes. Returns whether it is settled: not if
/// the process was asked to stop before.
///
/// # Errors
///
/// As [`execute`]; several matching dreams leave the run in doubt.
pub async fn settle_now(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    batch: u32,
) -> Result<bool, RunError> {
    let first_look = around.clock.now();
    while let Some(wait) = perform::settle(journal, around, batch, first_look).await? {
        if *around.interrupt.borrow() {
            return Ok(false);
        }
        pause(around, wait).await;
    }
    Ok(true)
}

/// Rebuilds a base with its text: the live store where it has not changed, older contents where it
/// has. Contents that the backend no longer keeps are taken from the live store, or are empty where that
/// has none: at those paths a comparison is with what agents wrote since, and tells nothing of what a
/// dream did to the text before it.
///
/// # Errors
///
/// Fails when the backend cannot show the store.
pub async fn base_snapshot(backend: &dyn Backend, base: &Base) -> Result<Snapshot, BackendError> {
    if let Some(recalled) = backend.recall(&base.index) {
        return Ok(recalled);
    }
    let live = backend.snapshot(&base.store).await?;
    let mut snapshot = Snapshot::default();
    let mut missing: Vec<PastMemory> = Vec::new();
    for (path, entry) in &base.index.entries {
        match live.get(path) {
            Some(memory) if memory.hash == entry.hash => {
                snapshot.insert(memory.clone());
            }
            now => {
                let version = entry.version.clone();
                missing.push(PastMemory { path: path.clone(), hash: entry.hash, version });
                snapshot.insert(now.cloned().unwrap_or_else(|| Memory::new(path.clone(), "")));
            }
        }
    }
    if !missing.is_empty() {
        for memory in backend.contents(&base.store, &missing).await? {
            snapshot.insert(memory);
        }
    }
    Ok(snapshot)
}

/// Waits, unless interrupted.
async fn pause(around: &Surroundings<'_>, wait: SignedDuration) {
    let wait = std::time::Duration::try_from(wait).unwrap_or_default();
    let mut interrupt = around.interrupt.clone();
    tokio::select! {
        () = tokio::time::sleep(wait) => {}
        _ = interrupt.wait_for(|&asked| asked) => {}
    }
}

/// Records an event and tells the observer.
async fn record(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    event: JournalEvent,
) -> Result<(), RunError> {
    let recorded = journal.append(around.state, around.clock.now(), event).await?;
    around.observer.recorded(journal.run(), &recorded);
    Ok(())
}
