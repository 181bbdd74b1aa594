//! Patterns that people write: regular expressions over memory text, bounded in size so that no file
//! can make a judgment slow.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use unicode_normalization::{UnicodeNormalization, is_nfc_quick};

use crate::memory::is_unseen;

use super::normal::normal;
use super::plain::plain;

/// The longest pattern, in bytes.
pub const PATTERN_BYTES_LIMIT: usize = 1_000;
/// The most a compiled pattern may take, in bytes: a search takes at most this much work for each byte.
pub const PROGRAM_BYTES_LIMIT: usize = 128 << 10;
/// What a search may keep in mind, in bytes.
const CACHE_BYTES_LIMIT: usize = 4 << 20;
/// How deep a pattern may nest.
const NESTING_LIMIT: u32 = 50;

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It has no text.
    #[error("the pattern is empty")]
    Empty,
    /// It matches the empty text, and so everything.
    #[error("the pattern matches any text")]
    MatchesAll,
    /// It is too long to read.
    #[error("the pattern has {0} bytes, the limit is {PATTERN_BYTES_LIMIT}")]
    TooLong(usize),
    /// It is short and stands for too much, as `(\w{100}){100}` does.
    #[error("the pattern comes to more than {} kB when compiled", PROGRAM_BYTES_LIMIT >> 10)]
    TooLarge,
    /// It is not a regular expression.
    #[error("the pattern cannot be read: {0}")]
    Syntax(String),
}

/// Compiles a pattern. Case does not matter unless it says `(?-i)`, `^` and `$` stand at lines, and
/// matching takes time linear in the text.
///
/// # Errors
///
/// Says what is wrong with it.
pub fn compile(source: &str) -> Result<Regex, PatternError> {
    if source.trim().is_empty() {
        return Err(PatternError::Empty);
    }
    if source.len() > PATTERN_BYTES_LIMIT {
        return Err(PatternError::TooLong(source.len()));
    }
    // Text is held against a pattern in composed form, however either was typed.
    let composed: String = source.nfc().collect();
    let built = RegexBuilder::new(&composed)
        .case_insensitive(true)
        .multi_line(true)
        .size_limit(PROGRAM_BYTES_LIMIT)
        .dfa_size_limit(CACHE_BYTES_LIMIT)
        .nest_limit(NESTING_LIMIT)
        .build();
    match built {
        Ok(pattern) if pattern.is_match("") => Err(PatternError::MatchesAll),
        Ok(pattern) => Ok(pattern),
        Err(regex::Error::CompiledTooBig(_)) => Err(PatternError::TooLarge),
        Err(error) => {
            // The last line says what is wrong; those before it draw the pattern again.
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default().trim();
            Err(PatternError::Syntax(last.trim_start_matches("error: ").to_owned()))
        }
    }
}

/// Compiles patterns that each [`compile`], to be searched for in one pass.
///
/// # Errors
///
/// Says what is wrong with one of them.
pub fn compile_together(sources: &[&str]) -> Result<RegexSet, PatternError> {
    RegexSetBuilder::new(sources)
        .case_insensitive(true)
        .multi_line(true)
        .size_limit(PROGRAM_BYTES_LIMIT * sources.len().max(1) * 2)
        .dfa_size_limit(CACHE_BYTES_LIMIT)
        .nest_limit(NESTING_LIMIT)
        .build()
        .map_err(|error| PatternError::Syntax(error.to_string()))
}

/// The forms of a text that patterns are held against: as it is written, as it is read, without its Markdown,
/// and its normal form. Emphasis, links, entities, line ends and characters that nobody sees do not hide what
/// is said.
#[derive(Debug)]
pub struct Forms<'a> {
    written: &'a str,
    read: Option<String>,
    shown: Option<String>,
    normal: Option<String>,
}

impl<'a> Forms<'a> {
    /// Finds the forms of a text; most texts have one.
    pub fn of(written: &'a str) -> Self {
        let read = owned(as_read(written));
        let shown = owned(plain(written)).map(|shown| as_read(&shown).into_owned());
        let is_dressed = written.contains(['\'', '’', '‘', '–', '—', '‑', '"']);
        let plainest = shown.as_deref().or(read.as_deref()).unwrap_or(written);
        let normal = (shown.is_some() || read.is_some() || is_dressed).then(|| normal(plainest));
        Self { written, read, shown, normal }
    }

