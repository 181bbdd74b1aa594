//! Parting: what keeps one statement from carrying on another, besides their words.

use crate::ledger::force;
use crate::text::statement::Statement;

use super::likeness::Rival;
use super::place::Place;
use super::rows;

/// The statement that comes nearest to one that it does not carry on.
#[derive(Debug, Clone)]
pub(super) struct Nearest {
    pub(super) at: usize,
    pub(super) to: usize,
    pub(super) rival: Rival,
    /// Whether both say the same, and what they stand under parts them.
    pub(super) is_place: bool,
}

/// What parts two statements besides their words.
pub(super) struct Parting {
    was: String,
    is: Option<String>,
    is_place: bool,
}

impl Parting {
    /// Compares whether they are in force, and for rows what their cells stand under.
    pub(super) fn of(old: &Statement<'_>, new: &Statement<'_>) -> Option<Self> {
        if let Some((was, is)) = force::difference(old, new) {
            return Some(Self { was, is: Some(is), is_place: false });
        }
        let rows::Parted { was, is, is_head } = rows::difference(old, new)?;
        Some(Self { was, is, is_place: is_head })
    }

    pub(super) fn of_places(old: &Place, new: &Place) -> Self {
        let (was, is) = old.parted(new);
        Self { was: was.to_owned(), is: Some(is.to_owned()), is_place: true }
    }

    pub(super) fn nearest(self, at: usize, to: usize, score: u32) -> Nearest {
        let rival = Rival { score, was: self.was, is: self.is, new: Vec::new(), shared: Vec::new() };
        Nearest { at, to, rival, is_place: self.is_place }
    }
}
