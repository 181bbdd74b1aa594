//! Sessions over HTTP: made, listed, changed, archived, deleted; what they have attached; their thread.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Server;
use super::agents::agent_and_environment;
use super::stores::{store, wait};

const SESSIONS: &str = "/v1/sessions";

/// What sessions are made of.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) agent: String,
    pub(crate) environment: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::of(Server::start().await).await
    }

    pub(crate) async fn of(server: Server) -> Self {
        let (agent, environment) = agent_and_environment(&server).await;
        Self { server, agent, environment }
    }

    /// Returns the body of a session, with more in it.
    pub(crate) fn body(&self, more: &Value) -> Value {
        let mut body = json!({"agent": self.agent, "environment_id": self.environment});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    }

    /// Makes a session and returns its id.
    pub(crate) async fn session(&self, more: &Value) -> String {
        let made = self.server.post(SESSIONS, &self.body(more)).await.expect(200);
        made["id"].as_str().unwrap().to_owned()
    }

    async fn refused(&self, more: &Value) -> String {
        self.server.post(SESSIONS, &self.body(more)).await.refused(400, "invalid_request_error")
    }

    async fn ids(&self, query: &str) -> Vec<String> {
        let found = self.server.all(&format!("{SESSIONS}{query}"), 2).await;
        found.iter().map(|session| session["id"].as_str().unwrap().to_owned()).collect()
    }
}

fn message(text: &str) -> Value {
    json!({"type": "user.message", "content": [{"type": "text", "text": text}]})
}

#[tokio::test]
async fn a_session_is_shown_with_everything_it_has() {
    let world = World::start().await;
    let made = world.server.post(SESSIONS, &world.body(&json!({}))).await.expect(200);
    let id = made["id"].as_str().unwrap();
    let shown = serde_json::to_string_pretty(&made).unwrap();
    let shown =
        shown.replace(id, "sesn_…").replace(&world.agent, "agent_…").replace(&world.environment, "env_…");
    insta::assert_snapshot!("a_session", shown);
    assert_eq!(world.server.get(&format!("{SESSIONS}/{id}")).await.expect(200), made);
}

#[tokio::test]
async fn an_agent_is_named_by_id_version_or_with_overrides() {
    let world = World::start().await;
    let path = format!("/v1/agents/{}", world.agent);
    world.server.post(&path, &json!({"system": "second"})).await.expect(200);
    let agent_of = async |agent: Value| {
        let body = world.body(&json!({ "agent": agent }));
        world.server.post(SESSIONS, &body).await.expect(200)["agent"].clone()
    };
    assert_eq!(agent_of(json!(world.agent)).await["system"], "second");
    let first = agent_of(json!({"type": "agent", "id": world.agent, "version": 1})).await;
    assert_eq!((&first["version"], &first["system"]), (&json!(1), &Value::Null));
    let mut other =
        json!({"type": "agent_with_overrides", "id": world.agent, "system": "third", "model": "m"});
    let overridden = agent_of(other.clone()).await;
    assert_eq!(overridden["system"], "third");
    assert_eq!(overridden["model"], json!({"id": "m", "speed": "standard"}));
    assert_eq!(overridden["version"], 2);
    other["name"] = json!("x");
    assert!(world.refused(&json!({"agent": other})).await.starts_with("agent.name"));
    let unknown = world.body(&json!({"agent": "agent_none"}));
    world.server.post(SESSIONS, &unknown).await.refused(404, "not_found_error");
    let unknown = world.body(&json!({"environment_id": "env_none"}));
    world.server.post(SESSIONS, &unknown).await.refused(404, "not_found_error");
    world.server.post_empty(&format!("{path}/archive")).await.expect(200);
    assert!(world.refused(&json!({})).await.contains("archived"));
}

#[tokio::test]
async fn stores_are_attached_as_they_are_at_that_time() {
    let world = World::start().await;
    let notes = store(&world.server).await;
    let attached = json!({"type": "memory_store", "memory_store_id": notes, "instructions": "read first"});
    let made = world.server.post(SESSIONS, &world.body(&json!({"resources": [attached]}))).await.expect(200);
    let expected = json!([{
        "type": "memory_store", "memory_store_id": notes, "access": "read_write", "name": "notes",
        "description": "", "mount_path": "/mnt/memory/notes", "instructions": "read first",
    }]);
    assert_eq!(made["resources"], expected);
    world.server.post(&format!("/v1/memory_stores/{notes}"), &json!({"name": "other"})).await.expect(200);
    let id = made["id"].as_str().unwrap();
    let again = world.server.get(&format!("{SESSIONS}/{id}")).await.expect(200);
    assert_eq!(again["resources"], expected);

    let mut nine = Vec::new();
    for _ in 0..9 {
        nine.push(json!({"type": "memory_store", "memory_store_id": store(&world.server).await}));
    }
    let refused = world.refused(&json!({"resources": nine})).await;
    assert_eq!(refused, "resources cannot contain more than 8 memory_store entries");
    let twice = [nine[0].clone(), nine[0].clone()];
    assert!(world.refused(&json!({"resources": twice})).await.contains("attached twice"));
    let unknown =
        world.body(&json!({"resources": [{"type": "memory_store", "memory_store_id": "memstore_0"}]}));
    world.server.post(SESSIONS, &unknown).await.refused(404, "not_found_error");
    world.server.post_empty(&format!("/v1/memory_stores/{notes}/archive")).await.expect(200);
    assert!(world.refused(&json!({"resources": [attached]})).await.contains("archived"));
}

