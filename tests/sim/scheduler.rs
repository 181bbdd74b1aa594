//! The scheduler: who goes next, when time moves, and what goes wrong; all by the seed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use dreamrun::ids::{AgentId, Alias, DeploymentId, EnvironmentId, PipelineName};
use dreamrun::run::RunError;
use dreamrun::run::next::Stop;
use dreamrun::spec::pipeline::{
    Adopt, AdoptMode, AgentRef, Batching, Drift, GateSpec, OnUnchanged, Order, Pipeline, SessionInput,
    SessionSource, Since, StoreRef, Target, Template, Threshold, Thresholds,
};
use dreamrun::state::keeper::{Keeper, Tenant};
use dreamrun::state::lease::{LEASE_TIME, Who};
use jiff::SignedDuration;
use tokio::sync::watch;

use super::actors::{Actor, Finished, Problem};
use super::backend::SimBackend;
use super::faults::Fault;
use super::invariants::{self, Law};
use super::process::{Bell, Port, Slot, Waits};
use super::rng::Rng;
use super::state::SimState;
use super::trace::Tally;
use super::world::{Flaw, MACHINES, Shared, World, enter};

/// How many steps everything may take once faults have stopped.
const CALM_STEPS: u64 = 8_000;
/// How many processes may be started once faults have stopped.
const CALM_PROCESSES: u64 = 60;
/// How far time moves at most while a process waits for a timer.
const HOP: u64 = 15_000;
/// How many processes run at the same time.
const AT_ONCE: usize = 4;

/// What came of a seed.
pub(crate) struct Came {
    pub(crate) broken: Option<(Law, String)>,
    pub(crate) tally: Tally,
    pub(crate) trace: String,
}

/// Runs one seed to its end, or to the first law that is broken.
pub(crate) fn run_seed(seed: u64, flaw: Option<Flaw>, is_traced: bool) -> Came {
    let world = Arc::new(Mutex::new(World::new(seed, flaw, is_traced)));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let simulation = Simulation::new(Arc::clone(&world));
        // Nothing but the scheduler decides when a process comes to a stop.
        runtime.block_on(tokio::task::unconstrained(simulation.run()));
    }));
    let mut world = enter(&world);
    if let Err(panic) = ended {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
        world.break_law(Law::NoPanic, words.unwrap_or_default());
    }
    Came { broken: world.book.broken.take(), tally: world.tally.clone(), trace: world.trace.text() }
}

/// What a process was started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Apply(usize),
    Approve,
    Reject,
    Cancel(usize),
    RollBack,
    Release,
}

struct Running {
    process: usize,
    command: Command,
    future: Pin<Box<dyn Future<Output = Result<Finished, Problem>>>>,
    bell: Arc<Bell>,
    interrupt: watch::Sender<bool>,
}

struct Simulation {
    world: Shared,
    pipelines: Vec<Pipeline>,
    running: Vec<Running>,
    /// How the last process ended, with what it was started for.
    last: Option<(Command, Finished)>,
}

impl Simulation {
    fn new(world: Shared) -> Self {
        let pipelines = {
            let mut world = enter(&world);
            let alias = world.alias.clone();
            let names = if world.rng.chance(250) { &["nightly", "weekly"][..] } else { &["nightly"] };
            let target = target(&mut world.rng);
            names.iter().map(|name| pipeline(name, &alias, &target, &mut world.rng)).collect()
        };
        Self { world, pipelines, running: Vec::new(), last: None }
    }

    async fn run(mut self) {
        let steps = enter(&self.world).weather.steps;
        for _ in 0..steps {
            self.disturb();
            if self.step().await {
                return;
            }
        }
        self.calm_down();
        let mut settled = vec![false; self.pipelines.len()];
        let mut started = 0;
        let mut approvals = 0;
        let mut is_last = false;
        for _ in 0..CALM_STEPS {
            if self.running.is_empty() {
                let Some(command) = self.next_command(&mut settled, &mut approvals) else {
                    if is_last {
                        return self.finish();
                    }
                    // Whatever is left may not stand in the way of one more run.
                    is_last = true;
                    settled.fill(false);
                    enter(&self.world).add_session();
                    continue;
                };
                started += 1;
                if started > CALM_PROCESSES {
                    break;
                }
                self.start(command);
            }
            if self.step().await {
                return;
            }
        }
        let mut world = enter(&self.world);
        let open = open_runs(&world);
        world.break_law(Law::Liveness, format!("not settled after {started} processes: {open}"));
    }

