//! Exit codes, and the errors that choose them.

use std::fmt;

use crate::archive::ArchiveError;
use crate::backend::{BackendError, Refusal};
use crate::ids::{DeploymentId, DreamId};
use crate::journal::JournalError;
use crate::plan::{FromDreamError, PlanError};
use crate::run::RunError;
use crate::spec::problem::Problem;
use crate::state::StateError;

/// Every way a command can end. The numbers are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitCode {
    /// Fine; also: nothing was due.
    Fine = 0,
    /// Something nobody expected.
    Unexpected = 1,
    /// The command line is wrong.
    Usage = 2,
    /// Files are invalid.
    InvalidFiles = 3,
    /// The key may not do this.
    NotAuthorised = 4,
    /// The backend failed or refused, or state on another machine gives no answer.
    RemoteFailed = 5,
    /// Another process or run holds the store.
    LockBusy = 6,
    /// The plan or approval is stale.
    Stale = 7,
    /// Over budget.
    OverBudget = 8,
    /// A paid call is in doubt and needs a person.
    InDoubt = 9,
    /// With `--fail-on pending`: something would be done.
    Pending = 10,
    /// With `--fail-on running`: a run is at work.
    Running = 11,
    /// With `--fail-on review`: a person has to look.
    AwaitingReview = 12,
    /// A gate blocks. On by default for `apply`.
    Blocked = 13,
    /// Reserved: a schedule was missed. Nothing says yet when a pipeline should have run.
    Overdue = 14,
    /// Interrupted.
    Interrupted = 130,
    /// Terminated.
    Terminated = 143,
}

impl ExitCode {
    /// Every code with its meaning, for help and documentation.
    pub const TABLE: &[(Self, &str)] = &[
        (Self::Fine, "fine, or nothing was due"),
        (Self::Unexpected, "unexpected"),
        (Self::Usage, "usage"),
        (Self::InvalidFiles, "invalid files"),
        (Self::NotAuthorised, "not authorised"),
        (Self::RemoteFailed, "the backend, a dream, or state on another machine failed"),
        (Self::LockBusy, "another process or run holds the store"),
        (Self::Stale, "stale plan or approval"),
        (Self::OverBudget, "over budget"),
        (Self::InDoubt, "a paid call is in doubt and needs a person"),
        (Self::Pending, "with --fail-on pending: something would be done"),
        (Self::Running, "with --fail-on running: a run is at work"),
        (Self::AwaitingReview, "with --fail-on review: a person has to look"),
        (Self::Blocked, "blocked by a gate (on by default for apply)"),
        (Self::Overdue, "reserved: a schedule was missed"),
        (Self::Interrupted, "interrupted (Ctrl-C)"),
        (Self::Terminated, "terminated"),
    ];

