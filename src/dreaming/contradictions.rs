//! Contradictions: one subject, two values, and an order between them. The newer value wins.
//!
//! Most statements that look alike are both true: entries of a list, facts about different things.
//! A pair is taken for a contradiction only if the evidence for one subject is strong: the subject is
//! named the same, or nearly all words agree and what differs stands where a value stands. And it is
//! spared when the store itself shows otherwise: both stand side by side somewhere, one memory gives
//! the same subject several values, or another statement of the same memory fits as well.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::text::align::{self, Hunk};
use crate::text::specifics::Kind as SpecificKind;
use crate::text::statement::Kind;
use crate::text::subject::Form;

use super::corpus::{Corpus, Note};
use super::duplicates;
use super::person;
use super::phrase::{Class, Memo, Vocabulary, Word};

/// A statement and the newer one that took its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Superseded {
    pub(super) old: usize,
    pub(super) new: usize,
    pub(super) because: &'static str,
}

/// How alike two statements are that are not the same, in thousandths; and whether they could be one
/// subject with two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Likeness {
    score: u32,
    rivals: Option<&'static str>,
}

/// Finds the statements that a newer one contradicts.
pub(super) fn find(
    corpus: &Corpus<'_>,
    neighbours: &[Vec<usize>],
    vocabulary: &Vocabulary,
    memo: &mut Memo<Likeness>,
) -> Vec<Superseded> {
    let mut found = by_subject(corpus, vocabulary);
    let settled: BTreeSet<usize> = found.iter().map(|s| s.old).collect();
    found.extend(
        by_frame(corpus, neighbours, vocabulary, memo).into_iter().filter(|s| !settled.contains(&s.old)),
    );
    found
}

/// Statements that name the same subject.
fn by_subject(corpus: &Corpus<'_>, vocabulary: &Vocabulary) -> Vec<Superseded> {
    let mut claims: Vec<(u32, usize)> = Vec::new();
    for (at, note) in corpus.notes.iter().enumerate() {
        claims.extend(note.subject_id.map(|subject| (subject, at)));
    }
    claims.sort_unstable();
    let mut found = Vec::new();
    for group in claims.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
        let members: Vec<usize> = group.iter().map(|&(_, at)| at).collect();
        if let Some(claim) = &corpus.notes[members[0]].claim {
            found.extend(newest_wins(corpus, claim.form, &members, vocabulary));
        }
    }
    found
}

/// A subject with more statements than this is settled against its newest alone, which costs less than
/// comparing all with all.
const SUBJECT_LIMIT: usize = 64;

/// Settles the values of one subject.
fn newest_wins(
    corpus: &Corpus<'_>,
    form: Form,
    members: &[usize],
    vocabulary: &Vocabulary,
) -> Vec<Superseded> {
    // Contexts are compared only within a group that cannot be told apart by section.
    let mut contexts: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for &at in members {
        let note = &corpus.notes[at];
        let claim_stands_alone = note.claim.as_ref().is_some_and(|c| {
            form == Form::Attribute
                || note.words[..c.subject_len.min(note.words.len())]
                    .iter()
                    .filter(|w| w.class == Class::Content)
                    .count()
                    >= 2
        });
        let key = if claim_stands_alone && note.statement.kind != Kind::Row && !is_front_matter(note) {
            ("", &*note.trail)
        } else {
            (corpus.docs[note.doc].family.as_str(), &*note.trail)
        };
        contexts.entry(key).or_default().push(at);
    }
    let value = |at: usize| corpus.notes[at].claim.as_ref().map_or("", |c| c.value.as_str());
    let mut found = Vec::new();
    for group in contexts.into_values() {
        // A subject with several values side by side is a list.
        let mut per_place: BTreeMap<(usize, Option<i64>), BTreeSet<&str>> = BTreeMap::new();
        for &at in &group {
            let note = &corpus.notes[at];
            per_place.entry((note.doc, note.moment.map(|m| m.second))).or_default().insert(value(at));
        }
        let is_list = per_place.values().any(|values| values.len() > 1);
        let in_journal = |at: usize| corpus.docs[corpus.notes[at].doc].dated;
        if is_list && !(form == Form::Attribute && group.iter().all(|&at| in_journal(at))) {
            continue;
        }
        let said = |at: usize| corpus.docs[corpus.notes[at].doc].said;
        let second = |at: usize| corpus.notes[at].moment.map(|m| m.second);
        let after = |a: usize, b: usize| {
            corpus.is_before(a, b)
                || said(a) && said(b) && a < b && second(a) == second(b)
                || form == Form::Attribute && corpus.are_together(a, b) && in_journal(a) && a < b
        };
        let later = |best: usize, new: usize| {
            if after(best, new) || !after(new, best) && best < new { new } else { best }
        };
        let newest_of_all: Vec<usize> = group.iter().copied().reduce(later).into_iter().collect();
        for &old in &group {
            let candidates = if group.len() <= SUBJECT_LIMIT { &group } else { &newest_of_all };
            let newest = candidates.iter().copied().filter(|&new| after(old, new)).reduce(later);
            let Some(new) = newest else { continue };
            if value(old) != value(new)
                && (form == Form::Attribute || are_values(corpus, old, new, vocabulary))
            {
                found.push(Superseded { old, new, because: "newer for the same subject is" });
            }
        }
    }
    found
}

