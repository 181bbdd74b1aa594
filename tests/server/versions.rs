//! Memory versions over HTTP.

use serde_json::{Value, json};

use super::Server;
use super::stores::{store, wait};

/// A store in which a memory was made, changed, moved and deleted, and another made, one a minute.
struct Past<'a> {
    server: &'a Server,
    store: String,
    first: String,
    second: String,
}

impl<'a> Past<'a> {
    async fn new(server: &'a Server) -> Self {
        let at = format!("/v1/memory_stores/{}", store(server).await);
        let make = async |path: &str| {
            let body = json!({"path": path, "content": "one"});
            let made = server.post(&format!("{at}/memories"), &body).await.expect(200);
            wait(server, 60);
            made["id"].as_str().unwrap().to_owned()
        };
        let first = make("/a").await;
        for body in [json!({"content": "two"}), json!({"path": "/b"})] {
            server.post(&format!("{at}/memories/{first}"), &body).await.expect(200);
            wait(server, 60);
        }
        server.delete(&format!("{at}/memories/{first}")).await.expect(200);
        wait(server, 60);
        let second = make("/a").await;
        Self { server, store: at, first, second }
    }

    fn at(&self, rest: &str) -> String {
        format!("{}/memory_versions{rest}", self.store)
    }

    async fn list(&self, query: &str) -> Vec<Value> {
        self.server.all(&self.at(&format!("?{query}")), 2).await
    }
}

/// Returns what was done to which path.
fn deeds(versions: &[Value]) -> Vec<(&str, &str)> {
    versions.iter().map(|v| (v["operation"].as_str().unwrap(), v["path"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn every_change_writes_one_version_that_says_who_and_what() {
    let server = Server::start().await;
    let past = Past::new(&server).await;
    let versions = past.list("view=full").await;
    assert_eq!(
        deeds(&versions),
        [("created", "/a"), ("deleted", "/b"), ("modified", "/b"), ("modified", "/a"), ("created", "/a")]
    );
    let contents: Vec<&Value> = versions.iter().map(|version| &version["content"]).collect();
    assert_eq!(json!(contents), json!(["one", null, "two", "two", "one"]));
    let deleted = serde_json::to_string_pretty(&versions[1]).unwrap();
    let [id, memory, store] =
        ["id", "memory_id", "memory_store_id"].map(|field| versions[1][field].as_str().unwrap());
    let deleted = deleted.replace(id, "memver_…").replace(memory, "mem_…").replace(store, "memstore_…");
    insta::assert_snapshot!(deleted, @r#"
    {
      "id": "memver_…",
      "type": "memory_version",
      "memory_id": "mem_…",
      "memory_store_id": "memstore_…",
      "operation": "deleted",
      "path": "/b",
      "content": null,
      "content_sha256": null,
      "content_size_bytes": null,
      "created_at": "2026-11-20T09:03:00Z",
      "created_by": {
        "type": "api_actor",
        "api_key_id": "apikey_01default"
      },
      "redacted_at": null
    }
    "#);
    // The head of a live memory is its newest version.
    let live = server.get(&format!("{}/memories/{}", past.store, past.second)).await.expect(200);
    assert_eq!(live["memory_version_id"], versions[0]["id"]);
    for version in &versions {
        let alone = server.get(&past.at(&format!("/{}", version["id"].as_str().unwrap()))).await.expect(200);
        assert_eq!(alone, *version);
    }
    let basic = past.list("").await;
    assert!(basic.iter().all(|version| version["content"].is_null()));
    assert_eq!(basic[0]["content_size_bytes"], 3);
}

#[tokio::test]
async fn versions_are_found_by_memory_operation_time_and_author() {
    let server = Server::start().await;
    let past = Past::new(&server).await;
    let count = async |query: &str| past.list(query).await.len();
    assert_eq!(count(&format!("memory_id={}", past.first)).await, 4);
    assert_eq!(count(&format!("memory_id={}", past.second)).await, 1);
    assert_eq!(count("memory_id=mem_none").await, 0);
    assert_eq!(count("operation=modified").await, 2);
    assert_eq!(count(&format!("memory_id={}&operation=created", past.second)).await, 1);
    assert_eq!(count("api_key_id=apikey_01default").await, 5);
    assert_eq!(count("api_key_id=apikey_other").await, 0);
    assert_eq!(count("session_id=sesn_01").await, 0);
    assert_eq!(count("service_account_id=svac_01").await, 0);
    let between = "created_at%5Bgte%5D=2026-11-20T09%3A01%3A00Z&created_at[lte]=2026-11-20T09:03:00Z";
    assert_eq!(deeds(&past.list(between).await), [("deleted", "/b"), ("modified", "/b"), ("modified", "/a")]);
    for bad in ["operation=renamed", "view=all", "limit=101", "page=page_", "created_at[lte]=now"] {
        server.get(&past.at(&format!("?{bad}"))).await.refused(400, "invalid_request_error");
    }
    server.get(&past.at("/memver_none")).await.refused(404, "not_found_error");
    let other = store(&server).await;
    let one = past.list("").await[0]["id"].as_str().unwrap().to_owned();
    server
        .get(&format!("/v1/memory_stores/{other}/memory_versions/{one}"))
        .await
        .refused(404, "not_found_error");
}

#[tokio::test]
async fn a_redaction_blanks_what_was_there_and_keeps_who_and_when() {
    let server = Server::start().await;
    let past = Past::new(&server).await;
    let before = past.list("view=full").await;
    let id = |at: usize| before[at]["id"].as_str().unwrap();
    let redact = async |id: &str| server.post_empty(&past.at(&format!("/{id}/redact"))).await;
    let message = redact(id(0)).await.refused(400, "invalid_request_error");
    assert!(message.starts_with("memory_version_id: "), "{message}");
    let blank = redact(id(3)).await.expect(200);
    for field in ["path", "content", "content_sha256", "content_size_bytes"] {
        assert_eq!(blank[field], Value::Null, "{field}");
    }
    for field in ["id", "memory_id", "operation", "created_at", "created_by"] {
        assert_eq!(blank[field], before[3][field], "{field}");
    }
    assert_eq!(blank["redacted_at"], "2026-11-20T09:05:00Z");
    assert_eq!(blank["redacted_by"], before[3]["created_by"]);
    wait(&server, 60);
    assert_eq!(redact(id(3)).await.expect(200), blank);
    assert_eq!(server.get(&past.at(&format!("/{}", id(3)))).await.expect(200), blank);
    // A deletion holds a path, and the others are as they were.
    assert_eq!(redact(id(1)).await.expect(200)["path"], Value::Null);
    assert_eq!(past.list("view=full").await[2], before[2]);
    redact("memver_none").await.refused(404, "not_found_error");
}
