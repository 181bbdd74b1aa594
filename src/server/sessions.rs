//! Sessions, what they have attached, and their one thread.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::backend::local::recorded::{Bounds, Place, SessionFilter};
use crate::backend::wire::{CreateSession, Deleted, Object, Page, Session, SessionPage};
use crate::ids::SessionId;

use super::Service;
use super::error::ApiError;
use super::extract::{Body, Query};
use super::listing::bounds;
use super::page::Cursor;

const STATUSES: [&str; 4] = ["rescheduling", "running", "idle", "terminated"];

pub(super) fn routes() -> Router<Service> {
    Router::new()
        .route("/v1/sessions", post(create).get(list))
        .route("/v1/sessions/{id}", get(retrieve).post(update).delete(delete))
        .route("/v1/sessions/{id}/archive", post(archive))
        .route("/v1/sessions/{id}/resources", post(attach).get(resources))
        .route(
            "/v1/sessions/{id}/resources/{resource}",
            get(retrieve_resource).post(update_resource).delete(detach),
        )
        .route("/v1/sessions/{id}/threads", get(threads))
        .route("/v1/sessions/{id}/threads/{thread}", get(retrieve_thread))
        .route("/v1/sessions/{id}/threads/{thread}/archive", post(archive_thread))
}

/// Reads the id of a session; what cannot be one is nobody's.
pub(super) fn session_id(id: &str) -> Result<SessionId, ApiError> {
    SessionId::parse(id).map_err(|_| ApiError::not_found("there is no such session"))
}

async fn create(
    State(service): State<Service>,
    Body(body): Body<CreateSession>,
) -> Result<Json<Session>, ApiError> {
    Ok(Json(service.local.recorded().create_session(body)?))
}

async fn retrieve(State(service): State<Service>, Path(id): Path<String>) -> Result<Json<Session>, ApiError> {
    Ok(Json(service.local.recorded().session(&session_id(&id)?)?))
}

async fn update(
    State(service): State<Service>,
    Path(id): Path<String>,
    Body(patch): Body<Object>,
) -> Result<Json<Session>, ApiError> {
    Ok(Json(service.local.recorded().update_session(&session_id(&id)?, patch)?))
}

async fn archive(State(service): State<Service>, Path(id): Path<String>) -> Result<Json<Session>, ApiError> {
    Ok(Json(service.local.recorded().archive_session(&session_id(&id)?)?))
}

async fn delete(State(service): State<Service>, Path(id): Path<String>) -> Result<Json<Deleted>, ApiError> {
    service.local.recorded().delete_session(&session_id(&id)?)?;
    Ok(Json(Deleted { id, kind: "session_deleted".to_owned() }))
}

async fn list(State(service): State<Service>, query: Query) -> Result<Json<SessionPage>, ApiError> {
    let filter = filter(&query)?;
    let limit = query.limit(20, 1_000)?;
    let is_ascending = query.word("order", &["desc", "asc"])? == "asc";
    // A cursor is good for one order alone.
    let name = if is_ascending { "sessions:asc" } else { "sessions:desc" };
    let cursor = Cursor::of(&query, name)?;
    let after = cursor.as_ref().map(|cursor| place(&cursor.key)).transpose()?;
    if after.is_some_and(|place| lies_outside(&filter.created, place)) {
        return Err(ApiError::invalid("page: the cursor lies outside the bounds of created_at"));
    }
    let is_backward = cursor.as_ref().is_some_and(|cursor| cursor.is_before);
    let mut found =
        service.local.recorded().sessions(&filter, is_ascending != is_backward, after, limit + 1)?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    if is_backward {
        found.reverse();
    }
    let (has_next, has_previous) = if is_backward { (true, has_more) } else { (has_more, cursor.is_some()) };
    let key = |place: &Place| format!("{}.{}", place.at, place.seq);
    let next = found.last().filter(|_| has_next);
    let previous = found.first().filter(|_| has_previous);
    Ok(Json(SessionPage {
        next_page: next.map(|(place, _)| Cursor::after(name, key(place)).text()),
        prev_page: previous.map(|(place, _)| Cursor::before(name, key(place)).text()),
        data: found.into_iter().map(|(_, session)| session).collect(),
    }))
}

