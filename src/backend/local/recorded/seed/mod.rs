//! A world put into the database at once: resources with given ids and times, for tests to begin with.
//!
//! Every resource goes through the rules of the API, and stays as it is when it is there already.

mod world;

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::backend::Refusal;
use crate::backend::local::error::{Failure, LocalError};
use crate::backend::local::versions::Mark;
use crate::backend::local::{LocalBackend, memories, mint, stores};
use crate::backend::wire::{
    CreateAgent, CreateDeployment, CreateEnvironment, CreateMemory, CreateSession, CreateStore, Object,
};
use crate::ids::{MemoryStoreId, MemoryVersionId, SessionId};
use crate::spec::problem::Problem;

use super::sessions::{self, Provenance};
use super::shelf::{AGENTS, DEPLOYMENTS, ENVIRONMENTS};
use super::{agents, deployments, environments, events, life, object, sending};

pub use world::World;
use world::{At, Item, Parts, Place, Trouble};

/// How much of a world was put in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seeded {
    /// Agents.
    pub agents: u64,
    /// Environments.
    pub environments: u64,
    /// Memory stores.
    pub stores: u64,
    /// The memories in them.
    pub memories: u64,
    /// Deployments.
    pub deployments: u64,
    /// Sessions.
    pub sessions: u64,
    /// The events in them.
    pub events: u64,
    /// Resources that were there before, and were left as they are.
    pub known: u64,
}

/// Why a world was not put in. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The file breaks a rule.
    #[error("the world breaks a rule: {}", .0.label)]
    Invalid(Box<Problem>),
    /// The database failed.
    #[error(transparent)]
    Local(#[from] LocalError),
}

impl LocalBackend {
    /// Puts a world into the database, all of it or nothing. A resource whose id is there is left as it is,
    /// with all that is in it.
    ///
    /// # Errors
    ///
    /// Fails if the world breaks a rule of the API, or if the database fails.
    pub fn seed(&self, world: &World) -> Result<Seeded, SeedError> {
        let shared = &self.shared;
        let now = shared.now();
        let mut problem = None;
        let written = shared.database.write(|db| {
            sow(db, world, now).map_err(|trouble| match trouble {
                Trouble::Failed(failure) => failure,
                Trouble::Problem(found) => {
                    let failure = Failure::refused(Refusal::Invalid, found.label.clone());
                    problem = Some(found);
                    failure
                }
            })
        });
        match problem {
            Some(problem) => Err(SeedError::Invalid(problem)),
            None => Ok(written?),
        }
    }
}

/// The ids a file has given so far.
#[derive(Default)]
struct Given(BTreeMap<String, Place>);

impl Given {
    /// Refuses an id that the file gives a second time.
    fn note(&mut self, parts: &Parts<'_>, id: &str, place: Place) -> Result<(), Trouble> {
        match self.0.insert(id.to_owned(), place.clone()) {
            Some(_) => Err(parts.broken_at(&place, format!("the id `{id}` is given twice"))),
            None => Ok(()),
        }
    }
}

fn id_place(parts: &Parts<'_>) -> Place {
    parts.place([At::Key("id".to_owned())])
}

/// Puts everything in, each kind after those it can name. What is archived is archived last, so that it can
/// be named until then.
fn sow(db: &Connection, world: &World, now: Timestamp) -> Result<Seeded, Trouble> {
    let mut seeded = Seeded::default();
    let mut given = Given::default();
    let mut new =
        |kind: &str, prefix: &str, is_there: &dyn Fn(&str) -> Result<bool, Failure>, known: &mut u64| {
            let mut items = Vec::new();
            for item in world.items(kind, prefix, now)? {
                given.note(&item.parts, &item.id, id_place(&item.parts))?;
                match is_there(&item.id)? {
                    true => *known += 1,
                    false => items.push(item),
                }
            }
            Ok::<_, Trouble>(items)
        };
    let known = &mut seeded.known;
    let mut agents = new("agents", "agent_", &|id| AGENTS.has(db, id), known)?;
    let mut environments = new("environments", "env_", &|id| ENVIRONMENTS.has(db, id), known)?;
    let mut stores = new("stores", "memstore_", &|id| has_store(db, id), known)?;
    let mut deployments = new("deployments", "depl_", &|id| DEPLOYMENTS.has(db, id), known)?;
    let mut sessions = new("sessions", "sesn_", &|id| has_session(db, id), known)?;

    for item in &mut agents {
        agent(db, item)?;
        seeded.agents += 1;
    }
    for item in &mut environments {
        environment(db, item)?;
        seeded.environments += 1;
    }
    for item in &mut stores {
        seeded.memories += store(db, item, &mut given, world)?;
        seeded.stores += 1;
    }
    for item in &mut deployments {
        deployment(db, item)?;
        seeded.deployments += 1;
    }
    for item in &mut sessions {
        seeded.events += session(db, item, &mut given, world)?;
        seeded.sessions += 1;
    }

    archive(&deployments, |id, at| deployments::archive(db, id, at).map(drop))?;
    archive(&sessions, |id, at| life::archive(db, &session_id(id)?, at).map(drop))?;
    archive(&stores, |id, at| stores::archive(db, &store_id(id)?, at).map(drop))?;
    archive(&environments, |id, at| environments::archive(db, id, at).map(drop))?;
    archive(&agents, |id, at| agents::archive(db, id, at).map(drop))?;
    Ok(seeded)
}

