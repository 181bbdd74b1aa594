//! What a store holds, in as few requests as the API allows.
//!
//! A listing is as of one moment: of one page because it is one answer, of several because the newest version
//! of the store was the same before and after them, and every change writes a version. If agents wrote
//! meanwhile, the versions they wrote bring the listing up to date; only where a memory went away or moved, so
//! that a page may have skipped another one, it is begun again. A listing that was made earlier holds for as
//! long as the newest version does, which one request tells.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::HttpBackend;
use super::dreams::instant;
use super::outcome::{Failed, clean};
use super::page::{self, Pages};
use super::request::{Call, Family};
use crate::backend::wire::{self, ListedMemory, MemoryVersion};
use crate::backend::{PastMemory, Refusal};
use crate::ids::{MemoryStoreId, MemoryVersionId};
use crate::memory::{ContentHash, Memory, MemoryPath};
use crate::snapshot::{Change, IndexEntry, Snapshot, SnapshotIndex};

/// The most memories or versions of a page without text.
pub(super) const BASIC: usize = 100;
/// The most memories of a page with text.
pub(super) const FULL: usize = 20;
/// Texts so few are asked for one by one. More of them are looked for among the newest versions first, where
/// what a dream wrote stands together.
const FEW: usize = 2;
/// The most requests at once.
pub(super) const PARALLEL: usize = 8;
/// How often a listing is begun again because the store changed under it.
const TRIES: usize = 8;
/// The most versions that bring a listing up to date.
const CATCH_UP: usize = 1_000;
/// The most pages of versions that are looked through for past texts whose versions are not known.
const HISTORY: usize = 20;
/// The most stores whose listing is kept.
const LISTINGS: usize = 64;

/// What a store holds, without the text.
#[derive(Debug, Clone, Default)]
pub(super) struct Listing {
    pub(super) entries: BTreeMap<MemoryPath, Listed>,
    /// The newest version of the store as of the listing, where it was asked for.
    head: Option<String>,
}

/// One memory of a listing.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) hash: ContentHash,
    bytes: u64,
    version: Option<MemoryVersionId>,
    updated_at: Timestamp,
}

/// Texts by hash.
type Texts = HashMap<ContentHash, Arc<str>>;

/// Listings that were made before.
#[derive(Default)]
pub(super) struct Listings(Mutex<HashMap<MemoryStoreId, Arc<Listing>>>);

impl Listings {
    fn get(&self, store: &MemoryStoreId) -> Option<Arc<Listing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(store).cloned()
    }

    fn keep(&self, store: &MemoryStoreId, listing: &Arc<Listing>) {
        let mut listings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if listings.len() >= LISTINGS && !listings.contains_key(store) {
            // Any one will do: it costs its next reader a listing.
            let some = listings.keys().next().cloned();
            some.and_then(|store| listings.remove(&store));
        }
        listings.insert(store.clone(), Arc::clone(listing));
    }
}

/// Whether pages are asked for with text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Basic,
    Full,
}

/// Why a listing has to begin again.
enum Interrupted {
    Moved,
    Failed(Failed),
}

impl From<Failed> for Interrupted {
    fn from(failed: Failed) -> Self {
        Self::Failed(failed)
    }
}

fn memories_call(store: &MemoryStoreId, view: View) -> Call {
    let path = ["memory_stores", store.as_str(), "memories"];
    match view {
        View::Basic => Call::list(Family::Memories, &path, BASIC).with("view", "basic"),
        View::Full => Call::list(Family::Memories, &path, FULL).with("view", "full"),
    }
}

pub(super) fn versions_call(store: &MemoryStoreId, limit: usize) -> Call {
    let path = ["memory_stores", store.as_str(), "memory_versions"];
    Call::list(Family::Memories, &path, limit).with("view", "basic")
}

/// Checks that a text is what its hash says.
fn verified(
    store: &MemoryStoreId,
    path: &str,
    text: String,
    hash: &str,
) -> Result<(ContentHash, Arc<str>), Failed> {
    let found = ContentHash::of(text.as_bytes());
    if found.to_string() == hash {
        return Ok((found, text.into()));
    }
    let (path, told) = (clean(path, 200), clean(hash, 64));
    Err(Failed::unusable(format!(
        "store `{store}`: the text of `{path}` does not have the hash {told} it is given"
    )))
}

