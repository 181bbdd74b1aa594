//! Which statements are worth comparing: those that share word pairs.
//!
//! An inverted index instead of all pairs. Word pairs that too many statements share say nothing
//! and are passed over, so the work grows with the store, not with its square.

use rayon::prelude::*;

use super::corpus::Note;

/// A word pair in more statements than this is boilerplate.
const BUCKET_LIMIT: usize = 64;
/// How many of the most similar statements are looked at.
const NEIGHBOURS: usize = 12;

/// Fewer statements are not worth another thread.
const PART: usize = 2_048;

/// Returns, for each note, the notes that share most with it, the closest first. Keys are numbered
/// below `key_count`.
pub(super) fn neighbours(notes: &[Note<'_>], key_count: usize) -> Vec<Vec<usize>> {
    let buckets = Buckets::of(notes, key_count);
    let places: Vec<usize> = (0..notes.len()).collect();
    let parts: Vec<Vec<Vec<usize>>> =
        places.par_chunks(PART).map(|part| nearest(notes, &buckets, part)).collect();
    parts.into_iter().flatten().collect()
}

/// Which notes have a key, for the keys worth following.
struct Buckets {
    /// Where a key's members begin; the next key's beginning is where they end.
    starts: Vec<usize>,
    members: Vec<u32>,
}

impl Buckets {
    fn of(notes: &[Note<'_>], key_count: usize) -> Self {
        let mut sizes = vec![0_usize; key_count];
        for &key in notes.iter().flat_map(|note| &note.keys) {
            sizes[key as usize] += 1;
        }
        let mut starts = Vec::with_capacity(key_count + 1);
        let mut end = 0;
        starts.push(0);
        for &size in &sizes {
            end += if (2..=BUCKET_LIMIT).contains(&size) { size } else { 0 };
            starts.push(end);
        }
        let mut members = vec![0; end];
        let mut free = starts.clone();
        for (at, note) in (0_u32..).zip(notes) {
            for key in note.keys.iter().map(|&key| key as usize) {
                if starts[key] < starts[key + 1] {
                    members[free[key]] = at;
                    free[key] += 1;
                }
            }
        }
        Self { starts, members }
    }

    fn members(&self, key: u32) -> &[u32] {
        &self.members[self.starts[key as usize]..self.starts[key as usize + 1]]
    }
}

/// Finds the neighbours of some notes.
fn nearest(notes: &[Note<'_>], buckets: &Buckets, part: &[usize]) -> Vec<Vec<usize>> {
    let mut shared: Vec<u32> = vec![0; notes.len()];
    let mut touched: Vec<usize> = Vec::new();
    let mut nearest = Vec::with_capacity(part.len());
    for &at in part {
        for &key in &notes[at].keys {
            for other in buckets.members(key).iter().map(|&other| other as usize) {
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
                let sizes = notes[at].keys.len() + notes[other].keys.len();
                (u64::from(count) * 2_000 / sizes as u64, other)
            })
            .filter(|&(_, other)| other != at)
            .collect();
        ranked.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        ranked.truncate(NEIGHBOURS);
        nearest.push(ranked.into_iter().map(|(_, other)| other).collect());
    }
    nearest
}
