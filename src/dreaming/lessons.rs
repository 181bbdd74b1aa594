//! Lessons: what users said becomes memory, next to what it corrects or in a memory of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use crate::dream::{ChangeKind, DreamChange, EventRef, Replaced};
use crate::memory::{MEMORY_BYTES_LIMIT, Memory, MemoryPath};
use crate::snapshot::Snapshot;
use crate::text::lexicon;

use super::contradictions;
use super::corpus::Corpus;
use super::duplicates::{self, Fuller};
use super::knowledge::Knowledge;
use super::phrase::{Class, Vocabulary};
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
    pub(super) fn new(
        lessons: impl IntoIterator<Item = (Timestamp, Lesson)>,
        knowledge: &mut Knowledge,
    ) -> Self {
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
        sayings.without_overruled(knowledge)
    }

    /// Leaves out what a later saying repeats or overrules. That is settled once and without the store,
    /// so that it does not depend on how much of it the store has taken in.
    fn without_overruled(self, knowledge: &mut Knowledge) -> Self {
        let mut corpus = Corpus::default();
        corpus.hear(&self.memories, &mut knowledge.vocabulary);
        let stays: Vec<bool> = outcomes(&corpus, 0, &self, knowledge, true)
            .into_iter()
            .map(|outcome| outcome != Outcome::Overruled)
            .collect();
        let kept = |(saying, stays): (_, bool)| stays.then_some(saying);
        Self {
            lessons: self.lessons.into_iter().zip(stays.iter().copied()).filter_map(kept).collect(),
            memories: self
                .memories
                .into_iter()
                .zip(stays)
                .filter_map(|(memory, stays)| stays.then_some(memory))
                .collect(),
        }
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
pub(super) fn learn(
    store: &mut Snapshot,
    sayings: &Sayings,
    changes: &mut Vec<DreamChange>,
    knowledge: &mut Knowledge,
) -> bool {
    if sayings.memories.is_empty() {
        return false;
    }
    let before = store.clone();
    let mut corpus = Corpus::read(&before, &mut knowledge.vocabulary);
    let first_doc = corpus.docs.len();
    corpus.hear(&sayings.memories, &mut knowledge.vocabulary);
    let outcomes = outcomes(&corpus, first_doc, sayings, knowledge, false);
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
    let mut additions = Additions::default();
    for lesson in added {
        let said = corpus.notes[corpus.docs[first_doc + lesson].notes.start].statement.text;
        let lesson = &sayings.lessons[lesson];
        if let Some(path) = additions.append(store, lesson.kind, said) {
            made.push(change(ChangeKind::Learned, path, said, lesson));
        }
    }
    for (path, content) in additions.contents {
        write(store, path, content);
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
    knowledge: &mut Knowledge,
    among_themselves: bool,
) -> Vec<Outcome> {
    let lesson_of = |at: usize| corpus.notes[at].doc.checked_sub(first_doc);
    let neighbours = similar::neighbours(&corpus.notes, knowledge.vocabulary.key_count());
    let (vocabulary, likeness) = (&knowledge.vocabulary, &mut knowledge.likeness);
    let superseded = contradictions::find(corpus, &neighbours, vocabulary, likeness);
    let mut replaces: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    let mut overruled: BTreeSet<usize> = BTreeSet::new();
    for pair in superseded {
        match (lesson_of(pair.old), lesson_of(pair.new)) {
            // Sayings settle their differences among themselves, before they meet a store.
            (Some(_), Some(_)) if !among_themselves => {}
            (Some(old), _) => {
                overruled.insert(old);
            }
            (None, Some(new)) => {
                replaces.entry(new).or_default().insert(pair.old);
            }
            (None, None) => {}
        }
    }
    let mut named = named_statements(corpus, first_doc, sayings, &mut knowledge.vocabulary);
    let mut near = near(corpus, first_doc, &neighbours, knowledge);
    // The first and the last note of each wording: the store's come first, the latest saying last.
    let mut twins: HashMap<u32, (usize, usize)> = HashMap::new();
    for (at, note) in corpus.notes.iter().enumerate() {
        twins.entry(note.normal_id).or_insert((at, at)).1 = at;
    }
    (0..sayings.lessons.len())
        .map(|lesson| {
            let Some(at) = corpus.docs[first_doc + lesson].notes.clone().next() else {
                return Outcome::Known;
            };
            let twins_of = |at: usize| twins.get(&corpus.notes[at].normal_id).copied();
            let twins = twins_of(at).into_iter().flat_map(|(first, last)| [first, last]);
            let near = near.remove(&at).unwrap_or_default();
            let same: Vec<usize> = twins.chain(near).filter(|&other| other != at).collect();
            let is_repeated =
                among_themselves && same.iter().any(|&other| lesson_of(other).is_some_and(|l| l > lesson));
            if overruled.contains(&lesson) || is_repeated {
                return Outcome::Overruled;
            }
            let mut old = replaces.remove(&lesson).unwrap_or_default();
            old.extend(named.remove(&lesson).unwrap_or_default());
            let known = same.iter().any(|&other| lesson_of(other).is_none());
            // What another saying put there stays, or two sayings could take turns for ever.
            let is_said = |other: usize| twins_of(other).is_some_and(|(_, last)| lesson_of(last).is_some());
            old.retain(|&other| {
                !same.contains(&other) && !corpus.notes[other].statement.leads && !is_said(other)
            });
            match (known, old.is_empty()) {
                (true, _) => Outcome::Known,
                (false, true) => Outcome::New,
                (false, false) => Outcome::Replaces(old.into_iter().collect()),
            }
        })
        .collect()
}

/// Finds, for each saying, the neighbours that say the same and no less.
fn near(
    corpus: &Corpus<'_>,
    first_doc: usize,
    neighbours: &[Vec<usize>],
    knowledge: &mut Knowledge,
) -> BTreeMap<usize, Vec<usize>> {
    let first = corpus.docs.get(first_doc).map_or(corpus.notes.len(), |doc| doc.notes.start);
    let pairs: Vec<(usize, usize)> = (first..corpus.notes.len())
        .flat_map(|at| neighbours[at].iter().map(move |&other| (at, other)))
        .collect();
    let vocabulary = &knowledge.vocabulary;
    let same = knowledge.same.compare(&corpus.notes, &pairs, |a, b| duplicates::compare(a, b, vocabulary));
    let mut near: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for ((at, other), same) in pairs.into_iter().zip(same) {
        if same.is_some_and(|fuller| fuller != Fuller::First) {
            near.entry(at).or_default().push(other);
        }
    }
    near
}

/// Finds, for each saying that names what it replaces, the statements that say to use that: its name
/// and little else.
fn named_statements(
    corpus: &Corpus<'_>,
    first_doc: usize,
    sayings: &Sayings,
    vocabulary: &mut Vocabulary,
) -> BTreeMap<usize, Vec<usize>> {
    /// A statement that says more than this besides the name is about more than the name.
    const OTHER_WORDS: usize = 2;
    /// More matches than this mean that the name is used all over the store.
    const MATCHES: usize = 3;
    let mut wanted: BTreeMap<u32, Vec<(usize, Vec<u32>)>> = BTreeMap::new();
    for (lesson, named) in sayings.lessons.iter().enumerate() {
        let Some(named) = &named.replaces else { continue };
        let stems: Vec<u32> =
            vocabulary.words(named).iter().filter(|w| w.class == Class::Content).map(|w| w.stem).collect();
        if let Some(&first) = stems.first() {
            wanted.entry(first).or_default().push((lesson, stems));
        }
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
    let mut found: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let in_store = corpus.notes.iter().enumerate().take_while(|(_, note)| note.doc < first_doc);
    for (at, note) in in_store {
        if !note.words.iter().any(|w| wanted.contains_key(&w.stem)) {
            continue;
        }
        let stems: Vec<u32> = note.content().map(|w| w.stem).collect();
        let others = note.content().filter(|w| !directs(vocabulary.text(w.id))).count();
        for (from, stem) in stems.iter().enumerate() {
            for (lesson, name) in wanted.get(stem).into_iter().flatten() {
                let matches = found.entry(*lesson).or_default();
                let fits = others <= name.len() + OTHER_WORDS && stems[from..].starts_with(name);
                if fits && matches.len() <= MATCHES && matches.last() != Some(&at) {
                    matches.push(at);
                }
            }
        }
    }
    found.retain(|_, matches| matches.len() <= MATCHES);
    found
}

/// The memories that new statements are appended to, each written once.
#[derive(Debug, Default)]
struct Additions {
    open: BTreeMap<LessonKind, MemoryPath>,
    contents: BTreeMap<MemoryPath, String>,
}

impl Additions {
    /// Appends a statement to the memory for its kind, or to the next part when that is full. Returns
    /// where it went.
    fn append(&mut self, store: &Snapshot, kind: LessonKind, statement: &str) -> Option<MemoryPath> {
        let line = format!("- {statement}\n");
        let fits = |content: &String| content.len() + line.len() < MEMORY_BYTES_LIMIT;
        let path = match self.open.get(&kind).filter(|path| self.contents.get(*path).is_some_and(fits)) {
            Some(path) => path.clone(),
            None => {
                let (path, content) = candidates(kind)
                    .filter(|path| !self.contents.contains_key(path))
                    .filter(|path| is_free(store, path))
                    .map(|path| {
                        let content = opened(store, &path, kind);
                        (path, content)
                    })
                    .find(|(_, content)| fits(content))?;
                self.contents.insert(path.clone(), content);
                self.open.insert(kind, path.clone());
                path
            }
        };
        self.contents.get_mut(&path)?.push_str(&line);
        Some(path)
    }
}

/// Where statements of a kind go, the first choice first.
fn candidates(kind: LessonKind) -> impl Iterator<Item = MemoryPath> {
    /// More parts than any store has room for.
    const PARTS: usize = 10_000;
    let folder = match kind {
        LessonKind::Correction | LessonKind::Preference => "preferences",
        LessonKind::Fact => "facts",
    };
    let own = [format!("/{folder}.md"), format!("/{folder}/learned.md")];
    let parts = (2..PARTS).map(move |part| format!("/{folder}/learned-{part}.md"));
    let aside = [format!("/learned/{folder}.md")];
    let aside_parts = (2..PARTS).map(move |part| format!("/learned/{folder}-{part}.md"));
    own.into_iter()
        .chain(parts)
        .chain(aside)
        .chain(aside_parts)
        .filter_map(|path| MemoryPath::parse(&path).ok())
}

/// Says whether a statement may go to a path: a memory for statements stands there, or nothing does
/// and nothing is in the way. `/preferences.md` is only used where it exists.
fn is_free(store: &Snapshot, path: &MemoryPath) -> bool {
    let exists = store.get(path).is_some();
    let in_folder = path.as_str().matches('/').count() > 1;
    exists || in_folder && !store.iter().any(|memory| memory.path.collides_with(path))
}

/// Returns a memory's text, ready to have list items appended.
fn opened(store: &Snapshot, path: &MemoryPath, kind: LessonKind) -> String {
    let title = match kind {
        LessonKind::Correction | LessonKind::Preference => "# Preferences\n",
        LessonKind::Fact => "# Facts\n",
    };
    let mut content = store.get(path).map_or_else(|| title.to_owned(), |memory| memory.content.to_string());
    if !content.is_empty() && !content.ends_with('\n') {
        content.push('\n');
    }
    let last = content.trim_end().lines().last().unwrap_or_default();
    if !last.trim_start().starts_with("- ") {
        content.push('\n');
    }
    content
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
            let has = |test: fn(&u8) -> bool| word.bytes().filter(&test).count() >= 3;
            word.len() >= 24
                && has(u8::is_ascii_digit)
                && has(u8::is_ascii_lowercase)
                && has(u8::is_ascii_uppercase)
        });
    named || marked || random
}
