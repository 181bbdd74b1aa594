//! Lessons: what users said becomes memory, next to what it corrects or in a memory of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use jiff::civil::Date;

use crate::dream::{ChangeKind, DreamChange, EventRef, Replaced};
use crate::memory::{Memory, MemoryPath};
use crate::snapshot::Snapshot;
use crate::text::lexicon;
use crate::text::specifics::Kind;

use super::additions::Additions;
use super::contradictions;
use super::corpus::{Corpus, Note};
use super::duplicates::{self, Fuller};
use super::fate::quoted;
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
    /// It takes the place of others.
    Replaces {
        /// Those that say otherwise.
        old: Vec<usize>,
        /// Those that say the same, under a day that has passed.
        twins: Vec<usize>,
        /// The statement that says it already and stays.
        stands: Option<usize>,
    },
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
    let mut edits: BTreeMap<usize, Vec<Edit>> = BTreeMap::new();
    let mut made = Vec::new();
    let mut additions = Additions::default();
    let path = |at: usize| corpus.docs[corpus.notes[at].doc].memory.path.clone();
    for (lesson, outcome) in outcomes.into_iter().enumerate() {
        let said = &corpus.notes[corpus.docs[first_doc + lesson].notes.start];
        let text = said.statement.text;
        let lesson = &sayings.lessons[lesson];
        match outcome {
            Outcome::Known | Outcome::Overruled => {}
            Outcome::New => {
                if let Some(path) = additions.put(store, lesson.kind, None, text) {
                    knowledge.renewed.insert(path.clone());
                    made.push(learned(ChangeKind::Learned, path, text, lesson));
                }
            }
            Outcome::Replaces { old, twins, stands } => {
                let place = stands.or_else(|| place(&corpus, &old, said));
                let heir = match place {
                    Some(at) => Some(path(at)),
                    None => additions.put(store, LessonKind::Fact, day(said), text),
                };
                let Some(heir) = heir else { continue };
                let homes = homes(&corpus, &old, place, said);
                let at_home: BTreeSet<usize> = homes.iter().filter_map(|(home, _)| *home).collect();
                for &home in &at_home {
                    if is_behind(&corpus.notes[home], said) {
                        knowledge.renewed.insert(path(home));
                    }
                }
                for &at in old.iter().chain(&twins).filter(|&&at| Some(at) != stands) {
                    let statement = &corpus.notes[at].statement;
                    let edit = if at_home.contains(&at) {
                        Edit { span: statement.text_span.clone(), with: text.to_owned() }
                    } else {
                        Edit { span: statement.span.clone(), with: String::new() }
                    };
                    edits.entry(corpus.notes[at].doc).or_default().push(edit);
                }
                let merged = (ChangeKind::Merged, heir.clone(), twins);
                let superseded = homes.into_iter().map(|(home, gone)| {
                    (ChangeKind::Superseded, home.map_or_else(|| heir.clone(), path), gone)
                });
                for (kind, heir, gone) in superseded.chain([merged]).filter(|(.., gone)| !gone.is_empty()) {
                    let replaced = |at: usize| Replaced {
                        path: path(at),
                        statement: corpus.notes[at].statement.text.to_owned(),
                    };
                    let mut change = learned(kind, heir, text, lesson);
                    change.replaced = gone.into_iter().map(replaced).collect();
                    change.because = because(kind, &change.path, text, day(said));
                    made.push(change);
                }
            }
        }
    }
    for (doc, mut edits) in edits {
        edits.sort_by_key(|edit| edit.span.start);
        edits.dedup_by(|later, first| later.span.start < first.span.end);
        let doc = &corpus.docs[doc];
        let path = doc.memory.path.clone();
        if edits.len() == doc.notes.len() && edits.iter().all(|edit| edit.with.is_empty()) {
            store.remove(&path);
        } else {
            write(store, path, rewrite::apply(&doc.memory.content, &edits));
        }
    }
    for (path, content) in additions.contents {
        write(store, path, content);
    }
    changes.extend(made);
    store.hash() != before.hash()
}

/// Returns which of these statements a saying takes the place of, if it stays as new there as it is.
///
/// On a page that is dated earlier it would look as old as the page, and a statement of a day between
/// the two would later overrule it.
fn place(corpus: &Corpus<'_>, old: &[usize], said: &Note<'_>) -> Option<usize> {
    let places = old.iter().copied().filter(|&at| !is_dated_before(&corpus.notes[at], said));
    places.reduce(|best, at| if corpus.is_before(best, at) { at } else { best })
}

/// Returns, for each place where a saying comes to stand, the statements it takes the place of there. What
/// stands in a context that `place` does not share is brought up to date where it stands.
fn homes(
    corpus: &Corpus<'_>,
    old: &[usize],
    place: Option<usize>,
    said: &Note<'_>,
) -> Vec<(Option<usize>, Vec<usize>)> {
    let mut homes: Vec<(Option<usize>, Vec<usize>)> = vec![(place, Vec::new())];
    let mut by_context: HashMap<(&str, &str), usize> = HashMap::new();
    for &at in old {
        let note = &corpus.notes[at];
        let is_apart =
            place.is_some_and(|place| at != place && !duplicates::share_context(corpus, at, place));
        let home = if is_apart && !is_dated_before(note, said) {
            let context = (corpus.docs[note.doc].family.as_str(), &*note.trail);
            *by_context.entry(context).or_insert_with(|| {
                homes.push((Some(at), Vec::new()));
                homes.len() - 1
            })
        } else {
            0
        };
        homes[home].1.push(at);
    }
    homes
}

