//! Folders that this program makes for itself: state, databases, lock files, the archive.
//!
//! What lies in them may hold whatever memory holds, so they are for their owner alone, and Git is told to
//! leave them out. A folder that was there before is used as it is: whoever made it decided who may look.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// The file that says what Git leaves out.
pub(crate) const IGNORE_FILE: &str = ".gitignore";
/// Tells Git to leave the whole folder out, this file too.
const EVERYTHING: &[u8] = b"*\n";

/// Makes a folder, and those above it, as far as they are not there. Where Git cannot be told of it, none is made, so
/// that the next try tells Git.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let Some(topmost) = folder.ancestors().take_while(is_missing).last() else { return Ok(()) };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    leave_out_of_git(topmost).inspect_err(|_| {
        // Whatever another process has put there by now stays.
        let made = folder.ancestors().take_while(|above| above.starts_with(topmost));
        made.for_each(|folder| drop(fs::remove_dir(folder)));
    })
}

/// Tells Git to leave out what is in a folder, unless the folder says already what Git is to do.
pub(crate) fn leave_out_of_git(folder: &Path) -> io::Result<()> {
    let path = folder.join(IGNORE_FILE);
    let written = match File::create_new(&path) {
        Ok(mut file) => file.write_all(EVERYTHING).inspect_err(|_| drop(fs::remove_file(&path))),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => Err(error),
    };
    written.map_err(|error| match error.kind() {
        kind @ (io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge) => {
            io::Error::new(kind, format!("the disk has no room for `{}`: {error}", path.display()))
        }
        _ => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(folder: &Path) -> Option<String> {
        fs::read_to_string(folder.join(IGNORE_FILE)).ok()
    }

    #[test]
    fn git_leaves_out_what_was_made_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let (own, deep) = (root.path().join("own"), root.path().join("own/deep"));
        make(&deep).unwrap();
        assert!(deep.is_dir());
        assert_eq!(ignored(&own).as_deref(), Some("*\n"));
        assert_eq!((ignored(root.path()), ignored(&deep)), (None, None));
        fs::write(own.join(IGNORE_FILE), "!*\n").unwrap();
        make(&deep).unwrap();
        leave_out_of_git(&own).unwrap();
        assert_eq!(ignored(&own).as_deref(), Some("!*\n"), "what a person says stands");
    }

    #[test]
    fn a_file_in_the_way_is_told() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("own"), "a file").unwrap();
        assert!(make(&root.path().join("own/deep")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_look_into_what_was_made_and_what_was_there_stays_as_it_is() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let mode = |name: &str| fs::metadata(root.path().join(name)).unwrap().permissions().mode() & 0o777;
        let there = root.path().join("there");
        fs::create_dir(&there).unwrap();
        fs::set_permissions(&there, fs::Permissions::from_mode(0o755)).unwrap();
        make(&there).unwrap();
        make(&there.join("own/deep")).unwrap();
        assert_eq!((mode("there"), mode("there/own"), mode("there/own/deep")), (0o755, 0o700, 0o700));
        assert_eq!((ignored(&there), ignored(&there.join("own")).is_some()), (None, true));
    }
}
