//! The pipelines of this repository: each is valid, plans to a snapshot and does what its file says.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use jiff::SignedDuration;
use serde_json::Value;
use support::{Output, Project};

const PIPELINES: [&str; 4] = ["fleet-chain", "policy-review", "quickstart", "support-nightly"];

/// Applies a pipeline and returns what became of it.
#[track_caller]
fn apply(project: &Project, pipeline: &str, outcome: &str) -> Value {
    let document = project.run(&["apply", pipeline, "--yes", "--json"]).ends_with(0).json();
    assert_eq!(document["outcome"], outcome, "{document:#}");
    document["data"]["results"][0].clone()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// Returns the memories an alias holds, as `diff` tells them against an empty folder.
fn memories(project: &Project, alias: &str) -> BTreeSet<String> {
    project.write("nothing/.keep", "");
    let diff = project.run(&["diff", "nothing/", alias, "--json"]).ends_with(0).json();
    let paths = diff["data"]["entries"].as_array().unwrap().iter();
    paths.map(|entry| entry["path"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_pipeline_file_is_known_here_and_valid() {
    let project = Project::demo();
    let files = std::fs::read_dir(project.path("pipelines")).unwrap();
    let stems: BTreeSet<String> = files
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "yaml"))
        .map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|stem| !stem.ends_with(".test"))
        .collect();
    assert_eq!(stems, PIPELINES.map(str::to_owned).into());
    let output = project.run(&["validate", "--strict", "--json"]).ends_with(0);
    assert_eq!(output.json()["data"]["pipelines"], PIPELINES.len());
    assert!(output.stderr.contains("9 files: no problems"), "{output}");
}

#[test]
fn every_pipeline_has_fixture_tests_and_they_pass() {
    let project = Project::demo();
    let output = project.run(&["test", "--json"]).ends_with(0);
    let document = output.json();
    let tested: Vec<&str> = document["data"]["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["pipeline"].as_str().unwrap())
        .collect();
    assert_eq!(tested, PIPELINES, "{output}");
    assert_eq!(document["data"]["failed"], 0, "{output}");
    assert!(!project.path(".dreamrun").exists(), "tests write nothing");
}

/// Plans in a fresh copy, which must stay as it was.
fn planned(pipeline: &str) -> Output {
    let project = Project::demo();
    let output = project.run(&["plan", pipeline]).ends_with(0);
    assert!(!project.path(".dreamrun").exists(), "a plan writes nothing");
    output
}

#[test]
fn plan_of_fleet_chain_is_three_chained_dreams() {
    insta::assert_snapshot!(planned("fleet-chain"));
}

#[test]
fn plan_of_policy_review_asks_a_person() {
    insta::assert_snapshot!(planned("policy-review"));
}

#[test]
fn plan_of_quickstart_reads_every_session() {
    insta::assert_snapshot!(planned("quickstart"));
}

#[test]
fn plan_of_support_nightly_takes_thirty() {
    insta::assert_snapshot!(planned("support-nightly"));
}

#[test]
fn plans_as_documents_follow_the_published_schema_and_repeat() {
    let project = Project::demo();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/plan.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let check = |arguments: &[&str]| {
        let (one, two) = (project.run(arguments), project.run(arguments));
        assert_eq!(one.stdout, two.stdout, "the same bytes twice");
        let errors: Vec<String> = validator.iter_errors(&one.json()).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{arguments:?}: {errors:#?}");
        one
    };
    let chain = check(&["plan", "fleet-chain", "--json"]).ends_with(0).json();
    let dreams = chain["data"]["plans"][0]["dreams"].as_array().unwrap();
    let sizes: Vec<usize> = dreams.iter().map(|dream| dream["sessions"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
    let inputs: Vec<&str> = dreams.iter().map(|dream| dream["input"].as_str().unwrap()).collect();
    assert_eq!(inputs, ["live_store", "previous_dream", "previous_dream"]);
    let sessions: BTreeSet<&str> = dreams
        .iter()
        .flat_map(|dream| dream["sessions"].as_array().unwrap())
        .map(|session| session.as_str().unwrap())
        .collect();
    assert_eq!(sessions.len(), 250, "each session is in one dream");

    let all = check(&["plan", "--json"]).ends_with(0).json();
    assert_eq!(all["data"]["plans"].as_array().unwrap().len(), PIPELINES.len());
    let _ = check(&["plan", "nowhere", "--json"]).ends_with(2);

    let mut broken = chain;
    broken["data"]["plans"][0]["dreams"][0]["input"] = "elsewhere".into();
    assert!(!validator.is_valid(&broken), "the schema can say no");
    assert!(!project.path(".dreamrun").exists());
}

#[test]
fn quickstart_is_adopted_and_then_nothing_is_due() {
    let project = Project::demo();
    let output = project.run(&["apply", "quickstart", "--yes"]).ends_with(0);
    for line in ["merged ", "resolved ", "learned ", "playbooks 2 ", "memories, 8.3 kB → "] {
        assert!(output.stderr.contains(line), "{line:?} in {output}");
    }
    let shown = project.run(&["show", "--json"]).ends_with(0).json();
    let run = &shown["data"];
    assert_eq!((&run["phase"], &run["before"]["entries"]), (&"adopted".into(), &34.into()));
    for kind in ["merged", "superseded", "learned", "playbook"] {
        assert!(number(&run["changes"][kind]) > 0, "{kind}: {}", run["changes"]);
    }
    assert!(
        run["verdicts"].as_array().unwrap().iter().all(|verdict| verdict["outcome"] == "pass"),
        "{run:#}"
    );

    let held = memories(&project, "quickstart-memory");
    assert_eq!(held.len() as u64, number(&run["after"]["entries"]));
    assert_eq!(held.iter().filter(|path| path.starts_with("/playbooks/")).count(), 2, "{held:?}");

    let again = apply(&project, "quickstart", "nothing_due");
    assert_eq!(again["plan"]["not_due"]["message"], "no new session waits");
    let status = project.run(&["status", "quickstart", "--json"]).json();
    assert_eq!(status["data"]["pipelines"][0]["last_run"]["run"], "quickstart-1", "no second run");
}

#[test]
fn fleet_chain_dreams_three_times_each_over_the_output_before() {
    let project = Project::demo();
    let applied = apply(&project, "fleet-chain", "adopted");
    let dreams = applied["run"]["dreams"].as_array().unwrap();
    assert!(dreams.iter().all(|dream| dream["status"] == "completed"), "{dreams:#?}");
    let sessions: Vec<u64> = dreams.iter().map(|dream| number(&dream["sessions"])).collect();
    assert_eq!(sessions, [100, 100, 50]);
    let outputs: BTreeSet<&str> = dreams.iter().map(|dream| dream["output"].as_str().unwrap()).collect();
    assert_eq!(outputs.len(), 3);
    assert_eq!(applied["run"]["candidate"], dreams[2]["output"], "the last output is adopted");
    let spare = project.run(&["gc", "--dry-run", "--json"]).json();
    let named: BTreeSet<&str> = spare["data"]["deleted"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["store"].as_str().unwrap())
        .collect();
    assert!(named.is_subset(&outputs) && named.len() == 2, "those in the middle are spare: {spare:#}");
}

#[test]
fn support_nightly_takes_thirty_and_leaves_six_for_the_next_night() {
    let project = Project::demo();
    let applied = apply(&project, "support-nightly", "adopted");
    assert_eq!(applied["run"]["dreams"][0]["sessions"], 30);
    let soon = apply(&project, "support-nightly", "nothing_due");
    assert_eq!(soon["plan"]["is_due"], false, "{soon:#}");
    project.wait(SignedDuration::from_hours(21));
    let next = apply(&project, "support-nightly", "adopted");
    assert_eq!(
        (&next["run"]["run"], &next["run"]["dreams"][0]["sessions"]),
        (&"support-nightly-2".into(), &6.into())
    );
}

#[test]
fn policy_review_waits_for_a_person_and_keeps_the_policies() {
    let project = Project::demo();
    let applied = apply(&project, "policy-review", "awaiting_review");
    let run = applied["run"]["run"].as_str().unwrap();
    let before = project.run(&["status", "reviewed-memory", "--json"]).json();
    assert_eq!(before["data"]["stores"][0]["record"]["active"], applied["run"]["live"], "nothing moved yet");

    let approved = project.run(&["approve", run, "--reason", "read it", "--json"]).ends_with(0).json();
    assert_eq!(approved["outcome"], "adopted", "{approved:#}");
    let after = project.run(&["status", "reviewed-memory", "--json"]).json();
    assert_eq!(after["data"]["stores"][0]["record"]["active"], applied["run"]["candidate"]);
    let diff = project.run(&["diff", run, "--path", "/policy", "--json"]).ends_with(0).json();
    assert_eq!(diff["data"]["entries"], serde_json::json!([]), "policies are as they were");
}
