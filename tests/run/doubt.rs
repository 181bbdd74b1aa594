//! Requests whose answer was lost, and instructions that changed under a run.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dreamrun::clock::Clock;
use dreamrun::dream::DreamRequest;
use dreamrun::ids::DreamId;
use dreamrun::journal::Journal;
use dreamrun::journal::event::JournalEvent;
use dreamrun::journal::run_state::{Phase, RunState};
use dreamrun::plan::rendered_again;
use dreamrun::run::next::Stop;
use dreamrun::run::settle::{Settled, candidates, settle, time_to_be_sure};
use dreamrun::run::{Ended, RunError};
use dreamrun::spec::pipeline::Template;
use jiff::SignedDuration;

use crate::support::{FaultyBackend, When};
use crate::world::World;

const CREATE: &str = "create a dream";

#[tokio::test]
async fn a_create_without_an_answer_is_settled_and_not_repeated() {
    let world = World::one_dream().await;
    let mut journal = world.begin().await;
    let backend = FaultyBackend::at(Arc::clone(&world.backend), CREATE, 1, When::After);
    let ended = world.go_with(&mut journal, world.state.as_ref(), &backend).await.unwrap();
    assert_eq!(ended, Ended::Stopped(Stop::Ended));
    assert!(backend.has_failed());
    assert_eq!(world.dreams().await.len(), 1);
    let events = dreamrun::journal::read(world.state.as_ref(), journal.run()).await.unwrap();
    let created = events.iter().find_map(|recorded| match &recorded.event {
        JournalEvent::DreamCreated { is_settled, dream, .. } => Some((*is_settled, dream.clone())),
        _ => None,
    });
    assert_eq!(created, Some((true, world.dreams().await[0].id.clone())));
}

#[tokio::test]
async fn a_create_that_never_left_is_told_and_asked_for_again_by_the_next_apply() {
    let world = World::one_dream().await;
    let mut journal = world.begin().await;
    let backend = FaultyBackend::at(Arc::clone(&world.backend), CREATE, 1, When::Before);
    let error = world.go_with(&mut journal, world.state.as_ref(), &backend).await.unwrap_err();
    assert!(matches!(error, RunError::Backend(_)), "{error}");
    assert_eq!(journal.state().phase, Phase::Ready { batch: 1 });
    assert_eq!(world.dreams().await, []);
    world.go(&mut journal).await.unwrap();
    assert_eq!(journal.state().phase, Phase::Adopted);
    assert_eq!(world.dreams().await.len(), 1);
}

/// Brings a run into doubt: its one request was sent twice, and no answer to either is known.
async fn sent_twice(world: &World) -> (Journal, [DreamId; 2]) {
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "dream_created").await;
    assert_eq!(journal.state().phase, Phase::Requested { batch: 1 });
    let second = world.backend.create_dream(&world.request(&journal)).await.unwrap().id;
    let first = world.dreams().await.into_iter().find(|dream| dream.id != second).unwrap().id;
    let mut both = [first, second];
    both.sort();
    (journal, both)
}

#[tokio::test]
async fn several_dreams_that_fit_one_request_stop_the_run_in_doubt() {
    let world = World::one_dream().await;
    let (mut journal, both) = sent_twice(&world).await;
    for _ in 0..2 {
        let error = world.go(&mut journal).await.unwrap_err();
        let RunError::InDoubt { batch: 1, dreams, .. } = &error else { panic!("{error}") };
        assert_eq!(*dreams, both);
        assert_eq!(journal.state().phase, Phase::Requested { batch: 1 });
    }
    assert_eq!(world.dreams().await.len(), 2, "nothing is asked for in doubt");
}

#[tokio::test]
async fn giving_a_run_in_doubt_up_frees_the_alias() {
    let world = World::one_dream().await;
    let (mut journal, _) = sent_twice(&world).await;
    world.record_event(&mut journal, JournalEvent::CancelAsked { by: "ada".to_owned() }).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(journal.state().phase, Phase::Canceled);
    assert_eq!(world.record().await.claim, None);
}

/// Settles what a run has in the air.
async fn settled(journal: &Journal, backend: &FaultyBackend) -> Settled {
    let known = journal.state().dreams.iter().filter_map(|record| record.dream.clone()).collect();
    settled_after(journal.state(), &known, backend, Duration::ZERO).await
}

