//! Finding secrets in text, and taking them out of what is shown.
//!
//! One pass looks for the words that any rule needs; only rules whose words are there run their
//! pattern. Nothing here keeps or returns a secret's value.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{LazyLock, OnceLock};

use aho_corasick::AhoCorasick;
use regex::bytes::{Regex, RegexBuilder};

use super::assignment::{self, NAMES, Promise};
use super::entropy;
use super::key_block;
use super::rules::{Check, RULES};

/// A secret in a text: what kind and where, never what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// The rule that found it, such as `github-token`.
    pub rule: &'static str,
    /// What people call it, such as `GitHub token`.
    pub name: &'static str,
    /// Its line, from 1.
    pub line: usize,
    /// Where it stands, in bytes.
    pub span: Range<usize>,
}

/// How random a token of a published but plain format must be, in bits per byte. Hexadecimal text
/// reaches 4 at most and 3 in a short token; words and samples stay below it.
const TOKEN_BITS: f64 = 2.8;

/// Returns the secrets of a text in order; none overlap.
pub fn find(text: &str) -> Vec<Secret> {
    let mut hits = Hits::default();
    let mut is_active = [false; RULES.len()];
    for word in WORDS.automaton.iter().flat_map(|words| words.find_overlapping_iter(text)) {
        match WORDS.owners[word.pattern().as_usize()] {
            Owner::Rule(rule) => is_active[rule] = true,
            Owner::Name(name) => {
                let name = &NAMES[name];
                if let Some(span) = assignment::value_after(text, word.range(), name) {
                    let (id, called) = match name.promise {
                        Promise::Password => ("password", "password"),
                        Promise::Token => ("named-secret", "secret"),
                    };
                    hits.push(span, RULES.len() + 1, id, called);
                }
            }
            Owner::KeyBlock if word.start() >= hits.key_blocks_end => {
                if let Some(span) = key_block::block_at(text, word.start()) {
                    hits.key_blocks_end = span.end;
                    hits.push(span, 0, "private-key", "private key");
                }
            }
            Owner::KeyBlock => {}
        }
    }
    for (place, rule) in RULES.iter().enumerate().filter(|&(place, _)| is_active[place]) {
        let Some(pattern) = pattern(place) else { continue };
        let mut at = 0;
        while let Some(found) = pattern.captures_at(text.as_bytes(), at) {
            let Some(whole) = found.get(0) else { break };
            // A secret may be the context of the next one, so the search goes on at its end.
            let secret = found.iter().skip(1).flatten().next().unwrap_or(whole);
            at = secret.end().max(at + 1);
            let span = text.floor_char_boundary(secret.start())..text.ceil_char_boundary(secret.end());
            if passes(&text[span.clone()], rule.check) {
                hits.push(span, place + 1, rule.id, rule.name);
            }
        }
    }
    hits.into_secrets(text)
}

/// Replaces every secret by `[redacted: GitHub token]`. All memory text passes here before it is shown.
pub fn redact(text: &str) -> Cow<'_, str> {
    let secrets = find(text);
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    for secret in secrets {
        shown.push_str(&text[at..secret.span.start]);
        shown.push_str("[redacted: ");
        shown.push_str(secret.name);
        shown.push(']');
        at = secret.span.end;
    }
    shown.push_str(&text[at..]);
    Cow::Owned(shown)
}

fn passes(value: &str, check: Check) -> bool {
    match check {
        Check::Format => !entropy::is_sample_token(value),
        Check::Random => !entropy::is_sample_token(value) && entropy::is_random(value, TOKEN_BITS),
        Check::Password => !entropy::is_stand_in(value) && !value.contains("EXAMPLE"),
    }
}

#[derive(Clone, Copy)]
enum Owner {
    Rule(usize),
    Name(usize),
    KeyBlock,
}

struct Words {
    automaton: Option<AhoCorasick>,
    owners: Vec<Owner>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let mut words = vec![key_block::OPENING];
    let mut owners = vec![Owner::KeyBlock];
    for (place, rule) in RULES.iter().enumerate() {
        words.extend(rule.keywords);
        owners.extend(rule.keywords.iter().map(|_| Owner::Rule(place)));
    }
    words.extend(NAMES.iter().map(|name| name.word));
    owners.extend((0..NAMES.len()).map(Owner::Name));
    // Words and patterns are constants; a test holds that every one of them builds.
    let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(words).ok();
    Words { automaton, owners }
});

/// Returns a rule's pattern, built when it is first needed: most texts need few of them.
fn pattern(place: usize) -> Option<&'static Regex> {
    static PATTERNS: [OnceLock<Option<Regex>>; RULES.len()] = [const { OnceLock::new() }; RULES.len()];
    let build = || RegexBuilder::new(RULES[place].pattern).unicode(false).build().ok();
    PATTERNS[place].get_or_init(build).as_ref()
}

#[derive(Default)]
struct Hits {
    found: Vec<(Range<usize>, usize, &'static str, &'static str)>,
    key_blocks_end: usize,
}

impl Hits {
    fn push(&mut self, span: Range<usize>, rank: usize, rule: &'static str, name: &'static str) {
        if !span.is_empty() {
            self.found.push((span, rank, rule, name));
        }
    }

    /// Joins what overlaps under the name of the more telling rule, and counts lines.
    fn into_secrets(mut self, text: &str) -> Vec<Secret> {
        self.found.sort_by_key(|(span, rank, ..)| (span.start, *rank, span.end));
        let mut secrets: Vec<(Secret, usize)> = Vec::new();
        let (mut line, mut counted) = (1, 0);
        for (span, rank, rule, name) in self.found {
            match secrets.last_mut() {
                Some((last, last_rank)) if span.start < last.span.end => {
                    last.span.end = last.span.end.max(span.end);
                    if rank < *last_rank {
                        (last.rule, last.name, *last_rank) = (rule, name, rank);
                    }
                }
                _ => {
                    line += memchr::memchr_iter(b'\n', &text.as_bytes()[counted..span.start]).count();
                    counted = span.start;
                    secrets.push((Secret { rule, name, line, span }, rank));
                }
            }
        }
        secrets.into_iter().map(|(secret, _)| secret).collect()
    }
}
