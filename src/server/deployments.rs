//! Deployments and their runs. A run is started by its caller, never by the clock.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::backend::wire::{CreateDeployment, Deployment, DeploymentRun, Object, Page};

use super::Service;
use super::error::ApiError;
use super::extract::{Body, Query};
use super::listing;

pub(super) fn routes() -> Router<Service> {
    Router::new()
        .route("/v1/deployments", post(create).get(list))
        .route("/v1/deployments/{id}", get(retrieve).post(update))
        .route("/v1/deployments/{id}/archive", post(archive))
        .route("/v1/deployments/{id}/pause", post(pause))
        .route("/v1/deployments/{id}/unpause", post(unpause))
        .route("/v1/deployments/{id}/run", post(run))
        .route("/v1/deployment_runs", get(runs))
        .route("/v1/deployment_runs/{id}", get(retrieve_run))
}

async fn create(
    State(service): State<Service>,
    Body(body): Body<CreateDeployment>,
) -> Result<Json<Deployment>, ApiError> {
    Ok(Json(service.local.recorded().create_deployment(body)?))
}

async fn list(State(service): State<Service>, query: Query) -> Result<Json<Page<Deployment>>, ApiError> {
    let status = match query.one("status") {
        None => None,
        Some(_) if query.flag("include_archived")? => {
            return Err(ApiError::invalid("status: cannot be combined with include_archived"));
        }
        Some(_) => Some(query.word("status", &["active", "paused"])?.to_owned()),
    };
    let agent = query.one("agent_id").map(str::to_owned);
    let filter = listing::filter(&query)?.with("status", status).with("agent", agent);
    let find = |before, limit| service.local.recorded().deployments(&filter, before, limit);
    Ok(Json(listing::page(&query, "deployments", (20, 100), find)?))
}

async fn retrieve(
    State(service): State<Service>,
    Path(id): Path<String>,
) -> Result<Json<Deployment>, ApiError> {
    Ok(Json(service.local.recorded().deployment(&id)?))
}

async fn update(
    State(service): State<Service>,
    Path(id): Path<String>,
    Body(patch): Body<Object>,
) -> Result<Json<Deployment>, ApiError> {
    Ok(Json(service.local.recorded().update_deployment(&id, patch)?))
}

async fn archive(
    State(service): State<Service>,
    Path(id): Path<String>,
) -> Result<Json<Deployment>, ApiError> {
    Ok(Json(service.local.recorded().archive_deployment(&id)?))
}

async fn pause(State(service): State<Service>, Path(id): Path<String>) -> Result<Json<Deployment>, ApiError> {
    Ok(Json(service.local.recorded().pause_deployment(&id, true)?))
}

async fn unpause(
    State(service): State<Service>,
    Path(id): Path<String>,
) -> Result<Json<Deployment>, ApiError> {
    Ok(Json(service.local.recorded().pause_deployment(&id, false)?))
}

async fn run(
    State(service): State<Service>,
    Path(id): Path<String>,
) -> Result<Json<DeploymentRun>, ApiError> {
    Ok(Json(service.local.recorded().run_deployment(&id)?))
}

async fn runs(State(service): State<Service>, query: Query) -> Result<Json<Page<DeploymentRun>>, ApiError> {
    let trigger = match query.one("trigger_type") {
        None => None,
        Some(_) => Some(i64::from(query.word("trigger_type", &["manual", "schedule"])? == "manual")),
    };
    let has_error = match query.one("has_error") {
        None => None,
        Some(_) => Some(i64::from(query.flag("has_error")?)),
    };
    let deployment = query.one("deployment_id").map(str::to_owned);
    let filter = listing::filter(&query)?
        .with("deployment", deployment)
        .with("is_manual", trigger)
        .with("has_error", has_error);
    let find = |before, limit| service.local.recorded().deployment_runs(&filter, before, limit);
    Ok(Json(listing::page(&query, "runs", (20, 1_000), find)?))
}

async fn retrieve_run(
    State(service): State<Service>,
    Path(id): Path<String>,
) -> Result<Json<DeploymentRun>, ApiError> {
    Ok(Json(service.local.recorded().deployment_run(&id)?))
}
