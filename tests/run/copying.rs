//! `target: copy_back`: the candidate is written into the live store, and agents write there too.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use dreamrun::backend::{Backend, BackendError, Refusal};
use dreamrun::clock::Clock;
use dreamrun::ids::{MemoryStoreId, RunId};
use dreamrun::journal::Journal;
use dreamrun::journal::event::FailReason;
use dreamrun::journal::run_state::{CopyEnd, Phase};
use dreamrun::memory::{ContentHash, MemoryWrite};
use dreamrun::report::run_view::RunView;
use dreamrun::run::next::Stop;
use dreamrun::run::{Ended, RunError};
use dreamrun::spec::pipeline::Target;
use dreamrun::state::PutIf;
use dreamrun::state::alias::{self, COPIES_KEPT};
use jiff::SignedDuration;

use crate::support::{Call, FaultyBackend, FaultyState, Go, Hook, Hooked, When};
use crate::world::{World, path, put, told};

const UNDISTURBED: [&str; 12] = [
    "run_planned",
    "claimed",
    "base_recorded",
    "dream_requested",
    "dream_created",
    "dream_ended",
    "candidate_recorded",
    "judged",
    "adoption_intended",
    "copy_intended",
    "copied_back",
    "adopted",
];

/// Makes a world whose dream merges `/b` into `/a`, leaves `/c` alone and adds `/learned.md`.
async fn world() -> World {
    let mut world = World::one_dream().await;
    world.pipeline.model = "merging".to_owned();
    world.pipeline.adopt.target = Target::CopyBack;
    world
}

const MERGED: [(&str, &str); 3] = [("/a", "one and two"), ("/c", "three"), ("/learned.md", "2 sessions")];
const BEFORE: [(&str, &str); 3] = [("/a", "one"), ("/b", "two"), ("/c", "three")];

fn owned(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    entries.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect()
}

fn end(journal: &Journal) -> CopyEnd {
    journal.state().copy.clone().unwrap().end.unwrap()
}

/// Checks what must be true of every finished copy that nobody disturbed.
async fn check(world: &World, journal: &Journal, live: &MemoryStoreId) {
    assert_eq!(world.dreams().await.len(), 1);
    let record = world.record().await;
    assert_eq!((&record.active, record.generation, &record.claim), (live, 1, &None));
    assert_eq!(world.held(live).await, owned(&MERGED));
    let adoption = record.adoption.unwrap();
    assert_eq!(adoption.run, *journal.run());
    assert_eq!(adoption.hash, world.backend.snapshot(live).await.unwrap().hash());
    assert_eq!(record.previous.len(), 1);
    assert_eq!((&record.previous[0].store, &record.previous[0].copied_by), (live, &Some(adoption.run)));
    assert_eq!(end(journal).written, [path("/a"), path("/b"), path("/learned.md")]);
    assert!(world.plan().await.not_due.is_some(), "nothing is due after it");
}

async fn undisturbed() -> String {
    let world = world().await;
    let live = world.live().await;
    let mut journal = world.begin().await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(world.events(journal.run()).await, [&UNDISTURBED[..], &["released"]].concat());
    check(&world, &journal, &live).await;
    told(&journal)
}

#[tokio::test]
async fn a_candidate_is_written_into_the_live_store_whose_id_stays() {
    undisturbed().await;
}

#[tokio::test]
async fn every_write_of_state_can_fail_on_either_side_of_its_effect() {
    let expected = undisturbed().await;
    for when in [When::Before, When::After] {
        for nth in 1.. {
            let world = world().await;
            let live = world.live().await;
            let mut journal = world.begin().await;
            let state = FaultyState::new(Arc::clone(&world.state), nth, when);
            let first = world.go_with(&mut journal, &state, world.backend.as_ref()).await;
            if !state.has_failed() {
                // Twelve events after the first, the ledger, and the alias claimed, moved and given back; and its
                // lease given back and taken around the dream.
                assert_eq!(nth - 1, 18);
                break;
            }
            first.unwrap_err();
            let mut journal = world.open(journal.run()).await;
            assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended), "write {nth}");
            check(&world, &journal, &live).await;
            assert_eq!(told(&journal), expected, "write {nth}");
        }
    }
}

