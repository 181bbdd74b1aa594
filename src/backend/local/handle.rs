//! What the rest of the process knows of a dream's worker: how to stop it, and how to hear from it.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::ids::DreamId;

/// The workers of this process, by dream.
pub(super) type Workers = BTreeMap<DreamId, Arc<Handle>>;

/// One worker, seen from outside.
#[derive(Debug)]
pub(super) struct Handle {
    is_stopped: Mutex<bool>,
    stopped: Condvar,
    pulse: watch::Sender<Pulse>,
}

/// Changes whenever a dream's row has.
#[derive(Debug, Clone, Default)]
pub(super) struct Pulse {
    beats: u64,
    /// Whether the worker has let go of the dream, and why, if it had to.
    pub(super) over: Option<Result<(), String>>,
}

impl Handle {
    pub(super) fn new() -> Self {
        Self {
            is_stopped: Mutex::new(false),
            stopped: Condvar::new(),
            pulse: watch::Sender::new(Pulse::default()),
        }
    }

    /// Asks the worker to stop at its next checkpoint.
    pub(super) fn stop(&self) {
        *self.lock() = true;
        self.stopped.notify_all();
    }

    /// Says whether the worker was asked to stop.
    pub(super) fn is_stopped(&self) -> bool {
        *self.lock()
    }

    /// Waits, unless the worker is asked to stop. Says whether it may go on.
    pub(super) fn dwell(&self, time: Duration) -> bool {
        let waited = self.stopped.wait_timeout_while(self.lock(), time, |is_stopped| !*is_stopped);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.is_stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens for changes from now on.
    pub(super) fn listen(&self) -> watch::Receiver<Pulse> {
        self.pulse.subscribe()
    }

    /// Tells whoever listens that the dream's row has changed.
    pub(super) fn beat(&self) {
        self.pulse.send_modify(|pulse| pulse.beats += 1);
    }

    /// Tells whoever listens that the worker has let go of the dream. The end of a dream is told this way
    /// alone, so that a process which leaves on hearing it has tidied up.
    pub(super) fn over(&self, how: Result<(), String>) {
        self.pulse.send_modify(|pulse| pulse.over = Some(how));
    }
}
