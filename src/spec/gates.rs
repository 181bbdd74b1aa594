//! Gates of a checked pipeline: each with its settings, and those that stand guard unasked.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::memory::{ContentHash, MemoryPath};
use crate::price::Usd;

/// What a gate answers, from mild to severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A person must look.
    Review,
    /// Nothing is adopted without an override.
    Block,
}

/// What may happen, from mild to severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// It may.
    Allow,
    /// A person must look.
    Review,
    /// Nothing is adopted without an override.
    Block,
}

/// A limit on a share or a count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Threshold {
    /// Trips **above** this share of what the live store has of the thing, in percent.
    Percent(f64),
    /// Trips **at** this count.
    Count(u64),
}

impl Threshold {
    /// Says whether this is above another of the same kind; a share and a count cannot be compared.
    pub fn is_above(self, other: Self) -> bool {
        match (self, other) {
            (Self::Percent(a), Self::Percent(b)) => a > b,
            (Self::Count(a), Self::Count(b)) => a > b,
            _ => false,
        }
    }
}

/// Thresholds of one measure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Thresholds {
    /// Above it, a person must look.
    pub review: Option<Threshold>,
    /// Above it, nothing is adopted.
    pub block: Option<Threshold>,
}

/// One gate with its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GateSpec {
    /// Statements of the live store that have no heir.
    Lost(LostLimits),
    /// Entries of the live store that the candidate lacks.
    EntriesRemoved(Thresholds),
    /// Entries of the candidate that the live store lacks.
    EntriesAdded(Thresholds),
    /// Statements of the candidate that contradict each other.
    Contradictions(Thresholds),
    /// Bytes of the whole store, before against after.
    Bytes {
        /// Limits on getting smaller.
        shrink: Thresholds,
        /// Limits on getting larger.
        grow: Thresholds,
    },
    /// How much smaller the store has to get, and may.
    SizeReduction {
        /// The least, in percent.
        min: Option<f64>,
        /// The most, in percent.
        max: Option<f64>,
        /// What it means to be outside.
        otherwise: Level,
    },
    /// A candidate equal to the live store.
    Unchanged(OnUnchanged),
    /// Paths that no dream may touch, and statements that have to stay.
    Protected {
        /// Globs over memory paths; `**` crosses slashes.
        paths: Vec<String>,
        /// Statements, by hash.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        statements: Vec<Pin>,
        /// What a change means.
        on_change: Level,
    },
    /// What may happen to entries, by path.
    Policy(Vec<PolicyRule>),
    /// The API's limits on paths, sizes and counts.
    Limits {
        /// What a breach means.
        on_exceed: Level,
        /// The most entries of a store.
        entries: u64,
    },
    /// Credentials in the candidate.
    Secrets(Level),
    /// Text in the candidate that was put there to be obeyed.
    Injection(InjectionLevels),
    /// What the store's forget list says must not be there: the file, relative to the project.
    Forget(PathBuf),
    /// What the store must know, and must not.
    Probes(ProbeLevels),
    /// Statements of the candidate that a second dream would still change.
    Convergence(Thresholds),
    /// What the run cost.
    Cost {
        /// Above it, a person must look.
        review: Option<Usd>,
        /// Above it, nothing is adopted.
        block: Option<Usd>,
    },
    /// The author's own expressions.
    Assert(Vec<Assertion>),
}

impl GateSpec {
    /// Returns the gate's name, as written in a pipeline.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Lost(_) => "lost",
            Self::EntriesRemoved(_) => "entries_removed",
            Self::EntriesAdded(_) => "entries_added",
            Self::Contradictions(_) => "contradictions",
            Self::Bytes { .. } => "bytes",
            Self::SizeReduction { .. } => "size_reduction",
            Self::Unchanged(_) => "unchanged",
            Self::Protected { .. } => "protected",
            Self::Policy(_) => "policy",
            Self::Limits { .. } => "limits",
            Self::Secrets(_) => "secrets",
            Self::Injection(_) => "injection",
            Self::Forget(_) => "forget",
            Self::Probes(_) => "probes",
            Self::Convergence(_) => "convergence",
            Self::Cost { .. } => "cost",
            Self::Assert(_) => "assert",
        }
    }

    /// Says whether the gate asks what the sessions said, beyond what the ledger asks for.
    pub fn asks_for_testimony(&self) -> bool {
        matches!(self, Self::Injection(InjectionLevels { untrusted: Some(_), .. }))
    }

    /// Says whether the gate asks what a second dream would leave.
    pub fn asks_for_second_pass(&self) -> bool {
        matches!(self, Self::Convergence(_))
    }

    /// Returns the gate without the places of the file it was written in: what it judges by.
    #[must_use]
    pub fn without_places(&self) -> Self {
        let mut spec = self.clone();
        if let Self::Protected { statements, .. } = &mut spec {
            for pin in statements {
                (pin.file, pin.line) = (PathBuf::new(), 0);
            }
        }
        spec
    }
}

