//! The one place where this backend meets the transcript readers.

use jiff::Timestamp;

use crate::dreaming::transcript::{EventKind, ReadError, Transcript, read_bytes};
use crate::price::{self, TextKind};

/// Reads the sessions of a file's bytes; says in a clause why there are none.
pub(super) fn read(text: &[u8], name: &str, written_at: Timestamp) -> Result<Vec<Transcript>, String> {
    read_bytes(text, name, written_at).map_err(|error| match error {
        ReadError::Empty { .. } => "empty".to_owned(),
        ReadError::Unknown { reason, .. } => format!("not a transcript: {reason}"),
        ReadError::NotAFile { .. } => "not a regular file".to_owned(),
        ReadError::File { source, .. } => source.to_string(),
    })
}

/// Estimates the tokens a model would take to read a session.
pub(super) fn estimate_tokens(transcript: &Transcript) -> u64 {
    let (mut prose, mut structured) = (0, 0);
    for event in &transcript.events {
        match &event.kind {
            EventKind::User(text) | EventKind::Agent(text) => prose += text.len() as u64,
            EventKind::ToolUse { name, input, .. } => structured += (name.len() + input.len()) as u64,
            EventKind::ToolResult { text, .. } => structured += text.len() as u64,
        }
    }
    price::estimate_tokens(prose, TextKind::Prose) + price::estimate_tokens(structured, TextKind::Structured)
}
