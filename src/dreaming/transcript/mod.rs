//! Transcripts: what was said and done in one session, whatever format it was kept in.
//!
//! A file is cut into records, the first usable record tells the format, and one reader per format
//! makes events of records. Only what a person typed becomes [`EventKind::User`]: what a program
//! wrote in a person's name (reminders, command output, summaries, hooks) is left out.

mod chat;
mod claude_code;
mod content;
mod managed_agents;
mod records;

use std::borrow::Cow;
use std::path::Path;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::ids::SessionId;

use content::Text;
use records::{Layout, Record};

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

/// Why a file gives no transcript at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read the transcript `{name}`")]
    File {
        /// The file, as people know it.
        name: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The path is a folder, a pipe or a device.
    #[error("`{name}` is not a regular file")]
    NotAFile {
        /// The file, as people know it.
        name: String,
    },
    /// The file holds nothing.
    #[error("the transcript `{name}` is empty, expected {EXPECTED}")]
    Empty {
        /// The file, as people know it.
        name: String,
    },
    /// No record of the file is of a known format.
    #[error("`{name}` is not a transcript: {reason}, expected {EXPECTED}")]
    Unknown {
        /// The file, as people know it.
        name: String,
        /// What was found instead, in a clause.
        reason: String,
    },
}

/// The formats in words, for whoever has another.
const EXPECTED: &str = "Managed Agents events (a JSON list, `{\"data\": […]}` or one per line), Claude Code JSONL \
                        or chat-completions JSONL (`{\"messages\": […]}` or one message per line)";

/// Reads the sessions of a transcript file.
///
/// The format is told from the content. Only chat-completions files hold several sessions. Lines that
/// cannot be used are listed in [`Transcript::skipped`] (of the first session, if there are several)
/// and never fail the file.
///
/// # Errors
///
/// Fails for what is not a readable file, is empty, or holds no record of a known format.
pub fn read_file(path: &Path, display_name: &str) -> Result<Vec<Transcript>, ReadError> {
    let failed = |source| ReadError::File { name: display_name.to_owned(), source };
    let facts = std::fs::metadata(path).map_err(failed)?;
    if !facts.is_file() {
        return Err(ReadError::NotAFile { name: display_name.to_owned() });
    }
    let written = facts.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
    let bytes = std::fs::read(path).map_err(failed)?;
    read_bytes(&bytes, display_name, written.unwrap_or(Timestamp::UNIX_EPOCH))
}

/// Reads the sessions of a transcript's bytes. `file_time` dates a session none of whose events is dated.
///
/// # Errors
///
/// As [`read_file`], the file system's reasons excepted.
pub fn read_bytes(
    bytes: &[u8],
    display_name: &str,
    file_time: Timestamp,
) -> Result<Vec<Transcript>, ReadError> {
    if bytes.trim_ascii().is_empty() {
        return Err(ReadError::Empty { name: display_name.to_owned() });
    }
    let file = File { name: display_name, time: file_time, bytes: bytes.len() as u64 };
    let source = Source::of(bytes);
    let format =
        source.format().map_err(|reason| ReadError::Unknown { name: display_name.to_owned(), reason })?;
    let sessions = match format {
        Format::ClaudeCode => vec![claude_code::read(&file, source.records())],
        Format::ManagedAgents => vec![managed_agents::read(&file, source.records())],
        Format::ChatCompletions => chat::read(&file, &source),
    };
    if sessions.is_empty() {
        let reason = "none of its messages says who speaks".to_owned();
        return Err(ReadError::Unknown { name: display_name.to_owned(), reason });
    }
    Ok(sessions)
}

/// What the readers are told of the file.
struct File<'a> {
    name: &'a str,
    time: Timestamp,
    bytes: u64,
}

impl File<'_> {
    /// Returns the file's name without folders and extension.
    fn stem(&self) -> &str {
        let base = self.name.rsplit(['/', '\\']).next().unwrap_or(self.name);
        match base.rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => stem,
            _ => base,
        }
    }
}

