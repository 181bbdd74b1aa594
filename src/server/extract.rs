//! Bodies and queries, read as strictly as the API reads them.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// A JSON body. An unknown, missing or wrongly typed field is a 400 that names it.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = read(request, state).await?;
        let mut reader = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            let inner = error.into_inner();
            match path.as_str() {
                "." => ApiError::invalid(format!("body: {inner}")),
                path => ApiError::invalid(format!("{path}: {inner}")),
            }
        })?;
        reader.end().map_err(|error| ApiError::invalid(format!("body: {error}")))?;
        Ok(Self(value))
    }
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state).await.map_err(|rejected| match rejected.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large(),
        _ => ApiError::invalid("body: could not be read to its end"),
    })
}

/// The query of a request, decoded. A parameter it does not ask for is passed over, `beta` among them.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        Self::parse(parts.uri.query().unwrap_or_default())
    }
}

impl Query {
    fn parse(text: &str) -> Result<Self, ApiError> {
        let decode = |text: &str| {
            percent_decode_str(&text.replace('+', "%20"))
                .decode_utf8()
                .map(|text| text.into_owned())
                .map_err(|_| ApiError::invalid("query: not UTF-8"))
        };
        // A time's offset may come with a bare plus, which a form would read as a space.
        let value_of = |text: &str| {
            percent_decode_str(text)
                .decode_utf8()
                .map(|text| text.into_owned())
                .map_err(|_| ApiError::invalid("query: not UTF-8"))
        };
        let mut pairs = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((decode(name)?, value_of(value)?));
        }
        Ok(Self(pairs))
    }

    /// Returns a parameter; the last one, if it was given more than once.
    pub(super) fn one(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns a list, given as `name[]=` or, by older clients, as `name=`.
    pub(super) fn all(&self, name: &str) -> Vec<&str> {
        let is_it = |known: &str| known == name || known.strip_suffix("[]") == Some(name);
        self.0.iter().filter(|(known, _)| is_it(known)).map(|(_, value)| value.as_str()).collect()
    }

    /// Returns a yes or no; no if it was not given.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.one(name) {
            None | Some("false" | "False" | "0") => Ok(false),
            Some("true" | "True" | "1") => Ok(true),
            Some(_) => Err(ApiError::invalid(format!("{name}: must be true or false"))),
        }
    }

    /// Returns a whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.one(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| ApiError::invalid(format!("{name}: must be a whole number")))
    }

    /// Returns how many items a page may have.
    pub(super) fn limit(&self, default: usize, most: usize) -> Result<usize, ApiError> {
        match self.number("limit")? {
            None => Ok(default),
            Some(limit) if (1..=most as u64).contains(&limit) => Ok(usize::try_from(limit).unwrap_or(most)),
            Some(_) => Err(ApiError::invalid(format!("limit: must be from 1 to {most}"))),
        }
    }

    /// Returns a time.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let Some(text) = self.one(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| ApiError::invalid(format!("{name}: must be an RFC 3339 time")))
    }

    /// Returns one of some words, the first if none was given.
    pub(super) fn word<'a>(&self, name: &str, words: &[&'a str]) -> Result<&'a str, ApiError> {
        let Some(text) = self.one(name) else { return Ok(words[0]) };
        words
            .iter()
            .find(|word| **word == text)
            .copied()
            .ok_or_else(|| ApiError::invalid(format!("{name}: must be one of {}", words.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_reads_lists_ranges_and_times_as_sdks_write_them() {
        let text = "statuses%5B%5D=idle&statuses[]=running&beta=true&created_at%5Bgt%5D=2026-11-01T00%3A00%3A00%2B00%3A00&limit=7";
        let query = Query::parse(text).unwrap();
        assert_eq!(query.all("statuses"), ["idle", "running"]);
        assert_eq!(Query::parse("statuses=a&statuses=b").unwrap().all("statuses"), ["a", "b"]);
        let time = query.time("created_at[gt]").unwrap().unwrap();
        assert_eq!(time.to_string(), "2026-11-01T00:00:00Z");
        let bare = Query::parse("at=2026-11-01T00:00:00+00:00").unwrap();
        assert_eq!(bare.time("at").unwrap(), Some(time));
        assert_eq!(query.limit(20, 100).unwrap(), 7);
        assert!(query.limit(5, 6).is_err());
        assert!(Query::parse("limit=0").unwrap().limit(20, 100).is_err());
        assert!(Query::parse("limit=x").unwrap().limit(20, 100).is_err());
        assert!(Query::parse("a=%ff").is_err());
    }
}
