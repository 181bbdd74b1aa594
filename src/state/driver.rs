//! The right to drive an alias from this machine: at most one process at a time.
//!
//! It is an operating-system lock on a small file, so a killed process loses it at once and nothing
//! has to time out. It spares two processes the work of racing; it is not what keeps a run safe. That
//! is the journal, whose events can each be created only once. Processes of several machines are kept
//! apart by the lease ([`super::lease`]).

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use uuid::Uuid;

use crate::ids::Alias;
use crate::memory::ContentHash;
use crate::own_folder;

/// Who drives an alias, as written into its lock file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Since when.
    pub since: Timestamp,
}

/// The right to drive one alias, given back on drop or death.
#[derive(Debug)]
pub struct DriverLock {
    _file: File,
    domain: String,
}

/// What came of asking for the right.
#[derive(Debug)]
pub enum Acquired {
    /// It is ours.
    Yes(DriverLock),
    /// Another process has it; who, if it has written that down yet.
    HeldBy(Option<Holder>),
}

/// The file that names a lock folder.
const NAME: &str = "domain";
/// Where Linux says which start of the machine this is.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// Names a lock folder: two processes that find the same name lock the same files, on the same machine.
///
/// A folder that is copied, restored from a cache or mounted elsewhere has another name there, because the
/// name is made of the file's place on its disk and of the machine's start too.
///
/// # Errors
///
/// Fails when the file that names it cannot be made or read.
pub fn domain(folder: &Path) -> std::io::Result<String> {
    own_folder::make(folder)?;
    let path = folder.join(NAME);
    if !path.is_file() {
        let mut file = NamedTempFile::new_in(folder)?;
        write!(file, "{}", Uuid::now_v7().simple())?;
        match file.persist_noclobber(&path) {
            // Another process was faster: the name is its own.
            Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error.error),
            _ => {}
        }
    }
    let name = std::fs::read_to_string(&path)?;
    let boot = std::fs::read_to_string(BOOT).unwrap_or_default();
    let place = place(&std::fs::metadata(&path)?);
    Ok(ContentHash::of(format!("{name} {place} {boot}")).to_string())
}

/// Tells a file from its copies.
#[cfg(unix)]
fn place(file: &std::fs::Metadata) -> String {
    use std::os::unix::fs::MetadataExt as _;
    format!("{}:{}", file.dev(), file.ino())
}

#[cfg(not(unix))]
fn place(file: &std::fs::Metadata) -> String {
    format!("{:?}", file.created().ok())
}

fn lock_file(folder: &Path, alias: &Alias) -> PathBuf {
    folder.join(format!("{alias}.lock"))
}

impl DriverLock {
    /// Asks for the right to drive an alias. `folder` holds the lock files of one state.
    ///
    /// # Errors
    ///
    /// Fails when the lock file cannot be made or locked for another reason than being held.
    pub fn acquire(folder: &Path, alias: &Alias, now: Timestamp) -> std::io::Result<Acquired> {
        let domain = domain(folder)?;
        let path = lock_file(folder, alias);
        let mut file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {
                let holder = Holder { pid: std::process::id(), since: now };
                file.set_len(0)?;
                file.seek(SeekFrom::Start(0))?;
                file.write_all(&serde_json::to_vec(&holder)?)?;
                Ok(Acquired::Yes(Self { _file: file, domain }))
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                Ok(Acquired::HeldBy(serde_json::from_str(&text).ok()))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Returns the name of the folder that the lock is in, by [`domain`].
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Says who drives an alias now, without asking for the right.
    pub fn holder(folder: &Path, alias: &Alias) -> Option<Holder> {
        let mut file = File::open(lock_file(folder, alias)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text).ok()?;
                serde_json::from_str(&text).ok()
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_to_ask_learns_who_was_first_until_the_first_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let alias = Alias::parse("support").unwrap();
        let now = Timestamp::from_second(1_000_000).unwrap();
        let Acquired::Yes(lock) = DriverLock::acquire(folder.path(), &alias, now).unwrap() else {
            panic!("nobody else holds it");
        };
        let Acquired::HeldBy(Some(holder)) = DriverLock::acquire(folder.path(), &alias, now).unwrap() else {
            panic!("the first still holds it");
        };
        assert_eq!(holder, Holder { pid: std::process::id(), since: now });
        assert_eq!(DriverLock::holder(folder.path(), &alias), Some(holder));
        drop(lock);
        assert_eq!(DriverLock::holder(folder.path(), &alias), None);
        assert!(matches!(DriverLock::acquire(folder.path(), &alias, now).unwrap(), Acquired::Yes(_)));
    }

    #[test]
    fn a_lock_folder_has_one_name_and_its_copy_another() {
        let (one, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let name = domain(one.path()).unwrap();
        assert_eq!(domain(one.path()).unwrap(), name);
        std::fs::copy(one.path().join(NAME), copy.path().join(NAME)).unwrap();
        assert_ne!(domain(copy.path()).unwrap(), name);
    }
}
