//! Everything that can be recorded about a run, each in the past tense.
//!
//! Each event names the phases it is legal in; [`super::run_state`] enforces it. No event has a field
//! that could hold memory text, rendered instructions or a credential.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::adoption::decide::Reason;
use crate::adoption::edit::{Edits, EntryEdit};
use crate::adoption::{Conflict, Merged, Reading};
use crate::dream::{ChangeKind, DreamError, DreamStatus, Usage};
use crate::gate::verdict::Verdict;
use crate::ids::{DeploymentId, DreamId, MemoryStoreId, SessionId};
use crate::ledger::FateCounts;
use crate::memory::{ContentHash, MemoryPath};
use crate::plan::Plan;
use crate::price::Usd;
use crate::snapshot::SnapshotIndex;

/// One thing that happened to a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JournalEvent {
    /// The run exists. Legal only as the first event.
    RunPlanned {
        /// What it will do.
        plan: Box<Plan>,
    },
    /// The alias names this run as the one that works on it. Legal in *planned*.
    Claimed,
    /// The live store was looked at; what it held is the base of every later comparison. Legal in
    /// *claimed*.
    BaseRecorded {
        /// The live store.
        store: MemoryStoreId,
        /// What it held.
        index: SnapshotIndex,
    },
    /// A dream is about to be asked for. The intent: durable before anything is sent. Legal when the
    /// next batch is *ready*.
    DreamRequested {
        /// The batch, from 1.
        batch: u32,
        /// Which try at this batch, from 1.
        attempt: u32,
        /// The store the dream reads.
        store: MemoryStoreId,
        /// The request, to recognise its dream by.
        digest: ContentHash,
    },
    /// The request never reached the backend, or was looked for there and not found. Nothing was
    /// paid; the batch is *ready* again. Legal in *requested*.
    DreamNotSent {
        /// The batch.
        batch: u32,
    },
    /// The backend has a dream for the request. Legal in *requested*.
    DreamCreated {
        /// The batch.
        batch: u32,
        /// The dream.
        dream: DreamId,
        /// Whether it was found by looking after its answer was lost.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_settled: bool,
    },
    /// The backend said no to the request. Legal in *requested*.
    DreamRefused {
        /// The batch.
        batch: u32,
        /// The backend's words.
        message: String,
    },
    /// A dream reached a final status. Legal in *dreaming*, and in *canceling* for the dream that is
    /// stopped, which may have cost something and written a store.
    DreamEnded {
        /// The batch.
        batch: u32,
        /// The dream.
        dream: DreamId,
        /// Its status.
        status: DreamStatus,
        /// The store it wrote.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        output: Option<MemoryStoreId>,
        /// Tokens it used.
        usage: Usage,
        /// What that costs at most, if the model's price is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost: Option<Usd>,
        /// What it did, counted by kind; empty where the backend does not say.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        changes: BTreeMap<ChangeKind, u64>,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<DreamError>,
    },
    /// The batch may be asked for again; it is *ready*. Legal in *dream failed*.
    RetryAsked,
    /// The next batch would go over the budget. Legal when a batch is *ready*.
    BudgetReached {
        /// The batch that was not started.
        batch: u32,
        /// Spent so far.
        spent: Usd,
        /// The most the batch may cost.
        next: Usd,
        /// The budget.
        budget: Usd,
    },
    /// The budget was raised in the pipeline file; the batch is *ready* again. Legal in *over budget*.
    BudgetRaised {
        /// The new budget; none for no limit.
        budget: Option<Usd>,
    },
    /// The output of the last dream is whole, or was changed: by a rebase, or by somebody after it was
    /// judged. Legal in *dreamed*, *rebasing*, *editing*, *judged*, *awaiting review*, *blocked*, and *adopting*
    /// while nothing has moved or been copied.
    CandidateRecorded {
        /// The candidate.
        store: MemoryStoreId,
        /// Its hash.
        hash: ContentHash,
        /// Memories it holds.
        entries: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// Every gate answered. Legal in *candidate*.
    Judged {
        /// The live store the candidate was compared with.
        live: ContentHash,
        /// The candidate.
        candidate: ContentHash,
        /// The answers, in the order of the plan's gates.
        verdicts: Vec<Verdict>,
        /// What became of the live store's statements, counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fates: Option<FateCounts>,
    },
    /// Live writes are about to be carried over into the candidate. The intent. Legal in *judged*, and in
    /// *rebasing* when something cannot be merged any more, because the text it began with is gone.
    RebaseIntended {
        /// The live store as it is now.
        live: SnapshotIndex,
        /// What the dream may have read of it, where that is not simply the base.
        #[serde(default, skip_serializing_if = "Reading::is_empty")]
        read: Reading,
        /// The memories that will be carried over.
        carried: Vec<MemoryPath>,
        /// Those of them that the dream changed too, in other statements: both changes go into the candidate.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        merged: Vec<Merged>,
        /// The memories both sides changed. The live version takes the dream's place, and a person
        /// reviews it.
        conflicts: Vec<Conflict>,
        /// What the candidate holds afterwards, if no write met what the dream changed: an approval of the
        /// candidate then counts for this one ([`crate::adoption::approval`]).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keeps: Option<ContentHash>,
        /// Whether the candidate may hold what was redacted: nobody can tell any more.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_unsure: bool,
    },
    /// A person has to look. Legal in *judged*.
    ReviewAsked {
        /// Why.
        because: Vec<Reason>,
    },
    /// Nothing will be adopted unless a person overrides it. Legal in *judged*.
    AdoptionBlocked {
        /// Why.
        because: Vec<Reason>,
    },
    /// A person agreed. Legal in *awaiting review* and *blocked*.
    Approved {
        /// Who.
        by: String,
        /// Why, in their words.
        reason: Option<String>,
        /// The gates they overrode.
        overrides: Vec<String>,
        /// The live store that the candidate was judged against: the one they looked at, whatever was
        /// written to it since.
        live: ContentHash,
        /// The candidate they looked at.
        candidate: ContentHash,
    },
    /// A person said no. Legal in *awaiting review* and *blocked*.
    Rejected {
        /// Who.
        by: String,
        /// Why, in their words.
        reason: Option<String>,
    },
    /// A person is about to change the candidate, statement by statement. The intent. It is recorded and
    /// judged again afterwards. Legal in *awaiting review* and *blocked*.
    EditIntended {
        /// Who.
        by: String,
        /// What they do.
        edits: Edits,
        /// The memories that change by it.
        entries: Vec<EntryEdit>,
    },
    /// The alias is about to move. The intent. Legal in *judged*.
    AdoptionIntended {
        /// The store that gives way.
        from: MemoryStoreId,
        /// The store that takes over.
        to: MemoryStoreId,
        /// What the live store held when that was decided.
        live: ContentHash,
        /// What the candidate holds, as it was judged.
        candidate: SnapshotIndex,
    },
    /// The candidate was written into the folder of a directory target and read back. Legal in
    /// *adopting*, once.
    FolderWritten {
        /// Files that were left as they are, because a person changed them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        kept_files: Vec<String>,
    },
    /// The candidate is about to be written into the live store. The intent: whatever differs from this
    /// later was written by others. Legal in *adopting*, once.
    CopyIntended {
        /// The live store as it is now.
        live: SnapshotIndex,
    },
    /// The candidate was written into the live store and read back. Legal in *adopting* after the intent,
    /// once.
    CopiedBack {
        /// The memories that were written or taken away.
        written: Vec<MemoryPath>,
        /// The memories that agents changed while it was written; the live store holds their version.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        conflicts: Vec<Conflict>,
        /// The memories that the candidate lacks and that stay, because one that may hold their text is in
        /// conflict or missing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        kept: Vec<MemoryPath>,
        /// The memories of the candidate whose text was gone before it could be written.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        missing: Vec<MemoryPath>,
    },
    /// The alias moved, and deployments or a session are to follow. Legal in *adopting*, once.
    AliasMoved {
        /// The alias's generation after it.
        generation: u64,
    },
    /// A deployment names the new store. Legal in *adopting* once the alias has moved, and in *canceling* where it
    /// had moved before.
    DeploymentPatched {
        /// The deployment.
        deployment: DeploymentId,
    },
    /// A session is about to be created. The intent: durable before anything is sent. Legal in *adopting*
    /// once the alias has moved.
    SessionRequested,
    /// The request for a session never reached the backend, was refused, or was looked for there and not
    /// found. Legal in *adopting* while a session is in doubt.
    SessionNotSent,
    /// There is a session with the candidate attached. Legal in *adopting* while a session is in doubt.
    SessionCreated {
        /// The session.
        session: SessionId,
        /// Whether it was found by looking after its answer was lost.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_settled: bool,
    },
    /// The alias moved, and what it points at was read back. Legal in *adopting*, unless a copy
    /// is under way or a session in doubt, and in *canceling* when it had moved before anybody asked.
    Adopted {
        /// The alias's generation after it.
        generation: u64,
        /// What was read back.
        hash: ContentHash,
        /// Writes that reached the old store while the alias moved, carried over after it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        late_writes: Vec<MemoryPath>,
        /// Those of them that were merged with what stood in the new store, statement by statement.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        late_merged: Vec<Merged>,
        /// Writes that reached the old store while the alias moved and met a newer one in the new store,
        /// which stays as it is.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        late_conflicts: Vec<Conflict>,
    },
    /// The candidate equals the live store; its sessions count as read. Legal in *judged*.
    Unchanged,
    /// Somebody asked for the run to stop. The intent. Legal in every phase that is not final, but for
    /// *rebasing* and *canceling*. In *requested* it gives a dream in doubt up for good; in *adopting* it
    /// is legal until the live store is written to, and ends in *adopted* if the alias has moved.
    CancelAsked {
        /// Who.
        by: String,
    },
    /// The run stopped. Legal in *canceling*.
    Canceled,
    /// The run cannot go on. Legal in *ready*, *requested* and *dreamed*, and in *adopting* while the
    /// candidate is written into the live store.
    Failed {
        /// Why.
        because: FailReason,
    },
    /// The alias no longer names this run. The last event. Legal in every final phase.
    Released,
}