/// Says whether a day is named for a note that is before the day of a saying.
fn is_dated_before(note: &Note<'_>, said: &Note<'_>) -> bool {
    const DAY_SECONDS: i64 = 86_400;
    match (note.moment, said.moment) {
        (Some(there), Some(said)) => there.explicit && there.second < said.second - said.second % DAY_SECONDS,
        _ => false,
    }
}

/// Says whether a note's memory was last written before a saying.
fn is_behind(note: &Note<'_>, said: &Note<'_>) -> bool {
    note.moment.zip(said.moment).is_some_and(|(there, said)| !there.explicit && there.second < said.second)
}

/// Returns the day something was said.
fn day(said: &Note<'_>) -> Option<Date> {
    let at = Timestamp::from_second(said.moment?.second).ok()?;
    Some(at.to_zoned(jiff::tz::TimeZone::UTC).date())
}

/// Says in a clause why a saying took the place of others.
fn because(kind: ChangeKind, heir: &MemoryPath, text: &str, day: Option<Date>) -> String {
    let on = day.map_or_else(String::new, |day| format!(" on {day}"));
    match kind {
        ChangeKind::Superseded => format!("a user said{on}: {} (in {heir})", quoted(text)),
        _ => format!("a user said the same{on}; it stands in {heir}"),
    }
}

fn learned(kind: ChangeKind, path: MemoryPath, statement: &str, lesson: &Lesson) -> DreamChange {
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
    let mut settled: BTreeSet<usize> = BTreeSet::new();
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
            // The store settles this by itself.
            (None, None) => {
                settled.insert(pair.old);
            }
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
            let named = named.remove(&lesson).unwrap_or_default();
            old.extend(named.into_iter().filter(|at| !settled.contains(at)));
            let known: Vec<usize> = same.iter().copied().filter(|&o| lesson_of(o).is_none()).collect();
            // What another saying put there stays, or two sayings could take turns for ever.
            let is_said = |other: usize| twins_of(other).is_some_and(|(_, last)| lesson_of(last).is_some());
            old.retain(|&other| {
                !same.contains(&other) && !corpus.notes[other].statement.leads && !is_said(other)
            });
            let old: Vec<usize> = old.into_iter().collect();
            let said = &corpus.notes[at];
            let (passed, lasting): (Vec<usize>, Vec<usize>) =
                known.iter().copied().partition(|&other| is_dated_before(&corpus.notes[other], said));
            // What the store settles by itself needs no saying.
            let is_settled = old.iter().all(|old| settled.contains(old));
            if let Some(&stands) = lasting.first() {
                return if is_settled {
                    Outcome::Known
                } else {
                    Outcome::Replaces { old, twins: Vec::new(), stands: Some(stands) }
                };
            }
            // What stands in other words is left to stand, unless its day lets an older word win.
            let is_twin = |other: &usize| {
                corpus.notes[*other].normal_id == said.normal_id && !corpus.notes[*other].statement.leads
            };
            let twins: BTreeSet<usize> = passed.iter().copied().filter(is_twin).collect();
            let is_known = !passed.is_empty() && twins.is_empty() && is_settled;
            match (is_known, old.is_empty() && twins.is_empty()) {
                (true, _) => Outcome::Known,
                (false, true) => Outcome::New,
                (false, false) => Outcome::Replaces { old, twins: twins.into_iter().collect(), stands: None },
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
    // A figure names nothing: 14 days may be the time of anything.
    let mut figures: BTreeSet<usize> = BTreeSet::new();
    for (lesson, named) in sayings.lessons.iter().enumerate() {
        let Some(named) = &named.replaces else { continue };
        let words = vocabulary.words(named);
        let stems: Vec<u32> = words.iter().filter(|w| w.class == Class::Content).map(|w| w.stem).collect();
        if words.iter().any(|w| matches!(w.specific, Some(Kind::Number | Kind::Date))) {
            figures.insert(lesson);
        }
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
    let is_of_subject = |lesson: usize, note: &Note<'_>| {
        let said = &corpus.notes[corpus.docs[first_doc + lesson].notes.start];
        let subject = |note: &Note<'_>| note.claim.as_ref().map(|claim| claim.subject.clone());
        subject(said).is_some() && subject(said) == subject(note)
    };
    let mut found: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let in_store = corpus.notes.iter().enumerate().take_while(|(_, note)| note.doc < first_doc);
    for (at, note) in in_store {
        if !note.words.iter().any(|w| wanted.contains_key(&w.stem)) {
            continue;
        }
        let stems: Vec<u32> = note.content.iter().map(|w| w.stem).collect();
        let others = note.content.iter().filter(|w| !directs(vocabulary.text(w.id))).count();
        for (from, stem) in stems.iter().enumerate() {
            for (lesson, name) in wanted.get(stem).into_iter().flatten() {
                let matches = found.entry(*lesson).or_default();
                let fits = others <= name.len() + OTHER_WORDS
                    && stems[from..].starts_with(name)
                    && (!figures.contains(lesson) || is_of_subject(*lesson, note));
                if fits && matches.len() <= MATCHES && matches.last() != Some(&at) {
                    matches.push(at);
                }
            }
        }
    }
    found.retain(|_, matches| matches.len() <= MATCHES);
    found
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
