//! Disks that fill up, files that are not what they should be, and files that are gone.

use std::fs;

use crate::support::{Drill, Ran, Traces, signal, wait_for};

const DONE: Traces = Traces { generation: 1, claim: None, dreams: 3, stores: 4 };

/// Returns how many dreams the backend has; none if it has no database to ask.
fn dreams(drill: &Drill) -> usize {
    drill.try_count("SELECT count(*) FROM dreams").unwrap_or(0)
}

#[test]
fn state_that_cannot_be_opened_stops_before_anything_is_done() {
    type Spoil = fn(&Drill);
    let cases: [(Spoil, &str); 4] = [
        (|drill| fs::create_dir_all(drill.path(".dreamrun/state.db")).unwrap(), "could not open state"),
        (
            |drill| {
                drill.write(
                    ".dreamrun/state.db",
                    "not a database, but long enough to look like one\n".repeat(40),
                )
            },
            "the file is not a SQLite database",
        ),
        (|drill| drill.write(".dreamrun", "a file"), "could not open state"),
        (
            |drill| {
                let _ = drill.apply();
                let state = drill.path(".dreamrun/state.db");
                let bytes = fs::read(&state).unwrap();
                fs::write(&state, &bytes[..bytes.len() / 2]).unwrap();
            },
            "the file is corrupt",
        ),
    ];
    for (n, (spoil, text)) in cases.into_iter().enumerate() {
        let drill = Drill::small();
        spoil(&drill);
        let before = dreams(&drill);
        let ran = drill.apply().exits(1).says(text).says("state.db");
        assert!(ran.stderr.contains("Nothing was done without a journal entry"), "{n}: {}", ran.stderr);
        assert_eq!(ran.json()["outcome"], "error");
        assert_eq!(dreams(&drill), before, "case {n}");
    }
}

#[test]
fn a_backend_that_cannot_be_opened_stops_before_a_run_begins() {
    type Spoil = fn(&Drill);
    let cases: [Spoil; 2] = [
        |drill| fs::create_dir_all(drill.path(".dreamrun/local.db")).unwrap(),
        |drill| {
            drill.write(".dreamrun/local.db", "not a database, but long enough to look like one\n".repeat(40))
        },
    ];
    for spoil in cases {
        let drill = Drill::small();
        spoil(&drill);
        let _ = drill.apply().exits(1).says("local.db").says("Nothing was done");
        assert!(drill.events().is_empty());
    }
}

#[test]
fn an_event_that_is_damaged_is_named() {
    let drill = Drill::small();
    let _ = drill.apply().exits(0);
    let state = rusqlite::Connection::open(drill.path(".dreamrun/state.db")).unwrap();
    state.execute("UPDATE objects SET bytes = x'7b22' WHERE key LIKE 'runs/small-1/%6'", []).unwrap();
    let _ = drill.apply().exits(1).says("`runs/small-1/00000006` in state is damaged");
    state.execute("DELETE FROM objects WHERE key LIKE 'runs/small-1/%6'", []).unwrap();
    let _ = drill.apply().exits(1).says("lacks event 6").says("restore it from a backup");
    assert_eq!(drill.traces(), DONE);
}

/// Runs an apply that can write no file beyond so many blocks, as on a disk that fills up.
fn apply_on_a_disk_of(drill: &Drill, blocks: u32) -> Ran {
    let binary = env!("CARGO_BIN_EXE_dreamrun");
    let script = format!("ulimit -f {blocks}; trap '' XFSZ; exec '{binary}' apply small --yes --json");
    drill.command("sh").args(["-c", &script]).output().unwrap().into()
}

