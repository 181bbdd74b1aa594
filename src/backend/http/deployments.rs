//! Deployments: one store put in the place of another.
//!
//! The API has no precondition here: what somebody changes between our reading and our writing would be
//! lost. So the deployment is read right before, and read back right after; and a patch whose answer was lost is
//! not sent again before it is known what the deployment holds by then.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::dreams::{has_ended, no_access, stores_named};
use super::outcome::Failed;
use super::request::{Call, Family};
use super::{HttpBackend, page};
use crate::backend::wire::{Deployment, Object};
use crate::backend::{BackendError, Refusal};
use crate::ids::{DeploymentId, MemoryStoreId};

/// How often a deployment is patched before somebody else's patches win.
const TRIES: usize = 2;

#[derive(Serialize)]
struct Patch<'a> {
    resources: &'a [Object],
}

impl HttpBackend {
    /// Lists the stores that somebody needs now, whether or not a run of ours knows of it: those that
    /// deployments name, and those that unfinished dreams read and write.
    ///
    /// # Errors
    ///
    /// Fails when deployments or dreams cannot be listed: what is not known to be free is not.
    pub async fn stores_in_use(&self) -> Result<BTreeSet<MemoryStoreId>, BackendError> {
        let call = Call::list(Family::Agents, &["deployments"], 100);
        let deployments: Vec<Deployment> =
            page::all(&self.api, call).await.map_err(|failed| failed.into_backend("list deployments"))?;
        let named = deployments.iter().flat_map(|deployment| &deployment.resources);
        let named = named.filter_map(|resource| resource.get("memory_store_id")?.as_str());
        let mut stores: BTreeSet<_> = named.filter_map(|id| MemoryStoreId::parse(id).ok()).collect();
        let listed = self.each_dream(Timestamp::UNIX_EPOCH, |dream| {
            if !has_ended(&dream) {
                stores_named(&dream, &mut stores);
            }
            Ok(())
        });
        listed.await.map_err(|failed| no_access(failed).into_backend("list dreams"))?;
        Ok(stores)
    }

    pub(super) async fn replace_store(
        &self,
        deployment: &DeploymentId,
        from: &MemoryStoreId,
        to: &MemoryStoreId,
    ) -> Result<(), Failed> {
        let path = ["deployments", deployment.as_str()];
        let read = Call::get(Family::Agents, &path);
        let mut found: Deployment = self.api.ask(&read).await?;
        let (mut patched, mut lost) = (0, 0);
        while patched < TRIES {
            let wanted = match replaced(&found, from, to)? {
                None => return Ok(()),
                Some(wanted) => wanted,
            };
            let patch = Call::overwrite(Family::Agents, &path).send(&Patch { resources: &wanted });
            match self.api.ask::<Value>(&patch).await {
                Ok(_) => patched += 1,
                Err(failed) => {
                    lost += 1;
                    if !self.api.rest(&failed, lost).await {
                        return Err(failed);
                    }
                }
            }
            found = self.api.ask(&read).await?;
        }
        match replaced(&found, from, to)? {
            None => Ok(()),
            Some(_) => Err(Failed::refused(
                Refusal::Conflict,
                format!("somebody else changes deployment `{deployment}`; try again"),
            )),
        }
    }
}

/// Returns the resources with the store replaced, or nothing if that is how they are.
fn replaced(
    deployment: &Deployment,
    from: &MemoryStoreId,
    to: &MemoryStoreId,
) -> Result<Option<Vec<Object>>, Failed> {
    let text =
        |resource: &Object, key: &str| -> Option<String> { Some(resource.get(key)?.as_str()?.to_owned()) };
    let names = |store: &MemoryStoreId| {
        deployment
            .resources
            .iter()
            .any(|resource| text(resource, "memory_store_id").as_deref() == Some(store.as_str()))
    };
    let id = &deployment.id;
    match (names(from), names(to)) {
        // Nothing is to be replaced: the question is whether it could be.
        (true, true) if from == to => {
            if deployment.archived_at.is_some() {
                return Err(Failed::refused(Refusal::Conflict, format!("deployment `{id}` is archived")));
            }
        }
        (false, true) => return Ok(None),
        (false, false) => {
            return Err(Failed::refused(
                Refusal::Conflict,
                format!("deployment `{id}` names neither `{from}` nor `{to}`"),
            ));
        }
        (true, true) => {
            return Err(Failed::refused(
                Refusal::Conflict,
                format!("deployment `{id}` names both `{from}` and `{to}`"),
            ));
        }
        (true, false) => {}
    }
    let kinds = deployment.resources.iter().filter_map(|resource| text(resource, "type"));
    if kinds.into_iter().any(|kind| kind == "github_repository") {
        let message = format!(
            "deployment `{id}` mounts a repository, whose token cannot be read back and would be lost; replace \
             `{from}` by `{to}` in its resources by hand, with the token"
        );
        return Err(Failed::refused(Refusal::Invalid, message));
    }
    if from == to {
        return Ok(None);
    }
    let mut resources = deployment.resources.clone();
    for resource in &mut resources {
        if text(resource, "memory_store_id").as_deref() == Some(from.as_str()) {
            resource.insert("memory_store_id".to_owned(), Value::from(to.as_str()));
            // What the server says of a store as it was attached; no part of a request.
            for told in ["name", "description", "mount_path"] {
                resource.shift_remove(told);
            }
        }
    }
    Ok(Some(resources))
}
