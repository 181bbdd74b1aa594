//! Lineage: what an alias was, told by its stores and the dreams alone, for the day that state is lost.
//!
//! A decision over what was listed; nothing is read or written here. What cannot be told for certain is
//! [`Unclear`], and then nothing is rebuilt.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::backend::tags::{ListedStore, Role, StoreTags};
use crate::dream::{Dream, DreamStatus};
use crate::ids::{Alias, DreamId, MemoryStoreId, PipelineName, SessionId};
use crate::state::alias::Adoption;

/// What is there to go by.
#[derive(Debug, Clone, Copy)]
pub struct Traces<'a> {
    /// The alias.
    pub alias: &'a Alias,
    /// The store it began with.
    pub root: &'a MemoryStoreId,
    /// Every store there is.
    pub stores: &'a [ListedStore],
    /// Every dream there was.
    pub dreams: &'a [Dream],
    /// The dreams that runs in state know as their own.
    pub known: &'a BTreeSet<DreamId>,
}

/// What an alias was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// The live store.
    pub active: MemoryStoreId,
    /// The alias's generation.
    pub generation: u64,
    /// The adoption that made it live.
    pub adoption: Option<Adoption>,
    /// Since when it is live again, if that was a rollback.
    pub brought_back_at: Option<Timestamp>,
    /// The stores that were live before and are still there, newest first.
    pub previous: Vec<Earlier>,
    /// The sessions that are in the live store.
    pub read: BTreeSet<SessionId>,
    /// How many of them were read by dreams whose output is gone: copied, or found to change nothing, or
    /// declined by somebody.
    pub presumed: usize,
    /// When each pipeline last adopted.
    pub finished: BTreeMap<PipelineName, Timestamp>,
    /// Dreams that began with the live store and were not adopted, each followed by those that read its
    /// output, newest first.
    pub loose: Vec<Vec<Dream>>,
}

/// A store that was live before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// The store.
    pub store: MemoryStoreId,
    /// The adoption that had made it live.
    pub adoption: Option<Adoption>,
    /// When it gave way.
    pub retired_at: Timestamp,
    /// The sessions that are in it.
    pub read: BTreeSet<SessionId>,
}

/// Why an alias cannot be rebuilt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// Two stores say that they became live at once.
    #[error("`{one}` and `{other}` both say that they are generation {generation} of `{alias}`")]
    Twice {
        /// The alias.
        alias: Alias,
        /// The generation.
        generation: u64,
        /// A store.
        one: MemoryStoreId,
        /// Another one.
        other: MemoryStoreId,
    },
    /// The live store may not be read by dreams.
    #[error("`{store}`, the last live store of `{alias}`, is archived")]
    Archived {
        /// The alias.
        alias: Alias,
        /// The store.
        store: MemoryStoreId,
    },
    /// The live store was written by a dream that did not complete.
    #[error("`{store}` says that it is live as `{alias}`, and dream `{dream}`, which wrote it, is {status}")]
    Incomplete {
        /// The alias.
        alias: Alias,
        /// The store.
        store: MemoryStoreId,
        /// The dream.
        dream: DreamId,
        /// Its status.
        status: DreamStatus,
    },
}

