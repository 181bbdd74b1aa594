//! Statements: the smallest pieces of a memory that can be true or false on their own.
//!
//! A reader of Markdown as people and agents write it, not of the whole standard: what matters is
//! that no text is skipped, that every piece can be cut out exactly, and that no input is slow.
//! Headings and table heads are context; everything else is a statement. [`bare_headings`] finds the
//! headings that are all there is of what they say.

use std::ops::Range;
use std::sync::Arc;

use super::heading::says_something;
use super::lexicon;
use super::script::width;
use super::sentence;

/// Deeper nesting is read as this deep, so that a hostile list costs no more than its length.
const NESTING_LIMIT: usize = 16;
/// Lines of a paragraph that end before this column, though the next word would have fitted, were
/// ended on purpose.
const WRAP_COLUMN: usize = 60;
/// The longest key of a `key: value` line, in characters.
const KEY_LIMIT: usize = 60;

/// One list item, table row, `key: value` line, sentence of a paragraph, or fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<'a> {
    /// What it is written as.
    pub kind: Kind,
    /// The text without list markers, table bars or surrounding space.
    pub text: &'a str,
    /// The headings above it, outermost first.
    pub headings: Vec<&'a str>,
    /// The statement it hangs below, by its place among the memory's statements.
    pub parent: Option<usize>,
    /// The list items it is nested under and the line ending in a colon that leads in its list,
    /// outermost first.
    pub parents: Vec<&'a str>,
    /// For a table row, what stands above its columns, without bars; see [`Statement::cells`].
    pub heads: Arc<[&'a str]>,
    /// How many empty cells stand before the text of a table row.
    pub blank_cells: usize,
    /// The number of an item of a numbered list.
    pub number: Option<u32>,
    /// Whether the box of a list item is ticked, if it has one.
    pub done: Option<bool>,
    /// Whether other statements are nested under it, and would lose their sense without it.
    pub leads: bool,
    /// Its line in the memory, from 1.
    pub line: usize,
    /// What to cut to take it out: whole lines, except for sentences that share a line.
    /// The spans of a memory's statements are in order and do not overlap.
    pub span: Range<usize>,
    /// Where `text` stands in the content.
    pub text_span: Range<usize>,
}

impl<'a> Statement<'a> {
    /// Returns the cells of a table row, each with the head of its column, if the table has heads.
    pub fn cells(&self) -> impl Iterator<Item = (Option<&'a str>, &'a str)> {
        let cells = if self.kind == Kind::Row { cells(self.text) } else { Vec::new() };
        let heads = Arc::clone(&self.heads);
        let head = move |at: usize| heads.get(at).copied().filter(|head| !head.is_empty());
        let blank = std::iter::repeat_n("", self.blank_cells);
        blank.chain(cells).enumerate().map(move |(at, cell)| (head(at), cell))
    }
}

/// How a statement is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A list item, without the items below it.
    Item,
    /// A table row.
    Row,
    /// A `key: value` line, of front matter or of plain text.
    Pair,
    /// A sentence, or a line that ends like one.
    Sentence,
    /// A fenced or indented block, or a comment.
    Block,
}

/// Splits a memory into its statements, in order, in one pass over its lines.
pub fn statements(content: &str) -> Vec<Statement<'_>> {
    let mut splitter = Splitter::new(content);
    let mut at = splitter.front_matter();
    while at < splitter.lines.len() {
        at = splitter.step(at);
    }
    splitter.flush();
    splitter.out
}

/// Returns the headings that are sentences and have nothing below them, as statements of their own: they
/// are no context of anything, and what they say stands nowhere else.
pub fn bare_headings(content: &str) -> Vec<Statement<'_>> {
    let is_heading = |line: &str| heading(line.trim()).is_some_and(|(_, text)| says_something(text));
    if !content.lines().any(is_heading) {
        return Vec::new();
    }
    let mut splitter = Splitter::new(content);
    let mut at = splitter.front_matter();
    while at < splitter.lines.len() {
        at = splitter.step(at);
    }
    splitter.flush();
    splitter.leave_heading(0);
    splitter.bare
}

/// One line of the content.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    /// Where it begins.
    start: usize,
    /// Where its text begins, after quote marks and indentation.
    body: usize,
    /// Where the next line begins.
    end: usize,
    /// The text, without quote marks and space on either side.
    text: &'a str,
    /// Columns of indentation, after quote marks.
    indent: usize,
}

impl<'a> Line<'a> {
    fn read(content: &'a str, start: usize, end: usize) -> Self {
        let whole = &content[start..end];
        let mut rest = whole;
        loop {
            let inner = rest.trim_start_matches([' ', '\t']);
            match inner.strip_prefix('>') {
                Some(quoted) => rest = quoted.strip_prefix(' ').unwrap_or(quoted),
                None => break,
            }
        }
        let mut indent = 0;
        for c in rest.chars() {
            match c {
                ' ' => indent += 1,
                '\t' => indent += 4 - indent % 4,
                _ => break,
            }
        }
        let text = rest.trim_start();
        let body = end - text.len();
        Self { start, body, end, text: text.trim_end(), indent }
    }

