//! Saved plans on the command line: writing one, and carrying one out to the letter.
//!
//! Each pipeline of a plan is carried out by itself, and once: before its run begins, state notes which run
//! uses it up. Whoever comes with the same file later, after a crash or from another machine, continues that
//! very run, or learns how it ended.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;

use crate::ids::{Alias, PipelineName, RunId};
use crate::journal::{Journal, JournalError};
use crate::plan::saved::{MadeBy, SavedPipeline, SavedPlan, SavedPlanError};
use crate::plan::stale::{Here, MAX_AGE, after_looking, before_looking};
use crate::plan::{Plan, rendered_again};
use crate::report::plan_text::plan_text;
use crate::report::plan_view::SavedView;
use crate::report::words::line;
use crate::run::observer::Observer;
use crate::spec::pipeline::Pipeline;
use crate::spec::quantity;
use crate::state::StateError;
use crate::state::keeper::Keeper;
use crate::state::plans::{self, USED_PLAN_FORMAT, UsedPlan};

use super::apply::{Applied, overtaken};
use super::desk::Desk;
use super::exit::{CliError, ExitCode};
use super::opened::Opened;
use super::workspace::{Workspace, find_root};
use super::{Call, files, gather};

/// The most bytes of a file that is read as a saved plan: 10,000 dreams over 100 sessions each, and more.
const FILE_LIMIT: u64 = 256 << 20;

/// A saved plan that is to be carried out.
#[derive(Debug)]
pub(super) struct Saved {
    /// The file, as it was named.
    file: PathBuf,
    plan: SavedPlan,
    max_age: SignedDuration,
}

/// Returns what would stand in a plan that is saved here, as far as the server has told.
fn made_by(call: &Call<'_>, workspace: &Workspace, opened: &Opened) -> MadeBy {
    MadeBy {
        dreamrun: env!("CARGO_PKG_VERSION").to_owned(),
        profile: call.global.profile.clone(),
        state: workspace.state_name(),
        origin: opened.origin(),
    }
}

/// Saves plans to a file.
pub(super) fn save(
    call: &Call<'_>,
    workspace: &Workspace,
    opened: &Opened,
    path: &Path,
    pipelines: Vec<SavedPipeline>,
) -> Result<SavedView, CliError> {
    let now = call.parts.clock().now();
    let (saved, text) = SavedPlan::write(now, made_by(call, workspace, opened), pipelines)
        .map_err(|error| CliError::caused(ExitCode::Unexpected, &error))?;
    files::write_whole(call, path, &text)?;
    let file = path.display().to_string();
    call.console.say(&format!(
        "Saved {} as {}\n  `dreamrun apply --plan {}` carries out exactly this\n",
        line(&file),
        saved.id,
        line(&file)
    ));
    Ok(SavedView { plan: saved.id, file })
}

impl Saved {
    /// Reads the plan that a person names.
    pub(super) fn read(call: &Call<'_>, file: &Path, max_age: Option<&str>) -> Result<Self, CliError> {
        let max_age = match max_age {
            None => MAX_AGE,
            Some(text) => quantity::duration(text).map_err(|wrong| {
                let error = CliError::usage(format!("`--max-plan-age {text}`: {}", wrong.label));
                wrong.help.into_iter().fold(error, CliError::hint)
            })?,
        };
        let bytes = files::read(call, file, FILE_LIMIT)?;
        let plan = SavedPlan::read(&bytes).map_err(|error| {
            let hint = match &error {
                SavedPlanError::TooNew { .. } => {
                    "Use the dreamrun version that wrote it, or a newer one; nothing was done."
                }
                SavedPlanError::NotOne | SavedPlanError::Damaged { .. } => {
                    "Make a new one with `dreamrun plan --out FILE`; nothing was done."
                }
            };
            CliError::new(ExitCode::InvalidFiles, format!("`{}`: {error}", file.display())).hint(hint)
        })?;
        Ok(Self { file: file.to_owned(), plan, max_age })
    }

