//! Memories: the path, content and hash of one entry of a memory store.
//!
//! The path rules are the API's, so that a store made locally can be uploaded unchanged.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::ids::MemoryVersionId;

/// The largest content of one memory, in bytes (Managed Agents API).
pub const MEMORY_BYTES_LIMIT: usize = 102_400;
/// The longest path, in bytes (Managed Agents API).
pub const PATH_BYTES_LIMIT: usize = 1_024;
/// The most segments of a path (Managed Agents API).
pub const PATH_SEGMENTS_LIMIT: usize = 20;

/// Which rule of the API a memory path breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// The path does not start with `/`, or is `/` alone.
    #[error("path must start with `/` and name something")]
    NotAbsolute,
    /// A segment is empty: `//`, or a slash at the end.
    #[error("path has an empty segment")]
    EmptySegment,
    /// A segment is `.` or `..`.
    #[error("path has a `.` or `..` segment")]
    DotSegment,
    /// The path holds a control or format character or a line separator.
    #[error("path holds the character U+{0:04X}")]
    Character(u32),
    /// The path is not in Unicode normal form C.
    #[error("path is not in Unicode normal form C")]
    NotNfc,
    /// The path is longer than [`PATH_BYTES_LIMIT`].
    #[error("path is longer than 1,024 bytes")]
    TooLong,
    /// The path has more than [`PATH_SEGMENTS_LIMIT`] segments.
    #[error("path has more than 20 segments")]
    TooDeep,
}

/// Where a memory sits in its store, such as `/preferences/editor.md`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct MemoryPath(Arc<str>);

impl MemoryPath {
    /// Checks a path against the API's rules.
    ///
    /// # Errors
    ///
    /// Returns the first rule the path breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        let Some(rest) = text.strip_prefix('/') else { return Err(InvalidPath::NotAbsolute) };
        if rest.is_empty() {
            return Err(InvalidPath::NotAbsolute);
        }
        if text.len() > PATH_BYTES_LIMIT {
            return Err(InvalidPath::TooLong);
        }
        let mut segments = 0;
        for segment in rest.split('/') {
            segments += 1;
            match segment {
                "" => return Err(InvalidPath::EmptySegment),
                "." | ".." => return Err(InvalidPath::DotSegment),
                _ => {}
            }
        }
        if segments > PATH_SEGMENTS_LIMIT {
            return Err(InvalidPath::TooDeep);
        }
        if let Some(c) = text.chars().find(|&c| is_hidden(c)) {
            return Err(InvalidPath::Character(c as u32));
        }
        if !unicode_normalization::is_nfc(text) {
            return Err(InvalidPath::NotNfc);
        }
        Ok(Self(text.into()))
    }

    /// Checks a path after bringing it to normal form C, for names read from a file system.
    ///
    /// # Errors
    ///
    /// As [`MemoryPath::parse`], [`InvalidPath::NotNfc`] excepted.
    pub fn normalise(text: &str) -> Result<Self, InvalidPath> {
        Self::parse(&text.nfc().collect::<String>())
    }

    /// Returns the path as text, with its leading slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Says whether both cannot live in one store: they are equal, or one would be the other's folder.
    pub fn collides_with(&self, other: &Self) -> bool {
        fn is_below(a: &str, b: &str) -> bool {
            a.strip_prefix(b).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        is_below(&self.0, &other.0) || is_below(&other.0, &self.0)
    }
}

/// Says whether a character is a control, format or separator character that no path may hold and
/// no terminal should be sent.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{0600}'..='\u{0605}' | '\u{061C}' | '\u{06DD}' | '\u{070F}' | '\u{08E2}'
            | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{110BD}' | '\u{110CD}'
            | '\u{13430}'..='\u{1343F}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0001}' | '\u{E0020}'..='\u{E007F}')
}

/// Says whether a character leaves no mark: those of [`is_hidden`] that are no controls, and all others that
/// Unicode lets a display ignore, such as fillers, variation selectors and tags.
pub fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}')
}

/// Says whether a character must be shown by its number: whoever reads the text sees that it is there.
/// The two selectors that choose between a symbol and its picture are left to the display.
pub fn is_shown_by_number(c: char) -> bool {
    is_hidden(c) || is_unseen(c) && !matches!(c, '\u{FE0E}' | '\u{FE0F}')
}

/// Returns the globs by which a person's glob over memories is read: of the path itself and of everything
/// below it, composed and with the leading slash, since a guard that never fires is worse than one that
/// fires too often.
pub fn covering_globs(glob: &str) -> [String; 2] {
    let glob: String = glob.nfc().collect();
    let path = format!("/{}", glob.trim_start_matches('/').trim_end_matches('/'));
    [format!("{}/**", path.trim_end_matches('/')), path]
}

