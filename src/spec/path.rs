//! Paths and globs of pipeline files: relative to the project, and never out of it.
//!
//! Only the text is looked at. Symbolic links are the business of whoever opens a file.

use std::path::{Component, Path, PathBuf};

use globset::GlobBuilder;

use super::codes::Code;
use super::quantity::Wrong;

/// Why a path is refused, with the code it is told under.
pub type Refused = (Code, Wrong);

/// Returns a path without `.` and `..`, if it stays inside the project.
///
/// # Errors
///
/// Refuses absolute paths, `~` and whatever climbs out.
pub fn inside(text: &str) -> Result<PathBuf, Refused> {
    let outside = |label: &str| (Code::OutsideProject, Wrong::new(label));
    if text.is_empty() {
        return Err((Code::InvalidPath, Wrong::new("the path is empty")));
    }
    if text.contains('\\') {
        let wrong = Wrong::new("paths are written with `/`").help("replace each `\\` with `/`");
        return Err((Code::InvalidPath, wrong));
    }
    if text.contains(|c: char| c.is_control()) {
        return Err((Code::InvalidPath, Wrong::new("the path holds a control character")));
    }
    if text.starts_with('~') {
        return Err(outside("`~` is outside the project"));
    }
    let is_drive = text.as_bytes().get(1) == Some(&b':') && text.as_bytes()[0].is_ascii_alphabetic();
    if text.starts_with('/') || is_drive {
        return Err(outside("an absolute path is outside the project"));
    }
    let mut normal = PathBuf::new();
    for component in Path::new(text).components() {
        match component {
            Component::Normal(name) => normal.push(name),
            Component::ParentDir if !normal.pop() => {
                return Err(outside("this path climbs out of the project"));
            }
            _ => {}
        }
    }
    Ok(normal)
}

/// Returns a path to read from: inside the project, or absolute and below a folder that the command
/// line allows.
///
/// # Errors
///
/// Like [`inside`], with the way out named.
pub fn readable(text: &str, allowed: &[PathBuf]) -> Result<PathBuf, Refused> {
    let mut climbed = PathBuf::new();
    let is_plain_absolute = Path::new(text).is_absolute()
        && Path::new(text).components().all(|component| match component {
            Component::ParentDir => false,
            other => {
                climbed.push(other);
                true
            }
        });
    if is_plain_absolute && allowed.iter().any(|folder| climbed.starts_with(folder)) {
        return Ok(climbed);
    }
    inside(text).map_err(|(code, wrong)| match code {
        Code::OutsideProject => {
            let help =
                "move it into the project, or allow its folder on the command line with `--allow-read DIR`";
            let absolute = if Path::new(text).is_absolute() { "" } else { " and an absolute path here" };
            (code, wrong.help(format!("{help}{absolute}")))
        }
        _ => (code, wrong),
    })
}

/// Checks a glob over files, and returns it as written but normalised.
///
/// # Errors
///
/// Says what is wrong with it.
pub fn file_glob(text: &str, allowed: &[PathBuf]) -> Result<String, Refused> {
    // `{..,a}/x` and the like could climb out behind the back of a check by segments.
    let climbs_in_braces = text.contains(['{', '[']) && text.contains("..");
    if climbs_in_braces {
        return Err((Code::OutsideProject, Wrong::new("`..` may not stand beside braces or brackets")));
    }
    let normal = readable(text, allowed)?;
    compiles(text)?;
    Ok(normal.to_string_lossy().into_owned())
}

/// Checks a glob over memory paths.
///
/// # Errors
///
/// Says what is wrong with it.
pub fn memory_glob(text: &str) -> Result<(), Refused> {
    let wrong = |label: &str| Err((Code::InvalidPath, Wrong::new(label)));
    if !text.starts_with('/') {
        let help = format!("write `/{}`", text.trim_start_matches("./"));
        return Err((Code::InvalidPath, Wrong::new("memory paths begin with `/`").help(help)));
    }
    if text.split('/').any(|segment| matches!(segment, "." | "..")) || text.contains("//") {
        return wrong("no memory path has such segments, so this would never match");
    }
    if text.contains(|c: char| c.is_control()) {
        return wrong("the glob holds a control character");
    }
    compiles(text)
}

fn compiles(glob: &str) -> Result<(), Refused> {
    match GlobBuilder::new(glob).literal_separator(true).build() {
        Ok(_) => Ok(()),
        Err(error) => {
            let wrong = Wrong::new(format!("this glob cannot be read: {}", error.kind()));
            Err((Code::InvalidPath, wrong))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_stay_inside_the_project() {
        assert_eq!(inside("demo/./memory/../notes/").unwrap(), PathBuf::from("demo/notes"));
        for bad in ["/etc", "~/x", "~root", "..", "a/../../b", "C:/x", "C:\\x"] {
            assert!(inside(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reading_elsewhere_needs_a_folder_from_the_command_line() {
        let allowed = [PathBuf::from("/home/me/.claude")];
        assert!(readable("/home/me/.claude/projects/x", &allowed).is_ok());
        for bad in ["/home/me/.claude/../.ssh/id", "/home/me/.claudette/x", "/etc/passwd"] {
            assert_eq!(readable(bad, &allowed).unwrap_err().0, Code::OutsideProject, "{bad}");
        }
        assert!(readable("/etc", &[]).unwrap_err().1.help.unwrap().contains("--allow-read DIR"));
    }

    #[test]
    fn globs_are_checked_for_shape_and_reach() {
        assert_eq!(file_glob("./sessions/**/*.jsonl", &[]).unwrap(), "sessions/**/*.jsonl");
        for bad in ["{..,a}/x", "a[", "../x/*", "[.][.]/../x"] {
            assert!(file_glob(bad, &[]).is_err(), "{bad}");
        }
        assert!(memory_glob("/policy/**").is_ok());
        for bad in ["policy/**", "/a/../b", "/a//b", "/a[", "/a\u{7}"] {
            assert!(memory_glob(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_path_that_is_accepted_never_climbs(text in "[a./~]{0,12}") {
            if let Ok(path) = inside(&text) {
                prop_assert!(path.is_relative());
                prop_assert!(path.components().all(|c| matches!(c, Component::Normal(_))));
            }
        }
    }
}
