//! Waiting for dreams: by the stream of the worker session where there is one, by looking where not.
//!
//! ```text
//! next_change ─▶ known better already? ─▶ time to look? ─▶ listen: stream, bell, timer ─┐
//!      ▲                                                                                  │
//!      └──────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A stream tells when to look; what a dream's status is, is only ever read from the dream. Looks become rarer
//! while nothing changes. When many dreams are waited for, one listing serves them all, and rings for
//! everybody whose dream it shows changed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::HttpBackend;
use super::activity::{Doings, Turn};
use super::convert;
use super::dreams::{list_call, no_access};
use super::outcome::Failed;
use super::page::Pages;
use super::request::chance;
use super::stream::Events;
use crate::backend::Activity;
use crate::backend::wire;
use crate::dream::Dream;
use crate::ids::DreamId;

/// How long to wait before a dream that has not changed is returned all the same.
const QUIET: Duration = Duration::from_secs(30);
/// How many times its first interval the interval between two looks may become: 2 s become 60 s.
const SLOWEST: u32 = 30;
/// The most streams at once. Beyond them dreams are looked at.
const STREAMS: usize = 64;
/// The longest wait for a stream to open, during which nothing else is heard.
const OPENING: Duration = Duration::from_secs(10);
/// Up to how many dreams are looked at one by one.
const HANDFUL: usize = 4;
/// How many quick looks follow a session's end, before its dream is believed to be still at work.
const QUICK_LOOKS: u32 = 6;
/// How long after the session's end the first of them comes; the others take longer and longer.
const QUICK: Duration = Duration::from_millis(200);
/// How long a server may be out of reach before whoever waits is told.
const OUTAGE: Duration = Duration::from_secs(300);
/// The longest that a server is left alone because it asks for it while dreams are waited for.
const REST: Duration = Duration::from_secs(3600);
/// How many dreams that have ended are remembered with what they were seen doing: one listing may tell of the end of
/// all that an apply waits for.
const ENDED: usize = 1_024;
/// The most events that are taken in before whoever waits is told of them.
const AT_ONCE: usize = 256;

/// What is known of the dreams that are waited for.
pub(super) struct Watches {
    all: Mutex<BTreeMap<DreamId, Arc<Watch>>>,
    waiting: Mutex<BTreeMap<DreamId, Waiting>>,
    /// Those that have ended, in the order of their ends.
    ended: Mutex<VecDeque<DreamId>>,
    /// Until when the server asked not to be asked.
    resting_until: Mutex<Instant>,
    streams: Arc<Semaphore>,
    listing: tokio::sync::Mutex<()>,
    bell: watch::Sender<()>,
}

struct Waiting {
    created_at: Timestamp,
    callers: usize,
}

struct Watch {
    told: Mutex<Told>,
    /// Held by the one who waits; others in the process hear of it by the bell.
    line: tokio::sync::Mutex<Line>,
}

struct Told {
    /// As last looked at.
    dream: Dream,
    looked: Instant,
    /// The session that does the work, once it is known.
    session: Option<String>,
    doings: Doings,
    /// How many activities whoever waits has been told of.
    reported: usize,
}

/// How one dream is being listened to.
struct Line {
    stream: Option<(Events, OwnedSemaphorePermit)>,
    /// Whether the events so far were read at least once.
    is_caught_up: bool,
    reopen_at: Instant,
    reopen_after: Duration,
    look_at: Instant,
    interval: Duration,
    quick_looks: u32,
    failing_since: Option<Instant>,
}

