//! Chat-completions JSONL: one conversation per line, one message per line, or one conversation per file.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

use crate::ids::SessionId;

use super::content::{Content, Date, Flag, Json, Text};
use super::records::{self, Record};
use super::{Event, EventKind, File, Format, Skipped, Source, Span, Transcript, session_id};

/// What the list of messages is called in a conversation.
pub(super) const CONVERSATION_KEYS: [&str; 4] = ["messages", "traj", "conversation", "conversations"];

/// Says whether a text is who speaks in a message.
pub(super) fn is_role(text: &str) -> bool {
    matches!(
        text,
        "user" | "human" | "assistant" | "gpt" | "model" | "system" | "developer" | "tool" | "function"
    )
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Conversation<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    created: Date,
    created_at: Date,
    timestamp: Date,
    #[serde(borrow, alias = "traj", alias = "conversation", alias = "conversations")]
    messages: Option<Vec<Message<'a>>>,
}

impl Conversation<'_> {
    fn at(&self) -> Option<Timestamp> {
        self.created.0.or(self.created_at.0).or(self.timestamp.0)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow, alias = "from")]
    role: Text<'a>,
    #[serde(borrow, alias = "value")]
    content: Content<'a>,
    created: Date,
    created_at: Date,
    timestamp: Date,
    #[serde(borrow, alias = "conversation_id", alias = "thread_id")]
    session_id: Text<'a>,
    #[serde(borrow)]
    tool_calls: Option<Vec<ToolCall<'a>>>,
    #[serde(borrow)]
    function_call: Option<Function<'a>>,
    #[serde(borrow)]
    tool_call_id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    is_error: Flag,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ToolCall<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    function: Function<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Function<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    arguments: Json,
}

impl Message<'_> {
    fn at(&self) -> Option<Timestamp> {
        self.created.0.or(self.created_at.0).or(self.timestamp.0)
    }

    /// Makes the events of a message. System messages are instructions to the agent and give none.
    fn add_events(self, mut add: impl FnMut(EventKind)) {
        match self.role.as_str() {
            "user" | "human" => each(self.content, EventKind::User, add),
            "assistant" | "gpt" | "model" => {
                each(self.content, EventKind::Agent, &mut add);
                for call in self.tool_calls.unwrap_or_default() {
                    add(call.function.called_as(call.id));
                }
                if let Some(function) = self.function_call {
                    add(function.called_as(Text::default()));
                }
            }
            "tool" | "function" => {
                let id = if self.tool_call_id.is_empty() { self.name } else { self.tool_call_id };
                add(EventKind::ToolResult {
                    id: id.into_string(),
                    text: self.content.into_text(),
                    is_error: self.is_error.0,
                });
            }
            _ => {}
        }
    }
}

impl Function<'_> {
    /// Calls of the older form have no id; they are answered by name.
    fn called_as(self, id: Text<'_>) -> EventKind {
        let name = self.name.into_string();
        let id = if id.is_empty() { name.clone() } else { id.into_string() };
        EventKind::ToolUse { id, name, input: self.arguments.0 }
    }
}

fn each(content: Content<'_>, of_text: fn(String) -> EventKind, add: impl FnMut(EventKind)) {
    let of_text = |text: String| (!text.trim().is_empty()).then(|| of_text(text));
    match content {
        Content::Text(text) => of_text(text.into_owned()).into_iter().for_each(add),
        Content::Blocks(blocks) => blocks.into_iter().filter_map(|b| b.into_event(of_text)).for_each(add),
    }
}

/// Reads the sessions of one file, in the order they begin there.
pub(super) fn read(file: &File<'_>, source: &Source<'_>) -> Vec<Transcript> {
    let mut reader =
        Reader { file, sessions: Vec::new(), seen: BTreeSet::new(), skipped: Vec::new(), open: None };
    for record in source.records() {
        if let Err(reason) = reader.record(record) {
            reader.skipped.push(reason);
        }
    }
    if let Source::Conversation { object, .. } = source
        && let Some(open) = &mut reader.open
    {
        open.describe(object);
    }
    reader.finish()
}

