//! State in a bucket of objects: S3 and what speaks its protocol, Google Cloud Storage, Azure.
//!
//! Every write is conditional, and every object begins with the nonce of the write that made it: that is its
//! version. A write that is refused, or whose answer was lost, is settled by reading the nonce back before
//! anybody is said to have been faster; tried again, it is the same write. A store that takes no notice of
//! conditions is refused when it is first opened for writing.
//!
//! Where a listing lags behind, what this process wrote and is still there is added to it, and the journal of a run is followed
//! by its numbers until one is missing.

mod connect;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload, UpdateVersion};

use super::names::{self, ENDING, MARKER, Marker};
use super::{Key, PutIf, StateError, StateStore, Version, Versioned, pause};

pub use connect::{ConnectError, connect};

/// How often a request is tried.
const TRIES: u32 = 8;
/// How many objects are read at once.
const AT_ONCE: usize = 16;
/// What the object is called that tries a new store out.
const PROBE: &str = "dreamrun.probe";

/// State in a bucket.
#[derive(Debug)]
pub struct ObjectState {
    store: Arc<dyn ObjectStore>,
    /// What all names begin with; may be empty.
    prefix: String,
    place: String,
    is_writing: bool,
    memory: Mutex<Remembered>,
}

/// What a process remembers of the store.
#[derive(Debug, Default)]
struct Remembered {
    /// How the store itself counts the version with a nonce.
    versions: BTreeMap<Key, (String, UpdateVersion)>,
    /// What was written here, for listings that lag behind.
    written: BTreeSet<Key>,
}

/// An object as it is in the store.
struct Found {
    nonce: String,
    bytes: Vec<u8>,
    version: UpdateVersion,
}

impl ObjectState {
    /// Opens the objects whose names begin with `prefix`. A place without state is tried out, and marked.
    ///
    /// # Errors
    ///
    /// Says what stood in the way, such as a store that takes no notice of conditions.
    pub async fn open(store: Arc<dyn ObjectStore>, prefix: &str, place: String) -> Result<Self, StateError> {
        let state = Self::at(store, prefix, place, true);
        if !state.check_marker().await? {
            state.try_out().await?;
            let marker = state.path(MARKER);
            let payload = PutPayload::from(Marker::text());
            match state.store.put_opts(&marker, payload, PutMode::Create.into()).await {
                Ok(_) => {}
                Err(error) => {
                    // Somebody else may be opening it, too.
                    if !state.check_marker().await? {
                        return Err(state.failed("open", &error));
                    }
                }
            }
        }
        Ok(state)
    }

    /// Opens them for reading only; `None` if there is no state yet.
    ///
    /// # Errors
    ///
    /// As [`ObjectState::open`].
    pub async fn open_read_only(
        store: Arc<dyn ObjectStore>,
        prefix: &str,
        place: String,
    ) -> Result<Option<Self>, StateError> {
        let state = Self::at(store, prefix, place, false);
        let is_there = state.check_marker().await?;
        Ok(is_there.then_some(state))
    }

    fn at(store: Arc<dyn ObjectStore>, prefix: &str, place: String, is_writing: bool) -> Self {
        Self { store, prefix: prefix.to_owned(), place, is_writing, memory: Mutex::default() }
    }

    fn path(&self, name: &str) -> Path {
        if self.prefix.is_empty() { Path::from(name) } else { Path::from(format!("{}/{name}", self.prefix)) }
    }

    fn object(&self, key: &Key) -> Path {
        self.path(&(names::path(key) + ENDING))
    }

    fn unavailable(&self, action: &'static str, reason: impl Into<String>) -> StateError {
        StateError::Unavailable { action, place: self.place.clone(), reason: reason.into() }
    }

    /// Tells a request that was answered from one that was not.
    fn failed(&self, action: &'static str, error: &Error) -> StateError {
        match unanswered(error) {
            Some(http) => StateError::Unreachable { place: self.place.clone(), reason: bottom(http) },
            None => self.unavailable(action, told(error)),
        }
    }

