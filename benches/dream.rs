//! How long an offline dream takes, and that the time grows with the input and no faster.
//!
//! Makes stores and transcripts from a fixed seed in memory, so it reads and writes no files.
//! `cargo bench --bench dream` prints one row for each size; the largest has 100 sessions of half a
//! megabyte and 2,000 memories.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark talks and may stop")]

use std::fmt::Write as _;
use std::time::Instant;

use dreamrun::dreaming::Mind;
use dreamrun::dreaming::offline::OfflineMind;
use dreamrun::dreaming::transcript::read_bytes;
use dreamrun::memory::{ContentHash, Memory, MemoryPath};
use dreamrun::snapshot::Snapshot;
use jiff::{Timestamp, ToSpan};

/// Sessions and memories of the largest size.
const SESSIONS: usize = 100;
const MEMORIES: usize = 2_000;
const SESSION_BYTES: usize = 500_000;

/// A small generator of numbers, so that every run has the same input.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn words(&mut self, count: usize) -> String {
        let mut text = String::new();
        for _ in 0..count {
            let word = self.roll(4_000);
            write!(text, "{}{} ", ["ser", "con", "mer", "tal", "vor"][word % 5], word / 5).unwrap();
        }
        text.truncate(text.trim_end().len());
        text
    }
}

fn store(memories: usize) -> Snapshot {
    let mut dice = Dice(7);
    let mut said: Vec<String> = Vec::new();
    (0..memories)
        .map(|at| {
            let mut text = String::from("# Notes\n\n");
            for _ in 0..20 {
                let line = match dice.roll(10) {
                    0 if !said.is_empty() => said[dice.roll(said.len())].clone(),
                    1 => format!("Service {} timeout: {} s", dice.roll(memories), dice.roll(90)),
                    _ => dice.words(12),
                };
                writeln!(text, "- {line}").unwrap();
                said.push(line);
            }
            let mut memory = Memory::new(MemoryPath::parse(&format!("/notes/{at:05}.md")).unwrap(), text);
            memory.updated_at =
                Some(Timestamp::from_second(1_700_000_000 + i64::try_from(at).unwrap() * 3_600).unwrap());
            memory
        })
        .collect()
}

fn session(number: usize) -> Vec<u8> {
    let mut dice = Dice(number as u64 + 1);
    let mut text = String::with_capacity(SESSION_BYTES + 4_096);
    let start = Timestamp::from_second(1_750_000_000).unwrap();
    let mut line = 0_i64;
    while text.len() < SESSION_BYTES {
        let at = start.checked_add((line + number as i64 * 100_000).seconds()).unwrap();
        let (role, content) = match line % 4 {
            0 => (
                "user",
                serde_json::json!(format!(
                    "Please look at {}. Always run {} first.",
                    dice.words(20),
                    dice.words(2)
                )),
            ),
            1 => ("assistant", serde_json::json!([{"type": "text", "text": dice.words(120)}])),
            2 => (
                "assistant",
                serde_json::json!([{"type": "tool_use", "id": format!("t{line}"), "name": "Bash",
                    "input": {"command": format!("make {}", dice.words(3))}}]),
            ),
            _ => (
                "user",
                serde_json::json!([{"type": "tool_result", "tool_use_id": format!("t{}", line - 1),
                    "is_error": dice.roll(8) == 0, "content": dice.words(400)}]),
            ),
        };
        let record = serde_json::json!({
            "type": role, "sessionId": format!("bench-{number:03}"), "uuid": format!("u{line}"),
            "timestamp": at.to_string(), "message": {"role": role, "content": content},
        });
        writeln!(text, "{record}").unwrap();
        line += 1;
    }
    text.into_bytes()
}

fn main() {
    println!(
        "| sessions | MB | memories | hash s | read s | consolidate s | changes | total s | per byte, against the smallest |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut first = None;
    for part in [8, 4, 2, 1] {
        let files: Vec<Vec<u8>> = (0..SESSIONS / part).map(session).collect();
        let store = store(MEMORIES / part);
        let bytes: usize = files.iter().map(Vec::len).sum();
        let start = Instant::now();
        let hashes: Vec<ContentHash> = files.iter().map(ContentHash::of).collect();
        let hashed = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let mut readings = Vec::new();
        for (at, file) in files.iter().enumerate() {
            let transcripts = read_bytes(file, &format!("bench-{at}.jsonl"), Timestamp::UNIX_EPOCH).unwrap();
            readings.extend(transcripts.iter().map(|t| OfflineMind.read(t)));
        }
        let read = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let made = OfflineMind.consolidate(&store, &readings, None).unwrap();
        let consolidated = start.elapsed().as_secs_f64();
        let total = read + consolidated;
        let rate = total / (bytes as f64 + store.bytes() as f64);
        let base = *first.get_or_insert(rate);
        println!(
            "| {} | {:.1} | {} | {hashed:.2} | {read:.2} | {consolidated:.2} | {} | {total:.2} | {:.2} |",
            hashes.len(),
            bytes as f64 / 1e6,
            store.len(),
            made.changes.len(),
            rate / base,
        );
    }
}
