//! Focus: what `only` singles out. Who alone can do something may do other things as well; who can do only
//! that may share it.

use std::ops::Range;

use crate::text::lexicon;

use super::super::phrase::{Atom, Gap, Group};
use super::super::polarity::Turn;
use super::{Match, Side};

/// Verbs that a subject ends before.
const VERBS: &str = "can could may might must shall should will would is are was were has have had get gets got \
do does kann können darf dürfen muss müssen ist sind wird werden hat haben peut peuvent est sont puede pueden es son";

/// Words of grammar that a subject may hold.
const INSIDE: &str = "the a an of and or our my your their his her its";

/// Says which subject one statement singles out where the other narrows what that subject does.
pub(super) fn differ(a: &Side<'_>, b: &Side<'_>, found: &Match) -> Option<(String, Option<String>)> {
    if let Some((subject, narrowed)) = moved(a, b, &found.to) {
        return Some((subject, Some(narrowed)));
    }
    moved(b, a, &found.back).map(|(subject, narrowed)| (narrowed, Some(subject)))
}

/// Quotes `only` with the subject it singles out in the one, and with what it narrows in the other.
fn moved(one: &Side<'_>, other: &Side<'_>, map: &[Option<usize>]) -> Option<(String, String)> {
    let (only, subject) = onlys(one).find_map(|at| Some((at, subject(one, at)?)))?;
    let there: Vec<usize> = subject.clone().map(|i| map[i]).collect::<Option<_>>()?;
    let singles_out = |at: usize| self::subject(other, at).is_some_and(|range| range.contains(&there[0]));
    if onlys(other).any(singles_out) {
        return None;
    }
    let last = there.iter().copied().max()?;
    let narrows =
        |&at: &usize| at > last && is_of_one_clause(&other.phrase.atoms[last + 1..=at]) && narrows(other, at);
    let at = onlys(other).find(narrows)?;
    Some((quote(one, only, subject.end - 1), quote(other, at, at + 1)))
}

fn onlys<'s>(side: &'s Side<'_>) -> impl Iterator<Item = usize> + use<'s> {
    let atoms = side.phrase.atoms.iter().enumerate();
    atoms.filter(|(_, atom)| atom.group == Group::Turn(Turn::Only)).map(|(at, _)| at)
}

/// Returns the subject that begins after an `only` and ends before a verb.
fn subject(side: &Side<'_>, only: usize) -> Option<Range<usize>> {
    let from = side.phrase.atoms[only].span.end;
    let tail = side.text.get(from..)?;
    let is_of = |word: &str, list: &str| list.split(' ').any(|one| one == word);
    let mut end = None;
    for word in tail.split_whitespace() {
        let norm = word.to_lowercase();
        if is_of(&norm, VERBS) {
            end = Some(from + (word.as_ptr() as usize - tail.as_ptr() as usize));
            break;
        }
        let is_grammar = lexicon::is_function_word(&norm) && !is_of(&norm, INSIDE);
        if is_grammar || word.ends_with([',', ';', '.', ':', ')']) {
            return None;
        }
    }
    let end = end?;
    let ends = side.phrase.atoms[only + 1..].iter().take_while(|atom| atom.span.start < end);
    let range = only + 1..only + 1 + ends.count();
    (!range.is_empty() && side.phrase.atoms[range.clone()].iter().any(|atom| atom.weight() > 0))
        .then_some(range)
}

fn is_of_one_clause(atoms: &[Atom]) -> bool {
    atoms.iter().all(|atom| atom.gap != Gap::Clause)
}

/// Says whether an `only` speaks of what comes after it, and is no adjective: `the only admin`.
fn narrows(side: &Side<'_>, only: usize) -> bool {
    let head = side.text.get(..side.phrase.atoms[only].span.start).unwrap_or_default();
    let is_adjective =
        head.split_whitespace().next_back().is_some_and(|word| word.eq_ignore_ascii_case("the"));
    let next = side.phrase.atoms.get(only + 1);
    !is_adjective && next.is_some_and(|atom| atom.gap == Gap::Plain)
}

fn quote(side: &Side<'_>, from: usize, to: usize) -> String {
    let atoms = &side.phrase.atoms;
    let text = side.text.get(atoms[from].span.start..atoms[to].span.end).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
