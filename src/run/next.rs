//! What a run does next: plan and state in, one action out.
//!
//! [`next`] is pure and total. It never looks at a reason, a report or a clock; everything it needs
//! is in the plan and in what the journal says happened.

use crate::ids::DreamId;
use crate::journal::run_state::{Phase, RunState, SessionRecord};
use crate::plan::{ExistingDream, Plan};
use crate::price::Usd;
use crate::spec::pipeline::Target;

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
    /// Take a dream in that was made elsewhere, as if it had been asked for.
    TakeDream(ExistingDream),
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
    /// Make a person's edits in the candidate.
    Edit,
    /// Write the candidate into the folder of a directory target.
    WriteFolder,
    /// Write the candidate into the live store.
    CopyBack,
    /// Move the alias and read it back.
    MoveAlias,
    /// Put the new store in the place of the old one in the deployments that do not name it yet.
    PatchDeployments,
    /// Ask for a session with the candidate attached.
    RequestSession,
    /// Find out whether a request without an answer made a session.
    SettleSession,
    /// Carry late writes over and read the new live store back.
    Finish,
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
    if let (Phase::Ready { batch } | Phase::Requested { batch }, Some(first)) = (&state.phase, &plan.existing)
        && let Some(existing) = first.of_batch(*batch)
    {
        return Next::TakeDream(ExistingDream { then: None, ..existing.clone() });
    }
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
        Phase::Editing { .. } => Next::Edit,
        Phase::AwaitingReview(_) => Next::Stop(Stop::AwaitingReview),
        Phase::Blocked(_) => Next::Stop(Stop::Blocked),
        Phase::Adopting { .. } => adopting(plan, state),
        Phase::Canceling { dream } => Next::Cancel { dream: dream.clone() },
        Phase::Adopted | Phase::Unchanged | Phase::Rejected | Phase::Failed(_) | Phase::Canceled => {
            if state.is_released { Next::Stop(Stop::Ended) } else { Next::Release }
        }
    }
}

