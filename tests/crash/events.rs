//! Death of the real binary from outside, at each event as it appears.

use std::io::{BufRead, BufReader};

use rayon::prelude::*;

use crate::support::{Drill, Traces};

/// Starts an apply of the real binary and kills it on the `nth` line of its events, from 1. Returns how many
/// lines were seen.
fn kill_at(drill: &Drill, nth: usize) -> usize {
    let mut child = drill.dreamrun(&["apply", "small", "--yes", "--events", "/dev/stdout"]).spawn().unwrap();
    let mut seen = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let event: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        assert!(event["type"] == "recorded" || event["type"] == "progress", "{event}");
        seen += 1;
        if seen == nth {
            child.kill().unwrap();
            break;
        }
    }
    child.wait().unwrap();
    seen
}

#[test]
fn the_binary_killed_at_any_event_ends_as_if_it_had_not_been() {
    let undisturbed = Drill::small();
    let lines = kill_at(&undisturbed, usize::MAX);
    let expected = undisturbed.report();
    assert_eq!(undisturbed.events()["small-1"].len(), 17);
    assert!(lines >= 17, "only {lines} events were told");
    let at_work = (1..=lines)
        .into_par_iter()
        .filter(|&nth| {
            let drill = Drill::small();
            assert!(kill_at(&drill, nth) <= nth);
            let was_at_work = !drill.events()["small-1"].contains(&"released".to_owned());
            let outcome = drill.apply().exits(0).json()["outcome"].clone();
            assert_eq!(outcome, if was_at_work { "adopted" } else { "nothing_due" }, "killed at event {nth}");
            assert_eq!(drill.report(), expected, "killed at event {nth}");
            assert_eq!(drill.traces(), Traces { generation: 1, claim: None, dreams: 3, stores: 4 });
            assert_eq!(drill.apply().exits(0).json()["outcome"], "nothing_due");
            was_at_work
        })
        .count();
    eprintln!("{lines} kill points of the real binary, {at_work} with the run unfinished");
    // A busy machine may let a run end before its killer gets a turn; most must not.
    assert!(at_work * 2 > lines, "{at_work} of {lines} kills met a run at work");
}
