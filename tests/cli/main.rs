//! The command line as users meet it: for each command its output, its errors and its exit code.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod apply;
mod approve;
mod cancel;
mod changed;
mod completions;
mod diff;
mod doctor;
mod edited;
mod forget;
mod gates;
mod gc;
mod github;
mod help;
mod home;
mod hostile;
mod init;
mod log;
mod options;
mod plan;
mod project;
mod raw;
mod review;
mod rollback;
mod saved_plan;
mod schema;
mod show;
mod state;
mod status;
mod test;
mod validate;
mod versions;
