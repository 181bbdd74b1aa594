//! Frames: statements that agree in nearly all words and differ in a figure, a term or a negation.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::memory::ContentHash;
use crate::text::align;
use crate::text::specifics::Kind as Specific;
use crate::text::subject::Form;

use super::note::{Note, Word, is_figure, is_setting, is_term};

/// Of more statements with one pair of words, each is held against those that stand nearest to it.
const BUCKET_LIMIT: usize = 32;
/// So many on each side.
const REACH: usize = 8;
/// How many of the most similar statements are looked at.
const NEIGHBOURS: usize = 8;
/// Least likeness, in thousandths of all words.
const LIKENESS: u32 = 700;
/// A rival must be this much closer than any other statement of either memory: else they are lists.
const CLEAR_LEAD: u32 = 60;
/// Shared words of content that make a frame, for a figure, and for a term, which is a value less often.
const FRAME_WORDS: usize = 3;
const TERM_FRAME_WORDS: usize = 4;
/// As many shared words name their subject on their own.
const NAMED_WORDS: usize = 5;

/// Finds pairs of notes.
pub(super) fn find(notes: &[Note<'_>]) -> Vec<(usize, usize)> {
    let neighbours = neighbours(notes);
    let mut places: BTreeMap<ContentHash, BTreeSet<&str>> = BTreeMap::new();
    for note in notes {
        places.entry(note.hash).or_default().insert(note.path.as_str());
    }
    let scores: Vec<Vec<u32>> = neighbours
        .iter()
        .enumerate()
        .map(|(at, others)| others.iter().map(|&other| likeness(&notes[at], &notes[other])).collect())
        .collect();
    let mut found = Vec::new();
    for (a, others) in neighbours.iter().enumerate() {
        // Each pair once, though one may be near to the other and not the other way round.
        let is_first = |b: usize| a < b || !neighbours[b].contains(&a);
        for (&b, &score) in others.iter().zip(&scores[a]).filter(|&(&b, _)| is_first(b)) {
            if score < LIKENESS {
                continue;
            }
            let (a, b) = (a.min(b), a.max(b));
            let (x, y) = (&notes[a], &notes[b]);
            let Some(kind) = rival(x, y) else { continue };
            // One memory may say both of two things, but not a thing and its opposite.
            let is_list = |from: usize, to: usize| {
                neighbours[from].iter().zip(&scores[from]).any(|(&other, &near)| {
                    let path = notes[other].path;
                    other != to
                        && near + CLEAR_LEAD > score
                        && (path == x.path || path == y.path)
                        && rival(&notes[from], &notes[other]).is_some()
                })
            };
            let are_side_by_side = || {
                let beside = |p: &Note<'_>, q: &Note<'_>| places[&p.hash].contains(q.path.as_str());
                x.path == y.path || beside(x, y) || beside(y, x)
            };
            if kind != Rival::Opposite && (are_side_by_side() || is_list(a, b) || is_list(b, a)) {
                continue;
            }
            found.push((a, b));
        }
    }
    found
}

/// In what two statements differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rival {
    Value,
    Opposite,
}

/// Says in what two statements differ, if it is one thing that cannot be both.
fn rival(a: &Note<'_>, b: &Note<'_>) -> Option<Rival> {
    let (x, y) = (&a.words, &b.words);
    let hunks = align::hunks_by(x, y, |v, w| v.stem == w.stem)?;
    let content = |words: &[Word]| words.iter().filter(|word| word.is_content).cloned().collect::<Vec<_>>();
    let mut changes: Vec<(Vec<Word>, Vec<Word>, usize)> = Vec::new();
    let mut changed = 0;
    for hunk in &hunks {
        let (p, q) = (content(&x[hunk.a.clone()]), content(&y[hunk.b.clone()]));
        changed += p.len();
        // The same replacement in several places is one change.
        let stems = |words: &[Word]| words.iter().map(|word| word.stem).collect::<Vec<_>>();
        let is_known = changes.iter().any(|(r, s, _)| stems(r) == stems(&p) && stems(s) == stems(&q));
        if !is_known && (!p.is_empty() || !q.is_empty()) {
            let before = x[..hunk.a.start].iter().filter(|word| word.is_content).count();
            changes.push((p, q, before));
        }
    }
    let [(p, q, before)] = changes.as_slice() else { return None };
    let shared = a.content().count() - changed;
    let is_named = shared >= NAMED_WORDS
        || x.iter().any(|word| {
            word.specific.is_some_and(|kind| is_setting(kind) || kind == Specific::Name)
                && y.iter().any(|other| other.stem == word.stem)
        });
    if !a.context.is_shared_with(&b.context, is_named) || have_other_subjects(a, b) {
        return None;
    }
    let is_turn = |words: &[Word]| matches!(words, [word] if crate::text::lexicon::is_negation(&word.norm));
    if shared >= 2 && (p.is_empty() && is_turn(q) || q.is_empty() && is_turn(p)) {
        return Some(Rival::Opposite);
    }
    let ([p], [q]) = (p.as_slice(), q.as_slice()) else { return None };
    if shared >= FRAME_WORDS && are_opposites(&p.norm, &q.norm) {
        return Some(Rival::Value);
    }
    let (kind, other) = (p.specific?, q.specific?);
    let is_subject = *before == 0 || *before == 1 && !p.has_unit;
    if is_subject || speaks_of_somebody(a) || speaks_of_somebody(b) || tells_an_event(a) {
        return None;
    }
    let is_value = if is_figure(kind) && is_figure(other) {
        shared >= FRAME_WORDS
    } else {
        is_term(kind) && is_term(other) && shared >= TERM_FRAME_WORDS
    };
    is_value.then_some(Rival::Value)
}

