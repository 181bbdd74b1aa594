//! Journal appends in each kind of place, beside what its engine takes for one durable write of the same bytes.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dreamrun::ids::RunId;
use dreamrun::journal::Journal;
use dreamrun::journal::event::{JournalEvent, Recorded};
use dreamrun::spec::project::BucketService;
use dreamrun::state::StateStore;
use dreamrun::state::folder::FolderState;
use dreamrun::state::git::{GitOptions, GitState};
use dreamrun::state::object::{ObjectState, connect};
use dreamrun::state::postgres::{PostgresOptions, PostgresState};
use dreamrun::state::sqlite::SqliteState;
use jiff::Timestamp;
use object_store::{ObjectStore, PutMode, PutPayload};
use rusqlite::{Connection, params};
use serde_json::json;
use tempfile::TempDir;
use tokio_postgres::NoTls;

/// Rounds: in each both are timed, one after the other.
const ROUNDS: usize = 7;

/// One key with its bytes.
type Object = (String, Vec<u8>);

/// A kind of place.
#[async_trait(?Send)]
trait Place {
    /// Makes a new place, and opens it.
    async fn open(&mut self) -> Box<dyn StateStore>;

    /// Has the bare engine write objects, each durable before the next, and returns how long that took.
    async fn write(&mut self, objects: &[Object]) -> Duration;
}

/// Times every kind of place that can be had here.
pub(crate) async fn appends(begun: &[Recorded]) {
    compare("SQLite", &mut Sqlite::default(), begun, 2_000).await;
    compare("a folder", &mut Folder::default(), begun, 500).await;
    compare("a Git branch", &mut Branch::default(), begun, 20).await;
    match std::env::var("DREAMRUN_TEST_S3") {
        Ok(bucket) => compare("S3", &mut Bucket { bucket, prefix: String::new() }, begun, 100).await,
        Err(_) => println!("journal appends on S3: not timed, no server is named"),
    }
    match std::env::var("DREAMRUN_TEST_POSTGRES") {
        Ok(server) => compare("PostgreSQL", &mut Postgres { server, places: 0 }, begun, 500).await,
        Err(_) => println!("journal appends on PostgreSQL: not timed, no server is named"),
    }
}

