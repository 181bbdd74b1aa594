//! The HTTP API, asked over a real connection.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod faults;
mod dreams;
mod harness;
mod memories;
mod stores;
mod versions;
#[path = "../support/mod.rs"]
mod support;

use harness::{Answer, Server};
