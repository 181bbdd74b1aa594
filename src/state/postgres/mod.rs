//! State in a table of a PostgreSQL database.
//!
//! One row is one object; its version is a text that no other write has. A write is one statement that
//! compares and replaces, durable once it is answered. If the connection is lost in between, the very same
//! statement is sent again: whichever of the two comes first, the other finds another version, and reading
//! the row tells.

pub mod passfile;
mod tls;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Error, NoTls, Row};

use super::{Key, PutIf, StateError, StateStore, Version, Versioned, names, pause};
use crate::tls as trust;
use tls::Tls;

/// The layout this version writes, named in the table's comment.
const LAYOUT: u32 = 1;
/// What the comment of a table of ours begins with.
const COMMENT: &str = "dreamrun state, layout ";
/// How many versions before its own an object remembers. A write whose answer was lost is found among them even if
/// others have written since.
const REMEMBERED: usize = 64;
/// How long one statement may take.
const STATEMENT: Duration = Duration::from_secs(20);
/// How long a server may be away, while it is started anew for instance.
const PATIENCE: Duration = Duration::from_secs(30);
/// Names the lock of whoever makes the table ("dreamrun").
const MAKING: i64 = 0x6472_6561_6d72_756e;

/// How a database is reached.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// The host, or the folder of a socket.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The user.
    pub user: String,
    /// The password, if there is one.
    pub password: Option<SecretString>,
    /// The database.
    pub database: String,
    /// Whether the connection is encrypted, and the server made to prove who it is.
    pub is_encrypted: bool,
    /// Certificates to believe in beside the machine's.
    pub ca_file: Option<PathBuf>,
    /// How long the server may be away; half a minute by default.
    pub patience: Duration,
}

impl PostgresOptions {
    /// Names a database that is reached without encryption or password.
    pub fn new(host: &str, port: u16, user: &str, database: &str) -> Self {
        Self {
            host: host.to_owned(),
            port,
            user: user.to_owned(),
            password: None,
            database: database.to_owned(),
            is_encrypted: false,
            ca_file: None,
            patience: PATIENCE,
        }
    }
}

/// State in a database.
pub struct PostgresState {
    config: Config,
    tls: Option<Tls>,
    place: String,
    is_writing: bool,
    patience: Duration,
    client: Mutex<Option<Arc<Client>>>,
}

/// Why a statement gave no rows.
enum Failure {
    /// It certainly had no effect; asking again may help, or not.
    Without { is_passing: bool, reason: String },
    /// Nobody knows.
    Unknown(String),
}

impl Failure {
    fn reason(self) -> String {
        match self {
            Self::Without { reason, .. } | Self::Unknown(reason) => reason,
        }
    }
}

impl PostgresState {
    /// Opens the table, making it if needed.
    ///
    /// # Errors
    ///
    /// Says what stood in the way, such as a table of something else or a server that is not durable.
    pub async fn open(options: &PostgresOptions) -> Result<Self, StateError> {
        let state = Self::of(options, true)?;
        state.check_durable().await?;
        if !state.check_layout().await? {
            let made = format!(
                "SELECT pg_advisory_xact_lock({MAKING});
                 CREATE TABLE dreamrun_state (
                     key text COLLATE \"C\" PRIMARY KEY, version text NOT NULL, bytes bytea NOT NULL,
                     earlier text[] NOT NULL DEFAULT '{{}}'
                 );
                 COMMENT ON TABLE dreamrun_state IS '{COMMENT}{LAYOUT}'"
            );
            let made = state.batch(&made).await;
            // Somebody else may have made it first.
            if !state.check_layout().await? {
                let reason = made.err().map_or_else(|| "the table was not made".to_owned(), Failure::reason);
                return Err(state.unavailable("open", reason));
            }
        }
        Ok(state)
    }

    /// Opens the table for reading only; `None` if there is none yet.
    ///
    /// # Errors
    ///
    /// As [`PostgresState::open`].
    pub async fn open_read_only(options: &PostgresOptions) -> Result<Option<Self>, StateError> {
        let state = Self::of(options, false)?;
        let is_there = state.check_layout().await?;
        Ok(is_there.then_some(state))
    }

