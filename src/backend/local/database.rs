//! The database file: how it is opened, checked and locked. What its tables mean is told where they are used.
//!
//! One connection per process behind a mutex, and a few more for reads that would otherwise wait for it.
//! Every call is one short transaction, so it may run on an async thread, which hands its other work on
//! while it waits for a longer one; nothing waits for a mind or reads a transcript file while
//! it holds a connection. Other processes may use the file at the same time: WAL lets them read during a write,
//! `BEGIN IMMEDIATE` and a busy timeout queue the writers.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, Row, Transaction, TransactionBehavior};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

use crate::own_folder;
use crate::sqlite::{self, BUSY_TIMEOUT};

use super::error::{Failure, LocalError};

/// Raised whenever a table changes. History: 1, the first; 2, what the HTTP API shows.
const SCHEMA: i64 = 2;
/// Marks a file as ours in SQLite's header ("drmr").
const APPLICATION_ID: i64 = 0x6472_6d72;
/// Enough for the indexes of a store of 10,000 memories, whose keys come in no order.
const CACHE_KIB: i64 = 32 * 1024;

/// The same for a connection that only reads.
const READER_CACHE_KIB: i64 = 8 * 1024;
/// The most connections that only read. They are opened when reads meet.
const READERS: usize = 3;

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

/// What schema 2 adds: what only the HTTP API shows of stores, versions and dreams, and what is recorded
/// through it. `body` is the resource as the API answers it; the columns beside it are what lists filter
/// and sort by. A redacted version has an empty path.
const TABLES_2: &str = "
ALTER TABLE stores ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE stores ADD COLUMN metadata TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metadata));
ALTER TABLE stores ADD COLUMN updated_at INTEGER;
ALTER TABLE stores ADD COLUMN memories INTEGER NOT NULL DEFAULT 0;
CREATE INDEX stores_by_time ON stores (created_at, id);
UPDATE stores SET memories = (SELECT count(*) FROM memories WHERE store = stores.id);
CREATE TRIGGER memory_came AFTER INSERT ON memories
BEGIN UPDATE stores SET memories = memories + 1 WHERE id = NEW.store; END;
CREATE TRIGGER memory_went AFTER DELETE ON memories
BEGIN UPDATE stores SET memories = memories - 1 WHERE id = OLD.store; END;
ALTER TABLE memories ADD COLUMN created_at INTEGER;
CREATE UNIQUE INDEX memories_by_id ON memories (id);
ALTER TABLE versions ADD COLUMN actor TEXT CHECK (actor IS NULL OR json_valid(actor));
ALTER TABLE versions ADD COLUMN redacted_at INTEGER;
ALTER TABLE versions ADD COLUMN redacted_by TEXT CHECK (redacted_by IS NULL OR json_valid(redacted_by));
CREATE UNIQUE INDEX versions_by_id ON versions (id);
CREATE INDEX versions_by_memory ON versions (store, memory, seq);
CREATE INDEX versions_by_store ON versions (store);
CREATE INDEX versions_by_session ON versions (store, actor ->> 'session_id')
WHERE actor ->> 'session_id' IS NOT NULL;
UPDATE memories SET created_at = (SELECT min(created_at) FROM versions
                                  WHERE store = memories.store AND memory = memories.id);
