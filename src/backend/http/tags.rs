//! Tags on stores: written into their metadata, and read with the list of every store.

use reqwest::Method;
use serde_json::Value;

use super::outcome::Failed;
use super::request::{Call, Family};
use super::{HttpBackend, convert, page};
use crate::backend::tags::{ListedStore, StoreTags};
use crate::backend::wire::{self, UpdateStore};
use crate::ids::MemoryStoreId;

/// How many stores a page of the list is asked to hold.
const PAGE_SIZE: usize = 100;

impl HttpBackend {
    pub(super) async fn write_tags(&self, id: &MemoryStoreId, tags: &StoreTags) -> Result<(), Failed> {
        let body = UpdateStore { metadata: Some(tags.pairs(id)), ..UpdateStore::default() };
        let path = ["memory_stores", id.as_str()];
        let call = Call::settle(Family::Memories, Method::POST, &path).send(&body);
        self.api.ask::<Value>(&call).await.map(drop)
    }

    pub(super) async fn list_stores(&self) -> Result<Vec<ListedStore>, Failed> {
        let call =
            Call::list(Family::Memories, &["memory_stores"], PAGE_SIZE).with("include_archived", "true");
        let mut found = Vec::new();
        for listed in page::all::<wire::MemoryStore>(&self.api, call).await? {
            let metadata = listed.metadata.clone();
            let store = convert::store(listed)?;
            let tags = StoreTags::read(&store.id, &metadata);
            found.push(ListedStore { store, tags });
        }
        Ok(found)
    }
}
