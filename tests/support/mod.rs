//! What tests put in place of time, minds and a reliable backend.
//!
//! Included by each test file as `mod support;`, which uses what it needs of it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, unused_imports, reason = "each test file uses a part")]

pub(crate) mod clock;
pub(crate) mod drill;
pub(crate) mod faulty;
pub(crate) mod faulty_state;
pub(crate) mod hooked;
pub(crate) mod minds;
pub(crate) mod outside;
pub(crate) mod parts;
pub(crate) mod project;
pub(crate) mod transcript;

pub(crate) use clock::ManualClock;
pub(crate) use drill::{Drill, Heard, Place, Ran, Traces, comparable, run_in, signal, wait_for};
pub(crate) use faulty::{FaultyBackend, When};
pub(crate) use faulty_state::FaultyState;
pub(crate) use hooked::{Call, Go, Hook, Hooked};
pub(crate) use minds::{CountingMind, FailingMind, GatedMind, NamedMinds, PanickingMind, WipingMind};
pub(crate) use outside::Outside;
pub(crate) use parts::{CountedParts, WithMind};
pub(crate) use project::{Output, Project};
pub(crate) use transcript::write_session;
