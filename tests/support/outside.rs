//! Deployments and sessions beside a backend that has none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use dreamrun::backend::{BackendError, Refusal, SessionRequest};
use dreamrun::ids::{DeploymentId, MemoryStoreId, SessionId};

/// Deployments with the stores they name, and sessions that were created.
#[derive(Default)]
pub(crate) struct Outside {
    pub(crate) deployments: Mutex<BTreeMap<DeploymentId, Vec<MemoryStoreId>>>,
    /// Deployments that refuse a patch, though they may be looked at.
    pub(crate) broken: Mutex<BTreeSet<DeploymentId>>,
    pub(crate) sessions: Mutex<Vec<(SessionId, SessionRequest)>>,
}

impl Outside {
    pub(crate) fn repoint(
        &self,
        id: &DeploymentId,
        from: &MemoryStoreId,
        to: &MemoryStoreId,
    ) -> Result<(), BackendError> {
        let refused = |kind, message: &str| {
            Err(BackendError::Refused { action: "patch a deployment", kind, message: message.to_owned() })
        };
        let mut deployments = self.deployments.lock().unwrap();
        let Some(stores) = deployments.get_mut(id) else { return refused(Refusal::NotFound, "none such") };
        match (stores.iter().position(|store| store == from), stores.contains(to)) {
            (Some(_), _) if from == to => Ok(()),
            (Some(_), _) if self.broken.lock().unwrap().contains(id) => {
                refused(Refusal::Conflict, "archived")
            }
            (Some(place), _) => {
                stores[place] = to.clone();
                Ok(())
            }
            (None, true) => Ok(()),
            (None, false) => refused(Refusal::Conflict, "names neither"),
        }
    }

    pub(crate) fn create_session(&self, request: &SessionRequest) -> SessionId {
        let mut sessions = self.sessions.lock().unwrap();
        let id = SessionId::parse(format!("sesn_{}", sessions.len() + 1)).unwrap();
        sessions.push((id.clone(), request.clone()));
        id
    }

    pub(crate) fn sessions_for(&self, request: &SessionRequest) -> Vec<SessionId> {
        let sessions = self.sessions.lock().unwrap();
        sessions.iter().filter(|(_, asked)| asked == request).map(|(id, _)| id.clone()).collect()
    }
}
