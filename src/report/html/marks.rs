//! Marks: which words of two statements differ.

use similar::{Algorithm, ChangeTag, capture_diff_slices};

use super::markup::Markup;

/// The most words of one side that are compared; longer texts are shown without marks.
const WORDS_LIMIT: usize = 400;

/// Returns two texts with the words that differ in `<del>` and `<ins>`.
pub(super) fn marked(old: &str, new: &str) -> (Markup, Markup) {
    let (from, to) = (words(old), words(new));
    let (mut left, mut right) = (Markup::default(), Markup::default());
    if from.len() > WORDS_LIMIT || to.len() > WORDS_LIMIT {
        left.text(old);
        right.text(new);
        return (left, right);
    }
    for op in capture_diff_slices(Algorithm::Myers, &from, &to) {
        let (removed, added): (String, String) = (from[op.old_range()].concat(), to[op.new_range()].concat());
        if op.tag() == similar::DiffTag::Equal {
            left.text(&removed);
            right.text(&added);
            continue;
        }
        mark(&mut left, ChangeTag::Delete, &removed);
        mark(&mut right, ChangeTag::Insert, &added);
    }
    (left, right)
}

fn mark(html: &mut Markup, tag: ChangeTag, text: &str) {
    if text.is_empty() {
        return;
    }
    let element = if tag == ChangeTag::Delete { "del" } else { "ins" };
    html.element(element, text);
}

/// Splits a text into words, spaces and single signs, leaving nothing out.
fn words(text: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' => 0,
        c if c.is_whitespace() => 1,
        _ => 2,
    };
    let mut words = Vec::new();
    let mut start = 0;
    let mut last = None;
    for (at, c) in text.char_indices() {
        if last.is_some_and(|last| last != kind(c) || last == 2) {
            words.push(&text[start..at]);
            start = at;
        }
        last = Some(kind(c));
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_words_that_differ_are_marked() {
        let (old, new) = marked("The limit is 600 per minute.", "The limit is 60 per minute <now>.");
        assert_eq!(old.into_string(), "The limit is <del>600</del> per minute.");
        assert_eq!(new.into_string(), "The limit is <ins>60</ins> per minute<ins> &lt;now&gt;</ins>.");
    }

    #[test]
    fn words_put_together_are_the_text() {
        let text = "  a_b, c—d\n(é) 日本語 1.5%";
        assert_eq!(words(text).concat(), text);
    }
}