    fn of(options: &PostgresOptions, is_writing: bool) -> Result<Self, StateError> {
        let PostgresOptions { host, port, user, database, .. } = options;
        let place = match host.contains(':') {
            true => format!("postgres://{user}@[{host}]:{port}/{database}"),
            false => format!("postgres://{user}@{host}:{port}/{database}"),
        };
        let mut config = Config::new();
        config
            .host(host)
            .port(*port)
            .user(user)
            .dbname(database)
            .application_name("dreamrun")
            .connect_timeout(STATEMENT)
            .tcp_user_timeout(STATEMENT)
            .ssl_mode(if options.is_encrypted { SslMode::Require } else { SslMode::Disable });
        if let Some(password) = &options.password {
            config.password(password.expose_secret());
        }
        let trusted = |reason: trust::TlsError| StateError::Unavailable {
            action: "open",
            place: place.clone(),
            reason: reason.to_string(),
        };
        let tls = match options.is_encrypted {
            true => Some(Tls::new(trust::config(options.ca_file.as_deref(), true).map_err(trusted)?)),
            false => None,
        };
        let patience = options.patience;
        Ok(Self { config, tls, place, is_writing, patience, client: Mutex::default() })
    }

    fn unavailable(&self, action: &'static str, reason: impl Into<String>) -> StateError {
        StateError::Unavailable { action, place: self.place.clone(), reason: reason.into() }
    }

    /// Returns a connection that is good as far as is known.
    async fn client(&self) -> Result<Arc<Client>, Failure> {
        let mut held = self.client.lock().await;
        if let Some(client) = held.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        let failed = |error: Error| Failure::Without { is_passing: is_passing(&error), reason: told(&error) };
        let client = match &self.tls {
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await.map_err(failed)?;
                // Ends with the client, and what it says the client says too.
                tokio::spawn(async move { drop(connection.await) });
                client
            }
            None => {
                let (client, connection) = self.config.connect(NoTls).await.map_err(failed)?;
                tokio::spawn(async move { drop(connection.await) });
                client
            }
        };
        let settings = format!(
            "SET default_transaction_isolation = 'read committed';
             SET default_transaction_read_only = {};
             SET statement_timeout = {}",
            if self.is_writing { "off" } else { "on" },
            STATEMENT.as_millis()
        );
        client.batch_execute(&settings).await.map_err(failed)?;
        let client = Arc::new(client);
        *held = Some(Arc::clone(&client));
        Ok(client)
    }

    /// Carries one statement out, once.
    async fn once(&self, sql: &str, values: &[(&(dyn ToSql + Sync), Type)]) -> Result<Vec<Row>, Failure> {
        let client = self.client().await?;
        let asked = tokio::time::timeout(STATEMENT * 2, client.query_typed(sql, values)).await;
        match asked {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => {
                self.client.lock().await.take();
                Err(Failure::Unknown("the server gave no answer".to_owned()))
            }
        }
    }

    /// Carries several statements out as one.
    async fn batch(&self, sql: &str) -> Result<(), Failure> {
        let client = self.client().await?;
        client.batch_execute(sql).await.map_err(|error| failure(&error))
    }

    /// Asks something that changes nothing, again while the server is away.
    async fn ask(
        &self,
        action: &'static str,
        sql: &str,
        values: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, StateError> {
        let began = Instant::now();
        for round in 0.. {
            match self.once(sql, values).await {
                Ok(rows) => return Ok(rows),
                Err(Failure::Without { is_passing: false, reason }) => {
                    return Err(self.unavailable(action, reason));
                }
                Err(failure) if began.elapsed() >= self.patience => {
                    let (place, reason) = (self.place.clone(), failure.reason());
                    return Err(StateError::Unreachable { place, reason });
                }
                Err(_) => pause(round).await,
            }
        }
        Ok(Vec::new())
    }

    /// Makes sure that a write which was answered outlives the server.
    async fn check_durable(&self) -> Result<(), StateError> {
        let sql = "SELECT current_setting('fsync'), current_setting('synchronous_commit')";
        let rows = self.ask("open", sql, &[]).await?;
        let setting =
            |n: usize| rows.first().and_then(|row| row.try_get::<_, String>(n).ok()).unwrap_or_default();
        let (fsync, commit) = (setting(0), setting(1));
        if fsync != "on" {
            return Err(self.unavailable("open", "the server has `fsync` off, so a crash would lose writes"));
        }
        if matches!(commit.as_str(), "off" | "") {
            let reason = "the server has `synchronous_commit` off, so a crash would lose writes; turn it on, \
                          for this user alone if need be: `ALTER ROLE … SET synchronous_commit = on`";
            return Err(self.unavailable("open", reason));
        }
        Ok(())
    }

    /// Says whether there is a table, after making sure that it is ours and this version can read it.
    async fn check_layout(&self) -> Result<bool, StateError> {
        let sql = "SELECT obj_description(to_regclass('dreamrun_state'), 'pg_class')
                   WHERE to_regclass('dreamrun_state') IS NOT NULL";
        let rows = self.ask("open", sql, &[]).await?;
        let Some(row) = rows.first() else { return Ok(false) };
        let comment: Option<String> = row.try_get(0).ok().flatten();
        let layout = comment.as_deref().and_then(|text| text.strip_prefix(COMMENT)?.parse::<u32>().ok());
        match layout {
            None => Err(self.unavailable("open", "the table `dreamrun_state` belongs to something else")),
            Some(found) if found > LAYOUT => Err(StateError::TooNew {
                key: Key(self.place.clone()),
                found: found.to_string(),
                known: LAYOUT.to_string(),
                reader: None,
            }),
            Some(_) => Ok(true),
        }
    }

    /// Carries a conditional change out, and says whether the condition held. `settle` says so of a change whose
    /// answer was lost, by the versions that the object has had, newest first, if they tell.
    async fn change(
        &self,
        key: &Key,
        sql: &str,
        values: &[(&(dyn ToSql + Sync), Type)],
        settle: impl Fn(&[String]) -> Option<bool> + Send,
    ) -> Result<bool, StateError> {
        if !self.is_writing {
            return Err(self.unavailable("write", "the database was opened for reading"));
        }
        let began = Instant::now();
        let mut is_in_doubt = false;
        for round in 0.. {
            let reason = match self.once(sql, values).await {
                Ok(rows) if !rows.is_empty() => return Ok(true),
                Ok(_) if !is_in_doubt => return Ok(false),
                Ok(_) => {
                    if let Some(is_done) = settle(&self.versions(key).await?) {
                        return Ok(is_done);
                    }
                    "others wrote too often before the lost answer could be looked for".to_owned()
                }
                Err(Failure::Without { is_passing: true, .. }) if began.elapsed() < self.patience => {
                    pause(round).await;
                    continue;
                }
                Err(Failure::Unknown(_)) if began.elapsed() < self.patience => {
                    is_in_doubt = true;
                    pause(round).await;
                    continue;
                }
                Err(Failure::Unknown(reason)) => {
                    is_in_doubt = true;
                    reason
                }
                Err(Failure::Without { is_passing: true, reason }) if !is_in_doubt => {
                    return Err(StateError::Unreachable { place: self.place.clone(), reason });
                }
                Err(failure) => failure.reason(),
            };
            return Err(match is_in_doubt {
                true => StateError::InDoubt { key: key.clone(), place: self.place.clone(), reason },
                false => self.unavailable("write", reason),
            });
        }
        Ok(false)
    }

    /// Reads the objects that a statement selects.
    async fn objects(
        &self,
        sql: &str,
        wanted: (&(dyn ToSql + Sync), Type),
    ) -> Result<Vec<(Key, Versioned)>, StateError> {
        let rows = self.ask("read", sql, &[wanted]).await?;
        let object = |row: &Row| {
            let object = Versioned { bytes: row.try_get(1)?, version: Version(row.try_get(2)?) };
            Ok((Key(row.try_get(0)?), object))
        };
        let objects: Result<_, Error> = rows.iter().map(object).collect();
        objects.map_err(|error| self.unavailable("read", told(&error)))
    }

    /// Returns the versions an object has had, newest first, as far back as it remembers.
    async fn versions(&self, key: &Key) -> Result<Vec<String>, StateError> {
        let sql = "SELECT version || earlier FROM dreamrun_state WHERE key = $1";
        let rows = self.ask("read", sql, &[text(&key.as_str())]).await?;
        let Some(row) = rows.first() else { return Ok(Vec::new()) };
        row.try_get(0).map_err(|error| self.unavailable("read", told(&error)))
    }
}

