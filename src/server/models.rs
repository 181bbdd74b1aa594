//! Models: those a dream may be asked of, and the others whose prices are known.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::price::PriceTable;

use super::Service;
use super::error::ApiError;
use super::extract::Query;

/// The lines of models, as their ids name them.
const LINES: [&str; 5] = ["haiku", "sonnet", "opus", "fable", "mythos"];

pub(super) fn routes() -> Router<Service> {
    Router::new().route("/v1/models", get(list)).route("/v1/models/{id}", get(retrieve))
}

/// Returns every model, newest first; no release is known here but since when a price is.
fn models(service: &Service) -> Vec<String> {
    let table = PriceTable::builtin();
    let priced = table.rows().map(|(model, _)| model.to_owned());
    let all: BTreeSet<String> = priced.chain(service.dream_models.iter().cloned()).collect();
    let mut all: Vec<String> = all.into_iter().collect();
    all.sort_by_cached_key(|id| std::cmp::Reverse((known_since(id), id.clone())));
    all
}

fn known_since(id: &str) -> Date {
    PriceTable::builtin().price(id).map_or(date(2026, 1, 1), |price| price.as_of)
}

fn shown(id: &str) -> Value {
    let created_at = known_since(id).to_zoned(TimeZone::UTC).map(|day| day.timestamp()).unwrap_or_default();
    let name = id.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    });
    json!({
        "type": "model", "id": id, "display_name": name.collect::<Vec<_>>().join(" "),
        "created_at": created_at, "lifecycle": "active", "deprecated_at": null, "retires_at": null,
        "line": LINES.iter().find(|line| id.split('-').any(|word| word == **line)),
        "max_input_tokens": null, "max_tokens": null, "capabilities": null,
        // Declared by the SDKs' beta types alone, whose request is the same.
        "allowed_fallback_models": null,
    })
}

async fn list(State(service): State<Service>, query: Query) -> Result<Json<Value>, ApiError> {
    let limit = query.limit(20, 1_000)?;
    let lifecycle = query.all("lifecycle");
    if let Some(other) = lifecycle.iter().find(|word| !["active", "deprecated", "retired"].contains(word)) {
        return Err(ApiError::invalid(format!("lifecycle: `{other}` is not a lifecycle")));
    }
    let mut models = models(&service);
    if !lifecycle.is_empty() && !lifecycle.contains(&"active") {
        models.clear();
    }
    let place = |id: &str, name: &str| {
        let unknown = || ApiError::invalid(format!("{name}: there is no model `{id}`"));
        models.iter().position(|model| model == id).ok_or_else(unknown)
    };
    let (page, has_more) = match (query.one("after_id"), query.one("before_id")) {
        (Some(_), Some(_)) => {
            return Err(ApiError::invalid("after_id: cannot be combined with before_id"));
        }
        (None, Some(id)) => {
            let end = place(id, "before_id")?;
            let start = end.saturating_sub(limit);
            (&models[start..end], start > 0)
        }
        (after, None) => {
            let start = after.map_or(Ok(0), |id| place(id, "after_id").map(|at| at + 1))?;
            let end = models.len().min(start + limit);
            (&models[start..end], end < models.len())
        }
    };
    Ok(Json(json!({
        "data": page.iter().map(|id| shown(id)).collect::<Vec<_>>(),
        "has_more": has_more, "first_id": page.first(), "last_id": page.last(),
    })))
}

async fn retrieve(State(service): State<Service>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let is_known = |name: &str| models(&service).iter().any(|model| model == name);
    // An alias is a model's id with a date at its end.
    let undated = id.rsplit_once('-').filter(|(_, date)| date.len() == 8).map(|(model, _)| model);
    match [Some(id.as_str()), undated].into_iter().flatten().find(|name| is_known(name)) {
        Some(model) => Ok(Json(shown(model))),
        None => Err(ApiError::not_found(format!("there is no model `{id}`"))),
    }
}
