//! `dreamrun rollback`: the store that was live before is live again, and automation holds still.

mod told;

use std::collections::BTreeSet;

use clap::Args;

use crate::backend::{BackendError, Refusal};
use crate::ids::{Alias, MemoryStoreId, RunId};
use crate::journal::{Journal, is_over};
use crate::memory::MemoryPath;
use crate::run::RunError;
use crate::run::restore::note;
use crate::run::rollback::{Undo, carry_after, is_carrying, roll_back};
use crate::snapshot::SnapshotIndex;
use crate::state::alias::{self, AliasRecord, Carrying, Hold, PreviousStore};
use crate::state::deeds::{self, DEED_FORMAT, Deed, Done};
use crate::state::driver::Acquired;
use crate::state::keeper::Keeper;

use super::answer::Answer;
use super::desk::Desk;
use super::exit::{CliError, ExitCode};
use super::forgotten::Going;
use super::workspace::Workspace;
use super::{Call, bring_back, forgotten, turn};
use told::{Left, Told, answered, tell};

/// Options of `rollback`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The store, by its alias
    #[arg(value_name = "ALIAS")]
    alias: String,
    /// Go back to this store instead of the one before
    #[arg(long, value_name = "STORE")]
    to: Option<String>,
    /// Bring only the memories at or below this path back, in the live store; the alias stays, without a hold
    #[arg(long, value_name = "PATH", conflicts_with_all = ["to", "release", "reason"])]
    path: Option<String>,
    /// With --path: to what they were before this run, instead of the last that was adopted
    #[arg(long, value_name = "RUN", requires = "path")]
    run: Option<String>,
    /// Keep what agents wrote since the adoption: only what the dream did is undone
    #[arg(long)]
    carry: bool,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Go back although the store's forget list forbids what comes back; needs --reason
    #[arg(
        long = "override",
        value_name = "GATE",
        value_parser = ["forget"],
        requires = "reason",
        conflicts_with_all = ["path", "release"]
    )]
    overrides: Vec<String>,
    /// Take the hold off instead, so that runs are due again
    #[arg(long, conflicts_with_all = ["to", "reason", "carry"])]
    release: bool,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let workspace = Workspace::open_project(call)?;
    let known = known(call, &workspace).await?;
    let Some(alias) = known.iter().find(|alias| alias.as_str() == options.alias) else {
        let known: Vec<&str> = known.iter().map(Alias::as_str).collect();
        return Err(CliError::usage(format!("the project has no store `{}`", options.alias))
            .hint(format!("It has {}.", known.join(", "))));
    };
    if workspace.state_read_only(call).await?.is_none() {
        return Err(never_adopted(alias));
    }
    let desk = Desk::open(call, workspace).await?;
    let Acquired::Yes(lock) = desk.lock(alias).await? else {
        return Err(CliError::new(ExitCode::LockBusy, format!("`{alias}` is driven by another process")));
    };
    let keeper = desk.keeper(alias, Some(&lock));
    note_unnoted(&desk, &keeper).await?;
    if let Some(path) = &options.path {
        let wanted = bring_back::Wanted { below: path, run: options.run.as_deref(), carry: options.carry };
        return bring_back::run(&desk, &keeper, &wanted).await;
    }
    if options.release {
        return turn::holding(&desk, &keeper, "taking the hold off", release(&desk, &keeper)).await;
    }
    turn::holding(&desk, &keeper, "rolling back", back(&desk, &keeper, options)).await
}

/// Lists the aliases that can be rolled back: those of the project, and those that state holds from
/// elsewhere, another branch say.
async fn known(call: &Call<'_>, workspace: &Workspace) -> Result<BTreeSet<Alias>, CliError> {
    let mut known: BTreeSet<Alias> = workspace.project.stores.keys().cloned().collect();
    if let Some(state) = workspace.state_read_only(call).await? {
        known.extend(alias::list(state.as_ref()).await?.into_iter().filter(|alias| !alias.is_raw()));
    }
    Ok(known)
}

fn never_adopted(alias: &Alias) -> CliError {
    CliError::usage(format!("`{alias}` has no run yet, there is nothing to go back to"))
        .hint(format!("See `dreamrun status {alias}`."))
}

