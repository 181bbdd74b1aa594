//! Dreams over HTTP: section 3.1 of the reference, rule by rule.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dreamrun::backend::local::{DreamFault, Pace, Serving};
use dreamrun::backend::{Backend, SessionQuery};
use dreamrun::ids::{MemoryStoreId, SessionId};
use dreamrun::memory::{ContentHash, MemoryPath, MemoryWrite};
use dreamrun::server::Options;
use dreamrun::spec::pipeline::SessionSource;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::Server;
use crate::support::{CountingMind, FailingMind, GatedMind, NamedMinds, write_session};

/// How long a test waits for something that has to come.
const DEADLINE: Duration = Duration::from_secs(30);

/// Carries dreams out at once, with a mind of that name.
fn at_once(mind: &'static str) -> impl FnOnce(&mut Options) {
    paced(mind, Pace::NONE)
}

fn paced(mind: &'static str, pace: Pace) -> impl FnOnce(&mut Options) {
    move |options| {
        options.mind = mind.into();
        options.serving = Serving { pace, ..Serving::default() };
    }
}

/// Starts a server whose dreams read no session before they may.
async fn gated() -> (Server, Arc<GatedMind>) {
    let mind = Arc::new(GatedMind::default());
    let minds = NamedMinds::default().with_shared("gated", Arc::clone(&mind) as _);
    (Server::with_minds(Arc::new(minds), at_once("gated")).await, mind)
}

/// Starts a server whose dreams learn what users said.
async fn learning() -> Server {
    let minds = NamedMinds::default().with("counting", CountingMind::default());
    Server::with_minds(Arc::new(minds), at_once("counting")).await
}

fn path(text: &str) -> MemoryPath {
    MemoryPath::parse(text).unwrap()
}

/// Makes a store.
async fn store(server: &Server, name: &str, memories: &[(&str, &str)]) -> MemoryStoreId {
    let id = server.local.create_store(name).unwrap().id;
    for (at, content) in memories {
        put(server, &id, at, content, None).await;
    }
    id
}

/// Writes to a store as an agent would.
async fn put(server: &Server, id: &MemoryStoreId, at: &str, content: &str, over: Option<&str>) {
    let expected = over.map(ContentHash::of);
    let write = MemoryWrite::Put { path: path(at), content: content.into(), expected };
    server.local.write(id, &[write]).await.unwrap();
}

/// Returns what a store holds.
async fn held(server: &Server, id: &str) -> Vec<(String, String)> {
    let snapshot = server.local.snapshot(&MemoryStoreId::parse(id).unwrap()).await.unwrap();
    snapshot.iter().map(|memory| (memory.path.to_string(), memory.content.to_string())).collect()
}

/// Makes sessions in which a user says one thing each.
async fn sessions(server: &Server, said: &[&str]) -> Vec<SessionId> {
    let ids: Vec<SessionId> =
        (0..said.len()).map(|i| SessionId::parse(format!("s{i:03}")).unwrap()).collect();
    for (id, words) in ids.iter().zip(said) {
        let file = server.folder().join(format!("{id}.jsonl"));
        write_session(&file, id.as_str(), "2026-11-01T08:00:00Z", &[words]);
    }
    let query = SessionQuery { sources: vec![SessionSource::Files(vec!["*.jsonl".to_owned()])], since: None };
    server.local.sessions(&query).await.unwrap();
    ids
}

fn body(store: &MemoryStoreId, sessions: &[SessionId]) -> Value {
    json!({
        "inputs": [
            {"type": "memory_store", "memory_store_id": store},
            {"type": "sessions", "session_ids": sessions},
        ],
        "model": "claude-opus-5",
    })
}

fn updating(store: &MemoryStoreId, sessions: &[SessionId]) -> Value {
    let mut body = body(store, sessions);
    body["output_behavior"] = json!({"type": "update_existing", "memory_store_id": store});
    body
}

async fn create(server: &Server, body: &Value) -> Value {
    server.post("/v1/dreams", body).await.expect(200)
}

fn id(dream: &Value) -> &str {
    dream["id"].as_str().unwrap()
}

/// Returns a dream as it is now.
async fn now(server: &Server, dream: &Value) -> Value {
    server.get(&format!("/v1/dreams/{}", id(dream))).await.expect(200)
}