#[tokio::test]
async fn every_call_to_the_backend_can_fail_on_either_side_of_its_effect() {
    let expected = undisturbed().await;
    for when in [When::Before, When::After] {
        for nth in 1.. {
            let world = world().await;
            let live = world.live().await;
            let mut journal = world.begin().await;
            let backend = FaultyBackend::new(Arc::clone(&world.backend), nth, when);
            let first = world.go_with(&mut journal, world.state.as_ref(), &backend).await;
            if !backend.has_failed() {
                first.unwrap();
                assert!(nth > 15, "{nth}");
                break;
            }
            let mut journal = world.open(journal.run()).await;
            assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended), "call {nth}");
            check(&world, &journal, &live).await;
            assert_eq!(told(&journal), expected, "call {nth}");
        }
    }
}

#[tokio::test]
async fn a_copy_that_stopped_after_any_entry_is_carried_on() {
    for written in 0..=3 {
        let world = world().await;
        let live = world.live().await;
        let mut journal = world.begin().await;
        let stopping = Hooked { inner: Arc::clone(&world.backend), hook: Stopping };
        world.go_with(&mut journal, world.state.as_ref(), &stopping).await.unwrap_err();
        assert!(journal.state().is_copying());
        let steps = [
            put("/a", "one and two", Some("one")),
            put("/learned.md", "2 sessions", None),
            MemoryWrite::Delete { path: path("/b"), expected: ContentHash::of("two") },
        ];
        world.write(&live, &steps[..written]).await;
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
        check(&world, &journal, &live).await;
    }
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

/// Refuses the first write.
struct Refusing {
    kind: Refusal,
    is_left: Mutex<bool>,
}

#[async_trait]
impl Hook for Refusing {
    async fn around(&self, call: Call, go: Go<'_>) -> Result<(), BackendError> {
        if call.name == "write" && std::mem::take(&mut *self.is_left.lock().unwrap()) {
            let (action, kind) = (call.action, self.kind);
            return Err(BackendError::Refused { action, kind, message: "no".to_owned() });
        }
        go.await;
        Ok(())
    }
}

#[tokio::test]
async fn in_a_full_store_what_goes_makes_room_for_what_comes() {
    let world = world().await;
    let live = world.live().await;
    let mut journal = world.begin().await;
    let hook = Refusing { kind: Refusal::Full, is_left: Mutex::new(true) };
    let full = Hooked { inner: Arc::clone(&world.backend), hook };
    world.go_with(&mut journal, world.state.as_ref(), &full).await.unwrap();
    check(&world, &journal, &live).await;
}

#[tokio::test]
async fn a_limit_on_requests_takes_nothing_away_before_what_comes_is_written() {
    let world = world().await;
    let live = world.live().await;
    let before = world.held(&live).await;
    let mut journal = world.begin().await;
    let hook = Refusing { kind: Refusal::Limit, is_left: Mutex::new(true) };
    let limited = Hooked { inner: Arc::clone(&world.backend), hook };
    let error = world.go_with(&mut journal, world.state.as_ref(), &limited).await.unwrap_err();
    assert!(
        matches!(error, RunError::Backend(BackendError::Refused { kind: Refusal::Limit, .. })),
        "{error}"
    );
    assert_eq!(world.held(&live).await, before);
    world.go(&mut journal).await.unwrap();
    check(&world, &journal, &live).await;
}

#[tokio::test]
async fn a_live_store_that_is_deleted_meanwhile_ends_the_run_and_frees_the_alias() {
    let world = world().await;
    let live = world.live().await;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "copied_back").await;
    world.backend.delete_store(&live).await.unwrap();
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    let because = FailReason::LiveStoreClosed { store: live };
    assert_eq!((&journal.state().phase, world.record().await.claim), (&Phase::Failed(because), None));
}

#[tokio::test]
async fn a_candidate_that_is_deleted_in_the_middle_of_its_copy_ends_the_run_with_what_is_missing_named() {
    let world = world().await;
    let live = world.live().await;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "copy_intended").await;
    let stopping = Hooked { inner: Arc::clone(&world.backend), hook: NoTexts };
    world.go_with(&mut journal, world.state.as_ref(), &stopping).await.unwrap_err();
    assert!(journal.state().copy.is_some());
    let candidate = journal.state().candidate.clone().unwrap().store;
    world.backend.delete_store(&candidate).await.unwrap();
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(journal.state().phase, Phase::Adopted);
    assert_eq!(end(&journal).missing, ["/a", "/learned.md"].map(path));
    assert_eq!(end(&journal).kept, [path("/b")], "nothing is taken away that may stand nowhere else");
    assert_eq!(world.held(&live).await, owned(&BEFORE));
}

