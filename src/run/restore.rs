//! Bringing back what a run lost: single statements, or whole memories, into the live store.
//!
//! Agents write to the store meanwhile. A statement is put into what a memory holds at that moment, and put
//! again into what it holds then if somebody was faster. First the store is written, then state: cut off in
//! between, the next call finds the statement there and notes that it is back.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::adoption::copy;
use crate::backend::{Backend, BackendError, Refusal};
use crate::ids::MemoryStoreId;
use crate::memory::{ContentHash, MemoryPath, MemoryWrite};
use crate::snapshot::{Snapshot, SnapshotIndex};
use crate::state::deeds::{self, Deed, Place, RestoredStatement};
use crate::state::keeper::Keeper;
use crate::state::{StateError, StateStore, ledger};
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

/// A statement of a text, and what it stands under.
#[derive(Debug, Clone)]
struct Spot {
    line: u64,
    headings: Vec<String>,
    parents: Vec<String>,
}

/// The statements of a text, by the hashes of their normal forms.
struct Spots(BTreeMap<ContentHash, Vec<(usize, Spot)>>);

impl Spots {
    fn of(content: &str) -> Self {
        let mut spots: BTreeMap<ContentHash, Vec<(usize, Spot)>> = BTreeMap::new();
        for (place, one) in statements(content).into_iter().enumerate() {
            let headings = one.headings.iter().map(|&text| normal(text)).collect();
            let parents = one.parents.iter().map(|&text| normal(text)).collect();
            let spot = Spot { line: one.line as u64, headings, parents };
            spots.entry(ContentHash::of(normal(one.text))).or_default().push((place, spot));
        }
        Self(spots)
    }

    fn all(&self, hash: &ContentHash) -> &[(usize, Spot)] {
        self.0.get(hash).map_or(&[], Vec::as_slice)
    }

    /// Finds the statement that a ledger names, also where lines are counted otherwise by now.
    fn named(&self, hash: &ContentHash, line: u64) -> Option<&(usize, Spot)> {
        let all = self.all(hash);
        all.iter().find(|(_, spot)| spot.line == line).or(all.first())
    }

    /// Finds a statement that says the same of the same: under the same headings, and beneath the same item or
    /// none. The same words elsewhere are about something else.
    fn like(&self, hash: &ContentHash, other: &Spot) -> Option<u64> {
        let is_like = |spot: &Spot| {
            spot.headings == other.headings && (spot.parents == other.parents || spot.parents.is_empty())
        };
        self.all(hash).iter().find(|(_, spot)| is_like(spot)).map(|(_, spot)| spot.line)
    }
}

/// Works out what memories become when statements go back into them as they are now. A statement that stands
/// in its memory under its headings already stays where it is.
pub fn mend(live: &Snapshot, wanted: &[Wanted]) -> Vec<Mended> {
    let mut by_memory: BTreeMap<&MemoryPath, BTreeMap<&str, Vec<&Wanted>>> = BTreeMap::new();
    for one in wanted {
        by_memory.entry(&one.to).or_default().entry(&one.source).or_default().push(one);
    }
    by_memory.into_iter().map(|(path, by_source)| mend_one(live, path, by_source)).collect()
}

fn mend_one(live: &Snapshot, path: &MemoryPath, by_source: BTreeMap<&str, Vec<&Wanted>>) -> Mended {
    let before = live.get(path).map(|memory| Arc::clone(&memory.content));
    let mut after = before.clone().unwrap_or_else(|| Arc::from(""));
    let first = Spots::of(&after);
    let mut found: Vec<(&Wanted, Spot, bool)> = Vec::new();
    for (source, wanted) in by_source {
        let (spots, held) = (Spots::of(source), Spots::of(&after));
        let mut places = Vec::new();
        for one in wanted {
            let Some((place, spot)) = spots.named(&one.hash, one.line) else { continue };
            let was_there = held.like(&one.hash, spot).is_some();
            if !was_there {
                places.push(*place);
            }
            found.push((one, spot.clone(), was_there));
        }
        if places.is_empty() {
            continue;
        }
        let now = (before.is_some() || !after.is_empty()).then_some(&*after);
        if let Some(text) = restored(now, source, &places) {
            after = Arc::from(text);
        }
    }
    let last = Spots::of(&after);
    let line_of = |one: &Wanted, spot: &Spot| {
        let (was, is) = (first.all(&one.hash), last.all(&one.hash));
        let anywhere = is.last().filter(|_| is.len() > was.len()).map(|(_, spot)| spot.line);
        last.like(&one.hash, spot).or(anywhere)
    };
    let statement = |(one, spot, was_there): (&Wanted, Spot, bool)| {
        let to = Place { path: path.clone(), line: line_of(one, &spot)? };
        Some(RestoredStatement { hash: one.hash, path: one.path.clone(), line: one.line, to, was_there })
    };
    let statements = found.into_iter().filter_map(statement).collect();
    Mended { path: path.clone(), before, after, statements }
}

