//! Everything that acting on runs takes, opened once for a command.

use std::sync::Arc;

use crate::archive::Archive;
use crate::backend::Backend;
use crate::ids::{Alias, DreamId, RunId};
use crate::journal::Journal;
use crate::journal::event::JournalEvent;
use crate::journal::run_state::Phase;
use crate::run::observer::Observer;
use crate::spec::project::BackendSpec;
use crate::state::driver::{Acquired, DriverLock};
use crate::state::{StateStore, alias};

use super::Call;
use super::exit::{CliError, ExitCode};
use super::gather::Asked;
use super::opened::Opened;
use super::signals::Signals;
use super::watcher::Watcher;
use super::workspace::Workspace;

/// Everything that acting on runs takes.
pub(super) struct Desk<'a> {
    pub(super) call: &'a Call<'a>,
    pub(super) workspace: Workspace,
    pub(super) state: Arc<dyn StateStore>,
    pub(super) opened: Opened,
    pub(super) backend: Arc<dyn Backend>,
    pub(super) archive: Option<Archive>,
    pub(super) asked: Asked,
    /// The dream that the next run begins with, if one was named.
    pub(super) from_dream: Option<DreamId>,
    pub(super) watcher: Watcher<'a>,
    pub(super) signals: Signals,
}

impl<'a> Desk<'a> {
    /// Opens state and backend for writing. A backend that cannot be opened is said before anything is
    /// written.
    pub(super) fn open(call: &'a Call<'a>, workspace: Workspace) -> Result<Self, CliError> {
        let signals = call.parts.signals();
        // Of the two, only a server can be refused for what is missing, and only state is written to.
        let remote = match &workspace.project.backend {
            BackendSpec::Local { .. } => None,
            BackendSpec::ManagedAgents(_) => Some(workspace.backend(call, true)?),
        };
        let state = workspace.state(call)?;
        let opened = match remote {
            Some(remote) => remote,
            None => workspace.backend(call, true)?,
        };
        let backend = opened.backend.clone();
        let watcher = Watcher::new(call)?;
        let archive = workspace.archive();
        let asked = Asked::default();
        Ok(Self {
            call,
            workspace,
            state,
            opened,
            backend,
            archive,
            asked,
            from_dream: None,
            watcher,
            signals,
        })
    }

    /// Opens the project for a command on a run that exists.
    pub(super) fn of_runs(call: &'a Call<'a>) -> Result<Self, CliError> {
        let workspace = Workspace::open_project(call)?;
        if workspace.state_read_only()?.is_none() {
            return Err(CliError::usage("there are no runs yet").hint("Start one with `dreamrun apply`."));
        }
        Self::open(call, workspace)
    }

    /// Asks for the right to drive an alias, which must be one of this backend's. Where a run holds it, the
    /// server is asked whose it is before anything is carried on, settled or given up.
    pub(super) async fn lock(&self, alias: &Alias) -> Result<Acquired, CliError> {
        if let Some((record, _)) = alias::read(self.state.as_ref(), alias).await? {
            match record.claim {
                Some(_) => self.opened.ask_origin(alias, &record).await?,
                None => self.opened.check_origin(alias, &record)?,
            }
        }
        let folder = self.workspace.lock_folder();
        let now = self.call.parts.clock().now();
        DriverLock::acquire(&folder, alias, now).map_err(|error| CliError::io("lock", &folder, &error))
    }

    /// Records an event and tells the watcher.
    pub(super) async fn record(&self, journal: &mut Journal, event: JournalEvent) -> Result<(), CliError> {
        let now = self.call.parts.clock().now();
        let recorded = journal.append(self.state.as_ref(), now, event).await?;
        self.watcher.recorded(journal.run(), &recorded);
        Ok(())
    }

    /// Returns the error of an alias that another run holds, with what helps.
    pub(super) async fn held(&self, alias: &Alias, run: &RunId) -> Result<CliError, CliError> {
        let journal = Journal::open(self.state.as_ref(), run).await?;
        let error = CliError::new(ExitCode::LockBusy, format!("`{alias}` is held by run `{run}`"));
        Ok(match journal.map(|journal| journal.state().phase.clone()) {
            Some(Phase::AwaitingReview(_) | Phase::Blocked(_)) => error.hint(format!(
                "It waits for a person: look at `dreamrun diff {run}`, then `dreamrun approve {run}` or \
                 `dreamrun reject {run}`."
            )),
            _ => {
                error.hint(format!("See `dreamrun show {run}`, or give it up with `dreamrun cancel {run}`."))
            }
        })
    }
}
