//! `dreamrun apply`: start runs that are due, continue runs that are not over.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::Serialize;

use crate::backend::WhenLeft;
use crate::ids::{Alias, DreamId, PipelineName, RunId};
use crate::journal::event::JournalEvent;
use crate::journal::run_state::{Phase, RunState};
use crate::journal::{Journal, JournalError, is_over, run_of_dream};
use crate::plan::facts::Facts;
use crate::plan::fingerprint::Fingerprint;
use crate::plan::report::NotDue;
use crate::plan::{Plan, from_dream, instructions::Instructions, plan, rendered_again};
use crate::report::plan_text::{not_due, plan_text};
use crate::report::plan_view::PlanView;
use crate::report::run_text::{Screen, run_text};
use crate::report::run_view::RunView;
use crate::report::words::{line, plain};
use crate::run::next::Stop;
use crate::run::observer::Observer;
use crate::run::{Ended, RunError, Surroundings, execute};
use crate::spec::pipeline::Pipeline;
use crate::state::StateError;
use crate::state::driver::Acquired;
use crate::state::keeper::Keeper;

use super::answer::Answer;
use super::console::Volume;
use super::desk::Desk;
use super::exit::{CliError, ExitCode};
use super::github::JobReport;
use super::saved_plan::Saved;
use super::workspace::{Workspace, alias_of};
use super::{Call, FailOn, follow, gather, places, turn};

/// Options of `apply`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Pipelines, by name or file; all of them if none is given
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Carry on at most N runs at a time [default: 200 on a server, 1 on the local backend]
    #[arg(long, value_name = "N")]
    parallel: Option<NonZeroUsize>,
    /// Judge and adopt the output of this dream, made elsewhere, instead of asking for one
    #[arg(long, value_name = "DREAM")]
    from_dream: Option<String>,
    /// Carry out exactly the plan that `plan --out` saved to this file; asks for no agreement
    #[arg(long, value_name = "FILE", conflicts_with = "from_dream")]
    plan: Option<PathBuf>,
    /// Refuse a saved plan that is older than this [default: 14d]
    #[arg(long, value_name = "AGE", requires = "plan")]
    max_plan_age: Option<String>,
}

/// How many runs are carried on at a time on a server. Each holds a lock file open, and systems give a
/// process 256 open files or more.
const PARALLEL: NonZeroUsize = NonZeroUsize::new(200).expect("is not zero");

