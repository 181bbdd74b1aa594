//! Paths that no dream may touch: add, remove, edit, or move to or from.
//!
//! Globs are over whole memory paths: `*` stays within a segment, `**` crosses slashes. A missing
//! leading slash is supplied and a folder's name covers what is in it, because a guard that never
//! fires is worse than one that fires too often.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::diff::{Change, EntryDiff};
use crate::memory::MemoryPath;
use crate::spec::pipeline::Level;

use super::verdict::{Finding, Outcome, Verdict};
use super::{Evidence, count_of};

/// Judges a candidate by the paths it touches.
pub(super) fn judge(globs: &[String], on_change: Level, evidence: &Evidence<'_>) -> Verdict {
    let level = match on_change {
        Level::Review => "review",
        Level::Block => "block",
    };
    let limit = format!("{level} on a change under {}", globs.join(", "));
    let set = match compile(globs) {
        Ok(set) => set,
        Err(error) => {
            return Verdict::new(
                "protected",
                Outcome::Undecided,
                "the protected paths could not be read",
                limit,
                [Finding::of_store(error.to_string())],
            );
        }
    };
    let touched: Vec<_> = evidence.diff.entries.iter().flat_map(|entry| touches(entry, &set)).collect();
    let outcome = if touched.is_empty() { Outcome::Pass } else { on_change.into() };
    let measured = format!("{} touched", count_of(touched.len() as u64, "protected path", "protected paths"));
    Verdict::new("protected", outcome, measured, limit, touched)
}

fn compile(globs: &[String]) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let path = format!("/{}", glob.trim_start_matches('/').trim_end_matches('/'));
        for glob in [format!("{}/**", path.trim_end_matches('/')), path] {
            set.add(GlobBuilder::new(&glob).literal_separator(true).build()?);
        }
    }
    set.build()
}

fn touches(entry: &EntryDiff, set: &GlobSet) -> Vec<Finding> {
    let guarded = |path: &MemoryPath| set.is_match(path.as_str());
    match (entry.change(), entry.moved_from()) {
        (Change::Moved, Some(from)) => {
            let to = entry.path();
            let mut findings = Vec::new();
            if guarded(from) {
                findings.push(Finding::of_memory(from, format!("moved to {to}")));
            }
            if guarded(to) {
                findings.push(Finding::of_memory(to, format!("moved here from {from}")));
            }
            findings
        }
        (change, _) if guarded(entry.path()) => vec![Finding::of_memory(entry.path(), change.to_string())],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::spec::pipeline::GateSpec;

    fn spec(paths: &[&str]) -> GateSpec {
        let paths = paths.iter().map(|p| (*p).to_owned()).collect();
        GateSpec::Protected { paths, on_change: Level::Block }
    }

    #[test]
    fn globs_cover_what_their_author_meant() {
        let table = [
            ("/policy/**", "/policy/a/b.md", true),
            ("policy/**", "/policy/a.md", true),
            ("/policy", "/policy/a.md", true),
            ("/policy/", "/policy/a/b.md", true),
            ("/policy", "/policy", true),
            ("/policy", "/policy-drafts/a.md", false),
            ("/*.md", "/a.md", true),
            ("/*.md", "/a/b.md", false),
            ("**/*.md", "/a/b.md", true),
            ("/**", "/a", true),
            ("/{legal,policy}/*", "/legal/a", true),
            ("/Policy/**", "/policy/a", false),
        ];
        for (glob, path, is_guarded) in table {
            let verdict = judged(&spec(&[glob]), &store(&[]), &store(&[(path, "x")]));
            assert_eq!(verdict.outcome == Outcome::Block, is_guarded, "{glob} over {path}");
        }
    }

    #[test]
    fn every_way_of_touching_a_path_counts() {
        let before = store(&[
            ("/p/gone", "1"),
            ("/p/edited", "2"),
            ("/p/left", "3"),
            ("/same", "4"),
            ("/in", "5"),
            ("/p/same", "6"),
        ]);
        let after = store(&[
            ("/p/new", "7"),
            ("/p/edited", "8"),
            ("/out", "3"),
            ("/same", "9"),
            ("/p/came", "5"),
            ("/p/same", "6"),
        ]);
        let verdict = judged(&spec(&["/p/**"]), &before, &after);
        assert_eq!(verdict.measured, "5 protected paths touched");
        let findings: Vec<_> =
            verdict.findings.iter().map(|f| format!("{} {}", f.path.as_ref().unwrap(), f.note)).collect();
        assert_eq!(
            findings,
            [
                "/p/came moved here from /in",
                "/p/edited edited",
                "/p/gone removed",
                "/p/left moved to /out",
                "/p/new added",
            ]
        );
        assert_eq!(judged(&spec(&["/q"]), &before, &after).outcome, Outcome::Pass);
    }

    #[test]
    fn a_glob_that_cannot_be_read_decides_nothing() {
        for glob in ["/a/[", "/{a", "/[z-a]"] {
            let verdict = judged(&spec(&[glob]), &store(&[]), &store(&[("/a", "x")]));
            assert_eq!(verdict.outcome, Outcome::Undecided, "{glob}");
            assert_eq!(verdict.findings.len(), 1);
        }
    }
}
