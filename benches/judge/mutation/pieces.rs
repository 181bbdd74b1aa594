//! Pieces: the lines and sentences of a store that an edit may touch.
//!
//! A reader of Markdown that shares no code with the product's: it reads the plain cases and leaves
//! out what it is not sure of (fences, front matter, quotes, markup), so that every edit is what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// Texts by path.
pub(crate) type Files = BTreeMap<String, String>;

/// How a piece is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A list item, with the lines that go on with it.
    Item,
    /// A row of a table, without its head.
    Row,
    /// A sentence of a paragraph.
    Sentence,
}

/// One line or sentence.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    /// Its memory.
    pub(crate) path: String,
    /// How it is written.
    pub(crate) form: Form,
    /// Its text, without marker or bars around it.
    pub(crate) span: Range<usize>,
    /// What to cut to take it out.
    pub(crate) cut: Range<usize>,
    /// Columns before it.
    pub(crate) indent: usize,
    /// The heading above it, as written.
    pub(crate) heading: String,
    /// Whether something hangs below it.
    pub(crate) leads: bool,
    /// Whether it stands in a numbered list, whose order means something.
    pub(crate) numbered: bool,
}

impl Piece {
    /// Returns its text.
    pub(crate) fn text<'a>(&self, files: &'a Files) -> &'a str {
        files.get(&self.path).map_or("", |text| &text[self.span.clone()])
    }
}

static MARKER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[ \t]*([-*+]|\d+[.)])[ \t]+(\[[ xX]\][ \t]+)?").unwrap());
static END: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"[.!?][)"*_]*[ \n]+"#).unwrap());
static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[\p{L}\p{N}][\p{L}\p{N}_'-]*").unwrap());

/// Words that carry no information of their own.
const EMPTY: &str = " a an and are as at be been but by can could did do does for from had has have he her his how if in \
    into is it its may more most must no not of on only or our out she should so some such than that the their them \
    then there these they this those to too up us use used uses using was we were what when where which while who will \
    with would you your also any all each every via per just like one see ";

/// Returns the words that carry information, in lower case.
pub(crate) fn content_words(text: &str) -> BTreeSet<String> {
    WORD.find_iter(text)
        .map(|word| word.as_str().to_lowercase())
        .filter(|word| !EMPTY.contains(&format!(" {word} ")))
        .filter(|word| word.chars().count() > 2 || word.chars().any(char::is_numeric))
        .collect()
}

/// Reads all pieces of a store, by path and place.
pub(crate) fn pieces(files: &Files) -> Vec<Piece> {
    files.iter().flat_map(|(path, text)| read(path, text)).collect()
}

/// Says whether the store says nearly the same as a piece in another place, so that to touch the piece
/// may take nothing away.
pub(crate) fn is_said_twice(files: &Files, all: &[Piece], piece: &Piece) -> bool {
    let own = content_words(piece.text(files));
    let elsewhere = all.iter().any(|other| {
        let is_other = other.path != piece.path || other.span.start != piece.span.start;
        is_other && {
            let words = content_words(other.text(files));
            own.intersection(&words).count() * 3 >= own.len() * 2
        }
    });
    elsewhere || {
        // Headings and what is no piece count as well.
        let rest = |(path, text): (&String, &String)| {
            text.lines().any(|line| {
                let words = content_words(line);
                let inside = *path == piece.path && text[piece.cut.clone()].contains(line);
                !inside && own.intersection(&words).count() * 3 >= own.len() * 2
            })
        };
        files.iter().any(rest)
    }
}

fn read(path: &str, text: &str) -> Vec<Piece> {
    let mut lines: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        lines.push(start..start + line.len());
        start += line.len();
    }
    let raw = |at: usize| lines.get(at).map_or("", |span| text[span.clone()].trim_end());
    let mut at = 0;
    if raw(0) == "---" {
        at = (1..lines.len()).find(|&line| raw(line) == "---").map_or(0, |end| end + 1);
    }
    let mut out: Vec<Piece> = Vec::new();
    let mut heading = String::new();
    while at < lines.len() {
        let line = raw(at);
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        if let Some(fence) = ["```", "~~~"].into_iter().find(|fence| bare.starts_with(fence)) {
            at = (at + 1..lines.len())
                .find(|&end| raw(end).trim_start().starts_with(fence))
                .map_or(lines.len(), |end| end + 1);
            continue;
        }
        if bare.starts_with('#') {
            heading = bare.to_owned();
        }
        if let Some(marker) = MARKER.find(line) {
            let last =
                (at + 1..lines.len()).take_while(|&next| goes_on(raw(next), indent)).last().unwrap_or(at);
            let span = lines[at].start + marker.end()..lines[last].start + raw(last).len();
            let below = (last + 1..lines.len()).find(|&next| !raw(next).is_empty());
            let leads = text[span.clone()].ends_with(':')
                || below.is_some_and(|next| raw(next).len() - raw(next).trim_start().len() > indent);
            if !span.is_empty() {
                out.push(Piece {
                    path: path.to_owned(),
                    form: Form::Item,
                    span,
                    cut: lines[at].start..lines[last].end,
                    indent,
                    heading: heading.clone(),
                    leads,
                    numbered: marker.as_str().trim_start().starts_with(|c: char| c.is_ascii_digit()),
                });
            }
            at = last + 1;
        } else if bare.starts_with('|') {
            let is_rule = |line: &str| line.contains('-') && line.chars().all(|c| "|-: ".contains(c));
            let is_head = at + 1 < lines.len() && is_rule(raw(at + 1).trim());
            if !is_head && !is_rule(bare) && bare.ends_with('|') && bare.len() > 4 {
                let start = lines[at].start + indent + 1;
                out.push(Piece {
                    path: path.to_owned(),
                    form: Form::Row,
                    span: start..lines[at].start + line.len() - 1,
                    cut: lines[at].clone(),
                    indent,
                    heading: heading.clone(),
                    leads: false,
                    numbered: false,
                });
            }
            at += 1;
        } else if !bare.is_empty()
            && indent == 0
            && !bare.starts_with(['#', '>', '<', '!', '?', '[', '=', '{', ':'])
        {
            let last = (at..lines.len()).take_while(|&next| goes_on(raw(next), 0)).last().unwrap_or(at);
            let span = lines[at].start..lines[last].start + raw(last).len();
            let below = (last + 1..lines.len()).find(|&next| !raw(next).is_empty());
            let next_is_list = below.is_some_and(|next| MARKER.is_match(raw(next)));
            sentences(path, text, span, &heading, next_is_list, &mut out);
            at = last + 1;
        } else {
            at += 1;
        }
    }
    out
}

