//! Gates: rules a candidate must pass.
//!
//! One gate per file. [`judge`] is the one place that knows them all.

pub mod verdict;
pub mod secrets;
pub mod masked;
pub mod threshold;
mod globs;
mod lost;
pub mod contradictions;
mod entries_removed;
mod entries_added;
mod bytes;
mod size_reduction;
mod unchanged;
mod withdrawn;
mod protected;
mod policy;
mod limits;
mod convergence;
mod cost;
mod assert;
pub mod rules;
mod passage;
pub mod injection;
mod forget;
mod probes;

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::diff::StoreDiff;
use crate::ledger::Ledger;
use crate::ledger::testimony::Testimony;
use crate::ledger::window::RunLosses;
use crate::memory::ContentHash;
use crate::price::Usd;
use crate::snapshot::Snapshot;
use crate::spec::pipeline::{GateSpec, Level};

use rules::Rules;
use verdict::{Outcome, Verdict};

/// What gates are shown.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The live store as it was when the run began, or as it is now after a rebase.
    pub before: &'a Snapshot,
    /// The candidate.
    pub after: &'a Snapshot,
    /// Their difference.
    pub diff: &'a StoreDiff,
    /// What became of every statement.
    pub ledger: &'a Ledger<'a>,
    /// What sessions said, as far as it was read.
    pub testimony: &'a Testimony,
    /// Statements of the live store that nobody but a tool is known to have said, by hash.
    pub untrusted: &'a BTreeSet<ContentHash>,
    /// What earlier runs of the alias lost, oldest first.
    pub losses: &'a [RunLosses],
    /// What files of the project say that gates go by.
    pub rules: &'a Rules,
    /// What a second, offline dream over the candidate would leave; none where no gate asks.
    pub second_pass: Option<&'a Snapshot>,
    /// What the run has cost so far, at most; none if the price of a dream is not known.
    pub spent: Option<Usd>,
    /// The time.
    pub now: Timestamp,
}

/// Asks one gate.
///
/// Never panics and never fails: a gate that cannot read its own settings is
/// [`Outcome::Undecided`].
pub fn judge(spec: &GateSpec, evidence: &Evidence<'_>) -> Verdict {
    match spec {
        GateSpec::Lost(limits) => lost::judge(limits, evidence),
        GateSpec::EntriesRemoved(thresholds) => entries_removed::judge(thresholds, evidence),
        GateSpec::EntriesAdded(thresholds) => entries_added::judge(thresholds, evidence),
        GateSpec::Contradictions(thresholds) => contradictions::judge(thresholds, evidence),
        GateSpec::Bytes { shrink, grow } => bytes::judge(shrink, grow, evidence),
        GateSpec::SizeReduction { min, max, otherwise } => {
            size_reduction::judge(*min, *max, *otherwise, evidence)
        }
        GateSpec::Unchanged(on_unchanged) => unchanged::judge(*on_unchanged, evidence),
        GateSpec::Protected { paths, statements, on_change } => {
            protected::judge(paths, statements, *on_change, evidence)
        }
        GateSpec::Policy(rules) => policy::judge(rules, evidence),
        GateSpec::Limits { on_exceed, entries } => limits::judge(*on_exceed, *entries, evidence),
        GateSpec::Secrets(level) => secrets::judge(*level, evidence),
        GateSpec::Injection(levels) => injection::judge(levels, evidence),
        GateSpec::Forget(file) => forget::judge(file, evidence),
        GateSpec::Probes(levels) => probes::judge(levels, evidence),
        GateSpec::Convergence(thresholds) => convergence::judge(thresholds, evidence),
        GateSpec::Cost { review, block } => cost::judge(*review, *block, evidence),
        GateSpec::Assert(assertions) => assert::judge(assertions, evidence),
    }
}

/// Asks every gate, in the order given.
pub fn judge_all(specs: &[GateSpec], evidence: &Evidence<'_>) -> Vec<Verdict> {
    specs.iter().map(|spec| judge(spec, evidence)).collect()
}

/// Returns the most severe answer; a pass when there are none.
pub fn overall(verdicts: &[Verdict]) -> Outcome {
    verdicts.iter().map(|verdict| verdict.outcome).max().unwrap_or(Outcome::Pass)
}

