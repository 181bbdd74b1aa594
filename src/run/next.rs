//! What a run does next: plan and state in, one action out.
//!
//! [`next`] is pure and total. It never looks at a reason, a report or a clock; everything it needs
//! is in the plan and in what the journal says happened.

use crate::ids::DreamId;
use crate::journal::run_state::{Phase, RunState};
use crate::plan::Plan;
use crate::price::Usd;

/// One action of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Name this run in the alias.
    Claim,
    /// Look at the live store.
    RecordBase,
    /// Ask for a dream.
    RequestDream {
        /// The batch, from 1.
        batch: u32,
        /// Which try, from 1.
        attempt: u32,
    },
    /// Find out whether a request without an answer made a dream.
    Settle {
        /// The batch.
        batch: u32,
    },
    /// Note that the next batch would go over the budget.
    ReachBudget {
        /// The batch.
        batch: u32,
        /// Spent so far.
        spent: Usd,
        /// The most the batch may cost.
        next: Usd,
        /// The budget.
        budget: Usd,
    },
    /// Wait for a dream.
    Await {
        /// The batch.
        batch: u32,
        /// The dream.
        dream: DreamId,
    },
    /// Look at the last output.
    RecordCandidate,
    /// Put the candidate before the gates.
    Judge,
    /// Decide, with the live store as it is now.
    Decide,
    /// Write live changes into the candidate.
    Rebase,
    /// Move the alias and read it back.
    MoveAlias,
    /// Stop the dream at work, if any.
    Cancel {
        /// The dream.
        dream: Option<DreamId>,
    },
    /// Give the alias back.
    Release,
    /// Nothing, until somebody else acts.
    Stop(Stop),
}

/// Why there is nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// A dream failed, and asking again costs.
    DreamFailed,
    /// The budget stands in the way.
    OverBudget,
    /// A person has to look.
    AwaitingReview,
    /// A gate stands in the way.
    Blocked,
    /// The run is over.
    Ended,
}

/// Says what a run does next.
pub fn next(plan: &Plan, state: &RunState) -> Next {
    match &state.phase {
        Phase::Planned => Next::Claim,
        Phase::Claimed => Next::RecordBase,
        Phase::Ready { batch } => ready(plan, state, *batch),
        Phase::Requested { batch } => Next::Settle { batch: *batch },
        Phase::Dreaming { batch, dream } => Next::Await { batch: *batch, dream: dream.clone() },
        Phase::DreamFailed { .. } => Next::Stop(Stop::DreamFailed),
        Phase::OverBudget { .. } => Next::Stop(Stop::OverBudget),
        Phase::Dreamed { .. } => Next::RecordCandidate,
        Phase::Candidate => Next::Judge,
        Phase::Judged => Next::Decide,
        Phase::Rebasing { .. } => Next::Rebase,
        Phase::AwaitingReview(_) => Next::Stop(Stop::AwaitingReview),
        Phase::Blocked(_) => Next::Stop(Stop::Blocked),
        Phase::Adopting { .. } => Next::MoveAlias,
        Phase::Canceling { dream } => Next::Cancel { dream: dream.clone() },
        Phase::Adopted | Phase::Unchanged | Phase::Rejected | Phase::Failed(_) | Phase::Canceled => {
            if state.is_released { Next::Stop(Stop::Ended) } else { Next::Release }
        }
    }
}

fn ready(plan: &Plan, state: &RunState, batch: u32) -> Next {
    let estimate = plan.batches.get(batch as usize - 1).and_then(|planned| planned.estimate);
    if let (Some(budget), Some(estimate)) = (state.budget, estimate) {
        let spent = state.spent();
        if spent + estimate.high > budget {
            return Next::ReachBudget { batch, spent, next: estimate.high, budget };
        }
    }
    let tries = state.dreams.iter().filter(|dream| dream.batch == batch).count();
    Next::RequestDream { batch, attempt: u32::try_from(tries).unwrap_or(u32::MAX).saturating_add(1) }
}
