//! Dreams in the database: their rows, what they were given, and what they have done so far.
//!
//! Everything a dream reads is fixed when it is created: `dream_memories` holds the input store as it was,
//! `dream_sessions` the part of a file each session was in, or how many events it had. A reading is kept
//! beside its session until the dream ends; then inputs and readings go, and the row and its changes stay.
//!
//! A dream that was asked for over HTTP names the mind that carries it out, whatever its model, and the
//! session that tells what it does; one that a run on this machine asked for has neither.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::backend::Refusal;
use crate::backend::wire::Actor;
use crate::dream::{Dream, DreamChange, DreamError, DreamProgress, DreamRequest, DreamStatus, Usage};
use crate::dreaming::Reading;
use crate::ids::{DreamId, MemoryStoreId, SessionId};
use crate::snapshot::Snapshot;

use super::database::{as_column, count, parsed, parsed_opt, time, time_opt};
use super::error::Failure;
use super::sessions::{FilePart, Source, part_of};
use super::versions::{self, Mark};
use super::{memories, mint, stores, telling};

const DREAM: &str = "SELECT id, status, store, model, instructions, output, input_tokens, output_tokens,
    error_kind, error_message, created_at, ended_at, sessions_read, changes_written, mind, updates_existing,
    session, archived_at, seq FROM dreams";

/// A dream with what only the HTTP API shows of it, and what its worker needs.
#[derive(Debug, Clone)]
pub(crate) struct DreamRecord {
    /// What every backend tells of a dream.
    pub(crate) dream: Dream,
    /// Whether it writes into the store it reads.
    pub(crate) updates_existing: bool,
    /// The session that does the work, once it has started.
    pub(crate) session: Option<SessionId>,
    /// When it was archived.
    pub(crate) archived_at: Option<Timestamp>,
    /// Its place in the order of creation.
    pub(crate) seq: u64,
    /// The mind that carries it out, if that is not the one its model names.
    pub(super) mind: Option<String>,
}

impl DreamRecord {
    /// Returns the name of the mind that carries it out.
    pub(super) fn mind(&self) -> &str {
        self.mind.as_deref().unwrap_or(&self.dream.model)
    }

    /// Returns what its writes are marked with: the session that does the work, where there is one.
    pub(super) fn mark(&self, now: Timestamp) -> Mark {
        match &self.session {
            Some(session) => Mark::of(now, &Actor::SessionActor { session_id: session.as_str().to_owned() }),
            None => Mark::unsigned(now),
        }
    }

    /// Says whether it was asked for over HTTP.
    pub(super) fn is_served(&self) -> bool {
        self.mind.is_some()
    }
}

/// What a dream asked for over HTTP has beyond what a run asks of one.
#[derive(Debug, Clone)]
pub(crate) struct DreamTerms {
    /// The mind that carries it out, whatever model it was asked of.
    pub(crate) mind: String,
    /// Whether it writes into the store it reads.
    pub(crate) updates_existing: bool,
}

/// Which dreams to list.
#[derive(Debug, Clone, Default)]
pub(crate) struct DreamFilter {
    /// Created after this.
    pub(crate) after: Option<Timestamp>,
    /// Created before this.
    pub(crate) before: Option<Timestamp>,
    /// In one of these states; in any, if there are none.
    pub(crate) statuses: Vec<DreamStatus>,
    /// Archived ones too.
    pub(crate) include_archived: bool,
    /// Before this one in the order of creation.
    pub(crate) below: Option<u64>,
}

/// Reads a status by the API's word.
pub(crate) fn status_of(text: &str) -> Result<DreamStatus, String> {
    use DreamStatus::{Canceled, Completed, Failed, Pending, Running};
    [Pending, Running, Completed, Failed, Canceled]
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| format!("`{text}` is no status of a dream"))
}

