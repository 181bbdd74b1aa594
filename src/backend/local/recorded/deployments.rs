//! Deployments and their runs. Nothing runs by the clock here: a schedule is kept and shown, and a run is
//! started by its caller.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::backend::Refusal;
use crate::backend::local::error::Failure;
use crate::backend::local::{metadata, mint, stores};
use crate::backend::wire::{
    AgentRef, CreateDeployment, CreateSession, Deployment, DeploymentRun, Environment, Object,
};
use crate::ids::MemoryStoreId;

use super::rules::{budget, count, invalid, length, only, parse, text, text_opt};
use super::shelf::{DEPLOYMENTS, ENVIRONMENTS, RUNS};
use super::{agents, attached, cron, environments, life, object, sending};

/// The most resources of a deployment.
const RESOURCES_LIMIT: usize = 500;

/// Makes a deployment.
pub(super) fn create(db: &Connection, body: CreateDeployment, now: Timestamp) -> Result<Deployment, Failure> {
    let deployment = built(db, mint::deployment(), body, None, now)?;
    insert(db, &deployment)?;
    Ok(deployment)
}

/// Puts a whole deployment into the database.
pub(super) fn insert(db: &Connection, deployment: &Deployment) -> Result<(), Failure> {
    let more = [("agent", deployment.agent.id.clone().into()), ("status", deployment.status.clone().into())];
    DEPLOYMENTS.insert(db, &deployment.id, deployment.created_at, deployment, &more)
}

/// Builds a deployment, anew or from the one there was. What it had already is not judged again, so that an
/// environment or a store that was archived since is in nobody's way.
pub(super) fn built(
    db: &Connection,
    id: String,
    body: CreateDeployment,
    before: Option<&Deployment>,
    now: Timestamp,
) -> Result<Deployment, Failure> {
    length("name", &body.name, 1, 256)?;
    let pairs = body.metadata.unwrap_or_default();
    metadata::check(&pairs)?;
    let environment_id = Some(body.environment_id);
    let asked = environment_id.as_deref().unwrap_or_default();
    let is_self_hosted = match before {
        Some(before) if before.environment_id == environment_id => environments::says_self_hosted(db, asked)?,
        _ => environments::is_self_hosted(&environments::usable(db, asked)?),
    };
    let attached: &[Object] = before.map_or(&[], |before| &before.resources);
    if body.initial_events.is_empty() {
        return Err(invalid("initial_events: must hold at least one event"));
    }
    let mut resources = body.resources.unwrap_or_default();
    count("resources", &resources, RESOURCES_LIMIT)?;
    attached::check_new(db, &resources, attached, is_self_hosted)?;
    for resource in &mut resources {
        resource.shift_remove("authorization_token");
    }
    let vault_ids = body.vault_ids.unwrap_or_default();
    count("vault_ids", &vault_ids, 50)?;
    if let Some(limit) = &body.budget {
        budget(limit)?;
    }
    Ok(Deployment {
        id,
        kind: "deployment".to_owned(),
        name: body.name,
        agent: pinned(db, &body.agent)?,
        environment_id,
        initial_events: sending::check_initial(body.initial_events, true)?,
        resources,
        schedule: body.schedule.map(schedule).transpose()?,
        vault_ids,
        budget: body.budget,
        description: body.description,
        metadata: pairs,
        status: "active".to_owned(),
        paused_reason: None,
        created_at: now,
        updated_at: now,
        archived_at: None,
    })
}

/// Pins an agent at a version.
fn pinned(db: &Connection, asked: &Value) -> Result<AgentRef, Failure> {
    let is_plain = asked.get("type").is_none_or(|kind| kind == "agent");
    if !is_plain {
        return Err(invalid("agent.type: must be agent"));
    }
    let agent = agents::snapshot(db, asked)?;
    Ok(AgentRef {
        kind: "agent".to_owned(),
        id: agent["id"].as_str().unwrap_or_default().to_owned(),
        version: agent["version"].as_u64(),
    })
}

