//! Watching a run that another process drives, or nobody: `show --follow`. Writes nothing.

use crate::dream::Dream;
use crate::ids::DreamId;
use crate::journal::{self, Journal};
use crate::run::LOOK_EVERY;
use crate::run::next::{Next, next};
use crate::run::observer::Observer;
use crate::state::driver::DriverLock;
use crate::state::lease::Watch;
use crate::state::{StateStore, alias};

use super::Call;
use super::exit::{CliError, ExitCode};
use super::opened::Opened;
use super::signals::Signals;
use super::watcher::Watcher;
use super::workspace::Workspace;

/// Tells what becomes of a run until it stops, or until its dream has ended and nobody drives it on.
pub(super) async fn watch(
    call: &Call<'_>,
    workspace: &Workspace,
    state: &dyn StateStore,
    journal: Journal,
) -> Result<Journal, CliError> {
    let run = journal.run().clone();
    let alias = journal.state().plan.alias();
    let opened = workspace.backend(call, false)?;
    if let Some((record, _)) = alias::read(state, &alias).await? {
        opened.check_origin(&alias, &record)?;
    }
    let watcher = Watcher::new(call)?.telling_deeds();
    let signals = call.parts.signals();
    let folder = workspace.lock_folder(call);
    let gone = || CliError::usage(format!("there is no run `{run}`"));
    let mut told = 0;
    let mut ended: Option<DreamId> = None;
    let (mut seen, monotonic) = (Watch::default(), call.parts.monotonic());
    loop {
        // Asked before the journal is read: what a process wrote before it let go is then seen.
        let lease = alias::read(state, &alias).await?.and_then(|(record, _)| record.lease);
        let lives = lease.is_some_and(|lease| !seen.look(&lease, monotonic.elapsed()).is_zero());
        let is_driven = lives || DriverLock::holder(&folder, &alias).is_some();
        let journal = Journal::open(state, &run).await?.ok_or_else(gone)?;
        for recorded in journal::read(state, &run).await?.into_iter().skip(told) {
            told += 1;
            watcher.recorded(&run, &recorded);
        }
        match next(&journal.state().plan, journal.state()) {
            Next::Stop(_) => return Ok(journal),
            Next::Await { dream, .. } if ended.as_ref() != Some(&dream) => {
                if !is_driven && opened.local.is_some() {
                    say_undriven(call, &journal);
                    return Ok(journal);
                }
                to_its_end(&opened, &watcher, &signals, &journal, &dream).await?;
                ended = Some(dream);
            }
            _ if !is_driven => {
                say_undriven(call, &journal);
                return Ok(journal);
            }
            _ => pause(&signals).await?,
        }
    }
}

fn say_undriven(call: &Call<'_>, journal: &Journal) {
    let pipeline = journal.run().pipeline();
    let note = call.console.paint.warn("note:");
    call.console.say(&format!("{note} nobody drives the run; `dreamrun apply {pipeline}` continues it\n\n"));
}

/// Follows one dream to its end.
async fn to_its_end(
    opened: &Opened,
    watcher: &Watcher<'_>,
    signals: &Signals,
    journal: &Journal,
    id: &DreamId,
) -> Result<(), CliError> {
    let backend = opened.backend.as_ref();
    let mut told = 0;
    let mut tell = |dream: &Dream| {
        let activities = backend.activity(id, told);
        told += activities.len();
        watcher.acted(journal.run(), dream, &activities);
    };
    let mut dream = backend.dream(id).await?;
    while !dream.status.is_final() {
        tell(&dream);
        watcher.progressed(journal.run(), &dream);
        let mut interrupt = signals.interrupt();
        let changed = async {
            if opened.local.is_none() {
                return backend.next_change(&dream).await;
            }
            // The process that works on it writes its progress down; this one only reads.
            tokio::time::sleep(LOOK_EVERY).await;
            backend.dream(id).await
        };
        dream = tokio::select! {
            changed = changed => changed?,
            _ = interrupt.wait_for(|&asked| asked) => return Err(stopped()),
        };
    }
    tell(&dream);
    Ok(())
}

async fn pause(signals: &Signals) -> Result<(), CliError> {
    let mut interrupt = signals.interrupt();
    tokio::select! {
        () = tokio::time::sleep(LOOK_EVERY) => Ok(()),
        _ = interrupt.wait_for(|&asked| asked) => Err(stopped()),
    }
}

fn stopped() -> CliError {
    CliError::new(ExitCode::Interrupted, "stopped following; the run goes on")
}
