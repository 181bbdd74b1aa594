//! Force: what statements in the same words must share besides, to say the same.
//!
//! The normal form leaves out what is mostly dress. Where it is not (the case of a path or a flag, a line
//! through the text, a box that was ticked, the head of a column), two statements with one normal form differ.

use crate::text::lexicon;
use crate::text::normal::normal;
use crate::text::statement::{Kind, Statement};
use crate::text::token::{Token, tokens};

/// Whether a statement says that it is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    InForce,
    Struck,
    Commented,
    Asked,
    Done,
}

impl Standing {
    fn of(statement: &Statement<'_>) -> Self {
        let text = statement.text.trim();
        if statement.kind == Kind::Block {
            return if text.starts_with("<!--") { Self::Commented } else { Self::InForce };
        }
        let bare = text.trim_end_matches(['.', '*', '_', ' ']);
        if text.starts_with("~~") && bare.len() > 4 && bare.ends_with("~~") {
            Self::Struck
        } else if text.trim_end_matches(['*', '_', '"', '\'', '”', '’', ')', ' ']).ends_with(['?', '？'])
        {
            Self::Asked
        } else if statement.done == Some(true) {
            Self::Done
        } else {
            Self::InForce
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::InForce => "a plain statement",
            Self::Struck => "struck out",
            Self::Commented => "a comment",
            Self::Asked => "a question",
            Self::Done => "ticked off",
        }
    }
}

/// Says whether one statement is in force and the other struck out, commented out, ticked off or a question.
pub(crate) fn stands_otherwise(old: &Statement<'_>, new: &Statement<'_>) -> bool {
    Standing::of(old) != Standing::of(new)
}

/// Says whether a statement says that it is so: it is not struck out, commented out, ticked off or a question.
pub(crate) fn is_in_force(statement: &Statement<'_>) -> bool {
    Standing::of(statement) == Standing::InForce
}

/// Returns in what two statements differ that their words do not show: what the first has, and what the
/// second has instead.
pub(crate) fn difference(old: &Statement<'_>, new: &Statement<'_>) -> Option<(String, String)> {
    if old.text == new.text && old.heads == new.heads && old.done == new.done {
        return None;
    }
    let (was, is) = (Standing::of(old), Standing::of(new));
    if was != is {
        return Some((was.words().to_owned(), is.words().to_owned()));
    }
    if old.kind == Kind::Block && new.kind == Kind::Block {
        return in_lines(old.text, new.text);
    }
    in_columns(old, new).or_else(|| in_letters(old.text, new.text)).or_else(|| in_spaces(old.text, new.text))
}

/// Compares blocks line by line, but for what they are indented by together.
fn in_lines(old: &str, new: &str) -> Option<(String, String)> {
    let (old, new) = (lines(old), lines(new));
    let is_same_but_for_case = old.len() == new.len();
    let parted = old.iter().zip(&new).find(|(a, b)| a != b).filter(|_| is_same_but_for_case);
    parted.map(|(a, b)| ((*a).trim().to_owned(), (*b).trim().to_owned()))
}

fn lines(block: &str) -> Vec<&str> {
    let indent = |line: &&str| line.len() - line.trim_start().len();
    let inner: Vec<&str> = block.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    // The first line of a statement begins at its text, whatever the block is indented by.
    let shared = inner.iter().skip(1).map(indent).min().unwrap_or(0);
    let cut = |(at, line): (usize, &&'_ str)| if at == 0 { 0 } else { shared.min(indent(line)) };
    inner.iter().enumerate().map(|(at, line)| &line[cut((at, line))..]).collect()
}

/// Compares the heads over the cells of two rows: the same heads in another order, and the same cells, each
/// under another head.
fn in_columns(old: &Statement<'_>, new: &Statement<'_>) -> Option<(String, String)> {
    if old.kind != Kind::Row || new.kind != Kind::Row || old.heads == new.heads {
        return None;
    }
    let sorted = |mut words: Vec<(String, String)>| {
        words.sort_unstable();
        words
    };
    let heads =
        |row: &Statement<'_>| sorted(row.heads.iter().map(|head| (normal(head), String::new())).collect());
    let cells = |row: &Statement<'_>, has_heads: bool| {
        let head =
            |head: Option<&str>| if has_heads { normal(head.unwrap_or_default()) } else { String::new() };
        let filled = row.cells().filter(|(_, cell)| !cell.is_empty());
        sorted(filled.map(|(above, cell)| (head(above), normal(cell))).collect())
    };
    let are_the_same = |has_heads| cells(old, has_heads) == cells(new, has_heads);
    if heads(old) != heads(new) || are_the_same(true) || !are_the_same(false) {
        return None;
    }
    let parted = old.heads.iter().zip(new.heads.iter()).find(|(a, b)| normal(a) != normal(b));
    parted.map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
}

