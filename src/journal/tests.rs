//! Writing journals and reading them back, whole, cut off and damaged.

use proptest::prelude::*;

use super::event::{JournalEvent, Recorded};
use super::testing::*;
use super::*;
use crate::state::sqlite::SqliteState;

fn state() -> (tempfile::TempDir, SqliteState) {
    let folder = tempfile::tempdir().unwrap();
    let state = SqliteState::open(&folder.path().join("state.db")).unwrap();
    (folder, state)
}

/// Writes the events of a run, and returns its journal as it stands then.
async fn written(state: &SqliteState, events: Vec<JournalEvent>) -> Journal {
    let mut events = (1..).zip(events);
    let Some((_, JournalEvent::RunPlanned { plan })) = events.next() else { panic!("begins with a plan") };
    let (mut journal, _) = Journal::begin(state, time_of(1), *plan).await.unwrap();
    for (seq, event) in events {
        journal.append(state, time_of(seq), event).await.unwrap();
    }
    journal
}

/// Puts an event's bytes as given.
async fn put(state: &SqliteState, seq: u32, bytes: &[u8]) {
    state.put(&Key::event(&run(), seq), bytes, PutIf::Absent).await.unwrap();
}

fn bytes(recorded: &Recorded) -> Vec<u8> {
    serde_json::to_vec(recorded).unwrap()
}

/// Returns an event as a later version would write it: of its format, with a field we do not know.
fn from_the_future(recorded: &Recorded, format: &str) -> Vec<u8> {
    let mut value = serde_json::to_value(recorded).unwrap();
    value["format"] = format.into();
    value["weather"] = "fair".into();
    value["event"]["mood"] = "calm".into();
    serde_json::to_vec(&value).unwrap()
}

/// Returns an error and everything behind it, as one line.
fn in_full(error: &dyn std::error::Error) -> String {
    let behind = error.source().map(|source| format!(": {}", in_full(source)));
    format!("{error}{}", behind.unwrap_or_default())
}

#[tokio::test]
async fn a_written_journal_reads_back_equal() {
    let (_folder, state) = state();
    let live = written(&state, eventful()).await;
    let mut expected = recorded(eventful());
    // Instructions are written by their hash.
    if let JournalEvent::RunPlanned { plan } = &mut expected[0].event {
        *plan = serde_json::from_value(serde_json::to_value(&plan).unwrap()).unwrap();
    }
    assert_eq!(read(&state, &run()).await.unwrap(), expected);
    let opened = Journal::open(&state, &run()).await.unwrap().unwrap();
    assert_eq!((opened.run(), opened.events()), (live.run(), live.events()));
    assert_eq!(opened.state().phase, live.state().phase);
    assert_eq!(opened.state().dreams, live.state().dreams);
    let twice = Journal::replay(&run(), expected).unwrap().unwrap();
    assert_eq!(twice.state(), opened.state());
}

#[tokio::test]
async fn a_run_nobody_began_has_no_journal() {
    let (_folder, state) = state();
    assert!(Journal::open(&state, &run()).await.unwrap().is_none());
    assert_eq!(begun_at(&state, &run()).await.unwrap(), None);
    assert_eq!(runs(&state, None).await.unwrap(), []);
}

