//! Editions: memories that are older states of another memory, as a whole.
//!
//! Dated folders hold the same document again and again, and session notes grow by repeating what
//! was there. Only what a later edition says again, or says otherwise of the same subject, gives way to
//! it. What it leaves out stays: silence denies nothing. Versioned folders stand side by side.

use std::collections::BTreeMap;

use crate::dream::ChangeKind;

use super::corpus::Corpus;
use super::duplicates;
use super::fate::Fate;

/// Why a whole memory gives way to one that grew out of it.
const GROWN: &str = "all of it stands at the head of";

/// Says whether a rule is about memories as a whole.
pub(super) fn is_whole(because: &str) -> bool {
    because == GROWN
}

/// Memories with fewer statements are settled statement by statement.
const EDITION_STATEMENTS: usize = 3;
/// The least share of a document's statements, in percent, that a later edition says again or anew.
const EDITION_SHARE: usize = 80;

/// Marks the statements that a later edition of their memory says again or anew.
pub(super) fn find(corpus: &Corpus<'_>, fates: &mut BTreeMap<usize, Fate>) {
    same_name(corpus, fates);
    grown(corpus, fates);
}

/// The same file name in dated folders, with most of what it says still there.
fn same_name(corpus: &Corpus<'_>, fates: &mut BTreeMap<usize, Fate>) {
    let mut families: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, doc) in corpus.docs.iter().enumerate() {
        let name = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let path = doc.memory.path.as_str();
        let is_folder_dated = doc.version.is_none()
            && doc.family.strip_prefix('/') != Some(path)
            && name(&doc.family) == name(path);
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
            if let Some(new) = next {
                let found = heirs(corpus, old, new);
                if found.len() * 100 >= corpus.docs[old].notes.len() * EDITION_SHARE {
                    fates.extend(found);
                }
            }
        }
    }
}

/// Returns what becomes of the statements of `old` that `new` says again, or otherwise of the same
/// subject, in the same section. A subject that either gives several values is a list, not a value.
fn heirs(corpus: &Corpus<'_>, old: usize, new: usize) -> BTreeMap<usize, Fate> {
    let mut same: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut subjects: BTreeMap<(u32, &str), [Vec<usize>; 2]> = BTreeMap::new();
    for (side, doc) in [old, new].into_iter().enumerate() {
        for at in corpus.docs[doc].notes.clone() {
            let note = &corpus.notes[at];
            if side == 1 {
                same.entry((&note.normal, &note.trail)).or_insert(at);
            }
            if let Some(subject) = note.subject_id {
                subjects.entry((subject, &note.trail)).or_default()[side].push(at);
            }
        }
    }
    let heir = |at: usize| {
        let note = &corpus.notes[at];
        if let Some(&heir) = same.get(&(note.normal.as_str(), &*note.trail)) {
            return Some(Fate { heir, kind: ChangeKind::Merged, because: "a later edition says the same:" });
        }
        match subjects.get(&(note.subject_id?, &*note.trail))? {
            [own, others] if own.len() == 1 && others.len() == 1 => Some(Fate {
                heir: others[0],
                kind: ChangeKind::Superseded,
                because: "newer for the same subject is",
            }),
            _ => None,
        }
    };
    corpus.docs[old].notes.clone().filter_map(|at| heir(at).map(|fate| (at, fate))).collect()
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
            let Some(&long) = members[rank + 1..].iter().take(LOOK_AHEAD).find(|&&long| heads(long)) else {
                continue;
            };
            let (short, long) = (corpus.docs[short].notes.clone(), corpus.docs[long].notes.clone());
            let is_equal = short.len() == long.len();
            for (old, new) in short.zip(long) {
                let stays = duplicates::is_copied(corpus, old, new)
                    || is_equal && duplicates::is_preferred(corpus, old, new);
                let (gone, heir) = if stays { (new, old) } else { (old, new) };
                fates.insert(gone, Fate { heir, kind: ChangeKind::Merged, because: GROWN });
            }
        }
    }
}
