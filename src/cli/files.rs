//! Files that a command is asked to write: named from the current folder.

use std::io::Write;
use std::path::Path;

use super::Call;
use super::exit::CliError;

/// Writes a file in place of the one that may be there.
pub(super) fn write(call: &Call<'_>, path: &Path, text: &str) -> Result<(), CliError> {
    let path = call.folder.join(path);
    std::fs::write(&path, text).map_err(|error| CliError::io("write", &path, &error))
}

/// Writes a file in place of the one that may be there, whole or not at all.
pub(super) fn write_whole(call: &Call<'_>, path: &Path, text: &str) -> Result<(), CliError> {
    let path = call.folder.join(path);
    let folder = path.parent().unwrap_or(&call.folder);
    let written = (|| {
        let mut options = tempfile::Builder::new();
        #[cfg(unix)]
        options.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
        let mut file = options.tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error).map(drop)
    })();
    written.map_err(|error: std::io::Error| CliError::io("write", &path, &error))
}
