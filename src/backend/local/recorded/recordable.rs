//! What a server that records takes from its callers: what the agent, and the service for it, tells of a
//! session. Held to the types of the official SDKs, since it is what their readers are given back.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::backend::local::error::Failure;
use crate::backend::wire::{Object, SessionUsage};

use super::rules::{budget, invalid, length, only, parse, text, text_opt, word};
use super::sending::{blocks, kind_of, tool_result};

/// The fields that every event may have.
const COMMON: [&str; 3] = ["type", "id", "processed_at"];
/// What a dream, a span or a session may count, beside the tokens each counts in its own way.
const TOKENS: [&str; 4] =
    ["input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"];
/// The fields of the cost of a session.
const USAGE: [&str; 7] = [
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation",
    "list_cost",
    "active_seconds",
    "server_tool_use",
];

/// Returns the fields of a type of event beside the common ones; none if it cannot be recorded.
fn fields(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "agent.thinking"
        | "agent.thread_context_compacted"
        | "session.status_running"
        | "session.status_rescheduled"
        | "span.model_request_start" => &[],
        "agent.message" => &["content"],
        "agent.tool_use" => &["name", "input", "evaluated_permission", "evaluation", "session_thread_id"],
        "agent.mcp_tool_use" => {
            &["mcp_server_name", "name", "input", "evaluated_permission", "evaluation", "session_thread_id"]
        }
        "agent.custom_tool_use" => &["name", "input", "session_thread_id"],
        "agent.tool_result" => &["tool_use_id", "content", "is_error"],
        "agent.mcp_tool_result" => &["mcp_tool_use_id", "content", "is_error"],
        "agent.thread_message_sent" => &["to_session_thread_id", "to_agent_name", "content"],
        "agent.thread_message_received" => &["from_session_thread_id", "from_agent_name", "content"],
        "session.status_idle" => &["stop_reason", "stop_details"],
        "session.error" => &["error"],
        "session.usage" => &["usage", "budget"],
        "span.model_request_end" => &["model_request_start_id", "is_error", "model_usage"],
        "span.outcome_evaluation_start" | "span.outcome_evaluation_ongoing" => &["outcome_id", "iteration"],
        "span.outcome_evaluation_end" => {
            &["outcome_evaluation_start_id", "outcome_id", "iteration", "result", "explanation", "usage"]
        }
        _ => return None,
    })
}

/// Says whether events of a type can be recorded.
pub(super) fn is_recordable(kind: &str) -> bool {
    fields(kind).is_some()
}

/// Checks an event of the agent's.
pub(super) fn checked(place: &str, mut event: Object) -> Result<Object, Failure> {
    let kind = kind_of(&event).to_owned();
    only(place, &event, &[&COMMON, fields(&kind).unwrap_or_default()].concat())?;
    check_own(place, &mut event)?;
    if kind == "session.status_idle" {
        event.entry("stop_reason").or_insert_with(|| json!({"type": "end_turn"}));
    }
    check_fields(place, &kind, &event)?;
    Ok(event)
}

/// Checks the id and the time that an event brings. The time becomes UTC.
pub(super) fn check_own(place: &str, event: &mut Object) -> Result<(), Failure> {
    if let Some(id) = text_opt(place, event, "id")? {
        length(&format!("{place}.id"), id, 6, 64)?;
        if !id.starts_with("sevt_") {
            return Err(invalid(format!("{place}.id: must begin with `sevt_`")));
        }
    }
    if let Some(time) = text_opt(place, event, "processed_at")? {
        let time: Timestamp =
            time.parse().map_err(|_| invalid(format!("{place}.processed_at: must be an RFC 3339 time")))?;
        event.insert("processed_at".to_owned(), json!(time));
    }
    Ok(())
}

