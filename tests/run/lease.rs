//! The lease: two machines that drive one run, with clocks of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use dreamrun::backend::BackendError;
use dreamrun::clock::{Clock, FixedClock, Monotonic};
use dreamrun::journal::Journal;
use dreamrun::journal::run_state::Phase;
use dreamrun::plan::rendered_again;
use dreamrun::run::next::Stop;
use dreamrun::run::observer::Unwatched;
use dreamrun::run::{Ended, RunError, Surroundings, execute};
use dreamrun::state::alias::AliasRecord;
use dreamrun::state::keeper::{Keeper, Taken, Tenant};
use dreamrun::state::lease::{LEASE_TIME, Lease, Who};
use dreamrun::state::{Key, PutIf, StateError, StateStore, Version, Versioned};
use jiff::SignedDuration;
use tokio::sync::{Notify, watch};

use crate::support::{Call, FaultyState, Go, Hook, Hooked, ManualClock, When};
use crate::world::{World, told};

/// A machine: what it measures time by, and its hour, which may be wrong.
struct Machine {
    name: &'static str,
    time: Arc<ManualClock>,
    hour: Arc<dyn Clock>,
}

impl Machine {
    /// Makes a machine whose clock is wrong by so many hours.
    fn new(world: &World, name: &'static str, wrong_by: i64) -> Self {
        let hour = world.clock.now() + SignedDuration::from_hours(wrong_by);
        Self {
            name,
            time: Arc::new(ManualClock::at("2000-01-01T00:00:00Z")),
            hour: Arc::new(FixedClock(hour)),
        }
    }

    /// Makes the keeper of a process that has the driver lock of its machine.
    fn keeper(&self, world: &World) -> Keeper {
        let tenant = Tenant {
            who: Who { machine: self.name.to_owned(), pid: 7, run_url: None },
            domain: Some(self.name.to_owned()),
            time: LEASE_TIME,
            monotonic: Arc::clone(&self.time) as Arc<dyn Monotonic>,
            clock: Arc::clone(&self.hour),
        };
        Keeper::new(world.alias.clone(), tenant)
    }

    fn waits(&self, seconds: i64) {
        self.time.advance(SignedDuration::from_secs(seconds));
    }
}

async fn take(keeper: &Keeper, world: &World) -> Taken {
    keeper.take(world.state.as_ref(), "testing", |_| Ok::<_, StateError>(())).await.unwrap()
}

async fn lease(world: &World) -> Option<Lease> {
    world.record().await.lease
}

/// Carries a run on from a machine.
async fn drive(
    world: &World,
    keeper: &Keeper,
    journal: &mut Journal,
    backend: &dyn dreamrun::backend::Backend,
) -> Result<Ended, RunError> {
    let instructions = rendered_again(&world.pipeline, &journal.state().plan);
    let (_alive, interrupt) = watch::channel(false);
    let around = Surroundings {
        state: world.state.as_ref(),
        backend,
        clock: world.clock.as_ref(),
        observer: &Unwatched,
        prices: &world.prices,
        root: world.root(),
        archive: None,
        keeper,
        alias: &world.alias,
        instructions: &instructions,
        interrupt,
    };
    execute(journal, &around).await
}

#[tokio::test]
async fn a_lease_is_broken_only_after_it_stood_still_for_its_whole_time() {
    for wrong_by in [-24, 0, 24] {
        let world = World::one_dream().await;
        let (here, there) = (Machine::new(&world, "here", 0), Machine::new(&world, "there", wrong_by));
        let (one, other) = (here.keeper(&world), there.keeper(&world));
        assert!(matches!(take(&one, &world).await, Taken::Yes(_)));
        assert!(matches!(take(&other, &world).await, Taken::HeldBy(held) if held.holder == *one.who()));
        there.waits(89);
        assert!(matches!(take(&other, &world).await, Taken::HeldBy(_)));
        // A beat begins the watch anew.
        here.waits(61);
        one.confirm(world.state.as_ref()).await.unwrap();
        assert_eq!(lease(&world).await.unwrap().beat, 1);
        there.waits(1);
        assert!(matches!(take(&other, &world).await, Taken::HeldBy(_)), "{wrong_by}");
        there.waits(89);
        assert!(matches!(take(&other, &world).await, Taken::HeldBy(_)));
        there.waits(1);
        assert!(matches!(take(&other, &world).await, Taken::Yes(_)), "{wrong_by}");
        assert_eq!(lease(&world).await.unwrap().holder.machine, "there");
    }
}

