//! What callers may send into a session, and what becomes of it.
//!
//! No agent is behind a recorded session. A message is answered by nobody: the session runs for as long as
//! it takes to say so and is idle again, so that whoever waits for the end of a turn is not kept waiting.
//! A server that records takes the agent's events from its caller too; a batch that says itself how the
//! status changes is taken as it is.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::backend::local::error::Failure;
use crate::backend::local::mint;
use crate::backend::wire::{Object, Session};
use crate::ids::SessionId;

use super::rules::{count, invalid, length, only, parse, text, text_opt, word};
use super::{environments, events, life, object, recordable, sessions};

/// The most events of one request.
const EVENTS_LIMIT: usize = 1_000;
/// The most blocks of one event.
const BLOCKS_LIMIT: usize = 1_000;
/// Takes events into a session and returns them as they were accepted.
pub(super) fn send(
    db: &Connection,
    id: &SessionId,
    given: Vec<Object>,
    is_recording: bool,
    now: Timestamp,
) -> Result<Vec<Object>, Failure> {
    let mut row = life::changeable(db, id)?;
    if given.is_empty() {
        return Err(invalid("events: must hold at least one event"));
    }
    count("events", &given, EVENTS_LIMIT)?;
    let mut checked = Vec::with_capacity(given.len());
    let mut ids = BTreeSet::new();
    for (at, event) in given.into_iter().enumerate() {
        let place = format!("events[{at}]");
        if !is_recording || !recordable::is_recordable(text(&place, &event, "type")?) {
            checked.push(event_of_client(db, &row, &place, event)?);
            continue;
        }
        let event = recordable::checked(&place, event)?;
        check_new(db, &place, &event, &mut ids)?;
        checked.push(event);
    }
    check_system_message(&checked, "events")?;
    let accepted = take(db, &mut row, id, checked, now)?;
    sessions::save(db, &row)?;
    Ok(accepted)
}

/// Checks what a session or a deployment is to begin with. System messages are for deployments.
pub(super) fn check_initial(given: Vec<Object>, with_system: bool) -> Result<Vec<Object>, Failure> {
    count("initial_events", &given, 50)?;
    let mut outcomes = 0;
    for (at, event) in given.iter().enumerate() {
        let place = format!("initial_events[{at}]");
        match text(&place, event, "type")? {
            "user.message" => message(&place, event)?,
            "user.define_outcome" => {
                outcomes += 1;
                outcome(&place, event)?;
            }
            "system.message" if with_system => system_message(&place, event)?,
            kind => return Err(invalid(format!("{place}.type: `{kind}` is no initial event"))),
        }
    }
    if outcomes > 1 {
        return Err(invalid("initial_events: at most one user.define_outcome"));
    }
    check_system_message(&given, "initial_events")?;
    Ok(given)
}

/// Takes checked events into a session, with the turn they start. The caller saves the row.
pub(super) fn take(
    db: &Connection,
    row: &mut Session,
    id: &SessionId,
    mut given: Vec<Object>,
    now: Timestamp,
) -> Result<Vec<Object>, Failure> {
    for event in &mut given {
        if kind_of(event) == "user.define_outcome" {
            define_outcome(row, event);
        }
    }
    let accepted = given.len();
    let tells_status = given.iter().any(|event| kind_of(event).starts_with("session.status_"));
    let first = given.iter().position(|event| starts_turn(kind_of(event)));
    let was_idle = row.status == "idle";
    let is_interrupted =
        row.status == "running" && given.iter().any(|event| kind_of(event) == "user.interrupt");
    let mut running_at = None;
    if let Some(first) = first.filter(|_| was_idle && !tells_status) {
        // A system message stays with the user's event.
        let has_system = given.get(first + 1).is_some_and(|event| kind_of(event) == "system.message");
        let at = first + 1 + usize::from(has_system);
        given.insert(at, object(json!({"type": "session.status_running"})));
        running_at = Some(at);
    }
    let mut added = events::add(db, row, id, given, now)?;
    if running_at.is_some() || (is_interrupted && !tells_status) {
        let ends = vec![
            object(json!({"type": "session.usage", "usage": row.usage})),
            object(json!({"type": "session.status_idle", "stop_reason": {"type": "end_turn"}})),
        ];
        events::add(db, row, id, ends, now)?;
    }
    if let Some(at) = running_at {
        added.remove(at);
    }
    added.truncate(accepted);
    Ok(added)
}

