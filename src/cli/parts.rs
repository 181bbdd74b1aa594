//! What commands are made of; tests give other parts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::Backend;
use crate::backend::http::HttpOptions;
use crate::clock::{Clock, Monotonic, SystemClock, SystemMonotonic};
use crate::dreaming::Minds;
use crate::dreaming::offline::LocalMinds;
use crate::state::StateStore;
use crate::state::lease::LEASE_TIME;

use super::signals::Signals;

/// What commands are made of.
pub trait Parts: Send + Sync {
    /// Returns the clock.
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    /// Returns what measures how long leases hold.
    fn monotonic(&self) -> Arc<dyn Monotonic> {
        Arc::new(SystemMonotonic::default())
    }

    /// Returns how long a lease holds that nobody renews.
    fn lease_time(&self) -> Duration {
        LEASE_TIME
    }

    /// Returns what this machine is called, and the number of this process on it.
    fn process(&self) -> (String, u32) {
        (super::machine::name(), std::process::id())
    }

    /// Returns where the lock files of this machine are, for the folder that a project has for them.
    fn lock_folder(&self, folder: PathBuf) -> PathBuf {
        folder
    }

    /// Returns the minds of the local backend.
    fn minds(&self) -> Arc<dyn Minds> {
        Arc::new(LocalMinds)
    }

    /// Wraps the state that was opened for writing.
    fn state(&self, state: Arc<dyn StateStore>) -> Arc<dyn StateStore> {
        state
    }

    /// Says when the process is asked to stop.
    fn signals(&self) -> Signals {
        Signals::of_process()
    }

    /// Changes how a server is talked to.
    fn http(&self, options: HttpOptions) -> HttpOptions {
        options
    }

    /// Wraps the backend that was opened.
    fn backend(&self, backend: Arc<dyn Backend>) -> Arc<dyn Backend> {
        backend
    }
}

/// What the binary is made of.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standard;

impl Parts for Standard {}
