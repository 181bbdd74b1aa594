//! The database file: how it is opened, checked and locked. What its tables mean is told where they are used.
//!
//! One connection per process behind a mutex. Every call is one short transaction, so it may run on an
//! async thread; nothing waits for a mind or reads a transcript while it holds the connection. Other
//! processes may use the file at the same time: WAL lets them read during a write, `BEGIN IMMEDIATE` and
//! a busy timeout queue the writers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, Transaction, TransactionBehavior};

use super::error::{Failure, LocalError};

/// Raised whenever a table changes. History: 1, the first.
const SCHEMA: i64 = 1;
/// Marks a file as ours in SQLite's header ("drmr").
const APPLICATION_ID: i64 = 0x6472_6d72;
/// How long a call waits for another process's write. Writes take milliseconds, the longest (a dream's
/// output) a few hundred.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Enough for the indexes of a store of 10,000 memories, whose keys come in no order.
const CACHE_KIB: i64 = 32 * 1024;

/// The tables. A content is kept once, however many memories, versions and waiting dreams name it.
const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE contents (hash TEXT PRIMARY KEY, content TEXT NOT NULL) STRICT;
CREATE TABLE stores (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    origin TEXT UNIQUE,
    imported TEXT CHECK (imported IS NULL OR json_valid(imported)),
    created_at INTEGER NOT NULL,
    archived_at INTEGER
) STRICT;
CREATE TABLE memories (
    store TEXT NOT NULL REFERENCES stores (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    id TEXT NOT NULL,
    version TEXT NOT NULL,
    hash TEXT NOT NULL REFERENCES contents (hash),
    updated_at INTEGER,
    PRIMARY KEY (store, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX memories_by_hash ON memories (hash);
CREATE TABLE versions (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    store TEXT NOT NULL REFERENCES stores (id) ON DELETE CASCADE,
    memory TEXT NOT NULL,
    path TEXT NOT NULL,
    operation TEXT NOT NULL CHECK (operation IN ('created', 'modified', 'deleted')),
    hash TEXT REFERENCES contents (hash),
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX versions_by_path ON versions (store, path, seq);
CREATE INDEX versions_by_hash ON versions (hash);
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    file TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    written_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE dreams (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'canceled')),
    store TEXT NOT NULL,
    output TEXT,
    model TEXT NOT NULL,
    instructions TEXT,
    input_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    sessions_read INTEGER NOT NULL DEFAULT 0,
    changes_written INTEGER NOT NULL DEFAULT 0,
    error_kind TEXT,
    error_message TEXT,
    created_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX dreams_by_time ON dreams (created_at);
CREATE INDEX dreams_by_store ON dreams (store);
CREATE TABLE dream_memories (
    dream TEXT NOT NULL REFERENCES dreams (id),
    path TEXT NOT NULL,
    version TEXT NOT NULL,
    hash TEXT NOT NULL REFERENCES contents (hash),
    updated_at INTEGER,
    PRIMARY KEY (dream, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX dream_memories_by_hash ON dream_memories (hash);
CREATE TABLE dream_sessions (
    dream TEXT NOT NULL REFERENCES dreams (id),
    session TEXT NOT NULL,
    file TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    written_at INTEGER NOT NULL,
    reading TEXT CHECK (reading IS NULL OR json_valid(reading)),
    PRIMARY KEY (dream, session)
) STRICT, WITHOUT ROWID;
CREATE TABLE dream_changes (
    dream TEXT NOT NULL REFERENCES dreams (id),
    seq INTEGER NOT NULL,
    change TEXT NOT NULL CHECK (json_valid(change)),
    PRIMARY KEY (dream, seq)
) STRICT, WITHOUT ROWID;
";

/// The database of one backend.
#[derive(Debug)]
pub(super) struct Database {
    path: PathBuf,
    access: Access,
}

#[derive(Debug)]
enum Access {
    Full(Mutex<Connection>),
    /// Opened anew for each call: the file may appear, or change hands, in between.
    ReadOnly,
}

impl Database {
    /// Opens the file, making it and its folder if need be.
    pub(super) fn open(path: &Path) -> Result<Self, LocalError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|source| LocalError::File {
                path: folder.to_owned(),
                action: "make the folder",
                source,
            })?;
        }
        let mut connection =
            connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        let at = |failure: Failure| failure.at(path);
        // SQLite makes do with reading where it may not write.
        if connection.is_readonly("main").map_err(|e| at(e.into()))? {
            return Err(LocalError::ReadOnly { path: path.to_owned() });
        }
        check(&connection, path)?;
        choose_journal(&connection, path).map_err(at)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(|e| at(e.into()))?;
        make_tables(&mut connection).map_err(at)?;
        // A second look: another process may have been first to make the tables.
        check(&connection, path)?;
        Ok(Self { path: path.to_owned(), access: Access::Full(Mutex::new(connection)) })
    }

    /// Looks at the file, which need not exist, and never writes to it or beside it.
    pub(super) fn open_read_only(path: &Path) -> Result<Self, LocalError> {
        undisturbed(path, || look(path))?;
        Ok(Self { path: path.to_owned(), access: Access::ReadOnly })
    }

    /// Returns the file's path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Says whether writes are possible.
    pub(super) fn is_writable(&self) -> bool {
        matches!(self.access, Access::Full(_))
    }

    /// Reads as of one moment. `f` may be asked again, if a process that was not there began to write
    /// during a look.
    pub(super) fn read<T>(
        &self,
        mut f: impl FnMut(&Connection) -> Result<T, Failure>,
    ) -> Result<T, LocalError> {
        let mut within = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            f(&transaction)
        };
        let at = |failure: Failure| failure.at(&self.path);
        match &self.access {
            Access::Full(connection) => {
                within(&mut connection.lock().unwrap_or_else(PoisonError::into_inner)).map_err(at)
            }
            Access::ReadOnly => undisturbed(&self.path, || within(&mut look(&self.path)?).map_err(at)),
        }
    }

    /// Performs one durable transaction: all of it has happened when this returns, or none.
    pub(super) fn write<T>(
        &self,
        f: impl FnOnce(&Transaction) -> Result<T, Failure>,
    ) -> Result<T, LocalError> {
        let Access::Full(connection) = &self.access else {
            return Err(LocalError::ReadOnly { path: self.path.clone() });
        };
        let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        let at = |failure: Failure| failure.at(&self.path);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|e| at(e.into()))?;
        let value = f(&transaction).map_err(at)?;
        transaction.commit().map_err(|source| match source.sqlite_error_code() {
            Some(ErrorCode::SystemIoFailure) => LocalError::Unconfirmed { path: self.path.clone(), source },
            _ => at(source.into()),
        })?;
        Ok(value)
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, LocalError> {
    let open = || -> Result<Connection, rusqlite::Error> {
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    };
    open().map_err(|e| Failure::from(e).at(path))
}

/// Opens for reading alone.
///
/// A database at rest is opened as immutable, since a plain reader of a WAL database would leave two files
/// beside it. One with a log is in use, or was left by a killed process, and is read together with its log.
fn look(path: &Path) -> Result<Connection, LocalError> {
    match fs::metadata(path) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut nothing = Connection::open_in_memory().map_err(|e| Failure::from(e).at(path))?;
            make_tables(&mut nothing).map_err(|failure| failure.at(path))?;
            return Ok(nothing);
        }
        Err(source) => return Err(LocalError::File { path: path.to_owned(), action: "open", source }),
    }
    let connection = if beside(path, "-journal").exists() {
        // A killed process may have left a change half made, and taking that back is a write.
        connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?
    } else if has_log(path) {
        connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?
    } else {
        let uri = PathBuf::from(format!("file:{}?immutable=1", percent_encode(path)));
        connect(&uri, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)?
    };
    if check(&connection, path)? == 0 {
        // Made by a process that has not got as far as the tables.
        let mut nothing = Connection::open_in_memory().map_err(|e| Failure::from(e).at(path))?;
        make_tables(&mut nothing).map_err(|failure| failure.at(path))?;
        return Ok(nothing);
    }
    Ok(connection)
}