/// Gives no text of the past for the moment.
struct NoTexts;

#[async_trait]
impl Hook for NoTexts {
    async fn around(&self, call: Call, go: Go<'_>) -> Result<(), BackendError> {
        if call.name == "contents" {
            return Err(BackendError::NotSent { action: call.action, reason: "cut off here".to_owned() });
        }
        go.await;
        Ok(())
    }
}

/// Writes as an agent would, right before the copy does.
struct Agent {
    backend: Arc<dyn Backend>,
    store: MemoryStoreId,
    writes: Mutex<Vec<MemoryWrite>>,
}

#[async_trait]
impl Hook for Agent {
    async fn around(&self, call: Call, go: Go<'_>) -> Result<(), BackendError> {
        if call.name == "write" {
            let writes = std::mem::take(&mut *self.writes.lock().unwrap());
            self.backend.write(&self.store, &writes).await.unwrap();
        }
        go.await;
        Ok(())
    }
}

/// When an agent writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// While the process is gone that was about to write this event.
    Before(&'static str),
    /// Between the last look at the live store and the write.
    InTheMiddle,
}

const MOMENTS: [Moment; 8] = [
    Moment::Before("dream_requested"),
    Moment::Before("judged"),
    Moment::Before("adoption_intended"),
    Moment::Before("copy_intended"),
    Moment::InTheMiddle,
    Moment::Before("copied_back"),
    Moment::Before("adopted"),
    Moment::Before("released"),
];

/// Says what an agent writes, seeing what a store holds.
type Wanted<'a> = &'a dyn Fn(&[(String, String)]) -> Vec<MemoryWrite>;

/// Runs with an agent that writes at a moment, approving whatever conflict it makes.
async fn with_agent(moment: Moment, wanted: Wanted<'_>) -> (World, Journal) {
    let world = world().await;
    let live = world.live().await;
    let mut journal = world.begin().await;
    let backend: Arc<dyn Backend> = match moment {
        Moment::Before(kind) => {
            world.go_before(&mut journal, kind).await;
            let writes = wanted(&world.held(&live).await);
            world.write(&live, &writes).await;
            Arc::clone(&world.backend)
        }
        Moment::InTheMiddle => {
            let writes = Mutex::new(wanted(&world.held(&live).await));
            let hook = Agent { backend: Arc::clone(&world.backend), store: live.clone(), writes };
            Arc::new(Hooked { inner: Arc::clone(&world.backend), hook })
        }
    };
    let mut ended = world.go_with(&mut journal, world.state.as_ref(), backend.as_ref()).await.unwrap();
    if ended == Ended::Stopped(Stop::AwaitingReview) {
        world.approve(&mut journal, &[]).await;
        ended = world.go_with(&mut journal, world.state.as_ref(), backend.as_ref()).await.unwrap();
    }
    assert_eq!(ended, Ended::Stopped(Stop::Ended), "{moment:?}");
    assert_eq!(journal.state().phase, Phase::Adopted, "{moment:?}");
    (world, journal)
}

#[tokio::test]
async fn every_live_write_at_any_moment_is_in_the_store_or_named_as_a_conflict() {
    for moment in MOMENTS {
        for at in ["/a", "/b", "/c", "/learned.md", "/new", "/learned.md/x"] {
            // A dream cannot write a memory where a folder stands.
            if at == "/learned.md/x" && moment == Moment::Before("dream_requested") {
                continue;
            }
            let wanted = |held: &[(String, String)]| {
                let there = |path: &str| held.iter().find(|(held, _)| held == path);
                // What an agent cannot write, it does not.
                if at == "/learned.md/x" && there("/learned.md").is_some() {
                    return Vec::new();
                }
                vec![put(at, "an agent's", there(at).map(|(_, text)| text.as_str()))]
            };
            let (world, journal) = with_agent(moment, &wanted).await;
            let live = world.live().await;
            let held = world.held(&live).await;
            let is_in = held.contains(&(at.to_owned(), "an agent's".to_owned()));
            let was_possible = is_in || !held.iter().any(|(path, _)| path == "/learned.md");
            assert!(is_in || at == "/learned.md/x" && !was_possible, "{at} {moment:?}: {held:?}");
            if moment == Moment::InTheMiddle && ["/a", "/b", "/learned.md"].contains(&at) {
                let conflicts = end(&journal).conflicts;
                let named: Vec<_> = conflicts.iter().map(|conflict| conflict.path.to_string()).collect();
                assert_eq!(named, [at], "{moment:?}");
            }
            // What met the dream before the copy, a person has seen; what came after it, the agent has
            // written over with open eyes. In the middle, nothing is gone whose heir is not there.
            let all: String = held.iter().map(|(_, text)| format!("{text} ")).collect();
            let is_seen = moment != Moment::InTheMiddle;
            assert!(is_seen || at == "/b" || all.contains("two"), "{at} {moment:?}: {held:?}");
        }
    }
}