/// Reads a row without its sessions.
fn record_of(row: &Row) -> rusqlite::Result<DreamRecord> {
    let error = match (row.get::<_, Option<String>>(8)?, row.get::<_, Option<String>>(9)?) {
        (Some(kind), Some(message)) => Some(DreamError { kind, message }),
        _ => None,
    };
    let dream = Dream {
        id: parsed(row, 0, DreamId::parse)?,
        status: parsed(row, 1, |text| status_of(&text))?,
        store: parsed(row, 2, MemoryStoreId::parse)?,
        sessions: Vec::new(),
        model: row.get(3)?,
        instructions: row.get(4)?,
        output: parsed_opt(row, 5, MemoryStoreId::parse)?,
        usage: Usage { input_tokens: count(row, 6)?, output_tokens: count(row, 7)?, ..Usage::default() },
        error,
        created_at: time(row, 10)?,
        ended_at: time_opt(row, 11)?,
        progress: Some(DreamProgress {
            sessions_read: count(row, 12)?,
            sessions: 0,
            changes_written: count(row, 13)?,
        }),
    };
    Ok(DreamRecord {
        dream,
        mind: row.get(14)?,
        updates_existing: row.get(15)?,
        session: parsed_opt(row, 16, SessionId::parse)?,
        archived_at: time_opt(row, 17)?,
        seq: count(row, 18)?,
    })
}

fn with_sessions(db: &Connection, mut record: DreamRecord) -> Result<DreamRecord, Failure> {
    let dream = &mut record.dream;
    let mut select =
        db.prepare_cached("SELECT session FROM dream_sessions WHERE dream = ?1 ORDER BY session")?;
    let sessions = select.query_map([dream.id.as_str()], |row| parsed(row, 0, SessionId::parse))?;
    dream.sessions = sessions.collect::<Result<_, _>>()?;
    if let Some(progress) = &mut dream.progress {
        progress.sessions = dream.sessions.len() as u64;
    }
    Ok(record)
}

/// Returns a dream.
pub(super) fn find(db: &Connection, id: &DreamId) -> Result<Dream, Failure> {
    Ok(record(db, id)?.dream)
}

/// Returns a dream with what only the HTTP API shows of it.
pub(super) fn record(db: &Connection, id: &DreamId) -> Result<DreamRecord, Failure> {
    let record = db
        .prepare_cached(&format!("{DREAM} WHERE id = ?1"))?
        .query_row([id.as_str()], record_of)
        .optional()?
        .ok_or_else(|| Failure::refused(Refusal::NotFound, format!("there is no dream `{id}`")))?;
    with_sessions(db, record)
}

/// Returns some dreams, newest first.
pub(super) fn list(db: &Connection, filter: &DreamFilter, limit: usize) -> Result<Vec<DreamRecord>, Failure> {
    let statuses: Vec<&str> = filter.statuses.iter().map(|status| status.as_str()).collect();
    let sql = format!(
        "{DREAM} WHERE (?1 IS NULL OR created_at > ?1) AND (?2 IS NULL OR created_at < ?2)
         AND (?3 OR archived_at IS NULL) AND (?4 IS NULL OR seq < ?4)
         AND (?5 = '[]' OR status IN (SELECT value FROM json_each(?5)))
         ORDER BY seq DESC LIMIT ?6"
    );
    // Kept times are whole microseconds: one that is greater than a bound is greater than its
    // microsecond, and one that is less is less than the next whole one.
    let after = filter.after.map(Timestamp::as_microsecond);
    let before = filter.before.map(micros_up);
    let mut select = db.prepare_cached(&sql)?;
    let found: Vec<DreamRecord> = select
        .query_map(
            params![
                after,
                before,
                filter.include_archived,
                filter.below.map(as_column),
                json(&statuses)?,
                as_column(limit as u64)
            ],
            record_of,
        )?
        .collect::<Result<_, _>>()?;
    found.into_iter().map(|record| with_sessions(db, record)).collect()
}

/// Returns the dreams asked for over HTTP that have not ended, oldest first.
pub(super) fn unfinished(db: &Connection) -> Result<Vec<DreamId>, Failure> {
    let sql = "SELECT id FROM dreams
               WHERE mind IS NOT NULL AND status IN ('pending', 'running') ORDER BY seq";
    let mut select = db.prepare_cached(sql)?;
    let ids = select.query_map([], |row| parsed(row, 0, DreamId::parse))?.collect::<Result<_, _>>()?;
    Ok(ids)
}

/// Returns the first whole microsecond that is not before an instant.
fn micros_up(at: Timestamp) -> i64 {
    at.as_microsecond() + i64::from(at.subsec_nanosecond() % 1_000 > 0)
}

