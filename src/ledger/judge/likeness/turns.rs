//! Turns: what negates, narrows or doubts a statement on one side, and whether the other side answers it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::phrase::{Atom, Gap, Group, Part, Phrase, is_glyph};
use super::super::polarity::Turn;
use super::{Match, Side};

/// A word that turns what follows it.
struct Negation {
    at: usize,
    turn: Turn,
    /// The atoms it may speak of.
    scope: Range<usize>,
}

fn negations(phrase: &Phrase, denials: &[usize]) -> Vec<Negation> {
    /// How far a negation reaches, in atoms.
    const REACH: usize = 5;
    let atoms = &phrase.atoms;
    let at_turns = atoms.iter().enumerate().filter_map(|(at, atom)| match atom.group {
        Group::Turn(turn) => Some((at, turn)),
        _ if denials.contains(&at) => Some((at, Turn::Not)),
        _ => None,
    });
    at_turns
        .map(|(at, turn)| {
            let limit = atoms.len().min(at + 1 + REACH);
            let ends = |i: &usize| {
                let is_next_part = turn.is_stance()
                    && atoms[*i].gap >= Gap::List
                    && atoms[at + 1..*i].iter().any(|atom| atom.weight() > 0);
                is_next_part
                    || atoms[*i].gap >= Gap::Note && *i > at + 1
                    || *i > at + 1 && is_turn(&atoms[*i])
            };
            let end = (at + 1..limit).find(ends).unwrap_or(limit);
            Negation { at, turn, scope: at + 1..end.max(at + 1).min(atoms.len()) }
        })
        .collect()
}

fn is_turn(atom: &Atom) -> bool {
    matches!(atom.group, Group::Turn(_))
}

/// The atoms with weight that a negation speaks of.
fn content(side: &Side<'_>, negation: &Negation) -> Vec<usize> {
    let counts = |i: &usize| side.phrase.atoms[*i].weight() > 0;
    let scope: Vec<usize> = negation.scope.clone().filter(counts).collect();
    if !scope.is_empty() {
        return scope;
    }
    // `spaces: never` turns what stands before it.
    (negation.at.saturating_sub(2)..negation.at).filter(counts).collect()
}

/// Looks for a word on one side that turns, narrows or doubts what is said, and that the other does not answer.
pub(super) fn turned(
    a: &Side<'_>,
    b: &Side<'_>,
    found: &Match,
    denied_a: &[usize],
    denied_b: &[usize],
) -> Option<(String, Option<String>)> {
    let of_a = negations(a.phrase, denied_a);
    let of_b = negations(b.phrase, denied_b);
    if of_a.is_empty() && of_b.is_empty() {
        return None;
    }
    let mut is_taken = vec![false; of_b.len()];
    for negation in &of_a {
        let scope = content(a, negation);
        let answered = |other: &Negation| {
            let theirs = content(b, other);
            let reached = scope.iter().filter(|&&i| found.to[i].is_some_and(|j| theirs.contains(&j))).count();
            let back = theirs.iter().filter(|&&j| found.back[j].is_some_and(|i| scope.contains(&i))).count();
            let matched = scope.iter().filter(|&&i| found.to[i].is_some()).count();
            negation.turn == other.turn && (matched == 0 || reached * 2 > matched || back * 2 > theirs.len())
        };
        match (0..of_b.len()).find(|&k| !is_taken[k] && answered(&of_b[k])) {
            Some(k) => is_taken[k] = true,
            None if is_told_otherwise((a, b), &found.to, negation, &scope) => {}
            None => return Some((a.atom_text(negation.at).to_owned(), None)),
        }
    }
    let open = of_b.iter().zip(&is_taken).filter(|(_, taken)| !**taken).map(|(n, _)| n);
    let added = open.into_iter().find(|negation| concerns(a, b, found, negation))?;
    Some((String::new(), Some(b.atom_text(added.at).to_owned())))
}

