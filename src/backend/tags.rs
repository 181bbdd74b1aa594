//! Tags: what a store says of itself in its own metadata, so that state which was lost can be rebuilt.
//!
//! Ids, counts, times and a hash; never text of a memory. A tag names the store it is on: where a server
//! copies metadata with a store, the copy says nothing.

use jiff::Timestamp;
use serde_json::Value;

use crate::ids::{Alias, MemoryStoreId, RunId};
use crate::memory::ContentHash;
use crate::state::alias::{Adoption, AliasRecord};

use super::MemoryStore;
use super::wire::Object;

const STORE: &str = "dreamrun_store";
const ALIAS: &str = "dreamrun_alias";
const ROOT: &str = "dreamrun_root";
const ROLE: &str = "dreamrun_role";
const GENERATION: &str = "dreamrun_generation";
const SINCE: &str = "dreamrun_since";
const RUN: &str = "dreamrun_run";
const ADOPTED_AT: &str = "dreamrun_adopted_at";
const HASH: &str = "dreamrun_hash";

/// What a store is, or was, to an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreTags {
    /// The alias.
    pub alias: Alias,
    /// The store that the alias began with, which tells aliases of one name apart.
    pub root: MemoryStoreId,
    /// What it is to the alias.
    pub role: Role,
    /// The alias's generation then.
    pub generation: u64,
    /// Since when.
    pub since: Timestamp,
    /// The adoption that made it live; none for the store an alias began with.
    pub adoption: Option<Adoption>,
}

/// What a store is to an alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is live, or was until one of a later generation took over.
    Live,
    /// It is live again since a rollback.
    BroughtBack,
    /// A run wrote it and found nothing to adopt in it: its sessions count as read.
    Unchanged,
    /// A run wrote it and copied it into the live store: its sessions count as read.
    Copied,
    /// A run wrote it and it was not adopted, or was taken back: its sessions are to be read again.
    Declined,
}

impl Role {
    const ALL: [Self; 5] = [Self::Live, Self::BroughtBack, Self::Unchanged, Self::Copied, Self::Declined];

    fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::BroughtBack => "brought_back",
            Self::Unchanged => "unchanged",
            Self::Copied => "copied",
            Self::Declined => "declined",
        }
    }

    /// Says whether the store is or was live.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Live | Self::BroughtBack)
    }
}

/// A store with what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedStore {
    /// The store.
    pub store: MemoryStore,
    /// What it says, if anything.
    pub tags: Option<StoreTags>,
}

impl StoreTags {
    /// Returns what the live store of an alias says. `now` is only asked for where nothing tells since when
    /// it is live.
    pub fn of_live(alias: &Alias, record: &AliasRecord, now: Timestamp) -> Self {
        let (role, since) = match (&record.hold, &record.adoption) {
            (Some(hold), _) => (Role::BroughtBack, hold.since),
            (None, Some(adoption)) => (Role::Live, adoption.at),
            (None, None) => (Role::Live, now),
        };
        Self {
            alias: alias.clone(),
            root: record.root().clone(),
            role,
            generation: record.generation,
            since,
            adoption: record.adoption.clone(),
        }
    }

    /// Returns what a store says that a run wrote and that is not live.
    pub fn of_leftover(alias: &Alias, record: &AliasRecord, role: Role, now: Timestamp) -> Self {
        let (root, generation) = (record.root().clone(), record.generation);
        Self { alias: alias.clone(), root, role, generation, since: now, adoption: None }
    }

    /// Writes the tags as pairs of metadata of a store.
    pub fn pairs(&self, store: &MemoryStoreId) -> Object {
        let mut pairs = Object::new();
        let mut set = |key: &str, value: Option<String>| {
            pairs.insert(key.to_owned(), value.map_or(Value::Null, Value::String));
        };
        set(STORE, Some(store.to_string()));
        set(ALIAS, Some(self.alias.to_string()));
        set(ROOT, Some(self.root.to_string()));
        set(ROLE, Some(self.role.as_str().to_owned()));
        set(GENERATION, Some(self.generation.to_string()));
        set(SINCE, Some(self.since.to_string()));
        let adoption = self.adoption.as_ref();
        set(RUN, adoption.map(|adoption| adoption.run.to_string()));
        set(ADOPTED_AT, adoption.map(|adoption| adoption.at.to_string()));
        set(HASH, adoption.map(|adoption| adoption.hash.to_string()));
        pairs
    }

