//! A run of three dreams that loses every write and every answer once: it always ends as if it had not.

use std::sync::Arc;

use dreamrun::journal::Journal;
use dreamrun::run::Ended;
use dreamrun::run::next::Stop;

use crate::support::{FaultyBackend, FaultyState, When};
use crate::world::{World, told};

const UNDISTURBED: [&str; 17] = [
    "run_planned",
    "claimed",
    "base_recorded",
    "dream_requested",
    "dream_created",
    "dream_ended",
    "dream_requested",
    "dream_created",
    "dream_ended",
    "dream_requested",
    "dream_created",
    "dream_ended",
    "candidate_recorded",
    "judged",
    "adoption_intended",
    "adopted",
    "released",
];

/// Runs undisturbed, and returns what is told of it.
async fn undisturbed() -> String {
    let world = World::three_dreams().await;
    let mut journal = world.begin().await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(world.events(journal.run()).await, UNDISTURBED);
    check(&world, &journal).await;
    told(&journal)
}

/// Checks what must be true of every finished run: as many dreams as planned, each session read once,
/// each dream on the output of the one before, one adoption.
async fn check(world: &World, journal: &Journal) {
    let mut dreams = world.dreams().await;
    dreams.reverse();
    assert_eq!(dreams.len(), 3, "as many dreams as planned");
    assert_eq!(world.mind.reads(), 6, "each session read once");
    let record = world.record().await;
    let chain = &journal.state().dreams;
    assert_eq!(chain.len(), 3);
    for pair in chain.windows(2) {
        assert_eq!(Some(&pair[1].store), pair[0].output.as_ref());
    }
    assert_eq!(record.active, chain[2].output.clone().unwrap());
    assert_eq!((record.generation, record.previous.len(), &record.claim), (1, 1, &None));
    assert_eq!(record.previous[0].store, chain[0].store);
    assert_eq!(record.adoption.unwrap().run, *journal.run());
    let adopted = world.events(journal.run()).await.iter().filter(|kind| **kind == "adopted").count();
    assert_eq!(adopted, 1);
    assert_eq!(world.live_memory("/a").await.as_deref(), Some("one"));
    let learned = world.live_memory("/learned.md").await.unwrap();
    assert!(learned.contains("fact 4") && learned.contains("fact 5"), "{learned}");
    assert!(world.plan().await.not_due.is_some(), "nothing is due after it");
}

#[tokio::test]
async fn a_chain_of_three_dreams_is_adopted_once() {
    undisturbed().await;
}

async fn every_write_of_state_can_fail(when: When) {
    let expected = undisturbed().await;
    let mut nth = 0;
    loop {
        nth += 1;
        let world = World::three_dreams().await;
        let mut journal = world.begin().await;
        let state = FaultyState::new(Arc::clone(&world.state), nth, when);
        let first = world.go_with(&mut journal, &state, world.backend.as_ref()).await;
        if !state.has_failed() {
            first.unwrap();
            break;
        }
        first.unwrap_err();
        let mut journal = world.open(journal.run()).await;
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended), "write {nth}");
        check(&world, &journal).await;
        assert_eq!(told(&journal), expected, "write {nth}");
    }
    // Sixteen events after the first, the ledger, and the alias claimed, moved and given back; and its lease
    // given back and taken around three dreams.
    assert_eq!(nth - 1, 26);
}

#[tokio::test]
async fn every_write_of_state_can_fail_before_its_effect() {
    every_write_of_state_can_fail(When::Before).await;
}

#[tokio::test]
async fn every_write_of_state_can_fail_after_its_effect() {
    every_write_of_state_can_fail(When::After).await;
}

async fn every_call_to_the_backend_can_fail(when: When) {
    let expected = undisturbed().await;
    let mut nth = 0;
    loop {
        nth += 1;
        let world = World::three_dreams().await;
        let mut journal = world.begin().await;
        let backend = FaultyBackend::new(Arc::clone(&world.backend), nth, when);
        let first = world.go_with(&mut journal, world.state.as_ref(), &backend).await;
        if !backend.has_failed() {
            first.unwrap();
            break;
        }
        // A lost answer to a create is settled on the spot; any other fault ends the process.
        let mut journal = world.open(journal.run()).await;
        let ended = world.go(&mut journal).await.unwrap();
        assert_eq!(ended, Ended::Stopped(Stop::Ended), "call {nth}");
        check(&world, &journal).await;
        assert_eq!(told(&journal), expected, "call {nth}");
    }
    // At the least: the base; three times create, look, list changes; and nine looks at stores.
    assert!(nth > 18, "{nth}");
}

#[tokio::test]
async fn every_call_to_the_backend_can_fail_before_its_effect() {
    every_call_to_the_backend_can_fail(When::Before).await;
}

#[tokio::test]
async fn every_call_to_the_backend_can_fail_after_its_effect() {
    every_call_to_the_backend_can_fail(When::After).await;
}

#[tokio::test]
async fn a_run_cut_off_before_any_event_ends_the_same() {
    let expected = undisturbed().await;
    let kinds: std::collections::BTreeSet<_> = UNDISTURBED[1..].iter().copied().collect();
    for kind in kinds {
        let world = World::three_dreams().await;
        let mut journal = world.begin().await;
        world.go_before(&mut journal, kind).await;
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended), "{kind}");
        check(&world, &journal).await;
        assert_eq!(told(&journal), expected, "{kind}");
    }
}