impl HttpBackend {
    /// Returns the id of the newest version of a store; none if there is none.
    async fn head(&self, store: &MemoryStoreId) -> Result<Option<String>, Failed> {
        let page: wire::Page<MemoryVersion> = self.api.ask(&versions_call(store, 1)).await?;
        Ok(page.data.into_iter().next().map(|version| version.id))
    }

    /// Lists what a store holds, from memory if it has not changed.
    pub(super) async fn listing(&self, store: &MemoryStoreId) -> Result<Arc<Listing>, Failed> {
        let known = self.listings.get(store);
        let mut head = None;
        if let Some(known) = known.as_ref().filter(|known| known.head.is_some()) {
            head = self.head(store).await?;
            if head == known.head {
                return Ok(Arc::clone(known));
            }
        }
        Ok(self.list_anew(store, View::Basic, head).await?.0)
    }

    /// Lists what a store holds. `head` is its newest version, if that was just asked for. With
    /// [`View::Full`] the texts come with it, unless so many pages cannot be had of one moment.
    async fn list_anew(
        &self,
        store: &MemoryStoreId,
        view: View,
        mut head: Option<String>,
    ) -> Result<(Arc<Listing>, Texts), Failed> {
        for _ in 0..TRIES {
            match self.list_once(store, view, &mut head).await {
                Ok((listing, texts)) => {
                    let listing = Arc::new(listing);
                    self.listings.keep(store, &listing);
                    return Ok((listing, texts));
                }
                Err(Interrupted::Moved) => {}
                Err(Interrupted::Failed(failed)) => return Err(failed),
            }
        }
        if view == View::Full {
            return Box::pin(self.list_anew(store, View::Basic, head)).await;
        }
        let message = format!(
            "store `{store}` changed each time it was read; its agents write faster than it can be read"
        );
        Err(Failed::refused(Refusal::Conflict, message))
    }

    async fn list_once(
        &self,
        store: &MemoryStoreId,
        view: View,
        head: &mut Option<String>,
    ) -> Result<(Listing, Texts), Interrupted> {
        let mut pages = Pages::of(memories_call(store, view));
        let mut listing = Listing::default();
        let mut texts = Texts::new();
        let mut ids = BTreeSet::new();
        let mut is_first = true;
        while let Some(page) = pages.next::<ListedMemory>(&self.api).await? {
            if is_first && pages.goes_on() && head.is_none() {
                *head = self.head(store).await?;
                if head.is_some() {
                    // The first page may be older than that version: it is read again.
                    pages = Pages::of(memories_call(store, view));
                    continue;
                }
            }
            is_first = false;
            for memory in page {
                let ListedMemory::Memory(memory) = memory else { continue };
                let is_again = !ids.insert(memory.id.clone());
                let (path, entry) = self.listed(store, *memory, &mut texts)?;
                if listing.entries.insert(path, entry).is_some() || is_again {
                    return Err(self.moved(store, head).await);
                }
            }
        }
        if ids.len() > BASIC.min(if view == View::Full { FULL } else { BASIC }) {
            let now = self.head(store).await?;
            if now != *head {
                let since = std::mem::replace(head, now);
                self.catch_up(store, view, since.as_deref(), &mut listing, &mut texts).await?;
            } else {
                listing.head = now;
            }
        } else {
            listing.head = head.clone();
        }
        Ok((listing, texts))
    }

