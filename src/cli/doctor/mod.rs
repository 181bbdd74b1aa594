//! `dreamrun doctor`: what stands in the way, from the project's files to the server's clock. Changes nothing,
//! unless it is told to rebuild what state has lost.

mod files;
mod rebuild;
mod server;

use clap::Args;
use serde::Serialize;

use crate::spec::project::BackendSpec;

use super::Call;
use super::answer::Answer;
use super::console::Volume;
use super::desk::Desk;
use super::exit::{CliError, ExitCode};
use super::workspace::{Workspace, find_root};
use rebuild::{Lost, Rebuilt};

/// Options of `doctor`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Rebuild what state has lost, from what stores and dreams tell
    #[arg(long)]
    fix: bool,
}

/// How one thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Finding {
    /// As it should be.
    Good,
    /// Odd, and nothing fails for it.
    Odd,
    /// Something fails for it.
    Bad,
    /// Could not be looked at, for what was found before.
    Unknown,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    /// What: `project`, `state`, `key`, …
    name: &'static str,
    finding: Finding,
    /// What was found.
    what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    help: Vec<String>,
    /// The error behind it, in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// How the command ends for it, if it is bad.
    #[serde(skip)]
    code: Option<ExitCode>,
}

impl Check {
    fn good(name: &'static str, what: impl Into<String>) -> Self {
        Self { name, finding: Finding::Good, what: what.into(), help: Vec::new(), error: None, code: None }
    }

    fn odd(name: &'static str, what: impl Into<String>) -> Self {
        Self { finding: Finding::Odd, ..Self::good(name, what) }
    }

    fn unknown(name: &'static str) -> Self {
        Self { finding: Finding::Unknown, ..Self::good(name, "not looked at") }
    }

    fn bad(name: &'static str, code: ExitCode, what: impl Into<String>) -> Self {
        Self { finding: Finding::Bad, code: Some(code), ..Self::good(name, what) }
    }

    /// Tells an error as what was found.
    fn of_error(name: &'static str, error: CliError) -> Self {
        let mut what = error.message;
        for cause in error.causes {
            what = format!("{what}: {cause}");
        }
        Self { help: error.hints, ..Self::bad(name, error.code, what) }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

/// What `doctor` found.
#[derive(Debug, Serialize)]
struct Doctor {
    checks: Vec<Check>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rebuilt: Vec<Rebuilt>,
}

pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let root = find_root(call)?;
    let mut checks = Vec::new();
    let mut rebuilt = Vec::new();
    if let Some(workspace) = files::project(call, &root, &mut checks)? {
        match &workspace.project.backend {
            BackendSpec::Local { database } => {
                files::state(call, &workspace, None, &mut checks).await;
                files::local(call, &workspace, database, &mut checks);
                // Of a state that cannot be read, that is told.
                if checks.iter().all(|check| check.code.is_none()) {
                    files::stores(call, &workspace, &mut checks).await?;
                }
            }
            BackendSpec::ManagedAgents(settings) => {
                let mut found = Vec::new();
                let origin = server::look(call, &workspace, settings, &mut found).await;
                files::state(call, &workspace, origin.as_ref(), &mut checks).await;
                checks.append(&mut found);
            }
        }
        // Stores and dreams can be asked, and state can be read.
        if checks.iter().all(|check| check.code.is_none()) {
            rebuilt = lost(call, workspace, options.fix, &mut checks).await?;
        }
    }
    if options.fix && rebuilt.is_empty() {
        call.console.say("nothing was rebuilt\n");
    }
    tell(call, &checks);
    let codes = checks.iter().filter_map(|check| check.code);
    // What is missing first keeps the rest from working.
    let code = codes.min_by_key(|code| match code {
        ExitCode::InvalidFiles => 0,
        ExitCode::NotAuthorised => 1,
        ExitCode::RemoteFailed => 2,
        _ => 3,
    });
    let answer = Answer::new(if code.is_some() { "in_the_way" } else { "fine" }, Doctor { checks, rebuilt });
    Ok(match code {
        Some(code) => answer.with_code(code),
        None => answer,
    })
}

/// Looks for what state has lost, and rebuilds it if that was asked for and agreed to.
async fn lost(
    call: &Call<'_>,
    workspace: Workspace,
    is_fixing: bool,
    checks: &mut Vec<Check>,
) -> Result<Vec<Rebuilt>, CliError> {
    let state = workspace.state_read_only(call).await?;
    let opened = workspace.backend(call, false)?;
    let found = match rebuild::look(call, &workspace, &opened, state.as_deref()).await {
        Ok(found) => found,
        Err(error) => {
            checks.push(Check::of_error("aliases", error));
            return Ok(Vec::new());
        }
    };
    let is_clear = found.unclear.is_empty();
    checks.extend(found.unclear);
    // Of a state of which a part is not clear, no part is touched.
    if !is_fixing || !is_clear || found.lost.is_empty() {
        checks.extend(found.lost.iter().map(Lost::check));
        return Ok(Vec::new());
    }
    let aliases = crate::report::words::count(found.lost.len() as u64, "alias", "aliases");
    if !call.global.yes {
        for lost in &found.lost {
            call.console.say(&format!("{}\n", crate::report::words::line(&lost.check().what)));
        }
        if !call.console.ask(&format!("Rebuild {aliases} in state?")) {
            let error = CliError::usage("nothing was rebuilt");
            return Err(if call.console.can_ask {
                error
            } else {
                error.hint("Nothing prompts without a terminal: add `--yes`.")
            });
        }
    }
    rebuild::write(&Desk::open(call, workspace).await?, found.lost, checks).await
}

fn tell(call: &Call<'_>, checks: &[Check]) {
    let console = &call.console;
    let paint = console.paint;
    for check in checks {
        let mark = match check.finding {
            Finding::Good => paint.good("✓"),
            Finding::Odd => paint.warn("!"),
            Finding::Bad => paint.bad("✗"),
            Finding::Unknown => paint.dim("·"),
        };
        let what = crate::report::words::line(&check.what);
        let what = if check.finding == Finding::Unknown { paint.dim(&what) } else { what };
        // What stands in the way is said even to those who asked for errors only.
        let say = |text: &str| match check.finding {
            Finding::Bad => console.complain(text),
            _ => console.say(text),
        };
        say(&format!("{mark} {:<9} {what}\n", check.name));
        if let Some(error) = check.error.as_ref().filter(|_| console.volume == Volume::Verbose) {
            say(&format!("{:12}{}\n", "", paint.dim(&crate::report::words::line(error))));
        }
        for help in &check.help {
            say(&format!("{:12}{} {}\n", "", paint.bold("="), crate::report::words::line(help)));
        }
    }
    let bad = checks.iter().filter(|check| check.finding == Finding::Bad).count();
    console.say(&match bad {
        0 => format!("\n{}\n", paint.good("Nothing stands in the way.")),
        1 => "\n1 thing stands in the way.\n".to_owned(),
        more => format!("\n{more} things stand in the way.\n"),
    });
}
