//! Managed Agents session events, as the API lists them.

use std::borrow::Cow;

use serde::Deserialize;

use super::content::{Content, Date, Flag, Json, Text};
use super::records::{self, Record};
use super::{Event, EventKind, File, Format, Skipped, Span, Transcript, session_id};

/// Says whether a record's `type` is one of the API's event types.
pub(super) fn is_event(kind: &str) -> bool {
    let starts = ["user.", "agent.", "session.", "system.", "span.", "callback."];
    starts.iter().any(|start| kind.starts_with(start)) || matches!(kind, "event_start" | "event_delta")
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ApiEvent<'a> {
    #[serde(rename = "type", borrow)]
    kind: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    session_id: Text<'a>,
    processed_at: Date,
    created_at: Date,
    #[serde(borrow)]
    content: Content<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    input: Json,
    #[serde(borrow)]
    tool_use_id: Text<'a>,
    #[serde(borrow)]
    mcp_tool_use_id: Text<'a>,
    #[serde(borrow)]
    custom_tool_use_id: Text<'a>,
    is_error: Flag,
    #[serde(borrow)]
    result: Text<'a>,
    #[serde(borrow)]
    deny_message: Text<'a>,
}

/// Reads the session of one file.
pub(super) fn read<'a>(file: &File<'_>, records: impl Iterator<Item = Record<'a>>) -> Transcript {
    let mut events = Vec::new();
    let mut skipped = Vec::new();
    let mut span = Span::default();
    let mut session = Text::default();
    for Record { place, text } in records {
        let read = text.map_err(|reason| Skipped { line: place, reason: Cow::Borrowed(reason) });
        let read = read.and_then(|text| {
            serde_json::from_str::<ApiEvent<'_>>(text).map_err(|error| records::unreadable(place, &error))
        });
        let mut event = match read {
            Ok(event) => event,
            Err(reason) => {
                skipped.push(reason);
                continue;
            }
        };
        if !is_event(event.kind.as_str()) {
            skipped.push(Skipped { line: place, reason: Cow::Borrowed("is not a session event") });
            continue;
        }
        let at = event.processed_at.0.or(event.created_at.0);
        span.see(at);
        if session.is_empty() {
            session = std::mem::take(&mut event.session_id);
        }
        add_events(event, |kind| events.push(Event { line: place, at, kind }));
    }
    let (created_at, last_at) = span.or(file.time);
    Transcript {
        session: session_id(if session.is_empty() { file.stem() } else { session.as_str() }),
        format: Format::ManagedAgents,
        created_at,
        last_at,
        events,
        skipped,
        bytes: file.bytes,
    }
}

fn add_events(event: ApiEvent<'_>, mut add: impl FnMut(EventKind)) {
    let answered = [event.tool_use_id, event.mcp_tool_use_id, event.custom_tool_use_id];
    let call = || answered.into_iter().find(|id| !id.is_empty()).unwrap_or_default().into_string();
    match event.kind.as_str() {
        "user.message" => texts(event.content, |text| add(EventKind::User(text))),
        "agent.message" => texts(event.content, |text| add(EventKind::Agent(text))),
        "agent.tool_use" | "agent.mcp_tool_use" | "agent.custom_tool_use" => add(EventKind::ToolUse {
            id: event.id.into_string(),
            name: event.name.into_string(),
            input: event.input.0,
        }),
        "agent.tool_result" | "agent.mcp_tool_result" | "user.tool_result" | "user.custom_tool_result" => {
            add(EventKind::ToolResult {
                id: call(),
                text: event.content.into_text(),
                is_error: event.is_error.0,
            });
        }
        "user.tool_confirmation" if event.result.as_str() == "deny" => {
            let text = "the user did not allow this tool use".to_owned();
            add(EventKind::ToolResult { id: call(), text, is_error: true });
            if !event.deny_message.is_empty() {
                add(EventKind::User(event.deny_message.into_string()));
            }
        }
        _ => {}
    }
}

