//! Files that the command line names: read from, or written to, and named from the current folder.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use crate::report::words::line;

use super::Call;
use super::exit::{CliError, ExitCode};

/// Reads a file, up to a limit.
pub(super) fn read(call: &Call<'_>, name: &Path, limit: u64) -> Result<Vec<u8>, CliError> {
    let path = call.folder.join(name);
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(CliError::usage(format!("there is no file `{}`", name.display()))
                .hint("Files are named from the current folder, also with -C."))
        }
        Err(error) => Err(unusable("read", &path, &error)),
    }
}

/// Writes a file in place of the one that may be there, and says so.
pub(super) fn write(call: &Call<'_>, name: &Path, text: &str) -> Result<(), CliError> {
    let path = call.folder.join(name);
    std::fs::write(&path, text).map_err(|error| unusable("write", &path, &error))?;
    call.console.say(&format!("Saved {}\n", line(&name.display().to_string())));
    Ok(())
}

/// Writes a file in place of the one that may be there, whole or not at all.
pub(super) fn write_whole(call: &Call<'_>, name: &Path, text: &str) -> Result<(), CliError> {
    let path = call.folder.join(name);
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
    written.map_err(|error: io::Error| unusable("write", &path, &error))
}

/// Makes an error of what failed with a file that was named. A name that cannot be used is for whoever typed it
/// to mend; what befalls a good one, as a disk that is full, nobody expected.
pub(super) fn unusable(action: &str, path: &Path, error: &io::Error) -> CliError {
    let mut cli = CliError::io(action, path, error);
    let is_the_name = matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::AlreadyExists
            | ErrorKind::InvalidFilename
            | ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
    );
    if is_the_name {
        cli.code = ExitCode::Usage;
    }
    cli
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_cannot_be_used_is_a_matter_of_the_command_line() {
        let code = |kind: ErrorKind| unusable("write", Path::new("x"), &kind.into()).code;
        for kind in [ErrorKind::NotFound, ErrorKind::PermissionDenied, ErrorKind::IsADirectory] {
            assert_eq!(code(kind), ExitCode::Usage, "{kind}");
        }
        for kind in [ErrorKind::StorageFull, ErrorKind::Interrupted, ErrorKind::Other] {
            assert_eq!(code(kind), ExitCode::Unexpected, "{kind}");
        }
    }
}
