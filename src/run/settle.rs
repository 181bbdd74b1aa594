//! Settling a request whose answer was lost.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::backend::{Backend, BackendError};
use crate::dream::{Dream, DreamStatus};
use crate::ids::DreamId;
use crate::journal::run_state::DreamRecord;

/// How much earlier than its request a dream may seem to have been made, because clocks are rounded
/// and differ a little. Dreams that a journal already knows are never taken, so this can only find
/// more to be careful about.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_secs(2);

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Exactly one dream answers the request.
    Found(DreamId),
    /// None does, and one that was sent would be listed by now.
    NotSent,
    /// None does yet; look again after this long.
    TooEarly(SignedDuration),
    /// Several do. Which one is ours cannot be told, and asking again would pay again.
    Several(Vec<DreamId>),
}

/// Settles a dream that was requested but never confirmed.
///
/// Looks only; finds the one dream on the backend that matches the request and is not among those
/// `known` to be another request's, which may have been for the very same thing. With several the
/// run has to stop: paying for the same sessions twice is worse than waiting for a person. A person
/// tells which one is meant by canceling the others.
///
/// # Errors
///
/// Fails when the backend cannot list its dreams.
pub async fn settle(
    request: &DreamRecord,
    known: &BTreeSet<DreamId>,
    backend: &dyn Backend,
    now: Timestamp,
) -> Result<Settled, BackendError> {
    let since = request.requested_at - CLOCK_SLACK;
    let dreams = backend.dreams_since(since).await?;
    let mut matching: Vec<Dream> = dreams
        .into_iter()
        .filter(|dream| dream.request_digest() == request.digest && !known.contains(&dream.id))
        .collect();
    matching.sort_by(|a, b| a.id.cmp(&b.id));
    if matching.iter().all(|dream| dream.status == DreamStatus::Canceled) {
        matching.truncate(1);
    } else {
        matching.retain(|dream| dream.status != DreamStatus::Canceled);
    }
    let mut matching: Vec<DreamId> = matching.into_iter().map(|dream| dream.id).collect();
    if matching.len() > 1 {
        return Ok(Settled::Several(matching));
    }
    if let Some(dream) = matching.pop() {
        return Ok(Settled::Found(dream));
    }
    let settling = SignedDuration::try_from(backend.settling_time()).unwrap_or(SignedDuration::MAX);
    let waited = now.duration_since(request.requested_at);
    if waited >= settling { Ok(Settled::NotSent) } else { Ok(Settled::TooEarly(settling - waited)) }
}
