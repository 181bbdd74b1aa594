//! Places: what a statement stands under, and whether it may stand under something else.

use std::collections::HashSet;

use jiff::civil::Date;
use xxhash_rust::xxh3::xxh3_64;

use crate::memory::{ContentHash, MemoryPath};
use crate::text::date;
use crate::text::heading::says_something;
use crate::text::lexicon;
use crate::text::normal::normal;
use crate::text::statement::Statement;

use super::label::Label;
use super::likeness::are_forms;
use super::phrase::{Atom, Group, Phrase, word_key};
use super::polarity::Turn;
use super::standing::Standing;

/// One heading, lead or name of a file that statements stand under.
#[derive(Debug, Clone)]
struct Level {
    /// Its words, by key and as they are.
    keys: Vec<u64>,
    words: Vec<String>,
    /// Those of its words that name somebody or something.
    names: Vec<u64>,
    /// Equal for the same words.
    id: u64,
    /// The first word of several, which may be the form of its siblings.
    form: Option<String>,
    /// Whether it is the name of somebody or something.
    is_name: bool,
    /// Whether it is the name of the memory's file.
    is_file: bool,
    /// Whether it is a heading, and not an item or a line that leads a list.
    is_heading: bool,
    /// As it is written.
    text: String,
    label: Label,
}

impl Level {
    /// Says whether it holds what stands below it to a case or a time: `If it fails:`, `Before a release`.
    fn is_condition(&self) -> bool {
        /// With `to` behind it, it says how something is done: `When to use`.
        const CASES: &[&str] =
            &["if", "unless", "whenever", "when", "before", "after", "during", "until", "while"];
        let lower = self.text.to_lowercase();
        let mut words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        match (words.next(), words.next()) {
            (Some("in"), Some("case")) => true,
            (Some(first), Some(second)) => !self.is_file && CASES.contains(&first) && second != "to",
            _ => false,
        }
    }
}

/// What statements stand under.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Equal for the same headings and parents.
    pub(super) trail: u64,
    /// The words of all levels.
    pub(super) keys: Vec<u64>,
    /// From the file's name inwards.
    levels: Vec<Level>,
    dates: Vec<Date>,
    /// The innermost heading that is a date and nothing else.
    day: Option<Date>,
    /// Whether an odd number of its levels say `not`.
    denies: bool,
    /// The same of levels that say of what stands under them that it is not so, and of nothing else.
    denies_all: bool,
    /// The strongest standing that one of its headings gives to all below it.
    standing: Standing,
    /// Whether one of its headings holds what stands below to one case.
    is_limited: bool,
    title: String,
}

/// Words that head sections and name no one.
pub(super) const SECTION_WORDS: &[&str] = &[
    "misc",
    "miscellaneous",
    "style",
    "notes",
    "note",
    "general",
    "overview",
    "summary",
    "setup",
    "usage",
    "commands",
    "preferences",
    "preference",
    "facts",
    "fact",
    "people",
    "team",
    "project",
    "projects",
    "architecture",
    "testing",
    "tests",
    "deploy",
    "deployment",
    "deployments",
    "build",
    "conventions",
    "decisions",
    "context",
    "background",
    "details",
    "tasks",
    "todo",
    "tools",
    "tooling",
    "workflow",
    "workflows",
    "process",
    "processes",
    "procedures",
    "steps",
    "tips",
    "gotchas",
    "pitfalls",
    "troubleshooting",
    "debugging",
    "errors",
    "issues",
    "known",
    "learned",
    "lessons",
    "memory",
    "memories",
    "index",
    "other",
    "more",
    "work",
    "personal",
    "home",
    "food",
    "health",
    "hobbies",
    "family",
    "schedule",
    "meetings",
    "contacts",
    "resources",
    "references",
    "links",
    "faq",
    "environment",
    "configuration",
    "config",
    "settings",
    "operations",
    "ops",
    "security",
    "performance",
    "data",
    "code",
    "coding",
    "review",
    "reviews",
    "releases",
    "release",
    "playbooks",
    "runbooks",
    "guidelines",
    "rules",
    "policies",
    "policy",
    "support",
    "billing",
    "infrastructure",
    "and",
];

