//! `forget`: where forbidden text still stands, and that it does not come back by hand.

use crate::gates::{LIVE, project_with};
use crate::support::Project;

/// Gives the store of a project a forget list.
fn forbid(project: &Project, rules: &str) {
    project.edit("dreamrun.yaml", "{bootstrap: \"dir:memory\"}", NAMED);
    project.write("forget/notes.yaml", &format!("dreamrun: 1\nforget:\n{rules}"));
}

const NAMED: &str = "{bootstrap: \"dir:memory\", forget: forget/notes.yaml}";

#[test]
fn every_place_that_still_holds_forbidden_text_is_named() {
    let project = Project::small();
    project.edit("dreamrun.yaml", "stores:", "ledger: {archive: kept}\nstores:");
    project.adopt();
    let live = project.record("notes")["active"].as_str().unwrap().to_owned();
    let heading = "# Deploys go out\n\n- Ask Ann.\n";
    project.agent_writes(&live, "/ann.md", heading);
    project.agent_rewrites(&live, "/ann.md", heading, "# Ann\n\n- Ask Ann.\n");
    forbid(
        &project,
        "  - {name: erasure-7, pattern: \"deploys go out\"}\n  - {name: old, keep: 1d, paths: [/**]}\n",
    );
    let report = project.run(&["forget", "notes"]).ends_with(0);
    for text in ["Tuesday", "Thursday", "eploys go out"] {
        assert!(!report.stderr.contains(text), "{report}");
    }
    let json = project.run(&["forget", "notes", "--json"]).ends_with(0).json();
    let places = json["data"]["places"].as_array().unwrap();
    let kinds: Vec<_> = places.iter().map(|place| place["kind"].as_str().unwrap()).collect();
    for kind in ["live", "version", "previous", "folder", "session"] {
        assert!(kinds.contains(&kind), "{kind}: {report}");
    }
}

