//! dreamrun: runs dreams over agent memory from pipeline files.
//!
//! ```text
//! YAML ──spec──▶ Pipeline ──plan──▶ Plan ──run──▶ journal ──report──▶ Report
//!                                          │ asks for judgments, in turn
//!                                          └─ snapshot ─▶ diff ─▶ ledger ─▶ gate ─▶ adoption
//! ```
//!
//! Modules stand in reading order: each uses only those declared above it (`tests/tidy.rs` checks).
//! The library never prints, exits or reads the environment; only [`cli`] does.

// Words and values.
pub mod ids;
pub mod clock;
pub mod memory;
pub mod session;
pub mod dream;
pub mod price;
pub mod text;
pub mod snapshot;
pub mod diff;
pub mod ledger;

// Asked: YAML becomes a checked pipeline.
pub mod spec;

// Kept: what survives the process.
mod own_folder;
mod sqlite;
mod git;
pub mod tls;
pub mod state;
pub mod archive;

// Decided: pure functions over values.
pub mod plan;
pub mod gate;
pub mod adoption;

// Recorded: what a run did.
pub mod journal;

// Done: effects.
pub mod dreaming;
pub mod backend;
pub mod run;
pub mod fixture;
pub mod report;

// Edges.
pub mod server;
pub mod cli;
