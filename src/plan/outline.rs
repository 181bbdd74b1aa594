//! What a pipeline file says on its own: no store, no sessions, no state.

use schemars::JsonSchema;
use serde::Serialize;

use crate::ids::PipelineName;
use crate::spec::pipeline::{Adopt, GateSpec, Pipeline, SessionSource};

/// What one pipeline would do, as far as its file alone tells.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Outline {
    /// The pipeline.
    pub pipeline: PipelineName,
    /// Its file, relative to the project.
    pub file: String,
    /// The model or mind that dreams.
    pub model: String,
    /// Where sessions come from.
    pub sources: Vec<SessionSource>,
    /// The most sessions one run reads; null for no limit.
    pub sessions_at_most: Option<u32>,
    /// The most dreams one run needs for them; null for no limit.
    pub dreams_at_most: Option<u32>,
    /// The template of the instructions.
    pub instructions: Option<String>,
    /// The gates in force.
    pub gates: Vec<GateSpec>,
    /// What happens to a good candidate.
    pub adopt: Adopt,
}

impl Outline {
    /// Makes the outline of a pipeline.
    pub fn of(pipeline: &Pipeline) -> Self {
        let mut limits: Vec<u32> = pipeline.sessions.take.into_iter().collect();
        if !pipeline.batch.chain {
            limits.push(pipeline.batch.size);
        }
        if let [SessionSource::Ids(ids)] = pipeline.sessions.sources.as_slice() {
            limits.push(u32::try_from(ids.len()).unwrap_or(u32::MAX));
        }
        let sessions_at_most = limits.into_iter().min();
        Self {
            pipeline: pipeline.name.clone(),
            file: pipeline.file.display().to_string(),
            model: pipeline.model.clone(),
            sources: pipeline.sessions.sources.clone(),
            sessions_at_most,
            dreams_at_most: sessions_at_most.map(|n| n.div_ceil(pipeline.batch.size.max(1))),
            instructions: pipeline.instructions.as_ref().map(|template| template.source.clone()),
            gates: pipeline.gates.clone(),
            adopt: pipeline.adopt.clone(),
        }
    }
}
