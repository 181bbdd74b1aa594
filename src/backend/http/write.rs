//! Writes to a store: paths become ids, and each write names the hash it expects.
//!
//! A lost answer does no harm: the write is sent again, and one that had its effect already is recognised by
//! what is there.
//!
//! The API addresses a memory by an id that it keeps when it is renamed, and a rename leaves its hash as it
//! is. So each memory is looked at right before it is changed, and whatever was renamed in the moment between
//! is put back to what it held, under its new name.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::Method;
use serde_json::Value;

use super::HttpBackend;
use super::dreams::broken;
use super::outcome::{Failed, clean};
use super::page::Pages;
use super::request::{Call, Family};
use super::snapshot::{BASIC, FULL, Listing, path_of, versions_call};
use crate::backend::wire::{CreateMemory, Memory, MemoryVersion, Page, Precondition, UpdateMemory};
use crate::backend::{PastMemory, Refusal};
use crate::ids::{MemoryStoreId, MemoryVersionId};
use crate::memory::{ContentHash, MEMORY_BYTES_LIMIT, MemoryPath, MemoryWrite};

/// How often a write is tried that the server says is in conflict, though what is listed is not.
const TRIES: usize = 3;
/// What a version is called that says its memory is gone.
const DELETED: &str = "deleted";

/// What is to be done about a write, given what is there.
enum Need {
    Nothing,
    Create { content: Arc<str> },
    Update { id: String, content: Arc<str>, expected: ContentHash },
    Delete { id: String, expected: ContentHash },
}

impl HttpBackend {
    pub(super) async fn write_all(
        &self,
        store: &MemoryStoreId,
        writes: &[MemoryWrite],
    ) -> Result<(), Failed> {
        if writes.is_empty() {
            return Ok(());
        }
        let listing = self.listing(store).await?;
        let mut known = Known { listing, mine: Vec::new(), deleted: BTreeMap::new() };
        let mut written = Ok(());
        for write in writes {
            written = self.write_one(store, write, &mut known).await;
            if written.is_err() {
                break;
            }
        }
        let brought_back = self.bring_back(store, known.deleted, writes.len()).await;
        written.and(brought_back)
    }

    async fn write_one(
        &self,
        store: &MemoryStoreId,
        write: &MemoryWrite,
        known: &mut Known,
    ) -> Result<(), Failed> {
        let mut tries = 0;
        loop {
            let need = needed(write, known)?;
            let failed = match self.carry_out(store, write.path(), need, &mut known.deleted).await {
                Ok(None) if matches!(write, MemoryWrite::Put { .. }) => return Ok(()),
                Ok(now) => {
                    known.mine.push((write.path().clone(), now));
                    return Ok(());
                }
                Err(failed) => failed,
            };
            // What is there now decides.
            tries += 1;
            if !may_have_moved(&failed) {
                return Err(failed);
            }
            known.listing = self.listing(store).await?;
            known.mine.clear();
            if tries >= TRIES && !matches!(needed(write, known), Ok(Need::Nothing)) {
                return Err(failed);
            }
        }
    }

    /// Does what is to be done, and returns what is at the path then. What may have been deleted is added to
    /// `deleted`.
    async fn carry_out(
        &self,
        store: &MemoryStoreId,
        path: &MemoryPath,
        need: Need,
        deleted: &mut Deleted,
    ) -> Result<Option<(String, ContentHash)>, Failed> {
        let memories = ["memory_stores", store.as_str(), "memories"];
        match need {
            Need::Nothing => Ok(None),
            Need::Create { content } => {
                let body = CreateMemory { path: path.to_string(), content: content.to_string() };
                let call = Call::settle(Family::Memories, Method::POST, &memories).send(&body);
                let memory: Memory = self.api.ask(&call).await?;
                Ok(Some((memory.id.clone(), holds(store, path, &memory, &content)?)))
            }
            Need::Update { id, content, expected } => {
                let before = self.look_again(store, path, &id, expected).await?;
                let memory: Memory = self.api.ask(&update(store, &id, &content, expected)).await?;
                let hash = holds(store, path, &memory, &content)?;
                if !is_at(&memory, path) {
                    self.put_back(store, path, &memory, hash, &before).await?;
                    return Err(renamed(path, &memory.path));
                }
                Ok(Some((memory.id, hash)))
            }
            Need::Delete { id, expected } => {
                self.look_again(store, path, &id, expected).await?;
                let at = [memories[0], memories[1], memories[2], &id];
                let call = Call::settle(Family::Memories, Method::DELETE, &at)
                    .with("expected_content_sha256", expected.to_string());
                deleted.insert(id.clone(), (path.clone(), expected));
                let asked: Result<Value, Failed> = self.api.ask(&call).await;
                if asked.as_ref().is_err_and(|failed| matches!(failed.status(), Some(409 | 412))) {
                    deleted.remove(&id);
                }
                asked.map(|_| None)
            }
        }
    }

