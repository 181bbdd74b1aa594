//! What every place of state promises.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};

use dreamrun::state::{Key, PutIf, StateError, StateStore, Version};

/// The variable that says how many times each of eight writers adds one, in every place.
const UPDATES: &str = "DREAMRUN_TEST_UPDATES";

/// A place where state lives.
pub(crate) trait Place: Sized + Send + Sync {
    /// Sets up an empty place.
    fn new() -> Self;

    /// How many times each of eight writers adds one to the counter of this place, unless [`UPDATES`] says.
    const UPDATES: usize;

    /// How many times eight writers race for one key.
    const ROUNDS: usize = 20;

    /// Opens the place as one more process would.
    fn open(&self) -> impl Future<Output = Arc<dyn StateStore>> + Send;
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
    act: impl AsyncFn(usize, Arc<dyn StateStore>) -> T + Sync,
) -> Vec<T> {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|n| {
                let (start, act) = (&start, &act);
                scope.spawn(move || {
                    block_on(async {
                        let state = place.open().await;
                        start.wait();
                        act(n, state).await
                    })
                })
            })
            .collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(crate) async fn what_was_never_written_is_not_there<P: Place>() {
    let place = P::new();
    let state = place.open().await;
    assert_eq!(state.get(&key("aliases/a")).await.unwrap(), None);
    assert_eq!(state.list("").await.unwrap(), []);
    let version = Version("1".to_owned());
    assert!(is_conflict(&state.put(&key("aliases/a"), b"x", PutIf::Version(version)).await, "aliases/a"));
    assert_eq!(state.list("").await.unwrap(), []);
}

pub(crate) async fn a_write_is_read_back_by_everybody<P: Place>() {
    let place = P::new();
    let (state, other) = (place.open().await, place.open().await);
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
    let state = place.open().await;
    state.put(&key("a"), b"first", PutIf::Absent).await.unwrap();
    assert!(is_conflict(&state.put(&key("a"), b"second", PutIf::Absent).await, "a"));
    assert!(is_conflict(&place.open().await.put(&key("a"), b"first", PutIf::Absent).await, "a"));
    assert_eq!(bytes(state.as_ref(), "a").await.unwrap(), b"first");
}

pub(crate) async fn a_version_can_be_replaced_once<P: Place>() {
    let place = P::new();
    let state = place.open().await;
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
    for round in 0..P::ROUNDS {
        let at = format!("runs/a-1/{round:08}");
        let outcomes = at_once(&place, 8, async |n, state| {
            state.put(&key(&at), n.to_string().as_bytes(), PutIf::Absent).await
        });
        let winners: Vec<usize> = (0..8).filter(|&n| outcomes[n].is_ok()).collect();
        assert_eq!(winners.len(), 1, "{winners:?}");
        assert!(outcomes.iter().all(|outcome| outcome.is_ok() || is_conflict(outcome, &at)));
        assert_eq!(bytes(place.open().await.as_ref(), &at).await.unwrap(), winners[0].to_string().as_bytes());
    }
}

pub(crate) async fn no_update_is_lost_among_eight_writers<P: Place>() {
    const WRITERS: usize = 8;
    let updates = std::env::var(UPDATES).map_or(P::UPDATES, |text| text.parse().unwrap());
    let place = P::new();
    place.open().await.put(&key("counter"), b"0", PutIf::Absent).await.unwrap();
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
    at_once(&place, WRITERS, async |_, state| {
        for _ in 0..updates {
            add_one(state.as_ref()).await;
        }
    });
    let total = (WRITERS * updates).to_string();
    assert_eq!(bytes(place.open().await.as_ref(), "counter").await.unwrap(), total.as_bytes());
}

pub(crate) async fn a_listing_is_in_order_and_holds_the_prefix_and_nothing_beside<P: Place>() {
    let place = P::new();
    let state = place.open().await;
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
    let first = place.open().await;
    let version = first.put(&key("a"), b"one", PutIf::Absent).await.unwrap();
    first.put(&key("b"), b"other", PutIf::Absent).await.unwrap();
    drop(first);
    let second = place.open().await;
    assert_eq!(bytes(second.as_ref(), "b").await.unwrap(), b"other");
    let version = second.put(&key("a"), b"two", PutIf::Version(version)).await.unwrap();
    drop(second);
    let found = place.open().await.get(&key("a")).await.unwrap().unwrap();
    assert_eq!((found.bytes.as_slice(), found.version), (&b"two"[..], version));
}

