//! What became of a request, sorted by what may be done next.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;

use crate::backend::wire::{ErrorBody, STORAGE_QUOTA_EXCEEDED, header};
use crate::backend::{BackendError, Refusal};
use crate::memory::is_hidden;

/// The longest text of a server's that is passed on, in characters.
const WORDS_LIMIT: usize = 600;

/// Why a request brought no usable answer.
#[derive(Debug, Clone)]
pub(super) enum Failed {
    /// Nothing left this process.
    NotSent {
        /// What stood in the way.
        reason: String,
        /// Whether it may go better in a moment.
        is_passing: bool,
    },
    /// The server answered no.
    Refused(Box<Refused>),
    /// It left, and no answer that can be trusted came.
    Unanswered {
        /// What came instead.
        reason: String,
        /// Whether it may go better in a moment.
        is_passing: bool,
    },
}

/// A refusal as the server put it.
#[derive(Debug, Clone, Default)]
pub(super) struct Refused {
    /// The HTTP status; 0 if nothing was asked.
    pub(super) status: u16,
    /// The kind of refusal, where it is not the one that the status stands for.
    pub(super) known_as: Option<Refusal>,
    /// The API's error type; empty if the body was none of the API's.
    pub(super) kind: String,
    /// The server's words.
    pub(super) message: String,
    /// The API's finer code.
    pub(super) code: Option<String>,
    /// The id of the request.
    pub(super) request_id: Option<String>,
    /// What the server says of repeating.
    pub(super) should_retry: Option<bool>,
    /// How long to wait first.
    pub(super) retry_after: Option<Duration>,
}

impl Failed {
    /// Nothing left, and another attempt may do better.
    pub(super) fn not_sent(reason: impl Into<String>) -> Self {
        Self::NotSent { reason: reason.into(), is_passing: true }
    }

    /// It left, no answer came, and another attempt may do better.
    pub(super) fn unanswered(reason: impl Into<String>) -> Self {
        Self::Unanswered { reason: reason.into(), is_passing: true }
    }

    /// What the server sent cannot be used, and would not be better if it were asked for again.
    pub(super) fn unusable(reason: impl Into<String>) -> Self {
        Self::Unanswered { reason: reason.into(), is_passing: false }
    }

    /// A refusal of our own.
    pub(super) fn refused(kind: Refusal, message: impl Into<String>) -> Self {
        let refused = Refused { known_as: Some(kind), message: message.into(), ..Refused::default() };
        Self::Refused(refused.into())
    }

    /// Returns the HTTP status of a refusal.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refused) => Some(refused.status),
            _ => None,
        }
    }

    /// Says whether waiting may help: the network or the server is in trouble, and said nothing about the
    /// request itself.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::NotSent { is_passing, .. } | Self::Unanswered { is_passing, .. } => *is_passing,
            Self::Refused(refused) => {
                !refused.is_spent() && (matches!(refused.status, 408 | 429) || refused.status >= 500)
            }
        }
    }

    /// Tells a caller of the trait.
    pub(super) fn into_backend(self, action: &'static str) -> BackendError {
        match self {
            Self::NotSent { reason, .. } => BackendError::NotSent { action, reason },
            Self::Unanswered { reason, .. } => BackendError::Unanswered { action, reason },
            Self::Refused(refused) => {
                BackendError::Refused { action, kind: refused.refusal(), message: refused.to_string() }
            }
        }
    }
}

