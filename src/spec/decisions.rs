//! A checked file of decisions. Which statements they name is known to whoever has the run.

use crate::memory::ContentHash;

use super::authored::DecisionWord;

/// What a person decided in a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decisions {
    /// The run it was about, if the file says so.
    pub run: Option<String>,
    /// The candidate it was about, if the file says so.
    pub candidate: Option<ContentHash>,
    /// In the order of the file.
    pub decisions: Vec<Decision>,
}

/// What is to become of one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Which, as it was named.
    pub statement: String,
    /// What to do.
    pub what: DecisionWord,
}
