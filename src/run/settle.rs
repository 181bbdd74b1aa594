//! Settling a request whose answer was lost.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;

use crate::backend::{Backend, BackendError};
use crate::dream::{Dream, DreamRequest, DreamStatus};
use crate::ids::{DreamId, SessionId};
use crate::journal::CLOCK_SLACK;
use crate::journal::run_state::DreamRecord;
use crate::price::undated;

/// The age, by the hour, at which a request is of another day whatever was done to the clocks of its machine and
/// of this one: each set wrong by a day, they still leave hours between. Nobody is at it any more.
const OLD: SignedDuration = SignedDuration::from_hours(50);

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Exactly one dream answers the request.
    Found(DreamId),
    /// None does, and one that was sent would be listed by now.
    NotSent,
    /// None does yet; look again after this long.
    TooEarly(Duration),
    /// Several do. Which one is ours cannot be told, and asking again would pay again.
    Several(Vec<DreamId>),
    /// None does, and these come close: whether one of them is ours cannot be told either.
    Near(Vec<DreamId>),
}

/// The dreams that may be the answer to a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candidates {
    /// They were asked for the very same thing. A backend may have put a date to the model's name.
    pub fitting: Vec<Dream>,
    /// They read the same store and the same sessions, with another model or other instructions: somebody
    /// else's, or ours as a backend tells it that does not repeat what it was told.
    pub near: Vec<Dream>,
}

/// Lists the dreams that may be the answer to a request: made since, over the same store and the same
/// `sessions`. `model` is the one that was asked for.
///
/// # Errors
///
/// Fails when the backend cannot list its dreams.
pub async fn candidates(
    request: &DreamRecord,
    sessions: &[SessionId],
    model: &str,
    backend: &dyn Backend,
) -> Result<Candidates, BackendError> {
    let sessions: BTreeSet<&SessionId> = sessions.iter().collect();
    let mut found = Candidates::default();
    for dream in backend.dreams_since(request.requested_at - CLOCK_SLACK).await? {
        if is_answer(&dream, request, model) {
            found.fitting.push(dream);
        } else if dream.store == request.store && dream.sessions.iter().collect::<BTreeSet<_>>() == sessions {
            found.near.push(dream);
        }
    }
    Ok(found)
}

/// Says whether a dream was asked for the very same thing.
fn is_answer(dream: &Dream, request: &DreamRecord, model: &str) -> bool {
    dream.request_digest() == request.digest
        || dream.model != model
            && undated(&dream.model) == model
            && request.digest
                == DreamRequest {
                    store: dream.store.clone(),
                    sessions: dream.sessions.clone(),
                    model: model.to_owned(),
                    instructions: dream.instructions.clone(),
                }
                .digest()
}

/// Returns how long after a process first looked, with the lease, whatever came of a request is sure to be
/// listed. `age` is how long ago it was asked for, by the hour.
///
/// Whoever asked sends nothing from the first look on: it gave the answer up, or is dead, or lost the lease,
/// without which nothing is sent ([`crate::state::keeper::Keeper::under`]). What was sent until then may still
/// have its effect, for as long as a create may take, and is listed a settling time later. Both are measured by
/// the looking process alone, so that no clock that was set can end the wait too early.
pub fn time_to_be_sure(age: SignedDuration, backend: &dyn Backend) -> Duration {
    if age > OLD { Duration::ZERO } else { backend.create_time().saturating_add(backend.settling_time()) }
}

/// Settles a dream that was requested but never confirmed.
///
/// Finds the one dream among the candidates that is not `known` to be another request's, which may have
/// been for the very same thing. With several the run has to stop: paying for the same sessions twice is
/// worse than waiting for a person. A person tells which one is meant by canceling the others.
/// `left` is how long it is until nothing listed means nothing sent.
pub fn settle(candidates: Candidates, known: &BTreeSet<DreamId>, left: Duration) -> Settled {
    let unknown = |dreams: Vec<Dream>| {
        let mut dreams: Vec<Dream> = dreams.into_iter().filter(|dream| !known.contains(&dream.id)).collect();
        dreams.sort_by(|a, b| a.id.cmp(&b.id));
        dreams
    };
    let ids = |dreams: Vec<Dream>| dreams.into_iter().map(|dream| dream.id).collect::<Vec<DreamId>>();
    let is_canceled = |dream: &Dream| dream.status == DreamStatus::Canceled;
    let mut matching = unknown(candidates.fitting);
    if matching.iter().all(is_canceled) {
        matching.truncate(1);
    } else {
        matching.retain(|dream| !is_canceled(dream));
    }
    let mut matching = ids(matching);
    if matching.len() > 1 {
        return Settled::Several(matching);
    }
    if let Some(dream) = matching.pop() {
        return Settled::Found(dream);
    }
    let mut near = unknown(candidates.near);
    near.retain(|dream| !is_canceled(dream));
    if !near.is_empty() {
        return Settled::Near(ids(near));
    }
    if left.is_zero() { Settled::NotSent } else { Settled::TooEarly(left) }
}
