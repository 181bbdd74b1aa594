//! A dream that wipes the store, from the block to the way back.

use std::sync::Arc;

use crate::support::{Drill, WipingMind, WithMind};

#[test]
fn a_wiped_store_is_blocked_overridden_rolled_back_and_released() {
    let drill = Drill::small();
    let wiping = WithMind(Arc::new(WipingMind));
    let live = |drill: &Drill| drill.alias().unwrap()["active"].as_str().unwrap().to_owned();
    let held = |drill: &Drill| {
        drill.count(&format!("SELECT count(*) FROM memories WHERE store = '{}'", live(drill)))
    };

    let blocked = drill.run_with(&wiping, &["apply", "small", "--yes", "--json"]).exits(13);
    assert_eq!(blocked.json()["outcome"], "blocked");
    let blocked = blocked.says("entries_removed blocks").says("5 of 5 entries removed (100%)");
    assert_eq!((held(&drill), drill.traces().generation), (5, 0));

    // The screen says what it takes, and nothing less will do.
    let screen = blocked.stderr.replace("\\\n", " ");
    let command = screen.lines().find(|line| line.trim().starts_with("dreamrun approve")).unwrap();
    assert!(command.contains("--override entries_removed"), "{command}");
    let overrides: Vec<&str> =
        command.split_whitespace().skip(3).take_while(|word| *word != "--reason").collect();
    let _ = drill.run(&["approve", "latest"]).exits(13).says("--override entries_removed");
    let approve: Vec<&str> = ["approve", "latest"].into_iter().chain(overrides).collect();
    let _ = drill.run(&approve).exits(2).says("needs a reason");
    assert_eq!((held(&drill), drill.traces().generation), (5, 0));

    let with_reason: Vec<&str> = approve.into_iter().chain(["--reason", "starting over", "--json"]).collect();
    let approved = drill.run(&with_reason).exits(0).json();
    assert_eq!(approved["outcome"], "adopted");
    let run = &approved["data"]["run"];
    assert_eq!(run["approved_by"], "drill");
    assert_eq!(run["approval_reason"], "starting over");
    assert!(run["overrides"].as_array().unwrap().contains(&"entries_removed".into()), "{run:#}");
    assert_eq!((held(&drill), drill.traces().generation), (0, 1));
    let shown = drill.run(&["show", "latest"]).exits(0);
    let _ = shown.says("by drill, overriding").says("starting over");

    let _ = drill.run(&["rollback", "notes", "--reason", "it was a mistake"]).exits(0).says("on hold");
    assert_eq!((held(&drill), drill.traces().generation), (5, 2));
    let waits = drill.apply().exits(0);
    assert_eq!(waits.json()["outcome"], "nothing_due");
    let _ = waits.says("on hold").says("it was a mistake");

    let _ = drill.run(&["rollback", "notes", "--release"]).exits(0);
    // The sessions of the run that was taken back have not been read by any store that lives.
    assert_eq!(drill.run(&["plan", "small", "--json"]).exits(0).json()["outcome"], "due");
    assert_eq!(drill.apply().exits(0).json()["outcome"], "adopted");
    assert!(held(&drill) >= 5);
}