/// Returns the dreams created at or after an instant, newest first.
pub(super) fn since(db: &Connection, since: Timestamp) -> Result<Vec<Dream>, Failure> {
    let sql = format!("{DREAM} WHERE created_at >= ?1 ORDER BY created_at DESC, seq DESC");
    let mut select = db.prepare_cached(&sql)?;
    // Rounded up: a dream of the same microsecond but before the instant is not asked for.
    let found: Vec<DreamRecord> =
        select.query_map([micros_up(since)], record_of)?.collect::<Result<_, _>>()?;
    found.into_iter().map(|record| Ok(with_sessions(db, record)?.dream)).collect()
}

/// Accepts a dream: it is pending, and all it will read is fixed.
pub(super) fn create(
    db: &Connection,
    request: &DreamRequest,
    terms: Option<&DreamTerms>,
    sources: &BTreeMap<SessionId, Source>,
    now: Timestamp,
) -> Result<Dream, Failure> {
    let store = stores::find(db, &request.store)?;
    if store.archived_at.is_some() {
        let message = format!("memory store `{}` is archived", store.id);
        return Err(Failure::refused(Refusal::Invalid, message));
    }
    let updates_existing = terms.is_some_and(|terms| terms.updates_existing);
    if updates_existing && let Some(other) = updater(db, &request.store)? {
        let message = format!("memory store `{}` is being updated by dream `{other}`", store.id);
        return Err(Failure::refused(Refusal::Conflict, message));
    }
    let id = mint::dream();
    db.execute(
        "INSERT INTO dreams (id, status, store, model, instructions, created_at, mind, updates_existing)
         VALUES (?1, 'pending', ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            id.as_str(),
            request.store.as_str(),
            request.model,
            request.instructions,
            now.as_microsecond(),
            terms.map(|terms| &terms.mind),
            updates_existing
        ],
    )?;
    db.execute(
        "INSERT INTO dream_memories (dream, path, version, hash, updated_at)
         SELECT ?1, path, version, hash, updated_at FROM memories WHERE store = ?2",
        [id.as_str(), request.store.as_str()],
    )?;
    let mut insert = db.prepare_cached(
        "INSERT INTO dream_sessions (dream, session, file, bytes, fingerprint, written_at, events)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    // A recorded session is in no file.
    let nowhere = FilePart { file: String::new(), bytes: 0, fingerprint: String::new(), written_at: now };
    for (session, source) in sources {
        let (part, events) = match source {
            Source::File(part) => (part, None),
            Source::Recorded { events, .. } => (&nowhere, Some(as_column(*events))),
        };
        insert.execute(params![
            id.as_str(),
            session.as_str(),
            part.file,
            as_column(part.bytes),
            part.fingerprint,
            part.written_at.as_microsecond(),
            events
        ])?;
    }
    find(db, &id)
}

/// Returns the unfinished dream that writes into the store it reads, if that is this one.
fn updater(db: &Connection, store: &MemoryStoreId) -> Result<Option<String>, Failure> {
    let sql = "SELECT id FROM dreams
               WHERE store = ?1 AND updates_existing AND status IN ('pending', 'running')";
    Ok(db.prepare_cached(sql)?.query_row([store.as_str()], |row| row.get(0)).optional()?)
}

/// Returns the input store as it was when the dream was created.
pub(super) fn input(db: &Connection, id: &DreamId) -> Result<Snapshot, Failure> {
    let sql = "SELECT m.path, c.content, m.hash, m.version, m.updated_at
               FROM dream_memories m JOIN contents c USING (hash) WHERE m.dream = ?1";
    let mut select = db.prepare_cached(sql)?;
    let memories = select.query_map([id.as_str()], memories::memory_of)?.collect::<Result<_, _>>()?;
    Ok(memories)
}

/// Returns the bytes of the input store, without reading them.
pub(super) fn input_bytes(db: &Connection, id: &DreamId) -> Result<u64, Failure> {
    let sql = "SELECT coalesce(sum(octet_length(c.content)), 0)
               FROM dream_memories m JOIN contents c USING (hash) WHERE m.dream = ?1";
    Ok(db.prepare_cached(sql)?.query_row([id.as_str()], |row| count(row, 0))?)
}

/// Moves a pending dream to running.
pub(super) fn start(db: &Connection, id: &DreamId, session: Option<&SessionId>) -> Result<(), Failure> {
    db.prepare_cached(
        "UPDATE dreams SET status = 'running', session = ?2 WHERE id = ?1 AND status = 'pending'",
    )?
    .execute(params![id.as_str(), session.map(SessionId::as_str)])?;
    Ok(())
}

/// Gives a running dream the store it writes: a new one that starts as a copy of the input, or the
/// input store itself.
pub(super) fn give_output(db: &Connection, record: &DreamRecord, now: Timestamp) -> Result<(), Failure> {
    let dream = &record.dream;
    let input_store = stores::find(db, &dream.store)?;
    let output = if record.updates_existing {
        input_store.id
    } else {
        let output = stores::create(db, &input_store.name, now)?.id;
        let mark = record.mark(now);
        let mut select =
            db.prepare_cached("SELECT path, hash, updated_at FROM dream_memories WHERE dream = ?1")?;
        let rows =
            select.query_map([dream.id.as_str()], |row| Ok((row.get(0)?, row.get(1)?, time_opt(row, 2)?)))?;
        let held: Vec<_> = rows.collect::<Result<_, _>>()?;
        memories::fill(db, &output, held, &mark)?;
        output
    };
    db.prepare_cached("UPDATE dreams SET output = ?2 WHERE id = ?1 AND status = 'running'")?
        .execute([dream.id.as_str(), output.as_str()])?;
    Ok(())
}

/// Returns the sessions of a dream that have not been read, by what they are read from.
pub(super) fn unread(db: &Connection, id: &DreamId) -> Result<BTreeMap<Source, Vec<SessionId>>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT session, file, bytes, fingerprint, written_at, events FROM dream_sessions
         WHERE dream = ?1 AND reading IS NULL ORDER BY session",
    )?;
    let rows = select.query_map([id.as_str()], |row| {
        let session = parsed(row, 0, SessionId::parse)?;
        let source = match row.get::<_, Option<i64>>(5)? {
            None => Source::File(part_of(row, 1)?),
            Some(_) => Source::Recorded { session: session.clone(), events: count(row, 5)? },
        };
        Ok((session, source))
    })?;
    let mut sources: BTreeMap<Source, Vec<SessionId>> = BTreeMap::new();
    for row in rows {
        let (session, source) = row?;
        sources.entry(source).or_default().push(session);
    }
    Ok(sources)
}