    /// Opens the project with the pipelines of the plan, or with those of them that were named.
    pub(super) fn open(&self, call: &Call<'_>, names: &[String]) -> Result<Workspace, CliError> {
        find_root(call)?;
        let file = self.file.display();
        let elsewhere = format!("`{file}` was made in another project, or the pipeline was renamed since.");
        let planned: Vec<String> = self.names().map(ToString::to_string).collect();
        if names.is_empty() {
            let workspace = Workspace::open_named(call, &planned).map_err(|error| match error.code {
                ExitCode::Usage => CliError { code: ExitCode::Stale, ..error }.hint(elsewhere.clone()),
                _ => error,
            })?;
            let missing = self.names().find(|name| !workspace.pipelines.contains_key(*name));
            return match missing {
                None => Ok(workspace),
                Some(name) => {
                    Err(CliError::new(ExitCode::Stale, format!("there is no pipeline `{name}`"))
                        .hint(elsewhere))
                }
            };
        }
        let workspace = Workspace::open_named(call, names)?;
        match workspace.pipelines.keys().find(|name| self.plan.part(name).is_none()) {
            None => Ok(workspace),
            Some(name) => Err(CliError::usage(format!("the plan in `{file}` has no pipeline `{name}`"))
                .hint(format!("It has: {}.", planned.join(", ")))),
        }
    }

    fn names(&self) -> impl Iterator<Item = &PipelineName> {
        self.plan.pipelines.iter().map(|part| &part.plan.pipeline)
    }

    fn part(&self, pipeline: &Pipeline) -> Result<&SavedPipeline, CliError> {
        self.plan
            .part(&pipeline.name)
            .ok_or_else(|| CliError::usage(format!("the plan has no pipeline `{}`", pipeline.name)))
    }

    /// Returns the alias that the plan of a pipeline works on, whatever its file says by now.
    pub(super) fn alias(&self, pipeline: &Pipeline) -> Result<Alias, CliError> {
        Ok(self.part(pipeline)?.plan.alias())
    }

    /// Says whether a run carries this plan out.
    pub(super) fn is_of(&self, applied: &Applied) -> bool {
        applied.run.as_ref().is_some_and(|run| run.plan.as_ref() == Some(&self.plan.id))
    }

    fn stale(&self, pipeline: &PipelineName, because: Vec<String>) -> CliError {
        let mut error = CliError::new(ExitCode::Stale, format!("the saved plan of `{pipeline}` is stale"));
        error.causes = because;
        error.hint(format!(
            "Nothing was done. Plan again with `dreamrun plan {pipeline} --out {}`, and look at what changed.",
            self.file.display()
        ))
    }

    fn used_up(&self, run: &RunId, phase: &str) -> CliError {
        let words =
            format!("plan `{}` was used by run `{run}`, which is {}", self.plan.id, phase.replace('_', " "));
        CliError::new(ExitCode::Stale, words)
            .hint(format!("See `dreamrun show {run}`. A plan is carried out once: make a new one."))
    }
}

