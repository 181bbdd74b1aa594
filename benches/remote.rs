//! What a run over HTTP costs: requests by kind, and memory and processor time of a fleet.
//!
//! Runs the real binary against a server in this process.
//! `cargo bench --bench remote -- requests` counts what a plan and an apply ask for on a store of 2,000
//! memories of which a dream changes 50, beside the fewest requests that get the same from the API.
//! `cargo bench --bench remote -- fleet 1000` has so many dreams in flight in one `apply`; Linux only.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark talks and may stop")]

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use dreamrun::backend::local::{LocalBackend, LocalOptions, Pace, Serving};
use dreamrun::clock::SystemClock;
use dreamrun::dream::{ChangeKind, DreamChange};
use dreamrun::dreaming::transcript::Transcript;
use dreamrun::dreaming::{Consolidated, Mind, MindError, Minds, Reading};
use dreamrun::memory::Memory;
use dreamrun::server::{Keys, Options, serve};
use dreamrun::snapshot::Snapshot;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, SubscriberExt};

const MEMORIES: usize = 2_000;
const CHANGED: usize = 50;
const SESSIONS: usize = 20;
const KEY: &str = "bench";

/// Requests by method and route.
#[derive(Clone, Default)]
struct Counts(Arc<Mutex<BTreeMap<String, usize>>>);

