//! Facts: everything the planner may see. Gathered before planning, never during.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::ids::{MemoryStoreId, PipelineName, RunId, SessionId};
use crate::memory::ContentHash;
use crate::price::PriceTable;
use crate::session::Session;
use crate::spec::pipeline::{SessionSource, StoreRef};
use crate::state::alias::{AliasRecord, SourceKey};

use super::fingerprint::Fingerprint;

/// Everything the planner may see. The order in which anything was gathered does not matter.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The time of the plan.
    pub now: Timestamp,
    /// The number the next run of this pipeline gets.
    pub run_number: u32,
    /// What state knows of the pipeline's alias; none before the first apply, or for a raw store.
    pub alias: Option<AliasRecord>,
    /// The live store.
    pub store: StoreFacts,
    /// The sessions of each source.
    pub sources: BTreeMap<SourceKey, SourceFacts>,
    /// What tokens cost.
    pub prices: PriceTable,
    /// The models that the backend lists, where it does.
    pub models: Option<Vec<String>>,
    /// The pipeline's last run, to say what changed since.
    pub last_run: Option<LastRun>,
}

/// The live store as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreFacts {
    /// Its id; none while it is a folder that was not imported yet.
    pub id: Option<MemoryStoreId>,
    /// Memories it holds.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What it holds, where that was looked at.
    pub hash: Option<ContentHash>,
}

/// What one source has to offer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceFacts {
    /// Its sessions.
    pub sessions: Vec<Session>,
    /// Files that hold no session: name and reason.
    pub unreadable: Vec<(String, String)>,
    /// Globs that no file matches.
    pub unmatched: Vec<String>,
}

/// The pipeline's last run.
#[derive(Debug, Clone, PartialEq)]
pub struct LastRun {
    /// Its id.
    pub run: RunId,
    /// What it was made from.
    pub fingerprint: Fingerprint,
    /// The sessions it was to read. Those that are settled by now, it has read.
    pub sessions: BTreeSet<SessionId>,
}

impl Facts {
    /// Returns when this pipeline last brought a run to its end.
    pub fn last_finished(&self, pipeline: &PipelineName) -> Option<Timestamp> {
        self.alias.as_ref()?.last_finished.get(pipeline).copied()
    }
}

/// Names a source within its alias.
///
/// The name holds the source as written, so a source whose definition changed starts afresh rather
/// than inheriting what another one read.
pub fn source_key(source: &SessionSource) -> SourceKey {
    SourceKey(match source {
        SessionSource::Agent(id) => format!("agent:{id}"),
        SessionSource::Deployment(id) => format!("deployment:{id}"),
        SessionSource::Store(StoreRef::Alias(alias)) => format!("store:{alias}"),
        SessionSource::Store(StoreRef::Raw(id)) => format!("store:{id}"),
        SessionSource::Ids(_) => "ids".to_owned(),
        SessionSource::Files(globs) => format!("files:{}", globs.join(",")),
    })
}
