//! Merge: one memory that two sides changed, statement by statement.
//!
//! Both sides began with the same text. What only one of them touched is as that side left it, to the byte;
//! what both touched in the same way is so once. Everything else is no merge but a conflict for a person, and
//! so is whatever comes near it:
//!
//! * both changed the same statement, or put something in at the same place;
//! * they changed neighbours that lean on each other: sentences, blocks, what stands below a heading or an
//!   item that the other side changed;
//! * they changed statements with the same subject, or in the same words, wherever these stand: one says
//!   `timeout: 40` and the other moves `timeout: 30` elsewhere.
//!
//! A merged text is read again and must hold exactly the statements that were put together, each under its
//! headings. No statement of either side is ever dropped to make a merge possible.

mod pieces;
mod steps;

use std::collections::BTreeSet;

use crate::memory::MEMORY_BYTES_LIMIT;
use crate::text::normal::normal;
use crate::text::sentence;
use crate::text::statement::Kind;
use crate::text::subject::claim;

use pieces::{Piece, Said, pieces, said};
use steps::{Step, steps};

/// A stretch of a memory that at least one side changed. Statements are named by their places in the text of
/// each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// What both began with.
    pub base: Vec<usize>,
    /// What stands there in ours.
    pub ours: Vec<usize>,
    /// What stands there in theirs.
    pub theirs: Vec<usize>,
    /// Who changed it.
    pub by: ChangedBy,
}

/// Who changed a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangedBy {
    /// Ours alone.
    Ours,
    /// Theirs alone.
    Theirs,
    /// Both, to the same.
    Alike,
    /// Both, each to something else.
    Both,
}

/// Says whether a text lies on the way from one to another: it says nothing that neither does, and whatever both
/// do. Somebody who began with it then differs from one who began with `from` only in what `to` holds as well.
pub fn lies_between(text: &str, from: &str, to: &str) -> bool {
    let [text, from, to] = [text, from, to].map(said);
    text.iter().all(|one| from.contains(one) || to.contains(one))
        && from.iter().all(|one| text.contains(one) || !to.contains(one))
}

/// Returns the text that holds what both sides made of `base`; none where that is for a person to say.
///
/// Which side is which makes no difference. A text that is merged already stays as it is wherever no two of its
/// statements are the same; nothing is ever added to it twice.
pub fn merge(base: &str, ours: &str, theirs: &str) -> Option<String> {
    woven(base, ours, theirs)
        .or_else(|| holds(theirs, base, ours).then(|| theirs.to_owned()))
        .or_else(|| holds(ours, base, theirs).then(|| ours.to_owned()))
}

