//! Sessions: found by where they come from, and created with a store attached.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::HttpBackend;
use super::convert;
use super::dreams::{broken, instant};
use super::outcome::Failed;
use super::page;
use super::request::{Call, Family};
use super::snapshot::PARALLEL;
use crate::backend::testimony::sayings;
use crate::backend::wire;
use crate::backend::{SessionListing, SessionQuery, SessionRequest, Unreadable};
use crate::dreaming::transcript::{Transcript, read_bytes};
use crate::ids::SessionId;
use crate::ledger::testimony::Testimony;
use crate::spec::pipeline::{SessionSource, StoreRef};

/// The most sessions of a page. The API names no limit; this much is sure to be taken.
const SESSIONS: usize = 100;
/// How long a dream may wait before the session that does its work begins.
const DREAM_WAITS: SignedDuration = SignedDuration::from_hours(24);
/// The key of a session's metadata that names the run which created it.
pub(super) const RUN_KEY: &str = "dreamrun_run";

impl HttpBackend {
    pub(super) async fn find_sessions(&self, query: &SessionQuery) -> Result<SessionListing, Failed> {
        let mut found: BTreeMap<String, wire::Session> = BTreeMap::new();
        let mut unreadable = Vec::new();
        for source in &query.sources {
            let sessions = match source {
                SessionSource::Agent(id) => self.list_sessions(query, "agent_id", id).await?,
                SessionSource::Deployment(id) => self.list_sessions(query, "deployment_id", id).await?,
                SessionSource::Store(StoreRef::Raw(id)) => {
                    self.list_sessions(query, "memory_store_id", id.as_str()).await?
                }
                SessionSource::Store(StoreRef::Alias(alias)) => {
                    return Err(broken(format!("the store `{alias}` has no id yet")));
                }
                SessionSource::Ids(ids) => self.named_sessions(ids, &mut unreadable).await?,
                SessionSource::Files(_) => {
                    return Err(broken("transcript files are read by the local backend alone".to_owned()));
                }
            };
            found.extend(sessions.into_iter().map(|session| (session.id.clone(), session)));
        }
        found.retain(|_, session| query.since.is_none_or(|since| session.created_at >= since));
        let Some(oldest) = found.values().map(|session| session.created_at).min() else {
            return Ok(SessionListing { unreadable, ..SessionListing::default() });
        };
        let workers = self.worker_sessions(oldest - DREAM_WAITS).await?;
        let mut sessions = Vec::with_capacity(found.len());
        for (id, session) in &found {
            match convert::session(session, workers.contains(id)) {
                Ok(session) => sessions.push(session),
                Err(failed) => {
                    let reason = failed.into_backend("read a session").to_string();
                    unreadable.push(Unreadable { name: super::outcome::clean(id, 100), reason });
                }
            }
        }
        sessions.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(SessionListing { sessions, unreadable, unmatched: Vec::new() })
    }

    /// Reads what sessions said. One that is gone, or that is no transcript, is counted as unread.
    pub(super) async fn read_testimony(&self, ids: &[SessionId]) -> Result<Testimony, Failed> {
        let read: Vec<Option<Transcript>> = stream::iter(ids.to_vec())
            .map(|id| async move {
                match self.past_events(id.as_str(), None).await {
                    Ok(events) => Ok(transcript(&id, &events)),
                    Err(failed) if failed.status() == Some(404) => Ok(None),
                    Err(failed) => Err(failed),
                }
            })
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        let unread = read.iter().filter(|transcript| transcript.is_none()).count() as u64;
        Ok(Testimony { sayings: read.iter().flatten().flat_map(sayings).collect(), unread })
    }

    async fn list_sessions(
        &self,
        query: &SessionQuery,
        filter: &'static str,
        id: &str,
    ) -> Result<Vec<wire::Session>, Failed> {
        let mut call = Call::list(Family::Agents, &["sessions"], SESSIONS).with(filter, id);
        if let Some(since) = query.since {
            call = call.with("created_at[gte]", instant(since));
        }
        page::all(&self.api, call).await
    }

    async fn named_sessions(
        &self,
        ids: &[SessionId],
        unreadable: &mut Vec<Unreadable>,
    ) -> Result<Vec<wire::Session>, Failed> {
        let distinct: BTreeSet<&SessionId> = ids.iter().collect();
        let calls: Vec<_> = distinct
            .into_iter()
            .map(|id| (id.clone(), Call::get(Family::Agents, &["sessions", id.as_str()])))
            .collect();
        let answers: Vec<(SessionId, Option<wire::Session>)> = stream::iter(calls)
            .map(|(id, call)| async move {
                match self.api.ask(&call).await {
                    Ok(session) => Ok((id, Some(session))),
                    Err(failed) if failed.status() == Some(404) => Ok((id, None)),
                    Err(failed) => Err(failed),
                }
            })
            .buffered(PARALLEL)
            .try_collect()
            .await?;
        let mut sessions = Vec::new();
        for (id, session) in answers {
            match session {
                Some(session) => sessions.push(session),
                None => unreadable.push(Unreadable {
                    name: id.to_string(),
                    reason: "there is no such session in this workspace".to_owned(),
                }),
            }
        }
        Ok(sessions)
    }

    pub(super) async fn begin_session(&self, request: &SessionRequest) -> Result<SessionId, Failed> {
        let resource = serde_json::to_value(wire::MemoryResource::of(request.store.as_str()));
        let metadata = wire::Object::from_iter([(RUN_KEY.to_owned(), Value::from(request.run.to_string()))]);
        let body = wire::CreateSession {
            agent: Value::from(request.agent.as_str()),
            environment_id: request.environment.to_string(),
            title: None,
            metadata: Some(metadata),
            resources: resource.ok().and_then(|resource| resource.as_object().cloned()).into_iter().collect(),
            vault_ids: Vec::new(),
            initial_events: Vec::new(),
            budget: None,
        };
        let call = Call::create(Family::Agents, &["sessions"]).send(&body);
        let session: wire::Session = self.api.ask(&call).await?;
        SessionId::parse(session.id).map_err(|error| Failed::unusable(error.to_string()))
    }

    pub(super) async fn sessions_of_run(&self, request: &SessionRequest) -> Result<Vec<SessionId>, Failed> {
        let call = Call::list(Family::Agents, &["sessions"], SESSIONS)
            .with("memory_store_id", request.store.as_str())
            .with("include_archived", "true");
        let run = request.run.to_string();
        let mut sessions: Vec<wire::Session> = page::all(&self.api, call).await?;
        sessions.retain(|session| session.metadata.get(RUN_KEY).and_then(Value::as_str) == Some(&run));
        if sessions.iter().any(|session| session.archived_at.is_none()) {
            sessions.retain(|session| session.archived_at.is_none());
        }
        sessions.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        sessions.dedup_by(|a, b| a.id == b.id);
        let ids = sessions.into_iter().map(|session| SessionId::parse(session.id));
        ids.collect::<Result<_, _>>().map_err(|error| Failed::unusable(error.to_string()))
    }
}

fn transcript(session: &SessionId, events: &[wire::Object]) -> Option<Transcript> {
    let bytes = serde_json::to_vec(events).ok()?;
    let read = read_bytes(&bytes, session.as_str(), Timestamp::UNIX_EPOCH).ok()?;
    let mut transcript = read.into_iter().next()?;
    transcript.session = session.clone();
    Some(transcript)
}