/// Says whether a turn that the second adds is of what the first speaks of: the rest is none of its business.
fn concerns(a: &Side<'_>, b: &Side<'_>, found: &Match, negation: &Negation) -> bool {
    let scope = content(b, negation);
    if is_told_otherwise((b, a), &found.back, negation, &scope) {
        return false;
    }
    let atoms = &b.phrase.atoms;
    let is_shared = |j: usize| found.back[j].is_some() && atoms[j].weight() > 0;
    let touches = scope.iter().any(|&j| is_shared(j));
    match negation.turn {
        Turn::If => {
            let is_new = |&j: &usize| found.back[j].is_none() && !a.context.contains(&atoms[j].key);
            let has_glyphs = b.atom_text(negation.at).starts_with(is_glyph);
            match has_glyphs {
                true => is_of_clause(b, found, negation.at),
                false => scope.iter().any(is_new) && governed(atoms, negation).any(is_shared),
            }
        }
        Turn::Except if is_of_clause(b, found, negation.at) => true,
        turn => {
            let first_is_new = scope.first().is_some_and(|&j| found.back[j].is_none());
            let stands_apart = atoms[negation.at].gap >= Gap::Note && first_is_new;
            // `It works, allegedly`: what doubts may come last.
            let is_last = || {
                let is_bound = atoms[negation.at].gap < Gap::List;
                is_bound && (negation.at.saturating_sub(2)..negation.at).any(is_shared)
            };
            touches && !stands_apart || turn.is_stance() && !touches && is_last()
        }
    }
}

/// The atoms that hold only on a condition: the part of the clause after it, if it stands first, or before it.
fn governed(atoms: &[Atom], negation: &Negation) -> Range<usize> {
    let at = negation.at;
    let is_first = at == 0 || atoms[at].gap >= Gap::List;
    let begins = |i: &usize| atoms[*i].gap >= Gap::List;
    let after = negation.scope.end;
    if is_first && after < atoms.len() && atoms[after].gap != Gap::Clause {
        return after..(after + 1..atoms.len()).find(begins).unwrap_or(atoms.len());
    }
    let from = (0..at).rev().find(begins).unwrap_or(0);
    from..at
}

/// Says whether the other of two sides tells in another way what a turn of the one tells: a circumstance for a
/// condition, the tense for what is over.
fn is_told_otherwise(
    (one, other): (&Side<'_>, &Side<'_>),
    map: &[Option<usize>],
    negation: &Negation,
    scope: &[usize],
) -> bool {
    let there = || negation.scope.clone().filter_map(|i| map[i]);
    match negation.turn {
        Turn::Past => there().any(|j| other.phrase.atoms[j].tense.is_over()),
        Turn::If => {
            let is_there = |i: &usize| map[*i].is_some() || other.context.contains(&one.phrase.atoms[*i].key);
            let is_whole = !scope.is_empty() && scope.iter().all(is_there);
            is_whole && scope.iter().filter_map(|&i| map[i]).min().is_none_or(|j| is_circumstance(other, j))
        }
        _ => false,
    }
}

/// Says whether an atom is under a preposition, or in the label of what holds then.
fn is_circumstance(side: &Side<'_>, at: usize) -> bool {
    const BEFORE: &[&str] =
        &["during", "upon", "while", "after", "per", "by", "via", "bei", "während", "pendant"];
    let atom = &side.phrase.atoms[at];
    let head = side.text.get(..atom.span.start).unwrap_or_default();
    let last = || head.split_whitespace().next_back().unwrap_or_default().to_lowercase();
    let is_labelled = side.phrase.value_from.is_some_and(|from| at < from);
    atom.part != Part::None || is_labelled || BEFORE.contains(&last().as_str())
}

/// Says whether the clause that an exception belongs to speaks of what the first speaks of: whatever is
/// excepted, it then holds for less.
fn is_of_clause(b: &Side<'_>, found: &Match, at: usize) -> bool {
    let atoms = &b.phrase.atoms;
    let ends = |j: &usize| atoms[*j].gap == Gap::Clause;
    let end = (at + 1..atoms.len()).find(ends).unwrap_or(atoms.len());
    let from = (1..at).rev().find(ends).unwrap_or(0);
    (from..end).any(|j| found.back[j].is_some() && atoms[j].weight() > 0)
}

/// Returns the first turn of code that the second lacks: `not` in a condition.
pub(super) fn differ_in_code(a: &Side<'_>, b: &Side<'_>) -> Option<(String, Option<String>)> {
    let mut left: BTreeMap<u64, usize> = BTreeMap::new();
    for atom in b.phrase.atoms.iter().filter(|atom| is_turn(atom)) {
        *left.entry(atom.key).or_default() += 1;
    }
    let lacks = |atom: &Atom| match left.get_mut(&atom.key) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => is_turn(atom),
    };
    let at = a.phrase.atoms.iter().position(lacks)?;
    Some((a.atom_text(at).to_owned(), None))
}