impl Default for Watches {
    fn default() -> Self {
        Self {
            all: Mutex::default(),
            waiting: Mutex::default(),
            ended: Mutex::default(),
            resting_until: Mutex::new(Instant::now()),
            streams: Arc::new(Semaphore::new(STREAMS)),
            listing: tokio::sync::Mutex::default(),
            bell: watch::Sender::new(()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watches {
    fn find(&self, id: &DreamId) -> Option<Arc<Watch>> {
        lock(&self.all).get(id).cloned()
    }

    /// Begins to keep what is known of a dream.
    fn of(&self, dream: &Dream, first: Duration) -> Arc<Watch> {
        let mut all = lock(&self.all);
        let watch = all.entry(dream.id.clone()).or_insert_with(|| Arc::new(Watch::new(dream.clone(), first)));
        Arc::clone(watch)
    }

    /// Lets go of a dream that nobody waits for any more.
    pub(super) fn forget(&self, id: &DreamId) {
        lock(&self.all).remove(id);
    }

    /// Notes that a dream has ended, and lets go of those that ended long before. What was seen of this one is
    /// asked for right after its end is told.
    fn retire(&self, id: &DreamId) {
        let mut ended = lock(&self.ended);
        if !ended.contains(id) {
            ended.push_back(id.clone());
        }
        while ended.len() > ENDED
            && let Some(oldest) = ended.pop_front()
        {
            self.forget(&oldest);
        }
    }

    /// Leaves the server alone for as long as it asks, within reason, and says how long.
    fn rest(&self, failed: &Failed) -> Option<Duration> {
        let Failed::Refused(refused) = failed else { return None };
        let wait = refused.retry_after.filter(|_| failed.may_pass())?.min(REST);
        let mut until = lock(&self.resting_until);
        *until = (*until).max(Instant::now() + wait);
        Some(wait)
    }

    fn resting_until(&self) -> Instant {
        *lock(&self.resting_until)
    }

    /// Returns what a dream was seen doing.
    pub(super) fn activity(&self, id: &DreamId, from: usize) -> Vec<Activity> {
        let Some(watch) = self.find(id) else { return Vec::new() };
        let told = lock(&watch.told);
        told.doings.activities.get(from..).unwrap_or_default().to_vec()
    }

    /// Counts the dreams that are looked at because they have no stream.
    fn without_stream(&self) -> usize {
        let streams = STREAMS.saturating_sub(self.streams.available_permits());
        lock(&self.waiting).len().saturating_sub(streams)
    }
}

impl Watch {
    fn new(dream: Dream, first: Duration) -> Self {
        let now = Instant::now();
        let told = Told { dream, looked: now, session: None, doings: Doings::default(), reported: 0 };
        let line = Line {
            stream: None,
            is_caught_up: false,
            reopen_at: now,
            reopen_after: first,
            look_at: now + first.mul_f64(1.0 - chance() / 4.0),
            interval: first,
            quick_looks: 0,
            failing_since: None,
        };
        Self { told: Mutex::new(told), line: tokio::sync::Mutex::new(line) }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        lock(&self.told)
    }

    /// Returns the dream if there is something that whoever saw it so does not know.
    fn news(&self, seen: &Dream) -> Option<Dream> {
        let mut told = self.told();
        let dream = told.whole();
        if dream == *seen && told.doings.activities.len() == told.reported {
            return None;
        }
        told.reported = told.doings.activities.len();
        Some(dream)
    }
}

impl Told {
    fn whole(&self) -> Dream {
        let progress = self.doings.progress(self.dream.sessions.len());
        Dream { progress, ..self.dream.clone() }
    }
}

/// Counts a caller as waiting for as long as it does.
struct Entered<'a> {
    watches: &'a Watches,
    id: DreamId,
}

impl<'a> Entered<'a> {
    fn new(watches: &'a Watches, dream: &Dream) -> Self {
        let mut waiting = lock(&watches.waiting);
        let entry =
            waiting.entry(dream.id.clone()).or_insert(Waiting { created_at: dream.created_at, callers: 0 });
        entry.callers += 1;
        Self { watches, id: dream.id.clone() }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let mut waiting = lock(&self.watches.waiting);
        if let Some(entry) = waiting.get_mut(&self.id) {
            entry.callers -= 1;
            if entry.callers == 0 {
                waiting.remove(&self.id);
            }
        }
    }
}

impl HttpBackend {
    /// Reads a dream that was asked for by itself, and keeps it if it is at work: most likely it is waited for
    /// next.
    pub(super) fn note_one(&self, answer: wire::Dream) -> Result<Dream, Failed> {
        let session = answer.session_id.clone();
        let dream = self.note(answer)?;
        if !dream.status.is_final() && self.watches.find(&dream.id).is_none() {
            self.watches.of(&dream, self.timeouts.poll).told().session = session;
        }
        Ok(dream)
    }

    /// Reads a dream that the API answered, and adds what was seen of it.
    pub(super) fn note(&self, answer: wire::Dream) -> Result<Dream, Failed> {
        let session = answer.session_id.clone();
        let dream = convert::dream(answer)?;
        let Some(watch) = self.watches.find(&dream.id) else { return Ok(dream) };
        let mut told = watch.told();
        told.looked = Instant::now();
        told.session = session.or(told.session.take());
        // An answer that was overtaken by a later one: what has ended stays so.
        let is_overtaken = told.dream.status.is_final() && !dream.status.is_final();
        if told.dream != dream && !is_overtaken {
            told.dream = dream;
            self.watches.bell.send_replace(());
        }
        if told.dream.status.is_final() {
            self.watches.retire(&told.dream.id);
        }
        Ok(told.whole())
    }

    pub(super) async fn wait_for_change(&self, seen: &Dream) -> Result<Dream, Failed> {
        if seen.status.is_final() {
            return Ok(seen.clone());
        }
        let watch = self.watches.of(seen, self.timeouts.poll);
        let _entered = Entered::new(&self.watches, seen);
        let until = Instant::now() + QUIET;
        let mut bell = self.watches.bell.subscribe();
        let mut line = watch.line.try_lock().ok();
        loop {
            bell.borrow_and_update();
            let is_over = watch.told().dream.status.is_final();
            if is_over && let Some(line) = line.as_deref_mut() {
                self.wind_up(&watch, line).await;
            }
            if let Some(dream) = watch.news(seen) {
                return Ok(dream);
            }
            if Instant::now() >= until {
                return Ok(watch.told().whole());
            }
            let Some(line) = line.as_deref_mut() else {
                // Somebody else in this process listens, and rings.
                let _ = timeout(Duration::from_secs(1), bell.changed()).await;
                continue;
            };
            let resting_until = self.watches.resting_until();
            line.look_at = line.look_at.max(resting_until);
            line.reopen_at = line.reopen_at.max(resting_until);
            if Instant::now() >= line.look_at {
                let before = watch.told().dream.clone();
                let looked = self.look(&watch, &seen.id, line).await;
                let is_changed = watch.told().dream != before;
                let asked = looked.as_ref().err().and_then(|failed| self.watches.rest(failed));
                line.looked(looked, is_changed, asked, self.timeouts.poll)?;
                continue;
            }
            if self.listen(&watch, line).await {
                continue;
            }
            let (wake, is_streaming) = (line.look_at.min(until), line.stream.is_some());
            tokio::select! {
                event = line.next_event(), if is_streaming => self.heard(&watch, line, event),
                _ = bell.changed() => {}
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Looks at a dream: alone, or at all that are waited for when these are many.
    async fn look(&self, watch: &Watch, id: &DreamId, line: &Line) -> Result<(), Failed> {
        let is_alone =
            line.stream.is_some() || line.quick_looks > 0 || self.watches.without_stream() <= HANDFUL;
        if is_alone {
            return self.look_up_dream(id).await.map(|_| ());
        }
        // One at a time: whoever waited for it has most likely been served by it.
        let _turn = self.watches.listing.lock().await;
        if watch.told().looked.elapsed() < line.interval / 2 {
            return Ok(());
        }
        let began = Instant::now();
        self.look_at_all().await?;
        if watch.told().looked < began {
            self.look_up_dream(id).await?;
        }
        Ok(())
    }

    async fn look_at_all(&self) -> Result<(), Failed> {
        let (mut open, oldest) = {
            let waiting = lock(&self.watches.waiting);
            let oldest = waiting.values().map(|entry| entry.created_at).min();
            (waiting.keys().map(ToString::to_string).collect::<std::collections::BTreeSet<_>>(), oldest)
        };
        let since = oldest.unwrap_or(Timestamp::UNIX_EPOCH);
        let mut pages = Pages::of(list_call(since));
        while !open.is_empty()
            && let Some(page) = pages.next::<Value>(&self.api).await.map_err(no_access)?
        {
            for dream in page {
                if dream.get("id").and_then(Value::as_str).is_some_and(|id| open.remove(id)) {
                    self.note(self.read_dream(dream)?)?;
                }
            }
        }
        Ok(())
    }

    /// Opens the stream of a dream that has none, if it can have one. Says whether it did.
    async fn listen(&self, watch: &Watch, line: &mut Line) -> bool {
        if line.stream.is_some() || Instant::now() < line.reopen_at {
            return false;
        }
        let (session, from) = {
            let told = watch.told();
            (told.session.clone(), told.doings.latest)
        };
        let Some(session) = session else { return false };
        let Ok(permit) = Arc::clone(&self.watches.streams).try_acquire_owned() else { return false };
        let opening = async {
            let events = self.open_events(&session).await?;
            // What happened before it opened is in the list alone, and what is in both is told by its id.
            Ok::<_, Failed>((events, self.past_events(&session, from).await))
        };
        line.reopen_at = Instant::now() + line.reopen_after;
        line.reopen_after = (line.reopen_after * 2).min(self.timeouts.poll * SLOWEST);
        match timeout(OPENING, opening).await {
            Ok(Ok((events, past))) => {
                line.stream = Some((events, permit));
                // With a stream, looking only guards against one that tells nothing.
                line.look_at = line.look_at.max(Instant::now() + self.timeouts.poll * (SLOWEST / 2));
                match past {
                    Ok(past) => {
                        line.is_caught_up = true;
                        self.take_in(watch, line, &past);
                    }
                    Err(failed) => tracing::debug!(?failed, "past events were not listed"),
                }
            }
            Ok(Err(failed)) => tracing::debug!(?failed, "no stream of events"),
            Err(_) => tracing::debug!("no stream of events in time"),
        }
        line.stream.is_some()
    }

    fn take_in<'a>(
        &self,
        watch: &Watch,
        line: &mut Line,
        events: impl IntoIterator<Item = &'a wire::Object>,
    ) {
        let mut guard = watch.told();
        let told = &mut *guard;
        let mut turn = Turn::GoesOn;
        for event in events {
            turn = told.doings.take(event, &told.dream.sessions);
        }
        if turn == Turn::Stopped {
            line.quick_looks = QUICK_LOOKS;
            line.look_at = Instant::now();
        }
    }

    /// Takes in an event and those right behind it, or the end of the stream.
    fn heard(
        &self,
        watch: &Watch,
        line: &mut Line,
        first: Option<Result<wire::Object, super::stream::StreamLost>>,
    ) {
        let mut events = Vec::new();
        let mut next = Some(first);
        let mut is_lost = false;
        while let Some(item) = next.take() {
            match item {
                Some(Ok(event)) => events.push(event),
                Some(Err(lost)) => {
                    tracing::debug!(reason = %lost, "a stream of events was lost");
                    is_lost = true;
                }
                None => is_lost = true,
            }
            if !is_lost && events.len() < AT_ONCE {
                next = line.next_event().now_or_never();
            }
        }
        if !events.is_empty() {
            // A stream that works may be opened again soon.
            line.reopen_after = self.timeouts.poll;
            self.take_in(watch, line, &events);
        }
        if is_lost {
            line.stream = None;
            line.reopen_at = line.reopen_at.max(Instant::now() + line.reopen_after);
            line.look_at = Instant::now();
        }
        self.watches.bell.send_replace(());
    }

    /// Lets go of what only a running dream needs. What a dream did that was over before anybody listened is
    /// read once, while dreams are few.
    async fn wind_up(&self, watch: &Watch, line: &mut Line) {
        let mut last = Vec::new();
        while last.len() < AT_ONCE
            && let Some(Some(Ok(event))) = line.next_event().now_or_never()
        {
            last.push(event);
        }
        self.take_in(watch, line, &last);
        line.stream = None;
        let session = watch.told().session.clone();
        if let Some(session) = session
            && !std::mem::replace(&mut line.is_caught_up, true)
            && self.watches.without_stream() <= HANDFUL
            && let Ok(Ok(past)) = timeout(OPENING, self.past_events(&session, None)).await
        {
            self.take_in(watch, line, &past);
        }
        watch.told().doings.close();
    }
}

impl Line {
    async fn next_event(&mut self) -> Option<Result<wire::Object, super::stream::StreamLost>> {
        match &mut self.stream {
            Some((events, _)) => events.next().await,
            None => None,
        }
    }

    /// Settles when to look next.
    fn looked(
        &mut self,
        looked: Result<(), Failed>,
        is_changed: bool,
        asked: Option<Duration>,
        first: Duration,
    ) -> Result<(), Failed> {
        let now = Instant::now();
        match looked {
            Ok(()) => self.failing_since = None,
            Err(failed) => {
                let since = *self.failing_since.get_or_insert(now);
                if !failed.may_pass() || now.saturating_duration_since(since) >= OUTAGE {
                    self.failing_since = None;
                    self.look_at = now + first;
                    return Err(failed);
                }
                let seconds = asked.map(|wait| wait.as_secs());
                tracing::warn!(?failed, seconds, "a dream could not be looked at; its server is asked again");
                // A server that names a time is in reach: it is out of reach if it is silent after that.
                if let Some(wait) = asked {
                    self.failing_since = Some(now + wait);
                }
            }
        }
        let slowest = first * SLOWEST;
        let wait = if self.quick_looks > 0 {
            self.quick_looks -= 1;
            QUICK.min(first) * (QUICK_LOOKS - self.quick_looks)
        } else if self.stream.is_some() {
            slowest
        } else {
            self.interval = if is_changed { first } else { (self.interval * 3 / 2).min(slowest) };
            self.interval
        };
        self.look_at = now + wait.mul_f64(1.0 - chance() / 4.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Credential, HttpOptions};
    use super::*;
    use crate::backend::Backend;
    use crate::clock::SystemClock;

    fn told(id: &str, status: &str) -> wire::Dream {
        let text = format!(
            r#"{{"id":"{id}","status":"{status}","inputs":[{{"type":"memory_store","memory_store_id":"memstore_1"}},
            {{"type":"sessions","session_ids":["sesn_1"]}}],"model":{{"id":"m"}},"created_at":"2026-11-22T10:00:00Z"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[tokio::test]
    async fn only_what_is_waited_for_or_ended_lately_is_kept() {
        let options = HttpOptions::new(Credential::ApiKey("key".into()), Arc::new(SystemClock));
        let nowhere = Some("http://127.0.0.1:9".to_owned());
        let backend = HttpBackend::new(HttpOptions { base_url: nowhere, ..options }).unwrap();
        let kept = || lock(&backend.watches.all).len();
        backend.note(told("drm_foreign", "running")).unwrap();
        assert_eq!(kept(), 0, "one that is only listed");
        for n in 0..2 * ENDED {
            let id = format!("drm_{n}");
            backend.note_one(told(&id, "running")).unwrap();
            backend.note(told(&id, "completed")).unwrap();
            assert!(backend.watches.find(&id.parse().unwrap()).is_some(), "what it did is asked for now");
        }
        assert_eq!((kept(), lock(&backend.watches.ended).len()), (ENDED, ENDED));
        backend.note_one(told("drm_left", "running")).unwrap();
        backend.leave(&"drm_left".parse().unwrap()).await.unwrap();
        assert_eq!(kept(), ENDED);
    }
}
