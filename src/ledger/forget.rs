//! Forget lists: what must not come back, and what may go.

use globset::GlobMatcher;
use jiff::SignedDuration;
use regex::Regex;

use crate::memory::ContentHash;

/// The rules of one store, in the author's order.
#[derive(Debug, Clone, Default)]
pub struct ForgetList {
    /// The rules.
    pub rules: Vec<ForgetRule>,
}

/// One rule.
#[derive(Debug, Clone)]
pub struct ForgetRule {
    /// What it is called in reports: never the text it is about.
    pub name: String,
    /// What it covers.
    pub what: Forgotten,
}

/// What a rule covers.
#[derive(Debug, Clone)]
pub enum Forgotten {
    /// Statements that match; matching takes linear time, and the pattern's size is bounded.
    Pattern(Regex),
    /// One statement, by the hash of its normal form, so that the list need not repeat what is to be
    /// forgotten.
    Statement(ContentHash),
    /// Everything under a path, once it is older than this. It may go; it does not have to.
    Retention {
        /// Which memories.
        paths: GlobMatcher,
        /// How old, from the memory's last change.
        older_than: SignedDuration,
    },
}