fn is_front_matter(note: &Note<'_>) -> bool {
    note.statement.kind == Kind::Pair && note.statement.headings.is_empty()
}

/// Says whether what two statements say of their subject are values of one kind, or one text revised.
fn are_values(corpus: &Corpus<'_>, a: usize, b: usize, vocabulary: &Vocabulary) -> bool {
    let (x, y) = (&corpus.notes[a], &corpus.notes[b]);
    let value = |note: &'_ Note<'_>| -> Vec<Word> {
        let from = note.claim.as_ref().map_or(0, |c| c.subject_len).min(note.words.len());
        note.words[from..].to_vec()
    };
    let (v, w) = (value(x), value(y));
    let typed = |words: &[Word]| words.iter().find_map(|word| word.specific.filter(|k| is_scalar(*k)));
    let short = v.len() <= 4 && w.len() <= 4;
    if short && typed(&v).is_some() && typed(&v) == typed(&w) {
        return true;
    }
    // `Ann: likes tea` and `Ann: likes coffee` are two facts about Ann.
    let predicate = |words: &[Word]| {
        words
            .first()
            .map(|word| (word.id, vocabulary.text(word.id).ends_with('s') && word.specific.is_none()))
    };
    let same_verb = matches!((predicate(&v), predicate(&w)), (Some((p, true)), Some((q, _))) if p == q);
    let narrow = x.claim.as_ref().is_some_and(|c| {
        c.singular
            || x.words[..c.subject_len.min(x.words.len())]
                .iter()
                .filter(|w| w.class == Class::Content)
                .count()
                >= 2
    });
    if short && narrow && !same_verb {
        return true;
    }
    let ids = |words: &[Word]| words.iter().map(|word| word.id).collect::<Vec<_>>();
    let Some(hunks) = align::hunks(&ids(&v), &ids(&w)) else { return false };
    let changed: usize = hunks.iter().map(|h| h.a.len()).sum();
    let shared = v.len() - changed;
    shared * 10 >= 5 * v.len().max(w.len())
}

fn is_scalar(kind: SpecificKind) -> bool {
    matches!(
        kind,
        SpecificKind::Number
            | SpecificKind::Date
            | SpecificKind::Version
            | SpecificKind::Url
            | SpecificKind::Path
            | SpecificKind::Email
            | SpecificKind::Polarity
            | SpecificKind::Identifier
            | SpecificKind::Code
            | SpecificKind::Quote
            | SpecificKind::Name
    )
}