/// Looks until a dream is as it is meant to be.
async fn until(server: &Server, dream: &Value, is_it: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let seen = now(server, dream).await;
        if is_it(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "{seen}");
        tokio::task::yield_now().await;
    }
}

async fn ended(server: &Server, dream: &Value) -> Value {
    until(server, dream, |dream| !dream["ended_at"].is_null()).await
}

fn output(dream: &Value) -> &str {
    dream["outputs"][0]["memory_store_id"].as_str().unwrap()
}

#[tokio::test]
async fn a_new_dream_answers_as_the_reference_shows_it() {
    let (server, _mind) = gated().await;
    let store = store(&server, "notes", &[("/a", "one")]).await;
    let sessions = sessions(&server, &["first", "second"]).await;
    let backwards: Vec<SessionId> = sessions.iter().rev().cloned().collect();
    let dream = create(&server, &body(&store, &backwards)).await;
    assert_eq!(
        dream,
        json!({
            "type": "dream", "id": dream["id"], "status": "pending",
            "inputs": [
                {"type": "memory_store", "memory_store_id": store},
                {"type": "sessions", "session_ids": ["s000", "s001"]},
            ],
            "outputs": [], "model": {"id": "claude-opus-5", "speed": "standard"}, "instructions": null,
            "output_behavior": {"type": "create_new"}, "session_id": null,
            "created_at": "2026-11-20T09:00:00Z", "ended_at": null, "archived_at": null,
            "usage": {
                "input_tokens": 0, "output_tokens": 0,
                "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0
            },
            "error": null,
        })
    );
    assert!(id(&dream).starts_with("drm_"));
    let mut asked = body(&store, &sessions);
    asked["model"] = json!({"id": "claude-sonnet-5", "speed": "standard"});
    asked["instructions"] = json!("é".repeat(4_096));
    asked["output_behavior"] = json!({"type": "create_new"});
    let dream = create(&server, &asked).await;
    assert_eq!(dream["model"], json!({"id": "claude-sonnet-5", "speed": "standard"}));
    assert_eq!(dream["instructions"], asked["instructions"]);
}

#[tokio::test]
async fn a_dream_can_be_seen_pending_and_running_before_it_completes() {
    let mind = Arc::new(GatedMind::default());
    let minds = NamedMinds::default().with_shared("gated", Arc::clone(&mind) as _);
    let pace = Pace { pending: Duration::from_millis(500), running: Duration::from_secs(1) };
    let server = Server::with_minds(Arc::new(minds), paced("gated", pace)).await;
    let store = store(&server, "notes", &[("/a", "one")]).await;
    let sessions = sessions(&server, &["first", "second"]).await;
    let asked = create(&server, &body(&store, &sessions)).await;
    assert_eq!(now(&server, &asked).await, asked);

    let running = until(&server, &asked, |dream| dream["status"] == "running").await;
    assert_eq!((&running["outputs"], &running["ended_at"]), (&json!([]), &Value::Null));
    assert!(running["session_id"].as_str().unwrap().starts_with("sesn_"));
    let cloned = until(&server, &asked, |dream| dream["outputs"] != json!([])).await;
    assert_eq!(cloned["status"], "running");
    assert_ne!(output(&cloned), store.as_str());
    assert_eq!(held(&server, output(&cloned)).await, [("/a".to_owned(), "one".to_owned())]);
    assert_eq!(cloned["usage"]["input_tokens"], 0);

    mind.allow(2);
    let counted = until(&server, &asked, |dream| dream["usage"]["input_tokens"] == 20).await;
    assert_eq!(counted["status"], "running");
    let done = ended(&server, &asked).await;
    assert_eq!((&done["status"], &done["error"]), (&json!("completed"), &Value::Null));
    assert!(done["usage"]["output_tokens"].as_u64().unwrap() > 0);
    assert_eq!((&done["session_id"], output(&done)), (&running["session_id"], output(&cloned)));
    let learned = "- s000: [\"first\"]\n- s001: [\"second\"]\n".to_owned();
    let whole = [("/a".to_owned(), "one".to_owned()), ("/learned.md".to_owned(), learned)];
    assert_eq!(held(&server, output(&done)).await, whole);
    assert_eq!(held(&server, store.as_str()).await, [("/a".to_owned(), "one".to_owned())]);
    let made = server.local.store(&MemoryStoreId::parse(output(&done)).unwrap()).await.unwrap();
    assert_eq!(made.name, "notes");
    assert_eq!(now(&server, &asked).await, done);
}

