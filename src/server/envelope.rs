//! Around every request: its id, the headers every answer has, errors in the API's form, and the trace.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use crate::backend::local::mint;
use crate::backend::wire::{ErrorBody, ErrorDetail, header};

use super::error::Told;
use super::keys::Caller;
use super::line::Line;

/// Whose server it is, as its answers say.
#[derive(Debug)]
pub(super) struct Envelope {
    pub(super) organization: HeaderValue,
    pub(super) workspace: HeaderValue,
}

/// Answers a request, and says in the trace how. Neither keys nor bodies nor queries are traced.
pub(super) async fn wrap(State(envelope): State<Arc<Envelope>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = mint::mint("req_");
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    if let Some(ConnectInfo(line)) = request.extensions().get::<ConnectInfo<Line>>() {
        line.heard();
    }
    // What goes wrong on the way is told with the id that the caller sees, at any level.
    let mut response = next.run(request).instrument(tracing::error_span!("request", id)).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        response = in_form(response, &id);
    }
    let status = response.status();
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(HeaderName::from_static(name), value);
    if let Ok(id) = HeaderValue::from_str(&id) {
        set(header::REQUEST_ID, id);
    }
    set(header::ORGANIZATION, envelope.organization.clone());
    set(header::WORKSPACE, envelope.workspace.clone());
    if status == StatusCode::UNAUTHORIZED {
        // Without a key nobody keeps a connection.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    tracing::info!(
        request = id,
        %method,
        route = route.as_deref().unwrap_or("none"),
        status = status.as_u16(),
        key = response.extensions().get::<Caller>().map(|caller| &*caller.key),
        microseconds = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
    response
}

/// Gives an error the API's body, with the id of the request.
fn in_form(response: Response, id: &str) -> Response {
    let status = response.status();
    let (mut parts, _) = response.into_parts();
    let detail = parts.extensions.remove::<Told>().map(|told| told.0).unwrap_or_else(|| ErrorDetail {
        kind: "invalid_request_error".to_owned(),
        message: status.canonical_reason().unwrap_or("not understood").to_lowercase(),
        ..ErrorDetail::default()
    });
    let body = ErrorBody { kind: "error".to_owned(), error: detail, request_id: Some(id.to_owned()) };
    let mut response = (status, Json(body)).into_response();
    keep(response.headers_mut(), &parts.headers);
    response
}

fn keep(headers: &mut HeaderMap, old: &HeaderMap) {
    for (name, value) in old {
        if ![CONTENT_TYPE, CONTENT_LENGTH].contains(name) {
            headers.append(name.clone(), value.clone());
        }
    }
}
