//! `diff --review`: a person decides on single statements, and the candidate is edited and judged again.

use crate::support::Project;
use crate::support::minds::WipingMind;

fn waiting() -> Project {
    let mut project = Project::small();
    project.set("DREAMRUN_ACTOR", "mira");
    project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(0);
    project
}

/// Writes the decisions down, each as asked for by its kind.
fn decided(project: &Project, choose: impl Fn(&str) -> Option<&'static str>) {
    let _ = project.run(&["diff", "latest", "--decisions-out", "d.yaml"]).ends_with(0);
    let mut kind = String::new();
    let lines: Vec<String> = (project.read("d.yaml").lines())
        .map(|line| {
            if let Some(fate) = line.strip_prefix("  fate: ") {
                kind = fate.to_owned();
            }
            match (line.starts_with("  do: "), choose(&kind)) {
                (true, Some(choice)) => format!("  do: {choice}"),
                _ => line.to_owned(),
            }
        })
        .collect();
    project.write("d.yaml", &lines.join("\n"));
}

#[test]
fn what_a_file_decides_is_done_to_the_candidate_which_waits_again() {
    let project = waiting();
    decided(&project, |kind| match kind {
        "superseded" | "lost" => Some("restore"),
        _ => None,
    });
    let edited = project.run(&["diff", "latest", "--decisions", "d.yaml", "--json"]).ends_with(0).json();
    assert_eq!(edited["outcome"], "awaiting_review", "{edited:#}");
    let edits = &edited["data"]["edits"];
    assert_eq!(edits["is_applied"], true, "{edits:#}");
    let shown = project.run(&["show", "latest", "--json"]).json();
    let run = &shown["data"];
    assert_eq!(run["edits"][0]["by"], "mira", "{run:#}");
    let diff = project.run(&["diff", "latest", "--json"]).ends_with(0).json();
    assert_eq!(diff["data"]["fates"]["lost"], 0, "{diff:#}");

    // The decisions were on a candidate that is no more.
    let again = project.run(&["diff", "latest", "--decisions", "d.yaml"]).ends_with(7);
    assert!(again.stderr.contains("the candidate changed since"), "{again}");
    let adopted = project.run(&["approve", "latest", "--json"]).ends_with(0).json();
    assert_eq!(adopted["outcome"], "adopted");
}

#[test]
fn what_a_person_took_out_is_no_reason_any_more() {
    let project = waiting();
    let before = project.run(&["diff", "latest"]).ends_with(0).stderr;
    assert!(before.contains("superseded: "), "{before}");
    decided(&project, |kind| (kind == "superseded").then_some("drop"));
    let _ = project.run(&["diff", "latest", "--decisions", "d.yaml"]);
    let after = project.run(&["diff", "latest"]).ends_with(0).stderr;
    assert!(after.contains("nothing says it any more"), "{after}");
    assert!(!after.contains("superseded: ") && !after.contains("superseded by"), "{after}");
}

#[test]
fn a_dream_that_is_undone_altogether_leaves_nothing_to_adopt() {
    let project = waiting();
    decided(&project, |kind| match kind {
        "new" => Some("drop"),
        "superseded" | "lost" => Some("restore"),
        _ => None,
    });
    let edited = project.run(&["diff", "latest", "--decisions", "d.yaml", "--json"]).ends_with(0).json();
    assert_eq!(edited["outcome"], "unchanged", "{edited:#}");
}

#[test]
fn a_wiped_store_that_is_restored_is_what_it_was() {
    let mut project = Project::small().with_mind(WipingMind);
    project.set("DREAMRUN_ACTOR", "mira");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(13);
    decided(&project, |_| Some("restore"));
    let edited = project.run(&["diff", "latest", "--decisions", "d.yaml", "--json"]).ends_with(0).json();
    assert_eq!(edited["outcome"], "unchanged", "{edited:#}");
}

#[test]
fn an_edited_candidate_waits_even_where_the_gates_let_it_pass() {
    let mut project = Project::small().with_mind(WipingMind);
    project.set("DREAMRUN_ACTOR", "mira");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(13);
    let _ = project.run(&["diff", "latest", "--decisions-out", "d.yaml"]).ends_with(0);
    // All but the last, so that the candidate is not what the live store is.
    let text = project.read("d.yaml");
    let last = text.rfind("  do: keep").unwrap();
    project.write(
        "d.yaml",
        &format!("{}{}", text[..last].replace("  do: keep", "  do: restore"), &text[last..]),
    );
    let output = project.run(&["diff", "latest", "--decisions", "d.yaml"]);
    assert!(!output.stderr.contains("adopted\n"), "{output}");
    assert_eq!(project.record("notes")["generation"], 0);
}

#[test]
fn a_person_steps_through_undoes_and_stops() {
    let project = waiting();
    let quiet = project.run_answering("q\n", &["diff", "latest", "--review"]).ends_with(0);
    assert!(quiet.stderr.contains("1 of "), "{quiet}");
    let shown = project.run_answering("?\nx\nk\nu\nq\n", &["diff", "latest", "--review"]).ends_with(0);
    assert!(shown.stderr.contains("keep it as the dream made it"), "{shown}");
    assert!(shown.stderr.contains("that does nothing here"), "{shown}");
    assert_eq!(project.run(&["show", "--json"]).json()["data"]["phase"], "awaiting_review");

    let written = project.run_answering("k\nq\nw\n", &["diff", "latest", "--review"]).ends_with(0);
    assert!(written.stderr.contains("Saved tidy-1.decisions.yaml"), "{written}");
    let resumed = ["diff", "latest", "--review", "--decisions", "tidy-1.decisions.yaml"];
    let output = project.run_answering("q\nx\n", &resumed).ends_with(0);
    assert!(output.stderr.contains("so far keep"), "{output}");
}

