//! The difference of two stores as people read it: each statement with what it rests on.
//!
//! All memory text that is written here has been redacted.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;

use crate::diff::{Change, DiffCounts, EntryDiff};
use crate::dream::{ChangeKind, DreamChange};
use crate::gate::masked::MaskedMemory;
use crate::gate::secrets::redact;
use crate::memory::{ContentHash, Memory, MemoryPath};
use crate::snapshot::Snapshot;
use crate::text::normal::normal;
use crate::text::statement::statements;

use super::words::{Paint, bytes, count, cut, grouped, line, plain};

/// The most characters of a statement that are shown unless everything is asked for: with its sign it
/// stays within a hundred columns.
const STATEMENT_WIDTH: usize = 96;
/// The most characters of a playbook's title, which is followed by its length.
const TITLE_WIDTH: usize = 80;
/// The most characters of another statement that are quoted in an explanation.
const QUOTE_WIDTH: usize = 60;

/// How much of a difference is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Detail {
    /// Whole lines as a unified diff instead of statements.
    pub is_unified: bool,
    /// Long statements and playbooks in full.
    pub is_whole: bool,
}

/// Writes what is compared, and how much differs.
pub fn head_text(names: &(String, String), counts: &DiffCounts, paint: Paint) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{} {}", paint.bad("---"), line(&names.0));
    let _ = writeln!(text, "{} {}", paint.good("+++"), line(&names.1));
    let changes: Vec<String> = [
        (counts.added, "added"),
        (counts.removed, "removed"),
        (counts.edited, "edited"),
        (counts.moved, "moved"),
        (counts.unchanged, "unchanged"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("{} {what}", grouped(n)))
    .collect();
    let _ = writeln!(
        text,
        "{} → {} memories ({} → {}){}{}",
        grouped(counts.before.entries),
        grouped(counts.after.entries),
        bytes(counts.before.bytes),
        bytes(counts.after.bytes),
        if changes.is_empty() { "" } else { ": " },
        changes.join(", ")
    );
    text
}

/// What dreams said about their changes, found by the statements they are about.
#[derive(Debug)]
pub struct Reasons<'a> {
    changes: &'a [DreamChange],
    by_loser: BTreeMap<(&'a MemoryPath, &'a str), usize>,
    by_heir: BTreeMap<(&'a MemoryPath, &'a str), usize>,
    by_path: BTreeMap<&'a MemoryPath, Vec<usize>>,
}

impl<'a> Reasons<'a> {
    /// Sorts redacted changes.
    pub fn of(changes: &'a [DreamChange]) -> Self {
        let (mut by_loser, mut by_heir) = (BTreeMap::new(), BTreeMap::new());
        let mut by_path: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (place, change) in changes.iter().enumerate() {
            for replaced in &change.replaced {
                by_loser.entry((&replaced.path, replaced.statement.as_str())).or_insert(place);
            }
            if let Some(statement) = &change.statement {
                by_heir.entry((&change.path, statement.as_str())).or_insert(place);
            }
            by_path.entry(&change.path).or_default().push(place);
        }
        Self { changes, by_loser, by_heir, by_path }
    }
}

/// Leaves out what dreams said of statements that a person took out since. What a later dream went on from
/// stays, if what it came to stands.
pub fn standing(changes: &mut Vec<DreamChange>, after: &Snapshot) {
    let hash = |text: &str| ContentHash::of(normal(text));
    let mut read: HashMap<MemoryPath, HashSet<ContentHash>> = HashMap::new();
    let mut went_on: HashSet<(MemoryPath, ContentHash)> = HashSet::new();
    let mut stays = vec![true; changes.len()];
    for (change, stays) in changes.iter().zip(&mut stays).rev() {
        let is_of_words =
            matches!(change.kind, ChangeKind::Superseded | ChangeKind::Merged | ChangeKind::Learned);
        if let Some(heir) = change.statement.as_deref().filter(|_| is_of_words).map(hash) {
            let there = read.entry(change.path.clone()).or_insert_with(|| {
                let content = after.get(&change.path).map_or("", |memory| &*memory.content);
                statements(content).iter().map(|one| hash(one.text)).collect()
            });
            *stays = there.contains(&heir) || went_on.contains(&(change.path.clone(), heir));
        }
        if *stays {
            went_on.extend(change.replaced.iter().map(|old| (old.path.clone(), hash(&old.statement))));
        }
    }
    let mut stays = stays.into_iter();
    changes.retain(|_| stays.next().unwrap_or(true));
}

/// Lines that stand together, with the one explanation for all of them.
#[derive(Debug, Default)]
struct Item {
    removed: Vec<String>,
    added: Vec<String>,
    rehomed: Option<String>,
    because: String,
}