    /// Brings a listing up to date by the versions that were written since it was begun.
    async fn catch_up(
        &self,
        store: &MemoryStoreId,
        view: View,
        since: Option<&str>,
        listing: &mut Listing,
        texts: &mut Texts,
    ) -> Result<(), Interrupted> {
        let since = since.ok_or(Interrupted::Moved)?;
        let call = match view {
            View::Basic => versions_call(store, BASIC),
            View::Full => versions_call(store, FULL).with("view", "full"),
        };
        let mut pages = Pages::of(call);
        let mut versions: Vec<MemoryVersion> = Vec::new();
        let mut is_whole = false;
        while !is_whole
            && versions.len() <= CATCH_UP
            && let Some(page) = pages.next::<MemoryVersion>(&self.api).await?
        {
            let newer = page.iter().position(|version| version.id == since);
            is_whole = newer.is_some();
            let newer = newer.unwrap_or(page.len());
            versions.extend(page.into_iter().take(newer));
            if versions.iter().any(|version| version.content_sha256.is_none()) {
                return Err(Interrupted::Moved);
            }
        }
        if !is_whole {
            return Err(Interrupted::Moved);
        }
        listing.head = versions.first().map(|version| version.id.clone());
        let places: HashMap<String, MemoryPath> =
            listing.entries.iter().map(|(path, listed)| (listed.id.clone(), path.clone())).collect();
        let mut seen = BTreeSet::new();
        for version in versions {
            let (Some(path), Some(hash)) = (&version.path, &version.content_sha256) else {
                return Err(Interrupted::Moved);
            };
            let (place, hash) = (path_of(store, path)?, hash_of(store, path, hash)?);
            if places.get(&version.memory_id).is_some_and(|known| *known != place) {
                return Err(Interrupted::Moved);
            }
            // Newest first.
            if !seen.insert(version.memory_id.clone()) {
                continue;
            }
            if let Some(text) = version.content {
                let (hash, text) = verified(store, path, text, &hash.to_string())?;
                self.contents.keep(hash, &text);
                texts.insert(hash, text);
            }
            let entry = Listed {
                id: version.memory_id,
                hash,
                bytes: version.content_size_bytes.unwrap_or_default(),
                version: MemoryVersionId::parse(version.id).ok(),
                updated_at: version.created_at,
            };
            listing.entries.insert(place, entry);
        }
        Ok(())
    }

    /// Asks for the newest version again, to begin a listing anew.
    async fn moved(&self, store: &MemoryStoreId, head: &mut Option<String>) -> Interrupted {
        match self.head(store).await {
            Ok(now) => {
                *head = now;
                Interrupted::Moved
            }
            Err(failed) => Interrupted::Failed(failed),
        }
    }

    /// Checks one item of a listing, and keeps its text if it has one.
    fn listed(
        &self,
        store: &MemoryStoreId,
        memory: wire::Memory,
        texts: &mut Texts,
    ) -> Result<(MemoryPath, Listed), Failed> {
        let path = path_of(store, &memory.path)?;
        let hash = hash_of(store, &memory.path, &memory.content_sha256)?;
        if let Some(text) = memory.content {
            let (hash, text) = verified(store, &memory.path, text, &memory.content_sha256)?;
            self.contents.keep(hash, &text);
            texts.insert(hash, text);
        }
        let entry = Listed {
            id: memory.id,
            hash,
            bytes: memory.content_size_bytes,
            version: MemoryVersionId::parse(memory.memory_version_id).ok(),
            updated_at: memory.updated_at,
        };
        Ok((path, entry))
    }

    /// Returns paths, hashes and versions.
    pub(super) async fn read_index(&self, store: &MemoryStoreId) -> Result<SnapshotIndex, Failed> {
        let listing = self.listing(store).await?;
        let entries = listing.entries.iter().map(|(path, listed)| (path.clone(), listed.entry())).collect();
        Ok(SnapshotIndex { entries })
    }

