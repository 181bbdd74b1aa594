//! Going back without losing what agents wrote since: `rollback --carry`.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use dreamrun::adoption::Carry;
use dreamrun::backend::{Backend, BackendError};
use dreamrun::clock::Clock;
use dreamrun::ids::MemoryStoreId;
use dreamrun::memory::{ContentHash, MemoryPath, MemoryWrite};
use dreamrun::run::RunError;
use dreamrun::run::rollback::{RolledBack, carry_after, is_carrying, roll_back};
use dreamrun::spec::pipeline::Target;
use dreamrun::state::alias::{Carrying, Hold};
use dreamrun::state::{StateError, StateStore};

use crate::merging::{changed, correcting};
use crate::support::{Call, FaultyBackend, FaultyState, Go, Hook, Hooked, When};
use crate::world::{World, path, put, undo};

const ADOPTED: &str =
    "# Deploy\n\n- Deploys go out on Tuesday.\n- The canary takes 20 minutes.\n- Be brief.\n";

/// Adopts a dream, and returns the store that was live before and the one that is.
async fn adopted(target: Target) -> (World, MemoryStoreId, MemoryStoreId) {
    let mut world = correcting().await;
    world.pipeline.adopt.target = target;
    let before = world.live().await;
    let mut journal = world.begin().await;
    world.go(&mut journal).await.unwrap();
    let live = world.live().await;
    assert_eq!(world.live_memory("/deploy.md").await.as_deref(), Some(ADOPTED));
    (world, before, live)
}

/// Rolls back, or carries a rollback on, carrying over what agents wrote.
async fn back(world: &World, state: &dyn StateStore, backend: &dyn Backend) -> Result<RolledBack, RunError> {
    let seen = world.record().await;
    let now = world.clock.now();
    let new = || Hold {
        carrying: Some(Carrying { from: seen.active.clone(), run: seen.adoption.clone().unwrap().run }),
        ..Hold::new(now, "ada", "worse")
    };
    let hold = seen.hold.clone().unwrap_or_else(new);
    with_lease(world, state, backend, hold).await
}

/// Goes back or carries over, as a hold says, under the lease of the alias.
async fn with_lease(
    world: &World,
    state: &dyn StateStore,
    backend: &dyn Backend,
    hold: Hold,
) -> Result<RolledBack, RunError> {
    let keeper = world.keeper("here");
    keeper.take(world.state.as_ref(), "rolling back", |_| Ok::<_, StateError>(())).await.unwrap();
    let seen = world.record().await;
    let is_back = hold.carrying.as_ref().is_some_and(|carrying| carrying.from != seen.active);
    let done = if is_carrying(&seen) || is_back {
        carry_after(undo(state, backend, &keeper), &seen, hold).await
    } else {
        roll_back(undo(state, backend, &keeper), &seen, &seen.previous[0], hold, world.clock.now()).await
    };
    keeper.give_back(world.state.as_ref(), |_| Ok::<_, StateError>(false)).await.unwrap();
    done
}

fn paths<'p>(found: impl Iterator<Item = &'p MemoryPath>) -> Vec<String> {
    found.map(ToString::to_string).collect()
}

fn told(carry: &Carry) -> [Vec<String>; 3] {
    let merged = carry.merged.iter().map(|one| &one.path);
    let conflicts = carry.conflicts.iter().map(|one| &one.path);
    [paths(carry.carried.iter()), paths(merged), paths(conflicts)]
}

/// Writes aside, into a memory that the dream changed, and takes one away.
async fn write_since(world: &World, live: &MemoryStoreId) {
    let gone = MemoryWrite::Delete {
        path: path("/team.md"),
        expected: ContentHash::of("- Retro is on Friday.\n".as_bytes()),
    };
    let edited = ADOPTED.replace("Tuesday", "Thursday");
    world
        .write(live, &[put("/new.md", "an agent's", None), put("/deploy.md", &edited, Some(ADOPTED)), gone])
        .await;
}

