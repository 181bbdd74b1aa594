//! What a signal leaves, and what goes on from there.

use std::io::{BufRead, BufReader};

use crate::held::Held;
use crate::support::{CountedParts, Drill, Ran, Traces, signal};

const SESSIONS: usize = 40;

#[test]
fn a_dream_that_is_interrupted_stands_still_and_is_continued() {
    let undisturbed = Drill::with_sessions(SESSIONS);
    let _ = undisturbed.apply().exits(0);
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let drill = Drill::with_sessions(SESSIONS);
        let ran = Held::after(&drill, SESSIONS / 2).end_with(name).exits(code);
        let _ = ran.says("stands still with its work kept").says("`dreamrun apply small` continues it");
        let held = Traces { generation: 0, claim: Some("small-1".to_owned()), dreams: 1, stores: 2 };
        assert_eq!(drill.traces(), held);
        let kept = drill.count("SELECT count(*) FROM dream_sessions WHERE reading IS NOT NULL");
        assert!((SESSIONS / 2..SESSIONS).contains(&kept), "{kept} sessions were read");

        let mind = CountedParts::default();
        let _ = drill.run_with(&mind, &["apply", "small", "--yes"]).exits(0).says("small-1 continues");
        assert_eq!(mind.reads(), SESSIONS - kept, "after SIG{name}");
        assert_eq!(drill.report(), undisturbed.report());
    }
}

#[test]
fn the_binary_can_be_interrupted_between_dreams() {
    let undisturbed = Drill::small();
    let _ = undisturbed.apply().exits(0);
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let drill = Drill::small();
        let mut child =
            drill.dreamrun(&["apply", "small", "--yes", "--events", "/dev/stdout"]).spawn().unwrap();
        let mut events = BufReader::new(child.stdout.take().unwrap());
        events.read_line(&mut String::new()).unwrap();
        signal(name, child.id());
        events.lines().for_each(drop);
        let ran: Ran = child.wait_with_output().unwrap().into();
        let _ = ran.exits(code).says("`dreamrun apply small` continues");
        assert_eq!(drill.apply().exits(0).json()["outcome"], "adopted");
        assert_eq!(drill.report(), undisturbed.report());
        assert_eq!(drill.traces(), undisturbed.traces());
    }
}
