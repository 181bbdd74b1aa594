//! The command line against a server of the Managed Agents API: what users of `backend: managed_agents` see.
//!
//! Commands run in this process as everywhere in the tests; the server is the real one, on a port of its own.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod doctor;
mod elsewhere;
mod erased;
mod flow;
#[path = "../server/harness.rs"]
mod harness;
mod lost;
#[path = "../support/mod.rs"]
mod support;
mod targets;
mod world;

use world::World;
