//! `gc`: deletes what nothing needs, and says what.

use crate::support::Project;

/// Makes a project whose first run was rejected.
fn with_a_rejected_run() -> Project {
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(0);
    let _ = project.run(&["reject", "latest"]).ends_with(0);
    project
}

#[test]
fn before_any_run_there_is_nothing_to_delete() {
    insta::assert_snapshot!(Project::small().run(&["gc"]), @r"
    -- stderr
    nothing to delete
    -- exit 0
    ");
}

#[test]
fn a_dry_run_names_the_stores_and_keeps_them() {
    let project = with_a_rejected_run();
    insta::assert_snapshot!(project.run(&["gc", "--dry-run"]), @r"
    -- stderr
      memstore_1xxxxxxxxxxxxxxxxxxxxxxxx written by tidy-1, rejected
    1 store would be deleted
    -- exit 0
    ");
    let _ = project.run(&["gc", "--dry-run", "--fail-on", "pending"]).ends_with(10);
}

#[test]
fn deleting_needs_agreement() {
    let project = with_a_rejected_run();
    insta::assert_snapshot!(project.run(&["gc"]), @r"
    -- stderr
      memstore_1xxxxxxxxxxxxxxxxxxxxxxxx written by tidy-1, rejected
    error: nothing was deleted
      = Nothing prompts without a terminal: add `--yes`.
    -- exit 2
    ");
    insta::assert_snapshot!(project.run(&["gc", "--yes"]), @r"
    -- stderr
      memstore_1xxxxxxxxxxxxxxxxxxxxxxxx written by tidy-1, rejected
    1 store deleted
    -- exit 0
    ");
    insta::assert_snapshot!(project.run(&["gc", "--yes"]), @r"
    -- stderr
    nothing to delete
    -- exit 0
    ");
}

#[test]
fn the_live_store_and_the_one_before_are_never_spare() {
    let project = Project::small();
    project.adopt();
    let output = project.run(&["gc", "--yes", "--json"]).ends_with(0);
    assert_eq!(output.json()["outcome"], "nothing_to_delete", "{output}");
}
