//! Faults on purpose: what makes the server a double of a service that fails.
//!
//! A rule names calls, a moment and what goes wrong (its grammar is in [`GRAMMAR`]). Every rule counts the calls
//! it names; of those whose turn it is, the first acts.

mod act;
mod parse;
mod sse;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Method, StatusCode};
use serde_json::Value;

use crate::backend::local::DreamFault;

use parse::Parsed;

pub(super) use act::misbehave;
pub use parse::{FaultError, GRAMMAR};

/// How the server misbehaves.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Vec<Rule>,
    dreams: Vec<DreamRule>,
    latency: Latency,
    /// How many answers have been delayed, which picks the next delay.
    delayed: AtomicU64,
}

/// One way to misbehave.
#[derive(Debug)]
struct Rule {
    /// Any, if none.
    method: Option<Method>,
    path: Pattern,
    turns: Turns,
    when: When,
    what: What,
    seen: AtomicU64,
    /// What was answered at first, by address.
    first: Mutex<BTreeMap<String, (StatusCode, Bytes)>>,
}

/// One way for dreams to go wrong.
#[derive(Debug, Clone, PartialEq)]
struct DreamRule {
    turns: Turns,
    how: DreamFault,
}

/// How long every answer takes at least.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    least: Duration,
    most: Duration,
}

/// Paths: `*` stands for one segment, `**` at the end for any number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    segments: Vec<String>,
    is_open: bool,
}

/// Which of the calls a rule names it acts on, counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turns {
    From { first: u64, last: u64 },
    Every(u64),
}

/// On which side of the effect a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Before,
    After,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq)]
enum What {
    Pass,
    Status { status: StatusCode, kind: String, retry_after: Option<u64>, should_retry: Option<bool> },
    HangUp,
    Hang,
    Delay(Duration),
    Torn(usize),
    Garbage,
    Set(Vec<(String, Value)>),
    Stale,
    LoopCursor,
    SseDie(usize),
    SseEnd(usize),
    SseHang(usize),
    SseRepeat,
    SseSlow(Duration),
}

impl Faults {
    /// Reads rules, each as a text of its own.
    ///
    /// # Errors
    ///
    /// Says which rule is not understood, and what is allowed there.
    pub fn parse<T: AsRef<str>>(rules: &[T], latency: Latency) -> Result<Self, FaultError> {
        let mut faults = Self { latency, ..Self::default() };
        for rule in rules {
            match parse::rule(rule.as_ref())? {
                Parsed::Call(rule) => faults.rules.push(*rule),
                Parsed::Dream(rule) => faults.dreams.push(rule),
            }
        }
        Ok(faults)
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.dreams.is_empty() && self.latency.most.is_zero()
    }

    /// Returns how dreams go wrong, by their number since the server started.
    pub(super) fn of_dreams(&self) -> Option<impl Fn(u64) -> Option<DreamFault> + Send + Sync + 'static> {
        let rules = self.dreams.clone();
        let choose =
            move |number| rules.iter().find(|rule| rule.turns.include(number)).map(|rule| rule.how.clone());
        (!self.dreams.is_empty()).then_some(choose)
    }

    /// Counts a call in every rule that names it, and returns the first whose turn it is.
    fn next(&self, method: &Method, path: &str) -> Option<&Rule> {
        let mut acting = None;
        for rule in &self.rules {
            if rule.method.as_ref().is_none_or(|wanted| wanted == method) && rule.path.matches(path) {
                let turn = rule.seen.fetch_add(1, Ordering::SeqCst) + 1;
                if acting.is_none() && rule.turns.include(turn) {
                    acting = Some(rule);
                }
            }
        }
        acting
    }

    /// Returns how long the next answer takes at least: anything in the range, the same in every run.
    fn next_delay(&self) -> Duration {
        let Latency { least, most } = self.latency;
        let width = u64::try_from((most - least).as_micros()).unwrap_or(0);
        if width == 0 {
            return least;
        }
        let n = self.delayed.fetch_add(1, Ordering::SeqCst).wrapping_add(1);
        // Fibonacci hashing spreads the numbers 1, 2, 3 … evenly.
        let spread = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        least + Duration::from_micros((spread * (width + 1)) >> 32)
    }
}

impl Pattern {
    fn matches(&self, path: &str) -> bool {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let is_right_length = match self.is_open {
            true => segments.len() >= self.segments.len(),
            false => segments.len() == self.segments.len(),
        };
        is_right_length
            && self.segments.iter().zip(segments).all(|(wanted, segment)| wanted == "*" || wanted == segment)
    }
}

impl Turns {
    fn include(self, turn: u64) -> bool {
        match self {
            Self::From { first, last } => (first..=last).contains(&turn),
            Self::Every(k) => turn.is_multiple_of(k),
        }
    }
}

/// What misbehaving needs.
pub(super) struct Misbehaviour {
    pub(super) faults: Faults,
    pub(super) service: super::Service,
}

#[cfg(test)]
mod tests;
