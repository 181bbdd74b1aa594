//! What every place of state promises.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};

use dreamrun::state::{Key, PutIf, StateError, StateStore, Version};

/// A place where state lives.
pub(crate) trait Place: Sized + Send + Sync {
    /// Sets up an empty place.
    fn new() -> Self;

    /// Opens the place as one more process would.
    fn open(&self) -> Arc<dyn StateStore>;
}

fn key(text: &str) -> Key {
    Key::from_listing(text.to_owned())
}

fn is_conflict<T>(result: &Result<T, StateError>, at: &str) -> bool {
    matches!(result, Err(StateError::Conflict { key }) if key.as_str() == at)
}

async fn bytes(state: &dyn StateStore, at: &str) -> Option<Vec<u8>> {
    state.get(&key(at)).await.unwrap().map(|found| found.bytes)
}

/// Runs `act` at once in so many threads, each with the place open for itself.
fn at_once<P: Place, T: Send>(
    place: &P,
    threads: usize,
    act: impl Fn(usize, Arc<dyn StateStore>) -> T + Sync,
) -> Vec<T> {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|n| {
                let (start, act, state) = (&start, &act, place.open());
                scope.spawn(move || {
                    start.wait();
                    act(n, state)
                })
            })
            .collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(crate) async fn what_was_never_written_is_not_there<P: Place>() {
    let place = P::new();
    let state = place.open();
    assert_eq!(state.get(&key("aliases/a")).await.unwrap(), None);
    assert_eq!(state.list("").await.unwrap(), []);
    let version = Version("1".to_owned());
    assert!(is_conflict(&state.put(&key("aliases/a"), b"x", PutIf::Version(version)).await, "aliases/a"));
    assert_eq!(state.list("").await.unwrap(), []);
}

pub(crate) async fn a_write_is_read_back_by_everybody<P: Place>() {
    let place = P::new();
    let (state, other) = (place.open(), place.open());
    let every_byte: Vec<u8> = (0..=255).collect();
    for (at, content) in [("empty", &b""[..]), ("bytes", &every_byte), ("large", &vec![7; 1 << 20])] {
        let version = state.put(&key(at), content, PutIf::Absent).await.unwrap();
        for reader in [&state, &other] {
            let found = reader.get(&key(at)).await.unwrap().unwrap();
            assert_eq!((found.bytes.as_slice(), &found.version), (content, &version), "{at}");
        }
    }
}

pub(crate) async fn what_is_there_is_not_created_again<P: Place>() {
    let place = P::new();
    let state = place.open();
    state.put(&key("a"), b"first", PutIf::Absent).await.unwrap();
    assert!(is_conflict(&state.put(&key("a"), b"second", PutIf::Absent).await, "a"));
    assert!(is_conflict(&place.open().put(&key("a"), b"first", PutIf::Absent).await, "a"));
    assert_eq!(bytes(state.as_ref(), "a").await.unwrap(), b"first");
}

pub(crate) async fn a_version_can_be_replaced_once<P: Place>() {
    let place = P::new();
    let state = place.open();
    let mut versions = vec![state.put(&key("a"), b"0", PutIf::Absent).await.unwrap()];
    for n in 1..5 {
        let last = versions.last().unwrap().clone();
        versions.push(state.put(&key("a"), n.to_string().as_bytes(), PutIf::Version(last)).await.unwrap());
    }
    let distinct: BTreeSet<&str> = versions.iter().map(|version| version.0.as_str()).collect();
    assert_eq!(distinct.len(), 5);
    for old in &versions[..4] {
        assert!(is_conflict(&state.put(&key("a"), b"x", PutIf::Version(old.clone())).await, "a"));
    }
    let foreign = Version("not a version of ours".to_owned());
    assert!(is_conflict(&state.put(&key("a"), b"x", PutIf::Version(foreign)).await, "a"));
    assert_eq!(bytes(state.as_ref(), "a").await.unwrap(), b"4");
}

