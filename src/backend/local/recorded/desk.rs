//! What a server asks of everything that is recorded: each call one transaction, and the bells rung after.

use jiff::Timestamp;
use rusqlite::Transaction;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::backend::local::error::{Failure, LocalError};
use crate::backend::local::{LocalBackend, Shared};
use crate::backend::wire::{
    Agent, CreateAgent, CreateDeployment, CreateEnvironment, CreateSession, Deployment, DeploymentRun,
    Environment, Object, Session,
};
use crate::ids::{DreamId, SessionId};

use super::events::EventFilter;
use super::sessions::SessionFilter;
use super::shelf::{AGENTS, DEPLOYMENTS, ENVIRONMENTS, RUNS, ShelfFilter};
use super::{Place, agents, deployments, environments, events, life, sending, sessions};

/// Everything that is recorded.
pub(crate) struct Desk<'a>(&'a Shared);

impl LocalBackend {
    /// Returns the way to everything that is recorded.
    pub(crate) fn recorded(&self) -> Desk<'_> {
        Desk(&self.shared)
    }
}

/// What happened to a session after an event.
#[derive(Debug)]
pub(crate) enum News {
    /// These events, with the number of the last; none if nothing happened.
    Events(u64, Vec<Object>),
    /// The session was deleted.
    Deleted,
}

/// What somebody who listens to a session is told first.
#[derive(Debug)]
pub(crate) struct Listening {
    /// Rings when something happens.
    pub(crate) bell: watch::Receiver<()>,
    /// The number of the last event so far.
    pub(crate) last: u64,
    /// Whether nothing can happen any more: the session is archived.
    pub(crate) is_over: bool,
}

