//! Consolidation: one round over a whole store.
//!
//! Each round looks at the whole store, and reads only what changed; a dream ends with a round that finds nothing to do, so that a
//! dream over its own output finds nothing either.

use std::collections::{BTreeMap, BTreeSet};

use crate::dream::{ChangeKind, DreamChange, Replaced};
use crate::memory::{Memory, MemoryPath};
use crate::snapshot::Snapshot;
use crate::text::subject::Form;

use super::contradictions;
use super::corpus::{Corpus, Note};
use super::duplicates::{self, Fuller};
use super::editions;
use super::fate::{Fate, quoted};
use super::knowledge::{Heirship, Knowledge};
use super::rewrite::{self, Edit};
use super::similar;

/// Merges duplicates and lets newer values take the place of older ones, once. Returns whether
/// anything changed, so that the caller can go on until the store is at rest.
pub(super) fn settle(
    store: &mut Snapshot,
    changes: &mut Vec<DreamChange>,
    knowledge: &mut Knowledge,
) -> bool {
    let corpus = Corpus::read(store, &mut knowledge.vocabulary);
    let mut fates: BTreeMap<usize, Fate> = BTreeMap::new();
    editions::find(&corpus, &mut fates);
    if fates.is_empty() {
        let neighbours = similar::neighbours(&corpus.notes, knowledge.vocabulary.key_count());
        let (vocabulary, likeness) = (&knowledge.vocabulary, &mut knowledge.likeness);
        for superseded in contradictions::find(&corpus, &neighbours, vocabulary, likeness) {
            let fate =
                Fate { heir: superseded.new, kind: ChangeKind::Superseded, because: superseded.because };
            if !is_excerpt(&corpus, superseded.new, superseded.old) {
                fates.insert(superseded.old, fate);
            }
        }
        merge(&corpus, &neighbours, knowledge, &mut fates);
    }
    spare_refused(&corpus, knowledge, &mut fates);
    spare_leads(&corpus, &mut fates);
    if fates.is_empty() {
        return false;
    }
    let heirs = final_heirs(&fates);
    let renewed = heirs.iter().filter(|&(&gone, &heir)| corpus.is_before(heir, gone)).map(|(_, &heir)| heir);
    knowledge.renewed.extend(renewed.map(|heir| corpus.docs[corpus.notes[heir].doc].memory.path.clone()));
    changes.extend(account(&corpus, &fates, &heirs));
    let edited = edit(&corpus, &fates);
    let mut is_changed = false;
    for (path, content) in edited {
        is_changed = true;
        match content {
            Some(content) => {
                let updated_at = store.get(&path).and_then(|m| m.updated_at);
                let mut memory = Memory::new(path, content);
                memory.updated_at = updated_at;
                store.insert(memory);
            }
            None => {
                store.remove(&path);
            }
        }
    }
    is_changed
}

/// Says whether another statement begins with all that one says, or quotes it word for word: what the longer
/// one says as well gives it no other value, unless it is a word of an attribute's only value.
fn is_excerpt(corpus: &Corpus<'_>, short: usize, long: usize) -> bool {
    let (short, long) = (&corpus.notes[short], &corpus.notes[long]);
    let is_attribute = |note: &Note<'_>| note.claim.as_ref().is_some_and(|c| c.form == Form::Attribute);
    let is_word_apart = long.words.len() <= short.words.len() + VALUE_WORDS;
    if is_attribute(short) && short.subject_id == long.subject_id && is_word_apart {
        return false;
    }
    let goes_on = |rest: &str| rest.starts_with(' ');
    long.normal.strip_prefix(short.normal.as_str()).is_some_and(goes_on)
        || QUOTES.iter().any(|(open, close)| {
            long.statement.text.contains(&format!("{open}{}{close}", short.statement.text))
        })
}

/// What more words than this add is said beside a value.
const VALUE_WORDS: usize = 2;
/// Marks around what is quoted.
const QUOTES: [(char, char); 4] = [('"', '"'), ('“', '”'), ('«', '»'), ('„', '“')];

