//! `dreamrun status`: what lives, runs and waits.

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;

use crate::ids::{Alias, PipelineName, RunId};
use crate::journal::Journal;
use crate::journal::run_state::Phase;
use crate::report::run_view::RunView;
use crate::report::words::line;
use crate::spec;
use crate::state::alias::{self, AliasRecord};
use crate::state::driver::{DriverLock, Holder};
use crate::state::{StateStore, sqlite::SqliteState};

use super::answer::Answer;
use super::exit::{CliError, ExitCode};
use super::workspace::{Workspace, alias_of};
use super::{Call, FailOn};

/// Options of `status`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Stores or pipelines; everything if none is given
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Status {
    stores: Vec<StoreStatus>,
    pipelines: Vec<PipelineStatus>,
}

#[derive(Debug, Serialize)]
struct StoreStatus {
    alias: Alias,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<AliasRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<Holder>,
}

#[derive(Debug, Serialize)]
struct PipelineStatus {
    pipeline: PipelineName,
    store: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: Option<RunView>,
    #[serde(skip)]
    phase: Option<Phase>,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let workspace = Workspace::open(call)?;
    let state = workspace.state_read_only()?;
    let status = read(&workspace, state.as_ref(), &options.names).await?;
    call.console.say(&text(&status, call));
    let is_any = |wanted: fn(&Phase) -> bool| {
        status.pipelines.iter().any(|pipeline| pipeline.phase.as_ref().is_some_and(wanted))
    };
    let (outcome, code) = if is_any(|phase| matches!(phase, Phase::Blocked(_))) {
        ("blocked", call.is_fatal(FailOn::Blocked, false).then_some(ExitCode::Blocked))
    } else if is_any(|phase| matches!(phase, Phase::AwaitingReview(_))) {
        ("awaiting_review", call.is_fatal(FailOn::Review, false).then_some(ExitCode::AwaitingReview))
    } else if is_any(|phase| !phase.is_final()) {
        ("running", call.is_fatal(FailOn::Running, false).then_some(ExitCode::Running))
    } else {
        ("idle", None)
    };
    let mut answer = Answer::new(outcome, status);
    answer.code = code;
    Ok(answer)
}

pub(super) async fn read(
    workspace: &Workspace,
    state: Option<&SqliteState>,
    names: &[String],
) -> Result<Status, CliError> {
    let wanted = |name: &str| names.is_empty() || names.iter().any(|n| n == name);
    for name in names {
        let is_known = workspace.project.stores.keys().any(|alias| alias.as_str() == name)
            || workspace.pipelines.keys().any(|pipeline| pipeline.as_str() == name);
        if !is_known {
            let stores = workspace.project.stores.keys().map(Alias::as_str);
            let known: Vec<&str> =
                stores.chain(workspace.pipelines.keys().map(PipelineName::as_str)).collect();
            let hint = match spec::suggest::nearest(name, known.iter().copied()) {
                Some(near) => format!("Did you mean `{near}`?"),
                None => format!("There are: {}.", known.join(", ")),
            };
            return Err(CliError::usage(format!("there is no store or pipeline `{name}`")).hint(hint));
        }
    }
    let folder = workspace.lock_folder();
    let mut stores = Vec::new();
    // A pipeline that is named brings its store with it.
    let is_of_wanted = |alias: &Alias| {
        let mut pipelines = workspace.pipelines.values();
        pipelines.any(|pipeline| wanted(pipeline.name.as_str()) && alias_of(pipeline) == *alias)
    };
    for alias in workspace.project.stores.keys() {
        if !wanted(alias.as_str()) && !is_of_wanted(alias) {
            continue;
        }
        let record = match state {
            None => None,
            Some(state) => alias::read(state, alias).await?.map(|(record, _)| record),
        };
        let driver = DriverLock::holder(&folder, alias);
        stores.push(StoreStatus { alias: alias.clone(), record, driver });
    }
    let mut pipelines = Vec::new();
    for pipeline in workspace.pipelines.values() {
        let alias = alias_of(pipeline);
        if !wanted(pipeline.name.as_str()) && !wanted(alias.as_str()) {
            continue;
        }
        let mut last = None;
        if let Some(state) = state
            && let Some(run) = crate::journal::runs(state, Some(&pipeline.name)).await?.pop()
        {
            last = Journal::open(state as &dyn StateStore, &run).await?;
        }
        pipelines.push(PipelineStatus {
            pipeline: pipeline.name.clone(),
            store: alias.to_string(),
            last_run: last.as_ref().map(|journal| RunView::of(journal.run(), journal.state())),
            phase: last.map(|journal| journal.state().phase.clone()),
        });
    }
    Ok(Status { stores, pipelines })
}

