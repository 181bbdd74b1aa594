//! Edits: replacements in a store, and what is not true or not there after them.

use std::ops::Range;

use super::pieces::{Files, Piece};

/// One replacement in a memory.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    /// The memory.
    pub(crate) path: String,
    /// What gives way.
    pub(crate) at: Range<usize>,
    /// What stands there then.
    pub(crate) with: String,
}

/// One harmful change.
#[derive(Debug, Clone)]
pub(crate) struct Harm {
    /// How exactly.
    pub(crate) how: &'static str,
    /// The replacements, in the text as it was.
    pub(crate) edits: Vec<Edit>,
    /// The texts that are not true or not there any more.
    pub(crate) touched: Vec<(String, Range<usize>)>,
}

/// Puts replacements into effect.
pub(crate) fn apply(files: &Files, edits: &[Edit]) -> Files {
    let mut out = files.clone();
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.at.start));
    for edit in edits {
        if let Some(text) = out.get_mut(&edit.path) {
            text.replace_range(edit.at.clone(), &edit.with);
        }
    }
    out
}

pub(super) fn one(piece: &Piece, how: &'static str, at: Range<usize>, with: impl Into<String>) -> Harm {
    Harm {
        how,
        edits: vec![Edit { path: piece.path.clone(), at, with: with.into() }],
        touched: vec![(piece.path.clone(), piece.span.clone())],
    }
}

pub(super) fn two(
    a: (&Piece, Range<usize>),
    b: (&Piece, Range<usize>),
    files: &Files,
    how: &'static str,
) -> Harm {
    let text = |piece: &Piece, at: &Range<usize>| files[&piece.path][at.clone()].to_owned();
    Harm {
        how,
        edits: vec![
            Edit { path: a.0.path.clone(), at: a.1.clone(), with: text(b.0, &b.1) },
            Edit { path: b.0.path.clone(), at: b.1.clone(), with: text(a.0, &a.1) },
        ],
        touched: vec![(a.0.path.clone(), a.0.span.clone()), (b.0.path.clone(), b.0.span.clone())],
    }
}

/// Moves a range within a piece to the memory it stands in.
pub(super) fn within(piece: &Piece, range: &Range<usize>) -> Range<usize> {
    piece.span.start + range.start..piece.span.start + range.end
}

/// Finds a word in lower case, whole.
pub(crate) fn word_at(text: &str, word: &str) -> Option<Range<usize>> {
    text.match_indices(word).map(|(at, _)| at..at + word.len()).find(|at| {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '\'' | '/' | '.' | '`' | '’');
        !text[..at.start].ends_with(is_part)
            && !text[at.end..].starts_with(|c: char| c != '.' && is_part(c))
            && !text[at.end..].strip_prefix('.').is_some_and(|rest| rest.starts_with(char::is_alphanumeric))
    })
}