/// Keeps readings. Says whether the dream still runs; if it does not, nothing is kept.
pub(super) fn checkpoint(db: &Connection, id: &DreamId, readings: &[Reading]) -> Result<bool, Failure> {
    let tokens: u64 = readings.iter().map(|reading| reading.tokens).sum();
    let changed = db
        .prepare_cached(
            "UPDATE dreams SET sessions_read = sessions_read + ?2, input_tokens = input_tokens + ?3
             WHERE id = ?1 AND status = 'running'",
        )?
        .execute(params![id.as_str(), as_column(readings.len() as u64), as_column(tokens)])?;
    if changed == 0 {
        return Ok(false);
    }
    let mut update =
        db.prepare_cached("UPDATE dream_sessions SET reading = ?3 WHERE dream = ?1 AND session = ?2")?;
    for reading in readings {
        update.execute([id.as_str(), reading.session.as_str(), &json(reading)?])?;
    }
    Ok(true)
}

/// Returns all readings, in the order the sessions began.
pub(super) fn readings(db: &Connection, id: &DreamId) -> Result<Vec<Reading>, Failure> {
    let mut select =
        db.prepare_cached("SELECT reading FROM dream_sessions WHERE dream = ?1 AND reading IS NOT NULL")?;
    let rows = select.query_map([id.as_str()], |row| parsed(row, 0, |text| serde_json::from_str(&text)))?;
    let mut readings: Vec<Reading> = rows.collect::<Result<_, _>>()?;
    readings.sort_by(|a, b| (a.created_at, &a.session).cmp(&(b.created_at, &b.session)));
    Ok(readings)
}

/// Ends a dream well: its changes are told and its output tokens counted.
pub(super) fn complete(
    db: &Connection,
    id: &DreamId,
    changes: &[DreamChange],
    output_tokens: u64,
    now: Timestamp,
) -> Result<(), Failure> {
    let mut insert =
        db.prepare_cached("INSERT INTO dream_changes (dream, seq, change) VALUES (?1, ?2, ?3)")?;
    for (seq, change) in (0_i64..).zip(changes) {
        insert.execute(params![id.as_str(), seq, json(change)?])?;
    }
    // Before the end, so that the session which tells of it has the whole usage.
    db.execute(
        "UPDATE dreams SET output_tokens = ?2, changes_written = ?3 WHERE id = ?1",
        params![id.as_str(), as_column(output_tokens), as_column(changes.len() as u64)],
    )?;
    end(db, id, DreamStatus::Completed, None, now)
}