#[tokio::test]
async fn an_illegal_event_is_refused_before_it_is_written() {
    let (_folder, state) = state();
    let mut journal = written(&state, vec![run_planned(1)]).await;
    let before = journal.state().clone();
    let error = journal.append(&state, time_of(2), JournalEvent::Canceled).await.unwrap_err();
    assert_eq!(
        in_full(&error),
        "the journal of `nightly-1` is damaged: event 2 (`canceled`) is not legal in phase `planned`"
    );
    assert_eq!((journal.state(), journal.events()), (&before, 1));
    assert_eq!(read(&state, &run()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn of_two_writers_the_second_learns_that_it_lost_and_stands_where_it_stood() {
    let (_folder, state) = state();
    let mut one = written(&state, vec![run_planned(1)]).await;
    let mut other = Journal::open(&state, &run()).await.unwrap().unwrap();
    one.append(&state, time_of(2), JournalEvent::Claimed).await.unwrap();
    let lost = other.append(&state, time_of(2), cancel_asked()).await.unwrap_err();
    assert!(matches!(lost, JournalError::State(StateError::Conflict { .. })), "{lost}");
    assert_eq!((other.state().phase.name(), other.events()), ("planned", 1));
    let plan = one.state().plan.clone();
    let begun = Journal::begin(&state, time_of(9), plan).await.unwrap_err();
    assert!(matches!(begun, JournalError::State(StateError::Conflict { .. })), "{begun}");
    assert_eq!(begun_at(&state, &run()).await.unwrap(), Some(time_of(1)));
}

#[tokio::test]
async fn a_missing_event_is_named() {
    for missing in 1..=4 {
        let (_folder, state) = state();
        for event in recorded(eventful()).iter().take(5).filter(|event| event.seq != missing) {
            put(&state, event.seq, &bytes(event)).await;
        }
        let error = Journal::open(&state, &run()).await.unwrap_err();
        assert_eq!(error.to_string(), format!("the journal of `nightly-1` lacks event {missing}"));
    }
}

#[tokio::test]
async fn an_event_where_none_can_stand_is_named() {
    let (_folder, state) = state();
    for event in recorded(vec![run_planned(1), JournalEvent::Claimed, judged()]) {
        put(&state, event.seq, &bytes(&event)).await;
    }
    let error = Journal::open(&state, &run()).await.unwrap_err();
    assert_eq!(
        in_full(&error),
        "the journal of `nightly-1` is damaged: event 3 (`judged`) is not legal in phase `claimed`"
    );
}

#[tokio::test]
async fn damage_is_told_with_its_place() {
    let good = bytes(&recorded(vec![run_planned(1)])[0]);
    let table: [(&[u8], &str); 6] = [
        (b"", "EOF"),
        (&good[..good.len() / 2], "EOF"),
        (b"\xff\xfe", "expected value"),
        (b"[]", "it has no format"),
        (br#"{"format":"one","seq":1}"#, "it has no format"),
        (br#"{"format":"1.0","seq":1,"at":"2026-06-01T12:00:00Z","event":{"kind":"danced"}}"#, "danced"),
    ];
    for (damage, told) in table {
        let (_folder, state) = state();
        put(&state, 1, damage).await;
        let error = Journal::open(&state, &run()).await.unwrap_err();
        let JournalError::State(StateError::Damaged { key, reason }) = &error else { panic!("{error}") };
        assert_eq!(key.as_str(), "runs/nightly-1/00000001");
        assert!(reason.contains(told), "{reason}");
    }
}

#[tokio::test]
async fn a_newer_minor_format_is_read_and_not_written_to() {
    let events = recorded(eventful());
    let (_folder, state) = state();
    put(&state, 1, &bytes(&events[0])).await;
    put(&state, 2, &from_the_future(&events[1], "1.1")).await;
    let mut journal = Journal::open(&state, &run()).await.unwrap().unwrap();
    assert_eq!(journal.state().phase.name(), "claimed");
    let error = journal.append(&state, time_of(3), base_recorded()).await.unwrap_err();
    assert_eq!(error.to_string(), "the journal of `nightly-1` has format 1.1, this version writes 1.0");
    assert_eq!(read(&state, &run()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_newer_major_format_is_refused_by_name() {
    let events = recorded(eventful());
    let (_folder, state) = state();
    put(&state, 1, &bytes(&events[0])).await;
    put(&state, 2, br#"{"format":"2.0","happened":"something else entirely"}"#).await;
    let error = Journal::open(&state, &run()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`runs/nightly-1/00000002` in state has format 2.0, this version reads up to 1.0"
    );
}

#[tokio::test]
async fn an_older_minor_format_is_continued() {
    let (_folder, state) = state();
    put(&state, 1, &from_the_future(&recorded(eventful())[0], "0.9")).await;
    let mut journal = Journal::open(&state, &run()).await.unwrap().unwrap();
    journal.append(&state, time_of(2), JournalEvent::Claimed).await.unwrap();
}

#[tokio::test]
async fn runs_are_listed_by_pipeline_and_number_and_kept_apart() {
    let (_folder, state) = state();
    let ids = ["nightly-10", "nightly-2", "nightly-2-1", "weekly-1", "nightly-1"];
    for (i, id) in ids.iter().enumerate() {
        let run = RunId::parse(id).unwrap();
        let at = time_of(u32::try_from(i).unwrap());
        let mut plan = crate::plan::testing::planned(1);
        plan.run = run.clone();
        let (mut journal, _) = Journal::begin(&state, at, plan).await.unwrap();
        journal.append(&state, at, JournalEvent::Claimed).await.unwrap();
    }
    let names = |runs: Vec<RunId>| runs.iter().map(ToString::to_string).collect::<Vec<_>>();
    let nightly = PipelineName::parse("nightly").unwrap();
    let of_nightly = runs(&state, Some(&nightly)).await.unwrap();
    assert_eq!(names(of_nightly), ["nightly-1", "nightly-2", "nightly-10"]);
    let all = names(runs(&state, None).await.unwrap());
    assert_eq!(all, ["nightly-1", "nightly-2", "nightly-10", "nightly-2-1", "weekly-1"]);
    // `nightly-1` is the beginning of `nightly-10`, and not its journal.
    assert_eq!(Journal::open(&state, &run()).await.unwrap().unwrap().events(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_journal_cut_anywhere_replays_to_where_it_stood(cut in 1_usize..=29) {
        let events = recorded(eventful());
        prop_assert_eq!(events.len(), 29);
        let replayed = Journal::replay(&run(), events[..cut].to_vec()).unwrap().unwrap();
        let live = moved_by(&eventful()[..cut]).unwrap();
        prop_assert_eq!(replayed.state(), &live);
        prop_assert_eq!(replayed.events() as usize, cut);
    }

    #[test]
    fn a_torn_event_is_damage_and_never_another_event(event in 0_usize..29, tear in any::<prop::sample::Index>()) {
        let whole = bytes(&recorded(eventful())[event]);
        let torn = &whole[..tear.index(whole.len())];
        prop_assert!(serde_json::from_slice::<Recorded>(torn).is_err());
    }
}
