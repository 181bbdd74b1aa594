//! Keys: who may ask, and what versions of memories call them.

use std::fmt;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::backend::wire::{Actor, header};

use super::error::ApiError;

/// The keys a server accepts. Only their hashes are kept.
#[derive(Clone, Default)]
pub struct Keys(Vec<Key>);

/// A key without a character: everybody would have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key is empty")]
pub struct EmptyKey;

#[derive(Clone)]
struct Key {
    id: Arc<str>,
    hash: [u8; 32],
}

/// Who sent a request, as an extension of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The id of the key; no secret.
    pub(crate) key: Arc<str>,
}

impl Caller {
    /// Returns what versions of memories call who sent the request.
    pub(super) fn actor(&self) -> Actor {
        Actor::ApiActor { api_key_id: self.key.to_string() }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

impl Keys {
    /// The id of a key that was given without one.
    pub const DEFAULT_ID: &str = "apikey_01default";

    /// Accepts one key.
    ///
    /// # Errors
    ///
    /// Refuses a blank one.
    pub fn one(key: &SecretString) -> Result<Self, EmptyKey> {
        let mut keys = Self::default();
        keys.add(Self::DEFAULT_ID, key)?;
        Ok(keys)
    }

    /// Accepts a further key, which versions of memories name by its id.
    ///
    /// # Errors
    ///
    /// Refuses a blank one.
    pub fn add(&mut self, id: &str, key: &SecretString) -> Result<(), EmptyKey> {
        let key = key.expose_secret();
        if key.trim().is_empty() {
            return Err(EmptyKey);
        }
        self.0.push(Key { id: id.into(), hash: hash(key.as_bytes()) });
        Ok(())
    }

    /// Says whether nobody can get in.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Finds out who sent a request: by `authorization` or, from older clients, by `x-api-key`.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let bearers = headers.get_all(AUTHORIZATION).iter().filter_map(|value| bearer(value.as_bytes()));
        let keys = headers.get_all(header::API_KEY).iter().map(axum::http::HeaderValue::as_bytes);
        let sent: Vec<&[u8]> = bearers.chain(keys).collect();
        if sent.is_empty() {
            return Err(ApiError::unauthenticated(
                "no key: send `authorization: Bearer KEY` or `x-api-key: KEY`",
            ));
        }
        let found = sent.iter().find_map(|key| self.find(key));
        let key = found.ok_or_else(|| ApiError::unauthenticated("invalid key"))?;
        Ok(Caller { key })
    }

    /// Looks at every key, whichever matches, and at all of each.
    fn find(&self, sent: &[u8]) -> Option<Arc<str>> {
        let sent = hash(sent);
        let mut found = None;
        for key in &self.0 {
            let is_it: Choice = key.hash.ct_eq(&sent);
            if bool::from(is_it) {
                found = Some(Arc::clone(&key.id));
            }
        }
        found
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| rest.trim_ascii())
}

fn hash(key: &[u8]) -> [u8; 32] {
    Sha256::digest(key).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn either_header_names_the_key() {
        let mut keys = Keys::one(&"sk-1".into()).unwrap();
        keys.add("apikey_2", &"sk-2".into()).unwrap();
        let caller = |pairs: &[_]| keys.caller(&headers(pairs)).map(|caller| caller.key.to_string()).ok();
        assert_eq!(caller(&[("authorization", "Bearer sk-1")]).as_deref(), Some(Keys::DEFAULT_ID));
        assert_eq!(caller(&[("authorization", "bearer  sk-2")]).as_deref(), Some("apikey_2"));
        assert_eq!(caller(&[("x-api-key", "sk-2")]).as_deref(), Some("apikey_2"));
        assert_eq!(
            caller(&[("authorization", "Bearer sk-3"), ("x-api-key", "sk-2")]).as_deref(),
            Some("apikey_2")
        );
        for wrong in ["Bearer sk-3", "Bearer sk-", "Bearer sk-11", "Bearer ", "Bearer", "sk-1", "Basic sk-1"]
        {
            assert_eq!(caller(&[("authorization", wrong)]), None, "{wrong}");
        }
        assert_eq!(caller(&[]), None);
        assert!(Keys::default().caller(&headers(&[("x-api-key", "")])).is_err());
    }

    #[test]
    fn a_blank_key_is_refused() {
        for blank in ["", " ", "\t\n"] {
            assert_eq!(Keys::one(&blank.into()).unwrap_err(), EmptyKey, "{blank:?}");
        }
    }

    #[test]
    fn keys_are_not_shown() {
        assert_eq!(format!("{:?}", Keys::one(&"sk-1".into()).unwrap()), "[\"apikey_01default\"]");
    }
}
