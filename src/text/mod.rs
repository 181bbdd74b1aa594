//! How memory text is read.

pub mod statement;
mod sentence;
pub mod token;
pub mod normal;
pub mod pattern;
pub mod lexicon;
pub mod specifics;
pub mod subject;
pub mod date;
pub mod align;