#[test]
fn one_statement_is_named_by_its_hash_and_looked_for() {
    let project = Project::small();
    project.adopt();
    let named = project.run(&["forget", "--hash", "- Commit messages are *imperative*"]).ends_with(0);
    assert_eq!(named.stderr, "");
    let rule = named.stdout.replace("NAME", "style");
    let found = project.run(&["forget", "notes", "--hash", "Commit messages are imperative.", "--json"]);
    let found = found.ends_with(0).json();
    assert_eq!(found["outcome"], "found");
    assert_eq!(found["data"]["rules"][0].as_str(), Some(named.stdout.trim_end()));
    let places = found["data"]["places"].as_array().unwrap();
    let kinds: Vec<_> = places.iter().map(|place| place["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["live", "previous", "folder"]);
    assert!(places.iter().all(|place| place["found"][0]["path"] == "/style.md"), "{places:#?}");
    let none = project.run(&["forget", "notes", "--hash", "Nobody ever said this.", "--json"]).ends_with(0);
    assert_eq!(none.json()["outcome"], "not_found");
    let refused = project.run(&["forget", "notes"]).ends_with(2);
    assert!(refused.stderr.contains("`notes` has no forget list"), "{refused}");
    forbid(&project, &format!("  {rule}"));
    let report = project.run(&["forget", "notes"]).ends_with(0);
    assert!(report.stderr.contains("notes: 1 rule, found in 3 places"), "{report}");
}

#[test]
fn what_the_list_forbids_is_dropped_and_not_lost_wherever_fates_are_told() {
    let changed = [("/people/ann.md", Some("# Ann\n\n- Ann reviews every migration.\n"))];
    let project = project_with("  lost: {block: 1}\n", &changed);
    forbid(&project, "  - {name: erasure-7, pattern: lisbon}\n");
    project.adopt();
    for arguments in [
        &["diff", "latest", "--why", "/people/ann.md", "--json"][..],
        &["diff", "dir:memory", "notes", "--json"],
    ] {
        let fates = project.run(arguments).ends_with(0).json()["data"]["fates"].take();
        assert_eq!((&fates["dropped"], &fates["lost"]), (&1.into(), &0.into()), "{arguments:?}: {fates}");
    }
    let _ = project.run(&["show", "latest", "--html", "run.html", "--markdown", "run.md"]).ends_with(0);
    assert!(project.read("run.md").contains("1 dropped"), "{}", project.read("run.md"));
}

#[test]
fn what_was_forbidden_since_is_not_restored() {
    let changed = [
        ("/people/ann.md", Some("# Ann\n\n- Ann reviews every migration.\n")),
        ("/style.md", Some("# Style\n\n- Commit messages are imperative.\n")),
    ];
    let project = project_with("  lost: {review: 100%, block: 100%, over_30_days: 100%}\n", &changed);
    project.adopt();
    forbid(&project, "  - {name: erasure-7, pattern: lisbon}\n");
    insta::assert_snapshot!(project.run(&["restore", "latest", "/people/ann.md:4", "--yes"]), @r"
    -- stderr
      ! /people/ann.md:4 3acbd6bf9f1f is not restored: rule `erasure-7` of the forget list
    what tidy-1 lost and is not back: 2 statements
    -- exit 13
    ");
    let restored = project.run(&["restore", "latest", "--all-lost", "--yes", "--json"]).ends_with(0).json();
    assert_eq!(restored["data"]["forbidden"][0]["rule"], "erasure-7");
    assert_eq!(restored["data"]["restored"].as_array().unwrap().len(), 1);
    let _ = project.run(&["diff", "dir:memory", "notes", "--unified"]).ends_with(0);
    assert!(LIVE[1].1.contains("Lisbon"), "the folder is not touched");
}

#[test]
fn a_rollback_brings_nothing_back_that_was_forbidden_since() {
    let project = Project::small();
    project.adopt();
    let live = project.record("notes")["active"].clone();
    forbid(&project, "  - {name: erasure-7, pattern: go out on tuesday}\n");
    let refused = project.run(&["rollback", "notes", "--reason", "too eager"]).ends_with(13);
    for told in ["rule `erasure-7`", "/deploy.md:3", "--override forget", "Nothing was changed"] {
        assert!(refused.stderr.contains(told), "{told}: {refused}");
    }
    assert!(!refused.stderr.contains("uesday"), "{refused}");
    assert_eq!(project.record("notes")["active"], live);
    assert_eq!(project.record("notes")["hold"], serde_json::Value::Null);
    let first = project.record("notes")["previous"][0]["store"].as_str().unwrap().to_owned();
    let named =
        project.run(&["rollback", "notes", "--to", &project.real_id(&first), "--carry"]).ends_with(13);
    let again = format!("dreamrun rollback notes --to {first} --carry --override forget");
    assert!(named.stderr.contains(&again), "{named}");
    let _ = project.run(&["rollback", "notes", "--override", "forget"]).ends_with(2);
    let _ = project.run(&["rollback", "notes", "--override", "lost", "--reason", "x"]).ends_with(2);
    let _ =
        project.run(&["rollback", "notes", "--override", "forget", "--reason", "court order"]).ends_with(0);
    assert_ne!(project.record("notes")["active"], live);
}

#[test]
fn nothing_is_carried_over_that_was_forbidden_since() {
    let project = Project::small();
    project.adopt();
    let live = project.record("notes")["active"].as_str().unwrap().to_owned();
    project.agent_writes(&live, "/ann.md", "- Ann moved to Lisbon.\n");
    let _ = project.run(&["rollback", "notes"]).ends_with(0);
    let back = project.record("notes")["active"].as_str().unwrap().to_owned();
    forbid(&project, "  - {name: erasure-7, pattern: lisbon}\n");
    let refused = project.run(&["rollback", "notes", "--carry"]).ends_with(13);
    for told in ["carrying over", "/ann.md:1, rule `erasure-7`", "rollback notes --carry --override forget"] {
        assert!(refused.stderr.contains(told), "{told}: {refused}");
    }
    assert_eq!(project.memory(&back, "/ann.md"), None);
    let over = ["rollback", "notes", "--carry", "--override", "forget", "--reason", "court order"];
    let _ = project.run(&over).ends_with(0);
    assert!(project.memory(&back, "/ann.md").is_some());
}

#[test]
fn a_rollback_to_a_store_without_forbidden_text_goes_on() {
    let project = Project::small();
    project.adopt();
    forbid(&project, "  - {name: erasure-7, pattern: nobody wrote this}\n");
    let _ = project.run(&["rollback", "notes"]).ends_with(0);
}

#[test]
fn memories_are_not_brought_back_to_what_was_forbidden_since() {
    let project = Project::small();
    project.adopt();
    forbid(&project, "  - {name: erasure-7, pattern: go out on tuesday}\n");
    let below = |path: &str| project.run(&["rollback", "notes", "--path", path, "--yes", "--json"]);
    let alone = below("/deploy.md").ends_with(13).json();
    assert_eq!(alone["outcome"], "forbidden", "{alone:#}");
    assert_eq!(alone["data"]["forbidden"][0]["rule"], "erasure-7");
    let all = below("/").ends_with(0).json();
    assert_eq!(all["outcome"], "brought_back", "{all:#}");
    let report = project.run(&["forget", "notes", "--json"]).ends_with(0).json();
    let kinds: Vec<_> =
        report["data"]["places"].as_array().unwrap().iter().map(|p| p["kind"].clone()).collect();
    assert!(!kinds.contains(&"live".into()), "{report:#}");
}

#[test]
fn what_can_be_done_is_named_with_its_commands() {
    let project = Project::small();
    project.adopt();
    let live = project.record("notes")["active"].as_str().unwrap().to_owned();
    project.agent_writes(&live, "/ann.md", "- Ann moved to Lisbon.\n");
    project.agent_rewrites(&live, "/ann.md", "- Ann moved to Lisbon.\n", "- Lisbon is where Ann went.\n");
    forbid(&project, "  - {name: erasure-7, pattern: lisbon}\n  - {name: old, pattern: out on tuesday}\n");
    insta::assert_snapshot!(project.run(&["forget", "notes"]), @r"
    -- stderr
    notes: 2 rules, found in 4 places

    live memstore_2xxxxxxxxxxxxxxxxxxxxxxxx (what agents mount)
      /ann.md:1, rule `erasure-7`
      → drop it from a candidate that the gate `forget` blocks, with `dreamrun diff RUN --review`, and approve that

    version memstore_2xxxxxxxxxxxxxxxxxxxxxxxx (earlier versions, what agents mount)
      /ann.md:1 in memver_1xxxxxxxxxxxxxxxxxxxxxxxx, rule `erasure-7`
      /deploy.md:3 in memver_2xxxxxxxxxxxxxxxxxxxxxxxx, rule `old`
      /deploy-2.md:3 in memver_3xxxxxxxxxxxxxxxxxxxxxxxx, rule `old`
      → no command redacts it: it goes with its store, as `dreamrun gc` deletes it

    previous memstore_1xxxxxxxxxxxxxxxxxxxxxxxx (from before the first run)
      /deploy-2.md:3, rule `old`
      /deploy.md:3, rule `old`
      → no command deletes it, and `gc` never does: it stays in the backend's database

    folder memory (imported once)
      /deploy-2.md:3, rule `old`
      /deploy.md:3, rule `old`
      → take it out of the file, and out of the repository's past if it was committed
    -- exit 0
    ");

    // What it says of the live store can be typed.
    project.wait(jiff::SignedDuration::from_hours(24));
    project.session("three", "2026-11-20T10:00:00Z", &["Always use pnpm."]);
    let _ = project.run(&["apply", "tidy", "--yes"]).ends_with(13);
    let _ = project.run(&["diff", "latest", "--decisions-out", "d.yaml"]).ends_with(0);
    let kept = project.read("d.yaml");
    let (before, after) = kept.split_once("/ann.md").unwrap();
    project.write("d.yaml", &format!("{before}/ann.md{}", after.replacen("do: keep", "do: drop", 1)));
    let _ = project.run(&["diff", "latest", "--decisions", "d.yaml"]);
    let _ = project.run(&["approve", "latest", "--yes"]).ends_with(0);
    let places = project.run(&["forget", "notes", "--json"]).ends_with(0).json()["data"]["places"].take();
    let kinds = places.as_array().unwrap().iter().map(|place| place["kind"].as_str().unwrap());
    assert!(!kinds.collect::<Vec<_>>().contains(&"live"), "{places:#}");
}
