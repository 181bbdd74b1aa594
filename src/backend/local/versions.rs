//! Versions of memories: one for every change, which outlives its memory but not its store.
//!
//! Functions over an open transaction; who calls decides what is atomic.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use crate::backend::wire::{self, Actor};
use crate::backend::{PastMemory, Refusal};
use crate::ids::{MemoryStoreId, MemoryVersionId};
use crate::memory::{ContentHash, Memory, MemoryPath};
use crate::snapshot::{Change, IndexEntry, SnapshotIndex};

use super::LocalBackend;
use super::database::{as_column, count_opt, parsed, parsed_opt, time, time_opt};
use super::error::{Failure, LocalError};
use super::memories::{self, View};
use super::{mint, stores};

/// When a change is made, and by whom.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) at: Timestamp,
    /// JSON, as the API shows it.
    by: Option<String>,
}

impl Mark {
    /// Marks a change of this process's own user, who has no name here.
    pub(super) fn unsigned(at: Timestamp) -> Self {
        Self { at, by: None }
    }

    /// Marks a change that somebody known makes.
    pub(super) fn of(at: Timestamp, actor: &Actor) -> Self {
        Self { at, by: serde_json::to_string(actor).ok() }
    }
}

/// What was done to a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Created,
    Modified,
    Deleted,
}

impl Operation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Modified => "modified",
            Self::Deleted => "deleted",
        }
    }
}

/// Which versions a listing is about. A field that is none leaves nothing out.
#[derive(Debug, Clone, Default)]
pub(crate) struct VersionFilter {
    pub(crate) memory: Option<String>,
    pub(crate) operation: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) api_key: Option<String>,
    pub(crate) service_account: Option<String>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

/// Records a version and returns its id.
pub(super) fn add(
    db: &Connection,
    store: &MemoryStoreId,
    (memory, path): (&str, &str),
    operation: Operation,
    hash: Option<&str>,
    mark: &Mark,
) -> Result<MemoryVersionId, Failure> {
    let id = mint::memory_version();
    add_as(db, &id, store, (memory, path), operation, hash, mark)?;
    Ok(id)
}

/// As [`add`], with an id that was chosen for it.
pub(super) fn add_as(
    db: &Connection,
    id: &MemoryVersionId,
    store: &MemoryStoreId,
    (memory, path): (&str, &str),
    operation: Operation,
    hash: Option<&str>,
    mark: &Mark,
) -> Result<(), Failure> {
    db.prepare_cached(
        "INSERT INTO versions (id, store, memory, path, operation, hash, created_at, actor)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        id.as_str(),
        store.as_str(),
        memory,
        path,
        operation.as_str(),
        hash,
        mark.at.as_microsecond(),
        mark.by
    ])?;
    Ok(())
}

/// Returns what a store held at a moment: of each memory the newest version until then, unless that one
/// took it away.
pub(super) fn index_at(db: &Connection, id: &MemoryStoreId, at: Timestamp) -> Result<SnapshotIndex, Failure> {
    stores::find(db, id)?;
    let sql = "SELECT v.path, v.hash, octet_length(c.content), v.id
               FROM versions v JOIN contents c USING (hash)
               WHERE v.seq IN (SELECT max(seq) FROM versions
                               WHERE store = ?1 AND created_at <= ?2 GROUP BY memory)";
    memories::indexed(db, sql, params![id.as_str(), at.as_microsecond()])
}

/// Lists the versions that hold text, newest first.
pub(super) fn kept(db: &Connection, id: &MemoryStoreId) -> Result<Vec<PastMemory>, Failure> {
    stores::find(db, id)?;
    let sql = "SELECT v.path, v.hash, v.id FROM versions v JOIN contents c USING (hash)
               WHERE v.store = ?1 ORDER BY v.seq DESC";
    let past_of = |row: &Row| {
        Ok(PastMemory {
            path: parsed(row, 0, |text| MemoryPath::parse(&text))?,
            hash: parsed(row, 1, ContentHash::try_from)?,
            version: parsed_opt(row, 2, MemoryVersionId::parse)?,
        })
    };
    Ok(db.prepare_cached(sql)?.query_map([id.as_str()], past_of)?.collect::<Result<_, _>>()?)
}

/// Lists changes, newest first, as far as the first version that an index names.
pub(super) fn changes(
    db: &Connection,
    id: &MemoryStoreId,
    since: &SnapshotIndex,
) -> Result<Vec<Change>, Failure> {
    stores::find(db, id)?;
    let sql = "SELECT CASE WHEN v.redacted_at IS NULL THEN v.path END, v.hash, octet_length(c.content), v.id,
                      v.memory, v.created_at
               FROM versions v LEFT JOIN contents c USING (hash) WHERE v.store = ?1 ORDER BY v.seq DESC";
    let change_of = |row: &Row| {
        let held = parsed_opt(row, 1, ContentHash::try_from)?.zip(count_opt(row, 2)?);
        let version = parsed_opt(row, 3, MemoryVersionId::parse)?;
        Ok(Change {
            memory: row.get(4)?,
            version: version.clone(),
            path: parsed_opt(row, 0, |text| MemoryPath::parse(&text))?,
            holds: held.map(|(hash, bytes)| IndexEntry { hash, bytes, version }),
            at: time(row, 5)?,
        })
    };
    let mut query = db.prepare_cached(sql)?;
    let all = query.query_map([id.as_str()], change_of)?;
    let is_newer = |change: &rusqlite::Result<Change>| change.as_ref().map_or(true, |one| !since.names(one));
    Ok(all.take_while(is_newer).collect::<Result<_, _>>()?)
}

