//! How keys become names of files and objects, and how one write is told from another.

use super::Key;

/// What every name of an object ends with.
pub(super) const ENDING: &str = ".json";

/// Returns a text that no other write has: what a write is known by afterwards.
pub(super) fn nonce() -> String {
    // The second half of a UUID of version 7 is random.
    let whole = uuid::Uuid::now_v7().simple().to_string();
    whole.chars().skip(16).collect()
}

/// Returns the name of a key as a path: its segments, with everything but `a-z`, `0-9`, `_` and `-`
/// written as `=` and two digits. No name is another's in other case, hidden, `..`, or a folder and a file.
pub(super) fn path(key: &Key) -> String {
    escaped(key.as_str())
}

/// Returns the folder that holds all keys beginning with a text; empty if that is the root.
pub(super) fn folder(prefix: &str) -> String {
    prefix.rsplit_once('/').map(|(folder, _)| escaped(folder)).unwrap_or_default()
}

fn escaped(text: &str) -> String {
    let segments = text.split('/').map(|segment| {
        if segment.is_empty() {
            return "=".to_owned();
        }
        let mut name = String::new();
        for byte in segment.bytes() {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => name.push(char::from(byte)),
                _ => name.push_str(&format!("={byte:02x}")),
            }
        }
        name
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Returns the key that a path is the name of, if it is one.
pub(super) fn key(path: &str) -> Option<Key> {
    let mut bytes = Vec::new();
    for (n, segment) in path.split('/').enumerate() {
        if n > 0 {
            bytes.push(b'/');
        }
        if segment == "=" {
            continue;
        }
        let mut rest = segment.as_bytes();
        while let Some((&first, after)) = rest.split_first() {
            rest = after;
            if first == b'=' {
                let digits = std::str::from_utf8(after.get(..2)?).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &after[2..];
            } else {
                bytes.push(first);
            }
        }
    }
    let key = Key(String::from_utf8(bytes).ok()?);
    (self::path(&key) == path).then_some(key)
}

/// What an object begins with.
const STAMP: &str = "dreamrun-state 1 ";

/// Returns an object as it is kept where nothing else tells one write from another: a line with the
/// write's nonce, then the object.
pub(super) fn stamped(nonce: &str, bytes: &[u8]) -> Vec<u8> {
    let mut whole = format!("{STAMP}{nonce}\n").into_bytes();
    whole.extend_from_slice(bytes);
    whole
}

/// Takes the stamp off again.
///
/// # Errors
///
/// Says what is wrong with an object that has none.
pub(super) fn unstamped(whole: &[u8]) -> Result<(String, Vec<u8>), String> {
    let end = whole.iter().position(|&byte| byte == b'\n').ok_or("it is cut off")?;
    let line = std::str::from_utf8(&whole[..end]).map_err(|_| "it was not written by dreamrun")?;
    let nonce = line.strip_prefix(STAMP).ok_or("it was not written by this version of dreamrun")?;
    Ok((nonce.to_owned(), whole[end + 1..].to_vec()))
}

/// What is beside the objects, so that a place is known to hold state: the layout it has.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Marker {
    /// The layout, from 1.
    pub(super) dreamrun_state: u32,
}

/// The layout this version writes.
pub(super) const LAYOUT: u32 = 1;

/// The name of the marker; no key has it.
pub(super) const MARKER: &str = "dreamrun.state.json";

impl Marker {
    /// Returns the marker of this version as text.
    pub(super) fn text() -> String {
        format!("{{\"dreamrun_state\": {LAYOUT}}}\n")
    }

    /// Makes sure that a place is one this version can read.
    ///
    /// # Errors
    ///
    /// Refuses a newer layout and what is no marker.
    pub(super) fn check(text: &[u8], place: &str) -> Result<(), super::StateError> {
        let marker: Self = serde_json::from_slice(text).map_err(|error| super::StateError::Damaged {
            key: Key(format!("{place}/{MARKER}")),
            reason: error.to_string(),
        })?;
        if marker.dreamrun_state > LAYOUT {
            return Err(super::StateError::TooNew {
                key: Key(place.to_owned()),
                found: marker.dreamrun_state.to_string(),
                known: LAYOUT.to_string(),
                reader: None,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_plain_and_read_back() {
        for (text, name) in [
            ("aliases/support", "aliases/support"),
            ("runs/a-1/00000001", "runs/a-1/00000001"),
            ("runs/é/.git/..", "runs/=c3=a9/=2egit/=2e=2e"),
            ("A//b", "=41/=/b"),
            ("", "="),
        ] {
            assert_eq!(path(&Key(text.to_owned())), name);
            assert_eq!(key(name).unwrap().as_str(), text);
        }
        for foreign in ["a b", "=4", "=zz", "=61", "A", "a.json", MARKER, "dreamrun.state"] {
            assert_eq!(key(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_prefix_lies_in_the_folder_before_its_last_slash() {
        assert_eq!(folder("runs/a-1/"), "runs/a-1");
        assert_eq!(folder("runs/a-1"), "runs");
        assert_eq!(folder("ru"), "");
    }

    #[test]
    fn a_stamp_comes_off_and_nothing_else_does() {
        let whole = stamped("abc", b"{}\n");
        assert_eq!(unstamped(&whole), Ok(("abc".to_owned(), b"{}\n".to_vec())));
        assert!(unstamped(b"{}\n").is_err());
        assert!(unstamped(&whole[..5]).is_err());
    }

    proptest! {
        #[test]
        fn every_key_has_a_name_of_its_own(text in ".*") {
            let key = Key(text);
            prop_assert_eq!(super::key(&path(&key)), Some(key));
        }
    }
}