impl Desk<'_> {
    fn write<T>(
        &self,
        f: impl FnOnce(&Transaction, Timestamp) -> Result<T, Failure>,
    ) -> Result<T, LocalError> {
        let now = self.0.now();
        self.0.database.write(|db| f(db, now))
    }

    /// As [`Desk::write`], and wakes whoever waits for the session.
    fn write_to<T>(
        &self,
        session: &SessionId,
        f: impl FnOnce(&Transaction, Timestamp) -> Result<T, Failure>,
    ) -> Result<T, LocalError> {
        let value = self.write(f)?;
        self.0.bells.ring(session);
        Ok(value)
    }

    /// Makes an agent.
    pub(crate) fn create_agent(&self, body: CreateAgent) -> Result<Agent, LocalError> {
        self.write(|db, now| agents::create(db, body, now))
    }

    /// Returns an agent at a version, the latest if none is named.
    pub(crate) fn agent(&self, id: &str, version: Option<u64>) -> Result<Agent, LocalError> {
        self.0.database.read(|db| agents::find(db, id, version))
    }

    /// Changes an agent.
    pub(crate) fn update_agent(&self, id: &str, patch: Object) -> Result<Agent, LocalError> {
        self.write(|db, now| agents::update(db, id, patch, now))
    }

    /// Archives an agent and its deployments.
    pub(crate) fn archive_agent(&self, id: &str) -> Result<Agent, LocalError> {
        self.write(|db, now| agents::archive(db, id, now))
    }

    /// Lists agents, newest first.
    pub(crate) fn agents(
        &self,
        filter: &ShelfFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<(i64, Agent)>, LocalError> {
        self.0.database.read(|db| AGENTS.list(db, filter, before, limit as u64))
    }

    /// Lists the versions of an agent below one, newest first.
    pub(crate) fn agent_versions(
        &self,
        id: &str,
        below: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Agent>, LocalError> {
        self.0.database.read(|db| agents::versions(db, id, below, limit as u64))
    }

    /// Makes an environment.
    pub(crate) fn create_environment(&self, body: CreateEnvironment) -> Result<Environment, LocalError> {
        self.write(|db, now| environments::create(db, body, now))
    }

    /// Returns an environment.
    pub(crate) fn environment(&self, id: &str) -> Result<Environment, LocalError> {
        self.0.database.read(|db| ENVIRONMENTS.find(db, id))
    }

    /// Changes an environment.
    pub(crate) fn update_environment(&self, id: &str, patch: Object) -> Result<Environment, LocalError> {
        self.write(|db, now| environments::update(db, id, patch, now))
    }

    /// Archives an environment.
    pub(crate) fn archive_environment(&self, id: &str) -> Result<Environment, LocalError> {
        self.write(|db, now| environments::archive(db, id, now))
    }

    /// Deletes an environment.
    pub(crate) fn delete_environment(&self, id: &str) -> Result<(), LocalError> {
        self.write(|db, _| {
            ENVIRONMENTS.find::<Environment>(db, id)?;
            ENVIRONMENTS.remove(db, id)
        })
    }

    /// Lists environments, newest first.
    pub(crate) fn environments(
        &self,
        filter: &ShelfFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<(i64, Environment)>, LocalError> {
        self.0.database.read(|db| ENVIRONMENTS.list(db, filter, before, limit as u64))
    }

    /// Makes a session.
    pub(crate) fn create_session(&self, body: CreateSession) -> Result<Session, LocalError> {
        self.write(|db, now| life::create(db, body, None, now))
    }

    /// Returns a session.
    pub(crate) fn session(&self, id: &SessionId) -> Result<Session, LocalError> {
        self.0.database.read(|db| sessions::find(db, id))
    }

    /// Changes a session.
    pub(crate) fn update_session(&self, id: &SessionId, patch: Object) -> Result<Session, LocalError> {
        self.write_to(id, |db, now| life::update(db, id, patch, now))
    }

    /// Archives a session.
    pub(crate) fn archive_session(&self, id: &SessionId) -> Result<Session, LocalError> {
        self.write_to(id, |db, now| life::archive(db, id, now))
    }

    /// Deletes a session; dreams that were to read it fail.
    pub(crate) fn delete_session(&self, id: &SessionId) -> Result<(), LocalError> {
        let readers: Vec<DreamId> = self.write_to(id, |db, now| life::delete(db, id, now))?;
        self.0.ended(&readers);
        Ok(())
    }

    /// Lists sessions by the time they were made.
    pub(crate) fn sessions(
        &self,
        filter: &SessionFilter,
        is_ascending: bool,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Vec<(Place, Session)>, LocalError> {
        self.0.database.read(|db| sessions::list(db, filter, is_ascending, after, limit as u64))
    }

    /// Attaches a file to a session.
    pub(crate) fn attach(&self, id: &SessionId, given: Object) -> Result<Object, LocalError> {
        self.write(|db, now| life::attach(db, id, given, now))
    }

    /// Returns a resource of a session.
    pub(crate) fn resource(&self, id: &SessionId, resource: &str) -> Result<Object, LocalError> {
        self.0.database.read(|db| life::resource(&sessions::find(db, id)?, resource))
    }

    /// Changes a resource of a session.
    pub(crate) fn update_resource(
        &self,
        id: &SessionId,
        resource: &str,
        patch: &Object,
    ) -> Result<Object, LocalError> {
        self.write(|db, now| life::update_resource(db, id, resource, patch, now))
    }

    /// Takes a resource away from a session.
    pub(crate) fn detach(&self, id: &SessionId, resource: &str) -> Result<(), LocalError> {
        self.write(|db, now| life::detach(db, id, resource, now))
    }

    /// Takes events into a session.
    pub(crate) fn send(
        &self,
        id: &SessionId,
        given: Vec<Object>,
        is_recording: bool,
    ) -> Result<Vec<Object>, LocalError> {
        self.write_to(id, |db, now| sending::send(db, id, given, is_recording, now))
    }

    /// Lists events with their numbers, in either order, after the event of a number.
    pub(crate) fn events(
        &self,
        id: &SessionId,
        filter: &EventFilter,
        is_ascending: bool,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Object)>, LocalError> {
        self.0.database.read(|db| {
            sessions::find(db, id)?;
            events::list(db, id, filter, is_ascending, after, limit as u64)
        })
    }

    /// Listens to a session from its last event on.
    pub(crate) fn listen(&self, id: &SessionId) -> Result<Listening, LocalError> {
        self.session(id)?;
        // The bell first, so that no event falls in between.
        let bell = self.0.bells.listen(id);
        let (last, is_over) = self
            .0
            .database
            .read(|db| Ok((events::last(db, id)?, sessions::find(db, id)?.archived_at.is_some())))?;
        Ok(Listening { bell, last, is_over })
    }

    /// Returns what happened to a session after the event of a number.
    pub(crate) fn news(&self, id: &SessionId, after: u64) -> Result<News, LocalError> {
        self.0.database.read(|db| {
            if !sessions::is_recorded(db, id)? {
                return Ok(News::Deleted);
            }
            let events = events::since(db, id, after, 100)?;
            let last = events.last().map_or(after, |(seq, _)| *seq);
            Ok(News::Events(last, events.into_iter().map(|(_, event)| event).collect()))
        })
    }

    /// Returns the event that ends the streams of a deleted session.
    pub(crate) fn farewell(&self) -> Object {
        events::finished(super::object(json!({"type": "session.deleted"})), self.0.now())
    }

    /// Makes a deployment.
    pub(crate) fn create_deployment(&self, body: CreateDeployment) -> Result<Deployment, LocalError> {
        self.write(|db, now| deployments::create(db, body, now))
    }

    /// Returns a deployment.
    pub(crate) fn deployment(&self, id: &str) -> Result<Deployment, LocalError> {
        self.0.database.read(|db| DEPLOYMENTS.find(db, id))
    }

    /// Changes a deployment.
    pub(crate) fn update_deployment(&self, id: &str, patch: Object) -> Result<Deployment, LocalError> {
        self.write(|db, now| deployments::update(db, id, patch, now))
    }

    /// Archives a deployment.
    pub(crate) fn archive_deployment(&self, id: &str) -> Result<Deployment, LocalError> {
        self.write(|db, now| deployments::archive(db, id, now))
    }

    /// Pauses a deployment by hand, or lets it go on.
    pub(crate) fn pause_deployment(&self, id: &str, is_paused: bool) -> Result<Deployment, LocalError> {
        let reason: Option<Value> = is_paused.then(|| json!({"type": "manual"}));
        self.write(|db, now| deployments::set_paused(db, id, reason, now))
    }

    /// Starts a session of a deployment.
    pub(crate) fn run_deployment(&self, id: &str) -> Result<DeploymentRun, LocalError> {
        let run = self.write(|db, now| deployments::run(db, id, now))?;
        run.map_err(|failure| failure.at(self.0.database.path()))
    }

    /// Lists deployments, newest first.
    pub(crate) fn deployments(
        &self,
        filter: &ShelfFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<(i64, Deployment)>, LocalError> {
        self.0.database.read(|db| DEPLOYMENTS.list(db, filter, before, limit as u64))
    }

    /// Returns a run of a deployment.
    pub(crate) fn deployment_run(&self, id: &str) -> Result<DeploymentRun, LocalError> {
        self.0.database.read(|db| RUNS.find(db, id))
    }

    /// Lists the runs of deployments, newest first.
    pub(crate) fn deployment_runs(
        &self,
        filter: &ShelfFilter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<(i64, DeploymentRun)>, LocalError> {
        self.0.database.read(|db| RUNS.list(db, filter, before, limit as u64))
    }
}

impl ShelfFilter {
    /// Shows only those with a value in a column.
    pub(crate) fn with(
        mut self,
        column: &'static str,
        value: Option<impl Into<rusqlite::types::Value>>,
    ) -> Self {
        self.equal.extend(value.map(|value| (column, value.into())));
        self
    }
}
