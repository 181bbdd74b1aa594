//! The laws: what must hold after every step, whatever happens. They are checked on what state and the
//! backend really hold, never on what a process believes.

use std::collections::BTreeMap;

use dreamrun::adoption::Conflict;
use dreamrun::backend::SessionRequest;
use dreamrun::dream::DreamRequest;
use dreamrun::ids::{DreamId, MemoryStoreId, RunId};
use dreamrun::journal::event::{JournalEvent, Recorded};
use dreamrun::journal::run_state::{Phase, RunState};
use dreamrun::memory::{ContentHash, MemoryPath};
use dreamrun::spec::pipeline::Target;
use dreamrun::state::Key;
use dreamrun::state::alias::{AliasRecord, Carrying};
use dreamrun::state::lease::Lease;

use super::notes::Notes;
use super::world::{Dreaming, Object, World};

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Law {
    /// At most one dream takes effect for each planned batch, and one more for each retry of one that failed.
    PaidOnce,
    /// Nothing is sent that costs money without an intent of its own in the journal.
    IntentFirst,
    /// At most one session is created for a run.
    OneSession,
    /// The alias moves only after a verdict on the very stores that give way and take over.
    VerdictFirst,
    /// The alias points at the bootstrapped store, or at the whole output of a completed dream, as judged.
    CompleteStore,
    /// The generation grows by one with each adoption and rollback, and nothing else about the live store
    /// changes without it.
    Generation,
    /// The claim names a run that has begun, and passes to another only once that run is over. A process that woke
    /// up late may name a run that is over; nobody waits for it, and at the end nobody is named.
    Claim,
    /// Only the process that has the lease writes the alias, and nobody takes a lease before it has stood still
    /// for its whole time.
    Lease,
    /// Each journal can be replayed, each of its beginnings too, and no event is ever replaced.
    Journals,
    /// Each acknowledged write of an agent is in the live store, was followed by a newer one, is named in a
    /// conflict, or was read by the dream whose adopted output changed it.
    LiveWrites,
    /// What was erased from the live store's past comes back with no dream, unless a person approved of it since.
    Erased,
    /// Once faults stop, `apply` brings each run to its end or to a person.
    Liveness,
    /// No process panics.
    NoPanic,
}

/// One run, as its journal in state tells it.
#[derive(Debug, Clone)]
struct Kept {
    events: u32,
    state: RunState,
    /// What the live store held when the last adoption was intended.
    replaced: Option<ContentHash>,
    /// When a person last approved, by the true time.
    approved_at: Option<u64>,
}