fn on_its_way(alias: &Alias, to: &MemoryStoreId) -> CliError {
    CliError::usage(format!("`{alias}` is on its way back to `{to}`"))
        .hint(format!("Finish that first: `dreamrun rollback {alias}`."))
}

/// Picks the store to go back to.
fn pick<'a>(
    alias: &Alias,
    record: &'a AliasRecord,
    wanted: Option<&MemoryStoreId>,
) -> Result<&'a PreviousStore, CliError> {
    let known: Vec<&str> = record.previous.iter().map(|previous| previous.store.as_str()).collect();
    let begun = record.hold.as_ref().and_then(|hold| hold.rolling_back_to.as_ref());
    if let (Some(begun), Some(wanted)) = (begun, wanted)
        && begun != wanted
    {
        return Err(on_its_way(alias, begun).hint(give_up_hint(alias)));
    }
    let wanted = begun.or(wanted);
    let with_known = |error: CliError| {
        if known.is_empty() { error } else { error.hint(format!("Earlier stores: {}.", known.join(", "))) }
    };
    let Some(wanted) = wanted else {
        // The store before is now the one that was rolled back.
        if let Some(hold) = &record.hold {
            let error = CliError::usage(format!("`{alias}` was already rolled back, at {:.0}", hold.since));
            return Err(with_known(error.hint("To go to another store, name it with `--to STORE`.")));
        }
        let none = || CliError::usage(format!("`{alias}` has no earlier store to go back to"));
        return record.previous.first().ok_or_else(none);
    };
    let never = || with_known(CliError::usage(format!("`{wanted}` was never live as `{alias}`")));
    record.previous.iter().find(|previous| previous.store == *wanted).ok_or_else(never)
}

async fn back(desk: &Desk<'_>, keeper: &Keeper, options: &Options) -> Result<Answer, CliError> {
    let alias = keeper.alias();
    let wanted = match &options.to {
        None => None,
        Some(text) => Some(MemoryStoreId::parse(text.clone()).map_err(|e| CliError::usage(e.to_string()))?),
    };
    let state = desk.state.as_ref();
    let Some((seen, _)) = alias::read(state, alias).await? else { return Err(never_adopted(alias)) };
    if let Some(claim) = &seen.claim
        && !is_over(state, &claim.run).await?
    {
        return Err(turn::held(desk, alias, &claim.run).await?);
    }
    desk.opened.ask_origin(alias, &seen).await?;
    let command = command(alias, options);
    if let Some(mut hold) = after(desk, alias, &seen, wanted.as_ref(), options.carry).await? {
        add_overrides(&mut hold, options);
        if hold.overridden.is_empty() {
            let going = Going { back_to: None, carrying: hold.carrying.as_ref(), command };
            forgotten::check(desk, alias, &seen, &going).await?;
        }
        return carry_what_is_left(desk, keeper, &seen, hold).await;
    }
    let previous = pick(alias, &seen, wanted.as_ref())?;
    check_writable(desk, alias, &seen, &previous.store).await?;
    let now = desk.call.parts.clock().now();
    let reason = options.reason.clone().unwrap_or_else(|| "rolled back".to_owned());
    let begun = seen.hold.clone().filter(|hold| hold.rolling_back_to.is_some());
    let by = desk.call.person();
    let mut hold = begun.unwrap_or_else(|| Hold::new(now, by, reason));
    add_overrides(&mut hold, options);
    if options.carry && hold.carrying.is_none() {
        hold.carrying = Some(carrying(desk, alias, &seen, previous).await?);
    }
    if hold.overridden.is_empty() {
        let going = Going { back_to: Some(previous), carrying: hold.carrying.as_ref(), command };
        forgotten::check(desk, alias, &seen, &going).await?;
    }
    let run = seen.adoption.as_ref().map(|adoption| &adoption.run);
    let can_carry = match run {
        Some(run) => replaced_by(desk, run).await?.as_ref() == Some(&previous.store),
        None => false,
    };
    let mut left = left(desk, &seen, Some(previous)).await?;
    let undo = Undo { state, past: desk.past(), keeper };
    let done = roll_back(undo, &seen, previous, hold.clone(), now).await;
    let done = done.map_err(|error| carries_on(alias, error))?;
    let deed = Deed {
        format: DEED_FORMAT,
        at: now,
        by: hold.by.clone(),
        what: Done::RolledBack {
            to: done.record.active.clone(),
            left: left.store.clone(),
            overridden: hold.overridden.clone(),
            retired_at: Some(previous.retired_at),
            undone: undone(&done.record).difference(&undone(&seen)).cloned().collect(),
        },
    };
    note(state, keeper, Some(&deed)).await?;
    if done.carry.is_some() {
        left.written.clear();
    }
    tell(desk, alias, &done, &left, &Told { hold: &hold, run, is_new: true, can_carry });
    let left = (previous.store != left.store).then_some(left);
    Ok(answered(alias, done, left))
}

