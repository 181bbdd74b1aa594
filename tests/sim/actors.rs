//! What processes do: `apply`, and the commands of a person. Each takes the steps of its command in
//! `src/cli`, without the words, on a machine of its own: no lock of an operating system helps.

use std::path::Path;

use dreamrun::backend::{Backend, BackendError, SessionQuery};
use dreamrun::clock::Clock;
use dreamrun::ids::RunId;
use dreamrun::journal::event::JournalEvent;
use dreamrun::journal::run_state::Phase;
use dreamrun::journal::{self, Journal, JournalError, is_over};
use dreamrun::plan::facts::{Facts, SourceFacts, StoreFacts, source_key};
use dreamrun::plan::instructions::Instructions;
use dreamrun::plan::{PlanError, plan, rendered_again};
use dreamrun::price::PriceTable;
use dreamrun::run::next::Stop;
use dreamrun::run::observer::Unwatched;
use dreamrun::run::past::Past;
use dreamrun::run::rollback::{Undo, carry_after, is_carrying, roll_back};
use dreamrun::run::{Ended, RunError, Surroundings, catch_up, execute, settle_now};
use dreamrun::spec::pipeline::Pipeline;
use dreamrun::state::alias::{self, AliasRecord, Carrying, Hold, PreviousStore};
use dreamrun::state::keeper::{Keeper, Taken};
use dreamrun::state::{StateError, StateStore};
use tokio::sync::watch;

use super::backend::SimBackend;
use super::process::Port;
use super::state::SimState;
use super::world::enter;

/// How long a process waits before it looks again at a lease, in milliseconds.
const LOOK: u64 = 5_000;

/// How a process ended.
#[derive(Debug)]
pub(crate) enum Finished {
    /// `apply` found nothing to do.
    NothingDue,
    /// A run ended, or waits for somebody.
    Stopped(Stop),
    /// It was asked to stop.
    Interrupted,
    /// The command did what it is for, or had nothing to do.
    Done,
    /// It failed.
    Failed(Problem),
}

/// Why a process failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error("`{0}` holds the alias")]
    Held(RunId),
    #[error("not now")]
    NotNow,
}

/// One process at work.
pub(crate) struct Actor {
    pub(crate) port: Port,
    pub(crate) state: SimState,
    pub(crate) backend: SimBackend,
    pub(crate) pipelines: Vec<Pipeline>,
    pub(crate) keeper: Keeper,
    pub(crate) interrupt: watch::Receiver<bool>,
}

type Outcome = Result<Finished, Problem>;

impl Actor {
    fn state(&self) -> &dyn StateStore {
        &self.state
    }

    async fn last(&self, pipeline: &Pipeline) -> Result<Option<Journal>, Problem> {
        match journal::runs(self.state(), Some(&pipeline.name)).await?.pop() {
            Some(run) => Ok(Journal::open(self.state(), &run).await?),
            None => Ok(None),
        }
    }

