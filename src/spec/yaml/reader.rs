//! Events into a tree: one pass, an explicit stack, every limit checked before memory is taken.

use std::collections::BTreeMap;
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::Value;

use super::{ALIAS_BYTES_LIMIT, ALIAS_NODES_LIMIT, Content, DEPTH_LIMIT, Entry, Node, Style, scalar};
use crate::spec::codes::Code;
use crate::spec::problem::{Problem, Related};
use crate::spec::source::{FILE_BYTES_LIMIT, SourceFile};

/// Reads a file's one document, whose top level must be a mapping.
///
/// # Errors
///
/// Returns the first problem that makes the rest of the file unsure, and every duplicate key up to
/// there.
pub fn read(file: &SourceFile) -> Result<Node, Vec<Problem>> {
    match document(file, FILE_BYTES_LIMIT)? {
        Some(node) if matches!(node.value, Content::Mapping(_)) => Ok(node),
        other => Err(vec![no_mapping(file, other).help("begin with `dreamrun: 1`")]),
    }
}

/// Reads a file's one document, of up to `limit` bytes, whose top level is a mapping or the list that one of its
/// keys would hold.
///
/// # Errors
///
/// As [`read`].
pub fn read_list_of(key: &str, file: &SourceFile, limit: usize) -> Result<Node, Vec<Problem>> {
    match document(file, limit)? {
        Some(node) if matches!(node.value, Content::Mapping(_)) => Ok(node),
        Some(list) if matches!(list.value, Content::List(_)) => {
            let span = list.span.clone();
            let entry =
                Entry { key: key.to_owned(), key_span: first_line(file.text(), span.clone()), value: list };
            Ok(Node { value: Content::Mapping(vec![entry]), span })
        }
        other => Err(vec![no_mapping(file, other).help(format!("begin with `{key}:`"))]),
    }
}

fn no_mapping(file: &SourceFile, found: Option<Node>) -> Problem {
    let label = "expected a mapping of keys at the top level";
    match found.filter(|node| node.value != Content::Scalar(Value::Null)) {
        Some(node) => Problem::new(Code::EmptyFile, file, first_line(file.text(), node.span), label),
        None => Problem::of_file(Code::EmptyFile, file.path(), "the file is empty"),
    }
}

/// Reads a file's one document, whatever it is; nothing of an empty file.
fn document(file: &SourceFile, limit: usize) -> Result<Option<Node>, Vec<Problem>> {
    let text = file.text();
    if text.len() > limit {
        let label = format!("the file has {} bytes, the limit is {limit}", text.len());
        return Err(vec![Problem::of_file(Code::FileTooLarge, file.path(), label)]);
    }
    if let Some(problem) = forbidden_character(file) {
        return Err(vec![problem]);
    }
    let mut reader = Reader::new(file);
    let outcome = reader.run();
    match (outcome, reader.problems.is_empty(), reader.document.take()) {
        (Ok(()), true, node) => Ok(node),
        (Ok(()), false, _) => Err(reader.problems),
        (Err(problem), ..) => {
            reader.problems.push(*problem);
            Err(reader.problems)
        }
    }
}

/// Finds the first character that YAML does not allow, or that its versions read differently.
fn forbidden_character(file: &SourceFile) -> Option<Problem> {
    // YAML 1.1 ends a line, and with it a comment, at these; YAML 1.2 (§5.4) takes them for text.
    let is_line_end_to_some = |c| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}');
    let is_forbidden = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    let (at, found) = file.text().char_indices().find(|&(_, c)| is_forbidden(c) || is_line_end_to_some(c))?;
    let code = u32::from(found);
    let (label, help) = if is_line_end_to_some(found) {
        let escape = match found {
            '\u{85}' => r"\N",
            '\u{2028}' => r"\L",
            _ => r"\P",
        };
        (
            format!("the character U+{code:04X} ends a line for some readers of YAML and not for others"),
            format!("end the line as usual, or write it in double quotes as `{escape}`"),
        )
    } else {
        (
            format!("the character U+{code:04X} may not stand in YAML"),
            format!("remove it; in double quotes it can be written as `\\x{code:02X}`"),
        )
    };
    Some(Problem::new(Code::ControlCharacter, file, at..at + found.len_utf8(), label).help(help))
}

fn first_line(text: &str, span: Range<usize>) -> Range<usize> {
    let end = text[span.clone()].find('\n').map_or(span.end, |i| span.start + i);
    span.start..end.max(span.start)
}

/// A container that is being filled.
struct Frame {
    anchor: usize,
    start: usize,
    height: usize,
    is_flow: bool,
    kind: Kind,
}