#[test]
fn a_person_who_restores_can_adopt_at_once() {
    let project = waiting();
    // The same for all of the first kind; then no more, apply, edit and adopt.
    let output = project.run_answering("ar\nq\na\ny\ny\n", &["diff", "latest", "--review"]).ends_with(0);
    assert!(output.stderr.contains("edited    by mira"), "{output}");
}

#[test]
fn what_cannot_be_decided_is_said_and_nothing_is_done() {
    let project = waiting();
    let run = |text: &str| {
        project.write("d.yaml", text);
        project.run(&["diff", "latest", "--decisions", "d.yaml"])
    };
    let unknown = run("- {statement: /nowhere.md:1, do: keep}\n").ends_with(2);
    assert!(unknown.stderr.contains("is no statement to decide on"), "{unknown}");
    let other = run("run: other-1\ndecisions: []\n").ends_with(7);
    assert!(other.stderr.contains("another run"), "{other}");
    let nothing = run("[]\n").ends_with(0);
    assert!(nothing.stderr.contains("the candidate stays as it is"), "{nothing}");
    insta::assert_snapshot!(project.run(&["diff", "latest", "--review"]), @r"
    -- stderr
    error: a review asks about each statement, and nobody can answer here
      = Without a terminal: `--decisions-out FILE` writes all statements down, `--decisions FILE` does what the file says.
    -- exit 2
    ");
}

#[test]
fn what_is_decided_so_far_is_written_where_decisions_go() {
    let project = waiting();
    let arguments = ["diff", "latest", "--review", "--decisions-out", "mine.yaml"];
    let output = project.run_answering("ar\nq\nw\n", &arguments).ends_with(0);
    assert!(output.stderr.contains("--review --decisions mine.yaml"), "{output}");
    assert!(project.read("mine.yaml").contains("do: restore"), "{}", project.read("mine.yaml"));
    assert!(!project.path("tidy-1.decisions.yaml").exists());
    let read = project.run_answering("q\nx\n", &["diff", "latest", "--review", "--decisions", "mine.yaml"]);
    assert!(read.ends_with(0).stderr.contains("restore"));
}

#[test]
fn what_is_wrong_in_a_file_of_decisions_is_pointed_at() {
    let project = waiting();
    let run = |text: &str| {
        project.write("d.yaml", text);
        project.run(&["diff", "latest", "--decisions", "d.yaml"])
    };
    insta::assert_snapshot!(
        run("candidate: \"0000\"\ndecision: []\ndecisions:\n- {statment: /deploy.md:3, do: restor}\n"),
        @r#"
        -- stderr
        error[DR0208]: value out of range
         --> d.yaml:1:12
          |
        1 | candidate: "0000"
          |            ^^^^^^ `0000` is not 64 hex digits
          |
          = help: take it from a file that `dreamrun diff RUN --decisions-out FILE` wrote, or leave it out

        error[DR0201]: unknown key
         --> d.yaml:2:1
          |
        2 | decision: []
          | ^^^^^^^^ the top level has no such key
          |
          = help: did you mean `decisions`?

        error[DR0201]: unknown key
         --> d.yaml:4:4
          |
        4 | - {statment: /deploy.md:3, do: restor}
          |    ^^^^^^^^ `decisions[0]` has no such key
          |
          = help: did you mean `statement`?

        error[DR0206]: missing key
         --> d.yaml:4:4
          |
        4 | - {statment: /deploy.md:3, do: restor}
          |    ^^^^^^^^ `decisions[0]` needs the key `statement`
          |
          = help: add `statement:`

        error[DR0205]: unknown value
         --> d.yaml:4:32
          |
        4 | - {statment: /deploy.md:3, do: restor}
          |                                ^^^^^^ expected `keep`, `drop` or `restore`
          |
          = help: did you mean `restore`?

        error: the decisions cannot be read
          = `dreamrun diff RUN --decisions-out FILE` writes a file to begin with.
        -- exit 3
        "#
    );
    for (text, place) in [
        ("- {statement: /deploy.md:3, do: burn}\n", "d.yaml:1:33"),
        ("- {statement: /deploy.md:3}\n", "d.yaml:1:4"),
        ("candidate: 0000\ndecisions: []\n", "d.yaml:1:12"),
        ("decisions: {}\n", "d.yaml:1:1"),
        ("keep\n", "d.yaml:1:1"),
        ("decisions: [\n", "d.yaml:"),
        ("", "d.yaml"),
    ] {
        let refused = run(text).ends_with(3);
        assert!(refused.stderr.contains(place), "{text}: {refused}");
        assert!(!refused.stderr.contains("untagged"), "{refused}");
    }
    let json = project.run(&["diff", "latest", "--decisions", "d.yaml", "--json"]).ends_with(3).json();
    assert_eq!(json["diagnostics"][0]["file"], "d.yaml");
    assert_eq!(project.run(&["show", "--json"]).json()["data"]["phase"], "awaiting_review");
}
