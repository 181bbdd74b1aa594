//! Phrases: what follows from a statement's wording alone, read once for each wording.
//!
//! A dream looks at its store round after round, and most of it never changes. Words, claims and keys
//! are therefore kept by wording, and so is how two wordings compare. Nothing here knows where a
//! statement stands.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use rayon::prelude::*;

use crate::text::lexicon;
use crate::text::normal::joined;
use crate::text::specifics::{Kind as SpecificKind, kind_of};
use crate::text::statement::{Kind, Statement};
use crate::text::subject::{Claim, Form, claim_of};
use crate::text::token::{Token, tokens};

/// One wording of a statement.
#[derive(Debug)]
pub(super) struct Phrase {
    /// Its number: equal for the same text.
    pub(super) id: u32,
    pub(super) normal: String,
    /// Equal for equal normal forms.
    pub(super) normal_id: u32,
    pub(super) words: Vec<Word>,
    /// The words that are not grammar.
    pub(super) content: Vec<Word>,
    pub(super) claim: Option<Claim>,
    /// Equal for claims of one subject in one form.
    pub(super) subject_id: Option<u32>,
    /// What statements worth comparing share, numbered and in order.
    pub(super) keys: Vec<u32>,
}

/// One word of a statement, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    /// Equal for words with the same normal form.
    pub(super) id: u32,
    /// Equal for forms of one word, and for spellings that differ in hyphens and the like.
    pub(super) stem: u32,
    pub(super) class: Class,
    pub(super) specific: Option<SpecificKind>,
    /// Whether a label ends with it.
    pub(super) label_end: bool,
}

/// What part a word plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Content,
    Function,
}

/// Numbers words and keeps the phrases they make.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
    /// Phrases by their text: blocks, which are not taken apart, and all others.
    blocks: HashMap<Box<str>, Arc<Phrase>>,
    phrases: HashMap<Box<str>, Arc<Phrase>>,
    normals: HashMap<Box<str>, u32>,
    subjects: HashMap<(Box<str>, Form), u32>,
    keys: HashMap<u64, u32, BuildHasherDefault<PairHasher>>,
}

/// A phrase whose words are not numbered yet.
struct Draft<'s> {
    text: &'s str,
    is_block: bool,
    normal: String,
    words: Vec<DraftWord>,
    claim: Option<Claim>,
}

struct DraftWord {
    norm: String,
    /// `None` if it is the normal form.
    stem: Option<String>,
    class: Class,
    specific: Option<SpecificKind>,
    label_end: bool,
}

impl Vocabulary {
    /// Reads the statements whose wording is new.
    pub(super) fn learn<'s>(&mut self, statements: impl Iterator<Item = &'s Statement<'s>>) {
        let mut unread: Vec<(&str, bool)> = statements
            .map(|statement| (statement.text, statement.kind == Kind::Block))
            .filter(|&(text, is_block)| !self.shelf(is_block).contains_key(text))
            .collect();
        unread.sort_unstable();
        unread.dedup();
        let drafts: Vec<Draft<'_>> =
            unread.into_par_iter().with_min_len(64).map(|(text, is_block)| draft(text, is_block)).collect();
        for draft in drafts {
            self.keep(draft);
        }
    }

    /// Returns the phrase of a statement.
    pub(super) fn phrase(&mut self, statement: &Statement<'_>) -> Arc<Phrase> {
        let is_block = statement.kind == Kind::Block;
        match self.shelf(is_block).get(statement.text) {
            Some(phrase) => Arc::clone(phrase),
            None => self.keep(draft(statement.text, is_block)),
        }
    }

    /// Returns the word a number stands for.
    pub(super) fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |text| text)
    }

    /// Numbers the words of a text.
    pub(super) fn words(&mut self, text: &str) -> Vec<Word> {
        tokens(text).iter().map(|token| self.word(draft_word(token))).collect()
    }

    /// Returns how many keys there are.
    pub(super) fn key_count(&self) -> usize {
        self.keys.len()
    }

    fn shelf(&self, is_block: bool) -> &HashMap<Box<str>, Arc<Phrase>> {
        if is_block { &self.blocks } else { &self.phrases }
    }

    fn keep(&mut self, draft: Draft<'_>) -> Arc<Phrase> {
        let id = count(self.blocks.len() + self.phrases.len());
        let words: Vec<Word> = draft.words.into_iter().map(|word| self.word(word)).collect();
        let next = count(self.normals.len());
        let normal_id = *self.normals.entry(draft.normal.as_str().into()).or_insert(next);
        let next = count(self.subjects.len());
        let subject_id = draft
            .claim
            .as_ref()
            .map(|claim| *self.subjects.entry((claim.subject.as_str().into(), claim.form)).or_insert(next));
        let mut keys = Vec::new();
        if !draft.is_block {
            for pair in pairs(&words) {
                let next = count(self.keys.len());
                keys.push(*self.keys.entry(pair).or_insert(next));
            }
        }
        let content = words.iter().filter(|w| w.class == Class::Content).copied().collect();
        let phrase = Arc::new(Phrase {
            id,
            normal: draft.normal,
            normal_id,
            words,
            content,
            claim: draft.claim,
            subject_id,
            keys,
        });
        let shelf = if draft.is_block { &mut self.blocks } else { &mut self.phrases };
        shelf.insert(draft.text.into(), Arc::clone(&phrase));
        phrase
    }

    fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = count(self.texts.len());
        let text: Arc<str> = text.into();
        self.numbers.insert(Arc::clone(&text), number);
        self.texts.push(text);
        number
    }

    fn word(&mut self, word: DraftWord) -> Word {
        let id = self.number(&word.norm);
        let stem = word.stem.map_or(id, |stem| self.number(&stem));
        Word { id, stem, class: word.class, specific: word.specific, label_end: word.label_end }
    }
}

