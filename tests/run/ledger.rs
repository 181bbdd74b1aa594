//! What a run keeps of the fates of statements, and what it is held against.

use std::sync::Arc;

use dreamrun::ledger::record::RunLedger;
use dreamrun::ledger::{Fate, FateCounts};
use dreamrun::memory::ContentHash;
use dreamrun::run::next::Stop;
use dreamrun::run::{Ended, RunError};
use dreamrun::state;

use crate::support::{FaultyState, When};
use crate::world::{World, put};

/// A world whose next dream wipes the store, which a person lets pass.
async fn wiped() -> (World, dreamrun::journal::Journal) {
    let mut world = World::one_dream().await;
    world.pipeline.model = "wiping".to_owned();
    let mut journal = world.begin().await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Blocked));
    let gates: Vec<String> =
        journal.state().judgment.clone().unwrap().verdicts.into_iter().map(|verdict| verdict.gate).collect();
    world.approve(&mut journal, &gates.iter().map(String::as_str).collect::<Vec<_>>()).await;
    (world, journal)
}

async fn ledger(world: &World, journal: &dreamrun::journal::Journal) -> RunLedger {
    state::ledger::read(world.state.as_ref(), &world.alias, journal.run()).await.unwrap().unwrap()
}

#[tokio::test]
async fn an_adopted_run_leaves_a_ledger_and_its_losses_count() {
    let (world, mut journal) = wiped().await;
    assert_eq!(world.record().await.losses, [], "nothing counts before it is adopted");
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));

    let ledger = ledger(&world, &journal).await;
    assert_eq!(ledger.counts, FateCounts { lost: 3, ..FateCounts::default() });
    let lost: Vec<_> = ledger.statements.iter().map(|s| (s.path.as_str(), s.line, s.fate, s.hash)).collect();
    let hash = |text: &str| ContentHash::of(text);
    let expected = [("/a", "one"), ("/b", "two"), ("/c", "three")].map(|(p, t)| (p, 1, Fate::Lost, hash(t)));
    assert_eq!(lost, expected);
    assert_eq!(ledger.entries.len(), 3);
    assert!(ledger.entries.iter().all(|entry| entry.before.is_some() && entry.after.is_none()));
    let judgment = journal.state().judgment.clone().unwrap();
    assert_eq!((ledger.live, ledger.candidate), (judgment.live, judgment.candidate));
    assert_eq!(judgment.fates, Some(ledger.counts));

    let losses = world.record().await.losses;
    assert_eq!(losses.iter().map(|l| (&l.run, l.lost, l.of)).collect::<Vec<_>>(), [(journal.run(), 3, 3)]);
    assert_eq!(
        state::ledger::list(world.state.as_ref(), &world.alias).await.unwrap(),
        [journal.run().clone()]
    );
}

#[tokio::test]
async fn losses_that_were_rolled_back_count_no_more_and_the_ledger_stays() {
    let (world, mut journal) = wiped().await;
    world.go(&mut journal).await.unwrap();
    world.back(world.state.as_ref(), world.backend.as_ref()).await.unwrap();
    let losses = world.record().await.losses;
    assert_eq!(losses.iter().map(|l| (l.lost, l.is_undone)).collect::<Vec<_>>(), [(3, true)]);
    assert_eq!(ledger(&world, &journal).await.counts.lost, 3);
}

#[tokio::test]
async fn a_candidate_that_is_judged_again_has_the_ledger_of_the_last_judgment() {
    let world = World::one_dream().await;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "adoption_intended").await;
    let first = ledger(&world, &journal).await;
    world.write(&world.live().await, &[put("/d", "written by an agent meanwhile", None)]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    let last = ledger(&world, &journal).await;
    let judgment = journal.state().judgment.clone().unwrap();
    assert_eq!((last.live, last.candidate), (judgment.live, judgment.candidate));
    assert_ne!((last.live, last.candidate), (first.live, first.candidate));
    assert_eq!(last.counts.before(), first.counts.before() + 1);
    let counted = world.record().await.losses;
    assert_eq!(counted.iter().map(|losses| losses.of).collect::<Vec<_>>(), [last.counts.before()]);
}

#[tokio::test]
async fn nothing_is_judged_without_its_ledger() {
    for when in [When::Before, When::After] {
        let world = World::one_dream().await;
        let mut journal = world.begin().await;
        let state = FaultyState::at(Arc::clone(&world.state), "ledgers/", 1, when);
        let error = world.go_with(&mut journal, &state, world.backend.as_ref()).await.unwrap_err();
        assert!(matches!(error, RunError::State(_)), "{error}");
        let mut journal = world.open(journal.run()).await;
        assert_eq!(journal.state().judgment, None);
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
        assert_eq!(ledger(&world, &journal).await.counts.lost, 0);
        assert_eq!(world.record().await.losses.len(), 1, "counted once");
    }
}
