//! The fates of statements as rows to show: what stood where, what carries it on, and why.
//!
//! All memory text in a row has been redacted, with the whole memory in view: a key that spans several
//! statements is hidden in each of them. Rows are for people and documents, and are never stored.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::dream::EventRef;
use crate::gate::masked::{Masked, MaskedMemory};
use crate::gate::secrets::redact;
use crate::ids::SessionId;
use crate::ledger::testimony::{Saying, Speaker, Testimony};
use crate::ledger::{Because, Fate, FateCounts, Judged, Ledger, Located};
use crate::memory::{ContentHash, MemoryPath};
use crate::snapshot::Snapshot;
use crate::text::lexicon::is_function_word;
use crate::text::normal::normal;
use crate::text::statement::statements;
use crate::text::token::tokens;

/// How much of a new statement's own words somebody must have said to be shown as having said it.
const SAID_SHARE: f64 = 0.6;

/// One statement of the first snapshot, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FateRow {
    /// Its fate.
    pub fate: Fate,
    /// The statement.
    pub statement: Quoted,
    /// The statements that carry it on; for a lost one, that which comes nearest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub heirs: Vec<Quoted>,
    /// Why, in a clause.
    pub because: String,
    /// Who said the new value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<SaidRow>,
}

/// One statement that is nobody's heir.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewRow {
    /// The statement.
    pub statement: Quoted,
    /// Who said it, if anybody is found to have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<SaidRow>,
}

/// A statement, redacted, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quoted {
    /// Its memory.
    pub path: MemoryPath,
    /// Its line, from 1.
    pub line: u64,
    /// The hash of its normal form.
    pub hash: ContentHash,
    /// The headings above it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headings: Vec<String>,
    /// Its words.
    pub text: String,
}

/// What somebody said in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SaidRow {
    /// The session.
    pub session: SessionId,
    /// The event: its line in the transcript, from 1.
    pub event: u64,
    /// `user`, `agent` or `tool`; none where the session could not be read again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speaker: Option<&'static str>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The words, redacted; none where the session could not be read again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

/// A ledger with what it takes to show it.
pub struct Fates<'a> {
    ledger: &'a Ledger<'a>,
    testimony: &'a Testimony,
    by_event: BTreeMap<&'a EventRef, &'a Saying>,
    before: Masked<'a>,
    after: Masked<'a>,
}

impl<'a> Fates<'a> {
    /// Makes a ledger ready to be shown, with the snapshots it was made from.
    pub fn of(
        ledger: &'a Ledger<'a>,
        before: &'a Snapshot,
        after: &'a Snapshot,
        testimony: &'a Testimony,
    ) -> Self {
        let by_event = testimony.sayings.iter().map(|saying| (&saying.event, saying)).collect();
        Self { ledger, testimony, by_event, before: Masked::of(before), after: Masked::of(after) }
    }

    /// Returns how many statements of some memories met which fate. A statement that moved in counts where
    /// it stood.
    pub fn counts(&self, is_wanted: impl Fn(&MemoryPath) -> bool) -> FateCounts {
        let mut counts = FateCounts::default();
        for (old, judged) in self.ledger.before.iter().zip(&self.ledger.fates) {
            if is_wanted(old.path) {
                counts.add(judged.fate);
            }
        }
        counts.new = self.ledger.new_statements().filter(|new| is_wanted(new.path)).count() as u64;
        counts
    }

    /// Returns what became of the statements of some memories, worst first, then as they stood.
    pub fn rows(&self, is_wanted: impl Fn(&MemoryPath, Fate) -> bool) -> Vec<FateRow> {
        let mut places: Vec<usize> = (0..self.ledger.before.len())
            .filter(|&place| is_wanted(self.ledger.before[place].path, self.ledger.fates[place].fate))
            .collect();
        places.sort_by_key(|&place| Reverse(self.ledger.fates[place].fate));
        places.into_iter().filter_map(|place| self.row(place)).collect()
    }

