//! Raw stores: a pipeline that names a store by its id keeps its own record of it.

use crate::support::Project;

/// Makes a pipeline, named like the project's store, that reads a store by its id.
fn with_raw_pipeline(project: &Project, shown: &str) {
    let text = project.read("pipelines/tidy.yaml");
    let text = text.replace("name: tidy", "name: notes").replace("mode: auto", "mode: review");
    let text = text.replace("store: notes", &format!("store: {}", project.real_id(shown)));
    project.write("pipelines/notes.yaml", &text);
}

/// Makes a project that has adopted once, and returns its live store and the one before.
fn adopted() -> (Project, String, String) {
    let project = Project::small();
    project.adopt();
    let record = project.record("notes");
    let store = |id: &serde_json::Value| id.as_str().unwrap().to_owned();
    let stores = (store(&record["active"]), store(&record["previous"][0]["store"]));
    (project, stores.0, stores.1)
}

#[test]
fn a_raw_store_shares_nothing_with_a_store_named_like_its_pipeline() {
    let (project, _, before) = adopted();
    let record = project.record("notes");
    with_raw_pipeline(&project, &before);
    let _ = project.run(&["apply", "notes", "--yes"]).ends_with(0);
    assert_eq!(project.record("notes"), record);
    let output = project.run(&["approve", "notes-1"]).ends_with(0);
    assert!(!output.stderr.contains("rollback"), "{output}");
    assert_eq!(project.record("notes"), record);
    let _ = project.run(&["rollback", "notes"]).ends_with(0);
}

#[test]
fn another_id_in_the_file_is_another_store() {
    let (project, live, before) = adopted();
    for (store, run) in [(&before, "notes-1"), (&live, "notes-2")] {
        with_raw_pipeline(&project, store);
        let _ = project.run(&["apply", "notes", "--yes"]).ends_with(0);
        let shown = project.run(&["show", run, "--json"]).json();
        assert_eq!(shown["data"]["live"], store.as_str(), "{shown:#}");
        // The second finds nothing to change, and is over.
        let _ = project.run(&["reject", run]);
    }
}

#[test]
fn no_store_may_be_named_like_the_record_of_a_raw_one() {
    let project = Project::small();
    project.edit("dreamrun.yaml", "  notes:", "  raw-notes:");
    insta::assert_snapshot!(project.run(&["gc"]), @r#"
    -- stderr
    error[DR0301]: invalid name
     --> dreamrun.yaml:4:3
      |
    4 |   raw-notes: {bootstrap: "dir:memory"}
      |   ^^^^^^^^^ names that begin with `raw-` stand for raw stores
      |
      = help: choose another name

    error: 1 problem in the project's files
    -- exit 3
    "#);
}
