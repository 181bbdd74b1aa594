//! Folding a journal: cut off anywhere, and against a process that stood still meanwhile.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use super::super::testing::*;
use super::super::{begun_at, known_dreams, last, recent, run_of_dream, runs};
use super::*;
use crate::state::Version;
use crate::state::sqlite::SqliteState;

/// State whose process dies after so many writes.
struct Dying {
    inner: SqliteState,
    left: AtomicU32,
}

impl Dying {
    fn step(&self) -> Result<(), StateError> {
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => Ok(()),
            Err(_) => Err(StateError::Unavailable {
                action: "write",
                place: "a test".to_owned(),
                reason: "the process died".to_owned(),
            }),
        }
    }
}

#[async_trait]
impl StateStore for Dying {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StateError> {
        self.inner.get(key).await
    }

    async fn put(&self, key: &Key, bytes: &[u8], when: PutIf) -> Result<Version, StateError> {
        self.step()?;
        self.inner.put(key, bytes, when).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Key>, StateError> {
        self.inner.list(prefix).await
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<(), StateError> {
        self.step()?;
        self.inner.delete(key, version).await
    }
}

fn state() -> (tempfile::TempDir, Dying) {
    let folder = tempfile::tempdir().unwrap();
    let inner = SqliteState::open(&folder.path().join("state.db")).unwrap();
    (folder, Dying { inner, left: AtomicU32::new(u32::MAX) })
}

fn numbered(number: u32) -> RunId {
    RunId::new(PipelineName::parse("nightly").unwrap(), number)
}

/// Writes a run that meets everything, with the given number, as far as so many events.
async fn written(state: &dyn StateStore, number: u32, events: usize) -> Journal {
    let mut all = (1..).zip(eventful()).take(events);
    let Some((_, JournalEvent::RunPlanned { mut plan })) = all.next() else { panic!("begins with a plan") };
    plan.run = numbered(number);
    let (mut journal, _) = Journal::begin(state, time_of(1), *plan).await.unwrap();
    for (seq, event) in all {
        journal.append(state, time_of(seq), event).await.unwrap();
    }
    journal
}

async fn fold_one(state: &dyn StateStore, number: u32) -> Result<bool, JournalError> {
    Ok(fold(state, &[numbered(number)]).await? == 1)
}

fn later() -> Timestamp {
    time_of(29) + FOLD_AFTER
}

#[tokio::test]
async fn a_folded_run_reads_as_before_and_takes_one_object() {
    let (_folder, state) = state();
    written(&state, 1, 29).await;
    written(&state, 2, 1).await;
    let before = super::super::read(&state, &numbered(1)).await.unwrap();
    assert!(ripe(&state, later() - SignedDuration::from_secs(1)).await.unwrap().is_empty(), "too early");
    assert_eq!(ripe(&state, later()).await.unwrap(), [numbered(1)], "the last of a pipeline stays");
    assert!(fold_one(&state, 1).await.unwrap());
    assert_eq!(state.list("runs/nightly-1/").await.unwrap(), []);
    assert_eq!(super::super::read(&state, &numbered(1)).await.unwrap(), before);
    let opened = Journal::open(&state, &numbered(1)).await.unwrap().unwrap();
    assert!(opened.state().is_released && opened.events() == 29);
    assert_eq!(begun_at(&state, &numbered(1)).await.unwrap(), Some(time_of(1)));
    assert_eq!(runs(&state, None).await.unwrap(), [numbered(1), numbered(2)]);
    assert_eq!(recent(&state, None).await.unwrap(), [numbered(2)]);
    let pipeline = PipelineName::parse("nightly").unwrap();
    assert_eq!(last(&state, &pipeline).await.unwrap(), Some(numbered(2)));
    assert!(ripe(&state, later()).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_dreams_of_a_folded_run_are_still_known_as_its_own() {
    let (_folder, state) = state();
    written(&state, 1, 29).await;
    let before = known_dreams(&state, Timestamp::MIN).await.unwrap();
    assert!(fold_one(&state, 1).await.unwrap());
    assert_eq!(known_dreams(&state, Timestamp::MIN).await.unwrap(), before);
    assert_eq!(known_dreams(&state, time_of(29)).await.unwrap(), before);
    assert!(known_dreams(&state, time_of(30)).await.unwrap().is_empty());
    assert_eq!(run_of_dream(&state, &dream("two"), time_of(9)).await.unwrap(), Some(numbered(1)));
    assert_eq!(run_of_dream(&state, &dream("none"), time_of(9)).await.unwrap(), None);
    let shelved = shelved(&state).await.unwrap();
    assert_eq!((shelved.len(), shelved[0].phase.as_str()), (1, "adopted"));
    assert!(
        shelved[0].outputs.contains(&store("out-two")) && shelved[0].outputs.contains(&store("out-three"))
    );
}

#[tokio::test]
async fn a_run_that_is_not_over_is_not_folded() {
    let (_folder, state) = state();
    for (number, events) in [(1, 1), (2, 16), (3, 28)] {
        written(&state, number, events).await;
        assert!(!fold_one(&state, number).await.unwrap(), "{events}");
    }
    assert_eq!(state.list(FOLDED).await.unwrap(), []);
}

#[tokio::test]
async fn cut_off_after_any_write_the_run_is_whole_and_folding_goes_on() {
    // The folded object, the shelf, and 29 events.
    for writes in 0..=31 {
        let (_folder, state) = state();
        written(&state, 1, 29).await;
        written(&state, 2, 1).await;
        let before = super::super::read(&state, &numbered(1)).await.unwrap();
        let known = known_dreams(&state, Timestamp::MIN).await.unwrap();
        state.left.store(writes, Ordering::SeqCst);
        assert_eq!(fold_one(&state, 1).await.is_ok(), writes == 31, "{writes}");
        state.left.store(u32::MAX, Ordering::SeqCst);
        assert_eq!(super::super::read(&state, &numbered(1)).await.unwrap(), before, "{writes}");
        assert_eq!(known_dreams(&state, Timestamp::MIN).await.unwrap(), known, "{writes}");
        let rest = ripe(&state, later()).await.unwrap();
        assert_eq!(rest, if writes < 31 { vec![numbered(1)] } else { Vec::new() }, "{writes}");
        assert!(fold_one(&state, 1).await.unwrap());
        assert_eq!(state.list("runs/nightly-1/").await.unwrap(), [], "{writes}");
        assert_eq!(super::super::read(&state, &numbered(1)).await.unwrap(), before, "{writes}");
    }
}

#[tokio::test]
async fn a_process_that_stood_still_since_before_cannot_ask_for_a_dream_again() {
    let (_folder, state) = state();
    // It is about to ask for the second dream.
    let mut stale = written(&state, 1, 14).await;
    for event in eventful().into_iter().skip(14) {
        let mut driver = Journal::open(&state, &numbered(1)).await.unwrap().unwrap();
        driver.append(&state, time_of(driver.events() + 1), event).await.unwrap();
    }
    let before = super::super::read(&state, &numbered(1)).await.unwrap();
    assert!(fold_one(&state, 1).await.unwrap());
    let refused = stale.append(&state, time_of(15), requested(2, 1)).await.unwrap_err();
    assert!(matches!(refused, JournalError::State(StateError::Conflict { .. })), "{refused}");
    assert_eq!(state.list("runs/nightly-1/").await.unwrap(), [], "nothing is left of it");

    // What announces nothing may be written, and is as if it were not.
    stale.append(&state, time_of(15), budget_reached(2)).await.unwrap();
    assert_eq!(super::super::read(&state, &numbered(1)).await.unwrap(), before);
    assert!(Journal::open(&state, &numbered(1)).await.unwrap().unwrap().state().is_released);

    let plan = stale.state().plan.clone();
    let begun = Journal::begin(&state, time_of(99), plan).await.unwrap_err();
    assert!(matches!(begun, JournalError::State(StateError::Conflict { .. })), "{begun}");
    assert_eq!(super::super::read(&state, &numbered(1)).await.unwrap(), before);
}

#[tokio::test]
async fn events_that_this_version_does_not_know_all_of_are_kept_as_they_are() {
    let (_folder, state) = state();
    written(&state, 1, 29).await;
    let key = Key::event(&numbered(1), 2);
    let found = state.get(&key).await.unwrap().unwrap();
    let mut value: Value = serde_json::from_slice(&found.bytes).unwrap();
    value["weather"] = "fair".into();
    let bytes = serde_json::to_vec(&value).unwrap();
    state.put(&key, &bytes, PutIf::Version(found.version)).await.unwrap();
    assert!(fold_one(&state, 1).await.unwrap());
    let folded = state.get(&super::key(&numbered(1))).await.unwrap().unwrap();
    let folded: Value = serde_json::from_slice(&folded.bytes).unwrap();
    assert_eq!(folded["events"][1]["weather"], "fair");
}