/// Returns a past memory, if it is still kept: by its version, or else the newest that its path held with
/// its hash.
pub(super) fn content(
    db: &Connection,
    store: &MemoryStoreId,
    past: &PastMemory,
) -> Result<Option<Memory>, Failure> {
    let (path, hash) = (past.path.as_str(), past.hash.to_string());
    let columns =
        "SELECT ?2, c.content, v.hash, v.id, v.created_at FROM versions v JOIN contents c USING (hash)";
    if let Some(version) = &past.version {
        let sql = format!("{columns} WHERE v.id = ?4 AND v.store = ?1 AND v.hash = ?3");
        let found = db
            .prepare_cached(&sql)?
            .query_row(params![store.as_str(), path, hash, version.as_str()], memories::memory_of)
            .optional()?;
        if found.is_some() {
            return Ok(found);
        }
    }
    let sql =
        format!("{columns} WHERE v.store = ?1 AND v.path = ?2 AND v.hash = ?3 ORDER BY v.seq DESC LIMIT 1");
    let found = db
        .prepare_cached(&sql)?
        .query_row(params![store.as_str(), path, hash], memories::memory_of)
        .optional()?;
    Ok(found)
}

/// Reads the columns that [`columns`] names.
fn version_of(row: &Row) -> rusqlite::Result<wire::MemoryVersion> {
    let actor = |column| parsed_opt(row, column, |text| serde_json::from_str(&text));
    let redacted_at = time_opt(row, 10)?;
    Ok(wire::MemoryVersion {
        id: row.get(1)?,
        kind: "memory_version".to_owned(),
        memory_id: row.get(2)?,
        memory_store_id: row.get(3)?,
        operation: row.get(4)?,
        path: if redacted_at.is_some() { None } else { Some(row.get(5)?) },
        content_sha256: row.get(6)?,
        content_size_bytes: count_opt(row, 7)?,
        created_at: time(row, 8)?,
        created_by: actor(9)?,
        redacted_at,
        redacted_by: actor(11)?,
        content: row.get(12)?,
    })
}

fn columns(view: View) -> String {
    let content = view.column();
    format!(
        "SELECT v.seq, v.id, v.memory, v.store, v.operation, v.path, v.hash, octet_length(c.content),
                v.created_at, v.actor, v.redacted_at, v.redacted_by, {content}
         FROM versions v LEFT JOIN contents c USING (hash)"
    )
}

fn find(
    db: &Connection,
    store: &MemoryStoreId,
    id: &str,
    view: View,
) -> Result<wire::MemoryVersion, Failure> {
    stores::find(db, store)?;
    db.prepare_cached(&format!("{} WHERE v.id = ?1 AND v.store = ?2", columns(view)))?
        .query_row([id, store.as_str()], version_of)
        .optional()?
        .ok_or_else(|| {
            let message = format!("there is no memory version `{id}` in memory store `{store}`");
            Failure::refused(Refusal::NotFound, message)
        })
}

/// Returns versions of a store, newest first, each with its place in the order.
fn page(
    db: &Connection,
    store: &MemoryStoreId,
    filter: &VersionFilter,
    before: Option<i64>,
    limit: usize,
    view: View,
) -> Result<Vec<(i64, wire::MemoryVersion)>, Failure> {
    stores::find(db, store)?;
    let mut sql = format!("{} WHERE v.store = ?", columns(view));
    let mut values = vec![Value::from(store.as_str().to_owned())];
    let mut only = |clause: &str, value: Option<Value>| {
        if let Some(value) = value {
            sql.push_str(clause);
            values.push(value);
        }
    };
    let text = |text: &Option<String>| text.clone().map(Value::from);
    only(" AND v.memory = ?", text(&filter.memory));
    only(" AND v.operation = ?", text(&filter.operation));
    only(" AND v.actor ->> 'session_id' = ?", text(&filter.session));
    only(" AND v.actor ->> 'api_key_id' = ?", text(&filter.api_key));
    only(" AND v.actor ->> 'service_account_id' = ?", text(&filter.service_account));
    only(" AND v.created_at >= ?", filter.from.map(|at| Value::from(stores::micros_up(at))));
    only(" AND v.created_at <= ?", filter.until.map(|at| Value::from(at.as_microsecond())));
    only(" AND v.seq < ?", before.map(Value::from));
    only(" ORDER BY v.seq DESC LIMIT ?", Some(Value::from(as_column(limit as u64))));
    let mut select = db.prepare_cached(&sql)?;
    let rows = select.query_map(params_from_iter(values), |row| Ok((row.get(0)?, version_of(row)?)))?;
    let versions = rows.collect::<Result<_, _>>()?;
    Ok(versions)
}

