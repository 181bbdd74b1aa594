//! `approve` and `reject`: a person's word on a candidate.

use dreamrun::cli::exit::ExitCode;

use crate::support::Project;
use crate::support::minds::WipingMind;

fn waiting() -> Project {
    let mut project = Project::small();
    project.set("DREAMRUN_ACTOR", "mira");
    project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(0);
    project
}

fn blocked() -> Project {
    let mut project = Project::small().with_mind(WipingMind);
    project.set("DREAMRUN_ACTOR", "mira");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(13);
    project
}

#[test]
fn an_approved_candidate_is_adopted() {
    insta::assert_snapshot!(waiting().run(&["approve", "latest"]), @r"
    -- stderr

    tidy-1 adopted

      store     notes, 3 → 4 memories, 152 B → 190 B
      dreams    1 dream over 2 sessions, offline, $0
      merged    1 duplicate
      resolved  1 contradiction, newest kept
      learned   1 correction or preference
      playbooks 1 recovery seen in three or more sessions
      gates     7 of 7 passed
      approved  by mira

      dreamrun diff tidy-1                        what changed, and on what evidence
      dreamrun rollback notes                      undo it
    -- exit 0
    ");
}

#[test]
fn a_candidate_that_somebody_wrote_to_is_judged_before_anybody_says_yes_to_it() {
    let project = waiting();
    let live = project.record("notes")["active"].clone();
    let shown = project.run(&["show", "latest", "--json"]).ends_with(0).json();
    let candidate = shown["data"]["candidate"].as_str().unwrap().to_owned();
    project.agent_writes(&candidate, "/key.md", "- The key is AKIAIOSFODNN7REALKEY.\n");
    let first = project.run(&["approve", "latest"]).ends_with(7);
    assert!(
        first.stderr.contains("nothing was adopted: the candidate changed since it was judged"),
        "{first}"
    );
    assert!(first.stderr.contains("gate `secrets` blocks"), "{first}");
    assert_eq!(project.record("notes")["active"], live);
    let _ = project.run(&["approve", "latest"]).ends_with(13);
}

#[test]
fn a_rejected_candidate_is_dropped() {
    let project = waiting();
    insta::assert_snapshot!(project.run(&["reject", "tidy-1", "--reason", "too eager"]), @r"
    -- stderr

    tidy-1 rejected

      store     notes, 3 → 4 memories, 152 B → 190 B
      dreams    1 dream over 2 sessions, offline, $0
      merged    1 duplicate
      resolved  1 contradiction, newest kept
      learned   1 correction or preference
      playbooks 1 recovery seen in three or more sessions
      gates     7 of 7 passed
      rejected  by mira: too eager

      dreamrun apply tidy                          start a new run
    -- exit 0
    ");
    insta::assert_snapshot!(project.run(&["approve", "tidy-1"]), @r"
    -- stderr
    error: run `tidy-1` is rejected, nobody has to decide on it
      = See `dreamrun show tidy-1`.
    -- exit 7
    ");
}

#[test]
fn a_block_needs_its_gates_named_and_a_reason() {
    let project = blocked();
    insta::assert_snapshot!(project.run(&["approve", "latest"]), @r#"
    -- stderr
    error: blocked by lost, entries_removed
      = To adopt it all the same: `dreamrun approve tidy-1 --override lost --override entries_removed --reason …`.
    -- exit 13
    "#);
    let all =
        ["approve", "latest", "--override", "lost", "--override", "entries_removed", "--override", "bytes"];
    insta::assert_snapshot!(project.run(&all), @r"
    -- stderr
    error: overriding a gate needs a reason
      = Add `--reason TEXT`.
    -- exit 2
    ");
    let _ = project.run(&["approve", "latest", "--override", "entries_remved"]).ends_with(2);
}

#[test]
fn an_override_adopts_and_records_who_and_why() {
    let project = blocked();
    let gates = ["--override", "lost", "--override", "entries_removed", "--override", "bytes"];
    let arguments = [&["approve", "latest", "--reason", "x"], gates.as_slice()].concat();
    let output = project.run(&arguments).ends_with(0);
    assert!(
        output.stderr.contains("approved  by mira, overriding bytes, entries_removed, lost: x"),
        "{output}"
    );
    let run = &project.run(&["show", "--json"]).json()["data"];
    assert_eq!((&run["approved_by"], &run["approval_reason"]), (&"mira".into(), &"x".into()));
}

#[test]
fn an_unknown_gate_is_told_with_the_known_ones() {
    let output = blocked().run(&["approve", "latest", "--override", "probes", "--reason", "x"]).ends_with(2);
    insta::assert_snapshot!(output, @r"
    -- stderr
    error: run `tidy-1` was not judged by a gate `probes`
      = What can be overridden: lost, entries_removed, bytes, unchanged, limits, secrets, injection, drift.
    -- exit 2
    ");
}

#[test]
fn before_any_run_there_is_nothing_to_approve() {
    insta::assert_snapshot!(Project::small().run(&["approve", "latest"]), @r"
    -- stderr
    error: there are no runs yet
      = Start one with `dreamrun apply`.
    -- exit 2
    ");
}

/// Lets an agent write to the live store.
fn write(project: &Project, path: &str, content: &str) {
    let live = project.record("notes")["active"].as_str().unwrap().to_owned();
    project.agent_writes(&live, path, content);
}

#[test]
fn an_approval_holds_over_a_live_write_that_the_dream_has_nothing_to_do_with() {
    let project = waiting();
    write(&project, "/written-since.md", "- The canary takes 20 minutes.\n");
    insta::assert_snapshot!(project.run(&["approve", "latest"]));
    assert_eq!(project.record("notes")["generation"], 1);
}

#[test]
fn after_an_approval_nobody_is_asked_again_for_what_agents_write() {
    let project = waiting();
    let _ = project.run_interrupted(ExitCode::Interrupted, &["approve", "latest"]).ends_with(130);
    write(&project, "/written-since.md", "- The canary takes 20 minutes.\n");
    let applied = project.adopt();
    let run = &applied["data"]["results"][0]["run"];
    assert_eq!((&run["approved_by"], &run["carried"][0]), (&"mira".into(), &"/written-since.md".into()));
}

#[test]
fn an_approval_does_not_cover_a_write_that_met_the_dream() {
    let project = waiting();
    write(&project, "/learned.md", "- Always use yarn.\n");
    let live = project.record("notes")["active"].clone();
    insta::assert_snapshot!(project.run(&["approve", "latest"]));
    assert_eq!(project.record("notes")["active"], live);
    let again = project.run(&["approve", "latest", "--json"]).ends_with(0).json();
    assert_eq!(again["outcome"], "adopted", "{again:#}");
}

#[test]
fn an_interrupted_approval_says_so_and_is_carried_on() {
    for (by, code) in [(ExitCode::Interrupted, 130), (ExitCode::Terminated, 143)] {
        let project = waiting();
        let output = project.run_interrupted(by, &["approve", "latest"]).ends_with(code);
        assert!(output.stderr.contains("interrupted: `dreamrun apply tidy` continues"), "{output}");
        assert_eq!(project.record("notes")["generation"], 0);
        project.adopt();
    }
}
