//! The sheet that checks write on: problems by route, turned to places at once.

use std::collections::BTreeSet;
use std::ops::Range;

use super::codes::Code;
use super::problem::{PROBLEMS_LIMIT, Problem};
use super::quantity::Wrong;
use super::route::{Route, Step};
use super::source::SourceFile;
use super::yaml::{Found, Node};

/// The problems of one file, found so far.
#[derive(Debug)]
pub struct Checker<'a> {
    file: &'a SourceFile,
    tree: &'a Node,
    problems: Vec<Problem>,
    /// Problems told only if nothing better is said about the same place.
    fallbacks: Vec<Problem>,
    untold: usize,
}

impl<'a> Checker<'a> {
    /// Starts an empty sheet for a file and its tree.
    pub fn new(file: &'a SourceFile, tree: &'a Node) -> Self {
        Self { file, tree, problems: Vec::new(), fallbacks: Vec::new(), untold: 0 }
    }

    /// Returns the file.
    pub fn file(&self) -> &'a SourceFile {
        self.file
    }

    /// Follows a route in the file.
    pub fn find(&self, steps: &[Step<'_>]) -> Found<'a> {
        self.tree.find(steps)
    }

    /// Says whether a mapping of the file has a key, whatever its value.
    pub fn has(&self, route: &Route<'_>) -> bool {
        self.find(&route.steps()).is_whole
    }

    /// Makes a problem that points at a value.
    pub fn at(&self, code: Code, route: &Route<'_>, label: impl Into<String>) -> Problem {
        self.at_route(code, route, label, Found::value_span)
    }

    /// Makes a problem that points at a key.
    pub fn at_key(&self, code: Code, route: &Route<'_>, label: impl Into<String>) -> Problem {
        self.at_route(code, route, label, Found::key_span)
    }

    fn at_route(
        &self,
        code: Code,
        route: &Route<'_>,
        label: impl Into<String>,
        span: fn(&Found<'a>) -> Range<usize>,
    ) -> Problem {
        if self.is_full() {
            return Problem::of_file(code, self.file.path(), label);
        }
        let found = self.find(&route.steps());
        Problem { route: route.to_string(), ..Problem::new(code, self.file, span(&found), label) }
    }

    /// Makes a problem that points at bytes of the file.
    pub fn at_span(&self, code: Code, span: Range<usize>, label: impl Into<String>) -> Problem {
        if self.is_full() {
            return Problem::of_file(code, self.file.path(), label);
        }
        Problem::new(code, self.file, span, label)
    }

    /// Says whether further problems are only counted, so that finding their places would be wasted:
    /// a place costs a walk over the file, and a hostile file has a problem in every byte.
    fn is_full(&self) -> bool {
        self.problems.len() >= PROBLEMS_LIMIT
    }

    /// Records a problem. Beyond [`PROBLEMS_LIMIT`] they are only counted.
    pub fn tell(&mut self, problem: Problem) {
        if self.is_full() {
            self.untold += 1;
        } else {
            self.problems.push(problem);
        }
    }

    /// Records a problem that gives way to any other at its place.
    pub fn tell_unless_told(&mut self, problem: Problem) {
        if self.fallbacks.len() < PROBLEMS_LIMIT {
            self.fallbacks.push(problem);
        }
    }

    /// Records that a value is wrong, and returns the good one if it is not.
    pub fn take<T>(&mut self, code: Code, route: &Route<'_>, value: Result<T, Wrong>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(wrong) => {
                let mut problem = self.at(code, route, wrong.label);
                problem.help.extend(wrong.help);
                self.tell(problem);
                None
            }
        }
    }

    /// Like [`Checker::take`], for readers that choose the code themselves.
    pub fn take_refused<T>(&mut self, route: &Route<'_>, value: Result<T, (Code, Wrong)>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err((code, wrong)) => self.take(code, route, Err(wrong)),
        }
    }

    /// Ends the sheet: all problems by position.
    pub fn finish(mut self) -> Vec<Problem> {
        let told: BTreeSet<Option<usize>> =
            self.problems.iter().map(|p| p.place.as_ref().map(|place| place.span.start)).collect();
        let fallbacks = std::mem::take(&mut self.fallbacks);
        let start = |p: &Problem| p.place.as_ref().map(|place| place.span.start);
        self.problems.extend(fallbacks.into_iter().filter(|p| !told.contains(&start(p))));
        super::problem::sort(&mut self.problems);
        if self.untold > 0 {
            let label = format!("{} more problems are not shown", self.untold);
            self.problems.push(Problem::of_file(Code::MoreProblems, self.file.path(), label));
        }
        self.problems
    }
}
