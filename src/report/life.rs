//! A memory's life: what runs, agents and people did to it, across its names.
//!
//! Made from ledgers, journals and deeds alone, so it can be told after stores and versions are gone. Holds
//! hashes and places; the words are looked up by whoever shows it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use crate::ids::RunId;
use crate::ledger::record::{EntryRecord, EntryVersion, RunLedger, StatementRecord};
use crate::ledger::{Fate, FateCounts};
use crate::memory::{ContentHash, MemoryPath};
use crate::snapshot::SnapshotIndex;
use crate::state::deeds::{Deed, Done};

/// One adopted run, as far as the life of memories is about it.
#[derive(Debug, Clone)]
pub struct Chapter {
    /// When it was adopted.
    pub at: Timestamp,
    /// Its ledger.
    pub ledger: RunLedger,
    /// What the live store held before it.
    pub before: Option<SnapshotIndex>,
    /// What was adopted.
    pub after: Option<SnapshotIndex>,
    /// Whether the adoption was taken back since.
    pub is_undone: bool,
}

/// The life of one memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Life {
    /// The names it had, oldest first.
    pub names: Vec<MemoryPath>,
    /// What happened to it, oldest first.
    pub events: Vec<LifeEvent>,
}

/// Something that happened to a memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LifeEvent {
    /// When; none for what happened at a time that nobody noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The run that did it, or that it was done about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The person who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What.
    pub what: Happened,
    /// The memory's name after it.
    pub path: MemoryPath,
    /// The name before, if it was another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<MemoryPath>,
    /// What it held after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<ContentHash>,
    /// How many of its statements met which fate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fates: Option<FateCounts>,
    /// The statements it was about, but for those that were kept or only moved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<StatementRecord>,
    /// How many of its statements went to which other memory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to_others: Vec<(MemoryPath, u64)>,
    /// How many statements of which other memory came into it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from_others: Vec<(MemoryPath, u64)>,
    /// Whether the adoption was taken back since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_undone: bool,
}

/// What can happen to a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// It was there before the first run that is known.
    Found,
    /// Agents made it, changed it or took it away between two runs.
    WrittenByAgents,
    /// A run made it.
    Created,
    /// A run changed it.
    Edited,
    /// A run gave it another name.
    Moved,
    /// A run took it away.
    Removed,
    /// Somebody brought it back to what it was before a run.
    BroughtBack,
    /// Somebody wrote lost statements back into it.
    Restored,
}

impl Happened {
    /// Returns the words for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Found => "there before the first run",
            Self::WrittenByAgents => "written by agents",
            Self::Created => "created",
            Self::Edited => "edited",
            Self::Moved => "moved",
            Self::Removed => "removed",
            Self::BroughtBack => "brought back",
            Self::Restored => "restored",
        }
    }
}

/// Tells the life of the memory that has, or last had, a name. Chapters and deeds come oldest first. Nothing
/// for a name that no chapter or deed knows.
pub fn life(path: &MemoryPath, chapters: &[Chapter], deeds: &[Deed]) -> Option<Life> {
    let last = last_name(path, chapters);
    let mut names = vec![last.clone()];
    let mut events = Vec::new();
    let mut name = last;
    // Back from the last name to the first; the events come out newest first.
    for (place, chapter) in chapters.iter().enumerate().rev() {
        // What came of an adoption that was taken back is not where the next chapter goes on.
        let next = chapters[place + 1..].iter().find(|next| !next.is_undone);
        if !chapter.is_undone
            && let (Some(after), Some(before)) = (&chapter.after, next.and_then(|next| next.before.as_ref()))
        {
            events.extend(written_between(&name, after, before));
        }
        let about = chapter.ledger.entries.iter().find(|entry| is_at(entry.after.as_ref(), &name));
        let about =
            about.or_else(|| chapter.ledger.entries.iter().find(|entry| is_at(entry.before.as_ref(), &name)));
        let Some(entry) = about else { continue };
        let Some(event) = told(entry, chapter) else { continue };
        if let (Some(from), false) = (&event.from, chapter.is_undone) {
            name = from.clone();
            names.push(name.clone());
        }
        events.push(event);
    }
    if let Some(first) = chapters.iter().find_map(|chapter| chapter.before.as_ref())
        && let Some(entry) = first.entries.get(&name)
    {
        events.push(LifeEvent { hash: Some(entry.hash), ..plain(None, Happened::Found, &name) });
    }
    events.reverse();
    names.reverse();
    for deed in deeds {
        let at = events.iter().position(|event| event.at.is_some_and(|at| at > deed.at));
        let told = deed_about(deed, &names);
        events.splice(at.unwrap_or(events.len())..at.unwrap_or(events.len()), told);
    }
    (!events.is_empty()).then_some(Life { names, events })
}

