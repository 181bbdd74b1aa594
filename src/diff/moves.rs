//! Which of the entries that left and the entries that came are the same document.
//!
//! Equal content always pairs. Otherwise two entries are the same document when most of their text
//! is shared lines, and they were led together by a line that few documents have; nothing compares
//! all with all.

use std::collections::{BTreeMap, HashMap};

use xxhash_rust::xxh3::xxh3_64;

use crate::memory::{ContentHash, Memory};

/// The share of both texts that must be common lines. Below two thirds, what looks like a move is as
/// often two documents made from one template.
const SHARED_TEXT: f64 = 0.66;
/// A line that more documents than this have in common says nothing about any of them.
const COMMON_LINE: usize = 8;
/// How many documents a new one is compared with in full: those it shares the most rare text with.
const FULL_COMPARISONS: usize = 4;

/// What [`pair`] found.
pub(super) struct Moves {
    /// For each entry that left, the place of its successor among those that came.
    pub(super) to: Vec<Option<usize>>,
    /// For each entry that came, whether it is a successor.
    pub(super) is_taken: Vec<bool>,
}

impl Moves {
    fn link(&mut self, old: usize, new: usize) {
        self.to[old] = Some(new);
        self.is_taken[new] = true;
    }
}

/// Pairs entries that left with entries that came; both are in the order of their paths.
pub(super) fn pair(gone: &[&Memory], come: &[&Memory]) -> Moves {
    let mut moves = Moves { to: vec![None; gone.len()], is_taken: vec![false; come.len()] };
    pair_equal(gone, come, &mut moves, |memory| (memory.hash, file_name(memory)));
    pair_equal(gone, come, &mut moves, |memory| (memory.hash, ""));
    pair_similar(gone, come, &mut moves);
    moves
}

fn file_name(memory: &Memory) -> &str {
    memory.path.as_str().rsplit('/').next().unwrap_or_default()
}

fn pair_equal<'a>(
    gone: &[&'a Memory],
    come: &[&'a Memory],
    moves: &mut Moves,
    key: impl Fn(&'a Memory) -> (ContentHash, &'a str),
) {
    let mut waiting: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for old in (0..gone.len()).rev().filter(|&old| moves.to[old].is_none()) {
        waiting.entry(key(gone[old])).or_default().push(old);
    }
    for (new, memory) in come.iter().enumerate() {
        if moves.is_taken[new] {
            continue;
        }
        if let Some(old) = waiting.get_mut(&key(memory)).and_then(Vec::pop) {
            moves.link(old, new);
        }
    }
}

/// The lines of one document, each once: hash and bytes, ordered by hash.
struct Lines {
    sorted: Vec<(u64, usize)>,
    bytes: usize,
}

impl Lines {
    fn of(memory: &Memory) -> Self {
        let lines = memory.content.lines().map(str::trim).filter(|line| !line.is_empty());
        let mut sorted: Vec<_> = lines.map(|line| (xxh3_64(line.as_bytes()), line.len())).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let bytes = sorted.iter().map(|&(_, bytes)| bytes).sum();
        Self { sorted, bytes }
    }

    /// Returns the share of both documents that stands in both.
    fn share(&self, other: &Self) -> f64 {
        let (mut a, mut b, mut shared) = (0, 0, 0);
        while let (Some(x), Some(y)) = (self.sorted.get(a), other.sorted.get(b)) {
            match x.cmp(y) {
                std::cmp::Ordering::Less => a += 1,
                std::cmp::Ordering::Greater => b += 1,
                std::cmp::Ordering::Equal => {
                    shared += x.1;
                    a += 1;
                    b += 1;
                }
            }
        }
        2.0 * shared as f64 / ((self.bytes + other.bytes) as f64).max(1.0)
    }
}

fn pair_similar(gone: &[&Memory], come: &[&Memory], moves: &mut Moves) {
    let left: Vec<usize> = (0..gone.len()).filter(|&old| moves.to[old].is_none()).collect();
    let right: Vec<usize> = (0..come.len()).filter(|&new| !moves.is_taken[new]).collect();
    if left.is_empty() || right.is_empty() {
        return;
    }
    let old_lines: Vec<Lines> = left.iter().map(|&old| Lines::of(gone[old])).collect();
    let mut holders: HashMap<u64, Vec<usize>> = HashMap::new();
    for (place, lines) in old_lines.iter().enumerate() {
        for &(hash, _) in &lines.sorted {
            let places = holders.entry(hash).or_default();
            // One above the limit is enough to know that the line is common.
            if places.len() <= COMMON_LINE {
                places.push(place);
            }
        }
    }

    let mut pairs = Vec::new();
    for &new in &right {
        let lines = Lines::of(come[new]);
        let mut rare: BTreeMap<usize, usize> = BTreeMap::new();
        for &(hash, bytes) in &lines.sorted {
            let places = holders.get(&hash).filter(|places| places.len() <= COMMON_LINE);
            for &place in places.into_iter().flatten() {
                *rare.entry(place).or_default() += bytes;
            }
        }
        let mut rare: Vec<_> = rare.into_iter().collect();
        rare.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        for &(place, _) in rare.iter().take(FULL_COMPARISONS) {
            let share = old_lines[place].share(&lines);
            if share >= SHARED_TEXT {
                pairs.push((share, left[place], new));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    for (_, old, new) in pairs {
        if moves.to[old].is_none() && !moves.is_taken[new] {
            moves.link(old, new);
        }
    }
}
