//! What happened, for people: the lines of a seed, and a table over all of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::faults::Fault;
use super::invariants::Law;

/// What happened in one seed.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    is_on: bool,
    lines: Vec<String>,
}

impl Trace {
    /// Keeps lines, or none: they take longer than the rest.
    pub(crate) fn new(is_on: bool) -> Self {
        Self { is_on, lines: Vec::new() }
    }

    /// Adds a line, if lines are kept.
    pub(crate) fn line(&mut self, now: u64, line: impl FnOnce() -> String) {
        if !self.is_on {
            return;
        }
        self.lines.push(format!("{:>9}.{:03} {}", now / 1_000, now % 1_000, line()));
    }

    /// Returns the lines.
    pub(crate) fn text(&self) -> String {
        self.lines.iter().fold(String::new(), |text, line| text + line + "\n")
    }
}

/// What was done in one seed or in many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) seeds: u64,
    pub(crate) steps: u64,
    pub(crate) processes: u64,
    pub(crate) runs: u64,
    pub(crate) dreams: u64,
    pub(crate) adoptions: u64,
    pub(crate) live_writes: u64,
    pub(crate) events: u64,
    pub(crate) ends: BTreeMap<&'static str, u64>,
    /// What runs did about memories that agents had changed.
    pub(crate) met: BTreeMap<&'static str, u64>,
    pub(crate) faults: BTreeMap<Fault, u64>,
    pub(crate) checks: BTreeMap<Law, u64>,
}

impl Tally {
    /// Adds what another one counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.steps += other.steps;
        self.processes += other.processes;
        self.runs += other.runs;
        self.dreams += other.dreams;
        self.adoptions += other.adoptions;
        self.live_writes += other.live_writes;
        self.events += other.events;
        other.ends.iter().for_each(|(end, n)| *self.ends.entry(end).or_default() += n);
        other.met.iter().for_each(|(what, n)| *self.met.entry(what).or_default() += n);
        other.faults.iter().for_each(|(fault, n)| *self.faults.entry(*fault).or_default() += n);
        other.checks.iter().for_each(|(law, n)| *self.checks.entry(*law).or_default() += n);
    }

    /// Draws the table.
    pub(crate) fn table(&self, violations: usize) -> String {
        let mut text = String::new();
        let rows = [
            ("seeds", self.seeds),
            ("steps", self.steps),
            ("processes", self.processes),
            ("runs", self.runs),
            ("journal events", self.events),
            ("dreams paid for", self.dreams),
            ("adoptions", self.adoptions),
            ("live writes", self.live_writes),
        ];
        for (name, n) in rows {
            let _ = writeln!(text, "{name:<28} {n:>10}");
        }
        for (title, rows) in [
            ("runs ended", named(&self.ends)),
            ("memories that agents changed", named(&self.met)),
            ("faults injected", named(&self.faults)),
            ("invariants checked", named(&self.checks)),
        ] {
            let sum: u64 = rows.iter().map(|(_, n)| n).sum();
            let _ = writeln!(text, "{title:<28} {sum:>10}");
            for (name, n) in rows {
                let _ = writeln!(text, "  {name:<26} {n:>10}");
            }
        }
        let _ = writeln!(text, "{:<28} {violations:>10}", "violations");
        text
    }
}

fn named<K: std::fmt::Debug>(counts: &BTreeMap<K, u64>) -> Vec<(String, u64)> {
    counts.iter().map(|(key, n)| (format!("{key:?}").trim_matches('"').to_owned(), *n)).collect()
}
