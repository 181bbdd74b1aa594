//! Memories in the database: what they hold now, and the one way in which that changes.
//!
//! Functions over an open transaction; who calls decides what is atomic.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::backend::Refusal;
use crate::backend::wire::{self, Actor, ListedMemory, MemoryPrefix, Precondition};
use crate::ids::{MemoryStoreId, MemoryVersionId};
use crate::memory::{ContentHash, MEMORY_BYTES_LIMIT, Memory, MemoryPath, MemoryWrite};
use crate::snapshot::{IndexEntry, Snapshot, SnapshotIndex};

use super::LocalBackend;
use super::database::{as_column, count, parsed, parsed_opt, time, time_opt};
use super::error::{Failure, LocalError};
use super::versions::{self, Mark, Operation};
use super::{mint, stores};

/// How much of a memory is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// All but its content.
    Basic,
    /// All of it.
    Full,
}

impl View {
    /// Returns what to select as the content.
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::Basic => "NULL",
            Self::Full => "c.content",
        }
    }
}

/// Which memories a listing is about, and where it goes on.
#[derive(Debug, Clone)]
pub(crate) struct MemoryFilter {
    /// The folder, with a slash at its end; `/` for all.
    pub(crate) prefix: String,
    /// Whether what lies in folders of the folder is told as those folders.
    pub(crate) is_folded: bool,
    /// The path that the last page ended with.
    pub(crate) after: Option<String>,
}

