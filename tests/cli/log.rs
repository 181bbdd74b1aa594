//! `log`, `restore` and `rollback --path`: a memory's life, and bringing things back.

use std::sync::Mutex;

use dreamrun::dreaming::transcript::Transcript;
use dreamrun::dreaming::{Consolidated, Mind, MindError, Reading};
use dreamrun::memory::{Memory, MemoryPath};
use dreamrun::snapshot::Snapshot;
use jiff::SignedDuration;

use crate::support::Project;

/// What the dreams make of `/deploy.md`, one after the other: another name, a loss, a new value.
const TEXTS: [&str; 3] = [
    "# Deploy\n\n- Deploys go out on Tuesday.\n- The canary takes 15 minutes.\n- Berlin signs off every release.\n",
    "# Deploy\n\n- Deploys go out on Tuesday.\n- The canary takes 15 minutes.\n",
    "# Deploy\n\n- Deploys go out on Thursday.\n- The canary takes 15 minutes.\n",
];

/// Turns the memory into the next of [`TEXTS`], under its new name, each time.
#[derive(Default)]
struct ThreeDreams {
    dreamed: Mutex<usize>,
}

impl Mind for ThreeDreams {
    fn read(&self, transcript: &Transcript) -> Reading {
        Reading {
            session: transcript.session.clone(),
            created_at: transcript.created_at,
            tokens: 10,
            notes: serde_json::Value::Null,
        }
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        _: &[Reading],
        _: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        let mut dreamed = self.dreamed.lock().unwrap();
        let path = |text| MemoryPath::parse(text).unwrap();
        let mut store = input.clone();
        store.remove(&path("/deploy.md"));
        store.insert(Memory::new(path("/playbooks/deploy.md"), TEXTS[*dreamed % TEXTS.len()]));
        *dreamed += 1;
        Ok(Consolidated { store, changes: Vec::new() })
    }
}

/// Makes a project, and lets it dream.
fn dreamed(times: usize) -> Project {
    let mut project = Project::small().with_mind(ThreeDreams::default());
    project.set("DREAMRUN_ACTOR", "mira");
    std::fs::remove_file(project.path("memory/deploy-2.md")).unwrap();
    project.write("memory/deploy.md", TEXTS[0]);
    project.edit(
        "pipelines/tidy.yaml",
        "adopt:",
        "gates: {lost: {review: 100%, block: 100%, over_30_days: 100%}}\nadopt:",
    );
    for time in 0..times {
        dream(&project, time);
    }
    project
}

fn dream(project: &Project, time: usize) {
    project.wait(SignedDuration::from_hours(24));
    let said = ["Go on.", "Go on.", "From now on, deploys go out on Thursday."][time % 3];
    project.session(&format!("night-{time}"), &format!("2026-11-{:02}T20:00:00Z", 20 + time), &[said]);
    let applied = project.run(&["apply", "tidy", "--yes", "--json"]).json();
    assert_eq!(applied["outcome"], "adopted", "{applied:#}");
}

fn live(project: &Project) -> String {
    project.record("notes")["active"].as_str().unwrap().to_owned()
}

