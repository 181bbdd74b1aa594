//! Shades: what small words make of a verb, a noun or a figure: its tense, whether it binds, how it is tied.

use super::super::phrase::{Atom, Force, Gap, Group};
use super::super::polarity::{self, Modality, Tense};
use super::{Match, Side};

/// Says in which shade two statements of the same words differ, if in any.
pub(super) fn differ(
    a: &Side<'_>,
    b: &Side<'_>,
    found: &Match,
    new: &[usize],
) -> Option<(String, Option<String>)> {
    let pairs = || found.to.iter().enumerate().filter_map(|(i, to)| to.map(|j| (i, j)));
    let told = |(i, j): (usize, usize)| Some((before(a, i), Some(before(b, j))));
    if let Some(j) = operator(b, found, new) {
        return Some((String::new(), Some(b.atom_text(j).to_owned())));
    }
    let (x, y) = (&a.phrase.atoms, &b.phrase.atoms);
    let is_reported = a.phrase.is_reported || b.phrase.is_reported;
    let parts = |(i, j): &(usize, usize)| {
        let (one, other) = (&x[*i], &y[*j]);
        let is_about = one.group == Group::Figure && one.bond.is_about() != other.bond.is_about();
        let counts = counts(one) || counts(other);
        let is_other_time = !is_reported && counts && one.tense.conflicts(other.tense);
        let is_time = one.group == Group::Figure || polarity::is_time(&a.norm(*i));
        is_about || is_other_time || one.bond.conflicts(other.bond, is_time) || is_other_extent(a, b, *i, *j)
    };
    if let Some(pair) = pairs().find(parts) {
        return told(pair);
    }
    if let Some(pair) = pairs().find(|&(i, j)| unbinds((a, b), found, i, j)) {
        return told(pair);
    }
    let back = Match { to: found.back.clone(), back: found.to.clone() };
    let wishes = |&(i, j): &(usize, usize)| y[j].force == Force::Wish && unbinds((b, a), &back, j, i);
    let imposes = |&(i, j): &(usize, usize)| {
        y[j].force == Force::Rule && are_passive(b, a, j, i) && unbinds((b, a), &back, j, i)
    };
    let enables = |&(i, j): &(usize, usize)| {
        is_only_possible((a, b), found, i, j) || is_only_possible((b, a), &back, j, i)
    };
    if let Some(pair) = pairs().find(|pair| wishes(pair) || imposes(pair) || enables(pair)) {
        return told(pair);
    }
    let (of_a, of_b) = (&a.phrase.genders, &b.phrase.genders);
    let is_in_order = found.to.iter().flatten().is_sorted();
    (is_in_order && are_other_people(of_a, of_b)).then(|| (pronoun(a), Some(pronoun(b))))
}

/// Says whether an atom says something, or is `use`, which hardly does and has a tense.
fn counts(atom: &Atom) -> bool {
    atom.weight() > 0 || atom.tense == Tense::Past
}

/// Quotes an atom with the two words before it.
fn before(side: &Side<'_>, at: usize) -> String {
    let span = &side.phrase.atoms[at].span;
    let head = side.text.get(..span.start).unwrap_or_default();
    let from = head
        .split_whitespace()
        .rev()
        .nth(1)
        .map_or(0, |word| word.as_ptr() as usize - head.as_ptr() as usize);
    side.text.get(from..span.end).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Finds a sign that came to stand between two operands.
fn operator(b: &Side<'_>, found: &Match, new: &[usize]) -> Option<usize> {
    let is_known = |at: Option<usize>| at.and_then(|at| found.back.get(at)).is_some_and(Option::is_some);
    new.iter()
        .copied()
        .find(|&j| b.phrase.atoms[j].is_operator && is_known(j.checked_sub(1)) && is_known(Some(j + 1)))
}

/// Says whether one speaks of all and the other of one of them: `every key` and `a key`. A subject in the singular
/// may stand for all.
fn is_other_extent(a: &Side<'_>, b: &Side<'_>, i: usize, j: usize) -> bool {
    let is_subject = |side: &Side<'_>, at: usize| {
        let atoms = &side.phrase.atoms;
        !atoms[..at].iter().rev().take_while(|atom| atom.gap < Gap::List).any(|atom| atom.weight() > 0)
    };
    let (one, other) = (&a.phrase.atoms[i], &b.phrase.atoms[j]);
    one.quantity.is_all() && other.is_single && !is_subject(b, j)
        || other.quantity.is_all() && one.is_single && !is_subject(a, i)
}

/// Says whether the first binds somebody to do what the second tells that they do. Whoever is told to do it, with no
/// word of who that is, is bound as well.
fn unbinds((a, b): (&Side<'_>, &Side<'_>), found: &Match, i: usize, j: usize) -> bool {
    matches!(a.phrase.atoms[i].force, Force::Rule | Force::Wish) && is_told_plainly((a, b), found, i, j)
}

