//! `dreamrun serve --seed`: what it says, and how it ends.

use crate::serve::{ask, serve};
use crate::support::Drill;

const WORLD: &str = "stores:\n  - {id: memstore_1, name: notes, memories: {/a.md: one, /b.md: two}}\n";

#[test]
fn a_server_begins_with_a_world_once() {
    let drill = Drill::bare();
    drill.write("world.yaml", WORLD);
    let seeded = ["--seed", "world.yaml"];
    let said = [
        "Loaded from world.yaml: 1 store, 2 memories; 0 already there.",
        "Loaded from world.yaml: nothing new; 1 already there.",
    ];
    for said in said {
        let serving = serve(&drill, &seeded);
        let key = std::fs::read_to_string(drill.path(".dreamrun/serve/key")).unwrap();
        let list = "/v1/memory_stores/memstore_1/memories";
        let (status, body) = ask(&serving.address, key.trim(), "GET", list, "").unwrap();
        assert_eq!((status, body.matches("\"type\":\"memory\"").count()), (200, 2), "{body}");
        let _ = serving.stop("TERM").exits(0).says(said);
    }
}

#[test]
fn a_bad_world_keeps_the_server_from_starting() {
    let drill = Drill::bare();
    let run = || drill.run(&["serve", "--listen", "127.0.0.1:0", "--seed", "world.yaml"]);
    let _ = run().exits(2).says("there is no file `world.yaml`");
    drill.write("world.yaml", format!("{WORLD}store: []\n"));
    let _ = run().exits(3).says("world.yaml:3:1").says("did you mean `stores`?");
    assert!(!drill.path(".dreamrun").exists(), "a file that cannot be read leaves nothing behind");
    drill.write("world.yaml", format!("{WORLD}  - {{id: memstore_2, name: \"\"}}\n"));
    let ran = run().exits(3).says("world.yaml:3:28").says("DR0601");
    assert_eq!(ran.stdout, "");
    drill.write("world.yaml", WORLD);
    let serving = serve(&drill, &["--seed", "world.yaml"]);
    let _ = serving.stop("TERM").exits(0).says("1 store, 2 memories; 0 already there");
}
