//! `validate`: every problem at once, drawn on the files.

use crate::support::Project;

#[test]
fn valid_files_are_counted() {
    insta::assert_snapshot!(Project::small().run(&["validate"]), @r"
    -- stderr
    2 files: no problems
    -- exit 0
    ");
}

#[test]
fn a_misspelt_gate_has_a_place_and_a_suggestion() {
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "adopt:", "gates:\n  entry_removed: {block: 80%}\nadopt:");
    insta::assert_snapshot!(project.run(&["validate"]), @r"
    -- stderr
    error[DR0202]: unknown gate
      --> pipelines/tidy.yaml:10:3
       |
    10 |   entry_removed: {block: 80%}
       |   ^^^^^^^^^^^^^ no gate has this name
       |
       = help: did you mean `entries_removed`?

    2 files: 1 error
    -- exit 3
    ");
}

#[test]
fn with_json_every_problem_is_a_diagnostic() {
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "adopt:", "gates:\n  entry_removed: {block: 80%}\nadopt:");
    project.write("pipelines/other.yaml", "dreamrun: 1\nname: other\n");
    let output = project.run(&["validate", "--json"]).ends_with(3);
    let document = output.json();
    assert_eq!((&document["kind"], &document["ok"]), (&"validate".into(), &false.into()));
    assert_eq!((&document["exit_code"], &document["format_version"]), (&3.into(), &"1.0".into()));
    let diagnostics = document["diagnostics"].as_array().unwrap();
    let named = |file: &str| diagnostics.iter().filter(|problem| problem["file"] == file).count();
    assert_eq!(named("pipelines/tidy.yaml"), 1);
    assert!(named("pipelines/other.yaml") >= 1, "{diagnostics:#?}");
    let typo = diagnostics.iter().find(|problem| problem["file"] == "pipelines/tidy.yaml").unwrap();
    assert_eq!((&typo["line"], &typo["column"]), (&10.into(), &3.into()), "{typo:#}");
    assert!(typo["code"].as_str().unwrap().starts_with("DR"), "{typo:#}");
    assert!(typo["help"].to_string().contains("entries_removed"), "{typo:#}");
}

#[test]
fn one_file_can_be_checked_alone() {
    let project = Project::small();
    project.write("pipelines/broken.yaml", "dreamrun: [\n");
    let _ = project.run(&["validate", "pipelines/tidy.yaml"]).ends_with(0);
    let _ = project.run(&["validate", "pipelines/broken.yaml"]).ends_with(3);
    insta::assert_snapshot!(project.run(&["validate", "pipelines/none.yaml"]), @r"
    -- stderr
    error: there is no file `pipelines/none.yaml`
      = Files are named from the current folder, also with -C.
    -- exit 2
    ");
}

#[test]
fn sarif_and_github_formats_are_data() {
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "name: tidy", "name: tidy\nnaem: x");
    let sarif = project.run(&["validate", "--format", "sarif"]).ends_with(3);
    assert_eq!(sarif.json()["version"], "2.1.0");
    assert_eq!(sarif.stderr, "");
    let github = project.run(&["validate", "--format", "github"]).ends_with(3);
    assert!(github.stdout.starts_with("::error file=pipelines/tidy.yaml,line=3,"), "{github}");
    assert_eq!(github.stdout.lines().count(), 1, "{github}");
}

#[test]
fn the_json_format_and_the_json_flag_are_the_same() {
    let project = Project::small();
    let flag = project.run(&["validate", "--json", "-q"]);
    let format = project.run(&["validate", "--format", "json"]);
    assert_eq!((flag.stdout, flag.code), (format.stdout, format.code));
}

