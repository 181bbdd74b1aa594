//! Environments: nothing runs in them here, so they are what they say of themselves.

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::backend::Refusal;
use crate::backend::local::error::Failure;
use crate::backend::local::{metadata, mint};
use crate::backend::wire::{CreateEnvironment, Environment, Object};

use super::object;
use super::rules::{invalid, length, only, parse, text, word};
use super::shelf::ENVIRONMENTS;

const PACKAGES: [&str; 6] = ["apt", "cargo", "gem", "go", "npm", "pip"];

/// Makes an environment.
pub(super) fn create(
    db: &Connection,
    body: CreateEnvironment,
    now: Timestamp,
) -> Result<Environment, Failure> {
    let environment = built(mint::environment(), body, now)?;
    insert(db, &environment)?;
    Ok(environment)
}

/// Puts a whole environment into the database.
pub(super) fn insert(db: &Connection, environment: &Environment) -> Result<(), Failure> {
    ENVIRONMENTS.insert(db, &environment.id, environment.created_at, environment, &[])
}

pub(super) fn built(id: String, body: CreateEnvironment, now: Timestamp) -> Result<Environment, Failure> {
    length("name", &body.name, 1, 256)?;
    if let Some(scope) = &body.scope {
        word("scope", scope, &["organization", "account"])?;
    }
    let pairs = body.metadata.unwrap_or_default();
    metadata::check(&pairs)?;
    Ok(Environment {
        id,
        kind: "environment".to_owned(),
        name: body.name,
        description: body.description,
        config: config(body.config)?,
        metadata: pairs,
        scope: Some(body.scope.unwrap_or_else(|| "organization".to_owned())),
        created_at: now,
        updated_at: now,
        archived_at: None,
    })
}

/// Changes an environment.
pub(super) fn update(
    db: &Connection,
    id: &str,
    mut patch: Object,
    now: Timestamp,
) -> Result<Environment, Failure> {
    let environment: Environment = ENVIRONMENTS.find(db, id)?;
    if environment.archived_at.is_some() {
        return Err(invalid(format!("environment `{id}` is archived")));
    }
    let mut pairs = environment.metadata.clone();
    if let Some(change) = patch.shift_remove("metadata") {
        metadata::patch(&mut pairs, &change, true)?;
    }
    // Only the description can be cleared; null leaves the others as they are.
    patch.retain(|name, value| name == "description" || !value.is_null());
    let mut form = object(json!({
        "name": environment.name, "description": environment.description, "config": environment.config,
        "scope": environment.scope, "metadata": pairs,
    }));
    form.extend(patch);
    let changed = built(environment.id.clone(), parse("", Value::Object(form))?, now)?;
    let changed =
        Environment { created_at: environment.created_at, updated_at: environment.updated_at, ..changed };
    if changed == environment {
        return Ok(environment);
    }
    let changed = Environment { updated_at: now, ..changed };
    ENVIRONMENTS.save(db, id, None, &changed)?;
    Ok(changed)
}

/// Archives an environment.
pub(super) fn archive(db: &Connection, id: &str, now: Timestamp) -> Result<Environment, Failure> {
    let mut environment: Environment = ENVIRONMENTS.find(db, id)?;
    if environment.archived_at.is_none() {
        environment.archived_at = Some(now);
        environment.updated_at = now;
        ENVIRONMENTS.save(db, id, environment.archived_at, &environment)?;
    }
    Ok(environment)
}

/// Returns an environment that sessions can be started in.
pub(super) fn usable(db: &Connection, id: &str) -> Result<Environment, Failure> {
    let environment: Environment = ENVIRONMENTS.find(db, id)?;
    if environment.archived_at.is_some() {
        return Err(invalid(format!("environment_id: environment `{id}` is archived")));
    }
    Ok(environment)
}

/// Says whether sessions run on the owner's own machines.
pub(super) fn is_self_hosted(environment: &Environment) -> bool {
    environment.config.get("type").and_then(Value::as_str) == Some("self_hosted")
}

/// As [`is_self_hosted`], of an environment that may have been deleted since, and then says nothing.
pub(super) fn says_self_hosted(db: &Connection, id: &str) -> Result<bool, Failure> {
    match ENVIRONMENTS.find(db, id) {
        Ok(environment) => Ok(is_self_hosted(&environment)),
        Err(Failure::Refused { kind: Refusal::NotFound, .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

/// Checks a configuration and fills in what was left out.
fn config(given: Option<Object>) -> Result<Object, Failure> {
    let given = given.unwrap_or_else(|| object(json!({"type": "cloud"})));
    match text("config", &given, "type")? {
        "self_hosted" => {
            only("config", &given, &["type"])?;
            Ok(given)
        }
        "cloud" => {
            only("config", &given, &["type", "networking", "packages"])?;
            Ok(object(json!({
                "type": "cloud",
                "networking": networking(part(&given, "networking")?)?,
                "packages": packages(&part(&given, "packages")?)?,
            })))
        }
        _ => Err(invalid("config.type: must be one of cloud, self_hosted")),
    }
}

fn part(config: &Object, name: &str) -> Result<Object, Failure> {
    match config.get(name) {
        None | Some(Value::Null) => Ok(Object::new()),
        Some(Value::Object(part)) => Ok(part.clone()),
        Some(_) => Err(invalid(format!("config.{name}: must be an object"))),
    }
}

fn networking(given: Object) -> Result<Object, Failure> {
    let place = "config.networking";
    match given.get("type").map_or(Some("unrestricted"), Value::as_str) {
        Some("unrestricted") => {
            only(place, &given, &["type"])?;
            Ok(object(json!({"type": "unrestricted"})))
        }
        Some("limited") => {
            only(place, &given, &["type", "allowed_hosts", "allow_mcp_servers", "allow_package_managers"])?;
            let mut whole = object(json!({
                "type": "limited", "allowed_hosts": [],
                "allow_mcp_servers": false, "allow_package_managers": false,
            }));
            whole.extend(given.into_iter().filter(|(_, value)| !value.is_null()));
            parse::<Vec<String>>("config.networking.allowed_hosts", whole["allowed_hosts"].clone())?;
            parse::<bool>("config.networking.allow_mcp_servers", whole["allow_mcp_servers"].clone())?;
            parse::<bool>(
                "config.networking.allow_package_managers",
                whole["allow_package_managers"].clone(),
            )?;
            Ok(whole)
        }
        _ => Err(invalid("config.networking.type: must be one of unrestricted, limited")),
    }
}

fn packages(given: &Object) -> Result<Object, Failure> {
    only("config.packages", given, &[&PACKAGES as &[_], &["type"]].concat())?;
    let mut whole = Object::new();
    for manager in PACKAGES {
        let names = given.get(manager).filter(|names| !names.is_null()).cloned().unwrap_or(json!([]));
        let names: Vec<String> = parse(&format!("config.packages.{manager}"), names)?;
        whole.insert(manager.to_owned(), names.into());
    }
    Ok(whole)
}
