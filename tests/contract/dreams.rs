//! A dream's life.

use std::sync::Arc;

use dreamrun::backend::{Refusal, WhenLeft};
use dreamrun::dream::{Dream, DreamRequest, DreamStatus, INSTRUCTIONS_LIMIT};
use dreamrun::ids::{MemoryStoreId, SessionId};
use dreamrun::memory::{ContentHash, MemoryWrite};
use jiff::{SignedDuration, Timestamp};

use crate::support::{CountingMind, FailingMind, GatedMind, NamedMinds, PanickingMind, WipingMind};
use crate::world::{World, finish, held, path, refusal, request, wait_until};

fn counting<W: World>() -> (W, Arc<CountingMind>) {
    let mind = Arc::new(CountingMind::default());
    (W::open(NamedMinds::default().with_shared("counting", Arc::clone(&mind) as _)), mind)
}

/// A world with a mind that reads nothing until it may, and one that does the same work at once.
fn gated<W: World>() -> (W, Arc<GatedMind>) {
    let mind = Arc::new(GatedMind::default());
    let minds = NamedMinds::default()
        .with_shared("gated", Arc::clone(&mind) as _)
        .with("counting", CountingMind::default());
    (W::open(minds), mind)
}

async fn output<W: World>(world: &W, dream: &Dream) -> Vec<(String, String)> {
    held(&world.backend().snapshot(dream.output.as_ref().unwrap()).await.unwrap())
}

/// More sessions than a backend reads at a time.
fn many() -> Vec<String> {
    (0..100).map(|i| format!("fact {i}")).collect()
}

async fn list<W: World>(world: &W, said: &[String]) -> Vec<SessionId> {
    world.sessions(&said.iter().map(String::as_str).collect::<Vec<_>>()).await
}

pub(crate) async fn a_dream_goes_from_pending_to_completed<W: World>() {
    let (world, mind) = counting::<W>();
    let store = world.store(&[("/a", "one")]).await;
    let sessions = world.sessions(&["first", "second"]).await;
    let mut backwards = request(&store, &sessions, "counting");
    backwards.sessions.reverse();
    backwards.instructions = Some("é".repeat(INSTRUCTIONS_LIMIT));
    let created = world.backend().create_dream(&backwards).await.unwrap();
    assert_eq!(created.status, DreamStatus::Pending);
    assert_eq!((&created.output, created.ended_at, created.usage.input_tokens), (&None, None, 0));
    assert_eq!(created.request_digest(), backwards.digest());

    let done = finish(world.backend(), &created).await;
    assert_eq!((done.status, done.error.clone()), (DreamStatus::Completed, None));
    assert_eq!(done.created_at, created.created_at);
    assert!(done.ended_at.is_some());
    assert_eq!(done.usage.input_tokens, 20);
    assert!(done.usage.output_tokens > 0);
    assert_eq!(mind.reads(), 2);
    let progress = done.progress.unwrap();
    assert_eq!((progress.sessions_read, progress.sessions), (2, 2));
    assert!(progress.changes_written > 0);
    let learned = format!("- {}: [\"first\"]\n- {}: [\"second\"]\n", sessions[0], sessions[1]);
    assert_eq!(
        output(&world, &done).await,
        [("/a".to_owned(), "one".to_owned()), ("/learned.md".to_owned(), learned)]
    );
    assert_eq!(world.backend().next_change(&done).await.unwrap(), done);
    assert_eq!(world.backend().dream(&done.id).await.unwrap(), done);
}

pub(crate) async fn a_dream_leaves_its_input_alone<W: World>() {
    let (world, _) = counting::<W>();
    let store = world.store(&[("/a", "one")]).await;
    let before = world.backend().snapshot(&store).await.unwrap();
    let sessions = world.sessions(&["first"]).await;
    let dream = world.backend().create_dream(&request(&store, &sessions, "counting")).await.unwrap();
    let done = finish(world.backend(), &dream).await;
    assert_ne!(done.output.as_ref(), Some(&store));
    assert_eq!(world.backend().snapshot(&store).await.unwrap(), before);
}