    /// Returns everything a store holds.
    pub(super) async fn read_snapshot(&self, store: &MemoryStoreId) -> Result<Snapshot, Failed> {
        // What was read for this snapshot stays with it; how much is kept beyond it is another matter.
        let (mut listing, mut texts) = match self.contents.is_empty() {
            true => self.list_anew(store, View::Full, None).await?,
            false => (self.listing(store).await?, Texts::new()),
        };
        for round in 0..TRIES {
            let mut missing = BTreeMap::new();
            for (path, listed) in &listing.entries {
                if texts.contains_key(&listed.hash) {
                    continue;
                }
                match self.contents.get(&listed.hash) {
                    Some(text) => drop(texts.insert(listed.hash, text)),
                    None => drop(missing.insert(listed.hash, (path, listed))),
                }
            }
            if round == 0 && missing.len() > listing.entries.len().div_ceil(FULL) {
                (listing, texts) = self.list_anew(store, View::Full, None).await?;
                continue;
            }
            texts.extend(self.newest(store, &mut missing).await?);
            let missing = missing.into_values();
            match self.fetch(store, missing).await? {
                None => listing = self.list_anew(store, View::Basic, None).await?.0,
                Some(fetched) => {
                    texts.extend(fetched);
                    return Ok(whole(&listing, &texts));
                }
            }
        }
        let message = format!("store `{store}` changed {TRIES} times while it was read");
        Err(Failed::refused(Refusal::Conflict, message))
    }

    /// Reads texts from the newest versions of a store, as long as a page has more of them than one request
    /// each would bring, and takes them off what is missing.
    async fn newest(
        &self,
        store: &MemoryStoreId,
        missing: &mut BTreeMap<ContentHash, (&MemoryPath, &Listed)>,
    ) -> Result<Vec<(ContentHash, Arc<str>)>, Failed> {
        let mut texts = Vec::new();
        let path = ["memory_stores", store.as_str(), "memory_versions"];
        let mut pages = Pages::of(Call::list(Family::Memories, &path, FULL).with("view", "full"));
        while missing.len() > FEW
            && let Some(page) = pages.next::<MemoryVersion>(&self.api).await?
        {
            let before = texts.len();
            for version in page {
                let (Some(text), Some(hash)) = (version.content, version.content_sha256) else { continue };
                let path = version.path.unwrap_or_default();
                let (hash, text) = verified(store, &path, text, &hash)?;
                if missing.remove(&hash).is_some() {
                    self.contents.keep(hash, &text);
                    texts.push((hash, text));
                }
            }
            if texts.len() < before + FEW {
                break;
            }
        }
        Ok(texts)
    }

    /// Reads texts one by one, from the listed version of a memory if agents have written to it since; nothing
    /// if that one is gone.
    async fn fetch(
        &self,
        store: &MemoryStoreId,
        missing: impl Iterator<Item = (&MemoryPath, &Listed)>,
    ) -> Result<Option<Vec<(ContentHash, Arc<str>)>>, Failed> {
        let calls: Vec<_> = missing
            .map(|(path, listed)| {
                let at = ["memory_stores", store.as_str(), "memories", &listed.id];
                let past =
                    PastMemory { path: path.clone(), hash: listed.hash, version: listed.version.clone() };
                (past, Call::get(Family::Memories, &at).with("view", "full"))
            })
            .collect();
        let fetched: Vec<Option<(ContentHash, Arc<str>)>> = stream::iter(calls)
            .map(|(past, call)| async move {
                let memory: Option<wire::Memory> = match self.api.ask(&call).await {
                    Ok(memory) => Some(memory),
                    Err(failed) if failed.status() == Some(404) => None,
                    Err(failed) => return Err(failed),
                };
                if let Some(memory) = memory {
                    let path = past.path.as_str();
                    let Some(text) = memory.content else {
                        let reason =
                            format!("store `{store}`: the text of `{path}` was left out of a full view");
                        return Err(Failed::unusable(reason));
                    };
                    let (found, text) = verified(store, path, text, &memory.content_sha256)?;
                    self.contents.keep(found, &text);
                    if found == past.hash {
                        return Ok(Some((found, text)));
                    }
                }
                let Some(version) = past.version.clone() else { return Ok(None) };
                let found = self.past(store, past, version).await?;
                Ok(found.map(|memory| (memory.hash, memory.content)))
            })
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        Ok(fetched.into_iter().collect())
    }

