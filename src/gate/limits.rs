//! The API's limits: what could not be stored, whatever it says.
//!
//! A [`MemoryPath`] obeys the path rules by construction. What is left to check is each memory's
//! size, the number of entries, and paths that stand in each other's way: `/a` and `/a/b` cannot
//! both exist, since stores are mounted as folders.

use std::collections::BTreeSet;

use crate::memory::{MEMORY_BYTES_LIMIT, MemoryPath};
use crate::snapshot::Snapshot;
use crate::spec::pipeline::Level;

use super::verdict::{Finding, Outcome, Verdict};
use super::{Evidence, count_of, grouped};

/// Judges a candidate by whether a store could hold it.
pub(super) fn judge(on_exceed: Level, entries: u64, evidence: &Evidence<'_>) -> Verdict {
    let after = evidence.after;
    let mut findings = Vec::new();
    if after.len() as u64 > entries {
        let over = after.len() as u64 - entries;
        findings.push(Finding::of_store(format!("{} too many", count_of(over, "entry", "entries"))));
    }
    for memory in after.iter().filter(|memory| memory.content.len() > MEMORY_BYTES_LIMIT) {
        let note = format!("holds {} bytes", grouped(memory.content.len() as u64));
        findings.push(Finding::of_memory(&memory.path, note));
    }
    findings.extend(
        collisions(after)
            .map(|(below, above)| Finding::of_memory(below, format!("stands under the memory {above}"))),
    );

    let largest = after.iter().map(|memory| memory.content.len()).max().unwrap_or_default();
    let measured = format!(
        "{}, the largest of {} bytes",
        count_of(after.len() as u64, "entry", "entries"),
        grouped(largest as u64)
    );
    let limit = format!("{} entries, {} bytes each", grouped(entries), grouped(MEMORY_BYTES_LIMIT as u64));
    let outcome = if findings.is_empty() { Outcome::Pass } else { on_exceed.into() };
    Verdict::new("limits", outcome, measured, limit, findings)
}

/// Returns each path that has a memory where its folder should be, with that memory's path.
fn collisions(store: &Snapshot) -> impl Iterator<Item = (&MemoryPath, &str)> {
    let paths: BTreeSet<&str> = store.iter().map(|memory| memory.path.as_str()).collect();
    store.iter().filter_map(move |memory| {
        let path = memory.path.as_str();
        let mut folders = path.match_indices('/').skip(1).map(|(end, _)| &path[..end]);
        folders.find(|folder| paths.contains(folder)).map(|folder| (&memory.path, folder))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::spec::pipeline::GateSpec;

    #[test]
    fn what_no_store_could_hold_is_named() {
        let spec = GateSpec::Limits { on_exceed: Level::Block, entries: 3 };
        let at = "x".repeat(MEMORY_BYTES_LIMIT);
        let over = "x".repeat(MEMORY_BYTES_LIMIT + 1);
        let table = [
            (store(&[]), vec![]),
            (store(&[("/a", &at), ("/b", ""), ("/c/d", "")]), vec![]),
            (store(&[("/a", &over)]), vec!["holds 102,401 bytes"]),
            (numbered("m", 4), vec!["1 entry too many"]),
            (store(&[("/a", ""), ("/a-b", ""), ("/a/b/c", "")]), vec!["stands under the memory /a"]),
            (store(&[("/a", ""), ("/ab/c", "")]), vec![]),
        ];
        for (after, notes) in table {
            let verdict = judged(&spec, &store(&[]), &after);
            assert_eq!(verdict.findings.iter().map(|f| f.note.as_ref()).collect::<Vec<_>>(), notes);
            let expected = if notes.is_empty() { Outcome::Pass } else { Outcome::Block };
            assert_eq!(verdict.outcome, expected);
        }
    }

    #[test]
    fn the_measure_is_said_even_when_it_passes() {
        let spec = GateSpec::Limits { on_exceed: Level::Block, entries: 2_000 };
        let verdict = judged(&spec, &store(&[]), &store(&[("/a", "12345")]));
        assert_eq!(verdict.measured, "1 entry, the largest of 5 bytes");
        assert_eq!(verdict.limit, "2,000 entries, 102,400 bytes each");
    }
}