fn schedule(given: Object) -> Result<Object, Failure> {
    only("schedule", &given, &["type", "expression", "timezone", "last_run_at", "upcoming_runs_at"])?;
    if text("schedule", &given, "type")? != "cron" {
        return Err(invalid("schedule.type: must be cron"));
    }
    let expression = text("schedule", &given, "expression")?;
    if let Err(reason) = cron::check(expression) {
        return Err(invalid(format!("schedule.expression: {reason}")));
    }
    let zone = text("schedule", &given, "timezone")?;
    if jiff::tz::TimeZone::get(zone).is_err() {
        return Err(invalid(format!("schedule.timezone: there is no time zone `{zone}`")));
    }
    Ok(object(json!({
        "type": "cron", "expression": expression, "timezone": zone,
        "last_run_at": text_opt("schedule", &given, "last_run_at")?, "upcoming_runs_at": [],
    })))
}

/// Changes a deployment: what a patch names is replaced whole, but for metadata, which is patched.
pub(super) fn update(
    db: &Connection,
    id: &str,
    mut patch: Object,
    now: Timestamp,
) -> Result<Deployment, Failure> {
    let deployment: Deployment = DEPLOYMENTS.find(db, id)?;
    if deployment.archived_at.is_some() {
        return Err(invalid(format!("deployment `{id}` is archived")));
    }
    let mut pairs = deployment.metadata.clone();
    if let Some(change) = patch.shift_remove("metadata") {
        metadata::patch(&mut pairs, &change, false)?;
    }
    if patch.get("description").and_then(Value::as_str) == Some("") {
        patch.insert("description".to_owned(), Value::Null);
    }
    let mut form = object(json!({
        "name": deployment.name, "agent": deployment.agent, "environment_id": deployment.environment_id,
        "initial_events": deployment.initial_events, "resources": deployment.resources,
        "schedule": deployment.schedule, "vault_ids": deployment.vault_ids, "budget": deployment.budget,
        "description": deployment.description, "metadata": pairs,
    }));
    form.extend(patch);
    let body = parse("", Value::Object(form))?;
    let changed = built(db, deployment.id.clone(), body, Some(&deployment), now)?;
    let changed = Deployment {
        created_at: deployment.created_at,
        updated_at: deployment.updated_at,
        status: deployment.status.clone(),
        paused_reason: deployment.paused_reason.clone(),
        ..changed
    };
    if changed == deployment {
        return Ok(deployment);
    }
    let changed = Deployment { updated_at: now, ..changed };
    save(db, &changed)?;
    Ok(changed)
}

fn save(db: &Connection, deployment: &Deployment) -> Result<(), Failure> {
    db.prepare_cached("UPDATE deployments SET agent = ?2, status = ?3 WHERE id = ?1")?.execute(params![
        deployment.id,
        deployment.agent.id,
        deployment.status
    ])?;
    DEPLOYMENTS.save(db, &deployment.id, deployment.archived_at, deployment)
}

/// Archives a deployment.
pub(super) fn archive(db: &Connection, id: &str, now: Timestamp) -> Result<Deployment, Failure> {
    let mut deployment: Deployment = DEPLOYMENTS.find(db, id)?;
    if deployment.archived_at.is_none() {
        deployment.archived_at = Some(now);
        deployment.updated_at = now;
        deployment.status = "active".to_owned();
        deployment.paused_reason = None;
        save(db, &deployment)?;
    }
    Ok(deployment)
}

/// Pauses a deployment or lets it go on.
pub(super) fn set_paused(
    db: &Connection,
    id: &str,
    reason: Option<Value>,
    now: Timestamp,
) -> Result<Deployment, Failure> {
    let mut deployment: Deployment = DEPLOYMENTS.find(db, id)?;
    if deployment.archived_at.is_some() {
        return Err(invalid(format!("deployment `{id}` is archived")));
    }
    let status = if reason.is_some() { "paused" } else { "active" };
    if deployment.status != status {
        status.clone_into(&mut deployment.status);
        deployment.paused_reason = reason.map(object);
        deployment.updated_at = now;
        save(db, &deployment)?;
    }
    Ok(deployment)
}

