//! Memories over HTTP.

use std::collections::BTreeMap;

use dreamrun::memory::ContentHash;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::stores::{store, wait};
use super::{Answer, Server};

const CONFLICT: &str = "memory_path_conflict_error";
const STALE: &str = "memory_precondition_failed_error";
const INVALID: &str = "invalid_request_error";

/// The memories of one store.
struct Memories<'a> {
    server: &'a Server,
    list: String,
}

impl<'a> Memories<'a> {
    async fn new(server: &'a Server) -> Self {
        Self { server, list: format!("/v1/memory_stores/{}/memories", store(server).await) }
    }

    async fn post(&self, path: &str, content: &str) -> Answer {
        self.server.post(&self.list, &json!({"path": path, "content": content})).await
    }

    /// Makes a memory and returns its id.
    async fn make(&self, path: &str, content: &str) -> String {
        id(&self.post(path, content).await.expect(200))
    }

    fn at(&self, id: &str) -> String {
        format!("{}/{id}", self.list)
    }

    async fn update(&self, id: &str, body: Value) -> Answer {
        self.server.post(&self.at(id), &body).await
    }

    async fn read(&self, id: &str) -> Value {
        self.server.get(&self.at(id)).await.expect(200)
    }

    /// Lists with a query, `limit` at a time, and returns the paths.
    async fn paths(&self, query: &str, limit: usize) -> Vec<String> {
        let items = self.server.all(&format!("{}?{query}", self.list), limit).await;
        items.iter().map(|item| item["path"].as_str().unwrap().to_owned()).collect()
    }

    async fn versions(&self) -> usize {
        let list = self.list.replace("/memories", "/memory_versions");
        self.server.all(&list, 100).await.len()
    }
}

fn id(memory: &Value) -> String {
    memory["id"].as_str().unwrap().to_owned()
}

fn sha(content: &str) -> String {
    ContentHash::of(content).to_string()
}

fn expecting(content: &str) -> Value {
    json!({"type": "content_sha256", "content_sha256": sha(content)})
}

