//! `pipelines/*.yaml` as typed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::AuthoredGates;
use crate::spec::pipeline::{AdoptMode, Drift, Order};

/// A dreamrun pipeline: how one memory store is consolidated.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Pipeline")]
pub struct AuthoredPipeline {
    /// The format of this file. Always 1.
    #[schemars(required, range(min = 1, max = 1))]
    pub dreamrun: Option<u64>,
    /// The pipeline's name, unique within the project: a-z, 0-9 and `-`. The file's name without
    /// `.yaml` if left out.
    #[schemars(regex(pattern = r"^[a-z0-9][a-z0-9-]{0,63}$"))]
    pub name: Option<String>,
    /// What the pipeline is for, in a sentence.
    pub description: Option<String>,
    /// The model that dreams. On the local backend `offline` (deterministic and free); on
    /// managed_agents a model id, which `plan` checks against the live list.
    #[schemars(required, length(min = 1))]
    pub model: Option<String>,
    /// Your own values for the instructions, which read them as `{{ vars.name }}`.
    pub vars: Option<BTreeMap<String, Value>>,
    /// What the dream reads: one store, and past sessions.
    #[schemars(required)]
    pub input: Option<AuthoredInput>,
    /// What the dream is asked to do: a template over `vars`, `pipeline`, `batch`, `input` and `run`.
    /// At most 4,096 characters when rendered.
    pub instructions: Option<String>,
    /// How sessions are dealt out to dreams.
    pub batch: Option<AuthoredBatch>,
    /// The most a run may cost.
    pub budget: Option<AuthoredBudget>,
    /// The rules a result must pass before it is adopted. `entries_removed`, `bytes`, `unchanged`,
    /// `limits` and `secrets` stand guard even when they are not named.
    pub gates: Option<AuthoredGates>,
    /// When a run is due.
    pub schedule: Option<AuthoredSchedule>,
    /// What happens to a result that passed its gates.
    pub adopt: Option<AuthoredAdopt>,
    /// One pipeline for many targets. Not available in this version.
    #[schemars(extend("doNotSuggest" = true))]
    pub for_each: Option<Value>,
}

/// What a dream reads.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Input")]
pub struct AuthoredInput {
    /// The store to consolidate: a name from `stores` in dreamrun.yaml, which follows adoption, or a
    /// raw `memstore_` id, which needs `adopt.mode: review`.
    #[schemars(required, length(min = 1))]
    pub store: Option<String>,
    /// The past sessions to read.
    #[schemars(required)]
    pub sessions: Option<AuthoredSessions>,
}

/// Which past sessions a dream reads. Give exactly one of `agent`, `deployment`, `store`, `ids`,
/// `files` and `from`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Sessions")]
pub struct AuthoredSessions {
    /// Sessions of one agent: its id, or its file as `claude-lock.json` knows it. Needs backend
    /// managed_agents.
    #[schemars(length(min = 1))]
    pub agent: Option<String>,
    /// Sessions of one deployment. Needs backend managed_agents.
    #[schemars(length(min = 1))]
    pub deployment: Option<String>,
    /// Sessions that mounted a store, by name or id. Needs backend managed_agents.
    #[schemars(length(min = 1))]
    pub store: Option<String>,
    /// Sessions by id.
    #[schemars(length(min = 1))]
    pub ids: Option<Vec<String>>,
    /// Transcript files, as globs relative to the project. Needs backend local.
    #[schemars(length(min = 1))]
    pub files: Option<Vec<String>>,
    /// Several sources.
    #[schemars(length(min = 1))]
    pub from: Option<Vec<AuthoredSource>>,
    /// How far back: `last_adopted` (the default: what no adopted run has read), `beginning`, a date
    /// or time (`2026-11-01`, `2026-11-01T08:00:00Z`), or a duration before now (`30d`).
    pub since: Option<String>,
    /// Which sessions come first when not all can: `oldest` is the default.
    pub order: Option<Order>,
    /// The most sessions one run reads; all that wait if left out.
    #[schemars(range(min = 1))]
    pub take: Option<u32>,
    /// With fewer sessions waiting nothing is due, and the run ends well. 1 by default.
    #[schemars(range(min = 1))]
    pub min: Option<u32>,
}

/// One source of sessions. Give exactly one key.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Source")]
pub struct AuthoredSource {
    /// Sessions of one agent. Needs backend managed_agents.
    #[schemars(length(min = 1))]
    pub agent: Option<String>,
    /// Sessions of one deployment. Needs backend managed_agents.
    #[schemars(length(min = 1))]
    pub deployment: Option<String>,
    /// Sessions that mounted a store. Needs backend managed_agents.
    #[schemars(length(min = 1))]
    pub store: Option<String>,
    /// Sessions by id.
    #[schemars(length(min = 1))]
    pub ids: Option<Vec<String>>,
    /// Transcript files, as globs relative to the project. Needs backend local.
    #[schemars(length(min = 1))]
    pub files: Option<Vec<String>>,
}

/// How sessions are dealt out to dreams.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Batch")]
pub struct AuthoredBatch {
    /// The most sessions of one dream: 1 to 100, 100 by default.
    #[schemars(range(min = 1, max = 100))]
    pub size: Option<u32>,
    /// Whether more sessions than `size` make further dreams, each reading the output of the one
    /// before. Without it (the default) they wait for the next run.
    pub chain: Option<bool>,
}

/// The most a run may cost.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Budget")]
pub struct AuthoredBudget {
    /// In US dollars. Checked before every dream of a run.
    #[schemars(required, range(min = 0))]
    pub max_usd: Option<f64>,
}

/// When a run is due.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Schedule")]
pub struct AuthoredSchedule {
    /// The shortest time between two adoptions, such as `20h` or `7d`. Sooner, nothing is due.
    pub min_interval: Option<String>,
}

/// What happens to a result that passed its gates.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Adopt")]
pub struct AuthoredAdopt {
    /// Who decides: `review` (the default: a person approves every result) or `auto`.
    pub mode: Option<AdoptMode>,
    /// What adoption does; `pointer` by default.
    pub target: Option<TargetWord>,
    /// What to do when the live store changed during the dream; `rebase` by default.
    pub drift: Option<Drift>,
    /// For `target: directory`: the folder of the repository that receives the result.
    #[schemars(length(min = 1))]
    pub directory: Option<String>,
    /// For `target: deployment`: the deployments whose store is replaced.
    #[schemars(length(min = 1))]
    pub deployments: Option<Vec<String>>,
    /// For `target: session`: the agent of the new session, by id or by its file.
    #[schemars(length(min = 1))]
    pub agent: Option<String>,
    /// For `target: session`: the environment of the new session.
    #[schemars(length(min = 1))]
    pub environment: Option<String>,
}

/// What adoption does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Target")]
pub enum TargetWord {
    /// The store's name moves to the result.
    Pointer,
    /// The name moves, and the result is written into a folder of the repository.
    Directory,
    /// The result's entries are written into the original store, whose id stays.
    CopyBack,
    /// The store is replaced in deployments. Needs backend managed_agents.
    Deployment,
    /// A new session is created with the result attached. Needs backend managed_agents.
    Session,
}

impl TargetWord {
    /// Returns the word a pipeline uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pointer => "pointer",
            Self::Directory => "directory",
            Self::CopyBack => "copy_back",
            Self::Deployment => "deployment",
            Self::Session => "session",
        }
    }
}
