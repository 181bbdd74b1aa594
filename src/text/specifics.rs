//! Specifics: what a paraphrase of a statement keeps.

use std::collections::BTreeSet;
use std::ops::Range;

use super::lexicon;
use super::moment;
use super::name;
use super::quantity;
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
    /// Its value: lower case, numbers in plain digits and in the smallest usual unit, dates as `2026-03-01`.
    pub value: String,
}

/// A specific and the tokens that spell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelled {
    /// The specific.
    pub specific: Specific,
    /// The tokens it takes, with its unit and with what compares it.
    pub tokens: Range<usize>,
}

/// Returns the specifics of a text.
///
/// Beyond what its tokens spell, these are its quotations and its names: names of several words, names at
/// the beginning of a sentence, and in scripts without capitals what may be a name. There, nothing tells
/// names from other words. Where words are spaced (Arabic, Hebrew, Devanagari, Korean, …) every word of three
/// letters or more counts that is no particle; in Chinese and Japanese every run of two to six ideographs
/// or of katakana between the characters of grammar; in Thai, Lao, Khmer and Burmese nothing.
pub fn specifics(text: &str) -> BTreeSet<Specific> {
    let tokens = tokens(text);
    let mut found = BTreeSet::new();
    let mut is_taken = vec![false; tokens.len()];
    for Spelled { specific: Specific { kind, value }, tokens: range } in spelled(&tokens) {
        // `per second` is a rate, no ordinal.
        if range.start > 0
            && tokens[range.start - 1].norm == "per"
            && quantity::per(&tokens[range.start].norm).is_some()
        {
            continue;
        }
        if !matches!(kind, Kind::Name | Kind::Quote) {
            is_taken[range].fill(true);
        }
        match kind {
            Kind::Name => {}
            Kind::Polarity => {
                found.extend(polarity(value).map(|value| Specific { kind, value }));
            }
            _ => {
                found.insert(Specific { kind, value });
            }
        }
    }
    for pair in tokens.windows(2).filter(|pair| pair[0].norm == "per") {
        found.extend(
            quantity::per(&pair[1].norm).map(|rate| Specific { kind: Kind::Number, value: rate.to_owned() }),
        );
    }
    name::collect(&tokens, &is_taken, &mut |value| {
        found.insert(Specific { kind: Kind::Name, value });
    });
    for quote in quotes(text) {
        let value = super::normal::normal(quote);
        if !value.is_empty() {
            found.insert(Specific { kind: Kind::Quote, value });
        }
    }
    found
}

/// Returns one word for all plain negations, so that `don't` and `never` agree; none for words that
/// join clauses.
fn polarity(value: String) -> Option<String> {
    let plain = match value.as_str() {
        "but" => return None,
        "rather" | "instead" => "instead",
        "hardly" | "rarely" | "seldom" => "rarely",
        "excluding" | "except" => "except",
        "only" | "unless" | "unlike" | "stop" => return Some(value),
        _ if lexicon::is_negation(&value) || lexicon::is_foreign_negation(&value) => "not",
        _ => return Some(value),
    };
    Some(plain.to_owned())
}

/// Returns the specifics that tokens spell, in order and apart, at most one for each token: longer
/// quotations and names are not among them.
pub fn spelled(tokens: &[Token<'_>]) -> Vec<Spelled> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let width = match one(tokens, at) {
            Some((kind, value, width)) => {
                found.push(Spelled { specific: Specific { kind, value }, tokens: at..at + width });
                width
            }
            None => 1,
        };
        at += width;
    }
    found
}

/// Reads the specific that begins at a token.
fn one(tokens: &[Token<'_>], at: usize) -> Option<(Kind, String, usize)> {
    let token = &tokens[at];
    let norm = &*token.norm;
    if is_plain(token) {
        if lexicon::may_measure(norm) {
            if let Some((value, width)) = moment::read(&tokens[at..]) {
                return Some((Kind::Date, value, width));
            }
            if norm != "one" || !is_pronoun(tokens, at) {
                let quantity = quantity::read(&tokens[at..], before(tokens, at));
                if let Some((value, width)) = quantity {
                    return Some((Kind::Number, value, width));
                }
            }
        }
    } else if may_figure(token) {
        if norm.contains("://") || is_email(norm) {
            return kind_of(token).map(|kind| (kind, bare_address(norm), 1));
        }
        if is_reference(norm) {
            return Some((Kind::Identifier, norm.to_owned(), 1));
        }
        if let Some((value, width)) = moment::read(&tokens[at..]) {
            return Some((Kind::Date, value, width));
        }
        let after_word = before(tokens, at).is_some_and(|t| matches!(&*t.norm, "version" | "release" | "v"));
        if is_version(norm) && !is_grouped(norm) || after_word && is_release(norm) {
            return Some((Kind::Version, norm.trim_start_matches('v').to_owned(), 1));
        }
        if !is_letters_and_figures(token.raw)
            && let Some((value, width)) = quantity::read(&tokens[at..], before(tokens, at))
        {
            return Some((Kind::Number, value, width));
        }
    }
    let kind = kind_of(token)?;
    let value = match kind {
        Kind::Number => match lexicon::number_word(norm) {
            Some(figure) => {
                match figure.strip_suffix(['d', 'h']).and_then(|f| f.strip_suffix(['n', 'r', 't'])) {
                    Some(ordinal) => format!("{ordinal}th"),
                    None => figure.to_owned(),
                }
            }
            None => norm.chars().filter(|c| *c != ',').collect(),
        },
        Kind::Version => norm.trim_start_matches('v').to_owned(),
        Kind::Name => norm.trim_end_matches("'s").to_owned(),
        Kind::Url => bare_address(norm),
        _ => norm.to_owned(),
    };
    Some((kind, value, 1))
}

fn before<'t, 'a>(tokens: &'t [Token<'a>], at: usize) -> Option<&'t Token<'a>> {
    at.checked_sub(1).map(|before| &tokens[before])
}