enum Kind {
    List(Vec<Node>),
    Mapping { entries: Vec<Entry>, seen: BTreeMap<String, usize>, key: Option<(String, Range<usize>)> },
}

/// A finished anchored node, kept for its aliases.
struct Anchored {
    node: Node,
    height: usize,
    nodes: usize,
    bytes: usize,
}

struct Reader<'a> {
    file: &'a SourceFile,
    /// Bytes by character, if the text is not ASCII: the parser counts characters.
    bytes: Option<Vec<u32>>,
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, Anchored>,
    copied_nodes: usize,
    copied_bytes: usize,
    document: Option<Node>,
    problems: Vec<Problem>,
}

type Outcome<T> = Result<T, Box<Problem>>;

impl<'a> Reader<'a> {
    fn new(file: &'a SourceFile) -> Self {
        let text = file.text();
        let bytes = (!text.is_ascii()).then(|| {
            let starts = text.char_indices().map(|(at, _)| at as u32);
            starts.chain([text.len() as u32]).collect()
        });
        Self {
            file,
            bytes,
            frames: Vec::new(),
            anchors: BTreeMap::new(),
            copied_nodes: 0,
            copied_bytes: 0,
            document: None,
            problems: Vec::new(),
        }
    }

    fn run(&mut self) -> Outcome<()> {
        let mut parser = Parser::new_from_str(self.file.text());
        while let Some(item) = parser.next_event() {
            let (event, span) = item.map_err(|error| self.syntax(error.marker().index(), error.info()))?;
            let span = self.bytes_of(span);
            match event {
                Event::DocumentStart(_) if self.document.is_some() => {
                    let problem = self.problem(Code::ManyDocuments, span, "a second document begins here");
                    return Err(problem_help(problem, "move it to a file of its own"));
                }
                Event::SequenceStart(anchor, tag) => {
                    self.check_collection_tag(tag.as_deref(), "seq", &span)?;
                    self.open(anchor, &span, Kind::List(Vec::new()))?;
                }
                Event::MappingStart(anchor, tag) => {
                    self.check_collection_tag(tag.as_deref(), "map", &span)?;
                    let kind = Kind::Mapping { entries: Vec::new(), seen: BTreeMap::new(), key: None };
                    self.open(anchor, &span, kind)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(&span)?,
                Event::Scalar(text, style, anchor, tag) => {
                    self.scalar(&text, style, anchor, tag.as_deref(), span)?;
                }
                Event::Alias(id) => self.alias(id, span)?,
                Event::Nothing
                | Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(_)
                | Event::DocumentEnd => {}
            }
        }
        Ok(())
    }

    fn bytes_of(&self, span: Span) -> Range<usize> {
        let start = self.byte(span.start.index());
        start..self.byte(span.end.index()).max(start)
    }

    fn byte(&self, character: usize) -> usize {
        let end = self.file.text().len();
        match &self.bytes {
            None => character.min(end),
            Some(bytes) => bytes.get(character).map_or(end, |&at| at as usize),
        }
    }

    fn problem(&self, code: Code, span: Range<usize>, label: impl Into<String>) -> Box<Problem> {
        Box::new(Problem::new(code, self.file, span, label))
    }

    /// Explains why the parser stopped; a tab in the indentation is the usual reason and has its own words.
    fn syntax(&self, character: usize, info: &str) -> Box<Problem> {
        let text = self.file.text();
        let at = self.byte(character);
        let mut line_start = text[..at].rfind('\n').map_or(0, |i| i + 1);
        // The parser may notice a tab only at the end of its line.
        for _ in 0..2 {
            let indent = text[line_start..].bytes().take_while(|b| matches!(b, b' ' | b'\t')).count();
            if let Some(tab) = text[line_start..line_start + indent].find('\t') {
                let at = line_start + tab;
                let problem = self.problem(Code::Tab, at..at + 1, "this is a tab");
                return problem_help(problem, "indent with spaces");
            }
            line_start = text[..line_start.saturating_sub(1)].rfind('\n').map_or(0, |i| i + 1);
        }
        // The parser scans ahead of its events and has a depth limit of its own.
        if info.contains("recursion limit") {
            let label = format!("this nests deeper than the limit of {DEPTH_LIMIT} levels");
            return self.problem(Code::TooDeep, at..(at + 1).min(text.len()), label);
        }
        // Point at a character and not behind the end of the file.
        let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
        self.problem(Code::YamlSyntax, at..end, info)
    }

    fn open(&mut self, anchor: usize, span: &Range<usize>, kind: Kind) -> Outcome<()> {
        if self.is_key_expected() {
            return Err(self.key_not_text(span.clone()));
        }
        if self.frames.len() == DEPTH_LIMIT {
            let label = format!("this is level {}, the limit is {DEPTH_LIMIT}", DEPTH_LIMIT + 1);
            return Err(self.problem(Code::TooDeep, span.start..span.start + 1, label));
        }
        // The start event of a collection spans its anchor and tag, or its bracket, if any.
        let is_flow = self.file.slice(span).ends_with(['[', '{']);
        self.frames.push(Frame { anchor, start: span.start, height: 1, is_flow, kind });
        Ok(())
    }

    fn close(&mut self, span: &Range<usize>) -> Outcome<()> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let (value, last) = match frame.kind {
            Kind::List(items) => {
                let last = items.last().map(|item| item.span.end);
                (Content::List(items), last)
            }
            Kind::Mapping { entries, .. } => {
                let last = entries.last().map(|entry| entry.value.span.end.max(entry.key_span.end));
                (Content::Mapping(entries), last)
            }
        };
        // The end event of a block collection is the next token, wherever that is.
        let end = if frame.is_flow { span.end } else { last.unwrap_or(frame.start) };
        let node = Node { value, span: frame.start..end.max(frame.start) };
        self.finish(node, frame.anchor, frame.height)
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        span: Range<usize>,
    ) -> Outcome<()> {
        let span = trim_end(self.file.text(), span, style);
        if self.is_key_expected() {
            return self.mapping_key(text, style, tag, span);
        }
        let style_of_text = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let as_text = || Content::Text(text.to_owned(), style_of_text);
        let resolved = || {
            scalar::resolve(text).map_err(|refused| {
                let problem = self.problem(refused.code, span.clone(), refused.label);
                problem_help(problem, refused.help)
            })
        };
        let value = match tag.map(|tag| (tag.is_yaml_core_schema(), tag.suffix.as_str())) {
            None if style == ScalarStyle::Plain => resolved()?.map_or_else(as_text, Content::Scalar),
            None | Some((true, "str")) => as_text(),
            Some((true, wanted @ ("int" | "float" | "bool" | "null"))) => {
                let fits = |value: &Value| match wanted {
                    "int" => value.is_i64() || value.is_u64(),
                    "float" => value.is_number(),
                    "bool" => value.is_boolean(),
                    _ => value.is_null(),
                };
                match resolved()? {
                    Some(value) if fits(&value) => Content::Scalar(value),
                    _ => {
                        return Err(self.problem(
                            Code::Tag,
                            span,
                            format!("the value does not fit its tag `!!{wanted}`"),
                        ));
                    }
                }
            }
            Some(_) => return Err(self.bad_tag(span)),
        };
        self.finish(Node { value, span }, anchor, 0)
    }

