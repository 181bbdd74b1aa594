//! What the run cost, at most.

use crate::price::Usd;

use super::Evidence;
use super::verdict::{Outcome, Verdict};

/// Judges a candidate by what it cost.
pub(super) fn judge(review: Option<Usd>, block: Option<Usd>, evidence: &Evidence<'_>) -> Verdict {
    let side = |word: &str, amount: Option<Usd>| amount.map(|amount| format!("{word} above {amount}"));
    let limit: Vec<_> = [side("review", review), side("block", block)].into_iter().flatten().collect();
    let limit = limit.join(", ");
    let Some(spent) = evidence.spent else {
        let measured = "the price of a dream is not known";
        return Verdict::new("cost", Outcome::Undecided, measured, limit, []);
    };
    let is_above = |amount: Option<Usd>| amount.is_some_and(|amount| spent > amount);
    let outcome = match (is_above(review), is_above(block)) {
        (_, true) => Outcome::Block,
        (true, false) => Outcome::Review,
        (false, false) => Outcome::Pass,
    };
    Verdict::new("cost", outcome, format!("{spent} spent"), limit, [])
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::spec::pipeline::GateSpec;

    #[test]
    fn amounts_trip_above_and_an_unknown_price_decides_nothing() {
        let usd = |dollars: u64| Usd::from_micros(dollars * 1_000_000);
        let spec = GateSpec::Cost { review: Some(usd(2)), block: Some(usd(5)) };
        let table = [
            (Some(Usd::ZERO), Outcome::Pass, "$0 spent"),
            (Some(usd(2)), Outcome::Pass, "$2.00 spent"),
            (Some(Usd::from_micros(2_000_001)), Outcome::Review, "$2.00 spent"),
            (Some(usd(5)), Outcome::Review, "$5.00 spent"),
            (Some(usd(6)), Outcome::Block, "$6.00 spent"),
            (None, Outcome::Undecided, "the price of a dream is not known"),
        ];
        let empty = store(&[]);
        for (spent, outcome, measured) in table {
            let verdict = with_evidence(&empty, &empty, |evidence| {
                super::super::judge(&spec, &Evidence { spent, ..*evidence })
            });
            assert_eq!((verdict.outcome, verdict.measured.as_str()), (outcome, measured));
            assert_eq!(verdict.limit, "review above $2.00, block above $5.00");
        }
    }
}
