//! Sentences: where one ends and the next begins.

use std::ops::Range;

use super::lexicon;

/// Splits a paragraph into sentences, as ranges without the space between them.
///
/// A sentence ends at `.`, `!` or `?` (and closing quotes or brackets) when space and something
/// that can begin a sentence follow, outside of code spans; in doubt it goes on.
pub(crate) fn split(text: &str) -> Vec<Range<usize>> {
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
                if next > end
                    && next < bytes.len()
                    && begins(&text[next..])
                    && !is_inner(&text[start..=at], &text[next..])
                {
                    sentences.push(start..end);
                    start = next;
                }
                at = next.max(at + 1);
            }
            0xc0.. if let Some(stop) = text[at..].chars().next() => {
                at += stop.len_utf8();
                if !is_stop(stop) {
                    continue;
                }
                let end = after_closers(text, at);
                let next = end + text[end..].len() - text[end..].trim_start().len();
                // What is quoted may stand inside a sentence that goes on, and dots may only hesitate.
                let goes_on = end == next && (stop == '…' || text[at..end].contains(['」', '』', '”', '》']))
                    || stop == '…' && next < bytes.len() && !begins(&text[next..]);
                if !goes_on {
                    sentences.push(start..end);
                    start = next;
                }
                at = next.max(end);
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
        - rest
            .trim_start_matches([
                '.', '!', '?', '"', '\'', ')', ']', '*', '_', '”', '’', '»', '`', '…', '。', '！', '？',
                '」', '』', '）', '》', '】', '؟', '۔', '।',
            ])
            .len()
}

/// Says whether a character ends a sentence in its script, whatever follows.
fn is_stop(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '｡' | '．' | '؟' | '۔' | '।' | '॥' | '։' | '።' | '។' | '။' | '…')
}

/// Says whether a text can be the beginning of a sentence.
fn begins(text: &str) -> bool {
    text.starts_with(|c: char| !c.is_lowercase() && !matches!(c, ',' | ';' | ':' | ')' | '-' | '–' | '='))
}

/// Says whether the full stop that ends this text, before what comes after, belongs to an abbreviation, an initial or a number.
fn is_inner(text: &str, after: &str) -> bool {
    if !text.ends_with('.') {
        return false;
    }
    let from = text.rfind(char::is_whitespace).map_or(0, |i| i + 1);
    let word = text[from..].trim_start_matches(['(', '[', '"', '\'', '*', '_']);
    let stem = &word[..word.len() - 1];
    let mut letters = stem.chars();
    let initial = matches!((letters.next(), letters.next()), (Some(c), None) if c.is_uppercase() && c != 'I');
    // `U.S.`, `a.m.`
    let letters = stem.len() <= 7 && stem.contains('.') && stem.split('.').all(|part| part.len() == 1);
    let numbering = from == 0 && !stem.is_empty() && stem.bytes().all(|b| b.is_ascii_digit());
    let figure_follows = lexicon::is_before_figure(word) && after.starts_with(|c: char| c.is_ascii_digit());
    initial || letters || numbering || figure_follows || lexicon::is_abbreviation(word)
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
        assert_eq!(sentences("彼は「はい。」と言った。次。"), ["彼は「はい。」と言った。", "次。"]);
        assert_eq!(sentences("هل هذا صحيح؟ نعم."), ["هل هذا صحيح؟", "نعم."]);
        assert_eq!(sentences("राम घर है। सीता नहीं।"), ["राम घर है।", "सीता नहीं।"]);
        assert_eq!(sentences("Wait… Then go. Well… maybe."), ["Wait…", "Then go.", "Well… maybe."]);
        assert_eq!(sentences("The answer is no. Ask Bob."), ["The answer is no.", "Ask Bob."]);
        assert_eq!(
            sentences("See https://x.org/a.b?c=1. It is 3.14."),
            ["See https://x.org/a.b?c=1.", "It is 3.14."]
        );
    }

    #[test]
    fn abbreviations_versions_and_code_do_not_end_a_sentence() {
        for whole in [
            "Use e.g. Rust.",
            "Ask J. Doe.",
            "Needs v1.2. or later",
            "Run `a. B` now",
            "See no. 5 in it.",
            "The U.S. Army",
            "At 5 p.m. Bob left",
            "See fig. 3 of it",
            "z.B. Rust",
        ] {
            assert_eq!(sentences(whole), [whole]);
        }
    }

    #[test]
    fn stray_marks_cost_no_more_than_their_length() {
        let text = "` a. B ".repeat(20_000);
        assert!(split(&text).len() > 1);
    }
}
