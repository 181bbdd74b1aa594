//! Dreams: created once, looked up, listed, canceled.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;

use super::HttpBackend;
use super::outcome::{Failed, Refused};
use super::page::{self, Pages};
use super::request::{Call, Family};
use crate::backend::{Refusal, check_session_set, wire};
use crate::dream::{Dream, DreamRequest, INSTRUCTIONS_LIMIT};
use crate::ids::DreamId;

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
            Ok(dream) => self.note(dream),
            Err(failed) => Err(self.or_no_access(failed).await),
        }
    }

    pub(super) async fn look_up_dream(&self, id: &DreamId) -> Result<Dream, Failed> {
        let call = Call::get(Family::Dreams, &["dreams", id.as_str()]);
        match self.api.ask::<wire::Dream>(&call).await {
            Ok(dream) => self.note(dream),
            Err(failed) => Err(self.or_no_access(failed).await),
        }
    }

    pub(super) async fn list_dreams(&self, since: Timestamp) -> Result<Vec<Dream>, Failed> {
        let listed = page::all::<wire::Dream>(&self.api, list_call(since)).await.map_err(no_access)?;
        let mut dreams: Vec<Dream> =
            listed.into_iter().map(|dream| self.note(dream)).collect::<Result<_, _>>()?;
        dreams.retain(|dream| dream.created_at >= since);
        // The API gives the newest first; of two at once the one with the later id.
        dreams.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        dreams.dedup_by(|a, b| a.id == b.id);
        Ok(dreams)
    }

    /// Lists the sessions that did a dream's work, for dreams created since; none for a key without access
    /// to dreams.
    pub(super) async fn worker_sessions(
        &self,
        since: Timestamp,
    ) -> Result<std::collections::BTreeSet<String>, Failed> {
        let mut pages = Pages::of(list_call(since));
        let mut workers = std::collections::BTreeSet::new();
        loop {
            // Only the ids are kept: a fleet lists thousands of dreams for each of its runs.
            match pages.next::<wire::Dream>(&self.api).await {
                Ok(Some(page)) => workers.extend(page.into_iter().filter_map(|dream| dream.session_id)),
                Ok(None) => return Ok(workers),
                Err(failed) if failed.status() == Some(404) => return Ok(workers),
                Err(failed) => return Err(failed),
            }
        }
    }

    pub(super) async fn stop_dream(&self, id: &DreamId) -> Result<Dream, Failed> {
        let call = Call::settle(Family::Dreams, Method::POST, &["dreams", id.as_str(), "cancel"]);
        match self.api.ask::<wire::Dream>(&call).await {
            Ok(dream) => self.note(dream),
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
        self.api.ask::<wire::Page<serde_json::Value>>(&call).await.map(|_| ()).map_err(no_access)
    }
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
