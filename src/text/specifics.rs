//! Specifics: what a paraphrase of a statement keeps.

use std::collections::BTreeSet;
use std::ops::Range;

use super::lexicon;
use super::token::{Token, tokens};

/// The kinds of specific.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A number, with its unit if it has one.
    Number,
    /// A date or a time of day.
    Date,
    /// A version such as `v1.2.0`.
    Version,
    /// A name of a program's own: `snake_case`, `CamelCase`, `--flag`, `$VAR`, an acronym.
    Identifier,
    /// What stands in a code span.
    Code,
    /// A path of a file system.
    Path,
    /// A web address.
    Url,
    /// An e-mail address.
    Email,
    /// What stands in quotation marks.
    Quote,
    /// A proper name: a capital inside a sentence.
    Name,
    /// A word that negates, narrows or picks a side: `never`, `only`, `enabled`.
    Polarity,
}

/// One specific, in a form that can be compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Specific {
    /// What it is.
    pub kind: Kind,
    /// Its value: lower case, numbers without thousands marks and with short units, dates as `2026-03-01`.
    pub value: String,
}

/// A specific and the tokens that spell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelled {
    /// The specific.
    pub specific: Specific,
    /// The tokens it takes, without the unit that may follow its figure.
    pub tokens: Range<usize>,
}

/// Returns the specifics of a text.
pub fn specifics(text: &str) -> BTreeSet<Specific> {
    let tokens = tokens(text);
    let mut found: BTreeSet<Specific> = spelled(&tokens).into_iter().map(|s| s.specific).collect();
    for token in tokens.iter().filter(|t| t.code && kind_of(t) != Some(Kind::Code)) {
        found.insert(Specific { kind: Kind::Code, value: token.norm.to_string() });
    }
    for quote in quotes(text) {
        let value = super::normal::normal(quote);
        if !value.is_empty() {
            found.insert(Specific { kind: Kind::Quote, value });
        }
    }
    found
}

/// Returns the specifics that tokens spell, in order and apart, at most one for each token: longer
/// quotations are not among them.
pub fn spelled(tokens: &[Token<'_>]) -> Vec<Spelled> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if let Some((value, width)) = spelled_date(&tokens[at..]) {
            found.push(Spelled { specific: Specific { kind: Kind::Date, value }, tokens: at..at + width });
            at += width;
            continue;
        }
        let token = &tokens[at];
        if let Some(kind) = kind_of(token) {
            let value = match kind {
                Kind::Number => {
                    let unit = tokens.get(at + 1).and_then(|next| lexicon::unit(&next.norm));
                    number(&token.norm, unit)
                }
                Kind::Version => token.norm.trim_start_matches('v').to_owned(),
                Kind::Name => token.norm.trim_end_matches("'s").to_owned(),
                _ => token.norm.to_string(),
            };
            found.push(Spelled { specific: Specific { kind, value }, tokens: at..at + 1 });
        }
        at += 1;
    }
    found
}

/// Returns what kind of specific a token is, if any.
pub fn kind_of(token: &Token<'_>) -> Option<Kind> {
    let (raw, norm) = (token.raw, &*token.norm);
    if norm.contains("://") || norm.starts_with("www.") {
        return Some(Kind::Url);
    }
    if is_email(norm) {
        return Some(Kind::Email);
    }
    if is_date(norm) {
        return Some(Kind::Date);
    }
    if is_version(norm) {
        return Some(Kind::Version);
    }
    if is_number(norm) || lexicon::number_word(norm).is_some() {
        return Some(Kind::Number);
    }
    if lexicon::is_negation(norm) || lexicon::is_polar(norm) && !lexicon::is_function_word(norm) {
        return Some(Kind::Polarity);
    }
    if is_path(norm) {
        return Some(Kind::Path);
    }
    if is_identifier(raw) {
        return Some(Kind::Identifier);
    }
    if token.code {
        return Some(Kind::Code);
    }
    if token.quoted {
        return Some(Kind::Quote);
    }
    let capital = raw.starts_with(char::is_uppercase) && raw != "I" && !raw.starts_with("I'");
    if capital && !token.first && !lexicon::is_function_word(norm) {
        return Some(Kind::Name);
    }
    matches!(norm, "<" | ">" | "<=" | ">=" | "!=" | "≥" | "≤").then_some(Kind::Polarity)
}