/// Settles it once it was looked for that long.
async fn settled_after(
    state: &RunState,
    known: &BTreeSet<DreamId>,
    backend: &FaultyBackend,
    looked_for: Duration,
) -> Settled {
    let request = state.dreams.last().unwrap();
    let sessions = &state.plan.batches[request.batch as usize - 1].sessions;
    let found = candidates(request, sessions, &state.plan.model, backend).await.unwrap();
    let left = time_to_be_sure(SignedDuration::ZERO, backend).saturating_sub(looked_for);
    settle(found, known, left)
}

#[tokio::test]
async fn a_request_that_may_still_arrive_is_waited_for() {
    let world = World::one_dream().await;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "dream_created").await;
    // The request is on its way: the backend knows of no dream that fits it.
    let mut state = journal.state().clone();
    state.dreams[0].digest = dreamrun::memory::ContentHash::of("another request");
    state.dreams[0].store = "memstore_another".parse().unwrap();
    let backend = FaultyBackend::new(Arc::clone(&world.backend), 1_000, When::Before)
        .settling_in(Duration::from_secs(90));
    let at = async |seconds: u64| {
        settled_after(&state, &BTreeSet::new(), &backend, Duration::from_secs(seconds)).await
    };
    assert_eq!(at(0).await, Settled::TooEarly(Duration::from_secs(90)));
    assert_eq!(at(89).await, Settled::TooEarly(Duration::from_secs(1)));
    assert_eq!(at(90).await, Settled::NotSent);
    // One that has arrived is found at once.
    let dream = world.dreams().await[0].id.clone();
    assert_eq!(settled(&journal, &backend).await, Settled::Found(dream));
}

#[tokio::test]
async fn what_a_create_may_still_do_after_it_was_given_up_is_waited_for() {
    let world = World::one_dream().await;
    let backend = FaultyBackend::new(Arc::clone(&world.backend), 1_000, When::Before)
        .settling_in(Duration::from_secs(60))
        .creating_in(Duration::from_secs(180));
    let sure = |hours| time_to_be_sure(SignedDuration::from_hours(hours), &backend);
    let whole = Duration::from_secs(240);
    // Given up just now, as when a proxy hangs up: what is behind it may still work.
    assert_eq!(sure(0), whole);
    // One of the two clocks is wrong by a day, either way.
    assert_eq!((sure(-24), sure(24)), (whole, whole));
    // Or both are, against each other.
    assert_eq!((sure(-48), sure(48)), (whole, whole));
    // Nobody is at it any more, whatever the clocks are worth.
    assert_eq!(sure(51), Duration::ZERO);
}

#[tokio::test]
async fn a_backend_that_dates_its_models_is_understood() {
    let (world, journal, dated) = near(|request| request.model += "-20260101").await;
    let backend = FaultyBackend::new(Arc::clone(&world.backend), 1_000, When::Before);
    assert_eq!(settled(&journal, &backend).await, Settled::Found(dated));
}

#[tokio::test]
async fn a_dream_that_nearly_fits_stops_the_run_in_doubt() {
    for change in [(|request| request.model = "keeping".to_owned()) as fn(&mut DreamRequest), |request| {
        request.instructions = Some("Keep every number. ".to_owned())
    }] {
        let (world, mut journal, near) = near(change).await;
        let error = world.go(&mut journal).await.unwrap_err();
        let RunError::Near { dreams, .. } = &error else { panic!("{error}") };
        assert_eq!((dreams, world.dreams().await.len()), (&vec![near.clone()], 1));
        world.record_event(&mut journal, JournalEvent::CancelAsked { by: "ada".to_owned() }).await;
        world.go(&mut journal).await.unwrap();
        assert_eq!(journal.state().phase, Phase::Canceled);
    }
}

/// Brings a run into doubt whose request the backend knows only in another form.
async fn near(change: fn(&mut DreamRequest)) -> (World, Journal, DreamId) {
    let world = World::one_dream().await;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "dream_requested").await;
    let state = journal.state();
    let instructions = rendered_again(&world.pipeline, &state.plan)[0].clone();
    let mut other = DreamRequest {
        store: world.live().await,
        sessions: state.plan.batches[0].sessions.clone(),
        model: state.plan.model.clone(),
        instructions: instructions.and_then(|given| Some(given.text()?.to_owned())),
    };
    let digest = other.digest();
    let store = other.store.clone();
    let asked = JournalEvent::DreamRequested { batch: 1, attempt: 1, store, digest };
    world.record_event(&mut journal, asked).await;
    change(&mut other);
    let near = world.backend.create_dream(&other).await.unwrap().id;
    (world, journal, near)
}