/// Says what is carried over from where, if a rollback has moved the alias already: one that was cut off
/// before it was done, or one that did not carry and is asked to do so now.
///
/// # Errors
///
/// Another store is wanted before that is done, or the rollback undid more than one adoption.
async fn after(
    desk: &Desk<'_>,
    alias: &Alias,
    seen: &AliasRecord,
    wanted: Option<&MemoryStoreId>,
    carry: bool,
) -> Result<Option<Hold>, CliError> {
    if is_carrying(seen) {
        return match wanted.filter(|wanted| **wanted != seen.active) {
            Some(_) => Err(on_its_way(alias, &seen.active)),
            None => Ok(seen.hold.clone()),
        };
    }
    let Some(hold) =
        seen.hold.clone().filter(|hold| carry && wanted.is_none() && hold.rolling_back_to.is_none())
    else {
        return Ok(None);
    };
    let newest = seen.previous.first();
    let newest = newest.filter(|newest| newest.retired_at >= hold.since && newest.copied_by.is_none());
    let Some((newest, adoption)) = newest.and_then(|newest| Some((newest, newest.adoption.as_ref()?))) else {
        return Ok(None);
    };
    let base = replaced_by(desk, &adoption.run).await?.ok_or_else(|| untold(alias))?;
    if base != seen.active {
        let command = format!("dreamrun diff {} {}", seen.active, newest.store);
        return Err(further_back(&seen.active).hint(format!("`{command}` shows what is left behind.")));
    }
    let carrying = Carrying { from: newest.store.clone(), run: adoption.run.clone() };
    Ok(Some(Hold { carrying: Some(carrying), overridden: Vec::new(), ..hold }))
}

/// Carries over what agents wrote to the store that has given way.
async fn carry_what_is_left(
    desk: &Desk<'_>,
    keeper: &Keeper,
    seen: &AliasRecord,
    hold: Hold,
) -> Result<Answer, CliError> {
    let alias = keeper.alias();
    let state = desk.state.as_ref();
    let store = hold.carrying.as_ref().map_or(&seen.active, |carrying| &carrying.from).clone();
    let undo = Undo { state, past: desk.past(), keeper };
    let done = carry_after(undo, seen, hold.clone()).await;
    let done = done.map_err(|error| carries_on(alias, error))?;
    note(state, keeper, unnoted(desk, alias).await?.as_ref()).await?;
    let left = Left { store, is_written: None, written: Vec::new() };
    tell(desk, alias, &done, &left, &Told { hold: &hold, run: None, is_new: false, can_carry: true });
    Ok(answered(alias, done, Some(left)))
}

/// Says how a rollback goes on that could not be finished.
fn carries_on(alias: &Alias, error: RunError) -> CliError {
    match error {
        RunError::NotPatched { .. } => CliError::from(error).hint(give_up_hint(alias)),
        RunError::NoJournal { .. } => CliError::from(error),
        error => CliError::from(error).hint(format!("`dreamrun rollback {alias}` carries on.")),
    }
}

/// Finds out whose adoption is undone, and whether what agents wrote since can be told from it.
async fn carrying(
    desk: &Desk<'_>,
    alias: &Alias,
    seen: &AliasRecord,
    previous: &PreviousStore,
) -> Result<Carrying, CliError> {
    let adoption = seen.adoption.as_ref().ok_or_else(|| untold(alias))?;
    let base = replaced_by(desk, &adoption.run).await?.ok_or_else(|| untold(alias))?;
    if base != previous.store || previous.copied_by.as_ref().is_some_and(|run| *run != adoption.run) {
        return Err(further_back(&previous.store)
            .hint(format!("`dreamrun rollback {alias} --carry` goes back to `{base}`.")));
    }
    Ok(Carrying { from: seen.active.clone(), run: adoption.run.clone() })
}