    /// Returns the number the process ends with.
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub struct CliError {
    /// Picks the exit code.
    pub code: ExitCode,
    /// What failed: a fragment without a full stop.
    pub message: String,
    /// Why, from the outside in.
    pub causes: Vec<String>,
    /// What to do: full sentences or commands.
    pub hints: Vec<String>,
    /// Problems in files, if that is what it is about.
    pub problems: Vec<Problem>,
    /// What was done all the same, for programs.
    pub data: Box<serde_json::Value>,
}

impl CliError {
    /// Makes an error.
    pub fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
            problems: Vec::new(),
            data: Box::default(),
        }
    }

    /// Makes an error about the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// Makes an error about files.
    pub fn invalid(problems: Vec<Problem>) -> Self {
        let errors = problems.iter().filter(|p| p.severity() == crate::spec::codes::Severity::Error).count();
        let message = match errors {
            1 => "1 problem in the project's files".to_owned(),
            n => format!("{n} problems in the project's files"),
        };
        Self { problems, ..Self::new(ExitCode::InvalidFiles, message) }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub(super) fn caused(code: ExitCode, error: &dyn std::error::Error) -> Self {
        let mut cli = Self::new(code, error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            cli.causes.push(cause.to_string());
            source = cause.source();
        }
        cli
    }

    /// Makes an error of a failed file operation.
    pub fn io(action: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        let mut cli = Self::new(ExitCode::Unexpected, format!("could not {action} `{}`", path.display()));
        cli.causes.push(error.to_string());
        cli
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<StateError> for CliError {
    fn from(error: StateError) -> Self {
        match &error {
            StateError::Conflict { .. } => Self::caused(ExitCode::LockBusy, &error)
                .hint("Another process works here; run the command again to see where it stands."),
            StateError::LeaseLost { .. } => Self::caused(ExitCode::LockBusy, &error)
                .hint("It goes on there; run the command again to see where it stands."),
            StateError::LeaseStale { .. } => Self::caused(ExitCode::RemoteFailed, &error)
                .hint("Run the command again: it reads what is there and goes on from it."),
            StateError::Unreachable { .. } => Self::caused(ExitCode::RemoteFailed, &error).hint(
                "Nothing was done without a journal entry. Check the address and the network, then run the command \
                 again.",
            ),
            StateError::Missing { remedy, .. } => Self::caused(ExitCode::Usage, &error).hint(*remedy),
            StateError::Unavailable { .. } => Self::caused(ExitCode::Unexpected, &error).hint(
                "Nothing was done without a journal entry. Once state can be read and written, run the command again.",
            ),
            StateError::InDoubt { .. } => Self::caused(ExitCode::RemoteFailed, &error).hint(
                "Once state can be reached, run the command again: it reads what is there before it does anything.",
            ),
            StateError::Damaged { .. } => Self::caused(ExitCode::Unexpected, &error)
                .hint("Restore state from a backup, or see what `dreamrun doctor` can rebuild; nothing was changed."),
            StateError::TooNew { reader: Some(reader), .. } => {
                let hint = format!("dreamrun {reader} or newer reads it; this is {}.", env!("CARGO_PKG_VERSION"));
                Self::caused(ExitCode::Unexpected, &error).hint(hint)
            }
            StateError::TooNew { .. } => Self::caused(ExitCode::Unexpected, &error)
                .hint("Use the dreamrun version that wrote it, or a newer one."),
            StateError::NewerWriter { .. } => Self::caused(ExitCode::Unexpected, &error).hint(
                "A newer dreamrun added to it what this version would drop. Use that version, or a newer one; \
                 reading works with this one too.",
            ),
        }
    }
}

impl From<JournalError> for CliError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::State(error) => error.into(),
            JournalError::NewerWriter { .. } => Self::caused(ExitCode::Unexpected, &error)
                .hint("Use the dreamrun version that wrote it, or a newer one, to continue this run."),
            JournalError::Illegal { .. } | JournalError::Gap { .. } => Self::caused(
                ExitCode::Unexpected,
                &error,
            )
            .hint(
                "The state was changed by something other than dreamrun; restore it from a backup. Without \
                         one, move it away: `dreamrun doctor --fix` rebuilds what stores and dreams tell.",
            ),
        }
    }
}

impl From<BackendError> for CliError {
    fn from(error: BackendError) -> Self {
        match &error {
            BackendError::NotSent { .. } => Self::caused(ExitCode::RemoteFailed, &error).hint(
                "Nothing was sent. Check the backend's address and the network, then run the command again.",
            ),
            BackendError::Refused { kind: Refusal::NotAuthorised, .. } => {
                Self::caused(ExitCode::NotAuthorised, &error)
            }
            BackendError::Refused { .. } => Self::caused(ExitCode::RemoteFailed, &error),
            BackendError::Unanswered { .. } => Self::caused(ExitCode::RemoteFailed, &error).hint(
                "Run `dreamrun apply` again: it looks for what may have been done before doing anything.",
            ),
        }
    }
}

impl From<PlanError> for CliError {
    fn from(error: PlanError) -> Self {
        match &error {
            PlanError::Instructions { .. } => Self::caused(ExitCode::InvalidFiles, &error),
            PlanError::UnknownAgent { .. } => Self::caused(ExitCode::InvalidFiles, &error)
                .hint("Name the agent by its id, or have `claude-lock.json` name the file."),
            PlanError::UnknownPrice { .. } => Self::caused(ExitCode::OverBudget, &error)
                .hint("Say under `prices` in dreamrun.yaml what it costs, use another model, or remove `budget.max_usd`."),
        }
    }
}

impl From<FromDreamError> for CliError {
    fn from(error: FromDreamError) -> Self {
        match &error {
            FromDreamError::Ended { .. } | FromDreamError::NoOutput { .. } => {
                Self::caused(ExitCode::RemoteFailed, &error).hint("There is nothing to adopt.")
            }
            FromDreamError::OtherStore { .. } => Self::caused(ExitCode::Usage, &error).hint(
                "Name a pipeline whose store it read; what it wrote cannot be compared with another one.",
            ),
            FromDreamError::InPlace { store, .. } => {
                let hint =
                    format!("Its changes are live already: versions of `{store}` are kept for 30 days.");
                Self::caused(ExitCode::Usage, &error).hint(hint)
            }
            FromDreamError::Known { run, .. } => {
                let hint = format!("See `dreamrun show {run}`.");
                Self::caused(ExitCode::Stale, &error).hint(hint)
            }
        }
    }
}

