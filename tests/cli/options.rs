//! Options that every command has: colours, quiet, JSON and events.

use serde_json::Value;

use crate::support::Project;

#[test]
fn colours_are_on_demand_and_off_for_files() {
    let mut project = Project::small();
    assert!(!project.run(&["status"]).stderr.contains('\u{1b}'));
    assert!(project.run(&["status", "--color", "always"]).stderr.contains("\u{1b}["));
    project.set("NO_COLOR", "1");
    assert!(!project.run(&["status"]).stderr.contains('\u{1b}'));
    let asked = project.run(&["status", "--color", "always"]);
    assert!(asked.stderr.contains("\u{1b}["), "what is asked for wins");
    assert!(!project.run(&["plan", "--json", "--color", "always"]).stdout.contains('\u{1b}'));
}

#[test]
fn quiet_says_errors_only() {
    let project = Project::small();
    let output = project.run(&["apply", "tidy", "--yes", "-q"]).ends_with(0);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("", ""));
    let output = project.run(&["show", "nothing", "-q"]).ends_with(2);
    assert!(output.stderr.starts_with("error: there is no run `nothing`"), "{output}");
    let output = project.run(&["plan", "-q", "--json"]).ends_with(0);
    assert_eq!((output.stderr.as_str(), &output.json()["kind"]), ("", &Value::from("plan")));
}

#[test]
fn quiet_and_verbose_exclude_each_other() {
    let _ = Project::small().run(&["status", "-q", "-v"]).ends_with(2);
}

#[test]
fn text_on_stderr_is_the_same_with_json() {
    let project = Project::small();
    assert_eq!(project.run(&["plan"]).stderr, project.run(&["plan", "--json"]).stderr);
}

#[test]
fn every_failure_is_one_document() {
    let project = Project::small();
    for (arguments, kind, code) in [
        (&["show", "nothing"][..], "show", 2),
        (&["plan", "nothing"], "plan", 2),
        (&["apply", "tidy"], "apply", 2),
        (&["diff", "notes", "nowhere"], "diff", 2),
        (&["diff", "nowhere", "notes"], "diff", 2),
        (&["validate", "nowhere.yaml"], "validate", 2),
        (&["approve", "latest"], "approve", 2),
        (&["reject", "latest"], "reject", 2),
        (&["cancel", "latest"], "cancel", 2),
        (&["rollback", "nodes"], "rollback", 2),
        (&["status", "nodes"], "status", 2),
    ] {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let output = project.run(&arguments);
        let document = output.json();
        assert_eq!((&document["kind"], output.code), (&kind.into(), code), "{output}");
        assert_eq!((&document["ok"], &document["outcome"]), (&false.into(), &"error".into()), "{output}");
        assert_eq!(document["exit_code"], code, "{output}");
        assert!(document["error"]["message"].is_string() && document["diagnostics"].is_array(), "{output}");
        assert!(document["error"]["hints"].as_array().is_some_and(|hints| !hints.is_empty()), "{output}");
    }
}

#[test]
fn the_document_can_go_to_a_file_as_well() {
    let project = Project::small();
    let output = project.run(&["plan", "--json", "--json-out", "plan.json"]).ends_with(0);
    assert_eq!(project.read("plan.json"), output.stdout);
    let output = project.run(&["show", "nothing", "--json-out", "error.json"]).ends_with(2);
    assert_eq!(output.stdout, "");
    let document: Value = serde_json::from_str(&project.read("error.json")).unwrap();
    assert_eq!(document["exit_code"], 2);
    let output = project.run(&["plan", "--json-out", "no/such/folder.json"]).ends_with(2);
    assert!(output.stderr.contains("could not write `[PROJECT]/no/such/folder.json`"), "{output}");
}

#[test]
fn events_are_one_json_object_a_line_and_hold_no_memory_text() {
    let project = Project::small();
    let _ = project.run(&["apply", "tidy", "--yes", "--events", "events.ndjson"]).ends_with(0);
    let text = project.read("events.ndjson");
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let recorded: Vec<&Value> = events.iter().filter(|event| event["type"] == "recorded").collect();
    let seqs: Vec<u64> = recorded.iter().map(|event| event["recorded"]["seq"].as_u64().unwrap()).collect();
    assert!(seqs.len() > 5 && seqs.is_sorted(), "{seqs:?}");
    assert!(recorded.iter().all(|event| event["run"] == "tidy-1"));
    assert!(events.iter().all(|event| ["recorded", "progress"].iter().any(|kind| event["type"] == *kind)));
    for words in ["Thursday", "pnpm", "Keep every number"] {
        assert!(!text.contains(words), "{words} in {text}");
    }
}

#[test]
fn a_file_that_is_named_and_cannot_be_used_is_a_matter_of_the_command_line() {
    let project = Project::small();
    project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(0);
    project.session("three", "2026-11-20T10:00:00Z", &["Always use pnpm."]);
    for arguments in [
        &["diff", "latest", "--decisions", "none/d.yaml"][..],
        &["diff", "latest", "--decisions", "memory"],
        &["diff", "latest", "--decisions-out", "none/d.yaml"],
        &["diff", "./memory", "./memry"],
        &["apply", "--plan", "none/plan.json"],
        &["apply", "--plan", "memory"],
        &["apply", "tidy", "--yes", "--events", "none/events.jsonl"],
        &["plan", "--out", "none/plan.json"],
        &["plan", "--comment", "none/plan.md"],
        &["show", "--html", "none/run.html"],
        &["show", "--markdown", "none/run.md"],
        &["show", "--junit", "memory"],
        &["status", "--json-out", "none/status.json"],
    ] {
        let refused = project.run(arguments).ends_with(2);
        assert!(refused.stderr.contains("error: "), "{arguments:?}: {refused}");
    }
}