/// Returns all a store holds.
pub(super) fn snapshot(db: &Connection, id: &MemoryStoreId) -> Result<Snapshot, Failure> {
    stores::find(db, id)?;
    let sql = "SELECT m.path, c.content, m.hash, m.version, m.updated_at
               FROM memories m JOIN contents c USING (hash) WHERE m.store = ?1";
    let mut select = db.prepare_cached(sql)?;
    let memories = select.query_map([id.as_str()], memory_of)?.collect::<Result<_, _>>()?;
    Ok(memories)
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

/// Returns what a store holds, without the text.
pub(super) fn index(db: &Connection, id: &MemoryStoreId) -> Result<SnapshotIndex, Failure> {
    stores::find(db, id)?;
    let sql = "SELECT m.path, m.hash, octet_length(c.content), m.version
               FROM memories m JOIN contents c USING (hash) WHERE m.store = ?1";
    indexed(db, sql, params![id.as_str()])
}

/// Reads rows of path, hash, size and version.
pub(super) fn indexed(
    db: &Connection,
    sql: &str,
    with: impl rusqlite::Params,
) -> Result<SnapshotIndex, Failure> {
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

/// A memory's place in the database.
struct Held {
    id: String,
    path: String,
    hash: String,
}

fn held_of(row: &Row) -> rusqlite::Result<Held> {
    Ok(Held { id: row.get(0)?, path: row.get(1)?, hash: row.get(2)? })
}

fn held_at(db: &Connection, store: &MemoryStoreId, path: &str) -> Result<Option<Held>, Failure> {
    let held = db
        .prepare_cached("SELECT id, path, hash FROM memories WHERE store = ?1 AND path = ?2")?
        .query_row([store.as_str(), path], held_of)
        .optional()?;
    Ok(held)
}

fn held(db: &Connection, store: &MemoryStoreId, id: &str) -> Result<Held, Failure> {
    db.prepare_cached("SELECT id, path, hash FROM memories WHERE id = ?1 AND store = ?2")?
        .query_row([id, store.as_str()], held_of)
        .optional()?
        .ok_or_else(|| nowhere(store, id))
}

fn nowhere(store: &MemoryStoreId, id: &str) -> Failure {
    Failure::refused(Refusal::NotFound, format!("there is no memory `{id}` in memory store `{store}`"))
}

/// Performs one write, if what it expects is there.
pub(super) fn write(
    db: &Connection,
    id: &MemoryStoreId,
    write: &MemoryWrite,
    mark: &Mark,
) -> Result<(), Failure> {
    let path = write.path();
    let current = held_at(db, id, path.as_str())?.map(|held| held.hash);
    let moved = |expected: Option<&ContentHash>| {
        let expected = expected.map_or_else(|| "nothing".to_owned(), ContentHash::short);
        let current = current.as_deref().map_or("nothing", |hash| hash.get(..12).unwrap_or(hash));
        let message = format!("`{path}` holds {current}, expected was {expected}");
        Failure::refused(Refusal::Conflict, message)
    };
    match write {
        MemoryWrite::Put { content, expected, .. } => {
            let memory =
                Memory { updated_at: Some(mark.at), ..Memory::new(path.clone(), Arc::clone(content)) };
            if current == Some(memory.hash.to_string()) {
                return Ok(());
            }
            if current != expected.map(|hash| hash.to_string()) {
                return Err(moved(expected.as_ref()));
            }
            put(db, id, &memory, mark)
        }
        MemoryWrite::Delete { expected, .. } => match &current {
            None => Ok(()),
            Some(hash) if *hash == expected.to_string() => delete(db, id, path, mark),
            Some(_) => Err(moved(Some(expected))),
        },
    }
}

/// Puts a memory at its path, over whatever is there.
pub(super) fn put(
    db: &Connection,
    store: &MemoryStoreId,
    memory: &Memory,
    mark: &Mark,
) -> Result<(), Failure> {
    let path = memory.path.as_str();
    if memory.content.len() > MEMORY_BYTES_LIMIT {
        let rule = format!("`{path}`: {} bytes, allowed are {MEMORY_BYTES_LIMIT}", memory.content.len());
        return Err(Failure::refused(Refusal::Invalid, rule));
    }
    let hash = memory.hash.to_string();
    match held_at(db, store, path)? {
        Some(held) => {
            let held = Held { hash, ..held };
            change(db, store, &held, &memory.content, memory.updated_at, mark)
        }
        None => add(db, store, (path, &hash), &memory.content, memory.updated_at, mark).map(drop),
    }
}

/// Makes a memory where nothing is in its way, and returns its id.
fn add(
    db: &Connection,
    store: &MemoryStoreId,
    (path, hash): (&str, &str),
    content: &str,
    updated_at: Option<Timestamp>,
    mark: &Mark,
) -> Result<String, Failure> {
    refuse_neighbours(db, store, path, "")?;
    keep(db, hash, content)?;
    enter(db, store, (path, hash), updated_at, mark)
}

/// Makes memories in a store that holds none. Their contents are kept already, and no two are in each
/// other's way.
pub(super) fn fill(
    db: &Connection,
    store: &MemoryStoreId,
    memories: impl IntoIterator<Item = (String, String, Option<Timestamp>)>,
    mark: &Mark,
) -> Result<(), Failure> {
    for (path, hash, updated_at) in memories {
        enter(db, store, (&path, &hash), updated_at, mark)?;
    }
    Ok(())
}

fn enter(
    db: &Connection,
    store: &MemoryStoreId,
    (path, hash): (&str, &str),
    updated_at: Option<Timestamp>,
    mark: &Mark,
) -> Result<String, Failure> {
    let id = mint::memory();
    enter_as(db, store, (&id, &mint::memory_version()), (path, hash), updated_at, mark)?;
    Ok(id)
}

/// As [`enter`], with ids that were chosen for the memory and its version.
fn enter_as(
    db: &Connection,
    store: &MemoryStoreId,
    (id, version): (&str, &MemoryVersionId),
    (path, hash): (&str, &str),
    updated_at: Option<Timestamp>,
    mark: &Mark,
) -> Result<(), Failure> {
    versions::add_as(db, version, store, (id, path), Operation::Created, Some(hash), mark)?;
    // What an imported file says of its age may be older than its import.
    let created_at = updated_at.map_or(mark.at, |at| at.min(mark.at));
    db.prepare_cached(
        "INSERT INTO memories (store, path, id, version, hash, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        store.as_str(),
        path,
        id,
        version.as_str(),
        hash,
        created_at.as_microsecond(),
        updated_at.map(Timestamp::as_microsecond)
    ])?;
    Ok(())
}

/// Makes a memory as a caller of the API does, with ids that were chosen for it and its version.
pub(super) fn plant(
    db: &Connection,
    store: &MemoryStoreId,
    (id, version): (&str, &MemoryVersionId),
    body: &wire::CreateMemory,
    mark: &Mark,
) -> Result<(), Failure> {
    check_path(&body.path)?;
    check_size(&body.content)?;
    stores::check_room(db, store)?;
    if db.prepare_cached("SELECT 1 FROM memories WHERE id = ?1")?.exists([id])? {
        return Err(Failure::refused(Refusal::Invalid, format!("id: there is a memory `{id}` already")));
    }
    let hash = ContentHash::of(body.content.as_bytes()).to_string();
    refuse_neighbours(db, store, &body.path, "")?;
    keep(db, &hash, &body.content)?;
    enter_as(db, store, (id, version), (&body.path, &hash), Some(mark.at), mark)
}

/// Makes a memory that is there hold other content, or sit elsewhere.
fn change(
    db: &Connection,
    store: &MemoryStoreId,
    held: &Held,
    content: &str,
    updated_at: Option<Timestamp>,
    mark: &Mark,
) -> Result<(), Failure> {
    keep(db, &held.hash, content)?;
    settle(db, store, held, updated_at, mark)
}

/// Makes a memory that is there name a content that is kept already.
fn settle(
    db: &Connection,
    store: &MemoryStoreId,
    held: &Held,
    updated_at: Option<Timestamp>,
    mark: &Mark,
) -> Result<(), Failure> {
    let version =
        versions::add(db, store, (&held.id, &held.path), Operation::Modified, Some(&held.hash), mark)?;
    db.prepare_cached(
        "UPDATE memories SET path = ?2, version = ?3, hash = ?4, updated_at = ?5 WHERE id = ?1",
    )?
    .execute(params![
        held.id,
        held.path,
        version.as_str(),
        held.hash,
        updated_at.map(Timestamp::as_microsecond)
    ])?;
    Ok(())
}

/// Keeps a content under its hash.
fn keep(db: &Connection, hash: &str, content: &str) -> Result<(), Failure> {
    db.prepare_cached("INSERT OR IGNORE INTO contents (hash, content) VALUES (?1, ?2)")?
        .execute([hash, content])?;
    Ok(())
}

/// Refuses a path that another memory than `own` has, is the folder of, or would be the folder of.
fn refuse_neighbours(db: &Connection, store: &MemoryStoreId, path: &str, own: &str) -> Result<(), Failure> {
    let found = |row: &Row| {
        Ok(Failure::PathTaken { wanted: path.to_owned(), path: row.get(0)?, memory: row.get(1)? })
    };
    let mut exact =
        db.prepare_cached("SELECT path, id FROM memories WHERE store = ?1 AND path = ?2 AND id <> ?3")?;
    let ends = path.match_indices('/').skip(1).map(|(end, _)| end).chain([path.len()]);
    for end in ends {
        let above = exact.query_row([store.as_str(), &path[..end], own], found).optional()?;
        if let Some(taken) = above {
            return Err(taken);
        }
    }
    // `0` follows `/` in ASCII, so the range holds exactly what lies below the path.
    let below = db
        .prepare_cached(
            "SELECT path, id FROM memories
             WHERE store = ?1 AND path > ?2 || '/' AND path < ?2 || '0' AND id <> ?3 LIMIT 1",
        )?
        .query_row([store.as_str(), path, own], found)
        .optional()?;
    below.map_or(Ok(()), Err)
}

/// Takes a memory away; one that is not there counts as gone.
pub(super) fn delete(
    db: &Connection,
    store: &MemoryStoreId,
    path: &MemoryPath,
    mark: &Mark,
) -> Result<(), Failure> {
    match held_at(db, store, path.as_str())? {
        Some(held) => take(db, store, &held, mark),
        None => Ok(()),
    }
}

fn take(db: &Connection, store: &MemoryStoreId, held: &Held, mark: &Mark) -> Result<(), Failure> {
    db.prepare_cached("DELETE FROM memories WHERE id = ?1")?.execute([&held.id])?;
    versions::add(db, store, (&held.id, &held.path), Operation::Deleted, None, mark)?;
    Ok(())
}

/// Makes one store hold what a snapshot does, given what it holds now. Memories that stay the same keep
/// their versions. Returns the bytes written.
pub(super) fn replace(
    db: &Connection,
    id: &MemoryStoreId,
    before: &Snapshot,
    after: &Snapshot,
    mark: &Mark,
) -> Result<u64, Failure> {
    // Deletions first: a new memory may need the place that an old one's folder took.
    for old in before.iter().filter(|old| after.get(&old.path).is_none()) {
        delete(db, id, &old.path, mark)?;
    }
    let mut bytes = 0;
    for new in after.iter() {
        if before.get(&new.path).is_some_and(|old| old.content == new.content) {
            continue;
        }
        let mut memory = new.clone();
        memory.updated_at = Some(new.updated_at.unwrap_or(mark.at));
        put(db, id, &memory, mark)?;
        bytes += memory.content.len() as u64;
    }
    Ok(bytes)
}

const MEMORY: &str = "SELECT m.id, m.store, m.path, m.hash, octet_length(c.content), m.version,
    coalesce(m.created_at, m.updated_at, 0), coalesce(m.updated_at, m.created_at, 0)";

/// Reads the columns of [`MEMORY`] and one for the content.
fn shown_of(row: &Row) -> rusqlite::Result<wire::Memory> {
    Ok(wire::Memory {
        id: row.get(0)?,
        kind: "memory".to_owned(),
        memory_store_id: row.get(1)?,
        path: row.get(2)?,
        content_sha256: row.get(3)?,
        content_size_bytes: count(row, 4)?,
        memory_version_id: row.get(5)?,
        created_at: time(row, 6)?,
        updated_at: time(row, 7)?,
        content: row.get(8)?,
    })
}

/// Returns a memory as the API shows it.
fn shown(db: &Connection, store: &MemoryStoreId, id: &str, view: View) -> Result<wire::Memory, Failure> {
    let content = view.column();
    let sql = format!(
        "{MEMORY}, {content} FROM memories m JOIN contents c USING (hash) WHERE m.id = ?1 AND m.store = ?2"
    );
    db.prepare_cached(&sql)?
        .query_row([id, store.as_str()], shown_of)
        .optional()?
        .ok_or_else(|| nowhere(store, id))
}

/// Returns what follows in a listing, in the order of the bytes of paths. Reads no more than it returns,
/// however much lies in the folders it passes.
fn page(
    db: &Connection,
    store: &MemoryStoreId,
    filter: &MemoryFilter,
    limit: usize,
    view: View,
) -> Result<Vec<ListedMemory>, Failure> {
    stores::find(db, store)?;
    let prefix = filter.prefix.as_str();
    let end = past(prefix);
    let mut from = match filter.after.as_deref() {
        Some(folder) if folder.ends_with('/') => past(folder),
        // The first text after a path.
        Some(path) => format!("{path}\0"),
        None => prefix.to_owned(),
    };
    let content = view.column();
    let sql = format!(
        "{MEMORY}, {content} FROM memories m JOIN contents c USING (hash)
         WHERE m.store = ?1 AND m.path >= ?2 AND m.path < ?3 ORDER BY m.path LIMIT ?4"
    );
    let mut select = db.prepare_cached(&sql)?;
    let mut listed: Vec<ListedMemory> = Vec::new();
    'folder: while listed.len() < limit {
        let left = as_column((limit - listed.len()) as u64);
        let mut rows = select.query(params![store.as_str(), from, end, left])?;
        while let Some(row) = rows.next()? {
            let path = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
            let below = path.get(prefix.len()..).unwrap_or_default();
            if let Some(slash) = below.find('/').filter(|_| filter.is_folded) {
                let folder = path[..=prefix.len() + slash].to_owned();
                from = past(&folder);
                listed.push(ListedMemory::Prefix(MemoryPrefix {
                    kind: "memory_prefix".to_owned(),
                    path: folder,
                }));
                continue 'folder;
            }
            listed.push(ListedMemory::Memory(Box::new(shown_of(row)?)));
        }
        break;
    }
    Ok(listed)
}

