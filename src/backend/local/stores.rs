//! Memory stores in the database: their rows, and what the API shows of them.
//!
//! Functions over an open transaction; who calls decides what is atomic.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use crate::backend::tags::{ListedStore, StoreTags};
use crate::backend::wire::{self, CreateStore, Object, UpdateStore};
use crate::backend::{MemoryStore, Refusal};
use crate::ids::MemoryStoreId;

use super::database::{as_column, parsed, time, time_opt};
use super::error::{Failure, LocalError};
use super::versions::{named_by, sweep};
use super::{LocalBackend, dreams, metadata, mint};

/// The longest name of a store, in characters (Managed Agents API).
const NAME_LIMIT: usize = 255;
/// The longest description of a store, in characters (Managed Agents API).
const DESCRIPTION_LIMIT: usize = 1_024;
/// The most memories of a store that callers of the API may make (Managed Agents API). Imports and dreams
/// are not held to it.
const MEMORIES_LIMIT: i64 = 10_000;

const STORE: &str = "SELECT id, name, created_at, archived_at FROM stores";

/// Which stores a listing is about, and where it goes on.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoreFilter {
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
    pub(crate) includes_archived: bool,
    /// When the store was made that the last page ended with, in microseconds, and its id.
    pub(crate) before: Option<(i64, String)>,
}

fn store_of(row: &Row) -> rusqlite::Result<MemoryStore> {
    Ok(MemoryStore {
        id: parsed(row, 0, MemoryStoreId::parse)?,
        name: row.get(1)?,
        created_at: time(row, 2)?,
        archived_at: time_opt(row, 3)?,
    })
}

/// Returns a store, or refuses as the API does for one that is not there.
pub(super) fn find(db: &Connection, id: &MemoryStoreId) -> Result<MemoryStore, Failure> {
    db.prepare_cached(&format!("{STORE} WHERE id = ?1"))?
        .query_row([id.as_str()], store_of)
        .optional()?
        .ok_or_else(|| Failure::refused(Refusal::NotFound, format!("there is no memory store `{id}`")))
}

/// Returns every store, oldest first.
pub(super) fn list(db: &Connection) -> Result<Vec<MemoryStore>, Failure> {
    let mut select = db.prepare_cached(&format!("{STORE} ORDER BY created_at, id"))?;
    let stores = select.query_map([], store_of)?.collect::<Result<_, _>>()?;
    Ok(stores)
}

/// Makes an empty store.
pub(super) fn create(db: &Connection, name: &str, now: Timestamp) -> Result<MemoryStore, Failure> {
    let id = make(db, &CreateStore { name: name.to_owned(), ..CreateStore::default() }, now)?;
    Ok(MemoryStore { id, name: name.to_owned(), created_at: now, archived_at: None })
}

/// Makes an empty store with everything a caller may say of it.
pub(super) fn make(db: &Connection, body: &CreateStore, now: Timestamp) -> Result<MemoryStoreId, Failure> {
    let id = mint::memory_store();
    make_as(db, &id, body, now)?;
    Ok(id)
}

/// As [`make`], with an id that was chosen for it.
pub(super) fn make_as(
    db: &Connection,
    id: &MemoryStoreId,
    body: &CreateStore,
    now: Timestamp,
) -> Result<(), Failure> {
    check_name(&body.name)?;
    let description = body.description.as_deref().unwrap_or_default();
    check_description(description)?;
    let pairs = body.metadata.clone().unwrap_or_default();
    metadata::check(&pairs)?;
    db.prepare_cached(
        "INSERT INTO stores (id, name, description, metadata, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
    )?
    .execute(params![id.as_str(), body.name, description, text_of(&pairs), now.as_microsecond()])?;
    Ok(())
}

/// Notes when what is said of a store last changed.
pub(super) fn set_updated_at(db: &Connection, id: &MemoryStoreId, at: Timestamp) -> Result<(), Failure> {
    db.prepare_cached("UPDATE stores SET updated_at = ?2 WHERE id = ?1")?
        .execute(params![id.as_str(), at.as_microsecond()])?;
    Ok(())
}

/// Archives a store, and says whether it was not archived before.
pub(super) fn archive(db: &Connection, id: &MemoryStoreId, now: Timestamp) -> Result<bool, Failure> {
    let sql = "UPDATE stores SET archived_at = ?2, updated_at = ?2 WHERE id = ?1 AND archived_at IS NULL";
    let archived = db.prepare_cached(sql)?.execute(params![id.as_str(), now.as_microsecond()])?;
    Ok(archived > 0)
}