/// Follows a name forwards to the last one.
fn last_name(path: &MemoryPath, chapters: &[Chapter]) -> MemoryPath {
    let mut name = path.clone();
    // A name that is used again after its memory moved away stands for the newer memory.
    let settled =
        |chapter: &Chapter| chapter.ledger.entries.iter().any(|entry| is_at(entry.after.as_ref(), path));
    let from = chapters.iter().rposition(|chapter| !chapter.is_undone && settled(chapter));
    for chapter in chapters[from.map_or(0, |from| from + 1)..].iter().filter(|chapter| !chapter.is_undone) {
        let moved = chapter.ledger.entries.iter().find(|entry| is_at(entry.before.as_ref(), &name));
        if let Some(after) = moved.and_then(|entry| entry.after.as_ref()) {
            name = after.path.clone();
        }
    }
    name
}

fn is_at(version: Option<&EntryVersion>, path: &MemoryPath) -> bool {
    version.is_some_and(|version| version.path == *path)
}

fn plain(at: Option<Timestamp>, what: Happened, path: &MemoryPath) -> LifeEvent {
    LifeEvent {
        at,
        run: None,
        by: None,
        what,
        path: path.clone(),
        from: None,
        hash: None,
        fates: None,
        statements: Vec::new(),
        to_others: Vec::new(),
        from_others: Vec::new(),
        is_undone: false,
    }
}

/// Says what agents did to a memory between one adoption and the next run.
fn written_between(path: &MemoryPath, after: &SnapshotIndex, before: &SnapshotIndex) -> Option<LifeEvent> {
    let [was, is] = [after, before].map(|index| index.entries.get(path).map(|entry| entry.hash));
    (was != is).then(|| LifeEvent { hash: is, ..plain(None, Happened::WrittenByAgents, path) })
}

/// Says what a run did to a memory.
fn told(entry: &EntryRecord, chapter: &Chapter) -> Option<LifeEvent> {
    let ledger = &chapter.ledger;
    let (before, after) = (entry.before.as_ref(), entry.after.as_ref());
    let path = &after.or(before)?.path;
    let what = match (before, after) {
        (None, _) => Happened::Created,
        (_, None) => Happened::Removed,
        (Some(before), Some(after)) if before.path != after.path => Happened::Moved,
        _ => Happened::Edited,
    };
    let stood = |record: &&StatementRecord| before.is_some_and(|before| before.path == record.path);
    let own = after.map(|version| &version.path);
    let mut fates = FateCounts::default();
    let mut statements = Vec::new();
    let (mut to_others, mut from_others) = (Vec::new(), Vec::new());
    for record in ledger.statements.iter().filter(stood) {
        fates.add(record.fate);
        if record.fate != Fate::Moved {
            statements.push(record.clone());
        }
        // The nearest to a lost statement is not its heir.
        if record.fate != Fate::Lost {
            let heirs: BTreeSet<&MemoryPath> = record.heirs.iter().map(|heir| &heir.path).collect();
            heirs
                .into_iter()
                .filter(|heir| Some(*heir) != own)
                .for_each(|heir| count_in(&mut to_others, heir));
        }
    }
    statements.sort_by_key(|record| std::cmp::Reverse(record.fate));
    for record in ledger.statements.iter().filter(|record| !stood(record) && record.fate != Fate::Lost) {
        if record.heirs.iter().any(|heir| Some(&heir.path) == own) {
            count_in(&mut from_others, &record.path);
        }
    }
    Some(LifeEvent {
        run: Some(ledger.run.clone()),
        from: before.map(|before| before.path.clone()).filter(|before| Some(before) != own && own.is_some()),
        hash: after.map(|after| after.hash),
        fates: before.is_some().then_some(fates),
        statements,
        to_others,
        from_others,
        is_undone: chapter.is_undone,
        ..plain(Some(chapter.at), what, path)
    })
}

