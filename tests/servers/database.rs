//! A real PostgreSQL server as a place of state. Each place is a user with a schema of its own.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dreamrun::state::postgres::{PostgresOptions, PostgresState};
use dreamrun::state::{Key, PutIf, StateError, StateStore, Version};
use tokio_postgres::NoTls;

use crate::proxy::Proxy;
use crate::state::Place;
use crate::unique;

/// The variable with `HOST:PORT` of a server that trusts everybody, and whose user `postgres` may do anything.
pub(crate) const SERVER: &str = "DREAMRUN_TEST_POSTGRES";
/// The variable with a command that restarts it without letting anybody finish.
const RESTART: &str = "DREAMRUN_TEST_POSTGRES_RESTART";

fn server() -> (String, u16) {
    let server = std::env::var(SERVER).unwrap();
    let (host, port) = server.rsplit_once(':').unwrap();
    (host.to_owned(), port.parse().unwrap())
}

/// Carries statements out as a user.
async fn carry_out(user: &str, statements: &str) {
    let (host, port) = server();
    let (client, connection) = tokio_postgres::Config::new()
        .host(&host)
        .port(port)
        .user(user)
        .dbname("postgres")
        .connect(NoTls)
        .await
        .unwrap();
    let talk = tokio::spawn(connection);
    client.batch_execute(statements).await.unwrap();
    drop(client);
    talk.await.unwrap().unwrap();
}

pub(crate) struct PostgresPlace(PostgresOptions);

impl Place for PostgresPlace {
    const UPDATES: usize = 500;

    fn new() -> Self {
        let user = unique();
        let made = format!("CREATE ROLE {user} LOGIN; CREATE SCHEMA AUTHORIZATION {user}");
        // Nobody can be waited for where a runtime waits already.
        let work = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(carry_out("postgres", &made));
        };
        std::thread::scope(|scope| scope.spawn(work).join().unwrap());
        let (host, port) = server();
        Self(PostgresOptions::new(&host, port, &user, "postgres"))
    }

    async fn open(&self) -> Arc<dyn StateStore> {
        Arc::new(PostgresState::open(&self.0).await.unwrap())
    }
}

fn key() -> Key {
    Key::from_listing("aliases/a".to_owned())
}

pub(crate) async fn a_write_whose_answer_was_cut_off_is_found_by_looking() {
    let place = PostgresPlace::new();
    let (host, port) = server();
    let proxy = Proxy::to(format!("{host}:{port}")).await;
    let mut through = place.0.clone();
    through.host = proxy.address.ip().to_string();
    through.port = proxy.address.port();
    let state = PostgresState::open(&through).await.unwrap();
    assert_eq!(state.get(&key()).await.unwrap(), None);
    proxy.cuts.store(1, Ordering::SeqCst);
    let version = state.put(&key(), b"x", PutIf::Absent).await.unwrap();
    assert_eq!(proxy.cuts.load(Ordering::SeqCst), 0, "an answer was cut off");
    proxy.cuts.store(2, Ordering::SeqCst);
    let newer = state.put(&key(), b"y", PutIf::Version(version.clone())).await.unwrap();
    let late = state.put(&key(), b"z", PutIf::Version(version)).await.unwrap_err();
    assert!(matches!(late, StateError::Conflict { .. }), "{late}");
    let found = place.open().await.get(&key()).await.unwrap().unwrap();
    assert_eq!((found.bytes.as_slice(), &found.version), (&b"y"[..], &newer));
    proxy.cuts.store(1, Ordering::SeqCst);
    state.delete(&key(), &newer).await.unwrap();
    assert_eq!(state.get(&key()).await.unwrap(), None);
}

/// Reads the counter.
async fn counted(state: &dyn StateStore) -> (u32, Version) {
    let found = state.get(&key()).await.unwrap().unwrap();
    (String::from_utf8(found.bytes).unwrap().parse().unwrap(), found.version)
}

