//! State in a folder of files: one a machine keeps to itself, or a volume that several share.
//!
//! A write holds the folder's lock, an operating-system lock that dies with its process, compares, writes a
//! file beside the old one, syncs it, and moves it into place; readers take no lock and see the old object
//! or the new one. A shared volume must carry locks and renames between machines, as NFS 4 does.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::names::{self, ENDING, MARKER, Marker};
use super::{Key, PutIf, StateError, StateStore, Version, Versioned};
use crate::own_folder::IGNORE_FILE;

/// How long a write waits for another one. A write takes milliseconds; this is for a disk that stalls.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait between two looks at the lock.
const PAUSE: Duration = Duration::from_millis(2);
/// The lock of all writes.
const LOCK: &str = ".lock";
/// What files begin with that are not in place yet.
const UNFINISHED: &str = ".new-";

/// State in a folder.
#[derive(Debug)]
pub struct FolderState {
    root: PathBuf,
    is_writing: bool,
    patience: Duration,
}

impl FolderState {
    /// Opens a folder, making it if needed.
    ///
    /// # Errors
    ///
    /// Says what stood in the way, such as a folder that holds something else.
    pub async fn open(root: &Path) -> Result<Self, StateError> {
        let state = Self { root: root.to_owned(), is_writing: true, patience: PATIENCE };
        let failed = |error: io::Error| state.unavailable("open", error);
        fs::create_dir_all(root).map_err(failed)?;
        if !state.check_marker()? {
            state.check_bare()?;
        }
        let _lock = state.lock("open").await?;
        // Whatever a process that died had begun; nobody else is writing now.
        for entry in fs::read_dir(root).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        if !state.check_marker()? {
            state.replace(&root.join(MARKER), Marker::text().as_bytes()).map_err(failed)?;
            sync_folder(root).map_err(failed)?;
        }
        Ok(state)
    }

    /// Opens a folder for reading only; `None` if there is no state in it yet.
    ///
    /// # Errors
    ///
    /// As [`FolderState::open`].
    pub fn open_read_only(root: &Path) -> Result<Option<Self>, StateError> {
        let state = Self { root: root.to_owned(), is_writing: false, patience: PATIENCE };
        if !root.exists() {
            return Ok(None);
        }
        if !state.check_marker()? {
            state.check_bare()?;
            return Ok(None);
        }
        Ok(Some(state))
    }

    /// Says whether there is a marker, after making sure that this version can read it.
    fn check_marker(&self) -> Result<bool, StateError> {
        match fs::read(self.root.join(MARKER)) {
            Ok(text) => Marker::check(&text, &self.root.display().to_string()).map(|()| true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.unavailable("open", error)),
        }
    }

    /// Makes sure that a folder without a marker holds nothing else.
    fn check_bare(&self) -> Result<(), StateError> {
        let entries = fs::read_dir(&self.root).map_err(|error| self.unavailable("open", error))?;
        for entry in entries {
            let name = entry.map_err(|error| self.unavailable("open", error))?.file_name();
            let name = name.to_string_lossy();
            let is_ours =
                [LOCK, MARKER, IGNORE_FILE].contains(&name.as_ref()) || name.starts_with(UNFINISHED);
            if !is_ours {
                return Err(self.unavailable("open", "the folder holds something else"));
            }
        }
        Ok(())
    }

    fn unavailable(&self, action: &'static str, reason: impl ToString) -> StateError {
        StateError::Unavailable { action, place: self.root.display().to_string(), reason: reason.to_string() }
    }

    /// Waits for the right to write.
    async fn lock(&self, action: &'static str) -> Result<File, StateError> {
        if !self.is_writing {
            return Err(self.unavailable(action, "the folder was opened for reading"));
        }
        let failed = |error: io::Error| self.unavailable(action, error);
        let path = self.root.join(LOCK);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if began.elapsed() >= self.patience => {
                    return Err(
                        self.unavailable(action, "another process has been writing to it for too long")
                    );
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    fn file(&self, key: &Key) -> PathBuf {
        self.root.join(names::path(key) + ENDING)
    }

    fn found(&self, key: &Key) -> Result<Option<Versioned>, StateError> {
        match fs::read(self.file(key)) {
            Ok(whole) => {
                let damaged = |reason: String| StateError::Damaged { key: key.clone(), reason };
                let (nonce, bytes) = names::unstamped(&whole).map_err(damaged)?;
                Ok(Some(Versioned { bytes, version: Version(nonce) }))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unavailable("read", error)),
        }
    }

    /// Writes a file beside its place, syncs it, and moves it there. A failure leaves the old one.
    fn replace(&self, place: &Path, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.root.join(format!("{UNFINISHED}{}", names::nonce()));
        let write = || {
            let mut file = File::create_new(&unfinished)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&unfinished, place)
        };
        let written = write();
        if written.is_err() {
            // What stays here is swept away at the next opening.
            let _gone = fs::remove_file(&unfinished);
        }
        written
    }

    /// Makes the folder of a file, and makes its name last. A link on the way could lead anywhere.
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        let mut ways: Vec<&Path> = folder.ancestors().take_while(|above| *above != self.root).collect();
        ways.reverse();
        for way in ways {
            match way.symlink_metadata() {
                Ok(found) if found.is_symlink() => {
                    return Err(io::Error::other(format!("`{}` is a link", way.display())));
                }
                Ok(_) => {}
                Err(_) => {
                    fs::create_dir(way)?;
                    sync_folder(way.parent().unwrap_or(&self.root))?;
                }
            }
        }
        Ok(())
    }

