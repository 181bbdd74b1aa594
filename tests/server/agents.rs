//! Agents and environments over HTTP.

use serde_json::{Value, json};

use super::Server;

const AGENTS: &str = "/v1/agents";
const ENVIRONMENTS: &str = "/v1/environments";

/// Makes an agent and an environment, and returns their ids.
pub(crate) async fn agent_and_environment(server: &Server) -> (String, String) {
    let agent = server.post(AGENTS, &json!({"name": "support", "model": "claude-opus-5"})).await.expect(200);
    let environment = server.post(ENVIRONMENTS, &json!({"name": "cloud"})).await.expect(200);
    (id(&agent).to_owned(), id(&environment).to_owned())
}

fn id(made: &Value) -> &str {
    made["id"].as_str().unwrap()
}

#[tokio::test]
async fn an_agent_is_shown_with_everything_it_has() {
    let server = Server::start().await;
    let made = server.post(AGENTS, &json!({"name": "a", "model": "claude-opus-5"})).await.expect(200);
    let shown = serde_json::to_string_pretty(&made).unwrap().replace(id(&made), "agent_…");
    insta::assert_snapshot!(shown, @r#"
    {
      "id": "agent_…",
      "type": "agent",
      "name": "a",
      "model": {
        "id": "claude-opus-5",
        "speed": "standard"
      },
      "system": null,
      "description": null,
      "tools": [],
      "mcp_servers": [],
      "skills": [],
      "multiagent": null,
      "execution_identity": {
        "type": "service_account"
      },
      "metadata": {},
      "version": 1,
      "created_at": "2026-11-20T09:00:00Z",
      "updated_at": "2026-11-20T09:00:00Z",
      "archived_at": null
    }
    "#);
    assert_eq!(server.get(&format!("{AGENTS}/{}", id(&made))).await.expect(200), made);
}

#[tokio::test]
async fn tools_and_models_are_answered_in_full() {
    let server = Server::start().await;
    let body = json!({
        "name": "a", "model": {"id": "m", "effort": "high"},
        "mcp_servers": [{"type": "url", "name": "crm", "url": "https://crm.example"}],
        "tools": [
            {"type": "agent_toolset_20260401", "configs": [{"name": "bash", "enabled": false}]},
            {"type": "mcp_toolset", "mcp_server_name": "crm"},
            {"type": "custom", "name": "ask-boss", "description": "d", "input_schema": {"type": "object"}},
        ],
        "skills": [{"type": "anthropic", "skill_id": "xlsx"}],
    });
    let made = server.post(AGENTS, &body).await.expect(200);
    assert_eq!(made["model"], json!({"id": "m", "speed": "standard", "effort": {"type": "high"}}));
    let allow = json!({"type": "always_allow"});
    assert_eq!(
        made["tools"][0],
        json!({
            "type": "agent_toolset_20260401",
            "configs": [{"name": "bash", "type": "bash", "enabled": false, "permission_policy": allow}],
            "default_config": {"enabled": true, "permission_policy": allow},
        })
    );
    assert_eq!(made["tools"][1]["default_config"]["permission_policy"]["type"], "always_ask");
    assert_eq!(made["skills"][0]["version"], "latest");

    let refused = [
        (json!({"model": "m"}), "name"),
        (json!({"name": "", "model": "m"}), "name"),
        (json!({"name": "a"}), "model"),
        (json!({"name": "a", "model": {"id": "m", "effort": "huge"}}), "model.effort"),
        (json!({"name": "a", "model": "m", "memory_store_id": "memstore_1"}), "memory_store_id"),
        (json!({"name": "a", "model": "m", "tools": [{"type": "x"}]}), "tools[0].type"),
        (json!({"name": "a", "model": "m", "mcp_servers": body["mcp_servers"]}), "mcp_servers"),
        (json!({"name": "a", "model": "m", "metadata": {"k": 1}}), "metadata.k"),
    ];
    for (body, field) in refused {
        let message = server.post(AGENTS, &body).await.refused(400, "invalid_request_error");
        assert!(message.contains(field), "{message}");
    }
}

#[tokio::test]
async fn an_update_makes_a_version_unless_nothing_changes() {
    let server = Server::start().await;
    let body = json!({"name": "a", "model": {"id": "m", "effort": "low", "inference_geo": "us"}, "system": "s",
        "metadata": {"x": "1", "y": "2"}});
    let made = server.post(AGENTS, &body).await.expect(200);
    let path = format!("{AGENTS}/{}", id(&made));
    let same = server.post(&path, &json!({"name": "a", "version": 1})).await.expect(200);
    assert_eq!(same, made);
    let change = json!({"model": "n", "system": null, "metadata": {"x": null, "z": "3"}, "version": 1});
    let changed = server.post(&path, &change).await.expect(200);
    assert_eq!(changed["version"], 2);
    assert_eq!(changed["model"], json!({"id": "n", "speed": "standard", "effort": {"type": "low"}}));
    assert_eq!((&changed["system"], &changed["metadata"]), (&Value::Null, &json!({"y": "2", "z": "3"})));

    let conflict = server.post(&path, &json!({"name": "b", "version": 1})).await;
    assert_eq!(conflict.header("x-should-retry"), Some("false"));
    conflict.refused(409, "conflict_error");
    assert_eq!(server.get(&format!("{path}?version=1")).await.expect(200), made);
    server.get(&format!("{path}?version=9")).await.refused(404, "not_found_error");
    let versions = server.all(&format!("{path}/versions"), 1).await;
    assert_eq!(versions, [changed, made]);
}

#[tokio::test]
async fn agents_are_listed_newest_first_without_the_archived() {
    let server = Server::start().await;
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        let made = server.post(AGENTS, &json!({"name": name, "model": "m"})).await.expect(200);
        ids.insert(0, id(&made).to_owned());
    }
    let listed = |items: Vec<Value>| items.iter().map(|item| id(item).to_owned()).collect::<Vec<_>>();
    assert_eq!(listed(server.all(AGENTS, 2).await), ids);
    let path = format!("{AGENTS}/{}", ids[1]);
    let archived = server.post_empty(&format!("{path}/archive")).await.expect(200);
    assert_eq!(server.post_empty(&format!("{path}/archive")).await.expect(200), archived);
    assert!(archived["archived_at"].is_string());
    server.post(&path, &json!({"name": "d"})).await.refused(400, "invalid_request_error");
    assert_eq!(listed(server.all(AGENTS, 20).await), [ids[0].clone(), ids[2].clone()]);
    assert_eq!(listed(server.all(&format!("{AGENTS}?include_archived=true"), 2).await), ids);
    server.get(&format!("{AGENTS}?limit=101")).await.refused(400, "invalid_request_error");
    server.get(&format!("{AGENTS}?page=page_00")).await.refused(400, "invalid_request_error");
    server.get("/v1/agents/agent_none").await.refused(404, "not_found_error");
}