fn archive(
    items: &[Item<'_>],
    archive: impl Fn(&str, Timestamp) -> Result<(), Failure>,
) -> Result<(), Trouble> {
    for item in items {
        if let Some(at) = item.archived_at {
            archive(&item.id, at).map_err(|failure| item.parts.refused(failure))?;
        }
    }
    Ok(())
}

fn store_id(id: &str) -> Result<MemoryStoreId, Failure> {
    MemoryStoreId::parse(id).map_err(|error| Failure::refused(Refusal::Invalid, error.to_string()))
}

fn session_id(id: &str) -> Result<SessionId, Failure> {
    SessionId::parse(id).map_err(|error| Failure::refused(Refusal::Invalid, error.to_string()))
}

fn has_store(db: &Connection, id: &str) -> Result<bool, Failure> {
    match stores::find(db, &store_id(id)?) {
        Ok(_) => Ok(true),
        Err(Failure::Refused { kind: Refusal::NotFound, .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

fn has_session(db: &Connection, id: &str) -> Result<bool, Failure> {
    sessions::is_recorded(db, &session_id(id)?)
}

fn agent(db: &Connection, item: &mut Item<'_>) -> Result<(), Trouble> {
    let body: CreateAgent = item.parts.rest()?;
    let built = agents::built(item.id.clone(), body, item.created_at);
    let mut agent = built.map_err(|failure| item.parts.refused(failure))?;
    agent.updated_at = item.updated_at.unwrap_or(item.created_at);
    Ok(agents::insert(db, &agent)?)
}

fn environment(db: &Connection, item: &mut Item<'_>) -> Result<(), Trouble> {
    let body: CreateEnvironment = item.parts.rest()?;
    let built = environments::built(item.id.clone(), body, item.created_at);
    let mut environment = built.map_err(|failure| item.parts.refused(failure))?;
    environment.updated_at = item.updated_at.unwrap_or(item.created_at);
    Ok(environments::insert(db, &environment)?)
}

fn deployment(db: &Connection, item: &mut Item<'_>) -> Result<(), Trouble> {
    let is_paused = match item.parts.text("status")?.as_deref() {
        None | Some("active") => false,
        Some("paused") => true,
        Some(_) => return Err(item.parts.broken("status", "must be one of active, paused")),
    };
    let body: CreateDeployment = item.parts.rest()?;
    let built = deployments::built(db, item.id.clone(), body, None, item.created_at);
    let mut deployment = built.map_err(|failure| item.parts.refused(failure))?;
    deployment.updated_at = item.updated_at.unwrap_or(item.created_at);
    if is_paused {
        deployment.status = "paused".to_owned();
        deployment.paused_reason = Some(object(json!({"type": "manual"})));
    }
    Ok(deployments::insert(db, &deployment)?)
}

/// Makes a store, and returns how many memories it holds.
fn store(db: &Connection, item: &mut Item<'_>, given: &mut Given, world: &World) -> Result<u64, Trouble> {
    let listed = listed_memories(&mut item.parts)?;
    let body: CreateStore = item.parts.rest()?;
    let id = store_id(&item.id)?;
    stores::make_as(db, &id, &body, item.created_at).map_err(|failure| item.parts.refused(failure))?;
    let count = listed.len() as u64;
    for (place, value, is_short) in listed {
        memory(db, item, &id, given, world, (place, value, is_short))?;
    }
    if let Some(at) = item.updated_at {
        stores::set_updated_at(db, &id, at)?;
    }
    Ok(count)
}

/// Returns memories as mappings with their places, however the file writes them: as a list, or as texts by
/// path.
fn listed_memories(parts: &mut Parts<'_>) -> Result<Vec<(Place, Value, bool)>, Trouble> {
    let at = |step: At| vec![At::Key("memories".to_owned()), step];
    match parts.take("memories") {
        None => Ok(Vec::new()),
        Some(Value::Array(list)) => {
            let whole = list.into_iter().enumerate();
            Ok(whole.map(|(index, value)| (parts.place(at(At::Index(index))), value, false)).collect())
        }
        Some(Value::Object(texts)) => {
            let whole = texts.into_iter();
            Ok(whole
                .map(|(path, text)| {
                    let value = json!({"path": path, "content": text});
                    (parts.place(at(At::Key(path))), value, true)
                })
                .collect())
        }
        Some(_) => Err(parts.broken("memories", "must be texts by path, or a list")),
    }
}

fn memory(
    db: &Connection,
    item: &Item<'_>,
    store: &MemoryStoreId,
    given: &mut Given,
    world: &World,
    (place, value, is_short): (Place, Value, bool),
) -> Result<(), Trouble> {
    if is_short && !value["content"].is_string() {
        return Err(item.parts.broken_at(&place, "expected text"));
    }
    let mut parts = Parts::of(world, place.clone(), value)?;
    let id = parts.id("mem_")?;
    let at = parts.time("created_at")?.unwrap_or(item.created_at);
    let body: CreateMemory = parts.rest()?;
    let path = &body.path;
    let id = match id {
        Some(id) => {
            given.note(&parts, &id, id_place(&parts))?;
            id
        }
        None => mint::derived("mem_", &format!("{store} {path}")),
    };
    let version = MemoryVersionId::parse(mint::derived("memver_", &format!("{store} {id}")))
        .map_err(|error| Failure::refused(Refusal::Internal, error.to_string()))?;
    memories::plant(db, store, (&id, &version), &body, &Mark::unsigned(at))
        .map_err(|failure| parts.refused(failure))
}

/// Makes a session, and returns how many events it holds.
fn session(db: &Connection, item: &mut Item<'_>, given: &mut Given, world: &World) -> Result<u64, Trouble> {
    let parts = &mut item.parts;
    let deployment = parts.text("deployment_id")?;
    if let Some(id) = &deployment
        && !DEPLOYMENTS.has(db, id)?
    {
        return Err(parts.broken("deployment_id", format!("there is no deployment `{id}`")));
    }
    let told = match (parts.list("events")?, parts.list("messages")?) {
        (Some(_), Some(_)) => return Err(parts.broken("messages", "either `events` or `messages`")),
        (Some(events), None) => told_events(events, item, given, world)?,
        (None, Some(messages)) => told_messages(messages, item, world)?,
        (None, None) => Vec::new(),
    };
    let parts = &mut item.parts;
    let body: CreateSession = parts.rest()?;
    if !body.initial_events.is_empty() {
        return Err(parts.broken("initial_events", "give them as `events`, which stay as they are"));
    }
    let id = session_id(&item.id)?;
    let built = life::built(db, &id, body, deployment, item.created_at);
    let mut session = built.map_err(|failure| parts.refused(failure))?;
    sessions::insert(db, &session, &Provenance::default())?;
    let times = told.iter().filter_map(|(_, event)| event.get("processed_at")?.as_str()?.parse().ok());
    let last: Timestamp = times.fold(item.created_at, Timestamp::max);
    sending::replay(db, &mut session, &id, told, item.created_at)
        .map_err(|failure| parts.refused(failure))?;
    session.updated_at = item.updated_at.unwrap_or(last);
    sessions::save(db, &session)?;
    Ok(events::last(db, &id)?)
}

/// Returns events with their places inside the session, each with an id and a time.
fn told_events(
    events: Vec<Value>,
    item: &Item<'_>,
    given: &mut Given,
    world: &World,
) -> Result<Vec<(String, Object)>, Trouble> {
    let mut told = Vec::with_capacity(events.len());
    for (index, value) in events.into_iter().enumerate() {
        let place = item.parts.place([At::Key("events".to_owned()), At::Index(index)]);
        let mut parts = Parts::of(world, place, value)?;
        let id = parts.id("sevt_")?;
        if let Some(id) = &id {
            given.note(&parts, id, id_place(&parts))?;
        }
        let at = parts.time("processed_at")?;
        let event: Object = parts.rest()?;
        told.push((format!("events[{index}]"), dated(event, item, index, id, at)));
    }
    Ok(told)
}

/// Returns messages as events, with their places inside the session.
fn told_messages(
    messages: Vec<Value>,
    item: &Item<'_>,
    world: &World,
) -> Result<Vec<(String, Object)>, Trouble> {
    let mut told = Vec::with_capacity(messages.len());
    for (index, value) in messages.into_iter().enumerate() {
        let place = item.parts.place([At::Key("messages".to_owned()), At::Index(index)]);
        let mut parts = Parts::of(world, place.clone(), value)?;
        let at = parts.time("at")?;
        let (kind, text) = match (parts.text("user")?, parts.text("agent")?) {
            (Some(text), None) => ("user.message", text),
            (None, Some(text)) => ("agent.message", text),
            _ => return Err(parts.broken_at(&place, "a message is either `user: TEXT` or `agent: TEXT`")),
        };
        parts.nothing_left()?;
        let event = object(json!({"type": kind, "content": [{"type": "text", "text": text}]}));
        told.push((format!("messages[{index}]"), dated(event, item, index, None, at)));
    }
    Ok(told)
}

/// Gives an event the id and the time it has, or else ones that follow from its session.
fn dated(
    mut event: Object,
    item: &Item<'_>,
    index: usize,
    id: Option<String>,
    at: Option<Timestamp>,
) -> Object {
    let id = id.unwrap_or_else(|| mint::derived("sevt_", &format!("{} {index}", item.id)));
    event.insert("id".to_owned(), id.into());
    event.insert("processed_at".to_owned(), json!(at.unwrap_or(item.created_at)));
    event
}
