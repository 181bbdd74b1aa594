//! What follows the alias: deployments that are patched, and a session that is created.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dreamrun::backend::{BackendError, SessionRequest};
use dreamrun::ids::{AgentId, DeploymentId, EnvironmentId, MemoryStoreId};
use dreamrun::journal::Journal;
use dreamrun::journal::event::JournalEvent;
use dreamrun::journal::run_state::Phase;
use dreamrun::report::run_text::run_text;
use dreamrun::report::run_view::RunView;
use dreamrun::run::next::Stop;
use dreamrun::run::{Ended, RunError};
use dreamrun::spec::pipeline::{AgentRef, Target};
use jiff::SignedDuration;

use crate::support::{Call, FaultyBackend, FaultyState, Go, Hook, Hooked, Outside, When};
use crate::world::{World, put, told};

/// Adds deployments and sessions to a backend.
#[derive(Clone)]
struct WithOutside(Arc<Outside>);

#[async_trait]
impl Hook for WithOutside {
    async fn around(&self, _: Call, go: Go<'_>) -> Result<(), BackendError> {
        go.await;
        Ok(())
    }

    fn outside(&self) -> Option<&Outside> {
        Some(&self.0)
    }
}

fn deployment(n: u32) -> DeploymentId {
    DeploymentId::parse(format!("depl_{n}")).unwrap()
}

/// Makes a world with what is outside of it, and a target.
async fn world(target: Target) -> (World, Arc<Outside>) {
    let mut world = World::one_dream().await;
    let outside = Arc::new(Outside::default());
    let other = MemoryStoreId::parse("memstore_other").unwrap();
    let live = world.live().await;
    for n in 1..=3 {
        outside.deployments.lock().unwrap().insert(deployment(n), vec![other.clone(), live.clone()]);
    }
    world.backend = Arc::new(Hooked { inner: world.backend, hook: WithOutside(Arc::clone(&outside)) });
    world.pipeline.adopt.target = target;
    (world, outside)
}

fn deployments() -> Target {
    Target::Deployment([1, 2, 3].map(deployment).to_vec())
}

fn session() -> Target {
    let agent = AgentRef::Id(AgentId::parse("agent_1").unwrap());
    Target::Session { agent, environment: EnvironmentId::parse("env_1").unwrap() }
}

/// Returns the second store that each deployment names; the first is none of our business.
fn named(outside: &Outside) -> Vec<MemoryStoreId> {
    outside.deployments.lock().unwrap().values().map(|stores| stores[1].clone()).collect()
}

const BEGINNING: [&str; 10] = [
    "run_planned",
    "claimed",
    "base_recorded",
    "dream_requested",
    "dream_created",
    "dream_ended",
    "candidate_recorded",
    "judged",
    "adoption_intended",
    "alias_moved",
];

/// Returns what a run with a target writes down after its alias has moved.
fn following(target: &Target) -> &'static [&'static str] {
    match target {
        Target::Deployment(_) => {
            &["deployment_patched", "deployment_patched", "deployment_patched", "adopted", "released"]
        }
        _ => &["session_requested", "session_created", "adopted", "released"],
    }
}

/// Checks what must be true of every finished run.
async fn check(world: &World, outside: &Outside, journal: &Journal) {
    assert_eq!(world.dreams().await.len(), 1);
    let record = world.record().await;
    let candidate = journal.state().candidate.clone().unwrap().store;
    assert_eq!((&record.active, record.generation, &record.claim), (&candidate, 1, &None));
    let sessions = outside.sessions.lock().unwrap().clone();
    if let Target::Deployment(_) = world.pipeline.adopt.target {
        assert_eq!(named(outside), vec![candidate; 3]);
        assert_eq!(sessions, []);
    } else {
        let [(id, request)] = sessions.as_slice() else { panic!("{sessions:?}") };
        assert_eq!((&request.store, &request.run), (&candidate, journal.run()));
        assert_eq!(journal.state().session.clone().unwrap().session.as_ref(), Some(id));
    }
}

async fn undisturbed(target: Target) -> String {
    let (world, outside) = world(target.clone()).await;
    let mut journal = world.begin().await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(world.events(journal.run()).await, [&BEGINNING[..], following(&target)].concat());
    check(&world, &outside, &journal).await;
    told(&journal)
}

#[tokio::test]
async fn deployments_and_sessions_follow_the_alias() {
    for target in [deployments(), session()] {
        undisturbed(target).await;
    }
}

