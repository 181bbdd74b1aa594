//! Thresholds: a count held against a share or a number.
//!
//! A percentage trips **above** its share and a count trips **at** its number. A share of nothing
//! does not exist, so no percentage trips when the live store is empty: the first dream that fills
//! a store is not growth out of bounds. Counts still hold then.

use crate::spec::pipeline::{Threshold, Thresholds};

use super::grouped;
use super::verdict::Outcome;

/// Holds a count against thresholds. `total` is what percentages are shares of.
pub(super) fn hold(thresholds: &Thresholds, count: u64, total: u64) -> Outcome {
    let levels = [(thresholds.review, Outcome::Review), (thresholds.block, Outcome::Block)];
    let answers = levels.into_iter().filter_map(|(threshold, outcome)| {
        Some(match trips(threshold?, count, total) {
            Some(true) => outcome,
            Some(false) => Outcome::Pass,
            None => Outcome::Undecided,
        })
    });
    answers.max().unwrap_or(Outcome::Pass)
}

/// Says whether a threshold is reached; `None` if it is no number at all.
fn trips(threshold: Threshold, count: u64, total: u64) -> Option<bool> {
    match threshold {
        Threshold::Count(limit) => Some(count >= limit),
        Threshold::Percent(limit) if !limit.is_finite() || limit < 0.0 => None,
        Threshold::Percent(limit) => Some(total > 0 && count as f64 * 100.0 > limit * total as f64),
    }
}

/// Puts thresholds into words: `review above 60%, block at 3`; empty if there are none.
pub(super) fn words(thresholds: &Thresholds) -> String {
    let word = |name: &str, threshold: Option<Threshold>| {
        Some(match threshold? {
            Threshold::Percent(limit) => format!("{name} above {limit}%"),
            Threshold::Count(limit) => format!("{name} at {}", grouped(limit)),
        })
    };
    let words = [word("review", thresholds.review), word("block", thresholds.block)];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Writes a share as `12%` or `80.1%`; `None` for a share of nothing.
///
/// Rounded up, so that a share which is above its limit also reads as above it.
pub fn percent(count: u64, total: u64) -> Option<String> {
    let tenths = (u128::from(count) * 1_000).div_ceil(u128::from(total.max(1)));
    let whole = grouped(u64::try_from(tenths / 10).unwrap_or(u64::MAX));
    (total > 0).then(|| match tenths % 10 {
        0 => format!("{whole}%"),
        tenth => format!("{whole}.{tenth}%"),
    })
}

/// Writes a share in brackets, to follow the counts it is made of; empty for a share of nothing.
pub(super) fn share(count: u64, total: u64) -> String {
    percent(count, total).map_or_else(String::new, |percent| format!(" ({percent})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_trip_above_and_counts_trip_at() {
        use Outcome::*;
        use Threshold::{Count, Percent};
        let table = [
            (None, None, 10, 10, Pass),
            (Some(Percent(60.0)), Some(Percent(80.0)), 60, 100, Pass),
            (Some(Percent(60.0)), Some(Percent(80.0)), 61, 100, Review),
            (Some(Percent(60.0)), Some(Percent(80.0)), 80, 100, Review),
            (Some(Percent(60.0)), Some(Percent(80.0)), 81, 100, Block),
            (Some(Percent(0.0)), None, 0, 100, Pass),
            (Some(Percent(0.0)), None, 1, 100, Review),
            (Some(Percent(0.0)), None, 1, u64::MAX, Review),
            (Some(Percent(20.0)), None, 5, 0, Pass),
            (Some(Count(3)), Some(Count(5)), 2, 0, Pass),
            (Some(Count(3)), Some(Count(5)), 3, 0, Review),
            (Some(Count(3)), Some(Count(5)), 5, 0, Block),
            (Some(Count(0)), None, 0, 0, Review),
            (None, Some(Count(1)), 1, 1_000, Block),
            // Out of order: the severe one still wins.
            (Some(Percent(80.0)), Some(Percent(50.0)), 60, 100, Block),
            (Some(Percent(f64::NAN)), None, 0, 100, Undecided),
            (None, Some(Percent(-1.0)), 0, 100, Undecided),
        ];
        for (review, block, count, total, outcome) in table {
            let thresholds = Thresholds { review, block };
            assert_eq!(hold(&thresholds, count, total), outcome, "{thresholds:?}: {count} of {total}");
        }
    }

    #[test]
    fn limits_and_shares_are_said_in_words() {
        let thresholds =
            Thresholds { review: Some(Threshold::Percent(12.5)), block: Some(Threshold::Count(1_000)) };
        assert_eq!(words(&thresholds), "review above 12.5%, block at 1,000");
        assert_eq!(words(&Thresholds::default()), "");
        assert_eq!(share(3, 25), " (12%)");
        assert_eq!(share(801, 1_000), " (80.1%)");
        assert_eq!(share(60_001, 100_000), " (60.1%)");
        assert_eq!(share(3, 0), "");
    }
}
