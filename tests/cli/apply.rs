//! `apply`: runs what is due, and says how it ended.

use crate::support::Project;
use crate::support::minds::{FailingMind, WipingMind};

#[test]
fn a_run_is_told_from_plan_to_adoption() {
    insta::assert_snapshot!(Project::small().run(&["apply", "tidy", "--yes"]));
}

#[test]
fn once_more_nothing_is_due() {
    let project = Project::small();
    project.adopt();
    insta::assert_snapshot!(project.run(&["apply", "tidy", "--yes"]), @r"
    -- stderr
    tidy nothing due: no new session waits
      due with 1 more session
    -- exit 0
    ");
}

#[test]
fn without_agreement_nothing_is_done() {
    let project = Project::small();
    let refused = project.run(&["apply", "tidy"]).ends_with(2);
    let (_, error) = refused.stderr.split_once("error:").expect("an error");
    insta::assert_snapshot!(error, @r"
    starting run `tidy-1` needs agreement
     = Nothing prompts without a terminal: add `--yes`.
    ");
    let answered = project.run_answering("n\n", &["apply", "tidy"]).ends_with(2);
    let (_, error) = answered.stderr.split_once("Start run").expect("a question");
    insta::assert_snapshot!(error, @r"
    tidy-1? [y/N] error: not started
     = Nothing was done.
    ");
    let status = project.run(&["status", "--json"]).json();
    assert_eq!(status["data"]["stores"][0]["record"], serde_json::Value::Null, "not even an import");
}

#[test]
fn a_person_can_agree() {
    let project = Project::small();
    let output = project.run_answering("yes\n", &["apply", "tidy"]).ends_with(0);
    assert!(output.stderr.contains("tidy-1 adopted"), "{output}");
}

#[test]
fn no_input_asks_nothing_even_at_a_terminal() {
    let project = Project::small();
    let output = project.run_answering("yes\n", &["apply", "tidy", "--no-input"]).ends_with(2);
    assert!(!output.stderr.contains("[y/N]"), "{output}");
}

#[test]
fn one_pipeline_that_fails_neither_stops_nor_hides_the_others() {
    let project = Project::small();
    project.edit("dreamrun.yaml", "stores:\n", "stores:\n  gone: {bootstrap: dir:gone}\n");
    let other = project.read("pipelines/tidy.yaml").replace("tidy", "broken").replace("notes", "gone");
    project.write("pipelines/broken.yaml", &other);
    let document = project.run(&["apply", "--yes", "--json"]).ends_with(3).json();
    assert_eq!(document["outcome"], "error");
    let results = document["data"]["results"].as_array().unwrap();
    assert_eq!(results.len(), 1);
    assert_eq!((&results[0]["pipeline"], &results[0]["outcome"]), (&"tidy".into(), &"adopted".into()));
}

#[test]
fn a_wiped_store_is_blocked_by_default_and_nothing_is_adopted() {
    let project = Project::small().with_mind(WipingMind);
    let output = project.run(&["apply", "tidy", "--yes"]).ends_with(13);
    let (_, told) = output.stderr.split_once("candidate holds").expect("a candidate");
    insta::assert_snapshot!(told, @r"
     0 memories

    tidy-1 blocked
      gate `lost` blocks; gate `entries_removed` blocks

      store     notes, 3 → 0 memories, 152 B → 0 B
      dreams    1 dream over 2 sessions, offline, $0
      gates     4 of 7 passed, 2 block, 1 asks for review

      lost blocks: 4 of 4 statements lost (100%)
        by default: review above 2%, block above 20%; over 30 days: review above 5%…
        /deploy-2.md:3: not in the candidate
        and 3 more: dreamrun show tidy-1 -v
      entries_removed blocks: 3 of 3 entries removed (100%)
        by default: review above 60%, block above 80%
        /deploy-2.md: removed
        and 2 more: dreamrun show tidy-1 -v
      bytes asks for review: 152 to 0 bytes (100% smaller)
        by default: shrink: review above 60%; grow: review above 100%

      dreamrun diff tidy-1 --review                restore 4 lost statements
      dreamrun diff tidy-1                         look at it
      dreamrun approve tidy-1 --override lost --override entries_removed \
        --reason …
                                                   adopt it all the same
      dreamrun reject tidy-1 --reason …            drop it
    ");
    let status = project.run(&["status", "--json"]).json();
    let record = &status["data"]["stores"][0]["record"];
    assert_eq!((&record["generation"], &record["adoption"]), (&0.into(), &serde_json::Value::Null));
}

#[test]
fn blocked_is_fine_where_the_caller_says_so() {
    let project = Project::small().with_mind(WipingMind);
    let _ = project.run(&["apply", "tidy", "--yes", "--fail-on", "never"]).ends_with(0);
}

#[test]
fn a_review_fails_only_on_demand() {
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(0);
    let _ = project.run(&["apply", "tidy", "--yes", "--fail-on", "review"]).ends_with(12);
}

#[test]
fn a_failed_dream_is_told_with_its_error() {
    let project = Project::small().with_mind(FailingMind);
    let output = project.run(&["apply", "tidy", "--yes"]).ends_with(5);
    let (_, told) = output.stderr.split_once("Plan: ").expect("a plan");
    insta::assert_snapshot!(told, @r"
    1 dream over 2 sessions as run tidy-1

      tidy-1 dream 1 is drm_1xxxxxxxxxxxxxxxxxxxxxxxx
      tidy-1 dream 1 failed: ran out of time (timeout)

    tidy-1 dream failed
      try 1 at dream 1 failed: ran out of time (timeout)

      store     notes, 3 memories (152 B)
      dreams    1 dream over 2 sessions, offline, $0

      dreamrun apply tidy                         try again, keeping finished dreams
      dreamrun cancel tidy-1                       give up
    ");
}

#[test]
fn with_json_stdout_is_one_document() {
    let project = Project::small();
    let document = project.adopt();
    assert_eq!((&document["kind"], &document["ok"]), (&"apply".into(), &true.into()));
    let run = &document["data"]["results"][0]["run"];
    assert_eq!((&run["run"], &run["phase"]), (&"tidy-1".into(), &"adopted".into()));
    assert_eq!((&run["before"]["entries"], &run["after"]["entries"]), (&3.into(), &4.into()));
    assert_eq!(run["changes"]["merged"], 1);
    let again = project.run(&["apply", "--yes", "--json"]).ends_with(0).json();
    assert_eq!(again["outcome"], "nothing_due");
    assert_eq!(again["data"]["results"][0]["plan"]["is_due"], false);
}

#[test]
fn what_cannot_be_imported_is_named() {
    let project = Project::small();
    std::fs::write(project.path("memory/latin1.md"), b"caf\xe9").unwrap();
    let output = project.run(&["apply", "tidy", "--yes"]).ends_with(0);
    assert!(output.stderr.contains("not imported: latin1.md: "), "{output}");
}

#[test]
fn a_correction_of_what_stands_in_many_memories_passes_the_gates_of_its_own_dream() {
    for subject in ["cache timeout", "cache timeout of the northern billing service"] {
        for copies in [1, 2, 120] {
            let project = Project::empty();
            project.write(
                "dreamrun.yaml",
                "dreamrun: 1\nbackend: local\nstores:\n  notes: {bootstrap: \"dir:memory\"}\n",
            );
            project.write(
                "pipelines/nightly.yaml",
                "dreamrun: 1\nmodel: offline\ninput: {store: notes, sessions: {files: [\"logs/*.jsonl\"]}}\n\
                 gates: {lost: {review: 1, block: 1}}\nadopt: {mode: auto}\n",
            );
            for at in 1..=copies {
                let fact = format!("- Fact number {at} is that shelf {at} holds {} boxes.", at * 3);
                let text = format!("# F{at}\n\n{fact}\n- The {subject} is 30 seconds.\n");
                project.write(&format!("memory/m{at}.md"), &text);
            }
            let said = format!("The {subject} is 60 seconds now, not 30 seconds.");
            project.session("one", "2026-11-01T10:00:00Z", &["Always write notes in English.", &said]);
            let applied = project.run(&["apply", "--yes"]).ends_with(0);
            assert!(applied.stderr.contains("adopted"), "{applied}");
            let fates = &project.run(&["diff", "latest", "--json"]).ends_with(0).json()["data"]["fates"];
            assert_eq!((&fates["lost"], &fates["superseded"]), (&0.into(), &copies.into()), "{fates:#}");
        }
    }
}