#[tokio::test]
async fn every_rule_of_a_create_body_is_told_by_the_field_it_is_about() {
    let server = learning().await;
    let store = store(&server, "notes", &[]).await;
    let sessions = sessions(&server, &["first"]).await;
    let good = body(&store, &sessions);
    let memory_store = good["inputs"][0].clone();
    let of = |ids: Value| json!({"type": "sessions", "session_ids": ids});
    let many: Vec<String> = (0..101).map(|i| format!("s{i}")).collect();
    let cases = [
        ("inputs", json!([]), "inputs: an input of type memory_store is required"),
        ("inputs", json!([memory_store]), "inputs: an input of type sessions is required"),
        ("inputs", json!({}), "inputs: invalid type"),
        ("inputs", json!(["x"]), "inputs[0]: must be an object"),
        ("inputs", json!([{"type": "files"}]), "inputs[0].type: must be memory_store or sessions"),
        ("inputs", json!([{}]), "inputs[0].type: is required"),
        ("inputs", json!([memory_store, memory_store]), "inputs[1].type: a second input"),
        ("inputs", json!([{"type": "memory_store"}]), "inputs[0].memory_store_id: is required"),
        ("inputs", json!([memory_store, of(json!([]))]), "inputs.session_ids: 0 ids, allowed are 1 to 100"),
        ("inputs", json!([memory_store, of(json!(many))]), "inputs.session_ids: 101 ids"),
        (
            "inputs",
            json!([memory_store, of(json!(["s000", "s000"]))]),
            "inputs.session_ids: `s000` is listed twice",
        ),
        ("inputs", json!([memory_store, of(json!([1]))]), "inputs[1].session_ids[0]: must be a text"),
        ("inputs", json!([memory_store, of(json!("s000"))]), "inputs[1].session_ids: must be an array"),
        (
            "inputs",
            json!([{"type": "memory_store", "memory_store_id": store, "view": "full"}]),
            "inputs[0].view: extra inputs are not permitted",
        ),
        ("model", json!(1), "model: must be a text or an object"),
        ("model", json!(""), "model: 0 characters, allowed are 1 to 256"),
        ("model", json!("gpt"), "model: `gpt` does not dream here; these do: claude-opus-5, "),
        ("model", json!({"id": "gpt"}), "model.id: `gpt` does not dream here"),
        ("model", json!({"speed": "standard"}), "model.id: is required"),
        ("model", json!({"id": "claude-opus-5", "speed": "fast"}), "model.speed: dreams run at `standard`"),
        ("model", json!({"id": "claude-opus-5", "effort": 1}), "model.effort: extra inputs"),
        ("instructions", json!(""), "instructions: 0 characters, allowed are 1 to 4096"),
        ("instructions", json!("x".repeat(4_097)), "instructions: 4097 characters"),
        ("instructions", json!([]), "instructions: invalid type"),
        ("output_behavior", json!({"type": "replace"}), "output_behavior.type: must be create_new or"),
        (
            "output_behavior",
            json!({"type": "update_existing"}),
            "output_behavior.memory_store_id: is required",
        ),
        (
            "output_behavior",
            json!({"type": "update_existing", "memory_store_id": "memstore_other"}),
            "output_behavior.memory_store_id: must be the input store",
        ),
        (
            "output_behavior",
            json!({"type": "create_new", "memory_store_id": store}),
            "output_behavior.memory_store_id: extra",
        ),
        ("metadata", json!({}), "metadata: unknown field"),
    ];
    for (field, value, told) in cases {
        let mut body = good.clone();
        body[field] = value;
        let message = server.post("/v1/dreams", &body).await.refused(400, "invalid_request_error");
        assert!(message.starts_with(told), "{field}: {message}");
    }
    for field in ["inputs", "model"] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(field);
        let message = server.post("/v1/dreams", &body).await.refused(400, "invalid_request_error");
        assert!(message.contains(field), "{message}");
    }
    assert!(server.all("/v1/dreams", 100).await.is_empty());
    let mut nulls = good.clone();
    nulls["instructions"] = Value::Null;
    nulls["output_behavior"] = Value::Null;
    nulls["model"] = json!("offline");
    create(&server, &nulls).await;
}

