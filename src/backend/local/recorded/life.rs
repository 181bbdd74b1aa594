//! The life of a recorded session: created, changed, archived, deleted.

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::backend::Refusal;
use crate::backend::local::error::Failure;
use crate::backend::local::{dreams, metadata, mint};
use crate::backend::wire::{CreateSession, Object, Session, SessionStats};
use crate::ids::{DreamId, SessionId};

use super::rules::{budget, count, invalid, length, only, parse};
use super::sessions::{self, Provenance};
use super::{agents, attached, environments, events, object, sending, work};

/// The longest title, in characters.
const TITLE_LIMIT: usize = 512;

/// Makes a session, and starts it if it has something to begin with.
pub(super) fn create(
    db: &Connection,
    mut body: CreateSession,
    deployment: Option<String>,
    now: Timestamp,
) -> Result<Session, Failure> {
    let id = mint::session();
    let given = std::mem::take(&mut body.initial_events);
    let is_deployed = deployment.is_some();
    let mut session = built(db, &id, body, deployment, now)?;
    let initial = sending::check_initial(given, is_deployed)?;
    sessions::insert(db, &session, &Provenance::default())?;
    if initial.is_empty() {
        return Ok(session);
    }
    // The answer shows it running, as it is for a moment.
    let mut begun = session.clone();
    sending::take(db, &mut begun, &id, initial, now)?;
    sessions::save(db, &begun)?;
    session.status = "running".to_owned();
    session.outcome_evaluations = begun.outcome_evaluations;
    Ok(session)
}

/// Checks what a session is to be and makes it, with nothing in it yet.
pub(super) fn built(
    db: &Connection,
    id: &SessionId,
    body: CreateSession,
    deployment: Option<String>,
    now: Timestamp,
) -> Result<Session, Failure> {
    let agent = agents::snapshot(db, &body.agent)?;
    let environment = environments::usable(db, &body.environment_id)?;
    attached::check(db, &body.resources, environments::is_self_hosted(&environment))?;
    if let Some(title) = &body.title {
        length("title", title, 0, TITLE_LIMIT)?;
    }
    let pairs = body.metadata.unwrap_or_default();
    metadata::check(&pairs)?;
    count("vault_ids", &body.vault_ids, 50)?;
    if let Some(limit) = &body.budget {
        budget(limit)?;
    }
    let resources: Vec<Object> =
        body.resources.iter().map(|given| attached::shown(db, given, now)).collect::<Result<_, _>>()?;
    Ok(Session {
        id: id.to_string(),
        kind: "session".to_owned(),
        status: "idle".to_owned(),
        agent,
        environment_id: Some(environment.id),
        deployment_id: deployment,
        title: body.title,
        metadata: pairs,
        resources,
        vault_ids: body.vault_ids,
        outcome_evaluations: Vec::new(),
        stats: SessionStats { active_seconds: Some(0.0), duration_seconds: Some(0.0) },
        usage: work::no_usage(),
        budget: body.budget,
        created_at: now,
        updated_at: now,
        archived_at: None,
    })
}

/// Returns a session that callers may still change: neither archived nor the work of a dream.
pub(super) fn changeable(db: &Connection, id: &SessionId) -> Result<Session, Failure> {
    let session = sessions::find(db, id)?;
    if session.archived_at.is_some() {
        return Err(invalid(format!("session `{id}` is archived and cannot be changed")));
    }
    sessions::refuse_worker(db, id)?;
    Ok(session)
}

/// Changes a session, and tells what changed in its events.
pub(super) fn update(
    db: &Connection,
    id: &SessionId,
    patch: Object,
    now: Timestamp,
) -> Result<Session, Failure> {
    let mut session = changeable(db, id)?;
    let before = session.clone();
    for (name, value) in patch {
        match name.as_str() {
            "title" => {
                session.title = parse("title", value)?;
                length("title", session.title.as_deref().unwrap_or_default(), 0, TITLE_LIMIT)?;
            }
            "metadata" => metadata::patch(&mut session.metadata, &value, false)?,
            "agent" => equip(&mut session, value)?,
            "budget" => set_budget(&mut session, value)?,
            "vault_ids" => return Err(invalid("vault_ids: can only be set at creation")),
            other => return Err(invalid(format!("{other}: extra inputs are not permitted"))),
        }
    }
    let mut told = object(json!({"type": "session.updated"}));
    if session.title != before.title {
        told.insert("title".to_owned(), json!(session.title));
    }
    if session.metadata != before.metadata {
        told.insert("metadata".to_owned(), json!(session.metadata));
    }
    if session.agent != before.agent {
        told.insert("agent".to_owned(), session.agent.clone());
    }
    if session.budget != before.budget {
        told.insert("budget".to_owned(), json!(session.budget));
    }
    if told.len() > 1 {
        events::add(db, &mut session, id, vec![told], now)?;
        session.updated_at = now;
        sessions::save(db, &session)?;
    }
    Ok(session)
}

