//! Likeness: whether one statement says what another said, and what differs if it does not.

use std::collections::HashMap;

use crate::text::align;

use super::phrase::{Atom, Group, Phrase};
use super::polarity::{self, Quantity, Turn};
use super::roles;

mod causes;
mod focus;
mod forms;
mod shades;
mod turns;

pub(super) use forms::are_forms;

/// One side of a comparison: a phrase, its text, and the words of its context.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) phrase: &'a Phrase,
    pub(super) text: &'a str,
    /// Keys of the words it stands under, in order.
    pub(super) context: &'a [u64],
    /// Whether the order of its cells gives them their meaning.
    pub(super) is_row: bool,
    /// Whether it is code, of which every token counts.
    pub(super) is_code: bool,
}

impl Side<'_> {
    pub(super) fn atom_text(&self, at: usize) -> &str {
        self.phrase.atoms.get(at).and_then(|atom| self.text.get(atom.span.clone())).unwrap_or_default()
    }

    fn norm(&self, at: usize) -> String {
        self.atom_text(at).to_lowercase()
    }
}

/// How two statements compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Likeness {
    /// The second says what the first says.
    Same {
        /// In thousandths of all they say.
        score: u32,
    },
    /// They speak of the same and say something else.
    Rival(Rival),
    /// They have little in common.
    Unlike,
}

/// What parts two statements that speak of the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rival {
    /// In thousandths of all they say.
    pub(super) score: u32,
    /// What the second lacks.
    pub(super) was: String,
    /// What it has instead.
    pub(super) is: Option<String>,
    /// The atoms of the second that are new, and those it shares.
    pub(super) new: Vec<usize>,
    pub(super) shared: Vec<usize>,
}

/// Which atoms of one phrase stand for which of another.
#[derive(Debug, Default)]
pub(super) struct Match {
    /// For each atom of the first, its place in the second.
    pub(super) to: Vec<Option<usize>>,
    /// For each atom of the second, its place in the first.
    pub(super) back: Vec<Option<usize>>,
}

impl Match {
    /// Pairs the atoms with the same keys, in order where that is possible.
    pub(super) fn of(a: &Phrase, b: &Phrase) -> Self {
        let mut found = Self { to: vec![None; a.atoms.len()], back: vec![None; b.atoms.len()] };
        let same = |x: &Atom, y: &Atom| x.key == y.key && !matches!(x.group, Group::Turn(_));
        if let Some(hunks) = align::hunks_by(&a.atoms, &b.atoms, same) {
            let (mut i, mut j) = (0, 0);
            let ends =
                std::iter::once(a.atoms.len()..a.atoms.len()).map(|end| (end, b.atoms.len()..b.atoms.len()));
            for (x, y) in hunks.into_iter().map(|h| (h.a, h.b)).chain(ends) {
                while i < x.start && j < y.start {
                    found.pair(i, j);
                    (i, j) = (i + 1, j + 1);
                }
                (i, j) = (x.end, y.end);
            }
        }
        // What moved out of order, the nearest of its kind first.
        let mut free: HashMap<u64, Vec<usize>> = HashMap::new();
        for (j, atom) in b.atoms.iter().enumerate().rev() {
            if found.back[j].is_none() && !matches!(atom.group, Group::Turn(_)) {
                free.entry(atom.key).or_default().push(j);
            }
        }
        if !free.is_empty() {
            for (i, atom) in a.atoms.iter().enumerate() {
                if found.to[i].is_none()
                    && !matches!(atom.group, Group::Turn(_))
                    && let Some(j) = free.get_mut(&atom.key).and_then(Vec::pop)
                {
                    found.pair(i, j);
                }
            }
        }
        found
    }

    pub(super) fn pair(&mut self, i: usize, j: usize) {
        self.to[i] = Some(j);
        self.back[j] = Some(i);
    }
}

/// How much of a plain statement a paraphrase may say in words of its own: one word of this many.
const WORDS_PER_EXCHANGE: usize = 6;
/// Fewer shared thousandths do not make two statements rivals.
const RIVAL_SCORE: u32 = 300;