/// Says what adoption does next. The alias moves before deployments and sessions follow it: it is what the
/// next run and a rollback go by, so that whatever is cut off after it only has to be carried on, and agents
/// never write to a store that no alias names.
fn adopting(plan: &Plan, state: &RunState) -> Next {
    match &plan.adopt.target {
        Target::Directory(_) if !state.is_folder_written => Next::WriteFolder,
        Target::CopyBack if state.copy.as_ref().is_none_or(|copy| copy.end.is_none()) => Next::CopyBack,
        Target::Deployment(ids) if state.has_alias_moved => {
            if ids.iter().all(|id| state.patched.contains(id)) {
                Next::Finish
            } else {
                Next::PatchDeployments
            }
        }
        Target::Session { .. } if state.has_alias_moved => match &state.session {
            None => Next::RequestSession,
            Some(SessionRecord { session: None, .. }) => Next::SettleSession,
            Some(SessionRecord { session: Some(_), .. }) => Next::Finish,
        },
        _ => Next::MoveAlias,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adoption::Reading;
    use crate::adoption::decide::Reason;
    use crate::adoption::edit::Edits;
    use crate::dream::{DreamError, DreamStatus};
    use crate::journal::event::{FailReason, JournalEvent};
    use crate::journal::testing::*;
    use crate::plan::testing::planned;
    use crate::price::UsdRange;

    fn state_in(phase: Phase) -> RunState {
        RunState { phase, ..moved_by(&[run_planned(2)]).unwrap() }
    }

    #[test]
    fn each_phase_has_one_next_action() {
        let usd = Usd::from_micros;
        let error = DreamError { kind: "timeout".to_owned(), message: String::new() };
        let table = [
            (Phase::Planned, Next::Claim),
            (Phase::Claimed, Next::RecordBase),
            (Phase::Ready { batch: 2 }, Next::RequestDream { batch: 2, attempt: 1 }),
            (Phase::Requested { batch: 2 }, Next::Settle { batch: 2 }),
            (Phase::Dreaming { batch: 2, dream: dream("x") }, Next::Await { batch: 2, dream: dream("x") }),
            (Phase::DreamFailed { batch: 1, attempt: 1, error }, Next::Stop(Stop::DreamFailed)),
            (Phase::OverBudget { batch: 1, spent: usd(0), next: usd(1) }, Next::Stop(Stop::OverBudget)),
            (Phase::Dreamed { output: store("out") }, Next::RecordCandidate),
            (Phase::Candidate, Next::Judge),
            (Phase::Judged, Next::Decide),
            (
                Phase::Rebasing { live: index(&[]), read: Reading::default(), merged: Vec::new() },
                Next::Rebase,
            ),
            (Phase::Editing { edits: Edits::default(), entries: Vec::new() }, Next::Edit),
            (Phase::AwaitingReview(vec![Reason::Mode]), Next::Stop(Stop::AwaitingReview)),
            (Phase::Blocked(vec![Reason::Drift]), Next::Stop(Stop::Blocked)),
            (Phase::Adopting { from: store("live"), to: store("out"), live: hash("live") }, Next::MoveAlias),
            (Phase::Canceling { dream: Some(dream("x")) }, Next::Cancel { dream: Some(dream("x")) }),
            (Phase::Canceling { dream: None }, Next::Cancel { dream: None }),
        ];
        for (phase, action) in table {
            let state = state_in(phase.clone());
            assert!(!phase.is_final());
            assert_eq!(next(&state.plan, &state), action, "{phase:?}");
        }
    }

    #[test]
    fn a_final_phase_gives_the_alias_back_and_then_nothing_is_left() {
        let because = FailReason::NoOutput { batch: 1 };
        let finals =
            [Phase::Adopted, Phase::Unchanged, Phase::Rejected, Phase::Failed(because), Phase::Canceled];
        for phase in finals {
            let mut state = state_in(phase.clone());
            assert!(phase.is_final());
            assert_eq!(next(&state.plan, &state), Next::Release, "{phase:?}");
            state.is_released = true;
            assert_eq!(next(&state.plan, &state), Next::Stop(Stop::Ended), "{phase:?}");
        }
    }

    #[test]
    fn an_attempt_is_counted_from_the_tries_at_its_own_batch() {
        let retried = [
            run_planned(2),
            JournalEvent::Claimed,
            base_recorded(),
            requested(1, 1),
            created(1, "one"),
            ended(1, "one", DreamStatus::Failed, Some("timeout")),
            JournalEvent::RetryAsked,
        ];
        let state = moved_by(&retried).unwrap();
        assert_eq!(next(&state.plan, &state), Next::RequestDream { batch: 1, attempt: 2 });
        let second = [requested(1, 2), created(1, "two"), completed(1, "two")];
        let state = moved_by(&[&retried[..], &second].concat()).unwrap();
        assert_eq!(next(&state.plan, &state), Next::RequestDream { batch: 2, attempt: 1 });
    }

    /// What comes before the second dream, when the first cost ten cents.
    fn before_the_second(budget: Option<u64>, estimate: Option<u64>) -> Next {
        let usd = Usd::from_micros;
        let first =
            [JournalEvent::Claimed, base_recorded(), requested(1, 1), created(1, "one"), completed(1, "one")];
        let mut plan = planned(2);
        plan.budget = budget.map(usd);
        plan.batches[1].estimate = estimate.map(|high| UsdRange::new(usd(1), usd(high)));
        let begun = JournalEvent::RunPlanned { plan: Box::new(plan) };
        let state = moved_by(&[&[begun], &first[..]].concat()).unwrap();
        next(&state.plan, &state)
    }

    #[test]
    fn a_batch_starts_only_if_its_worst_case_stays_within_the_budget() {
        let usd = Usd::from_micros;
        let request = Next::RequestDream { batch: 2, attempt: 1 };
        assert_eq!(before_the_second(Some(150_000), Some(50_000)), request);
        assert_eq!(before_the_second(None, Some(u64::MAX)), request);
        assert_eq!(before_the_second(Some(0), None), request, "what has no price cannot be held to a budget");
        assert_eq!(
            before_the_second(Some(149_999), Some(50_000)),
            Next::ReachBudget { batch: 2, spent: usd(100_000), next: usd(50_000), budget: usd(149_999) }
        );
    }
}
