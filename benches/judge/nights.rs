//! Nights: a year of offline dreams over one real store, and what each night's ledger says.
//!
//! Every night reads that day's slice of real transcripts and what made-up users corrected or asked
//! for; by day agents write notes that repeat what the store says. What a night leaves is what the next
//! begins with, so that losses would add up.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use dreamrun::dream::EventRef;
use dreamrun::dreaming::Mind;
use dreamrun::dreaming::offline::OfflineMind;
use dreamrun::dreaming::transcript::{Event, EventKind, Format, Transcript, read_file};
use dreamrun::ids::SessionId;
use dreamrun::ledger::forget::ForgetList;
use dreamrun::ledger::testimony::{Saying, Speaker, Testimony};
use dreamrun::ledger::{Context, Fate, FateCounts, Ledger};
use dreamrun::memory::{ContentHash, Memory, MemoryPath};
use dreamrun::snapshot::Snapshot;
use jiff::{Timestamp, ToSpan};

use crate::data;
use crate::mutation::dice::Dice;
use crate::mutation::pieces::{Files, content_words, pieces};

/// Nights after which the curve is read.
const LOOKS: [usize; 6] = [1, 7, 30, 90, 180, 365];

/// Things that have one value at a time, and values they can have.
const FACTS: [(&str, &[&str]); 12] = [
    ("default port of the gateway", &["8080", "8443", "9000", "9443"]),
    ("default branch of the website", &["main", "trunk", "release", "develop"]),
    ("deploy command", &["`make ship`", "`just deploy`", "`deployctl up`", "`make release`"]),
    ("owner of the billing service", &["Ines Halvorsen", "Tomasz Wrona", "Adaeze Okafor", "Sigrid Moen"]),
    ("timeout of the mailer", &["30 s", "45 s", "60 s", "120 s"]),
    (
        "staging URL",
        &["https://stage.example.com", "https://preview.example.com", "https://next.example.com"],
    ),
    ("database version", &["PostgreSQL 14", "PostgreSQL 15", "PostgreSQL 16", "PostgreSQL 17"]),
    ("release day", &["Monday", "Tuesday", "Wednesday", "Thursday"]),
    ("limit for uploads", &["2 MB", "5 MB", "10 MB", "25 MB"]),
    ("package manager", &["npm", "pnpm", "yarn", "bun"]),
    ("minimum Go version", &["1.21", "1.22", "1.23", "1.24"]),
    ("name of the on-call channel", &["`#ops`", "`#pager`", "`#on-call`", "`#duty`"]),
];

/// Lasting wishes that users come up with, one now and then.
const WISHES: [&str; 10] = [
    "Always run the linter after edits.",
    "From now on, write commit messages in the imperative.",
    "Never commit generated files.",
    "I prefer short answers.",
    "Please always answer in British English.",
    "Use UTC, not local time.",
    "Remember that prices are stored in cents.",
    "Don't use unwrap in library code.",
    "Please remember to update CHANGELOG.md with every user-visible change.",
    "Keep in mind that the staging database is read-only.",
];