/// Checks that the earlier store is live, with what was written since and without what the dream did.
async fn check(world: &World, before: &MemoryStoreId, place: &str) {
    let record = world.record().await;
    assert_eq!((&record.active, record.generation), (before, 2), "{place}");
    let hold = record.hold.unwrap();
    assert_eq!((hold.rolling_back_to, hold.carrying), (None, None), "{place}");
    let held = world.held(before).await;
    let expected = [("/deploy.md", changed("Tuesday", "Thursday")), ("/new.md", "an agent's".to_owned())];
    assert_eq!(held, expected.map(|(at, text)| (at.to_owned(), text)), "{place}");
}

#[tokio::test]
async fn what_agents_wrote_since_comes_along_and_what_the_dream_did_goes() {
    let (world, before, live) = adopted(Target::Pointer).await;
    write_since(&world, &live).await;
    let done = back(&world, world.state.as_ref(), world.backend.as_ref()).await.unwrap();
    check(&world, &before, "undisturbed").await;
    let named = told(&done.carry.unwrap());
    assert_eq!(named[0], ["/deploy.md", "/new.md", "/team.md"]);
    assert_eq!((named[1].as_slice(), named[2].len()), (&["/deploy.md".to_owned()][..], 0));
}

#[tokio::test]
async fn a_statement_that_both_changed_is_as_agents_left_it_and_named() {
    let (world, before, live) = adopted(Target::Pointer).await;
    let edited = ADOPTED.replace("20 minutes", "25 minutes");
    world.write(&live, &[put("/deploy.md", &edited, Some(ADOPTED))]).await;
    let done = back(&world, world.state.as_ref(), world.backend.as_ref()).await.unwrap();
    assert_eq!(told(&done.carry.unwrap()), [vec![], vec![], vec!["/deploy.md".to_owned()]]);
    assert_eq!((world.live().await, world.live_memory("/deploy.md").await), (before, Some(edited)));
}

#[tokio::test]
async fn a_rollback_that_carries_can_fail_anywhere_and_is_carried_on() {
    for when in [When::Before, When::After] {
        for nth in 1.. {
            let (world, before, live) = adopted(Target::Pointer).await;
            write_since(&world, &live).await;
            let state = FaultyState::new(Arc::clone(&world.state), nth, when);
            let first = back(&world, &state, world.backend.as_ref()).await;
            if !state.has_failed() {
                assert_eq!(nth - 1, 3, "the hold, the alias, and the hold again");
                break;
            }
            first.unwrap_err();
            let place = format!("write {nth} {when:?}");
            let hold = world.record().await.hold;
            if hold.is_none_or(|hold| hold.rolling_back_to.is_some()) {
                back(&world, world.state.as_ref(), world.backend.as_ref()).await.unwrap();
            }
            check(&world, &before, &place).await;
        }
        for nth in 1.. {
            let (world, before, live) = adopted(Target::Pointer).await;
            write_since(&world, &live).await;
            let backend = FaultyBackend::new(Arc::clone(&world.backend), nth, when);
            let first = back(&world, world.state.as_ref(), &backend).await;
            if !backend.has_failed() {
                assert!(nth > 8, "two looks, texts and a write, before the alias moves: {nth}");
                break;
            }
            first.unwrap_err();
            let done = back(&world, world.state.as_ref(), world.backend.as_ref()).await.unwrap();
            check(&world, &before, &format!("call {nth} {when:?}")).await;
            let named = told(&done.carry.unwrap());
            assert_eq!(named[0], ["/deploy.md", "/new.md", "/team.md"], "call {nth} {when:?}");
        }
    }
}

/// Writes as an agent would, right after each write of somebody else.
struct Busy {
    backend: Arc<dyn Backend>,
    store: MemoryStoreId,
    left: Mutex<Vec<Vec<MemoryWrite>>>,
}

#[async_trait]
impl Hook for Busy {
    async fn around(&self, call: Call, go: Go<'_>) -> Result<(), BackendError> {
        go.await;
        if call.name == "write" {
            let next = self.left.lock().unwrap().pop();
            self.backend.write(&self.store, &next.unwrap_or_default()).await.unwrap();
        }
        Ok(())
    }
}

