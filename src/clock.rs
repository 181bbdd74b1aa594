//! The only source of time. Everything that needs the hour is handed a [`Clock`], and whoever measures how
//! long something takes across a pause, a [`Monotonic`].

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Returns the current time, to the second at least.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still, for plans and tests that must print the same bytes twice.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// Measures how much time passes, whatever happens to the hour.
pub trait Monotonic: Send + Sync {
    /// Returns how much time has passed since some moment that stays the same. It passes for a process that is
    /// stopped too, and never backwards.
    fn elapsed(&self) -> Duration;
}

/// The machine's own measure.
#[derive(Debug, Clone, Copy)]
pub struct SystemMonotonic(Instant);

impl Default for SystemMonotonic {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Monotonic for SystemMonotonic {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
