//! Metadata: a few pairs of text that callers of the API may put on what they make.

use serde_json::Value;

use crate::backend::Refusal;
use crate::backend::wire::Object;

use super::error::Failure;

/// The most pairs.
const PAIRS_LIMIT: usize = 16;
/// The longest key, in characters.
const KEY_LIMIT: usize = 64;
/// The longest value, in characters.
const VALUE_LIMIT: usize = 512;

/// Checks what a new resource comes with.
pub(super) fn checked(given: Option<&Object>) -> Result<Object, Failure> {
    let given = given.cloned().unwrap_or_default();
    for (key, value) in &given {
        check_pair(key, value)?;
    }
    check_count(&given)?;
    Ok(given)
}

/// Returns the metadata after a patch: a text sets, null takes away, what is not named stays.
pub(super) fn patched(before: &Object, patch: &Object) -> Result<Object, Failure> {
    let mut after = before.clone();
    for (key, value) in patch {
        if value.is_null() {
            after.shift_remove(key);
        } else {
            check_pair(key, value)?;
            after.insert(key.clone(), value.clone());
        }
    }
    check_count(&after)?;
    Ok(after)
}

fn check_count(metadata: &Object) -> Result<(), Failure> {
    let pairs = metadata.len();
    if pairs > PAIRS_LIMIT {
        return Err(invalid(format!("metadata: {pairs} pairs, allowed are {PAIRS_LIMIT}")));
    }
    Ok(())
}

fn check_pair(key: &str, value: &Value) -> Result<(), Failure> {
    let length = key.chars().count();
    if length == 0 || length > KEY_LIMIT {
        return Err(invalid(format!("metadata: a key of {length} characters, allowed are 1 to {KEY_LIMIT}")));
    }
    let Value::String(text) = value else {
        return Err(invalid(format!("metadata.{key}: must be a string")));
    };
    let length = text.chars().count();
    if length > VALUE_LIMIT {
        return Err(invalid(format!("metadata.{key}: {length} characters, allowed are {VALUE_LIMIT}")));
    }
    Ok(())
}

fn invalid(message: String) -> Failure {
    Failure::refused(Refusal::Invalid, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_patch_sets_takes_away_and_leaves_alone() {
        let before = object(json!({"a": "1", "b": "2"}));
        let after = patched(&before, &object(json!({"a": null, "c": "", "none": null}))).unwrap();
        assert_eq!(after, object(json!({"b": "2", "c": ""})));
    }

    #[test]
    fn the_limits_are_those_of_the_api() {
        let pairs = |n: usize| (0..n).map(|i| (format!("k{i}"), json!("v"))).collect::<Object>();
        assert!(checked(Some(&pairs(16))).is_ok());
        assert!(checked(Some(&pairs(17))).is_err());
        assert!(patched(&pairs(16), &object(json!({"more": "x"}))).is_err());
        assert!(patched(&pairs(16), &object(json!({"k0": null, "more": "x"}))).is_ok());
        for bad in [json!({"": "x"}), json!({"k": 1}), json!({"k": null}), json!({"k": "é".repeat(513)})] {
            assert!(checked(Some(&object(bad.clone()))).is_err(), "{bad}");
        }
        assert!(checked(Some(&object(json!({"é".repeat(64): "é".repeat(512)})))).is_ok());
        assert!(checked(Some(&object(json!({"é".repeat(65): "x"})))).is_err());
    }
}
