//! Decide: whether a candidate becomes the live store.
//!
//! The order of the questions is the policy:
//!
//! 1. Is there anything to adopt? A candidate that equals the store it began with changes nothing,
//!    whatever happened to the live store meanwhile. One that came to equal it only because live writes
//!    won every conflict is looked at all the same.
//! 2. Has the live store been written to since the candidate was judged? Then, unless the policy
//!    forbids it, the live writes are carried over first, so that gates and people judge what would
//!    really be adopted.
//! 3. Does a gate block? Only an approval that overrides it by name helps.
//! 4. Must a person look: at the mode, a gate, live writes, a conflict? Any approval helps.
//!
//! An approval counts for the candidate and the live store that the person saw, and for what it was carried
//! over to ([`super::approval`]).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gate::verdict::{Outcome, Verdict};
use crate::memory::ContentHash;
use crate::spec::pipeline::{AdoptMode, Drift};

use super::approval::Approved;

/// The name under which an approval overrides `drift: block`.
pub const DRIFT: &str = "drift";

/// Everything the decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// Who decides.
    pub mode: AdoptMode,
    /// What to do about live writes.
    pub drift: Drift,
    /// What the gates said of the candidate.
    pub verdicts: &'a [Verdict],
    /// The live store that the candidate was judged against: as the dream found it, or as the last
    /// rebase did.
    pub base: ContentHash,
    /// The live store now.
    pub live: ContentHash,
    /// Memories that agents took back since the dream may have read them.
    pub taken_back: usize,
    /// Whether the candidate may hold what was redacted.
    pub is_unsure: bool,
    /// The candidate.
    pub candidate: ContentHash,
    /// Live writes that the last rebase carried over into the candidate.
    pub carried: usize,
    /// Live writes that the last rebase could not carry over.
    pub conflicts: usize,
    /// Whether a person edited the candidate: it waits for a person's approval, whatever the mode.
    pub is_edited: bool,
    /// What a person said.
    pub approval: Option<Approved<'a>>,
}

/// What becomes of a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It becomes the live store.
    Adopt,
    /// Live writes are carried over into it, and it is judged again.
    Rebase,
    /// It waits for a person.
    AwaitReview {
        /// Why, most severe first; never empty.
        why: Vec<Reason>,
    },
    /// It is not adopted unless a person overrides what stands in the way.
    Block {
        /// Why; never empty.
        why: Vec<Reason>,
    },
    /// There is nothing to adopt.
    Unchanged,
}

/// One reason not to adopt yet. For people: nothing branches on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A gate said so.
    Gate {
        /// Its name.
        gate: String,
        /// Its answer.
        outcome: Outcome,
    },
    /// The live store was written to, if only to be put back, and the pipeline adopts nothing then.
    Drift,
    /// Live writes and the dream changed the same memories.
    Conflicts {
        /// How many.
        count: usize,
    },
    /// Something was redacted that the dream may have read, so that nobody can tell whether the candidate holds it.
    Redacted,
    /// Live writes were carried over, and the pipeline wants a person to see them.
    Carried {
        /// How many.
        count: usize,
    },
    /// The pipeline asks a person every time.
    Mode,
    /// A person edited the candidate, and has not said yet that it is to be adopted.
    Edited,
    /// There was an approval, of another candidate or in place of another live store.
    StaleApproval,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let writes = |count: &usize| if *count == 1 { "live write" } else { "live writes" };
        match self {
            Self::Gate { gate, outcome: Outcome::Undecided } => write!(f, "gate `{gate}` could not decide"),
            Self::Gate { gate, outcome: Outcome::Block } => write!(f, "gate `{gate}` blocks"),
            Self::Gate { gate, .. } => write!(f, "gate `{gate}` asks for review"),
            Self::Drift => f.write_str("the live store was written to meanwhile, and drift is set to block"),
            Self::Conflicts { count } => write!(f, "{count} {} in conflict with the dream", writes(count)),
            Self::Redacted => f.write_str(
                "something was redacted that the dream may have read: see that it does not come back",
            ),
            Self::Carried { count } => write!(f, "{count} {} carried over", writes(count)),
            Self::Mode => f.write_str("the pipeline asks for review every time"),
            Self::Edited => f.write_str("it was edited, and waits for approval"),
            Self::StaleApproval => {
                f.write_str("the approval was given for another candidate or another live store")
            }
        }
    }
}

