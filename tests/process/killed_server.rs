//! A server that is killed in the middle of things, and started again.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};

pub(crate) const KEY: &str = "sk-ant-test-2b9d";
const DEADLINE: Duration = Duration::from_secs(60);

/// A running `dreamrun serve`. It is killed when it is dropped.
pub(crate) struct Served {
    process: Child,
    pub(crate) address: String,
    client: Client,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Served {
    /// Starts a server on a folder; its dreams stay in each state for so many milliseconds.
    pub(crate) fn start(folder: &Path, pace: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut process = Command::new(env!("CARGO_BIN_EXE_dreamrun"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data", "data", "--dream-pace", pace])
            .current_dir(folder)
            .env_clear()
            .env("DREAMRUN_SERVE_KEY", KEY)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        Self { process, address: address.trim().to_owned(), client }
    }

    /// Kills it without a warning.
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks for something. `None` if no whole answer came.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Option<(u16, Value)> {
        let beta = match path.trim_start_matches("/v1/").split(['/', '?']).next() {
            Some("dreams") => "dreaming-2026-04-21",
            Some("memory_stores") => "agent-memory-2026-07-22",
            _ => "managed-agents-2026-04-01",
        };
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.address))
            .bearer_auth(KEY)
            .header("anthropic-version", "2026-10-21")
            .header("anthropic-beta", beta);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.json().await.ok()?))
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.try_send(Method::GET, path, None).await.unwrap();
        assert_eq!(status, 200, "{body}");
        body
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let (status, body) = self.try_send(Method::POST, path, Some(&body)).await.unwrap();
        assert_eq!(status, 200, "{body}");
        body
    }

    /// Looks until a dream is as it is meant to be.
    async fn until(&self, dream: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let seen = self.get(&format!("/v1/dreams/{dream}")).await;
            if is_it(&seen) {
                return seen;
            }
            assert!(Instant::now() < deadline, "{seen}");
        }
    }

    /// Makes a store with one memory, and two sessions in which a user corrects it.
    async fn world(&self) -> (String, Vec<String>) {
        let id = |made: Value| made["id"].as_str().unwrap().to_owned();
        let store = id(self.post("/v1/memory_stores", json!({ "name": "notes" })).await);
        let memory = json!({ "path": "/editor.md", "content": "The user edits with nano.\n" });
        self.post(&format!("/v1/memory_stores/{store}/memories"), memory).await;
        let agent = json!({ "name": "helper", "model": "claude-opus-5" });
        let agent = id(self.post("/v1/agents", agent).await);
        let environment = json!({ "name": "none", "config": { "type": "self_hosted" } });
        let environment = id(self.post("/v1/environments", environment).await);
        let mut sessions = Vec::new();
        for words in ["I prefer tabs over spaces.", "Always answer in French."] {
            let session = json!({ "agent": agent, "environment_id": environment });
            let session = id(self.post("/v1/sessions", session).await);
            let said = json!({ "type": "user.message", "content": [{ "type": "text", "text": words }] });
            self.post(&format!("/v1/sessions/{session}/events"), json!({ "events": [said] })).await;
            sessions.push(session);
        }
        (store, sessions)
    }
}