/// What became of one pipeline.
#[derive(Debug, Serialize)]
pub(super) struct Applied {
    pub(super) pipeline: PipelineName,
    /// `adopted`, `nothing_due`, `awaiting_review`, `blocked`, …
    pub(super) outcome: &'static str,
    /// Whether the run was begun by an earlier process.
    pub(super) is_continued: bool,
    /// Why nothing was done, if nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) plan: Option<PlanView>,
    /// Where the run stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<RunView>,
    /// How carrying the run on ended, if it was.
    #[serde(skip)]
    pub(super) ended: Option<Ended>,
    #[serde(skip)]
    pub(super) code: Option<ExitCode>,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let saved = options.plan.as_ref().map(|file| Saved::read(call, file, options.max_plan_age.as_deref()));
    let saved = saved.transpose()?;
    let workspace = match &saved {
        Some(saved) => saved.open(call, &options.names)?,
        None => Workspace::open_named(call, &options.names)?,
    };
    if workspace.pipelines.is_empty() {
        return Err(CliError::usage("the project has no pipelines").hint("Write one in `pipelines/`."));
    }
    let from_dream = match &options.from_dream {
        None => None,
        Some(_) if workspace.pipelines.len() > 1 => {
            return Err(CliError::usage("`--from-dream` needs one pipeline").hint(
                "Name the pipeline whose gates judge the dream: `dreamrun apply NAME --from-dream …`.",
            ));
        }
        Some(id) => Some(DreamId::parse(id.clone()).map_err(|error| CliError::usage(error.to_string()))?),
    };
    let desk = Desk { from_dream, saved, ..Desk::open(call, workspace).await? };
    // The dreams of the local backend share this machine, so that one after the other is as fast.
    let of_backend = if desk.opened.local.is_some() { NonZeroUsize::MIN } else { PARALLEL };
    let mut applied = Vec::new();
    let mut errors = Vec::new();
    for (_, result) in desk.apply_all(options.parallel.unwrap_or(of_backend)).await {
        match result {
            Ok(one) => applied.push(one),
            // One bad pipeline does not stop the others.
            Err(error) => errors.push(error),
        }
    }
    let signal = desk.signals.code();
    if let Some(first) = pick(errors) {
        let data = if applied.is_empty() {
            first.data.clone()
        } else {
            Box::new(serde_json::to_value(Results { results: applied }).unwrap_or_default())
        };
        return Err(CliError { code: signal.unwrap_or(first.code), data, ..first });
    }
    if let Some(code) = signal {
        return Ok(Answer::new("interrupted", Results { results: applied }).with_code(code));
    }
    let worst = applied.iter().filter_map(|one| one.code).max();
    let outcome = applied.iter().find(|one| one.code == worst).map_or("nothing_due", |one| one.outcome);
    let mut job = JobReport::of_runs(&applied);
    if super::github::is_job(call) {
        job.point_at_gates(call, &desk.workspace, &applied);
    }
    let mut answer = Answer { job, ..Answer::new(outcome, Results { results: applied }) };
    answer.code = worst;
    answer.problems.clone_from(&desk.workspace.warnings);
    Ok(answer)
}

#[derive(Debug, Serialize)]
struct Results {
    results: Vec<Applied>,
}

/// Keeps the most severe error and adds the others to it.
fn pick(mut errors: Vec<CliError>) -> Option<CliError> {
    errors.sort_by_key(|error| std::cmp::Reverse(error.code));
    let mut errors = errors.into_iter();
    let mut first = errors.next()?;
    for other in errors {
        first.causes.push(format!("also: {other}"));
        first.causes.extend(other.causes);
    }
    Some(first)
}

/// What became of pipelines, by name.
type Outcomes = BTreeMap<PipelineName, Result<Applied, CliError>>;

