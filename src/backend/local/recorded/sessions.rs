//! Recorded sessions: their rows, and which of them a list shows.

use jiff::Timestamp;
use rusqlite::types::Value as Column;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use serde_json::Value;

use crate::backend::Refusal;
use crate::backend::local::database::{as_column, parsed, time};
use crate::backend::local::error::Failure;
use crate::backend::wire::Session;
use crate::ids::SessionId;
use crate::session::{SessionSize, SessionStatus};

use super::{Bounds, Place, events, written};

/// What of a session is not in its body.
#[derive(Debug, Clone, Default)]
pub(super) struct Provenance {
    /// Whether it is the work of a dream.
    pub(super) is_dream_worker: bool,
    /// What it was imported from.
    pub(super) origin: Option<String>,
}

/// Which sessions a list shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct SessionFilter {
    /// Of this agent.
    pub(crate) agent: Option<String>,
    /// Of this version of it.
    pub(crate) agent_version: Option<u64>,
    /// Started by this deployment.
    pub(crate) deployment: Option<String>,
    /// That have this store attached.
    pub(crate) store: Option<String>,
    /// In one of these statuses; in any if empty.
    pub(crate) statuses: Vec<String>,
    /// By the time they were made.
    pub(crate) created: Bounds,
    /// Archived ones too.
    pub(crate) with_archived: bool,
}

/// Returns a session, or refuses as the API does for one that is not there.
pub(super) fn find(db: &Connection, id: &SessionId) -> Result<Session, Failure> {
    db.prepare_cached("SELECT body FROM recorded_sessions WHERE id = ?1")?
        .query_row([id.as_str()], |row| session_of(row, 0))
        .optional()?
        .ok_or_else(|| Failure::refused(Refusal::NotFound, format!("there is no session `{id}`")))
}

/// Says whether a session was recorded here.
pub(super) fn is_recorded(db: &Connection, id: &SessionId) -> Result<bool, Failure> {
    Ok(db.prepare_cached("SELECT 1 FROM recorded_sessions WHERE id = ?1")?.exists([id.as_str()])?)
}

/// Refuses to touch a session in which a dream does its work: only the dream tells what happens there.
pub(super) fn refuse_worker(db: &Connection, id: &SessionId) -> Result<(), Failure> {
    let sql = "SELECT 1 FROM recorded_sessions WHERE id = ?1 AND is_dream_worker";
    if db.prepare_cached(sql)?.exists([id.as_str()])? {
        let message = format!("session `{id}` is the work of a dream and takes nothing from callers");
        return Err(Failure::refused(Refusal::Invalid, message));
    }
    Ok(())
}

fn session_of(row: &Row, column: usize) -> rusqlite::Result<Session> {
    parsed(row, column, |text| serde_json::from_str(&text))
}

/// Puts a new session and the stores it has attached into the database.
pub(super) fn insert(db: &Connection, session: &Session, from: &Provenance) -> Result<(), Failure> {
    let agent = |name: &str| session.agent.get(name).cloned().unwrap_or_default();
    db.prepare_cached(
        "INSERT INTO recorded_sessions
             (id, agent, agent_version, deployment, status, is_dream_worker, origin, created_at, archived_at, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        session.id,
        agent("id").as_str().unwrap_or_default(),
        agent("version").as_i64().unwrap_or(1),
        session.deployment_id,
        session.status,
        from.is_dream_worker,
        from.origin,
        session.created_at.as_microsecond(),
        session.archived_at.map(Timestamp::as_microsecond),
        written(session)?
    ])?;
    let seq = db.last_insert_rowid();
    let mut attach = db.prepare_cached(
        "INSERT OR IGNORE INTO session_stores (store, created_at, seq) VALUES (?1, ?2, ?3)",
    )?;
    for resource in &session.resources {
        if let Some(store) = resource.get("memory_store_id").and_then(Value::as_str) {
            attach.execute(params![store, session.created_at.as_microsecond(), seq])?;
        }
    }
    Ok(())
}

/// Writes back a session that has changed.
pub(super) fn save(db: &Connection, session: &Session) -> Result<(), Failure> {
    db.prepare_cached("UPDATE recorded_sessions SET status = ?2, archived_at = ?3, body = ?4 WHERE id = ?1")?
        .execute(params![
            session.id,
            session.status,
            session.archived_at.map(Timestamp::as_microsecond),
            written(session)?
        ])?;
    Ok(())
}

/// Takes a session and its events away.
pub(super) fn remove(db: &Connection, id: &SessionId) -> Result<(), Failure> {
    db.prepare_cached("DELETE FROM recorded_sessions WHERE id = ?1")?.execute([id.as_str()])?;
    Ok(())
}

