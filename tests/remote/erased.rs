//! Memories that are erased while a dream is at work.

use std::sync::Arc;
use std::thread;

use dreamrun::dreaming::transcript::Transcript;
use dreamrun::dreaming::{Consolidated, Mind, MindError, Reading};
use dreamrun::memory::{Memory, MemoryPath};
use dreamrun::snapshot::Snapshot;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::flow::{unfinished, until};
use crate::support::{GatedMind, Output};
use crate::world::{World, id};

const ADDRESS: &str = "- The desk opens at nine.\n- Ines lives at 7 Elm Street.\n";
const PLAIN: &str = "- The desk opens at nine.\n";

/// A mind that waits to be allowed to go on.
trait Gated {
    fn gate(&self) -> &GatedMind;
}

impl Gated for GatedMind {
    fn gate(&self) -> &GatedMind {
        self
    }
}

impl Gated for FilingMind {
    fn gate(&self) -> &GatedMind {
        &self.0
    }
}

/// Lets a dream read a store, and does something to the store before it is done.
fn applied_while<M: Mind + Gated + 'static, P>(
    mind: Arc<M>,
    prepare: impl FnOnce(&World, &str) -> P,
    act: impl FnOnce(&World, &str, P),
) -> (World, String, Output) {
    let mut world = World::with_mind(Arc::clone(&mind) as _, |_| {});
    let store = world.furnish("notes", "tidy", 2);
    let prepared = prepare(&world, &store);
    world.server.clock.advance(SignedDuration::from_mins(1));
    let output = thread::scope(|scope| {
        let apply = scope.spawn(|| world.run(&["apply", "tidy", "--yes"]));
        until("a dream", || unfinished(&world) == 1);
        world.server.clock.advance(SignedDuration::from_mins(1));
        act(&world, &store, prepared);
        world.server.clock.advance(SignedDuration::from_mins(1));
        mind.gate().allow(100);
        apply.join().unwrap()
    });
    (world, store, output)
}

/// Writes a new memory and returns it.
fn write(world: &World, store: &str, path: &str, content: &str) -> Value {
    let body = json!({ "path": path, "content": content });
    world.post(&format!("/v1/memory_stores/{store}/memories"), &body)
}

fn update(world: &World, store: &str, path: &str, content: &str) {
    let memory = memory_at(world, store, path);
    world.post(&format!("/v1/memory_stores/{store}/memories/{memory}"), &json!({ "content": content }));
}

fn remove(world: &World, store: &str, path: &str) {
    let memory = memory_at(world, store, path);
    world.delete(&format!("/v1/memory_stores/{store}/memories/{memory}"));
}

fn memory_at(world: &World, store: &str, path: &str) -> String {
    let all = world.all(&format!("/v1/memory_stores/{store}/memories"));
    id(all.iter().find(|memory| memory["path"] == path).expect(path))
}

/// Redacts the version that a write made.
fn redact(world: &World, store: &str, written: &Value) {
    let version = written["memory_version_id"].as_str().unwrap();
    world.post(&format!("/v1/memory_stores/{store}/memory_versions/{version}/redact"), &json!({}));
}

fn holds(world: &World, store: &str, text: &str) -> bool {
    world.contents(store).iter().any(|(_, content)| content.contains(text))
}

/// Files what stands in one memory under another, when it is allowed to.
#[derive(Default)]
struct FilingMind(GatedMind);

impl Mind for FilingMind {
    fn read(&self, transcript: &Transcript) -> Reading {
        self.0.read(transcript)
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        readings: &[Reading],
        instructions: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        let mut learned = self.0.consolidate(input, readings, instructions)?;
        let [from, to] = ["/desk.md", "/office.md"].map(|path| MemoryPath::parse(path).unwrap());
        if let Some(desk) = learned.store.remove(&from) {
            learned.store.insert(Memory::new(to, desk.content));
        }
        Ok(learned)
    }
}

#[test]
fn a_redacted_address_does_not_come_back_with_the_dream() {
    let (world, store, output) = applied_while(
        Arc::new(GatedMind::default()),
        |world, store| write(world, store, "/desk.md", ADDRESS),
        |world, store, written| {
            update(world, store, "/desk.md", PLAIN);
            redact(world, store, &written);
        },
    );
    assert!(output.stderr.contains("something was redacted that the dream may have read"), "{output}");
    assert_eq!(world.live("notes"), store);
    let _ = world.run(&["approve", "tidy-1"]).ends_with(0);
    assert!(!holds(&world, &world.live("notes"), "Elm Street"));
}

#[test]
fn what_is_redacted_elsewhere_costs_nothing_of_the_dream() {
    let (world, store, output) = applied_while(
        Arc::new(GatedMind::default()),
        |_, _| (),
        |world, store, ()| {
            let written = write(world, store, "/scratch.md", ADDRESS);
            remove(world, store, "/scratch.md");
            redact(world, store, &written);
        },
    );
    assert!(output.stderr.contains("something was redacted that the dream may have read"), "{output}");
    assert!(!output.stderr.contains("conflict"), "{output}");
    assert_eq!(world.live("notes"), store);
    let _ = world.run(&["approve", "tidy-1"]).ends_with(0);
    let live = world.live("notes");
    assert!(world.contents(&live).iter().any(|(path, _)| path == "/learned.md"));
    assert!(!holds(&world, &live, "Elm Street"));
}

#[test]
fn what_an_agent_took_out_does_not_come_back_under_another_path() {
    let (world, store, output) = applied_while(
        Arc::new(FilingMind::default()),
        |world, store| drop(write(world, store, "/desk.md", ADDRESS)),
        |world, store, ()| remove(world, store, "/desk.md"),
    );
    assert!(output.stderr.contains("1 live write in conflict with the dream"), "{output}");
    assert_eq!(world.live("notes"), store);
    let shown = world.run(&["diff", "tidy-1"]).ends_with(0);
    assert!(shown.stderr.contains("/office.md changed by agents and by the dream"), "{shown}");
    let _ = world.run(&["approve", "tidy-1"]).ends_with(0);
    let live = world.live("notes");
    assert!(!holds(&world, &live, "Elm Street"));
    assert!(world.contents(&live).iter().any(|(path, _)| path == "/learned.md"));
}

#[test]
fn what_an_agent_reworded_is_not_said_twice_under_another_path() {
    let (world, _, output) = applied_while(
        Arc::new(FilingMind::default()),
        |world, store| drop(write(world, store, "/desk.md", PLAIN)),
        |world, store, ()| drop(write(world, store, "/hours.md", "- The desk opens at ten.\n")),
    );
    // Nothing was withdrawn: what was live before still is.
    let _ = output.ends_with(0);
    assert!(holds(&world, &world.live("notes"), "opens at nine"));
    assert!(holds(&world, &world.live("notes"), "opens at ten"));
}
