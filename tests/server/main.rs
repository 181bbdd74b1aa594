//! The HTTP API, asked over a real connection.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod agents;
mod deployments;
mod dreams;
mod events;
mod faults;
mod harness;
mod memories;
mod seed;
mod sessions;
mod stores;
mod versions;
#[path = "../support/mod.rs"]
mod support;

use harness::{Answer, Server};
