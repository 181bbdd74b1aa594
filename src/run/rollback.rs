//! Going back to what was live before: the alias, and what adoption did beside it.
//!
//! The intent is a hold that names where the rollback is on its way to. It keeps runs from starting, and the
//! next rollback carries on from it. Then what stands outside of state is taken back, and last the alias
//! moves. Each step may be repeated.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::adoption::Copy;
use crate::backend::{Backend, BackendError, Refusal};
use crate::ids::{Alias, DeploymentId, MemoryStoreId, RunId, SessionId};
use crate::journal::Journal;
use crate::journal::run_state::RunState;
use crate::snapshot::SnapshotIndex;
use crate::spec::pipeline::Target;
use crate::state::alias::{self, AliasRecord, Hold, PreviousStore};
use crate::state::{Key, StateError, StateStore};

use super::RunError;
use super::targets::{repoint, texts_of, write_copy};

/// What a rollback did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledBack {
    /// The alias as it is now.
    pub record: AliasRecord,
    /// What became of the entries of a copy that was taken back; none where none was.
    pub copy: Option<Copy>,
    /// The deployments that name the earlier store again.
    pub deployments: Vec<DeploymentId>,
    /// Deployments that are left as they are, and why: they are gone or archived, or somebody has given them
    /// another store since.
    pub passed_over: Vec<(DeploymentId, String)>,
    /// The session that the adoption had created. It keeps the store that gave way.
    pub session: Option<SessionId>,
}

/// Makes `previous` live again, in an alias that is as `seen`, and holds it.
///
/// Entries that agents changed since a copy are left to them and named.
///
/// # Errors
///
/// Leaves the hold on, with where it was going, once anything may have been changed: calling again, with the
/// alias as it is then, carries on.
pub async fn roll_back(
    state: &dyn StateStore,
    backend: &dyn Backend,
    alias: &Alias,
    seen: &AliasRecord,
    previous: &PreviousStore,
    hold: Hold,
    now: Timestamp,
) -> Result<RolledBack, RunError> {
    let adopted_by = seen.adoption.as_ref().map(|adoption| adoption.run.clone());
    let adopted = open(state, adopted_by.as_ref()).await?;
    let deployments = match adopted.as_ref().map(|run| &run.plan.adopt.target) {
        Some(Target::Deployment(ids)) if previous.store != seen.active => ids.clone(),
        _ => Vec::new(),
    };
    let copier = match &previous.copied_by {
        None => None,
        Some(run) => {
            let copier = open(state, Some(run)).await?.filter(has_copied);
            Some(copier.ok_or_else(|| RunError::NoJournal { run: run.clone() })?)
        }
    };
    let mut held = seen.clone();
    let has_effects = previous.copied_by.is_some() || !deployments.is_empty();
    if has_effects && hold.rolling_back_to.is_none() {
        let rolling_back_to = Some(previous.store.clone());
        let hold = Hold { rolling_back_to, ..hold.clone() };
        held = replace(state, alias, seen, |record| record.hold = Some(hold.clone())).await?;
    }

    let copy = match copier {
        Some(run) => Some(take_back(backend, &previous.store, &run).await?),
        None => None,
    };
    let mut passed_over = Vec::new();
    let mut patchable = Vec::new();
    for id in deployments {
        match passed(backend, &id, &seen.active, &previous.store).await? {
            Some(why) => passed_over.push((id, why)),
            None => patchable.push(id),
        }
    }
    repoint(backend, &patchable, &seen.active, &previous.store, async |_| Ok(())).await?;

    let record = replace(state, alias, &held, |record| {
        if previous.copied_by.is_some() {
            record.take_back_copy(previous.clone());
        } else {
            record.bring_back(previous.clone(), now);
        }
        record.hold = Some(Hold { rolling_back_to: None, ..hold.clone() });
    });
    let session = adopted.and_then(|run| run.session).and_then(|asked| asked.session);
    Ok(RolledBack { record: record.await?, copy, deployments: patchable, passed_over, session })
}

/// Says why a deployment is left as it is, if it is: what happened to it since wins.
async fn passed(
    backend: &dyn Backend,
    deployment: &DeploymentId,
    from: &MemoryStoreId,
    to: &MemoryStoreId,
) -> Result<Option<String>, RunError> {
    // A look at the store it should name changes nothing, and neither does one at the store it may name.
    match backend.repoint(deployment, from, from).await {
        Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => Ok(Some("it is gone".to_owned())),
        Err(BackendError::Refused { kind: Refusal::Conflict, message, .. }) => {
            Ok(backend.repoint(deployment, to, to).await.is_err().then_some(message))
        }
        _ => Ok(None),
    }
}

/// Says whether a journal tells what a run copied.
fn has_copied(run: &RunState) -> bool {
    run.intended.is_some() && run.copy.as_ref().is_some_and(|copy| copy.end.is_some())
}

async fn open(state: &dyn StateStore, run: Option<&RunId>) -> Result<Option<RunState>, RunError> {
    let Some(run) = run else { return Ok(None) };
    Ok(Journal::open(state, run).await?.map(|journal| journal.state().clone()))
}

/// Changes an alias that is still what was read.
async fn replace(
    state: &dyn StateStore,
    alias: &Alias,
    seen: &AliasRecord,
    mut change: impl FnMut(&mut AliasRecord),
) -> Result<AliasRecord, RunError> {
    let updated = alias::update(state, alias, |record| {
        if record != seen {
            return Err(StateError::Conflict { key: Key::alias(alias) });
        }
        change(record);
        Ok(true)
    });
    updated.await?.ok_or_else(|| RunError::Stale { alias: alias.clone() })
}

/// Writes back what a store held before a run copied its candidate into it.
async fn take_back(backend: &dyn Backend, store: &MemoryStoreId, run: &RunState) -> Result<Copy, RunError> {
    let Some((begun, end, candidate)) =
        run.copy.as_ref().and_then(|copy| Some((&copy.live, copy.end.as_ref()?, run.intended.as_ref()?)))
    else {
        return Ok(Copy::default());
    };
    let written = |index: &SnapshotIndex| SnapshotIndex {
        entries: end
            .written
            .iter()
            .filter_map(|path| Some((path.clone(), index.entries.get(path)?.clone())))
            .collect::<BTreeMap<_, _>>(),
    };
    let (from, to) = (written(candidate), written(begun));
    let texts = texts_of(backend, store, &from, &to).await?;
    Ok(write_copy(backend, store, &from, &to, &texts).await?)
}