impl Counts {
    fn take(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// The method and the route of an answer, as the server traces it.
#[derive(Default)]
struct Answered {
    method: String,
    route: String,
}

impl Visit for Answered {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "route" {
            value.clone_into(&mut self.route);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "method" {
            self.method = format!("{value:?}");
        }
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Counts {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut answered = Answered::default();
        event.record(&mut answered);
        if !answered.route.is_empty() {
            let kind = format!("{} {}", answered.method, answered.route);
            *self.0.lock().unwrap().entry(kind).or_default() += 1;
        }
    }
}

/// Adds a line to the first memories, once it may.
struct Appending {
    memories: usize,
    gate: Arc<(Mutex<bool>, Condvar)>,
}

impl Appending {
    fn new(memories: usize, is_open: bool) -> Self {
        let gate = Arc::new((Mutex::new(is_open), Condvar::new()));
        Self { memories, gate }
    }
}

impl Mind for Appending {
    fn read(&self, transcript: &Transcript) -> Reading {
        Reading {
            session: transcript.session.clone(),
            created_at: transcript.created_at,
            tokens: 10,
            notes: json!([]),
        }
    }

    fn consolidate(
        &self,
        input: &Snapshot,
        readings: &[Reading],
        _: Option<&str>,
    ) -> Result<Consolidated, MindError> {
        let (is_open, changed) = &*self.gate;
        drop(changed.wait_while(is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
        let mut store = input.clone();
        let mut changes = Vec::new();
        for memory in input.iter().take(self.memories) {
            let line = format!("- It was said again in {} sessions.\n", readings.len());
            store.insert(Memory::new(memory.path.clone(), format!("{}{line}", memory.content)));
            changes.push(DreamChange {
                kind: ChangeKind::Learned,
                path: memory.path.clone(),
                statement: Some(line),
                replaced: Vec::new(),
                evidence: Vec::new(),
                because: "it was said".to_owned(),
            });
        }
        Ok(Consolidated { store, changes })
    }
}

struct OneMind(Arc<Appending>);

impl Minds for OneMind {
    fn mind(&self, _: &str) -> Option<Arc<dyn Mind>> {
        Some(Arc::clone(&self.0) as _)
    }
}

/// A server with a project beside it.
struct World {
    runtime: tokio::runtime::Runtime,
    local: Arc<LocalBackend>,
    folder: tempfile::TempDir,
    client: reqwest::Client,
    url: String,
}

impl World {
    fn new(mind: Arc<Appending>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let local = LocalBackend::open(LocalOptions {
            database: folder.path().join("local.db"),
            root: folder.path().to_owned(),
            allow_read: Vec::new(),
            minds: Arc::new(OneMind(mind)),
            clock: Arc::new(SystemClock),
        });
        let local = Arc::new(local.unwrap());
        let mut options = Options::new(Arc::clone(&local), Keys::one(&KEY.into()).unwrap());
        options.serving = Serving { pace: Pace::NONE, ..Serving::default() };
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(serve(listener, options, std::future::pending()));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { runtime, local, folder, client, url }
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.url)).bearer_auth(KEY).json(body);
        let request = request.header("anthropic-version", "2026-10-21");
        let request = request.header("anthropic-beta", "managed-agents-2026-04-01");
        self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let body: Value = answer.json().await.unwrap();
            assert!(status.is_success(), "{body}");
            body
        })
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn store(&self, name: &str, memories: usize) -> String {
        let memory = self.folder.path().join(format!("memory/{name}"));
        std::fs::create_dir_all(&memory).unwrap();
        for at in 0..memories {
            let text = format!("# Note {at}\n\n- The port of service {at} in {name} is {}.\n", 1_000 + at);
            std::fs::write(memory.join(format!("{at:05}.md")), text).unwrap();
        }
        self.local.import_folder(name, &memory).unwrap().store.to_string()
    }

    /// Makes an agent with sessions in which somebody said something, and returns its id.
    fn agent(&self, sessions: usize) -> String {
        let id = |value: Value| value["id"].as_str().unwrap().to_owned();
        let agent = id(self.post("/v1/agents", &json!({"name": "bench", "model": "claude-sonnet-5"})));
        let environment =
            id(self.post("/v1/environments", &json!({"name": "bench", "config": {"type": "cloud"}})));
        for _ in 0..sessions {
            let body = json!({"agent": agent, "environment_id": environment});
            let session = id(self.post("/v1/sessions", &body));
            let said = json!({"type": "user.message", "content": [{"type": "text", "text": "and again"}]});
            self.post(&format!("/v1/sessions/{session}/events"), &json!({"events": [said]}));
        }
        agent
    }

    fn project(&self, pipelines: &[(String, String)], agent: &str) {
        let mut stores = String::new();
        for (name, store) in pipelines {
            stores.push_str(&format!("  {name}: {{bootstrap: {store}}}\n"));
            self.write(
                &format!("project/pipelines/{name}.yaml"),
                &format!(
                    "dreamrun: 1\nname: {name}\nmodel: claude-sonnet-5\ninput:\n  store: {name}\n  \
                     sessions: {{agent: {agent}}}\nadopt: {{mode: auto, target: pointer}}\n"
                ),
            );
        }
        self.write(
            "project/dreamrun.yaml",
            &format!(
                "dreamrun: 1\nbackend: {{kind: managed_agents, base_url: \"{}\"}}\nstores:\n{stores}",
                self.url
            ),
        );
    }

    fn start(&self, args: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_dreamrun"))
            .args(args)
            .current_dir(self.folder.path().join("project"))
            .env("ANTHROPIC_API_KEY", KEY)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.folder.path().join("stderr")).unwrap())
            .spawn()
            .unwrap()
    }

    fn finish(&self, mut child: Child) {
        let status = child.wait().unwrap();
        let said = std::fs::read_to_string(self.folder.path().join("stderr")).unwrap();
        assert!(status.success(), "{status}: {said}");
    }

    fn run(&self, args: &[&str]) {
        let child = self.start(args);
        self.finish(child);
    }
}

fn told(name: &str, counts: &BTreeMap<String, usize>) -> usize {
    let sum = counts.values().sum();
    println!("\n{name}: {sum} requests");
    for (kind, count) in counts {
        println!("  {count:5} {kind}");
    }
    sum
}