#[tokio::test]
async fn a_dream_reads_what_is_there() {
    let server = learning().await;
    let store = store(&server, "notes", &[]).await;
    let sessions = sessions(&server, &["first"]).await;
    let unknown = MemoryStoreId::parse("memstore_unknown").unwrap();
    let message = server.post("/v1/dreams", &body(&unknown, &sessions)).await.refused(404, "not_found_error");
    assert!(message.contains("memstore_unknown"), "{message}");
    let gone = [sessions[0].clone(), SessionId::parse("sesn_gone").unwrap()];
    let message = server.post("/v1/dreams", &body(&store, &gone)).await.refused(404, "not_found_error");
    assert!(message.contains("sesn_gone"), "{message}");
    for path in ["/v1/dreams/drm_unknown", "/v1/dreams/%20"] {
        server.get(path).await.refused(404, "not_found_error");
    }
    for act in ["cancel", "archive"] {
        server.post_empty(&format!("/v1/dreams/drm_unknown/{act}")).await.refused(404, "not_found_error");
    }
}

#[tokio::test]
async fn an_unfinished_dream_is_canceled_at_once_and_an_ended_one_is_not() {
    let pace = Pace { pending: DEADLINE, running: Duration::ZERO };
    let server = Server::with(paced("offline", pace)).await;
    let store = store(&server, "notes", &[]).await;
    let sessions = sessions(&server, &["first"]).await;
    let pending = create(&server, &body(&store, &sessions)).await;
    let cancel = format!("/v1/dreams/{}/cancel", id(&pending));
    server.clock.advance(SignedDuration::from_secs(5));
    let canceled = server.post_empty(&cancel).await.expect(200);
    assert_eq!((&canceled["status"], &canceled["outputs"]), (&json!("canceled"), &json!([])));
    assert_eq!(canceled["ended_at"], "2026-11-20T09:00:05Z");
    assert_eq!((&canceled["session_id"], &canceled["error"]), (&Value::Null, &Value::Null));
    server.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(server.post_empty(&cancel).await.expect(200), canceled);

    let (server, mind) = gated().await;
    let store = super::dreams::store(&server, "notes", &[]).await;
    let sessions = super::dreams::sessions(&server, &["first"]).await;
    let running = create(&server, &body(&store, &sessions)).await;
    until(&server, &running, |dream| dream["outputs"] != json!([])).await;
    let canceled = server.post_empty(&format!("/v1/dreams/{}/cancel", id(&running))).await.expect(200);
    assert_eq!(canceled["status"], "canceled");
    assert!(server.local.store(&MemoryStoreId::parse(output(&canceled)).unwrap()).await.is_ok());

    mind.allow(10);
    let done = ended(&server, &create(&server, &body(&store, &sessions)).await).await;
    let message = server.post_empty(&format!("/v1/dreams/{}/cancel", id(&done))).await;
    assert!(message.refused(400, "invalid_request_error").contains("has completed"));
}

#[tokio::test]
async fn only_an_ended_dream_is_archived_and_only_once() {
    let (server, mind) = gated().await;
    let store = store(&server, "notes", &[]).await;
    let sessions = sessions(&server, &["first"]).await;
    let dream = create(&server, &body(&store, &sessions)).await;
    let archive = format!("/v1/dreams/{}/archive", id(&dream));
    server.post_empty(&archive).await.refused(400, "invalid_request_error");
    until(&server, &dream, |dream| dream["status"] == "running").await;
    server.post_empty(&archive).await.refused(400, "invalid_request_error");
    mind.allow(1);
    let done = ended(&server, &dream).await;
    server.clock.advance(SignedDuration::from_secs(5));
    let archived = server.post_empty(&archive).await.expect(200);
    let mut expected = done;
    expected["archived_at"] = json!("2026-11-20T09:00:05Z");
    assert_eq!(archived, expected);
    server.clock.advance(SignedDuration::from_secs(5));
    assert_eq!(server.post_empty(&archive).await.expect(200), archived);
    assert_eq!(now(&server, &dream).await, archived);
    assert!(server.all("/v1/dreams", 10).await.is_empty());
    assert_eq!(server.all("/v1/dreams?include_archived=true", 10).await, [archived]);
}

