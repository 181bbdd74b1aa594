//! Memory stores: create, retrieve, update, list, archive, delete (reference, section 3.2).

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::backend::local::StoreFilter;
use crate::backend::wire::{CreateStore, Deleted, MemoryStore, Page, UpdateStore};
use crate::ids::MemoryStoreId;

use super::Service;
use super::error::ApiError;
use super::extract::{Body, Query};
use super::page::Cursor;

/// The name of the list in its cursors.
const LIST: &str = "memory_stores";

pub(super) fn routes() -> Router<Service> {
    Router::new()
        .route("/v1/memory_stores", post(create).get(list))
        .route("/v1/memory_stores/{store}", get(retrieve).post(update).delete(remove))
        .route("/v1/memory_stores/{store}/archive", post(archive))
}

async fn create(
    State(service): State<Service>,
    Body(body): Body<CreateStore>,
) -> Result<Json<MemoryStore>, ApiError> {
    Ok(Json(service.local.make_store(&body)?))
}

async fn retrieve(
    State(service): State<Service>,
    Path(store): Path<String>,
) -> Result<Json<MemoryStore>, ApiError> {
    Ok(Json(service.local.memory_store(&store_id(&store)?)?))
}

async fn update(
    State(service): State<Service>,
    Path(store): Path<String>,
    Body(body): Body<UpdateStore>,
) -> Result<Json<MemoryStore>, ApiError> {
    Ok(Json(service.local.update_store(&store_id(&store)?, &body)?))
}

async fn archive(
    State(service): State<Service>,
    Path(store): Path<String>,
) -> Result<Json<MemoryStore>, ApiError> {
    Ok(Json(service.local.archive_store(&store_id(&store)?)?))
}

async fn remove(
    State(service): State<Service>,
    Path(store): Path<String>,
) -> Result<Json<Deleted>, ApiError> {
    service.local.remove_store(&store_id(&store)?)?;
    Ok(Json(Deleted { id: store, kind: "memory_store_deleted".to_owned() }))
}

async fn list(State(service): State<Service>, query: Query) -> Result<Json<Page<MemoryStore>>, ApiError> {
    let limit = query.limit(20, 100)?;
    let filter = StoreFilter {
        from: query.time("created_at[gte]")?,
        until: query.time("created_at[lte]")?,
        includes_archived: query.flag("include_archived")?,
        before: Cursor::of(&query, LIST)?.map(|cursor| place(&cursor)).transpose()?,
    };
    let mut data = service.local.memory_stores(&filter, limit + 1)?;
    let next_page = Cursor::cut(&mut data, limit, |last| {
        Cursor::after(LIST, format!("{} {}", last.created_at.as_microsecond(), last.id))
    });
    Ok(Json(Page { data, next_page }))
}

/// Reads the time and the id in the cursor of a list.
fn place(cursor: &Cursor) -> Result<(i64, String), ApiError> {
    cursor
        .key
        .split_once(' ')
        .and_then(|(micros, id)| Some((micros.parse().ok()?, id.to_owned())))
        .ok_or_else(Cursor::unknown)
}

/// Reads the id of a store in a path; a text that is no id names nothing.
pub(super) fn store_id(text: &str) -> Result<MemoryStoreId, ApiError> {
    MemoryStoreId::parse(text).map_err(|_| ApiError::not_found("there is no such memory store"))
}
