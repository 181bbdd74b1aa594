//! Pairs: fates against labels. One line gives way to another, and the label says what became of it.

use std::collections::BTreeMap;
use std::path::Path;

use dreamrun::dream::EventRef;
use dreamrun::ids::SessionId;
use dreamrun::ledger::forget::ForgetList;
use dreamrun::ledger::testimony::{Saying, Speaker, Testimony};
use dreamrun::ledger::{Context, Fate, Ledger};
use dreamrun::memory::{Memory, MemoryPath};
use dreamrun::snapshot::Snapshot;
use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use crate::data::{records, stated, text};

/// What should become of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    /// It is still said.
    Stands,
    /// A newer value took its place, and somebody said so.
    Superseded,
    /// It is gone.
    Lost,
}

impl Wanted {
    const ALL: [Self; 3] = [Self::Stands, Self::Superseded, Self::Lost];

    fn of(fate: Fate) -> Self {
        match fate {
            Fate::Kept | Fate::Moved | Fate::Reworded | Fate::Merged => Self::Stands,
            Fate::Superseded | Fate::Dropped => Self::Superseded,
            Fate::Lost => Self::Lost,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Stands => "stands",
            Self::Superseded => "superseded",
            Self::Lost => "lost",
        }
    }
}

/// What else is known when a line gives way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Nothing.
    Nothing,
    /// A person said the new line in a session.
    Said,
    /// Only a tool printed the new line.
    Printed,
    /// The new line stood in a newer memory already.
    Newer,
}

/// One line, what took its place, and what that makes of it.
struct Case {
    set: &'static str,
    id: String,
    was: String,
    is: String,
    known: Known,
    wanted: Wanted,
}

