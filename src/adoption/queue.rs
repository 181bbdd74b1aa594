//! The queue: what a person looks at in a review, worst first, and what their decisions come to.
//!
//! Statements that were kept or moved in the same words are not in it, unless a gate objects to what the
//! candidate says there. What is decided is a set of [`Edits`]: the order of the decisions does not matter.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gate::verdict::{Outcome, Verdict};
use crate::ledger::{Because, Fate, Judged, Ledger};
use crate::memory::MemoryPath;
use crate::snapshot::Snapshot;

use super::edit::{Destination, Edits, StatementRef};

/// The gate whose findings make a statement contradictory.
const CONTRADICTIONS: &str = "contradictions";
/// Gates whose findings name lines of the live store; those of the others are lines of the candidate.
const OF_THE_OLD: [&str; 3] = ["lost", "protected", "policy"];

/// What a statement is in the queue for, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing carries it on.
    Lost,
    /// Another statement of the candidate says otherwise.
    Contradictory,
    /// It is said as it was, and a gate objects to it all the same.
    Objected,
    /// A newer value took its place.
    Superseded,
    /// A rule says it has to go.
    Dropped,
    /// Several statements carry it on together.
    Merged,
    /// It is said in other words.
    Reworded,
    /// It is nobody's heir.
    New,
}

impl Kind {
    /// Returns the word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Contradictory => "contradictory",
            Self::Objected => "objected",
            Self::Superseded => "superseded",
            Self::Dropped => "dropped",
            Self::Merged => "merged",
            Self::Reworded => "reworded",
            Self::New => "new",
        }
    }
}

/// Which statement it is, by its place in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// One of the live store, with whatever carries it on.
    Old(usize),
    /// One of the candidate.
    New(usize),
}

/// What a gate has against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Objection {
    /// The gate.
    pub gate: String,
    /// Its answer.
    pub outcome: Outcome,
    /// Its words.
    pub note: String,
}

/// One statement to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What for.
    pub kind: Kind,
    /// Which.
    pub subject: Subject,
    /// What gates say against it.
    pub objections: Vec<Objection>,
}

/// What a person wants done about one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// Leave it as the dream made it.
    Keep,
    /// Take what the dream made of it out of the candidate.
    Drop,
    /// Put the old statement back into the candidate.
    Restore,
}

/// Lists what there is to look at.
pub fn queue(ledger: &Ledger<'_>, verdicts: &[Verdict]) -> Vec<Item> {
    let objections = Objections::of(verdicts);
    let mut shown: BTreeSet<usize> = BTreeSet::new();
    let mut items = Vec::new();
    for (place, judged) in ledger.fates.iter().enumerate() {
        let old = &ledger.before[place];
        let mut against = objections.at(old.path, old.statement.line, true);
        let of_the_old = against.len();
        for &heir in &judged.heirs {
            if let Some(new) = ledger.after.get(heir) {
                against.extend(objections.at(new.path, new.statement.line, false));
            }
        }
        let is_contradictory = against.iter().any(|objection| objection.gate == CONTRADICTIONS);
        let kind = match judged.fate {
            Fate::Lost => Kind::Lost,
            _ if is_contradictory => Kind::Contradictory,
            Fate::Superseded => Kind::Superseded,
            Fate::Dropped => Kind::Dropped,
            Fate::Merged => Kind::Merged,
            Fate::Reworded => Kind::Reworded,
            Fate::Kept | Fate::Moved if against.len() > of_the_old => Kind::Objected,
            Fate::Kept | Fate::Moved => continue,
        };
        shown.extend(judged.heirs.iter().copied());
        items.push(Item { kind, subject: Subject::Old(place), objections: against });
    }
    for (place, new) in ledger.after.iter().enumerate() {
        if !ledger.is_new[place] || shown.contains(&place) {
            continue;
        }
        let against = objections.at(new.path, new.statement.line, false);
        let is_contradictory = against.iter().any(|objection| objection.gate == CONTRADICTIONS);
        let kind = if is_contradictory { Kind::Contradictory } else { Kind::New };
        items.push(Item { kind, subject: Subject::New(place), objections: against });
    }
    // Places of a ledger are in the order of paths and lines.
    items.sort_by_key(|item| (item.kind, item.subject));
    items
}

/// Findings of gates that ask for something, by place.
struct Objections<'v>(BTreeMap<(&'v MemoryPath, u64), Vec<(&'v Verdict, &'v str)>>);

impl<'v> Objections<'v> {
    fn of(verdicts: &'v [Verdict]) -> Self {
        let mut by_place: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for verdict in verdicts.iter().filter(|verdict| verdict.outcome > Outcome::Unchanged) {
            for finding in &verdict.findings {
                if let (Some(path), Some(line)) = (&finding.path, finding.line) {
                    by_place.entry((path, line)).or_default().push((verdict, &*finding.note));
                }
            }
        }
        Self(by_place)
    }

    fn at(&self, path: &'v MemoryPath, line: usize, is_old: bool) -> Vec<Objection> {
        let found = self.0.get(&(path, line as u64)).map(Vec::as_slice).unwrap_or_default();
        found
            .iter()
            .filter(|(verdict, _)| OF_THE_OLD.contains(&verdict.gate.as_str()) == is_old)
            .map(|(verdict, note)| Objection {
                gate: verdict.gate.clone(),
                outcome: verdict.outcome,
                note: (*note).to_owned(),
            })
            .collect()
    }
}

