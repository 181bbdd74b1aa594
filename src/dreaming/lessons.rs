//! Lessons: what users said becomes memory, next to what it corrects or in a memory of its own.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::dream::{ChangeKind, DreamChange, EventRef, Replaced};
use crate::memory::{MEMORY_BYTES_LIMIT, Memory, MemoryPath};
use crate::snapshot::Snapshot;
use crate::text::lexicon;

use super::contradictions;
use super::corpus::{Class, Corpus, Vocabulary};
use super::duplicates;
use super::preferences::{Lesson, LessonKind};
use super::rewrite::{self, Edit};
use super::similar;

/// What users said, ready to be read beside a store.
#[derive(Debug, Default)]
pub(super) struct Sayings {
    lessons: Vec<Lesson>,
    memories: Vec<Memory>,
}

impl Sayings {
    /// Takes lessons in the order of their saying; what could be a secret is left out.
    pub(super) fn new(lessons: impl IntoIterator<Item = (Timestamp, Lesson)>) -> Self {
        let mut sayings = Self::default();
        for (began, lesson) in lessons {
            if may_be_secret(&lesson.statement) {
                continue;
            }
            let number = sayings.lessons.len();
            let Ok(path) = MemoryPath::parse(&format!("/said/{number}")) else { continue };
            // As a list item a saying is one statement, whatever it holds.
            let text = lesson.statement.split_whitespace().collect::<Vec<_>>().join(" ");
            let mut memory = Memory::new(path, format!("- {text}\n"));
            memory.updated_at = Some(lesson.at.unwrap_or(began));
            sayings.memories.push(memory);
            sayings.lessons.push(lesson);
        }
        sayings
    }
}

/// What becomes of one saying.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// The store says so already.
    Known,
    /// A later saying or a dated statement overrules it.
    Overruled,
    /// It takes the place of these statements.
    Replaces(Vec<usize>),
    /// It is added.
    New,
}

/// Brings what users said into the store. Returns whether the store changed.
pub(super) fn learn(store: &mut Snapshot, sayings: &Sayings, changes: &mut Vec<DreamChange>) -> bool {
    if sayings.memories.is_empty() {
        return false;
    }
    let before = store.clone();
    let mut vocabulary = Vocabulary::default();
    let mut corpus = Corpus::read(&before, &mut vocabulary);
    let first_doc = corpus.docs.len();
    corpus.hear(&sayings.memories, &mut vocabulary);
    let outcomes = outcomes(&corpus, first_doc, sayings, &mut vocabulary);
    let mut edits: BTreeMap<MemoryPath, Vec<Edit>> = BTreeMap::new();
    let mut made = Vec::new();
    let mut added: Vec<usize> = Vec::new();
    for (lesson, outcome) in outcomes.into_iter().enumerate() {
        let said = &corpus.notes[corpus.docs[first_doc + lesson].notes.start];
        match outcome {
            Outcome::Known | Outcome::Overruled => {}
            Outcome::New => added.push(lesson),
            Outcome::Replaces(old) => {
                let path = |at: usize| corpus.docs[corpus.notes[at].doc].memory.path.clone();
                for (place, &at) in old.iter().enumerate() {
                    let statement = &corpus.notes[at].statement;
                    let edit = if place == 0 {
                        Edit { span: statement.text_span.clone(), with: said.statement.text.to_owned() }
                    } else {
                        Edit { span: statement.span.clone(), with: String::new() }
                    };
                    edits.entry(path(at)).or_default().push(edit);
                }
                made.push(change(
                    ChangeKind::Superseded,
                    path(old[0]),
                    said.statement.text,
                    &sayings.lessons[lesson],
                ));
                if let Some(change) = made.last_mut() {
                    change.replaced = old
                        .iter()
                        .map(|&at| Replaced {
                            path: path(at),
                            statement: corpus.notes[at].statement.text.to_owned(),
                        })
                        .collect();
                    change.because = "a user said otherwise since".to_owned();
                }
            }
        }
    }
    for (path, mut edits) in edits {
        edits.sort_by_key(|edit| edit.span.start);
        edits.dedup_by_key(|edit| edit.span.start);
        if let Some(memory) = before.get(&path) {
            write(store, path, rewrite::apply(&memory.content, &edits));
        }
    }
    for lesson in added {
        let said = corpus.notes[corpus.docs[first_doc + lesson].notes.start].statement.text;
        let lesson = &sayings.lessons[lesson];
        if let Some(path) = append(store, lesson.kind, said) {
            made.push(change(ChangeKind::Learned, path, said, lesson));
        }
    }
    changes.extend(made);
    store.hash() != before.hash()
}

