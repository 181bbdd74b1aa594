//! The embedded backend: memory stores, sessions and dreams on this machine, over SQLite.
//!
//! It needs no server. Dreams run on threads of whichever process has the backend open; one that dies
//! leaves its dream to the next process that waits for it. Stores come from folders of text, sessions from
//! transcript files; neither is ever changed by a dream.

mod claim;
mod database;
mod dreams;
mod error;
mod globs;
mod handle;
mod landing;
mod memories;
mod metadata;
pub(crate) mod mint;
pub(crate) mod recorded;
mod served;
mod sessions;
mod stores;
mod telling;
mod transcripts;
mod versions;
mod worker;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::backend::folder::{self, FolderReport};
use crate::backend::tags::{ListedStore, StoreTags};
use crate::backend::testimony::sayings;
use crate::backend::wire::UpdateStore;
use crate::backend::{
    Activity, Backend, BackendError, Imported, MemoryStore, PastMemory, Refusal, SessionListing,
    SessionQuery, SessionRequest, Unreadable, WhenLeft, check_session_set,
};
use crate::clock::Clock;
use crate::dream::{Dream, DreamChange, DreamRequest, DreamStatus, INSTRUCTIONS_LIMIT};
use crate::dreaming::Minds;
use crate::dreaming::transcript::Transcript;
use crate::ids::{DeploymentId, DreamId, MemoryStoreId, SessionId};
use crate::ledger::testimony::Testimony;
use crate::memory::{Memory, MemoryPath, MemoryWrite};
use crate::session::Session;
use crate::snapshot::{Change, Snapshot, SnapshotIndex};
use crate::spec::pipeline::SessionSource;

use claim::Claim;
use database::Database;
use error::Failure;
use handle::{Handle, Workers};
use served::Served;
use sessions::{FilePart, Reach, Source};
use versions::Mark;

pub(crate) use dreams::{DreamFilter, DreamRecord, DreamTerms, status_of as dream_status};
pub use error::LocalError;
pub use globs::matches_nothing;
pub(crate) use memories::{MemoryFilter, View};
pub use recorded::{ImportedSessions, SeedError, Seeded, World};
pub use served::{DreamFault, Pace, Serving};
pub(crate) use stores::StoreFilter;
pub(crate) use versions::VersionFilter;

/// How often a dream that another process works on is looked at.
const POLL: Duration = Duration::from_millis(200);
/// How long [`Backend::next_change`] waits before it returns a dream that has not changed.
const QUIET: Duration = Duration::from_secs(10);

/// What a local backend is opened with.
#[derive(Clone)]
pub struct LocalOptions {
    /// The database file. It and its folder are made when missing; nothing else may use the file.
    pub database: PathBuf,
    /// The project folder. Relative paths and globs start here, and reads stay below it.
    pub root: PathBuf,
    /// Further folders that may be read, granted on the command line.
    pub allow_read: Vec<PathBuf>,
    /// The minds that can dream.
    pub minds: Arc<dyn Minds>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The embedded backend.
///
/// A session is known by its id once [`Backend::sessions`] has found it in a file; the database keeps
/// where, so later processes can dream over it and list it by id without naming the file again. A dream
/// reads the bytes that were listed: what a file has gained since is not read, and a file that holds
/// anything else fails the dream with `input_session_unavailable`.
///
/// Dropping it asks its dreams to stop at their next checkpoint; they go on when a process waits for them
/// again.
pub struct LocalBackend {
    shared: Arc<Shared>,
}

/// What the backend and its workers share.
struct Shared {
    database: Database,
    reach: Reach,
    minds: Arc<dyn Minds>,
    clock: Arc<dyn Clock>,
    workers: Mutex<Workers>,
    /// What is set when this process carries out dreams asked for over HTTP.
    served: OnceLock<Served>,
    /// What wakes those who wait for the events of recorded sessions.
    bells: recorded::Bells,
    /// Where the sessions are that a backend without write access has listed.
    listed: Mutex<BTreeMap<SessionId, FilePart>>,
}

impl fmt::Debug for LocalBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalBackend").field("database", &self.shared.database.path()).finish_non_exhaustive()
    }
}

/// The part of [`Imported`] that is kept, so that a repeated import answers as the first one did.
#[derive(Serialize, Deserialize)]
struct ImportReport {
    entries: u64,
    bytes: u64,
    renamed: Vec<(String, MemoryPath)>,
    refused: Vec<(String, String)>,
}

