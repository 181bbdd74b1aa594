//! Index: which statements of the second store are worth comparing with one of the first.
//!
//! Inverted lists over words, pairs of neighbours, and words within one memory. Only what a question
//! asks for is listed, and a list that grows too long says nothing and is passed over, so the work
//! grows with the stores and not with their product.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::hasher::KeyHasher;

/// A list longer than this is boilerplate.
const LIST_LIMIT: usize = 48;
/// How many statements are compared with one.
const CANDIDATES: usize = 12;
/// A longer statement is found by its first words.
pub(super) const KEYS_LIMIT: usize = 512;

/// Statements by key.
#[derive(Debug, Default)]
pub(super) struct Index {
    lists: HashMap<u64, List, BuildHasherDefault<KeyHasher>>,
}

#[derive(Debug, Default)]
struct List {
    members: Vec<u32>,
    is_common: bool,
}

fn pair(a: u64, b: u64) -> u64 {
    a.rotate_left(23).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ b
}

fn in_memory(memory: u32, key: u64) -> u64 {
    (key ^ 0xD6E8_FEB8_6659_FD93).wrapping_mul(u64::from(memory) * 2 + 1)
}

impl Index {
    /// Asks for the statements that share something with one of the first store.
    pub(super) fn ask(&mut self, memory: Option<u32>, keys: &[u64]) {
        let mut want = |key| {
            self.lists.entry(key).or_default();
        };
        for window in keys.windows(2) {
            want(pair(window[0], window[1]));
        }
        for &key in keys {
            want(key);
            if let Some(memory) = memory {
                want(in_memory(memory, key));
            }
        }
    }

    /// Lists a statement of the second store under what was asked for.
    pub(super) fn add(&mut self, statement: u32, memory: u32, is_changed: bool, keys: &[u64]) {
        let mut list = |key: u64| {
            if let Some(list) = self.lists.get_mut(&key) {
                if list.members.last() == Some(&statement) {
                    return;
                }
                if list.members.len() == LIST_LIMIT {
                    list.is_common = true;
                } else {
                    list.members.push(statement);
                }
            }
        };
        for &key in keys {
            list(key);
            if is_changed {
                list(in_memory(memory, key));
            }
        }
        for window in keys.windows(2) {
            list(pair(window[0], window[1]));
        }
    }

    /// Returns the statements that share most with one of the first store, the closest first.
    pub(super) fn nearest(&self, memory: Option<u32>, keys: &[u64]) -> Vec<u32> {
        let mut votes: Vec<(u32, u32)> = Vec::new();
        let mut vote = |key: u64, worth: u32| {
            if let Some(list) = self.lists.get(&key).filter(|list| !list.is_common) {
                let weight = worth * 64 / (list.members.len() as u32 + 3);
                votes.extend(list.members.iter().map(|&at| (at, weight)));
            }
        };
        for &key in keys {
            vote(key, 4);
            if let Some(memory) = memory {
                vote(in_memory(memory, key), 3);
            }
        }
        for window in keys.windows(2) {
            vote(pair(window[0], window[1]), 3);
        }
        votes.sort_unstable();
        let mut ranked: Vec<(u32, u32)> = votes
            .chunk_by(|a, b| a.0 == b.0)
            .map(|group| (group.iter().map(|&(_, weight)| weight).sum(), group[0].0))
            .collect();
        ranked.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        ranked.truncate(CANDIDATES);
        let least = ranked.first().map_or(0, |&(most, _)| most / 6);
        ranked.retain(|&(weight, _)| weight >= least);
        ranked.into_iter().map(|(_, at)| at).collect()
    }
}
