//! Agents that write to the live store while a dream is at work, and after.

use dreamrun::adoption::decide::Reason;
use dreamrun::gate::verdict::Outcome;
use dreamrun::ids::MemoryStoreId;
use dreamrun::journal::Journal;
use dreamrun::journal::event::JournalEvent;
use dreamrun::journal::run_state::Phase;
use dreamrun::memory::{ContentHash, MemoryWrite};
use dreamrun::run::Ended;
use dreamrun::run::next::Stop;
use dreamrun::spec::pipeline::{AdoptMode, Drift};
use jiff::SignedDuration;

use crate::world::{MOVE, World, path, put};

/// Begins a run and goes to where its dream is done, with the live store as it was.
async fn dreamt(drift: Drift) -> (World, Journal, MemoryStoreId) {
    let mut world = World::one_dream().await;
    world.pipeline.adopt.drift = drift;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "dream_ended").await;
    let live = world.live().await;
    (world, journal, live)
}

fn reasons(journal: &Journal) -> Vec<Reason> {
    match &journal.state().phase {
        Phase::AwaitingReview(why) | Phase::Blocked(why) => why.clone(),
        other => panic!("nobody waits in {other:?}"),
    }
}

/// An edit, an addition and a deletion that the dream has nothing to do with.
async fn write_aside(world: &World, live: &MemoryStoreId) {
    let deleted = MemoryWrite::Delete { path: path("/c"), expected: ContentHash::of("three") };
    world.write(live, &[put("/a", "edited", Some("one")), put("/new", "added", None), deleted]).await;
}

/// Checks that the live store holds what [`write_aside`] wrote, and the dream's work.
async fn check_carried(world: &World) {
    let held = world.held(&world.live().await).await;
    let names: Vec<_> = held.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(names, ["/a", "/b", "/learned.md", "/new"]);
    assert_eq!((held[0].1.as_str(), held[3].1.as_str()), ("edited", "added"));
    assert!(held[2].1.contains("fact 1"), "{held:?}");
}

#[tokio::test]
async fn rebase_carries_live_writes_over() {
    let (world, mut journal, live) = dreamt(Drift::Rebase).await;
    write_aside(&world, &live).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(journal.state().phase, Phase::Adopted);
    check_carried(&world).await;
    assert_eq!(journal.state().carried, ["/a", "/c", "/new"].map(path));
    let judged = world.events(journal.run()).await.into_iter().filter(|kind| *kind == "judged").count();
    assert_eq!(judged, 2, "what is adopted was judged");
}

#[tokio::test]
async fn a_memory_that_both_sides_changed_goes_to_review_in_its_live_version() {
    let (world, mut journal, live) = dreamt(Drift::Rebase).await;
    world.write(&live, &[put("/learned.md", "from an agent", None)]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::AwaitingReview));
    assert_eq!(reasons(&journal), [Reason::Conflicts { count: 1 }]);
    let conflict = &journal.state().conflicts[0];
    assert_eq!((&conflict.path, conflict.base), (&path("/learned.md"), None));
    assert_eq!(conflict.ours, Some(ContentHash::of("from an agent")));
    assert_ne!(conflict.theirs, conflict.ours);
    world.approve(&mut journal, &[]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(world.live_memory("/learned.md").await.as_deref(), Some("from an agent"));
}

#[tokio::test]
async fn review_carries_live_writes_over_and_shows_them_to_a_person() {
    let (world, mut journal, live) = dreamt(Drift::Review).await;
    write_aside(&world, &live).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::AwaitingReview));
    assert_eq!(reasons(&journal), [Reason::Carried { count: 3 }]);
    assert_eq!(world.live().await, live);
    world.approve(&mut journal, &[]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    check_carried(&world).await;
}

#[tokio::test]
async fn block_adopts_nothing_unless_a_person_overrides_drift() {
    let (world, mut journal, live) = dreamt(Drift::Block).await;
    write_aside(&world, &live).await;
    for overrides in [&[][..], &["entries_removed"]] {
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Blocked));
        assert!(reasons(&journal).contains(&Reason::Drift));
        assert_eq!(world.live().await, live);
        world.approve(&mut journal, overrides).await;
    }
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Blocked));
    world.approve(&mut journal, &["drift"]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    check_carried(&world).await;
}

