//! Memories: create, retrieve, update, list, delete (reference, section 3.3).

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};

use crate::backend::local::{MemoryFilter, View};
use crate::backend::wire::{CreateMemory, Deleted, ListedMemory, Memory, Page, UpdateMemory};

use super::Service;
use super::error::ApiError;
use super::extract::{Body, Query};
use super::keys::Caller;
use super::page::Cursor;
use super::stores::store_id;

/// The name of the list in its cursors.
const LIST: &str = "memories";
/// The most items of a page that tells contents.
pub(super) const FULL_LIMIT: usize = 20;

pub(super) fn routes() -> Router<Service> {
    Router::new()
        .route("/v1/memory_stores/{store}/memories", post(create).get(list))
        .route("/v1/memory_stores/{store}/memories/{memory}", get(retrieve).post(update).delete(remove))
}

/// Returns how much is to be told, and what is if the query does not say.
pub(super) fn view(query: &Query, default: View) -> Result<View, ApiError> {
    if query.one("view").is_none() {
        return Ok(default);
    }
    Ok(if query.word("view", &["basic", "full"])? == "full" { View::Full } else { View::Basic })
}

/// Returns how many items a page may have: a page of contents is held to fewer, not refused.
pub(super) fn limit(query: &Query, view: View) -> Result<usize, ApiError> {
    let limit = query.limit(20, 100)?;
    Ok(if view == View::Full { limit.min(FULL_LIMIT) } else { limit })
}

async fn create(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    Path(store): Path<String>,
    query: Query,
    Body(body): Body<CreateMemory>,
) -> Result<Json<Memory>, ApiError> {
    let view = view(&query, View::Basic)?;
    Ok(Json(service.local.create_memory(&store_id(&store)?, &body, view, &caller.actor())?))
}

async fn retrieve(
    State(service): State<Service>,
    Path((store, memory)): Path<(String, String)>,
    query: Query,
) -> Result<Json<Memory>, ApiError> {
    let view = view(&query, View::Full)?;
    Ok(Json(service.local.memory(&store_id(&store)?, &memory, view)?))
}

async fn update(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    Path((store, memory)): Path<(String, String)>,
    query: Query,
    Body(body): Body<UpdateMemory>,
) -> Result<Json<Memory>, ApiError> {
    let view = view(&query, View::Basic)?;
    Ok(Json(service.local.update_memory(&store_id(&store)?, &memory, &body, view, &caller.actor())?))
}

async fn remove(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    Path((store, memory)): Path<(String, String)>,
    query: Query,
) -> Result<Json<Deleted>, ApiError> {
    let expected = query.one("expected_content_sha256");
    service.local.delete_memory(&store_id(&store)?, &memory, expected, &caller.actor())?;
    Ok(Json(Deleted { id: memory, kind: "memory_deleted".to_owned() }))
}

async fn list(
    State(service): State<Service>,
    Path(store): Path<String>,
    query: Query,
) -> Result<Json<Page<ListedMemory>>, ApiError> {
    let view = view(&query, View::Basic)?;
    let limit = limit(&query, view)?;
    let prefix = query.one("path_prefix").unwrap_or("/");
    if !(prefix.starts_with('/') && prefix.ends_with('/')) {
        return Err(ApiError::invalid("path_prefix: must start and end with `/`"));
    }
    let filter = MemoryFilter {
        prefix: prefix.to_owned(),
        is_folded: match query.one("depth") {
            None | Some("0") => false,
            Some("1") => true,
            Some(_) => return Err(ApiError::invalid("depth: must be 0 or 1")),
        },
        after: Cursor::of(&query, LIST)?.map(|cursor| cursor.key),
    };
    if filter.after.as_ref().is_some_and(|path| !path.starts_with(prefix)) {
        return Err(Cursor::unknown());
    }
    let mut data = service.local.memories(&store_id(&store)?, &filter, limit + 1, view)?;
    let next_page = Cursor::cut(&mut data, limit, |last| {
        let path = match last {
            ListedMemory::Memory(memory) => &memory.path,
            ListedMemory::Prefix(folder) => &folder.path,
        };
        Cursor::after(LIST, path)
    });
    Ok(Json(Page { data, next_page }))
}
