//! Records: a file cut into the JSON objects it is made of, by line or by place in a list.
//!
//! Cutting comes before parsing, so that one bad record costs one record and not the file. Nothing
//! here knows a format.

use std::borrow::Cow;

use super::Skipped;

/// The longest record that is parsed. Real ones stay under a few hundred kilobytes; what is longer
/// is a pasted image or a broken writer, and holds nothing to remember.
pub(super) const RECORD_BYTES_LIMIT: usize = 8_000_000;

/// One record: its text, or why it cannot be used.
pub(super) struct Record<'a> {
    /// Its line, or its place in a list, from 1.
    pub(super) place: u64,
    /// Its text, beginning with `{`.
    pub(super) text: Result<&'a str, &'static str>,
}

impl<'a> Record<'a> {
    pub(super) fn new(place: u64, bytes: &'a [u8]) -> Self {
        let text = if bytes.len() > RECORD_BYTES_LIMIT {
            Err("is longer than 8 MB")
        } else if bytes.first() != Some(&b'{') {
            Err("is not a JSON object")
        } else {
            std::str::from_utf8(bytes).map_err(|_| "is not UTF-8")
        };
        Self { place, text }
    }
}

/// Says in a clause why a record's text could not be read. The parser's own words are left out, since
/// they may quote the transcript.
pub(super) fn unreadable(place: u64, error: &serde_json::Error) -> Skipped {
    use serde_json::error::Category;
    let reason = match error.classify() {
        Category::Eof => "breaks off in the middle of a record",
        Category::Syntax | Category::Io => "is not JSON",
        Category::Data => "is JSON of an unexpected shape",
    };
    Skipped { line: place, reason: Cow::Borrowed(reason) }
}

/// Where the records of a file are.
pub(super) enum Layout<'a> {
    /// One to a line.
    Lines(&'a [u8]),
    /// In one JSON list; the bytes follow its bracket.
    List(&'a [u8]),
    /// The whole file is one object.
    Object(&'a [u8]),
}

/// Finds out how a file is laid out from its first two lines.
pub(super) fn layout(bytes: &[u8]) -> Layout<'_> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let start = bytes.trim_ascii_start();
    if let Some(list) = start.strip_prefix(b"[") {
        return Layout::List(list);
    }
    let mut lines = start.split(|&b| b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let goes_on =
        |line: &[u8]| line.starts_with(b"{") && matches!(line.last(), Some(b'{' | b'[' | b',' | b':'));
    if lines.next().is_some_and(goes_on) && !lines.next().is_some_and(is_object) {
        return Layout::Object(start);
    }
    Layout::Lines(bytes)
}

fn is_object(line: &[u8]) -> bool {
    line.starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

/// Cuts bytes into lines; blank ones are counted and left out.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut place = 0;
    let mut rest = bytes;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            place += 1;
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest[..end].trim_ascii();
            rest = rest.get(end + 1..).unwrap_or_default();
            if !line.is_empty() {
                return Some(Record::new(place, line));
            }
        }
    })
}

/// Cuts the bytes after a list's opening bracket into its elements.
pub(super) fn elements(bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut scan = Scan { bytes, at: 0 };
    let mut place = 0;
    std::iter::from_fn(move || {
        scan.skip(|b| b.is_ascii_whitespace() || b == b',');
        if matches!(scan.peek(), None | Some(b']' | b'}')) {
            return None;
        }
        place += 1;
        Some(Record::new(place, scan.value().trim_ascii_end()))
    })
}

/// Returns the text of one member of an object, up to the end of the bytes where the object breaks off.
pub(super) fn member<'a>(object: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let mut scan = Scan { bytes: object.trim_ascii_start().strip_prefix(b"{")?, at: 0 };
    loop {
        scan.skip(|b| b.is_ascii_whitespace() || b == b',');
        if scan.peek()? != b'"' {
            return None;
        }
        let start = scan.at + 1;
        scan.string();
        let name = scan.bytes.get(start..scan.at.saturating_sub(1))?;
        scan.skip(|b| b.is_ascii_whitespace() || b == b':');
        let value = scan.value();
        if name == key.as_bytes() {
            return Some(value);
        }
    }
}

/// Returns what follows the bracket of an object's list of that name.
pub(super) fn list_member<'a>(object: &'a [u8], key: &str) -> Option<&'a [u8]> {
    member(object, key)?.strip_prefix(b"[")
}

/// Walks over JSON without judging it: only strings and brackets matter.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self, what: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&what) {
            self.at += 1;
        }
    }

    /// Passes a string, from its opening to its closing quote.
    fn string(&mut self) {
        self.at += 1;
        while let Some(found) = self.bytes.get(self.at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest))
        {
            self.at += found + 1;
            if self.bytes[self.at - 1] == b'"' {
                return;
            }
            self.at += 1;
        }
        self.at = self.bytes.len();
    }

    /// Passes a value and returns its text, up to the end of the bytes if it is not closed.
    fn value(&mut self) -> &'a [u8] {
        let start = self.at;
        let mut depth = 0usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string();
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' | b',' if depth == 0 => break,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
        }
        &self.bytes[start..self.at.min(self.bytes.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts<'a>(records: impl Iterator<Item = Record<'a>>) -> Vec<(u64, Result<&'a str, &'static str>)> {
        records.map(|r| (r.place, r.text)).collect()
    }

    #[test]
    fn lines_keep_their_numbers_past_blank_and_bad_ones() {
        let found = texts(lines(b"{\"a\":1}\r\n\n[1]\n{\"b\":\"\xff\"}\n{}"));
        assert_eq!(
            found,
            [(1, Ok("{\"a\":1}")), (3, Err("is not a JSON object")), (4, Err("is not UTF-8")), (5, Ok("{}"))]
        );
    }

    #[test]
    fn elements_are_cut_at_their_own_commas_and_a_torn_one_is_kept_for_the_parser() {
        let found = texts(elements(br#" {"a":"],}\"{","b":[1,{"c":2}]} , 7,{"d":[ "#));
        assert_eq!(
            found,
            [
                (1, Ok(r#"{"a":"],}\"{","b":[1,{"c":2}]}"#)),
                (2, Err("is not a JSON object")),
                (3, Ok(r#"{"d":["#))
            ]
        );
    }

    #[test]
    fn a_member_is_found_at_the_top_only() {
        let object = br#" { "x": {"data": [0]}, "data" : [1, 2], "y": 3 }"#;
        assert_eq!(list_member(object, "data"), Some(&b"1, 2]"[..]));
        assert_eq!(member(object, "y"), Some(&b"3 "[..]));
        assert_eq!(member(object, "z"), None);
        assert_eq!(list_member(br#"{"data": [{"a"#, "data"), Some(&br#"{"a"#[..]));
    }

    #[test]
    fn a_record_over_the_limit_is_not_parsed() {
        let long = format!("{{\"a\":\"{}\"}}\n{{}}", "x".repeat(RECORD_BYTES_LIMIT));
        let found = texts(lines(long.as_bytes()));
        assert_eq!(found, [(1, Err("is longer than 8 MB")), (2, Ok("{}"))]);
    }
}
