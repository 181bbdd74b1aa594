//! A project whose backend is a server, and what agents do there meanwhile.

use std::sync::Arc;

use dreamrun::backend::local::{Pace, Serving};
use dreamrun::clock::Clock;
use dreamrun::dreaming::Mind;
use dreamrun::server::Options;
use jiff::Timestamp;
use regex::Regex;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::harness::{KEY, Server};
use crate::support::{CountingMind, NamedMinds, Output, Project};

/// A server with agents, stores and sessions, and a project that consolidates them.
pub(crate) struct World {
    pub(crate) project: Project,
    pub(crate) server: Server,
    runtime: Runtime,
    pub(crate) agent: String,
    pub(crate) environment: String,
}

/// What the small world's store holds.
const NOTES: [(&str, &str); 3] = [
    ("/deploy.md", "# Deploy\n\n- Deploys go out on Tuesday.\n"),
    ("/style.md", "# Style\n\n- Commit messages are imperative.\n"),
    ("/team.md", "# Team\n\n- Retro is on Friday.\n"),
];

/// What users of the small world say, in the words that the counting mind keeps.
const SAID: [&str; 3] = ["remember: the canary takes 15 minutes", "remember: use pnpm", "remember: be brief"];

impl World {
    /// Starts a server that dreams at once, and writes a project for it without pipelines.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// Starts a server that differs.
    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> Self {
        Self::with_mind(Arc::new(CountingMind::default()), change)
    }

