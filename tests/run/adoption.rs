//! What becomes of candidates: adopted, unchanged, blocked, rejected, written to a folder.

use std::fs;
use std::sync::Arc;

use dreamrun::adoption::decide::Reason;
use dreamrun::ids::{PipelineName, RunId};
use dreamrun::journal::Journal;
use dreamrun::journal::event::JournalEvent;
use dreamrun::journal::run_state::Phase;
use dreamrun::memory::{ContentHash, MemoryWrite};
use dreamrun::plan::report::NotDue;
use dreamrun::run::next::Stop;
use dreamrun::run::{Ended, RunError};
use dreamrun::spec::pipeline::{AdoptMode, GateSpec, StoreRef, Target};
use dreamrun::state::PutIf;
use dreamrun::state::alias;

use crate::support::{FaultyState, When};
use crate::world::{MOVE, World, path, put, told};

#[tokio::test]
async fn an_unchanged_candidate_is_not_adopted_and_its_sessions_count_as_read() {
    let mut world = World::one_dream().await;
    world.pipeline.model = "keeping".to_owned();
    let live = world.live().await;
    let mut journal = world.begin().await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(journal.state().phase, Phase::Unchanged);
    let record = world.record().await;
    assert_eq!((record.active, record.generation, record.claim), (live, 0, None));
    assert!(record.last_finished.contains_key(&world.pipeline.name));
    assert_eq!(world.plan().await.not_due, Some(NotDue::TooFew { waiting: 0, min: 1 }));
    world.add_sessions(2..3);
    assert_eq!(world.plan().await.batches[0].sessions.len(), 1, "only the new one is paid for");
}

#[tokio::test]
async fn a_plan_made_before_its_sessions_were_read_is_not_carried_out() {
    let mut world = World::one_dream().await;
    world.pipeline.model = "keeping".to_owned();
    let mut first = world.begin().await;
    world.pipeline.name = PipelineName::parse("weekly").unwrap();
    let mut second = world.begin().await;
    world.pipeline.name = PipelineName::parse("nightly").unwrap();
    world.go(&mut first).await.unwrap();
    assert_eq!((&first.state().phase, world.record().await.generation), (&Phase::Unchanged, 0));
    world.pipeline.name = PipelineName::parse("weekly").unwrap();
    let error = world.go(&mut second).await.unwrap_err();
    assert!(matches!(error, RunError::Stale { .. }), "{error}");
    assert_eq!(world.dreams().await.len(), 1, "the same sessions are not paid for twice");
}

#[tokio::test]
async fn a_rejected_candidate_leaves_everything_and_its_sessions_wait_again() {
    let mut world = World::one_dream().await;
    world.pipeline.adopt.mode = AdoptMode::Review;
    let before = world.record().await;
    let mut journal = world.begin().await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::AwaitingReview));
    assert_eq!(journal.state().phase, Phase::AwaitingReview(vec![Reason::Mode]));
    let no = JournalEvent::Rejected { by: "ada".to_owned(), reason: Some("worse".to_owned()) };
    world.record_event(&mut journal, no).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!((&journal.state().phase, world.record().await), (&Phase::Rejected, before));
    let next = world.plan().await;
    assert_eq!((next.not_due, next.run.number(), next.batches.len()), (None, 2, 1));
}

#[tokio::test]
async fn a_wiped_store_is_blocked_until_its_gates_are_overridden_by_name() {
    let mut world = World::one_dream().await;
    world.pipeline.model = "wiping".to_owned();
    let live = world.live().await;
    let mut journal = world.begin().await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Blocked));
    world.approve(&mut journal, &["bytes"]).await;
    let stands = "`entries_removed` stands";
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Blocked), "{stands}");
    assert_eq!(world.live().await, live);
    world.approve(&mut journal, &["entries_removed"]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(world.held(&world.live().await).await, []);
    let approval = journal.state().approval.clone().unwrap();
    assert_eq!((approval.by.as_str(), approval.reason.as_deref()), ("ada", Some("looked at it")));
    assert_eq!(world.record().await.previous[0].store, live, "there is a way back");
}