pub(crate) async fn an_output_is_visible_while_its_dream_runs<W: World>() {
    let (world, mind) = gated::<W>();
    let store = world.store(&[("/a", "one")]).await;
    let sessions = world.sessions(&["first", "second"]).await;
    let dream = world.backend().create_dream(&request(&store, &sessions, "gated")).await.unwrap();
    let running = wait_until(world.backend(), &dream, |dream| dream.output.is_some()).await;
    assert_eq!(running.status, DreamStatus::Running);
    assert_eq!(output(&world, &running).await, [("/a".to_owned(), "one".to_owned())]);
    mind.allow(1);
    let one = wait_until(world.backend(), &running, |dream| dream.usage.input_tokens > 0).await;
    assert_eq!(one.progress.unwrap().sessions_read, 1);
    mind.allow(1);
    assert_eq!(finish(world.backend(), &one).await.status, DreamStatus::Completed);
}

pub(crate) async fn a_dream_does_not_see_writes_made_after_its_creation<W: World>() {
    let (world, mind) = gated::<W>();
    let store = world.store(&[("/a", "one"), ("/b", "two")]).await;
    let sessions = world.sessions(&["first"]).await;
    let dream = world.backend().create_dream(&request(&store, &sessions, "gated")).await.unwrap();
    let writes = [
        MemoryWrite::Put { path: path("/a"), content: "live".into(), expected: Some(ContentHash::of("one")) },
        MemoryWrite::Put { path: path("/c"), content: "live".into(), expected: None },
        MemoryWrite::Delete { path: path("/b"), expected: ContentHash::of("two") },
    ];
    world.backend().write(&store, &writes).await.unwrap();
    mind.allow(1);
    let done = finish(world.backend(), &dream).await;
    let held = output(&world, &done).await;
    assert_eq!(held[..2], [("/a".to_owned(), "one".to_owned()), ("/b".to_owned(), "two".to_owned())]);
    assert_eq!(held.len(), 3);
}

pub(crate) async fn requests_that_break_a_rule_are_refused<W: World>() {
    let (world, _) = counting::<W>();
    let store = world.store(&[]).await;
    let sessions = world.sessions(&["first"]).await;
    let good = request(&store, &sessions, "counting");
    let id = |text: &str| SessionId::parse(text).unwrap();
    let too_many = (0..101).map(|i| id(&format!("s{i}"))).collect();
    let twice = vec![sessions[0].clone(), sessions[0].clone()];
    let long = Some("x".repeat(INSTRUCTIONS_LIMIT + 1));
    let bad = [
        (DreamRequest { sessions: Vec::new(), ..good.clone() }, Refusal::Invalid),
        (DreamRequest { sessions: too_many, ..good.clone() }, Refusal::Invalid),
        (DreamRequest { sessions: twice, ..good.clone() }, Refusal::Invalid),
        (DreamRequest { sessions: vec![id("unheard-of")], ..good.clone() }, Refusal::NotFound),
        (DreamRequest { instructions: long, ..good.clone() }, Refusal::Invalid),
        (DreamRequest { instructions: Some(String::new()), ..good.clone() }, Refusal::Invalid),
        (DreamRequest { model: "unheard-of".to_owned(), ..good.clone() }, Refusal::Invalid),
        (DreamRequest { store: MemoryStoreId::parse("memstore_none").unwrap(), ..good }, Refusal::NotFound),
    ];
    for (request, kind) in bad {
        assert_eq!(refusal(world.backend().create_dream(&request).await), kind, "{request:?}");
    }
    assert_eq!(world.backend().dreams_since(Timestamp::UNIX_EPOCH).await.unwrap(), []);
}

pub(crate) async fn a_dream_is_listed_as_soon_as_it_is_created<W: World>() {
    let (world, mind) = gated::<W>();
    let store = world.store(&[]).await;
    let sessions = world.sessions(&["first"]).await;
    let request = request(&store, &sessions, "gated");
    let first = world.backend().create_dream(&request).await.unwrap();
    world.clock().advance(SignedDuration::from_mins(1));
    let second = world.backend().create_dream(&request).await.unwrap();
    let ids = async |since: Timestamp| -> Vec<_> {
        let listed = world.backend().dreams_since(since).await.unwrap();
        listed.into_iter().map(|dream| dream.id).collect()
    };
    assert_eq!(ids(first.created_at).await, [second.id.clone(), first.id.clone()]);
    assert_eq!(ids(first.created_at + SignedDuration::from_nanos(1)).await, std::slice::from_ref(&second.id));
    assert!(ids(second.created_at + SignedDuration::from_secs(1)).await.is_empty());
    mind.allow(2);
    finish(world.backend(), &first).await;
    finish(world.backend(), &second).await;
}

