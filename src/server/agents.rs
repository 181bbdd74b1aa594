//! Agents and their versions.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::backend::wire::{Agent, CreateAgent, Object, Page};

use super::Service;
use super::error::ApiError;
use super::extract::{Body, Query};
use super::listing;

pub(super) fn routes() -> Router<Service> {
    Router::new()
        .route("/v1/agents", post(create).get(list))
        .route("/v1/agents/{id}", get(retrieve).post(update))
        .route("/v1/agents/{id}/archive", post(archive))
        .route("/v1/agents/{id}/versions", get(versions))
}

async fn create(
    State(service): State<Service>,
    Body(body): Body<CreateAgent>,
) -> Result<Json<Agent>, ApiError> {
    Ok(Json(service.local.recorded().create_agent(body)?))
}

async fn list(State(service): State<Service>, query: Query) -> Result<Json<Page<Agent>>, ApiError> {
    let filter = listing::filter(&query)?;
    let find = |before, limit| service.local.recorded().agents(&filter, before, limit);
    Ok(Json(listing::page(&query, "agents", (20, 100), find)?))
}

async fn retrieve(
    State(service): State<Service>,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<Agent>, ApiError> {
    let version = query.number("version")?;
    if version == Some(0) {
        return Err(ApiError::invalid("version: must be 1 or more"));
    }
    Ok(Json(service.local.recorded().agent(&id, version)?))
}

async fn update(
    State(service): State<Service>,
    Path(id): Path<String>,
    Body(patch): Body<Object>,
) -> Result<Json<Agent>, ApiError> {
    Ok(Json(service.local.recorded().update_agent(&id, patch)?))
}

async fn archive(State(service): State<Service>, Path(id): Path<String>) -> Result<Json<Agent>, ApiError> {
    Ok(Json(service.local.recorded().archive_agent(&id)?))
}

async fn versions(
    State(service): State<Service>,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<Page<Agent>>, ApiError> {
    let page = listing::page(&query, "versions", (20, 100), |below, limit| {
        let below = below.and_then(|version| u64::try_from(version).ok());
        let versions = service.local.recorded().agent_versions(&id, below, limit)?;
        let number = |agent: &Agent| i64::try_from(agent.version).unwrap_or(i64::MAX);
        Ok(versions.into_iter().map(|agent| (number(&agent), agent)).collect())
    })?;
    Ok(Json(page))
}