#[tokio::test]
async fn every_write_of_state_can_fail_on_either_side_of_its_effect() {
    for target in [deployments(), session()] {
        let expected = undisturbed(target.clone()).await;
        for when in [When::Before, When::After] {
            for nth in 1.. {
                let (world, outside) = world(target.clone()).await;
                let mut journal = world.begin().await;
                let state = FaultyState::new(Arc::clone(&world.state), nth, when);
                let first = world.go_with(&mut journal, &state, world.backend.as_ref()).await;
                if !state.has_failed() {
                    // Each event after the first, the ledger, and the alias claimed, moved and given back; and
                    // its lease given back and taken around the dream.
                    assert_eq!(nth as usize - 1, BEGINNING.len() + following(&target).len() + 5);
                    break;
                }
                first.unwrap_err();
                let mut journal = world.open(journal.run()).await;
                let ended = world.go(&mut journal).await.unwrap();
                assert_eq!(ended, Ended::Stopped(Stop::Ended), "write {nth}");
                check(&world, &outside, &journal).await;
                assert_eq!(told(&journal), expected, "write {nth}");
            }
        }
    }
}

#[tokio::test]
async fn every_call_to_the_backend_can_fail_on_either_side_of_its_effect() {
    for target in [deployments(), session()] {
        let expected = undisturbed(target.clone()).await;
        for when in [When::Before, When::After] {
            for nth in 1.. {
                let (world, outside) = world(target.clone()).await;
                let mut journal = world.begin().await;
                let backend = FaultyBackend::new(Arc::clone(&world.backend), nth, when);
                let first = world.go_with(&mut journal, world.state.as_ref(), &backend).await;
                if !backend.has_failed() {
                    first.unwrap();
                    assert!(nth > 12, "{nth}");
                    break;
                }
                let mut journal = world.open(journal.run()).await;
                let ended = world.go(&mut journal).await.unwrap();
                assert_eq!(ended, Ended::Stopped(Stop::Ended), "call {nth}");
                check(&world, &outside, &journal).await;
                assert_eq!(told(&journal), expected, "call {nth}");
            }
        }
    }
}

#[tokio::test]
async fn what_agents_write_to_the_old_store_until_the_last_patch_is_carried_over() {
    let (world, _) = world(deployments()).await;
    let live = world.live().await;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "deployment_patched").await;
    world.write(&live, &[put("/late", "written late", None)]).await;
    world.go(&mut journal).await.unwrap();
    assert_eq!(world.live_memory("/late").await.as_deref(), Some("written late"));
}

#[tokio::test]
async fn a_deployment_that_cannot_be_patched_stops_the_run_before_anything_moves() {
    let (world, outside) = world(deployments()).await;
    outside.deployments.lock().unwrap().remove(&deployment(2));
    let before = world.live().await;
    let mut journal = world.begin().await;
    let error = world.go(&mut journal).await.unwrap_err();
    let RunError::NotPatched { refused, patched, left, .. } = &error else { panic!("{error}") };
    assert_eq!((refused, patched.len(), left.len()), (&deployment(2), 0, 3));
    assert_eq!((world.live().await, named(&outside)), (before.clone(), vec![before; 2]));
    let cancel = JournalEvent::CancelAsked { by: "ada".to_owned() };
    world.record_event(&mut journal, cancel).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!((&journal.state().phase, world.record().await.claim), (&Phase::Canceled, None));
}

#[tokio::test]
async fn one_that_breaks_in_between_leaves_the_others_patched_and_is_patched_once_it_is_mended() {
    let (world, outside) = world(deployments()).await;
    outside.broken.lock().unwrap().insert(deployment(2));
    let before = world.live().await;
    let mut journal = world.begin().await;
    for _ in 0..2 {
        let error = world.go(&mut journal).await.unwrap_err();
        let RunError::NotPatched { patched, left, .. } = &error else { panic!("{error}") };
        assert_eq!(
            (patched.as_slice(), left.as_slice()),
            (&[1, 3].map(deployment)[..], &[deployment(2)][..])
        );
    }
    let live = world.live().await;
    assert_eq!(named(&outside), [live.clone(), before, live]);
    let view = RunView::of(journal.run(), journal.state());
    assert_eq!((view.phase, view.because.as_str()), ("adopting", "2 of 3 deployments patched"));
    outside.broken.lock().unwrap().clear();
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    check(&world, &outside, &journal).await;
}

#[tokio::test]
async fn a_run_whose_deployment_is_beyond_repair_ends_adopted_and_names_it() {
    let (world, outside) = world(deployments()).await;
    outside.broken.lock().unwrap().insert(deployment(2));
    let mut journal = world.begin().await;
    world.go(&mut journal).await.unwrap_err();
    world.record_event(&mut journal, JournalEvent::CancelAsked { by: "ada".to_owned() }).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!((&journal.state().phase, world.record().await.claim), (&Phase::Adopted, None));
    let view = RunView::of(journal.run(), journal.state());
    let text = run_text(&view, journal.state(), &Default::default());
    assert!(text.contains("2 of 3 deployments patched, still on the old store: depl_2"), "{text}");
}

const CREATE: &str = "create a session";

