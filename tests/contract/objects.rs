//! A bucket as a place of state: one kept in memory, which can be told to misbehave as real ones do.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use dreamrun::state::object::ObjectState;
use dreamrun::state::{Key, PutIf, StateError, StateStore};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::state::Place;

pub(crate) struct ObjectPlace(Arc<Bucket>);

impl Place for ObjectPlace {
    const UPDATES: usize = 100;

    fn new() -> Self {
        Self(Arc::default())
    }

    async fn open(&self) -> Arc<dyn StateStore> {
        Arc::new(opened(&self.0).await.unwrap())
    }
}

async fn opened(bucket: &Arc<Bucket>) -> std::result::Result<ObjectState, StateError> {
    let store: Arc<dyn ObjectStore> = Arc::<Bucket>::clone(bucket);
    ObjectState::open(store, "team/dreams", "s3://bucket/team/dreams".to_owned()).await
}

/// A bucket in memory, and what goes wrong with it.
#[derive(Debug, Default)]
struct Bucket {
    inner: InMemory,
    /// How many writes are refused for no reason.
    refused: AtomicU32,
    /// How many writes never arrive.
    lost: AtomicU32,
    /// How many writes are done, and nobody hears of it.
    unanswered: AtomicU32,
    /// Whether conditions are passed over.
    is_careless: AtomicBool,
    /// Whether listings are of the time before everything.
    is_behind: AtomicBool,
    /// How many writes were asked for.
    puts: AtomicU32,
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bucket")
    }
}

/// Counts down; says whether there was something left.
fn take(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
}

fn broken() -> Error {
    Error::Generic { store: "bucket", source: "the connection was reset".into() }
}

#[async_trait]
impl ObjectStore for Bucket {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.puts.fetch_add(1, Ordering::SeqCst);
        if take(&self.refused) {
            return Err(Error::Precondition { path: at.to_string(), source: "412".into() });
        }
        if take(&self.lost) {
            return Err(broken());
        }
        let mode = if self.is_careless.load(Ordering::SeqCst) { PutMode::Overwrite } else { options.mode };
        let done = self.inner.put_opts(at, payload, mode.into()).await;
        if done.is_ok() && take(&self.unanswered) { Err(broken()) } else { done }
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(at, options).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.is_behind.load(Ordering::SeqCst) { stream::empty().boxed() } else { self.inner.list(prefix) }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

fn key(text: &str) -> Key {
    Key::from_listing(text.to_owned())
}

#[tokio::test]
async fn a_store_that_passes_over_conditions_is_refused_and_left_without_state() {
    let bucket = Arc::new(Bucket::default());
    bucket.is_careless.store(true, Ordering::SeqCst);
    let refused = opened(&bucket).await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "could not open state in `s3://bucket/team/dreams`: the store lets no object be created only if \
         absent, so writes would be lost"
    );
    let left: Vec<ObjectMeta> = bucket.inner.list(None).try_collect().await.unwrap();
    assert_eq!(left.len(), 0, "{left:?}");
}

#[tokio::test]
async fn a_store_is_tried_out_once() {
    let bucket = Arc::new(Bucket::default());
    opened(&bucket).await.unwrap();
    let first = bucket.puts.load(Ordering::SeqCst);
    opened(&bucket).await.unwrap();
    assert_eq!((first, bucket.puts.load(Ordering::SeqCst)), (5, 5));
}

#[tokio::test]
async fn looking_writes_nothing() {
    let bucket = Arc::new(Bucket::default());
    let store = || -> Arc<dyn ObjectStore> { Arc::<Bucket>::clone(&bucket) };
    let look = || ObjectState::open_read_only(store(), "team/dreams", "s3://bucket".to_owned());
    assert!(look().await.unwrap().is_none());
    assert_eq!(bucket.puts.load(Ordering::SeqCst), 0);
    let state = opened(&bucket).await.unwrap();
    let version = state.put(&key("a"), b"x", PutIf::Absent).await.unwrap();
    let looking = look().await.unwrap().unwrap();
    assert_eq!(looking.get(&key("a")).await.unwrap().unwrap().bytes, b"x");
    let refused = looking.put(&key("a"), b"y", PutIf::Version(version)).await.unwrap_err().to_string();
    assert!(refused.ends_with("the bucket was opened for reading"), "{refused}");
}

