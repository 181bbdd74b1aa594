//! The one place where this backend meets the transcript readers.

use jiff::Timestamp;

use crate::dreaming::transcript::{EventKind, ReadError, Transcript, read_bytes};

/// Reads the sessions of a file's bytes; says in a clause why there are none.
pub(super) fn read(text: &[u8], name: &str, written_at: Timestamp) -> Result<Vec<Transcript>, String> {
    read_bytes(text, name, written_at).map_err(|error| match error {
        ReadError::Empty { .. } => "empty".to_owned(),
        ReadError::Unknown { reason, .. } => format!("not a transcript: {reason}"),
        ReadError::NotAFile { .. } => "not a regular file".to_owned(),
        ReadError::File { source, .. } => source.to_string(),
    })
}

/// Estimates the tokens a model would take to read a session: four bytes of text for one.
pub(super) fn estimate_tokens(transcript: &Transcript) -> u64 {
    let bytes = |event: &EventKind| match event {
        EventKind::User(text) | EventKind::Agent(text) => text.len(),
        EventKind::ToolUse { name, input, .. } => name.len() + input.len(),
        EventKind::ToolResult { text, .. } => text.len(),
    };
    transcript.events.iter().map(|event| bytes(&event.kind) as u64).sum::<u64>().div_ceil(4)
}