fn change(kind: ChangeKind, path: MemoryPath, statement: &str, lesson: &Lesson) -> DreamChange {
    let because = match lesson.kind {
        LessonKind::Correction => "a user corrected the agent",
        LessonKind::Preference => "a user said how things are to be done",
        LessonKind::Fact => "a user said how things are",
    };
    DreamChange {
        kind,
        path,
        statement: Some(statement.to_owned()),
        replaced: Vec::new(),
        evidence: vec![EventRef { session: lesson.event.session.clone(), event: lesson.event.event }],
        because: because.to_owned(),
    }
}

fn outcomes(
    corpus: &Corpus<'_>,
    first_doc: usize,
    sayings: &Sayings,
    vocabulary: &mut Vocabulary,
) -> Vec<Outcome> {
    let lesson_of = |at: usize| corpus.notes[at].doc.checked_sub(first_doc);
    let neighbours = similar::neighbours(&corpus.notes);
    let superseded = contradictions::find(corpus, &neighbours, vocabulary);
    let mut replaces: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    let mut overruled: BTreeSet<usize> = BTreeSet::new();
    for pair in superseded {
        match (lesson_of(pair.old), lesson_of(pair.new)) {
            (Some(old), _) => {
                overruled.insert(old);
            }
            (None, Some(new)) => {
                replaces.entry(new).or_default().insert(pair.old);
            }
            (None, None) => {}
        }
    }
    let mut by_text: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, note) in corpus.notes.iter().enumerate() {
        by_text.entry(&note.normal).or_default().push(at);
    }
    (0..sayings.lessons.len())
        .map(|lesson| {
            let Some(at) = corpus.docs[first_doc + lesson].notes.clone().next() else {
                return Outcome::Known;
            };
            let note = &corpus.notes[at];
            let twins = by_text.get(note.normal.as_str()).into_iter().flatten().copied();
            let near = neighbours[at].iter().copied().filter(|&other| {
                duplicates::compare(note, &corpus.notes[other], vocabulary)
                    .is_some_and(|f| f != duplicates::Fuller::First)
            });
            let same: Vec<usize> = twins.chain(near).filter(|&other| other != at).collect();
            if overruled.contains(&lesson)
                || same.iter().any(|&other| lesson_of(other).is_some_and(|l| l > lesson))
            {
                return Outcome::Overruled;
            }
            let mut old = replaces.remove(&lesson).unwrap_or_default();
            if let Some(named) = &sayings.lessons[lesson].replaces {
                old.extend(named_statements(corpus, first_doc, named, vocabulary));
            }
            let known = same.iter().any(|&other| lesson_of(other).is_none());
            old.retain(|&other| !same.contains(&other) && !corpus.notes[other].statement.leads);
            match (known, old.is_empty()) {
                (true, _) => Outcome::Known,
                (false, true) => Outcome::New,
                (false, false) => Outcome::Replaces(old.into_iter().collect()),
            }
        })
        .collect()
}

/// Finds the statements that say to use what a user no longer wants used: its name and little else.
fn named_statements(
    corpus: &Corpus<'_>,
    first_doc: usize,
    named: &str,
    vocabulary: &mut Vocabulary,
) -> Vec<usize> {
    /// A statement that says more than this besides the name is about more than the name.
    const OTHER_WORDS: usize = 2;
    /// More matches than this mean that the name is used all over the store.
    const MATCHES: usize = 3;
    let wanted: Vec<u32> =
        vocabulary.words(named).iter().filter(|w| w.class == Class::Content).map(|w| w.stem).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let directs = |word: &str| {
        matches!(
            word,
            "use"
                | "uses"
                | "using"
                | "used"
                | "prefer"
                | "prefers"
                | "preferred"
                | "always"
                | "run"
                | "user"
        ) || lexicon::is_function_word(word)
    };
    let found: Vec<usize> = (0..corpus.notes.len())
        .filter(|&at| corpus.notes[at].doc < first_doc)
        .filter(|&at| {
            let stems: Vec<u32> = corpus.notes[at].content().map(|w| w.stem).collect();
            let others = corpus.notes[at].content().filter(|w| !directs(vocabulary.text(w.id))).count();
            stems.windows(wanted.len()).any(|window| window == wanted) && others <= wanted.len() + OTHER_WORDS
        })
        .collect();
    if found.len() > MATCHES { Vec::new() } else { found }
}

