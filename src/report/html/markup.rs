//! Markup: the only place where text becomes HTML.
//!
//! Text from outside can only come in through [`Markup::text`] and its kin, which escape it and make hidden
//! characters visible. Literals are tags of ours.

use std::fmt::{Display, Write as _};

use crate::memory::is_shown_by_number;

/// HTML being written.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Adds tags of ours.
    pub(super) fn raw(&mut self, tags: &'static str) -> &mut Self {
        self.0.push_str(tags);
        self
    }

    /// Adds text, escaped.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\n' | '\t' => self.0.push(c),
                c if is_shown_by_number(c) => {
                    let _ = write!(self.0, "<b class=\"hidden\">U+{:04X}</b>", c as u32);
                }
                c => self.0.push(c),
            }
        }
        self
    }

    /// Adds a number or another value of ours, escaped.
    pub(super) fn show(&mut self, value: impl Display) -> &mut Self {
        self.text(&value.to_string())
    }

    /// Adds text within an element of ours: `element("code", "/a.md")`.
    pub(super) fn element(&mut self, name: &'static str, text: &str) -> &mut Self {
        self.raw("<").raw(name).raw(">").text(text).raw("</").raw(name).raw(">")
    }

    /// Adds what was written apart.
    pub(super) fn append(&mut self, other: Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    /// Returns how much was written, in bytes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns what was written.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_break_out_and_what_is_shown_by_number_shows() {
        let mut html = Markup::default();
        html.text("</script>\"'><img onerror=x>&\u{202e}\u{200b}\u{1b}");
        assert_eq!(
            html.into_string(),
            "&lt;/script&gt;&quot;&#39;&gt;&lt;img onerror=x&gt;&amp;<b class=\"hidden\">U+202E</b>\
             <b class=\"hidden\">U+200B</b><b class=\"hidden\">U+001B</b>"
        );
    }
}
