//! The events of a session: sent, listed, and streamed as they come.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::stream::unfold;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::backend::local::LocalBackend;
use crate::backend::local::recorded::{EventFilter, Listening, News};
use crate::backend::wire::{Object, Page, Sent};
use crate::ids::SessionId;

use super::Service;
use super::error::ApiError;
use super::extract::{Body, Query};
use super::listing::bounds;
use super::page::Cursor;
use super::sessions::{check_thread, session_id};

/// How often a comment is sent on a stream that has nothing to tell.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often a stream looks for events that another process recorded.
const LOOK: Duration = Duration::from_secs(1);
/// What previews can be asked for.
const PREVIEWS: [&str; 2] = ["agent.message", "agent.thinking"];
/// The most previews one request may name.
const PREVIEWS_LIMIT: usize = 100;

pub(super) fn routes() -> Router<Service> {
    Router::new()
        .route("/v1/sessions/{id}/events", get(list).post(send))
        .route("/v1/sessions/{id}/events/stream", get(stream))
        .route("/v1/sessions/{id}/threads/{thread}/events", get(list_of_thread))
        .route("/v1/sessions/{id}/threads/{thread}/stream", get(stream_of_thread))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SendEvents {
    events: Vec<Object>,
}

async fn send(
    State(service): State<Service>,
    Path(id): Path<String>,
    Body(body): Body<SendEvents>,
) -> Result<Json<Sent>, ApiError> {
    let data = service.local.recorded().send(&session_id(&id)?, body.events, service.is_recording)?;
    Ok(Json(Sent { data }))
}

async fn list(
    State(service): State<Service>,
    Path(id): Path<String>,
    query: Query,
) -> Result<Json<Page<Object>>, ApiError> {
    page(&service, &session_id(&id)?, &query).map(Json)
}

async fn list_of_thread(
    State(service): State<Service>,
    Path((id, thread)): Path<(String, String)>,
    query: Query,
) -> Result<Json<Page<Object>>, ApiError> {
    check_thread(&id, &thread)?;
    page(&service, &session_id(&id)?, &query).map(Json)
}

fn page(service: &Service, id: &SessionId, query: &Query) -> Result<Page<Object>, ApiError> {
    let filter = EventFilter {
        types: query.all("types").into_iter().map(str::to_owned).collect(),
        processed: bounds(query, "created_at")?,
    };
    let limit = query.limit(20, 1_000)?;
    let is_ascending = query.word("order", &["asc", "desc"])? == "asc";
    let name = if is_ascending { "events:asc" } else { "events:desc" };
    let after = match Cursor::of(query, name)? {
        None => None,
        Some(cursor) => {
            Some(cursor.key.parse().map_err(|_| ApiError::invalid("page: not a cursor of this list"))?)
        }
    };
    let mut found = service.local.recorded().events(id, &filter, is_ascending, after, limit + 1)?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next_page = found.last().filter(|_| has_more).map(|(seq, _)| Cursor::after(name, seq).text());
    Ok(Page { data: found.into_iter().map(|(_, event)| event).collect(), next_page })
}

async fn stream(
    State(service): State<Service>,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, ApiError> {
    open(&service, session_id(&id)?, &query)
}

async fn stream_of_thread(
    State(service): State<Service>,
    Path((id, thread)): Path<(String, String)>,
    query: Query,
) -> Result<Response, ApiError> {
    check_thread(&id, &thread)?;
    open(&service, session_id(&id)?, &query)
}

/// Opens a stream of what happens from now on. Nobody writes an event bit by bit here, so previews can be
/// asked for and never come.
fn open(service: &Service, session: SessionId, query: &Query) -> Result<Response, ApiError> {
    let previews = query.all("event_deltas");
    if previews.len() > PREVIEWS_LIMIT {
        return Err(ApiError::invalid(format!("event_deltas: more than {PREVIEWS_LIMIT} values")));
    }
    if let Some(other) = previews.iter().find(|kind| !PREVIEWS.contains(kind)) {
        return Err(ApiError::invalid(format!("event_deltas: `{other}` has no previews")));
    }
    let Listening { bell, last, is_over } = service.local.recorded().listen(&session)?;
    let follower = Follower {
        local: Arc::clone(&service.local),
        session,
        bell,
        after: last,
        closing: Box::pin(service.closing()),
        waiting: VecDeque::new(),
        is_over,
    };
    let frames = unfold(follower, |mut follower| async move {
        follower.next().await.map(|event| (Ok::<_, Infallible>(event), follower))
    });
    Ok(Sse::new(frames).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

/// Follows the events of one session for one stream.
struct Follower {
    local: Arc<LocalBackend>,
    session: SessionId,
    bell: watch::Receiver<()>,
    /// The number of the last event that was seen.
    after: u64,
    closing: Pin<Box<dyn Future<Output = ()> + Send>>,
    waiting: VecDeque<Object>,
    is_over: bool,
}

impl Follower {
    /// Waits for the next event; none when the stream is to end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(framed(&event));
            }
            if self.is_over {
                return None;
            }
            // Whatever rings from here on is noticed by the wait below.
            self.bell.mark_unchanged();
            match self.local.recorded().news(&self.session, self.after) {
                Ok(News::Deleted) => {
                    self.waiting.push_back(self.local.recorded().farewell());
                    self.is_over = true;
                    continue;
                }
                Ok(News::Events(_, events)) if events.is_empty() => {}
                Ok(News::Events(last, events)) => {
                    self.after = last;
                    self.is_over = events.iter().any(is_last);
                    self.waiting.extend(events);
                    continue;
                }
                Err(error) => tracing::warn!(%error, "a stream could not look for events"),
            }
            tokio::select! {
                // A bell that is taken down leaves the looks.
                rung = self.bell.changed() => if rung.is_err() { sleep(LOOK).await },
                () = sleep(LOOK) => {}
                () = &mut self.closing => return None,
            }
        }
    }
}

/// Says whether nothing comes after an event.
fn is_last(event: &Object) -> bool {
    event.get("type").and_then(Value::as_str) == Some("session.status_terminated")
}

fn framed(event: &Object) -> Event {
    let kind = event.get("type").and_then(Value::as_str).unwrap_or("message");
    Event::default().event(kind).data(Value::Object(event.clone()).to_string())
}
