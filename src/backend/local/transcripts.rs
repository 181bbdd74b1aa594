//! The one place where this backend meets the transcript readers.

use jiff::Timestamp;

use crate::dreaming::transcript::{EventKind, Transcript};

/// Reads the sessions of a file's bytes; says in a clause why there are none.
pub(super) fn read(text: &[u8], name: &str, written_at: Timestamp) -> Result<Vec<Transcript>, String> {
    stand_in::read(text, name, written_at)
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

mod stand_in {
    use jiff::Timestamp;
    use serde_json::Value;

    use crate::dreaming::transcript::{Event, EventKind, Format, Skipped, Transcript};
    use crate::ids::SessionId;

    pub(super) fn read(text: &[u8], name: &str, written_at: Timestamp) -> Result<Vec<Transcript>, String> {
        let mut session = None;
        let mut events = Vec::new();
        let mut skipped = Vec::new();
        for (line, text) in (1..).zip(text.split(|&b| b == b'\n')) {
            if text.trim_ascii().is_empty() {
                continue;
            }
            let record: Value = match serde_json::from_slice(text) {
                Ok(record) => record,
                Err(error) => {
                    skipped.push(Skipped { line, reason: error.to_string().into() });
                    continue;
                }
            };
            if let Some(id) = record["sessionId"].as_str().and_then(|id| SessionId::parse(id).ok()) {
                session.get_or_insert(id);
            }
            let at = record["timestamp"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
            let said = record["message"]["content"].as_str().unwrap_or_default().to_owned();
            let kind = match record["type"].as_str() {
                Some("user") => EventKind::User(said),
                Some("assistant") => EventKind::Agent(said),
                _ => continue,
            };
            events.push(Event { line, at, kind });
        }
        let session = session.ok_or_else(|| format!("`{name}` is not a transcript"))?;
        let mut times = events.iter().filter_map(|event| event.at);
        let created_at = times.next().unwrap_or(written_at);
        let last_at = times.next_back().unwrap_or(created_at);
        let bytes = text.len() as u64;
        Ok(vec![Transcript {
            session,
            format: Format::ClaudeCode,
            created_at,
            last_at,
            events,
            skipped,
            bytes,
        }])
    }
}
