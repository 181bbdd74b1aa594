//! Small words shared by all reports: counts, sizes, plurals and text from outside.

use std::borrow::Cow;

use crate::memory::is_shown_by_number;

/// Writes `1 dream`, `3 dreams`, `1,024 dreams`.
pub fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(n), if n == 1 { one } else { many })
}

/// Writes `12,345`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes `812 B`, `14.2 kB`, `3.1 MB` (powers of 1,000).
pub fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        _ => format!("{:.1} MB", n as f64 / 1e6),
    }
}

/// Makes text from outside safe for a terminal: hidden and control characters become visible, except
/// newlines and tabs.
pub fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c.to_string(),
            c if is_shown_by_number(c) => format!("\\u{{{:x}}}", c as u32),
            c => c.to_string(),
        })
        .collect()
}

/// As [`plain`], for a field that has one line: line ends and tabs become visible too, so that no field
/// can pretend to be the line below it.
pub fn line(text: &str) -> String {
    plain(text).replace('\n', "\\n").replace('\t', "\\t")
}

/// Cuts text to at most `width` characters, the last of them `…` if something is missing.
pub fn cut(text: &str, width: usize) -> Cow<'_, str> {
    match text.char_indices().nth(width) {
        None => Cow::Borrowed(text),
        Some(_) => {
            let end = text.char_indices().nth(width.saturating_sub(1)).map_or(0, |(at, _)| at);
            Cow::Owned(format!("{}…", text[..end].trim_end()))
        }
    }
}

/// Fills lines of at most `width` characters with parts, joined by `between`; a part is never broken.
pub fn filled(parts: &[String], between: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.chars().count() + between.chars().count() + part.chars().count() <= width => {
                line.push_str(between);
                line.push_str(part);
            }
            _ => lines.push(part.clone()),
        }
    }
    lines
}

/// The columns of a screen.
pub const WIDTH: usize = 80;

/// Breaks a line between its words into at most `most` lines of `width` characters. A longer word is broken
/// too, and what does not fit ends with `…`.
pub fn wrapped(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let letters: Vec<char> = word.chars().collect();
        parts.extend(letters.chunks(width.max(1)).map(|part| part.iter().collect()));
    }
    let mut lines = filled(&parts, " ", width);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = cut(&format!("{last} …"), width).into_owned();
        }
    }
    lines
}

/// Colours, or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Paint {
    /// Whether to colour at all.
    pub is_on: bool,
}

impl Paint {
    fn wrap(self, code: &str, text: &str) -> String {
        if self.is_on { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Makes text stand out.
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Makes text step back.
    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// Marks what is good.
    pub fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// Marks what needs a look.
    pub fn warn(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// Marks what is bad.
    pub fn bad(self, text: &str) -> String {
        self.wrap("31", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(count(1, "dream", "dreams"), "1 dream");
        assert_eq!(count(1_234_567, "dream", "dreams"), "1,234,567 dreams");
        assert_eq!([bytes(999), bytes(14_200), bytes(3_140_000)], ["999 B", "14.2 kB", "3.1 MB"]);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(cut("naïve", 5), "naïve");
        assert_eq!(cut("naïveté", 5), "naïv…");
        assert_eq!(cut("one two", 5), "one…");
    }

    #[test]
    fn parts_fill_lines_and_are_never_broken() {
        let parts = ["one", "two", "a long part", "x"].map(str::to_owned);
        assert_eq!(filled(&parts, " · ", 9), ["one · two", "a long part", "x"]);
    }

    #[test]
    fn a_line_is_wrapped_between_words_and_cut_where_there_is_no_room() {
        assert_eq!(wrapped("one two three", 7, 9), ["one two", "three"]);
        assert_eq!(wrapped("one two three four", 7, 2), ["one two", "three …"]);
        assert_eq!(wrapped("abcdefghij k", 4, 9), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrapped("", 4, 9), Vec::<String>::new());
    }

    #[test]
    fn text_from_outside_cannot_drive_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb\n\u{202e}c"), "a\\u{1b}[31mb\n\\u{202e}c");
        assert_eq!(line("a\u{1b}\r\nb\tc\u{85}"), "a\\u{1b}\\u{d}\\nb\\tc\\u{85}");
    }
}
