//! Texts of memories that were read before, by hash: what never has to be asked for twice.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use crate::memory::{ContentHash, Memory, MemoryPath};
use crate::snapshot::{IndexEntry, Snapshot, SnapshotIndex};

/// Texts by hash. Beyond `most` bytes the oldest go, and cost a request if they are wanted again.
pub(super) struct Contents {
    held: Mutex<Held>,
    most: usize,
}

#[derive(Default)]
struct Held {
    texts: HashMap<ContentHash, Arc<str>>,
    order: VecDeque<ContentHash>,
    bytes: usize,
}

impl Contents {
    /// Begins with none.
    pub(super) fn new(most: usize) -> Self {
        Self { held: Mutex::default(), most }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether nothing was read yet.
    pub(super) fn is_empty(&self) -> bool {
        self.held().texts.is_empty()
    }

    /// Returns a text.
    pub(super) fn get(&self, hash: &ContentHash) -> Option<Arc<str>> {
        self.held().texts.get(hash).cloned()
    }

    /// Returns the memories of an index, if the text of every one was read.
    pub(super) fn recall(&self, index: &SnapshotIndex) -> Option<Snapshot> {
        let held = self.held();
        let memory = |(path, entry): (&MemoryPath, &IndexEntry)| {
            Some(Memory {
                path: path.clone(),
                content: Arc::clone(held.texts.get(&entry.hash)?),
                hash: entry.hash,
                version: entry.version.clone(),
                updated_at: None,
            })
        };
        index.entries.iter().map(memory).collect()
    }

    /// Keeps a text whose hash is right.
    pub(super) fn keep(&self, hash: ContentHash, text: &Arc<str>) {
        let mut held = self.held();
        if held.texts.insert(hash, Arc::clone(text)).is_some() {
            return;
        }
        held.order.push_back(hash);
        held.bytes += text.len();
        while held.bytes > self.most
            && let Some(oldest) = held.order.pop_front()
        {
            let gone = held.texts.remove(&oldest);
            held.bytes -= gone.map_or(0, |text| text.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_recalled_only_if_every_text_of_it_was_read() {
        let contents = Contents::new(1 << 20);
        let memory = |path: &str, text: &str| Memory::new(MemoryPath::parse(path).unwrap(), text);
        let whole: Snapshot = [memory("/a.md", "one"), memory("/b.md", "two")].into_iter().collect();
        contents.keep(ContentHash::of("one"), &Arc::from("one"));
        assert_eq!(contents.recall(&whole.index()), None);
        contents.keep(ContentHash::of("two"), &Arc::from("two"));
        assert_eq!(contents.recall(&whole.index()).unwrap().hash(), whole.hash());
    }
}
