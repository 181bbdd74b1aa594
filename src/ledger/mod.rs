//! The loss ledger: what became of every statement of the live store in a candidate.
//!
//! Deterministic code judges, from the two texts and what sessions said, and every fate has a reason
//! that a person can check. A [`Ledger`] holds memory text and is therefore never stored;
//! [`record::RunLedger`] is the part that is kept, in hashes and places.

pub mod fate;
pub(crate) mod force;
pub mod forget;
mod judge;
pub mod record;
pub mod testimony;

pub mod trust;
pub mod window;

use jiff::Timestamp;

use crate::memory::{ContentHash, MemoryPath};
use crate::snapshot::Snapshot;
use crate::text::statement::Statement;

pub use fate::{Because, Fate, FateCounts, Judged};

use forget::ForgetList;
use testimony::Testimony;

/// What became of every statement of one snapshot in another.
#[derive(Debug)]
pub struct Ledger<'a> {
    /// The statements of the first snapshot, by path and place.
    pub before: Vec<Located<'a>>,
    /// The statements of the second snapshot, by path and place.
    pub after: Vec<Located<'a>>,
    /// The fate of each statement of `before`, in its order.
    pub fates: Vec<Judged>,
    /// For each statement of `after`, whether it is nobody's heir.
    pub is_new: Vec<bool>,
    /// How many met which fate.
    pub counts: FateCounts,
}

/// A statement and where it stands.
#[derive(Debug, Clone)]
pub struct Located<'a> {
    /// Its memory.
    pub path: &'a MemoryPath,
    /// The statement.
    pub statement: Statement<'a>,
    /// The hash of its normal form: equal for the same words, whatever their dress.
    pub hash: ContentHash,
}

/// What fates are judged by, besides the two texts.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// What the sessions said that were read.
    pub testimony: &'a Testimony,
    /// What must be forgotten.
    pub forget: &'a ForgetList,
    /// When it is judged, for rules that go by age; without it nothing is old.
    pub now: Option<Timestamp>,
}

impl<'a> Ledger<'a> {
    /// Finds the fate of every statement, in time linear in the size of both snapshots.
    pub fn of(before: &'a Snapshot, after: &'a Snapshot, context: &Context<'_>) -> Self {
        judge::judge(before, after, context)
    }

    /// Returns the statements that met one fate, with what is known of it.
    pub fn with_fate(&self, fate: Fate) -> impl Iterator<Item = (&Located<'a>, &Judged)> {
        self.before.iter().zip(&self.fates).filter(move |(_, judged)| judged.fate == fate)
    }

    /// Returns the statements of the second snapshot that are nobody's heir.
    pub fn new_statements(&self) -> impl Iterator<Item = &Located<'a>> {
        self.after.iter().zip(&self.is_new).filter_map(|(statement, &is_new)| is_new.then_some(statement))
    }

    /// Returns the heirs of a statement of the first snapshot.
    pub fn heirs(&self, judged: &Judged) -> impl Iterator<Item = &Located<'a>> {
        judged.heirs.iter().filter_map(|&heir| self.after.get(heir))
    }

    /// Says whether something counts as lost that a session may have said otherwise of: worth reading
    /// the sessions for.
    pub fn wants_testimony(&self) -> bool {
        self.fates
            .iter()
            .any(|judged| matches!(judged.because, Because::Altered { .. } | Because::Misplaced { .. }))
    }
}
