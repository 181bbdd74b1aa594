//! Clauses: the sentences of a statement, compared one by one where statements were joined or split.

use crate::text::lexicon;

use super::likeness::{Likeness, Side, compare};
use super::owners;
use super::phrase::{Group, Phrase};
use super::polarity::{self, Turn};

/// A statement of more clauses is compared as a whole only.
const CLAUSES: usize = 12;
/// So is a longer one.
const CLAUSE_BYTES: usize = 4_000;
/// How many statements may share one between them.
const HEIRS: usize = 4;

/// One clause of a statement.
struct Clause<'a> {
    text: &'a str,
    phrase: Phrase,
}

impl<'a> Clause<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, phrase: Phrase::of(text) }
    }

    fn side<'s>(&'s self, whole: &Side<'s>) -> Side<'s> {
        Side { phrase: &self.phrase, text: self.text, context: whole.context, is_row: false, is_code: false }
    }
}

/// Says whether clauses that point back (`She is on leave.`) still follow what they point to, wherever
/// one of these says them.
pub(super) fn keep_owners<'s>(old: &Side<'s>, heirs: impl Iterator<Item = &'s Side<'s>>) -> bool {
    let mine = clauses(old);
    let owned: Vec<(&Clause<'_>, &Clause<'_>)> = (1..mine.len())
        .filter(|&at| owners::points_back(mine[at].text))
        .filter_map(|at| Some((&mine[at], owner(&mine[..at])?)))
        .collect();
    if owned.is_empty() {
        return true;
    }
    heirs.into_iter().all(|heir| {
        let theirs = clauses(heir);
        let is_moved = |at: usize| {
            let said = owned.iter().find(|(clause, _)| is_same(&clause.side(old), &theirs[at].side(heir)));
            said.zip(owner(&theirs[..at]))
                .is_some_and(|((_, mine), theirs)| !owners::is_of_one(&mine.phrase, &theirs.phrase))
        };
        !(1..theirs.len()).any(is_moved)
    })
}

/// Returns the last of some clauses that does not point back itself.
fn owner<'c, 'a>(clauses: &'c [Clause<'a>]) -> Option<&'c Clause<'a>> {
    clauses.iter().rev().find(|clause| !owners::points_back(clause.text))
}

/// Says whether each clause of the first is said by a clause of the second.
pub(super) fn are_said(old: &Side<'_>, new: &Side<'_>) -> bool {
    let theirs = clauses_and_halves(new);
    if theirs.len() < 2 {
        return false;
    }
    let is_said = |side: &Side<'_>| theirs.iter().any(|clause| is_same(side, &clause.side(new)));
    let mine = clauses(old);
    is_said(old) || mine.len() > 1 && mine.iter().all(|clause| is_said(&clause.side(old)))
}

/// Returns the few of these statements of one memory that say a clause each of what the first says.
pub(super) fn shared_out(old: &Side<'_>, pieces: &[(usize, Side<'_>)]) -> Option<Vec<usize>> {
    let mine = clauses(old);
    if mine.len() < 2 {
        return None;
    }
    let theirs: Vec<(usize, &Side<'_>, Vec<Clause<'_>>)> =
        pieces.iter().map(|(at, side)| (*at, side, clauses(side))).collect();
    let mut heirs: Vec<usize> = Vec::new();
    for clause in mine.iter().filter(|clause| clause.phrase.weight() > 0) {
        let side = clause.side(old);
        let says = |(_, piece, parts): &&(usize, &Side<'_>, Vec<Clause<'_>>)| {
            is_same(&side, piece)
                || parts.len() > 1 && parts.iter().any(|part| is_same(&side, &part.side(piece)))
        };
        let heir = theirs.iter().find(says)?.0;
        if !heirs.contains(&heir) {
            heirs.push(heir);
        }
    }
    heirs.sort_unstable();
    (2..=HEIRS).contains(&heirs.len()).then_some(heirs)
}

fn is_same(old: &Side<'_>, new: &Side<'_>) -> bool {
    matches!(compare(old, new), Likeness::Same { .. })
}

fn clauses<'a>(side: &Side<'a>) -> Vec<Clause<'a>> {
    if side.is_code || side.is_row || side.text.len() > CLAUSE_BYTES {
        return Vec::new();
    }
    let texts = split(side.text);
    if texts.len() > CLAUSES { Vec::new() } else { texts.into_iter().map(Clause::of).collect() }
}

/// The clauses, and what stands before and after an `, and` in one that says both.
fn clauses_and_halves<'a>(side: &Side<'a>) -> Vec<Clause<'a>> {
    let mut found = clauses(side);
    let halves: Vec<Clause<'a>> = found
        .iter()
        .filter(|clause| !clause.phrase.atoms.iter().any(|atom| matches!(atom.group, Group::Turn(_))))
        .filter_map(|clause| clause.text.split_once(", and "))
        .flat_map(|(head, tail)| [Clause::of(head), Clause::of(tail)])
        .collect();
    found.extend(halves);
    found
}

/// Splits a text where a sentence or a half of one ends, outside of code and brackets.
pub(super) fn split(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut start, mut depth, mut is_code) = (0, 0_usize, false);
    let mut found = Vec::new();
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'`' => is_code = !is_code,
            b'(' | b'[' if !is_code => depth += 1,
            b')' | b']' if !is_code => depth = depth.saturating_sub(1),
            b'.' | b'!' | b'?' | b';' if !is_code && depth == 0 => {
                let has_space = bytes.get(at + 1).is_some_and(u8::is_ascii_whitespace);
                let is_short = byte == b'.' && is_short_form(&text[start..=at]);
                if has_space && !is_short && !is_exception(&text[at + 1..]) {
                    found.push(text[start..=at].trim());
                    start = at + 1;
                }
            }
            _ => {}
        }
    }
    found.push(text[start..].trim());
    found.retain(|clause| clause.contains(char::is_alphanumeric));
    found
}

/// Says whether a text begins with an exception to what stands before it: `Except hotfixes.`
fn is_exception(text: &str) -> bool {
    let sentence = text.split(['.', ';', '!', '?']).next().unwrap_or_default().trim();
    let (first, rest) = sentence.split_once(char::is_whitespace).unwrap_or((sentence, ""));
    let norm = first.to_lowercase();
    let is_begun =
        polarity::turn(&norm, None) == Some(Turn::Except) || polarity::is_exception(&norm, "", rest);
    is_begun && !sentence.contains(',')
}

pub(super) fn is_short_form(text: &str) -> bool {
    let word = text.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default().to_lowercase();
    lexicon::is_abbreviation(&word) || lexicon::is_before_figure(&word)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_clause_ends_where_a_sentence_does() {
        let clauses = split("Use `a. b`, e.g. here (see below. or not); then stop. It is 3.5 s. v1.2 is out");
        assert_eq!(
            clauses,
            ["Use `a. b`, e.g. here (see below. or not);", "then stop.", "It is 3.5 s.", "v1.2 is out"]
        );
    }
}
