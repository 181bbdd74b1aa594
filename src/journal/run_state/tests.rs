//! Which event is legal in which phase, and what events make of a run.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::event::{FailReason, JournalEvent as E};
use super::super::testing::*;
use super::*;

/// Journals that end in each phase, under the name of the phase. `ready` is also met before the second
/// dream, and a final phase twice: before and after the alias was given back. The steps that targets take
/// within *adopting* have names of their own.
fn ways() -> Vec<(&'static str, Vec<E>)> {
    let claimed = vec![run_planned(1), E::Claimed];
    let grown = |from: &[E], more: Vec<E>| [from, &more].concat();
    let ready = grown(&claimed, vec![base_recorded()]);
    let requested_ = grown(&ready, vec![requested(1, 1)]);
    let dreaming = grown(&requested_, vec![created(1, "one")]);
    let dreamed = grown(&dreaming, vec![completed(1, "one")]);
    let candidate_ = grown(&dreamed, vec![candidate("out-one", "candidate")]);
    let judged_ = grown(&candidate_, vec![judged()]);
    let review = grown(&judged_, vec![review_asked()]);
    let adopting = grown(&judged_, vec![adoption_intended("out-one")]);
    let canceling = grown(&dreaming, vec![cancel_asked()]);
    let adopted_ = grown(&adopting, vec![adopted()]);
    vec![
        ("planned", vec![run_planned(1)]),
        ("dream_failed", grown(&dreaming, vec![ended(1, "one", DreamStatus::Failed, Some("timeout"))])),
        ("over_budget", grown(&ready, vec![budget_reached(1)])),
        ("rebasing", grown(&judged_, vec![rebase_intended()])),
        ("awaiting_review", review.clone()),
        ("blocked", grown(&judged_, vec![blocked()])),
        ("editing", grown(&review, vec![edit_intended()])),
        ("unchanged", grown(&judged_, vec![E::Unchanged])),
        ("rejected", grown(&review, vec![rejected()])),
        ("failed", grown(&requested_, vec![E::DreamRefused { batch: 1, message: "no".to_owned() }])),
        ("canceled", grown(&canceling, vec![E::Canceled])),
        ("released", grown(&adopted_, vec![E::Released])),
        ("claimed", claimed),
        ("ready", ready),
        ("requested", requested_),
        ("dreaming", dreaming),
        ("dreamed", dreamed),
        ("candidate", candidate_),
        ("judged", judged_),
        ("copying", grown(&adopting, vec![copy_intended()])),
        ("copied", grown(&adopting, vec![copy_intended(), copied_back()])),
        ("moved", grown(&adopting, vec![alias_moved()])),
        ("patched", grown(&adopting, vec![alias_moved(), deployment_patched()])),
        ("asking", grown(&adopting, vec![alias_moved(), E::SessionRequested])),
        ("attached", grown(&adopting, vec![alias_moved(), E::SessionRequested, session_created()])),
        ("adopting", adopting),
        ("adopted", adopted_),
        ("canceling", canceling),
    ]
}

/// One event of every kind, each fit for the first dream of [`ways`].
fn kinds() -> Vec<E> {
    vec![
        run_planned(1),
        E::Claimed,
        base_recorded(),
        requested(1, 1),
        E::DreamNotSent { batch: 1 },
        created(1, "one"),
        E::DreamRefused { batch: 1, message: "no".to_owned() },
        completed(1, "one"),
        E::RetryAsked,
        budget_reached(1),
        E::BudgetRaised { budget: None },
        candidate("out-one", "candidate"),
        judged(),
        rebase_intended(),
        review_asked(),
        blocked(),
        approved(),
        rejected(),
        edit_intended(),
        adoption_intended("out-one"),
        folder_written(),
        copy_intended(),
        copied_back(),
        alias_moved(),
        deployment_patched(),
        E::SessionRequested,
        E::SessionNotSent,
        session_created(),
        adopted(),
        E::Unchanged,
        cancel_asked(),
        E::Canceled,
        failed(1),
        E::Released,
    ]
}

