//! Stores: what is read is checked, and as of one moment, in few requests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use dreamrun::backend::http::{HttpBackend, HttpOptions};
use dreamrun::backend::{Backend, BackendError, PastMemory, Refusal};
use dreamrun::ids::MemoryStoreId;
use dreamrun::memory::{ContentHash, MemoryPath, MemoryWrite};

use crate::peer::{Asked, Peer, Reply, options};

const MEMORIES: &str = "/v1/memory_stores/memstore_1/memories";
const VERSIONS: &str = "/v1/memory_stores/memstore_1/memory_versions";

fn store() -> MemoryStoreId {
    "memstore_1".parse().unwrap()
}

fn path(text: &str) -> MemoryPath {
    MemoryPath::parse(text).unwrap()
}

/// A store as the API tells it, small enough to be right at sight.
#[derive(Default)]
struct Fake {
    /// Path to id and text.
    memories: BTreeMap<String, (String, String)>,
    /// Id, memory, operation, path and text, oldest first.
    versions: Vec<(String, String, &'static str, String, String)>,
}

impl Fake {
    fn with(count: usize) -> Arc<Mutex<Self>> {
        let mut fake = Self::default();
        for n in 0..count {
            fake.put(&format!("/m/{n:05}.md"), &format!("text {n}"));
        }
        Arc::new(Mutex::new(fake))
    }

    fn put(&mut self, path: &str, text: &str) {
        let fresh = format!("mem_{path}").replace('/', "-");
        let (operation, id) = match self.memories.get(path) {
            Some((id, _)) => ("modified", id.clone()),
            None => ("created", fresh),
        };
        let version = format!("memver_{:06}", self.versions.len());
        self.versions.push((version, id.clone(), operation, path.to_owned(), text.to_owned()));
        self.memories.insert(path.to_owned(), (id, text.to_owned()));
    }

    fn rename(&mut self, from: &str, to: &str) {
        let (id, text) = self.memories.remove(from).unwrap();
        let version = format!("memver_{:06}", self.versions.len());
        self.versions.push((version, id.clone(), "modified", to.to_owned(), text.clone()));
        self.memories.insert(to.to_owned(), (id, text));
    }

    fn memory(&self, path: &str, is_full: bool) -> serde_json::Value {
        let (id, text) = &self.memories[path];
        let version = self.versions.iter().rev().find(|version| &version.1 == id).unwrap();
        serde_json::json!({
            "id": id, "type": "memory", "memory_store_id": "memstore_1", "path": path,
            "content": is_full.then_some(text), "content_sha256": ContentHash::of(text).to_string(),
            "content_size_bytes": text.len(), "memory_version_id": version.0,
            "created_at": "2026-11-22T10:00:00Z", "updated_at": "2026-11-22T10:00:00Z",
        })
    }

    fn version(
        &self,
        (id, memory, operation, path, text): &(String, String, &str, String, String),
        is_full: bool,
    ) -> serde_json::Value {
        let is_there = *operation != "deleted";
        serde_json::json!({
            "id": id, "type": "memory_version", "memory_id": memory, "path": path,
            "memory_store_id": "memstore_1", "operation": operation,
            "content": (is_full && is_there).then_some(text),
            "content_sha256": is_there.then(|| ContentHash::of(text).to_string()),
            "content_size_bytes": is_there.then_some(text.len()), "created_at": "2026-11-22T10:00:00Z",
        })
    }

