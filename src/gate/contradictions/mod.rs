//! Two live statements with one subject and two values.
//!
//! Nothing says here which of the two is newer, so both have to be plain: they name the same subject,
//! which has one value at a time, or agree in nearly all words and differ in a figure, a term or a
//! negation. Lists and statements side by side in one memory are no contradictions, and neither is what
//! stands under other headings, dates, versions, environments or people. Rows of tables and blocks of
//! code are passed over.

mod claims;
mod context;
mod frames;
mod note;
mod values;

use std::collections::BTreeSet;

use crate::ledger::{Ledger, Located};
use crate::spec::pipeline::Thresholds;

use super::verdict::{Finding, Verdict};
use super::{Evidence, count_of, grouped, threshold};

use note::Note;

/// Two statements of a candidate that cannot both be true, by their place in [`Ledger::after`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contradiction {
    /// The one that stands first.
    pub first: usize,
    /// The other.
    pub second: usize,
    /// How many values the candidate gives to one thing, these two among them.
    pub values: usize,
}

impl Contradiction {
    /// Returns both statements. Memory text: redact it before it is shown.
    pub fn statements<'l, 'a>(&self, ledger: &'l Ledger<'a>) -> Option<(&'l Located<'a>, &'l Located<'a>)> {
        Some((ledger.after.get(self.first)?, ledger.after.get(self.second)?))
    }
}

/// Finds the contradictions of a candidate, in the order of their first statements. The work grows
/// with the candidate and not with its square; of one thing with many values each is shown beside one
/// other.
pub fn find(ledger: &Ledger<'_>) -> Vec<Contradiction> {
    let notes: Vec<Note<'_>> =
        ledger.after.iter().enumerate().filter_map(|(at, located)| Note::read(at, located)).collect();
    let pairs: BTreeSet<(usize, usize)> = claims::find(&notes)
        .into_iter()
        .chain(frames::find(&notes))
        .map(|(a, b)| (a.min(b), a.max(b)))
        .collect();
    values::count(&notes, pairs)
        .into_iter()
        .map(|(a, b, values)| Contradiction { first: notes[a].at, second: notes[b].at, values })
        .collect()
}

/// Judges a candidate by its contradictions.
pub(super) fn judge(thresholds: &Thresholds, evidence: &Evidence<'_>) -> Verdict {
    let ledger = evidence.ledger;
    let found = find(ledger);
    let known = known(&found, ledger);
    let mut findings = Vec::with_capacity(found.len());
    for contradiction in &found {
        let Some((first, second)) = contradiction.statements(ledger) else { continue };
        let suffix = if known.contains(contradiction) { ", in the live store too" } else { "" };
        let all = match contradiction.values {
            0..=2 => String::new(),
            values => format!(", {} values in all", grouped(values as u64)),
        };
        let note = format!("contradicts {}:{}{suffix}{all}", second.path, second.statement.line);
        findings.push(Finding::of_line(first.path, first.statement.line, note));
    }
    let (count, total) = (found.len() as u64, ledger.after.len() as u64);
    let outcome = threshold::hold(thresholds, count, total);
    let mut measured = count_of(count, "contradiction", "contradictions");
    if !known.is_empty() {
        measured += &format!(", {} in the live store too", grouped(known.len() as u64));
    }
    Verdict::new("contradictions", outcome, measured, threshold::words(thresholds), findings)
}

/// Returns those of which the live store holds both sides already.
fn known(found: &[Contradiction], ledger: &Ledger<'_>) -> BTreeSet<Contradiction> {
    let sides = found.iter().flat_map(|c| [c.first, c.second]);
    let wanted: BTreeSet<_> = sides.filter_map(|at| ledger.after.get(at)).map(|l| l.hash).collect();
    if wanted.is_empty() {
        return BTreeSet::new();
    }
    let live: BTreeSet<_> =
        ledger.before.iter().map(|l| l.hash).filter(|hash| wanted.contains(hash)).collect();
    let is_live = |at: usize| ledger.after.get(at).is_some_and(|l| live.contains(&l.hash));
    found.iter().copied().filter(|c| is_live(c.first) && is_live(c.second)).collect()
}

#[cfg(test)]
mod tests;
