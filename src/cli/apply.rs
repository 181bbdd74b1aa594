//! `dreamrun apply`: start runs that are due, continue runs that are not over.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tokio::sync::watch;

use crate::backend::local::LocalBackend;
use crate::backend::{Backend, WhenLeft};
use crate::ids::{Alias, PipelineName, RunId};
use crate::journal::event::JournalEvent;
use crate::journal::run_state::{Phase, RunState};
use crate::journal::{Journal, is_over};
use crate::plan::{Plan, instructions::Instructions, plan, rendered_again};
use crate::price::PriceTable;
use crate::report::plan_text::{not_due, plan_text};
use crate::report::plan_view::PlanView;
use crate::report::run_text::run_text;
use crate::report::run_view::RunView;
use crate::run::next::Stop;
use crate::run::{Ended, Surroundings, execute};
use crate::spec::pipeline::Pipeline;
use crate::state::StateStore;
use crate::state::driver::{Acquired, DriverLock};

use super::answer::Answer;
use super::exit::{CliError, ExitCode};
use super::github::JobReport;
use super::watcher::Watcher;
use super::workspace::{Workspace, alias_of};
use super::{Call, FailOn, follow, gather};

/// Options of `apply`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Pipelines, by name or file; all of them if none is given
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

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
    #[serde(skip)]
    pub(super) code: Option<ExitCode>,
}

/// Everything one command shares between its pipelines.
pub(super) struct Desk<'a> {
    pub(super) call: &'a Call<'a>,
    pub(super) workspace: &'a Workspace,
    pub(super) state: &'a dyn StateStore,
    pub(super) local: &'a LocalBackend,
    pub(super) backend: &'a dyn Backend,
    pub(super) watcher: &'a Watcher<'a>,
    pub(super) interrupt: watch::Receiver<bool>,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let workspace = Workspace::open_named(call, &options.names)?;
    if workspace.pipelines.is_empty() {
        return Err(CliError::usage("the project has no pipelines").hint("Write one in `pipelines/`."));
    }
    // A backend that this version does not have is said before anything is written.
    workspace.local_database()?;
    let state = workspace.state(call)?;
    let local = workspace.local(call, true)?;
    let backend = workspace.backend(call, &local);
    let watcher = Watcher::new(call)?;
    let (interrupt, signal) = listen();
    let desk = Desk {
        call,
        workspace: &workspace,
        state: state.as_ref(),
        local: &local,
        backend: backend.as_ref(),
        watcher: &watcher,
        interrupt,
    };

    let mut applied = Vec::new();
    let mut errors = Vec::new();
    for pipeline in workspace.pipelines.values() {
        match desk.apply(pipeline).await {
            Ok(one) => applied.push(one),
            // One bad pipeline does not stop the others.
            Err(error) => errors.push(error),
        }
        if *desk.interrupt.borrow() {
            break;
        }
    }
    drop(watcher);
    let signal = *signal.borrow();
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
    let job = JobReport::of_runs(&applied);
    let mut answer = Answer { job, ..Answer::new(outcome, Results { results: applied }) };
    answer.code = worst;
    answer.problems.clone_from(&workspace.warnings);
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

/// Listens for signals, from this moment on. The first channel says that one came, the second which exit
/// code it means.
pub(super) fn listen() -> (watch::Receiver<bool>, watch::Receiver<Option<ExitCode>>) {
    let (interrupt, asked) = watch::channel(false);
    let (code, which) = watch::channel(None);
    let signal = signals();
    tokio::spawn(async move {
        let reason = signal.await;
        let _ = code.send(Some(reason));
        let _ = interrupt.send(true);
        // Keeps the channels open until the process ends.
        std::future::pending::<()>().await;
    });
    (asked, which)
}

