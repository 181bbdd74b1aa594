//! Claude Code's JSONL: one record per line, of which messages are the smaller part.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::content::{Content, Date, Flag, Text};
use super::records::{self, Record};
use super::{Event, EventKind, File, Format, Skipped, Span, Transcript, session_id};

/// Says whether a record's `type` is one of Claude Code's.
pub(super) fn is_record(kind: &str) -> bool {
    matches!(
        kind,
        "user"
            | "assistant"
            | "system"
            | "summary"
            | "progress"
            | "attachment"
            | "file-history-snapshot"
            | "queue-operation"
            | "pr-link"
            | "custom-title"
            | "ai-title"
            | "agent-name"
            | "last-prompt"
            | "permission-mode"
    )
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Line<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(rename = "sessionId", borrow)]
    session_id: Text<'a>,
    uuid: Option<IgnoredAny>,
    timestamp: Date,
    #[serde(rename = "isMeta")]
    is_meta: Flag,
    #[serde(rename = "isSidechain")]
    is_sidechain: Flag,
    #[serde(rename = "isCompactSummary")]
    is_compact_summary: Flag,
    #[serde(rename = "isVisibleInTranscriptOnly")]
    is_visible_in_transcript_only: Flag,
    #[serde(borrow)]
    message: Option<Message<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    content: Content<'a>,
}

/// Reads the session of one file.
pub(super) fn read<'a>(file: &File<'_>, records: impl Iterator<Item = Record<'a>>) -> Transcript {
    let mut events = Vec::new();
    let mut skipped = Vec::new();
    let mut span = Span::default();
    let mut last_session = Text::default();
    let mut messages = 0;
    let mut sidechain_messages = 0;
    for Record { place, text } in records {
        let text = match text {
            Ok(text) => text,
            Err(reason) => {
                skipped.push(Skipped { line: place, reason: Cow::Borrowed(reason) });
                continue;
            }
        };
        let line: Line<'_> = match serde_json::from_str(text) {
            Ok(line) => line,
            Err(error) => {
                skipped.push(records::unreadable(place, &error));
                continue;
            }
        };
        if !is_record(line.kind.as_str()) && line.session_id.is_empty() && line.uuid.is_none() {
            skipped.push(Skipped { line: place, reason: Cow::Borrowed("is not a Claude Code record") });
            continue;
        }
        span.see(line.timestamp.0);
        messages += u64::from(line.message.is_some());
        sidechain_messages += u64::from(line.message.is_some() && line.is_sidechain.0);
        let is_machine = line.is_meta.0
            || line.is_sidechain.0
            || line.is_compact_summary.0
            || line.is_visible_in_transcript_only.0;
        let add = |kind| events.push(Event { line: place, at: line.timestamp.0, kind });
        if let Some(message) = line.message {
            match line.kind.as_str() {
                "user" if is_machine => each(message.content, |_| None, add),
                "user" => each(message.content, |text| spoken(&text).map(EventKind::User), add),
                "assistant" => each(message.content, |text| Some(EventKind::Agent(text)), add),
                _ => {}
            }
        }
        if !line.session_id.is_empty() {
            last_session = line.session_id;
        }
    }
    let stem = file.stem();
    // A helper's file carries the id of the session that started it.
    let is_helper = messages > 0 && messages == sidechain_messages;
    let name = match uuid_at_end(stem) {
        Some(uuid) => uuid,
        None if last_session.is_empty() || is_helper => stem,
        None => last_session.as_str(),
    };
    let (created_at, last_at) = span.or(file.time);
    Transcript {
        session: session_id(name),
        format: Format::ClaudeCode,
        created_at,
        last_at,
        events,
        skipped,
        bytes: file.bytes,
    }
}

/// Makes an event of each block of a message; `of_text` says what its texts are.
fn each(content: Content<'_>, of_text: impl Fn(String) -> Option<EventKind>, add: impl FnMut(EventKind)) {
    match content {
        Content::Text(text) => of_text(text.into_owned()).into_iter().for_each(add),
        Content::Blocks(blocks) => {
            blocks.into_iter().filter_map(|block| block.into_event(&of_text)).for_each(add);
        }
    }
}

