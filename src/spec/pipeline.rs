//! A checked pipeline: defaults filled in, nothing left undecided. Nobody downstream checks twice.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, Alias, DeploymentId, EnvironmentId, MemoryStoreId, PipelineName, SessionId};
use crate::memory::ContentHash;
use crate::price::Usd;
use crate::spec::problem::Place;

pub use crate::spec::gates::{
    Assertion, DEFAULT_ENTRIES_LIMIT, DEFAULT_INJECTION, GateSpec, InjectionLevels, Level, LostClass,
    LostLimits, LostWindow, OnUnchanged, Permission, Pin, PolicyRule, ProbeLevels, ProbeRule, Threshold,
    Thresholds, default_gates, default_lost,
};

/// One pipeline file after checking.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    /// The file it came from, relative to the project.
    pub file: PathBuf,
    /// Its name, unique within the project.
    pub name: PipelineName,
    /// What it is for, in the author's words; may be empty.
    pub description: String,
    /// The model or mind that dreams.
    pub model: String,
    /// The author's variables, for the instructions.
    pub vars: BTreeMap<String, serde_json::Value>,
    /// The store to consolidate.
    pub store: StoreRef,
    /// The sessions to read.
    pub sessions: SessionInput,
    /// The instructions' template; empty when none were given.
    pub instructions: Option<Template>,
    /// How sessions are dealt out to dreams.
    pub batch: Batching,
    /// The most the run may cost.
    pub budget: Option<Usd>,
    /// The gates in force, defaults included, in the order they are judged.
    pub gates: Vec<GateSpec>,
    /// The shortest time between two adoptions.
    pub min_interval: Option<SignedDuration>,
    /// What happens to a good candidate.
    pub adopt: Adopt,
}

/// A store as a pipeline names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StoreRef {
    /// A name of the project's that follows adoption.
    Alias(Alias),
    /// One store for good; never adopted automatically.
    Raw(MemoryStoreId),
}

impl StoreRef {
    /// Returns the alias under which state keeps the store for a pipeline.
    pub fn alias(&self, pipeline: &PipelineName) -> Alias {
        match self {
            Self::Alias(alias) => alias.clone(),
            Self::Raw(id) => Alias::of_raw(pipeline, id),
        }
    }
}

/// Which sessions are read.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionInput {
    /// Where sessions come from; at least one.
    pub sources: Vec<SessionSource>,
    /// How far back.
    pub since: Since,
    /// Which end of the queue first.
    pub order: Order,
    /// The most sessions for one run.
    pub take: Option<u32>,
    /// Fewer than this many waiting: nothing due.
    pub min: u32,
}

/// One place sessions come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionSource {
    /// Sessions of one agent, by id or by a file that `claude-lock.json` resolves.
    Agent(String),
    /// Sessions of one deployment.
    Deployment(String),
    /// Sessions that mounted a store.
    Store(StoreRef),
    /// Named sessions.
    Ids(Vec<SessionId>),
    /// Transcript files, as globs relative to the project.
    Files(Vec<String>),
}

/// How far back sessions are read.
#[derive(Debug, Clone, PartialEq)]
pub enum Since {
    /// Every session there is, each time.
    Beginning,
    /// Those that no adopted run has read.
    LastAdopted,
    /// Those that began at or after an instant and that no adopted run has read.
    Instant(Timestamp),
    /// Those that began within a time before the plan and that no adopted run has read.
    Within(SignedDuration),
}

/// Which sessions come first when not all can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The ones waiting longest.
    Oldest,
    /// The latest ones.
    Newest,
}

/// A template's text with the place it stands at, for errors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    /// The template as written.
    pub source: String,
    /// Where it stands in its file; `None` for templates that come from no file.
    pub place: Option<TemplatePlace>,
}

impl Template {
    /// Makes a template that stands in no file.
    pub fn new(source: impl Into<String>) -> Self {
        Self { source: source.into(), place: None }
    }
}

/// Where a template stands in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplatePlace {
    /// The whole value.
    pub place: Place,
    /// The byte of the file at which each line of the template begins, where they can be told apart:
    /// in a literal block (`|`), and in plain or quoted text on one line without escapes.
    pub lines: Vec<usize>,
}

/// How sessions are dealt out to dreams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Batching {
    /// The most sessions of one dream, 1 to 100.
    pub size: u32,
    /// Whether more sessions than `size` make further dreams, each reading the last one's output.
    /// Without it, sessions beyond the first batch wait for the next run.
    pub chain: bool,
}

/// What happens to a candidate that passed its gates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Adopt {
    /// Who decides.
    pub mode: AdoptMode,
    /// What adoption does.
    pub target: Target,
    /// What to do when the live store changed during the dream.
    pub drift: Drift,
}

/// Who decides on adoption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdoptMode {
    /// A candidate that passes every gate is adopted.
    Auto,
    /// A person approves every candidate.
    Review,
}

/// What adoption does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The alias moves to the candidate.
    Pointer,
    /// The alias moves, and the candidate is written into a folder of the repository.
    Directory(PathBuf),
    /// The candidate's entries are written into the original store.
    CopyBack,
    /// The alias moves, and the store is replaced in deployments' resources; at least one, none twice.
    Deployment(Vec<DeploymentId>),
    /// The alias moves, and a new session is created with the candidate attached.
    Session {
        /// The agent of the session.
        agent: AgentRef,
        /// The environment of the session.
        environment: EnvironmentId,
    },
}

/// An agent as a pipeline names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgentRef {
    /// By its id.
    Id(AgentId),
    /// By a file such as `agents/support.md`, whose agent `claude-lock.json` knows. Whoever gathers facts
    /// puts the id in its place; a plan never has one.
    File(String),
}

impl fmt::Display for AgentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.pad(id.as_str()),
            Self::File(file) => f.pad(file),
        }
    }
}

/// What to do when the live store changed during the dream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Drift {
    /// Carry the live writes over into the candidate; ask a person about entries both sides changed.
    Rebase,
    /// Ask a person about any live write.
    Review,
    /// Adopt nothing.
    Block,
}

impl Pipeline {
    /// Returns the digest of what the instructions are made from.
    pub fn template_hash(&self) -> Option<ContentHash> {
        self.instructions.as_ref().map(|template| ContentHash::of(&template.source))
    }
}
