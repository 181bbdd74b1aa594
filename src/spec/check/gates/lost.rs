//! `gates.lost`: limits for one run, for some paths, and for what adds up over days.

use crate::spec::authored::{AuthoredLossLimit, AuthoredLost, AuthoredThresholds};
use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::pipeline::{LostClass, LostLimits, LostWindow, Thresholds, default_lost};
use crate::spec::route::Route;

use super::globs;
use super::thresholds::{Unit, sides, threshold, thresholds};

/// Checks `lost`, and fills in the defaults.
pub(super) fn lost(authored: AuthoredLost, route: &Route<'_>, checker: &mut Checker<'_>) -> LostLimits {
    if authored.judge.is_some() {
        let label = "a model that judges is not available in this version";
        let problem = checker.at_key(Code::KeyNotAvailable, &route.key("judge"), label);
        checker.tell(problem.note("rules judge what is lost, the same way each time").help("remove it"));
    }
    let default = default_lost();
    let windows = [
        (7, "over_7_days", authored.over_7_days),
        (30, "over_30_days", authored.over_30_days),
        (90, "over_90_days", authored.over_90_days),
        (365, "over_365_days", authored.over_365_days),
    ];
    let windows: Vec<LostWindow> = windows
        .into_iter()
        .filter_map(|(days, key, typed)| {
            let default = default.windows.iter().find(|window| window.days == days);
            let Some(typed) = typed else { return default.cloned() };
            let default = default.map(|window| window.limits).unwrap_or_default();
            Some(LostWindow { days, limits: window(typed, default, &route.key(key), checker) })
        })
        .collect();
    let list = route.key("paths");
    let mut paths = Vec::new();
    for (i, typed) in authored.paths.unwrap_or_default().into_iter().enumerate() {
        let item = list.index(i);
        let none = Thresholds::default();
        let sides = AuthoredThresholds { review: typed.review, block: typed.block };
        let limits = thresholds(Some(sides), none, Unit::Statements, &item, checker);
        paths.push(LostClass { paths: globs(typed.paths, &item.key("paths"), checker), limits });
    }
    let run = AuthoredThresholds { review: authored.review, block: authored.block };
    LostLimits { run: sides(run, default.run, Unit::Statements, route, checker), windows, paths }
}

/// Reads the limit over some days; a threshold on its own blocks, and nothing asks for a review before.
fn window(
    authored: AuthoredLossLimit,
    default: Thresholds,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Thresholds {
    match authored {
        AuthoredLossLimit::Both(typed) => thresholds(Some(typed), default, Unit::Statements, route, checker),
        AuthoredLossLimit::Block(typed) => match threshold(typed, Unit::Statements, route, checker) {
            Some(block) => Thresholds { review: None, block: Some(block) },
            None => default,
        },
    }
}
