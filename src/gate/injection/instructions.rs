//! Whether a statement reads like an instruction to a model that somebody planted.

use std::borrow::Cow;
use std::sync::{LazyLock, OnceLock};

use aho_corasick::AhoCorasick;
use regex::{Regex, RegexBuilder};
use unicode_normalization::UnicodeNormalization;

use crate::memory::is_unseen;

use super::disguise::undisguised;
use super::rules::{self, Rule, Weight};
use super::{base64, foreign};

/// The kinds of instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// It takes back what a model was told before.
    Overrides,
    /// It plays a part of the chat: a template's marks, the system's voice.
    Impersonates,
    /// It makes the model somebody without rules.
    Persona,
    /// It sends what is private somewhere.
    Sends,
    /// It moves money, takes over an account, or acts once in somebody's name.
    Pays,
    /// It keeps something from the people concerned.
    Conceals,
    /// It bends what the model will answer.
    Reply,
    /// It speaks to a model as such.
    Addresses,
    /// It calls a tool.
    Tools,
    /// It runs code that nobody would note down.
    Executes,
    /// It says so in base64.
    Decodes,
}

impl Signal {
    /// Returns what findings call it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Overrides => "instruction: takes back what a model was told before",
            Self::Impersonates => "instruction: plays a part of the chat",
            Self::Persona => "instruction: makes the model somebody without rules",
            Self::Sends => "instruction: sends private things somewhere",
            Self::Pays => "instruction: acts in somebody's name",
            Self::Conceals => "instruction: keeps something from the user",
            Self::Reply => "instruction: bends what the model answers",
            Self::Addresses => "instruction: speaks to a model as such",
            Self::Tools => "instruction: calls a tool",
            Self::Executes => "instruction: runs hostile code",
            Self::Decodes => "instruction: hidden in base64",
        }
    }
}

/// The most of a statement that is read: nobody plants an instruction where no model gets to.
const READ: usize = 100_000;

/// Returns the most telling signal of a statement, if there is enough of it: as it is written, without a
/// disguise, or decoded.
pub(super) fn find(statement: &str) -> Option<Signal> {
    let statement = &statement[..statement.floor_char_boundary(READ)];
    if let Some(signal) = judged(statement, &without_code) {
        return Some(signal);
    }
    let bare = || undisguised(&without_code(statement)).unwrap_or_else(|| without_code(statement));
    let signal = undisguised(statement).and_then(|text| judged(&text, &|_| bare()));
    signal.or_else(|| {
        let decoded = base64::decoded(statement);
        decoded.iter().any(|text| judged(text, &without_code).is_some()).then_some(Signal::Decodes)
    })
}

/// What may not be done without asking: a rule that wants people asked, not one that keeps them out.
static ASKED_FIRST: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\b(?:never|not|don't|cannot|can't|nothing)\b(?: \S+){0,12}? without asking\b").ok()
});

/// Judges a text. `code_free` leaves its code out.
fn judged(text: &str, code_free: &dyn Fn(&str) -> String) -> Option<Signal> {
    let plain = as_read(text);
    let read = match &*ASKED_FIRST {
        Some(asked_first) => asked_first.replace_all(&plain, ""),
        None => plain,
    };
    let mut is_active = [false; COUNT];
    for word in WORDS.automaton.iter().flat_map(|words| words.find_overlapping_iter(read.as_bytes())) {
        is_active[WORDS.owners[word.pattern().as_usize()]] = true;
    }
    let mut hints: Vec<Signal> = Vec::new();
    for place in (0..COUNT).filter(|&place| is_active[place]) {
        let (rule, Some(pattern)) = (rule_at(place), pattern(place)) else { continue };
        if !pattern.is_match(&read) {
            continue;
        }
        let is_enough = match rule.weight {
            Weight::Enough => true,
            Weight::OutsideCode => pattern.is_match(&as_read(&code_free(text))),
            Weight::Hint => false,
        };
        if is_enough {
            return Some(rule.signal);
        }
        hints.push(rule.signal);
    }
    let first = *hints.first()?;
    hints.iter().any(|other| *other != first).then_some(first)
}

/// Returns a text in lower case, in the plain form of its letters, with single spaces.
fn as_read(text: &str) -> Cow<'_, str> {
    let is_plain = text.bytes().all(|b| matches!(b, b' '..=b'~') && !b.is_ascii_uppercase() && b != b'*')
        && !text.contains("  ");
    if is_plain {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let plain: Cow<'_, str> =
        if text.is_ascii() { Cow::Borrowed(text) } else { Cow::Owned(text.nfkc().collect()) };
    for c in plain.chars() {
        match c {
            '*' => {}
            c if is_unseen(c) => {}
            '’' | '‘' => out.push('\''),
            c if c.is_whitespace() => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c => out.extend(c.to_lowercase()),
        }
    }
    Cow::Owned(out)
}

/// Returns a text without what stands between backticks; a fence is all code.
fn without_code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (i, part) in text.split('`').enumerate() {
        if i % 2 == 0 {
            out.push_str(part);
        }
        out.push(' ');
    }
    out
}

const COUNT: usize = rules::RULES.len() + foreign::RULES.len();

fn rule_at(place: usize) -> &'static Rule {
    match place.checked_sub(rules::RULES.len()) {
        None => &rules::RULES[place],
        Some(place) => &foreign::RULES[place],
    }
}

struct Words {
    automaton: Option<AhoCorasick>,
    owners: Vec<usize>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let mut words: Vec<&str> = Vec::new();
    let mut owners = Vec::new();
    for place in 0..COUNT {
        let keywords = rule_at(place).keywords;
        words.extend(keywords);
        owners.extend(keywords.iter().map(|_| place));
    }
    // Words and patterns are constants; a test holds that every one of them builds.
    Words { automaton: AhoCorasick::new(words).ok(), owners }
});

/// Returns a rule's pattern, built when it is first needed.
fn pattern(place: usize) -> Option<&'static Regex> {
    static PATTERNS: [OnceLock<Option<Regex>>; COUNT] = [const { OnceLock::new() }; COUNT];
    PATTERNS[place].get_or_init(|| build(rule_at(place)).ok()).as_ref()
}

fn build(rule: &Rule) -> Result<Regex, regex::Error> {
    RegexBuilder::new(rule.pattern).size_limit(64 << 20).dfa_size_limit(8 << 20).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_builds_and_has_keywords_in_lower_case() {
        assert!(WORDS.automaton.is_some());
        for place in 0..COUNT {
            let rule = rule_at(place);
            assert!(build(rule).is_ok(), "{}", rule.pattern);
            assert!(!rule.keywords.is_empty(), "{}", rule.pattern);
            assert!(rule.keywords.iter().all(|word| *word == word.to_lowercase()), "{:?}", rule.keywords);
        }
    }
}
