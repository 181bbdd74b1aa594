//! Files that a command is asked to write: named from the current folder.

use std::path::Path;

use super::Call;
use super::exit::CliError;

/// Writes a file in place of the one that may be there.
pub(super) fn write(call: &Call<'_>, path: &Path, text: &str) -> Result<(), CliError> {
    let path = call.folder.join(path);
    std::fs::write(&path, text).map_err(|error| CliError::io("write", &path, &error))
}
