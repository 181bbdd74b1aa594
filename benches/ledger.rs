//! How long a ledger takes, and that the time grows with the stores and no faster.
//!
//! Makes two stores of Markdown memories from a fixed seed: in half of the memories of the second, one
//! statement in eight was edited, half of them faithfully and half not. `cargo bench --bench ledger`
//! prints one row for each size on one thread, beside `diff -r` over the same two folders and beside
//! reading and hashing the same bytes.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark talks and may stop")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use dreamrun::ledger::forget::ForgetList;
use dreamrun::ledger::testimony::Testimony;
use dreamrun::ledger::{Context, Fate, Ledger};
use dreamrun::memory::{ContentHash, Memory, MemoryPath};
use dreamrun::snapshot::Snapshot;

/// Memories of the largest size.
const MEMORIES: usize = 2_000;
/// Bytes of each.
const MEMORY_BYTES: usize = 10_000;

/// A small generator of numbers, so that every run has the same input.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.roll(words.len())]
    }

    /// Makes up a word, the same few thousand again and again.
    fn word(&mut self) -> String {
        const HEADS: [&str; 16] = [
            "ser", "con", "mer", "tal", "vor", "pel", "lim", "dor", "gan", "hes", "jun", "kar", "nov", "qui",
            "ras", "ule",
        ];
        const TAILS: [&str; 16] = [
            "vice", "fig", "ger", "ent", "tex", "mon", "ack", "ine", "ost", "arn", "umb", "elt", "ock",
            "ith", "ang", "ory",
        ];
        let common = self.roll(3) == 0;
        let at = self.roll(if common { 40 } else { 256 });
        let end = if common { 0 } else { self.roll(16) };
        format!("{}{}{}", HEADS[at % 16], TAILS[at / 16], ["", "a", "el", "ix"][end % 4])
    }

    fn statement(&mut self) -> String {
        let people = ["Ann", "Bob", "Carol", "Dmitri", "Eve", "Farid", "Grace", "Hana"];
        let mut text = match self.roll(6) {
            0 => format!("{} {}: {} s", self.word(), self.word(), self.roll(900)),
            1 => format!("{} asked to keep the {} of the {}", self.pick(&people), self.word(), self.word()),
            2 => format!("Never run `{}_{}` before the {} is ready", self.word(), self.word(), self.word()),
            3 => format!(
                "The {} listens on port {} and logs to /var/log/{}",
                self.word(),
                self.roll(60_000),
                self.word()
            ),
            4 => format!(
                "Since 2026-{:02}-{:02} the {} uses version {}.{}.{}",
                1 + self.roll(12),
                1 + self.roll(28),
                self.word(),
                self.roll(9),
                self.roll(20),
                self.roll(9)
            ),
            _ => format!("The {} of {} is the {}", self.word(), self.pick(&people), self.word()),
        };
        for _ in 0..4 + self.roll(6) {
            write!(
                text,
                " {} {}",
                self.pick(&["with", "and the", "for the", "in", "when the", "of"]),
                self.word()
            )
            .unwrap();
        }
        text
    }
}

/// Edits a statement: the first half of the ways keep what it says.
fn edited(line: &str, way: usize) -> String {
    match way {
        0 => line.replace("the ", "this "),
        1 => format!("**{}**.", line.replace(" with ", " using ")),
        2 => line.replace("Never run", "Do not run").replace(" is the ", " is currently the "),
        3 => line
            .chars()
            .map(|c| c.to_digit(10).map_or(c, |d| char::from_digit((d + 1) % 10, 10).unwrap()))
            .collect(),
        4 => line.split(' ').take(line.split(' ').count() * 2 / 3).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    }
}

fn stores(memories: usize) -> (Snapshot, Snapshot) {
    let mut dice = Dice(11);
    let (mut before, mut after) = (Snapshot::default(), Snapshot::default());
    for at in 0..memories {
        let (mut old, mut new) = (format!("# Notes {at}\n"), format!("# Notes {at}\n"));
        let is_edited = at % 2 == 0;
        let mut line_number = 0;
        while old.len() < MEMORY_BYTES {
            if line_number % 12 == 0 {
                let heading = format!("\n## {} {}\n\n", dice.word(), dice.word());
                old += &heading;
                new += &heading;
            }
            let line = dice.statement();
            writeln!(old, "- {line}").unwrap();
            let written = if is_edited && dice.roll(8) == 0 { edited(&line, dice.roll(6)) } else { line };
            if !written.is_empty() {
                writeln!(new, "- {written}").unwrap();
            }
            line_number += 1;
        }
        let path = MemoryPath::parse(&format!("/notes/{at:05}.md")).unwrap();
        before.insert(Memory::new(path.clone(), old));
        after.insert(Memory::new(path, new));
    }
    (before, after)
}

fn write(store: &Snapshot, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for memory in store.iter() {
        fs::write(folder.join(memory.path.as_str().rsplit('/').next().unwrap()), memory.content.as_bytes())
            .unwrap();
    }
}

fn timed<T>(work: impl Fn() -> T) -> (f64, T) {
    let mut best = f64::MAX;
    let mut made = None;
    for _ in 0..3 {
        let start = Instant::now();
        made = Some(work());
        best = best.min(start.elapsed().as_secs_f64());
    }
    (best, made.unwrap())
}

fn main() {
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global().unwrap();
    println!(
        "| memories | MB before | statements | ledger s | MB/s | per byte, against the smallest | diff -r s | read and hash s | kept | reworded, merged | lost |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let mut first = None;
    for part in [8, 4, 2, 1] {
        let (before, after) = stores(MEMORIES / part);
        let mb = before.bytes() as f64 / 1e6;
        let (testimony, forget) = (Testimony::default(), ForgetList::default());
        let context = Context { testimony: &testimony, forget: &forget, now: None };
        let (ledger_s, (counts, statements)) = timed(|| {
            let ledger = Ledger::of(&before, &after, &context);
            (ledger.counts, ledger.before.len())
        });
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        write(&before, &a);
        write(&after, &b);
        let (diff_s, _) =
            timed(|| Command::new("diff").arg("-r").arg(&a).arg(&b).stdout(Stdio::null()).status().is_ok());
        let (hash_s, _) = timed(|| {
            [&a, &b].map(|folder| {
                let files = fs::read_dir(folder).unwrap();
                files.map(|file| ContentHash::of(fs::read(file.unwrap().path()).unwrap())).max()
            })
        });
        let per_byte = ledger_s / mb;
        let first = *first.get_or_insert(per_byte);
        println!(
            "| {} | {mb:.1} | {statements} | {ledger_s:.2} | {:.0} | {:.2} | {diff_s:.2} | {hash_s:.2} | {} | {} | {} |",
            MEMORIES / part,
            mb / ledger_s,
            per_byte / first,
            counts.kept + counts.moved,
            counts.reworded + counts.merged,
            counts.of(Fate::Lost),
        );
    }
}
