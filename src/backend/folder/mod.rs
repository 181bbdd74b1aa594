//! Folders of text as memory stores: read in whole, and written back file by file.
//!
//! A file's memory path is its path below the folder. What cannot be a memory is left out by name and
//! reason, never silently. Symbolic links are neither read nor written through, and hidden names are left
//! alone in both directions: a dream must not reach a repository's `.git`.

mod export;
mod read;

use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use jiff::Timestamp;

use crate::memory::{MemoryPath, is_hidden};

pub use export::{Exported, export};
pub use read::{FolderReport, read};

/// Why a folder could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("could not {action} `{path}`")]
pub struct FolderError {
    /// The file or folder.
    pub path: PathBuf,
    /// What was being done, as "write".
    pub action: &'static str,
    /// What the system said.
    pub source: io::Error,
}

/// Something with a name in the folder.
struct Found {
    /// Relative to the folder, with `/` between segments.
    name: String,
    file: PathBuf,
    path: MemoryPath,
    modified: Option<SystemTime>,
    bytes: u64,
}

/// Makes a name fit to be shown: control and format characters are written as escapes.
pub(in crate::backend) fn shown(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        if is_hidden(c) {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    text
}

/// Returns a file's time as the database can keep it.
pub(in crate::backend) fn to_timestamp(time: SystemTime) -> Option<Timestamp> {
    let time = Timestamp::try_from(time).ok()?;
    Timestamp::from_microsecond(time.as_microsecond()).ok()
}