#[tokio::test]
async fn every_filter_of_the_list_holds() {
    let world = World::start().await;
    let notes = store(&world.server).await;
    let mount = json!({"resources": [{"type": "memory_store", "memory_store_id": notes}]});
    let first = world.session(&mount).await;
    wait(&world.server, 60);
    let second = world.session(&json!({})).await;
    wait(&world.server, 60);
    let third = world.session(&json!({})).await;
    world.server.post_empty(&format!("{SESSIONS}/{third}/archive")).await.expect(200);
    let (agent, times) = (&world.agent, "2026-11-20T09:01:00Z");
    let cases = [
        (String::new(), vec![&second, &first]),
        ("?order=asc".to_owned(), vec![&first, &second]),
        ("?include_archived=true".to_owned(), vec![&third, &second, &first]),
        (format!("?memory_store_id={notes}"), vec![&first]),
        (format!("?agent_id={agent}"), vec![&second, &first]),
        (format!("?agent_id={agent}&agent_version=2"), vec![]),
        ("?agent_id=agent_none".to_owned(), vec![]),
        ("?deployment_id=depl_none".to_owned(), vec![]),
        ("?statuses[]=running".to_owned(), vec![]),
        (
            "?statuses[]=terminated&statuses[]=idle&include_archived=true".to_owned(),
            vec![&third, &second, &first],
        ),
        ("?statuses%5B%5D=terminated&include_archived=true".to_owned(), vec![&third]),
        (format!("?created_at[gte]={times}"), vec![&second]),
        (format!("?created_at[gt]={times}"), vec![]),
        (format!("?created_at[lt]={times}"), vec![&first]),
        (format!("?created_at[lte]={times}"), vec![&second, &first]),
    ];
    for (query, expected) in cases {
        assert_eq!(world.ids(&query).await.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    for query in ["?agent_version=1", "?statuses[]=done", "?order=up", "?limit=0", "?created_at[gt]=noon"] {
        world.server.get(&format!("{SESSIONS}{query}")).await.refused(400, "invalid_request_error");
    }
}

#[tokio::test]
async fn pages_of_sessions_turn_both_ways_in_their_own_order() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(world.session(&json!({})).await);
        wait(&world.server, 1);
    }
    ids.reverse();
    let page = async |query: String| {
        let body = world.server.get(&format!("{SESSIONS}?limit=2{query}")).await.expect(200);
        let found: Vec<_> =
            body["data"].as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap().to_owned()).collect();
        let cursor = |name: &str| body[name].as_str().map(str::to_owned);
        (found, cursor("next_page"), cursor("prev_page"))
    };
    let (first, next, previous) = page(String::new()).await;
    assert_eq!((first.as_slice(), previous), (&ids[..2], None));
    let next = next.unwrap();
    let (second, after, previous) = page(format!("&page={next}")).await;
    assert_eq!(second, ids[2..4]);
    let (last, end, _) = page(format!("&page={}", after.unwrap())).await;
    assert_eq!((last.as_slice(), end), (&ids[4..], None));
    let (back, forward, none) = page(format!("&page={}", previous.unwrap())).await;
    assert_eq!((back.as_slice(), none), (&ids[..2], None));
    assert_eq!(page(format!("&page={}", forward.unwrap())).await.0, ids[2..4]);
    for query in ["&order=asc", "&created_at[gt]=2026-11-20T09:00:04Z"] {
        let path = format!("{SESSIONS}?page={next}{query}");
        world.server.get(&path).await.refused(400, "invalid_request_error");
    }
    assert_eq!(world.ids("?order=asc").await.into_iter().collect::<BTreeSet<_>>().len(), 5);
}