/// Statements that agree in all words but a few.
fn by_frame(
    corpus: &Corpus<'_>,
    neighbours: &[Vec<usize>],
    vocabulary: &Vocabulary,
    memo: &mut Memo<Likeness>,
) -> Vec<Superseded> {
    let alike = alike(corpus, neighbours, vocabulary, memo);
    let places = Places::of(corpus);
    let mut found = Vec::new();
    for (old, others) in neighbours.iter().enumerate() {
        let mut best: Option<(u32, usize, &'static str)> = None;
        for (&new, likeness) in others.iter().zip(&alike[old]) {
            let &Likeness { score, rivals: Some(because) } = likeness else { continue };
            if !corpus.is_before(old, new) {
                continue;
            }
            let is_best_here = |from: usize, to: usize| {
                neighbours[from].iter().zip(&alike[from]).all(|(&other, likeness)| {
                    other == to
                        || corpus.notes[other].doc != corpus.notes[to].doc
                        || likeness.score + CLEAR_LEAD <= score
                })
            };
            if places.are_shared(corpus, old, new) || !is_best_here(old, new) || !is_best_here(new, old) {
                continue;
            }
            if best.is_none_or(|(top, other, _)| {
                corpus.is_before(other, new) || score > top && !corpus.is_before(new, other)
            }) {
                best = Some((score, new, because));
            }
        }
        if let Some((_, new, because)) = best {
            found.push(Superseded { old, new, because });
        }
    }
    found
}

/// Compares each note with its neighbours, each pair once.
fn alike(
    corpus: &Corpus<'_>,
    neighbours: &[Vec<usize>],
    vocabulary: &Vocabulary,
    memo: &mut Memo<Likeness>,
) -> Vec<Vec<Likeness>> {
    let is_first = |at: usize, other: usize| at < other || !neighbours[other].contains(&at);
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    let mut starts: Vec<usize> = Vec::with_capacity(neighbours.len());
    for (at, others) in neighbours.iter().enumerate() {
        starts.push(pairs.len());
        pairs.extend(
            others.iter().filter(|&&other| is_first(at, other)).map(|&other| (at.min(other), at.max(other))),
        );
    }
    let compared = memo.compare(&corpus.notes, &pairs, |a, b| compare(a, b, vocabulary));
    let mut rows: Vec<Vec<Likeness>> = Vec::with_capacity(neighbours.len());
    for (at, others) in neighbours.iter().enumerate() {
        let mut own = compared[starts[at]..].iter();
        let row = others.iter().filter_map(|&other| {
            if is_first(at, other) {
                return own.next().copied();
            }
            // The other has a smaller number, so its row stands already.
            let place = neighbours[other].iter().position(|&back| back == at)?;
            rows[other].get(place).copied()
        });
        let row = row.collect();
        rows.push(row);
    }
    rows
}

/// A rival must be this much closer than any other statement of the same memory.
const CLEAR_LEAD: u32 = 60;

/// Where each wording stands: the notes of each normal form, side by side.
struct Places {
    starts: Vec<usize>,
    notes: Vec<usize>,
}

impl Places {
    fn of(corpus: &Corpus<'_>) -> Self {
        let count = corpus.notes.iter().map(|note| note.normal_id as usize + 1).max().unwrap_or(0);
        let mut sizes = vec![0_usize; count];
        for note in &corpus.notes {
            sizes[note.normal_id as usize] += 1;
        }
        let mut starts = vec![0];
        starts.extend(sizes.iter().scan(0, |end, size| {
            *end += size;
            Some(*end)
        }));
        let mut free = starts.clone();
        let mut notes = vec![0; corpus.notes.len()];
        for (at, note) in corpus.notes.iter().enumerate() {
            let free = &mut free[note.normal_id as usize];
            notes[*free] = at;
            *free += 1;
        }
        Self { starts, notes }
    }

    fn with(&self, note: &Note<'_>) -> &[usize] {
        let normal = note.normal_id as usize;
        &self.notes[self.starts[normal]..self.starts[normal + 1]]
    }

    /// Says whether both statements stand side by side in some memory: then both were true at once.
    fn are_shared(&self, corpus: &Corpus<'_>, a: usize, b: usize) -> bool {
        let places = |at: usize| {
            self.with(&corpus.notes[at])
                .iter()
                .map(|&at| (corpus.notes[at].doc, corpus.notes[at].moment.map(|m| m.second)))
        };
        let there: BTreeSet<(usize, Option<i64>)> = places(a).collect();
        places(b).any(|place| there.contains(&place))
    }
}

/// Compares two statements word by word.
fn compare(a: &Note<'_>, b: &Note<'_>, vocabulary: &Vocabulary) -> Likeness {
    const NOTHING: Likeness = Likeness { score: 0, rivals: None };
    let (x, y) = (&a.words, &b.words);
    if x.is_empty() || y.is_empty() || a.statement.kind == Kind::Block || b.statement.kind == Kind::Block {
        return NOTHING;
    }
    if a.normal == b.normal {
        return Likeness { score: 1_000, rivals: None };
    }
    let Some(hunks) = align::hunks_by(x, y, |v, w| v.id == w.id) else { return NOTHING };
    let weight = |words: &[Word]| -> usize {
        words.iter().map(|w| if w.class == Class::Function { 1 } else { 2 }).sum()
    };
    let total = weight(&a.words) + weight(&b.words);
    let mut differing = 0_usize;
    let mut closeness = 0_usize;
    for hunk in &hunks {
        let (ha, hb) = (&a.words[hunk.a.clone()], &b.words[hunk.b.clone()]);
        let here = weight(ha) + weight(hb);
        differing += here;
        closeness += here * resemblance(ha, hb, vocabulary) / 1_000;
    }
    let score = u32::try_from((total - differing + closeness / 2) * 1_000 / total.max(1)).unwrap_or(0);
    let rivals = rivals(a, b, &hunks, score, vocabulary);
    Likeness { score, rivals }
}

/// How much two stretches look alike, in thousandths, by the letters they begin and end with.
fn resemblance(a: &[Word], b: &[Word], vocabulary: &Vocabulary) -> usize {
    let text = |words: &[Word]| match words {
        [word] => Cow::Borrowed(vocabulary.text(word.id)),
        words => words.iter().map(|w| vocabulary.text(w.id)).collect::<Vec<_>>().join(" ").into(),
    };
    let (p, q) = (text(a), text(b));
    let (p, q) = (p.as_bytes(), q.as_bytes());
    if p.is_empty() || q.is_empty() {
        return 0;
    }
    let head = p.iter().zip(q).take_while(|(x, y)| x == y).count();
    let rest = p.len().min(q.len()) - head;
    let tail = p.iter().rev().zip(q.iter().rev()).take(rest).take_while(|(x, y)| x == y).count();
    (head + tail) * 1_000 / p.len().max(q.len())
}

/// Least likeness of rivals that differ in one, two, or more places.
const RIVAL_SCORES: [u32; 3] = [600, 720, 820];
/// Shared content words below which a frame says too little about its subject.
const FRAME_WORDS: usize = 2;

/// The same, where what differs is a word and no figure, name or identifier.
const PLAIN_FRAME_WORDS: usize = 5;

/// Says whether two statements that differ in these places could be one subject with two values.
fn rivals(
    a: &Note<'_>,
    b: &Note<'_>,
    hunks: &[Hunk],
    score: u32,
    vocabulary: &Vocabulary,
) -> Option<&'static str> {
    if score < RIVAL_SCORES[0] {
        return None;
    }
    let content = |words: &[Word]| words.iter().filter(|w| w.class == Class::Content).count();
    let sides = |h: &Hunk| (&a.words[h.a.clone()], &b.words[h.b.clone()]);
    let changed: usize = hunks.iter().map(|h| content(sides(h).0)).sum();
    let shared = content(&a.words) - changed;
    // The same replacement in several places is one change.
    let mut changes: Vec<(Vec<u32>, Vec<u32>)> = hunks
        .iter()
        .map(|h| {
            let ids = |words: &[Word]| {
                words.iter().filter(|w| w.class == Class::Content).map(|w| w.stem).collect::<Vec<_>>()
            };
            (ids(sides(h).0), ids(sides(h).1))
        })
        .filter(|(x, y)| !x.is_empty() || !y.is_empty())
        .collect();
    changes.sort_unstable();
    changes.dedup();
    let least = RIVAL_SCORES[changes.len().clamp(1, RIVAL_SCORES.len()) - 1];
    let one_name = matches!(&hunks, [h] if matches!(sides(h), ([p], [q]) if p.specific.is_some() && p.specific == q.specific));
    let enough = shared >= FRAME_WORDS || one_name && shared > 0;
    // A frame around a plain word must say enough for the word to be its value: `run X first` and
    // `run Y first` are two orders.
    let plain = |h: &Hunk| sides(h).0.iter().chain(sides(h).1).all(|w| w.specific.is_none());
    let enough = enough && (shared >= PLAIN_FRAME_WORDS || !hunks.iter().any(plain));
    if score < least || !enough {
        return None;
    }
    if duplicates::compare(a, b, vocabulary).is_some() || are_apart(a, b) {
        return None;
    }
    let gives_a_figure =
        |h: &Hunk| sides(h).0.iter().chain(sides(h).1).any(|w| w.specific.is_some_and(is_figure));
    if (person::speaks_of_a_person(a, vocabulary) || person::speaks_of_a_person(b, vocabulary))
        && !hunks.iter().all(gives_a_figure)
    {
        return None;
    }
    Some("newer, with another value, is")
}

/// Says whether a specific is a setting, rather than a name or a side taken.
fn is_figure(kind: SpecificKind) -> bool {
    is_scalar(kind) && !matches!(kind, SpecificKind::Name | SpecificKind::Polarity | SpecificKind::Date)
}

/// Says whether both name their subjects, and name different ones.
fn are_apart(a: &Note<'_>, b: &Note<'_>) -> bool {
    let (Some(p), Some(q)) = (&a.claim, &b.claim) else { return false };
    let labelled = p.form != Form::Copula && q.form != Form::Copula;
    let first = |note: &Note<'_>| note.words.first().map(|w| w.id);
    // A label that only gained or lost a qualifier, before the very same text, is still that label.
    let qualified = first(a) == first(b) && p.value == q.value;
    labelled && p.subject != q.subject && !qualified
}
