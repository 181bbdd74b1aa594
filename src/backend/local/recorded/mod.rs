//! What is recorded through the HTTP API: agents, environments, sessions with their events, deployments.
//!
//! A resource is kept as the JSON the API answers; beside it stands what lists filter and sort by. No model
//! stands behind a recorded session: its events are what was recorded, and what its dreams read.

mod attached;
mod bells;
mod events;
mod sessions;
mod work;

use jiff::Timestamp;
use rusqlite::types::Value as Column;
use serde_json::Value;

use crate::backend::wire::Object;
use crate::backend::{Refusal, SessionRequest};
use crate::ids::{DeploymentId, MemoryStoreId, SessionId};

use super::Shared;
use super::error::{Failure, LocalError};

pub(super) use attached::mount_path;
pub(super) use bells::Bells;
pub(super) use events::{append, count_of, transcript_of};
pub(super) use sessions::summary;
pub(super) use work::{finish_worker_session, start_worker_session};

/// A place in a list that is sorted by time: microseconds, then the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// When.
    pub(crate) at: i64,
    /// Which of those of one moment.
    pub(crate) seq: i64,
}

/// Bounds on a time; all that are given hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// After.
    pub(crate) gt: Option<Timestamp>,
    /// At or after.
    pub(crate) gte: Option<Timestamp>,
    /// Before.
    pub(crate) lt: Option<Timestamp>,
    /// At or before.
    pub(crate) lte: Option<Timestamp>,
}

impl Bounds {
    /// Adds the bounds to a query on a column of microseconds.
    fn restrict(&self, column: &str, sql: &mut String, values: &mut Vec<Column>) {
        // Kept times are whole microseconds: a finer bound lies between two of them.
        let down = |at: Timestamp| at.as_nanosecond().div_euclid(1_000);
        let up = |at: Timestamp| (at.as_nanosecond() + 999).div_euclid(1_000);
        let bounds = [
            (">", self.gt.map(down)),
            (">=", self.gte.map(up)),
            ("<", self.lt.map(up)),
            ("<=", self.lte.map(down)),
        ];
        for (sign, bound) in bounds {
            if let Some(bound) = bound {
                *sql += &format!(" AND {column} {sign} ?");
                values.push(Column::from(i64::try_from(bound).unwrap_or(i64::MAX)));
            }
        }
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(value)
        .map_err(|error| Failure::refused(Refusal::Internal, format!("could not write JSON: {error}")))
}

/// Returns the object that a literal is.
fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

fn nowhere(what: &str) -> LocalError {
    let message = format!("the local backend has no {what}");
    LocalError::Refused { kind: Refusal::NotFound, message }
}

impl Shared {
    pub(super) fn repoint(
        &self,
        deployment: &DeploymentId,
        _from: &MemoryStoreId,
        _to: &MemoryStoreId,
    ) -> Result<(), LocalError> {
        Err(nowhere(&format!("deployment `{deployment}`")))
    }

    pub(super) fn create_session(&self, request: &SessionRequest) -> Result<SessionId, LocalError> {
        Err(nowhere(&format!("agent `{}`", request.agent)))
    }

    pub(super) fn sessions_for(&self, _request: &SessionRequest) -> Result<Vec<SessionId>, LocalError> {
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests;