/// Returns the session that was imported from an origin.
pub(super) fn of_origin(db: &Connection, origin: &str) -> Result<Option<SessionId>, Failure> {
    let found = db
        .prepare_cached("SELECT id FROM recorded_sessions WHERE origin = ?1")?
        .query_row([origin], |row| parsed(row, 0, SessionId::parse))
        .optional()?;
    Ok(found)
}

/// Returns a stretch of the sessions by the time they were made, with their places, starting after a place
/// or from the beginning.
pub(super) fn list(
    db: &Connection,
    filter: &SessionFilter,
    is_ascending: bool,
    after: Option<Place>,
    limit: u64,
) -> Result<Vec<(Place, Session)>, Failure> {
    let (sql, values) = listing(filter, is_ascending, after, limit);
    let mut select = db.prepare_cached(&sql)?;
    let rows = select.query_map(params_from_iter(values), |row| {
        Ok((Place { at: row.get(0)?, seq: row.get(1)? }, session_of(row, 2)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Returns the query of a list. It walks an index in the list's order, whatever the filter names first.
pub(super) fn listing(
    filter: &SessionFilter,
    is_ascending: bool,
    after: Option<Place>,
    limit: u64,
) -> (String, Vec<Column>) {
    let mut values: Vec<Column> = Vec::new();
    // Where a session is in the list is known beside the stores it has attached, too.
    let (mut sql, place) = match &filter.store {
        None => ("SELECT s.created_at, s.seq, s.body FROM recorded_sessions s WHERE true".to_owned(), "s"),
        Some(store) => {
            values.push(Column::from(store.clone()));
            let sql = "SELECT s.created_at, s.seq, s.body FROM session_stores k
                       CROSS JOIN recorded_sessions s ON s.seq = k.seq WHERE k.store = ?";
            (sql.to_owned(), "k")
        }
    };
    let texts = [("agent", &filter.agent), ("deployment", &filter.deployment)];
    for (column, value) in texts {
        if let Some(value) = value {
            sql += &format!(" AND {column} = ?");
            values.push(Column::from(value.clone()));
        }
    }
    if let Some(version) = filter.agent_version {
        sql += " AND agent_version = ?";
        values.push(Column::from(as_column(version)));
    }
    if !filter.statuses.is_empty() {
        sql += &format!(" AND status IN (?{})", ", ?".repeat(filter.statuses.len() - 1));
        values.extend(filter.statuses.iter().cloned().map(Column::from));
    }
    filter.created.restrict(&format!("{place}.created_at"), &mut sql, &mut values);
    if !filter.with_archived {
        sql += " AND archived_at IS NULL";
    }
    if let Some(Place { at, seq }) = after {
        let sign = if is_ascending { ">" } else { "<" };
        sql += &format!(" AND ({place}.created_at, {place}.seq) {sign} (?, ?)");
        values.extend([Column::from(at), Column::from(seq)]);
    }
    let way = if is_ascending { "" } else { "DESC" };
    sql += &format!(" ORDER BY {place}.created_at {way}, {place}.seq {way} LIMIT ?");
    values.push(Column::from(as_column(limit)));
    (sql, values)
}

/// Returns what a plan may know of a recorded session.
pub(in crate::backend::local) fn summary(
    db: &Connection,
    id: &SessionId,
) -> Result<Option<crate::session::Session>, Failure> {
    let found = db
        .prepare_cached(
            "SELECT status, archived_at IS NOT NULL, is_dream_worker, created_at, body,
                    (SELECT coalesce(sum(octet_length(e.body) + 1), 0) FROM session_events e WHERE e.session = s.id)
             FROM recorded_sessions s WHERE id = ?1",
        )?
        .query_row([id.as_str()], |row| {
            let is_dream_worker: bool = row.get(2)?;
            Ok(crate::session::Session {
                id: id.clone(),
                created_at: time(row, 3)?,
                status: status_of(&row.get::<_, String>(0)?),
                is_archived: row.get::<_, bool>(1)? && !is_dream_worker,
                is_dream_worker,
                size: SessionSize {
                    events: 0,
                    bytes: crate::backend::local::database::count(row, 5)?,
                    tokens: session_of(row, 4)?.usage.input_tokens.unwrap_or(0),
                    skipped_lines: 0,
                },
            })
        })
        .optional()?;
    let Some(mut session) = found else { return Ok(None) };
    session.size.events = events::last(db, id)?;
    Ok(Some(session))
}

fn status_of(text: &str) -> SessionStatus {
    match text {
        "running" => SessionStatus::Running,
        "rescheduling" => SessionStatus::Rescheduling,
        "terminated" => SessionStatus::Terminated,
        _ => SessionStatus::Idle,
    }
}
