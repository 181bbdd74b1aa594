//! The `dreamrun` binary: parse, dispatch, exit.

fn main() {}
