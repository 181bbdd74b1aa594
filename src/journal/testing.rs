//! Events and whole journals for tests.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::adoption::Reading;
use crate::adoption::decide::Reason;
use crate::adoption::edit::{Edits, EntryEdit, StatementRef};
use crate::dream::{ChangeKind, DreamError, DreamStatus, Usage};
use crate::ids::{DeploymentId, DreamId, MemoryStoreId, RunId, SessionId};
use crate::memory::{ContentHash, Memory, MemoryPath};
use crate::plan::testing::{noon, planned};
use crate::price::Usd;
use crate::snapshot::{Snapshot, SnapshotIndex};

use super::event::{FailReason, JournalEvent, Recorded};
use super::run_state::{IllegalEvent, RunState};

pub(crate) fn store(id: &str) -> MemoryStoreId {
    MemoryStoreId::parse(format!("memstore_{id}")).unwrap()
}

pub(crate) fn dream(id: &str) -> DreamId {
    DreamId::parse(format!("drm_{id}")).unwrap()
}

pub(crate) fn hash(text: &str) -> ContentHash {
    ContentHash::of(text)
}

pub(crate) fn index(entries: &[(&str, &str)]) -> SnapshotIndex {
    let memory = |&(path, text): &(&str, &str)| Memory::new(MemoryPath::parse(path).unwrap(), text);
    entries.iter().map(memory).collect::<Snapshot>().index()
}

pub(crate) fn run() -> RunId {
    RunId::parse("nightly-1").unwrap()
}

/// Returns the first event of a run of so many dreams.
pub(crate) fn run_planned(dreams: u32) -> JournalEvent {
    JournalEvent::RunPlanned { plan: Box::new(planned(dreams)) }
}

pub(crate) fn base_recorded() -> JournalEvent {
    JournalEvent::BaseRecorded { store: store("live"), index: index(&[("/a", "one"), ("/b", "three")]) }
}

pub(crate) fn requested(batch: u32, attempt: u32) -> JournalEvent {
    JournalEvent::DreamRequested { batch, attempt, store: store("live"), digest: hash("request") }
}

pub(crate) fn created(batch: u32, id: &str) -> JournalEvent {
    JournalEvent::DreamCreated { batch, dream: dream(id), is_settled: false }
}

/// Returns the end of a dream that cost ten cents and wrote store `out-<id>`.
pub(crate) fn completed(batch: u32, id: &str) -> JournalEvent {
    JournalEvent::DreamEnded {
        batch,
        dream: dream(id),
        status: DreamStatus::Completed,
        output: Some(store(&format!("out-{id}"))),
        usage: Usage { input_tokens: 100, output_tokens: 10, ..Usage::default() },
        cost: Some(Usd::from_micros(100_000)),
        changes: BTreeMap::from([(ChangeKind::Merged, 2)]),
        error: None,
    }
}

/// Returns the bad end of a dream that cost ten cents all the same.
pub(crate) fn ended(batch: u32, id: &str, status: DreamStatus, error: Option<&str>) -> JournalEvent {
    JournalEvent::DreamEnded {
        batch,
        dream: dream(id),
        status,
        output: None,
        usage: Usage { input_tokens: 100, ..Usage::default() },
        cost: Some(Usd::from_micros(100_000)),
        changes: BTreeMap::new(),
        error: error.map(|kind| DreamError { kind: kind.to_owned(), message: "it ended".to_owned() }),
    }
}

pub(crate) fn candidate(id: &str, text: &str) -> JournalEvent {
    JournalEvent::CandidateRecorded { store: store(id), hash: hash(text), entries: 2, bytes: 6 }
}

pub(crate) fn judged() -> JournalEvent {
    JournalEvent::Judged {
        live: hash("live"),
        candidate: hash("candidate"),
        verdicts: Vec::new(),
        fates: None,
    }
}

pub(crate) fn rebase_intended() -> JournalEvent {
    JournalEvent::RebaseIntended {
        live: index(&[("/a", "one"), ("/c", "live")]),
        read: Reading::default(),
        carried: vec![MemoryPath::parse("/c").unwrap()],
        merged: Vec::new(),
        conflicts: Vec::new(),
        keeps: Some(hash("rebased")),
        is_unsure: false,
    }
}

pub(crate) fn review_asked() -> JournalEvent {
    JournalEvent::ReviewAsked { because: vec![Reason::Mode] }
}

pub(crate) fn blocked() -> JournalEvent {
    JournalEvent::AdoptionBlocked { because: vec![Reason::Drift] }
}

pub(crate) fn approved() -> JournalEvent {
    JournalEvent::Approved {
        by: "ada".to_owned(),
        reason: None,
        overrides: vec!["drift".to_owned()],
        live: hash("live"),
        candidate: hash("candidate"),
    }
}

