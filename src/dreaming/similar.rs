//! Which statements are worth comparing: those that share word pairs.
//!
//! An inverted index instead of all pairs. Word pairs that too many statements share say nothing
//! and are passed over, so the work grows with the store, not with its square.

use std::collections::HashMap;

use super::corpus::{Class, Note};
use crate::text::statement::Kind;

/// A word pair in more statements than this is boilerplate.
const BUCKET_LIMIT: usize = 64;
/// How many of the most similar statements are looked at.
const NEIGHBOURS: usize = 12;

/// Returns, for each note, the notes that share most with it, the closest first.
pub(super) fn neighbours(notes: &[Note<'_>]) -> Vec<Vec<usize>> {
    let keys: Vec<Vec<u64>> = notes.iter().map(keys).collect();
    let mut buckets: HashMap<u64, Vec<usize>> = HashMap::new();
    for (at, keys) in keys.iter().enumerate() {
        for &key in keys {
            buckets.entry(key).or_default().push(at);
        }
    }
    let mut shared: HashMap<usize, u32> = HashMap::new();
    keys.iter()
        .enumerate()
        .map(|(at, keys)| {
            shared.clear();
            for key in keys {
                if let Some(bucket) = buckets.get(key).filter(|b| b.len() <= BUCKET_LIMIT) {
                    for &other in bucket.iter().filter(|&&other| other != at) {
                        *shared.entry(other).or_default() += 1;
                    }
                }
            }
            let score = |other: usize, count: u32| {
                let total = keys.len() + self::keys_len(&notes[other]);
                u64::from(count) * 2_000 / u64::try_from(total.max(1)).unwrap_or(1)
            };
            let mut ranked: Vec<(u64, usize)> =
                shared.iter().map(|(&other, &count)| (score(other, count), other)).collect();
            ranked.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            ranked.truncate(NEIGHBOURS);
            ranked.into_iter().map(|(_, other)| other).collect()
        })
        .collect()
}

fn keys_len(note: &Note<'_>) -> usize {
    note.words.len() * 2
}

/// Numbers the pairs of neighbouring words, with and without grammar words, and the specifics.
fn keys(note: &Note<'_>) -> Vec<u64> {
    if note.statement.kind == Kind::Block {
        return Vec::new();
    }
    let pair = |a: u32, b: u32| (u64::from(a) << 32) | u64::from(b);
    let mut keys: Vec<u64> = note.words.windows(2).map(|w| pair(w[0].stem, w[1].stem)).collect();
    let content: Vec<u32> = note.words.iter().filter(|w| w.class == Class::Content).map(|w| w.stem).collect();
    keys.extend(content.windows(2).map(|w| pair(w[0], w[1])));
    keys.extend(content.windows(3).map(|w| pair(w[0], w[2])));
    if let [only] = content[..] {
        keys.push(pair(only, u32::MAX));
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}
