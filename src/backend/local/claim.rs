//! The right to work on a dream: a locked file beside the database.
//!
//! The system takes the lock away from a process that dies, however it dies, so no dream is ever worked on
//! by two and none stays claimed by the dead. The file of a dream that has ended is removed; whoever locks
//! a leftover looks at the dream's status before doing anything, so a removed file costs nothing.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::ids::DreamId;

use super::error::LocalError;
use crate::sqlite::beside;

/// A held claim. Dropping it lets go.
#[derive(Debug)]
pub(super) struct Claim {
    path: PathBuf,
    _locked: File,
}

impl Claim {
    /// Claims a dream, unless somebody holds it.
    pub(super) fn take(database: &Path, id: &DreamId) -> Result<Option<Self>, LocalError> {
        let folder = beside(database, "-dreams");
        let path = folder.join(format!("{id}.lock"));
        let at = |action| {
            let path = path.clone();
            move |source| LocalError::File { path, action, source }
        };
        fs::create_dir_all(&folder).map_err(at("make the folder of"))?;
        let file =
            File::options().create(true).truncate(false).write(true).open(&path).map_err(at("open"))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { path, _locked: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(at("lock")(source)),
        }
    }

    /// Lets go for good, after the dream has ended.
    pub(super) fn retire(self) {
        // A file that cannot be removed is harmless.
        let _ = fs::remove_file(&self.path);
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
}