impl JournalEvent {
    /// Tells what a candidate holds.
    pub fn of_candidate(store: MemoryStoreId, held: &SnapshotIndex) -> Self {
        let (hash, entries, bytes) = (held.hash(), held.entries.len() as u64, held.bytes());
        Self::CandidateRecorded { store, hash, entries, bytes }
    }

    /// Says whether something is paid for, written or moved next that no later event could take back.
    pub fn announces(&self) -> bool {
        matches!(
            self,
            Self::DreamRequested { .. }
                | Self::RebaseIntended { .. }
                | Self::EditIntended { .. }
                | Self::AdoptionIntended { .. }
                | Self::CopyIntended { .. }
                | Self::SessionRequested
                | Self::CancelAsked { .. }
        )
    }
}

/// Why a run cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailReason {
    /// The backend said no to a batch.
    Refused {
        /// The batch.
        batch: u32,
        /// The backend's words.
        message: String,
    },
    /// The dream of a batch failed, and trying again is over or would not help.
    DreamFailed {
        /// The batch.
        batch: u32,
        /// Why.
        error: DreamError,
    },
    /// The dream of a batch was canceled by somebody else.
    DreamCanceled {
        /// The batch.
        batch: u32,
    },
    /// A dream wrote into the very store it read, so that there is nothing to compare or to adopt.
    InPlace {
        /// The batch.
        batch: u32,
    },
    /// The live store was deleted or archived while the candidate was being written into it.
    LiveStoreClosed {
        /// The store.
        store: MemoryStoreId,
    },
    /// A dream completed without an output store, or its store was gone before anybody looked.
    NoOutput {
        /// The batch.
        batch: u32,
    },
}

/// One event as it is written: who wrote what, when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recorded {
    /// The journal format, `major.minor`.
    pub format: String,
    /// Its place in the journal, from 1.
    pub seq: u32,
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    pub event: JournalEvent,
}

impl std::fmt::Display for FailReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused { batch, message } => write!(f, "the backend refused dream {batch}: {message}"),
            Self::DreamFailed { batch, error } => {
                write!(f, "dream {batch} failed: {} ({})", error.message, error.kind)
            }
            Self::DreamCanceled { batch } => write!(f, "dream {batch} was canceled elsewhere"),
            Self::InPlace { batch } => write!(f, "dream {batch} wrote into the store it read"),
            Self::LiveStoreClosed { store } => {
                write!(f, "{store} was deleted or archived while the candidate was written into it")
            }
            Self::NoOutput { batch } => {
                write!(f, "dream {batch} completed, and there is no store of its output")
            }
        }
    }
}
