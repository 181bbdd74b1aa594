//! What the API answers, in the words of this program.
//!
//! Tolerant where the API may grow: an unknown status, kind or field is passed over. Strict where a value
//! is used later: ids and paths are checked.

use super::outcome::{Failed, clean};
use super::sessions::RUN_KEY;
use crate::backend::MemoryStore;
use crate::backend::wire;
use crate::dream::{Dream, DreamError, DreamStatus, Usage};
use crate::ids::{InvalidId, MemoryStoreId, SessionId};
use crate::session::{Session, SessionSize, SessionStatus};

/// Says that an answer holds something that is no id.
fn unfit(error: InvalidId) -> Failed {
    Failed::unusable(format!("the answer cannot be used: {error}"))
}

/// Reads a memory store.
pub(super) fn store(store: wire::MemoryStore) -> Result<MemoryStore, Failed> {
    Ok(MemoryStore {
        id: store.id.parse().map_err(unfit)?,
        name: clean(&store.name, 255),
        created_at: store.created_at,
        archived_at: store.archived_at,
    })
}

/// Reads a dream. One in a status of a later API is at work: it will end in one we know, or be canceled.
pub(super) fn dream(dream: wire::Dream) -> Result<Dream, Failed> {
    let status = match dream.status.as_str() {
        "pending" => DreamStatus::Pending,
        "completed" => DreamStatus::Completed,
        "failed" => DreamStatus::Failed,
        "canceled" => DreamStatus::Canceled,
        _ => DreamStatus::Running,
    };
    let (mut store, mut sessions) = (None, Vec::new());
    for input in dream.inputs {
        match input {
            wire::DreamInput::MemoryStore { memory_store_id } => store = Some(memory_store_id),
            wire::DreamInput::Sessions { session_ids } => sessions.extend(session_ids),
        }
    }
    let store = store.ok_or_else(|| Failed::unusable("the answer names no store that the dream reads"))?;
    let output = dream.outputs.into_iter().find_map(|output| match output {
        wire::DreamOutput::MemoryStore { memory_store_id } => Some(memory_store_id),
        wire::DreamOutput::Other => None,
    });
    Ok(Dream {
        id: dream.id.parse().map_err(unfit)?,
        status,
        store: MemoryStoreId::parse(store).map_err(unfit)?,
        sessions: sessions.into_iter().map(SessionId::parse).collect::<Result<_, _>>().map_err(unfit)?,
        model: clean(&dream.model.id, 256),
        instructions: dream.instructions,
        output: output.map(MemoryStoreId::parse).transpose().map_err(unfit)?,
        usage: Usage {
            input_tokens: dream.usage.input_tokens,
            output_tokens: dream.usage.output_tokens,
            cache_read_input_tokens: dream.usage.cache_read_input_tokens,
            cache_creation_input_tokens: dream.usage.cache_creation_input_tokens,
        },
        error: dream
            .error
            .map(|error| DreamError { kind: clean(&error.kind, 100), message: clean(&error.message, 1_000) }),
        created_at: dream.created_at,
        ended_at: dream.ended_at,
        progress: None,
    })
}

/// Reads a session. One in a status of a later API may still be written.
pub(super) fn session(session: &wire::Session, is_dream_worker: bool) -> Result<Session, Failed> {
    let status = match session.status.as_str() {
        "idle" => SessionStatus::Idle,
        "terminated" => SessionStatus::Terminated,
        "rescheduling" => SessionStatus::Rescheduling,
        _ => SessionStatus::Running,
    };
    let usage = &session.usage;
    let cache = usage.cache_creation.unwrap_or_default();
    let written = cache.ephemeral_5m_input_tokens.unwrap_or_default()
        + cache.ephemeral_1h_input_tokens.unwrap_or_default();
    let (input, output) = (usage.input_tokens.unwrap_or_default(), usage.output_tokens.unwrap_or_default());
    // What was read for the first time, and what was said: close to the length of the transcript. Reads from
    // the cache repeat what is counted already.
    let tokens = input + written + output;
    let read = tokens + usage.cache_read_input_tokens.unwrap_or_default();
    // A session that an adoption created holds nothing until somebody uses it.
    let is_untouched = read == 0 && session.metadata.contains_key(RUN_KEY);
    Ok(Session {
        id: session.id.parse().map_err(unfit)?,
        created_at: session.created_at,
        status,
        is_archived: session.archived_at.is_some() && !is_dream_worker,
        is_dream_worker,
        size: SessionSize {
            // Events are not counted by the API. Tokens grow with every turn, and a session without any
            // may still hold what a user said.
            events: if is_untouched { 0 } else { 1 + read },
            bytes: 0,
            tokens,
            skipped_lines: 0,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Dream {
        dream(serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn a_dream_of_a_later_api_is_at_work() {
        let dream = read(
            r#"{"id":"drm_1","status":"resting","inputs":[{"type":"knowledge_graph","id":"kg_1"},
            {"type":"memory_store","memory_store_id":"memstore_1"},{"type":"sessions","session_ids":["sesn_1"]}],
            "outputs":[{"type":"poem"},{"type":"memory_store","memory_store_id":"memstore_2"}],
            "model":{"id":"m","tier":"x"},"output_behavior":{"type":"ask_first"},"usage":null,"error":null,
            "created_at":"2026-11-22T10:00:00.5+01:00"}"#,
        );
        assert_eq!(dream.status, DreamStatus::Running);
        assert_eq!(dream.output.unwrap().as_str(), "memstore_2");
        assert_eq!(dream.created_at.to_string(), "2026-11-22T09:00:00.5Z");
    }

    #[test]
    fn ids_that_could_hurt_are_refused() {
        let text = r#"{"id":"drm_1","status":"running","inputs":[{"type":"memory_store","memory_store_id":"a b"}],
            "model":{"id":"m"},"created_at":"2026-11-22T10:00:00Z"}"#;
        assert!(dream(serde_json::from_str(text).unwrap()).is_err());
    }

    #[test]
    fn a_session_is_never_empty_and_grows_with_what_it_used() {
        let read = |usage: &str| {
            let text = format!(
                r#"{{"id":"sesn_1","status":"idle","agent":{{}},"usage":{usage},"resources":null,
                "created_at":"2026-11-22T10:00:00Z","updated_at":"2026-11-22T10:00:00Z"}}"#
            );
            session(&serde_json::from_str(&text).unwrap(), false).unwrap().size
        };
        let ours = |usage: &str| {
            let text = format!(
                r#"{{"id":"sesn_1","status":"idle","agent":{{}},"usage":{usage},"metadata":{{"dreamrun_run":"tidy-1"}},
                "created_at":"2026-11-22T10:00:00Z","updated_at":"2026-11-22T10:00:00Z"}}"#
            );
            session(&serde_json::from_str(&text).unwrap(), false).unwrap().size.events
        };
        assert_eq!((ours("{}"), ours(r#"{"input_tokens":2}"#)), (0, 3));
        assert_eq!((read("{}").events, read("null").tokens), (1, 0));
        let full = r#"{"input_tokens":10,"output_tokens":5,"cache_read_input_tokens":100,
            "cache_creation":{"ephemeral_5m_input_tokens":7}}"#;
        assert_eq!((read(full).tokens, read(full).events), (22, 123));
    }
}
