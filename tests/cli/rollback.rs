//! `rollback`: the store before is live again, and held.

use crate::support::Project;
use crate::support::minds::CountingMind;
use crate::versions::change;

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
      note: agents wrote to it since, and that is not live any more: /written-since.md
      dreamrun rollback notes --carry              carries it over to the live store
      dreamrun diff memstore_1xxxxxxxxxxxxxxxxxxxxxxxx memstore_2xxxxxxxxxxxxxxxxxxxxxxxx shows what is left behind
      dreamrun rollback notes --release            lets runs start again
    -- exit 0
    ");
}

const ADOPTED: &str = "# Deploy\n\n- Deploys go out on Thursday.\n- The canary takes 15 minutes.\n";

/// Lets an agent write aside, and into a memory that the dream changed.
fn written_since() -> Project {
    let project = adopted();
    let live = project.record("notes")["active"].as_str().unwrap().to_owned();
    project.agent_writes(&live, "/written-since.md", "- Use pnpm.\n");
    project.agent_rewrites(&live, "/deploy.md", ADOPTED, &ADOPTED.replace("15 minutes", "20 minutes"));
    project
}

fn live_text(project: &Project, path: &str) -> Option<String> {
    let live = project.record("notes")["active"].as_str().unwrap().to_owned();
    project.memory(&live, path)
}

#[test]
fn what_agents_wrote_since_can_be_carried_over() {
    let project = written_since();
    let told = project.run(&["rollback", "notes", "--carry"]).ends_with(0);
    for words in ["2 memories that agents wrote since carried over", "statement by statement: /deploy.md"] {
        assert!(told.stderr.contains(words), "{told}");
    }
    let expected = ADOPTED.replace("Thursday", "Tuesday").replace("15 minutes", "20 minutes");
    assert_eq!(live_text(&project, "/deploy.md"), Some(expected));
    assert_eq!(live_text(&project, "/written-since.md").as_deref(), Some("- Use pnpm.\n"));
}

#[test]
fn what_was_left_behind_can_be_carried_over_afterwards() {
    let project = written_since();
    let left = project.run(&["rollback", "notes", "--json"]).ends_with(0).json();
    let written = serde_json::json!(["/deploy.md", "/written-since.md"]);
    assert_eq!(left["data"]["left"]["written"], written, "{left:#}");
    assert_eq!(live_text(&project, "/written-since.md"), None);
    let told = project.run(&["rollback", "notes", "--carry"]).ends_with(0);
    assert!(told.stderr.contains("carried: from"), "{told}");
    assert_eq!(live_text(&project, "/written-since.md").as_deref(), Some("- Use pnpm.\n"));
    let again = project.run(&["rollback", "notes", "--carry", "--json"]).ends_with(0).json();
    assert_eq!(again["data"]["carry"]["conflicts"], serde_json::json!([]), "{again:#}");
    assert_eq!(project.record("notes")["generation"], 2);
}

#[test]
fn statements_that_agents_and_the_dream_both_changed_are_named() {
    let project = adopted();
    let live = project.record("notes")["active"].as_str().unwrap().to_owned();
    project.agent_rewrites(&live, "/deploy.md", ADOPTED, &ADOPTED.replace("Thursday", "Friday"));
    let told = project.run(&["rollback", "notes", "--carry"]).ends_with(0);
    assert!(told.stderr.contains("with what the dream did there: /deploy.md"), "{told}");
    assert_eq!(live_text(&project, "/deploy.md"), Some(ADOPTED.replace("Thursday", "Friday")));
}

#[test]
fn one_memory_can_be_brought_back_around_what_agents_wrote() {
    let project = written_since();
    let told = project.run(&["rollback", "notes", "--path", "/deploy.md", "--carry", "--yes"]).ends_with(0);
    assert!(told.stderr.contains("around what was written since"), "{told}");
    let expected = ADOPTED.replace("Thursday", "Tuesday").replace("15 minutes", "20 minutes");
    assert_eq!(live_text(&project, "/deploy.md"), Some(expected));
    let project = adopted();
    let live = project.record("notes")["active"].as_str().unwrap().to_owned();
    project.agent_rewrites(&live, "/deploy.md", ADOPTED, &ADOPTED.replace("Thursday", "Friday"));
    let told = project.run(&["rollback", "notes", "--path", "/deploy.md", "--carry", "--yes"]).ends_with(0);
    assert!(told.stderr.contains("cannot be told apart"), "{told}");
    assert_eq!(live_text(&project, "/deploy.md"), Some(ADOPTED.replace("Thursday", "Friday")));
}