fn requests() {
    let counts = Counts::default();
    let subscriber = tracing_subscriber::registry().with(counts.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let world = World::new(Arc::new(Appending::new(CHANGED, true)));
    let store = world.store("notes", MEMORIES);
    let agent = world.agent(SESSIONS);
    world.project(&[("notes".to_owned(), store)], &agent);
    counts.take();
    world.run(&["plan"]);
    let plan = told("plan", &counts.take());
    world.run(&["apply", "notes", "--yes"]);
    let apply = told("apply, adopted", &counts.take());

    // What no client gets by without: every text of the store once, 20 a page; every hash of the candidate,
    // 100 a page; the 50 new texts, which the newest versions show 20 a page; the sessions, 100 a page; the
    // store, one create, one stream, and the dream as it ended. That nothing changed while the pages were
    // read takes one more request before and one after each of the two listings.
    let pages = |items: usize, size: usize| items.div_ceil(size);
    let reading = pages(MEMORIES, 20) + pages(MEMORIES, 100) + pages(CHANGED, 20) + pages(SESSIONS, 100);
    let fewest = reading + 4 + 4;
    println!("\nfewest for an apply: {fewest}; against it: {:.2}", apply as f64 / fewest as f64);
    println!("plan and apply together against it: {:.2}", (plan + apply) as f64 / fewest as f64);
    // The published guide's script: sessions, both stores in full, a create, and a poll every 10 seconds.
    for minutes in [1, 10, 60] {
        let script = pages(SESSIONS, 30) + 2 * pages(MEMORIES, 20) + 1 + minutes * 6;
        println!("the guide's script, a dream of {minutes} min: {script}");
    }
}

/// Reads the peak memory in MB and the processor seconds of a process that runs.
fn usage(pid: u32) -> Option<(f64, f64)> {
    let process = Path::new("/proc").join(pid.to_string());
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let peak: f64 = peak.split_whitespace().next()?.parse().ok()?;
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks: f64 = fields[11].parse::<f64>().ok()? + fields[12].parse::<f64>().ok()?;
    Some((peak / 1_024.0, ticks / 100.0))
}

fn fleet(dreams: usize) {
    let counts = Counts::default();
    let subscriber = tracing_subscriber::registry().with(counts.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let mind = Arc::new(Appending::new(1, false));
    let world = World::new(Arc::clone(&mind));
    let agent = world.agent(1);
    let pipelines: Vec<_> =
        (0..dreams).map(|at| format!("p{at:04}")).map(|name| (name.clone(), world.store(&name, 5))).collect();
    world.project(&pipelines, &agent);
    counts.take();
    let start = Instant::now();
    let parallel = dreams.to_string();
    let mut child = world.start(&["apply", "--yes", "--parallel", &parallel]);
    let mut last = (0.0, 0.0);
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        last = usage(child.id()).unwrap_or(last);
        // A server works on a few at a time; all that were accepted are in flight for the client.
        let accepted = counts.0.lock().unwrap().get("POST /v1/dreams").copied();
        let waiting = accepted.unwrap_or_default();
        if waiting > most && waiting == dreams {
            println!(
                "all {dreams} in flight after {:.0} s: peak {:.0} MB, {:.1} CPU s",
                start.elapsed().as_secs_f64(),
                last.0,
                last.1
            );
            told("until all were in flight", &counts.take());
            *mind.gate.0.lock().unwrap() = true;
            mind.gate.1.notify_all();
        }
        most = most.max(waiting);
        std::thread::sleep(Duration::from_millis(50));
    }
    println!(
        "\nended after {:.0} s: peak {:.0} MB, {:.1} CPU s, {most} dreams",
        start.elapsed().as_secs_f64(),
        last.0,
        last.1
    );
    told("from then on", &counts.take());
    world.finish(child);
}

fn main() {
    // Cargo adds `--bench`.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let all = args.is_empty();
    if all || args[0] == "requests" {
        requests();
    } else {
        fleet(args.get(1).map_or(1_000, |count| count.parse().unwrap()));
    }
}