fn check_fields(place: &str, kind: &str, event: &Object) -> Result<(), Failure> {
    match kind {
        "agent.message" => blocks(place, event, &["text", "redacted"], 1),
        "agent.tool_use" | "agent.custom_tool_use" => tool_use(place, event),
        "agent.mcp_tool_use" => {
            text(place, event, "mcp_server_name")?;
            tool_use(place, event)
        }
        "agent.tool_result" => {
            text(place, event, "tool_use_id")?;
            tool_result(place, event)
        }
        "agent.mcp_tool_result" => {
            text(place, event, "mcp_tool_use_id")?;
            tool_result(place, event)
        }
        "agent.thread_message_sent" => thread_message(place, event, "to"),
        "agent.thread_message_received" => thread_message(place, event, "from"),
        "session.status_idle" => idle(place, event),
        "session.error" => error(place, event),
        "session.usage" => {
            session_usage(place, event)?;
            match event.get("budget") {
                None | Some(Value::Null) => Ok(()),
                Some(limit) => budget(&parse(&format!("{place}.budget"), limit.clone())?),
            }
        }
        "span.model_request_end" => {
            text(place, event, "model_request_start_id")?;
            flag_opt(place, event, "is_error")?;
            model_usage(place, event, "model_usage")
        }
        "span.outcome_evaluation_start" | "span.outcome_evaluation_ongoing" => iteration(place, event),
        "span.outcome_evaluation_end" => {
            iteration(place, event)?;
            for name in ["outcome_evaluation_start_id", "result", "explanation"] {
                text(place, event, name)?;
            }
            model_usage(place, event, "usage")
        }
        _ => Ok(()),
    }
}

fn part(place: &str, object: &Object, name: &str) -> Result<(String, Object), Failure> {
    let inner = format!("{place}.{name}");
    match object.get(name) {
        Some(Value::Object(part)) => Ok((inner, part.clone())),
        Some(_) => Err(invalid(format!("{inner}: must be an object"))),
        None => Err(invalid(format!("{inner}: field required"))),
    }
}

fn part_opt(place: &str, object: &Object, name: &str) -> Result<Option<(String, Object)>, Failure> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(_) => part(place, object, name).map(Some),
    }
}

fn whole(place: &str, object: &Object, name: &str) -> Result<(), Failure> {
    match object.get(name) {
        Some(number) if number.is_u64() => Ok(()),
        Some(_) => Err(invalid(format!("{place}.{name}: must be a whole number"))),
        None => Err(invalid(format!("{place}.{name}: field required"))),
    }
}

fn flag_opt(place: &str, object: &Object, name: &str) -> Result<(), Failure> {
    match object.get(name) {
        None | Some(Value::Null | Value::Bool(_)) => Ok(()),
        Some(_) => Err(invalid(format!("{place}.{name}: must be true or false"))),
    }
}

fn permission(place: &str, permission: &str) -> Result<(), Failure> {
    word(&format!("{place}.evaluated_permission"), permission, &["allow", "ask", "deny"])
}

fn tool_use(place: &str, event: &Object) -> Result<(), Failure> {
    text(place, event, "name")?;
    part(place, event, "input")?;
    text_opt(place, event, "session_thread_id")?;
    if let Some(given) = text_opt(place, event, "evaluated_permission")? {
        permission(place, given)?;
    }
    let Some((place, evaluation)) = part_opt(place, event, "evaluation")? else { return Ok(()) };
    let kind = text(&place, &evaluation, "type")?;
    word(&format!("{place}.type"), kind, &["always_allow", "always_ask", "auto"])?;
    if kind != "auto" {
        return only(&place, &evaluation, &["type"]);
    }
    only(&place, &evaluation, &["type", "evaluated_permission"])?;
    permission(&place, text(&place, &evaluation, "evaluated_permission")?)
}

fn thread_message(place: &str, event: &Object, way: &str) -> Result<(), Failure> {
    text(place, event, &format!("{way}_session_thread_id"))?;
    text_opt(place, event, &format!("{way}_agent_name"))?;
    blocks(place, event, &["text", "image", "document", "redacted"], 0)
}

