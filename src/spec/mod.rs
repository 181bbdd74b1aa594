//! Asked: YAML becomes a checked pipeline.
//!
//! ```text
//! SourceFile ──yaml──▶ tree ──shape──▶ Authored… ──check──▶ Pipeline, Project
//!                        │                │                    │
//!                        └── places ◀── routes ◀── every Problem, sorted
//! ```
//!
//! A file is data from a pull request: reading it runs nothing, opens nothing and is bounded in time
//! and memory. [`load_project`] and [`load_pipeline`] are the way in.

pub mod codes;
pub mod problem;
pub mod source;
pub mod route;
pub mod suggest;
pub mod yaml;
pub mod gates;
pub mod pipeline;
pub mod project;
pub mod probes;
pub mod fixture;
pub mod decisions;
pub mod authored;
pub mod schema;
pub mod quantity;
pub mod path;
pub mod address;
pub mod lock;
pub mod checker;
pub mod shape;
pub mod expr;
pub mod template;
mod check;
mod load;

pub use load::{
    DECISIONS_BYTES_LIMIT, LoadOptions, Loaded, check_names, exact_line_of, line_of, load_decisions,
    load_forget, load_pipeline, load_probes, load_project, load_tests, problem_at, text_at,
};