    /// Says whether a pattern matches any of them.
    pub fn match_with(&self, pattern: &Regex) -> bool {
        self.iter().any(|form| pattern.is_match(form))
    }

    /// Returns the forms that differ.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let others = [&self.read, &self.shown, &self.normal].into_iter().flatten().map(String::as_str);
        std::iter::once(self.written).chain(others)
    }
}

fn owned(text: Cow<'_, str>) -> Option<String> {
    match text {
        Cow::Owned(text) => Some(text),
        Cow::Borrowed(_) => None,
    }
}

/// Says whether a pattern matches a text in any of its [`Forms`].
pub fn matches(pattern: &Regex, text: &str) -> bool {
    Forms::of(text).match_with(pattern)
}

/// Returns a text in composed form, with single spaces, and without characters that nobody sees.
fn as_read(text: &str) -> Cow<'_, str> {
    let is_plain = text.is_ascii() && !text.contains(['\n', '\r', '\t']) && !text.contains("  ");
    if is_plain {
        return Cow::Borrowed(text);
    }
    let composed: Cow<'_, str> = if is_nfc_quick(text.chars()) == unicode_normalization::IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    };
    let mut out = String::with_capacity(composed.len());
    for c in composed.chars().filter(|&c| !is_unseen(c)) {
        if !c.is_whitespace() {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_cannot_be_used_are_refused_by_kind() {
        let kind = |source: &str| match compile(source) {
            Ok(_) => "fine",
            Err(PatternError::Empty) => "empty",
            Err(PatternError::MatchesAll) => "all",
            Err(PatternError::TooLong(_)) => "long",
            Err(PatternError::TooLarge) => "large",
            Err(PatternError::Syntax(_)) => "syntax",
        };
        let nested = format!("{}a{}", "(".repeat(80), ")".repeat(80));
        let table = [
            (r"\bann smith\b", "fine"),
            (r"(a|b)+\d{3}-\d{4}", "fine"),
            (" ", "empty"),
            ("a*", "all"),
            ("x{5000}{5000}", "large"),
            (r"(\w{100}){100}", "large"),
            (r"((((a{20}){20}){20}){20}){20}", "large"),
            ("(unclosed", "syntax"),
            (r"(?<=look)behind", "syntax"),
            (r"back(ref)\1", "syntax"),
            (nested.as_str(), "syntax"),
        ];
        for (source, expected) in table {
            assert_eq!(kind(source), expected, "{source}");
        }
        assert_eq!(kind(&"a".repeat(PATTERN_BYTES_LIMIT + 1)), "long");
        assert_eq!(
            compile("(unclosed").unwrap_err().to_string(),
            "the pattern cannot be read: unclosed group"
        );
    }

    #[test]
    fn dress_and_hidden_characters_do_not_hide_what_is_said() {
        let pattern = compile("Ann Smith.s phone").unwrap();
        for text in [
            "Ann Smith's phone is 5",
            "ann smith’s PHONE",
            "Ann\n  Smith's phone",
            "**Ann** Smith's `phone`",
            "A\u{200b}nn Smi\u{ad}th's phone",
            "A\u{34f}nn Smith's phone",
            "[Ann](https://example.com/a) Smith's phone",
            "_Ann_&nbsp;Smith's phone",
            "Ann<!-- x --> <b>Smith</b>'s phone",
        ] {
            assert!(matches(&pattern, text), "{text:?}");
        }
        assert!(matches(&compile("café").unwrap(), "the cafe\u{301} on the corner"));
        assert!(matches(&compile("cafe\u{301}").unwrap(), "the café on the corner"));
        assert!(!matches(&pattern, "Anna Smithson phones"));
    }

    #[test]
    fn a_pattern_of_many_ways_is_matched_in_linear_time() {
        let text = "a".repeat(20_000);
        for source in ["(a+)+b", "(a|aa|a?a)+$b", "(.*)(.*)(.*)(.*)[^a]x", "(?:a?){60}a{60}b"] {
            assert!(!matches(&compile(source).unwrap(), &text), "{source}");
        }
    }
}
