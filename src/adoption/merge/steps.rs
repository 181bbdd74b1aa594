//! Steps: three texts side by side, stretch by stretch, with who changed what.

use std::hash::Hash;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::text::statement::Kind;

use super::pieces::Piece;

/// A stretch of three texts that belongs together. Steps follow each other without a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) base: Range<usize>,
    pub(super) ours: Range<usize>,
    pub(super) theirs: Range<usize>,
    pub(super) by_ours: bool,
    pub(super) by_theirs: bool,
}

/// What one side has in place of some pieces of the base.
#[derive(Debug, Clone)]
struct Hunk {
    base: Range<usize>,
    new: Range<usize>,
    /// Whether everything in it stands on lines of its own and says something without its neighbours.
    is_loose: bool,
}

impl Hunk {
    fn keeps_count(&self) -> bool {
        self.base.len() == self.new.len()
    }
}

/// Lines three texts up. Changes of both sides that touch each other are one step, unless both are of
/// statements that do without their neighbours and it is plain which comes first.
pub(super) fn steps(base: &[Piece<'_>], ours: &[Piece<'_>], theirs: &[Piece<'_>]) -> Vec<Step> {
    let sides = [hunks(base, ours), hunks(base, theirs)];
    let mut steps = Vec::new();
    let mut next = [0, 0];
    let mut at = [0, 0, 0];
    while let Some(first) = earlier(&sides, next) {
        let start = sides[first][next[first]].base.start;
        steps.extend(unchanged(&mut at, start));
        let mut end = start;
        let mut taken = [0, 0];
        let mut grown = [0_usize, 0];
        let mut shrunk = [0_usize, 0];
        let mut take = Some(first);
        while let Some(side) = take {
            let hunk = &sides[side][next[side]];
            end = end.max(hunk.base.end);
            grown[side] += hunk.new.len();
            shrunk[side] += hunk.base.len();
            taken[side] += 1;
            next[side] += 1;
            take = [1 - side, side].into_iter().find(|&side| {
                let other = 1 - side;
                let (Some(hunk), true) = (sides[side].get(next[side]), taken[other] > 0) else {
                    return false;
                };
                clash(&sides[other][next[other] - 1], hunk)
            });
        }
        let length = end - start;
        let until = |side: usize| at[side + 1] + length + grown[side] - shrunk[side];
        let (ours, theirs) = (at[1]..until(0), at[2]..until(1));
        at = [end, ours.end, theirs.end];
        let (by_ours, by_theirs) = (taken[0] > 0, taken[1] > 0);
        steps.push(Step { base: start..end, ours, theirs, by_ours, by_theirs });
    }
    steps.extend(unchanged(&mut at, base.len()));
    steps
}

fn unchanged(at: &mut [usize; 3], end: usize) -> Option<Step> {
    let length = end - at[0];
    let [base, ours, theirs] = at.map(|from| from..from + length);
    *at = [base.end, ours.end, theirs.end];
    (length > 0).then_some(Step { base, ours, theirs, by_ours: false, by_theirs: false })
}

/// Says which side has the change that comes next.
fn earlier(sides: &[Vec<Hunk>; 2], next: [usize; 2]) -> Option<usize> {
    let place = |side: usize| sides[side].get(next[side]).map(|hunk| (hunk.base.start, hunk.base.end));
    match (place(0), place(1)) {
        (None, None) => None,
        (Some(_), None) => Some(0),
        (None, Some(_)) => Some(1),
        (Some(ours), Some(theirs)) => Some(usize::from(theirs < ours)),
    }
}

/// Says whether changes of two sides cannot be told apart.
fn clash(one: &Hunk, other: &Hunk) -> bool {
    let place = |hunk: &Hunk| (hunk.base.start, hunk.base.end);
    let (first, second) = if place(one) <= place(other) { (one, other) } else { (other, one) };
    if second.base.start != first.base.end {
        return second.base.start < first.base.end;
    }
    // Where both put something in, or one puts in where the other takes away, their order is anybody's guess.
    let is_ordered = first.keeps_count() || second.keeps_count();
    !(is_ordered && first.is_loose && second.is_loose)
}

/// Finds what a side has in place of what. Statements of the same kind that were replaced one by one are
/// changes of their own.
fn hunks(base: &[Piece<'_>], new: &[Piece<'_>]) -> Vec<Hunk> {
    let mut hunks = Vec::new();
    let mut at = (0, 0);
    let mut push = |base_range: Range<usize>, new_range: Range<usize>| {
        if base_range.is_empty() && new_range.is_empty() {
            return;
        }
        let (old, put) = (&base[base_range.clone()], &new[new_range.clone()]);
        let is_loose = old.iter().chain(put).all(is_loose);
        if is_loose && old.len() == put.len() {
            let singles = base_range.zip(new_range);
            hunks.extend(singles.map(|(b, n)| Hunk { base: b..b + 1, new: n..n + 1, is_loose }));
        } else {
            hunks.push(Hunk { base: base_range, new: new_range, is_loose });
        }
    };
    for op in capture_diff_slices(Algorithm::Patience, &keys(base), &keys(new)) {
        if let DiffOp::Equal { old_index, new_index, len } = op {
            push(at.0..old_index, at.1..new_index);
            at = (old_index + len, new_index + len);
        }
    }
    push(at.0..base.len(), at.1..new.len());
    hunks
}

fn keys<'a>(pieces: &[Piece<'a>]) -> Vec<impl Hash + Ord + use<'a>> {
    pieces.iter().map(|piece| (piece.text, piece.kind)).collect()
}

fn is_loose(piece: &Piece<'_>) -> bool {
    let is_own = piece.kind.is_some_and(|kind| matches!(kind, Kind::Item | Kind::Row | Kind::Pair));
    is_own && piece.text.ends_with('\n')
}
