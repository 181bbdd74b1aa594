//! `dreamrun gc`: deletes stores that nothing needs any more. A plan first, a deletion second.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use crate::backend::{Backend, BackendError, Refusal};
use crate::ids::MemoryStoreId;
use crate::journal::{self, Journal};
use crate::report::words::count;
use crate::state::StateStore;
use crate::state::alias;

use super::answer::Answer;
use super::exit::{CliError, ExitCode};
use super::workspace::Workspace;
use super::{Call, FailOn};

/// Options of `gc`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Show what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
}

/// A store that nothing needs, and why.
#[derive(Debug, Serialize)]
struct Spare {
    store: MemoryStoreId,
    because: String,
}

#[derive(Debug, Serialize)]
struct Collected {
    deleted: Vec<Spare>,
    is_dry_run: bool,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let workspace = Workspace::open(call)?;
    let console = &call.console;
    let spare = match workspace.state_read_only()? {
        None => Vec::new(),
        Some(state) => {
            let local = workspace.local(call, false)?;
            let backend = workspace.backend(call, &local);
            still_there(backend.as_ref(), find_spare(&workspace, &state).await?).await?
        }
    };
    for one in &spare {
        console.say(&format!("  {} {}\n", one.store, console.paint.dim(&one.because)));
    }
    if spare.is_empty() {
        console.say("nothing to delete\n");
        return Ok(Answer::new(
            "nothing_to_delete",
            Collected { deleted: spare, is_dry_run: options.dry_run },
        ));
    }
    let stores = count(spare.len() as u64, "store", "stores");
    if options.dry_run {
        console.say(&format!("{stores} would be deleted\n"));
        let mut answer = Answer::new("would_delete", Collected { deleted: spare, is_dry_run: true });
        if call.is_fatal(FailOn::Pending, false) {
            answer = answer.with_code(ExitCode::Pending);
        }
        return Ok(answer);
    }
    if !call.global.yes && !console.ask(&format!("Delete {stores} for good?")) {
        let error = CliError::usage("nothing was deleted");
        return Err(if console.can_ask {
            error
        } else {
            error.hint("Nothing prompts without a terminal: add `--yes`.")
        });
    }
    let local = workspace.local(call, true)?;
    let backend = workspace.backend(call, &local);
    for one in &spare {
        backend.delete_store(&one.store).await?;
    }
    console.say(&format!("{stores} deleted\n"));
    Ok(Answer::new("deleted", Collected { deleted: spare, is_dry_run: false }))
}

/// Leaves out the stores that are gone already: journals name them for ever.
async fn still_there(backend: &dyn Backend, spare: Vec<Spare>) -> Result<Vec<Spare>, BackendError> {
    let mut there = Vec::new();
    for one in spare {
        match backend.store(&one.store).await {
            Ok(_) => there.push(one),
            Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(there)
}

/// Finds the stores that dreams of finished runs wrote and nothing points at any more: outputs in the
/// middle of a chain, candidates that were not adopted, and stores beyond `keep_previous`. A store
/// that a live alias, a kept earlier one or an open run names is never among them, nor one that no
/// run of this state wrote.
async fn find_spare(workspace: &Workspace, state: &dyn StateStore) -> Result<Vec<Spare>, CliError> {
    let mut needed = Vec::new();
    let mut spare: BTreeMap<MemoryStoreId, String> = BTreeMap::new();
    let mut retired = Vec::new();
    let mut aliases: Vec<_> = workspace.project.stores.keys().cloned().collect();
    aliases.extend(workspace.pipelines.values().map(super::workspace::alias_of));
    for name in aliases {
        let Some((record, _)) = alias::read(state, &name).await? else { continue };
        let keep =
            workspace.project.stores.get(&name).map_or(usize::MAX, |store| store.keep_previous as usize);
        needed.push(record.active.clone());
        for (place, previous) in record.previous.iter().enumerate() {
            // The store an alias began with was not written by a run; it is not ours to delete.
            if place < keep || previous.adoption.is_none() {
                needed.push(previous.store.clone());
            } else {
                retired.push((previous.store.clone(), format!("beyond `keep_previous: {keep}` of {name}")));
            }
        }
    }
    for run in journal::runs(state, None).await? {
        let Some(journal) = Journal::open(state, &run).await? else { continue };
        let run_state = journal.state();
        let outputs = run_state.dreams.iter().filter_map(|dream| dream.output.clone());
        if run_state.is_released {
            let because = format!("written by {run}, {}", run_state.phase.name().replace('_', " "));
            spare.extend(outputs.map(|store| (store, because.clone())));
        } else {
            needed.extend(outputs);
            needed.extend(run_state.base.iter().map(|base| base.store.clone()));
        }
    }
    spare.extend(retired);
    Ok(spare
        .into_iter()
        .filter(|(store, _)| !needed.contains(store))
        .map(|(store, because)| Spare { store, because })
        .collect())
}