    fn is_key_expected(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { kind: Kind::Mapping { key: None, .. }, .. }))
    }

    fn mapping_key(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Range<usize>,
    ) -> Outcome<()> {
        if tag.is_some_and(|tag| !(tag.is_yaml_core_schema() && tag.suffix == "str")) {
            return Err(self.bad_tag(span));
        }
        if style == ScalarStyle::Plain && tag.is_none() {
            if text == "<<" {
                let problem = self.problem(Code::MergeKey, span, "merge keys are not supported");
                return Err(problem_help(
                    problem,
                    "write the keys out; an alias (`key: *name`) may stand for one whole value",
                ));
            }
            if !matches!(scalar::resolve(text), Ok(None)) {
                return Err(self.key_not_text(span));
            }
        }
        let Some(Frame { kind: Kind::Mapping { seen, key, .. }, .. }) = self.frames.last_mut() else {
            return Ok(());
        };
        let first = seen.insert(text.to_owned(), span.start);
        *key = Some((text.to_owned(), span.clone()));
        if let Some(first) = first {
            let mut problem =
                self.problem(Code::DuplicateKey, span, format!("`{text}` is set a second time here"));
            let place = self.file.place(first..first + text.len());
            problem.help.push(format!("keep one of the two; the first is on line {}", place.line));
            problem.related = Some(Related { place, label: "first set here".to_owned() });
            self.problems.push(*problem);
            if self.problems.len() >= crate::spec::problem::PROBLEMS_LIMIT {
                let end = self.file.text().len();
                return Err(self.problem(Code::MoreProblems, end..end, "only the first problems are shown"));
            }
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, span: Range<usize>) -> Outcome<()> {
        if self.is_key_expected() {
            return Err(self.key_not_text(span));
        }
        let Some(anchored) = self.anchors.get(&id) else {
            let problem =
                self.problem(Code::UnknownAnchor, span, "the anchor's own value is not finished here");
            return Err(problem_help(problem, "a value cannot contain itself"));
        };
        let (nodes, bytes, height) = (anchored.nodes, anchored.bytes, anchored.height);
        if self.frames.len() + height > DEPTH_LIMIT {
            let label = format!("with what it stands for, this nests more than {DEPTH_LIMIT} levels deep");
            return Err(self.problem(Code::TooDeep, span, label));
        }
        self.charge(nodes, bytes, &span)?;
        let mut node = self.anchors[&id].node.clone();
        place_at(&mut node, &span);
        self.finish(node, 0, height)
    }

    /// Takes a copy out of the budget, before it is made.
    fn charge(&mut self, nodes: usize, bytes: usize, span: &Range<usize>) -> Outcome<()> {
        self.copied_nodes += nodes;
        self.copied_bytes += bytes;
        if self.copied_nodes > ALIAS_NODES_LIMIT || self.copied_bytes > ALIAS_BYTES_LIMIT {
            let problem = self.problem(
                Code::AliasBudget,
                span.clone(),
                "aliases up to here copy more than 10,000 values or 1 MB",
            );
            return Err(problem_help(problem, "write the values out, or remove the aliases"));
        }
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize, height: usize) -> Outcome<()> {
        if anchor > 0 {
            let (nodes, bytes) = weigh(&node);
            self.charge(nodes, bytes, &node.span)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), height, nodes, bytes });
        }
        let Some(frame) = self.frames.last_mut() else {
            self.document = Some(node);
            return Ok(());
        };
        frame.height = frame.height.max(height + 1);
        match &mut frame.kind {
            Kind::List(items) => items.push(node),
            Kind::Mapping { entries, key, .. } => {
                if let Some((key, key_span)) = key.take() {
                    entries.push(Entry { key, key_span, value: node });
                }
            }
        }
        Ok(())
    }

    fn check_collection_tag(&self, tag: Option<&Tag>, suffix: &str, span: &Range<usize>) -> Outcome<()> {
        match tag {
            Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == suffix) => {
                Err(self.bad_tag(span.clone()))
            }
            _ => Ok(()),
        }
    }

    fn bad_tag(&self, span: Range<usize>) -> Box<Problem> {
        let problem = self.problem(Code::Tag, span, "this tag has no meaning here");
        problem_help(problem, "remove the tag; quotes make a value text")
    }

    fn key_not_text(&self, span: Range<usize>) -> Box<Problem> {
        let problem =
            self.problem(Code::KeyNotText, first_line(self.file.text(), span), "a key must be text");
        problem_help(problem, "quote the key")
    }
}