/// Returns the store that the adoption of a run replaced, if what agents wrote since can be told from it.
async fn replaced_by(desk: &Desk<'_>, run: &RunId) -> Result<Option<MemoryStoreId>, CliError> {
    let Some(journal) = Journal::open(desk.state.as_ref(), run).await? else { return Ok(None) };
    let run = journal.state();
    Ok(run.base.as_ref().filter(|_| run.intended.is_some()).map(|base| base.store.clone()))
}

fn untold(alias: &Alias) -> CliError {
    CliError::usage(format!("nothing says what `{alias}` held when it was adopted"))
        .hint("Without `--carry`, the store that gives way keeps what agents wrote.")
}

fn further_back(store: &MemoryStoreId) -> CliError {
    CliError::usage(format!("`--carry` goes back one adoption at a time, and `{store}` is further back"))
}

/// Remembers what is overridden, for whoever finishes a rollback that is cut off, and for the record.
fn add_overrides(hold: &mut Hold, options: &Options) {
    for gate in &options.overrides {
        if !hold.overridden.contains(gate) {
            hold.overridden.push(gate.clone());
        }
    }
}

/// Returns the command that asks for the same, without its reason and what it overrides.
fn command(alias: &Alias, options: &Options) -> String {
    let to = options.to.as_ref().map_or_else(String::new, |to| format!(" --to {to}"));
    let carry = if options.carry { " --carry" } else { "" };
    format!("dreamrun rollback {alias}{to}{carry}")
}

fn undone(record: &AliasRecord) -> BTreeSet<RunId> {
    let losses = record.losses.iter().filter(|losses| losses.is_undone);
    losses.map(|losses| losses.run.clone()).collect()
}

/// Writes down a rollback that was cut off when the alias had moved and before that was said. Under the alias's
/// driver lock.
pub(super) async fn note_unnoted(desk: &Desk<'_>, keeper: &Keeper) -> Result<(), CliError> {
    let Some(deed) = unnoted(desk, keeper.alias()).await? else { return Ok(()) };
    let noting = async { Ok(note(desk.state.as_ref(), keeper, Some(&deed)).await?) };
    turn::holding(desk, keeper, "noting a rollback", noting).await
}

/// Returns the deed of a rollback that nobody has written down: the hold tells of it.
async fn unnoted(desk: &Desk<'_>, alias: &Alias) -> Result<Option<Deed>, CliError> {
    let state = desk.state.as_ref();
    let Some((record, _)) = alias::read(state, alias).await? else { return Ok(None) };
    let Some(hold) = record.hold.as_ref().filter(|hold| hold.rolling_back_to.is_none()) else {
        return Ok(None);
    };
    let kept = deeds::read(state, alias).await?;
    let is_it = |deed: &Deed| {
        deed.at >= hold.since && matches!(&deed.what, Done::RolledBack { to, .. } if *to == record.active)
    };
    if kept.iter().any(is_it) {
        return Ok(None);
    }
    let mut before: BTreeSet<&RunId> = BTreeSet::new();
    for deed in &kept {
        if let Done::RolledBack { undone, .. } = &deed.what {
            before.extend(undone);
        }
    }
    let newest = record.previous.first().filter(|previous| previous.retired_at >= hold.since);
    Ok(Some(Deed {
        format: DEED_FORMAT,
        at: newest.map_or(hold.since, |previous| previous.retired_at),
        by: hold.by.clone(),
        what: Done::RolledBack {
            to: record.active.clone(),
            left: newest.map_or(&record.active, |previous| &previous.store).clone(),
            overridden: hold.overridden.clone(),
            retired_at: None,
            undone: undone(&record).into_iter().filter(|run| !before.contains(run)).collect(),
        },
    }))
}

/// Makes sure that no alias is opened to a store that was deleted, or that nobody can write to.
async fn check_writable(
    desk: &Desk<'_>,
    alias: &Alias,
    seen: &AliasRecord,
    store: &MemoryStoreId,
) -> Result<(), CliError> {
    let words = match desk.backend.store(store).await {
        Ok(found) if found.archived_at.is_none() => return Ok(()),
        Ok(_) => format!("`{store}` is archived: no agent may write to it, and no dream may read it"),
        Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => {
            format!("`{store}` was deleted from the backend")
        }
        Err(error) => return Err(error.into()),
    };
    let error = CliError::new(ExitCode::RemoteFailed, words);
    let is_begun = seen.hold.as_ref().is_some_and(|hold| hold.rolling_back_to.is_some());
    Err(if is_begun {
        error.hint(give_up_hint(alias))
    } else {
        error.hint("Name another earlier store with `--to STORE`; nothing was changed.")
    })
}