/// Compares the first statement, which may be gone, with the second, which may carry it on.
pub(super) fn compare(a: &Side<'_>, b: &Side<'_>) -> Likeness {
    let (x, y) = (a.phrase, b.phrase);
    let found = pair_all(a, b);
    let missing = missing(a, b, &found);
    let new = additions(a, b, &found);
    let shared_weight: u32 =
        x.atoms.iter().zip(&found.to).filter(|(_, to)| to.is_some()).map(|(atom, _)| atom.weight()).sum();
    let all = (x.weight() + y.weight()).max(1);
    let score = shared_weight * 2_000 / all;
    let covered = shared_weight * 1_000 / x.weight().max(1);
    let is_same_label = x
        .value_from
        .zip(y.value_from)
        .is_some_and(|(p, q)| p == q && p > 0 && (0..p).all(|i| found.to[i].is_some_and(|j| j < q)));
    let difference = difference(a, b, &found, &missing, &new);
    match difference {
        None => Likeness::Same { score },
        Some((was, is)) if is_same_label || score.max(covered * 2 / 3) >= RIVAL_SCORE => {
            Likeness::Rival(Rival {
                score,
                was,
                is,
                new: new.iter().copied().filter(|&j| y.atoms[j].weight() > 0).collect(),
                shared: (0..y.atoms.len())
                    .filter(|&j| found.back[j].is_some() && y.atoms[j].weight() > 0)
                    .collect(),
            })
        }
        Some(_) => Likeness::Unlike,
    }
}

/// Says whether one statement is the other with new figures in the places of the old, word for word.
pub(super) fn has_new_figures(a: &Side<'_>, b: &Side<'_>) -> bool {
    /// Fewer words of content may be those of another subject.
    const FRAME: usize = 2;
    let found = pair_all(a, b);
    let (x, y) = (&a.phrase.atoms, &b.phrase.atoms);
    let is_frame = |atom: &Atom| matches!(atom.group, Group::Word | Group::Name | Group::Term);
    let frame = (0..x.len()).filter(|&i| is_frame(&x[i]) && found.to[i].is_some()).count();
    x.len() == y.len()
        && frame >= FRAME
        && (0..x.len()).all(|i| {
            let is_one_turn = matches!(x[i].group, Group::Turn(_)) && x[i].group == y[i].group;
            let are_figures = x[i].group == Group::Figure && y[i].group == Group::Figure;
            let is_free = found.to[i].is_none() && found.back[i].is_none();
            found.to[i] == Some(i) || is_one_turn || are_figures && is_free
        })
}

/// Pairs the atoms of two phrases, other forms of a word included.
pub(super) fn pair_all(a: &Side<'_>, b: &Side<'_>) -> Match {
    let mut found = Match::of(a.phrase, b.phrase);
    forms::pair(a, b, &mut found);
    found
}

/// The atoms of the first that the second lacks, in its text and in its context.
fn missing(a: &Side<'_>, b: &Side<'_>, found: &Match) -> Vec<usize> {
    (0..found.to.len())
        .filter(|&i| {
            let atom = &a.phrase.atoms[i];
            found.to[i].is_none()
                && !matches!(atom.group, Group::Turn(_))
                && (!b.context.contains(&atom.key) || is_replaced(a, b, found, i))
                // In a sentence, the value `us` is read as the pronoun.
                && !(atom.is_item && has_word(b.text, &a.norm(i)))
        })
        .collect()
}

fn has_word(text: &str, norm: &str) -> bool {
    text.split_whitespace()
        .any(|word| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase() == norm)
}

/// Says whether something else of its kind stands where an atom of the first stood: what the headings
/// say may be left out, not exchanged.
fn is_replaced(a: &Side<'_>, b: &Side<'_>, found: &Match, i: usize) -> bool {
    let (atom, y) = (&a.phrase.atoms[i], &b.phrase.atoms);
    let before = found.to[..i].iter().rev().find_map(|to| *to);
    let after = found.to[i + 1..].iter().find_map(|to| *to);
    let from = before.map_or(0, |j| j + 1);
    let end = after.unwrap_or(y.len()).max(from);
    let is_new =
        |j: usize| found.back[j].is_none() && y[j].group == atom.group && !a.context.contains(&y[j].key);
    match atom.group.is_specific() {
        true => (from..end).any(is_new),
        false => end == from + 1 && (before.is_some() || after.is_some()) && is_new(from),
    }
}

/// The atoms of the second that the first lacks, in its text and in its context.
fn additions(a: &Side<'_>, b: &Side<'_>, found: &Match) -> Vec<usize> {
    (0..found.back.len())
        .filter(|&j| {
            let atom = &b.phrase.atoms[j];
            found.back[j].is_none() && !matches!(atom.group, Group::Turn(_)) && !a.context.contains(&atom.key)
        })
        .collect()
}

