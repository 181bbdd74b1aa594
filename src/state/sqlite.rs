//! State in a SQLite file: the default.
//!
//! One table of keys. Writes are single statements in WAL mode with `synchronous=FULL`, so a write
//! that returned survives power loss, and a killed process leaves nothing half done.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use crate::own_folder;
use crate::sqlite::{self, BUSY_TIMEOUT, Stamp};

use super::{Key, PutIf, StateError, StateStore, Version, Versioned};

/// The layout this version writes, kept in `user_version`.
const LAYOUT: i64 = 1;
/// How long SQLite itself waits for a lock. Its waits grow, so that whoever has waited long waits on while others
/// come and go; the rest of the time is waited here, equally for all.
const BUSY: Duration = Duration::from_millis(2);
/// Marks a file as ours in SQLite's header ("drms").
const APPLICATION_ID: i64 = 0x6472_6d73;

/// State in a SQLite file.
#[derive(Debug)]
pub struct SqliteState {
    place: PathBuf,
    access: Access,
    /// How long a write waits for another process's write.
    patience: Duration,
}

#[derive(Debug)]
enum Access {
    Full(Mutex<Connection>),
    /// Leaves no trace: kept while the file is at rest, else opened anew.
    Looking(Mutex<Option<(Stamp, Connection)>>),
}

impl SqliteState {
    /// Opens the file, making it and its folder if needed.
    ///
    /// # Errors
    ///
    /// Says what stood in the way: no permission, a full disk, a file that is no database, or a
    /// layout newer than this version knows.
    pub fn open(place: &Path) -> Result<Self, StateError> {
        Self::open_waiting(place, BUSY_TIMEOUT)
    }

    /// Opens the file; a write waits so long for another process's write.
    fn open_waiting(place: &Path, patience: Duration) -> Result<Self, StateError> {
        if let Some(folder) = place.parent() {
            own_folder::make(folder).map_err(|error| unavailable("open", place, &error.to_string()))?;
        }
        let connection = sqlite::open(place, patience).map_err(|e| failed("open", place, &e))?;
        prepare(&connection, place)?;
        connection.busy_timeout(BUSY).map_err(|e| failed("open", place, &e))?;
        Ok(Self { place: place.to_owned(), access: Access::Full(Mutex::new(connection)), patience })
    }

    /// Opens the file for reading only; `None` if there is none yet. Nothing is written to the file or
    /// beside it, unless a change that was cut off has to be taken back.
    ///
    /// # Errors
    ///
    /// As [`SqliteState::open`].
    pub fn open_read_only(place: &Path) -> Result<Option<Self>, StateError> {
        if !place.exists() {
            return Ok(None);
        }
        let layout = sqlite::undisturbed(place, || {
            let connection = sqlite::open_to_look(place).map_err(|e| failed("open", place, &e))?;
            check_layout(&connection, place)
        })?;
        // A process that died right after making the file left it empty.
        let is_empty = layout == 0;
        let access = Access::Looking(Mutex::new(None));
        let state = Self { place: place.to_owned(), access, patience: Duration::ZERO };
        Ok((!is_empty).then_some(state))
    }

    /// Reads with whichever connection there is. `f` may be asked again if the file changed meanwhile.
    fn look<T>(&self, mut f: impl FnMut(&Connection) -> rusqlite::Result<T>) -> Result<T, StateError> {
        let read = match &self.access {
            Access::Full(connection) => self.patiently(|| f(&locked(connection))),
            Access::Looking(held) => {
                let mut held = locked(held);
                sqlite::undisturbed(&self.place, || {
                    let now = Stamp::of(&self.place);
                    let connection = match held.take() {
                        Some((then, connection)) if then == now && now.is_at_rest() => connection,
                        _ => sqlite::open_to_look(&self.place)?,
                    };
                    let seen = f(&connection);
                    // Held on to beside a writer, it would keep that one from tidying up at its end.
                    *held = now.is_at_rest().then_some((now, connection));
                    seen
                })
            }
        };
        read.map_err(|e| failed("read", &self.place, &e))
    }