#[tokio::test]
async fn a_storm_of_refusals_is_waited_out_and_is_no_conflict() {
    let bucket = Arc::new(Bucket::default());
    let state = opened(&bucket).await.unwrap();
    bucket.refused.store(3, Ordering::SeqCst);
    let version = state.put(&key("a"), b"x", PutIf::Absent).await.unwrap();
    bucket.refused.store(3, Ordering::SeqCst);
    state.put(&key("a"), b"y", PutIf::Version(version)).await.unwrap();
    assert_eq!(state.get(&key("a")).await.unwrap().unwrap().bytes, b"y");
}

#[tokio::test(start_paused = true)]
async fn a_storm_that_does_not_end_is_told_and_nothing_is_written() {
    let bucket = Arc::new(Bucket::default());
    let state = opened(&bucket).await.unwrap();
    bucket.refused.store(u32::MAX, Ordering::SeqCst);
    let refused = state.put(&key("a"), b"x", PutIf::Absent).await.unwrap_err();
    assert!(matches!(refused, StateError::Unavailable { action: "write", .. }), "{refused}");
    assert_eq!(state.get(&key("a")).await.unwrap(), None);
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_found_by_looking() {
    let bucket = Arc::new(Bucket::default());
    let state = opened(&bucket).await.unwrap();
    bucket.unanswered.store(1, Ordering::SeqCst);
    let before = bucket.puts.load(Ordering::SeqCst);
    let version = state.put(&key("a"), b"x", PutIf::Absent).await.unwrap();
    assert_eq!(bucket.puts.load(Ordering::SeqCst) - before, 1, "it is not written again");
    bucket.unanswered.store(1, Ordering::SeqCst);
    let newer = state.put(&key("a"), b"y", PutIf::Version(version)).await.unwrap();
    let found = state.get(&key("a")).await.unwrap().unwrap();
    assert_eq!((found.bytes.as_slice(), found.version), (&b"y"[..], newer));
}

#[tokio::test]
async fn a_write_that_never_arrived_is_sent_again_and_an_old_one_stays_refused() {
    let bucket = Arc::new(Bucket::default());
    let state = opened(&bucket).await.unwrap();
    bucket.lost.store(2, Ordering::SeqCst);
    let first = state.put(&key("a"), b"x", PutIf::Absent).await.unwrap();
    state.put(&key("a"), b"y", PutIf::Version(first.clone())).await.unwrap();
    let late = state.put(&key("a"), b"z", PutIf::Version(first)).await.unwrap_err();
    assert!(matches!(late, StateError::Conflict { .. }), "{late}");
    assert_eq!(state.get(&key("a")).await.unwrap().unwrap().bytes, b"y");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_leaves_a_doubt_and_says_so() {
    let bucket = Arc::new(Bucket::default());
    let state = opened(&bucket).await.unwrap();
    bucket.lost.store(u32::MAX, Ordering::SeqCst);
    let doubt = state.put(&key("a"), b"x", PutIf::Absent).await.unwrap_err();
    let StateError::InDoubt { key: at, reason, .. } = &doubt else { panic!("{doubt}") };
    assert_eq!((at.as_str(), reason.contains("the connection was reset")), ("a", true), "{doubt}");
}

#[tokio::test]
async fn a_listing_that_lags_behind_hides_no_event_of_a_journal() {
    let bucket = Arc::new(Bucket::default());
    let state = opened(&bucket).await.unwrap();
    let event = |n: u32| key(&format!("runs/a-1/{n:08}"));
    for n in 1..=3 {
        state.put(&event(n), b"{}", PutIf::Absent).await.unwrap();
    }
    bucket.is_behind.store(true, Ordering::SeqCst);
    let other = opened(&bucket).await.unwrap();
    for one in [&state, &other] {
        assert_eq!(one.list("runs/a-1/").await.unwrap(), [event(1), event(2), event(3)]);
        assert_eq!(one.read("runs/a-1/").await.unwrap().len(), 3);
    }
    // What this process wrote is in every listing of its own.
    assert_eq!(state.list("runs/").await.unwrap().len(), 3);
    assert_eq!(other.list("runs/a-2/").await.unwrap(), []);
}
