//! `gates.injection` and `gates.probes`.

use crate::spec::authored::{AuthoredInjection, AuthoredProbes, LevelOrOff, ProbeJudge};
use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::gates::{DEFAULT_INJECTION, InjectionLevels, Level, ProbeLevels, ProbeRule};
use crate::spec::path;
use crate::spec::route::Route;

/// Fills in the levels; what is not said keeps its default.
pub(super) fn injection(authored: Option<AuthoredInjection>) -> InjectionLevels {
    let level = |typed: LevelOrOff| match typed {
        LevelOrOff::Review => Some(Level::Review),
        LevelOrOff::Block => Some(Level::Block),
        LevelOrOff::Off => None,
    };
    match authored {
        None => DEFAULT_INJECTION,
        Some(AuthoredInjection::Word(word)) => {
            InjectionLevels { instructions: level(word), hidden: level(word), ..DEFAULT_INJECTION }
        }
        Some(AuthoredInjection::Kinds(kinds)) => InjectionLevels {
            instructions: kinds.instructions.map_or(DEFAULT_INJECTION.instructions, level),
            hidden: kinds.hidden.map_or(DEFAULT_INJECTION.hidden, level),
            untrusted: kinds.untrusted.map_or(DEFAULT_INJECTION.untrusted, level),
        },
    }
}

/// Checks where the probes are and what they mean. The file itself is checked on its own.
pub(super) fn probes(
    authored: AuthoredProbes,
    route: &Route<'_>,
    checker: &mut Checker<'_>,
) -> Option<ProbeLevels> {
    if authored.judge == Some(ProbeJudge::Model) {
        let label = "probes judged by a model are not available in this version";
        let problem = checker.at(Code::GateNotAvailable, &route.key("judge"), label);
        checker.tell(problem.help("remove it: statements are found by their words, the same way each time"));
    }
    let AuthoredProbes { file, review, block, .. } = authored;
    if (review, block) == (Some(ProbeRule::AnyRegression), Some(ProbeRule::AnyFailure)) {
        let label = "every regression is a failure, and failures block";
        let problem = checker.at(Code::ThresholdOrder, &route.key("review"), label);
        checker.tell(problem.help("write `review: any_failure` and `block: any_regression`"));
    }
    let file = checker.take_refused(&route.key("file"), path::inside(&file?))?;
    let block = block.or_else(|| review.is_none().then_some(ProbeRule::AnyRegression));
    Some(ProbeLevels { file, review, block })
}