#[tokio::test]
async fn an_untouched_store_is_adopted_under_every_policy() {
    for drift in [Drift::Rebase, Drift::Review, Drift::Block] {
        let (world, mut journal, _) = dreamt(drift).await;
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended), "{drift:?}");
        assert_eq!(journal.state().phase, Phase::Adopted);
    }
}

#[tokio::test]
async fn a_write_between_the_decision_and_the_move_is_carried_over_after_it() {
    let (world, mut journal, live) = dreamt(Drift::Rebase).await;
    world.go_before(&mut journal, "adopted").await;
    // The alias has moved; this agent still has the old store mounted.
    assert_ne!(world.live().await, live);
    write_aside(&world, &live).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    check_carried(&world).await;
    assert_eq!(journal.state().carried, ["/a", "/c", "/new"].map(path));
    assert_eq!(world.record().await.generation, 1);
}

#[tokio::test]
async fn a_late_write_takes_the_place_of_the_dreams_own() {
    let (world, mut journal, live) = dreamt(Drift::Rebase).await;
    world.go_before(&mut journal, "adopted").await;
    world.write(&live, &[put("/learned.md", "from an agent", None)]).await;
    world.go(&mut journal).await.unwrap();
    assert_eq!(world.live_memory("/learned.md").await.as_deref(), Some("from an agent"));
    assert_eq!(journal.state().carried, [path("/learned.md")]);
}

#[tokio::test]
async fn a_late_write_to_the_old_store_never_replaces_a_newer_one_in_the_new_store() {
    let (world, mut journal, old) = dreamt(Drift::Rebase).await;
    world.go_before(&mut journal, "adopted").await;
    let new = world.live().await;
    let delete = |at, held: &str| MemoryWrite::Delete { path: path(at), expected: ContentHash::of(held) };
    world.write(&old, &[put("/a", "older", Some("one")), put("/b", "older", Some("two"))]).await;
    world
        .write(&old, &[delete("/c", "three"), put("/aside", "older", None), put("/d/e", "older", None)])
        .await;
    world.write(&new, &[put("/a", "newer", Some("one")), delete("/b", "two")]).await;
    world.write(&new, &[put("/c", "newer", Some("three")), put("/d", "newer", None)]).await;
    for kind in ["adopted", "released"] {
        world.go_before(&mut journal, kind).await;
    }
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    let held = world.held(&new).await;
    let held: Vec<_> = held.iter().map(|(at, content)| (at.as_str(), content.as_str())).collect();
    let learned = held.iter().find(|(at, _)| *at == "/learned.md").copied().unwrap();
    assert_eq!(held, [("/a", "newer"), ("/aside", "older"), ("/c", "newer"), ("/d", "newer"), learned]);
    assert_eq!(journal.state().carried, [path("/aside")]);
    let named: Vec<_> = journal.state().late_conflicts.iter().map(|conflict| &conflict.path).collect();
    assert_eq!(named, [&path("/a"), &path("/b"), &path("/c"), &path("/d/e")]);
    assert_eq!(journal.state().late_conflicts[3].collides_with, Some(path("/d")));
}

#[tokio::test]
async fn a_write_to_the_new_live_store_does_not_undo_its_adoption() {
    let (world, mut journal, _) = dreamt(Drift::Rebase).await;
    world.go_before(&mut journal, "adopted").await;
    let live = world.live().await;
    world.write(&live, &[put("/a", "edited", Some("one"))]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(journal.state().phase, Phase::Adopted);
    assert_eq!((world.live().await, world.record().await.generation), (live, 1));
    assert_eq!(world.live_memory("/a").await.as_deref(), Some("edited"));
}

#[tokio::test]
async fn a_rebase_cut_off_after_its_writes_is_finished() {
    let (world, mut journal, live) = dreamt(Drift::Rebase).await;
    world.write(&live, &[put("/learned.md", "from an agent", None), put("/a", "edited", Some("one"))]).await;
    world.go_before(&mut journal, "rebase_intended").await;
    // The first candidate of the run is recorded before the intent, so the next one is the rebased.
    world.go_before(&mut journal, "candidate_recorded").await;
    assert!(matches!(journal.state().phase, Phase::Rebasing { .. }));
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::AwaitingReview));
    assert_eq!(journal.state().carried, [path("/a")]);
    assert_eq!(journal.state().conflicts.len(), 1);
    let candidate = journal.state().candidate.clone().unwrap().store;
    let held = world.held(&candidate).await;
    assert_eq!(held[0], ("/a".to_owned(), "edited".to_owned()));
    assert!(held.contains(&("/learned.md".to_owned(), "from an agent".to_owned())));
}