/// Repeats a look at a database at rest, if it turns out not to have been at rest all the while.
fn undisturbed<T>(path: &Path, mut look: impl FnMut() -> Result<T, LocalError>) -> Result<T, LocalError> {
    let stamp = || {
        let metadata = fs::metadata(path).ok();
        (has_log(path), metadata.and_then(|file| Some((file.len(), file.modified().ok()?))))
    };
    let mut before = stamp();
    for _ in 0..LOOKS {
        let seen = look();
        let after = stamp();
        // With a log on both sides SQLite's own locks were at work.
        if before == after || (before.0 && seen.is_ok()) {
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
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
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

/// Returns the file's schema version, 0 for an empty file, after making sure that it is ours to read.
fn check(connection: &Connection, path: &Path) -> Result<i64, LocalError> {
    let at = |e: rusqlite::Error| Failure::from(e).at(path);
    // One view of all that is asked: another process may be making the tables.
    let connection = connection.unchecked_transaction().map_err(at)?;
    let number =
        |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map_err(at);
    let found = number("user_version")?;
    let application = number("application_id")?;
    if application != APPLICATION_ID {
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(at)?;
        if application != 0 || tables > 0 {
            return Err(LocalError::Foreign { path: path.to_owned() });
        }
    }
    if found > SCHEMA {
        let written_by = connection
            .query_row("SELECT value FROM meta WHERE key = 'written_by'", [], |row| row.get(0))
            .unwrap_or_else(|_| "a later dreamrun".to_owned());
        return Err(LocalError::NewerSchema { path: path.to_owned(), found, known: SCHEMA, written_by });
    }
    Ok(found)
}

/// Turns on WAL, or where that is impossible the plain rollback journal.
fn choose_journal(connection: &Connection, path: &Path) -> Result<(), Failure> {
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
fn set_journal(connection: &Connection, mode: &str) -> Result<String, Failure> {
    let until = Instant::now() + BUSY_TIMEOUT;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", mode, |row| row.get(0)) {
            Err(e) if e.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(10));
            }
            other => return Ok(other?),
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

fn make_tables(connection: &mut Connection) -> Result<(), Failure> {
    let version = |c: &Connection| c.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    if version(connection)? == SCHEMA {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if version(&transaction)? == 0 {
        transaction.execute_batch(TABLES)?;
        let this = concat!("dreamrun ", env!("CARGO_PKG_VERSION"));
        transaction.execute("INSERT INTO meta VALUES ('written_by', ?1)", [this])?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", SCHEMA)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Reads a text column as something that checks its text.
pub(super) fn parsed<T, E>(
    row: &Row,
    column: usize,
    parse: impl FnOnce(String) -> Result<T, E>,
) -> rusqlite::Result<T>
where
    E: std::fmt::Display,
{
    parse(row.get(column)?).map_err(|error| unreadable(column, error.to_string()))
}

/// As [`parsed`], for a column that may be empty.
pub(super) fn parsed_opt<T, E>(
    row: &Row,
    column: usize,
    parse: impl FnOnce(String) -> Result<T, E>,
) -> rusqlite::Result<Option<T>>
where
    E: std::fmt::Display,
{
    match row.get::<_, Option<String>>(column)? {
        None => Ok(None),
        Some(text) => parse(text).map(Some).map_err(|error| unreadable(column, error.to_string())),
    }
}

/// Reads a time, kept in microseconds.
pub(super) fn time(row: &Row, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(row.get(column)?).map_err(|error| unreadable(column, error.to_string()))
}

/// As [`time`], for a column that may be empty.
pub(super) fn time_opt(row: &Row, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(column)?
        .map(|micros| Timestamp::from_microsecond(micros).map_err(|e| unreadable(column, e.to_string())))
        .transpose()
}

/// Reads a count.
pub(super) fn count(row: &Row, column: usize) -> rusqlite::Result<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|error| unreadable(column, error.to_string()))
}

/// Makes a count a column's value; counts beyond what SQLite holds do not occur.
pub(super) fn as_column(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn unreadable(column: usize, reason: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, reason.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn meta(database: &Database) -> Result<i64, LocalError> {
        database.read(|db| Ok(db.query_row("SELECT count(*) FROM meta", [], |row| row.get(0))?))
    }

    #[test]
    fn a_database_is_made_with_its_folder_and_is_durable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/local.db");
        let database = Database::open(&path).unwrap();
        let pragma = |name: &str| {
            database.read(|db| Ok(db.pragma_query_value(None, name, |row| row.get::<_, i64>(0))?)).unwrap()
        };
        assert_eq!((pragma("synchronous"), pragma("foreign_keys"), pragma("user_version")), (2, 1, SCHEMA));
        let mode: String =
            database.read(|db| Ok(db.pragma_query_value(None, "journal_mode", |row| row.get(0))?)).unwrap();
        assert!(["wal", "truncate"].contains(&mode.as_str()));
        drop(database);
        assert_eq!(names(path.parent().unwrap()), ["local.db"], "a clean end leaves one file");
    }

    #[test]
    fn looking_writes_nothing_whether_the_file_is_there_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("with space?.db");
        let database = Database::open_read_only(&path).unwrap();
        assert_eq!(meta(&database).unwrap(), 1);
        assert!(names(folder.path()).is_empty());

        let writer = Database::open(&path).unwrap();
        assert_eq!(meta(&database).unwrap(), 1, "a file in use is read with its log");
        writer.write(|db| Ok(db.execute("INSERT INTO meta VALUES ('x', 'y')", [])?)).unwrap();
        assert_eq!(meta(&database).unwrap(), 2);
        drop(writer);
        assert_eq!(meta(&database).unwrap(), 2);
        assert_eq!(names(folder.path()), ["with space?.db"]);
        let refused = database.write(|_| Ok(()));
        assert!(matches!(refused, Err(LocalError::ReadOnly { .. })), "{refused:?}");
    }

    #[test]
    fn a_later_schema_is_refused_by_the_name_of_its_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("local.db");
        let database = Database::open(&path).unwrap();
        database
            .write(|db| {
                db.execute("UPDATE meta SET value = 'dreamrun 7.1.0' WHERE key = 'written_by'", [])?;
                Ok(db.pragma_update(None, "user_version", SCHEMA + 6)?)
            })
            .unwrap();
        drop(database);
        for opened in [Database::open(&path), Database::open_read_only(&path)] {
            let told = opened.unwrap_err().to_string().replace(folder.path().to_str().unwrap(), "DIR");
            insta::allow_duplicates! {
                insta::assert_snapshot!(told, @"`DIR/local.db` was written by dreamrun 7.1.0 (schema 7), and this version reads schemas up to 1; use dreamrun 7.1.0 or later");
            }
        }
    }

    #[test]
    fn another_file_is_not_taken_for_a_database_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("notes.md");
        fs::write(
            &text,
            "# Notes, long enough to hold a header of SQLite's own, and then some more. ".repeat(4),
        )
        .unwrap();
        let other = folder.path().join("other.db");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        for path in [&text, &other] {
            let before = fs::read(path).unwrap();
            for opened in [Database::open(path), Database::open_read_only(path)] {
                assert!(matches!(opened, Err(LocalError::Foreign { .. })), "{opened:?}");
            }
            assert_eq!(fs::read(path).unwrap(), before);
        }
    }

    #[test]
    fn many_may_open_a_new_database_at_once() {
        for _ in 0..8 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("new/local.db");
            let together = std::sync::Barrier::new(8);
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        together.wait();
                        let database = Database::open(&path).unwrap();
                        assert_eq!(meta(&database).unwrap(), 1);
                        assert_eq!(meta(&Database::open_read_only(&path).unwrap()).unwrap(), 1);
                    });
                }
            });
        }
    }

    #[test]
    fn a_refused_write_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("local.db")).unwrap();
        let refused: Result<(), _> = database.write(|db| {
            db.execute("INSERT INTO meta VALUES ('x', 'y')", [])?;
            Err(Failure::refused(crate::backend::Refusal::Conflict, "no"))
        });
        assert!(matches!(refused, Err(LocalError::Refused { .. })));
        assert_eq!(meta(&database).unwrap(), 1);
    }

    #[test]
    fn a_full_disk_is_told_as_one_and_nothing_is_half_written() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("local.db")).unwrap();
        let full = database.write(|db| {
            let pages: i64 = db.pragma_query_value(None, "page_count", |row| row.get(0))?;
            db.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
            Ok(db.execute("INSERT INTO meta VALUES ('big', ?1)", ["x".repeat(1 << 20)])?)
        });
        assert!(matches!(full, Err(LocalError::DiskFull { .. })), "{full:?}");
        assert_eq!(meta(&database).unwrap(), 1);
    }

    #[test]
    fn network_file_systems_are_known_by_the_longest_mount() {
        let mounts = "rootfs / ext4 rw 0 0\nserver:/x /mnt/my\\040share nfs4 rw 0 0\n/dev/sdb /mnt/my\\040share/disk xfs rw 0 0\n";
        assert!(!is_network_mount(mounts, Path::new("/home/me")));
        assert!(is_network_mount(mounts, Path::new("/mnt/my share/project")));
        assert!(!is_network_mount(mounts, Path::new("/mnt/my share/disk/project")));
        assert!(!is_network_mount("", Path::new("/")));
    }

    #[test]
    fn a_change_that_was_cut_off_is_taken_back_by_whoever_looks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("local.db");
        drop(Database::open(&path).unwrap());
        let db = Connection::open(&path).unwrap();
        db.pragma_update(None, "journal_mode", "DELETE").unwrap();
        // So small a cache makes the change reach the file before it is committed.
        db.pragma_update(None, "cache_size", 1).unwrap();
        db.execute_batch(
            "BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
             INSERT INTO contents SELECT i, hex(zeroblob(500)) FROM n",
        )
        .unwrap();
        let left = folder.path().join("left.db");
        fs::copy(&path, &left).unwrap();
        fs::copy(beside(&path, "-journal"), beside(&left, "-journal")).unwrap();
        assert!(fs::metadata(&left).unwrap().len() > 100_000, "the change has reached the file");

        let seen = Database::open_read_only(&left).unwrap();
        let count = |db: &Connection| {
            Ok(db.query_row("SELECT count(*) FROM contents", [], |row| row.get::<_, i64>(0))?)
        };
        assert_eq!(seen.read(count).unwrap(), 0);
    }
}