/// The truth table, by hand: each phase with the events it allows and the phase each leads to.
const TABLE: &[(&str, &[(&str, &str)])] = &[
    ("planned", &[("claimed", "claimed"), ("cancel_asked", "canceling")]),
    ("claimed", &[("base_recorded", "ready"), ("cancel_asked", "canceling")]),
    (
        "ready",
        &[
            ("dream_requested", "requested"),
            ("budget_reached", "over_budget"),
            ("cancel_asked", "canceling"),
            ("failed", "failed"),
        ],
    ),
    (
        "requested",
        &[
            ("dream_not_sent", "ready"),
            ("dream_created", "dreaming"),
            ("dream_refused", "failed"),
            ("cancel_asked", "canceling"),
            ("failed", "failed"),
        ],
    ),
    ("dreaming", &[("dream_ended", "dreamed"), ("cancel_asked", "canceling")]),
    ("dream_failed", &[("retry_asked", "ready"), ("cancel_asked", "canceling")]),
    ("over_budget", &[("budget_raised", "ready"), ("cancel_asked", "canceling")]),
    ("dreamed", &[("candidate_recorded", "candidate"), ("cancel_asked", "canceling"), ("failed", "failed")]),
    ("candidate", &[("judged", "judged"), ("cancel_asked", "canceling")]),
    (
        "judged",
        &[
            ("rebase_intended", "rebasing"),
            ("review_asked", "awaiting_review"),
            ("adoption_blocked", "blocked"),
            ("adoption_intended", "adopting"),
            ("candidate_recorded", "candidate"),
            ("unchanged", "unchanged"),
            ("cancel_asked", "canceling"),
        ],
    ),
    ("rebasing", &[("rebase_intended", "rebasing"), ("candidate_recorded", "candidate")]),
    (
        "awaiting_review",
        &[
            ("candidate_recorded", "candidate"),
            ("approved", "judged"),
            ("rejected", "rejected"),
            ("edit_intended", "editing"),
            ("cancel_asked", "canceling"),
        ],
    ),
    (
        "blocked",
        &[
            ("candidate_recorded", "candidate"),
            ("approved", "judged"),
            ("rejected", "rejected"),
            ("edit_intended", "editing"),
            ("cancel_asked", "canceling"),
        ],
    ),
    ("editing", &[("candidate_recorded", "candidate"), ("cancel_asked", "canceling")]),
    (
        "adopting",
        &[
            ("candidate_recorded", "candidate"),
            ("folder_written", "adopting"),
            ("copy_intended", "copying"),
            ("alias_moved", "moved"),
            ("adopted", "adopted"),
            ("cancel_asked", "canceling"),
        ],
    ),
    ("copying", &[("copied_back", "copied"), ("failed", "failed")]),
    ("copied", &[("adopted", "adopted")]),
    (
        "moved",
        &[
            ("deployment_patched", "patched"),
            ("session_requested", "asking"),
            ("adopted", "adopted"),
            ("cancel_asked", "canceling"),
        ],
    ),
    ("patched", &[("session_requested", "asking"), ("adopted", "adopted"), ("cancel_asked", "canceling")]),
    (
        "asking",
        &[
            ("deployment_patched", "asking"),
            ("session_not_sent", "moved"),
            ("session_created", "attached"),
            ("cancel_asked", "canceling"),
        ],
    ),
    (
        "attached",
        &[("deployment_patched", "attached"), ("adopted", "adopted"), ("cancel_asked", "canceling")],
    ),
    ("adopted", &[("released", "released")]),
    ("unchanged", &[("released", "released")]),
    ("rejected", &[("released", "released")]),
    ("failed", &[("released", "released")]),
    ("canceling", &[("dream_ended", "canceling"), ("canceled", "canceled")]),
    ("canceled", &[("released", "released")]),
    ("released", &[]),
];

/// Names a phase as [`TABLE`] does: a run that gave its alias back is in a phase of its own, and so is
/// each step of a target.
fn phase(state: &RunState) -> &'static str {
    match (&state.phase, &state.copy, &state.session) {
        _ if state.is_released => "released",
        (Phase::Adopting { .. }, Some(CopyRecord { end: None, .. }), _) => "copying",
        (Phase::Adopting { .. }, Some(_), _) => "copied",
        (Phase::Adopting { .. }, _, Some(SessionRecord { session: None, .. })) => "asking",
        (Phase::Adopting { .. }, _, Some(_)) => "attached",
        (Phase::Adopting { .. }, _, _) if !state.patched.is_empty() => "patched",
        (Phase::Adopting { .. }, _, _) if state.has_alias_moved => "moved",
        (phase, _, _) => phase.name(),
    }
}

/// Names a phase as an error does.
fn written(state: &RunState) -> &'static str {
    if state.is_released { "released" } else { state.phase.name() }
}

#[test]
fn each_phase_allows_exactly_the_events_of_the_table() {
    let ways = ways();
    let table: BTreeMap<_, _> = TABLE.iter().copied().collect();
    assert_eq!(ways.len(), TABLE.len());
    let mut cells = 0;
    for (name, way) in ways {
        let state = moved_by(&way).unwrap();
        assert_eq!(phase(&state), name);
        for event in kinds() {
            let kind = event.name();
            let expected = table[name].iter().find(|(allowed, _)| *allowed == kind).map(|(_, to)| *to);
            let seq = u32::try_from(way.len()).unwrap() + 1;
            let found = state.clone().apply(seq, time_of(seq), event);
            match expected {
                Some(to) => assert_eq!(found.as_ref().map(phase), Ok(to), "{kind} in {name}"),
                None => {
                    assert_eq!(
                        found,
                        Err(IllegalEvent { seq, event: kind, phase: written(&state) }),
                        "{kind} in {name}"
                    );
                }
            }
            cells += 1;
        }
    }
    assert_eq!(cells, TABLE.len() * kinds().len());
}

