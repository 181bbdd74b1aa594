//! Editions: memories that are older states of another memory, as a whole.
//!
//! Dated or versioned folders hold the same document again and again, and session notes grow by
//! repeating what was there. What the last edition left out was left out on purpose.

use std::collections::{BTreeMap, BTreeSet};

use crate::dream::ChangeKind;

use super::corpus::Corpus;
use super::fate::Fate;

/// Why a whole memory gives way to one that grew out of it.
const GROWN: &str = "all of it stands at the head of";
/// Why a whole memory gives way to a later one.
const LATER: &str = "a later edition of the document is";

/// Says whether a rule is about memories as a whole.
pub(super) fn is_whole(because: &str) -> bool {
    matches!(because, GROWN | LATER)
}

/// Memories with fewer statements are settled statement by statement.
const EDITION_STATEMENTS: usize = 3;

/// Marks all statements of memories that a later edition replaces.
pub(super) fn find(corpus: &Corpus<'_>, fates: &mut BTreeMap<usize, Fate>) {
    same_name(corpus, fates);
    grown(corpus, fates);
}

/// The same file name in dated or versioned folders, with half of the statements still there.
fn same_name(corpus: &Corpus<'_>, fates: &mut BTreeMap<usize, Fate>) {
    let mut families: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, doc) in corpus.docs.iter().enumerate() {
        let name = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let is_folder_dated = doc.family.as_str() != doc.memory.path.as_str()
            && name(&doc.family) == name(doc.memory.path.as_str());
        if is_folder_dated && doc.notes.len() >= EDITION_STATEMENTS {
            families.entry(&doc.family).or_default().push(at);
        }
    }
    for members in families.into_values().filter(|members| members.len() > 1) {
        for &old in &members {
            let later = members.iter().copied().filter(|&new| {
                let (a, b) = (&corpus.docs[old].notes, &corpus.docs[new].notes);
                corpus.is_before(a.start, b.start)
            });
            // The earliest later edition shares most; its own heir is found in turn.
            let next = later.reduce(|best, new| {
                let (a, b) = (&corpus.docs[best].notes, &corpus.docs[new].notes);
                if corpus.is_before(b.start, a.start) { new } else { best }
            });
            if let Some(new) = next
                && shared(corpus, old, new) * 2 >= corpus.docs[old].notes.len()
            {
                replace(corpus, old, new, ChangeKind::Superseded, LATER, fates);
            }
        }
    }
}

/// Memories in one folder whose statements all stand, in the same order, at the head of another.
fn grown(corpus: &Corpus<'_>, fates: &mut BTreeMap<usize, Fate>) {
    let mut starts: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (at, doc) in corpus.docs.iter().enumerate() {
        if doc.notes.len() >= EDITION_STATEMENTS {
            let path = doc.memory.path.as_str();
            let folder = &path[..path.rfind('/').unwrap_or(0)];
            starts.entry((folder, &corpus.notes[doc.notes.start].normal)).or_default().push(at);
        }
    }
    for mut members in starts.into_values().filter(|members| members.len() > 1) {
        members.sort_by_key(|&at| (corpus.docs[at].notes.len(), std::cmp::Reverse(at)));
        for (rank, &short) in members.iter().enumerate() {
            if fates.contains_key(&corpus.docs[short].notes.start) {
                continue;
            }
            let heads = |long: usize| {
                let (a, b) = (corpus.docs[short].notes.clone(), corpus.docs[long].notes.clone());
                a.len() <= b.len()
                    && a.zip(b).all(|(x, y)| {
                        corpus.notes[x].normal == corpus.notes[y].normal
                            && corpus.notes[x].trail == corpus.notes[y].trail
                    })
            };
            // A bounded look ahead keeps folders of look-alikes from costing their square.
            const LOOK_AHEAD: usize = 16;
            if let Some(&long) = members[rank + 1..].iter().take(LOOK_AHEAD).find(|&&long| heads(long)) {
                replace(corpus, short, long, ChangeKind::Merged, GROWN, fates);
            }
        }
    }
}

fn shared(corpus: &Corpus<'_>, old: usize, new: usize) -> usize {
    let there: BTreeSet<&str> =
        corpus.docs[new].notes.clone().map(|at| corpus.notes[at].normal.as_str()).collect();
    corpus.docs[old].notes.clone().filter(|&at| there.contains(corpus.notes[at].normal.as_str())).count()
}

/// Gives every statement of `old` its heir in `new`: the same statement, or else the first.
fn replace(
    corpus: &Corpus<'_>,
    old: usize,
    new: usize,
    kind: ChangeKind,
    because: &'static str,
    fates: &mut BTreeMap<usize, Fate>,
) {
    let heirs: BTreeMap<&str, usize> =
        corpus.docs[new].notes.clone().rev().map(|at| (corpus.notes[at].normal.as_str(), at)).collect();
    for at in corpus.docs[old].notes.clone() {
        let same = heirs.get(corpus.notes[at].normal.as_str());
        let fate = match same {
            Some(&heir) => Fate { heir, kind: ChangeKind::Merged, because },
            None => Fate { heir: corpus.docs[new].notes.start, kind, because },
        };
        fates.insert(at, fate);
    }
}
