//! What is kept of a ledger: hashes, places and heirs, no text.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diff::{EntryDiff, StoreDiff};
use crate::dream::EventRef;
use crate::ids::{MemoryVersionId, RunId};
use crate::memory::{ContentHash, Memory, MemoryPath};

use super::{Because, Fate, FateCounts, Ledger};

/// The format of [`RunLedger`]. 1: the first.
pub const LEDGER_FORMAT: u32 = 1;

/// What one run did to each statement of an alias. It outlives stores and their versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunLedger {
    /// [`LEDGER_FORMAT`] when written.
    pub format: u32,
    /// The run.
    pub run: RunId,
    /// When it was judged.
    pub at: Timestamp,
    /// The live store it was judged against.
    pub live: ContentHash,
    /// The candidate.
    pub candidate: ContentHash,
    /// How many statements met which fate.
    pub counts: FateCounts,
    /// The entries that changed, in the order of their paths.
    pub entries: Vec<EntryRecord>,
    /// The statements that are not kept as they were, in the order they stood.
    pub statements: Vec<StatementRecord>,
    /// Statements of the candidate that nobody but a tool is known to have said, however often they were
    /// reworded since, by hash.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub untrusted: BTreeSet<ContentHash>,
}

/// One entry that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntryRecord {
    /// What it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<EntryVersion>,
    /// What it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<EntryVersion>,
}

/// One version of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntryVersion {
    /// Its path.
    pub path: MemoryPath,
    /// Its content's hash.
    pub hash: ContentHash,
    /// The backend's id of it, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<MemoryVersionId>,
}

/// One statement that did not stay as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatementRecord {
    /// The hash of its normal form.
    pub hash: ContentHash,
    /// Where it stood.
    pub path: MemoryPath,
    /// Its line, from 1.
    pub line: u64,
    /// What became of it.
    pub fate: Fate,
    /// What carries it on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub heirs: Vec<HeirRecord>,
    /// The event that said the new value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<EventRef>,
}

/// One heir.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HeirRecord {
    /// The hash of its normal form.
    pub hash: ContentHash,
    /// Where it stands.
    pub path: MemoryPath,
    /// Its line, from 1.
    pub line: u64,
}

impl RunLedger {
    /// Returns the memories that the candidate held otherwise than the live store.
    pub fn changed(&self) -> impl Iterator<Item = &MemoryPath> {
        self.entries.iter().filter_map(|entry| entry.after.as_ref()).map(|version| &version.path)
    }

    /// Takes down what a run does.
    pub fn of(
        run: RunId,
        at: Timestamp,
        (live, candidate): (ContentHash, ContentHash),
        diff: &StoreDiff,
        ledger: &Ledger<'_>,
        untrusted: BTreeSet<ContentHash>,
    ) -> Self {
        let statements = ledger
            .before
            .iter()
            .zip(&ledger.fates)
            .filter(|(_, judged)| judged.fate != Fate::Kept)
            .map(|(old, judged)| StatementRecord {
                hash: old.hash,
                path: old.path.clone(),
                line: old.statement.line as u64,
                fate: judged.fate,
                heirs: ledger
                    .heirs(judged)
                    .map(|heir| HeirRecord {
                        hash: heir.hash,
                        path: heir.path.clone(),
                        line: heir.statement.line as u64,
                    })
                    .collect(),
                said: match &judged.because {
                    Because::Said(event) => Some(event.clone()),
                    _ => None,
                },
            })
            .collect();
        let entries = diff.entries.iter().map(EntryRecord::of).collect();
        let format = LEDGER_FORMAT;
        Self { format, run, at, live, candidate, counts: ledger.counts, entries, statements, untrusted }
    }
}

impl EntryRecord {
    fn of(entry: &EntryDiff) -> Self {
        let version = |memory: &Memory| EntryVersion {
            path: memory.path.clone(),
            hash: memory.hash,
            version: memory.version.clone(),
        };
        Self { before: entry.before().map(version), after: entry.after().map(version) }
    }
}