impl Desk<'_> {
    /// Carries a saved plan out under the lock of its alias. Returns nothing if another process was first,
    /// and it is to be looked at again.
    pub(super) async fn drive_saved(
        &self,
        saved: &Saved,
        pipeline: &Pipeline,
        keeper: &Keeper,
    ) -> Result<Option<Applied>, CliError> {
        let alias = keeper.alias();
        let part = saved.part(pipeline)?;
        if let Some(reason) = &part.plan.not_due {
            return Ok(Some(self.nothing_due(pipeline, &part.shown(), reason)));
        }
        let state = self.state.as_ref();
        let past = gather::past(Some(state), pipeline, alias).await?;
        let used = plans::read(state, &saved.plan.id, &pipeline.name).await?;
        if let Some(used) = &used
            && let Some(journal) = Journal::open(state, &used.run).await?
        {
            let begun = journal.state();
            if begun.plan.saved.as_ref() != Some(&saved.plan.id) {
                let reason = format!("run: {} → begun since, from another plan", used.run);
                return Err(saved.stale(&pipeline.name, vec![reason]));
            }
            if begun.is_released {
                return Err(saved.used_up(&used.run, begun.phase.name()));
            }
            if overtaken(&past).is_some_and(|run| *run == used.run) {
                self.give_up(&used.run, keeper).await?;
                return Ok(None);
            }
            return self.resume(pipeline, &used.run, keeper).await.map(Some);
        }
        let plan = self.still_stands(saved, part, pipeline, alias, &past).await?;
        if past.alias.is_none() {
            gather::bootstrap(self.call, &self.workspace, &self.opened, state, pipeline, alias).await?;
        }
        let now = self.call.parts.clock().now();
        if used.is_none() {
            let run = plan.run.clone();
            let record = UsedPlan { format: USED_PLAN_FORMAT, run, at: now, by: self.call.person() };
            match plans::use_up(state, &saved.plan.id, &pipeline.name, &record).await {
                Err(StateError::Conflict { .. }) => return Ok(None),
                done => done?,
            }
        }
        let instructions = rendered_again(pipeline, &plan);
        let (journal, recorded) = match Journal::begin(state, now, plan).await {
            Err(JournalError::State(StateError::Conflict { .. })) => return Ok(None),
            begun => begun?,
        };
        self.watcher.recorded(journal.run(), &recorded);
        self.carry_out(journal, instructions, false, keeper).await.map(Some)
    }

    /// Looks whether a saved plan that no run has used still stands, shows it, and returns what to run.
    async fn still_stands(
        &self,
        saved: &Saved,
        part: &SavedPipeline,
        pipeline: &Pipeline,
        alias: &Alias,
        past: &gather::Past,
    ) -> Result<Plan, CliError> {
        let console = &self.call.console;
        let here = made_by(self.call, &self.workspace, &self.opened);
        let now = self.call.parts.clock().now();
        let here = Here { made_by: &here, now, max_age: saved.max_age };
        let stale = before_looking(&saved.plan, part, pipeline, &here);
        if !stale.is_empty() {
            return Err(saved.stale(&pipeline.name, stale));
        }
        if let Some((run, _)) = past.last.as_ref().filter(|(_, state)| !state.is_released) {
            return Err(self.unfinished(pipeline, run));
        }
        self.check_claim(pipeline, alias, past).await?;
        let state = self.state.as_ref();
        let (workspace, opened, asked) = (&self.workspace, &self.opened, &self.asked);
        let sources = gather::Sources { call: self.call, workspace, opened, state: Some(state), asked };
        let facts = sources.facts_to_run(pipeline, past).await?;
        if let Some(record) = &past.alias {
            opened.check_origin(alias, record)?;
        }
        let changes = after_looking(&saved.plan, part, &facts, opened.origin().as_ref());
        if !changes.stale.is_empty() {
            return Err(saved.stale(&pipeline.name, changes.stale));
        }
        let mut plan = part.shown();
        for (batch, rendered) in plan.batches.iter_mut().zip(rendered_again(pipeline, &part.plan)) {
            batch.instructions = rendered;
        }
        let made = saved.plan.made_at;
        console.say(&format!("{} of {made:.0}\n", console.paint.bold(saved.plan.id.as_str())));
        console.say(&plan_text(&plan, pipeline, console.paint, false));
        for note in changes.notes {
            console.say(&format!("  {} {}\n", console.paint.warn("note:"), line(&note)));
        }
        let forgotten = gather::forgotten(Some(state), self.backend.as_ref(), asked, past, &plan).await?;
        gather::warn_of_forgotten(self.call, workspace, forgotten);
        console.say("\n");
        Ok(Plan { saved: Some(saved.plan.id.clone()), ..plan })
    }
}