    /// Returns what a store held at a moment: what it holds now, with every memory that changed since put
    /// back to its newest version until then.
    pub(super) async fn read_index_at(
        &self,
        store: &MemoryStoreId,
        at: Timestamp,
    ) -> Result<SnapshotIndex, Failed> {
        let listing = self.listing(store).await?;
        let call = versions_call(store, BASIC).with("created_at[gte]", instant(at));
        let since: Vec<MemoryVersion> = page::all(&self.api, call).await?;
        // Newest first, so the last one kept of each memory is its first change since.
        let mut first = BTreeMap::new();
        for version in since.into_iter().filter(|version| version.created_at > at) {
            first.insert(version.memory_id.clone(), version.operation == "created");
        }
        let mut entries: BTreeMap<MemoryPath, IndexEntry> = listing
            .entries
            .iter()
            .filter(|(_, listed)| !first.contains_key(&listed.id))
            .map(|(path, listed)| (path.clone(), listed.entry()))
            .collect();
        let earlier = first.into_iter().filter(|(_, is_new)| !is_new).map(|(memory, _)| {
            versions_call(store, 1).with("memory_id", memory).with("created_at[lte]", instant(at))
        });
        let pages: Vec<wire::Page<MemoryVersion>> = stream::iter(earlier.collect::<Vec<_>>())
            .map(|call| async move { self.api.ask(&call).await })
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        for version in pages.into_iter().filter_map(|page| page.data.into_iter().next()) {
            // A deleted one held nothing, and of a redacted one nobody knows any more.
            let (Some(path), Some(hash)) = (&version.path, &version.content_sha256) else { continue };
            let entry = IndexEntry {
                hash: hash_of(store, path, hash)?,
                bytes: version.content_size_bytes.unwrap_or_default(),
                version: MemoryVersionId::parse(version.id.clone()).ok(),
            };
            entries.insert(path_of(store, path)?, entry);
        }
        Ok(SnapshotIndex { entries })
    }

    /// Lists changes, newest first, as far as the first version that an index names.
    pub(super) async fn read_changes(
        &self,
        store: &MemoryStoreId,
        since: &SnapshotIndex,
    ) -> Result<Vec<Change>, Failed> {
        let mut changes = Vec::new();
        let mut pages = Pages::of(versions_call(store, BASIC));
        while let Some(page) = pages.next::<MemoryVersion>(&self.api).await? {
            for version in page {
                let path = version.path.as_deref().map(|path| path_of(store, path)).transpose()?;
                let id = MemoryVersionId::parse(version.id).ok();
                let holds = match (&version.path, &version.content_sha256) {
                    (Some(path), Some(hash)) => Some(IndexEntry {
                        hash: hash_of(store, path, hash)?,
                        bytes: version.content_size_bytes.unwrap_or_default(),
                        version: id.clone(),
                    }),
                    _ => None,
                };
                let (memory, at) = (version.memory_id, version.created_at);
                let change = Change { memory, version: id, path, holds, at };
                if since.names(&change) {
                    return Ok(changes);
                }
                changes.push(change);
            }
        }
        Ok(changes)
    }

    /// Lists the versions that hold text, newest first.
    pub(super) async fn read_versions(&self, store: &MemoryStoreId) -> Result<Vec<PastMemory>, Failed> {
        let all: Vec<MemoryVersion> = page::all(&self.api, versions_call(store, BASIC)).await?;
        let mut kept = Vec::new();
        for version in all {
            let (Some(path), Some(hash)) = (&version.path, &version.content_sha256) else { continue };
            kept.push(PastMemory {
                path: path_of(store, path)?,
                hash: hash_of(store, path, hash)?,
                version: MemoryVersionId::parse(version.id.clone()).ok(),
            });
        }
        Ok(kept)
    }