/// Reads what a statement stands under; `is_common` says of a word whether it is written small anywhere.
pub(super) fn read(path: &MemoryPath, statement: &Statement<'_>, is_common: &dyn Fn(&str) -> bool) -> Place {
    let mut place = Place {
        trail: trail(statement),
        keys: Vec::new(),
        levels: Vec::new(),
        dates: Vec::new(),
        day: None,
        denies: false,
        denies_all: false,
        standing: Standing::Holds,
        is_limited: false,
        title: String::new(),
    };
    let words = file_words(path);
    place.add(&words, &|_| false);
    if let Some(level) = place.levels.last_mut() {
        level.is_file = true;
        level.is_name = !words.is_empty()
            && words
                .split_whitespace()
                .all(|word| !is_common(word) && !SECTION_WORDS.contains(&word) && !is_plain(word));
    }
    place.dates.extend(date::in_path(path.as_str()));
    for (at, text) in statement.headings.iter().chain(&statement.parents).enumerate() {
        match date::in_text(text) {
            Some(date) => {
                place.dates.push(date);
                place.day = Some(date).filter(|_| is_bare_date(text)).or(place.day);
            }
            None => place.add_level(text, at < statement.headings.len(), is_common),
        }
        place.title = (*text).to_owned();
    }
    if place.title.is_empty() {
        place.title = path.as_str().to_owned();
    }
    place
}

/// Says whether a heading says when, and nothing else: not `As of 2026-03-01`.
fn is_bare_date(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let is_when = |word: &str| {
        word.bytes().all(|b| b.is_ascii_digit()) || lexicon::month(&word.to_lowercase()).is_some()
    };
    words.all(is_when)
}

/// Says whether a word is one of everyday language and no name as well.
fn is_plain(word: &str) -> bool {
    lexicon::is_common(word) && !lexicon::is_also_name(word)
}

/// Returns a number that is equal for the same headings and parents.
pub(super) fn trail(statement: &Statement<'_>) -> u64 {
    let mut hash = 0_u64;
    for text in statement.headings.iter().chain(&statement.parents) {
        hash = hash.rotate_left(7).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ xxh3_64(text.as_bytes());
    }
    hash
}

impl Place {
    fn add_level(&mut self, text: &str, is_heading: bool, is_common: &dyn Fn(&str) -> bool) {
        self.add(text, is_common);
        if let Some(level) = self.levels.last_mut() {
            level.is_heading = is_heading;
            self.standing = self.standing.max(level.label.standing);
            self.is_limited |= level.label.is_limited;
        }
    }

    fn add(&mut self, text: &str, is_common: &dyn Fn(&str) -> bool) {
        /// A longer lead is read up to here.
        const LEVEL_BYTES: usize = 400;
        /// So many words after a `not` are what it is about: `the job never starts on Mondays` is a topic.
        const OBJECT: usize = 3;
        let end = (0..=text.len().min(LEVEL_BYTES)).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
        let text = &text[..end];
        let phrase = Phrase::of(text);
        let keys: Vec<u64> =
            phrase.atoms.iter().filter(|a| !matches!(a.group, Group::Turn(_))).map(|atom| atom.key).collect();
        let is_denial = |atom: &Atom| atom.group == Group::Turn(Turn::Not);
        let denials = phrase.atoms.iter().filter(|atom| is_denial(atom)).count();
        self.denies ^= denials % 2 == 1;
        let follow = phrase.atoms.iter().rev().take_while(|atom| !is_denial(atom));
        let has_object = follow.filter(|atom| atom.weight() > 0).count() >= OBJECT;
        self.denies_all ^= denials % 2 == 1 && !has_object;
        let is_named = |atom: &Atom| {
            let word = text.get(atom.span.clone()).unwrap_or_default();
            if SECTION_WORDS.contains(&word.to_lowercase().as_str()) {
                return false;
            }
            atom.group.is_specific() && atom.group != Group::Name
                || (atom.group == Group::Name || atom.is_capital)
                    && !is_common(&word.to_lowercase())
                    && !is_plain(&word.to_lowercase())
        };
        let names: Vec<u64> = phrase.atoms.iter().filter(|a| is_named(a)).map(|atom| atom.key).collect();
        let is_name = !keys.is_empty() && keys.len() <= 4 && !names.is_empty();
        let id = keys.iter().fold(0, |hash: u64, key| hash.rotate_left(5) ^ key);
        self.keys.extend_from_slice(&keys);
        let form = text.split_once(char::is_whitespace).map(|(first, _)| first.to_lowercase());
        let words = phrase
            .atoms
            .iter()
            .filter_map(|atom| text.get(atom.span.clone()))
            .map(str::to_lowercase)
            .collect();
        let (label, text) = (Label::read(text, &phrase), text.to_owned());
        let (is_file, is_heading) = (false, false);
        self.levels.push(Level { keys, words, names, id, form, is_name, is_file, is_heading, text, label });
    }