    /// Looks whether a memory is still where it was listed, and what it was.
    async fn look_again(
        &self,
        store: &MemoryStoreId,
        path: &MemoryPath,
        id: &str,
        expected: ContentHash,
    ) -> Result<Memory, Failed> {
        let at = ["memory_stores", store.as_str(), "memories", id];
        let memory: Memory = self.api.ask(&Call::get(Family::Memories, &at).with("view", "basic")).await?;
        if !is_at(&memory, path) {
            return Err(renamed(path, &memory.path));
        }
        if memory.content_sha256 != expected.to_string() {
            return Err(Failed::refused(Refusal::Conflict, format!("`{path}` was changed by somebody else")));
        }
        Ok(memory)
    }

    /// Gives a memory that was renamed in the moment of our write what it held before.
    async fn put_back(
        &self,
        store: &MemoryStoreId,
        path: &MemoryPath,
        memory: &Memory,
        written: ContentHash,
        before: &Memory,
    ) -> Result<(), Failed> {
        let now = clean(&memory.path, 200);
        tracing::warn!(%store, %path, now, "a memory was renamed while it was written, and is put back");
        let text = match MemoryVersionId::parse(before.memory_version_id.clone()) {
            Ok(version) => {
                let hash = ContentHash::try_from(before.content_sha256.clone()).unwrap_or(written);
                let past = PastMemory { path: path.clone(), hash, version: None };
                self.past(store, past, version).await?
            }
            Err(_) => None,
        };
        let Some(text) = text else {
            return Err(Failed::unusable(format!(
                "somebody renamed `{path}` of store `{store}` while it was written: `{now}` holds now what was \
                 meant for `{path}`, and what it held before is no longer kept"
            )));
        };
        match self.api.ask::<Value>(&update(store, &memory.id, &text.content, written)).await {
            Ok(_) => Ok(()),
            // Somebody has written there since, and means it.
            Err(failed) if may_have_moved(&failed) => Ok(()),
            Err(failed) => Err(failed),
        }
    }

    /// Creates again, under its new name, each memory that was renamed in the moment it was deleted in.
    async fn bring_back(&self, store: &MemoryStoreId, deleted: Deleted, writes: usize) -> Result<(), Failed> {
        let mut open = deleted;
        let mut found = Vec::new();
        // One more than our own writes fill, for those of others. Whatever lies further back is asked for alone.
        let mut pages = Pages::of(versions_call(store, BASIC));
        for _ in 0..=writes.div_ceil(BASIC) {
            if open.is_empty() {
                break;
            }
            let Some(page) = pages.next::<MemoryVersion>(&self.api).await? else { break };
            for version in page.into_iter().filter(|version| version.operation == DELETED) {
                if let Some(deleted) = open.remove(&version.memory_id) {
                    found.push((deleted, version));
                }
            }
        }
        for (memory, deleted) in open {
            let call = versions_call(store, 1).with("memory_id", memory).with("operation", DELETED);
            let page: Page<MemoryVersion> = self.api.ask(&call).await?;
            found.extend(page.data.into_iter().next().map(|version| (deleted, version)));
        }
        for ((path, hash), version) in found {
            if let Some(at) = version.path.as_deref().filter(|&at| at != path.as_str()) {
                self.create_again(store, &path, hash, &version.memory_id, at).await?;
            }
        }
        Ok(())
    }

    async fn create_again(
        &self,
        store: &MemoryStoreId,
        path: &MemoryPath,
        hash: ContentHash,
        memory: &str,
        at: &str,
    ) -> Result<(), Failed> {
        let at = path_of(store, at)?;
        tracing::warn!(%store, %path, now = %at, "a memory was renamed while it was deleted, and is put back");
        let text = match self.contents.get(&hash) {
            Some(text) => Some(text.to_string()),
            None => {
                let path = ["memory_stores", store.as_str(), "memory_versions"];
                let call = Call::list(Family::Memories, &path, FULL)
                    .with("view", "full")
                    .with("memory_id", memory.to_owned());
                let page: Page<MemoryVersion> = self.api.ask(&call).await?;
                let mut texts = page.data.into_iter().filter_map(|version| version.content);
                texts.find(|text| ContentHash::of(text.as_bytes()) == hash)
            }
        };
        let Some(content) = text else {
            return Err(Failed::unusable(format!(
                "somebody renamed `{path}` of store `{store}` to `{at}` while it was deleted, and its text is no \
                 longer kept"
            )));
        };
        let memories = ["memory_stores", store.as_str(), "memories"];
        let body = CreateMemory { path: at.to_string(), content };
        match self
            .api
            .ask::<Value>(&Call::settle(Family::Memories, Method::POST, &memories).send(&body))
            .await
        {
            Ok(_) => Ok(()),
            // Somebody has written there since, and means it.
            Err(failed) if may_have_moved(&failed) => Ok(()),
            Err(failed) => Err(failed),
        }
    }
}

