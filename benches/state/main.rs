//! What keeping state costs: journal appends beside the engine's own durable write, bytes and objects of a
//! run, commands over 10,000 finished runs before and after `gc`, and reading a run of 50 batches back.
//!
//! `cargo bench --bench state` runs everything, `-- places` the appends alone. A bucket and a database are asked if
//! the variables of `tests/state/run` name them: `tests/state/run --bench` does. The runs are copies of one that the
//! binary itself carried out on the local backend, so that their events are as large as real ones.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark talks and may stop")]

mod places;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use dreamrun::ids::RunId;
use dreamrun::journal::event::Recorded;
use dreamrun::journal::{self, Journal};
use dreamrun::state::StateStore;
use dreamrun::state::sqlite::SqliteState;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Finished runs of one pipeline.
const RUNS: u32 = 10_000;
/// Times each command is run.
const REPEATS: usize = 9;
/// Batches of the run that is read back.
const BATCHES: u64 = 50;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let project = Project::new();
    project.dreamrun(&["apply", "--yes"]);
    let events = project.events();
    println!("one run: {}", size(&project));
    let begun = events.iter().position(|event| event["event"]["kind"] == "base_recorded").unwrap();
    runtime.block_on(places::appends(&parsed(&events[..=begun])));
    if std::env::args().any(|argument| argument == "places") {
        return;
    }
    runtime.block_on(read_back(&events));
    project.multiply(&events);
    println!("{RUNS} finished runs: {}", size(&project));
    let commands: [&[&str]; 4] = [&["status"], &["plan"], &["apply", "--yes"], &["doctor"]];
    project.time("before gc", &commands);
    let begun = Instant::now();
    project.dreamrun(&["gc", "--yes"]);
    println!("gc folds them in {:.1} s", begun.elapsed().as_secs_f64());
    println!("folded: {}", size(&project));
    project.time("after gc", &commands);
}

/// A project whose first run is over.
struct Project(TempDir);

impl Project {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let project = "dreamrun: 1\nbackend: local\nstores: {notes: {bootstrap: \"dir:memory\"}}\n";
        write("dreamrun.yaml", project);
        write(
            "pipelines/tidy.yaml",
            "dreamrun: 1\nname: tidy\nmodel: offline\ninput: {store: notes, sessions: {files: [\"logs/*.jsonl\"]}}\n\
             adopt: {mode: auto, target: pointer}\n",
        );
        for place in 0..40 {
            let text = format!(
                "# Part {place}\n\n- Part {place} is built on host-{place}.\n- It takes {place} s.\n"
            );
            write(&format!("memory/part-{place}.md"), &text);
        }
        for place in 0..10 {
            let said =
                |text: &str| json!({ "role": "user", "content": text, "created_at": "2026-06-01T10:00:00Z" });
            let lines = [said(&format!("Please always name part {place} by its number.")), said("Thanks.")];
            let text: Vec<String> = lines.iter().map(Value::to_string).collect();
            write(&format!("logs/{place}.jsonl"), &text.join("\n"));
        }
        Self(folder)
    }

    fn dreamrun(&self, arguments: &[&str]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dreamrun"));
        let output = command.args(arguments).current_dir(self.0.path()).env_clear().output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn database(&self) -> Connection {
        Connection::open(self.0.path().join(".dreamrun/state.db")).unwrap()
    }

    /// Returns the events of the first run, as they stand in state.
    fn events(&self) -> Vec<Value> {
        let database = self.database();
        let mut select = database
            .prepare("SELECT bytes FROM objects WHERE key LIKE 'runs/tidy-1/%' ORDER BY key")
            .unwrap();
        let rows = select.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        rows.map(|bytes| serde_json::from_slice(&bytes.unwrap()).unwrap()).collect()
    }

    /// Writes the run so many times, as of a month ago.
    fn multiply(&self, events: &[Value]) {
        let mut events = events.to_vec();
        for event in &mut events {
            let at: Timestamp = event["at"].as_str().unwrap().parse().unwrap();
            event["at"] = (at - SignedDuration::from_hours(30 * 24)).to_string().into();
        }
        let texts: Vec<String> = events.iter().map(Value::to_string).collect();
        let mut database = self.database();
        let transaction = database.transaction().unwrap();
        for number in 2..=RUNS {
            for (seq, text) in (1..).zip(&texts) {
                let text = text.replace("\"tidy-1\"", &format!("\"tidy-{number}\""));
                let key = format!("runs/tidy-{number}/{seq:08}");
                let sql = "INSERT INTO objects (key, version, bytes) VALUES (?1, 1, ?2)";
                transaction.prepare_cached(sql).unwrap().execute(params![key, text.as_bytes()]).unwrap();
            }
        }
        transaction.commit().unwrap();
    }

    fn time(&self, when: &str, commands: &[&[&str]]) {
        for arguments in commands {
            let took = median((0..REPEATS).map(|_| {
                let begun = Instant::now();
                self.dreamrun(arguments);
                begun.elapsed()
            }));
            println!("{when}, `dreamrun {}`: {:.0} ms", arguments.join(" "), took.as_secs_f64() * 1e3);
        }
    }
}

