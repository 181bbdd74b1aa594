//! What templates may not do, found in their text before anything runs.
//!
//! Fuel bounds the steps of a rendering and not what one step allocates, and forty doublings make a
//! terabyte. So nothing that names a value may also make it larger: `set` and `for` compute no text,
//! and a tag either joins a few texts or uses one growing filter as its last act. Macros, includes
//! and captured blocks are left out whole.

use std::ops::Range;

/// The longest template, before rendering.
const SOURCE_BYTES_LIMIT: usize = 32_768;
/// How many texts one tag may join.
const JOINS_LIMIT: usize = 16;

/// A construct that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// Its bytes in the template.
    pub(super) span: Range<usize>,
    /// What is wrong: a fragment.
    pub(super) label: String,
    /// What to do.
    pub(super) help: &'static str,
}

/// A `{{ … }}` or `{% … %}` of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    /// Whether it is a statement.
    pub(super) is_statement: bool,
    /// Its inside.
    pub(super) span: Range<usize>,
}

/// A word or a sign inside a tag; texts are one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Text,
    Sign(u8),
}

/// Finds the tags of a template. Comments and raw blocks hold none.
pub(super) fn tags(source: &str) -> Vec<Tag> {
    let bytes = source.as_bytes();
    let mut tags = Vec::new();
    let mut at = 0;
    let mut is_raw = false;
    while let Some(open) = memchr::memchr(b'{', &bytes[at..]).map(|i| at + i) {
        let kind = bytes.get(open + 1).copied();
        let start = open + 2;
        match kind {
            Some(b'#') if !is_raw => {
                at = source[start.min(source.len())..].find("#}").map_or(bytes.len(), |i| start + i + 2);
            }
            Some(kind @ (b'{' | b'%')) => {
                let end = tag_end(bytes, start, if kind == b'{' { b'}' } else { b'%' });
                let span = start..end;
                let word = first_word(&source[span.clone()]);
                let is_statement = kind == b'%';
                at = match (is_raw, is_statement, word) {
                    (false, true, "raw") => {
                        is_raw = true;
                        (end + 2).min(bytes.len())
                    }
                    (true, true, "endraw") => {
                        is_raw = false;
                        (end + 2).min(bytes.len())
                    }
                    (true, ..) => start,
                    (false, ..) => {
                        tags.push(Tag { is_statement, span });
                        (end + 2).min(bytes.len())
                    }
                };
            }
            _ => at = open + 1,
        }
    }
    tags
}

/// Returns where a tag's inside ends: before its closing sign, outside of texts.
fn tag_end(bytes: &[u8], start: usize, close: u8) -> usize {
    let mut at = start;
    let mut depth = 0usize;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'') => at = text_end(bytes, at, quote),
            b'{' => {
                depth += 1;
                at += 1;
            }
            b'}' if depth > 0 => {
                depth -= 1;
                at += 1;
            }
            byte if byte == close && bytes.get(at + 1) == Some(&b'}') => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Returns the byte behind a text that begins at a quote.
fn text_end(bytes: &[u8], open: usize, quote: u8) -> usize {
    let mut at = open + 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

fn first_word(inside: &str) -> &str {
    let inside = inside.trim_start_matches(['-', '+']).trim_start();
    let end = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inside.len());
    &inside[..end]
}

fn tokens<'a>(source: &'a str, span: &Range<usize>) -> Vec<(Token<'a>, usize)> {
    let bytes = &source.as_bytes()[..span.end];
    let mut tokens = Vec::new();
    let mut at = span.start;
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            quote @ (b'"' | b'\'') => {
                at = text_end(bytes, at, quote);
                tokens.push((Token::Text, start));
            }
            b if b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80 => {
                while at < bytes.len()
                    && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_' || bytes[at] >= 0x80)
                {
                    at += 1;
                }
                tokens.push((Token::Word(&source[start..at]), start));
            }
            b if b.is_ascii_whitespace() => at += 1,
            sign => {
                at += 1;
                tokens.push((Token::Sign(sign), start));
            }
        }
    }
    tokens
}

/// Finds everything in a template that is refused, in order.
pub(super) fn refusals(source: &str) -> Vec<Refused> {
    if source.len() > SOURCE_BYTES_LIMIT {
        let label = format!("the template has {} bytes, the limit is {SOURCE_BYTES_LIMIT}", source.len());
        return vec![Refused { span: 0..0, label, help: "rendered instructions may have 4,096 characters" }];
    }
    tags(source).iter().filter_map(|tag| refusal(source, tag)).collect()
}

