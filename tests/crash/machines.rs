//! Two machines on one state at once: one of them is killed, or stopped for longer than its lease holds, at any
//! step, or has its clock jump by a day. One bill, one adoption, the same report for both.
//!
//! To state a machine is a lock folder, a name and a clock: two processes of one computer that share none of these
//! are two machines.

use std::collections::BTreeMap;
use std::process::Child;

use rayon::prelude::*;
use serde_json::Value;

use crate::child::{is_killed, start_on};
use crate::killer::{Blow, Killer, Live, Machine, Point, Side, Step, every_point, let_go};
use crate::support::{Drill, Place, Traces, comparable, wait_for};

const APPLY: &[&str] = &["apply", "small", "--yes", "--json"];
const DONE: Traces = Traces { generation: 1, claim: None, dreams: 3, stores: 4 };

/// How long leases hold, in milliseconds: long enough for one write.
fn lease_ms(place: Place) -> u64 {
    if place == Place::Branch { 6_000 } else { 600 }
}

/// One point in so many has to do where a write takes its time: over a branch it is a push.
fn stride(place: Place) -> usize {
    match place {
        _ if every_point() => 1,
        Place::Sqlite => 1,
        Place::Folder => 3,
        Place::Branch => 7,
    }
}

fn machine(number: u8, jump_hours: i64) -> Machine {
    machine_at(Place::Sqlite, number, jump_hours)
}

fn machine_at(place: Place, number: u8, jump_hours: i64) -> Machine {
    Machine { number, jump_hours, lease_ms: lease_ms(place) }
}

/// Where the second machine's command writes what it has to say.
const SAID: &str = "second.json";

/// Starts an apply on the second machine.
fn start_second(drill: &Drill, machine: Machine) -> Child {
    let arguments = [APPLY, &["--json-out", SAID]].concat();
    start_on(drill, machine, &arguments, None, Blow::Kill)
}

/// Waits for the second machine's command, and returns what it said.
#[track_caller]
fn said(drill: &Drill, second: Child, what: &dyn std::fmt::Debug) -> Value {
    assert!(!is_killed(&finish(second), what));
    serde_json::from_slice(&std::fs::read(drill.path(SAID)).unwrap()).unwrap()
}

/// Returns the steps of an apply that nothing happens to, and what it reports.
fn undisturbed(place: Place) -> (Vec<Step>, Value) {
    let drill = Drill::small_in(place);
    let killer = Killer::on(Some(machine_at(place, 1, 0)), None, Blow::Kill, Live::Quiet);
    let _ = drill.run_with(&killer, APPLY).exits(0);
    assert_eq!(drill.traces(), DONE);
    (killer.steps(), drill.report())
}

/// Returns the name of the machine that has the lease.
fn holder(drill: &Drill) -> Option<String> {
    let alias = drill.try_alias()?;
    alias["lease"]["holder"]["machine"].as_str().map(str::to_owned)
}

/// Checks that all is as after one apply, and returns what one of several said of it. The lease is for the caller.
#[track_caller]
fn outcome(drill: &Drill, document: &Value, expected: &Value, what: &dyn std::fmt::Debug) -> String {
    let result = &document["data"]["results"][0];
    let outcome = result["outcome"].as_str().unwrap().to_owned();
    match outcome.as_str() {
        "adopted" => assert_eq!(comparable(&result["run"]), *expected, "{what:?}"),
        // It came when everything was over.
        other => assert_eq!(other, "nothing_due", "{what:?}: {document:#}"),
    }
    assert_eq!((drill.report(), drill.traces()), (expected.clone(), DONE), "{what:?}");
    outcome
}

/// What became of the steps of one kind, counted.
#[derive(Default)]
struct Matrix(BTreeMap<(String, String), usize>);

impl Matrix {
    fn of(outcomes: Vec<(Step, Side, String)>) -> Self {
        let mut matrix = Self::default();
        for (step, side, outcome) in outcomes {
            // The events of a journal are one kind of step.
            let name = match step.name.split_once("runs/") {
                Some((before, _)) => format!("{before}runs/…"),
                None => step.name,
            };
            *matrix.0.entry((format!("{side:?} {name}").to_lowercase(), outcome)).or_default() += 1;
        }
        matrix
    }