/// Says how much there is of what runs leave behind.
fn size(project: &Project) -> String {
    let sql = "SELECT count(*), sum(length(bytes)) FROM objects WHERE key NOT LIKE 'aliases/%'";
    let row = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
    let (objects, bytes) = project.database().query_row(sql, [], row).unwrap();
    format!("{objects} objects, {:.1} kB", bytes as f64 / 1e3)
}

fn median(took: impl Iterator<Item = Duration>) -> Duration {
    let mut took: Vec<Duration> = took.collect();
    took.sort_unstable();
    took[took.len() / 2]
}

fn parsed(events: &[Value]) -> Vec<Recorded> {
    events.iter().map(|event| serde_json::from_value(event.clone()).unwrap()).collect()
}

/// Reads a run of many batches whose last dream is at work, as an `apply` does that carries it on.
async fn read_back(events: &[Value]) {
    let of_kind = |kind: &str| events.iter().find(|event| event["event"]["kind"] == kind).unwrap().clone();
    let mut planned = of_kind("run_planned");
    let batch = planned["event"]["plan"]["batches"][0].clone();
    let batches = (1..=BATCHES).map(|index| {
        let mut batch = batch.clone();
        batch["index"] = index.into();
        batch
    });
    planned["event"]["plan"]["batches"] = batches.collect();
    let mut all = vec![planned, of_kind("claimed"), of_kind("base_recorded")];
    for batch in 1..=BATCHES {
        for kind in ["dream_requested", "dream_created", "dream_ended"] {
            let mut event = of_kind(kind);
            event["event"]["batch"] = batch.into();
            if kind == "dream_requested" {
                event["event"]["store"] = format!("memstore_{}", batch - 1).into();
            } else {
                event["event"]["dream"] = format!("drm_{batch}").into();
            }
            if kind == "dream_ended" {
                event["event"]["output"] = format!("memstore_{batch}").into();
            }
            all.push(event);
        }
    }
    all.pop();
    let folder = TempDir::new().unwrap();
    let place = folder.path().join("state.db");
    write(&place, &all);
    let run = RunId::parse("tidy-1").unwrap();
    let state = SqliteState::open(&place).unwrap();
    let mut read = Vec::new();
    let mut opened = Vec::new();
    for _ in 0..REPEATS {
        let begun = Instant::now();
        assert_eq!(state.read("runs/tidy-1/").await.unwrap().len(), all.len());
        read.push(begun.elapsed());
        let begun = Instant::now();
        let last = journal::last(&state, run.pipeline()).await.unwrap().unwrap();
        let journal = Journal::open(&state, &last).await.unwrap().unwrap();
        opened.push(begun.elapsed());
        assert_eq!(journal.state().phase.name(), "dreaming");
    }
    println!(
        "a run of {BATCHES} batches, {} events: found and opened in {:.1} ms, of which the one read of state {:.1} ms",
        all.len(),
        median(opened.into_iter()).as_secs_f64() * 1e3,
        median(read.into_iter()).as_secs_f64() * 1e3
    );
}

/// Writes events as they are.
fn write(place: &Path, events: &[Value]) {
    drop(SqliteState::open(place).unwrap());
    let database = Connection::open(place).unwrap();
    for (seq, event) in (1..).zip(events) {
        let mut event = event.clone();
        event["seq"] = seq.into();
        let sql = "INSERT INTO objects (key, version, bytes) VALUES (?1, 1, ?2)";
        let key = format!("runs/tidy-1/{seq:08}");
        database.execute(sql, params![key, event.to_string().as_bytes()]).unwrap();
    }
}
