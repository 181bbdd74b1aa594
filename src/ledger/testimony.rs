//! Testimony: what the sessions said that a dream read, as evidence for what it wrote.

use std::sync::Arc;

use jiff::Timestamp;

use crate::dream::EventRef;

/// Who said something, from the least trusted to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Speaker {
    /// The output of a tool, a file, a page of the web: anybody may have written it.
    Tool,
    /// The agent itself.
    Agent,
    /// A person.
    User,
}

/// One thing that was said. Memory text: never stored, redacted before it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saying {
    /// Where it was said.
    pub event: EventRef,
    /// Who said it.
    pub speaker: Speaker,
    /// When, if it is known.
    pub at: Option<Timestamp>,
    /// The words.
    pub text: Arc<str>,
}

/// What sessions said, in their order; empty when none were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Testimony {
    /// The sayings.
    pub sayings: Vec<Saying>,
    /// Sessions that could not be read: what they said is not known.
    pub unread: u64,
}