/// Tells what an alias was; nothing where no store or dream tells of any run.
///
/// # Errors
///
/// Says what is not clear.
pub fn trace(traces: &Traces<'_>) -> Result<Option<Lineage>, Unclear> {
    let own = traces.own();
    let mut lives: Vec<(&ListedStore, &StoreTags)> =
        own.iter().filter(|(_, tags)| tags.role.is_live()).copied().collect();
    lives.sort_by_key(|(_, tags)| std::cmp::Reverse(tags.generation));
    let twice = lives.iter().zip(lives.iter().skip(1)).find(|(a, b)| a.1.generation == b.1.generation);
    if let Some(((one, tags), (other, _))) = twice {
        return Err(Unclear::Twice {
            alias: traces.alias.clone(),
            generation: tags.generation,
            one: one.store.id.clone(),
            other: other.store.id.clone(),
        });
    }
    let newest = lives.first().copied();
    let active = newest.map_or(traces.root, |(listed, _)| &listed.store.id);
    traces.check_live(active)?;

    let once_live: BTreeSet<&MemoryStoreId> = lives.iter().map(|(listed, _)| &listed.store.id).collect();
    let path = traces.path_to(active);
    let mut through: BTreeSet<&MemoryStoreId> = path.iter().map(|dream| &dream.store).collect();
    through.insert(active);
    // What led to a store that is live no more is neither in the live store nor up for adoption.
    let mut settled: BTreeSet<&DreamId> =
        once_live.iter().flat_map(|store| traces.path_to(store)).map(|dream| &dream.id).collect();
    let mut read = sessions_of(&path);
    let mut presumed = BTreeSet::new();
    for dream in traces.dreams.iter().filter(|dream| dream.status == DreamStatus::Completed) {
        let Some(output) = &dream.output else { continue };
        let role = own.iter().find(|(listed, _)| listed.store.id == *output).map(|(_, tags)| tags.role);
        let is_gone = !traces.has(output);
        if settled.contains(&dream.id) || !is_gone && !matches!(role, Some(Role::Unchanged | Role::Copied)) {
            continue;
        }
        let (leg, base) = traces.leg_to(output, &once_live);
        if base.is_some_and(|base| through.contains(base)) {
            settled.extend(leg.iter().map(|dream| &dream.id));
            if is_gone { &mut presumed } else { &mut read }.extend(sessions_of(&leg));
        }
    }
    presumed.retain(|session| !read.contains(session));
    let presumed_count = presumed.len();
    read.extend(presumed);

    let loose = traces.loose(active, &read, &settled, &own);
    if lives.is_empty() && read.is_empty() && loose.is_empty() {
        return Ok(None);
    }
    let mut previous = Vec::new();
    let mut retired_at = newest.map(|(_, tags)| tags.since);
    for (listed, tags) in lives.iter().skip(1) {
        let Some(at) = retired_at.replace(tags.since) else { break };
        previous.push(traces.earlier(&listed.store.id, tags.adoption.clone(), at));
    }
    let is_kept = traces.has(traces.root) && !once_live.contains(traces.root);
    if let Some(at) = retired_at.filter(|_| is_kept) {
        previous.push(traces.earlier(traces.root, None, at));
    }
    let mut finished = BTreeMap::new();
    for adoption in lives.iter().rev().filter_map(|(_, tags)| tags.adoption.as_ref()) {
        let last: &mut Timestamp = finished.entry(adoption.run.pipeline().clone()).or_insert(adoption.at);
        *last = adoption.at.max(*last);
    }
    Ok(Some(Lineage {
        active: active.clone(),
        generation: newest.map_or(0, |(_, tags)| tags.generation),
        adoption: newest.and_then(|(_, tags)| tags.adoption.clone()),
        brought_back_at: newest
            .filter(|(_, tags)| tags.role == Role::BroughtBack)
            .map(|(_, tags)| tags.since),
        previous,
        read,
        presumed: presumed_count,
        finished,
        loose,
    }))
}

fn sessions_of(dreams: &[&Dream]) -> BTreeSet<SessionId> {
    dreams.iter().flat_map(|dream| &dream.sessions).cloned().collect()
}

impl<'a> Traces<'a> {
    /// Returns the stores that say they are of this very alias. One of the same name that began elsewhere is
    /// another project's.
    fn own(&self) -> Vec<(&'a ListedStore, &'a StoreTags)> {
        let tagged = self.stores.iter().filter_map(|listed| Some((listed, listed.tags.as_ref()?)));
        tagged.filter(|(_, tags)| tags.alias == *self.alias && tags.root == *self.root).collect()
    }