    /// Where the text ends.
    fn text_end(&self) -> usize {
        self.body + self.text.len()
    }
}

/// Lines that belong together and are not yet a statement.
#[derive(Debug)]
struct Open {
    /// The first line's index.
    first: usize,
    /// The last line's index.
    last: usize,
    /// What begins it, if it is a list item.
    item: Option<OpenItem>,
}

/// A list item that is open.
#[derive(Debug, Clone, Copy)]
struct OpenItem {
    column: usize,
    /// Where its text begins.
    start: usize,
    /// Whether its box is ticked, if it has one.
    done: Option<bool>,
    number: Option<u32>,
}

/// What begins a list item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Marker {
    /// The bytes it takes, with its box.
    width: usize,
    number: Option<u32>,
    done: Option<bool>,
}

#[derive(Debug)]
struct Splitter<'a> {
    content: &'a str,
    lines: Vec<Line<'a>>,
    out: Vec<Statement<'a>>,
    headings: Vec<(usize, &'a str)>,
    /// The first and last line of the last heading, as long as nothing stands below it.
    bare_heading: Option<(usize, usize)>,
    bare: Vec<Statement<'a>>,
    /// Items that are open around the current line: column and index in `out`.
    items: Vec<(usize, usize)>,
    /// The statement ending in a colon that the next list or table belongs to.
    lead: Option<usize>,
    in_table: bool,
    heads: Arc<[&'a str]>,
    no_heads: Arc<[&'a str]>,
    /// The line that closes front matter which is none of keys and values.
    rule: Option<usize>,
    /// The number of the last numbered item.
    number: u32,
    /// From each line on, the widest fence of each mark that could close a block.
    closers: [Option<Vec<u32>>; 2],
    /// Where the last comment is closed.
    comment_end: Option<usize>,
    open: Option<Open>,
}

impl<'a> Splitter<'a> {
    fn new(content: &'a str) -> Self {
        let mut lines = Vec::new();
        let bytes = content.as_bytes();
        let mut start = if content.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        while start < content.len() {
            let end = match memchr::memchr2(b'\n', b'\r', &bytes[start..]).map(|at| start + at) {
                Some(at) if bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n') => at + 2,
                Some(at) => at + 1,
                None => content.len(),
            };
            lines.push(Line::read(content, start, end));
            start = end;
        }
        let no_heads: Arc<[&str]> = Arc::new([]);
        Self {
            content,
            lines,
            out: Vec::new(),
            headings: Vec::new(),
            bare_heading: None,
            bare: Vec::new(),
            items: Vec::new(),
            lead: None,
            in_table: false,
            heads: Arc::clone(&no_heads),
            no_heads,
            rule: None,
            number: 0,
            closers: [None, None],
            comment_end: content.rfind("-->"),
            open: None,
        }
    }

    /// Reads front matter, if the memory begins with any that is closed; returns the line after it.
    fn front_matter(&mut self) -> usize {
        let raw = |line: &Line<'a>| self.content[line.start..line.end].trim_end();
        let Some(first) = self.lines.first() else { return 0 };
        let fence = raw(first);
        if fence != "---" && fence != "+++" {
            return 0;
        }
        let closes = |line: &Line<'a>| raw(line) == fence || (fence == "---" && raw(line) == "...");
        let Some(close) = self.lines.iter().skip(1).position(closes).map(|i| i + 1) else { return 0 };
        let plain = |line: &Line<'a>| line.text.is_empty() || line.indent > 0 || is_front_matter(line.text);
        if !self.lines[1..close].iter().all(plain) {
            // The last line must not make a heading of what stands above it.
            self.rule = Some(close);
            return 0;
        }
        let mut first = 1;
        while first < close {
            let text = self.lines[first].text;
            if text.is_empty() || text.starts_with('#') {
                first += 1;
                continue;
            }
            let is_next = |line: &Line<'a>| line.indent == 0 && !line.text.starts_with("- ");
            let more = self.lines[first + 1..close].iter().take_while(|line| !is_next(line)).count();
            let last = first + more;
            self.push_lines(Kind::Pair, first, last);
            first = last + 1;
        }
        close + 1
    }

    /// Reads the block or line at `at`; returns the line to go on with.
    fn step(&mut self, at: usize) -> usize {
        let line = self.lines[at];
        let text = line.text;
        if text.is_empty() {
            self.flush();
            self.leave_table();
            return at + 1;
        }
        if self.rule == Some(at) {
            self.flush();
            return at + 1;
        }
        if let Some(last) = self.block_end(at) {
            self.flush();
            self.leave_items(line.indent);
            self.push_lines(Kind::Block, at, last);
            return last + 1;
        }
        if let Some((level, heading)) = heading(text).filter(|_| line.indent < 4) {
            self.flush();
            self.enter_heading(level, heading, at, at);
            return at + 1;
        }
        if let Some(level) = underline(text)
            && let Some(open) = self.open.take_if(|open| open.item.is_none())
        {
            let span = self.lines[open.first].body..self.lines[open.last].text_end();
            self.enter_heading(level, &self.content[span], open.first, at);
            return at + 1;
        }
        if is_break(text) {
            self.flush();
            self.items.clear();
            self.lead = None;
            return at + 1;
        }
        if text.starts_with('|') {
            return self.row(at);
        }
        if self.in_table {
            self.leave_table();
        }
        if let Some(marker) = marker(text).filter(|marker| self.begins_item(marker)) {
            self.flush();
            self.leave_items(line.indent);
            self.number = marker.number.unwrap_or(0);
            let start = line.body + marker.width;
            let item = OpenItem { column: line.indent, start, done: marker.done, number: marker.number };
            self.open = Some(Open { first: at, last: at, item: Some(item) });
            return at + 1;
        }
        match &mut self.open {
            Some(open) => open.last = at,
            None => {
                self.leave_items(line.indent);
                if self.items.is_empty() {
                    self.lead = None;
                }
                self.open = Some(Open { first: at, last: at, item: None });
            }
        }
        at + 1
    }

    /// Says whether a marker begins an item where it stands. `14.` in the middle of a paragraph is a day or
    /// a figure, and a number of four digits a year, unless the list has come that far.
    fn begins_item(&self, marker: &Marker) -> bool {
        let Some(number) = marker.number else { return true };
        let interrupts = self.open.as_ref().is_some_and(|open| open.item.is_none());
        let goes_on = number == self.number.saturating_add(1);
        if interrupts { number <= 1 } else { number < 1_000 || goes_on }
    }

    /// Returns the last line of the fenced block, comment or indented block that begins at `at`. A block that
    /// nobody closes ends at the first empty line, so that a stray mark hides no more than that.
    fn block_end(&mut self, at: usize) -> Option<usize> {
        let line = self.lines[at];
        let last = self.lines.len() - 1;
        for (which, mark) in ['`', '~'].into_iter().enumerate() {
            let width = line.text.bytes().take_while(|&b| b == mark as u8).count();
            if width >= 3 && (mark == '~' || !line.text[width..].contains('`')) {
                if !self.is_closed(which, mark, at + 1, width) {
                    return Some(self.before_blank(at));
                }
                let closes = |l: &Line<'_>| fence(l.text, mark) >= width;
                return Some(self.lines[at + 1..].iter().position(closes).map_or(last, |i| at + 1 + i));
            }
        }
        if line.text.starts_with("<!--") {
            if line.text.contains("-->") {
                return Some(at);
            }
            if self.comment_end.is_none_or(|end| end < line.end) {
                return Some(self.before_blank(at));
            }
            let closes = |l: &Line<'_>| l.text.contains("-->");
            return Some(self.lines[at + 1..].iter().position(closes).map_or(last, |i| at + 1 + i));
        }
        if line.indent >= 4 && self.items.is_empty() && self.open.is_none() {
            let inside = |l: &&Line<'_>| l.indent >= 4 || l.text.is_empty();
            let span = &self.lines[at..];
            let length = span.iter().take_while(inside).count();
            let filled = span[..length].iter().rposition(|l| !l.text.is_empty());
            return filled.map(|i| at + i);
        }
        None
    }

    /// Says whether a fence of at least this width stands on a line from `from` on.
    fn is_closed(&mut self, which: usize, mark: char, from: usize, width: usize) -> bool {
        let lines = &self.lines;
        let widest = self.closers[which].get_or_insert_with(|| {
            let mut widest: Vec<u32> = lines
                .iter()
                .rev()
                .scan(0, |widest, line| {
                    *widest = u32::try_from(fence(line.text, mark)).unwrap_or(u32::MAX).max(*widest);
                    Some(*widest)
                })
                .collect();
            widest.reverse();
            widest
        });
        widest.get(from).is_some_and(|&widest| widest as usize >= width)
    }

    fn before_blank(&self, at: usize) -> usize {
        let length = self.lines[at..].iter().take_while(|line| !line.text.is_empty()).count();
        at + length.saturating_sub(1)
    }

    fn row(&mut self, at: usize) -> usize {
        let is_rule = |line: &Line<'a>| {
            line.text.contains('-') && line.text.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\t'))
        };
        self.flush();
        if !self.in_table {
            self.leave_items(self.lines[at].indent);
        }
        if is_rule(&self.lines[at]) {
            return at + 1;
        }
        let has_rule = !self.in_table && self.lines.get(at + 1).is_some_and(is_rule);
        // Heads above no row are all that the table says.
        let heads = has_rule && self.lines.get(at + 2).is_some_and(|line| line.text.starts_with('|'));
        self.in_table = true;
        let line = self.lines[at];
        if heads {
            self.heads = cells(within_bars(line.text)).into();
        } else {
            let text = bare_row(line.text);
            if !text.is_empty() {
                let start = text.as_ptr() as usize - self.content.as_ptr() as usize;
                self.push(Kind::Row, at, start..start + text.len(), line.start..line.end);
                if let Some(pushed) = self.out.last_mut() {
                    let lead = &self.content[line.body..start];
                    pushed.blank_cells = lead.matches('|').count().saturating_sub(1);
                }
            }
        }
        at + 1
    }

    fn leave_table(&mut self) {
        self.in_table = false;
        self.heads = Arc::clone(&self.no_heads);
    }

    fn enter_heading(&mut self, level: usize, text: &'a str, first: usize, last: usize) {
        self.leave_heading(level);
        while self.headings.last().is_some_and(|&(above, _)| above >= level) {
            self.headings.pop();
        }
        self.headings.push((level, text));
        self.items.clear();
        self.lead = None;
        self.leave_table();
        self.bare_heading = Some((first, last));
    }

    /// Sets the last heading apart if nothing came to stand below it before one of this level.
    fn leave_heading(&mut self, level: usize) {
        let Some((first, last)) = self.bare_heading.take() else { return };
        let Some(&(own, text)) = self.headings.last() else { return };
        if level > own || !says_something(text) {
            return;
        }
        self.headings.pop();
        self.items.clear();
        self.lead = None;
        let start = text.as_ptr() as usize - self.content.as_ptr() as usize;
        let span = self.lines[first].start..self.lines[last].end;
        self.push(Kind::Sentence, first, start..start + text.len(), span);
        self.bare.extend(self.out.pop());
    }

    /// Closes the items that a line at this column no longer belongs to.
    fn leave_items(&mut self, indent: usize) {
        while self.items.last().is_some_and(|&(column, _)| column >= indent) {
            self.items.pop();
        }
    }

    /// Makes statements of the lines that are open.
    fn flush(&mut self) {
        let Some(open) = self.open.take() else { return };
        match open.item {
            Some(item) => self.flush_item(&open, item),
            None => self.flush_paragraph(&open),
        }
    }

    fn flush_item(&mut self, open: &Open, item: OpenItem) {
        let (first, last) = (self.lines[open.first], self.lines[open.last]);
        let end = last.text_end();
        let text = self.content[item.start.min(end)..end].trim_start();
        if text.is_empty() {
            return;
        }
        let start = end - text.len();
        self.push(Kind::Item, open.first, start..end, first.start..last.end);
        if let Some(pushed) = self.out.last_mut() {
            pushed.done = item.done;
            pushed.number = item.number;
        }
        if self.items.len() == NESTING_LIMIT {
            self.items.pop();
        }
        self.items.push((item.column, self.out.len() - 1));
    }

    fn flush_paragraph(&mut self, open: &Open) {
        let widest = self.lines[open.first..=open.last].iter().map(|l| width(l.text)).max().unwrap_or(0);
        let column = widest.max(WRAP_COLUMN);
        let mut first = open.first;
        for at in open.first..=open.last {
            let ends = at == open.last || {
                let next = self.lines[at + 1].text;
                let word = next.split(char::is_whitespace).next().unwrap_or(next);
                let text = self.lines[at].text;
                let fits = width(text) + 1 + width(word) <= column;
                let pair = key_of(text).is_some();
                fits && !goes_on(text)
                    && (!next.starts_with(char::is_lowercase) || (pair && key_of(next).is_some()))
            };
            if ends {
                self.flush_lines(first, at);
                first = at + 1;
            }
        }
        let is_lead = self.out.last().is_some_and(|s| s.kind == Kind::Sentence && s.text.ends_with(':'));
        if is_lead && self.items.is_empty() {
            self.lead = Some(self.out.len() - 1);
        }
    }

    fn flush_lines(&mut self, first: usize, last: usize) {
        if first == last && key_of(self.lines[first].text).is_some() {
            return self.push_lines(Kind::Pair, first, last);
        }
        let start = self.lines[first].body;
        let whole = &self.content[start..self.lines[last].text_end()];
        let sentences = sentence::split(whole);
        let mut at = first;
        for (i, sentence) in sentences.iter().enumerate() {
            let range = start + sentence.start..start + sentence.end;
            while self.lines[at].end <= range.start {
                at += 1;
            }
            let head = self.lines[at];
            let mut foot = at;
            while self.lines[foot].end < range.end {
                foot += 1;
            }
            let foot_line = self.lines[foot];
            let heads_line = head.body == range.start;
            let ends_line = foot_line.text_end() == range.end;
            let span = match (heads_line, ends_line) {
                (true, true) => head.start..foot_line.end,
                (false, true) => range.clone(),
                (_, false) => {
                    let next = sentences.get(i + 1).map_or(range.end, |next| start + next.start);
                    range.start..next
                }
            };
            self.push(Kind::Sentence, at, range, span);
            at = foot;
        }
    }

    fn push_lines(&mut self, kind: Kind, first: usize, last: usize) {
        let (head, foot) = (self.lines[first], self.lines[last]);
        self.push(kind, first, head.body..foot.text_end().max(head.text_end()), head.start..foot.end);
    }

    fn push(&mut self, kind: Kind, line: usize, text_span: Range<usize>, span: Range<usize>) {
        let above: Vec<usize> = self.lead.into_iter().chain(self.items.iter().map(|&(_, i)| i)).collect();
        self.bare_heading = None;
        let leads_here = kind != Kind::Sentence && kind != Kind::Pair || !self.items.is_empty();
        let above = if leads_here { above } else { Vec::new() };
        let parent = above.last().copied();
        if let Some(parent) = parent {
            self.out[parent].leads = true;
        }
        self.out.push(Statement {
            kind,
            parent,
            text: &self.content[text_span.clone()],
            headings: self.headings.iter().map(|&(_, text)| text).collect(),
            parents: above.into_iter().map(|i| self.out[i].text).collect(),
            heads: Arc::clone(if kind == Kind::Row { &self.heads } else { &self.no_heads }),
            blank_cells: 0,
            number: None,
            done: None,
            leads: false,
            line: line + 1,
            span,
            text_span,
        });
    }
}

/// Says whether a line can stand in front matter at its left edge.
fn is_front_matter(text: &str) -> bool {
    text.starts_with('#')
        || text.starts_with('-')
        || text.starts_with([']', '}', '['])
        || text.split_once([':', '=']).is_some_and(|(key, _)| !key.is_empty() && key.len() <= KEY_LIMIT)
}

/// Reads `## Title ##`.
fn heading(text: &str) -> Option<(usize, &str)> {
    let level = text.bytes().take_while(|&b| b == b'#').count();
    let rest = &text[level..];
    let titled = (1..=6).contains(&level) && (rest.is_empty() || rest.starts_with([' ', '\t']));
    titled.then(|| (level, rest.trim().trim_end_matches('#').trim_end()))
}

/// Reads the line under a heading: its level, if it is one.
fn underline(text: &str) -> Option<usize> {
    let all = |mark: u8| text.len() >= 3 && text.bytes().all(|b| b == mark);
    if all(b'=') {
        Some(1)
    } else if all(b'-') {
        Some(2)
    } else {
        None
    }
}

/// Says whether a line is a rule across the page.
fn is_break(text: &str) -> bool {
    ['-', '*', '_'].into_iter().any(|mark| {
        text.chars().filter(|&c| c == mark).count() >= 3
            && text.chars().all(|c| c == mark || c == ' ' || c == '\t')
    }) || text.len() >= 3 && text.bytes().all(|b| b == b'=')
}

/// Reads a list marker with its check box.
fn marker(text: &str) -> Option<Marker> {
    let bytes = text.as_bytes();
    let (mark, number) = match bytes.first()? {
        b'-' | b'*' | b'+' => (1, None),
        b'0'..=b'9' => {
            let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
            match bytes.get(digits) {
                Some(b'.' | b')') if digits <= 9 => (digits + 1, text[..digits].parse().ok()),
                _ => return None,
            }
        }
        0xe2 => {
            let bullet =
                text.chars().next().filter(|c| matches!(c, '•' | '◦' | '‣' | '⁃' | '▪' | '●' | '○' | '∙'))?;
            (bullet.len_utf8(), None)
        }
        _ => return None,
    };
    let after = &text[mark..];
    if !after.is_empty() && !after.starts_with([' ', '\t']) {
        return None;
    }
    let body = after.trim_start();
    let ticked = ["[x] ", "[X] "].iter().any(|mark| body.starts_with(mark));
    let done = (ticked || body.starts_with("[ ] ")).then_some(ticked);
    let rest = if done.is_some() { body[4..].trim_start() } else { body };
    Some(Marker { width: text.len() - rest.len(), number, done })
}

/// Returns the width of a line that is a fence and nothing else; 0 for any other.
fn fence(text: &str, mark: char) -> usize {
    if text.bytes().all(|b| b == mark as u8) { text.len() } else { 0 }
}

/// Returns a table row without the bars at its ends. A bar behind a backslash belongs to its cell.
fn bare_row(text: &str) -> &str {
    let bare = text.trim_start_matches(|c: char| c == '|' || c.is_whitespace());
    let cut = bare.trim_end_matches(|c: char| c == '|' || c.is_whitespace());
    if cut.ends_with('\\') && bare[cut.len()..].starts_with('|') { &bare[..=cut.len()] } else { cut }
}

/// Returns a table row without the one bar at each of its ends: its outer cells may be empty.
fn within_bars(text: &str) -> &str {
    let inner = text.strip_prefix('|').unwrap_or(text);
    let cut = inner.strip_suffix('|').filter(|cut| !cut.ends_with('\\'));
    cut.unwrap_or(inner)
}

/// Splits a row at its bars, but for those in code spans and behind a backslash.
fn cells(row: &str) -> Vec<&str> {
    let bytes = row.as_bytes();
    let mut cells = Vec::new();
    let (mut start, mut in_code) = (0, false);
    for at in memchr::memchr2_iter(b'|', b'`', bytes) {
        let is_escaped = at > 0 && bytes[at - 1] == b'\\';
        if bytes[at] == b'`' {
            in_code = !in_code && memchr::memchr(b'`', &bytes[at + 1..]).is_some();
        } else if !in_code && !is_escaped {
            cells.push(row[start..at].trim());
            start = at + 1;
        }
    }
    cells.push(row[start..].trim());
    cells
}

/// Says whether a line ends in a word that no sentence ends in, so that the next line belongs to it.
fn goes_on(line: &str) -> bool {
    let last = line.rsplit(char::is_whitespace).next().unwrap_or(line);
    last.ends_with(',') && line.len() > last.len() || lexicon::leads_on(last)
}

/// Returns the key of a `key: value` line, if it is one: a few words without the marks of a sentence.
pub fn key_of(text: &str) -> Option<&str> {
    let colon = match text.find(": ") {
        Some(at) => at,
        None => text.find('：').filter(|at| at + '：'.len_utf8() < text.len())?,
    };
    let key = text[..colon].trim_matches(['*', '_', '`', ' ']);
    let is_key = !key.is_empty()
        && width(&text[..colon]) <= KEY_LIMIT
        && !key.contains(['.', '!', '?', ',', ';', '"', '。', '，'])
        && key.split_whitespace().count() <= 5;
    is_key.then_some(key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(content: &str) -> Vec<&str> {
        statements(content).into_iter().map(|s| s.text).collect()
    }

    /// Cuts every statement for which `cut` holds.
    fn without(content: &str, cut: impl Fn(&Statement<'_>) -> bool) -> String {
        let mut left = String::new();
        let mut from = 0;
        for statement in statements(content).iter().filter(|s| cut(s)) {
            left.push_str(&content[from..statement.span.start]);
            from = statement.span.end;
        }
        left + &content[from..]
    }

    #[test]
    fn a_memory_is_read_piece_by_piece() {
        let content = "---\nname: deploy\ntags:\n  - ci\n---\n# Deploy\n\nWe ship on Friday. Never on\nmondays.\n\n\
            Owner: Ann\nRegion: eu-west-1\n\n## Steps\n\nDo this:\n\n1. build\n   it well\n   - [ ] with `cargo`\n2. push\n\n\
            | key | value |\n|---|---|\n| ttl | 30 s |\n\n```sh\nmake\n\nmake install\n```\n> Quoted: yes\n";
        let shown: String = statements(content)
            .iter()
            .map(|s| {
                let trail = [&s.headings[..], &s.parents[..]].concat().join(" > ");
                format!(
                    "{} {:?} [{trail}] {:?}{}\n",
                    s.line,
                    s.kind,
                    s.text,
                    if s.leads { " leads" } else { "" }
                )
            })
            .collect();
        insta::assert_snapshot!(shown, @r#"
        2 Pair [] "name: deploy"
        3 Pair [] "tags:\n  - ci"
        8 Sentence [Deploy] "We ship on Friday."
        8 Sentence [Deploy] "Never on\nmondays."
        11 Pair [Deploy] "Owner: Ann"
        12 Pair [Deploy] "Region: eu-west-1"
        16 Sentence [Deploy > Steps] "Do this:" leads
        18 Item [Deploy > Steps > Do this:] "build\n   it well" leads
        20 Item [Deploy > Steps > Do this: > build
           it well] "with `cargo`"
        21 Item [Deploy > Steps > Do this:] "push"
        25 Row [Deploy > Steps > Do this:] "ttl | 30 s"
        27 Block [Deploy > Steps > Do this:] "```sh\nmake\n\nmake install\n```"
        32 Pair [Deploy > Steps] "Quoted: yes"
        "#);
    }

    #[test]
    fn a_cut_leaves_its_neighbours_alone() {
        let content =
            "# A\r\n\r\n- one\r\n- two\r\n  more\r\n- three\r\n\r\nFirst. Second.\r\nThird one.\r\n";
        assert_eq!(
            without(content, |s| ["two\r\n  more", "Second.", "Third one."].contains(&s.text)),
            "# A\r\n\r\n- one\r\n- three\r\n\r\nFirst. \r\n"
        );
        assert_eq!(without("> A b. C d.\n> E f.\n", |s| s.text == "A b."), "> C d.\n> E f.\n");
    }

    #[test]
    fn lines_ended_on_purpose_are_statements_of_their_own() {
        assert_eq!(texts("Likes tea\nLives in Berlin\n"), ["Likes tea", "Lives in Berlin"]);
        let wrapped = "This line was wrapped by an editor because it came close to the\nMargin of the page.";
        assert_eq!(texts(wrapped), [wrapped]);
    }

    #[test]
    fn headings_may_be_underlined_and_blocks_may_stay_open() {
        let found = statements("Title\n=====\n\nText.\n\n~~~\nnever closed\n# not a heading");
        assert_eq!(found[0].headings, ["Title"]);
        assert_eq!(found[1].text, "~~~\nnever closed\n# not a heading");
        assert_eq!(texts("---\nnot: closed\n"), ["not: closed"]);
        assert_eq!(
            texts("<!-- a\nb -->\n\n    code\n\n    more\n\nend"),
            ["<!-- a\nb -->", "code\n\n    more", "end"]
        );
    }

    #[test]
    fn large_inputs_take_linear_time() {
        assert_eq!(statements(&"- item\n".repeat(50_000)).len(), 50_000);
        assert_eq!(statements(&"word ".repeat(2_000_000)).len(), 1);
        assert_eq!(statements(&"| a | b |\n".repeat(50_000)).len(), 50_000);
        let nested: String = (0..2_000).map(|depth| format!("{}- x\n", " ".repeat(depth))).collect();
        assert_eq!(statements(&nested).len(), 2_000);
        assert_eq!(statements(&"```\n".repeat(50_001)).len(), 25_001);
        assert_eq!(statements(&"<!--\n".repeat(50_000)).len(), 1);
    }

    #[test]
    fn table_rows_know_the_heads_of_their_cells() {
        let found =
            statements("| name | drink |\n|---|---|\n| Ann | tea |\n| Bob | `a|b` |\n\n| x \\| y | z |\n");
        let cells: Vec<Vec<_>> = found.iter().map(|s| s.cells().collect()).collect();
        assert_eq!(cells[0], [(Some("name"), "Ann"), (Some("drink"), "tea")]);
        assert_eq!(cells[1], [(Some("name"), "Bob"), (Some("drink"), "`a|b`")]);
        assert_eq!(cells[2], [(None, "x \\| y"), (None, "z")]);
        // Heads above nothing are all that is said.
        assert_eq!(texts("| Ann | tea |\n|---|---|\n"), ["Ann | tea"]);
    }

    #[test]
    fn front_matter_that_is_none_loses_nothing() {
        assert_eq!(texts("---\nAnn likes tea\nand cake\n---\nText.\n"), ["Ann likes tea\nand cake", "Text."]);
        assert_eq!(texts("+++\nkey = 1\n+++\n"), ["key = 1"]);
        assert_eq!(texts("---\na: 1\nb: 2\n\n# H\n\nText."), ["a: 1", "b: 2", "Text."]);
    }

    #[test]
    fn a_block_that_nobody_closes_ends_at_an_empty_line() {
        assert_eq!(texts("```sh\nmake\n\nAnn likes tea.\n"), ["```sh\nmake", "Ann likes tea."]);
        assert_eq!(texts("<!-- a\n\nAnn likes tea.\n"), ["<!-- a", "Ann likes tea."]);
        assert_eq!(texts("````\n```\n\nx\n````\n"), ["````\n```\n\nx\n````"]);
    }

    #[test]
    fn figures_at_the_beginning_of_a_line_are_not_always_numbering() {
        assert_eq!(texts("1985. The year it began.\n"), ["1985. The year it began."]);
        let wrapped = "We will meet with the whole team of the other company on March\n14. Bring the slides.";
        assert_eq!(statements(wrapped).iter().filter(|s| s.kind == Kind::Item).count(), 0);
        let long: String = (1..=1_500).map(|n| format!("{n}. item\n")).collect();
        assert!(statements(&long).iter().all(|s| s.text == "item"));
    }

    #[test]
    fn a_heading_that_is_a_sentence_over_nothing_is_set_apart() {
        let bare = |content: &str| -> Vec<String> {
            let found = bare_headings(content);
            found.iter().map(|s| format!("{} {} < {}", s.line, s.text, s.headings.join(" < "))).collect()
        };
        assert_eq!(bare("# Ops\n\n## Never restart db-1 ##\n"), ["3 Never restart db-1 < Ops"]);
        assert_eq!(bare("# Ann left in May\n\n# Bob\n- Leads ops.\n"), ["1 Ann left in May < "]);
        for content in [
            "# Notes\n\n## Open questions\n",
            "# Never restart db-1\n## Why\n",
            "# Never restart db-1\n```\n# x\n```",
            "```\n# Never restart db-1\n# Never stop it\n```",
        ] {
            assert_eq!(bare(content), [""; 0], "{content}");
        }
    }

    #[test]
    fn boxes_are_ticked_or_not() {
        let done: Vec<_> = statements("- [ ] a\n- [x] b\n- c\n").iter().map(|s| s.done).collect();
        assert_eq!(done, [Some(false), Some(true), None]);
    }

    #[test]
    fn emoji_and_joined_letters_stay_whole() {
        for text in ["👨\u{200d}👩\u{200d}👧 like 🇩🇪 and 👍🏽", "می\u{200c}خواهم", "e\u{301}te\u{301}"]
        {
            assert_eq!(texts(&format!("- {text}\n")), [text]);
        }
    }

    #[test]
    fn lists_within_front_matter_are_read_to_their_ends() {
        for (content, wanted) in [
            ("---\n- A\n  - 0\n---\n", vec!["- A\n  - 0"]),
            ("---\ntags:\n  - a\n  - b\nname: x\n---\n", vec!["tags:\n  - a\n  - b", "name: x"]),
            ("---\n# why\n  - a\nname: x\n---\n", vec!["- a", "name: x"]),
        ] {
            assert_eq!(texts(content), wanted, "{content:?}");
        }
    }

    #[test]
    fn no_input_is_too_large_or_too_odd() {
        let row = format!("|{}\n", " cell |".repeat(500));
        let table = format!("{row}|{}\n{}", "---|".repeat(500), row.repeat(200));
        let found = statements(&table);
        assert_eq!(found.len(), 200);
        assert_eq!(found[199].cells().filter(|cell| *cell == (Some("cell"), "cell")).count(), 500);
        assert!(statements(&"One is. Two ".repeat(200_000)).len() > 100_000);
        assert_eq!(statements(&"```a\n\n".repeat(30_000)).len(), 30_000);
        assert_eq!(statements(&"<!--\n\n".repeat(30_000)).len(), 30_000);
        assert_eq!(statements(&">".repeat(200_000)).len(), 0);
        assert_eq!(statements(&"> - ".repeat(50_000)).len(), 1);
        for markup in
            ["***\n---\n___\n", "|---|---|\n", "- \n* \n", "#\n##\n", "> \n>\n", "===\n", "\u{feff}"]
        {
            assert_eq!(texts(markup), Vec::<&str>::new(), "{markup:?}");
        }
    }

    proptest! {
        #[test]
        fn spans_are_in_order_apart_and_hold_their_text(content in "([-*#>|`:. \\n\\r\\t]{0,4}[a-cé。]{0,3}){0,40}") {
            let mut from = 0;
            for s in statements(&content) {
                prop_assert!(s.span.start >= from && s.span.start <= s.text_span.start);
                prop_assert!(s.text_span.end <= s.span.end);
                prop_assert_eq!(&content[s.text_span.clone()], s.text);
                prop_assert_eq!(s.text.trim(), s.text);
                prop_assert!(!s.text.is_empty());
                from = s.span.end;
            }
        }

        #[test]
        fn nothing_but_structure_is_skipped(content in "((- |1\\. |> |  - |)[A-Ca-c]{1,3}[.:]? ?[a-c]{0,3}\\n{1,2}){0,30}") {
            let left = without(&content, |_| true);
            prop_assert!(!left.contains(char::is_alphabetic), "{:?}", left);
        }

        /// Every character stands in a statement, a heading, the heads of a table, or is markup. Of front matter,
        /// lists within lists are not told apart so.
        #[test]
        fn no_text_is_skipped(content in "((- |1\\. |> |  - |\\| |# |```|    |~~~|<!--|: |\\[x\\] ||)[A-Ca-c0-9é。🙂]{1,3}[.:|!]? ?[a-c]{0,3}(-->)?(\\n|\\r\\n|\\n\\n|\\n---\\n|\\n\\|-\\|\\n)){0,25}") {
            let mut letters: std::collections::BTreeMap<char, usize> = std::collections::BTreeMap::new();
            let found = statements(&content);
            let mut from = 0;
            for s in &found {
                for c in content[from..s.text_span.start].chars().filter(|c| c.is_alphabetic() || *c == '🙂') {
                    *letters.entry(c).or_default() += 1;
                }
                from = s.text_span.end;
            }
            for c in content[from..].chars().filter(|c| c.is_alphabetic() || *c == '🙂') {
                *letters.entry(c).or_default() += 1;
            }
            // What is left stands in a line that is a heading, or the head of a table, or marks a ticked box.
            let lines: Vec<&str> = content.lines().collect();
            let heads: String = lines
                .iter()
                .enumerate()
                .filter(|(at, line)| {
                    line.trim_start_matches([' ', '>']).starts_with('#')
                        || lines.get(at + 1).is_some_and(|next| next.starts_with("---") || next.contains("|-|"))
                        || line.contains("[x]")
                        || lines[*at..].iter().take_while(|l| !l.is_empty()).any(|l| l.starts_with("---"))
                })
                .map(|(_, line)| *line)
                .collect();
            for (letter, count) in letters {
                prop_assert!(heads.matches(letter).count() >= count, "{letter:?} of {content:?}");
            }
        }

        #[test]
        fn line_ends_marks_and_composition_never_matter(content in "((- |1\\. |> |# |\\| |)[A-Ca-cé]{1,9}[.:|]? ?[a-cüé]{0,9}\\n{1,2}){0,20}") {
            use unicode_normalization::UnicodeNormalization;
            let normals = |text: &str| -> Vec<String> {
                statements(text).iter().map(|s| super::super::normal::normal(s.text)).collect()
            };
            let plain = normals(&content);
            prop_assert_eq!(&plain, &normals(&content.replace('\n', "\r\n")));
            prop_assert_eq!(&plain, &normals(&content.replace('\n', "\r")));
            prop_assert_eq!(&plain, &normals(&format!("\u{feff}{content}")));
            prop_assert_eq!(&plain, &normals(&content.nfd().collect::<String>()));
        }
    }
}