    /// Gathers the keys below a folder that start with a text.
    fn gather(&self, folder: &Path, prefix: &str, keys: &mut Vec<Key>) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                self.gather(&entry.path(), prefix, keys)?;
                continue;
            }
            let path = entry.path();
            let below = path.strip_prefix(&self.root).ok().and_then(Path::to_str);
            let key = below.and_then(|path| path.strip_suffix(ENDING)).and_then(names::key);
            keys.extend(key.filter(|key| key.as_str().starts_with(prefix)));
        }
        Ok(())
    }
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    // Only Unix opens a folder like a file.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[async_trait]
impl StateStore for FolderState {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StateError> {
        self.found(key)
    }

    async fn put(&self, key: &Key, bytes: &[u8], when: PutIf) -> Result<Version, StateError> {
        let failed = |error: io::Error| self.unavailable("write", error);
        let _lock = self.lock("write").await?;
        let now = self.found(key)?.map(|found| found.version);
        let holds = match &when {
            PutIf::Absent => now.is_none(),
            PutIf::Version(version) => now.as_ref() == Some(version),
        };
        if !holds {
            return Err(StateError::Conflict { key: key.clone() });
        }
        let nonce = names::nonce();
        let file = self.file(key);
        let folder = file.parent().unwrap_or(&self.root);
        self.make_folder(folder).map_err(failed)?;
        self.replace(&file, &names::stamped(&nonce, bytes)).map_err(failed)?;
        sync_folder(folder).map_err(|error| StateError::InDoubt {
            key: key.clone(),
            place: self.root.display().to_string(),
            reason: error.to_string(),
        })?;
        Ok(Version(nonce))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Key>, StateError> {
        let mut keys = Vec::new();
        self.gather(&self.root.join(names::folder(prefix)), prefix, &mut keys)
            .map_err(|error| self.unavailable("read", error))?;
        keys.sort();
        Ok(keys)
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<(), StateError> {
        let failed = |error: io::Error| self.unavailable("write", error);
        let _lock = self.lock("write").await?;
        if self.found(key)?.map(|found| found.version).as_ref() != Some(version) {
            return Err(StateError::Conflict { key: key.clone() });
        }
        let file = self.file(key);
        fs::remove_file(&file).map_err(failed)?;
        sync_folder(file.parent().unwrap_or(&self.root)).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key("aliases/a".to_owned())
    }

    fn told(result: Result<impl Sized, StateError>) -> String {
        result.err().expect("refused").to_string()
    }

    #[tokio::test]
    async fn looking_makes_nothing_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("state");
        assert!(FolderState::open_read_only(&root).unwrap().is_none());
        assert!(!root.exists());
        let state = FolderState::open(&root).await.unwrap();
        let version = state.put(&key(), b"x", PutIf::Absent).await.unwrap();
        let looking = FolderState::open_read_only(&root).unwrap().unwrap();
        assert_eq!(looking.get(&key()).await.unwrap().unwrap().bytes, b"x");
        let refused = told(looking.put(&key(), b"y", PutIf::Version(version.clone())).await);
        assert!(refused.ends_with("the folder was opened for reading"), "{refused}");
        let refused = told(looking.delete(&key(), &version).await);
        assert!(refused.ends_with("the folder was opened for reading"), "{refused}");
    }

    #[tokio::test]
    async fn a_folder_of_something_else_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("recipe.txt"), "cake").unwrap();
        let refusals =
            [told(FolderState::open(folder.path()).await), told(FolderState::open_read_only(folder.path()))];
        for refused in refusals {
            assert!(refused.ends_with("the folder holds something else"), "{refused}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_newer_layout_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(MARKER), "{\"dreamrun_state\": 2}").unwrap();
        let refusals =
            [told(FolderState::open(folder.path()).await), told(FolderState::open_read_only(folder.path()))];
        for refused in refusals {
            assert!(refused.ends_with("in state has format 2, this version reads up to 1"), "{refused}");
        }
    }

    #[tokio::test]
    async fn what_a_process_that_died_left_is_never_read_and_swept_away() {
        let folder = tempfile::tempdir().unwrap();
        let state = FolderState::open(folder.path()).await.unwrap();
        state.put(&key(), b"x", PutIf::Absent).await.unwrap();
        let left = folder.path().join(format!("{UNFINISHED}abc"));
        fs::write(&left, "half").unwrap();
        assert_eq!(state.list("").await.unwrap(), [key()]);
        FolderState::open(folder.path()).await.unwrap();
        assert!(!left.exists());
        assert_eq!(state.get(&key()).await.unwrap().unwrap().bytes, b"x");
    }

    #[tokio::test]
    async fn a_lock_that_is_not_let_go_is_told_and_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = FolderState::open(folder.path()).await.unwrap();
        state.patience = Duration::ZERO;
        let held = state.lock("write").await.unwrap();
        let refused = told(state.put(&key(), b"x", PutIf::Absent).await);
        assert!(refused.ends_with("another process has been writing to it for too long"), "{refused}");
        drop(held);
        assert_eq!(state.get(&key()).await.unwrap(), None);
        state.put(&key(), b"x", PutIf::Absent).await.unwrap();
    }

    #[tokio::test]
    async fn an_object_that_was_cut_or_edited_is_told_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let state = FolderState::open(folder.path()).await.unwrap();
        state.put(&key(), b"x", PutIf::Absent).await.unwrap();
        for content in ["", "{}\n"] {
            fs::write(folder.path().join("aliases/a.json"), content).unwrap();
            let refused = told(state.get(&key()).await);
            assert!(refused.starts_with("`aliases/a` in state is damaged: it "), "{refused}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nothing_is_written_through_a_link() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let state = FolderState::open(folder.path()).await.unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("aliases")).unwrap();
        let refused = told(state.put(&key(), b"x", PutIf::Absent).await);
        assert!(refused.ends_with("aliases` is a link"), "{refused}");
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }
}