/// Prints how often each fate was right, by set; then what precision and recall that makes.
pub(crate) fn print(data: &Path, errors: usize) {
    let cases = cases(data);
    let mut sets: BTreeMap<&str, BTreeMap<(Wanted, Wanted), usize>> = BTreeMap::new();
    let mut wrong: BTreeMap<(&str, Wanted, Wanted), Vec<String>> = BTreeMap::new();
    // Other lines of the store stay as they are: nobody's heirs, but in the way.
    let others: Vec<String> = records(&data.join("dedup/doc_lines.jsonl"))
        .iter()
        .filter(|record| record["label"] == 1)
        .map(|record| one_line(text(record, "a")))
        .collect();
    for (at, case) in cases.iter().enumerate() {
        let around = (0..15).map(|k| others[(at * 7 + k * 11) % others.len()].as_str());
        let around: Vec<&str> = around.filter(|line| *line != case.was && *line != case.is).collect();
        let (fate, because) = judged(case, &around);
        let got = Wanted::of(fate);
        *sets.entry(case.set).or_default().entry((case.wanted, got)).or_default() += 1;
        if got != case.wanted {
            let line = format!("{} {fate} ({because}): {:?} → {:?}", case.id, case.was, case.is);
            wrong.entry((case.set, case.wanted, got)).or_default().push(line);
        }
    }
    println!("| pairs | should be | stands | superseded | lost | right |\n|---|---|---|---|---|---|");
    let mut all: BTreeMap<(Wanted, Wanted), usize> = BTreeMap::new();
    for (set, table) in &sets {
        for wanted in Wanted::ALL {
            let row: Vec<usize> =
                Wanted::ALL.iter().map(|&got| table.get(&(wanted, got)).copied().unwrap_or(0)).collect();
            let sum: usize = row.iter().sum();
            if sum > 0 {
                let right = 100.0 * row[wanted as usize] as f64 / sum as f64;
                println!(
                    "| {set} | {} | {} | {} | {} | {right:.1}% |",
                    wanted.as_str(),
                    row[0],
                    row[1],
                    row[2]
                );
            }
        }
        for (&key, &count) in table {
            *all.entry(key).or_default() += count;
        }
    }
    println!("\n| fate | precision | recall |\n|---|---|---|");
    for fate in Wanted::ALL {
        let right = all.get(&(fate, fate)).copied().unwrap_or(0) as f64;
        let got: usize = all.iter().filter(|((_, got), _)| *got == fate).map(|(_, count)| count).sum();
        let wanted: usize =
            all.iter().filter(|((wanted, _), _)| *wanted == fate).map(|(_, count)| count).sum();
        let share = |of: usize| if of == 0 { 0.0 } else { 100.0 * right / of as f64 };
        println!("| {} | {:.1}% | {:.1}% |", fate.as_str(), share(got), share(wanted));
    }
    for ((set, wanted, got), lines) in &wrong {
        for line in lines.iter().take(errors) {
            println!("- {set}, {} called {}: {line}", wanted.as_str(), got.as_str());
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cases(data: &Path) -> Vec<Case> {
    let mut out = Vec::new();
    let mut add = |set, id: &str, was: &str, is: &str, known, wanted| {
        let (was, is) = (one_line(was), one_line(is));
        if !was.is_empty() && !is.is_empty() && was != is {
            out.push(Case { set, id: id.to_owned(), was, is, known, wanted });
        }
    };
    let both_ways = |record: &Value, add: &mut dyn FnMut(&str, &str, &str, Known, Wanted)| {
        let (id, a, b) = (text(record, "id"), text(record, "a"), text(record, "b"));
        let wanted = if record["label"] == 1 { Wanted::Stands } else { Wanted::Lost };
        add(id, a, b, Known::Nothing, wanted);
    };
    for record in records(&data.join("dedup/doc_lines.jsonl")) {
        both_ways(&record, &mut |id, a, b, known, wanted| add("doc lines", id, a, b, known, wanted));
    }
    for record in records(&data.join("dedup/requests.jsonl")) {
        both_ways(&record, &mut |id, a, b, known, wanted| add("requests", id, a, b, known, wanted));
    }
    for record in records(&data.join("contradictions/git_edits.jsonl")) {
        let (id, old, new) = (text(&record, "id"), text(&record, "old"), text(&record, "new"));
        add("git edits", id, old, new, Known::Nothing, Wanted::Lost);
        add("git edits, a person said the new line", id, old, new, Known::Said, Wanted::Superseded);
        add("git edits, a tool printed it", id, old, new, Known::Printed, Wanted::Lost);
        add("git edits, the new line in a newer memory", id, old, new, Known::Newer, Wanted::Superseded);
    }
    for (at, record) in records(&data.join("contradictions/temporal_facts.jsonl")).iter().enumerate() {
        let fact = |value: &str| stated(at, text(record, "subject"), text(record, "relation"), value);
        let stale = record["stale"].as_array().and_then(|all| all.last()).and_then(Value::as_str);
        let Some(stale) = stale else { continue };
        let (id, old, new) = (text(record, "id"), fact(stale), fact(text(record, "latest")));
        add("dated facts", id, &old, &new, Known::Nothing, Wanted::Lost);
        add("dated facts, a person said the new one", id, &old, &new, Known::Said, Wanted::Superseded);
        add("dated facts, a tool printed it", id, &old, &new, Known::Printed, Wanted::Lost);
        add("dated facts, the new one in a newer memory", id, &old, &new, Known::Newer, Wanted::Superseded);
    }
    out
}

/// Judges one line among others; a line of several statements fares as the worst of them.
fn judged(case: &Case, around: &[&str]) -> (Fate, String) {
    let page = |line: &str| {
        let (first, second) = around.split_at(around.len() / 2);
        let items = first.iter().chain(std::iter::once(&line)).chain(second);
        format!("# Notes\n\n{}", items.map(|item| format!("- {item}\n")).collect::<String>())
    };
    let start = Timestamp::UNIX_EPOCH;
    let memory = |path: &str, text: String, day: i64| {
        let mut memory = Memory::new(MemoryPath::parse(path).unwrap(), text);
        memory.updated_at = start.checked_add((day * 24).hours()).ok();
        memory
    };
    let mut before: Snapshot = [memory("/notes/a.md", page(&case.was), 1)].into_iter().collect();
    let mut after: Snapshot = [memory("/notes/a.md", page(&case.is), 30)].into_iter().collect();
    if case.known == Known::Newer {
        let newer = memory("/notes/b.md", format!("# Notes\n\n- {}\n", case.is), 20);
        before.insert(newer.clone());
        after = [
            newer,
            memory(
                "/notes/a.md",
                format!("# Notes\n\n{}", around.iter().map(|item| format!("- {item}\n")).collect::<String>()),
                1,
            ),
        ]
        .into_iter()
        .collect();
    }
    let speaker = match case.known {
        Known::Said => Some(Speaker::User),
        Known::Printed => Some(Speaker::Tool),
        Known::Nothing | Known::Newer => None,
    };
    let saying = |speaker| Saying {
        event: EventRef { session: SessionId::parse("sesn_1").unwrap(), event: 3 },
        speaker,
        at: start.checked_add((25 * 24).hours()).ok(),
        text: format!("One more thing, it has changed. {}", case.is).into(),
    };
    let testimony = Testimony { sayings: speaker.map(saying).into_iter().collect(), unread: 0 };
    let forget = ForgetList::default();
    let ledger = Ledger::of(&before, &after, &Context { testimony: &testimony, forget: &forget, now: None });
    let old = case.was.as_str();
    ledger
        .before
        .iter()
        .zip(&ledger.fates)
        .filter(|(located, _)| {
            located.path.as_str() == "/notes/a.md" && old.contains(&one_line(located.statement.text))
        })
        .map(|(_, judged)| (judged.fate, format!("{:?}", judged.because)))
        .max_by_key(|(fate, _)| *fate)
        .unwrap_or((Fate::Lost, "no statement".to_owned()))
}
