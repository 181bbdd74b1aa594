//! Why the embedded backend could not do something, and what a caller of [`Backend`] is told of it.
//!
//! [`Backend`]: crate::backend::Backend

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::backend::folder::FolderError;
use crate::backend::{BackendError, Refusal};

/// Why the embedded backend could not do something.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The database was last written by a later version.
    #[error(
        "`{path}` was written by {written_by} (schema {found}), and this version reads schemas up to {known}; use {written_by} or later"
    )]
    NewerSchema {
        /// The database file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The latest schema this version reads.
        known: i64,
        /// The version that can read it, as `dreamrun 0.4.0`.
        written_by: String,
    },
    /// The database was last written by an earlier version, and may not be written now.
    #[error("`{path}` was written by an earlier version; the next `dreamrun apply` brings it up to date")]
    OlderSchema {
        /// The database file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("`{path}` is not a database of dreamrun's local backend")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The database may not be written.
    #[error("the database `{path}` is read-only")]
    ReadOnly {
        /// The database file.
        path: PathBuf,
    },
    /// There is no room left.
    #[error("the disk that holds `{path}` is full")]
    DiskFull {
        /// The database file.
        path: PathBuf,
    },
    /// Another process held the database for too long.
    #[error("the database `{path}` is held by another process")]
    Busy {
        /// The database file.
        path: PathBuf,
    },
    /// The disk failed while a change was made durable: it may be there or not.
    #[error("writing to `{path}` was not confirmed by the disk")]
    Unconfirmed {
        /// The database file.
        path: PathBuf,
        /// What the database said.
        source: rusqlite::Error,
    },
    /// The database failed in another way.
    #[error("the database `{path}` failed")]
    Database {
        /// The database file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
    /// A file or folder could not be used.
    #[error("could not {action} `{path}`")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What was being done, as "read".
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A folder of memories could not be read or written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A path leads out of the project.
    #[error("`{path}` lies outside the project and is not under a folder given with --allow-read")]
    Outside {
        /// The path as given.
        path: PathBuf,
    },
    /// Another memory is where one was to go.
    #[error("`{wanted}` cannot stand beside `{path}`")]
    PathTaken {
        /// Where one was to go.
        wanted: String,
        /// Where the other is: there, above or below.
        path: String,
        /// The other's id.
        memory: String,
    },
    /// A memory does not hold what was expected.
    #[error("{message}")]
    HashDiffers {
        /// What it holds and what was expected.
        message: String,
    },
    /// A rule was broken, or something was not as expected. Nothing changed.
    #[error("{message}")]
    Refused {
        /// The kind of refusal.
        kind: Refusal,
        /// The rule, in the API's terms.
        message: String,
    },
}

impl LocalError {
    /// Tells a caller of the trait what happened to its request.
    pub fn into_backend(self, action: &'static str) -> BackendError {
        let kind = match self {
            Self::Refused { kind, message } => return BackendError::Refused { action, kind, message },
            Self::Busy { .. } => return BackendError::NotSent { action, reason: self.to_string() },
            Self::Unconfirmed { .. } => return BackendError::Unanswered { action, reason: self.in_full() },
            Self::PathTaken { .. } | Self::HashDiffers { .. } => Refusal::Conflict,
            Self::Outside { .. } => Refusal::Invalid,
            _ => Refusal::Internal,
        };
        BackendError::Refused { action, kind, message: self.in_full() }
    }

    /// Returns the error with what caused it, on one line.
    pub(crate) fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}

/// What can go wrong inside a transaction, before the database's path is known.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("the database failed")]
    Sqlite(#[from] rusqlite::Error),
    #[error("`{wanted}` cannot stand beside `{path}`")]
    PathTaken { wanted: String, path: String, memory: String },
    #[error("{message}")]
    HashDiffers { message: String },
    #[error("{message}")]
    Refused { kind: Refusal, message: String },
}

impl Failure {
    pub(super) fn refused(kind: Refusal, message: impl Into<String>) -> Self {
        Self::Refused { kind, message: message.into() }
    }

    pub(super) fn at(self, path: &Path) -> LocalError {
        let path = path.to_owned();
        let source = match self {
            Self::Refused { kind, message } => return LocalError::Refused { kind, message },
            Self::PathTaken { wanted, path, memory } => {
                return LocalError::PathTaken { wanted, path, memory };
            }
            Self::HashDiffers { message } => return LocalError::HashDiffers { message },
            Self::Sqlite(source) => source,
        };
        match source.sqlite_error_code() {
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => LocalError::ReadOnly { path },
            Some(ErrorCode::DiskFull) => LocalError::DiskFull { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LocalError::Busy { path },
            Some(ErrorCode::NotADatabase) => LocalError::Foreign { path },
            _ => LocalError::Database { path, source },
        }
    }
}
