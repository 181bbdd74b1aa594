//! The lease: which process acts on an alias now, over all machines.
//!
//! It stands in the alias's own object, so that taking, renewing and giving it back are conditional writes
//! like every other. A process has it only while it acts, never while it waits for a dream, a person or
//! the time after which a request is sure to be seen.
//!
//! Nobody compares the hours of two machines. Whoever wants a lease that another process has watches it: one
//! that stays the same (nonce and beat) for its whole time, on the watcher's own monotonic clock, has no
//! living holder, because a holder renews it three times as often and stops acting, on its own monotonic
//! clock, before that time is over. The exception is a watcher that holds the driver lock of the very folder
//! the holder held it in: the system gave it the lock because the holder is gone.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long a lease holds that nobody renews. Longer than a request to a slow place of state takes with its
/// repeats, and short enough to wait for once a process was killed on another machine.
pub const LEASE_TIME: Duration = Duration::from_secs(90);

/// The right of one process to act on an alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lease {
    /// Tells one holding from every other.
    pub nonce: String,
    /// How often it was renewed.
    pub beat: u64,
    /// Who has it.
    pub holder: Who,
    /// What they are doing, as of the last beat.
    pub section: String,
    /// Since when, by the holder's clock. For people; nothing is decided by it.
    pub since: Timestamp,
    /// How long it holds after a beat, in milliseconds.
    pub time_ms: u64,
    /// The lock folder in which the holder has the driver lock, if it has that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
}

impl Lease {
    /// Returns how long it holds after a beat.
    pub fn time(&self) -> Duration {
        Duration::from_millis(self.time_ms)
    }
}

/// A process, as people find it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Who {
    /// What its machine is called.
    pub machine: String,
    /// Its number there.
    pub pid: u32,
    /// The page of the CI run it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_url: Option<String>,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.pid, self.machine)?;
        match &self.run_url {
            Some(url) => write!(f, " ({url})"),
            None => Ok(()),
        }
    }
}

/// What a process has seen of the lease of another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watch {
    /// A holding, its beat, and when that was first seen.
    seen: Option<(String, u64, Duration)>,
}

impl Watch {
    /// Looks at a lease and returns how long it has to stay as it is until it may be broken; zero if it may
    /// be now. `at` is a moment on the watcher's monotonic clock, not before the lease was read.
    pub fn look(&mut self, lease: &Lease, at: Duration) -> Duration {
        let is_same =
            self.seen.as_ref().is_some_and(|(nonce, beat, _)| (nonce, *beat) == (&lease.nonce, lease.beat));
        if !is_same {
            self.seen = Some((lease.nonce.clone(), lease.beat, at));
        }
        let since = self.seen.as_ref().map_or(at, |(_, _, since)| *since);
        lease.time().saturating_sub(at.saturating_sub(since))
    }
}

/// Says how long after its last beat, begun to be written at zero, the holder of a lease may still act. The
/// rest of its time is for what was begun before.
pub fn acting_time(time: Duration) -> Duration {
    time * 2 / 3
}

/// Says how long after a beat the holder renews a lease.
pub fn beat_time(time: Duration) -> Duration {
    time / 3
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lease(nonce: u8, beat: u64) -> Lease {
        Lease {
            nonce: nonce.to_string(),
            beat,
            holder: Who { machine: "ci-1".to_owned(), pid: 7, run_url: None },
            section: String::new(),
            since: Timestamp::UNIX_EPOCH,
            time_ms: 90_000,
            domain: None,
        }
    }

    const fn second(second: u64) -> Duration {
        Duration::from_secs(second)
    }

    #[test]
    fn a_lease_is_watched_for_its_whole_time_from_its_last_change_on() {
        let mut watch = Watch::default();
        let table = [
            (lease(1, 0), 100, 90),
            (lease(1, 0), 189, 1),
            (lease(1, 1), 190, 90),
            (lease(1, 1), 279, 1),
            (lease(2, 1), 280, 90),
            (lease(2, 1), 370, 0),
            (lease(2, 1), 400, 0),
            (lease(1, 1), 401, 90),
        ];
        for (lease, at, left) in table {
            assert_eq!(watch.look(&lease, second(at)), second(left), "{at}");
        }
    }

    #[test]
    fn a_lease_is_told_by_whoever_has_it() {
        let mut who = lease(1, 0).holder;
        assert_eq!(who.to_string(), "process 7 on ci-1");
        who.run_url = Some("https://ci.example/runs/3".to_owned());
        assert_eq!(who.to_string(), "process 7 on ci-1 (https://ci.example/runs/3)");
    }

    proptest! {
        /// The watcher's clock starts anywhere, the holder's at zero; both run alike.
        #[test]
        fn no_lease_is_broken_while_its_holder_may_act(
            beats in prop::collection::vec(0_u64..60, 0..20),
            looks in prop::collection::vec(1_u64..200, 1..30),
            delays in prop::collection::vec(0_u64..5, 1..30),
            offset in 0_u64..1_000_000,
        ) {
            // Each beat is begun at its moment and seen from then on, at the earliest.
            let mut begun = vec![0];
            for pause in beats {
                begun.push(begun[begun.len() - 1] + pause);
            }
            let mut watch = Watch::default();
            let mut now = 0;
            for (look, delay) in looks.iter().zip(delays.iter().cycle()) {
                now += look;
                let beat = begun.iter().filter(|at| **at <= now).count() - 1;
                // What is read at one moment is looked at a little later.
                let at = now + delay;
                if watch.look(&lease(1, beat as u64), second(offset + at)).is_zero() {
                    let last = begun[beat];
                    prop_assert!(second(at - last) >= second(90) && second(90) > acting_time(second(90)));
                    return Ok(());
                }
                now = at;
            }
        }
    }
}