/// Decides what becomes of a candidate.
pub fn decide(situation: &Situation<'_>) -> Decision {
    let given = situation.approval;
    // What the candidate is judged against is what the person saw it against; whether that is still live
    // is asked below.
    let (candidate, live) = (situation.candidate, situation.base);
    let may_be_carried = situation.drift != Drift::Review;
    let approval = given.filter(|a| a.stands(candidate, live, situation.verdicts, may_be_carried));
    let is_overridden = |gate: &str| approval.is_some_and(|a| a.given.overrides.contains(gate));
    let standing: Vec<&Verdict> =
        situation.verdicts.iter().filter(|verdict| !is_overridden(&verdict.gate)).collect();
    let is_unchanged = standing.iter().any(|verdict| verdict.outcome == Outcome::Unchanged);
    let gates = |wanted: fn(Outcome) -> bool| {
        let mut reasons: Vec<_> = standing.iter().filter(|verdict| wanted(verdict.outcome)).collect();
        reasons.sort_by_key(|verdict| std::cmp::Reverse(verdict.outcome));
        let name =
            |verdict: &&&Verdict| Reason::Gate { gate: verdict.gate.clone(), outcome: verdict.outcome };
        reasons.iter().map(name).collect::<Vec<_>>()
    };
    let because = |mut why: Vec<Reason>| {
        if given.is_some() && approval.is_none() {
            why.push(Reason::StaleApproval);
        }
        why
    };

    let blocking = gates(|outcome| outcome >= Outcome::Block);
    let mut reviewing = gates(|outcome| outcome == Outcome::Review);
    if is_unchanged && blocking.is_empty() && reviewing.is_empty() && situation.conflicts == 0 {
        return Decision::Unchanged;
    }
    if situation.live != situation.base || situation.taken_back > 0 {
        return match situation.drift {
            Drift::Block if !is_overridden(DRIFT) => Decision::Block { why: because(vec![Reason::Drift]) },
            Drift::Block | Drift::Review | Drift::Rebase => Decision::Rebase,
        };
    }
    if !blocking.is_empty() {
        return Decision::Block { why: because(blocking) };
    }
    if situation.conflicts > 0 {
        reviewing.push(Reason::Conflicts { count: situation.conflicts });
    }
    if situation.is_unsure && !is_unchanged {
        reviewing.push(Reason::Redacted);
    }
    if situation.carried > 0 && situation.drift == Drift::Review {
        reviewing.push(Reason::Carried { count: situation.carried });
    }
    if situation.mode == AdoptMode::Review && !is_unchanged {
        reviewing.push(Reason::Mode);
    }
    if situation.is_edited && !is_unchanged {
        reviewing.push(Reason::Edited);
    }
    if !reviewing.is_empty() && approval.is_none() {
        return Decision::AwaitReview { why: because(reviewing) };
    }
    if is_unchanged { Decision::Unchanged } else { Decision::Adopt }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::approval::Approval;
    use super::*;
    use AdoptMode::{Auto, Review};
    use Outcome::{Block, Pass, Unchanged, Undecided};

    type Gates<'a> = &'a [(&'a str, Outcome)];

    fn hash(text: &str) -> ContentHash {
        ContentHash::of(text)
    }

    fn verdicts(outcomes: &[(&str, Outcome)]) -> Vec<Verdict> {
        outcomes.iter().map(|&(gate, outcome)| Verdict::new(gate, outcome, "", "", [])).collect()
    }

    fn approval(candidate: &str, live: &str, overrides: &[&str]) -> Approval {
        let overrides: BTreeSet<String> = overrides.iter().map(|gate| (*gate).to_owned()).collect();
        Approval { candidate: hash(candidate), live: hash(live), overrides }
    }

    /// Takes an approval as it was given.
    fn as_given(given: &Approval) -> Approved<'_> {
        Approved { given, seen: &[], carried_to: None }
    }

    fn told(decision: Decision) -> String {
        let words = |why: &[Reason]| why.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        match decision {
            Decision::Adopt => "adopt".to_owned(),
            Decision::Rebase => "rebase".to_owned(),
            Decision::Unchanged => "unchanged".to_owned(),
            Decision::AwaitReview { why } => format!("review: {}", words(&why)),
            Decision::Block { why } => format!("block: {}", words(&why)),
        }
    }

    /// Decides for candidate `C` begun from live store `L`.
    fn decided(
        mode: AdoptMode,
        drift: Drift,
        outcomes: Gates<'_>,
        live: &str,
        approval: Option<&Approval>,
    ) -> String {
        decided_after_rebase(mode, drift, outcomes, live, approval, (0, 0))
    }

    fn decided_after_rebase(
        mode: AdoptMode,
        drift: Drift,
        outcomes: Gates<'_>,
        live: &str,
        approval: Option<&Approval>,
        (carried, conflicts): (usize, usize),
    ) -> String {
        told(decide(&Situation {
            mode,
            drift,
            verdicts: &verdicts(outcomes),
            base: hash("L"),
            live: hash(live),
            taken_back: 0,
            is_unsure: false,
            candidate: hash("C"),
            carried,
            conflicts,
            is_edited: false,
            approval: approval.map(as_given),
        }))
    }

    #[test]
    fn gates_and_mode_decide_when_the_live_store_stood_still() {
        let yes = approval("C", "L", &[]);
        let over_b = approval("C", "L", &["b"]);
        let other_candidate = approval("C2", "L", &["b"]);
        let other_live = approval("C", "L2", &["b"]);
        let always = "the pipeline asks for review every time";
        let stale = "the approval was given for another candidate or another live store";
        let (pass, look, stop, lost) = (("p", Pass), ("r", Outcome::Review), ("b", Block), ("b", Undecided));
        let same = ("unchanged", Unchanged);
        let table: &[(AdoptMode, Gates<'_>, Option<&Approval>, String)] = &[
            (Auto, &[], None, "adopt".into()),
            (Auto, &[pass], None, "adopt".into()),
            (Auto, &[pass, same], None, "unchanged".into()),
            (Auto, &[look], None, "review: gate `r` asks for review".into()),
            (Auto, &[stop], None, "block: gate `b` blocks".into()),
            (Auto, &[lost], None, "block: gate `b` could not decide".into()),
            (Auto, &[look, stop], None, "block: gate `b` blocks".into()),
            (Auto, &[look, same], None, "review: gate `r` asks for review".into()),
            (Auto, &[stop, same], None, "block: gate `b` blocks".into()),
            (Review, &[pass], None, format!("review: {always}")),
            (Review, &[same], None, "unchanged".into()),
            (Review, &[look], None, format!("review: gate `r` asks for review; {always}")),
            // An approval is enough for a review, and a block must be overridden by name.
            (Review, &[look], Some(&yes), "adopt".into()),
            (Auto, &[look], Some(&yes), "adopt".into()),
            (Auto, &[look, same], Some(&yes), "unchanged".into()),
            (Auto, &[stop], Some(&yes), "block: gate `b` blocks".into()),
            (Auto, &[lost], Some(&yes), "block: gate `b` could not decide".into()),
            (Auto, &[stop], Some(&over_b), "adopt".into()),
            (Auto, &[lost, look], Some(&over_b), "adopt".into()),
            (Review, &[stop], Some(&over_b), "adopt".into()),
            (Auto, &[stop, ("c", Block)], Some(&over_b), "block: gate `c` blocks".into()),
            // An approval of something else is none.
            (Auto, &[stop], Some(&other_candidate), format!("block: gate `b` blocks; {stale}")),
            (Auto, &[stop], Some(&other_live), format!("block: gate `b` blocks; {stale}")),
            (Review, &[pass], Some(&other_live), format!("review: {always}; {stale}")),
            (Auto, &[pass], Some(&other_live), "adopt".into()),
        ];
        for (mode, outcomes, approval, expected) in table {
            let got = decided(*mode, Drift::Rebase, outcomes, "L", *approval);
            assert_eq!(got, *expected, "{mode:?} {outcomes:?} {approval:?}");
        }
    }

    #[test]
    fn live_writes_are_carried_over_before_anything_is_judged() {
        let stop: &[_] = &[("b", Block)];
        let over = approval("C", "L", &["b"]);
        let over_drift = approval("C", "L", &[DRIFT]);
        let over_other = approval("C0", "L", &[DRIFT]);
        let stale = "the approval was given for another candidate or another live store";
        let drifted_since =
            format!("block: the live store was written to meanwhile, and drift is set to block; {stale}");
        let drifted = "block: the live store was written to meanwhile, and drift is set to block";
        let table: &[(Drift, Gates<'_>, Option<&Approval>, &str)] = &[
            (Drift::Rebase, &[], None, "rebase"),
            (Drift::Review, &[], None, "rebase"),
            (Drift::Block, &[], None, drifted),
            (Drift::Rebase, stop, None, "rebase"),
            (Drift::Rebase, stop, Some(&over), "rebase"),
            (Drift::Block, stop, Some(&over), drifted),
            (Drift::Block, &[], Some(&over_drift), "rebase"),
            (Drift::Block, &[], Some(&over_other), &drifted_since),
            (Drift::Rebase, &[("unchanged", Unchanged)], None, "unchanged"),
            (Drift::Block, &[("unchanged", Unchanged)], None, "unchanged"),
        ];
        for (drift, outcomes, approval, expected) in table {
            let got = decided(Auto, *drift, outcomes, "L2", *approval);
            assert_eq!(got, *expected, "{drift:?} {outcomes:?} {approval:?}");
        }
    }

    #[test]
    fn what_a_rebase_carried_or_could_not_is_shown_to_a_person_where_the_policy_says_so() {
        let yes = approval("C", "L", &[]);
        let table = [
            (Drift::Rebase, (2, 0), None, "adopt"),
            (Drift::Review, (2, 0), None, "review: 2 live writes carried over"),
            (Drift::Review, (2, 0), Some(&yes), "adopt"),
            (Drift::Rebase, (2, 1), None, "review: 1 live write in conflict with the dream"),
            (Drift::Rebase, (2, 1), Some(&yes), "adopt"),
        ];
        for (drift, rebased, approval, expected) in table {
            assert_eq!(decided_after_rebase(Auto, drift, &[], "L", approval, rebased), expected);
        }
    }

    #[test]
    fn an_edited_candidate_waits_for_an_approval_of_itself() {
        let decided = |mode, approval: Option<&Approval>, outcomes: Gates<'_>| {
            decide(&Situation {
                mode,
                drift: Drift::Rebase,
                verdicts: &verdicts(outcomes),
                base: hash("L"),
                live: hash("L"),
                taken_back: 0,
                is_unsure: false,
                candidate: hash("C"),
                carried: 0,
                conflicts: 0,
                is_edited: true,
                approval: approval.map(as_given),
            })
        };
        let (yes, other) = (approval("C", "L", &[]), approval("C0", "L", &[]));
        let edited = Decision::AwaitReview { why: vec![Reason::Edited] };
        assert_eq!(decided(Auto, None, &[]), edited);
        assert_eq!(
            decided(Auto, Some(&other), &[]),
            Decision::AwaitReview { why: vec![Reason::Edited, Reason::StaleApproval] }
        );
        assert_eq!(decided(Auto, Some(&yes), &[]), Decision::Adopt);
        assert_eq!(decided(Auto, None, &[("u", Unchanged)]), Decision::Unchanged);
        assert!(matches!(decided(Auto, Some(&yes), &[("b", Block)]), Decision::Block { .. }));
    }

    #[test]
    fn nothing_is_adopted_over_a_live_store_that_was_not_seen() {
        for mode in [Auto, Review] {
            for drift in [Drift::Rebase, Drift::Review, Drift::Block] {
                for overrides in [&[][..], &["b"], &["b", DRIFT]] {
                    for outcome in [Pass, Unchanged, Outcome::Review, Block, Undecided] {
                        for seen in ["L", "L2"] {
                            let given = approval("C", seen, overrides);
                            let got = decided(mode, drift, &[("b", outcome)], "L2", Some(&given));
                            assert_ne!(got, "adopt", "{mode:?} {drift:?} {overrides:?} {outcome:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_carried_approval_counts_while_no_gate_is_worse_and_live_writes_need_not_be_seen() {
        let (yes, over_b) = (approval("C0", "L0", &[]), approval("C0", "L0", &["b"]));
        let (here, elsewhere) = ((hash("C"), hash("L")), (hash("C1"), hash("L")));
        let always = "the pipeline asks for review every time";
        let stale = "the approval was given for another candidate or another live store";
        let (pass, look, stop) = (("b", Pass), ("b", Outcome::Review), ("b", Block));
        // Policy, approval, what it was carried over to, what the gates said when it was given and now.
        let table: &[(Drift, &Approval, _, _, _, String)] = &[
            (Drift::Rebase, &yes, here, pass, pass, "adopt".into()),
            (Drift::Rebase, &yes, here, look, look, "adopt".into()),
            (Drift::Rebase, &yes, here, look, pass, "adopt".into()),
            (Drift::Rebase, &over_b, here, stop, stop, "adopt".into()),
            (Drift::Block, &yes, here, pass, pass, "adopt".into()),
            (Drift::Rebase, &yes, elsewhere, pass, pass, format!("review: {always}; {stale}")),
            (
                Drift::Rebase,
                &yes,
                here,
                pass,
                look,
                format!("review: gate `b` asks for review; {always}; {stale}"),
            ),
            (Drift::Rebase, &yes, here, pass, stop, format!("block: gate `b` blocks; {stale}")),
            (Drift::Rebase, &over_b, here, look, stop, format!("block: gate `b` blocks; {stale}")),
            (
                Drift::Review,
                &yes,
                here,
                pass,
                pass,
                format!("review: 1 live write carried over; {always}; {stale}"),
            ),
        ];
        for (drift, given, carried_to, seen, now, expected) in table {
            let seen = verdicts(&[*seen]);
            let got = told(decide(&Situation {
                mode: Review,
                drift: *drift,
                verdicts: &verdicts(&[*now]),
                base: hash("L"),
                live: hash("L"),
                taken_back: 0,
                is_unsure: false,
                candidate: hash("C"),
                carried: 1,
                conflicts: 0,
                is_edited: false,
                approval: Some(Approved { given, seen: &seen, carried_to: Some(*carried_to) }),
            }));
            assert_eq!(got, *expected, "{drift:?} {given:?} {seen:?} {now:?}");
        }
    }
}