fn count_in(counts: &mut Vec<(MemoryPath, u64)>, path: &MemoryPath) {
    match counts.iter_mut().find(|(other, _)| other == path) {
        Some((_, count)) => *count += 1,
        None => counts.push((path.clone(), 1)),
    }
}

/// Says what a person did to a memory, under any of its names.
fn deed_about(deed: &Deed, names: &[MemoryPath]) -> Vec<LifeEvent> {
    let event = |run: &RunId, what, path: &MemoryPath| LifeEvent {
        run: Some(run.clone()),
        by: Some(deed.by.clone()),
        ..plain(Some(deed.at), what, path)
    };
    match &deed.what {
        Done::RolledBack { .. } => Vec::new(),
        Done::Restored { run, statements, .. } => {
            let about: Vec<_> = statements
                .iter()
                .filter(|one| names.contains(&one.path) || names.contains(&one.to.path))
                .collect();
            let records = about.iter().map(|one| StatementRecord {
                hash: one.hash,
                path: one.to.path.clone(),
                line: one.to.line,
                fate: Fate::Kept,
                heirs: Vec::new(),
                said: None,
            });
            let statements = records.collect();
            about
                .first()
                .map(|first| LifeEvent { statements, ..event(run, Happened::Restored, &first.to.path) })
                .into_iter()
                .collect()
        }
        Done::BroughtBack { run, entries, .. } => entries
            .iter()
            .filter_map(|entry| {
                let path = &entry.after.as_ref().or(entry.before.as_ref())?.path;
                let hash = entry.after.as_ref().map(|after| after.hash);
                names.contains(path).then(|| LifeEvent { hash, ..event(run, Happened::BroughtBack, path) })
            })
            .collect(),
    }
}

/// One step of a statement's way through the runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// The run.
    pub run: RunId,
    /// Who, if it was a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What became of it; where it stands since, if it was restored.
    pub record: StatementRecord,
    /// Whether it was written back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_restored: bool,
    /// Whether the adoption was taken back since.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_undone: bool,
}

/// Follows a statement, and what it came from and became, through the runs; oldest first. A run that only
/// kept it says nothing.
pub fn steps(hash: ContentHash, chapters: &[Chapter], deeds: &[Deed]) -> Vec<Step> {
    let mut known = BTreeSet::from([hash]);
    for chapter in chapters.iter().rev() {
        for record in &chapter.ledger.statements {
            if record.fate != Fate::Lost && record.heirs.iter().any(|heir| known.contains(&heir.hash)) {
                known.insert(record.hash);
            }
        }
    }
    let mut steps = Vec::new();
    for chapter in chapters {
        for record in chapter.ledger.statements.iter().filter(|record| known.contains(&record.hash)) {
            steps.push(Step {
                at: chapter.at,
                run: chapter.ledger.run.clone(),
                by: None,
                record: record.clone(),
                is_restored: false,
                is_undone: chapter.is_undone,
            });
        }
        let heirs: Vec<ContentHash> = (steps.iter())
            .filter(|step| step.record.fate != Fate::Lost)
            .flat_map(|step| step.record.heirs.iter().map(|heir| heir.hash))
            .collect();
        known.extend(heirs);
    }
    for deed in deeds {
        let Done::Restored { run, statements, .. } = &deed.what else { continue };
        for statement in statements.iter().filter(|statement| known.contains(&statement.hash)) {
            let record = StatementRecord {
                hash: statement.hash,
                path: statement.to.path.clone(),
                line: statement.to.line,
                fate: Fate::Kept,
                heirs: Vec::new(),
                said: None,
            };
            let by = Some(deed.by.clone());
            let run = run.clone();
            steps.push(Step { at: deed.at, run, by, record, is_restored: true, is_undone: false });
        }
    }
    steps.sort_by_key(|step| step.at);
    steps
}
