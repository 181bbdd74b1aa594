//! Carrying a plan out.
//!
//! [`execute`] asks [`next()`] what to do, does it, records it, and asks again, until nothing is left to
//! do or somebody interrupts. It holds nothing in its head: killed at any instant and started again
//! on the same journal, it ends where it would have ended.

mod adopt;
mod late;
mod blocking;
mod evidence;
pub mod lineage;
pub mod next;
pub mod observer;
pub mod past;
mod reading;
mod perform;
pub mod restore;
pub mod rules;
mod carry;
pub mod rollback;
mod section;
pub mod settle;
mod tag;
mod targets;

use std::path::Path;
use std::time::Duration;

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
use crate::state::keeper::Keeper;
use crate::state::{StateError, StateStore};

use next::{Next, Stop, next};
use observer::Observer;
use past::Past;
use perform::Waited;
use section::Entered;

pub use section::catch_up;

/// How often a run is looked at that another process drives.
pub const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often one call begins again after an action that was given up since the lease could not be renewed.
const GIVE_UPS: u32 = 3;

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
    /// Keeps the lease of the alias for this process.
    pub keeper: &'a Keeper,
    /// The alias the run works on: [`crate::plan::Plan::alias`] of its plan.
    pub alias: &'a Alias,
    /// The rendered instructions of each batch, in order.
    pub instructions: &'a [Option<Instructions>],
    /// Turns true when the process was asked to stop.
    pub interrupt: watch::Receiver<bool>,
}

impl<'a> Surroundings<'a> {
    /// Returns where texts of the past may be.
    pub fn past(&self) -> Past<'a> {
        Past { backend: self.backend, archive: self.archive }
    }
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
    /// Another process has the lease of the alias, and may be carrying this very run on.
    Elsewhere,
}

/// Why a run stopped short.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The journal failed; with a conflict, another process was faster.
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
    /// An action was carried out, and nothing came of it: carrying it out again would go on for ever.
    #[error("run `{run}` comes no further: {action} has no effect")]
    NoProgress {
        /// The run.
        run: RunId,
        /// The action, in words.
        action: String,
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

/// Carries a run on until nothing is left to do, or another process has the lease.
///
/// Where another process went on with the run meanwhile, this one goes on after it: that is no error.
///
/// # Errors
///
/// Leaves the run where its last durable event says it is; calling again continues there.
pub async fn execute(journal: &mut Journal, around: &Surroundings<'_>) -> Result<Ended, RunError> {
    let mut given_up = 0;
    loop {
        let error = match advance(journal, around).await {
            Ok(ended) => return Ok(ended),
            Err(error) => error,
        };
        let goes_on = match &error {
            RunError::State(StateError::LeaseLost { .. })
            | RunError::Journal(JournalError::State(StateError::LeaseLost { .. })) => {
                section::catch_up(journal, around).await?;
                true
            }
            // The machine slept in the middle of an action. How far it came the journal says, as after a crash.
            RunError::State(StateError::LeaseStale { .. }) if given_up < GIVE_UPS => {
                given_up += 1;
                section::catch_up(journal, around).await?;
                true
            }
            // The alias is not what it was where the run was given up, or brought to its end.
            RunError::State(StateError::Conflict { .. })
            | RunError::Journal(JournalError::State(StateError::Conflict { .. }))
            | RunError::Stale { .. } => section::catch_up(journal, around).await?,
            _ => false,
        };
        if !goes_on {
            // What failed is to be told; a lease that cannot be given back runs out.
            let _ = section::leave(around).await;
            return Err(error);
        }
    }
}

async fn advance(journal: &mut Journal, around: &Surroundings<'_>) -> Result<Ended, RunError> {
    let mut first_look = FirstLook::default();
    loop {
        if *around.interrupt.borrow() {
            section::leave(around).await?;
            return Ok(Ended::Interrupted);
        }
        let state = journal.state();
        let action = next(&state.plan, state);
        let mut ended = None;
        match &action {
            Next::Stop(stop) => {
                section::leave(around).await?;
                return Ok(Ended::Stopped(*stop));
            }
            Next::Claim => {
                let claiming = perform::claim(journal, around);
                if !around.keeper.under(around.state, claiming).await?? {
                    return Ok(Ended::Elsewhere);
                }
                continue;
            }
            Next::Await { dream, .. } => {
                // Others may wait for it too. Whoever takes the lease first takes it in.
                section::leave(around).await?;
                match perform::wait(journal, around, dream).await? {
                    Waited::Ended(dream) => ended = Some(*dream),
                    Waited::Left(left) => return Ok(left),
                }
            }
            _ => {}
        }
        match section::enter(journal, around, &action).await? {
            Entered::Yes => {}
            Entered::Moved => continue,
            Entered::Held => return Ok(Ended::Elsewhere),
        }
        let looked_for = first_look.of(journal, around);
        let (before, words) = (journal.events(), section::words(&action));
        let acting = async {
            match (action, ended) {
                (Next::Await { batch, .. }, Some(dream)) => {
                    perform::record_ended(journal, around, batch, dream).await.map(|()| None)
                }
                (Next::Settle { batch }, _) => perform::settle(journal, around, batch, looked_for).await,
                (Next::SettleSession, _) => targets::settle_session(journal, around, looked_for).await,
                (action, _) => perform::perform(journal, around, action).await.map(|()| None),
            }
        };
        match around.keeper.under(around.state, acting).await?? {
            Some(wait) => {
                section::leave(around).await?;
                pause(around, wait).await;
            }
            None if journal.events() == before => {
                return Err(RunError::NoProgress { run: journal.run().clone(), action: words });
            }
            None => {}
        }
    }
}

/// When a process first looked for what came of the request that its journal ends with.
#[derive(Default)]
struct FirstLook(Option<(u32, Duration)>);

impl FirstLook {
    /// Returns how long ago that was. The lease is held.
    fn of(&mut self, journal: &Journal, around: &Surroundings<'_>) -> Duration {
        let now = around.keeper.elapsed();
        let is_same = self.0.is_some_and(|(events, _)| events == journal.events());
        if !is_same {
            self.0 = Some((journal.events(), now));
        }
        self.0.map_or(Duration::ZERO, |(_, first)| now.saturating_sub(first))
    }
}

/// Settles a request in doubt, waiting for as long as that takes, or for the process that is at it. Returns
/// whether it is settled, by this process or another: not if the process was asked to stop before.
///
/// # Errors
///
/// As [`execute`]; several matching dreams leave the run in doubt.
pub async fn settle_now(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    batch: u32,
) -> Result<bool, RunError> {
    let mut first_look = FirstLook::default();
    while matches!(journal.state().phase, Phase::Requested { batch: open } if open == batch) {
        if *around.interrupt.borrow() {
            section::leave(around).await?;
            return Ok(false);
        }
        match section::enter(journal, around, &Next::Settle { batch }).await? {
            Entered::Yes => {}
            Entered::Moved => continue,
            Entered::Held => {
                pause(around, LOOK_EVERY).await;
                section::catch_up(journal, around).await?;
                continue;
            }
        }
        let looked_for = first_look.of(journal, around);
        let settling = perform::settle(journal, around, batch, looked_for);
        if let Some(wait) = around.keeper.under(around.state, settling).await?? {
            section::leave(around).await?;
            pause(around, wait).await;
        }
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
                missing.push(PastMemory::of(path, entry));
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
async fn pause(around: &Surroundings<'_>, wait: Duration) {
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
