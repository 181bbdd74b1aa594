//! `diff`: what changed and on what evidence.

use crate::support::Project;

#[test]
fn a_run_is_shown_statement_by_statement_with_the_evidence() {
    let project = Project::small();
    project.adopt();
    insta::assert_snapshot!(project.run(&["diff", "latest"]));
}

#[test]
fn one_entry_can_be_picked_and_shown_as_lines() {
    let project = Project::small();
    project.adopt();
    insta::assert_snapshot!(project.run(&["diff", "--path", "/deploy.md", "-U"]), @r"
    -- stderr
    --- memstore_1xxxxxxxxxxxxxxxxxxxxxxxx before tidy-1
    +++ memstore_2xxxxxxxxxxxxxxxxxxxxxxxx of tidy-1
    3 → 4 memories (152 B → 190 B): 2 added, 1 removed, 1 edited, 1 unchanged
    statements: 2 superseded, 2 kept, 3 new

    /deploy.md edited
      --- /deploy.md
      +++ /deploy.md
      @@ -1,4 +1,4 @@
       # Deploy

      -- Deploys go out on Tuesday.
      +- Deploys go out on Thursday.
       - The canary takes 15 minutes.
    -- exit 0
    ");
}

#[test]
fn stat_is_three_lines() {
    let project = Project::small();
    project.adopt();
    insta::assert_snapshot!(project.run(&["diff", "--stat"]), @r"
    -- stderr
    --- memstore_1xxxxxxxxxxxxxxxxxxxxxxxx before tidy-1
    +++ memstore_2xxxxxxxxxxxxxxxxxxxxxxxx of tidy-1
    3 → 4 memories (152 B → 190 B): 2 added, 1 removed, 1 edited, 1 unchanged
    statements: 2 superseded, 2 kept, 3 new
    -- exit 0
    ");
}

#[test]
fn two_folders_can_be_compared_without_any_run() {
    let project = Project::small();
    project.write("new/style.md", "# Style\n\n- Commit messages are imperative and short.\n");
    insta::assert_snapshot!(project.run(&["diff", "dir:memory", "new/"]), @r"
    -- stderr
    --- dir:memory
    +++ new/
    3 → 1 memories (152 B → 53 B): 2 removed, 1 edited
    statements: 3 lost, 1 reworded

    /deploy-2.md removed
      - Deploys go out on Tuesday.

    /deploy.md removed
      - Deploys go out on Tuesday.
      - The canary takes 15 minutes.

    /style.md edited
      - Commit messages are imperative.
      + Commit messages are imperative and short.

    3 statements lost:
      lost /deploy-2.md:3 Deploys go out on Tuesday.
           nothing says it any more
      lost /deploy.md:3 Deploys go out on Tuesday.
           nothing says it any more
      lost /deploy.md:4 The canary takes 15 minutes.
           nothing says it any more
      dreamrun diff dir:memory new/ --why /deploy-2.md says of each statement what became of it
    -- exit 0
    ");
    assert!(!project.path(".dreamrun").exists(), "looking writes nothing");
}

#[test]
fn a_store_compared_with_itself_is_the_same() {
    let project = Project::small();
    project.adopt();
    let output = project.run(&["diff", "notes", "notes", "--json"]).ends_with(0);
    assert_eq!(output.json()["outcome"], "same", "{output}");
}

#[test]
fn json_holds_whole_statements_and_no_secret() {
    let project = Project::small();
    let secret = "AKIAIOSFODNN7REALKEY";
    let long = "word ".repeat(60);
    project.write("new/a.md", &format!("- {long}end\n- the key is {secret}\n"));
    let output = project.run(&["diff", "memory/", "new/", "--json"]).ends_with(0);
    assert!(output.stdout.contains(&format!("{long}end")), "{output}");
    assert!(!output.stdout.contains(secret) && !output.stderr.contains(secret), "{output}");
    assert!(output.stderr.lines().all(|line| line.chars().count() <= 100), "{output}");
}

#[test]
fn what_is_neither_a_run_nor_a_store_is_an_error() {
    let project = Project::small();
    insta::assert_snapshot!(project.run(&["diff"]), @r"
    -- stderr
    error: there are no runs yet
      = Start one with `dreamrun apply`.
    -- exit 2
    ");
    insta::assert_snapshot!(project.run(&["diff", "notes", "nowhere"]), @r"
    -- stderr
    error: store `notes` is not imported yet
      = The first run imports it; until then compare its folder, as `dir:FOLDER`.
    -- exit 2
    ");
}

/// Lets an agent write to a memory that the dream has changed, before anybody approves that.
fn in_conflict() -> Project {
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(0);
    let live = project.record("notes")["active"].as_str().unwrap().to_owned();
    let before = project.memory(&live, "/deploy.md").unwrap();
    project.agent_rewrites(&live, "/deploy.md", &before, &before.replace("Tuesday", "Friday"));
    let _ = project.run(&["approve", "latest"]).ends_with(7);
    project
}

#[test]
fn a_memory_that_both_sides_changed_is_shown_three_ways() {
    let project = in_conflict();
    let told = project.run(&["diff", "--path", "/deploy.md"]).ends_with(0);
    for words in
        ["1 memory changed on both sides", "the agents' version stands", "was    ·", "live   ·", "dream  ·"]
    {
        assert!(told.stderr.contains(words), "{words}: {told}");
    }
    let shown = project.run(&["show", "latest"]).ends_with(0);
    assert!(shown.stderr.contains("1 memory changed on both sides"), "{shown}");
    let shown = project.run(&["show", "latest", "--json", "--html", "run.html"]).ends_with(0).json();
    let way = &shown["data"]["three_way"][0];
    assert_eq!(
        (&way["path"], &way["met"], &way["stands"]),
        (&"/deploy.md".into(), &"conflict".into(), &"live".into())
    );
    assert_eq!(way["stretches"][0]["live"], serde_json::json!(["Deploys go out on Friday."]));
    let page = project.read("run.html");
    for told in ["Changed on both sides", "What the dream wanted", "Deploys go out on Friday."] {
        assert!(page.contains(told), "{told}");
    }
}