#[test]
fn a_memory_is_followed_through_three_dreams_and_a_rename() {
    let project = dreamed(3);
    insta::assert_snapshot!(project.run(&["log", "notes"]), @r"
    -- stderr
    notes: 3 runs
      2026-11-23T09:00:00Z tidy-3 adopted: 1 superseded, 2 kept
      2026-11-22T09:00:00Z tidy-2 adopted: 1 lost, 3 kept
      2026-11-21T09:00:00Z tidy-1 adopted: 3 moved, 1 kept
    lost within 30 days: 1 of 4 statements, 25%
    -- exit 0
    ");
    insta::assert_snapshot!(project.run(&["log", "notes", "/deploy.md"]), @r"
    -- stderr
    /deploy.md → /playbooks/deploy.md
      before               there before the first run
      2026-11-21T09:00:00Z moved by tidy-1, from /deploy.md: 3 moved
      2026-11-22T09:00:00Z edited by tidy-2: 1 lost
          lost line 5 93e5ac394d6d Berlin signs off every release.
      2026-11-23T09:00:00Z edited by tidy-3: 1 superseded
          superseded line 3 6107c3165670 Deploys go out on Tuesday.
            → /playbooks/deploy.md:3 ec3c593d40c2 Deploys go out on Thursday.
            said in session night-2, event 1
    -- exit 0
    ");
    let by_old_name = project.run(&["log", "notes", "/deploy.md"]).stderr;
    assert_eq!(project.run(&["log", "notes", "playbooks/deploy.md"]).stderr, by_old_name);
    insta::assert_snapshot!(project.run(&["log", "notes", "--statement", "6107c316"]), @r"
    -- stderr
      2026-11-21T09:00:00Z moved by tidy-1
          /deploy.md:3 6107c3165670 Deploys go out on Tuesday.
          → /playbooks/deploy.md:3 6107c3165670 Deploys go out on Tuesday.
      2026-11-23T09:00:00Z superseded by tidy-3
          /playbooks/deploy.md:3 6107c3165670 Deploys go out on Tuesday.
          → /playbooks/deploy.md:3 ec3c593d40c2 Deploys go out on Thursday.
    -- exit 0
    ");
    let _ = project.run(&["log", "notes", "/nothing.md"]).ends_with(2);
}

#[test]
fn the_reason_of_each_fate_is_told_with_the_words_that_were_said() {
    let project = dreamed(3);
    insta::assert_snapshot!(project.run(&["diff", "tidy-2", "--why", "/playbooks/deploy.md"]), @r"
    -- stderr
    --- memstore_2xxxxxxxxxxxxxxxxxxxxxxxx before tidy-2
    +++ memstore_3xxxxxxxxxxxxxxxxxxxxxxxx of tidy-2
    2 → 2 memories (147 B → 113 B): 1 edited, 1 unchanged
    statements: 1 lost, 2 kept

    lost        /playbooks/deploy.md:5 Berlin signs off every release.
                nothing says it any more
    kept        /playbooks/deploy.md:3 Deploys go out on Tuesday.
    kept        /playbooks/deploy.md:4 The canary takes 15 minutes.
    -- exit 0
    ");
    insta::assert_snapshot!(project.run(&["diff", "tidy-3", "--why", "/playbooks/deploy.md"]), @r"
    -- stderr
    --- memstore_3xxxxxxxxxxxxxxxxxxxxxxxx before tidy-3
    +++ memstore_4xxxxxxxxxxxxxxxxxxxxxxxx of tidy-3
    2 → 2 memories (113 B → 114 B): 1 edited, 1 unchanged
    statements: 1 superseded, 1 kept

    superseded  /playbooks/deploy.md:3 Deploys go out on Tuesday.
                → /playbooks/deploy.md:3 Deploys go out on Thursday.
                a session said so since
                user in session night-2, event 1: “From now on, deploys go out on Thursday.”
    kept        /playbooks/deploy.md:4 The canary takes 15 minutes.
    -- exit 0
    ");
}

#[test]
fn what_was_lost_is_restored_where_it_stood_and_not_counted_any_more() {
    let project = dreamed(2);
    assert_eq!(project.record("notes")["losses"][1]["lost"], 1);
    let _ = project.run(&["restore", "tidy-2", "--all-lost"]).ends_with(2);
    insta::assert_snapshot!(project.run(&["restore", "tidy-2", "/playbooks/deploy.md:5", "--yes"]), @r"
    -- stderr
      + /playbooks/deploy.md:5 Berlin signs off every release.
    restored: 1 statement
    what tidy-2 lost and is not back: 0 statements
    -- exit 0
    ");
    assert_eq!(project.record("notes")["losses"][1]["lost"], 0);
    insta::assert_snapshot!(project.run(&["restore", "tidy-2", "93e5ac394d6d"]), @r"
    -- stderr
      = /playbooks/deploy.md:5 says so already
    what tidy-2 lost and is not back: 0 statements
    -- exit 0
    ");
    let words = project.run(&["log", "notes", "/deploy.md", "--json"]).json();
    let last = words["data"]["life"]["events"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["what"], &last["by"]), (&"restored".into(), &"mira".into()), "{last:#}");
    let wrong = project.run(&["restore", "tidy-2", "/playbooks/deploy.md:3"]).ends_with(2);
    assert!(wrong.stderr.contains("lost no statement"), "{wrong}");
}

#[test]
fn a_restore_that_was_killed_before_its_record_is_finished_by_the_next() {
    let project = dreamed(2);
    // The store was written, state was not.
    project.agent_writes(&live(&project), "/playbooks/deploy.md", TEXTS[0]);
    let again = project.run(&["restore", "tidy-2", "--all-lost", "--yes", "--json"]).ends_with(0).json();
    assert_eq!(again["data"]["restored"][0]["was_there"], true, "{again:#}");
    assert_eq!(project.record("notes")["losses"][1]["lost"], 0);
}

#[test]
fn a_statement_that_went_with_a_store_rolled_back_from_is_lost_again() {
    let project = dreamed(3);
    let _ = project.run(&["restore", "tidy-2", "--all-lost", "--yes"]).ends_with(0);
    assert_eq!(project.record("notes")["losses"][1]["lost"], 0);
    let _ = project.run(&["rollback", "notes"]).ends_with(0);
    assert_eq!(project.record("notes")["losses"][1]["lost"], 1);
    let again = project.run(&["restore", "tidy-2", "--all-lost", "--yes", "--json"]).ends_with(0).json();
    assert_eq!(again["outcome"], "restored");
}

#[test]
fn a_restore_that_a_memory_has_no_room_for_writes_nothing() {
    let project = dreamed(2);
    let full = format!("{}\n{}\n", TEXTS[1], "x".repeat(102_390 - TEXTS[1].len()));
    project.agent_writes(&live(&project), "/playbooks/deploy.md", &full);
    let refused = project.run(&["restore", "tidy-2", "--all-lost", "--yes"]).ends_with(2);
    assert!(refused.stderr.contains("a memory may hold 102,400; nothing was written"), "{refused}");
    assert_eq!(project.record("notes")["losses"][1]["lost"], 1);
}

#[test]
fn losses_count_again_after_going_forward_to_the_store_that_had_them() {
    let project = dreamed(3);
    let newest = project.real_id(&live(&project));
    let _ = project.run(&["rollback", "notes"]).ends_with(0);
    let _ = project.run(&["rollback", "notes", "--to", &newest]).ends_with(0);
    let losses = project.record("notes")["losses"].clone();
    assert!(losses.as_array().unwrap().iter().all(|run| run["is_undone"].is_null()), "{losses:#}");
}

#[test]
fn one_memory_is_rolled_back_and_what_agents_wrote_is_theirs() {
    let project = dreamed(3);
    insta::assert_snapshot!(project.run(&["rollback", "notes", "--path", "/playbooks", "--yes"]), @r"
    -- stderr
      ~ /playbooks/deploy.md becomes what it was
    brought back: 1 memory is as before tidy-3; notes stays memstore_4xxxxxxxxxxxxxxxxxxxxxxxx
    -- exit 0
    ");
    assert_eq!(project.record("notes")["hold"], serde_json::Value::Null);
    insta::assert_snapshot!(project.run(&["rollback", "notes", "--path", "/playbooks", "--run", "tidy-2"]), @r"
    -- stderr
      ~ /playbooks/deploy.md becomes what it was
    error: nothing was written
      = Nothing prompts without a terminal: add `--yes`.
    -- exit 2
    ");
    let _ = project
        .run_answering("y\n", &["rollback", "notes", "--path", "/playbooks", "--run", "tidy-2"])
        .ends_with(0);
    assert_eq!(project.record("notes")["losses"][1]["lost"], 0);
    let _ = project.run(&["rollback", "notes", "--path", "/style.md", "--yes"]).ends_with(2);
}

#[test]
fn what_was_written_since_a_run_is_not_written_over_in_silence() {
    let project = dreamed(3);
    let _ = project.run(&["restore", "tidy-2", "--all-lost", "--yes"]).ends_with(0);
    let refused = project.run(&["rollback", "notes", "--path", "/playbooks"]).ends_with(7);
    assert!(refused.stderr.contains("somebody wrote since to /playbooks/deploy.md"), "{refused}");
    assert_eq!(project.record("notes")["losses"][1]["lost"], 0);
    let _ = project.run(&["rollback", "notes", "--path", "/playbooks", "--yes"]).ends_with(0);
    assert_eq!(project.record("notes")["losses"][1]["lost"], 1, "the restored statement went with it");
}

#[test]
fn an_archive_keeps_what_the_backend_has_dropped() {
    let project = dreamed(0);
    project.edit("dreamrun.yaml", "stores:", "ledger: {archive: kept/bodies}\nstores:");
    (0..3).for_each(|time| dream(&project, time));
    let record = project.record("notes");
    for previous in record["previous"].as_array().unwrap() {
        project.delete_store(previous["store"].as_str().unwrap());
    }
    let told = project.run(&["log", "notes", "/deploy.md"]).ends_with(0);
    assert!(told.stderr.contains("Berlin signs off every release."), "{told}");
    let gc = project.run(&["gc", "--dry-run"]).ends_with(0);
    assert!(gc.stderr.contains("archive kept/bodies: 2 texts, 174 B, kept"), "{gc}");
    let _ = project.run(&["restore", "tidy-2", "--all-lost", "--yes"]).ends_with(0);
    std::fs::remove_dir_all(project.path("kept")).unwrap();
    let told = project.run(&["log", "notes", "/deploy.md"]).ends_with(0);
    assert!(told.stderr.contains("text no longer kept"), "{told}");
}

#[test]
fn an_archive_in_object_storage_is_refused() {
    let project = dreamed(0);
    project.edit("dreamrun.yaml", "stores:", "ledger: {archive: \"s3://bucket/a\"}\nstores:");
    let refused = project.run(&["validate"]).ends_with(3);
    assert!(refused.stderr.contains("an archive in `s3` is not available"), "{refused}");
}
