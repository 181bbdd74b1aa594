//! Everything that acting on runs takes, opened once for a command.

use std::sync::Arc;

use crate::archive::Archive;
use crate::backend::Backend;
use crate::ids::{Alias, DreamId};
use crate::journal::Journal;
use crate::journal::event::JournalEvent;
use crate::run::observer::Observer;
use crate::run::past::Past;
use crate::spec::project::BackendSpec;
use crate::state::driver::{Acquired, DriverLock};
use crate::state::keeper::{Keeper, Tenant};
use crate::state::{StateStore, alias};

use super::Call;
use super::exit::CliError;
use super::gather::Asked;
use super::machine;
use super::opened::Opened;
use super::saved_plan::Saved;
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
    /// The saved plan that is carried out, if one was named.
    pub(super) saved: Option<Saved>,
    pub(super) watcher: Watcher<'a>,
    pub(super) signals: Signals,
}

impl<'a> Desk<'a> {
    /// Opens state and backend for writing. A backend that cannot be opened is said before anything is
    /// written.
    pub(super) async fn open(call: &'a Call<'a>, workspace: Workspace) -> Result<Self, CliError> {
        let signals = call.parts.signals();
        // Of the two, only a server can be refused for what is missing, and only state is written to.
        let remote = match &workspace.project.backend {
            BackendSpec::Local { .. } => None,
            BackendSpec::ManagedAgents(_) => Some(workspace.backend(call, true)?),
        };
        let state = workspace.state(call).await?;
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
            saved: None,
            watcher,
            signals,
        })
    }

    /// Opens the project for a command on a run that exists.
    pub(super) async fn of_runs(call: &'a Call<'a>) -> Result<Self, CliError> {
        let workspace = Workspace::open_project(call)?;
        if workspace.state_read_only(call).await?.is_none() {
            return Err(CliError::usage("there are no runs yet").hint("Start one with `dreamrun apply`."));
        }
        Self::open(call, workspace).await
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
        self.lock_file(alias)
    }

    /// Asks for the right to drive an alias, whatever state says of it.
    pub(super) fn lock_file(&self, alias: &Alias) -> Result<Acquired, CliError> {
        let folder = self.workspace.lock_folder(self.call);
        let now = self.call.parts.clock().now();
        DriverLock::acquire(&folder, alias, now).map_err(|error| CliError::io("lock", &folder, &error))
    }

    /// Returns where texts of the past may be.
    pub(super) fn past(&self) -> Past<'_> {
        Past { backend: self.backend.as_ref(), archive: self.archive.as_ref() }
    }

    /// Records an event and tells the watcher.
    pub(super) async fn record(&self, journal: &mut Journal, event: JournalEvent) -> Result<(), CliError> {
        let now = self.call.parts.clock().now();
        let recorded = journal.append(self.state.as_ref(), now, event).await?;
        self.watcher.recorded(journal.run(), &recorded);
        Ok(())
    }

    /// Makes the keeper of an alias's lease, to be used for as long as `lock` is held. Without the lock it can
    /// take over from no dead process of this machine before its lease has run out.
    pub(super) fn keeper(&self, alias: &Alias, lock: Option<&DriverLock>) -> Keeper {
        let tenant = Tenant {
            who: machine::who(self.call),
            domain: lock.map(|lock| lock.domain().to_owned()),
            time: self.call.parts.lease_time(),
            monotonic: self.call.parts.monotonic(),
            clock: self.call.parts.clock(),
        };
        Keeper::new(alias.clone(), tenant)
    }
}
