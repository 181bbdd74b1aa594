//! Lists: what was put among the items of a list that stood complete, by nobody who said so.
//!
//! `Mondays and Thursdays` are no other days. An item comes from elsewhere if another statement that has the
//! same heir names it, or a person or an agent does in a session.

use std::collections::{HashMap, HashSet};

use aho_corasick::AhoCorasick;

use crate::ledger::testimony::{Speaker, Testimony};
use crate::ledger::{Fate, Judged};
use crate::text::statement::Kind;

use super::likeness::{Match, Side, pair_all};
use super::phrase::{Atom, Gap, Group, Joint, Phrase};
use super::reading::Reading;

/// A longer statement may hold many lists, and is taken to be written anew.
const LIST_BYTES: usize = 2_000;

/// A statement whose heir has items more.
#[derive(Debug)]
pub(super) struct Widened {
    pub(super) at: usize,
    /// The list as it was and as it is.
    pub(super) was: String,
    pub(super) is: String,
    /// The first new item, in lower case and without an ending.
    item: String,
}

/// Finds the statements whose heirs have items that nobody named.
pub(super) fn widened(
    old: &Reading<'_>,
    new: &Reading<'_>,
    fates: &[Option<Judged>],
    testimony: &Testimony,
) -> Vec<Widened> {
    let mut shares: HashMap<usize, Vec<usize>> = HashMap::new();
    for (at, judged) in fates.iter().enumerate() {
        for heir in judged.iter().flat_map(|judged| &judged.heirs) {
            shares.entry(*heir).or_default().push(at);
        }
    }
    let reworded = fates.iter().enumerate().filter_map(|(at, judged)| {
        let Judged { fate: Fate::Reworded, heirs, .. } = judged.as_ref()? else { return None };
        let [heir] = heirs.as_slice() else { return None };
        let others = || shares[heir].iter().filter(|&&other| other != at);
        widened_in((old, at), (new, *heir))
            .filter(|(_, key)| !others().any(|&other| names(old, other, *key)))
            .map(|(widened, _)| widened)
    });
    let mut found: Vec<Widened> = reworded.collect();
    let said = said(&found, testimony);
    found.retain(|widened| !said.contains(&widened.item));
    found
}

/// Compares a statement with its heir; returns the key of the new item as well.
fn widened_in(
    (old, at): (&Reading<'_>, usize),
    (new, heir): (&Reading<'_>, usize),
) -> Option<(Widened, u64)> {
    let (from, to) = (&old.statements[at].statement, &new.statements[heir].statement);
    let is_prose = |kind: Kind| !matches!(kind, Kind::Row | Kind::Block);
    if !is_prose(from.kind) || !is_prose(to.kind) || from.text.len().max(to.text.len()) > LIST_BYTES {
        return None;
    }
    let (x, y) = (Phrase::of(from.text), Phrase::of(to.text));
    let side = |phrase, text| Side { phrase, text, context: &[], is_row: false, is_code: false };
    let found = pair_all(&side(&x, from.text), &side(&y, to.text));
    let Stretch { before, was, is, item } =
        (1..y.atoms.len()).find_map(|j| stretch(&x.atoms, &y.atoms, &found, j))?;
    let quote = |text: &str, atoms: &[Atom], from: usize, to: usize| {
        text.get(atoms[from].span.start..atoms[to].span.end).unwrap_or_default().to_owned()
    };
    let word = quote(to.text, &y.atoms, item, item).to_lowercase();
    let widened = Widened {
        at,
        was: quote(from.text, &x.atoms, before.0, was),
        is: quote(to.text, &y.atoms, before.1, is),
        item: word.trim_end_matches('s').to_owned(),
    };
    Some((widened, y.atoms[item].key))
}

/// Where a list has more items: from the one before them on, in both, to the last of either.
struct Stretch {
    before: (usize, usize),
    was: usize,
    is: usize,
    item: usize,
}

/// Reads new items that begin at a place: between two that stood side by side, or behind the last.
fn stretch(x: &[Atom], y: &[Atom], found: &Match, item: usize) -> Option<Stretch> {
    let i = found.back[item - 1]?;
    let is_item = |j: &usize| {
        let atom = &y[*j];
        found.back[*j].is_none() && atom.gap == Gap::List && are_of_one_kind(&x[i], atom)
    };
    let count = (item..y.len()).take_while(is_item).count();
    let end = item + count;
    if count == 0 {
        return None;
    }
    let is_between = found.back.get(end) == Some(&Some(i + 1))
        && y[end].gap == Gap::List
        && are_of_one_kind(&x[i], &x[i + 1])
        && is_closed(x, i + 1);
    if is_between {
        return Some(Stretch { before: (i, item - 1), was: i + 1, is: end, item });
    }
    // The conjunction moved on to what is last now, and the rest goes on as it did.
    let ends = |atoms: &[Atom], at: usize| atoms.get(at).is_none_or(|atom| atom.gap == Gap::Clause);
    let goes_on = found.back.get(end).copied().flatten() == Some(i + 1);
    let is_last = x[i].gap == Gap::List
        && x[i].joint != Joint::None
        && y[item - 1].joint == Joint::None
        && y[item - 1].gap == Gap::List
        && y[end - 1].joint == x[i].joint;
    let before = (i.checked_sub(1)?, item.checked_sub(2)?);
    let is_of_list = found.to[before.0] == Some(before.1) && are_of_one_kind(&x[before.0], &x[i]);
    let is_behind = is_last && is_of_list && (goes_on || ends(x, i + 1) && ends(y, end));
    is_behind.then_some(Stretch { before, was: i, is: end - 1, item })
}

/// Says whether a list goes on at a place to a last item with a conjunction.
fn is_closed(atoms: &[Atom], from: usize) -> bool {
    atoms[from..].iter().take_while(|atom| atom.gap == Gap::List).any(|atom| atom.joint != Joint::None)
}

fn are_of_one_kind(one: &Atom, other: &Atom) -> bool {
    let is_name = |atom: &Atom| atom.group == Group::Name || atom.is_capital;
    let are_alike = one.group == other.group || is_name(one) && is_name(other);
    are_alike && one.weight() > 0 && other.weight() > 0
}

fn names(old: &Reading<'_>, at: usize, key: u64) -> bool {
    Phrase::of(old.statements[at].statement.text).atoms.iter().any(|atom| atom.key == key)
}

/// Returns the new items that somebody speaks of in a session.
fn said(found: &[Widened], testimony: &Testimony) -> HashSet<String> {
    let items: Vec<&str> = found.iter().map(|widened| widened.item.as_str()).collect();
    let Ok(finder) = AhoCorasick::builder().ascii_case_insensitive(true).build(&items) else {
        return HashSet::new();
    };
    let sayings = testimony.sayings.iter().filter(|saying| saying.speaker != Speaker::Tool);
    let hits = sayings.flat_map(|saying| finder.find_overlapping_iter(&*saying.text));
    hits.map(|hit| items[hit.pattern().as_usize()].to_owned()).collect()
}
