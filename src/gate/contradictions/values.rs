//! Values: how many the candidate gives to one thing, and which pairs of them to show.

use std::collections::{BTreeMap, BTreeSet};

use super::claims::SUBJECT_LIMIT;
use super::note::Note;

/// Gathers pairs of notes that are about one thing, and returns each with the number of its values. Of
/// more than a few values, the pairs that are left link each with one that stands before it.
pub(super) fn count(notes: &[Note<'_>], pairs: BTreeSet<(usize, usize)>) -> Vec<(usize, usize, usize)> {
    let mut parents: BTreeMap<usize, usize> = BTreeMap::new();
    let links: Vec<(usize, usize, bool)> =
        pairs.into_iter().map(|(a, b)| (a, b, join(&mut parents, a, b))).collect();
    let mut values: BTreeMap<usize, BTreeSet<_>> = BTreeMap::new();
    for (a, b, _) in &links {
        for at in [*a, *b] {
            values.entry(root(&mut parents, at)).or_default().insert(notes[at].hash);
        }
    }
    links
        .into_iter()
        .map(|(a, b, is_new)| (a, b, is_new, values[&root(&mut parents, a)].len()))
        .filter(|&(_, _, is_new, count)| is_new || count <= SUBJECT_LIMIT)
        .map(|(a, b, _, count)| (a, b, count))
        .collect()
}

fn root(parents: &mut BTreeMap<usize, usize>, at: usize) -> usize {
    let mut top = at;
    while let Some(&above) = parents.get(&top) {
        top = above;
    }
    // The way up is shorter the next time.
    let mut at = at;
    while at != top {
        at = parents.insert(at, top).unwrap_or(top);
    }
    top
}

/// Says whether two that were not known to be about one thing now are.
fn join(parents: &mut BTreeMap<usize, usize>, a: usize, b: usize) -> bool {
    let (a, b) = (root(parents, a), root(parents, b));
    if a != b {
        parents.insert(a.max(b), a.min(b));
    }
    a != b
}
