//! The state of a project, opened: for writing, or for looking without leaving a trace.
//!
//! A file names a place and cannot grant itself more: a database that gets a password, and a folder outside
//! the project, need the word of whoever starts the command. A bucket is at the service, or at the server that
//! the environment names, and a branch at a remote that the clone knows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::own_folder;
use crate::spec::address;
use crate::spec::project::{BucketService, PostgresSpec, StateSpec};
use crate::state::StateStore;
use crate::state::folder::FolderState;
use crate::state::git::{GitOptions, GitState};
use crate::state::object::{self, ObjectState};
use crate::state::postgres::{PostgresOptions, PostgresState, passfile};
use crate::state::sqlite::SqliteState;

use super::Call;
use super::exit::{CliError, ExitCode};
use super::workspace::{PROJECT_FILE, Workspace};

/// The variable that says where state may live, beside what the file says.
const STATE: &str = "DREAMRUN_STATE";
/// The variable with the host of a database.
const PG_HOST: &str = "PGHOST";
/// The port of a database unless somebody says otherwise.
const PG_PORT: u16 = 5432;
/// The variable with a file of certificates.
const CA_FILE: &str = "SSL_CERT_FILE";

/// Returns the folder of the lock files that belong to a state, relative to the project.
pub(super) fn lock_folder(state: &StateSpec) -> PathBuf {
    match state {
        StateSpec::Sqlite(path) => path.with_extension("locks"),
        elsewhere => {
            let hash = Sha256::digest(elsewhere.to_string());
            let name: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            Path::new(".dreamrun/locks").join(name)
        }
    }
}

/// Hides what kind of state it is.
fn shared(state: impl StateStore + 'static) -> Arc<dyn StateStore> {
    Arc::new(state)
}

impl Workspace {
    /// Returns where state lives, in words for people.
    pub(super) fn state_name(&self) -> String {
        self.project.state.to_string()
    }

    /// Returns the folder of the lock files that belong to the state.
    pub(super) fn lock_folder(&self, call: &Call<'_>) -> PathBuf {
        call.parts.lock_folder(self.root.join(lock_folder(&self.project.state)))
    }

    /// Opens state for writing.
    pub(super) async fn state(&self, call: &Call<'_>) -> Result<Arc<dyn StateStore>, CliError> {
        let place = self.state_name();
        let state = match &self.project.state {
            StateSpec::Sqlite(path) => shared(SqliteState::open(&self.root.join(path))?),
            StateSpec::Folder(path) => {
                check_folder(call, &self.project.state, path)?;
                // One outside the project is for those who share it.
                if path.is_relative() {
                    let folder = self.root.join(path);
                    own_folder::make(&folder)
                        .map_err(|error| CliError::io("make the folder", &folder, &error))?;
                }
                shared(FolderState::open(&self.root.join(path)).await?)
            }
            StateSpec::Git { branch, remote } => {
                shared(GitState::open(GitOptions::new(&self.root, branch, remote)).await?)
            }
            StateSpec::Bucket { service, bucket, prefix } => {
                let store = open_bucket(call, *service, bucket)?;
                shared(ObjectState::open(store, prefix, place).await?)
            }
            StateSpec::Postgres(spec) => shared(PostgresState::open(&postgres(call, spec, &place)?).await?),
        };
        Ok(call.parts.state(state))
    }

    /// Opens state for reading; nothing if there is none yet.
    pub(super) async fn state_read_only(
        &self,
        call: &Call<'_>,
    ) -> Result<Option<Arc<dyn StateStore>>, CliError> {
        let place = self.state_name();
        Ok(match &self.project.state {
            StateSpec::Sqlite(path) => SqliteState::open_read_only(&self.root.join(path))?.map(shared),
            StateSpec::Folder(path) => {
                check_folder(call, &self.project.state, path)?;
                FolderState::open_read_only(&self.root.join(path))?.map(shared)
            }
            StateSpec::Git { branch, remote } => {
                let options = GitOptions::new(&self.root, branch, remote);
                GitState::open_read_only(options).await?.map(shared)
            }
            StateSpec::Bucket { service, bucket, prefix } => {
                let store = open_bucket(call, *service, bucket)?;
                ObjectState::open_read_only(store, prefix, place).await?.map(shared)
            }
            StateSpec::Postgres(spec) => {
                PostgresState::open_read_only(&postgres(call, spec, &place)?).await?.map(shared)
            }
        })
    }
}

/// Sets up a client of a bucket.
fn open_bucket(
    call: &Call<'_>,
    service: BucketService,
    bucket: &str,
) -> Result<Arc<dyn object_store::ObjectStore>, CliError> {
    let variable = |name: &str| call.variable(name);
    object::connect(service, bucket, &variable, ca_file(call).as_deref()).map_err(|error| {
        let words = match service {
            BucketService::S3 => "`AWS_REGION`, `AWS_ACCESS_KEY_ID` and the like",
            BucketService::Gcs => "`GOOGLE_APPLICATION_CREDENTIALS` and the like",
            BucketService::Azure => "`AZURE_STORAGE_ACCOUNT_NAME`, `AZURE_STORAGE_ACCOUNT_KEY` and the like",
        };
        CliError::caused(ExitCode::NotAuthorised, &error)
            .hint(format!("It is read from {words}; docs/state.md lists them."))
    })
}

fn ca_file(call: &Call<'_>) -> Option<PathBuf> {
    let file = call.global.ca_file.clone().or_else(|| call.variable(CA_FILE).map(PathBuf::from));
    file.map(|file| call.folder.join(file))
}