    fn around<'a>(
        &'a self,
        prices: &'a PriceTable,
        instructions: &'a [Option<Instructions>],
    ) -> Surroundings<'a> {
        Surroundings {
            state: self.state(),
            backend: &self.backend,
            clock: &self.port,
            observer: &Unwatched,
            prices,
            root: Path::new("."),
            archive: None,
            keeper: &self.keeper,
            alias: self.keeper.alias(),
            instructions,
            interrupt: self.interrupt.clone(),
        }
    }

    /// Carries a run on, or follows the process that does.
    async fn carry_out(&self, journal: &mut Journal, instructions: &[Option<Instructions>]) -> Outcome {
        let prices = PriceTable::builtin();
        let around = self.around(&prices, instructions);
        loop {
            match execute(journal, &around).await? {
                Ended::Stopped(stop) => return Ok(Finished::Stopped(stop)),
                Ended::Interrupted | Ended::Left { .. } => return Ok(Finished::Interrupted),
                Ended::Elsewhere => {
                    if !self.follow(journal, &around).await? {
                        return Ok(Finished::Interrupted);
                    }
                }
            }
        }
    }

    /// Follows a run until the lease can be had. Says whether it was, or the process was asked to stop.
    async fn follow(&self, journal: &mut Journal, around: &Surroundings<'_>) -> Result<bool, Problem> {
        loop {
            catch_up(journal, around).await?;
            let Some((record, _)) = alias::read(self.state(), self.keeper.alias()).await? else {
                return Ok(true);
            };
            let Some(lease) = &record.lease else { return Ok(true) };
            if self.keeper.look(lease).is_zero() {
                return Ok(true);
            }
            if let Some(claim) = &record.claim
                && claim.run.pipeline() != journal.run().pipeline()
            {
                return Err(Problem::Held(claim.run.clone()));
            }
            if *self.interrupt.borrow() {
                return Ok(false);
            }
            self.port.turn_in(LOOK).await;
        }
    }

    /// Takes the lease, for a command that acts by itself. One whose holder lives is not waited for.
    async fn take(&self) -> Result<(), Problem> {
        let mut seen: Option<(String, u64)> = None;
        loop {
            let taken = self.keeper.take(self.state(), "deciding", |_| Ok::<_, StateError>(()));
            let lease = match taken.await? {
                Taken::Yes(_) | Taken::NoAlias => return Ok(()),
                Taken::HeldBy(lease) => lease,
            };
            if seen.is_some_and(|(nonce, beat)| nonce == lease.nonce && beat != lease.beat) {
                return Err(Problem::NotNow);
            }
            seen = Some((lease.nonce.clone(), lease.beat));
            self.port.turn_in(LOOK).await;
        }
    }

    async fn give_back(&self) -> Result<(), Problem> {
        if self.keeper.is_held() {
            self.keeper.give_back(self.state(), |_| Ok::<_, StateError>(false)).await?;
        }
        Ok(())
    }

    /// Does something with the lease, and gives it back whatever comes of it.
    async fn holding(&self, act: impl Future<Output = Outcome>) -> Outcome {
        self.take().await?;
        let acted = self.keeper.under(self.state(), act).await;
        let given_back = self.give_back().await;
        let acted = acted??;
        given_back?;
        Ok(acted)
    }

    async fn record(&self, journal: &mut Journal, event: JournalEvent) -> Result<(), Problem> {
        journal.append(self.state(), self.port.now(), event).await?;
        Ok(())
    }

    /// Records an event unless another process was faster. Says whether it was recorded.
    async fn record_unless_moved(&self, journal: &mut Journal, event: JournalEvent) -> Result<bool, Problem> {
        match self.record(journal, event).await {
            Err(Problem::Journal(JournalError::State(StateError::Conflict { .. }))) => Ok(false),
            recorded => recorded.map(|()| true),
        }
    }

    /// `dreamrun apply NAME`.
    pub(crate) async fn apply(self, which: usize) -> Outcome {
        let pipeline = &self.pipelines[which];
        loop {
            let Some((record, _)) = alias::read(self.state(), self.keeper.alias()).await? else {
                return Err(Problem::NotNow);
            };
            let last = self.last(pipeline).await?;
            let number = last.as_ref().map_or(1, |journal| journal.run().number() + 1);
            if let Some(mut journal) = last.filter(|journal| !journal.state().is_released) {
                let state = journal.state();
                if state.phase == Phase::Planned && !state.plan.store.is_current(&record) {
                    let asked = JournalEvent::CancelAsked { by: "apply".to_owned() };
                    if self.record_unless_moved(&mut journal, asked).await? {
                        self.carry_out(&mut journal, &[]).await?;
                    }
                    continue;
                }
                if matches!(state.phase, Phase::DreamFailed { .. }) {
                    self.record_unless_moved(&mut journal, JournalEvent::RetryAsked).await?;
                }
                let instructions = rendered_again(pipeline, &journal.state().plan);
                return self.carry_out(&mut journal, &instructions).await;
            }
            if let Some(claim) = record.claim.as_ref().filter(|claim| *claim.run.pipeline() != pipeline.name)
                && !is_over(self.state(), &claim.run).await?
            {
                return Err(Problem::Held(claim.run.clone()));
            }
            let live = self.backend.index(&record.active).await?;
            let source = &pipeline.sessions.sources[0];
            let query = SessionQuery { sources: vec![source.clone()], since: None };
            let sessions = self.backend.sessions(&query).await?.sessions;
            let facts = Facts {
                now: self.port.now(),
                run_number: number,
                store: StoreFacts {
                    id: Some(record.active.clone()),
                    entries: live.entries.len() as u64,
                    bytes: live.bytes(),
                    hash: Some(live.hash()),
                },
                alias: Some(record),
                sources: [(source_key(source), SourceFacts { sessions, ..SourceFacts::default() })].into(),
                prices: PriceTable::builtin(),
                models: None,
                last_run: None,
            };
            let plan = plan(pipeline, &facts)?;
            if plan.not_due.is_some() {
                return Ok(Finished::NothingDue);
            }
            let instructions: Vec<_> = plan.batches.iter().map(|batch| batch.instructions.clone()).collect();
            let mut journal = match Journal::begin(self.state(), self.port.now(), plan).await {
                Err(JournalError::State(StateError::Conflict { .. })) => continue,
                begun => begun?.0,
            };
            return self.carry_out(&mut journal, &instructions).await;
        }
    }

    /// Finds a run that waits for a person.
    async fn waiting(&self) -> Result<Journal, Problem> {
        for pipeline in &self.pipelines {
            let last = self.last(pipeline).await?;
            let waits = |journal: &Journal| {
                matches!(journal.state().phase, Phase::AwaitingReview(_) | Phase::Blocked(_))
            };
            if let Some(journal) = last.filter(waits) {
                return Ok(journal);
            }
        }
        Err(Problem::NotNow)
    }

    /// `dreamrun approve RUN`, overriding whatever blocks.
    pub(crate) async fn approve(self) -> Outcome {
        self.waiting().await?;
        self.take().await?;
        let approved = self.say_yes().await;
        let given_back = self.give_back().await;
        let approved = approved?;
        given_back?;
        Ok(approved)
    }

    async fn say_yes(&self) -> Outcome {
        let mut journal = self.waiting().await?;
        let state = journal.state();
        let (Some(base), Some(candidate)) = (&state.base, &state.candidate) else {
            return Ok(Finished::Done);
        };
        let gates = state.judgment.iter().flat_map(|judgment| &judgment.verdicts);
        let overrides = gates.map(|verdict| verdict.gate.clone()).chain(["drift".to_owned()]).collect();
        let live = self.backend.snapshot(&base.store).await?.hash();
        let hash = self.backend.snapshot(&candidate.store).await?.hash();
        if hash != candidate.hash {
            return Err(Problem::NotNow);
        }
        let (by, reason) = ("ada".to_owned(), Some("looked at it".to_owned()));
        let approved = JournalEvent::Approved { by, reason, overrides, live, candidate: hash };
        self.record(&mut journal, approved).await?;
        self.carry_out(&mut journal, &[]).await?;
        Ok(Finished::Done)
    }

    /// `dreamrun reject RUN`.
    pub(crate) async fn reject(self) -> Outcome {
        self.waiting().await?;
        self.take().await?;
        let rejected = self.say_no().await;
        let given_back = self.give_back().await;
        let rejected = rejected?;
        given_back?;
        Ok(rejected)
    }

    async fn say_no(&self) -> Outcome {
        let mut journal = self.waiting().await?;
        self.record(&mut journal, JournalEvent::Rejected { by: "ada".to_owned(), reason: None }).await?;
        self.carry_out(&mut journal, &[]).await?;
        Ok(Finished::Done)
    }

    /// `dreamrun cancel RUN`.
    pub(crate) async fn cancel(self, which: usize) -> Outcome {
        let Some(mut journal) = self.last(&self.pipelines[which]).await? else { return Ok(Finished::Done) };
        let prices = PriceTable::builtin();
        let around = self.around(&prices, &[]);
        loop {
            match &journal.state().phase {
                Phase::Canceling { .. } | Phase::Canceled => break,
                Phase::Rebasing { .. } => return Err(Problem::NotNow),
                Phase::Adopting { .. } if journal.state().copy.is_some() => return Err(Problem::NotNow),
                phase if phase.is_final() => return Err(Problem::NotNow),
                Phase::Requested { batch } => {
                    let batch = *batch;
                    match settle_now(&mut journal, &around, batch).await {
                        Ok(true) => continue,
                        Ok(false) => return Ok(Finished::Interrupted),
                        Err(RunError::InDoubt { .. } | RunError::Near { .. }) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                _ => {}
            }
            match self.record(&mut journal, JournalEvent::CancelAsked { by: "ada".to_owned() }).await {
                Ok(()) => break,
                Err(Problem::Journal(JournalError::State(StateError::Conflict { .. }))) => {
                    let newest = Journal::open(self.state(), journal.run()).await?;
                    journal = newest.ok_or(Problem::NotNow)?;
                }
                Err(error) => return Err(error),
            }
        }
        if !self.follow(&mut journal, &around).await? {
            return Ok(Finished::Interrupted);
        }
        self.carry_out(&mut journal, &[]).await?;
        Ok(Finished::Done)
    }

    /// `dreamrun rollback ALIAS`, or `--release` if it is on hold and nothing is on its way.
    pub(crate) async fn roll_back(self) -> Outcome {
        self.holding(self.go_back()).await
    }

    fn undo(&self) -> Undo<'_> {
        let past = Past { backend: &self.backend, archive: None };
        Undo { state: self.state(), past, keeper: &self.keeper }
    }

    async fn go_back(&self) -> Outcome {
        let Some((seen, _)) = alias::read(self.state(), self.keeper.alias()).await? else {
            return Ok(Finished::Done);
        };
        if is_carrying(&seen)
            && let Some(hold) = seen.hold.clone()
        {
            carry_after(self.undo(), &seen, hold).await?;
            return Ok(Finished::Done);
        }
        let begun = seen.hold.clone().filter(|hold| hold.rolling_back_to.is_some());
        if seen.hold.is_some() && begun.is_none() {
            return self.let_go().await;
        }
        if let Some(claim) = &seen.claim
            && !is_over(self.state(), &claim.run).await?
        {
            return Err(Problem::Held(claim.run.clone()));
        }
        let to = begun.as_ref().and_then(|hold| hold.rolling_back_to.as_ref());
        let previous = seen.previous.iter().find(|previous| to.is_none_or(|to| *to == previous.store));
        let Some(previous) = previous else { return Err(Problem::NotNow) };
        let hold = match begun {
            Some(hold) => hold,
            None => {
                let carrying = self.carrying(&seen, previous).await?;
                Hold { carrying, ..Hold::new(self.port.now(), "ada", "rolled back") }
            }
        };
        let now = self.port.now();
        roll_back(self.undo(), &seen, previous, hold, now).await?;
        Ok(Finished::Done)
    }

    /// Returns what `--carry` has carried over, if this one is asked to and it can be told.
    async fn carrying(
        &self,
        seen: &AliasRecord,
        previous: &PreviousStore,
    ) -> Result<Option<Carrying>, Problem> {
        let is_asked = enter(&self.port.world).rng.chance(500);
        let Some(adoption) = seen.adoption.as_ref().filter(|_| is_asked) else { return Ok(None) };
        let run = &adoption.run;
        let Some(journal) = Journal::open(self.state(), run).await? else { return Ok(None) };
        let replaced = journal.state().base.as_ref().map(|base| &base.store);
        let is_one_back = replaced == Some(&previous.store)
            && previous.copied_by.as_ref().is_none_or(|copier| copier == run);
        Ok(is_one_back.then(|| Carrying { from: seen.active.clone(), run: run.clone() }))
    }

    /// `dreamrun rollback ALIAS --release`.
    pub(crate) async fn release(self) -> Outcome {
        self.holding(self.let_go()).await
    }

    async fn let_go(&self) -> Outcome {
        let taken_off = |record: &mut AliasRecord| Ok::<_, StateError>(record.hold.take().is_some());
        self.keeper.update(self.state(), taken_off).await?;
        Ok(Finished::Done)
    }
}