/// Simulates the nights and prints what became of what.
pub(crate) fn print(folder: &Path, nights: usize, seed: u64, errors: usize) {
    let start = Instant::now();
    let mut dice = Dice::new(seed);
    let days = days(&sessions(folder), nights);
    let mut store = first_store(folder);
    let mut values: Vec<usize> = vec![0; FACTS.len()];
    let mut first = Lives::of(&store);
    let mut totals = FateCounts::default();
    let mut shown = 0;
    println!(
        "| after night | statements | as they were | moved | reworded | merged | superseded | lost |\n|---|---|---|---|---|---|---|---|"
    );
    for (night, mut transcripts) in days.into_iter().enumerate() {
        let noon = day(night);
        transcripts.extend(corrections(night, noon, &mut values, &mut dice));
        if dice.one_in(3) {
            take_notes(&mut store, noon, &mut dice);
        }
        let readings: Vec<_> = transcripts.iter().map(|transcript| OfflineMind.read(transcript)).collect();
        let made = OfflineMind.consolidate(&store, &readings, None).unwrap();
        let testimony = testimony(&transcripts);
        let after = stored(&store, made.store, noon);
        let forget = ForgetList::default();
        let context =
            Context { testimony: &testimony, forget: &forget, now: noon.checked_add(12.hours()).ok() };
        let ledger = Ledger::of(&store, &after, &context);
        for fate in Fate::ALL {
            for (old, judged) in ledger.with_fate(fate) {
                totals.add(fate);
                if fate == Fate::Lost && shown < errors {
                    shown += 1;
                    let heirs: Vec<&str> = ledger.heirs(judged).map(|heir| heir.statement.text).collect();
                    println!(
                        "- night {}: {} {:?} {:?} {heirs:?}",
                        night + 1,
                        old.path,
                        old.statement.text,
                        judged.because
                    );
                    for change in made
                        .changes
                        .iter()
                        .filter(|change| change.replaced.iter().any(|r| r.statement == old.statement.text))
                    {
                        println!(
                            "    the dream: {:?} {} {:?}",
                            change.kind, change.because, change.statement
                        );
                    }
                }
            }
        }
        totals.new += ledger.counts.new;
        first.live_on(&ledger);
        if LOOKS.contains(&(night + 1)) || night + 1 == nights {
            let share = first.shares();
            let cells: Vec<String> = share.iter().map(|share| format!("{:.1}%", 100.0 * share)).collect();
            println!("| {} | {} | {} |", night + 1, ledger.after.len(), cells.join(" | "));
        }
        store = after;
    }
    println!(
        "\n{nights} nights, {} statements judged: kept {}, moved {}, reworded {}, merged {}, superseded {}, dropped {}, \
         lost {}; {} new; store {} memories, {} kB; {:.1} s",
        totals.before(),
        totals.kept,
        totals.moved,
        totals.reworded,
        totals.merged,
        totals.superseded,
        totals.dropped,
        totals.lost,
        totals.new,
        store.len(),
        store.bytes() / 1_000,
        start.elapsed().as_secs_f64(),
    );
}

fn day(night: usize) -> Timestamp {
    let start: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
    start.checked_add((24 * night as i64).hours()).unwrap()
}

/// The real memories, and a page of facts that users will correct.
fn first_store(folder: &Path) -> Snapshot {
    let mut files = Files::new();
    for (prefix, part) in [
        ("travel", "memories/auto_memory_libertas"),
        ("argo", "memories/argo-workflows"),
        ("serena", "memories_temporal/serena/v1.7.0"),
        ("zizmor", "memories_temporal/zizmor/2025-06-16"),
        ("notes", "memories/session_notes"),
    ] {
        files.extend(
            data::files(&folder.join(part))
                .into_iter()
                .map(|(path, text)| (format!("/{prefix}{path}"), text)),
        );
    }
    let facts: Vec<String> =
        FACTS.iter().map(|(what, values)| format!("- The {what} is {}.\n", values[0])).collect();
    files.insert("/team.md".to_owned(), format!("# Team\n\n{}", facts.concat()));
    let before = day(0).checked_sub(48.hours()).unwrap();
    files
        .iter()
        .filter_map(|(path, text)| {
            let mut memory = Memory::new(MemoryPath::normalise(path).ok()?, text.as_str());
            memory.updated_at = Some(before);
            Some(memory)
        })
        .collect()
}

/// What a backend gives back of a store: memories that changed carry the time of the change.
fn stored(before: &Snapshot, after: Snapshot, at: Timestamp) -> Snapshot {
    let dated = |memory: &Memory| {
        let mut memory = memory.clone();
        let same = before.get(&memory.path).filter(|old| old.hash == memory.hash);
        memory.updated_at = same.map_or_else(|| memory.updated_at.or(Some(at)), |old| old.updated_at);
        memory
    };
    after.iter().map(dated).collect()
}

