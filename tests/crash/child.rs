//! The process that dies: this very test binary, started again to run one command.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde::{Deserialize, Serialize};

use crate::killer::{Killer, Live, Point};
use crate::support::{Drill, Heard, run_in};

/// Tells a started test binary what to do.
const ORDER: &str = "DREAMRUN_TEST_ORDER";

#[derive(Serialize, Deserialize)]
struct Order {
    root: PathBuf,
    arguments: Vec<String>,
    point: Option<Point>,
    live: Live,
}

/// Runs a command in a process of its own, which dies at a point. Says whether it did.
#[track_caller]
pub(crate) fn run_until(drill: &Drill, arguments: &[&str], point: &Point, live: Live) -> bool {
    let order = Order {
        root: drill.root().to_owned(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        point: Some(point.clone()),
        live,
    };
    let Output { status, stdout, .. } = drill
        .command(std::env::current_exe().unwrap())
        .args(["--exact", "child::carries_out_its_order", "--nocapture", "--test-threads=1"])
        .env(ORDER, serde_json::to_string(&order).unwrap())
        .output()
        .unwrap();
    let is_killed = std::os::unix::process::ExitStatusExt::signal(&status) == Some(9);
    assert!(is_killed || status.success(), "{point:?}: {status}: {}", String::from_utf8_lossy(&stdout));
    is_killed
}

/// The command of a started test binary; in the one that a person started there is nothing to do.
#[test]
fn carries_out_its_order() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let order: Order = serde_json::from_str(&order).unwrap();
    let arguments: Vec<&str> = order.arguments.iter().map(String::as_str).collect();
    let killer = Killer::new(order.point, order.live);
    let ran = run_in(Path::new(&order.root), &killer, &arguments, &Heard::default());
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}
