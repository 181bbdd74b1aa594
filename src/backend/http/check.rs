//! What there is to know of a server and a key before any work: for `doctor`.

use jiff::SignedDuration;

use super::HttpBackend;
use super::outcome::Failed;
use super::request::{Call, Family};
use crate::backend::BackendError;
use crate::backend::wire::{Model, Models, Page};

/// What a server says of a key.
#[derive(Debug)]
pub struct Reach {
    /// The server's address.
    pub base_url: String,
    /// Whether the key may read memory stores; that any answer came says that the server is there.
    pub stores: Result<(), BackendError>,
    /// Whether the key may read sessions. Not asked if the key is no good.
    pub sessions: Option<Result<(), BackendError>>,
    /// Whether the key may dream. Not asked if the key is no good.
    pub dreams: Option<Result<(), BackendError>>,
    /// The models the key may ask; none if the server does not say.
    pub models: Option<Vec<String>>,
    /// The workspace that the key resolved to.
    pub workspace: Option<String>,
    /// The organisation of the key.
    pub organization: Option<String>,
    /// How far the server's clock is ahead of ours, to the second.
    pub skew: Option<SignedDuration>,
}

impl HttpBackend {
    /// Asks what there is to know, in four requests. A failure is part of the answer.
    pub async fn check(&self) -> Reach {
        let mut reach = Reach {
            base_url: self.api.base().to_owned(),
            stores: Ok(()),
            sessions: None,
            dreams: None,
            models: None,
            workspace: None,
            organization: None,
            skew: None,
        };
        let call = Call::list(Family::Memories, &["memory_stores"], 1);
        if let Err(failed) = self.api.ask::<Page<serde_json::Value>>(&call).await {
            let is_hopeless = failed.status().is_none_or(|status| status == 401);
            reach.stores = Err(failed.into_backend("list memory stores"));
            if is_hopeless {
                return reach;
            }
        }
        let call = Call::list(Family::Agents, &["sessions"], 1);
        let sessions = self.api.ask::<Page<serde_json::Value>>(&call).await;
        reach.sessions = Some(sessions.map(drop).map_err(|failed| failed.into_backend("list sessions")));
        reach.dreams = Some(self.may_dream().await.map_err(|failed| failed.into_backend("list dreams")));
        reach.models = self.list_models().await.unwrap_or_default();
        let (seen, skew) = self.api.seen();
        reach.workspace = seen.workspace;
        reach.organization = seen.organization;
        reach.skew = skew;
        reach
    }

    /// Returns the organisation and the workspace of the credential, as far as answers have told them.
    pub fn account(&self) -> (Option<String>, Option<String>) {
        let (seen, _) = self.api.seen();
        (seen.organization, seen.workspace)
    }

    pub(super) async fn list_models(&self) -> Result<Option<Vec<String>>, Failed> {
        let mut names: Vec<String> = Vec::new();
        loop {
            let mut call = Call::list(Family::Models, &["models"], 1_000);
            if let Some(last) = names.last() {
                call = call.with("after_id", last);
            }
            let page: Models = match self.api.ask(&call).await {
                Ok(page) => page,
                // The list only advises. A key that is no key is told by it all the same.
                Err(Failed::Refused(refused)) if refused.status != 401 => return Ok(None),
                Err(failed) => return Err(failed),
            };
            let before = names.len();
            for Model { id, .. } in page.data {
                if !names.contains(&id) {
                    names.push(id);
                }
            }
            if !page.has_more || names.len() == before {
                return Ok(Some(names));
            }
        }
    }
}