impl LocalBackend {
    /// Opens the backend for everything, making its database if need be.
    ///
    /// # Errors
    ///
    /// Fails if the project folder is missing, or the database cannot be written, was written by a later
    /// version, or is something else.
    pub fn open(options: LocalOptions) -> Result<Self, LocalError> {
        let database = Database::open(&options.database)?;
        Self::new(options, database)
    }

    /// Opens the backend for looking only: no file is written or made, and the database need not exist.
    /// Calls that would write are refused.
    ///
    /// # Errors
    ///
    /// As [`LocalBackend::open`], apart from writing.
    pub fn open_read_only(options: LocalOptions) -> Result<Self, LocalError> {
        let database = Database::open_read_only(&options.database)?;
        Self::new(options, database)
    }

    fn new(options: LocalOptions, database: Database) -> Result<Self, LocalError> {
        let reach = Reach::new(&options.root, &options.allow_read).map_err(|source| LocalError::File {
            path: options.root.clone(),
            action: "open the project folder",
            source,
        })?;
        let LocalOptions { minds, clock, .. } = options;
        let (workers, served, listed, bells) = Default::default();
        Ok(Self {
            shared: Arc::new(Shared { database, reach, minds, clock, workers, served, bells, listed }),
        })
    }

    /// Makes an empty store.
    ///
    /// # Errors
    ///
    /// Refuses a name that is not 1 to 255 characters without control characters.
    pub fn create_store(&self, name: &str) -> Result<MemoryStore, LocalError> {
        let now = self.shared.now();
        self.shared.database.write(|db| stores::create(db, name, now))
    }

    /// Lists every store, oldest first.
    ///
    /// # Errors
    ///
    /// Fails if the database does.
    pub fn list_stores(&self) -> Result<Vec<MemoryStore>, LocalError> {
        self.shared.database.read(stores::list)
    }

    /// Imports a folder of text as a store, once: the same name and folder give the same store and the same
    /// answer again, whatever the folder holds by then.
    ///
    /// Every UTF-8 file is a memory; its path is its path below `folder`, its time the date its front
    /// matter gives, else the file's. [`Imported::refused`] names everything else.
    ///
    /// # Errors
    ///
    /// Fails if the folder lies outside what may be read or cannot be listed, or the database fails.
    pub fn import_folder(&self, name: &str, folder: &Path) -> Result<Imported, LocalError> {
        let real = self.shared.reach.real(folder)?;
        let origin = self.origin_of(name, &real);
        if let Some(known) = self.shared.database.read(|db| stores::imported(db, &origin))? {
            return self.imported(known);
        }
        let (snapshot, report) = folder::read(&real)?;
        let report = serde_json::json!(ImportReport {
            entries: snapshot.len() as u64,
            bytes: snapshot.bytes(),
            renamed: report.renamed,
            refused: report.refused.into_iter().map(|left| (left.name, left.reason)).collect(),
        })
        .to_string();
        let now = self.shared.now();
        let mark = Mark::unsigned(now);
        let known = self.shared.database.write(|db| {
            if let Some(known) = stores::imported(db, &origin)? {
                return Ok(known);
            }
            let store = stores::create(db, name, now)?;
            for memory in snapshot.iter() {
                memories::put(db, &store.id, memory, &mark)?;
            }
            stores::set_origin(db, &store.id, &origin, &report)?;
            Ok((store.id, report))
        })?;
        self.imported(known)
    }

    /// Returns the store that a folder was imported as, if it was.
    ///
    /// # Errors
    ///
    /// As [`LocalBackend::import_folder`], for the folder and the database.
    pub fn imported_as(&self, name: &str, folder: &Path) -> Result<Option<MemoryStoreId>, LocalError> {
        let origin = self.origin_of(name, &self.shared.reach.real(folder)?);
        let known = self.shared.database.read(|db| stores::imported(db, &origin))?;
        Ok(known.map(|(store, _)| store))
    }

    fn origin_of(&self, name: &str, real: &Path) -> String {
        let place = real.strip_prefix(self.shared.reach.root()).unwrap_or(real);
        serde_json::json!([name, place.to_string_lossy()]).to_string()
    }