/// Limits on what is lost: in one run, in part of the store, and over time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LostLimits {
    /// By one run, of the whole store.
    pub run: Thresholds,
    /// By all runs within some days, this one included, from the shortest time to the longest.
    pub windows: Vec<LostWindow>,
    /// By one run, of the memories under some paths.
    pub paths: Vec<LostClass>,
}

/// A limit on what all runs lose within some days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LostWindow {
    /// How many days.
    pub days: u32,
    /// The limits.
    pub limits: Thresholds,
}

/// A limit on what one run loses of some memories.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LostClass {
    /// Globs over memory paths; `**` crosses slashes.
    pub paths: Vec<String>,
    /// The limits.
    pub limits: Thresholds,
}

/// A statement that has to stay, by hash: a plan is kept in state, and holds no memory text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pin {
    /// The hash of its normal form.
    pub hash: ContentHash,
    /// The memory it has to stand in; anywhere if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<MemoryPath>,
    /// The file that pins it.
    pub file: PathBuf,
    /// The line there, from 1.
    pub line: u64,
}

/// What may happen to entries under some paths. What a rule does not name, it leaves to later rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyRule {
    /// Globs over memory paths; `**` crosses slashes.
    pub paths: Vec<String>,
    /// New entries.
    pub add: Option<Permission>,
    /// Entries with other content.
    pub edit: Option<Permission>,
    /// Entries that are gone.
    pub remove: Option<Permission>,
    /// Entries that come from another path or go there.
    #[serde(rename = "move")]
    pub moving: Option<Permission>,
    /// Statements that have no heir.
    pub lose: Option<Permission>,
}

/// What each kind of injected text means; nothing for a kind that is not looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InjectionLevels {
    /// Text that speaks to a model as its master would.
    pub instructions: Option<Level>,
    /// Characters that people do not see and models read.
    pub hidden: Option<Level>,
    /// Statements that nobody but a tool is known to have said.
    pub untrusted: Option<Level>,
}

/// The levels where a pipeline says nothing. What is not trusted is looked for only when asked: it reads
/// the sessions.
pub const DEFAULT_INJECTION: InjectionLevels =
    InjectionLevels { instructions: Some(Level::Review), hidden: Some(Level::Review), untrusted: None };

/// A probe file and what its answers mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProbeLevels {
    /// The file, relative to the project. It is read when a candidate is judged.
    pub file: PathBuf,
    /// When a person must look.
    pub review: Option<ProbeRule>,
    /// When nothing is adopted.
    pub block: Option<ProbeRule>,
}

/// Which answers to probes count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProbeRule {
    /// A probe that the live store passes and the result fails.
    AnyRegression,
    /// A probe that the result fails, whatever it was before.
    AnyFailure,
}

/// What a candidate equal to the live store means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUnchanged {
    /// The run ends as `unchanged`; its sessions count as read.
    Skip,
    /// A person must look.
    Review,
    /// Adopt it all the same.
    Pass,
}

/// One expression that a candidate must satisfy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assertion {
    /// A minijinja expression over `diff`; must be true.
    pub expr: String,
    /// What it means when it is not.
    #[serde(rename = "else")]
    pub otherwise: Level,
    /// What to tell people then.
    pub message: Option<String>,
}

/// The entries a store may hold: the API's own figure was 2,000 in August 2026 and 10,000 in later
/// copies of its documentation, so the lower one is the safe default.
pub const DEFAULT_ENTRIES_LIMIT: u64 = 2_000;

/// Returns the gates that stand guard when a pipeline names none, in the order they are judged.
///
/// The figures follow what real dreams did: a reduction of 20 to 60% is normal, and more than 80%
/// dropped has always been an accident.
pub fn default_gates() -> Vec<GateSpec> {
    let percent = |p| Some(Threshold::Percent(p));
    vec![
        GateSpec::Lost(default_lost()),
        GateSpec::EntriesRemoved(Thresholds { review: percent(60.0), block: percent(80.0) }),
        GateSpec::Bytes {
            shrink: Thresholds { review: percent(60.0), block: None },
            grow: Thresholds { review: percent(100.0), block: None },
        },
        GateSpec::Unchanged(OnUnchanged::Skip),
        GateSpec::Limits { on_exceed: Level::Block, entries: DEFAULT_ENTRIES_LIMIT },
        GateSpec::Secrets(Level::Block),
        GateSpec::Injection(DEFAULT_INJECTION),
    ]
}

/// Returns the limits on what is lost where a pipeline sets none.
///
/// A person looks when more than one statement in fifty is gone without a trace; a fifth has always been
/// an accident. Over a month the runs together may lose hardly more than that, or every night would lose
/// its two percent unseen.
pub fn default_lost() -> LostLimits {
    let percent = |p| Some(Threshold::Percent(p));
    LostLimits {
        run: Thresholds { review: percent(2.0), block: percent(20.0) },
        windows: vec![LostWindow {
            days: 30,
            limits: Thresholds { review: percent(5.0), block: percent(20.0) },
        }],
        paths: Vec::new(),
    }
}
