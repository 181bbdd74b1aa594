//! Bringing back what a run lost: single statements, or whole memories, into the live store.
//!
//! Agents write to the store meanwhile. A statement is put into what a memory holds at that moment, and put
//! again into what it holds then if somebody was faster. First the store is written, then state: cut off in
//! between, the next call finds the statement there and notes that it is back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::adoption::copy;
use crate::backend::{Backend, BackendError, Refusal};
use crate::ids::{Alias, MemoryStoreId};
use crate::memory::{ContentHash, MemoryPath, MemoryWrite};
use crate::snapshot::{Snapshot, SnapshotIndex};
use crate::state::deeds::{self, Deed, Place, RestoredStatement};
use crate::state::{StateError, StateStore, alias, ledger};
use crate::text::edit::restored;
use crate::text::normal::normal;
use crate::text::statement::statements;

use super::RunError;

/// How often a memory is tried that agents keep writing to.
const TRIES: usize = 20;

/// A lost statement that is to be brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The hash of its normal form.
    pub hash: ContentHash,
    /// Where it stood.
    pub path: MemoryPath,
    /// Its line there, from 1.
    pub line: u64,
    /// The whole memory it stood in.
    pub source: Arc<str>,
    /// The memory it goes to: where it stood, or what that is called now.
    pub to: MemoryPath,
}

/// What a memory becomes when statements go back into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// The memory.
    pub path: MemoryPath,
    /// What it holds now; nothing if it is made anew.
    pub before: Option<Arc<str>>,
    /// What it will hold; the same if every statement is there already.
    pub after: Arc<str>,
    /// The statements, and where they stand then.
    pub statements: Vec<RestoredStatement>,
}

/// Works out what memories become when statements go back into them as they are now. A statement that any
/// memory holds already stays where it is.
pub fn mend(live: &Snapshot, wanted: &[Wanted]) -> Vec<Mended> {
    let hashes: BTreeSet<ContentHash> = wanted.iter().map(|one| one.hash).collect();
    let mut held: BTreeMap<ContentHash, Place> = BTreeMap::new();
    for memory in live.iter() {
        for (hash, line) in hashed(&memory.content).into_iter().filter(|(hash, _)| hashes.contains(hash)) {
            held.entry(hash).or_insert_with(|| Place { path: memory.path.clone(), line });
        }
    }
    let mut mended: BTreeMap<&MemoryPath, Mended> = BTreeMap::new();
    let mut by_source: BTreeMap<(&MemoryPath, &str), Vec<&Wanted>> = BTreeMap::new();
    for one in wanted {
        let before = live.get(&one.to).map(|memory| Arc::clone(&memory.content));
        let after = before.clone().unwrap_or_else(|| Arc::from(""));
        let statements = Vec::new();
        let to = mended.entry(&one.to);
        let to = to.or_insert_with(|| Mended { path: one.to.clone(), before, after, statements });
        match held.get(&one.hash) {
            Some(place) => to.statements.push(RestoredStatement {
                hash: one.hash,
                path: one.path.clone(),
                line: one.line,
                to: place.clone(),
                was_there: true,
            }),
            None => by_source.entry((&one.to, &one.source)).or_default().push(one),
        }
    }
    for ((to, source), wanted) in by_source {
        let Some(memory) = mended.get_mut(to) else { continue };
        let places: Vec<usize> = (hashed(source).iter().enumerate())
            .filter(|(_, (hash, line))| wanted.iter().any(|one| one.hash == *hash && one.line == *line))
            .map(|(place, _)| place)
            .collect();
        let is_new = memory.before.is_none() && memory.after.is_empty();
        let now = (!is_new).then_some(&*memory.after);
        if let Some(text) = restored(now, source, &places) {
            memory.after = Arc::from(text);
        }
        memory.statements.extend(wanted.into_iter().map(|one| RestoredStatement {
            hash: one.hash,
            path: one.path.clone(),
            line: one.line,
            to: Place { path: to.clone(), line: 0 },
            was_there: false,
        }));
    }
    let mut mended: Vec<Mended> = mended.into_values().collect();
    for memory in &mut mended {
        let lines: BTreeMap<ContentHash, u64> = hashed(&memory.after).into_iter().collect();
        memory.statements.retain_mut(|statement| {
            if statement.was_there {
                return true;
            }
            let line = lines.get(&statement.hash);
            statement.to.line = line.copied().unwrap_or_default();
            line.is_some()
        });
    }
    mended
}

fn hashed(content: &str) -> Vec<(ContentHash, u64)> {
    let hash = |text: &str| ContentHash::of(normal(text));
    statements(content).into_iter().map(|one| (hash(one.text), one.line as u64)).collect()
}

