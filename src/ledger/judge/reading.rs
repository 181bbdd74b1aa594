//! Reading: both stores, statement by statement, each memory once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

use crate::ledger::Located;
use crate::memory::{ContentHash, Memory};
use crate::snapshot::Snapshot;
use crate::text::lexicon;
use crate::text::normal::joined;
use crate::text::statement::{Statement, statements};
use crate::text::token::tokens;

use super::index::KEYS_LIMIT;
use super::phrase::is_glyph;

/// One store, read.
#[derive(Debug, Default)]
pub(super) struct Reading<'a> {
    pub(super) statements: Vec<Located<'a>>,
    pub(super) memories: Vec<Part<'a>>,
    /// For each statement, its memory.
    pub(super) memory_of: Vec<u32>,
    /// What statements are found by, all together; and where each statement's begin.
    keys: Vec<u64>,
    key_starts: Vec<usize>,
}

/// One memory of a reading.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) memory: &'a Memory,
    pub(super) statements: std::ops::Range<usize>,
    /// Whether the other store holds the same at the same path.
    pub(super) is_unchanged: bool,
}

/// A memory taken apart.
struct Pages<'a> {
    statements: Vec<Statement<'a>>,
    hashes: Vec<ContentHash>,
    keys: Vec<u64>,
    ends: Vec<usize>,
}

/// The words that are written small somewhere: names are not among them.
#[derive(Debug)]
pub(super) struct Common(Vec<AtomicU64>);

/// Words share this many bits, a power of two; two that meet make a name look common.
const COMMON_BITS: u64 = 1 << 22;

impl Common {
    pub(super) fn has(&self, word: &str) -> bool {
        let bit = xxh3_64(word.as_bytes()) % COMMON_BITS;
        self.0
            .get((bit / 64) as usize)
            .is_some_and(|bits| bits.load(Ordering::Relaxed) >> (bit % 64) & 1 == 1)
    }

    fn note(&self, word: &str) {
        let bit = xxh3_64(word.as_bytes()) % COMMON_BITS;
        if let Some(bits) = self.0.get((bit / 64) as usize) {
            let mask = 1 << (bit % 64);
            if bits.load(Ordering::Relaxed) & mask == 0 {
                bits.fetch_or(mask, Ordering::Relaxed);
            }
        }
    }
}

/// Reads both stores. What stands unchanged at its path is read once.
pub(super) fn read<'a>(before: &'a Snapshot, after: &'a Snapshot) -> (Reading<'a>, Reading<'a>, Common) {
    let common = Common((0..COMMON_BITS / 64).map(|_| AtomicU64::new(0)).collect());
    let old: Vec<&Memory> = before.iter().collect();
    let unchanged =
        |memory: &Memory, other: &Snapshot| other.get(&memory.path).is_some_and(|m| m.hash == memory.hash);
    let pages: Vec<Pages<'a>> = old.par_iter().with_min_len(8).map(|memory| pages(memory, &common)).collect();
    let changed: Vec<&Memory> = after.iter().filter(|memory| !unchanged(memory, before)).collect();
    let new_pages: Vec<Pages<'a>> =
        changed.par_iter().with_min_len(8).map(|memory| self::pages(memory, &common)).collect();
    let mut second = Reading::default();
    let by_path: HashMap<&str, usize> =
        old.iter().enumerate().map(|(at, memory)| (memory.path.as_str(), at)).collect();
    let mut changed_pages = new_pages.into_iter();
    for memory in after.iter() {
        if unchanged(memory, before) {
            if let Some(&at) = by_path.get(memory.path.as_str()) {
                second.add_again(memory, &pages[at]);
            }
        } else if let Some(page) = changed_pages.next() {
            second.add(memory, page, false);
        }
    }
    let mut first = Reading::default();
    for (memory, page) in old.into_iter().zip(pages) {
        first.add(memory, page, unchanged(memory, after));
    }
    first.key_starts.push(first.keys.len());
    second.key_starts.push(second.keys.len());
    (first, second, common)
}

impl<'a> Reading<'a> {
    /// Returns what a statement is found by.
    pub(super) fn keys(&self, at: usize) -> &[u64] {
        &self.keys[self.key_starts[at]..self.key_starts[at + 1]]
    }

    fn open(&mut self, memory: &'a Memory, count: usize, is_unchanged: bool) {
        let from = self.statements.len();
        let number = self.memories.len() as u32;
        self.memory_of.extend(std::iter::repeat_n(number, count));
        self.memories.push(Part { memory, statements: from..from + count, is_unchanged });
    }

    fn add(&mut self, memory: &'a Memory, page: Pages<'a>, is_unchanged: bool) {
        self.open(memory, page.statements.len(), is_unchanged);
        self.add_keys(&page.keys, &page.ends);
        let found = page.statements.into_iter().zip(page.hashes);
        self.statements.extend(found.map(|(statement, hash)| Located {
            path: &memory.path,
            statement,
            hash,
        }));
    }

    fn add_again(&mut self, memory: &'a Memory, page: &Pages<'a>) {
        self.open(memory, page.statements.len(), true);
        self.add_keys(&page.keys, &page.ends);
        let found = page.statements.iter().cloned().zip(page.hashes.iter().copied());
        self.statements.extend(found.map(|(statement, hash)| Located {
            path: &memory.path,
            statement,
            hash,
        }));
    }

    fn add_keys(&mut self, keys: &[u64], ends: &[usize]) {
        let base = self.keys.len();
        let mut start = 0;
        for &end in ends {
            self.key_starts.push(base + start);
            start = end;
        }
        self.keys.extend_from_slice(keys);
    }
}

fn pages<'a>(memory: &'a Memory, common: &Common) -> Pages<'a> {
    let found = statements(&memory.content);
    let mut pages = Pages {
        hashes: Vec::with_capacity(found.len()),
        ends: Vec::with_capacity(found.len()),
        statements: Vec::new(),
        keys: Vec::new(),
    };
    for statement in &found {
        let tokens = tokens(statement.text);
        pages.hashes.push(ContentHash::of(joined(&tokens)));
        let from = pages.keys.len();
        for token in &tokens {
            if token.raw.starts_with(char::is_lowercase) {
                common.note(&token.norm);
            }
            if pages.keys.len() - from < KEYS_LIMIT {
                push_keys(&token.norm, &mut pages.keys);
            }
        }
        pages.ends.push(pages.keys.len());
    }
    pages.statements = found;
    pages
}

fn push_keys(norm: &str, keys: &mut Vec<u64>) {
    if norm.is_ascii() || !norm.contains(is_glyph) {
        if !lexicon::is_function_word(norm) {
            keys.push(xxh3_64(lexicon::stem(norm).as_bytes()));
        }
        return;
    }
    let mut last = None;
    for (at, c) in norm.char_indices() {
        if let Some(from) = last.replace(at) {
            keys.push(xxh3_64(&norm.as_bytes()[from..at + c.len_utf8()]));
        }
    }
}
