//! `init`: the files of a first project, and that they run as they are.

use crate::support::Project;

#[test]
fn a_first_project_runs_from_its_files_to_an_adopted_store() {
    let project = Project::empty();
    insta::assert_snapshot!(project.run(&["init"]), @r"
    -- stderr
    Saved 6 files: memory/deploys.md, memory/team.md, sessions/example.jsonl, pipelines/tidy.yaml, dreamrun.yaml, .gitignore
    memory/ and sessions/ hold an example; put files of your own in its place before the first run

      dreamrun plan                        see what it would do
      dreamrun apply --yes                 do it
    -- exit 0
    ");
    insta::assert_snapshot!(project.run(&["validate", "--strict"]), @r"
    -- stderr
    2 files: no problems
    -- exit 0
    ");
    let plan = project.run(&["plan"]).ends_with(0);
    assert!(plan.stderr.contains("Plan: 1 dream over 2 sessions as run tidy-1"), "{plan}");
    let _ = project.run(&["apply", "--yes"]).ends_with(0);
    insta::assert_snapshot!(project.run(&["diff", "latest", "--stat"]), @r"
    -- stderr
    --- memstore_1xxxxxxxxxxxxxxxxxxxxxxxx before tidy-1
    +++ memstore_2xxxxxxxxxxxxxxxxxxxxxxxx of tidy-1
    2 → 3 memories (144 B → 187 B): 1 added, 1 edited, 1 unchanged
    statements: 1 superseded, 3 kept, 1 new
    -- exit 0
    ");
    assert_eq!(project.read(".gitignore"), "/.dreamrun/\n");
}

#[test]
fn what_is_there_is_never_written_over() {
    let project = Project::empty();
    project.write("memory/team.md", "- Mine.\n");
    insta::assert_snapshot!(project.run(&["init"]), @r"
    -- stderr
    error: there is `memory/team.md` already
      = Nothing was written. Begin in another folder: `dreamrun init -C DIR` makes it.
    -- exit 2
    ");
    assert_eq!(project.read("memory/team.md"), "- Mine.\n");
    assert!(!project.path("dreamrun.yaml").exists());
    let _ = Project::small().run(&["init"]).ends_with(2);
}

#[test]
fn a_project_begins_in_a_folder_that_is_made_and_what_git_leaves_out_is_added_to() {
    let project = Project::empty();
    project.write("mine/.gitignore", "/target");
    let begun = project.run(&["init", "-C", "mine", "--json"]).ends_with(0);
    assert!(begun.stderr.contains("dreamrun -C mine plan"), "{begun}");
    assert_eq!(begun.json()["data"]["written"][4], "dreamrun.yaml");
    assert_eq!(project.read("mine/.gitignore"), "/target\n/.dreamrun/\n");
    let _ = project.run(&["plan", "-C", "mine"]).ends_with(0);

    project.write("other/.gitignore", ".dreamrun\n");
    let _ = project.run(&["init", "-C", "other"]).ends_with(0);
    assert_eq!(project.read("other/.gitignore"), ".dreamrun\n");
}