/// Says how a rollback that cannot be finished is given up.
fn give_up_hint(alias: &Alias) -> String {
    format!("`dreamrun rollback {alias} --release` gives the rollback up and leaves everything as it is now.")
}

/// Finds out what the store that gives way holds of what agents wrote since its adoption, and what of that the
/// store that comes back does not hold.
async fn left(
    desk: &Desk<'_>,
    record: &AliasRecord,
    previous: Option<&PreviousStore>,
) -> Result<Left, CliError> {
    let store = record.active.clone();
    let mut left = Left { store, is_written: None, written: Vec::new() };
    let Some(adoption) = &record.adoption else { return Ok(left) };
    let journal = Journal::open(desk.state.as_ref(), &adoption.run).await?;
    let backend = desk.backend.as_ref();
    let now = match backend.index(&record.active).await {
        Ok(index) => index,
        Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => return Ok(left),
        Err(error) => return Err(error.into()),
    };
    // The run itself may have carried late writes over after the alias had moved.
    let adopted_hash = journal.as_ref().and_then(|journal| journal.state().adopted_hash);
    left.is_written = Some(now.hash() != adopted_hash.unwrap_or(adoption.hash));
    let adopted = journal.as_ref().and_then(|journal| journal.state().intended.as_ref());
    if let (Some(adopted), Some(previous), Some(true)) = (adopted, previous, left.is_written)
        && previous.store != record.active
    {
        let before = backend.index(&previous.store).await?;
        let at = |index: &SnapshotIndex, path: &MemoryPath| index.entries.get(path).map(|entry| entry.hash);
        let paths: BTreeSet<&MemoryPath> = adopted.entries.keys().chain(now.entries.keys()).collect();
        let is_left = |path: &&MemoryPath| ![at(adopted, path), at(&before, path)].contains(&at(&now, path));
        left.written = paths.into_iter().filter(is_left).cloned().collect();
    }
    Ok(left)
}

/// Says whether what a rollback is still to carry over can be had, and the live store would take it.
async fn can_carry_on(desk: &Desk<'_>, seen: &AliasRecord) -> Result<bool, CliError> {
    let Some(carrying) = seen.hold.as_ref().and_then(|hold| hold.carrying.as_ref()) else { return Ok(false) };
    if replaced_by(desk, &carrying.run).await?.is_none() {
        return Ok(false);
    }
    for (store, is_written) in [(&carrying.from, false), (&seen.active, true)] {
        match desk.backend.store(store).await {
            Ok(found) if is_written && found.archived_at.is_some() => return Ok(false),
            Ok(_) => {}
            Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

async fn release(desk: &Desk<'_>, keeper: &Keeper) -> Result<Answer, CliError> {
    let alias = keeper.alias();
    let seen = alias::read(desk.state.as_ref(), alias).await?.map(|(seen, _)| seen);
    if let Some(seen) = seen.filter(is_carrying)
        && can_carry_on(desk, &seen).await?
    {
        let words =
            format!("`{alias}` is back at `{}`, but what agents wrote is not carried over yet", seen.active);
        return Err(CliError::usage(words).hint(format!("`dreamrun rollback {alias}` carries on.")));
    }
    let mut given_up = None;
    let updated = keeper.update(desk.state.as_ref(), |record| {
        let Some(hold) = record.hold.take() else {
            return Err(CliError::usage(format!("`{alias}` is not on hold")));
        };
        given_up = hold.rolling_back_to;
        Ok(true)
    });
    let record = updated.await?.ok_or_else(|| never_adopted(alias))?;
    let console = &desk.call.console;
    if let Some(to) = given_up {
        console.complain(&format!(
            "{} the rollback of {alias} to {to} was begun and is given up. The alias stays at {}; entries \
             and deployments that were taken back already stay taken back\n",
            console.paint.warn("note:"),
            record.active
        ));
    }
    console.say(&format!("{alias} is not on hold any more\n"));
    Ok(told::released(alias, record))
}