#[test]
fn only_a_plan_begins_a_run() {
    for event in kinds().into_iter().skip(1) {
        let illegal = IllegalEvent { seq: 1, event: event.name(), phase: "nothing" };
        assert_eq!(RunState::begin(1, event), Err(illegal));
    }
}

#[test]
fn kinds_are_named_as_they_are_written() {
    for event in kinds() {
        assert_eq!(serde_json::to_value(&event).unwrap()["kind"], event.name());
    }
}

#[test]
fn an_event_about_another_batch_dream_or_store_is_illegal() {
    let ways: BTreeMap<_, _> = ways().into_iter().collect();
    let table = [
        ("ready", requested(2, 1)),
        ("ready", budget_reached(2)),
        ("requested", created(2, "one")),
        ("requested", E::DreamNotSent { batch: 2 }),
        ("requested", E::DreamRefused { batch: 2, message: String::new() }),
        ("dreaming", completed(2, "one")),
        ("dreaming", completed(1, "other")),
        ("dreaming", ended(1, "one", DreamStatus::Pending, None)),
        ("dreaming", ended(1, "one", DreamStatus::Running, None)),
        ("dreamed", candidate("out-other", "candidate")),
        ("judged", adoption_intended("out-other")),
        ("rebasing", candidate("out-other", "candidate")),
        ("editing", candidate("out-other", "candidate")),
        ("judged", candidate("out-other", "candidate")),
        ("adopting", candidate("out-other", "candidate")),
    ];
    for (name, event) in table {
        let state = moved_by(&ways[name]).unwrap();
        assert!(state.apply(99, time_of(99), event.clone()).is_err(), "{event:?} in {name}");
    }
}

#[test]
fn a_dream_that_fails_leads_where_its_status_and_error_say() {
    let dreaming = |attempt: u32| {
        let mut events = vec![run_planned(1), E::Claimed, base_recorded()];
        for n in 1..attempt {
            let id = n.to_string();
            events.extend([requested(1, n), created(1, &id)]);
            events.extend([ended(1, &id, DreamStatus::Failed, Some("timeout")), E::RetryAsked]);
        }
        events.extend([requested(1, attempt), created(1, "last")]);
        events
    };
    let ends = |attempt: u32, status, error| {
        let event = ended(1, "last", status, error);
        moved_by(&[dreaming(attempt), vec![event]].concat()).unwrap().phase
    };
    let failed = DreamStatus::Failed;
    for kind in ["timeout", "internal_error", "something_newer"] {
        for attempt in 1..ATTEMPTS {
            let phase = ends(attempt, failed, Some(kind));
            assert!(
                matches!(&phase, Phase::DreamFailed { batch: 1, attempt: a, .. } if *a == attempt),
                "{phase:?}"
            );
        }
        let phase = ends(ATTEMPTS, failed, Some(kind));
        assert!(matches!(phase, Phase::Failed(FailReason::DreamFailed { batch: 1, .. })), "{phase:?}");
    }
    for kind in [
        "memory_store_org_limit_exceeded",
        "input_memory_store_too_large",
        "input_memory_store_unavailable",
        "input_session_unavailable",
    ] {
        let phase = ends(1, failed, Some(kind));
        assert!(matches!(phase, Phase::Failed(FailReason::DreamFailed { batch: 1, .. })), "{phase:?}");
    }
    assert!(matches!(ends(1, failed, None), Phase::DreamFailed { .. }));
    assert_eq!(ends(1, DreamStatus::Canceled, None), Phase::Failed(FailReason::DreamCanceled { batch: 1 }));
    assert_eq!(ends(1, DreamStatus::Completed, None), Phase::Failed(FailReason::NoOutput { batch: 1 }));
}

#[test]
fn an_eventful_run_is_told_in_full() {
    let state = moved_by(&eventful()).unwrap();
    assert_eq!((&state.phase, state.is_released), (&Phase::Adopted, true));
    let tries: Vec<_> = state.dreams.iter().map(|d| (d.batch, d.attempt, d.dream.clone())).collect();
    let id = |id| Some(dream(id));
    assert_eq!(tries, [(1, 1, id("one")), (1, 2, id("two")), (2, 1, id("three"))]);
    assert_eq!(state.spent(), Usd::from_micros(300_000), "a failed dream is paid for too");
    assert_eq!((state.usage().input_tokens, state.usage().output_tokens), (300, 20));
    assert_eq!(state.changes(), BTreeMap::from([(ChangeKind::Merged, 4)]));
    assert_eq!(state.chain_head(), Some(&store("out-three")));
    assert_eq!(state.before, Some(Size { entries: 2, bytes: 8 }), "as first seen, whatever was rebased onto");
    assert_eq!(state.base.unwrap().index, index(&[("/a", "one"), ("/c", "live")]));
    assert_eq!(state.candidate.unwrap().hash, hash("rebased"));
    assert_eq!(state.budget, None);
}

