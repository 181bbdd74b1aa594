//! Reading a folder of text as a snapshot.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rayon::prelude::*;
use walkdir::WalkDir;

use super::{FolderError, Found, HIDDEN, shown, to_timestamp};
use crate::backend::Unreadable;
use crate::memory::{MEMORY_BYTES_LIMIT, Memory, MemoryPath};
use crate::snapshot::Snapshot;

/// What was found in a folder besides the memories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderReport {
    /// Names that were brought to normal form C: as found, as stored.
    pub renamed: Vec<(String, MemoryPath)>,
    /// What was left out, with the reason.
    pub refused: Vec<Unreadable>,
}

/// Reads a folder as a snapshot. A memory's time is the date its front matter gives, else its file's.
///
/// # Errors
///
/// Fails if the folder itself cannot be listed; what cannot be read in it is reported instead.
pub fn read(folder: &Path) -> Result<(Snapshot, FolderReport), FolderError> {
    let (found, mut refused) = list(folder)?;
    let read: Vec<(Found, Result<String, String>)> = found
        .into_par_iter()
        .map(|found| (text_of(&found), found))
        .map(|(text, found)| (found, text))
        .collect();
    let mut snapshot = Snapshot::default();
    let mut renamed = Vec::new();
    for (found, text) in read {
        let text = text.and_then(|text| match above(&snapshot, &found.path) {
            Some(other) => Err(format!("takes the place of `{other}` once both are in normal form C")),
            None => Ok(text),
        });
        match text {
            Err(reason) => refused.push(Unreadable { name: shown(&found.name), reason }),
            Ok(text) => {
                if found.path.as_str()[1..] != found.name {
                    renamed.push((shown(&found.name), found.path.clone()));
                }
                let mut memory = Memory::new(found.path, text);
                memory.updated_at = dated(&memory.content).or_else(|| found.modified.and_then(to_timestamp));
                snapshot.insert(memory);
            }
        }
    }
    refused.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((snapshot, FolderReport { renamed, refused }))
}

/// Lists what could be a memory, in the order of paths; of several with one path, the one that bears it
/// as its real name comes first.
pub(super) fn list(folder: &Path) -> Result<(Vec<Found>, Vec<Unreadable>), FolderError> {
    let mut found = Vec::new();
    let mut refused = Vec::new();
    let mut walk = WalkDir::new(folder).min_depth(1).follow_links(false).into_iter();
    fs::read_dir(folder).map_err(|source| FolderError {
        path: folder.to_owned(),
        action: "list the folder",
        source,
    })?;
    while let Some(entry) = walk.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let below = error.path().and_then(|path| path.strip_prefix(folder).ok());
                let name = below.map_or_else(|| ".".to_owned(), |path| path.to_string_lossy().into_owned());
                let reason = error.io_error().map_or("cannot be listed".to_owned(), ToString::to_string);
                refused.push(Unreadable { name: shown(&name), reason });
                continue;
            }
        };
        let below = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let name = match slashed(below) {
            Ok(name) => name,
            Err(name) => {
                refused.push(Unreadable { name, reason: "the name is not UTF-8".to_owned() });
                if entry.file_type().is_dir() {
                    walk.skip_current_dir();
                }
                continue;
            }
        };
        let is_dot = entry.file_name().as_encoded_bytes().starts_with(b".");
        if entry.file_type().is_dir() {
            if is_dot {
                refused.push(Unreadable { name: shown(&format!("{name}/")), reason: HIDDEN.to_owned() });
                walk.skip_current_dir();
            }
            continue;
        }
        match candidate(&entry, &name, is_dot) {
            Ok((path, modified, bytes)) => {
                found.push(Found { name, file: entry.into_path(), path, modified, bytes });
            }
            Err(reason) => refused.push(Unreadable { name: shown(&name), reason }),
        }
    }
    found.sort_by(|a, b| {
        let is_renamed = |f: &Found| f.path.as_str()[1..] != f.name;
        a.path.cmp(&b.path).then_with(|| is_renamed(a).cmp(&is_renamed(b))).then_with(|| a.name.cmp(&b.name))
    });
    Ok((found, refused))
}

