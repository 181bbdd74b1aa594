//! `plan --out` and `apply --plan`: what was looked at is carried out, once, and nothing else.

use jiff::SignedDuration;
use serde_json::Value;

use crate::support::{Output, Project};

const APPLY: &[&str] = &["apply", "--plan", "plan.json"];

fn saved(project: &Project) -> Value {
    let _ = project.run(&["plan", "tidy", "--out", "plan.json"]).ends_with(0);
    serde_json::from_str(&project.read("plan.json")).unwrap()
}

/// A project with a saved plan over its two sessions.
fn planned() -> Project {
    let project = Project::small();
    saved(&project);
    project
}

/// A project whose store was imported and consolidated, with a saved plan over a new session.
fn planned_again() -> Project {
    let project = Project::small();
    project.adopt();
    project.session("three", "2026-11-20T08:00:00Z", &["Never deploy on a Friday."]);
    saved(&project);
    project
}

/// Applies the plan, which must be stale, and returns what makes it so.
#[track_caller]
fn stale(project: &Project, more: &[&str]) -> Vec<String> {
    let arguments = [APPLY, &["--json"], more].concat();
    let error = project.run(&arguments).ends_with(7).json()["error"].take();
    assert_eq!(error["message"], "the saved plan of `tidy` is stale", "{error:#}");
    serde_json::from_value(error["causes"].clone()).unwrap()
}

#[track_caller]
fn adopts(output: Output) -> Value {
    let mut document = output.ends_with(0).json();
    assert_eq!(document["outcome"], "adopted", "{document:#}");
    document["data"]["results"][0]["run"].take()
}

#[test]
fn a_plan_is_saved() {
    let project = Project::small();
    insta::assert_snapshot!(project.run(&["plan", "tidy", "--out", "plan.json"]));
    assert!(!project.path(".dreamrun").exists(), "nothing else is written");
    let document = project.run(&["plan", "--out", "plan.json", "--json"]).ends_with(0).json();
    assert_eq!(document["data"]["saved"]["file"], "plan.json");
}

#[test]
fn a_saved_plan_is_carried_out_to_the_letter_and_nobody_is_asked() {
    let project = planned();
    project.session("three", "2026-11-20T08:00:00Z", &["Never deploy on a Friday."]);
    insta::assert_snapshot!(project.run(APPLY));
    let run = project.run(&["show", "--json"]).json()["data"].take();
    assert_eq!((&run["run"], &run["dreams"][0]["sessions"]), (&"tidy-1".into(), &2.into()));
    let waiting = project.run(&["plan", "--json"]).json();
    assert_eq!(waiting["data"]["plans"][0]["dreams"][0]["sessions"], serde_json::json!(["three"]));
}

#[test]
fn the_document_is_what_its_schema_says_and_holds_no_text() {
    for project in [planned(), planned_again()] {
        let text = project.read("plan.json");
        let document: Value = serde_json::from_str(&text).unwrap();
        let schema = project.run(&["schema", "saved-plan"]).ends_with(0);
        let schema: Value = serde_json::from_str(&schema.stdout).unwrap();
        let errors: Vec<String> = jsonschema::draft7::new(&schema)
            .unwrap()
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
        for words in ["Thursday", "Tuesday", "pnpm", "Friday", "canary", "Keep every number"] {
            assert!(!text.contains(words), "{words:?} is in {text}");
        }
    }
}

#[test]
fn two_plans_of_one_moment_are_the_same_bytes() {
    let project = Project::small();
    saved(&project);
    let first = project.read("plan.json");
    saved(&project);
    assert_eq!(project.read("plan.json"), first);
}

