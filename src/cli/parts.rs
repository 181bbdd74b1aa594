//! What commands are made of; tests give other parts.

use std::path::Path;
use std::sync::Arc;

use crate::backend::Backend;
use crate::backend::http::HttpOptions;
use crate::clock::{Clock, SystemClock};
use crate::dreaming::Minds;
use crate::dreaming::offline::LocalMinds;
use crate::state::sqlite::SqliteState;
use crate::state::{StateError, StateStore};

use super::signals::Signals;

/// What commands are made of.
pub trait Parts: Send + Sync {
    /// Returns the clock.
    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    /// Returns the minds of the local backend.
    fn minds(&self) -> Arc<dyn Minds> {
        Arc::new(LocalMinds)
    }

    /// Opens state in a SQLite file for writing.
    ///
    /// # Errors
    ///
    /// Says what stood in the way.
    fn state(&self, place: &Path) -> Result<Arc<dyn StateStore>, StateError> {
        Ok(Arc::new(SqliteState::open(place)?))
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
