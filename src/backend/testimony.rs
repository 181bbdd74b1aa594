//! What a transcript gives as evidence, and who is taken to have said it.

use std::sync::Arc;

use crate::dream::EventRef;
use crate::dreaming::transcript::{EventKind, Transcript};
use crate::ledger::testimony::{Saying, Speaker};

/// Returns what was said in a session. What the agent asks of a tool is not said to anybody.
pub(super) fn sayings(transcript: &Transcript) -> impl Iterator<Item = Saying> + '_ {
    transcript.events.iter().filter_map(|event| {
        let (speaker, text) = match &event.kind {
            EventKind::User(text) => (Speaker::User, text),
            EventKind::Agent(text) => (Speaker::Agent, text),
            EventKind::ToolResult { text, .. } => (Speaker::Tool, text),
            EventKind::ToolUse { .. } => return None,
        };
        let place = EventRef { session: transcript.session.clone(), event: event.line };
        Some(Saying { event: place, speaker, at: event.at, text: Arc::from(text.as_str()) })
    })
}