#[tokio::test]
async fn whoever_lost_the_lease_changes_nothing_and_does_not_give_it_back_either() {
    let world = World::one_dream().await;
    let (here, there) = (Machine::new(&world, "here", 0), Machine::new(&world, "there", 0));
    let (one, other) = (here.keeper(&world), there.keeper(&world));
    take(&one, &world).await;
    take(&other, &world).await;
    there.waits(90);
    take(&other, &world).await;
    let before = world.record().await;
    let state = world.state.as_ref();
    let grow = |record: &mut AliasRecord| {
        record.generation += 1;
        Ok::<_, StateError>(true)
    };
    let lost = one.update(state, grow).await.unwrap_err();
    assert!(matches!(lost, StateError::LeaseLost { .. }), "{lost}");
    one.give_back(state, |_| Ok::<_, StateError>(false)).await.unwrap();
    assert_eq!(world.record().await, before);
    assert!(!one.is_held() && other.is_held());
    assert!(matches!(take(&one, &world).await, Taken::HeldBy(_)), "the next holding starts from nothing");
}

#[tokio::test]
async fn the_lock_of_a_dead_process_is_as_good_as_its_time() {
    let world = World::one_dream().await;
    let machine = Machine::new(&world, "here", 0);
    take(&machine.keeper(&world), &world).await;
    let next = machine.keeper(&world);
    assert!(matches!(take(&next, &world).await, Taken::Yes(_)));
    next.give_back(world.state.as_ref(), |_| Ok::<_, StateError>(false)).await.unwrap();
    assert_eq!(lease(&world).await, None);
}

#[tokio::test]
async fn a_lease_that_was_taken_without_an_answer_is_known_again() {
    let world = World::one_dream().await;
    let keeper = Machine::new(&world, "here", 0).keeper(&world);
    let state = FaultyState::at(Arc::clone(&world.state), "aliases/", 1, When::After);
    keeper.take(&state, "testing", |_| Ok::<_, StateError>(())).await.unwrap_err();
    assert!(!keeper.is_held());
    let left = lease(&world).await.unwrap();
    assert!(matches!(take(&keeper, &world).await, Taken::Yes(_)));
    let again = lease(&world).await.unwrap();
    assert_eq!((again.nonce, again.beat), (left.nonce, left.beat + 1));
}

#[tokio::test]
async fn an_action_stands_still_until_the_lease_is_known_to_be_there_after_a_pause() {
    for is_taken in [false, true] {
        let world = World::one_dream().await;
        let (here, there) = (Machine::new(&world, "here", 0), Machine::new(&world, "there", 0));
        let (one, other) = (here.keeper(&world), there.keeper(&world));
        take(&one, &world).await;
        take(&other, &world).await;
        let has_acted = AtomicBool::new(false);
        let acting = async {
            // The machine stands still here, and whoever wakes looks at the lease first.
            here.waits(95);
            there.waits(90);
            if is_taken {
                take(&other, &world).await;
            }
            tokio::task::yield_now().await;
            has_acted.store(true, Ordering::SeqCst);
        };
        let acted = one.under(world.state.as_ref(), acting).await;
        assert_eq!(matches!(acted, Err(StateError::LeaseLost { .. })), is_taken);
        assert_eq!(has_acted.load(Ordering::SeqCst), !is_taken);
    }
}

/// State of which one process does one thing at a time, as with a clone of a repository.
struct OneAtATime {
    inner: Arc<dyn StateStore>,
    turn: tokio::sync::Mutex<()>,
}

#[async_trait]
impl StateStore for OneAtATime {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StateError> {
        let _turn = self.turn.lock().await;
        self.inner.get(key).await
    }

