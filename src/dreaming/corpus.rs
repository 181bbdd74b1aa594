//! The store as the offline mind reads it: every statement with its words, its context and its time.

use std::collections::HashMap;

use crate::memory::Memory;
use crate::snapshot::Snapshot;
use crate::text::date;
use crate::text::lexicon;
use crate::text::normal::normal;
use crate::text::specifics::{Kind as SpecificKind, kind_of};
use crate::text::statement::{Kind, Statement, statements};
use crate::text::subject::{Claim, claim};
use crate::text::token::{Token, tokens};

/// Two memories that changed closer together than this were written by one hand in one go (a clone,
/// an import, a save-all), so their times order nothing.
const SAME_MOMENT_SECONDS: i64 = 60;

/// Where playbooks stand.
const PLAYBOOKS: &str = "/playbooks/";

/// All statements of a store.
#[derive(Debug, Default)]
pub(super) struct Corpus<'a> {
    /// In the order of their paths.
    pub(super) docs: Vec<Doc<'a>>,
    /// In the order of `docs`, then of their place.
    pub(super) notes: Vec<Note<'a>>,
}

/// One memory.
#[derive(Debug)]
pub(super) struct Doc<'a> {
    pub(super) memory: &'a Memory,
    /// Its path without dates and versions: editions of one document share it.
    pub(super) family: String,
    /// The version a folder of its path names.
    pub(super) version: Option<Vec<u64>>,
    /// Whether its path or title dates it, as a journal's does.
    pub(super) dated: bool,
    /// Its statements.
    pub(super) notes: std::ops::Range<usize>,
    /// Whether it is no memory but something a user said, which overrules what the store does not date.
    pub(super) said: bool,
}

/// When something was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Seconds since 1970.
    pub(super) second: i64,
    /// Whether a path or heading says so, rather than the store's own clock.
    pub(super) explicit: bool,
}

/// One statement.
#[derive(Debug)]
pub(super) struct Note<'a> {
    pub(super) doc: usize,
    pub(super) statement: Statement<'a>,
    pub(super) normal: String,
    pub(super) words: Vec<Word>,
    /// Headings below the title and parents, in normal form, without those that are dates.
    pub(super) trail: String,
    pub(super) moment: Option<Moment>,
    pub(super) claim: Option<Claim>,
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

/// Numbers words.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    numbers: HashMap<String, u32>,
    texts: Vec<String>,
}

impl Vocabulary {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.numbers.insert(text.to_owned(), number);
        self.texts.push(text.to_owned());
        number
    }

    /// Returns the word a number stands for.
    pub(super) fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", String::as_str)
    }

    /// Numbers the words of a text.
    pub(super) fn words(&mut self, text: &str) -> Vec<Word> {
        tokens(text).iter().map(|token| self.word(token)).collect()
    }

    fn word(&mut self, token: &Token<'_>) -> Word {
        let specific = kind_of(token);
        let class = if specific.is_none() && lexicon::is_function_word(&token.norm) {
            Class::Function
        } else {
            Class::Content
        };
        let id = self.number(&token.norm);
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
        let figure = lexicon::number_word(&token.norm);
        let stem = match figure {
            Some(figure) => self.number(figure),
            None if plain
                && !token.norm.starts_with(['-', '$', '@', '<', '>', '='])
                && !token.norm.contains(['*', '/', '(', '<', '+', '#']) =>
            {
                let squashed = token.squashed();
                self.number(lexicon::stem(&squashed))
            }
            None => self.number(&token.norm.replace(',', "")),
        };
        Word { id, stem, class, specific, label_end: token.label_end }
    }
}

impl<'a> Corpus<'a> {
    /// Reads a store, without its playbooks: their pages are kept up to date as a whole.
    pub(super) fn read(store: &'a Snapshot, vocabulary: &mut Vocabulary) -> Self {
        let mut corpus = Self { docs: Vec::new(), notes: Vec::new() };
        for memory in store.iter().filter(|memory| !memory.path.as_str().starts_with(PLAYBOOKS)) {
            corpus.add(memory, false, vocabulary);
        }
        corpus
    }

    /// Reads what users said behind the store. Each saying is a memory of its own that bears the time
    /// of the saying.
    pub(super) fn hear(&mut self, sayings: &'a [Memory], vocabulary: &mut Vocabulary) {
        for saying in sayings {
            self.add(saying, true, vocabulary);
        }
    }

