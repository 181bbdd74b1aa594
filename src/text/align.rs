//! Alignment: which words two statements share, in order, and what each has instead.

use std::ops::Range;

/// Longer statements are not aligned; they are equal or they differ.
pub const ALIGN_LIMIT: usize = 256;

/// A stretch where two sequences differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// What the first has there.
    pub a: Range<usize>,
    /// What the second has there.
    pub b: Range<usize>,
}

/// Returns the stretches outside a longest common subsequence, in order; `None` for sequences over
/// [`ALIGN_LIMIT`] after their common ends.
pub fn hunks<T: PartialEq>(a: &[T], b: &[T]) -> Option<Vec<Hunk>> {
    hunks_by(a, b, |x, y| x == y)
}

/// As [`hunks`], where `same` says what is equal.
pub fn hunks_by<T>(a: &[T], b: &[T], same: impl Fn(&T, &T) -> bool) -> Option<Vec<Hunk>> {
    let head = a.iter().zip(b).take_while(|(x, y)| same(x, y)).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(x, y)| same(x, y)).count();
    let (x, y) = (&a[head..a.len() - tail], &b[head..b.len() - tail]);
    if x.len() > ALIGN_LIMIT || y.len() > ALIGN_LIMIT {
        return None;
    }
    let width = y.len() + 1;
    let mut best = vec![0_u16; (x.len() + 1) * width];
    for i in (0..x.len()).rev() {
        for j in (0..y.len()).rev() {
            best[i * width + j] = if same(&x[i], &y[j]) {
                best[(i + 1) * width + j + 1] + 1
            } else {
                best[(i + 1) * width + j].max(best[i * width + j + 1])
            };
        }
    }
    let mut found: Vec<Hunk> = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < x.len() || j < y.len() {
        if i < x.len() && j < y.len() && same(&x[i], &y[j]) {
            i += 1;
            j += 1;
            continue;
        }
        let from = (i, j);
        while (i < x.len() || j < y.len()) && !(i < x.len() && j < y.len() && same(&x[i], &y[j])) {
            if j == y.len() || i < x.len() && best[(i + 1) * width + j] >= best[i * width + j + 1] {
                i += 1;
            } else {
                j += 1;
            }
        }
        found.push(Hunk { a: head + from.0..head + i, b: head + from.1..head + j });
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_differs_is_returned() {
        let (a, b) = (
            b"the port is 80 here".split(|c| *c == b' '),
            b"the port is 443 right here".split(|c| *c == b' '),
        );
        let (a, b): (Vec<_>, Vec<_>) = (a.collect(), b.collect());
        assert_eq!(hunks(&a, &b), Some(vec![Hunk { a: 3..4, b: 3..5 }]));
        assert_eq!(hunks(&a, &a), Some(vec![]));
    }

    proptest! {
        #[test]
        fn what_lies_between_hunks_is_equal(a in proptest::collection::vec(0..4_u8, 0..20), b in proptest::collection::vec(0..4_u8, 0..20)) {
            let (mut i, mut j) = (0, 0);
            for hunk in hunks(&a, &b).unwrap() {
                prop_assert_eq!(&a[i..hunk.a.start], &b[j..hunk.b.start]);
                (i, j) = (hunk.a.end, hunk.b.end);
            }
            prop_assert_eq!(&a[i..], &b[j..]);
        }
    }
}
