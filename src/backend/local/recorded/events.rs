//! The events of recorded sessions: appended in order, without gaps, and never changed.
//!
//! A session's own row follows from them: its status, what there is of it to read, and how long it took.

use jiff::Timestamp;
use rusqlite::types::Value as Column;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use serde_json::Value;

use crate::backend::Refusal;
use crate::backend::local::database::{Database, as_column, count, parsed};
use crate::backend::local::error::{Failure, LocalError};
use crate::backend::local::{mint, transcripts};
use crate::backend::wire::{Object, Session};
use crate::dreaming::transcript::{Format, Transcript};
use crate::ids::SessionId;

use super::Bounds;
use super::sessions;

/// Which events a list shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventFilter {
    /// Of these types; of all if empty.
    pub(crate) types: Vec<String>,
    /// By the time they were processed.
    pub(crate) processed: Bounds,
}

/// Appends events to a session and returns them with their ids and times. An event may bring its own `id`
/// and `processed_at`; one that brings none gets one and is processed now.
///
/// What a session's status events say is what its status is from then on.
pub(in crate::backend::local) fn append(
    db: &Connection,
    session: &SessionId,
    events: Vec<Object>,
    now: Timestamp,
) -> Result<Vec<Object>, Failure> {
    let mut row = sessions::find(db, session)?;
    let events = add(db, &mut row, session, events, now)?;
    sessions::save(db, &row)?;
    Ok(events)
}

/// As [`append`], on a session whose row is saved by the caller.
pub(super) fn add(
    db: &Connection,
    row: &mut Session,
    session: &SessionId,
    events: Vec<Object>,
    now: Timestamp,
) -> Result<Vec<Object>, Failure> {
    let first = last(db, session)? + 1;
    let mut insert = db.prepare_cached(
        "INSERT INTO session_events (session, seq, id, type, processed_at, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut lines = Vec::new();
    let mut added = Vec::with_capacity(events.len());
    for (seq, event) in (first..).zip(events) {
        let event = finished(event, now);
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let processed_at = text("processed_at").parse::<Timestamp>().ok();
        let line = Value::Object(event.clone()).to_string();
        insert.execute(params![
            session.as_str(),
            as_column(seq),
            text("id"),
            text("type"),
            processed_at.map(Timestamp::as_microsecond),
            line
        ])?;
        follow(row, text("type"), processed_at);
        lines.extend_from_slice(line.as_bytes());
        lines.push(b'\n');
        added.push(event);
    }
    let tokens = transcripts::estimate_tokens(&read(session, &lines, row.created_at));
    row.usage.input_tokens = Some(row.usage.input_tokens.unwrap_or(0) + tokens);
    row.updated_at = row.updated_at.max(now);
    Ok(added)
}

/// Gives an event what the server decides: its id, and its time unless it brought one.
pub(super) fn finished(mut event: Object, now: Timestamp) -> Object {
    let kind = event.shift_remove("type").unwrap_or_default();
    let time = match event.shift_remove("processed_at") {
        Some(Value::String(time)) => Value::String(time),
        _ => Value::String(now.to_string()),
    };
    let id = match event.shift_remove("id") {
        Some(Value::String(id)) => id,
        _ => mint::event(),
    };
    let mut whole = Object::new();
    whole.insert("type".to_owned(), kind);
    whole.insert("id".to_owned(), Value::String(id));
    whole.extend(event);
    let always = whole.get("type").and_then(Value::as_str).map_or(&[][..], nullable);
    for field in always {
        whole.entry(*field).or_insert(Value::Null);
    }
    whole.insert("processed_at".to_owned(), time);
    whole
}

/// Returns the fields that events of a type have even when there is nothing in them.
fn nullable(kind: &str) -> &'static [&'static str] {
    match kind {
        "session.status_idle" | "session.thread_status_idle" => &["stop_details"],
        "session.thread_created" => &["workflow_run_id"],
        "span.model_request_end" => &["is_error"],
        "user.define_outcome" => &["max_iterations"],
        _ => &[],
    }
}

/// Brings a session's row up to an event.
fn follow(row: &mut Session, kind: &str, processed_at: Option<Timestamp>) {
    let status = match kind {
        "session.status_running" => Some("running"),
        "session.status_idle" => Some("idle"),
        "session.status_rescheduled" => Some("rescheduling"),
        "session.status_terminated" => Some("terminated"),
        _ => None,
    };
    if let Some(status) = status {
        row.status = status.to_owned();
    }
    if let Some(at) = processed_at {
        let seconds = at.duration_since(row.created_at).as_secs_f64().max(0.0);
        let longest = row.stats.duration_seconds.unwrap_or(0.0).max(seconds);
        row.stats.duration_seconds = Some(longest);
    }
}