#[tokio::test]
async fn a_list_goes_from_the_newest_on_and_says_when_it_ends() {
    let server = learning().await;
    let empty = server.get("/v1/dreams").await.expect(200);
    assert_eq!(empty, json!({"data": [], "next_page": null}));
    let store = store(&server, "notes", &[]).await;
    let sessions = sessions(&server, &["first"]).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(create(&server, &body(&store, &sessions)).await);
        server.clock.advance(SignedDuration::from_secs(1));
    }
    for dream in &mut made {
        *dream = ended(&server, dream).await;
    }
    made.reverse();
    for limit in [1, 2, 4, 5, 100] {
        assert_eq!(server.all("/v1/dreams", limit).await, made, "{limit}");
    }
    let whole = server.get("/v1/dreams?limit=5").await.expect(200);
    assert_eq!(whole["next_page"], Value::Null);
    let between = "created_at%5Bgt%5D=2026-11-20T09:00:01Z&created_at[lt]=2026-11-20T09:00:04%2B00:00";
    assert_eq!(server.all(&format!("/v1/dreams?{between}"), 1).await, made[1..3]);
    assert_eq!(server.all("/v1/dreams?statuses[]=completed&statuses[]=failed", 2).await, made);
    assert!(server.all("/v1/dreams?statuses%5B%5D=pending", 2).await.is_empty());
    for query in ["limit=0", "limit=101", "statuses[]=done", "page=x", "created_at[gt]=soon"] {
        server.get(&format!("/v1/dreams?{query}")).await.refused(400, "invalid_request_error");
    }
}

#[tokio::test]
async fn one_dream_at_a_time_may_update_a_store() {
    let (server, mind) = gated().await;
    let store = store(&server, "notes", &[("/a", "one")]).await;
    let sessions = sessions(&server, &["first"]).await;
    let first = create(&server, &updating(&store, &sessions)).await;
    assert_eq!(first["output_behavior"], json!({"type": "update_existing", "memory_store_id": store}));
    let refused = server.post("/v1/dreams", &updating(&store, &sessions)).await;
    assert_eq!(refused.header("x-should-retry"), Some("false"));
    assert!(refused.refused(409, "conflict_error").contains(id(&first)));
    let beside = create(&server, &body(&store, &sessions)).await;

    let running = until(&server, &first, |dream| dream["outputs"] != json!([])).await;
    assert_eq!(output(&running), store.as_str());
    server.post_empty(&format!("/v1/dreams/{}/cancel", id(&first))).await.expect(200);
    let second = create(&server, &updating(&store, &sessions)).await;
    mind.allow(10);
    assert_eq!(ended(&server, &beside).await["status"], "completed");
    let done = ended(&server, &second).await;
    assert_eq!((&done["status"], output(&done)), (&json!("completed"), store.as_str()));
    let learned = "- s000: [\"first\"]\n".to_owned();
    let whole = [("/a".to_owned(), "one".to_owned()), ("/learned.md".to_owned(), learned)];
    assert_eq!(held(&server, store.as_str()).await, whole);
}

#[tokio::test]
async fn a_dream_that_updates_a_store_leaves_alone_what_agents_wrote_meanwhile() {
    let (server, mind) = gated().await;
    let store = store(&server, "notes", &[("/learned.md", "old"), ("/a", "one")]).await;
    let sessions = sessions(&server, &["first"]).await;
    let dream = create(&server, &updating(&store, &sessions)).await;
    until(&server, &dream, |dream| dream["outputs"] != json!([])).await;
    put(&server, &store, "/learned.md", "newer", Some("old")).await;
    put(&server, &store, "/b", "two", None).await;
    mind.allow(1);
    assert_eq!(ended(&server, &dream).await["status"], "completed");
    let whole = [("/a", "one"), ("/b", "two"), ("/learned.md", "newer")];
    assert_eq!(held(&server, store.as_str()).await, whole.map(|(at, text)| (at.to_owned(), text.to_owned())));
}

#[tokio::test]
async fn a_dream_of_a_session_that_is_not_there_is_refused_by_its_name() {
    let server = learning().await;
    let store = store(&server, "notes", &[]).await;
    let nobody = SessionId::parse("sesn_01nobody").unwrap();
    let refused = server.post("/v1/dreams", &body(&store, &[nobody])).await;
    let told = refused.refused(404, "not_found_error");
    assert!(told.contains("there is no session `sesn_01nobody`"), "{told}");
}