/// Moves an unfinished dream to a final status and lets go of what it was given. One that has ended stays
/// as it is.
pub(super) fn end(
    db: &Connection,
    id: &DreamId,
    status: DreamStatus,
    error: Option<&DreamError>,
    now: Timestamp,
) -> Result<(), Failure> {
    let changed = db
        .prepare_cached(
            "UPDATE dreams SET status = ?2, error_kind = ?3, error_message = ?4, ended_at = ?5
             WHERE id = ?1 AND status IN ('pending', 'running')",
        )?
        .execute(params![
            id.as_str(),
            status.as_str(),
            error.map(|error| &error.kind),
            error.map(|error| &error.message),
            now.as_microsecond()
        ])?;
    if changed == 0 {
        return Ok(());
    }
    telling::end(db, &record(db, id)?, now)?;
    let hashes = versions::named_by(db, "SELECT hash FROM dream_memories WHERE dream = ?1", id.as_str())?;
    db.execute("DELETE FROM dream_memories WHERE dream = ?1", [id.as_str()])?;
    db.execute("UPDATE dream_sessions SET reading = NULL WHERE dream = ?1", [id.as_str()])?;
    versions::sweep(db, &hashes)
}

/// Fails every unfinished dream that reads a store which goes away, and returns them. `how` completes
/// "the store was …".
pub(super) fn fail_readers(
    db: &Connection,
    store: &MemoryStoreId,
    how: &str,
    now: Timestamp,
) -> Result<Vec<DreamId>, Failure> {
    let sql = "SELECT id FROM dreams WHERE store = ?1 AND status IN ('pending', 'running')";
    let error = DreamError {
        kind: "input_memory_store_unavailable".to_owned(),
        message: format!("memory store `{store}` was {how} after the dream was created"),
    };
    fail_all(db, sql, store.as_str(), &error, now)
}

/// Fails every unfinished dream that reads a session which is deleted, and returns them.
pub(super) fn fail_readers_of_session(
    db: &Connection,
    session: &SessionId,
    now: Timestamp,
) -> Result<Vec<DreamId>, Failure> {
    let sql = "SELECT d.id FROM dreams d JOIN dream_sessions s ON s.dream = d.id
               WHERE d.status IN ('pending', 'running') AND s.session = ?1";
    let error = DreamError {
        kind: "input_session_unavailable".to_owned(),
        message: format!("session `{session}` was deleted after the dream was created"),
    };
    fail_all(db, sql, session.as_str(), &error, now)
}

fn fail_all(
    db: &Connection,
    sql: &str,
    key: &str,
    error: &DreamError,
    now: Timestamp,
) -> Result<Vec<DreamId>, Failure> {
    let mut select = db.prepare_cached(sql)?;
    let readers: Vec<DreamId> =
        select.query_map([key], |row| parsed(row, 0, DreamId::parse))?.collect::<Result<_, _>>()?;
    for id in &readers {
        end(db, id, DreamStatus::Failed, Some(error), now)?;
    }
    Ok(readers)
}

/// Archives a dream that has ended. One that is archived stays as it is.
pub(super) fn archive(db: &Connection, id: &DreamId, now: Timestamp) -> Result<DreamRecord, Failure> {
    let found = record(db, id)?;
    if !found.dream.status.is_final() {
        let message =
            format!("dream `{id}` is {}; only one that has ended can be archived", found.dream.status);
        return Err(Failure::refused(Refusal::Invalid, message));
    }
    db.prepare_cached("UPDATE dreams SET archived_at = ?2 WHERE id = ?1 AND archived_at IS NULL")?
        .execute(params![id.as_str(), now.as_microsecond()])?;
    record(db, id)
}

/// Returns what a dream did, oldest first.
pub(super) fn changes(db: &Connection, id: &DreamId) -> Result<Vec<DreamChange>, Failure> {
    find(db, id)?;
    let mut select = db.prepare_cached("SELECT change FROM dream_changes WHERE dream = ?1 ORDER BY seq")?;
    let rows = select.query_map([id.as_str()], |row| parsed(row, 0, |text| serde_json::from_str(&text)))?;
    let changes = rows.collect::<Result<_, _>>()?;
    Ok(changes)
}

fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(value)
        .map_err(|error| Failure::refused(Refusal::Internal, format!("could not write JSON: {error}")))
}
