//! `apply` against a server that misbehaves: for each fault one outcome, as many dreams as planned, and one
//! adoption or none. `cargo test --test faults -- --nocapture` prints the table.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;
mod table;
mod world;