fn filter(query: &Query) -> Result<SessionFilter, ApiError> {
    let text = |name: &str| query.one(name).map(str::to_owned);
    let agent_version = query.number("agent_version")?;
    if agent_version.is_some() && query.one("agent_id").is_none() {
        return Err(ApiError::invalid("agent_version: only together with agent_id"));
    }
    let statuses = query.all("statuses");
    if let Some(other) = statuses.iter().find(|status| !STATUSES.contains(status)) {
        return Err(ApiError::invalid(format!("statuses: `{other}` is no status of a session")));
    }
    Ok(SessionFilter {
        agent: text("agent_id"),
        agent_version,
        deployment: text("deployment_id"),
        store: text("memory_store_id"),
        statuses: statuses.into_iter().map(str::to_owned).collect(),
        created: bounds(query, "created_at")?,
        with_archived: query.flag("include_archived")?,
    })
}

fn place(key: &str) -> Result<Place, ApiError> {
    let read = |key: &str| {
        let (at, seq) = key.split_once('.')?;
        Some(Place { at: at.parse().ok()?, seq: seq.parse().ok()? })
    };
    read(key).ok_or_else(Cursor::unknown)
}

fn lies_outside(bounds: &Bounds, place: Place) -> bool {
    let at = jiff::Timestamp::from_microsecond(place.at).unwrap_or_default();
    bounds.gt.is_some_and(|bound| at <= bound)
        || bounds.gte.is_some_and(|bound| at < bound)
        || bounds.lt.is_some_and(|bound| at >= bound)
        || bounds.lte.is_some_and(|bound| at > bound)
}

async fn attach(
    State(service): State<Service>,
    Path(id): Path<String>,
    Body(given): Body<Object>,
) -> Result<Json<Object>, ApiError> {
    Ok(Json(service.local.recorded().attach(&session_id(&id)?, given)?))
}

async fn resources(
    State(service): State<Service>,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<Page<Object>>, ApiError> {
    let all = service.local.recorded().session(&session_id(&id)?)?.resources;
    let limit = query.limit(1_000, 1_000)?;
    let mut seen = match Cursor::of(&query, "resources")? {
        None => Seen::default(),
        Some(cursor) => Seen::parse(&cursor.key).ok_or_else(Cursor::unknown)?,
    };
    let start = seen.count(&all);
    let mut data: Vec<Object> = all.into_iter().skip(start).take(limit + 1).collect();
    let has_more = data.len() > limit;
    data.truncate(limit);
    data.iter().for_each(|resource| seen.add(resource));
    let next_page = has_more.then(|| Cursor::after("resources", seen.key()).text());
    Ok(Json(Page { data, next_page }))
}

/// How far a caller has read the resources of a session, told by what it read and not by its place: a
/// resource that is detached meanwhile takes no other with it.
#[derive(Debug, Default)]
struct Seen {
    /// The last resource with an id. Ids follow the order of the list.
    resource: String,
    /// The last store. Stores stay as long as the session.
    store: String,
}

impl Seen {
    fn parse(key: &str) -> Option<Self> {
        let (resource, store) = key.split_once(' ')?;
        Some(Self { resource: resource.to_owned(), store: store.to_owned() })
    }

    fn key(&self) -> String {
        format!("{} {}", self.resource, self.store)
    }

    fn add(&mut self, resource: &Object) {
        match (text(resource, "id"), text(resource, "memory_store_id")) {
            (Some(id), _) => id.clone_into(&mut self.resource),
            (None, Some(store)) => store.clone_into(&mut self.store),
            (None, None) => {}
        }
    }

    /// Returns how many of the resources come before the next page.
    fn count(&self, resources: &[Object]) -> usize {
        let is_last = |resource: &Object| match text(resource, "id") {
            Some(id) => *id <= *self.resource,
            None => text(resource, "memory_store_id") == Some(&self.store),
        };
        resources.iter().rposition(is_last).map_or(0, |at| at + 1)
    }
}

fn text<'a>(resource: &'a Object, name: &str) -> Option<&'a str> {
    resource.get(name).and_then(Value::as_str)
}

