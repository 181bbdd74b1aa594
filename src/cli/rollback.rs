//! `dreamrun rollback`: the store that was live before is live again, and automation holds still.

use clap::Args;
use serde::Serialize;

use crate::ids::{Alias, MemoryStoreId};
use crate::report::words::line;
use crate::state::alias::{self, AliasRecord, Hold};
use crate::state::driver::{Acquired, DriverLock};
use crate::state::{PutIf, StateError, StateStore};

use super::Call;
use super::answer::Answer;
use super::exit::{CliError, ExitCode};
use super::workspace::Workspace;

/// Options of `rollback`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The store, by its alias
    #[arg(value_name = "ALIAS")]
    alias: String,
    /// Go back to this store instead of the one before
    #[arg(long, value_name = "STORE")]
    to: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Take the hold off instead, so that runs are due again
    #[arg(long, conflicts_with_all = ["to", "reason"])]
    release: bool,
}

#[derive(Debug, Serialize)]
struct RolledBack {
    alias: Alias,
    record: AliasRecord,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let workspace = Workspace::open(call)?;
    let Some(alias) = workspace.project.stores.keys().find(|alias| alias.as_str() == options.alias) else {
        let known: Vec<&str> = workspace.project.stores.keys().map(Alias::as_str).collect();
        return Err(CliError::usage(format!("the project has no store `{}`", options.alias))
            .hint(format!("It has {}.", known.join(", "))));
    };
    if workspace.state_read_only()?.is_none() {
        return Err(never_adopted(alias));
    }
    let state = workspace.state(call)?;
    let folder = workspace.lock_folder();
    let now = call.parts.clock().now();
    let lock = DriverLock::acquire(&folder, alias, now).map_err(|e| CliError::io("lock", &folder, &e))?;
    let Acquired::Yes(_lock) = lock else {
        return Err(CliError::new(ExitCode::LockBusy, format!("`{alias}` is driven by another process")));
    };
    if options.release {
        release(call, state.as_ref(), alias).await
    } else {
        back(call, state.as_ref(), alias, options).await
    }
}

fn never_adopted(alias: &Alias) -> CliError {
    CliError::usage(format!("`{alias}` has no run yet, there is nothing to go back to"))
        .hint(format!("See `dreamrun status {alias}`."))
}

/// Changes the alias from whatever it is now.
async fn update(
    state: &dyn StateStore,
    alias: &Alias,
    mut change: impl FnMut(&mut AliasRecord) -> Result<(), CliError>,
) -> Result<AliasRecord, CliError> {
    loop {
        let Some((mut record, version)) = alias::read(state, alias).await? else {
            return Err(never_adopted(alias));
        };
        change(&mut record)?;
        match alias::write(state, alias, &record, PutIf::Version(version)).await {
            Ok(_) => return Ok(record),
            Err(StateError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

async fn back(
    call: &Call<'_>,
    state: &dyn StateStore,
    alias: &Alias,
    options: &Options,
) -> Result<Answer, CliError> {
    let wanted = match &options.to {
        None => None,
        Some(text) => Some(MemoryStoreId::parse(text.clone()).map_err(|e| CliError::usage(e.to_string()))?),
    };
    let now = call.parts.clock().now();
    let person = call.person();
    let record = update(state, alias, |record| {
        if let Some(claim) = &record.claim {
            return Err(CliError::new(
                ExitCode::LockBusy,
                format!("`{alias}` is held by run `{}`", claim.run),
            )
            .hint(format!("Reject or cancel it first: `dreamrun cancel {}`.", claim.run)));
        }
        let previous = match &wanted {
            None => record.previous.first(),
            Some(store) => record.previous.iter().find(|previous| previous.store == *store),
        };
        let Some(previous) = previous.cloned() else {
            let mut error = CliError::usage(match &wanted {
                None => format!("`{alias}` has no earlier store to go back to"),
                Some(store) => format!("`{store}` was never live as `{alias}`"),
            });
            if wanted.is_some() && !record.previous.is_empty() {
                let known: Vec<&str> = record.previous.iter().map(|p| p.store.as_str()).collect();
                error = error.hint(format!("Earlier stores: {}.", known.join(", ")));
            }
            return Err(error);
        };
        record.bring_back(previous, now);
        let reason = options.reason.clone().unwrap_or_else(|| "rolled back".to_owned());
        record.hold = Some(Hold { since: now, by: person.clone(), reason });
        Ok(())
    })
    .await?;
    let console = &call.console;
    console.say(&format!(
        "{} {alias} is {} again, and on hold: {}\n",
        console.paint.good("rolled back:"),
        record.active,
        line(record.hold.as_ref().map_or("", |hold| &hold.reason))
    ));
    let command = format!("dreamrun rollback {alias} --release");
    console.say(&format!("  {command:<44} {}\n", console.paint.dim("lets runs start again")));
    Ok(Answer::new("rolled_back", RolledBack { alias: alias.clone(), record }))
}

async fn release(call: &Call<'_>, state: &dyn StateStore, alias: &Alias) -> Result<Answer, CliError> {
    let record = update(state, alias, |record| {
        if record.hold.take().is_none() {
            return Err(CliError::usage(format!("`{alias}` is not on hold")));
        }
        Ok(())
    })
    .await?;
    call.console.say(&format!("{alias} is not on hold any more\n"));
    Ok(Answer::new("released", RolledBack { alias: alias.clone(), record }))
}
