//! A server that begins with a world: what it then shows, what a second start does, which files it refuses.

use dreamrun::backend::local::{SeedError, Seeded, World};
use dreamrun::spec::problem::Problem;
use dreamrun::spec::source::SourceFile;
use serde_json::{Value, json};

use super::Server;

const WORLD: &str = "\
agents:
  - {id: agent_one, name: one, model: claude-sonnet-5, created_at: 2026-11-01T00:00:00Z}
  - {id: agent_old, name: old, model: claude-sonnet-5, created_at: 2026-10-01T00:00:00Z,
     archived_at: 2026-11-05T00:00:00Z}
environments:
  - {id: env_one, name: cloud, created_at: 2026-11-01T00:00:00Z}
stores:
  - id: memstore_notes
    name: notes
    description: What is known.
    created_at: 2026-11-01T00:00:00Z
    updated_at: 2026-11-03T00:00:00Z
    memories:
      - {path: /b.md, content: second, id: mem_b, created_at: 2026-11-02T00:00:00Z}
      - {path: /a/x.md, content: first}
  - id: memstore_past
    name: past
    created_at: 2026-11-01T00:00:00Z
    archived_at: 2026-11-04T00:00:00Z
    memories: {/only.md: kept}
deployments:
  - id: depl_one
    name: nightly
    agent: agent_one
    environment_id: env_one
    resources: [{type: memory_store, memory_store_id: memstore_notes}]
    initial_events: [{type: user.message, content: [{type: text, text: Go.}]}]
    status: paused
    created_at: 2026-11-01T00:00:00Z
sessions:
  - id: sesn_tools
    agent: agent_one
    environment_id: env_one
    deployment_id: depl_one
    title: Tools
    created_at: 2026-11-02T00:00:00Z
    resources: [{type: memory_store, memory_store_id: memstore_past, access: read_only}]
    events:
      - {type: session.status_running, id: sevt_1, processed_at: 2026-11-02T00:00:01Z}
      - {type: agent.tool_use, id: sevt_2, name: bash, input: {command: ls}}
      - {type: user.tool_confirmation, id: sevt_3, tool_use_id: sevt_2, result: allow,
         processed_at: 2026-11-02T00:01:00Z}
  - id: sesn_talk
    agent: {type: agent, id: agent_old}
    environment_id: env_one
    created_at: 2026-11-01T12:00:00Z
    archived_at: 2026-11-03T12:00:00Z
    messages:
      - user: How far is it?
      - {agent: 12 km., at: 2026-11-01T12:00:05Z}
";

fn world(text: &str) -> World {
    World::read(SourceFile::new("world.yaml", text)).unwrap()
}

/// Returns everything a server shows, in the order of its lists.
async fn shown(server: &Server) -> Value {
    let mut all = json!({});
    for path in [
        "/v1/agents?include_archived=true",
        "/v1/environments?include_archived=true",
        "/v1/deployments?include_archived=true",
        "/v1/sessions?include_archived=true",
        "/v1/memory_stores?include_archived=true",
    ] {
        let items = server.all(path, 100).await;
        for item in &items {
            let id = item["id"].as_str().unwrap();
            let inner = match item["type"].as_str().unwrap() {
                "session" => vec![format!("/v1/sessions/{id}/events")],
                "memory_store" => ["memories", "memory_versions"]
                    .map(|what| format!("/v1/memory_stores/{id}/{what}?view=full"))
                    .to_vec(),
                _ => Vec::new(),
            };
            for path in inner {
                let query = if path.contains('?') { "" } else { "?order=asc" };
                all[&path] = server.all(&format!("{path}{query}"), 20).await.into();
            }
        }
        all[path] = items.into();
    }
    all
}

fn of<'a>(items: &'a Value, name: &str) -> Vec<&'a str> {
    items.as_array().unwrap().iter().map(|item| item[name].as_str().unwrap_or("none")).collect()
}

