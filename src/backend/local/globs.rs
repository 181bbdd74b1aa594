//! The transcript files that a glob means.

use std::io;
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use walkdir::WalkDir;

use super::error::LocalError;
use super::sessions::Reach;

/// Why a glob names no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// Why it could not be followed, in a clause; none if it merely matches nothing.
    pub(super) reason: Option<String>,
    /// Whether there is nothing to follow it to.
    pub(super) is_missing: bool,
}

/// Says whether no file of a project matches a glob. Where that cannot be told, it is not said. `allowed` are the
/// folders outside the project that may be read.
pub fn matches_nothing(root: &Path, allowed: &[PathBuf], glob: &str) -> bool {
    let Ok(reach) = Reach::new(root, allowed) else { return false };
    match find(&reach, glob) {
        Ok(mut files) => files.next().is_none(),
        Err(refused) => refused.is_missing,
    }
}

/// Finds the files a glob means, at least one.
pub(super) fn expand(reach: &Reach, glob: &str) -> Result<Vec<PathBuf>, Refused> {
    let files: Vec<PathBuf> = find(reach, glob)?.collect();
    if files.is_empty() { Err(Refused { reason: None, is_missing: true }) } else { Ok(files) }
}

/// Looks for the files a glob means. A glob without wildcards names one file, which has to exist.
fn find(reach: &Reach, glob: &str) -> Result<impl Iterator<Item = PathBuf>, Refused> {
    let refused = |reason: String| Refused { reason: Some(reason), is_missing: false };
    let built = GlobBuilder::new(glob.trim_start_matches("./")).literal_separator(true).build();
    let matcher = built.map_err(|error| refused(format!("not a glob: {}", error.kind())))?.compile_matcher();
    let base = literal_base(glob);
    let has_wildcard = base != Path::new(glob.trim_start_matches("./"));
    match reach.real(&base) {
        Ok(real) if has_wildcard && !real.is_dir() => Err(Refused { reason: None, is_missing: true }),
        Ok(_) => Ok(matches_below(reach, base, matcher, hidden_are_named(glob))),
        Err(LocalError::File { source, .. }) => {
            let is_missing = source.kind() == io::ErrorKind::NotFound;
            let is_told = !(has_wildcard && is_missing);
            Err(Refused { reason: is_told.then(|| source.to_string()), is_missing })
        }
        Err(error) => Err(refused(error.to_string())),
    }
}

fn matches_below(
    reach: &Reach,
    base: PathBuf,
    matcher: GlobMatcher,
    with_hidden: bool,
) -> impl Iterator<Item = PathBuf> {
    let start = reach.root().join(&base);
    let is_wanted = move |entry: &walkdir::DirEntry| {
        with_hidden || entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".")
    };
    let entries = WalkDir::new(&start).follow_links(false).into_iter().filter_entry(is_wanted);
    entries
        .filter_map(Result::ok)
        .filter(|entry| !entry.file_type().is_dir())
        .map(walkdir::DirEntry::into_path)
        .filter(move |path| {
            matcher.is_match(base.join(path.strip_prefix(&start).unwrap_or(path))) || *path == start
        })
        .map(|path| tidy(&path))
}

/// Returns the part of a glob before its first wildcard.
fn literal_base(glob: &str) -> PathBuf {
    let is_literal = |segment: &Component| {
        segment.as_os_str().to_str().is_some_and(|text| !text.contains(['*', '?', '[', '{', '\\']))
    };
    Path::new(glob.trim_start_matches("./")).components().take_while(is_literal).collect()
}

/// Says whether a glob asks for hidden files by name.
fn hidden_are_named(glob: &str) -> bool {
    glob.split('/').any(|segment| segment.starts_with('.') && segment != "." && segment != "..")
}

/// Takes `.` and `..` out of a path whose folders exist.
fn tidy(path: &Path) -> PathBuf {
    match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_that_no_file_matches_is_told_from_one_that_may_not_be_followed() {
        let project = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(project.path().join("sessions/empty")).unwrap();
        std::fs::write(project.path().join("sessions/a.jsonl"), "").unwrap();
        for (glob, expected) in [
            ("sessions/*.jsonl", false),
            ("./sessions/a.jsonl", false),
            ("**/*.jsonl", false),
            ("sesions/*.jsonl", true),
            ("sessions/*.json", true),
            ("sessions/empty/*", true),
            ("sessions/a.jsonl/*", true),
            ("sessions/b.jsonl", true),
            ("/etc/host*", false),
            ("[", false),
        ] {
            assert_eq!(matches_nothing(project.path(), &[], glob), expected, "{glob}");
        }
    }
}
