//! Owners: what a sentence speaks of that begins with `she` or `this`.
//!
//! Such a sentence leans on the one before it. In the same words behind another, it says another thing.

use crate::ledger::{Fate, Judged};
use crate::text::statement::Kind;

use super::phrase::Phrase;
use super::reading::Reading;

/// A sentence that came to stand behind another than it leaned on.
#[derive(Debug)]
pub(super) struct Moved<'a> {
    pub(super) at: usize,
    /// What it leaned on, and what it leans on now.
    pub(super) was: &'a str,
    pub(super) is: &'a str,
}

/// Says whether a text begins with a word that stands for what was named before it.
pub(super) fn points_back(text: &str) -> bool {
    let first = text.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty()).unwrap_or_default();
    matches!(
        first.to_lowercase().as_str(),
        "he" | "she"
            | "they"
            | "it"
            | "his"
            | "her"
            | "hers"
            | "their"
            | "its"
            | "this"
            | "these"
            | "elle"
            | "él"
            | "ella"
    )
}

/// Says whether two sentences speak of one thing: the second names what the first names first.
pub(super) fn is_of_one(a: &Phrase, b: &Phrase) -> bool {
    let subject = a.atoms.iter().find(|atom| atom.weight() > 0);
    subject.is_none_or(|subject| b.atoms.iter().any(|atom| atom.key == subject.key))
}

/// Finds the sentences that came to stand behind another than they leaned on.
pub(super) fn moved<'a>(old: &Reading<'a>, new: &Reading<'a>, fates: &[Option<Judged>]) -> Vec<Moved<'a>> {
    let changed = old.memories.iter().filter(|part| !part.is_unchanged);
    changed.flat_map(|part| part.statements.clone()).filter_map(|at| moved_at(old, new, fates, at)).collect()
}

fn moved_at<'a>(
    old: &Reading<'a>,
    new: &Reading<'a>,
    fates: &[Option<Judged>],
    at: usize,
) -> Option<Moved<'a>> {
    let judged = fates[at].as_ref()?;
    let [heir] = judged.heirs.as_slice() else { return None };
    if !matches!(judged.fate, Fate::Kept | Fate::Moved | Fate::Reworded) {
        return None;
    }
    let (mine, theirs) = (owner(old, at)?, owner(new, *heir)?);
    let is_carried_on = fates[mine].as_ref().is_some_and(|judged| judged.heirs.contains(&theirs));
    let (was, is) = (old.statements[mine].statement.text, new.statements[theirs].statement.text);
    let is_moved = !is_carried_on && !is_of_one(&Phrase::of(was), &Phrase::of(is));
    is_moved.then_some(Moved { at, was, is })
}

/// Returns the sentence that one which points back leans on: before it in its paragraph.
fn owner(reading: &Reading<'_>, at: usize) -> Option<usize> {
    /// Further back something else may have been meant.
    const REACH: usize = 4;
    if !points_back(reading.statements[at].statement.text) {
        return None;
    }
    let follows = |at: &usize| at.checked_sub(1).is_some_and(|above| is_one_paragraph(reading, above, *at));
    let above = std::iter::successors(Some(at), |at| follows(at).then(|| at - 1)).skip(1).take(REACH);
    above.into_iter().find(|&above| !points_back(reading.statements[above].statement.text))
}

fn is_one_paragraph(reading: &Reading<'_>, above: usize, below: usize) -> bool {
    let memory = reading.memory_of[above];
    let (first, second) = (&reading.statements[above].statement, &reading.statements[below].statement);
    let content = &reading.memories[memory as usize].memory.content;
    memory == reading.memory_of[below]
        && first.kind == Kind::Sentence
        && second.kind == Kind::Sentence
        && content
            .get(first.text_span.end..second.text_span.start)
            .is_some_and(|gap| gap.trim().is_empty() && gap.matches('\n').count() <= 1)
}
