//! What happens to a call that a rule acts on.

use std::sync::{Arc, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::time::sleep;

use crate::server::error::ApiError;
use crate::server::line::Line;

use super::{Misbehaviour, Rule, What, When, sse};

/// More than any answer holds.
const ANSWER_LIMIT: usize = 256 * 1024 * 1024;

/// Answers a call, unless a rule says otherwise.
pub(in crate::server) async fn misbehave(
    State(double): State<Arc<Misbehaviour>>,
    request: Request,
    next: Next,
) -> Response {
    let delay = double.faults.next_delay();
    if !delay.is_zero() {
        sleep(delay).await;
    }
    let address = request.uri().clone();
    let Some(rule) = double.faults.next(request.method(), address.path()) else {
        return next.run(request).await;
    };
    tracing::debug!(what = ?rule.what, "a fault on purpose");
    let line = request.extensions().get::<ConnectInfo<Line>>().map(|ConnectInfo(line)| line.clone());
    match rule.when {
        // What is under way goes on behind a caller that leaves.
        When::Before if matches!(rule.what, What::Delay(_)) => {
            let What::Delay(time) = rule.what else { return next.run(request).await };
            let late = tokio::spawn(async move {
                sleep(time).await;
                next.run(request).await
            });
            late.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
        }
        When::Before => match instead(&double, &rule.what, line).await {
            Some(response) => response,
            None => next.run(request).await,
        },
        When::After => {
            let response = next.run(request).await;
            match instead(&double, &rule.what, line).await {
                Some(other) => other,
                None => change(&double, rule, &address, response).await,
            }
        }
    }
}

/// Returns what is answered whatever the answer would be, once it is time.
async fn instead(double: &Misbehaviour, what: &What, line: Option<Line>) -> Option<Response> {
    let cut = || {
        if let Some(line) = &line {
            line.cut();
        }
        // Nobody gets to see it.
        StatusCode::BAD_GATEWAY.into_response()
    };
    match what {
        What::Status { status, kind, retry_after, should_retry } => {
            let mut error = ApiError::new(*status, kind, "a fault on purpose");
            if let Some(seconds) = retry_after {
                error = error.retry_after(*seconds);
            }
            let error = match should_retry {
                Some(true) => error.repeatable(),
                Some(false) => error.settled(),
                None => error,
            };
            Some(error.into_response())
        }
        What::HangUp => Some(cut()),
        What::Hang => {
            double.service.closing().await;
            Some(cut())
        }
        What::Delay(time) => {
            sleep(*time).await;
            None
        }
        What::Garbage => {
            Some(Html("<html><body>please sign in to the network</body></html>").into_response())
        }
        _ => None,
    }
}

/// Changes an answer.
async fn change(double: &Misbehaviour, rule: &Rule, address: &Uri, response: Response) -> Response {
    if !response.status().is_success() {
        return response;
    }
    let path = address.path();
    match &rule.what {
        What::Torn(length) => torn(response, *length).await,
        What::Set(fields) => {
            with_json(response, |body| {
                for (pointer, value) in fields {
                    put(body, pointer, value.clone());
                }
            })
            .await
        }
        What::LoopCursor => {
            with_json(response, |body| {
                let Some(next) = body.get_mut("next_page") else { return };
                let mut first = rule.first.lock().unwrap_or_else(PoisonError::into_inner);
                match (first.get(path), next.as_str()) {
                    (Some((_, cursor)), _) => *next = String::from_utf8_lossy(cursor).into(),
                    (None, Some(cursor)) => {
                        let cursor = Bytes::copy_from_slice(cursor.as_bytes());
                        first.insert(path.to_owned(), (StatusCode::OK, cursor));
                    }
                    (None, None) => {}
                }
            })
            .await
        }
        What::Stale => stale(rule, &address.to_string(), response).await,
        What::SseDie(_) | What::SseEnd(_) | What::SseHang(_) | What::SseRepeat | What::SseSlow(_) => {
            sse::change(response, rule.what.clone(), double.service.closing())
        }
        What::Pass | What::Status { .. } | What::HangUp | What::Hang | What::Delay(_) | What::Garbage => {
            response
        }
    }
}

/// Takes an answer apart; one that cannot be read to its end is empty.
async fn read(response: Response) -> (axum::http::response::Parts, Bytes) {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, ANSWER_LIMIT).await.unwrap_or_default();
    (parts, body)
}

async fn with_json(response: Response, change: impl FnOnce(&mut Value)) -> Response {
    let (mut parts, body) = read(response).await;
    let Ok(mut json) = serde_json::from_slice(&body) else {
        return Response::from_parts(parts, body.into());
    };
    change(&mut json);
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, json.to_string().into())
}

/// Puts a value where a pointer leads, as far as there is a place: a new field, or an old one or item.
fn put(body: &mut Value, pointer: &str, value: Value) {
    if let Some(place) = body.pointer_mut(pointer) {
        *place = value;
    } else if let Some((above, name)) = pointer.rsplit_once('/')
        && let Some(Value::Object(above)) = body.pointer_mut(above)
    {
        above.insert(name.replace("~1", "/").replace("~0", "~"), value);
    }
}

/// Sends the beginning of a body under the length of the whole.
async fn torn(response: Response, length: usize) -> Response {
    let (mut parts, body) = read(response).await;
    parts.headers.insert(CONTENT_LENGTH, body.len().into());
    if length >= body.len() {
        return Response::from_parts(parts, body.into());
    }
    let beginning = stream::once(async move { Ok(body.slice(..length)) });
    // What was sent is flushed while the stream has nothing more to give.
    let end = stream::once(async {
        tokio::task::yield_now().await;
        Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe))
    });
    Response::from_parts(parts, Body::from_stream(beginning.chain(end)))
}

async fn stale(rule: &Rule, address: &str, response: Response) -> Response {
    let (mut parts, body) = read(response).await;
    let mut first = rule.first.lock().unwrap_or_else(PoisonError::into_inner);
    let (status, body) = first.entry(address.to_owned()).or_insert((parts.status, body)).clone();
    parts.status = status;
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, body.into())
}
