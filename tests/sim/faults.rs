//! Faults: which there are, and how often a seed has each of them.

use std::collections::BTreeMap;

use super::rng::Rng;

/// Everything that goes wrong, or that somebody else does at a bad moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// A process is killed where it stands.
    Killed,
    /// A process stands still for minutes or hours, and then goes on.
    Paused,
    /// A person presses Ctrl-C.
    Interrupted,
    /// The wall clock of a machine jumps by a day.
    ClockJumped,
    /// A write of state fails before its effect.
    PutFailed,
    /// A write of state takes effect, and its answer is lost.
    PutLost,
    /// A write of state is refused although nothing stands in its way for long.
    PutConflict,
    /// A read of state fails.
    GetFailed,
    /// A listing of state lacks what was written in the last seconds.
    ListStale,
    /// A call never leaves the process.
    NotSent,
    /// A call takes effect, and its answer is lost.
    AnswerLost,
    /// A call is refused by a backend in trouble.
    Refused,
    /// A create is refused, limit reached.
    CreateRefused,
    /// A create never leaves the process.
    CreateNotSent,
    /// A create is lost on its way, without an answer.
    CreateLost,
    /// A create takes effect, and its answer is lost.
    CreateAnswerLost,
    /// A create takes effect long after it was given up.
    CreateLate,
    /// A create is answered, very late.
    CreateSlow,
    /// A write of several memories breaks off in the middle.
    WriteTorn,
    /// The list of dreams lags behind.
    ListLags,
    /// A dream fails.
    DreamFailed,
    /// A dream is canceled by somebody else.
    DreamCanceled,
    /// A second process starts while one is at work.
    Overlap,
    /// An agent writes to the live store.
    AgentWrote,
    /// An agent writes to the store that gives way, or where a copy is about to write, while an adoption is under way.
    AgentMet,
    /// What an agent wrote before is erased from the live store's past.
    Erased,
    /// A person approves.
    Approved,
    /// A person rejects.
    Rejected,
    /// A person cancels a run.
    CancelAsked,
    /// A person rolls the alias back.
    RolledBack,
}

/// How often a seed has each fault, in a thousand chances.
#[derive(Debug, Clone)]
pub(crate) struct Weather {
    rates: BTreeMap<Fault, u64>,
    /// How many steps the faults last.
    pub(crate) steps: u64,
}

impl Weather {
    /// Makes the weather of a seed. Each kind is absent in some seeds and frequent in others, so that a
    /// rare meeting of two is not drowned out by all the rest.
    pub(crate) fn of(rng: &mut Rng) -> Self {
        let mut rates = BTreeMap::new();
        let mut set = |fault: Fault, rate: [u64; 4]| {
            rates.insert(fault, *rng.pick(&rate));
        };
        set(Fault::Killed, [0, 5, 15, 40]);
        set(Fault::Paused, [0, 0, 10, 25]);
        set(Fault::Interrupted, [0, 0, 0, 10]);
        set(Fault::ClockJumped, [0, 0, 0, 10]);
        set(Fault::PutFailed, [0, 0, 20, 60]);
        set(Fault::PutLost, [0, 0, 20, 80]);
        set(Fault::PutConflict, [0, 0, 0, 100]);
        set(Fault::GetFailed, [0, 0, 0, 20]);
        set(Fault::ListStale, [0, 0, 0, 200]);
        set(Fault::NotSent, [0, 0, 0, 30]);
        set(Fault::AnswerLost, [0, 0, 0, 30]);
        set(Fault::Refused, [0, 0, 0, 30]);
        set(Fault::CreateRefused, [0, 0, 0, 200]);
        set(Fault::CreateNotSent, [0, 0, 0, 200]);
        set(Fault::CreateLost, [0, 0, 100, 300]);
        set(Fault::CreateAnswerLost, [0, 0, 100, 300]);
        set(Fault::CreateLate, [0, 0, 100, 300]);
        set(Fault::CreateSlow, [0, 0, 100, 300]);
        set(Fault::WriteTorn, [0, 0, 100, 300]);
        set(Fault::ListLags, [0, 500, 1_000, 1_000]);
        set(Fault::DreamFailed, [0, 0, 100, 400]);
        set(Fault::DreamCanceled, [0, 0, 0, 5]);
        set(Fault::Overlap, [0, 10, 20, 40]);
        set(Fault::AgentWrote, [0, 20, 80, 250]);
        set(Fault::AgentMet, [0, 0, 100, 300]);
        set(Fault::Erased, [0, 0, 40, 120]);
        set(Fault::Approved, [0, 10, 20, 40]);
        set(Fault::Rejected, [0, 0, 0, 10]);
        set(Fault::CancelAsked, [0, 0, 0, 10]);
        set(Fault::RolledBack, [0, 0, 5, 20]);
        let steps = rng.between(80, 640);
        Self { rates, steps }
    }

    /// Returns the rate of a fault.
    pub(crate) fn rate(&self, fault: Fault) -> u64 {
        self.rates.get(&fault).copied().unwrap_or(0)
    }
}

/// What is broken on purpose, to see that it is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Intents of dreams are acknowledged and not kept.
    Intents,
    /// The alias is written without a look at its version.
    Versions,
    /// Events are written over others.
    Fence,
    /// What runs write into stores is acknowledged and not kept.
    CarryOver,
    /// The backend promises to list dreams sooner than it does.
    Settling,
    /// The backend lists no versions of memories.
    Past,
    /// The backend does not tell that versions of memories were erased.
    Erasures,
}
