//! Folders of text as memory stores: read in whole, and written back file by file.
//!
//! A file's memory path is its path below the folder. What cannot be a memory is left out by name and
//! reason, never silently. Symbolic links are neither read nor written through, and hidden names are left
//! alone in both directions: a dream must not reach a repository's `.git`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rayon::prelude::*;
use walkdir::WalkDir;

use crate::backend::Unreadable;
use crate::memory::{MEMORY_BYTES_LIMIT, Memory, MemoryPath, is_hidden};
use crate::snapshot::{Snapshot, SnapshotIndex};

use super::error::LocalError;

/// What was found in a folder besides the memories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderReport {
    /// Names that were brought to normal form C: as found, as stored.
    pub renamed: Vec<(String, MemoryPath)>,
    /// What was left out, with the reason.
    pub refused: Vec<Unreadable>,
}

/// What became of a snapshot that was written into a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    /// Files written, new or changed.
    pub written: u64,
    /// Files deleted.
    pub deleted: u64,
    /// Files that held the right text already.
    pub unchanged: u64,
    /// Memories whose file was left as it is, with the reason.
    pub kept: Vec<Unreadable>,
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

/// Reads a folder as a snapshot. A memory's time is the date its front matter gives, else its file's.
///
/// # Errors
///
/// Fails if the folder itself cannot be listed; what cannot be read in it is reported instead.
pub(super) fn read(folder: &Path) -> Result<(Snapshot, FolderReport), LocalError> {
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
fn list(folder: &Path) -> Result<(Vec<Found>, Vec<Unreadable>), LocalError> {
    let mut found = Vec::new();
    let mut refused = Vec::new();
    let mut walk = WalkDir::new(folder).min_depth(1).follow_links(false).into_iter();
    fs::read_dir(folder).map_err(|source| LocalError::File {
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
                refused.push(Unreadable { name: shown(&format!("{name}/")), reason: "hidden".to_owned() });
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
        return Err("hidden".to_owned());
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

/// Makes a name fit to be shown: control and format characters are written as escapes.
pub(super) fn shown(name: &str) -> String {
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
pub(super) fn to_timestamp(time: SystemTime) -> Option<Timestamp> {
    let time = Timestamp::try_from(time).ok()?;
    Timestamp::from_microsecond(time.as_microsecond()).ok()
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

/// Makes a folder hold what a snapshot does.
///
/// `known` is what the folder is believed to hold: the store that was read from it or last written to it.
/// Only files that are in `known` and still hold that text are overwritten or deleted; what a person has
/// changed since is kept and reported. Each file is replaced in one step and durable on return; repeating a
/// call that was cut short finishes it.
///
/// # Errors
///
/// Fails at the first file the system does not let be written; earlier ones stay written.
pub(super) fn write(
    snapshot: &Snapshot,
    known: &SnapshotIndex,
    folder: &Path,
) -> Result<Exported, LocalError> {
    fs::create_dir_all(folder).map_err(|source| LocalError::File {
        path: folder.to_owned(),
        action: "make the folder",
        source,
    })?;
    let (found, _) = list(folder)?;
    let mut present: BTreeMap<MemoryPath, Found> = BTreeMap::new();
    for file in found {
        present.entry(file.path.clone()).or_insert(file);
    }
    let mut exported = Exported::default();
    let mut touched = std::collections::BTreeSet::new();
    for (path, entry) in &known.entries {
        if snapshot.get(path).is_some() {
            continue;
        }
        let Some(file) = present.get(path) else { continue };
        if hash_of(file)? != entry.hash {
            exported.keep(path, "changed in the folder since");
            continue;
        }
        fs::remove_file(&file.file).map_err(|source| at(&file.file, "delete", source))?;
        exported.deleted += 1;
        touched.extend(remove_empty_parents(folder, &file.file));
    }
    for memory in snapshot.iter() {
        let path = &memory.path;
        let target = match present.get(path) {
            Some(file) => {
                let hash = hash_of(file)?;
                if hash == memory.hash {
                    exported.unchanged += 1;
                    continue;
                }
                if known.entries.get(path).is_none_or(|entry| entry.hash != hash) {
                    exported.keep(path, "changed in the folder since");
                    continue;
                }
                file.file.clone()
            }
            None => folder.join(&path.as_str()[1..]),
        };
        if let Err(reason) = is_safe(folder, path, &target) {
            exported.keep(path, reason);
            continue;
        }
        let parent = target.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|source| at(parent, "make the folder", source))?;
        replace(parent, &target, &memory.content).map_err(|source| at(&target, "write", source))?;
        exported.written += 1;
        touched.extend(parent.ancestors().take_while(|above| above.starts_with(folder)).map(Path::to_owned));
    }
    for parent in touched {
        sync_folder(&parent).map_err(|source| at(&parent, "make durable", source))?;
    }
    Ok(exported)
}

impl Exported {
    fn keep(&mut self, path: &MemoryPath, reason: &str) {
        self.kept.push(Unreadable { name: path.to_string(), reason: reason.to_owned() });
    }
}

fn at(path: &Path, action: &'static str, source: io::Error) -> LocalError {
    LocalError::File { path: path.to_owned(), action, source }
}

fn hash_of(file: &Found) -> Result<crate::memory::ContentHash, LocalError> {
    let bytes = fs::read(&file.file).map_err(|source| at(&file.file, "read", source))?;
    Ok(crate::memory::ContentHash::of(bytes))
}

/// Says why a memory may not be written to a file, if so.
fn is_safe(folder: &Path, path: &MemoryPath, target: &Path) -> Result<(), &'static str> {
    if path.as_str().contains("/.") {
        return Err("hidden names are not written");
    }
    // A backslash separates folders on some systems, and a colon may name a drive there.
    if std::path::MAIN_SEPARATOR != '/' && path.as_str().contains(['\\', ':']) {
        return Err("the name means something else on this system");
    }
    let Ok(below) = target.strip_prefix(folder) else { return Err("leads out of the folder") };
    let mut place = folder.to_owned();
    let mut segments = below.iter().peekable();
    while let Some(segment) = segments.next() {
        place.push(segment);
        match fs::symlink_metadata(&place) {
            Err(_) => break,
            Ok(metadata) if metadata.is_symlink() => return Err("a symbolic link is in the way"),
            Ok(metadata) if segments.peek().is_some() && !metadata.is_dir() => {
                return Err("a file stands where its folder would be");
            }
            Ok(metadata) if segments.peek().is_none() && !metadata.is_file() => {
                return Err("something that is not a file stands there");
            }
            Ok(_) => {}
        }
    }
    Ok(())
}

fn replace(parent: &Path, target: &Path, content: &Arc<str>) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".dreamrun-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What a person's editor would give a new file; the umask takes its share.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(parent)?;
    if let Ok(metadata) = fs::metadata(target) {
        file.as_file().set_permissions(metadata.permissions())?;
    }
    file.write_all(content.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(target).map_err(|error| error.error)?;
    Ok(())
}

/// Removes the folders a deleted file leaves empty, and returns the one that still stands.
fn remove_empty_parents(folder: &Path, file: &Path) -> Option<PathBuf> {
    file.ancestors()
        .skip(1)
        .take_while(|above| above.starts_with(folder))
        .find(|above| *above == folder || fs::remove_dir(above).is_err())
        .map(Path::to_owned)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder) {
        Ok(folder) => folder.sync_all(),
        // Emptied and removed after it was touched.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