#[tokio::test]
async fn a_dream_that_cannot_be_started_at_once_is_started_later() {
    let server = learning().await;
    let store = store(&server, "notes", &[("/a", "one")]).await;
    let sessions = sessions(&server, &["first"]).await;
    // Where the claims to dreams would be.
    let in_the_way = server.folder().join("local.db-dreams");
    std::fs::write(&in_the_way, "").unwrap();
    let made = create(&server, &body(&store, &sessions)).await;
    let updated = create(&server, &updating(&store, &sessions)).await;
    std::fs::remove_file(&in_the_way).unwrap();
    for dream in [&made, &updated] {
        assert_eq!(ended(&server, dream).await["status"], "completed");
    }
}

#[tokio::test]
async fn a_dream_that_makes_a_store_leaves_alone_what_was_written_there_meanwhile() {
    let (server, mind) = gated().await;
    let store = store(&server, "notes", &[("/learned.md", "old"), ("/a", "one"), ("/c", "three")]).await;
    let sessions = sessions(&server, &["first"]).await;
    let dream = create(&server, &body(&store, &sessions)).await;
    let running = until(&server, &dream, |dream| dream["outputs"] != json!([])).await;
    let made = MemoryStoreId::parse(output(&running)).unwrap();
    put(&server, &made, "/a", "newer", Some("one")).await;
    put(&server, &made, "/b", "two", None).await;
    mind.allow(1);
    assert_eq!(ended(&server, &dream).await["status"], "completed");
    let learned = "- s000: [\"first\"]\n";
    let whole = [("/a", "newer"), ("/b", "two"), ("/c", "three"), ("/learned.md", learned)];
    assert_eq!(held(&server, made.as_str()).await, whole.map(|(at, text)| (at.to_owned(), text.to_owned())));
}

#[tokio::test]
async fn a_dream_whose_input_store_goes_away_fails_with_the_documented_error() {
    let (server, _mind) = gated().await;
    let sessions = sessions(&server, &["first"]).await;
    for is_archived in [false, true] {
        let store = store(&server, "notes", &[("/a", "one")]).await;
        let dream = create(&server, &body(&store, &sessions)).await;
        until(&server, &dream, |dream| dream["outputs"] != json!([])).await;
        if is_archived {
            server.post_empty(&format!("/v1/memory_stores/{store}/archive")).await.expect(200);
        } else {
            server.delete(&format!("/v1/memory_stores/{store}")).await.expect(200);
        }
        let failed = now(&server, &dream).await;
        assert_eq!((&failed["status"], failed["ended_at"].is_null()), (&json!("failed"), false));
        assert_eq!(failed["error"]["type"], "input_memory_store_unavailable");
        let refused = server.post("/v1/dreams", &body(&store, &sessions)).await;
        assert_eq!(refused.status, if is_archived { 400 } else { 404 });
    }
}

#[tokio::test]
async fn what_a_dream_writes_is_signed_by_its_session() {
    let server = learning().await;
    let sessions = sessions(&server, &["first"]).await;
    let store = store(&server, "notes", &[("/a", "one")]).await;
    for asked in [body(&store, &sessions), updating(&store, &sessions)] {
        let dream = ended(&server, &create(&server, &asked).await).await;
        let session = dream["session_id"].as_str().unwrap();
        let versions = format!("/v1/memory_stores/{}/memory_versions", output(&dream));
        let signed = server.all(&format!("{versions}?session_id={session}"), 100).await;
        let newest = &server.all(&versions, 100).await[0];
        assert_eq!((newest, &newest["path"]), (&signed[0], &json!("/learned.md")));
        assert_eq!(newest["created_by"], json!({"type": "session_actor", "session_id": session}));
    }
}

#[tokio::test]
async fn a_mind_that_gives_up_fails_the_dream_with_its_reason() {
    let minds = NamedMinds::default().with("failing", FailingMind);
    let server = Server::with_minds(Arc::new(minds), at_once("failing")).await;
    let store = store(&server, "notes", &[]).await;
    let sessions = sessions(&server, &["first"]).await;
    let failed = ended(&server, &create(&server, &body(&store, &sessions)).await).await;
    assert_eq!(failed["status"], "failed");
    assert_eq!(failed["error"], json!({"type": "timeout", "message": "ran out of time"}));
    let cancel = format!("/v1/dreams/{}/cancel", id(&failed));
    server.post_empty(&cancel).await.refused(400, "invalid_request_error");
}

