//! Splices: cuts and insertions in a text, made all at once.

use std::collections::BTreeSet;
use std::ops::Range;

use super::page::Page;
use super::statement::{Kind, Statement};

/// One more than the level of the deepest heading.
const DEEPEST: usize = 7;

/// One cut or insertion.
#[derive(Debug, Clone)]
pub(super) struct Splice {
    /// Where; empty for an insertion.
    range: Range<usize>,
    /// Which comes first at one place.
    pub(super) order: usize,
    /// What opens a section comes after what belongs to the one above it, the deepest first: 0 for what
    /// opens none.
    opens: usize,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Lines(Piece),
    Text(String),
    Cut,
}

/// Whole lines that are put in.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) first: Kind,
    pub(super) last: Kind,
    /// Whether no blank line parted it from what stood before it where it comes from.
    pub(super) is_tight: bool,
}

impl Piece {
    /// Takes statements in a row out of a page as they stand, moved to another column.
    pub(super) fn of(origin: &Page<'_>, places: Range<usize>, column: usize) -> Self {
        let (first, last) = (&origin.statements[places.start], &origin.statements[places.end - 1]);
        let start = if origin.begins_line(first) { first.span.start } else { first.text_span.start };
        let end = if origin.ends_line(last) { last.span.end } else { last.text_span.end };
        let own = if origin.begins_line(first) { origin.column(places.start) } else { 0 };
        let is_tight = first.kind == Kind::Sentence
            && places.start > 0
            && !origin.is_parted(places.start - 1, places.start)
            && origin.statements[places.start - 1].kind == Kind::Sentence;
        let mut text = String::new();
        for line in origin.content[start..end.max(start)].lines() {
            push_moved(&mut text, line, own, column);
        }
        Self { text, first: first.kind, last: last.kind, is_tight }
    }
}

/// Writes a line, moved from one column to another.
fn push_moved(text: &mut String, line: &str, from: usize, to: usize) {
    if !line.trim().is_empty() {
        let space = line.len() - line.trim_start_matches([' ', '\t']).len();
        text.extend(std::iter::repeat_n(' ', to.saturating_sub(from)));
        text.push_str(&line[space.min(from.saturating_sub(to))..]);
    }
    text.push('\n');
}

impl Splice {
    pub(super) fn lines(at: usize, order: usize, piece: Piece) -> Self {
        Self { range: at..at, order, opens: 0, what: What::Lines(piece) }
    }

    /// As [`Splice::lines`], in a section of its own below a heading of a level.
    pub(super) fn section(at: usize, level: usize, piece: Piece) -> Self {
        Self { opens: DEEPEST - level.min(DEEPEST - 1), ..Self::lines(at, 0, piece) }
    }

    pub(super) fn inline(at: usize, text: String) -> Self {
        Self { range: at..at, order: 0, opens: 0, what: What::Text(text) }
    }

    pub(super) fn in_place(range: Range<usize>, text: String) -> Self {
        Self { range, order: 0, opens: 0, what: What::Text(text) }
    }

    pub(super) fn cut(range: Range<usize>) -> Self {
        Self { range, order: 0, opens: 0, what: What::Cut }
    }

    /// Says whether it stands for the text of a statement.
    pub(super) fn is_at(&self, statement: &Statement<'_>) -> bool {
        matches!(self.what, What::Text(_)) && self.range == statement.text_span
    }
}

/// Makes all splices. Apart, everything that is put in or taken out is parted by blank lines.
pub(super) fn spliced(
    page: &Page<'_>,
    cut: &BTreeSet<usize>,
    mut splices: Vec<Splice>,
    is_apart: bool,
) -> String {
    let rank = |splice: &Splice| matches!(splice.what, What::Cut);
    splices.sort_by_key(|splice| (splice.range.start, rank(splice), splice.opens, splice.order));
    let mut out = Output { page, cut, is_apart, text: String::new(), at: 0, above: None };
    for splice in splices {
        out.copy_to(splice.range.start);
        match splice.what {
            What::Text(text) => {
                out.settle();
                out.text.push_str(&text);
                out.at = out.at.max(splice.range.end);
            }
            What::Cut => out.cut(splice.range),
            What::Lines(piece) => out.insert(piece),
        }
    }
    out.copy_to(page.content.len());
    let newline = page.newline();
    if !is_apart && !page.content.ends_with(&newline.repeat(2)) {
        while out.text.ends_with(&newline.repeat(2)) {
            out.text.truncate(out.text.len() - newline.len());
        }
    }
    out.text
}

struct Output<'p, 'a> {
    page: &'p Page<'a>,
    cut: &'p BTreeSet<usize>,
    is_apart: bool,
    text: String,
    /// How much of the page is dealt with.
    at: usize,
    /// What the lines were that were put in last, while nothing was copied since.
    above: Option<Kind>,
}

impl Output<'_, '_> {
    fn copy_to(&mut self, end: usize) {
        if end <= self.at {
            return;
        }
        self.settle();
        self.text.push_str(&self.page.content[self.at..end]);
        self.at = end;
    }

    /// Parts what was put in from what follows it.
    fn settle(&mut self) {
        let Some(above) = self.above.take() else { return };
        let rest = &self.page.content[self.at..];
        let line = rest.lines().next().unwrap_or_default().trim();
        let closes_front_matter = above == Kind::Pair && matches!(line, "---" | "+++" | "...");
        if line.is_empty() || closes_front_matter {
            return;
        }
        let below = self.page.starting_at(self.at).map(|statement| statement.kind);
        if self.is_apart || !below.is_some_and(|below| are_tight(above, below)) {
            self.text.push_str(self.page.newline());
        }
    }

    fn cut(&mut self, range: Range<usize>) {
        if range.end <= self.at {
            return;
        }
        self.at = range.end;
        let content = self.page.content;
        let is_lines = self.text.is_empty() || self.text.ends_with('\n');
        let newline = self.page.newline();
        if !is_lines || !(content[..range.end].ends_with('\n') || range.end == content.len()) {
            if content[range.end..].is_empty() || content[range.end..].starts_with(newline) {
                self.text.truncate(self.text.trim_end_matches(' ').len());
            }
            return;
        }
        if self.is_apart {
            self.text.push_str(newline);
        } else if self.text.is_empty() || self.text.ends_with(&newline.repeat(2)) {
            while content[self.at..].starts_with(newline) {
                self.at += newline.len();
            }
        }
    }

    fn insert(&mut self, piece: Piece) {
        let newline = self.page.newline();
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push_str(newline);
        }
        let above = self.above.take().or_else(|| self.page.kind_above(self.at, self.cut));
        let is_tight =
            !self.is_apart && (piece.is_tight || above.is_some_and(|above| are_tight(above, piece.first)));
        let last_line =
            self.text.lines().next_back().unwrap_or_default().trim().trim_start_matches('\u{feff}');
        let is_headed = match piece.first {
            Kind::Pair => matches!(last_line, "---" | "+++"),
            Kind::Row => last_line.starts_with('|'),
            _ => false,
        };
        if !last_line.is_empty() && !is_tight && !is_headed {
            self.text.push_str(newline);
        }
        match newline {
            "\n" => self.text.push_str(&piece.text),
            _ => self.text.push_str(&piece.text.replace('\n', newline)),
        }
        self.above = Some(piece.last);
    }
}

/// Says whether two statements stand below each other without a blank line.
fn are_tight(above: Kind, below: Kind) -> bool {
    above == below && matches!(above, Kind::Item | Kind::Row | Kind::Pair)
}
