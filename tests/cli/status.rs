//! `status`: what lives, runs and waits.

use crate::support::Project;
use crate::support::minds::{FailingMind, WipingMind};

#[test]
fn a_fresh_project_has_nothing_yet() {
    insta::assert_snapshot!(Project::small().run(&["status"]), @r"
    -- stderr
    notes  not imported yet

    tidy  never run
    -- exit 0
    ");
}

#[test]
fn an_adopted_store_names_its_run() {
    let project = Project::small();
    project.adopt();
    insta::assert_snapshot!(project.run(&["status"]), @r"
    -- stderr
    notes  memstore_2xxxxxxxxxxxxxxxxxxxxxxxx adopted by tidy-1 at 2026-11-20T09:00:00Z

    tidy  tidy-1 adopted
    -- exit 0
    ");
}

#[test]
fn what_is_claimed_says_what_it_waits_for() {
    let blocked = Project::small().with_mind(WipingMind);
    let _ = blocked.run(&["apply", "tidy", "--yes"]).ends_with(13);
    insta::assert_snapshot!(blocked.run(&["status"]), @r#"
    -- stderr
    notes  memstore_1xxxxxxxxxxxxxxxxxxxxxxxx as imported
           held by tidy-1, waiting for a person

    tidy  tidy-1 blocked: gate `lost` blocks; gate `entries_removed` blocks
    -- exit 0
    "#);
    let failed = Project::small().with_mind(FailingMind);
    let _ = failed.run(&["apply", "tidy", "--yes"]).ends_with(5);
    insta::assert_snapshot!(failed.run(&["status"]), @r"
    -- stderr
    notes  memstore_1xxxxxxxxxxxxxxxxxxxxxxxx as imported
           held by tidy-1, driven by nobody; `dreamrun apply tidy` continues it

    tidy  tidy-1 dream failed: try 1 at dream 1 failed: ran out of time (timeout)
    -- exit 0
    ");
}

#[test]
fn each_state_can_be_made_to_fail() {
    let blocked = Project::small().with_mind(WipingMind);
    let _ = blocked.run(&["apply", "tidy", "--yes"]).ends_with(13);
    let _ = blocked.run(&["status"]).ends_with(0);
    let _ = blocked.run(&["status", "--fail-on", "blocked"]).ends_with(13);
    let _ = blocked.run(&["status", "--fail-on", "blocked,never"]).ends_with(0);

    let waiting = Project::small();
    let fresh = waiting.run(&["status", "--fail-on", "running,review,blocked", "--json"]).ends_with(0);
    assert_eq!(fresh.json()["outcome"], "idle", "{fresh}");
    waiting.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    let _ = waiting.run(&["plan", "--fail-on", "pending"]).ends_with(10);
    let _ = waiting.run(&["apply", "tidy", "--yes"]).ends_with(0);
    let _ = waiting.run(&["status", "--fail-on", "review"]).ends_with(12);

    let failed = Project::small().with_mind(FailingMind);
    let _ = failed.run(&["apply", "tidy", "--yes"]).ends_with(5);
    let _ = failed.run(&["status", "--fail-on", "running"]).ends_with(11);
    let _ = failed.run(&["status", "--fail-on", "overdue"]).ends_with(2);
}

#[test]
fn a_store_on_hold_says_who_and_why() {
    let mut project = Project::small();
    project.set("DREAMRUN_ACTOR", "mira");
    project.adopt();
    let _ = project.run(&["rollback", "notes", "--reason", "too eager"]).ends_with(0);
    insta::assert_snapshot!(project.run(&["status", "notes"]), @r"
    -- stderr
    notes  memstore_1xxxxxxxxxxxxxxxxxxxxxxxx as imported
           on hold since 2026-11-20T09:00:00Z by mira: too eager

    tidy  tidy-1 adopted
    -- exit 0
    ");
}

#[test]
fn an_unknown_name_is_an_error() {
    insta::assert_snapshot!(Project::small().run(&["status", "note"]), @r"
    -- stderr
    error: there is no store or pipeline `note`
      = Did you mean `notes`?
    -- exit 2
    ");
}