#[tokio::test]
async fn a_dream_goes_wrong_where_the_server_is_told_so() {
    let kinds = [
        "timeout",
        "internal_error",
        "memory_store_org_limit_exceeded",
        "input_memory_store_too_large",
        "input_memory_store_unavailable",
        "input_session_unavailable",
    ];
    let server = Server::with(move |options| {
        options.serving = Serving {
            pace: Pace::NONE,
            fault: Arc::new(move |number| match number {
                1..=6 => Some(DreamFault::Fail(kinds[number as usize - 1].to_owned())),
                7 => Some(DreamFault::NoOutput),
                8 => Some(DreamFault::Vanish),
                _ => None,
            }),
        };
    })
    .await;
    let store = store(&server, "notes", &[("/a", "one")]).await;
    let sessions = sessions(&server, &["first"]).await;
    for kind in kinds {
        let dream = ended(&server, &create(&server, &body(&store, &sessions)).await).await;
        assert_eq!((&dream["status"], &dream["error"]["type"]), (&json!("failed"), &json!(kind)));
        let has_output = dream["outputs"] != json!([]);
        let comes_first = ["memory_store_org_limit_exceeded", "input_memory_store_too_large"].contains(&kind);
        assert_eq!(has_output, !comes_first, "{kind}");
    }
    let dream = ended(&server, &create(&server, &body(&store, &sessions)).await).await;
    assert_eq!((&dream["status"], &dream["outputs"]), (&json!("completed"), &json!([])));
    let dream = ended(&server, &create(&server, &body(&store, &sessions)).await).await;
    assert_eq!(dream["status"], "completed");
    assert!(server.local.store(&MemoryStoreId::parse(output(&dream)).unwrap()).await.is_err());
    let dream = ended(&server, &create(&server, &body(&store, &sessions)).await).await;
    assert_eq!(held(&server, output(&dream)).await, [("/a".to_owned(), "one".to_owned())]);
}

/// Records a session in which a user says something.
async fn recorded(server: &Server, words: &str) -> SessionId {
    let agent =
        server.post("/v1/agents", &json!({"name": "helper", "model": "claude-opus-5"})).await.expect(200);
    let config = json!({"name": "none", "config": {"type": "self_hosted"}});
    let environment = server.post("/v1/environments", &config).await.expect(200);
    let asked = json!({"agent": agent["id"], "environment_id": environment["id"]});
    let session = server.post("/v1/sessions", &asked).await.expect(200);
    let said = json!({"type": "user.message", "content": [{"type": "text", "text": words}]});
    let events = format!("/v1/sessions/{}/events", session["id"].as_str().unwrap());
    server.post(&events, &json!({"events": [said]})).await.expect(200);
    SessionId::parse(session["id"].as_str().unwrap()).unwrap()
}

