//! Writing a snapshot into a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::read::list;
use super::{FolderError, Found};
use crate::backend::Unreadable;
use crate::memory::{ContentHash, MemoryPath};
use crate::snapshot::{Snapshot, SnapshotIndex};

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
pub fn export(snapshot: &Snapshot, known: &SnapshotIndex, folder: &Path) -> Result<Exported, FolderError> {
    fs::create_dir_all(folder).map_err(|source| FolderError {
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
    let mut touched = BTreeSet::new();
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

fn at(path: &Path, action: &'static str, source: io::Error) -> FolderError {
    FolderError { path: path.to_owned(), action, source }
}

fn hash_of(file: &Found) -> Result<ContentHash, FolderError> {
    let bytes = fs::read(&file.file).map_err(|source| at(&file.file, "read", source))?;
    Ok(ContentHash::of(bytes))
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

fn replace(parent: &Path, target: &Path, content: &str) -> io::Result<()> {
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
    use io::ErrorKind::{NotADirectory, NotFound};
    match File::open(folder) {
        Ok(folder) => folder.sync_all(),
        // Emptied and removed after it was touched; by now a file may have its name, or that of a folder above.
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::read;
    use super::*;
    use crate::memory::Memory;

    fn snapshot(memories: &[(&str, &str)]) -> Snapshot {
        memories.iter().map(|&(at, text)| Memory::new(MemoryPath::parse(at).unwrap(), text)).collect()
    }

    fn held(folder: &Path) -> Vec<(String, String)> {
        let (snapshot, _) = read(folder).unwrap();
        snapshot.iter().map(|m| (m.path.to_string(), m.content.to_string())).collect()
    }

    fn pairs(snapshot: &Snapshot) -> Vec<(String, String)> {
        snapshot.iter().map(|m| (m.path.to_string(), m.content.to_string())).collect()
    }

    fn count(exported: &Exported) -> (u64, u64, u64, usize) {
        (exported.written, exported.deleted, exported.unchanged, exported.kept.len())
    }

    #[test]
    fn a_second_export_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let before = snapshot(&[("/a.md", "one"), ("/old/b.md", "two"), ("/same.md", "same")]);
        let after = snapshot(&[("/a.md", "ONE"), ("/new/c.md", "three"), ("/same.md", "same")]);
        export(&before, &SnapshotIndex::default(), folder.path()).unwrap();
        let first = export(&after, &before.index(), folder.path()).unwrap();
        assert_eq!(count(&first), (2, 1, 1, 0));
        assert!(!folder.path().join("old").exists(), "an emptied folder is removed");
        let second = export(&after, &before.index(), folder.path()).unwrap();
        assert_eq!(count(&second), (0, 0, 3, 0));
        assert_eq!(held(folder.path()), pairs(&after));
    }

    #[test]
    fn what_a_person_wrote_meanwhile_is_kept_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let before = snapshot(&[("/a.md", "one"), ("/b.md", "two")]);
        export(&before, &SnapshotIndex::default(), folder.path()).unwrap();
        fs::write(folder.path().join("a.md"), "mine").unwrap();
        fs::write(folder.path().join("b.md"), "mine").unwrap();
        fs::write(folder.path().join("README"), "mine").unwrap();
        let exported = export(&snapshot(&[("/a.md", "ONE")]), &before.index(), folder.path()).unwrap();
        assert_eq!(count(&exported), (0, 0, 0, 2));
        let names: Vec<_> = exported.kept.iter().map(|kept| kept.name.as_str()).collect();
        assert_eq!(names, ["/b.md", "/a.md"]);
        assert!(held(folder.path()).iter().all(|(_, text)| text == "mine"));
    }

    #[test]
    fn a_file_makes_room_for_a_folder_and_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = snapshot(&[("/a", "file")]);
        let below = snapshot(&[("/a/b", "below")]);
        export(&file, &SnapshotIndex::default(), folder.path()).unwrap();
        export(&below, &file.index(), folder.path()).unwrap();
        assert_eq!(held(folder.path()), pairs(&below));
        export(&file, &below.index(), folder.path()).unwrap();
        assert_eq!(held(folder.path()), pairs(&file));
    }

    #[test]
    fn hidden_names_are_never_written() {
        let folder = tempfile::tempdir().unwrap();
        let hooks = snapshot(&[("/.git/hooks/pre-commit", "#!/bin/sh"), ("/a/.env", "x")]);
        let exported = export(&hooks, &SnapshotIndex::default(), folder.path()).unwrap();
        assert_eq!(count(&exported), (0, 0, 0, 2));
        assert!(!folder.path().join(".git").exists());
    }

    #[test]
    #[cfg(unix)]
    fn nothing_is_written_through_a_symbolic_link() {
        use std::os::unix::fs::symlink;

        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("target.md"), "outside").unwrap();
        let folder = tempfile::tempdir().unwrap();
        symlink(outside.path(), folder.path().join("linked")).unwrap();
        symlink(outside.path().join("target.md"), folder.path().join("a.md")).unwrap();
        let known = snapshot(&[("/a.md", "outside"), ("/linked/target.md", "outside")]);
        let after = snapshot(&[("/a.md", "in"), ("/linked/new.md", "in")]);
        let exported = export(&after, &known.index(), folder.path()).unwrap();
        assert_eq!(count(&exported), (0, 0, 0, 2));
        assert_eq!(fs::read_to_string(outside.path().join("target.md")).unwrap(), "outside");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn a_replaced_file_keeps_its_permissions_and_leaves_nothing_beside_it() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let before = snapshot(&[("/a.md", "one")]);
        export(&before, &SnapshotIndex::default(), folder.path()).unwrap();
        let file = folder.path().join("a.md");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        export(&snapshot(&[("/a.md", "two")]), &before.index(), folder.path()).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_with_a_decomposed_name_is_replaced_in_place() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("u\u{308}.md"), "one").unwrap();
        let (before, _) = read(folder.path()).unwrap();
        export(&snapshot(&[("/\u{fc}.md", "two")]), &before.index(), folder.path()).unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("u\u{308}.md")).unwrap(), "two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    fn stores() -> impl Strategy<Value = Snapshot> {
        let entry = ("[a-c]{1,2}(/[a-c]){0,2}", "[x-z\n]{0,4}");
        prop::collection::vec(entry, 0..6).prop_map(|entries| {
            let mut snapshot = Snapshot::default();
            for (name, text) in entries {
                let memory = Memory::new(MemoryPath::parse(&format!("/{name}")).unwrap(), text);
                if snapshot.iter().all(|other| !other.path.collides_with(&memory.path)) {
                    snapshot.insert(memory);
                }
            }
            snapshot
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn exporting_then_reading_gives_the_snapshot(before in stores(), after in stores()) {
            let folder = tempfile::tempdir().unwrap();
            export(&before, &SnapshotIndex::default(), folder.path()).unwrap();
            prop_assert_eq!(held(folder.path()), pairs(&before));
            export(&after, &before.index(), folder.path()).unwrap();
            prop_assert_eq!(held(folder.path()), pairs(&after));
        }
    }
}