impl From<ArchiveError> for CliError {
    fn from(error: ArchiveError) -> Self {
        Self::caused(ExitCode::Unexpected, &error)
            .hint("It is `ledger.archive` in dreamrun.yaml; nothing is adopted whose past could not be kept.")
    }
}

impl From<RunError> for CliError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Journal(error) => error.into(),
            RunError::State(error) => error.into(),
            RunError::Backend(error) => error.into(),
            RunError::Busy { ref run, .. } => {
                let hint = format!("See `dreamrun show {run}`.");
                Self::caused(ExitCode::LockBusy, &error).hint(hint)
            }
            RunError::InDoubt { ref dreams, ref run, .. } => {
                let hint = format!(
                    "One of {} belongs to this run. Look at them, cancel the others, then run `dreamrun apply` again; \
                     or give the run up with `dreamrun cancel {run}`.",
                    dreams.iter().map(|d| format!("`{d}`")).collect::<Vec<_>>().join(", ")
                );
                Self::caused(ExitCode::InDoubt, &error).hint(hint)
            }
            RunError::Near { ref dreams, ref run, .. } => {
                let hint = format!(
                    "{} read the same store and sessions, with another model or other instructions. If none was \
                     asked for by this run, cancel them and run `dreamrun apply` again. If one was, give the run \
                     up with `dreamrun cancel {run}` and take it in with `dreamrun apply {} --from-dream {}`.",
                    dreams.iter().map(|d| format!("`{d}`")).collect::<Vec<_>>().join(", "),
                    run.pipeline(),
                    dreams.first().map_or("DREAM", DreamId::as_str),
                );
                Self::caused(ExitCode::InDoubt, &error).hint(hint)
            }
            RunError::SessionInDoubt { ref sessions, ref run } => {
                let hint = format!(
                    "One of {} belongs to this run. Look at them, delete or archive the others, then run \
                     `dreamrun apply` again; or leave it at what is adopted with `dreamrun cancel {run}`.",
                    sessions.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")
                );
                Self::caused(ExitCode::InDoubt, &error).hint(hint)
            }
            RunError::NotPatched { ref patched, ref left, ref source, .. } => {
                let code = match source {
                    BackendError::Refused { kind: Refusal::NotAuthorised, .. } => ExitCode::NotAuthorised,
                    _ => ExitCode::RemoteFailed,
                };
                let named = |ids: &[DeploymentId]| {
                    let ids: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
                    if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
                };
                Self::caused(code, &error)
                    .hint(format!("Patched: {}. Not patched: {}.", named(patched), named(left)))
                    .hint("Mend the deployment, then run the same command again: it patches what is left.")
            }
            RunError::NoProgress { .. } => Self::caused(ExitCode::Unexpected, &error)
                .hint("Nothing is lost. This is a fault in dreamrun: please report it with `dreamrun show RUN --json`."),
            RunError::NoJournal { .. } => Self::caused(ExitCode::Unexpected, &error).hint(
                "Restore the state file from a backup, or bring the entries back by hand: the server keeps the \
                 versions of a memory for 30 days.",
            ),
            RunError::UnknownAgent { .. } => Self::caused(ExitCode::InvalidFiles, &error)
                .hint("Name the agent by its id, or have `claude-lock.json` name the file."),
            RunError::TakenDream { ref run, .. } => {
                let hint = format!("See `dreamrun show {run}`.");
                Self::caused(ExitCode::Stale, &error).hint(hint)
            }
            RunError::Stale { .. } => Self::caused(ExitCode::Stale, &error)
                .hint("Run `dreamrun plan` to see what it would be now, then `dreamrun apply` again."),
            RunError::ChangedInstructions { ref run, .. } => {
                let hint = format!(
                    "Restore the file to continue `{run}`, or give it up with `dreamrun cancel {run}` and apply again."
                );
                Self::caused(ExitCode::Stale, &error).hint(hint)
            }
            RunError::TextGone(_) => Self::caused(ExitCode::RemoteFailed, &error)
                .hint("Give the run up with `dreamrun cancel`; nothing of it is live."),
            RunError::Archive(error) => error.into(),
            RunError::Folder { .. } => Self::caused(ExitCode::Unexpected, &error)
                .hint("The alias has not moved. Mend the folder, then run `dreamrun apply` again."),
        }
    }
}