    /// Starts a server whose dreams are carried out by this mind.
    pub(crate) fn with_mind(mind: Arc<dyn Mind>, change: impl FnOnce(&mut Options)) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let minds = NamedMinds::default().with_shared("given", mind);
        let server = runtime.block_on(Server::with_minds(Arc::new(minds), |options| {
            options.mind = "given".into();
            options.serving = Serving { pace: Pace::NONE, ..Serving::default() };
            change(options);
        }));
        let mut project = Project::empty();
        project.set("ANTHROPIC_API_KEY", KEY);
        // Servers tell the time of the machine.
        let until_now = Timestamp::now().duration_since(server.clock.now());
        server.clock.advance(until_now);
        project.wait(until_now);
        let url = server.url("");
        project.write(
            "dreamrun.yaml",
            &format!("dreamrun: 1\nbackend: {{kind: managed_agents, base_url: \"{url}\"}}\nstores: {{}}\n"),
        );
        Self { project, server, runtime, agent: String::new(), environment: String::new() }
    }

    /// Starts a server with a store, an agent and a session for each thing that was said, and writes the
    /// pipeline `tidy`, which adopts by itself. Returns the store's id too.
    pub(crate) fn small() -> (Self, String) {
        let mut world = Self::new();
        let store = world.furnish("notes", "tidy", SAID.len());
        (world, store)
    }

    /// Makes a store, an agent with so many sessions, and a pipeline over both.
    pub(crate) fn furnish(&mut self, alias: &str, pipeline: &str, sessions: usize) -> String {
        let store = self.store(alias, &NOTES);
        let agent = json!({ "name": pipeline, "model": "claude-sonnet-4-6" });
        self.agent = id(&self.post("/v1/agents", &agent));
        let environment = json!({ "name": pipeline, "config": { "type": "cloud" } });
        self.environment = id(&self.post("/v1/environments", &environment));
        for place in 0..sessions {
            self.session(&store, SAID[place % SAID.len()]);
        }
        let line = format!("  {alias}: {{bootstrap: {store}}}\n");
        let project = self.project.read("dreamrun.yaml");
        self.project.write("dreamrun.yaml", &(project.replace("stores: {}", "stores:") + &line));
        let agent = &self.agent;
        self.project.write(
            &format!("pipelines/{pipeline}.yaml"),
            &format!(
                "dreamrun: 1\nname: {pipeline}\nmodel: claude-sonnet-4-6\ninput:\n  store: {alias}\n  \
                 sessions: {{agent: {agent}}}\ninstructions: Keep every number.\nbatch: {{chain: true}}\n\
                 gates: {{bytes: {{grow: {{review: 1000000}}}}}}\n\
                 adopt: {{mode: auto, target: pointer}}\n"
            ),
        );
        store
    }

    /// Lets a user say something to the agent in a session of its own, which ends well.
    pub(crate) fn session(&self, store: &str, said: &str) -> String {
        let session = self.post(
            "/v1/sessions",
            &json!({
                "agent": self.agent, "environment_id": self.environment,
                "resources": [{ "type": "memory_store", "memory_store_id": store }],
            }),
        );
        let said = json!({ "type": "user.message", "content": [{ "type": "text", "text": said }] });
        let id = id(&session);
        self.post(&format!("/v1/sessions/{id}/events"), &json!({ "events": [said] }));
        id
    }

    /// Makes a deployment whose sessions mount a store, and returns its id.
    pub(crate) fn deployment(&self, store: &str) -> String {
        let hello = json!({ "type": "user.message", "content": [{ "type": "text", "text": "hello" }] });
        let deployment = self.post(
            "/v1/deployments",
            &json!({
                "name": "support", "agent": self.agent, "environment_id": self.environment,
                "initial_events": [hello],
                "resources": [{ "type": "memory_store", "memory_store_id": store, "access": "read_write" }],
            }),
        );
        id(&deployment)
    }

    /// Returns the live store of an alias, as state has it.
    #[track_caller]
    pub(crate) fn live(&self, alias: &str) -> String {
        let status = self.run(&["status", alias, "--json"]).ends_with(0).json();
        self.project.real_id(status["data"]["stores"][0]["record"]["active"].as_str().unwrap())
    }

    /// Applies, which must adopt.
    #[track_caller]
    pub(crate) fn adopt(&self, pipeline: &str) -> Value {
        let applied = self.run(&["apply", pipeline, "--yes", "--json"]).ends_with(0).json();
        assert_eq!(applied["outcome"], "adopted", "{applied:#}");
        applied
    }

    /// Asks the server for something that must succeed.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        self.runtime.block_on(self.server.post(path, body)).expect(200)
    }

    /// Takes something away that must be there.
    #[track_caller]
    pub(crate) fn delete(&self, path: &str) {
        self.runtime.block_on(self.server.delete(path)).expect(200);
    }

    /// Reads something that must be there.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        self.runtime.block_on(self.server.get(path)).expect(200)
    }

    /// Lists everything there is of something.
    pub(crate) fn all(&self, path: &str) -> Vec<Value> {
        self.runtime.block_on(self.server.all(path, 100))
    }

    /// Makes a memory store, and returns its id.
    pub(crate) fn store(&self, name: &str, memories: &[(&str, &str)]) -> String {
        let store = self.post("/v1/memory_stores", &json!({ "name": name }));
        let id = id(&store);
        for (path, content) in memories {
            self.remember(&id, path, content);
        }
        id
    }

    /// Lets an agent write a new memory.
    pub(crate) fn remember(&self, store: &str, path: &str, content: &str) {
        let body = json!({ "path": path, "content": content });
        self.post(&format!("/v1/memory_stores/{store}/memories"), &body);
    }

    /// Returns what a store holds, by path.
    pub(crate) fn contents(&self, store: &str) -> Vec<(String, String)> {
        let path = format!("/v1/memory_stores/{store}/memories?view=full");
        let all = self.runtime.block_on(self.server.all(&path, 20));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        all.iter().map(|memory| (text(&memory["path"]), text(&memory["content"]))).collect()
    }

    /// Runs a command; no key may be in anything it says.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut output = self.project.run(arguments);
        let request = Regex::new("req_[0-9A-Za-z]+").unwrap();
        for stream in [&mut output.stdout, &mut output.stderr] {
            assert!(!stream.contains(KEY), "a key in {stream}");
            let text = stream.replace(&self.server.url(""), "http://127.0.0.1:8420");
            *stream = request.replace_all(&text, "req_[id]").into_owned();
        }
        output
    }
}

/// Returns the id of a resource.
#[track_caller]
pub(crate) fn id(resource: &Value) -> String {
    resource["id"].as_str().unwrap().to_owned()
}