#[tokio::test]
async fn an_update_is_told_in_the_events() {
    let world = World::start().await;
    let id = world.session(&json!({"metadata": {"a": "1"}, "title": "old"})).await;
    let path = format!("{SESSIONS}/{id}");
    let change = json!({"title": "new", "metadata": {"a": null, "b": "2"}});
    let changed = world.server.post(&path, &change).await.expect(200);
    assert_eq!((&changed["title"], &changed["metadata"]), (&json!("new"), &json!({"b": "2"})));
    world.server.post(&path, &json!({"title": "new"})).await.expect(200);
    let events = world.server.all(&format!("{path}/events"), 20).await;
    assert_eq!(events.len(), 1);
    assert_eq!((&events[0]["type"], &events[0]["title"]), (&json!("session.updated"), &json!("new")));
    for change in [
        json!({"vault_ids": []}),
        json!({"environment_id": "env_1"}),
        json!({"budget": {"type": "limit", "max_list_cost": {"amount": "1", "currency": "USD"}}}),
    ] {
        world.server.post(&path, &change).await.refused(400, "invalid_request_error");
    }
}

#[tokio::test]
async fn an_archived_session_keeps_its_history_and_takes_no_more() {
    let world = World::start().await;
    let id = world.session(&json!({"initial_events": [message("hello")]})).await;
    let path = format!("{SESSIONS}/{id}");
    let archived = world.server.post_empty(&format!("{path}/archive")).await.expect(200);
    assert_eq!(archived["status"], "terminated");
    assert_eq!(world.server.post_empty(&format!("{path}/archive")).await.expect(200), archived);
    let send = json!({"events": [message("more")]});
    world.server.post(&format!("{path}/events"), &send).await.refused(400, "invalid_request_error");
    assert_eq!(world.server.all(&format!("{path}/events"), 20).await[0]["content"][0]["text"], "hello");
    let deleted = world.server.delete(&path).await.expect(200);
    assert_eq!(deleted, json!({"id": id, "type": "session_deleted"}));
    for gone in [path.clone(), format!("{path}/events")] {
        world.server.get(&gone).await.refused(404, "not_found_error");
    }
    world.server.delete(&path).await.refused(404, "not_found_error");
}

#[tokio::test]
async fn a_running_session_is_neither_archived_nor_deleted() {
    let server = Server::with(|options| options.is_recording = true).await;
    let world = World::of(server).await;
    let id = world.session(&json!({})).await;
    let path = format!("{SESSIONS}/{id}");
    let running = json!({"events": [{"type": "session.status_running"}]});
    world.server.post(&format!("{path}/events"), &running).await.expect(200);
    assert_eq!(world.ids("?statuses[]=running").await, [id]);
    world.server.post_empty(&format!("{path}/archive")).await.refused(400, "invalid_request_error");
    world.server.delete(&path).await.refused(400, "invalid_request_error");
    let tools = json!({"agent": {"tools": []}});
    world.server.post(&path, &tools).await.refused(400, "invalid_request_error");
    let interrupt = json!({"events": [{"type": "user.interrupt"}]});
    world.server.post(&format!("{path}/events"), &interrupt).await.expect(200);
    world.server.delete(&path).await.expect(200);
}

#[tokio::test]
async fn only_files_are_attached_later_and_a_store_cannot_be_addressed() {
    let world = World::start().await;
    let notes = store(&world.server).await;
    let mount = json!({"type": "memory_store", "memory_store_id": notes});
    let repository = json!({"type": "github_repository", "url": "https://github.example/a/app.git",
        "authorization_token": "ghp_secret"});
    let id = world.session(&json!({"resources": [mount, repository]})).await;
    let path = format!("{SESSIONS}/{id}/resources");
    for other in [&mount, &repository] {
        world.server.post(&path, other).await.refused(400, "invalid_request_error");
    }
    let file = world.server.post(&path, &json!({"type": "file", "file_id": "file_1"})).await.expect(200);
    assert_eq!(file["mount_path"], "/mnt/session/uploads/file_1");
    let all = world.server.get(&path).await;
    assert!(!all.text.contains("ghp_secret"));
    let all = all.expect(200);
    assert_eq!(all["data"].as_array().unwrap().len(), 3);
    assert!(all["data"][0].get("id").is_none());
    assert_eq!(all["data"][1]["mount_path"], "/workspace/app");
    let repository = format!("{path}/{}", all["data"][1]["id"].as_str().unwrap());
    let token = json!({"authorization_token": "ghp_other"});
    assert!(!world.server.post(&repository, &token).await.text.contains("ghp_other"));
    let file_path = format!("{path}/{}", file["id"].as_str().unwrap());
    assert_eq!(world.server.get(&file_path).await.expect(200), file);
    world.server.post(&file_path, &token).await.refused(400, "invalid_request_error");
    assert_eq!(world.server.delete(&file_path).await.expect(200)["type"], "session_resource_deleted");
    world.server.get(&file_path).await.refused(404, "not_found_error");
    assert_eq!(world.server.all(&path, 1).await.len(), 2);

    let session = format!("{SESSIONS}/{id}");
    world.server.post_empty(&format!("{session}/archive")).await.expect(200);
    world
        .server
        .post(&path, &json!({"type": "file", "file_id": "f"}))
        .await
        .refused(400, "invalid_request_error");
    world.server.post(&repository, &token).await.refused(400, "invalid_request_error");
    world.server.delete(&repository).await.refused(400, "invalid_request_error");
    assert_eq!(world.server.get(&repository).await.expect(200)["type"], "github_repository");
}

