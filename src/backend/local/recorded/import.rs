//! Transcript files made recorded sessions, so that dreams over HTTP can read them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::backend::local::error::{Failure, LocalError};
use crate::backend::local::sessions::{FilePart, list as list_files, read_part};
use crate::backend::local::{LocalBackend, mint};
use crate::backend::wire::{CreateAgent, CreateEnvironment, Object, Session, SessionStats};
use crate::backend::{Refusal, SessionQuery, Unreadable};
use crate::dreaming::transcript::{EventKind, Transcript};
use crate::ids::SessionId;
use crate::spec::pipeline::SessionSource;

use super::sessions::{self, Provenance};
use super::{agents, environments, events, object, work};

/// The agent that imported sessions are of.
const AGENT: &str = "agent_imported";
/// The environment that imported sessions name.
const ENVIRONMENT: &str = "env_imported";

/// What became of transcript files that were imported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportedSessions {
    /// The sessions there are now, by their ids in the files, whether made now or by an earlier import.
    pub sessions: BTreeMap<SessionId, SessionId>,
    /// How many were made now.
    pub made: u64,
    /// Files that hold no session, with the reason.
    pub unreadable: Vec<Unreadable>,
}

impl LocalBackend {
    /// Imports the sessions of transcript files as recorded sessions of the agent `agent_imported`, each
    /// once: one that was imported before is left as it is. Files that cannot be read are named and skipped.
    ///
    /// # Errors
    ///
    /// Fails if the database does.
    pub fn import_sessions(&self, globs: &[String]) -> Result<ImportedSessions, LocalError> {
        let shared = &self.shared;
        let query = SessionQuery { sources: vec![SessionSource::Files(globs.to_vec())], since: None };
        let found = list_files(&shared.reach, &query, |_| Ok(None), shared.now())?;
        let mut imported = ImportedSessions { unreadable: found.listing.unreadable, ..Default::default() };
        let mut files: BTreeMap<FilePart, Vec<SessionId>> = BTreeMap::new();
        for (id, part) in found.parts {
            files.entry(part).or_default().push(id);
        }
        for (part, wanted) in files {
            match read_part(&shared.reach, &part) {
                Err(reason) => imported.unreadable.push(Unreadable { name: part.file, reason }),
                Ok(transcripts) => {
                    for transcript in transcripts.iter().filter(|found| wanted.contains(&found.session)) {
                        let now = shared.now();
                        let (id, is_new) =
                            shared.database.write(|db| import(db, transcript, &part.file, now))?;
                        imported.made += u64::from(is_new);
                        imported.sessions.insert(transcript.session.clone(), id);
                    }
                }
            }
        }
        Ok(imported)
    }
}

/// Makes one session of a transcript, unless there is one.
fn import(
    db: &Connection,
    transcript: &Transcript,
    file: &str,
    now: Timestamp,
) -> Result<(SessionId, bool), Failure> {
    let origin = format!("transcript:{}", transcript.session);
    if let Some(known) = sessions::of_origin(db, &origin)? {
        return Ok((known, false));
    }
    prepare(db, now)?;
    let id = mint::session();
    let mut metadata = object(json!({"imported_id": transcript.session}));
    if file.chars().count() <= 512 {
        metadata.insert("imported_from".to_owned(), file.into());
    }
    let mut session = Session {
        id: id.to_string(),
        kind: "session".to_owned(),
        status: "idle".to_owned(),
        agent: agents::snapshot(db, &AGENT.into())?,
        environment_id: Some(ENVIRONMENT.to_owned()),
        deployment_id: None,
        title: None,
        metadata,
        resources: Vec::new(),
        vault_ids: Vec::new(),
        outcome_evaluations: Vec::new(),
        stats: SessionStats { active_seconds: Some(0.0), duration_seconds: Some(0.0) },
        usage: work::no_usage(),
        budget: None,
        created_at: transcript.created_at,
        updated_at: transcript.last_at,
        archived_at: None,
    };
    sessions::insert(db, &session, &Provenance { is_dream_worker: false, origin: Some(origin) })?;
    events::add(db, &mut session, &id, events_of(transcript), transcript.last_at)?;
    sessions::save(db, &session)?;
    Ok((id, true))
}

/// Makes the agent and the environment of imported sessions, if they are missing.
fn prepare(db: &Connection, now: Timestamp) -> Result<(), Failure> {
    let is_missing = |result: Result<(), Failure>| match result {
        Ok(()) => Ok(false),
        Err(Failure::Refused { kind: Refusal::NotFound, .. }) => Ok(true),
        Err(other) => Err(other),
    };
    if is_missing(agents::find(db, AGENT, None).map(drop))? {
        let body: CreateAgent = super::rules::parse(
            "",
            json!({"name": "imported", "model": "offline", "description":
                "Stands for whoever was at work in the transcripts that were imported."}),
        )?;
        agents::insert(db, &agents::built(AGENT.to_owned(), body, now)?)?;
    }
    if is_missing(environments::usable(db, ENVIRONMENT).map(drop))? {
        let body: CreateEnvironment = super::rules::parse("", json!({"name": "imported"}))?;
        environments::insert(db, &environments::built(ENVIRONMENT.to_owned(), body, now)?)?;
    }
    Ok(())
}

/// Returns a transcript as the events the API would have listed.
fn events_of(transcript: &Transcript) -> Vec<Object> {
    let mut calls: BTreeMap<&str, String> = BTreeMap::new();
    let mut last = transcript.created_at;
    let mut events = Vec::with_capacity(transcript.events.len());
    for event in &transcript.events {
        last = event.at.unwrap_or(last);
        let said =
            |kind: &str, text: &str| json!({"type": kind, "content": [{"type": "text", "text": text}]});
        let mut made = object(match &event.kind {
            EventKind::User(text) => said("user.message", text),
            EventKind::Agent(text) => said("agent.message", text),
            EventKind::ToolUse { id, name, input } => {
                let minted = mint::event();
                calls.insert(id, minted.clone());
                let input = match serde_json::from_str(input) {
                    Ok(Value::Object(input)) => input,
                    Ok(other) => object(json!({ "input": other })),
                    Err(_) => object(json!({ "input": input })),
                };
                json!({"type": "agent.tool_use", "id": minted, "name": name, "input": input})
            }
            EventKind::ToolResult { id, text, is_error } => json!({
                "type": "agent.tool_result", "tool_use_id": calls.get(id.as_str()).unwrap_or(id),
                "content": [{"type": "text", "text": text}], "is_error": is_error,
            }),
        });
        made.insert("processed_at".to_owned(), json!(last));
        events.push(made);
    }
    events
}
