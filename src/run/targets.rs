//! What adoption does beside the alias: the copy into the live store, deployments, a session.
//!
//! Each step may be cut off anywhere and repeated. A copy is carried on from what the store holds by then,
//! a patch that has happened is left alone, and a session in doubt is looked for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::adoption::{Conflict, Texts, copy, merge};
use crate::backend::{Backend, BackendError, Refusal, SessionRequest};
use crate::ids::{DeploymentId, MemoryStoreId};
use crate::journal::Journal;
use crate::journal::event::{FailReason, JournalEvent};
use crate::journal::run_state::Phase;
use crate::memory::{ContentHash, MemoryPath, MemoryWrite};
use crate::snapshot::{Snapshot, SnapshotIndex};
use crate::spec::pipeline::{AgentRef, Target};

use super::settle::time_to_be_sure;
use super::{RunError, Surroundings, adopt, record};

/// Writes the candidate into the live store. Agents may have written there since the decision: then the run
/// decides again. What they write from the intent on wins over the candidate, entry by entry.
pub(super) async fn copy_back(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    let Phase::Adopting { from, to, .. } = journal.state().phase.clone() else { return Ok(()) };
    if journal.state().copy.is_none() {
        if adopt::as_decided(journal, around).await?.is_none() {
            return Ok(());
        }
        let Some(base) = &journal.state().base else { return Ok(()) };
        // What differs from the store that was judged, agents wrote since, and it wins.
        let event = JournalEvent::CopyIntended { live: base.index.clone() };
        record(journal, around, event).await?;
    }
    let state = journal.state();
    let (Some(intent), Some(candidate)) = (&state.copy, &state.intended) else { return Ok(()) };
    let (begun, candidate) = (intent.live.clone(), candidate.clone());
    let texts = around.past().written(&[to, from.clone()], &begun, &candidate).await?;
    let done = match write_copy(around.backend, &from, &begun, &candidate, &texts, None).await {
        Ok(done) => done,
        Err(BackendError::Refused { .. }) if is_closed(around.backend, &from).await? => {
            let because = FailReason::LiveStoreClosed { store: from };
            return record(journal, around, JournalEvent::Failed { because }).await;
        }
        Err(error) => return Err(error.into()),
    };
    let event = JournalEvent::CopiedBack {
        written: done.written,
        conflicts: done.conflicts,
        kept: done.kept,
        missing: done.missing,
    };
    record(journal, around, event).await
}

