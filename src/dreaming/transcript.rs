//! Transcripts: what was said and done in one session, whatever format it was kept in.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::ids::SessionId;

/// The formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Managed Agents session events: a JSON list, or `{"data": […]}` as the API pages it, or one per line.
    ManagedAgents,
    /// Claude Code's JSONL: one record per line.
    ClaudeCode,
    /// One conversation per line (or per file), `{"messages": [{"role", "content"}, …]}`.
    ChatCompletions,
}

/// One session, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    /// Its id.
    pub session: SessionId,
    /// What it was read as.
    pub format: Format,
    /// When it began: the first dated event, else the file's own time.
    pub created_at: Timestamp,
    /// When it was last written to.
    pub last_at: Timestamp,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// Lines that could not be used, with the reason.
    pub skipped: Vec<Skipped>,
    /// Bytes it takes in its file.
    pub bytes: u64,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its line in the file from 1; for list formats its place in the list from 1.
    pub line: u64,
    /// When.
    pub at: Option<Timestamp>,
    /// What.
    pub kind: EventKind,
}

/// The kinds of event a dream looks at.
#[derive(Debug, Clone, PartialEq)]
pub enum EventKind {
    /// A person wrote.
    User(String),
    /// The agent wrote.
    Agent(String),
    /// The agent called a tool.
    ToolUse {
        /// Links the result to the call.
        id: String,
        /// The tool.
        name: String,
        /// Its input, as JSON text.
        input: String,
    },
    /// A tool answered. Never a source of memory by itself.
    ToolResult {
        /// The call it answers.
        id: String,
        /// What it said.
        text: String,
        /// Whether it failed.
        is_error: bool,
    },
}

/// A line that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its line from 1.
    pub line: u64,
    /// Why, in a clause.
    pub reason: Cow<'static, str>,
}
