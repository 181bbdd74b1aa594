//! The right to work on a dream: a locked file beside the database.
//!
//! The system takes the lock away from a process that dies, however it dies, so no dream is ever worked on
//! by two and none stays claimed by the dead. The file of a dream that has ended is removed; whoever locks
//! a leftover looks at the dream's status before doing anything, so a removed file costs nothing.
//!
//! Dreams asked for over HTTP share one file, which stays: their server holds it for all of them, so that
//! however many wait, they leave it files to open.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ids::DreamId;

use super::error::LocalError;
use crate::own_folder;
use crate::sqlite::beside;

/// A held claim. Dropping it lets go.
#[derive(Debug)]
pub(super) struct Claim {
    path: PathBuf,
    is_for_all: bool,
    locked: Arc<File>,
}

impl Claim {
    /// Claims a dream, unless somebody holds it.
    pub(super) fn take(database: &Path, id: &DreamId) -> Result<Option<Self>, LocalError> {
        Self::lock(database, &format!("{id}.lock"), false)
    }

    /// Claims every dream asked for over HTTP, unless somebody holds one of them.
    pub(super) fn take_served(database: &Path) -> Result<Option<Self>, LocalError> {
        Self::lock(database, "served.lock", true)
    }

    /// Returns the same claim again. It is let go of with the last.
    pub(super) fn share(&self) -> Self {
        Self { path: self.path.clone(), is_for_all: self.is_for_all, locked: Arc::clone(&self.locked) }
    }

    fn lock(database: &Path, name: &str, is_for_all: bool) -> Result<Option<Self>, LocalError> {
        let folder = beside(database, "-dreams");
        let path = folder.join(name);
        let at = |action| {
            let path = path.clone();
            move |source| LocalError::File { path, action, source }
        };
        own_folder::make(&folder).map_err(at("make the folder of"))?;
        let file =
            File::options().create(true).truncate(false).write(true).open(&path).map_err(at("open"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { path, is_for_all, locked: Arc::new(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(at("lock")(source)),
        }
    }

    /// Lets go for good, after the dream has ended.
    pub(super) fn retire(self) {
        if !self.is_for_all {
            // A file that cannot be removed is harmless.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_held_by_one_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("local.db");
        let id = DreamId::parse("drm_1").unwrap();
        let first = Claim::take(&database, &id).unwrap();
        assert!(first.is_some());
        assert!(Claim::take(&database, &id).unwrap().is_none());
        drop(first);
        let second = Claim::take(&database, &id).unwrap().unwrap();
        second.retire();
        assert!(Claim::take(&database, &id).unwrap().is_some());
    }

    #[test]
    fn a_claim_to_all_is_let_go_of_with_the_last_of_its_dreams() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("local.db");
        let all = Claim::take_served(&database).unwrap().unwrap();
        let one = all.share();
        drop(all);
        assert!(Claim::take_served(&database).unwrap().is_none());
        one.retire();
        assert!(Claim::take_served(&database).unwrap().is_some());
    }
}
