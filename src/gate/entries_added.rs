//! How many entries of the candidate the live store lacks.
//!
//! An entry that only moved is not new. Percentages are of the live store's entries; for an empty
//! live store there are none, and only counts can trip.

use crate::diff::Change;
use crate::spec::pipeline::Thresholds;

use super::verdict::{Finding, Outcome, Verdict};
use super::{Evidence, count_of, threshold};

/// Judges a candidate by what it has too many of.
pub(super) fn judge(thresholds: &Thresholds, evidence: &Evidence<'_>) -> Verdict {
    let counts = &evidence.diff.counts;
    let (added, total) = (counts.added, counts.before.entries);
    let outcome = threshold::hold(thresholds, added, total);
    let measured = match total {
        0 => format!("{} added to an empty store", count_of(added, "entry", "entries")),
        _ => format!(
            "{} added to {}{}",
            count_of(added, "entry", "entries"),
            super::grouped(total),
            threshold::share(added, total)
        ),
    };
    let findings = match outcome {
        Outcome::Pass => Vec::new(),
        _ => evidence
            .diff
            .with_change(Change::Added)
            .map(|entry| Finding::of_memory(entry.path(), "added"))
            .collect(),
    };
    Verdict::new("entries_added", outcome, measured, threshold::words(thresholds), findings)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::spec::pipeline::{GateSpec, Threshold};

    #[test]
    fn additions_are_held_against_the_live_store() {
        let share =
            GateSpec::EntriesAdded(Thresholds { review: Some(Threshold::Percent(20.0)), block: None });
        let count = GateSpec::EntriesAdded(Thresholds { review: None, block: Some(Threshold::Count(3)) });
        let table = [
            (&share, 10, 12, Outcome::Pass, "2 entries added to 10 (20%)"),
            (&share, 10, 13, Outcome::Review, "3 entries added to 10 (30%)"),
            (&share, 10, 5, Outcome::Pass, "0 entries added to 10 (0%)"),
            (&share, 0, 1, Outcome::Pass, "1 entry added to an empty store"),
            (&count, 0, 2, Outcome::Pass, "2 entries added to an empty store"),
            (&count, 0, 3, Outcome::Block, "3 entries added to an empty store"),
        ];
        for (spec, before, after, outcome, measured) in table {
            let verdict = judged(spec, &numbered("m", before), &numbered("m", after));
            assert_eq!((verdict.outcome, verdict.measured.as_str()), (outcome, measured));
        }
        let moved = judged(&count, &store(&[("/a", "one")]), &store(&[("/b", "one")]));
        assert_eq!(moved.outcome, Outcome::Pass);
    }
}
