//! Decided: what a run will do.