    fn print(&self, title: &str) {
        eprintln!("{title}");
        for ((point, outcome), count) in &self.0 {
            eprintln!("  {point:<40} {outcome:<50} {count:>3}");
        }
    }
}

fn finish(child: Child) -> std::process::Output {
    child.wait_with_output().unwrap()
}

/// Lets something happen to the first of two machines at every step, with the second at work from the moment the
/// first has the alias. At every other step their clocks jump, a day apart each way.
fn at_every_step(place: Place, blow: Blow, sides: &[Side], is_wanted: impl Fn(&Step) -> bool) -> Matrix {
    let (steps, expected) = undisturbed(place);
    let points: Vec<(Step, Side)> = steps
        .into_iter()
        .filter(is_wanted)
        .flat_map(|step| sides.iter().map(move |&side| (step.clone(), side)))
        .step_by(stride(place))
        .collect();
    let outcome_at = |(nth, (step, side)): (usize, (Step, Side))| {
        let jump_hours = if (nth / sides.len()).is_multiple_of(2) { 0 } else { 24 };
        let drill = Drill::small_in(place);
        let point = Point::At(step.clone(), side);
        let mut first = start_on(&drill, machine_at(place, 1, -jump_hours), APPLY, Some(&point), blow);
        let process = first.id();
        wait_for("the first machine to begin", || {
            drill.try_alias().is_some() || is_stopped(process) || first.try_wait().unwrap().is_some()
        });
        let mut second = start_second(&drill, machine_at(place, 2, jump_hours));
        if blow != Blow::Kill {
            // Time for the lease to run out and for the other to take over, where it does not wait for a dream
            // that the stopped process works on.
            let began = std::time::Instant::now();
            wait_for("the second machine", || {
                second.try_wait().unwrap().is_some()
                    || began.elapsed().as_millis() > u128::from(lease_ms(place) * 3)
            });
            let_go(&drill, process);
        }
        let document = said(&drill, second, &point);
        let is_dead = is_killed(&finish(first), &point);
        let outcome = outcome(&drill, &document, &expected, &point);
        // Where the second was done with everything before, the first may have died looking what there was to do.
        if let Some(machine) = holder(&drill) {
            assert!(is_dead && machine == "machine-1", "{point:?}: {machine} has the lease");
        }
        let became = match (blow, is_dead) {
            (Blow::Kill, true) => "died",
            (Blow::Kill, false) => "was spared, the other was there first",
            _ => "went on, and ended well",
        };
        (step, side, format!("first {became}; second {outcome}"))
    };
    // They wait for leases most of the time.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(6).build().unwrap();
    Matrix::of(pool.install(|| points.into_par_iter().enumerate().map(outcome_at).collect()))
}

/// Says whether a process is stopped.
fn is_stopped(process: u32) -> bool {
    let ran = std::process::Command::new("ps").args(["-o", "stat=", "-p", &process.to_string()]).output();
    ran.is_ok_and(|ran| ran.stdout.starts_with(b"T"))
}

#[test]
fn of_two_applies_one_is_killed_at_any_step_and_the_other_ends_as_if_alone() {
    let sides = [Side::Before, Side::After];
    let matrix = at_every_step(Place::Sqlite, Blow::Kill, &sides, |step| step.name != "read");
    matrix.print("kill -9 of one of two applies, over SQLite:");
}

#[test]
fn of_two_applies_over_a_folder_one_is_killed_at_any_step_and_the_other_ends_as_if_alone() {
    let matrix = at_every_step(Place::Folder, Blow::Kill, &[Side::Before, Side::After], is_put);
    matrix.print("kill -9 of one of two applies, over a folder:");
}

#[test]
fn of_two_applies_over_a_branch_one_is_killed_at_any_step_and_the_other_ends_as_if_alone() {
    let matrix = at_every_step(Place::Branch, Blow::Kill, &[Side::Before, Side::After], is_put);
    matrix.print("kill -9 of one of two applies, over a Git branch:");
}