#[tokio::test]
async fn an_approval_is_stale_after_a_live_write() {
    let (world, mut journal, live) = dreamt(Drift::Review).await;
    write_aside(&world, &live).await;
    world.go(&mut journal).await.unwrap();
    let looked_at = journal.state().candidate.clone().unwrap().hash;
    world.approve(&mut journal, &[]).await;
    world.write(&live, &[put("/b", "edited after the approval", Some("two"))]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::AwaitingReview));
    assert!(reasons(&journal).contains(&Reason::StaleApproval), "{:?}", reasons(&journal));
    assert_ne!(journal.state().candidate.clone().unwrap().hash, looked_at);
    assert_eq!(world.live().await, live);
    world.approve(&mut journal, &[]).await;
    world.go(&mut journal).await.unwrap();
    assert_eq!(world.live_memory("/b").await.as_deref(), Some("edited after the approval"));
}

/// Begins a run, which comes to where a person has to say yes, and approves it.
async fn approved() -> (World, Journal, MemoryStoreId) {
    let mut world = World::one_dream().await;
    world.pipeline.adopt.mode = AdoptMode::Review;
    let mut journal = world.begin().await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::AwaitingReview));
    world.approve(&mut journal, &[]).await;
    let live = world.live().await;
    (world, journal, live)
}

#[tokio::test]
async fn an_approval_holds_over_live_writes_that_did_not_meet_the_dream() {
    let (world, mut journal, live) = approved().await;
    write_aside(&world, &live).await;
    world.go_before(&mut journal, "adoption_intended").await;
    // Agents go on writing until the very end.
    world.write(&live, &[put("/b", "edited too", Some("two"))]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    check_carried(&world).await;
    assert_eq!(world.live_memory("/b").await.as_deref(), Some("edited too"));
    let events = world.events(journal.run()).await;
    let count = |kind| events.iter().filter(|name| **name == kind).count();
    assert_eq!((count("review_asked"), count("approved"), count("rebase_intended")), (1, 1, 2));
}

#[tokio::test]
async fn an_approval_ends_with_a_live_write_that_met_the_dream() {
    let (world, mut journal, live) = approved().await;
    world.write(&live, &[put("/learned.md", "from an agent", None)]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::AwaitingReview));
    let why = [Reason::Conflicts { count: 1 }, Reason::StaleApproval];
    assert_eq!(reasons(&journal), why);
    assert_eq!(world.live().await, live);
}

#[tokio::test]
async fn an_approval_ends_with_a_gate_that_got_worse() {
    let (world, mut journal, live) = approved().await;
    world.write(&live, &[put("/key", "AKIAIOSFODNN7REALKEY", None)]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Blocked));
    let secrets = Reason::Gate { gate: "secrets".to_owned(), outcome: Outcome::Block };
    assert_eq!(reasons(&journal), [secrets, Reason::StaleApproval]);
    assert_eq!(world.live().await, live);
}

#[tokio::test]
async fn an_approval_ends_with_a_candidate_that_somebody_changed() {
    let (world, mut journal, live) = approved().await;
    let candidate = journal.state().candidate.clone().unwrap().store;
    world.write(&live, &[put("/new", "added", None)]).await;
    world.go_before(&mut journal, "candidate_recorded").await;
    world.write(&candidate, &[put("/a", "slipped in", Some("one"))]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::AwaitingReview));
    assert_eq!(reasons(&journal), [Reason::Mode, Reason::StaleApproval]);
    assert_eq!(world.live().await, live);
}

#[tokio::test]
async fn a_write_made_twice_during_one_run_is_named_once() {
    let (world, mut journal, live) = dreamt(Drift::Review).await;
    world.write(&live, &[put("/a", "edited", Some("one"))]).await;
    world.go(&mut journal).await.unwrap();
    world.write(&live, &[put("/a", "edited again", Some("edited"))]).await;
    world.approve(&mut journal, &[]).await;
    // The approval saw the second write, and not a candidate that holds it.
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::AwaitingReview));
    assert_eq!(journal.state().carried, [path("/a")]);
    assert!(matches!(
        &reasons(&journal)[..],
        [Reason::Carried { count: 1 }, ..] | [_, Reason::Carried { count: 1 }]
    ));
    world.record_event(&mut journal, JournalEvent::Rejected { by: "ada".to_owned(), reason: None }).await;
    world.go(&mut journal).await.unwrap();
    assert_eq!(world.live_memory("/a").await.as_deref(), Some("edited again"));
}

