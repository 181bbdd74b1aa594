//! The client as a world: over a connection, with `serve` in this process at its other end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use dreamrun::backend::http::{Credential, HttpBackend, HttpOptions, Timeouts};
use dreamrun::backend::local::{LocalBackend, LocalOptions};
use dreamrun::backend::{ActivityKind, Backend, SessionQuery};
use dreamrun::dream::DreamStatus;
use dreamrun::ids::{MemoryStoreId, SessionId};
use dreamrun::memory::MemoryWrite;
use dreamrun::server::{Keys, Options, serve};
use dreamrun::spec::pipeline::SessionSource;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{GatedMind, ManualClock, NamedMinds, write_session};
use crate::world::{World, finish, path, request, wait_until};

const KEY: &str = "sk-ant-test-4f1c9a7e";

pub(crate) struct HttpWorld {
    backend: HttpBackend,
    options: HttpOptions,
    server: JoinHandle<()>,
    // Declared before the folder, so that it is closed before the folder goes.
    local: Arc<LocalBackend>,
    clock: Arc<ManualClock>,
    client: reqwest::Client,
    folder: tempfile::TempDir,
}

impl Drop for HttpWorld {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl HttpWorld {
    fn transcript(&self, session: &str) -> PathBuf {
        self.folder.path().join(format!("transcripts/{session}.jsonl"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_dream_is_noticed_by_its_stream_long_before_the_next_look() {
    let mind = Arc::new(GatedMind::default());
    let world = HttpWorld::open(NamedMinds::default().with_shared("gated", Arc::clone(&mind) as _));
    let store = world.store(&[("/a", "one")]).await;
    let sessions = world.sessions(&["first", "second"]).await;
    let dream = world.backend.create_dream(&request(&store, &sessions, "gated")).await.unwrap();
    wait_until(&world.backend, &dream, |dream| dream.output.is_some()).await;

    // Another process, which looks so rarely that only the stream can tell it in time.
    let mut options = world.options.clone();
    options.timeouts.poll = Duration::from_secs(100);
    let watcher = HttpBackend::new(options).unwrap();
    let running = watcher.dream(&dream.id).await.unwrap();
    let began = watcher.next_change(&running).await.unwrap();
    assert!(began.progress.is_some(), "the events so far were listed");
    mind.allow(2);
    let let_go = Instant::now();
    let limit = Duration::from_secs(20);
    let done = tokio::time::timeout(limit, finish(&watcher, &began)).await.expect("in time");
    assert_eq!(done.status, DreamStatus::Completed);
    // The server keeps a dream running for a moment of its own.
    assert!(let_go.elapsed() < Duration::from_secs(5), "{:?}", let_go.elapsed());
    let told = watcher.activity(&dream.id, 0);
    let did = |kind| -> Vec<String> {
        let mut what: Vec<_> =
            told.iter().filter(|did| did.kind == kind).map(|did| did.what.clone()).collect();
        what.sort();
        what
    };
    assert_eq!(did(ActivityKind::Read), sessions.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(did(ActivityKind::Wrote), ["/learned.md"]);
}

#[async_trait]
impl World for HttpWorld {
    fn open(minds: NamedMinds) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at("2026-06-01T12:00:00Z"));
        // Whatever model a dream is asked of, a server has one mind: the slowest, for laws that know several.
        let names = minds.names();
        let mind = ["gated", "counting"].into_iter().find(|name| names.iter().any(|known| known == name));
        let mind = mind.map(str::to_owned).or_else(|| names.first().cloned()).unwrap_or_default();
        let options = LocalOptions {
            database: folder.path().join("local.db"),
            root: folder.path().to_owned(),
            allow_read: Vec::new(),
            minds: Arc::new(minds),
            clock: Arc::clone(&clock) as _,
        };
        let local = Arc::new(LocalBackend::open(options).unwrap());
        let mut options = Options::new(Arc::clone(&local), Keys::one(&KEY.into()).unwrap());
        options.mind = mind.into();
        options.dream_models = names;

        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            serve(listener, options, std::future::pending()).await.unwrap();
        });
        let options = HttpOptions {
            base_url: Some(format!("http://{address}")),
            timeouts: Timeouts { poll: Duration::from_millis(100), ..Timeouts::default() },
            ..HttpOptions::new(Credential::ApiKey(KEY.into()), Arc::clone(&clock) as _)
        };
        let backend = HttpBackend::new(options.clone()).unwrap();
        // One for the process; each world asks for it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { backend, options, server, local, clock, client, folder }
    }

    fn restart(&mut self) {
        self.backend = HttpBackend::new(self.options.clone()).unwrap();
    }

    fn backend(&self) -> &dyn Backend {
        &self.backend
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    async fn store(&self, memories: &[(&str, &str)]) -> MemoryStoreId {
        let store = self.local.create_store("notes").unwrap().id;
        let writes: Vec<MemoryWrite> = memories
            .iter()
            .map(|&(at, content)| MemoryWrite::Put {
                path: path(at),
                content: content.into(),
                expected: None,
            })
            .collect();
        self.backend.write(&store, &writes).await.unwrap();
        store
    }

    async fn sessions(&self, said: &[&str]) -> Vec<SessionId> {
        for (i, text) in said.iter().enumerate() {
            let began = format!("2026-05-01T{:02}:{:02}:00Z", i / 60, i % 60);
            let id = format!("s-{i:03}");
            write_session(&self.transcript(&id), &id, &began, &[text]);
        }
        let sources = vec![SessionSource::Files(vec!["transcripts/*.jsonl".to_owned()])];
        let listing = self.local.sessions(&SessionQuery { sources, since: None }).await.unwrap();
        assert_eq!(listing.unreadable, []);
        listing.sessions.into_iter().map(|session| session.id).collect()
    }

    async fn lose(&self, session: &SessionId) {
        std::fs::remove_file(self.transcript(session.as_str())).unwrap();
    }

    async fn told_sessions(&self, said: &[&str]) -> Vec<SessionId> {
        self.sessions(said).await;
        let imported = self.local.import_sessions(&["transcripts/*.jsonl".to_owned()]).unwrap();
        imported.sessions.into_values().collect()
    }

    async fn delete(&self, session: &SessionId) {
        let url = format!("{}/v1/sessions/{session}", self.options.base_url.as_ref().unwrap());
        let delete = self.client.delete(url).header("x-api-key", KEY);
        let delete = delete.header("anthropic-version", "2023-06-01");
        let answer = delete.header("anthropic-beta", "managed-agents-2026-04-01").send().await.unwrap();
        assert!(answer.status().is_success(), "{answer:?}");
    }
}
