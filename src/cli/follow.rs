//! Following a run that another process drives.

use crate::ids::Alias;
use crate::journal::{self, Journal};
use crate::run::Ended;
use crate::run::next::{Next, Stop, next};
use crate::run::observer::Observer;
use crate::spec::pipeline::Pipeline;
use crate::state::alias;
use crate::state::driver::{DriverLock, Holder};

use super::apply::{Applied, Desk, LOOK_EVERY};
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
    let folder = desk.workspace.lock_folder();
    let mut said = false;
    let mut seen = 0;
    loop {
        let record = alias::read(desk.state, alias).await?.map(|(record, _)| record);
        let claim = record.and_then(|record| record.claim);
        if let Some(claim) = claim.as_ref().filter(|claim| claim.run.pipeline() != &pipeline.name) {
            let error = CliError::new(
                ExitCode::LockBusy,
                format!("`{alias}` is held by run `{}`, driven by {who}", claim.run),
            );
            return Err(error.hint(format!("Watch it with `dreamrun show {}`, then apply again.", claim.run)));
        }
        let run = match claim {
            Some(claim) => Some(claim.run),
            None => journal::runs(desk.state, Some(&pipeline.name)).await?.pop(),
        };
        if let Some(run) = run
            && let Some(journal) = Journal::open(desk.state, &run).await?
        {
            if !said {
                call.console.say(&format!("{run} is driven by {who}; following it\n"));
                said = true;
                seen = seen.max(1);
            }
            for recorded in journal::read(desk.state, &run).await?.into_iter().skip(seen) {
                seen += 1;
                desk.watcher.recorded(&run, &recorded);
            }
            let state = journal.state();
            if let Next::Stop(stop) = next(&state.plan, state)
                && (stop != Stop::Ended || said)
            {
                return Ok(Some(desk.conclude(pipeline, &run, state, &Ended::Stopped(stop), true)));
            }
        }
        if DriverLock::holder(&folder, alias).is_none() {
            return Ok(None);
        }
        let mut interrupt = desk.interrupt.clone();
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = interrupt.wait_for(|&asked| asked) => {
                return Err(CliError::new(ExitCode::Interrupted, "stopped following; the run goes on"));
            }
        }
    }
}