    fn add(&mut self, memory: &'a Memory, said: bool, vocabulary: &mut Vocabulary) {
        let path = memory.path.as_str();
        let (family, version) = family(path);
        let path_date = date::in_path(path);
        let from = self.notes.len();
        let doc = self.docs.len();
        let found = statements(&memory.content);
        let stated = found
            .iter()
            .take_while(|s| s.headings.is_empty() && s.kind == Kind::Pair)
            .find_map(front_matter_date);
        let titled = found.first().and_then(|s| s.headings.first()).and_then(|title| date::in_text(title));
        let clock = memory.updated_at.map(|at| Moment { second: at.as_second(), explicit: false });
        let written = stated.or(path_date).map(explicit).or(clock);
        // Consecutive statements mostly share their headings.
        let mut seen: (Vec<&str>, Vec<&str>) = Default::default();
        let mut context: (String, Option<Moment>) = (String::new(), written);
        for (at, statement) in found.into_iter().enumerate() {
            if at == 0 || statement.headings != seen.0 || statement.parents != seen.1 {
                let headed = statement.headings.iter().rev().find_map(|h| date::in_text(h));
                context = (trail(&statement), headed.map(explicit).or(written));
                seen = (statement.headings.clone(), statement.parents.clone());
            }
            let words = vocabulary.words(statement.text);
            let is_block = statement.kind == Kind::Block;
            self.notes.push(Note {
                doc,
                normal: if is_block { statement.text.to_owned() } else { normal(statement.text) },
                claim: if is_block { None } else { claim(statement.text) },
                words,
                trail: context.0.clone(),
                moment: context.1,
                statement,
            });
        }
        self.docs.push(Doc {
            memory,
            family,
            version,
            dated: titled.or(path_date).is_some(),
            notes: from..self.notes.len(),
            said,
        });
    }

    /// Says whether note `a` was surely written before note `b`.
    pub(super) fn is_before(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.notes[a], &self.notes[b]);
        let (da, db) = (&self.docs[a.doc], &self.docs[b.doc]);
        if da.said || db.said {
            let second = |note: &Note<'_>| note.moment.map_or(i64::MIN, |m| m.second);
            let dated = |note: &Note<'_>| note.moment.is_some_and(|m| m.explicit);
            return match (da.said, db.said) {
                (true, true) => second(a) < second(b),
                (false, _) => !dated(a) || second(a) <= second(b),
                (true, false) => dated(b) && second(a) < second(b),
            };
        }
        if da.family == db.family
            && let (Some(va), Some(vb)) = (&da.version, &db.version)
            && va != vb
        {
            return va < vb;
        }
        match (a.moment, b.moment) {
            (Some(x), Some(y)) if x.explicit && y.explicit => x.second < y.second,
            (Some(x), Some(y)) if x.explicit == y.explicit => x.second + SAME_MOMENT_SECONDS <= y.second,
            // The clock says when a memory last changed in any place: a statement in it may be older,
            // never younger.
            (Some(x), Some(y)) if y.explicit => x.second + SAME_MOMENT_SECONDS <= y.second,
            _ => false,
        }
    }

    /// Says whether two notes stand side by side: in one memory, under one date.
    pub(super) fn are_together(&self, a: usize, b: usize) -> bool {
        let (a, b) = (&self.notes[a], &self.notes[b]);
        a.doc == b.doc && a.moment == b.moment
    }
}

impl Note<'_> {
    /// Returns the words that are not grammar.
    pub(super) fn content(&self) -> impl Iterator<Item = &Word> {
        self.words.iter().filter(|w| w.class == Class::Content)
    }
}

fn explicit(date: jiff::civil::Date) -> Moment {
    let days = date.since(jiff::civil::date(1970, 1, 1)).map_or(0, |span| i64::from(span.get_days()));
    Moment { second: days * 86_400, explicit: true }
}

fn front_matter_date(statement: &Statement<'_>) -> Option<jiff::civil::Date> {
    let (key, value) = statement.text.split_once(':')?;
    let names = ["date", "updated", "updated_at", "last_updated", "modified", "as_of"];
    names.contains(&key.trim().to_lowercase().as_str()).then(|| date::in_text(value)).flatten()
}

/// Joins what a statement stands under. The title says what the whole memory is about, so it is left out.
fn trail(statement: &Statement<'_>) -> String {
    let mut out = String::new();
    for part in statement.headings.iter().skip(1).chain(&statement.parents) {
        if date::in_text(part).is_none() {
            out.push('/');
            out.push_str(&normal(part));
        }
    }
    out
}

/// Takes the dates and versions out of a path; returns the version of its folder, if it has one.
fn family(path: &str) -> (String, Option<Vec<u64>>) {
    let mut family = String::with_capacity(path.len());
    let mut version = None;
    let last = path.split('/').count() - 1;
    for (at, segment) in path.split('/').enumerate() {
        family.push('/');
        let bare = segment.strip_prefix('v').unwrap_or(segment);
        let parts: Option<Vec<u64>> = bare.split('.').map(|part| part.parse().ok()).collect();
        let is_year = bare == segment && bare.len() == 4;
        match parts {
            Some(parts) if at < last && !is_year && (parts.len() > 1 || bare != segment) => {
                version = Some(parts)
            }
            _ => {
                let is_dated = date::in_path(segment).is_some();
                family.extend(
                    segment.chars().filter(|c| !(is_dated && (c.is_ascii_digit() || *c == '-' || *c == '_'))),
                );
            }
        }
    }
    (family, version)
}
