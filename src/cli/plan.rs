//! `dreamrun plan`: what would run, and what it may cost. Writes nothing but the files it is asked for.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::ids::PipelineName;
use crate::plan::saved::SavedPipeline;
use crate::plan::{outline::Outline, plan};
use crate::report::comment::plan_comment;
use crate::report::plan_text::{changed_text, outline_text, plan_text};
use crate::report::plan_view::{ChangedView, PlanView, Plans};
use crate::report::words::line;

use super::answer::Answer;
use super::exit::{CliError, ExitCode};
use super::github::JobReport;
use super::workspace::{Workspace, alias_of};
use super::{Call, FailOn, changed, gather, saved_plan};

/// Options of `plan`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Pipelines, by name or file; all of them if none is given
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Look at the files alone: no store, no sessions
    #[arg(long)]
    offline: bool,
    /// Only the pipelines that mean something else than at this revision of the Git repository
    #[arg(long, value_name = "REV")]
    changed: Option<String>,
    /// Save the plan to a file, for `apply --plan` to carry out exactly this
    #[arg(long, value_name = "FILE", conflicts_with = "offline")]
    out: Option<PathBuf>,
    /// Write a comment for a pull request to a file, as Markdown
    #[arg(long, value_name = "FILE", conflicts_with = "offline")]
    comment: Option<PathBuf>,
    /// Let rendered instructions into the comment
    #[arg(long, requires = "comment")]
    content: bool,
}

/// The `data` of an offline plan document.
#[derive(Debug, Serialize)]
struct Outlines {
    outlines: Vec<Outline>,
    /// What changed since a revision, with `--changed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<ChangedView>,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let mut workspace = Workspace::open_named(call, &options.names)?;
    let changed = match &options.changed {
        Some(revision) => {
            let changed = changed::since(call, &workspace, revision, options.names.is_empty()).await?;
            call.console.say(&format!("{}\n", changed_text(&changed, call.console.paint)));
            let names: BTreeSet<&PipelineName> = changed.pipelines.iter().map(|one| &one.pipeline).collect();
            workspace.pipelines.retain(|name, _| names.contains(name));
            Some(changed)
        }
        None if workspace.pipelines.is_empty() => {
            return Err(CliError::usage("the project has no pipelines").hint("Write one in `pipelines/`."));
        }
        None => None,
    };
    let mut answer = match options.offline {
        true => offline(call, &workspace, changed),
        false => live(call, &workspace, changed, options).await?,
    };
    answer.problems = workspace.warnings;
    Ok(answer)
}

fn offline(call: &Call<'_>, workspace: &Workspace, changed: Option<ChangedView>) -> Answer {
    let mut outlines = Vec::new();
    for pipeline in workspace.pipelines.values() {
        let outline = Outline::of(pipeline);
        call.console.say(&outline_text(&outline, pipeline, call.console.paint));
        call.console.say("\n");
        outlines.push(outline);
    }
    Answer::new("offline", Outlines { outlines, changed })
}

async fn live(
    call: &Call<'_>,
    workspace: &Workspace,
    changed: Option<ChangedView>,
    options: &Options,
) -> Result<Answer, CliError> {
    let state = workspace.state_read_only(call).await?;
    let opened = workspace.backend(call, false)?;
    let asked = gather::Asked::in_one_moment();
    let store = state.as_deref();
    let sources = gather::Sources { call, workspace, opened: &opened, state: store, asked: &asked };
    let mut plans = Vec::new();
    let mut parts = Vec::new();
    for pipeline in workspace.pipelines.values() {
        let alias = alias_of(pipeline);
        let past = gather::past(store, pipeline, &alias).await?;
        if let Some(record) = &past.alias {
            opened.check_origin(&alias, record)?;
        }
        let facts = sources.facts(pipeline, &past).await?;
        let plan = plan(pipeline, &facts)?;
        let is_verbose = call.console.volume == super::Volume::Verbose;
        call.console.say(&plan_text(&plan, pipeline, call.console.paint, is_verbose));
        match gather::forgotten(store, opened.backend.as_ref(), &asked, &past, &plan).await {
            Ok(forgotten) => gather::warn_of_forgotten(call, workspace, forgotten),
            // The plan is as good without it; carrying it out would not be allowed.
            Err(error) if error.code == ExitCode::NotAuthorised => {
                for words in std::iter::once(&error.message).chain(&error.causes) {
                    let warning = call.console.paint.warn("note:");
                    call.console.say(&format!("  {warning} {}\n", line(words)));
                }
            }
            Err(error) => return Err(error),
        }
        if let Some((run, state)) = past.last.as_ref().filter(|(_, state)| !state.is_released) {
            let phase = state.phase.name().replace('_', " ");
            call.console.say(&format!(
                "  {} run {run} is {phase}; `dreamrun apply` continues that one first\n",
                call.console.paint.warn("note:")
            ));
        }
        call.console.say("\n");
        plans.push(PlanView::of(&plan, pipeline));
        if options.out.is_some() {
            parts.push(SavedPipeline::of(plan, pipeline, &facts));
        }
    }
    let saved = match &options.out {
        Some(path) => Some(saved_plan::save(call, workspace, &opened, path, parts)?),
        None => None,
    };
    if let Some(path) = &options.comment {
        super::files::write(call, path, &plan_comment(&plans, changed.as_ref(), options.content))?;
    }
    let is_due = plans.iter().any(|plan| plan.is_due);
    let job = JobReport::of_plans(&plans);
    let outcome = match changed.as_ref().is_some_and(ChangedView::is_empty) {
        true => "nothing_changed",
        false if is_due => "due",
        false => "nothing_due",
    };
    let mut answer = Answer { job, ..Answer::new(outcome, Plans { plans, changed, saved }) };
    if is_due && call.is_fatal(FailOn::Pending, false) {
        answer = answer.with_code(ExitCode::Pending);
    }
    Ok(answer)
}
