//! Deeds: what people did to an alias by hand, beside its runs. Hashes and places, no text.
//!
//! Each is an object of its own, created only if absent and never changed or deleted.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Alias, MemoryStoreId, RunId};
use crate::ledger::Fate;
use crate::ledger::record::{EntryRecord, RunLedger, StatementRecord};
use crate::memory::{ContentHash, MemoryPath};

use super::format::{self, Format};
use super::{Key, PutIf, StateError, StateStore};

/// The format of [`Deed`]. 1: the first.
pub const DEED_FORMAT: u32 = 1;

/// One thing that somebody did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deed {
    /// [`DEED_FORMAT`] when written.
    pub format: u32,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What.
    pub what: Done,
}

/// What somebody did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// An earlier store was made live again, or a copy was taken back.
    RolledBack {
        /// The store that is live since.
        to: MemoryStoreId,
        /// The store that was live before.
        left: MemoryStoreId,
        /// The gates that were overridden for it: `forget`, if it brings back what must have been forgotten.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        overridden: Vec<String>,
        /// When the store that is live since had given way: what was done later to others is not in it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retired_at: Option<Timestamp>,
        /// The runs whose adoption that took back.
        undone: Vec<RunId>,
    },
    /// Statements that a run had lost were written back into the live store.
    Restored {
        /// The run.
        run: RunId,
        /// The store.
        store: MemoryStoreId,
        /// The statements.
        statements: Vec<RestoredStatement>,
    },
    /// Memories were brought back to what they were before a run.
    BroughtBack {
        /// The run.
        run: RunId,
        /// The store.
        store: MemoryStoreId,
        /// What each was in the store, and what it is since.
        entries: Vec<EntryRecord>,
    },
}

/// A lost statement that is back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct RestoredStatement {
    /// The hash of its normal form.
    pub hash: ContentHash,
    /// Where it stood before it was lost.
    pub path: MemoryPath,
    /// Its line there, from 1.
    pub line: u64,
    /// Where it stands since.
    pub to: Place,
    /// Whether it was found there: somebody else had brought it back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_there: bool,
}

/// A place in a store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The memory.
    pub path: MemoryPath,
    /// The line, from 1.
    pub line: u64,
}

/// Writes a deed down after those that are there.
///
/// # Errors
///
/// Fails when state cannot be read or written.
pub async fn record(state: &dyn StateStore, alias: &Alias, deed: &Deed) -> Result<(), StateError> {
    let mut number = state.list(&Key::deeds(alias)).await?.len() as u64;
    loop {
        number += 1;
        let key = Key::deed(alias, number);
        match state.put(&key, &format::bytes(&key, deed)?, PutIf::Absent).await {
            Err(StateError::Conflict { .. }) => {}
            done => return done.map(|_| ()),
        }
    }
}

/// Reads the deeds of an alias, oldest first.
///
/// # Errors
///
/// Fails when state cannot be read, is damaged, or was written by a newer version.
pub async fn read(state: &dyn StateStore, alias: &Alias) -> Result<Vec<Deed>, StateError> {
    let mut deeds = Vec::new();
    for key in state.list(&Key::deeds(alias)).await? {
        let Some(found) = state.get(&key).await? else { continue };
        deeds.push(format::read(&key, &found.bytes, Format::major(DEED_FORMAT))?);
    }
    Ok(deeds)
}

/// Says whether what a deed wrote may still be there: no later one wrote over it, or went back to a store
/// without it.
fn stands(deeds: &[Deed], place: usize, path: &MemoryPath) -> bool {
    let (Done::Restored { store, .. } | Done::BroughtBack { store, .. }) = &deeds[place].what else {
        return false;
    };
    let is_about = |entry: &EntryRecord| {
        [&entry.before, &entry.after].into_iter().flatten().any(|version| version.path == *path)
    };
    let mut is_live = true;
    for later in &deeds[place + 1..] {
        match &later.what {
            Done::RolledBack { to, .. } if to == store => is_live = true,
            Done::RolledBack { left, retired_at, .. } => {
                let is_older = retired_at.map_or(left == store, |at| at <= deeds[place].at);
                is_live &= !is_older;
            }
            Done::BroughtBack { entries, .. } if is_live && entries.iter().any(is_about) => return false,
            Done::BroughtBack { .. } | Done::Restored { .. } => {}
        }
    }
    is_live
}