/// Brings a run to where its alias is about to move: before the intent, or between intent and move.
async fn before_the_move(world: &World, is_intended: bool) -> Journal {
    let mut journal = world.begin().await;
    if is_intended {
        let state = FaultyState::at(Arc::clone(&world.state), "aliases/", 4, When::Before);
        world.go_with(&mut journal, &state, world.backend.as_ref()).await.unwrap_err();
        assert!(matches!(journal.state().phase, Phase::Adopting { .. }), "{:?}", journal.state().phase);
    } else {
        world.go_before(&mut journal, "adoption_intended").await;
    }
    journal
}

#[tokio::test]
async fn a_candidate_that_changed_after_it_was_judged_is_judged_again() {
    for is_intended in [false, true] {
        let world = World::one_dream().await;
        let mut journal = before_the_move(&world, is_intended).await;
        let candidate = journal.state().candidate.clone().unwrap();
        world.write(&candidate.store, &[put("/a", "slipped in", Some("one"))]).await;
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
        let judged = world.events(journal.run()).await.into_iter().filter(|kind| *kind == "judged").count();
        assert_eq!((judged, &world.live().await), (2, &candidate.store));
        let state = journal.state();
        let hash = state.candidate.clone().unwrap().hash;
        assert_ne!(hash, candidate.hash);
        assert_eq!(state.judgment.clone().unwrap().candidate, hash);
        assert_eq!(world.record().await.adoption.unwrap().hash, hash, "what is live was judged");
    }
}

#[tokio::test]
async fn a_candidate_that_was_wiped_after_it_was_judged_is_blocked_and_lets_go_of_the_alias() {
    for is_intended in [false, true] {
        let world = World::one_dream().await;
        let before = world.record().await;
        let mut journal = before_the_move(&world, is_intended).await;
        let candidate = journal.state().candidate.clone().unwrap().store;
        for (at, content) in world.held(&candidate).await {
            let delete = MemoryWrite::Delete { path: path(&at), expected: ContentHash::of(content) };
            world.write(&candidate, &[delete]).await;
        }
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Blocked));
        let no = JournalEvent::Rejected { by: "ada".to_owned(), reason: None };
        world.record_event(&mut journal, no).await;
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
        assert_eq!(world.record().await, before);
    }
}

#[tokio::test]
async fn of_two_runs_that_claim_one_alias_the_second_is_told_who_was_first() {
    let mut world = World::one_dream().await;
    world.pipeline.adopt.mode = AdoptMode::Review;
    let mut first = world.begin().await;
    world.go(&mut first).await.unwrap();
    world.pipeline.name = PipelineName::parse("weekly").unwrap();
    let mut second = world.begin().await;
    let error = world.go(&mut second).await.unwrap_err();
    let RunError::Busy { run, alias } = &error else { panic!("{error}") };
    assert_eq!((run, alias), (first.run(), &world.alias));
    assert_eq!((second.state().phase.name(), world.dreams().await.len()), ("planned", 1));

    world.pipeline.name = PipelineName::parse("nightly").unwrap();
    world.approve(&mut first, &[]).await;
    world.go(&mut first).await.unwrap();
    world.pipeline.name = PipelineName::parse("weekly").unwrap();
    let error = world.go(&mut second).await.unwrap_err();
    assert!(
        matches!(error, RunError::Stale { .. }),
        "planned for a store that is not live any more: {error}"
    );
    assert_eq!(world.dreams().await.len(), 1);
}

