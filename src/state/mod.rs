//! State: what survives the process.
