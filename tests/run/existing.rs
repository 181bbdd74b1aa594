//! Dreams that were made elsewhere and are taken in.

use dreamrun::clock::Clock;
use dreamrun::dream::{Dream, DreamRequest, DreamStatus};
use dreamrun::ids::SessionId;
use dreamrun::journal::Journal;
use dreamrun::journal::event::{FailReason, JournalEvent};
use dreamrun::journal::run_state::Phase;
use dreamrun::plan::from_dream;
use dreamrun::run::next::Stop;
use dreamrun::run::{Ended, RunError};
use dreamrun::spec::pipeline::AdoptMode;
use jiff::SignedDuration;

use crate::world::{World, put};

/// Makes a dream over the live store, by hand.
async fn by_hand(world: &World, model: &str) -> Dream {
    // The backend reads files it has listed.
    world.facts().await;
    let request = DreamRequest {
        store: world.live().await,
        sessions: ["s-000", "s-001"].map(|id| SessionId::parse(id).unwrap()).to_vec(),
        model: model.to_owned(),
        instructions: Some("By hand.".to_owned()),
    };
    let dream = world.backend.create_dream(&request).await.unwrap();
    world.clock.advance(SignedDuration::from_secs(10));
    dream
}

async fn ended(world: &World, dream: Dream) -> Dream {
    let mut dream = dream;
    while !dream.status.is_final() {
        dream = world.backend.next_change(&dream).await.unwrap();
    }
    dream
}

/// Plans a run from a dream and writes it down.
async fn begin(world: &World, dream: &Dream) -> Journal {
    let plan = from_dream(&world.pipeline, &world.facts().await, dream, None).unwrap();
    Journal::begin(world.state.as_ref(), world.clock.now(), plan).await.unwrap().0
}

#[tokio::test]
async fn a_dream_made_elsewhere_is_judged_and_adopted_with_what_was_written_since() {
    let world = World::one_dream().await;
    let dream = ended(&world, by_hand(&world, "counting").await).await;
    let live = world.live().await;
    world.write(&live, &[put("/b", "an agent's", Some("two")), put("/new", "new", None)]).await;
    let mut journal = begin(&world, &dream).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(journal.state().phase, Phase::Adopted);
    assert_eq!((world.live().await, world.dreams().await.len()), (dream.output.unwrap(), 1));
    assert_eq!(world.live_memory("/b").await.as_deref(), Some("an agent's"));
    assert_eq!(world.live_memory("/new").await.as_deref(), Some("new"));
    assert!(world.live_memory("/learned.md").await.is_some());
    assert_eq!(journal.state().carried.len(), 2);
    assert!(world.plan().await.not_due.is_some(), "its sessions count as read");
}

#[tokio::test]
async fn a_run_cut_off_anywhere_takes_the_dream_in_once() {
    for kind in ["claimed", "base_recorded", "dream_requested", "dream_created", "dream_ended", "adopted"] {
        let world = World::one_dream().await;
        let dream = ended(&world, by_hand(&world, "counting").await).await;
        let mut journal = begin(&world, &dream).await;
        world.go_before(&mut journal, kind).await;
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended), "{kind}");
        assert_eq!((world.dreams().await.len(), world.record().await.generation), (1, 1), "{kind}");
        let own: Vec<_> = journal.state().dreams.iter().map(|record| record.dream.clone()).collect();
        assert_eq!(own, [Some(dream.id)], "{kind}");
    }
}

#[tokio::test]
async fn one_still_at_work_is_waited_for() {
    let world = World::one_dream().await;
    let dream = by_hand(&world, "gated").await;
    let mut journal = begin(&world, &dream).await;
    assert!(!dream.status.is_final());
    world.gate.allow(usize::MAX);
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!((&journal.state().phase, world.dreams().await.len()), (&Phase::Adopted, 1));
}

#[tokio::test]
async fn one_that_fails_after_all_is_not_asked_for_again() {
    let world = World::one_dream().await;
    let dream = by_hand(&world, "failing").await;
    let mut journal = begin(&world, &dream).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    let phase = &journal.state().phase;
    assert!(matches!(phase, Phase::Failed(FailReason::DreamFailed { .. })), "{phase:?}");
    assert_eq!((world.dreams().await.len(), world.record().await.claim), (1, None));
}

async fn base(world: &World) -> JournalEvent {
    let store = world.live().await;
    JournalEvent::BaseRecorded { index: world.backend.index(&store).await.unwrap(), store }
}

fn requested(dream: &Dream) -> JournalEvent {
    let (store, digest) = (dream.store.clone(), dream.request_digest());
    JournalEvent::DreamRequested { batch: 1, attempt: 1, store, digest }
}

fn created(dream: &Dream) -> JournalEvent {
    JournalEvent::DreamCreated { batch: 1, dream: dream.id.clone(), is_settled: true }
}

#[tokio::test]
async fn canceling_the_run_leaves_a_dream_that_others_made_at_work() {
    let world = World::one_dream().await;
    let dream = by_hand(&world, "gated").await;
    let mut journal = begin(&world, &dream).await;
    for event in [JournalEvent::Claimed, base(&world).await, requested(&dream), created(&dream)] {
        world.record_event(&mut journal, event).await;
    }
    world.record_event(&mut journal, JournalEvent::CancelAsked { by: "ada".to_owned() }).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    let now = world.backend.dream(&dream.id).await.unwrap();
    assert_ne!(now.status, DreamStatus::Canceled);
    assert_eq!(journal.state().phase, Phase::Canceled);
}

#[tokio::test]
async fn a_dream_belongs_to_one_run() {
    let mut world = World::one_dream().await;
    world.pipeline.adopt.mode = AdoptMode::Review;
    let dream = ended(&world, by_hand(&world, "counting").await).await;
    let mut first = begin(&world, &dream).await;
    assert_eq!(world.go(&mut first).await.unwrap(), Ended::Stopped(Stop::AwaitingReview));
    let known = dreamrun::journal::run_of_dream(world.state.as_ref(), &dream.id, dream.created_at).await;
    assert_eq!(known.unwrap().as_ref(), Some(first.run()));
    let no = JournalEvent::Rejected { by: "ada".to_owned(), reason: None };
    world.record_event(&mut first, no).await;
    world.go(&mut first).await.unwrap();
    // One that was planned all the same, before the first had it, stops before anything is done.
    let mut second = begin(&world, &dream).await;
    let error = world.go(&mut second).await.unwrap_err();
    assert!(matches!(&error, RunError::TakenDream { run, .. } if run == first.run()), "{error}");
    assert_eq!(world.dreams().await.len(), 1);
}