    /// Returns what parts two places: the innermost heading of each that the other does not have.
    pub(super) fn parted<'p>(&'p self, other: &'p Self) -> (&'p str, &'p str) {
        let own = |place: &'p Self, theirs: &Self| {
            let is_new = |level: &&Level| !theirs.levels.iter().any(|other| other.id == level.id);
            let level = place.levels.iter().skip(1).rev().find(is_new);
            level.map_or(place.title.as_str(), |level| level.text.as_str())
        };
        (own(self, other), own(other, self))
    }

    /// The numbers of its levels below the file.
    pub(super) fn level_ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.levels.iter().skip(1).map(|level| level.id)
    }
}

/// The sections that both stores know.
#[derive(Debug, Default)]
pub(super) struct Sections {
    pub(super) before: HashSet<u64>,
    pub(super) after: HashSet<u64>,
    /// What the second store says.
    pub(super) said: HashSet<ContentHash>,
}

/// Where the words of a statement stood before besides, as seen from where they stand now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stood {
    /// Not there.
    Nowhere,
    /// In the same memory.
    Near,
    /// Under the very same headings and parents.
    Twin,
}

/// What the places of a statement are judged by.
#[derive(Debug)]
pub(super) struct Moved<'m> {
    /// The words of the statement.
    pub(super) text: &'m HashSet<u64>,
    /// Whether it has no subject of its own.
    pub(super) leans: bool,
    /// Where it stood before besides.
    pub(super) stood: Stood,
    /// Whether it stayed in its memory.
    pub(super) is_home: bool,
}

