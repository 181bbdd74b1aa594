//! Memory stores in the database: stores, memories, and a version for every change to one.
//!
//! Functions over an open transaction; who calls decides what is atomic.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::backend::{MemoryStore, Refusal};
use crate::ids::{MemoryStoreId, MemoryVersionId};
use crate::memory::{ContentHash, MEMORY_BYTES_LIMIT, Memory, MemoryPath, MemoryWrite};
use crate::snapshot::{IndexEntry, Snapshot, SnapshotIndex};

use super::database::{count, parsed, parsed_opt, time, time_opt};
use super::error::Failure;
use super::mint;

/// The longest name of a store, in characters (Managed Agents API).
const NAME_LIMIT: usize = 255;

const STORE: &str = "SELECT id, name, created_at, archived_at FROM stores";

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
    let length = name.chars().count();
    if length == 0 || length > NAME_LIMIT || name.chars().any(char::is_control) {
        let rule =
            format!("name: {length} characters, allowed are 1 to {NAME_LIMIT} without control characters");
        return Err(Failure::refused(Refusal::Invalid, rule));
    }
    let store =
        MemoryStore { id: mint::memory_store(), name: name.to_owned(), created_at: now, archived_at: None };
    db.prepare_cached("INSERT INTO stores (id, name, created_at) VALUES (?1, ?2, ?3)")?.execute(params![
        store.id.as_str(),
        name,
        now.as_microsecond()
    ])?;
    Ok(store)
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

/// Returns all a store holds.
pub(super) fn snapshot(db: &Connection, id: &MemoryStoreId) -> Result<Snapshot, Failure> {
    find(db, id)?;
    let sql = "SELECT m.path, c.content, m.hash, m.version, m.updated_at
               FROM memories m JOIN contents c USING (hash) WHERE m.store = ?1";
    let mut select = db.prepare_cached(sql)?;
    let memories = select.query_map([id.as_str()], memory_of)?.collect::<Result<_, _>>()?;
    Ok(memories)
}

/// Returns what a store holds, without the text.
pub(super) fn index(db: &Connection, id: &MemoryStoreId) -> Result<SnapshotIndex, Failure> {
    find(db, id)?;
    let sql = "SELECT m.path, m.hash, octet_length(c.content), m.version
               FROM memories m JOIN contents c USING (hash) WHERE m.store = ?1";
    indexed(db, sql, params![id.as_str()])
}

/// Returns what a store held at a moment: of each memory the newest version until then, unless that one
/// took it away.
pub(super) fn index_at(db: &Connection, id: &MemoryStoreId, at: Timestamp) -> Result<SnapshotIndex, Failure> {
    find(db, id)?;
    let sql = "SELECT v.path, v.hash, octet_length(c.content), v.id
               FROM versions v JOIN contents c USING (hash)
               WHERE v.seq IN (SELECT max(seq) FROM versions
                               WHERE store = ?1 AND created_at <= ?2 GROUP BY memory)";
    indexed(db, sql, params![id.as_str(), at.as_microsecond()])
}

fn indexed(db: &Connection, sql: &str, with: impl rusqlite::Params) -> Result<SnapshotIndex, Failure> {
    let entry_of = |row: &Row| {
        let path = parsed(row, 0, |text| MemoryPath::parse(&text))?;
        let hash = parsed(row, 1, ContentHash::try_from)?;
        let entry =
            IndexEntry { hash, bytes: count(row, 2)?, version: parsed_opt(row, 3, MemoryVersionId::parse)? };
        Ok((path, entry))
    };
    let entries = db.prepare_cached(sql)?.query_map(with, entry_of)?.collect::<Result<_, _>>()?;
    Ok(SnapshotIndex { entries })
}

/// Reads a row of path, content, hash, version and time.
pub(super) fn memory_of(row: &Row) -> rusqlite::Result<Memory> {
    Ok(Memory {
        path: parsed(row, 0, |text| MemoryPath::parse(&text))?,
        content: Arc::from(row.get_ref(1)?.as_str()?),
        hash: parsed(row, 2, ContentHash::try_from)?,
        version: parsed_opt(row, 3, MemoryVersionId::parse)?,
        updated_at: time_opt(row, 4)?,
    })
}

/// Returns what a path of a store once held, if that is still kept.
pub(super) fn content(
    db: &Connection,
    id: &MemoryStoreId,
    path: &MemoryPath,
    hash: &ContentHash,
) -> Result<Option<Memory>, Failure> {
    let sql = "SELECT v.path, c.content, v.hash, v.id, v.created_at
               FROM versions v JOIN contents c USING (hash)
               WHERE v.store = ?1 AND v.path = ?2 AND v.hash = ?3 ORDER BY v.seq DESC LIMIT 1";
    let memory = db
        .prepare_cached(sql)?
        .query_row(params![id.as_str(), path.as_str(), hash.to_string()], memory_of)
        .optional()?;
    Ok(memory)
}