/// Returns the events of a dream's worker session.
async fn told(server: &Server, dream: &Value) -> Vec<Value> {
    let session = dream["session_id"].as_str().unwrap();
    server.get(&format!("/v1/sessions/{session}/events?limit=1000")).await.expect(200)["data"]
        .as_array()
        .unwrap()
        .clone()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_worker_session_tells_what_its_dream_reads_and_writes() {
    let server = learning().await;
    let store = store(&server, "My Notes", &[("/learned.md", "old\n")]).await;
    let sessions = [recorded(&server, "first").await, recorded(&server, "second").await];
    let dream = ended(&server, &create(&server, &body(&store, &sessions)).await).await;
    assert_eq!(dream["status"], "completed");
    let events = told(&server, &dream).await;
    assert_eq!(
        kinds(&events),
        [
            "session.status_running",
            "agent.message",
            "span.model_request_start",
            "agent.tool_use",
            "agent.tool_use",
            "span.model_request_end",
            "agent.tool_result",
            "agent.tool_result",
            "span.model_request_start",
            "agent.tool_use",
            "span.model_request_end",
            "agent.tool_result",
            "agent.message",
            "session.usage",
            "session.status_idle",
            "session.status_terminated",
        ]
    );
    let words = events[1]["content"][0]["text"].as_str().unwrap();
    assert!(words.contains("model `claude-opus-5`") && words.contains("mind `counting`"), "{words}");
    let mut read: Vec<&str> =
        events[3..5].iter().map(|event| event["input"]["file_path"].as_str().unwrap()).collect();
    read.sort_unstable();
    let mut expected = sessions.each_ref().map(|id| format!("/mnt/session/inputs/{id}.jsonl"));
    expected.sort();
    assert_eq!(read, expected);
    assert_eq!(events[5]["model_request_start_id"], events[2]["id"]);
    assert_eq!(events[5]["model_usage"]["input_tokens"], 20);
    assert_eq!(events[6]["tool_use_id"], events[3]["id"]);
    assert_eq!(events[9]["name"], "edit");
    assert_eq!(events[9]["input"]["file_path"], "/mnt/memory/my-notes/learned.md");
    assert_eq!(events[9]["input"]["old_string"], "old\n");
    assert_eq!(events[13]["usage"]["output_tokens"], dream["usage"]["output_tokens"]);

    let session = format!("/v1/sessions/{}", dream["session_id"].as_str().unwrap());
    let session = server.get(&session).await.expect(200);
    assert_eq!((&session["status"], session["archived_at"].is_null()), (&json!("terminated"), false));
    let listed = server.all("/v1/sessions", 100).await;
    assert!(listed.iter().all(|listed| listed["id"] != session["id"]), "archived ones are not listed");
}

#[tokio::test]
async fn a_worker_session_says_what_it_left_alone_and_how_it_ended() {
    let (server, mind) = gated().await;
    let store = store(&server, "notes", &[("/learned.md", "old")]).await;
    let session = [recorded(&server, "first").await];
    let dream = create(&server, &updating(&store, &session)).await;
    until(&server, &dream, |dream| dream["outputs"] != json!([])).await;
    put(&server, &store, "/learned.md", "newer", Some("old")).await;
    mind.allow(1);
    let events = told(&server, &ended(&server, &dream).await).await;
    let last = events.iter().rfind(|event| event["type"] == "agent.message").unwrap();
    let words = last["content"][0]["text"].as_str().unwrap();
    assert!(words.contains("Left as agents have them") && words.contains("`/learned.md`"), "{words}");

    let dream = create(&server, &body(&store, &session)).await;
    until(&server, &dream, |dream| dream["status"] == "running").await;
    let canceled = server.post_empty(&format!("/v1/dreams/{}/cancel", id(&dream))).await.expect(200);
    let events = told(&server, &canceled).await;
    assert_eq!(
        kinds(&events)[events.len() - 4..],
        ["agent.message", "session.usage", "session.status_idle", "session.status_terminated"]
    );
    let dream = create(&server, &body(&store, &session)).await;
    let running = until(&server, &dream, |dream| dream["status"] == "running").await;
    let stream = format!("/v1/sessions/{}/events/stream", running["session_id"].as_str().unwrap());
    let stream = server.open(&stream).await;
    server.delete(&format!("/v1/sessions/{}", session[0])).await.expect(200);
    let failed = now(&server, &dream).await;
    assert_eq!(
        (&failed["status"], &failed["error"]["type"]),
        (&json!("failed"), &json!("input_session_unavailable"))
    );
    let events = told(&server, &failed).await;
    assert!(kinds(&events).contains(&"session.error"), "{events:?}");
    let heard = heard_until(stream, "session.status_idle").await;
    assert!(heard.contains("event: session.error\n"), "{heard}");
    server.post("/v1/dreams", &body(&store, &session)).await.refused(404, "not_found_error");
}

/// Reads a stream until it names something.
async fn heard_until(mut stream: reqwest::Response, name: &str) -> String {
    let mut heard = String::new();
    let reading = async {
        while !heard.contains(name) {
            let chunk = stream.chunk().await.unwrap().expect("the stream goes on");
            heard += std::str::from_utf8(&chunk).unwrap();
        }
    };
    tokio::time::timeout(DEADLINE, reading).await.unwrap();
    heard
}

#[tokio::test]
async fn a_dream_reads_of_a_session_what_it_held_when_it_was_asked_for() {
    let (server, mind) = gated().await;
    let store = store(&server, "notes", &[]).await;
    let session = recorded(&server, "first").await;
    let dream = create(&server, &body(&store, std::slice::from_ref(&session))).await;
    let said = json!({"type": "user.message", "content": [{"type": "text", "text": "too late"}]});
    server.post(&format!("/v1/sessions/{session}/events"), &json!({"events": [said]})).await.expect(200);
    mind.allow(1);
    let done = ended(&server, &dream).await;
    let learned = format!("- {session}: [\"first\"]\n");
    assert_eq!(held(&server, output(&done)).await, [("/learned.md".to_owned(), learned)]);
}
