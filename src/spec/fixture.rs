//! Fixture tests after checking: cases that the gates judge, and cases that the planner plans.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ledger::testimony::Testimony;
use crate::ledger::window::RunLosses;
use crate::memory::MemoryPath;
use crate::price::Usd;
use crate::session::Session;
use crate::snapshot::Snapshot;

use super::problem::Place;

/// The tests of one pipeline.
#[derive(Debug, Clone)]
pub struct Tests {
    /// Their file, relative to the project.
    pub file: PathBuf,
    /// Stores before and after a dream.
    pub cases: Vec<Case>,
    /// Sessions that wait.
    pub plans: Vec<PlanCase>,
}

/// A store before and after a dream.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Where it stands in its file.
    pub place: Place,
    /// The live store.
    pub before: StoreText,
    /// The candidate.
    pub after: After,
    /// What the sessions said.
    pub testimony: Testimony,
    /// What earlier runs lost.
    pub losses: Vec<RunLosses>,
    /// What the run has cost.
    pub spent: Usd,
    /// The time of the judgment.
    pub now: Timestamp,
    /// What is to come of it.
    pub expect: Expect,
}

/// A store as a case gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreText {
    /// A folder of the project.
    Folder {
        /// Relative to the project.
        path: PathBuf,
        /// Where it is named.
        place: Place,
    },
    /// The memories themselves.
    Memories(Snapshot),
}

/// The candidate of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// Given in whole.
    Whole(StoreText),
    /// The live store with changes.
    Edited {
        /// What is written.
        write: Snapshot,
        /// Globs of what is taken away.
        remove: Vec<String>,
    },
}

/// What is to come of a candidate.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expect {
    /// What becomes of it.
    pub decision: Option<DecisionWord>,
    /// What gates answer.
    pub gates: BTreeMap<String, OutcomeWord>,
    /// How many statements meet a fate, by its name.
    pub fates: Vec<(&'static str, u64)>,
    /// Places that findings name, by gate.
    pub findings: BTreeMap<String, Vec<Spot>>,
}

/// A place in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    /// The memory.
    pub path: MemoryPath,
    /// Its line, if that matters.
    pub line: Option<u64>,
}

/// What becomes of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Decision")]
pub enum DecisionWord {
    /// It becomes the live store.
    Adopt,
    /// It waits for a person.
    Review,
    /// It is not adopted unless a person overrides a gate.
    Block,
    /// There is nothing to adopt.
    Unchanged,
}

impl DecisionWord {
    /// Returns the word itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Adopt => "adopt",
            Self::Review => "review",
            Self::Block => "block",
            Self::Unchanged => "unchanged",
        }
    }
}

/// What a gate answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Answer")]
pub enum OutcomeWord {
    /// Nothing stands in the way.
    Pass,
    /// There is nothing to adopt.
    Unchanged,
    /// A person must look.
    Review,
    /// Nothing is adopted without an override.
    Block,
    /// The gate could not decide; that blocks too.
    Undecided,
}

/// Sessions that wait.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanCase {
    /// What it shows.
    pub name: String,
    /// Where it stands in its file.
    pub place: Place,
    /// The sessions.
    pub sessions: Vec<Session>,
    /// The time of the plan.
    pub now: Timestamp,
    /// Memories of the live store.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the pipeline last brought a run to its end.
    pub last_finished: Option<Timestamp>,
    /// The number of the run.
    pub run: u32,
    /// What is to be planned.
    pub expect: PlanExpect,
}

/// What is to be planned.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PlanExpect {
    /// Whether there is anything to do.
    pub due: Option<bool>,
    /// Text in the reason why not.
    pub not_due: Option<String>,
    /// Sessions of each dream.
    pub batches: Option<Vec<u32>>,
    /// Sessions that stay out.
    pub left_out: Option<u64>,
    /// What stands in the instructions.
    pub instructions: Vec<Rendered>,
    /// The most the run may cost.
    pub at_most: Option<Usd>,
    /// Text in the error when no plan can be made.
    pub refused: Option<String>,
}

/// What stands in the instructions of a dream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Which dream, from 1; every one if none is named.
    pub batch: Option<u32>,
    /// Texts in them.
    pub contains: Vec<String>,
    /// Texts that are not.
    pub lacks: Vec<String>,
    /// The whole.
    pub text: Option<String>,
}
