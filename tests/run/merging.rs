//! One memory that agents and the dream both changed: merged statement by statement, or a conflict.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use dreamrun::adoption::decide::Reason;
use dreamrun::backend::{Backend, BackendError, Refusal};
use dreamrun::ids::MemoryStoreId;
use dreamrun::journal::Journal;
use dreamrun::journal::run_state::Phase;
use dreamrun::report::run_view::RunView;
use dreamrun::run::Ended;
use dreamrun::run::next::Stop;
use dreamrun::spec::pipeline::{Drift, Target};

use crate::support::{Call, Go, Hook, Hooked};
use crate::world::{World, path, put};

const DEPLOY: &str =
    "# Deploy\n\n- Deploys go out on Tuesday.\n- The canary takes 15 minutes.\n- Be brief.\n";

/// Makes a world whose dream corrects how long the canary takes.
pub(crate) async fn correcting() -> World {
    let mut world = World::new(&[("/deploy.md", DEPLOY), ("/team.md", "- Retro is on Friday.\n")], 2).await;
    world.pipeline.model = "correcting".to_owned();
    world
}

pub(crate) fn changed(from: &str, to: &str) -> String {
    assert!(DEPLOY.contains(from));
    DEPLOY.replace(from, to)
}

/// Goes to where the dream is done, and lets an agent write to the live store.
async fn written(world: &World, text: &str) -> (Journal, MemoryStoreId) {
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "dream_ended").await;
    let live = world.live().await;
    world.write(&live, &[put("/deploy.md", text, Some(DEPLOY))]).await;
    (journal, live)
}

fn both() -> String {
    changed("Tuesday", "Thursday").replace("15 minutes", "20 minutes")
}

#[tokio::test]
async fn different_statements_of_one_memory_are_merged_judged_and_named() {
    let world = correcting().await;
    let (mut journal, _) = written(&world, &changed("Tuesday", "Thursday")).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(journal.state().phase, Phase::Adopted);
    assert_eq!(world.live_memory("/deploy.md").await, Some(both()));
    assert_eq!(journal.state().carried, [path("/deploy.md")]);
    assert_eq!(journal.state().conflicts, []);
    let events = world.events(journal.run()).await;
    assert_eq!(events.iter().filter(|kind| **kind == "judged").count(), 2, "what is adopted was judged");
    let view = RunView::of(journal.run(), journal.state());
    assert_eq!(view.merged[0].path, path("/deploy.md"));
    let text = dreamrun::report::run_text::run_text(&view, journal.state(), &Default::default());
    assert!(text.contains("statement by statement: /deploy.md"), "{text}");
}

#[tokio::test]
async fn the_same_statement_is_a_conflict_for_a_person() {
    let world = correcting().await;
    let (mut journal, _) = written(&world, &changed("15 minutes", "30 minutes")).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::AwaitingReview));
    assert_eq!(journal.state().phase, Phase::AwaitingReview(vec![Reason::Conflicts { count: 1 }]));
    assert_eq!(journal.state().merged, []);
    let candidate = journal.state().candidate.clone().unwrap().store;
    assert_eq!(world.held(&candidate).await[0].1, changed("15 minutes", "30 minutes"));
}

