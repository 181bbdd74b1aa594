//! What stands before every resource: the key, the workspace, the API version and the betas.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;

use crate::backend::wire::{API_VERSION, beta, header};

use super::error::ApiError;
use super::keys::{Caller, Keys};

/// The largest body.
pub(super) const BODY_LIMIT: usize = 32 * 1024 * 1024;
/// How much of a body that is too large is read past, so that its sender gets to the answer.
const READ_PAST: u64 = 4 * BODY_LIMIT as u64;

/// What older SDKs and the documentation's examples send.
const OLDER_VERSION: &str = "2023-06-01";

/// What a request is checked against.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) keys: Keys,
    pub(super) workspace: Arc<str>,
    /// Whether requests that open no beta are served all the same.
    pub(super) accepts_without_beta: bool,
    /// Whether the keys have access to dreams.
    pub(super) has_preview: bool,
}

/// Lets a request through, with its [`Caller`] among its extensions, or answers it.
pub(super) async fn check(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    let caller = match gate.check(request.uri().path(), request.headers()) {
        Ok(caller) => caller,
        Err(error) => return error.into_response(),
    };
    if let Some(length) = too_large(request.headers()) {
        if length <= READ_PAST {
            let mut body = request.into_body().into_data_stream();
            while let Some(Ok(_)) = body.next().await {}
        }
        return ApiError::too_large().into_response();
    }
    request.extensions_mut().insert(caller.clone());
    let mut response = next.run(request).await;
    response.extensions_mut().insert(caller);
    response
}

fn too_large(headers: &HeaderMap) -> Option<u64> {
    let length: u64 = headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()?;
    (length > BODY_LIMIT as u64).then_some(length)
}

impl Gate {
    fn check(&self, path: &str, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let caller = self.keys.caller(headers)?;
        if let Some(workspace) = headers.get(header::WORKSPACE)
            && workspace.as_bytes() != self.workspace.as_bytes()
        {
            return Err(ApiError::invalid(format!("{}: not the workspace of this key", header::WORKSPACE)));
        }
        match headers.get(header::VERSION).map(|version| version.to_str().unwrap_or_default()) {
            None => return Err(ApiError::invalid(format!("{}: header is required", header::VERSION))),
            Some(API_VERSION | OLDER_VERSION) => {}
            Some(_) => {
                let message = format!(
                    "{}: not a valid version, known are {API_VERSION} and {OLDER_VERSION}",
                    header::VERSION
                );
                return Err(ApiError::invalid(message));
            }
        }
        let family = family(path);
        let opened = betas(headers)?;
        let has = |name: &str| opened.iter().any(|beta| beta == name);
        if family == "memory_stores" && has(beta::AGENT_MEMORY) && has(beta::MANAGED_AGENTS) {
            return Err(ApiError::invalid(format!(
                "{}: `{}` and `{}` cannot be used together on memory stores",
                header::BETA,
                beta::AGENT_MEMORY,
                beta::MANAGED_AGENTS
            )));
        }
        let is_open = match family {
            "dreams" => has(beta::DREAMING),
            "memory_stores" => has(beta::AGENT_MEMORY) || has(beta::MANAGED_AGENTS),
            "sessions" | "agents" | "environments" | "deployments" | "deployment_runs" | "vaults" => {
                has(beta::MANAGED_AGENTS)
            }
            _ => true,
        };
        if !(is_open || self.accepts_without_beta) || (family == "dreams" && !self.has_preview) {
            return Err(ApiError::nowhere());
        }
        Ok(caller)
    }
}

/// Returns the word that names a family of endpoints.
fn family(path: &str) -> &str {
    path.strip_prefix("/v1/").and_then(|rest| rest.split('/').next()).unwrap_or_default()
}

/// Returns the betas a request opens, from any number of headers.
fn betas(headers: &HeaderMap) -> Result<Vec<String>, ApiError> {
    let mut opened = Vec::new();
    let mut unknown = Vec::new();
    for value in headers.get_all(header::BETA) {
        let text = String::from_utf8_lossy(value.as_bytes());
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name {
                beta::DREAMING | beta::AGENT_MEMORY | beta::MANAGED_AGENTS => opened.push(name.to_owned()),
                _ => unknown.push(format!("`{}`", name.escape_debug())),
            }
        }
    }
    match unknown.is_empty() {
        true => Ok(opened),
        false => Err(ApiError::invalid(format!(
            "Unexpected value(s) {} for the `anthropic-beta` header",
            unknown.join(", ")
        ))),
    }
}