    /// Does something again while another process is in the way: it has done nothing then.
    fn patiently<T>(&self, mut f: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let began = Instant::now();
        loop {
            match f() {
                Err(error) if is_busy(&error) && began.elapsed() < self.patience => std::thread::sleep(BUSY),
                done => return done,
            }
        }
    }

    /// Carries a statement out, and says how many rows it changed.
    fn change(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<usize, StateError> {
        let connection = self.writer()?;
        let execute = || connection.prepare_cached(sql)?.execute(values);
        self.patiently(execute).map_err(|e| failed("write", &self.place, &e))
    }

    /// Returns the connection that may write.
    fn writer(&self) -> Result<MutexGuard<'_, Connection>, StateError> {
        match &self.access {
            Access::Full(connection) => Ok(locked(connection)),
            Access::Looking(_) => Err(unavailable("write", &self.place, "the file is read-only")),
        }
    }
}

fn prepare(connection: &Connection, place: &Path) -> Result<(), StateError> {
    let fail = |e| failed("open", place, &e);
    let found = check_layout(connection, place)?;
    sqlite::choose_journal(connection, place).map_err(fail)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(fail)?;
    if found < LAYOUT {
        let tables = format!(
            "BEGIN IMMEDIATE;
             CREATE TABLE IF NOT EXISTS objects (
                 key TEXT PRIMARY KEY, version INTEGER NOT NULL, bytes BLOB NOT NULL
             ) STRICT, WITHOUT ROWID;
             PRAGMA application_id={APPLICATION_ID};
             PRAGMA user_version={LAYOUT};
             COMMIT;"
        );
        connection.execute_batch(&tables).map_err(fail)?;
    }
    Ok(())
}

/// Returns the file's layout, 0 for an empty file, after making sure that it is ours to read.
fn check_layout(connection: &Connection, place: &Path) -> Result<i64, StateError> {
    let fail = |e| failed("open", place, &e);
    // One view of all that is asked: another process may be making the table.
    let connection = connection.unchecked_transaction().map_err(fail)?;
    let number = |sql: &str| -> Result<i64, StateError> {
        connection.query_row(sql, [], |row| row.get(0)).map_err(fail)
    };
    let found = number("PRAGMA user_version")?;
    let application = number("PRAGMA application_id")?;
    let tables = number("SELECT count(*) FROM sqlite_schema WHERE type = 'table'")?;
    let is_foreign = application != 0 && application != APPLICATION_ID;
    let has_others = tables > 0 && number("SELECT count(*) FROM sqlite_schema WHERE name = 'objects'")? == 0;
    if is_foreign || has_others {
        return Err(unavailable("open", place, "the file belongs to another program"));
    }
    if found > LAYOUT {
        return Err(StateError::TooNew {
            key: Key(place.display().to_string()),
            found: found.to_string(),
            known: LAYOUT.to_string(),
            reader: None,
        });
    }
    Ok(found)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere cannot leave SQLite between statements, so the connection is still good.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode;
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn failed(action: &'static str, place: &Path, error: &rusqlite::Error) -> StateError {
    use rusqlite::ErrorCode;
    let reason = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full".to_owned(),
        Some(ErrorCode::ReadOnly) => "the file is read-only".to_owned(),
        Some(ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            format!("{error} (is the folder writable?)")
        }
        Some(ErrorCode::NotADatabase) => "the file is not a SQLite database".to_owned(),
        Some(ErrorCode::DatabaseCorrupt) => "the file is corrupt".to_owned(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process has been writing to it for too long".to_owned()
        }
        _ => error.to_string(),
    };
    unavailable(action, place, &reason)
}

fn unavailable(action: &'static str, place: &Path, reason: &str) -> StateError {
    StateError::Unavailable { action, place: place.display().to_string(), reason: reason.to_owned() }
}

