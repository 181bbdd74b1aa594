//! Which server gets the key, and whose stores state is about.

use rusqlite::Connection;

use crate::World;

/// Makes state that of another workspace at the same address.
fn move_elsewhere(world: &World) {
    let db = Connection::open(world.project.path(".dreamrun/state.db")).unwrap();
    let sql = "SELECT bytes FROM objects WHERE key = 'aliases/notes'";
    let bytes: Vec<u8> = db.query_row(sql, [], |row| row.get(0)).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let moved = text.replace("wrkspc_01local", "wrkspc_01other");
    assert_ne!(moved, text);
    let sql = "UPDATE objects SET bytes = ?1 WHERE key = 'aliases/notes'";
    db.execute(sql, [moved.into_bytes()]).unwrap();
}

#[test]
fn a_run_of_another_workspace_is_neither_carried_on_nor_given_up() {
    let (world, _) = World::small();
    world.project.edit("pipelines/tidy.yaml", "mode: auto", "mode: review");
    let _ = world.run(&["apply", "tidy", "--yes"]).ends_with(0);
    move_elsewhere(&world);
    for command in [&["apply", "tidy", "--yes"][..], &["cancel", "latest"]] {
        let refused = world.run(command).ends_with(2);
        assert!(refused.stderr.contains("workspace wrkspc_01other"), "{refused}");
    }
    assert_eq!(world.all("/v1/dreams").len(), 1);
}

#[test]
fn an_alias_of_another_workspace_is_neither_rolled_back_nor_swept() {
    let (world, store) = World::small();
    world.adopt("tidy");
    let live = world.live("notes");
    let stores = world.all("/v1/memory_stores").len();
    move_elsewhere(&world);
    let refused = world.run(&["rollback", "notes"]).ends_with(2);
    assert!(refused.stderr.contains("workspace wrkspc_01other"), "{refused}");
    let swept = world.run(&["gc", "--yes", "--json"]).ends_with(0).json();
    assert_eq!(swept["outcome"], "nothing_to_delete", "{swept:#}");
    assert_eq!(world.all("/v1/memory_stores").len(), stores);
    assert!(live != store);
}

#[test]
fn a_saved_plan_is_carried_out_where_it_was_made_and_nowhere_else() {
    let (world, _) = World::small();
    let (other, _) = World::small();
    let (here, there) = (world.server.url(""), other.server.url(""));
    let _ = world.run(&["plan", "tidy", "--out", "plan.json"]).ends_with(0);
    world.project.edit("dreamrun.yaml", &here, &there);
    let refused = world.run(&["apply", "--plan", "plan.json"]).ends_with(7);
    assert!(refused.stderr.contains("because backend: "), "{refused}");
    assert!(refused.stderr.contains(&format!("→ {there}\n")), "{refused}");
    world.project.edit("dreamrun.yaml", &there, &here);
    let applied = world.run(&["apply", "--plan", "plan.json", "--json"]).ends_with(0).json();
    assert_eq!(applied["outcome"], "adopted", "{applied:#}");
    assert_eq!((world.all("/v1/dreams").len(), other.all("/v1/dreams").len()), (1, 0));
}

#[test]
fn a_file_cannot_say_by_itself_where_a_key_is_sent() {
    let (mut world, _) = World::small();
    let ours = world.server.url("");
    let refused = |world: &World, arguments: &[&str], words: &str| {
        let refused = world.run(arguments).ends_with(2);
        assert!(refused.stderr.contains(words), "{refused}");
    };
    world.project.edit("dreamrun.yaml", &ours, "https://collect.invalid");
    let alone = "a file cannot say by itself where a key is sent";
    refused(&world, &["plan", "tidy"], alone);
    refused(&world, &["apply", "tidy", "--yes"], alone);
    refused(&world, &["plan", "tidy", "--allow-server", "https://other.invalid"], alone);
    // Granted, it is asked, and is not there.
    let _ = world.run(&["plan", "tidy", "--allow-server", "https://collect.invalid/"]).ends_with(5);
    world.project.set("ANTHROPIC_BASE_URL", &ours);
    refused(&world, &["plan", "tidy"], "the key was sent to neither");
    world.project.set("ANTHROPIC_BASE_URL", "https://collect.invalid");
    let _ = world.run(&["plan", "tidy"]).ends_with(5);
    world.project.edit("dreamrun.yaml", "https://collect.invalid", &ours);
    refused(&world, &["plan", "tidy"], "the key was sent to neither");
    world.project.set("ANTHROPIC_BASE_URL", &ours);
    let _ = world.run(&["plan", "tidy"]).ends_with(0);
}

#[test]
fn the_session_of_an_adoption_makes_no_run_due() {
    let (world, _) = World::small();
    let target = format!("target: session, agent: {}, environment: {}", world.agent, world.environment);
    world.project.edit("pipelines/tidy.yaml", "target: pointer", &target);
    world.adopt("tidy");
    let again = world.run(&["apply", "tidy", "--yes", "--json"]).ends_with(0).json();
    assert_eq!(again["outcome"], "nothing_due", "{again:#}");
}