/// Returns the stretches in which three texts differ, in order, for people to look at.
pub fn stretches(base: &str, ours: &str, theirs: &str) -> Vec<Stretch> {
    let [old, mine, other] = [base, ours, theirs].map(pieces);
    let places = |all: &[Piece<'_>]| all.iter().filter_map(|piece| piece.place).collect::<Vec<_>>();
    let stretch = |step: Step| {
        let (mine, other) = (&mine[step.ours.clone()], &other[step.theirs.clone()]);
        let by = match (step.by_ours, step.by_theirs) {
            (false, false) => return None,
            (true, false) => ChangedBy::Ours,
            (false, true) => ChangedBy::Theirs,
            (true, true) if mine == other => ChangedBy::Alike,
            (true, true) => ChangedBy::Both,
        };
        let base = places(&old[step.base]);
        let stretch = Stretch { base, ours: places(mine), theirs: places(other), by };
        // Blank lines and headings alone say nothing.
        let is_said = !stretch.base.is_empty() || !stretch.ours.is_empty() || !stretch.theirs.is_empty();
        is_said.then_some(stretch)
    };
    steps(&old, &mine, &other).into_iter().filter_map(stretch).collect()
}

/// Says whether a text is a merge of a change with something else, in which the change is whole.
fn holds(whole: &str, base: &str, changed: &str) -> bool {
    let without = woven(changed, base, whole);
    without.is_some_and(|without| woven(base, changed, &without).as_deref() == Some(whole))
}

fn woven(base: &str, ours: &str, theirs: &str) -> Option<String> {
    if ours == theirs || base == ours {
        return Some(theirs.to_owned());
    }
    if base == theirs {
        return Some(ours.to_owned());
    }
    let [old, mine, other] = [base, ours, theirs].map(pieces);
    let (old_said, my_said, other_said) = (said(base), said(ours), said(theirs));
    let mut text = String::new();
    let mut expected: Vec<&Said<'_>> = Vec::new();
    // Of ours alone, of theirs alone, and of both alike.
    let mut topics: [BTreeSet<String>; 3] = Default::default();
    for step in steps(&old, &mine, &other) {
        let (was, mine, other) = (&old[step.base], &mine[step.ours], &other[step.theirs]);
        let (kept, told) = match (step.by_ours, step.by_theirs) {
            (true, true) => {
                // The same words may stand under different headings by now.
                if mine != other || !told_of(mine, &my_said).eq(told_of(other, &other_said)) {
                    return None;
                }
                topics[2].extend(told_of(was, &old_said).chain(told_of(mine, &my_said)).flat_map(topics_of));
                (mine, &my_said)
            }
            (true, false) => {
                topics[0].extend(told_of(was, &old_said).chain(told_of(mine, &my_said)).flat_map(topics_of));
                (mine, &my_said)
            }
            (false, true) => {
                topics[1]
                    .extend(told_of(was, &old_said).chain(told_of(other, &other_said)).flat_map(topics_of));
                (other, &other_said)
            }
            (false, false) => {
                text.extend(was.iter().map(|piece| piece.text));
                let sides = told_of(mine, &my_said).zip(told_of(other, &other_said));
                for (was, (mine, other)) in told_of(was, &old_said).zip(sides) {
                    // One side may have put it under another heading.
                    expected.push(match () {
                        () if mine == other || other == was => mine,
                        () if mine == was => other,
                        () => return None,
                    });
                }
                continue;
            }
        };
        text.extend(kept.iter().map(|piece| piece.text));
        expected.extend(told_of(kept, told));
    }
    let [ours, theirs, alike] = &topics;
    let is_apart = ours.is_disjoint(theirs) && alike.is_disjoint(ours) && alike.is_disjoint(theirs);
    let is_memory = !text.trim().is_empty() && text.len() <= MEMORY_BYTES_LIMIT;
    (is_apart && is_memory && said(&text).iter().eq(expected)).then_some(text)
}

/// Returns what the statements among some pieces say.
fn told_of<'s, 'a>(pieces: &'s [Piece<'a>], said: &'s [Said<'a>]) -> impl Iterator<Item = &'s Said<'a>> {
    pieces.iter().filter_map(|piece| said.get(piece.place?))
}

/// Returns what a statement is about, as far as that can be told: its words, its subject, its key.
fn topics_of(said: &Said<'_>) -> Vec<String> {
    let key = match said.kind {
        Kind::Pair => said.text.split_once([':', '=']),
        Kind::Row => said.text.split_once('|'),
        Kind::Item | Kind::Sentence | Kind::Block => None,
    };
    // An item may say several things in as many sentences.
    let sentences = sentence::split(said.text).into_iter().map(|at| &said.text[at]);
    let told = sentences.flat_map(|one| [Some(normal(one)), claim(one).map(|claim| claim.subject)]).flatten();
    let subject = claim(said.text).map(|claim| claim.subject);
    // Two words of the same letters may be a subject here and a whole statement there.
    let topics = [Some(said.text), key.map(|(key, _)| key)].map(|text| text.map(normal));
    let topics = topics.into_iter().flatten().chain(subject).chain(told).filter(|topic| !topic.is_empty());
    // A mark without words is about itself.
    topics.chain([said.text.trim().to_owned()]).collect()
}

#[cfg(test)]
mod tests;