#[async_trait]
impl StateStore for SqliteState {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StateError> {
        self.look(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT bytes, version FROM objects WHERE key = ?1")?;
            let found = statement.query_row(params![key.as_str()], |row| {
                let version: i64 = row.get(1)?;
                Ok(Versioned { bytes: row.get(0)?, version: Version(version.to_string()) })
            });
            found.optional()
        })
    }

    async fn put(&self, key: &Key, bytes: &[u8], when: PutIf) -> Result<Version, StateError> {
        let (written, version) = match when {
            PutIf::Absent => {
                let sql = "INSERT INTO objects (key, version, bytes) VALUES (?1, 1, ?2)
                           ON CONFLICT (key) DO NOTHING";
                (self.change(sql, params![key.as_str(), bytes])?, 1)
            }
            PutIf::Version(Version(read)) => {
                let Ok(read) = read.parse::<i64>() else {
                    return Err(StateError::Conflict { key: key.clone() });
                };
                let sql = "UPDATE objects SET bytes = ?2, version = version + 1
                           WHERE key = ?1 AND version = ?3";
                (self.change(sql, params![key.as_str(), bytes, read])?, read + 1)
            }
        };
        if written == 0 {
            return Err(StateError::Conflict { key: key.clone() });
        }
        Ok(Version(version.to_string()))
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Key>, StateError> {
        self.look(|connection| {
            // The range ends before the first text that is greater than every continuation.
            let mut statement = connection.prepare_cached(
                "SELECT key FROM objects WHERE key >= ?1 AND key < ?1 || char(1114111) ORDER BY key",
            )?;
            let keys = statement.query_map(params![prefix], |row| row.get(0).map(Key))?;
            keys.collect()
        })
    }

    async fn names(&self, prefix: &str) -> Result<Vec<String>, StateError> {
        self.look(|connection| {
            let mut next = connection.prepare_cached(
                "SELECT key FROM objects WHERE key >= ?1 AND key < ?2 || char(1114111) ORDER BY key LIMIT 1",
            )?;
            let mut names = std::collections::BTreeSet::new();
            let mut from = prefix.to_owned();
            while let Some(key) = next.query_row([&from, prefix], |row| row.get::<_, String>(0)).optional()? {
                let below = key.get(prefix.len()..).unwrap_or_default();
                let (name, skip) = match below.split_once('/') {
                    // `0` follows the slash: what is below the name is passed over in one step.
                    Some((name, _)) => (name, format!("{prefix}{name}0")),
                    None => (below, format!("{key}\u{1}")),
                };
                names.insert(name.to_owned());
                from = skip;
            }
            Ok(names.into_iter().collect())
        })
    }

    async fn read(&self, prefix: &str) -> Result<Vec<(Key, Versioned)>, StateError> {
        self.look(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT key, bytes, version FROM objects
                 WHERE key >= ?1 AND key < ?1 || char(1114111) ORDER BY key",
            )?;
            let objects = statement.query_map(params![prefix], |row| {
                let version: i64 = row.get(2)?;
                let object = Versioned { bytes: row.get(1)?, version: Version(version.to_string()) };
                Ok((Key(row.get(0)?), object))
            })?;
            objects.collect()
        })
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<(), StateError> {
        let conflict = || StateError::Conflict { key: key.clone() };
        let read: i64 = version.0.parse().map_err(|_| conflict())?;
        let sql = "DELETE FROM objects WHERE key = ?1 AND version = ?2";
        match self.change(sql, params![key.as_str(), read])? {
            0 => Err(conflict()),
            _ => Ok(()),
        }
    }

    async fn delete_all(&self, objects: &[(Key, Version)]) -> Result<(), StateError> {
        let sql = "DELETE FROM objects
                   WHERE (key, version) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";
        let version = |version: &Version| version.0.parse::<i64>().ok();
        let read: Vec<(&str, i64)> =
            objects.iter().filter_map(|(key, at)| Some((key.as_str(), version(at)?))).collect();
        self.change(sql, params![serde_json::json!(read).to_string()]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("deep/er/state.db");
        (folder, place)
    }

    fn key() -> Key {
        Key("aliases/a".to_owned())
    }

    fn told(result: Result<impl std::fmt::Debug, StateError>) -> String {
        result.expect_err("refused").to_string()
    }

    #[test]
    fn a_file_that_was_only_just_made_is_no_state_yet() {
        let (_folder, place) = place();
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(&place, "").unwrap();
        assert!(SqliteState::open_read_only(&place).unwrap().is_none());
        SqliteState::open(&place).unwrap();
        assert!(SqliteState::open_read_only(&place).unwrap().is_some());
    }

    #[tokio::test]
    async fn looking_makes_no_file_and_writes_nothing() {
        let (_folder, place) = place();
        assert!(SqliteState::open_read_only(&place).unwrap().is_none());
        assert!(!place.exists());
        let state = SqliteState::open(&place).unwrap();
        state.put(&key(), b"x", PutIf::Absent).await.unwrap();
        let looking = SqliteState::open_read_only(&place).unwrap().unwrap();
        assert_eq!(looking.get(&key()).await.unwrap().unwrap().bytes, b"x");
        assert_eq!(looking.list("aliases/").await.unwrap(), [key()]);
        let version = looking.get(&key()).await.unwrap().unwrap().version;
        let refused = told(looking.put(&key(), b"y", PutIf::Version(version)).await);
        assert!(refused.contains("read-only"), "{refused}");
        assert_eq!(state.get(&key()).await.unwrap().unwrap().bytes, b"x");
    }

    #[tokio::test]
    async fn looking_leaves_nothing_beside_the_file_and_sees_what_is_written_since() {
        let (_folder, place) = place();
        let state = SqliteState::open(&place).unwrap();
        state.put(&key(), b"x", PutIf::Absent).await.unwrap();
        drop(state);
        let names = || std::fs::read_dir(place.parent().unwrap()).unwrap().count();
        let looking = SqliteState::open_read_only(&place).unwrap().unwrap();
        let seen = looking.get(&key()).await.unwrap().unwrap();
        assert_eq!((seen.bytes.as_slice(), names()), (&b"x"[..], 1));

        let state = SqliteState::open(&place).unwrap();
        state.put(&key(), b"y", PutIf::Version(seen.version)).await.unwrap();
        assert_eq!(looking.get(&key()).await.unwrap().unwrap().bytes, b"y", "read from the log");
        drop(state);
        assert_eq!(looking.get(&key()).await.unwrap().unwrap().bytes, b"y");
        assert_eq!(looking.list("").await.unwrap(), [key()]);
        drop(looking);
        assert_eq!(names(), 1);
    }

    #[test]
    fn a_newer_layout_is_refused_and_left_alone() {
        let (_folder, place) = place();
        drop(SqliteState::open(&place).unwrap());
        Connection::open(&place).unwrap().pragma_update(None, "user_version", LAYOUT + 1).unwrap();
        for refused in [told(SqliteState::open(&place)), told(SqliteState::open_read_only(&place))] {
            assert!(refused.ends_with("in state has format 2, this version reads up to 1"), "{refused}");
        }
        let found: i64 =
            Connection::open(&place).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(found, LAYOUT + 1);
    }

    #[test]
    fn another_kind_of_file_is_refused_and_left_alone() {
        let (_folder, place) = place();
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        let text = "not a database, but quite long enough to look at ".repeat(30);
        std::fs::write(&place, &text).unwrap();
        for refused in [told(SqliteState::open(&place)), told(SqliteState::open_read_only(&place))] {
            assert!(refused.starts_with("could not open state in `"), "{refused}");
            assert!(refused.ends_with("the file is not a SQLite database"), "{refused}");
        }
        assert_eq!(std::fs::read_to_string(&place).unwrap(), text);
    }

    #[test]
    fn a_database_of_something_else_is_refused_and_left_alone() {
        let (_folder, place) = place();
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        let other = Connection::open(&place).unwrap();
        other.execute_batch("CREATE TABLE recipes (name TEXT); PRAGMA user_version = 1;").unwrap();
        let told = || [told(SqliteState::open(&place)), told(SqliteState::open_read_only(&place))];
        for refused in told() {
            assert!(refused.ends_with("the file belongs to another program"), "{refused}");
        }
        other.execute_batch("CREATE TABLE objects (x); PRAGMA application_id = 7;").unwrap();
        for refused in told() {
            assert!(refused.ends_with("the file belongs to another program"), "{refused}");
        }
    }

    #[test]
    fn a_folder_in_the_way_is_told() {
        let (_folder, place) = place();
        std::fs::create_dir_all(&place).unwrap();
        let refused = told(SqliteState::open(&place));
        assert!(refused.starts_with("could not open state in `"), "{refused}");
    }

    #[tokio::test]
    async fn a_lock_that_is_not_let_go_is_told_and_nothing_is_written() {
        let (_folder, place) = place();
        let state = SqliteState::open_waiting(&place, Duration::from_millis(1)).unwrap();
        state.put(&key(), b"x", PutIf::Absent).await.unwrap();
        let other = Connection::open(&place).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let version = state.get(&key()).await.unwrap().unwrap().version;
        let refused = told(state.put(&key(), b"y", PutIf::Version(version.clone())).await);
        assert!(refused.starts_with("could not write state in `"), "{refused}");
        assert!(refused.ends_with("another process has been writing to it for too long"), "{refused}");
        assert_eq!(state.get(&key()).await.unwrap().unwrap().bytes, b"x");
        other.execute_batch("COMMIT").unwrap();
        state.put(&key(), b"y", PutIf::Version(version)).await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_is_told_and_nothing_is_written() {
        let (_folder, place) = place();
        let state = SqliteState::open(&place).unwrap();
        state.put(&key(), b"x", PutIf::Absent).await.unwrap();
        let pages: i64 =
            state.writer().unwrap().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        state.writer().unwrap().pragma_update(None, "max_page_count", pages).unwrap();
        let version = state.get(&key()).await.unwrap().unwrap().version;
        let refused = told(state.put(&key(), &vec![b'y'; 1 << 20], PutIf::Version(version)).await);
        assert!(refused.ends_with("the disk is full"), "{refused}");
        assert_eq!(state.get(&key()).await.unwrap().unwrap().bytes, b"x");
    }

    #[tokio::test]
    async fn a_file_that_was_cut_short_is_told_and_never_read_as_less() {
        let (_folder, place) = place();
        let state = SqliteState::open(&place).unwrap();
        for n in 0..200 {
            state.put(&Key(format!("runs/a-1/{n:08}")), &[b'x'; 1000], PutIf::Absent).await.unwrap();
        }
        drop(state);
        let file = std::fs::OpenOptions::new().write(true).open(&place).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        for state in [SqliteState::open(&place), SqliteState::open_read_only(&place).map(Option::unwrap)] {
            let read = match state {
                Ok(state) => state.read("runs/a-1/").await.map(|found| found.len()),
                Err(error) => Err(error),
            };
            let refused = told(read);
            assert!(refused.ends_with("the file is corrupt"), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_copy_taken_while_it_was_open_holds_what_was_written() {
        let (_folder, place) = place();
        let state = SqliteState::open(&place).unwrap();
        state.put(&key(), b"x", PutIf::Absent).await.unwrap();
        let copy = place.with_file_name("copy.db");
        for ending in ["", "-wal"] {
            let beside = |place: &Path| PathBuf::from(format!("{}{ending}", place.display()));
            std::fs::copy(beside(&place), beside(&copy)).unwrap();
        }
        let copied = SqliteState::open(&copy).unwrap();
        assert_eq!(copied.get(&key()).await.unwrap().unwrap().bytes, b"x");
        let version = state.get(&key()).await.unwrap().unwrap().version;
        state.put(&key(), b"y", PutIf::Version(version)).await.unwrap();
        assert_eq!(copied.get(&key()).await.unwrap().unwrap().bytes, b"x");
    }

    #[tokio::test]
    async fn a_record_that_was_edited_by_hand_is_told_by_its_name() {
        let (_folder, place) = place();
        let state = SqliteState::open(&place).unwrap();
        state.put(&key(), b"{}", PutIf::Absent).await.unwrap();
        let edited = Connection::open(&place).unwrap();
        for bytes in ["{\"format\": 1, \"generation\": \"many\"}", "no JSON", ""] {
            edited.execute("UPDATE objects SET bytes = CAST(?1 AS BLOB)", params![bytes]).unwrap();
            let alias = crate::ids::Alias::parse("a").unwrap();
            let refused = told(super::super::alias::read(&state, &alias).await);
            assert!(refused.starts_with("`aliases/a` in state is damaged: "), "{refused}");
        }
        edited.execute("UPDATE objects SET version = 7", []).unwrap();
        let late = state.put(&key(), b"x", PutIf::Version(Version("1".to_owned()))).await;
        assert!(matches!(late, Err(StateError::Conflict { .. })), "{late:?}");
    }
}