pub(super) fn text(status: &Status, call: &Call<'_>) -> String {
    let paint = call.console.paint;
    let mut text = String::new();
    let width = status.stores.iter().map(|s| s.alias.as_str().len()).max().unwrap_or(0);
    for store in &status.stores {
        let what = match &store.record {
            None => paint.dim("not imported yet"),
            Some(record) => {
                let since = match &record.adoption {
                    Some(adoption) => format!("adopted by {} at {:.0}", adoption.run, adoption.at),
                    None => "as imported".to_owned(),
                };
                format!("{} {}", record.active, paint.dim(&since))
            }
        };
        let _ = writeln!(text, "{:<width$}  {what}", store.alias);
        if let Some(hold) = store.record.as_ref().and_then(|record| record.hold.as_ref()) {
            let _ = writeln!(
                text,
                "{:<width$}  {} since {:.0} by {}: {}",
                "",
                paint.warn("on hold"),
                hold.since,
                line(&hold.by),
                line(&hold.reason)
            );
        }
        if let Some(claim) = store.record.as_ref().and_then(|record| record.claim.as_ref()) {
            let driver = match &store.driver {
                Some(holder) => format!("driven by process {} since {:.0}", holder.pid, holder.since),
                None => status.undriven(&claim.run),
            };
            let _ = writeln!(text, "{:<width$}  held by {}, {}", "", claim.run, paint.dim(&driver));
        }
    }
    if !status.stores.is_empty() && !status.pipelines.is_empty() {
        text.push('\n');
    }
    let width = status.pipelines.iter().map(|p| p.pipeline.as_str().len()).max().unwrap_or(0);
    for pipeline in &status.pipelines {
        let what = match &pipeline.last_run {
            None => paint.dim("never run"),
            Some(view) => {
                let phase = view.phase.replace('_', " ");
                let phase = match view.phase {
                    "adopted" | "unchanged" => paint.good(&phase),
                    "blocked" | "failed" | "dream_failed" => paint.bad(&phase),
                    _ => paint.warn(&phase),
                };
                let because = if view.because.is_empty() {
                    String::new()
                } else {
                    format!(": {}", line(&view.because))
                };
                format!("{} {phase}{}", view.run, paint.dim(&because))
            }
        };
        let _ = writeln!(text, "{:<width$}  {what}", pipeline.pipeline);
    }
    text
}

impl Status {
    /// Says what a claimed run that no process drives is waiting for.
    fn undriven(&self, run: &RunId) -> String {
        let view = self.pipelines.iter().filter_map(|pipeline| pipeline.last_run.as_ref());
        match view.filter(|view| view.run == *run).map(|view| view.phase).next() {
            Some("awaiting_review" | "blocked") => "waiting for a person".to_owned(),
            _ => format!("driven by nobody; `dreamrun apply {}` continues it", run.pipeline()),
        }
    }

    /// Returns the likely next commands.
    pub(super) fn next_commands(&self) -> Vec<(String, String)> {
        let mut commands = Vec::new();
        for pipeline in &self.pipelines {
            let name = &pipeline.pipeline;
            let run = pipeline.last_run.as_ref().map(|view| view.run.to_string()).unwrap_or_default();
            match &pipeline.phase {
                None => commands.push((format!("dreamrun plan {name}"), "see what it would do".to_owned())),
                Some(Phase::AwaitingReview(_) | Phase::Blocked(_)) => {
                    commands.push((format!("dreamrun show {run}"), "it waits for a person".to_owned()));
                }
                Some(phase) if !phase.is_final() => {
                    commands.push((format!("dreamrun apply {name}"), "continue it".to_owned()));
                }
                Some(_) => {}
            }
        }
        if commands.is_empty() {
            commands.push(("dreamrun plan".to_owned(), "see whether anything is due".to_owned()));
            commands.push(("dreamrun apply --yes".to_owned(), "do what is due".to_owned()));
        }
        commands
    }
}
