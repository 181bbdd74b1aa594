//! Several processes on one project at once.

use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use dreamrun::cli::Parts;
use dreamrun::ids::Alias;
use dreamrun::state::driver::{Acquired, DriverLock};
use dreamrun::state::{Key, PutIf, StateError, StateStore, Version, Versioned};
use serde_json::Value;

use crate::held::{Held, hear};
use crate::support::{Drill, GatedMind, Ran, Traces, WithMind, signal, wait_for};

const APPLY: &[&str] = &["apply", "small", "--yes", "--json"];
const DONE: Traces = Traces { generation: 1, claim: None, dreams: 3, stores: 4 };

fn finish(child: Child) -> Ran {
    child.wait_with_output().unwrap().into()
}

/// Starts an apply and waits until it says something on stderr.
#[track_caller]
fn start(drill: &Drill, text: &str) -> (Child, std::thread::JoinHandle<String>) {
    let mut child = drill.dreamrun(APPLY).spawn().unwrap();
    let talk = hear(child.stderr.take().unwrap(), text);
    (child, talk)
}

/// Runs an apply in this process whose dreams wait for the mind, and something meanwhile.
fn while_dreaming(drill: &Drill, mind: &Arc<GatedMind>, meanwhile: impl FnOnce()) -> Ran {
    /// Lets the mind go, also when a test fails: its thread has to end for that to be told.
    struct LetGo<'a>(&'a GatedMind);
    impl Drop for LetGo<'_> {
        fn drop(&mut self) {
            self.0.allow(1_000);
        }
    }
    let parts = WithMind(Arc::clone(mind) as _);
    std::thread::scope(|scope| {
        let let_go = LetGo(mind);
        let driver = scope.spawn(|| drill.run_with(&parts, APPLY));
        wait_for("the first dream", || {
            drill.try_count("SELECT count(*) FROM dreams WHERE status = 'running'") == Ok(1)
        });
        wait_for("its event", || drill.events()["small-1"].len() == 5);
        meanwhile();
        drop(let_go);
        driver.join().unwrap()
    })
}

#[test]
fn a_second_apply_follows_the_first_to_the_same_end() {
    let drill = Drill::small();
    let mut second = None;
    let first = while_dreaming(&drill, &Arc::default(), || {
        second = Some(start(&drill, "following it"));
    });
    let first = first.exits(0).json();
    assert_eq!(first["outcome"], "adopted");
    let second = finish(second.unwrap().0).exits(0).json();
    assert_eq!(second["data"]["results"][0]["run"], first["data"]["results"][0]["run"]);
    assert_eq!(drill.traces(), DONE);
}

#[test]
fn processes_with_one_saved_plan_make_one_run() {
    let drill = Drill::small();
    let _ = drill.run(&["plan", "small", "--out", "plan.json"]).exits(0);
    let start = || drill.dreamrun(&["apply", "--plan", "plan.json"]).spawn().unwrap();
    let ended: Vec<Ran> = [start(), start(), start()].into_iter().map(finish).collect();
    // Each carried it out, followed that to its end, or came after it.
    assert!(ended.iter().all(|ran| matches!(ran.code, Some(0 | 7))), "{ended:?}");
    assert!(ended.iter().any(|ran| ran.code == Some(0)), "{ended:?}");
    let late = ended.iter().filter(|ran| ran.code == Some(7));
    assert!(late.clone().all(|ran| ran.stderr.contains("was used by run `small-1`")), "{ended:?}");
    assert_eq!(drill.traces(), DONE);
    assert_eq!(drill.events().keys().collect::<Vec<_>>(), ["small-1"]);
}

#[test]
fn a_machine_that_has_the_same_plan_and_is_a_step_ahead_is_caught_up_with() {
    for step in ["plans/", "runs/small-1/00000001"] {
        let drill = Drill::small();
        let _ = drill.run(&["plan", "small", "--out", "plan.json"]).exits(0);
        let ran = drill.run_with(&Ahead(step), &["apply", "--plan", "plan.json"]).exits(0);
        assert!(ran.stderr.contains("small-1 adopted"), "{step}: {}", ran.stderr);
        assert_eq!(drill.traces(), DONE, "{step}");
        assert_eq!(drill.events().len(), 1, "{step}");
    }
}