#[tokio::test]
async fn what_agents_write_to_the_old_store_until_the_alias_has_moved_comes_along_too() {
    let (world, before, live) = adopted(Target::Pointer).await;
    write_since(&world, &live).await;
    let busy = Busy {
        backend: Arc::clone(&world.backend),
        store: live.clone(),
        left: Mutex::new(vec![
            vec![put("/later.md", "later", None)],
            vec![put("/new.md", "an agent's again", Some("an agent's"))],
        ]),
    };
    let hooked = Hooked { inner: Arc::clone(&world.backend), hook: busy };
    let done = back(&world, world.state.as_ref(), &hooked).await.unwrap();
    assert_eq!(hooked.hook.left.lock().unwrap().len(), 0, "both were written");
    let held = world.held(&before).await;
    let texts: Vec<_> = held.iter().map(|(at, text)| (at.as_str(), text.as_str())).collect();
    let deploy = changed("Tuesday", "Thursday");
    assert_eq!(texts, [("/deploy.md", &*deploy), ("/later.md", "later"), ("/new.md", "an agent's again")]);
    assert!(told(&done.carry.unwrap())[0].contains(&"/later.md".to_owned()));
}

#[tokio::test]
async fn what_agents_write_to_the_store_that_came_back_is_never_overwritten() {
    let (world, before, live) = adopted(Target::Pointer).await;
    write_since(&world, &live).await;
    back(&world, world.state.as_ref(), world.backend.as_ref()).await.unwrap();
    world.write(&before, &[put("/new.md", "newer", Some("an agent's"))]).await;
    world.write(&live, &[put("/new.md", "late", Some("an agent's")), put("/later.md", "later", None)]).await;
    // Somebody carries what was written to the old store since.
    let seen = world.record().await;
    let run = seen.previous[0].adoption.clone().unwrap().run;
    let hold = Hold { carrying: Some(Carrying { from: live, run }), ..seen.hold.clone().unwrap() };
    let done = with_lease(&world, world.state.as_ref(), world.backend.as_ref(), hold).await.unwrap();
    assert_eq!(world.live_memory("/new.md").await.as_deref(), Some("newer"));
    assert_eq!(world.live_memory("/later.md").await.as_deref(), Some("later"));
    let carry = done.carry.unwrap();
    assert_eq!(paths(carry.left.iter().map(|one| &one.path)), ["/new.md"]);
    assert_eq!(told(&carry)[2], Vec::<String>::new());
    assert_eq!(world.record().await.hold.unwrap().carrying, None);
}

#[tokio::test]
async fn a_copy_is_taken_back_around_what_agents_wrote_since() {
    for when in [When::Before, When::After] {
        for nth in 1.. {
            let (world, _, live) = adopted(Target::CopyBack).await;
            let edited = ADOPTED.replace("Tuesday", "Thursday");
            world
                .write(&live, &[put("/deploy.md", &edited, Some(ADOPTED)), put("/new.md", "new", None)])
                .await;
            let backend = FaultyBackend::new(Arc::clone(&world.backend), nth, when);
            let mut done = back(&world, world.state.as_ref(), &backend).await;
            let has_failed = backend.has_failed();
            if has_failed {
                done.unwrap_err();
                done = back(&world, world.state.as_ref(), world.backend.as_ref()).await;
            }
            let copy = done.unwrap().copy.unwrap();
            assert_eq!(
                (copy.merged, copy.conflicts),
                (vec![path("/deploy.md")], vec![]),
                "call {nth} {when:?}"
            );
            assert_eq!(world.live_memory("/deploy.md").await, Some(changed("Tuesday", "Thursday")));
            assert_eq!(world.live_memory("/new.md").await.as_deref(), Some("new"));
            assert_eq!(world.record().await.hold.unwrap().carrying, None);
            if !has_failed {
                assert!(nth > 4, "{nth}");
                break;
            }
        }
    }
}