fn candidate(
    entry: &walkdir::DirEntry,
    name: &str,
    is_dot: bool,
) -> Result<(MemoryPath, Option<SystemTime>, u64), String> {
    if entry.file_type().is_symlink() {
        return Err("a symbolic link".to_owned());
    }
    if is_dot {
        return Err(HIDDEN.to_owned());
    }
    if !entry.file_type().is_file() {
        return Err("not a regular file".to_owned());
    }
    let path = MemoryPath::normalise(&format!("/{name}")).map_err(|error| error.to_string())?;
    let metadata = entry.metadata().map_err(|error| error.to_string())?;
    check_size(metadata.len())?;
    Ok((path, metadata.modified().ok(), metadata.len()))
}

fn check_size(bytes: u64) -> Result<(), String> {
    if bytes > MEMORY_BYTES_LIMIT as u64 {
        return Err(format!("{bytes} bytes, more than the {MEMORY_BYTES_LIMIT} of a memory"));
    }
    Ok(())
}

fn text_of(found: &Found) -> Result<String, String> {
    let bytes = fs::read(&found.file).map_err(|error| error.to_string())?;
    check_size(found.bytes.max(bytes.len() as u64))?;
    if memchr::memchr(0, &bytes).is_some() {
        return Err("binary, not text".to_owned());
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("not UTF-8 from byte {} on", error.utf8_error().valid_up_to() + 1))
}

/// Returns the memory that already has this path, or is a folder of it.
fn above(snapshot: &Snapshot, path: &MemoryPath) -> Option<MemoryPath> {
    let text = path.as_str();
    let ends = text.match_indices('/').skip(1).map(|(end, _)| end).chain([text.len()]);
    ends.filter_map(|end| MemoryPath::parse(&text[..end]).ok()).find(|above| snapshot.get(above).is_some())
}

/// Writes a relative path with `/` between segments, or gives back what can be shown of it.
fn slashed(path: &Path) -> Result<String, String> {
    let segments: Option<Vec<&str>> = path.iter().map(|segment| segment.to_str()).collect();
    segments.map(|segments| segments.join("/")).ok_or_else(|| shown(&path.to_string_lossy()))
}

/// Returns the date of a front matter: the first of its `updated_at`, `updated` and `date` keys.
fn dated(text: &str) -> Option<Timestamp> {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    if lines.next()?.trim_end() != "---" {
        return None;
    }
    let front: Vec<&str> =
        lines.take(FRONT_MATTER_LINES).take_while(|line| line.trim_end() != "---").collect();
    ["updated_at", "updated", "date"].into_iter().find_map(|key| {
        let value = front.iter().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix(':'))?;
        let value = value.trim().trim_matches(['"', '\'']);
        value.parse::<Timestamp>().ok().or_else(|| {
            let date: Date = value.parse().ok()?;
            Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
        })
    })
}