    fn imported(&self, (store, report): (MemoryStoreId, String)) -> Result<Imported, LocalError> {
        let report: ImportReport = serde_json::from_str(&report).map_err(|error| LocalError::Refused {
            kind: Refusal::Internal,
            message: format!("the import report of `{store}` cannot be read: {error}"),
        })?;
        let ImportReport { entries, bytes, renamed, refused } = report;
        let refused = refused.into_iter().map(|(name, reason)| Unreadable { name, reason }).collect();
        Ok(Imported { store, entries, bytes, renamed, refused })
    }

    /// Reads a folder of text as [`LocalBackend::import_folder`] would, without making a store.
    ///
    /// # Errors
    ///
    /// Fails if the folder lies outside what may be read or cannot be listed.
    pub fn read_folder(&self, folder: &Path) -> Result<(Snapshot, FolderReport), LocalError> {
        Ok(folder::read(&self.shared.reach.real(folder)?)?)
    }
}

impl Drop for LocalBackend {
    fn drop(&mut self) {
        for worker in self.shared.workers().values() {
            worker.stop();
        }
    }
}

impl Shared {
    /// Returns the time as the database keeps it.
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    fn workers(&self) -> MutexGuard<'_, Workers> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listed(&self) -> MutexGuard<'_, BTreeMap<SessionId, FilePart>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dream(&self, id: &DreamId) -> Result<Dream, LocalError> {
        self.database.read(|db| dreams::find(db, id))
    }

    fn part(&self, id: &SessionId) -> Result<Option<FilePart>, LocalError> {
        if let Some(part) = self.listed().get(id) {
            return Ok(Some(part.clone()));
        }
        self.database.read(|db| sessions::recorded(db, id))
    }

    /// Lists sessions. Where they are is kept, so that a process which continues a run can create its
    /// dreams without listing again; a listing that finds nothing new writes nothing.
    fn sessions(&self, query: &SessionQuery) -> Result<SessionListing, LocalError> {
        let (recorded, query) = self.take_recorded(query)?;
        let mut found = sessions::list(&self.reach, &query, |id| self.part(id), self.now())?;
        found.listing.sessions.extend(recorded);
        found.listing.sessions.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        if !self.database.is_writable() {
            self.listed().extend(found.parts);
            return Ok(found.listing);
        }
        let mut news = BTreeMap::new();
        self.database.read(|db| {
            for (id, part) in &found.parts {
                if sessions::recorded(db, id)?.as_ref() != Some(part) {
                    news.insert(id.clone(), part.clone());
                }
            }
            Ok(())
        })?;
        if !news.is_empty() {
            self.database.write(|db| sessions::record(db, &news))?;
        }
        Ok(found.listing)
    }

    /// Returns the recorded sessions that a query names, and what else it asks for.
    fn take_recorded(&self, query: &SessionQuery) -> Result<(Vec<Session>, SessionQuery), LocalError> {
        let mut recorded = BTreeMap::new();
        let mut rest = query.clone();
        self.database.read(|db| {
            for source in &mut rest.sources {
                let SessionSource::Ids(ids) = source else { continue };
                let named = std::mem::take(ids);
                for id in named {
                    match recorded::summary(db, &id)? {
                        Some(session) => drop(recorded.insert(id, session)),
                        None => ids.push(id),
                    }
                }
            }
            Ok(())
        })?;
        recorded.retain(|_, session| query.since.is_none_or(|since| session.created_at >= since));
        Ok((recorded.into_values().collect(), rest))
    }

    fn create_dream(self: &Arc<Self>, request: &DreamRequest) -> Result<Dream, LocalError> {
        if self.minds.mind(&request.model).is_none() {
            let message = format!("model: the local backend has no mind named `{}`", request.model);
            return Err(LocalError::Refused { kind: Refusal::Invalid, message });
        }
        Ok(self.accept(request, None)?.dream)
    }

