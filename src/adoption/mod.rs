//! Adoption: making a candidate the live store.

pub mod reason;
