//! `dreamrun status`: what lives, runs and waits.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;

use crate::ids::{Alias, PipelineName, RunId};
use crate::journal::Journal;
use crate::journal::run_state::Phase;
use crate::report::plan_view::store_name;
use crate::report::run_view::RunView;
use crate::report::words::line;
use crate::spec;
use crate::state::StateStore;
use crate::state::alias::{self, AliasRecord, Claim};
use crate::state::driver::{DriverLock, Holder};

use super::answer::Answer;
use super::exit::{CliError, ExitCode};
use super::workspace::Workspace;
use super::{Call, FailOn, turn};

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
    #[serde(skip)]
    alias: Alias,
    /// Whether its file is in the project, and valid.
    #[serde(skip)]
    is_loaded: bool,
    #[serde(skip)]
    is_over: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: Option<RunView>,
    #[serde(skip)]
    phase: Option<Phase>,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let workspace = Workspace::open_valid(call)?;
    let state = workspace.state_read_only(call).await?;
    let status = read(call, &workspace, state.as_deref(), &options.names).await?;
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
    answer.problems = workspace.warnings;
    Ok(answer)
}

pub(super) async fn read(
    call: &Call<'_>,
    workspace: &Workspace,
    state: Option<&dyn StateStore>,
    names: &[String],
) -> Result<Status, CliError> {
    let wanted = |name: &str| names.is_empty() || names.iter().any(|n| n == name);
    let aliases = aliases(workspace, state).await?;
    let pipelines = pipelines(workspace, state).await?;
    for name in names {
        let is_known = aliases.iter().any(|alias| alias.as_str() == name)
            || pipelines.iter().any(|pipeline| pipeline.pipeline.as_str() == name);
        if !is_known {
            let stores = aliases.iter().map(Alias::as_str);
            let known: Vec<&str> =
                stores.chain(pipelines.iter().map(|pipeline| pipeline.pipeline.as_str())).collect();
            let hint = match spec::suggest::nearest(name, known.iter().copied()) {
                Some(near) => format!("Did you mean `{near}`?"),
                None => format!("There are: {}.", known.join(", ")),
            };
            return Err(CliError::usage(format!("there is no store or pipeline `{name}`")).hint(hint));
        }
    }
    let folder = workspace.lock_folder(call);
    let mut stores = Vec::new();
    // A pipeline that is named brings its store with it.
    let is_of_wanted = |alias: &Alias| {
        pipelines.iter().any(|pipeline| wanted(pipeline.pipeline.as_str()) && pipeline.alias == *alias)
    };
    for alias in &aliases {
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
    let mut pipelines = pipelines;
    pipelines.retain(|pipeline| {
        let is_named = !names.is_empty() && wanted(pipeline.pipeline.as_str());
        // What is past in a pipeline without a file is told when it is asked for.
        let is_shown = pipeline.is_loaded || is_named || !pipeline.is_over;
        is_shown && (wanted(pipeline.pipeline.as_str()) || wanted(pipeline.alias.as_str()))
    });
    Ok(Status { stores, pipelines })
}

/// Lists the project's stores, and those that state holds from elsewhere, another branch say.
async fn aliases(workspace: &Workspace, state: Option<&dyn StateStore>) -> Result<BTreeSet<Alias>, CliError> {
    let mut aliases: BTreeSet<Alias> = workspace.project.stores.keys().cloned().collect();
    if let Some(state) = state {
        aliases.extend(alias::list(state).await?.into_iter().filter(|alias| !alias.is_raw()));
    }
    Ok(aliases)
}

/// Lists the pipelines that can be loaded, and those that have a run in state.
async fn pipelines(
    workspace: &Workspace,
    state: Option<&dyn StateStore>,
) -> Result<Vec<PipelineStatus>, CliError> {
    let mut last: BTreeMap<PipelineName, Option<RunId>> =
        workspace.pipelines.keys().map(|name| (name.clone(), None)).collect();
    if let Some(state) = state {
        // In order, so the last of each pipeline stays.
        let runs = crate::journal::recent(state, None).await?;
        last.extend(runs.into_iter().map(|run| (run.pipeline().clone(), Some(run))));
    }
    let mut all = Vec::new();
    for (name, run) in last {
        let journal = match (state, &run) {
            (Some(state), Some(run)) => Journal::open(state, run).await?,
            _ => None,
        };
        let loaded = workspace.pipelines.get(&name);
        let planned = journal.as_ref().map(|journal| &journal.state().plan.store.reference);
        let Some(store) = loaded.map(|pipeline| &pipeline.store).or(planned) else { continue };
        all.push(PipelineStatus {
            alias: store.alias(&name),
            store: store_name(store),
            is_loaded: loaded.is_some(),
            is_over: journal.as_ref().is_none_or(|journal| journal.state().is_released),
            last_run: journal.as_ref().map(|journal| RunView::of(journal.run(), journal.state())),
            phase: journal.map(|journal| journal.state().phase.clone()),
            pipeline: name,
        });
    }
    Ok(all)
}

pub(super) fn text(status: &Status, call: &Call<'_>) -> String {
    let paint = call.console.paint;
    let (here, _) = call.parts.process();
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
                None => status.undriven(claim, &here),
            };
            let _ = writeln!(text, "{:<width$}  held by {}, {}", "", claim.run, paint.dim(&driver));
        }
        if let Some(lease) = store.record.as_ref().and_then(|record| record.lease.as_ref()) {
            let _ = writeln!(text, "{:<width$}  {}", "", paint.dim(&line(&turn::driven(lease))));
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
    /// Says what a claimed run that no process of this machine drives is waiting for.
    fn undriven(&self, claim: &Claim, here: &str) -> String {
        let run = &claim.run;
        let view = self.pipelines.iter().filter_map(|pipeline| pipeline.last_run.as_ref());
        match view.filter(|view| view.run == *run).map(|view| view.phase).next() {
            Some("awaiting_review" | "blocked") => "waiting for a person".to_owned(),
            _ => match claim.by.as_ref().filter(|by| by.machine != here) {
                Some(by) => format!(
                    "last driven by {}; `dreamrun apply {}` waits with it, or continues it",
                    line(&by.to_string()),
                    run.pipeline()
                ),
                None => format!("driven by nobody; `dreamrun apply {}` continues it", run.pipeline()),
            },
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
                Some(phase) if !phase.is_final() && !pipeline.is_loaded => {
                    commands.push((format!("dreamrun cancel {run}"), "give it up".to_owned()));
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
