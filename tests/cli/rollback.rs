//! `rollback`: the store before is live again, and held.

use crate::support::Project;

fn adopted() -> Project {
    let mut project = Project::small();
    project.set("DREAMRUN_ACTOR", "mira");
    project.adopt();
    project
}

#[test]
fn the_store_before_is_live_again_and_on_hold() {
    let project = adopted();
    let before = project.run(&["status", "--json"]).json();
    let previous = &before["data"]["stores"][0]["record"]["previous"][0]["store"];
    insta::assert_snapshot!(project.run(&["rollback", "notes", "--reason", "too eager"]), @r"
    -- stderr
    rolled back: notes is memstore_1xxxxxxxxxxxxxxxxxxxxxxxx again, and on hold: too eager
      memstore_2xxxxxxxxxxxxxxxxxxxxxxxx gave way and is kept
      dreamrun rollback notes --release            lets runs start again
    -- exit 0
    ");
    let after = project.run(&["status", "--json"]).json();
    assert_eq!(&after["data"]["stores"][0]["record"]["active"], previous);
    insta::assert_snapshot!(project.run(&["apply", "tidy", "--yes"]), @r"
    -- stderr
    tidy nothing due: on hold since 2026-11-20T09:00:00Z, by mira: too eager
      dreamrun rollback notes --release            lets runs start again
    -- exit 0
    ");
    insta::assert_snapshot!(project.run(&["rollback", "notes", "--release"]), @r"
    -- stderr
    notes is not on hold any more
    -- exit 0
    ");
    let _ = project.run(&["rollback", "notes", "--release"]).ends_with(2);
}

#[test]
fn an_earlier_store_can_be_named() {
    let project = adopted();
    insta::assert_snapshot!(project.run(&["rollback", "notes", "--to", "memstore_other"]), @r"
    -- stderr
    error: `memstore_other` was never live as `notes`
      = Earlier stores: memstore_1xxxxxxxxxxxxxxxxxxxxxxxx.
    -- exit 2
    ");
    let status = project.run(&["status", "--json"]).json();
    let shown = status["data"]["stores"][0]["record"]["previous"][0]["store"].as_str().unwrap().to_owned();
    let real = project.real_id(&shown);
    let _ = project.run(&["rollback", "notes", "--to", &real]).ends_with(0);
}

#[test]
fn what_cannot_be_rolled_back_is_told() {
    insta::assert_snapshot!(Project::small().run(&["rollback", "notes"]), @r"
    -- stderr
    error: `notes` has no run yet, there is nothing to go back to
      = See `dreamrun status notes`.
    -- exit 2
    ");
    insta::assert_snapshot!(Project::small().run(&["rollback", "nodes"]), @r"
    -- stderr
    error: the project has no store `nodes`
      = It has notes.
    -- exit 2
    ");
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(0);
    insta::assert_snapshot!(project.run(&["rollback", "notes"]), @r"
    -- stderr
    error: `notes` is held by run `tidy-1`
      = It waits for a person: look at `dreamrun diff tidy-1`, then `dreamrun approve tidy-1` or `dreamrun reject tidy-1`.
    -- exit 6
    ");
}

#[test]
fn a_second_rollback_does_not_bring_the_bad_store_back() {
    let project = adopted();
    let bad = project.record("notes")["active"].as_str().unwrap().to_owned();
    let _ = project.run(&["rollback", "notes"]).ends_with(0);
    let good = project.record("notes")["active"].clone();
    insta::assert_snapshot!(project.run(&["rollback", "notes"]), @r"
    -- stderr
    error: `notes` was already rolled back, at 2026-11-20T09:00:00Z
      = To go to another store, name it with `--to STORE`.
      = Earlier stores: memstore_2xxxxxxxxxxxxxxxxxxxxxxxx.
    -- exit 2
    ");
    assert_eq!(project.record("notes")["active"], good);
    let _ = project.run(&["rollback", "notes", "--to", &project.real_id(&bad)]).ends_with(0);
    assert_eq!(project.record("notes")["active"], bad.as_str());
}

#[test]
fn a_deleted_store_never_becomes_live() {
    let project = adopted();
    let record = project.record("notes");
    project.delete_store(record["previous"][0]["store"].as_str().unwrap());
    insta::assert_snapshot!(project.run(&["rollback", "notes"]), @r"
    -- stderr
    error: `memstore_1xxxxxxxxxxxxxxxxxxxxxxxx` was deleted from the backend
      = Name another earlier store with `--to STORE`; nothing was changed.
    -- exit 5
    ");
    assert_eq!(project.record("notes"), record);
}

#[test]
fn what_agents_wrote_since_is_not_left_behind_in_silence() {
    let project = adopted();
    let live = project.record("notes")["active"].as_str().unwrap().to_owned();
    project.agent_writes(&live, "/written-since.md", "- The canary takes 20 minutes.\n");
    insta::assert_snapshot!(project.run(&["rollback", "notes"]), @r"
    -- stderr
    rolled back: notes is memstore_1xxxxxxxxxxxxxxxxxxxxxxxx again, and on hold: rolled back
      memstore_2xxxxxxxxxxxxxxxxxxxxxxxx gave way and is kept
      note: agents wrote to it since it was adopted, and what they wrote is not live any more
      dreamrun diff memstore_1xxxxxxxxxxxxxxxxxxxxxxxx memstore_2xxxxxxxxxxxxxxxxxxxxxxxx shows what is left behind
      dreamrun rollback notes --release            lets runs start again
    -- exit 0
    ");
}

#[test]
fn a_program_is_told_which_store_gave_way() {
    let project = adopted();
    let live = project.record("notes")["active"].clone();
    let data = project.run(&["rollback", "notes", "--json"]).ends_with(0).json()["data"].take();
    assert_eq!(data["left"], serde_json::json!({"store": live, "is_written": false}));
}

#[test]
fn a_store_that_this_checkout_does_not_name_can_be_rolled_back() {
    let project = adopted();
    project.edit("dreamrun.yaml", "  notes:", "  other:");
    let _ = project.run(&["rollback", "notes"]).ends_with(0);
    assert_eq!(project.record("notes")["generation"], 2);
}
