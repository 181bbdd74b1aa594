//! The worker: carries one dream from pending to its end, on a thread of its own.
//!
//! ```text
//! claim ─▶ start (output store = copy of the input) ─▶ read sessions ─▶ consolidate ─▶ complete
//!                                                        │ checkpoints
//! ```
//!
//! A dream asked for over HTTP stays pending and running for a while each, gets its output store a moment
//! after it has begun to run, and tells what it does in its worker session.
//!
//! Each arrow is one transaction, so a process that dies leaves a dream that the next worker continues
//! where the last checkpoint was. The output and its account appear together, in the last one. A mind that
//! panics fails its dream; a database that cannot be written stops the worker and leaves the dream as it is.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::dream::{DreamError, DreamStatus};
use crate::dreaming::{Consolidated, Mind, Reading};
use crate::ids::{DreamId, SessionId};
use crate::price::{TextKind, estimate_tokens};
use crate::snapshot::Snapshot;

use super::claim::Claim;
use super::dreams::DreamRecord;
use super::error::{Failure, LocalError};
use super::handle::Handle;
use super::landing::{Landed, land};
use super::served::{DreamFault, Pace, Served};
use super::sessions::Source;
use super::telling::{self, Written};
use super::{Shared, dreams, memories, stores};

/// A checkpoint is written after this many readings, or this long after the last, whichever is first. It
/// is also how soon a cancellation by another process is seen.
const CHECKPOINT_READINGS: usize = 8;
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(250);
/// The largest store a dream takes in: the API's own bound on a whole store (April 2026).
const INPUT_BYTES_LIMIT: u64 = 100 * 1024 * 1024;
/// How long a server waits before it goes on with a dream that it had to let go of.
const BEFORE_ANOTHER_TRY: Duration = Duration::from_secs(1);
/// The failures that come before there is an output store.
const WITHOUT_OUTPUT: [&str; 2] = ["memory_store_org_limit_exceeded", "input_memory_store_too_large"];
const TOLD_TO_FAIL: &str = "the server was told to let this dream fail";

/// Why a worker lets go of a dream before it is complete.
enum Halt {
    /// Somebody asked it to stop, or ended the dream.
    Stopped,
    /// The dream fails.
    Failed(DreamError),
    /// This process cannot go on; another may.
    Stuck(String),
}

impl From<LocalError> for Halt {
    fn from(error: LocalError) -> Self {
        Self::Stuck(error.in_full())
    }
}

fn failed(kind: &str, message: String) -> Halt {
    Halt::Failed(DreamError { kind: kind.to_owned(), message })
}

/// Works on a claimed dream until it has ended or the worker is stopped.
pub(super) fn work(shared: &Shared, handle: &Handle, id: &DreamId, claim: Claim) -> Result<(), String> {
    let worker = Worker { shared, handle, id, session: OnceLock::new() };
    let mut result = worker.run_to_an_end();
    // A run stops and is continued by its next process; a server has to go on by itself.
    while let (Err(Halt::Stuck(reason)), Some(_)) = (&result, shared.served.get()) {
        tracing::warn!(dream = %id, reason, "a dream cannot go on yet");
        if !handle.dwell(BEFORE_ANOTHER_TRY) {
            break;
        }
        result = worker.run_to_an_end();
    }
    let is_over = shared.database.read(|db| dreams::find(db, id)).is_ok_and(|dream| dream.status.is_final());
    if is_over {
        claim.retire();
    } else {
        drop(claim);
    }
    match result {
        Err(Halt::Stuck(reason)) => Err(reason),
        _ => Ok(()),
    }
}

struct Worker<'a> {
    shared: &'a Shared,
    handle: &'a Handle,
    id: &'a DreamId,
    /// The session that tells what the dream does, once it is known to have one.
    session: OnceLock<SessionId>,
}

