//! Files that change under a run: it keeps the store and the plan it began with.

use crate::support::Project;
use crate::support::minds::FailingMind;

/// Makes the pipeline name another store, beside the one its run works on.
fn point_elsewhere(project: &Project) {
    project.edit("dreamrun.yaml", "profiles:", "  other: {bootstrap: \"dir:memory\"}\nprofiles:");
    project.edit("pipelines/tidy.yaml", "store: notes", "store: other");
}

fn waiting() -> Project {
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(0);
    project
}

#[test]
fn a_decision_concerns_the_store_the_run_began_with() {
    for (command, outcome, generation) in
        [("approve", "adopted", 1), ("reject", "rejected", 0), ("cancel", "canceled", 0)]
    {
        let project = waiting();
        point_elsewhere(&project);
        let ended = project.run(&[command, "latest", "--json"]).ends_with(0).json();
        assert_eq!(ended["outcome"], outcome);
        let record = project.record("notes");
        assert_eq!(record["generation"], generation, "{command}");
        assert!(record["claim"].is_null(), "{command}: {record:#}");
        assert!(project.record("other").is_null());
    }
}

#[test]
fn a_run_goes_on_with_what_it_was_planned_with_and_says_so() {
    let project = Project::small().with_mind(FailingMind);
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(5);
    point_elsewhere(&project);
    let output = project.run(&["apply", "tidy", "--yes"]).ends_with(5);
    let told = "note: pipelines/tidy.yaml changed since; the run keeps what it was planned with:\n  \
                input.store: notes → other\n";
    assert!(output.stderr.contains(told), "{output}");
    assert_eq!(project.record("notes")["claim"]["run"], "tidy-1");
    assert!(project.record("other").is_null());

    let _ = project.run(&["cancel", "latest"]).ends_with(0);
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(5);
    assert_eq!(project.record("other")["claim"]["run"], "tidy-2");
}

#[test]
fn a_file_that_did_not_change_is_not_mentioned() {
    let project = Project::small().with_mind(FailingMind);
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(5);
    let output = project.run(&["apply", "tidy", "--yes"]).ends_with(5);
    assert!(
        output.stderr.contains("tidy-1 continues") && !output.stderr.contains("changed since"),
        "{output}"
    );
}

#[test]
fn a_broken_or_missing_pipeline_file_disables_no_command_on_runs() {
    type Break = fn(&Project);
    let ways: [Break; 3] = [
        |project| project.write("pipelines/broken.yaml", "dreamrun: 1\nname: [\n"),
        |project| project.write("pipelines/tidy.yaml", "dreamrun: 1\nname: [\n"),
        |project| std::fs::remove_file(project.path("pipelines/tidy.yaml")).unwrap(),
    ];
    for way in ways {
        for command in ["approve", "reject", "cancel"] {
            let project = waiting();
            way(&project);
            for look in [&["show"][..], &["diff"], &["gc", "--dry-run"], &["status"], &[]] {
                let _ = project.run(look).ends_with(0);
            }
            let _ = project.run(&[command, "latest"]).ends_with(0);
        }
        let project = Project::small();
        project.adopt();
        way(&project);
        let _ = project.run(&["rollback", "notes"]).ends_with(0);
    }
}

#[test]
fn status_complains_of_a_broken_file_and_tells_the_rest() {
    let project = waiting();
    project.write("pipelines/broken.yaml", "dreamrun: 1\nname: broken\n");
    project.write("pipelines/tidy.yaml", "dreamrun: 1\nname: tidy\n");
    let output = project.run(&["status"]).ends_with(0);
    assert!(output.stderr.contains("pipelines/broken.yaml"), "{output}");
    assert!(output.stderr.contains("tidy  tidy-1 awaiting review"), "{output}");
    let told = project.run(&["status", "--json"]).json();
    assert!(!told["diagnostics"].as_array().unwrap().is_empty(), "{told:#}");
}

#[test]
fn a_store_that_waits_for_a_person_says_so_to_other_pipelines() {
    let project = waiting();
    let text = project.read("pipelines/tidy.yaml").replace("name: tidy", "name: again");
    project.write("pipelines/again.yaml", &text);
    insta::assert_snapshot!(project.run(&["apply", "again", "--yes"]), @r"
    -- stderr
    error: `notes` is held by run `tidy-1`
      = It waits for a person: look at `dreamrun diff tidy-1`, then `dreamrun approve tidy-1` or `dreamrun reject tidy-1`.
    -- exit 6
    ");
}
