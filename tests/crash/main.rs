//! `kill -9` at any instant, then `apply`: one bill, one adoption and the same report.
//!
//! Two ways to die on one machine. A copy of this test binary runs the whole program and kills itself before or after an
//! exact step; the real binary is killed from outside as its events appear. The real binary always has the
//! last word. Two machines at once have a module of their own.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "how many kill points there were is told")]

mod child;
mod events;
mod killer;
mod machines;
mod reading;
mod steps;
#[path = "../support/mod.rs"]
mod support;