/// Adds one to the counter, so many times; a part of them only once each restart has begun.
async fn add(options: PostgresOptions, times: u32, restarts: u32, begun: Arc<AtomicU32>) {
    let state = PostgresState::open(&options).await.unwrap();
    for n in 0..times {
        while n >= times * (begun.load(Ordering::SeqCst) + 1) / (restarts + 1) {
            tokio::task::yield_now().await;
        }
        loop {
            let (now, version) = counted(&state).await;
            let next = (now + 1).to_string();
            match state.put(&key(), next.as_bytes(), PutIf::Version(version)).await {
                Ok(_) => break,
                Err(StateError::Conflict { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Each writer knows of every write whether it took effect, also where others have replaced it since, so the counter is
/// exact at the end. There are no more writes than an object remembers.
pub(crate) async fn no_update_is_lost_while_the_server_is_restarted() {
    const WRITERS: u32 = 4;
    const UPDATES: u32 = 16;
    const RESTARTS: u32 = 3;
    let place = PostgresPlace::new();
    let state = place.open().await;
    state.put(&key(), b"0", PutIf::Absent).await.unwrap();
    let begun = Arc::new(AtomicU32::new(0));
    let writer = |_| tokio::spawn(add(place.0.clone(), UPDATES, RESTARTS, Arc::clone(&begun)));
    let writers: Vec<_> = (0..WRITERS).map(writer).collect();
    for n in 1..=RESTARTS {
        while counted(state.as_ref()).await.0 < n * WRITERS * UPDATES / (RESTARTS + 1) {
            tokio::task::yield_now().await;
        }
        begun.store(n, Ordering::SeqCst);
        let command = std::env::var(RESTART).unwrap();
        let restarted =
            tokio::task::spawn_blocking(move || Command::new("sh").args(["-c", &command]).status().unwrap());
        assert!(restarted.await.unwrap().success());
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(counted(state.as_ref()).await.0, WRITERS * UPDATES);
}

pub(crate) async fn looking_makes_no_table_and_writes_nothing() {
    let place = PostgresPlace::new();
    assert!(PostgresState::open_read_only(&place.0).await.unwrap().is_none());
    let state = place.open().await;
    let version = state.put(&key(), b"x", PutIf::Absent).await.unwrap();
    let looking = PostgresState::open_read_only(&place.0).await.unwrap().unwrap();
    assert_eq!(looking.get(&key()).await.unwrap().unwrap().bytes, b"x");
    let refused = looking.put(&key(), b"y", PutIf::Version(version)).await.unwrap_err().to_string();
    assert!(refused.ends_with("the database was opened for reading"), "{refused}");
}

pub(crate) async fn a_table_of_something_else_or_of_a_newer_version_is_refused() {
    let place = PostgresPlace::new();
    let user = place.0.user.clone();
    carry_out(&user, "CREATE TABLE dreamrun_state (recipe text)").await;
    let told = async || {
        [
            PostgresState::open(&place.0).await.err().unwrap().to_string(),
            PostgresState::open_read_only(&place.0).await.err().unwrap().to_string(),
        ]
    };
    for refused in told().await {
        assert!(refused.ends_with("the table `dreamrun_state` belongs to something else"), "{refused}");
    }
    carry_out(&user, "COMMENT ON TABLE dreamrun_state IS 'dreamrun state, layout 2'").await;
    for refused in told().await {
        assert!(refused.ends_with("in state has format 2, this version reads up to 1"), "{refused}");
    }
}

pub(crate) async fn a_database_that_may_lose_writes_is_refused() {
    let place = PostgresPlace::new();
    let user = &place.0.user;
    carry_out("postgres", &format!("ALTER ROLE {user} SET synchronous_commit = off")).await;
    let refused = PostgresState::open(&place.0).await.err().unwrap().to_string();
    assert!(refused.contains("`synchronous_commit` off"), "{refused}");
    carry_out("postgres", &format!("ALTER ROLE {user} RESET synchronous_commit")).await;
    place.open().await.put(&key(), b"x", PutIf::Absent).await.unwrap();
}
