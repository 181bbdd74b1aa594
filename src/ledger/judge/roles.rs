//! Roles: who does what to whom. The same words in another order may say something else.

use std::ops::Range;

use super::likeness::{Match, Side};
use super::phrase::{Atom, Gap, Group, Joint, Part};
use super::polarity::Turn;

/// Longer statements are taken to be reordered on purpose.
const ROLES_LIMIT: usize = 400;

/// Says what plays another part in the second statement than in the first, if anything does.
pub(super) fn differ(
    a: &Side<'_>,
    b: &Side<'_>,
    found: &Match,
    new: &[usize],
) -> Option<(String, Option<String>)> {
    if a.phrase.atoms.len() > ROLES_LIMIT || b.phrase.atoms.len() > ROLES_LIMIT {
        return None;
    }
    let told = |i: usize| Some((context_of(a, i), found.to[i].map(|j| context_of(b, j))));
    if let Some(i) = turned_about(a, b, found) {
        return told(i);
    }
    if let Some(i) = out_of_place(a, b, found) {
        return told(i);
    }
    if let Some(i) = joined_otherwise(a, b, found) {
        return told(i);
    }
    intruder(a, b, found, new).and_then(told)
}

/// Of code, the order of all tokens counts.
pub(super) fn scrambled(a: &Side<'_>, b: &Side<'_>, found: &Match) -> Option<(String, Option<String>)> {
    let mut last = None;
    for (i, to) in found.to.iter().enumerate() {
        let Some(j) = *to else { continue };
        if last.is_some_and(|last| j < last) {
            return Some((a.atom_text(i).to_owned(), Some(b.atom_text(j).to_owned())));
        }
        last = Some(j);
    }
    None
}