/// Finds duplicates among the statements that still stand.
fn merge(
    corpus: &Corpus<'_>,
    neighbours: &[Vec<usize>],
    knowledge: &mut Knowledge,
    fates: &mut BTreeMap<usize, Fate>,
) {
    const SAME: &str = "the same stands in";
    let mut by_text: Vec<(u32, usize)> = Vec::with_capacity(corpus.notes.len());
    for (at, note) in corpus.notes.iter().enumerate() {
        if !note.normal.is_empty() && !fates.contains_key(&at) {
            by_text.push((note.normal_id, at));
        }
    }
    by_text.sort_unstable();
    for group in by_text.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
        // The newest stays, but not in a mere copy; without an order a memory about a subject is preferred
        // to a journal's page, and the fuller memory to the poorer one.
        let mut kept: Vec<usize> = Vec::new();
        for &(_, at) in group {
            let is_same = |kept: usize| {
                duplicates::share_context(corpus, at, kept) && !duplicates::are_both_needed(corpus, at, kept)
            };
            match kept.iter_mut().find(|kept| is_same(**kept)) {
                None => kept.push(at),
                Some(keeper) => {
                    let is_heir = duplicates::is_preferred(corpus, at, *keeper);
                    let (gone, heir) = if is_heir { (*keeper, at) } else { (at, *keeper) };
                    fates.insert(gone, Fate { heir, kind: ChangeKind::Merged, because: SAME });
                    *keeper = heir;
                }
            }
        }
    }
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (at, others) in neighbours.iter().enumerate().filter(|(at, _)| !fates.contains_key(at)) {
        let later = others.iter().copied().filter(|&other| {
            other > at
                && !fates.contains_key(&other)
                && corpus.notes[at].normal_id != corpus.notes[other].normal_id
                && duplicates::share_context(corpus, at, other)
        });
        pairs.extend(later.map(|other| (at, other)));
    }
    let vocabulary = &knowledge.vocabulary;
    let same = knowledge.same.compare(&corpus.notes, &pairs, |a, b| duplicates::compare(a, b, vocabulary));
    for ((at, other), same) in pairs.into_iter().zip(same) {
        if fates.contains_key(&at) || fates.contains_key(&other) {
            continue;
        }
        // Under an earlier day a statement would be older than it is.
        let ages = |gone: usize, heir: usize| {
            corpus.is_before(heir, gone) && corpus.notes[heir].moment.is_some_and(|m| m.explicit)
        };
        let length = |at: usize| corpus.notes[at].statement.text.len();
        let (gone, heir) = match same {
            None => continue,
            Some(Fuller::First) => (other, at),
            Some(Fuller::Second) => (at, other),
            Some(Fuller::Neither) if corpus.is_before(at, other) => (at, other),
            Some(Fuller::Neither) if corpus.is_before(other, at) => (other, at),
            Some(Fuller::Neither) if length(other) > length(at) => (at, other),
            Some(Fuller::Neither) => (other, at),
        };
        let (gone, heir) = match same {
            Some(Fuller::Neither) if duplicates::is_uprooted(corpus, gone, heir) => (heir, gone),
            _ => (gone, heir),
        };
        if ages(gone, heir) || duplicates::is_uprooted(corpus, gone, heir) {
            continue;
        }
        fates.insert(gone, Fate { heir, kind: ChangeKind::Merged, because: "said in other words in" });
    }
}

/// Keeps statements whose heirs were refused. Others may have had them for heirs in between.
fn spare_refused(corpus: &Corpus<'_>, knowledge: &Knowledge, fates: &mut BTreeMap<usize, Fate>) {
    if knowledge.refused.is_empty() {
        return;
    }
    let path = |at: usize| corpus.docs[corpus.notes[at].doc].memory.path.clone();
    loop {
        let heirs = final_heirs(fates);
        let is_refused = |&(&at, &heir): &(&usize, &usize)| {
            let statement = corpus.notes[at].statement.text.to_owned();
            knowledge.refused.contains(&Heirship { path: path(at), statement, heir: path(heir) })
        };
        let refused: Vec<usize> = heirs.iter().filter(is_refused).map(|(&at, _)| at).collect();
        if refused.is_empty() {
            return;
        }
        fates.retain(|at, _| !refused.contains(at));
    }
}

