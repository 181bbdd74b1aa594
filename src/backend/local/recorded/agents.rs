//! Agents: what they are made of, and a row for each version.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

use crate::backend::Refusal;
use crate::backend::local::database::{as_column, parsed};
use crate::backend::local::error::Failure;
use crate::backend::local::{metadata, mint};
use crate::backend::wire::{Agent, CreateAgent, Object};

use super::rules::{count, invalid, length, only, parse, text, text_opt, word};
use super::shelf::{AGENTS, DEPLOYMENTS, ShelfFilter};
use super::{deployments, object, written};

/// The most tools of an agent.
const TOOLS_LIMIT: usize = 256;
/// The tools of the agent toolset.
const BUILT_IN: [&str; 8] = ["bash", "edit", "read", "write", "glob", "grep", "web_fetch", "web_search"];

/// Makes an agent.
pub(super) fn create(db: &Connection, body: CreateAgent, now: Timestamp) -> Result<Agent, Failure> {
    let agent = built(mint::agent(), body, now)?;
    insert(db, &agent)?;
    Ok(agent)
}

/// Puts a whole agent into the database.
pub(super) fn insert(db: &Connection, agent: &Agent) -> Result<(), Failure> {
    AGENTS.insert(db, &agent.id, agent.created_at, agent, &[])?;
    keep_version(db, agent)
}

fn keep_version(db: &Connection, agent: &Agent) -> Result<(), Failure> {
    db.prepare_cached("INSERT INTO agent_versions (agent, version, body) VALUES (?1, ?2, ?3)")?
        .execute(params![agent.id, as_column(agent.version), written(agent)?])?;
    Ok(())
}

/// Checks what an agent is to be made of and makes its first version.
pub(super) fn built(id: String, body: CreateAgent, now: Timestamp) -> Result<Agent, Failure> {
    length("name", &body.name, 1, 256)?;
    if let Some(system) = &body.system {
        length("system", system, 0, 100_000)?;
    }
    if let Some(description) = &body.description {
        length("description", description, 0, 2_048)?;
    }
    let pairs = body.metadata.unwrap_or_default();
    metadata::check(&pairs)?;
    let (tools, mcp_servers) =
        equipment(body.tools.unwrap_or_default(), body.mcp_servers.unwrap_or_default())?;
    Ok(Agent {
        id,
        kind: "agent".to_owned(),
        name: body.name,
        model: model(body.model)?,
        system: body.system,
        description: body.description,
        tools,
        mcp_servers,
        skills: skills(body.skills.unwrap_or_default())?,
        multiagent: multiagent(body.multiagent)?,
        execution_identity: identity(body.execution_identity)?,
        metadata: pairs,
        version: 1,
        created_at: now,
        updated_at: now,
        archived_at: None,
    })
}

/// Changes an agent: what a patch names is replaced, but for metadata, which is patched. A patch that
/// changes nothing makes no version.
pub(super) fn update(db: &Connection, id: &str, mut patch: Object, now: Timestamp) -> Result<Agent, Failure> {
    let agent: Agent = AGENTS.find(db, id)?;
    if agent.archived_at.is_some() {
        return Err(invalid(format!("agent `{id}` is archived")));
    }
    match patch.shift_remove("version") {
        None | Some(Value::Null) => {}
        Some(version) => {
            let wanted = version.as_u64().filter(|version| *version > 0);
            let wanted = wanted.ok_or_else(|| invalid("version: must be a whole number from 1"))?;
            if wanted != agent.version {
                let message = format!("version: the agent is at version {}, not {wanted}", agent.version);
                return Err(Failure::refused(Refusal::Conflict, message));
            }
        }
    }
    let mut pairs = agent.metadata.clone();
    if let Some(change) = patch.shift_remove("metadata") {
        metadata::patch(&mut pairs, &change, false)?;
    }
    if let Some(new) = patch.get_mut("model") {
        // Replaced whole, but for the effort, which stays unless it is named.
        if let Some(id) = new.as_str() {
            *new = json!({ "id": id });
        }
        if let (Value::Object(new), Some(effort)) = (new, agent.model.get("effort")) {
            new.entry("effort").or_insert_with(|| effort.clone());
        }
    }
    let mut form = object(json!({
        "name": agent.name, "model": agent.model, "system": agent.system, "description": agent.description,
        "tools": agent.tools, "mcp_servers": agent.mcp_servers, "skills": agent.skills,
        "multiagent": agent.multiagent, "execution_identity": agent.execution_identity, "metadata": pairs,
    }));
    form.extend(patch);
    let changed = built(agent.id.clone(), parse("", Value::Object(form))?, now)?;
    let changed = Agent { version: agent.version, created_at: agent.created_at, ..changed };
    if changed == (Agent { updated_at: changed.updated_at, ..agent.clone() }) {
        return Ok(agent);
    }
    let changed = Agent { version: agent.version + 1, ..changed };
    AGENTS.save(db, id, None, &changed)?;
    keep_version(db, &changed)?;
    Ok(changed)
}

