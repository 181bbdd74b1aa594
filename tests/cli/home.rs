//! Bare `dreamrun`.

use crate::support::Project;

#[test]
fn before_the_first_run_it_offers_a_plan() {
    insta::assert_snapshot!(Project::small().run(&[]), @r"
    -- stderr
    notes  not imported yet

    tidy  never run

      dreamrun plan tidy                   see what it would do
      dreamrun --help                      every command
    -- exit 0
    ");
}

#[test]
fn after_a_run_it_offers_to_see_what_is_due() {
    let project = Project::small();
    project.adopt();
    insta::assert_snapshot!(project.run(&[]), @r"
    -- stderr
    notes  memstore_2xxxxxxxxxxxxxxxxxxxxxxxx adopted by tidy-1 at 2026-11-20T09:00:00Z

    tidy  tidy-1 adopted

      dreamrun plan                        see whether anything is due
      dreamrun apply --yes                 do what is due
      dreamrun --help                      every command
    -- exit 0
    ");
}

#[test]
fn it_says_what_waits_for_a_person() {
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(0);
    insta::assert_snapshot!(project.run(&[]), @r"
    -- stderr
    notes  memstore_1xxxxxxxxxxxxxxxxxxxxxxxx as imported
           held by tidy-1, waiting for a person

    tidy  tidy-1 awaiting review: the pipeline asks for review every time

      dreamrun show tidy-1                 it waits for a person
      dreamrun --help                      every command
    -- exit 0
    ");
}

#[test]
fn without_a_project_it_says_how_to_begin() {
    insta::assert_snapshot!(Project::empty().run(&[]), @r"
    -- stderr
    error: there is no `dreamrun.yaml` here or in a folder above
      = Go to a project's folder, name one with -C DIR, or begin one: `dreamrun init` writes a `dreamrun.yaml` and a pipeline that runs as it is.
    -- exit 2
    ");
}