impl Desk<'_> {
    /// Applies every pipeline, so many at a time. Those that work on one alias take turns, or each would
    /// find it held by the other.
    async fn apply_all(&self, parallel: NonZeroUsize) -> Outcomes {
        let mut outcomes = Outcomes::new();
        let mut turns: Vec<(Alias, Vec<&Pipeline>)> = Vec::new();
        for pipeline in self.workspace.pipelines.values() {
            match self.alias_now(pipeline).await {
                Ok(alias) => match turns.iter_mut().find(|(other, _)| *other == alias) {
                    Some((_, pipelines)) => pipelines.push(pipeline),
                    None => turns.push((alias, vec![pipeline])),
                },
                Err(error) => drop(outcomes.insert(pipeline.name.clone(), Err(error))),
            }
        }
        let is_one = self.workspace.pipelines.len() == 1;
        let mut waiting = turns.into_iter();
        let mut going = FuturesUnordered::new();
        loop {
            while going.len() < parallel.get() && self.signals.code().is_none() {
                let Some((_, pipelines)) = waiting.next() else { break };
                going.push(Box::pin(self.apply_in_turn(pipelines, is_one)));
            }
            match going.next().await {
                Some(done) => outcomes.extend(done),
                None => return outcomes,
            }
        }
    }

    async fn apply_in_turn(&self, pipelines: Vec<&Pipeline>, is_one: bool) -> Outcomes {
        let mut outcomes = Outcomes::new();
        for pipeline in pipelines {
            if self.signals.code().is_some() {
                break;
            }
            let result = self.apply(pipeline).await;
            if let Err(error) = &result
                && !is_one
            {
                // All errors are told in the end; the others may take hours until then.
                let console = &self.call.console;
                let words = line(&error.message);
                console.say(&format!("{} {}: {words}\n", console.paint.bad("failed:"), pipeline.name));
            }
            outcomes.insert(pipeline.name.clone(), result);
        }
        outcomes
    }

    async fn apply(&self, pipeline: &Pipeline) -> Result<Applied, CliError> {
        loop {
            let alias = self.alias_now(pipeline).await?;
            match self.lock(&alias).await? {
                Acquired::Yes(lock) => {
                    let keeper = self.keeper(&alias, Some(&lock));
                    let applied = match &self.saved {
                        Some(saved) => self.drive_saved(saved, pipeline, &keeper).await?,
                        None => self.drive(pipeline, &keeper).await?,
                    };
                    if let Some(applied) = applied {
                        return Ok(applied);
                    }
                }
                Acquired::HeldBy(holder) => {
                    let followed = follow::follow(self, pipeline, &alias, holder).await?;
                    // A run that is not of the saved plan is in its way, and is told of as that.
                    let is_meant = |applied: &Applied| self.saved.as_ref().is_none_or(|s| s.is_of(applied));
                    if let Some(applied) = followed.filter(is_meant) {
                        return Ok(applied);
                    }
                    // The other process is gone: its run is ours to continue.
                }
            }
        }
    }

    /// Returns the alias that applying a pipeline works on: that of the saved plan, of its unfinished run,
    /// or else the one its file names.
    async fn alias_now(&self, pipeline: &Pipeline) -> Result<Alias, CliError> {
        if let Some(saved) = &self.saved {
            return saved.alias(pipeline);
        }
        let last = crate::journal::last(self.state.as_ref(), &pipeline.name).await?;
        if let Some(run) = last
            && let Some(journal) = Journal::open(self.state.as_ref(), &run).await?
            && !journal.state().is_released
        {
            return Ok(journal.state().plan.alias());
        }
        Ok(alias_of(pipeline))
    }

    /// Applies a pipeline under the lock of an alias. Returns nothing if it is the wrong one by now, or if
    /// another machine was faster.
    async fn drive(&self, pipeline: &Pipeline, keeper: &Keeper) -> Result<Option<Applied>, CliError> {
        let alias = keeper.alias();
        if self.alias_now(pipeline).await? != *alias {
            return Ok(None);
        }
        let past = gather::past(Some(self.state.as_ref()), pipeline, alias).await?;
        if let Some(run) = overtaken(&past) {
            self.give_up(run, keeper).await?;
            return Ok(None);
        }
        if let Some((run, state)) = &past.last
            && !state.is_released
        {
            let taken = state.plan.existing.as_ref().map(|existing| &existing.dream);
            if self.from_dream.as_ref().is_some_and(|wanted| taken != Some(wanted)) {
                return Err(self.unfinished(pipeline, run));
            }
            return self.resume(pipeline, run, keeper).await.map(Some);
        }
        match self.start(pipeline, keeper, &past).await {
            // The store moved between plan and claim: there is a new plan to make.
            Err(error) if error.code == ExitCode::Stale => {
                let past = gather::past(Some(self.state.as_ref()), pipeline, alias).await?;
                if overtaken(&past).is_some() { Ok(None) } else { Err(error) }
            }
            other => other,
        }
    }

    /// Starts a new run, if one is due. Returns nothing if another machine began it first.
    async fn start(
        &self,
        pipeline: &Pipeline,
        keeper: &Keeper,
        past: &gather::Past,
    ) -> Result<Option<Applied>, CliError> {
        let alias = keeper.alias();
        self.check_claim(pipeline, alias, past).await?;
        let state = self.state.as_ref();
        let (workspace, opened, asked) = (&self.workspace, &self.opened, &self.asked);
        let sources = gather::Sources { call: self.call, workspace, opened, state: Some(state), asked };
        // Where somebody is asked first, nothing is read that a no would waste.
        let will_run = self.call.global.yes && self.from_dream.is_none();
        let mut facts = match will_run {
            true => sources.facts_to_run(pipeline, past).await?,
            false => sources.facts(pipeline, past).await?,
        };
        if let Some(record) = &past.alias {
            // By now the server has told whose key it is.
            opened.check_origin(alias, record)?;
        }
        let mut plan = self.plan(pipeline, &facts).await?;
        let console = &self.call.console;
        if let Some(reason) = &plan.not_due {
            return Ok(Some(self.nothing_due(pipeline, &plan, reason)));
        }
        let forgotten = match self.from_dream {
            // Somebody knows of at least one, and asks for it.
            Some(_) => 0,
            None => gather::forgotten(Some(state), self.backend.as_ref(), asked, past, &plan).await?,
        };
        console.say(&plan_text(&plan, pipeline, console.paint, false));
        gather::warn_of_forgotten(self.call, &self.workspace, forgotten);
        console.say("\n");
        self.agree(&plan)?;
        if past.alias.is_none() {
            gather::bootstrap(self.call, &self.workspace, &self.opened, state, pipeline, alias).await?;
            let now = gather::past(Some(state), pipeline, alias).await?;
            let last = |past: &gather::Past| past.last.as_ref().map(|(run, _)| run.clone());
            if last(&now) != last(past) {
                // Nobody could hold what was not there: another machine made it too, and began.
                return Ok(None);
            }
            match &facts.store.id {
                // Only the record is new.
                Some(_) => facts.alias = now.alias,
                None => facts = sources.facts(pipeline, &now).await?,
            }
            plan = self.plan(pipeline, &facts).await?;
        }
        let instructions = plan.batches.iter().map(|batch| batch.instructions.clone()).collect();
        let now = self.call.parts.clock().now();
        let (journal, recorded) = match Journal::begin(self.state.as_ref(), now, plan).await {
            Err(JournalError::State(StateError::Conflict { .. })) => return Ok(None),
            begun => begun?,
        };
        self.watcher.recorded(journal.run(), &recorded);
        self.carry_out(journal, instructions, false, keeper).await.map(Some)
    }

    /// Says why nothing is done.
    pub(super) fn nothing_due(&self, pipeline: &Pipeline, plan: &Plan, reason: &NotDue) -> Applied {
        let console = &self.call.console;
        console.say(&format!(
            "{} {}: {}\n",
            console.paint.bold(pipeline.name.as_str()),
            console.paint.good("nothing due"),
            not_due(reason, plan, console.paint)
        ));
        Applied {
            pipeline: pipeline.name.clone(),
            outcome: "nothing_due",
            is_continued: false,
            plan: Some(PlanView::of(plan, pipeline)),
            run: None,
            ended: None,
            code: None,
        }
    }

    /// Makes sure that no run of another pipeline works on an alias.
    pub(super) async fn check_claim(
        &self,
        pipeline: &Pipeline,
        alias: &Alias,
        past: &gather::Past,
    ) -> Result<(), CliError> {
        let claim = past.alias.as_ref().and_then(|record| record.claim.as_ref());
        match claim.filter(|claim| claim.run.pipeline() != &pipeline.name) {
            Some(claim) if !is_over(self.state.as_ref(), &claim.run).await? => {
                Err(turn::held(self, alias, &claim.run).await?)
            }
            _ => Ok(()),
        }
    }

    /// Returns the error of a pipeline whose last run is in the way of another one.
    pub(super) fn unfinished(&self, pipeline: &Pipeline, run: &RunId) -> CliError {
        let words = format!("run `{run}` of this pipeline is not over");
        let hint =
            format!("End it first, with `dreamrun apply {}` or `dreamrun cancel {run}`.", pipeline.name);
        CliError::new(ExitCode::LockBusy, words).hint(hint)
    }

    /// Ends a run that never claimed its alias, so that a new plan can be made.
    pub(super) async fn give_up(&self, run: &RunId, keeper: &Keeper) -> Result<(), CliError> {
        let Some(mut journal) = Journal::open(self.state.as_ref(), run).await? else { return Ok(()) };
        let by = "apply, since the store moved before the run began".to_owned();
        if self.record_unless_moved(&mut journal, JournalEvent::CancelAsked { by }).await? {
            self.carry_out(journal, Vec::new(), true, keeper).await?;
        }
        Ok(())
    }

    /// Records an event unless another process was faster. Says whether it was recorded.
    async fn record_unless_moved(
        &self,
        journal: &mut Journal,
        event: JournalEvent,
    ) -> Result<bool, CliError> {
        let now = self.call.parts.clock().now();
        match journal.append(self.state.as_ref(), now, event).await {
            Ok(recorded) => self.watcher.recorded(journal.run(), &recorded),
            Err(JournalError::State(StateError::Conflict { .. })) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    /// Plans a run: with the dream that was named, or with dreams of its own.
    async fn plan(&self, pipeline: &Pipeline, facts: &Facts) -> Result<Plan, CliError> {
        let Some(id) = &self.from_dream else { return Ok(plan(pipeline, facts)?) };
        let dream = self.backend.dream(id).await?;
        let known = run_of_dream(self.state.as_ref(), id, dream.created_at).await?;
        Ok(from_dream(pipeline, facts, &dream, known.as_ref())?)
    }

    /// Asks for agreement to start a run.
    fn agree(&self, plan: &Plan) -> Result<(), CliError> {
        if self.call.global.yes {
            return Ok(());
        }
        if !self.call.console.can_ask {
            return Err(CliError::usage(format!("starting run `{}` needs agreement", plan.run))
                .hint("Nothing prompts without a terminal: add `--yes`."));
        }
        if self.call.console.ask(&format!("Start run {}?", plan.run)) {
            Ok(())
        } else {
            Err(CliError::usage("not started").hint("Nothing was done."))
        }
    }

    pub(super) async fn resume(
        &self,
        pipeline: &Pipeline,
        run: &RunId,
        keeper: &Keeper,
    ) -> Result<Applied, CliError> {
        let console = &self.call.console;
        let Some(mut journal) = Journal::open(self.state.as_ref(), run).await? else {
            return Err(CliError::usage(format!("there is no run `{run}`")));
        };
        console.say(&format!(
            "{} continues, {} so far\n",
            console.paint.bold(&run.to_string()),
            crate::report::words::count(u64::from(journal.events()), "event", "events")
        ));
        let event = match &journal.state().phase {
            Phase::DreamFailed { .. } => Some(JournalEvent::RetryAsked),
            Phase::OverBudget { .. } if journal.state().budget != pipeline.budget => {
                Some(JournalEvent::BudgetRaised { budget: pipeline.budget })
            }
            _ => None,
        };
        if let Some(event) = event {
            // Another process that asks for the same carries the run on, and is followed.
            self.record_unless_moved(&mut journal, event).await?;
        }
        self.tell_of_edits(pipeline, journal.state());
        let instructions = rendered_again(pipeline, &journal.state().plan);
        self.carry_out(journal, instructions, true, keeper).await
    }

    /// Says what of a file that was edited meanwhile does not count for a run.
    fn tell_of_edits(&self, pipeline: &Pipeline, state: &RunState) {
        let mut edits = state.plan.fingerprint.explain(&Fingerprint::of(pipeline));
        // Alone of all settings, a budget may have been taken over into the run.
        if state.budget == pipeline.budget {
            edits.retain(|edit| !edit.starts_with("budget: "));
        }
        if edits.is_empty() {
            return;
        }
        let console = &self.call.console;
        let file = pipeline.file.display().to_string();
        console.say(&format!(
            "{} {} changed since; the run keeps what it was planned with:\n",
            console.paint.warn("note:"),
            plain(&file)
        ));
        for edit in edits {
            console.say(&format!("  {}\n", plain(&edit)));
        }
    }

    /// Carries a run on, or follows the process of another machine that does, and says where it ended.
    pub(super) async fn carry_out(
        &self,
        mut journal: Journal,
        instructions: Vec<Option<Instructions>>,
        is_continued: bool,
        keeper: &Keeper,
    ) -> Result<Applied, CliError> {
        let clock = self.call.parts.clock();
        let alias = journal.state().plan.alias();
        let around = Surroundings {
            state: self.state.as_ref(),
            backend: self.backend.as_ref(),
            clock: clock.as_ref(),
            observer: &self.watcher,
            prices: &self.workspace.project.prices,
            root: &self.workspace.root,
            archive: self.archive.as_ref(),
            keeper,
            alias: &alias,
            instructions: &instructions,
            interrupt: self.signals.interrupt(),
        };
        let ended = loop {
            match execute(&mut journal, &around).await {
                Ok(Ended::Elsewhere) => turn::wait(self, keeper, &mut journal, &around).await?,
                Err(RunError::Busy { alias, run }) => return Err(turn::held(self, &alias, &run).await?),
                ended => break ended?,
            }
        };
        Ok(self.conclude(journal.run(), journal.state(), ended, is_continued))
    }

    /// Says where a run stands.
    pub(super) fn conclude(
        &self,
        run: &RunId,
        state: &RunState,
        ended: Ended,
        is_continued: bool,
    ) -> Applied {
        let console = &self.call.console;
        let pipeline = run.pipeline();
        let view = RunView::of(run, state);
        console.say("\n");
        let screen = Screen {
            paint: console.paint,
            is_whole: console.volume == Volume::Verbose,
            set_at: places::set_at(&self.workspace, state),
        };
        console.say(&run_text(&view, state, &screen));
        match &ended {
            Ended::Left { dream, when_left: WhenLeft::KeepsRunning } => console.complain(&format!(
                "{} dream {dream} keeps running; `dreamrun apply {}` continues\n",
                console.paint.warn("interrupted:"),
                pipeline
            )),
            Ended::Left { dream, when_left: WhenLeft::Checkpointed } => console.complain(&format!(
                "{} local dream {dream} stands still with its work kept; `dreamrun apply {}` continues it\n",
                console.paint.warn("interrupted:"),
                pipeline
            )),
            Ended::Interrupted => console.complain(&format!(
                "{} `dreamrun apply {}` continues\n",
                console.paint.warn("interrupted:"),
                pipeline
            )),
            Ended::Stopped(_) | Ended::Elsewhere => {}
        }
        let code = match &ended {
            Ended::Stopped(Stop::OverBudget) => Some(ExitCode::OverBudget),
            Ended::Stopped(Stop::DreamFailed) => Some(ExitCode::RemoteFailed),
            Ended::Stopped(Stop::AwaitingReview) if self.call.is_fatal(FailOn::Review, false) => {
                Some(ExitCode::AwaitingReview)
            }
            Ended::Stopped(Stop::Blocked) if self.call.is_fatal(FailOn::Blocked, true) => {
                Some(ExitCode::Blocked)
            }
            Ended::Stopped(Stop::Ended) if matches!(state.phase, Phase::Failed(_)) => {
                Some(ExitCode::RemoteFailed)
            }
            _ => None,
        };
        Applied {
            pipeline: pipeline.clone(),
            outcome: view.phase,
            is_continued,
            plan: None,
            run: Some(view),
            ended: Some(ended),
            code,
        }
    }
}

/// Returns the run that was planned for a store which is not live any more, if it has done nothing yet.
pub(super) fn overtaken(past: &gather::Past) -> Option<&RunId> {
    let (run, state) = past.last.as_ref()?;
    let record = past.alias.as_ref()?;
    (state.phase == Phase::Planned && !state.plan.store.is_current(record)).then_some(run)
}