    /// Looks at the end whether anything is left that nobody will ever take up.
    fn finish(&self) {
        let mut world = enter(&self.world);
        *world.tally.checks.entry(Law::Liveness).or_default() += 1;
        let open = open_runs(&world);
        if !open.is_empty() {
            world.break_law(Law::Liveness, open);
        }
        if let Some(claim) = world.record().claim {
            world.break_law(Law::Claim, format!("{} holds the alias at the end", claim.run));
        }
    }

    /// Says what to start once faults have stopped and nothing runs; nothing if all is settled.
    fn next_command(&mut self, settled: &mut [bool], approvals: &mut u64) -> Option<Command> {
        let hold = enter(&self.world).record().hold;
        if let Some(hold) = hold {
            settled.fill(false);
            let is_begun = hold.rolling_back_to.is_some();
            return Some(if is_begun { Command::RollBack } else { Command::Release });
        }
        match self.last.take() {
            Some((Command::Apply(which), Finished::NothingDue)) => settled[which] = true,
            Some((Command::Apply(_), Finished::Stopped(Stop::AwaitingReview | Stop::Blocked))) => {
                *approvals += 1;
                return Some(if (*approvals).is_multiple_of(4) { Command::Reject } else { Command::Approve });
            }
            // The other pipeline has to go on before this one can.
            Some((
                Command::Apply(which),
                Finished::Failed(Problem::Held(_) | Problem::Run(RunError::Busy { .. })),
            )) => {
                let other = (which + 1) % self.pipelines.len();
                settled[other] = false;
                return Some(Command::Apply(other));
            }
            _ => {}
        }
        settled.iter().position(|&is_settled| !is_settled).map(Command::Apply)
    }

    fn calm_down(&mut self) {
        let mut world = enter(&self.world);
        world.is_calm = true;
        let now = world.now;
        world.slots.iter_mut().for_each(|slot| slot.paused_until = now);
        world.clocks.fill(SignedDuration::ZERO);
        world.tell(|| "faults stop".to_owned());
    }

    fn start(&mut self, command: Command) {
        let (sender, interrupt) = watch::channel(false);
        let process = {
            let mut world = enter(&self.world);
            world.tally.processes += 1;
            let process = world.slots.len();
            let machine = world.rng.below(MACHINES) as usize;
            let name = format!("p{process}@{machine}");
            let waits = Waits::Turn(world.now);
            world.tell(|| format!("{name}: starts {command:?}"));
            world.slots.push(Slot { name, machine, waits, is_granted: false, paused_until: 0 });
            process
        };
        let port = Port { world: Arc::clone(&self.world), process };
        let alias = enter(&self.world).alias.clone();
        let who = Who { machine: port.process.to_string(), pid: 1, run_url: None };
        let tenant = Tenant {
            who,
            domain: None,
            time: LEASE_TIME,
            monotonic: Arc::new(port.clone()),
            clock: Arc::new(port.clone()),
        };
        let actor = Actor {
            state: SimState(port.clone()),
            backend: SimBackend(port.clone()),
            port,
            pipelines: self.pipelines.clone(),
            keeper: Keeper::new(alias, tenant),
            interrupt,
        };
        let future: Pin<Box<dyn Future<Output = _>>> = match command {
            Command::Apply(which) => Box::pin(actor.apply(which)),
            Command::Approve => Box::pin(actor.approve()),
            Command::Reject => Box::pin(actor.reject()),
            Command::Cancel(which) => Box::pin(actor.cancel(which)),
            Command::RollBack => Box::pin(actor.roll_back()),
            Command::Release => Box::pin(actor.release()),
        };
        let bell = Arc::new(Bell::default());
        self.running.push(Running { process, command, future, bell, interrupt: sender });
    }

