//! Whether a second dream would leave the candidate alone.
//!
//! The second dream is the offline mind's, over the candidate and no sessions. A candidate it would
//! still change holds duplicates or contradictions that the dream did not settle. Shares are of the
//! candidate's statements.

use std::collections::BTreeMap;

use crate::memory::{ContentHash, MemoryPath};
use crate::spec::pipeline::Thresholds;
use crate::text::normal::normal;
use crate::text::statement::statements;

use super::verdict::{Finding, Outcome, Verdict};
use super::{Evidence, count_of, grouped, threshold};

/// Judges a candidate by what a second dream would change.
pub(super) fn judge(thresholds: &Thresholds, evidence: &Evidence<'_>) -> Verdict {
    let limit = threshold::words(thresholds);
    let Some(second) = evidence.second_pass else {
        let measured = "the second dream did not finish";
        return Verdict::new("convergence", Outcome::Undecided, measured, limit, []);
    };
    let mut left: BTreeMap<(&MemoryPath, ContentHash), u64> = BTreeMap::new();
    for memory in second.iter() {
        for statement in statements(&memory.content) {
            *left.entry((&memory.path, ContentHash::of(normal(statement.text)))).or_default() += 1;
        }
    }
    let mut findings = Vec::new();
    for statement in &evidence.ledger.after {
        match left.get_mut(&(statement.path, statement.hash)) {
            Some(count) if *count > 0 => *count -= 1,
            _ => {
                let note = "a second dream would change this";
                findings.push(Finding::of_line(statement.path, statement.statement.line, note));
            }
        }
    }
    let (changed, total) = (findings.len() as u64, evidence.ledger.after.len() as u64);
    let outcome = threshold::hold(thresholds, changed, total);
    let measured = format!(
        "{} of {} would change in a second dream{}",
        grouped(changed),
        count_of(total, "statement", "statements"),
        threshold::share(changed, total)
    );
    Verdict::new("convergence", outcome, measured, limit, findings)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::spec::pipeline::{GateSpec, Threshold};

    #[test]
    fn what_a_second_dream_leaves_alone_has_converged() {
        let limits = Thresholds { review: Some(Threshold::Percent(25.0)), block: Some(Threshold::Count(3)) };
        let spec = GateSpec::Convergence(limits);
        let candidate = store(&[("/a", "- one\n- two\n"), ("/b", "- three\n- four\n")]);
        let table = [
            (Some(candidate.clone()), Outcome::Pass, "0 of 4 statements would change in a second dream (0%)"),
            (
                Some(store(&[("/a", "- one\n- two\n"), ("/b", "- three\n")])),
                Outcome::Pass,
                "1 of 4 statements would change in a second dream (25%)",
            ),
            (
                Some(store(&[("/a", "- one\n- three\n"), ("/b", "- four\n")])),
                Outcome::Review,
                "2 of 4 statements would change in a second dream (50%)",
            ),
            (Some(store(&[])), Outcome::Block, "4 of 4 statements would change in a second dream (100%)"),
            (None, Outcome::Undecided, "the second dream did not finish"),
        ];
        for (second, outcome, measured) in table {
            let verdict = with_evidence(&candidate, &candidate, |evidence| {
                super::super::judge(&spec, &Evidence { second_pass: second.as_ref(), ..*evidence })
            });
            assert_eq!((verdict.outcome, verdict.measured.as_str()), (outcome, measured));
        }
    }

    #[test]
    fn repeats_are_counted_and_places_named() {
        let spec = GateSpec::Convergence(Thresholds { review: Some(Threshold::Count(1)), block: None });
        let candidate = store(&[("/a", "- one\n- one\n")]);
        let second = store(&[("/a", "- one\n")]);
        let verdict = with_evidence(&candidate, &candidate, |evidence| {
            super::super::judge(&spec, &Evidence { second_pass: Some(&second), ..*evidence })
        });
        assert_eq!(verdict.outcome, Outcome::Review);
        assert_eq!(verdict.findings.len(), 1);
        assert_eq!(verdict.findings[0].line, Some(2));
    }
}