impl Refused {
    /// Reads the answer to a request that did not succeed. `mask` takes out what nobody may see; it is used
    /// before anything is cut off, so that no part is left either.
    pub(super) fn of(
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
        mask: impl Fn(&str) -> String,
    ) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let clean = |text: &str, limit: usize| clean(&mask(text), limit);
        let mut refused = Self {
            status,
            request_id: text(header::REQUEST_ID).map(|id| clean(id, 100)),
            should_retry: text(header::SHOULD_RETRY).and_then(|word| word.trim().parse().ok()),
            retry_after: retry_after(headers, now),
            ..Self::default()
        };
        match serde_json::from_slice::<ErrorBody>(body) {
            Ok(body) => {
                let code = body.error.details.as_ref().and_then(|details| details.get("error_code"));
                refused.code = code.and_then(|code| code.as_str()).map(|code| clean(code, 100));
                refused.kind = clean(&body.error.kind, 100);
                refused.message = clean(&body.error.message, WORDS_LIMIT);
                refused.request_id = refused.request_id.or(body.request_id.map(|id| clean(&id, 100)));
            }
            // A proxy's page says more than nothing, in its first words.
            Err(_) => refused.message = clean(&String::from_utf8_lossy(body), 200),
        }
        refused
    }

    /// Says whether a limit on spending is reached, which no waiting helps.
    pub(super) fn is_spent(&self) -> bool {
        self.code.as_deref().is_some_and(|code| code.ends_with("spend_limit_reached"))
    }

    /// Returns the kind of refusal, for a caller who does not speak HTTP.
    pub(super) fn refusal(&self) -> Refusal {
        let is_limit = self.is_spent() || self.code.as_deref() == Some("ramp_limit_exceeded");
        if let Some(kind) = self.known_as {
            return kind;
        }
        match self.status {
            _ if self.code.as_deref() == Some(STORAGE_QUOTA_EXCEEDED) => Refusal::Full,
            _ if is_limit => Refusal::Limit,
            401 | 403 => Refusal::NotAuthorised,
            402 | 429 => Refusal::Limit,
            404 | 410 => Refusal::NotFound,
            409 | 412 => Refusal::Conflict,
            500.. => Refusal::Internal,
            _ => Refusal::Invalid,
        }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.status == 0 {
            return write!(f, "{}", self.message);
        }
        let words = if self.message.is_empty() { "no reason given" } else { &self.message };
        write!(f, "{words} (HTTP {}", self.status)?;
        if !self.kind.is_empty() {
            write!(f, " {}", self.kind)?;
        }
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        if let Some(id) = &self.request_id {
            write!(f, ", request {id}")?;
        }
        write!(f, ")")?;
        match self.retry_after {
            Some(wait) if wait > super::retry::PATIENCE => {
                write!(f, "; it asks to be left alone for {} seconds", wait.as_secs())
            }
            _ => Ok(()),
        }
    }
}

/// Reads how long a server wants to be left alone: milliseconds, seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let of = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
    if let Some(wait) = text("retry-after-ms").and_then(|text| of(text.parse::<f64>().ok()? / 1000.0)) {
        return Some(wait);
    }
    let text = text("retry-after")?;
    if let Ok(seconds) = text.parse::<f64>() {
        return of(seconds);
    }
    let until = http_date(text)?;
    Some(Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// Reads a date as HTTP writes it.
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// Makes a server's text fit for one line of a terminal.
pub(super) fn clean(text: &str, limit: usize) -> String {
    let line: String = text.chars().take(limit * 2).map(|c| if is_hidden(c) { ' ' } else { c }).collect();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_wait_is_read_in_each_of_its_forms() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let read = |pairs: &[(&'static str, &str)]| retry_after(&headers(pairs), now);
        assert_eq!(read(&[("retry-after", "3")]), Some(Duration::from_secs(3)));
        assert_eq!(read(&[("retry-after", "0.5")]), Some(Duration::from_millis(500)));
        let both = [("retry-after-ms", "250"), ("retry-after", "3")];
        assert_eq!(read(&both), Some(Duration::from_millis(250)));
        let date = [("retry-after", "Sun, 22 Nov 2026 10:00:30 GMT")];
        assert_eq!(read(&date), Some(Duration::from_secs(30)));
        let past = [("retry-after", "Sun, 22 Nov 2026 09:00:30 GMT")];
        assert_eq!(read(&past), Some(Duration::ZERO));
        for nonsense in ["soon", "-1", "NaN", "1e300", ""] {
            assert_eq!(read(&[("retry-after", nonsense)]), None, "{nonsense}");
        }
    }

    #[test]
    fn a_refusal_tells_status_type_and_request_in_one_clean_line() {
        let body =
            br#"{"type":"error","error":{"type":"not_found_error","message":"no\u001b[31m such\nthing"},
            "request_id":"req_body"}"#;
        let now = Timestamp::UNIX_EPOCH;
        let refused = Refused::of(404, &headers(&[("request-id", "req_1")]), body, now, str::to_owned);
        assert_eq!(refused.to_string(), "no [31m such thing (HTTP 404 not_found_error, request req_1)");
        assert_eq!(refused.refusal(), Refusal::NotFound);
        let page = Refused::of(502, &HeaderMap::new(), b"<html>bad gateway", now, str::to_owned);
        assert_eq!(page.to_string(), "<html>bad gateway (HTTP 502)");
        assert_eq!(
            Refused::of(503, &HeaderMap::new(), b"", now, str::to_owned).to_string(),
            "no reason given (HTTP 503)"
        );
    }
}