/// Returns the statements of a run that were restored, unless a later deed took them away again.
pub fn restored<'a>(deeds: &'a [Deed], of: &RunId) -> Vec<&'a RestoredStatement> {
    let mut found = Vec::new();
    for (place, deed) in deeds.iter().enumerate() {
        if let Done::Restored { run, statements, .. } = &deed.what
            && run == of
        {
            found.extend(statements.iter().filter(|one| stands(deeds, place, &one.to.path)));
        }
    }
    found
}

/// Returns the memories that are what they were before a run, unless a later deed took them away again.
pub fn brought_back<'a>(deeds: &'a [Deed], of: &RunId) -> BTreeSet<&'a MemoryPath> {
    let mut found = BTreeSet::new();
    for (place, deed) in deeds.iter().enumerate() {
        if let Done::BroughtBack { run, entries, .. } = &deed.what
            && run == of
        {
            let paths = entries.iter().filter_map(|entry| entry.after.as_ref().or(entry.before.as_ref()));
            found.extend(paths.map(|version| &version.path).filter(|path| stands(deeds, place, path)));
        }
    }
    found
}

/// Returns how many statements that a run lost are not back: neither restored one by one, nor with the
/// memory they stood in.
pub fn still_lost(ledger: &RunLedger, deeds: &[Deed]) -> u64 {
    let single: BTreeSet<_> =
        restored(deeds, &ledger.run).into_iter().map(|one| (one.hash, &one.path, one.line)).collect();
    let whole = brought_back(deeds, &ledger.run);
    let is_back = |record: &&StatementRecord| {
        single.contains(&(record.hash, &record.path, record.line)) || whole.contains(&record.path)
    };
    let lost = ledger.statements.iter().filter(|record| record.fate == Fate::Lost);
    lost.filter(|record| !is_back(record)).count() as u64
}

/// Returns the runs whose losses deeds brought back.
pub fn runs(deeds: &[Deed]) -> BTreeSet<&RunId> {
    let run = |deed| match deed {
        &Deed { what: Done::Restored { ref run, .. } | Done::BroughtBack { ref run, .. }, .. } => Some(run),
        _ => None,
    };
    deeds.iter().filter_map(run).collect()
}

#[cfg(test)]
mod tests {
    use crate::ids::PipelineName;

    use super::*;

    fn store(id: &str) -> MemoryStoreId {
        MemoryStoreId::parse(id).unwrap()
    }

    fn run() -> RunId {
        RunId::new(PipelineName::parse("nightly").unwrap(), 1)
    }

    fn deed(at: i64, what: Done) -> Deed {
        Deed { format: DEED_FORMAT, at: Timestamp::from_second(at).unwrap(), by: "mira".to_owned(), what }
    }

    fn back(at: i64, left: &str, to: &str, retired_at: i64) -> Deed {
        let retired_at = Some(Timestamp::from_second(retired_at).unwrap());
        deed(
            at,
            Done::RolledBack {
                to: store(to),
                left: store(left),
                overridden: Vec::new(),
                retired_at,
                undone: Vec::new(),
            },
        )
    }

    #[test]
    fn a_restored_statement_is_where_the_live_store_comes_from_the_one_it_was_written_into() {
        let path = MemoryPath::parse("/deploy.md").unwrap();
        let to = Place { path: path.clone(), line: 1 };
        let statement = RestoredStatement { hash: ContentHash::of("a"), path, line: 1, to, was_there: false };
        let restored_in_c = Done::Restored { run: run(), store: store("c"), statements: vec![statement] };
        // `b` gave way to `c` at 3, the statement was restored at 5, and `c` gave way to `d` at 6.
        type Rollbacks<'a> = &'a [(&'a str, &'a str, i64)];
        let table: [(Rollbacks<'_>, bool); 5] = [
            (&[], true),
            (&[("d", "c", 6)], true),
            (&[("d", "b", 3)], false),
            (&[("d", "b", 3), ("b", "c", 6)], true),
            (&[("d", "b", 3), ("x", "b", 9)], false),
        ];
        for (steps, is_back) in table {
            let mut deeds = vec![deed(5, restored_in_c.clone())];
            deeds.extend(steps.iter().zip(10..).map(|(&(left, to, since), at)| back(at, left, to, since)));
            assert_eq!(!restored(&deeds, &run()).is_empty(), is_back, "{steps:?}");
        }
    }
}
