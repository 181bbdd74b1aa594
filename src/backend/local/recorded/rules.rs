//! Rules that several resources share: lengths, words, fields, budgets. Messages begin with the field.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::backend::Refusal;
use crate::backend::local::error::Failure;
use crate::backend::wire::Object;

pub(super) fn invalid(message: impl Into<String>) -> Failure {
    Failure::refused(Refusal::Invalid, message)
}

/// Reads a value as strictly as a request's body. `place` goes before the field of a message.
pub(super) fn parse<T: DeserializeOwned>(place: &str, value: Value) -> Result<T, Failure> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.inner();
        invalid(match (place, path.as_str()) {
            ("", ".") => format!("body: {inner}"),
            ("", path) => format!("{path}: {inner}"),
            (place, ".") => format!("{place}: {inner}"),
            (place, path) => format!("{place}.{path}: {inner}"),
        })
    })
}

/// Checks how long a text is, in characters.
pub(super) fn length(field: &str, text: &str, least: usize, most: usize) -> Result<(), Failure> {
    let found = text.chars().count();
    if (least..=most).contains(&found) {
        return Ok(());
    }
    Err(invalid(format!("{field}: {found} characters, allowed are {least} to {most}")))
}

/// Checks how long a list is.
pub(super) fn count<T>(field: &str, list: &[T], most: usize) -> Result<(), Failure> {
    if list.len() <= most {
        return Ok(());
    }
    Err(invalid(format!("{field}: {} items, allowed are up to {most}", list.len())))
}

/// Checks that a word is one of some.
pub(super) fn word(field: &str, word: &str, allowed: &[&str]) -> Result<(), Failure> {
    if allowed.contains(&word) {
        return Ok(());
    }
    Err(invalid(format!("{field}: must be one of {}", allowed.join(", "))))
}

/// Checks a limit on cost.
pub(super) fn budget(budget: &Object) -> Result<(), Failure> {
    let refused = || {
        invalid(
            "budget: must be {\"type\": \"limit\", \"max_list_cost\": {\"amount\": \"<whole cents>\", \"currency\": \"USD\"}}",
        )
    };
    let cost = budget.get("max_list_cost").and_then(Value::as_object).ok_or_else(refused)?;
    let is_exact = |object: &Object, keys: [&str; 2]| object.keys().all(|key| keys.contains(&key.as_str()));
    let amount = cost.get("amount").and_then(Value::as_str).unwrap_or_default();
    let is_good = is_exact(budget, ["type", "max_list_cost"])
        && is_exact(cost, ["amount", "currency"])
        && budget.get("type").and_then(Value::as_str) == Some("limit")
        && cost.get("currency").and_then(Value::as_str) == Some("USD")
        && amount.parse::<u64>().is_ok_and(|cents| cents > 0);
    if is_good { Ok(()) } else { Err(refused()) }
}

/// Returns a text of an object, or refuses as for a missing field.
pub(super) fn text<'a>(place: &str, object: &'a Object, name: &str) -> Result<&'a str, Failure> {
    match object.get(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(invalid(format!("{place}.{name}: must be a text"))),
        None => Err(invalid(format!("{place}.{name}: field required"))),
    }
}

/// Returns a text that may be left out or null.
pub(super) fn text_opt<'a>(place: &str, object: &'a Object, name: &str) -> Result<Option<&'a str>, Failure> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(_) => text(place, object, name).map(Some),
    }
}

/// Refuses fields that are not of some.
pub(super) fn only(place: &str, object: &Object, allowed: &[&str]) -> Result<(), Failure> {
    match object.keys().find(|key| !allowed.contains(&key.as_str())) {
        Some(key) => Err(invalid(format!("{place}.{key}: extra inputs are not permitted"))),
        None => Ok(()),
    }
}