impl Worker<'_> {
    /// Runs, and ends a dream that fails as one that has.
    fn run_to_an_end(&self) -> Result<(), Halt> {
        let result = catch_unwind(AssertUnwindSafe(|| self.run())).unwrap_or_else(|panic| {
            Err(failed("internal_error", format!("the dream's worker panicked: {}", words(&*panic))))
        });
        let result = match result {
            Err(Halt::Failed(error)) => self.end(DreamStatus::Failed, &error).map_err(Halt::from),
            other => other,
        };
        self.ring();
        result
    }

    fn run(&self) -> Result<(), Halt> {
        let record = self.shared.database.read(|db| dreams::record(db, self.id))?;
        let served = self.shared.served.get().filter(|_| record.is_served());
        let fault = served.and_then(|served| served.fault(self.id));
        let pace = served.map_or(Pace::NONE, Served::pace);
        let record = self.start(record, pace, fault.as_ref())?;
        let name = record.mind();
        let mind = self.shared.minds.mind(name).ok_or_else(|| {
            let reason = format!("this process has no mind named `{name}`, which dream `{}` needs", self.id);
            if record.is_served() { failed("internal_error", reason) } else { Halt::Stuck(reason) }
        })?;
        {
            let _turn = served.map(Served::turn);
            self.read_sessions(&*mind)?;
        }
        if let Some(DreamFault::Fail(kind)) = &fault {
            return Err(failed(kind, TOLD_TO_FAIL.to_owned()));
        }
        self.dwell(pace.running / 2)?;
        let _turn = served.map(Served::turn);
        let (input, readings) = self
            .shared
            .database
            .read(|db| Ok((dreams::input(db, self.id)?, dreams::readings(db, self.id)?)))?;
        let instructions = record.dream.instructions.as_deref();
        let made = catch_unwind(AssertUnwindSafe(|| mind.consolidate(&input, &readings, instructions)))
            .map_err(|panic| panicked(name, &*panic))?
            .map_err(|error| failed(error.kind, error.message))?;
        self.complete(&input, &made, fault.as_ref())
    }

    /// Stays in a state for a while, unless the worker is stopped.
    fn dwell(&self, time: Duration) -> Result<(), Halt> {
        if self.handle.dwell(time) { Ok(()) } else { Err(Halt::Stopped) }
    }

    /// Brings the dream to running, with an output store, if it is not there yet.
    fn start(
        &self,
        mut record: DreamRecord,
        pace: Pace,
        fault: Option<&DreamFault>,
    ) -> Result<DreamRecord, Halt> {
        if record.dream.status == DreamStatus::Pending {
            self.dwell(pace.pending)?;
        }
        if record.dream.output.is_none() {
            record = self.advance(record.is_served())?;
        }
        match fault {
            Some(DreamFault::Fail(kind)) if WITHOUT_OUTPUT.contains(&kind.as_str()) => {
                return Err(failed(kind, TOLD_TO_FAIL.to_owned()));
            }
            Some(DreamFault::NoOutput) => return Ok(record),
            _ => {}
        }
        if record.dream.output.is_none() {
            self.dwell(pace.running / 2)?;
            record = self.advance(false)?;
        }
        self.heard(&record);
        Ok(record)
    }

    /// Moves a pending dream to running. Gives a running one its output store, unless that `can_wait`.
    fn advance(&self, can_wait: bool) -> Result<DreamRecord, Halt> {
        let now = self.shared.now();
        let (record, is_too_large) = self.shared.database.write(|db| {
            let mut record = dreams::record(db, self.id)?;
            if record.dream.status == DreamStatus::Pending {
                if dreams::input_bytes(db, self.id)? > INPUT_BYTES_LIMIT {
                    return Ok((record, true));
                }
                let name = stores::find(db, &record.dream.store)?.name;
                let session =
                    if record.is_served() { Some(telling::begin(db, &record, &name, now)?) } else { None };
                dreams::start(db, self.id, session.as_ref())?;
                record.dream.status = DreamStatus::Running;
            }
            let has_output = record.dream.output.is_some();
            if !has_output && !can_wait && record.dream.status == DreamStatus::Running {
                dreams::give_output(db, &record, now)?;
            }
            Ok((dreams::record(db, self.id)?, false))
        })?;
        if is_too_large {
            let rule = format!("the input store is larger than {INPUT_BYTES_LIMIT} bytes");
            return Err(failed("input_memory_store_too_large", rule));
        }
        if record.dream.status.is_final() {
            return Err(Halt::Stopped);
        }
        self.heard(&record);
        self.handle.beat();
        self.ring();
        Ok(record)
    }

    fn heard(&self, record: &DreamRecord) {
        if let Some(session) = &record.session {
            // Said again by every later look.
            let _ = self.session.set(session.clone());
        }
    }

    /// Wakes those who listen to the worker session.
    fn ring(&self) {
        if let Some(session) = self.session.get() {
            self.shared.bells.ring(session);
        }
    }

    /// Reads what has not been read, several files at a time, keeping readings as they come.
    fn read_sessions(&self, mind: &dyn Mind) -> Result<(), Halt> {
        let sources: Vec<(Source, Vec<SessionId>)> =
            self.shared.database.read(|db| dreams::unread(db, self.id))?.into_iter().collect();
        let threads = thread::available_parallelism().map_or(1, usize::from).min(sources.len());
        if threads == 0 {
            return Ok(());
        }
        let halt = AtomicBool::new(false);
        let next = AtomicUsize::new(0);
        let (sender, receiver) = sync_channel(CHECKPOINT_READINGS);
        thread::scope(|scope| {
            for _ in 0..threads {
                let sender = sender.clone();
                let (sources, next, halt) = (&sources, &next, &halt);
                scope.spawn(move || {
                    while let Some((source, sessions)) = sources.get(next.fetch_add(1, Ordering::Relaxed)) {
                        self.read_source(mind, source, sessions, halt, &sender);
                    }
                });
            }
            drop(sender);
            self.collect(&receiver, &halt)
        })
    }

    fn read_source(
        &self,
        mind: &dyn Mind,
        source: &Source,
        sessions: &[SessionId],
        halt: &AtomicBool,
        sender: &SyncSender<Result<Reading, DreamError>>,
    ) {
        let is_halted = || halt.load(Ordering::Relaxed) || self.handle.is_stopped();
        let unavailable = |session: &SessionId, reason: String| DreamError {
            kind: "input_session_unavailable".to_owned(),
            message: match source {
                Source::File(part) => {
                    format!("session `{session}` in `{}` is no longer there: {reason}", part.file)
                }
                Source::Recorded { .. } => format!("session `{session}` is no longer there: {reason}"),
            },
        };
        if is_halted() {
            return;
        }
        let read = catch_unwind(AssertUnwindSafe(|| self.shared.transcripts(source)));
        let transcripts: Result<BTreeMap<_, _>, _> = match read {
            Ok(Ok(transcripts)) => Ok(transcripts.into_iter().map(|t| (t.session.clone(), t)).collect()),
            Ok(Err(reason)) => Err(reason),
            Err(panic) => Err(format!("its reader panicked: {}", words(&*panic))),
        };
        for session in sessions {
            if is_halted() {
                return;
            }
            let reading = match &transcripts {
                Err(reason) => Err(unavailable(session, reason.clone())),
                Ok(transcripts) => match transcripts.get(session) {
                    None => Err(unavailable(session, "the file does not hold it".to_owned())),
                    Some(transcript) => catch_unwind(AssertUnwindSafe(|| mind.read(transcript)))
                        .map(|reading| Reading { session: session.clone(), ..reading })
                        .map_err(|panic| DreamError {
                            kind: "internal_error".to_owned(),
                            message: format!("the mind panicked on `{session}`: {}", words(&*panic)),
                        }),
                },
            };
            // The receiver listens until every sender is gone.
            let _ = sender.send(reading);
        }
    }

    /// Keeps readings until no reader is left. After the first problem the others are asked to stop, and
    /// what they still deliver is kept all the same: it has been paid for.
    fn collect(
        &self,
        receiver: &Receiver<Result<Reading, DreamError>>,
        halt: &AtomicBool,
    ) -> Result<(), Halt> {
        let mut waiting: Vec<Reading> = Vec::new();
        let mut problem = None;
        let mut due = Instant::now() + CHECKPOINT_INTERVAL;
        loop {
            let received = receiver.recv_timeout(due.saturating_duration_since(Instant::now()));
            let is_last = received == Err(RecvTimeoutError::Disconnected);
            match received {
                Ok(Ok(reading)) => waiting.push(reading),
                Ok(Err(error)) => {
                    problem.get_or_insert(Halt::Failed(error));
                }
                Err(_) => {}
            }
            if waiting.len() >= CHECKPOINT_READINGS || is_last || Instant::now() >= due {
                match self.checkpoint(&waiting) {
                    Ok(()) => {}
                    Err(other @ Halt::Stuck(_)) => problem = Some(other),
                    Err(other) => {
                        problem.get_or_insert(other);
                    }
                }
                waiting.clear();
                due = Instant::now() + CHECKPOINT_INTERVAL;
            }
            if problem.is_some() {
                halt.store(true, Ordering::Relaxed);
            }
            if is_last {
                return problem.map_or(Ok(()), Err);
            }
        }
    }

    fn checkpoint(&self, readings: &[Reading]) -> Result<(), Halt> {
        let is_running = if readings.is_empty() {
            self.shared.database.read(|db| dreams::find(db, self.id))?.status == DreamStatus::Running
        } else {
            let now = self.shared.now();
            let is_running = self.shared.database.write(|db| {
                let is_running = dreams::checkpoint(db, self.id, readings)?;
                if is_running {
                    telling::read(db, &dreams::record(db, self.id)?, readings, now)?;
                }
                Ok(is_running)
            })?;
            self.handle.beat();
            self.ring();
            is_running
        };
        if is_running { Ok(()) } else { Err(Halt::Stopped) }
    }

    /// Writes the output store, the account of it, and the end, all at once.
    fn complete(
        &self,
        input: &Snapshot,
        made: &Consolidated,
        fault: Option<&DreamFault>,
    ) -> Result<(), Halt> {
        let now = self.shared.now();
        let result = self.shared.database.write(|db| {
            let record = dreams::record(db, self.id)?;
            if record.dream.status.is_final() {
                return Ok(false);
            }
            if fault == Some(&DreamFault::NoOutput) {
                dreams::complete(db, self.id, &[], 0, now)?;
                return Ok(true);
            }
            let output = record.dream.output.as_ref().ok_or_else(|| {
                Failure::refused(crate::backend::Refusal::Internal, "a running dream has no output store")
            })?;
            // A new store is open to agents as well, as soon as the dream runs.
            let before = memories::snapshot(db, output)?;
            let Landed { store: after, kept } = land(input, made, &before);
            let bytes = memories::replace(db, output, &before, &after, &record.mark(now))?;
            let tokens = estimate_tokens(bytes, TextKind::Prose);
            let name = stores::find(db, output)?.name;
            let written =
                Written { before: &before, after: &after, changes: &made.changes, kept: &kept, tokens };
            telling::write(db, &record, &name, &written, now)?;
            dreams::complete(db, self.id, &made.changes, tokens, now)?;
            if fault == Some(&DreamFault::Vanish) && !record.updates_existing {
                stores::remove(db, output)?;
            }
            Ok(true)
        });
        match result {
            Ok(true) => Ok(()),
            Ok(false) => Err(Halt::Stopped),
            // The output store is gone, or the mind broke a rule of the store.
            Err(error @ (LocalError::Refused { .. } | LocalError::PathTaken { .. })) => {
                Err(failed("internal_error", format!("the output could not be written: {error}")))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn end(&self, status: DreamStatus, error: &DreamError) -> Result<(), LocalError> {
        let now = self.shared.now();
        self.shared.database.write(|db| dreams::end(db, self.id, status, Some(error), now))
    }
}

fn panicked(model: &str, panic: &(dyn Any + Send)) -> Halt {
    failed("internal_error", format!("the mind `{model}` panicked: {}", words(panic)))
}

/// Returns what a panic said, if that is fixed text. A message that was put together can hold memory
/// text, which slicing a string in the middle of a character does, and a dream's error goes into journals.
fn words(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().unwrap_or("its message may hold memory text and is not kept")
}
