//! Dreams: created once, looked up, listed, canceled.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::Value;

use super::HttpBackend;
use super::outcome::{Failed, Refused, clean};
use super::page::Pages;
use super::request::{Call, Family};
use crate::backend::{Refusal, check_session_set, wire};
use crate::dream::{Dream, DreamRequest, INSTRUCTIONS_LIMIT};
use crate::ids::{DreamId, MemoryStoreId};

/// The most dreams of a page.
const DREAMS: usize = 100;
/// How much earlier than asked a listing begins: its bound leaves out the instant itself, and a server may
/// keep times more coarsely than it is asked about them.
const BOUND_SLACK: SignedDuration = SignedDuration::from_secs(1);

/// What a key without the research preview is told.
const NO_ACCESS: &str = "this key has no access to Dreams, which are a research preview; ask for it at \
    https://claude.com/form/claude-managed-agents. What needs no dream still works: plan, status, diff, \
    reviewing and adopting candidates that are there";

/// Lists dreams created at or after an instant, and perhaps a few from right before it.
pub(super) fn list_call(since: Timestamp) -> Call {
    let bound = since.checked_sub(BOUND_SLACK).unwrap_or(Timestamp::UNIX_EPOCH).max(Timestamp::UNIX_EPOCH);
    Call::list(Family::Dreams, &["dreams"], DREAMS)
        .with("created_at[gt]", instant(bound))
        .with("include_archived", "true")
}

/// Returns an instant as the API reads it.
pub(super) fn instant(at: Timestamp) -> String {
    at.to_string()
}

impl HttpBackend {
    pub(super) async fn ask_to_dream(&self, request: &DreamRequest) -> Result<Dream, Failed> {
        check_session_set(&request.sessions).map_err(broken)?;
        let length = request.instructions.as_ref().map(|text| text.chars().count());
        if let Some(length) = length.filter(|length| !(1..=INSTRUCTIONS_LIMIT).contains(length)) {
            let rule = format!("instructions: {length} characters, allowed are 1 to {INSTRUCTIONS_LIMIT}");
            return Err(broken(rule));
        }
        let body = wire::CreateDream {
            inputs: vec![
                wire::DreamInput::MemoryStore { memory_store_id: request.store.to_string() },
                wire::DreamInput::Sessions {
                    session_ids: request.sessions.iter().map(ToString::to_string).collect(),
                },
            ],
            model: wire::ModelParam::Id(request.model.clone()),
            instructions: request.instructions.clone(),
            output_behavior: None,
        };
        let call = Call::create(Family::Dreams, &["dreams"]).send(&body);
        match self.api.ask::<wire::Dream>(&call).await {
            // What came back is a dream all the same: one that cannot be read is in doubt, not refused.
            Ok(dream) => self.note_one(dream),
            Err(failed) => Err(self.or_no_access(failed).await),
        }
    }

    pub(super) async fn look_up_dream(&self, id: &DreamId) -> Result<Dream, Failed> {
        let call = Call::get(Family::Dreams, &["dreams", id.as_str()]);
        match self.api.ask::<wire::Dream>(&call).await {
            Ok(dream) => self.note_one(dream),
            Err(failed) => Err(self.or_no_access(failed).await),
        }
    }

    pub(super) async fn list_dreams(&self, since: Timestamp) -> Result<Vec<Dream>, Failed> {
        let mut dreams = Vec::new();
        let listed = self.each_dream(since, |dream| {
            // One that could be ours must not be overlooked, or it would be paid for twice.
            let is_foreign = names_no_store(&dream);
            match self.read_dream(dream).and_then(|dream| self.note(dream)) {
                Err(failed) if is_foreign => {
                    tracing::debug!(?failed, "a dream of another kind is passed over")
                }
                read => dreams.push(read?),
            }
            Ok(())
        });
        listed.await.map_err(no_access)?;
        dreams.retain(|dream| dream.created_at >= since);
        // The API gives the newest first; of two at once the one with the later id.
        dreams.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        dreams.dedup_by(|a, b| a.id == b.id);
        Ok(dreams)
    }

