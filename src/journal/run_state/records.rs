//! What is remembered of a run: its dreams, its candidate, what was judged, copied and edited.

use std::collections::BTreeMap;

use crate::adoption::Conflict;
use crate::dream::{ChangeKind, DreamStatus, Usage};
use crate::gate::verdict::Verdict;
use crate::ids::{DreamId, MemoryStoreId, SessionId};
use crate::ledger::FateCounts;
use crate::memory::{ContentHash, MemoryPath};
use crate::price::Usd;
use crate::snapshot::SnapshotIndex;

/// What comparisons start from.
#[derive(Debug, Clone, PartialEq)]
pub struct Base {
    /// The live store.
    pub store: MemoryStoreId,
    /// What it held.
    pub index: SnapshotIndex,
}

/// How much a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Memories.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// One try at a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct DreamRecord {
    /// The batch, from 1.
    pub batch: u32,
    /// Which try, from 1.
    pub attempt: u32,
    /// The store it reads.
    pub store: MemoryStoreId,
    /// The request.
    pub digest: ContentHash,
    /// When it was asked for: settling looks at dreams made since.
    pub requested_at: jiff::Timestamp,
    /// The dream, once known.
    pub dream: Option<DreamId>,
    /// Its final status.
    pub status: Option<DreamStatus>,
    /// The store it wrote.
    pub output: Option<MemoryStoreId>,
    /// Tokens it used.
    pub usage: Usage,
    /// What it cost at most.
    pub cost: Option<Usd>,
    /// What it did, counted by kind.
    pub changes: BTreeMap<ChangeKind, u64>,
}

/// A copy of the candidate into the live store.
#[derive(Debug, Clone, PartialEq)]
pub struct CopyRecord {
    /// What the live store held when it began.
    pub live: SnapshotIndex,
    /// How it ended.
    pub end: Option<CopyEnd>,
}

/// How a copy ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyEnd {
    /// The memories that were written or taken away.
    pub written: Vec<MemoryPath>,
    /// The memories that agents changed meanwhile; the live store holds their version.
    pub conflicts: Vec<Conflict>,
    /// The memories that stay although the candidate lacks them.
    pub kept: Vec<MemoryPath>,
    /// The memories whose text was gone.
    pub missing: Vec<MemoryPath>,
}

/// What a person changed in a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditRecord {
    /// Who.
    pub by: String,
    /// How many statements they took out.
    pub dropped: u64,
    /// How many they put back.
    pub restored: u64,
    /// The memories that changed by it.
    pub paths: Vec<MemoryPath>,
}

/// The session of a session target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// When it was asked for.
    pub requested_at: jiff::Timestamp,
    /// The session, once known: in doubt until then.
    pub session: Option<SessionId>,
}

/// The candidate of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The store.
    pub store: MemoryStoreId,
    /// What it holds.
    pub hash: ContentHash,
    /// Its size.
    pub size: Size,
}

/// What the gates said of which stores.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgment {
    /// The live store.
    pub live: ContentHash,
    /// The candidate.
    pub candidate: ContentHash,
    /// The answers.
    pub verdicts: Vec<Verdict>,
    /// What became of the live store's statements, counted; none in journals that were written before
    /// anybody counted.
    pub fates: Option<FateCounts>,
}
