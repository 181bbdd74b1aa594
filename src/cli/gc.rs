//! `dreamrun gc`: deletes stores that nothing needs any more, and folds the journals of runs that have long
//! been over. A plan first, a deletion second.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use serde::Serialize;

use crate::backend::{Backend, BackendError, Refusal};
use crate::ids::{Alias, MemoryStoreId};
use crate::journal::{self, Journal, folded};
use crate::report::words::{bytes, count};
use crate::spec::project::Bootstrap;
use crate::state::alias::{self, AliasRecord, PreviousStore};
use crate::state::driver::Acquired;
use crate::state::keeper::Keeper;
use crate::state::{StateError, StateStore};

use super::answer::Answer;
use super::console::Console;
use super::desk::Desk;
use super::exit::{CliError, ExitCode};
use super::opened::Opened;
use super::workspace::Workspace;
use super::{Call, FailOn, turn};

/// What `gc` does while it has a lease.
const SECTION: &str = "deleting stores";

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
    /// Journals that were folded into one object each, or would be.
    folded: u64,
    is_dry_run: bool,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let workspace = Workspace::open_project(call)?;
    let console = &call.console;
    let now = call.parts.clock().now();
    let (spare, ripe) = match workspace.state_read_only(call).await? {
        None => (Vec::new(), Vec::new()),
        Some(state) => {
            let opened = workspace.backend(call, false)?;
            let spare = find_spare(&workspace, &opened, state.as_ref()).await?;
            let spare = free(&opened, still_there(opened.backend.as_ref(), spare).await?).await?;
            (spare, folded::ripe(state.as_ref(), now).await?)
        }
    };
    tell_archive(&workspace, console)?;
    for one in &spare {
        console.say(&format!("  {} {}\n", one.store, console.paint.dim(&one.because)));
    }
    let journals = |folded: u64| count(folded, "journal", "journals");
    let mut folded = ripe.len() as u64;
    if options.dry_run && folded > 0 {
        console.say(&format!("{} would be folded\n", journals(folded)));
    } else if folded > 0 {
        // Nothing is lost by it, so nobody is asked.
        folded = folded::fold(workspace.state(call).await?.as_ref(), &ripe).await?;
        console.say(&format!("{} folded\n", journals(folded)));
    }
    if spare.is_empty() {
        console.say("nothing to delete\n");
        return Ok(Answer::new(
            "nothing_to_delete",
            Collected { deleted: spare, folded, is_dry_run: options.dry_run },
        ));
    }
    let stores = count(spare.len() as u64, "store", "stores");
    if options.dry_run {
        console.say(&format!("{stores} would be deleted\n"));
        let mut answer = Answer::new("would_delete", Collected { deleted: spare, folded, is_dry_run: true });
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
    delete(&Desk::open(call, workspace).await?, spare, folded).await
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

/// Deletes what was agreed to and is still spare, one alias after the other with its lease.
async fn delete(desk: &Desk<'_>, agreed: Vec<Spare>, folded: u64) -> Result<Answer, CliError> {
    let console = &desk.call.console;
    let mut deleted = Vec::new();
    let mut is_busy = false;
    let aliases: BTreeSet<Alias> = agreed.iter().map(|one| one.alias.clone()).collect();
    for alias in aliases {
        let mut keep = |why: &str| {
            console.complain(&format!("{} {why}\n", console.paint.warn("kept:")));
            is_busy = true;
        };
        let Acquired::Yes(lock) = desk.lock(&alias).await? else {
            keep(&format!("`{alias}` is driven by another process"));
            continue;
        };
        let keeper = desk.keeper(&alias, Some(&lock));
        let deleting = delete_of(desk, &keeper, &agreed, &mut deleted);
        match turn::holding(desk, &keeper, SECTION, deleting).await {
            Err(error) if error.code == ExitCode::LockBusy => keep(&error.message),
            done => done?,
        }
    }
    console.say(&format!("{} deleted\n", count(deleted.len() as u64, "store", "stores")));
    let answer = Answer::new("deleted", Collected { deleted, folded, is_dry_run: false });
    Ok(if is_busy { answer.with_code(ExitCode::LockBusy) } else { answer })
}

/// Deletes what was agreed to of one alias, whose lease is held.
async fn delete_of(
    desk: &Desk<'_>,
    keeper: &Keeper,
    agreed: &[Spare],
    deleted: &mut Vec<Spare>,
) -> Result<(), CliError> {
    let state = desk.state.as_ref();
    let spare = find_spare(&desk.workspace, &desk.opened, state).await?;
    let mut spare = free(&desk.opened, spare).await?;
    spare.retain(|one| one.alias == *keeper.alias() && agreed.iter().any(|other| other.store == one.store));
    let stores: BTreeSet<MemoryStoreId> = spare.iter().map(|one| one.store.clone()).collect();
    // No alias may offer a store for rollback that is about to go.
    let is_kept = |previous: &PreviousStore| !stores.contains(&previous.store);
    let forget = |record: &mut AliasRecord| {
        let before = record.previous.len();
        record.previous.retain(is_kept);
        Ok::<_, StateError>(record.previous.len() < before)
    };
    for alias in alias::list(state).await? {
        if alias == *keeper.alias() {
            keeper.update(state, forget).await?;
        } else if let Some((record, _)) = alias::read(state, &alias).await?
            && !record.previous.iter().all(is_kept)
        {
            let other = desk.keeper(&alias, None);
            let forgetting = async { Ok(other.update(state, forget).await.map(drop)?) };
            turn::holding(desk, &other, SECTION, forgetting).await?;
        }
    }
    for one in spare {
        desk.backend.delete_store(&one.store).await?;
        deleted.push(one);
    }
    Ok(())
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
        if let Some(hold) = record.hold {
            // A rollback that is not over goes there, and carries over what agents wrote here.
            needed.extend(hold.rolling_back_to);
            needed.extend(hold.carrying.map(|carrying| carrying.from));
        }
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
    for run in folded::shelved(state).await?.into_iter().filter(|run| !elsewhere.contains(&run.alias)) {
        let because = format!("written by {}, {}", run.run, run.phase.replace('_', " "));
        spare.extend(run.outputs.into_iter().map(|store| (store, (because.clone(), run.alias.clone()))));
        needed.extend(run.stands);
    }
    for run in journal::recent(state, None).await? {
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
            needed.extend(folded::standing(run_state).cloned());
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