#[tokio::test]
async fn a_self_hosted_environment_takes_no_files_at_any_time() {
    let mut world = World::start().await;
    let own = json!({"name": "own", "config": {"type": "self_hosted"}});
    let made = world.server.post("/v1/environments", &own).await.expect(200);
    world.environment = made["id"].as_str().unwrap().to_owned();
    let file = json!({"type": "file", "file_id": "file_1"});
    assert!(world.refused(&json!({"resources": [file]})).await.contains("self-hosted"));
    let path = format!("{SESSIONS}/{}/resources", world.session(&json!({})).await);
    let message = world.server.post(&path, &file).await.refused(400, "invalid_request_error");
    assert!(message.contains("self-hosted"), "{message}");
    assert!(world.server.all(&path, 9).await.is_empty());
}

#[tokio::test]
async fn pages_of_resources_skip_nothing_while_some_are_detached() {
    let world = World::start().await;
    let (one, other) = (store(&world.server).await, store(&world.server).await);
    let mount = |id: &str| json!({"type": "memory_store", "memory_store_id": id});
    let file = |id: &str| json!({"type": "file", "file_id": id});
    let resources = json!([mount(&one), file("file_1"), file("file_2"), mount(&other), file("file_3")]);
    let id = world.session(&json!({"resources": resources})).await;
    let path = format!("{SESSIONS}/{id}/resources");
    let all = world.server.all(&path, 1).await;
    assert_eq!(all.len(), 5);
    let detach = async |at: usize| {
        let detached = format!("{path}/{}", all[at]["id"].as_str().unwrap());
        world.server.delete(&detached).await.expect(200);
    };
    let page = async |cursor: &str| world.server.get(&format!("{path}?limit=2{cursor}")).await.expect(200);
    let first = page("").await;
    assert_eq!(first["data"], json!(all[..2]));
    // The very item that the page ended with.
    detach(1).await;
    let cursor = format!("&page={}", first["next_page"].as_str().unwrap());
    let second = page(&cursor).await;
    assert_eq!(second["data"], json!(all[2..4]));
    detach(2).await;
    let cursor = format!("&page={}", second["next_page"].as_str().unwrap());
    let third = page(&cursor).await;
    assert_eq!((&third["data"], &third["next_page"]), (&json!(all[4..]), &Value::Null));
}

#[tokio::test]
async fn a_cursor_that_somebody_made_up_is_refused_and_nothing_falls_over() {
    let world = World::start().await;
    let id = world.session(&json!({})).await;
    let path = format!("{SESSIONS}/{id}/resources");
    let hex = |json: &str| json.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let forged = hex(r#"{"l":"resources","k":"18446744073709551615"}"#);
    let page = format!("{path}?page=page_{forged}");
    world.server.get(&page).await.refused(400, "invalid_request_error");
    for list in ["sessions:desc", "sessions:asc"] {
        let order = list.split_once(':').unwrap().1;
        let far = hex(&format!(r#"{{"l":"{list}","k":"9223372036854775807.9223372036854775807"}}"#));
        world.server.get(&format!("{SESSIONS}?order={order}&page=page_{far}")).await.expect(200);
    }
    let events = format!("{SESSIONS}/{id}/events");
    let far = hex(r#"{"l":"events:asc","k":"18446744073709551615"}"#);
    world.server.get(&format!("{events}?page=page_{far}")).await.expect(200);
}

#[tokio::test]
async fn a_session_has_one_thread_with_all_its_events() {
    let world = World::start().await;
    let id = world.session(&json!({"initial_events": [message("hello")]})).await;
    let threads = world.server.all(&format!("{SESSIONS}/{id}/threads"), 10).await;
    assert_eq!(threads.len(), 1);
    assert_eq!((&threads[0]["parent_thread_id"], &threads[0]["session_id"]), (&Value::Null, &json!(id)));
    let path = format!("{SESSIONS}/{id}/threads/{}", threads[0]["id"].as_str().unwrap());
    assert_eq!(world.server.get(&path).await.expect(200), threads[0]);
    let events = world.server.all(&format!("{path}/events"), 10).await;
    assert_eq!(events, world.server.all(&format!("{SESSIONS}/{id}/events"), 10).await);
    world.server.get(&format!("{SESSIONS}/{id}/threads/sthr_x")).await.refused(404, "not_found_error");
}
