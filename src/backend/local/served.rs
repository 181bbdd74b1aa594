//! Dreams as the HTTP API asks for them and shows them.
//!
//! They differ from those of a run on this machine in how they are watched, not in what they do: any model
//! may be asked, one mind answers; they stay long enough in each state to be seen there; they have a worker
//! session. A dream that was unfinished when its server stopped goes on under the next one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::backend::Refusal;
use crate::dream::DreamRequest;
use crate::ids::DreamId;

use super::LocalBackend;
use super::claim::Claim;
use super::dreams::{self, DreamFilter, DreamRecord, DreamTerms};
use super::error::LocalError;

/// How long a dream stays in a state at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// In `pending`.
    pub pending: Duration,
    /// In `running`.
    pub running: Duration,
}

impl Pace {
    /// No longer than the work takes.
    pub const NONE: Self = Self { pending: Duration::ZERO, running: Duration::ZERO };
}

impl Default for Pace {
    /// Long enough to be met by whoever asks a few times a second.
    fn default() -> Self {
        Self { pending: Duration::from_millis(100), running: Duration::from_millis(100) }
    }
}

/// A way in which a dream goes wrong, for tests of what asks for dreams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DreamFault {
    /// It fails with this `error.type`.
    Fail(String),
    /// It completes, and `outputs` stays empty.
    NoOutput,
    /// It completes, and the store it wrote is gone.
    Vanish,
}

/// How a server carries out dreams.
#[derive(Clone)]
pub struct Serving {
    /// How long dreams stay in each state at least.
    pub pace: Pace,
    /// Which dreams go wrong: given the number of the dream since the server started, from 1.
    pub fault: Arc<dyn Fn(u64) -> Option<DreamFault> + Send + Sync>,
}

impl Default for Serving {
    fn default() -> Self {
        Self { pace: Pace::default(), fault: Arc::new(|_| None) }
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("pace", &self.pace).finish_non_exhaustive()
    }
}

/// What serving has come to so far.
#[derive(Debug)]
pub(super) struct Served {
    serving: Serving,
    asked: AtomicU64,
    faults: Mutex<BTreeMap<DreamId, DreamFault>>,
    turns: Turns,
    /// The claim to all dreams asked for over HTTP, from the first of them on.
    claim: Mutex<Option<Claim>>,
    /// Whether a dream waits that could not be started when it was met.
    is_behind: AtomicBool,
}

impl Served {
    fn new(serving: Serving) -> Self {
        let turns = thread::available_parallelism().map_or(2, usize::from);
        Self {
            serving,
            asked: AtomicU64::new(0),
            faults: Mutex::default(),
            turns: Turns::new(turns),
            claim: Mutex::default(),
            is_behind: AtomicBool::new(false),
        }
    }

    pub(super) fn pace(&self) -> Pace {
        self.serving.pace
    }

    /// Waits until fewer dreams are at work than there are processors, so that a thousand of them do not
    /// hold a thousand stores in memory.
    pub(super) fn turn(&self) -> Turn<'_> {
        self.turns.take()
    }

    /// Returns how a dream goes wrong.
    pub(super) fn fault(&self, id: &DreamId) -> Option<DreamFault> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn choose_fault(&self, id: &DreamId) {
        let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(fault) = (self.serving.fault)(number) {
            self.faults.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), fault);
        }
    }
}

/// A number of turns, each held by one at a time.
#[derive(Debug)]
struct Turns {
    free: Mutex<usize>,
    changed: Condvar,
}

/// A held turn. Dropping it gives it back.
pub(super) struct Turn<'a>(&'a Turns);

impl Turns {
    fn new(turns: usize) -> Self {
        Self { free: Mutex::new(turns), changed: Condvar::new() }
    }

    fn take(&self) -> Turn<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free =
            self.changed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.changed.notify_one();
    }
}

