//! Withdrawn: what agents took out of the live store while a dream may have read it, wherever the dream put it.
//!
//! A rebase compares path by path. A dream may have filed a statement under another path, and there it would come
//! back although an agent deleted it, or beside the newer one that took its place.

use std::collections::HashSet;

use crate::ledger::forget::hash_of_statement;
use crate::memory::{ContentHash, Memory, MemoryPath};
use crate::snapshot::{Snapshot, SnapshotIndex};
use crate::text::statement::statements;

use super::rebase::Conflict;

/// Statements that the live store holds nowhere any more, by the hashes of their normal forms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Withdrawn(HashSet<ContentHash>);

impl Withdrawn {
    /// Gathers them from texts that a dream may have read and that are not live as they are.
    pub fn of<'t>(texts: impl IntoIterator<Item = &'t str>, ours: &Snapshot) -> Self {
        let mut gone: HashSet<ContentHash> = texts.into_iter().flat_map(hashes).collect();
        if !gone.is_empty() {
            for hash in ours.iter().flat_map(|memory| hashes(&memory.content)) {
                gone.remove(&hash);
            }
        }
        Self(gone)
    }

    /// Says whether nothing was withdrawn.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Says whether a text holds any of it.
    pub fn is_in(&self, text: &str) -> bool {
        hashes(text).any(|hash| self.0.contains(&hash))
    }

    /// Names the memories of a store that would bring it back: those that are not as in the live store, `ours`, and
    /// that nothing names yet.
    pub fn brought_back(
        &self,
        base: &SnapshotIndex,
        ours: &Snapshot,
        after: &Snapshot,
        named: &[Conflict],
    ) -> Vec<Conflict> {
        if self.is_empty() {
            return Vec::new();
        }
        let live = |path: &MemoryPath| ours.get(path).map(|memory| memory.hash);
        let is_named = |path: &MemoryPath| named.iter().any(|conflict| conflict.path == *path);
        let is_meant = |memory: &&Memory| live(&memory.path) != Some(memory.hash) && !is_named(&memory.path);
        after
            .iter()
            .filter(|memory| is_meant(memory) && self.is_in(&memory.content))
            .map(|memory| Conflict {
                path: memory.path.clone(),
                base: base.entries.get(&memory.path).map(|entry| entry.hash),
                ours: live(&memory.path),
                theirs: Some(memory.hash),
                collides_with: None,
            })
            .collect()
    }
}

fn hashes(text: &str) -> impl Iterator<Item = ContentHash> + '_ {
    statements(text).into_iter().map(|statement| hash_of_statement(statement.text))
}

#[cfg(test)]
mod tests {
    use super::super::change_set::tests::store;
    use super::*;

    #[test]
    fn what_stands_anywhere_in_the_live_store_is_not_withdrawn() {
        let ours = store(&[("/a", "# A\n\n- Ines likes **tea**.\n"), ("/b", "- The limit is 20.\n")]);
        let read = ["- Ines lives at 7 Elm Street.\n- Ines likes tea.\n", "- The limit is 15.\n"];
        let withdrawn = Withdrawn::of(read, &ours);
        for (text, expected) in [
            ("Notes: ok.\n- Ines lives at `7 Elm Street`\n", true),
            ("- The limit is 15.\n", true),
            ("- The limit is 20.\n- Ines likes tea.\n", false),
            ("- Ines lives at 8 Elm Street.\n", false),
        ] {
            assert_eq!(withdrawn.is_in(text), expected, "{text}");
        }
        assert!(Withdrawn::of([], &ours).is_empty());
        assert!(Withdrawn::of(["- The limit is 20.\n"], &ours).is_empty());
    }
}