fn problem_help(mut problem: Box<Problem>, help: &str) -> Box<Problem> {
    problem.help.push(help.to_owned());
    problem
}

/// Counts the values and the bytes of text that a copy of a node takes.
fn weigh(node: &Node) -> (usize, usize) {
    let sum = |weights: (usize, usize), (nodes, bytes)| (weights.0 + nodes, weights.1 + bytes);
    match &node.value {
        Content::Scalar(_) => (1, 0),
        Content::Text(text, _) => (1, text.len()),
        Content::List(items) => items.iter().map(weigh).fold((1, 0), sum),
        Content::Mapping(entries) => entries
            .iter()
            .map(|entry| {
                let (nodes, bytes) = weigh(&entry.value);
                (nodes, bytes + entry.key.len())
            })
            .fold((1, 0), sum),
    }
}

/// Gives a copied node the place of its alias, so that errors point at text the reader can change.
fn place_at(node: &mut Node, span: &Range<usize>) {
    node.span = span.clone();
    match &mut node.value {
        Content::Scalar(_) => {}
        Content::Text(_, style) => *style = Style::Alias,
        Content::List(items) => items.iter_mut().for_each(|item| place_at(item, span)),
        Content::Mapping(entries) => {
            for entry in entries {
                entry.key_span = span.clone();
                place_at(&mut entry.value, span);
            }
        }
    }
}

/// A block scalar's span runs to the next line; a plain one's may take in blanks behind it.
fn trim_end(text: &str, span: Range<usize>, style: ScalarStyle) -> Range<usize> {
    if matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) {
        return span;
    }
    // Unicode has more blanks; to YAML they are text.
    span.start..span.start + text[span.clone()].trim_end_matches([' ', '\t', '\n', '\r']).len()
}