ALTER TABLE dreams ADD COLUMN mind TEXT;
ALTER TABLE dreams ADD COLUMN updates_existing INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dreams ADD COLUMN session TEXT;
ALTER TABLE dreams ADD COLUMN archived_at INTEGER;
ALTER TABLE dream_sessions ADD COLUMN events INTEGER;
CREATE INDEX dream_sessions_by_session ON dream_sessions (session);
CREATE TABLE agents (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    archived_at INTEGER,
    body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
CREATE TABLE agent_versions (
    agent TEXT NOT NULL REFERENCES agents (id),
    version INTEGER NOT NULL,
    body TEXT NOT NULL CHECK (json_valid(body)),
    PRIMARY KEY (agent, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE environments (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    archived_at INTEGER,
    body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
CREATE TABLE deployments (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    agent TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    archived_at INTEGER,
    body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
CREATE TABLE deployment_runs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    deployment TEXT NOT NULL,
    is_manual INTEGER NOT NULL,
    has_error INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
CREATE INDEX deployment_runs_by_deployment ON deployment_runs (deployment, seq);
CREATE TABLE recorded_sessions (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    agent TEXT NOT NULL,
    agent_version INTEGER NOT NULL,
    deployment TEXT,
    status TEXT NOT NULL CHECK (status IN ('rescheduling', 'running', 'idle', 'terminated')),
    is_dream_worker INTEGER NOT NULL DEFAULT 0,
    origin TEXT UNIQUE,
    created_at INTEGER NOT NULL,
    archived_at INTEGER,
    body TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
CREATE INDEX recorded_by_time ON recorded_sessions (created_at, seq);
CREATE INDEX recorded_by_agent ON recorded_sessions (agent, created_at, seq);
CREATE INDEX recorded_by_deployment ON recorded_sessions (deployment, created_at, seq);
CREATE TABLE session_stores (
    store TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seq INTEGER NOT NULL REFERENCES recorded_sessions (seq) ON DELETE CASCADE,
    PRIMARY KEY (store, created_at, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX session_stores_by_session ON session_stores (seq);
CREATE TABLE session_events (
    session TEXT NOT NULL REFERENCES recorded_sessions (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    id TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    processed_at INTEGER,
    body TEXT NOT NULL CHECK (json_valid(body)),
    PRIMARY KEY (session, seq)
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
    Full(Connections),
    /// Opened anew for each call: the file may appear, or change hands, in between.
    ReadOnly,
}

/// The connections of a process that may write.
#[derive(Debug)]
struct Connections {
    main: Mutex<Connection>,
    /// Without a write-ahead log there are none: a reader would wait for the writer all the same.
    readers: Vec<Mutex<Option<Connection>>>,
}

impl Connections {
    fn new(main: Connection) -> rusqlite::Result<Self> {
        let mode: String = main.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        let readers = if mode == "wal" { READERS } else { 0 };
        Ok(Self { main: Mutex::new(main), readers: (0..readers).map(|_| Mutex::new(None)).collect() })
    }

    /// Reads over the first connection that is free.
    fn read<T>(&self, path: &Path, f: impl FnOnce(&mut Connection) -> T) -> T {
        if let Ok(mut main) = self.main.try_lock() {
            return f(&mut main);
        }
        for reader in &self.readers {
            let Ok(mut reader) = reader.try_lock() else { continue };
            if reader.is_none() {
                *reader = open_reader(path).ok();
            }
            if let Some(connection) = reader.as_mut() {
                return f(connection);
            }
        }
        f(&mut self.main())
    }

    /// Returns the connection that writes, once nobody else uses it.
    fn main(&self) -> MutexGuard<'_, Connection> {
        if let Ok(main) = self.main.try_lock() {
            return main;
        }
        let wait = || self.main.lock().unwrap_or_else(PoisonError::into_inner);
        match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
            // What this thread drives besides goes on elsewhere: a dream may write a whole store meanwhile.
            Ok(RuntimeFlavor::MultiThread) => block_in_place(wait),
            _ => wait(),
        }
    }
}

fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = sqlite::open(path, BUSY_TIMEOUT).and_then(prepare)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

impl Database {
    /// Opens the file, making it and its folder if need be.
    pub(super) fn open(path: &Path) -> Result<Self, LocalError> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            own_folder::make(folder).map_err(|source| LocalError::File {
                path: folder.to_owned(),
                action: "make the folder",
                source,
            })?;
        }
        let at = |failure: Failure| failure.at(path);
        let mut connection = sqlite::open(path, BUSY_TIMEOUT).and_then(prepare).map_err(|e| at(e.into()))?;
        // SQLite makes do with reading where it may not write.
        if connection.is_readonly("main").map_err(|e| at(e.into()))? {
            return Err(LocalError::ReadOnly { path: path.to_owned() });
        }
        check(&connection, path)?;
        sqlite::choose_journal(&connection, path).map_err(|e| at(e.into()))?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(|e| at(e.into()))?;
        make_tables(&mut connection).map_err(at)?;
        // A second look: another process may have been first to make the tables.
        check(&connection, path)?;
        let connections = Connections::new(connection).map_err(|e| at(e.into()))?;
        Ok(Self { path: path.to_owned(), access: Access::Full(connections) })
    }

    /// Looks at the file, which need not exist, and never writes to it or beside it.
    pub(super) fn open_read_only(path: &Path) -> Result<Self, LocalError> {
        sqlite::undisturbed(path, || look(path))?;
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
            Access::Full(connections) => connections.read(&self.path, within).map_err(at),
            Access::ReadOnly => {
                sqlite::undisturbed(&self.path, || within(&mut look(&self.path)?).map_err(at))
            }
        }
    }

    /// Performs one durable transaction: all of it has happened when this returns, or none.
    pub(super) fn write<T>(
        &self,
        f: impl FnOnce(&Transaction) -> Result<T, Failure>,
    ) -> Result<T, LocalError> {
        let Access::Full(connections) = &self.access else {
            return Err(LocalError::ReadOnly { path: self.path.clone() });
        };
        let mut connection = connections.main();
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

/// Makes a connection ready for these tables.
fn prepare(connection: Connection) -> rusqlite::Result<Connection> {
    connection.pragma_update(None, "foreign_keys", true)?;
    // What was redacted or deleted leaves the file, too.
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens for reading alone; a file that is not there yet is read as one without rows.
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
    let connection = sqlite::open_to_look(path).and_then(prepare).map_err(|e| Failure::from(e).at(path))?;
    match check(&connection, path)? {
        SCHEMA => Ok(connection),
        0 => {
            // Made by a process that has not got as far as the tables.
            let mut nothing = Connection::open_in_memory().map_err(|e| Failure::from(e).at(path))?;
            make_tables(&mut nothing).map_err(|failure| failure.at(path))?;
            Ok(nothing)
        }
        _ => Err(LocalError::OlderSchema { path: path.to_owned() }),
    }
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

fn make_tables(connection: &mut Connection) -> Result<(), Failure> {
    let version = |c: &Connection| c.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    if version(connection)? == SCHEMA {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    if found < 1 {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    if found < SCHEMA {
        transaction.execute_batch(TABLES_2)?;
        let this = concat!("dreamrun ", env!("CARGO_PKG_VERSION"));
        transaction.execute("INSERT OR REPLACE INTO meta VALUES ('written_by', ?1)", [this])?;
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

/// As [`count`], for a column that may be empty.
pub(super) fn count_opt(row: &Row, column: usize) -> rusqlite::Result<Option<u64>> {
    row.get::<_, Option<i64>>(column)?
        .map(|number| u64::try_from(number).map_err(|error| unreadable(column, error.to_string())))
        .transpose()
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
                insta::assert_snapshot!(told, @"`DIR/local.db` was written by dreamrun 7.1.0 (schema 8), and this version reads schemas up to 2; use dreamrun 7.1.0 or later");
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
        fs::copy(sqlite::beside(&path, "-journal"), sqlite::beside(&left, "-journal")).unwrap();
        assert!(fs::metadata(&left).unwrap().len() > 100_000, "the change has reached the file");

        let seen = Database::open_read_only(&left).unwrap();
        let count = |db: &Connection| {
            Ok(db.query_row("SELECT count(*) FROM contents", [], |row| row.get::<_, i64>(0))?)
        };
        assert_eq!(seen.read(count).unwrap(), 0);
    }
}