pub(crate) async fn a_canceled_dream_stays_canceled_and_keeps_its_output<W: World>() {
    let (world, mind) = gated::<W>();
    let store = world.store(&[("/a", "one")]).await;
    let sessions = world.sessions(&["first", "second"]).await;
    let dream = world.backend().create_dream(&request(&store, &sessions, "gated")).await.unwrap();
    let running = wait_until(world.backend(), &dream, |dream| dream.output.is_some()).await;
    let canceled = world.backend().cancel_dream(&dream.id).await.unwrap();
    assert_eq!(canceled.status, DreamStatus::Canceled);
    assert_eq!(world.backend().next_change(&running).await.unwrap().status, DreamStatus::Canceled);
    mind.allow(2);
    world.backend().leave(&dream.id).await.unwrap();
    let again = world.backend().cancel_dream(&dream.id).await.unwrap();
    // How far it was may be learned later than that it was stopped.
    assert_eq!(Dream { progress: canceled.progress, ..again }, canceled);
    assert_eq!(output(&world, &canceled).await, [("/a".to_owned(), "one".to_owned())]);
}

pub(crate) async fn a_completed_dream_cannot_be_canceled<W: World>() {
    let (world, _) = counting::<W>();
    let store = world.store(&[]).await;
    let sessions = world.sessions(&["first"]).await;
    let dream = world.backend().create_dream(&request(&store, &sessions, "counting")).await.unwrap();
    let done = finish(world.backend(), &dream).await;
    assert_eq!(world.backend().cancel_dream(&dream.id).await.unwrap(), done);
}

pub(crate) async fn a_dream_that_was_left_ends_as_if_it_had_not_been<W: World>() {
    let (mut world, mind) = gated::<W>();
    let store = world.store(&[("/a", "one")]).await;
    let sessions = list(&world, &many()).await;
    let whole = world.backend().create_dream(&request(&store, &sessions, "counting")).await.unwrap();
    let whole = finish(world.backend(), &whole).await;

    let dream = world.backend().create_dream(&request(&store, &sessions, "gated")).await.unwrap();
    mind.allow(10);
    wait_until(world.backend(), &dream, |dream| dream.progress.is_some_and(|p| p.sessions_read >= 10)).await;
    let (left, ()) = tokio::join!(world.backend().leave(&dream.id), async { mind.allow(usize::MAX) });
    assert_eq!(left.unwrap(), WhenLeft::Checkpointed);
    let stopped = world.backend().dream(&dream.id).await.unwrap();
    assert_eq!(stopped.status, DreamStatus::Running);
    assert!(stopped.progress.unwrap().sessions_read < 100);

    world.restart();
    let done = finish(world.backend(), &stopped).await;
    assert_eq!(mind.reads(), 100, "no session is read twice");
    assert_eq!((done.status, done.usage), (DreamStatus::Completed, whole.usage));
    assert_eq!(output(&world, &done).await, output(&world, &whole).await);
    assert_eq!(
        world.backend().dream_changes(&done.id).await.unwrap(),
        world.backend().dream_changes(&whole.id).await.unwrap()
    );
}

pub(crate) async fn a_dream_goes_on_after_its_process_went_away<W: World>() {
    let (mut world, mind) = gated::<W>();
    let store = world.store(&[("/a", "one")]).await;
    let sessions = list(&world, &many()).await;
    let dream = world.backend().create_dream(&request(&store, &sessions, "gated")).await.unwrap();
    mind.allow(3);
    world.restart();
    let seen = world.backend().dream(&dream.id).await.unwrap();
    mind.allow(usize::MAX);
    let done = finish(world.backend(), &seen).await;
    assert_eq!(done.status, DreamStatus::Completed);
    assert_eq!(mind.reads(), 100);
}

pub(crate) async fn a_mind_that_panics_fails_its_dream<W: World>() {
    let minds = NamedMinds::default()
        .with("reading", PanickingMind::WhileReading)
        .with("consolidating", PanickingMind::WhileConsolidating);
    let world = W::open(minds);
    let store = world.store(&[("/a", "one")]).await;
    let sessions = world.sessions(&["first"]).await;
    for model in ["reading", "consolidating"] {
        let dream = world.backend().create_dream(&request(&store, &sessions, model)).await.unwrap();
        let done = finish(world.backend(), &dream).await;
        assert_eq!(done.status, DreamStatus::Failed);
        let error = done.error.clone().unwrap();
        assert_eq!(error.kind, "internal_error");
        assert!(error.message.contains(&format!("a bug in {model}")), "{}", error.message);
        assert_eq!(output(&world, &done).await, [("/a".to_owned(), "one".to_owned())]);
    }
}

