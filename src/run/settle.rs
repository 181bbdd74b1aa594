//! Settling a request whose answer was lost.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::backend::{Backend, BackendError};
use crate::dream::{Dream, DreamStatus};
use crate::ids::DreamId;
use crate::journal::CLOCK_SLACK;
use crate::journal::run_state::DreamRecord;

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

/// Lists the dreams that may be the answer to a request: made since, for the very same thing.
///
/// # Errors
///
/// Fails when the backend cannot list its dreams.
pub async fn fitting(request: &DreamRecord, backend: &dyn Backend) -> Result<Vec<Dream>, BackendError> {
    let mut dreams = backend.dreams_since(request.requested_at - CLOCK_SLACK).await?;
    dreams.retain(|dream| dream.request_digest() == request.digest);
    Ok(dreams)
}

/// Settles a dream that was requested but never confirmed.
///
/// Finds the one dream among the `fitting` that is not `known` to be another request's, which may have
/// been for the very same thing. With several the run has to stop: paying for the same sessions twice is
/// worse than waiting for a person. A person tells which one is meant by canceling the others.
/// `settling` is how long the backend takes to list what it accepted.
pub fn settle(
    request: &DreamRecord,
    fitting: Vec<Dream>,
    known: &BTreeSet<DreamId>,
    settling: std::time::Duration,
    now: Timestamp,
) -> Settled {
    let mut matching: Vec<Dream> = fitting.into_iter().filter(|dream| !known.contains(&dream.id)).collect();
    matching.sort_by(|a, b| a.id.cmp(&b.id));
    if matching.iter().all(|dream| dream.status == DreamStatus::Canceled) {
        matching.truncate(1);
    } else {
        matching.retain(|dream| dream.status != DreamStatus::Canceled);
    }
    let mut matching: Vec<DreamId> = matching.into_iter().map(|dream| dream.id).collect();
    if matching.len() > 1 {
        return Settled::Several(matching);
    }
    if let Some(dream) = matching.pop() {
        return Settled::Found(dream);
    }
    let settling = SignedDuration::try_from(settling).unwrap_or(SignedDuration::MAX);
    let waited = now.duration_since(request.requested_at);
    if waited >= settling { Settled::NotSent } else { Settled::TooEarly(settling - waited) }
}
