//! `plan`: what would run, in one screen; writes nothing.

use crate::support::Project;
use jiff::SignedDuration;

#[test]
fn a_first_run_is_planned_from_the_folder() {
    let project = Project::small();
    insta::assert_snapshot!(project.run(&["plan", "tidy"]), @r#"
    -- stderr
    tidy pipelines/tidy.yaml
      Tidy the notes.

      store     notes, 3 memories (152 B), to be imported
      sessions  2 of 2 waiting, not read by an adopted run, oldest first
      model     offline, $0 (about 73 tokens: these sessions and the store, read once or more)
      gates     lost review>2% block>20%, 30 days review>5% block>20%
                entries_removed review>60% block>80% · bytes shrink review>60%, grow review>100%
                unchanged skip · limits block over 2,000 · secrets block · injection review
      adopt     automatic when every gate passes; the alias moves; live writes are carried over

      dream 1 of 1 reads the live store and 2 sessions (about 73 tokens, $0)
        one, two
        │ Keep every number.

    Plan: 1 dream over 2 sessions as run tidy-1
    -- exit 0
    "#);
    assert!(!project.path(".dreamrun").exists(), "a plan writes nothing");
}

#[test]
fn two_plans_are_the_same_bytes() {
    let project = Project::small();
    let (one, two) = (project.run(&["plan", "--json"]), project.run(&["plan", "--json"]));
    assert_eq!((&one.stdout, &one.stderr), (&two.stdout, &two.stderr));
    assert_eq!(one.json()["outcome"], "due");
}

#[test]
fn nothing_due_is_fine_and_has_a_reason() {
    let project = Project::small();
    project.adopt();
    insta::assert_snapshot!(project.run(&["plan", "tidy"]), @r#"
    -- stderr
    tidy pipelines/tidy.yaml
      Tidy the notes.

      store     notes, 4 memories (190 B)
      sessions  0 of 0 waiting, not read by an adopted run, oldest first
      model     offline, $0 (nothing to read)
      gates     lost review>2% block>20%, 30 days review>5% block>20%
                entries_removed review>60% block>80% · bytes shrink review>60%, grow review>100%
                unchanged skip · limits block over 2,000 · secrets block · injection review
      adopt     automatic when every gate passes; the alias moves; live writes are carried over

      2 sessions left out: read by an adopted run

    Nothing due tidy: no new session waits
      due with 1 more session
    -- exit 0
    "#);
}

#[test]
fn too_few_sessions_and_too_soon_are_reasons_too() {
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "since: last_adopted", "since: last_adopted, min: 3");
    let few = project.run(&["plan", "tidy"]).ends_with(0);
    assert!(few.stderr.contains("Nothing due tidy: "), "{few}");
    project.edit("pipelines/tidy.yaml", ", min: 3", "");
    project.edit("pipelines/tidy.yaml", "adopt:", "schedule: {min_interval: 20h}\nadopt:");
    project.adopt();
    project.session("three", "2026-11-20T09:30:00Z", &["Never deploy on a Friday."]);
    project.wait(SignedDuration::from_hours(2));
    let soon = project.run(&["plan", "tidy", "--json"]).ends_with(0);
    assert_eq!(soon.json()["outcome"], "nothing_due", "{soon}");
    project.wait(SignedDuration::from_hours(20));
    assert_eq!(project.run(&["plan", "tidy", "--json"]).json()["outcome"], "due");
}

#[test]
fn a_changed_definition_is_said() {
    let project = Project::small();
    project.adopt();
    project.session("three", "2026-11-20T09:30:00Z", &["Never deploy on a Friday."]);
    project.edit("pipelines/tidy.yaml", "Keep every number.", "Keep every name.");
    let plan = project.run(&["plan", "tidy"]).ends_with(0);
    assert!(plan.stderr.contains("changed since tidy-1: "), "{plan}");
}

#[test]
fn offline_looks_at_the_file_alone() {
    let project = Project::small();
    std::fs::remove_dir_all(project.path("logs")).unwrap();
    std::fs::remove_dir_all(project.path("memory")).unwrap();
    insta::assert_snapshot!(project.run(&["plan", "tidy", "--offline"]), @r#"
    -- stderr
    tidy pipelines/tidy.yaml
      Tidy the notes.

      store     notes
      sessions  up to 100 sessions, in one dream
      model     offline
      gates     lost review>2% block>20%, 30 days review>5% block>20%
                entries_removed review>60% block>80% · bytes shrink review>60%, grow review>100%
                unchanged skip · limits block over 2,000 · secrets block · injection review
      adopt     automatic when every gate passes; the alias moves; live writes are carried over
      template
        │ Keep every number.
    -- exit 0
    "#);
}

#[test]
fn a_broken_neighbour_stops_nobody() {
    let project = Project::small();
    project.write("pipelines/broken.yaml", "dreamrun: [\n");
    let _ = project.run(&["plan", "tidy"]).ends_with(0);
    let _ = project.run(&["plan"]).ends_with(3);
}

#[test]
fn a_pipeline_can_be_named_by_its_file() {
    let project = Project::small();
    let by_name = project.run(&["plan", "tidy"]).ends_with(0);
    let by_file = project.run_in("pipelines", &["plan", "./tidy.yaml"]).ends_with(0);
    assert_eq!(by_name.stderr, by_file.stderr);
}

#[test]
fn a_misspelt_name_is_suggested() {
    insta::assert_snapshot!(Project::small().run(&["plan", "tiddy"]), @r"
    -- stderr
    error: there is no pipeline `tiddy`
      = Did you mean `tidy`?
    -- exit 2
    ");
    insta::assert_snapshot!(Project::small().run(&["plan", "nightly"]), @r"
    -- stderr
    error: there is no pipeline `nightly`
      = There are: tidy.
    -- exit 2
    ");
}

#[test]
fn a_plan_is_written_as_a_comment_and_instructions_only_if_asked() {
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "Keep every number.", "Merge what is said twice @team.");
    let _ = project.run(&["plan", "--comment", "plan.md"]).ends_with(0);
    let comment = project.read("plan.md");
    assert!(comment.contains("**1 dream** over 2 sessions") && !comment.contains("Merge what"), "{comment}");
    let _ = project.run(&["plan", "--comment", "plan.md", "--content"]).ends_with(0);
    assert!(project.read("plan.md").contains("```text\nMerge what is said twice @team.\n```"));
}
