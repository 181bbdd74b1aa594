//! What is recorded through the HTTP API: agents, environments, sessions with their events, deployments.
//!
//! A resource is kept as the JSON the API answers; beside it stands what lists filter and sort by. No model
//! stands behind a recorded session: its events are what was recorded, and what its dreams read.

mod agents;
mod attached;
mod bells;
mod cron;
mod deployments;
mod desk;
mod environments;
mod events;
mod import;
mod life;
mod recordable;
mod rules;
mod seed;
mod sending;
mod sessions;
mod shelf;
mod work;

use jiff::Timestamp;
use rusqlite::types::Value as Column;
use serde_json::{Value, json};

use crate::backend::wire::{CreateSession, MemoryResource, Object, Session};
use crate::backend::{Refusal, SessionRequest};
use crate::ids::{DeploymentId, MemoryStoreId, SessionId};

use super::Shared;
use super::error::{Failure, LocalError};

pub(super) use attached::mount_path;
pub(super) use bells::Bells;
pub(crate) use desk::{Listening, News};
pub(crate) use events::EventFilter;
pub(super) use events::{append, count_of, transcript_of};
pub use import::ImportedSessions;
pub use seed::{SeedError, Seeded, World};
pub(crate) use sessions::SessionFilter;
pub(super) use sessions::summary;
pub(crate) use shelf::ShelfFilter;
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

fn written(value: &impl serde::Serialize) -> Result<String, Failure> {
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

/// Where a session keeps the run that asked for it.
const RUN_KEY: &str = "dreamrun_run";

impl Shared {
    pub(super) fn repoint(
        &self,
        deployment: &DeploymentId,
        from: &MemoryStoreId,
        to: &MemoryStoreId,
    ) -> Result<(), LocalError> {
        let now = self.now();
        self.database.write(|db| deployments::repoint(db, deployment.as_str(), from, to, now))
    }

    pub(super) fn create_session(&self, request: &SessionRequest) -> Result<SessionId, LocalError> {
        let body = CreateSession {
            agent: request.agent.as_str().into(),
            environment_id: request.environment.to_string(),
            title: None,
            metadata: Some(object(json!({ RUN_KEY: request.run }))),
            resources: vec![object(json!(MemoryResource::of(request.store.as_str())))],
            vault_ids: Vec::new(),
            initial_events: Vec::new(),
            budget: None,
        };
        let now = self.now();
        let session = self.database.write(|db| life::create(db, body, None, now))?;
        SessionId::parse(session.id)
            .map_err(|error| LocalError::Refused { kind: Refusal::Internal, message: error.to_string() })
    }

    pub(super) fn sessions_for(&self, request: &SessionRequest) -> Result<Vec<SessionId>, LocalError> {
        let filter = SessionFilter {
            agent: Some(request.agent.to_string()),
            store: Some(request.store.to_string()),
            with_archived: true,
            ..SessionFilter::default()
        };
        let run = request.run.to_string();
        let found = self.database.read(|db| sessions::list(db, &filter, true, None, u64::from(u32::MAX)))?;
        let is_asked_for = |session: &Session| {
            session.metadata.get(RUN_KEY).and_then(Value::as_str) == Some(&run)
                && session.environment_id.as_deref() == Some(request.environment.as_str())
        };
        let mut sessions: Vec<Session> =
            found.into_iter().map(|(_, session)| session).filter(is_asked_for).collect();
        if sessions.iter().any(|session| session.archived_at.is_none()) {
            sessions.retain(|session| session.archived_at.is_none());
        }
        Ok(sessions.into_iter().filter_map(|session| SessionId::parse(session.id).ok()).collect())
    }
}

#[cfg(test)]
mod tests;