/// Beginnings of texts that Claude Code or a hook writes as the user.
const MACHINE_TEXTS: [&str; 9] = [
    "[Request interrupted",
    "Operation stopped by hook",
    "Caveat: The messages below were generated",
    "This session is being continued from a previous conversation",
    "Stop hook feedback",
    "Base directory for this skill:",
    "Unknown skill:",
    "API Error",
    "Warmup",
];

/// Names of elements that wrap what a program wrote, by how they begin.
const MACHINE_ELEMENTS: [&str; 14] = [
    "system-reminder",
    "system_",
    "command-",
    "local-command-",
    "bash-",
    "ide_",
    "ide-",
    "task-",
    "user-prompt-submit-hook",
    "session-start-hook",
    "new-diagnostics",
    "tool_use_error",
    "teammate-message",
    "uploaded_files",
];

/// Returns what a person said in a user's text, without what a program wrapped around it.
///
/// A text that carries a command or its output is no speech at all.
pub(super) fn spoken(text: &str) -> Option<String> {
    let mut rest = text;
    let mut said = String::new();
    while let Some(at) = memchr::memchr(b'<', rest.as_bytes()) {
        let (before, tag) = rest.split_at(at);
        let name_end = tag[1..].find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')));
        let name = &tag[1..1 + name_end.unwrap_or(tag.len() - 1)];
        said.push_str(before);
        if MACHINE_ELEMENTS.iter().any(|start| name.starts_with(start)) {
            if ["command-", "local-command-", "bash-"].iter().any(|start| name.starts_with(start)) {
                return None;
            }
            let close = format!("</{name}>");
            rest = tag.find(&close).map_or("", |end| &tag[end + close.len()..]);
        } else {
            said.push('<');
            rest = &tag[1..];
        }
    }
    said.push_str(rest);
    let said = said.trim();
    let is_speech = !said.is_empty() && !MACHINE_TEXTS.iter().any(|start| said.starts_with(start));
    is_speech.then(|| said.to_owned())
}

