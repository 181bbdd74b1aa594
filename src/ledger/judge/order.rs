//! Order: which steps of a numbered list passed others.
//!
//! The numbers of a list say what comes first. Steps may be put in, left out, reworded or merged; those
//! that are left have to come in the order they had. The fewest that explain the new order are named.
//! A list with bullets has none.

use std::collections::HashMap;

use crate::ledger::{Fate, Judged};

use super::place;
use super::reading::Reading;

/// A step that stands before one that came before it.
#[derive(Debug)]
pub(super) struct Passed {
    pub(super) at: usize,
    /// Its place in the list, from 1, and that of the step it passed.
    pub(super) step: usize,
    pub(super) before: usize,
}

/// Finds the steps of all lists that passed others.
pub(super) fn passed(old: &Reading<'_>, new: &Reading<'_>, fates: &[Option<Judged>]) -> Vec<Passed> {
    let changed = old.memories.iter().filter(|part| !part.is_unchanged);
    let lists = changed.flat_map(|part| lists(old, part.statements.clone()));
    lists.filter(|list| list.len() > 1).flat_map(|list| passed_in(&list, new, fates)).collect()
}

/// Returns the numbered lists of a memory: items of one place, until their numbers begin anew.
fn lists(reading: &Reading<'_>, statements: std::ops::Range<usize>) -> Vec<Vec<usize>> {
    let mut lists: Vec<Vec<usize>> = Vec::new();
    // The list that is open in each place, and the number it came to.
    let mut open: HashMap<u64, (usize, u32)> = HashMap::new();
    for at in statements {
        let statement = &reading.statements[at].statement;
        let trail = place::trail(statement);
        let Some(number) = statement.number else {
            open.remove(&trail);
            continue;
        };
        let goes_on = open.get(&trail).copied().filter(|&(_, last)| number > 1 || last <= 1);
        let list = goes_on.map_or(lists.len(), |(list, _)| list);
        if list == lists.len() {
            lists.push(Vec::new());
        }
        lists[list].push(at);
        open.insert(trail, (list, number));
    }
    lists
}

fn passed_in(list: &[usize], new: &Reading<'_>, fates: &[Option<Judged>]) -> Vec<Passed> {
    // Steps whose heirs stand in one place, each with its place in the old list and the new.
    let mut groups: HashMap<(u32, u64), Vec<(usize, usize)>> = HashMap::new();
    for (step, &at) in list.iter().enumerate() {
        let Some(Judged { fate, heirs, .. }) = &fates[at] else { continue };
        let [heir] = heirs.as_slice() else { continue };
        if matches!(fate, Fate::Kept | Fate::Moved | Fate::Reworded | Fate::Superseded) {
            let place = (new.memory_of[*heir], place::trail(&new.statements[*heir].statement));
            groups.entry(place).or_default().push((step, *heir));
        }
    }
    let mut found: Vec<Passed> = groups.values().flat_map(|steps| out_of_line(list, steps)).collect();
    found.sort_unstable_by_key(|passed| passed.at);
    found
}

/// Names the fewest steps without which the others come in the order they had.
fn out_of_line(list: &[usize], steps: &[(usize, usize)]) -> Vec<Passed> {
    let in_line = longest_rise(&steps.iter().map(|&(_, heir)| heir).collect::<Vec<_>>());
    let mut found = Vec::new();
    for (place, &(step, heir)) in steps.iter().enumerate() {
        if in_line.binary_search(&place).is_ok() {
            continue;
        }
        let overtaken = steps[..place].iter().find(|&&(_, other)| other > heir);
        let overtook = steps[place + 1..].iter().find(|&&(_, other)| other < heir);
        let (ahead, behind) = match (overtaken, overtook) {
            (Some(&(other, _)), _) => (step, other),
            (None, Some(&(other, _))) => (other, step),
            (None, None) => continue,
        };
        found.push(Passed { at: list[step], step: ahead + 1, before: behind + 1 });
    }
    found
}

/// Returns the places of a longest run that never falls; of several, the one that stays lowest.
fn longest_rise(values: &[usize]) -> Vec<usize> {
    let mut tails: Vec<usize> = Vec::new();
    let mut above: Vec<Option<usize>> = vec![None; values.len()];
    for (place, &value) in values.iter().enumerate() {
        let length = tails.partition_point(|&tail| values[tail] <= value);
        above[place] = length.checked_sub(1).map(|last| tails[last]);
        match tails.get_mut(length) {
            Some(tail) => *tail = place,
            None => tails.push(place),
        }
    }
    let mut rise: Vec<usize> = std::iter::successors(tails.last().copied(), |&place| above[place]).collect();
    rise.reverse();
    rise
}

#[cfg(test)]
mod tests {
    use super::longest_rise;

    #[test]
    fn the_longest_rise_leaves_out_the_fewest() {
        let table: [(&[usize], &[usize]); 5] = [
            (&[1, 2, 3], &[0, 1, 2]),
            (&[1, 3, 2], &[0, 2]),
            (&[3, 1, 2], &[1, 2]),
            (&[2, 3, 1], &[0, 1]),
            (&[4, 4, 5], &[0, 1, 2]),
        ];
        for (values, rise) in table {
            assert_eq!(longest_rise(values), rise, "{values:?}");
        }
    }
}
