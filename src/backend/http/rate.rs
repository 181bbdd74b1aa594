//! The rate budget: how fast one organisation may ask, shared by all runs in the process.
//!
//! Token buckets that refill continuously. Whoever asks first is served first.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

/// How many requests a minute may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of those that create or change something; the API does not say where changes are counted, so
    /// they are counted where there is less room.
    pub creates: u32,
    /// Of those that read.
    pub reads: u32,
}

impl Limits {
    /// What the public service documents for one organisation.
    pub const PUBLIC: Self = Self { creates: 300, reads: 1_200 };
}

/// The share of a minute's limit that may be used at once. The rest comes in evenly over the minute, so that
/// no minute, wherever it begins, sees more than the limit.
const BURST: f64 = 0.1;

/// One budget for what creates or changes, one for what reads.
pub(super) struct Rate {
    creates: Bucket,
    reads: Bucket,
}

/// Which budget a request is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Creates,
    Reads,
}

struct Bucket {
    /// Tokens a second; none where there is no limit.
    refill: Option<f64>,
    most: f64,
    // Held while waiting, which is what makes a queue of the waiters: tokio's mutex is fair.
    level: Mutex<Level>,
    paused_until: std::sync::Mutex<Option<Instant>>,
}

struct Level {
    tokens: f64,
    at: Instant,
}

impl Rate {
    /// Begins with full buckets; without limits only pauses are kept.
    pub(super) fn new(limits: Option<Limits>) -> Self {
        Self {
            creates: Bucket::new(limits.map(|limits| limits.creates)),
            reads: Bucket::new(limits.map(|limits| limits.reads)),
        }
    }

    fn bucket(&self, class: Class) -> &Bucket {
        match class {
            Class::Creates => &self.creates,
            Class::Reads => &self.reads,
        }
    }

    /// Waits until one more request may be made.
    pub(super) async fn take(&self, class: Class) {
        self.bucket(class).take().await;
    }

    /// Lets nobody ask for a while, because the server said so to one.
    pub(super) fn pause(&self, class: Class, wait: Duration) {
        let mut paused = self.bucket(class).paused();
        let until = Instant::now() + wait;
        *paused = Some(paused.map_or(until, |earlier| earlier.max(until)));
    }
}

impl Bucket {
    fn new(per_minute: Option<u32>) -> Self {
        let limit = f64::from(per_minute.unwrap_or_default());
        let most = (limit * BURST).max(1.0);
        Self {
            refill: per_minute.map(|_| (limit - most).max(1.0) / 60.0),
            most,
            level: Mutex::new(Level { tokens: most, at: Instant::now() }),
            paused_until: std::sync::Mutex::new(None),
        }
    }

    fn paused(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.paused_until.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn pause_left(&self) -> Option<Instant> {
        self.paused().filter(|&until| until > Instant::now())
    }

    async fn take(&self) {
        if self.refill.is_none() && self.pause_left().is_none() {
            return;
        }
        let mut level = self.level.lock().await;
        loop {
            if let Some(until) = self.pause_left() {
                sleep_until(until).await;
                continue;
            }
            let Some(refill) = self.refill else { return };
            let now = Instant::now();
            level.tokens = (level.tokens + (now - level.at).as_secs_f64() * refill).min(self.most);
            level.at = now;
            if level.tokens >= 1.0 {
                level.tokens -= 1.0;
                return;
            }
            // A little more than needed: a timer that fires early would have to be set again.
            sleep(Duration::from_secs_f64((1.0 - level.tokens) / refill) + Duration::from_millis(1)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    async fn times(rate: &Rate, class: Class, count: usize) -> Vec<f64> {
        let start = Instant::now();
        let mut times = Vec::new();
        for _ in 0..count {
            rate.take(class).await;
            times.push(start.elapsed().as_secs_f64());
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn no_minute_sees_more_than_the_limit_and_an_hour_nearly_all_of_it() {
        let rate = Rate::new(Some(Limits::PUBLIC));
        for (class, limit) in [(Class::Creates, 300), (Class::Reads, 1_200)] {
            let times = times(&rate, class, limit * 10).await;
            for (i, &from) in times.iter().enumerate() {
                let within = times[i..].iter().take_while(|&&at| at < from + 60.0).count();
                assert!(within <= limit, "{within} from {from}");
            }
            let minutes = times.last().unwrap() / 60.0;
            assert!(minutes < 11.2, "{minutes}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn classes_do_not_hold_each_other_up_and_a_pause_holds_up_a_whole_class() {
        let rate = Rate::new(None);
        rate.pause(Class::Creates, Duration::from_secs(7));
        rate.pause(Class::Creates, Duration::from_secs(3));
        assert_eq!(times(&rate, Class::Reads, 5).await, [0.0; 5]);
        let waited = times(&rate, Class::Creates, 3).await;
        assert!(waited.iter().all(|&at| (7.0..7.1).contains(&at)), "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_first_is_served_first() {
        let rate = Arc::new(Rate::new(Some(Limits { creates: 10, reads: 10 })));
        let served = Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for n in 0..10 {
            let (rate, served) = (Arc::clone(&rate), Arc::clone(&served));
            tasks.push(tokio::spawn(async move {
                rate.take(Class::Reads).await;
                served.lock().unwrap().push(n);
            }));
            tokio::task::yield_now().await;
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*served.lock().unwrap(), (0..10).collect::<Vec<_>>());
    }
}