pub(crate) async fn what_is_deleted_is_gone_and_can_be_written_again<P: Place>() {
    let place = P::new();
    let state = place.open().await;
    let version = state.put(&key("a"), b"one", PutIf::Absent).await.unwrap();
    let newer = state.put(&key("a"), b"two", PutIf::Version(version.clone())).await.unwrap();
    assert!(is_conflict(&state.delete(&key("a"), &version).await, "a"), "somebody has written since");
    let foreign = Version("not a version of ours".to_owned());
    assert!(is_conflict(&state.delete(&key("a"), &foreign).await, "a"));
    place.open().await.delete(&key("a"), &newer).await.unwrap();
    assert_eq!(state.list("").await.unwrap(), []);
    assert_eq!(state.get(&key("a")).await.unwrap(), None);
    assert!(is_conflict(&state.delete(&key("a"), &newer).await, "a"), "it is gone");
    assert!(is_conflict(&state.put(&key("a"), b"x", PutIf::Version(newer)).await, "a"));
    state.put(&key("a"), b"three", PutIf::Absent).await.unwrap();
    assert_eq!(bytes(state.as_ref(), "a").await.unwrap(), b"three");
}

pub(crate) async fn of_several_that_are_deleted_those_that_changed_stay<P: Place>() {
    let place = P::new();
    let state = place.open().await;
    let mut read = Vec::new();
    for at in ["runs/a-1/00000001", "runs/a-1/00000002", "runs/b-1/00000001", "aliases/a"] {
        let version = state.put(&key(at), at.as_bytes(), PutIf::Absent).await.unwrap();
        read.push((key(at), version));
    }
    state.put(&read[1].0, b"newer", PutIf::Version(read[1].1.clone())).await.unwrap();
    read.push((key("runs/none/00000001"), read[0].1.clone()));
    read.retain(|(key, _)| key.as_str() != "aliases/a");
    for _ in 0..2 {
        state.delete_all(&read).await.unwrap();
        let left = place.open().await.list("").await.unwrap();
        assert_eq!(left, [key("aliases/a"), key("runs/a-1/00000002")]);
    }
    assert_eq!(bytes(state.as_ref(), "runs/a-1/00000002").await.unwrap(), b"newer");
    state.delete_all(&[]).await.unwrap();
}

pub(crate) async fn reading_many_gives_what_listing_and_reading_each_gives<P: Place>() {
    let place = P::new();
    let state = place.open().await;
    for at in ["runs/a-1/00000002", "runs/a-1/00000001", "runs/a-10/00000001", "aliases/a"] {
        state.put(&key(at), at.as_bytes(), PutIf::Absent).await.unwrap();
    }
    let first = state.get(&key("aliases/a")).await.unwrap().unwrap().version;
    state.put(&key("aliases/a"), b"newer", PutIf::Version(first)).await.unwrap();
    for prefix in ["", "runs/a-1/", "aliases/a", "none"] {
        let mut each = Vec::new();
        for at in state.list(prefix).await.unwrap() {
            each.push((at.clone(), state.get(&at).await.unwrap().unwrap()));
        }
        assert_eq!(place.open().await.read(prefix).await.unwrap(), each, "{prefix}");
    }
}

pub(crate) async fn names_are_what_stands_below_a_prefix_once_each<P: Place>() {
    let place = P::new();
    let state = place.open().await;
    let keys = [
        "folded/a-1",
        "folded/a-1-2",
        "folded/a-10",
        "folded/b/c",
        "runs/a-1/00000001",
        "runs/a-1/00000002",
        "runs/a-10/00000001",
        "runs/a/00000001",
        "runs/a-1-1/00000001",
    ];
    for at in keys {
        state.put(&key(at), b"", PutIf::Absent).await.unwrap();
    }
    let table: [(&str, &[&str]); 6] = [
        ("", &["folded", "runs"]),
        ("folded/", &["a-1", "a-1-2", "a-10", "b"]),
        ("runs/", &["a", "a-1", "a-1-1", "a-10"]),
        ("runs/a-", &["1", "1-1", "10"]),
        ("runs/a-1/", &["00000001", "00000002"]),
        ("none/", &[]),
    ];
    for (prefix, expected) in table {
        assert_eq!(state.names(prefix).await.unwrap(), expected, "{prefix}");
    }
}

pub(crate) async fn asking_for_several_gives_those_that_are_there<P: Place>() {
    let place = P::new();
    let state = place.open().await;
    for at in ["runs/a-1/00000001", "runs/b-1/00000001", "aliases/a"] {
        state.put(&key(at), at.as_bytes(), PutIf::Absent).await.unwrap();
    }
    let wanted = ["runs/b-1/00000001", "runs/c-1/00000001", "aliases/a"].map(key);
    let found = place.open().await.get_all(&wanted).await.unwrap();
    let mut expected = Vec::new();
    for at in [&wanted[0], &wanted[2]] {
        expected.push((at.clone(), state.get(at).await.unwrap().unwrap()));
    }
    assert_eq!(found, expected);
    assert_eq!(state.get_all(&[]).await.unwrap(), []);
}
