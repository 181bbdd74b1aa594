//! State that was lost, rebuilt from what the server's stores and dreams tell.

use serde_json::{Value, json};

use crate::World;
use crate::support::Output;
use crate::world::id;

/// Deletes everything state holds.
fn lose(world: &World) {
    std::fs::remove_dir_all(world.project.path(".dreamrun")).unwrap();
}

/// Returns what of an alias must survive: which stores, from which runs, and what was read.
fn essence(record: &Value) -> Value {
    let previous = record["previous"].as_array().unwrap().iter();
    json!({
        "active": record["active"], "generation": record["generation"], "adoption": record["adoption"],
        "origin": record["origin"], "watermarks": record["watermarks"],
        "last_finished": record["last_finished"],
        "previous": previous.map(|p| json!([p["store"], p["adoption"], p["watermarks"]])).collect::<Vec<_>>(),
    })
}

fn record(world: &World) -> Value {
    world.run(&["status", "notes", "--json"]).ends_with(0).json()["data"]["stores"][0]["record"].take()
}

fn outcome(output: &Output) -> String {
    output.json()["outcome"].as_str().unwrap().to_owned()
}

/// Lets the mind of these worlds forget what it learned before, as it does.
fn may_forget(world: &World) {
    let lost = "lost: {review: 100%, block: 100%, over_30_days: {review: 100%, block: 100%}}";
    world.project.edit("pipelines/tidy.yaml", "gates: {", &format!("gates: {{{lost}, "));
}

/// Two adoptions, the second over one more session.
fn twice_adopted() -> (World, String) {
    let (world, store) = World::small();
    may_forget(&world);
    world.adopt("tidy");
    world.session(&store, "remember: retro moved to Monday");
    world.adopt("tidy");
    (world, store)
}

#[test]
fn an_alias_is_what_it_was_and_nothing_is_paid_for_twice() {
    let (world, store) = twice_adopted();
    let before = record(&world);
    assert_eq!(world.all("/v1/dreams").len(), 2);
    lose(&world);

    let told = world.run(&["doctor"]).ends_with(9);
    assert!(told.stderr.contains("`notes` is not in state, and its stores tell what it was: "), "{told}");
    let warned = world.run(&["plan", "tidy"]).ends_with(0);
    assert!(warned.stderr.contains("rebuild it first (`dreamrun doctor --fix`)"), "{warned}");
    assert!(!world.project.path(".dreamrun/state.db").exists(), "looking writes nothing");
    let refused = world.run(&["doctor", "--fix"]).ends_with(2);
    assert!(refused.stderr.contains("add `--yes`"), "{refused}");
    assert!(!world.project.path(".dreamrun/state.db").exists());

    let fixed = world.run(&["doctor", "--fix", "--yes"]).ends_with(0);
    assert!(fixed.stderr.contains("adopted by tidy-2"), "{fixed}");
    assert!(fixed.stderr.contains("2 stores before it; 4 sessions read"), "{fixed}");
    assert_eq!(essence(&record(&world)), essence(&before));
    let again = world.run(&["doctor", "--fix", "--yes"]).ends_with(0);
    assert!(again.stderr.contains("nothing was rebuilt"), "{again}");

    let applied = world.run(&["apply", "tidy", "--yes", "--json"]).ends_with(0);
    assert_eq!(
        (outcome(&applied), world.all("/v1/dreams").len()),
        ("nothing_due".to_owned(), 2),
        "{applied}"
    );
    let new = world.session(&store, "remember: the build takes 7 minutes");
    let adopted = world.adopt("tidy");
    assert_eq!(adopted["data"]["results"][0]["run"]["run"], "tidy-3", "{adopted:#}");
    let dreams = world.all("/v1/dreams");
    assert_eq!((dreams.len(), &dreams[0]["inputs"][1]["session_ids"]), (3, &json!([new])), "{dreams:#?}");

    let _ = world.run(&["rollback", "notes", "--yes"]).ends_with(0);
    let back = record(&world);
    assert_eq!(back["active"], before["active"]);
}

#[test]
fn an_alias_that_was_rolled_back_stays_rolled_back_and_on_hold() {
    let (world, _) = twice_adopted();
    let _ = world.run(&["rollback", "notes", "--yes"]).ends_with(0);
    let before = record(&world);
    lose(&world);
    let fixed = world.run(&["doctor", "--fix", "--yes"]).ends_with(0);
    assert!(fixed.stderr.contains("on hold, since it was rolled back"), "{fixed}");
    let after = record(&world);
    assert_eq!((&after["active"], &after["generation"]), (&before["active"], &before["generation"]));
    assert_eq!(after["watermarks"], before["watermarks"]);
    assert_eq!(after["hold"]["by"], "doctor");
    let applied = world.run(&["apply", "tidy", "--yes", "--json"]).ends_with(0);
    assert_eq!(
        (outcome(&applied), world.all("/v1/dreams").len()),
        ("nothing_due".to_owned(), 2),
        "{applied}"
    );
    let _ = world.run(&["rollback", "notes", "--release"]).ends_with(0);
    let plan = world.run(&["plan", "tidy", "--json"]).ends_with(0).json();
    assert_eq!(plan["data"]["plans"][0]["sessions_waiting"], 1, "{plan:#}");
}