/// Quotes an atom with the one before it.
fn context_of(side: &Side<'_>, at: usize) -> String {
    let atoms = &side.phrase.atoms;
    let from = atoms[at.saturating_sub(1)].span.start;
    let end = atoms[(at + 1).min(atoms.len() - 1)].span.end;
    side.text.get(from..end).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Two that were joined by `and` and are joined by `or`, or the other way round. Of what is denied, both
/// say the same.
fn joined_otherwise(a: &Side<'_>, b: &Side<'_>, found: &Match) -> Option<usize> {
    let (x, y) = (&a.phrase.atoms, &b.phrase.atoms);
    (1..x.len()).filter(|&i| x[i].joint != Joint::None).find(|&i| {
        let last = (0..i).rev().find(|&k| x[k].weight() > 0);
        let Some((from, to)) = last.and_then(|last| found.to[last].zip(found.to[i])) else { return false };
        let between = &y[from.min(to) + 1..=from.max(to)];
        let is_denied = x[..i]
            .iter()
            .rev()
            .take_while(|atom| atom.gap != Gap::Clause)
            .any(|atom| atom.group == Group::Turn(Turn::Not));
        let joins = || between.iter().map(|atom| atom.joint).filter(|joint| *joint != Joint::None);
        let is_one_clause = between.iter().all(|atom| atom.gap != Gap::Clause);
        !is_denied && is_one_clause && joins().next().is_some() && joins().all(|joint| joint != x[i].joint)
    })
}

/// A preposition that points the other way: from and to, from and for.
fn turned_about(a: &Side<'_>, b: &Side<'_>, found: &Match) -> Option<usize> {
    found.to.iter().enumerate().find_map(|(i, to)| {
        let (x, y) = (&a.phrase.atoms[i], &b.phrase.atoms[(*to)?]);
        let is_name = x.group == Group::Name || x.is_capital;
        let turned = |one: Part, other: Part| match (one, other) {
            (Part::From, Part::To | Part::For) => true,
            // A gift of Mary's is none for her; what is of a thing may be for it.
            (Part::Of, Part::For | Part::To) => is_name,
            _ => false,
        };
        (turned(x.part, y.part) || turned(y.part, x.part)).then_some(i)
    })
}

/// An atom that stands on the other side of what it was bound to.
fn out_of_place(a: &Side<'_>, b: &Side<'_>, found: &Match) -> Option<usize> {
    let (x, y) = (&a.phrase.atoms, &b.phrase.atoms);
    let order: Vec<(usize, usize)> = found
        .to
        .iter()
        .enumerate()
        .filter_map(|(i, to)| to.map(|j| (i, j)))
        .filter(|&(i, j)| x[i].group != Group::Light || are_compounds(x, y, i, j))
        .collect();
    let is_sorted = order.windows(2).all(|w| w[0].1 < w[1].1);
    if a.phrase.is_passive != b.phrase.is_passive {
        return voice(a, b, found);
    }
    if is_sorted {
        return None;
    }
    if let Some(late) = before_its_turn(x, y, &order) {
        return Some(late);
    }
    if a.is_row && b.is_row {
        return order.windows(2).find(|w| w[0].1 > w[1].1).map(|w| w[1].0);
    }
    if let Some(pivot) = reversal(&order)
        && !parts_are_reordered(x, y, &order)
    {
        return Some(pivot);
    }
    exchanged(x, y, &order).or_else(|| swapped_neighbours(x, y, &order))
}

/// Says whether a word that adds only a tone elsewhere makes one noun with the next in both: `user service`.
fn are_compounds(x: &[Atom], y: &[Atom], i: usize, j: usize) -> bool {
    let next = x.get(i + 1).zip(y.get(j + 1));
    next.is_some_and(|(one, other)| one.key == other.key && one.gap == Gap::Plain && other.gap == Gap::Plain)
}

/// Two that changed places and with them what they are to each other: `tea to coffee`, `newer than that`.
fn exchanged(x: &[Atom], y: &[Atom], order: &[(usize, usize)]) -> Option<usize> {
    let is_goal = |atom: &Atom| matches!(atom.part, Part::To | Part::Than);
    let loses = order.iter().filter(|&&(i, j)| is_goal(&x[i]) && y[j].part == Part::None);
    let gains: Vec<&(usize, usize)> =
        order.iter().filter(|&&(i, j)| x[i].part == Part::None && is_goal(&y[j])).collect();
    loses.copied().find_map(|(i, j)| {
        let is_pair = |&&&(k, l): &&&(usize, usize)| k < i && l > j && x[i].part == y[l].part;
        let pairs_up = gains.iter().find(is_pair)?;
        let is_plain = |atoms: &[Atom]| atoms.iter().all(|atom| atom.gap <= Gap::Note);
        (is_plain(&x[pairs_up.0 + 1..=i]) && is_plain(&y[j + 1..=pairs_up.1])).then_some(i)
    })
}

/// Two neighbours that changed places, with nothing that says they are of one list: names, or figures and
/// terms, of one word or of a few.
fn swapped_neighbours(x: &[Atom], y: &[Atom], order: &[(usize, usize)]) -> Option<usize> {
    let mut ranks: Vec<usize> = order.iter().map(|&(_, j)| j).collect();
    ranks.sort_unstable();
    let rank = |at: usize| ranks.binary_search(&order[at].1).unwrap_or_default();
    let goes_on = |at: usize| rank(at) + 1 == rank(at + 1);
    (1..order.len()).filter(|&at| order[at - 1].1 > order[at].1).find_map(|at| {
        let from = (0..at - 1).rev().take_while(|&before| goes_on(before)).last().unwrap_or(at - 1);
        let end = (at..order.len() - 1).take_while(|&next| goes_on(next)).last().map_or(at, |next| next + 1);
        let is_name = |atom: &Atom| atom.group == Group::Name || atom.is_capital;
        let is_exact = |atom: &Atom| atom.group.is_specific() || atom.is_capital;
        let names = |run: Range<usize>| order[run].iter().all(|&(i, j)| is_exact(&x[i]) && is_exact(&y[j]));
        // Each of two single ones may stand among others that kept their places.
        let are_two = rank(at - 1) == rank(at) + 1 && names(at - 1..at + 1);
        let are_runs = rank(from) == rank(end) + 1 && names(from..end + 1);
        let [(i, j), (k, l)] = match are_two {
            true => [order[at - 1], order[at]],
            false if are_runs => [order[from], order[at]],
            false => return None,
        };
        let keeps_parts = x[i].part == y[j].part && x[k].part == y[l].part && x[i].part != x[k].part;
        let are_alike = x[i].group == x[k].group || is_name(&x[i]) && is_name(&x[k]);
        let is_list = x[k].gap == Gap::List && y[j].gap == Gap::List && are_alike;
        (!keeps_parts && !is_list).then_some(k)
    })
}

/// Finds an atom that both tell in an order of steps, and on another side of the step.
fn before_its_turn(x: &[Atom], y: &[Atom], order: &[(usize, usize)]) -> Option<usize> {
    if !y.iter().any(|atom| atom.gap == Gap::Ordered) {
        return None;
    }
    let step = (1..x.len()).find(|&i| x[i].gap == Gap::Ordered)?;
    let latest = order.iter().filter(|&&(i, _)| i < step).map(|&(_, j)| j).max()?;
    let earliest = order.iter().filter(|&&(i, _)| i >= step).min_by_key(|&&(_, j)| j)?;
    (earliest.1 < latest).then_some(earliest.0)
}

/// Finds three atoms that stand the other way round, the middle one being what the others were bound
/// to: returns the first of them.
fn reversal(order: &[(usize, usize)]) -> Option<usize> {
    let n = order.len();
    let mut before_max = vec![usize::MAX; n];
    let mut best: Option<(usize, usize)> = None;
    for (k, &(_, j)) in order.iter().enumerate() {
        if let Some((at, most)) = best
            && most > j
        {
            before_max[k] = at;
        }
        if best.is_none_or(|(_, most)| j > most) {
            best = Some((k, j));
        }
    }
    let mut least = usize::MAX;
    for k in (0..n).rev() {
        if before_max[k] != usize::MAX && least < order[k].1 {
            return Some(order[before_max[k]].0);
        }
        least = least.min(order[k].1);
    }
    None
}

/// Says whether the parts of a list, or clauses, changed places as wholes.
fn parts_are_reordered(x: &[Atom], y: &[Atom], order: &[(usize, usize)]) -> bool {
    let (of_x, of_y) = (part_numbers(x), part_numbers(y));
    let mut forth: Vec<Option<usize>> = vec![None; x.len() + 1];
    let mut back: Vec<Option<usize>> = vec![None; y.len() + 1];
    for &(i, j) in order {
        let (p, q) = (of_x[i], of_y[j]);
        if *forth[p].get_or_insert(q) != q || *back[q].get_or_insert(p) != p {
            return false;
        }
    }
    // Inside a part the order holds.
    let mut per_part: Vec<Vec<(usize, usize)>> = vec![Vec::new(); x.len() + 1];
    for &(i, j) in order {
        per_part[of_x[i]].push((i, j));
    }
    per_part.iter().all(|inside| reversal(inside).is_none())
}

/// Numbers the parts that commas and clause ends make.
fn part_numbers(atoms: &[Atom]) -> Vec<usize> {
    let mut part = 0;
    atoms
        .iter()
        .enumerate()
        .map(|(at, atom)| {
            if at > 0 && matches!(atom.gap, Gap::List | Gap::Clause) {
                part += 1;
            }
            part
        })
        .collect()
}

/// Compares an active with a passive sentence: the agent comes first in one and after `by` in the other.
fn voice(a: &Side<'_>, b: &Side<'_>, found: &Match) -> Option<usize> {
    let agent = |side: &Side<'_>| {
        side.phrase.atoms.iter().position(|atom| atom.part == Part::By && atom.group != Group::Figure)
    };
    let is_party = |atom: &Atom| atom.group == Group::Name || atom.is_capital || atom.group == Group::Word;
    if a.phrase.is_passive {
        let by = agent(a)?;
        let Some(j) = found.to[by] else { return Some(by) };
        let others = (0..by).filter(|&i| is_party(&a.phrase.atoms[i])).filter_map(|i| found.to[i]);
        // In the active sentence the agent stands before everything the passive one names first.
        let first = others.min()?;
        return (j > first).then_some(by);
    }
    let by = agent(b)?;
    let i = found.back[by]?;
    let others = (0..by).filter(|&j| is_party(&b.phrase.atoms[j])).filter_map(|j| found.back[j]);
    let first = others.min()?;
    (i > first).then_some(i)
}

