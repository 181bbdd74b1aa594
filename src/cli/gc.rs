//! `dreamrun gc`: deletes stores that nothing needs any more. A plan first, a deletion second.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use serde::Serialize;

use crate::backend::{Backend, BackendError, Refusal};
use crate::ids::{Alias, MemoryStoreId};
use crate::journal::run_state::Phase;
use crate::journal::{self, Journal};
use crate::report::words::{bytes, count};
use crate::spec::project::Bootstrap;
use crate::state::driver::Acquired;
use crate::state::{StateError, StateStore, alias};

use super::answer::Answer;
use super::console::Console;
use super::desk::Desk;
use super::exit::{CliError, ExitCode};
use super::opened::Opened;
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
#[derive(Debug, Clone, Serialize)]
struct Spare {
    store: MemoryStoreId,
    because: String,
    /// The alias whose run wrote it, or that kept it.
    #[serde(skip)]
    alias: Alias,
}

#[derive(Debug, Serialize)]
struct Collected {
    deleted: Vec<Spare>,
    is_dry_run: bool,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let workspace = Workspace::open_project(call)?;
    let console = &call.console;
    let spare = match workspace.state_read_only()? {
        None => Vec::new(),
        Some(state) => {
            let opened = workspace.backend(call, false)?;
            let spare = find_spare(&workspace, &opened, &state).await?;
            free(&opened, still_there(opened.backend.as_ref(), spare).await?).await?
        }
    };
    tell_archive(&workspace, console)?;
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
    delete(&Desk::open(call, workspace)?, spare).await
}

/// Says what the archive holds, which nothing is ever deleted from.
fn tell_archive(workspace: &Workspace, console: &Console) -> Result<(), CliError> {
    let Some(archive) = workspace.archive() else { return Ok(()) };
    let held = archive.held()?;
    let texts = count(held.texts, "text", "texts");
    let folder = archive.folder().strip_prefix(&workspace.root).unwrap_or(archive.folder());
    let told = format!("archive {}: {texts}, {}, kept", folder.display(), bytes(held.bytes));
    console.say(&format!("{}\n", console.paint.dim(&told)));
    Ok(())
}

/// Deletes what was agreed to and is still spare, one alias after the other under its driver lock.
async fn delete(desk: &Desk<'_>, agreed: Vec<Spare>) -> Result<Answer, CliError> {
    let console = &desk.call.console;
    let mut deleted = Vec::new();
    let mut is_busy = false;
    let aliases: BTreeSet<Alias> = agreed.iter().map(|one| one.alias.clone()).collect();
    for alias in aliases {
        let Acquired::Yes(_lock) = desk.lock(&alias).await? else {
            let warning = console.paint.warn("kept:");
            console.complain(&format!("{warning} `{alias}` is driven by another process\n"));
            is_busy = true;
            continue;
        };
        let spare = find_spare(&desk.workspace, &desk.opened, desk.state.as_ref()).await?;
        let mut spare = free(&desk.opened, spare).await?;
        spare.retain(|one| one.alias == alias && agreed.iter().any(|other| other.store == one.store));
        let stores: BTreeSet<MemoryStoreId> = spare.iter().map(|one| one.store.clone()).collect();
        // No alias may offer a store for rollback that is about to go.
        for alias in alias::list(desk.state.as_ref()).await? {
            alias::update(desk.state.as_ref(), &alias, |record| {
                let before = record.previous.len();
                record.previous.retain(|previous| !stores.contains(&previous.store));
                Ok::<_, StateError>(record.previous.len() < before)
            })
            .await?;
        }
        for one in spare {
            desk.backend.delete_store(&one.store).await?;
            deleted.push(one);
        }
    }
    console.say(&format!("{} deleted\n", count(deleted.len() as u64, "store", "stores")));
    let answer = Answer::new("deleted", Collected { deleted, is_dry_run: false });
    Ok(if is_busy { answer.with_code(ExitCode::LockBusy) } else { answer })
}

/// Leaves out the stores that somebody else of a server needs: deployments, and dreams of other machines.
async fn free(opened: &Opened, mut spare: Vec<Spare>) -> Result<Vec<Spare>, BackendError> {
    if let Some(server) = opened.remote.as_ref().filter(|_| !spare.is_empty()) {
        let used = server.stores_in_use().await?;
        spare.retain(|one| !used.contains(&one.store));
    }
    Ok(spare)
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
/// middle of a chain, candidates that were not adopted, and stores beyond `keep_previous`.
///
/// Never among them: a store that is live, bootstrapped from, or kept for rollback, under any alias that
/// state holds; what an open run works on; a candidate that was approved beside a raw store; and any
/// store that no run of this state wrote. An alias that the project does not name, on another branch
/// say, keeps everything it ever had. What belongs to another backend is left alone.
async fn find_spare(
    workspace: &Workspace,
    opened: &Opened,
    state: &dyn StateStore,
) -> Result<Vec<Spare>, CliError> {
    let mut elsewhere = BTreeSet::new();
    let mut needed = BTreeSet::new();
    let mut spare = BTreeMap::new();
    let mut retired = Vec::new();
    for store in workspace.project.stores.values() {
        if let Bootstrap::Store(id) = &store.bootstrap {
            needed.insert(id.clone());
        }
    }
    for name in alias::list(state).await? {
        let Some((record, _)) = alias::read(state, &name).await? else { continue };
        opened.learn_origin(&record).await?;
        if !opened.is_of(&record) {
            elsewhere.insert(name);
            continue;
        }
        let keep =
            workspace.project.stores.get(&name).map_or(usize::MAX, |store| store.keep_previous as usize);
        needed.insert(record.active);
        for (place, previous) in record.previous.into_iter().enumerate() {
            // The store an alias began with was not written by a run; it is not ours to delete.
            if place < keep || previous.adoption.is_none() {
                needed.insert(previous.store);
            } else {
                let because = format!("beyond `keep_previous: {keep}` of {name}");
                retired.push((previous.store, (because, name.clone())));
            }
        }
    }
    for run in journal::runs(state, None).await? {
        let Some(journal) = Journal::open(state, &run).await? else { continue };
        let run_state = journal.state();
        if elsewhere.contains(&run_state.plan.alias()) {
            continue;
        }
        let outputs = run_state.dreams.iter().filter_map(|dream| dream.output.clone());
        if run_state.is_released {
            let because = format!("written by {run}, {}", run_state.phase.name().replace('_', " "));
            let alias = run_state.plan.alias();
            spare.extend(outputs.map(|store| (store, (because.clone(), alias.clone()))));
            // A copy is in the raw store itself; any other candidate stands beside it.
            let stands = run_state.phase == Phase::Adopted && run_state.copy.is_none();
            if stands && alias.is_raw() {
                needed.extend(run_state.candidate.iter().map(|candidate| candidate.store.clone()));
            }
        } else {
            needed.extend(outputs);
            needed.extend(run_state.base.iter().map(|base| base.store.clone()));
        }
    }
    spare.extend(retired);
    Ok(spare
        .into_iter()
        .filter(|(store, _)| !needed.contains(store))
        .map(|(store, (because, alias))| Spare { store, because, alias })
        .collect())
}
