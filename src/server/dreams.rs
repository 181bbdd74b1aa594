//! Dreams: create, retrieve, list, cancel, archive (reference, section 3.1).

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;

use crate::backend::check_session_set;
use crate::backend::local::{DreamFilter, DreamRecord, DreamTerms, dream_status};
use crate::backend::wire::{
    Dream, DreamFault, DreamInput, DreamModel, DreamOutput, DreamUsage, Object, OutputBehavior, Page,
};
use crate::dream::{DreamRequest, INSTRUCTIONS_LIMIT};
use crate::ids::{DreamId, MemoryStoreId, SessionId};

use super::Service;
use super::error::ApiError;
use super::extract::{Body, Query};
use super::page::Cursor;

/// The name of the list in its cursors.
const LIST: &str = "dreams";
/// The longest id of a model, in characters.
const MODEL_LIMIT: usize = 256;
/// How dreams run; the API's type names a faster way too, which dreams do not take.
const SPEED: &str = "standard";

pub(super) fn routes() -> Router<Service> {
    Router::new()
        .route("/v1/dreams", post(create).get(list))
        .route("/v1/dreams/{dream}", get(retrieve))
        .route("/v1/dreams/{dream}/cancel", post(cancel))
        .route("/v1/dreams/{dream}/archive", post(archive))
}

/// A create body. What its parts hold is checked by hand, so that a refusal names the very field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    inputs: Vec<Value>,
    model: Value,
    #[serde(default)]
    instructions: Option<String>,
    #[serde(default)]
    output_behavior: Option<Value>,
}

async fn create(State(service): State<Service>, Body(asked): Body<Asked>) -> Result<Json<Dream>, ApiError> {
    let (store, sessions) = inputs(&asked.inputs)?;
    let model = model(&asked.model, &service.dream_models)?;
    let length = asked.instructions.as_ref().map(|text| text.chars().count());
    if let Some(length) = length.filter(|length| !(1..=INSTRUCTIONS_LIMIT).contains(length)) {
        return Err(ApiError::invalid(format!(
            "instructions: {length} characters, allowed are 1 to {INSTRUCTIONS_LIMIT}"
        )));
    }
    let updates_existing = updates_existing(asked.output_behavior.as_ref(), &store)?;
    let request = DreamRequest { store, sessions, model, instructions: asked.instructions };
    let terms = DreamTerms { mind: service.mind.to_string(), updates_existing };
    Ok(Json(shown(service.local.begin_dream(&request, &terms)?)))
}

async fn retrieve(State(service): State<Service>, Path(id): Path<String>) -> Result<Json<Dream>, ApiError> {
    Ok(Json(shown(service.local.dream_record(&dream_id(id)?)?)))
}

async fn cancel(State(service): State<Service>, Path(id): Path<String>) -> Result<Json<Dream>, ApiError> {
    Ok(Json(shown(service.local.cancel_record(&dream_id(id)?)?)))
}

async fn archive(State(service): State<Service>, Path(id): Path<String>) -> Result<Json<Dream>, ApiError> {
    Ok(Json(shown(service.local.archive_dream(&dream_id(id)?)?)))
}

async fn list(State(service): State<Service>, query: Query) -> Result<Json<Page<Dream>>, ApiError> {
    let statuses = query.all("statuses").into_iter().map(|word| {
        dream_status(word).map_err(|_| {
            ApiError::invalid("statuses: must be among pending, running, completed, failed, canceled")
        })
    });
    let below = Cursor::of(&query, LIST)?
        .map(|cursor| cursor.key.parse().map_err(|_| ApiError::invalid("page: not a cursor of this list")))
        .transpose()?;
    let filter = DreamFilter {
        after: query.time("created_at[gt]")?,
        before: query.time("created_at[lt]")?,
        statuses: statuses.collect::<Result<_, _>>()?,
        include_archived: query.flag("include_archived")?,
        below,
    };
    let limit = query.limit(20, 100)?;
    let mut found = service.local.list_dreams(&filter, limit + 1)?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| has_more);
    let next_page = last.map(|record| Cursor::after(LIST, record.seq).text());
    Ok(Json(Page { data: found.into_iter().map(shown).collect(), next_page }))
}

fn dream_id(text: String) -> Result<DreamId, ApiError> {
    let told = format!("there is no dream `{text}`");
    DreamId::parse(text).map_err(|_| ApiError::not_found(told))
}

/// Returns the store and the sessions that a dream is to read.
fn inputs(asked: &[Value]) -> Result<(MemoryStoreId, Vec<SessionId>), ApiError> {
    let (mut store, mut sessions) = (None, None);
    for (at, input) in asked.iter().enumerate() {
        let path = format!("inputs[{at}]");
        let object = object(input, &path)?;
        let twice = |kind: &str| ApiError::invalid(format!("{path}.type: a second input of type {kind}"));
        match kind(object, &path)? {
            "memory_store" => {
                only(object, &["type", "memory_store_id"], &path)?;
                let path = format!("{path}.memory_store_id");
                let id = text(object.get("memory_store_id"), &path)?;
                let id = MemoryStoreId::parse(id)
                    .map_err(|error| ApiError::invalid(format!("{path}: {error}")))?;
                if store.replace(id).is_some() {
                    return Err(twice("memory_store"));
                }
            }
            "sessions" => {
                only(object, &["type", "session_ids"], &path)?;
                let path = format!("{path}.session_ids");
                let Some(Value::Array(ids)) = object.get("session_ids") else {
                    return Err(ApiError::invalid(format!("{path}: must be an array of ids")));
                };
                let ids = ids.iter().enumerate().map(|(at, id)| {
                    let path = format!("{path}[{at}]");
                    let id = text(Some(id), &path)?;
                    SessionId::parse(id).map_err(|error| ApiError::invalid(format!("{path}: {error}")))
                });
                if sessions.replace(ids.collect::<Result<Vec<_>, _>>()?).is_some() {
                    return Err(twice("sessions"));
                }
            }
            _ => return Err(ApiError::invalid(format!("{path}.type: must be memory_store or sessions"))),
        }
    }
    let missing = |kind: &str| ApiError::invalid(format!("inputs: an input of type {kind} is required"));
    let store = store.ok_or_else(|| missing("memory_store"))?;
    let sessions = sessions.ok_or_else(|| missing("sessions"))?;
    check_session_set(&sessions).map_err(ApiError::invalid)?;
    Ok((store, sessions))
}