async fn ask(server: &Served, store: &str, sessions: &[String]) -> String {
    let body = json!({
        "inputs": [
            { "type": "memory_store", "memory_store_id": store },
            { "type": "sessions", "session_ids": sessions },
        ],
        "model": "claude-opus-5",
    });
    server.post("/v1/dreams", body).await["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_dream_of_a_killed_server_completes_once_under_the_next_one() {
    let reached: [fn(&Value) -> bool; 3] = [
        |dream| dream["status"] == "pending",
        |dream| dream["status"] == "running",
        |dream| dream["outputs"] != json!([]),
    ];
    let folder = tempfile::tempdir().unwrap();
    let server = Served::start(folder.path(), "200");
    let (store, sessions) = server.world().await;
    let whole = ask(&server, &store, &sessions).await;
    let whole = server.until(&whole, |dream| dream["status"] == "completed").await;
    let contents = |dream: &Value| {
        let store = dream["outputs"][0]["memory_store_id"].as_str().unwrap().to_owned();
        format!("/v1/memory_stores/{store}/memories?view=full")
    };
    let texts = |page: &Value| -> BTreeSet<(String, String)> {
        let text = |memory: &Value, key: &str| memory[key].as_str().unwrap().to_owned();
        let data = page["data"].as_array().unwrap().iter();
        data.map(|memory| (text(memory, "path"), text(memory, "content"))).collect()
    };
    let expected = texts(&server.get(&contents(&whole)).await);
    assert!(expected.len() > 1, "the dream learns something: {expected:?}");
    let mut server = server;
    for (count, is_reached) in reached.iter().enumerate() {
        let dream = ask(&server, &store, &sessions).await;
        server.until(&dream, is_reached).await;
        server.kill();
        server = Served::start(folder.path(), "200");
        let done = server.until(&dream, |dream| !dream["ended_at"].is_null()).await;
        assert_eq!(done["status"], "completed", "{done}");
        assert_eq!(texts(&server.get(&contents(&done)).await), expected);
        assert_eq!(done["usage"], whole["usage"], "nothing is counted twice");
        let length = |page: Value| page["data"].as_array().unwrap().len();
        let outputs = length(server.get("/v1/memory_stores?limit=100").await) - 1;
        let dreams = length(server.get("/v1/dreams?limit=100").await);
        assert_eq!((outputs, dreams), (count + 2, count + 2), "one output for each dream");
        let all = length(server.get("/v1/sessions?include_archived=true&limit=100").await);
        assert_eq!(all, sessions.len() + dreams, "one worker session for each dream");
    }
}

#[tokio::test]
async fn no_write_that_a_killed_server_had_acknowledged_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Served::start(folder.path(), "0");
    let store = server.post("/v1/memory_stores", json!({ "name": "notes" })).await;
    let memories = format!("/v1/memory_stores/{}/memories", store["id"].as_str().unwrap());
    let mut acknowledged = BTreeSet::new();
    let mut sent = BTreeSet::new();
    for round in 0..3 {
        let writers = 4;
        let (killer, process) = (20 + 17 * round, server.process.id());
        let written = std::sync::atomic::AtomicUsize::new(0);
        let write = |writer: usize| {
            let (server, memories, written) = (&server, &memories, &written);
            async move {
                let (mut acknowledged, mut sent) = (Vec::new(), Vec::new());
                for number in 0.. {
                    let path = format!("/r{round}/w{writer}/{number}.md");
                    let body = json!({ "path": path, "content": format!("{path}\n").repeat(200) });
                    sent.push(path.clone());
                    let answer = server.try_send(Method::POST, memories, Some(&body)).await;
                    let Some((status, body)) = answer else { break };
                    assert_eq!(status, 200, "{body}");
                    acknowledged.push(path);
                    if written.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1 == killer {
                        crate::support::signal("KILL", process);
                    }
                }
                (acknowledged, sent)
            }
        };
        for (done, asked) in futures_util::future::join_all((0..writers).map(write)).await {
            acknowledged.extend(done);
            sent.extend(asked);
        }
        drop(server);
        server = Served::start(folder.path(), "0");
        let mut found = BTreeSet::new();
        let mut page = String::new();
        loop {
            let body = server.get(&format!("{memories}?limit=100{page}")).await;
            let data = body["data"].as_array().unwrap().iter();
            found.extend(data.map(|memory| memory["path"].as_str().unwrap().to_owned()));
            match body["next_page"].as_str() {
                Some(cursor) => page = format!("&page={cursor}"),
                None => break,
            }
        }
        assert!(acknowledged.len() >= killer);
        assert_eq!(acknowledged.difference(&found).count(), 0, "an acknowledged write is gone");
        assert_eq!(found.difference(&sent).count(), 0, "nothing is there that nobody wrote");
    }
}
