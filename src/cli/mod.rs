//! The command line: arguments, dispatch, and the one place that prints, exits and reads variables.
//!
//! [`run`] carries out one command line with given [`Parts`], so tests can drive the whole program
//! with a clock that stands still, a mind of their own, or a state that fails.

pub mod console;
pub mod diagnostic;
pub mod exit;
mod answer;
mod apply;
mod bring_back;
mod cancel;
mod changed;
mod completions;
mod decisions;
mod desk;
mod diff;
mod disk;
mod doctor;
mod files;
mod fixtures;
mod follow;
mod forget;
mod forgotten;
mod gather;
mod gc;
mod github;
mod home;
mod init;
mod lockfile;
mod log;
mod machine;
mod opened;
mod parts;
mod places;
mod plan;
mod problems;
mod reach;
mod reports;
mod restore;
mod review;
mod revise;
mod rollback;
mod runs;
mod saved_plan;
mod schema;
mod seed;
mod serve;
mod show;
mod signals;
mod states;
mod status;
mod stepper;
mod test;
mod turn;
mod validate;
mod watch;
mod watcher;
mod workspace;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use answer::Answer;
use console::{Console, Volume};
use exit::{CliError, ExitCode};

pub use parts::{Parts, Standard};
pub use signals::Signals;

/// Looks up environment variables.
pub type Variables = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Everything a command can be told about its surroundings.
pub struct Invocation {
    /// The arguments, program name first.
    pub arguments: Vec<OsString>,
    /// The folder it was started in.
    pub folder: PathBuf,
    /// Where it talks.
    pub console: Console,
    /// Whether stderr is a terminal.
    pub is_terminal: bool,
    /// Looks up an environment variable.
    pub variable: Variables,
}

/// Runs dreams over agent memory from pipeline files.
#[derive(Debug, Parser)]
#[command(name = "dreamrun", version, about, disable_help_subcommand = true, max_term_width = WIDTH)]
#[command(after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// The widest help text, and its width where no terminal says otherwise.
const WIDTH: usize = 100;

const AFTER_HELP: &str = "Exit codes: 0 fine · 1 unexpected · 2 usage · 3 invalid files · 4 not authorised · \
5 backend or dream failed · 6 lock busy · 7 stale plan or approval · 8 over budget · 9 in doubt · \
10-14 see --fail-on · 130, 143 interrupted (a remote dream keeps running, a local one is kept)";

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// Work in this project folder
    #[arg(short = 'C', long = "directory", value_name = "DIR", global = true)]
    directory: Option<PathBuf>,
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    json: bool,
    /// Write the JSON document to a file as well
    #[arg(long, value_name = "FILE", global = true)]
    json_out: Option<PathBuf>,
    /// Append every event to a file as one JSON object per line
    #[arg(long, value_name = "FILE", global = true)]
    events: Option<PathBuf>,
    /// Colour the text on stderr
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    color: Color,
    /// Never ask a question
    #[arg(long, global = true)]
    no_input: bool,
    /// Agree to what is asked
    #[arg(short, long, global = true)]
    yes: bool,
    /// Say more; twice to trace
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    /// Say errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Apply a profile of dreamrun.yaml
    #[arg(long, value_name = "NAME", global = true)]
    profile: Option<String>,
    /// Exit non-zero in these states too
    #[arg(long, value_name = "STATE", value_delimiter = ',', global = true)]
    fail_on: Vec<FailOn>,
    /// Let pipelines read this folder outside the project
    #[arg(long, value_name = "DIR", global = true)]
    allow_read: Vec<PathBuf>,
    /// Send the key to this server, which the project names; ANTHROPIC_BASE_URL does the same
    #[arg(long, value_name = "URL", global = true)]
    allow_server: Vec<String>,
    /// Trust the certificates in this PEM file too; SSL_CERT_FILE does the same
    #[arg(long, value_name = "FILE", global = true)]
    ca_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// States that can be made to fail a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Something would be done (10)
    Pending,
    /// A run is at work (11)
    Running,
    /// A person has to look (12)
    Review,
    /// A gate blocks (13)
    Blocked,
    /// None of these, not even the defaults
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the files of a first project, which runs as it is
    Init(init::Options),
    /// Check the project's files, offline
    Validate(validate::Options),
    /// Run the fixture tests of pipelines, offline
    Test(test::Options),
    /// Show what would run and what it may cost
    Plan(plan::Options),
    /// Start or continue runs
    Apply(apply::Options),
    /// Show what lives, runs and waits
    Status(status::Options),
    /// Show one run
    Show(show::Options),
    /// Show what a run, or two stores or folders, differ in
    Diff(diff::Options),
    /// Tell what happened to a store, or to one of its memories
    Log(log::Options),
    /// Adopt a candidate that waits for a person
    Approve(review::ApproveOptions),
    /// Drop a candidate that waits for a person
    Reject(review::RejectOptions),
    /// Stop a run
    Cancel(cancel::Options),
    /// Bring back the store that was live before, and hold automation
    Rollback(rollback::Options),
    /// Write statements that an adopted run lost back into the live store
    Restore(restore::Options),
    /// Say where text still stands that a store's forget list forbids
    Forget(forget::Options),
    /// Delete stores that nothing needs any more
    Gc(gc::Options),
    /// Say what stands in the way: files, state, key, access, clock
    Doctor(doctor::Options),
    /// Serve the local backend over HTTP, for the official SDKs and for tests
    Serve(serve::Options),
    /// Print a JSON Schema
    Schema(schema::Options),
    /// Print shell completions
    Completions(completions::Options),
}

/// Everything a command works with.
struct Call<'a> {
    global: Global,
    console: Console,
    folder: PathBuf,
    parts: &'a dyn Parts,
    variable: Variables,
}