    /// Accepts a dream and sets to work on it.
    fn accept(
        self: &Arc<Self>,
        request: &DreamRequest,
        terms: Option<&DreamTerms>,
    ) -> Result<DreamRecord, LocalError> {
        let invalid = |message: String| LocalError::Refused { kind: Refusal::Invalid, message };
        check_session_set(&request.sessions).map_err(invalid)?;
        let length = request.instructions.as_ref().map(|text| text.chars().count());
        if let Some(length) = length.filter(|length| !(1..=INSTRUCTIONS_LIMIT).contains(length)) {
            return Err(invalid(format!(
                "instructions: {length} characters, allowed are 1 to {INSTRUCTIONS_LIMIT}"
            )));
        }
        let now = self.now();
        let record = self.database.write(|db| {
            let mut sources = BTreeMap::new();
            for session in &request.sessions {
                let source = source(db, session)?.ok_or_else(|| {
                    let message = match terms {
                        Some(_) => format!("there is no session `{session}`"),
                        None => format!("no session `{session}` has been listed"),
                    };
                    Failure::refused(Refusal::NotFound, message)
                })?;
                sources.insert(session.clone(), source);
            }
            let id = dreams::create(db, request, terms, &sources, now)?.id;
            dreams::record(db, &id)
        })?;
        let id = &record.dream.id;
        if terms.is_some() {
            self.choose_fault(id);
        }
        // Whatever becomes of it, the dream is accepted.
        match self.attend(id) {
            Ok(Some(_)) => {}
            Ok(None) => self.fall_behind(),
            Err(error) => {
                tracing::warn!(dream = %id, error = error.in_full(), "the dream could not be started yet");
                self.fall_behind();
            }
        }
        Ok(record)
    }

    /// Tells the workers of dreams that were ended by somebody else, and those who listen to them.
    fn ended(&self, dreams: &[DreamId]) {
        for id in dreams {
            if let Some(worker) = self.worker(id) {
                worker.stop();
                worker.beat();
            }
            if let Ok(Some(session)) = self.database.read(|db| Ok(dreams::record(db, id)?.session)) {
                self.bells.ring(&session);
            }
        }
    }

    /// Returns the worker of an unfinished dream, starting one if nobody works on it; none if another
    /// process does.
    fn attend(self: &Arc<Self>, id: &DreamId) -> Result<Option<Arc<Handle>>, LocalError> {
        let mut workers = self.workers();
        if let Some(handle) = workers.get(id) {
            return Ok(Some(Arc::clone(handle)));
        }
        if !self.database.is_writable() {
            return Ok(None);
        }
        let record = self.database.read(|db| dreams::record(db, id))?;
        if record.dream.status.is_final() {
            return Ok(None);
        }
        let claim =
            if record.is_served() { self.claim_served()? } else { Claim::take(self.database.path(), id)? };
        let Some(claim) = claim else { return Ok(None) };
        let handle = Arc::new(Handle::new());
        let spawned = {
            let (shared, handle, id) = (Arc::clone(self), Arc::clone(&handle), id.clone());
            thread::Builder::new().name("dream".to_owned()).spawn(move || {
                let how = worker::work(&shared, &handle, &id, claim);
                shared.workers().remove(&id);
                handle.over(how);
            })
        };
        spawned.map_err(|source| LocalError::File {
            path: self.database.path().to_owned(),
            action: "start a thread for a dream of",
            source,
        })?;
        workers.insert(id.clone(), Arc::clone(&handle));
        Ok(Some(handle))
    }

    fn worker(&self, id: &DreamId) -> Option<Arc<Handle>> {
        self.workers().get(id).cloned()
    }

    fn cancel(&self, id: &DreamId) -> Result<Dream, LocalError> {
        if self.dream(id)?.status.is_final() {
            return self.dream(id);
        }
        let now = self.now();
        let dream = self.database.write(|db| {
            dreams::end(db, id, DreamStatus::Canceled, None, now)?;
            dreams::find(db, id)
        })?;
        self.ended(std::slice::from_ref(id));
        Ok(dream)
    }

    fn delete_store(&self, id: &MemoryStoreId) -> Result<(), LocalError> {
        let now = self.now();
        let readers = self.database.write(|db| {
            let readers = dreams::fail_readers(db, id, "deleted", now)?;
            stores::remove(db, id)?;
            Ok(readers)
        })?;
        self.ended(&readers);
        Ok(())
    }

    /// Reads what a source holds; says in a clause why it cannot be had any more.
    fn transcripts(&self, source: &Source) -> Result<Vec<Transcript>, String> {
        match source {
            Source::File(part) => sessions::read_part(&self.reach, part),
            Source::Recorded { session, events } => recorded::transcript_of(&self.database, session, *events)
                .unwrap_or_else(|error| Err(error.in_full()))
                .map(|transcript| vec![transcript]),
        }
    }

