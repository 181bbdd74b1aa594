//! What tests put in place of time, minds and a reliable backend.
//!
//! Included by each test file as `mod support;`, which uses what it needs of it.
#![allow(dead_code, reason = "each test file uses a part")]

pub mod clock;
pub mod faulty;
pub mod minds;
pub mod transcript;

pub use clock::ManualClock;
pub use faulty::{FaultyBackend, When};
pub use minds::{CountingMind, FailingMind, GatedMind, NamedMinds, PanickingMind, WipingMind};
pub use transcript::write_session;
