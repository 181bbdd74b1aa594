//! Failing a dream on purpose, for servers that act as a double of one that fails.

use crate::dream::{Dream, DreamError, DreamStatus};
use crate::ids::DreamId;

use super::error::LocalError;
use super::{LocalBackend, Shared, dreams};

impl LocalBackend {
    /// Ends a dream as failed, unless it has ended.
    ///
    /// # Errors
    ///
    /// Fails if there is no such dream.
    pub fn fail_dream(&self, id: &DreamId, kind: &str, message: &str) -> Result<Dream, LocalError> {
        self.shared.fail(id, &DreamError { kind: kind.to_owned(), message: message.to_owned() })
    }
}

impl Shared {
    fn fail(&self, id: &DreamId, error: &DreamError) -> Result<Dream, LocalError> {
        let now = self.now();
        let dream = self.database.write(|db| {
            dreams::end(db, id, DreamStatus::Failed, Some(error), now)?;
            dreams::find(db, id)
        })?;
        if let Some(worker) = self.worker(id) {
            worker.stop();
            worker.beat();
        }
        Ok(dream)
    }
}