    fn testimony(&self, sessions: &[SessionId]) -> Result<Testimony, LocalError> {
        let mut testimony = Testimony::default();
        for session in sessions {
            let found = self.database.read(|db| source(db, session))?;
            let read = found.and_then(|source| self.transcripts(&source).ok());
            match read.and_then(|all| all.into_iter().find(|transcript| transcript.session == *session)) {
                Some(transcript) => testimony.sayings.extend(sayings(&transcript)),
                None => testimony.unread += 1,
            }
        }
        Ok(testimony)
    }

    fn write(&self, store: &MemoryStoreId, writes: &[MemoryWrite]) -> Result<(), LocalError> {
        let mark = Mark::unsigned(self.now());
        // One transaction for all: a refused write ends it, and what came before is committed.
        let refused = self.database.write(|db| {
            stores::check_writable(db, store)?;
            for write in writes {
                match memories::write(db, store, write, &mark) {
                    Err(error @ Failure::Sqlite(_)) => return Err(error),
                    Err(refused) => return Ok(Some(refused)),
                    Ok(()) => {}
                }
            }
            Ok(None)
        })?;
        refused.map_or(Ok(()), |refused| Err(refused.at(self.database.path())))
    }
}

/// Returns what a dream created now would read a session from.
fn source(db: &Connection, session: &SessionId) -> Result<Option<Source>, Failure> {
    if let Some(events) = recorded::count_of(db, session)? {
        return Ok(Some(Source::Recorded { session: session.clone(), events }));
    }
    Ok(sessions::recorded(db, session)?.map(Source::File))
}

/// What a caller is told of a failed call.
fn told(action: &'static str) -> impl Fn(LocalError) -> BackendError {
    move |error| error.into_backend(action)
}

