//! Patterns: regular expressions, bounded in size.

use regex::Regex;

use crate::spec::checker::Checker;
use crate::spec::codes::Code;
use crate::spec::route::Route;
use crate::text::pattern::{self, PatternError};

/// Checks a pattern and compiles it.
pub(super) fn pattern(source: &str, route: &Route<'_>, checker: &mut Checker<'_>) -> Option<Regex> {
    let error = match pattern::compile(source) {
        Ok(pattern) => return Some(pattern),
        Err(error) => error,
    };
    let problem = checker.at(Code::Pattern, route, error.to_string());
    checker.tell(match error {
        PatternError::TooLarge => problem.help("repeat less: counts multiply when they nest"),
        PatternError::MatchesAll => problem.help("write `+` for `*`, or more of what it is about"),
        PatternError::Syntax(_) => problem.note("look-around and back-references are not available"),
        _ => problem,
    });
    None
}
