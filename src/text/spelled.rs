//! Names spelled out: the words that paths, addresses and identifiers are made of.
//!
//! For finding what somebody wrote without spaces. Statements are compared by their tokens, not by this.

use unicode_normalization::UnicodeNormalization;

use crate::memory::is_unseen;

/// Returns a text with its names as words: `/people/ann-smith.md`, `ann_smith`, `AnnSmith` and `ann%20smith`
/// all read `ann smith`. Nothing if there is nothing to spell out.
pub(crate) fn spelled(text: &str) -> Option<String> {
    let decoded = decoded(text);
    let text = decoded.as_deref().unwrap_or(text);
    let folded: String;
    let text = if text.is_ascii() {
        text
    } else {
        folded = text.nfkc().filter(|&c| !is_unseen(c)).collect();
        &folded
    };
    let mut out = String::with_capacity(text.len() + 8);
    let mut is_spelled = decoded.is_some();
    let mut chars = text.chars().peekable();
    let mut last = ' ';
    while let Some(c) = chars.next() {
        if !(c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c)) {
            is_spelled |= !c.is_whitespace()
                && last.is_alphanumeric()
                && chars.peek().is_some_and(|next| next.is_alphanumeric());
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        } else {
            // `annSmith`, and `ABSmith` for `AB Smith`.
            let ends_capitals = last.is_uppercase() && chars.peek().is_some_and(|next| next.is_lowercase());
            if c.is_uppercase() && (last.is_lowercase() || ends_capitals) {
                is_spelled = true;
                out.push(' ');
            }
            out.push(c);
        }
        last = c;
    }
    is_spelled.then(|| out.trim_end().to_owned())
}

/// Reads what an address writes as `%41`; nothing if there is no such thing.
fn decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut start = 0;
    for at in memchr::memchr_iter(b'%', bytes) {
        let digits = text.get(at + 1..at + 3).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            out.extend_from_slice(&bytes[start..at]);
            out.push(byte);
            start = at + 3;
        }
    }
    if start == 0 {
        return None;
    }
    out.extend_from_slice(&bytes[start..]);
    Some(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_however_they_are_joined() {
        for name in ["ann-smith", "ann_smith", "ann.smith", "ann%20smith", "%61nn+smith", "ann\u{ad}-smith"] {
            assert_eq!(spelled(name).as_deref(), Some("ann smith"), "{name}");
        }
        for (name, words) in [
            ("/people/AnnSmith.md", "people Ann Smith md"),
            ("annSmith", "ann Smith"),
            ("ABSmith", "AB Smith"),
            ("see https://x.org/ann-smith?q=1", "see https x org ann smith q 1"),
            ("ｆｕｌｌ-ｗｉｄｔｈ", "full width"),
        ] {
            assert_eq!(spelled(name).as_deref(), Some(words), "{name}");
        }
        for plain in ["", "ann smith", "Ann (Smith) left.", "100 % of it"] {
            assert_eq!(spelled(plain), None, "{plain}");
        }
    }
}