/// Returns the first text after everything in a folder: `0` follows `/` in ASCII.
fn past(folder: &str) -> String {
    format!("{}0", folder.strip_suffix('/').unwrap_or(folder))
}

/// Checks the size of a content that a caller of the API sent.
fn check_size(content: &str) -> Result<(), Failure> {
    let bytes = content.len();
    if bytes > MEMORY_BYTES_LIMIT {
        let rule =
            format!("content: request validation failed: {bytes} bytes, allowed are {MEMORY_BYTES_LIMIT}");
        return Err(Failure::refused(Refusal::Invalid, rule));
    }
    Ok(())
}

fn check_path(path: &str) -> Result<(), Failure> {
    match MemoryPath::parse(path) {
        Ok(_) => Ok(()),
        Err(rule) => Err(Failure::refused(Refusal::Invalid, format!("path: {rule}"))),
    }
}

fn check_hash(field: &str, hash: &str) -> Result<(), Failure> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if hash.len() == 64 && hash.bytes().all(is_digit) {
        return Ok(());
    }
    Err(Failure::refused(Refusal::Invalid, format!("{field}: must be 64 lower-case hex digits")))
}

fn stale(held: &Held, expected: &str) -> Failure {
    let message = format!("memory `{}` holds {}, expected was {expected}", held.id, held.hash);
    Failure::HashDiffers { message }
}