/// Appends events that may follow each other for ever, and writes the same bytes with the bare engine.
async fn compare(name: &str, place: &mut dyn Place, begun: &[Recorded], appends: u32) {
    let run = RunId::parse("tidy-1").unwrap();
    let reached: JournalEvent = serde_json::from_value(json!({
        "kind": "budget_reached", "batch": 1, "spent": 0, "next": 2, "budget": 1
    }))
    .unwrap();
    let raised = JournalEvent::BudgetRaised { budget: None };
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let state = place.open().await;
        let mut journal = Journal::replay(&run, begun.to_vec()).unwrap().unwrap();
        let started = Instant::now();
        for nth in 0..appends {
            let event = if nth % 2 == 0 { reached.clone() } else { raised.clone() };
            journal.append(state.as_ref(), Timestamp::UNIX_EPOCH, event).await.unwrap();
        }
        let appended = started.elapsed();
        let read = state.read("runs/").await.unwrap();
        assert_eq!(read.len(), appends as usize);
        let objects: Vec<Object> =
            read.into_iter().map(|(key, object)| (key.as_str().to_owned(), object.bytes)).collect();
        let written = place.write(&objects).await;
        ratios.push(written.as_secs_f64() / appended.as_secs_f64());
        rates.push(f64::from(appends) / appended.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    rates.sort_by(f64::total_cmp);
    let middle = ROUNDS / 2;
    println!(
        "journal appends on {name}: {:.0} a second, {:.2} of its own durable writes ({:.2} to {:.2})",
        rates[middle],
        ratios[middle],
        ratios[0],
        ratios[ROUNDS - 1]
    );
}

/// A database in a file; its own write is one `INSERT` in the same mode.
#[derive(Default)]
struct Sqlite(Option<TempDir>);

#[async_trait(?Send)]
impl Place for Sqlite {
    async fn open(&mut self) -> Box<dyn StateStore> {
        let folder = self.0.insert(TempDir::new().unwrap());
        Box::new(SqliteState::open(&folder.path().join("state.db")).unwrap())
    }

    async fn write(&mut self, objects: &[Object]) -> Duration {
        let raw = Connection::open(self.0.as_ref().unwrap().path().join("raw.db")).unwrap();
        raw.pragma_update(None, "journal_mode", "WAL").unwrap();
        raw.pragma_update(None, "synchronous", "FULL").unwrap();
        raw.execute_batch("CREATE TABLE rows (key TEXT PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID")
            .unwrap();
        let started = Instant::now();
        for (key, bytes) in objects {
            raw.prepare_cached("INSERT INTO rows VALUES (?1, ?2)")
                .unwrap()
                .execute(params![key, bytes])
                .unwrap();
        }
        started.elapsed()
    }
}

/// A folder; its own write is a file that is synced, and so is the folder it is in.
#[derive(Default)]
struct Folder(Option<TempDir>);

#[async_trait(?Send)]
impl Place for Folder {
    async fn open(&mut self) -> Box<dyn StateStore> {
        let folder = self.0.insert(TempDir::new().unwrap());
        Box::new(FolderState::open(&folder.path().join("state")).await.unwrap())
    }

    async fn write(&mut self, objects: &[Object]) -> Duration {
        let raw = self.0.as_ref().unwrap().path().join("raw");
        fs::create_dir(&raw).unwrap();
        let started = Instant::now();
        for (nth, (_, bytes)) in objects.iter().enumerate() {
            let mut file = File::create_new(raw.join(nth.to_string())).unwrap();
            file.write_all(bytes).unwrap();
            file.sync_all().unwrap();
            File::open(&raw).unwrap().sync_all().unwrap();
        }
        started.elapsed()
    }
}

/// A branch of a bare repository on this machine; its own write is the push of a commit that is there already.
#[derive(Default)]
struct Branch(Option<TempDir>);

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=bench", "-c", "user.email=bench@localhost"]).args(arguments);
    let output = command.current_dir(folder).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

#[async_trait(?Send)]
impl Place for Branch {
    async fn open(&mut self) -> Box<dyn StateStore> {
        let folder = self.0.insert(TempDir::new().unwrap()).path();
        git(folder, &["init", "--quiet", "--bare", "remote"]);
        git(folder, &["init", "--quiet", "clone"]);
        git(&folder.join("clone"), &["remote", "add", "origin", "../remote"]);
        let options = GitOptions::new(&folder.join("clone"), "dreamrun/state", "origin");
        Box::new(GitState::open(options).await.unwrap())
    }

    async fn write(&mut self, objects: &[Object]) -> Duration {
        let clone = self.0.as_ref().unwrap().path().join("clone");
        let tree = git(&clone, &["mktree"]);
        let mut commits = vec![git(&clone, &["commit-tree", &tree, "-m", "begin"])];
        for (key, bytes) in objects {
            let message = [key.as_str(), &String::from_utf8_lossy(bytes)].join("\n");
            let parent = commits.last().unwrap().clone();
            commits.push(git(&clone, &["commit-tree", &tree, "-p", &parent, "-m", &message]));
        }
        let push =
            |commit: &str| git(&clone, &["push", "--quiet", "origin", &format!("{commit}:refs/heads/raw")]);
        push(&commits[0]);
        let started = Instant::now();
        for commit in &commits[1..] {
            push(commit);
        }
        started.elapsed()
    }
}

/// A bucket; its own write creates an object if there is none.
struct Bucket {
    bucket: String,
    prefix: String,
}

impl Bucket {
    fn store(&self) -> Arc<dyn ObjectStore> {
        connect(BucketService::S3, &self.bucket, &|name| std::env::var(name).ok(), None).unwrap()
    }
}

#[async_trait(?Send)]
impl Place for Bucket {
    async fn open(&mut self) -> Box<dyn StateStore> {
        self.prefix = uuid::Uuid::now_v7().simple().to_string();
        Box::new(ObjectState::open(self.store(), &self.prefix, "bench".to_owned()).await.unwrap())
    }

    async fn write(&mut self, objects: &[Object]) -> Duration {
        let store = self.store();
        let started = Instant::now();
        for (key, bytes) in objects {
            let path = format!("{}-raw/{key}", self.prefix).into();
            store.put_opts(&path, PutPayload::from(bytes.clone()), PutMode::Create.into()).await.unwrap();
        }
        started.elapsed()
    }
}

/// A database of a server; its own write is one prepared `INSERT`.
struct Postgres {
    server: String,
    places: u32,
}

impl Postgres {
    async fn client(&self) -> tokio_postgres::Client {
        let (host, port) = self.server.rsplit_once(':').unwrap();
        let mut config = tokio_postgres::Config::new();
        config.host(host).port(port.parse().unwrap()).user("postgres").dbname("postgres");
        let (client, connection) = config.connect(NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

#[async_trait(?Send)]
impl Place for Postgres {
    async fn open(&mut self) -> Box<dyn StateStore> {
        self.places += 1;
        let user = format!("bench{}", self.places);
        let made = format!("CREATE ROLE {user} LOGIN; CREATE SCHEMA AUTHORIZATION {user}");
        self.client().await.batch_execute(&made).await.unwrap();
        let (host, port) = self.server.rsplit_once(':').unwrap();
        let options = PostgresOptions::new(host, port.parse().unwrap(), &user, "postgres");
        Box::new(PostgresState::open(&options).await.unwrap())
    }

    async fn write(&mut self, objects: &[Object]) -> Duration {
        let client = self.client().await;
        let table = format!("raw{}", self.places);
        client
            .batch_execute(&format!("CREATE TABLE {table} (key TEXT PRIMARY KEY, bytes BYTEA NOT NULL)"))
            .await
            .unwrap();
        let insert = client.prepare(&format!("INSERT INTO {table} VALUES ($1, $2)")).await.unwrap();
        let started = Instant::now();
        for (key, bytes) in objects {
            client.execute(&insert, &[key, bytes]).await.unwrap();
        }
        started.elapsed()
    }
}