/// Says whether two words are a choice and its opposite.
fn are_opposites(a: &str, b: &str) -> bool {
    const OPPOSITES: &[(&str, &str)] = &[
        ("true", "false"),
        ("enabled", "disabled"),
        ("on", "off"),
        ("yes", "no"),
        ("always", "never"),
        ("allowed", "forbidden"),
        ("required", "optional"),
        ("mandatory", "optional"),
        ("supported", "unsupported"),
    ];
    OPPOSITES.iter().any(|&(x, y)| (a, b) == (x, y) || (a, b) == (y, x))
}

/// Says whether both name their subjects by a label, and name different ones.
fn have_other_subjects(a: &Note<'_>, b: &Note<'_>) -> bool {
    let (Some(p), Some(q)) = (&a.claim, &b.claim) else { return false };
    p.form != Form::Copula && q.form != Form::Copula && p.subject != q.subject
}

/// Says whether a statement tells what somebody did: a person does many things, all of them true.
fn speaks_of_somebody(note: &Note<'_>) -> bool {
    const PERSONS: &[&str] = &[
        "i", "i'm", "i've", "we", "he", "she", "they", "my", "his", "her", "our", "their", "user", "someone",
    ];
    let is_name = |word: &Word| word.specific == Some(Specific::Name);
    note.words.first().is_some_and(|word| PERSONS.contains(&word.norm.as_str()))
        || note.claim.is_none() && note.content().next().is_some_and(is_name)
}

/// Says whether a statement tells what happened: `the deploy took 5 minutes` can be true of many days.
fn tells_an_event(note: &Note<'_>) -> bool {
    const PAST: &[&str] = &[
        "ran", "went", "saw", "made", "took", "got", "gave", "told", "said", "met", "bought", "felt",
        "found", "left", "began", "won", "lost", "wrote", "came", "did", "spent", "taught", "thought",
        "brought", "sent", "built", "grew", "became", "ate", "drove", "flew", "kept", "led", "paid", "sold",
        "spoke", "swam", "was", "were", "had",
    ];
    note.words.iter().take(6).any(|word| PAST.contains(&word.norm.as_str()))
}

/// How alike two statements are, in thousandths: grammar counts half.
fn likeness(a: &Note<'_>, b: &Note<'_>) -> u32 {
    let (x, y) = (&a.words, &b.words);
    let Some(hunks) = align::hunks_by(x, y, |v, w| v.stem == w.stem) else { return 0 };
    let weight = |words: &[Word]| -> usize { words.iter().map(|w| 1 + usize::from(w.is_content)).sum() };
    let differing: usize = hunks.iter().map(|h| weight(&x[h.a.clone()]) + weight(&y[h.b.clone()])).sum();
    let total = (weight(x) + weight(y)).max(1);
    u32::try_from((total - differing) * 1_000 / total).unwrap_or(0)
}

/// Returns, for each note, those that share most pairs of words with it, the closest first.
fn neighbours(notes: &[Note<'_>]) -> Vec<Vec<usize>> {
    let keys: Vec<Vec<u64>> = notes.iter().map(keys).collect();
    let mut buckets: HashMap<u64, Vec<usize>> = HashMap::new();
    for (at, key) in keys.iter().enumerate().flat_map(|(at, keys)| keys.iter().map(move |key| (at, *key))) {
        buckets.entry(key).or_default().push(at);
    }
    keys.iter()
        .enumerate()
        .map(|(at, keys)| {
            let mut shared: BTreeMap<usize, usize> = BTreeMap::new();
            for bucket in keys.iter().map(|key| near(&buckets[key], at)) {
                for &other in bucket.iter().filter(|&&other| other != at) {
                    *shared.entry(other).or_default() += 1;
                }
            }
            let mut ranked: Vec<(usize, usize)> =
                shared.into_iter().map(|(other, count)| (count * 2_000 / (keys.len() + 1), other)).collect();
            ranked.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            ranked.into_iter().take(NEIGHBOURS).map(|(_, other)| other).collect()
        })
        .collect()
}

/// Returns those of a sorted list that one of it is held against.
fn near(bucket: &[usize], at: usize) -> &[usize] {
    if bucket.len() <= BUCKET_LIMIT {
        return bucket;
    }
    let place = bucket.partition_point(|&other| other < at);
    &bucket[place.saturating_sub(REACH)..(place + 1 + REACH).min(bucket.len())]
}

/// Pairs of neighbouring words of content, and those one apart, so that one changed word leaves some.
fn keys(note: &Note<'_>) -> Vec<u64> {
    let stems: Vec<u64> = note.content().map(|word| word.stem).collect();
    let pair = |a: u64, b: u64| a.rotate_left(17) ^ b;
    let mut keys: Vec<u64> = stems.windows(2).map(|w| pair(w[0], w[1])).collect();
    keys.extend(stems.windows(3).map(|w| pair(w[0], w[2]).rotate_left(1)));
    keys.sort_unstable();
    keys.dedup();
    keys
}