    fn reply(&mut self, asked: &Asked) -> Reply {
        let value = |name: &str| {
            let query = asked.target.split_once('?').map_or("", |(_, query)| query);
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
        };
        let limit: usize = value("limit").map_or(20, |limit| limit.parse().unwrap());
        let start: usize = value("page").map_or(0, |page| page.parse().unwrap());
        let is_full = value("view").as_deref() == Some("full");
        let page = |all: Vec<serde_json::Value>| {
            let next = (start + limit < all.len()).then(|| (start + limit).to_string());
            let data: Vec<_> = all.into_iter().skip(start).take(limit).collect();
            Reply::json(serde_json::json!({ "data": data, "next_page": next }))
        };
        match (asked.method.as_str(), asked.path()) {
            ("GET", MEMORIES) => {
                assert!(limit <= if is_full { 20 } else { 100 });
                page(self.memories.keys().map(|path| self.memory(path, is_full)).collect())
            }
            ("GET", VERSIONS) => {
                let (of, doing) = (value("memory_id"), value("operation"));
                let wanted = self.versions.iter().rev().filter(|(_, memory, operation, ..)| {
                    of.as_ref().is_none_or(|of| of == memory)
                        && doing.as_ref().is_none_or(|doing| doing == operation)
                });
                page(wanted.map(|version| self.version(version, is_full)).collect())
            }
            ("GET", one) if one.starts_with(VERSIONS) => {
                let id = one.rsplit('/').next().unwrap();
                let version = self.versions.iter().find(|version| version.0 == id).unwrap();
                Reply::json(self.version(version, true))
            }
            ("GET", one) => {
                let id = one.rsplit('/').next().unwrap();
                match self.memories.iter().find(|(_, (known, _))| known == id) {
                    Some((path, _)) => Reply::json(self.memory(path, is_full)),
                    None => Reply::error(404, "not_found_error", "no such memory"),
                }
            }
            ("POST", MEMORIES) => {
                let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
                let at = body["path"].as_str().unwrap();
                if self.memories.contains_key(at) {
                    return Reply::error(409, "memory_path_conflict_error", "taken");
                }
                self.put(at, body["content"].as_str().unwrap());
                Reply::json(self.memory(at, false))
            }
            ("POST", one) => {
                let id = one.rsplit('/').next().unwrap();
                let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
                let found = self.memories.iter().find(|(_, (known, _))| known == id);
                let Some((at, (_, text))) = found.map(|(at, held)| (at.clone(), held.clone())) else {
                    return Reply::error(404, "not_found_error", "no such memory");
                };
                let new = body["content"].as_str().unwrap();
                let expected = body["precondition"]["content_sha256"].as_str().unwrap();
                if text != new && ContentHash::of(&text).to_string() != expected {
                    return Reply::error(409, "memory_precondition_failed_error", "");
                }
                self.put(&at, new);
                Reply::json(self.memory(&at, false))
            }
            ("DELETE", one) => {
                let id = one.rsplit('/').next().unwrap();
                let found = self.memories.iter().find(|(_, (known, _))| known == id);
                let Some((at, (id, text))) = found.map(|(at, held)| (at.clone(), held.clone())) else {
                    return Reply::error(404, "not_found_error", "no such memory");
                };
                if value("expected_content_sha256").unwrap() != ContentHash::of(&text).to_string() {
                    return Reply::error(409, "memory_precondition_failed_error", "");
                }
                self.memories.remove(&at);
                let version = format!("memver_{:06}", self.versions.len());
                self.versions.push((version, id.clone(), "deleted", at, text));
                Reply::json(serde_json::json!({ "id": id, "type": "memory_deleted" }))
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn peer_of(fake: &Arc<Mutex<Fake>>) -> Peer {
    let fake = Arc::clone(fake);
    Peer::start(move |asked, _| fake.lock().unwrap().reply(asked)).await
}

fn one(path: &str, content: &str, hash: &str) -> Reply {
    Reply::json(serde_json::json!({ "data": [{
        "id": "mem_1", "memory_store_id": "memstore_1", "path": path, "content": content,
        "content_sha256": hash, "content_size_bytes": content.len(), "memory_version_id": "memver_1",
        "created_at": "2026-11-22T10:00:00Z", "updated_at": "2026-11-22T10:00:00Z", "new_field": {},
    }], "next_page": null }))
}

#[tokio::test]
async fn a_text_that_is_not_what_its_hash_says_is_refused() {
    let peer = Peer::start(|_, _| one("/a.md", "text", &ContentHash::of("other").to_string())).await;
    let error = peer.backend().snapshot(&store()).await.unwrap_err().to_string();
    assert!(error.contains("`/a.md`") && error.contains("memstore_1"), "{error}");
    let short = Peer::start(|_, _| one("/a.md", "text", "abc")).await;
    assert!(short.backend().snapshot(&store()).await.is_err());
}

#[tokio::test]
async fn a_path_that_could_hurt_is_refused_and_its_store_named() {
    let long = format!("/{}", "a".repeat(1_024));
    for bad in ["../etc/passwd", "/a/../b", "/a\u{1b}[31mred", "/a\u{202e}b", "", "/", &long] {
        let bad = bad.to_owned();
        let text = ContentHash::of("text").to_string();
        let peer = Peer::start({
            let bad = bad.clone();
            move |_, _| one(&bad, "text", &text)
        })
        .await;
        for result in [
            peer.backend().snapshot(&store()).await.map(|_| ()),
            peer.backend().index(&store()).await.map(|_| ()),
            peer.backend().write(&store(), &[put("/x", "y", None)]).await,
        ] {
            let error = result.unwrap_err().to_string();
            assert!(error.contains("store `memstore_1` holds a memory at"), "{bad:?}: {error}");
            assert!(!error.contains(['\u{1b}', '\u{202e}']) && error.len() < 600, "{error:?}");
        }
        assert!(peer.asked().iter().all(|asked| asked.method == "GET"), "nothing half done");
    }
}

#[tokio::test]
async fn a_small_store_takes_one_request_each_time() {
    let fake = Fake::with(20);
    let peer = peer_of(&fake).await;
    let backend = peer.backend();
    assert_eq!(backend.snapshot(&store()).await.unwrap().len(), 20);
    assert_eq!(peer.asked().len(), 1);
    fake.lock().unwrap().put("/m/00003.md", "changed");
    let again = backend.snapshot(&store()).await.unwrap();
    assert_eq!(&*again.get(&path("/m/00003.md")).unwrap().content, "changed");
    assert_eq!(peer.asked().len(), 3, "a page, and the one new text");
}

#[tokio::test]
async fn what_was_read_before_is_not_read_again() {
    let fake = Fake::with(450);
    let peer = peer_of(&fake).await;
    let backend = peer.backend();
    let first = backend.snapshot(&store()).await.unwrap();
    assert_eq!(first.len(), 450);
    // Full pages, the first of them once more after the newest version was asked for, and that again.
    assert_eq!(peer.asked().len(), 23 + 1 + 2);

    let before = peer.asked().len();
    assert_eq!(backend.snapshot(&store()).await.unwrap(), first);
    assert_eq!(backend.index(&store()).await.unwrap(), first.index());
    assert_eq!(peer.asked().len() - before, 2, "each asks whether there is a newer version");

    for n in 0..7 {
        fake.lock().unwrap().put(&format!("/m/{n:05}.md"), "changed");
    }
    let before = peer.asked().len();
    let now = backend.snapshot(&store()).await.unwrap();
    assert_eq!(now.iter().filter(|memory| &*memory.content == "changed").count(), 7);
    // The newest version before and after five basic pages, and one text, which seven memories share.
    assert_eq!(peer.asked().len() - before, 2 + 5 + 1);
}

#[tokio::test]
async fn a_store_with_more_text_than_is_kept_is_read_once_and_whole() {
    let fake = Fake::with(120);
    let peer = peer_of(&fake).await;
    let backend = HttpBackend::new(HttpOptions { kept_bytes: 50, ..options(&peer.url()) }).unwrap();
    for _ in 0..2 {
        let before = peer.asked().len();
        assert_eq!(backend.snapshot(&store()).await.unwrap().len(), 120);
        // What is kept of the time before is too little to go by: full pages, begun anew.
        assert!(peer.asked().len() - before <= 1 + 6 + 1 + 2, "{}", peer.asked().len() - before);
    }
}

#[tokio::test]
async fn a_text_that_never_was_a_version_does_not_cost_the_whole_history() {
    let fake = Fake::with(2);
    for n in 0..3_000 {
        fake.lock().unwrap().put("/m/00001.md", &n.to_string());
    }
    let peer = peer_of(&fake).await;
    let wanted =
        |text: &str| PastMemory { path: path("/m/00001.md"), hash: ContentHash::of(text), version: None };
    let found =
        peer.backend().contents(&store(), &[wanted("nobody wrote this"), wanted("2500")]).await.unwrap();
    assert_eq!(found.iter().map(|memory| &*memory.content).collect::<Vec<_>>(), ["2500"]);
    assert_eq!(peer.asked().len(), 20 + 1, "the newest pages of versions, and a text");
}

#[tokio::test]
async fn a_large_store_takes_hardly_more_requests_than_the_api_allows() {
    let fake = Fake::with(2_000);
    let peer = peer_of(&fake).await;
    let backend = peer.backend();
    let asked = async |fewest: usize| {
        let before = peer.asked().len();
        assert_eq!(backend.snapshot(&store()).await.unwrap().len(), 2_000);
        let asked = peer.asked().len() - before;
        assert!(asked * 10 <= fewest * 11, "{asked} requests, where {fewest} would do");
    };
    // Pages of twenty with text: no other way is shorter when nothing was read before.
    asked(100).await;
    for n in 0..50 {
        fake.lock().unwrap().put(&format!("/m/{n:05}.md"), &format!("changed {n}"));
    }
    // Pages of a hundred without text, and the fifty new texts.
    asked(70).await;
}

#[tokio::test]
async fn a_store_that_changes_while_it_is_read_is_read_again_until_it_does_not() {
    let fake = Fake::with(250);
    let shared = Arc::clone(&fake);
    let peer = Peer::start(move |asked, n| {
        let mut fake = shared.lock().unwrap();
        let reply = fake.reply(asked);
        if n == 3 {
            fake.put("/m/00000.md", "behind your back");
        }
        reply
    })
    .await;
    let index = peer.backend().index(&store()).await.unwrap();
    assert_eq!(index.entries[&path("/m/00000.md")].hash, ContentHash::of("behind your back"));

    let restless = Fake::with(250);
    let peer = Peer::start(move |asked, n| {
        let mut fake = restless.lock().unwrap();
        let names = ["/m/00000.md", "/moved.md"];
        fake.rename(names[n % 2], names[(n + 1) % 2]);
        fake.reply(asked)
    })
    .await;
    let error = peer.backend().index(&store()).await.unwrap_err();
    assert!(matches!(error, BackendError::Refused { kind: Refusal::Conflict, .. }), "{error}");
    assert!(error.to_string().contains("write faster"), "{error}");
}

#[tokio::test]
async fn a_store_that_is_written_to_all_the_time_is_read_as_of_one_moment() {
    let restless = Fake::with(250);
    let peer = Peer::start(move |asked, n| {
        let mut fake = restless.lock().unwrap();
        // Always one before the other.
        fake.put("/m/00000.md", &format!("round {n}"));
        fake.put("/m/00249.md", &format!("round {n}"));
        fake.put(&format!("/n/{n:05}.md"), "one more");
        fake.reply(asked)
    })
    .await;
    let read = peer.backend().snapshot(&store()).await.unwrap();
    let text = |at: &str| read.get(&path(at)).unwrap().content.to_string();
    assert_eq!(text("/m/00000.md"), text("/m/00249.md"));
    let round: usize = text("/m/00000.md").strip_prefix("round ").unwrap().parse().unwrap();
    let last = read.get(&path(&format!("/n/{round:05}.md")));
    assert!(last.is_some() && read.get(&path(&format!("/n/{:05}.md", round + 1))).is_none());
    let new = read.iter().filter(|memory| memory.path.as_str().starts_with("/n/")).count();
    assert_eq!(read.len(), 250 + new);
    assert_eq!(text("/m/00100.md"), "text 100");
}

fn put(at: &str, content: &str, expected: Option<&str>) -> MemoryWrite {
    MemoryWrite::Put { path: path(at), content: content.into(), expected: expected.map(ContentHash::of) }
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_done_once() {
    let fake = Fake::with(3);
    let shared = Arc::clone(&fake);
    let posts = Mutex::new(0);
    let peer = Peer::start(move |asked, _| {
        let reply = shared.lock().unwrap().reply(asked);
        // Every first answer to a write is lost, after the write took effect.
        let mut posts = posts.lock().unwrap();
        *posts += usize::from(asked.method == "POST");
        if asked.method == "POST" && *posts % 2 == 1 { Reply::hang_up() } else { reply }
    })
    .await;
    let writes = [put("/new", "new", None), put("/m/00001.md", "changed", Some("text 1"))];
    peer.backend().write(&store(), &writes[..1]).await.unwrap();
    peer.backend().write(&store(), &writes[1..]).await.unwrap();
    let fake = fake.lock().unwrap();
    assert_eq!(
        (fake.memories["/new"].1.as_str(), fake.memories["/m/00001.md"].1.as_str()),
        ("new", "changed")
    );
}

#[tokio::test]
async fn a_write_over_what_somebody_else_wrote_meanwhile_is_a_conflict() {
    let fake = Fake::with(3);
    let shared = Arc::clone(&fake);
    let peer = Peer::start(move |asked, n| {
        let mut fake = shared.lock().unwrap();
        if n == 1 {
            fake.put("/m/00001.md", "theirs");
            fake.put("/new", "theirs");
        }
        fake.reply(asked)
    })
    .await;
    for write in [put("/m/00001.md", "mine", Some("text 1")), put("/new", "mine", None)] {
        let error = peer.backend().write(&store(), &[write]).await.unwrap_err();
        assert!(matches!(error, BackendError::Refused { kind: Refusal::Conflict, .. }), "{error}");
    }
    assert_eq!(fake.lock().unwrap().memories["/m/00001.md"].1, "theirs");
}

fn delete(at: &str, expected: &str) -> MemoryWrite {
    MemoryWrite::Delete { path: path(at), expected: ContentHash::of(expected) }
}

/// A store whose second memory is renamed once: before or behind the first request of a kind.
async fn renamed_at(fake: &Arc<Mutex<Fake>>, method: &'static str, is_before: bool) -> Peer {
    let (shared, is_done) = (Arc::clone(fake), Mutex::new(false));
    Peer::start(move |asked, _| {
        let mut fake = shared.lock().unwrap();
        let is_one = asked.path().starts_with(MEMORIES) && asked.path() != MEMORIES;
        let is_now =
            asked.method == method && is_one && !std::mem::replace(&mut *is_done.lock().unwrap(), true);
        if is_now && is_before {
            fake.rename("/m/00001.md", "/kept.md");
        }
        let reply = fake.reply(asked);
        if is_now && !is_before {
            fake.rename("/m/00001.md", "/kept.md");
        }
        reply
    })
    .await
}

#[tokio::test]
async fn a_memory_that_was_renamed_meanwhile_keeps_its_text_under_its_new_name() {
    // Renamed before the look right before the write, and between that look and the write.
    for (method, is_before) in [("GET", true), ("GET", false)] {
        for write in [put("/m/00001.md", "mine", Some("text 1")), delete("/m/00001.md", "text 1")] {
            let fake = Fake::with(3);
            let peer = renamed_at(&fake, method, is_before).await;
            let written = peer.backend().write(&store(), std::slice::from_ref(&write)).await;
            match write {
                MemoryWrite::Put { .. } => {
                    let error = written.unwrap_err();
                    assert!(
                        matches!(error, BackendError::Refused { kind: Refusal::Conflict, .. }),
                        "{error}"
                    );
                }
                // What was to be gone from there is.
                MemoryWrite::Delete { .. } => written.unwrap(),
            }
            let fake = fake.lock().unwrap();
            assert_eq!(fake.memories["/kept.md"].1, "text 1", "{write:?}, is_before: {is_before}");
            assert!(!fake.memories.contains_key("/m/00001.md"));
            assert_eq!(fake.memories.len(), 3);
        }
    }
}

#[tokio::test]
async fn what_a_write_costs_is_a_look_for_each_change_and_one_for_all_deletes() {
    let fake = Fake::with(30);
    let peer = peer_of(&fake).await;
    let writes: Vec<_> = (0..10)
        .map(|n| (format!("/m/{n:05}.md"), format!("text {n}")))
        .map(
            |(at, text)| {
                if at.as_str() < "/m/00005.md" { put(&at, "new", Some(&text)) } else { delete(&at, &text) }
            },
        )
        .collect();
    peer.backend().write(&store(), &writes).await.unwrap();
    assert_eq!(fake.lock().unwrap().memories.len(), 25);
    assert_eq!(peer.asked().len(), 1 + 10 + 10 + 1, "a listing, looks and writes, and the newest versions");
}

#[tokio::test]
async fn a_past_text_that_was_read_before_costs_nothing_when_its_version_is_known() {
    let fake = Fake::with(3);
    let peer = peer_of(&fake).await;
    let backend = peer.backend();
    let snapshot = backend.snapshot(&store()).await.unwrap();
    let before = peer.asked().len();
    let wanted: Vec<PastMemory> = snapshot
        .iter()
        .map(|memory| PastMemory {
            path: memory.path.clone(),
            hash: memory.hash,
            version: memory.version.clone(),
        })
        .collect();
    assert_eq!(backend.contents(&store(), &wanted).await.unwrap().len(), 3);
    assert_eq!(peer.asked().len(), before);
}
