//! What a dream does, as the events of its worker session tell it.

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;
use serde_json::Value;

use crate::backend::wire::Object;
use crate::backend::{Activity, ActivityKind};
use crate::dream::DreamProgress;
use crate::ids::SessionId;

/// Where an agent sees memory stores.
const MOUNTS: &str = "/mnt/memory/";
/// The most activities that are kept of one dream; later ones only count.
const ACTIVITIES: usize = 10_000;
/// The most characters of what a dream says that are kept.
const WORDS: usize = 2_000;
/// The most ids that are kept to tell a repeated event. A session with more repeats itself only in part.
const IDS: usize = 200_000;

/// What was seen of one dream.
#[derive(Debug, Default)]
pub(super) struct Doings {
    pub(super) activities: Vec<Activity>,
    seen: HashSet<String>,
    read: BTreeSet<SessionId>,
    written: u64,
    is_begun: bool,
    /// When the latest event was processed: where to go on reading from.
    pub(super) latest: Option<Timestamp>,
}

/// What an event says of the session itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It goes on.
    GoesOn,
    /// It stopped, for now or for good: the dream may have ended.
    Stopped,
}

impl Doings {
    /// Takes in an event. One that was met before changes nothing.
    pub(super) fn take(&mut self, event: &Object, sessions: &[SessionId]) -> Turn {
        let text = |key: &str| event.get(key).and_then(Value::as_str);
        let kind = text("type").unwrap_or_default();
        // Previews have no id, and come again whole.
        let Some(id) = text("id") else { return Turn::GoesOn };
        if self.seen.len() >= IDS || !self.seen.insert(id.to_owned()) {
            return turn(kind);
        }
        self.is_begun = true;
        let at: Option<Timestamp> = text("processed_at").and_then(|text| text.parse().ok());
        self.latest = self.latest.max(at);
        if let Some((kind, what)) = doing(kind, event, sessions) {
            match kind {
                ActivityKind::Read => {
                    if let Some(session) = sessions.iter().find(|session| session.as_str() == what) {
                        self.read.insert(session.clone());
                    }
                }
                ActivityKind::Wrote => self.written += 1,
                ActivityKind::Said | ActivityKind::Failed => {}
            }
            if self.activities.len() < ACTIVITIES {
                self.activities.push(Activity { at, kind, what });
            }
        }
        turn(kind)
    }

    /// Returns how far a dream over so many sessions is, if it was seen at all.
    pub(super) fn progress(&self, sessions: usize) -> Option<DreamProgress> {
        self.is_begun.then_some(DreamProgress {
            sessions_read: self.read.len() as u64,
            sessions: sessions as u64,
            changes_written: self.written,
        })
    }

    /// Lets go of what is only needed while more may come.
    pub(super) fn close(&mut self) {
        self.seen = HashSet::new();
    }
}

fn turn(kind: &str) -> Turn {
    match kind {
        "session.status_idle" | "session.status_terminated" | "session.deleted" => Turn::Stopped,
        _ => Turn::GoesOn,
    }
}

fn doing(kind: &str, event: &Object, sessions: &[SessionId]) -> Option<(ActivityKind, String)> {
    match kind {
        "agent.tool_use" => {
            let input = event.get("input")?.as_object()?;
            let text = |key: &str| input.get(key).and_then(Value::as_str);
            match event.get("name")?.as_str()? {
                "read" => {
                    let file = text("file_path")?;
                    let stem = file.rsplit('/').next().unwrap_or(file);
                    let stem = stem.strip_suffix(".jsonl").unwrap_or(stem);
                    let session = sessions.iter().find(|session| session.as_str() == stem);
                    let what = session.map(ToString::to_string).or_else(|| mounted(file));
                    Some((ActivityKind::Read, what?))
                }
                "write" | "edit" => Some((ActivityKind::Wrote, mounted(text("file_path")?)?)),
                "bash" => Some((ActivityKind::Wrote, removed(text("command")?)?)),
                _ => None,
            }
        }
        "agent.message" => {
            let content = event.get("content")?.as_array()?;
            let texts = content.iter().filter_map(|block| block.get("text")?.as_str());
            let words = texts.collect::<Vec<_>>().join("\n");
            (!words.trim().is_empty()).then(|| (ActivityKind::Said, shortened(&words)))
        }
        "session.error" => {
            let message = event.get("error")?.get("message")?.as_str()?;
            Some((ActivityKind::Failed, shortened(message)))
        }
        _ => None,
    }
}

