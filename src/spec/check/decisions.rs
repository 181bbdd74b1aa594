//! A file of decisions: only its hash needs a look that the schema cannot have.

use crate::memory::ContentHash;
use crate::spec::authored::AuthoredDecisions;
use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::decisions::{Decision, Decisions};
use crate::spec::quantity::Wrong;
use crate::spec::route::ROOT;

/// Checks a file of decisions.
pub(in crate::spec) fn decisions(
    authored: AuthoredDecisions,
    checker: &mut Checker<'_>,
) -> Option<Decisions> {
    let candidate = authored.candidate.and_then(|text| {
        let hash = ContentHash::try_from(text).map_err(|label| {
            Wrong::new(label).help(
                "take it from a file that `dreamrun diff RUN --decisions-out FILE` wrote, or leave it out",
            )
        });
        checker.take(Code::OutOfRange, &ROOT.key("candidate"), hash)
    });
    let decided = authored.decisions?.into_iter();
    let decisions =
        decided.filter_map(|one| Some(Decision { statement: one.statement?, what: one.r#do? })).collect();
    Some(Decisions { run: authored.run, candidate, decisions })
}
