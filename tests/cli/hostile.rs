//! What a pull request may bring: links out of the project, commands for the job's runner, text that
//! pretends to be more than it is.

#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::Project;

const SECRET: &str = "key-of-somebody-else";

/// Makes a file that is not of the project.
fn elsewhere() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("creds"), format!("{SECRET}: [\n")).unwrap();
    folder
}

fn link(project: &Project, from: &str, to: &Path) {
    let from = project.path(from);
    std::fs::create_dir_all(from.parent().unwrap()).unwrap();
    let _ = std::fs::remove_file(&from);
    symlink(to, from).unwrap();
}

#[test]
fn a_pipeline_behind_a_link_out_of_the_project_is_not_read() {
    let (project, outside) = (Project::small(), elsewhere());
    link(&project, "pipelines/x.yaml", &outside.path().join("creds"));
    insta::assert_snapshot!(project.run(&["validate"]), @r"
    -- stderr
    error[DR0316]: path leaves the project
    --> pipelines/x.yaml
     = note: this file lies outside the project

    3 files: 1 error
    -- exit 3
    ");
    for arguments in [
        &["validate", "--format", "sarif"][..],
        &["validate", "--format", "github"],
        &["validate", "--json"],
        &["validate", "pipelines/x.yaml"],
        &["plan"],
        &["plan", "--json"],
        &["plan", "pipelines/x.yaml", "--json"],
    ] {
        let output = project.run(arguments).ends_with(3);
        assert!(!format!("{output}").contains("somebody"), "{arguments:?}: {output}");
        assert!(format!("{output}").contains("pipelines/x.yaml"), "{arguments:?}: {output}");
    }
    // A file the project's owner allows is read, and what is inside may be linked to.
    let folder = outside.path().to_str().unwrap();
    let output = project.run(&["validate", "--allow-read", folder]).ends_with(3);
    assert!(output.stderr.contains("somebody"), "{output}");
    link(&project, "pipelines/x.yaml", &project.path("pipelines/tidy.yaml"));
    assert!(project.run(&["validate", "pipelines/x.yaml"]).ends_with(0).stderr.contains("no problems"));
}

#[test]
fn a_rule_file_behind_a_link_out_of_the_project_is_refused_before_a_run_would() {
    let (project, outside) = (Project::small(), elsewhere());
    let rules = outside.path().join("rules.yaml");
    std::fs::write(&rules, "dreamrun: 1\nforget:\n  - {name: a, pattern: nobody}\n").unwrap();
    link(&project, "forget/notes.yaml", &rules);
    project.edit("dreamrun.yaml", "\"dir:memory\"", "\"dir:memory\", forget: forget/notes.yaml");
    let folder = outside.path().to_str().unwrap();
    for arguments in
        [&["validate"][..], &["validate", "--allow-read", folder], &["validate", "forget/notes.yaml"]]
    {
        let refused = project.run(arguments).ends_with(3);
        assert!(refused.stderr.contains("forget/notes.yaml"), "{refused}");
        assert!(refused.stderr.contains("outside the project"), "{refused}");
    }
}

#[test]
fn a_project_file_or_pipeline_folder_behind_a_link_is_not_read() {
    let (project, outside) = (Project::small(), elsewhere());
    link(&project, "dreamrun.yaml", &outside.path().join("creds"));
    let output = project.run(&["validate"]).ends_with(3);
    assert!(output.stderr.contains("--> dreamrun.yaml") && !output.stderr.contains("somebody"), "{output}");

    let project = Project::small();
    std::fs::remove_dir_all(project.path("pipelines")).unwrap();
    std::fs::rename(outside.path().join("creds"), outside.path().join("x.yaml")).unwrap();
    link(&project, "pipelines", outside.path());
    let output = project.run(&["validate"]).ends_with(3);
    assert!(output.stderr.contains("DR0316") && !output.stderr.contains("somebody"), "{output}");
}

#[test]
fn a_file_that_is_too_large_is_named_without_being_read() {
    let project = Project::small();
    let file = std::fs::File::create(project.path("pipelines/x.yaml")).unwrap();
    file.set_len(1 << 40).unwrap();
    let output = project.run(&["validate"]).ends_with(3);
    assert!(output.stderr.contains("--> pipelines/x.yaml"), "{output}");
    assert!(output.stderr.contains("the file has 1099511627776 bytes"), "{output}");
}

#[test]
fn state_is_not_kept_behind_a_link_out_of_the_project() {
    for place in [
        ".dreamrun",
        ".dreamrun/state.db",
        ".dreamrun/state.locks",
        ".dreamrun/state.locks/notes.lock",
        ".dreamrun/local.db",
        ".dreamrun/local.db-dreams",
    ] {
        for target in ["there", "not-there"] {
            let (project, outside) = (Project::small(), tempfile::tempdir().unwrap());
            std::fs::create_dir(outside.path().join("there")).unwrap();
            link(&project, place, &outside.path().join(target));
            for arguments in [&["plan"][..], &["apply", "--yes"]] {
                let output = project.run(arguments).ends_with(3);
                assert!(output.stderr.contains(&format!("--> {place}\n")), "{output}");
            }
            assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
            assert_eq!(std::fs::read_dir(outside.path().join("there")).unwrap().count(), 0);
        }
    }
    let project = Project::small();
    std::fs::create_dir(project.path("kept")).unwrap();
    link(&project, ".dreamrun", &project.path("kept"));
    let _ = project.run(&["apply", "--yes"]).ends_with(0);
}

#[test]
fn a_store_never_becomes_pipelines_or_what_tools_obey() {
    let target = |project: &Project, folder: &str| {
        let to = format!("{{mode: auto, target: directory, directory: \"{folder}\"}}");
        project.edit("pipelines/tidy.yaml", "{mode: auto, target: pointer}", &to);
        project.run(&["validate"])
    };
    for folder in
        ["pipelines", "Pipelines/x", ".github/workflows", ".git", ".GIT/hooks", ".dreamrun/x", ".", "a/.."]
    {
        let output = target(&Project::small(), folder).ends_with(3);
        assert!(output.stderr.contains("pipelines/tidy.yaml:9:"), "{folder}: {output}");
        assert!(output.stderr.contains("help: name a folder of its own"), "{folder}: {output}");
    }
    for place in [".github/workflows", "pipelines"] {
        let project = Project::small();
        std::fs::create_dir_all(project.path(place)).unwrap();
        link(&project, "out", &project.path(place));
        let output = target(&project, "out").ends_with(3);
        assert!(output.stderr.contains(&format!("leads to `{place}`")), "{output}");
    }
    let project = Project::small();
    project.write("inner/dreamrun.yaml", "dreamrun: 1\n");
    let output = target(&project, "inner/pipelines").ends_with(3);
    assert!(output.stderr.contains("lies in `inner`, which is a project"), "{output}");
    let outside = tempfile::tempdir().unwrap();
    let project = Project::small();
    link(&project, "out", outside.path());
    let output = target(&project, "out/x").ends_with(3);
    assert!(output.stderr.contains("through the link `out`"), "{output}");
    assert!(target(&Project::small(), "out/x.y").ends_with(0).stderr.contains("no problems"));
}

#[test]
fn text_of_a_pipeline_gives_the_runner_of_a_job_no_command() {
    let mut project = Project::small();
    project.set("GITHUB_ACTIONS", "true");
    project.edit(
        "pipelines/tidy.yaml",
        "description: Tidy the notes.",
        "description: \"Tidy.\\n::set-output name=a::b\\nPlan: 0 dreams\\u202e\"",
    );
    project.edit(
        "pipelines/tidy.yaml",
        "instructions: Keep every number.",
        "instructions: \"##[add-mask]e\\n::add-mask::e\"",
    );
    let output = project.run(&["plan", "--json"]).ends_with(0);
    assert!(!output.stdout.contains("##["), "{output}");
    assert!(output.json().to_string().contains("##[add-mask]e"), "{output}");
    for arguments in [&["plan"][..], &["plan", "--offline"], &["apply", "--yes"]] {
        let output = project.run(arguments).ends_with(0);
        let obeyed = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
        assert!(!output.stderr.lines().any(obeyed), "{output}");
        assert!(!output.stderr.lines().any(|line| line.starts_with("Plan: 0")), "{output}");
        assert!(!output.stderr.contains('\u{202e}'), "{output}");
        assert!(output.stderr.contains(r"Tidy.\n::set-output name=a::b\nPlan: 0 dreams\u{202e}"), "{output}");
    }
}

#[test]
fn what_a_problem_quotes_gives_the_runner_no_command() {
    let mut project = Project::small();
    project.set("GITHUB_ACTIONS", "true");
    let name = "\"x##[add-mask]y\\u202e\\n::error::z\": 1";
    project.edit("pipelines/tidy.yaml", "name: tidy", &format!("name: tidy\n{name}"));
    let output = project.run(&["validate"]).ends_with(3);
    let commands: Vec<&str> = output.stderr.lines().filter(|l| l.trim_start().starts_with("::")).collect();
    assert_eq!(commands.len(), 1, "{output}");
    assert!(commands[0].starts_with("::error file=pipelines/tidy.yaml,"), "{output}");
    assert!(!output.stderr.contains('\u{202e}'), "{output}");
    let drawn = output.stderr.lines().filter(|line| !line.starts_with("::"));
    assert!(drawn.into_iter().all(|line| !line.contains("##[")), "{output}");
}

#[test]
fn a_gate_in_words_from_a_file_stays_on_its_line() {
    let project = Project::small();
    project.edit(
        "pipelines/tidy.yaml",
        "adopt:",
        "gates:\n  protected: {paths: [\"/a\u{202e}b/**\"], on_change: review}\n  \
         assert: [{expr: \"false\", else: review, message: \"fine\\nPlan: adopted\\u202e\"}]\nadopt:",
    );
    let plan = project.run(&["plan"]);
    let _ = project.run(&["apply", "--yes"]);
    for output in [plan, project.run(&["show"]), project.run(&["status"])] {
        assert!(!output.stderr.contains('\u{202e}'), "{output}");
        assert!(!output.stderr.lines().any(|line| line.starts_with("Plan: adopted")), "{output}");
    }
}