fn is_email(norm: &str) -> bool {
    norm.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty() && host.contains('.') && !host.contains(['@', '/', ':']) && !host.starts_with('.')
    })
}

/// Says whether a token reads `2026-03-01`, `2026-03`, `2026/03/01`, `01.03.2026` or `14:30`.
fn is_date(norm: &str) -> bool {
    let digits = |part: &str, widths: &[usize]| {
        widths.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    let day = norm.split('t').next().unwrap_or(norm);
    let parts: Vec<&str> = day.split(['-', '/', '.']).take(4).collect();
    match parts[..] {
        [y, m, d] => {
            digits(y, &[4]) && digits(m, &[1, 2]) && digits(d, &[1, 2])
                || digits(y, &[1, 2]) && digits(m, &[1, 2]) && digits(d, &[4])
        }
        [y, m] => norm.contains('-') && digits(y, &[4]) && digits(m, &[2]),
        _ => norm.split_once(':').is_some_and(|(h, m)| {
            digits(h, &[1, 2]) && m.len() >= 2 && m.as_bytes()[..2].iter().all(u8::is_ascii_digit)
        }),
    }
}

fn is_version(norm: &str) -> bool {
    let bare = norm.strip_prefix('v').unwrap_or(norm);
    let dots = bare.bytes().filter(|&b| b == b'.').count();
    bare.starts_with(|c: char| c.is_ascii_digit())
        && (dots >= 2 || dots <= 1 && bare.len() < norm.len())
        && bare.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'))
}

fn is_number(norm: &str) -> bool {
    let bare = norm.trim_start_matches(['$', '€', '£', '-', '+', '#', '~', '<', '>', '=']);
    bare.starts_with(|c: char| c.is_ascii_digit())
        && (bare.bytes().all(|b| b.is_ascii_digit() || matches!(b, b',' | b'.' | b'%' | b'/' | b'-' | b':'))
            || bare.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ',' | '.')).len() <= 3)
}

/// Joins a figure with its unit: `1,000 ms` and `1000ms` give `1000ms`.
fn number(norm: &str, next_unit: Option<&str>) -> String {
    if let Some(figure) = lexicon::number_word(norm) {
        return figure.to_owned() + next_unit.unwrap_or_default();
    }
    let plain: String = norm.chars().filter(|c| *c != ',').collect();
    let figure_end = plain.trim_end_matches(|c: char| c.is_alphabetic() || c == '%').len();
    let (figure, own_unit) = plain.split_at(figure_end);
    match (lexicon::unit(own_unit), next_unit) {
        (Some(unit), _) => figure.to_owned() + unit,
        (None, Some(unit)) if own_unit.is_empty() => figure.to_owned() + unit,
        _ => plain,
    }
}

fn is_path(norm: &str) -> bool {
    let slashed = norm.contains('/') && norm.len() > 1 && !norm.starts_with("//");
    let dotted = norm.starts_with("./") || norm.starts_with("~/") || norm.starts_with("../");
    let file = norm.rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty()
            && (1..=5).contains(&ending.len())
            && ending.bytes().all(|b| b.is_ascii_alphanumeric())
            && !ending.bytes().all(|b| b.is_ascii_digit())
    });
    slashed || dotted || file
}