fn create(
    db: &Connection,
    store: &MemoryStoreId,
    body: &wire::CreateMemory,
    mark: &Mark,
) -> Result<String, Failure> {
    stores::check_writable(db, store)?;
    stores::check_room(db, store)?;
    let hash = ContentHash::of(body.content.as_bytes()).to_string();
    add(db, store, (&body.path, &hash), &body.content, Some(mark.at), mark)
}

fn update(
    db: &Connection,
    store: &MemoryStoreId,
    id: &str,
    body: &wire::UpdateMemory,
    mark: &Mark,
) -> Result<(), Failure> {
    stores::check_writable(db, store)?;
    let now = held(db, store, id)?;
    let next = Held {
        id: now.id.clone(),
        path: body.path.clone().unwrap_or_else(|| now.path.clone()),
        hash: match &body.content {
            Some(content) => ContentHash::of(content.as_bytes()).to_string(),
            None => now.hash.clone(),
        },
    };
    // What is already so needs no expectation.
    if next.path == now.path && next.hash == now.hash {
        return Ok(());
    }
    if let Some(Precondition::ContentSha256 { content_sha256 }) = &body.precondition
        && *content_sha256 != now.hash
    {
        return Err(stale(&now, content_sha256));
    }
    if next.path != now.path {
        refuse_neighbours(db, store, &next.path, id)?;
    }
    match &body.content {
        Some(content) => change(db, store, &next, content, Some(mark.at), mark),
        None => settle(db, store, &next, Some(mark.at), mark),
    }
}

