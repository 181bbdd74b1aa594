//! Which sessions are read, and why not the others.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::ids::SessionId;
use crate::session::Session;
use crate::spec::pipeline::{Order, Pipeline, SessionSource, Since};
use crate::state::alias::{Mark, SourceKey, Watermark};

use super::facts::{Facts, source_key};
use super::report::{LeftOut, LeftOutReason};

/// The sessions of one run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Selection {
    /// The sessions to read, in the order they began.
    pub(super) chosen: Vec<Session>,
    /// The sessions that stay out, in the order they began.
    pub(super) left_out: Vec<LeftOut>,
    /// Sessions that could be read now, chosen or not.
    pub(super) waiting: u32,
    /// Where each source stands once the chosen sessions are adopted.
    pub(super) watermarks: BTreeMap<SourceKey, Watermark>,
}

fn mark(session: &Session) -> Mark {
    Mark { created_at: session.created_at, session: session.id.clone() }
}

/// Chooses the sessions of one run. `capacity` is the most that its batches can hold.
pub(super) fn select(pipeline: &Pipeline, facts: &Facts, capacity: Option<u32>) -> Selection {
    let mut selection = Selection::default();
    let mut eligible: Vec<&Session> = Vec::new();
    let read = read_before(facts);
    for session in in_order(facts) {
        match reason_against(pipeline, facts.now, &read, session) {
            Some(reason) => selection.left_out.push(LeftOut { session: session.id.clone(), reason }),
            None => eligible.push(session),
        }
    }
    selection.waiting = count(eligible.len());

    if pipeline.sessions.order == Order::Newest {
        eligible.reverse();
    }
    let take = pipeline.sessions.take.unwrap_or(u32::MAX);
    for (place, session) in (0_u32..).zip(eligible) {
        if place >= take {
            let reason = LeftOutReason::BeyondTake { take };
            selection.left_out.push(LeftOut { session: session.id.clone(), reason });
        } else if capacity.is_some_and(|capacity| place >= capacity) {
            let reason = LeftOutReason::BeyondBatch { size: pipeline.batch.size };
            selection.left_out.push(LeftOut { session: session.id.clone(), reason });
        } else {
            selection.chosen.push(session.clone());
        }
    }
    selection.chosen.sort_by_key(mark);
    selection.left_out.sort_by(|a, b| (&a.reason, &a.session).cmp(&(&b.reason, &b.session)));
    selection.watermarks = advance(pipeline, facts, &selection.chosen);
    selection
}

/// Returns every session once, in the order they began.
fn in_order(facts: &Facts) -> Vec<&Session> {
    let mut by_mark: BTreeMap<Mark, &Session> = BTreeMap::new();
    for session in facts.sources.values().flat_map(|source| &source.sessions) {
        by_mark.entry(mark(session)).or_insert(session);
    }
    let mut seen = BTreeSet::new();
    by_mark.into_values().filter(|session| seen.insert(&session.id)).collect()
}

/// Returns the sessions that adopted runs have read, each by the watermark of a source that lists it.
fn read_before(facts: &Facts) -> BTreeSet<&SessionId> {
    let Some(alias) = &facts.alias else { return BTreeSet::new() };
    let marked = facts.sources.iter().filter_map(|(key, source)| Some((alias.watermarks.get(key)?, source)));
    let read = marked.flat_map(|(watermark, source)| {
        source.sessions.iter().filter(|session| watermark.covers(&mark(session)))
    });
    read.map(|session| &session.id).collect()
}

fn reason_against(
    pipeline: &Pipeline,
    now: Timestamp,
    read: &BTreeSet<&SessionId>,
    session: &Session,
) -> Option<LeftOutReason> {
    if session.is_dream_worker {
        return Some(LeftOutReason::DreamWorker);
    }
    if session.is_archived {
        return Some(LeftOutReason::Archived);
    }
    if session.status.is_unfinished() {
        return Some(LeftOutReason::Running);
    }
    if session.size.events == 0 {
        return Some(LeftOutReason::Empty);
    }
    let since = match &pipeline.sessions.since {
        Since::Beginning => return None,
        Since::LastAdopted => return read.contains(&session.id).then_some(LeftOutReason::AlreadyRead),
        Since::Instant(since) => *since,
        Since::Within(span) => now - *span,
    };
    (session.created_at < since).then_some(LeftOutReason::BeforeSince { since })
}

/// How late a transcript may turn up and still be read. Machines that were offline, and copies that run
/// once a week, hand sessions in long after they began; until this much time has passed, sessions that
/// were read are remembered by name, so that an older newcomer stands out.
const LATE_ARRIVAL: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Moves each source's watermark over what is settled once `chosen` is adopted.
///
/// It stops at the first session that still has to be read (one that runs now, or one that had to wait
/// its turn) and short of [`LATE_ARRIVAL`]. Those after it that were read are remembered by name, and so
/// are all of a source that names its sessions: what is added to such a list may be of any age.
fn advance(pipeline: &Pipeline, facts: &Facts, chosen: &[Session]) -> BTreeMap<SourceKey, Watermark> {
    let chosen: BTreeSet<&SessionId> = chosen.iter().map(|session| &session.id).collect();
    let sources = &pipeline.sessions.sources;
    let named: BTreeSet<SourceKey> =
        sources.iter().filter(|source| matches!(source, SessionSource::Ids(_))).map(source_key).collect();
    let horizon = facts.now - LATE_ARRIVAL;
    facts
        .sources
        .iter()
        .map(|(key, source)| {
            let old = facts.alias.as_ref().and_then(|alias| alias.watermarks.get(key));
            let old = old.cloned().unwrap_or_default();
            // What was read counts even when the source no longer lists it.
            let remembered = old.beyond.iter().map(|(id, at)| {
                (Mark { created_at: *at, session: id.clone() }, Standing { is_read: true, is_settled: true })
            });
            let mut standings: BTreeMap<Mark, Standing> = remembered.collect();
            for session in &source.sessions {
                let is_read = chosen.contains(&session.id) || old.beyond.contains_key(&session.id);
                let is_settled = is_read || session.is_dream_worker || session.is_archived;
                standings.insert(mark(session), Standing { is_read, is_settled });
            }
            let mut new = Watermark { through: old.through.clone(), beyond: BTreeMap::new() };
            let mut is_contiguous = !named.contains(key);
            for (mark, standing) in standings {
                if old.through.as_ref().is_some_and(|through| mark <= *through) {
                    continue;
                }
                is_contiguous &= standing.is_settled && mark.created_at < horizon;
                if is_contiguous {
                    new.through = Some(mark);
                } else if standing.is_read {
                    new.beyond.insert(mark.session, mark.created_at);
                }
            }
            (key.clone(), new)
        })
        .collect()
}

/// Where one session stands once a run is adopted.
#[derive(Debug, Clone, Copy)]
struct Standing {
    is_read: bool,
    is_settled: bool,
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
