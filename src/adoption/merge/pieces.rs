//! Pieces: a text cut into its statements and the lines between them, without a gap.

use std::sync::Arc;

use crate::text::statement::{Kind, statements};

/// A statement as it is written, or a line of what stands between two: headings, blank lines, the heads of
/// tables, fences of front matter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a str,
    /// Its place among the statements; none for what stands between.
    pub(super) place: Option<usize>,
    /// How it is written, if it is a statement.
    pub(super) kind: Option<Kind>,
}

/// Pieces are the same if they are written the same, wherever they stand.
impl PartialEq for Piece<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.text, self.kind) == (other.text, other.kind)
    }
}

/// What a statement says, and what it hangs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    headings: Vec<&'a str>,
    parents: Vec<&'a str>,
    heads: Arc<[&'a str]>,
    done: Option<bool>,
}

/// Cuts a text up. The pieces, put together again, are the text.
pub(super) fn pieces(content: &str) -> Vec<Piece<'_>> {
    let between = |range: std::ops::Range<usize>| {
        content[range].split_inclusive('\n').map(|text| Piece { text, place: None, kind: None })
    };
    let mut pieces = Vec::new();
    let mut at = 0;
    for (place, statement) in statements(content).iter().enumerate() {
        pieces.extend(between(at..statement.span.start));
        let text = &content[statement.span.clone()];
        pieces.push(Piece { text, place: Some(place), kind: Some(statement.kind) });
        at = statement.span.end;
    }
    pieces.extend(between(at..content.len()));
    pieces
}

/// Returns what the statements of a text say, in order.
pub(super) fn said(content: &str) -> Vec<Said<'_>> {
    statements(content)
        .into_iter()
        .map(|one| Said {
            kind: one.kind,
            text: one.text,
            headings: one.headings,
            parents: one.parents,
            heads: one.heads,
            done: one.done,
        })
        .collect()
}