#[tokio::test]
async fn a_merge_that_an_agent_got_in_the_way_of_takes_nothing_away_and_says_so() {
    let wanted = |_: &[(String, String)]| vec![put("/a", "an agent's", Some("one"))];
    let (world, journal) = with_agent(Moment::InTheMiddle, &wanted).await;
    let live = world.live().await;
    let mut left = owned(&[("/a", "an agent's"), ("/b", "two"), ("/c", "three")]);
    left.push(("/learned.md".to_owned(), "2 sessions".to_owned()));
    assert_eq!(world.held(&live).await, left);
    let end = end(&journal);
    assert_eq!((end.written, end.kept), (vec![path("/learned.md")], vec![path("/b")]));
    let view = RunView::of(journal.run(), journal.state());
    let text = dreamrun::report::run_text::run_text(&view, journal.state(), &Default::default());
    for told in ["1 memory changed by agents meanwhile", "/a", "1 memory kept", "/b"] {
        assert!(text.contains(told), "{told}: {text}");
    }
}

#[tokio::test]
async fn what_was_written_between_the_decision_and_the_copy_is_judged_with_the_candidate() {
    let wanted = |_: &[(String, String)]| vec![put("/c", "an agent's", Some("three"))];
    let (world, journal) = with_agent(Moment::Before("copy_intended"), &wanted).await;
    assert_eq!(journal.state().carried, [path("/c")]);
    let events = world.events(journal.run()).await;
    assert_eq!(events.iter().filter(|kind| **kind == "judged").count(), 3);
    assert_eq!(world.live_memory("/c").await.as_deref(), Some("an agent's"));
}

#[tokio::test]
async fn a_run_that_writes_into_the_live_store_can_only_go_forward() {
    let world = world().await;
    let mut journal = world.begin().await;
    world.go_before(&mut journal, "copied_back").await;
    let cancel = dreamrun::journal::event::JournalEvent::CancelAsked { by: "ada".to_owned() };
    let refused = journal.append(world.state.as_ref(), world.clock.now(), cancel).await;
    assert!(refused.is_err());
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
    assert_eq!(journal.state().phase, Phase::Adopted);
}

#[tokio::test]
async fn a_copy_is_taken_back_but_for_what_agents_changed_since() {
    let world = world().await;
    let live = world.live().await;
    let mut journal = world.begin().await;
    world.go(&mut journal).await.unwrap();
    world.write(&live, &[put("/learned.md", "an agent's", Some("2 sessions"))]).await;
    world.write(&live, &[put("/c", "an agent's too", Some("three")), put("/z", "new", None)]).await;
    let done = world.back(world.state.as_ref(), world.backend.as_ref()).await.unwrap();
    let restored = [("/a", "one"), ("/b", "two"), ("/c", "an agent's too"), ("/learned.md", "an agent's")];
    assert_eq!(world.held(&live).await, [owned(&restored), owned(&[("/z", "new")])].concat());
    let copy = done.copy.unwrap();
    assert_eq!(copy.written, [path("/a"), path("/b")]);
    assert_eq!(copy.conflicts.iter().map(|one| one.path.clone()).collect::<Vec<_>>(), [path("/learned.md")]);
    let record = world.record().await;
    assert_eq!((record.active, record.generation, record.adoption, record.previous), (live, 2, None, vec![]));
    assert_eq!(record.hold.unwrap().rolling_back_to, None);
    assert!(record.watermarks.is_empty(), "its sessions count as unread again");
}

