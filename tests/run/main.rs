//! Runs, carried out over the real local backend: undisturbed, disturbed at every write and call, and
//! with other people at work on the same store.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adoption;
mod cancel;
mod carrying;
mod copying;
mod doubt;
mod drift;
mod existing;
mod failures;
mod faults;
mod following;
mod held_up;
mod lease;
mod ledger;
mod merging;
mod rules;
mod secrecy;
#[path = "../support/mod.rs"]
mod support;
mod world;
