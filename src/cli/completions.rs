//! `dreamrun completions`: a script for a shell.

use clap::Args;
use clap_complete::Shell;

use super::Call;
use super::answer::Answer;

/// Options of `completions`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The shell
    shell: Shell,
}

pub(super) fn run(call: &Call<'_>, options: &Options) -> Answer {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut super::definition(), "dreamrun", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    if !call.global.json {
        call.console.data(&script);
    }
    Answer::new("completions", serde_json::json!({ "shell": options.shell.to_string(), "script": script }))
}
