//! Speech: the sentences of a saying that are its speaker's own words.
//!
//! People paste what others wrote: what stands between the marks of a fence or behind a `>` is not said by
//! who pasted it.

use std::ops::Range;

use super::clauses;

/// A longer line is no saying but a listing; it is read up to here.
const LINE_LIMIT: usize = 4_000;

/// What joins one sentence to another that stands without it. A `but` takes something back, and what follows
/// a dash or a bracket may say of what it holds.
const JOINTS: &[&str] = &[", and ", ", so "];
/// What goes on with the grounds of a sentence.
const GROUNDS: &[&str] = &[" because ", ", since "];

/// One line of speech, cut into sentences.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    /// Where each sentence stands in the line.
    pub(super) sentences: Vec<Range<usize>>,
}

impl<'a> Line<'a> {
    /// Reads the line of a saying that holds a place.
    pub(super) fn around(text: &'a str, at: usize) -> (usize, Self) {
        let from = text[..at].rfind('\n').map_or(0, |i| i + 1);
        let end = text[at..].find('\n').map_or(text.len(), |i| at + i);
        let (mut from, mut end) = (from.max(at.saturating_sub(LINE_LIMIT / 2)), end.min(at + LINE_LIMIT / 2));
        while !text.is_char_boundary(from) {
            from += 1;
        }
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let line = &text[from..end];
        let start = |part: &str| part.as_ptr() as usize - line.as_ptr() as usize;
        let sentences =
            clauses::split(line).into_iter().map(|part| start(part)..start(part) + part.len()).collect();
        (from, Self { text: line, sentences })
    }

    /// Returns the sentence that holds a place of the line.
    pub(super) fn sentence_at(&self, at: usize) -> Option<usize> {
        self.sentences.iter().position(|sentence| at < sentence.end)
    }

    /// Returns the stretches of so many sentences that one sentence is part of; of a single sentence also
    /// what stands in it by itself around a place.
    pub(super) fn stretches(&self, sentence: usize, count: usize, at: usize) -> Vec<Range<usize>> {
        let count = count.max(1);
        let starts = (sentence + 1).saturating_sub(count)..=sentence;
        let ends = |from: usize| self.sentences.get(from + count - 1).map(|last| last.end);
        let mut found: Vec<Range<usize>> =
            starts.filter_map(|from| Some(self.sentences[from].start..ends(from)?)).collect();
        if count == 1 {
            let whole = self.sentences[sentence].clone();
            let (from, end) = part_around(&self.text[whole.clone()], at.saturating_sub(whole.start));
            let (from, end) = (whole.start + from, whole.start + end);
            for part in [whole.start..end, from..end] {
                if !found.contains(&part) {
                    found.push(part);
                }
            }
        }
        found
    }
}

/// Returns where the part of a sentence that holds a place begins and ends.
fn part_around(sentence: &str, at: usize) -> (usize, usize) {
    let (head, tail) = sentence.split_at_checked(at).unwrap_or((sentence, ""));
    let from = JOINTS.iter().filter_map(|joint| head.rfind(joint).map(|i| i + joint.len())).max();
    let ends = JOINTS.iter().chain(GROUNDS).filter_map(|joint| tail.find(joint));
    (from.unwrap_or(0), ends.min().map_or(sentence.len(), |end| head.len() + end))
}

/// Returns the stretches of a text that somebody only pasted, in their order: fences and quoted lines.
pub(super) fn pasted(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut fence: Option<&str> = None;
    let mut at = 0;
    for raw in text.split_inclusive('\n') {
        let line = raw.trim();
        let mark = ["```", "~~~", "\"\"\""].into_iter().find(|mark| line.starts_with(mark));
        let is_pasted = fence.is_some() || mark.is_some() || line.starts_with('>');
        match (fence, mark) {
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, Some(mark)) if !line[mark.len()..].contains(mark) => fence = Some(mark),
            _ => {}
        }
        let end = at + raw.len();
        match found.last_mut().filter(|last| last.end == at) {
            Some(last) if is_pasted => last.end = end,
            _ if is_pasted => found.push(at..end),
            _ => {}
        }
        at = end;
    }
    found
}

/// Says whether a place of a line stands between quotation marks.
pub(super) fn is_quoted(line: &str, at: usize) -> bool {
    let head = line.get(..at).unwrap_or_default();
    let opens = |open: char, close: char| head.rfind(open) > head.rfind(close);
    head.matches('"').count() % 2 == 1 || opens('“', '”') && opens('“', '"') || opens('«', '»')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_ends_where_it_can_stand_alone() {
        let text = "Sorry for that. I looked, and the limit is 60 because we grew. Bye";
        let (_, line) = Line::around(text, 40);
        assert_eq!(line.sentence_at(40), Some(1));
        let shown: Vec<&str> = line.stretches(1, 1, 40).into_iter().map(|part| &text[part]).collect();
        assert_eq!(
            shown,
            [
                "I looked, and the limit is 60 because we grew.",
                "I looked, and the limit is 60",
                "the limit is 60"
            ]
        );
        assert_eq!(line.stretches(1, 2, 40).len(), 2);
    }

    #[test]
    fn fences_and_quotations_are_not_said() {
        let text = "Look:\n```\nin it\n```\n> said once\nafter";
        let pasted = pasted(text);
        let is_pasted = |word: &str| pasted.iter().any(|range| range.contains(&text.find(word).unwrap()));
        assert!(is_pasted("in it") && is_pasted("said once"));
        assert!(!is_pasted("Look") && !is_pasted("after"));
        let line = "He said \"it is so\" and “this too” and left";
        assert!(is_quoted(line, line.find("it is").unwrap()) && is_quoted(line, line.find("this").unwrap()));
        assert!(!is_quoted(line, line.find("left").unwrap()) && !is_quoted(line, 0));
    }
}
