//! The worker: carries one dream from pending to its end, on a thread of its own.
//!
//! ```text
//! claim ─▶ start (output store = copy of the input) ─▶ read sessions ─▶ consolidate ─▶ complete
//!                                                        │ checkpoints
//! ```
//!
//! Each arrow is one transaction, so a process that dies leaves a dream that the next worker continues
//! where the last checkpoint was. The output and its account appear together, in the last one. A mind that
//! panics fails its dream; a database that cannot be written stops the worker and leaves the dream as it is.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::dream::{DreamError, DreamStatus};
use crate::dreaming::{Consolidated, Mind, Reading};
use crate::ids::{DreamId, SessionId};
use crate::price::{TextKind, estimate_tokens};

use super::claim::Claim;
use super::error::{Failure, LocalError};
use super::sessions::{Source, read_part};
use super::versions::Mark;
use super::{Shared, dreams, memories, recorded, stores};

/// A checkpoint is written after this many readings, or this long after the last, whichever is first. It
/// is also how soon a cancellation by another process is seen.
const CHECKPOINT_READINGS: usize = 8;
const CHECKPOINT_INTERVAL: Duration = Duration::from_millis(250);
/// The largest store a dream takes in: the API's own bound on a whole store (April 2026).
const INPUT_BYTES_LIMIT: u64 = 100 * 1024 * 1024;

/// What the rest of the process knows of a worker.
#[derive(Debug)]
pub(super) struct Handle {
    stop: AtomicBool,
    pulse: watch::Sender<Pulse>,
}

/// Changes whenever a dream's row has.
#[derive(Debug, Clone, Default)]
pub(super) struct Pulse {
    beats: u64,
    /// Whether the worker has let go of the dream, and why, if it had to.
    pub(super) over: Option<Result<(), String>>,
}

impl Handle {
    pub(super) fn new() -> Self {
        Self { stop: AtomicBool::new(false), pulse: watch::Sender::new(Pulse::default()) }
    }

    /// Asks the worker to stop at its next checkpoint.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Listens for changes from now on.
    pub(super) fn listen(&self) -> watch::Receiver<Pulse> {
        self.pulse.subscribe()
    }

    /// Tells whoever listens that the dream's row has changed.
    pub(super) fn beat(&self) {
        self.pulse.send_modify(|pulse| pulse.beats += 1);
    }

    /// Tells whoever listens that the worker has let go of the dream. The end of a dream is told this way
    /// alone, so that a process which leaves on hearing it has tidied up.
    pub(super) fn over(&self, how: Result<(), String>) {
        self.pulse.send_modify(|pulse| pulse.over = Some(how));
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

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
    let worker = Worker { shared, handle, id };
    let result = catch_unwind(AssertUnwindSafe(|| worker.run())).unwrap_or_else(|panic| {
        Err(failed("internal_error", format!("the dream's worker panicked: {}", words(&*panic))))
    });
    let result = match result {
        Err(Halt::Failed(error)) => worker.end(DreamStatus::Failed, &error).map_err(Halt::from),
        other => other,
    };
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
}

impl Worker<'_> {
    fn run(&self) -> Result<(), Halt> {
        let (model, instructions) = self.start()?;
        let mind = self.shared.minds.mind(&model).ok_or_else(|| {
            Halt::Stuck(format!("this process has no mind named `{model}`, which dream `{}` needs", self.id))
        })?;
        self.read_sessions(&*mind)?;
        if self.handle.is_stopped() {
            return Err(Halt::Stopped);
        }
        let (input, readings) = self
            .shared
            .database
            .read(|db| Ok((dreams::input(db, self.id)?, dreams::readings(db, self.id)?)))?;
        let made =
            catch_unwind(AssertUnwindSafe(|| mind.consolidate(&input, &readings, instructions.as_deref())))
                .map_err(|panic| panicked(&model, &*panic))?
                .map_err(|error| failed(error.kind, error.message))?;
        self.complete(&made)
    }

    /// Brings the dream to running, if it is not, and returns its model and instructions.
    fn start(&self) -> Result<(String, Option<String>), Halt> {
        let now = self.shared.now();
        let (dream, is_too_large) = self.shared.database.write(|db| {
            let dream = dreams::find(db, self.id)?;
            if dream.status != DreamStatus::Pending {
                return Ok((dream, false));
            }
            if dreams::input_bytes(db, self.id)? > INPUT_BYTES_LIMIT {
                return Ok((dream, true));
            }
            let name = stores::find(db, &dream.store)?.name;
            dreams::start(db, self.id, &name, now)?;
            Ok((dream, false))
        })?;
        if is_too_large {
            let rule = format!("the input store is larger than {INPUT_BYTES_LIMIT} bytes");
            return Err(failed("input_memory_store_too_large", rule));
        }
        if dream.status.is_final() {
            return Err(Halt::Stopped);
        }
        self.handle.beat();
        Ok((dream.model, dream.instructions))
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
        let read = catch_unwind(AssertUnwindSafe(|| match source {
            Source::File(part) => read_part(&self.shared.reach, part),
            Source::Recorded { session, events } => {
                recorded::transcript_of(&self.shared.database, session, *events)
                    .unwrap_or_else(|error| Err(error.in_full()))
                    .map(|transcript| vec![transcript])
            }
        }));
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
            let is_running = self.shared.database.write(|db| dreams::checkpoint(db, self.id, readings))?;
            self.handle.beat();
            is_running
        };
        if is_running { Ok(()) } else { Err(Halt::Stopped) }
    }

    /// Writes the output store, the account of it, and the end, all at once.
    fn complete(&self, made: &Consolidated) -> Result<(), Halt> {
        let now = self.shared.now();
        let result = self.shared.database.write(|db| {
            let dream = dreams::find(db, self.id)?;
            if dream.status.is_final() {
                return Ok(false);
            }
            let output = dream.output.ok_or_else(|| {
                Failure::refused(crate::backend::Refusal::Internal, "a running dream has no output store")
            })?;
            // Compared with what is there, not with the input: somebody may have written to the output.
            let before = memories::snapshot(db, &output)?;
            let bytes = memories::replace(db, &output, &before, &made.store, &Mark::unsigned(now))?;
            let tokens = estimate_tokens(bytes, TextKind::Prose);
            dreams::complete(db, self.id, &made.changes, tokens, now)?;
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

/// The workers of this process, by dream.
pub(super) type Workers = BTreeMap<DreamId, Arc<Handle>>;
