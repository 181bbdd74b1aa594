//! How memory text is read.

pub mod script;
mod words;
pub mod lexicon;
pub(crate) mod sentence;
pub(crate) mod heading;
pub mod statement;
pub mod token;
pub mod normal;
mod entity;
pub(crate) mod plain;
pub(crate) mod spelled;
pub mod pattern;
mod quantity;
mod moment;
mod name;
pub mod specifics;
pub mod terms;
pub mod subject;
pub mod date;
pub mod align;
mod splice;
mod page;
pub mod edit;
