//! What the planner noticed: for people, never for the run.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{RunId, SessionId};
use crate::state::alias::Hold;

/// What the planner noticed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanReport {
    /// Sessions that could be read now, chosen or not.
    pub waiting: u32,
    /// Chosen sessions that were read before and went on since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub went_on: Vec<SessionId>,
    /// Sessions that stay out, ordered by reason, then by id.
    pub left_out: Vec<LeftOut>,
    /// Files that hold no session: name and reason.
    pub unreadable: Vec<(String, String)>,
    /// Globs over transcripts that no file matches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmatched: Vec<String>,
    /// Lines of chosen transcripts that could not be read.
    pub skipped_lines: u64,
    /// Set if the backend lists models, and not this one: the names nearest to it. Whether a model can
    /// dream is told nowhere but by trying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted_model: Option<Vec<String>>,
    /// How the cost was estimated.
    pub basis: String,
    /// What differs from the pipeline's last run, one line each; empty on the first run.
    pub changed: Vec<String>,
    /// The run this one is compared with.
    pub last_run: Option<RunId>,
}

/// A session that stays out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// The session.
    pub session: SessionId,
    /// Why.
    pub reason: LeftOutReason,
}

/// Why a session stays out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutReason {
    /// An adopted run has read it to its end.
    AlreadyRead,
    /// The pipeline's last run has read it. It began so long ago that it is not looked at again, should it have
    /// gone on since.
    ReadLast {
        /// The run.
        run: RunId,
        /// Up to when that holds.
        through: Timestamp,
    },
    /// Adopted runs have read or passed over everything that began so long ago; which of the two is not
    /// remembered.
    PassedOver {
        /// Up to when.
        through: Timestamp,
    },
    /// It is still being written; the next run reads it.
    Running,
    /// More were waiting than one run takes; the next run reads it.
    BeyondTake {
        /// The most for one run.
        take: u32,
    },
    /// More were waiting than one dream reads, and `batch.chain` is off; the next run reads it.
    BeyondBatch {
        /// The most for one dream.
        size: u32,
    },
    /// It began before `since`.
    BeforeSince {
        /// The instant.
        since: Timestamp,
    },
    /// It is the work of a dream, and dreams do not feed dreams.
    DreamWorker,
    /// It was archived.
    Archived,
    /// It holds nothing that can be read.
    Empty,
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRead => f.write_str("read by an adopted run"),
            Self::ReadLast { run, through } => {
                write!(f, "read by {run}; began no later than {through:.0}, so never read again")
            }
            Self::PassedOver { through } => {
                write!(f, "began no later than {through:.0}, read or passed over by earlier runs")
            }
            Self::Running => f.write_str("still running, left for the next run"),
            Self::BeyondTake { take } => write!(f, "beyond `take: {take}`, left for the next run"),
            Self::BeyondBatch { size } => {
                write!(f, "beyond one batch of {size} without `chain`, left for the next run")
            }
            Self::BeforeSince { since } => write!(f, "began before {since:.0}"),
            Self::DreamWorker => f.write_str("the work of a dream"),
            Self::Archived => f.write_str("archived"),
            Self::Empty => f.write_str("nothing in it could be read"),
        }
    }
}

impl PlanReport {
    /// Counts the sessions left out by reason.
    pub fn left_out_by_reason(&self) -> BTreeMap<&LeftOutReason, usize> {
        let mut counts = BTreeMap::new();
        for left_out in &self.left_out {
            *counts.entry(&left_out.reason).or_default() += 1;
        }
        counts
    }
}

/// Why a run is not due. Not an error: the next one may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotDue {
    /// Fewer sessions wait than `min`.
    TooFew {
        /// How many wait.
        waiting: u32,
        /// How many it takes.
        min: u32,
    },
    /// No session waits, and that may be because globs over transcripts match no file.
    NoFile {
        /// The globs.
        globs: Vec<String>,
        /// How many sessions there are all the same, none of which waits.
        sessions: u32,
    },
    /// The last run ended less than `min_interval` ago.
    TooSoon {
        /// When the next one may start.
        next: Timestamp,
    },
    /// The alias is on hold.
    OnHold(Hold),
}

impl fmt::Display for NotDue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFew { waiting: 0, .. } => f.write_str("no new session waits"),
            Self::TooFew { waiting: 1, min } => write!(f, "1 session waits, `min` is {min}"),
            Self::TooFew { waiting, min } => write!(f, "{waiting} sessions wait, `min` is {min}"),
            Self::NoFile { globs, sessions } => {
                let globs: Vec<String> = globs.iter().map(|glob| format!("`{glob}`")).collect();
                let others = if *sessions == 0 { "" } else { "no new session waits, and " };
                write!(f, "{others}no file matches {}", globs.join(" or "))
            }
            Self::TooSoon { next } => write!(f, "`min_interval` runs until {next:.0}"),
            Self::OnHold(hold) => {
                write!(f, "on hold since {:.0}, by {}: {}", hold.since, hold.by, hold.reason)
            }
        }
    }
}