    /// Reads the tags of a store; none if it has none of its own, or they are not what this program writes.
    pub fn read(store: &MemoryStoreId, metadata: &Object) -> Option<Self> {
        let text = |key: &str| metadata.get(key).and_then(Value::as_str);
        if text(STORE)? != store.as_str() {
            return None;
        }
        let role = text(ROLE)?;
        let adoption = match text(RUN) {
            None => None,
            Some(run) => Some(Adoption {
                run: RunId::parse(run)?,
                at: text(ADOPTED_AT)?.parse().ok()?,
                hash: ContentHash::try_from(text(HASH)?.to_owned()).ok()?,
            }),
        };
        Some(Self {
            alias: Alias::parse(text(ALIAS)?).ok()?,
            root: MemoryStoreId::parse(text(ROOT)?).ok()?,
            role: Role::ALL.into_iter().find(|known| known.as_str() == role)?,
            generation: text(GENERATION)?.parse().ok()?,
            since: text(SINCE)?.parse().ok()?,
            adoption,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::PipelineName;

    fn store(id: &str) -> MemoryStoreId {
        MemoryStoreId::parse(id).unwrap()
    }

    fn tags(adoption: Option<Adoption>) -> StoreTags {
        let alias = Alias::parse("notes").unwrap();
        let since = "2026-11-20T09:00:00.25Z".parse().unwrap();
        StoreTags { alias, root: store("memstore_0"), role: Role::Live, generation: 3, since, adoption }
    }

    fn adoption() -> Adoption {
        let run = RunId::new(PipelineName::parse("tidy").unwrap(), 3);
        let at = "2026-11-20T09:00:00.25Z".parse().unwrap();
        Adoption { run, at, hash: ContentHash::of("a") }
    }

    #[test]
    fn tags_read_back_as_written_and_only_from_the_store_they_are_of() {
        for tags in [tags(None), tags(Some(adoption()))] {
            let mut pairs = tags.pairs(&store("memstore_3"));
            // As a server keeps them.
            pairs.retain(|_, value| !value.is_null());
            assert_eq!(StoreTags::read(&store("memstore_3"), &pairs).as_ref(), Some(&tags));
            assert_eq!(StoreTags::read(&store("memstore_4"), &pairs), None, "a copy says nothing");
        }
    }

    #[test]
    fn tags_leave_room_for_those_of_others_and_keep_to_the_limits_of_the_api() {
        let alias = Alias::parse("a".repeat(64)).unwrap();
        let run = RunId::new(PipelineName::parse("p".repeat(64)).unwrap(), u32::MAX);
        let long = store(&"s".repeat(256));
        let adoption = Some(Adoption { run, ..adoption() });
        let pairs = StoreTags { alias, root: long.clone(), adoption, ..tags(None) }.pairs(&long);
        assert!(pairs.len() <= 9, "{} of 16 pairs", pairs.len());
        for (key, value) in pairs {
            assert!(key.len() <= 64 && value.as_str().unwrap().len() <= 512, "{key}");
        }
    }

    #[test]
    fn what_somebody_else_wrote_there_is_no_tag() {
        let whole = tags(Some(adoption())).pairs(&store("memstore_3"));
        for (key, wrong) in
            [(GENERATION, "many"), (ROLE, "boss"), (RUN, "x"), (SINCE, "noon"), (ALIAS, "A B")]
        {
            let mut pairs = whole.clone();
            pairs.insert(key.to_owned(), Value::String(wrong.to_owned()));
            assert_eq!(StoreTags::read(&store("memstore_3"), &pairs), None, "{key}");
        }
    }
}