/// Where a front matter that has no end is given up on.
const FRONT_MATTER_LINES: usize = 64;

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::fs::File;

    use super::*;

    fn file(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Shows which normal form a name is in.
    fn spelt(name: &str) -> String {
        name.chars()
            .map(|c| if c.is_ascii() { c.to_string() } else { c.escape_unicode().to_string() })
            .collect()
    }

    /// Writes what a folder gave as people would be told.
    fn told(folder: &Path) -> String {
        let (snapshot, report) = read(folder).unwrap();
        let mut text = String::new();
        for memory in snapshot.iter() {
            writeln!(text, "{} ({} bytes)", spelt(memory.path.as_str()), memory.content.len()).unwrap();
        }
        for (name, path) in report.renamed {
            writeln!(text, "renamed {} to {}", spelt(&name), spelt(path.as_str())).unwrap();
        }
        for left in report.refused {
            writeln!(text, "refused {}: {}", spelt(&left.name), spelt(&left.reason)).unwrap();
        }
        text
    }

    #[test]
    fn every_text_file_is_a_memory_whatever_ignore_files_say() {
        let folder = tempfile::tempdir().unwrap();
        file(folder.path(), "a.md", "one");
        file(folder.path(), "deep/er/b.txt", "");
        file(folder.path(), ".gitignore", "*");
        file(folder.path(), ".git/config", "x");
        insta::assert_snapshot!(told(folder.path()), @r"
        /a.md (3 bytes)
        /deep/er/b.txt (0 bytes)
        refused .git/: hidden
        refused .gitignore: hidden
        ");
    }

    #[test]
    fn what_cannot_be_a_memory_is_named_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        file(folder.path(), "latin1.md", b"caf\xe9");
        file(folder.path(), "picture.md", b"\x89PNG\0\0");
        file(folder.path(), "large.md", vec![b'x'; MEMORY_BYTES_LIMIT + 1]);
        file(folder.path(), "largest.md", vec![b'x'; MEMORY_BYTES_LIMIT]);
        file(folder.path(), "bell\u{7}.md", "x");
        file(folder.path(), "over\u{202e}ride.md", "x");
        file(folder.path(), &format!("{}f.md", "d/".repeat(20)), "too deep");
        insta::assert_snapshot!(told(folder.path()), @r"
        /largest.md (102400 bytes)
        refused bell\u{7}.md: path holds the character U+0007
        refused d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/f.md: path has more than 20 segments
        refused large.md: 102401 bytes, more than the 102400 of a memory
        refused latin1.md: not UTF-8 from byte 4 on
        refused over\u{202e}ride.md: path holds the character U+202E
        refused picture.md: binary, not text
        ");
    }

    #[test]
    #[cfg(unix)]
    fn links_and_unreadable_names_are_not_followed() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::fs::symlink;

        let outside = tempfile::tempdir().unwrap();
        file(outside.path(), "secret.md", "secret");
        let folder = tempfile::tempdir().unwrap();
        symlink(outside.path().join("secret.md"), folder.path().join("link.md")).unwrap();
        symlink(outside.path(), folder.path().join("linked")).unwrap();
        symlink(folder.path(), folder.path().join("loop")).unwrap();
        fs::write(folder.path().join(OsStr::from_bytes(b"b\xffd.md")), "x").unwrap();
        insta::assert_snapshot!(told(folder.path()), @r"
        refused b\u{fffd}d.md: the name is not UTF-8
        refused link.md: a symbolic link
        refused linked: a symbolic link
        refused loop: a symbolic link
        ");
    }

    #[test]
    fn decomposed_names_are_composed_and_collisions_keep_the_composed_file() {
        let folder = tempfile::tempdir().unwrap();
        file(folder.path(), "u\u{308}ber.md", "decomposed");
        file(folder.path(), "e\u{301}.md", "decomposed");
        file(folder.path(), "\u{e9}.md", "composed");
        file(folder.path(), "a\u{30a}/below.md", "in a folder");
        file(folder.path(), "\u{e5}", "a file of that name");
        let (snapshot, _) = read(folder.path()).unwrap();
        let kept = snapshot.get(&MemoryPath::parse("/\u{e9}.md").unwrap()).unwrap();
        assert_eq!(&*kept.content, "composed");
        insta::assert_snapshot!(told(folder.path()), @r"
        /\u{e5} (19 bytes)
        /\u{e9}.md (8 bytes)
        /\u{fc}ber.md (10 bytes)
        renamed u\u{308}ber.md to /\u{fc}ber.md
        refused a\u{30a}/below.md: takes the place of `/\u{e5}` once both are in normal form C
        refused e\u{301}.md: takes the place of `/\u{e9}.md` once both are in normal form C
        ");
    }

    #[test]
    fn a_memory_is_as_old_as_its_front_matter_says_else_as_its_file() {
        let dated = |text| dated(text).map(|at| at.to_string());
        assert_eq!(dated("---\nname: x\ndate: 2026-03-01\n---\ntext"), Some("2026-03-01T00:00:00Z".into()));
        let both = "---\r\ndate: 2026-03-01\r\nupdated: \"2026-04-01T10:00:00+02:00\"\r\n---\r\n";
        assert_eq!(dated(both), Some("2026-04-01T08:00:00Z".into()));
        assert_eq!(dated("date: 2026-03-01\n"), None);
        assert_eq!(dated("---\ndated: 2026-03-01\n---\n"), None);
        assert_eq!(dated("---\ntext\n---\ndate: 2026-03-01\n"), None);

        let folder = tempfile::tempdir().unwrap();
        file(folder.path(), "a.md", "text");
        let at: Timestamp = "2026-02-03T04:05:06Z".parse().unwrap();
        File::options()
            .write(true)
            .open(folder.path().join("a.md"))
            .unwrap()
            .set_modified(at.into())
            .unwrap();
        let (snapshot, _) = read(folder.path()).unwrap();
        assert_eq!(snapshot.iter().next().unwrap().updated_at, Some(at));
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = read(&folder.path().join("none")).unwrap_err();
        assert_eq!(error.source.kind(), std::io::ErrorKind::NotFound);
    }
}
