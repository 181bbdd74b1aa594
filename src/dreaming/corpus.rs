//! The store as the offline mind reads it: every statement with its words, its context and its time.

use std::ops::Deref;
use std::sync::Arc;

use rayon::prelude::*;

use crate::memory::Memory;
use crate::snapshot::Snapshot;
use crate::text::date;
use crate::text::normal::normal;
use crate::text::statement::{Kind, Statement, statements};

use super::phrase::{Phrase, Vocabulary};

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
    /// What follows from its wording.
    pub(super) phrase: Arc<Phrase>,
    /// Headings below the title and parents, in normal form, without those that are dates.
    pub(super) trail: Arc<str>,
    pub(super) moment: Option<Moment>,
}

impl Deref for Note<'_> {
    type Target = Phrase;

    fn deref(&self) -> &Phrase {
        &self.phrase
    }
}

impl AsRef<Phrase> for Note<'_> {
    fn as_ref(&self) -> &Phrase {
        &self.phrase
    }
}

impl<'a> Corpus<'a> {
    /// Reads a store, without its playbooks: their pages are kept up to date as a whole.
    pub(super) fn read(store: &'a Snapshot, vocabulary: &mut Vocabulary) -> Self {
        let mut corpus = Self { docs: Vec::new(), notes: Vec::new() };
        let memories: Vec<&Memory> =
            store.iter().filter(|memory| !memory.path.as_str().starts_with(PLAYBOOKS)).collect();
        corpus.add_all(&memories, false, vocabulary);
        corpus
    }

    /// Reads what users said behind the store. Each saying is a memory of its own that bears the time
    /// of the saying.
    pub(super) fn hear(&mut self, sayings: &'a [Memory], vocabulary: &mut Vocabulary) {
        self.add_all(&sayings.iter().collect::<Vec<_>>(), true, vocabulary);
    }

    fn add_all(&mut self, memories: &[&'a Memory], said: bool, vocabulary: &mut Vocabulary) {
        let found: Vec<Vec<Statement<'a>>> =
            memories.par_iter().with_min_len(16).map(|memory| statements(&memory.content)).collect();
        vocabulary.learn(found.iter().flatten());
        for (memory, found) in memories.iter().zip(found) {
            self.add(memory, found, said, vocabulary);
        }
    }

    fn add(
        &mut self,
        memory: &'a Memory,
        found: Vec<Statement<'a>>,
        said: bool,
        vocabulary: &mut Vocabulary,
    ) {
        let path = memory.path.as_str();
        let (family, version) = family(path);
        let path_date = date::in_path(path);
        let from = self.notes.len();
        let doc = self.docs.len();
        let stated = found
            .iter()
            .take_while(|s| s.headings.is_empty() && s.kind == Kind::Pair)
            .find_map(front_matter_date);
        let titled = found.first().and_then(|s| s.headings.first()).and_then(|title| date::in_text(title));
        let clock = memory.updated_at.map(|at| Moment { second: at.as_second(), explicit: false });
        let written = stated.or(path_date).map(explicit).or(clock);
        // Consecutive statements mostly share their headings.
        let mut seen: (Vec<&str>, Vec<&str>) = Default::default();
        let mut context: (Arc<str>, Option<Moment>) = ("".into(), written);
        for (at, statement) in found.into_iter().enumerate() {
            if at == 0 || statement.headings != seen.0 || statement.parents != seen.1 {
                let headed = statement.headings.iter().rev().find_map(|h| date::in_text(h));
                context = (trail(&statement).into(), headed.map(explicit).or(written));
                seen = (statement.headings.clone(), statement.parents.clone());
            }
            self.notes.push(Note {
                doc,
                phrase: vocabulary.phrase(&statement),
                trail: Arc::clone(&context.0),
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
