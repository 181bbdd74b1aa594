//! From a byte of a template to a byte of the YAML file it was written in.

use std::ops::Range;

use crate::spec::pipeline::TemplatePlace;
use crate::spec::source::SourceFile;
use crate::spec::yaml::{Content, Found, Style};

/// Returns where a template stands. Its lines are told apart in literal blocks and in plain or quoted
/// text that is written as it reads.
pub fn place_of(found: &Found<'_>, source: &str, file: &SourceFile) -> TemplatePlace {
    let span = found.node.span.clone();
    let lines = match &found.node.value {
        Content::Text(_, Style::Literal) => literal_lines(source, &span, file.text()),
        Content::Text(_, Style::Plain | Style::Quoted) => {
            file.slice(&span).find(source).map(|at| vec![span.start + at]).filter(|_| !source.contains('\n'))
        }
        _ => None,
    };
    TemplatePlace { place: file.place(found.value_span()), lines: lines.unwrap_or_default() }
}

/// Every line of a literal block has the same indent, which is found from its first line with text.
fn literal_lines(source: &str, span: &Range<usize>, text: &str) -> Option<Vec<usize>> {
    let line_start = text[..span.start].rfind('\n').map_or(0, |i| i + 1);
    // The span begins at the `|`, or at the text itself; leading blank lines may belong to either.
    let header_end = span.start + text[span.start..].find('\n')? + 1;
    let is_text = text[line_start..span.start].trim().is_empty();
    let starts = if is_text { [line_start, header_end] } else { [header_end, line_start] };
    starts.into_iter().find_map(|start| lines_from(source, start, text))
}

fn lines_from(source: &str, start: usize, text: &str) -> Option<Vec<usize>> {
    let mut at = start;
    let first = source.lines().position(|line| !line.is_empty())?;
    let mut lines = Vec::new();
    let mut indent = None;
    for (i, line) in source.lines().enumerate() {
        let rest = text.get(at..)?;
        let written = rest.split('\n').next()?.trim_end_matches('\r');
        if i == first {
            indent = Some(written.len().checked_sub(line.len())?);
        }
        let start = at + indent.unwrap_or(0).min(written.len());
        if !line.is_empty() && !text[start..].starts_with(line) {
            return None;
        }
        lines.push(start);
        at += rest.find('\n').map_or(rest.len(), |i| i + 1);
    }
    Some(lines)
}

/// Returns the bytes of the file for bytes of a template, if its lines are known.
pub(super) fn in_file(place: &TemplatePlace, source: &str, span: &Range<usize>) -> Option<Range<usize>> {
    let before = source.get(..span.start)?;
    let line = before.matches('\n').count();
    let column = before.rfind('\n').map_or(span.start, |i| span.start - i - 1);
    let start = place.lines.get(line)? + column;
    // A span over several lines is cut at the first: what lies between them is not the template's.
    let length = source.get(span.clone())?.split('\n').next().map_or(0, str::len);
    Some(start..start + length)
}
