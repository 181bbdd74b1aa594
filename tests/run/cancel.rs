//! Stopping runs: for good in every phase, and for a while.

use std::sync::Arc;

use async_trait::async_trait;
use dreamrun::backend::WhenLeft;
use dreamrun::dream::DreamStatus;
use dreamrun::ids::RunId;
use dreamrun::journal::Journal;
use dreamrun::journal::event::JournalEvent;
use dreamrun::journal::run_state::Phase;
use dreamrun::run::Ended;
use dreamrun::run::next::Stop;
use dreamrun::spec::pipeline::AdoptMode;
use dreamrun::state::{Key, PutIf, StateError, StateStore, Version, Versioned};
use tokio::sync::watch;

use crate::support::{FaultyState, When};
use crate::world::World;

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
    let stopped = world.backend.dream(&dream).await.unwrap();
    let told = &journal.state().dreams[0];
    assert_eq!((told.status, &told.output), (Some(DreamStatus::Canceled), &stopped.output));
    assert_eq!(told.usage, stopped.usage);
}

#[tokio::test]
async fn a_dream_that_was_done_when_its_run_was_canceled_is_paid_for_and_its_store_is_known() {
    let world = World::one_dream().await;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "dream_ended").await;
    let dream = world.dreams().await.remove(0);
    assert_eq!(dream.status, DreamStatus::Completed);
    world.record_event(&mut journal, asked()).await;
    world.go(&mut journal).await.unwrap();
    assert_eq!(journal.state().phase, Phase::Canceled);
    let told = &journal.state().dreams[0];
    assert!(dream.output.is_some() && dream.usage.input_tokens > 0, "{dream:?}");
    assert_eq!((&told.output, told.usage), (&dream.output, dream.usage));
}

/// State in which a run was given up, unseen, just before a process could tell of the dream it made.
struct GivenUpMeanwhile {
    inner: Arc<dyn StateStore>,
    run: RunId,
}

#[async_trait]
impl StateStore for GivenUpMeanwhile {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StateError> {
        self.inner.get(key).await
    }

    async fn put(&self, key: &Key, bytes: &[u8], when: PutIf) -> Result<Version, StateError> {
        let value: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        if value["event"]["kind"] == "dream_created" {
            let inner = self.inner.as_ref();
            let mut other = Journal::open(inner, &self.run).await.unwrap().unwrap();
            let at = value["at"].as_str().unwrap().parse().unwrap();
            for event in [JournalEvent::DreamNotSent { batch: 1 }, asked(), JournalEvent::Canceled] {
                other.append(inner, at, event).await.unwrap();
            }
        }
        self.inner.put(key, bytes, when).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Key>, StateError> {
        self.inner.list(prefix).await
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<(), StateError> {
        self.inner.delete(key, version).await
    }
}

#[tokio::test]
async fn a_dream_that_its_run_was_canceled_without_is_stopped() {
    let mut world = World::one_dream().await;
    world.pipeline.model = "gated".to_owned();
    let mut journal = world.begin().await;
    let state = GivenUpMeanwhile { inner: Arc::clone(&world.state), run: journal.run().clone() };
    let ended = world.go_with(&mut journal, &state, world.backend.as_ref()).await.unwrap();
    assert_eq!(ended, Ended::Stopped(Stop::Ended));
    assert_eq!((&journal.state().phase, journal.state().is_released), (&Phase::Canceled, true));
    let dreams = world.dreams().await;
    assert_eq!(dreams.iter().map(|dream| dream.status).collect::<Vec<_>>(), [DreamStatus::Canceled]);
    world.gate.allow(usize::MAX);
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
async fn a_run_that_is_about_to_move_the_alias_can_be_canceled() {
    let world = World::one_dream().await;
    let before = world.record().await;
    let mut journal = world.begin().await;
    let state = FaultyState::at(Arc::clone(&world.state), "aliases/", 4, When::Before);
    world.go_with(&mut journal, &state, world.backend.as_ref()).await.unwrap_err();
    assert!(matches!(journal.state().phase, Phase::Adopting { .. }), "{:?}", journal.state().phase);
    let mut other = world.open(journal.run()).await;
    world.record_event(&mut other, asked()).await;
    world.go_before(&mut other, "canceled").await;
    // The process that was about to move the alias does not know, and cannot any more.
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!((&journal.state().phase, world.record().await), (&Phase::Canceled, before));
}

#[tokio::test]
async fn a_run_whose_alias_has_moved_is_adopted_and_not_canceled() {
    let world = World::one_dream().await;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "adopted").await;
    world.record_event(&mut journal, asked()).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!((&journal.state().phase, journal.state().is_released), (&Phase::Adopted, true));
    let record = world.record().await;
    assert_eq!((record.active, record.generation), (journal.state().candidate.clone().unwrap().store, 1));
    assert_eq!(record.claim, None);
}