async fn retrieve_resource(
    State(service): State<Service>,
    Path((id, resource)): Path<(String, String)>,
) -> Result<Json<Object>, ApiError> {
    Ok(Json(service.local.recorded().resource(&session_id(&id)?, &resource)?))
}

async fn update_resource(
    State(service): State<Service>,
    Path((id, resource)): Path<(String, String)>,
    Body(patch): Body<Object>,
) -> Result<Json<Object>, ApiError> {
    Ok(Json(service.local.recorded().update_resource(&session_id(&id)?, &resource, &patch)?))
}

async fn detach(
    State(service): State<Service>,
    Path((id, resource)): Path<(String, String)>,
) -> Result<Json<Deleted>, ApiError> {
    service.local.recorded().detach(&session_id(&id)?, &resource)?;
    Ok(Json(Deleted { id: resource, kind: "session_resource_deleted".to_owned() }))
}

/// Returns the id of the one thread a session has here.
pub(super) fn primary_thread(session: &str) -> String {
    format!("sthr_{}", session.strip_prefix("sesn_").unwrap_or(session))
}

/// Makes sure that a thread is the session's own.
pub(super) fn check_thread(session: &str, thread: &str) -> Result<(), ApiError> {
    if thread == primary_thread(session) {
        return Ok(());
    }
    Err(ApiError::not_found(format!("session `{session}` has no thread `{thread}`")))
}

fn thread_of(session: &Session) -> Value {
    let mut usage = json!(session.usage);
    if let Some(usage) = usage.as_object_mut() {
        usage.retain(|_, value| !value.is_null());
    }
    let mut stats = json!(session.stats);
    stats["startup_seconds"] = json!(0.0);
    // A thread's agent cannot have others work for it.
    let mut agent = session.agent.clone();
    if let Some(agent) = agent.as_object_mut() {
        agent.shift_remove("multiagent");
    }
    json!({
        "type": "session_thread", "id": primary_thread(&session.id), "session_id": session.id,
        "parent_thread_id": null, "agent": agent, "status": session.status, "stats": stats,
        "usage": usage, "workflow_run_id": null, "created_at": session.created_at,
        "updated_at": session.updated_at, "archived_at": session.archived_at,
    })
}

async fn threads(
    State(service): State<Service>,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<Page<Value>>, ApiError> {
    query.limit(1_000, 1_000)?;
    let session = service.local.recorded().session(&session_id(&id)?)?;
    let statuses = query.all("statuses");
    let is_wanted = statuses.is_empty() || statuses.contains(&session.status.as_str());
    let data = if is_wanted { vec![thread_of(&session)] } else { Vec::new() };
    Ok(Json(Page { data, next_page: None }))
}

async fn retrieve_thread(
    State(service): State<Service>,
    Path((id, thread)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    check_thread(&id, &thread)?;
    Ok(Json(thread_of(&service.local.recorded().session(&session_id(&id)?)?)))
}

/// The primary thread lives as long as its session.
async fn archive_thread(
    State(service): State<Service>,
    Path((id, thread)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    check_thread(&id, &thread)?;
    let session = service.local.recorded().session(&session_id(&id)?)?;
    if session.archived_at.is_none() {
        return Err(ApiError::invalid("thread: the primary thread is archived with its session"));
    }
    Ok(Json(thread_of(&session)))
}
