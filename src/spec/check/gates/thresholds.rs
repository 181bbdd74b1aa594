//! Thresholds: each in its range, both in their order, and defaults where they still make sense.

use crate::spec::authored::{AuthoredThreshold, AuthoredThresholds};
use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::pipeline::{Threshold, Thresholds};
use crate::spec::quantity::{self, Wrong};
use crate::spec::route::Route;

/// A count of bytes below this is a share that lost its percent sign.
const FEWEST_BYTES: u64 = 1_001;

/// What a threshold counts.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Unit {
    Entries,
    Bytes,
    Statements,
}

/// Reads thresholds, of which one has to be set.
pub(super) fn thresholds(
    authored: Option<AuthoredThresholds>,
    default: Thresholds,
    unit: Unit,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Thresholds {
    let Some(authored) = authored else { return default };
    if !checker.has(&route.key("review")) && !checker.has(&route.key("block")) {
        let problem = checker.at_key(
            Code::MissingKey,
            route,
            "this sets neither `review` nor `block`, so it does nothing",
        );
        checker.tell(problem.help("set one of them, such as `review: 20%`"));
        return default;
    }
    sides(authored, default, unit, route, checker)
}

/// Reads thresholds, of which none has to be set. A side that is not set keeps its default, unless the
/// set one makes it meaningless.
pub(super) fn sides(
    authored: AuthoredThresholds,
    default: Thresholds,
    unit: Unit,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Thresholds {
    let (review_route, block_route) = (route.key("review"), route.key("block"));
    let review = authored.review.and_then(|typed| threshold(typed, unit, &review_route, checker));
    let block = authored.block.and_then(|typed| threshold(typed, unit, &block_route, checker));
    match (review, block) {
        (Some(review), Some(block)) if review.is_above(block) => {
            let problem = checker.at(Code::ThresholdOrder, &review_route, "`block` comes before this");
            checker.tell(problem.help("make `review` the lower of the two"));
        }
        (Some(review), None) if default.block.is_some_and(|block| review.is_above(block)) => {
            let problem =
                checker.at(Code::DefaultStands, &review_route, "the default `block` comes before this");
            checker.tell(
                problem.help(format!("set `block` as well; its default is {}", describe(default.block))),
            );
        }
        _ => {}
    }
    // With only `block` set, a default review above it could never be reached.
    let default_review = default.review.filter(|review| !block.is_some_and(|block| review.is_above(block)));
    Thresholds { review: review.or(default_review), block: block.or(default.block) }
}

fn describe(threshold: Option<Threshold>) -> String {
    match threshold {
        Some(Threshold::Percent(share)) => format!("{share}%"),
        Some(Threshold::Count(count)) => count.to_string(),
        None => "none".to_owned(),
    }
}

/// Reads one threshold.
pub(super) fn threshold(
    authored: AuthoredThreshold,
    unit: Unit,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Option<Threshold> {
    let value = match authored {
        AuthoredThreshold::Text(text) => quantity::percent(&text),
        AuthoredThreshold::Count(0) => Err(Wrong::new("a count trips at it, so 0 would always trip")
            .help("write `1` to trip at the first, or `0%` to trip above nothing")),
        AuthoredThreshold::Count(count) if unit == Unit::Bytes && count < FEWEST_BYTES => {
            Err(Wrong::new(format!("this means {count} bytes")).help(format!("write `{count}%` for a share")))
        }
        AuthoredThreshold::Count(count) => Ok(Threshold::Count(count)),
    };
    checker.take(Code::Threshold, route, value)
}
