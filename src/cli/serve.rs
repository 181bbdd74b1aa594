//! `dreamrun serve`: the local backend as an HTTP server.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, lookup_host};
use uuid::Uuid;

use super::answer::Answer;
use super::exit::{CliError, ExitCode};
use super::{Call, files, seed};
use crate::backend::local::{LocalBackend, LocalError, LocalOptions, Pace};
use crate::own_folder;
use crate::server::{self, EmptyKey, FAULT_GRAMMAR, Faults, Keys, Latency, ServeError};

/// The most bytes of a file of keys.
const KEYS_LIMIT: u64 = 1 << 20;

const AFTER_HELP: &str = "The address is the first line on stdout. Point the official SDKs at it:\n\
\n\
  export ANTHROPIC_BASE_URL=http://127.0.0.1:8420\n\
  export ANTHROPIC_API_KEY=$(cat .dreamrun/serve/key)\n\
\n\
Fault rules, for tests of programs that use the API:";

/// Options of `serve`.
#[derive(Debug, Args)]
#[command(after_help = format!("{AFTER_HELP}\n\n{FAULT_GRAMMAR}"))]
pub(super) struct Options {
    /// Listen here; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8420")]
    listen: String,
    /// Allow an address that other machines can reach; needs a key of yours
    #[arg(long)]
    allow_remote: bool,
    /// Keep everything in this folder
    #[arg(long, value_name = "DIR", default_value = ".dreamrun/serve")]
    data: PathBuf,
    /// Let this mind carry out every dream, whatever model it asks for
    #[arg(long, value_name = "NAME", default_value = "offline")]
    mind: String,
    /// Accept the keys in this file, one `KEY` or `apikey_ID KEY` a line, instead of `DREAMRUN_SERVE_KEY`
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Begin with the world in this YAML or JSON file: agents, environments, stores, deployments, sessions
    #[arg(long, value_name = "FILE")]
    seed: Option<PathBuf>,
    /// Import the sessions of these transcript files, each once, for dreams to read; may be repeated
    #[arg(long, value_name = "GLOB")]
    import: Vec<String>,
    /// Let callers record what an agent did: its messages, its tool uses, its status
    #[arg(long)]
    record: bool,
    /// Serve requests that lack their `anthropic-beta` header too
    #[arg(long)]
    accept_without_beta: bool,
    /// Answer as to a key without access to dreams
    #[arg(long)]
    no_preview: bool,
    /// The organisation that answers name
    #[arg(long, value_name = "ID", default_value = "org_01local")]
    organization: String,
    /// The workspace that answers name, and requests may
    #[arg(long, value_name = "ID", default_value = "wrkspc_01local")]
    workspace: String,
    /// Let every answer take this many milliseconds, as 20 or 10..50
    #[arg(long, value_name = "MS", default_value = "0")]
    latency: Latency,
    /// Keep every dream in `pending` and in `running` for at least this many milliseconds
    #[arg(long, value_name = "MS", default_value = "100")]
    dream_pace: u64,
    /// Misbehave by this rule (see below); may be repeated
    #[arg(long, value_name = "RULE")]
    fault: Vec<String>,
}