    fn remember<T>(&self, f: impl FnOnce(&mut Remembered) -> T) -> T {
        // A panic elsewhere leaves these maps whole.
        f(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks something that changes nothing, again if the answer was lost.
    async fn asked<T, F: Future<Output = Result<T, Error>>>(
        &self,
        action: &'static str,
        ask: impl Fn() -> F,
    ) -> Result<Option<T>, StateError> {
        let mut round = 0;
        loop {
            match ask().await {
                Ok(answer) => return Ok(Some(answer)),
                Err(Error::NotFound { source, .. }) if is_without_bucket(&*source) => {
                    return Err(StateError::Missing {
                        place: self.place.clone(),
                        reason: "the service knows no such bucket".to_owned(),
                        remedy: "Create the bucket, or name another one as `state:` in dreamrun.yaml.",
                    });
                }
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(error) if is_final(&error) || round + 1 == TRIES => {
                    return Err(self.failed(action, &error));
                }
                Err(_) => pause(round).await,
            }
            round += 1;
        }
    }

    /// Says whether there is a marker, after making sure that this version can read it.
    async fn check_marker(&self) -> Result<bool, StateError> {
        let marker = self.path(MARKER);
        let text = self.asked("open", || async { self.store.get(&marker).await?.bytes().await }).await?;
        match text {
            Some(text) => Marker::check(&text, &self.place).map(|()| true),
            None => Ok(false),
        }
    }

    /// Makes sure that the store takes notice of conditions: a place where it does not would lose writes.
    async fn try_out(&self) -> Result<(), StateError> {
        let failed = |error: Error| self.failed("open", &error);
        let probe = self.path(&format!("{PROBE}-{}", names::nonce()));
        // No two alike: a store may tell versions apart by their bytes alone.
        let put = async |bytes: &'static str, mode: PutMode| {
            self.store.put_opts(&probe, PutPayload::from(bytes), mode.into()).await
        };
        let first: UpdateVersion = put("first", PutMode::Create).await.map_err(failed)?.into();
        let again = put("again", PutMode::Create).await;
        let good = put("good", PutMode::Update(first.clone())).await;
        let over = put("over", PutMode::Update(first)).await;
        // One that cannot be deleted is in nobody's way.
        let _gone = self.store.delete(&probe).await;
        good.map_err(failed)?;
        for (answer, what) in
            [(again, "be created only if absent"), (over, "be replaced from one version only")]
        {
            match answer {
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
                Ok(_) => {
                    let reason = format!("the store lets no object {what}, so writes would be lost");
                    return Err(self.unavailable("open", reason));
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    /// Reads an object, and remembers how the store counts its version.
    async fn find(&self, key: &Key) -> Result<Option<Found>, StateError> {
        let path = self.object(key);
        let read = || async {
            let answer = self.store.get(&path).await?;
            let version =
                UpdateVersion { e_tag: answer.meta.e_tag.clone(), version: answer.meta.version.clone() };
            Ok::<_, Error>((version, answer.bytes().await?))
        };
        let Some((version, whole)) = self.asked("read", read).await? else { return Ok(None) };
        let damaged = |reason: String| StateError::Damaged { key: key.clone(), reason };
        let (nonce, bytes) = names::unstamped(&whole).map_err(damaged)?;
        self.remember(|memory| memory.versions.insert(key.clone(), (nonce.clone(), version.clone())));
        Ok(Some(Found { nonce, bytes, version }))
    }

    /// Returns how the store counts a version; nothing if the object is another one by now.
    async fn counted(&self, key: &Key, wanted: &Version) -> Result<Option<UpdateVersion>, StateError> {
        let known = self.remember(|memory| memory.versions.get(key).cloned());
        if let Some((nonce, version)) = known
            && nonce == wanted.0
        {
            return Ok(Some(version));
        }
        let found = self.find(key).await?;
        Ok(found.filter(|found| found.nonce == wanted.0).map(|found| found.version))
    }

    /// Lists keys as the store does.
    async fn listed(&self, prefix: &str) -> Result<BTreeSet<Key>, StateError> {
        let folder = self.path(&names::folder(prefix));
        let folder = (!folder.as_ref().is_empty()).then_some(folder);
        let list = || self.store.list(folder.as_ref()).try_collect::<Vec<_>>();
        let mut keys = BTreeSet::new();
        for object in self.asked("read", list).await?.unwrap_or_default() {
            let name = object.location.as_ref();
            let name = if self.prefix.is_empty() {
                Some(name)
            } else {
                name.strip_prefix(self.prefix.as_str()).and_then(|name| name.strip_prefix('/'))
            };
            let key = name.and_then(|name| name.strip_suffix(ENDING)).and_then(names::key);
            keys.extend(key.filter(|key| key.as_str().starts_with(prefix)));
        }
        let is_lacking = |key: &&Key| key.as_str().starts_with(prefix) && !keys.contains(*key);
        let lacking: Vec<Key> =
            self.remember(|memory| memory.written.iter().filter(is_lacking).cloned().collect());
        // Either the listing lags behind, or somebody else has deleted them.
        keys.extend(self.get_all(&lacking).await?.into_iter().map(|(key, _)| key));
        Ok(keys)
    }

    /// Finds what a listing of numbered objects lacks: what is missing between two numbers, and what comes
    /// after the last one.
    async fn complete(&self, prefix: &str, keys: &mut BTreeSet<Key>) -> Result<(), StateError> {
        if !is_numbered(prefix) {
            return Ok(());
        }
        let number = |key: &Key| key.as_str().strip_prefix(prefix).and_then(|text| text.parse::<u64>().ok());
        let last = keys.iter().next_back().and_then(number).unwrap_or(0);
        for n in 1.. {
            let key = Key(format!("{prefix}{n:08}"));
            if keys.contains(&key) {
                continue;
            }
            if self.find(&key).await?.is_some() {
                keys.insert(key);
            } else if n > last {
                break;
            }
        }
        Ok(())
    }
}

/// Says whether the keys that begin with a text are numbered without a gap: those of one journal, or of the
/// deeds on one alias.
fn is_numbered(prefix: &str) -> bool {
    let is_of_one = |rest: &str| rest.len() > 1 && rest.find('/') == Some(rest.len() - 1);
    prefix.strip_prefix("runs/").or_else(|| prefix.strip_prefix("deeds/")).is_some_and(is_of_one)
}

/// Says whether asking again can only give the same answer.
fn is_final(error: &Error) -> bool {
    !matches!(error, Error::Generic { .. } | Error::JoinError { .. })
}

/// Returns what went wrong with a request to which no answer came.
fn unanswered(error: &Error) -> Option<&HttpError> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(http) = error.downcast_ref::<HttpError>() {
            return Some(http);
        }
        cause = error.source();
    }
    None
}

/// Says whether a request certainly never left.
fn is_unsent(error: &Error) -> bool {
    unanswered(error).is_some_and(|http| http.kind() == HttpErrorKind::Connect)
}

/// Says whether the answer is about the bucket, and not about an object in it.
fn is_without_bucket(answer: &(dyn std::error::Error + 'static)) -> bool {
    let answer = answer.to_string();
    ["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist"]
        .iter()
        .any(|words| answer.contains(words))
}

/// Returns what is at the bottom of an error.
fn bottom(error: &HttpError) -> String {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    plain(&cause.to_string())
}

fn plain(words: &str) -> String {
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Returns an error in one line, its causes included.
fn told(error: &Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let text = next.to_string();
        // Most of them repeat what stands below them.
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        cause = next.source();
    }
    plain(&words)
}

#[async_trait]
impl StateStore for ObjectState {
    async fn get(&self, key: &Key) -> Result<Option<Versioned>, StateError> {
        let found = self.find(key).await?;
        Ok(found.map(|found| Versioned { bytes: found.bytes, version: Version(found.nonce) }))
    }

    async fn put(&self, key: &Key, bytes: &[u8], when: PutIf) -> Result<Version, StateError> {
        if !self.is_writing {
            return Err(self.unavailable("write", "the bucket was opened for reading"));
        }
        let conflict = || StateError::Conflict { key: key.clone() };
        let path = self.object(key);
        let nonce = names::nonce();
        let payload = PutPayload::from(names::stamped(&nonce, bytes));
        let mut mode = match &when {
            PutIf::Absent => PutMode::Create,
            PutIf::Version(version) => {
                PutMode::Update(self.counted(key, version).await?.ok_or_else(conflict)?)
            }
        };
        // Whether one of the tries may have taken effect without saying so.
        let mut is_in_doubt = false;
        let mut reason = String::new();
        for round in 0..TRIES {
            match self.store.put_opts(&path, payload.clone(), mode.clone().into()).await {
                Ok(result) => {
                    self.remember(|memory| {
                        memory.versions.insert(key.clone(), (nonce.clone(), result.into()));
                        memory.written.insert(key.clone());
                    });
                    return Ok(Version(nonce));
                }
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. }) => {
                    "the store refuses what its own answers allow".clone_into(&mut reason);
                }
                Err(error) => {
                    reason = told(&error);
                    if is_final(&error) {
                        break;
                    }
                    is_in_doubt |= !is_unsent(&error);
                }
            }
            // Whoever was refused may have been refused because of an earlier try of his own.
            if let Ok(now) = self.find(key).await {
                let is_due = match (&when, &now) {
                    (PutIf::Absent, None) => true,
                    (PutIf::Version(version), Some(now)) => now.nonce == version.0,
                    _ => false,
                };
                match now {
                    Some(now) if now.nonce == nonce => {
                        self.remember(|memory| memory.written.insert(key.clone()));
                        return Ok(Version(nonce));
                    }
                    // An earlier try may have been there for a moment.
                    _ if !is_due && is_in_doubt => break,
                    _ if !is_due => return Err(conflict()),
                    Some(now) => mode = PutMode::Update(now.version),
                    None => {}
                }
            }
            pause(round).await;
        }
        Err(match is_in_doubt {
            true => StateError::InDoubt { key: key.clone(), place: self.place.clone(), reason },
            false => self.unavailable("write", reason),
        })
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Key>, StateError> {
        let mut keys = self.listed(prefix).await?;
        self.complete(prefix, &mut keys).await?;
        Ok(keys.into_iter().collect())
    }

    async fn read(&self, prefix: &str) -> Result<Vec<(Key, Versioned)>, StateError> {
        let keys = self.list(prefix).await?;
        self.get_all(&keys).await
    }

    async fn get_all(&self, keys: &[Key]) -> Result<Vec<(Key, Versioned)>, StateError> {
        let found = stream::iter(keys.to_vec()).map(|key| async move {
            let object = self.get(&key).await?;
            Ok::<_, StateError>(object.map(|object| (key, object)))
        });
        let found: Vec<Option<_>> = found.buffered(AT_ONCE).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn delete(&self, key: &Key, version: &Version) -> Result<(), StateError> {
        if !self.is_writing {
            return Err(self.unavailable("write", "the bucket was opened for reading"));
        }
        // The stores know no conditional delete; what is deleted is never replaced.
        let found = self.find(key).await?;
        if found.is_none_or(|found| found.nonce != version.0) {
            return Err(StateError::Conflict { key: key.clone() });
        }
        let path = self.object(key);
        self.asked("write", || self.store.delete(&path)).await?;
        self.remember(|memory| {
            memory.versions.remove(key);
            memory.written.remove(key);
        });
        Ok(())
    }
}