/// Returns what the first says that the second does not, and what stands instead; `None` if nothing.
fn difference(
    a: &Side<'_>,
    b: &Side<'_>,
    found: &Match,
    missing: &[usize],
    new: &[usize],
) -> Option<(String, Option<String>)> {
    let (x, y) = (&a.phrase.atoms, &b.phrase.atoms);
    let told =
        |i: usize, j: Option<usize>| Some((a.atom_text(i).to_owned(), j.map(|j| b.atom_text(j).to_owned())));
    if a.is_code || b.is_code {
        return match missing.first() {
            Some(&i) => told(i, instead(found, x, y, new, i)),
            None => turns::differ_in_code(a, b).or_else(|| roles::scrambled(a, b, found)),
        };
    }
    let specific = missing.iter().copied().find(|&i| x[i].group.is_specific() || x[i].is_glyph);
    if let Some(i) = specific {
        return told(i, instead(found, x, y, new, i));
    }
    let (denied_a, denied_b) = (denials(a, missing), denials(b, new));
    if let Some(turned) = turns::turned(a, b, found, &denied_a, &denied_b) {
        return Some(turned);
    }
    for &i in missing.iter().filter(|i| !denied_a.contains(i)) {
        let norm = a.norm(i);
        let opposite =
            new.iter().copied().find(|&j| !denied_b.contains(&j) && polarity::are_opposed(&norm, &b.norm(j)));
        if let Some(j) = opposite {
            // A negation on one side alone has answered for it.
            if denied_a.is_empty() && denied_b.is_empty() {
                return told(i, Some(j));
            }
        }
    }
    if a.phrase.modality.conflicts(b.phrase.modality) && !new_clause(b, new) {
        return Some((
            word_of(a, |n| polarity::modality(n, Some("to")) != Default::default()),
            Some(word_of(b, |n| polarity::modality(n, Some("to")) != Default::default())),
        ));
    }
    if counted_otherwise(a, b, found) {
        return Some((
            word_of(a, |n| polarity::quantity(n, Some("of")) != Default::default()),
            Some(word_of(b, |n| polarity::quantity(n, Some("of")) != Default::default())),
        ));
    }
    let words: Vec<usize> =
        missing.iter().copied().filter(|&i| x[i].group == Group::Word && !denied_a.contains(&i)).collect();
    if let Some(first) = unexplained(a, b, found, &words, new, &denied_b) {
        return told(first, instead(found, x, y, new, first));
    }
    shades::differ(a, b, found, new)
        .or_else(|| focus::differ(a, b, found))
        .or_else(|| causes::differ(a, b, found))
        .or_else(|| roles::differ(a, b, found, new))
}

/// Says whether the second speaks of more, fewer or others of one thing that both name.
pub(super) fn is_other_quantity(a: &Side<'_>, b: &Side<'_>, found: &Match) -> bool {
    let is_denied = a.phrase.atoms.iter().any(|atom| atom.group == Group::Turn(Turn::Not));
    let quantity = |side: &Side<'_>, at: usize| side.phrase.atoms[at].quantity;
    let mut pairs = found.to.iter().enumerate().filter_map(|(i, to)| to.map(|j| (i, j)));
    pairs.any(|(i, j)| quantity(a, i).conflicts(quantity(b, j), is_denied))
}

/// Says whether the second speaks of more, fewer or others of what the first speaks of.
fn counted_otherwise(a: &Side<'_>, b: &Side<'_>, found: &Match) -> bool {
    let (all_a, all_b) = (a.phrase.quantity, b.phrase.quantity);
    let is_denied = a.phrase.atoms.iter().any(|atom| atom.group == Group::Turn(Turn::Not));
    let mut of_one_thing = found.to.iter().enumerate().filter_map(|(i, to)| {
        let j = (*to)?;
        Some((a.phrase.atoms[i].quantity, b.phrase.atoms[j].quantity))
    });
    let none = Quantity::default();
    let parts = |side: &Side<'_>| side.phrase.atoms.iter().filter(|atom| atom.quantity.is_part()).count();
    let (of_a, of_b) = (parts(a), parts(b));
    all_a.conflicts(all_b, is_denied)
        || is_other_quantity(a, b, found)
        || of_one_thing
            .any(|(x, y)| x.is_part() && y == none && of_a > of_b || y.is_part() && x == none && of_b > of_a)
}