impl LocalBackend {
    /// Makes this process the one that carries out dreams asked for over HTTP, and goes on with those that
    /// an earlier one left unfinished. Called once; later calls change nothing.
    ///
    /// # Errors
    ///
    /// Fails if the database does. A dream that cannot be started yet is left to [`LocalBackend::catch_up`].
    pub fn serve_dreams(&self, serving: Serving) -> Result<(), LocalError> {
        self.shared.served.get_or_init(|| Served::new(serving));
        self.shared.attend_unfinished()
    }

    /// Starts the dreams asked for over HTTP that could not be started when they were met: this process had
    /// run out of files or threads, or another one had not let go. Whoever serves calls it now and then.
    pub fn catch_up(&self) {
        let Some(served) = self.shared.served.get() else { return };
        if !served.is_behind.swap(false, Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.shared.attend_unfinished() {
            tracing::warn!(error = error.in_full(), "waiting dreams could not be looked up");
            self.shared.fall_behind();
        }
    }

    /// Accepts a dream asked for over HTTP: durable and pending when it returns.
    pub(crate) fn begin_dream(
        &self,
        request: &DreamRequest,
        terms: &DreamTerms,
    ) -> Result<DreamRecord, LocalError> {
        self.shared.served.get_or_init(|| Served::new(Serving::default()));
        self.shared.accept(request, Some(terms))
    }

    /// Returns a dream.
    pub(crate) fn dream_record(&self, id: &DreamId) -> Result<DreamRecord, LocalError> {
        self.shared.database.read(|db| dreams::record(db, id))
    }

    /// Returns some dreams, newest first.
    pub(crate) fn list_dreams(
        &self,
        filter: &DreamFilter,
        limit: usize,
    ) -> Result<Vec<DreamRecord>, LocalError> {
        self.shared.database.read(|db| dreams::list(db, filter, limit))
    }

    /// Cancels a dream. A canceled one stays as it is; one that ended otherwise is refused.
    pub(crate) fn cancel_record(&self, id: &DreamId) -> Result<DreamRecord, LocalError> {
        use crate::dream::DreamStatus::{Completed, Failed};
        let before = self.dream_record(id)?.dream.status;
        if matches!(before, Completed | Failed) {
            let message = format!("dream `{id}` has {before}; only a pending or running one can be canceled");
            return Err(LocalError::Refused { kind: Refusal::Invalid, message });
        }
        self.shared.cancel(id)?;
        self.dream_record(id)
    }

    /// Archives a dream that has ended.
    pub(crate) fn archive_dream(&self, id: &DreamId) -> Result<DreamRecord, LocalError> {
        let now = self.shared.now();
        self.shared.database.write(|db| dreams::archive(db, id, now))
    }
}

impl super::Shared {
    /// Sets to work on every unfinished dream asked for over HTTP, oldest first, as far as possible.
    fn attend_unfinished(self: &Arc<Self>) -> Result<(), LocalError> {
        for id in self.database.read(dreams::unfinished)? {
            match self.attend(&id) {
                Ok(Some(_)) => {}
                Ok(None) => self.fall_behind(),
                Err(error) => {
                    tracing::warn!(dream = %id, error = error.in_full(), "dreams could not be started yet");
                    self.fall_behind();
                    break;
                }
            }
        }
        Ok(())
    }

    /// Says that a dream asked for over HTTP waits for somebody to work on it.
    pub(super) fn fall_behind(&self) {
        if let Some(served) = self.served.get() {
            served.is_behind.store(true, Ordering::Relaxed);
        }
    }

    /// Claims a dream asked for over HTTP, and all others with it.
    pub(super) fn claim_served(&self) -> Result<Option<Claim>, LocalError> {
        let Some(served) = self.served.get() else { return Claim::take_served(self.database.path()) };
        let mut held = served.claim.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            *held = Claim::take_served(self.database.path())?;
        }
        Ok(held.as_ref().map(Claim::share))
    }

    /// Decides how an accepted dream goes wrong, if it does.
    pub(super) fn choose_fault(&self, id: &DreamId) {
        if let Some(served) = self.served.get() {
            served.choose_fault(id);
        }
    }
}
