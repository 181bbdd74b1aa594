//! `gates.size_reduction` and `gates.cost`: a range of shares, and amounts of dollars.

use crate::price::Usd;
use crate::spec::authored::{AuthoredCost, AuthoredSizeReduction, AuthoredThreshold};
use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::pipeline::{GateSpec, Level, Threshold};
use crate::spec::quantity::{self, Wrong};
use crate::spec::route::Route;

/// Checks `size_reduction`.
pub(super) fn size_reduction(
    authored: AuthoredSizeReduction,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> GateSpec {
    let (min_route, max_route) = (route.key("min"), route.key("max"));
    if !checker.has(&min_route) && !checker.has(&max_route) {
        let label = "this sets neither `min` nor `max`, so it does nothing";
        let problem = checker.at_key(Code::MissingKey, route, label);
        checker.tell(problem.help("set one of them, such as `max: 60%`"));
    }
    let min = authored.min.and_then(|typed| share(typed, &min_route, checker));
    let max = authored.max.and_then(|typed| share(typed, &max_route, checker));
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        let problem = checker.at(Code::OutOfRange, &min_route, "`max` is below this");
        checker.tell(problem.help("make `min` the lower of the two"));
    }
    GateSpec::SizeReduction { min, max, otherwise: authored.otherwise.unwrap_or(Level::Review) }
}

/// Reads a share of what there is, which cannot be more than all of it.
fn share(authored: AuthoredThreshold, route: &Route<'_>, checker: &mut Checker<'_>) -> Option<f64> {
    let value = match authored {
        AuthoredThreshold::Count(count) => {
            Err(Wrong::new("a share needs a percent sign").help(format!("write `{count}%`")))
        }
        AuthoredThreshold::Text(text) => match quantity::percent(&text) {
            Ok(Threshold::Percent(share)) if share <= 100.0 => Ok(share),
            Ok(_) => Err(Wrong::new("a store cannot shrink by more than 100%")),
            Err(wrong) => Err(wrong),
        },
    };
    checker.take(Code::Threshold, route, value)
}

/// Checks `cost`.
pub(super) fn cost(authored: AuthoredCost, route: &Route<'_>, checker: &mut Checker<'_>) -> GateSpec {
    let (review_route, block_route) = (route.key("review_usd"), route.key("block_usd"));
    if !checker.has(&review_route) && !checker.has(&block_route) {
        let label = "this sets neither `review_usd` nor `block_usd`, so it does nothing";
        let problem = checker.at_key(Code::MissingKey, route, label);
        checker.tell(problem.help("set one of them, such as `review_usd: 2`"));
    }
    let amount = |typed: Option<f64>, route: &Route<'_>, checker: &mut Checker<'_>| -> Option<Usd> {
        checker.take(Code::Amount, route, quantity::dollars(typed?))
    };
    let review = amount(authored.review_usd, &review_route, checker);
    let block = amount(authored.block_usd, &block_route, checker);
    if let (Some(review), Some(block)) = (review, block)
        && review > block
    {
        let problem = checker.at(Code::ThresholdOrder, &review_route, "`block_usd` comes before this");
        checker.tell(problem.help("make `review_usd` the lower of the two"));
    }
    GateSpec::Cost { review, block }
}
