//! Contexts: what a statement stands under, as far as it can make two values both true.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::memory::MemoryPath;
use crate::text::date;
use crate::text::lexicon;
use crate::text::statement::Statement;
use crate::text::token::tokens;

/// Words that name where something runs, each kind apart from the others.
const ENVIRONMENTS: &[&str] = &[
    "production",
    "prod",
    "staging",
    "stage",
    "development",
    "dev",
    "testing",
    "test",
    "qa",
    "preview",
    "sandbox",
    "local",
    "localhost",
    "ci",
    "canary",
    "demo",
    "linux",
    "windows",
    "macos",
    "mac",
    "ios",
    "android",
    "web",
    "mobile",
    "desktop",
    "eu",
    "us",
    "apac",
    "primary",
    "replica",
    "backup",
];

/// Words of headings and names of files that say nothing about whom or what.
const GENERIC: &[&str] = &[
    "note",
    "notes",
    "memory",
    "memories",
    "misc",
    "general",
    "overview",
    "summary",
    "fact",
    "facts",
    "info",
    "preference",
    "preferences",
    "setting",
    "settings",
    "config",
    "configuration",
    "setup",
    "usage",
    "rule",
    "rules",
    "guide",
    "guidelines",
    "convention",
    "conventions",
    "decision",
    "decisions",
    "detail",
    "details",
    "index",
    "readme",
    "agents",
    "log",
    "history",
    "session",
    "sessions",
    "learned",
    "lessons",
    "todo",
    "tips",
    "context",
    "background",
    "project",
    "team",
    "workflow",
    "process",
    "architecture",
    "old",
    "new",
    "copy",
    "draft",
    "archive",
    "main",
    "other",
    "entry",
    "entries",
    "knowledge",
    "user",
    "md",
];

/// What a statement stands under.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Context {
    /// Words of the file's name and its title.
    home: BTreeSet<String>,
    /// Words of the headings below the title, and of the items around it.
    trail: BTreeSet<String>,
    environments: BTreeSet<String>,
    versions: BTreeSet<String>,
    dates: BTreeSet<Date>,
}

impl Context {
    pub(super) fn of(path: &MemoryPath, statement: &Statement<'_>) -> Self {
        let mut context = Self::default();
        let path = path.as_str();
        context.dates.extend(date::in_path(path));
        let last = path.rsplit('/').next().unwrap_or_default();
        let stem = last.rsplit_once('.').map_or(last, |(stem, _)| stem);
        let folders = path.strip_suffix(last).unwrap_or_default();
        for segment in folders.split('/').filter(|segment| !segment.is_empty()) {
            context.note(segment, |_, _| {});
        }
        context.note(&stem.replace(['-', '_'], " "), |context, word| {
            context.home.insert(word);
        });
        let mut above = statement.headings.iter();
        if let Some(title) = above.next() {
            context.dates.extend(date::in_text(title));
            context.note(title, |context, word| {
                context.home.insert(word);
            });
        }
        for text in above.chain(&statement.parents) {
            context.dates.extend(date::in_text(text));
            context.note(text, |context, word| {
                context.trail.insert(word);
            });
        }
        context.dates.extend(date::in_text(statement.text));
        for token in tokens(statement.text) {
            if ENVIRONMENTS.contains(&&*token.norm) {
                context.environments.insert(token.norm.into_owned());
            }
        }
        context
    }

    /// Reads the words of one level.
    fn note(&mut self, text: &str, mut keep: impl FnMut(&mut Self, String)) {
        for token in tokens(text) {
            let word = token.norm.into_owned();
            let bare = word.strip_prefix('v').unwrap_or(&word);
            let is_version = bare.starts_with(|c: char| c.is_ascii_digit())
                && (bare.contains('.') || bare.len() < word.len())
                && bare.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            if is_version {
                self.versions.insert(bare.to_owned());
            } else if ENVIRONMENTS.contains(&word.as_str()) {
                self.environments.insert(word);
            } else if word.chars().filter(|c| c.is_alphabetic()).count() > 1
                && !GENERIC.contains(&word.as_str())
                && !lexicon::is_function_word(&word)
            {
                keep(self, lexicon::stem(&word).to_owned());
            }
        }
    }

    /// Says whether two statements may speak of the same at all. One whose subject is not named in
    /// its own words speaks of what its memory is about.
    pub(super) fn is_shared_with(&self, other: &Self, is_named: bool) -> bool {
        let differ = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
            a.difference(b).next().is_some() && b.difference(a).next().is_some()
        };
        let parts_differ = self.dates != other.dates
            || self.environments != other.environments
            || !self.versions.is_empty() && !other.versions.is_empty() && self.versions != other.versions;
        !parts_differ && !differ(&self.trail, &other.trail) && (is_named || !differ(&self.home, &other.home))
    }
}