#[tokio::test]
async fn what_agents_write_after_a_merge_is_merged_again() {
    let world = correcting().await;
    let (mut journal, live) = written(&world, &changed("Tuesday", "Thursday")).await;
    world.go_before(&mut journal, "adoption_intended").await;
    let again = changed("Tuesday", "Thursday").replace("Be brief", "Be very brief");
    world.write(&live, &[put("/deploy.md", &again, Some(&changed("Tuesday", "Thursday")))]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(world.live_memory("/deploy.md").await, Some(both().replace("Be brief", "Be very brief")));
    assert_eq!((journal.state().merged.len(), journal.state().conflicts.len()), (1, 0));
}

#[tokio::test]
async fn a_merge_cut_off_after_its_write_is_finished() {
    let world = correcting().await;
    let (mut journal, _) = written(&world, &changed("Tuesday", "Thursday")).await;
    world.go_before(&mut journal, "rebase_intended").await;
    world.go_before(&mut journal, "candidate_recorded").await;
    assert!(matches!(journal.state().phase, Phase::Rebasing { .. }));
    let candidate = journal.state().candidate.clone().unwrap().store;
    assert_eq!(world.held(&candidate).await[0].1, both());
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(world.live_memory("/deploy.md").await, Some(both()));
    assert_eq!((journal.state().merged.len(), journal.state().conflicts.len()), (1, 0));
}

/// Writes a new memory to the live store before each look at the whole of it.
struct Restless {
    backend: Arc<dyn Backend>,
    store: MemoryStoreId,
    written: AtomicUsize,
}

#[async_trait]
impl Hook for Restless {
    async fn around(&self, call: Call, go: Go<'_>) -> Result<(), BackendError> {
        if ["snapshot", "index", "write"].contains(&call.name) {
            let nth = self.written.fetch_add(1, Ordering::SeqCst);
            let write = put(&format!("/agents/{nth}"), "an agent's", None);
            self.backend.write(&self.store, &[write]).await.unwrap();
        }
        go.await;
        Ok(())
    }
}

#[tokio::test]
async fn agents_that_never_pause_keep_no_run_from_its_end_and_lose_nothing() {
    for target in [Target::Pointer, Target::CopyBack] {
        let mut world = correcting().await;
        world.pipeline.adopt.target = target.clone();
        let mut journal = world.begin().await;
        world.go_before(&mut journal, "candidate_recorded").await;
        let live = world.live().await;
        let (backend, written) = (Arc::clone(&world.backend), AtomicUsize::new(0));
        let hook = Restless { backend, store: live.clone(), written };
        let hooked = Hooked { inner: Arc::clone(&world.backend), hook };
        let ended = world.go_with(&mut journal, world.state.as_ref(), &hooked).await.unwrap();
        assert_eq!(ended, Ended::Stopped(Stop::Ended));
        assert_eq!(journal.state().phase, Phase::Adopted, "{target:?}");
        let rebases = world.events(journal.run()).await.into_iter().filter(|kind| *kind == "rebase_intended");
        assert_eq!(rebases.count(), 3);
        let held = world.held(&world.live().await).await;
        assert_eq!(world.live_memory("/deploy.md").await, Some(changed("15 minutes", "20 minutes")));
        let written = hooked.hook.written.load(Ordering::SeqCst);
        let there = held.iter().filter(|(at, _)| at.starts_with("/agents/")).count();
        // A store that gave way is written to after the last look at it too; up to that, everything is there.
        let is_there = |nth: usize| held.iter().any(|(at, _)| *at == format!("/agents/{nth}"));
        assert!((0..there).all(is_there), "{target:?}: {there} of {written}");
        assert!(target == Target::Pointer || there == written, "{target:?}: {there} of {written}");
    }
}

#[tokio::test]
async fn agents_that_never_pause_keep_no_person_from_being_asked() {
    let mut world = correcting().await;
    world.pipeline.adopt.drift = Drift::Review;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "candidate_recorded").await;
    let (backend, written) = (Arc::clone(&world.backend), AtomicUsize::new(0));
    let hook = Restless { backend, store: world.live().await, written };
    let hooked = Hooked { inner: Arc::clone(&world.backend), hook };
    let ended = world.go_with(&mut journal, world.state.as_ref(), &hooked).await.unwrap();
    assert_eq!(ended, Ended::Stopped(Stop::AwaitingReview));
    let Phase::AwaitingReview(why) = &journal.state().phase else { panic!("{:?}", journal.state().phase) };
    assert!(matches!(why[..], [Reason::Carried { .. }]), "{why:?}");
}

/// Keeps no versions.
struct Forgetful;