pub(crate) async fn a_mind_that_gives_up_fails_its_dream_with_its_own_words<W: World>() {
    let world = W::open(NamedMinds::default().with("failing", FailingMind));
    let store = world.store(&[("/a", "one")]).await;
    let sessions = world.sessions(&["first"]).await;
    let dream = world.backend().create_dream(&request(&store, &sessions, "failing")).await.unwrap();
    let done = finish(world.backend(), &dream).await;
    let error = done.error.clone().unwrap();
    assert_eq!((done.status, error.kind.as_str()), (DreamStatus::Failed, "timeout"));
    assert_eq!(error.message, "ran out of time");
    assert!(done.ended_at.is_some());
    assert_eq!(output(&world, &done).await, [("/a".to_owned(), "one".to_owned())]);
}

pub(crate) async fn a_wiping_mind_makes_an_empty_store<W: World>() {
    let world = W::open(NamedMinds::default().with("wiping", WipingMind));
    let store = world.store(&[("/a", "one"), ("/b/c", "two")]).await;
    let sessions = world.sessions(&["first"]).await;
    let dream = world.backend().create_dream(&request(&store, &sessions, "wiping")).await.unwrap();
    let done = finish(world.backend(), &dream).await;
    assert_eq!(done.status, DreamStatus::Completed);
    assert_eq!(output(&world, &done).await, []);
    assert_eq!(world.backend().snapshot(&store).await.unwrap().len(), 2);
}

pub(crate) async fn a_session_that_is_gone_fails_the_dream<W: World>() {
    let (world, _) = counting::<W>();
    let store = world.store(&[]).await;
    let sessions = world.sessions(&["first", "second"]).await;
    world.lose(&sessions[1]).await;
    let dream = world.backend().create_dream(&request(&store, &sessions, "counting")).await.unwrap();
    let done = finish(world.backend(), &dream).await;
    let error = done.error.unwrap();
    assert_eq!((done.status, error.kind.as_str()), (DreamStatus::Failed, "input_session_unavailable"));
    assert!(error.message.contains(sessions[1].as_str()), "{}", error.message);
}

pub(crate) async fn a_deleted_input_store_fails_the_dream<W: World>() {
    let (world, mind) = gated::<W>();
    let store = world.store(&[("/a", "one")]).await;
    let sessions = world.sessions(&["first"]).await;
    let dream = world.backend().create_dream(&request(&store, &sessions, "gated")).await.unwrap();
    wait_until(world.backend(), &dream, |dream| dream.output.is_some()).await;
    world.backend().delete_store(&store).await.unwrap();
    let done = finish(world.backend(), &dream).await;
    assert_eq!(done.error.unwrap().kind, "input_memory_store_unavailable");
    mind.allow(1);
    world.backend().leave(&dream.id).await.unwrap();
    assert_eq!(world.backend().dream(&dream.id).await.unwrap().status, DreamStatus::Failed);
}

pub(crate) async fn what_a_dream_did_is_told_in_order<W: World>() {
    let (world, _) = counting::<W>();
    let store = world.store(&[]).await;
    let sessions = world.sessions(&["first", "second", "third"]).await;
    let dream = world.backend().create_dream(&request(&store, &sessions, "counting")).await.unwrap();
    finish(world.backend(), &dream).await;
    let changes = world.backend().dream_changes(&dream.id).await.unwrap();
    let evidence: Vec<_> = changes.iter().map(|change| change.evidence[0].session.clone()).collect();
    assert_eq!(evidence, sessions);
    let nowhere = dreamrun::ids::DreamId::parse("drm_none").unwrap();
    assert_eq!(refusal(world.backend().dream_changes(&nowhere).await), Refusal::NotFound);
    assert_eq!(refusal(world.backend().dream(&nowhere).await), Refusal::NotFound);
    assert_eq!(refusal(world.backend().cancel_dream(&nowhere).await), Refusal::NotFound);
}
