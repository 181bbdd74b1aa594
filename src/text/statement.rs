//! Statements: the smallest pieces of a memory that can be true or false on their own.

use std::ops::Range;

/// One list item, table row, `key: value` line, sentence of a paragraph, or fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<'a> {
    /// The text without list markers, table bars or surrounding space.
    pub text: &'a str,
    /// The headings above it, outermost first.
    pub headings: Vec<&'a str>,
    /// Its line in the memory, from 1.
    pub line: usize,
    /// The whole lines it takes up in the content, as bytes: what to cut to take it out.
    pub span: Range<usize>,
}
