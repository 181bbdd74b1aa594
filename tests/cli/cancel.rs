//! `cancel`: the brake.

use dreamrun::cli::exit::ExitCode;

use crate::support::Project;
use crate::support::minds::FailingMind;

#[test]
fn a_run_that_waits_is_given_up() {
    let mut project = Project::small().with_mind(FailingMind);
    project.set("DREAMRUN_ACTOR", "mira");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(5);
    insta::assert_snapshot!(project.run(&["cancel", "tidy-1"]), @r"
    -- stderr
    tidy-1 canceled

      store     notes, 3 memories (152 B)
      dreams    1 dream over 2 sessions, offline, $0

      dreamrun apply tidy                          start a new run
    -- exit 0
    ");
    let status = project.run(&["status", "--json"]).json();
    assert!(status["data"]["stores"][0]["record"]["claim"].is_null(), "the store is free: {status:#}");
}

#[test]
fn a_run_that_is_over_cannot_be_canceled() {
    let project = Project::small();
    project.adopt();
    insta::assert_snapshot!(project.run(&["cancel", "tidy-1"]), @r"
    -- stderr
    error: run `tidy-1` is over: adopted
      = See `dreamrun show tidy-1`.
    -- exit 7
    ");
}

#[test]
fn an_unknown_run_is_an_error() {
    let project = Project::small();
    insta::assert_snapshot!(project.run(&["cancel", "tidy-1"]), @r"
    -- stderr
    error: there are no runs yet
      = Start one with `dreamrun apply`.
    -- exit 2
    ");
}

#[test]
fn an_interrupted_cancel_says_so_and_is_carried_on() {
    for (by, code) in [(ExitCode::Interrupted, 130), (ExitCode::Terminated, 143)] {
        let project = Project::small().with_mind(FailingMind);
        let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(5);
        let output = project.run_interrupted(by, &["cancel", "latest"]).ends_with(code);
        assert!(output.stderr.contains("interrupted: `dreamrun cancel tidy-1` continues"), "{output}");
        assert_eq!(project.record("notes")["claim"]["run"], "tidy-1");
        let _ = project.run(&["cancel", "latest"]).ends_with(0);
        assert!(project.record("notes")["claim"].is_null());
    }
}