#[tokio::test]
async fn a_session_whose_answer_was_lost_is_found_and_not_created_twice() {
    let (world, outside) = world(session()).await;
    let mut journal = world.begin().await;
    let backend = FaultyBackend::at(Arc::clone(&world.backend), CREATE, 1, When::After);
    world.go_with(&mut journal, world.state.as_ref(), &backend).await.unwrap();
    assert!(backend.has_failed());
    check(&world, &outside, &journal).await;
    let events = dreamrun::journal::read(world.state.as_ref(), journal.run()).await.unwrap();
    let is_found =
        |event: &JournalEvent| matches!(event, JournalEvent::SessionCreated { is_settled: true, .. });
    assert!(events.iter().any(|recorded| is_found(&recorded.event)));
}

#[tokio::test]
async fn several_sessions_for_one_request_stop_the_run_until_a_person_leaves_one() {
    let (world, outside) = world(session()).await;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "session_created").await;
    let request: SessionRequest = outside.sessions.lock().unwrap()[0].1.clone();
    let second = outside.create_session(&request);
    for _ in 0..2 {
        let error = world.go(&mut journal).await.unwrap_err();
        let RunError::SessionInDoubt { sessions, .. } = &error else { panic!("{error}") };
        assert_eq!((sessions.len(), sessions.contains(&second)), (2, true));
    }
    outside.sessions.lock().unwrap().pop();
    world.go(&mut journal).await.unwrap();
    check(&world, &outside, &journal).await;
}

#[tokio::test]
async fn a_session_that_was_never_sent_is_asked_for_again_only_after_the_settling_time() {
    let (world, outside) = world(session()).await;
    let mut journal = world.begin().await;
    // The intent is durable, and the request never left.
    let backend = FaultyBackend::at(Arc::clone(&world.backend), CREATE, 1, When::Before);
    let state = FaultyState::at(Arc::clone(&world.state), "runs/nightly-1/00000012", 1, When::Before);
    world.go_with(&mut journal, &state, &backend).await.unwrap_err();
    let mut journal = world.open(journal.run()).await;
    assert!(journal.state().is_session_in_doubt());
    // Whoever asked is gone for sure; the time that anything takes to be listed has passed.
    world.clock.advance(SignedDuration::from_hours(51));
    let slow = FaultyBackend::new(Arc::clone(&world.backend), 1_000, When::Before)
        .settling_in(Duration::from_secs(90));
    world.go_with(&mut journal, world.state.as_ref(), &slow).await.unwrap();
    check(&world, &outside, &journal).await;
    let asked = world.events(journal.run()).await;
    assert_eq!(asked.iter().filter(|kind| **kind == "session_requested").count(), 2);
}

#[tokio::test]
async fn a_rollback_gives_deployments_their_store_back() {
    let (world, outside) = world(deployments()).await;
    let before = world.live().await;
    let mut journal = world.begin().await;
    world.go(&mut journal).await.unwrap();
    // One is broken at first: the rollback is begun, held, and carried on.
    outside.broken.lock().unwrap().insert(deployment(3));
    let error = world.back(world.state.as_ref(), world.backend.as_ref()).await.unwrap_err();
    assert!(matches!(&error, RunError::NotPatched { patched, .. } if patched.len() == 2), "{error}");
    assert_eq!(world.record().await.hold.unwrap().rolling_back_to, Some(before.clone()));
    outside.broken.lock().unwrap().clear();
    let done = world.back(world.state.as_ref(), world.backend.as_ref()).await.unwrap();
    assert_eq!((named(&outside), done.deployments.len()), (vec![before.clone(); 3], 3));
    assert_eq!((world.live().await, world.record().await.hold.unwrap().rolling_back_to), (before, None));
}

#[tokio::test]
async fn a_rollback_leaves_the_session_and_names_it() {
    let (world, outside) = world(session()).await;
    let before = world.live().await;
    let mut journal = world.begin().await;
    world.go(&mut journal).await.unwrap();
    let done = world.back(world.state.as_ref(), world.backend.as_ref()).await.unwrap();
    let created = outside.sessions.lock().unwrap()[0].0.clone();
    assert_eq!((done.session, world.live().await), (Some(created), before));
}

#[tokio::test]
async fn deployments_follow_an_alias_that_had_moved_before_its_run_was_canceled() {
    for kind in ["alias_moved", "deployment_patched"] {
        let (world, outside) = world(deployments()).await;
        let mut journal = world.begin().await;
        world.go_before(&mut journal, kind).await;
        world.record_event(&mut journal, JournalEvent::CancelAsked { by: "ada".to_owned() }).await;
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended), "{kind}");
        assert_eq!(journal.state().phase, Phase::Adopted, "{kind}");
        assert_eq!(journal.state().patched, [1, 2, 3].map(deployment), "{kind}");
        check(&world, &outside, &journal).await;
    }
}