fn check_name(name: &str) -> Result<(), Failure> {
    let length = name.chars().count();
    if length == 0 || length > NAME_LIMIT || name.chars().any(char::is_control) {
        let rule =
            format!("name: {length} characters, allowed are 1 to {NAME_LIMIT} without control characters");
        return Err(Failure::refused(Refusal::Invalid, rule));
    }
    Ok(())
}

fn check_description(description: &str) -> Result<(), Failure> {
    let length = description.chars().count();
    if length > DESCRIPTION_LIMIT {
        let rule = format!("description: {length} characters, allowed are {DESCRIPTION_LIMIT}");
        return Err(Failure::refused(Refusal::Invalid, rule));
    }
    Ok(())
}

/// Refuses to change what an archived store holds.
pub(super) fn check_writable(db: &Connection, id: &MemoryStoreId) -> Result<(), Failure> {
    match find(db, id)?.archived_at {
        Some(_) => Err(Failure::refused(Refusal::Invalid, format!("memory store `{id}` is archived"))),
        None => Ok(()),
    }
}

/// Refuses one memory more than a store may hold.
pub(super) fn check_room(db: &Connection, id: &MemoryStoreId) -> Result<(), Failure> {
    let memories: i64 = db
        .prepare_cached("SELECT memories FROM stores WHERE id = ?1")?
        .query_row([id.as_str()], |row| row.get(0))?;
    if memories >= MEMORIES_LIMIT {
        let rule = format!("memory store `{id}` holds {memories} memories, allowed are {MEMORIES_LIMIT}");
        return Err(Failure::refused(Refusal::Full, rule));
    }
    Ok(())
}

/// Returns the store that was imported under an origin, with the report of that import.
pub(super) fn imported(db: &Connection, origin: &str) -> Result<Option<(MemoryStoreId, String)>, Failure> {
    let found = db
        .prepare_cached("SELECT id, imported FROM stores WHERE origin = ?1 AND imported IS NOT NULL")?
        .query_row([origin], |row| Ok((parsed(row, 0, MemoryStoreId::parse)?, row.get(1)?)))
        .optional()?;
    Ok(found)
}

/// Notes what a store was imported from. No two stores have one origin.
pub(super) fn set_origin(
    db: &Connection,
    id: &MemoryStoreId,
    origin: &str,
    report: &str,
) -> Result<(), Failure> {
    db.prepare_cached("UPDATE stores SET origin = ?2, imported = ?3 WHERE id = ?1")?.execute([
        id.as_str(),
        origin,
        report,
    ])?;
    Ok(())
}

/// Deletes a store with its versions, and the contents nothing else names.
pub(super) fn remove(db: &Connection, id: &MemoryStoreId) -> Result<(), Failure> {
    let hashes =
        named_by(db, "SELECT hash FROM versions WHERE store = ?1 AND hash IS NOT NULL", id.as_str())?;
    db.execute("DELETE FROM stores WHERE id = ?1", [id.as_str()])?;
    sweep(db, &hashes)
}

const SHOWN: &str = "SELECT id, name, description, metadata, created_at, coalesce(updated_at, created_at),
    archived_at FROM stores";

fn shown_of(row: &Row) -> rusqlite::Result<wire::MemoryStore> {
    Ok(wire::MemoryStore {
        id: row.get(0)?,
        kind: "memory_store".to_owned(),
        name: row.get(1)?,
        description: row.get(2)?,
        metadata: parsed(row, 3, |text| serde_json::from_str(&text))?,
        created_at: time(row, 4)?,
        updated_at: time(row, 5)?,
        archived_at: time_opt(row, 6)?,
    })
}

fn text_of(metadata: &Object) -> String {
    serde_json::to_string(metadata).unwrap_or_default()
}

/// Returns a store as the API shows it.
pub(super) fn shown(db: &Connection, id: &MemoryStoreId) -> Result<wire::MemoryStore, Failure> {
    let store = db
        .prepare_cached(&format!("{SHOWN} WHERE id = ?1"))?
        .query_row([id.as_str()], shown_of)
        .optional()?;
    store.ok_or_else(|| Failure::refused(Refusal::NotFound, format!("there is no memory store `{id}`")))
}

/// Rounds up to what the database keeps: what is of the same microsecond but before is not meant.
pub(super) fn micros_up(at: Timestamp) -> i64 {
    at.as_microsecond() + i64::from(at.as_nanosecond().rem_euclid(1_000) > 0)
}