#[test]
fn of_two_applies_one_is_stopped_for_longer_than_its_lease_and_both_end_well() {
    // A mind at work has no lease; what it does is the backend's.
    let lasts = |step: &Step| is_put(step) || step.name == "create_dream";
    let matrix = at_every_step(Place::Sqlite, Blow::Stop, &[Side::Before], lasts);
    matrix.print("SIGSTOP, then SIGCONT, of one of two applies, over SQLite:");
}

/// Says whether a step is one of state.
fn is_put(step: &Step) -> bool {
    step.name.starts_with("put ")
}

#[test]
fn a_process_stopped_within_a_paid_call_stops_the_dream_that_its_run_went_on_without() {
    let (_, expected) = undisturbed(Place::Sqlite);
    let drill = Drill::small();
    let point = Point::At(Step { name: "create_dream".to_owned(), nth: 1 }, Side::Before);
    let first = start_on(&drill, machine(1, 0), APPLY, Some(&point), Blow::StopBeyondHelp);
    wait_for("the first machine to be stopped", || is_stopped(first.id()));
    let second = said(&drill, start_second(&drill, machine(2, 0)), &point);
    assert_eq!(comparable(&second["data"]["results"][0]["run"]), expected);
    assert_eq!(drill.traces(), DONE, "and the first one still stands still");
    let_go(&drill, first.id());
    let first = finish(first);
    assert!(!is_killed(&first, &point));
    assert_eq!(drill.report(), expected);
    // It was stopped, before or after it had a store to write to.
    let stores = drill.traces().stores;
    assert_eq!(drill.traces(), Traces { dreams: 4, stores, ..DONE });
    assert!((4..=5).contains(&stores), "{stores}");
    assert_eq!(drill.count("SELECT count(*) FROM dreams WHERE status = 'canceled'"), 1);
}

#[test]
fn two_machines_with_clocks_that_jump_make_one_run_of_it() {
    let (_, expected) = undisturbed(Place::Sqlite);
    for jump_hours in [0, 24, -24, 0] {
        let drill = Drill::small();
        let both: Vec<Child> = [machine(1, jump_hours), machine(2, -jump_hours)]
            .map(|machine| start_on(&drill, machine, APPLY, None, Blow::Kill))
            .into();
        for output in both.into_iter().map(finish) {
            assert!(!is_killed(&output, &jump_hours));
        }
        let last = drill.apply().exits(0).json();
        assert_eq!(outcome(&drill, &last, &expected, &jump_hours), "nothing_due");
        assert_eq!(holder(&drill), None, "{jump_hours}");
        assert_eq!(drill.events().keys().collect::<Vec<_>>(), ["small-1"]);
    }
}

#[test]
fn another_pipeline_on_another_machine_learns_who_holds_the_store_and_where_to_look() {
    let drill = Drill::small();
    let other = std::fs::read_to_string(drill.path("pipelines/small.yaml")).unwrap();
    drill.write("pipelines/other.yaml", other.replace("name: small", "name: other"));
    let point = Point::At(Step { name: "create_dream".to_owned(), nth: 1 }, Side::Before);
    let first = start_on(&drill, machine(1, 0), APPLY, Some(&point), Blow::Stop);
    wait_for("the first machine to be stopped", || is_stopped(first.id()));
    assert_eq!(holder(&drill).as_deref(), Some("machine-1"));
    let on_second = Killer::on(Some(machine(2, 0)), None, Blow::Kill, Live::Quiet);
    let refused = drill.run_with(&on_second, &["apply", "other", "--yes", "--json"]).exits(6);
    let (process, error) = (first.id(), refused.json());
    let refused = refused
        .says("`notes` is held by run `small-1`")
        .says(&format!("process {process} on machine-1 has it: "))
        .says("dreamrun cancel small-1");
    assert_eq!(error["data"]["lease"]["holder"]["machine"], "machine-1", "{}", refused.stderr);
    let status = drill.run(&["status", "--json"]).exits(0).says("on machine-1 has it: ");
    let record = &status.json()["data"]["stores"][0]["record"];
    assert_eq!(record["lease"]["holder"]["pid"], process);
    assert_eq!(record["claim"]["by"]["machine"], "machine-1");
    let_go(&drill, first.id());
    assert!(!is_killed(&finish(first), &point));
    assert_eq!(drill.traces(), DONE);
}