/// Writes what became of one entry, each statement above what it rests on.
pub fn entry_text(entry: &EntryDiff, reasons: &Reasons<'_>, detail: Detail, paint: Paint) -> String {
    let mut text = String::new();
    let what = match (entry.change(), entry.moved_from()) {
        (_, Some(from)) => format!("moved from {from}"),
        (change, None) => change.to_string(),
    };
    let _ = writeln!(text, "{} {}", paint.bold(&line(entry.path().as_str())), paint.dim(&line(&what)));
    let told = reasons.by_path.get(entry.path()).map_or(&[][..], Vec::as_slice);
    if detail.is_unified {
        unified(&mut text, entry, paint);
        return text;
    }
    let playbook = told.iter().find(|&&place| reasons.changes[place].kind == ChangeKind::Playbook);
    let (items, used) = match playbook {
        Some(&place) if entry.change() == Change::Added && !detail.is_whole => {
            (vec![title(entry, &reasons.changes[place])], BTreeSet::from([place]))
        }
        _ => items(entry, reasons),
    };
    for (place, item) in items.iter().enumerate() {
        write_item(&mut text, item, detail, paint);
        let is_said_below = items.get(place + 1).is_some_and(|next| next.because == item.because);
        if !item.because.is_empty() && !is_said_below {
            let _ = writeln!(text, "    {}", paint.dim(&line(&item.because)));
        }
    }
    let rest = told.iter().filter(|place| !used.contains(place)).map(|&place| &reasons.changes[place]);
    for told in left_over(entry, rest) {
        let _ = writeln!(text, "    {}", paint.dim(&line(&told)));
    }
    text
}

fn unified(text: &mut String, entry: &EntryDiff, paint: Paint) {
    for whole in entry.unified(3, redact).lines() {
        let shown = plain(whole);
        let _ = match shown.as_bytes().first() {
            Some(b'+') => writeln!(text, "  {}", paint.good(&shown)),
            Some(b'-') => writeln!(text, "  {}", paint.bad(&shown)),
            _ => writeln!(text, "{}", format!("  {shown}").trim_end()),
        };
    }
}

fn write_item(text: &mut String, item: &Item, detail: Detail, paint: Paint) {
    let shown = |statement: &str| {
        let text = plain(statement).replace('\n', "⏎");
        if detail.is_whole { text } else { cut(&text, STATEMENT_WIDTH).into_owned() }
    };
    for statement in &item.removed {
        let _ = writeln!(text, "  {} {}", paint.bad("-"), shown(statement));
    }
    for statement in &item.added {
        let _ = writeln!(text, "  {} {}", paint.good("+"), shown(statement));
    }
    if let Some(statement) = &item.rehomed {
        let _ = writeln!(text, "  {} {}", paint.dim("~"), shown(statement));
    }
}

/// Shows a new playbook by its title; `-v` or the store itself has the rest.
fn title(entry: &EntryDiff, change: &DreamChange) -> Item {
    let content = redact(entry.after().map_or("", |memory| &*memory.content));
    let heading = content.lines().find_map(|line| line.strip_prefix("# "));
    let title = heading.or(change.statement.as_deref()).unwrap_or_default();
    let length = entry.after().map_or(0, |memory| memory.content.lines().count());
    let lines = count(length as u64, "line", "lines");
    Item {
        added: vec![format!("{} ({lines})", cut(title.trim(), TITLE_WIDTH))],
        because: format!("{}{}", change.because, sources(change)),
        ..Item::default()
    }
}