pub(crate) async fn of_many_that_create_one_key_at_once_one_wins<P: Place>() {
    let place = P::new();
    for round in 0..20 {
        let at = format!("runs/a-1/{round:08}");
        let outcomes = at_once(&place, 8, |n, state| {
            block_on(state.put(&key(&at), n.to_string().as_bytes(), PutIf::Absent))
        });
        let winners: Vec<usize> = (0..8).filter(|&n| outcomes[n].is_ok()).collect();
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert!(outcomes.iter().all(|outcome| outcome.is_ok() || is_conflict(outcome, &at)));
        assert_eq!(bytes(place.open().as_ref(), &at).await.unwrap(), winners[0].to_string().as_bytes());
    }
}

pub(crate) async fn no_update_is_lost_among_eight_writers<P: Place>() {
    const WRITERS: usize = 8;
    const UPDATES: usize = 200;
    let place = P::new();
    place.open().put(&key("counter"), b"0", PutIf::Absent).await.unwrap();
    let add_one = async |state: &dyn StateStore| {
        loop {
            let found = state.get(&key("counter")).await.unwrap().unwrap();
            let count: usize = String::from_utf8(found.bytes).unwrap().parse().unwrap();
            let next = (count + 1).to_string();
            match state.put(&key("counter"), next.as_bytes(), PutIf::Version(found.version)).await {
                Ok(_) => return,
                Err(StateError::Conflict { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    at_once(&place, WRITERS, |_, state| {
        block_on(async {
            for _ in 0..UPDATES {
                add_one(state.as_ref()).await;
            }
        });
    });
    let total = (WRITERS * UPDATES).to_string();
    assert_eq!(bytes(place.open().as_ref(), "counter").await.unwrap(), total.as_bytes());
}

pub(crate) async fn a_listing_is_in_order_and_holds_the_prefix_and_nothing_beside<P: Place>() {
    let place = P::new();
    let state = place.open();
    let keys = [
        "aliases/support",
        "runs/a-1/00000001",
        "runs/a-1/00000002",
        "runs/a-1/00000010",
        "runs/a-1-1/00000001",
        "runs/a-10/00000001",
        "runs/a-100%/00000001",
        "runs/a_1/00000001",
        "runs/b-1/00000001",
        "runs/é-1/00000001",
    ];
    for at in keys.iter().rev() {
        state.put(&key(at), b"", PutIf::Absent).await.unwrap();
    }
    let prefixes = [
        "",
        "r",
        "runs",
        "runs/",
        "runs/a-1",
        "runs/a-1/",
        "runs/a-10/",
        "runs/a_1/",
        "runs/a%",
        "runs/é",
        "z",
    ];
    for prefix in prefixes {
        let mut expected: Vec<&str> = keys.into_iter().filter(|at| at.starts_with(prefix)).collect();
        expected.sort_unstable();
        let listed = state.list(prefix).await.unwrap();
        assert_eq!(listed.iter().map(Key::as_str).collect::<Vec<_>>(), expected, "{prefix}");
    }
    assert_eq!(state.list("runs/a-1/").await.unwrap().len(), 3, "`runs/a-10/` is another run");
}

pub(crate) async fn what_was_written_outlives_its_writer<P: Place>() {
    let place = P::new();
    let first = place.open();
    let version = first.put(&key("a"), b"one", PutIf::Absent).await.unwrap();
    first.put(&key("b"), b"other", PutIf::Absent).await.unwrap();
    drop(first);
    let second = place.open();
    assert_eq!(bytes(second.as_ref(), "b").await.unwrap(), b"other");
    let version = second.put(&key("a"), b"two", PutIf::Version(version)).await.unwrap();
    drop(second);
    let found = place.open().get(&key("a")).await.unwrap().unwrap();
    assert_eq!((found.bytes.as_slice(), found.version), (&b"two"[..], version));
}