#[test]
fn a_plan_is_used_once_and_says_by_which_run() {
    let project = planned();
    let run = adopts(project.run(&[APPLY, &["--json"]].concat()));
    assert!(run["plan"].as_str().is_some_and(|plan| plan.starts_with("plan-")), "{run:#}");
    insta::assert_snapshot!(project.run(APPLY), @r"
    -- stderr
    error: plan `plan-xxxxxxxxxxxxxxxxxxxx` was used by run `tidy-1`, which is adopted
      = See `dreamrun show tidy-1`. A plan is carried out once: make a new one.
    -- exit 7
    ");
    assert_eq!(project.record("notes")["generation"], 1);
}

#[test]
fn a_run_that_waits_is_continued_and_a_rejected_one_is_not_begun_again() {
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    saved(&project);
    let waits = project.run(&[APPLY, &["--json"]].concat()).ends_with(0).json();
    assert_eq!(waits["outcome"], "awaiting_review");
    let again = project.run(&[APPLY, &["--json"]].concat()).ends_with(0).json();
    assert_eq!(
        (&again["outcome"], &again["data"]["results"][0]["is_continued"]),
        (&waits["outcome"], &true.into())
    );
    let _ = project.run(&["reject", "latest"]).ends_with(0);
    let refused = project.run(APPLY).ends_with(7);
    assert!(refused.stderr.contains("was used by run `tidy-1`, which is rejected"), "{refused}");
}

#[test]
fn a_changed_definition_is_told_with_old_and_new() {
    let project = planned();
    project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    project.edit("pipelines/tidy.yaml", "instructions: Keep every number.\n", "budget: {max_usd: 1}\n");
    insta::assert_snapshot!(project.run(APPLY));
    assert!(project.record("notes").is_null(), "nothing was imported");
}

#[test]
fn another_run_makes_a_plan_stale() {
    let project = planned();
    project.adopt();
    let because = stale(&project, &[]);
    let expected =
        ["generation of notes: 0 → 1, adopted by tidy-1", "run: tidy-1 → tidy-2, by what state knows"];
    assert_eq!(because, expected);
}

#[test]
fn an_old_plan_is_stale_unless_it_may_be_so_old() {
    let project = planned();
    project.wait(SignedDuration::from_hours(15 * 24));
    assert_eq!(stale(&project, &[]), ["age: 15 days, allowed are 14 days"]);
    assert_eq!(stale(&project, &["--max-plan-age", "2h"]), ["age: 15 days, allowed are 2h"]);
    adopts(project.run(&[APPLY, &["--max-plan-age", "30d", "--json"]].concat()));
}

#[test]
fn sessions_that_are_gone_or_far_longer_make_a_plan_stale() {
    let project = planned();
    let lines = project.read("logs/two.jsonl");
    std::fs::remove_file(project.path("logs/two.jsonl")).unwrap();
    assert_eq!(stale(&project, &[]), ["sessions: two planned → gone or archived"]);
    project.session("two", "2026-11-19T10:00:00Z", &["Always use pnpm instead of npm."; 9]);
    let because = stale(&project, &[]);
    assert!(because[0].starts_with("tokens of the sessions: about "), "{because:?}");
    project.write("logs/two.jsonl", &lines);
    adopts(project.run(&[APPLY, &["--json"]].concat()));
}

#[test]
fn a_plan_is_of_the_profile_it_was_made_with() {
    let project = Project::small();
    project.edit("dreamrun.yaml", "profiles:\n", "profiles:\n  slow: {budget: {max_usd: 2}}\n");
    saved(&project);
    assert_eq!(stale(&project, &["--profile", "slow"]), ["budget: none → $2.00", "profile: none → slow"]);
}

#[test]
fn a_live_store_that_was_written_to_is_a_note() {
    let project = planned_again();
    let live = project.record("notes")["active"].as_str().unwrap().to_owned();
    project.agent_writes(&live, "/written-since.md", "- The canary takes 20 minutes.\n");
    let output = project.run(APPLY).ends_with(0);
    assert!(output.stderr.contains("note: the live store was written to since"), "{output}");
    assert!(output.stderr.contains("tidy-2 "), "{output}");
}

#[test]
fn a_store_on_hold_is_left_alone() {
    let project = Project::small();
    project.adopt();
    let _ = project.run(&["rollback", "notes", "--reason", "a mistake"]).ends_with(0);
    let _ = project.run(&["rollback", "notes", "--release"]).ends_with(0);
    project.session("three", "2026-11-20T08:00:00Z", &["Never deploy on a Friday."]);
    saved(&project);
    let _ = project.run(&["rollback", "notes", "--reason", "again"]);
    let because = stale(&project, &[]);
    assert!(because.iter().any(|line| line.contains("notes")), "{because:?}");
}

#[test]
fn a_plan_without_anything_due_is_saved_and_does_nothing_whatever_changed() {
    let project = Project::small();
    project.adopt();
    saved(&project);
    project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    insta::assert_snapshot!(project.run(APPLY), @r"
    -- stderr
    tidy nothing due: no new session waits
      due with 1 more session
    -- exit 0
    ");
}

#[test]
fn a_run_that_is_not_over_is_in_the_way() {
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(0);
    saved(&project);
    let output = project.run(APPLY).ends_with(6);
    assert!(output.stderr.contains("run `tidy-1` of this pipeline is not over"), "{output}");
    let _ = project.run(&["reject", "latest"]).ends_with(0);
    let waits = project.run(&[APPLY, &["--json"]].concat()).ends_with(0).json();
    assert_eq!(waits["data"]["results"][0]["run"]["run"], "tidy-2");
}

#[test]
fn a_part_of_a_plan_can_be_named() {
    let project = planned();
    let _ = project.run(&[APPLY, &["tidy"]].concat()).ends_with(0);
    let other = project.read("pipelines/tidy.yaml").replace("name: tidy", "name: other");
    project.write("pipelines/other.yaml", &other);
    insta::assert_snapshot!(project.run(&[APPLY, &["other"]].concat()), @r"
    -- stderr
    error: the plan in `plan.json` has no pipeline `other`
      = It has: tidy.
    -- exit 2
    ");
}

#[test]
fn what_is_wrong_with_the_command_line_is_said() {
    let project = planned();
    insta::assert_snapshot!(project.run(&["apply", "--plan", "plna.json"]), @r"
    -- stderr
    error: there is no file `plna.json`
      = Files are named from the current folder, also with -C.
    -- exit 2
    ");
    let _ = project.run(&[APPLY, &["--from-dream", "drm_1"]].concat()).ends_with(2);
    let _ = project.run(&["apply", "--max-plan-age", "2d"]).ends_with(2);
    let _ = project.run(&["plan", "--offline", "--out", "plan.json"]).ends_with(2);
    let output = project.run(&[APPLY, &["--max-plan-age", "2 moons"]].concat()).ends_with(2);
    assert!(output.stderr.contains("`--max-plan-age 2 moons`: this is not a duration"), "{output}");
}

#[test]
fn what_is_wrong_with_the_file_is_said() {
    let project = planned();
    let text = project.read("plan.json");
    project.write("plan.json", &text.replacen("\"offline\"", "\"claude-opus-5\"", 1));
    insta::assert_snapshot!(project.run(APPLY), @r"
    -- stderr
    error: `plan.json`: the saved plan is damaged: its content is not what was written
      = Make a new one with `dreamrun plan --out FILE`; nothing was done.
    -- exit 3
    ");
    project.write("plan.json", &text[..text.len() / 2]);
    let _ = project.run(APPLY).ends_with(3);
    project.write("plan.json", &project.run(&["plan", "--json"]).stdout);
    insta::assert_snapshot!(project.run(APPLY), @r"
    -- stderr
    error: `plan.json`: this is not a saved plan
      = Make a new one with `dreamrun plan --out FILE`; nothing was done.
    -- exit 3
    ");
    project.write("plan.json", &text.replacen("\"1.0\"", "\"2.0\"", 1));
    insta::assert_snapshot!(project.run(APPLY), @r"
    -- stderr
    error: `plan.json`: the saved plan has format 2.0, this version reads 1.0
      = Use the dreamrun version that wrote it, or a newer one; nothing was done.
    -- exit 3
    ");
}

#[test]
fn a_plan_of_another_project_is_refused() {
    let project = planned();
    let other = project.read("pipelines/tidy.yaml").replace("name: tidy", "name: other");
    std::fs::remove_file(project.path("pipelines/tidy.yaml")).unwrap();
    project.write("pipelines/other.yaml", &other);
    insta::assert_snapshot!(project.run(APPLY), @r"
    -- stderr
    error: there is no pipeline `tidy`
      = There are: other.
      = `plan.json` was made in another project, or the pipeline was renamed since.
    -- exit 7
    ");
}

#[test]
fn a_plan_that_cannot_be_saved_leaves_the_old_file_alone() {
    let project = planned();
    let before = project.read("plan.json");
    project.edit("pipelines/tidy.yaml", "Keep every number.", "Keep {{ numbers }}.");
    let _ = project.run(&["plan", "tidy", "--out", "plan.json"]).ends_with(3);
    assert_eq!(project.read("plan.json"), before);
    project.edit("pipelines/tidy.yaml", "Keep {{ numbers }}.", "Keep every number.");
    let _ = project.run(&["plan", "tidy", "--out", "missing/plan.json"]).ends_with(2);
    assert!(!project.path("missing").exists());
}