/// Archives an agent, and the deployments that use it.
pub(super) fn archive(db: &Connection, id: &str, now: Timestamp) -> Result<Agent, Failure> {
    let mut agent: Agent = AGENTS.find(db, id)?;
    if agent.archived_at.is_some() {
        return Ok(agent);
    }
    agent.archived_at = Some(now);
    agent.updated_at = now;
    AGENTS.save(db, id, agent.archived_at, &agent)?;
    let filter = ShelfFilter::default().with("agent", Some(id.to_owned()));
    let users: Vec<(i64, crate::backend::wire::Deployment)> =
        DEPLOYMENTS.list(db, &filter, None, u64::from(u32::MAX))?;
    for (_, deployment) in users {
        deployments::archive(db, &deployment.id, now)?;
    }
    Ok(agent)
}

/// Returns an agent at a version, the latest if none is named. Whether it is archived is told of any.
pub(super) fn find(db: &Connection, id: &str, version: Option<u64>) -> Result<Agent, Failure> {
    let latest: Agent = AGENTS.find(db, id)?;
    let Some(version) = version.filter(|version| *version != latest.version) else { return Ok(latest) };
    let found: Option<Agent> = db
        .prepare_cached("SELECT body FROM agent_versions WHERE agent = ?1 AND version = ?2")?
        .query_row(params![id, as_column(version)], |row| parsed(row, 0, |text| serde_json::from_str(&text)))
        .optional()?;
    let found = found.ok_or_else(|| {
        Failure::refused(Refusal::NotFound, format!("agent `{id}` has no version {version}"))
    })?;
    Ok(Agent { archived_at: latest.archived_at, ..found })
}

