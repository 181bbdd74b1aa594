//! `dreamrun init`: the files of a first project, which runs as it is. Nothing that is there is written over.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::own_folder::IGNORE_FILE;
use crate::report::words::{count, line};

use super::Call;
use super::answer::Answer;
use super::exit::CliError;
use super::files::unusable;
use super::workspace::PROJECT_FILE;

/// The files of a first project. The project file is last: until it is there, nothing is a project.
const FILES: &[(&str, &str)] = &[
    ("memory/deploys.md", include_str!("init/deploys.md")),
    ("memory/team.md", include_str!("init/team.md")),
    ("sessions/example.jsonl", include_str!("init/session.jsonl")),
    ("pipelines/tidy.yaml", include_str!("init/pipeline.yaml")),
    (PROJECT_FILE, include_str!("init/dreamrun.yaml")),
];
/// What Git is to leave out.
const IGNORED: &str = "/.dreamrun/";

/// Options of `init`.
#[derive(Debug, Args)]
pub(super) struct Options {}

#[derive(Debug, Serialize)]
struct Begun {
    /// The files that were written, in order.
    written: Vec<String>,
}

pub(super) fn run(call: &Call<'_>, _: &Options) -> Result<Answer, CliError> {
    let root = match &call.global.directory {
        Some(folder) => call.folder.join(folder),
        None => call.folder.clone(),
    };
    let there: Vec<&str> = FILES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| root.join(name).symlink_metadata().is_ok())
        .collect();
    if !there.is_empty() {
        let hint = "Nothing was written. Begin in another folder: `dreamrun init -C DIR` makes it.";
        return Err(CliError::usage(format!("there is `{}` already", there.join("`, `"))).hint(hint));
    }
    let mut written = Vec::new();
    for (name, text) in FILES {
        write_new(&root.join(name), text)?;
        written.push((*name).to_owned());
    }
    if ignore(&root)? {
        written.push(IGNORE_FILE.to_owned());
    }
    tell(call, &written);
    Ok(Answer::new("begun", Begun { written }))
}

/// Writes a file that is not there.
fn write_new(path: &Path, text: &str) -> Result<(), CliError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| unusable("make the folder", folder, &error))?;
    }
    let written = File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| unusable("write", path, &error))
}

/// Adds what Git is to leave out to what it leaves out already; says whether there was anything to add.
fn ignore(root: &Path) -> Result<bool, CliError> {
    let path: PathBuf = root.join(IGNORE_FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(unusable("read", &path, &error)),
    };
    if text.lines().any(|line| line.trim().trim_matches('/') == IGNORED.trim_matches('/')) {
        return Ok(false);
    }
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let added = File::options().create(true).append(true).open(&path);
    let added = added.and_then(|mut file| file.write_all(format!("{gap}{IGNORED}\n").as_bytes()));
    added.map_err(|error| unusable("write", &path, &error))?;
    Ok(true)
}

fn tell(call: &Call<'_>, written: &[String]) {
    let console = &call.console;
    console.say(&format!("Saved {}: {}\n", count(written.len() as u64, "file", "files"), written.join(", ")));
    let own =
        "memory/ and sessions/ hold an example; put files of your own in its place before the first run";
    console.say(&format!("{own}\n\n"));
    let place = match &call.global.directory {
        Some(folder) => format!(" -C {}", line(&folder.display().to_string())),
        None => String::new(),
    };
    for (command, what) in [("plan", "see what it would do"), ("apply --yes", "do it")] {
        let command = format!("dreamrun{place} {command}");
        console.say(&format!("  {command:<36} {}\n", console.paint.dim(what)));
    }
}