/// Says whether a line goes on with the item or paragraph above it.
fn goes_on(line: &str, indent: usize) -> bool {
    let bare = line.trim_start();
    !bare.is_empty()
        && line.len() - bare.len() >= indent
        && !MARKER.is_match(line)
        && !bare.starts_with(['#', '>', '<', '|', '!', '?', '=', '{', ':'])
        && !["```", "~~~", "---"].iter().any(|fence| bare.starts_with(fence))
}

fn sentences(
    path: &str,
    text: &str,
    span: Range<usize>,
    heading: &str,
    next_is_list: bool,
    out: &mut Vec<Piece>,
) {
    let body = &text[span.clone()];
    let mut starts = vec![0];
    for end in END.find_iter(body) {
        let before = &body[..end.start() + 1];
        let after = &body[end.end()..];
        let is_short = ["e.g.", "i.e.", "etc.", "vs.", "cf.", "Dr.", "Mr.", "Ms.", "St.", "No."]
            .iter()
            .any(|s| before.ends_with(s));
        if !is_short
            && after.starts_with(|c: char| c.is_uppercase())
            && body[..end.start()].matches('`').count().is_multiple_of(2)
        {
            starts.push(end.end());
        }
    }
    for (at, &start) in starts.iter().enumerate() {
        let cut_end = starts.get(at + 1).copied().unwrap_or(body.len());
        let end = start + body[start..cut_end].trim_end().len();
        let leads =
            body[start..end].ends_with(':') || (cut_end == body.len() && next_is_list && body.ends_with(':'));
        out.push(Piece {
            path: path.to_owned(),
            form: Form::Sentence,
            span: span.start + start..span.start + end,
            cut: span.start + start..span.start + cut_end,
            indent: 0,
            heading: heading.to_owned(),
            leads,
            numbered: false,
        });
    }
}

/// Returns the parts of a text that are prose: not code, not an address, not the target of a link.
pub(crate) fn prose(text: &str) -> Vec<Range<usize>> {
    static OTHER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"`+[^`]*`+|\]\([^)]*\)|\w+://\S+|\[\[[^\]]*\]\]|\{[^}]*\}|<[^>]*>").unwrap()
    });
    let mut out = Vec::new();
    let mut from = 0;
    for other in OTHER.find_iter(text) {
        out.push(from..other.start());
        from = other.end();
    }
    out.push(from..text.len());
    out.retain(|range| !range.is_empty());
    out
}

/// Returns the spans of code, without their ticks.
pub(crate) fn code_spans(text: &str) -> Vec<Range<usize>> {
    static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"`([^`\n]+)`").unwrap());
    CODE.captures_iter(text).filter_map(|found| found.get(1)).map(|code| code.range()).collect()
}
