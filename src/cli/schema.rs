//! `dreamrun schema`: the JSON Schemas, as data.

use clap::{Args, ValueEnum};

use crate::spec::schema;

use super::Call;
use super::answer::Answer;
use super::exit::{CliError, ExitCode};

/// Options of `schema`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Which schema
    #[arg(value_enum, default_value = "pipeline")]
    which: Which,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// Pipeline files
    Pipeline,
    /// The project file
    Project,
    /// Probe files, which `gates.probes` names
    Probes,
    /// Forget lists, which `stores.NAME.forget` names
    Forget,
    /// Fixture files, `pipelines/NAME.test.yaml`
    Test,
    /// Files of decisions, which `diff --decisions` reads
    Decisions,
    /// The document that `plan --json` prints
    Plan,
    /// The document that `plan --out` saves
    SavedPlan,
}

/// The schema of the document that `plan --json` prints, kept equal to the types by a test.
const PLAN_SCHEMA: &str = include_str!("../../schemas/plan.schema.json");
/// The schema of the document that `plan --out` saves, kept equal to the types by a test.
const SAVED_PLAN_SCHEMA: &str = include_str!("../../schemas/saved-plan.schema.json");

pub(super) fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let (name, text) = match options.which {
        Which::Pipeline => ("pipeline", schema::PIPELINE_SCHEMA),
        Which::Project => ("project", schema::PROJECT_SCHEMA),
        Which::Probes => ("probes", schema::PROBES_SCHEMA),
        Which::Forget => ("forget", schema::FORGET_SCHEMA),
        Which::Test => ("test", schema::TEST_SCHEMA),
        Which::Decisions => ("decisions", schema::DECISIONS_SCHEMA),
        Which::Plan => ("plan", PLAN_SCHEMA),
        Which::SavedPlan => ("saved-plan", SAVED_PLAN_SCHEMA),
    };
    if !call.global.json {
        call.console.data(text);
    }
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| {
        CliError::new(ExitCode::Unexpected, format!("the {name} schema is damaged: {error}"))
    })?;
    Ok(Answer::new("schema", value))
}