/// The records of a file, however they are laid out.
enum Source<'a> {
    /// One record per line.
    Lines(&'a [u8]),
    /// Each line is a page, with its records in the list of that name.
    Pages(&'a [u8], &'static str),
    /// One list of records; the bytes follow its bracket.
    List(&'a [u8]),
    /// One object with the list of a conversation; the bytes follow the list's bracket.
    Conversation { object: &'a [u8], list: &'a [u8] },
    /// One object that is itself the record.
    Single(&'a [u8]),
}

/// How many records are looked at before a file is given up as foreign.
const SNIFFED_RECORDS: usize = 200;

impl<'a> Source<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        match records::layout(bytes) {
            Layout::List(list) => Self::List(list),
            Layout::Lines(lines) => {
                let first = records::lines(lines).find_map(|record| record.text.ok());
                match first.and_then(|text| page_list(text.as_bytes())) {
                    Some((key, _)) => Self::Pages(lines, key),
                    None => Self::Lines(lines),
                }
            }
            Layout::Object(object) => {
                if let Some((_, list)) = page_list(object) {
                    return Self::List(list);
                }
                match chat::CONVERSATION_KEYS.iter().find_map(|key| records::list_member(object, key)) {
                    Some(list) => Self::Conversation { object, list },
                    None => Self::Single(object),
                }
            }
        }
    }

    fn records(&self) -> Box<dyn Iterator<Item = Record<'a>> + 'a> {
        match *self {
            Self::Lines(bytes) => Box::new(records::lines(bytes)),
            Self::List(bytes) | Self::Conversation { list: bytes, .. } => Box::new(records::elements(bytes)),
            Self::Single(bytes) => {
                Box::new(records::lines(bytes).take(1).map(move |_| Record::new(1, bytes)))
            }
            Self::Pages(bytes, key) => Box::new(
                records::lines(bytes)
                    .flat_map(move |line| match line.text {
                        Ok(text) => {
                            let list = records::list_member(text.as_bytes(), key).unwrap_or_default();
                            Box::new(records::elements(list)) as Box<dyn Iterator<Item = Record<'a>>>
                        }
                        Err(_) => Box::new(std::iter::once(line)),
                    })
                    .zip(1..)
                    .map(|(record, place)| Record { place, ..record }),
            ),
        }
    }

    /// Tells the format from the first record that is of one.
    fn format(&self) -> Result<Format, String> {
        if let Self::Conversation { .. } = self {
            return Ok(Format::ChatCompletions);
        }
        let mut problem = None;
        for record in self.records().take(SNIFFED_RECORDS) {
            let text = match record.text {
                Ok(text) => text,
                Err(reason) => {
                    problem.get_or_insert_with(|| format!("record {} {reason}", record.place));
                    continue;
                }
            };
            match serde_json::from_str::<Sniff<'_>>(text) {
                Ok(sniff) => match sniff.format() {
                    Some(format) => return Ok(format),
                    None => {
                        problem.get_or_insert_with(|| format!("record {} is of no known kind", record.place));
                    }
                },
                Err(error) => {
                    let skipped = records::unreadable(record.place, &error);
                    problem.get_or_insert_with(|| format!("record {} {}", record.place, skipped.reason));
                }
            }
        }
        Err(problem.unwrap_or_else(|| "it holds no record".to_owned()))
    }
}

/// Returns the list of events that a page of the API's answer carries.
fn page_list(object: &[u8]) -> Option<(&'static str, &[u8])> {
    ["data", "events"].into_iter().find_map(|key| Some((key, records::list_member(object, key)?)))
}

/// As much of a record as tells its format.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Sniff<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(borrow, alias = "from")]
    role: Text<'a>,
    #[serde(rename = "sessionId")]
    session_id: Option<IgnoredAny>,
    uuid: Option<IgnoredAny>,
    #[serde(rename = "leafUuid")]
    leaf_uuid: Option<IgnoredAny>,
    #[serde(rename = "messageId")]
    message_id: Option<IgnoredAny>,
    message: Option<IgnoredAny>,
    #[serde(alias = "traj", alias = "conversation", alias = "conversations")]
    messages: Option<IgnoredAny>,
}

impl Sniff<'_> {
    fn format(&self) -> Option<Format> {
        let kind = self.kind.as_str();
        let is_claude_code = self.message.is_some()
            || self.uuid.is_some()
            || self.session_id.is_some()
            || self.leaf_uuid.is_some()
            || self.message_id.is_some()
            || self.kind.as_str().contains('-');
        if managed_agents::is_event(kind) {
            Some(Format::ManagedAgents)
        } else if claude_code::is_record(kind) && is_claude_code {
            Some(Format::ClaudeCode)
        } else if self.messages.is_some() || chat::is_role(self.role.as_str()) {
            Some(Format::ChatCompletions)
        } else {
            None
        }
    }
}

/// The first and last dates of a session, as they come.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Span {
    fn see(&mut self, at: Option<Timestamp>) {
        self.first = self.first.or(at);
        self.last = self.last.max(at);
    }

    /// Returns when the session began and when it was last written to.
    fn or(self, file_time: Timestamp) -> (Timestamp, Timestamp) {
        (self.first.unwrap_or(file_time), self.last.unwrap_or(file_time))
    }
}

/// The longest session id that is taken as it is; the rest is room for a digest.
const ID_BYTES_LIMIT: usize = 200;