    /// Returns what became of one statement, by its place in the ledger.
    pub fn row(&self, place: usize) -> Option<FateRow> {
        let (old, judged) = (self.ledger.before.get(place)?, self.ledger.fates.get(place)?);
        let heirs: Vec<&Located<'_>> = self.ledger.heirs(judged).collect();
        Some(FateRow {
            fate: judged.fate,
            statement: quote(&self.before, old),
            heirs: heirs.iter().map(|heir| quote(&self.after, heir)).collect(),
            because: self.because(old, judged, &heirs),
            said: match &judged.because {
                Because::Said(event) => {
                    Some(self.said(event, heirs.first().map_or("", |heir| heir.statement.text)))
                }
                _ => None,
            },
        })
    }

    /// Returns the new statements of some memories as they stand, and who said them.
    pub fn new_rows(&self, is_wanted: impl Fn(&MemoryPath) -> bool) -> Vec<NewRow> {
        let wanted: Vec<&Located<'_>> =
            self.ledger.new_statements().filter(|new| is_wanted(new.path)).collect();
        let spoken: Vec<HashSet<String>> = match wanted.is_empty() {
            true => Vec::new(),
            false => self.testimony.sayings.iter().map(|saying| own_words(&saying.text)).collect(),
        };
        wanted
            .into_iter()
            .map(|new| {
                let words = own_words(new.statement.text);
                let share = |said: &HashSet<String>| {
                    words.intersection(said).count() as f64 / words.len().max(1) as f64
                };
                let best = (self.testimony.sayings.iter().zip(&spoken))
                    .map(|(saying, said)| (share(said), saying))
                    .filter(|(share, _)| *share >= SAID_SHARE)
                    .max_by(|(a, one), (b, other)| a.total_cmp(b).then(one.speaker.cmp(&other.speaker)));
                let said = best.map(|(_, saying)| said_row(saying, new.statement.text));
                NewRow { statement: quote(&self.after, new), said }
            })
            .collect()
    }

    /// Says why a statement met its fate, in a clause.
    fn because(&self, old: &Located<'_>, judged: &Judged, heirs: &[&Located<'_>]) -> String {
        match &judged.because {
            Because::SameWords => "in the same words".to_owned(),
            Because::SameSpecifics => "in other words, with every specific".to_owned(),
            Because::Covered if heirs.len() == 1 => "said there, together with what others said".to_owned(),
            Because::Covered => format!("{} hold its specifics together", heirs.len()),
            Because::Said(_) => "a session said so since".to_owned(),
            Because::NewerMemory => "a newer memory of the live store said so already".to_owned(),
            Because::Rule(name) => format!("the rule `{}` says it has to go", redact(name)),
            Because::Altered { was, is } => {
                let is = is.as_ref().map(|is| match heirs.first() {
                    Some(heir) => self.after.value(heir, is),
                    None => redact(is).into_owned(),
                });
                let is_added = was.is_empty();
                let was = self.before.value(old, was);
                match is {
                    Some(is) if is_added => format!("`{is}` was added, and nobody said so"),
                    Some(is) => format!("`{was}` is gone, `{is}` stands instead, and nobody said so"),
                    None => format!("`{was}` is gone, and nothing stands instead"),
                }
            }
            Because::Misplaced { was, is } => {
                let was = self.before.value(old, was);
                let is = is.as_ref().map(|is| match heirs.first() {
                    Some(heir) => self.after.value(heir, is),
                    None => redact(is).into_owned(),
                });
                match is {
                    Some(is) => format!("it belonged to `{was}` and belongs to `{is}` now"),
                    None => format!("it belonged to `{was}`, which is gone"),
                }
            }
            Because::Reordered { step, before } => format!("step {step} comes before step {before} now"),
            Because::Gone => "nothing says it any more".to_owned(),
        }
    }

    fn said(&self, event: &EventRef, about: &str) -> SaidRow {
        match self.by_event.get(event) {
            Some(saying) => said_row(saying, about),
            None => SaidRow {
                session: event.session.clone(),
                event: event.event,
                speaker: None,
                at: None,
                words: None,
            },
        }
    }
}

fn quote(masked: &Masked<'_>, located: &Located<'_>) -> Quoted {
    Quoted {
        path: located.path.clone(),
        line: located.statement.line as u64,
        hash: located.hash,
        headings: masked.headings(located),
        text: masked.text(located).into_owned(),
    }
}

