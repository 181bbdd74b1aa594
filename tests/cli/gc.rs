//! `gc`: deletes what nothing needs, and says what.

use dreamrun::ids::Alias;
use dreamrun::state::driver::{Acquired, DriverLock};
use jiff::SignedDuration;

use crate::support::Project;
use crate::support::minds::CountingMind;

/// Makes a project whose first run was rejected.
fn with_a_rejected_run() -> Project {
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(0);
    let _ = project.run(&["reject", "latest"]).ends_with(0);
    project
}

#[test]
fn before_any_run_there_is_nothing_to_delete() {
    insta::assert_snapshot!(Project::small().run(&["gc"]), @r"
    -- stderr
    nothing to delete
    -- exit 0
    ");
}

#[test]
fn a_dry_run_names_the_stores_and_keeps_them() {
    let project = with_a_rejected_run();
    insta::assert_snapshot!(project.run(&["gc", "--dry-run"]), @r"
    -- stderr
      memstore_1xxxxxxxxxxxxxxxxxxxxxxxx written by tidy-1, rejected
    1 store would be deleted
    -- exit 0
    ");
    let _ = project.run(&["gc", "--dry-run", "--fail-on", "pending"]).ends_with(10);
}

#[test]
fn deleting_needs_agreement() {
    let project = with_a_rejected_run();
    insta::assert_snapshot!(project.run(&["gc"]), @r"
    -- stderr
      memstore_1xxxxxxxxxxxxxxxxxxxxxxxx written by tidy-1, rejected
    error: nothing was deleted
      = Nothing prompts without a terminal: add `--yes`.
    -- exit 2
    ");
    insta::assert_snapshot!(project.run(&["gc", "--yes"]), @r"
    -- stderr
      memstore_1xxxxxxxxxxxxxxxxxxxxxxxx written by tidy-1, rejected
    1 store deleted
    -- exit 0
    ");
    insta::assert_snapshot!(project.run(&["gc", "--yes"]), @r"
    -- stderr
    nothing to delete
    -- exit 0
    ");
}

#[test]
fn a_run_whose_candidate_is_deleted_is_told_from_its_ledger() {
    let project = with_a_rejected_run();
    let data = |arguments: &[&str]| project.run(arguments).ends_with(0).json()["data"].take();
    let before = data(&["diff", "latest", "--json"]);
    let _ = project.run(&["gc", "--yes"]).ends_with(0);
    let after = data(&["diff", "latest", "--json"]);
    assert_eq!(after["fates"], before["fates"]);
    for count in ["added", "removed", "edited", "unchanged", "before", "after"] {
        assert_eq!(after["counts"][count], before["counts"][count], "{count}");
    }
    let told = project.run(&["diff", "latest"]).ends_with(0);
    assert!(told.stderr.contains("is as it was judged then"), "{told}");
    let why = project.run(&["diff", "latest", "--why", "/deploy.md"]).ends_with(0);
    assert!(why.stderr.contains("its text is kept nowhere any more"), "{why}");
    let files = ["show", "latest", "--html", "run.html", "--markdown", "run.md", "--content"];
    let _ = project.run(&files).ends_with(0);
    assert!(project.read("run.html").contains("is kept nowhere any more"));
    assert!(project.read("run.md").contains("Statements: "), "{}", project.read("run.md"));
}

#[test]
fn the_live_store_and_the_one_before_are_never_spare() {
    let project = Project::small();
    project.adopt();
    let output = project.run(&["gc", "--yes", "--json"]).ends_with(0);
    assert_eq!(output.json()["outcome"], "nothing_to_delete", "{output}");
}

/// Replaces the project's store by another, as a checkout of another branch would.
fn check_out_without_notes(project: &Project) {
    project.edit("dreamrun.yaml", "  notes:", "  other:");
    std::fs::remove_file(project.path("pipelines/tidy.yaml")).unwrap();
}

#[test]
fn a_store_that_this_checkout_does_not_name_keeps_everything() {
    let project = Project::small();
    project.adopt();
    let record = project.record("notes");
    check_out_without_notes(&project);
    let output = project.run(&["gc", "--yes", "--json"]).ends_with(0);
    assert_eq!(output.json()["outcome"], "nothing_to_delete", "{output}");
    assert!(project.has_store(record["active"].as_str().unwrap()));
    assert!(project.has_store(record["previous"][0]["store"].as_str().unwrap()));
}

#[test]
fn a_store_that_another_one_begins_with_is_kept() {
    let project = with_a_rejected_run();
    let dry = project.run(&["gc", "--dry-run", "--json"]).json();
    let spare = dry["data"]["deleted"][0]["store"].as_str().unwrap().to_owned();
    let line = format!("  other: {{bootstrap: {}}}\nprofiles:", project.real_id(&spare));
    project.edit("dreamrun.yaml", "profiles:", &line);
    let output = project.run(&["gc", "--yes", "--json"]).ends_with(0);
    assert_eq!(output.json()["outcome"], "nothing_to_delete", "{output}");
}

#[test]
fn the_approved_candidate_of_a_raw_store_is_kept() {
    let project = Project::small();
    project.adopt();
    let live = project.record("notes")["active"].as_str().unwrap().to_owned();
    project.edit("pipelines/tidy.yaml", "store: notes", &format!("store: {}", project.real_id(&live)));
    project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    project.session("three", "2026-11-19T11:00:00Z", &["Thanks."]);
    let project = project.with_mind(CountingMind::default());
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(0);
    let approved = project.run(&["approve", "latest", "--json"]).ends_with(0).json();
    assert_eq!(approved["outcome"], "adopted", "{approved:#}");
    let candidate = approved["data"]["run"]["candidate"].as_str().unwrap();
    let output = project.run(&["gc", "--yes", "--json"]).ends_with(0);
    assert_eq!(output.json()["outcome"], "nothing_to_delete", "{output}");
    assert!(project.has_store(candidate));
}

#[test]
fn a_store_that_is_deleted_is_no_earlier_store_any_more() {
    let project = Project::small().with_mind(CountingMind::default());
    project.edit("dreamrun.yaml", "\"dir:memory\"}", "\"dir:memory\", keep_previous: 1}");
    let lenient =
        "gates: {lost: {review: 100%, block: 100%, over_30_days: {review: 100%, block: 100%}}}\nadopt:";
    project.edit("pipelines/tidy.yaml", "adopt:", lenient);
    project.adopt();
    let first = project.record("notes")["active"].as_str().unwrap().to_owned();
    for id in ["three", "four"] {
        project.session(id, "2026-11-20T08:00:00Z", &["Thanks."]);
        project.adopt();
    }
    assert_eq!(project.record("notes")["previous"].as_array().unwrap().len(), 3);
    let output = project.run(&["gc", "--yes", "--json"]).ends_with(0);
    assert_eq!(output.json()["data"]["deleted"][0]["store"], first.as_str(), "{output}");
    assert!(!project.has_store(&first));
    let record = project.record("notes");
    let previous: Vec<&str> =
        record["previous"].as_array().unwrap().iter().map(|p| p["store"].as_str().unwrap()).collect();
    assert_eq!(previous.len(), 2);
    assert!(!previous.contains(&first.as_str()), "{previous:?}");
    assert!(previous.iter().all(|store| project.has_store(store)));
}

#[test]
fn nothing_is_deleted_beside_a_process_at_work() {
    let project = with_a_rejected_run();
    let alias = Alias::parse("notes").unwrap();
    let folder = project.path(".dreamrun/state.locks");
    let lock = DriverLock::acquire(&folder, &alias, jiff::Timestamp::UNIX_EPOCH).unwrap();
    assert!(matches!(lock, Acquired::Yes(_)));
    insta::assert_snapshot!(project.run(&["gc", "--yes"]), @r"
    -- stderr
      memstore_1xxxxxxxxxxxxxxxxxxxxxxxx written by tidy-1, rejected
    kept: `notes` is driven by another process
    0 stores deleted
    -- exit 6
    ");
    assert!(project.has_store("memstore_1xxxxxxxxxxxxxxxxxxxxxxxx"));
    drop(lock);
    let _ = project.run(&["gc", "--yes"]).ends_with(0);
    assert!(!project.has_store("memstore_1xxxxxxxxxxxxxxxxxxxxxxxx"));
}

#[test]
fn journals_of_runs_that_have_long_been_over_are_folded_and_read_as_before() {
    let project = Project::small().with_mind(CountingMind::default());
    let gates =
        "gates: {lost: {review: 100%, block: 100%, over_30_days: {review: 100%, block: 100%}}}\nadopt:";
    project.edit("pipelines/tidy.yaml", "adopt:", gates);
    for day in 1..=3 {
        let said = format!("remember: it is day {day}");
        project.session(&format!("day-{day}"), &format!("2026-11-20T08:0{day}:00Z"), &[&said]);
        project.adopt();
    }
    let events = || {
        let state = rusqlite::Connection::open(project.path(".dreamrun/state.db")).unwrap();
        let count = "SELECT count(*) FROM objects WHERE key LIKE 'runs/%'";
        state.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let shown = |run: &str| project.run(&["show", run]).ends_with(0).to_string();
    let (before, all) = (shown("tidy-1"), events());
    let _ = project.run(&["gc", "--yes"]).ends_with(0);
    assert_eq!(events(), all, "people look at the runs of the last days");
    project.wait(SignedDuration::from_hours(8 * 24));
    insta::assert_snapshot!(project.run(&["gc", "--dry-run"]), @r"
    -- stderr
    2 journals would be folded
    nothing to delete
    -- exit 0
    ");
    insta::assert_snapshot!(project.run(&["gc", "--yes"]), @r"
    -- stderr
    2 journals folded
    nothing to delete
    -- exit 0
    ");
    assert_eq!(events(), all / 3, "the last run of the pipeline stays as it is");
    assert_eq!(shown("tidy-1"), before);
    let log = project.run(&["log", "notes"]).ends_with(0);
    assert!(log.to_string().contains("tidy-1"), "{log}");
    let nothing = project.run(&["apply", "tidy", "--yes", "--json"]).ends_with(0).json();
    assert_eq!(nothing["outcome"], "nothing_due");
    let again = project.run(&["gc", "--yes"]).ends_with(0);
    assert!(!again.stderr.contains("folded"), "{again}");
}
