//! Source files: a YAML file's text with the path to show for it. Nothing here reads a disk.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::codes::Code;
use super::problem::{Place, Problem};

/// The largest file that is read. Real pipelines have a few kilobytes.
pub const FILE_BYTES_LIMIT: usize = 1_000_000;

/// One file as it was read, without a byte order mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    path: PathBuf,
    text: String,
}

impl SourceFile {
    /// Makes a source file from text. `path` is relative to the project, for display.
    pub fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        Self { path: path.into(), text }
    }

    /// Makes a source file from the bytes of a file.
    ///
    /// # Errors
    ///
    /// Refuses files that are too large or not UTF-8.
    pub fn from_bytes(path: impl Into<PathBuf>, bytes: Vec<u8>) -> Result<Self, Box<Problem>> {
        Self::from_bytes_within(FILE_BYTES_LIMIT, path, bytes)
    }

    /// As [`SourceFile::from_bytes`], for files that may be larger.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn from_bytes_within(
        limit: usize,
        path: impl Into<PathBuf>,
        bytes: Vec<u8>,
    ) -> Result<Self, Box<Problem>> {
        let path = path.into();
        if bytes.len() > limit {
            let label = format!("the file has {} bytes, the limit is {limit}", bytes.len());
            return Err(Box::new(Problem::of_file(Code::FileTooLarge, path, label)));
        }
        String::from_utf8(bytes).map(|text| Self::new(path.clone(), text)).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let line = 1 + memchr::memchr_iter(b'\n', &error.as_bytes()[..at]).count();
            let label = format!("line {line} holds bytes that are not UTF-8");
            Box::new(Problem::of_file(Code::NotUtf8, path, label).help("save the file as UTF-8"))
        })
    }

    /// Returns the path to show.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the text that spans point into.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text of a span; empty when the span is not one of this file's.
    pub fn slice(&self, span: &Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// Returns the place of a span. Walks the text once up to the span's end.
    pub fn place(&self, span: Range<usize>) -> Place {
        let (line, column) = self.position(span.start);
        let (end_line, end_column) = self.position(span.end);
        Place { span, line, column, end_line, end_column }
    }

    /// Returns line and column of a byte, both from 1, the column in characters.
    fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |i| i + 1);
        let line = 1 + memchr::memchr_iter(b'\n', &before[..line_start]).count();
        (line, 1 + bytecount_chars(&before[line_start..]))
    }
}

/// Counts characters as the bytes that begin one.
fn bytecount_chars(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte & 0xc0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let file = SourceFile::new("p.yaml", "\u{feff}a: é\r\nüb: c\n");
        assert_eq!(file.text(), "a: é\r\nüb: c\n");
        let at = file.text().find('c').unwrap();
        let place = file.place(at..at + 1);
        assert_eq!((place.line, place.column, place.end_line, place.end_column), (2, 5, 2, 6));
    }

    #[test]
    fn files_that_cannot_be_read_are_refused_by_name() {
        let problem = SourceFile::from_bytes("p.yaml", b"a: 1\nb: \xff\n".to_vec()).unwrap_err();
        assert_eq!(
            (problem.code, problem.label.as_str()),
            (Code::NotUtf8, "line 2 holds bytes that are not UTF-8")
        );
        let problem = SourceFile::from_bytes("p.yaml", vec![b' '; FILE_BYTES_LIMIT + 1]).unwrap_err();
        assert_eq!(problem.code, Code::FileTooLarge);
    }
}
