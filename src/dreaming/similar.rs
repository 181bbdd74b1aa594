//! Which statements are worth comparing: those that share word pairs.
//!
//! An inverted index instead of all pairs. Word pairs that too many statements share say nothing
//! and are passed over, so the work grows with the store, not with its square.

use super::corpus::{Class, Note};
use crate::text::statement::Kind;

/// A word pair in more statements than this is boilerplate.
const BUCKET_LIMIT: usize = 64;
/// How many of the most similar statements are looked at.
const NEIGHBOURS: usize = 12;

/// Returns, for each note, the notes that share most with it, the closest first.
pub(super) fn neighbours(notes: &[Note<'_>]) -> Vec<Vec<usize>> {
    let mut postings: Vec<(u64, u32)> = Vec::new();
    let mut sizes: Vec<usize> = Vec::with_capacity(notes.len());
    for (at, note) in (0_u32..).zip(notes) {
        let keys = keys(note);
        sizes.push(keys.len());
        postings.extend(keys.into_iter().map(|key| (key, at)));
    }
    postings.sort_unstable();
    let buckets: Vec<&[(u64, u32)]> = postings
        .chunk_by(|a, b| a.0 == b.0)
        .filter(|bucket| (2..=BUCKET_LIMIT).contains(&bucket.len()))
        .collect();
    let mut of_note: Vec<Vec<usize>> = vec![Vec::new(); notes.len()];
    for (number, bucket) in buckets.iter().enumerate() {
        for &(_, at) in *bucket {
            of_note[at as usize].push(number);
        }
    }
    let mut shared: Vec<u32> = vec![0; notes.len()];
    let mut touched: Vec<usize> = Vec::new();
    let mut nearest = Vec::with_capacity(notes.len());
    for at in 0..notes.len() {
        for &number in &of_note[at] {
            for &(_, other) in buckets[number] {
                let other = other as usize;
                if shared[other] == 0 {
                    touched.push(other);
                }
                shared[other] += 1;
            }
        }
        let mut ranked: Vec<(u64, usize)> = touched
            .drain(..)
            .map(|other| {
                let count = std::mem::take(&mut shared[other]);
                (u64::from(count) * 2_000 / (sizes[at] + sizes[other]) as u64, other)
            })
            .filter(|&(_, other)| other != at)
            .collect();
        ranked.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        ranked.truncate(NEIGHBOURS);
        nearest.push(ranked.into_iter().map(|(_, other)| other).collect());
    }
    nearest
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
