//! Evidence: who said the new value, where one statement took the place of another.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::dream::EventRef;
use crate::ledger::testimony::{Saying, Speaker, Testimony};

use super::likeness::{self, Likeness, Side};
use super::phrase::{Group, Phrase};

/// A value that somebody may have said: asked for before the sessions are searched.
#[derive(Debug)]
pub(super) struct Question<'a> {
    /// The statement that gave way, and the one that took its place.
    pub(super) old: Side<'a>,
    pub(super) new: Side<'a>,
    /// The atoms of the new statement that the old one lacks, and those both have.
    pub(super) fresh: Vec<usize>,
    pub(super) shared: Vec<usize>,
}

/// How many questions one word of a session may answer.
const QUESTIONS_PER_WORD: usize = 16;
/// A longer sentence is no saying but a listing; it is read up to here.
const SENTENCE_LIMIT: usize = 2_000;

/// Returns, for each question, the last event that answers it, if nothing later says the old value.
pub(super) fn answers(questions: &[Question<'_>], testimony: &Testimony) -> Vec<Option<EventRef>> {
    let mut found: Vec<Option<EventRef>> = vec![None; questions.len()];
    search(questions, testimony, &mut found);
    found
}

fn search(questions: &[Question<'_>], testimony: &Testimony, found: &mut [Option<EventRef>]) {
    let mut words: Vec<String> = Vec::new();
    let mut asked_by: Vec<Vec<usize>> = Vec::new();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for (at, question) in questions.iter().enumerate().filter(|(at, _)| found[*at].is_none()) {
        // A word of the new value finds who said it; one of the subject, who took it back.
        for word in [telling_word(question, &question.fresh), telling_word(question, &question.shared)]
            .into_iter()
            .flatten()
        {
            let number = *numbers.entry(word.clone()).or_insert_with(|| {
                words.push(word);
                asked_by.push(Vec::new());
                words.len() - 1
            });
            if asked_by[number].len() < QUESTIONS_PER_WORD {
                asked_by[number].push(at);
            }
        }
    }
    if words.is_empty() {
        return;
    }
    let finder =
        AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(&words);
    let Ok(finder) = finder else { return };
    // The output of a tool, which anybody may have written, is no evidence.
    for saying in testimony.sayings.iter().filter(|saying| saying.speaker != Speaker::Tool) {
        let mut last: Option<(usize, usize)> = None;
        for hit in finder.find_overlapping_iter(saying.text.as_bytes()) {
            let number = hit.pattern().as_usize();
            let sentence = sentence_around(&saying.text, hit.start());
            if last.replace((number, sentence.as_ptr() as usize))
                == Some((number, sentence.as_ptr() as usize))
            {
                continue;
            }
            // What leads up to the new value (`No, that is wrong: `) is not part of what is said.
            let own = own_sentence(
                sentence,
                hit.start() - (sentence.as_ptr() as usize - saying.text.as_ptr() as usize),
            );
            for text in if own.len() < sentence.len() { vec![sentence, own] } else { vec![sentence] } {
                let phrase = Phrase::of(text);
                for &at in &asked_by[number] {
                    weigh(&questions[at], &phrase, text, saying, &mut found[at]);
                }
            }
        }
    }
}

/// Returns the most telling word among some atoms of the new statement, which whoever speaks of it must use.
fn telling_word(question: &Question<'_>, from: &[usize]) -> Option<String> {
    let rank = |at: &&usize| {
        let atom = &question.new.phrase.atoms[**at];
        (atom.group.is_specific(), question.new.atom_text(**at).len().min(12))
    };
    let at = from.iter().max_by_key(rank)?;
    let text = question.new.atom_text(*at);
    let word = text.split_whitespace().next()?;
    // An ending may differ from the saying's.
    let is_word = question.new.phrase.atoms[*at].group == Group::Word && word.is_ascii() && word.len() > 5;
    Some(if is_word { word[..word.len() - 2].to_lowercase() } else { word.to_lowercase() })
}

/// Returns the sentence that holds a place, with its neighbours on the same line.
fn sentence_around(text: &str, at: usize) -> &str {
    let from = text[..at].rfind('\n').map_or(0, |i| i + 1);
    let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
    let (mut from, mut end) = (from.max(at.saturating_sub(SENTENCE_LIMIT)), end.min(at + SENTENCE_LIMIT));
    while !text.is_char_boundary(from) {
        from += 1;
    }
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[from..end].trim()
}

/// Returns the sentence of a line that holds a place, from the last end of a clause before it.
fn own_sentence(line: &str, at: usize) -> &str {
    let head = line.get(..at).unwrap_or_default();
    let from =
        [". ", "! ", "? ", ": ", "。"].iter().filter_map(|end| head.rfind(end).map(|i| i + end.len())).max();
    let rest = &line[from.unwrap_or(0)..];
    let skipped = at.saturating_sub(from.unwrap_or(0));
    let tail = rest.get(skipped..).unwrap_or_default();
    let end = [". ", "! ", "? ", "。"].iter().filter_map(|end| tail.find(end)).min();
    end.map_or(rest, |end| &rest[..skipped + end]).trim()
}

fn weigh(
    question: &Question<'_>,
    said: &Phrase,
    sentence: &str,
    saying: &Saying,
    found: &mut Option<EventRef>,
) {
    let side = Side { phrase: said, text: sentence, context: &[], is_row: false, is_code: false };
    if says(question, &side) {
        *found = Some(saying.event.clone());
    } else if found.is_some() && matches!(likeness::compare(&question.old, &side), Likeness::Same { .. }) {
        *found = None;
    }
}

/// Says whether a sentence gives the new value, with enough of the subject to know what it is of.
fn says(question: &Question<'_>, side: &Side<'_>) -> bool {
    if matches!(likeness::compare(&question.new, side), Likeness::Same { .. }) {
        return true;
    }
    if question.fresh.is_empty() {
        return false;
    }
    let atoms = &question.new.phrase.atoms;
    let is_said = |at: &&usize| side.phrase.atoms.iter().any(|said| said.key == atoms[**at].key);
    let specific: Vec<&usize> = question.fresh.iter().filter(|&&at| atoms[at].group.is_specific()).collect();
    let value_is_said = if specific.is_empty() {
        question.fresh.iter().filter(is_said).count() * 10 >= question.fresh.len() * 7
    } else {
        specific.iter().all(is_said)
    };
    let subject = question.shared.iter().filter(is_said).count();
    let is_denied = side.phrase.atoms.iter().enumerate().any(|(i, atom)| {
        let follows = || side.phrase.atoms[i + 1..].iter().take(2);
        matches!(atom.group, Group::Turn(_))
            && follows().any(|next| question.fresh.iter().any(|&at| atoms[at].key == next.key))
            && !question.new.phrase.atoms.iter().any(|new| new.group == atom.group)
    });
    value_is_said && !is_denied && subject * 2 >= question.shared.len().max(1)
}