#[tokio::test]
async fn an_environment_is_made_changed_archived_and_deleted() {
    let server = Server::start().await;
    let made = server.post(ENVIRONMENTS, &json!({"name": "e", "metadata": {"a": "1"}})).await.expect(200);
    let path = format!("{ENVIRONMENTS}/{}", id(&made));
    let packages = json!({"apt": [], "cargo": [], "gem": [], "go": [], "npm": [], "pip": []});
    let config = json!({"type": "cloud", "networking": {"type": "unrestricted"}, "packages": packages});
    assert_eq!(made["config"], config);
    let limited = json!({"type": "cloud", "networking": {"type": "limited", "allowed_hosts": ["a.example"]}});
    let change = json!({"config": limited, "metadata": {"a": ""}, "description": "d"});
    let changed = server.post(&path, &change).await.expect(200);
    assert_eq!(changed["config"]["networking"]["allow_mcp_servers"], false);
    assert_eq!((&changed["metadata"], &changed["description"]), (&json!({}), &json!("d")));
    assert_eq!(server.get(&path).await.expect(200), changed);
    server.post(&path, &json!({"config": {"type": "moon"}})).await.refused(400, "invalid_request_error");
    assert!(server.post_empty(&format!("{path}/archive")).await.expect(200)["archived_at"].is_string());
    assert!(server.all(ENVIRONMENTS, 20).await.is_empty());
    let deleted = server.delete(&path).await.expect(200);
    assert_eq!(deleted, json!({"id": id(&made), "type": "environment_deleted"}));
    server.get(&path).await.refused(404, "not_found_error");
}