#[async_trait]
impl Backend for LocalBackend {
    fn kind(&self) -> &'static str {
        "local"
    }

    async fn store(&self, id: &MemoryStoreId) -> Result<MemoryStore, BackendError> {
        self.shared.database.read(|db| stores::find(db, id)).map_err(told("look up a memory store"))
    }

    async fn snapshot(&self, id: &MemoryStoreId) -> Result<Snapshot, BackendError> {
        self.shared.database.read(|db| memories::snapshot(db, id)).map_err(told("read a memory store"))
    }

    async fn index(&self, id: &MemoryStoreId) -> Result<SnapshotIndex, BackendError> {
        self.shared.database.read(|db| memories::index(db, id)).map_err(told("read a memory store"))
    }

    async fn index_at(&self, id: &MemoryStoreId, at: Timestamp) -> Result<SnapshotIndex, BackendError> {
        self.shared.database.read(|db| versions::index_at(db, id, at)).map_err(told("read a store's past"))
    }

    async fn versions(&self, id: &MemoryStoreId) -> Result<Vec<PastMemory>, BackendError> {
        self.shared.database.read(|db| versions::kept(db, id)).map_err(told("read a store's past"))
    }

    async fn changes(&self, id: &MemoryStoreId, since: &SnapshotIndex) -> Result<Vec<Change>, BackendError> {
        self.shared.database.read(|db| versions::changes(db, id, since)).map_err(told("read a store's past"))
    }

    async fn contents(
        &self,
        store: &MemoryStoreId,
        wanted: &[PastMemory],
    ) -> Result<Vec<Memory>, BackendError> {
        let read = self.shared.database.read(|db| {
            stores::find(db, store)?;
            let mut found = Vec::new();
            for past in wanted {
                found.extend(versions::content(db, store, past)?);
            }
            Ok(found)
        });
        read.map_err(told("read past memories"))
    }

    async fn write(&self, store: &MemoryStoreId, writes: &[MemoryWrite]) -> Result<(), BackendError> {
        self.shared.write(store, writes).map_err(told("write to a memory store"))
    }

    async fn tag(&self, id: &MemoryStoreId, tags: &StoreTags) -> Result<(), BackendError> {
        let body = UpdateStore { metadata: Some(tags.pairs(id)), ..UpdateStore::default() };
        let now = self.shared.now();
        let tagged = self.shared.database.write(|db| stores::update(db, id, &body, now));
        tagged.map_err(told("tag a memory store"))
    }

    async fn stores(&self) -> Result<Vec<ListedStore>, BackendError> {
        self.shared.database.read(stores::listed).map_err(told("list memory stores"))
    }

    async fn delete_store(&self, id: &MemoryStoreId) -> Result<(), BackendError> {
        self.shared.delete_store(id).map_err(told("delete a memory store"))
    }

    async fn sessions(&self, query: &SessionQuery) -> Result<SessionListing, BackendError> {
        self.shared.sessions(query).map_err(told("list sessions"))
    }

    async fn testimony(&self, sessions: &[SessionId]) -> Result<Testimony, BackendError> {
        self.shared.testimony(sessions).map_err(told("read sessions"))
    }

    async fn create_dream(&self, request: &DreamRequest) -> Result<Dream, BackendError> {
        self.shared.create_dream(request).map_err(told("create a dream"))
    }

    async fn dream(&self, id: &DreamId) -> Result<Dream, BackendError> {
        self.shared.dream(id).map_err(told("look up a dream"))
    }

    async fn next_change(&self, seen: &Dream) -> Result<Dream, BackendError> {
        let action = "wait for a dream";
        let until = Instant::now() + QUIET;
        loop {
            let worker = self.shared.attend(&seen.id).map_err(told(action))?;
            // Listening starts before looking, so that no change falls in between.
            let pulse = worker.map(|worker| worker.listen());
            let dream = self.shared.dream(&seen.id).map_err(told(action))?;
            if dream.status.is_final() || dream != *seen || Instant::now() >= until {
                return Ok(dream);
            }
            let Some(mut pulse) = pulse else {
                sleep_until(until.min(Instant::now() + POLL)).await;
                continue;
            };
            if pulse.borrow().over.is_none() {
                // Neither a timeout nor a lost worker is an error: the next look tells.
                let _ = timeout_at(until, pulse.changed()).await;
            }
            if let Some(Err(reason)) = &pulse.borrow().over {
                return Err(BackendError::Refused {
                    action,
                    kind: Refusal::Internal,
                    message: reason.clone(),
                });
            }
        }
    }

    async fn dreams_since(&self, since: Timestamp) -> Result<Vec<Dream>, BackendError> {
        self.shared.database.read(|db| dreams::since(db, since)).map_err(told("list dreams"))
    }

    async fn cancel_dream(&self, id: &DreamId) -> Result<Dream, BackendError> {
        self.shared.cancel(id).map_err(told("cancel a dream"))
    }

    async fn dream_changes(&self, id: &DreamId) -> Result<Vec<DreamChange>, BackendError> {
        self.shared.database.read(|db| dreams::changes(db, id)).map_err(told("list what a dream did"))
    }

    fn activity(&self, _id: &DreamId, _from: usize) -> Vec<Activity> {
        Vec::new()
    }

    async fn repoint(
        &self,
        deployment: &DeploymentId,
        from: &MemoryStoreId,
        to: &MemoryStoreId,
    ) -> Result<(), BackendError> {
        self.shared.repoint(deployment, from, to).map_err(told("patch a deployment"))
    }

    async fn create_session(&self, request: &SessionRequest) -> Result<SessionId, BackendError> {
        self.shared.create_session(request).map_err(told("create a session"))
    }

    async fn sessions_for(&self, request: &SessionRequest) -> Result<Vec<SessionId>, BackendError> {
        self.shared.sessions_for(request).map_err(told("list sessions"))
    }

    async fn models(&self) -> Result<Option<Vec<String>>, BackendError> {
        Ok(None)
    }

    fn settling_time(&self) -> Duration {
        Duration::ZERO
    }

    fn create_time(&self) -> Duration {
        Duration::ZERO
    }

    async fn leave(&self, id: &DreamId) -> Result<WhenLeft, BackendError> {
        let action = "leave a dream";
        let Some(worker) = self.shared.worker(id) else {
            let dream = self.shared.dream(id).map_err(told(action))?;
            let database = &self.shared.database;
            let is_elsewhere = !dream.status.is_final()
                && (!database.is_writable()
                    || Claim::take(database.path(), id).map_err(told(action))?.is_none());
            return Ok(if is_elsewhere { WhenLeft::KeepsRunning } else { WhenLeft::Checkpointed });
        };
        let mut pulse = worker.listen();
        worker.stop();
        // Ends with the worker: it drops its half at the latest.
        let _ = pulse.wait_for(|pulse| pulse.over.is_some()).await;
        Ok(WhenLeft::Checkpointed)
    }
}

#[cfg(test)]
mod tests;