/// Takes signals over from the system before it returns, and waits for the first of them.
#[cfg(unix)]
fn signals() -> impl Future<Output = ExitCode> {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    async fn first(signal: Option<Signal>) {
        match signal {
            Some(mut signal) => drop(signal.recv().await),
            None => std::future::pending().await,
        }
    }
    let interrupt = signal(SignalKind::interrupt()).ok();
    let terminate = signal(SignalKind::terminate()).ok();
    async {
        tokio::select! {
            () = first(interrupt) => ExitCode::Interrupted,
            () = first(terminate) => ExitCode::Terminated,
        }
    }
}

#[cfg(not(unix))]
async fn signals() -> ExitCode {
    let _ = tokio::signal::ctrl_c().await;
    ExitCode::Interrupted
}

impl Desk<'_> {
    async fn apply(&self, pipeline: &Pipeline) -> Result<Applied, CliError> {
        let alias = alias_of(pipeline);
        let now = self.call.parts.clock().now();
        let folder = self.workspace.lock_folder();
        loop {
            let asked = DriverLock::acquire(&folder, &alias, now)
                .map_err(|error| CliError::io("lock", &folder, &error))?;
            match asked {
                Acquired::Yes(_lock) => return self.drive(pipeline, &alias).await,
                Acquired::HeldBy(holder) => {
                    if let Some(applied) = follow::follow(self, pipeline, &alias, holder).await? {
                        return Ok(applied);
                    }
                    // The other process is gone: its run is ours to continue.
                }
            }
        }
    }

    async fn drive(&self, pipeline: &Pipeline, alias: &Alias) -> Result<Applied, CliError> {
        let mut past = gather::past(Some(self.state), pipeline, alias).await?;
        if let Some(run) = overtaken(&past) {
            self.give_up(pipeline, alias, run).await?;
            past = gather::past(Some(self.state), pipeline, alias).await?;
        }
        if let Some((run, state)) = &past.last
            && !state.is_released
        {
            return self.resume(pipeline, alias, run).await;
        }
        let claim = past.alias.as_ref().and_then(|record| record.claim.as_ref());
        if let Some(claim) = claim.filter(|claim| claim.run.pipeline() != &pipeline.name)
            && !is_over(self.state, &claim.run).await?
        {
            return Err(crate::run::RunError::Busy { alias: alias.clone(), run: claim.run.clone() }.into());
        }
        let mut plan = self.plan(pipeline, &past).await?;
        let console = &self.call.console;
        if let Some(reason) = &plan.not_due {
            console.say(&format!(
                "{} {}: {}\n",
                console.paint.bold(pipeline.name.as_str()),
                console.paint.good("nothing due"),
                not_due(reason, alias.as_str(), console.paint)
            ));
            return Ok(Applied {
                pipeline: pipeline.name.clone(),
                outcome: "nothing_due",
                is_continued: false,
                plan: Some(PlanView::of(&plan, pipeline)),
                run: None,
                code: None,
            });
        }
        console.say(&plan_text(&plan, pipeline, console.paint, false));
        let forgotten = gather::forgotten(Some(self.state), self.backend, &past, &plan).await?;
        gather::warn_of_forgotten(self.call, self.workspace, forgotten);
        console.say("\n");
        self.agree(&plan)?;
        if past.alias.is_none() {
            gather::bootstrap(self.call, self.workspace, self.local, self.state, pipeline, alias).await?;
            let past = gather::past(Some(self.state), pipeline, alias).await?;
            plan = self.plan(pipeline, &past).await?;
        }
        let instructions = plan.batches.iter().map(|batch| batch.instructions.clone()).collect();
        let now = self.call.parts.clock().now();
        let (journal, recorded) = Journal::begin(self.state, now, plan).await?;
        crate::run::observer::Observer::recorded(self.watcher, journal.run(), &recorded);
        self.carry_out(pipeline, alias, journal, instructions, false).await
    }

    /// Ends a run that never claimed its alias, so that a new plan can be made.
    async fn give_up(&self, pipeline: &Pipeline, alias: &Alias, run: &RunId) -> Result<(), CliError> {
        let Some(mut journal) = Journal::open(self.state, run).await? else { return Ok(()) };
        let by = "apply, since the store moved before the run began".to_owned();
        let now = self.call.parts.clock().now();
        journal.append(self.state, now, JournalEvent::CancelAsked { by }).await?;
        self.carry_out(pipeline, alias, journal, Vec::new(), true).await.map(drop)
    }

    async fn plan(&self, pipeline: &Pipeline, past: &gather::Past) -> Result<Plan, CliError> {
        let facts =
            gather::facts(self.call, self.workspace, self.local, self.backend, pipeline, past).await?;
        Ok(plan(pipeline, &facts)?)
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

    async fn resume(&self, pipeline: &Pipeline, alias: &Alias, run: &RunId) -> Result<Applied, CliError> {
        let console = &self.call.console;
        let Some(mut journal) = Journal::open(self.state, run).await? else {
            return Err(CliError::usage(format!("there is no run `{run}`")));
        };
        console.say(&format!(
            "{} continues, {} so far\n",
            console.paint.bold(&run.to_string()),
            crate::report::words::count(u64::from(journal.events()), "event", "events")
        ));
        let now = self.call.parts.clock().now();
        let event = match &journal.state().phase {
            Phase::DreamFailed { .. } => Some(JournalEvent::RetryAsked),
            Phase::OverBudget { .. } if journal.state().budget != pipeline.budget => {
                Some(JournalEvent::BudgetRaised { budget: pipeline.budget })
            }
            _ => None,
        };
        if let Some(event) = event {
            let recorded = journal.append(self.state, now, event).await?;
            crate::run::observer::Observer::recorded(self.watcher, run, &recorded);
        }
        let instructions = rendered_again(pipeline, &journal.state().plan);
        self.carry_out(pipeline, alias, journal, instructions, true).await
    }

    /// Carries a run on and says where it ended.
    pub(super) async fn carry_out(
        &self,
        pipeline: &Pipeline,
        alias: &Alias,
        mut journal: Journal,
        instructions: Vec<Option<Instructions>>,
        is_continued: bool,
    ) -> Result<Applied, CliError> {
        let clock = self.call.parts.clock();
        let prices = PriceTable::builtin();
        let around = Surroundings {
            state: self.state,
            backend: self.backend,
            clock: clock.as_ref(),
            observer: self.watcher,
            prices: &prices,
            root: &self.workspace.root,
            alias,
            instructions: &instructions,
            interrupt: self.interrupt.clone(),
        };
        let ended = execute(&mut journal, &around).await?;
        Ok(self.conclude(pipeline, journal.run(), journal.state(), &ended, is_continued))
    }

    /// Says where a run stands.
    pub(super) fn conclude(
        &self,
        pipeline: &Pipeline,
        run: &RunId,
        state: &RunState,
        ended: &Ended,
        is_continued: bool,
    ) -> Applied {
        let console = &self.call.console;
        let view = RunView::of(run, state);
        console.say("\n");
        console.say(&run_text(&view, state, console.paint));
        match ended {
            Ended::Left { dream, when_left: WhenLeft::KeepsRunning } => console.complain(&format!(
                "{} dream {dream} keeps running; `dreamrun apply {}` continues\n",
                console.paint.warn("interrupted:"),
                pipeline.name
            )),
            Ended::Left { dream, when_left: WhenLeft::Checkpointed } => console.complain(&format!(
                "{} local dream {dream} stands still with its work kept; `dreamrun apply {}` continues it\n",
                console.paint.warn("interrupted:"),
                pipeline.name
            )),
            Ended::Interrupted => console.complain(&format!(
                "{} `dreamrun apply {}` continues\n",
                console.paint.warn("interrupted:"),
                pipeline.name
            )),
            Ended::Stopped(_) => {}
        }
        let code = match ended {
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
            pipeline: pipeline.name.clone(),
            outcome: view.phase,
            is_continued,
            plan: None,
            run: Some(view),
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
