//! Claims: statements that name the same subject and give it different values.

use std::collections::{BTreeMap, BTreeSet};

use crate::text::specifics::{Kind as Specific, specifics};
use crate::text::subject::{Claim, Form, names_one_value};

use super::context::Context;
use super::note::{Note, Word, is_setting};

/// Of a subject that more statements speak of, each is compared with a few others instead of with all.
pub(super) const SUBJECT_LIMIT: usize = 16;
/// A subject of so many words of content needs no memory around it to be understood.
const NAMED_WORDS: usize = 3;
/// A longer value is a text and not a value.
const VALUE_WORDS: usize = 4;

/// Finds pairs of notes.
pub(super) fn find(notes: &[Note<'_>]) -> Vec<(usize, usize)> {
    let mut subjects: BTreeMap<(&str, Form), Vec<usize>> = BTreeMap::new();
    for (at, note) in notes.iter().enumerate() {
        if let Some(claim) = &note.claim {
            subjects.entry((&claim.subject, claim.form)).or_default().push(at);
        }
    }
    let mut found = Vec::new();
    for members in subjects.into_values().filter(|members| members.len() > 1) {
        let lists = lists(notes, &members);
        let pairs =
            if members.len() <= SUBJECT_LIMIT { all_pairs(&members) } else { few_pairs(notes, &members) };
        found.extend(pairs.into_iter().filter(|&(a, b)| contradict(&notes[a], &notes[b], &lists)));
    }
    found
}

fn all_pairs(members: &[usize]) -> Vec<(usize, usize)> {
    let with_later =
        |(i, &a): (usize, &usize)| members[i + 1..].iter().map(move |&b| (a, b)).collect::<Vec<_>>();
    members.iter().enumerate().flat_map(with_later).collect()
}

/// Of many statements on one subject: each value with the next in its context and with the first there,
/// and the first of each context with those of a few others.
fn few_pairs(notes: &[Note<'_>], members: &[usize]) -> Vec<(usize, usize)> {
    let mut contexts: BTreeMap<&Context, Vec<usize>> = BTreeMap::new();
    let mut known: BTreeSet<(&Context, &str)> = BTreeSet::new();
    for &at in members {
        let note = &notes[at];
        let value = note.claim.as_ref().map_or("", |claim| claim.value.as_str());
        if known.insert((&note.context, value)) {
            contexts.entry(&note.context).or_default().push(at);
        }
    }
    let mut pairs = Vec::new();
    for values in contexts.values() {
        pairs.extend(values.windows(2).map(|pair| (pair[0], pair[1])));
        pairs.extend(values.iter().skip(2).map(|&at| (values[0], at)));
    }
    let firsts: Vec<usize> = contexts.values().map(|values| values[0]).collect();
    for (i, &first) in firsts.iter().enumerate() {
        pairs.extend(firsts[i + 1..].iter().take(SUBJECT_LIMIT).map(|&other| (first, other)));
    }
    pairs
}

/// Returns the memories that give one subject several values.
fn lists<'a>(notes: &[Note<'a>], members: &[usize]) -> BTreeSet<&'a str> {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for note in members.iter().map(|&at| &notes[at]) {
        let value = note.claim.as_ref().map_or("", |claim| claim.value.as_str());
        values.entry(note.path.as_str()).or_default().insert(value);
    }
    values.into_iter().filter(|(_, values)| values.len() > 1).map(|(path, _)| path).collect()
}

fn contradict(a: &Note<'_>, b: &Note<'_>, lists: &BTreeSet<&str>) -> bool {
    let (Some(x), Some(y)) = (&a.claim, &b.claim) else { return false };
    if x.value == y.value {
        return false;
    }
    let subject = subject(a, x);
    let content = subject.iter().filter(|word| word.is_content).count();
    let is_named = content >= NAMED_WORDS || subject.iter().any(names_somebody);
    if content < 2 {
        return false;
    }
    let is_one = names_one_value(&x.subject);
    // Side by side, or in a list anywhere, several values stand for several things, unless there can
    // be only one.
    let is_listed = lists.contains(a.path.as_str()) || lists.contains(b.path.as_str());
    if is_listed && !is_one {
        return false;
    }
    a.context.is_shared_with(&b.context, is_named) && are_rivals(value(a, x), value(b, y), x, is_one)
}

fn subject<'n>(note: &'n Note<'_>, claim: &Claim) -> &'n [Word] {
    &note.words[..claim.subject_len.min(note.words.len())]
}

fn value<'n>(note: &'n Note<'_>, claim: &Claim) -> &'n [Word] {
    &note.words[claim.subject_len.min(note.words.len())..]
}

/// Says whether a word names the subject, so that its memory need not.
fn names_somebody(word: &Word) -> bool {
    word.norm.ends_with("'s") || word.specific.is_some_and(|kind| is_setting(kind) || kind == Specific::Name)
}

/// Says whether two values of a subject exclude each other.
fn are_rivals(v: &[Word], w: &[Word], claim: &Claim, is_one: bool) -> bool {
    let stems = |words: &[Word]| -> BTreeSet<u64> {
        words.iter().filter(|word| word.is_content).map(|word| word.stem).collect()
    };
    let (p, q) = (stems(v), stems(w));
    // The fuller of two values may say the same and more.
    if p.is_empty() || q.is_empty() || p.is_subset(&q) || q.is_subset(&p) {
        return false;
    }
    let text = |words: &[Word]| words.iter().map(|word| word.norm.as_str()).collect::<Vec<_>>().join(" ");
    let (figures, others) = (specifics(&text(v)), specifics(&text(w)));
    if !figures.is_empty() && figures == others {
        return false;
    }
    if v.len() > VALUE_WORDS || w.len() > VALUE_WORDS {
        return claim.form == Form::Attribute && v.len().max(w.len()) <= 3 * VALUE_WORDS;
    }
    if claim.form == Form::Attribute || is_one {
        return true;
    }
    let kind = |words: &[Word]| words.iter().find_map(|word| word.specific.filter(|kind| is_setting(*kind)));
    match (kind(v), kind(w)) {
        (Some(a), Some(b)) => a == b,
        (None, None) => {
            // What several things are, each of them may be.
            let is_single = claim.singular && !claim.subject.ends_with(" are");
            (claim.form == Form::Label || is_single) && !is_deed(v) && !is_deed(w)
        }
        _ => false,
    }
}

/// Says whether a value tells what its subject does: `Ann: likes tea` leaves room for coffee.
fn is_deed(words: &[Word]) -> bool {
    words.len() > 1
        && words.first().is_some_and(|word| word.norm.ends_with('s') || word.norm.ends_with("ing"))
}
