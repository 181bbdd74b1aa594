//! Tagging stores with what they are to an alias, so that an alias can be rebuilt from them.
//!
//! A repeat does no harm, and each is made before the event that would make it the last chance. A backend
//! that refuses tags loses nothing but that.

use crate::backend::BackendError;
use crate::backend::Refusal;
use crate::backend::tags::{Role, StoreTags};
use crate::ids::MemoryStoreId;
use crate::journal::Journal;
use crate::journal::run_state::Phase;
use crate::state::alias::AliasRecord;

use super::perform::alias_now;
use super::{RunError, Surroundings};

/// Has the live store of an alias say that it is that, and a candidate that was copied into it that.
pub(super) async fn tag_live(
    journal: &Journal,
    around: &Surroundings<'_>,
    record: &AliasRecord,
) -> Result<(), RunError> {
    // The live store of a raw alias is named in the pipeline file, and what was approved stands beside it.
    if around.alias.is_raw() {
        return Ok(());
    }
    let now = around.clock.now();
    if let (Some(_), Some(candidate)) = (&journal.state().copy, &journal.state().candidate) {
        let tags = StoreTags::of_leftover(around.alias, record, Role::Copied, now);
        tag(journal, around, &candidate.store, &tags).await?;
    }
    tag(journal, around, &record.active, &StoreTags::of_live(around.alias, record, now)).await
}

/// Has the candidate of a run that is over say what became of it, if it was not adopted.
pub(super) async fn tag_leftover(journal: &Journal, around: &Surroundings<'_>) -> Result<(), RunError> {
    let state = journal.state();
    let role = match state.phase {
        Phase::Unchanged => Role::Unchanged,
        Phase::Rejected | Phase::Canceled => Role::Declined,
        _ => return Ok(()),
    };
    let Some(candidate) = &state.candidate else { return Ok(()) };
    if around.alias.is_raw() {
        return Ok(());
    }
    let record = alias_now(around).await?;
    let tags = StoreTags::of_leftover(around.alias, &record, role, around.clock.now());
    tag(journal, around, &candidate.store, &tags).await
}

async fn tag(
    journal: &Journal,
    around: &Surroundings<'_>,
    store: &MemoryStoreId,
    tags: &StoreTags,
) -> Result<(), RunError> {
    match around.backend.tag(store, tags).await {
        Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => Ok(()),
        Err(error @ BackendError::Refused { .. }) => {
            around.observer.untagged(journal.run(), store, &error);
            Ok(())
        }
        tagged => Ok(tagged?),
    }
}