/// Looks for a subject or value of the second statement that stands between a matched one and what it
/// is bound to: `Ann likes coffee and Bob tea` does not say that Ann likes tea.
fn intruder(a: &Side<'_>, b: &Side<'_>, found: &Match, new: &[usize]) -> Option<usize> {
    let y = &b.phrase.atoms;
    let window = window(found)?;
    let is_new = |j: usize| new.contains(&j);
    let kinds = |group: Group| a.phrase.atoms.iter().any(|atom| atom.group == group);
    let named = |atom: &Atom| atom.group == Group::Name || atom.is_capital;
    let has_name = a.phrase.atoms.iter().any(named);
    for j in window.clone().filter(|&j| is_new(j)) {
        let atom = &y[j];
        let rest = || (j + 1..window.end).filter(|&k| found.back[k].is_some());
        let Some(next) = rest().next() else { continue };
        let bound = found.back[next]?;
        if named(atom) && has_name {
            let is_oblique = atom.part != Part::None;
            let is_listed = |other: usize| {
                let (first, second) = (other.min(j), other.max(j));
                second == first + 1
                    && y[second].gap == Gap::List
                    && named(&y[other])
                    && found.back[other].is_some()
            };
            let in_list = j > 0 && is_listed(j - 1) || j + 1 < y.len() && is_listed(j + 1);
            let extends = j > 0 && found.back[j - 1].is_some() && named(&y[j - 1]) && atom.gap == Gap::Plain;
            if !is_oblique && !in_list && !extends {
                return Some(bound);
            }
        }
        if atom.group == Group::Figure && kinds(Group::Figure) {
            let later = rest().find(|&k| y[k].group == Group::Figure);
            if let Some(figure) = later {
                let has_own_label = (j + 1..figure)
                    .any(|k| is_new(k) && matches!(y[k].group, Group::Word | Group::Name | Group::Term));
                if has_own_label {
                    return found.back[figure];
                }
            }
        }
    }
    None
}

/// The stretch of the second that holds what it shares with the first.
fn window(found: &Match) -> Option<Range<usize>> {
    let from = found.back.iter().position(Option::is_some)?;
    let end = found.back.iter().rposition(Option::is_some)?;
    Some(from..end + 1)
}
