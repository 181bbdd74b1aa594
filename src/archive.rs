//! The archive: the text of memories that adoptions replaced, kept by hash in a folder of the project.
//!
//! Off unless the project asks for it. What is kept here outlives stores and their versions, is never
//! deleted by this program, and may hold whatever memory held: the folder is for its owner alone, and Git
//! is told to leave it out.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::memory::{ContentHash, Memory};
use crate::own_folder;

/// Why a text could not be kept or read.
#[derive(Debug, thiserror::Error)]
#[error("could not {action} the archive at `{}`", path.display())]
pub struct ArchiveError {
    /// `write` or `read`.
    action: &'static str,
    /// What was touched.
    path: PathBuf,
    /// What stood in the way.
    #[source]
    source: io::Error,
}

/// How much an archive holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// Texts.
    pub texts: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A folder of texts, each in a file named by its hash.
#[derive(Debug, Clone)]
pub struct Archive {
    folder: PathBuf,
}

impl Archive {
    /// Names the folder, which need not be there yet.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps the text of memories. Durable when it returns, and harmless to repeat.
    ///
    /// # Errors
    ///
    /// Fails when the folder cannot be written; texts that were written stay.
    pub fn keep<'a>(&self, memories: impl IntoIterator<Item = &'a Memory>) -> Result<(), ArchiveError> {
        let mut is_open = false;
        for memory in memories {
            if self.get(&memory.hash)?.is_some() {
                continue;
            }
            if !is_open {
                self.open().map_err(|source| self.failed("write", &self.folder, source))?;
                is_open = true;
            }
            let path = self.path(&memory.hash);
            self.write(&path, memory.content.as_bytes())
                .map_err(|source| self.failed("write", &path, source))?;
        }
        if is_open {
            self.sync().map_err(|source| self.failed("write", &self.folder, source))?;
        }
        Ok(())
    }

    /// Returns a text. One that is not what its name says counts as not there.
    ///
    /// # Errors
    ///
    /// Fails when a file cannot be read that is there.
    pub fn get(&self, hash: &ContentHash) -> Result<Option<Arc<str>>, ArchiveError> {
        let path = self.path(hash);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.failed("read", &path, source)),
        };
        if ContentHash::of(&bytes) != *hash {
            return Ok(None);
        }
        Ok(String::from_utf8(bytes).ok().map(Arc::from))
    }

    /// Returns the hashes of all texts, in order.
    ///
    /// # Errors
    ///
    /// Fails when the folder cannot be read.
    pub fn hashes(&self) -> Result<Vec<ContentHash>, ArchiveError> {
        let failed = |source| self.failed("read", &self.folder, source);
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        let mut hashes = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            hashes.extend(ContentHash::try_from(name));
        }
        hashes.sort();
        Ok(hashes)
    }

    /// Returns how much is kept.
    ///
    /// # Errors
    ///
    /// As [`Archive::hashes`].
    pub fn held(&self) -> Result<Held, ArchiveError> {
        let mut held = Held::default();
        for hash in self.hashes()? {
            let path = self.path(&hash);
            held.texts += 1;
            held.bytes += fs::metadata(&path).map_err(|source| self.failed("read", &path, source))?.len();
        }
        Ok(held)
    }

    /// Returns the file that a text is or would be in.
    pub fn path(&self, hash: &ContentHash) -> PathBuf {
        self.folder.join(hash.to_string())
    }

    fn open(&self) -> io::Result<()> {
        own_folder::make(&self.folder)?;
        own_folder::leave_out_of_git(&self.folder)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Makes the names of the files durable, where a folder can be synced.
    fn sync(&self) -> io::Result<()> {
        #[cfg(unix)]
        fs::File::open(&self.folder)?.sync_all()?;
        Ok(())
    }

    fn failed(&self, action: &'static str, path: &Path, source: io::Error) -> ArchiveError {
        ArchiveError { action, path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use crate::memory::MemoryPath;

    use super::*;

    fn memory(text: &str) -> Memory {
        Memory::new(MemoryPath::parse("/a.md").unwrap(), text)
    }

    #[test]
    fn what_is_kept_is_read_back_and_damage_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::at(folder.path().join("deep/archive"));
        let (one, two) = (memory("one"), memory("two"));
        assert_eq!(archive.held().unwrap(), Held::default());
        archive.keep([]).unwrap();
        assert!(!archive.folder().exists(), "nothing to keep makes no folder");
        archive.keep([&one, &two, &one]).unwrap();
        assert_eq!(archive.get(&one.hash).unwrap().as_deref(), Some("one"));
        assert_eq!(archive.held().unwrap(), Held { texts: 2, bytes: 6 });
        assert_eq!(fs::read_to_string(archive.folder().join(".gitignore")).unwrap(), "*\n");
        fs::write(archive.path(&one.hash), "another").unwrap();
        assert_eq!(archive.get(&one.hash).unwrap(), None);
        archive.keep([&one]).unwrap();
        assert_eq!(archive.get(&one.hash).unwrap().as_deref(), Some("one"));
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_look() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::at(folder.path().join("archive"));
        let one = memory("one");
        archive.keep([&one]).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(archive.folder()), 0o700);
        assert_eq!(mode(&archive.path(&one.hash)), 0o600);
    }
}
