//! Plan, apply and what follows, against a server.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::World;
use crate::support::GatedMind;
use crate::world::id;

/// How long a test waits for something that has to come.
const DEADLINE: Duration = Duration::from_secs(30);

#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < DEADLINE, "{what} did not come");
        thread::yield_now();
    }
}

pub(crate) fn unfinished(world: &World) -> usize {
    let all = world.all("/v1/dreams");
    all.iter().filter(|dream| matches!(dream["status"].as_str(), Some("pending" | "running"))).count()
}

#[test]
fn a_plan_is_made_of_live_facts_and_apply_carries_it_out() {
    let (world, store) = World::small();
    let plan = world.run(&["plan", "--json"]).ends_with(0).json();
    let plan = &plan["data"]["plans"][0];
    assert_eq!(world.project.real_id(plan["store"]["id"].as_str().unwrap()), store);
    assert_eq!(plan["store"]["entries"], 3, "{plan:#}");
    assert_eq!(plan["sessions_waiting"], 3, "{plan:#}");
    assert!(world.all("/v1/dreams").is_empty(), "a plan asks for nothing");

    let applied = world.adopt("tidy");
    let live = world.live("notes");
    assert_ne!(live, store, "{applied:#}");
    assert_eq!(world.all("/v1/dreams").len(), 1);

    // What the dream itself did is no session to learn from.
    let again = world.run(&["plan", "--json"]).ends_with(0).json();
    assert_eq!(again["outcome"], "nothing_due", "{again:#}");
    assert_eq!(again["data"]["plans"][0]["sessions_waiting"], 0, "{again:#}");
}

