//! `doctor`: what state has lost on the local backend, and how it is rebuilt.

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::Project;
use crate::support::minds::CountingMind;

/// Adopts twice, the second time over one more session.
fn twice_adopted() -> Project {
    let project = Project::small().with_mind(CountingMind::default());
    // Its mind forgets what it learned before.
    let gates =
        "gates: {lost: {review: 100%, block: 100%, over_30_days: {review: 100%, block: 100%}}}\nadopt:";
    project.edit("pipelines/tidy.yaml", "adopt:", gates);
    project.session("one", "2026-11-18T10:00:00Z", &["remember: the canary takes 15 minutes"]);
    project.adopt();
    project.wait(SignedDuration::from_hours(24));
    project.session("three", "2026-11-21T07:00:00Z", &["remember: retro is on Monday"]);
    project.adopt();
    project
}

fn lose(project: &Project) {
    for file in ["state.db", "state.db-wal", "state.db-shm"] {
        let _ = std::fs::remove_file(project.path(&format!(".dreamrun/{file}")));
    }
}

fn outcome(project: &Project) -> Value {
    project.run(&["apply", "tidy", "--yes", "--json"]).ends_with(0).json()["outcome"].take()
}

#[test]
fn lost_state_is_told_and_rebuilt_and_nothing_is_dreamt_twice() {
    let project = twice_adopted();
    let before = project.record("notes");
    lose(&project);
    let told = project.run(&["doctor"]).ends_with(9);
    assert!(told.stderr.contains("`notes` is not in state, and its stores tell what it was: "), "{told}");
    assert!(told.stderr.contains("`dreamrun doctor --fix` rebuilds it"), "{told}");
    assert!(!project.path(".dreamrun/state.db").exists(), "looking writes nothing");
    let fixed = project.run(&["doctor", "--fix", "--yes"]).ends_with(0);
    assert!(fixed.stderr.contains("rebuilt `notes`: "), "{fixed}");
    assert!(fixed.stderr.contains("2 stores before it; 3 sessions read"), "{fixed}");
    let after = project.record("notes");
    for field in ["active", "generation", "adoption", "watermarks", "last_finished"] {
        assert_eq!(after[field], before[field], "{field}");
    }
    assert_eq!(outcome(&project), "nothing_due");
    project.session("four", "2026-11-21T08:00:00Z", &["remember: use bun"]);
    assert_eq!(outcome(&project), "adopted");
    let shown = project.run(&["show", "latest", "--json"]).ends_with(0).json();
    assert_eq!(shown["data"]["run"], "tidy-3", "{shown:#}");
    assert_eq!(project.record("notes")["generation"], 3);
}

#[test]
fn an_alias_that_cannot_be_read_is_rebuilt_in_its_place() {
    let project = twice_adopted();
    let before = project.record("notes");
    let state = rusqlite::Connection::open(project.path(".dreamrun/state.db")).unwrap();
    let damage = |bytes: &str| {
        let sql = "UPDATE objects SET bytes = ?1 WHERE key = 'aliases/notes'";
        assert_eq!(state.execute(sql, [bytes.as_bytes()]).unwrap(), 1);
    };
    for bytes in ["", "{", "[]", r#"{"format":1,"generation":"two"}"#] {
        damage(bytes);
        for command in
            [&["plan", "tidy"][..], &["apply", "tidy", "--yes"], &["rollback", "notes"], &["status"]]
        {
            let refused = project.run(command).ends_with(1);
            assert!(refused.stderr.contains("`aliases/notes` in state is damaged"), "{refused}");
            assert!(refused.stderr.contains("`dreamrun doctor`"), "{refused}");
        }
    }
    let fixed = project.run(&["doctor", "--fix", "--yes"]).ends_with(0);
    assert!(fixed.stderr.contains("rebuilt `notes`"), "{fixed}");
    assert_eq!(project.record("notes")["watermarks"], before["watermarks"]);
    assert_eq!(outcome(&project), "nothing_due");
}

#[test]
fn a_run_that_was_open_goes_on_with_what_it_paid_for() {
    let project = twice_adopted();
    project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    project.session("four", "2026-11-21T08:00:00Z", &["remember: use bun"]);
    assert_eq!(outcome(&project), "awaiting_review");
    let run = project.record("notes")["claim"]["run"].clone();
    let state = rusqlite::Connection::open(project.path(".dreamrun/state.db")).unwrap();
    assert_eq!(state.execute("DELETE FROM objects WHERE key = 'aliases/notes'", []).unwrap(), 1);
    drop(state);
    let _ = project.run(&["doctor", "--fix", "--yes"]).ends_with(0);
    assert_eq!(project.record("notes")["claim"]["run"], run);
    let _ = project.run(&["approve", "latest", "--yes"]).ends_with(0);
    assert_eq!(project.record("notes")["adoption"]["run"], run);
    assert_eq!(outcome(&project), "nothing_due");
}

#[test]
fn an_alias_that_names_a_store_that_is_not_there_is_told_with_the_way_out() {
    let project = twice_adopted();
    let before = project.record("notes");
    let previous = before["previous"][0]["store"].as_str().unwrap();
    let live = before["active"].as_str().unwrap().to_owned();
    project.delete_store(&live);
    let told = project.run(&["doctor"]).ends_with(5);
    assert!(told.stderr.contains(&format!("`notes` stands for `{live}`")), "{told}");
    assert!(told.stderr.contains(&format!("dreamrun rollback notes --to {previous}")), "{told}");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(5);
    assert_eq!(project.record("notes"), before);
}

#[test]
fn a_project_that_never_ran_has_nothing_to_rebuild() {
    let project = Project::small();
    let fixed = project.run(&["doctor", "--fix", "--yes", "--json"]).ends_with(0).json();
    assert_eq!(fixed["data"].get("rebuilt"), None, "{fixed:#}");
    assert_eq!(fixed["outcome"], json!("fine"));
    assert!(!project.path(".dreamrun/state.db").exists());
}