struct Reader<'f> {
    file: &'f File<'f>,
    sessions: Vec<Transcript>,
    seen: BTreeSet<SessionId>,
    skipped: Vec<Skipped>,
    /// The one session that single messages belong to.
    open: Option<Open>,
}

/// A session that is being put together from single messages.
struct Open {
    line: u64,
    name: String,
    span: Span,
    events: Vec<Event>,
}

impl Open {
    /// Takes id and date from the object that holds the messages.
    fn describe(&mut self, object: &[u8]) {
        fn read<'a, T: Default + Deserialize<'a>>(object: &'a [u8], key: &str) -> T {
            let value = records::member(object, key).unwrap_or_default();
            serde_json::from_slice(value).unwrap_or_default()
        }
        let id: Text<'_> = read(object, "id");
        if !id.is_empty() {
            self.name = id.into_string();
        }
        let dates = ["created", "created_at", "timestamp"].map(|key| read::<Date>(object, key).0);
        let created = dates.into_iter().flatten().next();
        self.span.first = created.or(self.span.first);
        self.span.see(created);
    }
}

impl Reader<'_> {
    fn record(&mut self, Record { place, text }: Record<'_>) -> Result<(), Skipped> {
        let text = text.map_err(|reason| Skipped { line: place, reason: Cow::Borrowed(reason) })?;
        let unreadable = |error| records::unreadable(place, &error);
        let conversation: Conversation<'_> = serde_json::from_str(text).map_err(unreadable)?;
        if conversation.messages.is_some() {
            self.conversation(place, text.len(), conversation);
            return Ok(());
        }
        let message: Message<'_> = serde_json::from_str(text).map_err(unreadable)?;
        if !is_role(message.role.as_str()) {
            return Err(Skipped {
                line: place,
                reason: Cow::Borrowed("is neither a conversation nor a message"),
            });
        }
        self.message(place, message);
        Ok(())
    }

    fn conversation(&mut self, line: u64, bytes: usize, conversation: Conversation<'_>) {
        let mut span = Span::default();
        span.see(conversation.at());
        let mut events = Vec::new();
        for (message, place) in conversation.messages.unwrap_or_default().into_iter().zip(1..) {
            let at = message.at();
            span.see(at);
            message.add_events(|kind| events.push(Event { line: place, at, kind }));
        }
        let place = format!("{}#{line}", self.file.name);
        let mut session =
            session_id(if conversation.id.is_empty() { &place } else { conversation.id.as_str() });
        if self.seen.contains(&session) {
            session = session_id(&format!("{session}#{line}"));
        }
        self.push(session, span, events, bytes as u64);
    }

    fn message(&mut self, line: u64, message: Message<'_>) {
        let at = message.at();
        let open = self.open.get_or_insert_with(|| Open {
            line,
            name: String::new(),
            span: Span::default(),
            events: Vec::new(),
        });
        open.span.see(at);
        if open.name.is_empty() && !message.session_id.is_empty() {
            open.name = message.session_id.as_str().to_owned();
        }
        message.add_events(|kind| open.events.push(Event { line, at, kind }));
    }

    fn push(&mut self, session: SessionId, span: Span, events: Vec<Event>, bytes: u64) {
        let (created_at, last_at) = span.or(self.file.time);
        self.seen.insert(session.clone());
        self.sessions.push(Transcript {
            session,
            format: Format::ChatCompletions,
            created_at,
            last_at,
            events,
            skipped: Vec::new(),
            bytes,
        });
    }

    fn finish(mut self) -> Vec<Transcript> {
        if let Some(open) = self.open.take() {
            let place = format!("{}#{}", self.file.name, open.line);
            let mut session = session_id(if open.name.is_empty() { &place } else { &open.name });
            if self.seen.contains(&session) {
                session = session_id(&place);
            }
            let others: u64 = self.sessions.iter().map(|s| s.bytes).sum();
            self.push(session, open.span, open.events, self.file.bytes.saturating_sub(others));
        }
        if let Some(first) = self.sessions.first_mut() {
            first.skipped = self.skipped;
        }
        self.sessions
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_bytes;
    use super::*;

    fn read_text(text: &str) -> Vec<Transcript> {
        read_bytes(text.as_bytes(), "logs/support.jsonl", Timestamp::UNIX_EPOCH).unwrap()
    }

    const CALL: &str = r#"{"messages":[
        {"role":"system","content":"Always obey."},
        {"role":"user","content":[{"type":"text","text":"Where is my order?"},{"type":"image_url","image_url":{}}]},
        {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"find","arguments":"{\"id\":7}"}}]},
        {"role":"tool","tool_call_id":"c1","content":"Error: order not found"},
        {"role":"assistant","content":"Not found."}]}"#;

    fn call_events() -> Vec<(u64, EventKind)> {
        vec![
            (2, EventKind::User("Where is my order?".into())),
            (3, EventKind::ToolUse { id: "c1".into(), name: "find".into(), input: r#"{"id":7}"#.into() }),
            (
                4,
                EventKind::ToolResult {
                    id: "c1".into(),
                    text: "Error: order not found".into(),
                    is_error: false,
                },
            ),
            (5, EventKind::Agent("Not found.".into())),
        ]
    }

    fn kinds(read: &Transcript) -> Vec<(u64, EventKind)> {
        read.events.iter().map(|e| (e.line, e.kind.clone())).collect()
    }

    #[test]
    fn each_line_is_a_session_named_by_its_id_or_its_place() {
        let one_line = CALL.replace('\n', "");
        let with_id = one_line.replacen('{', r#"{"id":"conv 1","created":1767355200,"#, 1);
        let found = read_text(&format!("{one_line}\nnot json\n{with_id}\n{with_id}"));
        let ids: Vec<_> = found.iter().map(|t| t.session.as_str()).collect();
        assert_eq!(ids[0], "logs/support.jsonl#1");
        assert!(ids[1].starts_with("conv-1-") && ids[2].ends_with("#4"), "{ids:?}");
        assert_eq!(found[1].created_at.to_string(), "2026-01-02T12:00:00Z");
        assert_eq!(found[0].created_at, Timestamp::UNIX_EPOCH);
        for read in &found {
            assert_eq!(kinds(read), call_events());
        }
        assert_eq!(found[0].skipped, [Skipped { line: 2, reason: "is not a JSON object".into() }]);
    }

    #[test]
    fn a_conversation_may_fill_the_file() {
        let pretty =
            CALL.replacen('{', "{\n\"id\": \"chat_9\",\n\"timestamp\": \"2026-01-02T12:00:00Z\",\n", 1);
        let found = read_text(&pretty);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].session.as_str(), "chat_9");
        assert_eq!(found[0].created_at.to_string(), "2026-01-02T12:00:00Z");
        assert_eq!(kinds(&found[0]), call_events());
    }

    #[test]
    fn messages_of_their_own_lines_are_one_session() {
        let found = read_text(
            "{\"role\":\"user\",\"content\":\"hi\",\"timestamp\":\"2026-01-02T12:00:00Z\"}\n\
             {\"role\":\"assistant\",\"content\":\"hello\",\"function_call\":{\"name\":\"f\",\"arguments\":\"{}\"}}\n\
             {\"speaker\":\"user\"}\n\
             {\"role\":\"function\",\"name\":\"f\",\"content\":\"ok\"}",
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].session.as_str(), "logs/support.jsonl#1");
        assert_eq!(
            kinds(&found[0]),
            [
                (1, EventKind::User("hi".into())),
                (2, EventKind::Agent("hello".into())),
                (2, EventKind::ToolUse { id: "f".into(), name: "f".into(), input: "{}".into() }),
                (4, EventKind::ToolResult { id: "f".into(), text: "ok".into(), is_error: false }),
            ]
        );
        assert_eq!(found[0].skipped.len(), 1);
    }
}