#[test]
fn the_next_dream_reads_the_last_completed_output() {
    let events = eventful();
    let head = |through: &str| {
        let last = events.iter().position(|event| event.name() == through).unwrap();
        moved_by(&events[..=last]).unwrap().chain_head().cloned()
    };
    assert_eq!(head("claimed"), None);
    assert_eq!(head("base_recorded"), Some(store("live")));
    assert_eq!(head("retry_asked"), Some(store("live")), "a failed dream leaves nothing to read");
    assert_eq!(head("budget_reached"), Some(store("out-two")));
}

#[test]
fn a_request_that_made_no_dream_leaves_no_try_behind() {
    let events = [run_planned(1), E::Claimed, base_recorded(), requested(1, 1)];
    for end in [E::DreamNotSent { batch: 1 }, E::DreamRefused { batch: 1, message: "no".to_owned() }] {
        let state = moved_by(&[&events[..], &[end]].concat()).unwrap();
        assert_eq!(state.dreams, []);
    }
}

#[test]
fn an_approval_is_carried_over_to_the_candidate_that_its_rebase_was_to_leave() {
    let to = |candidate_: &str, live: &str, keeps: Option<&str>, after: &str| {
        let given = E::Approved {
            by: "ada".to_owned(),
            reason: None,
            overrides: Vec::new(),
            live: hash(live),
            candidate: hash(candidate_),
        };
        let E::RebaseIntended { live, read, carried, merged, conflicts, .. } = rebase_intended() else {
            unreachable!()
        };
        let keeps = keeps.map(hash);
        let rebase = E::RebaseIntended { live, read, carried, merged, conflicts, keeps, is_unsure: false };
        let way = ways().into_iter().find(|(name, _)| *name == "awaiting_review").unwrap().1;
        let state = moved_by(&[way, vec![given, rebase, candidate("out-one", after)]].concat()).unwrap();
        state.approval.unwrap().carried_to
    };
    let rebased = Some((hash("rebased"), index(&[("/a", "one"), ("/c", "live")]).hash()));
    assert_eq!(to("candidate", "live", Some("rebased"), "rebased"), rebased);
    assert_eq!(to("candidate", "live", Some("rebased"), "slipped in"), None);
    assert_eq!(to("candidate", "live", None, "rebased"), None, "a write met the dream");
    assert_eq!(to("an earlier one", "live", Some("rebased"), "rebased"), None);
    assert_eq!(to("candidate", "an earlier one", Some("rebased"), "rebased"), None);
}

/// Walks from event to event, always taking one that the phase allows.
fn any_journal() -> impl Strategy<Value = Vec<E>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..60).prop_map(|choices| {
        let mut events = vec![run_planned(2)];
        let mut state = moved_by(&events).unwrap();
        let fit = |batch: u32| {
            let mut all = kinds();
            all.extend([requested(batch, 1), created(batch, "one"), completed(batch, "one")]);
            all.extend([ended(batch, "one", DreamStatus::Failed, Some("timeout"))]);
            all.extend([budget_reached(batch), E::DreamNotSent { batch }]);
            all
        };
        for choice in choices {
            let seq = u32::try_from(events.len()).unwrap() + 1;
            let next = |event: &E| state.clone().apply(seq, time_of(seq), event.clone()).ok();
            let legal: Vec<_> = fit(2).into_iter().filter_map(|event| Some((next(&event)?, event))).collect();
            if legal.is_empty() {
                break;
            }
            let (after, event) = legal[choice.index(legal.len())].clone();
            state = after;
            events.push(event);
        }
        events
    })
}

proptest! {
    #[test]
    fn every_prefix_of_a_legal_journal_is_legal(events in any_journal()) {
        for end in 1..=events.len() {
            prop_assert!(moved_by(&events[..end]).is_ok());
        }
    }

    #[test]
    fn a_final_phase_is_left_by_no_event(events in any_journal()) {
        let states: Vec<RunState> = (1..=events.len()).map(|end| moved_by(&events[..end]).unwrap()).collect();
        for pair in states.windows(2) {
            prop_assert!(!pair[0].phase.is_final() || pair[0].phase == pair[1].phase);
        }
    }

    #[test]
    fn what_was_spent_never_shrinks(events in any_journal()) {
        let spent: Vec<_> = (1..=events.len()).map(|end| moved_by(&events[..end]).unwrap().spent()).collect();
        prop_assert!(spent.is_sorted());
    }
}
