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
    let end = whole.unwrap_or_else(|| body + body_length(&text[body..next.unwrap_or(text.len())]));
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

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY";

    fn block(text: &str) -> Option<&str> {
        block_at(text, text.find(OPENING)?).map(|span| &text[span])
    }

    #[test]
    fn a_block_ends_where_it_says_or_where_its_body_does() {
        let whole = format!("-----BEGIN EC PRIVATE KEY-----\n{BODY}\n-----END EC PRIVATE KEY-----");
        assert_eq!(block(&format!("a {whole} b")), Some(whole.as_str()));
        let in_diff = whole.replace('\n', "\n-");
        assert_eq!(block(&format!("-{in_diff}\n+x")), Some(in_diff.as_str()));
        let cut_off = format!("-----BEGIN EC PRIVATE KEY-----\n{BODY}\n");
        assert_eq!(block(&format!("{cut_off}and then more\n")), Some(cut_off.as_str()));
        assert_eq!(block(&format!("{cut_off}{whole}")), Some(cut_off.as_str()));
    }

    #[test]
    fn armour_without_a_key_is_none() {
        assert_eq!(block("-----BEGIN PRIVATE KEY----- starts a key"), None);
        assert_eq!(block(&format!("-----BEGIN PUBLIC KEY-----\n{BODY}\n-----END PUBLIC KEY-----")), None);
        assert_eq!(block(OPENING), None);
        assert_eq!(block(&"-----BEGIN PRIVATE KEY-----".repeat(3)), None);
    }
}
