//! `gates`: thresholds, levels, and the defaults that stand where nothing is said.

use crate::spec::authored::{
    AuthoredAssertion, AuthoredBytes, AuthoredGates, AuthoredProtected, AuthoredThreshold, AuthoredThresholds,
};
use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::expr;
use crate::spec::path;
use crate::spec::pipeline::{
    Assertion, DEFAULT_ENTRIES_LIMIT, GateSpec, Level, OnUnchanged, Threshold, Thresholds, default_gates,
};
use crate::spec::quantity::{self, Wrong};
use crate::spec::route::{ROOT, Route};

/// A count of bytes below this is a share that lost its percent sign.
const FEWEST_BYTES: u64 = 1_001;

/// Checks `gates` and fills in the defaults, in the order gates are judged.
pub(super) fn gates(authored: AuthoredGates, checker: &mut Checker<'_>) -> Vec<GateSpec> {
    let route = ROOT.key("gates");
    for name in authored.unavailable() {
        let label = format!("the `{name}` gate is not available in this version");
        let problem = checker.at_key(Code::GateNotAvailable, &route.key(name), label);
        checker.tell(problem.note("a gate that never fires is worse than none").help("remove it"));
    }
    let defaults = Defaults::new();
    let mut gates = Vec::new();
    let removed = thresholds(
        authored.entries_removed,
        defaults.removed,
        Unit::Entries,
        &route.key("entries_removed"),
        checker,
    );
    gates.push(GateSpec::EntriesRemoved(removed));
    if authored.entries_added.is_some() {
        let none = Thresholds::default();
        let added =
            thresholds(authored.entries_added, none, Unit::Entries, &route.key("entries_added"), checker);
        gates.push(GateSpec::EntriesAdded(added));
    }
    let AuthoredBytes { shrink, grow } = authored.bytes.unwrap_or_default();
    let bytes = route.key("bytes");
    gates.push(GateSpec::Bytes {
        shrink: thresholds(shrink, defaults.shrink, Unit::Bytes, &bytes.key("shrink"), checker),
        grow: thresholds(grow, defaults.grow, Unit::Bytes, &bytes.key("grow"), checker),
    });
    gates.push(GateSpec::Unchanged(authored.unchanged.unwrap_or(OnUnchanged::Skip)));
    gates.extend(authored.protected.map(|typed| protected(typed, &route.key("protected"), checker)));
    let limits = authored.limits.unwrap_or_default();
    gates.push(GateSpec::Limits {
        on_exceed: limits.on_exceed.unwrap_or(Level::Block),
        entries: limits.entries.unwrap_or(DEFAULT_ENTRIES_LIMIT),
    });
    gates.push(GateSpec::Secrets(authored.secrets.unwrap_or(Level::Block)));
    if let Some(typed) = authored.assert {
        gates.push(GateSpec::Assert(assertions(typed, &route.key("assert"), checker)));
    }
    gates
}

/// The thresholds of [`default_gates`], by measure.
#[derive(Default)]
struct Defaults {
    removed: Thresholds,
    shrink: Thresholds,
    grow: Thresholds,
}

impl Defaults {
    fn new() -> Self {
        default_gates().into_iter().fold(Self::default(), |mut defaults, gate| {
            match gate {
                GateSpec::EntriesRemoved(thresholds) => defaults.removed = thresholds,
                GateSpec::Bytes { shrink, grow } => (defaults.shrink, defaults.grow) = (shrink, grow),
                _ => {}
            }
            defaults
        })
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Entries,
    Bytes,
}

/// Reads thresholds. A side that is not set keeps its default, unless the set one makes it
/// meaningless.
fn thresholds(
    authored: Option<AuthoredThresholds>,
    default: Thresholds,
    unit: Unit,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Thresholds {
    let Some(authored) = authored else { return default };
    let (review_route, block_route) = (route.key("review"), route.key("block"));
    let is_set = (checker.has(&review_route), checker.has(&block_route));
    if is_set == (false, false) {
        let problem = checker.at_key(
            Code::MissingKey,
            route,
            "this sets neither `review` nor `block`, so it does nothing",
        );
        checker.tell(problem.help("set one of them, such as `review: 20%`"));
        return default;
    }
    let review = authored.review.and_then(|typed| threshold(typed, unit, &review_route, checker));
    let block = authored.block.and_then(|typed| threshold(typed, unit, &block_route, checker));
    match (review, block) {
        (Some(review), Some(block)) if is_above(review, block) => {
            let problem = checker.at(Code::ThresholdOrder, &review_route, "`block` comes before this");
            checker.tell(problem.help("make `review` the lower of the two"));
        }
        (Some(review), None) if default.block.is_some_and(|block| is_above(review, block)) => {
            let problem =
                checker.at(Code::DefaultStands, &review_route, "the default `block` comes before this");
            checker.tell(
                problem.help(format!("set `block` as well; its default is {}", describe(default.block))),
            );
        }
        _ => {}
    }
    // With only `block` set, a default review above it could never be reached.
    let default_review = default.review.filter(|review| !block.is_some_and(|block| is_above(*review, block)));
    Thresholds { review: review.or(default_review), block: block.or(default.block) }
}

fn is_above(a: Threshold, b: Threshold) -> bool {
    match (a, b) {
        (Threshold::Percent(a), Threshold::Percent(b)) => a > b,
        (Threshold::Count(a), Threshold::Count(b)) => a > b,
        _ => false,
    }
}

fn describe(threshold: Option<Threshold>) -> String {
    match threshold {
        Some(Threshold::Percent(share)) => format!("{share}%"),
        Some(Threshold::Count(count)) => count.to_string(),
        None => "none".to_owned(),
    }
}

fn threshold(
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

fn protected(authored: AuthoredProtected, route: &Route<'_>, checker: &mut Checker<'_>) -> GateSpec {
    let parent = route.key("paths");
    let mut paths = Vec::new();
    for (i, glob) in authored.paths.unwrap_or_default().into_iter().enumerate() {
        if checker.take_refused(&parent.index(i), path::memory_glob(&glob)).is_some() {
            paths.push(glob);
        }
    }
    GateSpec::Protected { paths, on_change: authored.on_change.unwrap_or(Level::Block) }
}

fn assertions(
    authored: Vec<AuthoredAssertion>,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Vec<Assertion> {
    let mut assertions = Vec::new();
    for (i, typed) in authored.into_iter().enumerate() {
        let Some(expr) = typed.expr else { continue };
        let item = route.index(i);
        for problem in expr::check(&expr) {
            let told = checker.at(Code::AssertExpression, &item.key("expr"), problem.label);
            checker.tell(problem.help.into_iter().fold(told, crate::spec::problem::Problem::help));
        }
        let otherwise = typed.otherwise.unwrap_or(Level::Block);
        assertions.push(Assertion { expr, otherwise, message: typed.message });
    }
    assertions
}
