//! Scope: edits after which a fact holds for more, for fewer or for others than before.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::dice::Dice;
use super::edit::{Harm, one, within, word_at};
use super::pieces::{Files, Form, Piece, content_words, prose};

/// Words that make an exception or narrow what stands there: a second one may change nothing.
const NARROWING: [&str; 9] =
    ["except", "unless", "only", "excluding", "apart from", "other than", "but not", "exception", "instead"];

/// Says whether a range of a text is prose as a whole.
fn is_prose(text: &str, at: &Range<usize>) -> bool {
    prose(text).iter().any(|range| range.start <= at.start && at.end <= range.end)
}

/// Adds an exception or a restriction, or takes one away.
pub(super) fn exception(files: &Files, piece: &Piece, way: usize, dice: &mut Dice) -> Option<Harm> {
    static CLAUSE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?:,| —| \()? ?\b(?:except|unless|apart from|other than|excluding)\b[^.;:,()`*]*\)?")
            .unwrap()
    });
    static VERB: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"\b(?:is|are|was|were|should|must|can|will|may)\b(?: [a-z]{3,})").unwrap()
    });
    static ONLY: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b[Oo]nly ").unwrap());
    let text = piece.text(files);
    let lower = text.to_lowercase();
    if piece.leads || piece.form == Form::Row || text.ends_with(['?', ':', ',', ';']) {
        return None;
    }
    let is_narrow = NARROWING.iter().any(|word| lower.contains(word));
    let what =
        dice.pick(&["hotfixes", "contractors", "the Lisbon office", "legacy tenants", "weekend shifts"])?;
    match way {
        0 | 1 if !is_narrow => {
            let end = text.trim_end_matches(['.', '!', ' ']).len();
            let word =
                dice.pick(&["except", "except for", "apart from", "other than", "but not", "excluding"])?;
            let with = match dice.roll(3) {
                0 => format!(", {word} {what}"),
                1 => format!(" ({word} {what})"),
                _ => format!(" {word} {what}"),
            };
            Some(one(piece, "an exception added", within(piece, &(end..end)), with))
        }
        2 if !is_narrow => {
            let first = text.chars().next().filter(|c| c.is_uppercase())?;
            let word = dice.pick(&["Except for", "Apart from", "Unless it is about"])?;
            let with = format!("{word} {what}, {}", first.to_lowercase());
            Some(one(piece, "an exception before it", within(piece, &(0..first.len_utf8())), with))
        }
        3 => {
            let found: Vec<_> = CLAUSE.find_iter(text).collect();
            let found = dice.pick(&found)?;
            let says = content_words(found.as_str()).len() >= 2;
            (says && is_prose(text, &found.range()))
                .then(|| one(piece, "an exception taken away", within(piece, &found.range()), ""))
        }
        4 if !is_narrow => {
            let found: Vec<_> = VERB.find_iter(text).collect();
            let found = dice.pick(&found)?;
            let is_free = is_prose(text, &found.range());
            let is_plain = !["not", "never", "also", "the", "now", "just"]
                .iter()
                .any(|word| found.as_str().ends_with(&format!(" {word}")));
            let at = found.start() + found.as_str().find(' ')?;
            (is_free && is_plain).then(|| one(piece, "an `only` put in", within(piece, &(at..at)), " only"))
        }
        _ => {
            let found: Vec<_> = ONLY.find_iter(text).collect();
            let found = dice.pick(&found)?;
            let is_other = ["not only", "read-only", "if only"].iter().any(|word| lower.contains(word));
            (!is_other && is_prose(text, &found.range()))
                .then(|| one(piece, "an `only` removed", within(piece, &found.range()), ""))
        }
    }
}

/// Turns an `and` between two things into an `or`, or the other way round.
pub(super) fn conjunction(files: &Files, piece: &Piece, dice: &mut Dice) -> Option<Harm> {
    static JOINED: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"[\w`)*]{2,},? (and|or) [`*(]*([\w-]{3,})").unwrap());
    /// Where one of these stands, both words may say the same, or no harm is sure to be done.
    const LOOSE: [&str; 24] = [
        "not",
        "n't",
        "no",
        "never",
        "without",
        "avoid",
        "neither",
        "between",
        "whether",
        "if",
        "either",
        "any",
        "may",
        "can",
        "could",
        "both",
        "versus",
        "vs",
        "before",
        "none",
        "unless",
        "forbid",
        "banned",
        "forbidden",
    ];
    const CLAUSES: [&str; 14] = [
        "then", "the", "it", "this", "that", "they", "you", "we", "when", "how", "what", "not", "never",
        "their",
    ];
    let text = piece.text(files);
    let lower = text.to_lowercase();
    if text.ends_with('?')
        || LOOSE.iter().any(|word| word_at(&lower, word).is_some())
        || lower.contains("n't")
        || lower.contains("n’t")
    {
        return None;
    }
    let found: Vec<_> = JOINED.captures_iter(text).collect();
    let found = dice.pick(&found)?;
    let (word, next) = (found.get(1)?, found.get(2)?);
    let is_clause = CLAUSES.contains(&next.as_str());
    let (how, other) = if word.as_str() == "and" {
        ("an `and` made an `or`", "or")
    } else {
        ("an `or` made an `and`", "and")
    };
    (!is_clause && is_prose(text, &word.range()))
        .then(|| one(piece, how, within(piece, &word.range()), other))
}

/// Says another quantity of what is spoken of.
pub(super) fn quantifier(files: &Files, piece: &Piece, way: usize, dice: &mut Dice) -> Option<Harm> {
    const EXCHANGES: &[(&str, &[&str])] = &[
        ("all", &["some", "most", "few"]),
        ("every", &["hardly any", "some"]),
        ("each", &["some"]),
        ("both", &["one of", "either"]),
        ("most", &["all", "few"]),
        ("many", &["few", "all"]),
        ("some", &["all", "most"]),
        ("always", &["sometimes", "rarely", "often"]),
        ("usually", &["always", "rarely"]),
        ("often", &["always", "rarely"]),
        ("sometimes", &["always", "never"]),
        ("none", &["all", "most"]),
    ];
    static PLURAL: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^(?:The )?([A-Za-z][a-z]+s) (?:are|have|must|should|were|can|will|need|use)\b").unwrap()
    });
    let text = piece.text(files);
    if text.ends_with('?') {
        return None;
    }
    if way == 0 {
        let found = PLURAL.captures(text)?;
        let noun = found.get(1)?;
        let is_pronoun = ["This", "Its", "Theirs", "Yours", "Ours"].contains(&noun.as_str());
        let with = format!("{} {}", dice.pick(&["Some", "Most", "Few"])?, noun.as_str().to_lowercase());
        return (!is_pronoun).then(|| one(piece, "a quantity put in", within(piece, &(0..noun.end())), with));
    }
    let (from, to) = *dice.pick(EXCHANGES)?;
    let to = *dice.pick(to)?;
    if word_at(text, to).is_some() {
        return None;
    }
    let capital = format!("{}{}", from[..1].to_uppercase(), &from[1..]);
    let found = [from, capital.as_str()].into_iter().find_map(|word| word_at(text, word))?;
    let is_idiom = [
        "at all",
        "all of a sudden",
        "all right",
        "each other",
        "at most",
        "most likely",
        "some kind of",
        "both and",
        "after all",
    ]
    .iter()
    .any(|idiom| text.to_lowercase().contains(idiom));
    (!is_idiom && is_prose(text, &found)).then(|| one(piece, "another quantity", within(piece, &found), to))
}