#[tokio::test]
async fn a_memory_is_shown_with_everything_it_has() {
    let server = Server::start().await;
    let memories = Memories::new(&server).await;
    let made = memories.post("/notes/a.md", "grüß").await.expect(200);
    let shown = memories.read(&id(&made)).await;
    let mut text = serde_json::to_string_pretty(&shown).unwrap();
    for field in ["id", "memory_store_id", "memory_version_id"] {
        let value = shown[field].as_str().unwrap();
        let kind = value.split_once('_').unwrap().0;
        text = text.replace(value, &format!("{kind}_…"));
    }
    insta::assert_snapshot!(text, @r#"
    {
      "id": "mem_…",
      "type": "memory",
      "memory_store_id": "memstore_…",
      "path": "/notes/a.md",
      "content": "grüß",
      "content_sha256": "0be03191333143d96baa686cb1084f775f1d73d7d580b35367694594f4904c48",
      "content_size_bytes": 6,
      "memory_version_id": "memver_…",
      "created_at": "2026-11-20T09:00:00Z",
      "updated_at": "2026-11-20T09:00:00Z"
    }
    "#);
    let mut basic = shown.clone();
    basic["content"] = Value::Null;
    assert_eq!(made, basic, "a create answers without the content");
}

#[tokio::test]
async fn every_call_has_its_own_default_view_and_takes_the_other() {
    let server = Server::start().await;
    let memories = Memories::new(&server).await;
    let create = async |query: &str, path: &str| {
        let body = json!({"path": path, "content": "x"});
        server.post(&format!("{}{query}", memories.list), &body).await.expect(200)["content"].clone()
    };
    assert_eq!(create("", "/a").await, Value::Null);
    assert_eq!(create("?view=full", "/b").await, "x");
    let c = memories.make("/c", "x").await;
    let read = async |query: &str| server.get(&format!("{}{query}", memories.at(&c))).await;
    assert_eq!(read("").await.expect(200)["content"], "x");
    assert_eq!(read("?view=basic").await.expect(200)["content"], Value::Null);
    read("?view=whole").await.refused(400, INVALID);
    let update = async |query: &str, content: &str| {
        let body = json!({"content": content});
        server.post(&format!("{}{query}", memories.at(&c)), &body).await.expect(200)["content"].clone()
    };
    assert_eq!(update("", "y").await, Value::Null);
    assert_eq!(update("?view=full", "z").await, "z");
    let list = async |query: &str| {
        server.get(&format!("{}{query}", memories.list)).await.expect(200)["data"][2]["content"].clone()
    };
    assert_eq!(list("").await, Value::Null);
    assert_eq!(list("?view=full").await, "z");
}

#[tokio::test]
async fn an_update_changes_content_path_or_both_and_keeps_the_id() {
    let server = Server::start().await;
    let memories = Memories::new(&server).await;
    let memory = memories.make("/a", "one").await;
    let before = memories.read(&memory).await;
    wait(&server, 9);
    memories.update(&memory, json!({"content": "two"})).await.expect(200);
    memories.update(&memory, json!({"path": "/b/c"})).await.expect(200);
    memories
        .update(&memory, json!({"path": "/d", "content": "three", "precondition": null}))
        .await
        .expect(200);
    let after = memories.read(&memory).await;
    assert_eq!((&after["path"], &after["content"]), (&json!("/d"), &json!("three")));
    assert_eq!(after["created_at"], before["created_at"]);
    assert_eq!(after["updated_at"], "2026-11-20T09:00:09Z");
    assert_eq!(after["content_sha256"], sha("three"));
    assert_ne!(after["memory_version_id"], before["memory_version_id"]);
    assert_eq!(memories.versions().await, 4);
    assert_eq!(memories.paths("", 10).await, ["/d"]);
    for body in [json!({}), json!({"content": null}), json!({"precondition": expecting("three")})] {
        memories.update(&memory, body).await.refused(400, INVALID);
    }
}

#[tokio::test]
async fn what_is_already_so_writes_no_version_whatever_is_expected() {
    let server = Server::start().await;
    let memories = Memories::new(&server).await;
    let memory = memories.make("/a", "one").await;
    let before = memories.read(&memory).await;
    wait(&server, 9);
    for body in [
        json!({"content": "one"}),
        json!({"path": "/a"}),
        json!({"path": "/a", "content": "one", "precondition": expecting("other")}),
    ] {
        memories.update(&memory, body).await.expect(200);
    }
    assert_eq!(memories.read(&memory).await, before);
    assert_eq!(memories.versions().await, 1);
}

#[tokio::test]
async fn a_failed_expectation_changes_nothing_and_is_not_worth_a_retry() {
    let server = Server::start().await;
    let memories = Memories::new(&server).await;
    let memory = memories.make("/a", "one").await;
    let stale = |content: &str| json!({"content": content, "path": "/z", "precondition": expecting("other")});
    let refused = memories.update(&memory, stale("two")).await;
    assert_eq!(refused.header("x-should-retry"), Some("false"));
    refused.refused(409, STALE);
    let delete = async |hash: &str| {
        server.delete(&format!("{}?expected_content_sha256={hash}", memories.at(&memory))).await
    };
    let refused = delete(&sha("other")).await;
    assert_eq!(refused.header("x-should-retry"), Some("false"));
    refused.refused(409, STALE);
    for bad in ["", "x", &sha("one").to_uppercase()] {
        delete(bad).await.refused(400, INVALID);
        let precondition = json!({"type": "content_sha256", "content_sha256": bad});
        let body = json!({"content": "two", "precondition": precondition});
        memories.update(&memory, body).await.refused(400, INVALID);
    }
    assert_eq!(memories.read(&memory).await["content"], "one");
    assert_eq!(memories.versions().await, 1);

    memories.update(&memory, json!({"content": "two", "precondition": expecting("one")})).await.expect(200);
    let gone = delete(&sha("two")).await.expect(200);
    assert_eq!(gone, json!({"id": memory, "type": "memory_deleted"}));
    delete(&sha("two")).await.refused(404, "not_found_error");
    server.get(&memories.at(&memory)).await.refused(404, "not_found_error");
    memories.update(&memory, json!({"content": "x"})).await.refused(404, "not_found_error");
}

#[tokio::test]
async fn a_path_in_use_is_refused_by_the_name_of_what_is_there() {
    let server = Server::start().await;
    let memories = Memories::new(&server).await;
    let taken = memories.make("/a/b", "x").await;
    let other = memories.make("/c", "x").await;
    for path in ["/a/b", "/a", "/a/b/c", "/a/b/c/d"] {
        let created = memories.post(path, "x").await;
        let renamed = memories.update(&other, json!({"path": path})).await;
        for refused in [created, renamed] {
            assert_eq!(refused.header("x-should-retry"), Some("false"));
            assert_eq!(refused.body["error"]["conflicting_path"], "/a/b", "{path}");
            assert_eq!(refused.body["error"]["conflicting_memory_id"], taken, "{path}");
            refused.refused(409, CONFLICT);
        }
    }
    for path in ["/a/b0", "/a/c", "/ab"] {
        memories.make(path, "x").await;
    }
    // A memory is in nobody's way but its own.
    memories.update(&other, json!({"path": "/c/d"})).await.expect(200);
    memories.update(&other, json!({"path": "/c"})).await.expect(200);
    // The same elsewhere is no conflict.
    let elsewhere = Memories::new(&server).await;
    elsewhere.make("/a/b", "x").await;
    server.get(&elsewhere.at(&taken)).await.refused(404, "not_found_error");
}

#[tokio::test]
async fn what_breaks_a_rule_of_memories_is_refused_by_the_name_of_its_field() {
    let server = Server::start().await;
    let memories = Memories::new(&server).await;
    let memory = memories.make("/memory", "x").await;
    let paths =
        ["", "a", "/", "/a/", "/a//b", "/./a", "/a/../b", "/a\u{7}", "/a\u{200b}", "/a\u{2028}", "/u\u{308}"];
    let (long, deep) = (format!("/{}", "a".repeat(1_024)), "/a".repeat(21));
    for path in paths.into_iter().chain([long.as_str(), deep.as_str()]) {
        let created = memories.post(path, "x").await.refused(400, INVALID);
        let renamed = memories.update(&memory, json!({"path": path})).await.refused(400, INVALID);
        for message in [created, renamed] {
            assert!(message.starts_with("path: path "), "{path:?}: {message}");
        }
    }
    let bodies = [
        (json!({"path": "/b"}), "body: "),
        (json!({"content": "x"}), "body: "),
        (json!({"path": "/b", "content": 1}), "content: "),
        (json!({"path": "/b", "content": "x", "tags": []}), "tags: "),
        (json!({"path": "/b", "content": "é".repeat(51_201)}), "content: "),
    ];
    for (body, start) in bodies {
        let message = server.post(&memories.list, &body).await.refused(400, INVALID);
        assert!(message.starts_with(start), "{message}");
    }
    let unknown = json!({"type": "etag", "content_sha256": sha("x")});
    memories.update(&memory, json!({"content": "y", "precondition": unknown})).await.refused(400, INVALID);
    let too_much = "x".repeat(102_401);
    memories.update(&memory, json!({"content": too_much})).await.refused(400, INVALID);
    // The largest of everything, the empty, and what the SDKs' types admit.
    memories.make(&format!("{}/{}", "/d".repeat(19), "x".repeat(900)), &"x".repeat(102_400)).await;
    let null = server.post(&memories.list, &json!({"path": "/null", "content": null})).await.expect(200);
    assert_eq!((&null["content_sha256"], &null["content_size_bytes"]), (&json!(sha("")), &json!(0)));
    assert_eq!(memories.read(&memory).await["content"], "x");
}

#[tokio::test]
async fn memories_are_listed_by_the_bytes_of_their_paths() {
    let server = Server::start().await;
    let memories = Memories::new(&server).await;
    let sorted = ["/a-b", "/a.md", "/a/b/c", "/a/b0", "/a/d", "/a0", "/b", "/ü"];
    for path in sorted.iter().rev() {
        memories.make(path, "x").await;
    }
    for limit in [1, 3, 8, 100] {
        for all in ["", "depth=0", "path_prefix=/", "order_by=created_at&order=desc"] {
            assert_eq!(memories.paths(all, limit).await, sorted, "{all}");
        }
        assert_eq!(
            memories.paths("depth=1", limit).await,
            ["/a-b", "/a.md", "/a/", "/a0", "/b", "/ü"],
            "{limit}"
        );
        assert_eq!(memories.paths("path_prefix=/a/", limit).await, ["/a/b/c", "/a/b0", "/a/d"]);
        assert_eq!(memories.paths("path_prefix=/a/&depth=1", limit).await, ["/a/b/", "/a/b0", "/a/d"]);
        assert_eq!(memories.paths("path_prefix=/a/b/&depth=1", limit).await, ["/a/b/c"]);
        assert_eq!(memories.paths("path_prefix=/nothing/", limit).await, Vec::<String>::new());
    }
    let folded = server.get(&format!("{}?depth=1&limit=3", memories.list)).await.expect(200);
    assert_eq!(folded["data"][2], json!({"type": "memory_prefix", "path": "/a/"}));
    let empty = server.get(&format!("{}?path_prefix=/nothing/", memories.list)).await.expect(200);
    assert_eq!(empty, json!({"data": [], "next_page": null}));
    let elsewhere = folded["next_page"].as_str().unwrap();
    for bad in [
        "depth=2",
        "depth=x",
        "path_prefix=/a",
        "path_prefix=a/",
        "path_prefix=",
        "limit=101",
        "view=none",
        &format!("path_prefix=/b/&page={elsewhere}"),
    ] {
        server.get(&format!("{}?{bad}", memories.list)).await.refused(400, INVALID);
    }
}

#[tokio::test]
async fn a_page_of_contents_is_held_to_twenty() {
    let server = Server::start().await;
    let memories = Memories::new(&server).await;
    for i in 0..25 {
        memories.make(&format!("/{i:02}"), "x").await;
    }
    let page = async |query: &str| {
        let body = server.get(&format!("{}?{query}", memories.list)).await.expect(200);
        (body["data"].as_array().unwrap().len(), body["next_page"].is_string())
    };
    assert_eq!(page("view=full&limit=100").await, (20, true));
    assert_eq!(page("view=full&limit=5").await, (5, true));
    assert_eq!(page("limit=100").await, (25, false));
    assert_eq!(page("").await, (20, true));
    assert_eq!(memories.paths("view=full", 100).await.len(), 25);
}

#[tokio::test]
async fn a_store_holds_ten_thousand_memories_and_no_more() {
    let server = Server::start().await;
    let folder = server.folder().join("memory");
    std::fs::create_dir(&folder).unwrap();
    for i in 0..10_000 {
        std::fs::write(folder.join(format!("{i:05}")), "x").unwrap();
    }
    let full = server.local.import_folder("notes", &folder).unwrap().store;
    let memories = Memories { server: &server, list: format!("/v1/memory_stores/{full}/memories") };
    let message = memories.post("/more", "x").await.refused(400, INVALID);
    assert!(message.contains("10000"), "{message}");
    let listed = server.get(&format!("{}?limit=1", memories.list)).await.expect(200);
    let one = id(&listed["data"][0]);
    memories.update(&one, json!({"content": "y", "path": "/renamed"})).await.expect(200);
    server.delete(&memories.at(&one)).await.expect(200);
    memories.make("/more", "x").await;
    memories.post("/evenmore", "x").await.refused(400, INVALID);
}

/// One call of the property test.
#[derive(Debug, Clone)]
enum Call {
    Create {
        path: &'static str,
        content: &'static str,
    },
    Update {
        at: &'static str,
        path: Option<&'static str>,
        content: Option<&'static str>,
        expected: Option<&'static str>,
    },
    Delete {
        at: &'static str,
        expected: Option<&'static str>,
    },
}

fn calls() -> impl Strategy<Value = Call> {
    let path = || prop::sample::select(vec!["/a", "/a/b", "/a/b/c", "/a0", "/b", "/b/a"]);
    let text = || prop::sample::select(vec!["", "x", "y"]);
    prop_oneof![
        3 => (path(), text()).prop_map(|(path, content)| Call::Create { path, content }),
        3 => (path(), prop::option::of(path()), prop::option::of(text()), prop::option::of(text()))
            .prop_map(|(at, path, content, expected)| Call::Update { at, path, content, expected }),
        1 => (path(), prop::option::of(text())).prop_map(|(at, expected)| Call::Delete { at, expected }),
    ]
}

/// A store as a map from paths to ids and contents.
type Model = BTreeMap<String, (String, String)>;

/// Returns the status a call should be answered with; the new memory's id is filled in by the caller.
fn model(map: &mut Model, call: &Call) -> u16 {
    let collides = |a: &str, b: &str| {
        let is_below =
            |a: &str, b: &str| a.strip_prefix(b).is_some_and(|r| r.is_empty() || r.starts_with('/'));
        is_below(a, b) || is_below(b, a)
    };
    match *call {
        Call::Create { path, content } => {
            if map.keys().any(|other| collides(other, path)) {
                return 409;
            }
            map.insert(path.to_owned(), (String::new(), content.to_owned()));
        }
        Call::Update { at, path, content, expected } => {
            if path.is_none() && content.is_none() {
                return 400;
            }
            let Some((id, now)) = map.get(at).cloned() else { return 404 };
            let (next_path, next) = (path.unwrap_or(at), content.unwrap_or(&now));
            if next_path == at && next == now {
                return 200;
            }
            let is_blocked = map.keys().any(|other| other != at && collides(other, next_path));
            if expected.is_some_and(|expected| expected != now) || is_blocked {
                return 409;
            }
            map.remove(at);
            map.insert(next_path.to_owned(), (id, next.to_owned()));
        }
        Call::Delete { at, expected } => {
            let Some((_, now)) = map.get(at) else { return 404 };
            if expected.is_some_and(|expected| expected != now) {
                return 409;
            }
            map.remove(at);
        }
    }
    200
}

async fn perform(memories: &Memories<'_>, map: &Model, call: &Call) -> Answer {
    let at = |path: &str| memories.at(map.get(path).map_or("mem_none", |(id, _)| id));
    match *call {
        Call::Create { path, content } => memories.post(path, content).await,
        Call::Update { at: from, path, content, expected } => {
            let body = json!({"path": path, "content": content, "precondition": expected.map(expecting)});
            memories.server.post(&at(from), &body).await
        }
        Call::Delete { at: from, expected } => {
            let query =
                expected.map_or(String::new(), |text| format!("?expected_content_sha256={}", sha(text)));
            memories.server.delete(&format!("{}{query}", at(from))).await
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_store_does_what_a_map_with_expectations_does(calls in prop::collection::vec(calls(), 0..32)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::start().await;
            let memories = Memories::new(&server).await;
            let mut map = Model::new();
            for call in &calls {
                let before = map.clone();
                let expected = model(&mut map, call);
                let answer = perform(&memories, &before, call).await;
                assert_eq!(answer.status, expected, "{call:?} on {before:?}: {}", answer.text);
                if let (Call::Create { path, .. }, 200) = (call, expected) {
                    map.get_mut(*path).unwrap().0 = id(&answer.body);
                }
            }
            let held: Model = server
                .all(&format!("{}?view=full", memories.list), 3)
                .await
                .iter()
                .map(|memory| {
                    let text = |field: &str| memory[field].as_str().unwrap().to_owned();
                    assert_eq!(text("content_sha256"), sha(&text("content")));
                    (text("path"), (text("id"), text("content")))
                })
                .collect();
            assert_eq!(held, map);
        });
    }
}
