//! What state never holds: memory text, transcripts, instructions.

use dreamrun::adoption::decide::DRIFT;
use dreamrun::journal::event::JournalEvent;
use dreamrun::journal::run_state::Phase;
use dreamrun::run::Ended;
use dreamrun::run::next::Stop;
use dreamrun::spec::pipeline::{AdoptMode, Drift, GateSpec, Level, Template};

use crate::support::write_session;
use crate::world::{World, put};

/// In every text that must stay out of state, and in nothing else.
const MARKER: &str = "zanzibar";

/// Searches every byte of state, and of the files around its database.
async fn check_no_marker(world: &World) {
    let mut seen = 0;
    for key in world.state.list("").await.unwrap() {
        let bytes = world.state.get(&key).await.unwrap().unwrap().bytes;
        let text = String::from_utf8(bytes).unwrap();
        assert!(!text.contains(MARKER), "{key}: {text}");
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
    for entry in std::fs::read_dir(world.root().join(".dreamrun")).unwrap() {
        let file = entry.unwrap().path();
        if file.file_name().unwrap().to_string_lossy().starts_with("state.db") {
            let bytes = std::fs::read(&file).unwrap();
            assert!(memchr::memmem::find(&bytes, MARKER.as_bytes()).is_none(), "{}", file.display());
        }
    }
}

/// A world with the marker in memory, transcripts, instructions and variables.
async fn marked() -> World {
    let secret = format!("token {MARKER}: ghp_0123456789abcdefghijABCDEFGHIJ012345");
    let held = format!("- the {MARKER} ferry leaves at nine\n- {secret}\n");
    let mut world = World::new(&[("/a", &held), ("/b", &format!("{MARKER} too")), ("/c", "plain")], 0).await;
    for n in 0..2 {
        let said = format!("remember that {MARKER} is spelt with z, {n}");
        write_session(
            &world.transcript(n),
            &format!("s-{n:03}"),
            &format!("2026-05-01T00:0{n}:00Z"),
            &[&said],
        );
    }
    world.pipeline.instructions = Some(Template::new(format!("Keep {MARKER}. {{{{ vars.also }}}}")));
    world.pipeline.vars.insert("also".to_owned(), serde_json::json!(format!("And {MARKER} again")));
    world.pipeline.description = format!("All about {MARKER}");
    world.pipeline.gates.push(GateSpec::Protected {
        paths: vec!["/a".to_owned()],
        statements: Vec::new(),
        on_change: Level::Block,
    });
    world
}

#[tokio::test]
async fn whole_runs_leave_no_text_in_state() {
    // With a conflict in its only memory the dream changes nothing in the end.
    for (conflicts, phase) in [(0, Phase::Adopted), (1, Phase::Unchanged)] {
        let mut world = marked().await;
        world.pipeline.adopt.mode = AdoptMode::Review;
        world.pipeline.adopt.drift = Drift::Block;
        let mut journal = world.begin().await;
        world.go_before(&mut journal, "dream_ended").await;
        let (live, was) = (world.live().await, format!("{MARKER} too"));
        let mut writes = vec![put("/b", &format!("{MARKER} rewritten"), Some(&was))];
        if conflicts > 0 {
            writes.push(put("/learned.md", &format!("{MARKER} from an agent"), None));
        }
        world.write(&live, &writes).await;
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Blocked));
        while !journal.state().phase.is_final() {
            world.approve(&mut journal, &[DRIFT, "secrets"]).await;
            world.go(&mut journal).await.unwrap();
        }
        assert_eq!((&journal.state().phase, journal.state().conflicts.len()), (&phase, conflicts));
        check_no_marker(&world).await;
        let candidate = journal.state().candidate.clone().unwrap().store;
        let held = world.held(&candidate).await;
        let marked = held.iter().filter(|(_, content)| content.contains(MARKER)).count();
        assert_eq!(marked, 3, "the marker went through the run: {held:?}");
    }
}

#[tokio::test]
async fn dreams_that_fail_leave_no_text_in_state() {
    for model in ["panicking", "spilling"] {
        let mut world = marked().await;
        world.pipeline.model = model.to_owned();
        let mut journal = world.begin().await;
        for _ in 1..dreamrun::journal::run_state::ATTEMPTS {
            assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::DreamFailed));
            world.record_event(&mut journal, JournalEvent::RetryAsked).await;
        }
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
        check_no_marker(&world).await;
    }
}