/// Returns the UUID a file name ends with, be it after a date.
fn uuid_at_end(stem: &str) -> Option<&str> {
    let (before, uuid) = stem.split_at_checked(stem.len().checked_sub(36)?)?;
    let is_uuid = uuid.bytes().enumerate().all(|(i, byte)| match i {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    (is_uuid && !before.ends_with(|c: char| c.is_ascii_alphanumeric())).then_some(uuid)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn read_lines(name: &str, lines: &[&str]) -> Transcript {
        let bytes = lines.join("\n");
        let mut found =
            super::super::read_bytes(bytes.as_bytes(), name, Timestamp::from_second(1_700_000_000).unwrap())
                .unwrap();
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    const UUID: &str = "0a93878f-dc30-4a5d-882f-3cd81cd3d499";

    #[test]
    fn messages_and_tools_become_events_and_bookkeeping_only_dates_the_session() {
        let read = read_lines(
            "x/notes.jsonl",
            &[
                r#"{"type":"file-history-snapshot","messageId":"m","snapshot":{"timestamp":"2026-01-01T00:00:00Z"}}"#,
                r#"{"type":"progress","data":{"message":{"role":"user"}},"sessionId":"s-1","timestamp":"2026-01-02T09:00:00Z"}"#,
                r#"{"type":"user","sessionId":"s-1","timestamp":"2026-01-02T10:00:00Z","message":{"role":"user","content":"fix it"},"toolUseResult":{"a":[1]}}"#,
                r#"{"type":"assistant","sessionId":"s-1","timestamp":"2026-01-02T10:01:00Z","message":{"content":[{"type":"thinking","thinking":"hm","signature":"x"},{"type":"text","text":"Reading."},{"type":"tool_use","id":"t1","name":"Read","input":{"file_path":"/a"}}]}}"#,
                r#"{"type":"user","sessionId":"s-1","timestamp":"2026-01-02T10:02:00Z","message":{"content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"gone"}],"is_error":true},{"type":"text","text":"look again"}]}}"#,
            ],
        );
        let kinds: Vec<_> = read.events.iter().map(|e| (e.line, e.kind.clone())).collect();
        assert_eq!(
            kinds,
            [
                (3, EventKind::User("fix it".into())),
                (4, EventKind::Agent("Reading.".into())),
                (
                    4,
                    EventKind::ToolUse {
                        id: "t1".into(),
                        name: "Read".into(),
                        input: r#"{"file_path":"/a"}"#.into()
                    }
                ),
                (5, EventKind::ToolResult { id: "t1".into(), text: "gone".into(), is_error: true }),
                (5, EventKind::User("look again".into())),
            ]
        );
        assert_eq!(read.session.as_str(), "s-1");
        assert_eq!(read.created_at.to_string(), "2026-01-02T09:00:00Z");
        assert_eq!(read.last_at.to_string(), "2026-01-02T10:02:00Z");
        assert_eq!(read.skipped, []);
    }

    #[test]
    fn only_people_speak() {
        let line = |extra: &str, content: &str| {
            format!(r#"{{"type":"user","uuid":"u"{extra},"message":{{"content":{content:?}}}}}"#)
        };
        let lines = [
            line(r#","isMeta":true"#, "meta"),
            line(r#","isSidechain":true"#, "prompt of an agent to its helper"),
            line(r#","isCompactSummary":true"#, "summary"),
            line("", "<command-name>/model</command-name>\n<command-args>always opus</command-args>"),
            line("", "<local-command-stdout>Set model</local-command-stdout>"),
            line("", "<bash-input> always fail</bash-input>"),
            line("", "[Request interrupted by user for tool use]"),
            line("", "Operation stopped by hook: Another session is active"),
            line("", "use <b>bold</b><system-reminder>never tell</system-reminder> if a < b"),
            line("", "<ide_opened_file>secret.rs"),
        ];
        let read = read_lines("a.jsonl", &lines.iter().map(String::as_str).collect::<Vec<_>>());
        let kinds: Vec<_> = read.events.into_iter().map(|e| e.kind).collect();
        assert_eq!(kinds, [EventKind::User("use <b>bold</b> if a < b".into())]);
    }

    #[test]
    fn bad_lines_are_counted_with_their_reasons() {
        let read = read_lines(
            "a.jsonl",
            &[
                r#"{"type":"user","uuid":"u","message":{"content":"one"}}"#,
                r#"{"type":"user","uuid":"u","message":{"conte"#,
                "garbage",
                r#"{"level":"info","msg":"foreign"}"#,
                r#"{"type":"user","uuid":"u"} {"type":"user"}"#,
                r#"{"type":"user","uuid":"u","message":7}"#,
                r#"{"type":"user","uuid":"u","message":{"content":"two"}}"#,
            ],
        );
        assert_eq!(read.events.len(), 2);
        let skipped: Vec<_> = read.skipped.iter().map(|s| format!("{} {}", s.line, s.reason)).collect();
        insta::assert_snapshot!(skipped.join("\n"), @"
        2 breaks off in the middle of a record
        3 is not a JSON object
        4 is not a Claude Code record
        5 is not JSON
        6 is JSON of an unexpected shape
        ");
    }

    #[test]
    fn the_session_is_named_by_its_file_then_by_its_records() {
        let line = |session: &str, extra: &str| {
            format!(r#"{{"type":"user","sessionId":{session:?}{extra},"message":{{"content":"x"}}}}"#)
        };
        let id = |name: &str, line: &str| read_lines(name, &[line]).session.to_string();
        assert_eq!(id(&format!("logs/{UUID}.jsonl"), &line("other", "")), UUID);
        assert_eq!(id(&format!("2026-01-02-{UUID}.jsonl"), &line("other", "")), UUID);
        assert_eq!(id("notes.jsonl", &line("other", "")), "other");
        assert_eq!(id("agent-7.jsonl", &line("other", r#","isSidechain":true"#)), "agent-7");
        assert_eq!(id("a b.jsonl", &line("", r#","uuid":"u""#)), "a-b-8044f8a624582c4c");
    }
}
