//! Death while a dream reads sessions.

use crate::child::run_until;
use crate::killer::{Live, Point, Side, Step};
use crate::support::{CountedParts, Drill, Traces};

#[test]
fn sessions_read_before_a_kill_are_not_read_again() {
    const SESSIONS: usize = 40;
    let undisturbed = Drill::with_sessions(SESSIONS);
    let _ = undisturbed.apply().exits(0);
    let mut kept_in_all = 0;
    for nth in [1, 9, 20, 33, SESSIONS] {
        let drill = Drill::with_sessions(SESSIONS);
        let point = Point::At(Step { name: "read".to_owned(), nth }, Side::Before);
        assert!(run_until(&drill, &["apply", "small", "--yes"], &point, Live::Quiet));
        let kept = drill.count("SELECT count(*) FROM dream_sessions WHERE reading IS NOT NULL");
        assert!(kept < nth, "{kept} readings are kept of fewer than {nth}");
        kept_in_all += kept;

        let mind = CountedParts::default();
        let _ = drill.run_with(&mind, &["apply", "small", "--yes"]).exits(0);
        assert_eq!(mind.reads(), SESSIONS - kept, "killed at session {nth}");
        assert_eq!(drill.report(), undisturbed.report(), "killed at session {nth}");
        assert_eq!(drill.traces(), Traces { generation: 1, claim: None, dreams: 1, stores: 2 });
    }
    assert!(kept_in_all > 0, "no checkpoint was ever kept");
    eprintln!("{kept_in_all} readings outlived their processes");
}
