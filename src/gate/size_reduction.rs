//! How much smaller the store gets, held against how much smaller it should.
//!
//! Percentages are of the live store's bytes. A store that stays as it is, or was empty, is left to the
//! gate `unchanged`: a dream that found nothing to do is no failure to shrink.

use crate::spec::pipeline::Level;

use super::verdict::{Outcome, Verdict};
use super::{Evidence, grouped, threshold};

/// Judges a candidate by how far it shrank.
pub(super) fn judge(
    min: Option<f64>,
    max: Option<f64>,
    otherwise: Level,
    evidence: &Evidence<'_>,
) -> Verdict {
    let (before, after) = (evidence.diff.counts.before.bytes, evidence.diff.counts.after.bytes);
    let level = match otherwise {
        Level::Review => "review",
        Level::Block => "block",
    };
    let side = |word: &str, share: Option<f64>| share.map(|share| format!("{level} {word} {share}%"));
    let limit: Vec<_> = [side("below", min), side("above", max)].into_iter().flatten().collect();
    let limit = limit.join(", ");
    let is_share = |share: Option<f64>| share.is_none_or(|share| (0.0..=100.0).contains(&share));
    if !is_share(min) || !is_share(max) {
        let measured = "the shares could not be read";
        return Verdict::new("size_reduction", Outcome::Undecided, measured, limit, []);
    }
    let direction = if after > before { "larger" } else { "smaller" };
    let change = match threshold::percent(before.abs_diff(after), before) {
        Some(percent) if before != after => format!(" ({percent} {direction})"),
        _ => String::new(),
    };
    let measured = format!("{} to {} bytes{change}", grouped(before), grouped(after));
    // In bytes, not in rounded shares: a limit is met to the byte.
    let reduced = before as f64 - after as f64;
    let bytes_of = |share: f64| share / 100.0 * before as f64;
    let is_outside =
        min.is_some_and(|min| reduced < bytes_of(min)) || max.is_some_and(|max| reduced > bytes_of(max));
    let is_judged = before > 0 && !evidence.diff.is_empty();
    let outcome = if is_judged && is_outside { otherwise.into() } else { Outcome::Pass };
    Verdict::new("size_reduction", outcome, measured, limit, [])
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::spec::pipeline::GateSpec;

    #[test]
    fn a_store_shrinks_within_its_range_or_not_at_all() {
        let spec = |min, max| GateSpec::SizeReduction { min, max, otherwise: Level::Block };
        let range = spec(Some(20.0), Some(60.0));
        let table = [
            (&range, 1_000, 1_000, Outcome::Pass, "1,000 to 1,000 bytes"),
            (&range, 1_000, 999, Outcome::Block, "1,000 to 999 bytes (0.1% smaller)"),
            (&range, 1_000, 801, Outcome::Block, "1,000 to 801 bytes (19.9% smaller)"),
            (&range, 1_000, 800, Outcome::Pass, "1,000 to 800 bytes (20% smaller)"),
            (&range, 1_000, 400, Outcome::Pass, "1,000 to 400 bytes (60% smaller)"),
            (&range, 1_000, 399, Outcome::Block, "1,000 to 399 bytes (60.1% smaller)"),
            (&range, 1_000, 0, Outcome::Block, "1,000 to 0 bytes (100% smaller)"),
            (&range, 1_000, 1_500, Outcome::Block, "1,000 to 1,500 bytes (50% larger)"),
            (&range, 0, 1_500, Outcome::Pass, "0 to 1,500 bytes"),
            (&spec(None, Some(60.0)), 1_000, 1_500, Outcome::Pass, "1,000 to 1,500 bytes (50% larger)"),
            (&spec(Some(0.0), None), 1_000, 1_500, Outcome::Block, "1,000 to 1,500 bytes (50% larger)"),
            (&spec(Some(f64::NAN), None), 1_000, 1, Outcome::Undecided, "the shares could not be read"),
        ];
        for (spec, before, after, outcome, measured) in table {
            let store_of = |bytes: usize| store(&[("/a", &"x".repeat(bytes))]);
            let verdict = judged(spec, &store_of(before), &store_of(after));
            assert_eq!((verdict.outcome, verdict.measured.as_str()), (outcome, measured));
        }
        let limit = judged(&range, &store(&[]), &store(&[])).limit;
        assert_eq!(limit, "block below 20%, block above 60%");
    }
}