/// All real transcripts that can be read.
fn sessions(folder: &Path) -> Vec<Transcript> {
    let unpacked = tempfile::tempdir().unwrap();
    let archive = folder.join("sessions/claude_code.tar.xz");
    let tar =
        std::process::Command::new("tar").arg("xJf").arg(&archive).arg("-C").arg(unpacked.path()).status();
    let is_unpacked = tar.is_ok_and(|status| status.success());
    let claude = if is_unpacked { unpacked.path().to_owned() } else { folder.join("sessions/claude_code") };
    let mut paths: Vec<_> = walkdir::WalkDir::new(claude)
        .sort_by_file_name()
        .into_iter()
        .flatten()
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .collect();
    paths.push(folder.join("sessions/tau_airline.jsonl"));
    paths
        .iter()
        .filter_map(|path| read_file(path, &path.file_name()?.to_string_lossy()).ok())
        .flatten()
        .collect()
}

/// Cuts sessions where a person speaks, and gives each day its share, as sessions of that day.
fn days(sessions: &[Transcript], nights: usize) -> Vec<Vec<Transcript>> {
    let mut parts: Vec<(&Transcript, &[Event])> = Vec::new();
    for session in sessions {
        let is_start = |event: &Event| matches!(event.kind, EventKind::User(_));
        let mut from = 0;
        for at in 1..session.events.len() {
            if is_start(&session.events[at]) {
                parts.push((session, &session.events[from..at]));
                from = at;
            }
        }
        parts.push((session, &session.events[from..]));
    }
    (0..nights)
        .map(|night| {
            let of_day = &parts[parts.len() * night / nights..parts.len() * (night + 1) / nights];
            let mut transcripts: Vec<Transcript> = Vec::new();
            for (session, events) in of_day {
                let id = SessionId::parse(format!("{}-{}", session.session, night + 1)).unwrap();
                let dated = events.iter().map(|event| Event { at: Some(day(night)), ..event.clone() });
                match transcripts.iter_mut().find(|transcript| transcript.session == id) {
                    Some(transcript) => transcript.events.extend(dated),
                    None => transcripts.push(transcript(id, day(night), dated.collect())),
                }
            }
            transcripts
        })
        .collect()
}

fn transcript(session: SessionId, at: Timestamp, events: Vec<Event>) -> Transcript {
    let (format, skipped) = (Format::ClaudeCode, Vec::new());
    Transcript { session, format, created_at: at, last_at: at, events, skipped, bytes: 0 }
}

/// A user corrects a fact on two days of three, and wishes for something now and then.
fn corrections(night: usize, at: Timestamp, values: &mut [usize], dice: &mut Dice) -> Vec<Transcript> {
    let mut said = Vec::new();
    if !dice.one_in(3) {
        let which = dice.roll(FACTS.len());
        let (what, all) = FACTS[which];
        values[which] = (values[which] + 1 + dice.roll(all.len() - 1)) % all.len();
        let value = all[values[which]];
        said.push(match dice.roll(3) {
            0 => format!("Actually, the {what} is {value}."),
            1 => format!("The {what} is now {value}."),
            _ => format!("Remember that the {what} is {value}."),
        });
    }
    if dice.one_in(10) {
        said.extend(dice.pick(&WISHES).map(|wish| (*wish).to_owned()));
    }
    let mut events = Vec::new();
    for text in said {
        for kind in [EventKind::User(text), EventKind::Agent("Noted.".to_owned())] {
            events.push(Event { line: events.len() as u64 + 1, at: Some(at), kind });
        }
    }
    if events.is_empty() {
        Vec::new()
    } else {
        vec![transcript(SessionId::parse(format!("user-{}", night + 1)).unwrap(), at, events)]
    }
}

