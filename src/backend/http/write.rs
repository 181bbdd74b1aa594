//! Writes to a store: paths become ids, and each write names the hash it expects.
//!
//! A lost answer does no harm: the write is sent again, and one that had its effect already is recognised by
//! what is there.

use std::sync::Arc;

use reqwest::Method;
use serde_json::Value;

use super::HttpBackend;
use super::dreams::broken;
use super::outcome::Failed;
use super::request::{Call, Family};
use super::snapshot::Listing;
use crate::backend::Refusal;
use crate::backend::wire::{CreateMemory, Memory, Precondition, UpdateMemory};
use crate::ids::MemoryStoreId;
use crate::memory::{ContentHash, MEMORY_BYTES_LIMIT, MemoryPath, MemoryWrite};

/// How often a write is tried that the server says is in conflict, though what is listed is not.
const TRIES: usize = 3;

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
        let mut known = Known { listing: self.listing(store).await?, mine: Vec::new() };
        for write in writes {
            self.write_one(store, write, &mut known).await?;
        }
        Ok(())
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
            let failed = match self.carry_out(store, write.path(), need).await {
                Ok(None) if matches!(write, MemoryWrite::Put { .. }) => return Ok(()),
                Ok(now) => {
                    known.mine.push((write.path().clone(), now));
                    return Ok(());
                }
                Err(failed) => failed,
            };
            // Something moved between the listing and the write, or an answer was lost and the write was
            // sent twice. What is there now decides.
            tries += 1;
            if !matches!(failed.status(), Some(404 | 409 | 412)) {
                return Err(failed);
            }
            *known = Known { listing: self.listing(store).await?, mine: Vec::new() };
            if tries >= TRIES && !matches!(needed(write, known), Ok(Need::Nothing)) {
                return Err(failed);
            }
        }
    }

    /// Makes one request, and returns what is at the path then.
    async fn carry_out(
        &self,
        store: &MemoryStoreId,
        path: &MemoryPath,
        need: Need,
    ) -> Result<Option<(String, ContentHash)>, Failed> {
        let memories = ["memory_stores", store.as_str(), "memories"];
        let (call, content) = match need {
            Need::Nothing => return Ok(None),
            Need::Create { content } => {
                let body = CreateMemory { path: path.to_string(), content: content.to_string() };
                (Call::settle(Family::Memories, Method::POST, &memories).send(&body), content)
            }
            Need::Update { id, content, expected } => {
                let at = [memories[0], memories[1], memories[2], &id];
                let precondition = Precondition::ContentSha256 { content_sha256: expected.to_string() };
                let body = UpdateMemory {
                    content: Some(content.to_string()),
                    path: None,
                    precondition: Some(precondition),
                };
                (Call::settle(Family::Memories, Method::POST, &at).send(&body), content)
            }
            Need::Delete { id, expected } => {
                let at = [memories[0], memories[1], memories[2], &id];
                let call = Call::settle(Family::Memories, Method::DELETE, &at)
                    .with("expected_content_sha256", expected.to_string());
                let _: Value = self.api.ask(&call).await?;
                return Ok(None);
            }
        };
        let memory: Memory = self.api.ask(&call).await?;
        let hash = ContentHash::of(content.as_bytes());
        if memory.content_sha256 != hash.to_string() {
            return Err(Failed::unusable(format!(
                "store `{store}` holds something else at `{path}` than was written"
            )));
        }
        Ok(Some((memory.id, hash)))
    }
}

/// What is at each path: as listed, and as written since.
struct Known {
    listing: Arc<Listing>,
    mine: Vec<(MemoryPath, Option<(String, ContentHash)>)>,
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