/// Serves until it is asked to stop.
pub(super) async fn run(call: &Call<'_>, options: &Options) -> Result<Answer, CliError> {
    let faults = Faults::parse(&options.fault, options.latency).map_err(|error| {
        CliError::usage(error.to_string()).hint("`dreamrun serve --help` has the grammar.")
    })?;
    let minds = call.parts.minds();
    if minds.mind(&options.mind).is_none() {
        return Err(CliError::usage(format!("there is no mind named `{}`", options.mind)));
    }
    let addresses = addresses(options).await?;
    let given = given_keys(call, options)?;
    let world = options.seed.as_deref().map(|file| seed::read(call, file)).transpose()?;
    let data = call.folder.join(&options.data);
    own_folder::make(&data).map_err(|error| files::unusable("make the folder", &data, &error))?;
    let _lock = lock(&data)?;
    let keys = match given {
        Some(keys) => keys,
        None => made_up(call, &data)?,
    };
    let opened = LocalBackend::open(LocalOptions {
        database: data.join("serve.db"),
        root: call.folder.clone(),
        allow_read: call.global.allow_read.iter().map(|folder| call.folder.join(folder)).collect(),
        minds,
        clock: call.parts.clock(),
    });
    let local = Arc::new(opened.map_err(|error| failed(&error))?);
    if let Some(world) = &world {
        seed::sow(call, &local, world)?;
    }
    if !options.import.is_empty() {
        import(call, &local, &options.import)?;
    }

    let mut signals = call.parts.signals().interrupt();
    let listener = TcpListener::bind(&*addresses).await.map_err(|error| unbound(&options.listen, &error))?;
    let address = listener.local_addr().map_err(|error| unbound(&options.listen, &error))?;
    call.console.data(&format!("http://{address}\n"));
    call.console.say(&format!("Serving {} on http://{address} until interrupted.\n", data.display()));
    if !faults.is_empty() {
        call.console.say("It misbehaves as it was told to: a double for tests.\n");
    }
    let mut server = server::Options::new(local, keys);
    server.mind = options.mind.as_str().into();
    server.organization = options.organization.as_str().into();
    server.workspace = options.workspace.as_str().into();
    server.accepts_without_beta = options.accept_without_beta;
    server.has_preview = !options.no_preview;
    let pace = Duration::from_millis(options.dream_pace);
    server.serving.pace = Pace { pending: pace, running: pace };
    server.is_recording = options.record;
    server.faults = faults;
    let asked = async move {
        // Without anybody left to interrupt it, it serves on.
        if signals.wait_for(|is_asked| *is_asked).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    server::serve(listener, server, asked).await.map_err(|error| match error {
        ServeError::Name { .. } => CliError::usage(error.to_string()),
        error => CliError::caused(ExitCode::Unexpected, &error),
    })?;
    call.console.say("Stopped. Everything it acknowledged is kept.\n");
    Ok(Answer::new("stopped", serde_json::json!({ "address": format!("http://{address}") })))
}

/// Imports transcripts, and names the files that hold none.
fn import(call: &Call<'_>, local: &LocalBackend, globs: &[String]) -> Result<(), CliError> {
    let imported = local.import_sessions(globs).map_err(|error| failed(&error))?;
    for left in &imported.unreadable {
        call.console.say(&format!("Left out {}: {}.\n", left.name, left.reason));
    }
    let known = imported.sessions.len() as u64 - imported.made;
    call.console.say(&format!("Imported {} sessions; {known} were there already.\n", imported.made));
    Ok(())
}

fn unbound(listen: &str, error: &std::io::Error) -> CliError {
    let mut cli = CliError::new(ExitCode::Unexpected, format!("could not listen on `{listen}`"));
    cli.causes.push(error.to_string());
    cli.hint("Choose another with --listen; port 0 takes a free one.")
}

fn failed(error: &LocalError) -> CliError {
    CliError::caused(ExitCode::Unexpected, error)
}

/// Finds out where to listen, and refuses what others can reach unless it was allowed.
async fn addresses(options: &Options) -> Result<Vec<SocketAddr>, CliError> {
    let listen = &options.listen;
    let found: Vec<SocketAddr> = lookup_host(listen)
        .await
        .map_err(|error| CliError::usage(format!("`{listen}` is no address to listen on: {error}")))?
        .collect();
    match found.iter().all(|address| address.ip().is_loopback()) || options.allow_remote {
        true => Ok(found),
        false => Err(CliError::usage(format!("other machines can reach `{listen}`"))
            .hint("Listen on 127.0.0.1, or add --allow-remote and give a key. There is no TLS: put a proxy in front.")),
    }
}

/// Keeps a second server away from the folder, for as long as the file is open.
fn lock(data: &Path) -> Result<File, CliError> {
    let path = data.join("lock");
    let opened = File::options().create(true).truncate(false).write(true).open(&path);
    let file = opened.map_err(|error| CliError::io("open", &path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(CliError::new(ExitCode::LockBusy, format!("another server works on `{}`", data.display()))
                .hint("Stop it, or choose another folder with --data."))
        }
        Err(TryLockError::Error(error)) => Err(CliError::io("lock", &path, &error)),
    }
}

/// Finds the keys in a file or in the environment. Without any, this machine alone can be served.
fn given_keys(call: &Call<'_>, options: &Options) -> Result<Option<Keys>, CliError> {
    if let Some(file) = &options.key_file {
        let bytes = files::read(call, file, KEYS_LIMIT)?;
        return read_keys(&String::from_utf8_lossy(&bytes))
            .map(Some)
            .map_err(|reason| CliError::usage(format!("`{}`: {reason}", file.display())));
    }
    if let Some(key) = call.variable("DREAMRUN_SERVE_KEY") {
        return Keys::one(&key.trim().into()).map(Some).map_err(|_| {
            CliError::usage("DREAMRUN_SERVE_KEY is set and blank")
                .hint("Give it a key, or unset it to have one made.")
        });
    }
    match options.allow_remote {
        true => Err(CliError::usage("--allow-remote needs a key of yours")
            .hint("Set DREAMRUN_SERVE_KEY, or name a file with --key-file.")),
        false => Ok(None),
    }
}

/// Returns the key of a folder, made up the first time.
fn made_up(call: &Call<'_>, data: &Path) -> Result<Keys, CliError> {
    let path = data.join("key");
    let key = match fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => SecretString::from(text.trim()),
        Ok(_) => make_key(&path)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make_key(&path)?,
        Err(error) => return Err(CliError::io("read", &path, &error)),
    };
    call.console.say(&format!("The key is in {}.\n", path.display()));
    Keys::one(&key).map_err(|error| CliError::caused(ExitCode::Unexpected, &error))
}

