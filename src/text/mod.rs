//! How memory text is read.

pub mod lexicon;
pub mod normal;
mod sentence;
pub mod specifics;
pub mod statement;
pub mod token;