impl LocalBackend {
    /// Makes a memory, if nothing is in its way.
    pub(crate) fn create_memory(
        &self,
        store: &MemoryStoreId,
        body: &wire::CreateMemory,
        view: View,
        actor: &Actor,
    ) -> Result<wire::Memory, LocalError> {
        let mark = Mark::of(self.shared.now(), actor);
        self.shared.database.write(|db| {
            stores::find(db, store)?;
            check_path(&body.path)?;
            check_size(&body.content)?;
            let id = create(db, store, body, &mark)?;
            shown(db, store, &id, view)
        })
    }

    /// Returns a memory.
    pub(crate) fn memory(
        &self,
        store: &MemoryStoreId,
        id: &str,
        view: View,
    ) -> Result<wire::Memory, LocalError> {
        self.shared.database.read(|db| shown(db, store, id, view))
    }

    /// Changes the content or the path of a memory, or both.
    pub(crate) fn update_memory(
        &self,
        store: &MemoryStoreId,
        id: &str,
        body: &wire::UpdateMemory,
        view: View,
        actor: &Actor,
    ) -> Result<wire::Memory, LocalError> {
        let mark = Mark::of(self.shared.now(), actor);
        self.shared.database.write(|db| {
            stores::find(db, store)?;
            if body.content.is_none() && body.path.is_none() {
                return Err(Failure::refused(Refusal::Invalid, "content: content or path is needed"));
            }
            body.path.as_deref().map_or(Ok(()), check_path)?;
            body.content.as_deref().map_or(Ok(()), check_size)?;
            if let Some(Precondition::ContentSha256 { content_sha256 }) = &body.precondition {
                check_hash("precondition.content_sha256", content_sha256)?;
            }
            update(db, store, id, body, &mark)?;
            shown(db, store, id, view)
        })
    }

    /// Takes a memory away, if it holds what is expected.
    pub(crate) fn delete_memory(
        &self,
        store: &MemoryStoreId,
        id: &str,
        expected: Option<&str>,
        actor: &Actor,
    ) -> Result<(), LocalError> {
        let mark = Mark::of(self.shared.now(), actor);
        self.shared.database.write(|db| {
            stores::find(db, store)?;
            expected.map_or(Ok(()), |hash| check_hash("expected_content_sha256", hash))?;
            let held = held(db, store, id)?;
            match expected.filter(|expected| *expected != held.hash) {
                Some(expected) => Err(stale(&held, expected)),
                None => take(db, store, &held, &mark),
            }
        })
    }

    /// Returns a part of a listing, in the order of the bytes of paths.
    pub(crate) fn memories(
        &self,
        store: &MemoryStoreId,
        filter: &MemoryFilter,
        limit: usize,
        view: View,
    ) -> Result<Vec<ListedMemory>, LocalError> {
        self.shared.database.read(|db| page(db, store, filter, limit, view))
    }
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
                let store = stores::create(db, "notes", now)?.id;
                for one in &writes {
                    let expected = model(&mut map, one);
                    assert_eq!(write(db, &store, one, &Mark::unsigned(now)).is_ok(), expected.is_ok(), "{one:?}");
                }
                snapshot(db, &store)
            }).unwrap();
            let held: BTreeMap<_, _> = held.iter().map(|m| (m.path.clone(), Arc::clone(&m.content))).collect();
            prop_assert_eq!(held, map);
        }
    }
}