#[test]
fn rule_files_are_read_as_what_they_are() {
    let project = Project::small();
    project.write(
        "probes/notes.yaml",
        "dreamrun: 1\nprobes:\n  - {ask: Who deploys the site?, must_know: [Ann]}\n",
    );
    project.write("forget/notes.yaml", "dreamrun: 1\nforget:\n  - {name: a, pattern: \"(open\"}\n");
    insta::assert_snapshot!(project.run(&["validate", "probes/notes.yaml", "dreamrun.yaml"]), @r"
    -- stderr
    2 files: no problems
    -- exit 0
    ");
    let broken = project.run(&["validate", "forget/notes.yaml"]).ends_with(3);
    assert!(broken.stderr.contains("forget/notes.yaml:3"), "{broken}");
    assert!(broken.stderr.contains("unclosed group"), "{broken}");
}

#[test]
fn a_pattern_that_no_transcript_matches_is_pointed_at_and_is_why_nothing_is_due() {
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "logs/*", "lgos/*");
    insta::assert_snapshot!(project.run(&["validate"]), @r#"
    -- stderr
    warning[DR0345]: no file matches
     --> pipelines/tidy.yaml:7:22
      |
    7 |   sessions: {files: ["lgos/*.jsonl"], since: last_adopted}
      |                      ^^^^^^^^^^^^^^ no file matches this
      |
      = help: did you mean `logs/*.jsonl`?

    2 files: 1 warning
    -- exit 0
    "#);
    let _ = project.run(&["validate", "--strict"]).ends_with(3);
    insta::assert_snapshot!(project.run(&["apply", "tidy"]), @r"
    -- stderr
    tidy nothing due: no file matches `lgos/*.jsonl`
      dreamrun validate                            shows where the pipeline says so
    -- exit 0
    ");
    let plan = project.run(&["plan", "tidy", "--json"]).ends_with(0).json()["data"]["plans"][0].take();
    assert_eq!(plan["unmatched"], serde_json::json!(["lgos/*.jsonl"]));
    assert_eq!(plan["not_due"]["message"], "no file matches `lgos/*.jsonl`");
}

#[test]
fn a_pattern_among_others_and_one_of_another_ending_are_pointed_at() {
    let project = Project::small();
    project.edit(
        "pipelines/tidy.yaml",
        "files: [\"logs/*.jsonl\"]",
        "from: [{files: [\"logs/*.jsonl\"]}, {files: [\"logs/*.json\", \"later/*\"]}]",
    );
    insta::assert_snapshot!(project.run(&["validate"]), @r#"
    -- stderr
    warning[DR0345]: no file matches
     --> pipelines/tidy.yaml:7:57
      |
    7 |   sessions: {from: [{files: ["logs/*.jsonl"]}, {files: ["logs/*.json", "later/*"]}], since: last_adopted}
      |                                                         ^^^^^^^^^^^^^ no file matches this
      |
      = help: `logs` holds `one.jsonl` and 1 more

    warning[DR0345]: no file matches
     --> pipelines/tidy.yaml:7:72
      |
    7 |   sessions: {from: [{files: ["logs/*.jsonl"]}, {files: ["logs/*.json", "later/*"]}], since: last_adopted}
      |                                                                        ^^^^^^^^^ no file matches this
      |
      = help: put transcripts there, or correct the pattern

    2 files: 2 warnings
    -- exit 0
    "#);
    let planned = project.run(&["plan", "tidy"]).ends_with(0);
    assert!(planned.stderr.contains("note: no file matches `later/*`"), "{planned}");
    assert!(planned.stderr.contains("Plan: 1 dream over 2 sessions"), "{planned}");
}

#[test]
fn a_folder_to_import_that_is_not_there_stops_runs_until_its_store_lives() {
    let project = Project::small();
    project.edit("dreamrun.yaml", "dir:memory", "dir:memry");
    insta::assert_snapshot!(project.run(&["validate"]), @r#"
    -- stderr
    warning[DR0346]: folder is not there
     --> dreamrun.yaml:4:22
      |
    4 |   notes: {bootstrap: "dir:memry"}
      |                      ^^^^^^^^^^^ there is no such folder
      |
      = help: did you mean `dir:memory`?

    2 files: 1 warning
    -- exit 0
    "#);
    insta::assert_snapshot!(project.run(&["apply", "tidy", "--yes"]), @r"
    -- stderr
    error: there is no folder `memry` to import `notes` from
      = Did you mean `dir:memory`?
      = Make the folder, or correct `stores.notes.bootstrap` in dreamrun.yaml:4.
    -- exit 3
    ");
    let doctor = project.run(&["doctor"]).ends_with(3);
    assert!(doctor.stderr.contains("there is no folder `memry` to import `notes` from"), "{doctor}");
    let _ = project.run(&["plan", "tidy"]).ends_with(3);

    project.edit("dreamrun.yaml", "dir:memry", "dir:memory");
    project.adopt();
    std::fs::remove_dir_all(project.path("memory")).unwrap();
    for arguments in [&["validate"][..], &["doctor"], &["plan", "tidy"], &["apply", "tidy", "--yes"]] {
        let _ = project.run(arguments).ends_with(0);
    }
}

#[test]
fn a_rule_file_that_is_not_there_is_pointed_at_whatever_else_is_wrong() {
    let project = Project::small();
    project.write("probes/notes.yaml", "dreamrun: 1\nprobes:\n  - {ask: Who?, must_know: [Ann]}\n");
    let gates = "gates:\n  probes: {file: probes/note.yaml}\n  entry_removed: {block: 80%}\nadopt:";
    project.edit("pipelines/tidy.yaml", "adopt:", gates);
    project.edit(
        "dreamrun.yaml",
        "{bootstrap: \"dir:memory\"}",
        "{bootstrap: \"dir:memory\", forget: gone.yaml}",
    );
    insta::assert_snapshot!(project.run(&["validate"]), @r#"
    -- stderr
    error[DR0344]: file named here cannot be read
     --> dreamrun.yaml:4:44
      |
    4 |   notes: {bootstrap: "dir:memory", forget: gone.yaml}
      |                                            ^^^^^^^^^ there is no such file
      |
      = help: write the file, or correct the path

    error[DR0344]: file named here cannot be read
      --> pipelines/tidy.yaml:10:18
       |
    10 |   probes: {file: probes/note.yaml}
       |                  ^^^^^^^^^^^^^^^^ there is no such file
       |
       = help: did you mean `probes/notes.yaml`?

    error[DR0202]: unknown gate
      --> pipelines/tidy.yaml:11:3
       |
    11 |   entry_removed: {block: 80%}
       |   ^^^^^^^^^^^^^ no gate has this name
       |
       = help: did you mean `entries_removed`?

    2 files: 3 errors
    -- exit 3
    "#);
}
