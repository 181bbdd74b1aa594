//! What a dream asked for over HTTP tells of itself: the events of its worker session.
//!
//! ```text
//! begin ─▶ read ─▶ read ─▶ … ─▶ write ─▶ end
//! ```
//!
//! Each is part of the transaction it tells of, so the session says what has happened and nothing else. A
//! dream without a worker session tells nothing.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::backend::wire::Object;
use crate::dream::{ChangeKind, DreamChange, DreamStatus};
use crate::dreaming::Reading;
use crate::ids::SessionId;
use crate::memory::MemoryPath;
use crate::snapshot::Snapshot;

use super::dreams::DreamRecord;
use super::error::Failure;
use super::recorded;

/// Where an agent sees the sessions that a dream reads.
const SESSIONS: &str = "/mnt/session/inputs";
/// How many lines an edit looks back for words that occur once, before it shows the whole memory.
const ANCHOR_LINES: usize = 8;

/// Starts the worker session of a dream and says what was asked for.
pub(super) fn begin(
    db: &Connection,
    record: &DreamRecord,
    store_name: &str,
    now: Timestamp,
) -> Result<SessionId, Failure> {
    let dream = &record.dream;
    let session = recorded::start_worker_session(db, dream, &dream.store, now)?;
    let words = format!(
        "Dreaming over memory store `{}` ({store_name}) and {}. Asked of the model `{}`; carried out by the \
         mind `{}`. The result goes into {}.",
        dream.store,
        counted(dream.sessions.len(), "session"),
        dream.model,
        record.mind(),
        if record.updates_existing { "the store itself" } else { "a new store" },
    );
    append(db, &session, vec![message(&words)], now)?;
    Ok(session)
}

/// Says which sessions were read, and what that took.
pub(super) fn read(
    db: &Connection,
    record: &DreamRecord,
    readings: &[Reading],
    now: Timestamp,
) -> Result<(), Failure> {
    let Some(session) = &record.session else { return Ok(()) };
    let calls = readings
        .iter()
        .map(|reading| {
            let input = json!({ "file_path": format!("{SESSIONS}/{}.jsonl", reading.session) });
            let result = format!("about {} tokens", reading.tokens);
            Call { name: "read", input, result }
        })
        .collect();
    let tokens = readings.iter().map(|reading| reading.tokens).sum();
    request(db, session, calls, (tokens, 0), now)
}

/// Says what became of a store, why in short, and what was left alone because agents changed it.
pub(super) fn write(
    db: &Connection,
    record: &DreamRecord,
    store_name: &str,
    written: &Written<'_>,
    now: Timestamp,
) -> Result<(), Failure> {
    let Some(session) = &record.session else { return Ok(()) };
    let mount = recorded::mount_path(store_name);
    let Written { before, after, changes, kept, tokens } = written;
    let at = |path: &MemoryPath| format!("{mount}{path}");
    let mut calls = Vec::new();
    for old in before.iter().filter(|old| after.get(&old.path).is_none()) {
        let quoted = at(&old.path).replace('\'', r"'\''");
        let input = json!({ "command": format!("rm '{quoted}'") });
        calls.push(Call { name: "bash", input, result: String::new() });
    }
    for new in after.iter() {
        let (name, input) = match before.get(&new.path) {
            Some(old) if old.hash == new.hash => continue,
            Some(old) => {
                let (old_string, new_string) = edit(&old.content, &new.content);
                let input = json!({
                    "file_path": at(&new.path), "old_string": old_string, "new_string": new_string
                });
                ("edit", input)
            }
            None => ("write", json!({ "file_path": at(&new.path), "content": &*new.content })),
        };
        calls.push(Call { name, input, result: counted(new.content.len(), "byte") });
    }
    let touched = calls.len();
    request(db, session, calls, (0, *tokens), now)?;
    let mut words = format!("{} written. {}", counted(touched, "change"), summary(changes));
    if !kept.is_empty() {
        let paths: Vec<String> = kept.iter().map(|path| format!("`{path}`")).collect();
        words += &format!(
            " Left as agents have them, because they, or what they belong with, changed while the dream was \
             at work: {}.",
            paths.join(", ")
        );
    }
    append(db, session, vec![message(words.trim())], now)?;
    Ok(())
}

/// What [`write`] tells of.
pub(super) struct Written<'a> {
    /// The store before.
    pub(super) before: &'a Snapshot,
    /// The store now.
    pub(super) after: &'a Snapshot,
    /// What the mind did.
    pub(super) changes: &'a [DreamChange],
    /// What it would have changed and did not.
    pub(super) kept: &'a BTreeSet<MemoryPath>,
    /// Output tokens it took.
    pub(super) tokens: u64,
}

