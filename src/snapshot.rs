//! A store's whole content at one moment, ordered by path.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::MemoryVersionId;
use crate::memory::{ContentHash, Memory, MemoryPath};

/// Every memory of one store, with text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    entries: BTreeMap<MemoryPath, Memory>,
}

impl Snapshot {
    /// Returns the number of memories.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Says whether the store holds nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the bytes of all contents together.
    pub fn bytes(&self) -> u64 {
        self.entries.values().map(|m| m.content.len() as u64).sum()
    }

    /// Looks a memory up by path.
    pub fn get(&self, path: &MemoryPath) -> Option<&Memory> {
        self.entries.get(path)
    }

    /// Adds a memory, replacing the one at its path.
    pub fn insert(&mut self, memory: Memory) -> Option<Memory> {
        self.entries.insert(memory.path.clone(), memory)
    }

    /// Takes a memory out.
    pub fn remove(&mut self, path: &MemoryPath) -> Option<Memory> {
        self.entries.remove(path)
    }

    /// Returns the memories in the order of their paths.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Memory> {
        self.entries.values()
    }

    /// Returns paths, hashes and versions, without the text.
    pub fn index(&self) -> SnapshotIndex {
        SnapshotIndex {
            entries: self
                .iter()
                .map(|m| {
                    let entry = IndexEntry {
                        hash: m.hash,
                        bytes: m.content.len() as u64,
                        version: m.version.clone(),
                    };
                    (m.path.clone(), entry)
                })
                .collect(),
        }
    }

    /// Returns one hash over all paths and contents: equal exactly when two stores hold the same.
    pub fn hash(&self) -> ContentHash {
        hash_entries(self.iter().map(|m| (&m.path, &m.hash)))
    }
}

impl FromIterator<Memory> for Snapshot {
    fn from_iter<I: IntoIterator<Item = Memory>>(memories: I) -> Self {
        Self { entries: memories.into_iter().map(|m| (m.path.clone(), m)).collect() }
    }
}

/// A snapshot without text: what state may keep.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotIndex {
    /// What each path held.
    pub entries: BTreeMap<MemoryPath, IndexEntry>,
}

/// One memory of a [`SnapshotIndex`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IndexEntry {
    /// The hash of the content.
    pub hash: ContentHash,
    /// The size of the content in bytes.
    pub bytes: u64,
    /// The backend's id of the version, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<MemoryVersionId>,
}

impl SnapshotIndex {
    /// Returns the same hash as [`Snapshot::hash`].
    pub fn hash(&self) -> ContentHash {
        hash_entries(self.entries.iter().map(|(path, entry)| (path, &entry.hash)))
    }

    /// Returns the bytes of all contents together.
    pub fn bytes(&self) -> u64 {
        self.entries.values().map(|e| e.bytes).sum()
    }

    /// Says whether it was taken while what a change left was what its path held.
    pub fn names(&self, change: &Change) -> bool {
        let (Some(path), Some(left)) = (&change.path, &change.holds) else { return false };
        left.version.is_some() && self.entries.get(path).is_some_and(|entry| entry.version == left.version)
    }
}

/// One change of a memory, from a store's past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The backend's id of the memory, which it keeps when it is moved.
    pub memory: String,
    /// The backend's id of the version that it made, where it has one.
    pub version: Option<MemoryVersionId>,
    /// Where it sat then; none if that was redacted.
    pub path: Option<MemoryPath>,
    /// What it held from then on; none if it was taken away, or if that was redacted.
    pub holds: Option<IndexEntry>,
    /// When, by the backend's clock.
    pub at: Timestamp,
}

fn hash_entries<'a>(entries: impl Iterator<Item = (&'a MemoryPath, &'a ContentHash)>) -> ContentHash {
    let parts: Vec<&[u8]> =
        entries.flat_map(|(path, hash)| [path.as_str().as_bytes(), &hash.as_bytes()[..]]).collect();
    ContentHash::of_parts(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_covers_paths_and_contents_and_nothing_else() {
        let path = |p| MemoryPath::parse(p).unwrap();
        let one: Snapshot =
            [Memory::new(path("/a"), "x"), Memory::new(path("/b"), "y")].into_iter().collect();
        let mut two: Snapshot = one.iter().rev().cloned().collect();
        assert_eq!(one.hash(), two.hash());
        assert_eq!(one.hash(), one.index().hash());
        two.insert(Memory::new(path("/b"), "z"));
        assert_ne!(one.hash(), two.hash());
    }
}