/// Puts each statement that went with the one that took its place, and says which changes that explains.
fn items(entry: &EntryDiff, reasons: &Reasons<'_>) -> (Vec<Item>, BTreeSet<usize>) {
    let statements = entry.statements();
    let (old, new) = masked_sides(entry);
    let mut added: Vec<Option<String>> =
        statements.added.iter().map(|s| Some(new.text(s).into_owned())).collect();
    let before = entry.before().map(|memory| &memory.path);
    let after = entry.after().map(|memory| &memory.path);

    let mut items: Vec<Item> = Vec::new();
    let mut used = BTreeSet::new();
    let mut paired: BTreeMap<usize, usize> = BTreeMap::new();
    for statement in statements.removed.iter().map(|s| old.text(s).into_owned()) {
        let key = before.and_then(|path| reasons.by_loser.get(&(path, statement.as_str())).copied());
        let Some(key) = key else {
            items.push(Item { removed: vec![statement], ..Item::default() });
            continue;
        };
        let change = &reasons.changes[key];
        used.insert(key);
        if let Some(&place) = paired.get(&key) {
            items[place].removed.push(statement);
            continue;
        }
        let heir = added.iter_mut().find(|slot| after == Some(&change.path) && **slot == change.statement);
        let is_here = after == Some(&change.path);
        match heir.and_then(Option::take) {
            Some(heir) => {
                paired.insert(key, items.len());
                let because = format!("{}: {}{}", verb(change.kind), change.because, sources(change));
                items.push(Item { removed: vec![statement], added: vec![heir], because, ..Item::default() });
            }
            None => {
                let because = succession(change, &statement, is_here);
                items.push(Item { removed: vec![statement], because, ..Item::default() });
            }
        }
    }
    for statement in added.into_iter().flatten() {
        let change = after.and_then(|path| reasons.by_heir.get(&(path, statement.as_str())).copied());
        let because = change.map_or_else(String::new, |place| {
            used.insert(place);
            let change = &reasons.changes[place];
            format!("{}: {}{}", verb(change.kind), change.because, sources(change))
        });
        items.push(Item { added: vec![statement], because, ..Item::default() });
    }
    for (from, to) in &statements.rehomed {
        let because = match (from.headings.last(), to.headings.last()) {
            (from, to) if from == to => "in another list".to_owned(),
            (_, Some(to)) => format!("now under “{}”", cut(&new.heading(to), QUOTE_WIDTH)),
            (_, None) => "now under no heading".to_owned(),
        };
        items.push(Item { rehomed: Some(new.text(to).into_owned()), because, ..Item::default() });
    }
    (items, used)
}

/// Makes both sides of an entry ready to be shown.
pub fn masked_sides(entry: &EntryDiff) -> (MaskedMemory<'_>, MaskedMemory<'_>) {
    fn side(memory: Option<&Memory>) -> &str {
        memory.map_or("", |memory| &memory.content)
    }
    (MaskedMemory::of(side(entry.before())), MaskedMemory::of(side(entry.after())))
}

/// Says where what a statement said is to be found now, and why.
fn succession(change: &DreamChange, statement: &str, is_here: bool) -> String {
    let heir = change.statement.as_deref().filter(|heir| *heir != statement);
    let place = if is_here { "this memory".to_owned() } else { change.path.to_string() };
    let quoted = |heir: &str| format!("“{}”", cut(&heir.replace('\n', "⏎"), QUOTE_WIDTH));
    let fate = match (change.kind, heir) {
        (ChangeKind::Merged, None) => format!("merged into {place}"),
        (ChangeKind::Merged, Some(heir)) => format!("merged into {} in {place}", quoted(heir)),
        (ChangeKind::Superseded, Some(heir)) => format!("superseded by {} in {place}", quoted(heir)),
        (kind, _) => verb(kind).to_owned(),
    };
    format!("{fate}: {}{}", change.because, sources(change))
}

/// Says what an entry took in from others, and what else was done to it that shows in no statement.
fn left_over<'a>(entry: &EntryDiff, changes: impl Iterator<Item = &'a DreamChange>) -> Vec<String> {
    let mut taken: BTreeMap<&MemoryPath, u64> = BTreeMap::new();
    let mut lines = Vec::new();
    for change in changes {
        let elsewhere = change.replaced.iter().filter(|replaced| replaced.path != *entry.path());
        if change.replaced.is_empty() {
            let what = change.statement.as_deref().map_or_else(String::new, |statement| {
                format!(" “{}”", cut(&statement.replace('\n', "⏎"), QUOTE_WIDTH))
            });
            lines.push(format!("{}{what}: {}{}", verb(change.kind), change.because, sources(change)));
        }
        for replaced in elsewhere {
            *taken.entry(&replaced.path).or_default() += 1;
        }
    }
    lines.dedup();
    let took = |(path, n): (&MemoryPath, u64)| {
        format!("stands for {} of {path}", count(n, "statement", "statements"))
    };
    lines.extend(taken.into_iter().map(took));
    lines
}

/// Returns the word for what was done to a statement.
pub(super) fn verb(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Merged => "merged",
        ChangeKind::Superseded => "superseded",
        ChangeKind::Learned => "learned",
        ChangeKind::Playbook => "playbook",
        ChangeKind::Dropped => "dropped",
        ChangeKind::Rewritten => "rewritten",
    }
}

/// Names the session events behind a change: the first, and how many other sessions.
fn sources(change: &DreamChange) -> String {
    let Some(first) = change.evidence.first() else { return String::new() };
    let mut text = format!(" ({} event {}", first.session, first.event);
    let sessions: BTreeSet<_> = change.evidence.iter().map(|at| &at.session).collect();
    if sessions.len() > 1 {
        let others = count(sessions.len() as u64 - 1, "other session", "other sessions");
        let _ = write!(text, " and {others}");
    }
    text.push(')');
    text
}

#[cfg(test)]
mod tests;