/// What [`write_back`] did.
#[derive(Debug, Default)]
pub struct Written {
    /// The memories that are as they should be.
    pub done: Vec<Mended>,
    /// Why the rest is not.
    pub failed: Option<RunError>,
}

/// Writes memories as they were planned from a snapshot, each if it still is what it was; one that is not has
/// its statements put into what it holds then.
///
/// What was written before something failed is told with the failure, to be noted.
pub async fn write_back(
    backend: &dyn Backend,
    store: &MemoryStoreId,
    planned: Vec<Mended>,
    wanted: &[Wanted],
) -> Written {
    let mut written = Written::default();
    for memory in planned {
        match write_one(backend, store, memory, wanted).await {
            Ok(done) => written.done.extend(done),
            Err(error) => {
                written.failed = Some(error);
                break;
            }
        }
    }
    written
}

async fn write_one(
    backend: &dyn Backend,
    store: &MemoryStoreId,
    mut memory: Mended,
    wanted: &[Wanted],
) -> Result<Option<Mended>, RunError> {
    let mut tries = 0;
    loop {
        if memory.before.as_deref().unwrap_or_default() == &*memory.after {
            return Ok(Some(memory));
        }
        let expected = memory.before.as_deref().map(ContentHash::of);
        let (path, content) = (memory.path.clone(), Arc::clone(&memory.after));
        let write = MemoryWrite::Put { path, content, expected };
        tries += 1;
        match backend.write(store, &[write]).await {
            Ok(()) => return Ok(Some(memory)),
            Err(BackendError::Refused { kind: Refusal::Conflict, .. }) if tries < TRIES => {}
            Err(error) => return Err(error.into()),
        }
        let live = backend.snapshot(store).await?;
        let here: Vec<Wanted> = wanted.iter().filter(|one| one.to == memory.path).cloned().collect();
        match mend(&live, &here).pop() {
            Some(again) => memory = again,
            None => return Ok(None),
        }
    }
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
) -> Result<copy::CopyState, RunError> {
    Ok(super::targets::write_copy(backend, store, seen, to, texts, None).await?)
}

/// Notes what somebody did, and counts what runs lost without what is back. The lease of the alias is kept.
///
/// # Errors
///
/// Fails when state cannot be read or written; a repeat counts again.
pub async fn note(state: &dyn StateStore, keeper: &Keeper, deed: Option<&Deed>) -> Result<(), RunError> {
    let alias = keeper.alias();
    if let Some(deed) = deed {
        deeds::record(state, alias, deed).await?;
    }
    let deeds = deeds::read(state, alias).await?;
    for run in deeds::runs(&deeds) {
        let Some(kept) = ledger::read(state, alias, run).await? else { continue };
        let lost = deeds::still_lost(&kept, &deeds);
        keeper.update(state, |record| Ok::<_, StateError>(record.correct_losses(run, lost))).await?;
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
    fn what_its_memory_says_under_its_headings_is_there_already() {
        let live = store(&[("/deploy.md", "# Deploy\n\n- Page Mira first.\n- **Berlin** signs off\n")]);
        let mended = mend(&live, &[wanted("Berlin signs off.", 4)]);
        assert_eq!(mended[0].before.as_deref(), Some(&*mended[0].after));
        assert_eq!(mended[0].statements[0].to, Place { path: path("/deploy.md"), line: 4 });
        assert!(mended[0].statements[0].was_there);
    }

    #[test]
    fn the_same_words_of_something_else_are_not_the_statement() {
        let source = "# Production\n\n- port: 8080\n\n# Staging\n\n- port: 8080\n- host: st-1\n";
        let now = "# Production\n\n- port: 8080\n\n# Staging\n\n- host: st-1\n";
        let live = store(&[("/deploy.md", now), ("/other.md", "# Staging\n\n- port: 8080\n")]);
        let lost = Wanted { source: source.into(), ..wanted("port: 8080", 7) };
        let mended = mend(&live, std::slice::from_ref(&lost));
        assert_eq!(&*mended[0].after, source);
        assert_eq!((mended[0].statements[0].to.line, mended[0].statements[0].was_there), (7, false));
        let again = mend(&store(&[("/deploy.md", source)]), &[lost]);
        assert!(again[0].statements[0].was_there, "and once it is back it is there");
    }

    #[test]
    fn items_of_the_same_words_beneath_different_items_are_told_apart() {
        let source = "# Ports\n\n- Production:\n  - port: 8080\n- Staging:\n  - port: 8080\n  - host: st-1\n";
        let now = "# Ports\n\n- Production:\n  - port: 8080\n- Staging:\n  - host: st-1\n";
        let lost = Wanted { source: source.into(), ..wanted("port: 8080", 6) };
        let mended = mend(&store(&[("/deploy.md", now)]), &[lost]);
        assert_eq!(&*mended[0].after, source);
    }
}