#[test]
fn carrying_goes_back_one_adoption_at_a_time() {
    let project = adopted().with_mind(CountingMind::default());
    let gates =
        "gates: {lost: {review: 100%, block: 100%, over_30_days: {review: 100%, block: 100%}}}\nadopt:";
    project.edit("pipelines/tidy.yaml", "adopt:", gates);
    let first = project.record("notes")["previous"][0]["store"].as_str().unwrap().to_owned();
    project.session("later", "2026-11-20T08:30:00Z", &["remember: use bun"]);
    project.wait(jiff::SignedDuration::from_hours(48));
    project.adopt();
    let refused =
        project.run(&["rollback", "notes", "--to", &project.real_id(&first), "--carry"]).ends_with(2);
    assert!(refused.stderr.contains("one adoption at a time"), "{refused}");
    assert_eq!(project.record("notes")["hold"], serde_json::Value::Null);
    let live = project.record("notes")["active"].as_str().unwrap().to_owned();
    project.agent_writes(&live, "/written-since.md", "- Use pnpm.\n");
    let told = project.run(&["rollback", "notes", "--to", &project.real_id(&first)]).ends_with(0);
    assert!(told.stderr.contains("/written-since.md") && !told.stderr.contains("--carry"), "{told}");
    let refused = project.run(&["rollback", "notes", "--carry"]).ends_with(2);
    assert!(refused.stderr.contains("one adoption at a time"), "{refused}");
    assert_eq!(live_text(&project, "/written-since.md"), None);
}

#[test]
fn what_somebody_wrote_meanwhile_stays_and_is_not_told_as_carried() {
    let project = adopted();
    let record = project.record("notes");
    let live = record["active"].as_str().unwrap();
    project.agent_writes(live, "/note.md", "- Use pnpm.\n");
    project.agent_writes(record["previous"][0]["store"].as_str().unwrap(), "/note.md", "- Use bun.\n");
    let told = project.run(&["rollback", "notes", "--carry"]).ends_with(0);
    let words = format!("stays as somebody wrote it meanwhile; the agents' version is in {live}: /note.md");
    assert!(told.stderr.contains(&words) && !told.stderr.contains("as agents left it"), "{told}");
    assert_eq!(live_text(&project, "/note.md").as_deref(), Some("- Use bun.\n"));
    let again = project.run(&["rollback", "notes", "--carry", "--json"]).ends_with(0).json();
    let carry = &again["data"]["carry"];
    assert_eq!(
        (&carry["left"][0]["path"], &carry["conflicts"]),
        (&"/note.md".into(), &serde_json::json!([]))
    );
}

/// A rollback that was cut off when the alias had moved and not everything was carried over.
fn cut_off() -> (Project, String) {
    let project = written_since();
    let _ = project.run(&["rollback", "notes"]).ends_with(0);
    change(&project, "aliases/notes", |record| {
        let left = &record["previous"][0];
        let carrying = serde_json::json!({"from": left["store"], "run": left["adoption"]["run"]});
        record["hold"]["rolling_back_to"] = record["active"].clone();
        record["hold"]["carrying"] = carrying;
    });
    let left = project.record("notes")["previous"][0]["store"].as_str().unwrap().to_owned();
    (project, left)
}

#[test]
fn a_carry_that_was_begun_is_finished_before_anything_else() {
    let (project, left) = cut_off();
    let hold = project.record("notes")["hold"].clone();
    let refused = project.run(&["rollback", "notes", "--release"]).ends_with(2);
    assert!(refused.stderr.contains("`dreamrun rollback notes` carries on"), "{refused}");
    let refused = project.run(&["rollback", "notes", "--to", &project.real_id(&left)]).ends_with(2);
    assert!(refused.stderr.contains("is on its way back to"), "{refused}");
    assert_eq!(project.record("notes")["hold"], hold);
    let _ = project.run(&["rollback", "notes"]).ends_with(0);
    assert_eq!(live_text(&project, "/written-since.md").as_deref(), Some("- Use pnpm.\n"));
    let _ = project.run(&["rollback", "notes", "--release"]).ends_with(0);
}

#[test]
fn a_carry_that_cannot_be_finished_is_given_up_with_a_word() {
    let (project, left) = cut_off();
    project.delete_store(&left);
    let told = project.run(&["rollback", "notes", "--release"]).ends_with(0);
    assert!(told.stderr.contains("was begun and is given up"), "{told}");
    assert_eq!(project.record("notes")["hold"], serde_json::Value::Null);
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