/// Says whether a token is a word in letters alone.
fn is_plain(token: &Token<'_>) -> bool {
    token.norm.bytes().all(|b| b.is_ascii_lowercase() || !b.is_ascii())
        && (token.norm.is_ascii() || token.norm.starts_with(char::is_alphabetic))
}

/// Says whether a token may hold a figure: it has a digit, a currency or a sign that compares.
fn may_figure(token: &Token<'_>) -> bool {
    token.norm.bytes().any(|b| b.is_ascii_digit() || matches!(b, b'$' | b'<' | b'>'))
        || !token.norm.is_ascii()
            && token.norm.starts_with(['€', '£', '¥', '₹', '₽', '₩', '≥', '≤', '½', '¼', '¾'])
        || token.norm.starts_with("twen")
        || token.norm.contains('-') && token.norm.split('-').next().is_some_and(lexicon::may_measure)
}

/// Says whether `one` stands for a thing rather than for a number.
fn is_pronoun(tokens: &[Token<'_>], at: usize) -> bool {
    let next =
        tokens.get(at + 1).is_some_and(|t| matches!(&*t.norm, "of" | "another" | "should" | "can" | "must"));
    let after = before(tokens, at).is_some_and(|t| {
        matches!(
            &*t.norm,
            "the"
                | "this"
                | "that"
                | "no"
                | "which"
                | "any"
                | "every"
                | "each"
                | "another"
                | "last"
                | "first"
                | "new"
                | "old"
                | "other"
                | "right"
                | "wrong"
                | "some"
        )
    });
    next || after
}

fn bare_address(norm: &str) -> String {
    norm.trim_end_matches('/').to_owned()
}

/// Says whether a token reads `#123`, an address such as `10.0.0.1:80`, or a number of many hexadecimal digits.
fn is_reference(norm: &str) -> bool {
    if let Some(number) = norm.strip_prefix('#') {
        return number.starts_with(|c: char| c.is_ascii_digit());
    }
    let address = norm.split(['/', ':']).next().unwrap_or(norm);
    let is_octet = |part: &str| part.len() <= 3 && part.parse::<u8>().is_ok();
    if address.matches('.').count() == 3 && address.split('.').all(is_octet) {
        return true;
    }
    let digits = norm.bytes().filter(u8::is_ascii_digit).count();
    norm.len() >= 7
        && digits < norm.len()
        && norm.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
        && norm.bytes().any(|b| b.is_ascii_lowercase())
        && !(norm.contains('e') && digits + 1 >= norm.len() - norm.matches('-').count())
}

/// Says whether dots set the thousands of a number apart.
fn is_grouped(norm: &str) -> bool {
    let mut groups = norm.split('.');
    groups.next().is_some_and(|first| (1..=3).contains(&first.len()))
        && groups.all(|group| group.len() == 3 && group.bytes().all(|b| b.is_ascii_digit()))
}

fn is_release(norm: &str) -> bool {
    norm.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && norm.as_bytes().first().is_some_and(u8::is_ascii_digit)
}

/// Says whether a figure with one capital is a name of its own, as `3D` and `4G` are.
fn is_letters_and_figures(raw: &str) -> bool {
    let letters = raw.trim_start_matches(|c: char| c.is_ascii_digit());
    letters.len() < raw.len() && matches!(letters, "D" | "G" | "T" | "S" | "H" | "W" | "L" | "B")
}

/// Returns what kind of specific a token is, if any.
pub fn kind_of(token: &Token<'_>) -> Option<Kind> {
    let (raw, norm) = (token.raw, &*token.norm);
    if raw.bytes().all(|b| b.is_ascii_lowercase()) {
        return match () {
            () if lexicon::number_word(norm).is_some() => Some(Kind::Number),
            () if lexicon::is_turning(norm) => Some(Kind::Polarity),
            () if token.code => Some(Kind::Code),
            () => token.quoted.then_some(Kind::Quote),
        };
    }
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
    if lexicon::is_turning(norm) {
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

fn is_path(norm: &str) -> bool {
    let windows = norm.contains('\\') && (norm.starts_with("\\\\") || norm.get(1..3) == Some(":\\"));
    let slashed = windows || norm.contains('/') && norm.len() > 1 && !norm.starts_with("//");
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

/// Returns what stands in double quotation marks, or in those of other languages.
fn quotes(text: &str) -> Vec<&str> {
    /// What is longer is no quotation of a name or a value.
    const LIMIT: usize = 200;
    let mut found = Vec::new();
    for (open, close) in
        [('"', '"'), ('“', '”'), ('„', '“'), ('«', '»'), ('「', '」'), ('『', '』'), ('《', '》')]
    {
        if open != '"' && text.is_ascii() {
            break;
        }
        let mut rest = text;
        while let Some(start) = rest.find(open) {
            let inner = &rest[start + open.len_utf8()..];
            let Some(end) = inner.find(close) else { break };
            if end <= LIMIT {
                found.push(&inner[..end]);
            }
            rest = &inner[end + close.len_utf8()..];
        }
    }
    found
}

#[cfg(test)]
mod tests;
