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

/// Checks the metadata that a resource is to have.
pub(super) fn check(metadata: &Object) -> Result<(), Failure> {
    check_count(metadata)?;
    metadata.iter().try_for_each(|(key, value)| check_pair(key, value))
}

/// Changes metadata as a patch says: a text sets, null takes away, what is not named stays. An empty text
/// takes away too where the API says so.
pub(super) fn patch(metadata: &mut Object, patch: &Value, empty_deletes: bool) -> Result<(), Failure> {
    let patch = match patch {
        Value::Null => return Ok(()),
        Value::Object(patch) => patch,
        _ => return Err(invalid("metadata: must be an object".to_owned())),
    };
    for (key, value) in patch {
        if value.is_null() || (empty_deletes && value == "") {
            metadata.shift_remove(key);
        } else {
            metadata.insert(key.clone(), value.clone());
        }
    }
    check(metadata)
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

    fn patched(before: &Value, change: &Value, empty_deletes: bool) -> Result<Value, Failure> {
        let mut after = object(before.clone());
        patch(&mut after, change, empty_deletes).map(|()| Value::Object(after))
    }

    #[test]
    fn a_patch_sets_takes_away_and_leaves_alone() {
        let before = json!({"a": "1", "b": "2"});
        let change = json!({"a": null, "b": "", "none": null, "c": "3"});
        assert_eq!(patched(&before, &change, false).unwrap(), json!({"b": "", "c": "3"}));
        assert_eq!(patched(&before, &change, true).unwrap(), json!({"c": "3"}));
        assert_eq!(patched(&before, &Value::Null, true).unwrap(), before);
        assert!(patched(&before, &json!("x"), false).is_err());
    }

    #[test]
    fn the_limits_are_those_of_the_api() {
        let pairs = |n: usize| (0..n).map(|i| (format!("k{i}"), json!("v"))).collect::<Object>();
        let full = json!(pairs(16));
        assert!(check(&pairs(16)).is_ok());
        assert!(check(&pairs(17)).is_err());
        assert!(patched(&full, &json!({"more": "x"}), false).is_err());
        assert!(patched(&full, &json!({"k0": null, "more": "x"}), false).is_ok());
        for bad in [json!({"": "x"}), json!({"k": 1}), json!({"k": null}), json!({"k": "é".repeat(513)})] {
            assert!(check(&object(bad.clone())).is_err(), "{bad}");
        }
        assert!(check(&object(json!({"é".repeat(64): "é".repeat(512)}))).is_ok());
        assert!(check(&object(json!({"é".repeat(65): "x"}))).is_err());
    }
}
