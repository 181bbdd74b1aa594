//! Dreams that end badly, and budgets that end a run early.

use dreamrun::journal::Journal;
use dreamrun::journal::event::{FailReason, JournalEvent};
use dreamrun::journal::run_state::{ATTEMPTS, Phase};
use dreamrun::price::table::{Generation, ModelPrice, Rates};
use dreamrun::price::{PriceTable, Usd};
use dreamrun::run::Ended;
use dreamrun::run::next::Stop;

use crate::world::World;

/// Checks that a run gave its alias back and left everything else as it was.
async fn check_nothing_adopted(world: &World, journal: &Journal) {
    let record = world.record().await;
    assert!(journal.state().is_released);
    assert_eq!((record.claim, record.generation, record.adoption), (None, 0, None));
    assert!(record.watermarks.is_empty() && record.last_finished.is_empty(), "no session counts as read");
    assert_eq!(world.plan().await.not_due, None, "the next run is due at once");
}

#[tokio::test]
async fn a_failure_that_may_pass_is_tried_again_by_the_next_apply_and_given_up_at_last() {
    let mut world = World::one_dream().await;
    world.pipeline.model = "failing".to_owned();
    let mut journal = world.begin().await;
    for attempt in 1..ATTEMPTS {
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::DreamFailed));
        let Phase::DreamFailed { batch: 1, attempt: tried, error } = &journal.state().phase else {
            panic!("{:?}", journal.state().phase)
        };
        assert_eq!((*tried, error.kind.as_str()), (attempt, "timeout"));
        assert_eq!(world.dreams().await.len(), attempt as usize, "nothing is asked again by itself");
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::DreamFailed));
        assert_eq!(world.record().await.claim.unwrap().run, *journal.run());
        world.record_event(&mut journal, JournalEvent::RetryAsked).await;
    }
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    let Phase::Failed(FailReason::DreamFailed { batch: 1, error }) = &journal.state().phase else {
        panic!("{:?}", journal.state().phase)
    };
    assert_eq!(error.message, "ran out of time");
    assert_eq!(world.dreams().await.len(), ATTEMPTS as usize);
    check_nothing_adopted(&world, &journal).await;
}

#[tokio::test]
async fn a_failure_that_will_not_pass_ends_the_run_at_once() {
    let world = World::one_dream().await;
    let mut journal = world.begin().await;
    std::fs::remove_file(world.transcript(1)).unwrap();
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    let Phase::Failed(FailReason::DreamFailed { error, .. }) = &journal.state().phase else {
        panic!("{:?}", journal.state().phase)
    };
    assert_eq!(error.kind, "input_session_unavailable");
    assert_eq!(world.dreams().await.len(), 1);
    assert_eq!(world.record().await.claim, None);
}

#[tokio::test]
async fn a_later_dream_that_fails_leaves_the_earlier_ones_in_place() {
    let world = World::three_dreams().await;
    let mut journal = world.begin().await;
    std::fs::remove_file(world.transcript(3)).unwrap();
    world.go(&mut journal).await.unwrap();
    assert!(matches!(journal.state().phase, Phase::Failed(FailReason::DreamFailed { batch: 2, .. })));
    assert_eq!(world.dreams().await.len(), 2);
    check_nothing_adopted(&world, &journal).await;
}

#[tokio::test]
async fn a_request_that_breaks_a_rule_ends_the_run_unpaid() {
    let mut world = World::one_dream().await;
    world.pipeline.model = "unheard-of".to_owned();
    let mut journal = world.begin().await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    let Phase::Failed(FailReason::Refused { batch: 1, message }) = &journal.state().phase else {
        panic!("{:?}", journal.state().phase)
    };
    assert!(message.contains("unheard-of"), "{message}");
    assert_eq!(world.dreams().await, []);
    check_nothing_adopted(&world, &journal).await;
}

#[tokio::test]
async fn a_dream_canceled_elsewhere_ends_the_run() {
    let mut world = World::one_dream().await;
    world.pipeline.model = "gated".to_owned();
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "dream_created").await;
    let dream = world.dreams().await[0].id.clone();
    world.backend.cancel_dream(&dream).await.unwrap();
    world.gate.allow(usize::MAX);
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(journal.state().phase, Phase::Failed(FailReason::DreamCanceled { batch: 1 }));
    assert_eq!(world.dreams().await.len(), 1);
    check_nothing_adopted(&world, &journal).await;
}

/// Prices the counting mind at ten dollars for each input token it counts, and next to nothing for what
/// an estimate is made of.
fn prices() -> PriceTable {
    let usd = Usd::from_micros;
    let rates = Rates { input: usd(10_000_000_000_000), cache_read: usd(1_000_000), ..Rates::default() };
    let price = ModelPrice {
        rates,
        long_rates: None,
        generation: Generation::Before47,
        as_of: jiff::civil::date(2026, 6, 1),
        source: "this test".into(),
    };
    let mut prices = PriceTable::default();
    prices.set("counting", price);
    prices
}

#[tokio::test]
async fn a_budget_that_is_reached_keeps_finished_dreams_and_raising_it_goes_on() {
    let mut world = World::three_dreams().await;
    world.prices = prices();
    // Each dream reads 20 tokens, two hundred dollars' worth.
    let hundreds = |n: u64| Some(Usd::from_micros(n * 100_000_000));
    world.pipeline.budget = hundreds(2);
    let mut journal = world.begin().await;
    assert!(journal.state().plan.estimate.unwrap().high < Usd::from_micros(100_000_000));
    for _ in 0..2 {
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::OverBudget));
        assert!(matches!(journal.state().phase, Phase::OverBudget { batch: 2, .. }));
    }
    assert_eq!(Some(journal.state().spent()), hundreds(2));
    assert_eq!(world.dreams().await.len(), 1);
    let kept = journal.state().dreams[0].clone();

    world.record_event(&mut journal, JournalEvent::BudgetRaised { budget: hundreds(3) }).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::OverBudget));
    assert!(matches!(journal.state().phase, Phase::OverBudget { batch: 3, .. }));
    world.record_event(&mut journal, JournalEvent::BudgetRaised { budget: None }).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(journal.state().phase, Phase::Adopted);
    assert_eq!(journal.state().dreams[0], kept);
    assert_eq!(Some(journal.state().spent()), hundreds(6));
    assert_eq!((world.dreams().await.len(), world.mind.reads()), (3, 6));
}

#[tokio::test]
async fn a_budget_below_the_first_dream_buys_nothing() {
    let mut world = World::one_dream().await;
    world.prices = prices();
    world.pipeline.budget = Some(Usd::from_micros(1));
    let mut journal = world.begin().await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::OverBudget));
    assert_eq!(world.dreams().await, []);
}
