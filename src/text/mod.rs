//! How memory text is read.

mod sentence;
pub mod statement;