pub(crate) fn rejected() -> JournalEvent {
    JournalEvent::Rejected { by: "ada".to_owned(), reason: Some("worse".to_owned()) }
}

pub(crate) fn edit_intended() -> JournalEvent {
    let path = MemoryPath::parse("/a").unwrap();
    let statement = StatementRef { path: path.clone(), nth: 0, hash: hash("one") };
    let edits = Edits { dropped: BTreeSet::from([statement]), ..Edits::default() };
    let entries = vec![EntryEdit { path, from: Some(hash("one")), to: None }];
    JournalEvent::EditIntended { by: "ada".to_owned(), edits, entries }
}

pub(crate) fn adoption_intended(to: &str) -> JournalEvent {
    JournalEvent::AdoptionIntended {
        from: store("live"),
        to: store(to),
        live: hash("live"),
        candidate: index(&[("/a", "one")]),
    }
}

pub(crate) fn folder_written() -> JournalEvent {
    JournalEvent::FolderWritten { kept_files: vec!["/a".to_owned()] }
}

pub(crate) fn copy_intended() -> JournalEvent {
    JournalEvent::CopyIntended { live: index(&[("/a", "one"), ("/b", "three")]) }
}

pub(crate) fn copied_back() -> JournalEvent {
    JournalEvent::CopiedBack {
        written: vec![MemoryPath::parse("/b").unwrap()],
        conflicts: Vec::new(),
        kept: Vec::new(),
        missing: Vec::new(),
    }
}

pub(crate) fn alias_moved() -> JournalEvent {
    JournalEvent::AliasMoved { generation: 1 }
}

pub(crate) fn deployment_patched() -> JournalEvent {
    JournalEvent::DeploymentPatched { deployment: DeploymentId::parse("depl_1").unwrap() }
}

pub(crate) fn session_created() -> JournalEvent {
    JournalEvent::SessionCreated { session: SessionId::parse("sesn_1").unwrap(), is_settled: false }
}

pub(crate) fn adopted() -> JournalEvent {
    JournalEvent::Adopted {
        generation: 1,
        hash: hash("candidate"),
        late_writes: Vec::new(),
        late_merged: Vec::new(),
        late_conflicts: Vec::new(),
    }
}

pub(crate) fn budget_reached(batch: u32) -> JournalEvent {
    let usd = Usd::from_micros;
    JournalEvent::BudgetReached { batch, spent: usd(100_000), next: usd(50_000), budget: usd(120_000) }
}

pub(crate) fn cancel_asked() -> JournalEvent {
    JournalEvent::CancelAsked { by: "ada".to_owned() }
}

pub(crate) fn failed(batch: u32) -> JournalEvent {
    JournalEvent::Failed { because: FailReason::NoOutput { batch } }
}

/// Returns when the `seq`-th event is written.
pub(crate) fn time_of(seq: u32) -> Timestamp {
    noon() + SignedDuration::from_secs(seq.into())
}

/// Writes events down, numbered and dated.
pub(crate) fn recorded(events: Vec<JournalEvent>) -> Vec<Recorded> {
    let record = |(seq, event)| Recorded { format: "1.0".to_owned(), seq, at: time_of(seq), event };
    (1..).zip(events).map(record).collect()
}

/// Moves a run by events, the first of which begins it.
pub(crate) fn moved_by(events: &[JournalEvent]) -> Result<RunState, IllegalEvent> {
    let mut events = (1..).zip(events.iter().cloned());
    let (seq, first) = events.next().unwrap();
    events.try_fold(RunState::begin(seq, first)?, |state, (seq, event)| state.apply(seq, time_of(seq), event))
}

/// A run of two dreams that meets everything a run can meet and is adopted at last.
pub(crate) fn eventful() -> Vec<JournalEvent> {
    use JournalEvent as E;
    vec![
        run_planned(2),
        E::Claimed,
        base_recorded(),
        requested(1, 1),
        E::DreamNotSent { batch: 1 },
        requested(1, 1),
        created(1, "one"),
        ended(1, "one", DreamStatus::Failed, Some("timeout")),
        E::RetryAsked,
        requested(1, 2),
        created(1, "two"),
        completed(1, "two"),
        budget_reached(2),
        E::BudgetRaised { budget: None },
        requested(2, 1),
        created(2, "three"),
        completed(2, "three"),
        candidate("out-three", "candidate"),
        judged(),
        rebase_intended(),
        candidate("out-three", "rebased"),
        judged(),
        review_asked(),
        approved(),
        blocked(),
        approved(),
        adoption_intended("out-three"),
        adopted(),
        E::Released,
    ]
}
