//! `dreamrun doctor`: what is seen with each kind of key.

use crate::World;

#[test]
fn without_a_key_doctor_says_where_one_is_expected() {
    let mut world = World::new();
    world.project.set("ANTHROPIC_API_KEY", "");
    insta::assert_snapshot!(world.run(&["doctor"]), @"");
}

#[test]
fn a_wrong_key_is_told_from_a_missing_one() {
    let mut world = World::new();
    world.project.set("ANTHROPIC_API_KEY", "sk-ant-api03-wrong");
    insta::assert_snapshot!(world.run(&["doctor"]), @"");
}

#[test]
fn a_key_without_the_preview_is_told_where_to_ask_for_it_and_what_works_meanwhile() {
    let world = World::with(|options| options.has_preview = false);
    insta::assert_snapshot!(world.run(&["doctor"]), @"");
}

#[test]
fn with_a_good_key_nothing_stands_in_the_way() {
    let world = World::new();
    insta::assert_snapshot!(world.run(&["doctor"]), @"");
}

#[test]
fn a_server_that_is_not_there_is_told_from_a_key_that_is_no_good() {
    let world = World::new();
    world.project.edit("dreamrun.yaml", &world.server.url(""), "http://127.0.0.1:9");
    let output = world.run(&["doctor", "--json"]).ends_with(5);
    let checks = output.json()["data"]["checks"].clone();
    let found: Vec<String> = checks.as_array().unwrap().iter().map(|c| format!("{}={}", c["name"], c["finding"])).collect();
    insta::assert_snapshot!(found.join(" "), @"");
}

#[test]
fn plain_http_to_another_machine_is_refused_before_anything_is_sent() {
    let mut world = World::new();
    world.project.write("dreamrun.yaml", "dreamrun: 1\nbackend: managed_agents\nstores: {}\n");
    world.project.set("ANTHROPIC_BASE_URL", "http://api.example.com");
    insta::assert_snapshot!(world.run(&["doctor"]), @"");
}

#[test]
fn the_local_backend_needs_no_key() {
    let project = crate::support::Project::small();
    let before = project.run(&["doctor"]).ends_with(0);
    project.adopt();
    let after = project.run(&["doctor"]).ends_with(0);
    insta::assert_snapshot!(before.stderr + &after.stderr, @"");
}
