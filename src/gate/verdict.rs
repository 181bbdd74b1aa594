//! Verdicts: what a gate answered, and why a person should believe it.
//!
//! Verdicts go into the journal, so they hold no memory text: findings name a rule of ours, a path
//! and a line, and a reader opens the store to see the rest.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::memory::MemoryPath;

/// What a gate can answer, from mild to severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing stands in the way.
    Pass,
    /// There is nothing to adopt: the candidate equals the live store.
    Unchanged,
    /// A person must look.
    Review,
    /// Nothing is adopted without an override.
    Block,
    /// The gate could not decide; that blocks too.
    Undecided,
}

/// One gate's answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// The gate, as named in a pipeline.
    pub gate: String,
    /// Its answer.
    pub outcome: Outcome,
    /// What was measured, such as `3 of 25 entries removed (12%)`.
    pub measured: String,
    /// The limit it was held against, such as `review above 60%, block above 80%`; empty if none.
    pub limit: String,
    /// The places behind it, in order of path and line; empty on a plain pass.
    pub findings: Vec<Finding>,
}

/// One place a gate objects to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Where, if it is about one memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<MemoryPath>,
    /// Its line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What is wrong there, in our words and never in the memory's.
    pub note: Cow<'static, str>,
}

/// The most findings one verdict keeps, so that a wiped store does not fill the journal.
pub const FINDINGS_LIMIT: usize = 200;

impl Verdict {
    /// Makes a verdict: findings are put in order and cut off at [`FINDINGS_LIMIT`], saying so.
    pub fn new(
        gate: &str,
        outcome: Outcome,
        measured: impl Into<String>,
        limit: impl Into<String>,
        findings: impl IntoIterator<Item = Finding>,
    ) -> Self {
        let mut findings: Vec<_> = findings.into_iter().collect();
        findings.sort_by(|a, b| (&a.path, a.line, &a.note).cmp(&(&b.path, b.line, &b.note)));
        if findings.len() > FINDINGS_LIMIT {
            let rest = findings.len() - FINDINGS_LIMIT;
            findings.truncate(FINDINGS_LIMIT);
            findings.push(Finding::of_store(format!("and {rest} more")));
        }
        Self { gate: gate.to_owned(), outcome, measured: measured.into(), limit: limit.into(), findings }
    }
}

impl Finding {
    /// Objects to one memory as a whole.
    pub fn of_memory(path: &MemoryPath, note: impl Into<Cow<'static, str>>) -> Self {
        Self { path: Some(path.clone()), line: None, note: note.into() }
    }

    /// Objects to one line of a memory.
    pub fn of_line(path: &MemoryPath, line: usize, note: impl Into<Cow<'static, str>>) -> Self {
        Self { path: Some(path.clone()), line: Some(line as u64), note: note.into() }
    }

    /// Objects to the store as a whole.
    pub fn of_store(note: impl Into<Cow<'static, str>>) -> Self {
        Self { path: None, line: None, note: note.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_ordered_and_bounded() {
        let findings = (0..FINDINGS_LIMIT + 5)
            .rev()
            .map(|i| Finding::of_memory(&MemoryPath::parse(&format!("/m{i:04}")).unwrap(), "removed"));
        let verdict = Verdict::new("entries_removed", Outcome::Block, "", "", findings);
        assert_eq!(verdict.findings.len(), FINDINGS_LIMIT + 1);
        assert_eq!(verdict.findings[0].path.as_ref().unwrap().as_str(), "/m0000");
        assert_eq!(verdict.findings[FINDINGS_LIMIT], Finding::of_store("and 5 more"));
    }
}