pub(super) fn kind_of(event: &Object) -> &str {
    event.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn starts_turn(kind: &str) -> bool {
    kind.starts_with("user.") && kind != "user.interrupt"
}

/// Gives an outcome its id, and notes it on the session. Nobody evaluates it.
fn define_outcome(row: &mut Session, event: &mut Object) {
    let id = mint::outcome();
    event.insert("outcome_id".to_owned(), id.clone().into());
    event.entry("max_iterations").or_insert(3.into());
    row.outcome_evaluations.push(object(json!({
        "type": "outcome_evaluation", "outcome_id": id, "description": event.get("description"),
        "result": "pending", "iteration": 0, "explanation": null, "completed_at": null,
    })));
}

/// Checks an event that anybody may send.
fn event_of_client(db: &Connection, row: &Session, place: &str, event: Object) -> Result<Object, Failure> {
    match kind_of(&event) {
        "user.message" => message(place, &event)?,
        "user.interrupt" => {
            only(place, &event, &["type", "session_thread_id"])?;
            text_opt(place, &event, "session_thread_id")?;
        }
        "user.tool_confirmation" => {
            let fields = ["type", "tool_use_id", "result", "deny_message", "session_thread_id"];
            only(place, &event, &fields)?;
            let result = text(place, &event, "result")?;
            word(&format!("{place}.result"), result, &["allow", "deny"])?;
            if text_opt(place, &event, "deny_message")?.is_some() && result == "allow" {
                return Err(invalid(format!("{place}.deny_message: only with result deny")));
            }
            answers(db, row, place, &event, "tool_use_id", &["agent.tool_use", "agent.mcp_tool_use"])?;
        }
        "user.custom_tool_result" => {
            let fields = ["type", "custom_tool_use_id", "content", "is_error", "session_thread_id"];
            only(place, &event, &fields)?;
            tool_result(place, &event)?;
            answers(db, row, place, &event, "custom_tool_use_id", &["agent.custom_tool_use"])?;
        }
        "user.tool_result" => {
            only(place, &event, &["type", "tool_use_id", "content", "is_error", "session_thread_id"])?;
            let environment = row.environment_id.as_deref().unwrap_or_default();
            if !environments::says_self_hosted(db, environment)? {
                return Err(invalid(format!("{place}.type: only in a self-hosted environment")));
            }
            tool_result(place, &event)?;
            answers(db, row, place, &event, "tool_use_id", &["agent.tool_use"])?;
        }
        "user.define_outcome" => outcome(place, &event)?,
        "system.message" => system_message(place, &event)?,
        kind => {
            return Err(invalid(format!("{place}.type: `{kind}` is not an event that callers send")));
        }
    }
    Ok(event)
}

/// Takes a whole history into a session as it is: nothing is added to it. Each event comes with its place,
/// and may bring its `id` and `processed_at`. The caller saves the row.
pub(super) fn replay(
    db: &Connection,
    row: &mut Session,
    id: &SessionId,
    given: Vec<(String, Object)>,
    now: Timestamp,
) -> Result<(), Failure> {
    let mut checked = Vec::with_capacity(given.len());
    let mut ids = BTreeSet::new();
    for (place, mut event) in given {
        let kind = text(&place, &event, "type")?;
        if recordable::is_recordable(kind) {
            let event = recordable::checked(&place, event)?;
            check_new(db, &place, &event, &mut ids)?;
            checked.push(event);
            continue;
        }
        if kind.ends_with("tool_result") || kind == "user.tool_confirmation" {
            // What it answers is looked up.
            events::add(db, row, id, std::mem::take(&mut checked), now)?;
        }
        recordable::check_own(&place, &mut event)?;
        check_new(db, &place, &event, &mut ids)?;
        let own = ["id", "processed_at"].map(|name| (name, event.shift_remove(name)));
        let mut event = event_of_client(db, row, &place, event)?;
        if kind_of(&event) == "user.define_outcome" {
            define_outcome(row, &mut event);
        }
        event.extend(own.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        checked.push(event);
    }
    events::add(db, row, id, checked, now)?;
    Ok(())
}

/// Refuses an id that an event has already, among those kept and those that came before in a request.
fn check_new(
    db: &Connection,
    place: &str,
    event: &Object,
    ids: &mut BTreeSet<String>,
) -> Result<(), Failure> {
    match text_opt(place, event, "id")? {
        Some(id) if !ids.insert(id.to_owned()) || events::find(db, id)?.is_some() => {
            Err(invalid(format!("{place}.id: there is an event `{id}` already")))
        }
        _ => Ok(()),
    }
}

/// Checks that an event answers something the agent did in this session.
fn answers(
    db: &Connection,
    row: &Session,
    place: &str,
    event: &Object,
    name: &str,
    kinds: &[&str],
) -> Result<(), Failure> {
    let id = text(place, event, name)?;
    match events::find(db, id)? {
        Some((session, kind)) if session == row.id && kinds.contains(&kind.as_str()) => Ok(()),
        _ => Err(invalid(format!("{place}.{name}: the session has no such tool use `{id}`"))),
    }
}

fn message(place: &str, event: &Object) -> Result<(), Failure> {
    only(place, event, &["type", "content"])?;
    blocks(place, event, &["text", "image", "document"], 1)
}

pub(super) fn tool_result(place: &str, event: &Object) -> Result<(), Failure> {
    if let Some(value) = event.get("is_error").filter(|value| !value.is_null())
        && !value.is_boolean()
    {
        return Err(invalid(format!("{place}.is_error: must be true or false")));
    }
    if event.get("content").is_none_or(Value::is_null) {
        return Ok(());
    }
    blocks(place, event, &["text", "image", "document", "search_result"], 0)
}

fn system_message(place: &str, event: &Object) -> Result<(), Failure> {
    only(place, event, &["type", "content"])?;
    blocks(place, event, &["text"], 1)
}

/// Checks that a system message comes last, right after the user's event that it goes with.
fn check_system_message(events: &[Object], list: &str) -> Result<(), Failure> {
    let Some(at) = events.iter().position(|event| kind_of(event) == "system.message") else {
        return Ok(());
    };
    if at + 1 == events.len() && at > 0 && kind_of(&events[at - 1]).starts_with("user.") {
        return Ok(());
    }
    Err(invalid(format!("{list}[{at}]: a system.message is the last event, right after a user event")))
}

fn outcome(place: &str, event: &Object) -> Result<(), Failure> {
    only(place, event, &["type", "description", "rubric", "max_iterations"])?;
    length(&format!("{place}.description"), text(place, event, "description")?, 1, 262_144)?;
    let inner = format!("{place}.rubric");
    let rubric: Object = parse(&inner, event.get("rubric").cloned().unwrap_or_default())?;
    match text(&inner, &rubric, "type")? {
        "text" => {
            only(&inner, &rubric, &["type", "content"])?;
            length(&format!("{inner}.content"), text(&inner, &rubric, "content")?, 1, 262_144)?;
        }
        "file" => {
            only(&inner, &rubric, &["type", "file_id"])?;
            text(&inner, &rubric, "file_id")?;
        }
        _ => return Err(invalid(format!("{inner}.type: must be one of text, file"))),
    }
    match event.get("max_iterations") {
        None | Some(Value::Null) => Ok(()),
        Some(number) if number.as_u64().is_some_and(|number| (1..=20).contains(&number)) => Ok(()),
        Some(_) => Err(invalid(format!("{place}.max_iterations: must be from 1 to 20"))),
    }
}

/// Checks the blocks of an event's content.
pub(super) fn blocks(place: &str, event: &Object, allowed: &[&str], least: usize) -> Result<(), Failure> {
    let place = format!("{place}.content");
    let blocks: Vec<Object> = parse(&place, event.get("content").cloned().unwrap_or_default())?;
    if blocks.len() < least {
        return Err(invalid(format!("{place}: must hold at least one block")));
    }
    count(&place, &blocks, BLOCKS_LIMIT)?;
    for (at, block) in blocks.iter().enumerate() {
        let place = format!("{place}[{at}]");
        let kind = text(&place, block, "type")?;
        word(&format!("{place}.type"), kind, allowed)?;
        match kind {
            "text" => {
                only(&place, block, &["type", "text"])?;
                text(&place, block, "text")?;
            }
            "image" => {
                only(&place, block, &["type", "source"])?;
                source(&place, block, &["base64", "url", "file"])?;
            }
            "document" => {
                only(&place, block, &["type", "source", "title", "context"])?;
                text_opt(&place, block, "title")?;
                text_opt(&place, block, "context")?;
                source(&place, block, &["base64", "url", "file", "text"])?;
            }
            "search_result" => search_result(&place, block)?,
            _ => only(&place, block, &["type"])?,
        }
    }
    Ok(())
}

fn search_result(place: &str, block: &Object) -> Result<(), Failure> {
    only(place, block, &["type", "source", "title", "content", "citations"])?;
    text(place, block, "source")?;
    text(place, block, "title")?;
    let inner = format!("{place}.citations");
    let citations: Object = parse(&inner, block.get("citations").cloned().unwrap_or_default())?;
    only(&inner, &citations, &["enabled"])?;
    parse::<bool>(&format!("{inner}.enabled"), citations.get("enabled").cloned().unwrap_or_default())?;
    blocks(place, block, &["text"], 0)
}

fn source(place: &str, block: &Object, allowed: &[&str]) -> Result<(), Failure> {
    let place = format!("{place}.source");
    let source: Object = parse(&place, block.get("source").cloned().unwrap_or_default())?;
    let kind = text(&place, &source, "type")?;
    word(&format!("{place}.type"), kind, allowed)?;
    let fields: &[&str] = match kind {
        "url" => &["url"],
        "file" => &["file_id"],
        _ => &["media_type", "data"],
    };
    only(&place, &source, &[&["type"], fields].concat())?;
    fields.iter().try_for_each(|field| text(&place, &source, field).map(drop))
}
