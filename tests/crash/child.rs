//! The process that dies: this very test binary, started again to run one command.

use std::path::{Path, PathBuf};
use std::process::{Child, Output};

use serde::{Deserialize, Serialize};

use crate::killer::{Blow, Killer, Live, Machine, Point};
use crate::support::{Drill, Heard, run_in};

/// Tells a started test binary what to do.
const ORDER: &str = "DREAMRUN_TEST_ORDER";

#[derive(Serialize, Deserialize)]
struct Order {
    root: PathBuf,
    arguments: Vec<String>,
    point: Option<Point>,
    blow: Blow,
    machine: Option<Machine>,
    live: Live,
}

/// Starts a command in a process of its own, on a machine of its own, to which something happens at a point.
pub(crate) fn start_on(
    drill: &Drill,
    machine: Machine,
    arguments: &[&str],
    point: Option<&Point>,
    blow: Blow,
) -> Child {
    let order = Order {
        root: drill.root().to_owned(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        point: point.cloned(),
        blow,
        machine: Some(machine),
        live: Live::Quiet,
    };
    given(drill, &order).spawn().unwrap()
}

/// Makes the command of a process that carries out an order.
fn given(drill: &Drill, order: &Order) -> std::process::Command {
    let mut command = drill.command(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child::carries_out_its_order", "--nocapture", "--test-threads=1"])
        .env(ORDER, serde_json::to_string(order).unwrap());
    command
}

/// Says whether a process died of `kill -9`. One that did not must have done what it was told.
#[track_caller]
pub(crate) fn is_killed(output: &Output, what: &dyn std::fmt::Debug) -> bool {
    let Output { status, stderr, .. } = output;
    let is_killed = std::os::unix::process::ExitStatusExt::signal(status) == Some(9);
    assert!(is_killed || status.success(), "{what:?}: {status}: {}", String::from_utf8_lossy(stderr));
    is_killed
}

/// Runs a command in a process of its own, which dies at a point. Says whether it did.
#[track_caller]
pub(crate) fn run_until(drill: &Drill, arguments: &[&str], point: &Point, live: Live) -> bool {
    let order = Order {
        root: drill.root().to_owned(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        point: Some(point.clone()),
        blow: Blow::Kill,
        machine: None,
        live,
    };
    is_killed(&given(drill, &order).output().unwrap(), point)
}

/// The command of a started test binary; in the one that a person started there is nothing to do.
#[test]
fn carries_out_its_order() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let order: Order = serde_json::from_str(&order).unwrap();
    let arguments: Vec<&str> = order.arguments.iter().map(String::as_str).collect();
    let killer = Killer::on(order.machine, order.point, order.blow, order.live);
    let ran = run_in(Path::new(&order.root), &killer, &arguments, &Heard::default());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}