fn equip(session: &mut Session, change: Value) -> Result<(), Failure> {
    if session.status == "running" {
        return Err(invalid("agent: cannot be changed while the session is running"));
    }
    let change: Object = parse("agent", change)?;
    only("agent", &change, &["tools", "mcp_servers"])?;
    let list = |from: &Value, name: &str| -> Result<Option<Vec<Object>>, Failure> {
        let place = format!("agent.{name}");
        from.get(name).filter(|list| !list.is_null()).map(|list| parse(&place, list.clone())).transpose()
    };
    let mut tools = list(&session.agent, "tools")?.unwrap_or_default();
    let mut servers = list(&session.agent, "mcp_servers")?.unwrap_or_default();
    let change = Value::Object(change);
    agents::equip(&mut tools, &mut servers, list(&change, "tools")?, list(&change, "mcp_servers")?)?;
    session.agent["tools"] = json!(tools);
    session.agent["mcp_servers"] = json!(servers);
    Ok(())
}

fn set_budget(session: &mut Session, change: Value) -> Result<(), Failure> {
    let new: Option<Object> = parse("budget", change)?;
    if let Some(limit) = &new {
        budget(limit)?;
        if session.budget.is_none() {
            return Err(invalid("budget: can only be set at creation"));
        }
    }
    session.budget = new;
    Ok(())
}

fn refuse_running(session: &Session, what: &str) -> Result<(), Failure> {
    if session.status == "running" || session.status == "rescheduling" {
        let message = format!("session `{}` is {} and cannot be {what}", session.id, session.status);
        return Err(invalid(message));
    }
    Ok(())
}

/// Archives a session: it takes no more events, and keeps those it has.
pub(super) fn archive(db: &Connection, id: &SessionId, now: Timestamp) -> Result<Session, Failure> {
    let mut session = sessions::find(db, id)?;
    if session.archived_at.is_some() {
        return Ok(session);
    }
    refuse_running(&session, "archived")?;
    events::add(db, &mut session, id, vec![object(json!({"type": "session.status_terminated"}))], now)?;
    session.archived_at = Some(now);
    session.updated_at = now;
    sessions::save(db, &session)?;
    Ok(session)
}

/// Deletes a session with its events. Dreams that were to read it fail, and are returned.
pub(super) fn delete(db: &Connection, id: &SessionId, now: Timestamp) -> Result<Vec<DreamId>, Failure> {
    refuse_running(&sessions::find(db, id)?, "deleted")?;
    let readers = dreams::fail_readers_of_session(db, id, now)?;
    sessions::remove(db, id)?;
    Ok(readers)
}

/// Attaches a file, the one kind of resource that a session can still get.
pub(super) fn attach(
    db: &Connection,
    id: &SessionId,
    given: Object,
    now: Timestamp,
) -> Result<Object, Failure> {
    let mut session = changeable(db, id)?;
    if given.get("type").and_then(Value::as_str) != Some("file") {
        return Err(invalid("type: only files can be added to a session that exists"));
    }
    let is_self_hosted =
        environments::says_self_hosted(db, session.environment_id.as_deref().unwrap_or_default())?;
    attached::check(db, std::slice::from_ref(&given), is_self_hosted)?;
    let resource = attached::shown(db, &given, now)?;
    session.resources.push(resource.clone());
    session.updated_at = now;
    sessions::save(db, &session)?;
    Ok(resource)
}

/// Returns a resource of a session. A memory store has no id, so none is found.
pub(super) fn resource(session: &Session, id: &str) -> Result<Object, Failure> {
    let is_it = |resource: &&Object| resource.get("id").and_then(Value::as_str) == Some(id);
    session.resources.iter().find(is_it).cloned().ok_or_else(|| {
        let message = format!("session `{}` has no resource `{id}`", session.id);
        Failure::refused(Refusal::NotFound, message)
    })
}

/// Replaces the token of a repository. It is never told again, so it is not kept.
pub(super) fn update_resource(
    db: &Connection,
    id: &SessionId,
    resource_id: &str,
    patch: &Object,
    now: Timestamp,
) -> Result<Object, Failure> {
    let mut session = changeable(db, id)?;
    let mut changed = resource(&session, resource_id)?;
    if changed.get("type").and_then(Value::as_str) != Some("github_repository") {
        return Err(invalid("resource: only a repository can be updated"));
    }
    if let Some(other) = patch.keys().find(|key| *key != "authorization_token") {
        return Err(invalid(format!("{other}: extra inputs are not permitted")));
    }
    if !patch.get("authorization_token").is_some_and(Value::is_string) {
        return Err(invalid("authorization_token: field required"));
    }
    changed.insert("updated_at".to_owned(), json!(now));
    for kept in &mut session.resources {
        if kept.get("id") == changed.get("id") {
            *kept = changed.clone();
        }
    }
    session.updated_at = now;
    sessions::save(db, &session)?;
    Ok(changed)
}

/// Takes a resource away from a session.
pub(super) fn detach(
    db: &Connection,
    id: &SessionId,
    resource_id: &str,
    now: Timestamp,
) -> Result<(), Failure> {
    let mut session = changeable(db, id)?;
    resource(&session, resource_id)?;
    session.resources.retain(|kept| kept.get("id").and_then(Value::as_str) != Some(resource_id));
    session.updated_at = now;
    sessions::save(db, &session)
}
