//! Deployments, their runs, and models over HTTP.

use dreamrun::backend::{Backend, Refusal, SessionRequest};
use dreamrun::ids::{AgentId, DeploymentId, EnvironmentId, MemoryStoreId, PipelineName, RunId};
use serde_json::{Value, json};

use super::Server;
use super::sessions::World;
use super::stores::store;

const DEPLOYMENTS: &str = "/v1/deployments";

fn body(world: &World, more: &Value) -> Value {
    let hello = json!({"type": "user.message", "content": [{"type": "text", "text": "hello"}]});
    let mut body = world.body(&json!({"name": "nightly", "initial_events": [hello]}));
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn deployment(world: &World, more: &Value) -> (String, Value) {
    let made = world.server.post(DEPLOYMENTS, &body(world, more)).await.expect(200);
    (format!("{DEPLOYMENTS}/{}", made["id"].as_str().unwrap()), made)
}

#[tokio::test]
async fn a_deployment_is_shown_with_everything_it_has() {
    let world = World::start().await;
    let notes = store(&world.server).await;
    let mount = json!({"type": "memory_store", "memory_store_id": notes, "access": "read_only"});
    let schedule = json!({"type": "cron", "expression": "0 3 * * *", "timezone": "Europe/Paris"});
    let more = json!({"resources": [mount], "schedule": schedule});
    let (path, made) = deployment(&world, &more).await;
    let shown = serde_json::to_string_pretty(&made).unwrap();
    let shown = shown
        .replace(made["id"].as_str().unwrap(), "depl_…")
        .replace(&world.agent, "agent_…")
        .replace(&world.environment, "env_…")
        .replace(&notes, "memstore_…");
    insta::assert_snapshot!("a_deployment", shown);
    assert_eq!(world.server.get(&path).await.expect(200), made);
    for (more, field) in [
        (json!({"name": ""}), "name"),
        (json!({"initial_events": []}), "initial_events"),
        (
            json!({"schedule": {"type": "cron", "expression": "@daily", "timezone": "UTC"}}),
            "schedule.expression",
        ),
        (
            json!({"schedule": {"type": "cron", "expression": "0 3 * * *", "timezone": "Mars"}}),
            "schedule.timezone",
        ),
        (
            json!({"schedule": {"type": "cron", "expression": "99 99 , -- */", "timezone": "UTC"}}),
            "schedule.expression",
        ),
    ] {
        let answer = world.server.post(DEPLOYMENTS, &body(&world, &more)).await;
        let message = answer.refused(400, "invalid_request_error");
        assert!(message.starts_with(field), "{message}");
    }
}

#[tokio::test]
async fn an_update_replaces_whole_what_it_names() {
    let world = World::start().await;
    let (one, other) = (store(&world.server).await, store(&world.server).await);
    let mount = |id: &str| json!({"type": "memory_store", "memory_store_id": id, "instructions": "i"});
    let more = json!({"resources": [mount(&one)], "description": "d", "metadata": {"a": "1"}});
    let (path, made) = deployment(&world, &more).await;
    let changed = world.server.post(&path, &json!({"resources": [mount(&other)]})).await.expect(200);
    assert_eq!(changed["resources"], json!([mount(&other)]));
    for kept in ["name", "agent", "initial_events", "description", "metadata", "status"] {
        assert_eq!(changed[kept], made[kept], "{kept}");
    }
    world.server.post(&format!("/v1/agents/{}", world.agent), &json!({"system": "s"})).await.expect(200);
    let change = json!({"agent": world.agent, "resources": null, "description": ""});
    let pinned = world.server.post(&path, &change).await.expect(200);
    assert_eq!((&pinned["agent"]["version"], &pinned["resources"]), (&json!(2), &json!([])));
    assert_eq!(pinned["description"], Value::Null);
    world.server.post(&path, &json!({"environment_id": null})).await.refused(400, "invalid_request_error");
}

#[tokio::test]
async fn an_update_does_not_judge_again_what_it_leaves_alone() {
    let world = World::start().await;
    let (old, kept) = (store(&world.server).await, store(&world.server).await);
    let (new, late) = (store(&world.server).await, store(&world.server).await);
    let mount = |id: &str| json!({"type": "memory_store", "memory_store_id": id});
    let (path, made) = deployment(&world, &json!({"resources": [mount(&old), mount(&kept)]})).await;
    for gone in [&old, &kept, &late] {
        world.server.post_empty(&format!("/v1/memory_stores/{gone}/archive")).await.expect(200);
    }
    world.server.post_empty(&format!("/v1/environments/{}/archive", world.environment)).await.expect(200);
    super::stores::wait(&world.server, 60);

    let same = json!({"name": "nightly", "resources": [mount(&old), mount(&kept)], "metadata": {}});
    assert_eq!(world.server.post(&path, &same).await.expect(200), made, "nothing changed");
    let renamed = world.server.post(&path, &json!({"name": "weekly"})).await.expect(200);
    assert_eq!((&renamed["name"], &renamed["resources"]), (&json!("weekly"), &made["resources"]));
    assert_ne!(renamed["updated_at"], made["updated_at"]);

    let change = json!({"resources": [mount(&new), mount(&kept)]});
    let moved = world.server.post(&path, &change).await.expect(200);
    assert_eq!(moved["resources"], change["resources"]);
    let archived = json!({"resources": [mount(&new), mount(&late)]});
    let message = world.server.post(&path, &archived).await.refused(400, "invalid_request_error");
    assert!(message.starts_with("resources[1].memory_store_id"), "{message}");

    let id = DeploymentId::parse(made["id"].as_str().unwrap()).unwrap();
    let (kept, to) = (MemoryStoreId::parse(kept).unwrap(), MemoryStoreId::parse(new).unwrap());
    world.server.local.repoint(&id, &kept, &to).await.unwrap();
    let away = world.server.get(&path).await.expect(200);
    assert_eq!(away["resources"], json!([mount(to.as_str())]));
}

#[tokio::test]
async fn a_run_starts_a_session_or_says_what_stood_in_its_way() {
    let world = World::start().await;
    let notes = store(&world.server).await;
    let mount = json!({"type": "memory_store", "memory_store_id": notes});
    let (path, made) = deployment(&world, &json!({"resources": [mount]})).await;
    let id = made["id"].as_str().unwrap();
    let run = world.server.post_empty(&format!("{path}/run")).await.expect(200);
    assert_eq!((&run["error"], &run["trigger_context"]), (&Value::Null, &json!({"type": "manual"})));
    let session = world.server.get(&format!("/v1/sessions/{}", run["session_id"].as_str().unwrap())).await;
    let session = session.expect(200);
    assert_eq!((&session["deployment_id"], &session["resources"][0]["name"]), (&json!(id), &json!("notes")));
    assert_eq!(world.server.all(&format!("/v1/sessions?deployment_id={id}"), 9).await.len(), 1);

    world.server.post_empty(&format!("/v1/memory_stores/{notes}/archive")).await.expect(200);
    let failed = world.server.post_empty(&format!("{path}/run")).await.expect(200);
    assert_eq!(failed["error"]["type"], "memory_store_archived_error");
    assert_eq!(failed["session_id"], Value::Null);
    let paused = world.server.get(&path).await.expect(200);
    let reason = json!({"type": "error", "error": {"type": "memory_store_archived_error"}});
    assert_eq!((&paused["status"], &paused["paused_reason"]), (&json!("paused"), &reason));

    let runs = async |query: &str| {
        let found = world.server.all(&format!("/v1/deployment_runs?{query}"), 1).await;
        found.into_iter().map(|run| run["id"].clone()).collect::<Vec<_>>()
    };
    let (good, bad) = (run["id"].clone(), failed["id"].clone());
    assert_eq!(runs(&format!("deployment_id={id}")).await, [bad.clone(), good.clone()]);
    assert_eq!(runs("has_error=true").await, [bad]);
    assert_eq!(runs("has_error=false&trigger_type=manual").await, [good]);
    assert!(runs("trigger_type=schedule").await.is_empty());
    assert!(runs("deployment_id=depl_none").await.is_empty());
    let path = format!("/v1/deployment_runs/{}", run["id"].as_str().unwrap());
    assert_eq!(world.server.get(&path).await.expect(200), run);
}

#[tokio::test]
async fn deployments_are_paused_archived_and_go_with_their_agent() {
    let world = World::start().await;
    let (path, _) = deployment(&world, &json!({})).await;
    let (other, _) = deployment(&world, &json!({"name": "other"})).await;
    let paused = world.server.post_empty(&format!("{path}/pause")).await.expect(200);
    assert_eq!(paused["paused_reason"], json!({"type": "manual"}));
    assert_eq!(world.server.all(&format!("{DEPLOYMENTS}?status=paused"), 9).await, [paused]);
    let both = format!("{DEPLOYMENTS}?status=paused&include_archived=true");
    world.server.get(&both).await.refused(400, "invalid_request_error");
    let active = world.server.post_empty(&format!("{path}/unpause")).await.expect(200);
    assert_eq!((&active["status"], &active["paused_reason"]), (&json!("active"), &Value::Null));
    let archived = world.server.post_empty(&format!("{path}/archive")).await.expect(200);
    assert_eq!(archived["status"], "active");
    for call in ["run", "pause"] {
        world.server.post_empty(&format!("{path}/{call}")).await.refused(400, "invalid_request_error");
    }
    world.server.post(&path, &json!({"name": "x"})).await.refused(400, "invalid_request_error");
    assert_eq!(world.server.all(&format!("{DEPLOYMENTS}?agent_id={}", world.agent), 9).await.len(), 1);
    world.server.post_empty(&format!("/v1/agents/{}/archive", world.agent)).await.expect(200);
    assert!(world.server.get(&other).await.expect(200)["archived_at"].is_string());
    assert_eq!(world.server.all(&format!("{DEPLOYMENTS}?include_archived=true"), 1).await.len(), 2);
}

#[tokio::test]
async fn a_backend_repoints_deployments_and_finds_the_sessions_of_a_run() {
    let world = World::start().await;
    let (from, to) = (store(&world.server).await, store(&world.server).await);
    let mount = json!({"type": "memory_store", "memory_store_id": from, "access": "read_only"});
    let (path, made) = deployment(&world, &json!({"resources": [mount]})).await;
    let local = &world.server.local;
    let id = DeploymentId::parse(made["id"].as_str().unwrap()).unwrap();
    let (from, to) = (MemoryStoreId::parse(from).unwrap(), MemoryStoreId::parse(to).unwrap());
    local.repoint(&id, &from, &to).await.unwrap();
    local.repoint(&id, &from, &to).await.unwrap();
    let changed = world.server.get(&path).await.expect(200);
    assert_eq!(
        changed["resources"],
        json!([{"type": "memory_store", "memory_store_id": to, "access": "read_only"}])
    );
    let none = MemoryStoreId::parse("memstore_none").unwrap();
    let refused = local.repoint(&id, &none, &from).await.unwrap_err();
    let is_conflict =
        matches!(refused, dreamrun::backend::BackendError::Refused { kind: Refusal::Conflict, .. });
    assert!(is_conflict, "{refused}");

    let request = SessionRequest {
        agent: AgentId::parse(world.agent.clone()).unwrap(),
        environment: EnvironmentId::parse(world.environment.clone()).unwrap(),
        store: to,
        run: RunId::new(PipelineName::parse("nightly").unwrap(), 7),
    };
    assert!(local.sessions_for(&request).await.unwrap().is_empty());
    let session = local.create_session(&request).await.unwrap();
    world.session(&json!({})).await;
    assert_eq!(local.sessions_for(&request).await.unwrap(), std::slice::from_ref(&session));
    let shown = world.server.get(&format!("/v1/sessions/{session}")).await.expect(200);
    assert_eq!(shown["metadata"], json!({"dreamrun_run": "nightly-7"}));
}

#[tokio::test]
async fn models_are_paged_by_id() {
    let server = Server::start().await;
    let all = server.get("/v1/models?limit=1000").await.expect(200);
    let ids: Vec<&str> =
        all["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"claude-opus-5") && ids.contains(&"claude-sonnet-4-6"), "{ids:?}");
    assert_eq!((&all["has_more"], &all["first_id"]), (&json!(false), &json!(ids[0])));
    let page = server.get(&format!("/v1/models?limit=2&after_id={}", ids[0])).await.expect(200);
    assert_eq!((&page["first_id"], &page["last_id"]), (&json!(ids[1]), &json!(ids[2])));
    assert_eq!(page["has_more"], true);
    let back = server.get(&format!("/v1/models?limit=2&before_id={}", ids[3])).await.expect(200);
    assert_eq!(back["data"], page["data"]);
    assert_eq!(server.get("/v1/models/claude-opus-5").await.expect(200)["line"], "opus");
    assert_eq!(server.get("/v1/models/claude-opus-5-20260801").await.expect(200)["id"], "claude-opus-5");
    server.get("/v1/models/gpt").await.refused(404, "not_found_error");
    assert!(
        server.get("/v1/models?lifecycle[]=retired").await.expect(200)["data"].as_array().unwrap().is_empty()
    );
}

#[tokio::test]
async fn imported_transcripts_are_sessions_that_dreams_can_read() {
    let server = Server::start().await;
    let record = |role: &str, text: &str, second: u32| {
        let content = json!({"role": role, "content": text});
        json!({"type": role, "sessionId": "s-1", "timestamp": format!("2026-05-01T08:00:0{second}Z"),
            "uuid": format!("u{second}"), "message": content})
        .to_string()
    };
    let text =
        [record("user", "Always use metric units.", 1), record("assistant", "Understood.", 2)].join("\n");
    std::fs::write(server.folder().join("one.jsonl"), text).unwrap();
    std::fs::write(server.folder().join("two.jsonl"), "not a transcript").unwrap();
    let globs = ["*.jsonl".to_owned()];
    let first = server.local.import_sessions(&globs).unwrap();
    assert_eq!((first.made, first.sessions.len(), first.unreadable.len()), (1, 1, 1));
    assert_eq!(first.unreadable[0].name, "two.jsonl");
    let again = server.local.import_sessions(&globs).unwrap();
    assert_eq!((again.made, &again.sessions), (0, &first.sessions));
    let listed = server.all("/v1/sessions?agent_id=agent_imported", 9).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["created_at"], "2026-05-01T08:00:01Z");
    assert!(listed[0]["usage"]["input_tokens"].as_u64().unwrap() > 5);
    let events = server.all(&format!("/v1/sessions/{}/events", listed[0]["id"].as_str().unwrap()), 9).await;
    assert_eq!((&events[0]["type"], &events[1]["type"]), (&json!("user.message"), &json!("agent.message")));
    assert_eq!(events[0]["processed_at"], "2026-05-01T08:00:01Z");
    assert_eq!(server.get("/v1/agents/agent_imported").await.expect(200)["name"], "imported");
}
