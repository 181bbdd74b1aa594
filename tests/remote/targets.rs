//! What adoption does on a server, how it is undone, and what stays for others.

use serde_json::Value;

use crate::World;

fn named_by(world: &World, deployment: &str) -> Value {
    world.get(&format!("/v1/deployments/{deployment}"))["resources"][0]["memory_store_id"].clone()
}

#[test]
fn a_result_is_copied_back_into_the_store_and_out_again() {
    let (world, store) = World::small();
    world.project.edit("pipelines/tidy.yaml", "target: pointer", "target: copy_back");
    let before = world.contents(&store);
    world.adopt("tidy");
    assert_eq!(world.live("notes"), store, "the id stays");
    let after = world.contents(&store);
    assert!(after.iter().any(|(path, _)| path == "/learned.md"), "{after:?}");
    let _ = world.run(&["rollback", "notes"]).ends_with(0);
    assert_eq!(world.contents(&store), before);
}

#[test]
fn deployments_follow_an_adoption_its_rollback_and_the_way_forward_again() {
    let (world, store) = World::small();
    let deployment = world.deployment(&store);
    let target = format!("target: deployment, deployments: [{deployment}]");
    world.project.edit("pipelines/tidy.yaml", "target: pointer", &target);
    world.adopt("tidy");
    let live = world.live("notes");
    assert_ne!(live, store);
    assert_eq!(named_by(&world, &deployment), live.as_str());
    let _ = world.run(&["rollback", "notes"]).ends_with(0);
    assert_eq!(named_by(&world, &deployment), store.as_str());
    let _ = world.run(&["rollback", "notes", "--to", &live]).ends_with(0);
    assert_eq!((named_by(&world, &deployment), world.live("notes")), (live.as_str().into(), live.clone()));
}

#[test]
fn what_agents_wrote_through_a_deployment_goes_back_with_it() {
    let (world, store) = World::small();
    let deployment = world.deployment(&store);
    let target = format!("target: deployment, deployments: [{deployment}]");
    world.project.edit("pipelines/tidy.yaml", "target: pointer", &target);
    let before = world.contents(&store);
    world.adopt("tidy");
    world.remember(&world.live("notes"), "/since.md", "- Written since.\n");
    let back = world.run(&["rollback", "notes", "--carry", "--json"]).ends_with(0).json();
    assert_eq!(back["data"]["carry"]["carried"], serde_json::json!(["/since.md"]), "{back:#}");
    assert_eq!((named_by(&world, &deployment), world.live("notes")), (store.as_str().into(), store.clone()));
    let mut expected = before;
    expected.push(("/since.md".to_owned(), "- Written since.\n".to_owned()));
    expected.sort();
    assert_eq!(world.contents(&store), expected);
}

#[test]
fn a_session_goes_on_writing_to_the_store_it_was_made_with_and_that_can_be_carried_again() {
    let (world, store) = World::small();
    let target = format!("target: session, agent: {}, environment: {}", world.agent, world.environment);
    world.project.edit("pipelines/tidy.yaml", "target: pointer", &target);
    world.adopt("tidy");
    let left = world.live("notes");
    world.remember(&left, "/since.md", "- Written since.\n");
    let back = world.run(&["rollback", "notes", "--carry"]).ends_with(0);
    assert!(back.stderr.contains("what it goes on to write there stays there"), "{back}");
    world.remember(&left, "/later.md", "- Written later.\n");
    let again = world.run(&["rollback", "notes", "--carry"]).ends_with(0);
    assert!(again.stderr.contains("/later.md"), "{again}");
    let held = world.contents(&store);
    for path in ["/since.md", "/later.md"] {
        assert!(held.iter().any(|(at, _)| at == path), "{held:?}");
    }
}

#[test]
fn a_session_is_made_with_the_result() {
    let (world, _) = World::small();
    let target = format!("target: session, agent: {}, environment: {}", world.agent, world.environment);
    world.project.edit("pipelines/tidy.yaml", "target: pointer", &target);
    world.adopt("tidy");
    let live = world.live("notes");
    let sessions = world.all(&format!("/v1/sessions?memory_store_id={live}"));
    let ours: Vec<&Value> =
        sessions.iter().filter(|session| session["metadata"]["dreamrun_run"] == "tidy-1").collect();
    assert_eq!(ours.len(), 1, "{sessions:#?}");
}

