//! The session in which a dream does its work, recorded like any other.
//!
//! It begins running and ends archived, so its events stay readable. No agent or environment of the
//! workspace stands behind it: the ones it names are nobody's.

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::json;

use crate::backend::local::error::Failure;
use crate::backend::local::mint;
use crate::backend::local::stores;
use crate::backend::wire::{CacheCreation, Object, Session, SessionStats, SessionUsage};
use crate::dream::{Dream, Usage};
use crate::ids::{MemoryStoreId, SessionId};

use super::sessions::{self, Provenance};
use super::{attached, events, object};

/// Makes the worker session of a dream, running, with the store it writes attached, and tells that it runs.
pub(in crate::backend::local) fn start_worker_session(
    db: &Connection,
    dream: &Dream,
    output: &MemoryStoreId,
    now: Timestamp,
) -> Result<SessionId, Failure> {
    let id = mint::session();
    let store = stores::find(db, output)?;
    let session = Session {
        id: id.to_string(),
        kind: "session".to_owned(),
        status: "running".to_owned(),
        agent: json!({
            "type": "agent", "id": "agent_dream", "version": 1, "name": "dream",
            "model": {"id": dream.model, "speed": "standard"}, "system": null, "description": null,
            "tools": [], "mcp_servers": [], "skills": [], "multiagent": null,
            "execution_identity": {"type": "service_account"},
        }),
        environment_id: Some("env_dream".to_owned()),
        deployment_id: None,
        title: Some(format!("Dream {}", dream.id)),
        metadata: Object::new(),
        resources: vec![attached::store_resource(db, &store, "read_write", None)?],
        vault_ids: Vec::new(),
        outcome_evaluations: Vec::new(),
        stats: SessionStats { active_seconds: Some(0.0), duration_seconds: Some(0.0) },
        usage: no_usage(),
        budget: None,
        created_at: now,
        updated_at: now,
        archived_at: None,
    };
    sessions::insert(db, &session, &Provenance { is_dream_worker: true, origin: None })?;
    events::append(db, &id, vec![object(json!({"type": "session.status_running"}))], now)?;
    Ok(id)
}

/// Ends a worker session: its usage, idle, archived. One that has ended, or was deleted, stays as it is.
pub(in crate::backend::local) fn finish_worker_session(
    db: &Connection,
    id: &SessionId,
    usage: &Usage,
    now: Timestamp,
) -> Result<(), Failure> {
    if !sessions::is_recorded(db, id)? || sessions::find(db, id)?.archived_at.is_some() {
        return Ok(());
    }
    let mut session = sessions::find(db, id)?;
    let usage = SessionUsage {
        input_tokens: Some(usage.input_tokens),
        output_tokens: Some(usage.output_tokens),
        cache_read_input_tokens: Some(usage.cache_read_input_tokens),
        cache_creation: Some(CacheCreation {
            ephemeral_5m_input_tokens: Some(usage.cache_creation_input_tokens),
            ephemeral_1h_input_tokens: Some(0),
        }),
        ..SessionUsage::default()
    };
    let ends = vec![
        object(json!({"type": "session.usage", "usage": usage})),
        object(json!({"type": "session.status_idle", "stop_reason": {"type": "end_turn"}})),
        object(json!({"type": "session.status_terminated"})),
    ];
    events::add(db, &mut session, id, ends, now)?;
    session.stats.active_seconds = session.stats.duration_seconds;
    session.usage = usage;
    session.archived_at = Some(now);
    sessions::save(db, &session)
}

/// Returns the usage of a session in which nothing has happened.
pub(super) fn no_usage() -> SessionUsage {
    SessionUsage {
        input_tokens: Some(0),
        output_tokens: Some(0),
        cache_read_input_tokens: Some(0),
        cache_creation: Some(CacheCreation {
            ephemeral_5m_input_tokens: Some(0),
            ephemeral_1h_input_tokens: Some(0),
        }),
        ..SessionUsage::default()
    }
}