/// Says whether the second says much more than the first, so that its mood may be that of the rest.
fn new_clause(b: &Side<'_>, new: &[usize]) -> bool {
    new.iter().filter(|&&j| b.phrase.atoms[j].weight() > 0).count() >= 2
}

fn word_of(side: &Side<'_>, is: impl Fn(&str) -> bool) -> String {
    let word =
        side.text.split(|c: char| !c.is_alphanumeric() && c != '\'').find(|word| is(&word.to_lowercase()));
    word.unwrap_or_default().to_owned()
}

/// Returns the missing plain word that no freedom of wording covers, if there is one.
fn unexplained(
    a: &Side<'_>,
    b: &Side<'_>,
    found: &Match,
    words: &[usize],
    new: &[usize],
    denied_b: &[usize],
) -> Option<usize> {
    let (x, y) = (&a.phrase.atoms, &b.phrase.atoms);
    let first = *words.first()?;
    let content = x.iter().filter(|atom| atom.weight() > 0).count();
    // A word that is left out takes its fact along; one that is put in other words stands where new ones do.
    let spare: Vec<usize> = new
        .iter()
        .copied()
        .filter(|&j| y[j].group == Group::Word && !y[j].is_capital && !denied_b.contains(&j))
        .collect();
    let value_from = a.phrase.value_from;
    let budget = content / WORDS_PER_EXCHANGE;
    if words.len() > budget.min(spare.len()) {
        return Some(first);
    }
    // One word for another between the same neighbours is another fact; who says the same anew changes more.
    if let Some(replaced) = words.iter().copied().find(|&i| is_exchanged(found, x, y, &spare, i)) {
        return Some(replaced);
    }
    words.iter().copied().find(|&i| {
        let in_short_value = value_from.is_some_and(|from| i >= from && x.len() - from <= 3);
        let in_label = value_from.is_some_and(|from| i < from);
        let is_capital = x[i].is_capital && i > 0 || x[i].is_compound;
        let is_aligned = instead(found, x, y, &spare, i).is_some();
        in_short_value || in_label || is_capital || !is_aligned
    })
}

/// Says whether one new word stands for a missing one between the same two neighbours, or at the same end.
fn is_exchanged(found: &Match, x: &[Atom], y: &[Atom], spare: &[usize], i: usize) -> bool {
    let counts = |atom: &Atom| atom.weight() > 0;
    let before = (0..i).rev().find(|&k| counts(&x[k]));
    let after = (i + 1..x.len()).find(|&k| counts(&x[k]));
    let (from, to) = (before.map(|k| found.to[k]), after.map(|k| found.to[k]));
    // A neighbour that is gone as well says nothing of the place.
    if from == Some(None) || to == Some(None) {
        return false;
    }
    let from = from.flatten().map_or(0, |j| j + 1);
    let end = to.flatten().unwrap_or(y.len());
    let mut between = (from..end).filter(|&j| counts(&y[j]));
    between.next().is_some_and(|j| spare.contains(&j)) && between.next().is_none()
}

/// Returns the new atom that stands where a missing one stood: between the same neighbours, of the
/// same group if there is one.
fn instead(found: &Match, x: &[Atom], y: &[Atom], new: &[usize], i: usize) -> Option<usize> {
    let before = found.to[..i].iter().rev().find_map(|to| *to);
    let after = found.to[i + 1..].iter().find_map(|to| *to);
    let within = |j: usize| before.is_none_or(|from| j > from) && after.is_none_or(|end| j < end);
    let loose = |j: usize| before.is_some_and(|from| j == from + 1) || after.is_some_and(|end| j + 1 == end);
    let same = |j: usize| y[j].group == x[i].group;
    let find = |fits: &dyn Fn(usize) -> bool| new.iter().copied().find(|&j| fits(j));
    find(&|j| within(j) && same(j))
        .or_else(|| find(&|j| within(j) || loose(j)))
        .or_else(|| find(&|j| same(j) && x[i].group.is_specific()))
}

/// The unmatched words of a side that deny something: `disabled` where the other has `enabled`.
fn denials(side: &Side<'_>, unmatched: &[usize]) -> Vec<usize> {
    unmatched.iter().copied().filter(|&i| polarity::denies(&side.norm(i))).collect()
}