    /// Makes sure that a store can be live.
    fn check_live(&self, store: &MemoryStoreId) -> Result<(), Unclear> {
        let listed = self.stores.iter().find(|listed| listed.store.id == *store);
        if listed.is_some_and(|listed| listed.store.archived_at.is_some()) {
            return Err(Unclear::Archived { alias: self.alias.clone(), store: store.clone() });
        }
        match self.writer(store) {
            Some(dream) if dream.status != DreamStatus::Completed => Err(Unclear::Incomplete {
                alias: self.alias.clone(),
                store: store.clone(),
                dream: dream.id.clone(),
                status: dream.status,
            }),
            _ => Ok(()),
        }
    }

    /// Returns the dream that wrote a store.
    fn writer(&self, store: &MemoryStoreId) -> Option<&'a Dream> {
        self.dreams.iter().find(|dream| dream.output.as_ref() == Some(store) && dream.store != *store)
    }

    /// Returns the dreams that led to a store, newest first.
    fn path_to(&self, store: &MemoryStoreId) -> Vec<&'a Dream> {
        self.leg_to(store, &BTreeSet::new()).0
    }

    /// Returns the dreams that led to a store from the last store before that was live once, newest first,
    /// and what the first of them read.
    fn leg_to(
        &self,
        store: &MemoryStoreId,
        once_live: &BTreeSet<&MemoryStoreId>,
    ) -> (Vec<&'a Dream>, Option<&'a MemoryStoreId>) {
        let mut dreams: Vec<&Dream> = Vec::new();
        let mut base = None;
        let mut at = store.clone();
        while let Some(dream) = self.writer(&at).filter(|dream| dreams.iter().all(|own| own.id != dream.id)) {
            dreams.push(dream);
            at = dream.store.clone();
            base = Some(&dream.store);
            if once_live.contains(&at) {
                break;
            }
        }
        (dreams, base)
    }

    fn has(&self, store: &MemoryStoreId) -> bool {
        self.stores.iter().any(|listed| listed.store.id == *store)
    }

    fn earlier(&self, store: &MemoryStoreId, adoption: Option<Adoption>, retired_at: Timestamp) -> Earlier {
        Earlier { store: store.clone(), adoption, retired_at, read: sessions_of(&self.path_to(store)) }
    }

    /// Finds the dreams over the live store that nobody adopted or gave up, with what they would teach.
    fn loose(
        &self,
        active: &MemoryStoreId,
        read: &BTreeSet<SessionId>,
        settled: &BTreeSet<&DreamId>,
        own: &[(&ListedStore, &StoreTags)],
    ) -> Vec<Vec<Dream>> {
        let is_loose = |dream: &&Dream| {
            let has_ended = matches!(dream.status, DreamStatus::Failed | DreamStatus::Canceled);
            let is_in_place = dream.output.as_ref() == Some(&dream.store);
            let is_there = match &dream.output {
                None => dream.status != DreamStatus::Completed,
                Some(output) => self.has(output),
            };
            let is_tagged = own.iter().any(|(listed, _)| dream.output.as_ref() == Some(&listed.store.id));
            let is_news = dream.sessions.iter().any(|session| !read.contains(session));
            !has_ended
                && !is_in_place
                && is_there
                && !is_tagged
                && is_news
                && !settled.contains(&dream.id)
                && !self.known.contains(&dream.id)
        };
        let loose: Vec<&Dream> = self.dreams.iter().filter(is_loose).collect();
        let heads = loose.iter().filter(|dream| dream.store == *active);
        heads
            .map(|head| {
                let mut chain: Vec<Dream> = vec![(*head).clone()];
                while let Some(output) = chain.last().and_then(|last| last.output.clone()) {
                    // Of several the newest is the last try at the next batch.
                    let next = loose.iter().find(|dream| dream.store == output);
                    let Some(next) = next.filter(|next| chain.iter().all(|own| own.id != next.id)) else {
                        break;
                    };
                    chain.push((*next).clone());
                }
                chain
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