/// Returns the number of a session's last event; 0 if it has none.
pub(super) fn last(db: &Connection, session: &SessionId) -> Result<u64, Failure> {
    let sql = "SELECT coalesce(max(seq), 0) FROM session_events WHERE session = ?1";
    Ok(db.prepare_cached(sql)?.query_row([session.as_str()], |row| count(row, 0))?)
}

/// Returns how many events a session has, if it is a recorded one.
pub(in crate::backend::local) fn count_of(
    db: &Connection,
    session: &SessionId,
) -> Result<Option<u64>, Failure> {
    if !sessions::is_recorded(db, session)? {
        return Ok(None);
    }
    last(db, session).map(Some)
}

/// Returns the events after one, oldest first, with their numbers.
pub(super) fn since(
    db: &Connection,
    session: &SessionId,
    after: u64,
    limit: u64,
) -> Result<Vec<(u64, Object)>, Failure> {
    list(db, session, &EventFilter::default(), true, Some(after), limit)
}

/// Returns a stretch of a session's events with their numbers, in either order, after the event of a
/// number.
pub(super) fn list(
    db: &Connection,
    session: &SessionId,
    filter: &EventFilter,
    is_ascending: bool,
    after: Option<u64>,
    limit: u64,
) -> Result<Vec<(u64, Object)>, Failure> {
    let mut sql = "SELECT seq, body FROM session_events WHERE session = ?".to_owned();
    let mut values = vec![Column::from(session.as_str().to_owned())];
    if !filter.types.is_empty() {
        sql += &format!(" AND type IN (?{})", ", ?".repeat(filter.types.len() - 1));
        values.extend(filter.types.iter().cloned().map(Column::from));
    }
    filter.processed.restrict("processed_at", &mut sql, &mut values);
    if let Some(after) = after {
        sql += if is_ascending { " AND seq > ?" } else { " AND seq < ?" };
        values.push(Column::from(as_column(after)));
    }
    sql += if is_ascending { " ORDER BY seq LIMIT ?" } else { " ORDER BY seq DESC LIMIT ?" };
    values.push(Column::from(as_column(limit)));
    let mut select = db.prepare_cached(&sql)?;
    let rows = select.query_map(params_from_iter(values), |row| {
        Ok((count(row, 0)?, parsed(row, 1, |text| serde_json::from_str(&text))?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Returns the session and the type of an event.
pub(super) fn find(db: &Connection, id: &str) -> Result<Option<(String, String)>, Failure> {
    let found = db
        .prepare_cached("SELECT session, type FROM session_events WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found)
}

/// Reads the first `events` events of a recorded session, which is what a dream that was created when it
/// had so many reads.
///
/// # Errors
///
/// The inner error says in a clause why they cannot be had any more.
pub(in crate::backend::local) fn transcript_of(
    database: &Database,
    session: &SessionId,
    events: u64,
) -> Result<Result<Transcript, String>, LocalError> {
    let found = database.read(|db| {
        let row = match sessions::find(db, session) {
            Err(Failure::Refused { kind: Refusal::NotFound, .. }) => return Ok(None),
            other => other?,
        };
        let mut select = db.prepare_cached(
            "SELECT body FROM session_events WHERE session = ?1 AND seq <= ?2 ORDER BY seq",
        )?;
        let mut rows = select.query(params![session.as_str(), as_column(events)])?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            lines.extend_from_slice(row.get_ref(0)?.as_bytes().map_err(rusqlite::Error::from)?);
            lines.push(b'\n');
        }
        Ok(Some((row.created_at, lines)))
    })?;
    // Read outside the transaction: nobody else waits for the reader.
    Ok(match found {
        Some((created_at, lines)) => Ok(read(session, &lines, created_at)),
        None => Err("it has been deleted".to_owned()),
    })
}

/// Reads events as the transcript they are. A session in which nothing was said is an empty transcript.
fn read(session: &SessionId, lines: &[u8], created_at: Timestamp) -> Transcript {
    let read = if lines.is_empty() { Vec::new() } else { events_of(lines, created_at) };
    let mut transcript = read.into_iter().next().unwrap_or_else(|| Transcript {
        session: session.clone(),
        format: Format::ManagedAgents,
        created_at,
        last_at: created_at,
        events: Vec::new(),
        skipped: Vec::new(),
        bytes: lines.len() as u64,
    });
    // Whatever its events say of themselves.
    transcript.session = session.clone();
    transcript.created_at = created_at;
    transcript
}

fn events_of(lines: &[u8], created_at: Timestamp) -> Vec<Transcript> {
    transcripts::read(lines, "recorded", created_at).unwrap_or_default()
}
