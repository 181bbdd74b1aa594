//! Memory stores over HTTP.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::Server;

const STORES: &str = "/v1/memory_stores";

pub(crate) async fn store(server: &Server) -> String {
    let made = server.post(STORES, &json!({"name": "notes"})).await.expect(200);
    made["id"].as_str().unwrap().to_owned()
}

/// Lets seconds pass.
pub(crate) fn wait(server: &Server, seconds: i64) {
    server.clock.advance(SignedDuration::from_secs(seconds));
}

async fn update(server: &Server, id: &str, body: &Value) -> Value {
    server.post(&format!("{STORES}/{id}"), body).await.expect(200)
}

fn names(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_store_is_shown_with_everything_it_has() {
    let server = Server::start().await;
    let bare = server.post(STORES, &json!({"name": "notes"})).await.expect(200);
    let id = bare["id"].as_str().unwrap();
    assert!(id.starts_with("memstore_"), "{id}");
    let shown = serde_json::to_string_pretty(&bare).unwrap().replace(id, "memstore_…");
    insta::assert_snapshot!(shown, @r#"
    {
      "id": "memstore_…",
      "type": "memory_store",
      "name": "notes",
      "description": "",
      "metadata": {},
      "created_at": "2026-11-20T09:00:00Z",
      "updated_at": "2026-11-20T09:00:00Z",
      "archived_at": null
    }
    "#);
    let full = json!({"name": "notes", "description": "what was said", "metadata": {"team": "a"}});
    let made = server.post(STORES, &full).await.expect(200);
    for (field, value) in full.as_object().unwrap() {
        assert_eq!(made[field], *value);
    }
    let again = server.get(&format!("{STORES}/{}", made["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(again, made);
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_nothing_else() {
    let server = Server::start().await;
    let body = json!({"name": "a", "description": "b", "metadata": {"x": "1", "y": "2"}});
    let made = server.post(STORES, &body).await.expect(200);
    let id = made["id"].as_str().unwrap();
    wait(&server, 60);
    for nothing in [json!({}), json!({"name": null, "description": null, "metadata": null}), body.clone()] {
        assert_eq!(update(&server, id, &nothing).await, made, "{nothing}");
    }
    let patched = update(&server, id, &json!({"metadata": {"x": null, "z": "3"}})).await;
    assert_eq!(patched["metadata"], json!({"y": "2", "z": "3"}));
    assert_eq!(patched["updated_at"], "2026-11-20T09:01:00Z");
    assert_eq!((&patched["name"], &patched["created_at"]), (&made["name"], &made["created_at"]));
    let cleared = update(&server, id, &json!({"name": "c", "description": ""})).await;
    assert_eq!((&cleared["name"], &cleared["description"]), (&json!("c"), &json!("")));
    assert_eq!(server.get(&format!("{STORES}/{id}")).await.expect(200), cleared);
}

#[tokio::test]
async fn what_breaks_a_rule_of_stores_is_refused_by_the_name_of_its_field() {
    let server = Server::start().await;
    let id = store(&server).await;
    let many: serde_json::Map<_, _> = (0..17).map(|i| (format!("k{i}"), json!("v"))).collect();
    let bad = [
        (json!({"name": ""}), "name: "),
        (json!({"name": "x".repeat(256)}), "name: "),
        (json!({"name": "a\nb"}), "name: "),
        (json!({"name": 7}), "name: "),
        (json!({"name": "a", "description": "x".repeat(1_025)}), "description: "),
        (json!({"name": "a", "metadata": {"k": 1}}), "metadata.k: "),
        (json!({"name": "a", "metadata": {"k": "x".repeat(513)}}), "metadata.k: "),
        (json!({"name": "a", "metadata": {"": "x"}}), "metadata: "),
        (json!({"name": "a", "metadata": many}), "metadata: "),
        (json!({"name": "a", "colour": "red"}), "colour: "),
    ];
    for (body, start) in bad {
        for path in [STORES.to_owned(), format!("{STORES}/{id}")] {
            let message = server.post(&path, &body).await.refused(400, "invalid_request_error");
            assert!(message.starts_with(start), "{body}: {message}");
        }
    }
    for body in [json!({}), json!({"name": null}), json!({"name": "a", "metadata": {"k": null}}), json!([])] {
        server.post(STORES, &body).await.refused(400, "invalid_request_error");
    }
    server
        .post(STORES, &json!({"name": "é".repeat(255), "description": "é".repeat(1_024)}))
        .await
        .expect(200);
}

#[tokio::test]
async fn stores_are_listed_newest_first_in_pages() {
    let server = Server::start().await;
    for i in 0..45 {
        server.post(STORES, &json!({"name": format!("s{i:02}")})).await.expect(200);
        // Several of one instant, so that a page ends among them.
        if i % 4 == 0 {
            wait(&server, 1);
        }
    }
    let newest_first: Vec<String> = (0..45).rev().map(|i| format!("s{i:02}")).collect();
    for limit in [7, 45, 100] {
        assert_eq!(names(&server.all(STORES, limit).await), newest_first);
    }
    let first = server.get(STORES).await.expect(200);
    assert_eq!(first["data"].as_array().unwrap().len(), 20);
    let keys: Vec<&String> = first.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["data", "next_page"]);
    let some = format!(
        "{STORES}?created_at%5Bgte%5D=2026-11-20T09%3A00%3A02%2B00%3A00&created_at[lte]=2026-11-20T10:00:02%2B01:00"
    );
    assert_eq!(names(&server.all(&some, 3).await), ["s08", "s07", "s06", "s05"]);
    for bad in ["limit=0", "limit=101", "limit=x", "page=page_00", "page=x", "created_at[gte]=monday"] {
        server.get(&format!("{STORES}?{bad}")).await.refused(400, "invalid_request_error");
    }
}

#[tokio::test]
async fn an_archived_store_is_hidden_and_takes_no_writes_but_deletions_and_redactions() {
    let server = Server::start().await;
    let id = store(&server).await;
    let at = |rest: &str| format!("{STORES}/{id}{rest}");
    let memory = server.post(&at("/memories"), &json!({"path": "/a", "content": "secret"})).await.expect(200);
    let memory_at = at(&format!("/memories/{}", memory["id"].as_str().unwrap()));
    server.post(&memory_at, &json!({"content": "safe"})).await.expect(200);
    wait(&server, 5);
    let archived = server.post_empty(&at("/archive")).await.expect(200);
    assert_eq!(archived["archived_at"], "2026-11-20T09:00:05Z");
    assert_eq!(archived["updated_at"], "2026-11-20T09:00:05Z");
    wait(&server, 5);
    assert_eq!(server.post_empty(&at("/archive")).await.expect(200), archived);

    assert_eq!(server.all(STORES, 10).await, Vec::<Value>::new());
    assert_eq!(server.all(&format!("{STORES}?include_archived=true"), 10).await.len(), 1);
    assert_eq!(server.get(&at("")).await.expect(200), archived);
    for (path, body) in [
        (at(""), json!({"name": "other"})),
        (at("/memories"), json!({"path": "/b", "content": ""})),
        (memory_at.clone(), json!({"content": "more"})),
    ] {
        let message = server.post(&path, &body).await.refused(400, "invalid_request_error");
        assert!(message.contains("archived"), "{message}");
    }
    let versions = server.all(&at("/memory_versions"), 10).await;
    let oldest = versions.last().unwrap()["id"].as_str().unwrap();
    server.post_empty(&at(&format!("/memory_versions/{oldest}/redact"))).await.expect(200);
    assert_eq!(server.get(&memory_at).await.expect(200)["content"], "safe");
    server.delete(&memory_at).await.expect(200);
    server.delete(&at("")).await.expect(200);
}

#[tokio::test]
async fn a_deleted_store_takes_everything_along() {
    let server = Server::start().await;
    let id = store(&server).await;
    let at = |rest: &str| format!("{STORES}/{id}{rest}");
    server.post(&at("/memories"), &json!({"path": "/a", "content": "x"})).await.expect(200);
    let gone = server.delete(&at("")).await.expect(200);
    assert_eq!(gone, json!({"id": id, "type": "memory_store_deleted"}));
    for path in [at(""), at("/memories"), at("/memory_versions"), format!("{STORES}/no%20id")] {
        server.get(&path).await.refused(404, "not_found_error");
    }
    server.delete(&at("")).await.refused(404, "not_found_error");
    server.post_empty(&at("/archive")).await.refused(404, "not_found_error");
    server.post(&at(""), &json!({"name": "x"})).await.refused(404, "not_found_error");
    server
        .post(&at("/memories"), &json!({"path": "/a", "content": "x"}))
        .await
        .refused(404, "not_found_error");
}
