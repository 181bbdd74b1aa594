//! In a GitHub Actions job: a summary, annotations and outputs.

use crate::support::Project;
use crate::support::minds::WipingMind;

fn in_a_job(mut project: Project) -> Project {
    let (summary, output) = (project.path("summary.md"), project.path("output"));
    project.set("GITHUB_ACTIONS", "true");
    project.set("GITHUB_STEP_SUMMARY", summary);
    project.set("GITHUB_OUTPUT", output);
    let checkout = project.path("");
    project.set("GITHUB_WORKSPACE", checkout);
    project
}

#[test]
fn a_plan_leaves_a_summary_and_outputs() {
    let project = in_a_job(Project::small());
    let output = project.run(&["plan"]).ends_with(0);
    assert!(!output.stderr.contains("::"), "{output}");
    insta::assert_snapshot!(project.read("summary.md"), @r#"
    ### tidy

    **1 dream** over 2 sessions as run tidy-1.

    | | |
    |---|---|
    | store | notes, 3 memories (152 B) |
    | model | offline |
    | may cost | $0 |
    | gates | lost review&gt;2% block&gt;20%, 30 days review&gt;5% block&gt;20%<br>entries_removed review&gt;60% block&gt;80%<br>bytes shrink review&gt;60%, grow review&gt;100%<br>unchanged skip<br>limits block over 2,000<br>secrets block<br>injection review |
    | adopt | automatic when every gate passes; the alias moves; live writes are carried over |
    "#);
    insta::assert_snapshot!(project.read("output"), @r"
    outcome=due
    exit_code=0
    due=true
    pipelines=tidy
    dreams=1
    max_usd=0.00
    ");
}

#[test]
fn a_run_leaves_its_sizes_and_verdicts_and_no_memory_text() {
    let project = in_a_job(Project::small());
    let _ = project.run(&["apply", "--yes"]).ends_with(0);
    let summary = project.read("summary.md");
    for words in ["Thursday", "Tuesday", "pnpm", "canary", "Keep every number", "Locked"] {
        assert!(!summary.contains(words), "{words} in {summary}");
    }
    insta::assert_snapshot!(summary);
    insta::assert_snapshot!(project.read("output"), @r"
    outcome=adopted
    exit_code=0
    runs=tidy-1
    adopted=tidy-1
    waiting=
    ");
}

#[test]
fn a_blocked_run_is_annotated_and_appended() {
    let project = in_a_job(Project::small().with_mind(WipingMind));
    project.write("summary.md", "before\n");
    let output = project.run(&["apply", "--yes"]).ends_with(13);
    let annotations: Vec<&str> = output.stderr.lines().filter(|line| line.starts_with("::")).collect();
    assert!(annotations[0].starts_with("::error title=tidy-1::tidy-1 blocked: gate `"), "{output}");
    assert!(annotations[0].contains("gate `entries_removed` blocks"), "{output}");
    // The file sets no gates, so its first line stands for the defaults.
    let gate = "::error file=pipelines/tidy.yaml,line=1,title=tidy-1 entries_removed::3 of 3 entries removed";
    let told = annotations.iter().find(|line| line.starts_with(gate));
    assert!(told.is_some_and(|line| line.contains("%0A/deploy.md: removed")), "{output}");
    let summary = project.read("summary.md");
    assert!(summary.starts_with("before\n### tidy-1: blocked\n"), "{summary}");
    assert!(summary.contains("| entries_removed | **blocks** |"), "{summary}");
    assert!(project.read("output").contains("waiting=tidy-1\n"));
}

#[test]
fn a_gate_is_annotated_where_the_pipeline_sets_it() {
    let project = in_a_job(Project::small().with_mind(WipingMind));
    project.edit("pipelines/tidy.yaml", "adopt:", "gates:\n  entries_removed: {block: 50%}\nadopt:");
    let output = project.run(&["apply", "--yes"]).ends_with(13);
    assert!(
        output.stderr.contains("::error file=pipelines/tidy.yaml,line=10,title=tidy-1 entries_removed::")
    );
}

#[test]
fn problems_are_annotated_from_the_root_of_the_checkout() {
    let mut project = in_a_job(Project::small());
    project.edit("pipelines/tidy.yaml", "name: tidy", "name: tidy\nnaem: x");
    let _ = project.run(&["plan"]).ends_with(3);
    let above = project.path("").parent().unwrap().to_owned();
    let name = project.path("").file_name().unwrap().to_str().unwrap().to_owned();
    let output = project.run(&["validate"]).ends_with(3);
    assert!(output.stderr.contains("::error file=pipelines/tidy.yaml,line=3,"), "{output}");
    project.set("GITHUB_WORKSPACE", above);
    let output = project.run(&["validate"]).ends_with(3);
    assert!(output.stderr.contains(&format!("::error file={name}/pipelines/tidy.yaml,line=3,")), "{output}");
    assert!(project.read("output").contains("outcome=invalid\nexit_code=3\nproblems=1\n"));
}

#[test]
fn with_json_annotations_leave_stdout_alone() {
    let project = in_a_job(Project::small().with_mind(WipingMind));
    let output = project.run(&["apply", "--yes", "--json"]).ends_with(13);
    assert_eq!(output.json()["outcome"], "blocked");
    assert!(output.stderr.contains("::error title=tidy-1::"), "{output}");
}

#[test]
fn an_error_is_annotated_once() {
    let project = in_a_job(Project::small());
    let output = project.run(&["plan", "tiddy"]).ends_with(2);
    let annotations: Vec<&str> = output.stderr.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(annotations, ["::error title=dreamrun plan::there is no pipeline `tiddy`"]);
    assert_eq!(project.read("output"), "outcome=error\nexit_code=2\n");
}

#[test]
fn outside_a_job_nothing_is_left_behind() {
    let mut project = in_a_job(Project::small());
    project.set("GITHUB_ACTIONS", "false");
    let _ = project.run(&["plan"]).ends_with(0);
    assert!(!project.path("summary.md").exists() && !project.path("output").exists());
}

#[test]
fn a_summary_that_cannot_be_written_is_a_warning() {
    let mut project = in_a_job(Project::small());
    let nowhere = project.path("no/such/summary.md");
    project.set("GITHUB_STEP_SUMMARY", nowhere);
    let output = project.run(&["plan"]).ends_with(0);
    assert!(output.stderr.contains("::warning title=GITHUB_STEP_SUMMARY::could not write"), "{output}");
}