/// Starts a session of a deployment. What stands in its way is told by the run, and pauses the deployment.
/// An archived agent archives it, and there is no run.
pub(super) fn run(
    db: &Connection,
    id: &str,
    now: Timestamp,
) -> Result<Result<DeploymentRun, Failure>, Failure> {
    let deployment: Deployment = DEPLOYMENTS.find(db, id)?;
    if deployment.archived_at.is_some() {
        return Err(invalid(format!("deployment `{id}` is archived")));
    }
    if agents::find(db, &deployment.agent.id, None)?.archived_at.is_some() {
        archive(db, id, now)?;
        return Ok(Err(invalid(format!("agent: `{}` is archived", deployment.agent.id))));
    }
    let mut run = DeploymentRun {
        id: mint::deployment_run(),
        kind: "deployment_run".to_owned(),
        deployment_id: deployment.id.clone(),
        agent: deployment.agent.clone(),
        created_at: now,
        trigger_context: object(json!({"type": "manual"})),
        session_id: None,
        error: None,
    };
    match obstacle(db, &deployment)? {
        Some((kind, message)) => {
            run.error = Some(object(json!({"type": kind, "message": message})));
            set_paused(db, id, Some(json!({"type": "error", "error": {"type": kind}})), now)?;
        }
        None => {
            let body = CreateSession {
                agent: json!(deployment.agent),
                environment_id: deployment.environment_id.clone().unwrap_or_default(),
                title: None,
                metadata: None,
                resources: deployment.resources.clone(),
                vault_ids: deployment.vault_ids.clone(),
                initial_events: deployment.initial_events.clone(),
                budget: deployment.budget.clone(),
            };
            run.session_id = Some(life::create(db, body, Some(deployment.id.clone()), now)?.id);
        }
    }
    let more = [
        ("deployment", run.deployment_id.clone().into()),
        ("is_manual", 1.into()),
        ("has_error", i64::from(run.error.is_some()).into()),
    ];
    RUNS.insert(db, &run.id, now, &run, &more)?;
    Ok(Ok(run))
}

/// Returns what keeps a deployment from starting a session: the type of the error, and words.
fn obstacle(db: &Connection, deployment: &Deployment) -> Result<Option<(&'static str, String)>, Failure> {
    let environment = deployment.environment_id.as_deref().unwrap_or_default();
    let absent = |result: Result<bool, Failure>| match result {
        Ok(is_archived) => Ok(Some(is_archived)),
        Err(Failure::Refused { kind: Refusal::NotFound, .. }) => Ok(None),
        Err(other) => Err(other),
    };
    let found = ENVIRONMENTS.find::<Environment>(db, environment).map(|found| found.archived_at.is_some());
    match absent(found)? {
        Some(false) => {}
        Some(true) => {
            let message = format!("environment `{environment}` is archived");
            return Ok(Some(("environment_archived_error", message)));
        }
        None => {
            let message = format!("there is no environment `{environment}`");
            return Ok(Some(("environment_not_found_error", message)));
        }
    }
    for resource in &deployment.resources {
        let Some(id) = resource.get("memory_store_id").and_then(Value::as_str) else { continue };
        let Ok(id) = MemoryStoreId::parse(id) else { continue };
        match absent(stores::find(db, &id).map(|store| store.archived_at.is_some()))? {
            Some(false) => {}
            Some(true) => {
                let message = format!("memory store `{id}` is archived");
                return Ok(Some(("memory_store_archived_error", message)));
            }
            None => {
                let message = format!("there is no memory store `{id}`");
                return Ok(Some(("session_resource_not_found_error", message)));
            }
        }
    }
    Ok(None)
}

/// Puts one store in the place of another, and leaves everything else as it is.
pub(super) fn repoint(
    db: &Connection,
    id: &str,
    from: &MemoryStoreId,
    to: &MemoryStoreId,
    now: Timestamp,
) -> Result<(), Failure> {
    let deployment: Deployment = DEPLOYMENTS.find(db, id)?;
    let (has_from, has_to) = (
        deployment.resources.iter().any(|r| names(r, from)),
        deployment.resources.iter().any(|r| names(r, to)),
    );
    if !has_from {
        if has_to {
            return Ok(());
        }
        let message = format!("deployment `{id}` does not name memory store `{from}`");
        return Err(Failure::refused(Refusal::Conflict, message));
    }
    if from == to {
        let is_archived = deployment.archived_at.is_some();
        return if is_archived { Err(invalid(format!("deployment `{id}` is archived"))) } else { Ok(()) };
    }
    let mut resources = deployment.resources;
    if has_to {
        resources.retain(|resource| !names(resource, from));
    }
    for resource in &mut resources {
        if names(resource, from) {
            resource.insert("memory_store_id".to_owned(), to.as_str().into());
        }
    }
    update(db, id, object(json!({ "resources": resources })), now)?;
    Ok(())
}

fn names(resource: &Object, store: &MemoryStoreId) -> bool {
    resource.get("memory_store_id").and_then(Value::as_str) == Some(store.as_str())
}