impl Kept {
    /// Says whether the alias is this run's to hold.
    fn holds(&self) -> bool {
        !self.state.is_released
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Bill {
    intents: u64,
    tries: u64,
    sent: u64,
    paid: u64,
}

/// The last acknowledged write of an agent to one item of a memory.
#[derive(Debug, Clone)]
struct LiveWrite {
    store: MemoryStoreId,
    /// Which of the store's changes it is, from 1.
    nth: usize,
    /// What it wrote, or what it took away.
    says: String,
    is_gone: bool,
    /// A rollback left it behind, as it says, or it came to the old store after the last look at that.
    is_left: bool,
    /// A conflict named it.
    is_named: bool,
}

impl LiveWrite {
    /// Says whether a memory is as the agent left it, as far as this item goes.
    fn is_in(&self, notes: &Notes) -> bool {
        notes.tells(&self.says) != self.is_gone
    }
}

/// What the fate of live writes depends on, but for the alias: as long as it is the same, so are they.
#[derive(Debug, PartialEq, Eq)]
struct Looked {
    store: MemoryStoreId,
    changes: usize,
    events: u64,
    writes: u64,
}

/// What the laws need to remember.
pub(crate) struct Book {
    pub(crate) broken: Option<(Law, String)>,
    bootstrap: MemoryStoreId,
    record: Option<AliasRecord>,
    /// When the lease last changed.
    beaten_at: u64,
    runs: BTreeMap<RunId, Kept>,
    bills: BTreeMap<ContentHash, Bill>,
    sessions: BTreeMap<RunId, u64>,
    writes: BTreeMap<(MemoryPath, String), LiveWrite>,
    /// What was erased and is not live, and when.
    erased: Vec<(u64, String)>,
    /// When live writes were looked at last.
    looked: Option<Looked>,
}

impl Book {
    pub(crate) fn new(bootstrap: MemoryStoreId) -> Self {
        Self {
            broken: None,
            bootstrap,
            record: None,
            beaten_at: 0,
            runs: BTreeMap::new(),
            bills: BTreeMap::new(),
            sessions: BTreeMap::new(),
            writes: BTreeMap::new(),
            erased: Vec::new(),
            looked: None,
        }
    }

    /// Notes what an agent made of a memory; it counts from now on.
    pub(crate) fn live_write(
        &mut self,
        (store, nth): (&MemoryStoreId, usize),
        path: &MemoryPath,
        before: &Notes,
        after: &Notes,
    ) {
        self.erased.retain(|(_, says)| !after.tells(says));
        for subject in before.0.keys().chain(after.0.keys()) {
            let (was, is) = (before.0.get(subject), after.0.get(subject));
            if let Some(says) = is.or(was).filter(|_| was != is) {
                let write = LiveWrite {
                    store: store.clone(),
                    nth,
                    says: says.clone(),
                    is_gone: is.is_none(),
                    is_left: false,
                    is_named: false,
                };
                self.writes.insert((path.clone(), subject.clone()), write);
            }
        }
    }

    /// Notes what nobody is to see any more.
    pub(crate) fn erased(&mut self, at: u64, says: Vec<String>) {
        self.erased.extend(says.into_iter().map(|says| (at, says)));
    }

    /// Returns the phases of all runs.
    pub(crate) fn states(&self) -> impl Iterator<Item = (&RunId, &RunState)> {
        self.runs.iter().map(|(run, kept)| (run, &kept.state))
    }
}

/// Returns what a memory held once, in whatever store.
fn held_once(world: &World, path: &MemoryPath, hash: Option<ContentHash>) -> Notes {
    let mut past = world.stores.values().flat_map(|store| &store.past);
    let found = past.find(|memory| memory.path == *path && Some(memory.hash) == hash);
    found.map(|memory| Notes::read(&memory.content)).unwrap_or_default()
}

/// Notes which writes conflicts name: those that their live version holds.
fn name(world: &mut World, conflicts: &[Conflict]) {
    for conflict in conflicts {
        let ours = held_once(world, &conflict.path, conflict.ours);
        let writes = world.book.writes.iter_mut().filter(|((path, _), _)| *path == conflict.path);
        writes.filter(|(_, write)| write.is_in(&ours)).for_each(|(_, write)| write.is_named = true);
    }
}

/// Returns what a rollback carries over that is under way.
fn carried_from(record: &AliasRecord) -> Option<&Carrying> {
    record.hold.as_ref()?.carrying.as_ref()
}

/// Lets go of writes that a rollback names: those in whose place an agent has written to the store that came back,
/// and a memory that an agent took away and that the other store holds otherwise than it was adopted.
fn carried(world: &mut World, carrying: &Carrying, to: &MemoryStoreId) {
    *world.tally.met.entry("rolled back and carried").or_default() += 1;
    let (from, to) = (&world.stores[&carrying.from], &world.stores[to]);
    for ((path, _), write) in world.book.writes.iter_mut().filter(|(_, write)| write.store == carrying.from) {
        write.is_named |= to.is_agents(path) || write.is_gone && from.now.get(path).is_none();
    }
}

/// Lets go of writes to a store that gave way which came after the last look at it.
fn leave_late(world: &mut World, from: &MemoryStoreId, to: &MemoryStoreId) {
    let seen = world.stores[from].seen;
    let late = world.book.writes.values_mut().filter(|write| write.store == *from && write.nth > seen);
    let left = if from == to { 0 } else { late.map(|write| write.is_left = true).count() };
    *world.tally.met.entry("left in the old store").or_default() += left as u64;
}

fn check(world: &mut World, law: Law, holds: bool, why: impl FnOnce() -> String) {
    *world.tally.checks.entry(law).or_default() += 1;
    if !holds {
        world.break_law(law, why());
    }
}

/// An object of state was written.
pub(crate) fn written(world: &mut World, key: &Key, before: Option<&Object>) {
    let bytes = world.objects[key.as_str()].bytes.clone();
    if key.as_str().starts_with("runs/") {
        check(world, Law::Journals, before.is_none(), || format!("`{key}` was written over"));
        match serde_json::from_slice::<Recorded>(&bytes) {
            Ok(recorded) => event_written(world, key, recorded),
            Err(error) => check(world, Law::Journals, false, || format!("`{key}`: {error}")),
        }
    } else if key.as_str().starts_with("aliases/") {
        let after: AliasRecord = serde_json::from_slice(&bytes).unwrap();
        let before = world.book.record.replace(after.clone());
        if let Some(before) = before {
            alias_written(world, &before, &after);
        }
    }
}

fn event_written(world: &mut World, key: &Key, recorded: Recorded) {
    let Some(run) = key.as_str().split('/').nth(1).and_then(RunId::parse) else { return };
    let Recorded { seq, at, event, .. } = recorded;
    world.tally.events += 1;
    let kept = world.book.runs.remove(&run);
    let moved = match &kept {
        None => RunState::begin(seq, event.clone()).map(|state| (1, state)),
        Some(kept) => kept.state.clone().apply(seq, at, event.clone()).map(|state| (kept.events + 1, state)),
    };
    let (events, state) = match moved {
        Ok(moved) => moved,
        Err(illegal) => {
            return check(world, Law::Journals, false, || format!("`{run}`: {illegal}"));
        }
    };
    check(world, Law::Journals, events == seq, || format!("`{run}` lacks event {events}"));
    if kept.is_none() {
        world.tally.runs += 1;
    }
    if state.phase.is_final() && kept.as_ref().is_some_and(|kept| !kept.state.phase.is_final()) {
        *world.tally.ends.entry(state.phase.name()).or_default() += 1;
    }
    let kept_phase = kept.as_ref().map(|kept| kept.state.phase.clone());
    let (mut replaced, mut approved_at) =
        kept.map(|kept| (kept.replaced, kept.approved_at)).unwrap_or_default();
    let mut met = |what, count: usize| *world.tally.met.entry(what).or_default() += count as u64;
    match event {
        JournalEvent::DreamRequested { attempt, digest, .. } => {
            let bill = world.book.bills.entry(digest).or_default();
            bill.intents += 1;
            bill.tries = bill.tries.max(attempt.into());
        }
        JournalEvent::AdoptionIntended { live, .. } => replaced = Some(live),
        JournalEvent::Approved { .. } => approved_at = Some(world.now),
        JournalEvent::RebaseIntended { read, carried, merged, conflicts, .. } => {
            met("read otherwise than the base", read.paths.len());
            met("carried over", carried.len());
            met("merged", merged.len());
            met("in conflict", conflicts.len());
            name(world, &conflicts);
        }
        JournalEvent::CopiedBack { conflicts, .. } => {
            met("in conflict, copied", conflicts.len());
            name(world, &conflicts);
        }
        JournalEvent::Adopted { late_writes, late_merged, late_conflicts, .. } => {
            met("late, carried over", late_writes.len());
            met("late, merged", late_merged.len());
            met("late, in conflict", late_conflicts.len());
            name(world, &late_conflicts);
            if let Some(Phase::Adopting { from, to, .. }) = kept_phase.filter(|_| state.copy.is_none()) {
                leave_late(world, &from, &to);
            }
        }
        _ => {}
    }
    world.book.runs.insert(run, Kept { events, state, replaced, approved_at });
}

/// Looks at who wrote the alias. Each process is called by its number.
fn lease_written(world: &mut World, before: &AliasRecord, after: &AliasRecord) {
    let writer = world.writer.to_string();
    let is_writers = |lease: &Lease| lease.holder.machine == writer;
    let stood = world.now - world.book.beaten_at;
    let may_write = match (&before.lease, &after.lease) {
        (Some(before), _) if is_writers(before) => after.lease.as_ref().is_none_or(is_writers),
        (Some(before), Some(after)) => is_writers(after) && u128::from(stood) >= before.time().as_millis(),
        (None, Some(after)) => is_writers(after),
        (_, None) => false,
    };
    world.book.beaten_at = world.now;
    check(world, Law::Lease, may_write, || {
        let [before, after] =
            [before, after].map(|record| record.lease.as_ref().map(|lease| &lease.holder.machine));
        format!("{writer} wrote the alias, held by {before:?} for {stood} ms, for {after:?}")
    });
}

fn alias_written(world: &mut World, before: &AliasRecord, after: &AliasRecord) {
    lease_written(world, before, after);
    if let (Some(was), Some(is)) = (&before.claim, &after.claim)
        && was.run != is.run
    {
        let is_held = world.book.runs.get(&was.run).is_some_and(Kept::holds);
        check(world, Law::Claim, !is_held, || format!("{} took the alias from {}", is.run, was.run));
    }
    if let Some(carrying) = carried_from(before).filter(|_| carried_from(after).is_none()) {
        carried(world, carrying, &after.active);
        leave_late(world, &carrying.from, &after.active);
    }
    let step = after.generation.checked_sub(before.generation);
    check(world, Law::Generation, matches!(step, Some(0 | 1)), || {
        format!("generation {} became {}", before.generation, after.generation)
    });
    if step != Some(1) {
        let is_same = before.active == after.active && before.adoption == after.adoption;
        return check(world, Law::Generation, is_same, || {
            format!("{} became {} within a generation", before.active, after.active)
        });
    }
    if after.hold.is_some() {
        // Who rolls back takes what the store before holds.
        world.book.erased.clear();
        let holder = before.claim.as_ref().and_then(|claim| world.book.runs.get(&claim.run));
        let is_held = holder.is_some_and(Kept::holds);
        check(world, Law::Claim, !is_held, || format!("rolled back under {:?}", before.claim));
        if before.active != after.active && carried_from(after).is_none() {
            let left = world.book.writes.values_mut().filter(|write| write.store == before.active);
            left.for_each(|write| write.is_left = true);
        }
    } else {
        adopted(world, before, after);
    }
    let is_complete = after.active == world.book.bootstrap
        || world.stores.get(&after.active).is_some_and(|store| store.is_complete);
    check(world, Law::CompleteStore, is_complete, || format!("{} is not complete", after.active));
}

fn adopted(world: &mut World, before: &AliasRecord, after: &AliasRecord) {
    world.tally.adoptions += 1;
    let named =
        after.adoption.as_ref().and_then(|adoption| Some((adoption, world.book.runs.get(&adoption.run)?)));
    let Some((adoption, kept)) = named.map(|(adoption, kept)| (adoption.clone(), kept.clone())) else {
        return check(world, Law::VerdictFirst, false, || "adopted by no run".to_owned());
    };
    let run = &adoption.run;
    let is_claimed = before.claim.as_ref().is_some_and(|claim| claim.run == *run);
    check(world, Law::VerdictFirst, is_claimed, || format!("{run} adopted under {:?}", before.claim));
    let (Some(judged), Some(intended), Some(replaced)) =
        (&kept.state.judgment, &kept.state.intended, kept.replaced)
    else {
        return check(world, Law::VerdictFirst, false, || format!("{run} adopted without a verdict"));
    };
    let is_judged = judged.live == replaced && judged.candidate == intended.hash();
    check(world, Law::VerdictFirst, is_judged, || {
        format!("{run} adopted {:?} over {replaced:?}, judged was {judged:?}", intended.hash())
    });
    if kept.state.plan.adopt.target == Target::CopyBack {
        return check(world, Law::Generation, before.active == after.active, || {
            format!("a copy moved the alias to {}", after.active)
        });
    }
    let candidate = kept.state.candidate.as_ref().map(|candidate| &candidate.store);
    check(world, Law::CompleteStore, candidate == Some(&after.active), || {
        format!("{run} adopted {}, its candidate is {candidate:?}", after.active)
    });
    let held = world.stores.get(&after.active).map(|store| store.now.hash());
    check(world, Law::CompleteStore, held == Some(intended.hash()), || {
        format!("{} holds {held:?}, judged was {:?}", after.active, intended.hash())
    });
}

/// A request for a dream left a process.
pub(crate) fn sent(world: &mut World, request: &DreamRequest) {
    let bill = world.book.bills.entry(request.digest()).or_default();
    bill.sent += 1;
    let bill = *bill;
    check(world, Law::IntentFirst, bill.sent <= bill.intents, || {
        format!("request {} for {:?} has {} intents", bill.sent, request.sessions, bill.intents)
    });
}

/// A dream began, and is paid for.
pub(crate) fn paid(world: &mut World, request: &DreamRequest) {
    let bill = world.book.bills.entry(request.digest()).or_default();
    bill.paid += 1;
    let bill = *bill;
    check(world, Law::PaidOnce, bill.paid <= bill.tries.max(1), || {
        format!(
            "dream {} for {:?} ({:?}), tries: {}",
            bill.paid, request.sessions, request.instructions, bill.tries
        )
    });
}

/// A session was created.
pub(crate) fn session_created(world: &mut World, request: &SessionRequest) {
    let sessions = world.book.sessions.entry(request.run.clone()).or_default();
    *sessions += 1;
    let sessions = *sessions;
    check(world, Law::OneSession, sessions == 1, || format!("session {sessions} for {}", request.run));
}

/// A step was taken.
pub(crate) fn stepped(world: &mut World) {
    let Some(record) = world.book.record.clone() else { return };
    if let Some(claim) = &record.claim {
        let has_begun = world.book.runs.contains_key(&claim.run);
        check(world, Law::Claim, has_begun, || format!("{} holds the alias and never began", claim.run));
    }
    if is_moving(world, &record) {
        return;
    }
    let store = &world.stores[&record.active];
    let looked = Looked {
        store: record.active.clone(),
        changes: store.changes.len(),
        events: world.tally.events,
        writes: world.tally.live_writes,
    };
    if world.book.looked.as_ref() == Some(&looked) {
        return;
    }
    let live = &store.now;
    let lost = world.book.writes.iter().find(|((path, _), write)| {
        let held = live.get(path).map(|memory| Notes::read(&memory.content)).unwrap_or_default();
        !write.is_in(&held) && !write.is_left && !is_accounted(world, path, write)
    });
    let lost = lost.map(|((path, _), write)| format!("{path} in {}: {write:?}", record.active));
    let back = came_back(world, &record);
    check(world, Law::LiveWrites, lost.is_none(), || lost.unwrap_or_default());
    check(world, Law::Erased, back.is_none(), || back.unwrap_or_default());
    world.book.looked = Some(looked);
}

/// Finds what was erased and is live again, though nobody approved of it since.
fn came_back(world: &World, record: &AliasRecord) -> Option<String> {
    let run = record.adoption.as_ref().map(|adoption| &adoption.run);
    let approved_at = run.and_then(|run| world.book.runs.get(run)?.approved_at);
    let live: Vec<Notes> =
        world.stores[&record.active].now.iter().map(|memory| Notes::read(&memory.content)).collect();
    let mut wrong =
        world.book.erased.iter().filter(|(at, _)| approved_at.is_none_or(|approved| approved < *at));
    let (at, says) = wrong.find(|(_, says)| live.iter().any(|notes| notes.tells(says)))?;
    Some(format!("{says:?}, erased at {at}, is in {} by {run:?}", record.active))
}

/// Says whether an adoption or a rollback is under way, whose end will account for what is missing now.
fn is_moving(world: &World, record: &AliasRecord) -> bool {
    let adopted_by = record.adoption.as_ref().map(|adoption| &adoption.run);
    let is_moving = |(run, kept): (&RunId, &Kept)| {
        let has_begun = adopted_by == Some(run) || kept.state.copy.is_some();
        has_begun && matches!(kept.state.phase, Phase::Adopting { .. } | Phase::Canceling { .. })
    };
    world.book.runs.iter().any(is_moving)
        || record.hold.as_ref().is_some_and(|hold| hold.rolling_back_to.is_some())
}

/// Says whether a conflict names the write, or an adopted dream read it.
fn is_accounted(world: &World, path: &MemoryPath, write: &LiveWrite) -> bool {
    let is_adopted = |id: &DreamId| {
        let mut runs = world.book.runs.values().filter(|kept| kept.state.phase == Phase::Adopted);
        runs.any(|kept| kept.state.dreams.iter().any(|record| record.dream.as_ref() == Some(id)))
    };
    let was_read = |dreaming: &Dreaming| {
        let read = dreaming.input.get(path).map(|memory| Notes::read(&memory.content));
        !write.is_gone && read.is_some_and(|read| write.is_in(&read)) && is_adopted(&dreaming.dream.id)
    };
    write.is_named || world.dreams.iter().any(was_read)
}