/// Says whether a store was deleted or archived, so that nobody writes to it any more.
async fn is_closed(backend: &dyn Backend, store: &MemoryStoreId) -> Result<bool, BackendError> {
    match backend.store(store).await {
        Ok(store) => Ok(store.archived_at.is_some()),
        Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Writes a copy into a store until there is nothing left to write, and says what became of each entry: as
/// read back after the last write. With the texts that the store held when the copy began, what others changed
/// since is merged statement by statement where that is sound.
pub(super) async fn write_copy(
    backend: &dyn Backend,
    store: &MemoryStoreId,
    from: &SnapshotIndex,
    to: &SnapshotIndex,
    texts: &Snapshot,
    begun: Option<&Texts>,
) -> Result<copy::CopyState, BackendError> {
    let mut refused_at = None;
    loop {
        let (now, rest) = match begun {
            None => {
                let now = backend.index(store).await?;
                let rest = copy::copy(from, to, texts, &now);
                (now, rest)
            }
            Some(begun) => {
                let here = backend.snapshot(store).await?;
                let now = here.index();
                let conflicts = copy::copy(from, to, texts, &now).conflicts;
                let merges = conflicts.iter().filter_map(|one| merged(one, begun, &here, texts)).collect();
                let rest = copy::copy_merging(from, to, texts, &now, &merges);
                (now, rest)
            }
        };
        if rest.writes.is_empty() {
            return Ok(rest);
        }
        match backend.write(store, rest.writes.writes()).await {
            Ok(()) => refused_at = None,
            // Somebody changed an entry since the look: look again, and leave it to them.
            Err(BackendError::Refused { kind: Refusal::Conflict, .. }) if refused_at != Some(now.hash()) => {
                refused_at = Some(now.hash());
            }
            // A full store has no room for what comes before what goes is gone.
            Err(BackendError::Refused { kind: Refusal::Full, .. }) if refused_at != Some(now.hash()) => {
                refused_at = Some(now.hash());
                let is_delete = |write: &&MemoryWrite| matches!(write, MemoryWrite::Delete { .. });
                let deletes: Vec<_> = rest.writes.writes().iter().filter(is_delete).cloned().collect();
                backend.write(store, &deletes).await?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Merges what others made of an entry with what it is to hold, if that is sound.
fn merged(
    conflict: &Conflict,
    begun: &Texts,
    here: &Snapshot,
    texts: &Snapshot,
) -> Option<(MemoryPath, (ContentHash, Arc<str>))> {
    let path = &conflict.path;
    let (base, ours, theirs) = (begun.get(&conflict.base?)?, here.get(path)?, texts.get(path)?);
    let text = merge(base, &ours.content, &theirs.content)?;
    (Some(theirs.hash) == conflict.theirs).then(|| (path.clone(), (ours.hash, text.into())))
}

/// Makes sure that deployments can be patched, before anything is.
pub(super) async fn look_at_deployments(
    around: &Surroundings<'_>,
    ids: &[DeploymentId],
    from: &MemoryStoreId,
) -> Result<(), RunError> {
    repoint(around.backend, ids, from, from, async |_| Ok(())).await
}

/// Gives the new store to the deployments that do not have it yet. One that refuses does not keep the others
/// from theirs.
pub(super) async fn patch_deployments(
    journal: &mut Journal,
    around: &Surroundings<'_>,
) -> Result<(), RunError> {
    let state = journal.state();
    let Target::Deployment(ids) = state.plan.adopt.target.clone() else { return Ok(()) };
    let (Some(base), Some(candidate)) = (&state.base, &state.candidate) else { return Ok(()) };
    let (from, to) = (base.store.clone(), candidate.store.clone());
    let before = state.patched.clone();
    let todo: Vec<DeploymentId> = ids.into_iter().filter(|id| !before.contains(id)).collect();
    let patched = repoint(around.backend, &todo, &from, &to, async |deployment| {
        record(journal, around, JournalEvent::DeploymentPatched { deployment }).await
    });
    patched.await.map_err(|error| match error {
        RunError::NotPatched { refused, patched, left, source } => {
            RunError::NotPatched { refused, patched: [before, patched].concat(), left, source }
        }
        other => other,
    })
}

/// Gives the new store to the deployments of a run that was canceled when its alias had moved, as far as they take
/// it: what they go on with otherwise is a store that no alias names, and no later run could give them another.
pub(super) async fn follow_alias(journal: &mut Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    match patch_deployments(journal, around).await {
        Err(RunError::NotPatched { .. }) => Ok(()),
        followed => followed,
    }
}

/// Puts one store in the place of another in deployments, and notes each that has it.
pub(super) async fn repoint(
    backend: &dyn Backend,
    ids: &[DeploymentId],
    from: &MemoryStoreId,
    to: &MemoryStoreId,
    mut note: impl AsyncFnMut(DeploymentId) -> Result<(), RunError>,
) -> Result<(), RunError> {
    let mut patched = Vec::new();
    let mut refusals = Vec::new();
    for id in ids {
        match backend.repoint(id, from, to).await {
            Ok(()) => {
                note(id.clone()).await?;
                patched.push(id.clone());
            }
            Err(source @ BackendError::Refused { .. }) => refusals.push((id.clone(), source)),
            Err(error) => return Err(error.into()),
        }
    }
    let left = refusals.iter().map(|(id, _)| id.clone()).collect();
    // A look changes nothing: then all of them still have what they had.
    let (patched, left) = if from == to { (Vec::new(), ids.to_vec()) } else { (patched, left) };
    match refusals.into_iter().next() {
        Some((refused, source)) => Err(RunError::NotPatched { refused, patched, left, source }),
        None => Ok(()),
    }
}

/// Makes the request for the session of a run.
fn session_request(journal: &Journal) -> Result<Option<SessionRequest>, RunError> {
    let state = journal.state();
    let (Target::Session { agent, environment }, Phase::Adopting { to, .. }) =
        (&state.plan.adopt.target, &state.phase)
    else {
        return Ok(None);
    };
    let AgentRef::Id(agent) = agent else {
        return Err(RunError::UnknownAgent { agent: agent.to_string() });
    };
    Ok(Some(SessionRequest {
        agent: agent.clone(),
        environment: environment.clone(),
        store: to.clone(),
        run: journal.run().clone(),
    }))
}

pub(super) async fn request_session(
    journal: &mut Journal,
    around: &Surroundings<'_>,
) -> Result<(), RunError> {
    let Some(request) = session_request(journal)? else { return Ok(()) };
    record(journal, around, JournalEvent::SessionRequested).await?;
    match around.backend.create_session(&request).await {
        Ok(session) => {
            record(journal, around, JournalEvent::SessionCreated { session, is_settled: false }).await
        }
        // In doubt: the journal says so, and the next action is to settle.
        Err(BackendError::Unanswered { .. }) => Ok(()),
        Err(error) => {
            record(journal, around, JournalEvent::SessionNotSent).await?;
            Err(error.into())
        }
    }
}

/// Settles a request for a session without an answer. Returns how long to wait before looking again, if it
/// is too early to say. `looked_for` is how long ago this process first looked, with the lease.
pub(super) async fn settle_session(
    journal: &mut Journal,
    around: &Surroundings<'_>,
    looked_for: Duration,
) -> Result<Option<Duration>, RunError> {
    let (Some(request), Some(asked)) = (session_request(journal)?, &journal.state().session) else {
        return Ok(None);
    };
    let requested_at = asked.requested_at;
    let found: BTreeSet<_> = around.backend.sessions_for(&request).await?.into_iter().collect();
    let mut found: Vec<_> = found.into_iter().collect();
    if found.len() > 1 {
        return Err(RunError::SessionInDoubt { run: journal.run().clone(), sessions: found });
    }
    let event = match found.pop() {
        Some(session) => JournalEvent::SessionCreated { session, is_settled: true },
        None => {
            let age = around.clock.now().duration_since(requested_at);
            let left = time_to_be_sure(age, around.backend).saturating_sub(looked_for);
            if !left.is_zero() {
                return Ok(Some(left));
            }
            JournalEvent::SessionNotSent
        }
    };
    record(journal, around, event).await?;
    Ok(None)
}