/// Counts in 32 bits; a store has room for far fewer words.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn draft(text: &str, is_block: bool) -> Draft<'_> {
    let tokens = tokens(text);
    let words = tokens.iter().map(draft_word).collect();
    let (normal, claim) =
        if is_block { (text.to_owned(), None) } else { (joined(&tokens), claim_of(&tokens)) };
    Draft { text, is_block, normal, words, claim }
}

fn draft_word(token: &Token<'_>) -> DraftWord {
    let specific = kind_of(token);
    let class = if specific.is_none() && lexicon::is_function_word(&token.norm) {
        Class::Function
    } else {
        Class::Content
    };
    let plain = !matches!(
        specific,
        Some(
            SpecificKind::Number
                | SpecificKind::Date
                | SpecificKind::Version
                | SpecificKind::Path
                | SpecificKind::Url
                | SpecificKind::Email
        )
    );
    let stem = match lexicon::number_word(&token.norm) {
        Some(figure) => figure.to_owned(),
        None if plain
            && !token.norm.starts_with(['-', '$', '@', '<', '>', '='])
            && !token.norm.contains(['*', '/', '(', '<', '+', '#']) =>
        {
            lexicon::stem(&token.squashed()).to_owned()
        }
        None => token.norm.replace(',', ""),
    };
    let stem = (stem != *token.norm).then_some(stem);
    DraftWord { norm: token.norm.to_string(), stem, class, specific, label_end: token.label_end }
}

/// Numbers the pairs of neighbouring words, with and without grammar words.
fn pairs(words: &[Word]) -> Vec<u64> {
    let pair = |a: u32, b: u32| (u64::from(a) << 32) | u64::from(b);
    let mut pairs: Vec<u64> = words.windows(2).map(|w| pair(w[0].stem, w[1].stem)).collect();
    let content: Vec<u32> = words.iter().filter(|w| w.class == Class::Content).map(|w| w.stem).collect();
    pairs.extend(content.windows(2).map(|w| pair(w[0], w[1])));
    pairs.extend(content.windows(3).map(|w| pair(w[0], w[2])));
    if let [only] = content[..] {
        pairs.push(pair(only, u32::MAX));
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// What comparing two wordings gave, by their numbers and in their order.
#[derive(Debug)]
pub(super) struct Memo<T> {
    known: HashMap<u64, T, BuildHasherDefault<PairHasher>>,
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self { known: HashMap::default() }
    }
}

impl<T: Copy + Send + Sync> Memo<T> {
    /// Compares pairs, those that are new at the same time; `compare` sees the wording alone.
    pub(super) fn compare<'n, N: AsRef<Phrase> + Sync + 'n>(
        &mut self,
        notes: &'n [N],
        pairs: &[(usize, usize)],
        compare: impl Fn(&'n N, &'n N) -> T + Sync,
    ) -> Vec<T> {
        let key = |&(a, b): &(usize, usize)| {
            (u64::from(notes[a].as_ref().id) << 32) | u64::from(notes[b].as_ref().id)
        };
        let known = &self.known;
        let found: Vec<(T, bool)> = pairs
            .par_iter()
            .with_min_len(128)
            .map(|pair| match known.get(&key(pair)) {
                Some(found) => (*found, false),
                None => (compare(&notes[pair.0], &notes[pair.1]), true),
            })
            .collect();
        for (pair, (found, is_new)) in pairs.iter().zip(&found) {
            if *is_new && let Entry::Vacant(entry) = self.known.entry(key(pair)) {
                entry.insert(*found);
            }
        }
        found.into_iter().map(|(found, _)| found).collect()
    }
}

/// Hashes pairs of our own numbers, which nobody chooses to collide.
#[derive(Debug, Default)]
struct PairHasher(u64);

impl Hasher for PairHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // Multiplication carries upwards only, so the high half is folded back into the low one.
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        self.0 ^= self.0 >> 32;
    }
}
