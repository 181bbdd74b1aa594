//! How much smaller or larger the whole store gets.
//!
//! Percentages are of the live store's bytes: emptying it shrinks it by 100%, doubling it grows it
//! by 100%.

use crate::spec::pipeline::Thresholds;

use super::verdict::Verdict;
use super::{Evidence, grouped, threshold};

/// Judges a candidate by its size.
pub(super) fn judge(shrink: &Thresholds, grow: &Thresholds, evidence: &Evidence<'_>) -> Verdict {
    let (before, after) = (evidence.diff.counts.before.bytes, evidence.diff.counts.after.bytes);
    let smaller = threshold::hold(shrink, before.saturating_sub(after), before);
    let larger = threshold::hold(grow, after.saturating_sub(before), before);
    // A limit on one direction says nothing about the other, not even a count of nothing.
    let outcome = match after.cmp(&before) {
        std::cmp::Ordering::Less => smaller,
        std::cmp::Ordering::Greater => larger,
        std::cmp::Ordering::Equal => smaller.max(larger),
    };
    let direction = if after < before { "smaller" } else { "larger" };
    let change = match threshold::percent(before.abs_diff(after), before) {
        Some(percent) if before != after => format!(" ({percent} {direction})"),
        _ => String::new(),
    };
    let measured = format!("{} to {} bytes{change}", grouped(before), grouped(after));
    let side = |name: &str, thresholds| match threshold::words(thresholds) {
        words if words.is_empty() => None,
        words => Some(format!("{name}: {words}")),
    };
    let limit: Vec<_> = [side("shrink", shrink), side("grow", grow)].into_iter().flatten().collect();
    Verdict::new("bytes", outcome, measured, limit.join("; "), [])
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::super::verdict::Outcome;
    use super::*;
    use crate::spec::pipeline::{GateSpec, Threshold};

    #[test]
    fn each_direction_has_its_own_limits() {
        let percent = |p| Some(Threshold::Percent(p));
        let spec = GateSpec::Bytes {
            shrink: Thresholds { review: percent(60.0), block: percent(80.0) },
            grow: Thresholds { review: percent(100.0), block: Some(Threshold::Count(2_500)) },
        };
        let table = [
            (1_000, 1_000, Outcome::Pass, "1,000 to 1,000 bytes"),
            (1_000, 400, Outcome::Pass, "1,000 to 400 bytes (60% smaller)"),
            (1_000, 399, Outcome::Review, "1,000 to 399 bytes (60.1% smaller)"),
            (1_000, 0, Outcome::Block, "1,000 to 0 bytes (100% smaller)"),
            (1_000, 2_000, Outcome::Pass, "1,000 to 2,000 bytes (100% larger)"),
            (1_000, 2_001, Outcome::Review, "1,000 to 2,001 bytes (100.1% larger)"),
            (1_000, 3_500, Outcome::Block, "1,000 to 3,500 bytes (250% larger)"),
            (0, 2_000, Outcome::Pass, "0 to 2,000 bytes"),
            (0, 2_500, Outcome::Block, "0 to 2,500 bytes"),
        ];
        for (before, after, outcome, measured) in table {
            let store_of = |bytes: usize| store(&[("/a", &"x".repeat(bytes))]);
            let verdict = judged(&spec, &store_of(before), &store_of(after));
            assert_eq!((verdict.outcome, verdict.measured.as_str()), (outcome, measured));
            assert_eq!(
                verdict.limit,
                "shrink: review above 60%, block above 80%; grow: review above 100%, block at 2,500"
            );
        }
    }
}