#[tokio::test]
async fn a_rollback_can_fail_anywhere_and_is_carried_on() {
    let adopted = async || {
        let world = world().await;
        let mut journal = world.begin().await;
        world.go(&mut journal).await.unwrap();
        world
    };
    let check = async |world: &World, place: String| {
        let live = world.live().await;
        assert_eq!(world.held(&live).await, owned(&BEFORE), "{place}");
        let record = world.record().await;
        assert_eq!((record.generation, record.adoption, record.previous.len()), (2, None, 0), "{place}");
        assert_eq!(record.hold.unwrap().rolling_back_to, None, "{place}");
    };
    for when in [When::Before, When::After] {
        for nth in 1.. {
            let world = adopted().await;
            let state = FaultyState::new(Arc::clone(&world.state), nth, when);
            let first = world.back(&state, world.backend.as_ref()).await;
            if !state.has_failed() {
                assert_eq!(nth - 1, 2, "the hold, and the alias");
                break;
            }
            first.unwrap_err();
            if !world.record().await.previous.is_empty() {
                world.back(world.state.as_ref(), world.backend.as_ref()).await.unwrap();
            }
            check(&world, format!("write {nth} {when:?}")).await;
        }
        for nth in 1.. {
            let world = adopted().await;
            let backend = FaultyBackend::new(Arc::clone(&world.backend), nth, when);
            let first = world.back(world.state.as_ref(), &backend).await;
            if !backend.has_failed() {
                assert_eq!(nth - 1, 6, "past texts, a look, the write, a look, and the tags of two stores");
                break;
            }
            first.unwrap_err();
            world.back(world.state.as_ref(), world.backend.as_ref()).await.unwrap();
            check(&world, format!("call {nth} {when:?}")).await;
        }
    }
}

#[tokio::test]
async fn no_run_starts_while_a_rollback_is_on_its_way() {
    let world = world().await;
    let mut first = world.begin().await;
    world.go(&mut first).await.unwrap();
    world.add_sessions(2..4);
    let mut planned = world.begin().await;
    let faulty = FaultyBackend::new(Arc::clone(&world.backend), 1, When::Before);
    world.back(world.state.as_ref(), &faulty).await.unwrap_err();
    let error = world.go(&mut planned).await.unwrap_err();
    assert!(matches!(error, RunError::Stale { .. }), "{error}");
    assert_eq!(world.dreams().await.len(), 1);
}

#[tokio::test]
async fn copies_are_taken_back_one_after_the_other_and_not_remembered_for_ever() {
    let mut world = world().await;
    world.pipeline.model = "counting".to_owned();
    let live = world.live().await;
    let mut stands = vec![world.held(&live).await];
    let runs = COPIES_KEPT + 1;
    for n in 0..runs {
        world.clock.advance(SignedDuration::from_mins(1));
        world.add_sessions(2 + n..3 + n);
        let mut journal = world.begin().await;
        world.go(&mut journal).await.unwrap();
        stands.push(world.held(&live).await);
    }
    let record = world.record().await;
    assert_eq!((&record.active, record.previous.len()), (&live, COPIES_KEPT));
    for n in 0..COPIES_KEPT {
        world.back(world.state.as_ref(), world.backend.as_ref()).await.unwrap();
        assert_eq!(world.held(&live).await, stands[runs - 1 - n], "after {n}");
    }
    assert_eq!(world.record().await.previous, []);
}

#[tokio::test]
async fn a_rollback_without_the_journal_of_the_copy_says_so_and_changes_nothing() {
    let world = world().await;
    let live = world.live().await;
    let mut journal = world.begin().await;
    world.go(&mut journal).await.unwrap();
    let (mut record, version) = alias::read(world.state.as_ref(), &world.alias).await.unwrap().unwrap();
    record.previous[0].copied_by = RunId::parse("nightly-9");
    alias::write(world.state.as_ref(), &world.alias, &record, PutIf::Version(version)).await.unwrap();
    let error = world.back(world.state.as_ref(), world.backend.as_ref()).await.unwrap_err();
    assert!(matches!(error, RunError::NoJournal { .. }), "{error}");
    assert_eq!((world.record().await.hold, world.live().await), (None, live));
}
