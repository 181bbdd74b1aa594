//! Finding the project, and what it may not be.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::support::Project;

const REMOTE: &str = "\
dreamrun: 1
backend: {kind: managed_agents, workspace: wrkspc_01}
stores: {notes: {bootstrap: memstore_01abc}}
";

#[test]
fn a_folder_without_a_project_says_so() {
    let project = Project::empty();
    insta::assert_snapshot!(project.run(&["plan"]), @r"
    -- stderr
    error: there is no `dreamrun.yaml` here or in a folder above
      = Go to a project's folder, name one with -C DIR, or begin one: `dreamrun init` writes a `dreamrun.yaml` and a pipeline that runs as it is.
    -- exit 2
    ");
    insta::assert_snapshot!(project.run(&["plan", "-C", "elsewhere"]), @r"
    -- stderr
    error: there is no `dreamrun.yaml` in `elsewhere`
      = -C takes the folder that holds the project file.
    -- exit 2
    ");
}

#[test]
fn the_project_is_found_from_a_folder_below_it_and_by_name() {
    let project = Project::small();
    let here = project.run(&["plan", "tidy"]).ends_with(0);
    let below = project.run_in("memory", &["plan", "tidy"]).ends_with(0);
    let named = project.run_in("memory", &["plan", "tidy", "-C", ".."]).ends_with(0);
    assert_eq!([&below.stderr, &named.stderr], [&here.stderr, &here.stderr]);
}

#[test]
fn a_project_without_pipelines_says_where_to_write_one() {
    let project = Project::small();
    std::fs::remove_dir_all(project.path("pipelines")).unwrap();
    insta::assert_snapshot!(project.run(&["apply", "--yes"]), @r"
    -- stderr
    error: the project has no pipelines
      = Write one in `pipelines/`.
    -- exit 2
    ");
}

#[test]
fn the_other_backend_is_checked_and_needs_a_key_to_run() {
    let project = Project::small();
    project.write("dreamrun.yaml", REMOTE);
    project.edit("pipelines/tidy.yaml", "files: [\"logs/*.jsonl\"]", "agent: agent_01");
    project.edit("pipelines/tidy.yaml", "model: offline", "model: claude-sonnet-4-6");
    let _ = project.run(&["validate"]).ends_with(0);
    insta::assert_snapshot!(project.run(&["apply", "tidy", "--yes"]), @r"
    -- stderr
    error: there is no key for the Managed Agents API
      = Set `ANTHROPIC_API_KEY` (or `ANTHROPIC_AUTH_TOKEN`) in the environment; no file of the project may hold a key.
      = `dreamrun doctor` says what a key can be used for; `dreamrun plan --offline` needs none.
    -- exit 4
    ");
    assert!(!project.path(".dreamrun").exists());
}

#[test]
fn a_folder_cannot_be_imported_by_the_other_backend() {
    let project = Project::small();
    insta::assert_snapshot!(project.run(&["apply", "tidy", "--yes", "--profile", "remote"]), @r#"
    -- stderr
    error[DR0512]: needs backend local
     --> dreamrun.yaml:4:22
      |
    4 |   notes: {bootstrap: "dir:memory"}
      |                      ^^^^^^^^^^^^ only the local backend imports folders
      |
      = help: create the store on the server and give its `memstore_` id

    error: 1 problem in the project's files
    -- exit 3
    "#);
    assert!(!project.path(".dreamrun").exists());
}

#[test]
fn an_unknown_profile_is_an_error() {
    insta::assert_snapshot!(Project::small().run(&["plan", "--profile", "remte"]), @r"
    -- stderr
    error[DR0324]: unknown profile
     --> dreamrun.yaml:5:1
      |
    5 | profiles:
      | ^^^^^^^^ there is no profile `remte`
      |
      = help: did you mean `remote`?

    error: 1 problem in the project's files
    -- exit 3
    ");
}

#[test]
fn a_misspelt_gate_stops_an_apply_before_it_begins() {
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "adopt:", "gates:\n  entry_removed: {block: 80%}\nadopt:");
    let output = project.run(&["apply", "tidy", "--yes", "--json"]).ends_with(3);
    let document = output.json();
    assert_eq!((&document["outcome"], &document["data"]), (&"error".into(), &serde_json::Value::Null));
    assert_eq!(document["diagnostics"][0]["line"], 10, "{document:#}");
    assert!(!project.path(".dreamrun").exists());
}

#[test]
fn looking_changes_no_file_of_the_project() {
    let files = |project: &Project| -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
        let entries = walkdir::WalkDir::new(project.path("")).into_iter().map(Result::unwrap);
        let file = |entry: walkdir::DirEntry| {
            let changed = entry.metadata().unwrap().modified().unwrap();
            let text =
                if entry.file_type().is_file() { std::fs::read(entry.path()).unwrap() } else { vec![] };
            (entry.into_path(), (changed, text))
        };
        entries.map(file).collect()
    };
    let project = Project::small();
    let looks: [&[&str]; 7] =
        [&["validate"], &["plan"], &["plan", "--offline"], &["status"], &["show"], &["diff", "latest"], &[]];
    let before = files(&project);
    for look in looks {
        let _ = project.run(look);
        assert!(files(&project) == before, "{look:?} before the first apply");
    }
    project.adopt();
    let before = files(&project);
    for look in looks {
        let _ = project.run(look).ends_with(0);
        let after = files(&project);
        assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>(), "{look:?}");
        assert!(after == before, "{look:?}");
    }
}
