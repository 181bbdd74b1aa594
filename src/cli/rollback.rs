//! `dreamrun rollback`: the store that was live before is live again, and automation holds still.

use std::collections::BTreeSet;

use clap::Args;
use serde::Serialize;

use crate::adoption::{Conflict, Copy};
use crate::backend::{BackendError, Refusal};
use crate::ids::{Alias, DeploymentId, MemoryStoreId, RunId, SessionId};
use crate::journal::Journal;
use crate::memory::MemoryPath;
use crate::report::words::{count, line};
use crate::run::RunError;
use crate::run::restore::note;
use crate::run::rollback::{RolledBack, roll_back};
use crate::state::StateStore;
use crate::state::alias::{self, AliasRecord, Hold, PreviousStore};
use crate::state::deeds::{self, DEED_FORMAT, Deed, Done};
use crate::state::driver::Acquired;

use super::answer::Answer;
use super::desk::Desk;
use super::exit::{CliError, ExitCode};
use super::workspace::Workspace;
use super::{Call, bring_back};

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
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Take the hold off instead, so that runs are due again
    #[arg(long, conflicts_with_all = ["to", "reason"])]
    release: bool,
}

#[derive(Debug, Serialize)]
struct Answered {
    alias: Alias,
    record: AliasRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<Left>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copy: Option<TakenBack>,
    /// The deployments that name the earlier store again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deployments: Vec<DeploymentId>,
    /// Deployments that are left as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    passed_over: Vec<PassedOver>,
    /// The session that the adoption had created, which keeps the store that gave way.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
}

/// A deployment that is left as it is.
#[derive(Debug, Serialize)]
struct PassedOver {
    deployment: DeploymentId,
    because: String,
}

/// What became of the entries that a run had copied into the store.
#[derive(Debug, Serialize)]
struct TakenBack {
    /// They are as they were before.
    restored: Vec<MemoryPath>,
    /// Agents changed them since; their version stays.
    conflicts: Vec<Conflict>,
    /// They stay, because something that may hold their text could not be restored.
    kept: Vec<MemoryPath>,
    /// Their text is not kept any more.
    missing: Vec<MemoryPath>,
}

impl From<Copy> for TakenBack {
    fn from(copy: Copy) -> Self {
        let Copy { writes: _, written, conflicts, kept, missing } = copy;
        Self { restored: written, conflicts, kept, missing }
    }
}

/// The store that gave way.
#[derive(Debug, Serialize)]
struct Left {
    store: MemoryStoreId,
    /// Whether agents wrote to it since its adoption; null if that cannot be told.
    is_written: Option<bool>,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let workspace = Workspace::open_project(call)?;
    let known = known(&workspace).await?;
    let Some(alias) = known.iter().find(|alias| alias.as_str() == options.alias) else {
        let known: Vec<&str> = known.iter().map(Alias::as_str).collect();
        return Err(CliError::usage(format!("the project has no store `{}`", options.alias))
            .hint(format!("It has {}.", known.join(", "))));
    };
    if workspace.state_read_only()?.is_none() {
        return Err(never_adopted(alias));
    }
    let desk = Desk::open(call, workspace)?;
    let Acquired::Yes(_lock) = desk.lock(alias).await? else {
        return Err(CliError::new(ExitCode::LockBusy, format!("`{alias}` is driven by another process")));
    };
    note_unnoted(desk.state.as_ref(), alias).await?;
    if let Some(path) = &options.path {
        return bring_back::run(&desk, alias, path, options.run.as_deref()).await;
    }
    if options.release { release(&desk, alias).await } else { back(&desk, alias, options).await }
}

/// Lists the aliases that can be rolled back: those of the project, and those that state holds from
/// elsewhere, another branch say.
async fn known(workspace: &Workspace) -> Result<BTreeSet<Alias>, CliError> {
    let mut known: BTreeSet<Alias> = workspace.project.stores.keys().cloned().collect();
    if let Some(state) = workspace.state_read_only()? {
        known.extend(alias::list(&state).await?.into_iter().filter(|alias| !alias.is_raw()));
    }
    Ok(known)
}