/// Says whether what stood under `old` says the same under `new`.
pub(super) fn suits(old: &Place, new: &Place, moved: &Moved<'_>, sections: &Sections) -> bool {
    let &Moved { text, leans, stood, is_home } = moved;
    if old.trail == new.trail
        && old.levels.first().map(|l| l.id) == new.levels.first().map(|l| l.id)
        && old.dates == new.dates
    {
        return true;
    }
    let left = |from: &Place, other: &Place| -> Vec<Level> {
        from.levels
            .iter()
            .filter(|level| {
                let is_there = |key: &u64| other.keys.contains(key) || text.contains(key);
                if level.is_name && !level.is_file {
                    let same = |theirs: &Level| {
                        let within = |a: &Level, b: &Level| a.names.iter().all(|key| b.keys.contains(key));
                        !theirs.names.is_empty() && (within(theirs, level) || within(level, theirs))
                    };
                    return !level.names.iter().all(is_there) && !other.levels.iter().any(same);
                }
                let is_kept = level.keys.iter().any(is_there);
                let has_form = || {
                    let words = || other.levels.iter().flat_map(|level| &level.words);
                    level.words.iter().any(|word| words().any(|other| are_forms(word, other)))
                };
                !level.keys.is_empty() && !is_kept && !has_form()
            })
            .cloned()
            .collect()
    };
    if changed_sibling(old, new, sections) || changed_standing(old, new) || was_renamed(old, new, is_home) {
        return false;
    }
    if is_home && lost_claim(old, new, text, sections) || left_condition(old, new, text) {
        return false;
    }
    let (gone, come) = (left(old, new), left(new, old));
    let stood_there = stood != Stood::Nowhere;
    let denials_differ =
        if stood == Stood::Twin { old.denies_all != new.denies_all } else { old.denies != new.denies };
    if denials_differ {
        return false;
    }
    // Within a memory a date is a section like any other.
    let changed_day = old.day.zip(new.day).is_some_and(|(from, to)| from != to);
    if changed_day && is_home && stood != Stood::Twin {
        return false;
    }
    // What stood there in the same words, and says there what it said here, still does.
    if stood_there && gone.is_empty() {
        return true;
    }
    let dates_differ = !old.dates.is_empty()
        && !new.dates.is_empty()
        && !old.dates.iter().any(|date| new.dates.contains(date));
    let is_later = old.dates.iter().max() < new.dates.iter().min();
    if dates_differ && !stood_there && !is_later {
        return false;
    }
    let title = |place: &Place| place.levels.last().filter(|level| !level.is_file).cloned();
    let is_same_section = title(old)
        .zip(title(new))
        .is_some_and(|(from, to)| from.id == to.id && (from.is_name || from.keys.len() >= 2));
    let changed_hands = |levels: &[Level]| levels.iter().any(|level| level.is_name && !level.is_file);
    if is_same_section && !(changed_hands(&gone) && changed_hands(&come)) {
        return true;
    }
    // A subject that its text or its new place names still is its subject.
    if gone.is_empty() {
        return stood_there
            || !(leans && come.iter().any(|level| level.is_name && sections.before.contains(&level.id)));
    }
    // The name of a file says whose a statement is only where the statement does not.
    let named = |level: &Level| level.is_name && (leans || !level.is_file);
    let named_gone = gone.iter().any(named);
    let named_come = come.iter().any(named);
    if named_gone && (named_come || leans) {
        return false;
    }
    // Between two sections that both stood before and stand after, what has no subject changes it.
    let still_there = gone.iter().any(|level| sections.after.contains(&level.id));
    let known = come.iter().any(|level| sections.before.contains(&level.id));
    let is_topic = |level: &Level| !level.words.iter().all(|word| SECTION_WORDS.contains(&word.as_str()));
    let had_its_own = still_there || stood == Stood::Twin && is_home && gone.iter().any(is_topic);
    !(leans && had_its_own && known)
}

/// Says whether the words of a level are still said, over a statement or by it.
fn is_still_said(level: &Level, new: &Place, text: &HashSet<u64>) -> bool {
    let has_form = |word: &str| new.levels.iter().flat_map(|l| &l.words).any(|other| are_forms(word, other));
    let is_kept = |(key, word): (u64, &str)| new.keys.contains(&key) || text.contains(&key) || has_form(word);
    level.label.norms().all(is_kept)
}

/// Says whether a heading that is a sentence is gone from over a statement, and its words are nowhere.
fn lost_claim(old: &Place, new: &Place, text: &HashSet<u64>, sections: &Sections) -> bool {
    let is_there = |level: &Level| {
        is_still_said(level, new, text)
            || sections.after.contains(&level.id)
            || sections.said.contains(&ContentHash::of(normal(&level.text)))
    };
    old.levels.iter().any(|level| level.is_heading && says_something(&level.text) && !is_there(level))
}

/// Says whether a statement left the condition that it stood under, and says nothing of it itself: `If the payment
/// provider is down:` over `Tell Fatima`.
fn left_condition(old: &Place, new: &Place, text: &HashSet<u64>) -> bool {
    old.levels.iter().any(|level| level.is_condition() && !is_still_said(level, new, text))
}

/// Says whether a heading like `Deprecated` or `Staging only` came over a statement, or went.
fn changed_standing(old: &Place, new: &Place) -> bool {
    old.standing != new.standing || old.is_limited != new.is_limited
}

