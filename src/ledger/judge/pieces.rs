//! Pieces: one statement that a few of one memory say between them.

use super::likeness::{Match, Side, is_other_quantity, pair_all};
use super::phrase::{Group, Phrase};
use super::polarity::Turn;
use super::roles;

/// How many statements may share one between them.
const PIECES: usize = 4;

/// Returns the few of these statements of one memory that say together what the first says.
pub(super) fn cover(old: &Side<'_>, pieces: &[(usize, Side<'_>)]) -> Option<Vec<usize>> {
    let atoms = &old.phrase.atoms;
    let mut left: Vec<bool> = atoms.iter().map(|atom| atom.weight() > 0).collect();
    let whole = left.iter().filter(|open| **open).count();
    if whole < 3 || old.is_code {
        return None;
    }
    let head = atoms.iter().position(|atom| atom.weight() > 0)?;
    let read: Vec<(usize, &Side<'_>, Match)> = pieces
        .iter()
        .filter(|(_, side)| !side.is_code)
        .map(|(at, side)| (*at, side, pair_all(old, side)))
        .filter(|(_, side, found)| {
            // What is said of the subject is told by the subject.
            let has_head = found.to[head].is_some() || side.context.contains(&atoms[head].key);
            has_head && !is_other_quantity(old, side, found) && is_piece(old, side, found)
        })
        .collect();
    let mut chosen: Vec<usize> = Vec::new();
    while left.contains(&true) && chosen.len() < PIECES {
        let gain = |found: &Match| (0..atoms.len()).filter(|&i| left[i] && found.to[i].is_some()).count();
        let best = (0..read.len())
            .filter(|k| !chosen.contains(k))
            .max_by_key(|&k| (gain(&read[k].2), std::cmp::Reverse(k)))?;
        if gain(&read[best].2) == 0 {
            break;
        }
        for i in 0..atoms.len() {
            let in_context = read[best].1.context.contains(&atoms[i].key);
            left[i] &= read[best].2.to[i].is_none() && !in_context;
        }
        chosen.push(best);
    }
    if chosen.len() < 2 || left.contains(&true) {
        return None;
    }
    let phrases: Vec<&Phrase> = chosen.iter().map(|&k| read[k].1.phrase).collect();
    if !turn_alike(old.phrase, &phrases) {
        return None;
    }
    let mut heirs: Vec<usize> = chosen.iter().map(|&k| read[k].0).collect();
    heirs.sort_unstable();
    Some(heirs)
}

/// Says whether what turns the pieces is what turns the whole. A condition or a doubt of the whole may stand in
/// each of them.
fn turn_alike(whole: &Phrase, pieces: &[&Phrase]) -> bool {
    let count = |phrase: &Phrase, turn: Turn| {
        phrase.atoms.iter().filter(|atom| atom.group == Group::Turn(turn)).count()
    };
    Turn::ALL.into_iter().all(|turn| {
        let (once, each) = (count(whole, turn), pieces.iter().map(|piece| count(piece, turn)));
        each.clone().sum::<usize>() == once || turn.is_stance() && each.clone().all(|count| count == once)
    })
}

/// Returns the neighbours among these statements that say the first one word after the other: it was
/// broken in two where a line ends.
pub(super) fn run_on(old: &Side<'_>, pieces: &[(usize, Side<'_>)]) -> Option<Vec<usize>> {
    let keys = |side: &Side<'_>| -> Vec<(u64, bool)> {
        let atoms = side.phrase.atoms.iter().filter(|atom| atom.group != Group::Light);
        atoms.map(|atom| (atom.key, matches!(atom.group, Group::Turn(_)))).collect()
    };
    let wanted = keys(old);
    if wanted.len() < 2 || old.is_code {
        return None;
    }
    let mut sorted: Vec<&(usize, Side<'_>)> = pieces.iter().filter(|(_, side)| !side.is_code).collect();
    sorted.sort_by_key(|(at, _)| *at);
    for (number, (first, _)) in sorted.iter().enumerate() {
        let mut all: Vec<(u64, bool)> = Vec::new();
        let mut first_ends = 0;
        for (count, (at, side)) in sorted[number..].iter().take(PIECES).enumerate() {
            if *at != first + count {
                break;
            }
            let last_begins = all.len();
            all.extend(keys(side));
            if count == 0 {
                first_ends = all.len();
                continue;
            }
            // What stands in one of them alone was compared with it; a word that turns it is no dress.
            let is_turn = |at: usize| all.get(at).is_some_and(|&(_, is_turn)| is_turn);
            let is_said = |from: usize| {
                let end = from + wanted.len();
                let is_broken = from < first_ends && end > last_begins;
                is_broken && all[from..end] == wanted && !(from > 0 && is_turn(from - 1)) && !is_turn(end)
            };
            if (0..=all.len().saturating_sub(wanted.len()))
                .any(|from| from + wanted.len() <= all.len() && is_said(from))
            {
                return Some((*first..=*at).collect());
            }
        }
    }
    None
}

/// Says whether most of a statement comes from the old one, and nothing in it changed its part.
fn is_piece(old: &Side<'_>, piece: &Side<'_>, found: &Match) -> bool {
    let weight = |j: usize| piece.phrase.atoms[j].weight();
    let all: u32 = (0..found.back.len()).map(weight).sum();
    let shared: u32 = (0..found.back.len()).filter(|&j| found.back[j].is_some()).map(weight).sum();
    if all == 0 || shared * 10 < all * 6 {
        return false;
    }
    let back = Match { to: found.back.clone(), back: found.to.clone() };
    let new: Vec<usize> = (0..back.back.len()).filter(|&i| back.back[i].is_none()).collect();
    roles::differ(piece, old, &back, &new).is_none()
}