impl From<Level> for Outcome {
    fn from(level: Level) -> Self {
        match level {
            Level::Review => Self::Review,
            Level::Block => Self::Block,
        }
    }
}

/// Writes `1 entry`, `2 entries`, `1,200 entries`.
fn count_of(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// Writes a number with a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod testing {
    //! Stores and evidence for the tests of single gates.

    use super::*;
    use crate::ledger::Context;
    use crate::ledger::forget::ForgetList;
    use crate::memory::{Memory, MemoryPath};

    pub(super) fn store(entries: &[(&str, &str)]) -> Snapshot {
        entries.iter().map(|&(path, text)| Memory::new(MemoryPath::parse(path).unwrap(), text)).collect()
    }

    /// Makes a store of entries `/<name>0`, `/<name>1`, … with ten bytes each.
    pub(super) fn numbered(name: &str, count: usize) -> Snapshot {
        (0..count)
            .map(|i| {
                let path = MemoryPath::parse(&format!("/{name}{i}")).unwrap();
                Memory::new(path, format!("{name}{i:-<9}"))
            })
            .collect()
    }

    pub(super) fn judged(spec: &GateSpec, before: &Snapshot, after: &Snapshot) -> Verdict {
        with_evidence(before, after, |evidence| judge(spec, evidence))
    }

    /// Gathers what can be had from two stores alone: nothing was said, nothing was lost before.
    pub(super) fn with_evidence<T>(
        before: &Snapshot,
        after: &Snapshot,
        act: impl FnOnce(&Evidence<'_>) -> T,
    ) -> T {
        let diff = StoreDiff::between(before, after);
        let (testimony, forget) = (Testimony::default(), ForgetList::default());
        let context = Context { testimony: &testimony, forget: &forget, now: None };
        act(&Evidence {
            before,
            after,
            diff: &diff,
            ledger: &Ledger::of(before, after, &context),
            testimony: &testimony,
            untrusted: &BTreeSet::new(),
            rules: &Rules::default(),
            losses: &[],
            second_pass: None,
            spent: Some(Usd::ZERO),
            now: Timestamp::UNIX_EPOCH,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::testing::*;
    use super::*;
    use crate::spec::pipeline::default_gates;

    #[test]
    fn the_worst_answer_counts_and_unchanged_is_milder_than_review() {
        let verdict = |outcome| Verdict::new("x", outcome, "", "", []);
        let overall_of = |outcomes: &[Outcome]| {
            overall(&outcomes.iter().map(|&outcome| verdict(outcome)).collect::<Vec<_>>())
        };
        use Outcome::*;
        assert_eq!(overall_of(&[]), Pass);
        assert_eq!(overall_of(&[Pass, Unchanged]), Unchanged);
        assert_eq!(overall_of(&[Unchanged, Review, Pass]), Review);
        assert_eq!(overall_of(&[Block, Review, Unchanged]), Block);
        assert_eq!(overall_of(&[Block, Undecided]), Undecided);
    }

    #[test]
    fn the_default_gates_let_a_normal_dream_pass_and_block_a_wiped_store() {
        let before = numbered("m", 25);
        let table = [
            (25, Outcome::Unchanged),
            (24, Outcome::Review),
            (15, Outcome::Block),
            (5, Outcome::Block),
            (4, Outcome::Block),
            (0, Outcome::Block),
        ];
        for (kept, outcome) in table {
            let after = numbered("m", kept);
            let verdicts = with_evidence(&before, &after, |evidence| judge_all(&default_gates(), evidence));
            assert_eq!(overall(&verdicts), outcome, "{kept} of 25 kept: {verdicts:#?}");
            let names: Vec<_> = verdicts.iter().map(|v| v.gate.as_str()).collect();
            assert_eq!(
                names,
                ["lost", "entries_removed", "bytes", "unchanged", "limits", "secrets", "injection"]
            );
        }
    }

    #[test]
    fn an_empty_store_that_stays_empty_is_unchanged() {
        let empty = Snapshot::default();
        for spec in default_gates() {
            let outcome = judged(&spec, &empty, &empty).outcome;
            let expected = if spec.name() == "unchanged" { Outcome::Unchanged } else { Outcome::Pass };
            assert_eq!(outcome, expected, "{}", spec.name());
        }
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(["0", "999", "1,000", "1,234,567"], [0, 999, 1_000, 1_234_567].map(grouped));
    }
}
