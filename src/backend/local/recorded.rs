//! What is recorded through the HTTP API: sessions with their events, and deployments.

use crate::backend::{Refusal, SessionRequest};
use crate::ids::{DeploymentId, MemoryStoreId, SessionId};

use super::Shared;
use super::error::LocalError;

fn nowhere(what: &str) -> LocalError {
    let message = format!("the local backend has no {what}");
    LocalError::Refused { kind: Refusal::NotFound, message }
}

impl Shared {
    pub(super) fn repoint(
        &self,
        deployment: &DeploymentId,
        _from: &MemoryStoreId,
        _to: &MemoryStoreId,
    ) -> Result<(), LocalError> {
        Err(nowhere(&format!("deployment `{deployment}`")))
    }

    pub(super) fn create_session(&self, request: &SessionRequest) -> Result<SessionId, LocalError> {
        Err(nowhere(&format!("agent `{}`", request.agent)))
    }

    pub(super) fn sessions_for(&self, _request: &SessionRequest) -> Result<Vec<SessionId>, LocalError> {
        Ok(Vec::new())
    }
}