/// Returns the id of the model a dream is asked of, given as text or as an object.
fn model(asked: &Value, allowed: &[String]) -> Result<String, ApiError> {
    let (id, path) = match asked {
        Value::String(id) => (id.as_str(), "model"),
        Value::Object(object) => {
            only(object, &["id", "speed"], "model")?;
            match object.get("speed") {
                None | Some(Value::Null) => {}
                Some(Value::String(speed)) if speed == SPEED => {}
                Some(_) => {
                    return Err(ApiError::invalid(format!(
                        "model.speed: dreams run at `{SPEED}` speed only"
                    )));
                }
            }
            (text(object.get("id"), "model.id")?, "model.id")
        }
        _ => return Err(ApiError::invalid("model: must be a text or an object with an id")),
    };
    let length = id.chars().count();
    if !(1..=MODEL_LIMIT).contains(&length) {
        return Err(ApiError::invalid(format!(
            "{path}: {length} characters, allowed are 1 to {MODEL_LIMIT}"
        )));
    }
    if !allowed.iter().any(|known| known == id) {
        let names = allowed.join(", ");
        return Err(ApiError::invalid(format!("{path}: `{id}` does not dream here; these do: {names}")));
    }
    Ok(id.to_owned())
}

/// Says whether the result goes into the input store.
fn updates_existing(asked: Option<&Value>, input: &MemoryStoreId) -> Result<bool, ApiError> {
    const PATH: &str = "output_behavior";
    let Some(asked) = asked else { return Ok(false) };
    let object = object(asked, PATH)?;
    match kind(object, PATH)? {
        "create_new" => {
            only(object, &["type"], PATH)?;
            Ok(false)
        }
        "update_existing" => {
            only(object, &["type", "memory_store_id"], PATH)?;
            let path = "output_behavior.memory_store_id";
            if text(object.get("memory_store_id"), path)? == input.as_str() {
                return Ok(true);
            }
            Err(ApiError::invalid(format!("{path}: must be the input store, `{input}`")))
        }
        _ => Err(ApiError::invalid("output_behavior.type: must be create_new or update_existing")),
    }
}

fn object<'a>(value: &'a Value, path: &str) -> Result<&'a Object, ApiError> {
    value.as_object().ok_or_else(|| ApiError::invalid(format!("{path}: must be an object")))
}

fn kind<'a>(object: &'a Object, path: &str) -> Result<&'a str, ApiError> {
    text(object.get("type"), &format!("{path}.type"))
}

fn text<'a>(value: Option<&'a Value>, path: &str) -> Result<&'a str, ApiError> {
    match value {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(ApiError::invalid(format!("{path}: must be a text"))),
        None => Err(ApiError::invalid(format!("{path}: is required"))),
    }
}

/// Refuses fields that an object does not have.
fn only(object: &Object, known: &[&str], path: &str) -> Result<(), ApiError> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(ApiError::invalid(format!("{path}.{key}: extra inputs are not permitted"))),
        None => Ok(()),
    }
}

/// Returns a dream as the API shows it.
fn shown(record: DreamRecord) -> Dream {
    let DreamRecord { dream, updates_existing, session, archived_at, .. } = record;
    let store = dream.store.to_string();
    let output_behavior = if updates_existing {
        OutputBehavior::UpdateExisting { memory_store_id: store.clone() }
    } else {
        OutputBehavior::CreateNew
    };
    Dream {
        id: dream.id.to_string(),
        kind: "dream".to_owned(),
        status: dream.status.to_string(),
        inputs: vec![
            DreamInput::MemoryStore { memory_store_id: store },
            DreamInput::Sessions { session_ids: dream.sessions.iter().map(ToString::to_string).collect() },
        ],
        outputs: dream
            .output
            .iter()
            .map(|id| DreamOutput::MemoryStore { memory_store_id: id.to_string() })
            .collect(),
        model: DreamModel { id: dream.model, speed: Some(SPEED.to_owned()) },
        instructions: dream.instructions,
        output_behavior,
        session_id: session.map(String::from),
        created_at: dream.created_at,
        ended_at: dream.ended_at,
        archived_at,
        usage: DreamUsage {
            input_tokens: dream.usage.input_tokens,
            output_tokens: dream.usage.output_tokens,
            cache_read_input_tokens: dream.usage.cache_read_input_tokens,
            cache_creation_input_tokens: dream.usage.cache_creation_input_tokens,
        },
        error: dream.error.map(|error| DreamFault { kind: error.kind, message: error.message }),
    }
}