/// Performs one write, if what it expects is there.
pub(super) fn write(
    db: &Connection,
    id: &MemoryStoreId,
    write: &MemoryWrite,
    now: Timestamp,
) -> Result<(), Failure> {
    let path = write.path();
    let current = hash_at(db, id, path)?;
    match write {
        MemoryWrite::Put { content, expected, .. } => {
            let hash = ContentHash::of(content.as_bytes());
            if current == Some(hash) {
                return Ok(());
            }
            if current != *expected {
                return Err(moved(path, expected.as_ref(), current.as_ref()));
            }
            let mut memory = Memory::new(path.clone(), Arc::clone(content));
            memory.updated_at = Some(now);
            put(db, id, &memory, now)
        }
        MemoryWrite::Delete { expected, .. } => match current {
            None => Ok(()),
            Some(hash) if hash == *expected => delete(db, id, path, now),
            Some(_) => Err(moved(path, Some(expected), current.as_ref())),
        },
    }
}

fn moved(path: &MemoryPath, expected: Option<&ContentHash>, current: Option<&ContentHash>) -> Failure {
    let name = |hash: Option<&ContentHash>| hash.map_or_else(|| "nothing".to_owned(), ContentHash::short);
    let message = format!("`{path}` holds {}, expected was {}", name(current), name(expected));
    Failure::refused(Refusal::Conflict, message)
}

fn hash_at(db: &Connection, id: &MemoryStoreId, path: &MemoryPath) -> Result<Option<ContentHash>, Failure> {
    let hash = db
        .prepare_cached("SELECT hash FROM memories WHERE store = ?1 AND path = ?2")?
        .query_row([id.as_str(), path.as_str()], |row| parsed(row, 0, ContentHash::try_from))
        .optional()?;
    Ok(hash)
}

