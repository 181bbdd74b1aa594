//! Memory versions: list, retrieve, redact (reference, section 3.4).

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};

use crate::backend::local::{VersionFilter, View};
use crate::backend::wire::{MemoryVersion, Page};

use super::Service;
use super::error::ApiError;
use super::extract::Query;
use super::keys::Caller;
use super::memories::{limit, view};
use super::page::Cursor;
use super::stores::store_id;

/// The name of the list in its cursors.
const LIST: &str = "memory_versions";

pub(super) fn routes() -> Router<Service> {
    Router::new()
        .route("/v1/memory_stores/{store}/memory_versions", get(list))
        .route("/v1/memory_stores/{store}/memory_versions/{version}", get(retrieve))
        .route("/v1/memory_stores/{store}/memory_versions/{version}/redact", post(redact))
}

async fn retrieve(
    State(service): State<Service>,
    Path((store, version)): Path<(String, String)>,
    query: Query,
) -> Result<Json<MemoryVersion>, ApiError> {
    let view = view(&query, View::Full)?;
    Ok(Json(service.local.memory_version(&store_id(&store)?, &version, view)?))
}

async fn redact(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    Path((store, version)): Path<(String, String)>,
) -> Result<Json<MemoryVersion>, ApiError> {
    Ok(Json(service.local.redact_version(&store_id(&store)?, &version, &caller.actor())?))
}

async fn list(
    State(service): State<Service>,
    Path(store): Path<String>,
    query: Query,
) -> Result<Json<Page<MemoryVersion>>, ApiError> {
    let view = view(&query, View::Basic)?;
    let limit = limit(&query, view)?;
    let text = |name| query.one(name).map(str::to_owned);
    let operation = match query.one("operation") {
        Some(_) => Some(query.word("operation", &["created", "modified", "deleted"])?.to_owned()),
        None => None,
    };
    let filter = VersionFilter {
        memory: text("memory_id"),
        operation,
        session: text("session_id"),
        api_key: text("api_key_id"),
        service_account: text("service_account_id"),
        from: query.time("created_at[gte]")?,
        until: query.time("created_at[lte]")?,
    };
    let before = Cursor::of(&query, LIST)?
        .map(|cursor| cursor.key.parse().map_err(|_| Cursor::unknown()))
        .transpose()?;
    let mut found = service.local.memory_versions(&store_id(&store)?, &filter, before, limit + 1, view)?;
    let next_page = Cursor::cut(&mut found, limit, |(place, _)| Cursor::after(LIST, place));
    Ok(Json(Page { data: found.into_iter().map(|(_, version)| version).collect(), next_page }))
}