fn said_row(saying: &Saying, about: &str) -> SaidRow {
    SaidRow {
        session: saying.event.session.clone(),
        event: saying.event.event,
        speaker: Some(match saying.speaker {
            Speaker::Tool => "tool",
            Speaker::Agent => "agent",
            Speaker::User => "user",
        }),
        at: saying.at,
        words: Some(nearest(&redact(&saying.text), about)),
    }
}

/// Returns the statement of a text that has most of the words of another.
fn nearest(text: &str, about: &str) -> String {
    let wanted = own_words(about);
    let shared = |text: &str| own_words(text).intersection(&wanted).count();
    let found = statements(text).into_iter().map(|s| s.text).rev().max_by_key(|text| shared(text));
    found.unwrap_or(text).to_owned()
}

/// Returns the words of a text that are about something.
fn own_words(text: &str) -> HashSet<String> {
    let norm = tokens(text).into_iter().map(|token| token.norm.into_owned());
    norm.filter(|word| !is_function_word(word)).collect()
}

/// Returns the words of statements of a memory by the hashes of their normal forms, redacted with the whole
/// memory in view.
pub fn statements_in(content: &str, wanted: &BTreeSet<ContentHash>) -> BTreeMap<ContentHash, String> {
    let mut words = BTreeMap::new();
    let memory = MaskedMemory::of(content);
    for one in statements(content) {
        let hash = ContentHash::of(normal(one.text));
        if wanted.contains(&hash) && !words.contains_key(&hash) {
            words.insert(hash, memory.text(&one).into_owned());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use crate::ledger::Context;
    use crate::ledger::forget::ForgetList;
    use crate::memory::Memory;

    use super::*;

    fn store(memories: &[(&str, &str)]) -> Snapshot {
        memories.iter().map(|(path, text)| Memory::new(MemoryPath::parse(path).unwrap(), *text)).collect()
    }

    fn shown(before: &[(&str, &str)], after: &[(&str, &str)], testimony: &Testimony) -> Vec<String> {
        let (before, after) = (store(before), store(after));
        let context = Context { testimony, forget: &ForgetList::default(), now: None };
        let ledger = Ledger::of(&before, &after, &context);
        let fates = Fates::of(&ledger, &before, &after, testimony);
        let rows = fates.rows(|_, _| true).into_iter();
        let rows = rows.map(|row| {
            format!("{} {}:{} {}", row.fate, row.statement.path, row.statement.line, row.statement.text)
        });
        let new = fates.new_rows(|_| true).into_iter().map(|row| {
            let by = row.said.map(|said| {
                format!(" ({} {})", said.speaker.unwrap_or_default(), said.words.unwrap_or_default())
            });
            format!(
                "new {}:{} {}{}",
                row.statement.path,
                row.statement.line,
                row.statement.text,
                by.unwrap_or_default()
            )
        });
        rows.chain(new).collect()
    }

    #[test]
    fn rows_stand_worst_first_and_new_statements_name_who_said_them() {
        let saying = Saying {
            event: EventRef { session: SessionId::parse("one").unwrap(), event: 4 },
            speaker: Speaker::User,
            at: None,
            text: "Thanks!\n\nFrom now on always use pnpm instead of npm.".into(),
        };
        let testimony = Testimony { sayings: vec![saying], unread: 0 };
        let before = [("/a.md", "- The canary watches over Berlin.\n- Zebras graze near Lake Nakuru.\n")];
        let after = [("/a.md", "- The canary watches over Berlin.\n- Always use pnpm instead of npm.\n")];
        assert_eq!(
            shown(&before, &after, &testimony),
            [
                "lost /a.md:2 Zebras graze near Lake Nakuru.",
                "kept /a.md:1 The canary watches over Berlin.",
                "new /a.md:2 Always use pnpm instead of npm. (user From now on always use pnpm instead of npm.)",
            ]
        );
    }

    #[test]
    fn a_secret_that_spans_statements_is_hidden_in_each() {
        let key = "- -----BEGIN PRIVATE KEY-----\n- MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n- MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu\n- -----END PRIVATE KEY-----\n";
        let rows = shown(&[("/k.md", key)], &[], &Testimony::default());
        assert!(rows.len() > 1, "the key is several statements: {rows:?}");
        for row in rows {
            assert!(row.ends_with("[redacted: private key]"), "{row}");
        }
    }
}