/// Says whether the first tells that something can be done to a thing, or could do it, and the second that it is
/// done. What somebody can do they do; and where a thing can be found it is found.
fn is_only_possible((a, b): (&Side<'_>, &Side<'_>), found: &Match, i: usize, j: usize) -> bool {
    const FOUND: &[&str] = &["found", "reached", "seen", "accessed", "contacted", "viewed", "located"];
    let x = &a.phrase.atoms;
    let subject = (0..i).rev().find(|&k| x[k].weight() > 0);
    let is_somebody = subject.is_none_or(|k| x[k].group == Group::Name || x[k].is_capital && k > 0);
    let could = last_word(a, i) == "could" && !is_somebody && is_plain_verb(a, b, i, j);
    let is_done = || are_passive(a, b, i, j) && !FOUND.contains(&a.norm(i).as_str());
    let is_said_too = || b.phrase.atoms.iter().any(|atom| atom.key == x[i].key && atom.force == Force::Can);
    x[i].force == Force::Can && (could || is_done()) && !is_said_too() && is_told_plainly((a, b), found, i, j)
}

/// Says whether both tell what is done to a thing, the second without the word that moves the first: `must be
/// written` and `is written`.
fn are_passive(a: &Side<'_>, b: &Side<'_>, i: usize, j: usize) -> bool {
    let is_told = matches!(last_word(b, j).as_str(), "is" | "are" | "was" | "were" | "gets" | "get");
    let is_deed = a.phrase.atoms[i].group == Group::Word && a.norm(i) == b.norm(j);
    is_deed && is_told && last_word(a, i) == "be"
}

/// Says whether the second tells without a word that moves it what the first tells with one, of one subject.
fn is_told_plainly((a, b): (&Side<'_>, &Side<'_>), found: &Match, i: usize, j: usize) -> bool {
    let (x, y) = (&a.phrase.atoms, &b.phrase.atoms);
    let is_free = y[j].force == Force::None && b.phrase.modality == Modality::default();
    if !is_free || obliges(b) {
        return false;
    }
    let is_wish = |k: usize| x[i].force == Force::Wish && polarity::wishes(&a.norm(k));
    let Some(subject) = (0..i).rev().find(|&k| x[k].weight() > 0 && !is_wish(k)) else { return false };
    let is_one_part = |atoms: &[Atom]| atoms.iter().all(|atom| atom.gap == Gap::Plain);
    let Some(there) = found.to[subject].filter(|&there| there < j) else { return false };
    let is_labelled = b.phrase.value_from.is_some_and(|from| there < from && from <= j);
    let is_told = matches!(y[j].tense, Tense::Present | Tense::Past) || is_plain_verb(a, b, i, j);
    is_one_part(&x[subject + 1..=i]) && is_one_part(&y[there + 1..=j]) && !is_labelled && is_told
}

/// Says whether the verb that the first binds stands in the second as whoever does it does it: `verify`, `verifies`.
fn is_plain_verb(a: &Side<'_>, b: &Side<'_>, i: usize, j: usize) -> bool {
    let (was, is) = (a.norm(i), b.norm(j));
    let is_active = !matches!(last_word(a, i).as_str(), "be" | "been" | "is" | "are");
    let is_finite = is == was || is.ends_with('s') && !was.ends_with('s');
    is_active && is_finite && !matches!(last_word(b, j).as_str(), "to" | "the" | "a" | "an")
}

/// Returns the word before an atom.
fn last_word(side: &Side<'_>, at: usize) -> String {
    let head = side.text.get(..side.phrase.atoms[at].span.start).unwrap_or_default();
    head.split_whitespace().next_back().unwrap_or_default().to_lowercase()
}

/// Says whether a statement says in another way that something is a rule.
fn obliges(side: &Side<'_>) -> bool {
    const WORDS: &[&str] = &[
        "required",
        "requires",
        "require",
        "obliged",
        "mandatory",
        "always",
        "never",
        "expected",
        "allowed",
        "permitted",
    ];
    side.text.split(|c: char| !c.is_alphanumeric()).any(|word| WORDS.contains(&word.to_lowercase().as_str()))
}

/// Says whether he and she changed places, or one stands for the other.
fn are_other_people(a: &[bool], b: &[bool]) -> bool {
    let (Some(first), Some(_)) = (a.first(), b.first()) else { return false };
    let is_one = a.iter().all(|gender| gender == first);
    let swapped = a.len() == b.len() && a.iter().zip(b).all(|(one, other)| one != other);
    swapped || is_one && !b.contains(first)
}

fn pronoun(side: &Side<'_>) -> String {
    const WORDS: &[&str] = &["he", "him", "his", "himself", "she", "her", "hers", "herself"];
    let mut words = side.text.split(|c: char| !c.is_alphanumeric());
    words.find(|word| WORDS.contains(&word.to_lowercase().as_str())).unwrap_or_default().to_owned()
}
