//! Statements: the smallest pieces of a memory that can be true or false on their own.
//!
//! A reader of Markdown as people and agents write it, not of the whole standard: what matters is
//! that no text is skipped, that every piece can be cut out exactly, and that no input is slow.
//! Headings and table heads are context; everything else is a statement.

use std::ops::Range;

use super::sentence;

/// Deeper nesting is read as this deep, so that a hostile list costs no more than its length.
const NESTING_LIMIT: usize = 16;
/// Lines of a paragraph that end before this column, though the next word would have fitted, were
/// ended on purpose.
const WRAP_COLUMN: usize = 60;
/// The longest key of a `key: value` line, in bytes.
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
    /// The list items it is nested under and the line ending in a colon that leads in its list,
    /// outermost first.
    pub parents: Vec<&'a str>,
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

/// How a statement is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
    /// For a list item: its column, and where its text begins.
    item: Option<(usize, usize)>,
}

#[derive(Debug)]
struct Splitter<'a> {
    content: &'a str,
    lines: Vec<Line<'a>>,
    out: Vec<Statement<'a>>,
    headings: Vec<(usize, &'a str)>,
    /// Items that are open around the current line: column and index in `out`.
    items: Vec<(usize, usize)>,
    /// The statement ending in a colon that the next list or table belongs to.
    lead: Option<usize>,
    in_table: bool,
    open: Option<Open>,
}

impl<'a> Splitter<'a> {
    fn new(content: &'a str) -> Self {
        let mut lines = Vec::new();
        let mut start = 0;
        while start < content.len() {
            let end = memchr::memchr(b'\n', &content.as_bytes()[start..])
                .map_or(content.len(), |newline| start + newline + 1);
            lines.push(Line::read(content, start, end));
            start = end;
        }
        Self {
            content,
            lines,
            out: Vec::new(),
            headings: Vec::new(),
            items: Vec::new(),
            lead: None,
            in_table: false,
            open: None,
        }
    }

