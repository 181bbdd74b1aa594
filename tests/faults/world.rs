//! A project whose backend is a server that misbehaves, in this process and on a real port.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dreamrun::backend::Backend;
use dreamrun::backend::http::{HttpOptions, Timeouts};
use dreamrun::backend::local::{LocalBackend, LocalOptions, Pace};
use dreamrun::cli::console::Console;
use dreamrun::cli::{Invocation, Parts};
use dreamrun::clock::SystemClock;
use dreamrun::dreaming::offline::LocalMinds;
use dreamrun::ids::MemoryStoreId;
use dreamrun::memory::{MemoryPath, MemoryWrite};
use dreamrun::server::{Faults, Keys, Latency, Options, serve};
use jiff::Timestamp;
use reqwest::Client;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::support::Heard;

/// The key, which nothing may show.
pub(crate) const KEY: &str = "sk-ant-faults-0c4be1d2a97f";

const MEMORIES: &[(&str, &str)] = &[
    (
        "/deploy.md",
        "# Deploy\n\n- Deploys go out from the `main` branch on Tuesdays.\n- The canary takes 15 minutes.\n",
    ),
    ("/deploy-2.md", "# Deploy\n\n- Deploys go out from the `main` branch on Tuesdays.\n"),
    (
        "/database.md",
        "# Database\n\n- The primary is `db-1`, the replica is `db-2`.\n- Backups run at 03:00 UTC.\n",
    ),
    ("/people/mira.md", "# Mira\n\n- Mira reviews every migration.\n"),
    ("/style.md", "# Style\n\n- Commit messages are imperative.\n"),
];

const SAID: &[&str] = &[
    "From now on, use pnpm instead of npm in this repository.",
    "Remember that the staging database is called db-9.",
    "Always run the migration check before a deploy.",
];

/// A server and a project.
pub(crate) struct World {
    folder: TempDir,
    runtime: Runtime,
    local: Arc<LocalBackend>,
    client: Client,
    url: String,
    store: MemoryStoreId,
    sessions: Vec<String>,
}

/// How a command ended.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    pub(crate) code: u8,
    pub(crate) outcome: String,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Waits less long than people would.
struct Hasty;

impl Parts for Hasty {
    fn http(&self, options: HttpOptions) -> HttpOptions {
        let timeouts = Timeouts {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(3),
            create: Duration::from_secs(2),
            silence: Duration::from_secs(2),
            retry: Duration::from_millis(20),
            poll: Duration::from_millis(100),
            settling: Duration::from_millis(500),
        };
        HttpOptions { timeouts, ..options }
    }
}

