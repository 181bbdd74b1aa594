//! The `dreamrun` binary: gather the surroundings, run, exit.

use std::io::{BufReader, IsTerminal, stderr, stdin, stdout};
use std::process::ExitCode;

use dreamrun::cli::console::Console;
use dreamrun::cli::{Invocation, Standard, run};

fn main() -> ExitCode {
    let is_terminal = stderr().is_terminal();
    let mut console = Console::new(Box::new(stdout()), Box::new(stderr()), Box::new(BufReader::new(stdin())));
    console.can_ask = is_terminal && stdin().is_terminal();
    let invocation = Invocation {
        arguments: std::env::args_os().collect(),
        folder: std::env::current_dir().unwrap_or_else(|_| ".".into()),
        console,
        is_terminal,
        variable: Box::new(|name| std::env::var(name).ok()),
    };
    ExitCode::from(run(invocation, &Standard))
}
