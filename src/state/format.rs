//! The formats of objects in state: which of them this version reads, and which it may replace.
//!
//! Every object says its `format`. A number goes up when older versions must not read the object; a `minor`
//! beside it goes up when fields are added, and then older versions read the object and leave it alone: what
//! they do not know they would drop. `min_reader` names the oldest version of this program that reads it, for
//! the words of an older one.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Key, StateError};

/// The oldest version that reads what this version writes. 0.1.0: the first.
const MIN_READER: &str = "0.1.0";

/// A format of one kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Format {
    /// Goes up when older versions must not read it.
    pub major: u32,
    /// Goes up when fields are added.
    pub minor: u32,
}

impl Format {
    /// Makes the format of a kind of object that has got no new fields since its number went up.
    pub const fn major(major: u32) -> Self {
        Self { major, minor: 0 }
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.minor {
            0 => write!(f, "{}", self.major),
            minor => write!(f, "{}.{minor}", self.major),
        }
    }
}

fn damaged(key: &Key, error: &serde_json::Error) -> StateError {
    StateError::Damaged { key: key.clone(), reason: error.to_string() }
}

/// Writes an object down, with the version that is needed to read it.
///
/// # Errors
///
/// Fails when the object cannot be written as JSON.
pub(crate) fn bytes(key: &Key, object: &impl Serialize) -> Result<Vec<u8>, StateError> {
    let mut value = serde_json::to_value(object).map_err(|error| damaged(key, &error))?;
    if let Value::Object(fields) = &mut value {
        fields.insert("min_reader".to_owned(), MIN_READER.into());
    }
    serde_json::to_vec(&value).map_err(|error| damaged(key, &error))
}

/// Reads an object as JSON, whatever its format.
///
/// # Errors
///
/// Fails when it is no JSON.
pub(crate) fn value(key: &Key, bytes: &[u8]) -> Result<Value, StateError> {
    serde_json::from_slice(bytes).map_err(|error| damaged(key, &error))
}

/// Refuses an object of a format that this version does not know, and says which one does.
pub(crate) fn too_new(key: &Key, found: impl ToString, known: impl ToString, value: &Value) -> StateError {
    let reader = value["min_reader"].as_str().filter(|text| is_version(text)).map(str::to_owned);
    StateError::TooNew { key: key.clone(), found: found.to_string(), known: known.to_string(), reader }
}

/// Says whether a text can be shown as a version.
fn is_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| part.len() < 6 && part.parse::<u32>().is_ok())
}

/// Reads an object of one kind, of which this version knows a format.
///
/// # Errors
///
/// Fails when it is damaged, or of a newer format.
pub(crate) fn read<T: DeserializeOwned>(key: &Key, bytes: &[u8], known: Format) -> Result<T, StateError> {
    let value = value(key, bytes)?;
    let found = of(&value);
    if found.is_some_and(|found| found.major > known.major) {
        let found = found.map_or(String::new(), |found| found.to_string());
        return Err(too_new(key, found, known, &value));
    }
    serde_json::from_value(value).map_err(|error| damaged(key, &error))
}

fn of(value: &Value) -> Option<Format> {
    let number = |key: &str| value[key].as_u64().and_then(|number| u32::try_from(number).ok());
    Some(Format { major: number("format")?, minor: number("minor").unwrap_or(0) })
}

/// Makes sure that an object may be replaced by this version: it would drop what it does not know.
///
/// # Errors
///
/// [`StateError::NewerWriter`] when it was written with fields that were added later.
pub(crate) fn check_replaceable(key: &Key, found: Format, known: Format) -> Result<(), StateError> {
    if found <= known {
        return Ok(());
    }
    let (found, known) = (found.to_string(), known.to_string());
    Err(StateError::NewerWriter { key: key.clone(), found, known })
}

/// As [`check_replaceable`], for an object as it stands in state. One that is damaged may be replaced.
///
/// # Errors
///
/// As [`check_replaceable`].
pub(crate) fn check_replaceable_bytes(key: &Key, bytes: &[u8], known: Format) -> Result<(), StateError> {
    match value(key, bytes).ok().as_ref().and_then(of) {
        Some(found) => check_replaceable(key, found, known),
        None => Ok(()),
    }
}