/// Returns the versions of an agent below one, newest first.
pub(super) fn versions(
    db: &Connection,
    id: &str,
    below: Option<u64>,
    limit: u64,
) -> Result<Vec<Agent>, Failure> {
    AGENTS.find::<Agent>(db, id)?;
    let mut select = db.prepare_cached(
        "SELECT body FROM agent_versions WHERE agent = ?1 AND version < ?2 ORDER BY version DESC LIMIT ?3",
    )?;
    let rows = select.query_map(params![id, below.map_or(i64::MAX, as_column), as_column(limit)], |row| {
        parsed(row, 0, |text| serde_json::from_str(&text))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Returns an agent as a session shows it: what it was made of, overrides included.
pub(super) fn snapshot(db: &Connection, asked: &Value) -> Result<Value, Failure> {
    let asked = match asked {
        Value::String(id) => object(json!({"type": "agent", "id": id})),
        Value::Object(asked) => asked.clone(),
        _ => return Err(invalid("agent: must be an id or an object")),
    };
    let kind = text("agent", &asked, "type")?;
    let overrides = ["model", "system", "tools", "mcp_servers", "skills"];
    match kind {
        "agent" => only("agent", &asked, &["type", "id", "version"])?,
        "agent_with_overrides" => {
            only("agent", &asked, &[&["type", "id", "version"] as &[_], &overrides].concat())?;
        }
        _ => return Err(invalid("agent.type: must be one of agent, agent_with_overrides")),
    }
    let version = match asked.get("version") {
        None | Some(Value::Null) => None,
        Some(version) => {
            Some(version.as_u64().ok_or_else(|| invalid("agent.version: must be a whole number from 1"))?)
        }
    };
    let mut agent = find(db, text("agent", &asked, "id")?, version)?;
    if agent.archived_at.is_some() {
        return Err(invalid(format!("agent: `{}` is archived", agent.id)));
    }
    if let Some(new) = asked.get("model") {
        agent.model = model(new.clone())?;
    }
    if asked.contains_key("system") {
        agent.system = text_opt("agent", &asked, "system")?.map(str::to_owned);
    }
    let list = |name: &str| -> Result<Option<Vec<Object>>, Failure> {
        asked.get(name).map(|value| parse(&format!("agent.{name}"), value.clone())).transpose()
    };
    if let Some(new) = list("skills")? {
        agent.skills = skills(new)?;
    }
    equip(&mut agent.tools, &mut agent.mcp_servers, list("tools")?, list("mcp_servers")?)?;
    Ok(as_session_shows(&agent))
}

/// Replaces tools and servers, those that are given.
pub(super) fn equip(
    tools: &mut Vec<Object>,
    servers: &mut Vec<Object>,
    new_tools: Option<Vec<Object>>,
    new_servers: Option<Vec<Object>>,
) -> Result<(), Failure> {
    if new_tools.is_some() || new_servers.is_some() {
        (*tools, *servers) = equipment(
            new_tools.unwrap_or_else(|| tools.clone()),
            new_servers.unwrap_or_else(|| servers.clone()),
        )?;
    }
    Ok(())
}

fn as_session_shows(agent: &Agent) -> Value {
    json!({
        "type": "agent", "id": agent.id, "version": agent.version, "name": agent.name,
        "description": agent.description, "model": agent.model, "system": agent.system,
        "tools": agent.tools, "mcp_servers": agent.mcp_servers, "skills": agent.skills,
        "multiagent": agent.multiagent, "execution_identity": agent.execution_identity,
    })
}

/// Brings a model into the form of answers: an object, its effort one too.
fn model(model: Value) -> Result<Value, Failure> {
    let mut given = match model {
        Value::String(id) => object(json!({ "id": id })),
        Value::Object(given) => given,
        _ => return Err(invalid("model: must be an id or an object")),
    };
    only("model", &given, &["id", "effort", "speed", "inference_geo"])?;
    length("model.id", text("model", &given, "id")?, 1, 256)?;
    let mut shown = object(json!({"id": given["id"]}));
    let speed = text_opt("model", &given, "speed")?.unwrap_or("standard");
    word("model.speed", speed, &["standard", "fast"])?;
    shown.insert("speed".to_owned(), speed.into());
    match given.shift_remove("effort") {
        None | Some(Value::Null) => {}
        Some(effort) => {
            let word_of = |effort: &Value| effort.get("type").unwrap_or(effort).as_str().map(str::to_owned);
            let effort = word_of(&effort).unwrap_or_default();
            word("model.effort", &effort, &["low", "medium", "high", "xhigh", "max"])?;
            shown.insert("effort".to_owned(), json!({ "type": effort }));
        }
    }
    if let Some(geo) = text_opt("model", &given, "inference_geo")? {
        word("model.inference_geo", geo, &["us", "global"])?;
        shown.insert("inference_geo".to_owned(), geo.into());
    }
    Ok(Value::Object(shown))
}

/// Checks tools together with the servers some of them come from, and fills in what was left out.
fn equipment(tools: Vec<Object>, servers: Vec<Object>) -> Result<(Vec<Object>, Vec<Object>), Failure> {
    count("mcp_servers", &servers, 20)?;
    let mut names: Vec<&str> = Vec::new();
    for (at, server) in servers.iter().enumerate() {
        let place = format!("mcp_servers[{at}]");
        only(&place, server, &["type", "name", "url"])?;
        word(&format!("{place}.type"), text(&place, server, "type")?, &["url"])?;
        length(&format!("{place}.url"), text(&place, server, "url")?, 1, 2_048)?;
        let name = text(&place, server, "name")?;
        length(&format!("{place}.name"), name, 1, 255)?;
        if names.contains(&name) {
            return Err(invalid(format!("{place}.name: `{name}` is taken by another server")));
        }
        names.push(name);
    }
    let mut whole = Vec::with_capacity(tools.len());
    let mut used: Vec<String> = Vec::new();
    let mut number = 0;
    for (at, tool) in tools.into_iter().enumerate() {
        let place = format!("tools[{at}]");
        let kind = text(&place, &tool, "type")?.to_owned();
        number += if kind == "custom" {
            1
        } else {
            tool.get("configs").and_then(Value::as_array).map_or(1, Vec::len)
        };
        whole.push(match kind.as_str() {
            "agent_toolset_20260401" => {
                only(&place, &tool, &["type", "configs", "default_config"])?;
                toolset(&place, tool, "always_allow", true)?
            }
            "mcp_toolset" => {
                only(&place, &tool, &["type", "configs", "default_config", "mcp_server_name"])?;
                let server = text(&place, &tool, "mcp_server_name")?;
                if !names.contains(&server) {
                    return Err(invalid(format!("{place}.mcp_server_name: there is no server `{server}`")));
                }
                used.push(server.to_owned());
                toolset(&place, tool, "always_ask", false)?
            }
            "custom" => custom(&place, tool)?,
            _ => {
                let allowed = "agent_toolset_20260401, mcp_toolset, custom";
                return Err(invalid(format!("{place}.type: must be one of {allowed}")));
            }
        });
    }
    if number > TOOLS_LIMIT {
        return Err(invalid(format!("tools: {number} tools, allowed are up to {TOOLS_LIMIT}")));
    }
    if let Some(idle) = names.iter().find(|name| !used.iter().any(|used| used == *name)) {
        return Err(invalid(format!("mcp_servers: `{idle}` is used by no mcp_toolset")));
    }
    Ok((whole, servers))
}

fn toolset(place: &str, mut tool: Object, policy: &str, is_built_in: bool) -> Result<Object, Failure> {
    let mut default = match tool.shift_remove("default_config") {
        Some(Value::Object(default)) => default,
        None | Some(Value::Null) => Object::new(),
        Some(_) => return Err(invalid(format!("{place}.default_config: must be an object"))),
    };
    only(&format!("{place}.default_config"), &default, &["enabled", "permission_policy"])?;
    fill(&format!("{place}.default_config"), &mut default, &json!(true), &json!({ "type": policy }))?;
    let configs: Vec<Object> = match tool.shift_remove("configs") {
        None | Some(Value::Null) => Vec::new(),
        Some(configs) => parse(&format!("{place}.configs"), configs)?,
    };
    let mut whole = Vec::with_capacity(configs.len());
    for (at, mut config) in configs.into_iter().enumerate() {
        let place = format!("{place}.configs[{at}]");
        let name = text(&place, &config, "name")?.to_owned();
        if is_built_in {
            word(&format!("{place}.name"), &name, &BUILT_IN)?;
            config.insert("type".to_owned(), name.into());
        } else {
            only(&place, &config, &["name", "enabled", "permission_policy"])?;
        }
        fill(&place, &mut config, &default["enabled"], &default["permission_policy"])?;
        whole.push(Value::Object(config));
    }
    tool.insert("configs".to_owned(), whole.into());
    tool.insert("default_config".to_owned(), default.into());
    Ok(tool)
}

fn fill(place: &str, config: &mut Object, enabled: &Value, policy: &Value) -> Result<(), Failure> {
    for (name, default) in [("enabled", enabled), ("permission_policy", policy)] {
        let value = config.entry(name).or_insert(Value::Null);
        if value.is_null() {
            *value = default.clone();
        }
    }
    if !config["enabled"].is_boolean() {
        return Err(invalid(format!("{place}.enabled: must be true or false")));
    }
    let kind = config["permission_policy"].get("type").and_then(Value::as_str).unwrap_or_default();
    word(&format!("{place}.permission_policy.type"), kind, &["always_allow", "always_ask", "auto"])
}

fn custom(place: &str, tool: Object) -> Result<Object, Failure> {
    only(place, &tool, &["type", "name", "description", "input_schema"])?;
    let name = text(place, &tool, "name")?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !(1..=128).contains(&name.len()) || !name.chars().all(is_plain) {
        let rule = "must be 1 to 128 letters, digits, `_` and `-`";
        return Err(invalid(format!("{place}.name: {rule}")));
    }
    text(place, &tool, "description")?;
    if tool.get("input_schema").and_then(|schema| schema.get("type")) != Some(&json!("object")) {
        return Err(invalid(format!("{place}.input_schema: must be a schema of type object")));
    }
    Ok(tool)
}

fn skills(skills: Vec<Object>) -> Result<Vec<Object>, Failure> {
    count("skills", &skills, 64)?;
    let mut whole = Vec::with_capacity(skills.len());
    for (at, mut skill) in skills.into_iter().enumerate() {
        let place = format!("skills[{at}]");
        only(&place, &skill, &["type", "skill_id", "version"])?;
        word(&format!("{place}.type"), text(&place, &skill, "type")?, &["anthropic", "custom"])?;
        length(&format!("{place}.skill_id"), text(&place, &skill, "skill_id")?, 1, 256)?;
        if text_opt(&place, &skill, "version")?.is_none() {
            skill.insert("version".to_owned(), "latest".into());
        }
        whole.push(skill);
    }
    Ok(whole)
}

fn multiagent(given: Option<Object>) -> Result<Option<Object>, Failure> {
    if let Some(given) = &given {
        let kind = text("multiagent", given, "type")?;
        word("multiagent.type", kind, &["coordinator", "multiagent_20261001"])?;
    }
    Ok(given)
}

fn identity(given: Option<Object>) -> Result<Object, Failure> {
    let given = given.unwrap_or_else(|| object(json!({"type": "service_account"})));
    match text("execution_identity", &given, "type")? {
        "service_account" => only("execution_identity", &given, &["type"])?,
        "aws_role" => {
            only("execution_identity", &given, &["type", "role_arn"])?;
            text("execution_identity", &given, "role_arn")?;
        }
        _ => return Err(invalid("execution_identity.type: must be one of service_account, aws_role")),
    }
    Ok(given)
}
