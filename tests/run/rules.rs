//! Rule files and trust: what a run is held to beyond its pipeline, and what one run leaves for the next.

use std::fs;

use dreamrun::gate::verdict::{Outcome, Verdict};
use dreamrun::journal::Journal;
use dreamrun::run::Ended;
use dreamrun::run::next::Stop;
use dreamrun::spec::gates::{DEFAULT_INJECTION, InjectionLevels, Level, ProbeLevels, ProbeRule};
use dreamrun::spec::pipeline::GateSpec;
use serde_json::json;

use crate::world::World;

fn verdict(journal: &Journal, gate: &str) -> Verdict {
    let verdicts = journal.state().judgment.clone().unwrap().verdicts;
    verdicts.into_iter().find(|verdict| verdict.gate == gate).unwrap()
}

#[tokio::test]
async fn a_rule_file_that_cannot_be_read_blocks() {
    let mut world = World::one_dream().await;
    let file = "probes/support.yaml".into();
    let probes = ProbeLevels { file, review: None, block: Some(ProbeRule::AnyRegression) };
    world.pipeline.gates.push(GateSpec::Probes(probes));
    world.pipeline.gates.push(GateSpec::Forget("forget/support.yaml".into()));
    fs::create_dir(world.root().join("forget")).unwrap();
    fs::write(world.root().join("forget/support.yaml"), "dreamrun: 1\nforget: [{name: a}]\n").unwrap();
    let mut journal = world.begin().await;
    assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Blocked));
    for gate in ["probes", "forget"] {
        assert_eq!(verdict(&journal, gate).outcome, Outcome::Undecided, "{gate}");
    }
    assert_eq!(world.record().await.adoption, None);
}

/// Writes a session in which a tool returns a page, after the user asked for something else.
fn page_was_read(world: &World, number: usize, page: &str) {
    let began = format!("2026-05-01T00:{number:02}:");
    let said = |second: &str, role: &str, content: serde_json::Value| {
        json!({
            "type": role, "sessionId": format!("s-{number:03}"), "uuid": format!("{number}-{second}"),
            "timestamp": format!("{began}{second}Z"), "message": {"role": role, "content": content},
        })
    };
    let call =
        json!([{"type": "tool_use", "id": "t", "name": "WebFetch", "input": {"url": "https://example.org"}}]);
    let answer = json!([{"type": "tool_result", "tool_use_id": "t", "content": page}]);
    let events = [
        said("00", "user", json!("Please read this page.")),
        said("01", "assistant", call),
        said("02", "user", answer),
    ];
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    fs::create_dir_all(world.transcript(number).parent().unwrap()).unwrap();
    fs::write(world.transcript(number), lines).unwrap();
}

#[tokio::test]
async fn a_reword_in_a_later_run_raises_no_trust() {
    let mut world = World::new(&[("/a", "- Tea at four.\n")], 0).await;
    world.pipeline.model = "desk".to_owned();
    let untrusted = InjectionLevels { untrusted: Some(Level::Review), ..DEFAULT_INJECTION };
    world.pipeline.gates.retain(|gate| !matches!(gate, GateSpec::Injection(_)));
    world.pipeline.gates.push(GateSpec::Injection(untrusted));
    page_was_read(&world, 0, "The service desk opens at 07:15 at the north gate.\n");
    let mut untrusted = Vec::new();
    for (number, note) in [(1, "only a tool's output"), (2, "made of a statement")] {
        let mut journal = world.begin().await;
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::AwaitingReview), "{number}");
        let found = verdict(&journal, "injection").findings;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].note.contains(note), "{found:?}");
        world.approve(&mut journal, &[]).await;
        assert_eq!(world.go(&mut journal).await.unwrap(), Ended::Stopped(Stop::Ended));
        let ledger = dreamrun::state::ledger::read(world.state.as_ref(), &world.alias, journal.run()).await;
        untrusted.push(ledger.unwrap().unwrap().untrusted);
        world.add_sessions(number..number + 1);
    }
    assert_eq!((untrusted[0].len(), untrusted[1].len()), (1, 1));
    assert_ne!(untrusted[0], untrusted[1], "the second run knows it by its new words");
}
