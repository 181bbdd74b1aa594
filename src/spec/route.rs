//! Routes: where a value sits in a document (`input.sessions.from[2].agent`).
//!
//! Checks speak in routes and know nothing of lines; the document tree turns a route into a span.

use std::fmt;

/// One step of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Into a mapping.
    Key(&'a str),
    /// Into a list, from 0.
    Index(usize),
}

/// A route as a chain of borrowed steps, so that walking a document allocates nothing.
#[derive(Debug, Clone, Copy)]
pub struct Route<'a> {
    step: Option<Step<'a>>,
    parent: Option<&'a Route<'a>>,
}

/// The whole document.
pub const ROOT: Route<'static> = Route { step: None, parent: None };

impl Route<'_> {
    /// Returns the route of a key below this one.
    pub fn key<'b>(&'b self, key: &'b str) -> Route<'b> {
        Route { step: Some(Step::Key(key)), parent: Some(self) }
    }

    /// Returns the route of a list item below this one.
    pub fn index(&self, index: usize) -> Route<'_> {
        Route { step: Some(Step::Index(index)), parent: Some(self) }
    }

    /// Returns the steps from the root.
    pub fn steps(&self) -> Vec<Step<'_>> {
        let mut steps = Vec::new();
        let mut at = Some(self);
        while let Some(route) = at {
            steps.extend(route.step);
            at = route.parent;
        }
        steps.reverse();
        steps
    }
}

impl fmt::Display for Route<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write_steps(&self.steps()))
    }
}

/// Writes steps as `a.b[2]`.
pub fn write_steps(steps: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
            Step::Index(index) => {
                text.push('[');
                text.push_str(&index.to_string());
                text.push(']');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_written_as_people_say_it() {
        let (input, from) = (ROOT.key("input"), "from");
        let list = input.key(from);
        let item = list.index(2);
        assert_eq!(item.key("agent").to_string(), "input.from[2].agent");
        assert_eq!(ROOT.to_string(), "");
    }
}
