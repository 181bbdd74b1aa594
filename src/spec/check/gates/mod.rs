//! `gates`: what each gate is set to, and the defaults that stand where nothing is said.

mod amounts;
mod lost;
mod protected;
mod thresholds;

use std::path::Path;

use crate::spec::authored::{AuthoredAssertion, AuthoredBytes, AuthoredGates, AuthoredPolicyRule};
use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::expr;
use crate::spec::gates::InjectionLevels;
use crate::spec::path;
use crate::spec::pipeline::{
    Assertion, DEFAULT_ENTRIES_LIMIT, GateSpec, Level, OnUnchanged, PolicyRule, Thresholds, default_gates,
};
use crate::spec::route::{ROOT, Route};

use super::guards;
use thresholds::{Unit, thresholds};

/// Checks `gates` and fills in the defaults, in the order gates are judged. A store's forget list is in force
/// whatever its pipelines say.
pub(super) fn gates(
    authored: AuthoredGates,
    forget: Option<&Path>,
    checker: &mut Checker<'_>,
) -> Vec<GateSpec> {
    let route = ROOT.key("gates");
    let defaults = Defaults::new();
    let mut gates = Vec::new();
    gates.push(GateSpec::Lost(lost::lost(authored.lost.unwrap_or_default(), &route.key("lost"), checker)));
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
    if authored.contradictions.is_some() {
        let (none, route) = (Thresholds::default(), route.key("contradictions"));
        let limits = thresholds(authored.contradictions, none, Unit::Statements, &route, checker);
        gates.push(GateSpec::Contradictions(limits));
    }
    let AuthoredBytes { shrink, grow } = authored.bytes.unwrap_or_default();
    let bytes = route.key("bytes");
    gates.push(GateSpec::Bytes {
        shrink: thresholds(shrink, defaults.shrink, Unit::Bytes, &bytes.key("shrink"), checker),
        grow: thresholds(grow, defaults.grow, Unit::Bytes, &bytes.key("grow"), checker),
    });
    if let Some(typed) = authored.size_reduction {
        gates.push(amounts::size_reduction(typed, &route.key("size_reduction"), checker));
    }
    gates.push(GateSpec::Unchanged(authored.unchanged.unwrap_or(OnUnchanged::Skip)));
    if let Some(typed) = authored.protected {
        gates.push(protected::protected(typed, &route.key("protected"), checker));
    }
    if let Some(typed) = authored.policy {
        gates.push(GateSpec::Policy(policy(typed, &route.key("policy"), checker)));
    }
    let limits = authored.limits.unwrap_or_default();
    gates.push(GateSpec::Limits {
        on_exceed: limits.on_exceed.unwrap_or(Level::Block),
        entries: limits.entries.unwrap_or(DEFAULT_ENTRIES_LIMIT),
    });
    gates.push(GateSpec::Secrets(authored.secrets.unwrap_or(Level::Block)));
    let injection = guards::injection(authored.injection);
    if injection != InjectionLevels::default() {
        gates.push(GateSpec::Injection(injection));
    }
    gates.extend(forget.map(|file| GateSpec::Forget(file.to_owned())));
    if let Some(typed) = authored.probes {
        gates.extend(guards::probes(typed, &route.key("probes"), checker).map(GateSpec::Probes));
    }
    if authored.convergence.is_some() {
        let (none, route) = (Thresholds::default(), route.key("convergence"));
        let limits = thresholds(authored.convergence, none, Unit::Statements, &route, checker);
        gates.push(GateSpec::Convergence(limits));
    }
    if let Some(typed) = authored.cost {
        gates.push(amounts::cost(typed, &route.key("cost"), checker));
    }
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

/// Reads globs over memory paths, without those that cannot be used.
fn globs(authored: Option<Vec<String>>, parent: &Route<'_>, checker: &mut Checker<'_>) -> Vec<String> {
    let mut globs = Vec::new();
    for (i, glob) in authored.unwrap_or_default().into_iter().enumerate() {
        if checker.take_refused(&parent.index(i), path::memory_glob(&glob)).is_some() {
            globs.push(glob);
        }
    }
    globs
}

fn policy(
    authored: Vec<AuthoredPolicyRule>,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Vec<PolicyRule> {
    let mut rules = Vec::new();
    for (i, typed) in authored.into_iter().enumerate() {
        let item = route.index(i);
        let changes = ["add", "edit", "remove", "move", "lose"];
        if !changes.iter().any(|change| checker.has(&item.key(change))) {
            let problem =
                checker.at(Code::MissingKey, &item, "this rule names no change, so it does nothing");
            checker.tell(problem.help("set one of `add`, `edit`, `remove`, `move` or `lose`"));
        }
        let AuthoredPolicyRule { paths, add, edit, remove, moving, lose } = typed;
        let paths = globs(paths, &item.key("paths"), checker);
        rules.push(PolicyRule { paths, add, edit, remove, moving, lose });
    }
    rules
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