/// Appends a statement to the memory for its kind; starts the next part when that is full.
fn append(store: &mut Snapshot, kind: LessonKind, statement: &str) -> Option<MemoryPath> {
    let (folder, title) = match kind {
        LessonKind::Correction | LessonKind::Preference => ("preferences", "Preferences"),
        LessonKind::Fact => ("facts", "Facts"),
    };
    let own = MemoryPath::parse(&format!("/{folder}.md")).ok().filter(|path| store.get(path).is_some());
    let parts = (1..).map_while(|part| {
        let suffix = if part == 1 { String::new() } else { format!("-{part}") };
        MemoryPath::parse(&format!("/{folder}/learned{suffix}.md")).ok()
    });
    for path in own.into_iter().chain(parts) {
        let blocked = store.get(&path).is_none() && store.iter().any(|m| m.path.collides_with(&path));
        if blocked {
            // The folder's own name is a memory; its sibling folder is free.
            return append_at(
                store,
                MemoryPath::parse(&format!("/learned/{folder}.md")).ok()?,
                title,
                statement,
            );
        }
        let size = store.get(&path).map_or(title.len(), |m| m.content.len());
        if size + statement.len() + 8 <= MEMORY_BYTES_LIMIT {
            return append_at(store, path, title, statement);
        }
    }
    None
}

fn append_at(store: &mut Snapshot, path: MemoryPath, title: &str, statement: &str) -> Option<MemoryPath> {
    let mut content = match store.get(&path) {
        Some(memory) => memory.content.to_string(),
        None if store.iter().any(|m| m.path.collides_with(&path)) => return None,
        None => format!("# {title}\n"),
    };
    if !content.is_empty() && !content.ends_with('\n') {
        content.push('\n');
    }
    let ends_in_list =
        content.trim_end().lines().last().is_some_and(|line| line.trim_start().starts_with("- "));
    if !ends_in_list {
        content.push('\n');
    }
    content.push_str("- ");
    content.push_str(statement);
    content.push('\n');
    if content.len() > MEMORY_BYTES_LIMIT {
        return None;
    }
    write(store, path.clone(), content);
    Some(path)
}

/// Writes a memory, keeping the time of the one it replaces.
fn write(store: &mut Snapshot, path: MemoryPath, content: String) {
    let updated_at = store.get(&path).and_then(|m| m.updated_at);
    let mut memory = Memory::new(path, content);
    memory.updated_at = updated_at;
    store.insert(memory);
}

/// Says whether a text could hold a secret; the `secrets` gate looks closer, this only keeps clear.
fn may_be_secret(text: &str) -> bool {
    let lower = text.to_lowercase();
    let named = [
        "password",
        "passwd",
        "secret",
        "token",
        "api key",
        "apikey",
        "api_key",
        "private key",
        "credential",
    ]
    .iter()
    .filter_map(|name| lower.find(name).map(|at| &lower[at + name.len()..]))
    .any(|after| {
        let value = after.trim_start_matches(|c: char| c.is_alphabetic() && c != ':').trim_start();
        let given = value.strip_prefix([':', '=']).or_else(|| after.trim_start().strip_prefix("is "));
        given.is_some_and(|v| {
            v.split_whitespace()
                .next()
                .is_some_and(|w| w.len() >= 6 && w.contains(|c: char| !c.is_alphabetic()))
        })
    });
    let known = ["-----begin", "sk-", "ghp_", "github_pat_", "akia", "xoxb-", "xoxp-", "glpat-", "eyj"];
    let marked = lower
        .split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '=' | '(' | ','))
        .any(|word| word.len() >= 16 && known.iter().any(|mark| word.starts_with(mark)));
    let random =
        text.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/' | '=')).any(|word| {
            let has = |test: fn(&u8) -> bool| word.bytes().filter(|b| test(b)).count() >= 3;
            word.len() >= 24
                && has(u8::is_ascii_digit)
                && has(u8::is_ascii_lowercase)
                && has(u8::is_ascii_uppercase)
        });
    named || marked || random
}