/// Returns what can be decided about a statement.
pub fn choices(item: &Item, ledger: &Ledger<'_>) -> &'static [Choice] {
    match item.subject {
        Subject::New(_) => &[Choice::Keep, Choice::Drop],
        Subject::Old(place) => match ledger.fates.get(place) {
            Some(judged) if judged.heirs.is_empty() => &[Choice::Keep, Choice::Restore],
            // It is there in the same words: restored, it would be there twice.
            Some(Judged { fate: Fate::Kept | Fate::Moved, .. }) => &[Choice::Keep, Choice::Drop],
            _ => &[Choice::Keep, Choice::Drop, Choice::Restore],
        },
    }
}

/// Works out what decisions, by place in the queue, do to a candidate.
pub fn edits(
    queue: &[Item],
    ledger: &Ledger<'_>,
    candidate: &Snapshot,
    decisions: &BTreeMap<usize, Choice>,
) -> Edits {
    let mut edits = Edits::default();
    let homes = Homes::of(ledger, candidate);
    let carried = carried(ledger);
    for (place, choice) in decisions {
        let Some(item) = queue.get(*place) else { continue };
        match (choice, item.subject) {
            (Choice::Keep, _) | (Choice::Restore, Subject::New(_)) => {}
            (Choice::Drop, Subject::New(new)) => edits.dropped.extend(StatementRef::at(&ledger.after, new)),
            (Choice::Drop, Subject::Old(old)) => {
                let heirs = ledger.fates.get(old).map(|judged| judged.heirs.as_slice()).unwrap_or_default();
                edits.dropped.extend(heirs.iter().filter_map(|&heir| StatementRef::at(&ledger.after, heir)));
            }
            (Choice::Restore, Subject::Old(old)) => {
                let (Some(statement), Some(judged)) =
                    (StatementRef::at(&ledger.before, old), ledger.fates.get(old))
                else {
                    continue;
                };
                let rival = gives_way(judged, &carried);
                let stands_there = |heir: &usize| {
                    let (old, new) = (&ledger.before[old], &ledger.after[*heir]);
                    old.path == new.path && old.statement.headings == new.statement.headings
                };
                // What only stands in another place goes back to its own.
                let is_moved =
                    matches!(judged.because, Because::Misplaced { .. } | Because::Reordered { .. });
                let instead_of = rival
                    .filter(|heir| !is_moved && stands_there(heir))
                    .and_then(|heir| StatementRef::at(&ledger.after, heir));
                // What says otherwise in another place goes, and the old statement comes back to its own. What
                // only comes near may be about something else there.
                if instead_of.is_none() && (is_moved || judged.fate != Fate::Lost) {
                    edits.dropped.extend(rival.and_then(|heir| StatementRef::at(&ledger.after, heir)));
                }
                let into = match &instead_of {
                    Some(new) => new.path.clone(),
                    None => homes.home(&statement.path, candidate),
                };
                edits.restored.insert(statement, Destination { into, instead_of });
            }
        }
    }
    edits
}

/// For each statement of the candidate, the fates of those it carries on.
fn carried(ledger: &Ledger<'_>) -> BTreeMap<usize, BTreeSet<Fate>> {
    let mut carried: BTreeMap<usize, BTreeSet<Fate>> = BTreeMap::new();
    for judged in &ledger.fates {
        for &heir in &judged.heirs {
            carried.entry(heir).or_default().insert(judged.fate);
        }
    }
    carried
}

/// Returns the statement that a restored one takes the place of: the one that says otherwise, unless
/// something else lives on in it.
fn gives_way(judged: &Judged, carried: &BTreeMap<usize, BTreeSet<Fate>>) -> Option<usize> {
    let [heir] = judged.heirs.as_slice() else { return None };
    let may_go: &[Fate] = match (judged.fate, &judged.because) {
        (Fate::Lost, Because::Altered { .. } | Because::Misplaced { .. } | Because::Reordered { .. }) => {
            &[Fate::Lost]
        }
        (Fate::Superseded, _) => &[Fate::Lost, Fate::Superseded],
        (Fate::Reworded, _) => &[Fate::Lost, Fate::Reworded],
        _ => return None,
    };
    carried.get(heir)?.iter().all(|fate| may_go.contains(fate)).then_some(*heir)
}

/// Where the memories of the live store live on.
struct Homes<'l>(BTreeMap<&'l MemoryPath, &'l MemoryPath>);

impl<'l> Homes<'l> {
    fn of(ledger: &Ledger<'l>, candidate: &Snapshot) -> Self {
        let mut counts: BTreeMap<&MemoryPath, BTreeMap<&MemoryPath, usize>> = BTreeMap::new();
        for (old, judged) in ledger.before.iter().zip(&ledger.fates) {
            let lives = judged.fate != Fate::Lost && candidate.get(old.path).is_none();
            for heir in judged.heirs.iter().filter(|_| lives).filter_map(|&heir| ledger.after.get(heir)) {
                // Under another name the same words may speak of something else.
                let name = |path: &MemoryPath| path.as_str().rsplit('/').next().map(str::to_owned);
                if name(old.path) != name(heir.path) {
                    continue;
                }
                *counts.entry(old.path).or_default().entry(heir.path).or_default() += 1;
            }
        }
        let most = |paths: BTreeMap<&'l MemoryPath, usize>| {
            paths.into_iter().rev().max_by_key(|&(_, count)| count).map(|(path, _)| path)
        };
        Self(counts.into_iter().filter_map(|(path, paths)| Some((path, most(paths)?))).collect())
    }

    /// Returns the memory of the candidate that a statement of a memory comes back to: its own, the one that
    /// most of it moved to, or one that stands in the way of its own.
    fn home(&self, path: &MemoryPath, candidate: &Snapshot) -> MemoryPath {
        if candidate.get(path).is_some() {
            return path.clone();
        }
        let in_the_way =
            || candidate.iter().map(|memory| &memory.path).find(|other| other.collides_with(path));
        self.0.get(path).copied().or_else(in_the_way).unwrap_or(path).clone()
    }
}

#[cfg(test)]
mod tests;