    async fn put(&self, key: &Key, bytes: &[u8], when: PutIf) -> Result<Version, StateError> {
        let _turn = self.turn.lock().await;
        self.inner.put(key, bytes, when).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Key>, StateError> {
        let _turn = self.turn.lock().await;
        self.inner.list(prefix).await
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<(), StateError> {
        let _turn = self.turn.lock().await;
        self.inner.delete(key, version).await
    }
}

#[tokio::test(start_paused = true)]
async fn an_action_that_keeps_its_own_lease_from_being_renewed_is_given_up() {
    let world = World::one_dream().await;
    let here = Machine::new(&world, "here", 0);
    let keeper = here.keeper(&world);
    take(&keeper, &world).await;
    let state = OneAtATime { inner: Arc::clone(&world.state), turn: tokio::sync::Mutex::default() };
    let has_acted = AtomicBool::new(false);
    let acting = async {
        let turn = state.turn.lock().await;
        // In the middle of a write the machine falls asleep.
        here.waits(95);
        tokio::task::yield_now().await;
        drop(turn);
        has_acted.store(true, Ordering::SeqCst);
    };
    let given_up = keeper.under(&state, acting).await.unwrap_err();
    assert!(matches!(given_up, StateError::LeaseStale { .. }), "{given_up}");
    assert!(!has_acted.load(Ordering::SeqCst));
    assert!(state.turn.try_lock().is_ok(), "what it held is free again");
}

/// Stands still just before a dream is asked for, until it is told to go on.
#[derive(Clone, Default)]
struct Paused(Arc<(Notify, Notify)>);

#[async_trait]
impl Hook for Paused {
    async fn around(&self, call: Call, go: Go<'_>) -> Result<(), BackendError> {
        if call.name == "create_dream" {
            let (stands_still, goes_on) = &*self.0;
            stands_still.notify_one();
            goes_on.notified().await;
        }
        go.await;
        Ok(())
    }
}

#[tokio::test]
async fn a_process_that_was_paused_before_it_paid_pays_nothing_and_follows() {
    for wrong_by in [-24, 0, 24] {
        let world = World::one_dream().await;
        let (here, there) = (Machine::new(&world, "here", 0), Machine::new(&world, "there", wrong_by));
        let (one, other) = (here.keeper(&world), there.keeper(&world));
        let mut journal = world.begin().await;
        let run = journal.run().clone();
        let paused = Paused::default();
        let (stands_still, goes_on) = &*paused.0;
        let meanwhile = async {
            stands_still.notified().await;
            let mut journal = world.open(&run).await;
            assert_eq!(journal.state().phase, Phase::Requested { batch: 1 });
            let backend = world.backend.as_ref();
            assert_eq!(drive(&world, &other, &mut journal, backend).await.unwrap(), Ended::Elsewhere);
            here.waits(90);
            there.waits(90);
            let ended = drive(&world, &other, &mut journal, backend).await.unwrap();
            assert_eq!(ended, Ended::Stopped(Stop::Ended));
            goes_on.notify_one();
        };
        let backend = Hooked { inner: Arc::clone(&world.backend), hook: paused.clone() };
        let (ended, ()) = tokio::join!(drive(&world, &one, &mut journal, &backend), meanwhile);
        let ended = ended.unwrap();
        assert_eq!((ended, journal.state().phase.clone()), (Ended::Stopped(Stop::Ended), Phase::Adopted));
        assert_eq!((world.dreams().await.len(), world.record().await.generation), (1, 1));
        assert_eq!((told(&journal), lease(&world).await), (told(&world.open(&run).await), None));
    }
}

#[tokio::test]
async fn two_machines_that_wait_for_one_dream_share_the_work_and_end_alike() {
    let world = World::three_dreams().await;
    let (one, other) =
        (Machine::new(&world, "here", 0).keeper(&world), Machine::new(&world, "there", 0).keeper(&world));
    let mut first = world.begin().await;
    let mut second = world.open(first.run()).await;
    let to_the_end = async |keeper: &Keeper, journal: &mut Journal| loop {
        match drive(&world, keeper, journal, world.backend.as_ref()).await.unwrap() {
            Ended::Elsewhere => tokio::task::yield_now().await,
            ended => break ended,
        }
    };
    let (a, b) = tokio::join!(to_the_end(&one, &mut first), to_the_end(&other, &mut second));
    assert_eq!((a, b), (Ended::Stopped(Stop::Ended), Ended::Stopped(Stop::Ended)));
    assert_eq!((world.dreams().await.len(), world.record().await.generation), (3, 1));
    assert_eq!((told(&first), lease(&world).await), (told(&second), None));
}

#[tokio::test]
async fn a_record_without_a_lease_is_read_as_one_that_nobody_has() {
    let world = World::one_dream().await;
    let written = serde_json::to_value(world.record().await).unwrap();
    assert_eq!(written.get("lease"), None);
    let read: AliasRecord = serde_json::from_value(written).unwrap();
    assert_eq!(read.lease, None);
}

#[tokio::test]
async fn a_lease_is_lost_with_its_alias() {
    let world = World::one_dream().await;
    let mut journal = world.begin().await;
    let machine = Machine::new(&world, "here", 0);
    let keeper = machine.keeper(&world);
    take(&keeper, &world).await;
    let key = Key::alias(&world.alias);
    let version = world.state.get(&key).await.unwrap().unwrap().version;
    world.state.delete(&key, &version).await.unwrap();
    machine.waits(61);
    let lost = keeper.confirm(world.state.as_ref()).await.unwrap_err();
    assert!(matches!(lost, StateError::LeaseLost { .. }), "{lost}");
    assert!(!keeper.is_held());
    let gone = drive(&world, &keeper, &mut journal, world.backend.as_ref()).await.unwrap_err();
    assert!(matches!(gone, RunError::Stale { .. }), "{gone}");
}

#[tokio::test]
async fn a_beat_that_meets_the_lease_given_back_neither_brings_it_back_nor_ends_the_action() {
    let world = World::one_dream().await;
    let machine = Machine::new(&world, "here", 0);
    let keeper = machine.keeper(&world);
    take(&keeper, &world).await;
    let giving_back = async {
        machine.waits(31);
        // The beat that is due has read the alias by now, and finds it written when it writes.
        tokio::task::yield_now().await;
        keeper.give_back(world.state.as_ref(), |_| Ok::<_, StateError>(false)).await.unwrap();
        tokio::task::yield_now().await;
    };
    keeper.under(world.state.as_ref(), giving_back).await.unwrap();
    assert_eq!((keeper.is_held(), lease(&world).await), (false, None));
}