/// Blanks what a version held. A repeated redaction changes nothing.
fn redact(db: &Connection, store: &MemoryStoreId, id: &str, mark: &Mark) -> Result<(), Failure> {
    let version = find(db, store, id, View::Basic)?;
    if version.redacted_at.is_some() {
        return Ok(());
    }
    let is_head: bool = db
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM memories WHERE id = ?1 AND version = ?2)")?
        .query_row([version.memory_id.as_str(), id], |row| row.get(0))?;
    if is_head {
        let message = format!(
            "memory_version_id: `{id}` is what memory `{}` holds now; write a new version or delete the memory first",
            version.memory_id
        );
        return Err(Failure::refused(Refusal::Invalid, message));
    }
    db.prepare_cached(
        "UPDATE versions SET path = '', hash = NULL, redacted_at = ?2, redacted_by = ?3 WHERE id = ?1",
    )?
    .execute(params![id, mark.at.as_microsecond(), mark.by])?;
    sweep(db, &version.content_sha256.into_iter().collect())
}

/// Returns the contents that rows name.
pub(super) fn named_by(db: &Connection, sql: &str, key: &str) -> Result<BTreeSet<String>, Failure> {
    let mut select = db.prepare_cached(sql)?;
    let hashes = select.query_map([key], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(hashes)
}

/// Removes those of some contents that nothing names any more.
pub(super) fn sweep(db: &Connection, hashes: &BTreeSet<String>) -> Result<(), Failure> {
    let mut remove = db.prepare_cached(
        "DELETE FROM contents WHERE hash = ?1
         AND NOT EXISTS (SELECT 1 FROM memories WHERE hash = ?1)
         AND NOT EXISTS (SELECT 1 FROM versions WHERE hash = ?1)
         AND NOT EXISTS (SELECT 1 FROM dream_memories WHERE hash = ?1)",
    )?;
    for hash in hashes {
        remove.execute([hash])?;
    }
    Ok(())
}

impl LocalBackend {
    /// Returns versions of a store, newest first, each with what to give as `before` to go on after it.
    pub(crate) fn memory_versions(
        &self,
        store: &MemoryStoreId,
        filter: &VersionFilter,
        before: Option<i64>,
        limit: usize,
        view: View,
    ) -> Result<Vec<(i64, wire::MemoryVersion)>, LocalError> {
        self.shared.database.read(|db| page(db, store, filter, before, limit, view))
    }

    /// Returns a version.
    pub(crate) fn memory_version(
        &self,
        store: &MemoryStoreId,
        id: &str,
        view: View,
    ) -> Result<wire::MemoryVersion, LocalError> {
        self.shared.database.read(|db| find(db, store, id, view))
    }

    /// Blanks what a version held, unless its memory holds it still.
    pub(crate) fn redact_version(
        &self,
        store: &MemoryStoreId,
        id: &str,
        actor: &Actor,
    ) -> Result<wire::MemoryVersion, LocalError> {
        let mark = Mark::of(self.shared.now(), actor);
        self.shared.database.write(|db| {
            redact(db, store, id, &mark)?;
            find(db, store, id, View::Full)
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::memory::MemoryPath;

    use super::super::database::Database;
    use super::*;

    #[test]
    fn a_redacted_text_is_nowhere_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("local.db");
        let database = Database::open(&path).unwrap();
        let mark = Mark::unsigned(Timestamp::UNIX_EPOCH);
        let secret = "hunter2-was-the-password ";
        let store = database
            .write(|db| {
                let store = stores::create(db, "notes", mark.at)?.id;
                let put = |at: &str, content: &str| {
                    let memory = Memory::new(MemoryPath::parse(at).unwrap(), content);
                    memories::put(db, &store, &memory, &mark)
                };
                // One that fits into a page, and one that has pages of its own.
                put("/short", secret)?;
                put("/long", &secret.repeat(1_000))?;
                put("/short", "safe")?;
                put("/long", "safe")?;
                Ok(store)
            })
            .unwrap();
        let holds = || std::fs::read(&path).unwrap().windows(secret.len()).any(|at| at == secret.as_bytes());
        let all = database.read(|db| page(db, &store, &VersionFilter::default(), None, 9, View::Basic));
        database
            .write(|db| {
                for (_, version) in all.unwrap().iter().filter(|(_, v)| v.operation == "created") {
                    redact(db, &store, &version.id, &mark)?;
                    redact(db, &store, &version.id, &mark)?;
                }
                Ok(())
            })
            .unwrap();
        // Closing folds the log into the file.
        drop(database);
        assert!(!holds());
    }
}