/// Writes statements back into a store, each into what its memory holds at that moment.
///
/// # Errors
///
/// Fails as the backend does; what was written stays, and a repeat finds it there.
pub async fn write_back(
    backend: &dyn Backend,
    store: &MemoryStoreId,
    wanted: &[Wanted],
) -> Result<Vec<Mended>, RunError> {
    let mut done = Vec::new();
    let mut by_path: BTreeMap<&MemoryPath, Vec<Wanted>> = BTreeMap::new();
    for one in wanted {
        by_path.entry(&one.to).or_default().push(one.clone());
    }
    for wanted in by_path.into_values() {
        let mut tries = 0;
        loop {
            let live = backend.snapshot(store).await?;
            let Some(memory) = mend(&live, &wanted).pop() else { break };
            if memory.before.as_deref().unwrap_or_default() == &*memory.after {
                done.push(memory);
                break;
            }
            let expected = live.get(&memory.path).map(|held| held.hash);
            let content = Arc::clone(&memory.after);
            let write = MemoryWrite::Put { path: memory.path.clone(), content, expected };
            tries += 1;
            match backend.write(store, &[write]).await {
                Ok(()) => {
                    done.push(memory);
                    break;
                }
                Err(BackendError::Refused { kind: Refusal::Conflict, .. }) if tries < TRIES => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(done)
}

/// Brings memories back to what they were: from what they were seen to hold to what they held once. What
/// somebody changes meanwhile is left to them and named.
///
/// # Errors
///
/// Fails as the backend does; calling again carries on.
pub async fn bring_back(
    backend: &dyn Backend,
    store: &MemoryStoreId,
    seen: &SnapshotIndex,
    to: &SnapshotIndex,
    texts: &Snapshot,
) -> Result<copy::Copy, RunError> {
    Ok(super::targets::write_copy(backend, store, seen, to, texts).await?)
}

/// Notes what somebody did, and counts what runs lost without what is back.
///
/// # Errors
///
/// Fails when state cannot be read or written; a repeat counts again.
pub async fn note(state: &dyn StateStore, alias: &Alias, deed: Option<&Deed>) -> Result<(), RunError> {
    if let Some(deed) = deed {
        deeds::record(state, alias, deed).await?;
    }
    let deeds = deeds::read(state, alias).await?;
    for run in deeds::runs(&deeds) {
        let Some(kept) = ledger::read(state, alias, run).await? else { continue };
        let lost = deeds::still_lost(&kept, &deeds);
        alias::update(state, alias, |record| Ok::<_, StateError>(record.correct_losses(run, lost))).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::memory::Memory;

    use super::*;

    const WAS: &str = "# Deploy\n\n- The canary takes 15 minutes.\n- Berlin signs off.\n- Page Mira first.\n";

    fn path(text: &str) -> MemoryPath {
        MemoryPath::parse(text).unwrap()
    }

    fn wanted(text: &str, line: u64) -> Wanted {
        let (from, to) = (path("/deploy.md"), path("/deploy.md"));
        Wanted { hash: ContentHash::of(normal(text)), path: from, line, source: WAS.into(), to }
    }

    fn store(memories: &[(&str, &str)]) -> Snapshot {
        memories.iter().map(|(at, text)| Memory::new(path(at), *text)).collect()
    }

    #[test]
    fn a_statement_goes_back_where_it_stood() {
        let live =
            store(&[("/deploy.md", "# Deploy\n\n- The canary takes 15 minutes.\n- Page Mira first.\n")]);
        let mended = mend(&live, &[wanted("Berlin signs off.", 4)]);
        assert_eq!(&*mended[0].after, WAS);
        assert_eq!((mended[0].statements[0].to.line, mended[0].statements[0].was_there), (4, false));
    }

    #[test]
    fn a_memory_that_is_gone_is_made_anew() {
        let mended = mend(&store(&[]), &[wanted("Berlin signs off.", 4)]);
        assert_eq!(mended[0].before, None);
        assert_eq!(&*mended[0].after, "# Deploy\n\n- Berlin signs off.\n");
        let all = [
            wanted("The canary takes 15 minutes.", 3),
            wanted("Berlin signs off.", 4),
            wanted("Page Mira first.", 5),
        ];
        assert_eq!(&*mend(&store(&[]), &all)[0].after, WAS);
    }

    #[test]
    fn what_any_memory_says_is_there_already() {
        let live =
            store(&[("/deploy.md", "- Page Mira first.\n"), ("/cities.md", "- **Berlin** signs off\n")]);
        let mended = mend(&live, &[wanted("Berlin signs off.", 4)]);
        assert_eq!(mended[0].before.as_deref(), Some(&*mended[0].after));
        assert_eq!(mended[0].statements[0].to, Place { path: path("/cities.md"), line: 1 });
        assert!(mended[0].statements[0].was_there);
    }
}
