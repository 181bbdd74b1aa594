//! `dreamrun doctor`: what is seen with each kind of key.

use crate::World;

#[test]
fn without_a_key_doctor_says_where_one_is_expected() {
    let mut world = World::new();
    world.project.set("ANTHROPIC_API_KEY", "");
    insta::assert_snapshot!(world.run(&["doctor"]), @r#"
    -- stderr
    ✓ project   dreamrun.yaml and 0 pipelines, all valid
    ✓ state     `.dreamrun/state.db` is not there yet; the first run makes it
    ✓ server    http://127.0.0.1:8420, as `dreamrun.yaml` says, on this machine, without TLS; not asked without a key
    ✗ key       there is no key for the Managed Agents API
                = Set `ANTHROPIC_API_KEY` (or `ANTHROPIC_AUTH_TOKEN`) in the environment; no file of the project may hold a key.
    · stores    not looked at
    · sessions  not looked at
    · dreams    not looked at
    · model     not looked at
    · clock     not looked at

    1 thing stands in the way.
    -- exit 4
    "#);
}

#[test]
fn a_wrong_key_is_told_from_a_missing_one() {
    let mut world = World::new();
    world.project.set("ANTHROPIC_API_KEY", "sk-ant-api03-wrong");
    insta::assert_snapshot!(world.run(&["doctor"]), @r#"
    -- stderr
    ✓ project   dreamrun.yaml and 0 pipelines, all valid
    ✓ state     `.dreamrun/state.db` is not there yet; the first run makes it
    ✓ server    http://127.0.0.1:8420, as `dreamrun.yaml` says, on this machine, without TLS
    ✗ key       the backend refused to list memory stores: invalid key (HTTP 401 authentication_error, request req_[id])
                = The key in `ANTHROPIC_API_KEY` is not one of this server's, was revoked or has expired.
    · stores    not looked at
    · sessions  not looked at
    · dreams    not looked at
    · model     not looked at
    · clock     not looked at

    1 thing stands in the way.
    -- exit 4
    "#);
}

#[test]
fn a_key_without_the_preview_is_told_where_to_ask_for_it_and_what_works_meanwhile() {
    let world = World::with(|options| options.has_preview = false);
    insta::assert_snapshot!(world.run(&["doctor"]), @r#"
    -- stderr
    ✓ project   dreamrun.yaml and 0 pipelines, all valid
    ✓ state     `.dreamrun/state.db` is not there yet; the first run makes it
    ✓ server    http://127.0.0.1:8420, as `dreamrun.yaml` says, on this machine, without TLS
    ✓ key       `ANTHROPIC_API_KEY` is accepted, of organisation org_01local, workspace wrkspc_01local
    ✓ stores    memory stores can be read
    ✓ sessions  sessions can be read
    ✗ dreams    this key has no access to Dreams, a research preview
                = Ask for it at https://claude.com/form/claude-managed-agents.
                = What needs no dream works all the same: plan --offline, status, diff, approve, reject, rollback, gc; and `backend: local` dreams without a key.
    · model     no pipeline names one
    ✓ clock     agrees with the server's

    1 thing stands in the way.
    -- exit 4
    "#);
}

#[test]
fn with_a_good_key_nothing_stands_in_the_way() {
    let (world, _) = World::small();
    insta::assert_snapshot!(world.run(&["doctor"]), @r#"
    -- stderr
    ✓ project   dreamrun.yaml and 1 pipeline, all valid
    ✓ state     `.dreamrun/state.db` is not there yet; the first run makes it
    ✓ server    http://127.0.0.1:8420, as `dreamrun.yaml` says, on this machine, without TLS
    ✓ key       `ANTHROPIC_API_KEY` is accepted, of organisation org_01local, workspace wrkspc_01local
    ✓ stores    memory stores can be read
    ✓ sessions  sessions can be read
    ✓ dreams    dreams can be listed
    ✓ model     `claude-sonnet-4-6`, listed by the server
    ✓ clock     agrees with the server's

    Nothing stands in the way.
    -- exit 0
    "#);
}

#[test]
fn a_server_that_is_not_there_is_told_from_a_key_that_is_no_good() {
    let world = World::new();
    world.project.edit("dreamrun.yaml", &world.server.url(""), "http://127.0.0.1:9");
    let output = world.run(&["doctor", "--json"]).ends_with(5);
    let checks = output.json()["data"]["checks"].clone();
    let found: Vec<String> =
        checks.as_array().unwrap().iter().map(|c| format!("{}={}", c["name"], c["finding"])).collect();
    insta::assert_snapshot!(found.join(" "), @r#"
    "project"="good" "state"="good" "server"="bad" "key"="unknown" "stores"="unknown" "sessions"="unknown" "dreams"="unknown" "model"="unknown" "clock"="unknown"
    "#);
}

#[test]
fn plain_http_to_another_machine_is_refused_before_anything_is_sent() {
    let mut world = World::new();
    world.project.write("dreamrun.yaml", "dreamrun: 1\nbackend: managed_agents\nstores: {}\n");
    world.project.set("ANTHROPIC_BASE_URL", "http://api.example.com");
    insta::assert_snapshot!(world.run(&["doctor"]), @r#"
    -- stderr
    ✓ project   dreamrun.yaml and 0 pipelines, all valid
    ✓ state     `.dreamrun/state.db` is not there yet; the first run makes it
    ✗ server    the server's address in `ANTHROPIC_BASE_URL` cannot be used: plain http would send the key unencrypted
                = use `https://`

    1 thing stands in the way.
    -- exit 2
    "#);
}

#[test]
fn the_local_backend_needs_no_key() {
    let project = crate::support::Project::small();
    let before = project.run(&["doctor"]).ends_with(0);
    project.adopt();
    let after = project.run(&["doctor"]).ends_with(0);
    insta::assert_snapshot!(before.stderr + &after.stderr, @r#"
    ✓ project   dreamrun.yaml and 1 pipeline, all valid
    ✓ state     `.dreamrun/state.db` is not there yet; the first run makes it
    ✓ backend   local; the first run makes `.dreamrun/local.db`. It needs no key

    Nothing stands in the way.
    ✓ project   dreamrun.yaml and 1 pipeline, all valid
    ✓ state     `.dreamrun/state.db` holds 1 store and 1 run
    ✓ backend   local, in `.dreamrun/local.db`; it needs no key

    Nothing stands in the way.
    "#);
}