/// Gives a text to a statement.
fn text(value: &(dyn ToSql + Sync)) -> (&(dyn ToSql + Sync), Type) {
    (value, Type::TEXT)
}

fn failure(error: &Error) -> Failure {
    match error.code() {
        // A server that goes down, and a connection that broke: it may have happened first.
        Some(code) if code.code().starts_with("57P") || code.code().starts_with("08") => {
            Failure::Unknown(told(error))
        }
        Some(code) => {
            let is_passing = [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED];
            Failure::Without { is_passing: is_passing.contains(code), reason: told(error) }
        }
        None => Failure::Unknown(told(error)),
    }
}

/// Says whether a server that cannot be reached may be there in a moment: it is away or starting, and does
/// not refuse who asks.
fn is_passing(error: &Error) -> bool {
    match error.code() {
        Some(code) => {
            let code = code.code();
            code.starts_with("57P") || code.starts_with("08") || code.starts_with("53")
        }
        None => true,
    }
}

/// Returns an error in one line, its causes included.
fn told(error: &Error) -> String {
    let words = match error.as_db_error() {
        Some(answer) => answer.message().to_owned(),
        None => match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    };
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Makes a pattern of a text that is to stand at the beginning.
fn beginning(prefix: &str) -> String {
    let mut pattern = String::new();
    for c in prefix.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern + "%"
}

#[async_trait]
impl StateStore for PostgresState {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StateError> {
        let sql = "SELECT bytes, version FROM dreamrun_state WHERE key = $1";
        let rows = self.ask("read", sql, &[text(&key.as_str())]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let damaged = |error: Error| StateError::Damaged { key: key.clone(), reason: told(&error) };
        let version = Version(row.try_get(1).map_err(damaged)?);
        Ok(Some(Versioned { bytes: row.try_get(0).map_err(damaged)?, version }))
    }

    async fn put(&self, key: &Key, bytes: &[u8], when: PutIf) -> Result<Version, StateError> {
        let nonce = names::nonce();
        let name = key.as_str();
        let mut values: Vec<(&(dyn ToSql + Sync), Type)> =
            vec![text(&name), text(&nonce), (&bytes as &(dyn ToSql + Sync), Type::BYTEA)];
        let sql = match &when {
            PutIf::Absent => {
                "INSERT INTO dreamrun_state (key, version, bytes) VALUES ($1, $2, $3)
                 ON CONFLICT (key) DO NOTHING RETURNING version"
            }
            PutIf::Version(Version(read)) => {
                values.push(text(read));
                &format!(
                    "UPDATE dreamrun_state
                     SET version = $2, bytes = $3, earlier = (version || earlier)[1:{REMEMBERED}]
                     WHERE key = $1 AND version = $4 RETURNING version"
                )
            }
        };
        let settle = |versions: &[String]| {
            if versions.contains(&nonce) {
                return Some(true);
            }
            match &when {
                // Somebody else replaced it, or was first.
                PutIf::Version(Version(read)) => versions.contains(read).then_some(false),
                PutIf::Absent => (!versions.is_empty() && versions.len() <= REMEMBERED).then_some(false),
            }
        };
        match self.change(key, sql, &values, settle).await? {
            true => Ok(Version(nonce)),
            false => Err(StateError::Conflict { key: key.clone() }),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Key>, StateError> {
        let sql = "SELECT key FROM dreamrun_state WHERE key LIKE $1 ORDER BY key";
        let rows = self.ask("read", sql, &[text(&beginning(prefix))]).await?;
        let keys: Result<_, Error> = rows.iter().map(|row| row.try_get(0).map(Key)).collect();
        keys.map_err(|error| self.unavailable("read", told(&error)))
    }

    async fn read(&self, prefix: &str) -> Result<Vec<(Key, Versioned)>, StateError> {
        let sql = "SELECT key, bytes, version FROM dreamrun_state WHERE key LIKE $1 ORDER BY key";
        self.objects(sql, text(&beginning(prefix))).await
    }

    async fn get_all(&self, keys: &[Key]) -> Result<Vec<(Key, Versioned)>, StateError> {
        let sql = "SELECT key, bytes, version FROM dreamrun_state
                   JOIN unnest($1) WITH ORDINALITY AS wanted (name, place) ON key = name ORDER BY place";
        let names: Vec<&str> = keys.iter().map(Key::as_str).collect();
        self.objects(sql, (&names, Type::TEXT_ARRAY)).await
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<(), StateError> {
        let sql = "DELETE FROM dreamrun_state WHERE key = $1 AND version = $2 RETURNING version";
        let name = key.as_str();
        let values: [(&(dyn ToSql + Sync), Type); 2] = [text(&name), text(&version.0)];
        // What is gone was deleted by whoever asked for it, or would have been.
        let settle = |versions: &[String]| Some(versions.is_empty());
        match self.change(key, sql, &values, settle).await? {
            true => Ok(()),
            false => Err(StateError::Conflict { key: key.clone() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_its_own_text_alone() {
        assert_eq!(beginning("runs/a_1/100%\\"), "runs/a\\_1/100\\%\\\\%");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_told_without_the_password() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let options = PostgresOptions {
            password: Some(SecretString::from("hunter2")),
            patience: Duration::ZERO,
            ..PostgresOptions::new("127.0.0.1", port, "me", "dreams")
        };
        let told = PostgresState::open(&options).await.err().expect("refused").to_string();
        let place = format!("state in `postgres://me@127.0.0.1:{port}/dreams` cannot be reached: ");
        assert!(told.starts_with(&place) && !told.contains("hunter2"), "{told}");
        assert!(PostgresState::open_read_only(&options).await.is_err());
    }
}