/// Keeps statements that others hang below, unless those go too.
fn spare_leads(corpus: &Corpus<'_>, fates: &mut BTreeMap<usize, Fate>) {
    let mut needed: BTreeSet<usize> = BTreeSet::new();
    for doc in &corpus.docs {
        // Children come after their parents, so one pass from the end settles whole trees.
        for at in doc.notes.clone().rev() {
            let block = at + 1;
            let opens = opens_a_block(corpus.notes[at].statement.text);
            if needed.contains(&at) || opens && block < doc.notes.end && !fates.contains_key(&block) {
                fates.remove(&at);
            }
            if !fates.contains_key(&at)
                && let Some(parent) = corpus.notes[at].statement.parent
            {
                needed.insert(doc.notes.start + parent);
            }
        }
    }
    // An heir that was itself spared or stays is fine; a statement must never be its own heir's heir.
    let looping: Vec<usize> = fates.keys().copied().filter(|&at| last_heir(fates, at).is_none()).collect();
    for at in looping {
        fates.remove(&at);
    }
}

/// Says whether a line only opens the indented block below it, as `!!! tip` does: without it the block would
/// be read as something else.
fn opens_a_block(text: &str) -> bool {
    ["!!!", "???", ":::", "[!"].iter().any(|mark| text.starts_with(mark))
}

/// Follows heirs to the one that stays; `None` if they run in a circle.
fn last_heir(fates: &BTreeMap<usize, Fate>, from: usize) -> Option<usize> {
    let mut at = from;
    for _ in 0..=fates.len() {
        match fates.get(&at) {
            Some(fate) if fate.heir == from => return None,
            Some(fate) => at = fate.heir,
            None => return Some(at),
        }
    }
    None
}

fn final_heirs(fates: &BTreeMap<usize, Fate>) -> BTreeMap<usize, usize> {
    fates.keys().filter_map(|&at| last_heir(fates, at).map(|heir| (at, heir))).collect()
}

/// Says what was done, one change for each heir and rule.
fn account(
    corpus: &Corpus<'_>,
    fates: &BTreeMap<usize, Fate>,
    heirs: &BTreeMap<usize, usize>,
) -> Vec<DreamChange> {
    let mut groups: BTreeMap<(usize, ChangeKind, &str), Vec<usize>> = BTreeMap::new();
    for (&gone, fate) in fates {
        if let Some(&heir) = heirs.get(&gone) {
            let is_whole = editions::is_whole(fate.because);
            let heir = if is_whole { corpus.docs[corpus.notes[heir].doc].notes.start } else { heir };
            groups.entry((heir, fate.kind, fate.because)).or_default().push(gone);
        }
    }
    let path = |at: usize| corpus.docs[corpus.notes[at].doc].memory.path.clone();
    groups
        .into_iter()
        .map(|((heir, kind, because), gone)| DreamChange {
            kind,
            path: path(heir),
            statement: (!editions::is_whole(because)).then(|| corpus.notes[heir].statement.text.to_owned()),
            replaced: gone
                .into_iter()
                .map(|at| Replaced { path: path(at), statement: corpus.notes[at].statement.text.to_owned() })
                .collect(),
            evidence: Vec::new(),
            because: match kind {
                ChangeKind::Superseded if !editions::is_whole(because) => {
                    format!("{because} {}: {}", path(heir), quoted(corpus.notes[heir].statement.text))
                }
                _ => format!("{because} {}", path(heir)),
            },
        })
        .collect()
}

/// Cuts what has a fate; a memory without statements left is removed.
fn edit(corpus: &Corpus<'_>, fates: &BTreeMap<usize, Fate>) -> Vec<(MemoryPath, Option<String>)> {
    let mut edited = Vec::new();
    for doc in &corpus.docs {
        let gone = doc.notes.clone().filter(|at| fates.contains_key(at));
        let edits: Vec<Edit> = gone
            .map(|at| Edit { span: corpus.notes[at].statement.span.clone(), with: String::new() })
            .collect();
        if edits.is_empty() {
            continue;
        }
        let is_empty = edits.len() == doc.notes.len();
        let content = (!is_empty).then(|| rewrite::apply(&doc.memory.content, &edits));
        edited.push((doc.memory.path.clone(), content));
    }
    edited
}