#[tokio::test]
async fn a_world_is_shown_with_the_ids_and_times_it_gives() {
    let server = Server::start().await;
    let seeded = server.local.seed(&world(WORLD)).unwrap();
    let all = Seeded {
        agents: 2,
        environments: 1,
        stores: 2,
        memories: 3,
        deployments: 1,
        sessions: 2,
        events: 5,
        known: 0,
    };
    assert_eq!(seeded, all);

    let old = server.get("/v1/agents/agent_old").await.expect(200);
    assert_eq!((&old["archived_at"], &old["version"]), (&json!("2026-11-05T00:00:00Z"), &json!(1)));
    let agents: Vec<Value> = server.all("/v1/agents?include_archived=true", 1).await;
    assert_eq!(
        of(&json!(agents), "id"),
        ["agent_one", "agent_old"],
        "newest first, whatever the file's order"
    );

    let notes = server.get("/v1/memory_stores/memstore_notes").await.expect(200);
    assert_eq!(of(&json!([notes]), "description"), ["What is known."]);
    assert_eq!(
        (&notes["created_at"], &notes["updated_at"]),
        (&json!("2026-11-01T00:00:00Z"), &json!("2026-11-03T00:00:00Z"))
    );
    let memory = server.get("/v1/memory_stores/memstore_notes/memories/mem_b?view=full").await.expect(200);
    assert_eq!(
        (&memory["content"], &memory["created_at"]),
        (&json!("second"), &json!("2026-11-02T00:00:00Z"))
    );
    let past = server.get("/v1/memory_stores/memstore_past").await.expect(200);
    assert_eq!(past["archived_at"], "2026-11-04T00:00:00Z");

    let deployment = server.get("/v1/deployments/depl_one").await.expect(200);
    assert_eq!((&deployment["status"], &deployment["agent"]["version"]), (&json!("paused"), &json!(1)));

    let tools = server.get("/v1/sessions/sesn_tools").await.expect(200);
    assert_eq!((&tools["status"], &tools["deployment_id"]), (&json!("running"), &json!("depl_one")));
    assert_eq!(
        (&tools["updated_at"], &tools["stats"]["duration_seconds"]),
        (&json!("2026-11-02T00:01:00Z"), &json!(60.0))
    );
    let events = json!(server.all("/v1/sessions/sesn_tools/events?order=asc", 2).await);
    assert_eq!(of(&events, "id"), ["sevt_1", "sevt_2", "sevt_3"]);
    assert_eq!(of(&events, "processed_at")[1], "2026-11-02T00:00:00Z", "as old as its session");

    let talk = json!(server.all("/v1/sessions/sesn_talk/events?order=asc", 20).await);
    assert_eq!(of(&talk, "type"), ["user.message", "agent.message", "session.status_terminated"]);
    assert_eq!(talk[1]["content"], json!([{"type": "text", "text": "12 km."}]));
    assert_eq!(of(&talk, "processed_at")[1..], ["2026-11-01T12:00:05Z", "2026-11-03T12:00:00Z"]);

    let body = json!({"inputs": [
        {"type": "memory_store", "memory_store_id": "memstore_notes"},
        {"type": "sessions", "session_ids": ["sesn_talk"]},
    ], "model": "offline"});
    let dream = server.post("/v1/dreams", &body).await.expect(200);
    assert_eq!(dream["status"], "pending", "a seeded session can be dreamt of");
}

