//! How many entries of the live store the candidate lacks.
//!
//! An entry is removed when its path is gone and it stands at no other path either. Percentages are
//! of the live store's entries.

use crate::diff::Change;
use crate::spec::pipeline::Thresholds;

use super::verdict::{Finding, Outcome, Verdict};
use super::{Evidence, count_of, grouped, threshold};

/// Judges a candidate by what it lacks.
pub(super) fn judge(thresholds: &Thresholds, evidence: &Evidence<'_>) -> Verdict {
    let counts = &evidence.diff.counts;
    let (removed, total) = (counts.removed, counts.before.entries);
    let outcome = threshold::hold(thresholds, removed, total);
    let measured = format!(
        "{} of {} removed{}",
        grouped(removed),
        count_of(total, "entry", "entries"),
        threshold::share(removed, total)
    );
    let findings = match outcome {
        Outcome::Pass => Vec::new(),
        _ => evidence
            .diff
            .with_change(Change::Removed)
            .map(|entry| Finding::of_memory(entry.path(), "removed"))
            .collect(),
    };
    Verdict::new("entries_removed", outcome, measured, threshold::words(thresholds), findings)
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::spec::pipeline::{GateSpec, Threshold};

    #[test]
    fn an_entry_is_removed_when_neither_its_path_nor_its_content_is_left() {
        let before = store(&[("/a", "one"), ("/b", "two"), ("/c", "three")]);
        let one = GateSpec::EntriesRemoved(Thresholds { review: Some(Threshold::Count(1)), block: None });
        let table = [
            (store(&[("/a", "one"), ("/b", "two"), ("/c", "three")]), Outcome::Pass),
            (store(&[("/a", "edited"), ("/b", "two"), ("/c", "three")]), Outcome::Pass),
            (store(&[("/moved", "one"), ("/b", "two"), ("/c", "three")]), Outcome::Pass),
            (store(&[("/a", "one"), ("/b", "two three")]), Outcome::Review),
        ];
        for (after, outcome) in table {
            assert_eq!(judged(&one, &before, &after).outcome, outcome, "{after:?}");
        }
    }

    #[test]
    fn the_verdict_names_what_is_gone() {
        let spec = GateSpec::EntriesRemoved(Thresholds {
            review: Some(Threshold::Percent(60.0)),
            block: Some(Threshold::Percent(80.0)),
        });
        let verdict = judged(&spec, &numbered("m", 3), &numbered("m", 1));
        insta::assert_json_snapshot!(verdict, @r#"
        {
          "gate": "entries_removed",
          "outcome": "review",
          "measured": "2 of 3 entries removed (66.7%)",
          "limit": "review above 60%, block above 80%",
          "findings": [
            {
              "path": "/m1",
              "note": "removed"
            },
            {
              "path": "/m2",
              "note": "removed"
            }
          ]
        }
        "#);
    }
}