/// Says whether the headings that part two places are of other things: `Before deploy` and `After deploy`.
/// An item that leads others is judged itself. Beyond its own memory a statement meets other headings, of which only the very opposites count.
fn was_renamed(old: &Place, new: &Place, is_home: bool) -> bool {
    let own = |place: &Place, other: &Place| -> Vec<usize> {
        // `Must` and `May` are words of grammar, so that neither has keys.
        let is_same = |a: &Level, b: &Level| a.id == b.id && (!a.keys.is_empty() || a.text == b.text);
        // A title that says more or less than it did is the same one.
        let is_longer = |a: &Level, b: &Level| {
            let within =
                |a: &Level, b: &Level| a.keys.len() >= 2 && a.keys.iter().all(|key| b.keys.contains(key));
            a.is_name && b.is_name && (within(a, b) || within(b, a)) && !a.label.is_turned(&b.label)
        };
        let is_one = |a: &Level, b: &Level| is_same(a, b) || is_longer(a, b);
        let is_parted = |level: &Level| !other.levels.iter().any(|theirs| is_one(level, theirs));
        let counts = |level: &Level| level.is_heading || level.is_condition() || level.is_file && !is_home;
        let parts = |at: &usize| counts(&place.levels[*at]) && is_parted(&place.levels[*at]);
        (0..place.levels.len()).filter(parts).collect()
    };
    let (gone, come) = (own(old, new), own(new, old));
    let (from, into) = (|at: usize| &old.levels[at].label, |at: usize| &new.levels[at].label);
    let is_turned = |(a, b): (usize, usize)| from(a).is_turned(into(b));
    let is_opposite = |a: usize| come.iter().any(|&b| from(a).is_opposite(into(b)));
    let innermost = gone.last().copied().zip(come.last().copied());
    let pairs = gone.iter().copied().zip(come.iter().copied()).filter(|_| gone.len() == come.len());
    is_home && pairs.chain(innermost).any(is_turned) || gone.iter().copied().any(is_opposite)
}

/// Says whether the files of two memories are named after opposites: `staging` and `production`.
pub(super) fn are_opposite_files(a: &MemoryPath, b: &MemoryPath) -> bool {
    Label::of(&file_words(a)).is_opposite(&Label::of(&file_words(b)))
}

/// Returns the words of a file's name.
fn file_words(path: &MemoryPath) -> String {
    let stem = path.as_str().rsplit('/').next().unwrap_or_default();
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    let words = stem.split(['-', '_', ' ']).filter(|word| !word.bytes().any(|b| b.is_ascii_digit()));
    words.collect::<Vec<_>>().join(" ")
}

/// Says whether two headings of one form part the places, and both stand before and after: what stood
/// under `Service mail` is not said under `Service search`.
fn changed_sibling(old: &Place, new: &Place, sections: &Sections) -> bool {
    let own = |place: &Place| {
        let title = place.levels.last().filter(|level| !level.is_file && level.form.is_some());
        title.cloned()
    };
    own(old).zip(own(new)).is_some_and(|(from, to)| {
        let is_one_form = from.form == to.form;
        let within = |a: &Level, b: &Level| a.keys.iter().all(|key| b.keys.contains(key));
        let stay = sections.after.contains(&from.id) && sections.before.contains(&to.id);
        is_one_form && stay && !within(&from, &to) && !within(&to, &from)
    })
}

/// Says whether a statement has no subject of its own: `likes tea`, `timeout: 30 s`, `Owner: Lena`, `She moved`. A name
/// that it begins with is one.
pub(super) fn leans(phrase: &Phrase, text: &str) -> bool {
    let weighty: Vec<_> = phrase.atoms.iter().filter(|atom| atom.weight() > 0).collect();
    let is_name = |atom: &&&Atom| atom.group == Group::Name;
    if phrase.value_from.is_none() && weighty.first().is_some_and(|atom| is_name(&atom)) {
        return false;
    }
    let first = text.split_whitespace().next().unwrap_or_default().to_lowercase();
    let first = first.trim_matches(|c: char| !c.is_alphanumeric());
    let is_pronoun =
        matches!(first, "he" | "she" | "they" | "it" | "his" | "her" | "their" | "its" | "this" | "that");
    let is_label = phrase
        .value_from
        .is_some_and(|from| from <= 2 && phrase.atoms[..from].iter().all(|a| !a.group.is_specific()));
    let is_verb = first.len() > 3
        && first.ends_with('s')
        && !first.ends_with("ss")
        && first.is_ascii()
        && phrase
            .atoms
            .first()
            .is_some_and(|atom| atom.key == word_key(first) && atom.gap == super::phrase::Gap::Plain);
    is_pronoun || is_label || is_verb || weighty.len() <= 2 && !weighty.iter().any(|atom| is_name(&atom))
}
