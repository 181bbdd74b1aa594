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
