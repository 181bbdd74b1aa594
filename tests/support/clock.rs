//! A clock that moves when it is told to.

use std::sync::Mutex;
use std::time::Duration;

use dreamrun::clock::{Clock, Monotonic};
use jiff::{SignedDuration, Timestamp};

/// A clock that moves when it is told to.
#[derive(Debug)]
pub(crate) struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// Starts at an instant, written as in RFC 3339.
    pub(crate) fn at(text: &str) -> Self {
        Self(Mutex::new(text.parse().unwrap()))
    }

    /// Moves on.
    pub(crate) fn advance(&self, by: SignedDuration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Monotonic for ManualClock {
    fn elapsed(&self) -> Duration {
        self.now().duration_since(Timestamp::UNIX_EPOCH).try_into().unwrap()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}
