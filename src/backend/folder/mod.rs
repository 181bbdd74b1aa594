//! Folders of text as memory stores: read in whole, and written back file by file.
//!
//! A file's memory path is its path below the folder. What cannot be a memory is left out by name and
//! reason, never silently. Symbolic links are neither read nor written through, and hidden names are left
//! alone in both directions: a dream must not reach a repository's `.git`.

mod export;
mod read;

use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

use crate::memory::{MemoryPath, is_hidden};

pub use export::{Exported, export};
pub use read::{FolderReport, read};

/// Why a file whose name begins with a dot is left alone: nobody means it to be a memory.
pub const HIDDEN: &str = "hidden";

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

/// Returns where a folder of the project really is: inside the project, existing or not, and not
/// reached through a link that leads out.
///
/// # Errors
///
/// Refuses a folder that lies, or leads, outside.
pub fn place_inside(root: &Path, folder: &Path) -> Result<PathBuf, FolderError> {
    let outside = || FolderError {
        path: folder.to_owned(),
        action: "write to",
        source: io::Error::new(io::ErrorKind::PermissionDenied, "it leads out of the project"),
    };
    let root = root.canonicalize().map_err(|source| FolderError {
        path: root.to_owned(),
        action: "open the project folder",
        source,
    })?;
    let full = root.join(folder);
    if full.components().any(|segment| segment == Component::ParentDir) {
        return Err(outside());
    }
    let existing = full.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let (above, real) = existing.ok_or_else(outside)?;
    if !real.starts_with(&root) {
        return Err(outside());
    }
    Ok(real.join(full.strip_prefix(above).unwrap_or(Path::new(""))))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_to_write_lies_inside_the_project_even_through_links() {
        let (project, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = project.path().canonicalize().unwrap();
        assert_eq!(place_inside(&root, Path::new("new/place")).unwrap(), root.join("new/place"));
        for bad in [outside.path(), Path::new(".."), Path::new("a/../../x")] {
            assert!(place_inside(&root, bad).is_err(), "{bad:?}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(outside.path(), root.join("link")).unwrap();
            assert!(place_inside(&root, Path::new("link/memory")).is_err());
        }
    }
}