#[async_trait]
impl Hook for Forgetful {
    async fn around(&self, call: Call, go: Go<'_>) -> Result<(), BackendError> {
        if call.name == "contents" {
            let (action, kind) = (call.action, Refusal::NotFound);
            return Err(BackendError::Refused { action, kind, message: "no such version".to_owned() });
        }
        go.await;
        Ok(())
    }
}

#[tokio::test]
async fn what_cannot_be_merged_any_more_after_a_crash_goes_to_review() {
    let world = correcting().await;
    let (mut journal, live) = written(&world, &changed("Tuesday", "Thursday")).await;
    world.go_before(&mut journal, "rebase_intended").await;
    // The intent is written, and nothing after it; a process with an empty memory goes on.
    let stopping = Hooked { inner: Arc::clone(&world.backend), hook: Stopping };
    world.go_with(&mut journal, world.state.as_ref(), &stopping).await.unwrap_err();
    assert!(matches!(&journal.state().phase, Phase::Rebasing { merged, .. } if merged.len() == 1));
    let forgetful = Hooked { inner: Arc::clone(&world.backend), hook: Forgetful };
    let ended = world.go_with(&mut journal, world.state.as_ref(), &forgetful).await.unwrap();
    assert_eq!(ended, Ended::Stopped(Stop::AwaitingReview));
    assert_eq!((journal.state().merged.len(), journal.state().conflicts.len()), (0, 1));
    assert_eq!(journal.state().carried, []);
    let candidate = journal.state().candidate.clone().unwrap().store;
    assert_eq!(world.held(&candidate).await[0].1, changed("Tuesday", "Thursday"), "the live version stands");
    assert_eq!(world.live().await, live);
}

/// Lets nothing be written.
struct Stopping;

#[async_trait]
impl Hook for Stopping {
    async fn around(&self, call: Call, go: Go<'_>) -> Result<(), BackendError> {
        if call.name == "write" {
            return Err(BackendError::NotSent { action: call.action, reason: "stopped".to_owned() });
        }
        go.await;
        Ok(())
    }
}

#[tokio::test]
async fn a_late_write_is_merged_with_what_was_adopted_however_often_that_is_tried() {
    let world = correcting().await;
    let mut journal = world.begin().await;
    let old = world.live().await;
    world.go_before(&mut journal, "adopted").await;
    world.write(&old, &[put("/deploy.md", &changed("Tuesday", "Thursday"), Some(DEPLOY))]).await;
    world.go_before(&mut journal, "adopted").await;
    assert_eq!(world.live_memory("/deploy.md").await, Some(both()));
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(world.live_memory("/deploy.md").await, Some(both()));
    assert_eq!(journal.state().carried, [path("/deploy.md")]);
    assert_eq!((journal.state().merged.len(), journal.state().late_conflicts.len()), (1, 0));
}

#[tokio::test]
async fn a_late_write_is_merged_with_a_newer_one_unless_both_say_something_of_the_same() {
    for (newer, is_merged) in [("Be very brief.", true), ("Be brief. Deploys go out on Tuesday.", false)] {
        let world = correcting().await;
        let mut journal = world.begin().await;
        let old = world.live().await;
        world.go_before(&mut journal, "adopted").await;
        let adopted = changed("15 minutes", "20 minutes");
        let newer = adopted.replace("Be brief.", newer);
        world.write(&world.live().await, &[put("/deploy.md", &newer, Some(&adopted))]).await;
        world.write(&old, &[put("/deploy.md", &changed("Tuesday", "Thursday"), Some(DEPLOY))]).await;
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
        let expected = if is_merged { newer.replacen("Tuesday", "Thursday", 1) } else { newer };
        assert_eq!(world.live_memory("/deploy.md").await, Some(expected));
        assert_eq!(journal.state().late_conflicts.len(), usize::from(!is_merged));
        assert_eq!(journal.state().merged.len(), usize::from(is_merged));
    }
}
