//! Judge: the fate of each statement.

use std::collections::HashMap;

use crate::memory::ContentHash;

use super::{Because, Context, Fate, FateCounts, Judged, Ledger, Located};

/// Finds the fate of every statement of `before` in `after`.
pub(super) fn judge<'a>(
    before: Vec<Located<'a>>,
    after: Vec<Located<'a>>,
    _context: &Context<'_>,
) -> Ledger<'a> {
    let mut by_hash: HashMap<ContentHash, Vec<usize>> = HashMap::new();
    for (at, statement) in after.iter().enumerate().rev() {
        by_hash.entry(statement.hash).or_default().push(at);
    }
    let mut is_new = vec![true; after.len()];
    let mut counts = FateCounts::default();
    let mut fates = Vec::with_capacity(before.len());
    for old in &before {
        let same = by_hash.get(&old.hash).map(Vec::as_slice).unwrap_or_default();
        let here = same.iter().copied().find(|&new| after[new].path == old.path);
        let judged = match here.or_else(|| same.last().copied()) {
            Some(new) => {
                is_new[new] = false;
                let fate = if after[new].path == old.path { Fate::Kept } else { Fate::Moved };
                Judged { fate, heirs: vec![new], because: Because::SameWords }
            }
            None => Judged { fate: Fate::Lost, heirs: Vec::new(), because: Because::Gone },
        };
        counts.add(judged.fate);
        fates.push(judged);
    }
    counts.new = is_new.iter().filter(|&&is_new| is_new).count() as u64;
    Ledger { before, after, fates, is_new, counts }
}
