//! Several processes, signals, bad disks and bad folders, through the real program.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod disks;
mod held;
mod hazards;
mod killed_server;
mod overlap;
mod seed;
mod serve;
mod signals;
#[path = "../support/mod.rs"]
mod support;
mod wiping;