/// Ends the worker session of a dream that has ended, and says how it did.
pub(super) fn end(db: &Connection, record: &DreamRecord, now: Timestamp) -> Result<(), Failure> {
    let (dream, Some(session)) = (&record.dream, &record.session) else { return Ok(()) };
    if let Some(error) = &dream.error {
        let told = json!({ "error": {
            "type": "unknown_error",
            "message": format!("{}: {}", error.kind, error.message),
            "retry_status": { "type": "terminal" },
        }});
        append(db, session, vec![event("session.error", told)], now)?;
    }
    if dream.status == DreamStatus::Canceled {
        append(db, session, vec![message("Canceled.")], now)?;
    }
    recorded::finish_worker_session(db, session, &dream.usage, now)
}

/// A tool call with its result.
struct Call {
    name: &'static str,
    input: Value,
    result: String,
}

/// Tells one round of work as one model request: its tool calls, its usage, then the results.
fn request(
    db: &Connection,
    session: &SessionId,
    calls: Vec<Call>,
    (input_tokens, output_tokens): (u64, u64),
    now: Timestamp,
) -> Result<(), Failure> {
    let mut started = append(db, session, vec![event("span.model_request_start", json!({}))], now)?;
    let uses = calls
        .iter()
        .map(|call| event("agent.tool_use", json!({ "name": call.name, "input": call.input })))
        .collect();
    let uses = append(db, session, uses, now)?;
    let span = json!({
        "model_request_start_id": started.pop(),
        "is_error": false,
        "model_usage": {
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "speed": "standard",
        },
    });
    let mut results = vec![event("span.model_request_end", span)];
    results.extend(calls.iter().zip(uses).map(|(call, id)| {
        let content = match call.result.as_str() {
            "" => json!([]),
            text => json!([{ "type": "text", "text": text }]),
        };
        event("agent.tool_result", json!({ "tool_use_id": id, "content": content, "is_error": false }))
    }));
    append(db, session, results, now)?;
    Ok(())
}

/// Adds events and returns their ids.
fn append(
    db: &Connection,
    session: &SessionId,
    events: Vec<Object>,
    now: Timestamp,
) -> Result<Vec<String>, Failure> {
    let id = |event: &Object| event.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(recorded::append(db, session, events, now)?.iter().map(id).collect())
}

fn event(kind: &str, fields: Value) -> Object {
    let mut event = Object::new();
    event.insert("type".to_owned(), kind.into());
    if let Value::Object(fields) = fields {
        event.extend(fields);
    }
    event
}

fn message(words: &str) -> Object {
    event("agent.message", json!({ "content": [{ "type": "text", "text": words }] }))
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn summary(changes: &[DreamChange]) -> String {
    let words = [
        (ChangeKind::Merged, "merged"),
        (ChangeKind::Superseded, "superseded"),
        (ChangeKind::Learned, "learned"),
        (ChangeKind::Playbook, "playbooks"),
        (ChangeKind::Dropped, "dropped"),
        (ChangeKind::Rewritten, "rewritten"),
    ];
    let parts: Vec<String> = words
        .iter()
        .map(|(kind, word)| (changes.iter().filter(|change| change.kind == *kind).count(), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if parts.is_empty() {
        "Nothing to consolidate.".to_owned()
    } else {
        format!("Statements: {}.", parts.join(", "))
    }
}

/// Returns the smallest run of whole lines that an edit can name, and what takes its place.
fn edit<'a>(old: &'a str, new: &'a str) -> (&'a str, &'a str) {
    let same = |a: &str, b: &str| a == b;
    let (olds, news): (Vec<&str>, Vec<&str>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let mut head = olds.iter().zip(&news).take_while(|(a, b)| same(a, b)).count();
    let most = olds.len().min(news.len()) - head;
    let tail = olds.iter().rev().zip(news.iter().rev()).take(most).take_while(|(a, b)| same(a, b)).count();
    let bytes = |lines: &[&str]| lines.iter().map(|line| line.len()).sum::<usize>();
    let after = bytes(&olds[olds.len() - tail..]);
    for _ in 0..=ANCHOR_LINES {
        let before = bytes(&olds[..head]);
        let named = &old[before..old.len() - after];
        if !named.is_empty() && old.find(named) == Some(before) && old.rfind(named) == Some(before) {
            return (named, &new[before..new.len() - after]);
        }
        let Some(less) = head.checked_sub(1) else { break };
        head = less;
    }
    (old, new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_edit_names_whole_lines_that_occur_once() {
        assert_eq!(edit("a\nb\nc\n", "a\nB\nc\n"), ("b\n", "B\n"));
        assert_eq!(edit("a\nc\n", "a\nb\nc\n"), ("a\n", "a\nb\n"));
        assert_eq!(edit("x\na\nx\na\n", "x\na\nx\n"), ("a\nx\na\n", "a\nx\n"));
        assert_eq!(edit("", "new"), ("", "new"));
    }

    proptest! {
        #[test]
        fn an_edit_makes_the_new_text_of_the_old(old in "[ab\n]{1,12}", new in "[ab\n]{0,12}") {
            let (named, instead) = edit(&old, &new);
            prop_assert_eq!(old.replacen(named, instead, 1), new);
        }
    }
}