#[tokio::test]
async fn only_a_dream_for_this_very_request_is_taken() {
    let world = World::one_dream().await;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "dream_created").await;
    let backend = FaultyBackend::new(Arc::clone(&world.backend), 1_000, When::Before);
    let found = settled(&journal, &backend).await;
    let request = world.request(&journal);
    for other in [
        DreamRequest { instructions: None, ..request.clone() },
        DreamRequest { sessions: request.sessions[..1].to_vec(), ..request.clone() },
        DreamRequest { model: "keeping".to_owned(), ..request.clone() },
    ] {
        world.backend.create_dream(&other).await.unwrap();
    }
    assert_eq!(settled(&journal, &backend).await, found);
    // A dream made long before the request cannot be its answer.
    let mut later = journal.state().clone();
    later.dreams[0].requested_at += SignedDuration::from_hours(27);
    assert_eq!(settled_after(&later, &BTreeSet::new(), &backend, Duration::ZERO).await, Settled::NotSent);
}

#[tokio::test]
async fn a_clock_set_back_after_a_request_hides_no_dream() {
    let world = World::one_dream().await;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "dream_requested").await;
    let asked = world.clock.now();
    world.go_before(&mut journal, "dream_created").await;
    let mut state = journal.state().clone();
    let dream = world.dreams().await[0].id.clone();
    // The request was dated by a clock that was a day ahead of the one that dated the dream.
    state.dreams[0].requested_at = asked + SignedDuration::from_hours(24);
    let backend = FaultyBackend::new(Arc::clone(&world.backend), 1_000, When::Before);
    let found = settled_after(&state, &BTreeSet::new(), &backend, Duration::ZERO).await;
    assert_eq!(found, Settled::Found(dream));
}

#[tokio::test]
async fn only_runs_that_wrote_since_are_asked_for_the_dreams_they_know() {
    let world = World::one_dream().await;
    let mut journal = world.begin().await;
    world.go(&mut journal).await.unwrap();
    let dream = journal.state().dreams[0].dream.clone().unwrap();
    let ended = world.clock.now();
    let known = async |since| dreamrun::journal::known_dreams(world.state.as_ref(), since).await.unwrap();
    assert_eq!(known(ended).await, BTreeSet::from([dream]));
    assert_eq!(known(ended + SignedDuration::from_secs(1)).await, BTreeSet::new());
}

#[tokio::test]
async fn the_dream_of_an_earlier_try_is_never_taken_for_the_next_one() {
    let mut world = World::one_dream().await;
    world.pipeline.model = "failing".to_owned();
    let mut journal = world.begin().await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::DreamFailed));
    world.record_event(&mut journal, JournalEvent::RetryAsked).await;
    // The second request leaves no trace on the backend: only the first try's dream fits it.
    let request = FaultyBackend::at(Arc::clone(&world.backend), CREATE, 1, When::Before);
    world.go_with(&mut journal, world.state.as_ref(), &request).await.unwrap_err();
    assert_eq!(journal.state().phase, Phase::Ready { batch: 1 });
    let plan = journal.state().plan.clone();
    let digest = journal.state().dreams[0].digest;
    let store = journal.state().dreams[0].store.clone();
    assert_eq!(plan.batches.len(), 1);
    let asked = JournalEvent::DreamRequested { batch: 1, attempt: 2, store, digest };
    world.record_event(&mut journal, asked).await;
    let backend = FaultyBackend::new(Arc::clone(&world.backend), 1_000, When::Before);
    assert_eq!(settled(&journal, &backend).await, Settled::NotSent);
}

#[tokio::test]
async fn surplus_dreams_that_a_person_canceled_end_the_doubt() {
    let mut world = World::one_dream().await;
    world.pipeline.model = "gated".to_owned();
    let (mut journal, [one, other]) = sent_twice(&world).await;
    world.backend.cancel_dream(&one).await.unwrap();
    world.gate.allow(usize::MAX);
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(journal.state().phase, Phase::Adopted);
    assert_eq!(journal.state().dreams[0].dream, Some(other));
    assert_eq!(world.dreams().await.len(), 2);
}

#[tokio::test]
async fn changed_instructions_stop_a_run_before_anything_is_sent() {
    let mut world = World::three_dreams().await;
    let mut journal = world.begin().await;
    let before = world.pipeline.instructions.replace(Template::new("Dream {{ batch.index }}, differently"));
    let error = world.go(&mut journal).await.unwrap_err();
    assert!(matches!(error, RunError::ChangedInstructions { batch: 1, .. }), "{error}");
    assert_eq!(journal.state().phase, Phase::Ready { batch: 1 });
    assert_eq!(world.dreams().await, []);
    world.pipeline.instructions = before;
    world.go(&mut journal).await.unwrap();
    assert_eq!(journal.state().phase, Phase::Adopted);
}
