//! Sentences: where one ends and the next begins.

use std::ops::Range;

/// Words that end in a full stop inside a sentence.
const ABBREVIATIONS: [&str; 30] = [
    "e.g.", "i.e.", "etc.", "vs.", "cf.", "approx.", "no.", "nr.", "fig.", "sec.", "mr.", "mrs.", "ms.",
    "dr.", "prof.", "st.", "inc.", "ltd.", "co.", "corp.", "jan.", "feb.", "aug.", "sept.", "oct.", "nov.",
    "dec.", "dept.", "est.", "resp.",
];

/// Splits a paragraph into sentences, as ranges without the space between them.
///
/// A sentence ends at `.`, `!` or `?` (and closing quotes or brackets) when space and something
/// that can begin a sentence follow, outside of code spans; in doubt it goes on.
pub(super) fn split(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut sentences = Vec::new();
    let mut start = 0;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'`' => at = code_span_end(text, at),
            b'.' | b'!' | b'?' => {
                let end = after_closers(text, at + 1);
                let next = end + text[end..].len() - text[end..].trim_start().len();
                if next > end && next < bytes.len() && begins(&text[next..]) && !is_inner(&text[start..=at]) {
                    sentences.push(start..end);
                    start = next;
                }
                at = next.max(at + 1);
            }
            0xE3 | 0xEF if text[at..].starts_with(['。', '！', '？']) => {
                let end = after_closers(text, at + 3);
                sentences.push(start..end);
                at = end + text[end..].len() - text[end..].trim_start().len();
                start = at;
            }
            _ => at += 1,
        }
    }
    if start < bytes.len() {
        sentences.push(start..text.trim_end().len().max(start));
    }
    sentences.retain(|range| !range.is_empty());
    sentences
}

/// Returns where a code span that opens at `at` has ended; just after the marks if it never does.
fn code_span_end(text: &str, at: usize) -> usize {
    let width = text[at..].bytes().take_while(|&b| b == b'`').count();
    let after = at + width;
    // A span that runs on for longer than this is a stray mark; looking further would make many
    // stray marks quadratic.
    const SPAN_LIMIT: usize = 400;
    let mut i = after;
    while i < text.len().min(after + SPAN_LIMIT) {
        let run = text.as_bytes()[i..].iter().take_while(|&&b| b == b'`').count();
        if run == width {
            return i + run;
        }
        i += run.max(1);
    }
    after
}

fn after_closers(text: &str, from: usize) -> usize {
    let rest = &text[from..];
    from + rest.len()
        - rest.trim_start_matches(['.', '!', '?', '"', '\'', ')', ']', '*', '_', '”', '’', '»', '`']).len()
}

/// Says whether a text can be the beginning of a sentence.
fn begins(text: &str) -> bool {
    text.starts_with(|c: char| !c.is_lowercase() && !matches!(c, ',' | ';' | ':' | ')' | '-' | '–' | '='))
}

/// Says whether the full stop that ends this text belongs to an abbreviation, an initial or a number.
fn is_inner(text: &str) -> bool {
    if !text.ends_with('.') {
        return false;
    }
    let from = text.rfind(char::is_whitespace).map_or(0, |i| i + 1);
    let word = text[from..].trim_start_matches(['(', '[', '"', '\'', '*', '_']);
    let stem = &word[..word.len() - 1];
    let initial = stem.chars().count() == 1 && stem.chars().all(char::is_uppercase) && stem != "I";
    let numbering = from == 0 && !stem.is_empty() && stem.bytes().all(|b| b.is_ascii_digit());
    initial || numbering || ABBREVIATIONS.iter().any(|a| word.eq_ignore_ascii_case(a))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentences(text: &str) -> Vec<&str> {
        split(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn a_sentence_ends_where_another_can_begin() {
        assert_eq!(
            sentences("Use tabs. Never spaces!  \"Why?\" Because."),
            ["Use tabs.", "Never spaces!", "\"Why?\"", "Because."]
        );
        assert_eq!(sentences("部署在周五。不要推送。"), ["部署在周五。", "不要推送。"]);
    }

    #[test]
    fn abbreviations_versions_and_code_do_not_end_a_sentence() {
        for whole in
            ["Use e.g. Rust.", "Ask J. Doe.", "Needs v1.2. or later", "Run `a. B` now", "See no. 5 in it."]
        {
            assert_eq!(sentences(whole), [whole]);
        }
    }

    #[test]
    fn stray_marks_cost_no_more_than_their_length() {
        let text = "` a. B ".repeat(20_000);
        assert!(split(&text).len() > 1);
    }
}