    /// Returns past texts, for those that are still kept.
    pub(super) async fn read_contents(
        &self,
        store: &MemoryStoreId,
        wanted: &[PastMemory],
    ) -> Result<Vec<Memory>, Failed> {
        let found = self.find_versions(store, wanted).await?;
        let jobs: Vec<(PastMemory, MemoryVersionId)> = wanted
            .iter()
            .filter_map(|past| {
                let version =
                    past.version.clone().or_else(|| found.get(&(&past.path, past.hash)).cloned())?;
                Some((past.clone(), version))
            })
            .collect();
        let read: Vec<Option<Memory>> = stream::iter(jobs)
            .map(|(past, version)| async move { self.past(store, past, version).await })
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// Finds the versions of past memories that do not name theirs, the newest that fits of each, among the
    /// newest of the store: a text that never was a version of it must not cost its whole history.
    async fn find_versions<'a>(
        &self,
        store: &MemoryStoreId,
        wanted: &'a [PastMemory],
    ) -> Result<BTreeMap<(&'a MemoryPath, ContentHash), MemoryVersionId>, Failed> {
        let mut open: BTreeMap<(String, String), (&MemoryPath, ContentHash)> = wanted
            .iter()
            .filter(|past| past.version.is_none())
            .map(|past| ((past.path.to_string(), past.hash.to_string()), (&past.path, past.hash)))
            .collect();
        let mut found = BTreeMap::new();
        let mut pages = Pages::of(versions_call(store, BASIC));
        for _ in 0..HISTORY {
            if open.is_empty() {
                break;
            }
            let Some(page) = pages.next::<MemoryVersion>(&self.api).await? else { break };
            for version in page {
                let (Some(path), Some(hash)) = (version.path, version.content_sha256) else { continue };
                let Some(key) = open.remove(&(path, hash)) else { continue };
                if let Ok(id) = MemoryVersionId::parse(version.id) {
                    found.insert(key, id);
                }
            }
        }
        Ok(found)
    }

    /// Returns a past text by its version; nothing if it is no longer kept.
    pub(super) async fn past(
        &self,
        store: &MemoryStoreId,
        past: PastMemory,
        version: MemoryVersionId,
    ) -> Result<Option<Memory>, Failed> {
        let memory = |content, updated_at| Memory {
            path: past.path.clone(),
            content,
            hash: past.hash,
            version: Some(version.clone()),
            updated_at,
        };
        if let Some(text) = self.contents.get(&past.hash) {
            return Ok(Some(memory(text, None)));
        }
        let path = ["memory_stores", store.as_str(), "memory_versions", version.as_str()];
        let found: MemoryVersion = match self.api.ask(&Call::get(Family::Memories, &path)).await {
            Ok(found) => found,
            Err(failed) if failed.status() == Some(404) => return Ok(None),
            Err(failed) => return Err(failed),
        };
        // Redacted, or not what it was thought to be.
        let (Some(text), Some(hash)) = (found.content, found.content_sha256) else { return Ok(None) };
        let (hash, text) = verified(store, past.path.as_str(), text, &hash)?;
        self.contents.keep(hash, &text);
        Ok((hash == past.hash).then(|| memory(text, Some(found.created_at))))
    }
}

impl Listed {
    fn entry(&self) -> IndexEntry {
        IndexEntry { hash: self.hash, bytes: self.bytes, version: self.version.clone() }
    }
}

fn whole(listing: &Listing, texts: &Texts) -> Snapshot {
    let memory = |(path, listed): (&MemoryPath, &Listed)| {
        Some(Memory {
            path: path.clone(),
            content: Arc::clone(texts.get(&listed.hash)?),
            hash: listed.hash,
            version: listed.version.clone(),
            updated_at: Some(listed.updated_at),
        })
    };
    listing.entries.iter().filter_map(memory).collect()
}

pub(super) fn path_of(store: &MemoryStoreId, path: &str) -> Result<MemoryPath, Failed> {
    MemoryPath::parse(path).map_err(|error| {
        let path = clean(path, 200);
        Failed::unusable(format!("store `{store}` holds a memory at `{path}`, which cannot be used: {error}"))
    })
}

fn hash_of(store: &MemoryStoreId, path: &str, hash: &str) -> Result<ContentHash, Failed> {
    ContentHash::try_from(hash.to_owned()).map_err(|_| {
        let (path, hash) = (clean(path, 200), clean(hash, 64));
        Failed::unusable(format!("store `{store}`: the hash of `{path}` is given as `{hash}`"))
    })
}
