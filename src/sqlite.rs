//! How SQLite files are opened: for work, or to look without leaving a trace. What is in them, and whose
//! they are, is the business of those who open them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rusqlite::{Connection, ErrorCode, OpenFlags};

/// How long a call waits for another process's write. Writes take milliseconds, the longest (a dream's
/// output) a few hundred.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens a file for reading and writing, making it if need be; writes wait so long for those of others.
pub(crate) fn open(path: &Path, patience: Duration) -> rusqlite::Result<Connection> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE, patience)
}

fn connect(path: &Path, flags: OpenFlags, patience: Duration) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(patience)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// Opens a file for reading alone. To be used within [`undisturbed`].
///
/// A database at rest is opened as immutable, since a plain reader of a WAL database would leave two files
/// beside it. One with a log is in use, or was left by a killed process, and is read together with its log.
pub(crate) fn open_to_look(path: &Path) -> rusqlite::Result<Connection> {
    if beside(path, "-journal").exists() {
        // A killed process may have left a change half made, and taking that back is a write.
        return connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, BUSY_TIMEOUT);
    }
    if has_log(path) {
        return connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, BUSY_TIMEOUT);
    }
    let uri = PathBuf::from(format!("file:{}?immutable=1", percent_encode(path)));
    connect(&uri, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI, BUSY_TIMEOUT)
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    has_log: bool,
    file: Option<(u64, SystemTime)>,
}

impl Stamp {
    /// Takes the stamp of a file.
    pub(crate) fn of(path: &Path) -> Self {
        let metadata = fs::metadata(path).ok();
        let file = metadata.and_then(|file| Some((file.len(), file.modified().ok()?)));
        Self { has_log: has_log(path), file }
    }

    /// Says whether nobody writes to the file.
    pub(crate) fn is_at_rest(&self) -> bool {
        !self.has_log
    }
}

/// Repeats a look at a database at rest, if it turns out not to have been at rest all the while.
pub(crate) fn undisturbed<T, E>(path: &Path, mut look: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let mut before = Stamp::of(path);
    for _ in 0..LOOKS {
        let seen = look();
        let after = Stamp::of(path);
        // With a log on both sides SQLite's own locks were at work.
        if before == after || (before.has_log && seen.is_ok()) {
            return seen;
        }
        before = after;
    }
    look()
}

/// How often a look is repeated; each time another process has to come or go within milliseconds.
const LOOKS: usize = 32;

fn has_log(path: &Path) -> bool {
    beside(path, "-wal").exists() || beside(path, "-journal").exists()
}

/// Returns a path with something added to its last name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn percent_encode(path: &Path) -> String {
    let mut text = String::new();
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                text.push(char::from(byte))
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// Turns on WAL, or where that is impossible the plain rollback journal.
pub(crate) fn choose_journal(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    if is_on_network(path) {
        set_journal(connection, "TRUNCATE")?;
        return Ok(());
    }
    if set_journal(connection, "WAL")? != "wal" {
        tracing::warn!(path = %path.display(), "no write-ahead log here; using a rollback journal");
        set_journal(connection, "TRUNCATE")?;
    }
    Ok(())
}

/// Sets the journal mode and returns the one in force. SQLite does not wait for others when it changes
/// the mode, so this does.
fn set_journal(connection: &Connection, mode: &str) -> rusqlite::Result<String> {
    let until = Instant::now() + BUSY_TIMEOUT;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", mode, |row| row.get(0)) {
            Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(10));
            }
            other => return other,
        }
    }
}

/// Says whether a file lies on a network file system, where WAL's shared memory corrupts the database.
/// Only Linux tells; elsewhere SQLite's own answer has to do.
fn is_on_network(path: &Path) -> bool {
    let Ok(mounts) = fs::read_to_string("/proc/self/mounts") else { return false };
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(folder) = folder.canonicalize() else { return false };
    is_network_mount(&mounts, &folder)
}

fn is_network_mount(mounts: &str, folder: &Path) -> bool {
    let kind = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ').skip(1);
            let point = fields.next()?.replace("\\040", " ");
            folder.starts_with(&point).then_some((point.len(), fields.next()?))
        })
        .max_by_key(|&(length, _)| length)
        .map_or("", |(_, kind)| kind);
    matches!(kind, "nfs" | "nfs4" | "cifs" | "smb3" | "smbfs" | "9p" | "afs" | "ceph" | "fuse.sshfs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_the_longest_mount() {
        let mounts = "rootfs / ext4 rw 0 0\nserver:/x /mnt/my\\040share nfs4 rw 0 0\n/dev/sdb /mnt/my\\040share/disk xfs rw 0 0\n";
        assert!(!is_network_mount(mounts, Path::new("/home/me")));
        assert!(is_network_mount(mounts, Path::new("/mnt/my share/project")));
        assert!(!is_network_mount(mounts, Path::new("/mnt/my share/disk/project")));
        assert!(!is_network_mount("", Path::new("/")));
    }
}
