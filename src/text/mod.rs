//! How memory text is read.

pub mod statement;
