//! Asked: YAML becomes a checked pipeline.

pub mod codes;
pub mod problem;
pub mod source;
pub mod route;
pub mod suggest;
pub mod yaml;
pub mod pipeline;
pub mod project;
pub mod authored;
pub mod schema;