/// Gives each text of a message; documents and images are files and nobody's words.
fn texts(content: Content<'_>, mut give: impl FnMut(String)) {
    match content {
        Content::Text(text) if text.trim().is_empty() => {}
        Content::Text(text) => give(text.into_owned()),
        Content::Blocks(blocks) => blocks
            .into_iter()
            .filter(|block| block.kind.as_str() == "text" && !block.text.as_str().trim().is_empty())
            .for_each(|block| give(block.text.into_string())),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::read_bytes;
    use super::*;

    const EVENTS: [&str; 6] = [
        r#"{"type":"session.status_running","id":"sevt_0","processed_at":"2026-03-01T08:00:00Z"}"#,
        r#"{"type":"user.message","id":"sevt_1","content":[{"type":"text","text":"Always use metric units."},{"type":"document","source":{"type":"text","data":"never"}}],"processed_at":"2026-03-01T08:00:01Z"}"#,
        r#"{"type":"agent.mcp_tool_use","id":"sevt_2","mcp_server_name":"crm","name":"lookup","input":{"q":1},"processed_at":"2026-03-01T08:00:02Z"}"#,
        r#"{"type":"agent.mcp_tool_result","id":"sevt_3","mcp_tool_use_id":"sevt_2","content":[{"type":"text","text":"no such customer"}],"is_error":true,"processed_at":"2026-03-01T08:00:03Z"}"#,
        r#"{"type":"user.tool_confirmation","id":"sevt_4","tool_use_id":"sevt_9","result":"deny","deny_message":"not in production","processed_at":null}"#,
        r#"{"type":"agent.message","id":"sevt_5","content":[{"type":"redacted"},{"type":"text","text":"Understood."}],"processed_at":"2026-03-01T08:00:05Z"}"#,
    ];

    fn read_one(text: &str) -> Transcript {
        let mut found = read_bytes(text.as_bytes(), "sesn_01.json", Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    #[test]
    fn list_page_and_lines_give_the_same_session() {
        let list = read_one(&format!("[{}]", EVENTS.join(",")));
        assert_eq!(list.session.as_str(), "sesn_01");
        assert_eq!(list.created_at.to_string(), "2026-03-01T08:00:00Z");
        assert_eq!(list.last_at.to_string(), "2026-03-01T08:00:05Z");
        let denied = "the user did not allow this tool use";
        let kinds: Vec<_> = list.events.iter().map(|e| (e.line, e.kind.clone())).collect();
        assert_eq!(
            kinds,
            [
                (2, EventKind::User("Always use metric units.".into())),
                (
                    3,
                    EventKind::ToolUse {
                        id: "sevt_2".into(),
                        name: "lookup".into(),
                        input: r#"{"q":1}"#.into()
                    }
                ),
                (
                    4,
                    EventKind::ToolResult {
                        id: "sevt_2".into(),
                        text: "no such customer".into(),
                        is_error: true
                    }
                ),
                (5, EventKind::ToolResult { id: "sevt_9".into(), text: denied.into(), is_error: true }),
                (5, EventKind::User("not in production".into())),
                (6, EventKind::Agent("Understood.".into())),
            ]
        );
        let layouts = [
            EVENTS.join("\n"),
            format!("{{\"data\":[{}],\"next_page\":null}}", EVENTS.join(",")),
            format!("{{\n  \"next_page\": null,\n  \"data\": [\n{}\n]}}", EVENTS.join(",\n")),
            format!("{{\"data\":[{}]}}\n{{\"data\":[{}]}}", EVENTS[..2].join(","), EVENTS[2..].join(",")),
        ];
        for text in layouts {
            let read = read_one(&text);
            assert_eq!(read.events, list.events, "{text}");
            assert_eq!(read.skipped, []);
        }
    }

    #[test]
    fn a_list_that_breaks_off_keeps_what_came_before() {
        let whole = format!("[{}]", EVENTS.join(","));
        let read = read_one(&whole[..whole.len() - 20]);
        assert_eq!(read.events.len(), 5);
        assert_eq!(
            read.skipped,
            [Skipped { line: 6, reason: "breaks off in the middle of a record".into() }]
        );
    }

    #[test]
    fn the_session_id_of_an_event_wins_over_the_file_name() {
        let read = read_one(r#"[{"type":"user.message","session_id":"sesn_77","content":[]}]"#);
        assert_eq!(read.session.as_str(), "sesn_77");
        assert_eq!(read.created_at, Timestamp::UNIX_EPOCH);
    }
}