/// Parts whose state has every object under a prefix written by another machine just before.
struct Ahead(&'static str);

impl Parts for Ahead {
    fn state(&self, state: Arc<dyn StateStore>) -> Arc<dyn StateStore> {
        Arc::new(AheadState { inner: state, prefix: self.0 })
    }
}

struct AheadState {
    inner: Arc<dyn StateStore>,
    prefix: &'static str,
}

#[async_trait]
impl StateStore for AheadState {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StateError> {
        self.inner.get(key).await
    }

    async fn put(&self, key: &Key, bytes: &[u8], when: PutIf) -> Result<Version, StateError> {
        if key.as_str().starts_with(self.prefix) {
            self.inner.put(key, bytes, when.clone()).await?;
        }
        self.inner.put(key, bytes, when).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Key>, StateError> {
        self.inner.list(prefix).await
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<(), StateError> {
        self.inner.delete(key, version).await
    }
}

#[test]
fn a_machine_that_looked_for_runs_before_another_claimed_the_store_goes_on_with_that_run() {
    for looks in 1..=6 {
        let drill = Drill::small();
        assert_eq!(Held::after(&drill, 1).end_with("KILL").code, None);
        let ran = drill.run_with(&Earlier(looks), APPLY).exits(0);
        assert_eq!(ran.json()["outcome"], "adopted", "{looks}: {}", ran.stderr);
        assert_eq!(drill.traces(), DONE, "{looks}");
        assert_eq!(drill.events().keys().collect::<Vec<_>>(), ["small-1"], "{looks}");
    }
}

/// Parts whose state lists no run the first so many times.
struct Earlier(usize);

impl Parts for Earlier {
    fn state(&self, state: Arc<dyn StateStore>) -> Arc<dyn StateStore> {
        Arc::new(EarlierState { inner: state, looks_left: AtomicUsize::new(self.0) })
    }
}

struct EarlierState {
    inner: Arc<dyn StateStore>,
    looks_left: AtomicUsize,
}

#[async_trait]
impl StateStore for EarlierState {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StateError> {
        self.inner.get(key).await
    }

    async fn put(&self, key: &Key, bytes: &[u8], when: PutIf) -> Result<Version, StateError> {
        self.inner.put(key, bytes, when).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Key>, StateError> {
        let one_less = |left: usize| left.checked_sub(1);
        let is_hidden = prefix == "runs/small-"
            && self.looks_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
        if is_hidden { Ok(Vec::new()) } else { self.inner.list(prefix).await }
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<(), StateError> {
        self.inner.delete(key, version).await
    }
}

#[test]
fn another_pipeline_on_the_same_store_learns_which_run_holds_it() {
    let drill = Drill::small();
    let other = std::fs::read_to_string(drill.path("pipelines/small.yaml")).unwrap();
    drill.write("pipelines/other.yaml", other.replace("name: small", "name: other"));
    let first = while_dreaming(&drill, &Arc::default(), || {
        let _ = drill.run(&["apply", "other", "--yes"]).exits(6).says("`notes` is held by run `small-1`");
    });
    let _ = first.exits(0);
    assert_eq!(drill.traces(), DONE);
    assert_eq!(drill.events().keys().collect::<Vec<_>>(), ["small-1"]);
}

#[test]
fn a_run_that_waits_for_a_person_holds_the_store_too() {
    let drill = Drill::small();
    drill.pipeline(|text| text.replace("mode: auto", "mode: review"));
    let other = std::fs::read_to_string(drill.path("pipelines/small.yaml")).unwrap();
    drill.write("pipelines/other.yaml", other.replace("name: small", "name: other"));
    assert_eq!(drill.apply().exits(0).json()["outcome"], "awaiting_review");
    let _ = drill.run(&["apply", "other", "--yes"]).exits(6).says("`notes` is held by run `small-1`");
    assert_eq!(drill.events().len(), 1);
}

#[test]
fn an_apply_that_waits_for_a_process_does_not_take_an_earlier_run_for_its_own() {
    let drill = Drill::small();
    let _ = drill.apply().exits(0);
    let lock = DriverLock::acquire(
        &drill.path(".dreamrun/state.locks"),
        &Alias::parse("notes").unwrap(),
        jiff::Timestamp::now(),
    );
    let Ok(Acquired::Yes(lock)) = lock else { panic!("nobody else holds it") };
    let (child, _) = start(&drill, "small waits for process");
    drop(lock);
    assert_eq!(finish(child).exits(0).json()["outcome"], "nothing_due");
}

#[test]
fn a_follower_takes_over_from_a_process_that_is_killed() {
    let drill = Drill::small();
    let held = Held::after(&drill, 1);
    let (second, talk) = start(&drill, "following it");
    assert_eq!(held.end_with("KILL").code, None);
    let second = finish(second).exits(0).json();
    assert_eq!(second["outcome"], "adopted");
    assert!(talk.join().unwrap().contains("small-1 continues"));
    assert_eq!(drill.traces(), DONE);
}

#[test]
fn a_follower_that_is_interrupted_leaves_the_run_alone() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let drill = Drill::small();
        let mut end = None;
        let first = while_dreaming(&drill, &Arc::default(), || {
            let (child, talk) = start(&drill, "following it");
            signal(name, child.id());
            let ran = finish(child).exits(code);
            end = Some((ran, talk.join().unwrap()));
        });
        let (_, talk) = end.unwrap();
        assert!(talk.contains("stopped following; the run goes on"), "{talk}");
        assert_eq!(first.exits(0).json()["outcome"], "adopted");
        assert_eq!(drill.traces(), DONE);
    }
}

/// Starts four applies at once and checks that they agree. Returns the run they agree on.
#[track_caller]
fn four_at_once(drill: &Drill) -> Value {
    let children: Vec<Child> = (0..4).map(|_| drill.dreamrun(APPLY).spawn().unwrap()).collect();
    let mut runs: Vec<Value> = Vec::new();
    for child in children {
        let mut result = finish(child).exits(0).json()["data"]["results"][0].take();
        match result["outcome"].as_str() {
            Some("adopted") => runs.push(result["run"].take()),
            // Came when everything was over.
            other => assert_eq!(other, Some("nothing_due")),
        }
    }
    runs.dedup();
    assert_eq!(runs.len(), 1, "{runs:#?}");
    runs.remove(0)
}

#[test]
fn four_applies_at_once_make_one_run() {
    for _ in 0..4 {
        let drill = Drill::small();
        assert_eq!(four_at_once(&drill)["run"], "small-1");
        assert_eq!(drill.traces(), DONE);

        drill.sessions(&["One.", "Two.", "Three.", "Four.", "Five.", "Remember that rack 7 is full."]);
        assert_eq!(four_at_once(&drill)["run"], "small-2");
        assert_eq!(drill.traces(), Traces { generation: 2, dreams: 4, stores: 5, ..DONE });
    }
}

#[test]
fn a_dream_can_be_canceled_by_another_process() {
    let drill = Drill::small();
    let driver = while_dreaming(&drill, &Arc::default(), || {
        let canceled = drill.run(&["cancel", "latest", "--json"]).exits(0).json();
        assert_eq!(canceled["outcome"], "canceled");
    });
    let driver = driver.exits(0).says("small-1 canceled");
    assert_eq!(driver.json()["outcome"], "canceled");
    assert_eq!(drill.traces(), Traces { generation: 0, claim: None, dreams: 1, stores: 2 });
    assert_eq!(drill.count("SELECT count(*) FROM dreams WHERE status = 'canceled'"), 1);
    // Whoever wants the sessions read starts a new run.
    assert_eq!(drill.apply().exits(0).json()["data"]["results"][0]["run"]["run"], "small-2");
}