fn idle(place: &str, event: &Object) -> Result<(), Failure> {
    let (inner, reason) = part(place, event, "stop_reason")?;
    let kind = text(&inner, &reason, "type")?;
    let kinds = ["end_turn", "requires_action", "retries_exhausted", "budget_reached", "refusal"];
    word(&format!("{inner}.type"), kind, &kinds)?;
    if kind == "requires_action" {
        only(&inner, &reason, &["type", "event_ids"])?;
        let ids = reason.get("event_ids").cloned().unwrap_or_default();
        parse::<Vec<String>>(&format!("{inner}.event_ids"), ids)?;
    } else {
        only(&inner, &reason, &["type"])?;
    }
    let Some((inner, details)) = part_opt(place, event, "stop_details")? else { return Ok(()) };
    only(&inner, &details, &["type", "category", "explanation"])?;
    word(&format!("{inner}.type"), text(&inner, &details, "type")?, &["refusal"])?;
    text_opt(&inner, &details, "explanation")?;
    if let Some(category) = text_opt(&inner, &details, "category")? {
        let known = ["cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms"];
        word(&format!("{inner}.category"), category, &known)?;
    }
    Ok(())
}

fn error(place: &str, event: &Object) -> Result<(), Failure> {
    let (place, error) = part(place, event, "error")?;
    let kind = text(&place, &error, "type")?;
    let (required, optional): (&[&str], &[&str]) = match kind {
        "unknown_error"
        | "model_overloaded_error"
        | "model_rate_limited_error"
        | "model_request_failed_error"
        | "billing_error"
        | "tool_use_limit_reached_error"
        | "compaction_limit_reached_error" => (&[], &[]),
        "mcp_connection_failed_error" | "mcp_authentication_failed_error" => (&["mcp_server_name"], &[]),
        "credential_host_unreachable_error" => (&["credential_id", "vault_id"], &[]),
        "repository_authentication_error"
        | "repository_forbidden_error"
        | "repository_not_found_error"
        | "repository_checkout_error"
        | "repository_clone_error" => (&[], &["repository_url"]),
        _ => return Err(invalid(format!("{place}.type: `{kind}` is no error of a session"))),
    };
    only(&place, &error, &[&["type", "message", "retry_status"], required, optional].concat())?;
    text(&place, &error, "message")?;
    required.iter().try_for_each(|name| text(&place, &error, name).map(drop))?;
    optional.iter().try_for_each(|name| text_opt(&place, &error, name).map(drop))?;
    let (place, status) = part(&place, &error, "retry_status")?;
    only(&place, &status, &["type"])?;
    word(&format!("{place}.type"), text(&place, &status, "type")?, &["retrying", "exhausted", "terminal"])
}

fn session_usage(place: &str, event: &Object) -> Result<(), Failure> {
    let (place, usage) = part(place, event, "usage")?;
    only(&place, &usage, &USAGE)?;
    for (name, fields) in [
        ("cache_creation", ["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"]),
        ("list_cost", ["amount", "currency"]),
        ("server_tool_use", ["web_search_requests", "web_fetch_requests"]),
    ] {
        if let Some((place, inner)) = part_opt(&place, &usage, name)? {
            only(&place, &inner, &fields)?;
        }
    }
    parse::<SessionUsage>(&place, usage.into()).map(drop)
}

fn model_usage(place: &str, event: &Object, name: &str) -> Result<(), Failure> {
    let (place, usage) = part(place, event, name)?;
    only(&place, &usage, &[&TOKENS as &[_], &["speed"]].concat())?;
    TOKENS.iter().try_for_each(|name| whole(&place, &usage, name))?;
    match text_opt(&place, &usage, "speed")? {
        None => Ok(()),
        Some(speed) => word(&format!("{place}.speed"), speed, &["standard", "fast"]),
    }
}

fn iteration(place: &str, event: &Object) -> Result<(), Failure> {
    text(place, event, "outcome_id")?;
    whole(place, event, "iteration")
}
