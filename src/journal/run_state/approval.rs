//! The approval of a run, and the rebases it was carried over with ([`crate::adoption::approval`]).

use crate::adoption;
use crate::gate::verdict::Verdict;
use crate::memory::ContentHash;

use super::Judgment;

/// A person's yes.
#[derive(Debug, Clone, PartialEq)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
    /// To what.
    pub given: adoption::Approval,
    /// What the gates had said by then.
    pub seen: Vec<Verdict>,
    /// The candidate and the live store it was carried over to by a rebase since.
    pub carried_to: Option<(ContentHash, ContentHash)>,
    /// What the candidate holds after the rebase under way, if the approval is carried over with it.
    carrying: Option<ContentHash>,
}

impl Approval {
    /// Takes a yes to what was judged.
    pub(super) fn given(
        by: String,
        reason: Option<String>,
        given: adoption::Approval,
        judgment: Option<&Judgment>,
    ) -> Self {
        let seen = judgment.map(|judgment| judgment.verdicts.clone()).unwrap_or_default();
        Self { by, reason, given, seen, carried_to: None, carrying: None }
    }

    /// Returns it as a decision sees it.
    pub fn approved(&self) -> adoption::Approved<'_> {
        adoption::Approved { given: &self.given, seen: &self.seen, carried_to: self.carried_to }
    }

    /// Notes that the candidate it stands for is about to be rebased, and what it holds then.
    pub(super) fn begin_carrying(&mut self, judgment: &Judgment, merged: Option<ContentHash>) {
        let here = (judgment.candidate, judgment.live);
        let stands_for = self.carried_to.unwrap_or((self.given.candidate, self.given.live));
        self.carrying = merged.filter(|_| stands_for == here);
    }

    /// Carries it over to a candidate that was rebased, if that is what was to come of it.
    pub(super) fn carry(&mut self, candidate: ContentHash, live: ContentHash) {
        if self.carrying.take() == Some(candidate) {
            self.carried_to = Some((candidate, live));
        }
    }
}
