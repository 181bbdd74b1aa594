//! Probes: questions a store must answer, or must not be able to answer. Unit tests of memory.

use std::path::PathBuf;

use globset::GlobMatcher;
use regex::Regex;

/// The most patterns of one probe or forget file: each is held against the whole store.
pub const PATTERNS_LIMIT: usize = 1_000;

/// One probe file after checking.
#[derive(Debug, Clone)]
pub struct ProbeList {
    /// The file, relative to the project.
    pub file: PathBuf,
    /// Its probes, in their order.
    pub probes: Vec<Probe>,
}

/// One probe.
#[derive(Debug, Clone)]
pub struct Probe {
    /// What people call it.
    pub name: Option<String>,
    /// Its line in the file, from 1.
    pub line: u64,
    /// What is looked for; nothing for a probe about the whole store.
    pub question: Option<Question>,
    /// What must be found in what the question brings up, or anywhere without a question.
    pub must_know: Vec<Wanted>,
    /// What must be found nowhere in the store.
    pub must_not_know: Vec<Wanted>,
    /// Whether the question must bring up nothing.
    pub must_abstain: bool,
    /// The memories it is about; all if none are named.
    pub paths: Option<GlobMatcher>,
}

/// What a probe looks for.
#[derive(Debug, Clone)]
pub enum Question {
    /// A question in words: the statements that fit it best.
    Ask(String),
    /// The statements that match.
    Pattern(Regex),
}

/// What a statement must say, or must not.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// These words and specifics, however they are written.
    Text(String),
    /// What matches, written as `/…/`.
    Pattern(Regex),
}