fn never_adopted(alias: &Alias) -> CliError {
    CliError::usage(format!("`{alias}` has no run yet, there is nothing to go back to"))
        .hint(format!("See `dreamrun status {alias}`."))
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
        return Err(CliError::usage(format!("`{alias}` is on its way back to `{begun}`"))
            .hint(format!("Finish that first: `dreamrun rollback {alias}`."))
            .hint(give_up_hint(alias)));
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

async fn back(desk: &Desk<'_>, alias: &Alias, options: &Options) -> Result<Answer, CliError> {
    let wanted = match &options.to {
        None => None,
        Some(text) => Some(MemoryStoreId::parse(text.clone()).map_err(|e| CliError::usage(e.to_string()))?),
    };
    let state = desk.state.as_ref();
    let Some((seen, _)) = alias::read(state, alias).await? else { return Err(never_adopted(alias)) };
    if let Some(claim) = &seen.claim {
        return Err(desk.held(alias, &claim.run).await?);
    }
    let previous = pick(alias, &seen, wanted.as_ref())?;
    desk.opened.ask_origin(alias, &seen).await?;
    check_writable(desk, alias, &seen, &previous.store).await?;
    let left = Left { store: seen.active.clone(), is_written: is_written(desk, &seen).await? };
    let now = desk.call.parts.clock().now();
    let reason = options.reason.clone().unwrap_or_else(|| "rolled back".to_owned());
    let begun = seen.hold.clone().filter(|hold| hold.rolling_back_to.is_some());
    let hold = begun.unwrap_or(Hold { since: now, by: desk.call.person(), reason, rolling_back_to: None });
    let backend = desk.backend.as_ref();
    let done = roll_back(state, backend, alias, &seen, previous, hold.clone(), now).await;
    let done = done.map_err(|error| match error {
        RunError::NotPatched { .. } => CliError::from(error).hint(give_up_hint(alias)),
        RunError::NoJournal { .. } => CliError::from(error),
        error => CliError::from(error).hint(format!("`dreamrun rollback {alias}` carries on.")),
    })?;
    let deed = Deed {
        format: DEED_FORMAT,
        at: now,
        by: hold.by.clone(),
        what: Done::RolledBack {
            to: done.record.active.clone(),
            left: left.store.clone(),
            retired_at: Some(previous.retired_at),
            undone: undone(&done.record).difference(&undone(&seen)).cloned().collect(),
        },
    };
    note(state, alias, Some(&deed)).await?;
    tell(desk, alias, &done, &left, &hold);
    let RolledBack { record, copy, deployments, passed_over, session } = done;
    let left = (previous.store != left.store).then_some(left);
    let copy = copy.map(TakenBack::from);
    let passed_over =
        passed_over.into_iter().map(|(deployment, because)| PassedOver { deployment, because }).collect();
    Ok(Answer::new(
        "rolled_back",
        Answered { alias: alias.clone(), record, left, copy, deployments, passed_over, session },
    ))
}

fn tell(desk: &Desk<'_>, alias: &Alias, done: &RolledBack, left: &Left, hold: &Hold) {
    let console = &desk.call.console;
    let record = &done.record;
    let is_copy = done.copy.is_some();
    console.say(&format!(
        "{} {alias} is {}{}, and on hold: {}\n",
        console.paint.good("rolled back:"),
        record.active,
        if is_copy { " as it was before the copy" } else { " again" },
        line(&hold.reason)
    ));
    if let Some(copy) = &done.copy {
        let memories = |paths: usize| count(paths as u64, "memory", "memories");
        console.say(&format!("  {} restored\n", memories(copy.written.len())));
        let changed = copy.conflicts.iter().map(|conflict| &conflict.path).collect();
        let rows: [(&str, Vec<&MemoryPath>); 3] = [
            ("changed by agents since, left as they are", changed),
            ("kept, since a memory that may hold their text was left", copy.kept.iter().collect()),
            ("not restored, since the backend keeps their text no longer", copy.missing.iter().collect()),
        ];
        for (what, paths) in rows.into_iter().filter(|(_, paths)| !paths.is_empty()) {
            let named: Vec<String> = paths.iter().map(ToString::to_string).collect();
            let warning = console.paint.warn("note:");
            console.say(&format!(
                "  {warning} {} {what}: {}\n",
                memories(paths.len()),
                line(&named.join(", "))
            ));
        }
    } else {
        console.say(&format!("  {} gave way and is kept\n", left.store));
    }
    if !done.deployments.is_empty() {
        let deployments = count(done.deployments.len() as u64, "deployment", "deployments");
        console.say(&format!("  {deployments} patched back\n"));
    }
    for (deployment, because) in &done.passed_over {
        let warning = console.paint.warn("note:");
        console.say(&format!("  {warning} {deployment} is left as it is: {}\n", line(because)));
    }
    if let Some(session) = &done.session {
        console.say(&format!("  {session}, which was created for it, keeps {}\n", left.store));
    }
    let mut commands = Vec::new();
    if left.is_written == Some(true) && !is_copy {
        console.say(&format!(
            "  {} agents wrote to it since it was adopted, and what they wrote is not live any more\n",
            console.paint.warn("note:")
        ));
        commands
            .push((format!("dreamrun diff {} {}", record.active, left.store), "shows what is left behind"));
    }
    commands.push((format!("dreamrun rollback {alias} --release"), "lets runs start again"));
    for (command, what) in commands {
        console.say(&format!("  {command:<44} {}\n", console.paint.dim(what)));
    }
}

fn undone(record: &AliasRecord) -> BTreeSet<RunId> {
    let losses = record.losses.iter().filter(|losses| losses.is_undone);
    losses.map(|losses| losses.run.clone()).collect()
}

/// Writes down a rollback that was cut off when the alias had moved and before that was said: the hold tells of
/// it. Under the alias's driver lock.
pub(super) async fn note_unnoted(state: &dyn StateStore, alias: &Alias) -> Result<(), CliError> {
    let Some((record, _)) = alias::read(state, alias).await? else { return Ok(()) };
    let Some(hold) = record.hold.as_ref().filter(|hold| hold.rolling_back_to.is_none()) else {
        return Ok(());
    };
    let kept = deeds::read(state, alias).await?;
    let is_it = |deed: &Deed| {
        deed.at >= hold.since && matches!(&deed.what, Done::RolledBack { to, .. } if *to == record.active)
    };
    if kept.iter().any(is_it) {
        return Ok(());
    }
    let mut before: BTreeSet<&RunId> = BTreeSet::new();
    for deed in &kept {
        if let Done::RolledBack { undone, .. } = &deed.what {
            before.extend(undone);
        }
    }
    let newest = record.previous.first().filter(|previous| previous.retired_at >= hold.since);
    let deed = Deed {
        format: DEED_FORMAT,
        at: newest.map_or(hold.since, |previous| previous.retired_at),
        by: hold.by.clone(),
        what: Done::RolledBack {
            to: record.active.clone(),
            left: newest.map_or(&record.active, |previous| &previous.store).clone(),
            retired_at: None,
            undone: undone(&record).into_iter().filter(|run| !before.contains(run)).collect(),
        },
    };
    Ok(note(state, alias, Some(&deed)).await?)
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

/// Says whether the live store holds something else than right after its adoption, if that is known.
async fn is_written(desk: &Desk<'_>, record: &AliasRecord) -> Result<Option<bool>, CliError> {
    let Some(adoption) = &record.adoption else { return Ok(None) };
    let journal = Journal::open(desk.state.as_ref(), &adoption.run).await?;
    // The run itself may have carried late writes over after the alias had moved.
    let adopted = journal.and_then(|journal| journal.state().adopted_hash).unwrap_or(adoption.hash);
    match desk.backend.snapshot(&record.active).await {
        Ok(snapshot) => Ok(Some(snapshot.hash() != adopted)),
        Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn release(desk: &Desk<'_>, alias: &Alias) -> Result<Answer, CliError> {
    let mut given_up = None;
    let updated = alias::update(desk.state.as_ref(), alias, |record| {
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
    let answered = Answered {
        alias: alias.clone(),
        record,
        left: None,
        copy: None,
        deployments: Vec::new(),
        passed_over: Vec::new(),
        session: None,
    };
    Ok(Answer::new("released", answered))
}