/// Puts a memory at its path, over whatever is there.
pub(super) fn put(
    db: &Connection,
    id: &MemoryStoreId,
    memory: &Memory,
    now: Timestamp,
) -> Result<(), Failure> {
    let path = memory.path.as_str();
    if memory.content.len() > MEMORY_BYTES_LIMIT {
        let rule = format!("`{path}`: {} bytes, allowed are {MEMORY_BYTES_LIMIT}", memory.content.len());
        return Err(Failure::refused(Refusal::Invalid, rule));
    }
    let existing: Option<String> = db
        .prepare_cached("SELECT id FROM memories WHERE store = ?1 AND path = ?2")?
        .query_row([id.as_str(), path], |row| row.get(0))
        .optional()?;
    if existing.is_none()
        && let Some(other) = neighbour(db, id, path)?
    {
        return Err(Failure::refused(Refusal::Conflict, format!("`{path}` cannot stand beside `{other}`")));
    }
    let (operation, memory_id) = match existing {
        Some(memory_id) => ("modified", memory_id),
        None => ("created", mint::memory()),
    };
    let hash = ContentHash::of(memory.content.as_bytes()).to_string();
    let version = mint::memory_version();
    let (version, now) = (version.as_str(), now.as_microsecond());
    db.prepare_cached("INSERT OR IGNORE INTO contents (hash, content) VALUES (?1, ?2)")?
        .execute([hash.as_str(), &*memory.content])?;
    db.prepare_cached(
        "INSERT INTO memories (store, path, id, version, hash, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET version = ?4, hash = ?5, updated_at = ?6",
    )?
    .execute(params![
        id.as_str(),
        path,
        memory_id,
        version,
        hash,
        memory.updated_at.map(Timestamp::as_microsecond)
    ])?;
    db.prepare_cached(
        "INSERT INTO versions (id, store, memory, path, operation, hash, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![version, id.as_str(), memory_id, path, operation, hash, now])?;
    Ok(())
}

/// Returns a memory that would be the path's folder, or that the path would be the folder of.
fn neighbour(db: &Connection, id: &MemoryStoreId, path: &str) -> Result<Option<String>, Failure> {
    let mut exact = db.prepare_cached("SELECT path FROM memories WHERE store = ?1 AND path = ?2")?;
    for (end, _) in path.match_indices('/').skip(1) {
        let above = exact.query_row([id.as_str(), &path[..end]], |row| row.get(0)).optional()?;
        if above.is_some() {
            return Ok(above);
        }
    }
    // `0` follows `/` in ASCII, so the range holds exactly what lies below the path.
    let below = db
        .prepare_cached(
            "SELECT path FROM memories WHERE store = ?1 AND path > ?2 || '/' AND path < ?2 || '0' LIMIT 1",
        )?
        .query_row([id.as_str(), path], |row| row.get(0))
        .optional()?;
    Ok(below)
}

/// Takes a memory away; one that is not there counts as gone.
pub(super) fn delete(
    db: &Connection,
    id: &MemoryStoreId,
    path: &MemoryPath,
    now: Timestamp,
) -> Result<(), Failure> {
    let memory: Option<String> = db
        .prepare_cached("DELETE FROM memories WHERE store = ?1 AND path = ?2 RETURNING id")?
        .query_row([id.as_str(), path.as_str()], |row| row.get(0))
        .optional()?;
    if let Some(memory) = memory {
        db.prepare_cached(
            "INSERT INTO versions (id, store, memory, path, operation, created_at)
             VALUES (?1, ?2, ?3, ?4, 'deleted', ?5)",
        )?
        .execute(params![
            mint::memory_version().as_str(),
            id.as_str(),
            memory,
            path.as_str(),
            now.as_microsecond()
        ])?;
    }
    Ok(())
}

/// Makes one store hold what a snapshot does, given what it holds now. Memories that stay the same keep
/// their versions. Returns the bytes written.
pub(super) fn replace(
    db: &Connection,
    id: &MemoryStoreId,
    before: &Snapshot,
    after: &Snapshot,
    now: Timestamp,
) -> Result<u64, Failure> {
    // Deletions first: a new memory may need the place that an old one's folder took.
    for old in before.iter().filter(|old| after.get(&old.path).is_none()) {
        delete(db, id, &old.path, now)?;
    }
    let mut bytes = 0;
    for new in after.iter() {
        if before.get(&new.path).is_some_and(|old| old.content == new.content) {
            continue;
        }
        let mut memory = new.clone();
        memory.updated_at = Some(new.updated_at.unwrap_or(now));
        put(db, id, &memory, now)?;
        bytes += memory.content.len() as u64;
    }
    Ok(bytes)
}

/// Deletes a store with its versions, and the contents nothing else names.
pub(super) fn remove(db: &Connection, id: &MemoryStoreId) -> Result<(), Failure> {
    let hashes =
        named_by(db, "SELECT hash FROM versions WHERE store = ?1 AND hash IS NOT NULL", id.as_str())?;
    db.execute("DELETE FROM stores WHERE id = ?1", [id.as_str()])?;
    sweep(db, &hashes)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::database::Database;
    use super::*;

    fn writes() -> impl Strategy<Value = MemoryWrite> {
        let path = prop::sample::select(vec!["/a", "/a/b", "/a/b/c", "/a0", "/b", "/b/a"]);
        let text = prop::sample::select(vec!["", "x", "y"]);
        (path, text.clone(), prop::option::of(text)).prop_map(|(path, content, expected)| {
            let path = MemoryPath::parse(path).unwrap();
            let expected = expected.map(ContentHash::of);
            match expected {
                Some(expected) if content.is_empty() => MemoryWrite::Delete { path, expected },
                expected => MemoryWrite::Put { path, content: content.into(), expected },
            }
        })
    }

    /// Does to a map what a write does to a store.
    fn model(map: &mut BTreeMap<MemoryPath, Arc<str>>, write: &MemoryWrite) -> Result<(), ()> {
        let path = write.path();
        let current = map.get(path).map(|text| ContentHash::of(text.as_bytes()));
        match write {
            MemoryWrite::Put { content, expected, .. } => {
                if current == Some(ContentHash::of(content.as_bytes())) {
                    return Ok(());
                }
                let is_blocked = map.keys().any(|other| other != path && other.collides_with(path));
                if current != *expected || is_blocked {
                    return Err(());
                }
                map.insert(path.clone(), Arc::clone(content));
            }
            MemoryWrite::Delete { expected, .. } => match current {
                None => {}
                Some(hash) if hash == *expected => drop(map.remove(path)),
                Some(_) => return Err(()),
            },
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_store_does_what_a_map_with_expectations_does(writes in prop::collection::vec(writes(), 0..24)) {
            let folder = tempfile::tempdir().unwrap();
            let database = Database::open(&folder.path().join("local.db")).unwrap();
            let now = Timestamp::UNIX_EPOCH;
            let mut map = BTreeMap::new();
            let held = database.write(|db| {
                let store = create(db, "notes", now)?.id;
                for one in &writes {
                    let expected = model(&mut map, one);
                    assert_eq!(write(db, &store, one, now).is_ok(), expected.is_ok(), "{one:?}");
                }
                snapshot(db, &store)
            }).unwrap();
            let held: BTreeMap<_, _> = held.iter().map(|m| (m.path.clone(), Arc::clone(&m.content))).collect();
            prop_assert_eq!(held, map);
        }
    }
}