#[test]
fn what_was_dreamt_and_not_adopted_is_taken_in_by_the_next_apply() {
    let (world, _) = World::small();
    world.project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    let waiting = world.run(&["apply", "tidy", "--yes", "--json"]).ends_with(0);
    assert_eq!(outcome(&waiting), "awaiting_review");
    lose(&world);
    let told = world.run(&["doctor"]).ends_with(9);
    assert!(told.stderr.contains("1 dream not adopted, for run tidy-1 to take in"), "{told}");
    let fixed = world.run(&["doctor", "--fix", "--yes", "--json"]).ends_with(0).json();
    assert_eq!(fixed["data"]["rebuilt"][0]["run"], "tidy-1", "{fixed:#}");
    let again = world.run(&["apply", "tidy", "--yes", "--json"]).ends_with(0);
    assert_eq!(
        (outcome(&again), world.all("/v1/dreams").len()),
        ("awaiting_review".to_owned(), 1),
        "{again}"
    );
    let _ = world.run(&["approve", "latest", "--yes"]).ends_with(0);
    let _ = world.run(&["apply", "tidy", "--yes"]).ends_with(0);
    let done = world.run(&["apply", "tidy", "--yes", "--json"]).ends_with(0);
    assert_eq!((outcome(&done), world.all("/v1/dreams").len()), ("nothing_due".to_owned(), 1), "{done}");
}

#[test]
fn what_is_not_clear_is_refused_and_nothing_is_touched() {
    let (world, _) = twice_adopted();
    let stores = world.all("/v1/memory_stores");
    let live = world.live("notes");
    lose(&world);
    let older = stores.iter().find(|store| store["metadata"]["dreamrun_generation"] == "1").unwrap();
    let path = format!("/v1/memory_stores/{}", id(older));
    world.post(&path, &json!({ "metadata": { "dreamrun_generation": "2" } }));
    let refused = world.run(&["doctor", "--fix", "--yes"]).ends_with(9);
    assert!(refused.stderr.contains("both say that they are generation 2 of `notes`"), "{refused}");
    assert!(refused.stderr.contains("nothing was rebuilt"), "{refused}");
    assert!(!world.project.path(".dreamrun/state.db").exists());

    world.post(&path, &json!({ "metadata": { "dreamrun_generation": "1" } }));
    world.post(&format!("/v1/memory_stores/{live}/archive"), &json!({}));
    let refused = world.run(&["doctor", "--fix", "--yes"]).ends_with(9);
    assert!(refused.stderr.contains("is archived"), "{refused}");
}

#[test]
fn tags_of_another_project_in_the_same_workspace_say_nothing() {
    let (world, _) = twice_adopted();
    lose(&world);
    // The same alias, begun with another store.
    let other = world.store("notes", &[("/a.md", "- A fact.\n")]);
    let text = world.project.read("dreamrun.yaml");
    let from = text.lines().find(|line| line.contains("notes:")).unwrap().to_owned();
    world.project.edit("dreamrun.yaml", &from, &format!("  notes: {{bootstrap: {other}}}"));
    let fixed = world.run(&["doctor", "--fix", "--yes"]).ends_with(0);
    assert!(fixed.stderr.contains("nothing was rebuilt"), "{fixed}");
    assert!(!world.project.path(".dreamrun/state.db").exists());
}

#[test]
fn tags_hold_no_text_of_memory_and_leave_other_metadata_alone() {
    let (world, _) = World::small();
    may_forget(&world);
    let live = || world.get(&format!("/v1/memory_stores/{}", world.live("notes")));
    world.adopt("tidy");
    let tagged = live();
    let keys: Vec<&String> = tagged["metadata"].as_object().unwrap().keys().collect();
    assert!(keys.iter().all(|key| key.starts_with("dreamrun_")), "{keys:?}");
    assert!(!tagged["metadata"].to_string().contains("canary"), "{tagged}");
    world.post(&format!("/v1/memory_stores/{}", id(&tagged)), &json!({ "metadata": { "team": "support" } }));
    let store = id(&tagged);
    world.session(&store, "remember: retro moved to Monday");
    world.adopt("tidy");
    let _ = world.run(&["rollback", "notes", "--yes"]).ends_with(0);
    assert_eq!(live()["metadata"]["team"], "support");
    assert_eq!(live()["metadata"]["dreamrun_role"], "brought_back");
}

#[test]
fn a_server_that_refuses_tags_is_told_of_and_the_run_is_adopted() {
    let (world, store) = World::small();
    // What a store holds of its own fills all the room there is, and dreams copy it.
    let pairs: serde_json::Map<_, _> = (0..16).map(|n| (format!("own{n}"), json!("x"))).collect();
    world.post(&format!("/v1/memory_stores/{store}"), &json!({ "metadata": pairs }));
    let _ = world.adopt("tidy");
    let rolled = world.run(&["rollback", "notes", "--yes"]).ends_with(0);
    assert!(rolled.stderr.contains("rolled back"), "{rolled}");
    assert!(world.get(&format!("/v1/memory_stores/{store}"))["metadata"].get("dreamrun_alias").is_none());
}
