//! Private keys in armour: `-----BEGIN … PRIVATE KEY-----`, whole or cut off.

use std::ops::Range;

use memchr::memmem;

/// Every armoured block begins with this.
pub(super) const OPENING: &str = "-----BEGIN";

/// The longest first line.
const HEAD_LIMIT: usize = 80;
/// Fewer characters of body than this, and the armour is only being talked about.
const LEAST_BODY: usize = 24;

/// Returns the whole block that begins at `at` if it is a private key with a body.
///
/// The block ends with its own last line, or where its body does: a key that was cut off is no less
/// private. Line breaks written as `\n` and the marks of a quoted or changed line are part of it.
pub(super) fn block_at(text: &str, at: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let label = at + OPENING.len();
    let line = &bytes[label..bytes.len().min(label + HEAD_LIMIT)];
    let closing = memmem::find(line, b"-----")?;
    let words = &line[..closing];
    if words.contains(&b'\n') || memmem::find(words, b"PRIVATE KEY").is_none() {
        return None;
    }
    let body = label + closing + 5;
    // The next armour line either ends this block or shows that it has no end.
    let next = memmem::find(&bytes[body..], b"-----").map(|length| body + length);
    let whole = next.filter(|&next| {
        let dashes = bytes[next..].iter().take_while(|b| **b == b'-').count();
        bytes[next + dashes..].starts_with(b"END")
    });
    let end = whole.unwrap_or_else(|| body + body_length(&text[body..]));
    let letters = bytes[body..end].iter().filter(|b| is_base64(**b)).count();
    if letters < LEAST_BODY {
        return None;
    }
    if whole.is_none() {
        return Some(at..end);
    }
    let tail = &bytes[end + 5..bytes.len().min(end + 5 + HEAD_LIMIT)];
    let tail = memmem::find(tail, b"-----").map_or(0, |length| length + 5);
    Some(at..end + 5 + tail)
}

/// Returns how far a body without an end goes on: lines without spaces, and headers.
fn body_length(text: &str) -> usize {
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        let inner = line.trim_matches(|c: char| c.is_whitespace() || "\"'`,;>|#".contains(c));
        let is_header = inner.starts_with("Proc-Type:") || inner.starts_with("DEK-Info:");
        let is_body = inner.bytes().all(|b| is_base64(b) || matches!(b, b'\\' | b'-'));
        if !is_header && !is_body {
            break;
        }
        length += line.len();
    }
    length
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}