#[test]
fn cost_blocks_a_run_that_cost_more_than_it_may() {
    let (world, store) = World::small();
    world.project.edit(
        "pipelines/tidy.yaml",
        "gates: {",
        "gates: {cost: {review_usd: 0, block_usd: 0.0005}, ",
    );
    let applied = world.run(&["apply", "tidy", "--yes"]).ends_with(13);
    assert_eq!(world.live("notes"), store);
    let (_, told) = applied.stderr.split_once("tidy-1 blocked").expect("a screen");
    insta::assert_snapshot!(told, @r"
    gate `cost` blocks

    store     notes, 3 → 4 memories, 112 B → 302 B
    dreams    1 dream over 3 sessions, claude-sonnet-4-6, $0.0011 (estimated
              $0.0003–$0.0008)
    gates     7 of 8 passed, 1 blocks

    cost blocks: $0.0011 spent
      pipelines/tidy.yaml:9: review above $0, block above $0.0005

    dreamrun diff tidy-1                         look at it
    dreamrun diff tidy-1 --review                keep, drop or restore statements
    dreamrun approve tidy-1 --override cost --reason … adopt it all the same
    dreamrun reject tidy-1 --reason …            drop it
    ");
}

#[test]
fn a_price_of_the_project_is_what_is_estimated_budgeted_and_billed() {
    let (world, store) = World::small();
    let prices = "prices: {claude-sonnet-4-6: {input: 3000, output: 15000, cache_read: 300, cache_write: 3750, \
                  as_of: 2026-11-01}}\n";
    world.project.edit("dreamrun.yaml", "stores:", &format!("{prices}stores:"));
    world.project.edit("pipelines/tidy.yaml", "gates: {", "budget: {max_usd: 0.5}\ngates: {");
    let plan = world.run(&["plan", "tidy", "--json"]).ends_with(0).json();
    insta::assert_snapshot!(plan["data"]["plans"][0]["estimate_usd"], @r#"{"low":0.28035,"high":0.62835}"#);
    let _ = world.run(&["apply", "tidy", "--yes"]).ends_with(8);
    assert_eq!((world.live("notes"), world.all("/v1/dreams").len()), (store, 0));

    world.project.edit("pipelines/tidy.yaml", "max_usd: 0.5", "max_usd: 5");
    world.adopt("tidy");
    let shown = world.run(&["show", "latest", "--json"]).ends_with(0).json();
    insta::assert_snapshot!(shown["data"]["dreams"][0]["cost_usd"], @"1.02");
}

#[test]
fn two_hundred_and_fifty_sessions_are_read_by_a_chain_of_three() {
    let mut world = World::new();
    let store = world.furnish("notes", "tidy", 250);
    world.adopt("tidy");
    let mut dreams = world.all("/v1/dreams");
    dreams.reverse();
    let inputs = |dream: &Value, of: &str| {
        let mut all = dream["inputs"].as_array().unwrap().iter();
        all.find(|input| input["type"] == of).cloned().unwrap()
    };
    let read: Vec<usize> = dreams
        .iter()
        .map(|dream| inputs(dream, "sessions")["session_ids"].as_array().unwrap().len())
        .collect();
    assert_eq!(read, [100, 100, 50]);
    let mut head = store;
    for dream in &dreams {
        assert_eq!(inputs(dream, "memory_store")["memory_store_id"], head.as_str());
        head = dream["outputs"][0]["memory_store_id"].as_str().unwrap().to_owned();
    }
    assert_eq!(world.live("notes"), head);

    // The two in the middle are nobody's.
    let collected = world.run(&["gc", "--yes", "--json"]).ends_with(0).json();
    assert_eq!(collected["data"]["deleted"].as_array().unwrap().len(), 2, "{collected:#}");
    assert_eq!(world.all("/v1/memory_stores").len(), 2);
}

#[test]
fn a_rollback_brings_the_store_before_back_and_holds() {
    let (world, store) = World::small();
    world.adopt("tidy");
    let adopted = world.live("notes");
    let _ = world.run(&["rollback", "notes", "--reason", "too terse"]).ends_with(0);
    assert_eq!(world.live("notes"), store);
    let plan = world.run(&["plan", "--json"]).ends_with(0).json();
    assert_eq!(plan["outcome"], "nothing_due", "{plan:#}");
    // What was live a moment ago can be gone back to.
    let collected = world.run(&["gc", "--yes", "--json"]).ends_with(0).json();
    assert_eq!(collected["outcome"], "nothing_to_delete", "{collected:#}");
    let _ = world.run(&["diff", "notes", &adopted]).ends_with(0);
}

#[test]
fn a_verbose_apply_tells_what_the_dream_reads_and_writes() {
    let (world, _) = World::small();
    let output = world.run(&["apply", "tidy", "--yes", "-v"]).ends_with(0);
    assert!(output.stderr.contains(" read "), "{output}");
    assert!(output.stderr.contains(" wrote "), "{output}");
}

#[test]
fn pipelines_dream_at_the_same_time_and_a_bad_one_stops_nobody() {
    let mind = Arc::new(GatedMind::default());
    let mut world = World::with_mind(Arc::clone(&mind) as _, |_| {});
    world.furnish("notes", "tidy", 2);
    world.furnish("recipes", "cook", 2);
    world.furnish("gone", "lost", 1);
    let gone = world.project.read("dreamrun.yaml");
    let gone =
        gone.lines().last().unwrap().split_once("bootstrap: ").unwrap().1.trim_end_matches('}').to_owned();
    world.project.edit("dreamrun.yaml", &gone, "memstore_01doesnotexist");
    let output = thread::scope(|scope| {
        let apply = scope.spawn(|| world.run(&["apply", "--yes", "--json"]));
        until("two dreams at once", || unfinished(&world) == 2);
        mind.allow(100);
        apply.join().unwrap()
    });
    let document = output.ends_with(5).json();
    let results = document["data"]["results"].as_array().unwrap();
    let outcomes: Vec<String> =
        results.iter().map(|one| format!("{}: {}", one["pipeline"], one["outcome"])).collect();
    assert_eq!(outcomes, ["\"cook\": \"adopted\"", "\"tidy\": \"adopted\""], "{document:#}");
}

#[test]
fn show_follows_a_run_that_another_process_drives() {
    let mind = Arc::new(GatedMind::default());
    let mut world = World::with_mind(Arc::clone(&mind) as _, |_| {});
    world.furnish("notes", "tidy", 2);
    let (applied, shown) = thread::scope(|scope| {
        let apply = scope.spawn(|| world.run(&["apply", "--yes"]));
        until("a dream", || unfinished(&world) == 1);
        let show = scope.spawn(|| world.run(&["show", "tidy", "--follow", "--events", "seen.ndjson"]));
        let seen = world.project.path("seen.ndjson");
        until("a follower", || std::fs::read_to_string(&seen).is_ok_and(|seen| seen.contains("progress")));
        mind.allow(100);
        (apply.join().unwrap(), show.join().unwrap())
    });
    let _ = applied.ends_with(0);
    let shown = shown.ends_with(0);
    assert!(shown.stderr.contains(" wrote "), "{shown}");
    assert!(shown.stderr.contains("adopted"), "{shown}");
}

#[test]
fn a_dream_made_by_hand_is_judged_and_adopted() {
    let (world, store) = World::small();
    let sessions: Vec<String> = world.all("/v1/sessions").iter().map(id).collect();
    let dream = world.post(
        "/v1/dreams",
        &json!({
            "inputs": [
                { "type": "memory_store", "memory_store_id": store },
                { "type": "sessions", "session_ids": sessions },
            ],
            "model": "claude-sonnet-4-6",
        }),
    );
    let dream = id(&dream);
    until("its end", || world.get(&format!("/v1/dreams/{dream}"))["status"] == "completed");
    world.server.clock.advance(SignedDuration::from_mins(1));
    world.remember(&store, "/late.md", "- Written after the dream.\n");
    let output = world.run(&["apply", "tidy", "--yes", "--from-dream", &dream, "--json"]).ends_with(0);
    assert_eq!(output.json()["outcome"], "adopted", "{output}");
    assert_eq!(world.all("/v1/dreams").len(), 1, "none was paid for");
    let live = world.contents(&world.live("notes"));
    assert!(live.iter().any(|(path, _)| path == "/late.md"), "{live:#?}");

    let again = world.run(&["apply", "tidy", "--yes", "--from-dream", &dream]).ends_with(7);
    assert!(again.stderr.contains("belongs to run `tidy-1`"), "{again}");
}

#[test]
fn an_agent_is_found_by_its_file_through_the_lock_file() {
    let (world, _) = World::small();
    world.project.edit("pipelines/tidy.yaml", &world.agent, "agents/tidy.md");
    let missing = world.run(&["plan", "tidy"]).ends_with(3);
    assert!(missing.stderr.contains("ant apply agents/tidy.md"), "{missing}");
    let lock = json!({
        "version": 1,
        "origin": { "base_url": world.server.url(""), "organization_id": "org_01local" },
        "resources": { "./agents/tidy.md": { "kind": "agent", "id": world.agent, "version": "1" } },
    });
    world.project.write("claude-lock.json", &lock.to_string());
    let plan = world.run(&["plan", "tidy", "--json"]).ends_with(0).json();
    assert_eq!(plan["data"]["plans"][0]["sessions_waiting"], 3, "{plan:#}");
}

#[test]
fn sessions_that_mounted_the_store_are_a_source() {
    let (world, _) = World::small();
    let source = format!("agent: {}", world.agent);
    world.project.edit("pipelines/tidy.yaml", &source, "store: notes");
    world.adopt("tidy");
    // Agents of running applications may go on with the store they were given.
    let before = world.all("/v1/memory_stores").iter().map(id).find(|id| *id != world.live("notes")).unwrap();
    world.session(&before, "remember: one more thing");
    let plan = world.run(&["plan", "tidy", "--json"]).ends_with(0).json();
    assert_eq!(plan["data"]["plans"][0]["sessions_waiting"], 1, "{plan:#}");
}

#[test]
fn state_of_another_server_is_refused() {
    let (world, _) = World::small();
    world.adopt("tidy");
    let other = World::new();
    world.project.edit("dreamrun.yaml", &world.server.url(""), &other.server.url(""));
    for command in [&["plan", "tidy"][..], &["apply", "tidy", "--yes"], &["rollback", "notes"], &["diff"]] {
        let refused = world.run(command).ends_with(2);
        assert!(refused.stderr.contains("state keeps `notes` for a store at"), "{refused}");
    }
    let doctor = world.run(&["doctor"]).ends_with(2);
    assert!(doctor.stderr.contains("`notes` is about http://127.0.0.1"), "{doctor}");
    assert!(other.all("/v1/dreams").is_empty());
}

#[test]
fn what_waits_on_another_server_is_neither_decided_nor_given_up_nor_cleared_away() {
    let (world, _) = World::small();
    world.adopt("tidy");
    world.session(&world.live("notes"), "remember: retro moved to Monday");
    // What its mind forgets blocks it.
    let _ = world.run(&["apply", "tidy", "--yes"]).ends_with(13);
    let other = World::new();
    world.project.edit("dreamrun.yaml", &world.server.url(""), &other.server.url(""));
    let commands: [&[&str]; 6] = [
        &["approve", "latest"],
        &["reject", "latest"],
        &["cancel", "latest"],
        &["apply", "tidy", "--yes"],
        &["restore", "tidy-1", "--all-lost"],
        &["rollback", "notes", "--path", "/deploy.md", "--yes"],
    ];
    for command in commands {
        let refused = world.run(command).ends_with(2);
        assert!(refused.stderr.contains("state keeps `notes` for a store at"), "{command:?}: {refused}");
    }
    let cleared = world.run(&["gc", "--yes"]).ends_with(0);
    assert!(cleared.stderr.contains("nothing to delete"), "{cleared}");
    world.project.edit("dreamrun.yaml", &other.server.url(""), &world.server.url(""));
    let _ = world.run(&["reject", "latest"]).ends_with(0);
}

#[test]
fn a_model_that_the_server_does_not_list_is_told_with_its_neighbours() {
    let (world, _) = World::small();
    world.project.edit("pipelines/tidy.yaml", "claude-sonnet-4-6", "claude-sonet-4-6");
    let plan = world.run(&["plan", "tidy"]).ends_with(0);
    let note = plan.stderr.lines().find(|line| line.contains("lists no model")).unwrap().trim();
    assert!(
        note.starts_with("note: the backend lists no model `claude-sonet-4-6` (near it: claude-sonnet-4-6"),
        "{note}"
    );
}

#[test]
fn an_offline_plan_asks_the_server_nothing() {
    let (mut world, _) = World::small();
    world.project.set("ANTHROPIC_API_KEY", "");
    let _ = world.run(&["plan", "--offline"]).ends_with(0);
    let _ = world.run(&["validate"]).ends_with(0);
    let _ = world.run(&["plan"]).ends_with(4);
    let _ = world.run(&["apply", "--yes"]).ends_with(4);
    assert!(!world.project.path(".dreamrun").exists());
}

#[test]
fn the_files_of_the_page_on_this_backend_are_valid() {
    let project = crate::support::Project::empty();
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/server-backend.md")).unwrap();
    let mut blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    project.write("dreamrun.yaml", blocks.next().unwrap());
    project.write("pipelines/support-nightly.yaml", blocks.next().unwrap());
    let checked = project.run(&["validate"]).ends_with(0);
    assert!(checked.stderr.contains("warning[DR0514]: file without an id"), "{checked}");
    let lock = r#"{"version": 1, "resources": {"./agents/support.md": {"kind": "agent", "id": "agent_01"}}}"#;
    project.write("claude-lock.json", lock);
    let checked = project.run(&["validate", "--json"]).ends_with(0).json();
    assert_eq!(checked["diagnostics"], json!([]), "{checked:#}");
}
