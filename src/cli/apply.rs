//! `dreamrun apply`: start runs that are due, continue runs that are not over.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::Serialize;

use crate::backend::WhenLeft;
use crate::ids::{Alias, DreamId, PipelineName, RunId};
use crate::journal::event::JournalEvent;
use crate::journal::run_state::{Phase, RunState};
use crate::journal::{Journal, is_over, run_of_dream};
use crate::plan::facts::Facts;
use crate::plan::fingerprint::Fingerprint;
use crate::plan::{Plan, from_dream, instructions::Instructions, plan, rendered_again};
use crate::price::PriceTable;
use crate::report::plan_text::{not_due, plan_text};
use crate::report::plan_view::PlanView;
use crate::report::run_text::{Screen, run_text};
use crate::report::run_view::RunView;
use crate::report::words::{line, plain};
use crate::run::next::Stop;
use crate::run::observer::Observer;
use crate::run::{Ended, Surroundings, execute};
use crate::spec::pipeline::Pipeline;
use crate::state::driver::Acquired;

use super::answer::Answer;
use super::console::Volume;
use super::desk::Desk;
use super::exit::{CliError, ExitCode};
use super::github::JobReport;
use super::workspace::{Workspace, alias_of};
use super::{Call, FailOn, follow, gather, places};

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
    let workspace = Workspace::open_named(call, &options.names)?;
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
    let desk = Desk { from_dream, ..Desk::open(call, workspace)? };
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
            Box::default()
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
    first.causes.extend(errors.map(|other| format!("also: {other}")));
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
                Acquired::Yes(_lock) => {
                    if let Some(applied) = self.drive(pipeline, &alias).await? {
                        return Ok(applied);
                    }
                }
                Acquired::HeldBy(holder) => {
                    if let Some(applied) = follow::follow(self, pipeline, &alias, holder).await? {
                        return Ok(applied);
                    }
                    // The other process is gone: its run is ours to continue.
                }
            }
        }
    }

    /// Returns the alias that applying a pipeline works on: that of its unfinished run, or else the one
    /// its file names.
    async fn alias_now(&self, pipeline: &Pipeline) -> Result<Alias, CliError> {
        let last = crate::journal::runs(self.state.as_ref(), Some(&pipeline.name)).await?.pop();
        if let Some(run) = last
            && let Some(journal) = Journal::open(self.state.as_ref(), &run).await?
            && !journal.state().is_released
        {
            return Ok(journal.state().plan.alias());
        }
        Ok(alias_of(pipeline))
    }

    /// Applies a pipeline under the lock of an alias. Returns nothing if it is the wrong one by now.
    async fn drive(&self, pipeline: &Pipeline, alias: &Alias) -> Result<Option<Applied>, CliError> {
        if self.alias_now(pipeline).await? != *alias {
            return Ok(None);
        }
        let past = gather::past(Some(self.state.as_ref()), pipeline, alias).await?;
        if let Some(run) = overtaken(&past) {
            self.give_up(run).await?;
            return Ok(None);
        }
        if let Some((run, state)) = &past.last
            && !state.is_released
        {
            let taken = state.plan.existing.as_ref().map(|existing| &existing.dream);
            if self.from_dream.as_ref().is_some_and(|wanted| taken != Some(wanted)) {
                let words = format!("run `{run}` of this pipeline is not over");
                let hint = format!(
                    "End it first, with `dreamrun apply {0}` or `dreamrun cancel {run}`.",
                    pipeline.name
                );
                return Err(CliError::new(ExitCode::LockBusy, words).hint(hint));
            }
            return self.resume(pipeline, run).await.map(Some);
        }
        self.start(pipeline, alias, &past).await.map(Some)
    }

    /// Starts a new run, if one is due.
    async fn start(
        &self,
        pipeline: &Pipeline,
        alias: &Alias,
        past: &gather::Past,
    ) -> Result<Applied, CliError> {
        let claim = past.alias.as_ref().and_then(|record| record.claim.as_ref());
        if let Some(claim) = claim.filter(|claim| claim.run.pipeline() != &pipeline.name)
            && !is_over(self.state.as_ref(), &claim.run).await?
        {
            return Err(self.held(alias, &claim.run).await?);
        }
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
            console.say(&format!(
                "{} {}: {}\n",
                console.paint.bold(pipeline.name.as_str()),
                console.paint.good("nothing due"),
                not_due(reason, &plan, console.paint)
            ));
            return Ok(Applied {
                pipeline: pipeline.name.clone(),
                outcome: "nothing_due",
                is_continued: false,
                plan: Some(PlanView::of(&plan, pipeline)),
                run: None,
                ended: None,
                code: None,
            });
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
            let past = gather::past(Some(state), pipeline, alias).await?;
            match &facts.store.id {
                // Only the record is new.
                Some(_) => facts.alias = past.alias,
                None => facts = sources.facts(pipeline, &past).await?,
            }
            plan = self.plan(pipeline, &facts).await?;
        }
        let instructions = plan.batches.iter().map(|batch| batch.instructions.clone()).collect();
        let now = self.call.parts.clock().now();
        let (journal, recorded) = Journal::begin(self.state.as_ref(), now, plan).await?;
        self.watcher.recorded(journal.run(), &recorded);
        self.carry_out(journal, instructions, false).await
    }

    /// Ends a run that never claimed its alias, so that a new plan can be made.
    async fn give_up(&self, run: &RunId) -> Result<(), CliError> {
        let Some(mut journal) = Journal::open(self.state.as_ref(), run).await? else { return Ok(()) };
        let by = "apply, since the store moved before the run began".to_owned();
        self.record(&mut journal, JournalEvent::CancelAsked { by }).await?;
        self.carry_out(journal, Vec::new(), true).await.map(drop)
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

    async fn resume(&self, pipeline: &Pipeline, run: &RunId) -> Result<Applied, CliError> {
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
            self.record(&mut journal, event).await?;
        }
        self.tell_of_edits(pipeline, journal.state());
        let instructions = rendered_again(pipeline, &journal.state().plan);
        self.carry_out(journal, instructions, true).await
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

    /// Carries a run on and says where it ended.
    pub(super) async fn carry_out(
        &self,
        mut journal: Journal,
        instructions: Vec<Option<Instructions>>,
        is_continued: bool,
    ) -> Result<Applied, CliError> {
        let clock = self.call.parts.clock();
        let prices = PriceTable::builtin();
        let alias = journal.state().plan.alias();
        let around = Surroundings {
            state: self.state.as_ref(),
            backend: self.backend.as_ref(),
            clock: clock.as_ref(),
            observer: &self.watcher,
            prices: &prices,
            root: &self.workspace.root,
            archive: self.archive.as_ref(),
            alias: &alias,
            instructions: &instructions,
            interrupt: self.signals.interrupt(),
        };
        let ended = execute(&mut journal, &around).await?;
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
            Ended::Stopped(_) => {}
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
fn overtaken(past: &gather::Past) -> Option<&RunId> {
    let (run, state) = past.last.as_ref()?;
    let record = past.alias.as_ref()?;
    (state.phase == Phase::Planned && !state.plan.store.is_current(record)).then_some(run)
}

/// How often a run that another process drives is looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);