    /// Reads front matter, if the memory begins with any that is closed; returns the line after it.
    fn front_matter(&mut self) -> usize {
        let raw = |line: &Line<'a>| self.content[line.start..line.end].trim_end();
        let Some(first) = self.lines.first() else { return 0 };
        let fence = raw(first).trim_start_matches('\u{feff}');
        if fence != "---" && fence != "+++" {
            return 0;
        }
        let closes = |line: &Line<'a>| raw(line) == fence || (fence == "---" && raw(line) == "...");
        let Some(close) = self.lines.iter().skip(1).position(closes).map(|i| i + 1) else { return 0 };
        let plain = |line: &Line<'a>| line.text.is_empty() || line.indent > 0 || is_front_matter(line.text);
        if !self.lines[1..close].iter().all(plain) {
            return 0;
        }
        let mut first = 1;
        while first < close {
            let is_next = |line: &Line<'a>| line.indent == 0 && !line.text.starts_with("- ");
            let more = self.lines[first + 1..close].iter().take_while(|line| !is_next(line)).count();
            let last = first + more;
            if !self.lines[first].text.is_empty() && !self.lines[first].text.starts_with('#') {
                self.push_lines(Kind::Pair, first, last);
            }
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
            self.in_table = false;
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
            self.enter_heading(level, heading);
            return at + 1;
        }
        if let Some(level) = underline(text) {
            if let Some(open) = self.open.take_if(|open| open.item.is_none()) {
                let span = self.lines[open.first].body..self.lines[open.last].text_end();
                self.enter_heading(level, &self.content[span]);
                return at + 1;
            }
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
        if let Some(marker) = marker(text) {
            self.flush();
            self.leave_items(line.indent);
            self.open = Some(Open { first: at, last: at, item: Some((line.indent, line.body + marker)) });
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

    /// Returns the last line of the fenced block, comment or indented block that begins at `at`.
    fn block_end(&self, at: usize) -> Option<usize> {
        let line = self.lines[at];
        let last = self.lines.len() - 1;
        let after = |closes: &dyn Fn(&str) -> bool| {
            self.lines[at + 1..].iter().position(|l| closes(l.text)).map_or(last, |i| at + 1 + i)
        };
        for mark in ['`', '~'] {
            let width = line.text.chars().take_while(|&c| c == mark).count();
            if width >= 3 && (mark == '~' || !line.text[width..].contains('`')) {
                return Some(after(&|text| text.len() >= width && text.chars().all(|c| c == mark)));
            }
        }
        if line.text.starts_with("<!--") {
            return Some(if line.text.contains("-->") { at } else { after(&|text| text.contains("-->")) });
        }
        if line.indent >= 4 && self.items.is_empty() && self.open.is_none() {
            let inside = |l: &&Line<'a>| l.indent >= 4 || l.text.is_empty();
            let span = &self.lines[at..];
            let length = span.iter().take_while(inside).count();
            let filled = span[..length].iter().rposition(|l| !l.text.is_empty());
            return filled.map(|i| at + i);
        }
        None
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
        let heads = !self.in_table && self.lines.get(at + 1).is_some_and(|next| is_rule(next));
        self.in_table = true;
        if !heads {
            let line = self.lines[at];
            let text = line.text.trim_matches(|c: char| c == '|' || c.is_whitespace());
            if !text.is_empty() {
                let offset = line.text.find(text).unwrap_or_default();
                let start = line.body + offset;
                self.push(Kind::Row, at, start..start + text.len(), line.start..line.end);
            }
        }
        at + 1
    }

    fn enter_heading(&mut self, level: usize, text: &'a str) {
        while self.headings.last().is_some_and(|&(above, _)| above >= level) {
            self.headings.pop();
        }
        self.headings.push((level, text));
        self.items.clear();
        self.lead = None;
        self.in_table = false;
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
            Some((column, start)) => self.flush_item(&open, column, start),
            None => self.flush_paragraph(&open),
        }
    }

    fn flush_item(&mut self, open: &Open, column: usize, start: usize) {
        let (first, last) = (self.lines[open.first], self.lines[open.last]);
        let end = last.text_end();
        let text = self.content[start.min(end)..end].trim_start();
        if text.is_empty() {
            return;
        }
        let start = end - text.len();
        self.push(Kind::Item, open.first, start..end, first.start..last.end);
        if self.items.len() == NESTING_LIMIT {
            self.items.pop();
        }
        self.items.push((column, self.out.len() - 1));
    }

    fn flush_paragraph(&mut self, open: &Open) {
        let widest = self.lines[open.first..=open.last].iter().map(|l| l.text.len()).max().unwrap_or(0);
        let width = widest.max(WRAP_COLUMN);
        let mut first = open.first;
        for at in open.first..=open.last {
            let ends = at == open.last || {
                let next = self.lines[at + 1].text;
                let word = next.split(char::is_whitespace).next().unwrap_or(next);
                let fits = self.lines[at].text.len() + 1 + word.len() <= width;
                let pair = key_of(self.lines[at].text).is_some();
                fits && (!next.starts_with(char::is_lowercase) || (pair && key_of(next).is_some()))
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
        let leads_here = kind != Kind::Sentence && kind != Kind::Pair || !self.items.is_empty();
        let above = if leads_here { above } else { Vec::new() };
        if let Some(&parent) = above.last() {
            self.out[parent].leads = true;
        }
        self.out.push(Statement {
            kind,
            text: &self.content[text_span.clone()],
            headings: self.headings.iter().map(|&(_, text)| text).collect(),
            parents: above.into_iter().map(|i| self.out[i].text).collect(),
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

/// Returns the bytes a list marker takes, check box included.
fn marker(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mark = match bytes.first()? {
        b'-' | b'*' | b'+' => 1,
        b'0'..=b'9' => {
            let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
            match bytes.get(digits) {
                Some(b'.' | b')') if digits <= 9 => digits + 1,
                _ => return None,
            }
        }
        _ if text.starts_with('•') => '•'.len_utf8(),
        _ => return None,
    };
    let after = &text[mark..];
    if !after.is_empty() && !after.starts_with([' ', '\t']) {
        return None;
    }
    let body = after.trim_start();
    let box_width = ["[ ] ", "[x] ", "[X] "].iter().find(|b| body.starts_with(**b)).map_or(0, |b| b.len());
    let rest = body[box_width..].trim_start();
    Some(text.len() - rest.len())
}

/// Returns the key of a `key: value` line, if it is one: a few words without the marks of a sentence.
pub fn key_of(text: &str) -> Option<&str> {
    let colon = text.find(": ")?;
    let key = text[..colon].trim_matches(['*', '_', '`', ' ']);
    let is_key = !key.is_empty()
        && colon <= KEY_LIMIT
        && !key.contains(['.', '!', '?', ',', ';', '"'])
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
    }
}