/// Returns the path within its store of a file under a mount.
fn mounted(file: &str) -> Option<String> {
    let below = file.strip_prefix(MOUNTS)?;
    let at = below.find('/')?;
    Some(shortened(&below[at..]))
}

/// Returns what a plain `rm` or `mv` takes away from a store. Other commands are not understood.
fn removed(command: &str) -> Option<String> {
    let command = command.trim_start();
    if !(command.starts_with("rm ") || command.starts_with("mv ")) {
        return None;
    }
    let start = command.find(MOUNTS)?;
    let end = match command[..start].chars().next_back() {
        Some(quote @ ('\'' | '"')) => command[start..].find(quote),
        _ => command[start..].find(char::is_whitespace),
    };
    mounted(&command[start..end.map_or(command.len(), |end| start + end)])
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(WORDS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Object {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn tool_calls_and_words_become_activities_and_progress_once() {
        let sessions = ["sesn_1", "sesn_2"].map(|id| SessionId::parse(id).unwrap());
        let events = [
            r#"{"id":"1","type":"agent.tool_use","name":"read","input":{"file_path":"/mnt/session/inputs/sesn_1.jsonl"}}"#,
            r#"{"id":"2","type":"agent.tool_use","name":"read","input":{"file_path":"/mnt/memory/notes/a/b.md"}}"#,
            r#"{"id":"3","type":"agent.tool_use","name":"edit","input":{"file_path":"/mnt/memory/notes/a/b.md"}}"#,
            r#"{"id":"4","type":"agent.tool_use","name":"bash","input":{"command":"rm '/mnt/memory/notes/old one.md'"}}"#,
            r#"{"id":"5","type":"agent.tool_use","name":"bash","input":{"command":"ls /mnt/memory/notes"}}"#,
            r#"{"id":"6","type":"agent.message","content":[{"type":"redacted"},{"type":"text","text":"done"}]}"#,
            r#"{"id":"7","type":"session.error","error":{"type":"x","message":"broke"}}"#,
            r#"{"id":"8","type":"agent.tool_use","name":"write","input":{"file_path":"/etc/passwd"}}"#,
            r#"{"id":"9","type":"agent.tool_use","name":"write","input":null}"#,
            r#"{"id":"10","type":"new.kind"}"#,
            r#"{"type":"event_start","event":{"type":"agent.message","id":"6"}}"#,
        ];
        let mut doings = Doings::default();
        assert_eq!(doings.progress(2), None);
        for text in events.iter().chain(&events) {
            assert_eq!(doings.take(&event(text), &sessions), Turn::GoesOn);
        }
        let told: Vec<_> = doings.activities.iter().map(|did| (did.kind, did.what.as_str())).collect();
        use ActivityKind::{Failed, Read, Said, Wrote};
        let expected = [
            (Read, "sesn_1"),
            (Read, "/a/b.md"),
            (Wrote, "/a/b.md"),
            (Wrote, "/old one.md"),
            (Said, "done"),
            (Failed, "broke"),
        ];
        assert_eq!(told, expected);
        let progress = doings.progress(2).unwrap();
        assert_eq!((progress.sessions_read, progress.sessions, progress.changes_written), (1, 2, 2));
        let idle = event(r#"{"id":"11","type":"session.status_idle","stop_reason":{"type":"end_turn"}}"#);
        assert_eq!(doings.take(&idle, &sessions), Turn::Stopped);
    }
}