    fn is_met(&self, fault: Fault) -> bool {
        enter(&self.world).meets(fault)
    }

    fn below(&self, limit: usize) -> usize {
        enter(&self.world).rng.below(limit as u64) as usize
    }

    /// Does what faults and other people do before a step.
    fn disturb(&mut self) {
        let pipelines = self.pipelines.len();
        if self.running.is_empty() {
            if self.below(2) == 0 {
                let which = self.below(pipelines);
                self.start(Command::Apply(which));
            } else if self.below(8) == 0 {
                enter(&self.world).add_session();
            }
        }
        if self.running.len() < AT_ONCE {
            for (fault, command) in [
                (Fault::Overlap, Command::Apply(self.below(pipelines))),
                (Fault::Approved, Command::Approve),
                (Fault::Rejected, Command::Reject),
                (Fault::CancelAsked, Command::Cancel(self.below(pipelines))),
                (Fault::RolledBack, Command::RollBack),
            ] {
                if self.is_met(fault) {
                    self.start(command);
                }
            }
        }
        if self.is_met(Fault::AgentWrote) {
            enter(&self.world).agent_writes();
        }
        if enter(&self.world).adopting().is_some() && self.is_met(Fault::AgentMet) {
            enter(&self.world).agent_meets();
        }
        if self.is_met(Fault::Erased) {
            enter(&self.world).erase();
        }
        if self.is_met(Fault::ClockJumped) {
            let mut world = enter(&self.world);
            let machine = world.rng.below(MACHINES) as usize;
            let hours = *world.rng.pick(&[-24, 0, 24]);
            world.clocks[machine] = SignedDuration::from_hours(hours);
            world.tell(|| format!("the clock of machine {machine} is off by {hours} hours"));
        }
        if self.is_met(Fault::DreamCanceled) {
            let mut world = enter(&self.world);
            if !world.dreams.is_empty() {
                let dreams = world.dreams.len() as u64;
                let at = world.rng.below(dreams) as usize;
                world.stop_dream(at);
            }
        }
        if self.running.is_empty() {
            return;
        }
        if self.is_met(Fault::Interrupted) {
            let at = self.below(self.running.len());
            self.running[at].interrupt.send_replace(true);
        }
        if self.is_met(Fault::Paused) {
            let at = self.below(self.running.len());
            let mut world = enter(&self.world);
            let until = world.now + world.rng.between(100_000, 7_200_000);
            let slot = &mut world.slots[self.running[at].process];
            slot.paused_until = until;
            let name = slot.name.clone();
            world.tell(|| format!("{name}: stands still until {}", until / 1_000));
        }
        if self.is_met(Fault::Killed) {
            let at = self.below(self.running.len());
            let killed = self.running.swap_remove(at);
            let mut world = enter(&self.world);
            let name = world.slots[killed.process].name.clone();
            world.tell(|| format!("{name}: is killed"));
        }
    }

    /// Lets one process go on, or time pass. Says whether a law is broken.
    async fn step(&mut self) -> bool {
        let ready: Vec<(usize, bool)> = {
            let mut world = enter(&self.world);
            world.tally.steps += 1;
            world.catch_up();
            let now = world.now;
            let is_ready = |(at, running): (usize, &Running)| {
                let slot = &world.slots[running.process];
                if slot.paused_until > now {
                    return None;
                }
                let has_rung = running.bell.has_rung();
                match slot.waits {
                    Waits::Turn(until) if until <= now => Some((at, true)),
                    _ => has_rung.then_some((at, false)),
                }
            };
            self.running.iter().enumerate().filter_map(is_ready).collect()
        };
        match ready.is_empty() {
            true => self.pass_time().await,
            false => {
                let (at, is_granted) = ready[self.below(ready.len())];
                // A bell that was heard and not answered rings again.
                for (other, is_turn) in &ready {
                    if *other != at && !is_turn {
                        std::task::Wake::wake_by_ref(&self.running[*other].bell);
                    }
                }
                self.go_on(at, is_granted);
                if self.below(5) == 0 {
                    let ms = 1 + self.below(1_500) as u64;
                    self.advance(ms).await;
                }
            }
        }
        let mut world = enter(&self.world);
        invariants::stepped(&mut world);
        world.book.broken.is_some()
    }

