//! Following a run that another process drives.

use crate::ids::{Alias, RunId};
use crate::journal::{self, Journal};
use crate::run::next::{Next, Stop, next};
use crate::run::observer::Observer;
use crate::run::{Ended, LOOK_EVERY};
use crate::spec::pipeline::Pipeline;
use crate::state::alias;
use crate::state::driver::{DriverLock, Holder};

use super::apply::Applied;
use super::desk::Desk;
use super::exit::{CliError, ExitCode};

/// Follows the run of another process until it stops. Returns nothing if that process went away with
/// the run unfinished.
///
/// A run of another pipeline is not followed: that is an error, which names it.
pub(super) async fn follow(
    desk: &Desk<'_>,
    pipeline: &Pipeline,
    alias: &Alias,
    holder: Option<Holder>,
) -> Result<Option<Applied>, CliError> {
    let call = desk.call;
    let who = holder.map_or_else(
        || "another process".to_owned(),
        |holder| format!("process {} since {:.0}", holder.pid, holder.since),
    );
    let folder = desk.workspace.lock_folder(call);
    let mut is_said = false;
    // The run that is followed, and how many of its events were told.
    let mut followed: Option<(RunId, usize)> = None;
    loop {
        // Asked before the journal is read: what a process wrote before it let go is then seen.
        let is_held = DriverLock::holder(&folder, alias).is_some();
        let record = alias::read(desk.state.as_ref(), alias).await?.map(|(record, _)| record);
        let claim = record.and_then(|record| record.claim);
        if let Some(claim) = claim.as_ref().filter(|claim| claim.run.pipeline() != &pipeline.name) {
            let error = CliError::new(
                ExitCode::LockBusy,
                format!("`{alias}` is held by run `{}`, driven by {who}", claim.run),
            );
            return Err(error.hint(format!("Watch it with `dreamrun show {}`, then apply again.", claim.run)));
        }
        let run = match (&followed, claim) {
            (Some((run, _)), _) => Some(run.clone()),
            (None, Some(claim)) => Some(claim.run),
            (None, None) => journal::last(desk.state.as_ref(), &pipeline.name).await?,
        };
        if let Some(run) = run
            && let Some(journal) = Journal::open(desk.state.as_ref(), &run).await?
        {
            let state = journal.state();
            let stop = match next(&state.plan, state) {
                Next::Stop(stop) => Some(stop),
                _ => None,
            };
            // A run that was over when it was first seen is an earlier one.
            if followed.is_none() && stop != Some(Stop::Ended) {
                call.console.say(&format!("{run} is driven by {who}; following it\n"));
                followed = Some((run.clone(), 1));
            }
            if let Some((_, told)) = &mut followed {
                for recorded in journal::read(desk.state.as_ref(), &run).await?.into_iter().skip(*told) {
                    *told += 1;
                    desk.watcher.recorded(&run, &recorded);
                }
                // What stops a run may be what its process is about to get over, as long as there is one.
                if let Some(stop) = stop.filter(|&stop| stop == Stop::Ended || !is_held) {
                    return Ok(Some(desk.conclude(&run, state, Ended::Stopped(stop), true)));
                }
            }
        }
        if !is_held {
            return Ok(None);
        }
        if followed.is_none() && !is_said {
            call.console.say(&format!("{} waits for {who}\n", pipeline.name));
            is_said = true;
        }
        let mut interrupt = desk.signals.interrupt();
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = interrupt.wait_for(|&asked| asked) => {
                return Err(CliError::new(ExitCode::Interrupted, "stopped following; the run goes on"));
            }
        }
    }
}