impl Call<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    fn is_fatal(&self, state: FailOn, by_default: bool) -> bool {
        if self.global.fail_on.contains(&FailOn::Never) {
            return false;
        }
        by_default || self.global.fail_on.contains(&state)
    }

    /// Returns who is acting, for the journal.
    fn person(&self) -> String {
        ["DREAMRUN_ACTOR", "GITHUB_ACTOR", "USER", "LOGNAME", "USERNAME"]
            .iter()
            .find_map(|name| self.variable(name))
            .unwrap_or_else(|| "somebody".to_owned())
    }
}

/// Carries out one command line and returns the exit code.
pub fn run(invocation: Invocation, parts: &dyn Parts) -> u8 {
    let Invocation { arguments, folder, mut console, is_terminal, variable } = invocation;
    console.is_job = variable("GITHUB_ACTIONS").as_deref() == Some("true");
    let mut definition = definition();
    if !is_terminal {
        definition = definition.term_width(WIDTH);
    }
    let parsed = definition.try_get_matches_from(&arguments).and_then(|m| Cli::from_arg_matches(&m));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &arguments, &console),
    };
    let global = cli.global;
    let wants_color = match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => is_terminal && variable("NO_COLOR").is_none_or(|value| value.is_empty()),
    };
    console.paint.is_on = wants_color;
    console.can_ask = console.can_ask && !global.no_input;
    console.is_live = is_terminal && !global.quiet && !global.json;
    console.volume = match (global.quiet, global.verbose) {
        (true, _) => Volume::Quiet,
        (false, 0) => Volume::Normal,
        (false, _) => Volume::Verbose,
    };
    if global.verbose > 1 {
        trace(&variable);
    }
    let call = Call { global, console, folder, parts, variable };
    let kind = kind(cli.command.as_ref());
    let result = dispatch(cli.command, &call);
    answer::finish(&call, kind, result).number()
}

fn usage(error: &clap::Error, arguments: &[OsString], console: &Console) -> u8 {
    let text = error.render().to_string();
    if error.use_stderr() {
        console.complain(&text);
        if arguments.iter().any(|argument| argument == "--json") {
            let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            console.data(&answer::error_document("usage", &CliError::usage(message)));
        }
        ExitCode::Usage.number()
    } else {
        console.data(&text);
        ExitCode::Fine.number()
    }
}

fn kind(command: Option<&Command>) -> &'static str {
    match command {
        None => "home",
        Some(Command::Init(_)) => "init",
        Some(Command::Validate(_)) => "validate",
        Some(Command::Test(_)) => "test",
        Some(Command::Plan(_)) => "plan",
        Some(Command::Apply(_)) => "apply",
        Some(Command::Status(_)) => "status",
        Some(Command::Show(_)) => "show",
        Some(Command::Diff(_)) => "diff",
        Some(Command::Log(_)) => "log",
        Some(Command::Approve(_)) => "approve",
        Some(Command::Reject(_)) => "reject",
        Some(Command::Cancel(_)) => "cancel",
        Some(Command::Rollback(_)) => "rollback",
        Some(Command::Restore(_)) => "restore",
        Some(Command::Forget(_)) => "forget",
        Some(Command::Gc(_)) => "gc",
        Some(Command::Doctor(_)) => "doctor",
        Some(Command::Serve(_)) => "serve",
        Some(Command::Schema(_)) => "schema",
        Some(Command::Completions(_)) => "completions",
    }
}

fn dispatch(command: Option<Command>, call: &Call<'_>) -> Result<Answer, CliError> {
    // These need no project and no runtime, and stay quick.
    let command = match command {
        Some(Command::Schema(options)) => return schema::run(call, &options),
        Some(Command::Completions(options)) => return Ok(completions::run(call, &options)),
        Some(Command::Init(options)) => return init::run(call, &options),
        Some(Command::Validate(options)) => return validate::run(call, &options),
        Some(Command::Test(options)) => return test::run(call, &options),
        command => command,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CliError::new(ExitCode::Unexpected, format!("could not start: {error}")))?;
    runtime.block_on(async {
        match command {
            None => home::run(call).await,
            Some(Command::Plan(options)) => plan::run(call, &options).await,
            Some(Command::Apply(options)) => apply::run(call, &options).await,
            Some(Command::Status(options)) => status::run(call, &options).await,
            Some(Command::Show(options)) => show::run(call, &options).await,
            Some(Command::Diff(options)) => diff::run(call, &options).await,
            Some(Command::Log(options)) => log::run(call, &options).await,
            Some(Command::Approve(options)) => review::approve(call, &options).await,
            Some(Command::Reject(options)) => review::reject(call, &options).await,
            Some(Command::Cancel(options)) => cancel::run(call, &options).await,
            Some(Command::Rollback(options)) => rollback::run(call, &options).await,
            Some(Command::Restore(options)) => restore::run(call, &options).await,
            Some(Command::Forget(options)) => forget::run(call, &options).await,
            Some(Command::Gc(options)) => gc::run(call, &options).await,
            Some(Command::Doctor(options)) => doctor::run(call, &options).await,
            Some(Command::Serve(options)) => serve::run(call, &options).await,
            Some(
                Command::Init(_)
                | Command::Validate(_)
                | Command::Test(_)
                | Command::Schema(_)
                | Command::Completions(_),
            ) => Ok(Answer::default()),
        }
    })
}

fn trace(variable: &(dyn Fn(&str) -> Option<String> + Send + Sync)) {
    let filter = variable("DREAMRUN_LOG").unwrap_or_else(|| "dreamrun=debug".to_owned());
    // A second command in one process, as in tests, keeps the first one's subscriber.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}

/// Returns the definition of the command line, for completions and for checking what documents say.
pub fn definition() -> clap::Command {
    Cli::command()
}