/// Says whether whoever starts the command names an address.
fn is_granted(call: &Call<'_>, is_it: impl Fn(&str) -> bool) -> bool {
    let named = call.global.allow_server.iter().cloned().chain(call.variable(STATE));
    named.into_iter().any(|named| is_it(named.trim().trim_end_matches('/')))
}

/// Makes sure that a folder outside the project may be used.
fn check_folder(call: &Call<'_>, state: &StateSpec, path: &Path) -> Result<(), CliError> {
    let address = state.to_string();
    if path.is_relative() || is_granted(call, |named| named == address) {
        return Ok(());
    }
    Err(CliError::usage(format!(
        "`{PROJECT_FILE}` keeps state in `{address}`, and a file cannot choose a place outside the project \
         by itself"
    ))
    .hint(format!("If it is to be there, set `{STATE}={address}`, or add `--allow-server {address}`.")))
}

/// Says whether somebody means a database by an address, which need not name the database. Another port of a host
/// is another server, so the address names the port too: the one that `port` gives, after the one that the file has.
fn is_server(named: &str, host: &str, port: (Option<u16>, u16), database: &str) -> bool {
    let Some(Ok(StateSpec::Postgres(named))) = address::state(named) else { return false };
    named.host.as_deref() == Some(host)
        && (named.port == port.0 || named.port.unwrap_or(PG_PORT) == port.1)
        && named.database.is_none_or(|named| named == database)
}

/// Brings together what the file and the environment say of a database.
fn postgres(call: &Call<'_>, spec: &PostgresSpec, address: &str) -> Result<PostgresOptions, CliError> {
    let missing = |what: &str, variable: &str| {
        CliError::usage(format!("nobody says which {what} keeps state"))
            .hint(format!("Write it into `state: postgres://…` of {PROJECT_FILE}, or set `{variable}`."))
    };
    let variable = |name: &str| call.variable(name);
    let host = spec.host.clone().or_else(|| variable(PG_HOST)).ok_or_else(|| missing("host", PG_HOST))?;
    let port = match (spec.port, variable("PGPORT")) {
        (Some(port), _) => port,
        (None, Some(text)) => text.parse().map_err(|_| {
            CliError::usage(format!("`PGPORT` is `{text}`, which is no port"))
                .hint("Set it to a number, such as 5432.")
        })?,
        (None, None) => PG_PORT,
    };
    let user = spec.user.clone().or_else(|| variable("PGUSER")).ok_or_else(|| missing("user", "PGUSER"))?;
    let database = spec
        .database
        .clone()
        .or_else(|| variable("PGDATABASE"))
        .ok_or_else(|| missing("database", "PGDATABASE"))?;

    let is_here = host.starts_with('/') || matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1");
    let is_encrypted = match variable("PGSSLMODE").as_deref() {
        None => !is_here,
        Some("disable") => false,
        Some("require" | "verify-ca" | "verify-full") => true,
        Some(other) => {
            return Err(CliError::usage(format!(
                "`PGSSLMODE` is `{other}`, which could leave a password unprotected"
            ))
            .hint("Set it to `verify-full`, or to `disable` where the network is trusted."));
        }
    };
    let mut options = PostgresOptions::new(&host, port, &user, &database);
    options.is_encrypted = is_encrypted;
    options.ca_file = variable("PGSSLROOTCERT").map(|file| call.folder.join(file)).or_else(|| ca_file(call));

    let file = variable("PGPASSFILE").map(|file| call.folder.join(file));
    let text = file
        .map(|file| std::fs::read_to_string(&file).map_err(|error| CliError::io("read", &file, &error)))
        .transpose()?
        .unwrap_or_default();
    let listed = passfile::find(&text, &host, port, &database, &user);
    let is_named = is_here
        || spec.host.is_none()
        || variable(PG_HOST).is_some_and(|named| named == host)
        || is_granted(call, |named| is_server(named, &host, (spec.port, port), &database));
    let (password, is_named) = match (variable("PGPASSWORD"), listed) {
        (Some(password), _) => (Some(password), is_named),
        (None, Some(listed)) => (Some(listed.password()), is_named || listed.names_host),
        (None, None) => (None, true),
    };
    if !is_named {
        return Err(CliError::usage(format!(
            "`{PROJECT_FILE}` keeps state at `{host}`, and a file cannot say by itself where a password is sent"
        ))
        .hint(format!("If it is to get the password, set `{PG_HOST}={host}`, or add `--allow-server {address}`.")));
    }
    options.password = password.map(SecretString::from);
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_for_one_server_and_not_for_another_port_of_its_host() {
        for (named, port, is_granted) in [
            ("postgres://api.corp:6666/x", (Some(6666), 6666), true),
            ("postgresql://api.corp:6666", (Some(6666), 6666), true),
            ("postgres://api.corp/x", (Some(5432), 5432), true),
            ("postgres://api.corp:5432/x", (None, 5432), true),
            ("postgres://api.corp/x", (None, 6432), true),
            ("postgres://api.corp/x", (Some(6666), 6666), false),
            ("postgres://api.corp:6666/y", (Some(6666), 6666), false),
            ("postgres://corp:6666/x", (Some(6666), 6666), false),
            ("postgres:///x", (None, 5432), false),
            ("https://api.corp", (Some(6666), 6666), false),
            ("https://api.corp:6666/x", (Some(6666), 6666), false),
            ("api.corp", (None, 5432), false),
        ] {
            assert_eq!(is_server(named, "api.corp", port, "x"), is_granted, "{named} {port:?}");
        }
    }
}
