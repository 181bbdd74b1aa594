//! Stopping runs: for good in every phase, and for a while.

use dreamrun::backend::WhenLeft;
use dreamrun::dream::DreamStatus;
use dreamrun::journal::event::JournalEvent;
use dreamrun::journal::run_state::Phase;
use dreamrun::run::Ended;
use dreamrun::run::next::Stop;
use dreamrun::spec::pipeline::AdoptMode;
use tokio::sync::watch;

use crate::world::{World, put};

fn asked() -> JournalEvent {
    JournalEvent::CancelAsked { by: "ada".to_owned() }
}

#[tokio::test]
async fn a_run_can_be_canceled_before_each_event_up_to_its_adoption() {
    for kind in [
        "claimed",
        "base_recorded",
        "dream_requested",
        "dream_created",
        "candidate_recorded",
        "judged",
        "review_asked",
    ] {
        let mut world = World::one_dream().await;
        world.pipeline.adopt.mode = AdoptMode::Review;
        let before = world.record().await;
        let mut journal = world.begin().await;
        world.go_before(&mut journal, kind).await;
        world.record_event(&mut journal, asked()).await;
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended), "{kind}");
        assert_eq!(journal.state().phase, Phase::Canceled, "{kind}");
        assert_eq!(world.record().await, before, "{kind}");
        let next = world.plan().await;
        assert_eq!((next.not_due, next.run.number()), (None, 2), "{kind}");
    }
}

#[tokio::test]
async fn a_run_that_waits_for_a_person_can_be_canceled() {
    for (model, mode) in
        [("counting", AdoptMode::Review), ("wiping", AdoptMode::Auto), ("failing", AdoptMode::Auto)]
    {
        let mut world = World::one_dream().await;
        world.pipeline.model = model.to_owned();
        world.pipeline.adopt.mode = mode;
        let mut journal = world.begin().await;
        let ended = world.go(&mut journal).await.unwrap();
        assert_ne!(ended, Ended::Stopped(Stop::Ended));
        world.record_event(&mut journal, asked()).await;
        world.go(&mut journal).await.unwrap();
        assert_eq!(journal.state().phase, Phase::Canceled, "{model}");
        assert_eq!(world.record().await.claim, None);
    }
}

#[tokio::test]
async fn canceling_stops_the_dream_at_work() {
    // More sessions than are read at a time.
    let mut world = World::new(&[("/a", "one")], 100).await;
    world.pipeline.batch.size = 100;
    world.pipeline.model = "gated".to_owned();
    let mut journal = world.begin().await;
    let (ask, interrupt) = watch::channel(false);
    let going = world.go_until(&mut journal, world.state.as_ref(), world.backend.as_ref(), interrupt);
    let interrupting = async {
        let dream = loop {
            match world.dreams().await.pop() {
                Some(dream) if dream.status == DreamStatus::Running => break dream,
                _ => tokio::task::yield_now().await,
            }
        };
        ask.send(true).unwrap();
        // The run is polled in between and asks the dream to stop, which it can once it may read on.
        tokio::task::yield_now().await;
        world.gate.allow(usize::MAX);
        dream.id
    };
    let (left, dream) = tokio::join!(going, interrupting);
    assert_eq!(left.unwrap(), Ended::Left { dream: dream.clone(), when_left: WhenLeft::Checkpointed });
    assert_eq!(world.backend.dream(&dream).await.unwrap().status, DreamStatus::Running);
    world.record_event(&mut journal, asked()).await;
    world.go(&mut journal).await.unwrap();
    assert_eq!(journal.state().phase, Phase::Canceled);
    assert_eq!(world.backend.dream(&dream).await.unwrap().status, DreamStatus::Canceled);
    assert_eq!(world.dreams().await.len(), 1);
    assert!(world.gate.reads() < 100);
}

#[tokio::test]
async fn a_run_left_while_its_dream_is_at_work_goes_on_with_the_same_dream() {
    let mut world = World::one_dream().await;
    world.pipeline.model = "gated".to_owned();
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "dream_created").await;
    let (_ask, interrupt) = watch::channel(true);
    let ended = world.go_until(&mut journal, world.state.as_ref(), world.backend.as_ref(), interrupt).await;
    assert_eq!(ended.unwrap(), Ended::Interrupted);
    world.gate.allow(usize::MAX);
    world.go(&mut journal).await.unwrap();
    assert_eq!(journal.state().phase, Phase::Adopted);
    assert_eq!((world.dreams().await.len(), world.gate.reads()), (1, 2));
}

#[tokio::test]
async fn a_run_that_is_moving_the_alias_cannot_be_canceled() {
    let world = World::one_dream().await;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "adopted").await;
    let now = dreamrun::clock::Clock::now(world.clock.as_ref());
    let error = journal.append(world.state.as_ref(), now, asked()).await.unwrap_err();
    assert!(matches!(error, dreamrun::journal::JournalError::Illegal { .. }), "{error}");
    let live = world.live().await;
    world.write(&live, &[put("/after", "the move", None)]).await;
}
