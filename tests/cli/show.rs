//! `show`: one run, whole, however it is named.

use crate::support::Project;
use jiff::SignedDuration;

#[test]
fn a_run_is_shown_with_every_verdict() {
    let project = Project::small();
    project.adopt();
    insta::assert_snapshot!(project.run(&["show"]));
}

#[test]
fn verbose_lists_the_journal() {
    let project = Project::small();
    project.adopt();
    let output = project.run(&["show", "tidy-1", "-v"]).ends_with(0);
    assert!(output.stderr.contains("     1  2026-11-20T09:00:00Z  "), "{output}");
    let events = project.run(&["show", "--json"]).json()["data"]["events"].as_array().unwrap().len();
    let listed = output.stderr.lines().filter(|line| line.contains("2026-11-20T09:00:00Z  ")).count();
    assert_eq!(listed, events);
}

#[test]
fn a_beginning_of_the_name_is_enough_and_two_are_too_many() {
    let project = Project::small();
    project.adopt();
    project.wait(SignedDuration::from_hours(24));
    project.session("three", "2026-11-20T12:00:00Z", &["Never deploy on a Friday."]);
    let second = project.run(&["apply", "--yes", "--json"]).ends_with(0);
    assert_eq!(second.json()["data"]["results"][0]["run"]["run"], "tidy-2", "{second}");
    assert_eq!(project.run(&["show", "tidy-1", "--json"]).json()["data"]["run"], "tidy-1");
    assert_eq!(project.run(&["show", "latest", "--json"]).json()["data"]["run"], "tidy-2");
    insta::assert_snapshot!(project.run(&["show", "ti"]), @r"
    -- stderr
    error: `ti` could be any of 2 runs
      = The newest of them is `tidy-2`.
    -- exit 2
    ");
}

#[test]
fn an_unknown_run_is_an_error() {
    let project = Project::small();
    insta::assert_snapshot!(project.run(&["show"]), @r"
    -- stderr
    error: there are no runs yet
      = Start one with `dreamrun apply`.
    -- exit 2
    ");
    project.adopt();
    insta::assert_snapshot!(project.run(&["show", "tidy-7"]), @r"
    -- stderr
    error: there is no run `tidy-7`
      = `dreamrun status` shows each pipeline's last run; `latest` names the newest.
    -- exit 2
    ");
}

#[test]
fn a_run_is_written_as_a_page_a_comment_and_junit() {
    let project = Project::small();
    project.adopt();
    let shown = project
        .run(&["show", "--html", "run.html", "--markdown", "run.md", "--junit", "run.xml"])
        .ends_with(0);
    assert!(shown.stderr.ends_with("Saved run.xml\nSaved run.md\nSaved run.html\n"), "{shown}");

    let page = project.read("run.html");
    for part in ["<html lang=\"en\">", "tidy-1", "id=\"gates\"", "id=\"statements\"", "<ins>Thursday</ins>"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));

    let comment = project.read("run.md");
    assert!(comment.contains("### tidy-1: adopted") && comment.contains("`/deploy.md`"), "{comment}");
    assert!(!comment.contains("Thursday"), "no memory text unless it is asked for: {comment}");
    let _ = project.run(&["show", "--markdown", "run.md", "--content"]).ends_with(0);
    assert!(project.read("run.md").contains("+ Deploys go out on Thursday."), "{}", project.read("run.md"));

    let junit = project.read("run.xml");
    assert!(
        junit.contains("<testsuite name=\"tidy-1\" tests=\"") && junit.contains("name=\"secrets\""),
        "{junit}"
    );
}