/// Compares the case of what is written exactly: code, paths, flags and units.
fn in_letters(old: &str, new: &str) -> Option<(String, String)> {
    let (old, new) = (tokens(old), tokens(new));
    if old.len() != new.len() || old.iter().zip(&new).any(|(a, b)| a.norm != b.norm) {
        return None;
    }
    let is_figure = |token: &Token<'_>| token.norm.starts_with(|c: char| c.is_ascii_digit());
    let parted = old.iter().zip(&new).enumerate().find(|(at, (a, b))| {
        let is_short = a.raw.len() <= 2 || lexicon::unit(&a.norm).is_some();
        let is_unit = || is_short && *at > 0 && is_figure(&old[at - 1]);
        (is_exact(a) || is_exact(b) || is_unit()) && bare(a) != bare(b)
    });
    parted.map(|(_, (a, b))| (bare(a).to_owned(), bare(b).to_owned()))
}

/// Compares the spaces inside of code spans with the same words: a line that was broken there is one space.
fn in_spaces(old: &str, new: &str) -> Option<(String, String)> {
    if !old.contains('`') || !new.contains('`') {
        return None;
    }
    let spans = |text: &'_ str| -> Vec<String> {
        let inner = text.split('`').skip(1).step_by(2);
        inner
            .map(|span| span.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned())
            .collect()
    };
    let words = |span: &str| span.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (old, new) = (spans(old), spans(new));
    let are_the_same = old.len() == new.len() && old.iter().zip(&new).all(|(a, b)| words(a) == words(b));
    let parted = old.into_iter().zip(new).find(|(a, b)| a != b);
    parted.filter(|_| are_the_same).map(|(a, b)| (format!("`{a}`"), format!("`{b}`")))
}

/// Says whether a token means something else in other letters.
fn is_exact(token: &Token<'_>) -> bool {
    let raw = token.raw;
    token.code
        || raw.contains(['/', '\\'])
        || raw.len() > 1 && raw.starts_with('-')
        || raw.starts_with(|c: char| c.is_ascii_digit()) && raw.contains(|c: char| c.is_ascii_alphabetic())
}

fn bare<'t>(token: &Token<'t>) -> &'t str {
    token.raw.trim_matches(['`', '*', '_', '"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::statement::statements;

    fn differs(old: &str, new: &str) -> bool {
        let (old, new) = (statements(old), statements(new));
        difference(old.last().unwrap(), new.last().unwrap()).is_some()
    }

    #[test]
    fn the_same_words_may_say_another_thing() {
        let table = [
            ("- Log in as `Root`.", "- Log in as `root`."),
            ("- Home is /Users/Ann.", "- Home is /users/ann."),
            ("- Pass -v to it.", "- Pass -V to it."),
            ("- The hint is `a  b`.", "- The hint is `a b`."),
            ("- Unpack with `tar -xzf`.", "- Unpack with `tar -XZF`."),
            ("- It draws 10 mW.", "- It draws 10 MW."),
            ("- The limit is 5Mb.", "- The limit is 5MB."),
            ("- Ann owns billing.", "- ~~Ann owns billing.~~"),
            ("Ann owns billing.", "<!-- Ann owns billing. -->"),
            ("- [ ] Rotate keys", "- [x] Rotate keys"),
            ("- Works on weekends?", "- Works on weekends."),
            ("```\nTOKEN=Abc\n```", "```\ntoken=abc\n```"),
            ("```\nif a:\n    b\n    c\n```", "```\nif a:\n    b\nc\n```"),
            (
                "| env | prod | staging |\n|---|---|---|\n| port | 80 | 81 |",
                "| env | staging | prod |\n|---|---|---|\n| port | 80 | 81 |",
            ),
        ];
        for (old, new) in table {
            assert!(differs(old, new), "{old} | {new}");
            assert!(differs(new, old), "{new} | {old}");
            assert!(!differs(old, old), "{old}");
        }
    }

    #[test]
    fn dress_is_no_difference() {
        let table = [
            ("- Ann owns billing.", "* **Ann** owns billing"),
            ("- Use `make` here.", "- Use make here"),
            ("- Run `make ship` in `a  b`.", "- Run `make\n  ship` in ` a  b `."),
            ("- [ ] Rotate keys", "- Rotate keys"),
            ("- The build takes 5 Minutes.", "- the build takes 5 Minutes."),
            ("```\na\n  b\n```", "  ```\n  a\n    b\n  ```"),
            ("Ann likes Tea.", "ann likes tea."),
        ];
        for (old, new) in table {
            assert!(!differs(old, new), "{old} | {new}");
        }
    }
}
