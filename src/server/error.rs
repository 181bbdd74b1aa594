//! What a request is told when it fails: a public message in the API's envelope; the private one goes to
//! the trace.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use axum::response::{IntoResponse, Response};

use crate::backend::Refusal;
use crate::backend::local::LocalError;
use crate::backend::wire::{ErrorBody, ErrorDetail, Object, STORAGE_QUOTA_EXCEEDED, header};

/// A failed request.
#[derive(Debug, Clone)]
pub struct ApiError {
    status: StatusCode,
    detail: Box<ErrorDetail>,
    /// What SDKs are told about sending the request again, if anything.
    should_retry: Option<bool>,
    /// After how many seconds to ask again.
    retry_after: Option<u64>,
}

/// What the outermost layer makes the body of, once it knows the request's id.
#[derive(Debug, Clone)]
pub(super) struct Told(pub(super) ErrorDetail);

impl ApiError {
    /// Makes an error of one of the API's kinds.
    pub(super) fn new(status: StatusCode, kind: &str, message: impl Into<String>) -> Self {
        let detail = ErrorDetail { kind: kind.to_owned(), message: message.into(), ..ErrorDetail::default() };
        Self { status, detail: Box::new(detail), should_retry: None, retry_after: None }
    }

    /// 400: the request breaks a rule. Messages begin with the field.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    /// 400: the store has no room for one memory more.
    fn full(message: impl Into<String>) -> Self {
        let mut error = Self::invalid(message);
        error.detail.details =
            Some(Object::from_iter([("error_code".to_owned(), STORAGE_QUOTA_EXCEEDED.into())]));
        error
    }

    /// 404: there is no such thing.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found_error", message)
    }

    /// 401: no key, or a wrong one.
    pub(super) fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "authentication_error", message)
    }

    /// 404: what is asked for does not exist, or not for this key and these betas.
    pub(super) fn nowhere() -> Self {
        Self::not_found("Not found")
    }

    /// 413: the body is too large.
    pub(super) fn too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request_too_large", "the body is larger than 32 MB")
    }

    /// 409: the thing is in the wrong state. SDKs retry a 409 unless told not to.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        let error = Self::new(StatusCode::CONFLICT, "conflict_error", message);
        Self { should_retry: Some(false), ..error }
    }

    /// 409: the content is not what the request expects.
    pub(super) fn precondition_failed(message: impl Into<String>) -> Self {
        let error = Self::new(StatusCode::CONFLICT, "memory_precondition_failed_error", message);
        Self { should_retry: Some(false), ..error }
    }

    /// 409: another memory is where this one would go.
    pub(super) fn path_conflict(path: &str, memory: &str) -> Self {
        let message = format!("path: a memory at `{path}` is in the way");
        let mut error = Self::new(StatusCode::CONFLICT, "memory_path_conflict_error", message);
        error.detail.conflicting_path = Some(path.to_owned());
        error.detail.conflicting_memory_id = Some(memory.to_owned());
        Self { should_retry: Some(false), ..error }
    }

    /// 500, with what happened in the trace alone.
    pub(super) fn internal(private: &str) -> Self {
        tracing::error!(reason = private, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "api_error", "internal server error")
    }

    /// Tells SDKs not to send the request again.
    pub(super) fn settled(self) -> Self {
        Self { should_retry: Some(false), ..self }
    }

    /// Tells SDKs to send the request again.
    pub(super) fn repeatable(self) -> Self {
        Self { should_retry: Some(true), ..self }
    }

    /// Says after how many seconds to ask again.
    pub(super) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

impl From<LocalError> for ApiError {
    fn from(error: LocalError) -> Self {
        match error {
            LocalError::Refused { kind, message } => match kind {
                Refusal::NotFound => Self::not_found(message),
                Refusal::Conflict => Self::conflict(message),
                Refusal::Invalid | Refusal::Limit => Self::invalid(message),
                Refusal::Full => Self::full(message),
                Refusal::NotAuthorised => Self::new(StatusCode::FORBIDDEN, "permission_error", message),
                Refusal::Internal => Self::internal(&message),
            },
            LocalError::PathTaken { path, memory, .. } => Self::path_conflict(&path, &memory),
            LocalError::HashDiffers { message } => Self::precondition_failed(message),
            LocalError::Busy { .. } => {
                let status = StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
                Self::new(status, "overloaded_error", "the database is busy").retry_after(1)
            }
            other => Self::internal(&other.in_full()),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody { kind: "error".to_owned(), error: (*self.detail).clone(), request_id: None };
        let mut response = (self.status, Json(body)).into_response();
        if let Some(should_retry) = self.should_retry {
            let word = HeaderValue::from_static(if should_retry { "true" } else { "false" });
            response.headers_mut().insert(header::SHOULD_RETRY, word);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(Told(*self.detail));
        response
    }
}