#[tokio::test]
async fn a_second_start_changes_nothing() {
    let server = Server::start().await;
    // Nothing here has an id or a time of its own, and two are alike.
    let nameless = "\
agents: [{name: a, model: m, metadata: {}}, {name: a, model: m, metadata: {}}]
environments: [{name: e}]
stores: [{name: s, memories: {/a.md: text}}]
sessions:
  - {agent: agent_one, environment_id: env_one, messages: [{user: Hello.}]}
";
    server.local.seed(&world(WORLD)).unwrap();
    let made = server.local.seed(&world(nameless)).unwrap();
    assert_eq!((made.agents, made.memories, made.events, made.known), (2, 1, 1, 0));
    server.post("/v1/memory_stores/memstore_notes", &json!({"name": "renamed"})).await.expect(200);
    let before = shown(&server).await;
    server.clock.advance(jiff::SignedDuration::from_secs(60));
    for (text, known) in [(WORLD, 8), (nameless, 5)] {
        let again = server.local.seed(&world(text)).unwrap();
        assert_eq!(again, Seeded { known, ..Seeded::default() });
    }
    assert_eq!(shown(&server).await, before);

    let more = format!("{WORLD}  - {{id: sesn_new, agent: agent_one, environment_id: env_one}}\n");
    let again = server.local.seed(&world(&more)).unwrap();
    assert_eq!(again, Seeded { sessions: 1, known: 8, ..Seeded::default() });
}

#[tokio::test]
async fn json_is_read_as_well() {
    let server = Server::start().await;
    let text = "{\n\t\"stores\": [\n\t\t{\"id\": \"memstore_j\", \"name\": \"a\\/b \\u00e9\"}\n\t]\n}\n";
    assert_eq!(server.local.seed(&world(text)).unwrap().stores, 1);
    let store = server.get("/v1/memory_stores/memstore_j").await.expect(200);
    assert_eq!((&store["name"], &store["created_at"]), (&json!("a/b é"), &json!("2026-11-20T09:00:00Z")));
}

/// Returns what is wrong with a world, as `line:column code label`, and what would help.
fn wrong(server: &Server, text: &str) -> String {
    let told = |problem: &Problem| {
        let place = problem.place.as_ref().unwrap();
        let help = problem.help.iter().map(|help| format!(" ({help})")).collect::<String>();
        format!("{}:{} {} {}{help}", place.line, place.column, problem.code, problem.label)
    };
    let world = match World::read(SourceFile::new("world.yaml", text)) {
        Ok(world) => world,
        Err(problems) => return problems.iter().map(told).collect::<Vec<_>>().join("\n"),
    };
    match server.local.seed(&world) {
        Err(SeedError::Invalid(problem)) => told(&problem),
        other => panic!("{text}: {other:?}"),
    }
}