#[test]
fn a_disk_that_fills_up_anywhere_costs_nothing_twice() {
    let undisturbed = Drill::small();
    let _ = undisturbed.apply().exits(0);
    let mut failed = 0;
    for blocks in (0..).step_by(16) {
        let drill = Drill::small();
        let ran = apply_on_a_disk_of(&drill, blocks);
        if ran.code == Some(0) {
            break;
        }
        failed += 1;
        assert!(matches!(ran.code, Some(1 | 5)), "{blocks} blocks: {ran:#?}");
        assert_eq!(ran.json()["outcome"], "error", "{blocks} blocks");
        // People are told that it is the disk.
        let _ = ran.says("disk");
        // Every dream has its intent in the journal.
        let has_state = drill.path(".dreamrun/state.db").metadata().is_ok_and(|file| file.len() > 0);
        let made = dreams(&drill);
        if made > 0 {
            assert!(has_state);
            let events = drill.events().remove("small-1").unwrap();
            let asked = events.iter().filter(|kind| *kind == "dream_requested").count();
            assert!(made <= asked, "{blocks} blocks: {made} dreams, {events:?}");
        }
        assert_eq!(drill.apply().exits(0).json()["outcome"], "adopted", "{blocks} blocks");
        assert_eq!(drill.report(), undisturbed.report(), "{blocks} blocks");
        assert_eq!(drill.traces(), DONE, "{blocks} blocks");
    }
    assert!(failed >= 8, "the disk was full {failed} times");
}

#[test]
fn state_that_is_gone_is_told_by_the_plan() {
    let drill = Drill::small();
    let _ = drill.apply().exits(0);
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(drill.path(&format!(".dreamrun/state.db{end}")));
    }
    let note = "3 dreams on the backend read sessions of this plan";
    let _ = drill.run(&["plan", "small"]).exits(0).says(note).says("state.db` was lost");
    let _ = drill.apply().exits(0).says(note);
    // What the first run made is still there, and the import was not repeated.
    assert_eq!(drill.traces(), Traces { generation: 1, claim: None, dreams: 6, stores: 7 });
}

#[test]
fn a_backend_that_is_gone_is_not_started_over() {
    let drill = Drill::small();
    let _ = drill.apply().exits(0);
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(drill.path(&format!(".dreamrun/local.db{end}")));
    }
    let store = drill.alias().unwrap()["active"].as_str().unwrap().to_owned();
    for arguments in [&["plan", "small"] as &[&str], &["apply", "small", "--yes"]] {
        let ran = drill.run(arguments).exits(5);
        let _ = ran.says(&store);
    }
    assert_eq!(drill.count("SELECT count(*) FROM dreams"), 0);
    assert_eq!(drill.events().keys().collect::<Vec<_>>(), ["small-1"]);
}

#[test]
fn dreams_of_another_pipeline_are_not_taken_for_forgotten_ones() {
    let drill = Drill::small();
    let _ = drill.apply().exits(0);
    let project = fs::read_to_string(drill.path("dreamrun.yaml")).unwrap();
    drill.write("dreamrun.yaml", format!("{project}  others: {{bootstrap: \"dir:memory\"}}\n"));
    let other = fs::read_to_string(drill.path("pipelines/small.yaml")).unwrap();
    let other = other.replace("name: small", "name: other").replace("store: notes", "store: others");
    drill.write("pipelines/other.yaml", other);
    let planned = drill.run(&["plan", "other"]).exits(0).says("3 chained dreams");
    assert!(!planned.stderr.contains("note:"), "{}", planned.stderr);
}

#[test]
fn an_import_that_is_killed_leaves_nothing_behind() {
    let drill = Drill::small();
    let expected = 1_500;
    for n in 0..expected - 5 {
        drill.write(&format!("memory/many/{n}.md"), format!("- Rack {n} holds server srv-{n}.\n"));
    }
    let mut child = drill.dreamrun(&["apply", "small", "--yes"]).spawn().unwrap();
    let log = drill.path(".dreamrun/local.db");
    wait_for("the import to begin", || log.exists());
    signal("KILL", child.id());
    child.wait().unwrap();
    let _ = drill.run(&["plan", "small"]).exits(0);
    assert_eq!(drill.apply().exits(0).json()["outcome"], "adopted");
    assert_eq!(drill.traces(), DONE);
    let imported = "SELECT count(*) FROM memories JOIN stores ON store = stores.id WHERE origin NOT NULL";
    assert_eq!(drill.count(imported), expected);
}