/// Returns stores, newest first.
fn page(db: &Connection, filter: &StoreFilter, limit: usize) -> Result<Vec<wire::MemoryStore>, Failure> {
    let mut sql = format!("{SHOWN} WHERE TRUE");
    let mut values = Vec::new();
    if !filter.includes_archived {
        sql.push_str(" AND archived_at IS NULL");
    }
    if let Some(from) = filter.from {
        sql.push_str(" AND created_at >= ?");
        values.push(Value::from(micros_up(from)));
    }
    if let Some(until) = filter.until {
        sql.push_str(" AND created_at <= ?");
        values.push(Value::from(until.as_microsecond()));
    }
    if let Some((micros, id)) = &filter.before {
        sql.push_str(" AND (created_at, id) < (?, ?)");
        values.extend([Value::from(*micros), Value::from(id.clone())]);
    }
    sql.push_str(" ORDER BY created_at DESC, id DESC LIMIT ?");
    values.push(Value::from(as_column(limit as u64)));
    let mut select = db.prepare_cached(&sql)?;
    let stores = select.query_map(params_from_iter(values), shown_of)?.collect::<Result<_, _>>()?;
    Ok(stores)
}

/// Returns every store with its tags, newest first.
pub(super) fn listed(db: &Connection) -> Result<Vec<ListedStore>, Failure> {
    let mut select = db.prepare_cached(&format!("{SHOWN} ORDER BY created_at DESC, id DESC"))?;
    let listed = select.query_map([], |row| {
        let shown = shown_of(row)?;
        let id = parsed(row, 0, MemoryStoreId::parse)?;
        let tags = StoreTags::read(&id, &shown.metadata);
        let (name, created_at, archived_at) = (shown.name, shown.created_at, shown.archived_at);
        Ok(ListedStore { store: MemoryStore { id, name, created_at, archived_at }, tags })
    })?;
    Ok(listed.collect::<Result<_, _>>()?)
}

/// Changes what is said of a store.
pub(super) fn update(
    db: &Connection,
    id: &MemoryStoreId,
    body: &UpdateStore,
    now: Timestamp,
) -> Result<(), Failure> {
    let before = shown(db, id)?;
    check_writable(db, id)?;
    let mut after = before.clone();
    if let Some(name) = &body.name {
        check_name(name)?;
        after.name.clone_from(name);
    }
    if let Some(description) = &body.description {
        check_description(description)?;
        after.description.clone_from(description);
    }
    if let Some(patch) = &body.metadata {
        metadata::patch(&mut after.metadata, &patch.clone().into(), false)?;
    }
    if after == before {
        return Ok(());
    }
    db.prepare_cached(
        "UPDATE stores SET name = ?2, description = ?3, metadata = ?4, updated_at = ?5 WHERE id = ?1",
    )?
    .execute(params![
        id.as_str(),
        after.name,
        after.description,
        text_of(&after.metadata),
        now.as_microsecond()
    ])?;
    Ok(())
}

impl LocalBackend {
    /// Makes an empty store.
    pub(crate) fn make_store(&self, body: &CreateStore) -> Result<wire::MemoryStore, LocalError> {
        let now = self.shared.now();
        self.shared.database.write(|db| {
            let id = make(db, body, now)?;
            shown(db, &id)
        })
    }

    /// Returns a store, archived or not.
    pub(crate) fn memory_store(&self, id: &MemoryStoreId) -> Result<wire::MemoryStore, LocalError> {
        self.shared.database.read(|db| shown(db, id))
    }

    /// Returns stores, newest first.
    pub(crate) fn memory_stores(
        &self,
        filter: &StoreFilter,
        limit: usize,
    ) -> Result<Vec<wire::MemoryStore>, LocalError> {
        self.shared.database.read(|db| page(db, filter, limit))
    }

    /// Changes what is said of a store.
    pub(crate) fn update_store(
        &self,
        id: &MemoryStoreId,
        body: &UpdateStore,
    ) -> Result<wire::MemoryStore, LocalError> {
        let now = self.shared.now();
        self.shared.database.write(|db| {
            update(db, id, body, now)?;
            shown(db, id)
        })
    }

    /// Archives a store, which fails the dreams that are reading it. One that is archived stays as it is.
    pub(crate) fn archive_store(&self, id: &MemoryStoreId) -> Result<wire::MemoryStore, LocalError> {
        let now = self.shared.now();
        let (store, readers) = self.shared.database.write(|db| {
            let readers = match archive(db, id, now)? {
                true => dreams::fail_readers(db, id, "archived", now)?,
                false => Vec::new(),
            };
            Ok((shown(db, id)?, readers))
        })?;
        self.shared.ended(&readers);
        Ok(store)
    }

    /// Deletes a store with all its memories and versions, which fails the dreams that are reading it.
    pub(crate) fn remove_store(&self, id: &MemoryStoreId) -> Result<(), LocalError> {
        self.shared.database.read(|db| find(db, id))?;
        self.shared.delete_store(id)
    }
}