#[test]
fn a_store_that_a_deployment_names_is_not_collected() {
    let (world, _) = World::small();
    world.project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    let _ = world.run(&["apply", "tidy", "--yes"]).ends_with(0);
    let _ = world.run(&["reject", "tidy", "--reason", "no"]).ends_with(0);
    let dreams = world.all("/v1/dreams");
    let rejected = dreams[0]["outputs"][0]["memory_store_id"].as_str().unwrap();
    let deployment = world.deployment(rejected);
    let kept = world.run(&["gc", "--yes", "--json"]).ends_with(0).json();
    assert_eq!(kept["outcome"], "nothing_to_delete", "{kept:#}");
    world.post(&format!("/v1/deployments/{deployment}/archive"), &Value::Object(serde_json::Map::new()));
    let gone = world.run(&["gc", "--yes", "--json"]).ends_with(0).json();
    assert_eq!(gone["outcome"], "deleted", "{gone:#}");
    assert!(world.all("/v1/memory_stores").iter().all(|store| store["id"] != rejected));
}

#[test]
fn a_key_without_the_preview_can_plan_and_is_told_so() {
    let (world, _) = {
        let mut world = World::with(|options| options.has_preview = false);
        let store = world.furnish("notes", "tidy", 1);
        (world, store)
    };
    for (command, code) in [(&["plan", "tidy"][..], 0), (&["apply", "tidy", "--yes"], 4)] {
        let told = world.run(command).ends_with(code);
        assert!(told.stderr.contains("this key has no access to Dreams"), "{told}");
    }
}

#[test]
fn a_rollback_passes_over_deployments_that_others_have_changed() {
    let (world, store) = World::small();
    let [kept, archived, moved] = std::array::from_fn(|_| world.deployment(&store));
    let target = format!("target: deployment, deployments: [{kept}, {archived}, {moved}]");
    world.project.edit("pipelines/tidy.yaml", "target: pointer", &target);
    world.adopt("tidy");
    let live = world.live("notes");
    let third = world.store("third", &[]);
    world.post(&format!("/v1/deployments/{archived}/archive"), &Value::Object(serde_json::Map::new()));
    let resource = serde_json::json!({ "type": "memory_store", "memory_store_id": third });
    world.post(&format!("/v1/deployments/{moved}"), &serde_json::json!({ "resources": [resource] }));
    let back = world.run(&["rollback", "notes", "--json"]).ends_with(0).json();
    let passed = back["data"]["passed_over"].as_array().unwrap();
    assert_eq!((passed.len(), back["data"]["deployments"].as_array().unwrap().len()), (2, 1), "{back:#}");
    let named = [&kept, &archived, &moved].map(|id| named_by(&world, id));
    assert_eq!(named, [store.as_str(), live.as_str(), third.as_str()]);
    assert_eq!(world.live("notes"), store);
}

#[test]
fn a_store_that_was_archived_does_not_become_live_again() {
    let (world, store) = World::small();
    world.adopt("tidy");
    let live = world.live("notes");
    world.post(&format!("/v1/memory_stores/{store}/archive"), &Value::Object(serde_json::Map::new()));
    let refused = world.run(&["rollback", "notes"]).ends_with(5);
    assert!(refused.stderr.contains("is archived"), "{refused}");
    assert_eq!(world.live("notes"), live);
}

#[test]
fn a_rollback_that_cannot_be_finished_can_be_given_up() {
    let (world, store) = World::small();
    let deployment = world.deployment(&store);
    let target = format!("target: deployment, deployments: [{deployment}]");
    world.project.edit("pipelines/tidy.yaml", "target: pointer", &target);
    world.adopt("tidy");
    let live = world.live("notes");
    // A repository whose token cannot be read back keeps the deployment from being patched.
    let path = format!("/v1/deployments/{deployment}");
    let mut resources = world.get(&path)["resources"].as_array().unwrap().clone();
    resources.push(serde_json::json!({
        "type": "github_repository", "url": "https://github.com/a/b", "authorization_token": "t",
    }));
    world.post(&path, &serde_json::json!({ "resources": resources }));
    let stuck = world.run(&["rollback", "notes"]).ends_with(5);
    assert!(stuck.stderr.contains("--release"), "{stuck}");
    let given_up = world.run(&["rollback", "notes", "--release"]).ends_with(0);
    assert!(given_up.stderr.contains("was begun and is given up"), "{given_up}");
    assert_eq!(world.live("notes"), live);
    let _ = world.run(&["apply", "tidy", "--yes"]).ends_with(0);
}
