//! Several processes, signals, bad disks and bad folders, through the real program.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "a test may show what it counted")]

mod disks;
mod held;
mod hazards;
mod killed_server;
mod live_writers;
mod overlap;
mod seed;
mod serve;
mod signals;
#[path = "../support/mod.rs"]
mod support;
mod wiping;