/// Makes a session id of a text that may be anything. Different texts give different ids.
fn session_id(text: &str) -> SessionId {
    if text.len() <= ID_BYTES_LIMIT
        && let Ok(id) = SessionId::parse(text)
    {
        return id;
    }
    let mut clean: String =
        text.chars().take(ID_BYTES_LIMIT).map(|c| if c.is_ascii_graphic() { c } else { '-' }).collect();
    let digest = xxhash_rust::xxh3::xxh3_64(text.as_bytes());
    clean.push_str(&format!("-{digest:016x}"));
    SessionId::parse(clean).unwrap_or_else(|_| unreachable!("printable ASCII of 1 to 217 bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(text: &[u8]) -> String {
        read_bytes(text, "x.jsonl", Timestamp::UNIX_EPOCH).unwrap_err().to_string()
    }

    #[test]
    fn a_file_without_transcript_says_what_was_expected() {
        insta::assert_snapshot!(error(b" \n"), @r#"the transcript `x.jsonl` is empty, expected Managed Agents events (a JSON list, `{"data": […]}` or one per line), Claude Code JSONL or chat-completions JSONL (`{"messages": […]}` or one message per line)"#);
        let reason = |text: &[u8]| {
            let said = error(text);
            said[..said.find(", expected").unwrap()].to_owned()
        };
        assert_eq!(reason(b"# Notes\n"), "`x.jsonl` is not a transcript: record 1 is not a JSON object");
        assert_eq!(reason(b"[]"), "`x.jsonl` is not a transcript: it holds no record");
        assert_eq!(reason(b"{\"a\":1}\n"), "`x.jsonl` is not a transcript: record 1 is of no known kind");
        assert_eq!(reason(b"\xff\xfe{"), "`x.jsonl` is not a transcript: record 1 is not a JSON object");
        assert_eq!(
            reason(b"{\n\"messages\": [{\"type\": \"gemini\"}]}"),
            "`x.jsonl` is not a transcript: none of its messages says who speaks"
        );
        assert_eq!(reason(b"{\"data\":[]}"), "`x.jsonl` is not a transcript: it holds no record");
    }

    #[test]
    fn what_is_not_a_file_is_refused_before_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read_file(folder.path(), "x"), Err(ReadError::NotAFile { .. })));
        assert!(matches!(read_file(&folder.path().join("none"), "x"), Err(ReadError::File { .. })));
        let path = folder.path().join("a.jsonl");
        std::fs::write(&path, "{\"role\":\"user\",\"content\":\"hi\"}").unwrap();
        let found = read_file(&path, "sub/a.jsonl").unwrap();
        assert_eq!(found[0].session.as_str(), "sub/a.jsonl#1");
        assert!(found[0].created_at > Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn the_first_good_record_tells_the_format_past_bad_ones() {
        let text = "{\"torn\n\n{\"type\":\"user\",\"uuid\":\"u\",\"message\":{\"content\":\"hi\"}}\n";
        let found = read_bytes(text.as_bytes(), "x.jsonl", Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(found[0].format, Format::ClaudeCode);
        assert_eq!((found[0].events.len(), found[0].skipped.len()), (1, 1));
    }

    const VALID: [&str; 4] = [
        "{\"type\":\"user\",\"uuid\":\"u\",\"timestamp\":\"2026-01-02T12:00:00Z\",\"message\":{\"content\":\"<b>é\\n\\\"\"}}\n\
         {\"type\":\"assistant\",\"sessionId\":\"s\",\"message\":{\"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":{\"a\":[1,2.5,null]}}]}}\n",
        "[{\"type\":\"user.message\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}],\"processed_at\":null},{\"type\":\"agent.tool_result\",\"tool_use_id\":\"t\",\"content\":\"x\"}]",
        "{\n \"data\": [\n  {\"type\": \"agent.message\", \"content\": [\"a\"]}\n ]\n}",
        "{\"id\":3,\"created\":1.5,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}]}\n{\"role\":\"user\",\"content\":null}",
    ];

    proptest! {
        #[test]
        fn reading_never_panics_and_places_stay_in_the_file(
            which in 0..VALID.len(),
            cut in 0usize..400,
            edits in prop::collection::vec((0usize..400, any::<u8>()), 0..6),
        ) {
            let mut bytes = VALID[which].as_bytes().to_vec();
            for (at, byte) in edits {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            bytes.truncate(cut.max(1));
            if let Ok(found) = read_bytes(&bytes, "x.jsonl", Timestamp::UNIX_EPOCH) {
                for read in found {
                    prop_assert!(read.created_at <= read.last_at);
                    prop_assert!(read.events.iter().all(|e| e.line >= 1 && e.line <= bytes.len() as u64));
                }
            }
        }

        #[test]
        fn a_bad_line_costs_only_itself(at in 0usize..4, junk in "[^\n]{1,40}") {
            let line = r#"{"type":"user","uuid":"u","message":{"content":"hi"}}"#;
            prop_assume!(!junk.trim_matches(['\u{feff}', ' ', '\t', '\r', '\u{b}', '\u{c}']).is_empty());
            let mut lines = vec![line; 3];
            lines.insert(at.min(3), &junk);
            let text = lines.join("\n");
            prop_assume!(!junk.trim_start().starts_with('['));
            let found = read_bytes(text.as_bytes(), "x.jsonl", Timestamp::UNIX_EPOCH).unwrap();
            prop_assert_eq!(found[0].events.len(), 3);
            prop_assert_eq!(found[0].skipped.len(), 1);
        }

        #[test]
        fn different_names_give_different_valid_ids(a in ".{1,300}", b in ".{1,300}") {
            prop_assume!(a != b);
            prop_assert_ne!(session_id(&a), session_id(&b));
        }
    }
}
