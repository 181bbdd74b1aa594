//! Plain text: what is left of Markdown once it is shown.

use std::borrow::Cow;

use super::entity::entity;

/// The longest link target or tag that is taken for one, in bytes.
const TARGET_BYTES_LIMIT: usize = 2_000;

/// Returns a text as it is shown: without emphasis, backticks, link targets, tags, comments and escapes, and
/// with its entities read. It is for comparing and not for showing: in doubt a mark goes.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(['*', '_', '~', '`', '[', ']', '<', '&', '\\']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut has_comment_ends = true;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '*' | '~' | '`' | '[' => after,
            '!' if after.starts_with('[') => after,
            '_' => {
                let is_inside =
                    out.ends_with(char::is_alphanumeric) && after.starts_with(char::is_alphanumeric);
                if is_inside {
                    out.push('_');
                }
                after
            }
            ']' => match after.as_bytes().first() {
                Some(b'(') => past(after, b')').unwrap_or(after),
                Some(b'[') => past(after, b']').unwrap_or(after),
                _ => after,
            },
            '<' if has_comment_ends && after.starts_with("!--") => match after.find("-->") {
                Some(end) => &after[end + 3..],
                None => {
                    has_comment_ends = false;
                    after
                }
            },
            '<' if after.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) => {
                past(after, b'>').unwrap_or_else(|| {
                    out.push('<');
                    after
                })
            }
            '&' => match entity(after) {
                Some((read, after)) => {
                    out.push(read);
                    after
                }
                None => {
                    out.push('&');
                    after
                }
            },
            '\\' if after.starts_with(|c: char| c.is_ascii_punctuation()) => {
                out.push_str(&after[..1]);
                &after[1..]
            }
            c => {
                out.push(c);
                after
            }
        };
    }
    Cow::Owned(out)
}

/// Returns what follows the next `end`, if it is near and on the same line.
fn past(text: &str, end: u8) -> Option<&str> {
    let near = &text[..text.floor_char_boundary(TARGET_BYTES_LIMIT)];
    let at = memchr::memchr2(end, b'\n', near.as_bytes())?;
    (near.as_bytes()[at] == end).then(|| &text[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_words_stay() {
        for (text, shown) in [
            ("[Ann](http://x) **Smith**", "Ann Smith"),
            ("![Ann](x.png) Smith!", "Ann Smith!"),
            ("[Ann][1] _Smith_ ~~left~~", "Ann Smith left"),
            ("Ann&nbsp;Sm&#105;th &#x26; Bob & co", "Ann Smith & Bob & co"),
            ("ig<!-- x -->nore <b>all</b> 1 < 2", "ignore all 1 < 2"),
            (r"Ann \_Smith\_ `x`", "Ann _Smith_ x"),
            ("snake_case and a](b", "snake_case and a(b"),
            ("<!-- open ]( &#xffffffff; <", "!-- open ( &#xffffffff; <"),
        ] {
            assert_eq!(plain(text), shown, "{text}");
        }
    }

    #[test]
    fn stray_marks_cost_no_more_than_their_length() {
        for mark in ["](", "<!--", "<a", "&#", "[", "\\"] {
            let _ = plain(&mark.repeat(100_000));
        }
    }
}