/// An agent notes down a few lines that stand in the store already, as agents do; those that can be
/// understood without what they stand under.
fn take_notes(store: &mut Snapshot, at: Timestamp, dice: &mut Dice) {
    let files: Files =
        store.iter().map(|memory| (memory.path.as_str().to_owned(), memory.content.to_string())).collect();
    let all: Vec<_> = pieces(&files).into_iter().filter(|piece| !piece.leads).collect();
    let lines: BTreeSet<String> = (0..3)
        .filter_map(|_| dice.pick(&all))
        .map(|piece| piece.text(&files).split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| content_words(line).len() >= 8 && !points(line))
        .collect();
    let items: String = lines.iter().map(|line| format!("- {line}\n")).collect();
    let date = at.strftime("%Y-%m-%d");
    let path = MemoryPath::parse(&format!("/daily/{date}.md")).unwrap();
    let mut memory = Memory::new(path, format!("# {date}\n\n{items}"));
    memory.updated_at = Some(at);
    if !items.is_empty() {
        store.insert(memory);
    }
}

/// Says whether a line begins with a word that points at something above it.
fn points(line: &str) -> bool {
    let first = line.split(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
    ["It", "This", "That", "These", "Those", "They", "He", "She", "Then", "Also", "However", "E", "Otherwise"]
        .contains(&first)
}

/// What the sessions of a night said, each in its place.
fn testimony(transcripts: &[Transcript]) -> Testimony {
    let mut sayings = Vec::new();
    for transcript in transcripts {
        for event in &transcript.events {
            let (speaker, text) = match &event.kind {
                EventKind::User(text) => (Speaker::User, text),
                EventKind::Agent(text) => (Speaker::Agent, text),
                EventKind::ToolUse { input, .. } => (Speaker::Agent, input),
                EventKind::ToolResult { text, .. } => (Speaker::Tool, text),
            };
            sayings.push(Saying {
                event: EventRef { session: transcript.session.clone(), event: event.line },
                speaker,
                at: event.at,
                text: text.as_str().into(),
            });
        }
    }
    Testimony { sayings, unread: 0 }
}

/// The statements of the first night, and where each has got to.
struct Lives {
    /// The worst fate so far of each, and the statements that carry it on.
    lives: Vec<(Fate, BTreeSet<(MemoryPath, ContentHash)>)>,
}

impl Lives {
    fn of(store: &Snapshot) -> Self {
        let (testimony, forget) = (Testimony::default(), ForgetList::default());
        let ledger = Ledger::of(store, store, &Context { testimony: &testimony, forget: &forget, now: None });
        let life = |located: &dreamrun::ledger::Located<'_>| {
            (Fate::Kept, BTreeSet::from([(located.path.clone(), located.hash)]))
        };
        Self { lives: ledger.before.iter().map(life).collect() }
    }

    fn live_on(&mut self, ledger: &Ledger<'_>) {
        let mut by_place: BTreeMap<(&MemoryPath, ContentHash), usize> = BTreeMap::new();
        for (at, old) in ledger.before.iter().enumerate() {
            by_place.entry((old.path, old.hash)).or_insert(at);
        }
        for (worst, places) in &mut self.lives {
            let mut next = BTreeSet::new();
            for (path, hash) in places.iter() {
                let Some(&at) = by_place.get(&(path, *hash)) else { continue };
                let judged = &ledger.fates[at];
                *worst = (*worst).max(judged.fate);
                next.extend(ledger.heirs(judged).map(|heir| (heir.path.clone(), heir.hash)));
            }
            if *worst != Fate::Lost {
                *places = next;
            }
        }
    }

    /// Returns the share of statements by the worst that became of them: kept, moved, reworded, merged,
    /// superseded, lost.
    fn shares(&self) -> [f64; 6] {
        let of = |fate: Fate| {
            self.lives.iter().filter(|(worst, _)| *worst == fate).count() as f64
                / self.lives.len().max(1) as f64
        };
        [Fate::Kept, Fate::Moved, Fate::Reworded, Fate::Merged, Fate::Superseded, Fate::Lost].map(of)
    }
}
