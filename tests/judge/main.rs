//! The judge's figures on built-in texts: harm is caught, housekeeping is not taken for harm.
//!
//! The edits are the benchmark's, thrown from a seed. The bars are what is reached, never above what is
//! promised, so that a change that makes the judge worse shows here.

#![allow(clippy::unwrap_used, reason = "a test may stop")]

#[path = "../../benches/judge/mutation/mod.rs"]
mod mutation;

use mutation::faith::Manner;
use mutation::harm::Kind;
use mutation::stores::built_in;
use mutation::trial::{self, Judge, Table};

/// About thirty of each kind of harm, twenty of each manner of faith.
const HARMFUL: usize = 300;
const FAITHFUL: usize = 200;
const SEED: u64 = 20;

/// The least share of harmful edits that must be caught, by kind.
fn bar(kind: Kind) -> f64 {
    match kind {
        Kind::Drop | Kind::Number | Kind::Name | Kind::Negation => 0.98,
        Kind::Code | Kind::Exception | Kind::Conjunction | Kind::Quantifier => 0.98,
        Kind::Truncation | Kind::Place => 0.9,
    }
}

/// The fewest edits of a kind that say anything: not every line has an `and` to turn.
fn fewest(kind: Kind) -> usize {
    match kind {
        Kind::Conjunction | Kind::Quantifier => 8,
        _ => HARMFUL / Kind::ALL.len() - 6,
    }
}

fn harmful(judge: Judge) -> Table {
    trial::harmful(&[built_in()], HARMFUL, SEED, judge)
}

fn faithful(judge: Judge) -> Table {
    trial::faithful(&[built_in()], FAITHFUL, SEED, judge)
}

/// Names the kinds of harm of which too little was caught, with what was missed.
fn missed(table: &Table) -> Vec<String> {
    let short = Kind::ALL.into_iter().filter_map(|kind| {
        let row = trial::total(table, kind as usize);
        assert!(row.trials >= fewest(kind), "only {} of {}", row.trials, kind.as_str());
        (row.share() < bar(kind))
            .then(|| format!("{} {:.3}\n{}", kind.as_str(), row.share(), row.errors.join("\n")))
    });
    short.collect()
}

/// Returns the share of faithful edits after which something was called lost, and what.
fn alarms(table: &Table) -> (f64, String) {
    let rows: Vec<_> = Manner::ALL.into_iter().map(|manner| trial::total(table, manner as usize)).collect();
    let (trials, lost) = rows.iter().fold((0, 0), |sum, row| (sum.0 + row.trials, sum.1 + row.lost));
    assert!(trials > FAITHFUL * 8 / 10, "only {trials} faithful edits");
    let errors: Vec<String> = rows.into_iter().flat_map(|row| row.errors).collect();
    (lost as f64 / trials as f64, errors.join("\n"))
}

#[test]
fn harmful_edits_are_caught() {
    let table = harmful(trial::ledger);
    let missed = missed(&table);
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

#[test]
fn faithful_edits_raise_no_alarm() {
    let (share, errors) = alarms(&faithful(trial::ledger));
    assert!(share <= 0.02, "{share:.3} of the faithful edits\n{errors}");
}

#[test]
fn a_judge_that_trusts_everything_is_found_out() {
    assert_eq!(missed(&harmful(trial::trusting)).len(), Kind::ALL.len());
    assert!(alarms(&faithful(trial::trusting)).0 == 0.0);
}

#[test]
fn a_judge_that_goes_by_the_letter_is_found_out() {
    assert!(alarms(&faithful(trial::literal)).0 > 0.5);
}