impl fmt::Display for MemoryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for MemoryPath {
    type Error = InvalidPath;
    fn try_from(text: String) -> Result<Self, InvalidPath> {
        Self::parse(&text)
    }
}

impl From<MemoryPath> for String {
    fn from(path: MemoryPath) -> String {
        path.0.as_ref().to_owned()
    }
}

/// The SHA-256 of some bytes; of a memory's content it equals the API's `content_sha256`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ContentHash([u8; 32]);

impl ContentHash {
    /// Hashes some bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Hashes a sequence of parts so that no two different sequences share their bytes.
    pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// Returns the digest itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the first twelve hex digits, enough for people to tell two hashes apart.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({})", self.short())
    }
}

impl TryFrom<String> for ContentHash {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let bad = || format!("`{text}` is not 64 hex digits");
        if text.len() != 64 || !text.is_ascii() {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| bad())?;
        }
        Ok(Self(bytes))
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> String {
        hash.to_string()
    }
}

/// One entry of a memory store, with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// Where it sits.
    pub path: MemoryPath,
    /// Its text, as stored.
    pub content: Arc<str>,
    /// The hash of `content`.
    pub hash: ContentHash,
    /// The backend's id of this version, where it has one.
    pub version: Option<MemoryVersionId>,
    /// When it last changed, where that is known.
    pub updated_at: Option<Timestamp>,
}

impl Memory {
    /// Makes a memory that no backend has seen yet.
    pub fn new(path: MemoryPath, content: impl Into<Arc<str>>) -> Self {
        let content = content.into();
        Self { path, hash: ContentHash::of(content.as_bytes()), content, version: None, updated_at: None }
    }
}

/// One write to a store. Each names what it expects to find, so that nothing unseen is overwritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemoryWrite {
    /// Puts content at a path.
    Put {
        /// Where.
        path: MemoryPath,
        /// What.
        content: Arc<str>,
        /// The hash that must be there now; `None` for nothing at all.
        expected: Option<ContentHash>,
    },
    /// Takes a memory away.
    Delete {
        /// Which.
        path: MemoryPath,
        /// The hash that must be there now.
        expected: ContentHash,
    },
}

impl MemoryWrite {
    /// Returns the path written to.
    pub fn path(&self) -> &MemoryPath {
        match self {
            Self::Put { path, .. } | Self::Delete { path, .. } => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_follow_the_rules_of_the_api() {
        for good in ["/a.md", "/a/b/c", "/ü/x y.md"] {
            assert_eq!(MemoryPath::parse(good).map(String::from), Ok(good.to_owned()));
        }
        let bad = [
            ("a.md", InvalidPath::NotAbsolute),
            ("/", InvalidPath::NotAbsolute),
            ("/a/", InvalidPath::EmptySegment),
            ("/a//b", InvalidPath::EmptySegment),
            ("/a/../b", InvalidPath::DotSegment),
            ("/a\u{7}b", InvalidPath::Character(7)),
            ("/a\u{202e}b", InvalidPath::Character(0x202e)),
            ("/u\u{308}", InvalidPath::NotNfc),
        ];
        for (text, error) in bad {
            assert_eq!(MemoryPath::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(MemoryPath::parse(&format!("/{}", "a".repeat(1024))), Err(InvalidPath::TooLong));
        assert_eq!(MemoryPath::parse(&"/a".repeat(21)), Err(InvalidPath::TooDeep));
        assert_eq!(MemoryPath::normalise("/u\u{308}").map(String::from), Ok("/ü".to_owned()));
    }

    #[test]
    fn what_leaves_no_mark_is_shown_by_its_number() {
        for c in
            ['\u{fe01}', '\u{e0100}', '\u{3164}', '\u{115f}', '\u{2065}', '\u{34f}', '\u{17b4}', '\u{180b}']
        {
            assert!(is_unseen(c) && is_shown_by_number(c), "{c:?}");
        }
        assert!(is_shown_by_number('\u{1b}') && !is_unseen('\u{1b}'));
        assert!(!is_shown_by_number('\u{fe0f}') && !is_shown_by_number('é'));
    }

    #[test]
    fn a_path_collides_with_itself_its_folder_and_its_children() {
        let path = |p| MemoryPath::parse(p).unwrap();
        assert!(path("/a").collides_with(&path("/a/b")));
        assert!(path("/a/b").collides_with(&path("/a")));
        assert!(path("/a").collides_with(&path("/a")));
        assert!(!path("/a").collides_with(&path("/ab")));
    }

    #[test]
    fn a_hash_reads_back_as_written() {
        let hash = ContentHash::of("hello");
        assert_eq!(ContentHash::try_from(hash.to_string()), Ok(hash));
        assert!(ContentHash::try_from("é".repeat(32)).is_err());
        assert_ne!(ContentHash::of_parts([&b"ab"[..], b"c"]), ContentHash::of_parts([&b"a"[..], b"bc"]));
    }
}