fn update(store: &MemoryStoreId, id: &str, content: &str, expected: ContentHash) -> Call {
    let precondition = Precondition::ContentSha256 { content_sha256: expected.to_string() };
    let body =
        UpdateMemory { content: Some(content.to_owned()), path: None, precondition: Some(precondition) };
    Call::settle(Family::Memories, Method::POST, &["memory_stores", store.as_str(), "memories", id])
        .send(&body)
}

/// Checks that a memory holds what was written, and returns its hash.
fn holds(
    store: &MemoryStoreId,
    path: &MemoryPath,
    memory: &Memory,
    content: &str,
) -> Result<ContentHash, Failed> {
    let hash = ContentHash::of(content.as_bytes());
    match memory.content_sha256 == hash.to_string() {
        true => Ok(hash),
        false => Err(Failed::unusable(format!(
            "store `{store}` holds something else at `{path}` than was written"
        ))),
    }
}

fn is_at(memory: &Memory, path: &MemoryPath) -> bool {
    memory.path == path.as_str()
}

fn renamed(path: &MemoryPath, now: &str) -> Failed {
    let now = clean(now, 200);
    Failed::refused(Refusal::Conflict, format!("`{path}` was renamed by somebody else to `{now}`"))
}

/// Says whether a write failed because something is not as it was listed: it moved since, or an answer was lost
/// and the write was sent twice.
fn may_have_moved(failed: &Failed) -> bool {
    match failed {
        Failed::Refused(refused) => refused.status == 404 || refused.refusal() == Refusal::Conflict,
        _ => false,
    }
}

/// Memories that were or may have been deleted, by id: where they were, and what they held.
type Deleted = BTreeMap<String, (MemoryPath, ContentHash)>;

/// What is at each path: as listed, and as written since.
struct Known {
    listing: Arc<Listing>,
    mine: Vec<(MemoryPath, Option<(String, ContentHash)>)>,
    deleted: Deleted,
}

impl Known {
    fn at(&self, path: &MemoryPath) -> Option<(String, ContentHash)> {
        match self.mine.iter().rev().find(|(written, _)| written == path) {
            Some((_, now)) => now.clone(),
            None => self.listing.entries.get(path).map(|listed| (listed.id.clone(), listed.hash)),
        }
    }
}

fn needed(write: &MemoryWrite, known: &Known) -> Result<Need, Failed> {
    let path = write.path();
    let current = known.at(path);
    match (write, current) {
        (MemoryWrite::Put { content, .. }, _) if content.len() > MEMORY_BYTES_LIMIT => {
            Err(broken(format!("`{path}`: {} bytes, allowed are {MEMORY_BYTES_LIMIT}", content.len())))
        }
        (MemoryWrite::Put { content, .. }, Some((_, hash)))
            if hash == ContentHash::of(content.as_bytes()) =>
        {
            Ok(Need::Nothing)
        }
        (MemoryWrite::Put { content, expected: None, .. }, None) => {
            Ok(Need::Create { content: Arc::clone(content) })
        }
        (MemoryWrite::Put { content, expected: Some(expected), .. }, Some((id, hash)))
            if hash == *expected =>
        {
            Ok(Need::Update { id, content: Arc::clone(content), expected: hash })
        }
        (MemoryWrite::Put { expected, .. }, current) => Err(moved(path, expected.as_ref(), current)),
        (MemoryWrite::Delete { .. }, None) => Ok(Need::Nothing),
        (MemoryWrite::Delete { expected, .. }, Some((id, hash))) if hash == *expected => {
            Ok(Need::Delete { id, expected: hash })
        }
        (MemoryWrite::Delete { expected, .. }, current) => Err(moved(path, Some(expected), current)),
    }
}

fn moved(
    path: &MemoryPath,
    expected: Option<&ContentHash>,
    current: Option<(String, ContentHash)>,
) -> Failed {
    let name = |hash: Option<&ContentHash>| hash.map_or_else(|| "nothing".to_owned(), ContentHash::short);
    let current = name(current.as_ref().map(|(_, hash)| hash));
    let message = format!("`{path}` holds {current}, expected was {}", name(expected));
    Failed::refused(Refusal::Conflict, message)
}
