//! Asked: YAML becomes a checked pipeline.

pub mod pipeline;
pub mod project;
