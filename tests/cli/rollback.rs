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
      = Reject or cancel it first: `dreamrun cancel tidy-1`.
    -- exit 6
    ");
}
