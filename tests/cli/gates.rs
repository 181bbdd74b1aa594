//! A run held up by each gate: its screen, and that nothing was adopted.

use dreamrun::dreaming::transcript::Transcript;
use dreamrun::dreaming::{Consolidated, Mind, MindError, Reading};
use dreamrun::memory::{Memory, MemoryPath};
use dreamrun::snapshot::Snapshot;
use serde_json::Value;

use crate::support::Project;

/// Answers every dream with the same store.
struct Rewriting(Vec<(String, String)>);

impl Mind for Rewriting {
    fn read(&self, transcript: &Transcript) -> Reading {
        Reading {
            session: transcript.session.clone(),
            created_at: transcript.created_at,
            tokens: 10,
            notes: Value::Null,
        }
    }

    fn consolidate(&self, _: &Snapshot, _: &[Reading], _: Option<&str>) -> Result<Consolidated, MindError> {
        let memory =
            |(path, text): &(String, String)| Memory::new(MemoryPath::parse(path).unwrap(), text.as_str());
        Ok(Consolidated { store: self.0.iter().map(memory).collect(), changes: Vec::new() })
    }
}

/// What every live store here begins with.
pub(crate) const LIVE: &[(&str, &str)] = &[
    (
        "/deploy.md",
        "# Deploy\n\n- Deploys go out on Tuesday.\n- The canary takes 15 minutes.\n- Never deploy on Fridays.\n",
    ),
    ("/people/ann.md", "# Ann\n\n- Ann reviews every migration.\n- Ann works from Lisbon.\n"),
    ("/style.md", "# Style\n\n- Commit messages are imperative.\n- Lines have at most 100 characters.\n"),
];

/// Makes a project with the store [`LIVE`], whose dreams answer with `LIVE` in which some memories
/// have other content, or none.
pub(crate) fn project_with(gates: &str, changed: &[(&str, Option<&str>)]) -> Project {
    let mut candidate: Vec<(String, String)> =
        LIVE.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect();
    for &(path, text) in changed {
        candidate.retain(|(other, _)| other != path);
        candidate.extend(text.map(|text| (path.to_owned(), text.to_owned())));
    }
    let project = Project::small().with_mind(Rewriting(candidate));
    for gone in ["memory/deploy-2.md", "memory/style.md", "memory/deploy.md"] {
        std::fs::remove_file(project.path(gone)).unwrap();
    }
    for (path, text) in LIVE {
        project.write(&format!("memory{path}"), text);
    }
    let pipeline = project.read("pipelines/tidy.yaml");
    project.write("pipelines/tidy.yaml", &format!("{pipeline}gates:\n{gates}"));
    project
}

/// Applies, requires that the run is blocked, and returns what is told after the candidate.
pub(crate) fn blocked(project: &Project) -> String {
    let output = project.run(&["apply", "tidy", "--yes"]).ends_with(13);
    let status = project.run(&["status", "--json"]).json();
    assert_eq!(status["data"]["stores"][0]["record"]["adoption"], Value::Null, "{output}");
    let (_, told) = output.stderr.split_once("candidate holds").expect("a candidate");
    told.to_owned()
}

const CANARY_ALTERED: &str =
    "# Deploy\n\n- Deploys go out on Tuesday.\n- The canary takes 25 minutes.\n- Never deploy on Fridays.\n";

#[test]
fn lost_blocks_what_nobody_carries_on() {
    let gates = "  lost: {review: 1, block: 25%, paths: [{paths: [/people/**], block: 1}]}\n";
    let changed = [
        ("/deploy.md", Some(CANARY_ALTERED)),
        ("/people/ann.md", Some("# Ann\n\n- Ann reviews every migration.\n")),
    ];
    insta::assert_snapshot!(blocked(&project_with(gates, &changed)), @r"
    ");
}

#[test]
fn contradictions_block_two_values_of_one_subject() {
    let gates = "  contradictions: {block: 1}\n";
    let other = "# Release\n\n- Before a release the canary takes 25 minutes.\n- Ann's home is Lisbon.\n";
    let again = "# Travel\n\n- Ann's home is Porto.\n";
    let changed = [("/release.md", Some(other)), ("/travel.md", Some(again))];
    insta::assert_snapshot!(blocked(&project_with(gates, &changed)), @r"
    ");
}

#[test]
fn size_reduction_blocks_a_store_that_hardly_shrinks() {
    let gates = "  size_reduction: {min: 20%, otherwise: block}\n";
    let changed = [(
        "/style.md",
        Some("# Style\n\n- Commit messages are imperative.\n- Lines: at most 100 characters.\n"),
    )];
    insta::assert_snapshot!(blocked(&project_with(gates, &changed)), @r"
    ");
}

#[test]
fn convergence_blocks_what_a_second_dream_would_change() {
    let gates = "  convergence: {block: 10%}\n";
    let copy = "# Deploy\n\n- Deploys go out on Tuesday.\n- Never deploy on Fridays.\n";
    insta::assert_snapshot!(blocked(&project_with(gates, &[("/deploy-copy.md", Some(copy))])), @r"
    ");
}

#[test]
fn policy_blocks_changes_by_path() {
    let gates = "  policy:\n    - {paths: [/people/**], edit: review, remove: block}\n    - {paths: [/**], add: review}\n";
    let moved = "# People\n\n- Ann reviews every migration.\n- Ann works from Lisbon.\n- Ann has a cat.\n";
    let changed = [("/people/ann.md", None), ("/staff.md", Some(moved))];
    insta::assert_snapshot!(blocked(&project_with(gates, &changed)), @r"
    ");
}

#[test]
fn protected_blocks_a_change_of_a_pinned_statement() {
    let gates = "  lost: {review: 100%, block: 100%, over_30_days: 100%}\n  protected:\n    statements:\n      - Never deploy on Fridays\n      - {path: /people/ann.md, text: Ann works from Lisbon.}\n      - Nobody ever wrote this.\n";
    let friday = "# Deploy\n\n- Deploys go out on Tuesday.\n- The canary takes 15 minutes.\n- Deploy on Fridays.\n- Ann works from Lisbon.\n";
    let changed =
        [("/deploy.md", Some(friday)), ("/people/ann.md", Some("# Ann\n\n- Ann reviews every migration.\n"))];
    let project = project_with(gates, &changed);
    insta::assert_snapshot!(blocked(&project), @r"
    ");
    let plan = project.run(&["show", "latest", "--json"]);
    assert!(!plan.stdout.contains("Never deploy") && !plan.stdout.contains("Lisbon"), "{plan}");
}