/// Goes to where the base is recorded and the dream has not read the live store, which then holds other memories
/// for as long as it does.
async fn dreamt_of(writes: &[MemoryWrite], undone: &[MemoryWrite]) -> (World, Journal) {
    let world = World::one_dream().await;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "dream_requested").await;
    assert!(journal.state().base.is_some());
    let live = world.live().await;
    let moment = SignedDuration::from_secs(1);
    world.clock.advance(moment);
    world.write(&live, writes).await;
    world.clock.advance(moment);
    world.go_before(&mut journal, "dream_ended").await;
    world.clock.advance(moment);
    world.write(&live, undone).await;
    (world, journal)
}

#[tokio::test]
async fn what_an_agent_took_back_after_the_dream_read_it_stays_away() {
    let gone = MemoryWrite::Delete { path: path("/fleeting"), expected: ContentHash::of("for a while") };
    let writes = [put("/fleeting", "for a while", None), put("/a", "for a while", Some("one"))];
    let (world, mut journal) = dreamt_of(&writes, &[gone, put("/a", "one", Some("for a while"))]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(journal.state().phase, Phase::Adopted);
    assert_eq!(world.live_memory("/fleeting").await, None);
    assert_eq!(world.live_memory("/a").await.as_deref(), Some("one"));
    assert_eq!(journal.state().carried, ["/a", "/fleeting"].map(path));
    let judged = world.events(journal.run()).await.into_iter().filter(|kind| *kind == "judged").count();
    assert_eq!(judged, 2, "what is adopted was judged");
}

#[tokio::test]
async fn what_an_agent_put_back_after_the_dream_did_not_read_it_stays_there() {
    let gone = MemoryWrite::Delete { path: path("/a"), expected: ContentHash::of("one") };
    let (world, mut journal) = dreamt_of(&[gone], &[put("/a", "one", None)]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(world.live_memory("/a").await.as_deref(), Some("one"));
    assert_eq!(journal.state().carried, [path("/a")]);
}

#[tokio::test]
async fn what_was_written_before_the_dream_and_left_alone_since_is_the_dreams_to_change() {
    let (world, mut journal) = dreamt_of(&[put("/learned.md", "for a while", None)], &[]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(journal.state().conflicts, []);
    assert_ne!(world.live_memory("/learned.md").await.as_deref(), Some("for a while"));
}

#[tokio::test]
async fn what_was_written_and_taken_back_once_the_dream_was_over_is_none_of_its_business() {
    let (world, mut journal, live) = dreamt(Drift::Review).await;
    world.clock.advance(SignedDuration::from_secs(1));
    world.write(&live, &[put("/learned.md", "for a while", None)]).await;
    let gone = MemoryWrite::Delete { path: path("/learned.md"), expected: ContentHash::of("for a while") };
    world.write(&live, &[gone]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!((journal.state().carried.len(), journal.state().conflicts.len()), (0, 0));
    assert!(world.live_memory("/learned.md").await.is_some());
}

#[tokio::test]
async fn what_an_agent_took_back_after_the_dream_may_have_changed_it_is_for_a_person() {
    let gone = MemoryWrite::Delete { path: path("/learned.md"), expected: ContentHash::of("for a while") };
    let (world, mut journal) = dreamt_of(&[put("/learned.md", "for a while", None)], &[gone]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::AwaitingReview));
    assert_eq!(reasons(&journal), [Reason::Conflicts { count: 1 }]);
    let conflict = &journal.state().conflicts[0];
    assert_eq!((&conflict.path, conflict.ours), (&path("/learned.md"), None));
    assert_eq!(conflict.base, Some(ContentHash::of("for a while")));
    world.approve(&mut journal, &[]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(world.live_memory("/learned.md").await, None);
}

#[tokio::test]
async fn a_live_write_between_the_decision_and_a_move_that_was_put_off_is_judged() {
    for (drift, stop) in [(Drift::Rebase, Stop::Ended), (Drift::Block, Stop::Blocked)] {
        let (world, mut journal, live) = dreamt(drift).await;
        world.go_before(&mut journal, MOVE).await;
        assert!(matches!(journal.state().phase, Phase::Adopting { .. }));
        write_aside(&world, &live).await;
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(stop), "{drift:?}");
        let judged = world.events(journal.run()).await.into_iter().filter(|kind| *kind == "judged").count();
        if drift == Drift::Rebase {
            // Once more as it was, and then with what agents wrote in it.
            assert_eq!(judged, 3);
            check_carried(&world).await;
        } else {
            assert_eq!(reasons(&journal), [Reason::Drift]);
            assert_eq!(world.live().await, live);
        }
    }
}

#[tokio::test]
async fn what_a_late_write_takes_away_and_the_dream_had_let_go_of_is_named() {
    const CANARY: &str = "- The canary takes 15 minutes.";
    let world = World::new(&[("/a", CANARY), ("/b", CANARY), ("/c", "three")], 2).await;
    let live = world.live().await;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "judged").await;
    // The dream keeps one of two memories that say the same.
    let candidate = journal.state().candidate.clone().unwrap().store;
    let canary = ContentHash::of(CANARY);
    world.write(&candidate, &[MemoryWrite::Delete { path: path("/b"), expected: canary }]).await;
    world.go_before(&mut journal, "adopted").await;
    assert_ne!(world.live().await, live);
    world.write(&live, &[put("/a", "- The canary is gone.", Some(CANARY))]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    let named: Vec<_> = journal.state().late_conflicts.iter().map(|one| (&one.path, one.ours)).collect();
    assert_eq!(named, [(&path("/b"), Some(canary))]);
}

#[tokio::test]
async fn what_a_late_look_carried_over_and_an_agent_took_back_since_does_not_stay() {
    let (world, mut journal, old) = dreamt(Drift::Rebase).await;
    world.go_before(&mut journal, "adopted").await;
    world.write(&old, &[put("/fleeting", "for a while", None), put("/a", "for a while", Some("one"))]).await;
    world.go_before(&mut journal, "adopted").await;
    assert_eq!(world.live_memory("/fleeting").await.as_deref(), Some("for a while"));
    let gone = MemoryWrite::Delete { path: path("/fleeting"), expected: ContentHash::of("for a while") };
    world.write(&old, &[gone, put("/a", "one", Some("for a while"))]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(world.live_memory("/fleeting").await, None);
    assert_eq!(world.live_memory("/a").await.as_deref(), Some("one"));
    assert_eq!(journal.state().late_conflicts, []);
}

#[tokio::test]
async fn an_old_store_that_was_deleted_after_the_move_keeps_no_run_from_its_end() {
    let (world, mut journal, old) = dreamt(Drift::Rebase).await;
    world.go_before(&mut journal, "adopted").await;
    world.backend.delete_store(&old).await.unwrap();
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(journal.state().phase, Phase::Adopted);
}

#[tokio::test]
async fn what_a_late_write_takes_away_and_the_dream_had_filed_elsewhere_is_named() {
    const ADDRESS: &str = "- The desk opens at nine.\n- Ines lives at 7 Elm Street.\n";
    const PLAIN: &str = "- The desk opens at nine.\n";
    let world = World::new(&[("/desk", ADDRESS), ("/c", "three")], 2).await;
    let live = world.live().await;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "judged").await;
    let candidate = journal.state().candidate.clone().unwrap().store;
    let filed = put("/ines", "- Ines lives at 7 Elm Street.\n", None);
    world.write(&candidate, &[put("/desk", PLAIN, Some(ADDRESS)), filed]).await;
    world.go_before(&mut journal, "adopted").await;
    world.write(&live, &[put("/desk", PLAIN, Some(ADDRESS))]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    let named: Vec<_> = journal.state().late_conflicts.iter().map(|one| (&one.path, one.ours)).collect();
    assert_eq!(named, [(&path("/ines"), None)]);
}

#[tokio::test]
async fn what_a_late_look_carried_over_and_an_agent_replaced_since_is_not_carried_again() {
    let (world, mut journal, old) = dreamt(Drift::Rebase).await;
    world.go_before(&mut journal, "adopted").await;
    world.write(&old, &[put("/fleeting", "for a while", None), put("/a", "older", Some("one"))]).await;
    world.go_before(&mut journal, "adopted").await;
    let new = world.live().await;
    let gone = MemoryWrite::Delete { path: path("/fleeting"), expected: ContentHash::of("for a while") };
    world.write(&new, &[gone, put("/a", "newer", Some("older"))]).await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(world.live_memory("/fleeting").await, None);
    assert_eq!(world.live_memory("/a").await.as_deref(), Some("newer"));
}