    fn go_on(&mut self, at: usize, is_granted: bool) {
        let running = &mut self.running[at];
        {
            let mut world = enter(&self.world);
            let slot = &mut world.slots[running.process];
            slot.is_granted = is_granted;
            slot.waits = Waits::Timer;
        }
        let waker = Waker::from(Arc::clone(&running.bell));
        let polled = running.future.as_mut().poll(&mut Context::from_waker(&waker));
        let mut world = enter(&self.world);
        let slot = &mut world.slots[running.process];
        slot.is_granted = false;
        if let Poll::Ready(ended) = polled {
            let name = slot.name.clone();
            let finished = ended.unwrap_or_else(Finished::Failed);
            world.tell(|| format!("{name}: ends, {finished:?}"));
            drop(world);
            let ended = self.running.swap_remove(at);
            self.last = Some((ended.command, finished));
        }
    }

    /// Moves time on to when something can happen.
    async fn pass_time(&mut self) {
        let ms = {
            let world = enter(&self.world);
            let now = world.now;
            let mut moments = world.moments();
            for running in &self.running {
                let slot = &world.slots[running.process];
                moments.push(match slot.waits {
                    _ if slot.paused_until > now => slot.paused_until,
                    Waits::Turn(until) => until.min(now + HOP),
                    Waits::Timer => now + HOP,
                });
            }
            let next = moments.into_iter().filter(|&moment| moment > now).min();
            next.map_or(HOP * 4, |next| next - now)
        };
        self.advance(ms).await;
    }

    async fn advance(&mut self, ms: u64) {
        tokio::time::advance(Duration::from_millis(ms)).await;
        enter(&self.world).now += ms;
    }
}

/// Names the runs that are not over.
fn open_runs(world: &World) -> String {
    let open = world.book.states().filter(|(_, state)| !state.is_released);
    open.map(|(run, state)| format!("{run} is {}", state.phase.name())).collect::<Vec<_>>().join(", ")
}

/// Picks what adoption does. All pipelines of an alias do the same: one that does not tell the deployments
/// leaves the others unable to.
fn target(rng: &mut Rng) -> Target {
    match rng.below(10) {
        0..5 => Target::Pointer,
        5..8 => Target::CopyBack,
        8 => Target::Deployment(vec![DeploymentId::parse("depl_1").unwrap()]),
        _ => Target::Session {
            agent: AgentRef::Id(AgentId::parse("agent_1").unwrap()),
            environment: EnvironmentId::parse("env_1").unwrap(),
        },
    }
}

/// Makes a pipeline: whom it asks, and when, is up to the seed.
fn pipeline(name: &str, alias: &Alias, target: &Target, rng: &mut Rng) -> Pipeline {
    let mode = if rng.chance(300) { AdoptMode::Review } else { AdoptMode::Auto };
    let drift = *rng.pick(&[Drift::Rebase, Drift::Rebase, Drift::Review, Drift::Block]);
    let percent = |percent| Some(Threshold::Percent(percent));
    Pipeline {
        file: format!("pipelines/{name}.yaml").into(),
        name: PipelineName::parse(name).unwrap(),
        description: String::new(),
        model: "simulated".to_owned(),
        vars: Default::default(),
        store: StoreRef::Alias(alias.clone()),
        sessions: SessionInput {
            sources: vec![SessionSource::Agent(format!("agent_{name}"))],
            since: Since::LastAdopted,
            order: Order::Oldest,
            take: Some(2),
            min: 1,
        },
        instructions: Some(Template::new("{{ run.id }}: dream {{ batch.index }} of {{ batch.count }}")),
        batch: Batching { size: if rng.chance(300) { 1 } else { 2 }, chain: true },
        budget: None,
        gates: vec![
            GateSpec::EntriesRemoved(Thresholds { review: percent(45.0), block: percent(80.0) }),
            GateSpec::Unchanged(OnUnchanged::Skip),
        ],
        min_interval: None,
        adopt: Adopt { mode, target: target.clone(), drift },
    }
}