impl World {
    /// Makes a server with five memories and three sessions, and a project whose pipeline is due.
    pub(crate) fn new(rules: &[&str], running: Duration, memories: &[(String, String)]) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = TempDir::new().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let local = LocalBackend::open(LocalOptions {
            database: folder.path().join("serve.db"),
            root: folder.path().to_owned(),
            allow_read: Vec::new(),
            minds: Arc::new(LocalMinds),
            clock: Arc::new(SystemClock),
        });
        let local = Arc::new(local.unwrap());
        let store = local.create_store("notes").unwrap().id;
        let mut options = Options::new(local.clone(), Keys::one(&KEY.into()).unwrap());
        options.faults = Faults::parse(rules, Latency::default()).unwrap();
        options.serving.pace = Pace { pending: Duration::from_millis(20), running };
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(serve(listener, options, std::future::pending()));
        let client = Client::builder().no_proxy().build().unwrap();
        let mut world = Self { folder, runtime, local, client, url, store, sessions: Vec::new() };
        let own = MEMORIES.iter().map(|&(path, content)| (path.to_owned(), content.to_owned()));
        for (path, content) in own.chain(memories.iter().cloned()) {
            world.write(&path, &content);
        }
        world.record();
        world.write_project();
        world
    }

    /// Lets an agent write a memory.
    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = MemoryPath::parse(path).unwrap();
        let write = MemoryWrite::Put { path, content: content.into(), expected: None };
        self.runtime.block_on(self.local.write(&self.store, &[write])).unwrap();
    }

    /// Records sessions as an SDK would.
    fn record(&mut self) {
        let agent = self.post("/v1/agents", &json!({"name": "support", "model": "claude-sonnet-5"}));
        let environment = self.post("/v1/environments", &json!({"name": "cloud"}));
        for said in SAID {
            let body = json!({
                "agent": agent["id"],
                "environment_id": environment["id"],
                "resources": [{"type": "memory_store", "memory_store_id": self.store}],
            });
            let session = self.post("/v1/sessions", &body)["id"].as_str().unwrap().to_owned();
            let event = json!({"type": "user.message", "content": [{"type": "text", "text": said}]});
            self.post(&format!("/v1/sessions/{session}/events"), &json!({"events": [event]}));
            self.sessions.push(session);
        }
    }

    fn write_project(&self) {
        let project = format!(
            "dreamrun: 1\nbackend: {{kind: managed_agents, base_url: \"{}\"}}\nstores:\n  notes: {{bootstrap: {}}}\n",
            self.url, self.store
        );
        let pipeline = format!(
            "dreamrun: 1\nname: tidy\nmodel: claude-sonnet-5\ninput:\n  store: notes\n  sessions:\n    ids: {:?}\n    since: last_adopted\n\
             instructions: Merge what repeats.\ngates:\n  entries_added: {{block: 400%}}\nadopt: {{mode: auto, target: pointer}}\n",
            self.sessions
        );
        std::fs::write(self.folder.path().join("dreamrun.yaml"), project).unwrap();
        std::fs::create_dir(self.folder.path().join("pipelines")).unwrap();
        std::fs::write(self.folder.path().join("pipelines/tidy.yaml"), pipeline).unwrap();
    }

    /// Asks the server without any client of ours in between.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let beta = match path.split(['/', '?']).nth(2) {
            Some("dreams") => "dreaming-2026-04-21",
            Some("memory_stores") => "agent-memory-2026-07-22",
            _ => "managed-agents-2026-04-01",
        };
        let request = self
            .client
            .request(method.parse().unwrap(), format!("{}{path}", self.url))
            .bearer_auth(KEY)
            .header("anthropic-version", "2026-10-21")
            .header("anthropic-beta", beta);
        let request = match body {
            Some(body) => request.json(body),
            None => request.header("content-length", "0"),
        };
        self.runtime.block_on(async {
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            (status, response.json().await.unwrap())
        })
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask("POST", path, Some(body));
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Returns the live store.
    pub(crate) fn store(&self) -> &str {
        self.store.as_str()
    }

    /// Returns the first session.
    pub(crate) fn session(&self) -> &str {
        &self.sessions[0]
    }

    /// Returns every dream there is, oldest first.
    pub(crate) fn dreams(&self) -> Vec<String> {
        let dreams = self.runtime.block_on(self.local.dreams_since(Timestamp::UNIX_EPOCH)).unwrap();
        dreams.iter().rev().map(|dream| dream.id.to_string()).collect()
    }

    /// Waits until a dream runs, and returns it.
    pub(crate) fn running(&self) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let (_, page) = self.ask("GET", "/v1/dreams?statuses[]=running", None);
            match page["data"][0]["id"].as_str() {
                Some(id) => return id.to_owned(),
                None if Instant::now() > deadline => return "drm_none".to_owned(),
                None => std::thread::yield_now(),
            }
        }
    }

    /// Returns how often the live store was replaced.
    pub(crate) fn adoptions(&self) -> u64 {
        let file = self.folder.path().join(".dreamrun/state.db");
        let sql = "SELECT bytes FROM objects WHERE key = 'aliases/notes'";
        let Ok(db) = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY) else { return 0 };
        let Ok(bytes) = db.query_row(sql, [], |row| row.get::<_, Vec<u8>>(0)) else { return 0 };
        let alias: Value = serde_json::from_slice(&bytes).unwrap();
        alias["generation"].as_u64().unwrap()
    }

    /// Runs a command with a key.
    pub(crate) fn run(&self, key: &'static str, arguments: &[&str]) -> Ran {
        let (out, err) = (Heard::default(), Heard::default());
        let input = std::io::Cursor::new(Vec::new());
        let invocation = Invocation {
            arguments: std::iter::once("dreamrun").chain(arguments.iter().copied()).map(Into::into).collect(),
            folder: self.folder.path().to_owned(),
            console: Console::new(Box::new(out.clone()), Box::new(err.clone()), Box::new(input)),
            is_terminal: false,
            variable: Box::new(move |name| match name {
                "ANTHROPIC_API_KEY" => Some(key.to_owned()).filter(|key| !key.is_empty()),
                "USER" => Some("drill".to_owned()),
                _ => None,
            }),
        };
        let code = dreamrun::cli::run(invocation, &Hasty);
        let (stdout, stderr) = (out.text(), err.text());
        let document: Value = serde_json::from_str(&stdout).unwrap_or_default();
        let outcome = document["outcome"].as_str().unwrap_or("?").to_owned();
        Ran { code, outcome, stdout, stderr }
    }

    /// Runs `apply`.
    pub(crate) fn apply(&self) -> Ran {
        self.run(KEY, &["apply", "tidy", "--yes", "--json", "-v"])
    }
}

/// What every trace of this process is written to.
#[derive(Clone, Default)]
pub(crate) struct Traces(pub(crate) Heard);

impl Write for Traces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Traces {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