/// Reads `KEY` or `apikey_ID KEY` a line; empty lines and those that begin with # are passed over.
fn read_keys(text: &str) -> Result<Keys, String> {
    let mut keys = Keys::default();
    for (number, line) in (1..).zip(text.lines()) {
        let told = |error: EmptyKey| format!("line {number}: {error}");
        let words: Vec<&str> = line.split_whitespace().collect();
        match *words {
            [] => {}
            [first, ..] if first.starts_with('#') => {}
            [key] if keys.is_empty() => keys.add(Keys::DEFAULT_ID, &key.into()).map_err(told)?,
            [key] => {
                keys.add(&format!("apikey_01line{number}"), &key.into()).map_err(told)?;
            }
            [id, key] if id.starts_with("apikey_") => keys.add(id, &key.into()).map_err(told)?,
            _ => return Err(format!("line {number} is neither `KEY` nor `apikey_ID KEY`")),
        }
    }
    if keys.is_empty() { Err("holds no key".to_owned()) } else { Ok(keys) }
}

/// Makes up a key that nobody can guess, and keeps it for its owner alone.
fn make_key(path: &Path) -> Result<SecretString, CliError> {
    let hash = Sha256::new().chain_update(Uuid::now_v7()).chain_update(Uuid::now_v7()).finalize();
    let key = hash.iter().fold("sk-dreamrun-".to_owned(), |key, byte| key + &format!("{byte:02x}"));
    let mut options = File::options();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| writeln!(file, "{key}"));
    written.map_err(|error| CliError::io("write", path, &error))?;
    Ok(key.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_has_a_key_a_line_with_or_without_an_id() {
        let keys = read_keys("# keys\nsk-1\n\napikey_ci sk-2\nsk-3\n").unwrap();
        assert_eq!(format!("{keys:?}"), r#"["apikey_01default", "apikey_ci", "apikey_01line5"]"#);
        assert_eq!(read_keys("\n# none\n").unwrap_err(), "holds no key");
        let told = read_keys("sk-1\nmine sk-secret\n").unwrap_err();
        assert_eq!(told, "line 2 is neither `KEY` nor `apikey_ID KEY`");
    }
}
