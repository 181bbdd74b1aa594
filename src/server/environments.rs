//! Environments.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::backend::wire::{CreateEnvironment, Deleted, Environment, Object, Page};

use super::Service;
use super::error::ApiError;
use super::extract::{Body, Query};
use super::listing;

pub(super) fn routes() -> Router<Service> {
    Router::new()
        .route("/v1/environments", post(create).get(list))
        .route("/v1/environments/{id}", get(retrieve).post(update).delete(delete))
        .route("/v1/environments/{id}/archive", post(archive))
}

async fn create(
    State(service): State<Service>,
    Body(body): Body<CreateEnvironment>,
) -> Result<Json<Environment>, ApiError> {
    Ok(Json(service.local.recorded().create_environment(body)?))
}

async fn list(State(service): State<Service>, query: Query) -> Result<Json<Page<Environment>>, ApiError> {
    let filter = listing::filter(&query)?;
    let find = |before, limit| service.local.recorded().environments(&filter, before, limit);
    Ok(Json(listing::page(&query, "environments", (20, 1_000), find)?))
}

async fn retrieve(
    State(service): State<Service>,
    Path(id): Path<String>,
) -> Result<Json<Environment>, ApiError> {
    Ok(Json(service.local.recorded().environment(&id)?))
}

async fn update(
    State(service): State<Service>,
    Path(id): Path<String>,
    Body(patch): Body<Object>,
) -> Result<Json<Environment>, ApiError> {
    Ok(Json(service.local.recorded().update_environment(&id, patch)?))
}

async fn archive(
    State(service): State<Service>,
    Path(id): Path<String>,
) -> Result<Json<Environment>, ApiError> {
    Ok(Json(service.local.recorded().archive_environment(&id)?))
}

async fn delete(State(service): State<Service>, Path(id): Path<String>) -> Result<Json<Deleted>, ApiError> {
    service.local.recorded().delete_environment(&id)?;
    Ok(Json(Deleted { id, kind: "environment_deleted".to_owned() }))
}
