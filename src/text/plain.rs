//! Plain text: what is left of Markdown once it is shown.

use std::borrow::Cow;

/// The longest link target or tag that is taken for one, in bytes.
const TARGET_BYTES_LIMIT: usize = 2_000;
/// The longest entity, in bytes.
const ENTITY_BYTES_LIMIT: usize = 10;

/// Returns a text as it is shown: without emphasis, backticks, link targets, tags, comments and escapes, and
/// with its entities read. It is for comparing and not for showing: in doubt a mark goes.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
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
            '_' => {
                let is_inside =
                    out.ends_with(char::is_alphanumeric) && after.starts_with(char::is_alphanumeric);
                if is_inside {
                    out.push('_');
                }
                after
            }
            ']' => match after.as_bytes().first() {
                Some(b'(') => past(after, ')').unwrap_or(after),
                Some(b'[') => past(after, ']').unwrap_or(after),
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
                past(after, '>').unwrap_or_else(|| {
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
fn past(text: &str, end: char) -> Option<&str> {
    let near = &text[..text.floor_char_boundary(TARGET_BYTES_LIMIT)];
    let at = near.find([end, '\n'])?;
    text[at..].strip_prefix(end)
}

/// Reads an entity behind its `&`, and returns what follows it.
fn entity(text: &str) -> Option<(char, &str)> {
    let end = text.bytes().take(ENTITY_BYTES_LIMIT).position(|b| b == b';')?;
    let (name, after) = (&text[..end], &text[end + 1..]);
    let read = match name {
        "nbsp" | "ensp" | "emsp" | "thinsp" => ' ',
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" | "rsquo" | "lsquo" => '\'',
        "shy" | "zwj" | "zwnj" => '\u{ad}',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    };
    Some((read, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_words_stay() {
        for (text, shown) in [
            ("[Ann](http://x) **Smith**", "Ann Smith"),
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
