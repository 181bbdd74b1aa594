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
    /// The chosen sessions that were read before and went on since.
    pub(super) went_on: Vec<SessionId>,
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
    let marked = marked(facts);
    for session in in_order(facts) {
        match reason_against(pipeline, facts, &marked, session) {
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
    if pipeline.sessions.since != Since::Beginning {
        let went_on = selection.chosen.iter().map(|session| &session.id);
        selection.went_on = went_on.filter(|id| marked.grown.contains(id)).cloned().collect();
    }
    selection.left_out.sort_by(|a, b| (&a.reason, &a.session).cmp(&(&b.reason, &b.session)));
    selection.watermarks = advance(pipeline, facts, &marked, &selection.chosen);
    selection
}

/// Selects the sessions that a dream made elsewhere has read, as far as the pipeline's sources list them.
/// What they held when it read them is not known: they count as read to the end they have now.
pub(super) fn read_by(pipeline: &Pipeline, facts: &Facts, read: &[SessionId]) -> Selection {
    let read: BTreeSet<&SessionId> = read.iter().collect();
    let chosen: Vec<Session> =
        in_order(facts).into_iter().filter(|session| read.contains(&session.id)).cloned().collect();
    let watermarks = advance(pipeline, facts, &marked(facts), &chosen);
    Selection { waiting: count(chosen.len()), chosen, watermarks, ..Selection::default() }
}

/// Returns where each source of a pipeline stands once sessions are settled that were read before anybody
/// can tell; a source of which none was read has no place. What they held then is not known: they count as
/// read to the end they have now.
pub fn settled(
    pipeline: &Pipeline,
    facts: &Facts,
    read: &BTreeSet<SessionId>,
) -> BTreeMap<SourceKey, Watermark> {
    let read: Vec<SessionId> = read.iter().cloned().collect();
    let mut watermarks = read_by(pipeline, facts, &read).watermarks;
    watermarks.retain(|_, watermark| *watermark != Watermark::default());
    watermarks
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

/// What watermarks say of the sessions of their sources.
#[derive(Debug, Default)]
struct Marked<'a> {
    /// Sessions that adopted runs have read to their end.
    read: BTreeSet<&'a SessionId>,
    /// Sessions that only their time settles, with the time up to which that is so.
    passed_over: BTreeMap<&'a SessionId, Timestamp>,
    /// Sessions that went on since an adopted run read them.
    grown: BTreeSet<&'a SessionId>,
}

/// Sorts sessions by the watermarks of the sources that list them. What one remembers as read to its end
/// was read, whatever another knows.
fn marked(facts: &Facts) -> Marked<'_> {
    let mut marked = Marked::default();
    let Some(alias) = &facts.alias else { return marked };
    for (key, source) in &facts.sources {
        let Some(watermark) = alias.watermarks.get(key) else { continue };
        for session in &source.sessions {
            if watermark.remembers(&session.id, session.size.events) {
                marked.read.insert(&session.id);
            } else if watermark.has_grown(&session.id, session.size.events) {
                marked.grown.insert(&session.id);
            } else if let Some(through) = &watermark.through
                && watermark.passes_over(&mark(session))
            {
                marked.passed_over.insert(&session.id, through.created_at);
            }
        }
    }
    marked
}

fn reason_against(
    pipeline: &Pipeline,
    facts: &Facts,
    marked: &Marked<'_>,
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
        Since::LastAdopted => None,
        Since::Instant(since) => Some(*since),
        Since::Within(span) => Some(facts.now - *span),
    };
    if let Some(since) = since.filter(|since| session.created_at < *since) {
        return Some(LeftOutReason::BeforeSince { since });
    }
    // Whatever the bound, what an adopted run has read is not paid for again.
    if marked.read.contains(&session.id) {
        return Some(LeftOutReason::AlreadyRead);
    }
    if marked.grown.contains(&session.id) {
        return None;
    }
    let through = *marked.passed_over.get(&session.id)?;
    match &facts.last_run {
        Some(last) if last.sessions.contains(&session.id) => {
            Some(LeftOutReason::ReadLast { run: last.run.clone(), through })
        }
        _ => Some(LeftOutReason::PassedOver { through }),
    }
}

/// How late a transcript may turn up and still be read. Machines that were offline, and copies that run
/// once a week, hand sessions in long after they began; until this much time has passed, sessions that
/// were read are remembered by name, so that an older newcomer stands out.
const LATE_ARRIVAL: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Moves each source's watermark over what is settled once `chosen` is adopted.
///
/// It stops at the first session that still has to be read (one that runs now, one that had to wait its
/// turn, or one that went on since it was read) and short of [`LATE_ARRIVAL`]. An empty session that has
/// come to rest does not stop it: by then nothing more is to be expected of it. Those after it that were read are remembered by name, and so
/// are all of a source that names its sessions: what is added to such a list may be of any age.
fn advance(
    pipeline: &Pipeline,
    facts: &Facts,
    marked: &Marked<'_>,
    chosen: &[Session],
) -> BTreeMap<SourceKey, Watermark> {
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
                let read_to = old.read_to.get(id).copied();
                let standing = Standing { is_read: true, is_settled: true, read_to };
                (Mark { created_at: *at, session: id.clone() }, standing)
            });
            let mut standings: BTreeMap<Mark, Standing> = remembered.collect();
            for session in &source.sessions {
                let id = &session.id;
                let events = session.size.events;
                let is_chosen = chosen.contains(id);
                let is_empty = events == 0 && !session.status.is_unfinished();
                let is_whole = is_chosen || old.remembers(id, events);
                // What one source passes over is never read, and must not hold another one up.
                let is_passed = marked.passed_over.contains_key(id) && !marked.grown.contains(id);
                let standing = Standing {
                    is_read: is_chosen || old.beyond.contains_key(id),
                    is_settled: is_whole
                        || is_empty
                        || is_passed
                        || session.is_dream_worker
                        || session.is_archived,
                    read_to: if is_chosen { Some(events) } else { old.read_to.get(id).copied() },
                };
                standings.insert(mark(session), standing);
            }
            let mut new = Watermark { through: old.through.clone(), ..Watermark::default() };
            let mut is_contiguous = !named.contains(key);
            for (mark, standing) in standings {
                if old.through.as_ref().is_some_and(|through| mark <= *through) {
                    continue;
                }
                is_contiguous &= standing.is_settled && mark.created_at < horizon;
                if is_contiguous {
                    new.through = Some(mark);
                } else if standing.is_read {
                    if let Some(read_to) = standing.read_to {
                        new.read_to.insert(mark.session.clone(), read_to);
                    }
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
    read_to: Option<u64>,
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