fn is_identifier(raw: &str) -> bool {
    let inner_capital = raw.chars().skip(1).any(char::is_uppercase);
    raw.contains('_')
        || raw.starts_with("--")
        || raw.starts_with('$')
        || raw.starts_with('@')
        || raw.starts_with('-') && raw.len() > 1
        || raw.contains("::")
        || raw.chars().count() > 1 && inner_capital
        || raw.contains(|c: char| c.is_ascii_digit()) && raw.contains(char::is_alphabetic)
}

/// Reads `March 5, 2024`, `5 March 2024`, `March 2024` or `5 March`; returns the date and the tokens it took.
fn spelled_date(tokens: &[Token<'_>]) -> Option<(String, usize)> {
    let norm = |at: usize| tokens.get(at).map(|t| &*t.norm);
    let day = |at: usize| {
        let text = norm(at)?.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        text.parse::<u8>().ok().filter(|d| (1..=31).contains(d) && text.len() <= 2)
    };
    let year = |at: usize| norm(at)?.parse::<u16>().ok().filter(|y| (1000..=2999).contains(y));
    let month = |at: usize| {
        let token = tokens.get(at)?;
        let spelled = token.norm.len() > 3 || token.raw.starts_with(char::is_uppercase);
        lexicon::month(&token.norm).filter(|_| spelled)
    };
    let write = |y: Option<u16>, m: u8, d: Option<u8>| {
        let year = y.map_or_else(|| "____".to_owned(), |y| format!("{y:04}"));
        d.map_or_else(|| format!("{year}-{m:02}"), |d| format!("{year}-{m:02}-{d:02}"))
    };
    if let Some(m) = month(0) {
        return match (day(1), year(1)) {
            (Some(d), _) => Some((write(year(2), m, Some(d)), if year(2).is_some() { 3 } else { 2 })),
            (None, Some(y)) => Some((write(Some(y), m, None), 2)),
            (None, None) => None,
        };
    }
    let d = day(0)?;
    let m = month(1)?;
    Some((write(year(2), m, Some(d)), if year(2).is_some() { 3 } else { 2 }))
}

/// Returns what stands in double quotation marks.
fn quotes(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (open, close) in [('"', '"'), ('“', '”'), ('«', '»')] {
        let mut rest = text;
        while let Some(start) = rest.find(open) {
            let inner = &rest[start + open.len_utf8()..];
            let Some(end) = inner.find(close) else { break };
            found.push(&inner[..end]);
            rest = &inner[end + close.len_utf8()..];
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        specifics(text).iter().map(|s| format!("{:?} {}\n", s.kind, s.value)).collect()
    }

    #[test]
    fn a_paraphrase_must_keep_these() {
        insta::assert_snapshot!(
            shown("On March 5, 2024 Ann set `max_retries` to 1,000 ms (was 30 seconds) in ./conf/app.toml, \
                   never above v2.1.0; see https://x.org/a, ask ann@x.org about \"Blue Door\"."),
            @r"
        Number 1000ms
        Number 30s
        Date 2024-03-05
        Version 2.1.0
        Identifier max_retries
        Code max_retries
        Path ./conf/app.toml
        Url https://x.org/a
        Email ann@x.org
        Quote blue door
        Name ann
        Name blue
        Name door
        Polarity above
        Polarity never
        "
        );
    }

    #[test]
    fn the_same_figure_is_the_same_however_written() {
        for (a, b) in [("1,000", "1000"), ("30 s", "30 seconds"), ("30s", "30 sec"), ("two days", "2 d")] {
            assert_eq!(specifics(a), specifics(b), "{a} {b}");
        }
        assert_ne!(specifics("30 s"), specifics("30 min"));
        assert_ne!(specifics("Use it"), specifics("Never use it"));
        assert_eq!(shown("5 March 2024"), shown("2024-03-05"));
    }

    #[test]
    fn hostile_texts_are_read_in_linear_time() {
        for text in
            ["\"".repeat(100_000), "1,".repeat(50_000), "March 1 ".repeat(20_000), "a@".repeat(50_000)]
        {
            let _ = specifics(&text);
        }
    }
}