fn refusal(source: &str, tag: &Tag) -> Option<Refused> {
    let tokens = tokens(source, &tag.span);
    let refused = |at: usize, length: usize, label: String, help: &'static str| {
        Some(Refused { span: at..at + length, label, help })
    };
    // A leading `-` or `+` trims blanks and is no operator.
    let skip =
        usize::from(matches!(tokens.first(), Some((Token::Sign(b'-' | b'+'), at)) if *at == tag.span.start));
    let tokens = &tokens[skip..];
    let mut binds = false;
    if tag.is_statement {
        let (word, at) = match tokens.first() {
            Some((Token::Word(word), at)) => (*word, *at),
            _ => ("", tag.span.start),
        };
        let is_plain_set = word == "set" && tokens.iter().any(|(token, _)| *token == Token::Sign(b'='));
        binds = matches!(word, "set" | "for");
        let is_known =
            matches!(word, "if" | "elif" | "else" | "endif" | "for" | "endfor" | "") || is_plain_set;
        if !is_known {
            let label = format!("`{word}` is not available in instructions");
            return refused(at, word.len(), label, "use `if`, `for` and `set name = value`");
        }
    }
    let trailing = usize::from(
        matches!(tokens.last(), Some((Token::Sign(b'-' | b'+'), at)) if *at + 1 == tag.span.end && tokens.len() > 1),
    );
    let tokens = &tokens[..tokens.len() - trailing];
    let mut joins = 0;
    let mut growing: Option<(usize, usize)> = None;
    for (i, (token, at)) in tokens.iter().enumerate() {
        match token {
            Token::Sign(b'*') => {
                return refused(
                    *at,
                    1,
                    "templates do not multiply".to_owned(),
                    "compute the value under `vars`",
                );
            }
            Token::Sign(b'~' | b'+') => {
                joins += 1;
                if binds || tag.is_statement || joins > JOINS_LIMIT {
                    let label = if tag.is_statement {
                        "statements compute no text"
                    } else {
                        "this joins too many texts"
                    };
                    return refused(
                        *at,
                        1,
                        label.to_owned(),
                        "write the texts out, or join them in `{{ … }}`",
                    );
                }
            }
            Token::Word(name @ ("join" | "tojson")) if i > 0 && tokens[i - 1].0 == Token::Sign(b'|') => {
                if growing.is_some() || tag.is_statement {
                    let label = format!("`{name}` may stand once, at the end of a `{{{{ … }}}}`");
                    return refused(*at, name.len(), label, "use it alone");
                }
                growing = Some((i, *at));
            }
            _ => {}
        }
    }
    if let Some((i, at)) = growing {
        let rest = &tokens[i + 1..];
        if joins > 0 || !ends_after_arguments(rest) {
            let length = tokens[i + 1..].first().map_or(4, |(_, next)| next - at);
            return refused(
                at,
                length,
                "nothing may follow or join this filter".to_owned(),
                "put it into a `{{ … }}` of its own",
            );
        }
    }
    None
}

/// Says whether tokens are nothing, or one pair of parentheses without filters in it.
fn ends_after_arguments(tokens: &[(Token<'_>, usize)]) -> bool {
    match tokens {
        [] => true,
        [(Token::Sign(b'('), _), inside @ .., (Token::Sign(b')'), _)] => {
            !inside.iter().any(|(token, _)| matches!(token, Token::Sign(b'(' | b')' | b'|')))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_instructions_need_is_allowed() {
        for good in [
            "Merge {{ vars.n }} entries.",
            "{% if batch.last %}last{% else %}more{% endif %}",
            "{%- for id in batch.sessions -%}\n- {{ id }}\n{%- endfor -%}",
            "{% set n = vars.n %}{{ n + 1 }}",
            "{{ batch.sessions|join(\", \") }}",
            "{{- vars.rules | tojson -}}",
            "{{ vars.a ~ \" and \" ~ vars.b }}",
            "{# a * comment ~ #}{% raw %}{{ a * b }}{% endraw %}",
            "{{ {'a': 1}.a }}",
        ] {
            assert_eq!(refusals(good), [], "{good}");
        }
    }

    #[test]
    fn what_could_grow_or_load_is_refused() {
        for bad in [
            "{% set a = a ~ a %}",
            "{% for a in [a + a] %}{% endfor %}",
            "{% set a %}{{ a }}{{ a }}{% endset %}",
            "{{ 'a' * 100000000 }}",
            "{{ a|tojson|tojson }}",
            "{{ (a|join(a))|length }}",
            "{{ a|join(b|upper) }}",
            "{% if a|join(a) %}{% endif %}",
            "{% include 'x' %}",
            "{% macro f() %}{% endmacro %}",
            "{% with a = 1 %}{% endwith %}",
            "{%- import 'x' as y -%}",
            "{% filter upper %}x{% endfilter %}",
        ] {
            assert!(!refusals(bad).is_empty(), "{bad}");
        }
        assert!(!refusals(&format!("{{{{ {} }}}}", "a~".repeat(40) + "a")).is_empty());
        assert!(!refusals(&" ".repeat(SOURCE_BYTES_LIMIT + 1)).is_empty());
    }
}