    /// Goes through dreams as they are told, whatever they hold.
    pub(super) async fn each_dream(
        &self,
        since: Timestamp,
        mut take: impl FnMut(Value) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        let mut pages = Pages::of(list_call(since));
        while let Some(page) = pages.next::<Value>(&self.api).await? {
            page.into_iter().try_for_each(&mut take)?;
        }
        Ok(())
    }

    /// Reads one of them.
    pub(super) fn read_dream(&self, dream: Value) -> Result<wire::Dream, Failed> {
        serde_json::from_value(dream).map_err(|error| {
            let why = clean(&error.to_string(), 200);
            Failed::unusable(format!("a dream is not what the API promises: {why}"))
        })
    }

    /// Lists the sessions that did a dream's work, for dreams created since; none for a key without access
    /// to dreams.
    pub(super) async fn worker_sessions(&self, since: Timestamp) -> Result<BTreeSet<String>, Failed> {
        let mut workers = BTreeSet::new();
        // Only the ids are kept: a fleet lists thousands of dreams for each of its runs.
        let listed = self.each_dream(since, |dream| {
            workers.extend(dream.get("session_id").and_then(Value::as_str).map(str::to_owned));
            Ok(())
        });
        match listed.await {
            Err(failed) if failed.status() != Some(404) => Err(failed),
            _ => Ok(workers),
        }
    }

    pub(super) async fn stop_dream(&self, id: &DreamId) -> Result<Dream, Failed> {
        let call = Call::settle(Family::Dreams, Method::POST, &["dreams", id.as_str(), "cancel"]);
        match self.api.ask::<wire::Dream>(&call).await {
            Ok(dream) => self.note_one(dream),
            // One that has ended cannot be canceled, and is returned as it is.
            Err(failed) if matches!(failed.status(), Some(400 | 409)) => {
                let dream = self.look_up_dream(id).await?;
                if dream.status.is_final() { Ok(dream) } else { Err(failed) }
            }
            Err(failed) => Err(self.or_no_access(failed).await),
        }
    }

    /// Tells a dream that is not there from a key that may not see any.
    async fn or_no_access(&self, failed: Failed) -> Failed {
        if failed.status() != Some(404) {
            return failed;
        }
        match self.may_dream().await {
            Err(denied) if denied.status() == Some(404) => denied,
            _ => failed,
        }
    }

    /// Says whether the key has access to dreams, at the cost of one request.
    pub(super) async fn may_dream(&self) -> Result<(), Failed> {
        let call = Call::list(Family::Dreams, &["dreams"], 1);
        self.api.ask::<wire::Page<Value>>(&call).await.map(|_| ()).map_err(no_access)
    }
}

/// Says whether a dream reads no store that we could have named when we asked for it.
fn names_no_store(dream: &Value) -> bool {
    let inputs = dream.get("inputs").and_then(Value::as_array);
    let mut ids = inputs.into_iter().flatten().filter_map(|input| input.get("memory_store_id")?.as_str());
    !ids.any(|id| MemoryStoreId::parse(id).is_ok())
}

/// Collects the stores that a dream names anywhere.
pub(super) fn stores_named(value: &Value, stores: &mut BTreeSet<MemoryStoreId>) {
    match value {
        Value::Object(fields) => {
            let id = fields.get("memory_store_id").and_then(Value::as_str);
            stores.extend(id.and_then(|id| MemoryStoreId::parse(id).ok()));
            fields.values().for_each(|value| stores_named(value, stores));
        }
        Value::Array(items) => items.iter().for_each(|value| stores_named(value, stores)),
        _ => {}
    }
}

/// Says whether a dream is told as ended.
pub(super) fn has_ended(dream: &Value) -> bool {
    matches!(dream.get("status").and_then(Value::as_str), Some("completed" | "failed" | "canceled"))
}

/// Reads what a missing list means.
pub(super) fn no_access(failed: Failed) -> Failed {
    match failed {
        Failed::Refused(refused) if refused.status == 404 => {
            let known_as = Some(Refusal::NotAuthorised);
            Failed::Refused(Refused { known_as, message: NO_ACCESS.to_owned(), ..*refused }.into())
        }
        other => other,
    }
}

/// Refuses a request that breaks a rule, before it is sent.
pub(super) fn broken(rule: String) -> Failed {
    Failed::refused(Refusal::Invalid, rule)
}