#[tokio::test]
async fn of_two_processes_that_drive_one_run_the_one_that_comes_late_goes_on_after_the_other() {
    let world = World::one_dream().await;
    let mut one = world.begin().await;
    world.go_before(&mut one, "base_recorded").await;
    let mut other = world.open(one.run()).await;
    world.go(&mut one).await.unwrap();
    assert_eq!(world.go(&mut other).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!((other.events(), told(&other)), (one.events(), told(&one)));
    assert_eq!((world.dreams().await.len(), world.record().await.generation), (1, 1));
}

#[tokio::test]
async fn a_claim_in_the_name_of_a_run_that_is_over_holds_nobody_up() {
    let mut world = World::one_dream().await;
    world.pipeline.model = "keeping".to_owned();
    let mut one = world.begin().await;
    let mut late = world.open(one.run()).await;
    world.go(&mut one).await.unwrap();
    assert_eq!(one.state().phase, Phase::Unchanged);
    assert_eq!(world.go(&mut late).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!((late.state().phase.clone(), world.record().await.claim), (Phase::Unchanged, None));
    // A claim as a process leaves it that dies before it learns that its run is over.
    let (mut record, version) = alias::read(world.state.as_ref(), &world.alias).await.unwrap().unwrap();
    let since = dreamrun::clock::Clock::now(world.clock.as_ref());
    record.claim = Some(alias::Claim { run: one.run().clone(), since, by: None });
    alias::write(world.state.as_ref(), &world.alias, &record, PutIf::Version(version)).await.unwrap();
    world.add_sessions(2..4);
    let mut next = world.begin().await;
    assert_eq!(world.go(&mut next).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(world.record().await.claim, None);
}

#[tokio::test]
async fn an_alias_that_was_moved_meanwhile_is_not_moved_again() {
    let world = World::one_dream().await;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "adoption_intended").await;
    let (mut record, version) = alias::read(world.state.as_ref(), &world.alias).await.unwrap().unwrap();
    let elsewhere = journal.state().candidate.clone().unwrap().store;
    let moved_to = dreamrun::ids::MemoryStoreId::parse("memstore_other").unwrap();
    assert_ne!(elsewhere, moved_to);
    record.replace_active(moved_to.clone(), None, dreamrun::clock::Clock::now(world.clock.as_ref()));
    alias::write(world.state.as_ref(), &world.alias, &record, PutIf::Version(version)).await.unwrap();
    let error = world.go(&mut journal).await.unwrap_err();
    assert!(matches!(error, RunError::Stale { .. }), "{error}");
    assert_eq!(world.live().await, moved_to);
}

#[tokio::test]
async fn a_raw_store_stays_what_it_is() {
    let mut world = World::one_dream().await;
    let live = world.live().await;
    world.pipeline.store = StoreRef::Raw(live.clone());
    world.pipeline.adopt.mode = AdoptMode::Review;
    let mut journal = world.begin().await;
    world.go(&mut journal).await.unwrap();
    world.approve(&mut journal, &[]).await;
    world.go(&mut journal).await.unwrap();
    assert_eq!(journal.state().phase, Phase::Adopted);
    let record = world.record().await;
    assert_eq!((record.active, record.generation), (live, 0));
    assert_eq!(record.adoption.unwrap().run, *journal.run());
    assert_eq!(world.plan().await.not_due, Some(NotDue::TooFew { waiting: 0, min: 1 }));
}

/// Runs with a directory target over a folder that holds the live store.
async fn to_folder() -> (World, Journal) {
    let mut world = World::one_dream().await;
    world.pipeline.adopt.target = Target::Directory("memory".into());
    fs::create_dir(world.root().join("memory")).unwrap();
    for (name, text) in [("a", "one"), ("b", "two"), ("c", "three")] {
        fs::write(world.root().join("memory").join(name), text).unwrap();
    }
    let journal = world.begin().await;
    (world, journal)
}

fn file(world: &World, name: &str) -> Option<String> {
    fs::read_to_string(world.root().join("memory").join(name)).ok()
}

#[tokio::test]
async fn a_directory_target_holds_the_candidate_and_the_alias_moves_too() {
    let (world, mut journal) = to_folder().await;
    let before = world.live().await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_ne!(world.live().await, before);
    for (path, content) in world.held(&world.live().await).await {
        assert_eq!(file(&world, &path[1..]), Some(content), "{path}");
    }
}

#[tokio::test]
async fn files_that_a_person_changed_are_kept() {
    let (mut world, _) = to_folder().await;
    world.pipeline.model = "wiping".to_owned();
    world.pipeline.gates = Vec::<GateSpec>::new();
    world.pipeline.name = PipelineName::parse("wiping").unwrap();
    let mut journal = world.begin().await;
    fs::write(world.root().join("memory/a"), "my own words").unwrap();
    fs::write(world.root().join("memory/notes.txt"), "mine").unwrap();
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(file(&world, "a").as_deref(), Some("my own words"));
    assert_eq!(file(&world, "notes.txt").as_deref(), Some("mine"));
    assert_eq!((file(&world, "b"), file(&world, "c")), (None, None));
}

#[tokio::test]
async fn files_that_were_kept_are_named_after_a_crash_too() {
    for kind in ["folder_written", "adopted", "released"] {
        let (world, mut journal) = to_folder().await;
        fs::write(world.root().join("memory/learned.md"), "my own words").unwrap();
        world.go_before(&mut journal, kind).await;
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
        assert_eq!(journal.state().kept_files, ["/learned.md"], "{kind}");
        let journal = world.open(journal.run()).await;
        assert_eq!(journal.state().kept_files, ["/learned.md"], "{kind}");
    }
}

#[tokio::test]
async fn a_folder_that_was_written_before_the_candidate_was_rebased_is_written_again() {
    let (world, mut journal) = to_folder().await;
    let live = world.live().await;
    world.go_before(&mut journal, MOVE).await;
    assert!(journal.state().is_folder_written);
    let written = file(&world, "learned.md").unwrap();
    world.write(&live, &[put("/a", "edited by an agent", Some("one"))]).await;
    // A person may have changed the candidate too, say in a review.
    let candidate = journal.state().candidate.clone().unwrap().store;
    world.write(&candidate, &[put("/learned.md", "more", Some(&written))]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(journal.state().kept_files, [""; 0]);
    for (path, content) in world.held(&world.live().await).await {
        assert_eq!(file(&world, &path[1..]), Some(content), "{path}");
    }
    assert_eq!(file(&world, "learned.md").as_deref(), Some("more"));
}

#[tokio::test]
async fn what_an_agent_changed_since_the_last_adoption_is_not_taken_for_a_change_by_hand() {
    let (world, mut journal) = to_folder().await;
    world.go(&mut journal).await.unwrap();
    let live = world.live().await;
    let gone = MemoryWrite::Delete { path: path("/b"), expected: ContentHash::of("two") };
    world.write(&live, &[put("/a", "edited by an agent", Some("one")), gone]).await;
    fs::write(world.root().join("memory/c"), "my own words").unwrap();
    world.add_sessions(2..4);
    let mut next = world.begin().await;
    assert_eq!(world.go(&mut next).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(next.state().kept_files, ["/c"]);
    assert_eq!(file(&world, "a").as_deref(), Some("edited by an agent"));
    assert_eq!(file(&world, "b"), None);
    assert_eq!(file(&world, "c").as_deref(), Some("my own words"));
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_stops_the_run_before_the_alias_moves() {
    let mut world = World::one_dream().await;
    world.pipeline.adopt.target = Target::Directory("memory".into());
    fs::write(world.root().join("memory"), "a file stands here").unwrap();
    let before = world.live().await;
    let mut journal = world.begin().await;
    let error = world.go(&mut journal).await.unwrap_err();
    assert!(matches!(error, RunError::Folder { .. }), "{error}");
    assert_eq!(world.live().await, before);
    fs::remove_file(world.root().join("memory")).unwrap();
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert!(file(&world, "learned.md").is_some());
    assert_eq!(journal.run(), &RunId::parse("nightly-1").unwrap());
}
