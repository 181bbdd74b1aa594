//! Globs over whole memory paths, as gates and their authors read them.
//!
//! `*` stays within a segment, `**` crosses slashes. A missing leading slash is supplied and a folder's
//! name covers what is in it, because a guard that never fires is worse than one that fires too often.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::memory::{MemoryPath, covering_globs};

use super::verdict::{Finding, Outcome, Verdict};

/// Some globs, ready to be asked.
#[derive(Debug)]
pub(super) struct Globs(GlobSet);

impl Globs {
    /// Reads globs.
    pub(super) fn compile(globs: &[String]) -> Result<Self, globset::Error> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            for glob in covering_globs(glob) {
                set.add(GlobBuilder::new(&glob).literal_separator(true).build()?);
            }
        }
        Ok(Self(set.build()?))
    }

    /// Says whether one of them covers a path.
    pub(super) fn cover(&self, path: &MemoryPath) -> bool {
        self.0.is_match(path.as_str())
    }
}

/// The verdict of a gate whose globs cannot be read.
pub(super) fn unreadable(gate: &str, limit: String, error: &globset::Error) -> Verdict {
    let findings = [Finding::of_store(error.to_string())];
    Verdict::new(gate, Outcome::Undecided, "the paths could not be read", limit, findings)
}