#[tokio::test]
async fn a_file_that_breaks_a_rule_is_refused_with_the_place_and_nothing_is_kept() {
    let server = Server::start().await;
    let long = "x".repeat(256);
    let start = "\
agents: [{id: agent_1, name: a, model: m}]
environments: [{id: env_1, name: e}]
stores: [{id: memstore_1, name: s}]
";
    let session =
        |more: &str| format!("{start}sessions:\n  - agent: agent_1\n    environment_id: env_1\n{more}");
    let cases = [
        ("stores: [\n".to_owned(), "2:1 DR0101 while parsing a node, did not find expected node content"),
        (
            "stores: []\nstores: []\n".to_owned(),
            "2:1 DR0103 `stores` is set a second time here (keep one of the two; the first is on line 1)",
        ),
        ("store: []\n".to_owned(), "1:1 DR0201 there is no such key here (did you mean `stores`?)"),
        ("stores: {}\n".to_owned(), "1:1 DR0203 expected a list"),
        ("stores:\n  - memstore_1\n".to_owned(), "2:5 DR0203 expected a mapping"),
        (
            "stores:\n  - nmae: a\n    name: b\n".to_owned(),
            "2:5 DR0201 there is no such key here (did you mean `name`?)",
        ),
        (
            "stores:\n  - name: b\n    created: 2026-11-01T00:00:00Z\n".to_owned(),
            "3:5 DR0201 there is no such key here (known here: `id`, `created_at`, `updated_at`, `archived_at`, `memories`, `name`, `description`, `metadata`)",
        ),
        ("stores:\n  - description: b\n".to_owned(), "2:5 DR0206 this needs the key `name` (add `name:`)"),
        (
            format!("stores:\n  - id: memstore_1\n    name: {long}\n"),
            "3:11 DR0601 256 characters, allowed are 1 to 255 without control characters",
        ),
        (
            "stores:\n  - {id: store_1, name: s}\n".to_owned(),
            "2:10 DR0601 must be `memstore_` and letters, digits, `_` or `-` after it, 64 characters at most",
        ),
        (
            "stores:\n  - {id: memstore_1, name: s}\n  - {name: t, id: memstore_1}\n".to_owned(),
            "3:19 DR0601 the id `memstore_1` is given twice",
        ),
        (
            "stores:\n  - {name: s, created_at: yesterday}\n".to_owned(),
            "2:27 DR0601 must be an RFC 3339 time, as `2026-11-20T09:00:00Z`",
        ),
        (
            "stores:\n  - {name: s, created_at: 2026-11-02T00:00:00Z, archived_at: 2026-11-01T00:00:00Z}\n"
                .to_owned(),
            "2:62 DR0601 must not be before 2026-11-02T00:00:00Z",
        ),
        (
            "stores:\n  - name: s\n    memories:\n      /a.md: x\n      a.md: y\n".to_owned(),
            "5:13 DR0601 path: path must start with `/` and name something",
        ),
        (
            "stores:\n  - name: s\n    memories:\n      /a: x\n      /a/b: y\n".to_owned(),
            "5:13 DR0601 `/a/b` cannot stand beside `/a`",
        ),
        ("stores:\n  - name: s\n    memories:\n      /a: 1\n".to_owned(), "4:11 DR0601 expected text"),
        (
            "stores:\n  - name: s\n    memories:\n      - {path: /a, content: x, size: 1}\n".to_owned(),
            "4:32 DR0201 there is no such key here (known here: `id`, `created_at`, `path`, `content`)",
        ),
        (
            format!("stores:\n  - name: s\n    memories:\n      /a: {}\n", "x".repeat(102_401)),
            "4:11 DR0601 content: request validation failed: 102401 bytes, allowed are 102400",
        ),
        (
            "agents:\n  - {name: a, model: m, tools: [{type: custom}]}\n".to_owned(),
            "2:34 DR0601 tools[0].name: field required",
        ),
        (
            format!("{start}sessions:\n  - {{agent: agent_2, environment_id: env_1}}\n"),
            "5:13 DR0601 there is no agent `agent_2`",
        ),
        (
            format!("{start}sessions:\n  - agent: agent_1\n"),
            "5:5 DR0206 this needs the key `environment_id` (add `environment_id:`)",
        ),
        (
            session("    resources: [{type: memory_store, memory_store_id: memstore_2}]\n"),
            "7:55 DR0601 there is no memory store `memstore_2`",
        ),
        (session("    deployment_id: depl_1\n"), "7:20 DR0601 there is no deployment `depl_1`"),
        (
            session("    messages:\n      - user: a\n      - bot: b\n"),
            "9:9 DR0601 a message is either `user: TEXT` or `agent: TEXT`",
        ),
        (
            session("    messages:\n      - user: a\n        when: b\n"),
            "9:9 DR0201 there is no such key here (known here: `at`, `user`, `agent`)",
        ),
        (
            session("    events:\n      - {type: user.message, content: []}\n"),
            "8:30 DR0601 must hold at least one block",
        ),
        (
            session("    events:\n      - {type: agent.dance}\n"),
            "8:16 DR0601 `agent.dance` is not an event that callers send",
        ),
        (
            session(
                "    events:\n      - {type: user.tool_confirmation, tool_use_id: sevt_9, result: allow}\n",
            ),
            "8:53 DR0601 the session has no such tool use `sevt_9`",
        ),
        (
            session(
                "    events:\n      - {type: session.status_running}\n    archived_at: 2026-11-21T00:00:00Z\n    id: sesn_1\n",
            ),
            "10:9 DR0601 session `sesn_1` is running and cannot be archived",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(wrong(&server, &text), expected, "{}", &text[..text.len().min(400)]);
    }
    for path in ["/v1/agents", "/v1/environments", "/v1/sessions", "/v1/memory_stores"] {
        assert_eq!(server.all(path, 20).await, Vec::<Value>::new(), "{path}");
    }
}
