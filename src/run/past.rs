//! The past of a store: texts that it held once, from wherever they are still kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::adoption::{Conflict, Texts};
use crate::archive::Archive;
use crate::backend::{Backend, BackendError, PastMemory, Refusal};
use crate::ids::MemoryStoreId;
use crate::journal::run_state::{Base, Phase, RunState};
use crate::ledger::testimony::Testimony;
use crate::memory::{Memory, MemoryPath};
use crate::snapshot::{IndexEntry, Snapshot, SnapshotIndex};

use super::{RunError, base_snapshot};

/// Where texts of the past may be: an archive, and the stores that may hold versions of them.
#[derive(Clone, Copy)]
pub struct Past<'a> {
    /// The backend.
    pub backend: &'a dyn Backend,
    /// The archive, if the project keeps one.
    pub archive: Option<&'a Archive>,
}

/// A snapshot of the past, as far as its texts can still be had.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recalled {
    /// What the store held. At the paths of `missing` stands what the store holds now, or nothing.
    pub snapshot: Snapshot,
    /// The memories whose text nobody keeps any more.
    pub missing: Vec<MemoryPath>,
    /// Whether the store was deleted, and nothing says what it held.
    pub is_gone: bool,
}

/// What the judge of a run had before it, gathered again.
#[derive(Debug, Clone, Default)]
pub struct Grounds {
    /// The live store as the run saw it.
    pub before: Recalled,
    /// The candidate: as it was adopted, or as it is while it waits.
    pub after: Recalled,
    /// What the sessions said that the run read.
    pub testimony: Testimony,
}

impl<'a> Past<'a> {
    /// Looks for texts by their hashes, in the archive first and then in each store.
    ///
    /// # Errors
    ///
    /// Fails when a store that is there cannot be asked, or the archive cannot be read.
    pub async fn texts(
        &self,
        stores: &[MemoryStoreId],
        mut wanted: Vec<PastMemory>,
    ) -> Result<Texts, RunError> {
        let mut found = BTreeMap::new();
        if let Some(archive) = self.archive {
            for past in &wanted {
                if let Some(text) = archive.get(&past.hash)? {
                    found.insert(past.hash, text);
                }
            }
        }
        for store in stores {
            wanted.retain(|past| !found.contains_key(&past.hash));
            if wanted.is_empty() {
                break;
            }
            match self.backend.contents(store, &wanted).await {
                Ok(memories) => {
                    found.extend(memories.into_iter().map(|memory| (memory.hash, memory.content)));
                }
                Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    /// Returns the texts of whatever a change from one index to another writes, as far as any of the stores, or the
    /// archive, still has them. What a store holds by now may be something else, and is not among them.
    ///
    /// # Errors
    ///
    /// As [`Past::texts`].
    pub async fn written(
        &self,
        stores: &[MemoryStoreId],
        from: &SnapshotIndex,
        to: &SnapshotIndex,
    ) -> Result<Snapshot, RunError> {
        let held = |path| from.entries.get(path).map(|entry| entry.hash);
        let new = || to.entries.iter().filter(|(path, entry)| held(path) != Some(entry.hash));
        let texts =
            self.texts(stores, new().map(|(path, entry)| PastMemory::of(path, entry)).collect()).await?;
        let memory = |(path, entry): (&MemoryPath, &IndexEntry)| {
            let content = Arc::clone(texts.get(&entry.hash)?);
            Some(Memory { version: entry.version.clone(), ..Memory::new(path.clone(), content) })
        };
        Ok(new().filter_map(memory).collect())
    }

    /// Rebuilds what a store held, even if it was deleted since; other stores may hold the same texts.
    ///
    /// # Errors
    ///
    /// As [`Past::texts`].
    pub async fn snapshot(&self, base: &Base, others: &[MemoryStoreId]) -> Result<Recalled, RunError> {
        let found = match base_snapshot(self.backend, base).await {
            Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => Snapshot::default(),
            found => found?,
        };
        let mut recalled = Recalled { snapshot: found, ..Recalled::default() };
        let is_there = |path: &MemoryPath, hash| recalled.snapshot.get(path).is_some_and(|m| m.hash == hash);
        let wanted: Vec<PastMemory> = (base.index.entries.iter())
            .filter(|(path, entry)| !is_there(path, entry.hash))
            .map(|(path, entry)| PastMemory::of(path, entry))
            .collect();
        if wanted.is_empty() {
            return Ok(recalled);
        }
        let texts = self.texts(others, wanted.clone()).await?;
        for PastMemory { path, hash, version } in wanted {
            match texts.get(&hash) {
                Some(text) => {
                    recalled.snapshot.insert(Memory { version, ..Memory::new(path, Arc::clone(text)) });
                }
                None => recalled.missing.push(path),
            }
        }
        Ok(recalled)
    }

    /// Gathers what it takes to show three ways what both agents and the dream of a run changed: texts, as far as
    /// they can be had, and what the candidate holds, or held when it was adopted.
    ///
    /// # Errors
    ///
    /// As [`Past::texts`].
    pub async fn sides(&self, state: &RunState) -> Result<(Texts, SnapshotIndex), RunError> {
        let (Some(base), Some(candidate)) = (&state.base, &state.candidate) else {
            return Ok(Default::default());
        };
        let copied = state.copy.as_ref().and_then(|copy| copy.end.as_ref());
        let copied = copied.iter().flat_map(|end| &end.conflicts);
        let merged: Vec<Conflict> = state.merged.iter().cloned().map(Conflict::from).collect();
        let all = state.conflicts.iter().chain(&state.late_conflicts).chain(copied).chain(&merged);
        let wanted: Vec<PastMemory> = all
            .flat_map(|one| [one.base, one.ours, one.theirs].map(|hash| (one.path.clone(), hash)))
            .filter_map(|(path, hash)| Some(PastMemory { path, hash: hash?, version: None }))
            .collect();
        let texts = self.texts(&[base.store.clone(), candidate.store.clone()], wanted).await?;
        let after = match &state.intended {
            Some(index) if state.phase == Phase::Adopted => index.clone(),
            _ => match self.backend.index(&candidate.store).await {
                Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => SnapshotIndex::default(),
                index => index?,
            },
        };
        Ok((texts, after))
    }

    /// Gathers what the judge of a run had before it. Nothing for a run without a candidate.
    ///
    /// # Errors
    ///
    /// As [`Past::texts`].
    pub async fn grounds(&self, state: &RunState) -> Result<Option<Grounds>, RunError> {
        let (Some(base), Some(candidate)) = (&state.base, &state.candidate) else { return Ok(None) };
        let before = self.snapshot(base, std::slice::from_ref(&candidate.store)).await?;
        let after = match &state.intended {
            // Agents write to an adopted candidate: it is not what was judged any more.
            Some(index) if state.phase == Phase::Adopted => {
                let adopted = Base { store: candidate.store.clone(), index: index.clone() };
                self.snapshot(&adopted, std::slice::from_ref(&base.store)).await?
            }
            _ => match self.backend.snapshot(&candidate.store).await {
                Err(BackendError::Refused { kind: Refusal::NotFound, .. }) => {
                    Recalled { is_gone: true, ..Recalled::default() }
                }
                snapshot => Recalled { snapshot: snapshot?, ..Recalled::default() },
            },
        };
        let sessions: Vec<_> =
            state.plan.batches.iter().flat_map(|batch| batch.sessions.iter().cloned()).collect();
        let testimony = self.backend.testimony(&sessions).await?;
        Ok(Some(Grounds { before, after, testimony }))
    }
}
