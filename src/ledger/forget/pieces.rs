//! Pieces: what of a memory a rule is held against, and where two of them meet.

use std::ops::Range;

use regex::Regex;

use crate::memory::ContentHash;
use crate::text::plain::plain;
use crate::text::sentence;
use crate::text::statement::statements;
use crate::text::token::tokens;

use super::{Stands, hash_of_statement};

/// How many words on either side of where two pieces meet are read together: a name, a number or an address
/// may be written over both, and longer texts are pieces of their own.
const WORDS: usize = 3;
/// How much of a piece is looked through for those words, in bytes.
const REACH: usize = 200;

/// A statement, or a line beside the statements without the marks of a heading or a table.
pub(super) struct Piece<'a> {
    pub(super) line: usize,
    pub(super) text: &'a str,
    pub(super) hash: ContentHash,
    is_statement: bool,
}

impl Piece<'_> {
    pub(super) fn stands(&self) -> Stands {
        if self.is_statement { Stands::Statement(self.hash) } else { Stands::Beside }
    }
}

/// Returns the pieces of a memory, in order: every word is in one of them.
pub(super) fn pieces(content: &str) -> Vec<Piece<'_>> {
    let statements = statements(content);
    let piece = |line, text, is_statement| Piece { line, text, hash: hash_of_statement(text), is_statement };
    let mut out: Vec<Piece<'_>> = Vec::with_capacity(statements.len());
    out.extend(statements.iter().map(|statement| piece(statement.line, statement.text, true)));
    let mut spans = statements.iter().map(|statement| &statement.span).peekable();
    let mut start = 0;
    for (i, line) in content.split_inclusive('\n').enumerate() {
        let end = start + line.len();
        while spans.peek().is_some_and(|span| span.end <= start) {
            spans.next();
        }
        let text = unmarked(line);
        if text.contains(|c: char| !c.is_ascii_punctuation())
            && spans.peek().is_none_or(|span| span.start >= end)
        {
            out.push(piece(i + 1, text, false));
        }
        start = end;
    }
    // Sentences that share a line stay in their order.
    out.sort_by_key(|piece| piece.line);
    out
}

/// Returns a line without the marks of a heading, a quotation or a table.
fn unmarked(line: &str) -> &str {
    line.trim_matches(|c: char| matches!(c, '#' | '>' | '|') || c.is_whitespace())
}

/// Returns the sentences and cells that a piece consists of, if it is more than one.
pub(super) fn parts(text: &str) -> Vec<&str> {
    let sentences: Vec<Range<usize>> = sentence::split(text);
    let cells = text.split('|').map(str::trim).filter(|cell| !cell.is_empty());
    let cells = cells.filter(|_| text.contains('|'));
    let sentences = sentences.into_iter().map(|range| &text[range]);
    sentences.chain(cells).filter(|part| part.len() < text.len()).collect()
}

/// The last words of one piece and the first of the next.
pub(super) struct Meeting {
    /// As they are written and in their normal form, each with where the second piece begins.
    forms: Vec<(String, usize)>,
}

impl Meeting {
    pub(super) fn of(first: &str, second: &str) -> Self {
        let tail = &first[first.ceil_char_boundary(first.len().saturating_sub(REACH))..];
        let head = &second[..second.floor_char_boundary(REACH)];
        let (tail, head) = (plain(tail), plain(head));
        let (tail, head) = (tokens(&tail), tokens(&head));
        let tail = &tail[tail.len().saturating_sub(WORDS)..];
        let head = &head[..head.len().min(WORDS)];
        let joined = |tail: Vec<&str>, head: Vec<&str>| {
            let mut text = tail.join(" ");
            text.push(' ');
            let at = text.len();
            text.push_str(&head.join(" "));
            (text, at)
        };
        let raw = joined(tail.iter().map(|t| t.raw).collect(), head.iter().map(|t| t.raw).collect());
        let norm = joined(tail.iter().map(|t| &*t.norm).collect(), head.iter().map(|t| &*t.norm).collect());
        Self { forms: if raw == norm { vec![norm] } else { vec![raw, norm] } }
    }

    /// Says whether a pattern matches words of both pieces together.
    pub(super) fn is_crossed_by(&self, pattern: &Regex) -> bool {
        let crosses = |(text, at): &(String, usize)| {
            pattern.find_iter(text).any(|found| found.start() + 1 < *at && found.end() > *at)
        };
        self.forms.iter().any(crosses)
    }
}
