//! The rules a schema cannot state: references, limits, templates, and what this version can do.
//!
//! Each check takes what was typed, tells what is wrong with it by route, and returns the checked
//! value, so that a file's problems come all at once.

mod adopt;
mod decisions;
mod forget;
mod fixture;
mod gates;
mod guards;
mod pattern;
mod pipeline;
mod prices;
mod probes;
mod project;
mod sessions;

pub(super) use decisions::decisions;
pub(super) use fixture::tests;
pub(super) use forget::forget;
pub(super) use pipeline::pipeline;
pub(super) use probes::probes;
pub(super) use project::project;

use super::checker::Checker;
use super::codes::Code;
use super::route::Route;
use crate::ids::InvalidId;

/// Tells why a text is not a name or an id, and returns it if it is.
fn identifier<T>(
    checker: &mut Checker<'_>,
    code: Code,
    route: &Route<'_>,
    parsed: Result<T, InvalidId>,
) -> Option<T> {
    match parsed {
        Ok(id) => Some(id),
        Err(error) => {
            let problem = checker.at(code, route, error.to_string());
            checker.tell(problem);
            None
        }
    }
}
